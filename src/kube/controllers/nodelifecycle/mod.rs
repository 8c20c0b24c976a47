//! The node lifecycle controller: nodes that fall silent are marked, then tainted.
//!
//! Models kubernetes `pkg/controller/nodelifecycle/node_lifecycle_controller.go` @v1.36 (handbook
//! kubernetes-controllers §13). Taints of conditions are set by [`taints`], pods are evicted by
//! [`eviction`].

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod};
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::work::Step;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::kube::clock::{meta_time, sim_micro};
use crate::kube::controllers::calls::{
    normal, patch_status, regarding_type, update_status, warning,
};
use crate::kube::controllers::pods::condition;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;

pub mod eviction;
pub mod taints;
pub mod zones;

/// How often nodes are looked at (`--node-monitor-period`).
const MONITOR_PERIOD: SimDuration = SimDuration::from_secs(5);
/// Where in its period the monitor looks: it keeps the phase of the controller manager's start,
/// which is at no round moment (nodefail/03: a node is told of 2.2 s after it came).
const PHASE: SimDuration = SimDuration::from_millis(2_200);
/// Silence after which a node is unknown (`--node-monitor-grace-period`).
const GRACE_PERIOD: SimDuration = SimDuration::from_secs(50);
/// The same for a node that never reported (`--node-startup-grace-period`).
const STARTUP_GRACE_PERIOD: SimDuration = SimDuration::from_secs(60);
/// From marking a node to the pass that taints it (recorded: 0.4 s).
const TAINT_PASS: SimDuration = SimDuration::from_millis(300);
/// Namespace of the leases.
const LEASES: &str = "kube-node-lease";

/// Conditions that become unknown with a silent node.
const CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// When the controller last saw a sign of life.
const ALIVE: &str = "alive";
/// What the sign of life was.
const SIGN: &str = "sign";

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct NodeLifecycle;

/// The one item: all nodes at once.
#[must_use]
pub fn all_nodes() -> Item {
    (Kind::Node, Key::new("", ""))
}

fn node_item(name: &str) -> Item {
    (Kind::Node, Key::new("", name))
}

impl Controller for NodeLifecycle {
    fn name(&self) -> &'static str {
        "node-controller"
    }

    fn workers(&self) -> u32 {
        1
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            // The first node starts the monitor; later ones are found by it.
            Kind::Node if change.old.is_none() && !sync.memory.started => {
                sync.memory.started = true;
                vec![(all_nodes(), MONITOR_PERIOD)]
            }
            Kind::Node if change.new.is_none() => vec![now(all_nodes())],
            // A sign of life counts from when this controller sees it.
            Kind::Lease if change.key.namespace.as_ref() == LEASES => {
                note_lease(change, sync);
                Wakes::new()
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, _item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        plan.again = Some(until_next_pass(sync));
        greet(sync, &mut plan);
        let nodes: Vec<(Key, Node)> =
            sync.view.list::<Node>().map(|(key, node)| (key.clone(), node.clone())).collect();
        for (key, node) in &nodes {
            if let Some(updated) = judge(key, node, sync) {
                plan.call(Call::new(update_status(updated)).because(silent(key, sync)));
                if ready_status(node) == "True" {
                    mark_pods(key, node, sync, &mut plan);
                }
                plan.again = Some(TAINT_PASS);
            }
        }
        zones::no_execute(&nodes, sync, &mut plan);
        plan
    }
}

/// The passes keep the phase of the first one, when the controller came up.
fn until_next_pass(sync: &Sync<'_>) -> SimDuration {
    sync.now.next_tick(MONITOR_PERIOD, PHASE).since(sync.now)
}

fn note_lease(change: &Change, sync: &mut Sync<'_>) {
    let Some(Object::Lease(lease)) = change.new.as_deref() else { return };
    let renewed = renewed(lease).unwrap_or(SimTime::ZERO);
    let item = node_item(&change.key.name);
    let known = sync.memory.moments.get(&(item.clone(), SIGN));
    if known.is_none_or(|known| *known < renewed) {
        sync.memory.moments.insert((item.clone(), SIGN), renewed);
        sync.memory.moments.insert((item, ALIVE), sync.now);
    }
}

fn renewed(lease: &Lease) -> Option<SimTime> {
    lease.spec.as_ref()?.renew_time.as_ref().map(sim_micro)
}

