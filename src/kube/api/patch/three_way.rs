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
    let mut out = additions(live, wanted, "");
    let deletions = deletions(last.unwrap_or(&empty), wanted, live, "");
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
fn additions(live: &Value, wanted: &Value, field: &str) -> Value {
    let (Value::Object(before), Value::Object(after)) = (live, wanted) else {
        return wanted.clone();
    };
    let mut out = Map::new();
    let parent = field;
    for (key, value) in after {
        let Some(old) = before.get(key) else {
            if !value.is_null() {
                out.insert(key.clone(), value.clone());
            }
            continue;
        };
        if value.is_null() {
            out.insert(key.clone(), Value::Null);
            continue;
        }
        if old == value {
            continue;
        }
        match (old, value) {
            (Value::Object(_), Value::Object(new)) => {
                let mut inner = additions(old, value, key);
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    if keys::retains(parent, key) {
                        retain_keys(&mut inner, new);
                    }
                    out.insert(key.clone(), inner);
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                list_additions(&mut out, key, parent, old, new);
            }
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

fn retain_keys(patch: &mut Value, wanted: &Map<String, Value>) {
    if let Some(map) = patch.as_object_mut() {
        let keys: Vec<&String> = wanted.keys().collect();
        map.insert("$retainKeys".to_owned(), json!(keys));
    }
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
            let mut changed = Vec::new();
            for item in new {
                let id = item.get(merge);
                let before = old.iter().find(|o| o.get(merge) == id && id.is_some());
                let diff = match before {
                    Some(before) => additions(before, item, key),
                    None => item.clone(),
                };
                let differs = before.is_none() || diff.as_object().is_some_and(|m| !m.is_empty());
                if let (true, Value::Object(mut map)) = (differs, diff) {
                    if let Some(id) = id {
                        map.insert(merge.to_owned(), id.clone());
                    }
                    changed.push(Value::Object(map));
                }
            }
            let order: Vec<Value> =
                new.iter().filter_map(|i| i.get(merge)).map(|id| json!({merge: id})).collect();
            let order_changed = order_differs(old, new, merge);
            if !changed.is_empty() || order_changed {
                out.insert(format!("$setElementOrder/{key}"), Value::Array(order));
            }
            if !changed.is_empty() {
                out.insert(key.to_owned(), Value::Array(changed));
            }
        }
    }
}

/// Whether the wanted elements stand in another order.
fn order_differs(old: &[Value], new: &[Value], key: &str) -> bool {
    let wanted: Vec<Option<&Value>> = new.iter().map(|v| v.get(key)).collect();
    let have: Vec<Option<&Value>> =
        old.iter().map(|v| v.get(key)).filter(|id| wanted.contains(id)).collect();
    have != wanted
}

/// What `last` had and `wanted` has not, as `null`s and `$patch: delete`.
fn deletions(last: &Value, wanted: &Value, live: &Value, field: &str) -> Value {
    let (Value::Object(before), Value::Object(after)) = (last, wanted) else {
        return Value::Object(Map::new());
    };
    let mut out = Map::new();
    let parent = field;
    for (key, old) in before {
        let there = live.get(key);
        match (old, after.get(key)) {
            (_, None) => {
                if there.is_some() {
                    out.insert(key.clone(), Value::Null);
                }
            }
            (Value::Object(_), Some(new @ Value::Object(_))) => {
                let empty = Value::Object(Map::new());
                let inner = deletions(old, new, there.unwrap_or(&empty), key);
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    out.insert(key.clone(), inner);
                }
            }
            (Value::Array(old), Some(Value::Array(new))) => {
                list_deletions(&mut out, key, parent, old, new, there);
            }
            _ => {}
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
    live: Option<&Value>,
) {
    let live = live.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match keys::of(parent, key, old.first().or(new.first())) {
        ListMerge::Atomic => {}
        ListMerge::Set => {
            let gone: Vec<Value> =
                old.iter().filter(|v| !new.contains(v) && live.contains(v)).cloned().collect();
            if !gone.is_empty() {
                out.insert(format!("$deleteFromPrimitiveList/{key}"), Value::Array(gone));
            }
        }
        ListMerge::Key(merge) => {
            let mut list = Vec::new();
            for item in old {
                let Some(id) = item.get(merge) else { continue };
                let find =
                    |items: &[Value]| items.iter().find(|i| i.get(merge) == Some(id)).cloned();
                let there = find(live);
                match (find(new), there) {
                    (None, Some(_)) => list.push(json!({merge: id, "$patch": "delete"})),
                    (Some(new), Some(there)) => {
                        if let Value::Object(mut inner) = deletions(item, &new, &there, key)
                            && !inner.is_empty()
                        {
                            inner.insert(merge.to_owned(), id.clone());
                            list.push(Value::Object(inner));
                        }
                    }
                    (_, None) => {}
                }
            }
            if !list.is_empty() {
                let order: Vec<Value> =
                    new.iter().filter_map(|i| i.get(merge)).map(|id| json!({merge: id})).collect();
                out.insert(format!("$setElementOrder/{key}"), Value::Array(order));
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
