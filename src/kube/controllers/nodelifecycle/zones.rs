//! NoExecute taints of nodes that are not ready, at the rate that the state of their zone allows.
//!
//! Models `processTaintBaseEviction`, `ComputeZoneState` and the eviction queues of kubernetes
//! `pkg/controller/nodelifecycle/node_lifecycle_controller.go` @v1.36. Rates hold for zones of at
//! most 50 nodes; larger zones differ only in the rate of a partial disruption.

use k8s_openapi::api::core::v1::{Node, Taint};

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::kube::api::object::Key;
use crate::kube::controllers::nodelifecycle::taints::{patch_taints, taint};
use crate::kube::controllers::nodelifecycle::{all_nodes, by_zone, ready_status};
use crate::kube::controllers::{Plan, Sync};

/// One node in ten seconds (`--node-eviction-rate 0.1`).
const INTERVAL: SimDuration = SimDuration::from_secs(10);
/// The same in a large zone that is partly down (`--secondary-node-eviction-rate 0.01`).
const SLOW_INTERVAL: SimDuration = SimDuration::from_secs(100);
/// Nodes from which on a zone is large (`--large-cluster-size-threshold`).
const LARGE: usize = 50;
/// Share of nodes that makes a disruption partial (`--unhealthy-zone-threshold`).
const UNHEALTHY_PERCENT: usize = 55;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// State of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneState {
    /// Most nodes are ready.
    Normal,
    /// Many are not.
    Partial,
    /// None is ready.
    Full,
}

/// `ComputeZoneState`.
#[must_use]
pub fn state(ready: usize, not_ready: usize) -> ZoneState {
    if ready == 0 && not_ready > 0 {
        ZoneState::Full
    } else if not_ready > 2 && not_ready * 100 >= UNHEALTHY_PERCENT * (ready + not_ready) {
        ZoneState::Partial
    } else {
        ZoneState::Normal
    }
}

/// Add NoExecute taints to nodes that are not ready, take them from nodes that are.
pub fn no_execute(nodes: &[(Key, Node)], sync: &mut Sync<'_>, plan: &mut Plan) {
    let zones = by_zone(nodes);
    let states: Vec<ZoneState> = zones
        .values()
        .map(|zone| {
            let ready = zone.iter().filter(|(_, n)| ready_status(n) == "True").count();
            state(ready, zone.len() - ready)
        })
        .collect();
    let all_full = states.iter().all(|s| *s == ZoneState::Full);
    for (zone, state) in zones.values().zip(states) {
        for (key, node) in zone {
            let wanted = match ready_status(node) {
                "True" => None,
                "False" => Some(NOT_READY),
                _ => Some(UNREACHABLE),
            };
            let have = no_execute_taints(node);
            match wanted.filter(|_| !all_full) {
                None if have.is_empty() => {}
                None => {
                    let why = Message::new("why-kube-node-back").with("node", key.name.clone());
                    plan.call(patch_taints(key, node, &have, None, why));
                }
                Some(wanted) if have == [wanted] => {}
                Some(wanted) => {
                    let swap = !have.is_empty();
                    if !swap && !may_taint(state, zone.len(), sync, plan) {
                        continue;
                    }
                    let add = taint(wanted, "NoExecute", sync.now);
                    let why = Message::new("why-kube-node-tainted")
                        .with("node", key.name.clone())
                        .with("taint", wanted);
                    plan.call(patch_taints(key, node, &have, Some(add), why));
                }
            }
        }
    }
}

/// The controller's own NoExecute taints of a node.
fn no_execute_taints(node: &Node) -> Vec<&'static str> {
    let taints: &[Taint] = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or(&[]);
    [NOT_READY, UNREACHABLE]
        .into_iter()
        .filter(|key| taints.iter().any(|t| t.key == *key && t.effect == "NoExecute"))
        .collect()
}

/// Whether the rate of the zone allows one more node now.
fn may_taint(state: ZoneState, size: usize, sync: &mut Sync<'_>, plan: &mut Plan) -> bool {
    const NEXT: &str = "next-taint";
    let interval = match state {
        ZoneState::Normal | ZoneState::Full => INTERVAL,
        ZoneState::Partial if size > LARGE => SLOW_INTERVAL,
        ZoneState::Partial => return false,
    };
    let next = sync.memory.moments.entry((all_nodes(), NEXT)).or_default();
    if *next > sync.now {
        let wait = next.since(sync.now);
        plan.again = Some(plan.again.map_or(wait, |again| SimDuration(again.0.min(wait.0))));
        return false;
    }
    *next = sync.now + interval;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_states() {
        for (ready, not_ready, expected) in [
            (3, 0, ZoneState::Normal),
            (2, 1, ZoneState::Normal),
            (1, 2, ZoneState::Normal),
            (0, 3, ZoneState::Full),
            (2, 3, ZoneState::Partial),
            (3, 3, ZoneState::Normal),
        ] {
            assert_eq!(state(ready, not_ready), expected, "{ready} {not_ready}");
        }
    }
}
