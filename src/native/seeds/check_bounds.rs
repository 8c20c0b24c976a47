//! Controllers make no more than was wanted: at every pod or ReplicaSet that is created.
//!
//! A controller acts on what its caches know, so what was wanted a moment ago still counts
//! ([`Past::wanted`]); `expectations` are there so that it does not act twice on it.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::store::{Change, Store};
use crate::native::seeds::check::Past;
use crate::native::seeds::check_kube::is_over;
use crate::world::world::World;

/// How many children an owner wants: pods of a ReplicaSet or a Job, replicas of all ReplicaSets of
/// a Deployment.
pub(super) fn wants(object: &Object) -> Option<i64> {
    if let Some(set) = object.get::<ReplicaSet>() {
        return Some(i64::from(set.spec.replicas.unwrap_or(1)));
    }
    if let Some(job) = object.get::<Job>() {
        let spec = job.spec.as_ref()?;
        let parallelism = i64::from(spec.parallelism.unwrap_or(1));
        return Some(if spec.suspend == Some(true) { 0 } else { parallelism });
    }
    let spec = &object.get::<Deployment>()?.spec;
    let replicas = i64::from(spec.replicas.unwrap_or(1));
    let strategy = spec.strategy.as_ref();
    if strategy.is_some_and(|s| s.type_.as_deref() == Some("Recreate")) {
        return Some(replicas);
    }
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let surge = match rolling.and_then(|r| r.max_surge.as_ref()) {
        Some(IntOrString::Int(count)) => i64::from(*count),
        Some(IntOrString::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            (replicas * percent + 99) / 100
        }
        None => (replicas * 25 + 99) / 100,
    };
    Some(replicas + surge)
}

/// A pod that was created now, with its owner's kind and uid.
fn created<'a>(change: &'a Change, kind: &str) -> Option<(&'a Pod, &'a str)> {
    if change.old.is_some() {
        return None;
    }
    let object = change.new.as_deref()?;
    let owner = object.controller().filter(|o| o.kind == kind)?;
    Some((object.get::<Pod>()?, owner.uid.as_str()))
}

/// Pods of an owner that are neither over nor on their way out.
fn active<'a>(store: &'a Store, uid: &str) -> Vec<(&'a Key, &'a Pod)> {
    let owned = store.owned_by(uid).filter(|(kind, _)| *kind == Kind::Pod);
    owned
        .filter_map(|(_, key)| Some((key, store.typed::<Pod>(key)?)))
        .filter(|(_, pod)| !is_over(pod) && pod.metadata.deletion_timestamp.is_none())
        .collect()
}

fn too_many(world: &World, past: &Past, change: &Change, kind: &str) -> Option<String> {
    let (_, uid) = created(change, kind)?;
    let have = active(&world.kube()?.store, uid).len();
    let wanted = past.wanted(uid)?;
    let over = i64::try_from(have).unwrap_or(i64::MAX) > wanted;
    over.then(|| format!("{kind} wants {wanted} pods, {} is number {have}", change.key))
}

/// A ReplicaSet never creates more pods than it wants. (It may have more: it adopts.)
pub(super) fn replicas(world: &World, past: &Past, change: &Change) -> Option<String> {
    too_many(world, past, change, "ReplicaSet")
}

/// A Job never has more pods at work than may work together.
pub(super) fn parallelism(world: &World, past: &Past, change: &Change) -> Option<String> {
    too_many(world, past, change, "Job")
}

