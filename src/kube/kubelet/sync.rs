//! What a sync has to do: which containers to kill and which to start.
//!
//! Models kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` computePodActions and
//! `kuberuntime_container.go` computeInitContainerActions. Pure: a function that decides does not
//! act. Left out: ephemeral containers.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::record::{PodRuntime, Run, RunState};
use super::restart::{RestartPolicy, is_sidecar};
use crate::base::time::SimTime;
use crate::stub;

/// Why a container is killed within a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// The pod is going, or nothing is left to run for.
    Stopping,
    /// Its liveness probe failed.
    Liveness,
    /// Its startup probe failed.
    Startup,
    /// Its definition changed.
    Changed,
    /// Its resources changed and it wants a restart for that.
    Resize,
}

impl KillReason {
    /// The event's message.
    #[must_use]
    pub fn message(self, container: &str) -> String {
        match self {
            Self::Stopping => format!("Stopping container {container}"),
            Self::Liveness => {
                format!("Container {container} failed liveness probe, will be restarted")
            }
            Self::Startup => {
                format!("Container {container} failed startup probe, will be restarted")
            }
            Self::Changed => {
                format!("Container {container} definition changed, will be restarted")
            }
            Self::Resize => format!("Container {container} resize requires restart"),
        }
    }
}

/// A container to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which.
    pub name: Arc<str>,
    /// End of its newest run that had ended when the sync began: the base of the back-off.
    pub ended: Option<SimTime>,
    /// Whether the ones after it wait when it cannot start.
    pub blocks: bool,
}

/// What a sync has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// End everything of the pod, sandbox included.
    pub kill_pod: bool,
    /// A sandbox is needed.
    pub create_sandbox: bool,
    /// Containers to kill: name, why.
    pub kill: Vec<(Arc<str>, KillReason)>,
    /// Containers to start, in order.
    pub start: Vec<Start>,
}

/// What the sync looks at.
pub struct Look<'a> {
    /// The pod's spec.
    pub spec: &'a core::PodSpec,
    /// What the runtime knows.
    pub runtime: &'a PodRuntime,
    /// Containers whose liveness probe failed.
    pub unhealthy: &'a BTreeSet<Arc<str>>,
    /// Containers whose startup probe failed.
    pub not_started: &'a BTreeSet<Arc<str>>,
    /// Containers that run and whose startup probe succeeded, or that have none.
    pub started: &'a BTreeSet<Arc<str>>,
    /// Containers that must be restarted for a resize.
    pub resized: &'a BTreeSet<Arc<str>>,
    /// Hash of a container's definition.
    pub hash: fn(&core::Container) -> u64,
}

impl Look<'_> {
    fn ended(&self, name: &str) -> Option<SimTime> {
        let runs = self.runtime.runs.get(name)?;
        runs.iter().rev().find_map(Run::ended).map(|e| e.finished)
    }

    fn start(&self, name: &str, blocks: bool) -> Start {
        Start { name: name.into(), ended: self.ended(name), blocks }
    }

    /// Why a running container must be killed, if it must.
    fn kill_reason(&self, container: &core::Container, run: &Run) -> Option<KillReason> {
        let name = container.name.as_str();
        if run.hash != (self.hash)(container) {
            Some(KillReason::Changed)
        } else if self.unhealthy.contains(name) {
            Some(KillReason::Liveness)
        } else if self.not_started.contains(name) {
            Some(KillReason::Startup)
        } else if self.resized.contains(name) {
            Some(KillReason::Resize)
        } else {
            None
        }
    }
}

/// Decide.
#[must_use]
pub fn actions(look: &Look<'_>) -> Actions {
    let spec = look.spec;
    if spec.ephemeral_containers.is_some() {
        stub!("kube.kubelet.ephemeral", "ephemeral containers (kubectl debug) are not started");
    }
    let mut plan = Actions { create_sandbox: !look.runtime.sandbox_ready(), ..Actions::default() };
    if plan.create_sandbox && !worth_a_sandbox(look) {
        return Actions { kill_pod: true, ..Actions::default() };
    }
    let initialised = spec.containers.iter().any(|c| look.runtime.newest(&c.name).is_some());
    let inits_done = init_actions(look, initialised, &mut plan);
    if plan.kill_pod || !inits_done {
        return plan;
    }
    let mut kept = 0;
    let mut started = 0;
    for container in &spec.containers {
        let policy = RestartPolicy::of_container(spec, container);
        match look.runtime.newest(&container.name) {
            Some(run) if run.running().is_some() => match look.kill_reason(container, run) {
                None => kept += 1,
                Some(reason) => {
                    plan.kill.push((container.name.as_str().into(), reason));
                    let again = policy != RestartPolicy::Never
                        || matches!(reason, KillReason::Changed | KillReason::Resize);
                    if again {
                        plan.start.push(look.start(&container.name, false));
                        started += 1;
                    } else {
                        kept += 1;
                    }
                }
            },
            newest => {
                let again = match newest.map(|r| &r.state) {
                    Some(RunState::Exited(e)) => policy.restarts_after(e.code),
                    _ => true,
                };
                if again {
                    plan.start.push(look.start(&container.name, false));
                    started += 1;
                }
            }
        }
    }
    if kept == 0 && started == 0 {
        // Nothing is left to run for: sidecars go as well.
        plan = Actions { kill_pod: true, ..Actions::default() };
    }
    plan
}

