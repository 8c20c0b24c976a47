//! Spreading pods over nodes and zones.
//!
//! Models `plugins/podtopologyspread/{filtering,scoring,common}.go` @v1.36. Logarithms are fixed-point
//! so that scores are equal on every platform.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::TopologySpreadConstraint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::kube::labels::selects;
use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::taint_toleration::tolerates;
use crate::kube::scheduler::plugins::{
    Cycle, MAX_SCORE, Plugin, Rejection, Scoring, Snapshot, node_affinity,
};
use crate::kube::scheduler::pod::PodInfo;

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct PodTopologySpread;

/// One constraint with the pods already counted.
#[derive(Clone, Debug)]
struct Constraint {
    key: String,
    max_skew: i64,
    min_domains: Option<i64>,
    own: bool,
    selector: LabelSelector,
    honor_affinity: bool,
    honor_taints: bool,
    counts: BTreeMap<String, i64>,
}

/// Constraints that must be met, counted over all nodes.
#[derive(Clone, Debug, Default)]
pub struct Hard {
    constraints: Vec<Constraint>,
}

/// Constraints that should be met, counted over the nodes in question.
#[derive(Clone, Debug, Default)]
pub struct Soft {
    constraints: Vec<(Constraint, u64)>,
    ignored: BTreeSet<Arc<str>>,
}

impl Constraint {
    fn read(constraint: &TopologySpreadConstraint, pod: &PodInfo) -> Self {
        let mut selector = constraint.label_selector.clone().unwrap_or_else(nothing);
        for key in constraint.match_label_keys.iter().flatten() {
            if let Some(value) = pod.labels.get(key) {
                let labels = selector.match_labels.get_or_insert_default();
                labels.insert(key.clone(), value.clone());
            }
        }
        Self {
            key: constraint.topology_key.clone(),
            max_skew: i64::from(constraint.max_skew),
            min_domains: constraint.min_domains.map(i64::from),
            own: selects(&selector, &pod.labels),
            selector,
            honor_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honor_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
            counts: BTreeMap::new(),
        }
    }

    fn includes(&self, pod: &PodInfo, node: &NodeInfo) -> bool {
        (!self.honor_affinity || node_affinity::matches(pod, node))
            && (!self.honor_taints
                || node
                    .facts
                    .taints
                    .iter()
                    .filter(|t| t.effect != "PreferNoSchedule")
                    .all(|t| pod.tolerations.iter().any(|own| tolerates(own, t))))
    }

    /// Pods on the node that the selector selects and that are not terminating.
    fn matching(&self, pod: &PodInfo, node: &NodeInfo, snapshot: &Snapshot<'_>) -> i64 {
        let selected = node.alive.iter().filter(|(id, _)| {
            let group = usize::try_from(id.0).ok().and_then(|at| snapshot.groups.get(at));
            group
                .is_some_and(|g| g.namespace == pod.namespace && selects(&self.selector, &g.labels))
        });
        selected.map(|(_, n)| *n).sum()
    }
}

/// A selector that selects nothing (`labels.Nothing`).
fn nothing() -> LabelSelector {
    let never = LabelSelectorRequirement {
        key: String::new(),
        operator: "In".to_owned(),
        values: Some(Vec::new()),
    };
    LabelSelector { match_expressions: Some(vec![never]), match_labels: None }
}

impl Hard {
    /// Count pods per domain.
    #[must_use]
    pub fn new(pod: &PodInfo, snapshot: &Snapshot<'_>) -> Self {
        let mut constraints: Vec<Constraint> = pod
            .spread
            .iter()
            .filter(|c| c.when_unsatisfiable == "DoNotSchedule")
            .map(|c| Constraint::read(c, pod))
            .collect();
        if constraints.is_empty() {
            return Self::default();
        }
        let keys: Vec<String> = constraints.iter().map(|c| c.key.clone()).collect();
        for node in snapshot.existing() {
            if !keys.iter().all(|key| node.facts.labels.contains_key(key)) {
                continue;
            }
            for constraint in &mut constraints {
                if !constraint.includes(pod, node) {
                    continue;
                }
                let count = constraint.matching(pod, node, snapshot);
                let Some(value) = node.facts.labels.get(&constraint.key) else { continue };
                *constraint.counts.entry(value.clone()).or_insert(0) += count;
            }
        }
        Self { constraints }
    }
}

impl Soft {
    /// Count pods per domain of the feasible nodes. `defaults` is the selector of the workload that
    /// owns the pod, for the cluster's default constraints.
    #[must_use]
    pub fn new(
        pod: &PodInfo,
        snapshot: &Snapshot<'_>,
        feasible: &[Arc<NodeInfo>],
        defaults: Option<&LabelSelector>,
    ) -> Self {
        let own = pod.spread.iter().filter(|c| c.when_unsatisfiable == "ScheduleAnyway");
        let mut constraints: Vec<Constraint> = own.map(|c| Constraint::read(c, pod)).collect();
        let by_default = pod.spread.is_empty();
        if by_default {
            let Some(selector) = defaults else { return Self::default() };
            constraints = system_defaults(selector, pod);
        }
        if constraints.is_empty() {
            return Self::default();
        }
        let mut soft = Self::default();
        let mut domains: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); constraints.len()];
        for node in feasible {
            let has = |c: &Constraint| node.facts.labels.contains_key(&c.key);
            if !by_default && !constraints.iter().all(has) {
                soft.ignored.insert(node.facts.name.clone());
                continue;
            }
            for (constraint, seen) in constraints.iter().zip(&mut domains) {
                if let Some(value) = node.facts.labels.get(&constraint.key) {
                    seen.insert(value);
                }
            }
        }
        let counted = feasible.len() - soft.ignored.len();
        for (mut constraint, seen) in constraints.into_iter().zip(domains) {
            let size = if constraint.key == HOSTNAME { counted } else { seen.len() };
            count_domains(&mut constraint, &seen, pod, snapshot, by_default);
            soft.constraints.push((constraint, ln_fixed(size as u64 + 2)));
        }
        soft
    }

    fn raw(&self, pod: &PodInfo, snapshot: &Snapshot<'_>, node: &NodeInfo) -> i64 {
        let mut sum: i128 = 0;
        for (constraint, weight) in &self.constraints {
            let Some(value) = node.facts.labels.get(&constraint.key) else { continue };
            let count = if constraint.key == HOSTNAME {
                constraint.matching(pod, node, snapshot)
            } else {
                constraint.counts.get(value).copied().unwrap_or(0)
            };
            sum += i128::from(count) * i128::from(*weight)
                + (i128::from(constraint.max_skew - 1) << FIXED_BITS);
        }
        i64::try_from((sum + (1 << (FIXED_BITS - 1))) >> FIXED_BITS).unwrap_or(i64::MAX)
    }
}

