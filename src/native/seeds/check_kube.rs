//! What holds in a cluster at every change of its store.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Node, Pod, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::base::quantity::Quantity;
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::store::Change;
use crate::machine::{self, HostId, Namespace};
use crate::native::seeds::breakage::daemon_runs;
use crate::native::seeds::check::Past;
use crate::world::world::World;

/// Kinds that are written by the clock alone: heartbeats, and events that are forgotten.
const BY_THE_CLOCK: &[Kind] = &[Kind::Lease, Kind::Node, Kind::Event];

/// The pod after a change.
fn pod(change: &Change) -> Option<&Pod> {
    change.new.as_deref()?.get::<Pod>()
}

fn old_pod(change: &Change) -> Option<&Pod> {
    let old = change.old.as_deref()?;
    let new = change.new.as_deref()?;
    (old.uid() == new.uid()).then(|| old.get::<Pod>()).flatten()
}

pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("")
}

/// Whether its containers are done for good.
pub(super) fn is_over(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub(super) fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or("")
}

/// Every write has its own revision, and a cause that is told in the trace.
pub(super) fn log(world: &World, past: &Past, change: &Change) -> Option<String> {
    let what = format!("{:?} {}", change.kind, change.key);
    if change.revision != past.revision + 1 {
        return Some(format!("{what}: revision {} after {}", change.revision, past.revision));
    }
    if change.by > world.trace().last_id() {
        return Some(format!("{what}: its cause {} is not told", change.by.0));
    }
    let caused = change.by != TraceId::NONE || BY_THE_CLOCK.contains(&change.kind);
    (!caused).then(|| format!("{what} was written for no cause"))
}

/// The store is what its log tells.
pub(super) fn store(world: &World, past: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    let mut count = 0;
    for &kind in Kind::ALL {
        for (key, entry) in kube.store.list(kind) {
            count += 1;
            if past.shadow.get(&(kind, key.clone())) != Some(&entry.revision) {
                wrong.push(format!("{kind:?} {key} is not as the log tells"));
            }
        }
    }
    if count != past.shadow.len() {
        wrong.push(format!("{count} objects, {} by the log", past.shadow.len()));
    }
}

/// A pod stays on the node that it got.
pub(super) fn one_node(_: &World, _: &Past, change: &Change) -> Option<String> {
    let (new, old) = (pod(change)?, old_pod(change)?);
    let (before, after) = (node_of(old), node_of(new));
    let moved = !before.is_empty() && before != after;
    moved.then(|| format!("pod {} moved from {before} to {after}", change.key))
}

/// A pod is the work of one kubelet. A pod of the same name may run at two places after
/// `delete --force` while its node is lost; one uid may not.
pub(super) fn one_machine(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    let mut places: BTreeMap<&str, &str> = BTreeMap::new();
    for host in world.machines().hosts() {
        let node = host.spec.name.as_str();
        for uid in kube.kubelet_of(node).into_iter().flat_map(|k| k.workers.keys()) {
            if let Some(other) = places.insert(uid, node) {
                wrong.push(format!("the pod {uid} is on {other} and on {node}"));
            }
        }
    }
}

/// Remember the containers that a pod has now: old ones are removed in time, but count.
pub(super) fn see_runs(world: &World, past: &mut Past, change: &Change) {
    let Some(pod) = pod(change) else { return };
    let node = node_of(pod);
    let Some(host) = world.machines().host(&HostId::new(node)) else { return };
    let ending = format!("_{}_{}", change.key.name, change.key.namespace);
    let own = |c: &machine::Container| c.spec.namespace == Namespace::K8s;
    for container in host.containers.values().filter(|c| own(c)) {
        if container.spec.name.ends_with(&ending) {
            let place = (node.to_owned(), container.spec.name.to_string());
            let ids = past.runs.entry(place).or_default();
            ids.insert(container.spec.id.to_string());
        }
    }
}

/// What containers ask for, in thousandths of cores and in bytes.
pub(super) fn requests(pod: &Pod) -> (i64, i64) {
    let Some(spec) = &pod.spec else { return (0, 0) };
    let of = |container: &Container, name: &str| -> i64 {
        let requests = container.resources.as_ref().and_then(|r| r.requests.as_ref());
        requests.and_then(|r| r.get(name)).map_or(0, |q| amount(q, name))
    };
    let sum = |name: &str| {
        let all: i64 = spec.containers.iter().map(|c| of(c, name)).sum();
        let first = spec.init_containers.iter().flatten().map(|c| of(c, name)).max();
        all.max(first.unwrap_or(0))
    };
    (sum("cpu"), sum("memory"))
}

