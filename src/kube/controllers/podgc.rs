//! The pod garbage collector: pods of nodes that no longer exist, and pods that can never end.
//!
//! Models kubernetes `pkg/controller/podgc/gc_controller.go` @v1.36 (handbook
//! kubernetes-controllers §14). It runs only while there is a candidate, at the moments at which the
//! real one runs. Left out: the limit of 12,500 finished pods and the out-of-service taint.

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::kube::api::object::Key;
use crate::kube::api::request::Request;
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{delete, patch_status};
use crate::kube::controllers::pods::{is_finished, node};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes};
use crate::kube::informer::Item;
use crate::kube::kinds::{Kind, Object};

/// How often it runs (`gcCheckPeriod`).
const PERIOD: SimDuration = SimDuration::from_secs(20);
/// How long a missing node is given to come (`quarantineTime`).
const QUARANTINE: SimDuration = SimDuration::from_secs(40);

/// When a node was first found missing.
const MISSING: &str = "missing";

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct PodGc;

fn all_pods() -> Item {
    (Kind::Pod, Key::new("", ""))
}

impl Controller for PodGc {
    fn name(&self) -> &'static str {
        "pod-garbage-collector-controller"
    }

    fn workers(&self) -> u32 {
        1
    }

    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        let candidate = match (change.kind, change.new.as_deref()) {
            (Kind::Node, None) => true,
            (Kind::Pod, Some(Object::Pod(pod))) => is_candidate(pod, sync),
            _ => false,
        };
        if candidate {
            vec![(all_pods(), sync.now.next_tick(PERIOD, SimDuration::ZERO).since(sync.now))]
        } else {
            Wakes::new()
        }
    }

    fn reconcile(&self, _item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let mut waiting = false;
        let mut missing: Vec<Item> = Vec::new();
        let candidates: Vec<(Key, Pod)> = sync
            .view
            .list::<Pod>()
            .filter(|(_, pod)| is_candidate(pod, sync))
            .map(|(key, pod)| (key.clone(), pod.clone()))
            .collect();
        for (key, pod) in &candidates {
            let name = node(pod);
            if name.is_empty() {
                let why = Message::new("why-kube-podgc-unscheduled");
                plan.call(Call::new(force(key)).because(why).forgiving(&["NotFound"]));
                continue;
            }
            let home = (Kind::Node, Key::new("", name));
            // As of the tick itself: how long the worker took to begin does not count.
            let tick = sync.now.floor_to_second();
            let since = *sync.memory.moments.entry((home.clone(), MISSING)).or_insert(tick);
            missing.push(home);
            if since + QUARANTINE > sync.now {
                waiting = true;
                continue;
            }
            remove_orphan(key, pod, name, sync, &mut plan);
        }
        sync.memory.moments.retain(|(item, _), _| missing.contains(item));
        if waiting {
            plan.again = Some(sync.now.next_tick(PERIOD, SimDuration::ZERO).since(sync.now));
        }
        plan
    }
}

fn is_candidate(pod: &Pod, sync: &Sync<'_>) -> bool {
    let name = node(pod);
    if name.is_empty() {
        return pod.metadata.deletion_timestamp.is_some();
    }
    sync.view.get::<Node>(&Key::new("", name)).is_none()
}

fn force(key: &Key) -> Request {
    let mut request = delete(Kind::Pod, key, None);
    request.options.grace_period_seconds = Some(0);
    request
}

fn remove_orphan(key: &Key, pod: &Pod, name: &str, sync: &Sync<'_>, plan: &mut Plan) {
    if !is_finished(pod) {
        let condition = json!({
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists",
            "lastTransitionTime": meta_time(sync.now),
        });
        let body = json!({"status": {"phase": "Failed", "conditions": [condition]}});
        plan.call(Call::new(patch_status(Kind::Pod, key, body)).forgiving(&["NotFound"]));
    }
    let why = Message::new("why-kube-podgc-orphan").with("node", name);
    plan.call(Call::new(force(key)).because(why).forgiving(&["NotFound"]));
}
