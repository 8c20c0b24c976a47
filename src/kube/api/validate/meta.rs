//! Metadata of all kinds (apimachinery `pkg/api/validation/objectmeta.go`).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::field::{At, Errors};
use super::names::{self, Wrong};
use crate::kube::api::object::{Kind, Object};

/// Bytes of all annotations together (`TotalAnnotationSizeLimitB`).
const ANNOTATIONS_SIZE: usize = 256 * 1024;

/// How names of a kind look.
fn name_form(kind: Kind) -> fn(&str) -> Wrong {
    match kind {
        Kind::Namespace | Kind::Service => names::label,
        Kind::Role
        | Kind::RoleBinding
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::PodDisruptionBudget
        | Kind::Event => names::path_segment,
        Kind::ConfigMap
        | Kind::Endpoints
        | Kind::LimitRange
        | Kind::Node
        | Kind::PersistentVolumeClaim
        | Kind::PersistentVolume
        | Kind::Pod
        | Kind::PodTemplate
        | Kind::ReplicationController
        | Kind::ResourceQuota
        | Kind::Secret
        | Kind::ServiceAccount
        | Kind::MutatingWebhookConfiguration
        | Kind::ValidatingWebhookConfiguration
        | Kind::CustomResourceDefinition
        | Kind::ControllerRevision
        | Kind::DaemonSet
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::HorizontalPodAutoscaler
        | Kind::CronJob
        | Kind::Job
        | Kind::CertificateSigningRequest
        | Kind::Lease
        | Kind::EndpointSlice
        | Kind::IngressClass
        | Kind::Ingress
        | Kind::NetworkPolicy
        | Kind::RuntimeClass
        | Kind::PriorityClass
        | Kind::CSIDriver
        | Kind::CSINode
        | Kind::StorageClass
        | Kind::VolumeAttachment => names::subdomain,
    }
}

/// Name, labels, annotations, owners and finalizers of a new object.
pub fn create(object: &Object, errors: &mut Errors) {
    let at = At::root("metadata");
    let meta = object.meta();
    let form = name_form(object.kind());
    if let Some(prefix) = meta.generate_name.as_deref().filter(|p| !p.is_empty()) {
        // A trailing dash is fine where more follows.
        let stem = prefix.strip_suffix('-').map_or(prefix.to_owned(), |s| format!("{s}a"));
        for why in form(&stem) {
            errors.invalid(&at.child("generateName"), prefix, &why);
        }
    }
    match meta.name.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("name"), "name or generateName is required"),
        name => {
            for why in form(name) {
                errors.invalid(&at.child("name"), name, &why);
            }
        }
    }
    common(meta, &at, errors);
}

/// What a change of metadata may not do.
pub fn update(object: &Object, old: &Object, errors: &mut Errors) {
    let at = At::root("metadata");
    let (meta, before) = (object.meta(), old.meta());
    if before.deletion_timestamp.is_some() {
        let had = before.finalizers.as_deref().unwrap_or(&[]);
        let new: Vec<String> = meta
            .finalizers
            .iter()
            .flatten()
            .filter(|f| !had.contains(f))
            .map(|f| format!("{f:?}"))
            .collect();
        if !new.is_empty() {
            errors.forbidden(
                &at.child("finalizers"),
                &format!(
                    "no new finalizers can be added if the object is being deleted, found new \
                     finalizers []string{{{}}}",
                    new.join(", ")
                ),
            );
        }
    }
    common(meta, &at, errors);
}

fn common(meta: &ObjectMeta, at: &At<'_>, errors: &mut Errors) {
    labels(meta.labels.as_ref(), &at.child("labels"), errors);
    annotations(meta.annotations.as_ref(), &at.child("annotations"), errors);
    let owners = at.child("ownerReferences");
    let mut controllers = Vec::new();
    for (index, owner) in meta.owner_references.iter().flatten().enumerate() {
        let at = owners.index(index);
        for (field, value) in [
            ("apiVersion", &owner.api_version),
            ("kind", &owner.kind),
            ("name", &owner.name),
            ("uid", &owner.uid),
        ] {
            if value.is_empty() {
                errors.invalid(&at.child(field), "", "must not be empty");
            }
        }
        if owner.controller == Some(true) {
            controllers.push(owner);
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let text = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for \
             {}/{} and {}/{}",
            first.kind, first.name, second.kind, second.name
        );
        errors.invalid(&owners, &serde_json::json!(meta.owner_references), &text);
    }
    for finalizer in meta.finalizers.iter().flatten() {
        for why in names::qualified(finalizer) {
            errors.invalid(&at.child("finalizers"), finalizer, &why);
        }
    }
}

/// Labels; the complaint names the whole map.
pub fn labels(labels: Option<&BTreeMap<String, String>>, at: &At<'_>, errors: &mut Errors) {
    for (key, value) in labels.into_iter().flatten() {
        for why in names::qualified(key) {
            errors.invalid(at, key, &why);
        }
        for why in names::label_value(value) {
            errors.invalid(at, value, &why);
        }
    }
}

/// Annotations: any value, but not too much of it.
pub fn annotations(map: Option<&BTreeMap<String, String>>, at: &At<'_>, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in map.into_iter().flatten() {
        for why in names::qualified(&key.to_lowercase()) {
            errors.invalid(at, key, &why);
        }
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_SIZE {
        errors.too_long(at, ANNOTATIONS_SIZE);
    }
}
