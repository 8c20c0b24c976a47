//! A preference for nodes on which cpu and memory are used alike.
//!
//! Models `plugins/noderesources/balanced_allocation.go` @v1.36: the score compares the balance with
//! and without the pod.

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{MAX_SCORE, Plugin, Scoring};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeResourcesBalancedAllocation;

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        if scoring.pod.best_effort() {
            return None;
        }
        let own = &scoring.pod.requests;
        let (used, all) = (&node.used, &node.facts.allocatable);
        let without = balance([(used.cpu_milli, all.cpu_milli), (used.memory, all.memory)]);
        let with = balance([
            (used.cpu_milli + own.cpu_milli, all.cpu_milli),
            (used.memory + own.memory, all.memory),
        ]);
        const HALF: i64 = MAX_SCORE / 2;
        Some(HALF + (HALF + with - without) / 2)
    }
}

/// `trunc((1 − |f₁ − f₂| / 2) · 100)` with exact fractions.
fn balance(parts: [(i64, i64); 2]) -> i64 {
    let [(used_a, all_a), (used_b, all_b)] = parts;
    if all_a <= 0 || all_b <= 0 {
        return MAX_SCORE;
    }
    let (a, b) = (i128::from(used_a.min(all_a)), i128::from(used_b.min(all_b)));
    let (all_a, all_b) = (i128::from(all_a), i128::from(all_b));
    let over = all_a * all_b;
    let apart = (a * all_b - b * all_a).abs();
    i64::try_from((100 * over - 50 * apart) / over).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balance_of_fractions() {
        assert_eq!(balance([(0, 8000), (0, 100)]), 100);
        assert_eq!(balance([(4000, 8000), (50, 100)]), 100);
        assert_eq!(balance([(8000, 8000), (0, 100)]), 50);
        assert_eq!(balance([(1000, 8000), (0, 100)]), 93);
        assert_eq!(balance([(1, 0), (0, 100)]), 100);
    }
}
