//! Who wrote which field: `metadata.managedFields`.
//!
//! Follows structured-merge-diff in its rules, not its forms: fields are owned as leaves, lists
//! merge by the keys of strategic merge. Only clients that name themselves are kept; what
//! controllers write belongs to nobody.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

use super::keys::{self, ListMerge};
use super::three_way::go_json;
use crate::base::time::SimTime;
use crate::kube::api::object::{Kind, Object};
use crate::kube::api::request::{Body, PatchType, Request, Subresource};
use crate::kube::clock;
use crate::stub;

/// Fields that nobody owns.
const UNOWNED: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];
/// Metadata that clients write.
const METADATA: [&str; 4] = ["annotations", "finalizers", "labels", "ownerReferences"];

/// Note what a client writes in another way than by server-side apply.
pub fn record(object: &mut Object, old: Option<&Object>, request: &Request, now: SimTime) {
    let manager = request.options.field_manager.as_deref();
    let by_apply = matches!(request.body, Body::Patch(PatchType::Apply, _));
    let Some(manager) = manager.filter(|_| !by_apply && request.subresource == Subresource::None)
    else {
        stub!("kube.managed-fields", "only fields that clients write have managers");
        return;
    };
    let new = owned(object);
    let mut written = match old {
        None => fields(&new, ""),
        Some(old) => changed(&owned(old), &new, ""),
    };
    let paths = leaves(&written);
    if paths.is_empty() {
        return;
    }
    let subresource = matches!(request.body, Body::Scale(_)).then_some("scale");
    let kind = object.kind();
    let entries = object.meta_mut().managed_fields.get_or_insert_default();
    let same = |e: &ManagedFieldsEntry| {
        e.manager.as_deref() == Some(manager)
            && e.operation.as_deref() == Some("Update")
            && e.subresource.as_deref() == subresource
    };
    // Who writes a field takes it from whoever wrote it before.
    for other in entries.iter_mut().filter(|e| !same(e)) {
        if let Some(fields) = &mut other.fields_v1 {
            paths.iter().for_each(|path| remove_path(&mut fields.0, path));
        }
    }
    if let Some(at) = entries.iter().position(same)
        && let Some(fields) = entries.remove(at).fields_v1
    {
        union(&mut written, fields.0);
    }
    entries.retain(|e| e.fields_v1.as_ref().is_some_and(|f| f.0 != json!({})));
    let mut own = entry(kind, manager, "Update", written, now);
    own.subresource = subresource.map(str::to_owned);
    entries.push(own);
}

/// What a client can own of an object.
fn owned(object: &Object) -> Value {
    let mut value = object.to_value();
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
        if let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.retain(|key, _| METADATA.contains(&key.as_str()));
        }
    }
    value
}

/// An entry of `managedFields`.
pub(super) fn entry(
    kind: Kind,
    manager: &str,
    operation: &str,
    fields: Value,
    now: SimTime,
) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        api_version: Some(kind.api_version().to_owned()),
        fields_type: Some("FieldsV1".to_owned()),
        fields_v1: Some(FieldsV1(fields)),
        manager: Some(manager.to_owned()),
        operation: Some(operation.to_owned()),
        time: Some(clock::meta_time(now)),
        subresource: None,
    }
}

/// The set of fields of a configuration in the form of `fieldsV1`.
pub(super) fn fields(value: &Value, path: &str) -> Value {
    changed(&Value::Null, value, path)
}

/// The fields that are new or have another value than before.
fn changed(old: &Value, new: &Value, path: &str) -> Value {
    let Value::Object(map) = new else { return json!({}) };
    let mut out = Map::new();
    for (name, value) in map {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let before = old.get(name).unwrap_or(&Value::Null);
        if UNOWNED.contains(&at.as_str()) || (old.is_object() && before == value) {
            continue;
        }
        let parent = path.rsplit('.').next().unwrap_or("");
        // Nothing below an object that has something: only fields of nobody, or removals.
        let (inner, leaf) = match value {
            Value::Object(map) => (changed(before, value, &at), map.is_empty()),
            Value::Array(items) => {
                let before = before.as_array().map_or(&[][..], Vec::as_slice);
                let atomic = keys::of(parent, name, items.first()) == ListMerge::Atomic;
                (changed_list(before, items, parent, name, &at), atomic)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (json!({}), true),
        };
        if leaf || inner != json!({}) {
            out.insert(format!("f:{name}"), inner);
        }
    }
    Value::Object(out)
}

fn changed_list(old: &[Value], new: &[Value], parent: &str, name: &str, at: &str) -> Value {
    let mut out = Map::new();
    match keys::of(parent, name, new.first()) {
        ListMerge::Atomic => {}
        ListMerge::Set => {
            for value in new.iter().filter(|v| !old.contains(v)) {
                out.insert(format!("v:{}", go_json(value)), json!({}));
            }
        }
        ListMerge::Key(key) => {
            for item in new.iter().filter(|v| !old.contains(v)) {
                let id = item.get(key);
                let before = old.iter().find(|o| o.get(key) == id);
                let mut inner = changed(before.unwrap_or(&Value::Null), item, at);
                if let (None, Some(map)) = (before, inner.as_object_mut()) {
                    map.insert(".".to_owned(), json!({}));
                }
                out.insert(format!("k:{}", json!({key: id})), inner);
            }
        }
    }
    out.into()
}

/// The paths of all leaves of a field set.
pub(super) fn leaves(fields: &Value) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    let mut stack = vec![(Vec::new(), fields)];
    while let Some((path, node)) = stack.pop() {
        let Some(map) = node.as_object() else { continue };
        if map.is_empty() && !path.is_empty() {
            out.push(path);
            continue;
        }
        for (name, inner) in map.iter().rev() {
            let mut path = path.clone();
            path.push(name.clone());
            stack.push((path, inner));
        }
    }
    out
}

