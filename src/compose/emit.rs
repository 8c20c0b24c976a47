//! Canonical YAML and JSON as `docker compose config` prints them.
//!
//! Models go-yaml v3's encoder with an indent of 2 (which text is quoted how, and how keys are
//! sorted) and Go's `json.MarshalIndent`.

use std::cmp::Ordering;

use serde_json::Value;

use super::values;

/// A tree to print, its keys in the order of printing.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A scalar that is no text, as it is printed.
    Plain(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Any value, with keys in go-yaml's order.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Plain("null".to_owned()),
            Value::Bool(_) | Value::Number(_) => Self::Plain(values::sprint(value)),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Object(map) => {
                let mut entries: Vec<_> =
                    map.iter().map(|(k, v)| (k.clone(), Self::of(v))).collect();
                entries.sort_by(|(a, _), (b, _)| natural(a, b));
                Self::Map(entries)
            }
        }
    }

    /// The tree as a YAML document.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Map(entries) if !entries.is_empty() => mapping(entries, 0, false, &mut out),
            other => node(other, 0, &mut out),
        }
        out
    }

    /// The tree as indented JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.json_at(0, &mut out);
        out
    }

    /// The tree as JSON in one line.
    #[must_use]
    pub fn compact(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Text(text) => json_text(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::compact).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(entries) => {
                let entry = |(k, v): &(String, Self)| format!("{}:{}", json_text(k), v.compact());
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    fn json_at(&self, depth: usize, out: &mut String) {
        let (open, close, count) = match self {
            Self::Plain(text) => return out.push_str(text),
            Self::Text(text) => return out.push_str(&json_text(text)),
            Self::List(items) => ('[', ']', items.len()),
            Self::Map(entries) => ('{', '}', entries.len()),
        };
        out.push(open);
        let pad = |depth: usize| "  ".repeat(depth);
        for index in 0..count {
            out.push_str(if index == 0 { "\n" } else { ",\n" });
            out.push_str(&pad(depth + 1));
            match self {
                Self::List(items) => {
                    if let Some(item) = items.get(index) {
                        item.json_at(depth + 1, out);
                    }
                }
                Self::Map(entries) => {
                    if let Some((key, value)) = entries.get(index) {
                        out.push_str(&json_text(key));
                        out.push_str(": ");
                        value.json_at(depth + 1, out);
                    }
                }
                Self::Plain(_) | Self::Text(_) => {}
            }
        }
        if count > 0 {
            out.push('\n');
            out.push_str(&pad(depth));
        }
        out.push(close);
    }
}

/// A text in Go's JSON, which also escapes what HTML would read.
fn json_text(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Prints a node behind `key:` or `-`, with its line break.
fn node(tree: &Tree, indent: usize, out: &mut String) {
    match tree {
        Tree::Plain(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Tree::Text(text) => {
            out.push_str(&scalar(text, indent));
            out.push('\n');
        }
        Tree::List(items) if items.is_empty() => out.push_str("[]\n"),
        Tree::Map(entries) if entries.is_empty() => out.push_str("{}\n"),
        Tree::List(items) => list(items, indent, false, out),
        Tree::Map(entries) => mapping(entries, indent, false, out),
    }
}

fn mapping(entries: &[(String, Tree)], indent: usize, inline: bool, out: &mut String) {
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 || !inline {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&key_text(key));
        out.push(':');
        let nested = match value {
            Tree::List(items) => !items.is_empty(),
            Tree::Map(entries) => !entries.is_empty(),
            Tree::Plain(_) | Tree::Text(_) => false,
        };
        out.push(if nested { '\n' } else { ' ' });
        node(value, indent + 2, out);
    }
}

fn list(items: &[Tree], indent: usize, inline: bool, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !inline {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str("- ");
        match item {
            Tree::Map(entries) if !entries.is_empty() => mapping(entries, indent + 2, true, out),
            Tree::List(items) if !items.is_empty() => list(items, indent + 2, true, out),
            other => node(other, indent + 2, out),
        }
    }
}

fn key_text(key: &str) -> String {
    if key.contains('\n') { double(key) } else { scalar(key, 0) }
}

/// A text as a YAML scalar.
fn scalar(text: &str, indent: usize) -> String {
    let shape = Shape::of(text);
    if text.contains('\n') {
        return if shape.block { literal(text, indent) } else { double(text) };
    }
    if !reads_as_text(text) {
        return double(text);
    }
    if shape.plain {
        text.to_owned()
    } else if shape.single {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        double(text)
    }
}

/// In which styles a text may be written.
#[derive(Clone, Copy, Debug)]
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let mut shape = Self { plain: true, single: true, block: true };
        let chars: Vec<char> = text.chars().collect();
        let blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        if text.starts_with("---") || text.starts_with("...") {
            shape.plain = false;
        }
        let mut before: Option<char> = None;
        for (index, &c) in chars.iter().enumerate() {
            let after = chars.get(index + 1);
            let indicator = match c {
                '#' => index == 0 || before.is_some_and(|b| matches!(b, ' ' | '\t' | '\n')),
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => index == 0,
                '?' | '-' => index == 0 && blank(after),
                ':' => blank(after),
                _ => false,
            };
            let special = c != '\n' && c != '\t' && (c.is_control() || c == '\u{feff}');
            let space_break = c == ' ' && after == Some(&'\n');
            if special || space_break || c == '\t' {
                shape.plain = false;
                shape.single = false;
            }
            if special || space_break {
                shape.block = false;
            }
            if indicator || c == '\n' {
                shape.plain = false;
            }
            before = Some(c);
        }
        if text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']) {
            shape.plain = false;
        }
        if text.ends_with(' ') {
            shape.block = false;
        }
        shape
    }
}

