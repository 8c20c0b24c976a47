//! The map: machines as cards, pods and containers as tiles, services as chips, requests as dots.

use serde::Serialize;

use crate::view::focus::Focus;
use crate::view::status::State;
use crate::view::{containers, pods};
use crate::world::world::World;

/// Everything on the map.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Map {
    /// Machines, by name.
    pub machines: Vec<Machine>,
    /// Services and published ports, by name.
    pub services: Vec<Service>,
    /// Pods that wait for a node.
    pub pending: Vec<Tile>,
    /// The drawers below the map.
    pub drawers: Vec<Drawer>,
}

/// Things that are no machines and run nowhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Drawer {
    /// Text id of its name.
    pub id: &'static str,
    /// How many things lie in it.
    pub count: usize,
    /// Some of them: what selecting one selects, and its name.
    pub items: Vec<(Option<Focus>, String)>,
}

impl Drawer {
    /// A drawer with its first things.
    pub(super) fn new(
        id: &'static str,
        items: impl Iterator<Item = (Option<Focus>, String)>,
    ) -> Self {
        let mut drawer = Self { id, ..Self::default() };
        for item in items {
            drawer.count += 1;
            if drawer.items.len() < MAX_ITEMS {
                drawer.items.push(item);
            }
        }
        drawer
    }
}

/// Things of a drawer that are listed.
const MAX_ITEMS: usize = 40;

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// What selecting it selects.
    pub focus: Focus,
    /// Its name.
    pub name: String,
    /// Text id of its state's word: `node-ready`, `node-not-ready`, `node-cordoned`, `node-off`.
    pub state: &'static str,
    /// Whether it does its work.
    pub healthy: bool,
    /// Processor, in thousandths of a core.
    pub cpu: Bar,
    /// Memory, in bytes.
    pub memory: Bar,
    /// What runs on it, in groups (a Compose project, the namespaces of a node).
    pub groups: Vec<Group>,
}

/// How much of a capacity is asked for and used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// All there is.
    pub capacity: u64,
    /// Sum of requests.
    pub requested: u64,
    /// In use now.
    pub used: u64,
    /// Sum of limits.
    pub limit: u64,
}

impl Bar {
    /// A part of the capacity in percent, at most 100.
    #[must_use]
    pub const fn percent(self, part: u64) -> u64 {
        if self.capacity == 0 {
            return 0;
        }
        let percent = part.saturating_mul(100) / self.capacity;
        if percent > 100 { 100 } else { percent }
    }
}

/// Tiles that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Name of the project or namespace; empty for none.
    pub name: String,
    /// The tiles, in their order of birth.
    pub tiles: Vec<Tile>,
}

/// A pod or a container.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tile {
    /// Stays the same as long as it lives.
    pub key: String,
    /// What selecting it selects.
    pub focus: Focus,
    /// Its name.
    pub name: String,
    /// Its name without what all its like have in common.
    pub short: String,
    /// Its state.
    pub state: State,
    /// The status as `kubectl get pods` or `docker ps` words it.
    pub status: String,
    /// Seconds until the next try or the forced end, where such a time runs.
    pub seconds_left: Option<u32>,
    /// How far a pull is, in percent.
    pub percent: Option<u32>,
    /// How often it was restarted.
    pub restarts: u32,
}

/// A service, or a published port.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
    /// What selecting it selects.
    pub focus: Focus,
    /// Its name.
    pub name: String,
    /// Address and ports.
    pub address: String,
    /// Where a client outside reaches it.
    pub url: Option<String>,
    /// Endpoints that are ready.
    pub ready: u32,
    /// All endpoints.
    pub total: u32,
    /// Keys of the tiles behind it.
    pub tiles: Vec<String>,
}

/// The map of a world.
#[must_use]
pub fn map(world: &World) -> Map {
    let mut map = Map::default();
    if let Some(kube) = world.kube() {
        pods::fill(&mut map, kube, world);
    }
    containers::fill(&mut map, world);
    map
}

/// All tiles of a map with the machine on which they are.
pub fn tiles(map: &Map) -> impl Iterator<Item = (&str, &Tile)> {
    map.machines.iter().flat_map(|machine| {
        let tiles = machine.groups.iter().flat_map(|group| &group.tiles);
        tiles.map(move |tile| (machine.name.as_str(), tile))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_do_not_overflow() {
        let bar = Bar { capacity: 4, requested: 2, used: 1, limit: u64::MAX };
        assert_eq!(bar.percent(bar.requested), 50);
        assert_eq!(bar.percent(bar.limit), 100);
        assert_eq!(Bar::default().percent(3), 0);
    }
}
