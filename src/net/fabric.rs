//! The fabric: hosts, networks, endpoints, published ports and service rules.
//!
//! Models dockerd's libnetwork (bridge driver, ipam, portmapper), the host-local plugin of pod
//! networks and the rules that kube-proxy programs. Rules are what was programmed, not what is
//! wanted: a stale rule keeps sending to where it points.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::ledger::{Ledger, Roll};
use crate::base::mixer;
use crate::engine::sabotage::{Sabotage, Saboteur};
use crate::net::flow::{Flow, FlowRecord};
use crate::net::load::{Load, LoadId};
use crate::net::types::{Cidr, EndpointRef, FlowId, Proto};

pub use crate::net::api::{
    Driver, Input, NetError, NetworkInfo, NetworkSpec, Output, Resolver, ServiceRule,
};

/// dockerd's address pools: the first range and how many follow it with which prefix
/// (handbook docker-engine §8).
const POOLS: &[(Cidr, u32)] = &[
    (Cidr::new(172, 17, 0, 0, 16), 1),
    (Cidr::new(172, 18, 0, 0, 16), 1),
    (Cidr::new(172, 19, 0, 0, 16), 1),
    (Cidr::new(172, 20, 0, 0, 16), 4),
    (Cidr::new(172, 24, 0, 0, 16), 4),
    (Cidr::new(172, 28, 0, 0, 16), 4),
    (Cidr::new(192, 168, 0, 0, 20), 16),
];
/// Swarm's pools for overlays.
const OVERLAYS: (Cidr, u32) = (Cidr::new(10, 0, 0, 0, 24), 65_536);
/// The kernel's range of ephemeral ports, from which dockerd takes random host ports in order.
const FIRST_PORT: u16 = 32_768;
const LAST_PORT: u16 = 60_999;

/// A binding of a host port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Binding {
    /// The host address; unspecified for all.
    pub(crate) ip: Ipv4Addr,
    /// The container and its port; `None` for a process of the host.
    pub(crate) target: Option<(EndpointRef, u16)>,
}

/// Addresses of a node's pods, given out in a row like the host-local plugin does.
#[derive(Clone, Copy, Debug, Hash)]
struct PodRange {
    cidr: Cidr,
    last: u32,
}

/// One service's rule by its place in the list.
type RuleRef = (Arc<[ServiceRule]>, usize);

/// One service's rules, with the hash of them all.
type Rules = (Arc<[ServiceRule]>, u64);

/// A host on the hosts' network.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Its address there.
    pub(crate) addr: Ipv4Addr,
    /// Bridges on it.
    pub(crate) networks: BTreeSet<Arc<str>>,
    /// Namespaces that share its own network.
    pub(crate) residents: BTreeSet<Arc<str>>,
    /// Published and taken ports.
    pub(crate) ports: BTreeMap<(Proto, u16), Vec<Binding>>,
    next_port: u16,
    pods: Option<PodRange>,
    pub(crate) services: BTreeMap<Arc<str>, Rules>,
    vips: BTreeMap<(Ipv4Addr, Proto, u16), RuleRef>,
    node_ports: BTreeMap<(Proto, u16), RuleRef>,
}

/// A network.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Network {
    /// What was wanted.
    pub(crate) spec: NetworkSpec,
    /// What it got.
    pub(crate) info: NetworkInfo,
    /// Who has which address, with the names by which it is found.
    pub(crate) members: BTreeMap<Ipv4Addr, (EndpointRef, Vec<Arc<str>>)>,
    /// Addresses by name.
    pub(crate) names: BTreeMap<Arc<str>, BTreeSet<Ipv4Addr>>,
    last: u32,
}

/// A network namespace.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Namespace {
    /// Addresses by network.
    pub(crate) addrs: BTreeMap<Arc<str>, Ipv4Addr>,
    /// The address of a pod.
    pub(crate) pod: Option<Ipv4Addr>,
    /// Whether it is the host's own.
    pub(crate) on_host: bool,
    /// Whose namespace it shares.
    pub(crate) shares: Option<EndpointRef>,
    /// Who shares it, in order.
    pub(crate) guests: Vec<Arc<str>>,
    /// How it resolves names; `None` for Docker's way.
    pub(crate) resolver: Option<Resolver>,
    /// Names in its `/etc/hosts`.
    pub(crate) hosts_file: BTreeMap<Arc<str>, Ipv4Addr>,
}

