//! From YAML to the raw model of one file: duplicate keys, keys that are no text, `!reset` and
//! `!override`.
//!
//! Models `compose-go loader/reset.go` and the first steps of `loader.go`.

use serde_json::{Map, Value};

use crate::base::yaml::{Dialect, Kind, Node, Span};

/// Keys of a place in a model, from the root; `[]` stands for the items of a list.
pub(super) type Path = Vec<String>;

/// The raw model of one document.
#[derive(Clone, Debug, Default)]
pub(super) struct Raw {
    /// The model.
    pub(super) value: Value,
    /// Places marked `!reset` or `!override`: what earlier files say there does not count.
    pub(super) resets: Vec<Path>,
}

/// A complaint with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadError {
    /// Where.
    pub(super) span: Span,
    /// The text of the real tool.
    pub(super) message: String,
    /// Whether the file as a whole could not be parsed.
    pub(super) parse: bool,
}

/// The raw model of a document.
///
/// # Errors
/// Duplicate keys and keys that are no text.
pub(super) fn read(node: &Node) -> Result<Raw, ReadError> {
    let mut raw = Raw::default();
    let mut reader = Reader { resets: Vec::new() };
    reader.duplicates(node)?;
    raw.value = reader.value(node, &mut Vec::new(), "")?.unwrap_or(Value::Null);
    raw.resets = reader.resets;
    Ok(raw)
}

struct Reader {
    resets: Vec<Path>,
}

impl Reader {
    fn duplicates(&self, node: &Node) -> Result<(), ReadError> {
        match &node.kind {
            Kind::Scalar { .. } => Ok(()),
            Kind::Sequence(items) => items.iter().try_for_each(|item| self.duplicates(item)),
            Kind::Mapping(entries) => {
                let mut seen = std::collections::BTreeMap::new();
                for (key, value) in entries {
                    let text = key.text().unwrap_or_default();
                    if let Some(line) = seen.insert(text, key.span.line) {
                        let quoted = super::values::go_quote(text);
                        let at = key.span.line;
                        return Err(ReadError {
                            span: key.span,
                            message: format!(
                                "line {at}: mapping key {quoted} already defined at line {line}"
                            ),
                            parse: true,
                        });
                    }
                    if !marked(value, "!reset") && !marked(value, "!override") {
                        self.duplicates(value)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The value of a node; nothing where it is `!reset`.
    fn value(
        &mut self,
        node: &Node,
        path: &mut Path,
        shown: &str,
    ) -> Result<Option<Value>, ReadError> {
        if marked(node, "!reset") {
            self.resets.push(path.clone());
            return Ok(None);
        }
        if marked(node, "!override") {
            self.resets.push(path.clone());
        }
        match &node.kind {
            Kind::Scalar { .. } if marked(node, "!override") => {
                let bare = Node { tag: None, ..node.clone() };
                Ok(Some(bare.value(Dialect::Compose)))
            }
            Kind::Scalar { .. } => Ok(Some(node.value(Dialect::Compose))),
            Kind::Sequence(items) => {
                let mut list = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    let value = self.value(item, path, &format!("{shown}[{index}]"))?;
                    path.pop();
                    list.extend(value);
                }
                Ok(Some(Value::Array(list)))
            }
            Kind::Mapping(entries) => self.mapping(entries, path, shown).map(Some),
        }
    }

    fn mapping(
        &mut self,
        entries: &[(Node, Node)],
        path: &mut Path,
        shown: &str,
    ) -> Result<Value, ReadError> {
        let mut map = Map::new();
        for (key, node) in entries.iter().filter(|(key, _)| is_merge(key)) {
            let sources = match &node.kind {
                Kind::Sequence(items) => items.as_slice(),
                Kind::Scalar { .. } | Kind::Mapping(_) => std::slice::from_ref(node),
            };
            for source in sources {
                match self.value(source, path, shown)? {
                    Some(Value::Object(from)) => {
                        for (key, value) in from {
                            map.entry(key).or_insert(value);
                        }
                    }
                    Some(_) => {
                        return Err(ReadError {
                            span: key.span,
                            message:
                                "yaml: map merge requires map or sequence of maps as the value"
                                    .to_owned(),
                            parse: true,
                        });
                    }
                    None => {}
                }
            }
        }
        for (key, node) in entries.iter().filter(|(key, _)| !is_merge(key)) {
            let text = key_text(key, shown)?;
            let inner = if shown.is_empty() { text.clone() } else { format!("{shown}.{text}") };
            path.push(text.clone());
            let value = self.value(node, path, &inner)?;
            path.pop();
            if let Some(value) = value {
                map.insert(text, value);
            } else {
                map.remove(&text);
            }
        }
        Ok(Value::Object(map))
    }
}

fn marked(node: &Node, tag: &str) -> bool {
    node.tag.as_deref() == Some(tag)
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<")
}

fn key_text(key: &Node, shown: &str) -> Result<String, ReadError> {
    let value = key.value(Dialect::Compose);
    if let Value::String(text) = value {
        return Ok(text);
    }
    let place = if shown.is_empty() { "at top level".to_owned() } else { format!("in {shown}") };
    let text = super::values::sprint(&value);
    Err(ReadError {
        span: key.span,
        message: format!("non-string key {place}: {text}"),
        parse: false,
    })
}

/// Drops from an earlier model what a later file resets.
pub(super) fn reset(model: &mut Value, resets: &[Path]) {
    for path in resets {
        drop_at(model, path);
    }
}

fn drop_at(model: &mut Value, path: &[String]) {
    let Value::Object(map) = model else { return };
    match path {
        [] => {}
        [last] => {
            map.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(next) = map.get_mut(first) {
                drop_at(next, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::yaml::parse;
    use serde_json::json;

    #[test]
    fn complaints() {
        for (text, message) in [
            ("a: 1\nb: 2\na: 3\n", "line 3: mapping key \"a\" already defined at line 1"),
            ("a:\n  8080: 80\n", "non-string key in a: 8080"),
            ("true: 80\n", "non-string key at top level: true"),
        ] {
            let node = parse(text).unwrap().remove(0);
            assert_eq!(read(&node).unwrap_err().message, message);
        }
    }

    #[test]
    fn resets() {
        let node = parse("a: {b: !reset null, c: !override [1]}\n").unwrap().remove(0);
        let raw = read(&node).unwrap();
        assert_eq!(raw.value, json!({"a": {"c": [1]}}));
        let mut model = json!({"a": {"b": 1, "c": [0], "d": 2}});
        reset(&mut model, &raw.resets);
        assert_eq!(model, json!({"a": {"d": 2}}));
    }
}
