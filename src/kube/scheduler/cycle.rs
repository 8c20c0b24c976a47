//! One attempt to find a node for a pod.
//!
//! Models kubernetes `pkg/scheduler/schedule_one.go` (`schedulePod`, `findNodesThatFitPod`,
//! `prioritizeNodes`, `selectHost`) @v1.36 (handbook kubernetes-scheduler §2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use smallvec::SmallVec;

use crate::base::rng::Stream;
use crate::base::time::SimTime;
use crate::kube::scheduler::cache::{Cache, NodeInfo};
use crate::kube::scheduler::fit_error;
use crate::kube::scheduler::plugins::{
    self, Cycle, PLUGINS, Rejection, Scoring, Snapshot, inter_pod_affinity, node_affinity,
    pod_topology_spread, volume_binding,
};
use crate::kube::scheduler::pod::PodInfo;
use crate::kube::scheduler::preemption::{self, Budget, Preemption};

/// Fewest nodes looked for (`minFeasibleNodesToFind`).
const MIN_FEASIBLE: usize = 100;

/// What an attempt reads besides the cache.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// Claims of the pod with their state.
    pub claims: Vec<(String, volume_binding::Claim)>,
    /// Selector of the workload that owns the pod.
    pub owner_selector: Option<LabelSelector>,
    /// Labels of the namespaces.
    pub namespaces: &'a BTreeMap<Arc<str>, BTreeMap<String, String>>,
    /// Disruption budgets.
    pub budgets: &'a [Budget],
    /// Pods with a nominated node.
    pub nominated: &'a BTreeMap<Arc<str>, Vec<Arc<PodInfo>>>,
}

/// Weighted scores of a node, by plugin.
pub type Parts = SmallVec<[(&'static str, i64); 7]>;

/// What became of a node in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeVerdict {
    /// A plugin refused it.
    Refused {
        /// The plugin.
        plugin: &'static str,
        /// Its reasons.
        reasons: Vec<Arc<str>>,
    },
    /// It could take the pod.
    Fits {
        /// Sum of the weighted scores; 0 if scoring was not needed.
        total: i64,
        /// Weighted scores in the order of [`PLUGINS`] that score.
        parts: Parts,
    },
}

/// Everything an attempt found out, kept for "why not".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When.
    pub at: SimTime,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// Each node looked at, in that order.
    pub nodes: Vec<(Arc<str>, NodeVerdict)>,
    /// Why no node was looked at.
    pub pre_filter: Option<String>,
    /// The node chosen.
    pub chosen: Option<Arc<str>>,
    /// The message of a failed attempt.
    pub message: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A node was chosen.
    Chosen(Arc<str>),
    /// None fits.
    Unfit {
        /// The whole message.
        message: String,
        /// Plugins that refused.
        rejected_by: BTreeSet<&'static str>,
        /// Pods to remove so that it will fit.
        preemption: Option<Preemption>,
    },
}

/// Look for a node. `start` is where the round begins; it moves on.
pub fn attempt(
    pod: &PodInfo,
    cache: &Cache,
    around: &Surroundings<'_>,
    start: &mut usize,
    now: SimTime,
    rng: &mut Stream,
) -> (Outcome, Verdict) {
    let mut verdict = Verdict {
        at: now,
        attempts: 0,
        nodes: Vec::new(),
        pre_filter: None,
        chosen: None,
        message: None,
    };
    let order = cache.order();
    if order.is_empty() {
        let message = "no nodes available to schedule pods".to_owned();
        verdict.message = Some(message.clone());
        let outcome = Outcome::Unfit { message, rejected_by: BTreeSet::new(), preemption: None };
        return (outcome, verdict);
    }
    let claims = around.claims.iter().map(|(name, claim)| (name.as_str(), *claim));
    if let Some(reason) = volume_binding::pre_filter(claims) {
        // The claim allocator's PostFilter finds no state of its own and says only this.
        let message =
            fit_error::message(order.len(), Some(&reason), [].into_iter(), Some("not found"));
        verdict.pre_filter = Some(reason);
        verdict.message = Some(message.clone());
        let rejected_by = ["VolumeBinding"].into();
        return (Outcome::Unfit { message, rejected_by, preemption: None }, verdict);
    }
    let snapshot = Snapshot {
        nodes: cache.nodes.clone(),
        groups: cache.group_list(),
        image_nodes: &cache.image_nodes,
        namespaces: around.namespaces,
    };
    let cycle = Cycle::new(pod, snapshot);
    let (feasible, refused) = find_feasible(&cycle, cache, around, start);
    for (name, plugin, rejection) in &refused {
        let reasons = rejection.reasons.iter().map(|r| Arc::from(r.as_ref())).collect();
        verdict.nodes.push((name.clone(), NodeVerdict::Refused { plugin, reasons }));
    }
    if feasible.is_empty() {
        return unfit(&cycle, cache, around, refused, verdict, rng);
    }
    let chosen = choose(&cycle, around, feasible, &mut verdict, rng);
    verdict.chosen = Some(chosen.clone());
    (Outcome::Chosen(chosen), verdict)
}

