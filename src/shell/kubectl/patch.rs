//! `kubectl patch`.
//!
//! Follows kubectl `pkg/cmd/patch/patch.go`.

use serde_json::Value;

use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::get::Format;
use super::go_json;
use super::resources::{FILES, full_name};
use super::verbs::Verb;
use crate::base::yaml::{self, Dialect};
use crate::kube::api::request::{ApiError, PatchType, Request, Subresource};

pub(super) const VERB: Verb = Verb {
    path: "patch",
    usage: "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    about: "Change single fields of objects",
    flags: &[FILES, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("patch", Takes::Text, "The patch as JSON or YAML").short('p'),
    Flag::new("patch-file", Takes::Text, "A file with the patch"),
    Flag::new("type", Takes::Text, "json, merge or strategic").or("strategic"),
    Flag::new("subresource", Takes::Text, "Part of the object: status, scale, resize"),
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("field-manager", Takes::Text, "Who manages the fields").or("kubectl-patch"),
    Flag::new("local", Takes::Bool, "Only change the file's objects, send nothing"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
    Flag::new("template", Takes::Text, "Template of -o go-template or -o jsonpath"),
    Flag::new("show-managed-fields", Takes::Bool, "Keep managedFields"),
];

/// A part of an object by its name.
pub(super) fn subresource(name: &str) -> Result<Subresource, Failure> {
    match name {
        "" => Ok(Subresource::None),
        "status" => Ok(Subresource::Status),
        "scale" => Ok(Subresource::Scale),
        "resize" => Ok(Subresource::Resize),
        other => Err(Failure::plain(format!(
            "invalid subresource value: \"{other}\". Must be one of [status scale resize]"
        ))),
    }
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let text = match (call.flags.has("patch"), call.flags.some("patch-file").map(str::to_owned)) {
        (true, Some(_)) => {
            let message = "cannot specify --patch and --patch-file together";
            return Err(Failure::plain(message).into());
        }
        (true, None) => call.flags.text("patch").to_owned(),
        (false, Some(path)) => match call.file(&path)? {
            Some(text) => text.to_string(),
            None => {
                let message =
                    format!("unable to read patch file: open {path}: no such file or directory");
                return Err(Failure::plain(message).into());
            }
        },
        (false, None) => {
            let message =
                "must specify --patch or --patch-file containing the contents of the patch";
            return Err(Failure::plain(message).into());
        }
    };
    let how = match call.flags.text("type") {
        "strategic" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        other => {
            let message = format!("--type must be one of [json merge strategic], not \"{other}\"");
            return Err(Failure::plain(message).into());
        }
    };
    let part = subresource(call.flags.text("subresource"))?;
    let dry = DryRun::of(call)?;
    let format = Format::of(call)?;
    let patch = read(&text)?;
    let args = call.flags.args.clone();
    let mut found = call.find(&args, true)?;
    for object in std::mem::take(&mut found.objects) {
        let patch = match &patch {
            Ok(patch) => patch.clone(),
            Err(error) => {
                found.failures.push(error.clone().into());
                continue;
            }
        };
        let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
        if dry == DryRun::Client {
            call.line(format!("{} patched{}", full_name(&object), dry.mark()));
            continue;
        }
        let mut request = Request::patch(kind, namespace, name, how, patch).on(part);
        request.options.dry_run = dry == DryRun::Server;
        request.options.field_manager = call.flags.some("field-manager").map(Into::into);
        match call.object(request)? {
            Ok(after) if matches!(format, Format::Table) => {
                let done = if after == object { "patched (no change)" } else { "patched" };
                call.line(format!("{} {done}{}", full_name(&object), dry.mark()));
            }
            Ok(after) => {
                let text = format.print(&[after], true, call.flags)?;
                call.out(text);
            }
            Err(error) => found.failures.push(error.into()),
        }
    }
    found.end()
}

/// JSON goes to the server as it is, so that the server complains about it; YAML is read here.
fn read(text: &str) -> Result<Result<Value, ApiError>, Failure> {
    if text.trim_start().starts_with(['{', '[']) {
        return Ok(match serde_json::from_str(text) {
            Ok(value) => Ok(value),
            Err(_) => Err(ApiError::bad_request(go_json::error(text).unwrap_or_default())),
        });
    }
    let nodes = yaml::parse(text)
        .map_err(|e| Failure::plain(format!("unable to parse \"{text}\": {e}")))?;
    Ok(Ok(nodes.first().map_or(Value::Null, |n| n.value(Dialect::Kubectl))))
}