/// Tell of nodes that came and went since the last pass.
fn greet(sync: &mut Sync<'_>, plan: &mut Plan) {
    const KNOWN: &str = "known";
    let mut gone: Vec<Item> = Vec::new();
    for (item, _) in sync.memory.texts.keys().filter(|(_, what)| *what == KNOWN) {
        if sync.view.object(item).is_none() {
            gone.push(item.clone());
        }
    }
    for item in gone {
        let uid = sync.memory.texts.remove(&(item.clone(), KNOWN)).unwrap_or_default();
        let about = crate::kube::events::Regarding {
            kind: "Node",
            api_version: "v1",
            namespace: "".into(),
            name: item.1.name.clone(),
            uid,
            resource_version: "".into(),
            field_path: "".into(),
        };
        let text = format!("Node {0} event: Removing Node {0} from Controller", item.1.name);
        plan.says.push(normal(&about, "RemovingNode", text));
        sync.memory.forget(&item);
    }
    for (key, node) in sync.view.list::<Node>() {
        let item = (Kind::Node, key.clone());
        if sync.memory.texts.contains_key(&(item.clone(), KNOWN)) {
            continue;
        }
        let uid = node.metadata.uid.as_deref().unwrap_or("");
        sync.memory.texts.insert((item, KNOWN), uid.into());
        let text = format!("Node {0} event: Registered Node {0} in Controller", key.name);
        plan.says.push(normal(&regarding_type(node), "RegisteredNode", text));
    }
}

/// Status of the condition Ready, empty for none.
#[must_use]
pub fn ready_status(node: &Node) -> &str {
    ready(node).map_or("", |c| c.status.as_str())
}

fn ready(node: &Node) -> Option<&NodeCondition> {
    node.status.as_ref()?.conditions.as_ref()?.iter().find(|c| c.type_ == "Ready")
}

/// The node with all conditions unknown, if it has been silent too long and is not marked yet.
fn judge(key: &Key, node: &Node, sync: &mut Sync<'_>) -> Option<Node> {
    let item = (Kind::Node, key.clone());
    let alive = sync.memory.moments.entry((item, ALIVE)).or_insert(sync.now);
    let grace = if ready(node).is_some() { GRACE_PERIOD } else { STARTUP_GRACE_PERIOD };
    if *alive + grace >= sync.now || ready_status(node) == "Unknown" {
        return None;
    }
    let mut node = node.clone();
    let stamp = Some(meta_time(sync.now));
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    for kind in CONDITIONS {
        match conditions.iter_mut().find(|c| c.type_ == kind) {
            Some(known) => {
                if known.status != "Unknown" {
                    known.status = "Unknown".to_owned();
                    known.reason = Some("NodeStatusUnknown".to_owned());
                    known.message = Some("Kubelet stopped posting node status.".to_owned());
                    known.last_transition_time.clone_from(&stamp);
                }
            }
            None => conditions.push(NodeCondition {
                type_: kind.to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("NodeStatusNeverUpdated".to_owned()),
                message: Some("Kubelet never posted node status.".to_owned()),
                last_heartbeat_time: node.metadata.creation_timestamp.clone(),
                last_transition_time: stamp.clone(),
            }),
        }
    }
    Some(node)
}

fn silent(key: &Key, sync: &Sync<'_>) -> Message {
    let alive = sync.memory.moments.get(&((Kind::Node, key.clone()), ALIVE));
    let since = alive.map_or(SimDuration::ZERO, |at| sync.now.since(*at));
    Message::new("why-kube-node-silent").with("node", key.name.clone()).with("since", since)
}

/// The pods of a node that is not ready are not ready either.
fn mark_pods(key: &Key, node: &Node, sync: &Sync<'_>, plan: &mut Plan) {
    let text = format!("Node {} status is now: NodeNotReady", key.name);
    plan.says.push(normal(&regarding_type(node), "NodeNotReady", text));
    let mut calls = Vec::new();
    for pod_key in sync.view.pods_on(&key.name) {
        let Some(pod) = sync.view.get::<Pod>(pod_key) else { continue };
        if condition(pod, "Ready").is_none_or(|c| c.status != "True") {
            continue;
        }
        let ready = json!({
            "type": "Ready",
            "status": "False",
            "lastTransitionTime": meta_time(sync.now),
        });
        let body = json!({"status": {"conditions": [ready]}});
        let why = Message::new("why-kube-node-not-ready").with("node", key.name.clone());
        let say = warning(&regarding_type(pod), "NodeNotReady", "Node is not ready");
        calls.push(
            Call::new(patch_status(Kind::Pod, pod_key, body))
                .because(why)
                .then_say(say)
                .forgiving(&["NotFound"]),
        );
    }
    plan.steps.push(Step::Together(calls));
}

/// Nodes by region and zone.
#[must_use]
pub fn by_zone(nodes: &[(Key, Node)]) -> BTreeMap<String, Vec<&(Key, Node)>> {
    let mut zones: BTreeMap<String, Vec<&(Key, Node)>> = BTreeMap::new();
    for entry in nodes {
        let labels = entry.1.metadata.labels.clone().unwrap_or_default();
        let of = |key: &str| labels.get(key).cloned().unwrap_or_default();
        let region = of("topology.kubernetes.io/region");
        let zone = format!("{region}:\0:{}", of("topology.kubernetes.io/zone"));
        zones.entry(zone).or_default().push(entry);
    }
    zones
}
