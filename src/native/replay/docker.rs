//! Replays the areas of Docker Engine, Compose and their comparisons.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use regex::Regex;
use serde_json::{Value, json};

use crate::base::time::{SimDuration, SimTime};
use crate::native::driver::Driver;
use crate::native::replay::docker_trace::Recorder;
use crate::native::replay::scenario::{self, seconds, stamp};
use crate::world::command::{Command, HostAction};
use crate::world::genesis::{Genesis, HostSetup};
use crate::world::world::{FinishedRun, World};

/// A command that runs longer than this has been left alone by the recorder.
const COMMAND_LIMIT: SimDuration = SimDuration::from_secs(240);
/// How often a wait looks (FORMAT: about every 0.2 to 0.5 s).
const POLL: SimDuration = SimDuration::from_millis(300);
/// The recording machines: two cores, 24 GiB (`docker info` of the recordings).
const CPU_MILLI: u32 = 2_000;
const MEMORY_BYTES: u64 = 24 << 30;

/// Replay one case.
pub(super) fn replay(case: &Path, scenario: &Value, out: &Path, seed: u64) -> Result<()> {
    let name = scenario.get("name").and_then(Value::as_str).unwrap_or("case");
    let root = format!("/home/student/cases/{name}");
    let genesis = genesis(case, scenario, &root, seed)?;
    let mut recorder = Recorder::default();
    // The area of invalid files was recorded by the engine's log of events alone: none of its
    // traces holds a sample of a container.
    recorder.samples = !name.starts_with("compose-invalid/");
    let mut replay = Replay {
        driver: Driver::new(&genesis, |world: &World| recorder.look(world)),
        cwd: working_directory(scenario, &root),
        root,
        lines: Vec::new(),
        background: Vec::new(),
    };
    let steps = scenario.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, step) in steps.iter().enumerate() {
        let next = steps.get(index + 1).and_then(|next| next.get("at")).and_then(seconds);
        replay.step(step, next);
    }
    replay.collect_background(true);
    let lines = replay.lines;
    write_lines(&out.join("cli.jsonl"), &lines)?;
    write_lines(&out.join("trace.jsonl"), &recorder.lines)
}

/// Write JSON lines.
pub(super) fn write_lines(path: &Path, lines: &[Value]) -> Result<()> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).with_context(|| format!("{}", path.display()))
}

fn genesis(case: &Path, scenario: &Value, root: &str, seed: u64) -> Result<Genesis> {
    let texts = |key: &str| -> Vec<String> {
        match scenario.get(key) {
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            _ => Vec::new(),
        }
    };
    // Every recording host had all stand-in images, not only those that a case lists
    // (`docker images -a` of engine/47).
    let mut images = texts("images");
    let catalogue = crate::machine::Catalogue::shared();
    for ((collection, name), file) in &catalogue.images {
        let tags = file.variants.iter().flat_map(|v| &v.tags).filter(|t| !t.contains('*'));
        if *collection == crate::machine::Collection::DockerLab {
            images.extend(tags.map(|tag| format!("{name}:{tag}")));
        }
    }
    images.sort();
    images.dedup();
    let setup = |name: String| HostSetup {
        // A case's only host calls itself so (engine/27, 38).
        hostname: (name == "host").then(|| "docker-host".to_owned()),
        name,
        cpu_milli: CPU_MILLI,
        memory_bytes: MEMORY_BYTES,
        images: images.clone(),
    };
    let files = scenario::files(case)?;
    let files = files.into_iter().map(|(path, text)| (format!("{root}/{path}"), text)).collect();
    Ok(Genesis {
        seed,
        hosts: texts("hosts").into_iter().map(setup).collect(),
        cluster: None,
        registry: false,
        images: crate::machine::Collection::DockerLab,
        files,
    })
}

/// The first folder of `files`, else the case folder itself.
fn working_directory(scenario: &Value, root: &str) -> String {
    let files = scenario.get("files").and_then(Value::as_array);
    let folder = files
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find_map(|path| path.split_once('/').map(|(folder, _)| folder.to_owned()));
    folder.map_or_else(|| root.to_owned(), |folder| format!("{root}/{folder}"))
}

struct Replay<W> {
    driver: Driver<W>,
    root: String,
    cwd: String,
    lines: Vec<Value>,
    /// Number, host and text of commands that still run.
    background: Vec<(u32, String, String)>,
}

impl<W: FnMut(&World)> Replay<W> {
    /// One step; `next` is when the next one began in the recording.
    fn step(&mut self, step: &Value, next: Option<SimTime>) {
        let text = |key: &str| step.get(key).and_then(Value::as_str);
        if let Some(at) = step.get("at").and_then(seconds) {
            self.driver.advance(at);
        }
        let host = text("host").unwrap_or("host").to_owned();
        if let Some(line) = text("run") {
            self.run(&host, line, next);
        } else if let Some(line) = text("run_tty") {
            self.run_tty(&host, line, step.get("ctrl_c_after").and_then(seconds));
        } else if let Some(line) = text("run_background") {
            let cwd = self.cwd.clone();
            let run = self.driver.start(&host, &cwd, line, false);
            self.background.push((run, host, line.to_owned()));
        } else if let Some(pause) = step.get("sleep").and_then(seconds) {
            let to = self.driver.world.now() + pause.since(SimTime::ZERO);
            self.driver.advance(to);
        } else if let Some(path) = text("write_file") {
            let content = text("content").unwrap_or("").to_owned();
            let path = format!("{}/{path}", self.root);
            self.driver.world.execute(Command::Write { host, path, text: content });
        } else if let Some(line) = text("wait_until") {
            let limit = step.get("timeout").and_then(seconds).unwrap_or(SimTime::from_secs(60));
            self.wait_until(&host, line, text("matches").unwrap_or(""), limit);
        } else if let Some(action) = text("host_action") {
            let down = step.pointer("/args/0").and_then(Value::as_str) == Some("down");
            self.host_action(&host, action, down);
        }
        self.collect_background(false);
    }

