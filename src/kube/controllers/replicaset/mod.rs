//! The ReplicaSet controller: keep so many pods that match a selector. ReplicationControllers are
//! kept by the same code, seen as ReplicaSets.
//!
//! Models kubernetes `pkg/controller/replicaset/replica_set.go`, `controller_ref_manager.go` and
//! `pkg/controller/replication/conversion.go` @v1.36 (handbook kubernetes-controllers §0, §2).
//! Left out: the live re-read of the owner before an adoption.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::work::Step;
use crate::kube::api::object::{Key, Object, Stored};
use crate::kube::api::request::{ApiError, Response};
use crate::kube::api::store::Change;
use crate::kube::clock::{meta_time, sim_time};
use crate::kube::controllers::calls::{patch, update_status};
use crate::kube::controllers::pods::{
    self, Availability, availability, create_call, delete_call, from_template, is_active,
};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;
use crate::kube::labels::selects;

pub mod order;
pub mod owner;

use owner::{load, store};

/// Most creations or deletions in one sync (`BurstReplicas`).
const BURST: usize = 500;
/// Annotation that says which pods to delete first.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Marks of calls.
const CREATE: u32 = 1;
const DELETE: u32 = 2;

/// The controller, once for each kind that it keeps.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaSets {
    /// `ReplicaSet` or `ReplicationController`.
    pub kind: Kind,
}

impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        if self.kind == Kind::ReplicaSet {
            "replicaset-controller"
        } else {
            "replication-controller"
        }
    }

    fn workers(&self) -> u32 {
        5
    }

    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        if change.kind == self.kind {
            let item = (self.kind, change.key.clone());
            if change.new.is_none() {
                sync.memory.forget(&item);
            }
            vec![now(item)]
        } else if change.kind == Kind::Pod {
            pod_wakes(self.kind, change, sync)
        } else {
            Vec::new()
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let Some(set) = load(sync.view, item) else {
            sync.memory.forget(item);
            return Plan::none();
        };
        sync.memory.errors.remove(item);
        let mut plan = Plan::none();
        let pods = claim(item, &set, sync, &mut plan);
        let satisfied = sync.memory.satisfied(item, sync.now);
        let (mut status, again) = status_of(&set, &pods, sync);
        if self.kind != Kind::ReplicaSet {
            status.terminating_replicas = None;
        }
        plan.again = again;
        if satisfied && set.metadata.deletion_timestamp.is_none() {
            manage(item, &set, &pods, sync, &mut plan);
        }
        let mut carried = set.into_owned();
        carried.status = Some(status);
        sync.memory.carried.insert(item.clone(), Arc::new(carried.into_object()));
        plan
    }

    fn answered(
        &self,
        item: &Item,
        call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        if call.tag == CREATE {
            sync.memory.sent_add(item);
        }
        let Err(error) = result else { return };
        match call.tag {
            CREATE => {
                sync.memory.saw_add(item);
                // A namespace that goes away is no failure worth showing.
                if !error.message.contains("because it is being terminated") {
                    sync.memory.errors.insert(item.clone(), error.clone());
                }
            }
            DELETE => {
                if let Some(uid) = &call.request.options.precondition_uid {
                    sync.memory.saw_delete(item, uid);
                }
                if error.reason != "NotFound" {
                    sync.memory.errors.insert(item.clone(), error.clone());
                }
            }
            _ => {}
        }
    }

    fn after(&self, item: &Item, failed: bool, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        if failed {
            sync.memory.drop_unsent(item);
        }
        let Some(carried) = sync.memory.carried.remove(item) else { return plan };
        let Some(mut set) = ReplicaSet::of(&carried).cloned() else { return plan };
        let error = sync.memory.errors.get(item).cloned();
        let Some(before) = load(sync.view, item) else { return plan };
        let wanted = set.spec.replicas.unwrap_or(1);
        if let Some(status) = set.status.as_mut() {
            set_failure(status, error.as_ref(), wanted, sync.now);
            let same = before.status.as_ref() == Some(status);
            if same {
                return plan;
            }
        }
        plan.call(Call::new(match store(self.kind, set) {
            owner::Stored::Set(set) => update_status(*set),
            owner::Stored::Controller(controller) => update_status(*controller),
        }));
        plan
    }
}

