//! What controllers ask of a pod, and how they make one from a template.
//!
//! Models kubernetes `pkg/controller/controller_utils.go` and `pkg/api/v1/pod/util.go` @v1.36.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::{Key, Stored};
use crate::kube::clock::sim_time;
use crate::kube::controllers::Call;
use crate::kube::controllers::calls::{create, delete, normal, patch, warning};
use crate::kube::events::Regarding;
use crate::kube::kinds::Kind;

/// `status.phase`.
#[must_use]
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("")
}

/// Phase Succeeded or Failed.
#[must_use]
pub fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Neither finished nor being deleted.
#[must_use]
pub fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && pod.metadata.deletion_timestamp.is_none()
}

/// Being deleted, not finished.
#[must_use]
pub fn is_terminating(pod: &Pod) -> bool {
    !is_finished(pod) && pod.metadata.deletion_timestamp.is_some()
}

/// A condition by type.
#[must_use]
pub fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|c| c.type_ == kind)
}

/// Since when the pod is Ready, if it is.
#[must_use]
pub fn ready_since(pod: &Pod) -> Option<SimTime> {
    let ready = condition(pod, "Ready").filter(|c| c.status == "True")?;
    Some(ready.last_transition_time.as_ref().map_or(SimTime::ZERO, sim_time))
}

/// Whether the condition Ready is true.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    ready_since(pod).is_some()
}

/// Ready for long enough; else when it will be, if it is ready now.
#[must_use]
pub fn availability(pod: &Pod, min_ready_seconds: i32, now: SimTime) -> Availability {
    let Some(since) = ready_since(pod) else { return Availability::Never };
    let wait = SimDuration::from_secs(u64::try_from(min_ready_seconds).unwrap_or(0));
    let at = since + wait;
    if at <= now { Availability::Now } else { Availability::In(at.since(now)) }
}

/// Whether a pod is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is.
    Now,
    /// It will be if it stays ready.
    In(SimDuration),
    /// It is not ready.
    Never,
}

/// `spec.nodeName`, empty for none.
#[must_use]
pub fn node(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or("")
}

/// The uid of an object.
#[must_use]
pub fn uid(meta: &ObjectMeta) -> Arc<str> {
    meta.uid.as_deref().unwrap_or("").into()
}

/// A reference that makes the owner the controller.
#[must_use]
pub fn controller_ref<T: Stored>(meta: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: T::SHELF.api_version().to_owned(),
        kind: T::SHELF.name().to_owned(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// A call that makes an owner the controller of an object.
#[must_use]
pub fn adopt(
    kind: Kind,
    key: &Key,
    meta: &ObjectMeta,
    owner: OwnerReference,
    why: &'static str,
) -> Call {
    let why = Message::new(why).with("owner", owner.name.as_str());
    let mut owners = meta.owner_references.clone().unwrap_or_default();
    owners.push(owner);
    let body = json!({"metadata": {"ownerReferences": owners, "uid": meta.uid}});
    Call::new(patch(kind, key, body)).because(why).forgiving(&["NotFound"])
}

/// A pod from a template, owned by a controller; its name is still to be generated.
#[must_use]
pub fn from_template(template: &PodTemplateSpec, namespace: &str, owner: OwnerReference) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    let prefix = format!("{}-", owner.name);
    let prefix = if valid_prefix(&prefix) { prefix } else { owner.name.clone() };
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(prefix),
            namespace: Some(namespace.to_owned()),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// A name that ends in a dash must be a subdomain with one more character.
fn valid_prefix(prefix: &str) -> bool {
    prefix.len() <= 253
}

/// Create a pod, with the events of `RealPodControl`.
#[must_use]
pub fn create_call(pod: Pod, owner: &Regarding, why: Message) -> Call {
    Call::new(create(pod))
        .because(why)
        .then_say(normal(owner, "SuccessfulCreate", "Created pod: {}"))
        .else_say(warning(owner, "FailedCreate", "Error creating: {}"))
}

/// Delete a pod, with the events of `RealPodControl`.
#[must_use]
pub fn delete_call(key: &Key, pod: &Pod, owner: &Regarding, why: Message) -> Call {
    let say = normal(owner, "SuccessfulDelete", format!("Deleted pod: {}", key.name));
    Call::new(delete(Kind::Pod, key, pod.metadata.uid.as_deref()))
        .because(why)
        .then_say(say)
        .else_say(warning(owner, "FailedDelete", "Error deleting: {}"))
        .forgiving(&["NotFound"])
}

/// Most restarts of one regular container, then of one sidecar.
#[must_use]
pub fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|s| s.restart_count).max().unwrap_or(0)
}
