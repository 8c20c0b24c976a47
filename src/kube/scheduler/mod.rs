//! kube-scheduler: the process. One pod after the other gets a node; bindings run beside.
//!
//! Models kubernetes `pkg/scheduler/{scheduler,schedule_one,eventhandlers}.go` @v1.36
//! (handbook kubernetes-scheduler). An attempt itself takes no virtual time; attempts are paced.
//! Left out: extenders, profiles other than the default, Permit, dynamic resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::base::message::Message;
use crate::base::shelf::Shelf;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::trace::{Actor, Subject};
use crate::engine::work::Throttle;
use crate::kube::api::object::Key;
use crate::kube::api::request::{ApiError, Body, Request, Response, Subresource, Verb};
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{delete, patch_status};
use crate::kube::controllers::manager::API_CALL;
use crate::kube::events::{Regarding, Say};
use crate::kube::informer::View;
use crate::kube::kinds::Kind;

pub mod pod;
pub mod cache;
pub mod queue;
pub mod hints;
pub mod plugins;
pub mod fit_error;
pub mod preemption;
pub mod surroundings;
pub mod cycle;

use cache::Cache;
use cycle::{Outcome, Verdict};
use hints::{Happening, helps};
use pod::{PodInfo, Resources};
use preemption::Preemption;
use queue::Queue;

/// Name of the component.
pub const NAME: &str = "default-scheduler";

/// Requests a second of its client (`--kube-api-qps` of kube-scheduler; measured: PERF.md run A).
const CLIENT_QPS: u64 = 50;
/// Requests at once (`--kube-api-burst`).
const CLIENT_BURST: u64 = 100;
/// Attempts kept for "why not".
const MAX_VERDICTS: usize = 2_000;

/// One attempt, from taking the pod to being ready for the next.
const CYCLE: Latency = Latency {
    name: "scheduling-cycle",
    quantiles_us: [500, 900, 1_400, 2_200, 6_000],
    source: "4.2–4.4 ms of CPU a pod on two busy cores (PERF.md A, B), most of it client and events",
};

/// What wakes the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Take the next pod.
    Next,
    /// Look whose wait is over.
    Flush,
}

/// What the scheduler wants of the cluster.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Come back with this input after a delay.
    Again(SimDuration, Input),
    /// Send a request.
    Request {
        /// Delay until it reaches the server.
        after: SimDuration,
        /// Comes back with the answer.
        tag: u64,
        /// The request.
        request: Box<Request>,
        /// Why.
        why: Option<Message>,
    },
    /// Tell something.
    Say(Say),
}

/// A request under way.
#[derive(Clone, Debug)]
enum Sent {
    Bind(Arc<PodInfo>, Arc<str>),
    Other,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Scheduler {
    /// What it has seen, apart from pods and nodes.
    view: View,
    /// Nodes and what runs on them.
    pub cache: Cache,
    queue: Queue,
    /// Last seen of each pod.
    pods: Shelf<Key, Arc<PodInfo>>,
    namespaces: BTreeMap<Arc<str>, BTreeMap<String, String>>,
    nominated: BTreeMap<Arc<str>, (Arc<str>, Arc<PodInfo>)>,
    verdicts: Shelf<Key, Arc<Verdict>>,
    /// Keys of the verdicts, oldest first.
    remembered: std::collections::VecDeque<Key>,
    throttle: Throttle,
    sent: BTreeMap<u64, Sent>,
    tag: u64,
    start: u32,
    next_pending: bool,
    flush_at: Option<SimTime>,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self {
            view: View::default(),
            cache: Cache::default(),
            queue: Queue::default(),
            pods: Shelf::default(),
            namespaces: BTreeMap::new(),
            nominated: BTreeMap::new(),
            verdicts: Shelf::default(),
            remembered: std::collections::VecDeque::new(),
            throttle: Throttle::new(CLIENT_QPS, CLIENT_BURST),
            sent: BTreeMap::new(),
            tag: 0,
            start: 0,
            next_pending: false,
            flush_at: None,
        }
    }
}

impl Scheduler {
    /// What the last attempt for a pod found out.
    #[must_use]
    pub fn verdict(&self, pod: &Key) -> Option<&Arc<Verdict>> {
        self.verdicts.get(pod)
    }

