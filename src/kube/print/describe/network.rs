//! `kubectl describe` of Services, Endpoints, EndpointSlices, Ingresses and IngressClasses.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Endpoints, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressBackend, IngressClass};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::container::int_or_string;
use super::{Around, Lines, label_line, or_none, text};

/// Most endpoints shown before `+ N more...`.
const MAX_ENDPOINTS: usize = 3;

/// Something that an Ingress can send to: a service with its slices, looked up by the client.
pub struct Backend {
    /// Its name.
    pub name: String,
    /// The Service, when it exists.
    pub service: Option<Arc<Service>>,
    /// Its EndpointSlices.
    pub slices: Vec<Arc<EndpointSlice>>,
}

/// `kubectl describe service`.
#[must_use]
pub fn service(of: &Service, slices: &[Arc<EndpointSlice>], around: Around<'_>) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("Selector", label_line(spec.selector.as_ref()));
    addresses(&mut w, of, &spec);
    for port in spec.ports.iter().flatten() {
        service_port(&mut w, port, slices);
    }
    w.field("Session Affinity", text(spec.session_affinity.as_ref()));
    for (key, value) in [
        ("External Traffic Policy", &spec.external_traffic_policy),
        ("Internal Traffic Policy", &spec.internal_traffic_policy),
        ("Traffic Distribution", &spec.traffic_distribution),
    ] {
        if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
            w.field(key, value);
        }
    }
    if let Some(port) = spec.health_check_node_port.filter(|p| *p != 0) {
        w.field("HealthCheck NodePort", port.to_string());
    }
    if let Some(ranges) = spec.load_balancer_source_ranges.filter(|r| !r.is_empty()) {
        w.field("LoadBalancer Source Ranges", ranges.join(","));
    }
    w.events(around);
    w.finish()
}

fn addresses(w: &mut Lines, of: &Service, spec: &ServiceSpec) {
    w.field("Type", text(spec.type_.as_ref()));
    if let Some(policy) = &spec.ip_family_policy {
        w.field("IP Family Policy", policy);
    }
    let families = spec.ip_families.clone().unwrap_or_default().join(",");
    w.field("IP Families", or_none(&families));
    w.field("IP", text(spec.cluster_ip.as_ref()));
    let all = spec.cluster_ips.clone().unwrap_or_default().join(",");
    w.field("IPs", or_none(&all));
    if let Some(ips) = spec.external_ips.as_ref().filter(|i| !i.is_empty()) {
        w.field("External IPs", ips.join(","));
    }
    if let Some(ip) = spec.load_balancer_ip.as_deref().filter(|i| !i.is_empty()) {
        w.field("Desired LoadBalancer IP", ip);
    }
    if let Some(name) = spec.external_name.as_deref().filter(|n| !n.is_empty()) {
        w.field("External Name", name);
    }
    let balancer = of.status.as_ref().and_then(|s| s.load_balancer.as_ref());
    let points: Vec<String> = balancer
        .and_then(|b| b.ingress.as_ref())
        .into_iter()
        .flatten()
        .map(|i| {
            let ip = text(i.ip.as_ref());
            if ip.is_empty() {
                return text(i.hostname.as_ref()).to_owned();
            }
            match &i.ip_mode {
                Some(mode) => format!("{ip} ({mode})"),
                None => ip.to_owned(),
            }
        })
        .collect();
    if !points.is_empty() {
        w.field("LoadBalancer Ingress", points.join(", "));
    }
}

fn service_port(w: &mut Lines, port: &ServicePort, slices: &[Arc<EndpointSlice>]) {
    let name = text(port.name.as_ref());
    let shown = if name.is_empty() { "<unset>" } else { name };
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    w.field("Port", format!("{shown}\t{}/{protocol}", port.port));
    let target = port.target_port.clone().unwrap_or(IntOrString::Int(port.port));
    w.field("TargetPort", format!("{}/{protocol}", int_or_string(&target)));
    if let Some(node) = port.node_port.filter(|p| *p != 0) {
        w.field("NodePort", format!("{shown}\t{node}/{protocol}"));
    }
    w.field("Endpoints", endpoints_of(slices, name));
}

