//! What each kind does with an object before it is stored: status reset, generation counted.
//!
//! Follows `pkg/registry/*/*/strategy.go`.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodCondition};

use crate::kube::api::object::{Kind, Object};
use crate::kube::api::qos;
use crate::kube::api::request::Subresource;

/// Annotation that carries a DaemonSet's template generation (`apps/v1` conversion).
pub const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Whether a kind counts generations (recorded objects of 1.36 have the field or not).
#[must_use]
pub const fn counts_generations(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pod
            | Kind::Deployment
            | Kind::ReplicaSet
            | Kind::ReplicationController
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob
            | Kind::PodDisruptionBudget
            | Kind::EndpointSlice
            | Kind::NetworkPolicy
            | Kind::Ingress
            | Kind::IngressClass
            | Kind::PriorityClass
            | Kind::CustomResourceDefinition
            | Kind::MutatingWebhookConfiguration
            | Kind::ValidatingWebhookConfiguration
    )
}

/// Before a new object is stored.
pub fn prepare_create(object: &mut Object) {
    object.meta_mut().generation = counts_generations(object.kind()).then_some(1);
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds keep what they bring")]
    match object {
        Object::Pod(pod) => prepare_pod(pod),
        Object::Deployment(o) => o.status = Some(Default::default()),
        Object::ReplicaSet(o) => o.status = Some(Default::default()),
        Object::ReplicationController(o) => o.status = Some(Default::default()),
        Object::StatefulSet(o) => {
            let status = o.status.insert(Default::default());
            status.available_replicas = Some(0);
        }
        Object::DaemonSet(o) => {
            o.status = Some(Default::default());
            template_generation(o, 1);
        }
        Object::Job(o) => {
            o.status = Some(Default::default());
            job_selector(o);
        }
        Object::CronJob(o) => o.status = Some(Default::default()),
        Object::HorizontalPodAutoscaler(o) => o.status = Some(Default::default()),
        Object::PodDisruptionBudget(o) => o.status = Some(Default::default()),
        Object::ResourceQuota(o) => o.status = Some(Default::default()),
        Object::Namespace(o) => {
            o.status.insert(Default::default()).phase = Some("Active".to_owned());
            let finalizers = o.spec.get_or_insert_default().finalizers.get_or_insert_default();
            if !finalizers.iter().any(|f| f == "kubernetes") {
                finalizers.push("kubernetes".to_owned());
            }
        }
        Object::PersistentVolumeClaim(o) => {
            o.status.insert(Default::default()).phase = Some("Pending".to_owned());
        }
        Object::PersistentVolume(o) => {
            o.status.insert(Default::default()).phase = Some("Pending".to_owned());
        }
        Object::Ingress(o) => {
            let status = o.status.insert(Default::default());
            status.load_balancer = Some(Default::default());
        }
        Object::CertificateSigningRequest(o) => o.status = Some(Default::default()),
        _ => {}
    }
}

fn prepare_pod(pod: &mut Pod) {
    let class = qos::class(pod).to_owned();
    let status = pod.status.insert(Default::default());
    status.phase = Some("Pending".to_owned());
    status.qos_class = Some(class);
    let gates = pod.spec.as_ref().and_then(|s| s.scheduling_gates.as_ref());
    if gates.is_some_and(|g| !g.is_empty()) {
        status.conditions = Some(vec![PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            reason: Some("SchedulingGated".to_owned()),
            message: Some("Scheduling is blocked due to non-empty scheduling gates".to_owned()),
            ..PodCondition::default()
        }]);
    }
}

