//! The ReplicaSet of the present template: found, refreshed or created.
//!
//! Models kubernetes `pkg/controller/deployment/sync.go` `getNewReplicaSet` and
//! `util/deployment_util.go` `SetNewReplicaSetAnnotations` @v1.36
//! (handbook kubernetes-controllers §1.4).

use std::collections::BTreeMap;
use std::hash::Hasher;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::base::message::Message;
use crate::base::name::safe_encode;
use crate::base::time::SimTime;
use crate::kube::api::object::Key;
use crate::kube::api::request::ApiError;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{
    create as create_request, normal, regarding_type, update, update_status, warning,
};
use crate::kube::controllers::deployment::scale::set_replica_annotations;
use crate::kube::controllers::deployment::status::{has_deadline, set_condition};
use crate::kube::controllers::deployment::{
    CREATE_SET, Rollout, fence, is_recreate, name_of, replicas, rolling, size,
};
use crate::kube::controllers::pods::controller_ref;
use crate::kube::controllers::{Call, Plan, Sync};
use crate::kube::informer::{Item, controller_of};

/// Label and part of the name: hash of the template.
pub const HASH_LABEL: &str = "pod-template-hash";
/// Annotation: number of the revision.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotation: numbers that the ReplicaSet had before.
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Longest list of former numbers (`maxRevHistoryLengthInChars`).
const MAX_HISTORY_CHARS: usize = 2000;
/// Longest object name.
const MAX_NAME: usize = 253;

/// Annotations of a Deployment that its ReplicaSets do not get.
const NOT_COPIED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// Whether a ReplicaSet has this template, apart from the hash label.
#[must_use]
pub fn same_template(set: &ReplicaSet, template: &PodTemplateSpec) -> bool {
    let Some(own) = set.spec.template.as_ref() else { return false };
    if own.spec != template.spec {
        return false;
    }
    let bare = |template: &PodTemplateSpec| {
        let mut meta = template.metadata.clone().unwrap_or_default();
        if let Some(labels) = meta.labels.as_mut() {
            labels.remove(HASH_LABEL);
        }
        (meta.labels.unwrap_or_default(), meta.annotations.unwrap_or_default())
    };
    bare(own) == bare(template)
}

/// Revision number in the annotation.
#[must_use]
pub fn revision(set: &ReplicaSet) -> i64 {
    let annotation = set.metadata.annotations.as_ref().and_then(|a| a.get(REVISION));
    annotation.and_then(|r| r.parse().ok()).unwrap_or(0)
}

fn next_revision(rollout: &Rollout<'_>) -> i64 {
    rollout.old.iter().map(|set| revision(set)).max().unwrap_or(0) + 1
}

/// Hash of a template. Upstream hashes a dump of the Go value; only equality matters.
fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let mut digest = crate::base::digest::Digester::new();
    digest.text(&serde_json::to_string(template).unwrap_or_default());
    if let Some(count) = collisions {
        digest.write_i32(count);
    }
    let hash = digest.finish();
    safe_encode(u32::try_from((hash >> 32) ^ (hash & 0xffff_ffff)).unwrap_or(0))
}

/// Bring annotations of a known new ReplicaSet up to date, or the Deployment's own revision.
/// Returns whether a call was planned that ends the sync.
pub fn refresh(rollout: &Rollout<'_>, set: &ReplicaSet, now: SimTime, plan: &mut Plan) -> bool {
    let mut copy = set.clone();
    let number = next_revision(rollout);
    let changed = set_annotations(rollout.deployment, &mut copy, number, true);
    let min_ready = rollout.spec.min_ready_seconds.unwrap_or(0);
    let own_min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    if changed || min_ready != own_min_ready {
        copy.spec.min_ready_seconds = Some(min_ready);
        let why = Message::new("why-kube-replicaset-revision")
            .with("deployment", rollout.key.name.clone())
            .with("revision", number);
        plan.call(Call::new(update(copy)).because(why));
        // The sync goes on with the ReplicaSet as updated; what follows sees it after the watch.
        return true;
    }
    let mut deployment = rollout.deployment.clone();
    let mut needed = set_deployment_revision(&mut deployment, revision(set));
    let status = deployment.status.get_or_insert_default();
    let progressing =
        status.conditions.iter().flatten().any(|c| c.type_.as_deref() == Some("Progressing"));
    if has_deadline(rollout.spec) && !progressing {
        let text = format!("Found new replica set \"{}\"", name_of(set));
        let found = condition("Progressing", "True", "FoundNewReplicaSet", text, now);
        set_condition(status, found);
        needed = true;
    }
    if needed {
        plan.call(Call::new(update_status(deployment)));
    }
    needed
}

