//! From the canonical model to typed values, and from there to the tree that is printed.
//!
//! Models the mapstructure decoding of `compose-go` with the decoders of `compose-go types`.
//! Left out: what the schema refuses before.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use super::emit::Tree;
use super::interpolate::{Cast, cast};
use super::records::{As, Column, Record};
use super::values::{self, go_quote, go_type, sprint};

/// A complaint and the keys it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DecodeError {
    /// Where, keys and indexes from the root.
    pub(super) path: Vec<String>,
    name: String,
    why: String,
}

/// All complaints as one text.
pub(super) fn message(errors: &[DecodeError]) -> String {
    let lines: Vec<String> = errors.iter().map(|e| format!("'{}' {}", e.name, e.why)).collect();
    format!("decoding failed due to the following error(s):\n\n{}", lines.join("\n"))
}

/// The typed model; empty values are left out.
pub(super) fn decode(
    record: &'static Record,
    value: &Value,
    warn: &mut dyn FnMut(String),
) -> Result<Value, Vec<DecodeError>> {
    let mut decoder = Decoder { path: Vec::new(), name: Vec::new(), errors: Vec::new(), warn };
    let decoded = decoder.record(record, value, false);
    if decoder.errors.is_empty() { Ok(decoded) } else { Err(decoder.errors) }
}

struct Decoder<'a> {
    path: Vec<String>,
    name: Vec<String>,
    errors: Vec<DecodeError>,
    warn: &'a mut dyn FnMut(String),
}