/// Ready endpoints of a service port. A fourth endpoint raises the mark of "more" even when it is
/// not ready, as in the original.
fn endpoints_of(slices: &[Arc<EndpointSlice>], port_name: &str) -> String {
    let mut list: Vec<String> = Vec::new();
    let mut more = false;
    let mut count = 0_usize;
    for slice in slices {
        let ports = slice.ports.as_deref().unwrap_or_default();
        let numbers: Vec<Option<i32>> = if ports.is_empty() {
            vec![None]
        } else {
            ports
                .iter()
                .filter(|p| text(p.name.as_ref()) == port_name)
                .map(|p| Some(p.port.unwrap_or(0)))
                .collect()
        };
        for number in numbers {
            for point in slice.endpoints.iter().flatten() {
                more |= list.len() == MAX_ENDPOINTS;
                let ready = point.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true);
                let Some(address) = point.addresses.first().filter(|_| ready) else { continue };
                if !more {
                    list.push(match number {
                        Some(port) => format!("{address}:{port}"),
                        None => address.clone(),
                    });
                }
                count += 1;
            }
        }
    }
    let shown = list.join(",");
    if more { format!("{shown} + {} more...", count.saturating_sub(MAX_ENDPOINTS)) } else { shown }
}

/// `kubectl describe endpoints`.
#[must_use]
pub fn endpoints(of: &Endpoints, around: Around<'_>) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.at(0, "Subsets:");
    for subset in of.subsets.iter().flatten() {
        for (key, list) in
            [("Addresses", &subset.addresses), ("NotReadyAddresses", &subset.not_ready_addresses)]
        {
            let ips: Vec<&str> = list.iter().flatten().map(|a| a.ip.as_str()).collect();
            w.at(1, format!("{key}:\t{}", or_none(&ips.join(","))));
        }
        let ports = subset.ports.as_deref().unwrap_or_default();
        if !ports.is_empty() {
            w.at(1, "Ports:");
            w.at(2, "Name\tPort\tProtocol");
            w.at(2, "----\t----\t--------");
            for port in ports {
                let name = text(port.name.as_ref());
                let name = if name.is_empty() { "<unset>" } else { name };
                let protocol = text(port.protocol.as_ref());
                w.at(2, format!("{name}\t{}\t{protocol}", port.port));
            }
        }
        w.raw("\n");
    }
    w.events(around);
    w.finish()
}

/// `kubectl describe endpointslice`.
#[must_use]
pub fn endpoint_slice(of: &EndpointSlice, around: Around<'_>) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("AddressType", &of.address_type);
    let ports = of.ports.as_deref().unwrap_or_default();
    if ports.is_empty() {
        w.at(0, "Ports: <unset>");
    } else {
        w.at(0, "Ports:");
        w.at(1, "Name\tPort\tProtocol");
        w.at(1, "----\t----\t--------");
        for port in ports {
            let name = text(port.name.as_ref());
            let name = if name.is_empty() { "<unset>" } else { name };
            let number = port.port.map_or("<unset>".to_owned(), |p| p.to_string());
            w.at(1, format!("{name}\t{number}\t{}", text(port.protocol.as_ref())));
        }
    }
    let points = of.endpoints.as_deref().unwrap_or_default();
    if points.is_empty() {
        w.at(0, "Endpoints: <none>");
    } else {
        w.at(0, "Endpoints:");
    }
    for point in points {
        w.at(1, format!("- Addresses:\t{}", point.addresses.join(", ")));
        let ready = point.conditions.as_ref().and_then(|c| c.ready);
        w.at(2, "Conditions:");
        w.at(3, format!("Ready:\t{}", ready.map_or("<unset>".to_owned(), |r| r.to_string())));
        w.at(2, format!("Hostname:\t{}", point.hostname.as_deref().unwrap_or("<unset>")));
        if let Some(target) = &point.target_ref {
            let (kind, name) = (text(target.kind.as_ref()), text(target.name.as_ref()));
            w.at(2, format!("TargetRef:\t{kind}/{name}"));
        }
        w.at(2, format!("NodeName:\t{}", point.node_name.as_deref().unwrap_or("<unset>")));
        w.at(2, format!("Zone:\t{}", point.zone.as_deref().unwrap_or("<unset>")));
    }
    w.events(around);
    w.finish()
}

