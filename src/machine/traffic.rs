//! Requests between processes and the network. The world translates between these and the
//! fabric's own types, since the runtime and the fabric do not know each other.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::time::SimDuration;
use crate::machine::ids::{ContainerId, HostId};

/// A request that reached a container's network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// Address of the peer as the program sees it.
    pub peer: String,
    /// `GET`, `POST`, …; empty for a bare TCP connection.
    pub method: String,
    /// Path with query; empty for a bare TCP connection.
    pub path: String,
    /// The `Host` header, if any.
    pub host: String,
    /// Request body.
    pub body: String,
}

/// What a program answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Nothing listens on the port: connection refused.
    Refused,
    /// A connection that was accepted; for bare TCP.
    Connected,
    /// An HTTP answer.
    Http {
        /// Status code.
        status: u16,
        /// Body.
        body: Arc<str>,
    },
    /// The connection broke before an answer (the process died).
    Reset,
}

/// A request that a process sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What it does.
    pub what: Errand,
    /// How long the client waits.
    pub timeout: Option<SimDuration>,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// An HTTP request.
    Http {
        /// Method.
        method: String,
        /// Full URL, `http://web:80/x`.
        url: String,
        /// Body.
        body: String,
    },
    /// A TCP connection (`nc -z`, database clients).
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A name lookup.
    Lookup {
        /// The name.
        name: String,
    },
    /// One echo request.
    Ping {
        /// Name or address.
        host: String,
    },
    /// Nothing is sent: what interfaces are there?
    Interfaces,
}

/// A network interface of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its address.
    pub ip: Ipv4Addr,
    /// Length of the subnet's prefix.
    pub bits: u8,
    /// The router to elsewhere; `None` on an internal network.
    pub gateway: Option<Ipv4Addr>,
}

/// What became of an [`Outgoing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP answer.
    Http {
        /// The peer's address.
        from: Ipv4Addr,
        /// Status code.
        status: u16,
        /// Body.
        body: Arc<str>,
    },
    /// The TCP connection or echo succeeded.
    Reached {
        /// The peer's address.
        from: Ipv4Addr,
        /// Round trip.
        latency: SimDuration,
    },
    /// The name's addresses.
    Addresses {
        /// The name server asked, `127.0.0.11`.
        server: String,
        /// Canonical name.
        name: String,
        /// Addresses in the order of the answer.
        addresses: Vec<Ipv4Addr>,
    },
    /// The name does not exist.
    NoSuchHost {
        /// The name server asked.
        server: String,
    },
    /// The interfaces of the namespace.
    Interfaces(Vec<Interface>),
    /// Connection refused.
    Refused {
        /// The peer's address.
        from: Ipv4Addr,
    },
    /// No answer in time.
    TimedOut,
    /// No route.
    Unreachable,
    /// The connection broke.
    Reset,
}

/// Which waiting process an [`Answer`] belongs to: opaque to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTag {
    /// Host.
    pub host: HostId,
    /// Container whose process asked.
    pub container: ContainerId,
    /// Number within the container.
    pub number: u64,
}
