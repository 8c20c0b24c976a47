//! The garbage collector: what has no owner any more goes.
//!
//! Models kubernetes `pkg/controller/garbagecollector/{garbagecollector,graph_builder}.go` @v1.36
//! (handbook kubernetes-controllers §9). The graph is the index of the cache; the live reads before
//! a deletion are stood in for by a short wait, longer than any watch lag.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::engine::work::Step;
use crate::kube::api::object::Object;
use crate::kube::api::request::Propagation;
use crate::kube::api::store::Change;
use crate::kube::controllers::calls::{delete_with, patch};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;

/// Finalizer: dependents go first.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer: dependents stay.
const ORPHAN: &str = "orphan";
/// A new object whose owner is not in the cache may only be ahead of it.
const OWNER_LAG: SimDuration = SimDuration::from_millis(100);

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct GarbageCollector;

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "generic-garbage-collector"
    }

    fn workers(&self) -> u32 {
        20
    }

    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        let mut wakes = Wakes::new();
        let item = (change.kind, change.key.clone());
        match (&change.old, &change.new) {
            (Some(old), None) => {
                let uid = old.meta().uid.as_deref().unwrap_or("");
                wakes.extend(sync.view.dependents(uid).cloned().map(now));
                wakes.extend(waiting_owners(old.meta(), sync));
            }
            (old, Some(new)) => {
                let meta = new.meta();
                let finalizing = has_finalizer(meta, FOREGROUND) || has_finalizer(meta, ORPHAN);
                if meta.deletion_timestamp.is_some() && finalizing {
                    wakes.push(now(item));
                } else if old.as_ref().map(|o| &o.meta().owner_references)
                    != Some(&meta.owner_references)
                    && meta.owner_references.as_ref().is_some_and(|o| !o.is_empty())
                    && absent(meta, sync)
                {
                    wakes.push((item, OWNER_LAG));
                }
                let lost = old
                    .as_ref()
                    .is_some_and(|o| o.meta().owner_references != meta.owner_references);
                if let Some(old) = old.as_ref().filter(|_| lost) {
                    wakes.extend(waiting_owners(old.meta(), sync));
                }
            }
            (None, None) => {}
        }
        wakes
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(object) = sync.view.object(item) else { return plan };
        let meta = object.meta();
        if meta.deletion_timestamp.is_some() {
            if has_finalizer(meta, ORPHAN) {
                orphan_dependents(item, object, sync, &mut plan);
            } else if has_finalizer(meta, FOREGROUND) {
                delete_dependents(item, object, sync, &mut plan);
            }
            return plan;
        }
        attempt_to_delete(item, object, sync, &mut plan);
        plan
    }
}

fn has_finalizer(meta: &ObjectMeta, name: &str) -> bool {
    meta.finalizers.iter().flatten().any(|f| f == name)
}

/// Whether no owner is in the cache.
fn absent(meta: &ObjectMeta, sync: &Sync<'_>) -> bool {
    meta.owner_references.iter().flatten().any(|o| sync.view.by_uid(&o.uid).is_none())
}

/// Owners that wait for a dependent to be gone.
fn waiting_owners(meta: &ObjectMeta, sync: &Sync<'_>) -> Wakes {
    let owners = meta.owner_references.iter().flatten();
    owners
        .filter_map(|o| sync.view.by_uid(&o.uid))
        .filter(|item| sync.view.object(item).is_some_and(|o| has_finalizer(o.meta(), FOREGROUND)))
        .cloned()
        .map(now)
        .collect()
}

fn without_finalizer(item: &Item, meta: &ObjectMeta, name: &str) -> Call {
    let mut left = meta.finalizers.clone().unwrap_or_default();
    left.retain(|f| f != name);
    let body = json!({"metadata": {
        "finalizers": left,
        "resourceVersion": meta.resource_version,
    }});
    Call::new(patch(item.0, &item.1, body))
        .because(Message::new("why-kube-finalizer-done").with("finalizer", name))
        .forgiving(&["NotFound"])
}

