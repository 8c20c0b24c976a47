//! A kubelet over the real runtime and fabric, with an API server that only stores.

use std::fmt::Write as _;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::node::{RuntimeKind, Settings};
use super::{Around, Input, Kubelet, Output, Tag};
use crate::base::rng::Rngs;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::Faults;
use crate::engine::queue::Queue;
use crate::engine::trace::{Trace, TraceId};
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{Body, Response, Verb};
use crate::kube::api::store::Store;
use crate::kube::kinds::Kind;
use crate::machine::{self, HostSpec, Machines};
use crate::net::{self, Cidr, Fabric};

enum Event {
    Kubelet(Input),
    Machine(machine::Input),
    Net(net::Input),
}

/// A node on a bench.
struct Bench {
    now: SimTime,
    queue: Queue<Event>,
    kubelet: Kubelet,
    store: Store,
    machines: Machines,
    fabric: Fabric,
    rngs: Rngs,
    trace: Trace,
    faults: Faults,
    /// What an observer of the API sees: statuses and events.
    log: String,
    /// Moments of the lines of the log, milliseconds.
    at: Vec<u64>,
}

impl Bench {
    fn new(runtime: RuntimeKind) -> Self {
        let mut machines = Machines::new(true);
        machines.add_host(HostSpec::small("node-1"), SimTime::ZERO);
        let mut fabric = Fabric::default();
        fabric.add_host("node-1", std::net::Ipv4Addr::new(192, 0, 2, 2));
        for image in ["busybox:1.37", "nginx:1.27"] {
            machines.preload(&"node-1".into(), image);
        }
        let settings = Settings { runtime, ..Settings::default() };
        let mut kubelet = Kubelet::new("node-1", "node-1".into(), "192.0.2.2", settings);
        kubelet.node.pod_range = Some(Cidr::new(10, 244, 1, 0, 24));
        let mut bench = Self {
            now: SimTime::ZERO,
            queue: Queue::default(),
            kubelet,
            store: Store::default(),
            machines,
            fabric,
            rngs: Rngs::new(7),
            trace: Trace::default(),
            faults: Faults::default(),
            log: String::new(),
            at: Vec::new(),
        };
        bench.push(SimDuration::ZERO, Event::Kubelet(Input::Start));
        bench
    }

    fn push(&mut self, after: SimDuration, event: Event) {
        self.queue.push(self.now + after, TraceId::NONE, event);
    }

    fn say(&mut self, line: &str) {
        self.at.push(self.now.as_millis());
        let _ = writeln!(self.log, "{line}");
    }

