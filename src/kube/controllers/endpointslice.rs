//! The EndpointSlice controller: which addresses stand behind a Service.
//!
//! Models kubernetes `pkg/controller/endpointslice/endpointslice_controller.go` and
//! `staging/src/k8s.io/endpointslice/{reconciler,utils}.go` @v1.36 (handbook
//! kubernetes-controllers §12). Left out: IPv6, topology hints, mirroring of Endpoints.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Response};
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{create, delete, update};
use crate::kube::controllers::pods::{controller_ref, is_finished, is_ready};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, contains};

/// Label: the Service of a slice.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label: who manages the slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// This controller, in that label.
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// Label of slices of headless services.
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";
/// Annotation: moment of the change that led to this one.
pub(super) const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// Most endpoints of a slice (`--max-endpoints-per-slice`).
const MAX_ENDPOINTS: usize = 100;

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct EndpointSlices;

impl Controller for EndpointSlices {
    fn name(&self) -> &'static str {
        "endpoint-slice-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::Service => vec![now((Kind::Service, change.key.clone()))],
            Kind::Pod => pod_wakes(change, sync),
            Kind::EndpointSlice => slice_wakes(change),
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(service) = sync.view.get::<Service>(&item.1) else {
            sync.memory.written.retain(|(owner, _), _| owner != item);
            return plan;
        };
        let spec = service.spec.clone().unwrap_or_default();
        let Some(selector) = spec.selector.filter(|s| !s.is_empty()) else { return plan };
        if service.metadata.deletion_timestamp.is_some()
            || spec.type_.as_deref() == Some("ExternalName")
        {
            return plan;
        }
        if is_behind(item, sync) {
            plan.retry = true;
            return plan;
        }
        let groups = desired(service, &selector, sync);
        plan_slices(item, service, groups, sync, &mut plan);
        plan
    }

    fn answered(
        &self,
        item: &Item,
        _call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        let Some(object) = result.as_ref().ok().and_then(Response::object) else { return };
        if let Object::EndpointSlice(slice) = object.as_ref() {
            let key = Key::of(object);
            let generation = slice.metadata.generation.unwrap_or(0);
            sync.memory.written.insert((item.clone(), key), generation);
        }
    }
}

/// Whether the cache has not yet seen a slice as this controller wrote it.
fn is_behind(item: &Item, sync: &mut Sync<'_>) -> bool {
    let own = sync.memory.written.iter().filter(|((owner, _), _)| owner == item);
    let mut behind = false;
    let mut seen = Vec::new();
    for ((_, key), generation) in own {
        let have = sync.view.get::<EndpointSlice>(key).and_then(|s| s.metadata.generation);
        if have.is_some_and(|have| have >= *generation) {
            seen.push(key.clone());
        } else {
            behind = true;
        }
    }
    for key in seen {
        sync.memory.written.remove(&(item.clone(), key));
    }
    behind
}

pub(super) fn pod_wakes(change: &Change, sync: &Sync<'_>) -> Wakes {
    let pod = |o: Option<&Object>| match o {
        Some(Object::Pod(pod)) => Some(pod.clone()),
        _ => None,
    };
    let (old, new) = (pod(change.old.as_deref()), pod(change.new.as_deref()));
    let relabeled =
        old.as_ref().map(|p| &p.metadata.labels) != new.as_ref().map(|p| &p.metadata.labels);
    if !relabeled && old.as_ref().map(shown) == new.as_ref().map(shown) {
        return Wakes::new();
    }
    let empty = Labels::new();
    let labels: Vec<&Labels> = [&old, &new]
        .into_iter()
        .flatten()
        .map(|p| p.metadata.labels.as_ref().unwrap_or(&empty))
        .collect();
    let services = sync.view.list_in::<Service>(&change.key.namespace);
    services
        .filter(|(_, service)| {
            let selector = service.spec.as_ref().and_then(|s| s.selector.as_ref());
            selector.is_some_and(|s| !s.is_empty() && labels.iter().any(|l| contains(s, l)))
        })
        .map(|(key, _)| now((Kind::Service, key.clone())))
        .collect()
}

