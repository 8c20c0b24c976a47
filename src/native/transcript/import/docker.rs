//! Cases of Docker Engine and Compose.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::base::time::SimDuration;
use crate::native::replay::scenario::{self, seconds};
use crate::native::transcript::import::{Session, moment, read};
use crate::native::transcript::{Printed, Tags};

/// Where the recordings lay.
const CASES: &str = "/home/student/cases";

/// The session of a case.
pub(super) fn session(case: &Path, scenario: &Value) -> Result<Session> {
    let text = |key: &str| scenario.get(key).and_then(Value::as_str);
    let root = format!("{CASES}/{}", text("name").unwrap_or("case"));
    let hosts = scenario.get("hosts").and_then(Value::as_array).map_or(1, Vec::len);
    let folder = scenario.get("files").and_then(Value::as_array).into_iter().flatten();
    let folder = folder.filter_map(Value::as_str).find_map(|path| path.split_once('/'));
    let folder = folder.map_or_else(|| root.clone(), |(folder, _)| format!("{root}/{folder}"));
    let mut session = Session::default();
    if hosts > 1 {
        session.head("world", &format!("engine-lab:{hosts}"));
    }
    session.head("folder", &folder);
    let steps = scenario.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let path = |path: &str| {
        let whole = format!("{root}/{path}");
        whole.strip_prefix(&format!("{folder}/")).unwrap_or(&whole).to_owned()
    };
    let written: Vec<&str> =
        steps.iter().filter_map(|step| step.get("write_file").and_then(Value::as_str)).collect();
    for (name, content) in scenario::files(case)? {
        if !written.contains(&name.as_str()) {
            session.file(&path(&name), &content);
        }
    }
    let mut recorded = Recorded::read(case)?;
    for step in &steps {
        if let Some(at) = moment(step.get("at")) {
            session.at(&at);
        }
        if !self::step(&mut session, step, &mut recorded, &path) {
            break;
        }
    }
    Ok(session)
}

/// What the commands printed, by host and text, in order.
struct Recorded(BTreeMap<(String, String), Vec<Value>>);

impl Recorded {
    fn read(case: &Path) -> Result<Self> {
        let mut map: BTreeMap<_, Vec<Value>> = BTreeMap::new();
        for line in read(case, "cli.jsonl")?.lines() {
            let value: Value = serde_json::from_str(line)?;
            let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
            map.entry((text("host"), text("cmd"))).or_default().push(value.clone());
        }
        Ok(Self(map))
    }

    /// What a command printed; `None` if the recorder gave it up.
    fn take(&mut self, host: &str, line: &str) -> Option<Printed> {
        let list = self.0.get_mut(&(host.to_owned(), line.to_owned()))?;
        let value = if list.is_empty() { return None } else { list.remove(0) };
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let exit = match value.get("exit").and_then(Value::as_i64)? {
            // The recorder's child was the command itself: a death by SIGKILL.
            -9 => 128 + 9,
            code => u8::try_from(code).ok()?,
        };
        Some(Printed { stdout: text("stdout"), stderr: text("stderr"), exit })
    }
}

/// Write a step; `false` if the session ends before it.
fn step(
    session: &mut Session,
    step: &Value,
    recorded: &mut Recorded,
    path: &impl Fn(&str) -> String,
) -> bool {
    let text = |key: &str| step.get(key).and_then(Value::as_str);
    let host = text("host").unwrap_or("host");
    let on = (host != "host" && host != "node1").then(|| host.to_owned());
    let mut tags = Tags { host: on, ..Tags::default() };
    if let Some(line) = text("run") {
        let Some(printed) = recorded.take(host, line) else { return false };
        session.typed(line, &tags, &printed);
    } else if let Some(line) = text("run_tty") {
        tags.tty = true;
        tags.any_output = true;
        let after = step.get("ctrl_c_after").and_then(seconds);
        tags.interrupt = after.map(|after| SimDuration(after.0));
        let exit = if tags.interrupt.is_some() { 130 } else { 0 };
        session.typed(line, &tags, &Printed { exit, ..Printed::default() });
    } else if let Some(line) = text("run_background") {
        tags.background = true;
        let Some(printed) = recorded.take(host, &format!("{line}   # in background")) else {
            return false;
        };
        session.typed(line, &tags, &printed);
    } else if let Some(name) = text("write_file") {
        session.file(&path(name), text("content").unwrap_or(""));
    } else if let Some(action) = text("host_action") {
        let down = step.pointer("/args/0").and_then(Value::as_str) == Some("down");
        let word = match action {
            "link" if down => "link-down".to_owned(),
            "link" => "link-up".to_owned(),
            _ => action.replace("dockerd", "daemon"),
        };
        session.word(&format!("host {host} {word}"));
    }
    true
}
