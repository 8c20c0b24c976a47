//! Relists of the runtime: what they find new about a pod, and when that makes the pod sync.
//!
//! Models kubernetes `pkg/kubelet/pleg/generic.go` @v1.36 (with `PLEGOnDemandRelist`) and the
//! cache of `pkg/kubelet/container/cache.go`: a sync begins only with a view of the runtime that
//! is newer than the end of the sync before, and every change that a relist finds asks for
//! another sync, also when the pod is being synced or waits for that very relist. So a change
//! that comes while the worker is busy makes one sync more, a second later.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Due;
use super::node::Env;
use super::record::{Run, RunState};
use super::worker::{Doing, Stage, Worker};
use crate::base::time::{SimDuration, SimTime};
use crate::engine::latency::Latency;

/// Time between the end of a sync that did something and the relist of its pod.
const ON_DEMAND: Latency = Latency {
    name: "kubelet-relist",
    quantiles_us: [8_000, 12_000, 18_000, 30_000, 90_000],
    source: "traces/kubelet: time from the event Started to the status Running",
};
/// Time between the listing of a relist and its look at each container: a container that ends
/// in it is listed as running and shown as ended. Two of 20 instant crashes did in the traces.
const INSPECT: Latency = Latency {
    name: "kubelet-inspect",
    quantiles_us: [1_000, 2_000, 4_000, 10_000, 60_000],
    source: "traces/kubelet/01, 05, 12, 26: restarts without a status Running",
};

/// State of a container or sandbox as a relist listed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Made, not started: told to nobody.
    Unknown,
    /// Running.
    Running,
    /// Ended.
    Exited,
}

/// What the relists of a pod have seen so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Containers and sandbox by id.
    listed: BTreeMap<Arc<str>, Listed>,
    /// The last relist that looked at this pod.
    pub observed: SimTime,
    /// The next relist makes the pod sync in any case (`RequestPodReinspect`).
    pub reinspect: bool,
}

impl Record {
    /// Take in a newer list; returns whether it has an event that makes the pod sync.
    fn update(&mut self, now: BTreeMap<Arc<str>, Listed>) -> bool {
        let appeared = now
            .iter()
            .any(|(id, state)| *state != Listed::Unknown && self.listed.get(id) != Some(state));
        let vanished =
            self.listed.iter().any(|(id, state)| *state != Listed::Exited && !now.contains_key(id));
        self.listed = now;
        appeared || vanished || std::mem::take(&mut self.reinspect)
    }
}

/// How a run is listed by a relist that looks at the containers so long after its listing.
fn listed(run: &Run, now: SimTime, gap: SimDuration, before: Option<Listed>) -> Listed {
    match &run.state {
        RunState::Created => Listed::Unknown,
        RunState::Running(_) => Listed::Running,
        RunState::Exited(_) if before == Some(Listed::Exited) => Listed::Exited,
        RunState::Exited(ended) if ended.started.is_none() => Listed::Exited,
        RunState::Exited(ended) if ended.finished + gap > now => Listed::Running,
        RunState::Exited(_) => Listed::Exited,
    }
}

impl Worker {
    /// A relist of all pods, or of this one, is done.
    pub(super) fn relisted(&mut self, env: &mut Env<'_, '_>) {
        if self.stage == Stage::Finished {
            return;
        }
        let news = self.look(env);
        match self.doing {
            Doing::Idle if news => self.begin(env),
            Doing::Idle => {}
            Doing::WaitCache => {
                self.again |= news;
                self.begin(env);
            }
            Doing::Volumes | Doing::Work(_) => self.again |= news,
        }
    }

    /// Compare the runtime with the last list.
    fn look(&mut self, env: &mut Env<'_, '_>) -> bool {
        let now = env.now();
        let runs = || self.runtime.runs.values().flatten();
        let before = |run: &Run| self.pleg.listed.get(&run.id).copied();
        let fresh = |run: &Run| run.ended().is_some() && before(run) != Some(Listed::Exited);
        let gap = if runs().any(fresh) { env.draw(&INSPECT) } else { SimDuration::ZERO };
        let mut list: BTreeMap<Arc<str>, Listed> =
            runs().map(|run| (run.id.clone(), listed(run, now, gap, before(run)))).collect();
        let passed =
            runs().any(|run| run.ended().is_some() && list.get(&run.id) == Some(&Listed::Running));
        if let Some(sandbox) = &self.runtime.sandbox {
            let state = if sandbox.ready { Listed::Running } else { Listed::Exited };
            list.insert(sandbox.id.clone(), state);
        }
        self.pleg.observed = now;
        if passed {
            env.relist(&self.uid.clone());
        }
        self.pleg.update(list)
    }

    /// A sync that did something and met no error asks for a relist of its pod.
    pub(super) fn relist_on_demand(&self, env: &mut Env<'_, '_>) {
        let delay = env.draw(&ON_DEMAND);
        env.after(delay, Due::RelistPod(self.uid.clone()));
    }

    /// Whether the view of the runtime is newer than the end of the last sync.
    pub(super) fn cache_is_newer(&self, env: &Env<'_, '_>) -> bool {
        let newest = env.node.relist_before(env.now()).max(self.pleg.observed);
        self.synced == SimTime::ZERO || self.synced < newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> BTreeMap<Arc<str>, Listed> {
        let pairs = text.split_whitespace().map(|pair| {
            let (id, state) = pair.split_at(1);
            let state = match state {
                "?" => Listed::Unknown,
                "+" => Listed::Running,
                _ => Listed::Exited,
            };
            (Arc::from(id), state)
        });
        pairs.collect()
    }

    #[test]
    fn only_some_changes_make_a_pod_sync() {
        for (before, after, want) in [
            ("", "", false),
            ("", "s+", true),
            ("s+", "s+ a?", false),
            ("s+ a?", "s+ a+", true),
            ("s+ a+", "s+ a+", false),
            ("s+ a+", "s+ a-", true),
            ("s+ a-", "s+", false),
            ("s+ a+", "s+", true),
            ("s+ a-", "s+ a- b-", true),
        ] {
            let mut record = Record { listed: list(before), ..Record::default() };
            assert_eq!(record.update(list(after)), want, "{before} to {after}");
        }
    }
}
