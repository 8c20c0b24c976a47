//! References by name follow the objects that were renamed.
//!
//! Follows kustomize `api/internal/konfig/builtinpluginconsts/namereference.go`.

use serde_json::{Map, Value};

use super::Resource;

/// Deepest nesting looked into.
const MAX_DEPTH: usize = 64;

/// Objects that hold a name: the field that holds them, the field in them, the kind named.
const OBJECTS: &[(&str, &str, &str)] = &[
    ("configMapRef", "name", "ConfigMap"),
    ("configMapKeyRef", "name", "ConfigMap"),
    ("configMap", "name", "ConfigMap"),
    ("secretRef", "name", "Secret"),
    ("secretKeyRef", "name", "Secret"),
    ("secret", "name", "Secret"),
    ("secret", "secretName", "Secret"),
    ("tls", "secretName", "Secret"),
    ("imagePullSecrets", "name", "Secret"),
    ("service", "name", "Service"),
    ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
];
/// Texts that are a name.
const TEXTS: &[(&str, &str)] = &[
    ("serviceAccountName", "ServiceAccount"),
    ("serviceName", "Service"),
    ("storageClassName", "StorageClass"),
    ("priorityClassName", "PriorityClass"),
];
/// Objects that name a kind and a name.
const TYPED: [&str; 3] = ["scaleTargetRef", "roleRef", "subjects"];

/// A kind, what it was called, and what it is called.
type Renamed = (String, String, String);

/// Let all references follow.
pub(super) fn update(resources: &mut [Resource]) {
    let renamed: Vec<Renamed> = resources
        .iter()
        .flat_map(|r| {
            let olds = r.names.iter().filter(|old| *old != r.name());
            olds.map(|old| (r.kind().to_owned(), old.clone(), r.name().to_owned()))
        })
        .collect();
    if renamed.is_empty() {
        return;
    }
    for resource in resources {
        walk(&mut resource.value, "", &renamed, 0);
    }
}

fn walk(value: &mut Value, field: &str, renamed: &[Renamed], depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(map) => {
            for (holder, name, kind) in OBJECTS {
                if *holder == field {
                    follow(map, name, kind, renamed);
                }
            }
            for (name, kind) in TEXTS {
                follow(map, name, kind, renamed);
            }
            if TYPED.contains(&field) {
                let kind = map.get("kind").and_then(Value::as_str).unwrap_or("").to_owned();
                follow(map, "name", &kind, renamed);
            }
            for (key, inner) in map.iter_mut() {
                walk(inner, key, renamed, depth + 1);
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| walk(item, field, renamed, depth + 1));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn follow(map: &mut Map<String, Value>, field: &str, kind: &str, renamed: &[Renamed]) {
    let Some(Value::String(name)) = map.get_mut(field) else { return };
    if let Some((_, _, new)) = renamed.iter().find(|(k, old, _)| k == kind && old == name) {
        name.clone_from(new);
    }
}
