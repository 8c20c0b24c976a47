//! Variables in texts: `$V`, `${V:-d}`, `${V:?e}`, `${V:+r}` and their kin.
//!
//! Models `compose-go template/template.go`, oddities included: a brace opens a name only if a
//! name follows, and `$1` or `$(x)` stay as they are.

/// Deepest nesting of defaults in defaults.
const MAX_DEPTH: usize = 32;

/// Why a text could not be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// The text is malformed.
    Invalid(String),
    /// A variable that must be set is not.
    Required(String, String),
}

/// Fills in the variables of a text; `unset` hears of variables that are not set.
///
/// # Errors
/// Where a variable must be set and is not, or the text is malformed.
pub fn substitute(
    template: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
) -> Result<String, TemplateError> {
    fill(template, lookup, unset, 0)
}

fn fill(
    template: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
    depth: usize,
) -> Result<String, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::Invalid(template.to_owned()));
    }
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let tail = after.get(1..).unwrap_or_default();
        if let Some(next) = tail.strip_prefix('$') {
            out.push('$');
            rest = next;
        } else if let Some(inner) = tail.strip_prefix('{') {
            let (text, next) = braced(template, inner, lookup, unset, depth)?;
            out.push_str(&text);
            rest = next;
        } else {
            let name = name_of(tail);
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&value_of(name, lookup, unset));
            }
            rest = tail.get(name.len()..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn value_of(
    name: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
) -> String {
    lookup(name).unwrap_or_else(|| {
        unset(name);
        String::new()
    })
}

/// The leading variable name of a text.
fn name_of(text: &str) -> &str {
    let starts = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    if !starts {
        return "";
    }
    let end = text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// What stands between braces, and the text behind them.
fn braced<'a>(
    template: &str,
    inner: &'a str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
    depth: usize,
) -> Result<(String, &'a str), TemplateError> {
    let invalid = || TemplateError::Invalid(template.to_owned());
    let name = name_of(inner);
    let close = closing(inner).ok_or_else(invalid)?;
    let body = inner.get(name.len()..close).unwrap_or_default();
    let next = inner.get(close + 1..).unwrap_or_default();
    if name.is_empty() {
        return Err(invalid());
    }
    if body.is_empty() {
        return Ok((value_of(name, lookup, unset), next));
    }
    let (strict, operator) = match body.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, body),
    };
    let mut chars = operator.chars();
    let sign = chars.next();
    let argument = chars.as_str();
    let value = lookup(name).filter(|v| !(strict && v.is_empty()));
    let kept = || lookup(name).unwrap_or_default();
    let text = match sign {
        Some('-') => {
            let default = fill(argument, lookup, unset, depth + 1)?;
            value.unwrap_or(default)
        }
        Some('+') => {
            let replacement = fill(argument, lookup, unset, depth + 1)?;
            if value.is_some() { replacement } else { kept() }
        }
        Some('?') => {
            let message = fill(argument, lookup, unset, depth + 1)?;
            value.ok_or_else(|| TemplateError::Required(name.to_owned(), message))?
        }
        _ => return Err(invalid()),
    };
    Ok((text, next))
}

/// A variable that a text uses (`ExtractVariables`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether it must be set.
    pub required: bool,
    /// What stands in for it.
    pub default: String,
    /// What takes its place.
    pub alternate: String,
}

/// The variables of a text, in order; those within defaults too.
#[must_use]
pub fn variables(template: &str) -> Vec<Variable> {
    let mut found = Vec::new();
    collect(template, &mut found, 0);
    found
}

fn collect(template: &str, found: &mut Vec<Variable>, depth: usize) {
    let mut rest = template;
    while let Some(at) = rest.find('$').filter(|_| depth <= MAX_DEPTH) {
        let tail = rest.get(at + 1..).unwrap_or_default();
        if let Some(next) = tail.strip_prefix('$') {
            rest = next;
            continue;
        }
        let inner = tail.strip_prefix('{').unwrap_or(tail);
        let name = name_of(inner);
        let braces = inner.len() < tail.len();
        let end = if braces { closing(inner) } else { Some(name.len()) };
        rest = end.and_then(|end| inner.get(end..)).unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let mut variable = Variable { name: name.to_owned(), ..Variable::default() };
        let body = end.filter(|_| braces).and_then(|end| inner.get(name.len()..end));
        let operator = body.map(|body| body.strip_prefix(':').unwrap_or(body));
        let argument = operator.and_then(|operator| operator.get(1..)).unwrap_or_default();
        match operator.and_then(|operator| operator.chars().next()) {
            Some('-') => argument.clone_into(&mut variable.default),
            Some('+') => argument.clone_into(&mut variable.alternate),
            Some('?') => variable.required = true,
            _ => {}
        }
        found.push(variable);
        collect(argument, found, depth + 1);
    }
}

/// Where the brace closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1u32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

impl TemplateError {
    /// The complaint about the value at a path, as Compose words it.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        match self {
            Self::Invalid(template) => format!(
                "invalid interpolation format for {path}.\nYou may need to escape any $ with \
                 another $.\n{template}"
            ),
            Self::Required(..) => format!("error while interpolating {path}: {}", self.reason()),
        }
    }

    /// The complaint without a path.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Invalid(template) => {
                format!("Invalid template: {}", super::values::go_quote(template))
            }
            Self::Required(name, reason) if reason.is_empty() => {
                format!("required variable {name} is missing a value")
            }
            Self::Required(name, reason) => {
                format!("required variable {name} is missing a value: {reason}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_text() {
        let all = variables("$A $$B ${C} ${D:-d$E} ${F?f} ${G+g} $1 ${H");
        let shown: Vec<String> = all
            .iter()
            .map(|v| format!("{} {} {}|{}", v.name, v.required, v.default, v.alternate))
            .collect();
        let expected = [
            "A false |",
            "C false |",
            "D false d$E|",
            "E false |",
            "F true |",
            "G false |g",
            "H false |",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn forms() {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        };
        let mut unset = Vec::new();
        for (template, filled) in [
            ("$A-${A}", "a-a"),
            ("${U:-d}${U-d}${E:-d}${E-d}", "ddd"),
            ("${A:+r}${U:+r}${E+r}", "rr"),
            ("$$A ${U:-${A}}", "$A a"),
            ("echo $1 $(x)", "echo $1 $(x)"),
            ("x$U", "x"),
        ] {
            let result = substitute(template, &lookup, &mut |n| unset.push(n.to_owned()));
            assert_eq!(result.as_deref(), Ok(filled), "{template}");
        }
        assert_eq!(unset, ["U"]);
        let error = substitute("i:${T:?set T}", &lookup, &mut |_| {}).unwrap_err();
        assert_eq!(error.reason(), "required variable T is missing a value: set T");
        assert!(substitute("i:${T", &lookup, &mut |_| {}).is_err());
        assert!(substitute("${1}", &lookup, &mut |_| {}).is_err());
    }
}
