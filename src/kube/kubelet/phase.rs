//! A pod's phase from the states of its containers.
//!
//! Models kubernetes `pkg/kubelet/kubelet_pods.go` getPhase. Left out: the phase of static pods.

use k8s_openapi::api::core::v1 as core;

use super::restart::{RestartPolicy, is_sidecar};

/// `Pending`.
pub const PENDING: &str = "Pending";
/// `Running`.
pub const RUNNING: &str = "Running";
/// `Succeeded`.
pub const SUCCEEDED: &str = "Succeeded";
/// `Failed`.
pub const FAILED: &str = "Failed";

/// Whether a phase is final.
#[must_use]
pub fn is_terminal(phase: Option<&str>) -> bool {
    matches!(phase, Some(SUCCEEDED | FAILED))
}

/// The status of a container by name.
pub(crate) fn status_of<'a>(
    statuses: &'a [core::ContainerStatus],
    name: &str,
) -> Option<&'a core::ContainerStatus> {
    statuses.iter().find(|s| s.name == name)
}

/// Exit code of a terminated state.
fn exit_code(state: Option<&core::ContainerState>) -> Option<i32> {
    state.and_then(|s| s.terminated.as_ref()).map(|t| t.exit_code)
}

#[derive(Default)]
struct Counts {
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    succeeded: u32,
}

impl Counts {
    /// Count one container whose waiting state counts as stopped when it ended before.
    fn add(&mut self, status: Option<&core::ContainerStatus>) {
        let Some(status) = status else {
            self.unknown += 1;
            return;
        };
        let Some(state) = &status.state else {
            self.unknown += 1;
            return;
        };
        if state.running.is_some() {
            self.running += 1;
        } else if let Some(terminated) = &state.terminated {
            self.stopped += 1;
            self.succeeded += u32::from(terminated.exit_code == 0);
        } else if state.waiting.is_some() {
            if exit_code(status.last_state.as_ref()).is_some() {
                self.stopped += 1;
            } else {
                self.waiting += 1;
            }
        } else {
            self.unknown += 1;
        }
    }
}

/// How far the init containers are.
struct Init {
    pending: bool,
    failed: bool,
}

fn init_progress(
    pod: &core::PodSpec,
    statuses: &[core::ContainerStatus],
    initialised: bool,
) -> Init {
    let mut init = Init { pending: false, failed: false };
    for container in pod.init_containers.iter().flatten() {
        let status = status_of(statuses, &container.name);
        let state = status.and_then(|s| s.state.as_ref());
        if is_sidecar(container) {
            // Once the pod ran, a sidecar that is down does not take it back to Pending.
            let started = status.and_then(|s| s.started).unwrap_or(false);
            let stopped_before = exit_code(status.and_then(|s| s.last_state.as_ref())).is_some();
            let running = state.is_some_and(|s| s.running.is_some());
            let ended = exit_code(state).is_some();
            if !(initialised || ended || stopped_before || running && started) {
                init.pending = true;
            }
            continue;
        }
        let never = RestartPolicy::of_container(pod, container) == RestartPolicy::Never;
        match (state, exit_code(state)) {
            (_, Some(0)) => {}
            (_, Some(_)) if never => init.failed = true,
            (_, Some(_)) => init.pending = true,
            (Some(s), None) if s.waiting.is_some() => {
                let last = status.and_then(|s| s.last_state.as_ref());
                match exit_code(last) {
                    Some(0) => {}
                    Some(_) if never => init.failed = true,
                    Some(_) | None => init.pending = true,
                }
            }
            (_, None) => init.pending = true,
        }
    }
    init
}