fn set_deployment_revision(deployment: &mut Deployment, number: i64) -> bool {
    let annotations = deployment.metadata.annotations.get_or_insert_default();
    let text = number.to_string();
    if annotations.get(REVISION) == Some(&text) {
        return false;
    }
    annotations.insert(REVISION.to_owned(), text);
    true
}

/// Plan the creation of the new ReplicaSet, at the size that it may have at once.
pub fn create(item: &Item, rollout: &Rollout<'_>, sync: &mut Sync<'_>, plan: &mut Plan) {
    sync.memory.errors.remove(item);
    let wanted = replicas(rollout.spec);
    let total: i32 = rollout.sets.iter().map(|s| size(s)).sum();
    let count = if is_recreate(rollout.spec) {
        wanted
    } else {
        rolling::new_size(wanted, fence(rollout.spec), total, 0)
    };
    let number = next_revision(rollout);
    let set = build(rollout, count, number);
    let name = name_of(&set).to_owned();
    let about = regarding_type(rollout.deployment);
    let why = Message::new("why-kube-replicaset-created")
        .with("deployment", rollout.key.name.clone())
        .with("revision", number)
        .with("replicas", count);
    let mut call = Call::new(create_request(set)).because(why).tagged(CREATE_SET);
    if count > 0 {
        let text = format!("Scaled up replica set {name} from 0 to {count}");
        call = call.then_say(normal(&about, "ScalingReplicaSet", text));
    }
    plan.call(call);
    let mut deployment = rollout.deployment.clone();
    let mut needed = set_deployment_revision(&mut deployment, number);
    if has_deadline(rollout.spec) {
        let text = format!("Created new replica set \"{name}\"");
        let created = condition("Progressing", "True", "NewReplicaSetCreated", text, sync.now);
        set_condition(deployment.status.get_or_insert_default(), created);
        needed = true;
    }
    if needed {
        plan.call(Call::new(update_status(deployment)));
    }
}

fn build(rollout: &Rollout<'_>, count: i32, number: i64) -> ReplicaSet {
    let deployment = rollout.deployment;
    let mut template = rollout.spec.template.clone();
    let collisions = deployment.status.as_ref().and_then(|s| s.collision_count);
    let hash = template_hash(&template, collisions);
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(HASH_LABEL.to_owned(), hash.clone());
    let labels = labels.clone();
    let mut selector = rollout.spec.selector.clone();
    selector.match_labels.get_or_insert_default().insert(HASH_LABEL.to_owned(), hash.clone());
    let owner = deployment.metadata.name.clone().unwrap_or_default();
    let mut set = ReplicaSet {
        metadata: ObjectMeta {
            name: Some(set_name(&owner, &hash)),
            namespace: deployment.metadata.namespace.clone(),
            owner_references: Some(vec![controller_ref::<Deployment>(&deployment.metadata)]),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: ReplicaSetSpec {
            replicas: Some(count),
            min_ready_seconds: rollout.spec.min_ready_seconds.filter(|s| *s != 0),
            selector,
            template: Some(template),
        },
        status: None,
    };
    set_annotations(deployment, &mut set, number, false);
    let wanted = replicas(rollout.spec);
    set_replica_annotations(&mut set, wanted, wanted + fence(rollout.spec).surge);
    set
}

/// Copy the Deployment's annotations and set the revision. Returns whether something changed.
fn set_annotations(
    deployment: &Deployment,
    set: &mut ReplicaSet,
    number: i64,
    exists: bool,
) -> bool {
    let empty = BTreeMap::new();
    let own = deployment.metadata.annotations.as_ref().unwrap_or(&empty);
    let annotations = set.metadata.annotations.get_or_insert_default();
    let mut changed = false;
    for (key, value) in own.iter().filter(|(key, _)| !NOT_COPIED.contains(&key.as_str())) {
        if annotations.get(key) != Some(value) {
            annotations.insert(key.clone(), value.clone());
            changed = true;
        }
    }
    let before = annotations.get(REVISION).cloned();
    let before_number: i64 = before.as_deref().and_then(|r| r.parse().ok()).unwrap_or(0);
    if before_number >= number {
        return changed;
    }
    annotations.insert(REVISION.to_owned(), number.to_string());
    if let Some(before) = before.filter(|_| exists) {
        let list = annotations.get(REVISION_HISTORY).cloned().unwrap_or_default();
        annotations.insert(REVISION_HISTORY.to_owned(), append_history(&list, &before));
    }
    true
}

/// Append to a comma list that drops its oldest entries when it grows too long.
fn append_history(list: &str, number: &str) -> String {
    if list.is_empty() {
        return number.to_owned();
    }
    let mut rest = list;
    while rest.len() + number.len() + 1 > MAX_HISTORY_CHARS {
        rest = rest.split_once(',').map_or("", |(_, tail)| tail);
        if rest.is_empty() {
            return number.to_owned();
        }
    }
    format!("{rest},{number}")
}

/// A condition of a Deployment as of now.
#[must_use]
pub fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: String,
    now: SimTime,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: Some(kind.to_owned()),
        status: Some(status.to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(meta_time(now)),
        last_transition_time: Some(meta_time(now)),
    }
}

