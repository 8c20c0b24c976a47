//! Node selectors and node affinity.
//!
//! Models `plugins/nodeaffinity` @v1.36.

use crate::kube::labels::{contains, term_matches};
use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{Cycle, Plugin, Rejection, Scoring, normalize_to_max};
use crate::kube::scheduler::pod::PodInfo;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeAffinity;

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        if matches(cycle.pod, node) {
            return Ok(());
        }
        Err(Rejection::lasting("node(s) didn't match Pod's node affinity/selector"))
    }

    fn weight(&self) -> i64 {
        2
    }

    /// Sum of the weights of the preferred terms that match.
    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        let affinity = scoring.pod.node_affinity.as_ref()?;
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_ref()?;
        let terms = preferred.iter().filter(|t| {
            // Here, other than in the required terms, an empty term matches every node.
            let empty =
                t.preference.match_expressions.is_none() && t.preference.match_fields.is_none();
            empty || term_matches(&t.preference, &node.facts.labels, &node.facts.name)
        });
        Some(terms.map(|t| i64::from(t.weight)).sum())
    }

    fn normalize(&self, _scoring: &Scoring<'_>, scores: &mut [Option<i64>]) {
        normalize_to_max(scores, false);
    }
}

/// Whether the selector and the required terms of a pod match a node.
#[must_use]
pub fn matches(pod: &PodInfo, node: &NodeInfo) -> bool {
    let required = pod
        .node_affinity
        .as_ref()
        .and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    contains(&pod.node_selector, &node.facts.labels)
        && required.is_none_or(|selector| {
            let mut terms = selector.node_selector_terms.iter();
            terms.any(|t| term_matches(t, &node.facts.labels, &node.facts.name))
        })
}

/// Node names to which `metadata.name` terms narrow the pod, if every term has one (PreFilter).
#[must_use]
pub fn named_nodes(pod: &PodInfo) -> Option<Vec<String>> {
    let required =
        pod.node_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_ref()?;
    let mut names = Vec::new();
    for term in &required.node_selector_terms {
        let mut fields = term.match_fields.iter().flatten();
        let field = fields.find(|f| f.key == "metadata.name" && f.operator == "In")?;
        names.extend(field.values.iter().flatten().cloned());
    }
    (!required.node_selector_terms.is_empty()).then_some(names)
}
