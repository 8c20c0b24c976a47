//! `kubectl delete`: asks for the deletion of objects and waits until they are gone.
//!
//! Follows kubectl `pkg/cmd/delete/delete.go`.

use std::sync::Arc;

use super::apply::{DryRun, SEND};
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::manifest;
use super::resources::{FILES, SELECT, wanted};
use super::verbs::Verb;
use super::wait;
use crate::base::time::SimDuration;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Propagation, Request};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "delete",
    usage: "([-f FILENAME] | TYPE [(NAME | -l label | --all)])",
    about: "Delete objects",
    flags: &[FILES, SELECT, SEND, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("wait", Takes::Bool, "Wait until the objects are gone").or("true"),
    Flag::new("timeout", Takes::Time, "How long to wait; 0 for as long as it takes").or("0s"),
    Flag::new("force", Takes::Bool, "Remove at once, without asking the kubelet"),
    Flag::new("now", Takes::Bool, "The same as --grace-period=1"),
    Flag::new("grace-period", Takes::Int, "Seconds until a kill; -1 for the pod's own").or("-1"),
    Flag::new("cascade", Takes::Maybe("background"), "Dependents: background, foreground, orphan")
        .or("background"),
    Flag::new("ignore-not-found", Takes::Bool, "Missing objects are no error"),
    Flag::new("output", Takes::Text, "name for short output").short('o'),
    Flag::new("interactive", Takes::Bool, "Ask before").short('i'),
];

/// An object to delete.
struct Victim {
    kind: Kind,
    namespace: Arc<str>,
    name: String,
    source: Option<Arc<str>>,
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let dry = DryRun::of(call)?;
    let propagation = cascade(call)?;
    let grace = grace(call)?;
    let force = call.flags.on("force");
    let (victims, unread) = victims(call)?;
    if force {
        call.err(
            "Warning: Immediate deletion does not wait for confirmation that the running resource \
             has been terminated. The resource may continue to run on the cluster indefinitely.",
        );
    }
    if victims.is_empty() && unread.is_empty() {
        call.line("No resources found");
        return Ok(());
    }
    let asked = call.each(&victims, |call, victim| {
        let mut going = None;
        if dry != DryRun::Client {
            let mut request = Request::delete(victim.kind, &victim.namespace, &victim.name);
            request.options.propagation = Some(propagation);
            request.options.grace_period_seconds = grace;
            request.options.dry_run = dry == DryRun::Server;
            match call.ask(request)? {
                Ok(response) => going = response.object().cloned(),
                Err(error) if error.is_not_found() && call.flags.on("ignore-not-found") => {
                    return Ok(Ok(None));
                }
                Err(error) => {
                    return Ok(Err(match &victim.source {
                        Some(source) => super::apply::with_source("deleting", source, error),
                        None => error.into(),
                    }));
                }
            }
        }
        let line = told(victim, force && grace == Some(0), call.flags.text("output"), dry);
        call.line(line);
        Ok(Ok(going))
    })?;
    let (going, mut failures) = Failure::sort(&unread, &asked);
    if call.flags.on("wait") && dry == DryRun::None {
        failures.extend(until_gone(call, &going)?);
    }
    match Failure::of(failures) {
        None => Ok(()),
        Some(failure) => Err(failure.into()),
    }
}

fn told(victim: &Victim, forced: bool, output: &str, dry: DryRun) -> String {
    let (resource, name) = (victim.kind.singular_resource(), &victim.name);
    if output == "name" {
        return format!("{resource}/{name}");
    }
    let how = if forced { "force deleted" } else { "deleted" };
    let place = if victim.namespace.is_empty() {
        String::new()
    } else {
        format!(" from {} namespace", victim.namespace)
    };
    format!("{resource} \"{name}\" {how}{place}{}", dry.mark())
}

fn cascade(call: &Call<'_, '_>) -> Result<Propagation, Failure> {
    match call.flags.text("cascade") {
        "background" | "true" => Ok(Propagation::Background),
        "foreground" => Ok(Propagation::Foreground),
        "orphan" | "false" => Ok(Propagation::Orphan),
        other => Err(Failure::plain(format!(
            "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
        ))),
    }
}

/// The grace period that is sent. Zero without `--force` counts as one second.
fn grace(call: &Call<'_, '_>) -> Result<Option<i64>, Failure> {
    let given = call.flags.int("grace-period");
    if call.flags.on("now") {
        if given != -1 {
            let message = "--now and --grace-period cannot be specified together";
            return Err(Failure::plain(message));
        }
        return Ok(Some(1));
    }
    let force = call.flags.on("force");
    if force && given > 0 {
        let message = "--force and --grace-period greater than 0 cannot be specified together";
        return Err(Failure::plain(message));
    }
    Ok(match given {
        0 if !force => Some(1),
        n if n < 0 && force => Some(0),
        n if n < 0 => None,
        n => Some(n),
    })
}

fn victims(call: &mut Call<'_, '_>) -> Run<(Vec<Victim>, Vec<Failure>)> {
    if call.has_files() {
        let read = manifest::read(call)?;
        let (manifests, unread) = (&read.found, &read.failures());
        let victims = manifests.iter().map(|m| Victim {
            kind: m.kind,
            namespace: m.namespace.clone(),
            name: m.name.clone(),
            source: Some(m.source.clone()),
        });
        return Ok((victims.collect(), unread.clone()));
    }
    let args = call.flags.args.clone();
    let wanted = wanted(&args)?;
    let named = wanted.iter().all(|w| w.name.is_some());
    if wanted.is_empty() {
        let text = "error: You must provide one or more resources by argument or filename.\n\
                    Example resource specifications include:\n   '-f rsrc.yaml'\n   \
                    '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'\n";
        return Err(Failure::Raw(text.to_owned(), 1).into());
    }
    let select = call.flags.some("selector").is_some()
        || call.flags.some("field-selector").is_some()
        || call.flags.on("all");
    if !named || select {
        // Lists, with the errors of names and selectors that do not go together.
        let found = call.find(&args, true)?;
        let victims = found.objects.iter().map(|o| Victim {
            kind: o.kind(),
            namespace: o.namespace().into(),
            name: o.name().to_owned(),
            source: None,
        });
        return Ok((victims.collect(), found.failures));
    }
    let victims = wanted.into_iter().map(|w| Victim {
        kind: w.kind,
        namespace: call.namespace_of(w.kind),
        name: w.name.unwrap_or_default(),
        source: None,
    });
    Ok((victims.collect(), Vec::new()))
}

/// Wait for each object in turn.
fn until_gone(call: &mut Call<'_, '_>, going: &[Arc<Object>]) -> Run<Vec<Failure>> {
    let timeout = call.flags.time("timeout").filter(|t| *t > SimDuration::ZERO);
    let until = match timeout {
        Some(timeout) => Some(call.moment()? + timeout),
        None => None,
    };
    let gone = call.each(going, |call, object| {
        let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
        let failure = wait::until_deleted(call, kind, namespace, name, object.uid(), until)?;
        Ok(failure.map_or(Ok(None), Err))
    })?;
    Ok(Failure::sort(&[], &gone).1)
}
