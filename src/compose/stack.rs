//! Whether `docker stack` accepts a file, and its complaint if not.
//!
//! Models `docker/cli cli/compose/loader` and `schema` at 28.2: forbidden keys, versions, the
//! stricter templates, the schema of 3.13, and the decoders that can refuse. Left out: the
//! differences between the versions 3.0 to 3.13, and the canonical output.

use serde_json::Value;

use crate::base::yaml::{self, Kind, Node};

use super::check::Verdict;
use super::interpolate::{Cast, cast, matches, unset};
use super::load::{Env, LoadError};
use super::schema::{self, Style};
use super::template::{TemplateError, substitute};
use super::values::{dir, go_quote, join, sprint};
use super::{mounts, read, stack_spec};

const FORBIDDEN: &[&str] = &[
    "extends",
    "volume_driver",
    "volumes_from",
    "cpu_quota",
    "cpu_shares",
    "cpuset",
    "mem_limit",
    "memswap_limit",
];

const CASTS: &[(&str, Cast)] = &[
    ("configs.*.external", Cast::Bool),
    ("networks.*.attachable", Cast::Bool),
    ("networks.*.external", Cast::Bool),
    ("networks.*.internal", Cast::Bool),
    ("secrets.*.external", Cast::Bool),
    ("services.*.configs.[].mode", Cast::Int),
    ("services.*.deploy.placement.max_replicas_per_node", Cast::Int),
    ("services.*.deploy.replicas", Cast::Int),
    ("services.*.deploy.restart_policy.max_attempts", Cast::Int),
    ("services.*.deploy.rollback_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.rollback_config.parallelism", Cast::Int),
    ("services.*.deploy.update_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.update_config.parallelism", Cast::Int),
    ("services.*.healthcheck.disable", Cast::Bool),
    ("services.*.healthcheck.retries", Cast::Int),
    ("services.*.init", Cast::Bool),
    ("services.*.ports.[].published", Cast::Int),
    ("services.*.ports.[].target", Cast::Int),
    ("services.*.privileged", Cast::Bool),
    ("services.*.read_only", Cast::Bool),
    ("services.*.secrets.[].mode", Cast::Int),
    ("services.*.stdin_open", Cast::Bool),
    ("services.*.tty", Cast::Bool),
    ("services.*.ulimits.*", Cast::Int),
    ("services.*.ulimits.*.hard", Cast::Int),
    ("services.*.ulimits.*.soft", Cast::Int),
    ("services.*.volumes.[].read_only", Cast::Bool),
    ("services.*.volumes.[].tmpfs.size", Cast::Int),
    ("services.*.volumes.[].volume.nocopy", Cast::Bool),
    ("volumes.*.external", Cast::Bool),
];

/// What `docker stack config -c FILE` says.
pub(super) fn check(file: &str, env: &Env, reader: &dyn Fn(&str) -> Option<String>) -> Verdict {
    let mut warnings = Vec::new();
    let mut verdict = match judge(file, env, reader, &mut warnings) {
        Ok(()) => {
            Verdict { canonical: None, message: None, complaints: Vec::new(), warnings: Vec::new() }
        }
        Err(error) => Verdict::refused(&error, file),
    };
    verdict.warnings = warnings;
    verdict
}

fn judge(
    file: &str,
    env: &Env,
    reader: &dyn Fn(&str) -> Option<String>,
    warnings: &mut Vec<String>,
) -> Result<(), LoadError> {
    let Some(text) = reader(file) else {
        return Err(format!("open {file}: no such file or directory").into());
    };
    let documents = yaml::parse(&text).map_err(|e| LoadError {
        message: e.to_string(),
        file: Some(file.to_owned()),
        span: Some(e.span),
    })?;
    let Some(node) = documents.first() else {
        return Err("top-level object must be a mapping".to_owned().into());
    };
    let at = |path: &[String], message: String| {
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        let span = place(node, &steps);
        LoadError { message, file: Some(file.to_owned()), span: Some(span) }
    };
    let raw = read::read(node).map_err(|e| {
        let message =
            if e.parse { format!("yaml: unmarshal errors:\n  {}", e.message) } else { e.message };
        LoadError { message, file: Some(file.to_owned()), span: Some(e.span) }
    })?;
    let mut model = raw.value;
    if !model.is_object() {
        return Err(at(&[], "top-level object must be a mapping".to_owned()));
    }
    forbidden(&model).map_err(|(path, message)| at(&path, message))?;
    interpolate(&mut model, &mut Vec::new(), env, warnings).map_err(|(p, m)| at(&p, m))?;
    version(&model).map_err(|message| at(&["version".to_owned()], message))?;
    let faults = schema::faults(&stack_spec::FILE, &model, Style::Stack);
    if let Some(worst) = schema::worst(&faults, Style::Stack) {
        let index = faults.iter().position(|f| std::ptr::eq(f, worst));
        let next = index.and_then(|i| faults.get(i + 1));
        return Err(at(&worst.path, worst.stack(next)));
    }
    decode(&model, &dir(file), reader).map_err(|(path, message)| at(&path, message))
}

