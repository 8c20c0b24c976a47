//! Rows of services and what stands behind them.

use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};

use super::{Row, some_of};
use crate::kube::print::describe::{label_line, or_none, selector};

/// Longest list of balancer addresses in the narrow table (`loadBalancerWidth`).
const BALANCER_WIDTH: usize = 16;

pub(super) fn service(o: &Service, of: Row) -> Vec<String> {
    let spec = o.spec.clone().unwrap_or_default();
    let ip = spec.cluster_ips.as_ref().and_then(|ips| ips.first()).or(spec.cluster_ip.as_ref());
    let ip = ip.cloned().filter(|ip| !ip.is_empty()).unwrap_or_else(|| "<none>".to_owned());
    let kind = spec.type_.clone().unwrap_or_default();
    let ports: Vec<String> = spec
        .ports
        .iter()
        .flatten()
        .map(|p| {
            let protocol = p.protocol.as_deref().unwrap_or("TCP");
            match p.node_port.filter(|n| *n > 0) {
                Some(node) => format!("{}:{node}/{protocol}", p.port),
                None => format!("{}/{protocol}", p.port),
            }
        })
        .collect();
    let external = external_ip(o, &kind, of.wide);
    let mut cells = vec![of.name, kind, ip, external, or_none(&ports.join(",")).to_owned(), of.age];
    if of.wide {
        cells.push(label_line(spec.selector.as_ref()));
    }
    cells
}

fn external_ip(o: &Service, kind: &str, wide: bool) -> String {
    let spec = o.spec.clone().unwrap_or_default();
    let mut extra = spec.external_ips.unwrap_or_default();
    match kind {
        "LoadBalancer" => {
            let status = o.status.as_ref().and_then(|s| s.load_balancer.as_ref());
            let given = status.and_then(|b| b.ingress.as_deref()).unwrap_or(&[]);
            let mut list: Vec<String> =
                given.iter().filter_map(|i| i.ip.clone().or(i.hostname.clone())).collect();
            list.sort();
            list.dedup();
            let mut text = list.join(",");
            if !wide && text.chars().count() > BALANCER_WIDTH {
                text = format!("{}...", text.chars().take(BALANCER_WIDTH - 3).collect::<String>());
            }
            if !extra.is_empty() {
                let mut all = if text.is_empty() { Vec::new() } else { vec![text] };
                all.append(&mut extra);
                return all.join(",");
            }
            if text.is_empty() { "<pending>".to_owned() } else { text }
        }
        "ExternalName" => spec.external_name.unwrap_or_default(),
        _ => or_none(&extra.join(",")).to_owned(),
    }
}

pub(super) fn endpoints(o: &Endpoints, of: Row) -> Vec<String> {
    let mut list = Vec::new();
    for subset in o.subsets.iter().flatten() {
        let addresses = subset.addresses.iter().flatten();
        let ports = subset.ports.as_deref().unwrap_or(&[]);
        for address in addresses {
            if ports.is_empty() {
                list.push(address.ip.clone());
            }
            list.extend(ports.iter().map(|p| format!("{}:{}", address.ip, p.port)));
        }
    }
    vec![of.name, some_of(&list, 3, "<none>"), of.age]
}

pub(super) fn slice(o: &EndpointSlice, of: Row) -> Vec<String> {
    let ports: Vec<String> = o
        .ports
        .iter()
        .flatten()
        .map(|p| p.port.map_or_else(|| "*".to_owned(), |n| n.to_string()))
        .collect();
    let list: Vec<String> =
        o.endpoints.iter().flatten().flat_map(|e| e.addresses.clone()).collect();
    vec![
        of.name,
        o.address_type.clone(),
        some_of(&ports, 3, "<unset>"),
        some_of(&list, 3, "<unset>"),
        of.age,
    ]
}

pub(super) fn ingress(o: &Ingress, of: Row) -> Vec<String> {
    let spec = o.spec.clone().unwrap_or_default();
    let hosts: Vec<String> = spec
        .rules
        .iter()
        .flatten()
        .filter_map(|r| r.host.clone())
        .filter(|h| !h.is_empty())
        .collect();
    let balancer = o.status.as_ref().and_then(|s| s.load_balancer.as_ref());
    let given = balancer.and_then(|b| b.ingress.as_deref()).unwrap_or(&[]);
    let addresses: Vec<String> =
        given.iter().filter_map(|i| i.ip.clone().or(i.hostname.clone())).collect();
    let ports = if spec.tls.as_ref().is_some_and(|t| !t.is_empty()) { "80, 443" } else { "80" };
    vec![
        of.name,
        spec.ingress_class_name.unwrap_or_else(|| "<none>".to_owned()),
        some_of(&hosts, 3, "*"),
        addresses.join(","),
        ports.to_owned(),
        of.age,
    ]
}

pub(super) fn ingress_class(o: &IngressClass, of: Row) -> Vec<String> {
    let spec = o.spec.clone().unwrap_or_default();
    let parameters = spec.parameters.map(|p| {
        let kind = p.api_group.map_or_else(|| p.kind.clone(), |g| format!("{}.{g}", p.kind));
        format!("{kind}/{}", p.name)
    });
    let parameters = parameters.unwrap_or_else(|| "<none>".to_owned());
    vec![of.name, spec.controller.unwrap_or_default(), parameters, of.age]
}

pub(super) fn policy(o: &NetworkPolicy, of: Row) -> Vec<String> {
    let pods = o.spec.as_ref().and_then(|s| s.pod_selector.as_ref());
    vec![of.name, selector(pods), of.age]
}
