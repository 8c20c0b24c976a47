//! Laying one model over another: override files, `extends`, and entries that replace each other.
//!
//! Models `compose-go override/merge.go` and `override/uncity.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::interpolate::matches;
use super::mounts;
use super::values::{go_type, sprint};

/// How values at some place merge.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Replace,
    Sequence,
    Hosts,
    Build,
    DependsOn,
    Names,
    Logging,
    Ulimit,
    Pools,
}

const RULES: &[(&str, Rule)] = &[
    ("networks.*.ipam.config", Rule::Pools),
    ("networks.*.labels", Rule::Sequence),
    ("volumes.*.labels", Rule::Sequence),
    ("services.*.annotations", Rule::Sequence),
    ("services.*.build", Rule::Build),
    ("services.*.build.args", Rule::Sequence),
    ("services.*.build.additional_contexts", Rule::Sequence),
    ("services.*.build.extra_hosts", Rule::Hosts),
    ("services.*.build.labels", Rule::Sequence),
    ("services.*.command", Rule::Replace),
    ("services.*.depends_on", Rule::DependsOn),
    ("services.*.deploy.labels", Rule::Sequence),
    ("services.*.dns", Rule::Sequence),
    ("services.*.dns_opt", Rule::Sequence),
    ("services.*.dns_search", Rule::Sequence),
    ("services.*.entrypoint", Rule::Replace),
    ("services.*.env_file", Rule::Sequence),
    ("services.*.label_file", Rule::Sequence),
    ("services.*.environment", Rule::Sequence),
    ("services.*.extra_hosts", Rule::Hosts),
    ("services.*.healthcheck.test", Rule::Replace),
    ("services.*.labels", Rule::Sequence),
    ("services.*.volumes.*.volume.labels", Rule::Sequence),
    ("services.*.logging", Rule::Logging),
    ("services.*.models", Rule::Names),
    ("services.*.networks", Rule::Names),
    ("services.*.sysctls", Rule::Sequence),
    ("services.*.tmpfs", Rule::Sequence),
    ("services.*.ulimits.*", Rule::Ulimit),
];

/// A model with another laid over it.
///
/// # Errors
/// Where the two are of different kinds.
pub(super) fn merge(base: Value, over: Value) -> Result<Value, String> {
    merge_at(base, over, &mut Vec::new())
}

/// A service with another laid over it (`extends`).
///
/// # Errors
/// Where the two are of different kinds.
pub(super) fn extend(base: Value, over: Value) -> Result<Value, String> {
    merge_at(base, over, &mut vec!["services".to_owned(), "x".to_owned()])
}

fn merge_at(base: Value, over: Value, path: &mut Vec<String>) -> Result<Value, String> {
    if let Some((_, rule)) = RULES.iter().find(|(pattern, _)| matches(path, pattern)) {
        return special(*rule, base, over, path);
    }
    if over.is_null() {
        return Ok(base);
    }
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => mappings(base, over, path),
        (Value::Array(mut base), Value::Array(over)) => {
            base.extend(over);
            Ok(Value::Array(base))
        }
        (Value::Object(_) | Value::Array(_), _) => {
            Err(format!("cannot override {}", path.join(".")))
        }
        (_, over) => Ok(over),
    }
}

fn mappings(
    mut base: Map<String, Value>,
    over: Map<String, Value>,
    path: &mut Vec<String>,
) -> Result<Value, String> {
    for (key, value) in over {
        let merged = match base.remove(&key) {
            None => value,
            Some(before) => {
                path.push(key.clone());
                let merged = merge_at(before, value, path)?;
                path.pop();
                merged
            }
        };
        base.insert(key, merged);
    }
    Ok(Value::Object(base))
}

