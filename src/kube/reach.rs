//! Whether the components of a cluster reach each other, and what a sender is told if not.
//!
//! Every request between two processes passes one of the five mouths (a client's question, a call of
//! kube-controller-manager, a request of scheduler or kubelet, what the API server passes on to a
//! kubelet, what a watch carries); each asks the wire of the world here.
//!
//! Models client-go (time-outs, the HTTP/2 health check, the reflector's back-off) and the texts of
//! Go's `net` package.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::FaultKind;
use crate::engine::wire::{CONTROL_PLANE, Fate, Halt, Loss, Place};
use crate::kube::api::request::{ApiError, Request, Response};
use crate::kube::api::store::Store;
use crate::kube::events::Say;
use crate::kube::kubelet::{self, Tag};
use crate::kube::nodes::NodeInput;
use crate::kube::watch::Process;
use crate::kube::{Cluster, Input, Output};

/// The API server's name as a process.
pub(super) const API_SERVER: &str = "kube-apiserver";
/// Where clients outside of the cluster find it (`~/.kube/config`).
const ADDRESS: &str = "127.0.0.1:6443";
/// A refusal comes back at once.
const REFUSAL: SimDuration = SimDuration(300);
/// A connection that nobody answers (`net.Dialer` of client-go's default transport: 30 s).
const DIAL_TIMEOUT: SimDuration = SimDuration::from_secs(30);
/// A connection whose other side stays silent (Go's default `TLSHandshakeTimeout`).
const HANDSHAKE_TIMEOUT: SimDuration = SimDuration::from_secs(10);
/// On one segment the kernel looks for a neighbour three times, a second apart, and gives up.
const NO_NEIGHBOUR: SimDuration = SimDuration::from_secs(3);
/// Renewals and reports of a kubelet wait that long (`nodeStatusUpdateFrequency`, lease client).
const HEARTBEAT_TIMEOUT: SimDuration = SimDuration::from_secs(10);
/// A silent HTTP/2 connection is asked after 30 s and closed 15 s later (client-go's transport).
const HEALTH_CHECK: SimDuration = SimDuration::from_secs(45);
/// The longest wait of a reflector between two tries (client-go: 0.8 s doubling to 30 s).
const REFLECTOR_MAX: SimDuration = SimDuration::from_secs(30);
/// The first retransmission on a connection that stands (Linux, RTO of a local network).
const FIRST_RETRANSMIT: SimDuration = SimDuration(200_000);
/// An event is tried 12 times, 10 s apart (client-go `tools/record`).
const EVENT_PATIENCE: SimDuration = SimDuration::from_secs(120);

/// A node whose processes do not reach the API server.
#[derive(Clone, Debug)]
pub(super) struct CutOff {
    /// Since when.
    since: SimTime,
    /// What its agents saw last.
    seen: Store,
    /// What is said in vain.
    said: Vec<(SimTime, Say)>,
    /// Answers to clients that do not get through.
    replies: Vec<(u64, Result<Response, ApiError>)>,
    /// When the connections are back, once the cable is.
    back: Option<SimTime>,
}

/// How a change of the store reaches a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Over its watch.
    Open,
    /// Not now: the connection is broken.
    Stalled,
    /// Not at all: the process is gone and will list everything when it starts.
    Gone,
}

/// The nodes that are cut off.
pub(super) type CutOffs = BTreeMap<Arc<str>, CutOff>;

impl Process {
    /// Where it runs.
    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::ControllerManager => Place::new(CONTROL_PLANE, "kube-controller-manager"),
            Self::Scheduler => Place::new(CONTROL_PLANE, "kube-scheduler"),
            Self::Dns => Place::new(CONTROL_PLANE, "coredns"),
            Self::Kubelet(node) => Place::new(node, "kubelet"),
            Self::Proxy(node) => Place::new(node, "kube-proxy"),
        }
    }
}

/// The API server as a place.
pub(super) const fn server() -> Place<'static> {
    Place::new(CONTROL_PLANE, API_SERVER)
}

fn unreachable(message: String) -> ApiError {
    ApiError { code: 0, reason: "ConnectionRefused", message, ..ApiError::default() }
}

/// An error that a fault puts into the API server's mouth.
fn server_error<O>(cx: &Cx<'_, O>) -> Option<ApiError> {
    let target = "control-plane/kube-apiserver";
    let mut faults = cx.faults.on(target, cx.now);
    let code = faults.find_map(FaultKind::api_error)?;
    let (reason, message) = match code {
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to \
                                    try again later",
        ),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but \
                            may still be processing the request",
        ),
        _ => (
            "InternalError",
            "an error on the server (\"\") has prevented the request from \
                                succeeding",
        ),
    };
    Some(ApiError { code, reason, message: message.to_owned(), ..ApiError::default() })
}

