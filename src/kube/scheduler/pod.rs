//! What the scheduler knows of a pod, read once from the object.
//!
//! Models kubernetes `pkg/scheduler/framework/types.go` `PodInfo` and
//! `component-helpers/resource` `PodRequests` @v1.36 (handbook kubernetes-scheduler §4, §6).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Affinity, Container, NodeAffinity, Pod, PodAffinityTerm, PodSpec, ResourceRequirements,
    Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::base::quantity::Quantity;
use crate::kube::labels::Labels;

/// What a container without a cpu request counts as in scores (`util/pod_resources.go`).
const DEFAULT_CPU_MILLI: i64 = 100;
/// What a container without a memory request counts as in scores.
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes of local disk.
    pub ephemeral: i64,
    /// Extended resources by name.
    pub scalar: BTreeMap<String, i64>,
}

impl Resources {
    /// Read a list of resources.
    #[must_use]
    pub fn read(list: Option<&BTreeMap<String, ApiQuantity>>) -> Self {
        let mut all = Self::default();
        for (name, quantity) in list.into_iter().flatten() {
            let Some(quantity) = Quantity::parse(&quantity.0) else { continue };
            match name.as_str() {
                "cpu" => all.cpu_milli = quantity.milli(),
                "memory" => all.memory = quantity.value(),
                "ephemeral-storage" => all.ephemeral = quantity.value(),
                "pods" => {}
                other => {
                    all.scalar.insert(other.to_owned(), quantity.value());
                }
            }
        }
        all
    }

    /// Add another amount, `times` 1 or -1.
    pub fn add(&mut self, other: &Self, times: i64) {
        self.cpu_milli += times * other.cpu_milli;
        self.memory += times * other.memory;
        self.ephemeral += times * other.ephemeral;
        for (name, amount) in &other.scalar {
            *self.scalar.entry(name.clone()).or_insert(0) += times * amount;
        }
    }

    fn raise(&mut self, other: &Self) {
        self.cpu_milli = self.cpu_milli.max(other.cpu_milli);
        self.memory = self.memory.max(other.memory);
        self.ephemeral = self.ephemeral.max(other.ephemeral);
        for (name, amount) in &other.scalar {
            let own = self.scalar.entry(name.clone()).or_insert(0);
            *own = (*own).max(*amount);
        }
    }
}

/// A host port that a pod wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Address; `0.0.0.0` for all.
    pub ip: String,
    /// `TCP`.
    pub protocol: String,
    /// Port.
    pub port: i32,
}

impl HostPort {
    /// Whether both cannot be open at once.
    #[must_use]
    pub fn clashes(&self, other: &Self) -> bool {
        const ALL: &str = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == ALL || other.ip == ALL)
    }
}

/// Where a pod stands with others: the terms of pod affinity and anti-affinity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Company {
    /// `podAffinity` required.
    pub with: Vec<PodAffinityTerm>,
    /// `podAffinity` preferred.
    pub rather_with: Vec<WeightedPodAffinityTerm>,
    /// `podAntiAffinity` required.
    pub without: Vec<PodAffinityTerm>,
    /// `podAntiAffinity` preferred.
    pub rather_without: Vec<WeightedPodAffinityTerm>,
}

impl Company {
    fn read(affinity: Option<&Affinity>) -> Self {
        let with = affinity.and_then(|a| a.pod_affinity.as_ref());
        let without = affinity.and_then(|a| a.pod_anti_affinity.as_ref());
        Self {
            with: with
                .and_then(|a| a.required_during_scheduling_ignored_during_execution.clone())
                .unwrap_or_default(),
            rather_with: with
                .and_then(|a| a.preferred_during_scheduling_ignored_during_execution.clone())
                .unwrap_or_default(),
            without: without
                .and_then(|a| a.required_during_scheduling_ignored_during_execution.clone())
                .unwrap_or_default(),
            rather_without: without
                .and_then(|a| a.preferred_during_scheduling_ignored_during_execution.clone())
                .unwrap_or_default(),
        }
    }

    /// Whether the pod says nothing about others.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.with.is_empty()
            && self.rather_with.is_empty()
            && self.without.is_empty()
            && self.rather_without.is_empty()
    }
}