fn pod_wakes(kind: Kind, change: &Change, sync: &mut Sync<'_>) -> Wakes {
    let mut wakes = Wakes::new();
    let owner = |object: &Option<Arc<Object>>| -> Option<(Item, Arc<str>)> {
        let meta = object.as_ref()?.meta();
        let owner = controller_of(meta).filter(|o| o.kind == kind.name())?;
        let key = Key { namespace: change.key.namespace.clone(), name: owner.name.as_str().into() };
        let item = (kind, key);
        let same = sync.view.object(&item)?.meta().uid.as_deref() == Some(owner.uid.as_str());
        same.then(|| (item, pods::uid(meta)))
    };
    let (before, after) = (owner(&change.old), owner(&change.new));
    let deleting =
        |o: &Option<Arc<Object>>| o.as_ref().is_some_and(|o| o.meta().deletion_timestamp.is_some());
    if let Some((item, uid)) = &before {
        let goes = change.new.is_none() || deleting(&change.new) && !deleting(&change.old);
        if goes {
            sync.memory.saw_delete(item, uid);
        }
        if after.as_ref().map(|(i, _)| i) != Some(item) {
            wakes.push(now(item.clone()));
        }
    }
    if let Some((item, _)) = &after {
        if change.old.is_none() && !deleting(&change.new) {
            sync.memory.saw_add(item);
        }
        wakes.push(now(item.clone()));
    } else if let Some(object) = &change.new {
        // An orphan wakes every set that would adopt it.
        if controller_of(object.meta()).is_none() {
            let labels = object.meta().labels.clone().unwrap_or_default();
            let namespace = &change.key.namespace;
            wakes.extend(owner::wanting(sync.view, kind, namespace, &labels).into_iter().map(now));
        }
    }
    wakes
}

/// The set's active pods. Adopts and releases by calls of the plan.
fn claim<'a>(
    item: &Item,
    set: &ReplicaSet,
    sync: &Sync<'a>,
    plan: &mut Plan,
) -> Vec<(&'a Key, &'a Pod)> {
    let spec = &set.spec;
    let uid = set.metadata.uid.as_deref().unwrap_or("");
    let view = sync.view;
    let mut claimed = Vec::new();
    let deleting = set.metadata.deletion_timestamp.is_some();
    let empty = BTreeMap::new();
    for (key, pod) in view.owned::<Pod>(uid) {
        if controller_of(&pod.metadata).is_none_or(|o| o.uid != uid) {
            continue;
        }
        if selects(&spec.selector, pod.metadata.labels.as_ref().unwrap_or(&empty)) {
            claimed.push((key, pod));
        } else if !deleting && is_active(pod) {
            plan.call(release(key, pod, uid));
        }
    }
    if deleting {
        return claimed;
    }
    for (key, pod) in view.orphans::<Pod>(&item.1.namespace) {
        let labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        if is_active(pod) && selects(&spec.selector, labels) {
            let owner = owner::reference(item.0, &set.metadata);
            plan.call(pods::adopt(Kind::Pod, key, &pod.metadata, owner, "why-kube-pod-adopted"));
            claimed.push((key, pod));
        }
    }
    claimed
}

fn release(key: &Key, pod: &Pod, uid: &str) -> Call {
    let mut owners = pod.metadata.owner_references.clone().unwrap_or_default();
    owners.retain(|o| o.uid != uid);
    let body = json!({"metadata": {"ownerReferences": owners, "uid": pod.metadata.uid}});
    Call::new(patch(Kind::Pod, key, body))
        .because(Message::new("why-kube-pod-released"))
        .forgiving(&["NotFound", "Invalid"])
}

