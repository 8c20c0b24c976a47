//! Judging a file against a table of keys and types, and wording the verdict.
//!
//! Models the JSON schema validators of Compose (`compose-go schema/schema.go` with its validator)
//! and of `docker stack` (`docker/cli cli/compose/schema`), so far as those schemas use them. Both
//! report one complaint, the deepest; ties go to the first key in alphabetical order where the
//! real tools follow the random order of a Go map.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

/// JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A list.
    List,
    /// A truth value.
    Bool,
    /// A whole number.
    Integer,
    /// A mapping.
    Map,
    /// Nothing.
    Null,
    /// A number.
    Number,
    /// Text.
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::List => "array",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Map => "object",
            Self::Null => "null",
            Self::Number => "number",
            Self::Text => "string",
        }
    }

    fn holds(self, value: &Value) -> bool {
        match value {
            Value::Null => self == Self::Null,
            Value::Bool(_) => self == Self::Bool,
            Value::String(_) => self == Self::Text,
            Value::Array(_) => self == Self::List,
            Value::Object(_) => self == Self::Map,
            Value::Number(n) => {
                self == Self::Number
                    || self == Self::Integer
                        && n.as_f64().is_some_and(|f| f.fract().total_cmp(&0.0).is_eq())
            }
        }
    }
}

