//! `kubectl replace`.
//!
//! Follows kubectl `pkg/cmd/replace/replace.go`.

use super::apply::{DryRun, SEND, validation, with_source};
use super::call::{Call, Run};
use super::create::saved;
use super::document::Manifest;
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::manifest;
use super::resources::{FILES, full_name};
use super::verbs::Verb;
use super::wait;
use crate::kube::api::request::{Body, Propagation, Request, Verb as Ask};

pub(super) const VERB: Verb = Verb {
    path: "replace",
    usage: "-f FILENAME",
    about: "Replace objects by those of files",
    flags: &[FILES, SEND, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("force", Takes::Bool, "Delete and create anew"),
    Flag::new("save-config", Takes::Bool, "Keep the manifest as an annotation, for apply"),
    Flag::new("grace-period", Takes::Int, "Seconds until a kill").or("-1"),
    Flag::new("cascade", Takes::Maybe("background"), "Dependents").or("background"),
    Flag::new("timeout", Takes::Time, "How long to wait").or("0s"),
    Flag::new("wait", Takes::Bool, "Wait for what is deleted"),
    Flag::new("subresource", Takes::Text, "Part of the object: status, scale"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    if !call.has_files() {
        return Err(Failure::plain("must specify one of -f and -k").into());
    }
    let dry = DryRun::of(call)?;
    let read = manifest::read(call)?;
    let (manifests, unread) = (&read.found, &read.failures());
    let done = call.each(manifests, |call, one| {
        let mut request = Request::new(Ask::Update, one.kind, &one.namespace, &one.name);
        if call.flags.on("force") {
            if let Err(error) = away(call, one)? {
                return Ok(Err(error));
            }
            request = Request::new(Ask::Create, one.kind, &one.namespace, "");
        }
        request.body = Body::Value(saved(call, &one.value));
        request.options.field_validation = validation(call);
        request.options.field_manager = Some("kubectl-replace".into());
        request.options.dry_run = dry == DryRun::Server;
        if dry == DryRun::Client {
            let name = &one.name;
            let text = format!("{}/{name} replaced{}", one.kind.singular_resource(), dry.mark());
            call.line(text);
            return Ok(Ok(None));
        }
        let replaced = call.object(request)?;
        if let Ok(object) = &replaced {
            call.line(format!("{} replaced{}", full_name(object), dry.mark()));
        }
        Ok(replaced.map(Some).map_err(|error| with_source("replacing", &one.source, error)))
    })?;
    match Failure::of(Failure::sort(unread, &done).1) {
        None => Ok(()),
        Some(failure) => Err(failure.into()),
    }
}

/// `--force`: delete the object and wait until it is gone.
fn away(call: &mut Call<'_, '_>, one: &Manifest) -> Run<Result<(), Failure>> {
    let mut request = Request::delete(one.kind, &one.namespace, &one.name);
    request.options.propagation = Some(Propagation::Background);
    request.options.grace_period_seconds = Some(call.flags.int("grace-period")).filter(|g| *g >= 0);
    match call.ask(request)? {
        Ok(_) => {
            let (resource, name) = (one.kind.singular_resource(), &one.name);
            call.line(format!("{resource} \"{name}\" deleted from {} namespace", one.namespace));
            let gone = wait::until_deleted(call, one.kind, &one.namespace, &one.name, "", None)?;
            Ok(gone.map_or(Ok(()), Err))
        }
        Err(error) if error.is_not_found() => Ok(Ok(())),
        Err(error) => Ok(Err(error.into())),
    }
}
