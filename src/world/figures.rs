//! Figures of speed and memory of a deployment, natively and in the browser: one measuring for
//! `drydock bench`, `cargo xtask bench` and the page.
//!
//! The core has no clock: whoever measures brings [`Gauges`]. A deployment runs twice, as a bare
//! [`World`] and through a [`Session`]; what the session takes longer is what checkpoints cost,
//! with the copies that the first writes after a clone make.
#![expect(clippy::float_arithmetic, reason = "figures for people decide nothing in a world")]

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};

use serde::Serialize;

use crate::base::time::{SimDuration, SimTime};
use crate::kube;
use crate::world::bench::{self, PATIENCE, Sizes};
use crate::world::world::World;

/// Most nodes, and most pods, of a bench: what Kubernetes says a cluster supports
/// (kubernetes.io, "Considerations for large clusters").
pub const MAX_NODES: u32 = 5_000;
/// See [`MAX_NODES`].
pub const MAX_PODS: u32 = 150_000;
/// Longest time at rest that is measured, in simulated seconds.
pub const MAX_SECONDS: u32 = 86_400;
/// A figure is the best of several rounds, so long as the rounds together take less than this.
const ROUNDS_US: u64 = 4_000_000;
/// Length of the manifests that are checked and applied.
const MANIFEST_LINES: usize = 2_000;
/// Most rounds of one figure.
const MAX_ROUNDS: u32 = 5;
/// What is short is measured oftener, until this time or so many rounds have passed.
const SHORT_US: u64 = 200_000;
/// See [`SHORT_US`].
const MAX_SHORT_ROUNDS: u32 = 100;

/// What the machine tells the bench.
#[derive(Clone, Copy, Debug)]
pub struct Gauges {
    /// Microseconds of a clock that only goes forward.
    pub wall_us: fn() -> u64,
    /// Microseconds that this process has computed; `None` where nobody counts them.
    pub cpu_us: fn() -> Option<u64>,
    /// The most memory that this process ever had, in bytes; `None` where nobody counts it.
    pub peak_bytes: fn() -> Option<u64>,
    /// Hears what is being measured, for whoever waits.
    pub tell: fn(&str),
}

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nodes and pods.
    pub sizes: Sizes,
    /// How long the deployed cluster is watched at rest, in simulated seconds.
    pub seconds: u32,
}

/// Why nothing is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A number out of its range.
    Range {
        /// Which number.
        what: &'static str,
        /// What was wanted.
        given: u32,
        /// The greatest that is taken.
        most: u32,
    },
    /// The nodes have no room for the pods.
    Room {
        /// Pods wanted.
        pods: u32,
        /// Nodes wanted.
        nodes: u32,
        /// Pods for which a node has room.
        each: u32,
    },
    /// The pods did not become ready.
    Unready {
        /// Pods that did.
        ready: u32,
        /// Pods wanted.
        pods: u32,
    },
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Range { what, given, most } => {
                write!(f, "{given} {what}: must be a number from 1 to {most}")
            }
            Self::Room { pods, nodes, each } => {
                let fewest = pods.div_ceil(*each);
                write!(
                    f,
                    "{pods} pods on {nodes} nodes: a node of the bench has room for {each}; \
                     {fewest} nodes are enough"
                )
            }
            Self::Unready { ready, pods } => {
                let limit = PATIENCE.since(SimTime::ZERO).go_string();
                write!(f, "only {ready} of {pods} pods are ready after {limit} of simulated time")
            }
        }
    }
}

