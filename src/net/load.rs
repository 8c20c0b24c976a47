//! A steady client: sends at a rate and counts per second what became of it. Without a load there
//! are no periodic events.

use serde::{Deserialize, Serialize};

use crate::base::ledger::Ledger;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::net::fabric::{Fabric, Input, Output};
use crate::net::types::{Origin, Outcome, Request};

/// Seconds of history that a load keeps.
pub const MAX_BUCKETS: usize = 3_600;
/// Most loads at once, and most requests per second of one.
pub const MAX_LOADS: usize = 32;
/// Most requests per second of one load.
pub const MAX_RATE: u32 = 5_000;
/// Upper ends of the latency classes, in microseconds; the last class has none.
pub const CLASSES_US: [u64; 15] = [
    1_000, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000, 2_000_000,
];

/// Number of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoadId(pub u32);

/// What a load sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoadSpec {
    /// Who sends.
    pub from: Origin,
    /// What is sent.
    pub request: Request,
    /// Requests per 1000 seconds, so that less than one per second can be said.
    pub per_kilosecond: u32,
    /// When it ends by itself.
    pub until: Option<SimTime>,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Bucket {
    /// Requests sent.
    pub sent: u32,
    /// Answered well.
    pub ok: u32,
    /// `Connection refused`, no route or reset.
    pub refused: u32,
    /// No answer in time.
    pub timeout: u32,
    /// Name not found.
    pub dns: u32,
    /// Answers 500 and above.
    pub server_error: u32,
    /// Sum of the latencies of all answers, in microseconds.
    pub latency_sum_us: u64,
    /// Good answers by latency class, see [`CLASSES_US`].
    pub classes: [u32; 16],
}

impl Bucket {
    /// Requests that failed.
    #[must_use]
    pub const fn failed(&self) -> u32 {
        self.refused + self.timeout + self.dns + self.server_error
    }

    /// The time within which this many of 100 good answers came, taken as evenly spread inside
    /// their latency class; `None` without any.
    #[must_use]
    pub fn percentile_us(&self, percent: u32) -> Option<u64> {
        let total: u64 = self.classes.iter().map(|n| u64::from(*n)).sum();
        if total == 0 {
            return None;
        }
        let wanted = (total * u64::from(percent)).div_ceil(100).max(1);
        let (mut seen, mut low) = (0, 0);
        for (at, count) in self.classes.iter().enumerate() {
            let count = u64::from(*count);
            // The last class has no end.
            let high = CLASSES_US.get(at).copied().unwrap_or(low);
            if seen + count >= wanted {
                let rank = 2 * (wanted - seen) - 1;
                return Some(low + (high - low) * rank / (2 * count));
            }
            seen += count;
            low = high;
        }
        None
    }

    /// Take good answers away that were added before.
    pub fn forget_answers(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(other.classes) {
            *mine = mine.saturating_sub(theirs);
        }
    }

    /// Add another second's counts.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.ok += other.ok;
        self.refused += other.refused;
        self.timeout += other.timeout;
        self.dns += other.dns;
        self.server_error += other.server_error;
        self.latency_sum_us += other.latency_sum_us;
        for (mine, theirs) in self.classes.iter_mut().zip(other.classes) {
            *mine += theirs;
        }
    }
}

/// A running or ended load.
#[derive(Clone, Debug)]
pub struct Load {
    /// What it sends.
    pub spec: LoadSpec,
    /// Whether it sends.
    pub running: bool,
    /// Counts by second since the start of the world: sent when sent, results when they came.
    pub seconds: Ledger<u64, Bucket>,
    /// Counts over its whole life.
    pub total: Bucket,
    pub(crate) start: u32,
}

impl Load {
    fn bucket(&mut self, now: SimTime) -> &mut Bucket {
        let seconds = &mut self.seconds;
        if seconds.len() >= MAX_BUCKETS && !seconds.contains_key(&now.as_secs()) {
            seconds.pop_first();
        }
        seconds.slot(now.as_secs())
    }
}

impl Fabric {
    /// A load by number.
    #[must_use]
    pub fn load(&self, id: LoadId) -> Option<&Load> {
        self.loads.get(&id)
    }

    /// All loads.
    pub fn loads(&self) -> impl Iterator<Item = (LoadId, &Load)> {
        self.loads.iter().map(|(id, load)| (*id, load))
    }

    pub(crate) fn start_load(&mut self, id: LoadId, spec: LoadSpec, cx: &mut Cx<'_, Output>) {
        if self.loads.len() >= MAX_LOADS && !self.loads.contains_key(&id) {
            return;
        }
        let fresh = Load {
            spec: spec.clone(),
            running: true,
            seconds: Ledger::default(),
            total: Bucket::default(),
            start: 0,
        };
        let load = self.loads.entry(id).or_insert(fresh);
        load.spec = spec;
        load.running = true;
        load.start += 1;
        let start = load.start;
        cx.emit(Output::Again(Input::LoadTick(id, start)));
    }

    pub(crate) fn stop_load(&mut self, id: LoadId) {
        if let Some(load) = self.loads.get_mut(&id) {
            load.running = false;
            load.start += 1;
        }
    }

    pub(crate) fn load_tick(&mut self, id: LoadId, start: u32, cx: &mut Cx<'_, Output>) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        if !load.running || load.start != start {
            return;
        }
        let rate = u64::from(load.spec.per_kilosecond.min(MAX_RATE * 1_000));
        if rate == 0 || load.spec.until.is_some_and(|until| cx.now >= until) {
            load.running = false;
            return;
        }
        load.bucket(cx.now).sent += 1;
        load.total.sent += 1;
        let (from, request) = (load.spec.from.clone(), load.spec.request.clone());
        let period = SimDuration(1_000_000_000 / rate);
        cx.emit_after(period, Output::Again(Input::LoadTick(id, start)));
        self.send(from, 0, request, Some(id), cx);
    }

    pub(crate) fn count(
        &mut self,
        id: LoadId,
        outcome: &Outcome,
        latency: SimDuration,
        now: SimTime,
    ) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        let mut one = Bucket { latency_sum_us: latency.0, ..Bucket::default() };
        match outcome {
            Outcome::Http { status, .. } if *status >= 500 => one.server_error = 1,
            Outcome::Http { .. } | Outcome::Connected(_) | Outcome::Resolved(_) => {
                one.ok = 1;
                let at = CLASSES_US.iter().position(|end| latency.0 <= *end);
                let at = at.unwrap_or(CLASSES_US.len());
                if let Some(class) = one.classes.get_mut(at) {
                    *class = 1;
                }
            }
            Outcome::Refused | Outcome::Unreachable | Outcome::Reset => one.refused = 1,
            Outcome::Timeout => one.timeout = 1,
            Outcome::UnknownName => one.dns = 1,
        }
        load.bucket(now).add(&one);
        load.total.add(&one);
    }
}
