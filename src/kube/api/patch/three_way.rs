//! kubectl's client-side apply: what was applied last, what is wanted now, what is there.
//!
//! Follows apimachinery `strategicpatch.CreateThreeWayMergePatch` and kubectl `pkg/util/apply.go`.

use serde_json::{Map, Value, json};

use super::keys::{self, ListMerge};

/// Annotation that keeps what was applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The patch that takes `live` to `wanted`, deleting only what `last` had and `wanted` has not.
///
/// `last` is `None` where the object was not made by apply. An empty object means: nothing to do.
#[must_use]
pub fn patch(last: Option<&Value>, wanted: &Value, live: &Value) -> Value {
    let empty = Value::Object(Map::new());
    let mut out = additions(live, wanted, "", false);
    let deletions = deletions(last.unwrap_or(&empty), wanted, "");
    merge_into(&mut out, deletions);
    out
}

/// A manifest with the annotation that apply writes: its own JSON and a line end.
#[must_use]
pub fn with_last_applied(manifest: &Value) -> Value {
    let mut plain = manifest.clone();
    if let Some(meta) = plain.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = meta.entry("annotations").or_insert_with(|| json!({}));
        if annotations.is_null() {
            *annotations = json!({});
        }
        if let Some(map) = annotations.as_object_mut() {
            map.remove(LAST_APPLIED);
        }
    }
    let text = format!("{}\n", go_json(&plain));
    if let Some(annotations) =
        plain.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
    {
        annotations.insert(LAST_APPLIED.to_owned(), Value::String(text));
    }
    plain
}

/// What was applied last, from a live object.
#[must_use]
pub fn last_applied(live: &Value) -> Option<Value> {
    let annotations = live.pointer("/metadata/annotations")?;
    serde_json::from_str(annotations.get(LAST_APPLIED)?.as_str()?).ok()
}

/// JSON as Go's encoder writes it: `<`, `>` and `&` escaped.
#[must_use]
pub fn go_json(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// What `wanted` has and `live` has not, or has otherwise.
///
/// `retain`: of this object only the wanted fields may stay; what else the live one has is named
/// by telling which stay, even where nothing else changes.
fn additions(live: &Value, wanted: &Value, field: &str, retain: bool) -> Value {
    let (Value::Object(before), Value::Object(after)) = (live, wanted) else {
        return wanted.clone();
    };
    let mut out = Map::new();
    for (key, value) in after {
        match (before.get(key), value) {
            (Some(old), value) if old == value => {}
            (Some(old @ Value::Object(_)), Value::Object(_)) => {
                let inner = additions(old, value, key, keys::retains(field, key));
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    out.insert(key.clone(), inner);
                }
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                list_additions(&mut out, key, field, old, new);
            }
            (Some(_) | None, value) => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    let more = || before.iter().any(|(key, old)| !old.is_null() && !after.contains_key(key));
    let kept: Vec<&String> = after.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k).collect();
    if retain && !kept.is_empty() && (!out.is_empty() || more()) {
        out.insert("$retainKeys".to_owned(), json!(kept));
    }
    Value::Object(out)
}

fn list_additions(
    out: &mut Map<String, Value>,
    key: &str,
    parent: &str,
    old: &[Value],
    new: &[Value],
) {
    match keys::of(parent, key, new.first().or(old.first())) {
        ListMerge::Atomic => {
            out.insert(key.to_owned(), Value::Array(new.to_vec()));
        }
        ListMerge::Set => {
            let more: Vec<Value> = new.iter().filter(|v| !old.contains(v)).cloned().collect();
            if !more.is_empty() {
                out.insert(format!("$setElementOrder/{key}"), Value::Array(new.to_vec()));
                out.insert(key.to_owned(), Value::Array(more));
            }
        }
        ListMerge::Key(merge) => {
            let changed = element_additions(key, merge, old, new);
            let ids = |items: &[Value]| items.iter().map(|i| i.get(merge).cloned()).collect();
            let (wanted, have): (Vec<_>, Vec<_>) = (ids(new), ids(old));
            if !changed.is_empty() || wanted != have {
                out.insert(format!("$setElementOrder/{key}"), order(new, merge));
            }
            if !changed.is_empty() {
                out.insert(key.to_owned(), Value::Array(changed));
            }
        }
    }
}

/// The elements that are new or differ, each with its key.
fn element_additions(field: &str, merge: &str, old: &[Value], new: &[Value]) -> Vec<Value> {
    let mut changed = Vec::new();
    for item in new {
        let Some(id) = item.get(merge) else {
            changed.push(item.clone());
            continue;
        };
        let Some(before) = old.iter().find(|o| o.get(merge) == Some(id)) else {
            changed.push(item.clone());
            continue;
        };
        let diff = additions(before, item, field, keys::retains_items(field));
        if let Value::Object(mut map) = diff
            && !map.is_empty()
        {
            map.insert(merge.to_owned(), id.clone());
            changed.push(Value::Object(map));
        }
    }
    changed
}

/// The keys of the elements in their order.
fn order(items: &[Value], merge: &str) -> Value {
    items.iter().filter_map(|i| i.get(merge)).map(|id| json!({merge: id})).collect()
}

/// What `last` had and `wanted` has not, as `null`s and `$patch: delete`.
fn deletions(last: &Value, wanted: &Value, field: &str) -> Value {
    let (Value::Object(before), Value::Object(after)) = (last, wanted) else {
        return Value::Object(Map::new());
    };
    let mut out = Map::new();
    for (key, old) in before {
        match (old, after.get(key)) {
            (_, None) => {
                out.insert(key.clone(), Value::Null);
            }
            (Value::Object(_), Some(new @ Value::Object(_))) => {
                let inner = deletions(old, new, key);
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    out.insert(key.clone(), inner);
                }
            }
            (Value::Array(old), Some(Value::Array(new))) => {
                list_deletions(&mut out, key, field, old, new);
            }
            (_, Some(_)) => {}
        }
    }
    Value::Object(out)
}

