//! Scaling in the middle of a rollout: every ReplicaSet with pods gets its share.
//!
//! Models kubernetes `pkg/controller/deployment/sync.go` `scale` and `GetReplicaSetProportion`
//! @v1.36 (handbook kubernetes-controllers §1.7).

/// A ReplicaSet with pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// `spec.replicas`.
    pub size: i32,
    /// Age order: a higher number is newer.
    pub age: u64,
    /// Annotation `max-replicas`, if it can be read.
    pub max_annotation: Option<i32>,
}

/// The new sizes, in the order given. `allowed` is replicas plus surge, zero for no replicas.
#[must_use]
pub fn shares(parts: &[Part], replicas: i32, surge: i32, status_replicas: i32) -> Vec<i32> {
    let allowed = if replicas > 0 { replicas + surge } else { 0 };
    let total: i32 = parts.iter().map(|p| p.size).sum();
    let to_add = allowed - total;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let of = |i: &usize| parts.get(*i).map_or((0, 0), |p| (p.size, p.age));
    order.sort_by(|a, b| {
        let ((size_a, age_a), (size_b, age_b)) = (of(a), of(b));
        let age = if to_add > 0 { age_b.cmp(&age_a) } else { age_a.cmp(&age_b) };
        size_b.cmp(&size_a).then(age)
    });
    let mut added = 0;
    let mut sizes: Vec<i32> = parts.iter().map(|p| p.size).collect();
    for at in &order {
        let (Some(part), Some(size)) = (parts.get(*at), sizes.get_mut(*at)) else { continue };
        if to_add != 0 {
            let proportion = proportion(*part, replicas, surge, status_replicas, to_add, added);
            *size = part.size + proportion;
            added += proportion;
        }
    }
    if let Some(first) = order.first().and_then(|at| sizes.get_mut(*at)) {
        *first = (*first + to_add - added).max(0);
    }
    sizes
}

fn proportion(
    part: Part,
    replicas: i32,
    surge: i32,
    status_replicas: i32,
    to_add: i32,
    added: i32,
) -> i32 {
    if part.size == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let fraction = if replicas == 0 {
        -part.size
    } else {
        let wanted = i64::from(part.size) * i64::from(replicas + surge);
        let over = i64::from(part.max_annotation.unwrap_or(status_replicas));
        if over == 0 { 0 } else { round_half_up(wanted, over) - part.size }
    };
    let allowed = to_add - added;
    if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
}

/// `math.Round(a / b)` of positive numbers.
fn round_half_up(a: i64, b: i64) -> i32 {
    i32::try_from((2 * a + b) / (2 * b)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(old: i32, new: i32, max: i32) -> [Part; 2] {
        [
            Part { size: old, age: 1, max_annotation: Some(max) },
            Part { size: new, age: 2, max_annotation: Some(max) },
        ]
    }

    #[test]
    fn as_recorded() {
        // 10 replicas, surge 3: 8 old, 5 new of another image; scaled to 15, to 30, to 5.
        assert_eq!(shares(&parts(8, 5, 13), 15, 3, 13), [11, 7]);
        assert_eq!(shares(&parts(11, 7, 18), 30, 3, 18), [20, 13]);
        assert_eq!(shares(&parts(20, 13, 33), 5, 3, 33), [5, 3]);
        assert_eq!(shares(&parts(5, 3, 8), 0, 0, 8), [0, 0]);
    }
}
