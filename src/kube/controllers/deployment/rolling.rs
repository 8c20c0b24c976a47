//! The arithmetic of a rolling update: how many pods the new and the old ReplicaSets may have.
//!
//! Models kubernetes `pkg/controller/deployment/rolling.go` and the fence posts of
//! `util/deployment_util.go` @v1.36 (handbook kubernetes-controllers §1.2, §1.4, §1.5).

/// An integer or a percentage, as `maxSurge: 25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(i32),
    /// So many of a hundred.
    Percent(i32),
}

impl Share {
    /// Read `25%`; anything else is no share.
    #[must_use]
    pub fn parse_percent(text: &str) -> Option<Self> {
        text.strip_suffix('%')?.parse().ok().map(Self::Percent)
    }

    /// Of a total, rounded up.
    #[must_use]
    pub fn up(self, total: i32) -> i32 {
        match self {
            Self::Count(n) => n,
            Self::Percent(p) => saturate((i64::from(p) * i64::from(total) + 99).div_euclid(100)),
        }
    }

    /// Of a total, rounded down.
    #[must_use]
    pub fn down(self, total: i32) -> i32 {
        match self {
            Self::Count(n) => n,
            Self::Percent(p) => saturate((i64::from(p) * i64::from(total)).div_euclid(100)),
        }
    }
}

fn saturate(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(if n < 0 { i32::MIN } else { i32::MAX })
}

/// How far a rollout may depart from the wanted number of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// More pods than wanted.
    pub surge: i32,
    /// Fewer available pods than wanted.
    pub unavailable: i32,
}

impl Fence {
    /// `ResolveFenceposts`: surge rounds up, unavailable rounds down, never both zero.
    #[must_use]
    pub fn resolve(surge: Share, unavailable: Share, replicas: i32) -> Self {
        let surge = surge.up(replicas);
        let unavailable = unavailable.down(replicas);
        if surge == 0 && unavailable == 0 {
            return Self { surge, unavailable: 1 };
        }
        Self { surge, unavailable }
    }

    /// `MaxUnavailable`: never more than there are.
    #[must_use]
    pub fn max_unavailable(self, replicas: i32) -> i32 {
        if replicas == 0 { 0 } else { self.unavailable.min(replicas) }
    }

    /// `MinAvailable`.
    #[must_use]
    pub fn min_available(self, replicas: i32) -> i32 {
        replicas - self.max_unavailable(replicas)
    }
}

/// `NewRSNewReplicas` of a rolling update: the size the new ReplicaSet may have now.
#[must_use]
pub fn new_size(replicas: i32, fence: Fence, total: i32, new: i32) -> i32 {
    let most = replicas + fence.surge;
    if total >= most {
        return new;
    }
    new + (most - total).min(replicas - new)
}

/// Size and available pods of a ReplicaSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// `spec.replicas`.
    pub spec: i32,
    /// `status.availableReplicas`.
    pub available: i32,
}

/// Why an old ReplicaSet gets smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its pods that are not available go first: they serve nobody.
    Unhealthy,
    /// Enough new pods are available.
    Replaced,
}

/// One change of an old ReplicaSet, by its place in the list given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrink {
    /// Place in the list of old ReplicaSets.
    pub at: usize,
    /// Its size before.
    pub from: i32,
    /// Its size after.
    pub to: i32,
    /// Why.
    pub reason: Reason,
}

