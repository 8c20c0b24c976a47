//! Kubernetes objects as lines of `trace.jsonl`: the fields that the recorder kept.

use serde_json::{Map, Value, json};

/// One watch line for an object in its JSON form.
pub(super) fn line(t: Value, change: &str, kind: &str, object: &Value) -> Value {
    let mut line = Map::new();
    line.insert("t".to_owned(), t);
    line.insert("type".to_owned(), json!(change));
    line.insert("kind".to_owned(), json!(kind));
    line.insert("namespace".to_owned(), string(object, "/metadata/namespace"));
    let meta = ["name", "resourceVersion", "uid", "generation", "creationTimestamp"];
    copy(&mut line, object.pointer("/metadata"), &meta);
    copy(&mut line, object.pointer("/metadata"), &["deletionTimestamp", "labels", "finalizers"]);
    annotations(&mut line, object);
    owners(&mut line, object);
    match kind {
        "Pod" => pod(&mut line, object),
        "Node" => node(&mut line, object),
        "Event" => event(&mut line, object),
        "EndpointSlice" => slice(&mut line, object),
        "ConfigMap" => {
            let keys: Vec<&String> = object
                .get("data")
                .and_then(Value::as_object)
                .map_or_else(Vec::new, |data| data.keys().collect());
            line.insert("dataKeys".to_owned(), json!(keys));
            line.insert("immutable".to_owned(), string_or_null(object, "immutable"));
        }
        "ControllerRevision" => copy(&mut line, Some(object), &["revision"]),
        _ => copy(&mut line, Some(object), &["spec", "status"]),
    }
    Value::Object(line)
}

fn string(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_else(|| json!(""))
}

fn string_or_null(object: &Value, key: &str) -> Value {
    object.get(key).cloned().unwrap_or(Value::Null)
}

/// Copy those of the keys that are set.
fn copy(line: &mut Map<String, Value>, from: Option<&Value>, keys: &[&str]) {
    for key in keys {
        if let Some(value) = from.and_then(|f| f.get(*key)) {
            line.insert((*key).to_owned(), value.clone());
        }
    }
}

/// Annotations without the one that repeats the whole manifest.
fn annotations(line: &mut Map<String, Value>, object: &Value) {
    let all = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let kept: Map<String, Value> = all
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != "kubectl.kubernetes.io/last-applied-configuration")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !kept.is_empty() {
        line.insert("annotations".to_owned(), Value::Object(kept));
    }
}

fn owners(line: &mut Map<String, Value>, object: &Value) {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let short: Vec<Value> = owners
        .into_iter()
        .flatten()
        .map(|o| json!({"kind": o["kind"], "name": o["name"], "controller": o["controller"]}))
        .collect();
    if !short.is_empty() {
        line.insert("ownerRef".to_owned(), Value::Array(short));
    }
}

fn pod(line: &mut Map<String, Value>, object: &Value) {
    let status = object.get("status");
    let keys = ["phase", "reason", "message", "qosClass", "podIP", "startTime", "conditions"];
    copy(line, status, &keys);
    copy(line, status, &["containerStatuses", "initContainerStatuses"]);
    line.insert(
        "nodeName".to_owned(),
        object.pointer("/spec/nodeName").cloned().unwrap_or(Value::Null),
    );
    let spec = object.get("spec");
    copy(line, spec, &["priority", "terminationGracePeriodSeconds", "restartPolicy"]);
    let containers = object.pointer("/spec/containers").and_then(Value::as_array);
    let images: Vec<Value> = containers.into_iter().flatten().map(|c| c["image"].clone()).collect();
    line.insert("images".to_owned(), Value::Array(images));
    line.entry("conditions").or_insert_with(|| json!([]));
}

fn node(line: &mut Map<String, Value>, object: &Value) {
    let unschedulable = object.pointer("/spec/unschedulable").cloned();
    line.insert("unschedulable".to_owned(), unschedulable.unwrap_or(json!(false)));
    let taints = object.pointer("/spec/taints").cloned();
    line.insert("taints".to_owned(), taints.unwrap_or(Value::Null));
    copy(line, object.get("status"), &["conditions", "allocatable"]);
}

fn event(line: &mut Map<String, Value>, object: &Value) {
    copy(line, Some(object), &["reason", "message", "count", "firstTimestamp", "lastTimestamp"]);
    copy(line, Some(object), &["eventTime", "series"]);
    line.insert("eventType".to_owned(), string_or_null(object, "type"));
    let regarding = object.get("involvedObject").or_else(|| object.get("regarding"));
    let text = |key: &str| regarding.and_then(|r| r.get(key)).and_then(Value::as_str);
    let (kind, name) = (text("kind").unwrap_or(""), text("name").unwrap_or(""));
    line.insert("regarding".to_owned(), json!(format!("{kind}/{name}")));
    if let Some(path) = text("fieldPath") {
        line.insert("fieldPath".to_owned(), json!(path));
    }
    let component = object
        .get("reportingComponent")
        .filter(|c| c.as_str().is_some_and(|c| !c.is_empty()))
        .or_else(|| object.pointer("/source/component"));
    line.insert("component".to_owned(), component.cloned().unwrap_or(Value::Null));
}

fn slice(line: &mut Map<String, Value>, object: &Value) {
    copy(line, Some(object), &["addressType"]);
    let ports = object.get("ports").cloned().unwrap_or_else(|| json!([]));
    line.insert("ports".to_owned(), ports);
    let endpoints = object.get("endpoints").and_then(Value::as_array);
    let endpoints: Vec<Value> = endpoints
        .into_iter()
        .flatten()
        .map(|e| {
            json!({
                "addresses": e["addresses"],
                "conditions": e["conditions"],
                "target": e.pointer("/targetRef/name").cloned().unwrap_or(Value::Null),
                "nodeName": e.get("nodeName").cloned().unwrap_or(Value::Null),
            })
        })
        .collect();
    line.insert("endpoints".to_owned(), Value::Array(endpoints));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_line_is_flat() {
        let pod = json!({
            "metadata": {"name": "web", "namespace": "n", "annotations":
                {"kubectl.kubernetes.io/last-applied-configuration": "x"}},
            "spec": {"nodeName": "node-1", "containers": [{"image": "nginx"}]},
            "status": {"phase": "Running"},
        });
        let line = line(json!(1.5), "ADDED", "Pod", &pod);
        assert_eq!(line["phase"], "Running");
        assert_eq!(line["images"], json!(["nginx"]));
        assert_eq!(line.get("annotations"), None);
    }
}