/// Named shapes of the keys of a mapping.
pub(super) type Rows = &'static [(&'static str, &'static Shape)];

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// One of these types.
    Type(&'static [Kind]),
    /// One of these texts.
    Enum(&'static [&'static str]),
    /// A text that contains a match of a regular expression.
    Pattern(&'static str),
    /// A text or number in a format of the stack files.
    Format(&'static str, &'static [Kind]),
    /// A number between bounds.
    Range(&'static [Kind], Option<i64>, Option<i64>),
    /// A list of items, possibly unique.
    Seq(&'static Shape, bool),
    /// A mapping with these keys and `x-…`.
    Map(Rows),
    /// A mapping with these keys only.
    Exact(Rows),
    /// A mapping with more to say.
    Object(&'static Object),
    /// Exactly one of these.
    OneOf(&'static [&'static Shape]),
}

/// What keys beyond the named ones may hold.
#[derive(Debug)]
pub(super) enum Other {
    /// Anything.
    Any,
    /// There may be none.
    No,
}

/// A mapping.
#[derive(Debug)]
pub(super) struct Object {
    /// Types allowed, of which a mapping is one.
    pub(super) types: &'static [Kind],
    /// Named keys.
    pub(super) fields: Rows,
    /// Keys by regular expression.
    pub(super) keys: Rows,
    /// All other keys.
    pub(super) other: Other,
    /// Keys that must be there.
    pub(super) required: &'static [&'static str],
}

const EXTENSIONS: Rows = &[("^x-", &Shape::Any)];

/// A complaint: where and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Keys and indexes from the root.
    pub(super) path: Vec<String>,
    /// What is wrong.
    pub(super) what: What,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// None of these types.
    Type(Vec<Kind>),
    /// None of these texts.
    Enum(&'static [&'static str]),
    /// No match of the pattern.
    Pattern(String, &'static str),
    /// Not in the format.
    Format(String, &'static str),
    /// Below the minimum.
    Minimum(i64),
    /// Above the maximum.
    Maximum(i64),
    /// Two items are equal.
    Equal(usize, usize),
    /// Keys are missing.
    Missing(Vec<&'static str>),
    /// Keys are unknown.
    Additional(Vec<String>),
    /// None of several shapes fits (only noted for stack files).
    NoneOf,
    /// More than one shape fits.
    ManyOf(usize, usize),
}

/// Whose rules and words apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `docker compose`.
    Compose,
    /// `docker stack`.
    Stack,
}

/// All complaints about a value, in the order of the validator.
pub(super) fn faults(shape: &'static Shape, value: &Value, style: Style) -> Vec<Fault> {
    let mut judge = Judge { style, path: Vec::new(), faults: Vec::new() };
    judge.judge(shape, value);
    judge.faults
}

/// The complaint that the tool reports.
pub(super) fn worst(faults: &[Fault], style: Style) -> Option<&Fault> {
    let depth = |f: &Fault| match (style, &f.what) {
        (Style::Compose, What::Additional(_)) => f.path.len() + 1,
        _ => f.path.len(),
    };
    let mut best = faults.first()?;
    for fault in faults {
        let tie = style == Style::Stack
            && depth(fault) == depth(best)
            && matches!(fault.what, What::Type(_))
            && !matches!(best.what, What::Type(_));
        if depth(fault) > depth(best) || tie {
            best = fault;
        }
    }
    Some(best)
}

struct Judge {
    style: Style,
    path: Vec<String>,
    faults: Vec<Fault>,
}

impl Judge {
    fn fault(&mut self, what: What) {
        self.faults.push(Fault { path: self.path.clone(), what });
    }

    fn kind(&mut self, kinds: &[Kind], value: &Value) -> bool {
        let holds = kinds.iter().any(|k| k.holds(value));
        if !holds {
            self.fault(What::Type(kinds.to_vec()));
        }
        holds
    }

    fn judge(&mut self, shape: &'static Shape, value: &Value) {
        match shape {
            Shape::Any => {}
            Shape::Type(kinds) => {
                self.kind(kinds, value);
            }
            Shape::Enum(texts) => self.one_text(texts, value),
            Shape::Pattern(pattern) => self.pattern(pattern, value),
            Shape::Format(format, kinds) => self.format(format, kinds, value),
            Shape::Range(kinds, min, max) => self.range(kinds, *min, *max, value),
            Shape::Seq(item, unique) => self.list(item, *unique, value),
            Shape::Map(fields) => {
                let object = (&[Kind::Map][..], *fields, EXTENSIONS, &Other::No, &[][..]);
                self.object(object, value);
            }
            Shape::Exact(fields) => {
                self.object((&[Kind::Map], fields, &[], &Other::No, &[]), value);
            }
            Shape::Object(o) => {
                self.object((o.types, o.fields, o.keys, &o.other, o.required), value);
            }
            Shape::OneOf(shapes) => self.one_of(shapes, value),
        }
    }

    fn one_text(&mut self, texts: &'static [&'static str], value: &Value) {
        match value {
            Value::String(text) if texts.contains(&text.as_str()) => {}
            Value::String(_) => self.fault(What::Enum(texts)),
            _ => {
                self.kind(&[Kind::Text], value);
            }
        }
    }

    fn pattern(&mut self, pattern: &'static str, value: &Value) {
        if !self.kind(&[Kind::Text], value) {
            return;
        }
        let text = value.as_str().unwrap_or_default();
        if !matches(pattern, text) {
            self.fault(What::Pattern(text.to_owned(), pattern));
        }
    }

    fn format(&mut self, format: &'static str, kinds: &'static [Kind], value: &Value) {
        if !self.kind(kinds, value) {
            return;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let good = match format {
            "duration" => super::values::duration(&text).is_ok(),
            "ports" => super::ports::parse(&text).is_ok(),
            "expose" => super::ports::exposed(&text),
            _ => true,
        };
        if !good {
            self.fault(What::Format(text, format));
        }
    }

    fn range(&mut self, kinds: &[Kind], min: Option<i64>, max: Option<i64>, value: &Value) {
        if !self.kind(kinds, value) {
            return;
        }
        let number = value.as_i64().unwrap_or_default();
        if let Some(min) = min.filter(|m| number < *m) {
            self.fault(What::Minimum(min));
        }
        if let Some(max) = max.filter(|m| number > *m) {
            self.fault(What::Maximum(max));
        }
    }

    fn list(&mut self, item: &'static Shape, unique: bool, value: &Value) {
        if !self.kind(&[Kind::List], value) {
            return;
        }
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if unique {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for (j, item) in items.iter().enumerate() {
                if let Some(i) = seen.insert(item.to_string(), j) {
                    self.fault(What::Equal(i, j));
                    break;
                }
            }
        }
        for (index, value) in items.iter().enumerate() {
            self.path.push(index.to_string());
            self.judge(item, value);
            self.path.pop();
        }
    }

    fn object(
        &mut self,
        (types, fields, keys, other, required): (
            &'static [Kind],
            Rows,
            Rows,
            &'static Other,
            &'static [&'static str],
        ),
        value: &Value,
    ) {
        if !self.kind(types, value) {
            return;
        }
        let Some(map) = value.as_object() else { return };
        let missing: Vec<&'static str> =
            required.iter().copied().filter(|k| !map.contains_key(*k)).collect();
        if !missing.is_empty() {
            self.fault(What::Missing(missing));
        }
        let mut unknown = Vec::new();
        for (key, value) in map {
            let field = fields.iter().find(|(name, _)| name == key);
            let by_pattern = keys.iter().filter(|(pattern, _)| matches(pattern, key));
            let mut known = false;
            for (_, shape) in field.into_iter().chain(by_pattern) {
                known = true;
                self.path.push(key.clone());
                self.judge(shape, value);
                self.path.pop();
            }
            if !known && matches!(other, Other::No) {
                unknown.push(key.clone());
            }
        }
        self.unknown(unknown);
    }

    fn unknown(&mut self, unknown: Vec<String>) {
        if unknown.is_empty() {
            return;
        }
        match self.style {
            Style::Compose => self.fault(What::Additional(unknown)),
            Style::Stack => {
                for key in unknown {
                    self.fault(What::Additional(vec![key]));
                }
            }
        }
    }

    fn one_of(&mut self, shapes: &'static [&'static Shape], value: &Value) {
        let mut fits = Vec::new();
        let mut tried = Vec::new();
        for (index, shape) in shapes.iter().enumerate() {
            let before = self.faults.len();
            self.judge(shape, value);
            let faults = self.faults.split_off(before);
            if faults.is_empty() {
                fits.push(index);
            }
            tried.push(faults);
        }
        match (fits.as_slice(), self.style) {
            ([], Style::Compose) => self.faults.extend(tried.into_iter().flatten()),
            ([], Style::Stack) => {
                self.fault(What::NoneOf);
                let here = self.path.len();
                let depth = |faults: &Vec<Fault>| {
                    let typed = |f: &Fault| f.path.len() == here && matches!(f.what, What::Type(_));
                    let deepest = faults.iter().map(|f| f.path.len()).max();
                    (!faults.iter().any(typed), deepest)
                };
                let best = tried.into_iter().rev().max_by_key(depth);
                self.faults.extend(best.unwrap_or_default());
            }
            ([_], _) => {}
            ([i, j, ..], _) => self.fault(What::ManyOf(*i, *j)),
        }
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^x-" => text.starts_with("x-"),
        ".+" | "^.+$" => !text.is_empty(),
        "^[a-zA-Z0-9._-]+$" => {
            let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            !text.is_empty() && text.chars().all(name)
        }
        _ => Regex::new(pattern).is_ok_and(|r| r.is_match(text)),
    }
}

