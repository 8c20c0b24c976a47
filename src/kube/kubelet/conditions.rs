//! The pod conditions that the kubelet sets, with their exact reasons and messages.
//!
//! Models kubernetes `pkg/kubelet/status/generate.go`. Left out: `PodScheduled` other than true
//! (the scheduler's), resize conditions (see `resize.rs`).

use k8s_openapi::api::core::v1 as core;

use super::phase::{FAILED, SUCCEEDED, status_of};
use super::restart::is_sidecar;

/// One condition before it gets its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Type.
    pub kind: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// Reason, empty for none.
    pub reason: &'static str,
    /// Message, empty for none.
    pub message: String,
}

impl Draft {
    /// A condition that holds.
    pub fn yes(kind: &'static str, reason: &'static str) -> Self {
        Self { kind, holds: true, reason, message: String::new() }
    }

    fn no(kind: &'static str, reason: &'static str, message: String) -> Self {
        Self { kind, holds: false, reason, message }
    }
}

/// `PodReadyToStartContainers`: the sandbox exists and has a network.
#[must_use]
pub fn ready_to_start(sandbox_ready: bool) -> Draft {
    let kind = "PodReadyToStartContainers";
    if sandbox_ready { Draft::yes(kind, "") } else { Draft::no(kind, "", String::new()) }
}

/// `PodScheduled`: a pod that the kubelet sees has a node.
#[must_use]
pub fn scheduled() -> Draft {
    Draft::yes("PodScheduled", "")
}

/// `Initialized`.
#[must_use]
pub fn initialized(
    pod: &core::PodSpec,
    init_statuses: &[core::ContainerStatus],
    phase: &str,
    app_started: bool,
) -> Draft {
    const KIND: &str = "Initialized";
    let (mut unknown, mut unready) = (Vec::new(), Vec::new());
    for container in pod.init_containers.iter().flatten() {
        match status_of(init_statuses, &container.name) {
            None => unknown.push(container.name.as_str()),
            Some(status) if is_sidecar(container) => {
                if !status.started.unwrap_or(false) {
                    unready.push(container.name.as_str());
                }
            }
            Some(status) if !status.ready => unready.push(container.name.as_str()),
            Some(_) => {}
        }
    }
    if phase == SUCCEEDED && unknown.is_empty() {
        return Draft::yes(KIND, "PodCompleted");
    }
    // Once an app container ran, the pod stays initialised.
    if app_started || unknown.is_empty() && unready.is_empty() {
        return Draft::yes(KIND, "");
    }
    Draft::no(KIND, "ContainersNotInitialized", listing(&unknown, "incomplete", &unready))
}

/// `ContainersReady`.
#[must_use]
pub fn containers_ready(
    pod: &core::PodSpec,
    init_statuses: &[core::ContainerStatus],
    statuses: &[core::ContainerStatus],
    phase: &str,
) -> Draft {
    const KIND: &str = "ContainersReady";
    let (mut unknown, mut unready) = (Vec::new(), Vec::new());
    let sidecars = pod.init_containers.iter().flatten().filter(|c| is_sidecar(c));
    let sidecars = sidecars.map(|c| (c, status_of(init_statuses, &c.name)));
    let apps = pod.containers.iter().map(|c| (c, status_of(statuses, &c.name)));
    for (container, status) in sidecars.chain(apps) {
        match status {
            None => unknown.push(container.name.as_str()),
            Some(status) if !status.ready => unready.push(container.name.as_str()),
            Some(_) => {}
        }
    }
    if unknown.is_empty() && phase == SUCCEEDED {
        return Draft::no(KIND, "PodCompleted", String::new());
    }
    if unknown.is_empty() && phase == FAILED {
        return Draft::no(KIND, "PodFailed", String::new());
    }
    if unknown.is_empty() && unready.is_empty() {
        return Draft::yes(KIND, "");
    }
    Draft::no(KIND, "ContainersNotReady", listing(&unknown, "unready", &unready))
}

/// `Ready`: `ContainersReady` and every readiness gate.
#[must_use]
pub fn ready(
    pod: &core::PodSpec,
    present: &[core::PodCondition],
    containers_ready: &Draft,
) -> Draft {
    if !containers_ready.holds {
        return Draft { kind: "Ready", ..containers_ready.clone() };
    }
    let mut unready = Vec::new();
    for gate in pod.readiness_gates.iter().flatten() {
        let kind = &gate.condition_type;
        match present.iter().find(|c| &c.type_ == kind) {
            None => unready.push(format!(
                "corresponding condition of pod readiness gate \"{kind}\" does not exist."
            )),
            Some(c) if c.status != "True" => unready.push(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                c.status
            )),
            Some(_) => {}
        }
    }
    if unready.is_empty() {
        Draft::yes("Ready", "")
    } else {
        Draft::no("Ready", "ReadinessGatesNotReady", unready.join(", "))
    }
}

/// `containers with unknown status: [a], containers with unready status: [b c]`.
fn listing(unknown: &[&str], word: &str, unready: &[&str]) -> String {
    let mut parts = Vec::new();
    if !unknown.is_empty() {
        parts.push(format!("containers with unknown status: [{}]", unknown.join(" ")));
    }
    if !unready.is_empty() {
        parts.push(format!("containers with {word} status: [{}]", unready.join(" ")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> core::PodSpec {
        let container =
            |name: &str| core::Container { name: name.to_owned(), ..Default::default() };
        core::PodSpec {
            init_containers: Some(vec![container("setup")]),
            containers: vec![container("web"), container("log")],
            ..Default::default()
        }
    }

    fn status(name: &str, ready: bool) -> core::ContainerStatus {
        core::ContainerStatus { name: name.to_owned(), ready, ..Default::default() }
    }

    #[test]
    fn texts() {
        let pod = pod();
        let init = [status("setup", false)];
        let apps = [status("web", true), status("log", false)];
        let c = containers_ready(&pod, &init, &apps, "Running");
        assert_eq!(c.message, "containers with unready status: [log]");
        assert_eq!(ready(&pod, &[], &c).reason, "ContainersNotReady");
        let i = initialized(&pod, &init, "Pending", false);
        assert_eq!(i.message, "containers with incomplete status: [setup]");
        assert!(initialized(&pod, &init, "Running", true).holds);
        assert_eq!(containers_ready(&pod, &init, &apps, "Failed").reason, "PodFailed");
        let missing = containers_ready(&pod, &init, &apps[..1], "Running");
        assert_eq!(missing.message, "containers with unknown status: [log]");
    }
}
