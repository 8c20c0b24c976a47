//! Sessions of the real tools, held against the simulation: `src/native/transcript` says how they
//! are written. `TRANSCRIPT=part-of-a-path` runs some of them, `UPDATE=1` writes what they print.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test of files beside it; a person narrows it by TRANSCRIPT and UPDATE"
)]

use std::fs;
use std::path::{Path, PathBuf};

use drydock::native::transcript::run::{self, Outcome};
use drydock::native::transcript::{Action, Transcript, parse, update};

/// Sections that there are at least.
const LEAST_SECTIONS: usize = 370;
/// Sections with a known gap, of a hundred.
const MOST_GAPS_PERCENT: usize = 3;
/// Lines of which only the exit code counts, of a hundred.
const MOST_UNSEEN_PERCENT: usize = 5;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// All transcripts whose path has a part, by path.
fn transcripts(part: &str) -> Vec<Transcript> {
    let mut paths = Vec::new();
    collect(&root(), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
        let name = name.to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        parse::transcript(&name, &text).unwrap()
    };
    let all = paths.into_iter().map(read);
    all.filter(|transcript| transcript.path.contains(part)).collect()
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "txt") {
            found.push(path);
        }
    }
}

/// What is wrong with a transcript.
fn complaints(transcript: &Transcript, outcomes: &[Outcome]) -> Vec<String> {
    let mut complaints = Vec::new();
    for outcome in outcomes {
        let section = &transcript.sections[outcome.section];
        let place = |line: usize| format!("{}:{}", transcript.path, line + 1);
        match (&section.known_gap, outcome.differences.is_empty()) {
            (Some(reason), true) => complaints.push(format!(
                "{}: ## {}\nthe known gap is closed, remove the line: {reason}\n",
                place(section.line),
                section.name
            )),
            (Some(_), false) => {}
            (None, _) => complaints.extend(outcome.differences.iter().map(|difference| {
                let typed = &transcript.lines[difference.line];
                let (place, report) = (place(difference.line), &difference.report);
                format!("{place}: ## {}\n{typed}\n{report}", section.name)
            })),
        }
    }
    complaints
}

/// Run the transcripts of an area.
fn check(area: &str) {
    let wanted = std::env::var("TRANSCRIPT").unwrap_or_default();
    let all = transcripts(&format!("/{area}/"));
    let all: Vec<&Transcript> = all.iter().filter(|t| t.path.contains(&wanted)).collect();
    let mut complaints = Vec::new();
    for transcript in all {
        let outcomes = run::transcript(transcript).unwrap_or_else(|error| panic!("{error:#}"));
        let found = self::complaints(transcript, &outcomes);
        if std::env::var_os("UPDATE").is_some() && !found.is_empty() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&transcript.path);
            fs::write(path, update::text(transcript, &outcomes)).unwrap();
        } else {
            complaints.extend(found);
        }
    }
    assert!(
        complaints.is_empty(),
        "{} differences:\n\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn docker() {
    check("docker");
}

#[test]
fn compose() {
    check("compose");
}

#[test]
fn kube() {
    check("kube");
}

/// There are many, few of them with a gap, and few lines go unseen.
#[test]
fn there_are_enough() {
    let all = transcripts("");
    let sections: Vec<_> = all.iter().flat_map(|t| &t.sections).collect();
    assert!(sections.len() >= LEAST_SECTIONS, "{} sections", sections.len());
    let gaps = sections.iter().filter(|section| section.known_gap.is_some()).count();
    assert!(gaps * 100 <= sections.len() * MOST_GAPS_PERCENT, "{gaps} of {}", sections.len());
    let lines = sections.iter().flat_map(|section| &section.steps).filter_map(|step| {
        if let Action::Type(typed) = &step.action { Some(typed.tags.any_output) } else { None }
    });
    let unseen: Vec<bool> = lines.collect();
    let hidden = unseen.iter().filter(|hidden| **hidden).count();
    assert!(hidden * 100 <= unseen.len() * MOST_UNSEEN_PERCENT, "{hidden} of {}", unseen.len());
    let areas = ["/docker/", "/compose/", "/kube/"];
    let stray = all.iter().find(|t| !areas.iter().any(|area| t.path.contains(area)));
    assert!(stray.is_none(), "no test runs {:?}", stray.map(|t| &t.path));
}

/// A section that differs says where and how, and what it prints can be written.
#[test]
fn a_difference_is_seen_and_written() {
    let text = "# source: none\n# world: docker\n\n## one\n$ echo a; echo b >&2; false\nx\n\n\
                $ echo c\nc\n\n## two\nknown_gap: says c (2026-11-30)\n$ echo c\nc\n";
    let read = parse::transcript("t.txt", text).unwrap();
    let outcomes = run::transcript(&read).unwrap();
    let complaints = complaints(&read, &outcomes);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert_eq!(
        complaints[0],
        "t.txt:5: ## one\n$ echo a; echo b >&2; false\nexit code 1 instead of 0\nstandard \
         output:\n@@ -1 +1 @@\n-x\n+a\nstandard error:\n@@ -0,0 +1 @@\n+b\n"
    );
    assert!(complaints[1].contains("the known gap is closed"), "{complaints:?}");
    let updated = update::text(&read, &outcomes);
    assert_eq!(updated, text.replace("\nx\n", "\na\n! b\n? 1\n"));
    let again = parse::transcript("t.txt", &updated).unwrap();
    assert!(run::transcript(&again).unwrap()[0].differences.is_empty());
}