impl Decoder<'_> {
    fn fail(&mut self, why: String) -> Value {
        let (path, name) = (self.path.clone(), self.name.join(""));
        self.errors.push(DecodeError { path, name, why });
        Value::Null
    }

    fn within<T>(&mut self, step: &str, shown: String, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        self.name.push(shown);
        let result = work(self);
        self.path.pop();
        self.name.pop();
        result
    }

    fn key<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let dot = if self.name.is_empty() { "" } else { "." };
        self.within(key, format!("{dot}{key}"), work)
    }

    fn record(&mut self, record: &'static Record, value: &Value, keep: bool) -> Value {
        let Value::Object(map) = value else {
            return match value {
                Value::Null => Value::Null,
                other => self.fail(format!("expected a map or struct, got {}", quote_type(other))),
            };
        };
        let mut out = Map::new();
        for column in record.0 {
            let Some(value) = map.get(column.name) else { continue };
            let decoded = self.key(column.name, |d| d.column(column, value));
            if column.always || !empty(column, &decoded) {
                out.insert(column.name.to_owned(), decoded);
            }
        }
        for (key, value) in map.iter().filter(|(key, _)| key.starts_with("x-")) {
            out.insert(key.clone(), value.clone());
        }
        if out.is_empty() && !keep { Value::Null } else { Value::Object(out) }
    }

    fn column(&mut self, column: &Column, value: &Value) -> Value {
        if value.is_null() && !matches!(column.to, As::Named(_) | As::Env) {
            return Value::Null;
        }
        match column.to {
            As::Text => self.text(value),
            As::Bool | As::OptBool => self.boolean(value),
            As::Int | As::OptInt => self.integer(value),
            As::Float | As::Cpus => self.float(value),
            As::Command => self.command(value),
            As::Env => self.env(value),
            As::Mapping | As::Labels => self.mapping(value),
            As::MultiMap => multi(value),
            As::StringList | As::List | As::NumberList => texts(value),
            As::Hosts => self.hosts(value),
            As::Duration => match values::duration(&sprint(value)) {
                Ok(nanos) => json!(values::show_duration(nanos)),
                Err(why) => self.fail(why),
            },
            As::Bytes => self.bytes(value),
            As::Test => match value {
                Value::String(text) => json!(["CMD-SHELL", text]),
                other => texts(other),
            },
            As::Mode => self.mode(value),
            As::Count => self.count(value),
            As::Ssh => value.clone(),
            As::EnvFiles => value.clone(),
            As::Ulimits => ulimits(value),
            As::Struct(record) => self.record(record, value, false),
            As::OptStruct(record) => self.record(record, value, true),
            As::Structs(record) => self.records(record, value),
            As::Named(record) => self.named(record, value),
        }
    }

    fn text(&mut self, value: &Value) -> Value {
        match value {
            Value::String(_) => value.clone(),
            Value::Number(n) if !n.is_f64() => json!(n.to_string()),
            other => self.fail(format!(
                "expected type 'string', got unconvertible type {}",
                quote_type(other)
            )),
        }
    }

    fn cast(&mut self, text: &str, to: Cast) -> Value {
        match cast(text, to, self.warn) {
            Ok(value) => value,
            Err(why) => self.fail(why),
        }
    }

    fn boolean(&mut self, value: &Value) -> Value {
        match value {
            Value::Bool(_) => value.clone(),
            Value::String(text) => self.cast(text, Cast::Bool),
            other => self.fail(format!(
                "expected type 'bool', got unconvertible type {}",
                quote_type(other)
            )),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "Go converts floats to ints so")]
    fn integer(&mut self, value: &Value) -> Value {
        match value {
            Value::Number(n) => match n.as_i64() {
                Some(n) => json!(n),
                None => json!(n.as_f64().unwrap_or_default() as i64),
            },
            Value::String(text) => self.cast(text, Cast::Int64),
            other => self
                .fail(format!("expected type 'int', got unconvertible type {}", quote_type(other))),
        }
    }

    fn float(&mut self, value: &Value) -> Value {
        match value {
            Value::Number(_) => value.clone(),
            Value::String(text) => self.cast(text, Cast::Float),
            other => self.fail(format!("unexpected value type {} for cpus", go_type(other))),
        }
    }

    fn command(&mut self, value: &Value) -> Value {
        match value {
            Value::String(line) => match values::shell_words(line) {
                Ok(words) => json!(words),
                Err(why) => self.fail(why),
            },
            other => texts(other),
        }
    }

    fn env(&mut self, value: &Value) -> Value {
        let mut map = Map::new();
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    let value = if value.is_null() { Value::Null } else { json!(sprint(value)) };
                    map.insert(key.clone(), value);
                }
            }
            Value::Array(items) => {
                for item in items {
                    let item = sprint(item);
                    let (key, value) = match item.split_once('=') {
                        Some((key, value)) => (key, json!(value)),
                        None => (item.as_str(), Value::Null),
                    };
                    if key.ends_with(char::is_whitespace) {
                        return self.fail(format!(
                            "environment variable {key} is declared with a trailing space"
                        ));
                    }
                    map.insert(key.to_owned(), value);
                }
            }
            Value::Null => {}
            other => {
                return self.fail(format!("unexpected value type {} for mapping", go_type(other)));
            }
        }
        Value::Object(map)
    }

    fn mapping(&mut self, value: &Value) -> Value {
        let text = |value: &Value| if value.is_null() { String::new() } else { sprint(value) };
        match value {
            Value::Object(entries) => {
                entries.iter().map(|(k, v)| (k.clone(), json!(text(v)))).collect()
            }
            Value::Array(items) => items
                .iter()
                .map(|item| {
                    let item = sprint(item);
                    let (key, value) = item.split_once('=').unwrap_or((&item, ""));
                    (key.to_owned(), json!(value))
                })
                .collect(),
            other => self.fail(format!("unexpected value type {} for mapping", go_type(other))),
        }
    }

    fn hosts(&mut self, value: &Value) -> Value {
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        match value {
            Value::Object(entries) => {
                for (host, value) in entries {
                    let addresses = match value {
                        Value::Array(items) => items.iter().map(sprint).collect(),
                        Value::Null => vec![String::new()],
                        other => vec![sprint(other)],
                    };
                    hosts.insert(host.clone(), addresses);
                }
            }
            Value::Array(items) => {
                for item in items {
                    let item = sprint(item);
                    let Some((host, ips)) = item.split_once('=').or_else(|| item.split_once(':'))
                    else {
                        return self.fail(format!("invalid additional host, missing IP: {item}"));
                    };
                    let slot = hosts.entry(host.to_owned()).or_default();
                    slot.extend(ips.split(',').map(str::to_owned));
                }
            }
            other => {
                return self
                    .fail(format!("unexpected value type {} for extra_hosts", go_type(other)));
            }
        }
        let mut list = Vec::new();
        for (host, ips) in hosts {
            if host.is_empty() || host.contains([':', '=']) {
                return self.fail(format!("bad host name '{host}'"));
            }
            for ip in ips {
                let bare = ip.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(&ip);
                list.push(format!("{host}={bare}"));
            }
        }
        list.sort();
        json!(list)
    }

    fn bytes(&mut self, value: &Value) -> Value {
        match value {
            Value::Number(n) => json!(n.to_string()),
            Value::String(text) => match values::bytes(text) {
                Ok(size) => json!(size.to_string()),
                Err(why) => self.fail(why),
            },
            _ => Value::Null,
        }
    }

    fn mode(&mut self, value: &Value) -> Value {
        match value {
            Value::Number(n) => json!(format!("0{:o}", n.as_i64().unwrap_or_default())),
            Value::String(text) => match i64::from_str_radix(text, 8) {
                Ok(mode) => json!(format!("0{mode:o}")),
                Err(_) => {
                    let text = go_quote(text);
                    self.fail(format!("strconv.ParseInt: parsing {text}: invalid syntax"))
                }
            },
            other => self.fail(format!("unexpected value type {} for mode", go_type(other))),
        }
    }

    fn count(&mut self, value: &Value) -> Value {
        match value {
            Value::Number(_) => value.clone(),
            Value::String(text) if text.eq_ignore_ascii_case("all") => json!(-1),
            Value::String(text) => match text.parse::<i64>() {
                Ok(count) => json!(count),
                Err(_) => {
                    let text = go_quote(text);
                    self.fail(format!(
                        "invalid value {text}, the only value allowed is 'all' or a number"
                    ))
                }
            },
            other => self.fail(format!("invalid type {} for device count", go_type(other))),
        }
    }

    fn records(&mut self, record: &'static Record, value: &Value) -> Value {
        let Value::Array(items) = value else {
            return self
                .fail(format!("source data must be an array or slice, got {}", kind(value)));
        };
        let one = |(index, item): (usize, &Value)| {
            self.within(&index.to_string(), format!("[{index}]"), |d| d.record(record, item, true))
        };
        Value::Array(items.iter().enumerate().map(one).collect())
    }

    fn named(&mut self, record: &'static Record, value: &Value) -> Value {
        let Value::Object(entries) = value else {
            return match value {
                Value::Null => Value::Null,
                other => self.fail(format!("expected a map, got '{}'", kind(other))),
            };
        };
        let mut out = Map::new();
        for (key, value) in entries {
            let decoded = self.within(key, format!("[{key}]"), |d| d.record(record, value, true));
            out.insert(key.clone(), decoded);
        }
        Value::Object(out)
    }
}

