//! Reading a case folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use crate::base::time::SimTime;
use crate::base::yaml::{self, Dialect};

/// Files that hold recorded results: never read.
const RESULTS: [&str; 8] = [
    "cli.jsonl",
    "cli.txt",
    "kubectl.txt",
    "trace.jsonl",
    "final.yaml",
    "tty.txt",
    "tty.jsonl",
    "scenario.yaml",
];

/// `scenario.yaml` of a case.
pub(crate) fn read(case: &Path) -> Result<Value> {
    let path = case.join("scenario.yaml");
    let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let documents = yaml::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    let node = documents.first().context("scenario.yaml is empty")?;
    Ok(node.value(Dialect::Compose))
}

/// The input files of a case, by path relative to its folder.
pub(crate) fn files(case: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    collect(case, "", &mut found)?;
    Ok(found)
}

fn collect(dir: &Path, prefix: &str, found: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("{}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if prefix.is_empty() && (RESULTS.contains(&name.as_str()) || name.starts_with("tty.")) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), found)?;
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.insert(path, text);
        }
    }
    Ok(())
}

/// A number of seconds as a moment.
pub(crate) fn seconds(value: &Value) -> Option<SimTime> {
    // Times of a recording are decimal numbers; microseconds are exact enough for them.
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let micros: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some(SimTime(whole.parse::<u64>().ok()? * 1_000_000 + micros))
}

/// A moment as seconds for the output files.
pub(crate) fn stamp(at: SimTime) -> Value {
    let text = format!("{}.{:03}", at.as_secs(), at.as_millis() % 1_000);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
