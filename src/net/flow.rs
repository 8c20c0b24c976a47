//! A request on its way: lookup, rewrite, route, deliver, answer; faults of cables; the log that
//! the page animates.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::FaultKind;
use crate::engine::latency::Latency;
use crate::engine::trace::TraceId;
use crate::net::fabric::{Fabric, Input, Output};
use crate::net::load::LoadId;
use crate::net::names::Lookup;
use crate::net::route::End;
use crate::net::types::{
    Answer, Exchange, FlowId, Hop, HopKind, Origin, Outcome, Request, Response,
};

/// Requests kept in the log.
pub const MAX_LOG: usize = 2_000;
/// Most requests on their way at once; more are refused like by a host without free ports.
pub const MAX_FLOWS: usize = 200_000;

/// Inside one host: veth and bridge.
const LOCAL: Latency = Latency {
    name: "net-local",
    quantiles_us: [20, 35, 50, 80, 300],
    source: "iperf and ping between containers of one Linux host, typical figures",
};
/// Between two hosts of one data centre.
const CABLE: Latency = Latency {
    name: "net-cable",
    quantiles_us: [120, 180, 250, 400, 1_500],
    source: "ping inside one cloud zone, typical figures",
};
/// From the internet to a host.
const INTERNET: Latency = Latency {
    name: "net-internet",
    quantiles_us: [8_000, 12_000, 18_000, 28_000, 80_000],
    source: "ping from a home connection to a regional cloud zone, typical figures",
};
/// Linux gives up on a neighbour after three probes of one second.
const NO_NEIGHBOUR: SimDuration = SimDuration(3_000_000);

/// A request on its way.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Flow {
    from: Origin,
    tag: u64,
    request: Request,
    load: Option<LoadId>,
    began: SimTime,
    cause: TraceId,
    peer: Option<Ipv4Addr>,
    hops: Vec<Hop>,
    /// Where it is delivered; the candidates not yet asked.
    target: Option<Target>,
    /// How it will end, while the answer travels.
    outcome: Option<Outcome>,
}

#[derive(Clone, Debug, Hash)]
struct Target {
    host: Arc<str>,
    candidates: Vec<Arc<str>>,
    next: usize,
    port: u16,
    client: Option<Ipv4Addr>,
}

/// A finished request in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FlowRecord {
    /// Its number.
    pub id: FlowId,
    /// Who sent it.
    pub from: Origin,
    /// To whom, as the client spelled it.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// The HTTP path.
    pub path: Arc<str>,
    /// When it was sent.
    pub began: SimTime,
    /// When the client had its answer.
    pub ended: SimTime,
    /// How it ended.
    pub outcome: Outcome,
    /// Its way with times.
    pub hops: Arc<[Hop]>,
}

impl Fabric {
    /// One step.
    pub fn step(&mut self, input: Input, cx: &mut Cx<'_, Output>) {
        match input {
            Input::Send { from, tag, request } => self.send(from, tag, request, None, cx),
            Input::Respond { flow, response } => self.respond(flow, response, cx),
            Input::Arrive(flow) => self.arrive(flow, cx),
            Input::Return(flow) => self.finish(flow, cx),
            Input::GiveUp(flow) => self.give_up(flow, cx),
            Input::StartLoad(id, spec) => self.start_load(id, spec, cx),
            Input::StopLoad(id) => self.stop_load(id),
            Input::LoadTick(id, start) => self.load_tick(id, start, cx),
        }
    }

    /// Finished requests, oldest first.
    #[must_use]
    pub fn log(&self) -> &crate::base::shelf::Seq<FlowRecord> {
        &self.log
    }

    /// Requests on their way: number, sender and the hops so far.
    pub fn under_way(&self) -> impl Iterator<Item = (FlowId, &Origin, &[Hop])> {
        self.flows.iter().map(|(id, flow)| (*id, &flow.from, flow.hops.as_slice()))
    }

