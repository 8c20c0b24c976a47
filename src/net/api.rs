//! What the fabric is told, what it leaves behind, and how it refuses.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::net::load::{LoadId, LoadSpec};
use crate::net::types::{Answer, Cidr, FlowId, Origin, Proto, Request, Response};

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
    /// The next request of a load, with the number of its start (from the fabric itself).
    LoadTick(LoadId, u32),
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
        /// The address that the container sees as its client.
        client: Option<Ipv4Addr>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// A bridge on one host.
    Bridge,
    /// Spans hosts (swarm).
    Overlay,
}

/// A network to be created.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resolver {
    /// Search domains.
    pub search: Vec<Arc<str>>,
    /// Fewer dots than this: search domains first.
    pub ndots: u8,
    /// Whether the cluster's DNS server answers; else the embedded or host's one.
    pub cluster: bool,
}