fn place(node: &Node, steps: &[&str]) -> yaml::Span {
    let Some((last, rest)) = steps.split_last() else { return node.span };
    let parent = node.nearest(rest);
    match &parent.kind {
        Kind::Mapping(_) => parent.key_node(last).map_or(parent.span, |k| k.span),
        Kind::Sequence(_) | Kind::Scalar { .. } => node.nearest(steps).span,
    }
}

type Complaint = (Vec<String>, String);

fn forbidden(model: &Value) -> Result<(), Complaint> {
    for (name, service) in super::consistency::section(model, "services") {
        for key in FORBIDDEN {
            if service.get(key).is_some() {
                let path = vec!["services".to_owned(), name.clone(), (*key).to_owned()];
                return Err((path, "Configuration contains forbidden properties".to_owned()));
            }
        }
    }
    Ok(())
}

fn version(model: &Value) -> Result<(), String> {
    let version = model.get("version").and_then(Value::as_str).unwrap_or("3.13");
    let minor = match version {
        "3" => Some(0),
        other => other.strip_prefix("3.").and_then(|m| m.parse::<u8>().ok()),
    };
    match minor {
        Some(0..=13) => Ok(()),
        _ => Err(format!("unsupported Compose file version: {version}")),
    }
}

fn interpolate(
    value: &mut Value,
    path: &mut Vec<String>,
    env: &Env,
    warnings: &mut Vec<String>,
) -> Result<(), Complaint> {
    match value {
        Value::String(text) => {
            let fail = |what: &str| {
                let at = path.join(".");
                let message = format!(
                    "invalid interpolation format for {at}: {}; you may need to escape any $ \
                     with another $",
                    go_quote(what)
                );
                (path.clone(), message)
            };
            if stray(text) {
                return Err(fail(text));
            }
            let lookup = |name: &str| env.get(name).cloned();
            let filled = substitute(text, &lookup, &mut |name| warnings.push(unset(name)))
                .map_err(|e| match &e {
                    TemplateError::Invalid(template) => fail(template),
                    TemplateError::Required(..) => fail(&e.reason()),
                })?;
            if filled == *text {
                return Ok(());
            }
            *value = match CASTS.iter().find(|(pattern, _)| matches(path, pattern)) {
                None => Value::String(filled),
                Some((_, to)) => cast(&filled, *to, &mut |w| warnings.push(w)).map_err(|why| {
                    let at = path.join(".");
                    let message = format!("failed to cast to expected type {at}: {why}");
                    (path.clone(), message)
                })?,
            };
            Ok(())
        }
        Value::Array(items) => {
            path.push("[]".to_owned());
            items.iter_mut().try_for_each(|item| interpolate(item, path, env, warnings))?;
            path.pop();
            Ok(())
        }
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                path.push(key.clone());
                interpolate(value, path, env, warnings)?;
                path.pop();
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Whether a `$` stands before something that is neither `$`, a name, nor a brace.
fn stray(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '$' {
            continue;
        }
        match chars.next() {
            Some('$' | '{' | '_') => {}
            Some(c) if c.is_ascii_alphabetic() => {}
            _ => return true,
        }
    }
    false
}

fn decode(
    model: &Value,
    folder: &str,
    reader: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Complaint> {
    for (name, service) in super::consistency::section(model, "services") {
        let here = |key: &str| vec!["services".to_owned(), name.clone(), key.to_owned()];
        let list = |key: &str| service.get(key).and_then(Value::as_array).into_iter().flatten();
        for (index, volume) in list("volumes").enumerate() {
            let Value::String(spec) = volume else { continue };
            if let Err(why) = mounts::parse(spec) {
                let message = format!(
                    "decoding failed due to the following error(s):\n\nerror decoding \
                     'Volumes[{index}]': {why}"
                );
                return Err((here("volumes"), message));
            }
        }
        let files: Vec<String> = match service.get("env_file") {
            Some(Value::Array(items)) => items.iter().map(sprint).collect(),
            Some(Value::String(file)) => vec![file.clone()],
            _ => Vec::new(),
        };
        for file in files {
            let path = if file.starts_with('/') { file } else { join(folder, &file) };
            if reader(&path).is_none() {
                let message = format!("open {path}: no such file or directory");
                return Err((here("env_file"), message));
            }
        }
    }
    Ok(())
}