fn literal(text: &str, indent: usize) -> String {
    let mut out = String::from("|");
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.ends_with("\n\n") || text == "\n" {
        out.push('+');
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent.max(2)));
            out.push_str(line);
        }
    }
    out
}

fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{0}' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{feff}' => out.push_str("\\uFEFF"),
            c if c.is_control() => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether a plain scalar would be read back as this text.
fn reads_as_text(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    match first {
        '+' | '-' | '.' | '0'..='9' => {
            !(is_number(text) || is_base60(text) || is_date(text) || is_infinite(text))
        }
        '~' | '<' => text != "~" && text != "<<",
        _ => !matches!(
            text,
            "null"
                | "Null"
                | "NULL"
                | "true"
                | "True"
                | "TRUE"
                | "false"
                | "False"
                | "FALSE"
                | "y"
                | "Y"
                | "yes"
                | "Yes"
                | "YES"
                | "on"
                | "On"
                | "ON"
                | "n"
                | "N"
                | "no"
                | "No"
                | "NO"
                | "off"
                | "Off"
                | "OFF"
        ),
    }
}

fn is_infinite(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(bare, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn is_number(text: &str) -> bool {
    let digits = text.replace('_', "");
    let body = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(rest) = body.strip_prefix(prefix) {
            return !rest.is_empty() && u64::from_str_radix(rest, radix).is_ok();
        }
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        None => (body, None),
        Some(at) => (body.get(..at).unwrap_or_default(), body.get(at + 1..)),
    };
    let all = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && all(e)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some = !whole.is_empty() || !fraction.is_empty();
    some && all(whole) && all(fraction) && exponent_ok
}

/// Sexagesimal numbers of YAML 1.1, such as `22:22`.
fn is_base60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = body.split(':');
    let head = parts.next().unwrap_or_default();
    let mut rest: Vec<&str> = parts.collect();
    if rest.is_empty() || !head.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    if let Some(last) = rest.last_mut() {
        *last = last.split_once('.').map_or(*last, |(whole, _)| whole);
    }
    let sixty = |t: &&str| {
        matches!(t.len(), 1 | 2)
            && t.bytes().all(|b| b.is_ascii_digit())
            && t.parse::<u8>().is_ok_and(|n| n < 60)
    };
    head.bytes().all(|b| b.is_ascii_digit() || b == b'_') && rest.iter().all(sixty)
}

fn is_date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split('-').collect();
    let digits = |t: &str, lengths: &[usize]| {
        lengths.contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit())
    };
    match parts.as_slice() {
        [y, m, d] => {
            let in_year = digits(y, &[4]) && digits(m, &[1, 2]) && digits(d, &[1, 2]);
            in_year && (day.len() == text.len() || text.contains(':'))
        }
        _ => false,
    }
}

/// go-yaml's order of keys: numbers inside a key count as numbers.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for (i, (&x, &y)) in a.iter().zip(&b).enumerate() {
        if x == y {
            digits = x.is_numeric();
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x.cmp(&y),
            (true, false) => return if digits { Ordering::Less } else { Ordering::Greater },
            (false, true) => return if digits { Ordering::Greater } else { Ordering::Less },
            (false, false) => {}
        }
        let number = |chars: &[char]| -> (i64, usize) {
            let run = chars.iter().skip(i).take_while(|c| c.is_ascii_digit()).take(17);
            let start = i64::from(
                (x == '0' || y == '0')
                    && chars
                        .iter()
                        .take(i)
                        .rev()
                        .take_while(|c| c.is_ascii_digit())
                        .any(|c| *c != '0'),
            );
            run.fold((start, 0), |(n, len), c| {
                (n * 10 + i64::from(c.to_digit(10).unwrap_or_default()), len + 1)
            })
        };
        let ((n, n_len), (m, m_len)) = (number(&a), number(&b));
        return n.cmp(&m).then(n_len.cmp(&m_len)).then(x.cmp(&y));
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars() {
        for (text, shown) in [
            ("nginx:1.25", "nginx:1.25"),
            ("8080", "\"8080\""),
            ("0440", "\"0440\""),
            ("yes", "\"yes\""),
            ("a: b", "'a: b'"),
            ("it's #1: x: ", "'it''s #1: x: '"),
            ("[x]", "'[x]'"),
            ("", "\"\""),
            ("10.5.0.0/16", "10.5.0.0/16"),
            ("22:22", "\"22:22\""),
            ("8080:80", "8080:80"),
            ("2001-01-01", "\"2001-01-01\""),
            ("a\tb", "\"a\\tb\""),
            ("- x", "'- x'"),
            ("-x", "-x"),
            ("1.2.3", "1.2.3"),
            ("*", "'*'"),
        ] {
            assert_eq!(scalar(text, 2), shown);
        }
        assert_eq!(scalar("a\nb\n", 2), "|\n  a\n  b");
        assert_eq!(scalar("a\n\nb", 4), "|-\n    a\n\n    b");
    }

    #[test]
    fn documents() {
        let tree = Tree::of(&json!({"b": [1, {"x": "y", "z": []}], "a10": {}, "a2": null}));
        assert_eq!(tree.yaml(), "a2: null\na10: {}\nb:\n  - 1\n  - x: \"y\"\n    z: []\n");
        assert_eq!(Tree::of(&json!({"a": [1, "<"]})).compact(), "{\"a\":[1,\"\\u003c\"]}");
    }
}
