//! Loading Compose files: reading, interpolating, including, extending, merging, judging.
//!
//! Models `compose-go loader/loader.go`, `extends.go` and `include.go` at v2.9.1. Left out: remote
//! includes (git, OCI), models of windows paths.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::base::yaml::{self, Kind, Node, Span, YamlError};

use super::interpolate::interpolate;
use super::read::{self, Path};
use super::schema::{self, Style, What};
use super::values::{dir, go_quote, join, sprint};
use super::{canonical, dotenv, merge, spec};

/// Deepest chain of files that include or extend each other.
const MAX_FILES: usize = 64;

/// Variables by name.
pub type Env = BTreeMap<String, String>;

/// Why files could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The text of the real tool.
    pub message: String,
    /// The file it is about.
    pub file: Option<String>,
    /// The place in the file.
    pub span: Option<Span>,
}

impl From<String> for LoadError {
    fn from(message: String) -> Self {
        Self { message, file: None, span: None }
    }
}

impl LoadError {
    fn at(message: String, file: &str, span: Option<Span>) -> Self {
        Self { message, file: Some(file.to_owned()), span }
    }
}

/// One file that was read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Its absolute path.
    pub(super) file: String,
    /// Its documents.
    pub(super) documents: Vec<Node>,
}

/// Loads files, keeping what was read and warned about.
pub(super) struct Loader<'a> {
    /// The text of a file by absolute path.
    pub(super) files: &'a dyn Fn(&str) -> Option<String>,
    /// The home folder, for `~`.
    pub(super) home: String,
    /// Whether variables are filled in.
    pub(super) interpolate: bool,
    /// Whether paths are made absolute.
    pub(super) resolve_paths: bool,
    /// Warnings so far.
    pub(super) warnings: Vec<String>,
    /// Files read so far.
    pub(super) sources: Vec<Source>,
}

/// The folder files are seen from, and the variables they see.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Absolute folder.
    pub(super) folder: String,
    /// Variables.
    pub(super) env: Env,
}

type Tracker = Vec<(String, String)>;

/// Longest chain of services that extend each other; the real tool knows no bound.
const MAX_CHAIN: usize = 100;

/// What one file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Model,
    Base,
}