/// What a client on the learner's computer is told instead of an answer, and when; `None` if the
/// request arrives (after the wait).
pub(super) fn for_client(cx: &mut Cx<'_, Output>) -> Result<SimDuration, (SimDuration, ApiError)> {
    if let Some(error) = server_error(cx) {
        return Err((SimDuration::ZERO, error));
    }
    match cx.faults.wire.fate(Place::new("", "kubectl"), server(), cx.rng) {
        Fate::Arrives(extra) => Ok(extra),
        Fate::Refused => {
            let text = format!(
                "The connection to the server {ADDRESS} was refused - did you specify the right \
                 host or port?"
            );
            Err((REFUSAL, unreachable(text)))
        }
        Fate::Lost(Loss::Cut) => {
            let text = format!("Unable to connect to the server: dial tcp {ADDRESS}: i/o timeout");
            Err((DIAL_TIMEOUT, unreachable(text)))
        }
        Fate::Lost(Loss::Silent) => {
            let text = "Unable to connect to the server: net/http: TLS handshake timeout";
            Err((HANDSHAKE_TIMEOUT, unreachable(text.to_owned())))
        }
    }
}

/// What a component is told instead of an answer, and when.
pub(super) fn for_component(
    from: Place<'_>,
    patience: SimDuration,
    cx: &mut Cx<'_, Output>,
) -> Result<SimDuration, (SimDuration, ApiError)> {
    if let Some(error) = server_error(cx) {
        return Err((SimDuration::ZERO, error));
    }
    match cx.faults.wire.fate(from, server(), cx.rng) {
        Fate::Arrives(extra) => Ok(extra),
        Fate::Refused => {
            let text = format!("dial tcp {ADDRESS}: connect: connection refused");
            Err((REFUSAL, unreachable(text)))
        }
        Fate::Lost(_) => Err((patience, unreachable("context deadline exceeded".to_owned()))),
    }
}

/// How long a kubelet waits for the answer to a request.
pub(super) const fn patience(tag: &Tag) -> SimDuration {
    match tag {
        Tag::Node | Tag::Lease => HEARTBEAT_TIMEOUT,
        Tag::Status(_) | Tag::Delete(_) => HEALTH_CHECK,
    }
}

impl Cluster {
    /// Why the API server does not reach a kubelet's own server, and when that is known.
    pub(super) fn kubelet_silence(
        &self,
        node: &str,
        powered: bool,
        cx: &mut Cx<'_, Output>,
    ) -> Result<SimDuration, (SimDuration, &'static str)> {
        let fate = cx.faults.wire.fate(server(), Place::new(node, "kubelet"), cx.rng);
        let runs = self.kubelets.get(node).is_some_and(|k| k.node.running);
        match fate {
            Fate::Lost(Loss::Cut) => Err((NO_NEIGHBOUR, "connect: no route to host")),
            _ if !powered => Err((NO_NEIGHBOUR, "connect: no route to host")),
            Fate::Lost(Loss::Silent) => Err((HANDSHAKE_TIMEOUT, "i/o timeout")),
            Fate::Refused => Err((REFUSAL, "connect: connection refused")),
            Fate::Arrives(_) if !runs => Err((REFUSAL, "connect: connection refused")),
            Fate::Arrives(extra) => Ok(extra),
        }
    }

    /// The address of a node's kubelet.
    pub(super) fn kubelet_address(&self, node: &str) -> String {
        let ip = self.kubelets.get(node).map_or("", |k| &k.node.host_ip);
        format!("{}:10250", if ip.is_empty() { node } else { ip })
    }

    /// What a node's agents see of the cluster: all of it, or what they saw last. Once the cable is
    /// back their own reads succeed, though the watches take a while.
    pub(super) fn seen_by<'a>(store: &'a Store, cut: &'a CutOffs, node: &str) -> &'a Store {
        cut.get(node).filter(|c| c.back.is_none()).map_or(store, |c| &c.seen)
    }

    /// How a change of the store reaches a process.
    pub(super) fn way_to(&self, process: &Process, cx: &Cx<'_, Output>) -> Way {
        if cx.faults.wire.halt(process.place()) == Some(Halt::Down) {
            return Way::Gone;
        }
        match process {
            Process::Kubelet(node) | Process::Proxy(node) if self.cut.contains_key(node) => {
                Way::Stalled
            }
            Process::Kubelet(_) | Process::Proxy(_) => Way::Open,
            Process::ControllerManager | Process::Scheduler | Process::Dns => Way::Open,
        }
    }

