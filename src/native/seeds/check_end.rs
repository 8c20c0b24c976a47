//! What holds when everything was mended and time has passed: the world has come to rest where it
//! was told to.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::{Key, Kind, Stored as _};
use crate::kube::api::store::Store;
use crate::kube::clock::sim_time;
use crate::machine::Power;
use crate::native::seeds::breakage;
use crate::native::seeds::check::Past;
use crate::native::seeds::check_kube::{is_over, node_of};
use crate::world::world::World;

/// Younger pods may still be on their way.
const SETTLED: SimDuration = SimDuration::from_secs(60);
/// Longest grace period of a session's pods, and the rest of their way out.
const GOING: SimDuration = SimDuration::from_secs(60);
/// Events that a world at rest has waiting, for each thing that has timers.
const TIMERS: usize = 12;

fn store(world: &World) -> Option<&Store> {
    world.kube().map(|kube| &kube.store)
}

/// What was mended is over.
pub(super) fn faults(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for (kind, target) in breakage::active(world) {
        wrong.push(format!("{kind:?} on {target} was mended and goes on"));
    }
}

/// Machines have power, their daemons work, nodes are ready.
pub(super) fn machines(world: &World, _: &Past, wrong: &mut Vec<String>) {
    for host in world.machines().hosts() {
        let name = &host.spec.name;
        if host.power != Power::On {
            wrong.push(format!("{name} is {:?}", host.power));
        } else if !breakage::daemon_runs(world, name) {
            wrong.push(format!("the daemon of {name} does not run"));
        }
    }
    for node in store(world).into_iter().flat_map(Store::all::<Node>) {
        let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
        let ready = conditions.into_iter().flatten().find(|c| c.type_ == "Ready");
        let name = node.metadata.name.as_deref().unwrap_or("");
        if ready.is_none_or(|c| c.status != "True") {
            wrong.push(format!("node {name} is not ready"));
        }
        let taints = node.spec.iter().flat_map(|s| s.taints.iter().flatten());
        for taint in taints.filter(|t| t.key.starts_with("node.kubernetes.io/")) {
            if taint.key != "node.kubernetes.io/unschedulable" {
                wrong.push(format!("node {name} still has the taint {}", taint.key));
            }
        }
    }
}

fn active(store: &Store, uid: &str, kind: Kind) -> i32 {
    let owned = store.owned_by(uid).filter(|(k, _)| *k == kind);
    let pods = owned.filter_map(|(_, key)| store.typed::<Pod>(key));
    let active = pods.filter(|p| !is_over(p) && p.metadata.deletion_timestamp.is_none());
    i32::try_from(active.count()).unwrap_or(i32::MAX)
}

/// Workloads have the pods they want, unless their requests are refused, and say so.
pub(super) fn replicas(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(store) = store(world) else { return };
    for set in store.all::<ReplicaSet>().filter(|s| s.metadata.deletion_timestamp.is_none()) {
        let object = set.clone().into_object();
        let have = active(store, object.uid(), Kind::Pod);
        let want = set.spec.replicas.unwrap_or(1);
        let told = set.status.as_ref().map_or(0, |s| s.replicas);
        let conditions = set.status.as_ref().and_then(|s| s.conditions.as_ref());
        let refused =
            conditions.into_iter().flatten().any(|c| c.type_.as_deref() == Some("ReplicaFailure"));
        if have != want && !refused {
            wrong.push(format!("ReplicaSet {} wants {want} pods, has {have}", object.key()));
        }
        if told != have {
            wrong.push(format!("ReplicaSet {} tells of {told} pods, has {have}", object.key()));
        }
    }
    for deployment in store.all::<Deployment>() {
        let object = deployment.clone().into_object();
        let (spec, status) = (&deployment.spec, deployment.status.clone().unwrap_or_default());
        if status.observed_generation != deployment.metadata.generation {
            wrong.push(format!("Deployment {} is not observed", object.key()));
        }
        let paused = spec.paused == Some(true);
        let want = spec.replicas.unwrap_or(1);
        let ready = status.ready_replicas.unwrap_or(0);
        let done =
            status.updated_replicas.unwrap_or(0) == want && status.replicas.unwrap_or(0) == want;
        // A rollout waits for pods that do not become ready; those are looked at one by one.
        if !paused && !done && ready == status.replicas.unwrap_or(0) && ready >= want {
            wrong.push(format!("Deployment {} stands still: {ready} of {want}", object.key()));
        }
    }
    for set in store.all::<StatefulSet>() {
        let object = set.clone().into_object();
        let want = set.spec.replicas.unwrap_or(1);
        let have = active(store, object.uid(), Kind::Pod);
        let pods = store.owned_by(object.uid()).filter_map(|(_, key)| store.typed::<Pod>(key));
        let all_ready = pods.filter(|p| !is_over(p)).all(is_ready);
        if have != want && all_ready && !refused_by_quota(store, object.namespace()) {
            wrong.push(format!("StatefulSet {} wants {want} pods, has {have}", object.key()));
        }
    }
    for set in store.all::<DaemonSet>() {
        let object = set.clone().into_object();
        let status = set.status.clone().unwrap_or_default();
        let want = status.desired_number_scheduled;
        let have = active(store, object.uid(), Kind::Pod);
        let settled = status.updated_number_scheduled.unwrap_or(0) == want;
        if have != want && settled && !refused_by_quota(store, object.namespace()) {
            wrong.push(format!("DaemonSet {} wants {want} pods, has {have}", object.key()));
        }
    }
}

