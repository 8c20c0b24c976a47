//! Replays the Kubernetes areas.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::base::quantity::Quantity;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::kinds::{Kind, Object};
use crate::native::driver::Driver;
use crate::native::replay::docker::write_lines;
use crate::native::replay::kube_trace;
use crate::native::replay::scenario::{self, seconds, stamp};
use crate::world::command::{Command, HostAction};
use crate::world::genesis::{ClusterSetup, Genesis, NodeSetup};
use crate::world::world::{FinishedRun, World};

/// Time before the scenario starts, in which the cluster comes to rest. The world begins at a full
/// minute; the recordings of CronJobs began early in one, so that the first run came after 50 to
/// 58 s (traces/cronjob 01 to 03).
const WARM_UP: SimDuration = SimDuration::from_secs(72);
/// The same for the one real node: another cluster, whose timers stood differently (an eviction of
/// traces/kubelet 22 comes at its recorded moment in a world that is 25 s old).
const WARM_UP_REAL: SimDuration = SimDuration::from_secs(25);
/// The recorder watched on for at least this long after the last command (0.50 s in
/// deployment/01, most often 0.6 to 1 s).
const AFTERMATH: SimDuration = SimDuration::from_millis(500);
/// Waits poll this often (FORMAT §1.2).
const POLL: SimDuration = SimDuration::from_millis(400);
/// A command that runs longer than this is left alone.
const COMMAND_LIMIT: SimDuration = SimDuration::from_secs(900);
/// Where the learner's machine sits: kubectl runs on the first node's network, outside of pods.
const HOME: &str = "/home/student";
/// Kinds whose changes do not count as movement for `settle`.
const RESTLESS: [&str; 3] = ["Event", "Node", "Lease"];
/// Images that the recording node had from earlier cases.
const PRESENT: [&str; 2] = ["busybox:1.37", "nginx:1.27"];
/// Kinds that the recorder traced unless the scenario says otherwise (`kinds`, `extraKinds`).
const TRACED: [&str; 18] = [
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Event",
    "HorizontalPodAutoscaler",
    "Job",
    "Namespace",
    "Node",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "ReplicaSet",
    "ResourceQuota",
    "Service",
    "StatefulSet",
];

