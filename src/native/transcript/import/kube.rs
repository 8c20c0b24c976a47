//! Cases of Kubernetes.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::native::replay::scenario;
use crate::native::transcript::import::{Session, moment, read};
use crate::native::transcript::{Printed, Tags};

/// The session of a case.
pub(super) fn session(case: &Path, scenario: &Value) -> Result<Session> {
    let mut session = Session::default();
    head(&mut session, scenario);
    for (name, content) in scenario::files(case)? {
        if name != "times.json" {
            session.file(&name, &content);
        }
    }
    let began = beginnings(case)?;
    let words = read(case, "kubectl.txt")?;
    let mut words = Words { rest: &words };
    let steps = scenario.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    for (number, step) in steps.iter().enumerate() {
        let moment = began.iter().find(|(i, _)| *i == number).map(|(_, at)| at.as_str());
        if !self::step(&mut session, step, moment, &mut words) {
            break;
        }
    }
    Ok(session)
}

fn head(session: &mut Session, scenario: &Value) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if scenario.get("clusterName").and_then(Value::as_str) == Some("real") {
        session.head("world", "kube-lab-real");
    }
    if let Some(namespace) = scenario.get("namespace") {
        session.head("namespace", &text(namespace));
    }
    let nodes = scenario.pointer("/cluster/nodes").and_then(Value::as_array);
    for node in nodes.into_iter().flatten() {
        let line = node_line(node);
        session.head("node", &line);
    }
}

/// `NAME cpu=4 memory=8Gi …`, with the sizes of a recording's node where none is said.
fn node_line(node: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let part = |key: &str| node.get(key).map(text);
    let mut words = vec![part("name").unwrap_or_else(|| "node-1".to_owned())];
    let cpu = part("cpu").or_else(|| part("cpus")).unwrap_or_else(|| "4".to_owned());
    words.push(format!("cpu={cpu}"));
    words.push(format!("memory={}", part("memory").unwrap_or_else(|| "8Gi".to_owned())));
    words.extend(part("pods").map(|pods| format!("pods={pods}")));
    for (key, value) in node.get("labels").and_then(Value::as_object).into_iter().flatten() {
        words.push(format!("label.{key}={}", text(value)));
    }
    for taint in node.get("taints").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| taint.get(key).map(text).unwrap_or_default();
        words.push(format!("taint={}={}:{}", part("key"), part("value"), part("effect")));
    }
    words.join(" ")
}

/// When changing steps began, by number.
fn beginnings(case: &Path) -> Result<Vec<(usize, String)>> {
    let mut found = Vec::new();
    for line in read(case, "trace.jsonl").unwrap_or_default().lines() {
        if !line.contains("\"STEP\"") {
            continue;
        }
        let value: Value = serde_json::from_str(line)?;
        let number = value.get("i").and_then(Value::as_u64).and_then(|i| usize::try_from(i).ok());
        if let (Some(number), Some(at)) = (number, moment(value.get("t"))) {
            found.push((number, at));
        }
    }
    Ok(found)
}

/// `kubectl.txt`, from where it has been read.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// When a command began and what it printed.
    fn take(&mut self, args: &str) -> Option<(String, Printed)> {
        let rest = self.rest.trim_start_matches('\n').strip_prefix("# t=")?;
        let (at, rest) = rest.split_once('\n')?;
        let rest = rest.strip_prefix("$ kubectl ")?.strip_prefix(args)?.strip_prefix('\n')?;
        let (text, rest) = rest.split_at(rest.find("[exit ")?);
        let (code, rest) = rest.strip_prefix("[exit ")?.split_once("]\n")?;
        self.rest = rest;
        let (stdout, stderr) = match text.strip_prefix("[stderr]\n") {
            Some(stderr) => ("", stderr),
            None => text.split_once("\n[stderr]\n").unwrap_or((text, "")),
        };
        let printed = Printed {
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            exit: code.parse().ok()?,
        };
        Some((at.to_owned(), printed))
    }
}

/// Write a step; `false` if the session ends before it.
fn step(session: &mut Session, step: &Value, began: Option<&str>, words: &mut Words<'_>) -> bool {
    let text = |key: &str| step.get(key).and_then(Value::as_str);
    if step.get("background") == Some(&Value::Bool(true)) {
        return false;
    }
    let recorded = match (text("action"), text("file"), text("kubectl")) {
        (Some(action), Some(file), _) => Some(format!("{action} -f {file}")),
        (_, _, Some(args)) => Some(args.to_owned()),
        _ => None,
    };
    if let Some(args) = recorded {
        let Some((at, printed)) = words.take(&args) else { return false };
        session.at(&at);
        session.typed(&format!("kubectl {args}"), &Tags::default(), &printed);
        return true;
    }
    let Some(action) = text("action") else {
        if let Some(shell) = text("shell") {
            let quiet = format!("{{ {shell}; }} >/dev/null 2>&1 || true");
            session.typed(&quiet, &Tags::default(), &Printed::default());
        }
        return true;
    };
    if let Some(at) = began {
        session.at(at);
    }
    let node = text("node").unwrap_or("node-1");
    match action {
        "stop-node" => session.word(&format!("host {node} poweroff")),
        "start-node" => session.word(&format!("host {node} boot")),
        "stop-kubelet" => session.word(&format!("host {node} kill-daemon")),
        "start-kubelet" => session.word(&format!("host {node} start-daemon")),
        "add-node" => {
            let Some(spec) = step.get("spec") else { return false };
            let line = node_line(spec);
            let words = line.split_once(' ').map_or("", |(_, words)| words);
            session.word(&format!("add-node {node} {words}"));
        }
        "load" => {
            let load = step.get("total_millicores").and_then(Value::as_i64).unwrap_or(0);
            session.word(&format!("cpu-load {load}"));
        }
        _ => return false,
    }
    true
}