/// What a name of the cluster's DNS stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Record {
    /// Addresses.
    Addresses(Arc<[Ipv4Addr]>),
    /// Another name (ExternalName).
    Alias(Arc<str>),
}

/// The network of the whole world.
#[derive(Clone, Debug, Default)]
pub struct Fabric {
    pub(crate) hosts: Ledger<Arc<str>, Host>,
    pub(crate) networks: Ledger<Arc<str>, Network>,
    pub(crate) namespaces: Ledger<EndpointRef, Namespace>,
    /// Hosts by address.
    pub(crate) lan: BTreeMap<Ipv4Addr, Arc<str>>,
    /// Pods by address.
    pub(crate) pods: Ledger<Ipv4Addr, EndpointRef>,
    pub(crate) zone: Ledger<Arc<str>, Record>,
    pub(crate) cluster_dns_down: bool,
    pub(crate) outside: BTreeMap<Arc<str>, Ipv4Addr>,
    pub(crate) flows: Ledger<FlowId, Flow>,
    pub(crate) next_flow: u64,
    pub(crate) log: Roll<FlowRecord>,
    pub(crate) loads: BTreeMap<LoadId, Load>,
    /// Faults of the fabric itself, in tests.
    pub saboteur: Saboteur,
}

impl Fabric {
    /// A host with its address on the hosts' network.
    pub fn add_host(&mut self, host: &str, addr: Ipv4Addr) {
        let name: Arc<str> = host.into();
        self.lan.insert(addr, name.clone());
        let hosts = &mut self.hosts;
        if let Some(known) = hosts.get_mut(host) {
            self.lan.retain(|old, name| &**name != host || *old == addr);
            known.addr = addr;
            return;
        }
        let fresh = Host {
            addr,
            networks: BTreeSet::new(),
            residents: BTreeSet::new(),
            ports: BTreeMap::new(),
            next_port: FIRST_PORT,
            pods: None,
            services: BTreeMap::new(),
            vips: BTreeMap::new(),
            node_ports: BTreeMap::new(),
        };
        hosts.insert(name, fresh);
    }

    /// The address of a host.
    #[must_use]
    pub fn host_addr(&self, host: &str) -> Option<Ipv4Addr> {
        self.hosts.get(host).map(|h| h.addr)
    }

    /// Create a network; picks a pool if none is wanted.
    pub fn create_network(&mut self, spec: NetworkSpec) -> Result<NetworkInfo, NetError> {
        let mut taken: Vec<Cidr> = Vec::new();
        match self.hosts.get(&spec.host) {
            Some(host) => {
                let here = host.networks.iter().filter_map(|id| self.networks.get(id));
                taken.extend(here.map(|n| n.info.subnet));
                taken.extend(host.pods.map(|p| p.cidr));
            }
            None => {
                let spanning = self.networks.values().filter(|n| n.spec.driver == Driver::Overlay);
                taken.extend(spanning.map(|n| n.info.subnet));
            }
        }
        let free = |cidr: &Cidr| !taken.iter().any(|t| t.overlaps(*cidr));
        let subnet = match spec.subnet {
            Some(wanted) if free(&wanted) => wanted,
            Some(_) => return Err(NetError::Overlap),
            None => {
                let overlay = [OVERLAYS];
                let pools = if spec.driver == Driver::Overlay { &overlay } else { POOLS };
                let all = pools.iter().flat_map(|(first, count)| {
                    let size = 1_u32 << (32 - first.bits);
                    (0..*count).map(move |n| Cidr { base: first.base + n * size, ..*first })
                });
                all.into_iter().find(|cidr| free(cidr)).ok_or(NetError::Exhausted)?
            }
        };
        let gateway = match spec.gateway {
            Some(wanted) if subnet.contains(wanted) => wanted,
            Some(wanted) => return Err(NetError::BadGateway(wanted)),
            None => subnet.nth(1).ok_or(NetError::NoAddress)?,
        };
        let info = NetworkInfo { subnet, gateway };
        if let Some(host) = self.hosts.get_mut(&spec.host) {
            host.networks.insert(spec.id.clone());
        }
        let id = spec.id.clone();
        let network = Network {
            spec,
            info,
            members: BTreeMap::new(),
            names: BTreeMap::new(),
            last: subnet.base,
        };
        self.networks.insert(id, network);
        Ok(info)
    }

