//! Functions of templates: Go's own and those that docker adds.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::value::Value;

const NAMES: [&str; 28] = [
    "and",
    "or",
    "not",
    "len",
    "index",
    "slice",
    "print",
    "printf",
    "println",
    "html",
    "js",
    "urlquery",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "json",
    "join",
    "lower",
    "upper",
    "split",
    "title",
    "pad",
    "truncate",
    "exists",
    "base64decode",
];

/// Widest field of `printf` and `pad`.
const MAX_WIDTH: usize = 1_000;

pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

fn text(arguments: &[Value], at: usize) -> String {
    arguments.get(at).map(Value::print).unwrap_or_default()
}

fn int(arguments: &[Value], at: usize) -> usize {
    match arguments.get(at) {
        Some(Value::Int(n)) => usize::try_from(*n).unwrap_or(0),
        _ => 0,
    }
}

/// Call a function. Errors are what stands after `at <…>: `.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let least = match name {
        "print" | "println" | "html" | "js" | "urlquery" => 0,
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "join" | "split" | "truncate" => 2,
        "pad" => 3,
        _ => 1,
    };
    if arguments.len() < least {
        return Err(format!(
            "wrong number of args for {name}: want {}{least} got {}",
            if matches!(name, "and" | "or" | "eq" | "index" | "slice") { "at least " } else { "" },
            arguments.len()
        ));
    }
    let first = arguments.first().cloned().unwrap_or_default();
    let failed = |why: String| format!("error calling {name}: {why}");
    Ok(match name {
        "and" | "or" => arguments.last().cloned().unwrap_or_default(),
        "not" => Value::Bool(!first.is_true()),
        "len" => Value::Int(len(&first).map_err(failed)?),
        "index" => {
            let mut value = first;
            for key in arguments.iter().skip(1) {
                value = index(&value, key).map_err(failed)?;
            }
            value
        }
        "slice" => slice(&first, arguments).map_err(failed)?,
        "print" => Value::Str(print(arguments)),
        "println" => {
            let words: Vec<String> = arguments.iter().map(Value::print).collect();
            Value::Str(format!("{}\n", words.join(" ")))
        }
        "printf" => Value::Str(printf(&text(arguments, 0), arguments.get(1..).unwrap_or(&[]))),
        "eq" => {
            let mut any = false;
            for other in arguments.iter().skip(1) {
                any |= compare(&first, other).map_err(failed)? == Some(Ordering::Equal);
            }
            Value::Bool(any)
        }
        "ne" | "lt" | "le" | "gt" | "ge" => {
            let other = arguments.get(1).cloned().unwrap_or_default();
            let order = compare(&first, &other).map_err(failed)?;
            Value::Bool(match name {
                "ne" => order != Some(Ordering::Equal),
                "lt" => order == Some(Ordering::Less),
                "le" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                "gt" => order == Some(Ordering::Greater),
                _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            })
        }
        "json" => Value::Str(first.json()),
        "join" => Value::Str(join(&first, &text(arguments, 1))?),
        "exists" => {
            let mut value = first;
            for key in arguments.iter().skip(1) {
                match index(&value, key) {
                    Ok(next) if next != Value::Nil => value = next,
                    _ => return Ok(Value::Bool(false)),
                }
            }
            Value::Bool(true)
        }
        _ => return on_text(name, arguments).map_err(failed),
    })
}

fn join(list: &Value, separator: &str) -> Result<String, String> {
    match list {
        Value::List(list) => {
            let words: Vec<String> = list.iter().map(Value::print).collect();
            Ok(words.join(separator))
        }
        Value::Nil => Ok(String::new()),
        other @ (Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Str(_)
        | Value::Map(_)
        | Value::Struct(_)) => {
            Err(format!("wrong type for value; expected []string; got {}", other.kind()))
        }
    }
}

/// Functions whose subject is a text.
fn on_text(name: &str, arguments: &[Value]) -> Result<Value, String> {
    Ok(match name {
        "split" => {
            let separator = text(arguments, 1);
            let subject = text(arguments, 0);
            if separator.is_empty() {
                subject.chars().map(|c| c.to_string()).collect::<Vec<_>>().into()
            } else {
                subject.split(&*separator).map(str::to_owned).collect::<Vec<_>>().into()
            }
        }
        "lower" => Value::Str(text(arguments, 0).to_lowercase()),
        "upper" => Value::Str(text(arguments, 0).to_uppercase()),
        "title" => {
            let subject = text(arguments, 0);
            let mut chars = subject.chars();
            let head = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            Value::Str(head + chars.as_str())
        }
        "pad" => {
            let blanks = |n: usize| " ".repeat(n.min(MAX_WIDTH));
            let subject = text(arguments, 0);
            if subject.is_empty() {
                return Ok(Value::Str(subject));
            }
            let (left, right) = (blanks(int(arguments, 1)), blanks(int(arguments, 2)));
            Value::Str(format!("{left}{subject}{right}"))
        }
        "truncate" => Value::Str(text(arguments, 0).chars().take(int(arguments, 1)).collect()),
        "base64decode" => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text(arguments, 0))
                .map_err(|e| e.to_string())?;
            Value::Str(String::from_utf8_lossy(&bytes).into_owned())
        }
        "html" => {
            let text = print(arguments);
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            Value::Str(text.replace('"', "&#34;").replace('\'', "&#39;"))
        }
        _ => Value::Str(print(arguments)),
    })
}

