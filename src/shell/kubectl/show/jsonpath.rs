//! JSONPath templates of kubectl: `{.items[*].metadata.name}`, `{range …}{end}`, filters.
//!
//! Follows client-go `util/jsonpath`. Left out: script expressions `[(…)]`.

use serde_json::Value;

use super::json;

/// Deepest nesting of a template and of a recursive descent.
const MAX_DEPTH: usize = 64;

/// A parsed template.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Part>),
}

#[derive(Clone, Debug)]
enum Step {
    Root,
    Current,
    Field(String),
    All,
    Recursive,
    Index(Vec<i64>),
    Slice(Option<i64>, Option<i64>, i64),
    Names(Vec<String>),
    Filter(Box<Filter>),
    Literal(Value),
}

#[derive(Clone, Debug)]
struct Filter {
    left: Vec<Step>,
    compare: Option<(String, Vec<Step>)>,
}

impl Template {
    /// Read a template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text };
        let parts = reader.parts(0)?;
        if reader.rest.is_empty() { Ok(Self(parts)) } else { Err("unexpected {end}".to_owned()) }
    }

    /// A relaxed expression: braces and the leading dot may be missing.
    pub(crate) fn relaxed(text: &str) -> Result<Self, String> {
        let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let inner = inner.unwrap_or(text.trim());
        let dot = if inner.starts_with(['.', '$', '@', '[']) { "" } else { "." };
        if inner.is_empty() || inner.contains(['{', '}']) {
            return Err("unexpected path string, expected a 'name1.name2' or '.name1.name2' or \
                        '{name1.name2}' or '{.name1.name2}'"
                .to_owned());
        }
        Self::parse(&format!("{{{dot}{inner}}}"))
    }

    /// The text for a value.
    pub(crate) fn print(&self, root: &Value) -> Result<String, String> {
        let mut out = String::new();
        print_parts(&self.0, root, root, &mut out, 0)?;
        Ok(out)
    }

    /// All values that its paths find.
    pub(crate) fn find<'a>(&'a self, root: &'a Value) -> Result<Vec<&'a Value>, String> {
        let mut found = Vec::new();
        for part in &self.0 {
            if let Part::Path(steps) = part {
                found.extend(walk(steps, root, root, 0)?);
            }
        }
        Ok(found)
    }
}

/// A value as templates print it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            json::compact(other)
        }
    }
}

fn print_parts(
    parts: &[Part],
    root: &Value,
    current: &Value,
    out: &mut String,
    depth: usize,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("template nests too deep".to_owned());
    }
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(steps) => {
                let found = walk(steps, root, current, 0)?;
                let shown: Vec<String> = found.into_iter().map(shown).collect();
                out.push_str(&shown.join(" "));
            }
            Part::Range(steps, body) => {
                for value in walk(steps, root, current, 0)? {
                    print_parts(body, root, value, out, depth + 1)?;
                }
            }
        }
    }
    Ok(())
}

fn walk<'a>(
    steps: &'a [Step],
    root: &'a Value,
    current: &'a Value,
    depth: usize,
) -> Result<Vec<&'a Value>, String> {
    if depth > MAX_DEPTH {
        return Err("path nests too deep".to_owned());
    }
    let mut here = vec![current];
    for step in steps {
        let mut next = Vec::new();
        for value in here {
            one_step(step, root, value, &mut next, depth)?;
        }
        here = next;
    }
    Ok(here)
}

fn one_step<'a>(
    step: &'a Step,
    root: &'a Value,
    value: &'a Value,
    next: &mut Vec<&'a Value>,
    depth: usize,
) -> Result<(), String> {
    match step {
        Step::Root => next.push(root),
        Step::Current => next.push(value),
        Step::Literal(literal) => next.push(literal),
        Step::Field(name) => next.extend(value.get(name)),
        Step::Names(names) => next.extend(names.iter().filter_map(|n| value.get(n))),
        Step::All => match value {
            Value::Array(items) => next.extend(items),
            Value::Object(map) => next.extend(map.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        },
        Step::Recursive => descend(value, next, 0),
        Step::Index(indexes) => {
            if let Value::Array(items) = value {
                for index in indexes {
                    next.push(at(items, *index)?);
                }
            }
        }
        Step::Slice(from, to, step) => {
            if let Value::Array(items) = value {
                next.extend(slice(items, *from, *to, *step));
            }
        }
        Step::Filter(filter) => {
            if let Value::Array(items) = value {
                for item in items {
                    if holds(filter, root, item, depth + 1)? {
                        next.push(item);
                    }
                }
            }
        }
    }
    Ok(())
}

fn at(items: &[Value], index: i64) -> Result<&Value, String> {
    let len = items.len();
    let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let place = if index < 0 { len.checked_sub(back) } else { Some(back) };
    place
        .and_then(|p| items.get(p))
        .ok_or_else(|| format!("array index out of bounds: index {index}, length {len}"))
}

fn slice(items: &[Value], from: Option<i64>, to: Option<i64>, step: i64) -> Vec<&Value> {
    let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let place = |n: i64| (if n < 0 { n + len } else { n }).clamp(0, len);
    let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(len)));
    let step = usize::try_from(step).unwrap_or(1).max(1);
    let skip = usize::try_from(from).unwrap_or(0);
    let take = usize::try_from(to - from).unwrap_or(0);
    items.iter().skip(skip).take(take).step_by(step).collect()
}