/// `kubectl describe ingress`, with the services that it names.
#[must_use]
pub fn ingress(of: &Ingress, backends: &[Backend], around: Around<'_>) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.field("Name", text(of.metadata.name.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.field("Namespace", text(of.metadata.namespace.as_ref()));
    let points = of.status.as_ref().and_then(|s| s.load_balancer.as_ref());
    let points: Vec<&str> = points
        .and_then(|b| b.ingress.as_ref())
        .into_iter()
        .flatten()
        .map(|i| i.ip.as_deref().or(i.hostname.as_deref()).unwrap_or(""))
        .collect();
    w.field("Address", points.join(","));
    w.field("Ingress Class", or_none(text(spec.ingress_class_name.as_ref())));
    let default =
        spec.default_backend.as_ref().map_or("<default>".to_owned(), |b| backend(b, backends));
    w.field("Default backend", &default);
    if let Some(all) = spec.tls.as_ref().filter(|t| !t.is_empty()) {
        w.at(0, "TLS:");
        for tls in all {
            let secret = match text(tls.secret_name.as_ref()) {
                "" => "SNI routes".to_owned(),
                name => format!("{name} terminates"),
            };
            w.at(1, format!("{secret} {}", tls.hosts.clone().unwrap_or_default().join(",")));
        }
    }
    w.at(0, "Rules:");
    w.at(1, "Host\tPath\tBackends");
    w.at(1, "----\t----\t--------");
    let mut any = false;
    for rule in spec.rules.iter().flatten() {
        let Some(http) = &rule.http else { continue };
        any = true;
        let host = text(rule.host.as_ref());
        w.at(1, format!("{}\t", if host.is_empty() { "*" } else { host }));
        for path in &http.paths {
            let target = backend(&path.backend, backends);
            w.at(2, format!("\t{} \t{target}", text(path.path.as_ref())));
        }
    }
    if !any {
        w.at(1, format!("*\t*\t{default}"));
    }
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.events(around);
    w.finish()
}

/// `web:80 (10.244.0.4:80)`, or the error that the service is missing.
fn backend(of: &IngressBackend, known: &[Backend]) -> String {
    let Some(service) = &of.service else {
        return match &of.resource {
            Some(r) => {
                let group = text(r.api_group.as_ref());
                format!("APIGroup: {group}, Kind: {}, Name: {}", r.kind, r.name)
            }
            None => String::new(),
        };
    };
    let port = service.port.as_ref();
    let number = port.and_then(|p| p.number);
    let name = port.and_then(|p| p.name.as_deref());
    let shown = number.map(|n| n.to_string()).or(name.map(str::to_owned)).unwrap_or_default();
    let found = known.iter().find(|b| b.name == service.name);
    let points = match found.and_then(|b| b.service.as_ref().map(|s| (b, s))) {
        None => format!("<error: services \"{}\" not found>", service.name),
        Some((backend, target)) => {
            let ports = target.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default();
            let wanted = ports.iter().find(|p| {
                number.is_some_and(|n| n == p.port) || name.is_some() && p.name.as_deref() == name
            });
            endpoints_of(&backend.slices, wanted.map_or("", |p| text(p.name.as_ref())))
        }
    };
    format!("{}:{shown} ({points})", service.name)
}

/// `kubectl describe ingressclass`.
#[must_use]
pub fn ingress_class(of: &IngressClass, around: Around<'_>) -> String {
    let mut w = Lines::default();
    w.field("Name", text(of.metadata.name.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    let controller = of.spec.as_ref().and_then(|s| s.controller.as_ref());
    w.field("Controller", text(controller));
    w.events(around);
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slice(ready: &[bool]) -> Arc<EndpointSlice> {
        let points: Vec<_> = ready
            .iter()
            .enumerate()
            .map(|(i, r)| json!({"addresses": [format!("10.0.0.{i}")], "conditions": {"ready": r}}))
            .collect();
        let read = json!({"metadata": {}, "addressType": "IPv4", "endpoints": points,
                          "ports": [{"name": "", "port": 80, "protocol": "TCP"}]});
        Arc::new(serde_json::from_value(read).unwrap())
    }

    #[test]
    fn three_endpoints_and_then_a_count() {
        assert_eq!(endpoints_of(&[slice(&[true, true])], ""), "10.0.0.0:80,10.0.0.1:80");
        assert_eq!(
            endpoints_of(&[slice(&[true; 5])], ""),
            "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
        );
        let odd = endpoints_of(&[slice(&[true, true, true, false])], "");
        assert!(odd.ends_with(" + 0 more..."), "{odd}");
        assert_eq!(endpoints_of(&[slice(&[false])], ""), "");
        assert_eq!(endpoints_of(&[slice(&[true])], "other"), "");
    }
}
