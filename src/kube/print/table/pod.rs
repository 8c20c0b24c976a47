//! The row of a pod: the status that `kubectl get pods` shows is computed, not stored.
//!
//! Follows `printPod` (handbook kubelet-network §10).

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::Row;
use crate::kube::print::describe::age;

/// What the STATUS, READY and RESTARTS columns tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// `Running`, `CrashLoopBackOff`, `Init:0/2`, `Terminating`, …
    pub status: String,
    /// Ready containers.
    pub ready: usize,
    /// All containers that count.
    pub total: usize,
    /// Restarts.
    pub restarts: i32,
    /// End of the run before the last restart.
    pub last_restart: Option<Time>,
}

/// Cells of a pod.
pub(super) fn row(pod: &Pod, of: Row) -> Vec<String> {
    let summary = summary(pod);
    let restarts = match &summary.last_restart {
        Some(at) if summary.restarts > 0 => {
            format!("{} ({} ago)", summary.restarts, age(Some(at), of.now))
        }
        _ => summary.restarts.to_string(),
    };
    let ready = format!("{}/{}", summary.ready, summary.total);
    let mut cells = vec![of.name, ready, summary.status, restarts, of.age];
    if of.wide {
        let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
        let or = |text: Option<&String>| match text.map_or("", String::as_str) {
            "" => "<none>".to_owned(),
            text => text.to_owned(),
        };
        cells.push(or(status.and_then(|s| s.pod_ip.as_ref())));
        cells.push(or(spec.and_then(|s| s.node_name.as_ref())));
        cells.push(or(status.and_then(|s| s.nominated_node_name.as_ref())));
        cells.push(gates(pod));
    }
    cells
}