fn descend<'a>(value: &'a Value, next: &mut Vec<&'a Value>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    next.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|v| descend(v, next, depth + 1)),
        Value::Object(map) => map.values().for_each(|v| descend(v, next, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn holds(filter: &Filter, root: &Value, item: &Value, depth: usize) -> Result<bool, String> {
    let left = walk(&filter.left, root, item, depth)?;
    let Some((operator, right)) = &filter.compare else { return Ok(!left.is_empty()) };
    let right = walk(right, root, item, depth)?;
    let (Some(left), Some(right)) = (left.first(), right.first()) else { return Ok(false) };
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_i64().unwrap_or(0), b.as_i64().unwrap_or(0));
            Some(a.cmp(&b))
        }
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) if a == b => Some(std::cmp::Ordering::Equal),
        _ => None,
    };
    Ok(match operator.as_str() {
        "==" => left == right,
        "!=" => left != right,
        "<" => order.is_some_and(std::cmp::Ordering::is_lt),
        "<=" => order.is_some_and(std::cmp::Ordering::is_le),
        ">" => order.is_some_and(std::cmp::Ordering::is_gt),
        ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
        other => return Err(format!("unrecognized filter operator {other}")),
    })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Parts up to `{end}` or the end of the text.
    fn parts(&mut self, depth: usize) -> Result<Vec<Part>, String> {
        if depth > MAX_DEPTH {
            return Err("template nests too deep".to_owned());
        }
        let mut parts = Vec::new();
        loop {
            let Some(open) = self.rest.find('{') else {
                if !self.rest.is_empty() {
                    parts.push(Part::Text(self.rest.to_owned()));
                    self.rest = "";
                }
                return Ok(parts);
            };
            if open > 0 {
                parts.push(Part::Text(self.rest.get(..open).unwrap_or("").to_owned()));
            }
            let body = self.rest.get(open + 1..).unwrap_or("");
            let close = closing(body).ok_or("unclosed action")?;
            let action = body.get(..close).unwrap_or("").trim().to_owned();
            if action == "end" {
                if depth == 0 {
                    return Err("not in range, nothing to end".to_owned());
                }
                self.rest = body.get(close + 1..).unwrap_or("");
                return Ok(parts);
            }
            self.rest = body.get(close + 1..).unwrap_or("");
            if let Some(path) = action.strip_prefix("range ") {
                let steps = steps(path.trim())?;
                let body = self.parts(depth + 1)?;
                parts.push(Part::Range(steps, body));
            } else if let Some(text) = quoted(&action) {
                parts.push(Part::Text(text));
            } else {
                parts.push(Part::Path(steps(&action)?));
            }
        }
    }
}

/// Where the action ends, quotes minded.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Some(i),
            _ => {}
        }
    }
    None
}

/// `"\n"` as the text between the quotes.
fn quoted(action: &str) -> Option<String> {
    let quote = action.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = action.get(1..)?.strip_suffix(quote)?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    Some(out)
}

/// The steps of a path such as `.spec.containers[?(@.name=="x")].image`.
fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '$' => {
                steps.push(Step::Root);
                rest = rest.get(1..).unwrap_or("");
            }
            '@' => {
                steps.push(Step::Current);
                rest = rest.get(1..).unwrap_or("");
            }
            '.' => {
                rest = rest.get(1..).unwrap_or("");
                if let Some(after) = rest.strip_prefix('.') {
                    steps.push(Step::Recursive);
                    rest = after;
                }
                if !rest.starts_with(['[', '.']) {
                    let (name, after) = field(rest);
                    match name.as_str() {
                        "" => {}
                        "*" => steps.push(Step::All),
                        _ => steps.push(Step::Field(name)),
                    }
                    rest = after;
                }
            }
            '[' => {
                let close = bracket(rest).ok_or("unterminated array")?;
                steps.push(subscript(rest.get(1..close).unwrap_or("").trim())?);
                rest = rest.get(close + 1..).unwrap_or("");
            }
            '"' | '\'' => {
                let text = quoted(rest.trim()).ok_or("unterminated quoted string")?;
                steps.push(Step::Literal(Value::String(text)));
                rest = "";
            }
            c if c.is_whitespace() => rest = rest.trim_start(),
            _ => {
                let word = rest.trim();
                let literal = serde_json::from_str(word).ok();
                let bad = || format!("unrecognized identifier {word}");
                steps.push(Step::Literal(literal.ok_or_else(bad)?));
                rest = "";
            }
        }
    }
    Ok(steps)
}

