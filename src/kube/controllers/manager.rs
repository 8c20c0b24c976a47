//! kube-controller-manager: its caches, and the execution of the controllers' plans.
//!
//! Models the process as a whole: one cache for all controllers, one work queue, recorder and
//! throttled client per controller (`--kube-api-qps 20`, `--kube-api-burst 30` per client).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::engine::sabotage::Sabotage;
use crate::engine::trace::{Actor, Subject, TraceId};
use crate::engine::work::{Next, Run, Throttle, WorkQueue};
use crate::kube::api::request::{ApiError, Response};
use crate::kube::api::store::Change;
use crate::kube::controllers::{CONTROLLERS, Call, Memory, Plan, Sync};
use crate::kube::events::Say;
use crate::kube::informer::{Item, View};
use crate::kube::metrics::Metrics;
use crate::kube::watch::Process;

/// Requests a second of a client (`cmd/kube-controller-manager` default `--kube-api-qps`; recorded:
/// a ReplicaSet of 340 pods made 19 a second).
const CLIENT_QPS: u64 = 20;
/// Requests at once of a client (`--kube-api-burst`).
const CLIENT_BURST: u64 = 30;

/// From a key in the queue to the start of its sync.
const WORK_PICKUP: Latency = Latency {
    name: "work-pickup",
    quantiles_us: [50, 100, 200, 400, 1_500],
    source: "a goroutine takes a key at once; spread of the Go scheduler under light load",
};

/// One request to the API server and its answer.
pub const API_CALL: Latency = Latency {
    name: "api-call",
    quantiles_us: [1_500, 2_500, 3_500, 5_000, 15_000],
    source: "etcd write with fsync on an SSD plus request handling; recorded gaps of an idle cluster",
};

/// What wakes the manager.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Workers look at their queues.
    Work,
    /// A delayed key is due.
    Due {
        /// Place of the controller in the list.
        controller: u8,
        /// The key.
        item: Item,
    },
}

/// What the manager wants of the cluster.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Come back with this input after a delay.
    Again(SimDuration, Input),
    /// Send a request; it reaches the server after a delay.
    Call(SimDuration, u64),
    /// Tell something.
    Say(&'static str, Say),
}

#[derive(Clone, Debug)]
struct Desk {
    queue: WorkQueue<Item>,
    memory: Memory,
    throttle: Throttle,
}

#[derive(Clone, Debug)]
struct Working {
    controller: usize,
    run: Run<Item, Call>,
    /// The second phase has begun.
    second: bool,
    retry: bool,
    again: Option<SimDuration>,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Manager {
    /// What it has seen.
    pub view: View,
    /// What the metrics API answers, if there is one.
    pub metrics: Option<Arc<Metrics>>,
    desks: Vec<Desk>,
    runs: BTreeMap<u64, Working>,
    sent: BTreeMap<u64, (u64, Arc<Call>)>,
    next: u64,
    work_pending: bool,
}

impl Default for Manager {
    fn default() -> Self {
        let desks = CONTROLLERS
            .iter()
            .map(|c| Desk {
                queue: WorkQueue::new(c.workers()),
                memory: Memory::default(),
                throttle: Throttle::new(CLIENT_QPS, CLIENT_BURST),
            })
            .collect();
        Self {
            view: View::default(),
            metrics: None,
            desks,
            runs: BTreeMap::new(),
            sent: BTreeMap::new(),
            next: 0,
            work_pending: false,
        }
    }
}

impl Manager {
    /// Changes have reached the caches.
    pub fn changes<O>(&mut self, changes: &[Arc<Change>], cx: &mut Cx<'_, O>) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for change in changes {
            self.view.apply(change);
            cx.cause = change.by;
            for (at, controller) in CONTROLLERS.iter().enumerate() {
                let Some(desk) = self.desks.get_mut(at) else { continue };
                let mut sync = Sync {
                    view: &self.view,
                    now: cx.now,
                    memory: &mut desk.memory,
                    metrics: self.metrics.as_deref(),
                };
                for (item, delay) in controller.wakes(change, &mut sync) {
                    if delay == SimDuration::ZERO {
                        desk.queue.add(item, change.by);
                    } else {
                        later(desk, at, item, delay, cx.now, &mut wishes);
                    }
                }
            }
        }
        self.arrange_work(cx, &mut wishes);
        wishes
    }

