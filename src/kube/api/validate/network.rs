//! Ingresses, network policies, endpoints (`pkg/apis/networking`, `discovery`, `core`).

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, Ingress, IngressBackend, IngressClass, NetworkPolicy, NetworkPolicyPeer,
    NetworkPolicyPort,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::field::{At, Errors, Shown};
use super::{names, pod, probe, selector};

const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
/// Endpoints of one slice (`maxEndpoints`).
const ENDPOINTS_MAX: usize = 1000;

/// Ingress.
pub fn ingress(of: &Ingress, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = of.spec.clone().unwrap_or_default();
    if spec.rules.as_ref().is_none_or(Vec::is_empty) && spec.default_backend.is_none() {
        let text = "either `defaultBackend` or `rules` must be specified";
        errors.invalid(&at, Shown::raw("null"), text);
    }
    if let Some(backend_of) = &spec.default_backend {
        backend(backend_of, &at.child("defaultBackend"), errors);
    }
    let rules = at.child("rules");
    for (index, rule) in spec.rules.iter().flatten().enumerate() {
        let one = rules.index(index);
        if let Some(host) = rule.host.as_deref().filter(|h| !h.is_empty()) {
            host_name(host, &one.child("host"), errors);
        }
        let Some(http) = &rule.http else { continue };
        let one = one.child("http");
        let paths = one.child("paths");
        if http.paths.is_empty() {
            errors.required(&paths, "");
        }
        for (index, path) in http.paths.iter().enumerate() {
            http_path(path, &paths.index(index), errors);
        }
    }
    let tls = at.child("tls");
    for (index, one) in spec.tls.iter().flatten().enumerate() {
        let one_at = tls.index(index);
        let hosts = one_at.child("hosts");
        for (index, host) in one.hosts.iter().flatten().enumerate() {
            host_name(host, &hosts.index(index), errors);
        }
    }
    if let Some(class) = &spec.ingress_class_name {
        for why in names::subdomain(class) {
            errors.invalid(&at.child("ingressClassName"), class, &why);
        }
    }
}

fn host_name(host: &str, at: &At<'_>, errors: &mut Errors) {
    if host.parse::<std::net::IpAddr>().is_ok() {
        errors.invalid(at, host, "must be a DNS name, not an IP address");
        return;
    }
    let wrong = if host.contains('*') { names::wildcard(host) } else { names::subdomain(host) };
    for why in wrong {
        errors.invalid(at, host, &why);
    }
}

fn http_path(path: &HTTPIngressPath, at: &At<'_>, errors: &mut Errors) {
    let text = path.path.as_deref().unwrap_or("");
    match path.path_type.as_str() {
        "" => errors.required(&at.child("pathType"), "pathType must be specified"),
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                errors.invalid(&at.child("path"), text, "must be an absolute path");
            }
            if !text.is_empty() {
                for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                    if text.contains(bad) {
                        let why = format!("must not contain '{bad}'");
                        errors.invalid(&at.child("path"), text, &why);
                    }
                }
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                errors.invalid(&at.child("path"), text, "must be an absolute path");
            }
        }
        other => errors.unsupported(&at.child("pathType"), other, &PATH_TYPES),
    }
    backend(&path.backend, &at.child("backend"), errors);
}

fn backend(of: &IngressBackend, at: &At<'_>, errors: &mut Errors) {
    match (&of.service, &of.resource) {
        (None, None) => errors.required(at, "port name or number is required"),
        (Some(_), Some(_)) => {
            errors.invalid(at, "", "cannot set both resource and service backends");
        }
        (None, Some(_)) => {}
        (Some(service), None) => {
            let at = at.child("service");
            if service.name.is_empty() {
                errors.required(&at.child("name"), "");
            } else {
                for why in names::label_1035(&service.name) {
                    errors.invalid(&at.child("name"), &service.name, &why);
                }
            }
            let port = service.port.clone().unwrap_or_default();
            let name = port.name.as_deref().unwrap_or("");
            match (name, port.number.unwrap_or(0)) {
                ("", 0) => errors.required(&at, "port name or number is required"),
                ("", n) => {
                    probe::port_number(i64::from(n), &at.child("port").child("number"), errors);
                }
                (name, 0) => {
                    for why in names::port_name(name) {
                        errors.invalid(&at.child("port").child("name"), name, &why);
                    }
                }
                _ => {
                    let at = at.child("port");
                    errors.invalid(&at, "", "cannot set both port name & port number");
                }
            }
        }
    }
}

