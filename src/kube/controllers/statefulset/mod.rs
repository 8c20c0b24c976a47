//! The StatefulSet controller: pods with names that stay, one after the other.
//!
//! Models kubernetes `pkg/controller/statefulset/{stateful_set,stateful_set_control}.go` @v1.36
//! (handbook kubernetes-controllers §3). Left out: `maxUnavailable` (its gate is off), repair of
//! a pod's identity, and the deletion policies of claims.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::trace::Subject;
use crate::kube::api::object::Key;
use crate::kube::api::store::Change;
use crate::kube::controllers::calls::{regarding_type, update_status};
use crate::kube::controllers::pods::{
    Availability, adopt, availability, controller_ref, is_finished, is_ready, phase,
};
use crate::kube::controllers::revisions::{self, REVISION_LABEL};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, selects};

pub mod pod;

use pod::{create_pod, delete_pod, ordinal_of};

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct StatefulSets;

/// A set as one sync sees it.
struct View<'a> {
    key: &'a Key,
    set: &'a StatefulSet,
    /// All pods of the set by ordinal.
    pods: Vec<(i32, &'a Pod)>,
    current: ControllerRevision,
    update: ControllerRevision,
    now: SimTime,
    monotonic: bool,
}

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::StatefulSet => vec![now((Kind::StatefulSet, change.key.clone()))],
            Kind::Pod => pod_wakes(change, sync),
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(set) = sync.view.get::<StatefulSet>(&item.1) else {
            sync.memory.forget(item);
            return plan;
        };
        if set.metadata.deletion_timestamp.is_some() {
            return plan;
        }
        let view = gather(&item.1, set, sync, &mut plan);
        let mut status = status_of(&view);
        act(&view, &mut plan);
        complete(&view, &mut status);
        if set.status.as_ref() != Some(&status) {
            let mut updated = set.clone();
            updated.status = Some(status);
            plan.call(Call::new(update_status(updated)));
        }
        clean_history(&view, sync, &mut plan);
        plan
    }
}

fn pod_wakes(change: &Change, sync: &Sync<'_>) -> Wakes {
    let mut wakes = Wakes::new();
    for object in [&change.old, &change.new].into_iter().flatten() {
        let Some(owner) = controller_of(object.meta()) else { continue };
        let key = Key::new(&change.key.namespace, &owner.name);
        if owner.kind == "StatefulSet" && sync.view.get::<StatefulSet>(&key).is_some() {
            wakes.push(now((Kind::StatefulSet, key)));
        }
    }
    let orphan = change.new.as_ref().filter(|o| controller_of(o.meta()).is_none());
    if let Some(object) = orphan {
        let labels = object.meta().labels.clone().unwrap_or_default();
        let sets = sync.view.list_in::<StatefulSet>(&change.key.namespace);
        let wanting = sets.filter(|(_, set)| selects(&set.spec.selector, &labels));
        wakes.extend(wanting.map(|(key, _)| now((Kind::StatefulSet, key.clone()))));
    }
    wakes
}

fn gather<'a>(key: &'a Key, set: &'a StatefulSet, sync: &Sync<'a>, plan: &mut Plan) -> View<'a> {
    let uid = set.metadata.uid.as_deref().unwrap_or("");
    let name = set.metadata.name.as_deref().unwrap_or("");
    let namespace = set.metadata.namespace.as_deref().unwrap_or("");
    let mut pods: Vec<(i32, &Pod)> = sync
        .view
        .owned::<Pod>(uid)
        .filter_map(|(pod_key, pod)| Some((ordinal_of(name, &pod_key.name)?, pod)))
        .collect();
    let empty = Labels::new();
    for (pod_key, orphan) in sync.view.orphans::<Pod>(namespace) {
        let labels = orphan.metadata.labels.as_ref().unwrap_or(&empty);
        let Some(ordinal) = ordinal_of(name, &pod_key.name) else { continue };
        if selects(&set.spec.selector, labels) && orphan.metadata.deletion_timestamp.is_none() {
            let owner = controller_ref::<StatefulSet>(&set.metadata);
            plan.call(adopt(Kind::Pod, pod_key, &orphan.metadata, owner, "why-kube-pod-adopted"));
            pods.push((ordinal, orphan));
        }
    }
    pods.sort_by_key(|(ordinal, _)| *ordinal);
    let known = revisions::of_owner(uid, sync);
    let owner = controller_ref::<StatefulSet>(&set.metadata);
    let labels = set.spec.selector.match_labels.clone().unwrap_or_default();
    let collisions = set.status.as_ref().and_then(|s| s.collision_count);
    let update =
        revisions::ensure(&owner, namespace, labels, &set.spec.template, collisions, &known, plan);
    let current_name = set.status.as_ref().and_then(|s| s.current_revision.as_deref());
    let current = known
        .iter()
        .find(|r| Some(revisions::name(r)) == current_name)
        .cloned()
        .unwrap_or_else(|| update.clone());
    View {
        key,
        set,
        pods,
        current,
        update,
        now: sync.now,
        monotonic: set.spec.pod_management_policy.as_deref() != Some("Parallel"),
    }
}