/// A job selects its pods by its own uid, unless the client chose the selector
/// (`generateSelectorIfNeeded`).
fn job_selector(job: &mut Job) {
    let (uid, name) = (
        job.metadata.uid.clone().unwrap_or_default(),
        job.metadata.name.clone().unwrap_or_default(),
    );
    let Some(spec) = &mut job.spec else { return };
    if spec.manual_selector != Some(true) {
        let meta = spec.template.metadata.get_or_insert_default();
        let labels = meta.labels.get_or_insert_default();
        for (key, value) in [
            ("controller-uid", &uid),
            ("job-name", &name),
            ("batch.kubernetes.io/controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
        ] {
            labels.insert(key.to_owned(), value.clone());
        }
        let selector = spec.selector.get_or_insert_default();
        let wanted = selector.match_labels.get_or_insert_default();
        wanted.insert("batch.kubernetes.io/controller-uid".to_owned(), uid);
    }
    if job.metadata.labels.as_ref().is_none_or(|l| l.is_empty()) {
        let meta = spec.template.metadata.as_ref();
        job.metadata.labels = meta.and_then(|m| m.labels.clone());
    }
}

fn template_generation(set: &mut DaemonSet, generation: i64) {
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(TEMPLATE_GENERATION.to_owned(), generation.to_string());
}

macro_rules! swap_status {
    ($new:expr, $old:expr, $status_only:expr, $($kind:ident)*) => {
        match ($new, $old) {
            $((Object::$kind(new), Object::$kind(old)) => {
                if $status_only {
                    let status = new.status.take();
                    let resource_version = new.metadata.resource_version.take();
                    let (labels, annotations) =
                        (new.metadata.labels.take(), new.metadata.annotations.take());
                    let owners = new.metadata.owner_references.take();
                    let finalizers = new.metadata.finalizers.take();
                    new.clone_from(old);
                    new.status = status;
                    new.metadata.resource_version = resource_version;
                    // Labels and annotations may be written with the status, owners may not.
                    let _ = (owners, finalizers);
                    new.metadata.labels = labels;
                    new.metadata.annotations = annotations;
                } else {
                    new.status.clone_from(&old.status);
                }
                true
            })*
            _ => false,
        }
    };
}

/// Before a changed object is stored: what the request may not change stays as it was.
pub fn prepare_update(object: &mut Object, old: &Object, subresource: Subresource) {
    match subresource {
        Subresource::Status => {
            has_status(object, old, true);
            return;
        }
        Subresource::Approval => {
            if let (
                Object::CertificateSigningRequest(new),
                Object::CertificateSigningRequest(was),
            ) = (object, old)
            {
                let status = new.status.take();
                new.clone_from(was);
                new.status = status;
            }
            return;
        }
        Subresource::Finalize => {
            if let (Object::Namespace(new), Object::Namespace(was)) = (object, old) {
                let finalizers = new.spec.take();
                new.clone_from(was);
                new.spec = finalizers;
            }
            return;
        }
        Subresource::Resize | Subresource::EphemeralContainers => {
            only_containers(object, old, subresource);
        }
        Subresource::None
        | Subresource::Scale
        | Subresource::Eviction
        | Subresource::Binding
        | Subresource::Log
        | Subresource::Exec => {
            has_status(object, old, false);
        }
    }
    if counts_generations(object.kind()) && spec_changed(object, old) {
        let generation = old.meta().generation.unwrap_or(0) + 1;
        object.meta_mut().generation = Some(generation);
        if let (Object::DaemonSet(new), Object::DaemonSet(was)) = (object, old) {
            let before = was.metadata.annotations.as_ref().and_then(|a| a.get(TEMPLATE_GENERATION));
            let before: i64 = before.and_then(|g| g.parse().ok()).unwrap_or(1);
            let changed = new.spec.template != was.spec.template;
            template_generation(new, before + i64::from(changed));
        }
    }
}

/// Whether a kind's status is written on its own; keeps the other part as it was.
fn has_status(object: &mut Object, old: &Object, status_only: bool) -> bool {
    swap_status!(
        object, old, status_only,
        Pod Node Namespace PersistentVolume PersistentVolumeClaim ReplicationController
        ResourceQuota Service Deployment ReplicaSet StatefulSet DaemonSet Job CronJob
        HorizontalPodAutoscaler PodDisruptionBudget Ingress CertificateSigningRequest
        CustomResourceDefinition
    )
}

/// A running pod's resources or debug containers are all that these subresources change.
fn only_containers(object: &mut Object, old: &Object, subresource: Subresource) {
    let (Object::Pod(new), Object::Pod(was)) = (object, old) else { return };
    let mut spec = was.spec.clone().unwrap_or_default();
    let asked = new.spec.take().unwrap_or_default();
    if subresource == Subresource::Resize {
        spec.resources = asked.resources;
        let pairs = spec.containers.iter_mut().zip(&asked.containers);
        let init = spec.init_containers.iter_mut().flatten();
        let asked_init = asked.init_containers.as_deref().unwrap_or(&[]);
        for (container, asked) in pairs.chain(init.zip(asked_init)) {
            container.resources.clone_from(&asked.resources);
            container.resize_policy.clone_from(&asked.resize_policy);
        }
    } else {
        spec.ephemeral_containers = asked.ephemeral_containers;
    }
    new.spec = Some(spec);
    new.status.clone_from(&was.status);
}

/// Whether anything but metadata and status differs; a Deployment's annotations count too.
fn spec_changed(object: &mut Object, old: &Object) -> bool {
    if let (Object::Deployment(new), Object::Deployment(was)) = (&*object, old) {
        return new.spec != was.spec || new.metadata.annotations != was.metadata.annotations;
    }
    let mine = std::mem::replace(object.meta_mut(), old.meta().clone());
    let changed = object != old;
    *object.meta_mut() = mine;
    changed
}