/// IngressClass.
pub fn ingress_class(of: &IngressClass, errors: &mut Errors) {
    let spec_at = At::root("spec");
    let at = spec_at.child("controller");
    let controller = of.spec.as_ref().and_then(|s| s.controller.as_deref()).unwrap_or("");
    if controller.is_empty() {
        errors.required(&at, "");
    } else if !controller.contains('/') {
        errors.invalid(&at, controller, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    }
}

/// NetworkPolicy.
pub fn policy(of: &NetworkPolicy, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = of.spec.clone().unwrap_or_default();
    if let Some(pods) = &spec.pod_selector {
        selector::label_selector(pods, &at.child("podSelector"), errors);
    }
    let list = at.child("ingress");
    for (index, rule) in spec.ingress.iter().flatten().enumerate() {
        let one = list.index(index);
        ports(rule.ports.as_deref().unwrap_or(&[]), &one.child("ports"), errors);
        peers(rule.from.as_deref().unwrap_or(&[]), &one.child("from"), errors);
    }
    let list = at.child("egress");
    for (index, rule) in spec.egress.iter().flatten().enumerate() {
        let one = list.index(index);
        ports(rule.ports.as_deref().unwrap_or(&[]), &one.child("ports"), errors);
        peers(rule.to.as_deref().unwrap_or(&[]), &one.child("to"), errors);
    }
    let types = at.child("policyTypes");
    let given = spec.policy_types.unwrap_or_default();
    if given.len() > 2 {
        let text = "may not specify more than two policyTypes";
        errors.invalid(&types, &json!(given), text);
        return;
    }
    for (index, kind) in given.iter().enumerate() {
        errors.one_of(&types.index(index), kind, &["Egress", "Ingress"]);
    }
}

fn ports(list: &[NetworkPolicyPort], at: &At<'_>, errors: &mut Errors) {
    for (index, port) in list.iter().enumerate() {
        let one = at.index(index);
        if let Some(protocol) = &port.protocol {
            errors.one_of(&one.child("protocol"), protocol, &["SCTP", "TCP", "UDP"]);
        }
        if let Some(number) = &port.port {
            probe::port(number, &one.child("port"), errors);
        }
        if let Some(end) = port.end_port {
            match &port.port {
                None => {
                    let text = "must be specified when `endPort` is specified";
                    errors.required(&one.child("port"), text);
                }
                Some(IntOrString::String(_)) => {
                    let text = "must be a number when `endPort` is specified";
                    errors.invalid(&one.child("port"), end, text);
                }
                Some(IntOrString::Int(start)) if end < *start => {
                    let text = "must be greater than or equal to `port`";
                    errors.invalid(&one.child("endPort"), end, text);
                }
                Some(IntOrString::Int(_)) => {}
            }
        }
    }
}

fn peers(list: &[NetworkPolicyPeer], at: &At<'_>, errors: &mut Errors) {
    for (index, peer) in list.iter().enumerate() {
        let one = at.index(index);
        let mut kinds = 0;
        if let Some(pods) = &peer.pod_selector {
            kinds += 1;
            selector::label_selector(pods, &one.child("podSelector"), errors);
        }
        if let Some(spaces) = &peer.namespace_selector {
            kinds += 1;
            selector::label_selector(spaces, &one.child("namespaceSelector"), errors);
        }
        if let Some(block) = &peer.ip_block {
            if kinds > 0 {
                let text = "may not specify both ipBlock and another peer";
                errors.forbidden(&one, text);
            }
            kinds += 1;
            let one = one.child("ipBlock");
            if block.cidr.is_empty() {
                errors.required(&one.child("cidr"), "");
            } else {
                cidr(&block.cidr, &one.child("cidr"), errors);
            }
            let except = one.child("except");
            for (index, text) in block.except.iter().flatten().enumerate() {
                cidr(text, &except.index(index), errors);
            }
        }
        if kinds == 0 {
            errors.required(&one, "must specify a peer");
        }
    }
}

fn cidr(text: &str, at: &At<'_>, errors: &mut Errors) {
    let parts = text.split_once('/').and_then(|(ip, bits)| {
        let ip: std::net::IpAddr = ip.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        Some(bits <= if ip.is_ipv4() { 32 } else { 128 })
    });
    if parts != Some(true) {
        let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.invalid(at, text, why);
    }
}

/// Endpoints.
pub fn endpoints(of: &Endpoints, errors: &mut Errors) {
    let at = At::root("subsets");
    for (index, subset) in of.subsets.iter().flatten().enumerate() {
        let one = at.index(index);
        let addresses = subset.addresses.as_deref().unwrap_or(&[]);
        if addresses.is_empty() && subset.not_ready_addresses.as_ref().is_none_or(Vec::is_empty) {
            errors.required(&one, "must specify `addresses` or `notReadyAddresses`");
        }
        let list = one.child("addresses");
        for (index, address) in addresses.iter().enumerate() {
            address_ip(&address.ip, &list.index(index).child("ip"), errors);
        }
        let list = one.child("ports");
        for (index, port) in subset.ports.iter().flatten().enumerate() {
            probe::port_number(i64::from(port.port), &list.index(index).child("port"), errors);
        }
    }
}

fn address_ip(text: &str, at: &At<'_>, errors: &mut Errors) {
    match text.parse::<std::net::IpAddr>() {
        Err(_) => pod::ip(text, at, errors),
        Ok(ip) if ip.is_loopback() => {
            let why = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
            errors.invalid(at, text, why);
        }
        Ok(_) => {}
    }
}

/// EndpointSlice.
pub fn slice(of: &EndpointSlice, errors: &mut Errors) {
    let kind = of.address_type.as_str();
    let allowed = ["FQDN", "IPv4", "IPv6"];
    if kind.is_empty() {
        errors.required(&At::root("addressType"), "");
    } else {
        errors.one_of(&At::root("addressType"), kind, &allowed);
    }
    let at = At::root("endpoints");
    let list = of.endpoints.as_deref().unwrap_or(&[]);
    if list.len() > ENDPOINTS_MAX {
        errors.invalid(&at, Shown::raw(list.len().to_string()), "must have at most 1000 items");
    }
    for (index, endpoint) in list.iter().enumerate() {
        let one = at.index(index);
        let addresses = one.child("addresses");
        if endpoint.addresses.is_empty() {
            errors.required(&addresses, "must contain at least 1 address");
        }
        for (index, address) in endpoint.addresses.iter().enumerate() {
            if kind == "IPv4" || kind == "IPv6" {
                address_ip(address, &addresses.index(index), errors);
            }
        }
    }
}
