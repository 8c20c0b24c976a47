//! The processes of the nodes within the cluster: how inputs reach kubelets, kube-proxies and the
//! DNS server, and what becomes of their outputs.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use crate::base::message::Message;
use crate::base::quantity::Quantity;
use crate::base::time::SimDuration;
use crate::engine::cx::{Cx, Effect};
use crate::engine::latency::Latency;
use crate::engine::trace::Actor;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Request, Subresource};
use crate::kube::api::store::Change;
use crate::kube::kinds::Kind;
use crate::kube::kubelet::node::{RuntimeKind, Settings};
use crate::kube::kubelet::{self, Around, Kubelet, Tag};
use crate::kube::node::NodeSpec;
use crate::kube::proxy::{Proxy, Wish};
use crate::kube::watch::{Process, Streams};
use crate::kube::{Cluster, Input, Output};
use crate::machine::{self, HostId, Machines};
use crate::net::{self, Cidr, Fabric};

/// From the API server to a kubelet's own server.
const PROXY_HOP: Latency = Latency {
    name: "apiserver-kubelet",
    quantiles_us: [1_000, 2_000, 3_000, 5_000, 12_000],
    source: "traces/kubelet/20: kubectl exec of an idle machine",
};

/// Tags of network requests say from which node they come: its number stands from this bit on.
const TAG_SHIFT: u32 = 40;

/// What wakes the processes of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeInput {
    /// The kubelet.
    Kubelet(kubelet::Input),
    /// A request of the kubelet reaches the API server.
    Request(Tag, Box<Request>),
    /// kube-proxy writes its rules.
    ProxySync,
    /// The watches of the node's processes deliver again.
    Reconnected,
}

/// What a node's kubelet is told about its node.
fn settings(spec: &NodeSpec) -> Settings {
    let cpu = Quantity::parse(&spec.cpu).unwrap_or_default();
    Settings {
        runtime: if spec.real { RuntimeKind::Real } else { RuntimeKind::Hollow },
        cpu_milli: u64::try_from(cpu.milli()).unwrap_or(0),
        memory: memory(spec),
        pods: spec.pods,
        extended: spec.extended.clone(),
        labels: spec.labels.clone(),
        taints: spec.taints.clone(),
        register: true,
    }
}

/// Memory as the node reports it: a hollow one repeats what it was told, in the shortest form.
#[must_use]
pub(super) fn memory(spec: &NodeSpec) -> String {
    match Quantity::parse(&spec.memory) {
        Some(amount) if !spec.real => kubelet::resize::format_amount("memory", amount.0),
        _ => spec.memory.clone(),
    }
}

/// Addresses of the pods of the n-th node of a cluster, counted from 1.
#[must_use]
pub(super) fn pod_range(number: u16) -> Cidr {
    let [high, low] = number.to_be_bytes();
    Cidr::new(10, 244_u8.saturating_add(high), low, 0, 24)
}

impl Cluster {
    /// The processes of a new node; the kubelet starts at once.
    pub(super) fn add_processes(&mut self, spec: &NodeSpec, cx: &mut Cx<'_, Output>) {
        self.joined.push(spec.name.clone());
        let number = u16::try_from(self.joined.len()).unwrap_or(u16::MAX);
        let range = pod_range(number);
        let host = HostId::new(spec.name.clone());
        let mut kubelet = Kubelet::new(&spec.name, host, &spec.address, settings(spec));
        kubelet.node.pod_range = Some(range);
        kubelet.node.last_tag = u64::from(number) << TAG_SHIFT;
        self.kubelets.edit().insert(spec.name.clone(), Arc::new(kubelet));
        let proxy = Arc::new(Proxy::new(&spec.name));
        self.proxies.edit().insert(spec.name.clone(), proxy);
        let start = NodeInput::Kubelet(kubelet::Input::Start);
        cx.emit(Output::Again(Input::Node(spec.name.clone(), Box::new(start))));
    }

    /// A new node joins: its kubelet starts and registers it.
    pub fn join_node(&mut self, spec: &NodeSpec, cx: &mut Cx<'_, Output>) {
        for process in [Process::Kubelet(spec.name.clone()), Process::Proxy(spec.name.clone())] {
            self.streams.insert(process, Streams::default());
        }
        let changes = self.listed(&Process::Proxy(spec.name.clone()), cx);
        self.add_processes(spec, cx);
        let proxy = self.proxies.edit().get_mut(&spec.name).map(Arc::make_mut);
        let Some(proxy) = proxy else { return };
        if let Some(Wish::SyncAt(at)) = proxy.changes(&changes, cx) {
            let input = Input::Node(spec.name.clone(), Box::new(NodeInput::ProxySync));
            cx.emit_at(at, Output::Again(input));
        }
    }

