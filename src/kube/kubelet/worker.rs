//! One pod on its node: what the kubelet knows about it and what it is doing with it.
//!
//! Models kubernetes `pkg/kubelet/pod_workers.go`: one worker per pod, one sync at a time. A sync
//! takes time (pulls, hooks, grace periods), so it is a list of steps that timers and notices
//! drive on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::pleg::Record;
use super::probes::{ProbeKind, ProbeResult, ProbeWorker};
use super::record::{PodRuntime, Run};
use super::status::{Probed, Reasons, Verdict};
use super::sync::{KillReason, Start};
use super::volumes::Mounts;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::Key;
use crate::machine::ExecId;

/// Where a pod is in its life on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is kept as its spec says.
    Syncing,
    /// Its containers are being stopped.
    Terminating,
    /// Nothing of it runs; volumes are being taken away.
    Terminated,
    /// The kubelet is done with it.
    Finished,
}

/// What a worker does at this moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Doing {
    /// Nothing; a timer may be set.
    Idle,
    /// It waits until its view of the runtime is newer than its last sync.
    WaitCache,
    /// It waits for its volumes.
    Volumes,
    /// It works through the steps of a sync.
    Work(Box<Work>),
}

/// The steps of a sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Still to do.
    pub steps: VecDeque<Step>,
    /// What is being done.
    pub current: Current,
    /// Something failed.
    pub failed: bool,
    /// The earliest end of a crash back-off that it met.
    pub backoff: Option<SimTime>,
    /// It changed containers.
    pub changed: bool,
    /// It ends the pod.
    pub terminating: bool,
}

impl Work {
    /// Steps to do.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            current: Current::Nothing,
            failed: false,
            backoff: None,
            changed: false,
            terminating: false,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Begin to kill a container.
    Kill(Arc<str>, KillReason),
    /// Begin to kill everything, apps before sidecars.
    KillAll,
    /// Wait until the killed containers are down.
    AwaitKills,
    /// Make the sandbox.
    Sandbox,
    /// Start a container.
    Start(Start),
    /// Take the sandbox away.
    StopSandbox,
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Current {
    /// Nothing: the next step can begin.
    Nothing,
    /// Kills.
    Kills,
    /// The sandbox.
    Sandbox,
    /// A pull.
    Pull(Start, u64),
    /// The runtime makes the container.
    Create(Start, Box<Run>),
    /// The runtime starts it.
    Start(Start),
    /// Its postStart hook.
    PostStart(Start, Option<ExecId>),
    /// The kill after a postStart hook failed.
    PostStartKill,
    /// The sandbox goes.
    StopSandbox,
}

/// A container that is being killed.
#[derive(Clone, Debug, PartialEq)]
pub struct Kill {
    /// Its name.
    pub name: Arc<str>,
    /// What is left of the grace period.
    pub grace: SimDuration,
    /// When the present part of it began.
    pub since: SimTime,
    /// How far it is.
    pub stage: KillStage,
    /// Everything is being killed, in order.
    pub ordered: bool,
    /// Number of the timer that counts.
    pub timer: u32,
}

/// How far a kill is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KillStage {
    /// The preStop hook runs.
    PreStop,
    /// It waits until the containers before it are down.
    Turn,
    /// It got the stop signal.
    Signalled,
    /// It got KILL.
    Killed,
}

/// A pod whose disk use is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskWatch {
    /// Since when it is here.
    pub since: SimTime,
    /// The last check found it over a limit.
    pub over: bool,
}

/// Where the status is on its way to the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writing {
    /// The newest status is not written yet.
    pub dirty: bool,
    /// A write is due.
    pub armed: bool,
    /// A write is on its way.
    pub sent: bool,
    /// The deletion was sent.
    pub deleted: bool,
}

