//! Claims that pods use, and volumes that claims use, are not deleted before.
//!
//! Models kubernetes `pkg/controller/volume/{pvcprotection,pvprotection}` @v1.36.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::kube::controllers::calls::patch;
use crate::kube::controllers::pods::is_finished;
use crate::kube::controllers::volumes::fit;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;

/// Finalizer of claims.
const CLAIM: &str = "kubernetes.io/pvc-protection";
/// Finalizer of volumes.
const VOLUME: &str = "kubernetes.io/pv-protection";

/// Both controllers.
#[derive(Clone, Copy, Debug)]
pub struct StorageProtection;

impl Controller for StorageProtection {
    fn name(&self) -> &'static str {
        "pvc-protection-controller"
    }

    fn workers(&self) -> u32 {
        1
    }

    fn wakes(&self, change: &Change, _sync: &mut Sync<'_>) -> Wakes {
        match (change.kind, change.new.as_deref()) {
            (Kind::PersistentVolume | Kind::PersistentVolumeClaim, Some(object)) => {
                let going = object.meta().deletion_timestamp.is_some();
                let item = (change.kind, change.key.clone());
                if going { vec![now(item)] } else { Wakes::new() }
            }
            (Kind::Pod, new) => {
                let over = new.is_none_or(|o| matches!(o, Object::Pod(p) if is_finished(p)));
                let Some(Object::Pod(pod)) = change.old.as_deref().filter(|_| over) else {
                    return Wakes::new();
                };
                let key = |name| Key::new(&change.key.namespace, name);
                let claims = fit::claims_of(pod);
                claims.map(|name| now((Kind::PersistentVolumeClaim, key(name)))).collect()
            }
            _ => Wakes::new(),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "asked for claims and volumes only")]
    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let free = match item.0 {
            Kind::PersistentVolume => {
                let volume = sync.view.get::<PersistentVolume>(&item.1);
                volume.filter(|v| !in_use(v)).map(|v| (&v.metadata, VOLUME))
            }
            _ => {
                let claim = sync.view.get::<PersistentVolumeClaim>(&item.1);
                claim.filter(|_| !needed(&item.1, sync)).map(|c| (&c.metadata, CLAIM))
            }
        };
        if let Some((meta, finalizer)) = free.filter(|(m, _)| m.deletion_timestamp.is_some()) {
            plan.steps.extend(release(item, meta, finalizer).map(crate::engine::work::Step::Call));
        }
        plan
    }
}

fn in_use(volume: &PersistentVolume) -> bool {
    volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound")
}

/// Whether a pod that was given a node still needs a claim.
fn needed(claim: &Key, sync: &Sync<'_>) -> bool {
    sync.view.list_in::<Pod>(&claim.namespace).any(|(_, pod)| {
        let placed = pod.spec.as_ref().is_some_and(|s| s.node_name.is_some());
        placed && !is_finished(pod) && fit::claims_of(pod).any(|name| name == &*claim.name)
    })
}

fn release(item: &Item, meta: &ObjectMeta, finalizer: &str) -> Option<Call> {
    let mut left = meta.finalizers.clone()?;
    let before = left.len();
    left.retain(|f| f != finalizer);
    let body = json!({"metadata": {"finalizers": left, "uid": meta.uid}});
    let call = Call::new(patch(item.0, &item.1, body)).forgiving(&["NotFound", "Conflict"]);
    (left.len() < before).then_some(call)
}