    pub(crate) fn send(
        &mut self,
        from: Origin,
        tag: u64,
        request: Request,
        load: Option<LoadId>,
        cx: &mut Cx<'_, Output>,
    ) {
        self.next_flow += 1;
        let id = FlowId(self.next_flow);
        let mut flow = Flow {
            from,
            tag,
            request,
            load,
            began: cx.now,
            cause: cx.cause,
            peer: None,
            hops: Vec::new(),
            target: None,
            outcome: None,
        };
        let place = origin_place(&flow.from);
        flow.hop(cx.now, HopKind::Send, place, None);
        let travel = if self.flows.len() >= MAX_FLOWS {
            flow.outcome = Some(Outcome::Unreachable);
            Some(SimDuration::ZERO)
        } else {
            self.plan(&mut flow, cx)
        };
        let timeout = flow.request.timeout;
        let next = if flow.outcome.is_some() { Input::Return(id) } else { Input::Arrive(id) };
        self.flows.insert(id, flow);
        match travel {
            Some(travel) if travel < timeout => {
                cx.emit_after(travel, Output::Again(next.clone()));
                if matches!(next, Input::Arrive(_)) {
                    cx.emit_after(timeout, Output::Again(Input::GiveUp(id)));
                }
            }
            Some(_) | None => cx.emit_after(timeout, Output::Again(Input::GiveUp(id))),
        }
    }

    /// Find out where a request goes and how long that takes; `None` if it gets lost.
    fn plan(&self, flow: &mut Flow, cx: &mut Cx<'_, Output>) -> Option<SimDuration> {
        let host = flow.request.host.clone();
        let rng = cx.stream("dns", "");
        let (lookup, mut spent, server) = self.resolve(&flow.from, &host, rng);
        let addrs = match lookup {
            Lookup::Found(addrs) => addrs,
            Lookup::Unknown => Vec::new(),
            Lookup::Silent => {
                flow.hop(cx.now, HopKind::Dns, "dns".into(), None);
                flow.outcome = Some(Outcome::UnknownName);
                return Some(spent);
            }
        };
        if !server.is_empty() {
            let found = addrs.first().map(|addr| (*addr, 0));
            flow.hop(cx.now + spent, HopKind::Dns, format!("dns/{server}").into(), found);
        }
        let Some(to) = addrs.first().copied() else {
            flow.outcome = Some(Outcome::UnknownName);
            return Some(spent);
        };
        if flow.request.exchange == Exchange::Lookup {
            flow.outcome = Some(Outcome::Resolved(addrs));
            return Some(spent);
        }
        flow.peer = Some(to);
        let way = self.way(&flow.from, to, flow.request.port, cx.stream("route", ""));
        for (kind, place, addr) in way.stations {
            let cable = kind == HopKind::Route && place.starts_with("host/");
            let step = cx.latency(if cable { &CABLE } else { &LOCAL }, "");
            // Two stations make one cable; the first one leaves the host at no cost.
            spent = spent + if cable && addr.is_none() { SimDuration(step.0 / 2) } else { step };
            flow.hop(cx.now + spent, kind, place, addr);
        }
        if flow.from == Origin::Outside {
            spent = spent + cx.latency(&INTERNET, "");
        }
        match way.end {
            End::Place { host, candidates, port, client } => {
                let extra = self.links(&flow.from, &host, cx)?;
                flow.target = Some(Target { host, candidates, next: 0, port, client });
                Some(spent + extra)
            }
            End::Refused(host) => {
                let extra = self.links(&flow.from, &host, cx)?;
                flow.outcome = Some(if flow.request.exchange == Exchange::Ping {
                    Outcome::Connected("".into())
                } else {
                    Outcome::Refused
                });
                Some(spent + extra)
            }
            End::NoNeighbour => {
                flow.outcome = Some(Outcome::Unreachable);
                Some(spent + NO_NEIGHBOUR)
            }
            End::NoRoute => {
                flow.outcome = Some(Outcome::Unreachable);
                Some(spent)
            }
            End::Dropped => {
                let last = flow.hops.last().map_or_else(|| "".into(), |h| h.place.clone());
                flow.hop(cx.now + spent, HopKind::Drop, last, None);
                None
            }
            End::Internet => {
                let _ = crate::stub!("net.internet", "every known name outside answers 200");
                let there = cx.latency(&INTERNET, "");
                let extra = self.links(&flow.from, "", cx)?;
                flow.hop(cx.now + spent + there, HopKind::Deliver, "outside".into(), None);
                flow.outcome = Some(match flow.request.exchange {
                    Exchange::Http => Outcome::Http { status: 200, body: "".into() },
                    Exchange::Tcp | Exchange::Lookup | Exchange::Ping => {
                        Outcome::Connected("".into())
                    }
                });
                Some(spent + SimDuration(there.0 * 2) + extra)
            }
        }
    }

    /// What the cables between two places cost: `None` if one is cut or a host is down.
    fn links(&self, from: &Origin, to: &str, cx: &mut Cx<'_, Output>) -> Option<SimDuration> {
        let source = match from {
            Origin::Outside => "",
            Origin::Host(host) | Origin::Container(host, _) => host,
        };
        if source == to {
            return (!cx.faults.has(to, &FaultKind::HostDown, cx.now)).then_some(SimDuration::ZERO);
        }
        cx.faults.wire.travel(source, to, cx.rng)
    }