/// What of a pod an endpoint shows.
fn shown(pod: &Pod) -> (bool, bool, bool, Option<&str>, Option<&str>) {
    (
        pod.metadata.deletion_timestamp.is_some(),
        is_ready(pod),
        is_finished(pod),
        pod.status.as_ref().and_then(|s| s.pod_ip.as_deref()),
        pod.spec.as_ref().and_then(|s| s.node_name.as_deref()),
    )
}

/// A slice that someone else changed or removed wakes its Service.
fn slice_wakes(change: &Change) -> Wakes {
    let Some(object) = change.new.as_ref().or(change.old.as_ref()) else { return Wakes::new() };
    let labels = object.meta().labels.clone().unwrap_or_default();
    if labels.get(MANAGED_BY).map(String::as_str) != Some(MANAGER) {
        return Wakes::new();
    }
    let Some(service) = labels.get(SERVICE_NAME) else { return Wakes::new() };
    vec![now((Kind::Service, Key::new(&change.key.namespace, service)))]
}

type Ports = Vec<EndpointPort>;

/// Ports as something that can be compared and ordered.
fn port_key(ports: &[EndpointPort]) -> String {
    let one = |p: &EndpointPort| {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let port = p.port.map_or(String::new(), |n| n.to_string());
        format!("{}/{}/{port}/{}", text(&p.name), text(&p.protocol), text(&p.app_protocol))
    };
    let mut keys: Vec<String> = ports.iter().map(one).collect();
    keys.sort();
    keys.join(" ")
}

/// Endpoints by the ports that they offer.
fn desired(
    service: &Service,
    selector: &Labels,
    sync: &Sync<'_>,
) -> BTreeMap<String, (Ports, Vec<Endpoint>)> {
    let mut groups: BTreeMap<String, (Ports, Vec<Endpoint>)> = BTreeMap::new();
    let namespace = service.metadata.namespace.as_deref().unwrap_or("");
    let spec = service.spec.clone().unwrap_or_default();
    let empty = Labels::new();
    for (key, pod) in sync.view.list_in::<Pod>(namespace) {
        if !contains(selector, pod.metadata.labels.as_ref().unwrap_or(&empty)) || is_finished(pod) {
            continue;
        }
        let Some(ip) = pod.status.as_ref().and_then(|s| s.pod_ip.clone()) else { continue };
        let ports: Ports =
            spec.ports.iter().flatten().filter_map(|p| endpoint_port(p, pod)).collect();
        let publish = spec.publish_not_ready_addresses == Some(true);
        let endpoint = endpoint(service, key, pod, ip, publish, sync);
        let group = groups.entry(port_key(&ports)).or_insert_with(|| (ports, Vec::new()));
        group.1.push(endpoint);
    }
    groups
}

pub(super) fn endpoint_port(port: &ServicePort, pod: &Pod) -> Option<EndpointPort> {
    let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
    let number = match &port.target_port {
        None => port.port,
        Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(n)) => *n,
        Some(IntOrString::String(name)) => {
            let containers = pod.spec.as_ref().map(|s| &s.containers);
            let ports = containers.into_iter().flatten().flat_map(|c| c.ports.iter().flatten());
            let mut named = ports.filter(|p| {
                p.name.as_deref() == Some(name.as_str())
                    && p.protocol.as_deref().unwrap_or("TCP") == protocol
            });
            named.next()?.container_port
        }
    };
    Some(EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        protocol: Some(protocol),
        port: Some(number),
        app_protocol: port.app_protocol.clone(),
    })
}

