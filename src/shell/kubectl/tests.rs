//! Whole calls against scripted answers of a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Job;
use crate::base::rng::Rngs;
use crate::base::time::SimTime;
use crate::kube::api::object::Object;
use crate::kube::api::request::{ApiError, Body, Request, Response, Verb, WatchKind};
use crate::kube::kinds::Kind;
use crate::posix::Files;
use crate::shell::job::{Effect, Io, Ticket, Wake};

/// A terminal with one call, answered by hand.
struct Bench {
    job: Job,
    files: Files,
    rng: Rngs,
    tickets: u32,
    now: SimTime,
    out: String,
    err: String,
    exit: Option<u8>,
    asked: Vec<(Ticket, Request)>,
    timers: Vec<u32>,
}

impl Bench {
    fn new(line: &str) -> Self {
        let argv = line.split_whitespace().map(str::to_owned).collect();
        Self {
            job: Job::new(argv),
            files: Files::new(),
            rng: Rngs::new(1),
            tickets: 0,
            now: SimTime::ZERO,
            out: String::new(),
            err: String::new(),
            exit: None,
            asked: Vec::new(),
            timers: Vec::new(),
        }
    }

    fn wake(&mut self, wake: Wake) {
        let env = BTreeMap::new();
        let mut effects = Vec::new();
        let mut io = Io {
            now: self.now,
            env: &env,
            cwd: "/root",
            files: &mut self.files,
            host: "host",
            tty: false,
            open: false,
            width: 80,
            stdin: None,
            rng: &mut self.rng,
            next_ticket: &mut self.tickets,
            effects: &mut effects,
        };
        self.job.resume(wake, &mut io);
        for effect in effects {
            match effect {
                Effect::Out(text) => self.out.push_str(&text),
                Effect::Err(text) => self.err.push_str(&text),
                Effect::AskKube(ticket, request) => self.asked.push((ticket, request)),
                Effect::Timer(_, tag) => self.timers.push(tag),
                Effect::Exit(code) => self.exit = Some(code),
                Effect::Rewind(_)
                | Effect::AskDocker(..)
                | Effect::AskNet(..)
                | Effect::Record(..)
                | Effect::Forget(_) => {}
            }
        }
    }

    /// The last question.
    fn question(&self) -> &Request {
        &self.asked.last().expect("a question").1
    }

    fn answer(&mut self, answer: Result<Response, ApiError>) {
        let ticket = self.asked.last().expect("a question").0;
        self.wake(Wake::Kube(ticket, answer));
    }

    fn run(line: &str) -> Self {
        let mut bench = Self::new(line);
        bench.wake(Wake::Start);
        bench
    }
}

fn object(kind: Kind, value: Value) -> Arc<Object> {
    Arc::new(Object::from_value(kind, &value).expect("an object").value)
}

fn deployment(image: &str, status: Value) -> Arc<Object> {
    object(
        Kind::Deployment,
        json!({
            "metadata": {"name": "web", "namespace": "default", "uid": "u", "generation": 1,
                         "resourceVersion": "5"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "nginx", "image": image}]}}},
            "status": status
        }),
    )
}

#[test]
fn mistakes_are_told_without_asking() {
    for (line, text) in [
        ("kubectl get nosuch", "error: the server doesn't have a resource type \"nosuch\"\n"),
        ("kubectl delete pod", "error: resource(s) were provided, but no name was specified\n"),
        ("kubectl scale deploy web", "error: required flag(s) \"replicas\" not set\n"),
        (
            "kubectl get pods -n",
            "error: flag needs an argument: 'n' in -n\nSee 'kubectl get --help' for usage.\n",
        ),
        ("kubectl apply -f x.yaml", "error: the path \"x.yaml\" does not exist\n"),
    ] {
        let bench = Bench::run(line);
        assert_eq!((bench.err.as_str(), bench.exit), (text, Some(1)), "{line}");
        assert!(bench.asked.is_empty(), "{line}");
    }
}

#[test]
fn every_name_is_asked_and_every_failure_told() {
    let mut bench = Bench::run("kubectl get pods a b");
    bench.answer(Err(ApiError::not_found(Kind::Pod, "a")));
    assert_eq!(bench.question().name.as_deref(), Some("b"));
    bench.answer(Err(ApiError::not_found(Kind::Pod, "b")));
    assert_eq!(bench.exit, Some(1));
    assert_eq!(
        bench.err,
        "Error from server (NotFound): pods \"a\" not found\nError from server (NotFound): pods \
         \"b\" not found\n"
    );
}

#[test]
fn apply_creates_and_then_changes_only_what_differs() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\ndata:\n  a: '1'\n";
    let mut bench = Bench::new("kubectl apply -f cfg.yaml");
    bench.files.put_file("/root/cfg.yaml", manifest);
    bench.wake(Wake::Start);
    bench.answer(Err(ApiError::not_found(Kind::ConfigMap, "cfg")));
    let Body::Value(sent) = bench.question().body.clone() else { panic!("a body") };
    let live = object(Kind::ConfigMap, sent);
    bench.answer(Ok(Response::Object(live.clone())));
    assert_eq!((bench.out.as_str(), bench.exit), ("configmap/cfg created\n", Some(0)));

    let mut again = Bench::new("kubectl apply -f cfg.yaml");
    again.files.put_file("/root/cfg.yaml", manifest);
    again.wake(Wake::Start);
    again.answer(Ok(Response::Object(live.clone())));
    assert_eq!((again.out.as_str(), again.asked.len()), ("configmap/cfg unchanged\n", 1));

    let mut changed = Bench::new("kubectl apply -f cfg.yaml");
    changed.files.put_file("/root/cfg.yaml", manifest.replace("a: '1'", "b: '2'"));
    changed.wake(Wake::Start);
    changed.answer(Ok(Response::Object(live)));
    let Body::Patch(_, patch) = changed.question().body.clone() else { panic!("a patch") };
    assert_eq!(patch.get("data"), Some(&json!({"a": null, "b": "2"})));
}

