//! What may not change (`ValidatePodUpdate`, `ValidateDeploymentUpdate`, …).

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, PodSpec, Secret, Toleration,
};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use super::field::{At, Errors, Shown};
use super::{pod_diff, service};
use crate::kube::api::object::Object;
use crate::kube::api::request::Subresource;

const IMMUTABLE: &str = "field is immutable";
const POD_UPDATE: &str = "pod updates may not change fields other than \
    `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const STATEFUL_SET_UPDATE: &str = "updates to statefulset spec for fields other than 'replicas', \
    'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', \
    'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const CLAIM_UPDATE: &str = "spec is immutable after creation except resources.requests and \
    volumeAttributesClassName for bound claims";

/// Compare a changed object with the one before.
pub fn check(object: &Object, old: &Object, part: Subresource, errors: &mut Errors) {
    // Other kinds may change freely.
    match (object, old) {
        (Object::Pod(new), Object::Pod(was)) if part == Subresource::None => {
            pod(new, was, errors);
        }
        (Object::Deployment(new), Object::Deployment(was)) => {
            immutable_selector(&new.spec.selector, &was.spec.selector, errors);
        }
        (Object::ReplicaSet(new), Object::ReplicaSet(was)) => {
            immutable_selector(&new.spec.selector, &was.spec.selector, errors);
        }
        (Object::DaemonSet(new), Object::DaemonSet(was)) => {
            immutable_selector(&new.spec.selector, &was.spec.selector, errors);
        }
        (Object::StatefulSet(new), Object::StatefulSet(was)) => stateful_set(new, was, errors),
        (Object::Job(new), Object::Job(was)) => job(new, was, errors),
        (Object::Service(new), Object::Service(was)) => service::update(new, was, errors),
        (Object::ConfigMap(new), Object::ConfigMap(was)) => config_map(new, was, errors),
        (Object::Secret(new), Object::Secret(was)) => secret(new, was, errors),
        (Object::RoleBinding(new), Object::RoleBinding(was)) if new.role_ref != was.role_ref => {
            role_ref(&new.role_ref, errors);
        }
        (Object::ClusterRoleBinding(new), Object::ClusterRoleBinding(was))
            if new.role_ref != was.role_ref =>
        {
            role_ref(&new.role_ref, errors);
        }
        (Object::StorageClass(new), Object::StorageClass(was)) => storage_class(new, was, errors),
        (Object::PriorityClass(new), Object::PriorityClass(was)) => {
            priority_class(new, was, errors);
        }
        (Object::PersistentVolumeClaim(new), Object::PersistentVolumeClaim(was)) => {
            claim(new, was, errors);
        }
        (Object::EndpointSlice(new), Object::EndpointSlice(was))
            if new.address_type != was.address_type =>
        {
            let kind = new.address_type.as_str();
            errors.invalid(&At::root("addressType"), kind, IMMUTABLE);
        }
        (Object::IngressClass(new), Object::IngressClass(was)) => {
            let controller = |o: &k8s_openapi::api::networking::v1::IngressClass| {
                o.spec.as_ref().and_then(|s| s.controller.clone()).unwrap_or_default()
            };
            if controller(new) != controller(was) {
                let spec = At::root("spec");
                errors.invalid(&spec.child("controller"), &controller(new), IMMUTABLE);
            }
        }
        _ => {}
    }
}

fn stateful_set(new: &StatefulSet, was: &StatefulSet, errors: &mut Errors) {
    let mut copy = new.spec.clone();
    copy.replicas = was.spec.replicas;
    copy.ordinals.clone_from(&was.spec.ordinals);
    copy.template = was.spec.template.clone();
    copy.update_strategy.clone_from(&was.spec.update_strategy);
    copy.revision_history_limit = was.spec.revision_history_limit;
    copy.min_ready_seconds = was.spec.min_ready_seconds;
    copy.persistent_volume_claim_retention_policy
        .clone_from(&was.spec.persistent_volume_claim_retention_policy);
    if copy != was.spec {
        errors.forbidden(&At::root("spec"), STATEFUL_SET_UPDATE);
    }
}

fn config_map(new: &ConfigMap, was: &ConfigMap, errors: &mut Errors) {
    if was.immutable == Some(true) {
        if new.immutable != Some(true) {
            frozen("immutable", errors);
        }
        if new.data != was.data {
            frozen("data", errors);
        }
        if new.binary_data != was.binary_data {
            frozen("binaryData", errors);
        }
    }
}

