//! How changes of the store reach the caches of the other processes: each stream keeps its order,
//! but there is no order between kinds.
//!
//! Models watches of client-go reflectors. A process wakes once for all changes due at a moment.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::time::SimTime;
use crate::engine::latency::Latency;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::kube::kinds::Kind;

/// From a write to the cache of a watcher.
pub const WATCH_LAG: Latency = Latency {
    name: "watch-lag",
    quantiles_us: [700, 1_500, 2_500, 4_000, 12_000],
    source: "recorded: a slice followed a pod's readiness within 20 ms, three hops",
};

/// A process with caches of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// The kubelet of a node.
    Kubelet(Arc<str>),
    /// kube-proxy of a node.
    Proxy(Arc<str>),
    /// CoreDNS.
    Dns,
}

impl Process {
    /// Name of its random stream.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet(node) | Self::Proxy(node) => node,
            Self::Dns => "coredns",
        }
    }
}

/// Changes on their way to one process.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    queues: BTreeMap<Kind, VecDeque<(SimTime, Arc<Change>)>>,
    last: BTreeMap<Kind, SimTime>,
    wake: Option<SimTime>,
}

impl Streams {
    /// Send a change; it arrives at `due`, or behind the one before it. Returns when the process is
    /// to be woken, if that is not arranged already.
    pub fn send(&mut self, change: Arc<Change>, due: SimTime) -> Option<SimTime> {
        let last = self.last.entry(change.kind).or_default();
        let due = due.max(*last);
        *last = due;
        self.queues.entry(change.kind).or_default().push_back((due, change));
        self.arrange(due)
    }

    /// Keep a change that cannot be sent now; [`Streams::resume`] delivers it.
    pub fn hold(&mut self, change: Arc<Change>) {
        self.queues.entry(change.kind).or_default().push_back((SimTime::MAX, change));
    }

    /// The connection is back: everything held is due now, each object in its newest form, as a
    /// list shows it.
    pub fn resume(&mut self, now: SimTime) {
        for queue in self.queues.values_mut() {
            let mut newest: BTreeMap<Key, Arc<Change>> = BTreeMap::new();
            for (_, change) in queue.drain(..) {
                let change = match newest.get(&change.key) {
                    Some(first) => Arc::new(Change { old: first.old.clone(), ..(*change).clone() }),
                    None => change,
                };
                newest.insert(change.key.clone(), change);
            }
            let mut all: Vec<Arc<Change>> = newest.into_values().collect();
            all.sort_by_key(|change| change.revision);
            queue.extend(all.into_iter().map(|change| (now, change)));
        }
        self.last.clear();
        self.wake = self.queues.values().any(|q| !q.is_empty()).then_some(now);
    }

    /// Forget what is on its way: the process died.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn arrange(&mut self, due: SimTime) -> Option<SimTime> {
        match self.wake {
            Some(at) if at <= due => None,
            _ => {
                self.wake = Some(due);
                Some(due)
            }
        }
    }

    /// Changes that have arrived, in the order of their arrival, and the next wake.
    pub fn receive(&mut self, now: SimTime) -> (Vec<Arc<Change>>, Option<SimTime>) {
        if self.wake.is_none_or(|at| at > now) {
            return (Vec::new(), None);
        }
        self.wake = None;
        let mut arrived: Vec<(SimTime, Arc<Change>)> = Vec::new();
        let mut next: Option<SimTime> = None;
        for queue in self.queues.values_mut() {
            while let Some((due, change)) = queue.pop_front() {
                if due > now {
                    next = Some(next.map_or(due, |n| n.min(due)));
                    queue.push_front((due, change));
                    break;
                }
                arrived.push((due, change));
            }
        }
        arrived.sort_by_key(|(due, change)| (*due, change.revision));
        let wake = next.and_then(|due| self.arrange(due));
        (arrived.into_iter().map(|(_, change)| change).collect(), wake)
    }
}

/// Kinds that the scheduler follows.
const SCHEDULER: &[Kind] = &[
    Kind::Pod,
    Kind::Node,
    Kind::Namespace,
    Kind::Service,
    Kind::ReplicationController,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::PersistentVolume,
    Kind::PersistentVolumeClaim,
    Kind::StorageClass,
    Kind::PodDisruptionBudget,
];

/// Whether a process follows a change.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "a kubelet watches few kinds")]
pub fn follows(process: &Process, change: &Change) -> bool {
    match process {
        // The garbage collector watches every kind but events.
        Process::ControllerManager => change.kind != Kind::Event,
        Process::Scheduler => SCHEDULER.contains(&change.kind),
        Process::Kubelet(node) => match change.kind {
            Kind::Pod => {
                let on = |o: &Option<Arc<Object>>| {
                    o.as_deref().and_then(node_of).is_some_and(|n| n == node.as_ref())
                };
                on(&change.new) || on(&change.old)
            }
            Kind::Node => change.key.name == *node,
            Kind::Service => true,
            _ => false,
        },
        Process::Proxy(_) => matches!(change.kind, Kind::Service | Kind::EndpointSlice),
        Process::Dns => {
            matches!(change.kind, Kind::Service | Kind::EndpointSlice | Kind::Namespace)
        }
    }
}

/// The node of a pod.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "a kubelet watches few kinds")]
pub fn node_of(object: &Object) -> Option<&str> {
    match object {
        Object::Pod(pod) => pod.spec.as_ref()?.node_name.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::trace::TraceId;

    fn change(kind: Kind, revision: u64) -> Arc<Change> {
        Arc::new(Change {
            at: SimTime::ZERO,
            kind,
            key: Key::new("default", "x"),
            old: None,
            new: None,
            revision,
            by: TraceId::NONE,
        })
    }

    #[test]
    fn what_was_held_comes_as_a_list() {
        let mut streams = Streams::default();
        assert_eq!(streams.send(change(Kind::Pod, 1), SimTime(10)), Some(SimTime(10)));
        streams.hold(change(Kind::Pod, 2));
        streams.hold(change(Kind::Node, 3));
        streams.resume(SimTime(50));
        let (got, next) = streams.receive(SimTime(50));
        assert_eq!(got.iter().map(|c| c.revision).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(next, None);
        assert_eq!(streams.send(change(Kind::Pod, 4), SimTime(60)), Some(SimTime(60)));
    }

    #[test]
    fn order_within_a_kind_but_not_across() {
        let mut streams = Streams::default();
        assert_eq!(streams.send(change(Kind::Pod, 1), SimTime(10)), Some(SimTime(10)));
        assert_eq!(streams.send(change(Kind::Pod, 2), SimTime(5)), None, "behind the first");
        assert_eq!(streams.send(change(Kind::ReplicaSet, 3), SimTime(4)), Some(SimTime(4)));
        let (got, next) = streams.receive(SimTime(4));
        assert_eq!(got.iter().map(|c| c.revision).collect::<Vec<_>>(), [3]);
        assert_eq!(next, Some(SimTime(10)));
        let (got, next) = streams.receive(SimTime(10));
        assert_eq!(got.iter().map(|c| c.revision).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(next, None);
        assert!(streams.receive(SimTime(10)).0.is_empty());
    }
}
