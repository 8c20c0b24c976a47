//! Requests between processes and the network: the runtime and the fabric do not know each other,
//! so the world translates between their words and remembers who asked.

use std::collections::BTreeMap;

use crate::machine::{self, Errand, Incoming, Outgoing, RequestTag};
use crate::net::{self, Exchange, Origin, Outcome, Request};

/// The two top bits of a request's tag say who asked; the rest is the asker's own number.
const OWNER_SHIFT: u32 = 62;
/// The asker's own number.
pub(super) const NUMBER_MASK: u64 = (1 << OWNER_SHIFT) - 1;

/// Who asked the network for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A process in a container.
    Machine,
    /// A tool of a terminal.
    Shell,
    /// A component of Kubernetes.
    Kube,
}

impl Owner {
    /// A tag that names this owner.
    #[must_use]
    pub(super) const fn tag(self, number: u64) -> u64 {
        let bits: u64 = match self {
            Self::Machine => 0,
            Self::Shell => 1,
            Self::Kube => 2,
        };
        (bits << OWNER_SHIFT) | (number & NUMBER_MASK)
    }

    /// The owner that a tag names.
    #[must_use]
    pub(super) const fn of(tag: u64) -> Self {
        match tag >> OWNER_SHIFT {
            0 => Self::Machine,
            1 => Self::Shell,
            _ => Self::Kube,
        }
    }
}

/// Processes that wait for an answer of the network.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    by_number: BTreeMap<u64, (RequestTag, Errand)>,
    next: u64,
}

impl Waiting {
    /// Remember who asked; returns the tag for the network.
    pub(super) fn remember(&mut self, tag: RequestTag, what: Errand) -> u64 {
        self.next += 1;
        self.by_number.insert(self.next, (tag, what));
        Owner::Machine.tag(self.next)
    }

    /// How many wait, and how many ever did.
    #[must_use]
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.by_number.len(), self.next)
    }

    /// Whoever asked, once.
    pub(super) fn take(&mut self, tag: u64) -> Option<(RequestTag, Errand)> {
        self.by_number.remove(&(tag & NUMBER_MASK))
    }
}

/// A process's request in the network's words; `None` if its URL is none.
#[must_use]
pub(super) fn to_net(outgoing: &Outgoing) -> Option<Request> {
    let mut request = match &outgoing.what {
        Errand::Http { method, url, body } => {
            let mut request = Request::from_url(url)?;
            request.method = method.as_str().into();
            request.body = body.as_str().into();
            request
        }
        Errand::Tcp { host, port } => Request::tcp(host, *port),
        Errand::Lookup { name } => Request::lookup(name),
        Errand::Ping { host } => Request::ping(host),
        Errand::Interfaces => return None,
    };
    if let Some(timeout) = outgoing.timeout {
        request.timeout = timeout;
    }
    Some(request)
}

/// The interfaces of a namespace.
#[must_use]
pub(super) fn interfaces(fabric: &net::Fabric, of: &Origin) -> Vec<machine::Interface> {
    match of {
        Origin::Container(host, sandbox) => {
            let all = fabric
                .interfaces(&net::EndpointRef::new(host.clone(), sandbox.clone()))
                .into_iter();
            all.map(|(ip, bits, gateway)| machine::Interface { ip, bits, gateway }).collect()
        }
        Origin::Host(host) => {
            // The hosts' network is a /24 without a router.
            let ip = fabric.host_addr(host);
            let one = |ip| machine::Interface { ip, bits: 24, gateway: None };
            ip.map(one).into_iter().collect()
        }
        Origin::Outside => Vec::new(),
    }
}

/// A delivered request in the runtime's words.
#[must_use]
pub(super) fn to_machine(request: &Request, peer: &str) -> Incoming {
    let http = request.exchange == Exchange::Http;
    let host = request.host_header.as_ref().unwrap_or(&request.host);
    Incoming {
        peer: peer.to_owned(),
        method: if http { request.method.to_string() } else { String::new() },
        path: if http { request.path.to_string() } else { String::new() },
        host: host.to_string(),
        body: request.body.to_string(),
    }
}

/// A program's answer in the network's words.
#[must_use]
pub(super) fn response(response: machine::Response) -> net::Response {
    match response {
        machine::Response::Refused => net::Response::Refused,
        machine::Response::Connected => net::Response::Accepted("".into()),
        machine::Response::Http { status, body } => net::Response::Http { status, body },
        machine::Response::Reset => net::Response::Reset,
    }
}

/// The network's answer in the runtime's words.
#[must_use]
pub(super) fn answer(answer: net::Answer, errand: &Errand, from: &Origin) -> machine::Answer {
    let peer = answer.peer.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED);
    let server = || name_server(from);
    match answer.outcome {
        Outcome::Http { status, body } => machine::Answer::Http { from: peer, status, body },
        Outcome::Connected(_) => machine::Answer::Reached { from: peer, latency: answer.latency },
        Outcome::Resolved(addresses) => {
            let name = match errand {
                Errand::Lookup { name } => name.clone(),
                Errand::Http { .. }
                | Errand::Tcp { .. }
                | Errand::Ping { .. }
                | Errand::Interfaces => String::new(),
            };
            machine::Answer::Addresses { server: server(), name, addresses }
        }
        Outcome::Refused => machine::Answer::Refused { from: peer },
        Outcome::Timeout => machine::Answer::TimedOut,
        Outcome::UnknownName => machine::Answer::NoSuchHost { server: server() },
        Outcome::Unreachable => machine::Answer::Unreachable,
        Outcome::Reset => machine::Answer::Reset,
    }
}

/// The name server that `/etc/resolv.conf` of a process names: Docker's embedded one.
fn name_server(from: &Origin) -> String {
    match from {
        Origin::Container(..) => "127.0.0.11".to_owned(),
        Origin::Outside | Origin::Host(_) => "127.0.0.53".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_their_owner() {
        for owner in [Owner::Machine, Owner::Shell, Owner::Kube] {
            let tag = owner.tag(77);
            assert_eq!((Owner::of(tag), tag & NUMBER_MASK), (owner, 77));
        }
    }
}
