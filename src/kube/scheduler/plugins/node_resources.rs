//! Whether the requests fit, and a preference for the emptier node.
//!
//! Models `plugins/noderesources/{fit,least_allocated}.go` @v1.36.

use std::borrow::Cow;

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{Cycle, MAX_SCORE, Plugin, Rejection, Scoring};
use crate::kube::scheduler::pod::PodInfo;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeResourcesFit;

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        match insufficient(cycle.pod, node) {
            None => Ok(()),
            Some(rejection) => Err(rejection),
        }
    }

    fn weight(&self) -> i64 {
        1
    }

    /// LeastAllocated over cpu and memory.
    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        let (cpu, memory) = scoring.pod.scored;
        let allocatable = &node.facts.allocatable;
        let parts = [
            (node.scored.0 + cpu, allocatable.cpu_milli),
            (node.scored.1 + memory, allocatable.memory),
        ];
        let shares: Vec<i64> = parts
            .iter()
            .filter(|(_, all)| *all > 0)
            .map(|(used, all)| least(*used, *all))
            .collect();
        let count = i64::try_from(shares.len()).ok().filter(|n| *n > 0)?;
        Some(shares.iter().sum::<i64>() / count)
    }
}

/// Share of what stays free, 0..=100.
fn least(used: i64, all: i64) -> i64 {
    if used > all {
        return 0;
    }
    let share = i128::from(all - used) * i128::from(MAX_SCORE) / i128::from(all);
    i64::try_from(share).unwrap_or(0)
}

/// Which resources do not suffice.
#[must_use]
pub fn insufficient(pod: &PodInfo, node: &NodeInfo) -> Option<Rejection> {
    let mut reasons: Vec<Cow<'static, str>> = Vec::new();
    let mut resolvable = true;
    let facts = &node.facts;
    if i64::try_from(node.pods.len()).unwrap_or(i64::MAX) + 1 > facts.max_pods {
        reasons.push("Too many pods".into());
        resolvable &= facts.max_pods > 0;
    }
    let mut check = |name: &str, wanted: i64, all: i64, used: i64| {
        if wanted > 0 && wanted > all - used {
            reasons.push(format!("Insufficient {name}").into());
            // A request that exceeds the whole node cannot be helped by removing pods.
            resolvable &= wanted <= all;
        }
    };
    let (want, all, used) = (&pod.requests, &facts.allocatable, &node.used);
    check("cpu", want.cpu_milli, all.cpu_milli, used.cpu_milli);
    check("memory", want.memory, all.memory, used.memory);
    check("ephemeral-storage", want.ephemeral, all.ephemeral, used.ephemeral);
    for (name, amount) in &want.scalar {
        let of =
            |r: &crate::kube::scheduler::pod::Resources| r.scalar.get(name).copied().unwrap_or(0);
        check(name, *amount, of(all), of(used));
    }
    (!reasons.is_empty()).then_some(Rejection { reasons, resolvable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_allocated_rounds_down() {
        assert_eq!(least(0, 8000), 100);
        assert_eq!(least(250, 8000), 96);
        assert_eq!(least(9000, 8000), 0);
    }
}