    /// Make a pod from YAML-like JSON.
    fn pod(&mut self, name: &str, spec: serde_json::Value) {
        let mut pod: core::Pod = serde_json::from_value(serde_json::json!({
            "metadata": { "name": name, "namespace": "ns", "uid": format!("uid-{name}"), "generation": 1 },
            "spec": spec,
        }))
        .unwrap();
        let spec = pod.spec.as_mut().unwrap();
        spec.node_name = Some("node-1".to_owned());
        pod.status =
            Some(core::PodStatus { phase: Some("Pending".to_owned()), ..Default::default() });
        self.commit(Kind::Pod, name, Some(Object::Pod(pod)));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the kubelet does not watch the others")]
    fn commit(&mut self, kind: Kind, name: &str, object: Option<Object>) {
        let key = Key::new(if kind == Kind::Node { "" } else { "ns" }, name);
        let change = self.store.commit(kind, &key, object, self.now, TraceId::NONE);
        let input = match kind {
            Kind::Pod => {
                self.observe(&key, change.new.as_deref());
                Input::Pod(key, change.new.clone())
            }
            Kind::ConfigMap | Kind::Secret => Input::Config(kind, key),
            _ => return,
        };
        self.push(SimDuration::from_millis(3), Event::Kubelet(input));
    }

    fn observe(&mut self, key: &Key, object: Option<&Object>) {
        let Some(Object::Pod(pod)) = object else {
            self.say(&format!("{} gone", key.name));
            return;
        };
        let status = pod.status.clone().unwrap_or_default();
        let mut line = format!("{} {}", key.name, status.phase.clone().unwrap_or_default());
        let reason = status.reason.clone().map(|r| format!(" {r}")).unwrap_or_default();
        line.push_str(&reason);
        let lists = [&status.init_container_statuses, &status.container_statuses];
        for one in lists.into_iter().flatten().flatten() {
            let state = one.state.clone().unwrap_or_default();
            let text = if state.running.is_some() {
                "run".to_owned()
            } else if let Some(t) = state.terminated {
                format!("{}/{}", t.reason.unwrap_or_default(), t.exit_code)
            } else {
                state.waiting.and_then(|w| w.reason).unwrap_or_default()
            };
            let ready = if one.ready { "R" } else { "-" };
            let _ = write!(line, " {}[{ready}{} {text}]", one.name, one.restart_count);
        }
        if pod.metadata.deletion_timestamp.is_some() {
            line.push_str(" del");
        }
        if self.log.lines().rfind(|l| l.starts_with(&*key.name)) != Some(&line) {
            self.say(&line);
        }
    }

    fn delete(&mut self, name: &str, grace: i64) {
        let key = Key::new("ns", name);
        let Some(Object::Pod(pod)) = self.store.get(Kind::Pod, &key).map(|e| &*e.object) else {
            return;
        };
        let mut pod = pod.clone();
        pod.metadata.deletion_timestamp = Some(crate::kube::clock::meta_time(self.now));
        pod.metadata.deletion_grace_period_seconds = Some(grace);
        self.commit(Kind::Pod, name, Some(Object::Pod(pod)));
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + SimDuration::from_secs(seconds);
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let Some(next) = self.queue.pop() else { break };
            self.now = next.at;
            self.one(next.event);
        }
        self.now = end;
    }

    fn one(&mut self, event: Event) {
        let (mut kube, mut machine, mut net) = (Vec::new(), Vec::new(), Vec::new());
        macro_rules! cx {
            ($out:expr) => {
                Cx {
                    now: self.now,
                    cause: TraceId::NONE,
                    rng: &mut self.rngs,
                    trace: &mut self.trace,
                    faults: &self.faults,
                    out: $out,
                }
            };
        }
        match event {
            Event::Kubelet(input) => {
                let mut around = Around {
                    store: &self.store,
                    machines: &mut self.machines,
                    fabric: &mut self.fabric,
                };
                self.kubelet.step(input, &mut around, &mut cx!(&mut kube));
            }
            Event::Machine(input) => self.machines.step(input, &mut cx!(&mut machine)),
            Event::Net(input) => self.fabric.step(input, &mut cx!(&mut net)),
        }
        for (delay, _, output) in kube {
            self.kubelet_output(delay, output);
        }
        for (delay, _, output) in machine {
            self.machine_output(delay, output);
        }
        for (delay, _, output) in net {
            self.net_output(delay, output);
        }
    }

    fn kubelet_output(&mut self, delay: SimDuration, output: Output) {
        match output {
            Output::Again(input) => self.push(delay, Event::Kubelet(input)),
            Output::Machine(output) => self.machine_output(delay, output),
            Output::Net(output) => self.net_output(delay, output),
            Output::Say(say) => {
                let text = say.message.split('(').next().unwrap_or("").to_owned();
                self.say(&format!("* {} {text}", say.reason));
            }
            Output::Request(tag, request) => {
                let name = request.name.clone().unwrap_or_default();
                match (request.verb, &request.body) {
                    (Verb::Delete, _) => self.commit(request.kind, &name, None),
                    (_, Body::Object(object)) if request.kind != Kind::Lease => {
                        self.commit(request.kind, &name, Some((**object).clone()));
                    }
                    _ => {}
                }
                if matches!(tag, Tag::Status(_)) {
                    let answer = Input::Answered(tag, Ok(Response::Done { exit: 0 }));
                    self.push(SimDuration::from_millis(1), Event::Kubelet(answer));
                }
            }
            Output::Reply(_, result) => {
                let text = match result {
                    Ok(Response::Text(text)) => text.trim_end().to_owned(),
                    Ok(Response::Done { exit }) => format!("exit {exit}"),
                    Ok(_) => String::new(),
                    Err(error) => error.message,
                };
                self.say(&format!("> {text}"));
            }
        }
    }

