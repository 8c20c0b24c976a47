//! Values as templates see them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A value. Structs keep the order of their fields, maps are sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// A nil pointer, or JSON's null.
    #[default]
    Nil,
    /// A nil pointer that JSON leaves out.
    Absent,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number, as Go prints it.
    Float(String),
    /// Text.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
    /// A struct: fields in order.
    Struct(Vec<(String, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Str(text.clone())
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

impl Value {
    /// A struct.
    #[must_use]
    pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self::Struct(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// From JSON: objects become maps.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => {
                n.as_i64().map_or_else(|| Self::Float(n.to_string()), Self::Int)
            }
            serde_json::Value::String(text) => Self::Str(text.clone()),
            serde_json::Value::Array(list) => {
                Self::List(list.iter().map(Self::from_json).collect())
            }
            serde_json::Value::Object(map) => {
                Self::Map(map.iter().map(|(k, v)| (k.clone(), Self::from_json(v))).collect())
            }
        }
    }

    /// A member of a struct or map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(name),
            Self::Struct(fields) => {
                let hit = |(k, _): &&(String, Self)| k.strip_prefix('?').unwrap_or(k) == name;
                fields.iter().find(hit).map(|(_, v)| v)
            }
            Self::Nil
            | Self::Absent
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Str(_)
            | Self::List(_) => None,
        }
    }

    /// The same as plain JSON gives it: structs as maps, without what JSON leaves out.
    #[must_use]
    pub fn raw(&self) -> Self {
        match self {
            Self::Struct(fields) => {
                let present = fields.iter().filter(|(k, v)| is_shown(k, v));
                Self::Map(present.map(|(k, v)| (k.clone(), v.raw())).collect())
            }
            Self::Map(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), v.raw())).collect()),
            Self::List(list) => Self::List(list.iter().map(Self::raw).collect()),
            other @ (Self::Nil
            | Self::Absent
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Str(_)) => other.clone(),
        }
    }

    /// Go's truth: not zero, not empty, not nil. A struct is always true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::Absent => false,
            Self::Bool(b) => *b,
            Self::Int(n) => *n != 0,
            Self::Float(text) => text.chars().any(|c| ('1'..='9').contains(&c)),
            Self::Str(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Struct(_) => true,
        }
    }

    /// Go's name of the kind, for errors.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Nil | Self::Absent => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Struct(_) => "struct",
        }
    }

    /// As `fmt.Sprint` prints it.
    #[must_use]
    pub fn print(&self) -> String {
        match self {
            Self::Nil | Self::Absent => "<nil>".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(n) => n.to_string(),
            Self::Float(text) | Self::Str(text) => text.clone(),
            Self::List(list) => {
                let items: Vec<String> = list.iter().map(Self::print).collect();
                format!("[{}]", items.join(" "))
            }
            Self::Map(map) => {
                let items: Vec<String> =
                    map.iter().map(|(k, v)| format!("{k}:{}", v.print())).collect();
                format!("map[{}]", items.join(" "))
            }
            Self::Struct(fields) => {
                let items: Vec<String> = fields.iter().map(|(_, v)| v.print()).collect();
                format!("{{{}}}", items.join(" "))
            }
        }
    }

    /// Compact JSON, with Go's escapes of `<`, `>` and `&`.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, None, true);
        out
    }

    /// Indented JSON, four blanks per level, without Go's escapes of `<`, `>`, `&`.
    #[must_use]
    pub fn pretty_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, Some(0), false);
        out
    }

    fn write_json(&self, out: &mut String, depth: Option<usize>, escape: bool) {
        match self {
            Self::Nil | Self::Absent => out.push_str("null"),
            Self::Bool(b) => {
                let _ = write!(out, "{b}");
            }
            Self::Int(n) => {
                let _ = write!(out, "{n}");
            }
            Self::Float(text) => out.push_str(text),
            Self::Str(text) => quote(text, escape, out),
            Self::List(list) => {
                let items = list.iter().map(|v| (None, v));
                write_items(out, ('[', ']'), items, list.len(), depth, escape);
            }
            Self::Map(map) => {
                let items = map.iter().map(|(k, v)| (Some(k), v));
                write_items(out, ('{', '}'), items, map.len(), depth, escape);
            }
            Self::Struct(fields) => {
                let present = || fields.iter().filter(|(k, v)| is_shown(k, v));
                let items = present().map(|(k, v)| (Some(k), v));
                write_items(out, ('{', '}'), items, present().count(), depth, escape);
            }
        }
    }
}

/// Whether JSON shows a field: not those that are absent, nor methods, whose names are in
/// parentheses, nor fields with `?` before the name, which it leaves out because they are empty.
fn is_shown(name: &str, value: &Value) -> bool {
    *value != Value::Absent && !name.starts_with(['(', '?'])
}

fn write_items<'a>(
    out: &mut String,
    brackets: (char, char),
    items: impl Iterator<Item = (Option<&'a String>, &'a Value)>,
    len: usize,
    depth: Option<usize>,
    escape: bool,
) {
    out.push(brackets.0);
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * 4));
    };
    let inner = depth.map(|d| d + 1);
    for (at, (key, value)) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        if let Some(depth) = inner {
            newline(out, depth);
        }
        if let Some(key) = key {
            quote(key, escape, out);
            out.push(':');
            if depth.is_some() {
                out.push(' ');
            }
        }
        value.write_json(out, inner, escape);
    }
    if let (Some(depth), true) = (depth, len > 0) {
        newline(out, depth);
    }
    out.push(brackets.1);
}

fn quote(text: &str, escape: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if escape => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
