//! The namespace controller: a namespace that is being deleted is emptied first.
//!
//! Models kubernetes `pkg/controller/namespace/deletion/namespaced_resources_deleter.go` @v1.36
//! (handbook kubernetes-controllers §10).

use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition, Pod};

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::trace::Subject;
use crate::kube::api::object::Stored;
use crate::kube::api::request::{Propagation, Request, Subresource, Verb};
use crate::kube::api::store::Change;
use crate::kube::clock::{meta_time, sim_time};
use crate::kube::controllers::calls::update_status;
use crate::kube::controllers::pods::is_finished;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes};
use crate::kube::informer::Item;
use crate::kube::kinds::{Kind, Scope};

/// From the delete to the first look (`namespaceDeletionGracePeriod`).
const GRACE: SimDuration = SimDuration::from_secs(5);
/// Finalizer in `spec.finalizers`.
const FINALIZER: &str = "kubernetes";

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct Namespaces;

impl Controller for Namespaces {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn workers(&self) -> u32 {
        10
    }

    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        let item = (change.kind, change.key.clone());
        if change.kind != Kind::Namespace {
            return Wakes::new();
        }
        let Some(object) = &change.new else {
            sync.memory.forget(&item);
            return Wakes::new();
        };
        let before = change.old.as_ref().and_then(|o| o.meta().deletion_timestamp.clone());
        if object.meta().deletion_timestamp.is_none() || before.is_some() {
            return Wakes::new();
        }
        vec![(item, GRACE)]
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(namespace) = sync.view.get::<Namespace>(&item.1) else { return plan };
        let Some(deleted) = namespace.metadata.deletion_timestamp.as_ref().map(sim_time) else {
            return plan;
        };
        let name = item.1.name.as_ref();
        let pods: Vec<&Pod> = sync.view.list_in::<Pod>(name).map(|(_, pod)| pod).collect();
        if !pods.is_empty() {
            plan.call(wipe(Kind::Pod, name));
            report(namespace, sync, &mut plan);
            plan.again = Some(estimate(&pods, deleted, sync.now));
            let what = Message::new("why-kube-namespace-waits")
                .with("pods", i64::try_from(pods.len()).unwrap_or(i64::MAX));
            plan.notes.push((Subject::object("Namespace", "", name), what));
            return plan;
        }
        let namespaced = Kind::ALL.iter().copied().filter(|k| k.scope() == Scope::Namespaced);
        let filled = |kind: &Kind| {
            *kind == Kind::Event || sync.view.objects_in(*kind, name).next().is_some()
        };
        let (left, finalizers) = leftovers(name, sync);
        if left > 0 {
            for kind in namespaced.filter(|kind| *kind != Kind::Pod).filter(filled) {
                plan.call(wipe(kind, name));
            }
            report(namespace, sync, &mut plan);
            // Objects that only wait for finalizers of others are looked at again and again.
            plan.retry = finalizers > 0;
            if finalizers == 0 {
                plan.again = Some(SimDuration::from_millis(50));
            }
            return plan;
        }
        plan.call(wipe(Kind::Event, name));
        plan.call(finalize(namespace));
        plan
    }
}

/// Objects left apart from events, and how many of them have finalizers.
fn leftovers(name: &str, sync: &Sync<'_>) -> (usize, usize) {
    let mut left = 0;
    let mut finalizers = 0;
    for kind in Kind::ALL.iter().copied().filter(|k| k.scope() == Scope::Namespaced) {
        for (_, object) in sync.view.objects_in(kind, name) {
            left += 1;
            let meta = object.meta();
            let held = meta.finalizers.as_ref().is_some_and(|f| !f.is_empty());
            finalizers += usize::from(held && meta.deletion_timestamp.is_some());
        }
    }
    (left, finalizers)
}

fn wipe(kind: Kind, namespace: &str) -> Call {
    let mut request = Request::new(Verb::DeleteCollection, kind, namespace, "");
    request.options.propagation = Some(Propagation::Background);
    let why = Message::new("why-kube-namespace-emptied").with("namespace", namespace);
    Call::new(request).because(why).forgiving(&["NotFound"])
}

