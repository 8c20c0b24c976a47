//! What the container runtime knows about a pod: its sandbox and the runs of its containers.
//!
//! Models kubernetes `pkg/kubelet/container/runtime.go` (PodStatus). Two runs per container are
//! kept, as the kubelet's container garbage collection leaves one dead container.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use crate::base::time::SimTime;

/// Runs kept per container: the present one and the one before.
pub const MAX_RUNS: usize = 2;

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Exit code, 128 + n for signal n.
    pub code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`.
    pub reason: &'static str,
    /// Termination message.
    pub message: Option<Arc<str>>,
    /// When it began; `None` if it never ran.
    pub started: Option<SimTime>,
    /// When it ended.
    pub finished: SimTime,
}

/// State of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Made, not started.
    Created,
    /// Running since.
    Running(SimTime),
    /// Ended.
    Exited(Arc<Ended>),
}

/// One run of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Container id: 64 hexadecimal digits.
    pub id: Arc<str>,
    /// A stand-in runtime made it.
    pub hollow: bool,
    /// Restart count.
    pub number: i32,
    /// State.
    pub state: RunState,
    /// Image as the runtime names it (`docker.io/library/nginx:1.27`).
    pub image: Arc<str>,
    /// `docker.io/library/nginx@sha256:…`.
    pub image_id: Arc<str>,
    /// Hash of what of the container's spec asks for a new container when it changes.
    pub hash: u64,
    /// Limits and requests as they hold in the runtime.
    pub resources: Option<core::ResourceRequirements>,
}

impl Run {
    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<&Arc<Ended>> {
        match &self.state {
            RunState::Exited(ended) => Some(ended),
            RunState::Created | RunState::Running(_) => None,
        }
    }

    /// Since when it runs, if it does.
    #[must_use]
    pub fn running(&self) -> Option<SimTime> {
        match self.state {
            RunState::Running(since) => Some(since),
            RunState::Created | RunState::Exited(_) => None,
        }
    }
}

/// The pod's sandbox: its network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Its id, also the key of the endpoint in the fabric.
    pub id: Arc<str>,
    /// The pod's address; empty on the host's network.
    pub ip: String,
    /// Whether it stands.
    pub ready: bool,
}

/// What the runtime knows about one pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRuntime {
    /// The newest sandbox.
    pub sandbox: Option<Sandbox>,
    /// Runs by container name, oldest first.
    pub runs: BTreeMap<Arc<str>, Vec<Run>>,
}

impl PodRuntime {
    /// The newest run of a container.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<&Run> {
        self.runs.get(name)?.last()
    }

    /// The run before the newest.
    #[must_use]
    pub fn before(&self, name: &str) -> Option<&Run> {
        self.runs.get(name)?.iter().rev().nth(1)
    }

    /// The newest run, to change it.
    pub fn newest_mut(&mut self, name: &str) -> Option<&mut Run> {
        self.runs.get_mut(name)?.last_mut()
    }

    /// A run by container id.
    pub fn by_id(&mut self, id: &str) -> Option<(Arc<str>, &mut Run)> {
        self.runs.iter_mut().find_map(|(name, runs)| {
            runs.iter_mut().find(|r| &*r.id == id).map(|r| (name.clone(), r))
        })
    }

    /// Add a run; returns the ids of runs that are forgotten.
    pub fn push(&mut self, name: &Arc<str>, run: Run) -> Vec<Arc<str>> {
        let runs = self.runs.entry(name.clone()).or_default();
        runs.push(run);
        let surplus = runs.len().saturating_sub(MAX_RUNS);
        runs.drain(..surplus).map(|r| r.id).collect()
    }

    /// Whether the sandbox stands.
    #[must_use]
    pub fn sandbox_ready(&self) -> bool {
        self.sandbox.as_ref().is_some_and(|s| s.ready)
    }

    /// Running containers: name and id, in name order.
    pub fn running(&self) -> impl Iterator<Item = (&Arc<str>, &Run)> {
        let newest = self.runs.iter().filter_map(|(name, runs)| Some((name, runs.last()?)));
        newest.filter(|(_, run)| run.running().is_some())
    }
}
