//! From the options of the command line to a project: which files, which name, which services.
//!
//! Models `compose-go cli/options.go` and `types/project.go`, and `docker compose`'s
//! `cmd/compose/compose.go` at v2.40.3.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::base::graph::Needs;
use crate::base::yaml::{self, Kind};

use super::consistency::{self, Services, section};
use super::emit::Tree;
use super::load::{Env, LoadError, Loader, Scope};
use super::records::PROJECT;
use super::template::{self, Variable};
use super::values::{base, clean, dir, go_quote, join, sprint};
use super::{canonical, decode, dotenv, interpolate};

/// What the command line says about the project.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `-f`, as given.
    pub files: Vec<String>,
    /// `-p`.
    pub name: Option<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// `--env-file`.
    pub env_files: Vec<String>,
    /// `--project-directory`.
    pub directory: Option<String>,
    /// What is asked of the loading.
    pub want: Want,
}

/// What is asked of the loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag of `docker compose config`")]
pub struct Want {
    /// Fill in variables.
    pub interpolation: bool,
    /// Make paths absolute.
    pub absolute_paths: bool,
    /// Add what is implied.
    pub normalization: bool,
    /// Check that the model makes sense.
    pub consistency: bool,
    /// Read the files of `env_file`.
    pub environment: bool,
    /// Keep networks and volumes that no service uses.
    pub unused: bool,
}

impl Default for Want {
    fn default() -> Self {
        Self {
            interpolation: true,
            absolute_paths: true,
            normalization: true,
            consistency: true,
            environment: true,
            unused: false,
        }
    }
}

/// Where the files are and what surrounds the command.
pub struct Surroundings<'a> {
    /// Absolute working folder.
    pub cwd: &'a str,
    /// Environment variables.
    pub env: &'a Env,
    /// The text of a file by absolute path.
    pub files: &'a dyn Fn(&str) -> Option<String>,
}

/// A loaded project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// The files it was read from.
    pub files: Vec<String>,
    /// The typed model: `services`, `networks`, `volumes`, … with active services only.
    pub model: Value,
    /// Services that are switched off.
    pub disabled: BTreeMap<String, Value>,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// Variables for filling in.
    pub env: Env,
    /// Whether `--env-file` was given, and which.
    pub env_files: Vec<String>,
}

/// A load with its warnings, which precede the error if there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The project or why there is none.
    pub result: Result<Project, LoadError>,
    /// Warnings, in order.
    pub warnings: Vec<String>,
}

const NAMES: &[&str] =
    &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Loads the project that the options mean, for the named services or for all.
#[must_use]
pub fn load(options: &Options, around: &Surroundings<'_>, services: &[String]) -> Outcome {
    let mut loader = Loader {
        files: around.files,
        home: around.env.get("HOME").cloned().unwrap_or_else(|| "/root".to_owned()),
        interpolate: options.want.interpolation,
        resolve_paths: options.want.absolute_paths,
        warnings: Vec::new(),
        sources: Vec::new(),
    };
    let result = find(options, around, &mut loader)
        .and_then(|found| read(options, found, &mut loader))
        .and_then(|project| select(project, services, options.want.unused));
    Outcome { result, warnings: loader.warnings }
}

/// The files of a project, its folder, and its variables.
#[derive(Clone, Debug)]
struct Found {
    files: Vec<String>,
    folder: String,
    env: Env,
}

fn absolute(cwd: &str, path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { join(cwd, path) }
}

fn find(
    options: &Options,
    around: &Surroundings<'_>,
    loader: &mut Loader<'_>,
) -> Result<Found, LoadError> {
    let start = options.directory.as_deref().map(|d| absolute(around.cwd, d));
    let mut env = around.env.clone();
    let first =
        start.clone().or_else(|| options.files.first().map(|f| dir(&absolute(around.cwd, f))));
    load_env(options, around, first.as_deref().unwrap_or(around.cwd), &mut env)?;
    let mut files: Vec<String> = options.files.iter().map(|f| absolute(around.cwd, f)).collect();
    if files.is_empty()
        && let Some(list) = env.get("COMPOSE_FILE").filter(|l| !l.is_empty())
    {
        let separator = env.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
        files = list.split(separator).map(|f| absolute(around.cwd, f)).collect();
    }
    if files.is_empty() {
        files = default_files(start.as_deref().unwrap_or(around.cwd), loader)?;
    }
    let folder = start.unwrap_or_else(|| files.first().map(|f| dir(f)).unwrap_or_default());
    load_env(options, around, &folder, &mut env)?;
    Ok(Found { files, folder, env })
}

