//! `kubectl rollout undo`.
//!
//! Follows kubectl `pkg/polymorphichelpers/rollback.go`.

use serde_json::{Map, Value, json};

use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT, full_name};
use super::rollout::{MANAGER, NUMBER, Revision, named, revisions};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::patch::three_way::LAST_APPLIED;
use crate::kube::api::request::{PatchType, Request};
use crate::kube::kinds::Kind;
use crate::kube::print::describe::workload::same;

pub(super) const VERB: Verb = Verb {
    path: "rollout undo",
    usage: "(TYPE NAME | TYPE/NAME) [flags]",
    about: "Go back to an earlier revision",
    flags: &[FILES, SELECT, MANAGER, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("to-revision", Takes::Int, "The revision; 0 for the one before").or("0"),
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
];

/// Annotations that a Deployment keeps when it goes back.
const KEPT: [&str; 6] = [
    LAST_APPLIED,
    NUMBER,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

#[expect(clippy::wildcard_enum_match_arm, reason = "the other two go by data")]
fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let dry = DryRun::of(call)?;
    let wanted = call.flags.int("to-revision");
    if wanted < 0 {
        let message = format!("revision must be a positive integer: {wanted}");
        return Err(Failure::plain(message).into());
    }
    let mut found = named(call)?;
    for object in std::mem::take(&mut found.objects) {
        let annotations = object.meta().annotations.clone().unwrap_or_default();
        if annotations.contains_key(LAST_APPLIED) {
            let (plural, name) = (object.kind().plural(), object.name());
            call.err(format!(
                "Warning: resource {plural}/{name} was previously managed with 'kubectl apply'. \
                 Rolling back will not update the {LAST_APPLIED} annotation, which may cause \
                 unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl \
                 apply' with your previous configuration file instead."
            ));
        }
        let all = revisions(call, &object)?;
        let done = match object.kind() {
            Kind::Deployment => deployment(call, &object, &all, wanted, dry)?,
            _ => by_data(call, &object, &all, wanted, dry)?,
        };
        match done {
            Ok(text) => call.line(format!("{} {text}{}", full_name(&object), dry.mark())),
            Err(failure) => found.failures.push(failure),
        }
    }
    found.end()
}

type Done = Result<String, Failure>;

fn sent(call: &mut Call<'_, '_>, request: Request, dry: DryRun) -> Run<Done> {
    if dry == DryRun::Client {
        return Ok(Ok("rolled back".to_owned()));
    }
    let mut request = request;
    request.options.dry_run = dry == DryRun::Server;
    request.options.field_manager = call.flags.some("field-manager").map(Into::into);
    Ok(match call.object(request)? {
        Ok(_) => Ok("rolled back".to_owned()),
        Err(error) => Err(error.into()),
    })
}

fn deployment(
    call: &mut Call<'_, '_>,
    object: &Object,
    all: &[Revision],
    wanted: i64,
    dry: DryRun,
) -> Run<Done> {
    let target = if wanted > 0 {
        match all.iter().find(|r| r.number == wanted) {
            Some(revision) => revision,
            None => {
                let message = format!("unable to find specified revision {wanted} in history");
                return Ok(Err(Failure::plain(message)));
            }
        }
    } else {
        // The one before the latest.
        match all.len().checked_sub(2).and_then(|at| all.get(at)) {
            Some(revision) => revision,
            None => {
                let message =
                    format!("no rollout history found for deployment \"{}\"", object.name());
                return Ok(Err(Failure::plain(message)));
            }
        }
    };
    let value = object.to_value();
    if value.pointer("/spec/paused") == Some(&json!(true)) {
        return Ok(Err(Failure::plain(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout \
             resume' and try again",
        )));
    }
    let mut template = target.template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|m| m.labels.as_mut()) {
        labels.remove("pod-template-hash");
    }
    let current = value.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    if serde_json::from_value(current).is_ok_and(|current| same(&current, &template)) {
        let text = format!(
            "skipped rollback (current template already matches revision {})",
            target.number
        );
        return Ok(Ok(text));
    }
    let mut annotations = Map::new();
    let own = value.pointer("/metadata/annotations").and_then(Value::as_object);
    for (key, value) in own.into_iter().flatten().filter(|(k, _)| KEPT.contains(&k.as_str())) {
        annotations.insert(key.clone(), value.clone());
    }
    let theirs = target.annotations.as_object().into_iter().flatten();
    for (key, value) in theirs.filter(|(k, _)| !KEPT.contains(&k.as_str())) {
        annotations.insert(key.clone(), value.clone());
    }
    let patch = json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]);
    let request =
        Request::patch(Kind::Deployment, object.namespace(), object.name(), PatchType::Json, patch);
    sent(call, request, dry)
}

/// DaemonSets and StatefulSets go back by the data of a ControllerRevision.
fn by_data(
    call: &mut Call<'_, '_>,
    object: &Object,
    all: &[Revision],
    wanted: i64,
    dry: DryRun,
) -> Run<Done> {
    let target = if wanted > 0 {
        all.iter().find(|r| r.number == wanted)
    } else {
        all.len().checked_sub(2).and_then(|at| all.get(at))
    };
    let Some(target) = target else {
        let message = if wanted > 0 {
            format!("unable to find specified revision {wanted} in history")
        } else {
            "no last revision to roll back to".to_owned()
        };
        return Ok(Err(Failure::plain(message)));
    };
    let value = object.to_value();
    let current = value.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    if serde_json::from_value(current).is_ok_and(|current| same(&current, &target.template)) {
        let text = format!(
            "skipped rollback (current template already matches revision {})",
            target.number
        );
        return Ok(Ok(text));
    }
    let data = target.data.clone().unwrap_or(Value::Null);
    let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
    let request = Request::patch(kind, namespace, name, PatchType::Strategic, data);
    sent(call, request, dry)
}