    /// Remove a network without endpoints.
    pub fn remove_network(&mut self, id: &str) -> Result<(), NetError> {
        match self.networks.get(id) {
            None => return Err(NetError::NoNetwork(id.into())),
            Some(network) if !network.members.is_empty() => return Err(NetError::HasEndpoints),
            Some(_) => {}
        }
        if let Some(network) = self.networks.remove(id)
            && let Some(host) = self.hosts.get_mut(&network.spec.host)
        {
            host.networks.remove(id);
        }
        Ok(())
    }

    /// Connect a namespace to a network with the names by which others there find it.
    /// Bridges give the lowest free address, overlays the next one.
    pub fn attach(
        &mut self,
        network: &str,
        endpoint: &EndpointRef,
        ip: Option<Ipv4Addr>,
        names: &[Arc<str>],
    ) -> Result<Ipv4Addr, NetError> {
        let Some(net) = self.networks.get_mut(network) else {
            return Err(NetError::NoNetwork(network.into()));
        };
        let ip = match ip {
            Some(ip) if !net.info.subnet.contains(ip) => return Err(NetError::OutOfRange(ip)),
            Some(ip) if net.members.contains_key(&ip) || ip == net.info.gateway => {
                return Err(NetError::AddressInUse);
            }
            Some(ip) => ip,
            None => net.free_address().ok_or(NetError::NoAddress)?,
        };
        net.members.insert(ip, (endpoint.clone(), names.to_vec()));
        for name in names {
            net.names.entry(name.clone()).or_default().insert(ip);
        }
        let id = net.spec.id.clone();
        self.namespaces.slot(endpoint.clone()).addrs.insert(id, ip);
        Ok(ip)
    }

    /// Disconnect a namespace from a network.
    pub fn detach(&mut self, network: &str, endpoint: &EndpointRef) {
        let Some(namespace) = self.namespaces.get_mut(endpoint) else { return };
        let Some(ip) = namespace.addrs.remove(network) else { return };
        if let Some(net) = self.networks.get_mut(network) {
            net.leave(ip);
        }
    }

    /// Put a namespace on the host's own network (`--network host`, hostNetwork).
    pub fn join_host(&mut self, endpoint: &EndpointRef) {
        self.namespaces.slot(endpoint.clone()).on_host = true;
        if let Some(host) = self.hosts.get_mut(&endpoint.host) {
            host.residents.insert(endpoint.container.clone());
        }
    }

    /// Let a container share another's namespace (`container:x`).
    pub fn share(&mut self, endpoint: &EndpointRef, with: &EndpointRef) {
        let namespaces = &mut self.namespaces;
        namespaces.slot(endpoint.clone()).shares = Some(with.clone());
        let owner = namespaces.slot(with.clone());
        if !owner.guests.contains(&endpoint.container) {
            owner.guests.push(endpoint.container.clone());
        }
    }

    /// Names in a namespace's own `/etc/hosts` (`--link`, `--add-host`).
    pub fn set_hosts_file(&mut self, endpoint: &EndpointRef, names: &[(Arc<str>, Ipv4Addr)]) {
        let namespace = self.namespaces.slot(endpoint.clone());
        namespace.hosts_file = names.iter().cloned().collect();
    }

