//! A pod's status as the kubelet reports it.
//!
//! Models kubernetes `pkg/kubelet/kubelet_pods.go` (convertToAPIContainerStatuses,
//! generateAPIPodStatus) and `status/status_manager.go` (mergePodStatus). Left out: status of
//! ephemeral containers, claims and devices.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::conditions::{self, Draft};
use super::phase::{self, is_terminal, status_of};
use super::record::{PodRuntime, Run, RunState};
use super::resize;
use super::restart::{RestartPolicy, is_sidecar};
use crate::base::time::SimTime;
use crate::kube::clock::meta_time;

/// Why a container could not be started in the last sync: waiting reason and message.
pub type Reasons = BTreeMap<Arc<str>, (&'static str, Arc<str>)>;

/// Results of probes: container name to whether it started and whether it is ready.
pub type Probed = BTreeMap<Arc<str>, (bool, bool)>;

/// A reason and message that end the pod (eviction, deadline).
pub type Verdict = (&'static str, Arc<str>);

/// The zero of the Unix clock: containerd's start time of a container that never ran.
fn meta_zero() -> Time {
    Time(Timestamp::UNIX_EPOCH)
}

/// All that a status is made of.
pub struct Facts<'a> {
    /// The pod as the kubelet last saw it.
    pub pod: &'a core::Pod,
    /// The status set before.
    pub old: Option<&'a core::PodStatus>,
    /// What the runtime knows.
    pub runtime: &'a PodRuntime,
    /// What the last sync could not start.
    pub reasons: &'a Reasons,
    /// Probe results for running containers.
    pub probed: &'a Probed,
    /// The pod was told to end by the kubelet itself.
    pub verdict: Option<&'a Verdict>,
    /// The pod is ending and all containers are down.
    pub terminal: bool,
    /// A resize is under way.
    pub resizing: bool,
    /// The node's address.
    pub host_ip: &'a str,
    /// The moment.
    pub now: SimTime,
}

/// Make the status. The phase may be final while containers run: see [`merge`].
#[must_use]
pub fn generate(facts: &Facts<'_>) -> core::PodStatus {
    let empty = core::PodSpec::default();
    let spec = facts.pod.spec.as_ref().unwrap_or(&empty);
    let old = facts.old.or(facts.pod.status.as_ref());
    let mut status = old.cloned().unwrap_or_default();
    let inits = spec.init_containers.as_deref().unwrap_or(&[]);
    let has_init = !inits.is_empty();
    status.init_container_statuses =
        has_init.then(|| container_statuses(facts, spec, inits, old, true));
    status.container_statuses =
        Some(container_statuses(facts, spec, &spec.containers, old, has_init));
    addresses(&mut status, facts);
    status.start_time.get_or_insert_with(|| meta_time(facts.now));
    status.observed_generation = facts.pod.metadata.generation;
    let app_started = spec.containers.iter().any(|c| facts.runtime.newest(&c.name).is_some());
    let old_phase = old.and_then(|o| o.phase.clone());
    set_phase(&mut status, facts, spec, app_started, old_phase);
    resize::fill_resources(&mut status, facts.pod, facts.runtime);
    set_conditions(&mut status, facts, spec, old, app_started);
    status
}

fn addresses(status: &mut core::PodStatus, facts: &Facts<'_>) {
    let host = facts.host_ip.to_owned();
    status.host_ips = Some(vec![core::HostIP { ip: host.clone() }]);
    status.host_ip = Some(host);
    if let Some(sandbox) = facts.runtime.sandbox.as_ref().filter(|s| s.ready) {
        let ip = if sandbox.ip.is_empty() { facts.host_ip } else { &sandbox.ip };
        status.pod_ip = Some(ip.to_owned());
        status.pod_ips = Some(vec![core::PodIP { ip: ip.to_owned() }]);
    }
}

fn set_phase(
    status: &mut core::PodStatus,
    facts: &Facts<'_>,
    spec: &core::PodSpec,
    app_started: bool,
    old_phase: Option<String>,
) {
    let inits = status.init_container_statuses.as_deref().unwrap_or(&[]);
    let apps = status.container_statuses.as_deref().unwrap_or(&[]);
    let mut new = phase::phase(spec, inits, apps, facts.terminal, app_started).to_owned();
    if is_terminal(old_phase.as_deref()) && !is_terminal(Some(&new)) {
        new = old_phase.unwrap_or(new);
    }
    if let Some((reason, message)) = facts.verdict {
        new = phase::FAILED.to_owned();
        status.reason = Some((*reason).to_owned());
        status.message = Some(message.to_string());
    }
    status.phase = Some(new);
}

fn set_conditions(
    status: &mut core::PodStatus,
    facts: &Facts<'_>,
    spec: &core::PodSpec,
    old: Option<&core::PodStatus>,
    app_started: bool,
) {
    let present = old.and_then(|o| o.conditions.as_deref()).unwrap_or(&[]);
    let latest = facts.pod.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or(&[]);
    let inits = status.init_container_statuses.as_deref().unwrap_or(&[]);
    let apps = status.container_statuses.as_deref().unwrap_or(&[]);
    let phase = status.phase.as_deref().unwrap_or("");
    let containers = conditions::containers_ready(spec, inits, apps, phase);
    let drafts = [
        conditions::ready_to_start(facts.runtime.sandbox_ready()),
        conditions::initialized(spec, inits, phase, app_started),
        conditions::ready(spec, latest, &containers),
        containers,
        conditions::scheduled(),
    ];
    let generation = facts.pod.metadata.generation;
    let mut list: Vec<core::PodCondition> = latest
        .iter()
        .filter(|c| !drafts.iter().any(|d| d.kind == c.type_) && !resize::is_resize(&c.type_))
        .cloned()
        .collect();
    if facts.resizing {
        let draft = Draft::yes(resize::IN_PROGRESS, "");
        list.push(timed(&draft, present, latest, generation, facts.now));
    }
    for draft in &drafts {
        list.push(timed(draft, present, latest, generation, facts.now));
    }
    status.conditions = Some(list);
}

/// Give a condition its times: the transition time moves only when the status changes.
fn timed(
    draft: &Draft,
    present: &[core::PodCondition],
    latest: &[core::PodCondition],
    generation: Option<i64>,
    now: SimTime,
) -> core::PodCondition {
    let word = if draft.holds { "True" } else { "False" };
    let find = |list: &[core::PodCondition]| {
        let found = list.iter().find(|c| c.type_ == draft.kind);
        found.filter(|c| c.status == word).and_then(|c| c.last_transition_time.clone())
    };
    let since = find(present).or_else(|| find(latest));
    let text = |t: &str| (!t.is_empty()).then(|| t.to_owned());
    core::PodCondition {
        type_: draft.kind.to_owned(),
        status: word.to_owned(),
        reason: text(draft.reason),
        message: text(&draft.message),
        last_probe_time: None,
        last_transition_time: Some(since.unwrap_or_else(|| meta_time(now))),
        observed_generation: generation,
    }
}

fn container_statuses(
    facts: &Facts<'_>,
    spec: &core::PodSpec,
    containers: &[core::Container],
    old: Option<&core::PodStatus>,
    after_init: bool,
) -> Vec<core::ContainerStatus> {
    let old_list: Vec<core::ContainerStatus> = old
        .map(|o| {
            let both = [&o.init_container_statuses, &o.container_statuses];
            both.into_iter().flatten().flatten().cloned().collect()
        })
        .unwrap_or_default();
    let is_init =
        |c: &core::Container| spec.init_containers.iter().flatten().any(|i| i.name == c.name);
    containers
        .iter()
        .map(|c| {
            let old = status_of(&old_list, &c.name);
            one_container(facts, spec, c, old, after_init, is_init(c))
        })
        .collect()
}

fn one_container(
    facts: &Facts<'_>,
    spec: &core::PodSpec,
    container: &core::Container,
    old: Option<&core::ContainerStatus>,
    after_init: bool,
    is_init: bool,
) -> core::ContainerStatus {
    let default_reason = if after_init { "PodInitializing" } else { "ContainerCreating" };
    let mut status = match facts.runtime.newest(&container.name) {
        Some(run) => from_run(container, run, facts.runtime.before(&container.name), old),
        None => without_run(facts.pod, container, old, default_reason),
    };
    apply_reason(facts, spec, container, &mut status, is_init);
    status.volume_mounts = volume_mounts(container);
    probe_results(facts, container, &mut status, is_init);
    status
}

/// A container of which the runtime knows nothing.
fn without_run(
    pod: &core::Pod,
    container: &core::Container,
    old: Option<&core::ContainerStatus>,
    default_reason: &str,
) -> core::ContainerStatus {
    if let Some(ended) = old.filter(|o| state_terminated(o).is_some()) {
        return ended.clone();
    }
    let mut status = core::ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        state: Some(waiting(default_reason, "")),
        last_state: Some(core::ContainerState::default()),
        started: Some(false),
        ..Default::default()
    };
    let Some(old) = old else { return status };
    status.restart_count = old.restart_count;
    status.last_state = old.last_state.clone();
    let ran = old.state.as_ref().is_some_and(|s| s.running.is_some());
    if ran && old.last_state.as_ref().is_none_or(|s| s.terminated.is_none()) {
        // It ran and vanished: its end is not known.
        status.last_state = Some(core::ContainerState {
            terminated: Some(core::ContainerStateTerminated {
                exit_code: 137,
                reason: Some("ContainerStatusUnknown".to_owned()),
                message: Some(UNLOCATED.to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        });
        if pod.metadata.deletion_timestamp.is_none() {
            status.restart_count += 1;
        }
    }
    status
}

/// Message of a container that vanished (kubelet_pods.go).
const UNLOCATED: &str = "The container could not be located when the pod was deleted.  \
                         The container used to be Running";

fn state_terminated(status: &core::ContainerStatus) -> Option<&core::ContainerStateTerminated> {
    status.state.as_ref().and_then(|s| s.terminated.as_ref())
}

fn from_run(
    container: &core::Container,
    run: &Run,
    before: Option<&Run>,
    old: Option<&core::ContainerStatus>,
) -> core::ContainerStatus {
    let last = match before.and_then(Run::ended) {
        Some(_) => before.map(run_state),
        // After a reboot the run before is gone from the runtime; the API still has it.
        None if run.number > 0 => old.and_then(|o| match state_terminated(o) {
            Some(t) if t.container_id.as_deref() != Some(&container_id(run)) => o.state.clone(),
            _ => o.last_state.clone(),
        }),
        None => None,
    };
    core::ContainerStatus {
        name: container.name.clone(),
        container_id: Some(container_id(run)),
        image: run.image.to_string(),
        image_id: run.image_id.to_string(),
        restart_count: run.number,
        state: Some(run_state(run)),
        last_state: Some(last.unwrap_or_default()),
        started: Some(false),
        user: (!run.hollow).then(|| root_user(container)),
        ..Default::default()
    }
}

fn container_id(run: &Run) -> String {
    let runtime = if run.hollow { "fakeRuntime" } else { "containerd" };
    format!("{runtime}://{}", run.id)
}

fn run_state(run: &Run) -> core::ContainerState {
    match &run.state {
        RunState::Created => waiting("ContainerCreating", ""),
        RunState::Running(since) => core::ContainerState {
            running: Some(core::ContainerStateRunning { started_at: Some(meta_time(*since)) }),
            ..Default::default()
        },
        RunState::Exited(ended) => core::ContainerState {
            terminated: Some(core::ContainerStateTerminated {
                container_id: Some(container_id(run)),
                exit_code: ended.code,
                reason: Some(ended.reason.to_owned()),
                message: ended.message.as_deref().map(str::to_owned),
                started_at: Some(ended.started.map_or_else(meta_zero, meta_time)),
                finished_at: Some(meta_time(ended.finished)),
                signal: None,
            }),
            ..Default::default()
        },
    }
}

/// The user of a container's main process; the stand-in images all run as root.
fn root_user(container: &core::Container) -> core::ContainerUser {
    let uid = container.security_context.as_ref().and_then(|s| s.run_as_user).unwrap_or(0);
    let gid = container.security_context.as_ref().and_then(|s| s.run_as_group).unwrap_or(0);
    let linux = core::LinuxContainerUser { uid, gid, supplemental_groups: Some(vec![gid]) };
    core::ContainerUser { linux: Some(linux) }
}

fn waiting(reason: &str, message: &str) -> core::ContainerState {
    core::ContainerState {
        waiting: Some(core::ContainerStateWaiting {
            reason: Some(reason.to_owned()),
            message: (!message.is_empty()).then(|| message.to_owned()),
        }),
        ..Default::default()
    }
}

/// A container that the last sync could not start waits for that reason.
fn apply_reason(
    facts: &Facts<'_>,
    spec: &core::PodSpec,
    container: &core::Container,
    status: &mut core::ContainerStatus,
    is_init: bool,
) {
    let Some((reason, message)) = facts.reasons.get(container.name.as_str()) else { return };
    let code = state_terminated(status).map(|t| t.exit_code);
    if is_init && !is_sidecar(container) && code == Some(0) {
        return;
    }
    if !should_restart(spec, container, facts.runtime, facts.pod) {
        return;
    }
    if code.is_some() {
        status.last_state = status.state.take();
    }
    status.state = Some(waiting(reason, message));
}

/// Whether the next sync would start this container.
#[must_use]
pub fn should_restart(
    spec: &core::PodSpec,
    container: &core::Container,
    runtime: &PodRuntime,
    pod: &core::Pod,
) -> bool {
    if pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    match runtime.newest(&container.name).map(|r| &r.state) {
        None | Some(RunState::Created) => true,
        Some(RunState::Running(_)) => false,
        Some(RunState::Exited(ended)) => {
            RestartPolicy::of_container(spec, container).restarts_after(ended.code)
        }
    }
}

fn volume_mounts(container: &core::Container) -> Option<Vec<core::VolumeMountStatus>> {
    let mounts = container.volume_mounts.as_deref().unwrap_or(&[]);
    let list: Vec<_> = mounts
        .iter()
        .map(|m| {
            let read_only = m.read_only.filter(|r| *r);
            core::VolumeMountStatus {
                name: m.name.clone(),
                mount_path: m.mount_path.clone(),
                read_only,
                recursive_read_only: read_only.map(|_| "Disabled".to_owned()),
                ..Default::default()
            }
        })
        .collect();
    (!list.is_empty()).then_some(list)
}

/// `started` and `ready` from the probes.
fn probe_results(
    facts: &Facts<'_>,
    container: &core::Container,
    status: &mut core::ContainerStatus,
    is_init: bool,
) {
    if is_init && !is_sidecar(container) {
        status.started = Some(status.state.as_ref().is_some_and(|s| s.running.is_some()));
        status.ready = state_terminated(status).is_some_and(|t| t.exit_code == 0);
        return;
    }
    let running = status.state.as_ref().is_some_and(|s| s.running.is_some());
    let (started, ready) =
        facts.probed.get(container.name.as_str()).copied().unwrap_or((true, true));
    status.started = Some(running && started);
    status.ready = running && started && ready;
}

/// The last status of a pod: containers without an end get one, the phase becomes final.
#[must_use]
pub fn settle(mut status: core::PodStatus) -> core::PodStatus {
    let lists = [&mut status.container_statuses, &mut status.init_container_statuses];
    for one in lists.into_iter().flatten().flatten() {
        if state_terminated(one).is_some() {
            continue;
        }
        one.state = Some(core::ContainerState {
            terminated: Some(core::ContainerStateTerminated {
                exit_code: 137,
                reason: Some("ContainerStatusUnknown".to_owned()),
                message: Some(VANISHED.to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        });
        one.ready = false;
        one.started = Some(false);
    }
    if !is_terminal(status.phase.as_deref()) {
        status.phase = Some(phase::FAILED.to_owned());
    }
    status
}

/// Message of a container that has no end when its pod does (status_manager.go TerminatePod).
const VANISHED: &str = "The container could not be located when the pod was terminated";

/// What is written to the API: a final phase waits until no container can run any more.
#[must_use]
pub fn merge(stored: &core::PodStatus, new: &core::PodStatus, may_run: bool) -> core::PodStatus {
    let mut merged = new.clone();
    if !is_terminal(stored.phase.as_deref()) && is_terminal(new.phase.as_deref()) && may_run {
        merged.phase.clone_from(&stored.phase);
        merged.reason.clone_from(&stored.reason);
        merged.message.clone_from(&stored.message);
    }
    let ours = |kind: &str| new.conditions.iter().flatten().any(|c| c.type_ == kind);
    let mut conditions: Vec<core::PodCondition> = stored
        .conditions
        .iter()
        .flatten()
        .filter(|c| !ours(&c.type_) && !resize::is_resize(&c.type_))
        .cloned()
        .collect();
    conditions.extend(new.conditions.iter().flatten().cloned());
    merged.conditions = Some(conditions);
    merged.qos_class.clone_from(&stored.qos_class);
    merged.nominated_node_name.clone_from(&stored.nominated_node_name);
    merged
}
