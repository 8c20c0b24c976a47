//! Validation: the complaints of the real server, one file per family of kinds.
//!
//! Follows `pkg/apis/*/validation`. The order of the complaints is the real one.

pub mod batch;
pub mod config;
pub mod container;
pub mod field;
pub mod meta;
pub mod names;
pub mod network;
pub mod pod;
pub mod pod_diff;
pub mod policy;
pub mod probe;
pub mod resources;
pub mod schedule;
pub mod scheduling;
pub mod selector;
pub mod service;
pub mod storage;
pub mod update;
pub mod volume;
pub mod warn;
pub mod workload;

use field::Errors;

use crate::kube::api::object::Object;
use crate::kube::api::request::{ApiError, Subresource};

/// Check a new object.
///
/// # Errors
/// `Invalid` with all complaints.
pub fn create(object: &Object) -> Result<(), ApiError> {
    let mut errors = Errors::default();
    meta::create(object, &mut errors);
    content(object, &mut errors);
    finish(object, errors)
}

/// Check a changed object against the one before.
///
/// # Errors
/// `Invalid` with all complaints.
pub fn update(object: &Object, old: &Object, part: Subresource) -> Result<(), ApiError> {
    let mut errors = Errors::default();
    meta::update(object, old, &mut errors);
    // Status, bindings and the like are written by components, which do not err in form.
    if part == Subresource::None {
        update::check(object, old, part, &mut errors);
        // A spec that did not change was checked when it came.
        if errors.list.is_empty() && !same_content(object, old) {
            content(object, &mut errors);
        }
    }
    finish(object, errors)
}

/// Things that are accepted with a warning.
pub fn warnings(object: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
    if old.is_none_or(|old| !same_content(object, old)) {
        warn::about(object, warnings);
    }
}

/// Whether two versions differ at most in their metadata.
fn same_content(object: &Object, old: &Object) -> bool {
    match (object, old) {
        (Object::Pod(new), Object::Pod(was)) => new.spec == was.spec,
        _ => {
            let mut copy = object.clone();
            copy.meta_mut().clone_from(old.meta());
            copy == *old
        }
    }
}

fn finish(object: &Object, errors: Errors) -> Result<(), ApiError> {
    if errors.list.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(object.kind(), object.name(), errors.list))
}

fn content(object: &Object, errors: &mut Errors) {
    match object {
        Object::Pod(o) => pod::pod(o, errors),
        Object::PodTemplate(o) => {
            let template = o.template.clone().unwrap_or_default();
            pod::template(&template, &[], &field::At::root("template"), errors);
        }
        Object::Deployment(o) => workload::deployment(o, errors),
        Object::ReplicaSet(o) => workload::replica_set(o, errors),
        Object::ReplicationController(o) => workload::replication_controller(o, errors),
        Object::StatefulSet(o) => workload::stateful_set(o, errors),
        Object::DaemonSet(o) => workload::daemon_set(o, errors),
        Object::Job(o) => batch::job(o, errors),
        Object::CronJob(o) => batch::cron_job(o, errors),
        Object::Service(o) => service::service(o, errors),
        Object::Endpoints(o) => network::endpoints(o, errors),
        Object::EndpointSlice(o) => network::slice(o, errors),
        Object::Ingress(o) => network::ingress(o, errors),
        Object::IngressClass(o) => network::ingress_class(o, errors),
        Object::NetworkPolicy(o) => network::policy(o, errors),
        Object::ConfigMap(o) => config::config_map(o, errors),
        Object::Secret(o) => config::secret(o, errors),
        Object::Namespace(o) => config::namespace(o, errors),
        Object::Node(o) => config::node(o, errors),
        Object::ResourceQuota(o) => config::quota(o, errors),
        Object::LimitRange(o) => config::limit_range(o, errors),
        Object::PodDisruptionBudget(o) => policy::budget(o, errors),
        Object::HorizontalPodAutoscaler(o) => policy::autoscaler(o, errors),
        Object::PriorityClass(o) => policy::priority(o, errors),
        Object::Role(o) => policy::role(o, errors),
        Object::ClusterRole(o) => policy::cluster_role(o, errors),
        Object::RoleBinding(o) => {
            let subjects = o.subjects.as_deref().unwrap_or(&[]);
            policy::binding(&o.role_ref, subjects, true, errors);
        }
        Object::ClusterRoleBinding(o) => {
            let subjects = o.subjects.as_deref().unwrap_or(&[]);
            policy::binding(&o.role_ref, subjects, false, errors);
        }
        Object::PersistentVolume(o) => storage::volume(o, errors),
        Object::PersistentVolumeClaim(o) => storage::claim(o, errors),
        Object::StorageClass(o) => storage::class(o, errors),
        Object::ServiceAccount(_)
        | Object::Event(_)
        | Object::Lease(_)
        | Object::ControllerRevision(_)
        | Object::MutatingWebhookConfiguration(_)
        | Object::ValidatingWebhookConfiguration(_)
        | Object::CustomResourceDefinition(_)
        | Object::CertificateSigningRequest(_)
        | Object::RuntimeClass(_)
        | Object::CSIDriver(_)
        | Object::CSINode(_)
        | Object::VolumeAttachment(_) => {}
    }
}
