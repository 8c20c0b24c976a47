//! `kubectl create -f`, and what all verbs that make objects share.
//!
//! Follows kubectl `pkg/cmd/create/create.go`.

use std::sync::Arc;

use serde_json::Value;

use super::apply::{DryRun, SEND, create_request, validation, with_source};
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::get::{Format, OUTPUT};
use super::manifest;
use super::resources::{FILES, full_name};
use super::show::{json, yaml};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::patch::three_way::with_last_applied;
use crate::kube::api::request::{Body, Request, Verb as Ask};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "create",
    usage: "-f FILENAME",
    about: "Create objects from files or from flags",
    flags: &[FILES, OUTPUT, SEND, SAVE],
    required: &[],
    run,
};

/// `--save-config`.
pub(super) const SAVE: &[Flag] = &[
    Flag::new("save-config", Takes::Bool, "Keep the manifest as an annotation, for apply"),
    Flag::new("edit", Takes::Bool, "Edit before it is sent"),
    Flag::new("selector", Takes::Text, "Only objects with these labels").short('l'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    if !call.has_files() {
        if let Some(word) = call.flags.args.first() {
            let message = format!("unknown command \"{word}\"");
            return Err(Failure::usage("create", message).into());
        }
        return Err(Failure::plain("must specify one of -f and -k").into());
    }
    let dry = DryRun::of(call)?;
    let format = Format::of(call)?;
    let read = manifest::read(call)?;
    let (manifests, unread) = (&read.found, &read.failures());
    if read.is_empty() {
        return Err(Failure::plain("no objects passed to create").into());
    }
    let done = call.each(manifests, |call, one| {
        let value = saved(call, &one.value);
        if dry == DryRun::Client {
            show(call, one.kind, &one.name, &value, dry)?;
            return Ok(Ok(None));
        }
        let mut request = create_request(call, one, value, dry);
        request.options.field_manager = Some("kubectl-create".into());
        let made = call.object(request)?;
        if let (Ok(object), Format::Table) = (&made, &format) {
            call.line(format!("{} created{}", full_name(object), dry.mark()));
        }
        Ok(made.map(Some).map_err(|error| with_source("creating", &one.source, error)))
    })?;
    let (made, failures) = Failure::sort(unread, &done);
    if !made.is_empty() && !matches!(format, Format::Table) {
        let text = format.print(&made, made.len() == 1, call.flags)?;
        call.out(text);
    }
    match Failure::of(failures) {
        None => Ok(()),
        Some(failure) => Err(failure.into()),
    }
}

/// With `--save-config`, the manifest with itself as an annotation.
pub(super) fn saved(call: &Call<'_, '_>, value: &Value) -> Value {
    if call.flags.on("save-config") { with_last_applied(value) } else { value.clone() }
}

/// Print an object that is not sent.
pub(super) fn show(
    call: &mut Call<'_, '_>,
    kind: Kind,
    name: &str,
    value: &Value,
    dry: DryRun,
) -> Run<()> {
    let text = match call.flags.text("output") {
        "yaml" | "kyaml" => yaml::print(value),
        "json" => json::print(value),
        "name" => format!("{}/{name}\n", kind.singular_resource()),
        _ => format!("{}/{name} created{}\n", kind.singular_resource(), dry.mark()),
    };
    call.out(text);
    Ok(())
}

/// Make an object from flags: print it, or send it and tell that it is created.
pub(super) fn make(
    call: &mut Call<'_, '_>,
    kind: Kind,
    mut value: Value,
    wrapped: bool,
) -> Run<Option<Arc<Object>>> {
    let dry = DryRun::of(call)?;
    let format = Format::of(call)?;
    let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("").to_owned();
    let namespace = call.namespace_of(kind);
    value = saved(call, &value);
    if kind.namespaced() && (dry != DryRun::Client || call.flags.has("namespace")) {
        let text = Value::String(namespace.to_string());
        value = super::get::with(value, &["metadata", "namespace"], text);
    }
    if dry == DryRun::Client {
        show(call, kind, &name, &value, dry)?;
        return Ok(None);
    }
    let mut request = Request::new(Ask::Create, kind, &namespace, "");
    request.body = Body::Value(value);
    request.options.field_manager =
        Some(call.flags.some("field-manager").unwrap_or("kubectl-create").into());
    request.options.field_validation = validation(call);
    request.options.dry_run = dry == DryRun::Server;
    match call.object(request)? {
        Ok(object) => {
            if matches!(format, Format::Table) {
                call.line(format!("{} created{}", full_name(&object), dry.mark()));
            } else {
                let text = format.print(std::slice::from_ref(&object), true, call.flags)?;
                call.out(text);
            }
            Ok(Some(object))
        }
        Err(error) if wrapped => {
            let what = kind.name().to_lowercase();
            Err(Failure::plain(format!("failed to create {what}: {}", error.message)).into())
        }
        Err(error) => Err(error.into()),
    }
}
