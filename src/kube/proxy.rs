//! kube-proxy of each node: Services and EndpointSlices become rules of the node's network.
//!
//! Models kubernetes `pkg/proxy/iptables/proxier.go`, `topology.go` and
//! `pkg/util/async/bounded_frequency_runner.go` @v1.36. What a removed endpoint gets until the
//! rules are programmed anew is what reality gives it. Left out: topology hints, health check node
//! ports, source ranges.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::engine::sabotage::Sabotage;
use crate::engine::trace::{Actor, Subject};
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::net::fabric::ServiceRule;
use crate::net::{Fabric, Proto};

/// Rules are written at most this often (`minSyncPeriod`).
pub const MIN_SYNC: SimDuration = SimDuration::from_secs(1);

/// Time to write the rules of a sync.
const PROGRAM: Latency = Latency {
    name: "proxy-sync",
    quantiles_us: [8_000, 15_000, 25_000, 45_000, 120_000],
    source: "handbook kubernetes-kubelet-network §15; iptables-restore of a small cluster",
};

/// Label of a slice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What a sync is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Call [`Proxy::sync`] at this moment.
    SyncAt(SimTime),
}

/// The proxy of one node.
#[derive(Clone, Debug)]
pub struct Proxy {
    node: Arc<str>,
    services: BTreeMap<Key, Arc<Object>>,
    /// Slices by service, then by name.
    slices: BTreeMap<Key, BTreeMap<Arc<str>, Arc<Object>>>,
    dirty: BTreeSet<Key>,
    last_sync: Option<SimTime>,
    armed: bool,
}

impl Proxy {
    /// A proxy that knows nothing yet.
    #[must_use]
    pub fn new(node: &str) -> Self {
        Self {
            node: node.into(),
            services: BTreeMap::new(),
            slices: BTreeMap::new(),
            dirty: BTreeSet::new(),
            last_sync: None,
            armed: false,
        }
    }

    /// Its watches delivered.
    pub fn changes<O>(&mut self, changes: &[Arc<Change>], cx: &mut Cx<'_, O>) -> Option<Wish> {
        for change in changes {
            self.take(change);
        }
        if self.dirty.is_empty() || self.armed {
            return None;
        }
        self.armed = true;
        let earliest = self.last_sync.map_or(cx.now, |last| (last + MIN_SYNC).max(cx.now));
        let node = self.node.clone();
        Some(Wish::SyncAt(earliest + cx.latency(&PROGRAM, &node)))
    }

    fn take(&mut self, change: &Change) {
        let newest = change.new.as_ref().or(change.old.as_ref());
        match newest.map(|o| &**o) {
            Some(Object::Service(_)) => {
                match &change.new {
                    Some(object) => self.services.insert(change.key.clone(), object.clone()),
                    None => self.services.remove(&change.key),
                };
                self.dirty.insert(change.key.clone());
            }
            Some(Object::EndpointSlice(slice)) => {
                let Some(service) = service_of(slice, &change.key) else { return };
                let list = self.slices.entry(service.clone()).or_default();
                match &change.new {
                    Some(object) => list.insert(change.key.name.clone(), object.clone()),
                    None => list.remove(&change.key.name),
                };
                if list.is_empty() {
                    self.slices.remove(&service);
                }
                self.dirty.insert(service);
            }
            _ => {}
        }
    }

    /// Write the rules of what changed.
    pub fn sync<O>(&mut self, fabric: &mut Fabric, cx: &mut Cx<'_, O>) {
        self.armed = false;
        self.last_sync = Some(cx.now);
        for key in std::mem::take(&mut self.dirty) {
            let mut rules = match self.services.get(&key).map(|o| &**o) {
                Some(Object::Service(service)) => self.rules(&key, service),
                _ => Vec::new(),
            };
            if cx.faults.sabotaged(Sabotage::StaleEndpoint)
                && let Some((_, old)) =
                    fabric.programmed(&self.node).find(|(k, _)| ***k == *key.to_string())
            {
                for (rule, old) in rules.iter_mut().zip(old.iter()) {
                    rule.endpoints.extend(old.endpoints.iter().copied());
                    rule.endpoints.sort_unstable();
                    rule.endpoints.dedup();
                }
            }
            let count = rules.first().map_or(0, |r| r.endpoints.len());
            fabric.program(&self.node, &key.to_string(), rules.into());
            let what = Message::new("why-kubelet-proxy-programmed")
                .with("node", self.node.clone())
                .with("count", i64::try_from(count).unwrap_or(i64::MAX));
            let actor = Actor::on("kube-proxy", self.node.clone());
            cx.note(actor, Subject::object("Service", &key.namespace, &key.name), what);
        }
    }