    /// Take a namespace away: its addresses, published ports and shares.
    pub fn remove_endpoint(&mut self, endpoint: &EndpointRef) {
        let Some(gone) = self.namespaces.remove(endpoint) else { return };
        self.unpublish(endpoint);
        if !gone.addrs.is_empty() {
            let networks = &mut self.networks;
            for (id, ip) in &gone.addrs {
                if let Some(net) = networks.get_mut(id) {
                    net.leave(*ip);
                }
            }
        }
        if let Some(ip) = gone.pod
            && self.pods.get(&ip) == Some(endpoint)
        {
            self.pods.remove(&ip);
        }
        if gone.on_host
            && let Some(host) = self.hosts.get_mut(&endpoint.host)
        {
            host.residents.remove(&endpoint.container);
        }
        if let Some(owner) = gone.shares
            && let Some(owner) = self.namespaces.get_mut(&owner)
        {
            owner.guests.retain(|guest| *guest != endpoint.container);
        }
    }

    /// The range of a node's pods.
    pub fn add_pod_range(&mut self, host: &str, range: Cidr) {
        if let Some(host) = self.hosts.get_mut(host)
            && host.pods.is_none_or(|pods| pods.cidr != range)
        {
            // .0 is the network, .1 the bridge.
            host.pods = Some(PodRange { cidr: range, last: range.base + 1 });
        }
    }

    /// Give a pod sandbox the next address of its node's range.
    pub fn attach_pod(&mut self, endpoint: &EndpointRef) -> Result<Ipv4Addr, NetError> {
        if let Some(ip) = self.namespaces.get(endpoint).and_then(|n| n.pod) {
            return Ok(ip);
        }
        let Some(host) = self.hosts.get_mut(&endpoint.host) else {
            return Err(NetError::NoAddress);
        };
        let Some(pods) = &mut host.pods else { return Err(NetError::NoAddress) };
        let (first, end) = (pods.cidr.base + 2, pods.cidr.last());
        let mut next = pods.last;
        for _ in first..end {
            next = if next + 1 >= end { first } else { next + 1 };
            if self.saboteur.does(Sabotage::AddressTwice) {
                next = first;
            }
            let ip = Ipv4Addr::from(next);
            if !self.pods.contains_key(&ip) || self.saboteur.does(Sabotage::AddressTwice) {
                pods.last = next;
                self.pods.insert(ip, endpoint.clone());
                let namespace = self.namespaces.slot(endpoint.clone());
                namespace.pod = Some(ip);
                return Ok(ip);
            }
        }
        Err(NetError::NoAddress)
    }

    /// Publish a port of a container on its host. `port` 0 picks a free one from 32768 on.
    pub fn publish(
        &mut self,
        target: &EndpointRef,
        target_port: u16,
        ip: Ipv4Addr,
        port: u16,
        proto: Proto,
    ) -> Result<u16, NetError> {
        let twice = self.saboteur.does(Sabotage::PortTwice);
        let Some(host) = self.hosts.get_mut(&target.host) else {
            return Err(NetError::PortTaken(ip, port));
        };
        let port = if port == 0 { host.random_port(proto, ip)? } else { port };
        if let Some(binding) = host.holder(proto, port, ip).filter(|_| !twice) {
            return Err(match binding.target {
                Some(_) => NetError::PortTaken(ip, port),
                None => NetError::PortInUse(ip, port, proto),
            });
        }
        let binding = Binding { ip, target: Some((target.clone(), target_port)) };
        host.ports.entry((proto, port)).or_default().push(binding);
        Ok(port)
    }

    /// Withdraw all published ports of a container.
    pub fn unpublish(&mut self, target: &EndpointRef) {
        let of = |b: &Binding| b.target.as_ref().is_some_and(|(owner, _)| owner == target);
        let Some(host) = self.hosts.get(&target.host) else { return };
        if !host.ports.values().flatten().any(of) {
            return;
        }
        if let Some(host) = self.hosts.get_mut(&target.host) {
            for bindings in host.ports.values_mut() {
                bindings.retain(|b| !of(b));
            }
            host.ports.retain(|_, bindings| !bindings.is_empty());
        }
    }

    /// A process of the host takes a port.
    pub fn reserve_port(&mut self, host: &str, port: u16, proto: Proto) {
        if let Some(host) = self.hosts.get_mut(host) {
            let binding = Binding { ip: Ipv4Addr::UNSPECIFIED, target: None };
            host.ports.entry((proto, port)).or_default().push(binding);
        }
    }

