//! Old ReplicaSets beyond the limit are deleted.
//!
//! Models kubernetes `pkg/controller/deployment/sync.go` `cleanupDeployment` @v1.36
//! (handbook kubernetes-controllers §1.8).

use k8s_openapi::api::apps::v1::ReplicaSet;

use crate::base::message::Message;
use crate::kube::api::object::Key;
use crate::kube::controllers::calls::delete;
use crate::kube::controllers::deployment::newset::revision;
use crate::kube::controllers::deployment::{Rollout, name_of, size};
use crate::kube::controllers::{Call, Plan};
use crate::kube::kinds::Kind;

/// The limit that means none (`HasRevisionHistoryLimit`).
const NO_LIMIT: i32 = i32::MAX;

/// Plan the deletion of the oldest ReplicaSets beyond the limit.
pub fn clean(rollout: &Rollout<'_>, plan: &mut Plan) {
    let Some(limit) = rollout.spec.revision_history_limit.filter(|l| *l != NO_LIMIT) else {
        return;
    };
    let mut old: Vec<&ReplicaSet> = rollout
        .old
        .iter()
        .copied()
        .filter(|set| set.metadata.deletion_timestamp.is_none())
        .collect();
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    // The list is oldest first already; a stable sort keeps that among equal revisions.
    old.sort_by_key(|set| revision(set));
    for set in old.into_iter().take(surplus) {
        let status = set.status.clone().unwrap_or_default();
        let behind = set.metadata.generation > status.observed_generation;
        if status.replicas != 0 || size(set) != 0 || behind {
            continue;
        }
        let key = Key::new(&rollout.key.namespace, name_of(set));
        let why = Message::new("why-kube-history-limit")
            .with("deployment", rollout.key.name.clone())
            .with("limit", limit);
        plan.call(
            Call::new(delete(Kind::ReplicaSet, &key, None)).because(why).forgiving(&["NotFound"]),
        );
    }
}
