//! The node as its kubelet reports it: registration, status, lease.
//!
//! Models kubernetes `pkg/kubelet/kubelet_node_status.go`, `nodestatus/setters.go` and
//! `component-helpers/apimachinery/lease/controller.go`. Left out: node images, volumes in use,
//! pressure conditions other than their good state.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::coordination::v1 as coordination;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::node::{Env, NodeState};
use super::writes::{options, unserved};
use super::{Around, Due, Kubelet, Output, Tag};
use crate::base::message::Message;
use crate::base::quantity::Quantity;
use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::engine::trace::{Actor, Subject};
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Body, Request, Response, Subresource, Verb};
use crate::kube::clock::{meta_time, micro_time};
use crate::kube::events::{Regarding, Say};
use crate::kube::kinds::Kind;

/// A lease is renewed this often (a quarter of its 40 s).
const LEASE_RENEW: SimDuration = SimDuration::from_secs(10);
/// Duration of a lease, seconds.
const LEASE_SECONDS: i32 = 40;
/// An unchanged status is reported this often (`nodeStatusReportFrequency`).
const REPORT: SimDuration = SimDuration::from_secs(300);
/// The status is looked at this often (`nodeStatusUpdateFrequency`).
const LOOK: SimDuration = SimDuration::from_secs(10);
/// A new node is Ready after its storage interface answered; recorded in nodefail/03.
const FIRST_READY: SimDuration = SimDuration::from_millis(350);
/// Namespace of leases of nodes.
const LEASES: &str = "kube-node-lease";
/// Memory that the kubelet keeps for the node: the hard eviction threshold.
const KEPT_MEMORY: i128 = 100 << 20;
/// Version reported.
const VERSION: &str = "v1.36.2";

impl NodeState {
    fn labels(&self) -> BTreeMap<String, String> {
        let usual = [
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/hostname", &self.name),
            ("kubernetes.io/os", "linux"),
        ];
        let mut labels: BTreeMap<String, String> =
            usual.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        labels.extend(self.settings.labels.clone());
        labels
    }

    /// What controllers put into the spec of a new node within milliseconds.
    fn spec(&self) -> core::NodeSpec {
        spec_of(&self.name, self.pod_range, self.hollow())
    }

    fn capacity(&self, allocatable: bool) -> BTreeMap<String, ApiQuantity> {
        let memory = if allocatable && !self.hollow() {
            let bytes = Quantity::parse(&self.settings.memory).unwrap_or_default().0 / 1000;
            format!("{}Ki", (bytes - KEPT_MEMORY).max(0) / 1024)
        } else {
            self.settings.memory.clone()
        };
        let disk = match (self.hollow(), allocatable) {
            (true, _) => "0",
            // 90 % of the disk of the recording machine.
            (false, true) => "243497856212",
            (false, false) => "264212084Ki",
        };
        let cpu = Quantity(i128::from(self.settings.cpu_milli)).to_string();
        let list = [
            ("cpu", cpu),
            ("ephemeral-storage", disk.to_owned()),
            ("memory", memory),
            ("pods", self.settings.pods.to_string()),
        ];
        let mut all: BTreeMap<String, ApiQuantity> =
            list.into_iter().map(|(k, v)| (k.to_owned(), ApiQuantity(v))).collect();
        if !self.hollow() {
            let pages = ["hugepages-1Gi", "hugepages-2Mi"];
            all.extend(pages.map(|name| (name.to_owned(), ApiQuantity("0".to_owned()))));
        }
        for (name, amount) in &self.settings.extended {
            all.insert(name.clone(), ApiQuantity(amount.clone()));
        }
        all
    }

    /// What the stand-in machine of a hollow node says of itself (recorded in nodefail/03).
    fn hollow_info() -> core::NodeSystemInfo {
        core::NodeSystemInfo {
            architecture: "amd64".to_owned(),
            container_runtime_version: "fakeRuntime://0.1.0".to_owned(),
            kernel_version: "3.16.0-0.bpo.4-amd64".to_owned(),
            kubelet_version: VERSION.to_owned(),
            operating_system: "linux".to_owned(),
            os_image: "Debian GNU/Linux 7 (wheezy)".to_owned(),
            ..Default::default()
        }
    }

