//! The kubelet of each node: makes the pods that the API assigns to its node run.
//!
//! Models kubernetes `pkg/kubelet` @v1.36. One [`Kubelet`] per node; it watches its pods, drives
//! the machine's container runtime and the network fabric, and reports status and events.
//! A node's containers run for real through `machine`, or hollow (`RuntimeKind::Hollow`).
//! Idle pods cost no events: relists and syncs are computed when something changed.

pub mod admit;
pub mod conditions;
pub mod cri;
pub mod deadline;
pub mod downward;
pub mod env;
pub mod eviction;
pub mod exits;
pub mod images;
pub mod kill;
pub mod node;
pub mod node_status;
pub mod phase;
pub mod pleg;
pub mod probes;
pub mod probing;
pub mod record;
pub mod resize;
pub mod restart;
pub mod serve;
pub mod start;
pub mod status;
pub mod sync;
pub mod texts;
pub mod volumes;
pub mod work;
pub mod worker;
pub mod writes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::shelf::Shelf;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Request, Response};
use crate::kube::api::store::Store;
use crate::kube::events::Say;
use crate::kube::kinds::Kind;
use crate::machine::{self, HostId, Machines};
use crate::net::{self, Fabric};
use node::{Env, NodeState, Settings};
use probes::ProbeKind;
use worker::{Stage, Worker};

/// What wakes a kubelet.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The process starts.
    Start,
    /// The process dies; containers go on.
    Stop,
    /// The watch on the node's pods delivers: the object, or that it is gone.
    Pod(Key, Option<Arc<Object>>),
    /// The watch on the node's own object delivers.
    Node(Option<Arc<Object>>),
    /// A ConfigMap or Secret changed.
    Config(Kind, Key),
    /// A timer of a life of the process.
    Due(u32, Due),
    /// The container runtime tells something.
    Notice(machine::Happening),
    /// A network request of the kubelet ended.
    Answer(u64, net::Answer),
    /// An API request of the kubelet ended.
    Answered(Tag, Result<Response, ApiError>),
    /// The API server passes on a client's request for logs or a command.
    Ask(u64, Box<Request>),
    /// The client left.
    Forget(u64),
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The relist.
    Relist,
    /// The relist of one pod, on demand.
    RelistPod(Arc<str>),
    /// The pod's worker: a step is done, or a sync is due.
    Pod(Arc<str>, u32),
    /// A kill of a container: pod, container id, timer number.
    Kill(Arc<str>, Arc<str>, u32),
    /// A probe: pod, container, kind, timer number.
    Probe(Arc<str>, Arc<str>, ProbeKind, u64),
    /// The time limit of an exec probe: pod, container, kind, flight number.
    ProbeLimit(Arc<str>, Arc<str>, ProbeKind, u64),
    /// A mount is tried again: pod, timer number.
    Mount(Arc<str>, u32),
    /// Volumes are brought up to date.
    Refresh(Arc<str>),
    /// The status of a pod is written.
    Write(Arc<str>),
    /// The pod's `activeDeadlineSeconds` are over.
    Deadline(Arc<str>),
    /// A hollow container ends: pod, container id, exit code.
    HollowExit(Arc<str>, Arc<str>, u8),
    /// The lease is renewed.
    Lease,
    /// The node's status is looked at.
    NodeStatus,
    /// The node's status is looked at once more.
    NodeLook,
    /// Evictions are looked at.
    Eviction,
}

/// What an API request of the kubelet is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Status of the pod with this uid.
    Status(Arc<str>),
    /// Deletion of the pod with this uid.
    Delete(Arc<str>),
    /// The Node object.
    Node,
    /// The lease.
    Lease,
}

/// What a kubelet leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Come back with this.
    Again(Input),
    /// Ask the API server; the answer comes as [`Input::Answered`].
    Request(Tag, Box<Request>),
    /// Tell an event.
    Say(Say),
    /// Of the container runtime.
    Machine(machine::Output),
    /// Of the network.
    Net(net::Output),
    /// Answer a client: [`Input::Ask`].
    Reply(u64, Result<Response, ApiError>),
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

/// The lower layers and the store, as one step sees them.
pub struct Around<'a> {
    /// Objects of the API server.
    pub store: &'a Store,
    /// The container runtime.
    pub machines: &'a mut Machines,
    /// The network.
    pub fabric: &'a mut Fabric,
}

/// One kubelet.
#[derive(Clone, Debug)]
pub struct Kubelet {
    /// What belongs to the whole node.
    pub node: NodeState,
    /// Pods by uid.
    pub workers: Shelf<Arc<str>, Arc<Worker>>,
    /// Uids by key.
    keys: BTreeMap<Key, Arc<str>>,
    /// Clients that follow a log or run a command.
    streams: serve::Streams,
}

impl Kubelet {
    /// A kubelet that was not started yet.
    #[must_use]
    pub fn new(name: &str, host: HostId, host_ip: &str, settings: Settings) -> Self {
        Self {
            node: NodeState {
                name: name.into(),
                host,
                host_ip: host_ip.to_owned(),
                settings,
                running: false,
                life: 0,
                since: SimTime::ZERO,
                relist_phase: SimDuration::ZERO,
                tick_phase: SimDuration::ZERO,
                check_phase: SimDuration::ZERO,
                relist: BTreeMap::new(),
                relist_armed: false,
                backoff: Default::default(),
                pull_backoff: Default::default(),
                pull_errors: BTreeMap::new(),
                pulls: Default::default(),
                containers: BTreeMap::new(),
                execs: BTreeMap::new(),
                exec_output: BTreeMap::new(),
                requests: BTreeMap::new(),
                last_tag: 0,
                users: BTreeMap::new(),
                pod_range: None,
                reported: None,
                out_of_contact: false,
                eviction_armed: false,
            },
            workers: Shelf::default(),
            keys: BTreeMap::new(),
            streams: serve::Streams::default(),
        }
    }