impl Loader<'_> {
    /// The text of a file.
    pub(super) fn text(&self, file: &str) -> Result<String, LoadError> {
        (self.files)(file).ok_or_else(|| {
            LoadError::at(format!("open {file}: no such file or directory"), file, None)
        })
    }

    /// The model of several files, each laid over those before.
    pub(super) fn model(
        &mut self,
        files: &[String],
        scope: &Scope,
        included: &[String],
    ) -> Result<Value, LoadError> {
        let mut model = Value::Object(Map::new());
        let mut included = included.to_vec();
        for file in files {
            let (next, _) = self.file(file, model, scope, &mut included, Purpose::Model)?;
            model = next;
        }
        canonical::defaults(&mut model);
        canonical::validate(&model).map_err(|(path, message)| self.locate(&path, message))?;
        if self.resolve_paths {
            canonical::resolve_paths(&mut model, &scope.folder, &self.home)?;
        }
        canonical::resolve_environment(&mut model, &scope.env);
        Ok(model)
    }

    fn parse(&mut self, file: &str) -> Result<Vec<Node>, LoadError> {
        let text = self.text(file)?;
        let documents = yaml::parse(&text).map_err(|e: YamlError| {
            LoadError::at(format!("failed to parse {file}: {e}"), file, Some(e.span))
        })?;
        self.sources.push(Source { file: file.to_owned(), documents: documents.clone() });
        Ok(documents)
    }

    /// A model with one file laid over it, and the places the file resets.
    fn file(
        &mut self,
        file: &str,
        mut model: Value,
        scope: &Scope,
        included: &mut Vec<String>,
        purpose: Purpose,
    ) -> Result<(Value, Vec<Path>), LoadError> {
        let mut resets = Vec::new();
        for document in self.parse(file)? {
            let raw = read::read(&document).map_err(|e| {
                let message = if e.parse {
                    format!("failed to parse {file}: {}", e.message)
                } else {
                    e.message
                };
                LoadError::at(message, file, Some(e.span))
            })?;
            resets = raw.resets;
            model = self.document(file, raw.value, model, &resets, scope, included, purpose)?;
        }
        Ok((model, resets))
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `file`, split for length")]
    fn document(
        &mut self,
        file: &str,
        mut value: Value,
        mut model: Value,
        resets: &[Path],
        scope: &Scope,
        included: &mut Vec<String>,
        purpose: Purpose,
    ) -> Result<Value, LoadError> {
        if !value.is_object() {
            return Err(LoadError::at("top-level object must be a mapping".to_owned(), file, None));
        }
        if self.interpolate {
            let mut warnings = std::mem::take(&mut self.warnings);
            let lookup = |name: &str| scope.env.get(name).cloned();
            let result = interpolate(&mut value, &lookup, &mut |w| warnings.push(w));
            self.warnings = warnings;
            result.map_err(|e| self.locate(&e.path, e.message))?;
        }
        if purpose == Purpose::Model {
            self.extends(file, &mut value, scope, resets)?;
        }
        read::reset(&mut model, resets);
        if purpose == Purpose::Model {
            included.push(file.to_owned());
            self.include(&mut value, scope, included)?;
        }
        let mut model = merge::merge(model, value)?;
        merge::unique(&mut model).map_err(|message| self.locate_text(message))?;
        if purpose == Purpose::Model {
            self.judge(file, &mut model)?;
        }
        let mut warnings = Vec::new();
        let result = canonical::canonical(&mut model, &mut |w| warnings.push(w));
        self.warnings.extend(warnings);
        result.map_err(|message| self.locate_text(message))?;
        canonical::omit_empty(&mut model);
        merge::unique(&mut model)?;
        Ok(model)
    }

    fn judge(&mut self, file: &str, model: &mut Value) -> Result<(), LoadError> {
        let faults = schema::faults(&spec::FILE, model, Style::Compose);
        if let Some(worst) = schema::worst(&faults, Style::Compose) {
            let mut path = worst.path.clone();
            if let What::Additional(keys) = &worst.what {
                path.extend(keys.first().cloned());
            }
            return Err(self.locate(&path, format!("validating {file}: {}", worst.compose())));
        }
        if let Value::Object(map) = model
            && map.remove("version").is_some()
        {
            self.warnings.push(format!(
                "{file}: the attribute `version` is obsolete, it will be ignored, please remove \
                 it to avoid potential confusion"
            ));
        }
        Ok(())
    }

    /// Replaces every service that extends another by the two merged.
    fn extends(
        &mut self,
        file: &str,
        model: &mut Value,
        scope: &Scope,
        resets: &[Path],
    ) -> Result<(), LoadError> {
        let Some(services) = model.get("services") else { return Ok(()) };
        let Value::Object(services) = services else {
            let path = vec!["services".to_owned()];
            return Err(self.locate(&path, "services must be a mapping".to_owned()));
        };
        let mut services = services.clone();
        let names: Vec<String> = services.keys().cloned().collect();
        for name in names {
            let merged =
                self.extend_service(file, &name, &mut services, scope, &Tracker::new(), resets)?;
            services.insert(name, merged);
        }
        if let Value::Object(map) = model {
            map.insert("services".to_owned(), Value::Object(services));
        }
        Ok(())
    }

    fn extend_service(
        &mut self,
        file: &str,
        name: &str,
        services: &mut Map<String, Value>,
        scope: &Scope,
        tracker: &Tracker,
        resets: &[Path],
    ) -> Result<Value, LoadError> {
        let here = || vec!["services".to_owned(), name.to_owned()];
        let service = match services.get(name) {
            None | Some(Value::Null) => return Ok(Value::Null),
            Some(Value::Object(service)) => service.clone(),
            Some(_) => {
                return Err(self.locate(&here(), format!("services.{name} must be a mapping")));
            }
        };
        let Some(extends) = service.get("extends") else { return Ok(Value::Object(service)) };
        let (target, other) = match extends {
            Value::Object(map) => match map.get("service") {
                Some(Value::String(target)) => {
                    (target.clone(), map.get("file").filter(|f| !f.is_null()).map(sprint))
                }
                _ => return Err(format!("extends.{name}.service is required").into()),
            },
            other => (sprint(other), None),
        };
        let mut foreign;
        let mut seen = file.to_owned();
        let mut base_resets = Vec::new();
        let pool = match other {
            Some(path) => {
                let absolute = join_unless_absolute(&scope.folder, &path);
                (foreign, base_resets) =
                    self.base_services(file, name, &target, &path, &absolute, scope)?;
                seen = path;
                &mut foreign
            }
            None => services,
        };
        if !pool.contains_key(&target) {
            let (from, to) = (go_quote(name), go_quote(&target));
            let message = format!("cannot extend service {from} in {file}: service {to} not found");
            return Err(self.locate(&here(), message));
        }
        let tracker = track(tracker, &seen, name).map_err(|m| self.locate(&here(), m))?;
        let base = self.extend_service(file, &target, pool, scope, &tracker, &base_resets)?;
        if base.is_null() {
            return Ok(Value::Object(service));
        }
        let mut wrapped = json!({"services": {name: base}});
        read::reset(&mut wrapped, resets);
        let base =
            wrapped.pointer_mut(&format!("/services/{name}")).map_or(Value::Null, Value::take);
        let mut merged = merge::extend(base, Value::Object(service))?;
        if let Value::Object(map) = &mut merged {
            map.remove("extends");
        }
        services.insert(name.to_owned(), merged.clone());
        Ok(merged)
    }

    /// The services of another file that is extended.
    fn base_services(
        &mut self,
        file: &str,
        name: &str,
        target: &str,
        shown: &str,
        absolute: &str,
        scope: &Scope,
    ) -> Result<(Map<String, Value>, Vec<Path>), LoadError> {
        if self.sources.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files extend each other").into());
        }
        let empty = Value::Object(Map::new());
        let (mut model, resets) =
            self.file(absolute, empty, scope, &mut Vec::new(), Purpose::Base)?;
        let from = go_quote(name);
        let missing = |what: &str| {
            LoadError::from(format!("cannot extend service {from} in {absolute}: {what}"))
        };
        canonical::resolve_paths(&mut model, &dir(absolute), &self.home)?;
        match model.get("services") {
            None => Err(missing("no services section")),
            Some(Value::Object(services)) if services.contains_key(target) => {
                Ok((services.clone(), resets))
            }
            Some(Value::Object(_)) => Err(LoadError::from(format!(
                "cannot extend service {from} in {file}: service {} not found in {shown}",
                go_quote(target)
            ))),
            Some(_) => Err(missing("services must be a mapping")),
        }
    }

    /// Adds what other files define.
    fn include(
        &mut self,
        model: &mut Value,
        scope: &Scope,
        included: &mut Vec<String>,
    ) -> Result<(), LoadError> {
        let Some(list) = model.as_object_mut().and_then(|m| m.remove("include")) else {
            return Ok(());
        };
        let Value::Array(items) = list else {
            return match list {
                Value::Null => Ok(()),
                other => Err(format!("`include` must be a list, got {}", sprint(&other)).into()),
            };
        };
        for item in items {
            let entry = Include::of(&item, scope);
            if let Some(again) = entry.files.first().filter(|f| included.contains(f)) {
                included.push(again.clone());
                let (first, rest) = included
                    .split_first()
                    .map(|(f, r)| (f.clone(), r.to_vec()))
                    .unwrap_or_default();
                let message = format!(
                    "include cycle detected:\n{first}\n include {}",
                    rest.join("\n include ")
                );
                return Err(message.into());
            }
            if self.sources.len() > MAX_FILES {
                return Err(format!("more than {MAX_FILES} files include each other").into());
            }
            let env = self.include_env(&entry, scope)?;
            let inner = Scope { folder: entry.folder.clone(), env };
            let imported = self.model(&entry.files, &inner, included)?;
            import(&imported, model)?;
        }
        Ok(())
    }

    fn include_env(&self, entry: &Include, scope: &Scope) -> Result<Env, LoadError> {
        let mut found = Env::new();
        let default = join(&entry.folder, ".env");
        let files = if entry.env_files.is_empty() {
            (self.files)(&default).map(|_| vec![default]).unwrap_or_default()
        } else {
            entry.env_files.clone()
        };
        for file in files {
            let Some(text) = (self.files)(&file) else {
                return Err(format!("stat {file}: no such file or directory").into());
            };
            let lookup = |name: &str| scope.env.get(name).cloned();
            dotenv::parse(&text, &mut found, &lookup)
                .map_err(|e| LoadError::at(format!("failed to read {file}: {e}"), &file, None))?;
        }
        found.extend(scope.env.clone());
        Ok(found)
    }

    /// A complaint about the value at a path of the model.
    pub(super) fn locate(&self, path: &[String], message: String) -> LoadError {
        let steps: Vec<&str> = path.iter().map(String::as_str).filter(|s| *s != "[]").collect();
        let mut best: Option<(usize, &Source, Span)> = None;
        for source in &self.sources {
            for document in &source.documents {
                let (depth, span) = deepest(document, &steps);
                if depth > 0 && best.as_ref().is_none_or(|(d, _, _)| depth >= *d) {
                    best = Some((depth, source, span));
                }
            }
        }
        match best {
            Some((_, source, span)) => LoadError::at(message, &source.file, Some(span)),
            None => LoadError {
                message,
                file: self.sources.first().map(|s| s.file.clone()),
                span: Some(Span { line: 1, column: 1 }),
            },
        }
    }

    /// A complaint whose text names its place, or quotes a value.
    fn locate_text(&self, message: String) -> LoadError {
        let path: Vec<String> = message
            .split(':')
            .next()
            .filter(|head| head.starts_with("services."))
            .map(|head| head.split('.').map(|s| s.trim_matches(['[', ']']).to_owned()).collect())
            .unwrap_or_default();
        if !path.is_empty() {
            return self.locate(&path, message);
        }
        let value = message.split_once(": ").map(|(_, v)| v.to_owned()).unwrap_or_default();
        let found = self.sources.iter().rev().find_map(|source| {
            let span = source.documents.iter().find_map(|d| containing(d, value.trim()))?;
            Some((source.file.clone(), span))
        });
        match found {
            Some((file, span)) => LoadError::at(message, &file, Some(span)),
            None => self.locate(&[], message),
        }
    }
}