/// `fmt.Sprint`: blanks between operands when neither is a string.
fn print(arguments: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in arguments.iter().enumerate() {
        let is_text = |v: Option<&Value>| matches!(v, Some(Value::Str(_)));
        let before = at.checked_sub(1).and_then(|b| arguments.get(b));
        if at > 0 && !is_text(Some(value)) && !is_text(before) {
            out.push(' ');
        }
        out.push_str(&value.print());
    }
    out
}

fn len(value: &Value) -> Result<i64, String> {
    let n = match value {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        other @ (Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Struct(_)) => return Err(format!("len of type {}", other.kind())),
    };
    Ok(i64::try_from(n).unwrap_or(i64::MAX))
}

fn index(value: &Value, key: &Value) -> Result<Value, String> {
    match (value, key) {
        (Value::List(list), Value::Int(n)) => usize::try_from(*n)
            .ok()
            .and_then(|n| list.get(n))
            .cloned()
            .ok_or_else(|| "reflect: slice index out of range".to_owned()),
        (Value::Str(text), Value::Int(n)) => usize::try_from(*n)
            .ok()
            .and_then(|n| text.as_bytes().get(n))
            .map(|b| Value::Int(i64::from(*b)))
            .ok_or_else(|| "reflect: string index out of range".to_owned()),
        (Value::Map(map), Value::Str(name)) => Ok(map.get(name).cloned().unwrap_or_default()),
        (Value::Nil, _) => Err("index of untyped nil".to_owned()),
        (Value::List(_), other) => {
            Err(format!("cannot index slice/array with type {}", other.kind()))
        }
        (Value::Map(_), other) => Err(format!("value has type {}; should be string", other.kind())),
        (other, _) => Err(format!("can't index item of type {}", other.kind())),
    }
}

fn slice(value: &Value, arguments: &[Value]) -> Result<Value, String> {
    let bounds = |len: usize| {
        let from = if arguments.len() > 1 { int(arguments, 1) } else { 0 };
        let to = if arguments.len() > 2 { int(arguments, 2) } else { len };
        if to > len || from > to {
            let bad = if from > len { from } else { to };
            return Err(format!("index out of range: {bad}"));
        }
        Ok(from..to)
    };
    match value {
        Value::Str(text) => {
            let range = bounds(text.len())?;
            Ok(Value::Str(text.get(range).unwrap_or("").to_owned()))
        }
        Value::List(list) => Ok(Value::List(list.get(bounds(list.len())?).unwrap_or(&[]).to_vec())),
        other @ (Value::Nil
        | Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Map(_)
        | Value::Struct(_)) => Err(format!("can't slice item of type {}", other.kind())),
    }
}

/// Order of two values; `None` where they cannot be ordered but are not equal.
fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Str(a), Value::Str(b)) => Ok(Some(a.cmp(b))),
        (Value::Bool(a), Value::Bool(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok((a == b).then_some(Ordering::Equal)),
        (Value::Nil, Value::Nil) => Ok(Some(Ordering::Equal)),
        (Value::Nil, _) | (_, Value::Nil) => Ok(None),
        (Value::List(_) | Value::Map(_) | Value::Struct(_), _) => {
            Err("non-comparable type".to_owned())
        }
        _ => Err("incompatible types for comparison".to_owned()),
    }
}

/// `fmt.Sprintf` with the verbs that templates use.
fn printf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut left, mut zero, mut plus) = (false, false, false);
        while let Some(flag) = chars.peek().copied() {
            match flag {
                '-' => left = true,
                '0' => zero = true,
                '+' => plus = true,
                '#' | ' ' => {}
                _ => break,
            }
            chars.next();
        }
        let digits = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut n: Option<usize> = None;
            while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                let d = usize::try_from(d).unwrap_or(0);
                n = Some((n.unwrap_or(0) * 10 + d).min(MAX_WIDTH));
                chars.next();
            }
            n
        };
        let width = digits(&mut chars).unwrap_or(0);
        let mut precision = None;
        if chars.peek() == Some(&'.') {
            chars.next();
            precision = Some(digits(&mut chars).unwrap_or(0));
        }
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = arguments.next() else {
            let _ = write!(out, "%!{verb}(MISSING)");
            continue;
        };
        let mut word = verb_text(verb, value, plus);
        if let (Some(precision), 's' | 'v') = (precision, verb) {
            word = word.chars().take(precision).collect();
        }
        let missing = width.saturating_sub(word.chars().count());
        if left {
            out.push_str(&word);
            out.extend(std::iter::repeat_n(' ', missing));
        } else {
            out.extend(std::iter::repeat_n(if zero { '0' } else { ' ' }, missing));
            out.push_str(&word);
        }
    }
    let rest: Vec<String> = arguments.map(|v| format!("{}={}", v.kind(), v.print())).collect();
    if !rest.is_empty() {
        let _ = write!(out, "%!(EXTRA {})", rest.join(", "));
    }
    out
}

fn verb_text(verb: char, value: &Value, plus: bool) -> String {
    match (verb, value) {
        ('v' | 's', value) if verb == 'v' || !matches!(value, Value::Int(_) | Value::Bool(_)) => {
            value.print()
        }
        ('d', Value::Int(n)) if plus && *n >= 0 => format!("+{n}"),
        ('d', Value::Int(n)) => n.to_string(),
        ('t', Value::Bool(b)) => b.to_string(),
        ('q', Value::Str(text)) => format!("{text:?}"),
        ('x', Value::Int(n)) => format!("{n:x}"),
        ('x', Value::Str(text)) => text.bytes().map(|b| format!("{b:02x}")).collect(),
        ('f', Value::Float(text)) => text.clone(),
        ('T', value) => value.kind().to_owned(),
        (verb, value) => format!("%!{verb}({}={})", value.kind(), value.print()),
    }
}