fn gates(pod: &Pod) -> String {
    let gates = pod.spec.as_ref().and_then(|s| s.readiness_gates.as_deref()).unwrap_or(&[]);
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let holds = |kind: &str| condition(pod, kind).is_some_and(|status| status == "True");
    let open = gates.iter().filter(|g| holds(&g.condition_type)).count();
    format!("{open}/{}", gates.len())
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a str> {
    let list = pod.status.as_ref()?.conditions.as_ref()?;
    list.iter().find(|c| c.type_ == kind).map(|c| c.status.as_str())
}

/// The computed columns of a pod.
#[must_use]
pub fn summary(pod: &Pod) -> Summary {
    let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else { return Summary::default() };
    let inits = spec.init_containers.as_deref().unwrap_or(&[]);
    let sidecar = |name: &str| {
        inits.iter().any(|c| c.name == name && c.restart_policy.as_deref() == Some("Always"))
    };
    let sidecars = inits.iter().filter(|c| c.restart_policy.as_deref() == Some("Always")).count();
    let mut out = Summary {
        status: status
            .reason
            .clone()
            .filter(|r| !r.is_empty())
            .unwrap_or_else(|| status.phase.clone().unwrap_or_default()),
        total: spec.containers.len() + sidecars,
        ..Summary::default()
    };
    let scheduled = status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled");
    if scheduled.is_some_and(|c| c.reason.as_deref() == Some("SchedulingGated")) {
        "SchedulingGated".clone_into(&mut out.status);
    }
    let (mut sidecar_restarts, mut sidecar_last) = (0, None);
    let mut initializing = false;
    for (index, init) in status.init_container_statuses.iter().flatten().enumerate() {
        out.restarts += init.restart_count;
        latest(&mut out.last_restart, init);
        if sidecar(&init.name) {
            sidecar_restarts += init.restart_count;
            latest(&mut sidecar_last, init);
        }
        match init_status(init, sidecar(&init.name), &mut out.ready) {
            Init::Done => {}
            Init::Says(text) => {
                out.status = format!("Init:{text}");
                initializing = true;
            }
            Init::Runs => {
                out.status = format!("Init:{index}/{}", inits.len());
                initializing = true;
            }
        }
        if initializing {
            break;
        }
    }
    if !initializing || condition(pod, "Initialized") == Some("True") {
        out.restarts = sidecar_restarts;
        out.last_restart = sidecar_last;
        main_containers(pod, &mut out);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        let phase = status.phase.as_deref().unwrap_or("");
        if status.reason.as_deref() == Some("NodeLost") {
            "Unknown".clone_into(&mut out.status);
        } else if phase != "Succeeded" && phase != "Failed" {
            "Terminating".clone_into(&mut out.status);
        }
    }
    out
}

/// What an init container means for its pod.
enum Init {
    /// The next one counts.
    Done,
    /// This is the status.
    Says(String),
    /// It is at work.
    Runs,
}

fn init_status(init: &ContainerStatus, sidecar: bool, ready: &mut usize) -> Init {
    let state = init.state.clone().unwrap_or_default();
    if let Some(ended) = &state.terminated {
        return match ended.reason.as_deref().filter(|r| !r.is_empty()) {
            _ if ended.exit_code == 0 => Init::Done,
            Some(reason) => Init::Says(reason.to_owned()),
            None => match ended.signal.filter(|s| *s != 0) {
                Some(signal) => Init::Says(format!("Signal:{signal}")),
                None => Init::Says(format!("ExitCode:{}", ended.exit_code)),
            },
        };
    }
    if sidecar && init.started == Some(true) {
        *ready += usize::from(init.ready);
        return Init::Done;
    }
    match state.waiting.and_then(|w| w.reason).filter(|r| !r.is_empty()) {
        Some(reason) if reason != "PodInitializing" => Init::Says(reason),
        _ => Init::Runs,
    }
}

/// From the last container to the first, so that the first one's word counts.
fn main_containers(pod: &Pod, out: &mut Summary) {
    let mut running = false;
    let mut error = None;
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    for container in statuses.rev() {
        out.restarts += container.restart_count;
        latest(&mut out.last_restart, container);
        let state = container.state.clone().unwrap_or_default();
        let waits = state.waiting.and_then(|w| w.reason).filter(|r| !r.is_empty());
        if let Some(reason) = waits {
            out.status = reason;
        } else if let Some(ended) = state.terminated {
            out.status = match ended.reason.filter(|r| !r.is_empty()) {
                Some(reason) => reason,
                None => match ended.signal.filter(|s| *s != 0) {
                    Some(signal) => format!("Signal:{signal}"),
                    None => format!("ExitCode:{}", ended.exit_code),
                },
            };
            if ended.exit_code != 0 {
                error = Some(out.status.clone());
            }
        } else if container.ready && state.running.is_some() {
            running = true;
            out.ready += 1;
        }
    }
    if out.status == "Completed" {
        if running && condition(pod, "Ready") == Some("True") {
            "Running".clone_into(&mut out.status);
        } else if let Some(error) = error {
            out.status = error;
        } else if running {
            "NotReady".clone_into(&mut out.status);
        }
    }
}

fn latest(best: &mut Option<Time>, container: &ContainerStatus) {
    let ended = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    if let Some(at) = ended.and_then(|e| e.finished_at.clone())
        && best.as_ref().is_none_or(|b| b.0 < at.0)
    {
        *best = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status_of(spec: Value, status: Value) -> (String, String) {
        let value = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": status});
        let pod: Pod = serde_json::from_value(value).unwrap();
        let s = summary(&pod);
        (s.status, format!("{}/{} {}", s.ready, s.total, s.restarts))
    }

    #[test]
    fn statuses() {
        let two = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let container = |name: &str, ready: bool, state: Value| {
            json!({"name": name, "image": "", "imageID": "", "ready": ready, "restartCount": 1,
                   "state": state})
        };
        let running = json!({"running": {}});
        let crash = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        let failed = json!({"terminated": {"exitCode": 3}});
        for (a, b, status, cells) in [
            ((true, running.clone()), (true, running.clone()), "Running", "2/2 2"),
            ((true, running.clone()), (false, crash.clone()), "CrashLoopBackOff", "1/2 2"),
            ((false, done.clone()), (true, running), "NotReady", "1/2 2"),
            ((false, done), (false, failed.clone()), "ExitCode:3", "0/2 2"),
            ((false, crash), (false, failed), "CrashLoopBackOff", "0/2 2"),
        ] {
            let list = [container("a", a.0, a.1), container("b", b.0, b.1)];
            let shown =
                status_of(two.clone(), json!({"phase": "Running", "containerStatuses": list}));
            assert_eq!(shown, (status.to_owned(), cells.to_owned()));
        }
        let init = json!({"initContainers": [{"name": "i"}, {"name": "j"}],
            "containers": [{"name": "a"}]});
        let waiting = container("i", false, json!({"running": {}}));
        let shown =
            status_of(init, json!({"phase": "Pending", "initContainerStatuses": [waiting]}));
        assert_eq!(shown.0, "Init:0/2");
    }
}
