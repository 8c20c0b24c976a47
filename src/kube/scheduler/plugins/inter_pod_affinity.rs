//! Pods that want to be near others, or far from them.
//!
//! Models `plugins/interpodaffinity/{filtering,scoring}.go` @v1.36.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::PodAffinityTerm;

use crate::kube::labels::{Labels, is_empty, selects};
use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{Cycle, MAX_SCORE, Plugin, Rejection, Scoring, Snapshot};
use crate::kube::scheduler::pod::PodInfo;

/// Weight of existing pods' required affinity for the incoming pod (`hardPodAffinityWeight`).
const HARD_WEIGHT: i64 = 1;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct InterPodAffinity;

/// Topology key and value, with a count.
type Counts = BTreeMap<(String, String), i64>;

/// Required terms, counted over all nodes.
#[derive(Clone, Debug, Default)]
pub struct Required {
    /// Existing pods whose anti-affinity the pod would break.
    against: Counts,
    /// Pods that match all affinity terms of the pod.
    with: Counts,
    /// Pods that match an anti-affinity term of the pod.
    without: Counts,
    /// The pod matches its own affinity terms.
    own: bool,
}

/// Preferred terms: weight per topology key and value.
#[derive(Clone, Debug, Default)]
pub struct Preferred {
    scores: Counts,
    any: bool,
}

/// Whether a term, written in a pod of `home`, means a pod of this namespace with these labels.
fn term_selects(
    term: &PodAffinityTerm,
    home: &PodInfo,
    namespace: &Arc<str>,
    labels: &Labels,
    snapshot: &Snapshot<'_>,
) -> bool {
    let by_selector = term.namespace_selector.as_ref();
    let listed = term.namespaces.as_deref().unwrap_or(&[]);
    let in_namespace = if listed.is_empty() && by_selector.is_none() {
        *namespace == home.namespace
    } else {
        listed.iter().any(|n| n.as_str() == namespace.as_ref())
            || by_selector.is_some_and(|selector| {
                let empty = Labels::new();
                let own = snapshot.namespaces.get(namespace).unwrap_or(&empty);
                is_empty(selector) || selects(selector, own)
            })
    };
    let keys_match = term
        .match_label_keys
        .iter()
        .flatten()
        .all(|key| home.labels.get(key).is_none_or(|value| labels.get(key) == Some(value)));
    in_namespace
        && keys_match
        && term.label_selector.as_ref().is_some_and(|selector| selects(selector, labels))
}

/// Pods of a node that all these terms mean.
fn count_matching(
    terms: &[&PodAffinityTerm],
    home: &PodInfo,
    node: &NodeInfo,
    snapshot: &Snapshot<'_>,
) -> i64 {
    let groups = node.groups.iter().filter(|(id, _)| {
        let group = usize::try_from(id.0).ok().and_then(|at| snapshot.groups.get(at));
        group.is_some_and(|g| {
            terms.iter().all(|t| term_selects(t, home, &g.namespace, &g.labels, snapshot))
        })
    });
    groups.map(|(_, n)| *n).sum()
}

fn place(node: &NodeInfo, key: &str) -> Option<(String, String)> {
    node.facts.labels.get(key).map(|value| (key.to_owned(), value.clone()))
}

impl Required {
    /// Count over all nodes.
    #[must_use]
    pub fn new(pod: &PodInfo, snapshot: &Snapshot<'_>) -> Self {
        let mut all = Self::default();
        let with: Vec<&PodAffinityTerm> = pod.company.with.iter().collect();
        all.own = !with.is_empty()
            && with.iter().all(|t| term_selects(t, pod, &pod.namespace, &pod.labels, snapshot));
        for node in snapshot.existing() {
            for uid in &node.choosy {
                let Some(other) = node.pods.get(uid) else { continue };
                for term in &other.company.without {
                    if term_selects(term, other, &pod.namespace, &pod.labels, snapshot) {
                        add(&mut all.against, place(node, &term.topology_key), 1);
                    }
                }
            }
            if !with.is_empty() {
                let count = count_matching(&with, pod, node, snapshot);
                for term in &with {
                    add(&mut all.with, place(node, &term.topology_key), count);
                }
            }
            for term in &pod.company.without {
                let count = count_matching(&[term], pod, node, snapshot);
                add(&mut all.without, place(node, &term.topology_key), count);
            }
        }
        all
    }
}

