//! `kubectl scale`.
//!
//! Follows kubectl `pkg/cmd/scale/scale.go` and `pkg/scale`.

use serde_json::Value;

use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT, full_name};
use super::verbs::Verb;
use crate::base::time::SimDuration;
use crate::kube::api::request::{ApiError, Body, Request, Subresource, Verb as Ask};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "scale",
    usage: "[--resource-version=version] [--current-replicas=count] --replicas=COUNT \
            (-f FILENAME | TYPE NAME)",
    about: "Set the number of replicas",
    flags: &[FILES, SELECT, FLAGS],
    required: &["replicas"],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("replicas", Takes::Int, "The new number"),
    Flag::new("current-replicas", Takes::Int, "Only if this is the number now").or("-1"),
    Flag::new("resource-version", Takes::Text, "Only at this version of the object"),
    Flag::new("timeout", Takes::Time, "Wait so long for the replicas").or("0s"),
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let replicas = call.flags.int("replicas");
    if replicas < 0 {
        return Err(Failure::plain(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        )
        .into());
    }
    let dry = DryRun::of(call)?;
    let args = call.flags.args.clone();
    let mut found = call.find(&args, true)?;
    if found.objects.is_empty() && found.failures.is_empty() {
        return Err(Failure::plain("no objects passed to scale").into());
    }
    let wanted = i32::try_from(replicas).unwrap_or(i32::MAX);
    for object in std::mem::take(&mut found.objects) {
        let (kind, namespace, name) =
            (object.kind(), object.namespace().to_owned(), object.name().to_owned());
        if !scalable(kind) {
            let message = "the server could not find the requested resource".to_owned();
            let error = ApiError { code: 404, reason: "NotFound", message, ..ApiError::default() };
            found.failures.push(error.into());
            continue;
        }
        let value = object.to_value();
        let current = value.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
        let expected = call.flags.int("current-replicas");
        if expected >= 0 && expected != current {
            let message = format!("Expected replicas to be {expected}, was {current}");
            found.failures.push(Failure::plain(message));
            continue;
        }
        if let Some(version) = call.flags.some("resource-version") {
            let have = object.revision().to_string();
            if version != have {
                let message = format!("Expected resource version to be {version}, was {have}");
                found.failures.push(Failure::plain(message));
                continue;
            }
        }
        if dry != DryRun::Client {
            let mut request = Request::new(Ask::Update, kind, &namespace, &name);
            request.subresource = Subresource::Scale;
            request.body = Body::Scale(wanted);
            request.options.field_manager = Some("kubectl".into());
            request.options.dry_run = dry == DryRun::Server;
            if let Err(error) = call.ask(request)? {
                found.failures.push(error.into());
                continue;
            }
        }
        call.line(format!("{} scaled{}", full_name(&object), dry.mark()));
        settle(call, kind, &namespace, &name, i64::from(wanted))?;
    }
    found.end()
}

fn scalable(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController
    )
}

/// With `--timeout`: wait until the object reports the number.
fn settle(
    call: &mut Call<'_, '_>,
    kind: Kind,
    namespace: &str,
    name: &str,
    wanted: i64,
) -> Run<()> {
    // The original asks every 500 ms.
    const EVERY: SimDuration = SimDuration::from_millis(500);
    let Some(timeout) = call.flags.time("timeout").filter(|t| *t > SimDuration::ZERO) else {
        return Ok(());
    };
    let until = call.moment()? + timeout;
    loop {
        if let Ok(object) = call.object(Request::get(kind, namespace, name))? {
            let value = object.to_value();
            let have = value.pointer("/status/replicas").and_then(Value::as_i64).unwrap_or(0);
            if have == wanted {
                return Ok(());
            }
        }
        if call.moment()? >= until {
            let message = "timed out waiting for the condition";
            return Err(Failure::plain(message).into());
        }
        call.sleep(EVERY)?;
    }
}
