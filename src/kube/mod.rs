//! Kubernetes: API server, controllers, scheduler, kubelet, kube-proxy, cluster DNS.
//!
//! [`Cluster`] is one value. Requests change the store at once; the changes reach the caches of the
//! other processes with a lag, each of which then acts by requests of its own.
//!
//! Must not know: Docker, the terminal, the page.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::ledger::Reading;
use crate::base::message::Message;
use crate::base::mixer;
use crate::base::shelf::Shelf;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::sabotage::Sabotage;
use crate::engine::trace::{Actor, Subject, TraceId};
use crate::machine::{self, Machines};
use crate::net::{self, Fabric};

#[cfg(test)]
mod lab;
pub mod kinds;
pub mod clock;
pub mod labels;
pub mod api;
pub mod print;
pub mod watch;
pub mod informer;
pub mod events;
pub mod metrics;
pub mod recorder;
pub mod controllers;
pub mod scheduler;
pub mod kubelet;
pub mod proxy;
pub mod cluster_dns;
pub mod node;
pub mod nodes;
pub mod power;
mod reach;
pub mod parts;

use api::request::{ApiError, Request, Response, Subresource, Verb, WatchKind};
use api::selector::Selector;
use api::store::{Change, Store};
use controllers::manager::{self, Manager, Wish};
use node::NodeSpec;
use recorder::Recorders;
use watch::{Process, Streams, WATCH_LAG, follows};

/// An eviction that lost the race for its budget is tried again (`EvictionsRetry`: 500 ms, 10 %).
const EVICTION_RETRY: SimDuration = SimDuration::from_millis(500);

/// A component beside the API server is told at once that nobody answers.
const CALL_PATIENCE: SimDuration = SimDuration::ZERO;

/// What wakes the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A client's request reaches the API server.
    Ask {
        /// Comes back with the reply.
        ticket: u64,
        /// The request.
        request: Box<Request>,
    },
    /// A client's request arrives after its way over a slow cable.
    Arrived {
        /// Comes back with the reply.
        ticket: u64,
        /// The request.
        request: Box<Request>,
    },
    /// A client stops listening.
    Forget {
        /// The ticket of its question.
        ticket: u64,
    },
    /// Something happened to a container of ours.
    Notice(machine::Notice),
    /// Changes are due in the caches of a process.
    Deliver(Process),
    /// A call of kube-controller-manager reaches the API server.
    Call(u64),
    /// A request of another component reaches the API server; the answer goes to it with the tag.
    Request {
        /// Who.
        from: Process,
        /// Comes back with the answer.
        tag: u64,
        /// The request.
        request: Box<Request>,
        /// Why, for the trace.
        why: Option<Message>,
    },
    /// A component tells something.
    Say {
        /// `kubelet`.
        component: &'static str,
        /// Its node.
        host: Arc<str>,
        /// What.
        say: Box<events::Say>,
    },
    /// The network's answer to a request of a component (`tag` as it was sent).
    Answer {
        /// The component's number.
        tag: u64,
        /// What became of it.
        answer: net::Answer,
    },
    /// Cables or processes have changed (`engine::wire`).
    Rewired,
    /// A component is started again, or goes on where it was stopped.
    Power {
        /// Which.
        process: Process,
        /// What is done to it.
        turn: power::Turn,
    },
    /// The kubelet of a node is stopped or started from outside.
    KubeletPower {
        /// The node.
        node: Arc<str>,
        /// Whether it runs from now on.
        running: bool,
    },
    /// metrics-server reads what the kubelets measure.
    Scrape,
    /// A wake of the controllers.
    Controllers(manager::Input),
    /// A wake of the scheduler.
    Scheduler(scheduler::Input),
    /// A wake of a process of a node.
    Node(Arc<str>, Box<nodes::NodeInput>),
}

/// What the cluster leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Give this back later.
    Again(Input),
    /// Something of the runtime.
    Machine(machine::Output),
    /// Something of the fabric.
    Net(net::Output),
    /// An answer, or one part of a streamed answer.
    Reply {
        /// Whose.
        ticket: u64,
        /// The answer.
        result: Result<Response, ApiError>,
    },
}