fn endpoint(
    service: &Service,
    key: &Key,
    pod: &Pod,
    ip: String,
    publish: bool,
    sync: &Sync<'_>,
) -> Endpoint {
    let serving = is_ready(pod);
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let spec = pod.spec.clone().unwrap_or_default();
    let node = spec.node_name.clone();
    let zone = node.as_deref().and_then(|name| {
        let node = sync.view.get::<Node>(&Key::new("", name))?;
        node.metadata.labels.as_ref()?.get("topology.kubernetes.io/zone").cloned()
    });
    let named = spec.subdomain == service.metadata.name && spec.hostname.is_some();
    Endpoint {
        addresses: vec![ip],
        conditions: Some(EndpointConditions {
            ready: Some(publish || serving && !terminating),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: spec.hostname.filter(|_| named),
        node_name: node,
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.to_string()),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        zone,
        ..Endpoint::default()
    }
}

/// Bring the slices of a Service to what is wanted, with few writes.
fn plan_slices(
    item: &Item,
    service: &Service,
    groups: BTreeMap<String, (Ports, Vec<Endpoint>)>,
    sync: &Sync<'_>,
    plan: &mut Plan,
) {
    let name = service.metadata.name.as_deref().unwrap_or("");
    let mut existing: Vec<EndpointSlice> = sync
        .view
        .list_in::<EndpointSlice>(&item.1.namespace)
        .map(|(_, slice)| slice)
        .filter(|slice| {
            let labels = slice.metadata.labels.as_ref();
            let of = |key: &str| labels.and_then(|l| l.get(key)).map(String::as_str);
            of(SERVICE_NAME) == Some(name)
                && of(MANAGED_BY) == Some(MANAGER)
                && slice.metadata.deletion_timestamp.is_none()
        })
        .cloned()
        .collect();
    let mut groups = groups;
    if groups.is_empty() {
        groups.insert(String::new(), (Ports::new(), Vec::new()));
    }
    let mut writes: Vec<(Option<EndpointSlice>, Ports, Vec<Endpoint>)> = Vec::new();
    for (key, (ports, endpoints)) in groups {
        let of_group =
            |slice: &EndpointSlice| port_key(slice.ports.as_deref().unwrap_or(&[])) == key;
        let (own, rest): (Vec<_>, Vec<_>) = existing.into_iter().partition(of_group);
        existing = rest;
        distribute(own, &ports, endpoints, &mut writes);
    }
    // Slices whose ports nobody offers any more are used anew before others are made.
    let mut spare = existing.into_iter();
    for (slice, ports, endpoints) in writes {
        let slice = slice.or_else(|| spare.next());
        write(service, slice, ports, endpoints, sync.now, plan);
    }
    for slice in spare {
        let key = Key::new(&item.1.namespace, slice.metadata.name.as_deref().unwrap_or(""));
        plan.call(
            Call::new(delete(Kind::EndpointSlice, &key, None))
                .because(Message::new("why-kube-slice-surplus").with("service", name))
                .forgiving(&["NotFound"]),
        );
    }
}

/// Keep endpoints where they are; fill the gaps; make slices for the rest.
fn distribute(
    own: Vec<EndpointSlice>,
    ports: &Ports,
    wanted: Vec<Endpoint>,
    writes: &mut Vec<(Option<EndpointSlice>, Ports, Vec<Endpoint>)>,
) {
    let id = |e: &Endpoint| {
        let uid = e.target_ref.as_ref().and_then(|r| r.uid.clone()).unwrap_or_default();
        (uid, e.addresses.first().cloned().unwrap_or_default())
    };
    let by_id: BTreeMap<_, Endpoint> = wanted.iter().map(|e| (id(e), e.clone())).collect();
    let mut placed = BTreeSet::new();
    let mut kept: Vec<(EndpointSlice, Vec<Endpoint>)> = Vec::new();
    for slice in own {
        let stay: Vec<Endpoint> = slice
            .endpoints
            .iter()
            .flatten()
            .filter_map(|e| by_id.get(&id(e)).filter(|_| placed.insert(id(e))))
            .cloned()
            .collect();
        kept.push((slice, stay));
    }
    let mut rest = wanted.into_iter().filter(|e| !placed.contains(&id(e))).peekable();
    for (slice, mut endpoints) in kept {
        while endpoints.len() < MAX_ENDPOINTS && rest.peek().is_some() {
            endpoints.extend(rest.next());
        }
        writes.push((Some(slice), ports.clone(), endpoints));
    }
    let none = writes.is_empty();
    while rest.peek().is_some() {
        let chunk: Vec<Endpoint> = rest.by_ref().take(MAX_ENDPOINTS).collect();
        writes.push((None, ports.clone(), chunk));
    }
    if none && writes.is_empty() {
        writes.push((None, ports.clone(), Vec::new()));
    }
}

fn labels_of(service: &Service) -> Labels {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), service.metadata.name.clone().unwrap_or_default());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    let headless = service.spec.as_ref().and_then(|s| s.cluster_ip.as_deref()) == Some("None");
    if headless {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels
}