fn load_env(
    options: &Options,
    around: &Surroundings<'_>,
    folder: &str,
    env: &mut Env,
) -> Result<(), LoadError> {
    let default = join(folder, ".env");
    let files: Vec<String> = if options.env_files.is_empty() {
        (around.files)(&default).map(|_| vec![default]).unwrap_or_default()
    } else {
        options.env_files.iter().map(|f| absolute(around.cwd, f)).collect()
    };
    let mut found = Env::new();
    for file in files {
        let Some(text) = (around.files)(&file) else {
            return Err(format!("couldn't find env file: {file}").into());
        };
        let lookup = |name: &str| env.get(name).cloned();
        dotenv::parse(&text, &mut found, &lookup).map_err(|e| LoadError {
            message: format!("failed to read {file}: {e}"),
            file: Some(file.clone()),
            span: None,
        })?;
    }
    for (key, value) in found {
        env.entry(key).or_insert(value);
    }
    Ok(())
}

/// The files with the usual names, here or in a folder above.
fn default_files(start: &str, loader: &mut Loader<'_>) -> Result<Vec<String>, LoadError> {
    let mut folder = start.to_owned();
    loop {
        let here = |names: &[&str]| -> Vec<String> {
            let paths = names.iter().map(|n| join(&folder, n));
            paths.filter(|p| (loader.files)(p).is_some()).collect()
        };
        let (mains, overrides) = (here(NAMES), here(OVERRIDES));
        if let Some(main) = mains.first() {
            let mut files = vec![main.clone()];
            if mains.len() > 1 {
                loader.warnings.push(format!(
                    "Found multiple config files with supported names: {}",
                    mains.join(", ")
                ));
                loader.warnings.push(format!("Using {main}"));
            }
            if let Some(first) = overrides.first() {
                if overrides.len() > 1 {
                    loader.warnings.push(format!(
                        "Found multiple override files with supported names: {}",
                        overrides.join(", ")
                    ));
                    loader.warnings.push(format!("Using {first}"));
                }
                files.push(first.clone());
            }
            return Ok(files);
        }
        if folder == "/" {
            return Err("no configuration file provided: not found".to_owned().into());
        }
        folder = dir(&folder);
    }
}

/// Whether a file names the project, and why it cannot even be asked.
fn named(file: &str, text: &str) -> Result<Option<String>, LoadError> {
    let fail = |message: String, span| {
        Err(LoadError { message, file: Some(file.to_owned()), span: Some(span) })
    };
    let documents = match yaml::parse(text) {
        Ok(documents) => documents,
        Err(e) => return fail(e.to_string(), e.span),
    };
    let Some(node) = documents.first() else { return Ok(None) };
    let mismatch = |what: String| {
        let line = node.span.line;
        fail(format!("yaml: unmarshal errors:\n  line {line}: cannot unmarshal {what}"), node.span)
    };
    match &node.kind {
        Kind::Sequence(_) => mismatch("!!seq into cli.named".to_owned()),
        Kind::Scalar { text, .. } => {
            let value = node.value(yaml::Dialect::Compose);
            let tag = match &value {
                Value::Null => return Ok(None),
                Value::Bool(_) => "bool",
                Value::Number(n) if n.is_f64() => "float",
                Value::Number(_) => "int",
                _ => "str",
            };
            let mut shown: String = text.chars().take(10).collect();
            if text.chars().count() > 10 {
                shown = text.chars().take(7).collect::<String>() + "...";
            }
            mismatch(format!("!!{tag} `{shown}` into cli.named"))
        }
        Kind::Mapping(entries) => {
            let mut lines: BTreeMap<&str, u32> = BTreeMap::new();
            for (key, _) in entries {
                let Some(text) = key.text() else { continue };
                if let Some(line) = lines.insert(text, key.span.line) {
                    let message = format!(
                        "yaml: unmarshal errors:\n  line {}: mapping key {} already defined \
                         at line {line}",
                        key.span.line,
                        go_quote(text)
                    );
                    return fail(message, key.span);
                }
            }
            let name = node.get("name");
            match name.map(|n| (&n.kind, n.value(yaml::Dialect::Compose))) {
                None | Some((_, Value::Null)) => Ok(None),
                Some((Kind::Scalar { text, .. }, _)) => Ok(Some(text.clone())),
                Some((kind, _)) => {
                    let tag = if matches!(kind, Kind::Sequence(_)) { "seq" } else { "map" };
                    let span = name.map_or(node.span, |n| n.span);
                    let line = span.line;
                    fail(
                        format!(
                            "yaml: unmarshal errors:\n  line {line}: cannot unmarshal !!{tag} \
                             into string"
                        ),
                        span,
                    )
                }
            }
        }
    }
}

