//! What exists before anyone asks for anything: the cluster's own objects and its nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeCondition, NodeSpec as Spec, NodeStatus, NodeSystemInfo, Taint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::base::name::uuid;
use crate::base::time::SimTime;
use crate::engine::cx::Cx;
use crate::kube::api::object::{Key, Stored};
use crate::kube::clock::{meta_time, micro_time};
use crate::kube::kubelet::node_status::{annotations, spec_of};
use crate::kube::nodes::{memory, pod_range};
use crate::kube::watch::{Process, Streams};
use crate::kube::{Cluster, Output};

/// A node to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// Name, also that of its host.
    pub name: Arc<str>,
    /// Cores, as a quantity.
    pub cpu: String,
    /// Memory, as a quantity.
    pub memory: String,
    /// Most pods.
    pub pods: u32,
    /// Further capacities, such as `example.com/gpu`.
    pub extended: BTreeMap<String, String>,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Its address.
    pub address: String,
    /// A real container runtime; else containers are simulated without programs.
    pub real: bool,
}

/// Conditions of a healthy node: type, status, reason, message.
pub const HEALTHY: [(&str, &str, &str, &str); 4] = [
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// Make what every cluster has.
pub fn bootstrap(cluster: &mut Cluster, cx: &mut Cx<'_, Output>) {
    let (now, by) = (cx.now, cx.cause);
    crate::kube::api::bootstrap::cluster(&mut cluster.store, now, cx.stream("bootstrap", ""), by);
}

impl Cluster {
    /// A node joins, ready at once.
    pub fn add_node(&mut self, spec: &NodeSpec, cx: &mut Cx<'_, Output>) {
        for process in [Process::Kubelet(spec.name.clone()), Process::Proxy(spec.name.clone())] {
            self.streams.insert(process, Streams::default());
        }
        let number = u16::try_from(self.joined.len() + 1).unwrap_or(u16::MAX);
        let node = node_object(spec, number, cx);
        let lease = lease_object(spec, cx);
        put(self, node, cx);
        put(self, lease, cx);
        self.add_processes(spec, cx);
        self.fan_out(cx);
    }
}

fn put<T: Stored>(cluster: &mut Cluster, object: T, cx: &Cx<'_, Output>) {
    let object = object.into_object();
    let key = Key::of(&object);
    cluster.store.commit(T::SHELF, &key, Some(object), cx.now, cx.cause);
}

fn meta(namespace: &str, name: &str, cx: &mut Cx<'_, Output>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
        uid: Some(uuid(cx.stream("bootstrap", ""))),
        creation_timestamp: Some(meta_time(cx.now)),
        ..ObjectMeta::default()
    }
}

fn node_object(spec: &NodeSpec, number: u16, cx: &mut Cx<'_, Output>) -> Node {
    let name = spec.name.to_string();
    let mut metadata = meta("", &name, cx);
    let mut labels = spec.labels.clone();
    for (key, value) in [
        ("beta.kubernetes.io/arch", "amd64"),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/hostname", &name),
        ("kubernetes.io/os", "linux"),
    ] {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    metadata.labels = Some(labels);
    metadata.annotations = Some(annotations(!spec.real));
    let amount = |text: &str| Quantity(text.to_owned());
    let mut capacity: BTreeMap<String, Quantity> = [
        ("cpu".to_owned(), amount(&spec.cpu)),
        ("ephemeral-storage".to_owned(), amount("0")),
        ("memory".to_owned(), amount(&memory(spec))),
        ("pods".to_owned(), amount(&spec.pods.to_string())),
    ]
    .into();
    for (name, value) in &spec.extended {
        capacity.insert(name.clone(), amount(value));
    }
    Node {
        metadata,
        spec: Some(Spec {
            taints: (!spec.taints.is_empty()).then(|| spec.taints.clone()),
            ..spec_of(&name, Some(pod_range(number)), !spec.real)
        }),
        status: Some(NodeStatus {
            allocatable: Some(capacity.clone()),
            capacity: Some(capacity),
            conditions: Some(HEALTHY.iter().map(|c| healthy(c, cx.now)).collect()),
            addresses: Some(vec![
                NodeAddress { type_: "InternalIP".to_owned(), address: spec.address.clone() },
                NodeAddress { type_: "Hostname".to_owned(), address: name },
            ]),
            node_info: Some(NodeSystemInfo {
                architecture: "amd64".to_owned(),
                container_runtime_version: "containerd://2.2.0".to_owned(),
                kubelet_version: "v1.36.2".to_owned(),
                kube_proxy_version: "v1.36.2".to_owned(),
                operating_system: "linux".to_owned(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }),
    }
}

/// A condition of a healthy node.
#[must_use]
pub fn healthy(condition: &(&str, &str, &str, &str), now: SimTime) -> NodeCondition {
    let (kind, status, reason, message) = *condition;
    NodeCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(meta_time(now)),
        last_transition_time: Some(meta_time(now)),
    }
}

fn lease_object(spec: &NodeSpec, cx: &mut Cx<'_, Output>) -> Lease {
    Lease {
        metadata: meta("kube-node-lease", &spec.name, cx),
        spec: Some(LeaseSpec {
            holder_identity: Some(spec.name.to_string()),
            lease_duration_seconds: Some(40),
            renew_time: Some(micro_time(cx.now)),
            ..LeaseSpec::default()
        }),
    }
}
