//! The graphs: what became of the requests of the learner's clients, second by second.

use serde::Serialize;

use crate::view::map;
use crate::view::status::State;
use crate::world::world::World;

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

/// The series of all clients together.
#[must_use]
pub fn traffic(_world: &World, map: &map::Map) -> Traffic {
    let mut traffic = Traffic::default();
    let tiles: Vec<_> = map::tiles(map).map(|(_, tile)| tile.state).collect();
    let ready = tiles.iter().filter(|s| **s == State::Ready).count();
    let total = tiles.iter().filter(|s| **s != State::Done).count() + map.pending.len();
    traffic.ready = u32::try_from(ready).unwrap_or(u32::MAX);
    traffic.total = u32::try_from(total).unwrap_or(u32::MAX);
    traffic
}