fn write(
    service: &Service,
    slice: Option<EndpointSlice>,
    ports: Ports,
    endpoints: Vec<Endpoint>,
    now: SimTime,
    plan: &mut Plan,
) {
    let labels = labels_of(service);
    let ports = (!ports.is_empty()).then_some(ports);
    let name = service.metadata.name.clone().unwrap_or_default();
    let trigger = meta_time(now).0.to_string();
    let count = i64::try_from(endpoints.len()).unwrap_or(i64::MAX);
    let why = Message::new("why-kube-slice-written")
        .with("service", name.as_str())
        .with("endpoints", count);
    if let Some(mut slice) = slice {
        let same = slice.endpoints.as_deref().unwrap_or(&[]) == endpoints.as_slice()
            && port_key(slice.ports.as_deref().unwrap_or(&[]))
                == port_key(ports.as_deref().unwrap_or(&[]))
            && slice.metadata.labels.as_ref() == Some(&labels);
        if same {
            return;
        }
        slice.endpoints = Some(endpoints);
        slice.ports = ports;
        slice.metadata.labels = Some(labels);
        let annotations = slice.metadata.annotations.get_or_insert_default();
        annotations.insert(TRIGGER.to_owned(), trigger);
        plan.call(Call::new(update(slice)).because(why));
        return;
    }
    let slice = EndpointSlice {
        address_type: "IPv4".to_owned(),
        endpoints: Some(endpoints),
        ports,
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: Some([(TRIGGER.to_owned(), trigger)].into()),
            owner_references: Some(vec![controller_ref::<Service>(&service.metadata)]),
            ..ObjectMeta::default()
        },
    };
    plan.call(Call::new(create(slice)).because(why));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(ip: &str) -> Endpoint {
        Endpoint { addresses: vec![ip.to_owned()], ..Endpoint::default() }
    }

    fn slice(ips: &[&str]) -> EndpointSlice {
        let endpoints = ips.iter().map(|ip| endpoint(ip)).collect();
        EndpointSlice { endpoints: Some(endpoints), ..EndpointSlice::default() }
    }

    #[test]
    fn endpoints_keep_their_place_and_new_ones_follow() {
        let mut writes = Vec::new();
        let wanted = vec![endpoint("10.0.0.3"), endpoint("10.0.0.1"), endpoint("10.0.0.4")];
        distribute(vec![slice(&["10.0.0.1", "10.0.0.2"])], &Ports::new(), wanted, &mut writes);
        let ips: Vec<&str> = writes[0].2.iter().map(|e| e.addresses[0].as_str()).collect();
        assert_eq!((writes.len(), ips), (1, vec!["10.0.0.1", "10.0.0.3", "10.0.0.4"]));
    }

    #[test]
    fn a_service_without_endpoints_has_one_empty_slice() {
        let mut writes = Vec::new();
        distribute(Vec::new(), &Ports::new(), Vec::new(), &mut writes);
        assert_eq!((writes.len(), writes[0].2.len()), (1, 0));
        let many = (0..150).map(|n| endpoint(&n.to_string())).collect();
        let mut writes = Vec::new();
        distribute(Vec::new(), &Ports::new(), many, &mut writes);
        assert_eq!(writes.iter().map(|w| w.2.len()).collect::<Vec<_>>(), [100, 50]);
    }
}