    /// Replace one service's rules on a node; an empty list removes them.
    pub fn program(&mut self, host: &str, service: &str, rules: Arc<[ServiceRule]>) {
        let Some(host) = self.hosts.get_mut(host) else { return };
        if let Some((old, _)) = host.services.remove(service) {
            for rule in old.iter() {
                for vip in &rule.vips {
                    host.vips.remove(&(*vip, rule.proto, rule.port));
                }
                if let Some(port) = rule.node_port {
                    host.node_ports.remove(&(rule.proto, port));
                }
            }
        }
        for (at, rule) in rules.iter().enumerate() {
            for vip in &rule.vips {
                host.vips.insert((*vip, rule.proto, rule.port), (rules.clone(), at));
            }
            if let Some(port) = rule.node_port {
                host.node_ports.insert((rule.proto, port), (rules.clone(), at));
            }
        }
        if !rules.is_empty() {
            let hash = mixer::of(&rules);
            host.services.insert(service.into(), (rules, hash));
        }
    }

    /// The rules that a node has now, by service.
    pub fn programmed(&self, host: &str) -> impl Iterator<Item = (&Arc<str>, &Arc<[ServiceRule]>)> {
        self.hosts
            .get(host)
            .into_iter()
            .flat_map(|h| &h.services)
            .map(|(name, (rules, _))| (name, rules))
    }

    /// How a namespace resolves names.
    pub fn set_resolver(&mut self, endpoint: &EndpointRef, resolver: Resolver) {
        self.namespaces.slot(endpoint.clone()).resolver = Some(resolver);
    }

    /// Replace the addresses of a full name in the cluster's DNS (`web.default.svc.cluster.local`);
    /// an empty list removes the name.
    pub fn set_record(&mut self, name: &str, addrs: &[Ipv4Addr]) {
        if addrs.is_empty() {
            self.zone.remove(name);
        } else {
            self.zone.insert(name.into(), Record::Addresses(addrs.into()));
        }
    }

    /// Let a full name of the cluster's DNS stand for another name (ExternalName).
    pub fn set_alias(&mut self, name: &str, target: &str) {
        self.zone.insert(name.into(), Record::Alias(target.into()));
    }

    /// The cluster's DNS server answers or not.
    pub fn set_cluster_dns(&mut self, up: bool) {
        self.cluster_dns_down = !up;
    }

    /// A name of the world outside, known to everybody's DNS.
    pub fn set_outside_name(&mut self, name: &str, addr: Ipv4Addr) {
        self.outside.insert(name.into(), addr);
    }

    /// Addresses of a namespace by network id; a pod's has the id `pod`.
    #[must_use]
    pub fn addresses(&self, endpoint: &EndpointRef) -> BTreeMap<Arc<str>, Ipv4Addr> {
        let Some(namespace) = self.namespace(endpoint) else { return BTreeMap::new() };
        let mut all = namespace.addrs.clone();
        if let Some(ip) = namespace.pod {
            all.insert("pod".into(), ip);
        }
        all
    }

    /// Interfaces of a namespace by address: address, length of the prefix, and the gateway
    /// unless the network is internal.
    #[must_use]
    pub fn interfaces(&self, endpoint: &EndpointRef) -> Vec<(Ipv4Addr, u8, Option<Ipv4Addr>)> {
        let mut all: Vec<_> = self
            .addresses(endpoint)
            .into_iter()
            .map(|(network, ip)| match self.networks.get(&network) {
                Some(n) => {
                    let gateway = (!n.spec.internal).then_some(n.info.gateway);
                    (ip, n.info.subnet.bits, gateway)
                }
                // A pod's range is a /24 whose first address is the node's bridge.
                None => {
                    let [a, b, c, _] = ip.octets();
                    (ip, 24, Some(Ipv4Addr::new(a, b, c, 1)))
                }
            })
            .collect();
        all.sort();
        all
    }

    /// The namespace of a container, its own or the one it shares.
    pub(crate) fn namespace(&self, endpoint: &EndpointRef) -> Option<&Namespace> {
        self.namespaces.get(&self.owner(endpoint))
    }