fn join_unless_absolute(folder: &str, path: &str) -> String {
    if path.starts_with('/') { super::values::clean(path) } else { join(folder, path) }
}

/// How far a path leads, and the span of the last key or item on the way.
fn deepest(node: &Node, steps: &[&str]) -> (usize, Span) {
    let mut node = node;
    let mut span = node.span;
    for (depth, step) in steps.iter().enumerate() {
        let next = match &node.kind {
            Kind::Mapping(_) => {
                span = node.key_node(step).map_or(span, |k| k.span);
                node.get(step)
            }
            Kind::Sequence(items) => {
                let item = step.parse().ok().and_then(|i: usize| items.get(i));
                span = item.map_or(span, |n| n.span);
                item
            }
            Kind::Scalar { .. } => None,
        };
        match next {
            Some(next) => node = next,
            None => return (depth, span),
        }
    }
    (steps.len(), span)
}

/// The place of a scalar that contains a text.
fn containing(node: &Node, text: &str) -> Option<Span> {
    if text.is_empty() {
        return None;
    }
    match &node.kind {
        Kind::Scalar { text: own, .. } => own.contains(text).then_some(node.span),
        Kind::Sequence(items) => items.iter().find_map(|item| containing(item, text)),
        Kind::Mapping(entries) => entries.iter().find_map(|(_, value)| containing(value, text)),
    }
}