fn secret(new: &Secret, was: &Secret, errors: &mut Errors) {
    if new.type_ != was.type_ {
        let kind = new.type_.as_deref().unwrap_or("");
        errors.invalid(&At::root("type"), kind, IMMUTABLE);
    }
    if was.immutable == Some(true) {
        if new.immutable != Some(true) {
            frozen("immutable", errors);
        }
        if new.data != was.data {
            frozen("data", errors);
        }
    }
}

fn storage_class(new: &StorageClass, was: &StorageClass, errors: &mut Errors) {
    for (field, changed) in [
        ("parameters", new.parameters != was.parameters),
        ("provisioner", new.provisioner != was.provisioner),
        ("reclaimPolicy", new.reclaim_policy != was.reclaim_policy),
    ] {
        if changed {
            let text = format!("updates to {field} are forbidden.");
            errors.forbidden(&At::root(field), &text);
        }
    }
    if new.volume_binding_mode != was.volume_binding_mode {
        let mode = new.volume_binding_mode.as_deref().unwrap_or("");
        errors.invalid(&At::root("volumeBindingMode"), mode, IMMUTABLE);
    }
}

fn priority_class(new: &PriorityClass, was: &PriorityClass, errors: &mut Errors) {
    if new.value != was.value {
        errors.forbidden(&At::root("value"), "may not be changed in an update.");
    }
    if new.preemption_policy != was.preemption_policy {
        let policy = new.preemption_policy.as_deref().unwrap_or("");
        errors.invalid(&At::root("preemptionPolicy"), policy, IMMUTABLE);
    }
}

fn claim(new: &PersistentVolumeClaim, was: &PersistentVolumeClaim, errors: &mut Errors) {
    let (mut spec, before) =
        (new.spec.clone().unwrap_or_default(), was.spec.clone().unwrap_or_default());
    spec.resources.clone_from(&before.resources);
    spec.volume_attributes_class_name.clone_from(&before.volume_attributes_class_name);
    // The binder and the default class may fill in what is empty.
    if before.volume_name.as_deref().unwrap_or("").is_empty() {
        spec.volume_name.clone_from(&before.volume_name);
    }
    if before.storage_class_name.is_none() {
        spec.storage_class_name = None;
    }
    if spec != before {
        errors.forbidden(&At::root("spec"), CLAIM_UPDATE);
    }
}

fn frozen(field: &str, errors: &mut Errors) {
    errors.forbidden(&At::root(field), "field is immutable when `immutable` is set");
}

fn role_ref(role: &k8s_openapi::api::rbac::v1::RoleRef, errors: &mut Errors) {
    let shown = format!(
        "{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}",
        json!(role.api_group),
        json!(role.kind),
        json!(role.name)
    );
    errors.invalid(&At::root("roleRef"), Shown::raw(shown), "cannot change roleRef");
}

fn immutable_selector(
    new: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
    old: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
    errors: &mut Errors,
) {
    if new != old {
        let at = At::root("spec");
        errors.invalid(&at.child("selector"), &json!(new), IMMUTABLE);
    }
}

fn job(new: &Job, was: &Job, errors: &mut Errors) {
    let at = At::root("spec");
    let (spec, before) =
        (new.spec.clone().unwrap_or_default(), was.spec.clone().unwrap_or_default());
    let indexed = spec.completion_mode.as_deref() == Some("Indexed");
    if spec.completions != before.completions && !(indexed && spec.completions == spec.parallelism)
    {
        errors.invalid(&at.child("completions"), Shown::json(&spec.completions), IMMUTABLE);
    }
    if spec.selector != before.selector {
        errors.invalid(&at.child("selector"), Shown::json(&spec.selector), IMMUTABLE);
    }
    let mut template = spec.template.clone();
    // A suspended job that never ran may still be placed elsewhere.
    let started = was.status.as_ref().is_some_and(|s| s.start_time.is_some());
    if before.suspend == Some(true)
        && !started
        && let (Some(mine), Some(theirs)) = (&mut template.spec, &before.template.spec)
    {
        mine.node_selector.clone_from(&theirs.node_selector);
        mine.tolerations.clone_from(&theirs.tolerations);
        mine.affinity.clone_from(&theirs.affinity);
        mine.scheduling_gates.clone_from(&theirs.scheduling_gates);
        template.metadata.clone_from(&before.template.metadata);
    }
    if template != before.template {
        errors.invalid(&at.child("template"), Shown::json(&spec.template), IMMUTABLE);
    }
    if spec.completion_mode != before.completion_mode {
        errors.invalid(&at.child("completionMode"), Shown::json(&spec.completion_mode), IMMUTABLE);
    }
    if spec.pod_failure_policy != before.pod_failure_policy {
        let at = at.child("podFailurePolicy");
        errors.invalid(&at, Shown::json(&spec.pod_failure_policy), IMMUTABLE);
    }
}