/// Create what is missing, delete what is too much.
fn manage(
    item: &Item,
    set: &ReplicaSet,
    claimed: &[(&Key, &Pod)],
    sync: &mut Sync<'_>,
    plan: &mut Plan,
) {
    let spec = &set.spec;
    let active: Vec<(&Key, &Pod)> =
        claimed.iter().copied().filter(|(_, pod)| is_active(pod)).collect();
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let about = owner::regarding(item.0, &set.metadata);
    let name = set.metadata.name.as_deref().unwrap_or("");
    if active.len() < wanted {
        let missing = (wanted - active.len()).min(BURST);
        sync.memory.expect_adds(item, i32::try_from(missing).unwrap_or(i32::MAX), sync.now);
        let template = spec.template.clone().unwrap_or_default();
        let owner = owner::reference(item.0, &set.metadata);
        let pod = from_template(&template, &item.1.namespace, owner);
        let why = Message::new("why-kube-pod-created")
            .with("owner", name)
            .with("wanted", i64::try_from(wanted).unwrap_or(i64::MAX))
            .with("have", i64::try_from(active.len()).unwrap_or(i64::MAX));
        let call = create_call(pod, &about, why).tagged(CREATE);
        plan.steps.extend(slow_start(missing, &call));
    } else if active.len() > wanted {
        let surplus = (active.len() - wanted).min(BURST);
        let victims = victims(set, &active, surplus, sync);
        let uids = victims.iter().map(|(_, pod)| pods::uid(&pod.metadata));
        sync.memory.expect_deletes(item, uids, sync.now);
        let why = Message::new("why-kube-pod-surplus")
            .with("owner", name)
            .with("wanted", i64::try_from(wanted).unwrap_or(i64::MAX))
            .with("have", i64::try_from(active.len()).unwrap_or(i64::MAX));
        let calls = victims
            .iter()
            .map(|(key, pod)| delete_call(key, pod, &about, why.clone()).tagged(DELETE));
        plan.steps.push(Step::Together(calls.collect()));
    }
}

/// Batches of 1, 2, 4, … so that a mistake is not made a thousand times at once.
#[must_use]
pub fn slow_start(count: usize, call: &Call) -> Vec<Step<Call>> {
    let mut steps = Vec::new();
    let mut left = count;
    let mut batch = 1;
    while left > 0 {
        let size = batch.min(left);
        steps.push(Step::Together(vec![call.clone(); size]));
        left -= size;
        batch *= 2;
    }
    steps
}

fn victims<'a>(
    set: &ReplicaSet,
    active: &[(&'a Key, &'a Pod)],
    surplus: usize,
    sync: &Sync<'_>,
) -> Vec<(&'a Key, &'a Pod)> {
    let ranks = ranks(set, sync);
    let candidates = active
        .iter()
        .map(|(_, pod)| {
            let cost = pod.metadata.annotations.as_ref().and_then(|a| a.get(DELETION_COST));
            order::Candidate {
                uid: pods::uid(&pod.metadata),
                assigned: !pods::node(pod).is_empty(),
                phase: match pods::phase(pod) {
                    "Unknown" => 1,
                    "Running" => 2,
                    _ => 0,
                },
                ready_since: pods::ready_since(pod),
                cost: cost.and_then(|c| c.parse().ok()).unwrap_or(0),
                rank: ranks.get(pods::node(pod)).copied().unwrap_or(0),
                restarts: pods::restarts(pod),
                created: pod.metadata.creation_timestamp.as_ref().map_or(SimTime::ZERO, sim_time),
            }
        })
        .collect();
    let chosen = order::choose(candidates, surplus, sync.now);
    let of = |uid: &Arc<str>| {
        active.iter().copied().find(|(_, pod)| pod.metadata.uid.as_deref() == Some(uid.as_ref()))
    };
    chosen.iter().filter_map(|c| of(&c.uid)).collect()
}

/// Active pods per node of all sets with the same controller.
fn ranks(set: &ReplicaSet, sync: &Sync<'_>) -> BTreeMap<String, u32> {
    let own = set.metadata.uid.clone().unwrap_or_default();
    let family: Vec<String> = match controller_of(&set.metadata) {
        None => vec![own],
        Some(owner) => sync
            .view
            .owned::<ReplicaSet>(&owner.uid)
            .filter_map(|(_, sibling)| sibling.metadata.uid.clone())
            .collect(),
    };
    let mut ranks = BTreeMap::new();
    for uid in family {
        for (_, pod) in sync.view.owned::<Pod>(&uid).filter(|(_, pod)| is_active(pod)) {
            *ranks.entry(pods::node(pod).to_owned()).or_insert(0) += 1;
        }
    }
    ranks
}

