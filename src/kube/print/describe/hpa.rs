//! `kubectl describe horizontalpodautoscaler`.

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingRules, HorizontalPodAutoscaler, MetricSpec, MetricStatus,
};

use super::{Around, Lines, date, text};

/// The whole text.
#[must_use]
pub fn autoscaler(of: &HorizontalPodAutoscaler, around: Around<'_>) -> String {
    let spec = of.spec.clone();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("CreationTimestamp", date(of.metadata.creation_timestamp.as_ref()));
    let target = &spec.scale_target_ref;
    w.field("Reference", format!("{}/{}", target.kind, target.name));
    w.field("Metrics", "( current / target )");
    let current = status.current_metrics.as_deref().unwrap_or_default();
    for (i, metric) in spec.metrics.iter().flatten().enumerate() {
        self::metric(&mut w, metric, current.get(i));
    }
    let min = spec.min_replicas.map_or("<unset>".to_owned(), |n| n.to_string());
    w.field("Min replicas", min);
    w.field("Max replicas", spec.max_replicas.to_string());
    if let Some(behavior) = &spec.behavior {
        w.at(0, "Behavior:");
        rules(&mut w, "Scale Up", behavior.scale_up.as_ref());
        rules(&mut w, "Scale Down", behavior.scale_down.as_ref());
    }
    let (now, wanted) = (status.current_replicas.unwrap_or(0), status.desired_replicas);
    w.field(&format!("{} pods", target.kind), format!("{now} current / {wanted} desired"));
    let conditions = status.conditions.as_deref().unwrap_or_default();
    if !conditions.is_empty() {
        w.at(0, "Conditions:");
        w.at(1, "Type\tStatus\tReason\tMessage");
        w.at(1, "----\t------\t------\t-------");
    }
    for c in conditions {
        let (reason, message) = (text(c.reason.as_ref()), text(c.message.as_ref()));
        w.at(1, format!("{}\t{}\t{reason}\t{message}", c.type_, c.status));
    }
    w.events(around);
    w.finish()
}

fn metric(w: &mut Lines, metric: &MetricSpec, current: Option<&MetricStatus>) {
    const UNKNOWN: &str = "<unknown>";
    let Some(resource) = &metric.resource else {
        w.at(1, format!("metric type {}", metric.type_));
        return;
    };
    let now = current.and_then(|c| c.resource.as_ref()).map(|r| &r.current);
    let name = &resource.name;
    if let Some(target) = &resource.target.average_value {
        let value = now.and_then(|n| n.average_value.as_ref()).map_or(UNKNOWN, |q| q.0.as_str());
        w.at(1, format!("resource {name} on pods:\t{value} / {}", target.0));
        return;
    }
    let shown = match now.and_then(|n| n.average_utilization.map(|u| (n, u))) {
        Some((n, percent)) => {
            let value = n.average_value.as_ref().map_or("", |q| q.0.as_str());
            format!("{percent}% ({value})")
        }
        None => UNKNOWN.to_owned(),
    };
    let target = match resource.target.average_utilization {
        Some(percent) => format!("{percent}%"),
        None => "<auto>".to_owned(),
    };
    w.at(1, format!("resource {name} on pods  (as a percentage of request):\t{shown} / {target}"));
}

fn rules(w: &mut Lines, title: &str, rules: Option<&HPAScalingRules>) {
    let Some(rules) = rules else { return };
    w.at(1, format!("{title}:"));
    if let Some(seconds) = rules.stabilization_window_seconds {
        w.at(2, format!("Stabilization Window: {seconds} seconds"));
    }
    let policies = rules.policies.as_deref().unwrap_or_default();
    if policies.is_empty() {
        return;
    }
    w.at(2, format!("Select Policy: {}", rules.select_policy.as_deref().unwrap_or("Max")));
    w.at(2, "Policies:");
    for p in policies {
        let (kind, value, period) = (&p.type_, p.value, p.period_seconds);
        w.at(3, format!("- Type: {kind}\tValue: {value}\tPeriod: {period} seconds"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn the_metric_line_sets_the_width() {
        let of: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "d"},
            "spec": {"minReplicas": 1, "maxReplicas": 10,
                "scaleTargetRef": {"kind": "Deployment", "name": "web"},
                "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 50}}}]},
            "status": {"currentReplicas": 4, "desiredReplicas": 4, "currentMetrics": [{
                "type": "Resource", "resource": {"name": "cpu",
                    "current": {"averageUtilization": 42, "averageValue": "42m"}}}]}
        }))
        .unwrap();
        let shown = autoscaler(&of, Around { now: SimTime::ZERO, events: None });
        for part in [
            "Reference:                                             Deployment/web\n",
            "  resource cpu on pods  (as a percentage of request):  42% (42m) / 50%\n",
            "Deployment pods:                                       4 current / 4 desired\n",
        ] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
