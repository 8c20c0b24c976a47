//! What holds on machines with Docker.

use std::collections::{BTreeMap, BTreeSet};

use crate::docker::api::{MountKind, Status};
use crate::machine::{HostId, Namespace, State};
use crate::native::seeds::check::Past;
use crate::net::EndpointRef;
use crate::world::world::World;

/// From which states a container comes into one (moby `daemon/container/state.go`, handbook
/// docker-engine §2); `None` is before it is made. A `rm -f`, a killed daemon that finds what
/// ended meanwhile, and `--rm` take several of these steps at once.
const COMES_FROM: &[(Status, &[Option<Status>])] = &[
    (Status::Created, &[None]),
    (
        Status::Running,
        &[
            Some(Status::Created),
            Some(Status::Paused),
            Some(Status::Restarting),
            Some(Status::Exited),
        ],
    ),
    (Status::Paused, &[Some(Status::Running)]),
    (Status::Restarting, &[Some(Status::Running)]),
    (Status::Exited, &[Some(Status::Running), Some(Status::Paused), Some(Status::Restarting)]),
    (Status::Removing, &[Some(Status::Created), Some(Status::Exited), Some(Status::Running)]),
    (Status::Dead, &[]),
];

/// States of all containers by host and id.
pub(super) fn statuses(world: &World) -> BTreeMap<(String, String), Status> {
    let mut all = BTreeMap::new();
    for host in world.docker().hosts() {
        for c in world.docker().container_states(host.as_str()) {
            all.insert((host.to_string(), c.id), c.status);
        }
    }
    all
}

/// Containers go from state to state as they may.
pub(super) fn states(world: &World, past: &Past) -> Option<String> {
    if world.docker().revision() == past.docker {
        return None;
    }
    for ((host, id), status) in statuses(world) {
        let before = past.states.get(&(host, id.clone())).copied();
        let from = COMES_FROM.iter().find(|(to, _)| *to == status);
        let legal = from.is_some_and(|(_, from)| from.contains(&before));
        if before != Some(status) && !legal {
            let before = before.map_or("nothing", Status::as_str);
            return Some(format!("{id:.12} went from {before} to {}", status.as_str()));
        }
    }
    None
}

/// Hosts whose daemon answers.
fn up(world: &World) -> impl Iterator<Item = &HostId> {
    world.docker().hosts().filter(|host| world.docker().is_up(host.as_str()))
}

/// The daemon and the runtime know the same containers, and both whether they run. What ends is
/// noticed a moment later.
pub(super) fn runtime(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for host in up(world) {
        let Some(machine) = world.machines().host(host) else { continue };
        let mut known = BTreeSet::new();
        for c in world.docker().container_states(host.as_str()) {
            let own = machine.containers.values().find(|m| m.spec.id.as_str() == c.id);
            known.insert(c.id.clone());
            let Some(own) = own else {
                wrong.push(format!("{} is in no runtime", c.name));
                continue;
            };
            let as_told = match c.status {
                Status::Running => State::Running,
                Status::Paused => State::Paused,
                Status::Created | Status::Restarting | Status::Exited | Status::Dead => {
                    State::Exited
                }
                Status::Removing => continue,
            };
            let real = if own.state == State::Created { State::Exited } else { own.state };
            if real != as_told {
                wrong.push(format!("{} is {}, really {:?}", c.name, c.status.as_str(), own.state));
            }
        }
        let own = machine.containers.values().filter(|m| m.spec.namespace == Namespace::Moby);
        for container in own.filter(|m| !known.contains(m.spec.id.as_str())) {
            wrong.push(format!("{} is a container of nobody", container.spec.name));
        }
    }
}

/// Only containers that run have places in networks, with the address that is told.
pub(super) fn endpoints(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for host in up(world) {
        let states = world.docker().container_states(host.as_str());
        let running = |id: &str| {
            let found = states.iter().find(|c| c.id == id);
            found.is_some_and(|c| matches!(c.status, Status::Running | Status::Paused))
        };
        for (endpoint, namespace) in world.fabric().namespaces.iter() {
            if *endpoint.host != *host.as_str() || running(&endpoint.container) {
                continue;
            }
            for (network, ip) in &namespace.addrs {
                let who = &endpoint.container;
                wrong.push(format!("{who:.12} has {ip} in {network:.12} and does not run"));
            }
        }
        for c in states.iter().filter(|c| running(&c.id)) {
            let place = EndpointRef::new(host.0.clone(), c.id.as_str());
            let real: BTreeSet<String> =
                world.fabric().addresses(&place).values().map(ToString::to_string).collect();
            for (network, told) in c.networks.iter().filter(|(_, ip)| !ip.is_empty()) {
                if !real.contains(told) {
                    wrong.push(format!("{} has not {told} in {network}", c.name));
                }
            }
        }
    }
}

/// Published ports are those of running containers, and lead to them.
pub(super) fn ports(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for host in up(world) {
        let states = world.docker().container_states(host.as_str());
        let Some(place) = world.fabric().hosts.get(host.as_str()) else { continue };
        let mut real = BTreeSet::new();
        for ((_, port), bindings) in &place.ports {
            for target in bindings.iter().filter_map(|b| b.target.as_ref()) {
                real.insert((target.0.container.to_string(), *port));
            }
        }
        for (id, port) in &real {
            if !states.iter().any(|c| c.id == *id && c.ports.values().flatten().any(|p| p == port))
            {
                wrong.push(format!("port {port} leads to {id:.12}, which does not show it"));
            }
        }
        for c in &states {
            let running = matches!(c.status, Status::Running | Status::Paused);
            for port in c.ports.values().flatten().filter(|_| running) {
                if !real.contains(&(c.id.clone(), *port)) {
                    wrong.push(format!("{} shows the port {port}, which leads nowhere", c.name));
                }
            }
        }
    }
}

/// Volumes that containers use are there.
pub(super) fn volumes(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for host in up(world) {
        let Some(machine) = world.machines().host(host) else { continue };
        for c in world.docker().container_states(host.as_str()) {
            let Some(inspected) = world.docker().inspected(host.as_str(), &c.id) else { continue };
            let named = inspected.mounts.iter().filter(|m| m.kind == MountKind::Volume);
            for mount in named.filter(|m| !machine.volumes.contains_key(m.name.as_str())) {
                wrong.push(format!("{} uses the volume {}, which is gone", c.name, mount.name));
            }
        }
    }
}

/// `on-failure:N` restarts N times at most.
pub(super) fn restarts(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for host in world.docker().hosts() {
        for c in world.docker().container_states(host.as_str()) {
            if c.restart_count == 0 {
                continue;
            }
            let Some(inspected) = world.docker().inspected(host.as_str(), &c.id) else { continue };
            let policy = &inspected.host.restart_policy;
            let most = u32::try_from(policy.maximum_retry_count).unwrap_or(0);
            if policy.name == "on-failure" && most > 0 && c.restart_count > most {
                wrong.push(format!("{} was restarted {} times", c.name, c.restart_count));
            }
        }
    }
}
