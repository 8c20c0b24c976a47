//! What an object uses of a quota, and what a namespace uses in all.
//!
//! Follows `pkg/quota/v1/evaluator/core`. The quota controller counts with the same functions.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kube::api::object::{Kind, Object};
use crate::kube::api::qos;
use crate::kube::api::quantity::{amount, format_like};
use crate::kube::api::store::Store;

/// Amounts in thousandths by the quota's name of the resource.
pub type Usage = BTreeMap<String, i128>;

const ONE: i128 = 1000;

/// What one object uses.
#[must_use]
pub fn of(object: &Object) -> Usage {
    let mut usage = Usage::new();
    let kind = object.kind();
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds are only counted")]
    match object {
        Object::Pod(pod) => return of_pod(pod),
        Object::Service(service) => {
            usage.insert("services".to_owned(), ONE);
            let spec = service.spec.as_ref();
            let kind = spec.and_then(|s| s.type_.as_deref()).unwrap_or("");
            let ports = spec.and_then(|s| s.ports.as_ref()).map_or(0, Vec::len) as i128 * ONE;
            let no_ports = spec.and_then(|s| s.allocate_load_balancer_node_ports) == Some(false);
            let balanced = if kind == "LoadBalancer" { ONE } else { 0 };
            let node_ports = match kind {
                "NodePort" => ports,
                "LoadBalancer" if !no_ports => ports,
                _ => 0,
            };
            usage.insert("services.loadbalancers".to_owned(), balanced);
            usage.insert("services.nodeports".to_owned(), node_ports);
        }
        Object::PersistentVolumeClaim(claim) => {
            let spec = claim.spec.as_ref();
            let requests = spec.and_then(|s| s.resources.as_ref()?.requests.as_ref());
            let size = requests.and_then(|r| r.get("storage")).map_or(0, |q| amount(q).0);
            usage.insert("persistentvolumeclaims".to_owned(), ONE);
            usage.insert("requests.storage".to_owned(), size);
            if let Some(class) = spec.and_then(|s| s.storage_class_name.as_ref()) {
                let of = format!("{class}.storageclass.storage.k8s.io");
                usage.insert(format!("{of}/persistentvolumeclaims"), ONE);
                usage.insert(format!("{of}/requests.storage"), size);
            }
        }
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::ReplicationController(_)
        | Object::ResourceQuota(_) => {
            usage.insert(kind.plural().to_owned(), ONE);
        }
        _ => {}
    }
    usage.insert(format!("count/{}", kind.resource()), ONE);
    usage
}

fn of_pod(pod: &Pod) -> Usage {
    let mut usage = Usage::from([("count/pods".to_owned(), ONE)]);
    if terminal(pod) {
        return usage;
    }
    usage.insert("pods".to_owned(), ONE);
    for (resource, limits) in [
        ("cpu", false),
        ("cpu", true),
        ("memory", false),
        ("memory", true),
        ("ephemeral-storage", false),
        ("ephemeral-storage", true),
    ] {
        let total = pod_total(pod, resource, limits);
        if limits {
            usage.insert(format!("limits.{resource}"), total);
        } else {
            usage.insert(format!("requests.{resource}"), total);
            usage.insert(resource.to_owned(), total);
        }
    }
    let containers = pod.spec.iter().flat_map(|s| &s.containers);
    let extended = containers.filter_map(|c| c.resources.as_ref()?.requests.as_ref()).flatten();
    for (resource, quantity) in extended.filter(|(name, _)| name.contains('/')) {
        *usage.entry(format!("requests.{resource}")).or_insert(0) += amount(quantity).0;
    }
    usage
}

fn terminal(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded"))
}

/// The part of the compute resources that a quota's name stands for: resource, and whether limits.
#[must_use]
pub fn compute(name: &str) -> Option<(&str, bool)> {
    let (part, limits) = match name.split_once('.') {
        Some(("requests", rest)) => (rest, false),
        Some(("limits", rest)) => (rest, true),
        _ => (name, false),
    };
    matches!(part, "cpu" | "memory").then_some((part, limits))
}

fn list(container: &Container, limits: bool) -> Option<&BTreeMap<String, Quantity>> {
    let resources = container.resources.as_ref()?;
    if limits { resources.limits.as_ref() } else { resources.requests.as_ref() }
}

/// Whether any container sets the resource.
#[must_use]
pub fn pod_has(pod: &Pod, resource: &str, limits: bool) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    all.any(|c| list(c, limits).is_some_and(|l| l.contains_key(resource)))
}

