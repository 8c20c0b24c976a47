//! Replacing the pods of a DaemonSet node by node.
//!
//! Models kubernetes `pkg/controller/daemon/update.go` `rollingUpdate` and the part of
//! `podsShouldBeOnNode` that deals with surge @v1.36.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::kube::controllers::Sync;
use crate::kube::controllers::daemonset::placement::suits;
use crate::kube::controllers::daemonset::{Own, View, label};
use crate::kube::controllers::deployment::rolling::Share;
use crate::kube::controllers::pods::{Availability, availability};
use crate::kube::controllers::revisions::REVISION_LABEL;

fn share(value: Option<&IntOrString>, default: Share) -> Share {
    match value {
        Some(IntOrString::Int(n)) => Share::Count(*n),
        Some(IntOrString::String(text)) => Share::parse_percent(text).unwrap_or(default),
        None => default,
    }
}

/// Pods beyond the nodes' own that may exist, and nodes that may be without a pod.
fn limits(view: &View<'_>) -> (i32, i32) {
    let wanted = view.nodes.iter().filter(|node| suits(view.set, node).run).count();
    let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
    let strategy = view.set.spec.update_strategy.as_ref();
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let surge = share(rolling.and_then(|r| r.max_surge.as_ref()), Share::Count(0)).up(wanted);
    let unavailable =
        share(rolling.and_then(|r| r.max_unavailable.as_ref()), Share::Count(1)).up(wanted);
    (surge, if surge == 0 && unavailable == 0 { 1 } else { unavailable })
}

fn is_available(view: &View<'_>, pod: &Pod, sync: &Sync<'_>) -> bool {
    let min_ready = view.set.spec.min_ready_seconds.unwrap_or(0);
    availability(pod, min_ready, sync.now) == Availability::Now
}

fn is_new(view: &View<'_>, pod: &Pod) -> bool {
    label(pod, REVISION_LABEL) == view.hash
}

/// The new and the old pod of a node; none at all if there are several of one sort.
fn pair<'a>(view: &View<'_>, own: &[Own<'a>]) -> Option<(Option<Own<'a>>, Option<Own<'a>>)> {
    let (mut new, mut old) = (None, None);
    for (key, pod) in own.iter().copied() {
        let place = if is_new(view, pod) { &mut new } else { &mut old };
        if place.is_some() {
            return None;
        }
        *place = Some((key, pod));
    }
    Some((new, old))
}

/// Pods on a node beyond the one it should have. `running` is oldest first.
#[must_use]
pub fn surplus<'a>(view: &View<'_>, running: &[Own<'a>], sync: &Sync<'_>) -> Vec<Own<'a>> {
    let alive: Vec<Own<'a>> = running
        .iter()
        .copied()
        .filter(|(_, pod)| pod.metadata.deletion_timestamp.is_none())
        .collect();
    if alive.len() < 2 {
        return Vec::new();
    }
    let (surge, _) = limits(view);
    if surge > 0 {
        let oldest_old = alive.iter().find(|(_, pod)| !is_new(view, pod));
        let oldest_new = alive.iter().find(|(_, pod)| is_new(view, pod));
        if let (Some(old), Some((_, new))) = (oldest_old, oldest_new) {
            // The old pod stays beside the new one until that is available.
            let both = alive.len() == 2 && !is_available(view, new, sync);
            if both && is_available(view, old.1, sync) {
                return Vec::new();
            }
            return alive.iter().copied().filter(|(_, pod)| !std::ptr::eq(*pod, *new)).collect();
        }
    }
    alive.into_iter().skip(1).collect()
}

/// What a rolling update does now: nodes that get a second pod, and old pods to delete.
#[must_use]
pub fn choose<'a>(view: &View<'a>, sync: &Sync<'_>) -> (Vec<String>, Vec<Own<'a>>) {
    let (surge, unavailable) = limits(view);
    if surge > 0 {
        return choose_surge(view, surge, sync);
    }
    let mut without = 0;
    let mut broken: Vec<Own<'a>> = Vec::new();
    let mut candidates: Vec<Own<'a>> = Vec::new();
    for node in view.nodes.iter().filter(|node| suits(view.set, node).run) {
        let name = node.metadata.name.as_deref().unwrap_or("");
        let own = view.pods.get(name).map_or(&[][..], Vec::as_slice);
        match pair(view, own) {
            None | Some((None, None)) => without += 1,
            Some((Some((_, new)), _)) => without += i32::from(!is_available(view, new, sync)),
            Some((None, Some(old))) if old.1.metadata.deletion_timestamp.is_some() => without += 1,
            Some((None, Some(old))) => {
                if is_available(view, old.1, sync) {
                    candidates.push(old);
                } else {
                    without += 1;
                    broken.push(old);
                }
            }
        }
    }
    let left = usize::try_from(unavailable - without).unwrap_or(0);
    broken.extend(candidates.into_iter().take(left));
    (Vec::new(), broken)
}

fn choose_surge<'a>(view: &View<'a>, surge: i32, sync: &Sync<'_>) -> (Vec<String>, Vec<Own<'a>>) {
    let mut in_use = 0;
    let mut delete: Vec<Own<'a>> = Vec::new();
    let mut must: Vec<String> = Vec::new();
    let mut may: Vec<String> = Vec::new();
    for node in view.nodes.iter().filter(|node| suits(view.set, node).run) {
        let name = node.metadata.name.clone().unwrap_or_default();
        let own = view.pods.get(&name).map_or(&[][..], Vec::as_slice);
        match pair(view, own) {
            None => in_use += 1,
            Some((None, None) | (Some(_), None)) => {}
            Some((None, Some(old))) => {
                let gone = old.1.metadata.deletion_timestamp.is_some();
                if !gone && is_available(view, old.1, sync) {
                    may.push(name);
                } else {
                    must.push(name);
                }
            }
            Some((Some((_, new)), Some(old))) => {
                if is_available(view, new, sync) {
                    if old.1.metadata.deletion_timestamp.is_none() {
                        delete.push(old);
                    }
                } else {
                    in_use += 1;
                }
            }
        }
    }
    let left = usize::try_from(surge - in_use).unwrap_or(0);
    must.extend(may.into_iter().take(left));
    (must, delete)
}