    fn node_info(&self) -> core::NodeSystemInfo {
        if self.hollow() {
            return Self::hollow_info();
        }
        let hash = crate::base::digest::of_text(&self.name);
        let id = format!("{hash:016x}{:016x}", hash.rotate_left(17));
        let uuid = |t: &str| {
            let part = |a: usize, b: usize| t.get(a..b).unwrap_or("").to_owned();
            let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
            parts.join("-")
        };
        let boot = uuid(&id);
        core::NodeSystemInfo {
            architecture: "amd64".to_owned(),
            boot_id: boot,
            container_runtime_version: "containerd://2.1.9".to_owned(),
            kernel_version: "6.12.0".to_owned(),
            kube_proxy_version: String::new(),
            kubelet_version: VERSION.to_owned(),
            machine_id: id.clone(),
            operating_system: "linux".to_owned(),
            os_image: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            system_uuid: id,
            ..Default::default()
        }
    }
}

/// Annotations of every node: the ttl controller's, and the volume manager's on a real machine.
#[must_use]
pub fn annotations(hollow: bool) -> BTreeMap<String, String> {
    let ttl = ("node.alpha.kubernetes.io/ttl".to_owned(), "0".to_owned());
    let managed = "volumes.kubernetes.io/controller-managed-attach-detach";
    let managed = (!hollow).then(|| (managed.to_owned(), "true".to_owned()));
    [ttl].into_iter().chain(managed).collect()
}

/// Spec of a new node: its range of pod addresses, and the provider's id of a hollow one.
#[must_use]
pub fn spec_of(name: &str, range: Option<crate::net::Cidr>, hollow: bool) -> core::NodeSpec {
    let range = range.map(|range| range.to_string());
    core::NodeSpec {
        pod_cidrs: range.clone().map(|range| vec![range]),
        pod_cidr: range,
        provider_id: hollow.then(|| format!("kubemark://{name}")),
        ..Default::default()
    }
}

/// Conditions of a healthy node. `ready`: false only right after the first registration.
fn conditions(
    old: Option<&core::NodeStatus>,
    ready: bool,
    now: crate::base::time::SimTime,
) -> Vec<core::NodeCondition> {
    let (word, reason, message) = if ready {
        ("True", "KubeletReady", "kubelet is posting ready status")
    } else {
        ("False", "KubeletNotReady", "CSINode is not yet initialized")
    };
    let drafts = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", word, reason, message),
    ];
    let before = old.and_then(|o| o.conditions.as_deref()).unwrap_or(&[]);
    let time = meta_time(now);
    drafts
        .into_iter()
        .map(|(kind, status, reason, message)| {
            let same = before.iter().find(|c| c.type_ == kind && c.status == status);
            core::NodeCondition {
                type_: kind.to_owned(),
                status: status.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()),
                last_heartbeat_time: Some(time.clone()),
                last_transition_time: same
                    .and_then(|c| c.last_transition_time.clone())
                    .or_else(|| Some(time.clone())),
            }
        })
        .collect()
}

impl Kubelet {
    /// The process started: register the node, report, renew the lease.
    pub(super) fn register(&mut self, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        let actor = Actor::on("kubelet", self.node.name.clone());
        let subject = Subject::object("Node", "", &self.node.name);
        cx.record(actor, subject, Message::new("why-kubelet-start"));
        let stored = self.stored(around).cloned();
        if self.node.life == 1 && stored.as_ref().is_some_and(is_ready) {
            // The world begins with nodes that were ready long before.
            self.report(around, cx);
            self.after(REPORT, Due::NodeStatus, around, cx);
            self.lease_due(around, cx);
            return;
        }
        self.say_node(false, "Starting", "Starting kubelet.", cx);
        self.say_node(
            false,
            "NodeAllocatableEnforced",
            "Updated Node Allocatable limit across pods",
            cx,
        );
        self.say_healthy(cx);
        match stored {
            None if self.node.settings.register => {
                self.create_node(cx);
                self.after(FIRST_READY, Due::NodeStatus, around, cx);
            }
            stored => {
                let was_ready = stored.as_ref().is_some_and(is_ready);
                if !was_ready {
                    let text = format!("Node {} status is now: NodeReady", self.node.name);
                    self.say_node(false, "NodeReady", &text, cx);
                }
                self.report(around, cx);
                self.say_healthy(cx);
                self.after(REPORT, Due::NodeStatus, around, cx);
            }
        }
        self.lease_due(around, cx);
    }

