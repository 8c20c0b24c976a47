//! Filling in variables all over a model, and casting texts to the types that some keys want.
//!
//! Models `compose-go interpolation/interpolation.go` and `loader/interpolate.go`.

use serde_json::{Number, Value};

use super::template::substitute;
use super::values::go_quote;

/// What a text at some place must become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cast {
    /// A Go `int`.
    Int,
    /// A Go `int64`.
    Int64,
    /// A number.
    Float,
    /// A truth value.
    Bool,
}

const CASTS: &[(&str, Cast)] = &[
    ("services.*.cpu_count", Cast::Int64),
    ("services.*.cpu_percent", Cast::Float),
    ("services.*.cpu_period", Cast::Int64),
    ("services.*.cpu_quota", Cast::Int64),
    ("services.*.cpu_rt_period", Cast::Int64),
    ("services.*.cpu_rt_runtime", Cast::Int64),
    ("services.*.cpus", Cast::Float),
    ("services.*.cpu_shares", Cast::Int64),
    ("services.*.init", Cast::Bool),
    ("services.*.deploy.replicas", Cast::Int),
    ("services.*.deploy.update_config.parallelism", Cast::Int),
    ("services.*.deploy.update_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.rollback_config.parallelism", Cast::Int),
    ("services.*.deploy.rollback_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.restart_policy.max_attempts", Cast::Int),
    ("services.*.deploy.placement.max_replicas_per_node", Cast::Int),
    ("services.*.healthcheck.retries", Cast::Int),
    ("services.*.healthcheck.disable", Cast::Bool),
    ("services.*.oom_kill_disable", Cast::Bool),
    ("services.*.oom_score_adj", Cast::Int64),
    ("services.*.pids_limit", Cast::Int64),
    ("services.*.ports.[].target", Cast::Int),
    ("services.*.privileged", Cast::Bool),
    ("services.*.read_only", Cast::Bool),
    ("services.*.scale", Cast::Int),
    ("services.*.stdin_open", Cast::Bool),
    ("services.*.tty", Cast::Bool),
    ("services.*.ulimits.*", Cast::Int),
    ("services.*.ulimits.*.hard", Cast::Int),
    ("services.*.ulimits.*.soft", Cast::Int),
    ("services.*.volumes.[].read_only", Cast::Bool),
    ("services.*.volumes.[].volume.nocopy", Cast::Bool),
    ("networks.*.external", Cast::Bool),
    ("networks.*.internal", Cast::Bool),
    ("networks.*.attachable", Cast::Bool),
    ("networks.*.enable_ipv4", Cast::Bool),
    ("networks.*.enable_ipv6", Cast::Bool),
    ("volumes.*.external", Cast::Bool),
    ("secrets.*.external", Cast::Bool),
    ("configs.*.external", Cast::Bool),
];

/// Whether a place matches a pattern; `*` stands for any key.
pub(super) fn matches(path: &[String], pattern: &str) -> bool {
    let mut steps = path.iter();
    let mut parts = pattern.split('.');
    loop {
        match (steps.next(), parts.next()) {
            (None, None) => return true,
            (Some(step), Some(part)) if part == "*" || part == step => {}
            _ => return false,
        }
    }
}

/// A complaint about a value at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathError {
    /// Where, with `[]` for items of lists.
    pub(super) path: Vec<String>,
    /// The text of the real tool.
    pub(super) message: String,
}

/// Fills in the variables of a model in place.
pub(super) fn interpolate(
    value: &mut Value,
    lookup: &dyn Fn(&str) -> Option<String>,
    warn: &mut dyn FnMut(String),
) -> Result<(), PathError> {
    walk(value, &mut Vec::new(), lookup, warn)
}

/// The warning about a variable that is not set.
pub(super) fn unset(name: &str) -> String {
    format!("The {} variable is not set. Defaulting to a blank string.", go_quote(name))
}

fn walk(
    value: &mut Value,
    path: &mut Vec<String>,
    lookup: &dyn Fn(&str) -> Option<String>,
    warn: &mut dyn FnMut(String),
) -> Result<(), PathError> {
    match value {
        Value::String(text) => {
            let shown = || path.join(".");
            let filled = substitute(text, lookup, &mut |name| warn(unset(name)))
                .map_err(|e| PathError { path: path.clone(), message: e.at(&shown()) })?;
            let cast_to = CASTS.iter().find(|(pattern, _)| matches(path, pattern));
            *value = match cast_to {
                None => Value::String(filled),
                Some((_, to)) => cast(&filled, *to, warn).map_err(|why| PathError {
                    path: path.clone(),
                    message: format!(
                        "error while interpolating {}: failed to cast to expected type: {why}",
                        shown()
                    ),
                })?,
            };
            Ok(())
        }
        Value::Array(items) => {
            path.push("[]".to_owned());
            items.iter_mut().try_for_each(|item| walk(item, path, lookup, warn))?;
            path.pop();
            Ok(())
        }
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                path.push(key.clone());
                walk(value, path, lookup, warn)?;
                path.pop();
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A text as another type.
pub(super) fn cast(text: &str, to: Cast, warn: &mut dyn FnMut(String)) -> Result<Value, String> {
    match to {
        Cast::Int => integer(text, "Atoi").map(Value::from),
        Cast::Int64 => integer(text, "ParseInt").map(Value::from),
        Cast::Float => {
            let number = text.parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| {
                format!("strconv.ParseFloat: parsing {}: invalid syntax", go_quote(text))
            })
        }
        Cast::Bool => {
            let old = |kind: bool| {
                format!(
                    "{} for boolean is not supported by YAML 1.2, please use `{kind}`",
                    go_quote(text)
                )
            };
            match text.to_lowercase().as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "y" | "yes" | "on" => {
                    warn(old(true));
                    Ok(Value::Bool(true))
                }
                "n" | "no" | "off" => {
                    warn(old(false));
                    Ok(Value::Bool(false))
                }
                _ => Err(format!("invalid boolean: {text}")),
            }
        }
    }
}

fn integer(text: &str, function: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    text.parse().map_err(|_| {
        let why = if numeric { "value out of range" } else { "invalid syntax" };
        format!("strconv.{function}: parsing {}: {why}", go_quote(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn casts() {
        let mut model = json!({"services": {"w": {"scale": "${N}", "init": "yes",
            "ports": [{"target": "80"}], "image": "a:${T-1}"}}});
        let lookup = |n: &str| (n == "N").then(|| "3".to_owned());
        let mut warnings = Vec::new();
        interpolate(&mut model, &lookup, &mut |w| warnings.push(w)).unwrap();
        assert_eq!(
            model,
            json!({"services": {"w": {"scale": 3, "init": true,
                "ports": [{"target": 80}], "image": "a:1"}}})
        );
        assert_eq!(
            warnings,
            ["\"yes\" for boolean is not supported by YAML 1.2, please use `true`"]
        );
        let mut bad = json!({"services": {"w": {"scale": "x"}}});
        let error = interpolate(&mut bad, &lookup, &mut |_| {}).unwrap_err();
        assert_eq!(
            error.message,
            "error while interpolating services.w.scale: failed to cast to expected type: \
             strconv.Atoi: parsing \"x\": invalid syntax"
        );
    }
}
