//! What holds in any world: time, queue, causes, addresses, ports.

use std::net::Ipv4Addr;

use crate::native::seeds::check::Past;
use crate::world::world::World;

/// Most events that may wait: sessions are small, and an idle world schedules only what the real
/// one would.
const MAX_QUEUE: usize = 20_000;
/// Most events within one moment: more never come to rest.
const MAX_SAME_MOMENT: u32 = 50_000;

/// Time never goes back, and nothing that waits is overdue.
pub(super) fn time(world: &World, past: &Past) -> Option<String> {
    if world.now() < past.now {
        return Some(format!("{} came after {}", world.now(), past.now));
    }
    let next = world.next_at()?;
    (next < world.now()).then(|| format!("an event of {next} still waits at {}", world.now()))
}

/// The queue is bounded, and every moment ends.
pub(super) fn queue(world: &World, past: &Past) -> Option<String> {
    let waiting = world.waiting_events();
    if waiting > MAX_QUEUE {
        return Some(format!("{waiting} events wait"));
    }
    (past.same_moment > MAX_SAME_MOMENT).then(|| "one moment does not end".to_owned())
}

/// Every cause is older than its effect, and entries stand in the order of time.
pub(super) fn causes(world: &World, past: &Past, wrong: &mut Vec<String>) {
    let mut before = None;
    for entry in world.trace().after(past.trace) {
        if entry.cause >= entry.id {
            wrong.push(format!("entry {} is caused by {}", entry.id.0, entry.cause.0));
        }
        if entry.at > world.now() || before.is_some_and(|at| at > entry.at) {
            wrong.push(format!("entry {} has the time {}", entry.id.0, entry.at));
        }
        before = Some(entry.at);
    }
}

/// A network and its endpoints agree about who has which address, and a pod's address is its own.
pub(super) fn networks(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let fabric = world.fabric();
    for (id, network) in fabric.networks.iter() {
        for (ip, (endpoint, _)) in &network.members {
            let holds = fabric.namespaces.get(endpoint).and_then(|n| n.addrs.get(id));
            if holds != Some(ip) {
                let who = &endpoint.container;
                wrong.push(format!("network {id:.12} gave {ip} to {who:.12}, which has {holds:?}"));
            }
            if !network.info.subnet.contains(*ip) || *ip == network.info.gateway {
                wrong.push(format!("network {id:.12} gave away {ip}"));
            }
        }
    }
    for (endpoint, namespace) in fabric.namespaces.iter() {
        let who = &endpoint.container;
        for (id, ip) in &namespace.addrs {
            let member = fabric.networks.get(id).and_then(|n| n.members.get(ip));
            if member.is_none_or(|(owner, _)| owner != endpoint) {
                wrong.push(format!("{who:.12} has {ip} of network {id:.12}, another's"));
            }
        }
        if let Some(ip) = namespace.pod
            && fabric.pods.get(&ip) != Some(endpoint)
        {
            wrong.push(format!("the pod's namespace {who:.12} has {ip}, another's"));
        }
    }
}

/// No two bindings of a machine's port meet, and each leads to a namespace.
pub(super) fn host_ports(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for (name, host) in world.fabric().hosts.iter() {
        for ((proto, port), bindings) in &host.ports {
            let place = format!("{name}:{port}/{}", proto.as_str());
            for (at, one) in bindings.iter().enumerate() {
                let meets =
                    |ip: Ipv4Addr| ip == one.ip || ip.is_unspecified() || one.ip.is_unspecified();
                if bindings.iter().skip(at + 1).any(|other| meets(other.ip)) {
                    wrong.push(format!("{place} is published twice"));
                }
            }
        }
    }
}
