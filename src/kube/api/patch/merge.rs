//! JSON merge patch (RFC 7386).

use serde_json::{Map, Value};

/// Apply a merge patch: `null` removes, objects merge, anything else replaces.
#[must_use]
pub fn apply(old: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut map = old.as_object().cloned().unwrap_or_default();
    for (key, change) in changes {
        if change.is_null() {
            map.remove(key);
        } else {
            let before = map.get(key).cloned().unwrap_or(Value::Object(Map::new()));
            map.insert(key.clone(), apply(&before, change));
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn examples_of_the_rfc() {
        for (old, patch, new) in [
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": {"b": 1}}), json!({"a": {"c": 2}}), json!({"a": {"b": 1, "c": 2}})),
            (json!({"a": [1]}), json!({"a": [2]}), json!({"a": [2]})),
            (json!({"a": "x"}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
        ] {
            assert_eq!(apply(&old, &patch), new);
        }
    }
}