    /// A wake of a node's process.
    pub(super) fn node_step(
        &mut self,
        node: &Arc<str>,
        input: NodeInput,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        match input {
            NodeInput::Kubelet(input) => self.kubelet(node, input, machines, fabric, cx),
            NodeInput::Request(tag, request) => {
                let actor = Actor::on("kubelet", node.clone());
                let result = self.serve(&request, actor, written(&tag), cx);
                let input = kubelet::Input::Answered(tag, result);
                self.kubelet(node, input, machines, fabric, cx);
            }
            NodeInput::Reconnected => {
                if self.reconnected(node, cx) {
                    self.catch_up(node, machines, fabric, cx);
                }
            }
            NodeInput::ProxySync => {
                if let Some(proxy) = self.proxies.edit().get_mut(node).map(Arc::make_mut) {
                    proxy.sync(fabric, cx);
                }
            }
        }
    }

    fn kubelet(
        &mut self,
        node: &Arc<str>,
        input: kubelet::Input,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        let kubelet = self.kubelets.edit().get_mut(node).map(Arc::make_mut);
        let Some(kubelet) = kubelet else { return };
        let mut effects: Vec<Effect<kubelet::Output>> = Vec::new();
        {
            let mut inner = Cx {
                now: cx.now,
                cause: cx.cause,
                rng: cx.rng,
                trace: cx.trace,
                faults: cx.faults,
                out: &mut effects,
            };
            let store = Self::seen_by(&self.store, &self.cut, node);
            let mut around = Around { store, machines, fabric };
            kubelet.step(input, &mut around, &mut inner);
        }
        let cause = cx.cause;
        for (delay, why, output) in effects {
            cx.cause = why;
            self.kubelet_output(node, delay, output, cx);
        }
        cx.cause = cause;
    }

    fn kubelet_output(
        &mut self,
        node: &Arc<str>,
        delay: SimDuration,
        output: kubelet::Output,
        cx: &mut Cx<'_, Output>,
    ) {
        let again = |input| Output::Again(Input::Node(node.clone(), Box::new(input)));
        match output {
            kubelet::Output::Again(input) => {
                cx.emit_after(delay, again(NodeInput::Kubelet(input)));
            }
            kubelet::Output::Request(tag, request) => Self::send(node, delay, tag, request, cx),
            kubelet::Output::Say(say) => self.say(node, say, cx),
            kubelet::Output::Machine(output) => cx.emit_after(delay, Output::Machine(output)),
            kubelet::Output::Net(output) => cx.emit_after(delay, Output::Net(output)),
            kubelet::Output::Reply(ticket, result) => {
                if let Some(result) = self.hold_reply(node, ticket, result) {
                    cx.emit_after(delay, Output::Reply { ticket, result });
                }
            }
        }
    }

    /// Changes have reached a process of a node, or the DNS server.
    pub(super) fn node_changes(
        &mut self,
        process: &Process,
        changes: &[Arc<Change>],
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        match process {
            Process::Kubelet(node) => {
                for change in changes {
                    if change.kind == Kind::Node {
                        let input = kubelet::Input::Node(change.new.clone());
                        self.kubelet(node, input, machines, fabric, cx);
                    }
                    if change.kind != Kind::Pod {
                        continue;
                    }
                    let here = |o: &Arc<Object>| on_node(o, node);
                    let object = change.new.clone().filter(here);
                    let cause = std::mem::replace(&mut cx.cause, change.by);
                    let input = kubelet::Input::Pod(change.key.clone(), object);
                    self.kubelet(node, input, machines, fabric, cx);
                    cx.cause = cause;
                }
            }
            Process::Proxy(node) => {
                let proxy = self.proxies.edit().get_mut(node).map(Arc::make_mut);
                let Some(proxy) = proxy else { return };
                if let Some(Wish::SyncAt(at)) = proxy.changes(changes, cx) {
                    let input = Input::Node(node.clone(), Box::new(NodeInput::ProxySync));
                    cx.emit_at(at, Output::Again(input));
                }
            }
            Process::Dns => self.dns.changes(changes, fabric),
            Process::ControllerManager | Process::Scheduler => {}
        }
    }

    /// A ConfigMap or Secret changed: kubelets that mount it hear of it.
    pub(super) fn config_change(&self, change: &Change, cx: &mut Cx<'_, Output>) {
        if !matches!(change.kind, Kind::ConfigMap | Kind::Secret) {
            return;
        }
        for (node, kubelet) in &self.kubelets {
            if kubelet.uses(change.kind, &change.key) && !self.cut.contains_key(node) {
                let input = kubelet::Input::Config(change.kind, change.key.clone());
                let input = Input::Node(node.clone(), Box::new(NodeInput::Kubelet(input)));
                cx.emit(Output::Again(input));
            }
        }
    }

    /// A node that was cut off looks at every ConfigMap and Secret that its pods use.
    fn catch_up(
        &mut self,
        node: &Arc<str>,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(kubelet) = self.kubelets.get(node) else { return };
        let used: Vec<(Kind, Key)> = kubelet.node.users.keys().cloned().collect();
        for (kind, key) in used {
            self.kubelet(node, kubelet::Input::Config(kind, key), machines, fabric, cx);
        }
    }