/// Whether a field set has a path.
pub(super) fn has_path(fields: &Value, path: &[String]) -> bool {
    path.iter().try_fold(fields, |node, step| node.get(step)).is_some()
}

/// Take a path out of a field set, and what is empty without it.
pub(super) fn remove_path(fields: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some(map) = fields.as_object_mut() else { return };
    if rest.is_empty() {
        map.remove(first);
    } else if let Some(inner) = map.get_mut(first) {
        remove_path(inner, rest);
        if inner.as_object().is_some_and(Map::is_empty) {
            map.remove(first);
        }
    }
}

/// Put one field set into another.
pub(super) fn union(to: &mut Value, from: Value) {
    let (Value::Object(map), Value::Object(more)) = (to, from) else { return };
    for (key, value) in more {
        match map.get_mut(&key) {
            Some(have) => union(have, value),
            None => {
                map.insert(key, value);
            }
        }
    }
}

/// The value at a path of a field set.
pub(super) fn value_at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |node, step| match step.split_once(':') {
        Some(("f", name)) => node.get(name),
        Some(("k", key)) => {
            let key: Value = serde_json::from_str(key).ok()?;
            let (name, id) = key.as_object()?.iter().next()?;
            node.as_array()?.iter().find(|i| i.get(name) == Some(id))
        }
        Some(("v", text)) => node.as_array()?.iter().find(|i| go_json(i) == text),
        _ => Some(node),
    })
}

/// Remove the value at a path, and the list element when only its key is left to it.
pub(super) fn drop_value(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match first.split_once(':') {
        Some(("f", name)) => {
            let Some(map) = value.as_object_mut() else { return };
            if rest.is_empty() {
                map.remove(name);
            } else if let Some(inner) = map.get_mut(name) {
                drop_value(inner, rest);
            }
        }
        Some(("k", key)) => {
            let Ok(Value::Object(key)) = serde_json::from_str(key) else { return };
            let Some((name, id)) = key.iter().next() else { return };
            let Some(items) = value.as_array_mut() else { return };
            let at = items.iter().position(|i| i.get(name) == Some(id));
            if rest.first().is_some_and(|s| s == ".") {
                at.map(|at| items.remove(at));
            } else if let Some(item) = at.and_then(|at| items.get_mut(at)) {
                drop_value(item, rest);
            }
        }
        _ => {}
    }
}

/// `.spec.template.spec.containers[name="nginx"].image`.
pub(super) fn path_text(path: &[String]) -> String {
    path.iter()
        .map(|step| match step.split_once(':') {
            Some(("f", name)) => format!(".{name}"),
            Some(("k", key)) => {
                let inner = key.trim_start_matches("{\"").trim_end_matches('}');
                format!("[{}]", inner.replacen("\":", "=", 1))
            }
            Some(("v", value)) => format!("[={value}]"),
            _ => String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_paths() {
        let value = json!({"apiVersion": "apps/v1", "metadata": {"name": "w", "labels": {"a": "b"}},
            "spec": {"replicas": 1, "containers": [{"name": "n", "image": "i"}]}});
        let set = fields(&value, "");
        assert_eq!(set["f:metadata"], json!({"f:labels": {"f:a": {}}}));
        let paths: Vec<String> = leaves(&set).iter().map(|p| path_text(p)).collect();
        assert!(paths.contains(&".spec.containers[name=\"n\"].image".to_owned()), "{paths:?}");
        let mut other = value.clone();
        other["spec"]["containers"][0]["image"] = json!("j");
        assert_eq!(
            changed(&value, &other, ""),
            json!({"f:spec": {"f:containers": {"k:{\"name\":\"n\"}": {"f:image": {}}}}})
        );
    }
}
