//! Other versions of an object than the stored one: `autoscaling/v1`, `events.k8s.io/v1`.
//!
//! Follows `pkg/apis/*/conversion.go` for the fields that differ.

use serde_json::{Map, Value, json};

use crate::kube::api::base64;
use crate::kube::api::object::Kind;

/// A client's JSON in the version in which its kind is stored.
#[must_use]
pub fn to_stored(kind: Kind, value: &Value) -> Value {
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or("");
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        match (kind, version) {
            (Kind::HorizontalPodAutoscaler, "autoscaling/v1") => autoscaler(map),
            (Kind::Event, "events.k8s.io/v1") => event(map),
            _ => {}
        }
        base64::tidy(kind, map);
        empty_selector(kind, map);
        map.insert("apiVersion".to_owned(), kind.api_version().into());
        map.insert("kind".to_owned(), kind.name().into());
    }
    value
}

/// An empty selector is another mistake than none: it stays to be told from it.
fn empty_selector(kind: Kind, map: &mut Map<String, Value>) {
    let selecting =
        matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet);
    let selector = map.get_mut("spec").and_then(|s| s.get_mut("selector"));
    if let Some(Value::Object(selector)) = selector.filter(|_| selecting)
        && selector.is_empty()
    {
        selector.insert("matchLabels".to_owned(), json!({}));
    }
}

/// A percentage of cpu becomes a metric.
fn autoscaler(map: &mut Map<String, Value>) {
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if let Some(percent) = spec.remove("targetCPUUtilizationPercentage") {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".to_owned(), json!([metric]));
    }
}

/// The newer names of an event's fields.
fn event(map: &mut Map<String, Value>) {
    for (newer, older) in [
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("reportingController", "reportingComponent"),
        ("deprecatedSource", "source"),
        ("deprecatedCount", "count"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
    ] {
        if let Some(value) = map.remove(newer) {
            map.insert(older.to_owned(), value);
        }
    }
}