    /// A wake.
    pub fn step<O>(&mut self, input: Input, cx: &mut Cx<'_, O>) -> Vec<Wish> {
        let mut wishes = Vec::new();
        match input {
            Input::Due { controller, item } => {
                if let Some(desk) = self.desks.get_mut(usize::from(controller)) {
                    desk.queue.due(&item, cx.now, cx.cause);
                }
                self.arrange_work(cx, &mut wishes);
            }
            Input::Work => {
                self.work_pending = false;
                self.work(cx, &mut wishes);
            }
        }
        wishes
    }

    /// The request of a call sent earlier, who sends it, why, and what caused it.
    #[must_use]
    pub fn request(&self, tag: u64) -> Option<(&'static str, &Call, TraceId)> {
        let (run, call) = self.sent.get(&tag)?;
        let working = self.runs.get(run)?;
        let controller = CONTROLLERS.get(working.controller)?;
        Some((controller.name(), call, working.run.cause))
    }

    /// The answer to a call.
    pub fn answered<O>(
        &mut self,
        tag: u64,
        result: &Result<Response, ApiError>,
        cx: &mut Cx<'_, O>,
    ) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let Some((run_id, call)) = self.sent.remove(&tag) else { return wishes };
        let Some(working) = self.runs.get_mut(&run_id) else { return wishes };
        cx.cause = working.run.cause;
        let Some(controller) = CONTROLLERS.get(working.controller) else { return wishes };
        let Some(desk) = self.desks.get_mut(working.controller) else { return wishes };
        let forgiven = |e: &ApiError| call.forgive.contains(&e.reason);
        let ok = result.as_ref().err().is_none_or(forgiven);
        match result {
            Ok(response) => {
                if let Some(say) = &call.ok {
                    wishes.push(Wish::Say(controller.name(), fill(say, name_in(response))));
                }
            }
            Err(error) => {
                if let Some(say) = call.err.as_ref().filter(|_| !ok) {
                    wishes.push(Wish::Say(controller.name(), fill(say, &error.message)));
                }
            }
        }
        let mut sync = Sync {
            view: &self.view,
            now: cx.now,
            memory: &mut desk.memory,
            metrics: self.metrics.as_deref(),
        };
        controller.answered(&working.run.key, &call, result, &mut sync);
        working.run.answered(ok);
        self.advance(run_id, cx, &mut wishes);
        self.arrange_work(cx, &mut wishes);
        wishes
    }

    fn arrange_work<O>(&mut self, cx: &mut Cx<'_, O>, wishes: &mut Vec<Wish>) {
        if self.work_pending || !self.desks.iter().any(|d| d.queue.can_take()) {
            return;
        }
        self.work_pending = true;
        let delay = cx.latency(&WORK_PICKUP, Process::ControllerManager.label());
        wishes.push(Wish::Again(delay, Input::Work));
    }

    /// Every idle worker takes a key.
    fn work<O>(&mut self, cx: &mut Cx<'_, O>, wishes: &mut Vec<Wish>) {
        for (at, controller) in CONTROLLERS.iter().enumerate() {
            while let Some((item, cause)) = self.desks.get_mut(at).and_then(|d| d.queue.take()) {
                cx.cause = cause;
                let Some(desk) = self.desks.get_mut(at) else { break };
                let mut sync = Sync {
                    view: &self.view,
                    now: cx.now,
                    memory: &mut desk.memory,
                    metrics: self.metrics.as_deref(),
                };
                let plan = match controller.name() {
                    "generic-garbage-collector"
                        if cx.faults.sabotaged(Sabotage::NoGarbageCollector) =>
                    {
                        Plan::none()
                    }
                    _ => controller.reconcile(&item, &mut sync),
                };
                self.next += 1;
                let working = Working {
                    controller: at,
                    run: Run::new(item, cause, Vec::new()),
                    second: false,
                    retry: false,
                    again: None,
                };
                let id = self.next;
                self.runs.insert(id, working);
                self.begin(id, plan, cx, wishes);
                self.advance(id, cx, wishes);
            }
        }
    }

    /// Take a plan over into its run.
    fn begin<O>(&mut self, id: u64, plan: Plan, cx: &mut Cx<'_, O>, wishes: &mut Vec<Wish>) {
        let Some(working) = self.runs.get_mut(&id) else { return };
        let Some(controller) = CONTROLLERS.get(working.controller) else { return };
        working.retry |= plan.retry;
        working.again = match (working.again, plan.again) {
            (Some(a), Some(b)) => Some(SimDuration(a.0.min(b.0))),
            (a, b) => a.or(b),
        };
        working.run.extend(plan.steps);
        wishes.extend(plan.says.into_iter().map(|say| Wish::Say(controller.name(), say)));
        if let Some(desk) = self.desks.get_mut(working.controller) {
            for (subject, what) in plan.notes {
                note(controller.name(), &mut desk.memory, subject, what, cx);
            }
        }
    }

    /// Send what is next of a run, or end it.
    fn advance<O>(&mut self, id: u64, cx: &mut Cx<'_, O>, wishes: &mut Vec<Wish>) {
        loop {
            let Some(working) = self.runs.get_mut(&id) else { return };
            let Some(desk) = self.desks.get_mut(working.controller) else { return };
            match working.run.advance() {
                Next::Wait => return,
                Next::Send(calls) => {
                    for call in calls {
                        let wait = desk.throttle.take(cx.now);
                        let way = cx.latency(&API_CALL, Process::ControllerManager.label());
                        self.next += 1;
                        self.sent.insert(self.next, (id, Arc::new(call)));
                        wishes.push(Wish::Call(wait + way, self.next));
                    }
                    return;
                }
                Next::Over { failed } => {
                    working.retry |= failed;
                    if working.second {
                        self.end(id, cx, wishes);
                        return;
                    }
                    working.second = true;
                    let Some(controller) = CONTROLLERS.get(working.controller) else { return };
                    let item = working.run.key.clone();
                    let mut sync = Sync {
                        view: &self.view,
                        now: cx.now,
                        memory: &mut desk.memory,
                        metrics: self.metrics.as_deref(),
                    };
                    let plan = controller.after(&item, failed, &mut sync);
                    self.begin(id, plan, cx, wishes);
                }
            }
        }
    }

    fn end<O>(&mut self, id: u64, cx: &Cx<'_, O>, wishes: &mut Vec<Wish>) {
        let Some(working) = self.runs.remove(&id) else { return };
        let Some(desk) = self.desks.get_mut(working.controller) else { return };
        let item = working.run.key;
        if working.retry {
            let delay = desk.queue.failed(&item);
            later(desk, working.controller, item.clone(), delay, cx.now, wishes);
        } else {
            desk.queue.forget(&item);
            if let Some(delay) = working.again {
                later(desk, working.controller, item.clone(), delay, cx.now, wishes);
            }
        }
        desk.queue.done(&item);
    }
}

