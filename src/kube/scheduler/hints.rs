//! Which changes could make a rejected pod fit.
//!
//! Models the queueing hints of the plugins (`isSchedulableAfter…` in
//! `pkg/scheduler/framework/plugins`) @v1.36, at the level of the kinds of change.

use crate::kube::labels::selects;
use crate::kube::scheduler::cache::{NodeFacts, NodeInfo};
use crate::kube::scheduler::plugins::node_affinity;
use crate::kube::scheduler::plugins::taint_toleration::tolerates;
use crate::kube::scheduler::pod::PodInfo;
use crate::kube::scheduler::queue::Waiting;

/// What happened, as far as it can help a pod.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// A pod came to a node.
    PodPlaced(&'a PodInfo),
    /// A pod left its node.
    PodLeft(&'a PodInfo),
    /// A node came or changed.
    Node {
        /// Before; none if it is new.
        before: Option<&'a NodeFacts>,
        /// After.
        after: &'a NodeFacts,
    },
    /// A claim, volume or class changed.
    Storage,
}

/// Whether one of the plugins that rejected the pod would look at it again.
#[must_use]
pub fn helps(waiting: &Waiting, what: Happening<'_>) -> bool {
    waiting.rejected_by.iter().any(|plugin| match what {
        Happening::PodPlaced(other) => placed_helps(plugin, &waiting.pod, other),
        Happening::PodLeft(other) => left_helps(plugin, &waiting.pod, other),
        Happening::Node { before, after } => node_helps(plugin, &waiting.pod, before, after),
        Happening::Storage => *plugin == "VolumeBinding",
    })
}

fn placed_helps(plugin: &str, pod: &PodInfo, other: &PodInfo) -> bool {
    match plugin {
        "InterPodAffinity" => pod
            .company
            .with
            .iter()
            .any(|term| term.label_selector.as_ref().is_some_and(|s| selects(s, &other.labels))),
        "PodTopologySpread" => spread_counts(pod, other),
        _ => false,
    }
}

fn left_helps(plugin: &str, pod: &PodInfo, other: &PodInfo) -> bool {
    match plugin {
        "NodeResourcesFit" => true,
        "NodePorts" => pod.ports.iter().any(|p| other.ports.iter().any(|q| p.clashes(q))),
        "InterPodAffinity" => {
            !other.company.without.is_empty()
                || pod.company.without.iter().any(|term| {
                    term.label_selector.as_ref().is_some_and(|s| selects(s, &other.labels))
                })
        }
        "PodTopologySpread" => spread_counts(pod, other),
        _ => false,
    }
}

fn spread_counts(pod: &PodInfo, other: &PodInfo) -> bool {
    pod.namespace == other.namespace
        && pod
            .spread
            .iter()
            .any(|c| c.label_selector.as_ref().is_some_and(|s| selects(s, &other.labels)))
}

fn node_helps(plugin: &str, pod: &PodInfo, before: Option<&NodeFacts>, after: &NodeFacts) -> bool {
    let relabeled = before.is_none_or(|b| b.labels != after.labels);
    let retainted = before.is_none_or(|b| b.taints != after.taints);
    match plugin {
        "NodeUnschedulable" => !after.unschedulable && before.is_none_or(|b| b.unschedulable),
        "TaintToleration" => {
            let tolerated = after
                .taints
                .iter()
                .filter(|t| t.effect != "PreferNoSchedule")
                .all(|t| pod.tolerations.iter().any(|own| tolerates(own, t)));
            retainted && tolerated
        }
        "NodeAffinity" => relabeled && matches(pod, after),
        "NodeName" => before.is_none() && pod.node == after.name,
        "NodePorts" => before.is_none(),
        "NodeResourcesFit" => {
            let grown = before
                .is_none_or(|b| b.allocatable != after.allocatable || b.max_pods != after.max_pods);
            let (want, all) = (&pod.requests, &after.allocatable);
            grown && want.cpu_milli <= all.cpu_milli && want.memory <= all.memory
        }
        "PodTopologySpread" => relabeled || retainted,
        "InterPodAffinity" => relabeled,
        _ => false,
    }
}

fn matches(pod: &PodInfo, facts: &NodeFacts) -> bool {
    let node = NodeInfo { facts: std::sync::Arc::new(facts.clone()), ..NodeInfo::default() };
    node_affinity::matches(pod, &node)
}
