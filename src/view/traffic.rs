//! The graphs: what became of the requests of the learner's clients, second by second.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::net::load::Bucket;
use crate::view::map;
use crate::view::status::State;
use crate::world::world::World;

/// Seconds shown at most.
const MAX_SECONDS: u64 = 600;

/// Series over the same seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Seconds since the start of the world.
    pub seconds: Vec<u32>,
    /// Requests answered.
    pub ok: Vec<u32>,
    /// Requests failed.
    pub failed: Vec<u32>,
    /// Median time to the answer, in microseconds.
    pub p50_us: Vec<u32>,
    /// 95th percentile, in microseconds.
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
    for (second, bucket) in seconds(world) {
        traffic.seconds.push(u32::try_from(second).unwrap_or(u32::MAX));
        traffic.ok.push(bucket.ok);
        traffic.failed.push(bucket.failed());
        let micros = |percent| {
            let us = bucket.percentile_us(percent).unwrap_or(0);
            u32::try_from(us).unwrap_or(u32::MAX)
        };
        traffic.p50_us.push(micros(50));
        traffic.p95_us.push(micros(95));
    }
    let tiles: Vec<_> = map::tiles(map).map(|(_, tile)| tile.state).collect();
    let ready = tiles.iter().filter(|s| **s == State::Ready).count();
    let total = tiles.iter().filter(|s| **s != State::Done).count() + map.pending.len();
    traffic.ready = u32::try_from(ready).unwrap_or(u32::MAX);
    traffic.total = u32::try_from(total).unwrap_or(u32::MAX);
    traffic
}
