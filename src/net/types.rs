//! What clients ask of the network and what becomes of it. Plain values; the fabric fills them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::time::{SimDuration, SimTime};

/// How long a client waits when it says nothing: the patience of curl's connect in lessons.
pub const DEFAULT_TIMEOUT: SimDuration = SimDuration(30_000_000);

/// What kind of exchange a request is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Exchange {
    /// HTTP: an answer has a status and a body.
    #[default]
    Http,
    /// A TCP connect (`nc -z`, a tcpSocket probe, a database client).
    Tcp,
    /// Only a name lookup (`nslookup`).
    Lookup,
    /// An ICMP echo (`ping`); answered by the address, not by a program.
    Ping,
}

/// A request of a client: HTTP, a TCP connection, or a name lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// What kind of exchange.
    pub exchange: Exchange,
    /// Name or address of the target, without port.
    pub host: Arc<str>,
    /// Port of the target; 0 for lookups and pings.
    pub port: u16,
    /// HTTP method.
    pub method: Arc<str>,
    /// HTTP path with query, such as `/healthz`.
    pub path: Arc<str>,
    /// The HTTP `Host` header where it differs from `host`.
    pub host_header: Option<Arc<str>>,
    /// Text sent with the request.
    pub body: Arc<str>,
    /// After this the client gives up.
    pub timeout: SimDuration,
}

impl Request {
    /// `GET path` of `host:port`.
    #[must_use]
    pub fn get(host: &str, port: u16, path: &str) -> Self {
        Self {
            exchange: Exchange::Http,
            host: host.into(),
            port,
            method: "GET".into(),
            path: path.into(),
            host_header: None,
            body: "".into(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// A TCP connect.
    #[must_use]
    pub fn tcp(host: &str, port: u16) -> Self {
        Self { exchange: Exchange::Tcp, ..Self::get(host, port, "") }
    }

    /// A name lookup.
    #[must_use]
    pub fn lookup(host: &str) -> Self {
        Self { exchange: Exchange::Lookup, ..Self::get(host, 0, "") }
    }

    /// An ICMP echo.
    #[must_use]
    pub fn ping(host: &str) -> Self {
        Self { exchange: Exchange::Ping, ..Self::get(host, 0, "") }
    }

    /// Read `[http://]host[:port][/path]`; `None` if there is no host or the port is no port.
    #[must_use]
    pub fn from_url(url: &str) -> Option<Self> {
        let (secure, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (scheme.eq_ignore_ascii_case("https"), rest),
            None => (false, url),
        };
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, if secure { 443 } else { 80 }),
        };
        let path = path.split('#').next().unwrap_or("");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        (!host.is_empty()).then(|| Self::get(host, port, &path))
    }

    /// The same with another patience.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: SimDuration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// What a program answers to a delivered request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// An HTTP answer.
    Http {
        /// Status code.
        status: u16,
        /// Body.
        body: Arc<str>,
    },
    /// The connection was accepted; text the server sends first, if any.
    Accepted(Arc<str>),
    /// Nothing listens on the port.
    Refused,
    /// The connection broke before an answer.
    Reset,
    /// No answer will ever come: the client runs into its timeout.
    Silent,
}

/// How a request ended for its client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// An HTTP answer.
    Http {
        /// Status code.
        status: u16,
        /// Body.
        body: Arc<str>,
    },
    /// The TCP connection or the ping succeeded; what the server said first.
    Connected(Arc<str>),
    /// The addresses of a name.
    Resolved(Vec<Ipv4Addr>),
    /// `Connection refused`.
    Refused,
    /// No answer in time.
    Timeout,
    /// The name does not exist.
    UnknownName,
    /// No route to the address.
    Unreachable,
    /// The connection broke.
    Reset,
}

impl Outcome {
    /// Whether a client counts this as success.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        match self {
            Self::Http { status, .. } => *status < 500,
            Self::Connected(_) | Self::Resolved(_) => true,
            Self::Refused | Self::Timeout | Self::UnknownName | Self::Unreachable | Self::Reset => {
                false
            }
        }
    }
}

/// What happened at one station of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HopKind {
    /// The client sent it.
    Send,
    /// A DNS server was asked.
    Dns,
    /// The address was rewritten (published port, service rule).
    Nat,
    /// It crossed a bridge or the cable between hosts.
    Route,
    /// It reached a container or host.
    Deliver,
    /// The answer left.
    Respond,
    /// It was lost here.
    Drop,
}

