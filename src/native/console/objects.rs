//! Things of a world by the names that a learner types, and what is told of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::kube::kinds::Kind;
use crate::view::focus::Focus;
use crate::view::map;
use crate::view::object::Inspected;
use crate::world::command::Command;
use crate::world::session::Session;
use crate::world::world::World;

/// The thing that a text names: `web-1`, `pod/web-1`, `deploy/web`, `container/db`, `node-1`, or
/// the start of a name that only one thing has.
///
/// # Errors
/// If nothing or several things are called so.
pub fn find(world: &World, text: &str, namespace: Option<&str>) -> Result<Focus, String> {
    let (kind, name) = text.split_once('/').map_or((None, text), |(k, n)| (Some(k), n));
    let known = kind.and_then(Kind::parse);
    if let Some(kind) = kind.filter(|kind| known.is_none() && *kind != "container") {
        return Err(format!("the server doesn't have a resource type \"{kind}\""));
    }
    let mut all: Vec<(String, Focus)> = Vec::new();
    if known.is_none() {
        let map = map::map(world);
        let machines = map.machines.iter().filter(|_| kind.is_none());
        all.extend(machines.map(|m| (m.name.clone(), m.focus.clone())));
        let tiles = map::tiles(&map).map(|(_, tile)| tile).chain(&map.pending);
        let inside = tiles.filter(|t| kind.is_none() || t.focus.0.starts_with("container/"));
        all.extend(inside.map(|tile| (tile.name.clone(), tile.focus.clone())));
    }
    let kinds =
        Kind::ALL.iter().filter(|k| if kind.is_some() { known == Some(**k) } else { named(**k) });
    for kind in kinds {
        for (key, _) in world.kube().into_iter().flat_map(|kube| kube.store.list(*kind)) {
            if !kind.namespaced() || namespace.is_none_or(|ns| ns == &*key.namespace) {
                let focus = Focus::object(kind.name(), &key.namespace, &key.name);
                all.push((key.name.to_string(), focus));
            }
        }
    }
    pick(&all, name).or_else(|why| {
        // What is gone may still be told of.
        let (Some(kind), true) = (known, why.0.is_empty()) else { return Err(why.1) };
        let namespace = if kind.namespaced() { namespace.unwrap_or("default") } else { "" };
        Ok(Focus::object(kind.name(), namespace, name))
    })
}

/// Whether a bare name can mean an object of this kind: those that run or route something.
fn named(kind: Kind) -> bool {
    ["Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service"]
        .contains(&kind.name())
}

/// The one thing of a name, or whose name begins so; else the names it could be, and a complaint.
fn pick(all: &[(String, Focus)], wanted: &str) -> Result<Focus, (Vec<String>, String)> {
    let fitting = |test: &dyn Fn(&str) -> bool| -> BTreeSet<&Focus> {
        all.iter().filter(|(name, _)| test(name)).map(|(_, focus)| focus).collect()
    };
    let exact = fitting(&|name| name == wanted);
    let found = if exact.is_empty() { fitting(&|name| name.starts_with(wanted)) } else { exact };
    let names: Vec<String> = found.iter().map(|focus| plain(focus)).collect();
    match found.into_iter().collect::<Vec<_>>()[..] {
        [focus] => Ok(focus.clone()),
        [] => Err((names, format!("nothing is called {wanted:?}"))),
        _ => {
            let text = format!("{wanted:?} could be {}", names.join(", "));
            Err((names, text))
        }
    }
}

/// How a thing can be named: `pod/web-1`, `deployment/web -n shop`.
fn plain(focus: &Focus) -> String {
    match focus.parts()[..] {
        [kind, "" | "default", name] => format!("{}/{name}", kind.to_lowercase()),
        ["container", _, id] => format!("container/{id}"),
        [kind, namespace, name] => format!("{}/{name} -n {namespace}", kind.to_lowercase()),
        _ => focus.0.clone(),
    }
}

/// Why a thing is as it is, in lines.
#[must_use]
pub fn explanation(found: &Inspected) -> String {
    let mut text = format!("{} {}\n", found.kind, found.name).trim_start().to_owned();
    for step in &found.why {
        let _ = writeln!(text, "{} {:<24} {}", step.at, step.actor, step.text);
    }
    if let Some(why_not) = &found.why_not {
        let _ =
            writeln!(text, "no node yet, after {} attempts: {}", why_not.attempts, why_not.message);
        for (node, plugin, reason) in &why_not.nodes {
            let _ = writeln!(text, "  {node:<20} {plugin:<24} {reason}");
        }
    }
    if found.why.is_empty() && found.why_not.is_none() {
        text.push_str("nothing has happened to it\n");
    }
    text
}

/// The learner's clients, and what became of their requests.
#[must_use]
pub fn loads(session: &Session) -> String {
    let mut names = BTreeSet::new();
    for entry in session.log() {
        if let Command::Load { name, .. } = &entry.command {
            names.insert(name);
        }
    }
    let mut text = String::new();
    for name in names {
        let Some(load) = session.head().load_named(name) else { continue };
        let request = &load.spec.request;
        let url = format!("http://{}:{}{}", request.host, request.port, request.path);
        let (rate, total) = (load.spec.per_kilosecond, &load.total);
        let state = if load.running { "sends" } else { "stopped" };
        let open = total.sent.saturating_sub(total.ok + total.failed());
        let _ = write!(
            text,
            "{name:<12} {url:<32} {}.{:03}/s {state}: {} sent, {} ok, {} refused, {} timed out, \
             {} without a name, {} answered 5xx, {open} open",
            rate / 1_000,
            rate % 1_000,
            total.sent,
            total.ok,
            total.refused,
            total.timeout,
            total.dns,
            total.server_error,
        );
        let _ = match total.percentile_us(95) {
            Some(us) => writeln!(text, "; p95 {}.{} ms", us / 1_000, us % 1_000 / 100),
            None => writeln!(text),
        };
    }
    if text.is_empty() {
        text.push_str("no client sends anything\n");
    }
    text
}
