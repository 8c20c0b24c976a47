//! The scheduler's picture of the nodes and of what runs on them, assumed pods included.
//!
//! Models kubernetes `pkg/scheduler/backend/cache` (`cache.go`, `node_tree.go`) and
//! `framework/types.go` `NodeInfo` @v1.36. Pods with equal namespace and labels are kept as one
//! group, so that counting pods by selector does not look at every pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};

use crate::base::quantity::Quantity;
use crate::base::shelf::Shelf;
use crate::kube::labels::Labels;
use crate::kube::scheduler::pod::{HostPort, PodInfo, Resources};

/// Number of a group of pods with the same namespace and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// Namespace and labels of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Labels.
    pub labels: Arc<Labels>,
}

/// What the scheduler reads from a Node object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeFacts {
    /// Name.
    pub name: Arc<str>,
    /// Labels.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Allocatable amounts.
    pub allocatable: Resources,
    /// Allocatable pods.
    pub max_pods: i64,
    /// Size of each image present, by name.
    pub images: BTreeMap<String, i64>,
}

impl NodeFacts {
    /// Read a node.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let spec = node.spec.as_ref();
        let status = node.status.as_ref();
        let allocatable = status.and_then(|s| s.allocatable.as_ref());
        let max_pods = allocatable.and_then(|l| l.get("pods")).and_then(|q| Quantity::parse(&q.0));
        let mut images = BTreeMap::new();
        for image in status.and_then(|s| s.images.as_ref()).into_iter().flatten() {
            for name in image.names.iter().flatten() {
                images.insert(name.clone(), image.size_bytes.unwrap_or(0));
            }
        }
        Self {
            name: node.metadata.name.as_deref().unwrap_or("").into(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: spec.and_then(|s| s.taints.clone()).unwrap_or_default(),
            unschedulable: spec.and_then(|s| s.unschedulable).unwrap_or(false),
            allocatable: Resources::read(allocatable),
            max_pods: max_pods.map_or(0, Quantity::value),
            images,
        }
    }

    /// Region and zone, by which the order of nodes goes round.
    fn zone(&self) -> String {
        let label = |key: &str| self.labels.get(key).map_or("", String::as_str);
        let region = label("topology.kubernetes.io/region");
        let zone = label("topology.kubernetes.io/zone");
        if region.is_empty() && zone.is_empty() {
            String::new()
        } else {
            format!("{region}:\0:{zone}")
        }
    }
}

/// A node with what runs on it.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// The node.
    pub facts: Arc<NodeFacts>,
    /// Requests of its pods.
    pub used: Resources,
    /// Cpu and memory of its pods as scores count them.
    pub scored: (i64, i64),
    /// Its pods by uid.
    pub pods: BTreeMap<Arc<str>, Arc<PodInfo>>,
    /// Pods that are not terminating, per group.
    pub alive: BTreeMap<GroupId, i64>,
    /// All pods, per group.
    pub groups: BTreeMap<GroupId, i64>,
    /// Uids of pods that say something about their company.
    pub choosy: BTreeSet<Arc<str>>,
    /// Host ports in use.
    pub ports: Vec<HostPort>,
}

impl NodeInfo {
    /// Put a pod on it.
    pub fn add(&mut self, pod: Arc<PodInfo>, group: GroupId) {
        self.count(&pod, group, 1);
        self.ports.extend(pod.ports.iter().cloned());
        if !pod.company.is_empty() {
            self.choosy.insert(pod.uid.clone());
        }
        self.pods.insert(pod.uid.clone(), pod);
    }

