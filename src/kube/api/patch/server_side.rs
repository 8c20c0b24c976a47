//! Server-side apply: each manager owns the fields it applied.
//!
//! Follows structured-merge-diff in its rules, not its forms: fields are owned as leaves, lists
//! merge by the keys of strategic merge. Left out: ownership by version, defaulted list keys.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

use super::keys::{self, ListMerge};
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{ApiError, Cause, Request};
use crate::kube::api::server::{self, Call};
use crate::kube::api::{default, write};
use crate::kube::clock;

/// Fields that nobody owns.
const UNOWNED: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// Apply a configuration.
///
/// # Errors
/// `Conflict` if another manager owns a field with another value, unless forced.
pub fn apply(
    call: &mut Call<'_>,
    request: &Request,
    key: &Key,
    wanted: &Value,
) -> Result<Arc<Object>, ApiError> {
    let manager = request.options.field_manager.as_deref().unwrap_or("kubectl").to_owned();
    let kind = request.kind;
    let fields = fields(wanted, "");
    let old = call.store.object(kind, key).cloned();
    let Some(old) = old else {
        let validation = request.options.field_validation;
        let mut object = server::decode(call, kind, wanted, validation)?;
        let meta = object.meta_mut();
        meta.name = Some(key.name.to_string());
        meta.namespace = kind.namespaced().then(|| key.namespace.to_string());
        default::apply(&mut object);
        object.meta_mut().managed_fields = Some(vec![entry(call, kind, &manager, "Apply", fields)]);
        return write::create(call, object);
    };
    let live = old.to_value();
    let mut entries = old.meta().managed_fields.clone().unwrap_or_default();
    let conflicts = conflicts(&entries, &manager, &fields, wanted, &live);
    if !conflicts.is_empty() {
        if !request.options.force {
            return Err(refuse(&conflicts, kind));
        }
        for (index, path, _) in &conflicts {
            if let Some(fields) = entries.get_mut(*index).and_then(|e| e.fields_v1.as_mut()) {
                remove_path(&mut fields.0, path);
            }
        }
    }
    let mine = |e: &ManagedFieldsEntry| {
        e.manager.as_deref() == Some(&manager) && e.operation.as_deref() == Some("Apply")
    };
    let before = entries.iter().find(|e| mine(e)).and_then(|e| e.fields_v1.clone());
    let mut value = merge(&live, wanted, "");
    if let Some(before) = before {
        let others: Vec<&Value> = entries
            .iter()
            .filter(|e| !mine(e))
            .filter_map(|e| Some(&e.fields_v1.as_ref()?.0))
            .collect();
        for path in leaves(&before.0) {
            let still = has_path(&fields, &path);
            let shared = others.iter().any(|o| has_path(o, &path));
            if !still && !shared {
                drop_value(&mut value, &path);
            }
        }
    }
    entries.retain(|e| !mine(e) && e.fields_v1.as_ref().is_some_and(|f| f.0 != json!({})));
    entries.push(entry(call, kind, &manager, "Apply", fields));
    let validation = request.options.field_validation;
    let mut object = server::decode(call, kind, &value, validation)?;
    default::apply(&mut object);
    object.meta_mut().managed_fields = Some(entries);
    write::update(call, object, request)
}

/// Note that a manager wrote fields in another way than apply.
pub fn record_update(
    call: &Call<'_>,
    object: &mut Object,
    manager: &str,
    operation: &str,
    written: &Value,
) {
    let kind = object.kind();
    let mut mine = fields(written, "");
    let entries = object.meta_mut().managed_fields.get_or_insert_default();
    let same = |e: &&mut ManagedFieldsEntry| {
        e.manager.as_deref() == Some(manager) && e.operation.as_deref() == Some(operation)
    };
    // Who writes a field takes it from whoever wrote it before.
    for path in leaves(&mine) {
        for other in entries.iter_mut().filter(|e| e.manager.as_deref() != Some(manager)) {
            if let Some(fields) = &mut other.fields_v1 {
                remove_path(&mut fields.0, &path);
            }
        }
    }
    if let Some(have) = entries.iter_mut().find(same) {
        if let Some(fields) = have.fields_v1.take() {
            union(&mut mine, fields.0);
        }
        *have = entry(call, kind, manager, operation, mine);
    } else {
        let entry = entry(call, kind, manager, operation, mine);
        entries.push(entry);
    }
}

fn entry(
    call: &Call<'_>,
    kind: Kind,
    manager: &str,
    operation: &str,
    fields: Value,
) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        api_version: Some(kind.api_version().to_owned()),
        fields_type: Some("FieldsV1".to_owned()),
        fields_v1: Some(FieldsV1(fields)),
        manager: Some(manager.to_owned()),
        operation: Some(operation.to_owned()),
        time: Some(clock::meta_time(call.now)),
        subresource: None,
    }
}

/// The set of fields of a configuration in the form of `fieldsV1`.
#[must_use]
pub fn fields(value: &Value, path: &str) -> Value {
    let Value::Object(map) = value else { return json!({}) };
    let mut out = Map::new();
    for (name, value) in map {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if UNOWNED.contains(&at.as_str()) {
            continue;
        }
        let parent = path.rsplit('.').next().unwrap_or("");
        let inner = match value {
            Value::Object(_) => fields(value, &at),
            Value::Array(items) => list_fields(items, parent, name, &at),
            _ => json!({}),
        };
        out.insert(format!("f:{name}"), inner);
    }
    Value::Object(out)
}

