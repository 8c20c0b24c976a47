//! Worlds for the benchmarks, natively and in the browser: the same on both.

use std::fmt::Write as _;

use crate::base::time::{SimDuration, SimTime};
use crate::kube::kinds::{Kind, Object};
use crate::shell::kubectl::check::{self, Namespaces};
use crate::world::command::Command;
use crate::world::demo;
use crate::world::genesis::{Genesis, NODE_CPU_MILLI, NODE_MEMORY_BYTES, NodeSetup};
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
/// The longest that a deployment may take, in simulated time.
pub const PATIENCE: SimTime = SimTime::from_secs(3_600);
/// Pods of one Deployment.
const PODS_PER_DEPLOYMENT: u32 = 100;
/// What a pod asks for, in thousandths of a core and in bytes.
const REQUESTS: (u32, u64) = (50, 64 << 20);
/// How often it is looked whether all pods are ready.
const LOOK: SimDuration = SimDuration::from_millis(500);

/// Pods for which a node of the bench has room.
#[must_use]
pub fn room() -> u32 {
    let node = NodeSetup::new("node", NODE_CPU_MILLI, NODE_MEMORY_BYTES);
    let (cpu_milli, memory_bytes) = REQUESTS;
    let memory = u32::try_from(node.memory_bytes / memory_bytes).unwrap_or(u32::MAX);
    node.pods.min(node.cpu_milli / cpu_milli).min(memory)
}

/// A world in which all pods are deployed, from nothing to ready or to the end of patience.
#[must_use]
pub fn deploy(sizes: Sizes) -> World {
    let mut world = World::new(&genesis(sizes));
    world.execute(application());
    let mut to = SimTime::ZERO;
    while ready_pods(&world) < sizes.pods && to < PATIENCE {
        to += LOOK;
        run_to(&mut world, to);
    }
    world
}

/// The same as a session, with its checkpoints.
#[must_use]
pub fn deploy_session(sizes: Sizes) -> Session {
    let mut session = Session::new(genesis(sizes));
    session.execute(application());
    let mut to = SimTime::ZERO;
    while ready_pods(session.head()) < sizes.pods && to < PATIENCE {
        to += LOOK;
        session.advance(to, u32::MAX);
    }
    session
}

fn genesis(sizes: Sizes) -> Genesis {
    let mut genesis = Genesis::kubernetes(7, sizes.nodes);
    let mut text = String::new();
    for number in 0..sizes.pods.div_ceil(PODS_PER_DEPLOYMENT) {
        let left = sizes.pods - number * PODS_PER_DEPLOYMENT;
        deployment(&mut text, &format!("app-{number}"), left.min(PODS_PER_DEPLOYMENT));
    }
    genesis.files.insert("/home/student/all.yaml".to_owned(), text);
    genesis
}

/// The command that deploys everything.
fn application() -> Command {
    Command::Script {
        host: String::new(),
        cwd: "/home/student".to_owned(),
        text: "kubectl apply -f all.yaml".to_owned(),
        tty: false,
    }
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
    let run = world.next_run();
    world.execute(application());
    while world.finished(run).is_none() && world.now() < PATIENCE && world.step() {}
    world
}

fn deployment(text: &mut String, name: &str, replicas: u32) {
    let (cpu_milli, memory_bytes) = REQUESTS;
    let memory_mi = memory_bytes >> 20;
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
            cpu: {cpu_milli}m
            memory: {memory_mi}Mi
"
    );
}
