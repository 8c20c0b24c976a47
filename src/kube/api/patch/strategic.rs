//! Strategic merge patch: lists merge by their own keys, with `$patch` directives.
//!
//! Follows apimachinery `pkg/util/strategicpatch/patch.go`.

use serde_json::{Map, Value};

use super::keys::{self, ListMerge};
use crate::kube::api::object::Kind;
use crate::kube::api::request::ApiError;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList/";
const ORDER_PREFIX: &str = "$setElementOrder/";

/// Apply a strategic merge patch.
///
/// # Errors
/// If a directive is unknown or an element lacks its merge key.
pub fn apply(kind: Kind, old: &Value, patch: &Value) -> Result<Value, ApiError> {
    // Custom resources have no strategies; all kinds here are built in.
    let _ = kind;
    object(old, patch, "")
}

fn object(old: &Value, patch: &Value, field: &str) -> Result<Value, ApiError> {
    let Value::Object(changes) = patch else { return Ok(patch.clone()) };
    let mut map: Map<String, Value> = old.as_object().cloned().unwrap_or_default();
    match changes.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => {
            let mut new = changes.clone();
            new.remove(DIRECTIVE);
            return Ok(Value::Object(new));
        }
        Some("delete") => return Ok(Value::Object(Map::new())),
        Some("merge") | None => {}
        Some(other) => {
            return Err(ApiError::bad_request(format!("unknown patch type found: {other}")));
        }
    }
    if let Some(kept) = changes.get(RETAIN).and_then(Value::as_array) {
        map.retain(|key, _| kept.iter().any(|k| k.as_str() == Some(key)));
    }
    for (key, change) in changes {
        if key == DIRECTIVE || key == RETAIN {
            continue;
        }
        if let Some(list) = key.strip_prefix(DELETE_PREFIX) {
            delete_values(&mut map, list, change);
            continue;
        }
        if key.starts_with(ORDER_PREFIX) {
            continue;
        }
        if change.is_null() {
            map.remove(key);
            continue;
        }
        let new = match (map.get(key), change) {
            (Some(before @ Value::Object(_)), Value::Object(_)) => object(before, change, key)?,
            (None, Value::Object(_)) => object(&Value::Object(Map::new()), change, key)?,
            (before, Value::Array(items)) => {
                let empty = Vec::new();
                let before = before.and_then(Value::as_array).unwrap_or(&empty);
                list(before, items, field, key)?
            }
            _ => change.clone(),
        };
        map.insert(key.clone(), new);
    }
    for (key, order) in changes {
        if let Some(name) = key.strip_prefix(ORDER_PREFIX) {
            reorder(&mut map, name, order, field);
        }
    }
    Ok(Value::Object(map))
}

fn list(before: &[Value], changes: &[Value], parent: &str, field: &str) -> Result<Value, ApiError> {
    let replaces = |v: &&Value| v.get(DIRECTIVE).and_then(Value::as_str) == Some("replace");
    if changes.iter().any(|v| replaces(&v)) {
        return Ok(changes.iter().filter(|v| !replaces(v)).cloned().collect());
    }
    match keys::of(parent, field, before.first().or(changes.first())) {
        ListMerge::Atomic => Ok(Value::Array(changes.to_vec())),
        ListMerge::Set => {
            let mut all = before.to_vec();
            for value in changes {
                if !all.contains(value) {
                    all.push(value.clone());
                }
            }
            Ok(Value::Array(all))
        }
        ListMerge::Key(key) => by_key(before, changes, field, key),
    }
}

fn by_key(before: &[Value], changes: &[Value], field: &str, key: &str) -> Result<Value, ApiError> {
    let mut all = before.to_vec();
    for change in changes {
        let Some(id) = change.get(key) else {
            return Err(ApiError::bad_request(format!(
                "map: {} does not contain declared merge key: {key}",
                super::go_map(change)
            )));
        };
        let at = all.iter().position(|v| v.get(key) == Some(id));
        if change.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
            if let Some(at) = at {
                all.remove(at);
            }
            continue;
        }
        match at.and_then(|at| all.get_mut(at)) {
            Some(slot) => *slot = object(slot, change, field)?,
            None => all.push(object(&Value::Object(Map::new()), change, field)?),
        }
    }
    Ok(Value::Array(all))
}

fn delete_values(map: &mut Map<String, Value>, list: &str, gone: &Value) {
    let gone = gone.as_array().map_or(&[][..], Vec::as_slice);
    if let Some(Value::Array(items)) = map.get_mut(list) {
        items.retain(|v| !gone.contains(v));
    }
}

/// Put the elements that the patch names into its order; others keep their place after the one
/// before them.
fn reorder(map: &mut Map<String, Value>, name: &str, order: &Value, parent: &str) {
    let Some(order) = order.as_array() else { return };
    let Some(Value::Array(items)) = map.get_mut(name) else { return };
    let merge = keys::of(parent, name, items.first());
    let same = |item: &Value, wanted: &Value| match merge {
        ListMerge::Key(key) => item.get(key) == wanted.get(key),
        ListMerge::Set | ListMerge::Atomic => item == wanted,
    };
    let place = |item: &Value| order.iter().position(|w| same(item, w));
    // Elements that only the server has stay behind the element they stood behind.
    let mut last = 0;
    let mut ranked: Vec<(usize, usize, Value)> = Vec::new();
    for (at, item) in items.drain(..).enumerate() {
        match place(&item) {
            Some(rank) => {
                last = rank + 1;
                ranked.push((rank + 1, 0, item));
            }
            None => ranked.push((last, at + 1, item)),
        }
    }
    ranked.sort_by_key(|(rank, at, _)| (*rank, *at));
    items.extend(ranked.into_iter().map(|(_, _, item)| item));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(old: Value, patch: Value, new: Value) {
        assert_eq!(apply(Kind::Deployment, &old, &patch).unwrap(), new, "{patch}");
    }

    #[test]
    fn lists_merge_by_key() {
        let old = json!({"spec": {"containers": [
            {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]},
            {"name": "b", "image": "2"}]}});
        check(
            old.clone(),
            json!({"spec": {"containers": [{"name": "b", "image": "3"}]}}),
            json!({"spec": {"containers": [
                {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]},
                {"name": "b", "image": "3"}]}}),
        );
        check(
            old.clone(),
            json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}),
            json!({"spec": {"containers": [{"name": "b", "image": "2"}]}}),
        );
        check(
            old,
            json!({"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
                "containers": [{"name": "c", "image": "9"}, {"name": "b", "$patch": "delete"}]}}),
            json!({"spec": {"containers": [{"name": "c", "image": "9"},
                {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}]}}),
        );
    }

    #[test]
    fn atomic_lists_and_directives() {
        check(json!({"args": ["a"]}), json!({"args": ["b"]}), json!({"args": ["b"]}));
        check(
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
        );
        check(
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
            json!({"metadata": {"finalizers": ["b"]}}),
        );
    }
}