    fn machine_output(&mut self, delay: SimDuration, output: machine::Output) {
        match output {
            machine::Output::Again(input) => self.push(delay, Event::Machine(input)),
            machine::Output::Notice(notice) => {
                self.push(delay, Event::Kubelet(Input::Notice(notice.what)));
            }
            machine::Output::Respond { flow, response } => {
                let response = match response {
                    machine::Response::Refused => net::Response::Refused,
                    machine::Response::Connected => net::Response::Accepted("".into()),
                    machine::Response::Http { status, body } => {
                        net::Response::Http { status, body }
                    }
                    machine::Response::Reset => net::Response::Reset,
                };
                let flow = net::FlowId(flow);
                self.push(delay, Event::Net(net::Input::Respond { flow, response }));
            }
            machine::Output::Request { .. } => {}
        }
    }

    fn net_output(&mut self, delay: SimDuration, output: net::Output) {
        match output {
            net::Output::Again(input) => self.push(delay, Event::Net(input)),
            net::Output::Deliver { flow, host, container, port, request, .. } => {
                let request = machine::Incoming {
                    method: request.method.to_string(),
                    path: request.path.to_string(),
                    ..Default::default()
                };
                let input = machine::Input::Deliver {
                    flow: flow.0,
                    host: machine::HostId(host),
                    sandbox: container,
                    port,
                    request,
                };
                self.push(delay, Event::Machine(input));
            }
            net::Output::Answer { tag, answer, .. } => {
                let tag = tag & (u64::MAX >> 2);
                self.push(delay, Event::Kubelet(Input::Answer(tag, answer)));
            }
        }
    }

    /// Moment of the n-th line (from 0) that contains a text, in milliseconds.
    fn when(&self, text: &str, n: usize) -> u64 {
        let lines = self.log.lines().enumerate().filter(|(_, l)| l.contains(text));
        lines.map(|(i, _)| self.at[i]).nth(n).unwrap_or(u64::MAX)
    }

    fn count(&self, text: &str) -> usize {
        self.log.lines().filter(|l| l.contains(text)).count()
    }
}

fn shell(script: &str) -> serde_json::Value {
    serde_json::json!({ "name": "main", "image": "busybox:1.37", "command": ["sh", "-c", script] })
}

/// The back-off grows from exit to exit; a restart waits for the next sync (kubelet/01).
#[test]
fn crash_loop() {
    let mut bench = Bench::new(RuntimeKind::Real);
    bench.pod("crash", serde_json::json!({ "containers": [shell("echo boom; exit 1")] }));
    bench.run(400);
    let starts: Vec<u64> = (0..6).map(|n| bench.when("* Started", n) / 1000).collect();
    let gaps: Vec<u64> = starts.windows(2).map(|w| w[1] - w[0]).collect();
    for (gap, (low, high)) in gaps.iter().zip([(0, 2), (10, 17), (20, 32), (40, 64), (80, 125)]) {
        assert!((low..=high).contains(gap), "{gaps:?}\n{}", bench.log);
    }
    assert!(bench.count("CrashLoopBackOff") >= 4, "{}", bench.log);
    assert!(bench.log.contains("main[-1 Error/1]"), "{}", bench.log);
}

/// A pod that completes gets its final phase a tick after its end, and stays.
#[test]
fn completes() {
    let mut bench = Bench::new(RuntimeKind::Real);
    let spec =
        serde_json::json!({ "restartPolicy": "Never", "containers": [shell("sleep 3; exit 3")] });
    bench.pod("job", spec);
    bench.run(20);
    let want = "job Pending main[-0 ContainerCreating]\n* Pulled Container image \
                \"busybox:1.37\" already present on machine and can be accessed by the pod\n\
                * Created Container created\n* Started Container started\njob Running main[R0 run]\n\
                job Running main[-0 Error/3]\njob Failed main[-0 Error/3]\n";
    let seen: String = bench
        .log
        .lines()
        .filter(|l| !l.contains("* Node") && !l.contains("* Starting"))
        .map(|l| format!("{l}\n"))
        .collect();
    assert!(seen.ends_with(want), "{seen}");
}

