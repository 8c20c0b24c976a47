//! The fabric: hosts, networks, endpoints, rules, and the requests on their way.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::engine::cx::Cx;
use crate::net::load::{LoadId, LoadSpec};
use crate::net::types::{Answer, Cidr, EndpointRef, FlowId, Origin, Proto, Request, Response};

/// What the fabric is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A client sends.
    Send {
        /// Who.
        from: Origin,
        /// Returned with the answer.
        tag: u64,
        /// What.
        request: Request,
    },
    /// The program to which a request was delivered answers.
    Respond {
        /// Which request.
        flow: FlowId,
        /// The answer.
        response: Response,
    },
    /// A request reaches its target (from the fabric itself).
    Arrive(FlowId),
    /// An answer reaches the client (from the fabric itself).
    Return(FlowId),
    /// The client's patience ends (from the fabric itself).
    GiveUp(FlowId),
    /// Begin a load.
    StartLoad(LoadId, LoadSpec),
    /// End a load.
    StopLoad(LoadId),
    /// The next request of a load (from the fabric itself).
    LoadTick(LoadId),
}

/// What the fabric leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Give this back later.
    Again(Input),
    /// A request reaches a container. The receiver answers with [`Input::Respond`];
    /// [`Response::Refused`] if no process of it listens on the port.
    Deliver {
        /// Which request.
        flow: FlowId,
        /// The host.
        host: Arc<str>,
        /// The container.
        container: Arc<str>,
        /// The port in the container.
        port: u16,
        /// The request.
        request: Request,
    },
    /// A request ended.
    Answer {
        /// Who sent it.
        to: Origin,
        /// What came with it.
        tag: u64,
        /// How it ended.
        answer: Answer,
    },
}

/// How a network works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// A bridge on one host.
    Bridge,
    /// Spans hosts (swarm).
    Overlay,
}

/// A network to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its id, unique in the world.
    pub id: Arc<str>,
    /// The host of a bridge; empty for an overlay.
    pub host: Arc<str>,
    /// How it works.
    pub driver: Driver,
    /// Wanted range; `None` takes the next free pool.
    pub subnet: Option<Cidr>,
    /// Only addresses of this part are given out.
    pub ip_range: Option<Cidr>,
    /// Wanted gateway; `None` takes the first address.
    pub gateway: Option<Ipv4Addr>,
    /// No way out.
    pub internal: bool,
    /// Whether names resolve (every network but the default bridge).
    pub dns: bool,
}

/// What a network got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkInfo {
    /// Its range.
    pub subnet: Cidr,
    /// Its gateway.
    pub gateway: Ipv4Addr,
}

/// Refusals, worded as libnetwork words them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetError {
    /// No free pool.
    Exhausted,
    /// The wanted range is taken.
    Overlap,
    /// The wanted address is taken.
    AddressInUse,
    /// The wanted address is outside of the range.
    OutOfRange(Ipv4Addr),
    /// No free address.
    NoAddress,
    /// The network does not exist.
    NoNetwork(Arc<str>),
    /// The gateway is outside of the range.
    BadGateway(Ipv4Addr),
    /// Another container has the port.
    PortTaken(Ipv4Addr, u16),
    /// A process of the host has the port.
    PortInUse(Ipv4Addr, u16, Proto),
    /// The network has endpoints.
    HasEndpoints,
}

impl Display for NetError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Exhausted => {
                f.write_str("all predefined address pools have been fully subnetted")
            }
            Self::Overlap => f.write_str("Pool overlaps with other one on this address space"),
            Self::AddressInUse => f.write_str("Address already in use"),
            Self::OutOfRange(ip) => {
                write!(f, "invalid IP address {ip}: Requested address is out of range")
            }
            Self::NoAddress => {
                f.write_str("no available IPv4 addresses on this network's address pools")
            }
            Self::NoNetwork(id) => write!(f, "network {id} not found"),
            Self::BadGateway(ip) => write!(f, "invalid gateway {ip}: no matching subnet"),
            Self::PortTaken(ip, port) => {
                write!(f, "Bind for {ip}:{port} failed: port is already allocated")
            }
            Self::PortInUse(ip, port, proto) => {
                let proto = proto.as_str();
                write!(f, "failed to bind host port {ip}:{port}/{proto}: address already in use")
            }
            Self::HasEndpoints => f.write_str("network has active endpoints"),
        }
    }
}

/// One service port as programmed on a node by kube-proxy or the swarm ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRule {
    /// For people: `default/web:http`.
    pub name: Arc<str>,
    /// Virtual addresses; empty for a rule with only a node port.
    pub vips: Vec<Ipv4Addr>,
    /// Port of the virtual address.
    pub port: u16,
    /// Port on every address of the node.
    pub node_port: Option<u16>,
    /// Protocol.
    pub proto: Proto,
    /// Backends.
    pub endpoints: Vec<(Ipv4Addr, u16)>,
    /// The same client keeps its backend.
    pub sticky: bool,
}