impl View<'_> {
    fn replicas(&self) -> i32 {
        self.set.spec.replicas.unwrap_or(1)
    }

    fn start(&self) -> i32 {
        self.set.spec.ordinals.as_ref().and_then(|o| o.start).unwrap_or(0)
    }

    fn partition(&self) -> i32 {
        let strategy = self.set.spec.update_strategy.as_ref();
        let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
        rolling.and_then(|r| r.partition).unwrap_or(0)
    }

    fn on_delete(&self) -> bool {
        let strategy = self.set.spec.update_strategy.as_ref();
        strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete")
    }

    fn at(&self, ordinal: i32) -> Option<&Pod> {
        self.pods.iter().find(|(o, _)| *o == ordinal).map(|(_, pod)| *pod)
    }

    /// Running, ready, and for long enough.
    fn available(&self, pod: &Pod) -> Availability {
        if !is_running_and_ready(pod) {
            return Availability::Never;
        }
        availability(pod, self.set.spec.min_ready_seconds.unwrap_or(0), self.now)
    }

    fn healthy(&self, pod: &Pod) -> bool {
        is_running_and_ready(pod) && !is_terminating(pod)
    }

    /// From which revision a pod is made.
    fn revision_for(&self, ordinal: i32) -> &ControllerRevision {
        let status = self.set.status.as_ref();
        let current_replicas = status.and_then(|s| s.current_replicas).unwrap_or(0);
        let strategy = self.set.spec.update_strategy.as_ref();
        let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
        let bound = match rolling {
            None => self.start() + current_replicas,
            Some(_) => self.start() + self.partition(),
        };
        if !self.on_delete() && ordinal < bound { &self.current } else { &self.update }
    }
}

fn is_running_and_ready(pod: &Pod) -> bool {
    phase(pod) == "Running" && is_ready(pod)
}

fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

fn revision_label(pod: &Pod) -> &str {
    let labels = pod.metadata.labels.as_ref();
    labels.and_then(|l| l.get(REVISION_LABEL)).map_or("", String::as_str)
}

fn status_of(view: &View<'_>) -> StatefulSetStatus {
    let count = |of: &dyn Fn(&Pod) -> bool| {
        i32::try_from(view.pods.iter().filter(|(_, pod)| of(pod)).count()).unwrap_or(i32::MAX)
    };
    let some = |n: i32| (n != 0).then_some(n);
    let of = |revision: &ControllerRevision, pod: &Pod| {
        !is_terminating(pod) && revision_label(pod) == revisions::name(revision)
    };
    let before = view.set.status.clone().unwrap_or_default();
    StatefulSetStatus {
        replicas: count(&|_| true),
        ready_replicas: some(count(&is_running_and_ready)),
        available_replicas: Some(count(&|pod| view.available(pod) == Availability::Now)),
        current_replicas: some(count(&|pod| of(&view.current, pod))),
        updated_replicas: some(count(&|pod| of(&view.update, pod))),
        current_revision: Some(revisions::name(&view.current).to_owned()),
        update_revision: Some(revisions::name(&view.update).to_owned()),
        collision_count: Some(before.collision_count.unwrap_or(0)),
        observed_generation: view.set.metadata.generation,
        conditions: before.conditions,
    }
}

