//! `kubectl describe` of kinds without a printer of their own: nested keys in title case.

use serde_json::{Map, Value};

use super::{Around, Lines, Map as Labels};

/// Deepest nesting shown.
const MAX_DEPTH: usize = 24;
/// What stands in the head already, or only concerns the server.
const HIDDEN: [&str; 4] = ["managedFields", "annotations", "labels", "namespace"];

/// The whole text of any object, given as JSON.
#[must_use]
pub fn object(of: &Value, around: Around<'_>) -> String {
    let meta = of.get("metadata");
    let at = |key: &str| meta.and_then(|m| m.get(key));
    let string = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let map = |value: Option<&Value>| -> Option<Labels> {
        let entries = value?.as_object()?.iter();
        Some(entries.map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned())).collect())
    };
    let mut w = Lines::default();
    w.field("Name", string(at("name")));
    w.field("Namespace", string(at("namespace")));
    w.labels("Labels", map(at("labels")).as_ref());
    w.annotations("Annotations", map(at("annotations")).as_ref());
    w.field("API Version", string(of.get("apiVersion")));
    w.field("Kind", string(of.get("kind")));
    if let Some(all) = of.as_object() {
        nested(&mut w, 0, all, &["apiVersion", "kind", "name"]);
    }
    w.events(around);
    w.finish()
}

fn nested(w: &mut Lines, level: usize, map: &Map<String, Value>, skip: &[&str]) {
    if level > MAX_DEPTH {
        return;
    }
    for (key, value) in map {
        if skip.contains(&key.as_str()) || level == 1 && HIDDEN.contains(&key.as_str()) {
            continue;
        }
        let title = title(key);
        match value {
            Value::Object(inner) => {
                w.at(level, format!("{title}:"));
                nested(w, level + 1, inner, if level == 0 { &["name"] } else { &[] });
            }
            Value::Array(items) => {
                w.at(level, format!("{title}:"));
                for item in items {
                    match item {
                        Value::Object(inner) => nested(w, level + 1, inner, &[]),
                        other @ (Value::Null
                        | Value::Bool(_)
                        | Value::Number(_)
                        | Value::String(_)
                        | Value::Array(_)) => w.at(level + 1, scalar(other)),
                    }
                }
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                w.at(level, format!("{title}:\t{}", scalar(other)));
            }
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => "<nil>".to_owned(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

/// `creationTimestamp` becomes `Creation Timestamp`, `podIP` becomes `Pod IP`.
fn title(key: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for (i, c) in key.chars().enumerate() {
        if i == 0 {
            out.extend(c.to_uppercase());
        } else {
            if c.is_uppercase() && before.is_lowercase() {
                out.push(' ');
            }
            out.push(c);
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_titles() {
        for (key, shown) in
            [("creationTimestamp", "Creation Timestamp"), ("podIP", "Pod IP"), ("uid", "Uid")]
        {
            assert_eq!(title(key), shown);
        }
    }
}
