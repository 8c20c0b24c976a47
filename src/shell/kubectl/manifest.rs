//! Manifests: files, directories and standard input of `-f`, read into objects as JSON.
//!
//! Follows cli-runtime `pkg/resource/visitor.go` and `builder.go`. Left out: URLs, `-k`.

use std::sync::Arc;

use serde_json::Value;

use super::call::{Call, Manifests, Run};
use super::fail::Failure;
use crate::base::yaml::{self, Dialect};
use crate::kube::kinds::Kind;

/// Most directories that `-R` goes into.
const MAX_DIRS: usize = 1_000;
const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

/// One object of a manifest.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    /// The file as it was given; `STDIN` for standard input.
    pub(super) source: String,
    /// Its kind.
    pub(super) kind: Kind,
    /// Its namespace; empty for cluster-scoped kinds.
    pub(super) namespace: Arc<str>,
    /// Its name; may be missing.
    pub(super) name: String,
    /// All of it, with the namespace set.
    pub(super) value: Value,
}

/// The objects of all files of `-f`, and what could not be read.
pub(super) fn read(call: &mut Call<'_, '_>) -> Run<Arc<Manifests>> {
    let paths: Vec<String> = call.flags.all("filename").to_vec();
    let recursive = call.flags.on("recursive");
    let mut texts = Vec::new();
    for path in paths {
        texts.extend(files(call, &path, recursive)?);
    }
    call.parsed(|call| {
        let mut found = Vec::new();
        let mut failures = Vec::new();
        for (source, text) in &texts {
            documents(call, source, text, &mut found, &mut failures);
        }
        (found, failures)
    })
}

/// The text files that a path names.
fn files(call: &mut Call<'_, '_>, path: &str, recursive: bool) -> Run<Vec<(String, Arc<str>)>> {
    if path == "-" {
        let text: Arc<str> = call.io.stdin.unwrap_or("").into();
        return Ok(vec![("STDIN".to_owned(), text)]);
    }
    if let Some(names) = call.dir(path)? {
        let mut found = Vec::new();
        let mut open = vec![(path.trim_end_matches('/').to_owned(), names)];
        let mut seen = 0;
        while let Some((dir, names)) = open.pop() {
            seen += 1;
            for name in names {
                let inner = format!("{dir}/{name}");
                if ENDINGS.iter().any(|e| name.ends_with(e)) {
                    if let Some(text) = call.file(&inner)? {
                        found.push((inner, text));
                        continue;
                    }
                }
                if recursive && seen < MAX_DIRS {
                    if let Some(names) = call.dir(&inner)? {
                        open.push((inner, names));
                    }
                }
            }
        }
        if found.is_empty() {
            let message = format!(
                "error reading [{path}]: recognized file extensions are [.json .yaml .yml]"
            );
            return Err(Failure::plain(message).into());
        }
        return Ok(found);
    }
    match call.file(path)? {
        Some(text) => Ok(vec![(path.to_owned(), text)]),
        None => Err(Failure::plain(format!("the path \"{path}\" does not exist")).into()),
    }
}

fn documents(
    call: &Call<'_, '_>,
    source: &str,
    text: &str,
    found: &mut Vec<Manifest>,
    failures: &mut Vec<Failure>,
) {
    let nodes = match yaml::parse(text) {
        Ok(nodes) => nodes,
        Err(error) => {
            failures.push(Failure::plain(format!(
                "error parsing {source}: error converting YAML to JSON: {error}"
            )));
            return;
        }
    };
    for node in nodes {
        let value = node.value(Dialect::Kubectl);
        if value.is_null() {
            continue;
        }
        let items = match value.get("kind").and_then(Value::as_str) {
            Some(kind) if kind.ends_with("List") && value.get("items").is_some() => {
                value.get("items").and_then(Value::as_array).cloned().unwrap_or_default()
            }
            _ => vec![value],
        };
        for item in items {
            match object(call, source, item) {
                Ok(manifest) => found.push(manifest),
                Err(failure) => failures.push(failure),
            }
        }
    }
}

/// One object: its kind is known, its metadata has the right types, its namespace is set.
fn object(call: &Call<'_, '_>, source: &str, mut value: Value) -> Result<Manifest, Failure> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if !value.is_object() {
        let message = format!(
            "error validating \"{source}\": error validating data: invalid object to validate; if \
             you choose to ignore these errors, turn validation off with --validate=false"
        );
        return Err(Failure::plain(message));
    }
    let missing: Vec<&str> = [("apiVersion", &version), ("kind", &kind)]
        .into_iter()
        .filter(|(_, v)| v.is_empty())
        .map(|(k, _)| k)
        .collect();
    if !missing.is_empty() {
        let shown: Vec<String> = missing.iter().map(|k| format!("{k} not set")).collect();
        let shown = match shown.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!(
            "error validating \"{source}\": error validating data: {shown}; if you choose to \
             ignore these errors, turn validation off with --validate=false"
        );
        return Err(Failure::plain(message));
    }
    metadata_types(source, &value)?;
    let meta = |key: &str| {
        let found = value.get("metadata").and_then(|m| m.get(key));
        found.and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let (name, given) = (meta("name"), meta("namespace"));
    let Some(found) = Kind::find(&kind, &version) else {
        let message = format!(
            "resource mapping not found for name: \"{name}\" namespace: \"{given}\" from \
             \"{source}\": no matches for kind \"{kind}\" in version \"{version}\"\nensure CRDs \
             are installed first"
        );
        return Err(Failure::plain(message));
    };
    let mut namespace: Arc<str> = "".into();
    if found.namespaced() {
        if !given.is_empty() && call.flags.has("namespace") && *given != *call.namespace {
            let message = format!(
                "the namespace from the provided object \"{given}\" does not match the namespace \
                 \"{}\". You must pass '--namespace={given}' to perform this operation.",
                call.namespace
            );
            return Err(Failure::plain(message));
        }
        namespace = if given.is_empty() { call.namespace.clone() } else { given.into() };
        if let Some(all) = value.as_object_mut() {
            let meta = all.entry("metadata").or_insert_with(|| Value::Object(Default::default()));
            if meta.is_null() {
                *meta = Value::Object(Default::default());
            }
            if let Some(meta) = meta.as_object_mut() {
                meta.insert("namespace".to_owned(), Value::String(namespace.to_string()));
            }
        }
    }
    Ok(Manifest { source: source.to_owned(), kind: found, namespace, name, value })
}

/// What the client itself decodes: names, labels and annotations are strings.
fn metadata_types(source: &str, value: &Value) -> Result<(), Failure> {
    let Some(meta) = value.get("metadata") else { return Ok(()) };
    let wrong = |value: &Value, field: &str| {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null | Value::String(_) => return None,
        };
        Some(Failure::plain(format!(
            "unable to decode \"{source}\": json: cannot unmarshal {found} into Go struct field \
             ObjectMeta.metadata.{field} of type string"
        )))
    };
    for field in ["name", "namespace", "generateName"] {
        if let Some(failure) = meta.get(field).and_then(|v| wrong(v, field)) {
            return Err(failure);
        }
    }
    for field in ["labels", "annotations"] {
        for value in meta.get(field).and_then(Value::as_object).into_iter().flatten() {
            if let Some(failure) = wrong(value.1, field) {
                return Err(failure);
            }
        }
    }
    Ok(())
}