/// A name with everything dropped that a project's name may not have.
#[must_use]
pub fn normal_name(name: &str) -> String {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

fn project_name(
    options: &Options,
    found: &Found,
    loader: &mut Loader<'_>,
) -> Result<String, LoadError> {
    let explicit = options.name.clone().filter(|n| !n.is_empty());
    let mut texts = Vec::new();
    for file in &found.files {
        texts.push((file.clone(), loader.text(file)?));
    }
    let mut in_file = None;
    if explicit.is_none() {
        for (file, text) in &texts {
            in_file = named(file, text)?;
            if in_file.is_some() {
                break;
            }
        }
    }
    let given = explicit
        .or_else(|| found.env.get("COMPOSE_PROJECT_NAME").filter(|n| !n.is_empty()).cloned());
    if let Some(name) = given {
        if normal_name(&name) != name {
            return Err(format!(
                "invalid project name {}: must consist only of lowercase alphanumeric characters, \
                 hyphens, and underscores as well as start with a letter or number",
                go_quote(&name)
            )
            .into());
        }
        return Ok(name);
    }
    let fallback = normal_name(base(&found.folder));
    if in_file.is_none() {
        return Ok(fallback);
    }
    // The last file that names the project counts.
    let last = texts.iter().rev().find_map(|(file, text)| named(file, text).ok().flatten());
    let mut value = json!({"name": last.or(in_file).unwrap_or_default()});
    if loader.interpolate {
        let mut warnings = Vec::new();
        let lookup = |name: &str| found.env.get(name).cloned();
        interpolate::interpolate(&mut value, &lookup, &mut |w| warnings.push(w))
            .map_err(|e| LoadError::from(e.message))?;
        loader.warnings.extend(warnings);
    }
    let name = normal_name(&value.get("name").map(sprint).unwrap_or_default());
    Ok(name)
}

fn read(options: &Options, found: Found, loader: &mut Loader<'_>) -> Result<Project, LoadError> {
    let name = project_name(options, &found, loader)?;
    let mut env = found.env.clone();
    env.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    let scope = Scope { folder: found.folder.clone(), env: env.clone() };
    let mut model = loader.model(&found.files, &scope, &[])?;
    if model.as_object().is_none_or(Map::is_empty) {
        return Err("empty compose file".to_owned().into());
    }
    if name.is_empty() {
        return Err("project name must not be empty".to_owned().into());
    }
    if options.want.normalization {
        canonical::normalize(&mut model, &name, &env);
    }
    if let Value::Object(map) = &mut model {
        map.insert("name".to_owned(), json!(name));
    }
    let mut warnings = Vec::new();
    let decoded = decode::decode(&PROJECT, &model, &mut |w| warnings.push(w));
    loader.warnings.extend(warnings);
    let mut model = decoded.map_err(|errors| {
        let path = errors.first().map(|e| e.path.clone()).unwrap_or_default();
        loader.locate(&path, decode::message(&errors))
    })?;
    let mut profiles = options.profiles.clone();
    if profiles.is_empty()
        && let Some(list) = env.get("COMPOSE_PROFILES")
    {
        profiles =
            list.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect();
    }
    let services = Services::of(&model, &profiles);
    if options.want.consistency {
        consistency::check(&model, &services)
            .map_err(|(path, message)| loader.locate(&path, message))?;
    }
    let owned = |set: &BTreeMap<&str, &Map<String, Value>>| -> BTreeMap<String, Value> {
        set.iter().map(|(k, v)| ((*k).to_owned(), Value::Object((*v).clone()))).collect()
    };
    let (mut active, disabled) = (owned(&services.active), owned(&services.disabled));
    if options.want.environment {
        for service in active.values_mut() {
            environment(service, &env, loader)?;
            labels(service, loader)?;
        }
    }
    if let Value::Object(map) = &mut model {
        map.insert("services".to_owned(), active.into_iter().collect());
    }
    Ok(Project {
        name,
        folder: found.folder,
        files: found.files,
        model,
        disabled,
        profiles,
        env,
        env_files: options.env_files.clone(),
    })
}

/// Reads the files of variables of a service.
fn environment(service: &mut Value, env: &Env, loader: &Loader<'_>) -> Result<(), LoadError> {
    let Value::Object(service) = service else { return Ok(()) };
    let mut own: Map<String, Value> =
        service.get("environment").and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in &mut own {
        if value.is_null()
            && let Some(found) = env.get(key)
        {
            *value = json!(found);
        }
    }
    let files = service.remove("env_file");
    let mut all: Env = Env::new();
    for (key, value) in &own {
        if let Value::String(value) = value {
            all.insert(key.clone(), value.clone());
        }
    }
    for file in files.iter().flat_map(|f| f.as_array().into_iter().flatten()) {
        let path = file.get("path").map(sprint).unwrap_or_default();
        let required =
            file.get("required").is_none_or(|r| matches!(r, Value::Bool(true)) || r == "true");
        let Some(text) = (loader.files)(&path) else {
            if required {
                return Err(format!(
                    "env file {path} not found: stat {path}: no such file or directory"
                )
                .into());
            }
            continue;
        };
        let lookup = |name: &str| {
            env.get(name)
                .cloned()
                .or_else(|| own.get(name).and_then(Value::as_str).map(str::to_owned))
        };
        match file.get("format").map(sprint).as_deref() {
            Some("raw") => raw(&text, &mut all, &lookup)
                .map_err(|e| LoadError::from(format!("failed to parse env_file {path}: {e}")))?,
            _ => dotenv::parse(&text, &mut all, &lookup).map_err(|e| LoadError {
                message: format!("failed to read {path}: {e}"),
                file: Some(path.clone()),
                span: None,
            })?,
        }
    }
    let mut merged: Map<String, Value> = all.into_iter().map(|(k, v)| (k, json!(v))).collect();
    merged.extend(own);
    if !merged.is_empty() {
        service.insert("environment".to_owned(), Value::Object(merged));
    }
    Ok(())
}

/// Variables as `docker run --env-file` reads them: no quotes, no expansion.
fn raw(text: &str, out: &mut Env, lookup: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    for line in text.lines().map(str::trim_start).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        if key.contains(char::is_whitespace) {
            return Err(format!("variable '{key}' contains whitespaces"));
        }
        out.extend(value.map(|value| (key.to_owned(), value)));
    }
    Ok(())
}