fn quote_type(value: &Value) -> String {
    format!("'{}'", go_type(value))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "map",
        Value::Array(_) => "slice",
        other => go_type(other),
    }
}

fn texts(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| json!(sprint(item))).collect(),
        other => json!([sprint(other)]),
    }
}

fn multi(value: &Value) -> Value {
    let Value::Object(entries) = value else { return Value::Null };
    entries.iter().map(|(key, value)| (key.clone(), texts(value))).collect()
}

fn ulimits(value: &Value) -> Value {
    let Value::Object(entries) = value else { return Value::Null };
    let number = |v: Option<&Value>| v.cloned().unwrap_or_else(|| json!(0));
    let one = |value: &Value| match value {
        Value::Object(limits) => {
            json!({"soft": number(limits.get("soft")), "hard": number(limits.get("hard"))})
        }
        other => other.clone(),
    };
    entries.iter().map(|(key, value)| (key.clone(), one(value))).collect()
}

fn empty(column: &Column, value: &Value) -> bool {
    let missing = match value {
        Value::Null => true,
        Value::Bool(b) => !b && matches!(column.to, As::Bool),
        Value::Number(n) => {
            !matches!(column.to, As::OptInt)
                && n.as_f64().is_some_and(|f| f.total_cmp(&0.0).is_eq())
        }
        Value::String(text) => match column.to {
            As::Bytes => text == "0",
            _ => text.is_empty(),
        },
        Value::Array(items) => items.is_empty() && !matches!(column.to, As::Command),
        Value::Object(map) => map.is_empty() && !matches!(column.to, As::OptStruct(_)),
    };
    missing && !column.always
}

