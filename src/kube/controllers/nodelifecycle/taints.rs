//! NoSchedule taints that follow from a node's conditions and from cordoning.
//!
//! Models `doNoScheduleTaintingPass` of kubernetes
//! `pkg/controller/nodelifecycle/node_lifecycle_controller.go` and `pkg/controller/util/node`
//! @v1.36.

use k8s_openapi::api::core::v1::{Node, Taint};
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::kube::api::object::Key;
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::patch;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;

/// Condition, status, taint.
const BY_CONDITION: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
/// Taint of a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct NodeTaints;

impl Controller for NodeTaints {
    fn name(&self) -> &'static str {
        "node-controller"
    }

    /// `UpdateWorkerSize`.
    fn workers(&self) -> u32 {
        8
    }

    fn wakes(&self, change: &Change, _sync: &mut Sync<'_>) -> Wakes {
        if change.kind == Kind::Node && change.new.is_some() {
            vec![now((Kind::Node, change.key.clone()))]
        } else {
            Wakes::new()
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(node) = sync.view.get::<Node>(&item.1) else { return plan };
        let wanted = wanted(node);
        let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or(&[]);
        let ours = |t: &&Taint| t.effect == "NoSchedule" && is_ours(&t.key);
        let have: Vec<&str> = taints.iter().filter(ours).map(|t| t.key.as_str()).collect();
        let missing = wanted.iter().any(|key| !have.contains(key));
        let surplus = have.iter().any(|key| !wanted.contains(key));
        if !missing && !surplus {
            return plan;
        }
        let mut list: Vec<Taint> = taints
            .iter()
            .filter(|t| !ours(t) || wanted.contains(&t.key.as_str()))
            .cloned()
            .collect();
        for key in wanted.iter().filter(|key| !have.contains(key)) {
            list.push(taint(key, "NoSchedule", sync.now));
        }
        let why = Message::new("why-kube-node-no-schedule").with("node", item.1.name.clone());
        plan.call(patch_list(&item.1, node, list, why));
        plan
    }
}

fn is_ours(key: &str) -> bool {
    key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(.., taint)| *taint == key)
}

fn wanted(node: &Node) -> Vec<&'static str> {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or(&[]);
    let mut keys: Vec<&'static str> = BY_CONDITION
        .iter()
        .filter(|(kind, status, _)| {
            conditions.iter().any(|c| c.type_ == *kind && c.status == *status)
        })
        .map(|(.., taint)| *taint)
        .collect();
    if node.spec.as_ref().and_then(|s| s.unschedulable) == Some(true) {
        keys.push(UNSCHEDULABLE);
    }
    keys
}

/// A taint as of now.
#[must_use]
pub fn taint(key: &str, effect: &str, now: SimTime) -> Taint {
    Taint {
        key: key.to_owned(),
        effect: effect.to_owned(),
        time_added: Some(meta_time(now)),
        ..Taint::default()
    }
}

fn patch_list(key: &Key, node: &Node, list: Vec<Taint>, why: Message) -> Call {
    let taints = if list.is_empty() { json!(null) } else { json!(list) };
    let body = json!({
        "metadata": {"resourceVersion": node.metadata.resource_version},
        "spec": {"taints": taints},
    });
    Call::new(patch(Kind::Node, key, body)).because(why).forgiving(&["NotFound"])
}

/// A call that takes NoExecute taints by key from a node and adds another.
#[must_use]
pub fn patch_taints(
    key: &Key,
    node: &Node,
    remove: &[&str],
    add: Option<Taint>,
    why: Message,
) -> Call {
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or(&[]);
    let stays = |t: &&Taint| t.effect != "NoExecute" || !remove.contains(&t.key.as_str());
    let list: Vec<Taint> = taints.iter().filter(stays).cloned().chain(add).collect();
    patch_list(key, node, list, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{NodeCondition, NodeSpec, NodeStatus};

    #[test]
    fn conditions_and_cordon_make_taints() {
        let node = Node {
            spec: Some(NodeSpec { unschedulable: Some(true), ..NodeSpec::default() }),
            status: Some(NodeStatus {
                conditions: Some(vec![NodeCondition {
                    type_: "Ready".into(),
                    status: "Unknown".into(),
                    ..NodeCondition::default()
                }]),
                ..NodeStatus::default()
            }),
            ..Node::default()
        };
        assert_eq!(wanted(&node), ["node.kubernetes.io/unreachable", UNSCHEDULABLE]);
    }
}