/// Whenever a ReplicaSet grows, those of its Deployment together want no more than replicas and
/// surge. (They may want more after the Deployment was scaled down: then none grows.)
pub(super) fn surge(world: &World, past: &Past, change: &Change) -> Option<String> {
    let object = change.new.as_deref()?;
    let grown = wants(object.get::<ReplicaSet>().map(|_| object)?)?;
    let before = change.old.as_deref().and_then(wants).unwrap_or(0);
    let owner = object.controller().filter(|o| o.kind == "Deployment")?;
    if grown <= before {
        return None;
    }
    let store = &world.kube()?.store;
    let sets = store.owned_by(&owner.uid).filter(|(kind, _)| *kind == Kind::ReplicaSet);
    let all: i64 = sets.filter_map(|(_, key)| wants(store.object(Kind::ReplicaSet, key)?)).sum();
    let most = past.wanted(&owner.uid)?;
    (all > most).then(|| {
        format!("{} grew from {before} to {grown}: {all} replicas, at most {most}", change.key)
    })
}

/// A pod of an ordered StatefulSet comes after those before it. One of them may have gone since the
/// controller looked, but not have been missing all along: it is there, or its end is recent.
pub(super) fn ordinals(world: &World, _: &Past, change: &Change) -> Option<String> {
    let (pod, uid) = created(change, "StatefulSet")?;
    let name = pod.metadata.name.as_deref()?;
    let (base, number) = name.rsplit_once('-')?;
    let number: u32 = number.parse().ok()?;
    let store = &world.kube()?.store;
    let namespace = &change.key.namespace;
    let set = store.typed::<StatefulSet>(&Key::new(namespace, base))?;
    if set.metadata.uid.as_deref() != Some(uid) {
        return None;
    }
    let spec = &set.spec;
    let parallel = spec.pod_management_policy.as_deref() == Some("Parallel");
    let start = spec.ordinals.as_ref().and_then(|o| o.start).unwrap_or(0);
    if parallel {
        return None;
    }
    let start = u32::try_from(start).unwrap_or(0);
    let missing: Vec<u32> = (start..number)
        .filter(|n| store.object(Kind::Pod, &Key::new(namespace, &format!("{base}-{n}"))).is_none())
        .filter(|n| !ended_lately(store, change, &Key::new(namespace, &format!("{base}-{n}"))))
        .collect();
    (!missing.is_empty()).then(|| format!("{name} was created before {missing:?}"))
}

/// Whether a pod was removed within the last second.
fn ended_lately(store: &Store, now: &Change, key: &Key) -> bool {
    let recent = store.changes_from(0).rev().take_while(|c| now.at.since(c.at).as_secs() < 1);
    let mut gone = recent.filter(|c| c.kind == Kind::Pod && c.key == *key && c.new.is_none());
    gone.next().is_some()
}

/// The node that a DaemonSet's pod is made for.
fn aim(pod: &Pod) -> Option<&str> {
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let term = required.node_selector_terms.first()?;
    let field = term.match_fields.as_ref()?.first()?;
    field.values.as_ref()?.first().map(String::as_str)
}

/// A DaemonSet has one pod at work on a node, or two of different templates while one replaces the
/// other (`maxSurge`).
pub(super) fn one_per_node(world: &World, _: &Past, change: &Change) -> Option<String> {
    let (pod, uid) = created(change, "DaemonSet")?;
    let node = aim(pod)?;
    let store = &world.kube()?.store;
    let owner = change.new.as_deref()?.controller()?;
    let set = store.typed::<DaemonSet>(&Key::new(&change.key.namespace, &owner.name))?;
    let strategy = set.spec.update_strategy.as_ref();
    let surge = strategy.and_then(|s| s.rolling_update.as_ref()).and_then(|r| r.max_surge.as_ref());
    let surges = surge.is_some_and(|s| !matches!(s, IntOrString::Int(0)));
    let mut templates = BTreeSet::new();
    let mut count = 0;
    for (_, pod) in active(store, uid).into_iter().filter(|(_, pod)| aim(pod) == Some(node)) {
        count += 1;
        let labels = pod.metadata.labels.as_ref();
        templates.insert(labels.and_then(|l| l.get("pod-template-generation")).cloned());
    }
    let most = if surges { templates.len() } else { 1 };
    (count > most).then(|| format!("{} is number {count} on {node}", change.key))
}