/// A shell ignores TERM: KILL after the grace period, then the object goes.
#[test]
fn graceful_termination() {
    let mut bench = Bench::new(RuntimeKind::Real);
    bench.pod("slow", serde_json::json!({ "containers": [shell("sleep 3600")] }));
    bench.run(10);
    bench.delete("slow", 4);
    bench.run(10);
    let took = bench.when("slow Failed main[-0 Error/137] del", 0) - 10_000;
    assert!((4_000..5_500).contains(&took), "{took}\n{}", bench.log);
    assert_eq!(bench.count("slow gone"), 1, "{}", bench.log);
    assert_eq!(bench.count("* Killing Stopping container main"), 1);
}

/// A probe that fails three times kills; readiness follows the probe.
#[test]
fn probes_act() {
    let mut bench = Bench::new(RuntimeKind::Real);
    let mut c = shell("sleep 3600");
    c["livenessProbe"] = serde_json::json!({
        "exec": { "command": ["false"] }, "periodSeconds": 4, "failureThreshold": 3,
        "timeoutSeconds": 1, "successThreshold": 1 });
    bench.pod("sick", serde_json::json!({ "containers": [c], "terminationGracePeriodSeconds": 2 }));
    let nginx = serde_json::json!({ "name": "web", "image": "nginx:1.27", "readinessProbe": {
        "httpGet": { "path": "/", "port": 80 }, "initialDelaySeconds": 5, "periodSeconds": 5,
        "failureThreshold": 3, "timeoutSeconds": 1, "successThreshold": 1 } });
    bench.pod("web", serde_json::json!({ "containers": [nginx] }));
    bench.run(30);
    assert_eq!(bench.count("* Unhealthy Liveness probe failed: "), 7, "{}", bench.log);
    assert_eq!(bench.count("* Killing Container main failed liveness probe, will be"), 2);
    assert!(bench.log.contains("sick Running main[R1 run]"), "{}", bench.log);
    let ready = bench.when("web[R0 run]", 0) - bench.when("web[-0 run]", 0);
    assert!((5_000..6_200).contains(&ready), "{ready}\n{}", bench.log);
}

/// Missing references are retried; pulls back off.
#[test]
fn waits_for_what_is_missing() {
    let mut bench = Bench::new(RuntimeKind::Real);
    let mut c = shell("sleep 3600");
    c["env"] = serde_json::json!([{ "name": "A", "valueFrom": {
        "configMapKeyRef": { "name": "cfg", "key": "a" } } }]);
    bench.pod("env", serde_json::json!({ "containers": [c] }));
    let bad = serde_json::json!({ "name": "x", "image": "nginx:nosuch", "imagePullPolicy": "IfNotPresent" });
    bench.pod("bad", serde_json::json!({ "containers": [bad] }));
    bench.run(30);
    assert!(bench.log.contains("env Pending main[-0 CreateContainerConfigError]"), "{}", bench.log);
    assert!(bench.log.contains("bad Pending x[-0 ErrImagePull]"), "{}", bench.log);
    assert!(bench.log.contains("bad Pending x[-0 ImagePullBackOff]"), "{}", bench.log);
    let map = core::ConfigMap {
        data: Some([("a".to_owned(), "1".to_owned())].into()),
        ..Default::default()
    };
    bench.commit(Kind::ConfigMap, "cfg", Some(Object::ConfigMap(map)));
    bench.run(20);
    assert!(bench.log.contains("env Running main[R0 run]"), "{}", bench.log);
}

