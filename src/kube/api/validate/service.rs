//! Services (`pkg/apis/core/validation`).

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::field::{At, Errors, Shown};
use super::{meta, names, pod, probe};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
/// Longest time for which a client sticks to an endpoint: a day.
const AFFINITY_MAX: i32 = 86_400;

/// Service.
pub fn service(of: &Service, errors: &mut Errors) {
    let at = At::root("spec");
    let empty = ServiceSpec::default();
    let spec = of.spec.as_ref().unwrap_or(&empty);
    let kind = spec.type_.as_deref().unwrap_or("");
    let headless = spec.cluster_ip.as_deref() == Some("None");
    let ports = spec.ports.as_deref().unwrap_or(&[]);
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.required(&at.child("ports"), "");
    }
    by_type(spec, kind, headless, &at, errors);
    let list = at.child("ports");
    for (index, port) in ports.iter().enumerate() {
        service_port(port, index, ports, &list.index(index), errors);
    }
    meta::labels(spec.selector.as_ref(), &at.child("selector"), errors);
    affinity(spec, &at, errors);
    if kind.is_empty() {
        errors.required(&at.child("type"), "");
    } else {
        errors.one_of(&at.child("type"), kind, &TYPES);
    }
    if kind == "ClusterIP" || kind == "ExternalName" {
        for (index, port) in ports.iter().enumerate() {
            if port.node_port.is_some_and(|n| n != 0) {
                let text = "may not be used when `type` is 'ClusterIP'";
                errors.forbidden(&list.index(index).child("nodePort"), text);
            }
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let same = |p: &ServicePort| p.port == port.port && p.protocol == port.protocol;
        if ports.iter().take(index).any(same) {
            // Upstream shows a key with only protocol and port.
            let protocol = port.protocol.as_deref().unwrap_or("");
            errors.duplicate(
                &list.index(index),
                Shown::raw(format!(
                    "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\
                     \"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                    port.port
                )),
            );
        }
    }
    addresses(spec, kind, &at, errors);
}

fn by_type(spec: &ServiceSpec, kind: &str, headless: bool, at: &At<'_>, errors: &mut Errors) {
    match kind {
        "LoadBalancer" | "NodePort" if headless => {
            let text = format!("may not be set to 'None' for {kind} services");
            errors.invalid(&at.child("clusterIPs").index(0), "None", &text);
        }
        "ExternalName" => {
            let name = spec.external_name.as_deref().unwrap_or("");
            let trimmed = name.strip_suffix('.').unwrap_or(name);
            if trimmed.is_empty() {
                errors.required(&at.child("externalName"), "");
            } else {
                for why in names::subdomain(trimmed) {
                    errors.invalid(&at.child("externalName"), trimmed, &why);
                }
            }
            if spec.cluster_ip.as_deref().is_some_and(|ip| !ip.is_empty()) {
                let text = "may not be set for ExternalName services";
                errors.invalid(&at.child("clusterIPs"), &serde_json::json!(spec.cluster_ips), text);
            }
        }
        _ => {}
    }
}

fn service_port(
    port: &ServicePort,
    index: usize,
    all: &[ServicePort],
    at: &At<'_>,
    errors: &mut Errors,
) {
    let name = port.name.as_deref().unwrap_or("");
    if all.len() > 1 && name.is_empty() {
        errors.required(&at.child("name"), "");
    } else if !name.is_empty() {
        let wrong = names::label(name);
        for why in &wrong {
            errors.invalid(&at.child("name"), name, why);
        }
        let taken = all.iter().take(index).any(|p| p.name.as_deref() == Some(name));
        if taken {
            errors.duplicate(&at.child("name"), name);
        }
    }
    probe::port_number(i64::from(port.port), &at.child("port"), errors);
    match port.protocol.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("protocol"), ""),
        protocol => errors.one_of(&at.child("protocol"), protocol, &PROTOCOLS),
    }
    let zero = IntOrString::Int(0);
    probe::port(port.target_port.as_ref().unwrap_or(&zero), &at.child("targetPort"), errors);
    if let Some(protocol) = port.app_protocol.as_deref().filter(|p| !p.is_empty()) {
        for why in names::qualified(protocol) {
            errors.invalid(&at.child("appProtocol"), protocol, &why);
        }
    }
}

fn affinity(spec: &ServiceSpec, at: &At<'_>, errors: &mut Errors) {
    match spec.session_affinity.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("sessionAffinity"), ""),
        value => errors.one_of(&at.child("sessionAffinity"), value, &["ClientIP", "None"]),
    }
    let client = spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref());
    if let Some(seconds) = client.and_then(|c| c.timeout_seconds)
        && !(1..=AFFINITY_MAX).contains(&seconds)
    {
        let at = at.child("sessionAffinityConfig");
        let at = at.child("clientIP");
        let text = format!("must be greater than 0 and less than {AFFINITY_MAX}");
        errors.invalid(&at.child("timeoutSeconds"), seconds, &text);
    }
}

fn addresses(spec: &ServiceSpec, kind: &str, at: &At<'_>, errors: &mut Errors) {
    let list = at.child("clusterIPs");
    if kind != "ExternalName" {
        for (index, ip) in spec.cluster_ips.iter().flatten().enumerate() {
            if ip != "None" {
                pod::ip(ip, &list.index(index), errors);
            }
        }
    }
    let list = at.child("externalIPs");
    for (index, ip) in spec.external_ips.iter().flatten().enumerate() {
        pod::ip(ip, &list.index(index), errors);
    }
    for (field, value) in [
        ("externalTrafficPolicy", &spec.external_traffic_policy),
        ("internalTrafficPolicy", &spec.internal_traffic_policy),
    ] {
        if let Some(value) = value {
            errors.one_of(&at.child(field), value, &["Cluster", "Local"]);
        }
    }
    if let Some(policy) = &spec.ip_family_policy {
        let allowed = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        errors.one_of(&at.child("ipFamilyPolicy"), policy, &allowed);
    }
    if let Some(policy) = &spec.traffic_distribution {
        let allowed = ["PreferClose", "PreferSameNode", "PreferSameZone"];
        errors.one_of(&at.child("trafficDistribution"), policy, &allowed);
    }
}

/// What may not change once it is set.
pub fn update(of: &Service, was: &Service, errors: &mut Errors) {
    let (Some(spec), Some(before)) = (&of.spec, &was.spec) else { return };
    let external = |s: &ServiceSpec| s.type_.as_deref() == Some("ExternalName");
    let old = before.cluster_ip.as_deref().unwrap_or("");
    if external(spec) || external(before) || old.is_empty() {
        return;
    }
    let new = spec.cluster_ip.as_deref().unwrap_or("");
    if new != old {
        let spec_at = At::root("spec");
        let list = spec_at.child("clusterIPs");
        let shown = serde_json::json!(spec.cluster_ips.clone().unwrap_or_default());
        errors.invalid(&list.index(0), &shown, "may not change once set");
    }
}