/// How a namespace resolves names (`/etc/resolv.conf`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    /// Search domains.
    pub search: Vec<Arc<str>>,
    /// Fewer dots than this: search domains first.
    pub ndots: u8,
    /// Whether the cluster's DNS server answers; else the embedded or host's one.
    pub cluster: bool,
}

/// The network of the whole world.
#[derive(Clone, Debug, Default)]
pub struct Fabric {}

impl Fabric {
    /// A host with its address on the hosts' network.
    pub fn add_host(&mut self, host: &str, addr: Ipv4Addr) {
        let _ = (host, addr);
    }
    /// Take a host away with everything on it.
    pub fn remove_host(&mut self, host: &str) {
        let _ = host;
    }
    /// The address of a host.
    #[must_use]
    pub fn host_addr(&self, host: &str) -> Option<Ipv4Addr> {
        let _ = host;
        None
    }
    /// Create a network; picks a pool if none is wanted.
    pub fn create_network(&mut self, spec: NetworkSpec) -> Result<NetworkInfo, NetError> {
        let _ = spec;
        Err(NetError::Exhausted)
    }
    /// Remove a network without endpoints.
    pub fn remove_network(&mut self, id: &str) -> Result<(), NetError> {
        let _ = id;
        Ok(())
    }
    /// Connect a namespace to a network with the names by which others there find it.
    pub fn attach(
        &mut self,
        network: &str,
        endpoint: &EndpointRef,
        ip: Option<Ipv4Addr>,
        names: &[Arc<str>],
    ) -> Result<Ipv4Addr, NetError> {
        let _ = (network, endpoint, ip, names);
        Err(NetError::NoAddress)
    }
    /// Disconnect a namespace from a network.
    pub fn detach(&mut self, network: &str, endpoint: &EndpointRef) {
        let _ = (network, endpoint);
    }
    /// Put a namespace on the host's own network (`--network host`, hostNetwork).
    pub fn join_host(&mut self, endpoint: &EndpointRef) {
        let _ = endpoint;
    }
    /// Let a container share another's namespace (`container:x`, containers of a pod).
    pub fn share(&mut self, endpoint: &EndpointRef, with: &EndpointRef) {
        let _ = (endpoint, with);
    }
    /// Take a namespace away: its addresses, published ports and shares.
    pub fn remove_endpoint(&mut self, endpoint: &EndpointRef) {
        let _ = endpoint;
    }
    /// The range of a node's pods.
    pub fn add_pod_range(&mut self, host: &str, range: Cidr) {
        let _ = (host, range);
    }
    /// Give a pod sandbox an address of its node's range.
    pub fn attach_pod(&mut self, endpoint: &EndpointRef) -> Result<Ipv4Addr, NetError> {
        let _ = endpoint;
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
        let _ = (target, target_port, ip, port, proto);
        Err(NetError::PortTaken(ip, port))
    }
    /// Withdraw all published ports of a container.
    pub fn unpublish(&mut self, target: &EndpointRef) {
        let _ = target;
    }
    /// A process of the host takes a port.
    pub fn reserve_port(&mut self, host: &str, port: u16, proto: Proto) {
        let _ = (host, port, proto);
    }
    /// Replace one service's rules on a node; an empty list removes them.
    pub fn program(&mut self, host: &str, service: &str, rules: Arc<[ServiceRule]>) {
        let _ = (host, service, rules);
    }
    /// How a namespace resolves names.
    pub fn set_resolver(&mut self, endpoint: &EndpointRef, resolver: Resolver) {
        let _ = (endpoint, resolver);
    }
    /// Replace the addresses of a full name in the cluster's DNS (`web.default.svc.cluster.local`);
    /// an empty list removes the name.
    pub fn set_record(&mut self, name: &str, addrs: &[Ipv4Addr]) {
        let _ = (name, addrs);
    }
    /// The cluster's DNS server answers or not.
    pub fn set_cluster_dns(&mut self, up: bool) {
        let _ = up;
    }
    /// A name of the world outside (`/etc/hosts` of everybody).
    pub fn set_outside_name(&mut self, name: &str, addr: Ipv4Addr) {
        let _ = (name, addr);
    }
    /// Resolve a name as a client would.
    pub fn resolve<O>(&self, from: &Origin, name: &str, cx: &mut Cx<'_, O>) -> Vec<Ipv4Addr> {
        let _ = (from, name, cx);
        Vec::new()
    }
    /// Addresses of a namespace by network id, sorted.
    #[must_use]
    pub fn addresses(&self, endpoint: &EndpointRef) -> BTreeMap<Arc<str>, Ipv4Addr> {
        let _ = endpoint;
        BTreeMap::new()
    }
    /// One step.
    pub fn step(&mut self, input: Input, cx: &mut Cx<'_, Output>) {
        let _ = (input, cx);
    }
}