    fn rules(&self, key: &Key, service: &core::Service) -> Vec<ServiceRule> {
        let Some(spec) = &service.spec else { return Vec::new() };
        let ip = spec.cluster_ip.as_deref().unwrap_or("");
        if spec.type_.as_deref() == Some("ExternalName") || ip.is_empty() || ip == "None" {
            return Vec::new();
        }
        let mut vips: Vec<Ipv4Addr> = ip.parse().into_iter().collect();
        let more = spec.external_ips.iter().flatten();
        vips.extend(more.filter_map(|ip| ip.parse::<Ipv4Addr>().ok()));
        vips.extend(ingress_ips(service));
        let empty = BTreeMap::new();
        let slices = self.slices.get(key).unwrap_or(&empty);
        let sticky = spec.session_affinity.as_deref() == Some("ClientIP");
        let inside_local = spec.internal_traffic_policy.as_deref() == Some("Local");
        let outside_local = spec.external_traffic_policy.as_deref() == Some("Local");
        let mut rules = Vec::new();
        for port in spec.ports.iter().flatten() {
            let Ok(number) = u16::try_from(port.port) else { continue };
            let node_port = port.node_port.and_then(|p| u16::try_from(p).ok());
            let name = port.name.as_deref().unwrap_or("");
            let label = if name.is_empty() { key.to_string() } else { format!("{key}:{name}") };
            let all = endpoints(slices, name, None);
            let local = endpoints(slices, name, Some(&self.node));
            let rule = |vips: Vec<Ipv4Addr>, node_port, endpoints| ServiceRule {
                name: label.as_str().into(),
                vips,
                port: number,
                node_port,
                proto: protocol(port.protocol.as_deref()),
                endpoints,
                sticky,
            };
            let inside = if inside_local { local.clone() } else { all.clone() };
            if node_port.is_some() && outside_local != inside_local {
                let outside = if outside_local { local } else { all };
                rules.push(rule(vips.clone(), None, inside));
                rules.push(rule(Vec::new(), node_port, outside));
            } else {
                rules.push(rule(vips.clone(), node_port, inside));
            }
        }
        rules
    }
}

/// The service that a slice belongs to.
#[must_use]
pub fn service_of(slice: &discovery::EndpointSlice, key: &Key) -> Option<Key> {
    let name = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some(Key::new(&key.namespace, name))
}

fn ingress_ips(service: &core::Service) -> impl Iterator<Item = Ipv4Addr> {
    let status = service.status.as_ref().and_then(|s| s.load_balancer.as_ref());
    let list = status.and_then(|l| l.ingress.as_ref()).into_iter().flatten();
    list.filter_map(|i| i.ip.as_deref()?.parse().ok())
}

fn protocol(text: Option<&str>) -> Proto {
    match text {
        Some("UDP") => Proto::Udp,
        Some("SCTP") => Proto::Sctp,
        _ => Proto::Tcp,
    }
}

/// Addresses that get traffic: the ready ones; if there are none, those that still serve while
/// they terminate.
fn endpoints(
    slices: &BTreeMap<Arc<str>, Arc<Object>>,
    port: &str,
    only_on: Option<&str>,
) -> Vec<(Ipv4Addr, u16)> {
    let (mut ready, mut last_resort) = (BTreeSet::new(), BTreeSet::new());
    for object in slices.values() {
        let Object::EndpointSlice(slice) = &**object else { continue };
        let numbers = slice.ports.iter().flatten();
        let mut numbers = numbers.filter(|p| p.name.as_deref().unwrap_or("") == port);
        let number = numbers.next().and_then(|p| u16::try_from(p.port?).ok());
        let Some(number) = number else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            if only_on.is_some_and(|node| endpoint.node_name.as_deref() != Some(node)) {
                continue;
            }
            let conditions = endpoint.conditions.clone().unwrap_or_default();
            let is_ready = conditions.ready.unwrap_or(true);
            let serves = conditions.serving.unwrap_or(is_ready);
            let ends = conditions.terminating.unwrap_or(false);
            let addresses = endpoint.addresses.iter().filter_map(|a| a.parse::<Ipv4Addr>().ok());
            for address in addresses {
                if is_ready {
                    ready.insert((address, number));
                } else if serves && ends {
                    last_resort.insert((address, number));
                }
            }
        }
    }
    if ready.is_empty() { last_resort.into_iter().collect() } else { ready.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(list: &[(&str, bool, bool, bool)]) -> BTreeMap<Arc<str>, Arc<Object>> {
        let endpoints = list
            .iter()
            .map(|(ip, ready, serving, terminating)| discovery::Endpoint {
                addresses: vec![(*ip).to_owned()],
                node_name: Some(format!("node-{}", ip.len() % 2)),
                conditions: Some(discovery::EndpointConditions {
                    ready: Some(*ready),
                    serving: Some(*serving),
                    terminating: Some(*terminating),
                }),
                ..Default::default()
            })
            .collect();
        let slice = discovery::EndpointSlice {
            endpoints: Some(endpoints),
            ports: Some(vec![discovery::EndpointPort {
                name: Some(String::new()),
                port: Some(80),
                ..Default::default()
            }]),
            ..Default::default()
        };
        [(Arc::from("web-x"), Arc::new(Object::EndpointSlice(slice)))].into()
    }

    #[test]
    fn ready_first_then_terminating_that_serve() {
        let ips = |list: &[(&str, bool, bool, bool)], on| -> Vec<String> {
            endpoints(&slice(list), "", on).iter().map(|(ip, _)| ip.to_string()).collect()
        };
        let (up, ending, down) = (
            ("10.0.0.1", true, true, false),
            ("10.0.0.2", false, true, true),
            ("10.0.0.3", false, false, false),
        );
        assert_eq!(ips(&[up, ending, down], None), ["10.0.0.1"]);
        assert_eq!(ips(&[ending, down], None), ["10.0.0.2"]);
        assert!(ips(&[down], None).is_empty());
        assert_eq!(ips(&[up], Some("node-0")), ["10.0.0.1"]);
        assert!(ips(&[up], Some("node-1")).is_empty());
    }
}
