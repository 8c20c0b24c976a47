//! `kubectl cordon`, `uncordon`, `taint`.
//!
//! Follows kubectl `pkg/cmd/drain/drain.go` and `pkg/cmd/taint`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};
use serde_json::{Value, json};

use super::annotate::split;
use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::SELECT;
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::request::{PatchType, Request};
use crate::kube::kinds::Kind;

pub(super) const CORDON: Verb = Verb {
    path: "cordon",
    usage: "NODE",
    about: "Take no new pods on a node",
    flags: &[SELECT, DRY],
    required: &[],
    run: cordon,
};

pub(super) const UNCORDON: Verb = Verb {
    path: "uncordon",
    usage: "NODE",
    about: "Take pods on a node again",
    flags: &[SELECT, DRY],
    required: &[],
    run: uncordon,
};

pub(super) const TAINT: Verb = Verb {
    path: "taint",
    usage: "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
    about: "Set or remove taints of nodes",
    flags: &[SELECT, DRY, OVERWRITE],
    required: &[],
    run: taint,
};

/// `--dry-run`.
pub(super) const DRY: &[Flag] = &[
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

const OVERWRITE: &[Flag] = &[
    Flag::new("overwrite", Takes::Bool, "Change taints that there are"),
    Flag::new("validate", Takes::Maybe("strict"), "Unknown fields").or("strict"),
    Flag::new("field-manager", Takes::Text, "Who manages the fields"),
];

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Nodes that arguments or a selector name, and what failed.
pub(super) fn nodes(call: &mut Call<'_, '_>, verb: &str) -> Run<(Vec<Arc<Object>>, Vec<Failure>)> {
    let names = call.flags.args.clone();
    let select = call.flags.some("selector").is_some();
    if names.is_empty() && !select {
        let message = format!("USAGE: {verb} NODE [flags]");
        return Err(Failure::usage(verb, message).into());
    }
    if !names.is_empty() && select {
        return Err(
            Failure::plain("cannot specify both a node name and a --selector option").into()
        );
    }
    if select {
        let request = call.list_request(Kind::Node);
        return match call.objects(request)? {
            Ok(all) => Ok((all, Vec::new())),
            Err(error) => Err(error.into()),
        };
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let name = name.rsplit('/').next().unwrap_or("").to_owned();
        match call.object(Request::get(Kind::Node, "", &name))? {
            Ok(node) => found.push(node),
            Err(error) => failures.push(error.into()),
        }
    }
    Ok((found, failures))
}

fn cordon(call: &mut Call<'_, '_>) -> Run<()> {
    mark(call, "cordon", true)
}

fn uncordon(call: &mut Call<'_, '_>) -> Run<()> {
    mark(call, "uncordon", false)
}

fn mark(call: &mut Call<'_, '_>, verb: &str, wanted: bool) -> Run<()> {
    let dry = DryRun::of(call)?;
    let (nodes, mut failures) = nodes(call, verb)?;
    for node in nodes {
        if let Err(failure) = set_unschedulable(call, &node, wanted, dry)? {
            failures.push(failure);
        }
    }
    match Failure::of(failures) {
        None => Ok(()),
        Some(failure) => Err(failure.into()),
    }
}

/// Mark a node, and tell what was done.
pub(super) fn set_unschedulable(
    call: &mut Call<'_, '_>,
    node: &Object,
    wanted: bool,
    dry: DryRun,
) -> Run<Result<(), Failure>> {
    let spec = node.get::<Node>().and_then(|n| n.spec.as_ref());
    let now = spec.and_then(|s| s.unschedulable).unwrap_or(false);
    let done = if wanted { "cordoned" } else { "uncordoned" };
    if now == wanted {
        call.line(format!("node/{} already {done}{}", node.name(), dry.mark()));
        return Ok(Ok(()));
    }
    if dry != DryRun::Client {
        let value = if wanted { json!(true) } else { Value::Null };
        let patch = json!({"spec": {"unschedulable": value}});
        let mut request = Request::patch(Kind::Node, "", node.name(), PatchType::Strategic, patch);
        request.options.dry_run = dry == DryRun::Server;
        if let Err(error) = call.ask(request)? {
            return Ok(Err(error.into()));
        }
    }
    call.line(format!("node/{} {done}{}", node.name(), dry.mark()));
    Ok(Ok(()))
}

/// Taints to add, and to remove (an empty effect removes the key with any effect).
#[derive(Default)]
struct Changes {
    add: Vec<Taint>,
    remove: Vec<Taint>,
}

fn changes(pairs: &[String]) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    let bad = |message: String| Failure::usage("taint", message);
    for pair in pairs {
        let (text, remove) = match pair.strip_suffix('-') {
            Some(text) => (text, true),
            None => (pair.as_str(), false),
        };
        let (head, effect) = match text.split_once(':') {
            Some((head, effect)) => (head, effect),
            None if remove => (text, ""),
            None => return Err(bad(format!("invalid taint spec: {text}"))),
        };
        let (key, value) = head.split_once('=').unwrap_or((head, ""));
        if !effect.is_empty() && !EFFECTS.contains(&effect) || effect.is_empty() && !remove {
            return Err(bad(format!("invalid taint effect: {effect}, unsupported taint effect")));
        }
        let taint = Taint {
            key: key.to_owned(),
            value: (!value.is_empty()).then(|| value.to_owned()),
            effect: effect.to_owned(),
            ..Taint::default()
        };
        if remove {
            changes.remove.push(taint);
        } else {
            changes.add.push(taint);
        }
    }
    Ok(changes)
}