/// When to look again: half the time that the pods still need, plus a second.
fn estimate(pods: &[&Pod], deleted: SimTime, now: SimTime) -> SimDuration {
    let longest = pods
        .iter()
        .filter(|pod| !is_finished(pod))
        .map(|pod| pod.spec.as_ref().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30))
        .max()
        .and_then(|s| u64::try_from(s).ok())
        .unwrap_or(0);
    let left = longest.saturating_sub(now.since(deleted).0 / 1_000_000);
    SimDuration::from_secs(left / 2 + 1)
}

/// Conditions of a deletion that goes well: type, reason, message.
const CONDITIONS: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

fn report(namespace: &Namespace, sync: &Sync<'_>, plan: &mut Plan) {
    let name = namespace.metadata.name.as_deref().unwrap_or("");
    let remaining = remaining(name, sync);
    let mut updated = namespace.clone();
    let status = updated.status.get_or_insert_default();
    status.phase = Some("Terminating".to_owned());
    let conditions = status.conditions.get_or_insert_default();
    for (kind, reason, message) in CONDITIONS {
        let (status, reason, message) = match (kind, &remaining) {
            ("NamespaceContentRemaining", Some((content, _))) => {
                ("True", "SomeResourcesRemain", content.clone())
            }
            ("NamespaceFinalizersRemaining", Some((_, Some(finalizers)))) => {
                ("True", "SomeFinalizersRemain", finalizers.clone())
            }
            _ => ("False", reason, message.to_owned()),
        };
        let stamp = Some(meta_time(sync.now));
        let new = NamespaceCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: stamp,
        };
        match conditions.iter_mut().find(|c| c.type_ == kind) {
            Some(known) if known.status == new.status && known.message == new.message => {}
            Some(known) => *known = new,
            None => conditions.push(new),
        }
    }
    if updated.status != namespace.status {
        plan.call(Call::new(update_status(updated)).forgiving(&["NotFound", "Conflict"]));
    }
}

/// What is left that is being deleted but held by finalizers: texts of the two conditions.
fn remaining(name: &str, sync: &Sync<'_>) -> Option<(String, Option<String>)> {
    let mut parts = Vec::new();
    let mut held: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for kind in Kind::ALL.iter().copied().filter(|k| k.scope() == Scope::Namespaced) {
        let objects = sync.view.objects_in(kind, name).map(|(_, o)| o.meta());
        let waiting = objects.filter(|meta| meta.deletion_timestamp.is_some());
        let mut count = 0;
        for meta in waiting.filter(|m| m.finalizers.as_ref().is_some_and(|f| !f.is_empty())) {
            count += 1;
            for finalizer in meta.finalizers.iter().flatten() {
                *held.entry(finalizer.clone()).or_insert(0) += 1;
            }
        }
        if count > 0 {
            let group = kind.group();
            parts.push(format!("{}.{group} has {count} resource instances", kind.plural()));
        }
    }
    if parts.is_empty() {
        return None;
    }
    let finalizers: Vec<String> =
        held.iter().map(|(f, n)| format!("{f} in {n} resource instances")).collect();
    let content = format!("Some resources are remaining: {}", parts.join(", "));
    let finalizers = format!(
        "Some content in the namespace has finalizers remaining: {}",
        finalizers.join(", ")
    );
    Some((content, Some(finalizers)))
}

fn finalize(namespace: &Namespace) -> Call {
    let mut updated = namespace.clone();
    if let Some(finalizers) = updated.spec.as_mut().and_then(|s| s.finalizers.as_mut()) {
        finalizers.retain(|f| f != FINALIZER);
    }
    updated.metadata.resource_version = None;
    let mut request = Request::update(updated.into_object());
    request.subresource = Subresource::Finalize;
    let why = Message::new("why-kube-namespace-done");
    Call::new(request).because(why).forgiving(&["NotFound"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_waited_for_half_their_time() {
        let pod = Pod::default();
        let deleted = SimTime::from_secs(100);
        // Recorded: a namespace with pods of 30 s was looked at again after 13 s.
        assert_eq!(estimate(&[&pod], deleted, SimTime::from_secs(105)), SimDuration::from_secs(13));
    }
}
