//! Where a request goes: the rules of the sender's host, bridges, the hosts' network.
//!
//! Models the iptables rules of dockerd and kube-proxy as decisions. Isolation between bridges
//! drops silently, so that a client runs into its timeout.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::digest;
use crate::base::rng::Stream;
use crate::net::fabric::{Driver, Fabric, Namespace, NetworkInfo, ServiceRule};
use crate::net::types::{EndpointRef, HopKind, Origin, Proto};

/// A station of a way: what happened, where, the address after it.
pub(crate) type Station = (HopKind, Arc<str>, Option<(Ipv4Addr, u16)>);

/// Most rewrites of one way (service to node port to published port …).
const MAX_REWRITES: u32 = 4;

/// The address of a client outside (RFC 5737, for documentation).
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);

/// How a way ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At a namespace: its host, the containers to ask in order, the port.
    Place {
        /// The host.
        host: Arc<str>,
        /// Containers in the namespace.
        candidates: Vec<Arc<str>>,
        /// The port there.
        port: u16,
        /// What the container sees as its client.
        client: Option<Ipv4Addr>,
    },
    /// `Connection refused` from a host.
    Refused(Arc<str>),
    /// `No route to host` after the kernel looked for a neighbour.
    NoNeighbour,
    /// `Network is unreachable` at once.
    NoRoute,
    /// Swallowed.
    Dropped,
    /// The world outside.
    Internet,
}

/// A way through the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Its stations.
    pub(crate) stations: Vec<Station>,
    /// Its end.
    pub(crate) end: End,
}

/// What a way knows while it is looked for.
struct Search<'a> {
    fabric: &'a Fabric,
    from: &'a Origin,
    /// The sender's host; `None` outside.
    host: Option<Arc<str>>,
    /// The sender's namespace if it has one of its own.
    namespace: Option<&'a Namespace>,
    stations: Vec<Station>,
}

impl Fabric {
    /// Find the way of a request to an address.
    pub(crate) fn way(&self, from: &Origin, to: Ipv4Addr, port: u16, rng: &mut Stream) -> Way {
        let (host, namespace) = match from {
            Origin::Outside => (None, None),
            Origin::Host(host) => (Some(host.clone()), None),
            Origin::Container(host, id) => {
                let place = EndpointRef::new(host.clone(), id.clone());
                let namespace = self.namespace(&place).filter(|n| !n.on_host);
                let known = self.namespace(&place).is_some();
                if !known {
                    return Way { stations: Vec::new(), end: End::NoRoute };
                }
                (Some(host.clone()), namespace)
            }
        };
        let mut search = Search { fabric: self, from, host, namespace, stations: Vec::new() };
        let end = search.go(to, port, rng);
        Way { stations: search.stations, end }
    }

    /// The containers of a namespace, its owner first unless it is only a sandbox.
    fn inside(&self, owner: &EndpointRef) -> Vec<Arc<str>> {
        let mut all = vec![owner.container.clone()];
        if let Some(namespace) = self.namespaces.get(owner) {
            all.extend(namespace.guests.iter().cloned());
        }
        all
    }
}