fn list_fields(items: &[Value], parent: &str, name: &str, at: &str) -> Value {
    match keys::of(parent, name, items.first()) {
        ListMerge::Atomic => json!({}),
        ListMerge::Set => {
            items.iter().map(|v| (format!("v:{v}"), json!({}))).collect::<Map<_, _>>().into()
        }
        ListMerge::Key(key) => {
            let mut out = Map::new();
            for item in items {
                let id = json!({key: item.get(key)});
                let mut inner = fields(item, at);
                if let Some(map) = inner.as_object_mut() {
                    map.insert(".".to_owned(), json!({}));
                }
                out.insert(format!("k:{id}"), inner);
            }
            out.into()
        }
    }
}

/// The paths of all leaves of a field set.
fn leaves(fields: &Value) -> Vec<Vec<String>> {
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

fn has_path(fields: &Value, path: &[String]) -> bool {
    let found = path.iter().try_fold(fields, |node, step| node.get(step));
    found.is_some()
}

fn remove_path(fields: &mut Value, path: &[String]) {
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

fn union(to: &mut Value, from: Value) {
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
fn value_at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |node, step| match step.split_once(':') {
        Some(("f", name)) => node.get(name),
        Some(("k", key)) => {
            let key: Value = serde_json::from_str(key).ok()?;
            let (name, id) = key.as_object()?.iter().next()?;
            node.as_array()?.iter().find(|i| i.get(name) == Some(id))
        }
        Some(("v", text)) => node.as_array()?.iter().find(|i| i.to_string() == text),
        _ => Some(node),
    })
}

/// Remove the value at a path, and the list element when only its key is left to it.
fn drop_value(value: &mut Value, path: &[String]) {
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

/// The live object with the wanted fields.
fn merge(live: &Value, wanted: &Value, path: &str) -> Value {
    let (Value::Object(before), Value::Object(after)) = (live, wanted) else {
        return wanted.clone();
    };
    let mut out = before.clone();
    for (name, value) in after {
        let old = before.get(name);
        let new = match (old, value) {
            (Some(old @ Value::Object(_)), Value::Object(_)) => merge(old, value, name),
            (Some(Value::Array(old)), Value::Array(new)) => {
                match keys::of(path, name, new.first().or(old.first())) {
                    ListMerge::Key(key) => merge_list(old, new, key, name),
                    ListMerge::Set => {
                        let more = new.iter().filter(|v| !old.contains(v));
                        old.iter().chain(more).cloned().collect()
                    }
                    ListMerge::Atomic => value.clone(),
                }
            }
            _ => value.clone(),
        };
        out.insert(name.clone(), new);
    }
    Value::Object(out)
}

fn merge_list(old: &[Value], new: &[Value], key: &str, name: &str) -> Value {
    let mut items = old.to_vec();
    for item in new {
        let same = |i: &&mut Value| i.get(key) == item.get(key);
        match items.iter_mut().find(same) {
            Some(slot) => *slot = merge(slot, item, name),
            None => items.push(item.clone()),
        }
    }
    Value::Array(items)
}

type Conflict = (usize, Vec<String>, String);

/// Fields of others that the configuration would change.
fn conflicts(
    entries: &[ManagedFieldsEntry],
    manager: &str,
    fields: &Value,
    wanted: &Value,
    live: &Value,
) -> Vec<Conflict> {
    let mut out = Vec::new();
    for path in leaves(fields) {
        if path.last().is_some_and(|s| s == ".") {
            continue;
        }
        let same = value_at(wanted, &path) == value_at(live, &path);
        for (index, entry) in entries.iter().enumerate() {
            let other = entry.manager.as_deref() != Some(manager)
                || entry.operation.as_deref() != Some("Apply");
            let owns = entry.fields_v1.as_ref().is_some_and(|f| has_path(&f.0, &path));
            if other && owns && !same {
                let who = entry.manager.clone().unwrap_or_default();
                out.push((index, path.clone(), who));
            }
        }
    }
    out
}

/// `.spec.template.spec.containers[name="nginx"].image`.
fn path_text(path: &[String]) -> String {
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

fn refuse(conflicts: &[Conflict], kind: Kind) -> ApiError {
    let version = kind.api_version();
    let causes: Vec<Cause> = conflicts
        .iter()
        .map(|(_, path, who)| Cause {
            field: path_text(path),
            message: format!("conflict with \"{who}\" using {version}"),
            reason: "FieldManagerConflict",
        })
        .collect();
    let count = causes.len();
    let plural = if count == 1 { "" } else { "s" };
    let list = match causes.as_slice() {
        [one] => format!("{}: {}", one.message, one.field),
        many => {
            let fields: Vec<String> = many.iter().map(|c| format!("- {}", c.field)).collect();
            let first = many.first().map(|c| c.message.clone()).unwrap_or_default();
            format!("{first}:\n{}", fields.join("\n"))
        }
    };
    ApiError {
        code: 409,
        reason: "Conflict",
        message: format!("Apply failed with {count} conflict{plural}: {list}"),
        causes,
        ..ApiError::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_paths() {
        let value = json!({"apiVersion": "apps/v1", "metadata": {"name": "w", "labels": {"a": "b"}},
            "spec": {"replicas": 1, "containers": [{"name": "n", "image": "i"}]}});
        let fields = fields(&value, "");
        assert_eq!(fields["f:metadata"], json!({"f:labels": {"f:a": {}}}));
        let paths: Vec<String> = leaves(&fields).iter().map(|p| path_text(p)).collect();
        assert!(paths.contains(&".spec.containers[name=\"n\"].image".to_owned()), "{paths:?}");
    }
}