fn later(
    desk: &mut Desk,
    controller: usize,
    item: Item,
    delay: SimDuration,
    now: SimTime,
    wishes: &mut Vec<Wish>,
) {
    if desk.queue.add_at(item.clone(), now + delay) {
        let controller = u8::try_from(controller).unwrap_or(u8::MAX);
        wishes.push(Wish::Again(delay, Input::Due { controller, item }));
    }
}

/// Note a decision once, until another takes its place.
fn note<O>(
    actor: &'static str,
    memory: &mut Memory,
    subject: Subject,
    what: Message,
    cx: &mut Cx<'_, O>,
) {
    if memory.noted.get(&subject) == Some(&what) {
        return;
    }
    memory.noted.insert(subject.clone(), what.clone());
    cx.note(Actor::only(actor), subject, what);
}

fn fill(say: &Say, with: &str) -> Say {
    let mut say = say.clone();
    say.message = say.message.replace("{}", with);
    say
}

fn name_in(response: &Response) -> &str {
    match response {
        Response::Object(object) | Response::Warned(object, _) => {
            object.meta().name.as_deref().unwrap_or("")
        }
        Response::List { .. }
        | Response::Watch(..)
        | Response::Text(_)
        | Response::ErrText(_)
        | Response::Value(_)
        | Response::Done { .. } => "",
    }
}