    /// Changes have reached the caches.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the view sorts the other kinds itself")]
    pub fn changes<O>(&mut self, changes: &[Arc<Change>], cx: &mut Cx<'_, O>) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for change in changes {
            cx.cause = change.by;
            match change.kind {
                Kind::Pod => self.pod_changed(change, cx),
                Kind::Node => self.node_changed(change, cx),
                Kind::Namespace => self.namespace_changed(change),
                Kind::PersistentVolume | Kind::PersistentVolumeClaim | Kind::StorageClass => {
                    self.view.apply(change);
                    let happening = Happening::Storage;
                    self.queue.moved(cx.now, change.by, |w| helps(w, happening));
                }
                _ => self.view.apply(change),
            }
        }
        self.arrange(cx, &mut wishes);
        wishes
    }

    /// A wake.
    pub fn step<O>(&mut self, input: Input, cx: &mut Cx<'_, O>) -> Vec<Wish> {
        let mut wishes = Vec::new();
        match input {
            Input::Next => {
                self.next_pending = false;
                self.queue.flush(cx.now);
                if let Some(waiting) = self.queue.pop() {
                    cx.cause = waiting.cause;
                    self.schedule(&waiting, cx, &mut wishes);
                }
            }
            Input::Flush => {
                if self.flush_at.is_some_and(|at| at <= cx.now) {
                    self.flush_at = None;
                }
                self.queue.flush(cx.now);
                self.queue.flush_pool(cx.now);
            }
        }
        self.arrange(cx, &mut wishes);
        wishes
    }

    /// The answer to a request.
    pub fn answered<O>(
        &mut self,
        tag: u64,
        result: &Result<Response, ApiError>,
        cx: &mut Cx<'_, O>,
    ) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let Some(Sent::Bind(pod, node)) = self.sent.remove(&tag) else { return wishes };
        match result {
            Ok(_) => {
                let text =
                    format!("Successfully assigned {}/{} to {node}", pod.namespace, pod.name);
                wishes.push(Wish::Say(say(&pod, false, "Scheduled", text)));
                self.queue.remove(&pod.uid);
                self.nominated.remove(&pod.uid);
            }
            Err(error) => {
                if self.cache.is_assumed(&pod.uid) {
                    self.cache.unplace(&pod.uid);
                }
                if error.is_not_found() {
                    self.queue.remove(&pod.uid);
                } else {
                    let text = format!("binding rejected: {}", error.message);
                    wishes.push(Wish::Say(say(&pod, true, "FailedScheduling", text)));
                    self.queue.errored(&pod.uid, cx.now, cx.cause);
                }
            }
        }
        self.arrange(cx, &mut wishes);
        wishes
    }

    fn pod_changed<O>(&mut self, change: &Change, cx: &Cx<'_, O>) {
        let before = self.pods.get(&change.key).cloned();
        let after = change.new.as_deref().and_then(|o| o.get()).map(|p| Arc::new(PodInfo::read(p)));
        // A pod of the same name with another uid is another pod.
        if let Some(old) = before.filter(|old| after.as_ref().is_none_or(|n| n.uid != old.uid)) {
            self.forget(&old, cx);
        }
        let Some(pod) = after else {
            self.pods.edit().remove(&change.key);
            return;
        };
        self.pods.edit().insert(change.key.clone(), pod.clone());
        if pod.finished {
            self.forget(&pod, cx);
        } else if !pod.node.is_empty() {
            let known = self.cache.node_of(&pod.uid).is_some() && !self.cache.is_assumed(&pod.uid);
            self.queue.remove(&pod.uid);
            self.nominated.remove(&pod.uid);
            self.cache.place(pod.clone(), &pod.node, false);
            if !known {
                let happening = Happening::PodPlaced(&pod);
                self.queue.moved(cx.now, cx.cause, |w| helps(w, happening));
            }
        } else if pod.ours && !self.cache.is_assumed(&pod.uid) {
            match &pod.nominated {
                Some(node) => {
                    self.nominated.insert(pod.uid.clone(), (node.clone(), pod.clone()));
                }
                None => {
                    self.nominated.remove(&pod.uid);
                }
            }
            self.queue.add(pod, cx.now, cx.cause);
        }
    }

    /// A pod is gone or finished.
    fn forget<O>(&mut self, pod: &PodInfo, cx: &Cx<'_, O>) {
        self.queue.remove(&pod.uid);
        self.nominated.remove(&pod.uid);
        if self.cache.unplace(&pod.uid).is_some() {
            let happening = Happening::PodLeft(pod);
            self.queue.moved(cx.now, cx.cause, |w| helps(w, happening));
        }
    }

    fn node_changed<O>(&mut self, change: &Change, cx: &Cx<'_, O>) {
        let Some(node) = change.new.as_deref().and_then(|o| o.get()) else {
            self.cache.remove_node(&change.key.name);
            return;
        };
        let before = self.cache.nodes.get(&change.key.name).map(|n| n.facts.clone());
        self.cache.set_node(node);
        let Some(after) = self.cache.nodes.get(&change.key.name).map(|n| n.facts.clone()) else {
            return;
        };
        let before = before.filter(|b| !b.name.is_empty());
        if before.as_ref() == Some(&after) {
            return;
        }
        let happening = Happening::Node { before: before.as_deref(), after: &after };
        self.queue.moved(cx.now, cx.cause, |w| helps(w, happening));
    }

    fn namespace_changed(&mut self, change: &Change) {
        let name = change.key.name.clone();
        match &change.new {
            Some(object) => {
                let labels = object.meta().labels.clone().unwrap_or_default();
                self.namespaces.insert(name, labels);
            }
            None => {
                self.namespaces.remove(&name);
            }
        }
    }

    /// Set the timers that are wanted.
    fn arrange<O>(&mut self, cx: &mut Cx<'_, O>, wishes: &mut Vec<Wish>) {
        if !self.next_pending && self.queue.has_next() {
            self.next_pending = true;
            let delay = cx.latency(&CYCLE, NAME);
            wishes.push(Wish::Again(delay, Input::Next));
        }
        if let Some(at) = self.queue.next_flush().filter(|at| self.flush_at.is_none_or(|f| *at < f))
        {
            self.flush_at = Some(at);
            wishes.push(Wish::Again(at.since(cx.now), Input::Flush));
        }
    }

    fn schedule<O>(
        &mut self,
        waiting: &queue::Waiting,
        cx: &mut Cx<'_, O>,
        wishes: &mut Vec<Wish>,
    ) {
        let pod = &waiting.pod;
        if pod.terminating {
            let text = format!("skip schedule deleting pod: {}/{}", pod.namespace, pod.name);
            wishes.push(Wish::Say(say(pod, true, "FailedScheduling", text)));
            self.queue.remove(&pod.uid);
            return;
        }
        let mut nominated: BTreeMap<Arc<str>, Vec<Arc<PodInfo>>> = BTreeMap::new();
        for (node, other) in self.nominated.values() {
            nominated.entry(node.clone()).or_default().push(other.clone());
        }
        let budgets = surroundings::budgets(&self.view);
        let around = cycle::Surroundings {
            claims: surroundings::claims(&self.view, pod),
            owner_selector: surroundings::owner_selector(&self.view, pod),
            namespaces: &self.namespaces,
            budgets: &budgets,
            nominated: &nominated,
        };
        let mut start = usize::try_from(self.start).unwrap_or(0);
        let blind = cx.faults.sabotaged(Sabotage::NoRequests).then(|| {
            let requests = Resources::default();
            PodInfo { requests, ..(**pod).clone() }
        });
        let seen = blind.as_ref().unwrap_or(pod);
        let unordered = cx.faults.sabotaged(Sabotage::Unordered);
        let rng = cx.rng.stream("schedule", "");
        if unordered {
            for _ in 0..sabotage::outside() % 7 {
                rng.next_u64();
            }
        }
        let (outcome, mut verdict) =
            cycle::attempt(seen, &self.cache, &around, &mut start, cx.now, rng);
        self.start = u32::try_from(start).unwrap_or(0);
        verdict.attempts = waiting.attempts;
        let feasible = verdict
            .nodes
            .iter()
            .filter(|(_, v)| matches!(v, cycle::NodeVerdict::Fits { .. }))
            .count();
        self.remember(Key { namespace: pod.namespace.clone(), name: pod.name.clone() }, verdict);
        match outcome {
            Outcome::Chosen(node) => self.bind(pod, node, feasible, cx, wishes),
            Outcome::Unfit { message, rejected_by, preemption } => {
                self.queue.failed(&pod.uid, rejected_by, cx.now);
                self.refuse(pod, &message, preemption, cx, wishes);
            }
        }
    }

    fn remember(&mut self, key: Key, verdict: Verdict) {
        if self.verdicts.edit().insert(key.clone(), Arc::new(verdict)).is_none() {
            self.remembered.push_back(key);
        }
        while self.remembered.len() > MAX_VERDICTS {
            if let Some(old) = self.remembered.pop_front() {
                self.verdicts.edit().remove(&old);
            }
        }
    }

    fn bind<O>(
        &mut self,
        pod: &Arc<PodInfo>,
        node: Arc<str>,
        feasible: usize,
        cx: &mut Cx<'_, O>,
        wishes: &mut Vec<Wish>,
    ) {
        self.cache.place(pod.clone(), &node, true);
        let mut request = Request::new(Verb::Create, Kind::Pod, &pod.namespace, &pod.name);
        request.subresource = Subresource::Binding;
        request.body = Body::Bind(node.clone());
        request.options.precondition_uid = Some(pod.uid.clone());
        let why = Message::new("why-kube-scheduled")
            .with("node", node.clone())
            .with("feasible", i64::try_from(feasible).unwrap_or(i64::MAX));
        self.send(request, Some(why), Sent::Bind(pod.clone(), node), cx, wishes);
    }

    /// No node fits: tell, mark the pod, and remove less important pods if that helps.
    fn refuse<O>(
        &mut self,
        pod: &Arc<PodInfo>,
        message: &str,
        preemption: Option<Preemption>,
        cx: &mut Cx<'_, O>,
        wishes: &mut Vec<Wish>,
    ) {
        let subject = Subject::object("Pod", &pod.namespace, &pod.name);
        let what = Message::new("why-kube-unschedulable").with("message", message);
        cx.note(Actor::only("kube-scheduler"), subject, what);
        wishes.push(Wish::Say(say(pod, true, "FailedScheduling", fit_error::cut(message))));
        let node = preemption.as_ref().map(|p| p.node.clone());
        let mut status = json!({"conditions": [{
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": null,
            "lastTransitionTime": meta_time(cx.now),
        }]});
        if let (Some(node), Some(fields)) = (&node, status.as_object_mut()) {
            fields.insert("nominatedNodeName".to_owned(), json!(node.as_ref()));
        }
        let unchanged = node.is_none() && pod.unschedulable.as_deref() == Some(message);
        if !unchanged {
            let key = Key { namespace: pod.namespace.clone(), name: pod.name.clone() };
            let request = patch_status(Kind::Pod, &key, json!({"status": status}));
            self.send(request, None, Sent::Other, cx, wishes);
        }
        let Some(preemption) = preemption else { return };
        self.nominated.insert(pod.uid.clone(), (preemption.node.clone(), pod.clone()));
        for victim in &preemption.victims {
            self.evict(pod, victim, &preemption.node, cx, wishes);
        }
    }

    /// Mark a victim and delete it.
    fn evict<O>(
        &mut self,
        preemptor: &PodInfo,
        victim: &PodInfo,
        node: &str,
        cx: &mut Cx<'_, O>,
        wishes: &mut Vec<Wish>,
    ) {
        let key = Key { namespace: victim.namespace.clone(), name: victim.name.clone() };
        let condition = json!({
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": format!("{NAME}: preempting to accommodate a higher priority pod"),
            "lastProbeTime": null,
            "lastTransitionTime": meta_time(cx.now),
        });
        let mark = patch_status(Kind::Pod, &key, json!({"status": {"conditions": [condition]}}));
        self.send(mark, None, Sent::Other, cx, wishes);
        let why = Message::new("why-kube-preempted")
            .with("pod", preemptor.name.clone())
            .with("priority", preemptor.priority)
            .with("own", victim.priority);
        let request = delete(Kind::Pod, &key, Some(&victim.uid));
        self.send_later(request, Some(why), Sent::Other, cx, wishes);
        let text = format!("Preempted by pod {} on node {node}", preemptor.uid);
        wishes.push(Wish::Say(say(victim, false, "Preempted", text)));
    }

    fn send<O>(
        &mut self,
        request: Request,
        why: Option<Message>,
        sent: Sent,
        cx: &mut Cx<'_, O>,
        wishes: &mut Vec<Wish>,
    ) {
        let after = self.throttle.take(cx.now) + cx.latency(&API_CALL, NAME);
        self.tag += 1;
        self.sent.insert(self.tag, sent);
        let request = Box::new(request);
        wishes.push(Wish::Request { after, tag: self.tag, request, why });
    }

    /// Send behind a request just sent: two round trips.
    fn send_later<O>(
        &mut self,
        request: Request,
        why: Option<Message>,
        sent: Sent,
        cx: &mut Cx<'_, O>,
        wishes: &mut Vec<Wish>,
    ) {
        let way = SimDuration(API_CALL.quantiles_us[4]);
        let after = self.throttle.take(cx.now) + way + cx.latency(&API_CALL, NAME);
        self.tag += 1;
        self.sent.insert(self.tag, sent);
        let request = Box::new(request);
        wishes.push(Wish::Request { after, tag: self.tag, request, why });
    }
}

fn say(pod: &PodInfo, warning: bool, reason: &'static str, message: String) -> Say {
    Say {
        regarding: Regarding {
            kind: Kind::Pod.name(),
            api_version: Kind::Pod.api_version(),
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            resource_version: pod.resource_version.clone(),
            field_path: "".into(),
        },
        warning,
        reason,
        message,
    }
}