type Refused = Vec<(Arc<str>, &'static str, Rejection)>;

/// Nodes that pass all filters, and why the others do not.
fn find_feasible(
    cycle: &Cycle<'_>,
    cache: &Cache,
    around: &Surroundings<'_>,
    start: &mut usize,
) -> (Vec<Arc<NodeInfo>>, Refused) {
    let order = cache.order();
    let mut feasible: Vec<Arc<NodeInfo>> = Vec::new();
    let mut refused = Refused::new();
    // A nominated node is tried alone first.
    if let Some(node) = cycle.pod.nominated.as_ref().and_then(|name| cache.nodes.get(name))
        && !node.facts.name.is_empty()
        && check(cycle, node, around).is_none()
    {
        return (vec![node.clone()], refused);
    }
    let named = node_affinity::named_nodes(cycle.pod);
    let wanted = feasible_to_find(order.len());
    let first = *start % order.len();
    let mut looked = 0;
    for name in order.iter().cycle().skip(first).take(order.len()) {
        if feasible.len() >= wanted {
            break;
        }
        looked += 1;
        let Some(node) = cache.nodes.get(name) else { continue };
        if named.as_ref().is_some_and(|n| !n.iter().any(|n| n.as_str() == name.as_ref())) {
            const REASON: &str = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
            refused.push((name.clone(), "NodeAffinity", Rejection::lasting(REASON)));
            continue;
        }
        match check(cycle, node, around) {
            None => feasible.push(node.clone()),
            Some((plugin, rejection)) => refused.push((name.clone(), plugin, rejection)),
        }
    }
    *start = (first + looked) % order.len();
    (feasible, refused)
}

/// Filters on a node, first with the pods nominated to it added, then without.
fn check(
    cycle: &Cycle<'_>,
    node: &Arc<NodeInfo>,
    around: &Surroundings<'_>,
) -> Option<(&'static str, Rejection)> {
    let nominated = around.nominated.get(&node.facts.name).into_iter().flatten();
    let mut others =
        nominated.filter(|p| p.uid != cycle.pod.uid && p.priority >= cycle.pod.priority).peekable();
    if others.peek().is_some() {
        let mut with = (**node).clone();
        for other in others {
            // Group numbers only matter to counting by selector, which is not done again here.
            with.used.add(&other.requests, 1);
            with.ports.extend(other.ports.iter().cloned());
            with.pods.insert(other.uid.clone(), other.clone());
        }
        if let Some(refusal) = plugins::filter(cycle, &with) {
            return Some(refusal);
        }
    }
    plugins::filter(cycle, node)
}

/// `numFeasibleNodesToFind`: all of a small cluster, a share of a large one.
fn feasible_to_find(nodes: usize) -> usize {
    if nodes < MIN_FEASIBLE {
        return nodes;
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percent / 100).max(MIN_FEASIBLE)
}

fn unfit(
    cycle: &Cycle<'_>,
    cache: &Cache,
    around: &Surroundings<'_>,
    refused: Refused,
    mut verdict: Verdict,
    rng: &mut Stream,
) -> (Outcome, Verdict) {
    let candidates: Vec<Arc<str>> =
        refused.iter().filter(|(_, _, r)| r.resolvable).map(|(n, ..)| n.clone()).collect();
    let found = preemption::find(cycle, cache, around.budgets, &candidates, rng);
    let (post_filter, preemption) = match found {
        Ok(preemption) => (None, Some(preemption)),
        Err(why) => (Some(format!("no new claims to deallocate, preemption: {why}")), None),
    };
    let reasons = refused.iter().flat_map(|(_, _, r)| r.reasons.iter().map(AsRef::as_ref));
    let message = fit_error::message(cache.order().len(), None, reasons, post_filter.as_deref());
    verdict.message = Some(message.clone());
    let rejected_by = refused.iter().map(|(_, plugin, _)| *plugin).collect();
    (Outcome::Unfit { message, rejected_by, preemption }, verdict)
}

/// Score the feasible nodes and draw one of the best.
fn choose(
    cycle: &Cycle<'_>,
    around: &Surroundings<'_>,
    feasible: Vec<Arc<NodeInfo>>,
    verdict: &mut Verdict,
    rng: &mut Stream,
) -> Arc<str> {
    if let [only] = feasible.as_slice() {
        let fits = NodeVerdict::Fits { total: 0, parts: SmallVec::new() };
        verdict.nodes.push((only.facts.name.clone(), fits));
        return only.facts.name.clone();
    }
    let scoring = Scoring {
        pod: cycle.pod,
        snapshot: &cycle.snapshot,
        spread: pod_topology_spread::Soft::new(
            cycle.pod,
            &cycle.snapshot,
            &feasible,
            around.owner_selector.as_ref(),
        ),
        company: inter_pod_affinity::Preferred::new(cycle.pod, &cycle.snapshot),
    };
    let mut totals: Vec<(i64, Parts)> = vec![(0, SmallVec::new()); feasible.len()];
    for plugin in PLUGINS.iter().filter(|p| p.weight() > 0) {
        let mut scores: Vec<Option<i64>> =
            feasible.iter().map(|node| plugin.score(&scoring, node)).collect();
        plugin.normalize(&scoring, &mut scores);
        for (score, (total, parts)) in scores.into_iter().zip(&mut totals) {
            if let Some(score) = score {
                let weighted = score * plugin.weight();
                *total += weighted;
                parts.push((plugin.name(), weighted));
            }
        }
    }
    let best = totals.iter().map(|(total, _)| *total).max().unwrap_or(0);
    let tied: Vec<Arc<str>> = feasible
        .iter()
        .zip(&totals)
        .filter(|(_, (total, _))| *total == best)
        .map(|(node, _)| node.facts.name.clone())
        .collect();
    for (node, (total, parts)) in feasible.iter().zip(totals) {
        verdict.nodes.push((node.facts.name.clone(), NodeVerdict::Fits { total, parts }));
    }
    rng.pick(&tied).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_clusters_look_at_a_share() {
        for (nodes, wanted) in [(3, 3), (99, 99), (100, 100), (1000, 420), (5000, 500)] {
            assert_eq!(feasible_to_find(nodes), wanted);
        }
    }
}