/// Whether a quota may be why pods are missing.
fn refused_by_quota(store: &Store, namespace: &str) -> bool {
    store.list_in(Kind::ResourceQuota, namespace).next().is_some()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether a container's state says why its pod is not ready.
fn explains(status: &ContainerStatus, probed: bool) -> bool {
    let state = status.state.clone().unwrap_or_default();
    if let Some(waiting) = state.waiting {
        let reason = waiting.reason.unwrap_or_default();
        return !matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing");
    }
    state.terminated.is_some() || (state.running.is_some() && !status.ready && probed)
}

/// A pod that is not ready says why.
pub(super) fn pods(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(store) = store(world) else { return };
    let now = world.now();
    for pod in store.all::<Pod>() {
        let created = pod.metadata.creation_timestamp.as_ref().map_or(SimTime::ZERO, sim_time);
        let on_its_way = pod.metadata.deletion_timestamp.is_some() || now.since(created) < SETTLED;
        if is_over(pod) || is_ready(pod) || on_its_way {
            continue;
        }
        let status = pod.status.clone().unwrap_or_default();
        let name = pod.clone().into_object().key();
        if node_of(pod).is_empty() {
            let mut conditions = status.conditions.iter().flatten();
            let told = conditions.find(|c| c.type_ == "PodScheduled" && c.status == "False");
            if told.and_then(|c| c.message.as_deref()).unwrap_or("").is_empty() {
                wrong.push(format!("pod {name} is pending for no reason"));
            }
            continue;
        }
        let containers = pod.spec.iter().flat_map(|s| &s.containers);
        let probed =
            containers.clone().any(|c| c.readiness_probe.is_some() || c.startup_probe.is_some());
        let lists = [&status.init_container_statuses, &status.container_statuses];
        let mut statuses = lists.into_iter().flatten().flatten();
        let running_first = status
            .init_container_statuses
            .iter()
            .flatten()
            .any(|s| s.state.as_ref().is_some_and(|state| state.running.is_some()));
        if !running_first && !statuses.any(|s| explains(s, probed)) {
            wrong.push(format!("pod {name} is not ready for no reason"));
        }
    }
}

/// What was deleted goes. A claim stays while a pod uses it; a namespace while things are in it,
/// which are looked at themselves.
pub(super) fn terminating(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(store) = store(world) else { return };
    let now = world.now();
    for &kind in Kind::ALL {
        if matches!(kind, Kind::PersistentVolumeClaim | Kind::PersistentVolume) {
            continue;
        }
        for (key, entry) in store.list(kind) {
            let Some(at) = entry.object.meta().deletion_timestamp.as_ref().map(sim_time) else {
                continue;
            };
            if now.since(at) > GOING {
                wrong.push(format!("{kind:?} {key} does not go"));
            }
        }
    }
}

fn ready_addresses(store: &Store, service: &Key, ready: bool) -> BTreeSet<String> {
    let slices = store.all_in::<EndpointSlice>(&service.namespace);
    let own = slices.filter(|slice| {
        let labels = slice.metadata.labels.as_ref();
        labels
            .and_then(|l| l.get("kubernetes.io/service-name"))
            .is_some_and(|n| **n == *service.name)
    });
    let endpoints = own.flat_map(|slice| slice.endpoints.iter().flatten());
    let is_ready = |e: &&k8s_openapi::api::discovery::v1::Endpoint| {
        e.conditions.as_ref().and_then(|c| c.ready) == Some(ready)
    };
    endpoints.filter(is_ready).flat_map(|e| e.addresses.clone()).collect()
}

/// Services that are found by the labels of pods.
fn services(store: &Store) -> Vec<(Key, &Service, &BTreeMap<String, String>)> {
    let all = store.all::<Service>().filter_map(|service| {
        let selector = service.spec.as_ref()?.selector.as_ref().filter(|s| !s.is_empty())?;
        Some((service.clone().into_object().key(), service, selector))
    });
    all.collect()
}

/// The endpoints of a service are its ready pods, all of them and no others.
pub(super) fn endpoints(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(store) = store(world) else { return };
    for (key, service, selector) in services(store) {
        let publishes =
            service.spec.as_ref().is_some_and(|s| s.publish_not_ready_addresses == Some(true));
        let mut want = BTreeSet::new();
        for pod in store.all_in::<Pod>(&key.namespace).filter(|p| !is_over(p)) {
            let labels = pod.metadata.labels.clone().unwrap_or_default();
            let chosen = selector.iter().all(|(k, v)| labels.get(k) == Some(v));
            let going = pod.metadata.deletion_timestamp.is_some();
            let ip = pod.status.as_ref().and_then(|s| s.pod_ip.clone()).unwrap_or_default();
            if chosen && !ip.is_empty() && (publishes || (is_ready(pod) && !going)) {
                want.insert(ip);
            }
        }
        let have = ready_addresses(store, &key, true);
        if have != want {
            wrong.push(format!("service {key} has the endpoints {have:?}, not {want:?}"));
        }
    }
}

/// The rules of every node send where the endpoints are.
pub(super) fn rules(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(store) = store(world) else { return };
    let services: BTreeMap<String, Key> =
        services(store).into_iter().map(|(key, ..)| (key.to_string(), key)).collect();
    for node in store.all::<Node>() {
        let node = node.metadata.name.as_deref().unwrap_or("");
        for (name, rules) in world.fabric().programmed(node) {
            let Some(key) = services.get(&**name) else {
                if store.get(Kind::Service, &key_of(name)).is_none() {
                    wrong.push(format!("{node} has rules for {name}, which is gone"));
                }
                continue;
            };
            let want = ready_addresses(store, key, true);
            // Without any that is ready, those that still serve get the traffic.
            if want.is_empty() {
                continue;
            }
            for rule in rules.iter() {
                let have: BTreeSet<String> =
                    rule.endpoints.iter().map(|(ip, _)| ip.to_string()).collect();
                if have != want {
                    wrong.push(format!("{node} sends {name} to {have:?}, not to {want:?}"));
                }
            }
        }
    }
}

fn key_of(text: &str) -> Key {
    let (namespace, name) = text.split_once('/').unwrap_or(("", text));
    Key::new(namespace, name)
}

/// The controllers have seen everything.
pub(super) fn caches(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let Some(kube) = world.kube() else { return };
    for &kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Event) {
        for (key, entry) in kube.store.list(kind) {
            let seen = kube.controllers.view.object(&(kind, key.clone()));
            if seen.is_none_or(|seen| seen.revision() < entry.revision) {
                wrong.push(format!("the controllers do not know the newest {kind:?} {key}"));
            }
        }
    }
}

/// Little waits in a world at rest.
pub(super) fn idle(world: &World, _: &Past, wrong: &mut Vec<String>) {
    let containers: usize = world.machines().hosts().map(|h| h.containers.len() + 1).sum();
    let objects: usize = store(world).map_or(0, |store| {
        Kind::ALL.iter().map(|kind| usize::try_from(store.count(*kind)).unwrap_or(0)).sum()
    });
    let most = 100 + TIMERS * (containers + objects);
    let waiting = world.waiting_events();
    if waiting > most {
        wrong.push(format!("{waiting} events wait, expected at most {most}"));
    }
}
