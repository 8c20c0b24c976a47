//! YAML as kubectl writes it: keys sorted, lists not indented, long texts folded at 80 columns.
//!
//! Follows goyaml.v2 `encode.go`, `sorter.go` and `emitterc.go`, behind sigs.k8s.io/yaml.

use std::cmp::Ordering;

use serde_json::Value;

/// A text is folded at the first space after this column.
const BEST_WIDTH: usize = 80;

/// The document, with a line end.
pub(crate) fn print(value: &Value) -> String {
    let mut out = Writer::default();
    match value {
        Value::Object(map) if !map.is_empty() => out.mapping(value, 0, false),
        Value::Array(items) if !items.is_empty() => out.sequence(items, 0),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_)) => {
            out.scalar(other, 0);
            out.text.push('\n');
        }
    }
    out.text
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn indent(&mut self, by: usize) {
        self.text.extend(std::iter::repeat_n(' ', by));
    }

    /// A mapping; its first key goes on the current line when it stands in a list.
    fn mapping(&mut self, value: &Value, indent: usize, inline: bool) {
        let Some(map) = value.as_object() else { return };
        let mut keys: Vec<&String> = map.keys().collect();
        keys.sort_by(|a, b| natural(a, b));
        for (i, key) in keys.into_iter().enumerate() {
            if i > 0 || !inline {
                self.indent(indent);
            }
            self.string(key, indent, true);
            self.text.push(':');
            if let Some(value) = map.get(key) {
                self.below_key(value, indent);
            }
        }
    }

    fn below_key(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.text.push('\n');
                self.mapping(value, indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                self.text.push('\n');
                self.sequence(items, indent);
            }
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_)) => {
                self.text.push(' ');
                self.scalar(other, indent);
                self.text.push('\n');
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.indent(indent);
            self.text.push_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.mapping(item, indent + 2, true),
                Value::Array(inner) if !inner.is_empty() => {
                    // The first item of the inner list goes on this line.
                    let mut nested = Self::default();
                    nested.sequence(inner, indent + 2);
                    self.text.push_str(nested.text.trim_start_matches(' '));
                }
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_)) => {
                    self.scalar(other, indent);
                    self.text.push('\n');
                }
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::String(text) => self.string(text, indent, false),
            Value::Object(_) => self.text.push_str("{}"),
            Value::Array(_) => self.text.push_str("[]"),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => {
                self.text.push_str(&other.to_string());
            }
        }
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let shape = Shape::of(text);
        if text.contains('\n') && shape.block && !key {
            self.literal(text, indent + 2);
        } else if !text.contains('\n') && is_string(text) {
            if shape.plain {
                self.folded(text, indent, key, |c| c.to_string());
            } else if shape.single {
                self.text.push('\'');
                let quote = |c| if c == '\'' { "''".to_owned() } else { String::from(c) };
                self.folded(text, indent, key, quote);
                self.text.push('\'');
            } else {
                self.double(text, indent, key);
            }
        } else {
            self.double(text, indent, key);
        }
    }

    fn column(&self) -> usize {
        let start = self.text.rfind('\n').map_or(0, |at| at + 1);
        self.text.get(start..).map_or(0, |line| line.chars().count())
    }

    /// Text whose spaces may become line breaks.
    fn folded(&mut self, text: &str, indent: usize, key: bool, write: impl Fn(char) -> String) {
        let mut before = 'x';
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let single_space = before != ' ' && chars.peek().is_some_and(|n| *n != ' ');
            if c == ' ' && !key && single_space && self.column() > BEST_WIDTH {
                self.text.push('\n');
                self.indent(indent + 2);
            } else {
                self.text.push_str(&write(c));
            }
            before = c;
        }
    }

    fn double(&mut self, text: &str, indent: usize, key: bool) {
        self.text.push('"');
        let last = text.chars().count().saturating_sub(1);
        let mut before = 'x';
        let mut chars = text.chars().enumerate().peekable();
        while let Some((i, c)) = chars.next() {
            let inside = i > 0 && i < last;
            if c == ' ' && !key && before != ' ' && inside && self.column() > BEST_WIDTH {
                self.text.push('\n');
                self.indent(indent + 2);
                if chars.peek().is_some_and(|(_, n)| *n == ' ') {
                    self.text.push('\\');
                }
            } else {
                self.text.push_str(&escaped(c));
            }
            before = c;
        }
        self.text.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            self.text.push('2');
        }
        if !text.ends_with('\n') {
            self.text.push('-');
        } else if text.ends_with("\n\n") || text == "\n" {
            self.text.push('+');
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.text.push('\n');
            if !line.is_empty() {
                self.indent(indent);
                self.text.push_str(line);
            }
        }
    }
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '\0' => "\\0".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        c if is_printable(c) => c.to_string(),
        c if u32::from(c) < 0x100 => format!("\\x{:02X}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => format!("\\u{:04X}", u32::from(c)),
        c => format!("\\U{:08X}", u32::from(c)),
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// In which styles a text can be written.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let special = text.chars().any(|c| !is_printable(c) && c != '\n');
        let space_break = text.contains(" \n");
        let mut shape = Self { plain: true, single: true, block: true };
        if special || space_break {
            return Self { plain: false, single: false, block: false };
        }
        if text.ends_with(' ') {
            shape.plain = false;
            shape.block = false;
        }
        if text.contains("\n ") {
            shape.plain = false;
            shape.single = false;
        }
        if text.is_empty() || text.starts_with([' ', '\n']) || text.contains('\n') {
            shape.plain = false;
        }
        shape.plain &= !has_indicator(text);
        shape
    }
}