/// One station of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// When.
    pub at: SimTime,
    /// What happened.
    pub kind: HopKind,
    /// Where: `outside`, `host/<h>`, `container/<h>/<id>`, `network/<id>`, `service/<name>`.
    pub place: Arc<str>,
    /// The address and port after this station.
    pub addr: Option<(Ipv4Addr, u16)>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The address that answered or should have answered, after name lookup and before NAT.
    pub peer: Option<Ipv4Addr>,
    /// Its way.
    pub hops: Vec<Hop>,
    /// From sending to this answer.
    pub latency: SimDuration,
}

/// Number of a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowId(pub u64);

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// A client on the internet side of the hosts' network.
    Outside,
    /// A process on a host (the terminal, the kubelet).
    Host(Arc<str>),
    /// A process in a container.
    Container(Arc<str>, Arc<str>),
}

/// One container's (or pod sandbox's) place: a network namespace on a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EndpointRef {
    /// Host name.
    pub host: Arc<str>,
    /// Container id, or any key that is unique on the host (a pod's uid).
    pub container: Arc<str>,
}

impl EndpointRef {
    /// A place by host and container.
    #[must_use]
    pub fn new(host: impl Into<Arc<str>>, container: impl Into<Arc<str>>) -> Self {
        Self { host: host.into(), container: container.into() }
    }
}

/// Transport protocol of a published or service port.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Proto {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Proto {
    /// `tcp`, `udp` or `sctp`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// An address range such as `172.18.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cidr {
    /// The network address, host bits zero.
    pub base: u32,
    /// Prefix length.
    pub bits: u8,
}

impl Cidr {
    /// A range by its first address as bytes.
    #[must_use]
    pub const fn new(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Self {
        Self { base: u32::from_be_bytes([a, b, c, d]), bits }
    }

    /// Read `a.b.c.d/n`; the host bits are cleared.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (addr, bits) = text.split_once('/')?;
        let addr: Ipv4Addr = addr.parse().ok()?;
        let bits: u8 = bits.parse().ok().filter(|b| *b <= 32)?;
        let cidr = Self { base: u32::from(addr), bits };
        Some(Self { base: cidr.base & cidr.mask(), bits })
    }

    /// The network mask.
    #[must_use]
    pub const fn mask(self) -> u32 {
        if self.bits == 0 { 0 } else { u32::MAX << (32 - self.bits) }
    }

    /// Whether an address lies inside.
    #[must_use]
    pub fn contains(self, addr: Ipv4Addr) -> bool {
        u32::from(addr) & self.mask() == self.base
    }

    /// Whether two ranges share an address.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        let mask = if self.bits < other.bits { self.mask() } else { other.mask() };
        self.base & mask == other.base & mask
    }

    /// The last address (the broadcast address).
    #[must_use]
    pub const fn last(self) -> u32 {
        self.base | !self.mask()
    }

    /// The address at an offset from the network address; `None` outside the range.
    #[must_use]
    pub fn nth(self, n: u32) -> Option<Ipv4Addr> {
        let addr = self.base.checked_add(n)?;
        (addr <= self.last()).then(|| Ipv4Addr::from(addr))
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, want) in [
            ("http://web:8080/a?b=1", Some(("web", 8080, "/a?b=1"))),
            ("web", Some(("web", 80, "/"))),
            ("localhost:8080", Some(("localhost", 8080, "/"))),
            ("https://10.0.0.1", Some(("10.0.0.1", 443, "/"))),
            ("http://:80/", None),
            ("http://a:b/", None),
        ] {
            let got = Request::from_url(url);
            let got = got.as_ref().map(|r| (&*r.host, r.port, &*r.path));
            assert_eq!(got, want, "{url}");
        }
    }

    #[test]
    fn ranges() {
        let range = Cidr::parse("172.18.5.6/16").unwrap();
        assert_eq!(range.to_string(), "172.18.0.0/16");
        assert!(range.contains(Ipv4Addr::new(172, 18, 9, 9)));
        assert!(range.overlaps(Cidr::new(172, 16, 0, 0, 12)));
        assert!(!range.overlaps(Cidr::new(172, 19, 0, 0, 16)));
        assert_eq!(range.nth(1), Some(Ipv4Addr::new(172, 18, 0, 1)));
        assert_eq!(Cidr::parse("1.2.3.4/33"), None);
    }
}
