//! `kubectl describe` of ResourceQuotas, LimitRanges, Namespaces and PodDisruptionBudgets.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeSpec, Namespace, ResourceQuota};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::container::int_or_string;
use super::{Around, Lines, date, selector, text};

type Amounts = BTreeMap<String, Quantity>;

const LIMIT_HEAD: &str =
    "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio";
const LIMIT_RULE: &str =
    "----\t--------\t---\t---\t---------------\t-------------\t-----------------------";

/// `kubectl describe resourcequota`.
#[must_use]
pub fn resource_quota(of: &ResourceQuota) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    let scopes = of.spec.as_ref().and_then(|s| s.scopes.clone()).unwrap_or_default();
    if !scopes.is_empty() {
        w.field("Scopes", scopes.join(", "));
    }
    w.at(0, "Resource\tUsed\tHard");
    w.at(0, "--------\t----\t----");
    quota_rows(&mut w, 0, of);
    w.finish()
}

fn quota_rows(w: &mut Lines, level: usize, of: &ResourceQuota) {
    let status = of.status.as_ref();
    let used = status.and_then(|s| s.used.as_ref());
    for (name, hard) in status.and_then(|s| s.hard.as_ref()).into_iter().flatten() {
        let used = used.and_then(|u| u.get(name)).map_or("0", |q| q.0.as_str());
        w.at(level, format!("{name}\t{used}\t{}", hard.0));
    }
}

/// `kubectl describe limitrange`.
#[must_use]
pub fn limit_range(of: &LimitRange) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.at(0, LIMIT_HEAD);
    w.at(0, LIMIT_RULE);
    limit_rows(&mut w, "", of.spec.as_ref());
    w.finish()
}

fn limit_rows(w: &mut Lines, indent: &str, spec: Option<&LimitRangeSpec>) {
    for item in spec.iter().flat_map(|s| &s.limits) {
        let columns = [
            &item.min,
            &item.max,
            &item.default_request,
            &item.default,
            &item.max_limit_request_ratio,
        ];
        let mut names: Vec<&String> =
            columns.iter().flat_map(|m| m.iter().flat_map(BTreeMap::keys)).collect();
        names.sort();
        names.dedup();
        for name in names {
            let of = |m: &Option<Amounts>| {
                m.as_ref().and_then(|m| m.get(name)).map_or("-".to_owned(), |q| q.0.clone())
            };
            let cells: Vec<String> = columns.iter().map(|m| of(m)).collect();
            w.at(0, format!("{indent}{}\t{name}\t{}", item.type_, cells.join("\t")));
        }
    }
}

/// `kubectl describe namespace`, with its quotas and limits.
#[must_use]
pub fn namespace(
    of: &Namespace,
    quotas: &[Arc<ResourceQuota>],
    limits: &[Arc<LimitRange>],
) -> String {
    let mut w = Lines::default();
    w.field("Name", text(of.metadata.name.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    let status = of.status.as_ref();
    w.field("Status", text(status.and_then(|s| s.phase.as_ref())));
    let conditions = status.and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    if !conditions.is_empty() {
        w.at(0, "Conditions:");
        w.at(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        w.at(1, "----\t------\t------------------\t------\t-------");
    }
    for c in conditions {
        let at = date(c.last_transition_time.as_ref());
        let (reason, message) = (text(c.reason.as_ref()), text(c.message.as_ref()));
        w.at(1, format!("{}\t{}\t{at}\t{reason}\t{message}", c.type_, c.status));
    }
    if quotas.is_empty() {
        w.raw("\nNo resource quota.\n");
    } else {
        w.raw("\nResource Quotas\n");
    }
    for quota in quotas {
        w.at(1, format!("Name:\t{}", text(quota.metadata.name.as_ref())));
        w.at(1, "Resource\tUsed\tHard");
        w.at(1, "--------\t---\t---");
        quota_rows(&mut w, 1, quota);
    }
    if limits.is_empty() {
        w.raw("\nNo LimitRange resource.\n");
    } else {
        w.raw(&format!("\nResource Limits\n {LIMIT_HEAD}\n {LIMIT_RULE}\n"));
    }
    for limit in limits {
        limit_rows(&mut w, " ", limit.spec.as_ref());
    }
    w.finish()
}

/// `kubectl describe poddisruptionbudget`.
#[must_use]
pub fn disruption_budget(of: &PodDisruptionBudget, around: Around<'_>) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    if let Some(min) = &spec.min_available {
        w.field("Min available", int_or_string(min));
    } else if let Some(max) = &spec.max_unavailable {
        w.field("Max unavailable", int_or_string(max));
    }
    match &spec.selector {
        Some(s) => w.field("Selector", selector(Some(s))),
        None => w.field("Selector", "<unset>"),
    }
    w.at(0, "Status:");
    for (key, number) in [
        ("Allowed disruptions", status.disruptions_allowed),
        ("Current", status.current_healthy),
        ("Desired", status.desired_healthy),
        ("Total", status.expected_pods),
    ] {
        w.at(2, format!("{key}:\t{}", number.unwrap_or(0)));
    }
    w.events(around);
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn a_namespace_with_a_quota() {
        let of: Namespace = serde_json::from_value(json!({
            "metadata": {"name": "q"}, "status": {"phase": "Active"}
        }))
        .unwrap();
        let quota: ResourceQuota = serde_json::from_value(json!({
            "metadata": {"name": "team", "namespace": "q"},
            "status": {"hard": {"limits.cpu": "8", "pods": "10"},
                       "used": {"limits.cpu": "1200m", "pods": "4"}}
        }))
        .unwrap();
        assert_eq!(
            namespace(&of, &[Arc::new(quota.clone())], &[]),
            "Name:         q\nLabels:       <none>\nAnnotations:  <none>\nStatus:       Active\n\n\
             Resource Quotas\n  Name:       team\n  Resource    Used   Hard\n  \
             --------    ---    ---\n  limits.cpu  1200m  8\n  pods        4      10\n\n\
             No LimitRange resource.\n"
        );
        assert_eq!(
            resource_quota(&quota),
            "Name:       team\nNamespace:  q\nResource    Used   Hard\n--------    ----   ----\n\
             limits.cpu  1200m  8\npods        4      10\n"
        );
    }

    #[test]
    fn a_budget() {
        let of: PodDisruptionBudget = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "d"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 3, "desiredHealthy": 3,
                       "expectedPods": 3}
        }))
        .unwrap();
        assert_eq!(
            disruption_budget(&of, Around { now: SimTime::ZERO, events: Some(&[]) }),
            "Name:           web\nNamespace:      d\nMin available:  3\nSelector:       app=web\n\
             Status:\n    Allowed disruptions:  0\n    Current:              3\n    \
             Desired:              3\n    Total:                3\n\
             Events:                   <none>\n"
        );
    }
}