impl Fault {
    /// The complaint as Compose words it.
    pub(super) fn compose(&self) -> String {
        let path = self.path.join(".");
        let what = match &self.what {
            What::Type(kinds) => format!("must be a {}", human(kinds, "array")),
            What::Minimum(n) => format!("must be greater than or equal to {n}"),
            What::Maximum(n) => format!("must be less than or equal to {n}"),
            What::Enum(texts) => match texts {
                [one] => format!("value must be '{one}'"),
                _ => format!("value must be one of {}", quoted(texts)),
            },
            What::Pattern(text, pattern) => {
                format!("'{text}' does not match pattern '{pattern}'")
            }
            What::Format(text, format) => format!("'{text}' is not valid {format}"),
            What::Equal(i, j) => format!("items at {i} and {j} are equal"),
            What::Missing(keys) => match keys.as_slice() {
                [one] => format!("missing property '{one}'"),
                _ => format!("missing properties {}", quoted(keys)),
            },
            What::Additional(keys) => format!("additional properties {} not allowed", quoted(keys)),
            What::NoneOf => "oneOf failed, none matched".to_owned(),
            What::ManyOf(i, j) => format!("oneOf failed, subschemas {i}, {j} matched"),
        };
        format!("{path} {what}")
    }

    /// The complaint as `docker stack` words it; `next` is the complaint that follows it.
    pub(super) fn stack(&self, next: Option<&Fault>) -> String {
        let path = match self.path.as_slice() {
            [] => "(root)".to_owned(),
            steps => steps.join("."),
        };
        let what = match &self.what {
            What::Type(kinds) => format!("must be a {}", human(kinds, "list")),
            What::Minimum(n) => format!("Must be greater than or equal to {n}"),
            What::Maximum(n) => format!("Must be less than or equal to {n}"),
            What::Enum(texts) => {
                let texts: Vec<String> = texts.iter().map(|t| format!("\"{t}\"")).collect();
                format!("{path} must be one of the following: {}", texts.join(", "))
            }
            What::Pattern(_, pattern) => format!("Does not match pattern '{pattern}'"),
            What::Format(_, format) => format!("Does not match format '{format}'"),
            What::Equal(..) => "array items must be unique".to_owned(),
            What::Missing(keys) => {
                format!("{} is required", keys.first().copied().unwrap_or_default())
            }
            What::Additional(keys) => {
                format!("Additional property {} is not allowed", keys.join(", "))
            }
            What::NoneOf | What::ManyOf(..) => match next {
                Some(next) => next.stack_description(),
                None => "Must validate one and only one schema (oneOf)".to_owned(),
            },
        };
        format!("{path} {what}")
    }

    fn stack_description(&self) -> String {
        match &self.what {
            What::Type(kinds) => {
                let names: Vec<&str> = kinds.iter().map(|k| k.name()).collect();
                format!("Invalid type. Expected: {}", names.join(","))
            }
            _ => {
                let text = self.stack(None);
                text.split_once(' ').map_or(text.clone(), |(_, what)| what.to_owned())
            }
        }
    }
}

fn quoted(texts: &[impl AsRef<str>]) -> String {
    let texts: Vec<String> = texts.iter().map(|t| format!("'{}'", t.as_ref())).collect();
    texts.join(", ")
}

/// Types in words; Compose says `array` where `docker stack` says `list`.
fn human(kinds: &[Kind], list: &'static str) -> String {
    let mut names: Vec<&str> = kinds
        .iter()
        .map(|k| match k {
            Kind::Map => "mapping",
            Kind::List => list,
            Kind::Bool | Kind::Integer | Kind::Null | Kind::Number | Kind::Text => k.name(),
        })
        .collect();
    names.sort_unstable();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// An empty mapping, for callers that must have one.
pub(super) fn empty() -> Value {
    Value::Object(Map::new())
}