/// `reconcileOldReplicaSets`: which old ReplicaSets shrink now. `old` is oldest first.
#[must_use]
pub fn shrink_old(replicas: i32, fence: Fence, new: Size, old: &[Size]) -> Vec<Shrink> {
    let old_pods: i32 = old.iter().map(|s| s.spec).sum();
    if old_pods == 0 {
        return Vec::new();
    }
    let min_available = fence.min_available(replicas);
    let new_unavailable = new.spec - new.available;
    let most_down = old_pods + new.spec - min_available - new_unavailable;
    if most_down <= 0 {
        return Vec::new();
    }
    let mut sizes: Vec<Size> = old.to_vec();
    let mut steps = Vec::new();
    let mut left = most_down;
    for (at, size) in sizes.iter_mut().enumerate() {
        if left <= 0 {
            break;
        }
        if size.spec == 0 || size.spec == size.available {
            continue;
        }
        let down = left.min(size.spec - size.available);
        let to = size.spec - down;
        if to > size.spec {
            // The status is behind the spec. Upstream ends the whole step with an error here, which
            // keeps it from acting on old numbers.
            return Vec::new();
        }
        steps.push(Shrink { at, from: size.spec, to, reason: Reason::Unhealthy });
        size.spec = to;
        left -= down;
    }
    let available: i32 = old.iter().map(|s| s.available).sum::<i32>() + new.available;
    let mut budget = available - min_available;
    for (at, size) in sizes.iter_mut().enumerate() {
        if budget <= 0 {
            break;
        }
        if size.spec == 0 {
            continue;
        }
        let down = size.spec.min(budget);
        steps.push(Shrink { at, from: size.spec, to: size.spec - down, reason: Reason::Replaced });
        size.spec -= down;
        budget -= down;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Share = Share::Percent(25);

    #[test]
    fn fence_posts() {
        for (replicas, surge, unavailable) in
            [(1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 1), (5, 2, 1), (10, 3, 2), (0, 0, 1)]
        {
            let fence = Fence::resolve(QUARTER, QUARTER, replicas);
            assert_eq!(fence, Fence { surge, unavailable }, "{replicas}");
        }
        let fence = Fence::resolve(Share::Percent(30), Share::Percent(30), 7);
        assert_eq!((fence.surge, fence.unavailable), (3, 2));
        assert_eq!(Share::parse_percent("50%"), Some(Share::Percent(50)));
        assert_eq!(Share::parse_percent("50"), None);
    }

    /// Walk a rollout whose pods are available at once, as `old/new` pairs.
    fn walk(replicas: i32, surge: Share, unavailable: Share) -> String {
        let fence = Fence::resolve(surge, unavailable, replicas);
        let (mut old, mut new) = (replicas, 0);
        let mut pairs: Vec<String> = Vec::new();
        for _ in 0..100 {
            let wanted = new_size(replicas, fence, old + new, new);
            if wanted == new {
                let new_size = Size { spec: new, available: new };
                let olds = [Size { spec: old, available: old }];
                let steps = shrink_old(replicas, fence, new_size, &olds);
                let Some(step) = steps.last() else { break };
                old = step.to;
            } else {
                new = wanted;
            }
            pairs.push(format!("{old}/{new}"));
        }
        pairs.join(" ")
    }

    #[test]
    fn sequences_as_recorded() {
        let n = Share::Count;
        for (replicas, surge, unavailable, expected) in [
            (3, n(0), n(1), "2/0 2/1 1/1 1/2 0/2 0/3"),
            (3, n(1), n(0), "3/1 2/1 2/2 1/2 1/3 0/3"),
            (2, QUARTER, QUARTER, "2/1 1/1 1/2 0/2"),
            (1, QUARTER, QUARTER, "1/1 0/1"),
            (3, Share::Percent(100), n(0), "3/3 0/3"),
        ] {
            assert_eq!(walk(replicas, surge, unavailable), expected);
        }
    }

    #[test]
    fn an_old_status_stops_the_step() {
        // 20 old pods were just scaled to 5; the status still says 20 available.
        let fence = Fence { surge: 3, unavailable: 2 };
        let new = Size { spec: 3, available: 0 };
        assert_eq!(shrink_old(5, fence, new, &[Size { spec: 5, available: 20 }]), []);
    }

    #[test]
    fn unavailable_old_pods_go_first_and_in_full() {
        let fence = Fence { surge: 3, unavailable: 2 };
        // Ten old ready pods; three new ones not ready: two old may go.
        let new = Size { spec: 3, available: 0 };
        let steps = shrink_old(10, fence, new, &[Size { spec: 10, available: 10 }]);
        assert_eq!(steps, [Shrink { at: 0, from: 10, to: 8, reason: Reason::Replaced }]);
        // A stuck middle ReplicaSet goes straight to zero.
        let olds = [Size { spec: 4, available: 4 }, Size { spec: 4, available: 1 }];
        let steps = shrink_old(
            4,
            Fence { surge: 4, unavailable: 0 },
            Size { spec: 0, available: 0 },
            &olds,
        );
        assert_eq!(steps.first().map(|s| (s.at, s.to, s.reason)), Some((1, 1, Reason::Unhealthy)));
    }
}
