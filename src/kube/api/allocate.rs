//! Cluster IPs and node ports of services.
//!
//! Follows `pkg/registry/core/service/storage/alloc.go` and `ipallocator`, `portallocator`: random
//! in the upper band first, the lower one is meant for static choices. One IPv4 family only.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use crate::kube::api::object::{Kind, Object};
use crate::kube::api::request::{ApiError, Cause};
use crate::kube::api::server::Call;

/// First address of the service range 10.96.0.0/12 (kubeadm's default).
const RANGE_BASE: u32 = 0x0a60_0000;
/// Addresses of the range.
const RANGE_SIZE: u32 = 1 << 20;
/// Addresses kept for static choices: clamp(size/16, 16, 256).
const STATIC_IPS: u32 = 256;
/// Node ports.
const PORTS: (i32, i32) = (30_000, 32_767);
/// First node port that is given out at random: clamp(size/32, 16, 128) = 86 are kept.
const FIRST_RANDOM_PORT: i32 = 30_086;
/// Draws before the search goes through the range in order.
const TRIES: u32 = 64;

/// Give a new service its addresses and ports.
///
/// # Errors
/// `Invalid` where an asked address or port is taken or outside the range.
pub fn create(call: &mut Call<'_>, object: &mut Object) -> Result<(), ApiError> {
    let Object::Service(service) = object else { return Ok(()) };
    families(service);
    addresses(call, service)?;
    ports(call, service, None)
}

/// Give a changed service what its new type needs, and keep what it has.
///
/// # Errors
/// As for [`create`].
pub fn update(call: &mut Call<'_>, object: &mut Object, old: &Object) -> Result<(), ApiError> {
    let (Object::Service(service), Object::Service(was)) = (object, old) else { return Ok(()) };
    keep(service, was);
    families(service);
    let before = was.spec.as_ref();
    let had = before.and_then(|s| s.cluster_ip.as_deref()).unwrap_or("");
    let spec = service.spec.get_or_insert_default();
    if had.is_empty() || spec.cluster_ip.as_deref().unwrap_or("").is_empty() {
        addresses(call, service)?;
    }
    ports(call, service, before)
}

/// What the client leaves out of an update stays (`patchAllocatedValues`).
fn keep(service: &mut Service, was: &Service) {
    let Some(before) = &was.spec else { return };
    let spec = service.spec.get_or_insert_default();
    if needs_ip(spec) && needs_ip(before) {
        if spec.cluster_ip.as_deref().unwrap_or("").is_empty() {
            spec.cluster_ip.clone_from(&before.cluster_ip);
        }
        if spec.cluster_ips.as_ref().is_none_or(Vec::is_empty)
            && spec.cluster_ip == before.cluster_ip
        {
            spec.cluster_ips.clone_from(&before.cluster_ips);
        }
    }
    if !needs_ip(spec) && needs_ip(before) && spec.cluster_ip == before.cluster_ip {
        spec.cluster_ip = None;
        spec.cluster_ips = None;
    }
    if needs_node_ports(spec) {
        for port in spec.ports.iter_mut().flatten().filter(|p| p.node_port.is_none()) {
            let same = |p: &&k8s_openapi::api::core::v1::ServicePort| {
                p.port == port.port && p.protocol == port.protocol
            };
            let old = before.ports.iter().flatten().find(same);
            port.node_port = old.and_then(|p| p.node_port);
        }
    } else if needs_node_ports(before) {
        for port in spec.ports.iter_mut().flatten() {
            let given = before.ports.iter().flatten().any(|p| p.node_port == port.node_port);
            if given {
                port.node_port = None;
            }
        }
    }
}

fn kind_of(spec: &ServiceSpec) -> &str {
    spec.type_.as_deref().unwrap_or("ClusterIP")
}

fn needs_ip(spec: &ServiceSpec) -> bool {
    kind_of(spec) != "ExternalName"
}

fn needs_node_ports(spec: &ServiceSpec) -> bool {
    match kind_of(spec) {
        "NodePort" => true,
        "LoadBalancer" => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    }
}

fn families(service: &mut Service) {
    let spec = service.spec.get_or_insert_default();
    if !needs_ip(spec) {
        return;
    }
    let headless = spec.cluster_ip.as_deref() == Some("None");
    let selectorless = spec.selector.as_ref().is_none_or(|s| s.is_empty());
    let policy = if headless && selectorless { "RequireDualStack" } else { "SingleStack" };
    spec.ip_family_policy.get_or_insert_with(|| policy.to_owned());
    let dual = headless && selectorless && spec.ip_family_policy.as_deref() != Some("SingleStack");
    spec.ip_families.get_or_insert_with(|| {
        let mut families = vec!["IPv4".to_owned()];
        if dual {
            families.push("IPv6".to_owned());
        }
        families
    });
    if spec.cluster_ips.as_ref().is_none_or(Vec::is_empty) {
        let ip = spec.cluster_ip.clone().filter(|ip| !ip.is_empty());
        spec.cluster_ips = ip.map(|ip| vec![ip]);
    }
    if spec.cluster_ip.is_none() {
        spec.cluster_ip = spec.cluster_ips.as_ref().and_then(|ips| ips.first().cloned());
    }
}

