//! How far and how fast an autoscaler may move: stabilization, policies, limits.
//!
//! Models kubernetes `pkg/controller/podautoscaler/horizontal.go` @v1.36 (handbook
//! kubernetes-controllers §7).
#![expect(
    clippy::float_arithmetic,
    reason = "upstream computes percentages in float64; the same \
    IEEE operations give the same result everywhere"
)]

use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules};

use crate::base::time::{SimDuration, SimTime};

/// `--horizontal-pod-autoscaler-downscale-stabilization`.
pub const DOWN_WINDOW: SimDuration = SimDuration::from_secs(300);
/// A small workload may always grow to this (`scaleUpLimitMinimum`).
const UP_MINIMUM: i32 = 4;
/// Growth in one step without `behavior` (`scaleUpLimitFactor`).
const UP_FACTOR: i32 = 2;

/// A series of numbers and their moments.
pub type Series = Vec<(SimTime, i32)>;

/// What limits a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The size now.
    pub current: i32,
    /// `spec.minReplicas`.
    pub least: i32,
    /// `spec.maxReplicas`.
    pub most: i32,
}

/// A size with the reason and the message of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The size.
    pub size: i32,
    /// Reason.
    pub reason: &'static str,
    /// Message.
    pub message: &'static str,
}

const WITHIN: (&str, &str) =
    ("DesiredWithinRange", "the desired count is within the acceptable range");
const TOO_FEW: (&str, &str) =
    ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const TOO_MANY: (&str, &str) =
    ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const UP_LIMIT: (&str, &str) =
    ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: (&str, &str) = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);

const fn limited(size: i32, (reason, message): (&'static str, &'static str)) -> Limited {
    Limited { size, reason, message }
}

/// Limits without `behavior` (`convertDesiredReplicasWithRules`).
#[must_use]
pub fn limit(bounds: Bounds, wanted: i32) -> Limited {
    let rate = (UP_FACTOR * bounds.current).max(UP_MINIMUM);
    let (most, why) = if bounds.most > rate { (rate, UP_LIMIT) } else { (bounds.most, TOO_MANY) };
    if wanted < bounds.least {
        limited(bounds.least, TOO_FEW)
    } else if wanted > most {
        limited(most, why)
    } else {
        limited(wanted, WITHIN)
    }
}

/// The highest recommendation of the last five minutes (`stabilizeRecommendation`).
#[must_use]
pub fn stabilize(past: &Series, wanted: i32, now: SimTime) -> i32 {
    let recent = past.iter().filter(|(at, _)| now.since(*at) <= DOWN_WINDOW);
    recent.map(|(_, size)| *size).fold(wanted, i32::max)
}

fn window(rules: Option<&HPAScalingRules>, default: SimDuration) -> SimDuration {
    let seconds = rules.and_then(|r| r.stabilization_window_seconds);
    seconds.map_or(default, |s| SimDuration::from_secs(u64::try_from(s).unwrap_or(0)))
}

/// With `behavior`: as far as the recommendations of both windows allow
/// (`stabilizeRecommendationWithBehaviors`).
#[must_use]
pub fn stabilize_by_rules(
    rules: (Option<&HPAScalingRules>, Option<&HPAScalingRules>),
    past: &Series,
    (current, wanted): (i32, i32),
    now: SimTime,
) -> Limited {
    let up_window = window(rules.0, SimDuration::ZERO);
    let down_window = window(rules.1, DOWN_WINDOW);
    let (mut lowest, mut highest) = (wanted, wanted);
    for (at, size) in past {
        if now.since(*at) < up_window {
            lowest = lowest.min(*size);
        }
        if now.since(*at) < down_window {
            highest = highest.max(*size);
        }
    }
    let size = current.max(lowest).min(highest);
    if wanted >= current {
        let message = "recent recommendations were lower than current one, applying the lowest recent \
             recommendation";
        Limited { size, reason: "ScaleUpStabilized", message }
    } else {
        Limited { size, reason: "ScaleDownStabilized", message: HIGHEST }
    }
}

/// Message of `ScaleDownStabilized`.
pub const HIGHEST: &str = "recent recommendations were higher than current one, applying the highest recent \
     recommendation";

/// How much the size grew or shrank within a period.
fn change(events: &Series, period_seconds: i32, now: SimTime) -> i32 {
    let period = SimDuration::from_secs(u64::try_from(period_seconds).unwrap_or(0));
    events.iter().filter(|(at, _)| now.since(*at) < period).map(|(_, by)| by).sum()
}

