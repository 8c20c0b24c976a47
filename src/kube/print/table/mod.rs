//! The columns of `kubectl get`: what the server's tables hold, one family of kinds per file.
//!
//! Follows `pkg/printers/internalversion/printers.go` @v1.36 (handbook kubelet-network §10–11).

pub mod cluster;
pub mod network;
pub mod pod;
pub mod storage;
pub mod workload;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Container;

use crate::base::time::SimTime;
use crate::kube::api::object::{Kind, Object};
use crate::kube::print::describe::age;

/// The columns of a kind: always, and with `-o wide`.
#[must_use]
pub const fn heads(kind: Kind) -> (&'static [&'static str], &'static [&'static str]) {
    const MORE: &[&str] = &["CONTAINERS", "IMAGES", "SELECTOR"];
    match kind {
        Kind::Pod => (
            &["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
            &["IP", "NODE", "NOMINATED NODE", "READINESS GATES"],
        ),
        Kind::Deployment => (&["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"], MORE),
        Kind::ReplicaSet | Kind::ReplicationController => {
            (&["NAME", "DESIRED", "CURRENT", "READY", "AGE"], MORE)
        }
        Kind::StatefulSet => (&["NAME", "READY", "AGE"], &["CONTAINERS", "IMAGES"]),
        Kind::DaemonSet => (workload::DAEMON_SET, MORE),
        Kind::Job => (&["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"], MORE),
        Kind::CronJob => {
            (&["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE"], MORE)
        }
        Kind::PodTemplate => (&["NAME", "CONTAINERS", "IMAGES", "POD LABELS"], &[]),
        Kind::ControllerRevision => (&["NAME", "CONTROLLER", "REVISION", "AGE"], &[]),
        Kind::HorizontalPodAutoscaler => {
            (&["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"], &[])
        }
        Kind::PodDisruptionBudget => {
            (&["NAME", "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE"], &[])
        }
        Kind::Service => {
            (&["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"], &["SELECTOR"])
        }
        Kind::Endpoints => (&["NAME", "ENDPOINTS", "AGE"], &[]),
        Kind::EndpointSlice => (&["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"], &[]),
        Kind::Ingress => (&["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"], &[]),
        Kind::IngressClass => (&["NAME", "CONTROLLER", "PARAMETERS", "AGE"], &[]),
        Kind::NetworkPolicy => (&["NAME", "POD-SELECTOR", "AGE"], &[]),
        Kind::Node => (
            &["NAME", "STATUS", "ROLES", "AGE", "VERSION"],
            &["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"],
        ),
        Kind::Namespace => (&["NAME", "STATUS", "AGE"], &[]),
        Kind::ConfigMap => (&["NAME", "DATA", "AGE"], &[]),
        Kind::Secret => (&["NAME", "TYPE", "DATA", "AGE"], &[]),
        Kind::PersistentVolume => (storage::VOLUME, &["VOLUMEMODE"]),
        Kind::PersistentVolumeClaim => (storage::CLAIM, &["VOLUMEMODE"]),
        Kind::StorageClass => (storage::CLASS, &[]),
        Kind::CSIDriver => (storage::DRIVER, &[]),
        Kind::CSINode => (&["NAME", "DRIVERS", "AGE"], &[]),
        Kind::VolumeAttachment => (&["NAME", "ATTACHER", "PV", "NODE", "ATTACHED", "AGE"], &[]),
        Kind::ResourceQuota => (&["NAME", "REQUEST", "LIMIT", "AGE"], &[]),
        Kind::LimitRange | Kind::Role | Kind::ClusterRole | Kind::CustomResourceDefinition => {
            (&["NAME", "CREATED AT"], &[])
        }
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            (&["NAME", "ROLE", "AGE"], &["USERS", "GROUPS", "SERVICEACCOUNTS"])
        }
        Kind::PriorityClass => {
            (&["NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"], &[])
        }
        Kind::RuntimeClass => (&["NAME", "HANDLER", "AGE"], &[]),
        Kind::Lease => (&["NAME", "HOLDER", "AGE"], &[]),
        Kind::Event => (&["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], &[]),
        Kind::CertificateSigningRequest => {
            (&["NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION"], &[])
        }
        Kind::MutatingWebhookConfiguration | Kind::ValidatingWebhookConfiguration => {
            (&["NAME", "WEBHOOKS", "AGE"], &[])
        }
        Kind::ServiceAccount => (&["NAME", "AGE"], &[]),
    }
}

/// Names of the columns and one row per object.
#[must_use]
pub fn cells(
    kind: Kind,
    objects: &[Arc<Object>],
    now: SimTime,
    wide: bool,
) -> (Vec<String>, Vec<Vec<String>>) {
    // Events are the one kind whose further columns stand between the others.
    let names: Vec<&str> = match (kind, heads(kind), wide) {
        (Kind::Event, _, true) => cluster::EVENT_WIDE.to_vec(),
        (_, (always, more), true) => always.iter().chain(more).copied().collect(),
        (_, (always, _), false) => always.to_vec(),
    };
    let rows = objects.iter().map(|o| row(o, now, wide)).collect();
    (names.into_iter().map(str::to_owned).collect(), rows)
}

/// The cells of one object.
#[must_use]
pub fn row(object: &Object, now: SimTime, wide: bool) -> Vec<String> {
    let name = object.name().to_owned();
    let old = age(object.meta().creation_timestamp.as_ref(), now);
    let of = Row { name, age: old, now, wide };
    match object {
        Object::Pod(o) => pod::row(o, of),
        Object::Deployment(o) => workload::deployment(o, of),
        Object::ReplicaSet(o) => workload::replica_set(o, of),
        Object::ReplicationController(o) => workload::replication_controller(o, of),
        Object::StatefulSet(o) => workload::stateful_set(o, of),
        Object::DaemonSet(o) => workload::daemon_set(o, of),
        Object::Job(o) => workload::job(o, of),
        Object::CronJob(o) => workload::cron_job(o, of),
        Object::PodTemplate(o) => workload::pod_template(o, of),
        Object::ControllerRevision(o) => workload::controller_revision(o, of),
        Object::HorizontalPodAutoscaler(o) => workload::autoscaler(o, of),
        Object::PodDisruptionBudget(o) => workload::budget(o, of),
        Object::Service(o) => network::service(o, of),
        Object::Endpoints(o) => network::endpoints(o, of),
        Object::EndpointSlice(o) => network::slice(o, of),
        Object::Ingress(o) => network::ingress(o, of),
        Object::IngressClass(o) => network::ingress_class(o, of),
        Object::NetworkPolicy(o) => network::policy(o, of),
        Object::PersistentVolume(o) => storage::volume(o, of),
        Object::PersistentVolumeClaim(o) => storage::claim(o, of),
        Object::StorageClass(o) => storage::class(o, of),
        Object::CSIDriver(o) => storage::driver(o, of),
        Object::CSINode(o) => storage::node(o, of),
        Object::VolumeAttachment(o) => storage::attachment(o, of),
        Object::ConfigMap(o) => storage::config_map(o, of),
        Object::Secret(o) => storage::secret(o, of),
        Object::Node(o) => cluster::node(o, of),
        Object::Namespace(o) => cluster::namespace(o, of),
        Object::ResourceQuota(o) => cluster::quota(o, of),
        Object::RoleBinding(o) => {
            cluster::binding(&o.role_ref.kind, &o.role_ref.name, o.subjects.as_ref(), of)
        }
        Object::ClusterRoleBinding(o) => {
            cluster::binding(&o.role_ref.kind, &o.role_ref.name, o.subjects.as_ref(), of)
        }
        Object::PriorityClass(o) => cluster::priority(o, of),
        Object::RuntimeClass(o) => vec![of.name, o.handler.clone(), of.age],
        Object::Lease(o) => {
            let holder = o.spec.as_ref().and_then(|s| s.holder_identity.clone());
            vec![of.name, holder.unwrap_or_default(), of.age]
        }
        Object::Event(o) => cluster::event(o, of),
        Object::CertificateSigningRequest(o) => cluster::signing_request(o, of),
        Object::MutatingWebhookConfiguration(o) => {
            let count = o.webhooks.as_ref().map_or(0, Vec::len);
            vec![of.name, count.to_string(), of.age]
        }
        Object::ValidatingWebhookConfiguration(o) => {
            let count = o.webhooks.as_ref().map_or(0, Vec::len);
            vec![of.name, count.to_string(), of.age]
        }
        Object::LimitRange(_)
        | Object::Role(_)
        | Object::ClusterRole(_)
        | Object::CustomResourceDefinition(_) => {
            let created = object.meta().creation_timestamp.as_ref();
            let text = created.map(|t| t.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            vec![of.name, text.unwrap_or_default()]
        }
        Object::ServiceAccount(_) => vec![of.name, of.age],
    }
}

/// What every row needs.
pub(crate) struct Row {
    /// Name of the object.
    pub(super) name: String,
    /// Its age.
    pub(super) age: String,
    /// The moment.
    pub(super) now: SimTime,
    /// With `-o wide`.
    pub(super) wide: bool,
}

/// Names and images of containers, comma-separated.
pub(super) fn containers(of: &[Container]) -> [String; 2] {
    let join =
        |pick: &dyn Fn(&Container) -> &str| of.iter().map(pick).collect::<Vec<_>>().join(",");
    [join(&|c| &c.name), join(&|c| c.image.as_deref().unwrap_or(""))]
}

/// The first few items and how many more there are.
pub(super) fn some_of(items: &[String], most: usize, none: &str) -> String {
    if items.is_empty() {
        return none.to_owned();
    }
    let shown: Vec<&str> = items.iter().take(most).map(String::as_str).collect();
    let more = items.len().saturating_sub(most);
    let shown = shown.join(",");
    if more > 0 { format!("{shown} + {more} more...") } else { shown }
}
