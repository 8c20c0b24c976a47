//! Generators of ConfigMaps and Secrets, and the hash behind their names.
//!
//! Follows kustomize `api/internal/generators` and `api/hasher/hasher.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Resource, items, text};
use crate::posix::{FileSystem, Files, normal};
use crate::shell::kubectl::fail::Failure;
use crate::shell::kubectl::show::json;

/// Digits of a hash that are shown.
const HASH_LENGTH: usize = 10;

/// What the generators of a kustomization make.
pub(super) fn all(files: &Files, dir: &str, spec: &Value) -> Result<Vec<Resource>, Failure> {
    let mut made = Vec::new();
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for generator in items(spec, field) {
            made.push(one(files, dir, spec, generator, kind)?);
        }
    }
    Ok(made)
}

fn one(
    files: &Files,
    dir: &str,
    spec: &Value,
    generator: &Value,
    kind: &str,
) -> Result<Resource, Failure> {
    let mut data = Map::new();
    let mut add = |key: &str, value: &str| {
        let shown = if kind == "Secret" { STANDARD.encode(value) } else { value.to_owned() };
        data.insert(key.to_owned(), Value::String(shown));
    };
    let read = |path: &str| {
        let whole = normal(dir, path);
        files.read(&whole).map_err(|_| {
            Failure::plain(format!(
                "loading KV pairs: file sources: [{path}]: evalsymlink failure on '{whole}' : \
                 lstat {whole}: no such file or directory"
            ))
        })
    };
    for path in items(generator, "envs").iter().chain(generator.get("env")) {
        let content = read(path.as_str().unwrap_or(""))?;
        for line in content.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            add(key, value);
        }
    }
    for literal in items(generator, "literals").iter().filter_map(Value::as_str) {
        let Some((key, value)) = literal.split_once('=') else {
            return Err(Failure::plain(format!(
                "loading KV pairs: literal sources [{literal}]: invalid literal source {literal}, \
                 expected key=value"
            )));
        };
        add(key, value.trim_matches(['"', '\'']));
    }
    for source in items(generator, "files").iter().filter_map(Value::as_str) {
        let base = || source.rsplit('/').next().unwrap_or(source);
        let (key, path) = source.split_once('=').unwrap_or_else(|| (base(), source));
        add(key, &read(path)?);
    }
    let mut meta = Map::new();
    meta.insert("name".to_owned(), json!(text(generator, "/name")));
    let options = |field: &str| {
        let own = generator.get("options").and_then(|o| o.get(field));
        own.or_else(|| spec.get("generatorOptions")?.get(field)).cloned()
    };
    for field in ["labels", "annotations", "namespace"] {
        if let Some(given) = options(field).or_else(|| generator.get(field).cloned()) {
            meta.insert(field.to_owned(), given);
        }
    }
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), json!("v1"));
    object.insert("kind".to_owned(), json!(kind));
    object.insert("metadata".to_owned(), Value::Object(meta));
    if !data.is_empty() {
        object.insert("data".to_owned(), Value::Object(data));
    }
    if kind == "Secret" {
        let type_ = generator.get("type").cloned().unwrap_or_else(|| json!("Opaque"));
        object.insert("type".to_owned(), type_);
    }
    let mut resource = Resource::new(Value::Object(object));
    resource.hashed = options("disableNameSuffixHash") != Some(Value::Bool(true));
    Ok(resource)
}

/// The hash of an object's content: vowels and digits that look like letters are replaced.
pub(super) fn hash(value: &Value) -> String {
    let mut content = Map::new();
    for field in ["data", "kind", "type", "binaryData"] {
        if let Some(part) = value.get(field) {
            content.insert(field.to_owned(), part.clone());
        }
    }
    content.entry("data").or_insert_with(|| json!(""));
    content.insert("name".to_owned(), json!(text(value, "/metadata/name")));
    let digest = Sha256::digest(json::compact(&Value::Object(content)));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let letter = |c: char| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    };
    hex.chars().take(HASH_LENGTH).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_follow_the_content() {
        // The empty ConfigMap of the original's own tests.
        let empty = json!({"kind": "ConfigMap", "metadata": {"name": ""}});
        assert_eq!(hash(&empty), "6ct58987ht");
        let one = json!({"kind": "ConfigMap", "metadata": {"name": ""}, "data": {"one": ""}});
        assert_eq!(hash(&one), "9g67k2htb6");
    }
}