/// Limits by policies (`convertDesiredReplicasWithBehaviorRate`).
#[must_use]
pub fn limit_by_rules(
    rules: (Option<&HPAScalingRules>, Option<&HPAScalingRules>),
    (ups, downs): (&Series, &Series),
    bounds: Bounds,
    wanted: i32,
    now: SimTime,
) -> Limited {
    let start = |policy: &HPAScalingPolicy| {
        bounds.current - change(ups, policy.period_seconds, now)
            + change(downs, policy.period_seconds, now)
    };
    if wanted > bounds.current {
        let rate = proposal(rules.0, bounds.current, true, |p| match p.type_.as_str() {
            "Pods" => start(p) + p.value,
            _ => float_to_size((f64::from(start(p)) * (1.0 + f64::from(p.value) / 100.0)).ceil()),
        });
        let rate = rate.max(bounds.current);
        let (most, why) =
            if bounds.most > rate { (rate, UP_LIMIT) } else { (bounds.most, TOO_MANY) };
        if wanted > most {
            return limited(most, why);
        }
    } else if wanted < bounds.current {
        let rate = proposal(rules.1, bounds.current, false, |p| match p.type_.as_str() {
            "Pods" => start(p) - p.value,
            _ => float_to_size(f64::from(start(p)) * (1.0 - f64::from(p.value) / 100.0)),
        });
        let rate = rate.min(bounds.current);
        let (least, why) =
            if bounds.least < rate { (rate, DOWN_LIMIT) } else { (bounds.least, TOO_FEW) };
        if wanted < least {
            return limited(least, why);
        }
    }
    limited(wanted, WITHIN)
}

/// The proposal that the select policy picks: the one that moves most, least, or none.
fn proposal(
    rules: Option<&HPAScalingRules>,
    current: i32,
    up: bool,
    propose: impl Fn(&HPAScalingPolicy) -> i32,
) -> i32 {
    let policies = rules.and_then(|r| r.policies.as_deref()).unwrap_or_default();
    let proposals = policies.iter().map(propose);
    let picked = match rules.and_then(|r| r.select_policy.as_deref()) {
        Some("Disabled") => return current,
        Some("Min") if up => proposals.min(),
        Some("Min") => proposals.max(),
        _ if up => proposals.max(),
        _ => proposals.min(),
    };
    picked.unwrap_or(current)
}

/// A float cut to an integer, as Go converts it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "sizes are far below the limits of i32")]
pub fn float_to_size(value: f64) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(value: serde_json::Value) -> HPAScalingRules {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn without_behavior() {
        for (current, wanted, size, reason) in [
            (1, 5, 4, "ScaleUpLimit"),
            (3, 20, 6, "ScaleUpLimit"),
            (8, 20, 10, "TooManyReplicas"),
            (5, 1, 2, "TooFewReplicas"),
            (5, 3, 3, "DesiredWithinRange"),
        ] {
            let bounds = Bounds { current, least: 2, most: 10 };
            let found = limit(bounds, wanted);
            assert_eq!((found.size, found.reason), (size, reason), "{current} to {wanted}");
        }
        let past = vec![(SimTime::from_secs(10), 7), (SimTime::from_secs(100), 3)];
        assert_eq!(stabilize(&past, 1, SimTime::from_secs(200)), 7);
        assert_eq!(stabilize(&past, 1, SimTime::from_secs(311)), 3);
    }

    #[test]
    fn policies() {
        let up = rules(json!({"policies": [
            {"type": "Pods", "value": 2, "periodSeconds": 60},
            {"type": "Percent", "value": 10, "periodSeconds": 60},
        ], "selectPolicy": "Max"}));
        let down = rules(json!({"policies": [
            {"type": "Percent", "value": 50, "periodSeconds": 60},
        ]}));
        let off = rules(json!({"selectPolicy": "Disabled", "policies": [
            {"type": "Pods", "value": 2, "periodSeconds": 60},
        ]}));
        let bounds = |current| Bounds { current, least: 2, most: 100 };
        let now = SimTime::from_secs(100);
        let none = Series::new();
        let grew = vec![(SimTime::from_secs(70), 2)];
        let shrank = vec![(SimTime::from_secs(70), 5)];
        let size = |r: (&HPAScalingRules, &HPAScalingRules), e: (&Series, &Series), from, to| {
            let found = limit_by_rules((Some(r.0), Some(r.1)), e, bounds(from), to, now);
            (found.size, found.reason)
        };
        assert_eq!(size((&up, &down), (&none, &none), 4, 9), (6, "ScaleUpLimit"));
        assert_eq!(size((&up, &down), (&none, &none), 40, 90), (44, "ScaleUpLimit"));
        assert_eq!(size((&up, &down), (&grew, &none), 6, 9), (6, "ScaleUpLimit"));
        assert_eq!(size((&up, &down), (&none, &none), 10, 1), (5, "ScaleDownLimit"));
        assert_eq!(size((&up, &down), (&none, &shrank), 5, 1), (5, "ScaleDownLimit"));
        assert_eq!(size((&up, &down), (&none, &none), 5, 1), (2, "TooFewReplicas"));
        assert_eq!(size((&off, &off), (&none, &none), 5, 9), (5, "ScaleUpLimit"));
        assert_eq!(size((&off, &off), (&none, &none), 5, 2), (5, "ScaleDownLimit"));
    }

    #[test]
    fn windows_hold_both_ways() {
        let rule = rules(json!({"stabilizationWindowSeconds": 60}));
        let both = (Some(&rule), Some(&rule));
        let now = SimTime::from_secs(100);
        let past = vec![(SimTime::from_secs(30), 1), (SimTime::from_secs(90), 4)];
        let found = stabilize_by_rules(both, &past, (3, 8), now);
        assert_eq!((found.size, found.reason), (4, "ScaleUpStabilized"));
        let found = stabilize_by_rules(both, &past, (5, 2), now);
        assert_eq!((found.size, found.reason), (4, "ScaleDownStabilized"));
    }
}