/// The status that the pods make, and when to look again for one that becomes available.
fn status_of(
    set: &ReplicaSet,
    claimed: &[(&Key, &Pod)],
    sync: &Sync<'_>,
) -> (ReplicaSetStatus, Option<SimDuration>) {
    let spec = &set.spec;
    let min_ready = spec.min_ready_seconds.unwrap_or(0);
    let template = spec.template.as_ref().and_then(|t| t.metadata.as_ref());
    let template_labels = template.and_then(|m| m.labels.clone()).unwrap_or_default();
    let (mut total, mut labeled, mut ready, mut available, mut going) = (0, 0, 0, 0, 0);
    let mut again: Option<SimDuration> = None;
    let empty = BTreeMap::new();
    for (_, pod) in claimed {
        if !is_active(pod) {
            going += i32::from(pods::is_terminating(pod));
            continue;
        }
        total += 1;
        let labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        labeled += i32::from(crate::kube::labels::contains(&template_labels, labels));
        match availability(pod, min_ready, sync.now) {
            Availability::Now => {
                ready += 1;
                available += 1;
            }
            Availability::In(wait) => {
                ready += 1;
                again = Some(again.map_or(wait, |a| SimDuration(a.0.min(wait.0))));
            }
            Availability::Never => {}
        }
    }
    let some = |n: i32| (n != 0).then_some(n);
    let conditions = set.status.as_ref().and_then(|s| s.conditions.clone());
    let status = ReplicaSetStatus {
        replicas: total,
        fully_labeled_replicas: some(labeled),
        ready_replicas: some(ready),
        available_replicas: some(available),
        terminating_replicas: Some(going),
        observed_generation: set.metadata.generation,
        conditions,
    };
    (status, again)
}

/// The condition ReplicaFailure shows the error of the sync and goes with the next good one.
fn set_failure(status: &mut ReplicaSetStatus, error: Option<&ApiError>, wanted: i32, now: SimTime) {
    let mut conditions = status.conditions.take().unwrap_or_default();
    let known = conditions.iter().position(|c| c.type_.as_deref() == Some("ReplicaFailure"));
    match (error, known) {
        (Some(error), None) => {
            let reason = if status.replicas < wanted { "FailedCreate" } else { "FailedDelete" };
            conditions.push(ReplicaSetCondition {
                type_: Some("ReplicaFailure".to_owned()),
                status: Some("True".to_owned()),
                reason: Some(reason.to_owned()),
                message: Some(error.message.clone()),
                last_transition_time: Some(meta_time(now)),
            });
        }
        (None, Some(at)) => {
            conditions.remove(at);
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    status.conditions = (!conditions.is_empty()).then_some(conditions);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::controllers::calls::delete;

    #[test]
    fn batches_double() {
        let call = Call::new(delete(Kind::Pod, &Key::new("a", "b"), None));
        let sizes: Vec<usize> = slow_start(10, &call)
            .iter()
            .map(|s| match s {
                Step::Together(calls) => calls.len(),
                Step::Call(_) => 0,
            })
            .collect();
        assert_eq!(sizes, [1, 2, 4, 3]);
    }

    #[test]
    fn a_failure_shows_once_and_goes() {
        let mut status = ReplicaSetStatus { replicas: 1, ..ReplicaSetStatus::default() };
        let error = ApiError::forbidden(Kind::Pod, "web-", "exceeded quota");
        set_failure(&mut status, Some(&error), 3, SimTime::ZERO);
        let reasons = |s: &ReplicaSetStatus| {
            s.conditions.iter().flatten().filter_map(|c| c.reason.clone()).collect::<Vec<_>>()
        };
        assert_eq!(reasons(&status), ["FailedCreate"]);
        set_failure(&mut status, None, 3, SimTime::ZERO);
        assert!(status.conditions.is_none());
    }
}