fn track(tracker: &Tracker, file: &str, service: &str) -> Result<Tracker, String> {
    if tracker.len() >= MAX_CHAIN {
        return Err(format!("more than {MAX_CHAIN} services extend each other"));
    }
    let mut next = tracker.clone();
    next.push((file.to_owned(), service.to_owned()));
    let again = tracker.iter().any(|(f, s)| f == file && s == service);
    if !again {
        return Ok(next);
    }
    let mut lines = vec!["Circular reference:".to_owned()];
    for (index, (file, service)) in next.iter().enumerate() {
        let verb = if index == 0 { "" } else { "extends " };
        lines.push(format!("  {verb}{service} in {file}"));
    }
    Err(lines.join("\n"))
}

/// One entry of `include`.
#[derive(Debug)]
struct Include {
    files: Vec<String>,
    folder: String,
    env_files: Vec<String>,
}

impl Include {
    fn of(item: &Value, scope: &Scope) -> Self {
        let texts = |value: Option<&Value>| match value {
            Some(Value::Array(items)) => items.iter().map(sprint).collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(other) => vec![sprint(other)],
        };
        let absolute = |path: &String| join_unless_absolute(&scope.folder, path);
        let paths = if item.is_object() { texts(item.get("path")) } else { texts(Some(item)) };
        let files: Vec<String> = paths.iter().map(absolute).collect();
        let folder = match item.get("project_directory").map(sprint).filter(|d| !d.is_empty()) {
            Some(folder) => absolute(&folder),
            None => files.first().map(|f| dir(f)).unwrap_or_default(),
        };
        let env_files = texts(item.get("env_file")).iter().map(absolute).collect();
        Self { files, folder, env_files }
    }
}

fn import(source: &Value, target: &mut Value) -> Result<(), LoadError> {
    let Value::Object(target) = target else { return Ok(()) };
    for section in ["services", "volumes", "networks", "secrets", "configs", "models"] {
        let Some(Value::Object(from)) = source.get(section) else { continue };
        let to = target.entry(section).or_insert_with(schema::empty);
        let Value::Object(to) = to else { continue };
        for (name, resource) in from {
            match to.get(name) {
                Some(own) if own != resource => {
                    return Err(format!("{section}.{name} conflicts with imported resource").into());
                }
                Some(_) => {}
                None => {
                    to.insert(name.clone(), resource.clone());
                }
            }
        }
    }
    Ok(())
}