impl Search<'_> {
    fn go(&mut self, to: Ipv4Addr, port: u16, rng: &mut Stream) -> End {
        let (mut to, mut port) = (to, port);
        for _ in 0..MAX_REWRITES {
            match self.rewrite(to, port, rng) {
                Ok(Some((addr, new))) => (to, port) = (addr, new),
                Ok(None) => return self.deliver(to, port, rng),
                Err(end) => return end,
            }
        }
        End::Dropped
    }

    /// Service rules of the sender's own host.
    fn rewrite(
        &mut self,
        to: Ipv4Addr,
        port: u16,
        rng: &mut Stream,
    ) -> Result<Option<(Ipv4Addr, u16)>, End> {
        let Some(host) = self.host.clone() else { return Ok(None) };
        match self.fabric.vip(&host, to, port) {
            Some(rule) => self.choose(rule, &host, rng).map(Some),
            None => Ok(None),
        }
    }

    /// One endpoint of a service, drawn anew for each connection.
    fn choose(
        &mut self,
        rule: &ServiceRule,
        host: &Arc<str>,
        rng: &mut Stream,
    ) -> Result<(Ipv4Addr, u16), End> {
        let _ = crate::stub!("net.sticky", "ClientIP affinity lasts as long as the endpoints stay");
        let place: Arc<str> = format!("service/{}", rule.name).into();
        let count = rule.endpoints.len() as u64;
        let at = match rule.sticky {
            true => digest::of_text(&format!("{:?}", self.from)) % count.max(1),
            false => rng.between(0, count.saturating_sub(1)),
        };
        match usize::try_from(at).ok().and_then(|at| rule.endpoints.get(at)) {
            Some(endpoint) => {
                self.stations.push((HopKind::Nat, place, Some(*endpoint)));
                Ok(*endpoint)
            }
            None => {
                self.stations.push((HopKind::Drop, place, None));
                Err(End::Refused(host.clone()))
            }
        }
    }

    fn deliver(&mut self, to: Ipv4Addr, port: u16, rng: &mut Stream) -> End {
        if to.is_loopback() || to.is_unspecified() {
            return self.loopback(port, rng);
        }
        if let Some(namespace) = self.namespace {
            if let Some(end) = self.neighbours(namespace, to, port, rng) {
                return end;
            }
            let stuck = namespace.pod.is_none() && !self.has_gateway(namespace);
            if stuck {
                return End::NoRoute;
            }
        } else if let Some(host) = self.host.clone()
            && let Some(end) = self.on_bridges(&host, to, port, rng)
        {
            return end;
        }
        if let Some(host) = self.fabric.lan.get(&to).cloned() {
            self.cable(&host);
            return self.at_host(&host, to, port, self.seen_by(&host), rng);
        }
        if let Some(pod) = self.fabric.pods.get(&to) {
            if self.host.is_none() {
                return End::Dropped;
            }
            self.cable(&pod.host);
            return self.at_place(pod, to, port, self.own_addr(&pod.host));
        }
        if self.fabric.outside.values().any(|addr| *addr == to) {
            return End::Internet;
        }
        End::Dropped
    }

    /// 127.0.0.1 of a container or of a host.
    fn loopback(&mut self, port: u16, rng: &mut Stream) -> End {
        let local = Ipv4Addr::LOCALHOST;
        match (self.from, self.namespace) {
            (Origin::Container(host, id), Some(_)) => {
                let owner = self.fabric.owner(&EndpointRef::new(host.clone(), id.clone()));
                self.at_place(&owner, local, port, Some(local))
            }
            (Origin::Host(host) | Origin::Container(host, _), _) => {
                let host = host.clone();
                self.at_host(&host, local, port, Some(local), rng)
            }
            (Origin::Outside, _) => End::Refused("outside".into()),
        }
    }

    /// Addresses on the networks of the sender.
    fn neighbours(
        &mut self,
        namespace: &Namespace,
        to: Ipv4Addr,
        port: u16,
        rng: &mut Stream,
    ) -> Option<End> {
        for (id, own) in &namespace.addrs {
            let Some(network) = self.fabric.networks.get(id) else { continue };
            let NetworkInfo { subnet, gateway } = network.info;
            if !subnet.contains(to) {
                continue;
            }
            let place: Arc<str> = format!("network/{id}").into();
            self.stations.push((HopKind::Route, place, Some((to, port))));
            if to == gateway && network.spec.driver == Driver::Bridge {
                let host = network.spec.host.clone();
                return Some(self.at_host(&host, to, port, Some(*own), rng));
            }
            let Some((owner, _)) = network.members.get(&to) else { return Some(End::NoNeighbour) };
            let owner = owner.clone();
            self.cable(&owner.host);
            return Some(self.at_place(&owner, to, port, Some(*own)));
        }
        None
    }

    /// Addresses on the bridges of the sender's host.
    fn on_bridges(
        &mut self,
        host: &Arc<str>,
        to: Ipv4Addr,
        port: u16,
        rng: &mut Stream,
    ) -> Option<End> {
        let here = self.fabric.hosts.get(host)?;
        let networks = here.networks.iter().filter_map(|id| self.fabric.networks.get(id));
        let network = networks.into_iter().find(|n| n.info.subnet.contains(to))?;
        let place: Arc<str> = format!("network/{}", network.spec.id).into();
        let gateway = network.info.gateway;
        if to == gateway {
            return Some(self.at_host(host, to, port, Some(gateway), rng));
        }
        self.stations.push((HopKind::Route, place, Some((to, port))));
        match network.members.get(&to) {
            Some((owner, _)) => {
                let owner = owner.clone();
                Some(self.at_place(&owner, to, port, Some(gateway)))
            }
            None => Some(End::NoNeighbour),
        }
    }

    /// A port of a host: node port, published port, or a program on the host's network.
    fn at_host(
        &mut self,
        host: &Arc<str>,
        to: Ipv4Addr,
        port: u16,
        client: Option<Ipv4Addr>,
        rng: &mut Stream,
    ) -> End {
        if let Some(rule) = self.fabric.node_port(host, port) {
            let (addr, port) = match self.choose(rule, host, rng) {
                Ok(endpoint) => endpoint,
                Err(end) => return end,
            };
            if let Some(pod) = self.fabric.pods.get(&addr) {
                self.cross(host, &pod.host);
                // The node puts its own address in the client's place.
                let node = self.fabric.host_addr(host);
                return self.at_place(pod, addr, port, node);
            }
            return match self.fabric.lan.get(&addr).cloned() {
                Some(other) => {
                    self.cross(host, &other);
                    self.resident(&other, port, self.fabric.host_addr(host))
                }
                None => End::Dropped,
            };
        }
        let Some(here) = self.fabric.hosts.get(host) else { return End::Dropped };
        if let Some(binding) = here.holder(Proto::Tcp, port, to)
            && let Some((owner, inner)) = &binding.target
        {
            let namespace = self.fabric.namespaces.get(owner);
            let network = namespace.and_then(|n| n.addrs.iter().next());
            let (addr, gateway) = match network {
                Some((id, addr)) => (*addr, self.fabric.networks.get(id).map(|n| n.info.gateway)),
                None => match namespace.and_then(|n| n.pod) {
                    Some(addr) => (addr, None),
                    None => return End::Refused(host.clone()),
                },
            };
            let place: Arc<str> = format!("host/{host}").into();
            self.stations.push((HopKind::Nat, place, Some((addr, *inner))));
            // docker-proxy and hairpins come from the bridge's own address.
            let local = to.is_loopback() || self.namespace.is_some();
            let client = if local { gateway } else { client };
            return self.at_place(&owner.clone(), addr, *inner, client);
        }
        self.resident(host, port, client)
    }

    fn resident(&mut self, host: &Arc<str>, port: u16, client: Option<Ipv4Addr>) -> End {
        let residents = self.fabric.hosts.get(host).map(|h| &h.residents);
        let owners = residents.into_iter().flatten();
        let candidates: Vec<Arc<str>> = owners
            .flat_map(|id| self.fabric.inside(&EndpointRef::new(host.clone(), id.clone())))
            .collect();
        if candidates.is_empty() {
            return End::Refused(host.clone());
        }
        let addr = self.fabric.host_addr(host).unwrap_or(Ipv4Addr::LOCALHOST);
        let place: Arc<str> = format!("host/{host}").into();
        self.stations.push((HopKind::Deliver, place, Some((addr, port))));
        End::Place { host: host.clone(), candidates, port, client }
    }

    fn at_place(
        &mut self,
        owner: &EndpointRef,
        addr: Ipv4Addr,
        port: u16,
        client: Option<Ipv4Addr>,
    ) -> End {
        let place: Arc<str> = format!("container/{}/{}", owner.host, owner.container).into();
        self.stations.push((HopKind::Deliver, place, Some((addr, port))));
        let candidates = self.fabric.inside(owner);
        End::Place { host: owner.host.clone(), candidates, port, client }
    }

    /// Cross the cable to another host, if it is another one.
    fn cable(&mut self, to: &Arc<str>) {
        match self.host.clone() {
            Some(host) => self.cross(&host, to),
            None => self.stations.push((HopKind::Route, format!("host/{to}").into(), None)),
        }
    }

    fn cross(&mut self, from: &Arc<str>, to: &Arc<str>) {
        if from != to {
            self.stations.push((HopKind::Route, format!("host/{from}").into(), None));
            self.stations.push((HopKind::Route, format!("host/{to}").into(), None));
        }
    }

    /// Whether some network of the namespace has a way out.
    fn has_gateway(&self, namespace: &Namespace) -> bool {
        let networks = namespace.addrs.keys().filter_map(|id| self.fabric.networks.get(id));
        networks.into_iter().any(|n| !n.spec.internal)
    }

    /// The sender's address as another host sees it: its own host's, after masquerading.
    fn seen_by(&self, _host: &str) -> Option<Ipv4Addr> {
        match &self.host {
            None => Some(OUTSIDE),
            Some(host) => self.fabric.host_addr(host),
        }
    }

    /// The sender's address as a pod sees it: pods are not masqueraded.
    fn own_addr(&self, _host: &str) -> Option<Ipv4Addr> {
        match self.namespace.and_then(|n| n.pod) {
            Some(pod) => Some(pod),
            None => self.seen_by(_host),
        }
    }
}