/// What the scheduler knows of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodInfo {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Uid.
    pub uid: Arc<str>,
    /// Revision seen.
    pub resource_version: Arc<str>,
    /// Labels.
    pub labels: Arc<Labels>,
    /// `spec.priority`.
    pub priority: i32,
    /// `spec.nodeName`, empty while none.
    pub node: Arc<str>,
    /// `status.nominatedNodeName`.
    pub nominated: Option<Arc<str>>,
    /// `spec.schedulerName` is ours.
    pub ours: bool,
    /// Requests, as filters count them.
    pub requests: Resources,
    /// Cpu and memory as scores count them.
    pub scored: (i64, i64),
    /// Host ports.
    pub ports: Vec<HostPort>,
    /// `spec.nodeSelector`.
    pub node_selector: Labels,
    /// Node affinity.
    pub node_affinity: Option<NodeAffinity>,
    /// Terms about other pods.
    pub company: Company,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Topology spread constraints.
    pub spread: Vec<TopologySpreadConstraint>,
    /// Images of all containers, init containers included.
    pub images: Vec<String>,
    /// Claims mounted.
    pub claims: Vec<String>,
    /// Names of the scheduling gates.
    pub gates: Vec<String>,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// Phase Succeeded or Failed.
    pub finished: bool,
    /// Seconds of `status.startTime` since the epoch.
    pub started: Option<i64>,
    /// `preemptionPolicy: Never`.
    pub never_preempts: bool,
    /// The controller: kind, name.
    pub owner: Option<(String, String)>,
    /// Being deleted by preemption.
    pub preempted: bool,
    /// Message of the condition that says it cannot be scheduled.
    pub unschedulable: Option<Arc<str>>,
}

impl PodInfo {
    /// Read a pod.
    #[must_use]
    pub fn read(pod: &Pod) -> Self {
        let meta = &pod.metadata;
        let empty = PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&empty);
        let status = pod.status.as_ref();
        let text = |t: &Option<String>| -> Arc<str> { t.as_deref().unwrap_or("").into() };
        let requests = pod_requests(spec, false);
        let scored = pod_requests(spec, true);
        let containers = || spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let condition = |kind: &str, reason: &str| {
            status.and_then(|s| s.conditions.as_ref()).into_iter().flatten().any(|c| {
                c.type_ == kind && c.status == "True" && c.reason.as_deref() == Some(reason)
            })
        };
        let controller =
            meta.owner_references.iter().flatten().find(|o| o.controller == Some(true));
        Self {
            namespace: text(&meta.namespace),
            name: text(&meta.name),
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
            labels: Arc::new(meta.labels.clone().unwrap_or_default()),
            priority: spec.priority.unwrap_or(0),
            node: text(&spec.node_name),
            nominated: status.and_then(|s| s.nominated_node_name.as_deref()).map(Arc::from),
            ours: spec.scheduler_name.as_deref().is_none_or(|n| n == "default-scheduler"),
            scored: (scored.cpu_milli, scored.memory),
            requests,
            ports: host_ports(spec),
            node_selector: spec.node_selector.clone().unwrap_or_default(),
            node_affinity: spec.affinity.as_ref().and_then(|a| a.node_affinity.clone()),
            company: Company::read(spec.affinity.as_ref()),
            tolerations: spec.tolerations.clone().unwrap_or_default(),
            spread: spec.topology_spread_constraints.clone().unwrap_or_default(),
            images: containers().filter_map(|c| c.image.clone()).collect(),
            claims: claims(spec),
            gates: spec.scheduling_gates.iter().flatten().map(|g| g.name.clone()).collect(),
            terminating: meta.deletion_timestamp.is_some(),
            finished: matches!(
                status.and_then(|s| s.phase.as_deref()),
                Some("Succeeded" | "Failed")
            ),
            started: status.and_then(|s| s.start_time.as_ref()).map(|t| t.0.as_second()),
            never_preempts: spec.preemption_policy.as_deref() == Some("Never"),
            owner: controller.map(|o| (o.kind.clone(), o.name.clone())),
            preempted: condition("DisruptionTarget", "PreemptionByScheduler"),
            unschedulable: unschedulable(pod),
        }
    }

    /// Whether more than the status changed.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        self.labels != other.labels
            || self.terminating != other.terminating
            || self.requests != other.requests
            || self.tolerations != other.tolerations
            || self.gates != other.gates
    }

    /// Whether the pod asks for neither cpu nor memory.
    #[must_use]
    pub fn best_effort(&self) -> bool {
        self.requests.cpu_milli == 0 && self.requests.memory == 0
    }
}

