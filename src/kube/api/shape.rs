//! Fields that Go writes though they are empty, so that `-o yaml` shows what the real server sends.
//!
//! Go's structs without `omitempty` come out as `null`, `{}` or `""`; our types leave them out.

use serde_json::{Map, Value};

use crate::kube::api::object::Kind;

/// Add the empty fields of a kind.
pub fn complete(kind: Kind, value: &mut Value) {
    let Some(map) = value.as_object_mut() else { return };
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no such fields")]
    match kind {
        Kind::Pod => {
            conditions(map);
            if let Some(status) = object(map, "status") {
                for list in ["containerStatuses", "initContainerStatuses"] {
                    each(status, list, |one| {
                        for field in ["lastState", "state"] {
                            or_empty(one, field);
                        }
                    });
                }
            }
        }
        Kind::Event => {
            for field in ["eventTime", "firstTimestamp", "lastTimestamp"] {
                map.entry(field).or_insert(Value::Null);
            }
            or_empty(map, "source");
            for field in ["reportingComponent", "reportingInstance"] {
                map.entry(field).or_insert_with(|| "".into());
            }
        }
        Kind::HorizontalPodAutoscaler => {
            if let Some(status) = object(map, "status") {
                status.entry("currentMetrics").or_insert(Value::Null);
                status.entry("desiredReplicas").or_insert_with(|| 0.into());
            }
        }
        Kind::Job => conditions(map),
        Kind::PodDisruptionBudget => {
            if let Some(status) = object(map, "status") {
                for field in
                    ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"]
                {
                    status.entry(field).or_insert_with(|| 0.into());
                }
            }
        }
        Kind::EndpointSlice => {
            for field in ["endpoints", "ports"] {
                map.entry(field).or_insert(Value::Null);
            }
        }
        Kind::ClusterRole | Kind::Role => {
            map.entry("rules").or_insert(Value::Null);
        }
        _ => {}
    }
}

fn object<'a>(map: &'a mut Map<String, Value>, field: &str) -> Option<&'a mut Map<String, Value>> {
    map.get_mut(field)?.as_object_mut()
}

fn or_empty(map: &mut Map<String, Value>, field: &str) {
    map.entry(field).or_insert_with(|| Value::Object(Map::new()));
}

fn each(map: &mut Map<String, Value>, list: &str, mut f: impl FnMut(&mut Map<String, Value>)) {
    let items = map.get_mut(list).and_then(Value::as_array_mut);
    for one in items.into_iter().flatten().filter_map(Value::as_object_mut) {
        f(one);
    }
}

/// Conditions of pods and jobs carry the time of a probe and of the last change.
fn conditions(map: &mut Map<String, Value>) {
    if let Some(status) = object(map, "status") {
        each(status, "conditions", |one| {
            one.entry("lastProbeTime").or_insert(Value::Null);
            one.entry("lastTransitionTime").or_insert(Value::Null);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_go_writes() {
        let mut pod = json!({"status": {"conditions": [{"type": "Ready"}]}});
        complete(Kind::Pod, &mut pod);
        assert_eq!(
            pod["status"]["conditions"][0],
            json!({"type": "Ready", "lastProbeTime": null, "lastTransitionTime": null})
        );
        let mut event = json!({"reason": "x"});
        complete(Kind::Event, &mut event);
        assert_eq!(event["source"], json!({}));
        assert_eq!(event["lastTimestamp"], Value::Null);
    }
}