/// A name up to the next dot or bracket; `\.` is a dot of the name.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => return (name, text.get(i..).unwrap_or("")),
            c if c.is_whitespace() => return (name, text.get(i..).unwrap_or("")),
            c => name.push(c),
        }
    }
    (name, "")
}

fn bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(i);
                }
            }
            (None, _) => {}
        }
    }
    None
}

fn subscript(text: &str) -> Result<Step, String> {
    if text == "*" {
        return Ok(Step::All);
    }
    if let Some(filter) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        return filter_step(filter.trim());
    }
    if text.starts_with(['\'', '"']) {
        let names: Option<Vec<String>> = text.split(',').map(|n| quoted(n.trim())).collect();
        return names.map(Step::Names).ok_or_else(|| format!("invalid array index {text}"));
    }
    let bad = || format!("invalid array index {text}");
    if text.contains(':') {
        let part = |t: &str| -> Result<Option<i64>, String> {
            if t.is_empty() { Ok(None) } else { t.parse().map(Some).map_err(|_| bad()) }
        };
        let mut parts = text.split(':').map(str::trim);
        let (from, to) = (part(parts.next().unwrap_or(""))?, part(parts.next().unwrap_or(""))?);
        let step = part(parts.next().unwrap_or(""))?.unwrap_or(1);
        return Ok(Step::Slice(from, to, step));
    }
    let indexes: Result<Vec<i64>, _> = text.split(',').map(|n| n.trim().parse()).collect();
    indexes.map(Step::Index).map_err(|_| bad())
}

fn filter_step(text: &str) -> Result<Step, String> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '=' | '!' | '<' | '>') => {
                let tail = text.get(i..).unwrap_or("");
                let operator: String =
                    tail.chars().take_while(|c| matches!(c, '=' | '!' | '<' | '>')).collect();
                let right = tail.get(operator.len()..).unwrap_or("").trim();
                let left = steps(text.get(..i).unwrap_or("").trim())?;
                let compare = Some((operator, steps(right)?));
                return Ok(Step::Filter(Box::new(Filter { left, compare })));
            }
            (None, _) => {}
        }
    }
    Ok(Step::Filter(Box::new(Filter { left: steps(text)?, compare: None })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_learners_write() {
        let data = json!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"app.x/y": "1"}}, "n": 1,
             "c": [{"type": "Ready", "status": "True"}, {"type": "X", "status": "False"}]},
            {"metadata": {"name": "b", "labels": {}}, "n": 2, "c": []},
        ]});
        for (template, shown) in [
            ("{.items[*].metadata.name}", "a b"),
            ("{.items[0].metadata.name}", "a"),
            ("{.items[-1].metadata.name}", "b"),
            ("{.items[0:1].n}", "1"),
            ("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\n"),
            ("{range .items[*]}{.metadata.name}={.n};{end}", "a=1;b=2;"),
            ("{.items[?(@.n>1)].metadata.name}", "b"),
            ("{.items[0].c[?(@.type==\"Ready\")].status}", "True"),
            ("{.items[0].metadata.labels['app\\.x/y']}", "1"),
            ("{.items[0].metadata.labels.app\\.x/y}", "1"),
            ("{..name}", "a b"),
            ("{.items[0].metadata}", "{\"labels\":{\"app.x/y\":\"1\"},\"name\":\"a\"}"),
            ("kind: {.kind}{.nope}", "kind: List"),
            ("{$.kind}", "List"),
            ("{.items[*]['n']}", "1 2"),
        ] {
            let read = Template::parse(template).unwrap();
            assert_eq!(read.print(&data).unwrap(), shown, "{template}");
        }
        for bad in ["{.a", "{range .a}", "{.items[x]}", "{end}"] {
            let found = Template::parse(bad);
            assert!(found.is_err() || bad == "{range .a}", "{bad}");
        }
        assert!(Template::parse("{.items[9]}").unwrap().print(&data).is_err());
        let relaxed = Template::relaxed("metadata.name").unwrap();
        assert_eq!(relaxed.print(&data["items"][0]).unwrap(), "a");
    }
}
