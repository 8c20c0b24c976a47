//! Taints keep away pods that do not tolerate them.
//!
//! Models `plugins/tainttoleration` and component-helpers `scheduling/corev1` @v1.36.

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{Cycle, Plugin, Rejection, Scoring, normalize_to_max};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct TaintToleration;

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        let mut taints = node.facts.taints.iter().filter(|t| t.effect != "PreferNoSchedule");
        match taints.find(|t| !cycle.pod.tolerations.iter().any(|own| tolerates(own, t))) {
            None => Ok(()),
            Some(_) => Err(Rejection::lasting("node(s) had untolerated taint(s)")),
        }
    }

    fn weight(&self) -> i64 {
        3
    }

    /// Taints that would rather keep the pod away.
    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        let count = node
            .facts
            .taints
            .iter()
            .filter(|t| t.effect == "PreferNoSchedule")
            .filter(|t| {
                let mut own = scoring.pod.tolerations.iter().filter(|own| {
                    own.effect.as_deref().is_none_or(|e| e.is_empty() || e == "PreferNoSchedule")
                });
                !own.any(|own| tolerates(own, t))
            })
            .count();
        i64::try_from(count).ok()
    }

    fn normalize(&self, _scoring: &Scoring<'_>, scores: &mut [Option<i64>]) {
        normalize_to_max(scores, true);
    }
}

/// Whether a toleration tolerates a taint.
#[must_use]
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or("");
    let key = toleration.key.as_deref().unwrap_or("");
    if !effect.is_empty() && effect != taint.effect || !key.is_empty() && key != taint.key {
        return false;
    }
    let value = taint.value.as_deref().unwrap_or("");
    match toleration.operator.as_deref().unwrap_or("") {
        "" | "Equal" => !key.is_empty() && toleration.value.as_deref().unwrap_or("") == value,
        "Exists" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tolerates_what() {
        let taint = Taint {
            key: "dedicated".into(),
            value: Some("db".into()),
            effect: "NoSchedule".into(),
            ..Taint::default()
        };
        let t = |key: &str, operator: &str, value: &str, effect: &str| Toleration {
            key: Some(key.into()),
            operator: Some(operator.into()),
            value: Some(value.into()),
            effect: Some(effect.into()),
            ..Toleration::default()
        };
        for (toleration, expected) in [
            (t("dedicated", "Equal", "db", "NoSchedule"), true),
            (t("dedicated", "", "db", ""), true),
            (t("dedicated", "Equal", "web", "NoSchedule"), false),
            (t("dedicated", "Exists", "", "NoExecute"), false),
            (t("", "Exists", "", ""), true),
            (t("other", "Exists", "", ""), false),
        ] {
            assert_eq!(tolerates(&toleration, &taint), expected, "{toleration:?}");
        }
    }
}