/// Whether a character in it would mean something else in plain style.
fn has_indicator(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    let mut before: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let followed_by_space = chars.peek().is_none_or(|n| n.is_whitespace());
        let found = match before {
            None => match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                | '%' | '@' | '`' => true,
                '?' | ':' | '-' => followed_by_space,
                _ => false,
            },
            Some(before) => match c {
                ':' => followed_by_space,
                '#' => before.is_whitespace(),
                _ => false,
            },
        };
        if found {
            return true;
        }
        before = Some(c);
    }
    false
}

/// Whether a reader takes the plain text for a string.
fn is_string(text: &str) -> bool {
    const WORDS: [&str; 27] = [
        "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE",
        "on", "On", "ON", "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off",
        "OFF",
    ];
    const FLOATS: [&str; 13] = [
        ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
        "-.Inf", "-.INF", "<<",
    ];
    !(WORDS.contains(&text)
        || FLOATS.contains(&text)
        || is_number(text)
        || is_sexagesimal(text)
        || is_timestamp(text))
}

fn is_number(text: &str) -> bool {
    let plain = text.replace('_', "");
    let body = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let all =
        |digits: &str, ok: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(ok);
    for (prefix, ok) in [
        ("0x", (|b: &u8| b.is_ascii_hexdigit()) as fn(&u8) -> bool),
        ("0X", |b| b.is_ascii_hexdigit()),
        ("0b", |b| matches!(b, b'0' | b'1')),
        ("0o", |b| matches!(b, b'0'..=b'7')),
    ] {
        if body.strip_prefix(prefix).is_some_and(|digits| all(digits, ok)) {
            return true;
        }
    }
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e.strip_prefix(['+', '-']).unwrap_or(e))),
        None => (body, None),
    };
    let digits = |d: &str| d.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((int, frac)) => digits(int) && digits(frac) && !(int.is_empty() && frac.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(|e| !e.is_empty() && digits(e))
}

/// `22:22`, which YAML 1.1 reads to the base of 60.
fn is_sexagesimal(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = body.split(':');
    let first = parts.next().unwrap_or("");
    let digits = |d: &str| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let rest: Vec<&str> = parts.collect();
    let small = |d: &str| {
        let d = d.split('.').next().unwrap_or("");
        d.len() <= 2 && digits(d) && (d.len() < 2 || d.as_bytes().first() <= Some(&b'5'))
    };
    digits(first) && !rest.is_empty() && rest.iter().all(|d| small(d))
}

/// `2026-01-05` with or without a time of day.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (year, month) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let rest = parts.next().unwrap_or("");
    let digits = |d: &str| d.bytes().all(|b| b.is_ascii_digit());
    let day = rest.split(['T', 't', ' ']).next().unwrap_or("");
    let date = year.len() == 4
        && digits(year)
        && (1..=2).contains(&month.len())
        && digits(month)
        && (1..=2).contains(&day.len())
        && digits(day);
    let clock = rest.get(day.len()..).unwrap_or("");
    date && (clock.is_empty() || clock.contains(':'))
}

/// Keys in natural order: numbers by value, letters after other characters.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for (i, (x, y)) in a.iter().zip(&b).enumerate() {
        if x == y {
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x.cmp(y),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let digits = |c: &[char]| -> (u64, usize) {
            let run = c.iter().skip(i).take_while(|c| c.is_ascii_digit());
            let mut value = 0_u64;
            let mut len = 0;
            for d in run {
                value = value.saturating_mul(10).saturating_add(d.to_digit(10).unwrap_or(0).into());
                len += 1;
            }
            (value, len)
        };
        let ((an, al), (bn, bl)) = (digits(&a), digits(&b));
        return an.cmp(&bn).then(al.cmp(&bl)).then(x.cmp(y));
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn styles() {
        for (value, shown) in [
            (json!("web"), "web"),
            (json!("True"), "\"True\""),
            (json!("8913"), "\"8913\""),
            (json!(""), "\"\""),
            (json!("2026-01-05T09:00:00Z"), "\"2026-01-05T09:00:00Z\""),
            (json!("*"), "'*'"),
            (json!("a: b"), "'a: b'"),
            (json!("it's: x"), "'it''s: x'"),
            (json!("22:22"), "\"22:22\""),
            (json!("nginx:1.27"), "nginx:1.27"),
            (json!("/v1, Kind=Pod"), "/v1, Kind=Pod"),
            (json!("250m"), "250m"),
            (json!("-c"), "-c"),
            (json!("a\tb"), "\"a\\tb\""),
            (json!(true), "true"),
            (json!(420), "420"),
            (json!(null), "null"),
            (json!({}), "{}"),
        ] {
            assert_eq!(print(&value), format!("{shown}\n"));
        }
    }

    #[test]
    fn structure() {
        let value = json!({
            "b": [{"y": 1, "x": [1, 2]}, "z"], "a": {"k10": "1", "k9": {}},
            "text": "one\ntwo\n", "cut": "one\ntwo"
        });
        assert_eq!(
            print(&value),
            "a:\n  k9: {}\n  k10: \"1\"\nb:\n- x:\n  - 1\n  - 2\n  \"y\": 1\n- z\n\
             cut: |-\n  one\n  two\ntext: |\n  one\n  two\n"
        );
    }

    #[test]
    fn long_texts_break_at_the_first_space_behind_column_80() {
        let words = "the autoscaler was able to count replicas from what it was told about the use \
                     of processors, and no more";
        let shown = print(&json!({"m": {"message": words}}));
        let first = shown.lines().nth(1).unwrap();
        assert!(first.len() > 80 && !first.get(81..).unwrap().contains(' '), "{shown}");
        assert!(shown.lines().nth(2).unwrap().starts_with("    "), "{shown}");
    }
}
