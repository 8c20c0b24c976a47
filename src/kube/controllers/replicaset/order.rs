//! Which pods go first when a ReplicaSet gets smaller.
//!
//! Models kubernetes `pkg/controller/controller_utils.go` `ActivePodsWithRanks.Less` @v1.36
//! (handbook kubernetes-controllers §2, deletion order).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::base::time::SimTime;

/// What the order looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// Whether a node was chosen.
    pub assigned: bool,
    /// 0 Pending, 1 Unknown, 2 Running.
    pub phase: u8,
    /// Whether the condition Ready is true, and since when.
    pub ready_since: Option<SimTime>,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`.
    pub cost: i32,
    /// Pods of the same owner family on its node.
    pub rank: u32,
    /// Most restarts of one container.
    pub restarts: i32,
    /// `metadata.creationTimestamp`.
    pub created: SimTime,
}

/// `Less` means: goes first.
#[must_use]
pub fn compare(a: &Candidate, b: &Candidate, now: SimTime) -> Ordering {
    let ready = |c: &Candidate| c.ready_since.is_some();
    a.assigned
        .cmp(&b.assigned)
        .then(a.phase.cmp(&b.phase))
        .then(ready(a).cmp(&ready(b)))
        .then(a.cost.cmp(&b.cost))
        .then(b.rank.cmp(&a.rank))
        .then_with(|| match (a.ready_since, b.ready_since) {
            (Some(x), Some(y)) if x != y => by_age(x, y, a, b, now),
            _ => Ordering::Equal,
        })
        .then(b.restarts.cmp(&a.restarts))
        .then_with(|| {
            if a.created == b.created {
                Ordering::Equal
            } else {
                by_age(a.created, b.created, a, b, now)
            }
        })
}

/// The younger first, but ages in the same power of two count as equal; then the smaller uid.
fn by_age(x: SimTime, y: SimTime, a: &Candidate, b: &Candidate, now: SimTime) -> Ordering {
    bucket(now, x).cmp(&bucket(now, y)).then_with(|| a.uid.cmp(&b.uid))
}

/// ⌊log2⌋ of the age in nanoseconds; below zero for no age.
fn bucket(now: SimTime, since: SimTime) -> i32 {
    let age_ns = now.since(since).0.saturating_mul(1000);
    age_ns.checked_ilog2().map_or(-1, |log| i32::try_from(log).unwrap_or(i32::MAX))
}

/// The first `count` to go; unsorted if all go.
#[must_use]
pub fn choose(mut pods: Vec<Candidate>, count: usize, now: SimTime) -> Vec<Candidate> {
    if count < pods.len() {
        // The order is not transitive where ages fall into the same power of two, as in the
        // original; the sorting of the standard library would panic.
        let mut sorted: Vec<Candidate> = Vec::with_capacity(pods.len());
        for pod in pods {
            let at = sorted.partition_point(|other| compare(other, &pod, now) != Ordering::Greater);
            sorted.insert(at, pod);
        }
        pods = sorted;
    }
    pods.truncate(count);
    pods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str) -> Candidate {
        Candidate {
            uid: uid.into(),
            assigned: true,
            phase: 2,
            ready_since: Some(SimTime::from_secs(10)),
            cost: 0,
            rank: 1,
            restarts: 0,
            created: SimTime::from_secs(5),
        }
    }

    #[test]
    fn each_rule_decides_alone() {
        let now = SimTime::from_secs(1000);
        let base = pod("b");
        let firsts = [
            Candidate { assigned: false, ..pod("z") },
            Candidate { phase: 0, ..pod("z") },
            Candidate { ready_since: None, ..pod("z") },
            Candidate { cost: -5, ..pod("z") },
            Candidate { rank: 3, ..pod("z") },
            Candidate { ready_since: Some(SimTime::from_secs(900)), ..pod("z") },
            Candidate { restarts: 2, ..pod("z") },
            Candidate { created: SimTime::from_secs(900), ..pod("z") },
        ];
        for first in firsts {
            assert_eq!(compare(&first, &base, now), Ordering::Less, "{first:?}");
            assert_eq!(compare(&base, &first, now), Ordering::Greater, "{first:?}");
        }
    }

    #[test]
    fn ages_within_a_power_of_two_are_equal() {
        let now = SimTime::from_secs(100);
        let older = Candidate { created: SimTime::from_secs(20), ..pod("a") };
        let younger = Candidate { created: SimTime::from_secs(30), ..pod("b") };
        assert_eq!(compare(&older, &younger, now), Ordering::Less, "the smaller uid");
        assert_eq!(choose(vec![younger, older], 1, now)[0].uid.as_ref(), "a");
    }

    #[test]
    fn an_order_that_contradicts_itself_does_no_harm() {
        let now = SimTime::from_secs(1_000);
        let some = (0..80_u64).map(|n| Candidate {
            uid: format!("{:02}", n * 37 % 80).into(),
            ready_since: Some(SimTime::from_secs(900 + n % 3)),
            created: SimTime::from_secs(n * n % 990),
            restarts: i32::from(n % 5 == 0),
            ..pod("x")
        });
        assert_eq!(choose(some.collect(), 78, now).len(), 78);
    }
}