/// Init containers in order, then the app; a hollow node says nothing about pods.
#[test]
fn hollow_init() {
    let mut bench = Bench::new(RuntimeKind::Hollow);
    let command = ["sh", "-c", "sleep 4; exit 0"];
    let init = serde_json::json!({ "name": "setup", "image": "busybox", "command": command });
    let app = serde_json::json!({ "name": "app", "image": "nginx" });
    bench.pod("p", serde_json::json!({ "initContainers": [init], "containers": [app] }));
    bench.run(10);
    assert!(!bench.log.contains('*'), "{}", bench.log);
    let took = bench.when("app[R0 run]", 0) - bench.when("setup[-0 run]", 0);
    assert!((4_000..5_600).contains(&took), "{took}\n{}", bench.log);
    bench.delete("p", 30);
    bench.run(3);
    assert!(bench.log.ends_with("p gone\n"), "{}", bench.log);
    assert!(
        bench.log.contains("p Succeeded setup[R0 Completed/0] app[-0 Completed/0] del"),
        "{}",
        bench.log
    );
    let idle = bench.queue.len();
    assert!(idle <= 3, "{idle} events wait on an idle node");
}

/// The kubelet dies and comes back: nothing is restarted.
#[test]
fn kubelet_restart() {
    let mut bench = Bench::new(RuntimeKind::Real);
    bench.pod("web", serde_json::json!({ "containers": [{ "name": "c", "image": "nginx:1.27" }] }));
    bench.run(10);
    bench.push(SimDuration::ZERO, Event::Kubelet(Input::Stop));
    bench.run(60);
    bench.push(SimDuration::ZERO, Event::Kubelet(Input::Start));
    bench.run(10);
    assert_eq!(bench.count("* Started Container"), 1, "{}", bench.log);
    assert!(bench.log.lines().rfind(|l| l.starts_with("web")).unwrap().contains("c[R0 run]"));
    let worker = bench.kubelet.workers.values().next().map(Arc::clone).unwrap();
    assert_eq!(worker.runtime.newest("c").map(|r| r.number), Some(0));
}

/// A sidecar ends after the main container, and the pod succeeds although it was killed.
#[test]
fn sidecar_of_a_finished_pod() {
    let mut bench = Bench::new(RuntimeKind::Real);
    let mut proxy = shell("sleep 3600");
    proxy["name"] = "proxy".into();
    proxy["restartPolicy"] = "Always".into();
    let spec = serde_json::json!({
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 2,
        "initContainers": [proxy], "containers": [shell("sleep 3; exit 0")] });
    bench.pod("job", spec);
    bench.run(20);
    let end = "job Succeeded proxy[-0 Error/137] main[-0 Completed/0]\n";
    assert!(bench.log.ends_with(end), "{}", bench.log);
}

/// A preStop hook that takes longer than the grace period is left alone: it fails when its
/// container is stopped, and the stop still gets its two seconds.
#[test]
fn hook_that_outlives_its_time() {
    let mut bench = Bench::new(RuntimeKind::Real);
    let mut c = shell("sleep 3600");
    c["lifecycle"] = serde_json::json!({ "preStop": { "exec": { "command": ["sleep", "30"] } } });
    bench.pod("long", serde_json::json!({ "containers": [c] }));
    bench.run(10);
    bench.delete("long", 3);
    bench.run(12);
    let failed = bench.when("* FailedPreStopHook", 0) - 10_000;
    let down = bench.when("long Failed main[-0 Error/137] del", 0) - 10_000;
    assert!((5_000..6_000).contains(&failed), "{failed}\n{}", bench.log);
    assert!((5_000..6_500).contains(&down), "{down}\n{}", bench.log);
    assert_eq!(bench.count("* FailedPreStopHook"), 1, "{}", bench.log);
    assert!(bench.log.ends_with("long gone\n"), "{}", bench.log);
}

/// A relist that finds something while the worker waits for it makes the pod sync once more:
/// that is how CrashLoopBackOff shows a second after a crash (kubelet/01).
#[test]
fn a_busy_worker_syncs_again() {
    let mut seen = (0, 0);
    for seed in 0..20 {
        let mut bench = Bench::new(RuntimeKind::Real);
        bench.rngs = Rngs::new(seed);
        bench.pod("crash", serde_json::json!({ "containers": [shell("exit 1")] }));
        bench.run(8);
        match bench.count("* BackOff") {
            1 => seen.0 += 1,
            2 => seen.1 += 1,
            other => panic!("{other} times\n{}", bench.log),
        }
    }
    assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
}
