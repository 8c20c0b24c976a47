//! Kubernetes on the map.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::base::quantity::Quantity;
use crate::base::time::SimTime;
use crate::kube::Cluster;
use crate::kube::clock::sim_time;
use crate::kube::kinds::{Kind, Object};
use crate::machine::{HostId, Power};
use crate::view::focus::Focus;
use crate::view::map::{Bar, Drawer, Group, Machine, Map, Service, Tile};
use crate::view::status::State;
use crate::world::world::World;

/// Namespaces of the system, whose pods come last.
const SYSTEM: &str = "kube-";

/// The service of the API server itself, which has no pods behind it.
const API_SERVER: (&str, &str) = ("default", "kubernetes");

/// Put nodes, pods and services onto the map.
pub(super) fn fill(map: &mut Map, kube: &Cluster, world: &World) {
    let store = &kube.store;
    let mut by_node: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for (_, entry) in store.list(Kind::Pod) {
        let Object::Pod(pod) = &*entry.object else { continue };
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or("");
        by_node.entry(node).or_default().push(pod);
    }
    let none = Vec::new();
    for (key, entry) in store.list(Kind::Node) {
        if let Object::Node(node) = &*entry.object {
            let pods = by_node.get(&*key.name).unwrap_or(&none);
            map.machines.push(machine(node, &key.name, pods, world));
        }
    }
    let pending = by_node.get("").unwrap_or(&none);
    map.pending = pending.iter().map(|pod| tile(pod, world, true)).collect();
    services(map, kube);
    let listed = |kind: Kind| {
        store.list(kind).filter(|(key, _)| &*key.namespace != "kube-system").map(move |(key, _)| {
            let name = format!("{}/{}", kind.name(), key.name);
            (Some(Focus::object(kind.name(), &key.namespace, &key.name)), name)
        })
    };
    let several = |kinds: &'static [Kind]| kinds.iter().flat_map(move |kind| listed(*kind));
    map.drawers = vec![
        Drawer::new("drawer-deployments", listed(Kind::Deployment)),
        Drawer::new("drawer-workloads", several(WORKLOADS)),
        Drawer::new("drawer-config", several(&[Kind::ConfigMap, Kind::Secret])),
        Drawer::new("drawer-volumes", several(&[Kind::PersistentVolumeClaim])),
    ];
    map.drawers.retain(|drawer| drawer.count > 0);
}

/// What makes pods besides Deployments.
const WORKLOADS: &[Kind] = &[
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
];

fn machine(node: &Node, name: &str, pods: &[&Pod], world: &World) -> Machine {
    let ready = condition(node, "Ready");
    let cordoned = node.spec.as_ref().and_then(|s| s.unschedulable) == Some(true);
    let host = world.machines().host(&HostId::new(name));
    let off = host.is_some_and(|h| h.power != Power::On);
    let state = match (off, ready, cordoned) {
        (true, _, _) => "node-off",
        (_, false, _) => "node-not-ready",
        (_, true, true) => "node-cordoned",
        (_, true, false) => "node-ready",
    };
    let capacity = node.status.as_ref().and_then(|s| s.allocatable.as_ref());
    let capacity = |key: &str| capacity.and_then(|c| c.get(key));
    let mut cpu = Bar { capacity: milli(capacity("cpu")), ..Bar::default() };
    let mut memory = Bar { capacity: value(capacity("memory")), ..Bar::default() };
    for pod in pods.iter().filter(|p| !is_over(p)) {
        for container in pod.spec.iter().flat_map(|s| &s.containers) {
            let Some(wanted) = &container.resources else { continue };
            let requests = wanted.requests.as_ref();
            let limits = wanted.limits.as_ref();
            cpu.requested += milli(requests.and_then(|r| r.get("cpu")));
            cpu.limit += milli(limits.and_then(|r| r.get("cpu")));
            memory.requested += value(requests.and_then(|r| r.get("memory")));
            memory.limit += value(limits.and_then(|r| r.get("memory")));
        }
    }
    let (used_cpu, used_memory) = usage(name, world);
    cpu.used = used_cpu;
    memory.used = used_memory;
    Machine {
        focus: Focus::object("Node", "", name),
        name: name.to_owned(),
        state,
        healthy: ready && !off,
        cpu,
        memory,
        groups: groups(pods, world, ready && !off),
    }
}

