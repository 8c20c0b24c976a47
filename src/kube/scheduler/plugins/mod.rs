//! The scheduler's plugins, in upstream's order.
//!
//! Models kubernetes `pkg/scheduler/apis/config/v1/default_plugins.go` and
//! `pkg/scheduler/framework/plugins` @v1.36 (handbook kubernetes-scheduler §3, §4, §6).
//! Left out: DynamicResources (nothing here claims devices), VolumeZone and NodeVolumeLimits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::shelf::Shelf;
use crate::kube::scheduler::cache::{Group, NodeInfo};
use crate::kube::scheduler::pod::PodInfo;

pub mod balanced_allocation;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources;
pub mod node_unschedulable;
pub mod pod_topology_spread;
pub mod taint_toleration;
pub mod volume_binding;

/// Best score of a plugin for a node.
pub const MAX_SCORE: i64 = 100;

/// Why a plugin refuses a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Texts as the real plugin words them.
    pub reasons: Vec<Cow<'static, str>>,
    /// Whether removing other pods could help.
    pub resolvable: bool,
}

impl Rejection {
    /// Removing pods does not help.
    #[must_use]
    pub fn lasting(reason: &'static str) -> Self {
        Self { reasons: vec![Cow::Borrowed(reason)], resolvable: false }
    }

    /// Removing pods could help.
    #[must_use]
    pub fn resolvable(reason: &'static str) -> Self {
        Self { reasons: vec![Cow::Borrowed(reason)], resolvable: true }
    }
}

/// The nodes as one attempt sees them.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// Nodes by name; those without facts are not there yet.
    pub nodes: Shelf<Arc<str>, Arc<NodeInfo>>,
    /// All groups of pods, by number.
    pub groups: &'a [Group],
    /// How many nodes have each image.
    pub image_nodes: &'a BTreeMap<String, i64>,
    /// Labels of the namespaces, for namespace selectors.
    pub namespaces: &'a BTreeMap<Arc<str>, BTreeMap<String, String>>,
}

impl Snapshot<'_> {
    /// Nodes that exist.
    pub fn existing(&self) -> impl Iterator<Item = &Arc<NodeInfo>> {
        self.nodes.values().filter(|n| !n.facts.name.is_empty())
    }
}

/// What plugins computed before looking at nodes.
#[derive(Clone, Debug)]
pub struct Cycle<'a> {
    /// The pod.
    pub pod: &'a PodInfo,
    /// The nodes.
    pub snapshot: Snapshot<'a>,
    /// Topology spread constraints that nodes must meet.
    pub spread: pod_topology_spread::Hard,
    /// Required terms about other pods.
    pub company: inter_pod_affinity::Required,
}

impl<'a> Cycle<'a> {
    /// PreFilter of all plugins.
    #[must_use]
    pub fn new(pod: &'a PodInfo, snapshot: Snapshot<'a>) -> Self {
        let spread = pod_topology_spread::Hard::new(pod, &snapshot);
        let company = inter_pod_affinity::Required::new(pod, &snapshot);
        Self { pod, snapshot, spread, company }
    }
}

/// What plugins computed before scoring the feasible nodes.
#[derive(Clone, Debug)]
pub struct Scoring<'a> {
    /// The pod.
    pub pod: &'a PodInfo,
    /// The nodes.
    pub snapshot: &'a Snapshot<'a>,
    /// Soft topology spread constraints.
    pub spread: pod_topology_spread::Soft,
    /// Preferred terms about other pods.
    pub company: inter_pod_affinity::Preferred,
}

/// One plugin. What it does not define, it does not take part in.
pub trait Plugin: Sync {
    /// Name as upstream spells it.
    fn name(&self) -> &'static str;

    /// Whether the pod can run on the node.
    fn filter(&self, _cycle: &Cycle<'_>, _node: &NodeInfo) -> Result<(), Rejection> {
        Ok(())
    }

    /// Weight of its score in the sum; 0 if it does not score.
    fn weight(&self) -> i64 {
        0
    }

    /// How well the node suits the pod; `None` where the plugin has nothing to say.
    fn score(&self, _scoring: &Scoring<'_>, _node: &NodeInfo) -> Option<i64> {
        None
    }

    /// Bring the scores of all nodes to 0..=100.
    fn normalize(&self, _scoring: &Scoring<'_>, _scores: &mut [Option<i64>]) {}
}

/// All plugins, in the order in which they filter.
pub static PLUGINS: &[&dyn Plugin] = &[
    &node_unschedulable::NodeUnschedulable,
    &node_name::NodeName,
    &taint_toleration::TaintToleration,
    &node_affinity::NodeAffinity,
    &node_ports::NodePorts,
    &node_resources::NodeResourcesFit,
    &volume_binding::VolumeBinding,
    &pod_topology_spread::PodTopologySpread,
    &inter_pod_affinity::InterPodAffinity,
    &balanced_allocation::NodeResourcesBalancedAllocation,
    &image_locality::ImageLocality,
];

/// `DefaultNormalizeScore`: the greatest becomes 100; reversed, the greatest becomes 0.
pub fn normalize_to_max(scores: &mut [Option<i64>], reverse: bool) {
    let max = scores.iter().flatten().copied().max().unwrap_or(0);
    for score in scores.iter_mut().flatten() {
        *score = match (max, reverse) {
            (0, true) => MAX_SCORE,
            (0, false) => 0,
            (_, true) => MAX_SCORE - MAX_SCORE * *score / max,
            (_, false) => MAX_SCORE * *score / max,
        };
    }
}

/// First plugin that refuses the node.
#[must_use]
pub fn filter(cycle: &Cycle<'_>, node: &NodeInfo) -> Option<(&'static str, Rejection)> {
    PLUGINS.iter().find_map(|p| Some((p.name(), p.filter(cycle, node).err()?)))
}