    /// Take a pod off it.
    pub fn remove(&mut self, uid: &str, group: GroupId) -> Option<Arc<PodInfo>> {
        let pod = self.pods.remove(uid)?;
        self.count(&pod, group, -1);
        for port in &pod.ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.remove(at);
            }
        }
        self.choosy.remove(uid);
        Some(pod)
    }

    fn count(&mut self, pod: &PodInfo, group: GroupId, times: i64) {
        self.used.add(&pod.requests, times);
        self.scored.0 += times * pod.scored.0;
        self.scored.1 += times * pod.scored.1;
        *self.groups.entry(group).or_insert(0) += times;
        if !pod.terminating {
            *self.alive.entry(group).or_insert(0) += times;
        }
        if times < 0 {
            self.groups.retain(|_, n| *n != 0);
            self.alive.retain(|_, n| *n != 0);
        }
    }
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// Nodes by name; one without facts holds pods of a node not seen yet.
    pub nodes: Shelf<Arc<str>, Arc<NodeInfo>>,
    /// Where each pod is: node, group, whether only assumed.
    placed: Shelf<Arc<str>, Placed>,
    groups: Shelf<Group, GroupId>,
    group_list: Vec<Group>,
    /// Nodes in the order in which they came, per zone, zones in the order in which they came.
    zones: Vec<(String, Vec<Arc<str>>)>,
    /// The order in which the next pod looks at nodes.
    order: Vec<Arc<str>>,
    /// How many nodes have each image.
    pub image_nodes: BTreeMap<String, i64>,
}

#[derive(Clone, Debug)]
struct Placed {
    node: Arc<str>,
    group: GroupId,
    assumed: bool,
}

impl Cache {
    /// The group of a pod.
    pub fn group(&mut self, pod: &PodInfo) -> GroupId {
        let group = Group { namespace: pod.namespace.clone(), labels: pod.labels.clone() };
        if let Some(id) = self.groups.get(&group) {
            return *id;
        }
        let id = GroupId(u32::try_from(self.group_list.len()).unwrap_or(u32::MAX));
        self.groups.edit().insert(group.clone(), id);
        self.group_list.push(group);
        id
    }

    /// All groups ever seen, by number.
    #[must_use]
    pub fn group_list(&self) -> &[Group] {
        &self.group_list
    }

    /// Group of a pod on a node.
    #[must_use]
    pub fn group_of(&self, uid: &str) -> Option<GroupId> {
        self.placed.get(uid).map(|p| p.group)
    }

    /// A node came or changed.
    pub fn set_node(&mut self, node: &Node) {
        let facts = NodeFacts::read(node);
        let name = facts.name.clone();
        let known = self.nodes.get(&name).cloned().unwrap_or_default();
        if *known.facts == facts {
            return;
        }
        if !known.facts.name.is_empty() {
            self.count_images(&known.facts, -1);
        }
        self.count_images(&facts, 1);
        if known.facts.name.is_empty() || known.facts.zone() != facts.zone() {
            self.leave_zone(&name);
            let zone = facts.zone();
            match self.zones.iter_mut().find(|(z, _)| *z == zone) {
                Some((_, names)) => names.push(name.clone()),
                None => self.zones.push((zone, vec![name.clone()])),
            }
            self.reorder();
        }
        let entry = self.nodes.edit().entry(name).or_default();
        Arc::make_mut(entry).facts = Arc::new(facts);
    }

    /// A node is gone; its pods stay until they go themselves.
    pub fn remove_node(&mut self, name: &str) {
        let Some(node) = self.nodes.get(name).cloned() else { return };
        self.count_images(&node.facts, -1);
        self.leave_zone(name);
        self.reorder();
        if node.pods.is_empty() {
            self.nodes.edit().remove(name);
        } else if let Some(entry) = self.nodes.edit().get_mut(name) {
            Arc::make_mut(entry).facts = Arc::default();
        }
    }

    /// A pod is on a node: bound, changed, or assumed to be bound.
    pub fn place(&mut self, pod: Arc<PodInfo>, node: &Arc<str>, assumed: bool) {
        self.unplace(&pod.uid);
        let group = self.group(&pod);
        let placed = Placed { node: node.clone(), group, assumed };
        self.placed.edit().insert(pod.uid.clone(), placed);
        let entry = self.nodes.edit().entry(node.clone()).or_default();
        Arc::make_mut(entry).add(pod, group);
    }

