//! Words of instructions: variables, quotes, JSON arrays (BuildKit `frontend/dockerfile/shell`).

use std::collections::BTreeMap;

/// A JSON array of strings; `None` if it is none.
pub(crate) fn json_array(text: &str) -> Option<Vec<String>> {
    if !text.starts_with('[') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Replace `$X`, `${X}`, `${X:-y}`, `${X:+y}`; quotes stay. Names without value become empty.
pub(crate) fn expand(text: &str, values: &BTreeMap<String, String>) -> String {
    expand_noting(text, values, &mut Vec::new())
}

/// The same, noting names that have no value.
pub(crate) fn expand_noting(
    text: &str,
    values: &BTreeMap<String, String>,
    unknown: &mut Vec<String>,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut single = false;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or("");
        match c {
            '\'' => {
                single = !single;
                out.push(c);
            }
            '\\' if !single => {
                let next = tail.chars().next();
                if next != Some('$') {
                    out.push(c);
                }
                if let Some(next) = next {
                    out.push(next);
                    rest = tail.get(next.len_utf8()..).unwrap_or("");
                    continue;
                }
            }
            '$' if !single => {
                let (value, after) = variable(tail, values, unknown);
                out.push_str(&value);
                rest = after;
                continue;
            }
            c => out.push(c),
        }
        rest = tail;
    }
    out
}

/// The value after a `$`, and what follows.
fn variable<'a>(
    tail: &'a str,
    values: &BTreeMap<String, String>,
    unknown: &mut Vec<String>,
) -> (String, &'a str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inner) = tail.strip_prefix('{') {
        let Some(end) = inner.find('}') else { return ("${".to_owned(), inner) };
        let (body, after) = (inner.get(..end).unwrap_or(""), inner.get(end + 1..).unwrap_or(""));
        let at = body.find(|c| !is_name(c)).unwrap_or(body.len());
        let (name, modifier) = body.split_at(at);
        let value = values.get(name).cloned().unwrap_or_default();
        let set = values.contains_key(name);
        let result = match modifier {
            "" => {
                if !set {
                    unknown.push(name.to_owned());
                }
                value
            }
            m if m.starts_with(":-") && value.is_empty() => {
                expand(m.get(2..).unwrap_or(""), values)
            }
            m if m.starts_with('-') && !set => expand(m.get(1..).unwrap_or(""), values),
            m if m.starts_with(":+") => {
                if value.is_empty() {
                    value
                } else {
                    expand(m.get(2..).unwrap_or(""), values)
                }
            }
            _ => value,
        };
        return (result, after);
    }
    let end = tail.find(|c| !is_name(c)).unwrap_or(tail.len());
    if end == 0 {
        return ("$".to_owned(), tail);
    }
    let (name, after) = tail.split_at(end);
    if !values.contains_key(name) {
        unknown.push(name.to_owned());
    }
    (values.get(name).cloned().unwrap_or_default(), after)
}

/// Words with quotes taken away.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut open = false;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                word.extend(chars.next());
                open = true;
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                open = true;
            }
            (c, Some(q)) if c == q => quote = None,
            (c, None) if c.is_whitespace() => {
                if open {
                    words.push(std::mem::take(&mut word));
                    open = false;
                }
            }
            (c, _) => {
                word.push(c);
                open = true;
            }
        }
    }
    if open {
        words.push(word);
    }
    words
}

/// `key=value` pairs of ENV and LABEL; the old form `KEY value` too.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let first = text.split_whitespace().next().unwrap_or("");
    if !first.contains('=') {
        let (key, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        return vec![(key.to_owned(), value.trim().to_owned())];
    }
    let pair = |word: String| match word.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (word, String::new()),
    };
    split(text).into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let values = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in [
            ("x$A", "x1"),
            ("${A}y", "1y"),
            ("${B:-d}", "d"),
            ("${A:+s}", "s"),
            ("\\$A '$A'", "$A '$A'"),
            ("$B.", "."),
            ("cost $", "cost $"),
        ] {
            assert_eq!(expand(text, &values), expected, "{text}");
        }
    }

    #[test]
    fn words_and_pairs() {
        assert_eq!(split("a \"b c\" d\\ e"), ["a", "b c", "d e"]);
        assert_eq!(pairs("A=1 B=\"x y\""), [("A".into(), "1".into()), ("B".into(), "x y".into())]);
        assert_eq!(pairs("A one two"), [("A".into(), "one two".into())]);
        assert_eq!(json_array("[\"a\", b]"), None);
    }
}