fn amount(quantity: &ApiQuantity, name: &str) -> i64 {
    let parsed = Quantity::parse(&quantity.0).unwrap_or_default();
    if name == "cpu" { parsed.milli() } else { parsed.value() }
}

/// The pods of a node ask for no more than it has. Pods that are over count for nothing; pods that
/// terminate still do.
pub(super) fn allocatable(world: &World, _: &Past, change: &Change) -> Option<String> {
    let new = pod(change)?;
    let name = node_of(new);
    let bound = !name.is_empty()
        && change
            .old
            .as_deref()
            .is_none_or(|old| old.get::<Pod>().is_none_or(|old| node_of(old).is_empty()));
    if !bound {
        return None;
    }
    let store = &world.kube()?.store;
    let node = store.typed::<Node>(&Key::cluster(name))?;
    let room = node.status.as_ref()?.allocatable.as_ref()?;
    let room = |resource: &str| room.get(resource).map_or(0, |q| amount(q, resource));
    let (mut cpu, mut memory, mut count) = (0, 0, 0);
    for key in store.pods_on(name) {
        let Some(pod) = store.typed::<Pod>(key).filter(|p| !is_over(p)) else { continue };
        let asked = requests(pod);
        cpu += asked.0;
        memory += asked.1;
        count += 1;
    }
    let too_much = cpu > room("cpu") || memory > room("memory") || count > room("pods");
    too_much.then(|| {
        format!(
            "{name} has {} m cpu, {} bytes, {} pods; its pods ask for {cpu} m, {memory}, {count} \
             with {}",
            room("cpu"),
            room("memory"),
            room("pods"),
            change.key
        )
    })
}

/// Ports of the node that a pod takes.
fn host_ports(pod: &Pod) -> BTreeSet<(i32, String, String)> {
    let containers = pod.spec.iter().flat_map(|s| &s.containers);
    let ports = containers.flat_map(|c| c.ports.iter().flatten());
    ports
        .filter_map(|p| {
            let text = |t: &Option<String>| t.clone().unwrap_or_default();
            Some((p.host_port?, text(&p.protocol), text(&p.host_ip)))
        })
        .collect()
}

/// No two pods of a node take the same port of it.
pub(super) fn pod_ports(world: &World, _: &Past, change: &Change) -> Option<String> {
    let new = pod(change)?;
    let name = node_of(new);
    let wanted = host_ports(new);
    let fresh =
        change.old.as_deref().and_then(Object::get::<Pod>).is_none_or(|p| node_of(p).is_empty());
    if name.is_empty() || wanted.is_empty() || !fresh {
        return None;
    }
    let store = &world.kube()?.store;
    let others = store.pods_on(name).filter(|key| **key != change.key);
    let clash = others
        .filter_map(|key| Some((key, store.typed::<Pod>(key)?)))
        .find(|(_, pod)| !is_over(pod) && !host_ports(pod).is_disjoint(&wanted));
    clash.map(|(key, _)| format!("{key} and {} take the same port of {name}", change.key))
}

/// A pod that is over stays so.
pub(super) fn final_phase(_: &World, _: &Past, change: &Change) -> Option<String> {
    let (new, old) = (pod(change)?, old_pod(change)?);
    let revived = is_over(old) && phase(old) != phase(new);
    revived.then(|| format!("pod {} went from {} to {}", change.key, phase(old), phase(new)))
}

/// Restarts are counted up, and never more than containers were made for it.
pub(super) fn restarts(_: &World, past: &Past, change: &Change) -> Option<String> {
    let new = pod(change)?;
    let counts = |pod: &Pod| -> BTreeMap<String, i32> {
        let status = pod.status.clone().unwrap_or_default();
        let lists = [status.init_container_statuses, status.container_statuses];
        let all = lists.into_iter().flatten().flatten();
        all.map(|s| (s.name, s.restart_count)).collect()
    };
    let before = old_pod(change).map(counts).unwrap_or_default();
    for (name, count) in counts(new) {
        if before.get(&name).is_some_and(|old| *old > count) {
            return Some(format!("the restarts of {} {name} fell to {count}", change.key));
        }
        let place = (
            node_of(new).to_owned(),
            format!("k8s_{name}_{}_{}", change.key.name, change.key.namespace),
        );
        let made = past.runs.get(&place).map_or(0, BTreeSet::len);
        if count > 0 && usize::try_from(count).is_ok_and(|count| count >= made) {
            return Some(format!(
                "{} {name} counts {count} restarts, {made} containers were made",
                change.key
            ));
        }
    }
    None
}

