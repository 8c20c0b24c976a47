//! The editor's diagnostics: what the real tools would say of a file, with line and column.

use std::fmt::Write as _;

use serde::Serialize;

use crate::compose;
use crate::shell::kubectl::check::Namespaces;
use crate::view::manifests;

/// Which tool reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Dialect {
    /// `docker compose`.
    Compose,
    /// `docker stack`.
    Stack,
    /// `kubectl`.
    Kubernetes,
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The real tool's message.
    pub message: String,
    /// Text id of one sentence of help, if there is one.
    pub help: Option<&'static str>,
}

/// What a tool says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it takes the file.
    pub accepted: bool,
    /// Why not.
    pub complaints: Vec<Complaint>,
    /// What it prints besides.
    pub notes: Vec<String>,
}

/// What a file seems to be: manifests say `kind:`, Compose files say `services:`.
#[must_use]
pub fn guess(name: &str, text: &str) -> Dialect {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    if has("apiVersion:") || has("\"apiVersion\"") || has("kind:") || text.contains("\napiVersion:")
    {
        Dialect::Kubernetes
    } else if has("services:") || file.contains("compose") {
        Dialect::Compose
    } else if text.trim_start().starts_with('{') && text.contains("\"kind\"") {
        Dialect::Kubernetes
    } else {
        Dialect::Compose
    }
}

/// Check a file. `beside` reads files by their path relative to it.
#[must_use]
pub fn check(
    name: &str,
    text: &str,
    dialect: Dialect,
    beside: &dyn Fn(&str) -> Option<String>,
) -> Verdict {
    match dialect {
        Dialect::Compose | Dialect::Stack => {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let base = format!("{folder}/");
            let reader = |path: &str| {
                if path == name || path == format!("{base}{name}") {
                    return Some(text.to_owned());
                }
                beside(path.strip_prefix(&base).unwrap_or(path))
            };
            let env = std::collections::BTreeMap::new();
            let found = match dialect {
                Dialect::Stack => compose::check::check_stack(name, &env, &reader),
                Dialect::Compose | Dialect::Kubernetes => {
                    compose::check::check(&[name.to_owned()], folder, &env, &reader)
                }
            };
            let complaints = found.complaints.iter();
            Verdict {
                accepted: found.accepted(),
                complaints: complaints
                    .map(|c| complaint(c.span.line, c.span.column, c.message.clone()))
                    .collect(),
                notes: found.warnings,
            }
        }
        // The editor does not know the cluster that the learner will apply to.
        Dialect::Kubernetes => manifests::check(name, text, Namespaces::Assumed),
    }
}

pub(super) fn complaint(line: u32, column: u32, message: String) -> Complaint {
    let help = HELP.iter().find(|(part, _)| message.contains(part)).map(|(_, id)| *id);
    Complaint { line, column, message, help }
}

/// Parts of real messages and the sentence of help for them.
const HELP: &[(&str, &str)] = &[
    ("unknown field", "help-unknown-field"),
    ("additional properties", "help-unknown-property"),
    ("already defined", "help-duplicate-key"),
    ("found character that cannot start any token", "help-tab"),
    ("did not find expected", "help-indentation"),
    ("mapping values are not allowed", "help-colon"),
    ("`selector` does not match template `labels`", "help-selector"),
    ("no matches for kind", "help-no-kind"),
    ("Required value", "help-required"),
    ("neither an image nor a build", "help-no-image"),
    ("depends on undefined service", "help-undefined-service"),
    ("refers to undefined", "help-undefined"),
    ("cannot unmarshal", "help-type"),
    ("must be a", "help-type"),
];

impl Verdict {
    /// The verdict as lines for a terminal.
    #[must_use]
    pub fn report(&self, name: &str) -> String {
        let mut text = String::new();
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        for c in &self.complaints {
            let _ = writeln!(text, "{name}:{}:{}: {}", c.line, c.column, c.message);
        }
        let word = if self.accepted { "accepted" } else { "refused" };
        let _ = writeln!(text, "{name}: {word}");
        text
    }
}