#[test]
fn rollout_status_prints_a_line_per_change() {
    let mut bench = Bench::run("kubectl rollout status deploy/web");
    let start = deployment("nginx", json!({"observedGeneration": 1, "replicas": 2}));
    bench.answer(Ok(Response::Object(start.clone())));
    bench.answer(Ok(Response::List { items: vec![start], revision: 5 }));
    assert_eq!(bench.question().options.since, Some(5));
    let half = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
                      "availableReplicas": 1});
    let done = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
                      "availableReplicas": 2});
    for status in [half, done] {
        let object = deployment("nginx", status);
        bench.answer(Ok(Response::Watch(WatchKind::Modified, object)));
    }
    assert_eq!(bench.exit, Some(0));
    assert_eq!(
        bench.out,
        "Waiting for deployment \"web\" rollout to finish: 0 out of 2 new replicas have been \
         updated...\nWaiting for deployment \"web\" rollout to finish: 1 of 2 updated replicas are \
         available...\ndeployment \"web\" successfully rolled out\n"
    );
}

#[test]
fn set_image_sends_the_container_that_changes() {
    let mut bench = Bench::run("kubectl set image deploy/web nginx=nginx:2");
    bench.answer(Ok(Response::Object(deployment("nginx:1", json!({})))));
    let Body::Patch(_, patch) = bench.question().body.clone() else { panic!("a patch") };
    assert_eq!(
        patch.pointer("/spec/template/spec/containers"),
        Some(&json!([{"name": "nginx", "image": "nginx:2"}]))
    );
    bench.answer(Ok(Response::Object(deployment("nginx:2", json!({})))));
    assert_eq!(bench.out, "deployment.apps/web image updated\n");
    let mut wrong = Bench::run("kubectl set image deploy/web foo=nginx:2");
    wrong.answer(Ok(Response::Object(deployment("nginx:1", json!({})))));
    assert_eq!(wrong.err, "error: unable to find container named \"foo\"\n");
}

#[test]
fn delete_waits_until_the_object_is_gone() {
    let pod =
        object(Kind::Pod, json!({"metadata": {"name": "web", "namespace": "default", "uid": "u"}}));
    let mut bench = Bench::run("kubectl delete pod web");
    bench.answer(Ok(Response::Object(pod.clone())));
    assert_eq!(bench.out, "pod \"web\" deleted from default namespace\n");
    bench.answer(Ok(Response::List { items: vec![pod.clone()], revision: 7 }));
    assert_eq!((bench.question().verb, bench.exit), (Verb::Watch, None));
    bench.answer(Ok(Response::Watch(WatchKind::Modified, pod.clone())));
    assert_eq!(bench.exit, None);
    bench.answer(Ok(Response::Watch(WatchKind::Deleted, pod)));
    assert_eq!(bench.exit, Some(0));
}

#[test]
fn a_wait_ends_with_its_time() {
    let mut bench = Bench::run("kubectl wait --for=condition=Nope deploy/web --timeout=2s");
    let object = deployment("nginx", json!({}));
    bench.answer(Ok(Response::Object(object.clone())));
    bench.answer(Ok(Response::List { items: vec![object], revision: 5 }));
    let timer = *bench.timers.last().expect("a timer");
    bench.now = SimTime::from_secs(2);
    bench.wake(Wake::Timer(timer));
    assert_eq!(
        (bench.err.as_str(), bench.exit),
        ("error: timed out waiting for the condition on deployments/web\n", Some(1))
    );
}

#[test]
fn the_namespace_of_the_context_is_used() {
    let mut bench = Bench::run("kubectl config set-context --current --namespace=team");
    assert_eq!(bench.out, "Context \"kubernetes-admin@kubernetes\" modified.\n");
    let mut next = Bench::new("kubectl get pods");
    std::mem::swap(&mut next.files, &mut bench.files);
    next.wake(Wake::Start);
    assert_eq!(next.question().namespace.as_deref(), Some("team"));
    next.answer(Ok(Response::List { items: Vec::new(), revision: 1 }));
    assert_eq!(next.err, "No resources found in team namespace.\n");
}

#[test]
fn a_watch_goes_on_with_aligned_rows() {
    let map = |name: &str| {
        object(
            Kind::ConfigMap,
            json!({"metadata": {"name": name, "namespace": "default",
            "creationTimestamp": "2026-01-05T09:00:00Z"}, "data": {"k": "v"}}),
        )
    };
    let mut bench = Bench::run("kubectl get cm -w");
    bench.answer(Ok(Response::List { items: vec![map("long-name")], revision: 3 }));
    bench.answer(Ok(Response::Watch(WatchKind::Added, map("b"))));
    assert_eq!(bench.out, "NAME        DATA   AGE\nlong-name   1      0s\nb           1      0s\n");
    assert_eq!(bench.exit, None);
    bench.wake(Wake::Signal(2));
    assert_eq!(bench.exit, Some(130));
}