impl From<machine::Output> for Output {
    fn from(output: machine::Output) -> Self {
        Self::Machine(output)
    }
}

impl From<net::Output> for Output {
    fn from(output: net::Output) -> Self {
        Self::Net(output)
    }
}

/// A client that follows changes.
#[derive(Clone, Debug)]
struct Watcher {
    request: Arc<Request>,
    selector: Selector,
}

/// A Kubernetes cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// All objects.
    pub store: Store,
    /// kube-controller-manager.
    pub controllers: Manager,
    /// kube-scheduler.
    pub scheduler: scheduler::Scheduler,
    streams: BTreeMap<Process, Streams>,
    watchers: BTreeMap<u64, Watcher>,
    recorders: Recorders,
    /// The kubelets by node, each shared with checkpoints until it acts again.
    kubelets: Shelf<Arc<str>, Arc<kubelet::Kubelet>>,
    /// The kube-proxies by node, shared in the same way.
    proxies: Shelf<Arc<str>, Arc<proxy::Proxy>>,
    /// CoreDNS.
    dns: cluster_dns::ClusterDns,
    /// Nodes in the order in which they came.
    joined: Vec<Arc<str>>,
    /// Clients that a kubelet serves, by ticket.
    served: BTreeMap<u64, Arc<str>>,
    /// Changes of the store that were already sent to the caches.
    sent: u64,
    /// Whether metrics-server runs.
    scraping: bool,
    /// Events in the order in which they came, and the moment at which they are forgotten.
    expiring: Shelf<u64, (SimTime, api::object::Key)>,
    /// Nodes whose processes do not reach the API server.
    cut: reach::CutOffs,
    /// When components died that have not started again.
    died: BTreeMap<Process, SimTime>,
    /// What waits for a process that is stopped in place.
    parked: BTreeMap<Process, Vec<Input>>,
}

impl Cluster {
    /// A cluster with these nodes, ready.
    #[must_use]
    pub fn new(nodes: &[NodeSpec], cx: &mut Cx<'_, Output>) -> Self {
        let mut cluster = Self::default();
        for process in [Process::ControllerManager, Process::Scheduler, Process::Dns] {
            cluster.streams.insert(process, Streams::default());
        }
        node::bootstrap(&mut cluster, cx);
        for spec in nodes {
            cluster.add_node(spec, cx);
        }
        cluster.prime(cx);
        cluster
    }