/// No address twice: pods that are not over, services, node ports. A pod on the node's own network
/// has its node's address.
pub(super) fn addresses(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    let mut taken: BTreeMap<String, Key> = BTreeMap::new();
    let mut take = |address: String, key: Key| {
        if let Some(other) = taken.insert(address.clone(), key.clone()) {
            wrong.push(format!("{other} and {key} both have {address}"));
        }
    };
    for pod in kube.store.all::<Pod>().filter(|p| !is_over(p)) {
        let on_host = pod.spec.as_ref().is_some_and(|s| s.host_network == Some(true));
        let ip = pod.status.as_ref().and_then(|s| s.pod_ip.clone()).unwrap_or_default();
        if !on_host && !ip.is_empty() {
            take(ip, Object::Pod(pod.clone()).key());
        }
    }
    for service in kube.store.all::<Service>() {
        let key = Object::Service(service.clone()).key();
        let Some(spec) = &service.spec else { continue };
        for ip in spec.cluster_ips.iter().flatten().filter(|ip| *ip != "None") {
            take(ip.clone(), key.clone());
        }
        for port in spec.ports.iter().flatten() {
            if let Some(number) = port.node_port.filter(|n| *n != 0) {
                let protocol = port.protocol.as_deref().unwrap_or("TCP");
                take(format!("node port {number}/{protocol}"), key.clone());
            }
        }
    }
}

/// Nobody is his own owner, by however many steps.
pub(super) fn cycles(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, entry) in Kind::ALL.iter().flat_map(|kind| kube.store.list(*kind)) {
        if !entry.object.owners().is_empty() {
            let uids = entry.object.owners().iter().map(|o| o.uid.clone()).collect();
            owners.insert(entry.object.uid().to_owned(), uids);
        }
    }
    for start in owners.keys() {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = owners.get(start).into_iter().flatten().collect();
        while let Some(uid) = next.pop() {
            if uid == start {
                wrong.push(format!("{start} owns itself"));
                return;
            }
            if seen.insert(uid) {
                next.extend(owners.get(uid).into_iter().flatten());
            }
        }
    }
}

/// What lost all its owners is collected. What is deleted already may still wait, for its node or
/// for a finalizer.
pub(super) fn orphans(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    let mut uids: BTreeSet<String> = BTreeSet::new();
    let mut owned = Vec::new();
    for &kind in Kind::ALL {
        for (key, entry) in kube.store.list(kind) {
            uids.insert(entry.object.uid().to_owned());
            if !entry.object.owners().is_empty() && !entry.object.deleting() {
                owned.push((kind, key, entry));
            }
        }
    }
    for (kind, key, entry) in owned {
        if entry.object.owners().iter().all(|o| !uids.contains(&o.uid)) {
            wrong.push(format!("{kind:?} {key} has no owner any more"));
        }
    }
}

/// Containers that run belong to a pod of their node. Where the kubelet does not run, or is cut off,
/// they go on.
pub(super) fn containers(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    for host in world.machines().hosts() {
        let name = host.spec.name.as_str();
        if !daemon_runs(world, &host.spec.name)
            || world.faults().on(name, world.now()).next().is_some()
        {
            continue;
        }
        let known: BTreeSet<String> = kube
            .store
            .pods_on(name)
            .map(|key| format!("_{}_{}", key.name, key.namespace))
            .collect();
        for container in host.containers.values() {
            let of_pod = container.spec.namespace == Namespace::K8s;
            let place = container.spec.name.strip_prefix("k8s_").and_then(|n| n.split_once('_'));
            let owner = place.map(|(_, pod)| format!("_{pod}")).unwrap_or_default();
            if of_pod && container.is_alive() && !known.contains(&owner) {
                wrong.push(format!("{} runs on {name} for no pod", container.spec.name));
            }
        }
    }
}
