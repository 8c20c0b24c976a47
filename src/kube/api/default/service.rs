//! Defaults of services and what stands behind them (`pkg/apis/core/v1/defaults.go`,
//! `pkg/apis/discovery`, `pkg/apis/networking`).

use k8s_openapi::api::core::v1::{ClientIPConfig, Endpoints, Service, SessionAffinityConfig};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::or;

/// Seconds for which a client sticks to an endpoint (`DefaultClientIPServiceAffinitySeconds`).
const AFFINITY_SECONDS: i32 = 10_800;

/// Service; addresses and node ports are allocated later.
pub fn service(service: &mut Service) {
    let spec = service.spec.get_or_insert_default();
    let status = service.status.get_or_insert_default();
    status.load_balancer.get_or_insert_default();
    or(&mut spec.session_affinity, "None");
    if spec.session_affinity.as_deref() == Some("None") {
        spec.session_affinity_config = None;
    }
    if spec.session_affinity.as_deref() == Some("ClientIP") {
        let config =
            spec.session_affinity_config.get_or_insert_with(SessionAffinityConfig::default);
        let client = config.client_ip.get_or_insert_with(ClientIPConfig::default);
        client.timeout_seconds.get_or_insert(AFFINITY_SECONDS);
    }
    or(&mut spec.type_, "ClusterIP");
    for port in spec.ports.iter_mut().flatten() {
        or(&mut port.protocol, "TCP");
        let unset = match &port.target_port {
            None | Some(IntOrString::Int(0)) => true,
            Some(IntOrString::String(text)) => text.is_empty(),
            Some(IntOrString::Int(_)) => false,
        };
        if unset {
            port.target_port = Some(IntOrString::Int(port.port));
        }
        if port.name.as_deref() == Some("") {
            port.name = None;
        }
        if port.node_port == Some(0) {
            port.node_port = None;
        }
    }
    let kind = spec.type_.as_deref().unwrap_or("");
    if kind != "ExternalName" {
        or(&mut spec.internal_traffic_policy, "Cluster");
    }
    let external = kind == "NodePort" || kind == "LoadBalancer";
    if external || spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty()) {
        or(&mut spec.external_traffic_policy, "Cluster");
    }
    if kind == "LoadBalancer" {
        spec.allocate_load_balancer_node_ports.get_or_insert(true);
    }
    if spec.publish_not_ready_addresses == Some(false) {
        spec.publish_not_ready_addresses = None;
    }
}

/// Endpoints.
pub fn endpoints(endpoints: &mut Endpoints) {
    for subset in endpoints.subsets.iter_mut().flatten() {
        for port in subset.ports.iter_mut().flatten() {
            or(&mut port.protocol, "TCP");
        }
    }
}

/// EndpointSlice.
pub fn endpoint_slice(slice: &mut EndpointSlice) {
    for port in slice.ports.iter_mut().flatten() {
        port.name.get_or_insert_default();
        or(&mut port.protocol, "TCP");
    }
}

/// NetworkPolicy.
pub fn network_policy(policy: &mut NetworkPolicy) {
    let spec = policy.spec.get_or_insert_default();
    spec.pod_selector.get_or_insert_default();
    let egress = spec.egress.is_some();
    spec.policy_types.get_or_insert_with(|| {
        let mut types = vec!["Ingress".to_owned()];
        if egress {
            types.push("Egress".to_owned());
        }
        types
    });
    let ingress = spec.ingress.iter_mut().flatten().flat_map(|r| r.ports.iter_mut().flatten());
    let egress = spec.egress.iter_mut().flatten().flat_map(|r| r.ports.iter_mut().flatten());
    for port in ingress.chain(egress) {
        or(&mut port.protocol, "TCP");
    }
}
