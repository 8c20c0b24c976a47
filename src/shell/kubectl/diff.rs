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

/// Lines around a change.
const CONTEXT: usize = 3;
/// Most lines of one side that are compared.
const MAX_LINES: usize = 4_000;

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    if !call.flags.has("filename") {
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

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Both,
    Old,
    New,
}

/// A unified diff of two texts.
fn unified(old: &str, new: &str) -> String {
    let old: Vec<&str> = old.lines().take(MAX_LINES).collect();
    let new: Vec<&str> = new.lines().take(MAX_LINES).collect();
    let lines = edits(&old, &new);
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, (s, _))| *s != Side::Both).map(|(i, _)| i).collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = changed.get(at) {
        let start = first.saturating_sub(CONTEXT);
        let mut last = *first;
        while let Some(next) = changed.get(at).filter(|n| **n <= last + 2 * CONTEXT) {
            last = *next;
            at += 1;
        }
        let end = (last + CONTEXT + 1).min(lines.len());
        let count = |upto: usize, side: Side| {
            lines.iter().take(upto).filter(|(s, _)| *s == Side::Both || *s == side).count()
        };
        let range = |side: Side| {
            let (from, to) = (count(start, side), count(end, side));
            let len = to - from;
            let line = if len == 0 { from } else { from + 1 };
            if len == 1 { format!("{line}") } else { format!("{line},{len}") }
        };
        out.push_str(&format!("@@ -{} +{} @@\n", range(Side::Old), range(Side::New)));
        for (side, line) in lines.iter().take(end).skip(start) {
            let mark = match side {
                Side::Both => ' ',
                Side::Old => '-',
                Side::New => '+',
            };
            out.push_str(&format!("{mark}{line}\n"));
        }
    }
    out
}

/// Lines of both texts in one row, by the longest common subsequence.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Side, &'a str)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let best = if old.get(i) == new.get(j) {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(slot) = lengths.get_mut(i * width + j) {
                *slot = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                lines.push((Side::Both, *a));
                i += 1;
                j += 1;
            }
            (Some(a), b) if b.is_none() || at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) => {
                lines.push((Side::Old, *a));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push((Side::New, *b));
                j += 1;
            }
            (_, None) => break,
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks() {
        assert_eq!(unified("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replace("\n5\n", "\nfive\n").replace("\n18\n", "\n");
        assert_eq!(
            unified(&old, &new),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -15,6 +15,5 @@\n 15\n 16\n \
             17\n-18\n 19\n 20\n"
        );
        assert_eq!(unified("a\n", "a\n"), "");
    }
}
