//! Every sentence that the core can record has its words in both languages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use drydock::text::AREAS;

/// Text ids that a source names, in code and not in comments.
fn named(path: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(path).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            named(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a text file");
        for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for part in line.split("\"why-").skip(1) {
                let id = part.split('"').next().unwrap_or("");
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if id.chars().all(plain) && !id.is_empty() {
                    found.push((format!("why-{id}"), path.display().to_string()));
                }
            }
        }
    }
}

fn ids(source: &str) -> BTreeSet<&str> {
    let lines = source.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()));
    lines.filter_map(|l| l.split_once(" =")).map(|(id, _)| id).collect()
}

#[test]
fn every_recorded_sentence_has_its_words() {
    let english: BTreeSet<&str> = AREAS.iter().flat_map(|a| ids(a.1)).collect();
    let korean: BTreeSet<&str> = AREAS.iter().flat_map(|a| ids(a.2)).collect();
    let mut used = Vec::new();
    named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
    assert!(used.len() > 50, "the sources name {} ids only", used.len());
    let missing: Vec<String> = used
        .iter()
        .filter(|(id, _)| !english.contains(id.as_str()) || !korean.contains(id.as_str()))
        .map(|(id, file)| format!("{id} ({file})"))
        .collect();
    assert!(missing.is_empty(), "{} ids without words:\n{}", missing.len(), missing.join("\n"));
}