/// What the containers of a machine use now.
fn usage(name: &str, world: &World) -> (u64, u64) {
    let id = HostId::new(name);
    let Some(host) = world.machines().host(&id) else { return (0, 0) };
    let stats = host.containers.keys().map(|c| world.machines().stats(&id, c, world.now()));
    stats.fold((0, 0), |(cpu, memory), s| (cpu + s.cpu_milli, memory + s.memory_bytes))
}

fn groups(pods: &[&Pod], world: &World, known: bool) -> Vec<Group> {
    // System namespaces come last, pods in the order in which they were made.
    type Born = (Option<SimTime>, Tile);
    let mut groups: BTreeMap<(bool, String), Vec<Born>> = BTreeMap::new();
    for pod in pods {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let born = pod.metadata.creation_timestamp.as_ref().map(sim_time);
        let system = namespace.starts_with(SYSTEM);
        groups.entry((system, namespace)).or_default().push((born, tile(pod, world, known)));
    }
    groups
        .into_iter()
        .map(|((_, name), mut tiles)| {
            tiles.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
            Group { name, tiles: tiles.into_iter().map(|(_, tile)| tile).collect() }
        })
        .collect()
}

/// A pod as a tile.
fn tile(pod: &Pod, world: &World, known: bool) -> Tile {
    let meta = &pod.metadata;
    let (namespace, name) =
        (meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""));
    let mut state = if known { state(pod) } else { State::Unknown };
    let percent = (state == State::Starting).then(|| pull_percent(pod, world)).flatten();
    if percent.is_some() {
        state = State::Pulling;
    }
    let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    let restarts: i32 = statuses.into_iter().flatten().map(|s| s.restart_count).sum();
    Tile {
        key: meta.uid.clone().unwrap_or_default(),
        focus: Focus::object("Pod", namespace, name),
        name: name.to_owned(),
        short: short(name, pod),
        state,
        status: status_text(pod),
        seconds_left: seconds_left(pod, state, world),
        percent,
        restarts: u32::try_from(restarts).unwrap_or(0),
    }
}

/// The name without the hash of its template: `web-7c9f-x2k4p` is shown as `web-x2k4p`.
fn short(name: &str, pod: &Pod) -> String {
    let labels = pod.metadata.labels.as_ref();
    match labels.and_then(|l| l.get("pod-template-hash")) {
        Some(hash) => name.replace(&format!("-{hash}-"), "-"),
        None => name.to_owned(),
    }
}

fn state(pod: &Pod) -> State {
    if pod.metadata.deletion_timestamp.is_some() {
        return State::Terminating;
    }
    let status = pod.status.as_ref();
    let phase = status.and_then(|s| s.phase.as_deref()).unwrap_or("Pending");
    let reason = status.and_then(|s| s.reason.as_deref());
    let statuses: Vec<&ContainerStatus> = status
        .into_iter()
        .flat_map(|s| {
            let init = s.init_container_statuses.iter().flatten();
            init.chain(s.container_statuses.iter().flatten())
        })
        .collect();
    let waiting = |wanted: &[&str]| {
        statuses.iter().any(|s| {
            let state = s.state.as_ref().and_then(|s| s.waiting.as_ref());
            state.and_then(|w| w.reason.as_deref()).is_some_and(|r| wanted.contains(&r))
        })
    };
    let killed_for_memory = statuses.iter().any(|s| {
        let ended = s.state.as_ref().and_then(|s| s.terminated.as_ref());
        ended.and_then(|t| t.reason.as_deref()) == Some("OOMKilled")
    });
    if killed_for_memory {
        return State::OutOfMemory;
    }
    if waiting(&["CrashLoopBackOff", "ImagePullBackOff", "RunContainerError"]) {
        return State::BackOff;
    }
    if waiting(&["ErrImagePull", "CreateContainerConfigError", "InvalidImageName"]) {
        return State::Failed;
    }
    match phase {
        "Succeeded" => State::Done,
        "Failed" => State::Failed,
        _ if reason == Some("Evicted") => State::Failed,
        "Running" => {
            let crashed = statuses.iter().any(|s| {
                let ended = s.state.as_ref().and_then(|s| s.terminated.as_ref());
                ended.is_some_and(|t| t.exit_code != 0)
            });
            match (crashed, is_ready(pod)) {
                (true, _) => State::Failed,
                (_, true) => State::Ready,
                (_, false) => State::NotReady,
            }
        }
        _ if pod.spec.as_ref().and_then(|s| s.node_name.as_ref()).is_none() => State::Pending,
        _ => State::Starting,
    }
}

