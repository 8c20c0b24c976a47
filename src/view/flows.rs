//! Requests on the map: the stations of recent requests as places that the map shows. Nothing is
//! invented: every journey is a request of the fabric's log, or one that is under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::base::time::{SimDuration, SimTime};
use crate::kube::kinds::{Kind, Object};
use crate::net::{EndpointRef, Hop, HopKind, Origin, Outcome};
use crate::view::map::Map;
use crate::world::world::World;

/// Most requests shown at once; beyond, one stands for many.
const MAX_SHOWN: usize = 40;
/// Most requests under way that are looked at.
const MAX_UNDER_WAY: usize = 400;

/// Requests at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flows {
    /// The moment, in microseconds.
    pub now: u64,
    /// The requests, oldest first.
    pub list: Vec<Journey>,
}

/// The way of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Journey {
    /// When it was sent, in microseconds.
    pub began: u64,
    /// Whether it was answered well; `None` while it is under way.
    pub ok: Option<bool>,
    /// The places that it passed: `client`, `svc:<focus>`, `tile:<key>`, `machine:<name>`.
    pub stops: Vec<String>,
}

/// The requests that began within `window` before now, and all that are under way.
#[must_use]
pub fn flows(world: &World, map: &Map, window: SimDuration) -> Flows {
    let places = Places::of(world, map);
    let from = SimTime(world.now().0.saturating_sub(window.0));
    let log = world.fabric().log();
    // The log is in the order of the ends, so a long request may stand behind shorter ones.
    let recent: Vec<_> = log.iter().rev().take_while(|r| r.ended >= from).collect();
    let stride = u64::try_from((recent.len() / MAX_SHOWN + 1).next_power_of_two()).unwrap_or(1);
    let done = recent.into_iter().rev().filter(|r| r.began >= from || !good(&r.outcome));
    let done = done.filter(|r| r.id.0.is_multiple_of(stride)).filter_map(|record| {
        let stops = places.stops(world, &record.from, &record.hops)?;
        Some(Journey { began: record.began.0, ok: Some(good(&record.outcome)), stops })
    });
    let mut list: Vec<Journey> = done.collect();
    let waiting = world.fabric().under_way().take(MAX_UNDER_WAY);
    list.extend(waiting.filter(|(id, ..)| id.0.is_multiple_of(stride)).filter_map(
        |(_, from, hops)| {
            let began = hops.first()?.at.0;
            Some(Journey { began, ok: None, stops: places.stops(world, from, hops)? })
        },
    ));
    list.truncate(MAX_SHOWN * 2);
    Flows { now: world.now().0, list }
}

const fn good(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Http { status, .. } => *status < 500,
        Outcome::Connected(_) | Outcome::Resolved(_) => true,
        Outcome::Refused
        | Outcome::Unreachable
        | Outcome::Reset
        | Outcome::Timeout
        | Outcome::UnknownName => false,
    }
}

/// Where the fabric's places are on the map.
struct Places {
    /// Pods by their address.
    pods: BTreeMap<String, String>,
    /// The chip of a published port by the container behind it.
    published: BTreeMap<String, String>,
    /// Whether there is a cluster, whose kubelets ask their own pods all the time.
    cluster: bool,
}

impl Places {
    fn of(world: &World, map: &Map) -> Self {
        let mut pods = BTreeMap::new();
        for (_, entry) in world.kube().into_iter().flat_map(|kube| kube.store.list(Kind::Pod)) {
            let Object::Pod(pod) = &*entry.object else { continue };
            let on_host = pod.spec.as_ref().and_then(|s| s.host_network) == Some(true);
            let ip = pod.status.as_ref().and_then(|s| s.pod_ip.clone());
            if let (false, Some(ip), Some(uid)) = (on_host, ip, &pod.metadata.uid) {
                pods.insert(ip, format!("tile:{uid}"));
            }
        }
        let chips = map.services.iter().filter(|s| s.focus.0.starts_with("container/"));
        let published = chips.flat_map(|s| s.tiles.iter().map(move |tile| (tile, s)));
        let published = published.map(|(tile, s)| (format!("tile:{tile}"), chip(&s.focus.0)));
        Self { pods, published: published.collect(), cluster: world.kube().is_some() }
    }