/// Only images, deadline and more tolerations may change in a pod.
fn pod(new: &Pod, was: &Pod, errors: &mut Errors) {
    let (Some(spec), Some(before)) = (&new.spec, &was.spec) else { return };
    if spec == before {
        return;
    }
    let at = At::root("spec");
    let count = spec.containers.len();
    if count != before.containers.len() {
        let text = "pod updates may not add or remove containers";
        errors.forbidden(&at.child("containers"), text);
        return;
    }
    let inits = |s: &PodSpec| s.init_containers.as_ref().map_or(0, Vec::len);
    if inits(spec) != inits(before) {
        let text = "pod updates may not add or remove containers";
        errors.forbidden(&at.child("initContainers"), text);
        return;
    }
    if let Some(old) = before.active_deadline_seconds {
        match spec.active_deadline_seconds {
            None => errors.invalid(
                &at.child("activeDeadlineSeconds"),
                Shown::raw("null"),
                "must not update from a positive integer to nil value",
            ),
            Some(new) if new > old => errors.invalid(
                &at.child("activeDeadlineSeconds"),
                new,
                "must be less than or equal to previous value",
            ),
            Some(_) => {}
        }
    }
    let gates = |s: &PodSpec| s.scheduling_gates.clone().unwrap_or_default();
    let (now, then) = (gates(spec), gates(before));
    for (index, gate) in now.iter().enumerate() {
        if !then.contains(gate) {
            let list = at.child("schedulingGates");
            let text =
                format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            errors.forbidden(&list.index(index), &text);
        }
    }
    tolerations(spec, before, &at, errors);
    if !errors.list.is_empty() {
        return;
    }
    let copy = as_allowed(spec, before);
    if copy != *before {
        let diff = pod_diff::diff(before, &copy);
        errors.forbidden(&at, &format!("{POD_UPDATE}\n{diff}"));
    }
}

/// Existing tolerations may only get shorter in time; new ones may come.
fn tolerations(spec: &PodSpec, before: &PodSpec, at: &At<'_>, errors: &mut Errors) {
    let same = |a: &Toleration, b: &Toleration| {
        let mut a = a.clone();
        a.toleration_seconds = b.toleration_seconds;
        a == *b
    };
    let now = spec.tolerations.as_deref().unwrap_or(&[]);
    for old in before.tolerations.iter().flatten() {
        if !now.iter().any(|t| same(t, old)) {
            let text = "existing toleration can not be modified except its tolerationSeconds";
            errors.forbidden(&at.child("tolerations"), text);
            return;
        }
    }
}

/// The new spec with everything that may change put back.
fn as_allowed(spec: &PodSpec, before: &PodSpec) -> PodSpec {
    let mut copy = spec.clone();
    for (mine, theirs) in copy.containers.iter_mut().zip(&before.containers) {
        mine.image.clone_from(&theirs.image);
    }
    let old = before.init_containers.as_deref().unwrap_or(&[]);
    for (mine, theirs) in copy.init_containers.iter_mut().flatten().zip(old) {
        mine.image.clone_from(&theirs.image);
    }
    copy.active_deadline_seconds = before.active_deadline_seconds;
    copy.tolerations.clone_from(&before.tolerations);
    if copy.scheduling_gates.is_none()
        || before.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty())
    {
        // A gated pod may still be placed more narrowly.
        copy.scheduling_gates.clone_from(&before.scheduling_gates);
        if before.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()) {
            copy.node_selector.clone_from(&before.node_selector);
            copy.affinity.clone_from(&before.affinity);
        }
    }
    copy.ephemeral_containers.clone_from(&before.ephemeral_containers);
    copy
}