fn special(rule: Rule, base: Value, over: Value, path: &mut Vec<String>) -> Result<Value, String> {
    let listed = |value| Value::Array(value);
    match rule {
        Rule::Replace => Ok(over),
        Rule::Sequence => {
            let mut list = sequence(base);
            list.extend(sequence(over));
            Ok(listed(list))
        }
        Rule::Hosts => {
            let mut list = sequence(base);
            let more: Vec<Value> =
                sequence(over).into_iter().filter(|v| !list.contains(v)).collect();
            list.extend(more);
            Ok(listed(list))
        }
        Rule::Build => {
            let long = |value| match value {
                Value::String(context) => json!({"context": context}),
                other => other,
            };
            mappings(object(long(base)), object(long(over)), path)
        }
        Rule::DependsOn => {
            let started = json!({"condition": "service_started", "required": true});
            mappings(mapping(base, &started), mapping(over, &started), path)
        }
        Rule::Names => mappings(mapping(base, &Value::Null), mapping(over, &Value::Null), path),
        Rule::Logging => {
            let (base, over) = (object(base), object(over));
            match (base.get("driver"), over.get("driver")) {
                (Some(a), Some(b)) if a != b => Ok(Value::Object(over)),
                _ => mappings(base, over, path),
            }
        }
        Rule::Ulimit => Ok(over),
        Rule::Pools => pools(base, over, path),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A list of names as a mapping.
fn mapping(value: Value, default: &Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Array(names) => names.iter().map(|name| (sprint(name), default.clone())).collect(),
        _ => Map::new(),
    }
}

/// A mapping as a sorted list of `key=value`.
fn sequence(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::String(_) => vec![value],
        Value::Object(map) => {
            let mut list: Vec<String> = Vec::new();
            for (key, value) in map {
                match value {
                    Value::Null => list.push(key),
                    Value::Array(values) => {
                        list.extend(values.iter().map(|v| format!("{key}={}", sprint(v))));
                    }
                    value => list.push(format!("{key}={}", sprint(&value))),
                }
            }
            list.sort();
            list.into_iter().map(Value::String).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn pools(base: Value, over: Value, path: &mut Vec<String>) -> Result<Value, String> {
    let (Value::Array(base), Value::Array(over)) = (&base, &over) else {
        let at = path.join(".");
        return Err(format!("{at}: unexpected type {}", go_type(&base)));
    };
    let subnet = |v: &Value| v.get("subnet").cloned();
    let mut merged: Vec<Value> = Vec::new();
    for original in base {
        for other in over {
            let new = subnet(original) != subnet(other)
                && !merged.iter().any(|m| subnet(m) == subnet(other));
            if new {
                merged.push(other.clone());
                continue;
            }
            let both = mappings(object(original.clone()), object(other.clone()), path)?;
            match merged.iter_mut().find(|m| subnet(m) == subnet(&both)) {
                Some(slot) => *slot = both,
                None => merged.push(both),
            }
        }
    }
    Ok(Value::Array(merged))
}

/// By what entries of a list are the same.
#[derive(Clone, Copy, Debug)]
enum Index {
    Key,
    Volume,
    Device,
    Mount(&'static str),
    EnvFile,
    Expose,
    Port,
}

const UNIQUE: &[(&str, Index)] = &[
    ("networks.*.labels", Index::Key),
    ("networks.*.ipam.options", Index::Key),
    ("services.*.annotations", Index::Key),
    ("services.*.build.args", Index::Key),
    ("services.*.build.additional_contexts", Index::Key),
    ("services.*.build.platform", Index::Key),
    ("services.*.build.tags", Index::Key),
    ("services.*.build.labels", Index::Key),
    ("services.*.cap_add", Index::Key),
    ("services.*.cap_drop", Index::Key),
    ("services.*.configs", Index::Mount("")),
    ("services.*.deploy.labels", Index::Key),
    ("services.*.dns", Index::Key),
    ("services.*.dns_opt", Index::Key),
    ("services.*.dns_search", Index::Key),
    ("services.*.environment", Index::Key),
    ("services.*.env_file", Index::EnvFile),
    ("services.*.expose", Index::Expose),
    ("services.*.labels", Index::Key),
    ("services.*.links", Index::Key),
    ("services.*.networks.*.aliases", Index::Key),
    ("services.*.networks.*.link_local_ips", Index::Key),
    ("services.*.ports", Index::Port),
    ("services.*.profiles", Index::Key),
    ("services.*.secrets", Index::Mount("/run/secrets")),
    ("services.*.sysctls", Index::Key),
    ("services.*.tmpfs", Index::Key),
    ("services.*.volumes", Index::Volume),
    ("services.*.devices", Index::Device),
];

/// Drops entries of lists that a later entry replaces.
///
/// # Errors
/// Where an entry is of the wrong kind.
pub(super) fn unique(value: &mut Value) -> Result<(), String> {
    unique_at(value, &mut Vec::new())
}

fn unique_at(value: &mut Value, path: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                path.push(key.clone());
                unique_at(value, path)?;
                path.pop();
            }
            Ok(())
        }
        Value::Array(items) => {
            let rule = UNIQUE.iter().find(|(pattern, _)| matches(path, pattern));
            let Some((_, index)) = rule else { return Ok(()) };
            let mut kept: Vec<Value> = Vec::new();
            let mut at: BTreeMap<String, usize> = BTreeMap::new();
            for (i, item) in std::mem::take(items).into_iter().enumerate() {
                let key = index_of(*index, &item, &format!("{}.[{i}]", path.join(".")))?;
                match at.get(&key).and_then(|j| kept.get_mut(*j)) {
                    Some(slot) => *slot = item,
                    None => {
                        at.insert(key, kept.len());
                        kept.push(item);
                    }
                }
            }
            *items = kept;
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn index_of(index: Index, item: &Value, path: &str) -> Result<String, String> {
    let field = |name: &str| item.get(name).map(sprint);
    match (index, item) {
        (Index::Key, Value::String(text)) => {
            Ok(text.split_once('=').map_or(text.as_str(), |(key, _)| key).to_owned())
        }
        (Index::Key, other) => Err(format!("{path}: unexpected type {}", go_type(other))),
        (Index::Volume, Value::String(text)) => mounts::parse(text).map(|m| m.target),
        (Index::Volume, Value::Object(_)) => field("target")
            .ok_or_else(|| format!("service volume {path} is missing a mount target")),
        (Index::Device, Value::String(text)) => {
            let mut parts = text.split(':');
            let source = parts.next().unwrap_or_default();
            Ok(parts.next().unwrap_or(source).to_owned())
        }
        (Index::Device, Value::Object(_)) => field("target")
            .ok_or_else(|| format!("service device {path} is missing a mount target")),
        (Index::Mount(folder), Value::String(text)) => Ok(format!("{folder}/{text}")),
        (Index::Mount(folder), Value::Object(_)) => Ok(field("target")
            .unwrap_or_else(|| format!("{folder}/{}", field("source").unwrap_or_default()))),
        (Index::Expose, Value::String(text)) => Ok(text.clone()),
        (Index::Expose, Value::Number(n)) if !n.is_f64() => Ok(n.to_string()),
        (Index::Mount(_) | Index::Expose, other) => {
            Err(format!("{path}: unsupported expose value {}", sprint(other)))
        }
        (Index::EnvFile, Value::Object(_)) => {
            field("path").ok_or_else(|| format!("environment path attribute {path} is missing"))
        }
        (Index::EnvFile | Index::Port, Value::String(text)) => Ok(text.clone()),
        (Index::Port, Value::Number(n)) => Ok(n.to_string()),
        (Index::Port, Value::Object(_)) => {
            let target = field("target")
                .ok_or_else(|| format!("service ports {path} is missing a target port"))?;
            let or = |name: &str, default: &str| field(name).unwrap_or_else(|| default.to_owned());
            Ok(format!(
                "{}:{}:{target}/{}",
                or("host_ip", "0.0.0.0"),
                or("published", "%!s(<nil>)"),
                or("protocol", "tcp")
            ))
        }
        (Index::Volume | Index::Device | Index::EnvFile | Index::Port, _) => Ok(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging() {
        let service = |body: Value| json!({"services": {"w": body}});
        for (base, over, merged) in [
            (
                json!({"environment": {"A": 1, "B": null}}),
                json!({"environment": ["A=2"]}),
                json!({"environment": ["A=2", "B"]}),
            ),
            (json!({"command": ["a"]}), json!({"command": "b"}), json!({"command": "b"})),
            (
                json!({"ports": ["8080:80"]}),
                json!({"ports": ["8081:80"]}),
                json!({"ports": ["8080:80", "8081:80"]}),
            ),
            (
                json!({"volumes": ["aa:/d", "bb:/e"]}),
                json!({"volumes": ["cc:/d"]}),
                json!({"volumes": ["cc:/d", "bb:/e"]}),
            ),
            (
                json!({"networks": ["x"]}),
                json!({"networks": {"y": {"aliases": ["z"]}}}),
                json!({"networks": {"x": null, "y": {"aliases": ["z"]}}}),
            ),
        ] {
            let mut result = merge(service(base), service(over)).unwrap();
            unique(&mut result).unwrap();
            assert_eq!(result, service(merged));
        }
        let clash = merge(service(json!({"ports": []})), service(json!({"ports": {"a": 1}})));
        assert_eq!(clash.unwrap_err(), "cannot override services.w.ports");
    }

    #[test]
    fn wrong_items() {
        let mut model = json!({"services": {"web": {"environment": [{"A": 1}]}}});
        assert_eq!(
            unique(&mut model).unwrap_err(),
            "services.web.environment.[0]: unexpected type map[string]interface {}"
        );
    }
}