    /// Whose namespace a container is in.
    pub(crate) fn owner(&self, endpoint: &EndpointRef) -> EndpointRef {
        match self.namespaces.get(endpoint).and_then(|n| n.shares.as_ref()) {
            Some(owner) => owner.clone(),
            None => endpoint.clone(),
        }
    }

    /// The rule for a virtual address on a node.
    pub(crate) fn vip(&self, host: &str, addr: Ipv4Addr, port: u16) -> Option<&ServiceRule> {
        let (rules, at) = self.hosts.get(host)?.vips.get(&(addr, Proto::Tcp, port))?;
        rules.get(*at)
    }

    /// The rule for a node port.
    pub(crate) fn node_port(&self, host: &str, port: u16) -> Option<&ServiceRule> {
        let (rules, at) = self.hosts.get(host)?.node_ports.get(&(Proto::Tcp, port))?;
        rules.get(*at)
    }
}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            addr,
            networks,
            residents,
            ports,
            next_port,
            pods,
            services,
            // Only where the services' rules are found.
            vips: _,
            node_ports: _,
        } = self;
        (addr, networks, residents, ports, next_port, pods).hash(state);
        services.iter().for_each(|(name, (_, hash))| (name, hash).hash(state));
    }
}

impl Host {
    /// Who holds a port on an address.
    pub(crate) fn holder(&self, proto: Proto, port: u16, ip: Ipv4Addr) -> Option<&Binding> {
        let meets = |b: &&Binding| b.ip == ip || b.ip.is_unspecified() || ip.is_unspecified();
        self.ports.get(&(proto, port))?.iter().find(meets)
    }

    /// The next free port after the last one given out.
    fn random_port(&mut self, proto: Proto, ip: Ipv4Addr) -> Result<u16, NetError> {
        for _ in FIRST_PORT..=LAST_PORT {
            let port = self.next_port;
            self.next_port = if port >= LAST_PORT { FIRST_PORT } else { port + 1 };
            if self.holder(proto, port, ip).is_none() {
                return Ok(port);
            }
        }
        Err(NetError::PortTaken(ip, 0))
    }
}

impl Network {
    fn free_address(&mut self) -> Option<Ipv4Addr> {
        let range = self.spec.ip_range.unwrap_or(self.info.subnet);
        let usable = |n: &u32| {
            let ip = Ipv4Addr::from(*n);
            *n != self.info.subnet.base
                && *n != self.info.subnet.last()
                && ip != self.info.gateway
                && !self.members.contains_key(&ip)
        };
        let found = match self.spec.driver {
            Driver::Bridge => (range.base..=range.last()).find(usable),
            Driver::Overlay => {
                let after = self.last.max(range.base)..=range.last();
                after.skip(1).chain(range.base..=range.last()).find(usable)
            }
        }?;
        self.last = found;
        Some(Ipv4Addr::from(found))
    }