    /// The digest of all objects and of what else of the cluster can be observed.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        let Self {
            store,
            watchers,
            joined,
            served,
            sent,
            scraping,
            expiring,
            cut,
            died,
            parked,
            // What only a component remembers shows in what it does.
            controllers: _,
            scheduler: _,
            streams: _,
            recorders: _,
            kubelets: _,
            proxies: _,
            dns: _,
        } = self;
        let watched = watchers.keys().collect::<Vec<_>>();
        let parked = parked.iter().map(|(process, inputs)| (process, inputs.len()));
        let cut = cut.keys().collect::<Vec<_>>();
        let down = (cut, died, parked.collect::<Vec<_>>());
        let counts = (sent, expiring.len(), scraping);
        mixer::of(&(store.digest(reading), joined, served, watched, down, counts))
    }

    /// One wake.
    pub fn step(
        &mut self,
        input: Input,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(input) = self.unless_halted(input, cx) else { return };
        match input {
            Input::Ask { ticket, request } => self.ask(ticket, *request, machines, cx),
            Input::Arrived { ticket, request } => self.arrived(ticket, *request, machines, cx),
            Input::Rewired => self.rewired(cx),
            Input::Power { process, turn } => self.turn(&process, turn, fabric, cx),
            Input::Forget { ticket } => {
                self.watchers.remove(&ticket);
                self.stop_serving(ticket, cx);
            }
            Input::Notice(notice) => self.notice(notice, machines, fabric, cx),
            Input::Deliver(process) => self.deliver(&process, machines, fabric, cx),
            Input::Call(tag) => self.call(tag, cx),
            Input::Request { from, tag, request, why } => {
                let actor = actor_of(&from);
                let result = match reach::for_component(from.place(), CALL_PATIENCE, cx) {
                    Ok(_) => self.serve(&request, actor, why, cx),
                    Err((_, error)) => Err(error),
                };
                self.answer(&from, tag, result, machines, fabric, cx);
            }
            Input::Say { component, host, say } => self.tell(component, &host, &say, cx),
            Input::Scrape => self.scrape(machines, cx),
            Input::Controllers(input) => {
                let wishes = self.controllers.step(input, cx);
                self.grant(wishes, cx);
            }
            Input::Scheduler(input) => self.schedule(input, cx),
            Input::Node(node, input) => self.node_step(&node, *input, machines, fabric, cx),
            Input::Answer { tag, answer } => self.net_answer(tag, answer, machines, fabric, cx),
            Input::KubeletPower { node, running } => self.switch_kubelet(&node, running, cx),
        }
    }

    /// Changes from the n-th on, with their moments: what a recorder of watches would write.
    pub fn changes_after(&self, n: u64) -> impl DoubleEndedIterator<Item = &Arc<Change>> {
        self.store.changes_from(n)
    }

    /// When the kubelet tries again to start the container of a pod that waits longest for it.
    #[must_use]
    pub fn retry_at(&self, pod: &k8s_openapi::api::core::v1::Pod, now: SimTime) -> Option<SimTime> {
        let kubelet = self.kubelets.get(pod.spec.as_ref()?.node_name.as_deref()?)?;
        let worker = kubelet.workers.get(pod.metadata.uid.as_deref()?)?;
        let statuses = pod.status.as_ref()?.container_statuses.iter().flatten();
        let waits = statuses.filter(|s| s.state.as_ref().is_some_and(|s| s.waiting.is_some()));
        let until = waits.filter_map(|s| {
            let last = s.last_state.as_ref().and_then(|s| s.terminated.as_ref());
            let ended = last.and_then(|t| t.finished_at.as_ref()).map(clock::sim_time);
            worker.held_until(&s.name, ended, &kubelet.node, now)
        });
        until.max()
    }

    /// A client's request.
    fn ask(&mut self, ticket: u64, request: Request, machines: &Machines, cx: &mut Cx<'_, Output>) {
        self.expire(cx);
        match reach::for_client(cx) {
            Ok(SimDuration::ZERO) => {}
            Ok(extra) => {
                let arrived = Input::Arrived { ticket, request: Box::new(request) };
                cx.emit_after(extra, Output::Again(arrived));
                return;
            }
            Err((wait, error)) => {
                cx.emit_after(wait, Output::Reply { ticket, result: Err(error) });
                return;
            }
        }
        self.arrived(ticket, request, machines, cx);
    }

    /// A client's request has arrived.
    fn arrived(
        &mut self,
        ticket: u64,
        request: Request,
        machines: &Machines,
        cx: &mut Cx<'_, Output>,
    ) {
        if request.verb == Verb::Watch {
            let from = request.options.since;
            let since = from.unwrap_or(u64::MAX);
            let text = |s: &Option<String>| s.clone().unwrap_or_default();
            let options = &request.options;
            let labels = text(&options.label_selector);
            let parsed = Selector::parse(request.kind, &labels, &text(&options.field_selector));
            let selector = match parsed {
                Ok(selector) => selector,
                Err(error) => {
                    cx.emit(Output::Reply { ticket, result: Err(error) });
                    return;
                }
            };
            let watcher = Watcher { request: Arc::new(request), selector };
            let missed: Vec<Arc<Change>> =
                self.store.changes_from(0).filter(|c| c.revision > since).cloned().collect();
            for change in missed {
                if let Some(response) = watched(&watcher, &change) {
                    cx.emit(Output::Reply { ticket, result: Ok(response) });
                }
            }
            if from.is_none() {
                for (_, entry) in self.store.list(watcher.request.kind) {
                    if let Some(response) = present(&watcher, &entry.object) {
                        cx.emit(Output::Reply { ticket, result: Ok(response) });
                    }
                }
            }
            self.watchers.insert(ticket, watcher);
            return;
        }
        if matches!(request.subresource, Subresource::Log | Subresource::Exec) {
            if let Err(error) = self.pass_on(ticket, request, machines, cx) {
                cx.emit(Output::Reply { ticket, result: Err(error) });
            }
            return;
        }
        let why = asked(request.verb);
        let result = self.serve(&request, Actor::only("you"), why, cx);
        let conflict = result.as_ref().is_err_and(|e| e.code == 409);
        if conflict && request.subresource == Subresource::Eviction {
            let extra = cx.stream("eviction-retry", "").between(0, EVICTION_RETRY.0 / 10);
            let again = Input::Ask { ticket, request: Box::new(request) };
            cx.emit_after(SimDuration(EVICTION_RETRY.0 + extra), Output::Again(again));
            return;
        }
        cx.emit(Output::Reply { ticket, result });
    }

    /// Serve a request now; the changes set out to the caches.
    pub fn serve(
        &mut self,
        request: &Request,
        actor: Actor,
        why: Option<Message>,
        cx: &mut Cx<'_, Output>,
    ) -> Result<Response, ApiError> {
        let before = self.store.changes();
        // The entry is written after the change is known, but the change names it as its cause.
        let by = match why {
            Some(_) => TraceId(cx.trace.last_id().0 + 1),
            None => cx.cause,
        };
        let rng = cx.rng.stream("apiserver", "");
        let result = api::server::handle(&mut self.store, request, cx.now, rng, by);
        if self.store.changes() > before {
            if let Some(why) = why {
                let first = self.store.changes_from(before).next();
                let subject = first.map_or(Subject::new(""), |change| {
                    Subject::object(change.kind.name(), &change.key.namespace, &change.key.name)
                });
                let cause = cx.cause;
                let why = match first.filter(|_| actor.name == "you") {
                    Some(change) => {
                        let object = format!("{}/{}", change.kind.name(), change.key.name);
                        why.with("object", object.as_str())
                    }
                    None => why,
                };
                cx.record(actor, subject, why);
                self.fan_out(cx);
                cx.cause = cause;
            } else {
                self.fan_out(cx);
            }
        }
        result
    }

    /// Send new changes of the store to everyone who follows them.
    fn fan_out(&mut self, cx: &mut Cx<'_, Output>) {
        let changes: Vec<Arc<Change>> = self.store.changes_from(self.sent).cloned().collect();
        self.sent = self.store.changes();
        for change in changes {
            self.config_change(&change, cx);
            self.metrics_server(&change, cx);
            let lost = cx.faults.sabotaged(Sabotage::LostWatchEvent)
                && change.kind == kinds::Kind::Pod
                && change.new.is_none();
            for process in self.followers(&change).into_iter().filter(|_| !lost) {
                let way = self.way_to(&process, cx);
                let Some(streams) = self.streams.get_mut(&process) else { continue };
                match way {
                    reach::Way::Open => {}
                    reach::Way::Stalled => {
                        streams.hold(change.clone());
                        continue;
                    }
                    reach::Way::Gone => continue,
                }
                let lag = cx.latency(&WATCH_LAG, process.label());
                if let Some(at) = streams.send(change.clone(), cx.now + lag) {
                    cx.emit_at(at, Output::Again(Input::Deliver(process)));
                }
            }
            for (ticket, watcher) in &self.watchers {
                if let Some(response) = watched(watcher, &change) {
                    let reply = Output::Reply { ticket: *ticket, result: Ok(response) };
                    let lag = SimDuration(WATCH_LAG.quantiles_us[2]);
                    cx.out.push((lag, change.by, reply));
                }
            }
        }
    }

    /// The processes that follow a change.
    fn followers(&self, change: &Change) -> Vec<Process> {
        let mut all = vec![Process::ControllerManager, Process::Scheduler, Process::Dns];
        all.retain(|process| follows(process, change));
        if change.kind == kinds::Kind::Pod {
            let mut nodes: Vec<&str> = [&change.old, &change.new]
                .into_iter()
                .filter_map(|o| watch::node_of(o.as_deref()?))
                .collect();
            nodes.dedup();
            all.extend(nodes.into_iter().map(|node| Process::Kubelet(node.into())));
        } else if matches!(change.kind, kinds::Kind::Service | kinds::Kind::EndpointSlice) {
            all.extend(self.joined.iter().map(|node| Process::Proxy(node.clone())));
        } else if change.kind == kinds::Kind::Node {
            all.push(Process::Kubelet(change.key.name.clone()));
        }
        all
    }

    /// Changes have reached a process.
    fn deliver(
        &mut self,
        process: &Process,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        if matches!(self.way_to(process, cx), reach::Way::Stalled) {
            return;
        }
        let Some(streams) = self.streams.get_mut(process) else { return };
        let (changes, wake) = streams.receive(cx.now);
        if let Some(at) = wake {
            cx.emit_at(at, Output::Again(Input::Deliver(process.clone())));
        }
        if changes.is_empty() {
            return;
        }
        match process {
            Process::ControllerManager => {
                let wishes = self.controllers.changes(&changes, cx);
                self.grant(wishes, cx);
            }
            Process::Scheduler => {
                let wishes = self.scheduler.changes(&changes, cx);
                self.grant_scheduler(wishes, cx);
            }
            Process::Kubelet(_) | Process::Proxy(_) | Process::Dns => {
                self.node_changes(process, &changes, machines, fabric, cx);
            }
        }
    }

    /// A call of kube-controller-manager reaches the server.
    fn call(&mut self, tag: u64, cx: &mut Cx<'_, Output>) {
        let Some((name, call, cause)) = self.controllers.request(tag) else { return };
        let (request, why) = (call.request.clone(), call.why.clone());
        // Several syncs begin at one moment: each call goes on from the cause of its own.
        cx.cause = cause;
        let from = Process::ControllerManager;
        let result = match reach::for_component(from.place(), CALL_PATIENCE, cx) {
            Ok(_) => self.serve(&request, Actor::only(name), why, cx),
            Err((_, error)) => Err(error),
        };
        let wishes = self.controllers.answered(tag, &result, cx);
        self.grant(wishes, cx);
    }

    /// The answer to a component's request.
    fn answer(
        &mut self,
        to: &Process,
        tag: u64,
        result: Result<Response, ApiError>,
        _machines: &mut Machines,
        _fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        match to {
            Process::Scheduler => {
                let wishes = self.scheduler.answered(tag, &result, cx);
                self.grant_scheduler(wishes, cx);
            }
            Process::ControllerManager | Process::Kubelet(_) | Process::Proxy(_) | Process::Dns => {
            }
        }
    }

    fn notice(
        &mut self,
        notice: machine::Notice,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        self.runtime_notice(notice, machines, fabric, cx);
    }

    fn schedule(&mut self, input: scheduler::Input, cx: &mut Cx<'_, Output>) {
        let wishes = self.scheduler.step(input, cx);
        self.grant_scheduler(wishes, cx);
    }

    fn grant(&mut self, wishes: Vec<Wish>, cx: &mut Cx<'_, Output>) {
        for wish in wishes {
            match wish {
                Wish::Again(delay, input) => {
                    cx.emit_after(delay, Output::Again(Input::Controllers(input)));
                }
                Wish::Call(delay, tag) => cx.emit_after(delay, Output::Again(Input::Call(tag))),
                Wish::Say(component, say) => self.tell(component, "", &say, cx),
            }
        }
    }

    fn grant_scheduler(&mut self, wishes: Vec<scheduler::Wish>, cx: &mut Cx<'_, Output>) {
        for wish in wishes {
            match wish {
                scheduler::Wish::Again(delay, input) => {
                    cx.emit_after(delay, Output::Again(Input::Scheduler(input)));
                }
                scheduler::Wish::Request { after, tag, request, why } => {
                    let from = Process::Scheduler;
                    let input = Input::Request { from, tag, request, why };
                    cx.emit_after(after, Output::Again(input));
                }
                scheduler::Wish::Say(say) => self.tell(scheduler::NAME, "", &say, cx),
            }
        }
    }

    /// Write an event object.
    pub fn tell(
        &mut self,
        component: &'static str,
        host: &str,
        say: &events::Say,
        cx: &mut Cx<'_, Output>,
    ) {
        let written = self.recorders.write(&mut self.store, component, host, say, cx);
        if let Some(key) = written {
            let number = self.expiring.last_key_value().map_or(0, |(last, _)| last + 1);
            self.expiring.edit().insert(number, (cx.now + recorder::EVENT_TTL, key));
            self.expire(cx);
        }
        self.fan_out(cx);
    }

    /// Forget events after an hour.
    fn expire(&mut self, cx: &Cx<'_, Output>) {
        while self.expiring.first_key_value().is_some_and(|(_, (at, _))| *at <= cx.now) {
            let Some((_, (_, key))) = self.expiring.edit().pop_first() else { break };
            if self.store.get(kinds::Kind::Event, &key).is_some() {
                self.store.commit(kinds::Kind::Event, &key, None, cx.now, TraceId::NONE);
            }
        }
    }

    /// Bring all caches up to what the store holds, at once.
    fn prime(&mut self, cx: &mut Cx<'_, Output>) {
        let changes: Vec<Arc<Change>> = self.store.changes_from(self.sent).cloned().collect();
        self.sent = self.store.changes();
        let of = |process: &Process| -> Vec<Arc<Change>> {
            changes.iter().filter(|c| follows(process, c)).cloned().collect()
        };
        let wishes = self.controllers.changes(&of(&Process::ControllerManager), cx);
        self.grant(wishes, cx);
        let wishes = self.scheduler.changes(&of(&Process::Scheduler), cx);
        self.grant_scheduler(wishes, cx);
    }
}

