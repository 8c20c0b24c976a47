//! Rows of nodes, namespaces, quotas, events and what rules a cluster.

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Event, Namespace, Node, ResourceQuota};
use k8s_openapi::api::rbac::v1::Subject;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::Row;
use crate::kube::print::describe::{age, age_at};

/// All columns of events.
pub(super) const EVENT_WIDE: &[&str] = &[
    "LAST SEEN",
    "TYPE",
    "REASON",
    "OBJECT",
    "SUBOBJECT",
    "SOURCE",
    "MESSAGE",
    "FIRST SEEN",
    "COUNT",
    "NAME",
];
const ROLE_LABEL: &str = "node-role.kubernetes.io/";

pub(super) fn node(o: &Node, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
    let mut words = vec![match ready {
        Some(c) if c.status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if o.spec.as_ref().and_then(|s| s.unschedulable) == Some(true) {
        words.push("SchedulingDisabled");
    }
    let mut roles: Vec<&str> = o
        .metadata
        .labels
        .iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_LABEL) {
            Some(role) if !role.is_empty() => Some(role),
            _ if key == "kubernetes.io/role" && !value.is_empty() => Some(value.as_str()),
            _ => None,
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    let info = status.node_info.unwrap_or_default();
    let mut cells = vec![of.name, words.join(","), roles, of.age, info.kubelet_version.clone()];
    if of.wide {
        let address = |kind: &str| {
            let found = status.addresses.iter().flatten().find(|a| a.type_ == kind);
            found.map_or_else(|| "<none>".to_owned(), |a| a.address.clone())
        };
        let unknown = |text: String| if text.is_empty() { "<unknown>".to_owned() } else { text };
        let kernel = unknown(info.kernel_version);
        let kernel = match info.architecture.as_str() {
            "" => kernel,
            arch => format!("{kernel} ({arch})"),
        };
        cells.push(address("InternalIP"));
        cells.push(address("ExternalIP"));
        cells.push(unknown(info.os_image));
        cells.push(kernel);
        cells.push(unknown(info.container_runtime_version));
    }
    cells
}

pub(super) fn namespace(o: &Namespace, of: Row) -> Vec<String> {
    let phase = o.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default();
    vec![of.name, phase, of.age]
}

pub(super) fn quota(o: &ResourceQuota, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in status.hard.iter().flatten() {
        let used = status.used.as_ref().and_then(|u| u.get(name));
        let text = format!("{name}: {}/{}", used.map_or("0", |q| q.0.as_str()), hard.0);
        if name.starts_with("limits.") { limits.push(text) } else { requests.push(text) }
    }
    vec![of.name, requests.join(", "), limits.join(", "), of.age]
}

pub(super) fn binding(
    kind: &str,
    role: &str,
    subjects: Option<&Vec<Subject>>,
    of: Row,
) -> Vec<String> {
    let mut cells = vec![of.name, format!("{kind}/{role}"), of.age];
    if of.wide {
        let list = |kind: &str| {
            let mine = subjects.into_iter().flatten().filter(|s| s.kind == kind);
            let names: Vec<String> = mine
                .map(|s| match &s.namespace {
                    Some(ns) if kind == "ServiceAccount" => format!("{ns}/{}", s.name),
                    _ => s.name.clone(),
                })
                .collect();
            names.join(", ")
        };
        cells.extend([list("User"), list("Group"), list("ServiceAccount")]);
    }
    cells
}

pub(super) fn priority(o: &PriorityClass, of: Row) -> Vec<String> {
    vec![
        of.name,
        o.value.unwrap_or(0).to_string(),
        o.global_default.unwrap_or(false).to_string(),
        of.age,
        o.preemption_policy.clone().unwrap_or_default(),
    ]
}

pub(super) fn event(o: &Event, of: Row) -> Vec<String> {
    let first = match (&o.first_timestamp, &o.event_time) {
        (Some(at), _) => age(Some(at), of.now),
        (None, Some(at)) => age_at(at.0, of.now),
        (None, None) => "<unknown>".to_owned(),
    };
    let series = o.series.as_ref().and_then(|s| s.last_observed_time.as_ref());
    let last = match (series, &o.last_timestamp) {
        (Some(at), _) => age_at(at.0, of.now),
        (None, Some(at)) => age(Some(at), of.now),
        (None, None) => first.clone(),
    };
    let about = &o.involved_object;
    let kind = about.kind.clone().unwrap_or_default().to_lowercase();
    let name = about.name.clone().unwrap_or_default();
    let target = if kind.is_empty() { name } else { format!("{kind}/{name}") };
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let message = text(&o.message).trim().to_owned();
    if !of.wide {
        return vec![last, text(&o.type_), text(&o.reason), target, message];
    }
    let source = o.source.clone().unwrap_or_default();
    let component = source.component.clone().filter(|c| !c.is_empty());
    let component = component.or_else(|| o.reporting_component.clone()).unwrap_or_default();
    let host = source.host.filter(|h| !h.is_empty());
    let host = host.or_else(|| o.reporting_instance.clone().filter(|_| source.component.is_none()));
    let source = match host.filter(|h| !h.is_empty()) {
        Some(host) => format!("{component}, {host}"),
        None => component,
    };
    let count = o.series.as_ref().and_then(|s| s.count).or(o.count).unwrap_or(1).max(1);
    vec![
        last,
        text(&o.type_),
        text(&o.reason),
        target,
        about.field_path.clone().unwrap_or_default(),
        source,
        message,
        first,
        count.to_string(),
        of.name,
    ]
}

pub(super) fn signing_request(o: &CertificateSigningRequest, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for condition in status.conditions.iter().flatten() {
        if condition.type_ == "Approved"
            || condition.type_ == "Denied"
            || condition.type_ == "Failed"
        {
            words.push(condition.type_.clone());
        }
    }
    if words.is_empty() {
        words.push("Pending".to_owned());
    }
    if status.certificate.as_ref().is_some_and(|c| !c.0.is_empty()) {
        words.push("Issued".to_owned());
    }
    let seconds = o.spec.expiration_seconds;
    let duration = seconds.map_or_else(
        || "<none>".to_owned(),
        |s| crate::kube::print::describe::short_duration(i64::from(s) * 1_000_000),
    );
    vec![
        of.name,
        of.age,
        o.spec.signer_name.clone(),
        o.spec.username.clone().unwrap_or_default(),
        duration,
        words.join(","),
    ]
}