fn taint(call: &mut Call<'_, '_>) -> Run<()> {
    // A taint to remove has a `-`, one to add has a `:`; both stand behind the names.
    let args = call.flags.args.clone();
    let is_taint = |a: &String| a.contains('=') || a.contains(':') || a.ends_with('-');
    let at = args.iter().position(is_taint).unwrap_or(args.len());
    let (resources, pairs) = args.split_at(at);
    if pairs.is_empty() {
        return Err(Failure::plain("at least one taint update is required").into());
    }
    split(resources, "taint")?;
    let changes = changes(pairs)?;
    let dry = DryRun::of(call)?;
    let mut found = call.find(resources, true)?;
    for object in std::mem::take(&mut found.objects) {
        if object.kind() != Kind::Node {
            let message = format!(
                "invalid resource type {}, only node types are supported",
                object.kind().plural()
            );
            return Err(Failure::usage("taint", message).into());
        }
        match one(call, &object, &changes, dry)? {
            Ok(done) => call.line(format!("node/{} {done}{}", object.name(), dry.mark())),
            Err(failure) => found.failures.push(failure),
        }
    }
    found.end()
}

fn one(
    call: &mut Call<'_, '_>,
    object: &Object,
    changes: &Changes,
    dry: DryRun,
) -> Run<Result<&'static str, Failure>> {
    let spec = object.get::<Node>().and_then(|n| n.spec.clone()).unwrap_or_default();
    let old = spec.taints.unwrap_or_default();
    let overwrite = call.flags.on("overwrite");
    let same = |a: &Taint, b: &Taint| a.key == b.key && a.effect == b.effect;
    if !overwrite {
        let mut taken: Vec<&str> = Vec::new();
        for taint in changes.add.iter().filter(|t| old.iter().any(|o| same(o, t))) {
            if !taken.contains(&taint.key.as_str()) {
                taken.push(&taint.key);
            }
        }
        if !taken.is_empty() {
            let message = format!(
                "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
                object.name(),
                taken.join(",")
            );
            return Ok(Err(Failure::plain(message)));
        }
    }
    let (taints, added, removed) = match reorganized(&old, changes) {
        Ok(done) => done,
        Err(failure) => return Ok(Err(failure)),
    };
    let done = match (added, removed) {
        _ if overwrite => "modified",
        (true, true) => "modified",
        (true, false) => "tainted",
        (false, _) => "untainted",
    };
    if dry == DryRun::Client {
        return Ok(Ok(done));
    }
    let patch = json!({"spec": {"taints": taints}});
    let mut request = Request::patch(Kind::Node, "", object.name(), PatchType::Merge, patch);
    request.options.dry_run = dry == DryRun::Server;
    Ok(match call.ask(request)? {
        Ok(_) => Ok(done),
        Err(error) => Err(error.into()),
    })
}

/// The new list: new taints first, then the old ones that stay.
fn reorganized(old: &[Taint], changes: &Changes) -> Result<(Vec<Taint>, bool, bool), Failure> {
    let same = |a: &Taint, b: &Taint| a.key == b.key && a.effect == b.effect;
    let mut taints = changes.add.clone();
    for taint in old {
        if !taints.iter().any(|t| same(t, taint)) {
            taints.push(taint.clone());
        }
    }
    let mut failures = Vec::new();
    let mut removed = false;
    for gone in &changes.remove {
        let matches =
            |t: &Taint| t.key == gone.key && (gone.effect.is_empty() || gone.effect == t.effect);
        if taints.iter().any(matches) {
            taints.retain(|t| !matches(t));
            removed = true;
        } else {
            let colon = if gone.effect.is_empty() { "" } else { ":" };
            let message = format!("taint \"{}{colon}{}\" not found", gone.key, gone.effect);
            failures.push(Failure::plain(message));
        }
    }
    match Failure::of(failures) {
        Some(failure) => Err(failure),
        None => Ok((taints, !changes.add.is_empty(), removed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_read() {
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        let read = changes(&words("a=b:NoSchedule c:NoExecute d- e:NoSchedule-")).unwrap();
        assert_eq!((read.add.len(), read.remove.len()), (2, 2));
        assert_eq!(read.remove[0].effect, "");
        let message = |line: &str| match changes(&words(line)) {
            Err(failure) => failure.shown().0,
            Ok(_) => String::new(),
        };
        assert_eq!(
            message("a=b:Nope"),
            "error: invalid taint effect: Nope, unsupported taint effect\nSee 'kubectl taint -h' \
             for help and examples\n"
        );
        let gone = changes(&words("x:NoSchedule-")).unwrap();
        let failure = reorganized(&[], &gone).map(|_| ()).unwrap_err();
        assert_eq!(failure.shown().0, "error: taint \"x:NoSchedule\" not found\n");
    }
}
