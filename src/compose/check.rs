//! Judging files for the editor and for `drydock check`: accepted, or refused with the real
//! tool's message and the place of every complaint.
//!
//! Models what `docker compose config` and `docker stack config` say. The tools stop at the first
//! complaint, which is also the first one here; the others are what the schema finds besides.

use serde_json::Value;

use crate::base::yaml::{self, Span};

use super::load::{Env, LoadError};
use super::project::{Options, Surroundings, load, normal_name};
use super::schema::{self, Style, What};
use super::{read, spec, stack, values};

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file it is about.
    pub file: String,
    /// Where.
    pub span: Span,
    /// What is wrong, in the words of the real tool.
    pub message: String,
}

/// What a tool says of files.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The canonical model, where accepted.
    pub canonical: Option<String>,
    /// What the tool prints when it refuses.
    pub message: Option<String>,
    /// All complaints, the tool's first.
    pub complaints: Vec<Complaint>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// Whether the files are accepted.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.message.is_none()
    }

    pub(super) fn refused(error: &LoadError, file: &str) -> Self {
        let complaint = Complaint {
            file: error.file.clone().unwrap_or_else(|| file.to_owned()),
            span: error.span.unwrap_or(Span { line: 1, column: 1 }),
            message: error.message.clone(),
        };
        Self {
            canonical: None,
            message: Some(error.message.clone()),
            complaints: vec![complaint],
            warnings: Vec::new(),
        }
    }
}

/// What `docker compose -f FILE… config` says.
#[must_use]
pub fn check(
    files: &[String],
    cwd: &str,
    env: &Env,
    reader: &dyn Fn(&str) -> Option<String>,
) -> Verdict {
    let options = Options { files: files.to_vec(), ..Options::default() };
    // A folder without a usable name is the editor's, not the learner's.
    let folder = match files.first() {
        None => cwd.to_owned(),
        Some(file) if file.starts_with('/') => values::dir(file),
        Some(file) => values::dir(&values::join(cwd, file)),
    };
    let mut env = env.clone();
    if normal_name(values::base(&folder)).is_empty() {
        env.entry("COMPOSE_PROJECT_NAME".to_owned()).or_insert_with(|| "project".to_owned());
    }
    let around = Surroundings { cwd, env: &env, files: reader };
    let outcome = load(&options, &around, &[]);
    let first = files.first().cloned().unwrap_or_default();
    let mut verdict = match outcome.result {
        Ok(project) => Verdict {
            canonical: Some(project.yaml()),
            message: None,
            complaints: Vec::new(),
            warnings: Vec::new(),
        },
        Err(error) => {
            let mut verdict = Verdict::refused(&error, &first);
            for file in files {
                let path =
                    if file.starts_with('/') { file.clone() } else { values::join(cwd, file) };
                if let Some(text) = reader(&path) {
                    more(&path, &text, &mut verdict.complaints);
                }
            }
            verdict
        }
    };
    verdict.warnings = outcome.warnings;
    verdict
}

/// What `docker stack config -c FILE` says.
#[must_use]
pub fn check_stack(file: &str, env: &Env, reader: &dyn Fn(&str) -> Option<String>) -> Verdict {
    stack::check(file, env, reader)
}

/// What the schema finds in one file besides the first complaint.
fn more(file: &str, text: &str, complaints: &mut Vec<Complaint>) {
    let Ok(documents) = yaml::parse(text) else { return };
    for document in &documents {
        let Ok(raw) = read::read(document) else { continue };
        if !raw.value.is_object() || has_variables(&raw.value) {
            continue;
        }
        for fault in schema::faults(&spec::FILE, &raw.value, Style::Compose) {
            let mut steps: Vec<&str> = fault.path.iter().map(String::as_str).collect();
            let parent = document.nearest(&steps);
            let span = match &fault.what {
                What::Additional(keys) => {
                    let key = keys.first().map(String::as_str).unwrap_or_default();
                    parent.key_node(key).map_or(parent.span, |k| k.span)
                }
                _ => {
                    let last = steps.pop().unwrap_or_default();
                    let node = document.nearest(&steps);
                    node.key_node(last).map_or(parent.span, |k| k.span)
                }
            };
            let complaint = Complaint { file: file.to_owned(), span, message: fault.compose() };
            let known = complaints.iter().any(|c| {
                c.file == complaint.file
                    && (c.span == span || c.message.ends_with(&complaint.message))
            });
            if !known {
                complaints.push(complaint);
            }
        }
    }
}

fn has_variables(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(items) => items.iter().any(has_variables),
        Value::Object(map) => map.values().any(has_variables),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Verdict {
        let text = text.to_owned();
        let reader = move |path: &str| (path == "/app/compose.yaml").then(|| text.clone());
        check(&["compose.yaml".to_owned()], "/app", &Env::new(), &reader)
    }

    #[test]
    fn accepted() {
        let verdict = verdict("services:\n  web:\n    image: nginx:1.25\n    ports: ['8080:80']\n");
        assert_eq!(
            verdict.canonical.unwrap(),
            "name: app\nservices:\n  web:\n    image: nginx:1.25\n    networks:\n      default: \
             null\n    ports:\n      - mode: ingress\n        target: 80\n        published: \
             \"8080\"\n        protocol: tcp\nnetworks:\n  default:\n    name: app_default\n"
        );
    }

    #[test]
    fn refused() {
        for (text, line, message) in [
            (
                "services:\n  w:\n    imge: x\n",
                3,
                "validating /app/compose.yaml: services.w additional properties 'imge' not allowed",
            ),
            ("services:\n  w:\n", 2, "validating /app/compose.yaml: services.w must be a mapping"),
            ("services:\n  w: {image: i, ports: [\"a:80\"]}\n", 2, "Invalid hostPort: a"),
            (
                "services:\n  w:\n    image: i\n    depends_on: [w]\n",
                4,
                "dependency cycle detected: w -> w",
            ),
            (
                "services:\n  w:\n    image: i\n    networks: [n]\n",
                4,
                "service \"w\" refers to undefined network n: invalid compose project",
            ),
        ] {
            let verdict = verdict(text);
            assert_eq!(verdict.message.as_deref(), Some(message));
            assert_eq!(verdict.complaints[0].span.line, line, "{message}");
        }
    }

    #[test]
    fn every_complaint_is_listed() {
        let verdict = verdict("services:\n  a:\n    imge: x\n  b:\n    image: [1]\n    prts: []\n");
        let lines: Vec<u32> = verdict.complaints.iter().map(|c| c.span.line).collect();
        assert_eq!(lines, [3, 5, 6]);
    }
}