/// Until the forced end of a pod that is asked to end, or until the next try after a crash.
fn seconds_left(pod: &Pod, state: State, world: &World) -> Option<u32> {
    let end = match state {
        State::Terminating => sim_time(pod.metadata.deletion_timestamp.as_ref()?),
        State::BackOff => world.kube()?.retry_at(pod, world.now())?,
        State::Pending
        | State::Pulling
        | State::Starting
        | State::NotReady
        | State::Ready
        | State::Done
        | State::Failed
        | State::OutOfMemory
        | State::Paused
        | State::Unknown => return None,
    };
    u32::try_from(end.since(world.now()).as_secs()).ok()
}

/// How far the pull is for which a pod waits.
fn pull_percent(pod: &Pod, world: &World) -> Option<u32> {
    let spec = pod.spec.as_ref()?;
    let host = world.machines().host(&HostId::new(spec.node_name.as_deref()?))?;
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    let mut images = all.filter_map(|c| c.image.as_deref());
    let pull = images.find_map(|image| {
        let full = crate::kube::kubelet::images::full_name(image);
        host.pulls.values().find(|p| *p.reference == *image || *p.reference == *full)
    })?;
    let (there, total) = pull.bytes(world.now());
    u32::try_from(there.saturating_mul(100) / total.max(1)).ok()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn condition(node: &Node, wanted: &str) -> bool {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == wanted && c.status == "True")
}

fn milli(quantity: Option<&ApiQuantity>) -> u64 {
    let parsed = quantity.and_then(|q| Quantity::parse(&q.0));
    parsed.and_then(|q| u64::try_from(q.milli()).ok()).unwrap_or(0)
}

fn value(quantity: Option<&ApiQuantity>) -> u64 {
    let parsed = quantity.and_then(|q| Quantity::parse(&q.0));
    parsed.and_then(|q| u64::try_from(q.value()).ok()).unwrap_or(0)
}

fn services(map: &mut Map, kube: &Cluster) {
    let store = &kube.store;
    for (key, entry) in store.list(Kind::Service) {
        let Object::Service(service) = &*entry.object else { continue };
        let Some(spec) = &service.spec else { continue };
        if (&*key.namespace, &*key.name) == API_SERVER {
            continue;
        }
        let ports: Vec<String> = spec
            .ports
            .iter()
            .flatten()
            .map(|p| match p.node_port {
                Some(node) => format!("{} ⇐ {node}", p.port),
                None => p.port.to_string(),
            })
            .collect();
        let address = spec.cluster_ip.clone().unwrap_or_default();
        let node_port = spec.ports.iter().flatten().find_map(|p| p.node_port);
        let door = map.machines.first().map(|m| m.name.clone());
        let url = door.zip(node_port).map(|(door, port)| format!("http://{door}:{port}/"));
        let (mut ready, mut total, mut tiles) = (0, 0, Vec::new());
        for (_, entry) in store.list_in(Kind::EndpointSlice, &key.namespace) {
            let Object::EndpointSlice(slice) = &*entry.object else { continue };
            let labels = slice.metadata.labels.as_ref();
            let owner = labels.and_then(|l| l.get("kubernetes.io/service-name"));
            if owner.map(String::as_str) != Some(&*key.name) {
                continue;
            }
            for endpoint in slice.endpoints.iter().flatten() {
                total += 1;
                let is_ready = endpoint.conditions.as_ref().and_then(|c| c.ready);
                ready += u32::from(is_ready != Some(false));
                let target = endpoint.target_ref.as_ref().and_then(|t| t.uid.clone());
                tiles.extend(target);
            }
        }
        map.services.push(Service {
            focus: Focus::object("Service", &key.namespace, &key.name),
            name: key.name.to_string(),
            address: format!("{address}:{}", ports.join(",")),
            url,
            ready,
            total,
            tiles,
        });
    }
    // What can be reached from outside comes first.
    map.services.sort_by_key(|service| !service.address.contains(" ⇐ "));
}

/// The STATUS column of `kubectl get pods`.
pub(super) fn status_text(pod: &Pod) -> String {
    crate::kube::print::table::pod::summary(pod).status
}
