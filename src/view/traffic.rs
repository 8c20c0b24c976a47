//! The graphs: what became of the requests of the learner's clients, second by second.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::net::load::Bucket;
use crate::view::map;
use crate::view::status::State;
use crate::world::world::World;

/// Seconds shown at most.
const MAX_SECONDS: u64 = 600;
/// Percentiles are of the answers of this many seconds: those of one are too few at a gentle rate.
const WINDOW_SECONDS: usize = 10;

/// Series over the same seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Seconds since the start of the world.
    pub seconds: Vec<u32>,
    /// Requests answered.
    pub ok: Vec<u32>,
    /// Requests failed.
    pub failed: Vec<u32>,
    /// 95th percentile of the last ten seconds, in microseconds.
    pub p95_us: Vec<u32>,
    /// Pods and containers that are ready now.
    pub ready: u32,
    /// All pods and containers that should run.
    pub total: u32,
}

/// The last full seconds of all clients together, oldest first.
fn seconds(world: &World) -> BTreeMap<u64, Bucket> {
    let now = world.now().as_secs();
    let from = now.saturating_sub(MAX_SECONDS);
    let mut all: BTreeMap<u64, Bucket> = BTreeMap::new();
    for (_, load) in world.fabric().loads() {
        for (second, bucket) in load.seconds.range(from..now) {
            all.entry(*second).or_default().add(bucket);
        }
    }
    all
}

/// The series of all clients together.
#[must_use]
pub fn traffic(world: &World, map: &map::Map) -> Traffic {
    let mut traffic = Traffic::default();
    let seconds = seconds(world);
    let mut window = Bucket::default();
    let mut oldest = seconds.values();
    for (at, (second, bucket)) in seconds.iter().enumerate() {
        window.add(bucket);
        if at >= WINDOW_SECONDS
            && let Some(old) = oldest.next()
        {
            window.forget_answers(old);
        }
        traffic.seconds.push(small(*second));
        traffic.ok.push(bucket.ok);
        traffic.failed.push(bucket.failed());
        traffic.p95_us.push(small(window.percentile_us(95).unwrap_or(0)));
    }
    let tiles: Vec<_> = map::tiles(map).map(|(_, tile)| tile.state).collect();
    let ready = tiles.iter().filter(|s| **s == State::Ready).count();
    let total = tiles.iter().filter(|s| **s != State::Done).count() + map.pending.len();
    traffic.ready = u32::try_from(ready).unwrap_or(u32::MAX);
    traffic.total = u32::try_from(total).unwrap_or(u32::MAX);
    traffic
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