/// The tree that is printed.
pub(super) fn tree(record: &'static Record, value: &Value) -> Tree {
    let Value::Object(map) = value else { return Tree::of(value) };
    let mut entries = Vec::new();
    for column in record.0 {
        match map.get(column.name) {
            Some(value) => entries.push((column.name.to_owned(), branch(column, value))),
            None if column.always => {
                entries.push((column.name.to_owned(), zero(column)));
            }
            None => {}
        }
    }
    let extras: Map<String, Value> = map
        .iter()
        .filter(|(key, _)| key.starts_with("x-"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Tree::Map(extras) = Tree::of(&Value::Object(extras)) {
        entries.extend(extras);
    }
    Tree::Map(entries)
}

fn zero(column: &Column) -> Tree {
    match column.to {
        As::Bool => Tree::Plain("false".to_owned()),
        As::Text => Tree::Text(String::new()),
        As::Int => Tree::Plain("0".to_owned()),
        As::Bytes => Tree::Text("0".to_owned()),
        _ => Tree::Map(Vec::new()),
    }
}

fn branch(column: &Column, value: &Value) -> Tree {
    match (column.to, value) {
        (As::Struct(record) | As::OptStruct(record), _) => tree(record, value),
        (As::Structs(record), Value::Array(items)) => {
            Tree::List(items.iter().map(|item| tree(record, item)).collect())
        }
        (As::Named(record), Value::Object(map)) => {
            let mut entries: Vec<_> =
                map.iter().map(|(k, v)| (k.clone(), tree(record, v))).collect();
            entries.sort_by(|(a, _), (b, _)| super::emit::natural(a, b));
            Tree::Map(entries)
        }
        (As::Ulimits, Value::Object(map)) => {
            let one = |value: &Value| match value {
                Value::Object(limits) => {
                    let of = |key: &str| {
                        (key.to_owned(), limits.get(key).map_or(Tree::of(&json!(0)), Tree::of))
                    };
                    Tree::Map(vec![of("soft"), of("hard")])
                }
                other => Tree::of(other),
            };
            Tree::Map(map.iter().map(|(k, v)| (k.clone(), one(v))).collect())
        }
        (As::Float | As::Cpus, Value::Number(n)) => Tree::Plain(float32(n)),
        (As::EnvFiles, Value::Array(items)) => Tree::List(items.iter().map(env_file).collect()),
        (As::Ssh, Value::Object(map)) => {
            let one = |(key, value): (&String, &Value)| match value {
                Value::Null => Tree::Text(key.clone()),
                value => Tree::Text(format!("{key}: {}", sprint(value))),
            };
            Tree::List(map.iter().map(one).collect())
        }
        _ => Tree::of(value),
    }
}

fn env_file(item: &Value) -> Tree {
    let path = item.get("path").map(sprint).unwrap_or_default();
    if item.get("required").and_then(Value::as_bool).unwrap_or(true) {
        return Tree::Text(path);
    }
    Tree::Map(vec![
        ("path".to_owned(), Tree::Text(path)),
        ("required".to_owned(), Tree::Plain("false".to_owned())),
    ])
}

/// A number as Go prints a `float32`.
#[expect(clippy::cast_possible_truncation, reason = "Compose keeps these as float32")]
fn float32(number: &Number) -> String {
    let value = number.as_f64().unwrap_or_default() as f32;
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::super::records::PROJECT;
    use super::*;

    #[test]
    fn typed_and_printed() {
        let model = json!({"name": "p", "services": {"w": {
            "image": "i", "environment": {"A": 1, "B": null}, "command": "a 'b c'",
            "mem_limit": "1m", "stop_grace_period": "90s", "privileged": false,
            "networks": {"default": null}, "entrypoint": []}}});
        let decoded = decode(&PROJECT, &model, &mut |_| {}).unwrap();
        assert_eq!(
            tree(&PROJECT, &decoded).yaml(),
            "name: p\nservices:\n  w:\n    command:\n      - a\n      - b c\n    entrypoint: \
             []\n    \
             environment:\n      A: \"1\"\n      B: null\n    image: i\n    \
             mem_limit: \"1048576\"\n    \
             networks:\n      default: null\n    stop_grace_period: 1m30s\n"
        );
    }

    #[test]
    fn complaints() {
        let model = json!({"services": {"web": {"stop_grace_period": "abc"}}});
        let errors = decode(&PROJECT, &model, &mut |_| {}).unwrap_err();
        assert_eq!(
            message(&errors),
            "decoding failed due to the following error(s):\n\n\
             'services[web].stop_grace_period' time: invalid duration \"abc\""
        );
    }
}