fn count_domains(
    constraint: &mut Constraint,
    seen: &BTreeSet<&str>,
    pod: &PodInfo,
    snapshot: &Snapshot<'_>,
    by_default: bool,
) {
    if constraint.key == HOSTNAME {
        return;
    }
    for node in snapshot.existing() {
        if !by_default && !constraint.includes(pod, node) {
            continue;
        }
        let Some(value) = node.facts.labels.get(&constraint.key) else { continue };
        if seen.contains(value.as_str()) {
            let count = constraint.matching(pod, node, snapshot);
            *constraint.counts.entry(value.clone()).or_insert(0) += count;
        }
    }
}

/// The default constraints of a cluster (`plugin.go` `systemDefaultConstraints`).
fn system_defaults(selector: &LabelSelector, pod: &PodInfo) -> Vec<Constraint> {
    let default = |key: &str, max_skew: i32| {
        let constraint = TopologySpreadConstraint {
            topology_key: key.to_owned(),
            max_skew,
            label_selector: Some(selector.clone()),
            ..TopologySpreadConstraint::default()
        };
        Constraint::read(&constraint, pod)
    };
    vec![default(HOSTNAME, 3), default(ZONE, 5)]
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        for constraint in &cycle.spread.constraints {
            let Some(value) = node.facts.labels.get(&constraint.key) else {
                return Err(Rejection::lasting(
                    "node(s) didn't match pod topology spread constraints (missing required label)",
                ));
            };
            let domains = i64::try_from(constraint.counts.len()).unwrap_or(i64::MAX);
            let least = if constraint.min_domains.is_some_and(|min| domains < min) {
                0
            } else {
                constraint.counts.values().copied().min().unwrap_or(0)
            };
            let here = constraint.counts.get(value).copied().unwrap_or(0);
            if here + i64::from(constraint.own) - least > constraint.max_skew {
                const REASON: &str = "node(s) didn't match pod topology spread constraints";
                return Err(Rejection::resolvable(REASON));
            }
        }
        Ok(())
    }

    fn weight(&self) -> i64 {
        2
    }

    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        if scoring.spread.constraints.is_empty() {
            return None;
        }
        if scoring.spread.ignored.contains(&node.facts.name) {
            return Some(INVALID);
        }
        Some(scoring.spread.raw(scoring.pod, scoring.snapshot, node))
    }

    fn normalize(&self, _scoring: &Scoring<'_>, scores: &mut [Option<i64>]) {
        let valid = || scores.iter().flatten().copied().filter(|s| *s != INVALID);
        let (min, max) = (valid().min().unwrap_or(0), valid().max().unwrap_or(0));
        for score in scores.iter_mut().flatten() {
            *score = match (*score, max) {
                (INVALID, _) => 0,
                (_, 0) => MAX_SCORE,
                (own, _) => MAX_SCORE * (max + min - own) / max,
            };
        }
    }
}

/// Raw score of a node that lacks a topology label.
const INVALID: i64 = -1;

/// Bits after the point of [`ln_fixed`].
const FIXED_BITS: u32 = 32;

/// Natural logarithm of a whole number, with 32 bits after the point.
fn ln_fixed(n: u64) -> u64 {
    /// ln 2 with 32 bits after the point.
    const LN_2: u128 = 2_977_044_472;
    let n = n.max(1);
    let whole = n.ilog2();
    // Mantissa in [1, 2) with 32 bits; each squaring yields one more bit of the binary logarithm.
    let mut mantissa: u128 = (u128::from(n) << FIXED_BITS) >> whole;
    let mut log2: u128 = u128::from(whole) << FIXED_BITS;
    for bit in (0..FIXED_BITS).rev() {
        mantissa = (mantissa * mantissa) >> FIXED_BITS;
        if mantissa >= 2 << FIXED_BITS {
            mantissa >>= 1;
            log2 |= 1 << bit;
        }
    }
    u64::try_from((log2 * LN_2) >> FIXED_BITS).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms() {
        // ln 5 = 1.6094379, ln 2 = 0.6931472, ln 52 = 3.9512437
        for (n, millionths) in [(5, 1_609_437), (2, 693_147), (52, 3_951_243), (1, 0)] {
            let have = (u128::from(ln_fixed(n)) * 1_000_000) >> FIXED_BITS;
            assert!(have.abs_diff(millionths) <= 1, "ln {n} = {have}");
        }
    }
}
