//! `kubectl label` and `kubectl annotate`.
//!
//! Follows kubectl `pkg/cmd/label/label.go` and `pkg/cmd/annotate/annotate.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT, full_name};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::request::{PatchType, Request};

pub(super) const LABEL: Verb = Verb {
    path: "label",
    usage: "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N",
    about: "Set or remove labels",
    flags: &[FILES, SELECT, FLAGS],
    required: &[],
    run: label,
};

pub(super) const ANNOTATE: Verb = Verb {
    path: "annotate",
    usage: "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N",
    about: "Set or remove annotations",
    flags: &[FILES, SELECT, FLAGS],
    required: &[],
    run: annotate,
};

const FLAGS: &[Flag] = &[
    Flag::new("overwrite", Takes::Bool, "Change values that there are"),
    Flag::new("list", Takes::Bool, "Show what there is"),
    Flag::new("resource-version", Takes::Text, "Only at this version of the object"),
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("field-manager", Takes::Text, "Who manages the fields"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
    Flag::new("local", Takes::Bool, "Only change the file's objects, send nothing"),
];

fn label(call: &mut Call<'_, '_>) -> Run<()> {
    run(call, &What { noun: "label", field: "labels" })
}

fn annotate(call: &mut Call<'_, '_>) -> Run<()> {
    run(call, &What { noun: "annotation", field: "annotations" })
}

struct What {
    noun: &'static str,
    field: &'static str,
}

impl What {
    fn is_label(&self) -> bool {
        self.noun == "label"
    }
}

/// Changes that arguments ask for: new values, and keys to remove.
#[derive(Default)]
struct Changes {
    set: BTreeMap<String, String>,
    remove: Vec<String>,
}

/// The resources, and the changes behind them.
pub(super) fn split(args: &[String], noun: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
    let is_pair = |a: &String| a.contains('=') || a.ends_with('-');
    let at = args.iter().position(is_pair).unwrap_or(args.len());
    let (resources, pairs) = args.split_at(at);
    if let Some(bad) = pairs.iter().find(|p| !is_pair(p)) {
        return Err(Failure::plain(format!(
            "all resources must be specified before {noun} changes: {bad}"
        )));
    }
    Ok((resources.to_vec(), pairs.to_vec()))
}

fn changes(pairs: &[String], noun: &str) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    for pair in pairs {
        if let Some((key, value)) = pair.split_once('=') {
            if key.is_empty() {
                return Err(Failure::plain(format!("invalid {noun} format: {pair}")));
            }
            changes.set.insert(key.to_owned(), value.to_owned());
        } else if let Some(key) = pair.strip_suffix('-') {
            changes.remove.push(key.to_owned());
        }
    }
    for key in &changes.remove {
        if changes.set.contains_key(key) {
            return Err(Failure::plain(format!(
                "can not both modify and remove {} {noun} in the same command",
                if noun == "label" { "a" } else { "an" }
            )));
        }
    }
    Ok(changes)
}

fn run(call: &mut Call<'_, '_>, what: &What) -> Run<()> {
    let (resources, pairs) = split(&call.flags.args, what.noun)?;
    if pairs.is_empty() && !call.flags.on("list") {
        let message = format!("at least one {} update is required", what.noun);
        return Err(Failure::plain(message).into());
    }
    if resources.is_empty() && !call.has_files() {
        let text = "one or more resources must be specified as <resource> <name> or \
                    <resource>/<name>";
        return Err(Failure::plain(text).into());
    }
    let changes = changes(&pairs, what.noun)?;
    let dry = DryRun::of(call)?;
    let mut found = call.find(&resources, true)?;
    for object in std::mem::take(&mut found.objects) {
        let outcome = match change(call, &object, what, &changes, dry)? {
            Ok(text) => {
                if call.flags.on("list") {
                    list(call, &object, what);
                } else {
                    call.line(format!("{} {text}{}", full_name(&object), dry.mark()));
                }
                continue;
            }
            Err(failure) => failure,
        };
        found.failures.push(outcome);
    }
    found.end()
}

fn list(call: &mut Call<'_, '_>, object: &Object, what: &What) {
    let value = object.to_value();
    let map = value.pointer(&format!("/metadata/{}", what.field)).and_then(Value::as_object);
    for (key, value) in map.into_iter().flatten() {
        let line = format!("{key}={}", value.as_str().unwrap_or(""));
        call.line(line);
    }
}

fn change(
    call: &mut Call<'_, '_>,
    object: &Object,
    what: &What,
    changes: &Changes,
    dry: DryRun,
) -> Run<Result<&'static str, Failure>> {
    let meta = object.meta();
    let have = if what.is_label() { &meta.labels } else { &meta.annotations };
    let have = have.clone().unwrap_or_default();
    if !call.flags.on("overwrite") {
        let taken: Vec<String> = changes
            .set
            .iter()
            .filter_map(|(key, value)| {
                let old = have.get(key).filter(|old| *old != value)?;
                Some(format!("'{key}' already has a value ({old})"))
            })
            .collect();
        if !taken.is_empty() {
            let message = if what.is_label() {
                let parts: Vec<String> =
                    taken.iter().map(|t| format!("{t}, and --overwrite is false")).collect();
                match parts.as_slice() {
                    [one] => one.clone(),
                    many => format!("[{}]", many.join(", ")),
                }
            } else {
                format!(
                    "--overwrite is false but found the following declared annotation(s): {}",
                    taken.join("; ")
                )
            };
            return Ok(Err(Failure::plain(message)));
        }
    }
    let mut fields = Map::new();
    for (key, value) in changes.set.iter().filter(|(k, v)| have.get(*k) != Some(v)) {
        fields.insert(key.clone(), json!(value));
    }
    let sets = !fields.is_empty();
    for key in &changes.remove {
        if have.contains_key(key) {
            fields.insert(key.clone(), Value::Null);
        } else if what.is_label() {
            call.line(format!("label \"{key}\" not found."));
        }
    }
    let text = match (what.is_label(), fields.is_empty(), sets) {
        (false, ..) => "annotated",
        (true, true, _) => "not labeled",
        (true, false, true) => "labeled",
        (true, false, false) => "unlabeled",
    };
    if fields.is_empty() || dry == DryRun::Client {
        return Ok(Ok(text));
    }
    let patch = json!({"metadata": {what.field: fields}});
    let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
    let mut request = Request::patch(kind, namespace, name, PatchType::Merge, patch);
    request.options.dry_run = dry == DryRun::Server;
    request.options.field_manager =
        Some(if what.is_label() { "kubectl-label" } else { "kubectl-annotate" }.into());
    Ok(match call.ask(request)? {
        Ok(_) => Ok(text),
        Err(error) => Err(error.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_stand_behind_resources() {
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        let (resources, pairs) = split(&words("pod web a=b c-"), "label").unwrap();
        assert_eq!((resources.len(), pairs.len()), (2, 2));
        let read = changes(&pairs, "label").unwrap();
        assert_eq!((read.set.get("a").unwrap().as_str(), read.remove[0].as_str()), ("b", "c"));
        assert!(split(&words("pod a=b web"), "label").is_err());
        assert!(changes(&words("a=b a-"), "label").is_err());
    }
}