/// Reads the files of labels of a service.
fn labels(service: &mut Value, loader: &Loader<'_>) -> Result<(), LoadError> {
    let Value::Object(service) = service else { return Ok(()) };
    let Some(files) = service.remove("label_file") else { return Ok(()) };
    let mut all = Env::new();
    for file in files.as_array().into_iter().flatten() {
        let path = sprint(file);
        let Some(text) = (loader.files)(&path) else {
            return Err(format!(
                "label file {path} not found: stat {path}: no such file or directory"
            )
            .into());
        };
        dotenv::parse(&text, &mut all, &|_| None).map_err(|e| LoadError {
            message: format!("failed to read {path}: {e}"),
            file: Some(path.clone()),
            span: None,
        })?;
    }
    let mut merged: Map<String, Value> = all.into_iter().map(|(k, v)| (k, json!(v))).collect();
    if let Some(Value::Object(own)) = service.remove("labels") {
        merged.extend(own);
    }
    service.insert("labels".to_owned(), Value::Object(merged));
    Ok(())
}

/// Keeps the named services and what they depend on.
fn select(mut project: Project, names: &[String], unused: bool) -> Result<Project, LoadError> {
    project.enable(names);
    if !names.is_empty() {
        let mut keep = BTreeSet::new();
        project.collect(names, true, &mut keep)?;
        project.keep(&keep);
    }
    if !unused {
        project.drop_unused();
    }
    Ok(project)
}

