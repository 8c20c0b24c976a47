//! Paths of fields and complaints about them, worded as apimachinery words them.
//!
//! Follows apimachinery `pkg/util/validation/field/errors.go`.

use std::fmt::{Display, Formatter, Result as FmtResult};

use serde_json::Value;

use crate::kube::api::request::Cause;

/// The way to a field; formatted only when there is something to complain about.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> At<'a> {
    /// A field of the object itself.
    #[must_use]
    pub const fn root(name: &'a str) -> Self {
        Self { parent: None, step: Step::Field(name) }
    }

    /// A field of this one; dots in it are further fields.
    #[must_use]
    pub const fn child(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    /// An element of this list.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// A value of this map.
    #[must_use]
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }
}

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        if let Some(parent) = self.parent {
            Display::fmt(parent, f)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

/// Complaints in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    /// The complaints.
    pub list: Vec<Cause>,
}

/// A value as an error message shows it.
#[derive(Clone, Debug)]
pub struct Shown(String);

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self(go_quote(text))
    }
}

impl From<&String> for Shown {
    fn from(text: &String) -> Self {
        Self(go_quote(text))
    }
}

impl From<i32> for Shown {
    fn from(n: i32) -> Self {
        Self(n.to_string())
    }
}

impl From<i64> for Shown {
    fn from(n: i64) -> Self {
        Self(n.to_string())
    }
}

impl From<bool> for Shown {
    fn from(b: bool) -> Self {
        Self(b.to_string())
    }
}

impl From<&Value> for Shown {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self(go_quote(text)),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => Self(other.to_string()),
        }
    }
}

impl Shown {
    /// Text to be shown as it is.
    #[must_use]
    pub fn raw(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A value as JSON; `null` if it cannot be written.
    #[must_use]
    pub fn json(value: &impl serde::Serialize) -> Self {
        Self(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }
}

/// A text in double quotes as Go's `%q`.
#[must_use]
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Errors {
    fn push(&mut self, at: &At<'_>, reason: &'static str, message: String) {
        self.list.push(Cause { field: at.to_string(), message, reason });
    }

    /// `Required value` with a detail, which may be empty.
    pub fn required(&mut self, at: &At<'_>, detail: &str) {
        let text = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        self.push(at, "FieldValueRequired", format!("Required value{text}"));
    }

    /// `Invalid value: …: detail`.
    pub fn invalid(&mut self, at: &At<'_>, value: impl Into<Shown>, detail: &str) {
        let text = format!("Invalid value: {}: {detail}", value.into().0);
        self.push(at, "FieldValueInvalid", text);
    }

    /// `Unsupported value: "x": supported values: …`.
    pub fn unsupported(&mut self, at: &At<'_>, value: impl Into<Shown>, allowed: &[&str]) {
        let list: Vec<String> = allowed.iter().map(|a| go_quote(a)).collect();
        let text =
            format!("Unsupported value: {}: supported values: {}", value.into().0, list.join(", "));
        self.push(at, "FieldValueNotSupported", text);
    }

    /// `Forbidden: detail`.
    pub fn forbidden(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, "FieldValueForbidden", format!("Forbidden: {detail}"));
    }

    /// `Duplicate value: "x"`.
    pub fn duplicate(&mut self, at: &At<'_>, value: impl Into<Shown>) {
        self.push(at, "FieldValueDuplicate", format!("Duplicate value: {}", value.into().0));
    }

    /// `Not found: "x"`.
    pub fn not_found(&mut self, at: &At<'_>, value: impl Into<Shown>) {
        self.push(at, "FieldValueNotFound", format!("Not found: {}", value.into().0));
    }

    /// `Too long: may not be more than n bytes`.
    pub fn too_long(&mut self, at: &At<'_>, most: usize) {
        self.push(at, "FieldValueTooLong", format!("Too long: may not be more than {most} bytes"));
    }

    /// A value that must be one of a list.
    pub fn one_of(&mut self, at: &At<'_>, value: &str, allowed: &[&str]) {
        if !allowed.contains(&value) {
            self.unsupported(at, value, allowed);
        }
    }

    /// A number that may not be negative.
    pub fn non_negative(&mut self, at: &At<'_>, value: i64) {
        if value < 0 {
            self.invalid(at, value, "must be greater than or equal to 0");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording() {
        let mut errors = Errors::default();
        let spec = At::root("spec");
        let ports = spec.child("ports");
        errors.invalid(&ports.index(0).child("port"), 0, "must be between 1 and 65535, inclusive");
        errors.unsupported(&spec.child("type"), "x\"", &["A", "B"]);
        errors.required(&At::root("data").key("a b"), "");
        let texts: Vec<String> =
            errors.list.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(
            texts,
            [
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.type: Unsupported value: \"x\\\"\": supported values: \"A\", \"B\"",
                "data[a b]: Required value",
            ]
        );
    }
}
