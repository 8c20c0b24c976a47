//! From the text of a file to the objects in it, as kubectl's client reads them.
//!
//! Follows apimachinery `pkg/util/yaml/decoder.go` and cli-runtime `pkg/resource/visitor.go`. What
//! cannot be read at all ends the file; an object of an unknown kind does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fail::Failure;
use super::schema;
use crate::base::yaml::{self, Dialect, Kind as NodeKind, Node, Span, YamlError};
use crate::kube::kinds::Kind;

/// One object of a file.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    /// The file as it was given; `STDIN` for standard input.
    pub(super) source: Arc<str>,
    /// Its kind.
    pub(super) kind: Kind,
    /// Its namespace; empty for cluster-scoped kinds.
    pub(super) namespace: Arc<str>,
    /// Its name; may be missing.
    pub(super) name: String,
    /// All of it, with the namespace set.
    pub(super) value: Value,
    /// The text that it came from.
    pub(super) node: Arc<Node>,
}

/// What could not be read, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    /// Line and column.
    pub(super) span: Span,
    /// In kubectl's words.
    pub(super) failure: Failure,
}

/// What is in files.
#[derive(Clone, Debug, Default)]
pub(super) struct Manifests {
    /// The objects.
    pub(super) found: Vec<Manifest>,
    /// What could not be read.
    pub(super) unread: Vec<Unread>,
}

/// The namespace of a call.
pub(super) struct Place {
    /// Its name.
    pub(super) namespace: Arc<str>,
    /// Whether `-n` was given.
    pub(super) given: bool,
}

/// A message about a place in the text.
type Complaint = (Span, String);

impl Manifest {
    /// Its labels.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.value.pointer("/metadata/labels").and_then(Value::as_object);
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        labels.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
    }
}

impl Manifests {
    /// Whether the files hold nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.unread.is_empty()
    }

    /// What could not be read.
    pub(super) fn failures(&self) -> Vec<Failure> {
        self.unread.iter().map(|u| u.failure.clone()).collect()
    }

    /// Read one more file.
    pub(super) fn read(&mut self, source: &Arc<str>, text: &str, place: &Place) {
        for (offset, chunk) in chunks(text) {
            if let Err((span, message)) = self.document(source, chunk, offset, place) {
                self.unread.push(Unread { span, failure: Failure::plain(message) });
                break;
            }
        }
    }

    /// Note what is wrong with the files as a whole.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.unread.push(Unread { span: Span { line: 1, column: 1 }, failure });
    }

    /// Take an object that was not written but made.
    pub(super) fn take(&mut self, source: &Arc<str>, value: Value, place: &Place) {
        let kind = NodeKind::Mapping(Vec::new());
        let node = Node { span: Span { line: 1, column: 1 }, tag: None, kind };
        if let Err(why) = schema_less(&value) {
            let failure = Failure::plain(invalid(source, &why));
            self.unread.push(Unread { span: node.span, failure });
            return;
        }
        self.object(source, value, node, place, false);
    }

    /// Read one document; an error ends the file.
    fn document(
        &mut self,
        source: &Arc<str>,
        chunk: &str,
        offset: u32,
        place: &Place,
    ) -> Result<(), Complaint> {
        let parsing = |why: String| format!("error parsing {source}: {why}");
        let nodes = yaml::parse(chunk).map_err(|error| {
            let why = format!("error converting YAML to JSON: {}", yaml_error(&error, chunk));
            (moved(error.span, offset), parsing(why))
        })?;
        let Some(mut node) = nodes.into_iter().next() else { return Ok(()) };
        if offset > 0 {
            shift(&mut node, offset);
        }
        if let Some((span, key)) = bad_key(&node) {
            let why = format!("error converting YAML to JSON: yaml: invalid map key: {key}");
            return Err((span, parsing(why)));
        }
        let value = node.value(Dialect::Kubectl);
        if value.is_null() {
            return Ok(());
        }
        schema_less(&value).map_err(|why| (node.span, invalid(source, &why)))?;
        let listed = value.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("List"));
        let items = node.get("items").map(|n| &n.kind);
        let (true, Some(Value::Array(values)), Some(NodeKind::Sequence(nodes))) =
            (listed, value.get("items"), items)
        else {
            self.object(source, value, node, place, false);
            return Ok(());
        };
        // A list is checked against the schema by the client, all its elements at once.
        let mut wrong = Vec::new();
        for (value, node) in values.iter().zip(nodes) {
            wrong.extend(schema::check(value).into_iter().map(|why| (node.span, why)));
        }
        if let Some((span, _)) = wrong.first() {
            let texts: Vec<String> = wrong.iter().map(|(_, why)| why.clone()).collect();
            return Err((*span, invalid(source, &aggregate(&texts))));
        }
        for (value, node) in values.iter().zip(nodes) {
            self.object(source, value.clone(), node.clone(), place, true);
        }
        Ok(())
    }

    /// One object: its kind must be known and its metadata be of the right types.
    fn object(
        &mut self,
        source: &Arc<str>,
        mut value: Value,
        node: Node,
        place: &Place,
        listed: bool,
    ) {
        match identify(source, &mut value, &node, place, listed) {
            Ok((kind, namespace, name)) => self.found.push(Manifest {
                source: source.clone(),
                kind,
                namespace,
                name,
                value,
                node: Arc::new(node),
            }),
            Err((span, message)) => {
                self.unread.push(Unread { span, failure: Failure::plain(message) });
            }
        }
    }
}

