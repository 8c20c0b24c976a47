//! The controllers of kube-controller-manager, and what they share.
//!
//! A controller is a stateless value: `wakes` says which keys a change touches, `reconcile` turns a
//! key and the cache into a plan of calls, `answered` and `after` see the answers. What the real
//! controller keeps in memory is in [`Memory`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::trace::Subject;
use crate::engine::work::Step;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Request, Response};
use crate::kube::api::store::Change;
use crate::kube::events::Say;
use crate::kube::informer::{Item, View};
use crate::kube::kinds::Kind;
use crate::kube::metrics::Metrics;

pub mod calls;
pub mod manager;
pub mod pods;
pub mod deployment;
pub mod replicaset;
pub mod endpointslice;
pub mod endpoints;
pub mod revisions;
pub mod statefulset;
pub mod daemonset;
pub mod disruption;
pub mod job;
pub mod cronjob;
pub mod autoscaler;
pub mod volumes;
pub mod quota;
pub mod garbage;
pub mod namespace;
pub mod nodelifecycle;
pub mod podgc;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod rollouts;
#[cfg(test)]
mod loops;

/// All controllers. The place in the list is part of queue inputs.
pub static CONTROLLERS: &[&dyn Controller] = &[
    &deployment::Deployments,
    &replicaset::ReplicaSets { kind: Kind::ReplicaSet },
    &replicaset::ReplicaSets { kind: Kind::ReplicationController },
    &statefulset::StatefulSets,
    &daemonset::DaemonSets,
    &job::Jobs,
    &cronjob::CronJobs,
    &autoscaler::Autoscalers,
    &disruption::Disruptions,
    &endpointslice::EndpointSlices,
    &endpoints::EndpointsOfServices,
    &volumes::VolumeBinder,
    &volumes::protection::StorageProtection,
    &quota::Quotas,
    &garbage::GarbageCollector,
    &namespace::Namespaces,
    &nodelifecycle::NodeLifecycle,
    &nodelifecycle::taints::NodeTaints,
    &nodelifecycle::eviction::TaintEviction,
    &podgc::PodGc,
];

/// A call of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is asked of the API server.
    pub request: Request,
    /// Why, for the trace; none for mere bookkeeping such as status updates.
    pub why: Option<Message>,
    /// Told after success; `{}` stands for the name of the object in the answer.
    pub ok: Option<Say>,
    /// Told after a failure; `{}` stands for the error.
    pub err: Option<Say>,
    /// Reasons of errors that count as success.
    pub forgive: &'static [&'static str],
    /// The controller's own mark.
    pub tag: u32,
}

/// What a sync will do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Calls.
    pub steps: Vec<Step<Call>>,
    /// Told at once.
    pub says: Vec<Say>,
    /// Decisions, also those not to act.
    pub notes: Vec<(Subject, Message)>,
    /// Sync again after this time.
    pub again: Option<SimDuration>,
    /// Sync again as after a failure: with the queue's back-off.
    pub retry: bool,
}

impl Plan {
    /// Nothing to do.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Append one call.
    pub fn call(&mut self, call: Call) {
        self.steps.push(Step::Call(call));
    }
}

/// Creations and deletions of its own that a controller has not seen yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// Creations.
    pub adds: i32,
    /// Creations of the plan that were not sent yet.
    pub unsent: i32,
    /// Uids of objects being deleted.
    pub deletes: BTreeSet<Arc<str>>,
    /// Since when.
    pub since: SimTime,
}

/// Longest wait for an expectation (`ExpectationsTimeout`).
pub const EXPECTATION_TIMEOUT: SimDuration = SimDuration::from_secs(300);

