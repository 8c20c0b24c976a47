//! Defaults: what the API server fills in before it looks at an object.
//!
//! Follows `pkg/apis/*/v1/defaults.go`. Fields that Go always writes (`resources: {}`) are set to
//! their empty value here, so that `-o yaml` shows them.

pub mod batch;
pub mod pod;
pub mod service;
pub mod storage;
pub mod volume;
pub mod workload;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LimitRangeSpec, Namespace, Node, Secret};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kube::api::object::Object;

/// Fill in what is missing.
pub fn apply(object: &mut Object) {
    match object {
        Object::Pod(o) => pod::pod(o),
        Object::PodTemplate(o) => pod::template(o.template.get_or_insert_default()),
        Object::Deployment(o) => workload::deployment(o),
        Object::ReplicaSet(o) => workload::replica_set(o),
        Object::ReplicationController(o) => workload::replication_controller(o),
        Object::StatefulSet(o) => workload::stateful_set(o),
        Object::DaemonSet(o) => workload::daemon_set(o),
        Object::Job(o) => batch::job(o),
        Object::CronJob(o) => batch::cron_job(o),
        Object::HorizontalPodAutoscaler(o) => workload::autoscaler(o),
        Object::Service(o) => service::service(o),
        Object::Endpoints(o) => service::endpoints(o),
        Object::EndpointSlice(o) => service::endpoint_slice(o),
        Object::Ingress(_) | Object::IngressClass(_) => {}
        Object::NetworkPolicy(o) => service::network_policy(o),
        Object::PersistentVolume(o) => storage::volume(o),
        Object::PersistentVolumeClaim(o) => storage::claim(o),
        Object::StorageClass(o) => storage::class(o),
        Object::CSIDriver(o) => storage::driver(o),
        Object::ClusterRoleBinding(o) => {
            or(&mut o.role_ref.api_group, "rbac.authorization.k8s.io");
            subjects(&mut o.subjects);
        }
        Object::RoleBinding(o) => {
            or(&mut o.role_ref.api_group, "rbac.authorization.k8s.io");
            subjects(&mut o.subjects);
        }
        Object::Namespace(o) => namespace(o),
        Object::Secret(o) => secret(o),
        Object::ResourceQuota(o) => {
            o.status.get_or_insert_default();
            o.spec.get_or_insert_default();
        }
        Object::LimitRange(o) => {
            if let Some(spec) = &mut o.spec {
                limit_range(spec);
            }
        }
        Object::Node(o) => node(o),
        Object::PriorityClass(o) => {
            or(&mut o.preemption_policy, "PreemptLowerPriority");
            o.value.get_or_insert(0);
        }
        Object::PodDisruptionBudget(o) => {
            o.spec.get_or_insert_default();
        }
        Object::Event(o) => {
            o.source.get_or_insert_default();
            o.reporting_component.get_or_insert_default();
            o.reporting_instance.get_or_insert_default();
        }
        Object::Lease(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::ControllerRevision(_)
        | Object::MutatingWebhookConfiguration(_)
        | Object::ValidatingWebhookConfiguration(_)
        | Object::CustomResourceDefinition(_)
        | Object::CertificateSigningRequest(_)
        | Object::RuntimeClass(_)
        | Object::ClusterRole(_)
        | Object::Role(_)
        | Object::CSINode(_)
        | Object::VolumeAttachment(_) => {}
    }
}

/// A namespace is active and labelled with its name.
fn namespace(o: &mut Namespace) {
    let phase = &mut o.status.get_or_insert_default().phase;
    phase.get_or_insert_with(|| "Active".to_owned());
    let labels = o.metadata.labels.get_or_insert_default();
    if let Some(name) = o.metadata.name.as_ref().filter(|n| !n.is_empty()) {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
    }
}

/// What is written as text ends up as data.
fn secret(o: &mut Secret) {
    or(&mut o.type_, "Opaque");
    for (key, text) in o.string_data.take().into_iter().flatten() {
        let bytes = k8s_openapi::ByteString(text.into_bytes());
        o.data.get_or_insert_default().insert(key, bytes);
    }
}

/// A node gives pods all it has.
fn node(o: &mut Node) {
    o.spec.get_or_insert_default();
    let status = o.status.get_or_insert_default();
    if status.allocatable.is_none() {
        status.allocatable.clone_from(&status.capacity);
    }
}

/// Set a text that is missing or empty.
pub fn or(field: &mut Option<String>, value: &str) {
    if field.as_deref().unwrap_or("").is_empty() {
        *field = Some(value.to_owned());
    }
}

fn subjects(subjects: &mut Option<Vec<k8s_openapi::api::rbac::v1::Subject>>) {
    for subject in subjects.iter_mut().flatten() {
        if subject.kind == "User" || subject.kind == "Group" {
            or(&mut subject.api_group, "rbac.authorization.k8s.io");
        }
    }
}

/// Limits default to the maximum, requests to the default limit, else to the minimum.
fn limit_range(spec: &mut LimitRangeSpec) {
    for item in &mut spec.limits {
        if item.type_ != "Container" {
            continue;
        }
        let fill = |to: &mut Option<BTreeMap<String, Quantity>>,
                    from: &Option<BTreeMap<String, Quantity>>| {
            for (resource, amount) in from.iter().flatten() {
                let to = to.get_or_insert_default();
                to.entry(resource.clone()).or_insert_with(|| amount.clone());
            }
        };
        fill(&mut item.default, &item.max);
        fill(&mut item.default_request, &item.default);
        fill(&mut item.default_request, &item.min);
    }
}