impl Project {
    /// A service of the model.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Value> {
        self.model.get("services")?.get(name)
    }

    /// The names of the active services, sorted.
    #[must_use]
    pub fn service_names(&self) -> Vec<String> {
        section(&self.model, "services").map(|(name, _)| name.clone()).collect()
    }

    /// What a service depends on.
    pub fn dependencies<'a>(
        &'a self,
        name: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        let service = self.service(name);
        service.and_then(|s| s.get("depends_on")).and_then(Value::as_object).into_iter().flatten()
    }

    /// Switches named services on, with everything that shares their profiles.
    fn enable(&mut self, names: &[String]) {
        let mut profiles = self.profiles.clone();
        for name in names {
            let own = self.disabled.get(name).and_then(|s| s.get("profiles"));
            profiles.extend(own.and_then(Value::as_array).into_iter().flatten().map(sprint));
        }
        if profiles.len() == self.profiles.len() {
            return;
        }
        let on = |service: &Value| {
            let own = service.get("profiles").and_then(Value::as_array);
            own.into_iter().flatten().any(|p| profiles.iter().any(|q| p.as_str() == Some(q)))
        };
        let names: Vec<String> =
            self.disabled.iter().filter(|(_, s)| on(s)).map(|(n, _)| n.clone()).collect();
        for name in names {
            let Some(service) = self.disabled.remove(&name) else { continue };
            if let Some(Value::Object(services)) = self.model.get_mut("services") {
                services.insert(name, service);
            }
        }
        self.profiles = profiles;
    }

    /// The named services and, if wanted, all they depend on.
    ///
    /// # Errors
    /// A service that does not exist.
    pub fn collect(
        &self,
        names: &[String],
        dependencies: bool,
        into: &mut BTreeSet<String>,
    ) -> Result<(), LoadError> {
        let mut open: Vec<(String, bool)> = names.iter().map(|n| (n.clone(), true)).collect();
        while let Some((name, required)) = open.pop() {
            if self.service(&name).is_none() {
                if required {
                    return Err(format!("no such service: {name}").into());
                }
                continue;
            }
            if into.insert(name.clone()) && dependencies {
                open.extend(self.dependencies(&name).map(|(n, d)| {
                    (n.clone(), d.get("required").and_then(Value::as_bool).unwrap_or(false))
                }));
            }
        }
        Ok(())
    }

    /// Switches all other services off.
    pub fn keep(&mut self, names: &BTreeSet<String>) {
        let Some(Value::Object(services)) = self.model.get_mut("services") else { return };
        let off: Vec<String> = services.keys().filter(|n| !names.contains(*n)).cloned().collect();
        for name in off {
            if let Some(service) = services.remove(&name) {
                self.disabled.insert(name, service);
            }
        }
        for service in services.values_mut() {
            let Some(Value::Object(depends_on)) = service.get_mut("depends_on") else { continue };
            depends_on.retain(|name, _| names.contains(name));
            if depends_on.is_empty()
                && let Value::Object(service) = service
            {
                service.remove("depends_on");
            }
        }
    }

    /// Drops networks, volumes, secrets, configs and models that no service uses.
    fn drop_unused(&mut self) {
        let mut used: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (_, service) in section(&self.model, "services") {
            for kind in ["networks", "models"] {
                let keys = service.get(kind).and_then(Value::as_object).into_iter().flatten();
                used.entry(kind).or_default().extend(keys.map(|(k, _)| k.clone()));
            }
            let list = |pointer: &str| {
                service.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
            };
            let source = |item: &Value| item.get("source").map(sprint);
            let volumes = list("/volumes")
                .filter(|v| v.get("type").and_then(Value::as_str) == Some("volume"));
            used.entry("volumes").or_default().extend(volumes.filter_map(source));
            let secrets = list("/secrets").chain(list("/build/secrets"));
            used.entry("secrets").or_default().extend(secrets.filter_map(source));
            used.entry("configs").or_default().extend(list("/configs").filter_map(source));
        }
        let Value::Object(model) = &mut self.model else { return };
        for kind in ["networks", "volumes", "secrets", "configs", "models"] {
            let Some(Value::Object(entries)) = model.get_mut(kind) else { continue };
            entries.retain(|name, _| used.get(kind).is_some_and(|u| u.contains(name)));
            if entries.is_empty() {
                model.remove(kind);
            }
        }
    }

    /// The services in the order in which they can start: repeatedly the first by name whose
    /// dependencies are placed.
    #[must_use]
    pub fn start_order(&self) -> Vec<String> {
        let names = self.service_names();
        let needs = Needs::by_name(&names, |name| self.dependencies(name).map(|(d, _)| d));
        needs.order().into_iter().filter_map(|at| names.get(at).cloned()).collect()
    }

    /// The project as `docker compose config` prints it.
    pub(super) fn tree(&self) -> Tree {
        let mut model = self.model.clone();
        if let Some(Value::Object(configs)) = model.get_mut("configs") {
            for config in configs.values_mut().filter_map(Value::as_object_mut) {
                if config.contains_key("environment") {
                    config.remove("content");
                }
            }
        }
        decode::tree(&PROJECT, &model)
    }

    /// Canonical YAML; dollars are doubled, so that it can be read again.
    #[must_use]
    pub fn yaml(&self) -> String {
        self.tree().yaml().replace('$', "$$")
    }

    /// The variables that the texts of the model use, without those named twice; the model must
    /// have been read without filling them in.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let mut found: Vec<Variable> = Vec::new();
        let mut open: Vec<&Value> = vec![&self.model];
        open.extend(self.disabled.values());
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => {
                    for variable in template::variables(text) {
                        if !found.iter().any(|known| known.name == variable.name) {
                            found.push(variable);
                        }
                    }
                }
                Value::Array(items) => open.extend(items),
                Value::Object(map) => open.extend(map.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Canonical JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Go prints commands that are not given as null, and sorts the top level.
        let tree = match self.tree() {
            Tree::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .into_iter()
                    .map(|(k, v)| match k.as_str() {
                        "services" => (k, commands(v)),
                        "networks" => (k, address_plans(v)),
                        _ => (k, v),
                    })
                    .collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                Tree::Map(entries)
            }
            other => other,
        };
        tree.json().replace('$', "$$")
    }
}