/// When all pods are new, the new revision is the current one.
fn complete(view: &View<'_>, status: &mut StatefulSetStatus) {
    let wanted = view.replicas();
    let all = |n: Option<i32>| n.unwrap_or(0) == wanted;
    if !view.on_delete()
        && all(status.updated_replicas)
        && all(status.ready_replicas)
        && status.replicas == wanted
    {
        status.current_replicas = status.updated_replicas;
        status.current_revision.clone_from(&status.update_revision);
    }
}

/// The one thing to do now; several with parallel management.
fn act(view: &View<'_>, plan: &mut Plan) {
    let start = view.start();
    let end = start + view.replicas();
    for ordinal in start..end {
        if !process(view, ordinal, plan) {
            return;
        }
    }
    let condemned: Vec<&Pod> = view
        .pods
        .iter()
        .rev()
        .filter(|(ordinal, _)| *ordinal < start || *ordinal >= end)
        .map(|(_, pod)| *pod)
        .collect();
    let first_unhealthy =
        view.pods.iter().find(|(_, pod)| !view.healthy(pod)).map(|(_, pod)| &pod.metadata.uid);
    for pod in condemned {
        if is_terminating(pod) {
            if view.monotonic {
                return;
            }
            continue;
        }
        let waits = !is_running_and_ready(pod) && first_unhealthy != Some(&pod.metadata.uid);
        if view.monotonic && waits {
            note_wait(view, pod, plan);
            return;
        }
        let why = Message::new("why-kube-stateful-condemned").with("replicas", view.replicas());
        plan.call(delete_pod(view.set, pod, why));
        if view.monotonic {
            return;
        }
    }
    if !view.on_delete() {
        roll(view, plan);
    }
}

/// Look after one ordinal. Returns whether the next may be looked at.
fn process(view: &View<'_>, ordinal: i32, plan: &mut Plan) -> bool {
    let Some(pod) = view.at(ordinal) else {
        create_pod(view.set, ordinal, view.revision_for(ordinal), plan);
        return !view.monotonic;
    };
    if is_finished(pod) {
        if !is_terminating(pod) {
            let why = Message::new("why-kube-stateful-failed");
            plan.call(delete_pod(view.set, pod, why));
        }
        return false;
    }
    if !view.monotonic {
        return true;
    }
    if is_terminating(pod) || !is_running_and_ready(pod) {
        note_wait(view, pod, plan);
        return false;
    }
    match view.available(pod) {
        Availability::Now => true,
        Availability::In(wait) => {
            plan.again = Some(SimDuration(plan.again.map_or(wait.0, |a| a.0.min(wait.0))));
            false
        }
        Availability::Never => false,
    }
}

/// Replace the highest pod of an old revision; wait for those above it.
fn roll(view: &View<'_>, plan: &mut Plan) {
    let start = view.start();
    let lowest = start + view.partition();
    for ordinal in (lowest..start + view.replicas()).rev() {
        let Some(pod) = view.at(ordinal) else { return };
        if revision_label(pod) != revisions::name(&view.update) && !is_terminating(pod) {
            let why = Message::new("why-kube-stateful-rolled")
                .with("revision", revisions::name(&view.update));
            plan.call(delete_pod(view.set, pod, why));
            return;
        }
        if !view.healthy(pod) {
            note_wait(view, pod, plan);
            return;
        }
        if let Availability::In(wait) = view.available(pod) {
            plan.again = Some(wait);
            return;
        }
    }
}

fn note_wait(view: &View<'_>, pod: &Pod, plan: &mut Plan) {
    let subject = Subject::object("StatefulSet", &view.key.namespace, &view.key.name);
    let name = pod.metadata.name.as_deref().unwrap_or("");
    plan.notes.push((subject, Message::new("why-kube-stateful-waits").with("pod", name)));
}

fn clean_history(view: &View<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    let uid = view.set.metadata.uid.as_deref().unwrap_or("");
    let known = revisions::of_owner(uid, sync);
    let mut live: Vec<&str> = vec![revisions::name(&view.current), revisions::name(&view.update)];
    live.extend(view.pods.iter().map(|(_, pod)| revision_label(pod)));
    let limit = view.set.spec.revision_history_limit.unwrap_or(10);
    revisions::truncate(&known, &live, limit, plan);
}

/// What an event about a set refers to.
fn about(set: &StatefulSet) -> crate::kube::events::Regarding {
    regarding_type(set)
}