    /// Cables or processes have changed: connections break, or come back after a while.
    pub(super) fn rewired(&mut self, cx: &mut Cx<'_, Output>) {
        let wire = &cx.faults.wire;
        let serves = wire.halt(server()).is_none();
        let reach = |node: &Arc<str>| serves && wire.passes(node, CONTROL_PLANE);
        let (whole, broken): (Vec<Arc<str>>, Vec<Arc<str>>) =
            self.joined.iter().cloned().partition(reach);
        for node in broken {
            match self.cut.get_mut(&node) {
                Some(cut) => cut.back = None,
                None => {
                    let cut = CutOff {
                        since: cx.now,
                        seen: self.store.clone(),
                        said: Vec::new(),
                        replies: Vec::new(),
                        back: None,
                    };
                    self.cut.insert(node, cut);
                }
            }
        }
        for node in whole {
            let Some(cut) = self.cut.get_mut(&node) else { continue };
            if cut.back.is_some() {
                continue;
            }
            // After a power loss there are no connections left: who starts lists everything.
            let runs = self.kubelets.get(&node).is_some_and(|k| k.node.running);
            let outage = cx.now.since(cut.since);
            let wait = if runs { reconnect(outage, &node, cx) } else { SimDuration::ZERO };
            cut.back = Some(cx.now + wait);
            let input = Input::Node(node, Box::new(NodeInput::Reconnected));
            cx.emit_after(wait, Output::Again(input));
        }
    }

    /// A node's processes reach the API server again; returns what they said meanwhile.
    pub(super) fn reconnected(&mut self, node: &Arc<str>, cx: &mut Cx<'_, Output>) -> bool {
        let due = self.cut.get(node).and_then(|c| c.back).is_some_and(|at| at <= cx.now);
        if !due {
            return false;
        }
        let Some(cut) = self.cut.remove(node) else { return false };
        for process in [Process::Kubelet(node.clone()), Process::Proxy(node.clone())] {
            let Some(streams) = self.streams.get_mut(&process) else { continue };
            streams.resume(cx.now);
            cx.emit(Output::Again(Input::Deliver(process)));
        }
        for (ticket, result) in cut.replies {
            cx.emit(Output::Reply { ticket, result });
        }
        for (at, say) in cut.said {
            if cx.now.since(at) <= EVENT_PATIENCE {
                self.tell("kubelet", node, &say, cx);
            }
        }
        true
    }

    /// A kubelet says something; where it is cut off it will try again.
    pub(super) fn say(&mut self, node: &str, say: Say, cx: &mut Cx<'_, Output>) {
        match self.cut.get_mut(node) {
            Some(cut) => cut.said.push((cx.now, say)),
            None => self.tell("kubelet", node, &say, cx),
        }
    }

    /// An answer to a client that does not get through from a node that is cut off.
    pub(super) fn hold_reply(
        &mut self,
        node: &str,
        ticket: u64,
        result: Result<Response, ApiError>,
    ) -> Option<Result<Response, ApiError>> {
        match self.cut.get_mut(node) {
            Some(cut) => {
                cut.replies.push((ticket, result));
                None
            }
            None => Some(result),
        }
    }

    /// A kubelet sends a request to the API server, which arrives, is refused or gets lost.
    pub(super) fn send(
        node: &Arc<str>,
        delay: SimDuration,
        tag: Tag,
        request: Box<Request>,
        cx: &mut Cx<'_, Output>,
    ) {
        let from = Process::Kubelet(node.clone());
        let (wait, input) = match for_component(from.place(), patience(&tag), cx) {
            Ok(extra) => (extra, NodeInput::Request(tag, request)),
            Err((wait, error)) => {
                (wait, NodeInput::Kubelet(kubelet::Input::Answered(tag, Err(error))))
            }
        };
        cx.emit_after(delay + wait, Output::Again(Input::Node(node.clone(), Box::new(input))));
    }
}

/// How long after a cable is plugged in again the watches of a node deliver: by the next
/// retransmission of a connection that still stands, else by the reflector's next try.
fn reconnect(outage: SimDuration, node: &str, cx: &mut Cx<'_, Output>) -> SimDuration {
    if outage < HEALTH_CHECK {
        let mut at = FIRST_RETRANSMIT;
        let mut next = FIRST_RETRANSMIT;
        while at < outage {
            next = next + next;
            at = at + next;
        }
        return SimDuration(at.0 - outage.0);
    }
    let most = REFLECTOR_MAX.0.min(outage.0);
    SimDuration(cx.stream("reflector", node).between(0, most))
}
