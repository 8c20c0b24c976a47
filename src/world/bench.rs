//! Worlds for the benchmarks, natively and in the browser: the same on both.

use std::fmt::Write as _;

use crate::base::time::{SimDuration, SimTime};
use crate::kube::kinds::{Kind, Object};
use crate::shell::kubectl::check::{self, Namespaces};
use crate::world::command::Command;
use crate::world::demo;
use crate::world::genesis::Genesis;
use crate::world::session::Session;
use crate::world::world::{Progress, World};

/// How big a benchmark is.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Nodes.
    pub nodes: u32,
    /// Pods.
    pub pods: u32,
}

/// The size that the budgets speak of.
pub const SIZES: Sizes = Sizes { nodes: 50, pods: 1_000 };
/// Pods of one Deployment.
const PODS_PER_DEPLOYMENT: u32 = 100;
/// The longest that a deployment may take, in simulated time.
const PATIENCE: SimTime = SimTime::from_secs(600);

/// A world in which all pods are deployed, from nothing to ready.
#[must_use]
pub fn deploy(sizes: Sizes) -> World {
    let mut genesis = Genesis::kubernetes(7, sizes.nodes);
    let mut text = String::new();
    for number in 0..sizes.pods / PODS_PER_DEPLOYMENT {
        deployment(&mut text, &format!("app-{number}"), PODS_PER_DEPLOYMENT);
    }
    genesis.files.insert("/home/student/all.yaml".to_owned(), text);
    let mut world = World::new(&genesis);
    script(&mut world, "kubectl apply -f all.yaml");
    let mut to = world.now();
    while ready_pods(&world) < sizes.pods && world.now() < PATIENCE {
        to += SimDuration::from_millis(500);
        run_to(&mut world, to);
    }
    world
}

/// Pods that are ready.
#[must_use]
pub fn ready_pods(world: &World) -> u32 {
    let Some(kube) = world.kube() else { return 0 };
    let ready = kube.store.list(Kind::Pod).filter(|(_, entry)| is_ready(&entry.object));
    u32::try_from(ready.count()).unwrap_or(u32::MAX)
}

fn is_ready(object: &Object) -> bool {
    let Object::Pod(pod) = object else { return false };
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Let time pass until a moment.
pub fn run_to(world: &mut World, to: SimTime) {
    while world.run_until(to, 1_000_000) == Progress::Budget {}
}

/// A session of the living example, a few minutes old, with some commands.
#[must_use]
pub fn session() -> Session {
    let mut session = Session::new(demo::kubernetes(7));
    for command in demo::opening("", "kubectl apply -f shop.yaml", "http://node-1:30080/") {
        session.execute(command);
    }
    for minute in 1..=10 {
        session.advance(SimTime::from_secs(minute * 60), u32::MAX);
        let line = format!("kubectl scale deployment web --replicas={}", 2 + minute % 5);
        session.execute(Command::Type { terminal: 1, line });
    }
    session.advance(SimTime::from_secs(660), u32::MAX);
    session
}

/// Manifests of at least that many lines.
#[must_use]
pub fn manifest(lines: usize) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.lines().count() < lines {
        deployment(&mut text, &format!("m-{number}"), 1);
        number += 1;
    }
    text
}

/// Check manifests as the editor does.
#[must_use]
pub fn check(text: &str) -> bool {
    check::check(text, "all.yaml", Namespaces::Assumed).accepted
}

/// Apply manifests to a new cluster, until the command has ended.
#[must_use]
pub fn apply(text: &str) -> World {
    let mut genesis = Genesis::kubernetes(7, 3);
    genesis.files.insert("/home/student/all.yaml".to_owned(), text.to_owned());
    let mut world = World::new(&genesis);
    script(&mut world, "kubectl apply -f all.yaml");
    world
}

/// Run a script to its end.
fn script(world: &mut World, text: &str) {
    let run = world.next_run();
    world.execute(Command::Script {
        host: String::new(),
        cwd: "/home/student".to_owned(),
        text: text.to_owned(),
        tty: false,
    });
    while world.finished(run).is_none() && world.now() < PATIENCE && world.step() {}
}

fn deployment(text: &mut String, name: &str, replicas: u32) {
    let _ = write!(
        text,
        "---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels:
    app: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - containerPort: 80
        resources:
          requests:
            cpu: 50m
            memory: 64Mi
"
    );
}
