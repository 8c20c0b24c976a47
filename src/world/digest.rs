//! The digest of a world: one number for everything that can be observed, one for each part of it.
//!
//! Left out: what only a component of the cluster remembers (caches, queues, plans) and how far a
//! shell is; both show in what they do next.

use std::hash::Hash;

use crate::base::ledger::Reading;
use crate::base::mixer;
use crate::kube;
use crate::world::world::World;

/// The part that holds the clock, which goes on also where nothing happens.
pub const CLOCK: &str = "clock";

/// The parts of a digest with their names.
pub type Parts = Vec<(&'static str, u64)>;

impl World {
    /// A digest of everything that can be observed. It costs what was written since the world was
    /// last [settled](Self::settle); all there is, in a world that never was.
    #[must_use]
    pub fn digest(&self) -> u64 {
        mixer::of(&self.parts(Reading::Kept))
    }

    /// The digest computed from nothing: another number than [`Self::digest`] is a bug there.
    #[must_use]
    pub fn digest_in_full(&self) -> u64 {
        mixer::of(&self.parts(Reading::Anew))
    }

    /// The digest part by part, so that a difference can be named.
    #[must_use]
    pub fn digest_parts(&self) -> Parts {
        self.parts(Reading::Kept)
    }

    /// Bring the kept digests up to date, so that the next reading costs only what comes after.
    pub fn settle(&mut self) {
        self.machines.settle();
        self.fabric.settle();
        self.docker.settle();
        if let Some(kube) = &mut self.kube {
            kube.store.settle();
        }
        self.shell.settle();
    }

    fn parts(&self, reading: Reading) -> Parts {
        let Self {
            now,
            steps,
            queue,
            rng,
            trace,
            faults,
            machines,
            fabric,
            docker,
            kube,
            shell,
            home,
            waiting,
            addresses,
            wired,
        } = self;
        let files = (machines.files_digest(reading), home.digest(reading));
        let kube = kube.as_ref().map(|kube: &kube::Cluster| kube.digest(reading));
        vec![
            (CLOCK, now.0),
            ("events", of(&(steps, queue.len(), queue.digest(reading)))),
            ("random numbers", of(rng)),
            ("trace", of(&(trace.last_id(), trace.digest(reading)))),
            ("faults", of(&(&faults.list, wired))),
            ("machines", of(&(machines.digest(reading), addresses))),
            ("files", of(&files)),
            ("network", fabric.digest(reading)),
            ("requests", of(&(fabric.requests_digest(reading), waiting.counts()))),
            ("docker", docker.digest(reading)),
            ("kube", of(&kube)),
            ("shell", shell.digest(reading)),
        ]
    }
}

fn of(value: &impl Hash) -> u64 {
    mixer::of(value)
}

/// The names of the parts that differ; the clock does not count.
#[must_use]
pub fn differing(a: &Parts, b: &Parts) -> Vec<&'static str> {
    let pairs = a.iter().zip(b).filter(|(a, b)| a != b);
    pairs.map(|((name, _), _)| *name).filter(|name| *name != CLOCK).collect()
}