    fn run(&mut self, host: &str, line: &str, next: Option<SimTime>) {
        let start = self.driver.world.now();
        let cwd = self.cwd.clone();
        let limit = start + COMMAND_LIMIT;
        let run = self.driver.start(host, &cwd, line, false);
        let patience = next.map_or(limit, |next| next.clamp(start, limit));
        let mut finished = self.driver.finish(run, patience);
        if finished.is_none() && !self.never_ends(run, limit) {
            finished = self.driver.finish(run, limit);
        }
        let finished = finished.unwrap_or_else(|| self.give_up(run, start));
        self.record(host, line, &finished);
    }

    /// Whether a command would still run at the limit. The recorder gave such a command less time
    /// than that, and went on to the next step.
    fn never_ends(&self, run: u32, limit: SimTime) -> bool {
        let mut ahead: Driver<fn(&World)> =
            Driver { world: self.driver.world.clone(), watch: |_| () };
        ahead.finish(run, limit).is_none()
    }

    /// The recorder kills a command that takes too long and keeps what it has said.
    fn give_up(&mut self, run: u32, started: SimTime) -> FinishedRun {
        let ended = self.driver.world.now();
        self.driver.world.execute(Command::Signal { run, signal: 9 });
        let mut done = self.driver.finish(run, ended).unwrap_or_else(|| FinishedRun {
            started,
            ended,
            stdout: String::new(),
            stderr: String::new(),
            exit: 137,
            timed_out: true,
        });
        done.timed_out = true;
        let seconds = done.ended.since(done.started).as_secs();
        done.stderr.push_str(&format!("\n[recorder: timed out after {seconds} s]"));
        done
    }

    fn run_tty(&mut self, host: &str, line: &str, interrupt: Option<SimTime>) {
        let start = self.driver.world.now();
        let cwd = self.cwd.clone();
        let deadline = start + COMMAND_LIMIT;
        let run = self.driver.start(host, &cwd, line, true);
        if let Some(after) = interrupt {
            self.driver.advance(start + after.since(SimTime::ZERO));
            self.driver.world.execute(Command::Signal { run, signal: 2 });
        }
        while self.driver.world.finished(run).is_none() && self.driver.world.now() < deadline {
            let to = self.driver.world.now() + SimDuration::from_millis(50);
            self.driver.advance(to);
        }
    }

    fn wait_until(&mut self, host: &str, line: &str, pattern: &str, limit: SimTime) {
        let deadline = self.driver.world.now() + limit.since(SimTime::ZERO);
        // Python's `re.search` with DOTALL.
        let Ok(pattern) = Regex::new(&format!("(?s){pattern}")) else { return };
        let cwd = self.cwd.clone();
        while self.driver.world.now() < deadline {
            let begun = self.driver.world.now();
            if let Some(done) = self.driver.script(host, &cwd, line, false, deadline)
                && pattern.is_match(&format!("{}{}", done.stdout, done.stderr))
            {
                return;
            }
            self.driver.advance((begun + POLL).min(deadline));
        }
    }

    fn host_action(&mut self, host: &str, action: &str, down: bool) {
        let action = match action {
            "poweroff" => HostAction::PowerOff,
            "boot" => HostAction::Boot,
            "start-dockerd" => HostAction::StartDaemon,
            "stop-dockerd" => HostAction::StopDaemon,
            "kill-dockerd" => HostAction::KillDaemon,
            "pause-dockerd" => HostAction::PauseDaemon,
            "resume-dockerd" => HostAction::ResumeDaemon,
            "link" if down => HostAction::LinkDown,
            "link" => HostAction::LinkUp,
            _ => return,
        };
        self.driver.world.execute(Command::Host { host: host.to_owned(), action });
    }

    /// Write down background commands that have ended; at the end of the case also those that run.
    fn collect_background(&mut self, last: bool) {
        let running = std::mem::take(&mut self.background);
        for (run, host, line) in running {
            match self.driver.world.finished(run).cloned() {
                Some(done) => self.record(&host, &format!("{line}   # in background"), &done),
                None if last => {
                    let done = self.give_up(run, self.driver.world.now());
                    self.record(&host, &format!("{line}   # in background"), &done);
                }
                None => self.background.push((run, host, line)),
            }
        }
    }

    fn record(&mut self, host: &str, line: &str, done: &FinishedRun) {
        // With `exec` the recorder's child is the command itself: a death by SIGKILL is its -9.
        let killed = line.starts_with("exec ") && done.exit == 128 + 9;
        let exit = match done.timed_out {
            true => json!(-1),
            false if killed => json!(-9),
            false => json!(done.exit),
        };
        self.lines.push(json!({
            "t": stamp(done.started),
            "host": host,
            "cmd": line,
            "stdout": without_registries(&done.stdout),
            "stderr": without_registries(&done.stderr),
            "exit": exit,
            "dur": stamp(SimTime::ZERO + done.ended.since(done.started)),
        }));
    }
}

/// The recordings name no registry (DOCKER.md): the public ones have placeholders.
fn without_registries(text: &str) -> String {
    text.replace("registry-1.docker.io", "<registry-api>")
        .replace("index.docker.io", "<registry-index>")
        .replace("docker.io/", "<registry>/")
}
