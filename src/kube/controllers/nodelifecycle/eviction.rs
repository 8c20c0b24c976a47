//! Taint eviction: pods leave nodes whose NoExecute taints they do not tolerate.
//!
//! Models kubernetes `pkg/controller/tainteviction/taint_eviction.go` @v1.36.

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::kube::api::object::Key;
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{
    delete, normal, patch_status, regarding_meta, regarding_type,
};
use crate::kube::controllers::pods::node as node_of;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::events::{Regarding, Say};
use crate::kube::informer::Item;
use crate::kube::kinds::{Kind, Object};
use crate::kube::scheduler::plugins::taint_toleration::tolerates;

/// When the taints were first seen to concern the pod.
const SINCE: &str = "since";
/// The pod was deleted for it.
const FIRED: &str = "fired";

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct TaintEviction;

impl Controller for TaintEviction {
    fn name(&self) -> &'static str {
        "taint-eviction-controller"
    }

    /// `UpdateWorkerSize`.
    fn workers(&self) -> u32 {
        8
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::Node => {
                let taints = |o: Option<&Object>| match o {
                    Some(Object::Node(node)) => no_execute(node),
                    _ => Vec::new(),
                };
                if taints(change.old.as_deref()) == taints(change.new.as_deref()) {
                    return Wakes::new();
                }
                let pods = sync.view.pods_on(&change.key.name);
                pods.map(|key| now((Kind::Pod, key.clone()))).collect()
            }
            Kind::Pod => {
                let item = (Kind::Pod, change.key.clone());
                let Some(Object::Pod(pod)) = change.new.as_deref() else {
                    let waited = sync.memory.moments.contains_key(&(item.clone(), SINCE));
                    return if waited { vec![now(item)] } else { Wakes::new() };
                };
                let spec = |o: Option<&Object>| match o {
                    Some(Object::Pod(pod)) => {
                        pod.spec.as_ref().map(|s| (s.node_name.clone(), s.tolerations.clone()))
                    }
                    _ => None,
                };
                let moved = spec(change.old.as_deref()) != spec(change.new.as_deref());
                let node = sync.view.get::<Node>(&Key::new("", node_of(pod)));
                let tainted = node.is_some_and(|n| !no_execute(n).is_empty());
                if moved && tainted { vec![now(item)] } else { Wakes::new() }
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(pod) = sync.view.get::<Pod>(&item.1) else {
            // Someone else deleted it before its time was over.
            let waited = sync.memory.moments.remove(&(item.clone(), SINCE)).is_some();
            let fired = sync.memory.moments.remove(&(item.clone(), FIRED)).is_some();
            if waited && !fired {
                let meta = ObjectMeta {
                    name: Some(item.1.name.to_string()),
                    namespace: Some(item.1.namespace.to_string()),
                    ..ObjectMeta::default()
                };
                plan.says.push(cancelled(item, &regarding_meta(Kind::Pod, &meta)));
            }
            return plan;
        };
        let taints =
            sync.view.get::<Node>(&Key::new("", node_of(pod))).map(no_execute).unwrap_or_default();
        let tolerations = pod.spec.as_ref().and_then(|s| s.tolerations.as_deref()).unwrap_or(&[]);
        let since = (item.clone(), SINCE);
        match patience(&taints, tolerations) {
            Patience::Forever => {
                if sync.memory.moments.remove(&since).is_some() {
                    plan.says.push(cancelled(item, &regarding_type(pod)));
                }
            }
            Patience::For(limit) => {
                let begun = *sync.memory.moments.entry(since).or_insert(sync.now);
                let due = begun + limit;
                if sync.memory.moments.contains_key(&(item.clone(), FIRED)) {
                    return plan;
                }
                if due > sync.now {
                    plan.again = Some(due.since(sync.now));
                    let what = Message::new("why-kube-taint-tolerated-for").with("limit", limit);
                    let key = &item.1;
                    let subject =
                        crate::engine::trace::Subject::object("Pod", &key.namespace, &key.name);
                    plan.notes.push((subject, what));
                } else {
                    sync.memory.moments.insert((item.clone(), FIRED), sync.now);
                    evict(&item.1, pod, sync, &mut plan);
                }
            }
        }
        plan
    }
}

fn cancelled(item: &Item, about: &Regarding) -> Say {
    normal(about, "TaintManagerEviction", format!("Cancelling deletion of Pod {}", item.1))
}

/// How long a pod may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Forever,
    For(SimDuration),
}

fn no_execute(node: &Node) -> Vec<Taint> {
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or(&[]);
    taints.iter().filter(|t| t.effect == "NoExecute").cloned().collect()
}

/// The least patience of the tolerations in use; none at all if a taint is not tolerated.
fn patience(taints: &[Taint], tolerations: &[Toleration]) -> Patience {
    let mut least: Option<i64> = None;
    for taint in taints {
        let Some(used) = tolerations.iter().find(|t| tolerates(t, taint)) else {
            return Patience::For(SimDuration::ZERO);
        };
        if let Some(seconds) = used.toleration_seconds {
            least = Some(least.map_or(seconds, |l| l.min(seconds)));
        }
    }
    match least {
        None => Patience::Forever,
        Some(seconds) => Patience::For(SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0))),
    }
}

fn evict(key: &Key, pod: &Pod, sync: &Sync<'_>, plan: &mut Plan) {
    let text = format!("Marking for deletion Pod {key}");
    plan.says.push(normal(&regarding_type(pod), "TaintManagerEviction", text));
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastTransitionTime": meta_time(sync.now),
    });
    let body = json!({"status": {"conditions": [condition]}});
    plan.call(Call::new(patch_status(Kind::Pod, key, body)).forgiving(&["NotFound"]));
    let why = Message::new("why-kube-taint-evicts").with("node", node_of(pod));
    plan.call(
        Call::new(delete(Kind::Pod, key, pod.metadata.uid.as_deref()))
            .because(why)
            .forgiving(&["NotFound"]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_that_of_the_least_patient_toleration() {
        let taint =
            |key: &str| Taint { key: key.into(), effect: "NoExecute".into(), ..Taint::default() };
        let toleration = |key: &str, seconds: Option<i64>| Toleration {
            key: Some(key.into()),
            operator: Some("Exists".into()),
            toleration_seconds: seconds,
            ..Toleration::default()
        };
        let seconds = |s| Patience::For(SimDuration::from_secs(s));
        let both = [taint("a"), taint("b")];
        let tolerant = [toleration("a", Some(300)), toleration("b", Some(15))];
        assert_eq!(patience(&both, &tolerant), seconds(15));
        assert_eq!(patience(&both, &[toleration("a", None)]), seconds(0));
        assert_eq!(patience(&[taint("a")], &[toleration("a", None)]), Patience::Forever);
        assert_eq!(patience(&[], &[]), Patience::Forever);
    }
}