/// A pod's request or limit of a resource: the sum of its containers or the greatest need of its
/// init containers, and the overhead.
#[must_use]
pub fn pod_total(pod: &Pod, resource: &str, limits: bool) -> i128 {
    let Some(spec) = &pod.spec else { return 0 };
    let of =
        |c: &Container| list(c, limits).and_then(|l| l.get(resource)).map_or(0, |q| amount(q).0);
    let main: i128 = spec.containers.iter().map(of).sum();
    let (mut sidecars, mut most) = (0_i128, 0_i128);
    for init in spec.init_containers.iter().flatten() {
        if init.restart_policy.as_deref() == Some("Always") {
            sidecars += of(init);
            most = most.max(sidecars);
        } else {
            most = most.max(sidecars + of(init));
        }
    }
    let mut total = (main + sidecars).max(most);
    let own = spec.resources.as_ref();
    let own = own.and_then(|r| if limits { r.limits.as_ref() } else { r.requests.as_ref() });
    if let Some(quantity) = own.and_then(|l| l.get(resource)) {
        total = amount(quantity).0;
    }
    let overhead = spec.overhead.as_ref().and_then(|o| o.get(resource));
    let counts = !limits || total > 0;
    total + overhead.filter(|_| counts).map_or(0, |q| amount(q).0)
}

/// Whether a quota's scopes cover an object.
#[must_use]
pub fn in_scope(spec: &ResourceQuotaSpec, object: &Object) -> bool {
    let selected = spec.scope_selector.iter().flat_map(|s| s.match_expressions.iter().flatten());
    let mut scopes: Vec<(&str, &str, &[String])> =
        spec.scopes.iter().flatten().map(|s| (s.as_str(), "Exists", &[][..])).collect();
    scopes.extend(selected.map(|e| {
        let values = e.values.as_deref().unwrap_or(&[]);
        (e.scope_name.as_str(), e.operator.as_str(), values)
    }));
    if scopes.is_empty() {
        return true;
    }
    let Object::Pod(pod) = object else { return false };
    let pod_spec = pod.spec.clone().unwrap_or_default();
    let bounded = pod_spec.active_deadline_seconds.is_some();
    let best_effort = qos::class(pod) == "BestEffort";
    scopes.into_iter().all(|(scope, operator, values)| match scope {
        "Terminating" => bounded,
        "NotTerminating" => !bounded,
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "PriorityClass" => {
            let class = pod_spec.priority_class_name.clone().unwrap_or_default();
            match operator {
                "In" => values.contains(&class),
                "NotIn" => !values.contains(&class),
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        _ => false,
    })
}

/// What a namespace uses of a quota, counted anew.
#[must_use]
pub fn total(store: &Store, quota: &ResourceQuota) -> Usage {
    let namespace = quota.metadata.namespace.as_deref().unwrap_or("");
    let list = |kind| store.list_in(kind, namespace).map(|(_, entry)| &*entry.object);
    total_of(quota, |kind| list(kind).collect())
}

/// The same from any list of the namespace's objects of a kind.
#[must_use]
pub fn total_of<'a>(quota: &ResourceQuota, list: impl Fn(Kind) -> Vec<&'a Object>) -> Usage {
    let spec = quota.spec.clone().unwrap_or_default();
    let mut usage: Usage = spec.hard.iter().flatten().map(|(k, _)| (k.clone(), 0)).collect();
    for kind in Kind::ALL.iter().copied().filter(|k| k.namespaced()) {
        let wanted = usage.keys().any(|name| concerns(name, kind));
        if !wanted {
            continue;
        }
        for object in list(kind).into_iter().filter(|object| in_scope(&spec, object)) {
            for (name, milli) in of(object) {
                if let Some(sum) = usage.get_mut(&name) {
                    *sum += milli;
                }
            }
        }
    }
    usage
}

/// Whether a kind can count for a quota's resource.
fn concerns(name: &str, kind: Kind) -> bool {
    if let Some(resource) = name.strip_prefix("count/") {
        return resource == kind.resource();
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds are only counted")]
    match kind {
        Kind::Pod => {
            name == "pods"
                || name.starts_with("requests.")
                || name.starts_with("limits.")
                || matches!(name, "cpu" | "memory" | "ephemeral-storage")
        }
        Kind::PersistentVolumeClaim => name.contains("storage") || name.contains("claims"),
        Kind::Service => name.starts_with("services"),
        _ => name == kind.plural(),
    }
}

/// Usage as a quota's status shows it: only what is limited, each in its own family.
#[must_use]
pub fn shown(hard: &BTreeMap<String, Quantity>, used: &Usage) -> BTreeMap<String, Quantity> {
    let text = |name: &str, milli: i128| {
        let binary = name.ends_with("memory") || name.ends_with("storage");
        format_like(milli, if binary { "Mi" } else { "" })
    };
    hard.keys()
        .map(|name| {
            let milli = used.get(name).copied().unwrap_or(0);
            (name.clone(), Quantity(text(name, milli)))
        })
        .collect()
}