    /// Something happened to a container or host of ours.
    pub(super) fn runtime_notice(
        &mut self,
        notice: machine::Notice,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        let node = notice.host.0.clone();
        self.kubelet(&node, kubelet::Input::Notice(notice.what), machines, fabric, cx);
    }

    /// A network request of a kubelet ended.
    pub(super) fn net_answer(
        &mut self,
        tag: u64,
        answer: net::Answer,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        let number = usize::try_from(tag >> TAG_SHIFT).unwrap_or(0);
        let Some(node) = number.checked_sub(1).and_then(|n| self.joined.get(n)).cloned() else {
            return;
        };
        self.kubelet(&node, kubelet::Input::Answer(tag, answer), machines, fabric, cx);
    }

    /// A client asks for logs or a command: the API server passes it on to the pod's kubelet.
    ///
    /// # Errors
    /// Where there is no such pod, or it has no node.
    pub(super) fn pass_on(
        &mut self,
        ticket: u64,
        request: Request,
        machines: &Machines,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), ApiError> {
        let namespace = request.namespace.as_deref().unwrap_or("");
        let name = request.name.as_deref().unwrap_or("");
        let key = Key::new(namespace, name);
        let pod = match self.store.get(Kind::Pod, &key).map(|e| &*e.object) {
            Some(Object::Pod(pod)) => pod,
            _ => return Err(ApiError::not_found(Kind::Pod, name)),
        };
        let node = pod.spec.as_ref().and_then(|s| s.node_name.clone()).unwrap_or_default();
        if node.is_empty() {
            let text = format!("pod {name} does not have a host assigned");
            return Err(ApiError::bad_request(text));
        }
        let node: Arc<str> = node.into();
        let host = HostId::new(node.clone());
        let powered = machines.host(&host).is_some_and(|h| h.power == machine::Power::On);
        let extra = match self.kubelet_silence(&node, powered, cx) {
            Ok(extra) => extra,
            Err((wait, why)) => {
                let address = self.kubelet_address(&node);
                let message = if request.subresource == Subresource::Log {
                    let container = container_of(pod, &request);
                    let path = format!("{namespace}/{name}/{container}");
                    format!(
                        "Get \"https://{address}/containerLogs/{path}\": dial tcp {address}: {why}"
                    )
                } else {
                    format!("error dialing backend: dial tcp {address}: {why}")
                };
                let error = ApiError { code: 500, message, ..ApiError::default() };
                cx.emit_after(wait, Output::Reply { ticket, result: Err(error) });
                return Ok(());
            }
        };
        let input = NodeInput::Kubelet(kubelet::Input::Ask(ticket, Box::new(request)));
        let delay = cx.latency(&PROXY_HOP, "apiserver") + extra;
        cx.emit_after(delay, Output::Again(Input::Node(node.clone(), Box::new(input))));
        self.served.insert(ticket, node);
        Ok(())
    }

    /// A client of a kubelet's stream left.
    pub(super) fn stop_serving(&mut self, ticket: u64, cx: &mut Cx<'_, Output>) {
        let Some(node) = self.served.remove(&ticket) else { return };
        let input = NodeInput::Kubelet(kubelet::Input::Forget(ticket));
        cx.emit(Output::Again(Input::Node(node, Box::new(input))));
    }

    /// The kubelet process of a node starts or stops; containers go on.
    pub fn switch_kubelet(&mut self, node: &str, on: bool, cx: &mut Cx<'_, Output>) {
        let input = if on { kubelet::Input::Start } else { kubelet::Input::Stop };
        let input = Input::Node(node.into(), Box::new(NodeInput::Kubelet(input)));
        cx.emit(Output::Again(input));
    }

    /// The kubelet of a node.
    #[must_use]
    pub fn kubelet_of(&self, node: &str) -> Option<&Kubelet> {
        self.kubelets.get(node).map(|kubelet| &**kubelet)
    }
}

/// The container whose log is asked for: the named one, else the first.
fn container_of<'a>(pod: &'a Pod, request: &'a Request) -> &'a str {
    let first = || pod.spec.as_ref().and_then(|s| s.containers.first()).map(|c| c.name.as_str());
    request.options.container.as_deref().or_else(first).unwrap_or("")
}

/// What the trace says of a kubelet's write.
fn written(tag: &Tag) -> Option<Message> {
    match tag {
        Tag::Status(_) => Some(Message::new("why-kubelet-reported")),
        Tag::Delete(_) => Some(Message::new("why-kubelet-removed")),
        Tag::Node => Some(Message::new("why-kubelet-node-reported")),
        Tag::Lease => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds are on no node")]
fn on_node(object: &Object, node: &str) -> bool {
    match object {
        Object::Pod(pod) => pod.spec.as_ref().and_then(|s| s.node_name.as_deref()) == Some(node),
        _ => false,
    }
}