    /// Whether a ConfigMap or Secret is used by a pod here.
    #[must_use]
    pub fn uses(&self, kind: Kind, key: &Key) -> bool {
        self.node.users.contains_key(&(kind, key.clone()))
    }

    /// One event.
    pub fn step(&mut self, input: Input, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        match input {
            Input::Start => self.start(around, cx),
            Input::Stop => self.stop(),
            Input::Notice(what) => self.notice(what, around, cx),
            Input::Ask(ticket, request) => self.ask(ticket, &request, around, cx),
            Input::Forget(ticket) => self.forget(ticket, around, cx),
            // Hollow containers live on without their kubelet.
            Input::Due(_, Due::HollowExit(uid, id, code)) => {
                self.hollow_exit(&uid, &id, code, around, cx);
            }
            _ if !self.node.running => {}
            Input::Pod(key, object) => self.pod(&key, object.as_deref(), around, cx),
            Input::Node(object) => {
                let node = match object.as_deref() {
                    Some(Object::Node(node)) => Some(node),
                    _ => None,
                };
                self.node_changed(node, around, cx);
            }
            Input::Config(kind, key) => self.config(kind, &key, around, cx),
            Input::Due(life, due) if life == self.node.life => self.due(due, around, cx),
            Input::Due(..) => {}
            Input::Answer(tag, answer) => self.net_answer(tag, &answer, around, cx),
            Input::Answered(tag, result) => self.answered(&tag, &result, around, cx),
        }
    }

    /// Let a pod's worker act.
    pub(super) fn with<R>(
        &mut self,
        uid: &str,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
        act: impl FnOnce(&mut Worker, &mut Env<'_, '_>) -> R,
    ) -> Option<R> {
        let worker = self.workers.edit().get_mut(uid)?;
        let worker = Arc::make_mut(worker);
        let mut env = Env {
            node: &mut self.node,
            store: around.store,
            machines: around.machines,
            fabric: around.fabric,
            cx,
        };
        Some(act(worker, &mut env))
    }

    fn due(&mut self, due: Due, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        match due {
            Due::Relist => {
                self.node.relist_armed = false;
                for (uid, cause) in std::mem::take(&mut self.node.relist) {
                    cx.cause = cause;
                    self.with(&uid, around, cx, |w, env| w.relisted(env));
                    self.sweep(&uid, around, cx);
                }
            }
            Due::RelistPod(uid) => {
                self.with(&uid, around, cx, |w, env| w.relisted(env));
                self.sweep(&uid, around, cx);
            }
            Due::Pod(uid, timer) => {
                self.with(&uid, around, cx, |w, env| w.timer_due(timer, env));
                self.sweep(&uid, around, cx);
            }
            Due::Kill(uid, id, timer) => {
                self.with(&uid, around, cx, |w, env| w.kill_due(&id, timer, env));
            }
            Due::Probe(uid, container, kind, timer) => {
                self.with(&uid, around, cx, |w, env| w.probe_due(&container, kind, timer, env));
            }
            Due::ProbeLimit(uid, container, kind, flight) => {
                self.with(&uid, around, cx, |w, env| {
                    w.probe_limit(&container, kind, flight, env);
                });
            }
            Due::Mount(uid, timer) => {
                self.with(&uid, around, cx, |w, env| w.mount_due(timer, env));
            }
            Due::Refresh(uid) => {
                self.with(&uid, around, cx, |w, env| w.refresh_due(env));
            }
            Due::Write(uid) => {
                self.with(&uid, around, cx, |w, env| w.write_due(env));
                self.sweep(&uid, around, cx);
            }
            Due::Deadline(uid) => {
                self.with(&uid, around, cx, |w, env| w.deadline_due(env));
            }
            Due::HollowExit(..) => {}
            Due::Lease => self.lease_due(around, cx),
            Due::NodeStatus => self.node_status_due(around, cx),
            Due::NodeLook => self.node_look_due(around, cx),
            Due::Eviction => self.eviction_due(around, cx),
        }
    }

    /// The watch delivered a pod of this node.
    fn pod(
        &mut self,
        key: &Key,
        object: Option<&Object>,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let known = self.keys.get(key).cloned();
        let pod = match object {
            Some(Object::Pod(pod)) => Some(pod),
            _ => None,
        };
        let uid: Option<Arc<str>> =
            pod.and_then(|p| p.metadata.uid.as_deref()).map(|uid| uid.into());
        if let Some(old) = known.filter(|old| uid.as_ref() != Some(old)) {
            self.with(&old, around, cx, |w, env| w.gone(env));
            self.keys.remove(key);
            self.sweep(&old, around, cx);
        }
        let (Some(pod), Some(uid)) = (pod, uid) else { return };
        if self.workers.contains_key(&uid) {
            self.with(&uid, around, cx, |w, env| w.changed(pod, env));
        } else {
            self.keys.insert(key.clone(), uid.clone());
            self.admit(&uid, key, pod, around, cx);
        }
        self.sweep(&uid, around, cx);
    }

    /// Drop a worker that is done with a pod that is gone.
    fn sweep(&mut self, uid: &str, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        let done = self.workers.get(uid).is_some_and(|w| w.orphan && w.stage == Stage::Finished);
        if !done {
            return;
        }
        self.with(uid, around, cx, |w, env| w.clean_up(env));
        self.workers.edit().remove(uid);
    }
}