    fn leave(&mut self, ip: Ipv4Addr) {
        let Some((_, names)) = self.members.remove(&ip) else { return };
        for name in names {
            if let Some(addrs) = self.names.get_mut(&name) {
                addrs.remove(&ip);
                if addrs.is_empty() {
                    self.names.remove(&name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn spec(id: &str) -> NetworkSpec {
        NetworkSpec {
            id: id.into(),
            host: "h".into(),
            driver: Driver::Bridge,
            subnet: None,
            ip_range: None,
            gateway: None,
            internal: false,
            dns: true,
        }
    }

    fn fabric() -> Fabric {
        let mut fabric = Fabric::default();
        fabric.add_host("h", Ipv4Addr::new(10, 77, 0, 17));
        fabric
    }

    fn at(name: &str) -> EndpointRef {
        EndpointRef::new("h", name)
    }

    #[test]
    fn pools_come_in_dockerds_order() {
        let mut fabric = fabric();
        let mut got = Vec::new();
        for n in 0..31 {
            got.push(fabric.create_network(spec(&format!("n{n}"))).unwrap().subnet.to_string());
        }
        assert_eq!(got.first().map(String::as_str), Some("172.17.0.0/16"));
        assert_eq!(got.get(14).map(String::as_str), Some("172.31.0.0/16"));
        assert_eq!(got.get(16).map(String::as_str), Some("192.168.16.0/20"));
        let full = fabric.create_network(spec("x")).unwrap_err();
        assert_eq!(full.to_string(), "all predefined address pools have been fully subnetted");
        fabric.remove_network("n2").unwrap();
        let again = fabric.create_network(spec("y")).unwrap();
        assert_eq!(again.subnet.to_string(), "172.19.0.0/16");
        let wanted = NetworkSpec { subnet: Cidr::parse("172.18.5.0/24"), ..spec("z") };
        assert_eq!(fabric.create_network(wanted), Err(NetError::Overlap));
    }

    #[test]
    fn bridges_give_the_lowest_free_address() {
        let mut fabric = fabric();
        fabric.create_network(spec("n")).unwrap();
        let ip = |last| Ipv4Addr::new(172, 17, 0, last);
        for (name, last) in [("a", 2), ("b", 3), ("c", 4)] {
            assert_eq!(fabric.attach("n", &at(name), None, &[]), Ok(ip(last)));
        }
        fabric.remove_endpoint(&at("b"));
        assert_eq!(fabric.attach("n", &at("d"), None, &[]), Ok(ip(3)));
        let taken = fabric.attach("n", &at("e"), Some(ip(4)), &[]);
        assert_eq!(taken, Err(NetError::AddressInUse));
        assert_eq!(fabric.remove_network("n"), Err(NetError::HasEndpoints));
        let tiny = NetworkSpec { subnet: Cidr::parse("10.60.0.0/30"), ..spec("tiny") };
        fabric.create_network(tiny).unwrap();
        assert!(fabric.attach("tiny", &at("x"), None, &[]).is_ok());
        assert_eq!(fabric.attach("tiny", &at("y"), None, &[]), Err(NetError::NoAddress));
    }

    #[test]
    fn ports() {
        let mut fabric = fabric();
        let any = Ipv4Addr::UNSPECIFIED;
        let local = Ipv4Addr::LOCALHOST;
        assert_eq!(fabric.publish(&at("a"), 80, any, 8080, Proto::Tcp), Ok(8080));
        let taken = fabric.publish(&at("b"), 80, local, 8080, Proto::Tcp).unwrap_err();
        let text = "Bind for 127.0.0.1:8080 failed: port is already allocated";
        assert_eq!(taken.to_string(), text);
        assert_eq!(fabric.publish(&at("b"), 80, any, 8080, Proto::Udp), Ok(8080));
        assert_eq!(fabric.publish(&at("b"), 80, any, 0, Proto::Tcp), Ok(32768));
        assert_eq!(fabric.publish(&at("b"), 81, any, 0, Proto::Tcp), Ok(32769));
        fabric.reserve_port("h", 22, Proto::Tcp);
        let used = fabric.publish(&at("b"), 22, any, 22, Proto::Tcp).unwrap_err();
        let text = "failed to bind host port 0.0.0.0:22/tcp: address already in use";
        assert_eq!(used.to_string(), text);
        fabric.unpublish(&at("a"));
        assert_eq!(fabric.publish(&at("b"), 80, local, 8080, Proto::Tcp), Ok(8080));
    }

    #[test]
    fn pods_get_addresses_in_a_row() {
        let mut fabric = fabric();
        fabric.add_pod_range("h", Cidr::new(10, 244, 1, 0, 29));
        let ip = |last| Ok(Ipv4Addr::new(10, 244, 1, last));
        assert_eq!(fabric.attach_pod(&at("p1")), ip(2));
        assert_eq!(fabric.attach_pod(&at("p2")), ip(3));
        fabric.remove_endpoint(&at("p1"));
        assert_eq!(fabric.attach_pod(&at("p3")), ip(4), "not reused at once");
        for n in 4..7 {
            assert!(fabric.attach_pod(&at(&format!("p{n}"))).is_ok());
        }
        assert_eq!(fabric.attach_pod(&at("p7")), Err(NetError::NoAddress));
    }
}