/// One pod.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Uid.
    pub uid: Arc<str>,
    /// Key.
    pub key: Key,
    /// The newest object that the kubelet saw.
    pub pod: Arc<core::Pod>,
    /// Its spec.
    pub spec: Arc<core::PodSpec>,
    /// Where it is in its life.
    pub stage: Stage,
    /// What it does.
    pub doing: Doing,
    /// Number of the timer that counts.
    pub timer: u32,
    /// Sync again after this one.
    pub again: bool,
    /// End of the last sync.
    pub synced: SimTime,
    /// What the runtime knows.
    pub runtime: PodRuntime,
    /// What of it the relists have seen.
    pub pleg: Record,
    /// What the last sync could not start.
    pub reasons: Reasons,
    /// Kills under way, by container id.
    pub kills: BTreeMap<Arc<str>, Kill>,
    /// Probes.
    pub probes: Vec<ProbeWorker>,
    /// Whether its probe workers were made.
    pub probed: bool,
    /// Volumes.
    pub mounts: Mounts,
    /// The newest status.
    pub status: Option<Arc<core::PodStatus>>,
    /// Its way to the API.
    pub writing: Writing,
    /// The kubelet ends it for this reason.
    pub verdict: Option<Verdict>,
    /// Grace that the kubelet itself allows (eviction).
    pub grace: Option<u64>,
    /// The object is gone from the API.
    pub orphan: bool,
    /// Containers that a resize restarts.
    pub resized: BTreeSet<Arc<str>>,
    /// A resize is under way.
    pub resizing: bool,
    /// Its disk use is limited.
    pub disk: Option<DiskWatch>,
}

impl Worker {
    /// A new pod.
    #[must_use]
    pub fn new(uid: Arc<str>, key: Key, pod: &core::Pod) -> Self {
        Self {
            uid,
            key,
            spec: Arc::new(pod.spec.clone().unwrap_or_default()),
            pod: Arc::new(pod.clone()),
            stage: Stage::Syncing,
            doing: Doing::Idle,
            timer: 0,
            again: false,
            synced: SimTime::ZERO,
            runtime: PodRuntime::default(),
            pleg: Record::default(),
            reasons: Reasons::new(),
            kills: BTreeMap::new(),
            probes: Vec::new(),
            probed: false,
            mounts: Mounts::default(),
            status: None,
            writing: Writing::default(),
            verdict: None,
            grace: None,
            orphan: false,
            resized: BTreeSet::new(),
            resizing: false,
            disk: None,
        }
    }

    /// Take in a newer object.
    pub fn update(&mut self, pod: &core::Pod) {
        if self.pod.spec != pod.spec {
            self.spec = Arc::new(pod.spec.clone().unwrap_or_default());
        }
        self.pod = Arc::new(pod.clone());
    }

    /// Any of its containers by name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&core::Container> {
        let spec = &self.spec;
        let inits = spec.init_containers.iter().flatten();
        inits.chain(&spec.containers).find(|c| c.name == name)
    }

    /// `spec.containers{web}` or `spec.initContainers{setup}`.
    #[must_use]
    pub fn field_path(&self, container: &str) -> String {
        let inits = self.spec.init_containers.as_deref().unwrap_or(&[]);
        let list =
            if inits.iter().any(|c| c.name == container) { "initContainers" } else { "containers" };
        format!("spec.{list}{{{container}}}")
    }

    /// `web_default(uid)`: the pod in messages.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}_{}({})", self.key.name, self.key.namespace, self.uid)
    }

    /// Whether the API asked for its deletion.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.orphan || self.pod.metadata.deletion_timestamp.is_some()
    }

    /// Seconds that its containers get to stop.
    #[must_use]
    pub fn grace_seconds(&self) -> u64 {
        let meta = &self.pod.metadata;
        let read = |s: Option<i64>| s.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
        let from_api = read(meta.deletion_grace_period_seconds);
        let least = match (from_api, self.grace) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        least.or_else(|| read(self.spec.termination_grace_period_seconds)).unwrap_or(1)
    }

    /// Started and ready by the probes, for running containers that have some.
    #[must_use]
    pub fn probe_results(&self) -> Probed {
        let mut result = Probed::new();
        for worker in &self.probes {
            let (started, ready) = result.entry(worker.container.clone()).or_insert((true, true));
            let current = self.runtime.newest(&worker.container).map(|r| &r.id);
            let good = worker.result == ProbeResult::Success && worker.run.as_ref() == current;
            match worker.kind {
                ProbeKind::Startup => *started = good,
                ProbeKind::Readiness => *ready = good,
                ProbeKind::Liveness => {}
            }
        }
        result
    }

    /// Containers whose probe of this kind failed for the present run.
    #[must_use]
    pub fn failed_probes(&self, kind: ProbeKind) -> BTreeSet<Arc<str>> {
        let failed = self.probes.iter().filter(|p| {
            p.kind == kind
                && p.result == ProbeResult::Failure
                && p.run.as_ref() == self.runtime.newest(&p.container).map(|r| &r.id)
        });
        failed.map(|p| p.container.clone()).collect()
    }

    /// The work under way.
    pub fn work(&mut self) -> Option<&mut Work> {
        match &mut self.doing {
            Doing::Work(work) => Some(work),
            Doing::Idle | Doing::WaitCache | Doing::Volumes => None,
        }
    }
}
