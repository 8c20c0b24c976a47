//! What a kubelet keeps that does not belong to one pod, and the surroundings of a step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::images::PullQueue;
use super::probes::ProbeKind;
use super::restart::Backoff;
use super::worker::Worker;
use super::{Due, Input, Output};
use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::engine::trace::{Actor, Subject, TraceId};
use crate::kube::api::object::Key;
use crate::kube::api::store::Store;
use crate::kube::events::{Regarding, Say};
use crate::kube::kinds::Kind;
use crate::machine::{ExecId, HostId, Machines};
use crate::net::Fabric;

/// PLEG relists every second (`pkg/kubelet/kubelet.go` genericPlegRelistPeriod).
pub const RELIST: SimDuration = SimDuration::from_secs(1);
/// The sync loop looks at its work queue every second (`syncTicker`).
pub const SYNC_TICK: SimDuration = SimDuration::from_secs(1);
/// Regular time between two syncs of a pod; up to half as much is added at random.
pub const RESYNC: SimDuration = SimDuration::from_secs(60);
/// Time until the next sync after an error (`backOffPeriod`); up to half is added at random.
pub const RETRY: SimDuration = SimDuration::from_secs(10);

/// How containers run on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeKind {
    /// Through the machine's runtime: commands are executed.
    Real,
    /// A stand-in: containers start and stop at once, only `sh -c "sleep N; exit M"` ends.
    Hollow,
}

/// What a node is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How containers run. A hollow kubelet tells no events about pods.
    pub runtime: RuntimeKind,
    /// CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory as the API shows it (`24Gi`).
    pub memory: String,
    /// Most pods.
    pub pods: u32,
    /// Other resources that it offers.
    pub extended: BTreeMap<String, String>,
    /// Labels beside the usual ones.
    pub labels: BTreeMap<String, String>,
    /// Taints that it registers with.
    pub taints: Vec<core::Taint>,
    /// Whether it registers its Node object itself.
    pub register: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            runtime: RuntimeKind::Real,
            cpu_milli: 2_000,
            memory: "4Gi".to_owned(),
            pods: 110,
            extended: BTreeMap::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            register: true,
        }
    }
}

/// What an exec in a container is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecPurpose {
    /// A probe: pod, container, kind.
    Probe(Arc<str>, Arc<str>, ProbeKind),
    /// A postStart hook of a pod's container.
    PostStart(Arc<str>),
    /// A preStop hook: pod, container id.
    PreStop(Arc<str>, Arc<str>),
    /// A `kubectl exec` with this ticket.
    Client(u64),
}

/// What a command has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// To its standard output.
    pub out: String,
    /// To its standard error.
    pub err: String,
}

impl Said {
    /// Both, as the kubelet joins them.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// What belongs to the whole node.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// Name of the node.
    pub name: Arc<str>,
    /// The machine under it.
    pub host: HostId,
    /// Address of the node.
    pub host_ip: String,
    /// What it is like.
    pub settings: Settings,
    /// Whether the kubelet process runs.
    pub running: bool,
    /// Counts starts of the process; timers of an earlier life are stale.
    pub life: u32,
    /// When this life began.
    pub since: SimTime,
    /// Where in a second the relist lies.
    pub relist_phase: SimDuration,
    /// Where in a second the sync tick lies.
    pub tick_phase: SimDuration,
    /// Where in ten seconds the check for evictions lies.
    pub check_phase: SimDuration,
    /// Pods of which something changed since the last relist, with what caused it.
    pub relist: BTreeMap<Arc<str>, TraceId>,
    /// Whether a relist is due.
    pub relist_armed: bool,
    /// Crash back-off.
    pub backoff: Backoff,
    /// Image pull back-off and the error of the last try.
    pub pull_backoff: Backoff,
    /// Errors of the last pull by back-off key.
    pub pull_errors: BTreeMap<Arc<str>, Arc<str>>,
    /// Pulls.
    pub pulls: PullQueue,
    /// Pods by container id.
    pub containers: BTreeMap<Arc<str>, Arc<str>>,
    /// Execs under way.
    pub execs: BTreeMap<ExecId, ExecPurpose>,
    /// Output of probe and hook execs so far.
    pub exec_output: BTreeMap<ExecId, Said>,
    /// Network probes and hooks under way by tag.
    pub requests: BTreeMap<u64, NetPurpose>,
    /// The newest tag.
    pub last_tag: u64,
    /// Pods by ConfigMap and Secret that they mount.
    pub users: BTreeMap<(Kind, Key), BTreeSet<Arc<str>>>,
    /// Range of its pods' addresses.
    pub pod_range: Option<crate::net::Cidr>,
    /// What it last reported about itself, and when.
    pub reported: Option<SimTime>,
    /// Whether the last renewal of the lease did not come through.
    pub out_of_contact: bool,
    /// Whether a check for evictions is due.
    pub eviction_armed: bool,
}

