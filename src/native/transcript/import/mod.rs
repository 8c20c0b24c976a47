//! Making transcripts of recorded cases (`scenario.yaml` and the results beside it).
//!
//! Each step keeps its moment (`@at`), so that a table shows what it showed then. Lines whose
//! output comes in another order in the simulation get `any order`. What a transcript cannot say
//! (a command that the recorder gave up, a harness of the recording) ends the section there.

mod docker;
mod kube;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::native::replay::scenario;
use crate::native::transcript::{Printed, Tags, Typed, compare, parse, run};

/// One transcript of several cases of an area.
///
/// # Errors
/// If a case cannot be read.
pub fn cases(folders: &[PathBuf]) -> Result<String> {
    let mut out = String::new();
    for case in folders {
        let read = scenario::read(case)?;
        let cluster = read.get("clusterName").is_some() || read.get("cluster").is_some();
        if out.is_empty() {
            let (source, world) = if cluster {
                ("Kubernetes 1.36.2, kubectl 1.36.2", "kube-lab:3")
            } else {
                ("Docker Engine 28.5.2, Compose 2.40.3", "engine-lab")
            };
            let _ = write!(out, "# source: {source}, recordings of real runs\n# world: {world}\n");
        }
        let session =
            if cluster { kube::session(case, &read) } else { docker::session(case, &read) };
        let session = session.with_context(|| format!("{}", case.display()))?;
        let name = case.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let description = read.get("description").and_then(Value::as_str).unwrap_or("");
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = write!(out, "\n## {name}\n# {description}\n{}", session.text);
    }
    loosen(&out)
}

/// Tag the lines that print the same but for what is chance in reality.
fn loosen(text: &str) -> Result<String> {
    let transcript = parse::transcript("import", text)?;
    let mut lines = transcript.lines.clone();
    for outcome in run::transcript(&transcript)? {
        let Some(section) = transcript.sections.get(outcome.section) else { continue };
        let cluster = section.setting.world.starts_with("kube");
        for difference in outcome.differences {
            let Some(typed) = section.typed_at(difference.line) else { continue };
            let line = difference.line;
            let loose = looser(typed).into_iter().find(|loose| {
                compare::typed(line, loose, difference.printed.clone(), cluster).is_none()
            });
            if let (Some(loose), Some(written)) = (loose, lines.get_mut(line)) {
                let old = parse::write_tags(&typed.tags);
                let bare = written.strip_suffix(&old).unwrap_or(written).to_owned();
                *written = bare + &parse::write_tags(&loose.tags);
            }
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// A line with looser and looser tags.
fn looser(typed: &Typed) -> Vec<Typed> {
    // Order, node, age.
    let steps = [
        (true, false, false),
        (false, true, false),
        (false, false, true),
        (true, true, false),
        (true, false, true),
        (true, true, true),
    ];
    let with = |(any_order, any_node, any_age)| {
        let tags = Tags { any_order, any_node, any_age, ..typed.tags.clone() };
        Typed { tags, ..typed.clone() }
    };
    steps.map(with).to_vec()
}

/// The text of a section that is being written.
#[derive(Default)]
struct Session {
    text: String,
    at: String,
}

impl Session {
    fn head(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "# {key}: {value}");
    }

    /// The next step is at that moment, in seconds.
    fn at(&mut self, seconds: &str) {
        if seconds != self.at && seconds != "0" && seconds != "0.0" {
            let _ = write!(self.text, "\n@at {seconds}s\n");
            seconds.clone_into(&mut self.at);
        }
    }

    fn word(&mut self, words: &str) {
        let _ = writeln!(self.text, "@{words}");
    }

    fn file(&mut self, path: &str, content: &str) {
        let open = if content.is_empty() || content.ends_with('\n') { "" } else { "-n " };
        self.word(&format!("file {open}{path}"));
        for line in content.split_terminator('\n') {
            let _ = writeln!(self.text, "{}", format!("> {line}").trim_end_matches(' '));
        }
    }

    fn typed(&mut self, line: &str, tags: &Tags, printed: &Printed) {
        let mut lines = line.trim_end_matches('\n').split('\n');
        let first = lines.next().unwrap_or("");
        let _ = write!(self.text, "\n$ {first}{}\n", parse::write_tags(tags));
        for more in lines {
            let _ = writeln!(self.text, "> {more}");
        }
        for line in parse::write_printed(printed) {
            let _ = writeln!(self.text, "{line}");
        }
    }
}

/// A time of a recording as it is written.
fn moment(value: Option<&Value>) -> Option<String> {
    value.filter(|value| value.is_number()).map(Value::to_string)
}

fn read(case: &Path, name: &str) -> Result<String> {
    let path = case.join(name);
    std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))
}
