//! Completion of command lines: commands, their subcommands, and names of what is there.

use std::collections::BTreeSet;

use crate::shell::tool;
use crate::view::map::{self, Map};
use crate::view::screen;
use crate::world::world::World;

/// Words that can follow a command, by the words before.
const WORDS: &[(&str, &[&str])] = &[
    (
        "docker",
        &[
            "attach",
            "build",
            "compose",
            "container",
            "cp",
            "create",
            "diff",
            "events",
            "exec",
            "history",
            "image",
            "images",
            "info",
            "inspect",
            "kill",
            "logs",
            "network",
            "pause",
            "port",
            "ps",
            "pull",
            "rename",
            "restart",
            "rm",
            "rmi",
            "run",
            "start",
            "stats",
            "stop",
            "system",
            "tag",
            "top",
            "unpause",
            "update",
            "version",
            "volume",
            "wait",
        ],
    ),
    (
        "docker compose",
        &[
            "config", "cp", "create", "down", "events", "exec", "images", "kill", "logs", "ls",
            "pause", "port", "ps", "pull", "restart", "rm", "run", "scale", "start", "stats",
            "stop", "top", "unpause", "up", "version", "wait",
        ],
    ),
    (
        "kubectl",
        &[
            "annotate",
            "api-resources",
            "apply",
            "autoscale",
            "cluster-info",
            "config",
            "cordon",
            "create",
            "delete",
            "describe",
            "drain",
            "events",
            "exec",
            "explain",
            "expose",
            "get",
            "label",
            "logs",
            "patch",
            "port-forward",
            "replace",
            "rollout",
            "run",
            "scale",
            "set",
            "taint",
            "top",
            "uncordon",
            "version",
            "wait",
        ],
    ),
    ("kubectl rollout", &["history", "pause", "restart", "resume", "status", "undo"]),
    ("kubectl set", &["env", "image", "resources", "selector", "serviceaccount"]),
    ("kubectl get", KINDS),
    ("kubectl describe", KINDS),
    ("kubectl delete", KINDS),
    ("kubectl scale", &["deployment", "replicaset", "statefulset"]),
    ("docker network", &["connect", "create", "disconnect", "inspect", "ls", "prune", "rm"]),
    ("docker volume", &["create", "inspect", "ls", "prune", "rm"]),
];
const KINDS: &[&str] = &[
    "configmaps",
    "cronjobs",
    "daemonsets",
    "deployments",
    "endpointslices",
    "events",
    "jobs",
    "namespaces",
    "nodes",
    "pods",
    "replicasets",
    "secrets",
    "services",
    "statefulsets",
];

/// Names of what is there: machines, pods, containers, services, files by their path from a folder.
#[must_use]
pub fn names(world: &World, map: &Map, host: &str, cwd: &str) -> Vec<String> {
    let folder = format!("{}/", cwd.trim_end_matches('/'));
    let machines = map.machines.iter().map(|m| m.name.clone());
    let tiles = map::tiles(map).map(|(_, tile)| tile.name.clone());
    let services = map.services.iter().map(|s| s.name.clone());
    let files = screen::files(world, host).into_iter();
    let files = files.map(|path| path.strip_prefix(&folder).unwrap_or(&path).to_owned());
    let all: BTreeSet<String> = machines.chain(tiles).chain(services).chain(files).collect();
    all.into_iter().collect()
}

/// The line with its last word completed as far as it is unambiguous; `None` if nothing fits.
#[must_use]
pub fn line(line: &str, names: &[String]) -> Option<String> {
    let (start, fitting) = words(line, names);
    let common = common_start(&fitting)?;
    let end = if fitting.len() == 1 { " " } else { "" };
    Some(format!("{}{common}{end}", line.get(..start)?))
}

/// What the last word of a line could be, in order, and where in the line it begins.
#[must_use]
pub fn words<'a>(line: &str, names: &'a [String]) -> (usize, Vec<&'a str>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    if before.trim().is_empty() && word.is_empty() {
        return (start, Vec::new());
    }
    let known = before.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = WORDS.iter().find(|(command, _)| *command == known).map_or(&[][..], |w| w.1);
    let first = if known.is_empty() { &tool::NAMES[..] } else { &[] };
    // After `deployment/` the name stands alone.
    let start = match word.rfind('/') {
        Some(at) if !names.iter().any(|n| n.starts_with(word)) => start + at + 1,
        _ => start,
    };
    let word = line.get(start..).unwrap_or("");
    let candidates = first.iter().chain(words).copied().chain(names.iter().map(String::as_str));
    let mut fitting: Vec<&str> = candidates.filter(|c| c.starts_with(word)).collect();
    fitting.sort_unstable();
    fitting.dedup();
    (start, fitting)
}

/// What all words begin with.
fn common_start(words: &[&str]) -> Option<String> {
    let (first, last) = (words.first()?, words.last()?);
    let same = first.chars().zip(last.chars()).take_while(|(a, b)| a == b);
    Some(same.map(|(a, _)| a).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names() {
        let names = ["web-1".to_owned(), "web-2".to_owned(), "db".to_owned()];
        for (typed, wanted) in [
            ("kubec", Some("kubectl ")),
            ("kubectl rollout un", Some("kubectl rollout undo ")),
            ("docker compose do", Some("docker compose down ")),
            ("docker stop w", Some("docker stop web-")),
            ("kubectl logs pod/d", Some("kubectl logs pod/db ")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(line(typed, &names).as_deref(), wanted, "{typed}");
        }
    }
}