    /// A pod is on no node any more. Returns where it was.
    pub fn unplace(&mut self, uid: &str) -> Option<Arc<str>> {
        let placed = self.placed.get(uid).cloned()?;
        self.placed.edit().remove(uid);
        if let Some(entry) = self.nodes.edit().get_mut(&placed.node) {
            Arc::make_mut(entry).remove(uid, placed.group);
        }
        Some(placed.node)
    }

    /// Where a pod is.
    #[must_use]
    pub fn node_of(&self, uid: &str) -> Option<&Arc<str>> {
        self.placed.get(uid).map(|p| &p.node)
    }

    /// Whether a pod is only assumed to be on its node.
    #[must_use]
    pub fn is_assumed(&self, uid: &str) -> bool {
        self.placed.get(uid).is_some_and(|p| p.assumed)
    }

    /// Names of all nodes, in the order of the node tree.
    #[must_use]
    pub fn order(&self) -> &[Arc<str>] {
        &self.order
    }

    fn leave_zone(&mut self, name: &str) {
        for (_, names) in &mut self.zones {
            names.retain(|n| n.as_ref() != name);
        }
        self.zones.retain(|(_, names)| !names.is_empty());
    }

    /// Round-robin over the zones.
    fn reorder(&mut self) {
        self.order.clear();
        let most = self.zones.iter().map(|(_, names)| names.len()).max().unwrap_or(0);
        for round in 0..most {
            let names = self.zones.iter().filter_map(|(_, names)| names.get(round));
            self.order.extend(names.cloned());
        }
    }

    fn count_images(&mut self, facts: &NodeFacts, times: i64) {
        for name in facts.images.keys() {
            *self.image_nodes.entry(name.clone()).or_insert(0) += times;
        }
        self.image_nodes.retain(|_, n| *n > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Container, NodeSpec, Pod, PodSpec, ResourceRequirements};
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn node(name: &str, zone: &str) -> Node {
        Node {
            metadata: ObjectMeta {
                name: Some(name.into()),
                labels: Some([("topology.kubernetes.io/zone".to_owned(), zone.to_owned())].into()),
                ..ObjectMeta::default()
            },
            spec: Some(NodeSpec::default()),
            status: None,
        }
    }

    fn pod(uid: &str) -> Arc<PodInfo> {
        let requests = Some([("cpu".to_owned(), ApiQuantity("250m".into()))].into());
        Arc::new(PodInfo::read(&Pod {
            metadata: ObjectMeta { uid: Some(uid.into()), ..ObjectMeta::default() },
            spec: Some(PodSpec {
                containers: vec![Container {
                    resources: Some(ResourceRequirements {
                        requests,
                        ..ResourceRequirements::default()
                    }),
                    ..Container::default()
                }],
                ..PodSpec::default()
            }),
            status: None,
        }))
    }

    #[test]
    fn nodes_go_round_the_zones() {
        let mut cache = Cache::default();
        for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            cache.set_node(&node(name, zone));
        }
        let order: Vec<&str> = cache.order().iter().map(AsRef::as_ref).collect();
        assert_eq!(order, ["a1", "b1", "a2"]);
        cache.remove_node("a1");
        assert_eq!(cache.order().len(), 2);
    }

    #[test]
    fn placing_counts_once() {
        let mut cache = Cache::default();
        cache.set_node(&node("n", "z"));
        let name: Arc<str> = "n".into();
        cache.place(pod("u"), &name, true);
        assert!(cache.is_assumed("u"));
        cache.place(pod("u"), &name, false);
        let used = |c: &Cache| c.nodes.get("n").map(|n| n.used.cpu_milli);
        assert_eq!(used(&cache), Some(250));
        cache.unplace("u");
        assert_eq!(used(&cache), Some(0));
        assert!(cache.nodes.get("n").is_some_and(|n| n.groups.is_empty()));
    }
}