    fn after(
        &mut self,
        delay: SimDuration,
        due: Due,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let mut env = Env {
            node: &mut self.node,
            store: around.store,
            machines: around.machines,
            fabric: around.fabric,
            cx,
        };
        env.after(delay, due);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the kind is in the key")]
    fn stored<'a>(&self, around: &'a Around<'_>) -> Option<&'a core::Node> {
        match &*around.store.get(Kind::Node, &Key::new("", &self.node.name))?.object {
            Object::Node(node) => Some(node),
            _ => None,
        }
    }

    /// An event about the node; hollow nodes tell none.
    fn say_node(
        &self,
        warning: bool,
        reason: &'static str,
        message: &str,
        cx: &mut Cx<'_, Output>,
    ) {
        if self.node.hollow() {
            return;
        }
        let regarding = Regarding {
            kind: "Node",
            api_version: "v1",
            namespace: "".into(),
            name: self.node.name.clone(),
            uid: self.node.name.clone(),
            resource_version: "".into(),
            field_path: "".into(),
        };
        cx.emit(Output::Say(Say { regarding, warning, reason, message: message.to_owned() }));
    }

    fn say_healthy(&self, cx: &mut Cx<'_, Output>) {
        for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
            let text = format!("Node {} status is now: {reason}", self.node.name);
            self.say_node(false, reason, &text, cx);
        }
    }

    fn status(
        &self,
        old: Option<&core::NodeStatus>,
        ready: bool,
        cx: &Cx<'_, Output>,
    ) -> core::NodeStatus {
        let address = |kind: &str, address: &str| core::NodeAddress {
            type_: kind.to_owned(),
            address: address.to_owned(),
        };
        let mut capacity = self.node.capacity(false);
        let mut allocatable = self.node.capacity(true);
        // Extended resources that others patched into the capacity stay, and can be allocated.
        let kept = |list: &mut BTreeMap<String, ApiQuantity>,
                    old: Option<&BTreeMap<String, ApiQuantity>>| {
            for (name, amount) in old.into_iter().flatten().filter(|(n, _)| n.contains('/')) {
                list.entry(name.clone()).or_insert_with(|| amount.clone());
            }
        };
        kept(&mut capacity, old.and_then(|o| o.capacity.as_ref()));
        kept(&mut allocatable, Some(&capacity));
        core::NodeStatus {
            addresses: Some(vec![
                address("InternalIP", &self.node.host_ip),
                address("Hostname", &self.node.name),
            ]),
            capacity: Some(capacity),
            allocatable: Some(allocatable),
            conditions: Some(conditions(old, ready, cx.now)),
            daemon_endpoints: Some(core::NodeDaemonEndpoints {
                kubelet_endpoint: Some(core::DaemonEndpoint { port: 10_250 }),
            }),
            node_info: Some(self.node.node_info()),
            ..old.cloned().unwrap_or_default()
        }
    }

    fn create_node(&mut self, cx: &mut Cx<'_, Output>) {
        // Admission (TaintNodesByCondition) keeps pods away until the node is ready.
        let mut taints = vec![core::Taint {
            key: "node.kubernetes.io/not-ready".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Default::default()
        }];
        taints.extend(self.node.settings.taints.clone());
        let node = core::Node {
            metadata: ObjectMeta {
                name: Some(self.node.name.to_string()),
                labels: Some(self.node.labels()),
                annotations: Some(annotations(self.node.hollow())),
                ..Default::default()
            },
            spec: Some(core::NodeSpec { taints: Some(taints), ..self.node.spec() }),
            status: Some(self.status(None, false, cx)),
        };
        let request = Request {
            verb: Verb::Create,
            kind: Kind::Node,
            namespace: None,
            name: Some(self.node.name.clone()),
            subresource: Subresource::None,
            body: Body::Object(Arc::new(Object::Node(node))),
            options: options(),
        };
        self.node.reported = Some(cx.now);
        cx.emit(Output::Request(Tag::Node, Box::new(request)));
    }

    /// Write the node's status.
    fn report(&mut self, around: &Around<'_>, cx: &mut Cx<'_, Output>) {
        let Some(stored) = self.stored(around) else { return };
        let mut node = stored.clone();
        node.status = Some(self.status(stored.status.as_ref(), true, cx));
        let request = Request {
            verb: Verb::Update,
            kind: Kind::Node,
            namespace: None,
            name: Some(self.node.name.clone()),
            subresource: Subresource::Status,
            body: Body::Object(Arc::new(Object::Node(node))),
            options: options(),
        };
        self.node.reported = Some(cx.now);
        cx.emit(Output::Request(Tag::Node, Box::new(request)));
    }

