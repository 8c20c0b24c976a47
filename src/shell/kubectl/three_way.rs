//! The patch of `apply`: what the last applied manifest, the new one and the live object ask for.
//!
//! Follows apimachinery `pkg/util/strategicpatch/patch.go` (`CreateThreeWayMergePatch`). Left out:
//! `$setElementOrder`; the order of merged lists is the server's.

use serde_json::{Map, Value, json};

/// Deepest nesting compared.
const MAX_DEPTH: usize = 64;

/// Lists that merge by a key of their items (`patchMergeKey` of the API types).
fn merge_key(field: &str, item: Option<&Value>) -> Option<&'static str> {
    let has = |key: &str| item.is_some_and(|i| i.get(key).is_some());
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        "ownerReferences" => Some("uid"),
        "conditions" => Some("type"),
        "ports" if has("containerPort") => Some("containerPort"),
        "ports" if has("port") => Some("port"),
        _ => None,
    }
}

/// Objects of which only one way to fill them may stay (`patchStrategy: retainKeys`).
fn retains(path: &[&str]) -> bool {
    match path {
        [.., "spec", "strategy" | "updateStrategy"] => true,
        [.., "volumes", "#"] => true,
        _ => false,
    }
}

/// The strategic merge patch; `{}` when there is nothing to change.
pub(super) fn patch(last: Option<&Value>, new: &Value, live: &Value) -> Value {
    let mut path = Vec::new();
    let changes = changed(new, live, &mut path);
    let gone = last.map_or(json!({}), |last| removed(last, new, live, &mut path));
    merge(changes, gone, "")
}

/// What the new manifest has and the live object has not, or has differently.
fn changed<'a>(new: &'a Value, live: &'a Value, path: &mut Vec<&'a str>) -> Value {
    let mut patch = Map::new();
    let (Some(new), Some(live)) = (new.as_object(), live.as_object()) else {
        return Value::Object(patch);
    };
    if path.len() > MAX_DEPTH {
        return Value::Object(patch);
    }
    for (key, wanted) in new {
        let have = live.get(key);
        path.push(key);
        match (wanted, have) {
            (Value::Null, None) => {}
            (_, None) => {
                patch.insert(key.clone(), wanted.clone());
            }
            (Value::Object(_), Some(have @ Value::Object(_))) => {
                let inner = changed(wanted, have, path);
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    patch.insert(key.clone(), inner);
                }
            }
            (Value::Array(wanted), Some(Value::Array(have))) => {
                if let Some(list) = changed_list(key, wanted, have, path) {
                    patch.insert(key.clone(), list);
                }
            }
            (wanted, Some(have)) => {
                if wanted != have {
                    patch.insert(key.clone(), wanted.clone());
                }
            }
        }
        path.pop();
    }
    if retains(path) {
        for key in live.keys().filter(|k| !new.contains_key(*k)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    Value::Object(patch)
}

fn changed_list<'a>(
    field: &str,
    wanted: &'a [Value],
    have: &'a [Value],
    path: &mut Vec<&'a str>,
) -> Option<Value> {
    let Some(key) = merge_key(field, wanted.first().or(have.first())) else {
        return (wanted != have).then(|| Value::Array(wanted.to_vec()));
    };
    let mut items = Vec::new();
    for item in wanted {
        let id = item.get(key);
        match have.iter().find(|h| h.get(key) == id) {
            None => items.push(item.clone()),
            Some(live) => {
                path.push("#");
                let mut inner = changed(item, live, path);
                path.pop();
                if let Some(map) = inner.as_object_mut().filter(|m| !m.is_empty()) {
                    map.insert(key.to_owned(), id.cloned().unwrap_or(Value::Null));
                    items.push(inner);
                }
            }
        }
    }
    (!items.is_empty()).then_some(Value::Array(items))
}