/// Go prints the address plan of a network also if there is none.
fn address_plans(networks: Tree) -> Tree {
    let Tree::Map(networks) = networks else { return networks };
    let fill = |(name, network): (String, Tree)| {
        let Tree::Map(mut entries) = network else { return (name, network) };
        if !entries.iter().any(|(k, _)| k == "ipam") {
            let rank = |k: &str| super::records::NETWORK_CONFIG.0.iter().position(|c| c.name == k);
            let at =
                entries.iter().position(|(k, _)| rank(k) > rank("ipam")).unwrap_or(entries.len());
            entries.insert(at, ("ipam".to_owned(), Tree::Map(Vec::new())));
        }
        (name, Tree::Map(entries))
    };
    Tree::Map(networks.into_iter().map(fill).collect())
}

fn commands(services: Tree) -> Tree {
    let Tree::Map(services) = services else { return services };
    let fill = |(name, service): (String, Tree)| {
        let Tree::Map(mut entries) = service else { return (name, service) };
        for key in ["command", "entrypoint"] {
            if entries.iter().any(|(k, _)| k == key) {
                continue;
            }
            let rank = |k: &str| super::records::SERVICE_CONFIG.0.iter().position(|c| c.name == k);
            let at = entries.iter().position(|(k, _)| rank(k) > rank(key)).unwrap_or(entries.len());
            entries.insert(at, (key.to_owned(), Tree::Plain("null".to_owned())));
        }
        (name, Tree::Map(entries))
    };
    Tree::Map(services.into_iter().map(fill).collect())
}