    /// A write of the node ended; a conflict is tried again.
    pub(super) fn node_answered(
        &mut self,
        result: &Result<Response, ApiError>,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        if unserved(result) {
            self.after(LOOK, Due::NodeLook, around, cx);
        } else if result.as_ref().is_err_and(|e| e.code == 409 && e.reason == "Conflict") {
            self.report(around, cx);
        }
    }

    /// A renewal of the lease came through or not. When the API server is reached again, the node
    /// reports at once: to others it has been unknown meanwhile.
    pub(super) fn lease_answered(
        &mut self,
        unserved: bool,
        around: &Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        if self.node.out_of_contact == unserved {
            return;
        }
        self.node.out_of_contact = unserved;
        let id = if unserved { "why-kubelet-cut-off" } else { "why-kubelet-back" };
        let what = Message::new(id).with("node", self.node.name.clone());
        let actor = Actor::on("kubelet", self.node.name.clone());
        cx.note(actor, Subject::object("Node", "", &self.node.name), what);
        if !unserved {
            self.tell_if_ready_again(around, cx);
            self.report(around, cx);
        }
    }

    fn tell_if_ready_again(&self, around: &Around<'_>, cx: &mut Cx<'_, Output>) {
        if !self.stored(around).is_some_and(is_ready) {
            let text = format!("Node {} status is now: NodeReady", self.node.name);
            self.say_node(false, "NodeReady", &text, cx);
        }
    }

    /// Time to report the node's status.
    pub(super) fn node_status_due(&mut self, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        self.tell_if_ready_again(around, cx);
        self.report(around, cx);
        self.after(REPORT, Due::NodeStatus, around, cx);
    }

    /// The watch delivered the node: a capacity that someone patched in can be allocated after
    /// the next look at the status, which comes every 10 s (`nodeStatusUpdateFrequency`).
    pub(super) fn node_changed(
        &mut self,
        node: Option<&core::Node>,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(status) = node.and_then(|n| n.status.as_ref()) else { return };
        let allocatable = status.allocatable.as_ref();
        let new = |name: &String| allocatable.is_none_or(|all| !all.contains_key(name));
        let patched = status.capacity.iter().flatten().any(|(name, _)| new(name));
        if patched {
            // The looks drift by up to 4 % each (`wait.JitterUntil`): the next one may come any time.
            let name = self.node.name.clone();
            let due = SimDuration(cx.stream("kubelet-look", &name).between(0, LOOK.0));
            self.after(due, Due::NodeLook, around, cx);
        }
    }

    /// A regular look at the node's status: it is reported if it changed.
    pub(super) fn node_look_due(&mut self, around: &Around<'_>, cx: &mut Cx<'_, Output>) {
        self.report(around, cx);
    }

    /// Time to renew the lease.
    pub(super) fn lease_due(&mut self, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        let key = Key::new(LEASES, &self.node.name);
        let stored = match around.store.get(Kind::Lease, &key).map(|e| &*e.object) {
            Some(Object::Lease(lease)) => Some(lease.clone()),
            _ => None,
        };
        let verb = if stored.is_some() { Verb::Update } else { Verb::Create };
        let mut lease = stored.unwrap_or_else(|| coordination::Lease {
            metadata: ObjectMeta {
                name: Some(self.node.name.to_string()),
                namespace: Some(LEASES.to_owned()),
                ..Default::default()
            },
            ..Default::default()
        });
        let spec = lease.spec.get_or_insert_with(Default::default);
        spec.holder_identity = Some(self.node.name.to_string());
        spec.lease_duration_seconds = Some(LEASE_SECONDS);
        spec.renew_time = Some(micro_time(cx.now));
        let request = Request {
            verb,
            kind: Kind::Lease,
            namespace: Some(LEASES.into()),
            name: Some(self.node.name.clone()),
            subresource: Subresource::None,
            body: Body::Object(Arc::new(Object::Lease(lease))),
            options: options(),
        };
        cx.emit(Output::Request(Tag::Lease, Box::new(request)));
        // Renewals are spread by up to 4 % (`leaseutil` jitter factor).
        let name = self.node.name.clone();
        let extra = cx.stream("kubelet-lease", &name).between(0, LEASE_RENEW.0 / 25);
        self.after(SimDuration(LEASE_RENEW.0 + extra), Due::Lease, around, cx);
    }
}

fn is_ready(node: &core::Node) -> bool {
    let list = node.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or(&[]);
    list.iter().any(|c| c.type_ == "Ready" && c.status == "True")
}