/// What a network request of the kubelet is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetPurpose {
    /// The pod.
    pub uid: Arc<str>,
    /// The container.
    pub container: Arc<str>,
    /// The probe; `None` for a preStop hook of the run with this id.
    pub what: NetWhat,
    /// `ip:port`.
    pub address: String,
    /// Full URL for HTTP.
    pub url: String,
    /// Path of a hook.
    pub path: String,
}

/// What a network request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetWhat {
    /// An HTTP probe.
    Http(ProbeKind),
    /// A TCP probe.
    Tcp(ProbeKind),
    /// A gRPC probe.
    Grpc(ProbeKind),
    /// A preStop hook of this container run.
    PreStop(Arc<str>),
    /// A postStart hook.
    PostStart,
}

impl NodeState {
    /// The last relist at or before a moment.
    #[must_use]
    pub fn relist_before(&self, now: SimTime) -> SimTime {
        let next = now.next_tick(RELIST, self.relist_phase);
        SimTime(next.0.saturating_sub(RELIST.0))
    }

    /// The sync tick at or after a moment.
    #[must_use]
    pub fn tick_at(&self, due: SimTime) -> SimTime {
        SimTime(due.0.saturating_sub(1)).next_tick(SYNC_TICK, self.tick_phase)
    }

    /// Whether containers are only pretended.
    #[must_use]
    pub fn hollow(&self) -> bool {
        self.settings.runtime == RuntimeKind::Hollow
    }
}

/// The surroundings of a step.
pub struct Env<'a, 'c> {
    /// The node.
    pub node: &'a mut NodeState,
    /// The API server's objects, as the kubelet's own reads see them.
    pub store: &'a Store,
    /// The container runtime.
    pub machines: &'a mut Machines,
    /// The network.
    pub fabric: &'a mut Fabric,
    /// Time, randomness, trace, outputs.
    pub cx: &'a mut Cx<'c, Output>,
}

impl Env<'_, '_> {
    /// The moment.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.cx.now
    }

    /// Be woken after a time.
    pub fn after(&mut self, delay: SimDuration, due: Due) {
        let life = self.node.life;
        self.cx.emit_after(delay, Output::Again(Input::Due(life, due)));
    }

    /// Be woken at a moment.
    pub fn at(&mut self, at: SimTime, due: Due) {
        self.after(at.since(self.cx.now), due);
    }

    /// A delay between one and one and a half times a base (`wait.Jitter(base, 0.5)`), from the
    /// pod's own stream.
    pub fn jitter(&mut self, pod: &Key, base: SimDuration) -> SimDuration {
        let extra = self.cx.stream("kubelet-jitter", &pod.to_string()).between(0, base.0 / 2);
        SimDuration(base.0 + extra)
    }

    /// A drawn delay.
    pub fn draw(&mut self, model: &'static Latency) -> SimDuration {
        let name = self.node.name.clone();
        self.cx.latency(model, &name)
    }

    /// A fresh 64-digit id.
    pub fn fresh_id(&mut self) -> Arc<str> {
        let name = self.node.name.clone();
        self.cx.stream("container-id", &name).hex(64).into()
    }

    /// Something of a pod changed in the runtime: the next relist sees it.
    pub fn relist(&mut self, uid: &Arc<str>) {
        self.node.relist.insert(uid.clone(), self.cx.cause);
        if !self.node.relist_armed {
            self.node.relist_armed = true;
            let at = self.cx.now.next_tick(RELIST, self.node.relist_phase);
            self.at(at, Due::Relist);
        }
    }

    /// Write an effect into the trace.
    pub fn record(&mut self, worker: &Worker, what: Message) {
        let (namespace, name) = (&worker.key.namespace, &worker.key.name);
        let actor = Actor::on("kubelet", self.node.name.clone());
        self.cx.record(actor, Subject::object("Pod", namespace, name), what);
    }

    /// Write a remark into the trace.
    pub fn note(&mut self, worker: &Worker, what: Message) {
        let (namespace, name) = (&worker.key.namespace, &worker.key.name);
        let actor = Actor::on("kubelet", self.node.name.clone());
        self.cx.note(actor, Subject::object("Pod", namespace, name), what);
    }

    /// Tell an event about a pod, or one of its containers.
    pub fn say(
        &mut self,
        worker: &Worker,
        container: Option<&str>,
        warning: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        // Hollow nodes have no event recorder for pods (recorded in traces/deployment).
        if self.node.hollow() {
            return;
        }
        let path = container.map(|c| worker.field_path(c)).unwrap_or_default();
        let regarding = Regarding {
            kind: "Pod",
            api_version: "v1",
            namespace: worker.key.namespace.clone(),
            name: worker.key.name.clone(),
            uid: worker.uid.clone(),
            resource_version: "".into(),
            field_path: path.into(),
        };
        let say = Say { regarding, warning, reason, message: message.into() };
        self.cx.emit(Output::Say(say));
    }
}