/// Who has the name that a new ReplicaSet was to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The cache does not show it yet.
    Unseen,
    /// It is the ReplicaSet itself: an earlier sync made it.
    Own,
    /// Another one with the same hash.
    Other,
}

/// Look who has the name.
#[must_use]
pub fn taken(deployment: &Deployment, sync: &Sync<'_>) -> Taken {
    let collisions = deployment.status.as_ref().and_then(|s| s.collision_count);
    let hash = template_hash(&deployment.spec.template, collisions);
    let owner = deployment.metadata.name.as_deref().unwrap_or("");
    let namespace = deployment.metadata.namespace.as_deref().unwrap_or("");
    let Some(set) = sync.view.get::<ReplicaSet>(&Key::new(namespace, &set_name(owner, &hash)))
    else {
        return Taken::Unseen;
    };
    let ours = controller_of(&set.metadata).map(|o| &o.uid) == deployment.metadata.uid.as_ref();
    if ours && same_template(set, &deployment.spec.template) { Taken::Own } else { Taken::Other }
}

fn set_name(owner: &str, hash: &str) -> String {
    let cut: String = owner.chars().take(MAX_NAME.saturating_sub(hash.len() + 1)).collect();
    format!("{cut}-{hash}")
}

/// The name was taken: the next hash counts one collision more.
#[must_use]
pub fn collided(deployment: &Deployment) -> Option<Deployment> {
    let mut deployment = deployment.clone();
    let status = deployment.status.get_or_insert_default();
    status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
    Some(deployment)
}

/// The ReplicaSet could not be created: an event and a condition.
pub fn create_failed(
    deployment: &Deployment,
    error: &ApiError,
    now: SimTime,
    plan: &mut Plan,
) -> Option<Deployment> {
    let spec = &deployment.spec;
    let collisions = deployment.status.as_ref().and_then(|s| s.collision_count);
    let hash = template_hash(&spec.template, collisions);
    let name = deployment.metadata.name.as_deref().unwrap_or("");
    let text = format!("Failed to create new replica set \"{name}-{hash}\": {}", error.message);
    let about = regarding_type(deployment);
    plan.says.push(warning(&about, "ReplicaSetCreateError", text.clone()));
    if !has_deadline(spec) {
        return None;
    }
    let mut deployment = deployment.clone();
    let failed = condition("Progressing", "False", "ReplicaSetCreateError", text, now);
    set_condition(deployment.status.get_or_insert_default(), failed);
    Some(deployment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_revisions_are_kept_in_a_list() {
        assert_eq!(append_history("", "1"), "1");
        assert_eq!(append_history("1,3", "5"), "1,3,5");
        let long = vec!["123456789"; 200].join(",");
        let grown = append_history(&long, "7");
        assert!(grown.len() <= MAX_HISTORY_CHARS && grown.ends_with(",7"));
    }

    #[test]
    fn hashes_have_the_alphabet_of_real_ones() {
        let hash = template_hash(&PodTemplateSpec::default(), None);
        assert!(hash.chars().all(|c| "456789bcdf".contains(c)), "{hash}");
        assert_ne!(hash, template_hash(&PodTemplateSpec::default(), Some(1)));
    }
}
