//! Docker hosts on the map: containers by Compose project.

use std::collections::{BTreeMap, BTreeSet};

use crate::docker::ContainerView;
use crate::machine::{HostId, Power};
use crate::view::focus::Focus;
use crate::view::map::{Bar, Drawer, Group, Machine, Map, Service, Tile};
use crate::view::status::State;
use crate::world::world::World;

/// Put Docker hosts and their containers onto the map.
pub(super) fn fill(map: &mut Map, world: &World) {
    let hosts: Vec<String> = world.docker().hosts().map(|h| h.as_str().to_owned()).collect();
    let (mut images, mut volumes, mut networks) = (Vec::new(), Vec::new(), BTreeSet::new());
    for name in &hosts {
        let id = HostId::new(name.as_str());
        let Some(host) = world.machines().host(&id) else { continue };
        let off = host.power != Power::On;
        let mut cpu = Bar { capacity: host.spec.cpu_milli, ..Bar::default() };
        let mut memory = Bar { capacity: host.spec.memory_bytes, ..Bar::default() };
        for (container, _) in host.containers.iter() {
            let stats = world.machines().stats(&id, container, world.now());
            cpu.used += stats.cpu_milli;
            memory.used += stats.memory_bytes;
        }
        let groups = groups(map, world, name, off);
        map.machines.push(Machine {
            focus: Focus::machine(name),
            name: name.clone(),
            state: if off { "node-off" } else { "node-ready" },
            healthy: !off,
            cpu,
            memory,
            groups,
        });
        images.extend(host.tags.keys().map(ToString::to_string));
        volumes.extend(host.volumes.keys().map(ToString::to_string));
        let states = world.docker().container_states(name);
        networks.extend(states.into_iter().flat_map(|state| state.networks.into_keys()));
    }
    let networks: Vec<String> = networks.into_iter().collect();
    let drawers =
        [("drawer-images", images), ("drawer-volumes", volumes), ("drawer-networks", networks)];
    let full = drawers.into_iter().filter(|(_, names)| !names.is_empty());
    map.drawers.extend(
        full.map(|(id, names)| Drawer::new(id, names.into_iter().map(|name| (None, name)))),
    );
}

fn groups(map: &mut Map, world: &World, host: &str, off: bool) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Tile>> = BTreeMap::new();
    for found in world.docker().container_states(host) {
        let health = found.health.map(|(health, _)| health.as_str());
        let word = found.status.as_str();
        let state = state(word, health, found.exit_code, found.oom_killed, off);
        let focus = Focus::container(host, &found.id);
        let status = match health {
            Some(health) => format!("{word} ({health})"),
            None => word.to_owned(),
        };
        let published = published(&found);
        if word == "running" && !published.is_empty() {
            map.services.push(Service {
                focus: focus.clone(),
                name: found.name.clone(),
                address: published.join(", "),
                url: found.ports.values().flatten().next().map(|p| format!("http://{host}:{p}/")),
                ready: u32::from(state == State::Ready),
                total: 1,
                tiles: vec![found.id.clone()],
            });
        }
        let project = found.labels.get("com.docker.compose.project").cloned().unwrap_or_default();
        let prefix = format!("{project}-");
        groups.entry(project).or_default().push(Tile {
            key: found.id.clone(),
            focus,
            short: found.name.strip_prefix(&prefix).unwrap_or(&found.name).to_owned(),
            name: found.name.clone(),
            state,
            status,
            seconds_left: None,
            percent: None,
            restarts: found.restart_count,
        });
    }
    groups.into_iter().map(|(name, tiles)| Group { name, tiles }).collect()
}

/// Published ports, as `docker ps` lists them.
pub(super) fn published(container: &ContainerView) -> Vec<String> {
    let ports = container
        .ports
        .iter()
        .flat_map(|(port, hosts)| hosts.iter().map(move |host| format!("{host}->{port}")));
    let mut ports: Vec<String> = ports.collect();
    ports.dedup();
    ports
}

/// The state of a container from its inspected status and health.
fn state(status: &str, health: Option<&str>, exit: i64, oom: bool, off: bool) -> State {
    if off {
        return State::Unknown;
    }
    match (status, health) {
        ("running", Some("starting")) => State::NotReady,
        ("running", Some("unhealthy")) => State::Failed,
        ("running", _) => State::Ready,
        ("paused", _) => State::Paused,
        ("restarting", _) => State::BackOff,
        ("removing", _) => State::Terminating,
        ("created", _) => State::Starting,
        ("exited" | "dead", _) if oom => State::OutOfMemory,
        ("exited", _) if exit == 0 => State::Done,
        _ => State::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        assert_eq!(state("running", None, 0, false, false), State::Ready);
        assert_eq!(state("running", Some("starting"), 0, false, false), State::NotReady);
        assert_eq!(state("exited", None, 137, true, false), State::OutOfMemory);
        assert_eq!(state("exited", None, 0, false, false), State::Done);
        assert_eq!(state("running", None, 0, false, true), State::Unknown);
    }
}
