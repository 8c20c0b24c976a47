//! Requests that never leave a network namespace: `wget localhost`, a health check's probe.

use crate::base::time::SimDuration;
use crate::machine::io::Input;
use crate::machine::traffic::{Answer, Errand, Incoming, Outgoing, RequestTag, Response};

/// Numbers of local flows have this bit, which the fabric never sets.
pub(super) const LOCAL_FLOW: u64 = 1 << 63;
/// The loopback address.
const LOOPBACK: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;

/// A URL's host, port and path.
pub(super) fn split_url(url: &str) -> (String, u16, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let standard = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(standard)),
        None => (authority, standard),
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (host.to_owned(), port, path)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.")
}

/// The delivery of a request to the own namespace, if it is one. The host's namespace is left to
/// the fabric, which knows the published ports.
pub(super) fn short_cut(sandbox: &str, tag: &RequestTag, request: &Outgoing) -> Option<Input> {
    let (host, port, incoming) = match &request.what {
        Errand::Http { method, url, body } => {
            let (host, port, path) = split_url(url);
            let incoming = Incoming {
                peer: LOOPBACK.to_string(),
                method: method.clone(),
                path,
                host: host.clone(),
                body: body.clone(),
            };
            (host, port, incoming)
        }
        Errand::Tcp { host, port } => {
            (host.clone(), *port, Incoming { peer: LOOPBACK.to_string(), ..Incoming::default() })
        }
        Errand::Lookup { .. } | Errand::Ping { .. } | Errand::Interfaces => return None,
    };
    if sandbox == "host" || !is_loopback(&host) {
        return None;
    }
    Some(Input::Local { tag: tag.clone(), sandbox: sandbox.into(), port, request: incoming })
}

/// A response as the client sees it.
pub(super) fn answer(response: Response) -> Answer {
    match response {
        Response::Refused => Answer::Refused { from: LOOPBACK },
        Response::Connected => {
            Answer::Reached { from: LOOPBACK, latency: SimDuration::from_micros(60) }
        }
        Response::Http { status, body } => Answer::Http { from: LOOPBACK, status, body },
        Response::Reset => Answer::Reset,
    }
}