/// What the last manifest had, the new one has not, and the live object still has.
fn removed<'a>(last: &'a Value, new: &'a Value, live: &'a Value, path: &mut Vec<&'a str>) -> Value {
    let mut patch = Map::new();
    let (Some(last), Some(new)) = (last.as_object(), new.as_object()) else {
        return Value::Object(patch);
    };
    if path.len() > MAX_DEPTH {
        return Value::Object(patch);
    }
    for (key, old) in last {
        let have = live.get(key).unwrap_or(&Value::Null);
        path.push(key);
        match (old, new.get(key)) {
            (_, None) => {
                if !have.is_null() {
                    patch.insert(key.clone(), Value::Null);
                }
            }
            (Value::Object(_), Some(wanted @ Value::Object(_))) => {
                let inner = removed(old, wanted, have, path);
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    patch.insert(key.clone(), inner);
                }
            }
            (Value::Array(old), Some(Value::Array(wanted))) => {
                if let Some(list) = removed_list(key, old, wanted, have, path) {
                    patch.insert(key.clone(), list);
                }
            }
            _ => {}
        }
        path.pop();
    }
    Value::Object(patch)
}

fn removed_list<'a>(
    field: &str,
    old: &'a [Value],
    wanted: &'a [Value],
    live: &'a Value,
    path: &mut Vec<&'a str>,
) -> Option<Value> {
    let key = merge_key(field, old.first())?;
    let live = live.as_array().map_or(&[][..], Vec::as_slice);
    let mut items = Vec::new();
    for item in old {
        let id = item.get(key)?;
        let Some(have) = live.iter().find(|l| l.get(key) == Some(id)) else { continue };
        match wanted.iter().find(|w| w.get(key) == Some(id)) {
            None => items.push(json!({"$patch": "delete", key: id})),
            Some(wanted) => {
                path.push("#");
                let mut inner = removed(item, wanted, have, path);
                path.pop();
                if let Some(map) = inner.as_object_mut().filter(|m| !m.is_empty()) {
                    map.insert(key.to_owned(), id.clone());
                    items.push(inner);
                }
            }
        }
    }
    (!items.is_empty()).then_some(Value::Array(items))
}

/// Both patches in one; removals do not overrule changes.
fn merge(changes: Value, gone: Value, field: &str) -> Value {
    match (changes, gone) {
        (Value::Object(mut changes), Value::Object(gone)) => {
            for (key, value) in gone {
                let merged = match changes.remove(&key) {
                    None => value,
                    Some(change) => merge(change, value, &key),
                };
                changes.insert(key, merged);
            }
            Value::Object(changes)
        }
        (Value::Array(mut changes), Value::Array(gone)) => {
            let Some(key) = merge_key(field, gone.first()) else { return Value::Array(changes) };
            for item in gone {
                match changes.iter().position(|c| c.get(key) == item.get(key)) {
                    Some(at) => {
                        let change = changes.remove(at);
                        changes.insert(at, merge(change, item, ""));
                    }
                    None => changes.push(item),
                }
            }
            Value::Array(changes)
        }
        (changes, _) => changes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_sides() {
        let last = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 3,
            "template": {"spec": {"containers": [
                {"name": "web", "image": "nginx:1", "env": [{"name": "X", "value": "1"}]},
                {"name": "old", "image": "x"}]}}}});
        let live = json!({"metadata": {"labels": {"a": "1", "b": "2", "c": "3"}}, "spec": {
            "replicas": 5, "template": {"spec": {"containers": [
                {"name": "web", "image": "nginx:1", "imagePullPolicy": "IfNotPresent",
                 "env": [{"name": "X", "value": "1"}]},
                {"name": "old", "image": "x"}]}}}});
        assert_eq!(patch(Some(&last), &live, &live), json!({}));
        let new = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"template": {"spec": {
            "containers": [{"name": "web", "image": "nginx:2"}]}}}});
        assert_eq!(
            patch(Some(&last), &new, &live),
            json!({"metadata": {"labels": {"b": null}}, "spec": {"replicas": null, "template": {
                "spec": {"containers": [
                    {"name": "web", "image": "nginx:2",
                     "env": null},
                    {"name": "old", "$patch": "delete"}]}}}})
        );
    }

    #[test]
    fn one_strategy_drops_the_fields_of_the_other() {
        let live = json!({"spec": {"strategy": {"type": "RollingUpdate",
                                                "rollingUpdate": {"maxSurge": 1}}}});
        let new = json!({"spec": {"strategy": {"type": "Recreate"}}});
        assert_eq!(
            patch(None, &new, &live),
            json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}})
        );
        let same = json!({"spec": {"strategy": {"type": "RollingUpdate",
                                                "rollingUpdate": {"maxSurge": 1}}}});
        assert_eq!(patch(None, &same, &live), json!({}));
    }
}
