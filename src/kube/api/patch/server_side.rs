//! Server-side apply: each manager owns the fields it applied.
//!
//! Follows structured-merge-diff and apimachinery `pkg/util/managedfields/internal`. Left out:
//! ownership by version, defaulted list keys.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Value, json};

use super::keys::{self, ListMerge};
use super::managers::{
    drop_value, entry, fields, has_path, leaves, path_text, remove_path, union, value_at,
};
use super::three_way::{LAST_APPLIED, last_applied, with_last_applied};
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Cause, Details, Request};
use crate::kube::api::server::{self, Call};
use crate::kube::api::{default, write};

/// kubectl as the manager of server-side apply: it goes on where its client-side apply ended.
const KUBECTL: &str = "kubectl";
/// kubectl as the manager of client-side apply.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

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
    let manager = request.options.field_manager.as_deref().unwrap_or(KUBECTL).to_owned();
    let kind = request.kind;
    let validation = request.options.field_validation;
    let applied = fields(wanted, "");
    let old = call.store.object(kind, key).cloned();
    let Some(old) = old else {
        let mut object = server::decode(call, kind, wanted, validation)?;
        let own = entry(kind, &manager, "Apply", applied, call.now);
        let meta = object.meta_mut();
        meta.name = Some(key.name.to_string());
        meta.namespace = kind.namespaced().then(|| key.namespace.to_string());
        meta.managed_fields = Some(vec![own]);
        default::apply(&mut object);
        return write::create(call, object);
    };
    let live = old.to_value();
    let mut entries = old.meta().managed_fields.clone().unwrap_or_default();
    let mut before = json!({});
    entries.retain_mut(|e| {
        let taken = goes_on(e, &manager);
        if let Some(fields) = e.fields_v1.take_if(|_| taken) {
            union(&mut before, fields.0);
        }
        !taken
    });
    let conflicts = conflicts(&entries, &applied, wanted, &live, &manager);
    if !conflicts.is_empty() && !request.options.force {
        return Err(refuse(&entries, &conflicts));
    }
    for (index, path) in &conflicts {
        if let Some(fields) = entries.get_mut(*index).and_then(|e| e.fields_v1.as_mut()) {
            remove_path(&mut fields.0, path);
        }
    }
    let mut value = merge(&live, wanted, "");
    for path in leaves(&before) {
        let shared = |e: &ManagedFieldsEntry| {
            e.fields_v1.as_ref().is_some_and(|fields| has_path(&fields.0, &path))
        };
        let kept = path.last().is_some_and(|step| step.ends_with(LAST_APPLIED));
        if !has_path(&applied, &path) && !kept && !entries.iter().any(shared) {
            drop_value(&mut value, &path);
        }
    }
    if manager == KUBECTL
        && let Some(slot) =
            value.pointer_mut("/metadata/annotations").and_then(|a| a.get_mut(LAST_APPLIED))
        && let Some(text) = with_last_applied(wanted)
            .pointer("/metadata/annotations")
            .and_then(|a| a.get(LAST_APPLIED))
    {
        *slot = text.clone();
    }
    entries.retain(|e| e.fields_v1.as_ref().is_some_and(|f| f.0 != json!({})));
    entries.push(entry(kind, &manager, "Apply", applied, call.now));
    let mut object = server::decode(call, kind, &value, validation)?;
    default::apply(&mut object);
    object.meta_mut().managed_fields = Some(entries);
    write::update(call, object, request)
}

/// Whether a manager goes on with the fields of an entry: its own, and for kubectl those of its
/// client-side apply (`csaupgrade`).
fn goes_on(entry: &ManagedFieldsEntry, manager: &str) -> bool {
    match (entry.manager.as_deref(), entry.operation.as_deref()) {
        (Some(name), Some("Apply")) => name == manager,
        (Some(CLIENT_SIDE), Some("Update")) => manager == KUBECTL,
        _ => false,
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

/// The place of an entry and a path that it owns.
type Conflict = (usize, Vec<String>);

/// Fields of others that the configuration would change.
fn conflicts(
    entries: &[ManagedFieldsEntry],
    fields: &Value,
    wanted: &Value,
    live: &Value,
    manager: &str,
) -> Vec<Conflict> {
    // What kubectl applied from the client and nobody changed since is its own.
    let last = last_applied(live).filter(|_| manager == KUBECTL).unwrap_or(Value::Null);
    let mut out = Vec::new();
    for path in leaves(fields) {
        let have = value_at(live, &path);
        let same = value_at(wanted, &path) == have;
        let own = have.is_some() && value_at(&last, &path) == have;
        if same || own || path.last().is_some_and(|s| s == ".") {
            continue;
        }
        for (index, entry) in entries.iter().enumerate() {
            if entry.fields_v1.as_ref().is_some_and(|f| has_path(&f.0, &path)) {
                out.push((index, path.clone()));
            }
        }
    }
    out
}

/// `"kubectl" with subresource "scale" using apps/v1`.
fn who(entry: &ManagedFieldsEntry) -> String {
    let mut text = format!("{:?}", entry.manager.as_deref().unwrap_or(""));
    if let Some(subresource) = &entry.subresource {
        text.push_str(&format!(" with subresource {subresource:?}"));
    }
    if entry.operation.as_deref() == Some("Update") {
        text.push_str(&format!(" using {}", entry.api_version.as_deref().unwrap_or("")));
    }
    text
}

fn refuse(entries: &[ManagedFieldsEntry], conflicts: &[Conflict]) -> ApiError {
    let mut told: Vec<(String, String)> = conflicts
        .iter()
        .filter_map(|(index, path)| Some((who(entries.get(*index)?), path_text(path))))
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let causes = told.iter().map(|(who, field)| Cause {
        field: field.clone(),
        message: format!("conflict with {who}"),
        reason: "FieldManagerConflict",
    });
    let message = match told.as_slice() {
        [(who, field)] => format!("Apply failed with 1 conflict: conflict with {who}: {field}"),
        many => {
            let mut lines: Vec<String> = Vec::new();
            let mut last = None;
            for (who, field) in many {
                if last.replace(who) != Some(who) {
                    lines.push(format!("conflicts with {who}:"));
                }
                lines.push(format!("- {field}"));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    ApiError {
        code: 409,
        reason: "Conflict",
        message,
        details: Box::new(Details { causes: causes.collect(), ..Details::default() }),
        ..ApiError::default()
    }
}