fn list_deletions(
    out: &mut Map<String, Value>,
    key: &str,
    parent: &str,
    old: &[Value],
    new: &[Value],
) {
    match keys::of(parent, key, old.first().or(new.first())) {
        ListMerge::Atomic => {}
        ListMerge::Set => {
            let gone: Vec<Value> = old.iter().filter(|v| !new.contains(v)).cloned().collect();
            if !gone.is_empty() {
                out.insert(format!("$deleteFromPrimitiveList/{key}"), Value::Array(gone));
            }
        }
        ListMerge::Key(merge) => {
            let mut list = Vec::new();
            for item in old {
                let Some(id) = item.get(merge) else { continue };
                match new.iter().find(|i| i.get(merge) == Some(id)) {
                    None => list.push(json!({merge: id, "$patch": "delete"})),
                    Some(new) => {
                        if let Value::Object(mut inner) = deletions(item, new, key)
                            && !inner.is_empty()
                        {
                            inner.insert(merge.to_owned(), id.clone());
                            list.push(Value::Object(inner));
                        }
                    }
                }
            }
            if !list.is_empty() {
                out.insert(format!("$setElementOrder/{key}"), order(new, merge));
                out.insert(key.to_owned(), Value::Array(list));
            }
        }
    }
}

/// Put one patch into another; lists of changes are joined by their elements' keys.
fn merge_into(out: &mut Value, more: Value) {
    let (Value::Object(map), Value::Object(more)) = (out, more) else { return };
    for (key, value) in more {
        match map.get_mut(&key) {
            None => {
                map.insert(key, value);
            }
            Some(have) => match (&mut *have, value) {
                (Value::Object(_), value @ Value::Object(_)) => merge_into(have, value),
                (Value::Array(have), Value::Array(items)) if !key.starts_with('$') => {
                    for item in items {
                        let same = |h: &&mut Value| shares_key(h, &item);
                        match have.iter_mut().find(same) {
                            Some(slot) => merge_into(slot, item),
                            None => have.push(item),
                        }
                    }
                }
                _ => {}
            },
        }
    }
}

/// Whether two changes of a list are about the same element.
fn shares_key(a: &Value, b: &Value) -> bool {
    ["name", "mountPath", "containerPort", "port", "devicePath", "uid", "ip", "topologyKey", "type"]
        .iter()
        .find_map(|key| Some(a.get(key)? == b.get(key)?))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::api::object::Kind;
    use crate::kube::api::patch::strategic;

    #[test]
    fn apply_deletes_only_what_it_set() {
        let last = json!({"spec": {"replicas": 3, "template": {"spec": {"containers": [
            {"name": "a", "image": "1", "command": ["x"]}, {"name": "old", "image": "1"}]}}}});
        let wanted = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "2"}]}}}});
        let live = json!({"spec": {"replicas": 3, "paused": true, "template": {"spec": {
            "containers": [
                {"name": "a", "image": "1", "command": ["x"], "imagePullPolicy": "Always"},
                {"name": "old", "image": "1"}, {"name": "injected", "image": "s"}]}}}});
        let patch = patch(Some(&last), &wanted, &live);
        let new = strategic::apply(Kind::Deployment, &live, &patch).unwrap();
        assert_eq!(
            new,
            json!({"spec": {"paused": true, "template": {"spec": {"containers": [
                {"name": "a", "image": "2", "imagePullPolicy": "Always"},
                {"name": "injected", "image": "s"}]}}}})
        );
    }

    #[test]
    fn nothing_to_do_is_empty() {
        let wanted = json!({"spec": {"replicas": 1, "containers": [{"name": "a"}]}});
        let live = json!({"spec": {"replicas": 1, "x": 2, "containers": [{"name": "a", "y": 1}]}});
        assert_eq!(patch(Some(&wanted), &wanted, &live), json!({}));
    }

    #[test]
    fn only_the_wanted_way_stays() {
        let live = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}},
            "volumes": [{"name": "v", "emptyDir": {}}]}});
        let wanted = json!({"spec": {"strategy": {"type": "RollingUpdate"},
            "volumes": [{"name": "v", "configMap": {"name": "c"}}]}});
        assert_eq!(
            patch(None, &wanted, &live),
            json!({"spec": {"strategy": {"$retainKeys": ["type"]},
                "$setElementOrder/volumes": [{"name": "v"}],
                "volumes": [{"name": "v", "configMap": {"name": "c"},
                             "$retainKeys": ["configMap", "name"]}]}})
        );
    }

    #[test]
    fn annotation_holds_the_manifest() {
        let value = with_last_applied(&json!({"kind": "Pod", "metadata": {"name": "a<b"}}));
        let text = value.pointer("/metadata/annotations").unwrap()[LAST_APPLIED].as_str().unwrap();
        assert_eq!(
            text,
            "{\"kind\":\"Pod\",\"metadata\":{\"annotations\":{},\"name\":\"a\\u003cb\"}}\n"
        );
        assert_eq!(last_applied(&value).unwrap()["metadata"]["name"], "a<b");
    }
}