/// Keys that fit at a place, as a JSON list of `{label, detail}` for the editor.
#[must_use]
pub fn complete(text: &str, line: u32, column: u32) -> String {
    let _ = column;
    let lines: Vec<&str> = text.lines().collect();
    let at = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
    let current = lines.get(at).copied().unwrap_or("");
    let depth = indent(current);
    // The keys above with less indentation, nearest first.
    let mut path = Vec::new();
    let mut limit = depth;
    for above in lines.get(..at).unwrap_or(&[]).iter().rev() {
        let here = indent(above);
        if here < limit && !above.trim().is_empty() {
            let key = above.trim().trim_start_matches("- ").split(':').next().unwrap_or("");
            path.push(key);
            limit = here;
        }
    }
    let kind = match guess("", text) {
        Dialect::Kubernetes => "kubernetes",
        Dialect::Compose | Dialect::Stack => "compose",
    };
    let parent = path.first().copied().unwrap_or("");
    let grandparent = path.get(1).copied().unwrap_or("");
    let keys = KEYS.iter().find(|(dialect, over, above, _)| {
        *dialect == kind && (*over == parent || (*over == "*" && grandparent == *above))
    });
    let options: Vec<serde_json::Value> = keys
        .map_or(&[][..], |k| k.3)
        .iter()
        .map(|key| serde_json::json!({"label": format!("{key}:"), "detail": kind}))
        .collect();
    serde_json::Value::Array(options).to_string()
}

fn indent(line: &str) -> usize {
    let dashes = line.trim_start().starts_with("- ");
    line.len() - line.trim_start().len() + if dashes { 2 } else { 0 }
}

/// Keys by dialect, parent (`*` with the parent above it), from the Compose specification and the
/// Kubernetes API.
type Keys = (&'static str, &'static str, &'static str, &'static [&'static str]);
const KEYS: &[Keys] = &[
    ("compose", "", "", &["name", "services", "networks", "volumes", "configs", "secrets"]),
    (
        "compose",
        "*",
        "services",
        &[
            "image",
            "build",
            "command",
            "entrypoint",
            "environment",
            "env_file",
            "ports",
            "expose",
            "volumes",
            "networks",
            "depends_on",
            "healthcheck",
            "restart",
            "deploy",
            "container_name",
            "labels",
            "working_dir",
            "user",
            "stop_grace_period",
            "stop_signal",
            "configs",
            "secrets",
            "profiles",
            "extra_hosts",
            "init",
            "scale",
            "mem_limit",
            "cpus",
        ],
    ),
    (
        "compose",
        "healthcheck",
        "",
        &["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"],
    ),
    ("compose", "deploy", "", &["replicas", "mode", "resources", "restart_policy", "labels"]),
    ("kubernetes", "", "", &["apiVersion", "kind", "metadata", "spec", "data", "stringData"]),
    ("kubernetes", "metadata", "", &["name", "namespace", "labels", "annotations"]),
    (
        "kubernetes",
        "containers",
        "",
        &[
            "name",
            "image",
            "command",
            "args",
            "env",
            "envFrom",
            "ports",
            "resources",
            "volumeMounts",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
            "lifecycle",
            "imagePullPolicy",
            "workingDir",
            "securityContext",
        ],
    ),
    ("kubernetes", "resources", "", &["requests", "limits"]),
    (
        "kubernetes",
        "spec",
        "",
        &[
            "replicas",
            "selector",
            "template",
            "strategy",
            "minReadySeconds",
            "revisionHistoryLimit",
            "progressDeadlineSeconds",
            "paused",
            "containers",
            "initContainers",
            "restartPolicy",
            "terminationGracePeriodSeconds",
            "nodeSelector",
            "nodeName",
            "affinity",
            "tolerations",
            "volumes",
            "type",
            "ports",
            "clusterIP",
        ],
    ),
    ("kubernetes", "template", "", &["metadata", "spec"]),
    ("kubernetes", "selector", "", &["matchLabels", "matchExpressions"]),
    ("kubernetes", "strategy", "", &["type", "rollingUpdate"]),
    ("kubernetes", "rollingUpdate", "", &["maxSurge", "maxUnavailable"]),
    (
        "kubernetes",
        "readinessProbe",
        "",
        &[
            "httpGet",
            "tcpSocket",
            "exec",
            "initialDelaySeconds",
            "periodSeconds",
            "timeoutSeconds",
            "successThreshold",
            "failureThreshold",
        ],
    ),
    (
        "kubernetes",
        "livenessProbe",
        "",
        &[
            "httpGet",
            "tcpSocket",
            "exec",
            "initialDelaySeconds",
            "periodSeconds",
            "timeoutSeconds",
            "failureThreshold",
        ],
    ),
    ("kubernetes", "httpGet", "", &["path", "port", "scheme", "httpHeaders"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_their_place() {
        let text = "services:\n  web:\n    im\n";
        assert!(complete(text, 3, 7).contains("\"image:\""));
        let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  na\n";
        assert!(complete(text, 4, 5).contains("namespace"));
    }

    #[test]
    fn kinds_of_files_are_told_apart() {
        assert_eq!(guess("x.yaml", "apiVersion: v1\nkind: Pod\n"), Dialect::Kubernetes);
        assert_eq!(guess("x.yaml", "services:\n  web: {}\n"), Dialect::Compose);
        assert_eq!(guess("a/docker-compose.yml", "version: '3'\n"), Dialect::Compose);
    }
}