/// Who a process is in the trace.
fn actor_of(process: &Process) -> Actor {
    match process {
        Process::ControllerManager => Actor::only("kube-controller-manager"),
        Process::Scheduler => Actor::only("kube-scheduler"),
        Process::Kubelet(node) => Actor::on("kubelet", node.clone()),
        Process::Proxy(node) => Actor::on("kube-proxy", node.clone()),
        Process::Dns => Actor::only("coredns"),
    }
}

/// What the trace says of a client's request.
fn asked(verb: Verb) -> Option<Message> {
    match verb {
        Verb::Get | Verb::List | Verb::Watch => None,
        Verb::Create => Some(Message::new("why-kube-asked-create")),
        Verb::Update | Verb::Patch => Some(Message::new("why-kube-asked-change")),
        Verb::Delete | Verb::DeleteCollection => Some(Message::new("why-kube-asked-delete")),
    }
}

/// What a watcher without a revision sees first.
fn present(watcher: &Watcher, object: &Arc<api::object::Object>) -> Option<Response> {
    let request = &watcher.request;
    let key = api::object::Key::of(object);
    let in_namespace = request.namespace.as_ref().is_none_or(|ns| *ns == key.namespace);
    let named = request.name.as_ref().is_none_or(|name| *name == key.name);
    let seen = in_namespace && named && watcher.selector.matches(object);
    seen.then(|| Response::Watch(WatchKind::Added, object.clone()))
}

/// What a watcher sees of a change.
fn watched(watcher: &Watcher, change: &Change) -> Option<Response> {
    let request = &watcher.request;
    let in_namespace = request.namespace.as_ref().is_none_or(|ns| *ns == change.key.namespace);
    let named = request.name.as_ref().is_none_or(|name| *name == change.key.name);
    if request.kind != change.kind || !in_namespace || !named {
        return None;
    }
    let matches = |object: &Option<Arc<api::object::Object>>| {
        object.as_ref().filter(|o| watcher.selector.matches(o)).cloned()
    };
    match (matches(&change.old), matches(&change.new)) {
        (None, Some(new)) => Some(Response::Watch(WatchKind::Added, new)),
        (Some(_), Some(new)) => Some(Response::Watch(WatchKind::Modified, new)),
        (Some(old), None) => Some(Response::Watch(WatchKind::Deleted, old)),
        (None, None) => None,
    }
}