fn add(counts: &mut Counts, place: Option<(String, String)>, n: i64) {
    if let Some(place) = place.filter(|_| n != 0) {
        *counts.entry(place).or_insert(0) += n;
    }
}

impl Preferred {
    /// Weigh over all nodes.
    #[must_use]
    pub fn new(pod: &PodInfo, snapshot: &Snapshot<'_>) -> Self {
        let mut all = Self::default();
        let own = &pod.company;
        all.any = !own.rather_with.is_empty() || !own.rather_without.is_empty();
        for node in snapshot.existing() {
            let signed = own.rather_with.iter().map(|t| (t, 1));
            for (term, sign) in signed.chain(own.rather_without.iter().map(|t| (t, -1))) {
                let term_of = &term.pod_affinity_term;
                let count = count_matching(&[term_of], pod, node, snapshot);
                let weight = sign * i64::from(term.weight) * count;
                add(&mut all.scores, place(node, &term_of.topology_key), weight);
            }
            for uid in &node.choosy {
                let Some(other) = node.pods.get(uid) else { continue };
                all.weigh_existing(pod, other, node, snapshot);
            }
        }
        all
    }

    fn weigh_existing(
        &mut self,
        pod: &PodInfo,
        other: &PodInfo,
        node: &NodeInfo,
        snapshot: &Snapshot<'_>,
    ) {
        let company = &other.company;
        let hard = company.with.iter().map(|t| (t, HARD_WEIGHT));
        let rather =
            company.rather_with.iter().map(|t| (&t.pod_affinity_term, i64::from(t.weight)));
        let rather_not =
            company.rather_without.iter().map(|t| (&t.pod_affinity_term, -i64::from(t.weight)));
        for (term, weight) in hard.chain(rather).chain(rather_not) {
            if term_selects(term, other, &pod.namespace, &pod.labels, snapshot) {
                self.any = true;
                add(&mut self.scores, place(node, &term.topology_key), weight);
            }
        }
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        let required = &cycle.company;
        let own = &cycle.pod.company;
        let count = |counts: &Counts, key: &str| {
            place(node, key).and_then(|place| counts.get(&place).copied()).unwrap_or(0)
        };
        let has_keys = own.with.iter().all(|t| node.facts.labels.contains_key(&t.topology_key));
        let near = has_keys && own.with.iter().all(|t| count(&required.with, &t.topology_key) > 0);
        // The first of a group that wants to be near itself may go anywhere.
        let first = has_keys && required.with.is_empty() && required.own;
        if !own.with.is_empty() && !near && !first {
            return Err(Rejection::lasting("node(s) didn't match pod affinity rules"));
        }
        if own.without.iter().any(|t| count(&required.without, &t.topology_key) > 0) {
            return Err(Rejection::resolvable("node(s) didn't match pod anti-affinity rules"));
        }
        let broken = required
            .against
            .iter()
            .any(|((key, value), n)| *n > 0 && node.facts.labels.get(key) == Some(value));
        if broken {
            const REASON: &str = "node(s) didn't satisfy existing pods anti-affinity rules";
            return Err(Rejection::resolvable(REASON));
        }
        Ok(())
    }

    fn weight(&self) -> i64 {
        2
    }

    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        if !scoring.company.any {
            return None;
        }
        let scores = scoring.company.scores.iter();
        let here = scores.filter(|((key, value), _)| node.facts.labels.get(key) == Some(value));
        Some(here.map(|(_, weight)| *weight).sum())
    }

    fn normalize(&self, _scoring: &Scoring<'_>, scores: &mut [Option<i64>]) {
        let min = scores.iter().flatten().copied().min().unwrap_or(0);
        let max = scores.iter().flatten().copied().max().unwrap_or(0);
        for score in scores.iter_mut().flatten() {
            *score = if max > min { MAX_SCORE * (*score - min) / (max - min) } else { 0 };
        }
    }
}