/// What was measured. Times are the best of some rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Nodes of the cluster.
    pub nodes: u32,
    /// Pods deployed.
    pub pods: u32,
    /// Seconds of the clock from nothing to all pods ready, through a session.
    pub ready_seconds: f64,
    /// The same in simulated seconds.
    pub simulated_ready_seconds: f64,
    /// Events until then.
    pub events: u64,
    /// The same for each pod.
    pub events_per_pod: f64,
    /// Microseconds of computing for each of these events, checkpoints included.
    pub cpu_us_per_event: Option<f64>,
    /// The most memory of the process, with all checkpoints and copies of this bench.
    pub peak_bytes: Option<u64>,
    /// What one world without checkpoints needed at most, for each pod.
    pub bytes_per_pod: Option<u64>,
    /// Milliseconds to clone the deployed world.
    pub clone_ms: f64,
    /// Milliseconds that one checkpoint of the session took on the way, with what it makes the
    /// following events copy.
    pub checkpoint_ms: f64,
    /// Checkpoints taken on the way.
    pub checkpoints: u64,
    /// Their share of the session's time, from 0 to 1.
    pub checkpoint_share: f64,
    /// Simulated seconds per second with all pods at rest.
    pub steady: f64,
    /// Events of one simulated second at rest.
    pub steady_events: f64,
    /// Milliseconds to clone each part of the deployed world.
    pub clone_parts_ms: BTreeMap<&'static str, f64>,
}

impl Plan {
    /// Whether it can be measured at all.
    ///
    /// # Errors
    /// Says what is out of range.
    pub fn check(self) -> Result<(), Refusal> {
        let Sizes { nodes, pods } = self.sizes;
        for (what, given, most) in [
            ("nodes", nodes, MAX_NODES),
            ("pods", pods, MAX_PODS),
            ("seconds", self.seconds, MAX_SECONDS),
        ] {
            if given == 0 || given > most {
                return Err(Refusal::Range { what, given, most });
            }
        }
        let each = bench::room();
        if pods > nodes.saturating_mul(each) {
            return Err(Refusal::Room { pods, nodes, each });
        }
        Ok(())
    }

    /// Measure.
    ///
    /// # Errors
    /// If a number is out of range, or the pods do not become ready in simulated time
    /// ([`PATIENCE`]).
    pub fn measure(self, gauges: Gauges) -> Result<Figures, Refusal> {
        self.check()?;
        let Sizes { nodes, pods } = self.sizes;
        let before = (gauges.peak_bytes)();
        (gauges.tell)("deploying a bare world");
        let (mut bare, world) = gauges.once(|| bench::deploy(self.sizes));
        let after = (gauges.peak_bytes)();
        ready(&world, pods)?;
        drop(world);
        (gauges.tell)("deploying through a session");
        let (mut whole, mut session) = gauges.once(|| bench::deploy_session(self.sizes));
        for _ in 1..MAX_ROUNDS {
            if bare.wall_us + whole.wall_us > ROUNDS_US / 2 {
                break;
            }
            bare = bare.better(gauges.once(|| bench::deploy(self.sizes)).0);
            whole = whole.better(gauges.once(|| bench::deploy_session(self.sizes)).0);
        }
        ready(session.head(), pods)?;
        (gauges.tell)("cloning");
        let head = session.head();
        let (events, at) = (head.steps(), head.now());
        let checkpoints = session.checkpoints_taken();
        let clone = gauges.best(|| head.clone());
        let clone_parts_ms = parts(head, gauges);
        let extra = whole.busy_us().saturating_sub(bare.busy_us());
        (gauges.tell)("watching at rest");
        let to = at + SimDuration::from_secs(u64::from(self.seconds));
        let (steady, ()) = gauges.once(|| {
            session.advance(to, u32::MAX);
        });
        let steady_events = session.head().steps() - events;
        Ok(Figures {
            nodes,
            pods,
            ready_seconds: rounded(whole.wall_us as f64 / 1e6),
            simulated_ready_seconds: rounded(at.0 as f64 / 1e6),
            events,
            events_per_pod: ratio(events, u64::from(pods)),
            cpu_us_per_event: whole.cpu_us.map(|cpu| ratio(cpu, events)),
            peak_bytes: (gauges.peak_bytes)(),
            bytes_per_pod: before
                .zip(after)
                .map(|(before, after)| (after - before) / u64::from(pods)),
            clone_ms: millis(clone),
            checkpoint_ms: rounded(ratio(extra, checkpoints) / 1e3),
            checkpoints,
            checkpoint_share: ratio(extra, whole.busy_us()),
            steady: ratio(u64::from(self.seconds) * 1_000_000, steady.wall_us),
            steady_events: ratio(steady_events, u64::from(self.seconds)),
            clone_parts_ms,
        })
    }
}