/// Whether a new sandbox would have anything to run.
fn worth_a_sandbox(look: &Look<'_>) -> bool {
    let spec = look.spec;
    let any_run = !look.runtime.runs.is_empty();
    let policy = RestartPolicy::of_pod(spec);
    if any_run && policy == RestartPolicy::Never {
        return false;
    }
    !any_run
        || spec.containers.iter().any(|c| {
            let ended = look.runtime.newest(&c.name).and_then(Run::ended);
            ended.is_none_or(|e| policy.restarts_after(e.code))
        })
}

/// Init containers and sidecars. Returns whether the app containers may start.
fn init_actions(look: &Look<'_>, initialised: bool, plan: &mut Actions) -> bool {
    for container in look.spec.init_containers.iter().flatten() {
        let name = container.name.as_str();
        let newest = look.runtime.newest(name);
        if is_sidecar(container) {
            match newest.map(|r| (&r.state, r)) {
                Some((RunState::Running(_), run)) => {
                    if let Some(reason) = look.kill_reason(container, run) {
                        plan.kill.push((name.into(), reason));
                        plan.start.push(look.start(name, false));
                    } else if !initialised && !look.started.contains(name) {
                        return false;
                    }
                }
                _ => {
                    plan.start.push(look.start(name, !initialised));
                    if !initialised {
                        return false;
                    }
                }
            }
            continue;
        }
        if initialised && !plan.create_sandbox {
            continue;
        }
        match newest.map(|r| &r.state) {
            Some(RunState::Running(_)) => return false,
            Some(RunState::Exited(e)) if e.code == 0 && !plan.create_sandbox => {}
            Some(RunState::Exited(e)) if e.code != 0 => {
                if RestartPolicy::of_container(look.spec, container) == RestartPolicy::Never {
                    *plan = Actions { kill_pod: true, ..Actions::default() };
                } else {
                    plan.start.push(look.start(name, true));
                }
                return false;
            }
            _ => {
                plan.start.push(look.start(name, true));
                return false;
            }
        }
    }
    true
}

/// What of a container's definition makes a new run necessary when it changes.
#[must_use]
pub fn definition_hash(container: &core::Container) -> u64 {
    let image = container.image.as_deref().unwrap_or("");
    crate::base::digest::of_text(&format!("{}\u{0}{image}", container.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::kubelet::record::{Ended, Sandbox};

    fn container(name: &str, sidecar: bool) -> core::Container {
        core::Container {
            name: name.to_owned(),
            restart_policy: sidecar.then(|| "Always".to_owned()),
            ..Default::default()
        }
    }

    fn run(container: &core::Container, state: char) -> Run {
        let ended = |code| Ended {
            code,
            reason: "Error",
            message: None,
            started: None,
            finished: SimTime::from_secs(7),
        };
        Run {
            id: "id".into(),
            hollow: false,
            number: 0,
            state: match state {
                'r' => RunState::Running(SimTime::ZERO),
                code => RunState::Exited(Arc::new(ended(code.to_digit(10).unwrap() as i32))),
            },
            image: "".into(),
            image_id: "".into(),
            hash: definition_hash(container),
            resources: None,
        }
    }

    /// Init containers `i`, sidecar `s`, apps `a b`; a state letter each, `-` for no run.
    fn decide(policy: &str, states: &str, unhealthy: &str, started: &str) -> String {
        let inits = vec![container("i", false), container("s", true)];
        let apps = vec![container("a", false), container("b", false)];
        let mut runtime = PodRuntime {
            sandbox: Some(Sandbox { id: "s".into(), ip: String::new(), ready: true }),
            ..Default::default()
        };
        for (c, state) in inits.iter().chain(&apps).zip(states.chars()).filter(|(_, s)| *s != '-') {
            runtime.push(&c.name.as_str().into(), run(c, state));
        }
        let spec = core::PodSpec {
            restart_policy: Some(policy.to_owned()),
            init_containers: Some(inits),
            containers: apps,
            ..Default::default()
        };
        let set = |t: &str| t.chars().map(|c| Arc::from(c.to_string())).collect();
        let (unhealthy, started): (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>) =
            (set(unhealthy), set(started));
        let none = BTreeSet::new();
        let plan = actions(&Look {
            spec: &spec,
            runtime: &runtime,
            unhealthy: &unhealthy,
            not_started: &none,
            started: &started,
            resized: &none,
            hash: definition_hash,
        });
        let kills: String = plan.kill.iter().map(|(n, _)| n.as_ref()).collect();
        let starts: String = plan.start.iter().map(|s| s.name.as_ref()).collect();
        let end = if plan.kill_pod { "!" } else { "" };
        format!("-{kills}+{starts}{end}")
    }

    #[test]
    fn order_of_starts() {
        for (policy, states, unhealthy, started, want) in [
            ("Always", "----", "", "", "-+i"),
            ("Always", "r---", "", "", "-+"),
            ("Always", "1---", "", "", "-+i"),
            ("Never", "1---", "", "", "-+!"),
            ("Always", "0---", "", "", "-+s"),
            ("Always", "0r--", "", "", "-+"),
            ("Always", "0r--", "", "s", "-+ab"),
            ("Always", "0rrr", "", "s", "-+"),
            ("Always", "0rr1", "", "s", "-+b"),
            ("Never", "0rr1", "", "s", "-+"),
            ("Always", "0rrr", "a", "s", "-a+a"),
            ("Always", "01rr", "", "", "-+s"),
            ("Never", "0r00", "", "s", "-+!"),
            ("OnFailure", "0r02", "", "s", "-+b"),
        ] {
            assert_eq!(decide(policy, states, unhealthy, started), want, "{policy} {states}");
        }
    }
}