fn addresses(call: &mut Call<'_>, service: &mut Service) -> Result<(), ApiError> {
    let name = service.metadata.name.clone().unwrap_or_default();
    let own = crate::kube::api::object::Key::new(
        service.metadata.namespace.as_deref().unwrap_or(""),
        &name,
    );
    let spec = service.spec.get_or_insert_default();
    if !needs_ip(spec) || spec.cluster_ip.as_deref() == Some("None") {
        return Ok(());
    }
    if let Some(asked) = spec.cluster_ip.clone().filter(|ip| !ip.is_empty()) {
        let why = match asked.parse::<Ipv4Addr>().map(u32::from) {
            Err(_) => Some("the provided network does not match the current range".to_owned()),
            Ok(ip) if !(RANGE_BASE + 1..RANGE_BASE + RANGE_SIZE - 1).contains(&ip) => {
                Some(out_of_range(&asked, ip))
            }
            Ok(_) if call.store.cluster_ip_holder(&asked).is_some_and(|k| *k != own) => {
                Some("provided IP is already allocated".to_owned())
            }
            Ok(_) => None,
        };
        if let Some(why) = why {
            return Err(ApiError::invalid(
                Kind::Service,
                &name,
                vec![Cause {
                    field: "spec.clusterIPs".to_owned(),
                    message: format!(
                        "Invalid value: [\"{asked}\"]: failed to allocate IP {asked}: {why}"
                    ),
                    reason: "FieldValueInvalid",
                }],
            ));
        }
        return Ok(());
    }
    let ip = free_address(call).to_string();
    spec.cluster_ips = Some(vec![ip.clone()]);
    spec.cluster_ip = Some(ip);
    Ok(())
}

/// An address of the private network of the range is told otherwise than a foreign one.
fn out_of_range(asked: &str, ip: u32) -> String {
    if ip >> 24 == RANGE_BASE >> 24 {
        format!(
            "the provided IP ({asked}) is not in the valid range. The range of valid IPs is \
             10.96.0.0/12"
        )
    } else {
        "the provided network does not match the current range".to_owned()
    }
}

fn free_address(call: &mut Call<'_>) -> Ipv4Addr {
    let free = |offset: u32, call: &Call<'_>| {
        let ip = Ipv4Addr::from(RANGE_BASE + offset);
        call.store.cluster_ip_holder(&ip.to_string()).is_none().then_some(ip)
    };
    for _ in 0..TRIES {
        let offset = call.rng.between(u64::from(STATIC_IPS) + 1, u64::from(RANGE_SIZE) - 2);
        if let Some(ip) = free(u32::try_from(offset).unwrap_or(1), call) {
            return ip;
        }
    }
    let rest = (STATIC_IPS + 1..RANGE_SIZE - 1).chain(1..=STATIC_IPS);
    rest.into_iter().find_map(|o| free(o, call)).unwrap_or(Ipv4Addr::from(RANGE_BASE + 1))
}

fn ports(
    call: &mut Call<'_>,
    service: &mut Service,
    before: Option<&ServiceSpec>,
) -> Result<(), ApiError> {
    let name = service.metadata.name.clone().unwrap_or_default();
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let own = crate::kube::api::object::Key::new(&namespace, &name);
    let spec = service.spec.get_or_insert_default();
    if !needs_node_ports(spec) {
        return Ok(());
    }
    let _ = before;
    let mut given: Vec<(i32, String)> = Vec::new();
    let mut causes = Vec::new();
    for (index, port) in spec.ports.iter().flatten().enumerate() {
        let Some(number) = port.node_port else { continue };
        let protocol = port.protocol.clone().unwrap_or_default();
        let taken = call.store.node_port_holder(number, &protocol).is_some_and(|k| *k != own)
            || given.contains(&(number, protocol.clone()));
        // A dry run does not ask the allocator for the range.
        let inside = (PORTS.0..=PORTS.1).contains(&number);
        let why = if !inside && !call.dry_run {
            Some(format!(
                "provided port is not in the valid range. The range of valid ports is {}-{}",
                PORTS.0, PORTS.1
            ))
        } else if taken {
            Some("provided port is already allocated".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            causes.push(Cause {
                field: format!("spec.ports[{index}].nodePort"),
                message: format!("Invalid value: {number}: {why}"),
                reason: "FieldValueInvalid",
            });
        }
        given.push((number, protocol));
    }
    if !causes.is_empty() {
        causes.truncate(1);
        return Err(ApiError::invalid(Kind::Service, &name, causes));
    }
    for port in spec.ports.iter_mut().flatten().filter(|p| p.node_port.is_none()) {
        let protocol = port.protocol.clone().unwrap_or_default();
        let number = free_port(call, &protocol, &given);
        port.node_port = Some(number);
        given.push((number, protocol));
    }
    if spec.external_traffic_policy.as_deref() == Some("Local")
        && kind_of(spec) == "LoadBalancer"
        && spec.health_check_node_port.unwrap_or(0) == 0
    {
        spec.health_check_node_port = Some(free_port(call, "TCP", &given));
    }
    Ok(())
}

fn free_port(call: &mut Call<'_>, protocol: &str, given: &[(i32, String)]) -> i32 {
    let free = |port: i32, call: &Call<'_>| {
        call.store.node_port_holder(port, protocol).is_none()
            && given.iter().all(|(n, _)| *n != port)
    };
    let (low, high) = (FIRST_RANDOM_PORT.unsigned_abs(), PORTS.1.unsigned_abs());
    for _ in 0..TRIES {
        let port = i32::try_from(call.rng.between(low.into(), high.into())).unwrap_or(PORTS.0);
        if free(port, call) {
            return port;
        }
    }
    let rest = (FIRST_RANDOM_PORT..=PORTS.1).chain(PORTS.0..FIRST_RANDOM_PORT);
    rest.into_iter().find(|p| free(*p, call)).unwrap_or(PORTS.0)
}