/// Figures of small things that a learner waits for, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Small {
    /// To show the past of a session of eleven minutes.
    pub scrub_ms: f64,
    /// To check 2,000 lines of manifests as the editor does.
    pub check_ms: f64,
    /// To apply them to a new cluster, until the command has ended.
    pub apply_ms: f64,
}

impl Small {
    /// Measure.
    #[must_use]
    pub fn measure(gauges: Gauges) -> Self {
        let session = bench::session();
        let past = SimTime(session.head().now().0 / 3);
        let manifest = bench::manifest(MANIFEST_LINES);
        Self {
            scrub_ms: millis(gauges.best(|| session.at(past))),
            check_ms: millis(gauges.best(|| bench::check(&manifest))),
            apply_ms: millis(gauges.best(|| bench::apply(&manifest))),
        }
    }
}

/// What something took.
#[derive(Clone, Copy)]
struct Taken {
    wall_us: u64,
    cpu_us: Option<u64>,
}

impl Taken {
    /// Microseconds of computing, or of the clock where computing is not counted.
    fn busy_us(self) -> u64 {
        self.cpu_us.unwrap_or(self.wall_us)
    }

    fn better(self, other: Self) -> Self {
        Self {
            wall_us: self.wall_us.min(other.wall_us),
            cpu_us: self.cpu_us.zip(other.cpu_us).map(|(a, b)| a.min(b)),
        }
    }
}

impl Gauges {
    fn once<T>(self, run: impl FnOnce() -> T) -> (Taken, T) {
        let (wall, cpu) = ((self.wall_us)(), (self.cpu_us)());
        let result = run();
        let wall_us = (self.wall_us)().saturating_sub(wall);
        let cpu_us = cpu.zip((self.cpu_us)()).map(|(from, to)| to.saturating_sub(from));
        (Taken { wall_us, cpu_us }, result)
    }

    /// The shortest time of some rounds, in microseconds; what is made is dropped afterwards.
    fn best<T>(self, mut run: impl FnMut() -> T) -> u64 {
        let (mut best, mut sum, mut rounds) = (u64::MAX, 0, 0);
        while rounds < MAX_ROUNDS || (sum < SHORT_US && rounds < MAX_SHORT_ROUNDS) {
            let (taken, made) = self.once(&mut run);
            drop(made);
            best = best.min(taken.wall_us);
            sum += taken.wall_us;
            rounds += 1;
            if sum > ROUNDS_US {
                break;
            }
        }
        best
    }
}

/// Copies one part of a world.
type Copy = fn(&World) -> Box<dyn Any>;

/// The parts of a world with more than a few bytes; the cluster has its own list.
const PARTS: &[(&str, Copy)] = &[
    ("queue", |w| Box::new(w.queue.clone())),
    ("rng", |w| Box::new(w.rng.clone())),
    ("trace", |w| Box::new(w.trace.clone())),
    ("faults", |w| Box::new(w.faults.clone())),
    ("machines", |w| Box::new(w.machines.clone())),
    ("fabric", |w| Box::new(w.fabric.clone())),
    ("docker", |w| Box::new(w.docker.clone())),
    ("shell", |w| Box::new(w.shell.clone())),
];

/// Milliseconds to clone each part of a world.
fn parts(world: &World, gauges: Gauges) -> BTreeMap<&'static str, f64> {
    let mut found = BTreeMap::new();
    for (name, copy) in PARTS {
        found.insert(*name, millis(gauges.best(|| copy(world))));
    }
    if let Some(cluster) = world.kube() {
        for (name, copy) in kube::parts::PARTS {
            found.insert(*name, millis(gauges.best(|| copy(cluster))));
        }
    }
    found
}

fn ready(world: &World, pods: u32) -> Result<(), Refusal> {
    let ready = bench::ready_pods(world);
    if ready < pods { Err(Refusal::Unready { ready, pods }) } else { Ok(()) }
}

fn millis(us: u64) -> f64 {
    rounded(us as f64 / 1e3)
}

fn ratio(a: u64, b: u64) -> f64 {
    rounded(a as f64 / b.max(1) as f64)
}

/// With three digits after the point.
fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}