/// Kind, namespace and name of an object; its namespace is set.
fn identify(
    source: &str,
    value: &mut Value,
    node: &Node,
    place: &Place,
    listed: bool,
) -> Result<(Kind, Arc<str>, String), Complaint> {
    if let Some((path, why)) = metadata(value) {
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        return Err((node.nearest(&steps).span, format!("unable to decode \"{source}\": {why}")));
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let meta = |key: &str| {
        let found = value.get("metadata").and_then(|m| m.get(key));
        found.and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let (name, given) = (meta("name"), meta("namespace"));
    let (kind, version) = (text("kind"), text("apiVersion"));
    let Some(found) = Kind::find(kind, version) else {
        let span = node.get("kind").map_or(node.span, |n| n.span);
        let why = format!("no matches for kind \"{kind}\" in version \"{version}\"");
        if listed {
            return Err((span, format!("unable to recognize {why}")));
        }
        let message = format!(
            "resource mapping not found for name: \"{name}\" namespace: \"{given}\" from \
             \"{source}\": {why}\nensure CRDs are installed first"
        );
        return Err((span, message));
    };
    if !found.namespaced() {
        return Ok((found, "".into(), name));
    }
    if !given.is_empty() && place.given && *given != *place.namespace {
        let message = format!(
            "the namespace from the provided object \"{given}\" does not match the namespace \
             \"{}\". You must pass '--namespace={given}' to perform this operation.",
            place.namespace
        );
        return Err((node.nearest(&["metadata", "namespace"]).span, message));
    }
    let namespace: Arc<str> = if given.is_empty() { place.namespace.clone() } else { given.into() };
    if let Some(all) = value.as_object_mut() {
        let meta = all.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if meta.is_null() {
            *meta = Value::Object(Map::new());
        }
        if let Some(meta) = meta.as_object_mut() {
            meta.insert("namespace".to_owned(), Value::String(namespace.to_string()));
        }
    }
    Ok((found, namespace, name))
}

/// The documents of a file and the number of lines before each.
///
/// JSON documents follow each other as they are; what is no JSON is YAML, in which a line of three
/// dashes ends a document.
fn chunks(text: &str) -> Vec<(u32, &str)> {
    let mut out = Vec::new();
    let mut start = 0;
    if text.trim_start().starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        while let Some(Ok(_)) = values.next() {
            let end = values.byte_offset();
            out.push((lines(text.get(..start)), text.get(start..end).unwrap_or("")));
            start = end;
        }
    }
    let mut number = lines(text.get(..start));
    let (mut end, mut first) = (start, number);
    for line in text.get(start..).unwrap_or("").split_inclusive('\n') {
        number += 1;
        // `---` before the first document belongs to it.
        if start < end && separates(line) {
            out.push((first, text.get(start..end).unwrap_or("")));
            (start, first) = (end + line.len(), number);
        }
        end += line.len();
    }
    out.push((first, text.get(start..end).unwrap_or("")));
    out
}

fn lines(text: Option<&str>) -> u32 {
    u32::try_from(text.unwrap_or("").matches('\n').count()).unwrap_or(u32::MAX)
}

fn separates(line: &str) -> bool {
    let rest = line.strip_prefix("---").map(str::trim);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// What the client itself asks of every document.
fn schema_less(value: &Value) -> Result<(), String> {
    if !value.is_object() {
        return Err("invalid object to validate".to_owned());
    }
    let mut wrong = Vec::new();
    for key in ["apiVersion", "kind"] {
        match value.get(key) {
            Some(Value::String(text)) if !text.is_empty() => {}
            None | Some(Value::Null | Value::String(_)) => wrong.push(format!("{key} not set")),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                wrong.push(format!("{key} isn't string type"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(aggregate(&wrong)) }
}

/// One message, or several in brackets, each once (`NewAggregate`).
pub(super) fn aggregate(texts: &[String]) -> String {
    let mut told: Vec<&str> = Vec::new();
    for text in texts {
        if !told.contains(&text.as_str()) {
            told.push(text);
        }
    }
    match told.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn invalid(source: &str, why: &str) -> String {
    format!(
        "error validating \"{source}\": error validating data: {why}; if you choose to ignore \
         these errors, turn validation off with --validate=false"
    )
}

/// The error with the line that goyaml.v2 names: that of the problem, one less for errors of the
/// parser (the reader of tokens counts right).
fn yaml_error(error: &YamlError, text: &str) -> String {
    const BY_PARSER: &str = "did not find expected";
    let at = usize::try_from(error.span.line).unwrap_or(1);
    let line = if error.message.starts_with("found a tab") {
        let indented = |line: &str| {
            let start = line.len() - line.trim_start().len();
            line.get(..start).is_some_and(|space| space.contains('\t'))
        };
        let found = text.lines().enumerate().skip(at - at.min(1)).find(|(_, l)| indented(l));
        found.map_or(at, |(i, _)| i + 1)
    } else if error.message.starts_with(BY_PARSER) {
        at.saturating_sub(1)
    } else {
        at
    };
    match (error.line, line) {
        (None, _) | (_, 0) => format!("yaml: {}", error.message),
        _ => format!("yaml: line {line}: {}", error.message),
    }
}

/// The client decodes names, labels and annotations, which are text.
fn metadata(value: &Value) -> Option<(Vec<String>, String)> {
    let meta = value.get("metadata")?;
    let wrong = |value: &Value, field: &str, key: Option<&str>| {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null | Value::String(_) => return None,
        };
        let why = format!(
            "json: cannot unmarshal {found} into Go struct field ObjectMeta.metadata.{field} of \
             type string"
        );
        let path = ["metadata", field].into_iter().chain(key).map(str::to_owned).collect();
        Some((path, why))
    };
    for field in ["name", "namespace", "generateName"] {
        if let Some(found) = meta.get(field).and_then(|v| wrong(v, field, None)) {
            return Some(found);
        }
    }
    for field in ["labels", "annotations"] {
        let map = meta.get(field).and_then(Value::as_object);
        for (key, value) in map.into_iter().flatten() {
            if let Some(found) = wrong(value, field, Some(key)) {
                return Some(found);
            }
        }
    }
    None
}

const fn moved(span: Span, lines: u32) -> Span {
    Span { line: span.line.saturating_add(lines), column: span.column }
}

/// Move a document to its place in the file.
fn shift(node: &mut Node, lines: u32) {
    node.span = moved(node.span, lines);
    match &mut node.kind {
        NodeKind::Scalar { .. } => {}
        NodeKind::Sequence(items) => items.iter_mut().for_each(|n| shift(n, lines)),
        NodeKind::Mapping(entries) => {
            for (key, value) in entries {
                shift(key, lines);
                shift(value, lines);
            }
        }
    }
}

/// A key that is no text, as templates leave it: `{{ .Values.x }}`.
fn bad_key(node: &Node) -> Option<(Span, String)> {
    match &node.kind {
        NodeKind::Scalar { .. } => None,
        NodeKind::Sequence(items) => items.iter().find_map(bad_key),
        NodeKind::Mapping(entries) => entries.iter().find_map(|(key, value)| {
            if matches!(key.kind, NodeKind::Scalar { .. }) {
                bad_key(value)
            } else {
                Some((key.span, go_syntax(key)))
            }
        }),
    }
}

/// A value as Go's `%#v` prints it.
fn go_syntax(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar { .. } => {
            let value = node.value(Dialect::Kubectl);
            if value.is_null() { "interface {}(nil)".to_owned() } else { value.to_string() }
        }
        NodeKind::Sequence(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        NodeKind::Mapping(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", go_syntax(key), go_syntax(value)))
                .collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Manifests {
        let mut all = Manifests::default();
        all.read(&"f.yaml".into(), text, &Place { namespace: "default".into(), given: false });
        all
    }

    #[test]
    fn lines_of_yaml_errors() {
        for (text, shown) in [
            ("a:\n  b:\n  - name: c\n   image: x\n", "yaml: line 3: did not find expected key"),
            (
                "a:\n  b:\n  - name: c\n\t  image: x\n",
                "yaml: line 4: found a tab character that violates indentation",
            ),
        ] {
            let error = yaml::parse(text).unwrap_err();
            assert_eq!(yaml_error(&error, text), shown);
        }
    }

    #[test]
    fn documents_and_their_places() {
        let one = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
        let json = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\",\n \"metadata\": {}}";
        for (text, lines) in [
            (format!("{one}---\n{one}"), vec![1, 6]),
            (format!("---\n# x\n{one}--- # y\n---\n{one}"), vec![3, 9]),
            (format!("{json}\n{json}\n"), vec![1, 3]),
            (format!("kind: List\napiVersion: v1\nitems:\n- {}", json.replace('\n', "")), vec![4]),
            ("# nothing\n---\n".to_owned(), vec![]),
        ] {
            let found = read(&text);
            assert!(found.unread.is_empty(), "{text}: {:?}", found.unread);
            let at: Vec<u32> = found.found.iter().map(|m| m.node.span.line).collect();
            assert_eq!(at, lines, "{text}");
        }
    }

    #[test]
    fn what_the_client_itself_refuses() {
        let validating = "error validating \"f.yaml\": error validating data: ";
        for (text, line, wanted) in [
            ("a: [\n", 2, "error parsing f.yaml: error converting YAML to JSON: yaml: ".to_owned()),
            ("---\na: b\n---\nkind: Pod\n", 2, format!("{validating}[apiVersion not set, kind")),
            ("kind: Pod\n", 1, format!("{validating}apiVersion not set; if you choose to ignore")),
            ("- x\n", 1, format!("{validating}invalid object to validate; if you")),
            (
                "apiVersion: v1\nkind: Pods\nmetadata:\n  name: p\n",
                2,
                "resource mapping not found for name: \"p\" namespace: \"\" from \"f.yaml\": no \
                 matches for kind \"Pods\" in version \"v1\"\nensure CRDs are installed first"
                    .to_owned(),
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {v: 1}\n",
                5,
                "unable to decode \"f.yaml\": json: cannot unmarshal number into Go struct field \
                 ObjectMeta.metadata.labels of type string"
                    .to_owned(),
            ),
            (
                "kind: X\napiVersion: v1\nmetadata:\n  namespace: {{ .Values.ns }}\n",
                4,
                "error parsing f.yaml: error converting YAML to JSON: yaml: invalid map key: \
                 map[interface {}]interface {}{\".Values.ns\":interface {}(nil)}"
                    .to_owned(),
            ),
        ] {
            let found = read(text);
            let [unread] = found.unread.as_slice() else { panic!("{text}: {:?}", found.unread) };
            let Failure::Plain(message) = &unread.failure else { panic!("{text}") };
            assert!(message.starts_with(&wanted), "{message}");
            assert_eq!(unread.span.line, line, "{message}");
        }
    }
}