    fn arrive(&mut self, id: FlowId, cx: &mut Cx<'_, Output>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Some(target) = &mut flow.target else { return };
        if cx.faults.has(&target.host, &FaultKind::HostDown, cx.now) {
            return;
        }
        if flow.request.exchange == Exchange::Ping {
            self.respond(id, Response::Accepted("".into()), cx);
            return;
        }
        let Some(container) = target.candidates.get(target.next).cloned() else {
            self.respond(id, Response::Refused, cx);
            return;
        };
        target.next += 1;
        let output = Output::Deliver {
            flow: id,
            host: target.host.clone(),
            container,
            port: target.port,
            client: target.client,
            request: flow.request.clone(),
        };
        cx.emit(output);
    }

    fn respond(&mut self, id: FlowId, response: Response, cx: &mut Cx<'_, Output>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.outcome.is_some() {
            return;
        }
        let Some(target) = &flow.target else { return };
        if response == Response::Refused && target.next < target.candidates.len() {
            // Another process of the same namespace may listen.
            self.arrive(id, cx);
            return;
        }
        let outcome = match response {
            Response::Http { status, body } => Outcome::Http { status, body },
            Response::Accepted(text) => Outcome::Connected(text),
            Response::Refused => Outcome::Refused,
            Response::Reset => Outcome::Reset,
            Response::Silent => return,
        };
        let host = target.host.clone();
        let place = flow.hops.iter().rev().find(|hop| hop.kind == HopKind::Deliver);
        let place = place.map_or_else(|| format!("host/{host}").into(), |hop| hop.place.clone());
        flow.hop(cx.now, HopKind::Respond, place, None);
        flow.outcome = Some(outcome);
        // Back the same way: a cable for each pair of its stations.
        let cables = flow.hops.iter().filter(|h| h.kind == HopKind::Route && h.addr.is_none());
        let cables = cables.count().div_ceil(2);
        let from = flow.from.clone();
        let Some(extra) = self.links(&from, &host, cx) else {
            if let Some(flow) = self.flows.get_mut(&id) {
                flow.outcome = None;
                flow.target = None;
            }
            return;
        };
        let mut back = cx.latency(&LOCAL, "") + extra;
        for _ in 0..cables {
            back = back + cx.latency(&CABLE, "");
        }
        if from == Origin::Outside {
            back = back + cx.latency(&INTERNET, "");
        }
        cx.emit_after(back, Output::Again(Input::Return(id)));
    }

    fn give_up(&mut self, id: FlowId, cx: &mut Cx<'_, Output>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        // A lookup that took too long failed for that reason.
        let unknown = flow.outcome == Some(Outcome::UnknownName);
        let outcome = if unknown { Outcome::UnknownName } else { Outcome::Timeout };
        flow.outcome = Some(outcome);
        self.finish(id, cx);
    }

    fn finish(&mut self, id: FlowId, cx: &mut Cx<'_, Output>) {
        let Some(flow) = self.flows.remove(&id) else { return };
        let outcome = flow.outcome.unwrap_or(Outcome::Timeout);
        let latency = cx.now.since(flow.began);
        self.log.push(FlowRecord {
            id,
            from: flow.from.clone(),
            host: flow.request.host.clone(),
            port: flow.request.port,
            path: flow.request.path.clone(),
            began: flow.began,
            ended: cx.now,
            outcome: outcome.clone(),
            hops: flow.hops.as_slice().into(),
        });
        if self.log.len().is_multiple_of(256) {
            self.log.trim(MAX_LOG);
        }
        match flow.load {
            Some(load) => self.count(load, &outcome, latency, cx.now),
            None => {
                if flow.cause != TraceId::NONE {
                    cx.cause = cx.cause.max(flow.cause);
                }
                let answer = Answer { outcome, peer: flow.peer, hops: flow.hops, latency };
                cx.emit(Output::Answer { to: flow.from, tag: flow.tag, answer });
            }
        }
    }
}

impl Flow {
    fn hop(&mut self, at: SimTime, kind: HopKind, place: Arc<str>, addr: Option<(Ipv4Addr, u16)>) {
        self.hops.push(Hop { at, kind, place, addr });
    }
}

fn origin_place(from: &Origin) -> Arc<str> {
    match from {
        Origin::Outside => "outside".into(),
        Origin::Host(host) => format!("host/{host}").into(),
        Origin::Container(host, id) => format!("container/{host}/{id}").into(),
    }
}