/// Take the owner out of all dependents, then let it go.
fn orphan_dependents(item: &Item, object: &Object, sync: &Sync<'_>, plan: &mut Plan) {
    let uid = object.meta().uid.as_deref().unwrap_or("");
    let mut calls = Vec::new();
    for dependent in sync.view.dependents(uid) {
        let Some(other) = sync.view.object(dependent) else { continue };
        calls.push(without_owners(dependent, other.meta(), &|o| o.uid == uid, "why-kube-orphaned"));
    }
    if !calls.is_empty() {
        plan.steps.push(Step::Together(calls));
    }
    plan.call(without_finalizer(item, object.meta(), ORPHAN));
}

fn without_owners(
    item: &Item,
    meta: &ObjectMeta,
    drop: &dyn Fn(&OwnerReference) -> bool,
    why: &'static str,
) -> Call {
    let owners: Vec<&OwnerReference> =
        meta.owner_references.iter().flatten().filter(|o| !drop(o)).collect();
    let body = json!({"metadata": {"ownerReferences": owners, "uid": meta.uid}});
    Call::new(patch(item.0, &item.1, body))
        .because(Message::new(why))
        .forgiving(&["NotFound", "Invalid", "Conflict"])
}

/// Delete the dependents that block the owner; when none does, let it go.
fn delete_dependents(item: &Item, object: &Object, sync: &Sync<'_>, plan: &mut Plan) {
    let uid = object.meta().uid.as_deref().unwrap_or("");
    let mut blocked = false;
    let mut calls = Vec::new();
    for dependent in sync.view.dependents(uid) {
        let Some(other) = sync.view.object(dependent) else { continue };
        let blocks = other
            .meta()
            .owner_references
            .iter()
            .flatten()
            .any(|o| o.uid == uid && o.block_owner_deletion == Some(true));
        if !blocks {
            continue;
        }
        blocked = true;
        if other.meta().deletion_timestamp.is_none() {
            calls.push(collect(dependent, other, Propagation::Foreground, object));
        }
    }
    if !calls.is_empty() {
        plan.steps.push(Step::Together(calls));
    }
    if !blocked {
        plan.call(without_finalizer(item, object.meta(), FOREGROUND));
    }
}

fn collect(item: &Item, object: &Object, how: Propagation, owner: &Object) -> Call {
    let why = Message::new("why-kube-owner-gone")
        .with("kind", owner.kind().name())
        .with("owner", owner.meta().name.clone().unwrap_or_default());
    Call::new(delete_with(item.0, &item.1, object.meta().uid.as_deref(), how))
        .because(why)
        .forgiving(&["NotFound", "Conflict"])
}

/// Delete an object none of whose owners exists.
fn attempt_to_delete(item: &Item, object: &Object, sync: &Sync<'_>, plan: &mut Plan) {
    let meta = object.meta();
    let Some(owners) = meta.owner_references.as_ref().filter(|o| !o.is_empty()) else { return };
    let live = |o: &OwnerReference| {
        sync.view.by_uid(&o.uid).and_then(|item| sync.view.object(item)).cloned()
    };
    let waits =
        |o: &Object| o.meta().deletion_timestamp.is_some() && has_finalizer(o.meta(), FOREGROUND);
    let solid = owners.iter().any(|o| live(o).is_some_and(|owner| !waits(&owner)));
    let dangling = |o: &OwnerReference| live(o).is_none();
    if solid {
        if owners.iter().any(dangling) {
            plan.call(without_owners(item, meta, &dangling, "why-kube-owner-dropped"));
        }
        return;
    }
    let uid = meta.uid.as_deref().unwrap_or("");
    let has_dependents = sync.view.dependents(uid).next().is_some();
    let waiting = owners.iter().any(|o| live(o).is_some_and(|owner| waits(&owner)));
    let how = if waiting && has_dependents || has_finalizer(meta, FOREGROUND) {
        Propagation::Foreground
    } else if has_finalizer(meta, ORPHAN) {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    let owner = owners.first();
    let why = Message::new("why-kube-owner-gone")
        .with("kind", owner.map_or("", |o| o.kind.as_str()))
        .with("owner", owner.map_or("", |o| o.name.as_str()));
    plan.call(
        Call::new(delete_with(item.0, &item.1, Some(uid), how))
            .because(why)
            .forgiving(&["NotFound", "Conflict"]),
    );
}
