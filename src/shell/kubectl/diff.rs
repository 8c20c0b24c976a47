//! `kubectl diff`: what an apply would change, as a unified diff.
//!
//! Follows kubectl `pkg/cmd/diff/diff.go`; the original calls `diff -u -N` on two directories.

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::{DryRun, SEND, create_request};
use super::call::{Call, Run};
use super::document::Manifest;
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::manifest;
use super::resources::FILES;
use super::show::yaml;
use super::verbs::Verb;
use crate::base::diff::unified;
use crate::kube::api::object::Object;
use crate::kube::api::patch::three_way::{self, LAST_APPLIED, last_applied, with_last_applied};
use crate::kube::api::request::{PatchType, Request};

pub(super) const VERB: Verb = Verb {
    path: "diff",
    usage: "-f FILENAME",
    about: "Show what apply would change",
    flags: &[FILES, SEND, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("server-side", Takes::Bool, "Let the server merge"),
    Flag::new("force-conflicts", Takes::Bool, "Take over fields of other managers"),
    Flag::new("prune", Takes::Bool, "With what would be deleted"),
    Flag::new("show-managed-fields", Takes::Bool, "Keep managedFields"),
    Flag::new("selector", Takes::Text, "Only objects with these labels").short('l'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    if !call.has_files() {
        return Err(Failure::plain("must specify one of -f and -k").into());
    }
    let read = manifest::read(call)?;
    let (manifests, unread) = (&read.found, &read.failures());
    if let Some(failure) = Failure::of(unread.clone()) {
        return Err(failure.into());
    }
    let now = call.moment()?;
    // Numbers of the two directories, as the original draws them anew each time.
    let (live_dir, merged_dir) = (now.0 % 1_000_000_000, now.0.wrapping_mul(7) % 1_000_000_000);
    let done = call.each(manifests, |call, one| {
        let (before, after) = sides(call, one)?;
        let side = |o: Option<&Arc<Object>>| o.map_or_else(String::new, |o| shown(&o.to_value()));
        let (live, merged) = (side(before.as_ref()), side(Some(&after)));
        if live == merged {
            return Ok(Ok(None));
        }
        let info = one.kind.info();
        let version = if info.group.is_empty() {
            info.version.to_owned()
        } else {
            format!("{}.{}", info.group, info.version)
        };
        let file = format!("{version}.{}.{}.{}", info.name, one.namespace, one.name);
        let (a, b) =
            (format!("/tmp/LIVE-{live_dir}/{file}"), format!("/tmp/MERGED-{merged_dir}/{file}"));
        let stamp = now.rfc3339().replace('T', " ").replace('Z', ".000000000 +0000");
        call.line(format!("diff -u -N {a} {b}"));
        call.line(format!("--- {a}\t{stamp}"));
        call.line(format!("+++ {b}\t{stamp}"));
        call.out(unified(&live, &merged));
        Ok(Ok(Some(after)))
    })?;
    let differs = !Failure::sort(&[], &done).0.is_empty();
    if differs {
        return Err(Failure::Raw(String::new(), 1).into());
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
        meta.remove("resourceVersion");
    }
    if let Some(annotations) =
        value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
    {
        annotations.remove(LAST_APPLIED);
    }
    let empty = value.pointer("/metadata/annotations") == Some(&json!({}));
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut).filter(|_| empty) {
        meta.remove("annotations");
    }
    yaml::print(&value)
}

/// The live object, and what the server would make of it.
fn sides(call: &mut Call<'_, '_>, one: &Manifest) -> Run<(Option<Arc<Object>>, Arc<Object>)> {
    let wanted = with_last_applied(&one.value);
    match call.object(Request::get(one.kind, &one.namespace, &one.name))? {
        Ok(live) => {
            let before = live.to_value();
            let last = last_applied(&before);
            let patch = three_way::patch(last.as_ref(), &wanted, &before);
            let kind = PatchType::Strategic;
            let mut request = Request::patch(one.kind, &one.namespace, &one.name, kind, patch);
            request.options.dry_run = true;
            match call.object(request)? {
                Ok(merged) => Ok((Some(live), merged)),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) if error.is_not_found() => {
            let request = create_request(call, one, wanted, DryRun::Server);
            match call.object(request)? {
                Ok(merged) => Ok((None, merged)),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}
