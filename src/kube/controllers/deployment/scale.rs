//! Changing the size of a ReplicaSet, and scaling in the middle of a rollout.
//!
//! Models kubernetes `pkg/controller/deployment/sync.go` (`scale`, `scaleReplicaSetAndRecordEvent`,
//! `isScalingEvent`) @v1.36.

use k8s_openapi::api::apps::v1::ReplicaSet;

use crate::base::message::Message;
use crate::kube::controllers::calls::{normal, regarding_type, update};
use crate::kube::controllers::deployment::proportion::{Part, shares};
use crate::kube::controllers::deployment::{
    Rollout, available, fence, is_recreate, name_of, replicas, size,
};
use crate::kube::controllers::{Call, Plan};

const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";

fn annotation(set: &ReplicaSet, key: &str) -> Option<i32> {
    set.metadata.annotations.as_ref()?.get(key)?.parse().ok()
}

/// Write what the Deployment wanted when the size was set. Returns whether it changed.
pub fn set_replica_annotations(set: &mut ReplicaSet, desired: i32, max: i32) -> bool {
    let annotations = set.metadata.annotations.get_or_insert_default();
    let mut changed = false;
    for (key, value) in [(DESIRED, desired.to_string()), (MAX, max.to_string())] {
        if annotations.get(key) != Some(&value) {
            annotations.insert(key.to_owned(), value);
            changed = true;
        }
    }
    changed
}

/// Whether the Deployment's number of replicas was changed since the sizes were set.
#[must_use]
pub fn is_scaling_event(rollout: &Rollout<'_>) -> bool {
    let wanted = replicas(rollout.spec);
    rollout
        .sets
        .iter()
        .filter(|set| size(set) > 0)
        .any(|set| annotation(set, DESIRED).is_some_and(|desired| desired != wanted))
}

/// Why the new ReplicaSet gets a size.
#[must_use]
pub fn why_new(rollout: &Rollout<'_>, set: &ReplicaSet, to: i32) -> Message {
    let fence = fence(rollout.spec);
    Message::new("why-kube-new-grows")
        .with("deployment", rollout.key.name.clone())
        .with("from", size(set))
        .with("to", to)
        .with("most", replicas(rollout.spec) + fence.surge)
}

/// Give a ReplicaSet a size.
pub fn resize(rollout: &Rollout<'_>, set: &ReplicaSet, to: i32, why: Message, plan: &mut Plan) {
    resize_from(rollout, set, size(set), to, why, plan);
}

/// Give a ReplicaSet a size, where an earlier call of the plan gave it another.
pub fn resize_from(
    rollout: &Rollout<'_>,
    set: &ReplicaSet,
    from: i32,
    to: i32,
    why: Message,
    plan: &mut Plan,
) {
    let wanted = replicas(rollout.spec);
    let mut copy = set.clone();
    let annotations =
        set_replica_annotations(&mut copy, wanted, wanted + fence(rollout.spec).surge);
    copy.spec.replicas = Some(to);
    if from != size(set) {
        // The revision is that of before the earlier call; this one must not be refused for it.
        copy.metadata.resource_version = None;
    }
    if from == to {
        if annotations {
            plan.call(Call::new(update(copy)));
        }
        return;
    }
    let direction = if to > from { "up" } else { "down" };
    let text = format!("Scaled {direction} replica set {} from {from} to {to}", name_of(set));
    let say = normal(&regarding_type(rollout.deployment), "ScalingReplicaSet", text);
    plan.call(Call::new(update(copy)).because(why).then_say(say));
}

/// Scale on a change of the number of replicas, or while paused.
pub fn scale(rollout: &Rollout<'_>, plan: &mut Plan) {
    let wanted = replicas(rollout.spec);
    let why = || {
        Message::new("why-kube-deployment-scaled")
            .with("deployment", rollout.key.name.clone())
            .with("replicas", wanted)
    };
    let active: Vec<&ReplicaSet> =
        rollout.sets.iter().copied().filter(|set| size(set) > 0).collect();
    if let Some(only) = active_or_latest(rollout, &active) {
        if size(only) != wanted {
            resize(rollout, only, wanted, why(), plan);
        }
        return;
    }
    let saturated = rollout.new.filter(|new| {
        size(new) == wanted && annotation(new, DESIRED) == Some(wanted) && available(new) == wanted
    });
    if saturated.is_some() {
        for old in rollout.old.iter().filter(|set| size(set) > 0) {
            resize(rollout, old, 0, why(), plan);
        }
        return;
    }
    if is_recreate(rollout.spec) {
        return;
    }
    let status_replicas = rollout.deployment.status.as_ref().and_then(|s| s.replicas).unwrap_or(0);
    let parts: Vec<Part> = (0_u64..)
        .zip(&active)
        .map(|(age, set)| Part { size: size(set), age, max_annotation: annotation(set, MAX) })
        .collect();
    let sizes = shares(&parts, wanted, fence(rollout.spec).surge, status_replicas);
    for (set, to) in active.iter().zip(sizes) {
        resize(rollout, set, to, why(), plan);
    }
}

/// The only ReplicaSet with pods; if none has any, the new one or else the newest.
fn active_or_latest<'a>(
    rollout: &Rollout<'a>,
    active: &[&'a ReplicaSet],
) -> Option<&'a ReplicaSet> {
    match active {
        [] => rollout.new.or(rollout.old.last().copied()),
        [only] => Some(only),
        _ => None,
    }
}