    /// The stations of a request that the map shows; `None` if it does not leave its place.
    fn stops(&self, world: &World, from: &Origin, hops: &[Hop]) -> Option<Vec<String>> {
        let probe = self.cluster && matches!(from, Origin::Host(_));
        if probe {
            return None;
        }
        let mut stops: Vec<String> = Vec::new();
        let mut push = |stop: String| {
            if stops.last() != Some(&stop) {
                stops.push(stop);
            }
        };
        let outer = !matches!(from, Origin::Container(..));
        let front = |tile: &str| self.published.get(tile).filter(|_| outer).cloned();
        // The rules of a service or published port stand on hosts: its chip shows them once.
        let chipped = hops.iter().any(|hop| match parts(&hop.place).as_slice() {
            ["service", ..] => true,
            ["container", _, id] => front(&format!("tile:{id}")).is_some(),
            _ => false,
        });
        for hop in hops {
            match parts(&hop.place).as_slice() {
                ["outside"] => push("client".to_owned()),
                ["service", namespace, name, ..] => {
                    let name = name.split(':').next().unwrap_or(name);
                    push(chip(&format!("Service/{namespace}/{name}")));
                }
                ["host", host] if !chipped => push(format!("machine:{host}")),
                ["container", host, id] => {
                    let tile = self.tile(world, host, id, hop);
                    if hop.kind == HopKind::Deliver {
                        front(&tile).into_iter().for_each(&mut push);
                    }
                    push(tile);
                }
                _ => {}
            }
        }
        (stops.len() > 1).then_some(stops)
    }

    /// The tile of a container, or of the pod whose sandbox it is.
    fn tile(&self, world: &World, host: &str, id: &str, hop: &Hop) -> String {
        let own = format!("tile:{id}");
        if !self.cluster {
            return own;
        }
        let address = match hop.addr {
            Some((address, _)) => Some(address),
            None => {
                let place = EndpointRef::new(Arc::from(host), Arc::from(id));
                world.fabric().addresses(&place).into_values().next()
            }
        };
        let pod = address.and_then(|ip| self.pods.get(&ip.to_string()).cloned());
        pod.unwrap_or(own)
    }
}

fn parts(place: &str) -> Vec<&str> {
    place.split('/').collect()
}

/// The anchor of a chip.
#[must_use]
pub fn chip(focus: &str) -> String {
    format!("svc:{focus}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::map;
    use crate::world::demo;
    use crate::world::session::Session;

    fn shown(genesis: crate::world::genesis::Genesis, host: &str, line: &str, url: &str) -> Flows {
        let mut session = Session::new(genesis);
        for command in demo::opening(host, line, url) {
            session.execute(command);
        }
        session.advance(SimTime::from_secs(90), 2_000_000);
        let world = session.head();
        let map = map::map(world);
        let flows = flows(world, &map, SimDuration::from_secs(1));
        let chips: Vec<String> = map.services.iter().map(|s| chip(&s.focus.0)).collect();
        let tiles = map::tiles(&map).map(|(_, tile)| format!("tile:{}", tile.key));
        let tiles: Vec<String> = tiles.collect();
        for stop in flows.list.iter().flat_map(|j| &j.stops) {
            let there = stop == "client"
                || stop.starts_with("machine:")
                || chips.contains(stop)
                || tiles.contains(stop);
            assert!(there, "{stop} is not on the map");
        }
        flows
    }

    #[test]
    fn requests_pass_places_of_the_map() {
        for (genesis, host, line, url, way) in [
            (
                demo::kubernetes(7),
                "",
                "kubectl apply -f shop.yaml",
                "http://node-1:30080/",
                ["client", "svc:Service/default/web", "tile:"],
            ),
            (
                demo::compose(7),
                "host",
                "docker compose up -d",
                "http://host:8080/",
                ["client", "svc:container/host/", "tile:"],
            ),
        ] {
            let flows = shown(genesis, host, line, url);
            assert!(flows.list.len() >= 4, "{flows:?}");
            for journey in &flows.list {
                assert_ne!(journey.ok, Some(false), "{journey:?}");
                assert!(journey.began <= flows.now);
                for (stop, start) in journey.stops.iter().zip(way) {
                    assert!(stop.starts_with(start), "{:?}", journey.stops);
                }
            }
        }
    }
}