/// What a controller keeps in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Whether a controller that runs by the clock has begun.
    pub started: bool,
    /// Expectations by owner.
    pub expectations: BTreeMap<Item, Expectation>,
    /// Errors of the current sync by owner, for its second phase.
    pub errors: BTreeMap<Item, ApiError>,
    /// What the first phase computed for the second.
    pub carried: BTreeMap<Item, Arc<Object>>,
    /// The newest note about each item, so that a decision is noted once.
    pub noted: BTreeMap<Subject, Message>,
    /// Moments by item and name: when a taint was seen, a heartbeat, a finished pod, …
    pub moments: BTreeMap<(Item, &'static str), SimTime>,
    /// Generation of objects that it wrote, by owner, until the cache has them.
    pub written: BTreeMap<(Item, Key), i64>,
    /// Numbers with their moments by item and name: recommendations, changes of a size.
    pub series: BTreeMap<(Item, &'static str), Vec<(SimTime, i32)>>,
    /// Texts by item and name, compared to see whether something changed.
    pub texts: BTreeMap<(Item, &'static str), Arc<str>>,
}

impl Memory {
    /// Whether everything expected was seen, or the wait is over.
    #[must_use]
    pub fn satisfied(&self, item: &Item, now: SimTime) -> bool {
        self.expectations.get(item).is_none_or(|e| {
            e.adds <= 0 && e.deletes.is_empty() || now.since(e.since) > EXPECTATION_TIMEOUT
        })
    }

    /// Expect creations.
    pub fn expect_adds(&mut self, item: &Item, count: i32, now: SimTime) {
        let expected =
            Expectation { adds: count, unsent: count, deletes: BTreeSet::new(), since: now };
        self.expectations.insert(item.clone(), expected);
    }

    /// Expect deletions.
    pub fn expect_deletes(
        &mut self,
        item: &Item,
        uids: impl Iterator<Item = Arc<str>>,
        now: SimTime,
    ) {
        let expected = Expectation { adds: 0, unsent: 0, deletes: uids.collect(), since: now };
        self.expectations.insert(item.clone(), expected);
    }

    /// A creation was sent and answered.
    pub fn sent_add(&mut self, item: &Item) {
        if let Some(expected) = self.expectations.get_mut(item) {
            expected.unsent -= 1;
        }
    }

    /// The plan ended early: what was not sent is not expected.
    pub fn drop_unsent(&mut self, item: &Item) {
        if let Some(expected) = self.expectations.get_mut(item) {
            expected.adds -= expected.unsent;
            expected.unsent = 0;
        }
    }

    /// A creation was seen, or failed.
    pub fn saw_add(&mut self, item: &Item) {
        if let Some(expected) = self.expectations.get_mut(item) {
            expected.adds -= 1;
        }
    }

    /// A deletion was seen, or failed.
    pub fn saw_delete(&mut self, item: &Item, uid: &str) {
        if let Some(expected) = self.expectations.get_mut(item) {
            expected.deletes.remove(uid);
        }
    }

    /// Drop all that is known about an item.
    pub fn forget(&mut self, item: &Item) {
        self.expectations.remove(item);
        self.errors.remove(item);
        self.carried.remove(item);
        self.moments.retain(|(i, _), _| i != item);
        self.series.retain(|(i, _), _| i != item);
        self.texts.retain(|(i, _), _| i != item);
    }
}

/// Keys that a change touches, some after a delay.
pub type Wakes = Vec<(Item, SimDuration)>;

/// What a sync sees.
pub struct Sync<'a> {
    /// The caches.
    pub view: &'a View,
    /// The moment.
    pub now: SimTime,
    /// What the controller remembers.
    pub memory: &'a mut Memory,
    /// What the metrics API answers, if there is one.
    pub metrics: Option<&'a Metrics>,
}

/// One controller.
pub trait Controller: std::marker::Sync {
    /// Name as events and logs show it.
    fn name(&self) -> &'static str;

    /// Concurrent syncs.
    fn workers(&self) -> u32;

    /// Keys that a change touches. The cache holds the change already.
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes;

    /// One sync.
    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan;

    /// The answer to a call of a plan.
    fn answered(
        &self,
        _item: &Item,
        _call: &Call,
        _result: &Result<Response, ApiError>,
        _sync: &mut Sync<'_>,
    ) {
    }

    /// All calls of the plan are over, well or not: the second phase of the sync, if it has one.
    fn after(&self, _item: &Item, _failed: bool, _sync: &mut Sync<'_>) -> Plan {
        Plan::none()
    }
}

/// An item at once.
#[must_use]
pub fn now(item: Item) -> (Item, SimDuration) {
    (item, SimDuration::ZERO)
}
