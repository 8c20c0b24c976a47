//! The client's own check of lists against the schema.
//!
//! kubectl leaves single objects to the server, but checks the elements of a `List` itself, with
//! other words (kubectl `pkg/validation`, `pkg/util/openapi/validation`). Left out: required fields
//! other than those of workloads.

use serde_json::Value;

use crate::kube::api::convert;
use crate::kube::api::object::{Kind, Object};

/// Workloads whose spec needs a selector and a template.
const NEEDS_SELECTOR: [&str; 4] = ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"];

/// What the schema says against an element; nothing for kinds it does not know.
pub(super) fn check(value: &Value) -> Vec<String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let (kind, version) = (text("kind"), text("apiVersion"));
    let Some(found) = Kind::find(kind, version) else { return Vec::new() };
    let mut out = Vec::new();
    let model = model(found);
    let converted = convert::to_stored(found, value);
    match Object::from_value(found, &converted) {
        Err(error) => {
            if let Some(why) = wrong_type(&error.message, &error.at, kind, &model) {
                out.push(why);
            }
            // The rest of the element is looked at without the field of the wrong type.
            let mut rest = converted.clone();
            remove(&mut rest, &error.at);
            if let Ok(decoded) = Object::from_value(found, &rest) {
                unknown(&decoded.unknown, kind, &model, &mut out);
            }
        }
        Ok(decoded) => unknown(&decoded.unknown, kind, &model, &mut out),
    }
    if NEEDS_SELECTOR.contains(&kind)
        && let Some(spec) = value.get("spec").filter(|s| s.is_object())
    {
        for field in ["selector", "template"] {
            if spec.get(field).is_none() {
                out.push(format!(
                    "ValidationError({kind}.spec): missing required field \"{field}\" in \
                     {model}.{kind}Spec"
                ));
            }
        }
    }
    out
}

/// `io.k8s.api.apps.v1`.
fn model(kind: Kind) -> String {
    let info = kind.info();
    let group = info.group.split('.').next().unwrap_or("");
    let group = if group.is_empty() { "core" } else { group };
    format!("io.k8s.api.{group}.{}", info.version)
}

/// The path of a holder and the name of its type, for fields of the object and of its spec.
fn holder(at: &[String], kind: &str, model: &str) -> (String, String) {
    let names: Vec<String> = at.iter().take(at.len().saturating_sub(1)).cloned().collect();
    let path =
        if names.is_empty() { kind.to_owned() } else { format!("{kind}.{}", names.join(".")) };
    let of = match names.as_slice() {
        [] => format!("{model}.{kind}"),
        [one] if one == "spec" => format!("{model}.{kind}Spec"),
        [one] if one == "metadata" => "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned(),
        many => {
            let last = many.iter().rev().find(|s| s.parse::<u32>().is_err());
            let last = last.map_or("", String::as_str);
            let type_name = match last {
                "containers" | "initContainers" => "Container",
                "template" => "PodTemplateSpec",
                "spec" => "PodSpec",
                "ports" => "ContainerPort",
                other => other,
            };
            format!("io.k8s.api.core.v1.{type_name}")
        }
    };
    (path, of)
}

fn unknown(
    list: &[crate::kube::api::decode::Unknown],
    kind: &str,
    model: &str,
    out: &mut Vec<String>,
) {
    for one in list {
        let (path, of) = holder(&one.at, kind, model);
        let field = one.at.last().map_or("", String::as_str);
        out.push(format!("ValidationError({path}): unknown field \"{field}\" in {of}"));
    }
}

fn wrong_type(message: &str, at: &[String], kind: &str, model: &str) -> Option<String> {
    let rest = message.strip_prefix("json: cannot unmarshal ")?;
    let got = rest.split(' ').next()?;
    let wanted = message.rsplit_once(" of type ")?.1;
    let expected = match wanted {
        "int32" | "int64" | "uint16" => "integer",
        "bool" => "boolean",
        "string" => "string",
        "float64" => "number",
        t if t.starts_with("[]") => "array",
        _ => "map",
    };
    let got = match got {
        "bool" => "boolean",
        "number" => "integer",
        "object" => "map",
        other => other,
    };
    let (path, of) = holder(at, kind, model);
    let field = at.last()?;
    Some(format!(
        "ValidationError({path}.{field}): invalid type for {of}.{field}: got \"{got}\", expected \
         \"{expected}\""
    ))
}

fn remove(value: &mut Value, at: &[String]) {
    let Some((first, rest)) = at.split_first() else { return };
    match value {
        Value::Object(map) if rest.is_empty() => {
            map.remove(first);
        }
        Value::Object(map) => {
            if let Some(inner) = map.get_mut(first) {
                remove(inner, rest);
            }
        }
        Value::Array(items) => {
            if let Some(inner) = first.parse().ok().and_then(|i: usize| items.get_mut(i)) {
                remove(inner, rest);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