/// The kinds that a scenario's trace has.
fn traced_kinds(scenario: &Value) -> Vec<String> {
    let list = |key: &str| {
        let items = scenario.get(key).and_then(Value::as_array);
        items.map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    let own: Option<Vec<String>> = list("kinds");
    let mut kinds = own.unwrap_or_else(|| TRACED.iter().map(|k| (*k).to_owned()).collect());
    kinds.extend(list("extraKinds").unwrap_or_default());
    kinds
}

/// Replay one case.
pub(super) fn replay(case: &Path, scenario: &Value, out: &Path, seed: u64) -> Result<()> {
    let namespace = text(scenario, "namespace").unwrap_or("default").to_owned();
    let genesis = genesis(case, scenario, seed)?;
    let mut driver: Driver<fn(&World)> = Driver::new(&genesis, |_| ());
    let make = format!("kubectl create namespace {namespace}");
    let warm_up = if is_hollow(scenario) { WARM_UP } else { WARM_UP_REAL };
    driver.script("", HOME, &make, false, SimTime::ZERO + warm_up);
    driver.advance(SimTime::ZERO + warm_up);
    let mut replay = Replay {
        zero: driver.world.now(),
        seen: driver.world.kube().map_or(0, |k| k.store.changes()),
        driver,
        traced: scenario.get("watch") != Some(&Value::Bool(false)),
        kinds: traced_kinds(scenario),
        words: String::new(),
        lines: vec![json!({"t": 0, "type": "START"})],
        background: Vec::new(),
        times: times(case),
        recorded: 0,
        last_change: SimTime::ZERO,
        namespace: namespace.clone(),
    };
    replay.initial();
    let context = format!("kubectl config set-context --current --namespace={namespace}");
    replay.hidden(&context);
    let steps = scenario.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    for (number, step) in steps.iter().enumerate() {
        replay.step(number, step);
    }
    replay.background_done(true);
    let end = SimTime(replay.now().0 + AFTERMATH.0);
    replay.advance_to(end);
    replay.catch_up();
    let end = replay.clock();
    replay.lines.push(json!({"t": end, "type": "END", "ok": true}));
    fs::write(out.join("kubectl.txt"), &replay.words)
        .with_context(|| format!("{}", out.display()))?;
    write_lines(&out.join("trace.jsonl"), &replay.lines)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// When the recorded commands began, if the case says so.
fn times(case: &Path) -> Vec<SimTime> {
    let read = fs::read_to_string(case.join("times.json")).ok();
    let list: Option<Vec<Value>> = read.and_then(|text| serde_json::from_str(&text).ok());
    list.unwrap_or_default().iter().filter_map(seconds).collect()
}

fn is_hollow(scenario: &Value) -> bool {
    text(scenario, "clusterName") != Some("real")
}

fn genesis(case: &Path, scenario: &Value, seed: u64) -> Result<Genesis> {
    let hollow = is_hollow(scenario);
    let nodes = scenario.pointer("/cluster/nodes").and_then(Value::as_array);
    let nodes = nodes.into_iter().flatten().map(|n| node(n, hollow)).collect();
    let files = scenario::files(case)?;
    let files = files.into_iter().map(|(path, text)| (format!("{HOME}/{path}"), text)).collect();
    Ok(Genesis {
        seed,
        hosts: Vec::new(),
        cluster: Some(ClusterSetup { nodes }),
        registry: true,
        images: crate::machine::Collection::KubeLab,
        files,
    })
}

/// A node of a scenario: `name`, `cpu`, `memory`, `pods`, `labels`.
fn node(value: &Value, hollow: bool) -> NodeSetup {
    let quantity = |key: &str| {
        let value = value.get(key)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Quantity::parse(&text)
    };
    let cpu = quantity("cpu")
        .or_else(|| quantity("cpus"))
        .map_or(4_000, |q| u32::try_from(q.milli()).unwrap_or(4_000));
    let memory =
        quantity("memory").map_or(8 << 30, |q| u64::try_from(q.value()).unwrap_or(8 << 30));
    let mut setup = NodeSetup::new(text(value, "name").unwrap_or("node-1"), cpu, memory);
    if let Some(pods) = value.get("pods").and_then(Value::as_u64) {
        setup.pods = u32::try_from(pods).unwrap_or(110);
    }
    for (key, label) in value.get("labels").and_then(Value::as_object).into_iter().flatten() {
        let label = label.as_str().map_or_else(|| label.to_string(), str::to_owned);
        setup.labels.insert(key.clone(), label);
    }
    for taint in value.get("taints").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| text(taint, key).unwrap_or("").to_owned();
        setup.taints.push(format!("{}={}:{}", part("key"), part("value"), part("effect")));
    }
    setup.hollow = hollow;
    if !hollow {
        setup.images = PRESENT.map(str::to_owned).to_vec();
    }
    setup
}

struct Replay {
    driver: Driver<fn(&World)>,
    zero: SimTime,
    seen: u64,
    traced: bool,
    kinds: Vec<String>,
    words: String,
    lines: Vec<Value>,
    /// Number and arguments of commands that still run.
    background: Vec<(u32, String)>,
    times: Vec<SimTime>,
    recorded: usize,
    last_change: SimTime,
    namespace: String,
}

impl Replay {
    fn now(&self) -> SimTime {
        SimTime(self.driver.world.now().0 - self.zero.0)
    }

    fn clock(&self) -> Value {
        stamp(self.now())
    }

    fn advance_to(&mut self, at: SimTime) {
        self.driver.advance(SimTime(at.0 + self.zero.0));
        self.catch_up();
    }

    /// Objects that are there at the start.
    fn initial(&mut self) {
        if !self.traced {
            return;
        }
        let Some(kube) = self.driver.world.kube() else { return };
        let objects: Vec<(&str, Value)> = kube
            .store
            .list(Kind::Node)
            .chain(kube.store.list(Kind::Namespace))
            .filter(|(key, entry)| {
                entry.object.kind() == Kind::Node || *key.name == *self.namespace
            })
            .filter(|(_, entry)| self.traces(entry.object.kind().name()))
            .map(|(_, entry)| (entry.object.kind().name(), entry.object.to_value()))
            .collect();
        let zero = json!(0);
        let lines = objects.iter().map(|(k, v)| kube_trace::line(zero.clone(), "INITIAL", k, v));
        self.lines.extend(lines);
    }

    /// Write down the changes of the store since the last look.
    fn catch_up(&mut self) {
        let Some(kube) = self.driver.world.kube() else { return };
        let mut changes = Vec::new();
        for change in kube.changes_after(self.seen) {
            self.seen += 1;
            let at = SimTime(change.at.0.saturating_sub(self.zero.0));
            let kind = change.kind.name();
            let space = &*change.key.namespace;
            if !RESTLESS.contains(&kind) && space == self.namespace {
                self.last_change = at;
            }
            // Events about nodes are kept in the namespace default.
            let about_node = match change.new.as_deref() {
                Some(Object::Event(e)) => e.involved_object.kind.as_deref() == Some("Node"),
                _ => false,
            };
            let ours = if kind == "Namespace" {
                *change.key.name == *self.namespace
            } else {
                space.is_empty() || space == self.namespace || about_node
            };
            let what = match (&change.old, &change.new) {
                (None, _) => "ADDED",
                (Some(_), Some(_)) => "MODIFIED",
                (Some(_), None) => "DELETED",
            };
            let object = change.new.as_ref().or(change.old.as_ref());
            if let (true, Some(object)) = (self.traced && ours && self.traces(kind), object) {
                changes.push(kube_trace::line(stamp(at), what, kind, &object.to_value()));
            }
        }
        self.lines.extend(changes);
    }

    fn traces(&self, kind: &str) -> bool {
        self.kinds.iter().any(|k| k == kind)
    }

    fn step(&mut self, number: usize, step: &Value) {
        if let Some(at) = step.get("at").and_then(seconds) {
            self.advance_to(at);
        }
        let background = step.get("background") == Some(&Value::Bool(true));
        if let Some(pause) = step.get("sleep").and_then(seconds) {
            let to = SimTime(self.now().0 + pause.0);
            self.advance_to(to);
        } else if let Some(wait) = step.get("wait") {
            self.wait(wait, step.get("timeout").and_then(seconds));
        } else if let (Some(action), Some(file)) = (text(step, "action"), text(step, "file")) {
            self.mark(number, action);
            self.kubectl(&format!("{action} -f {file}"), background);
        } else if let Some(args) = text(step, "kubectl") {
            if let Some(action) = text(step, "action") {
                self.mark(number, action);
            }
            self.kubectl(args, background);
        } else if let Some(action) = text(step, "action") {
            // It is not one of the recorded commands, so their times do not hold it back.
            self.marked(number, action);
            self.other(action, step);
        } else if let Some(shell) = text(step, "shell") {
            self.hidden(shell);
        }
        self.background_done(false);
    }

    /// A line that says that a changing step begins.
    fn mark(&mut self, number: usize, action: &str) {
        self.wait_for_turn();
        self.marked(number, action);
    }

    fn marked(&mut self, number: usize, action: &str) {
        self.catch_up();
        let t = self.clock();
        self.lines.push(json!({"t": t, "type": "STEP", "i": number, "action": action}));
    }

    /// The i-th recorded command does not start before its recorded time.
    fn wait_for_turn(&mut self) {
        if let Some(at) = self.times.get(self.recorded).copied()
            && at > self.now()
        {
            self.advance_to(at);
        }
    }

    fn kubectl(&mut self, args: &str, background: bool) {
        self.wait_for_turn();
        self.recorded += 1;
        let line = format!("kubectl {args}");
        if background {
            let run = self.driver.start("", HOME, &line, false);
            self.background.push((run, args.to_owned()));
            return;
        }
        let deadline = self.driver.world.now() + COMMAND_LIMIT;
        let done = self.driver.script("", HOME, &line, false, deadline);
        self.catch_up();
        if let Some(done) = done {
            self.record(args, &done);
        }
    }

    fn hidden(&mut self, line: &str) -> Option<FinishedRun> {
        let deadline = self.driver.world.now() + COMMAND_LIMIT;
        let done = self.driver.script("", HOME, line, false, deadline);
        self.catch_up();
        done
    }

    fn record(&mut self, args: &str, done: &FinishedRun) {
        let started = SimTime(done.started.0.saturating_sub(self.zero.0));
        let _ = writeln!(self.words, "# t={}", stamp(started));
        let _ = writeln!(self.words, "$ kubectl {args}");
        self.words.push_str(&done.stdout);
        if !done.stdout.is_empty() && !done.stdout.ends_with('\n') {
            self.words.push('\n');
        }
        if !done.stderr.is_empty() {
            self.words.push_str("[stderr]\n");
            self.words.push_str(&done.stderr);
            if !done.stderr.ends_with('\n') {
                self.words.push('\n');
            }
        }
        let _ = writeln!(self.words, "[exit {}]\n", done.exit);
    }

    fn background_done(&mut self, last: bool) {
        let running = std::mem::take(&mut self.background);
        for (run, args) in running {
            match self.driver.world.finished(run).cloned() {
                Some(done) => self.record(&format!("{args}   # ran in the background"), &done),
                None if last => {}
                None => self.background.push((run, args)),
            }
        }
    }

    /// Actions that are not kubectl.
    fn other(&mut self, action: &str, step: &Value) {
        let kube = self.driver.world.kube();
        let first = kube.and_then(|k| k.store.list(Kind::Node).next());
        let first = first.map(|(key, _)| key.name.to_string());
        let node = text(step, "node").map(str::to_owned).or(first).unwrap_or_default();
        let act = match action {
            "stop-node" => HostAction::PowerOff,
            "start-node" => HostAction::Boot,
            "stop-kubelet" => HostAction::KillDaemon,
            "start-kubelet" => HostAction::StartDaemon,
            "add-node" => {
                if let Some(spec) = step.get("spec") {
                    let mut setup = self::node(spec, true);
                    setup.name = node;
                    self.driver.world.add_node(&setup);
                }
                return;
            }
            "load" => {
                let load = step.get("total_millicores").and_then(Value::as_i64).unwrap_or(0);
                self.driver.world.share_load(&self.namespace, load);
                return;
            }
            _ => {
                if let Some(shell) = text(step, "shell") {
                    self.hidden(shell);
                }
                return;
            }
        };
        self.driver.world.execute(Command::Host { host: node, action: act });
    }

    fn wait(&mut self, wait: &Value, timeout: Option<SimTime>) {
        let limit = self.now() + timeout.unwrap_or(SimTime::from_secs(120)).since(SimTime::ZERO);
        let settle = wait.get("settle").and_then(seconds);
        let begun = self.now();
        while self.now() < limit {
            let met = match settle {
                Some(quiet) => {
                    let since = self.last_change.max(begun);
                    self.now().since(since) >= quiet.since(SimTime::ZERO)
                }
                None => self.condition(wait),
            };
            if met {
                return;
            }
            let to = (self.now() + POLL).min(limit);
            self.advance_to(to);
        }
    }

    fn condition(&mut self, wait: &Value) -> bool {
        if let Some(target) = text(wait, "rollout") {
            let line = format!("kubectl rollout status {target} --watch=false");
            return self.hidden(&line).is_some_and(|done| {
                done.stdout.contains("successfully rolled out")
                    || done.stdout.contains("roll out complete")
                    || done.stdout.contains("rolling update complete")
            });
        }
        if let Some(target) = text(wait, "gone") {
            return self
                .hidden(&format!("kubectl get {target}"))
                .is_some_and(|done| done.stderr.contains("NotFound"));
        }
        if let Some(target) = text(wait, "jsonpath") {
            let (resource, path) = target.split_once(" {").unwrap_or((target, ""));
            let line = format!("kubectl get {resource} -o jsonpath='{{{path}'");
            let wanted = wait.get("equals").map_or_else(String::new, |v| {
                v.as_str().map_or_else(|| v.to_string(), str::to_owned)
            });
            return self.hidden(&line).is_some_and(|done| done.stdout.trim() == wanted);
        }
        wait.get("pods").is_none_or(|wanted| self.pods(wanted))
    }

    /// Whether the pods of a selector are as wanted.
    fn pods(&mut self, wanted: &Value) -> bool {
        let selector = text(wanted, "selector").map(|s| format!(" -l {s}")).unwrap_or_default();
        let Some(done) = self.hidden(&format!("kubectl get pods{selector} -o json")) else {
            return false;
        };
        let list: Value = serde_json::from_str(&done.stdout).unwrap_or(Value::Null);
        let pods = list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let count = |test: &dyn Fn(&Value) -> bool| pods.iter().filter(|p| test(p)).count() as u64;
        let number = |key: &str| wanted.get(key).and_then(Value::as_u64);
        let ready = |pod: &Value| {
            pod.pointer("/status/conditions").and_then(Value::as_array).is_some_and(|list| {
                list.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
            })
        };
        let restarts = |pod: &Value| {
            let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
            statuses.into_iter().flatten().filter_map(|s| s["restartCount"].as_u64()).sum::<u64>()
        };
        let phase = text(wanted, "phase");
        number("count").is_none_or(|n| pods.len() as u64 == n)
            && number("ready").is_none_or(|n| count(&ready) == n)
            && number("restarts").is_none_or(|n| count(&|p| restarts(p) >= n) > 0)
            && phase.is_none_or(|phase| {
                !pods.is_empty()
                    && count(&|p| p.pointer("/status/phase").is_some_and(|p| p == phase))
                        == pods.len() as u64
            })
            && number("terminating")
                .is_none_or(|n| count(&|p| p.pointer("/metadata/deletionTimestamp").is_some()) == n)
    }
}
