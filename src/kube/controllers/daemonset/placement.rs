//! On which nodes a DaemonSet runs, and the pod it makes for a node.
//!
//! Models `NodeShouldRunDaemonPod` of kubernetes `pkg/controller/daemon/daemon_controller.go` and
//! `util/daemonset_util.go` @v1.36.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod,
    PodSpec, Taint, Toleration,
};

use crate::kube::api::store::Change;
use crate::kube::controllers::pods::{controller_ref, from_template};
use crate::kube::controllers::revisions::REVISION_LABEL;
use crate::kube::kinds::Object;
use crate::kube::labels::{Labels, contains, term_matches};
use crate::kube::scheduler::plugins::taint_toleration::tolerates;

/// Label: number of the template, from the days before revisions.
const GENERATION_LABEL: &str = "pod-template-generation";
/// Annotation that holds that number.
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// Tolerations of every daemon pod: key, effect.
const TOLERATIONS: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// One more on the host's network.
const HOST_NETWORK: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// Whether a node gets a pod, and whether one that is there may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// It gets one.
    pub run: bool,
    /// One may stay.
    pub stay: bool,
}

/// How a node suits a set.
#[must_use]
pub fn suits(set: &DaemonSet, node: &Node) -> Fit {
    let template = set.spec.template.spec.clone().unwrap_or_default();
    let name = node.metadata.name.as_deref().unwrap_or("");
    let named = template.node_name.as_deref().is_none_or(|n| n.is_empty() || n == name);
    if !named || !selected(&template, node) {
        return Fit { run: false, stay: false };
    }
    let tolerations = tolerations(&template);
    let empty: &[Taint] = &[];
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or(empty);
    let bad = |effect: &str| {
        taints
            .iter()
            .filter(|t| t.effect == effect)
            .any(|t| !tolerations.iter().any(|own| tolerates(own, t)))
    };
    let (no_schedule, no_execute) = (bad("NoSchedule"), bad("NoExecute"));
    Fit { run: !no_schedule && !no_execute, stay: !no_execute }
}

fn selected(template: &PodSpec, node: &Node) -> bool {
    let empty = Labels::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&empty);
    let name = node.metadata.name.as_deref().unwrap_or("");
    let required = template
        .affinity
        .as_ref()
        .and_then(|a| a.node_affinity.as_ref())
        .and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    template.node_selector.as_ref().is_none_or(|s| contains(s, labels))
        && required
            .is_none_or(|r| r.node_selector_terms.iter().any(|t| term_matches(t, labels, name)))
}

fn tolerations(template: &PodSpec) -> Vec<Toleration> {
    let mut all = template.tolerations.clone().unwrap_or_default();
    let host = (template.host_network == Some(true)).then_some(HOST_NETWORK);
    for (key, effect) in TOLERATIONS.into_iter().chain(host) {
        let known = all.iter().any(|t| {
            t.key.as_deref() == Some(key)
                && t.effect.as_deref() == Some(effect)
                && t.operator.as_deref() == Some("Exists")
        });
        if !known {
            all.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some(effect.to_owned()),
                ..Toleration::default()
            });
        }
    }
    all
}

/// The pod for a node.
#[must_use]
pub fn pod_for(set: &DaemonSet, node: &str, hash: &str) -> Pod {
    let namespace = set.metadata.namespace.as_deref().unwrap_or("");
    let owner = controller_ref::<DaemonSet>(&set.metadata);
    let mut pod = from_template(&set.spec.template, namespace, owner);
    let labels = pod.metadata.labels.get_or_insert_default();
    if let Some(number) = set.metadata.annotations.as_ref().and_then(|a| a.get(GENERATION)) {
        labels.insert(GENERATION_LABEL.to_owned(), number.clone());
    }
    labels.insert(REVISION_LABEL.to_owned(), hash.to_owned());
    let spec = pod.spec.get_or_insert_default();
    spec.tolerations = Some(tolerations(spec));
    let requirement = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![requirement]), match_expressions: None };
    let affinity: &mut Affinity = spec.affinity.get_or_insert_default();
    let own: &mut NodeAffinity = affinity.node_affinity.get_or_insert_default();
    let required = own
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_with(NodeSelector::default);
    // The term of the node takes the place of the terms of the template.
    required.node_selector_terms = vec![term];
    pod
}

/// Whether a change of a node can change where sets run.
#[must_use]
pub fn node_matters(change: &Change) -> bool {
    let facts = |o: Option<&Object>| match o {
        Some(Object::Node(node)) => {
            let taints = node.spec.as_ref().and_then(|s| s.taints.clone());
            Some((node.metadata.labels.clone(), taints))
        }
        _ => None,
    };
    // Upstream has no handler for a node that goes; its pods' end wakes the sets.
    change.new.is_some() && facts(change.old.as_deref()) != facts(change.new.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::NodeSpec;

    #[test]
    fn taints_decide_who_runs_and_who_stays() {
        let node = |key: &str, effect: &str| Node {
            spec: Some(NodeSpec {
                taints: Some(vec![Taint {
                    key: key.into(),
                    effect: effect.into(),
                    ..Taint::default()
                }]),
                ..NodeSpec::default()
            }),
            ..Node::default()
        };
        let set = DaemonSet::default();
        for (key, effect, run, stay) in [
            ("node.kubernetes.io/unschedulable", "NoSchedule", true, true),
            ("dedicated", "NoSchedule", false, true),
            ("dedicated", "NoExecute", false, false),
            ("node.kubernetes.io/unreachable", "NoExecute", true, true),
        ] {
            assert_eq!(suits(&set, &node(key, effect)), Fit { run, stay }, "{key} {effect}");
        }
    }
}