/// The phase. `terminal`: the pod is ending or ended; `initialised`: an app container was started.
#[must_use]
pub fn phase(
    pod: &core::PodSpec,
    init_statuses: &[core::ContainerStatus],
    statuses: &[core::ContainerStatus],
    terminal: bool,
    initialised: bool,
) -> &'static str {
    let init = init_progress(pod, init_statuses, initialised);
    let mut apps = Counts::default();
    for container in &pod.containers {
        apps.add(status_of(statuses, &container.name));
    }
    let mut sidecars_running = 0;
    for container in pod.init_containers.iter().flatten().filter(|c| is_sidecar(c)) {
        let mut one = Counts::default();
        one.add(status_of(init_statuses, &container.name));
        sidecars_running += one.running;
    }
    let policy = RestartPolicy::of_pod(pod);
    if init.failed && policy == RestartPolicy::Never {
        return FAILED;
    }
    if init.pending || apps.waiting > 0 {
        return PENDING;
    }
    if apps.unknown == 0 && (apps.running > 0 || sidecars_running > 0) {
        return RUNNING;
    }
    if apps.running == 0 && apps.stopped > 0 && apps.unknown == 0 {
        return all_stopped(policy, &apps, terminal);
    }
    PENDING
}

fn all_stopped(policy: RestartPolicy, apps: &Counts, terminal: bool) -> &'static str {
    let all_succeeded = apps.stopped == apps.succeeded;
    if terminal {
        return if all_succeeded { SUCCEEDED } else { FAILED };
    }
    match policy {
        RestartPolicy::Always => RUNNING,
        RestartPolicy::OnFailure | RestartPolicy::Never if all_succeeded => SUCCEEDED,
        RestartPolicy::Never => FAILED,
        RestartPolicy::OnFailure => RUNNING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str) -> core::Container {
        core::Container { name: name.to_owned(), ..Default::default() }
    }

    fn spec(policy: &str, init: &[&str], apps: &[&str]) -> core::PodSpec {
        core::PodSpec {
            restart_policy: Some(policy.to_owned()),
            init_containers: Some(init.iter().map(|n| container(n)).collect()),
            containers: apps.iter().map(|n| container(n)).collect(),
            ..Default::default()
        }
    }

    /// `w` waiting, `r` running, a digit an exit code, `b` waiting after a failure.
    fn status(name: &str, code: char) -> core::ContainerStatus {
        let ended = |exit_code| core::ContainerState {
            terminated: Some(core::ContainerStateTerminated { exit_code, ..Default::default() }),
            ..Default::default()
        };
        let waiting =
            core::ContainerState { waiting: Some(Default::default()), ..Default::default() };
        let (state, last_state) = match code {
            'r' => (
                core::ContainerState { running: Some(Default::default()), ..Default::default() },
                None,
            ),
            'b' => (waiting, Some(ended(1))),
            'w' => (waiting, None),
            digit => (ended(digit.to_digit(10).unwrap() as i32), None),
        };
        core::ContainerStatus {
            name: name.to_owned(),
            state: Some(state),
            last_state,
            started: Some(code == 'r'),
            ..Default::default()
        }
    }

    #[test]
    fn phases() {
        for (policy, init, apps, terminal, want) in [
            ("Always", "", "w", false, PENDING),
            ("Always", "", "r", false, RUNNING),
            ("Always", "", "b", false, RUNNING),
            ("Always", "", "1", false, RUNNING),
            ("Always", "", "0", true, SUCCEEDED),
            ("Always", "", "1", true, FAILED),
            ("Never", "", "0", false, SUCCEEDED),
            ("Never", "", "01", false, FAILED),
            ("Never", "", "r1", false, RUNNING),
            ("OnFailure", "", "1", false, RUNNING),
            ("OnFailure", "", "0", false, SUCCEEDED),
            ("Never", "1", "w", false, FAILED),
            ("Always", "1", "w", false, PENDING),
            ("Always", "0", "r", false, RUNNING),
            ("OnFailure", "b", "w", false, PENDING),
        ] {
            let names = ["a", "b", "c"];
            let list = |codes: &str| -> Vec<_> {
                codes.chars().zip(names).map(|(c, n)| status(n, c)).collect()
            };
            let pod = spec(policy, &names[..init.len()], &names[..apps.len()]);
            let got = phase(&pod, &list(init), &list(apps), terminal, false);
            assert_eq!(got, want, "{policy} {init}/{apps} {terminal}");
        }
    }
}