fn unschedulable(pod: &Pod) -> Option<Arc<str>> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|c| c.type_ == "PodScheduled")?;
    let refused = condition.reason.as_deref() == Some("Unschedulable");
    condition.message.as_deref().filter(|_| refused).map(Arc::from)
}

fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = spec.init_containers.iter().flatten().filter(|c| is_sidecar(c));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|c| c.ports.iter().flatten());
    ports
        .filter_map(|p| {
            Some(HostPort {
                ip: p.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0".into()),
                protocol: p.protocol.clone().unwrap_or("TCP".into()),
                port: p.host_port.filter(|port| *port > 0)?,
            })
        })
        .collect()
}

fn claims(spec: &PodSpec) -> Vec<String> {
    let volumes = spec.volumes.iter().flatten();
    volumes
        .filter_map(|v| v.persistent_volume_claim.as_ref().map(|c| c.claim_name.clone()))
        .collect()
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// Effective request of a pod; with the defaults of scoring or as it stands.
fn pod_requests(spec: &PodSpec, scored: bool) -> Resources {
    let of = |container: &Container| {
        let mut all = container_requests(container.resources.as_ref());
        if scored {
            let list = container.resources.as_ref().and_then(|r| r.requests.as_ref());
            let lacks = |name: &str| list.is_none_or(|l| !l.contains_key(name));
            if lacks("cpu") {
                all.cpu_milli = DEFAULT_CPU_MILLI;
            }
            if lacks("memory") {
                all.memory = DEFAULT_MEMORY;
            }
        }
        all
    };
    let mut total = Resources::default();
    for container in &spec.containers {
        total.add(&of(container), 1);
    }
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for container in spec.init_containers.iter().flatten() {
        let own = of(container);
        if is_sidecar(container) {
            total.add(&own, 1);
            sidecars.add(&own, 1);
            peak.raise(&sidecars);
        } else {
            let mut with = sidecars.clone();
            with.add(&own, 1);
            peak.raise(&with);
        }
    }
    total.raise(&peak);
    pod_level(&mut total, spec.resources.as_ref());
    total.add(&Resources::read(spec.overhead.as_ref()), 1);
    total
}

/// Requests of the pod as a whole stand in place of the sum of its containers.
fn pod_level(total: &mut Resources, resources: Option<&ResourceRequirements>) {
    let Some(list) = resources.and_then(|r| r.requests.as_ref()) else { return };
    let own = Resources::read(Some(list));
    if list.contains_key("cpu") {
        total.cpu_milli = own.cpu_milli;
    }
    if list.contains_key("memory") {
        total.memory = own.memory;
    }
}

fn container_requests(resources: Option<&ResourceRequirements>) -> Resources {
    Resources::read(resources.and_then(|r| r.requests.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(cpu: &str, sidecar: bool) -> Container {
        Container {
            restart_policy: sidecar.then(|| "Always".to_owned()),
            resources: Some(ResourceRequirements {
                requests: Some([("cpu".to_owned(), ApiQuantity(cpu.to_owned()))].into()),
                ..ResourceRequirements::default()
            }),
            ..Container::default()
        }
    }

    #[test]
    fn requests_of_init_containers_and_sidecars() {
        let spec = PodSpec {
            containers: vec![container("300m", false), container("200m", false)],
            init_containers: Some(vec![container("100m", true), container("1", false)]),
            ..PodSpec::default()
        };
        assert_eq!(pod_requests(&spec, false).cpu_milli, 1100);
        let plain = PodSpec {
            containers: vec![Container::default(), container("200m", false)],
            ..PodSpec::default()
        };
        assert_eq!(pod_requests(&plain, false).cpu_milli, 200);
        let scored = pod_requests(&plain, true);
        assert_eq!((scored.cpu_milli, scored.memory), (300, 2 * DEFAULT_MEMORY));
    }

    #[test]
    fn ports_clash_by_address() {
        let port = |ip: &str, protocol: &str| HostPort {
            ip: ip.into(),
            protocol: protocol.into(),
            port: 80,
        };
        assert!(port("0.0.0.0", "TCP").clashes(&port("10.0.0.1", "TCP")));
        assert!(!port("10.0.0.2", "TCP").clashes(&port("10.0.0.1", "TCP")));
        assert!(!port("0.0.0.0", "TCP").clashes(&port("0.0.0.0", "UDP")));
    }
}
