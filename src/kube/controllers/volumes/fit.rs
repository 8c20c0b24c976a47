//! Which volume a claim gets.
//!
//! Models kubernetes `pkg/volume/util` `FindMatchingVolume` and
//! `pkg/controller/volume/persistentvolume/index.go` @v1.36. Left out: node affinity of volumes.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};

use crate::kube::api::object::Key;
use crate::kube::api::quantity::amount;
use crate::kube::controllers::Sync;
use crate::kube::controllers::pods::is_finished;
use crate::kube::labels::{Labels, selects};

/// The storage class that a claim names.
#[must_use]
pub fn class_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.storage_class_name.as_deref().filter(|name| !name.is_empty())
}

/// Whether a volume has no claim, or is kept for this one.
#[must_use]
pub fn is_free(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let Some(of) = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) else { return true };
    let uid = of.uid.as_deref().unwrap_or("");
    of.name == claim.metadata.name
        && of.namespace == claim.metadata.namespace
        && (uid.is_empty() || claim.metadata.uid.as_deref() == Some(uid))
}

/// The smallest volume that fits; one that is kept for the claim comes before all others.
#[must_use]
pub fn best<'a>(
    claim: &PersistentVolumeClaim,
    sync: &Sync<'a>,
) -> Option<(&'a Key, &'a PersistentVolume)> {
    let kept =
        |volume: &PersistentVolume| volume.spec.as_ref().is_some_and(|s| s.claim_ref.is_some());
    sync.view
        .list::<PersistentVolume>()
        .filter(|(_, volume)| fits(volume, claim))
        .min_by_key(|(key, volume)| (!kept(volume), capacity(volume), (*key).clone()))
}

fn capacity(volume: &PersistentVolume) -> i128 {
    let capacity = volume.spec.as_ref().and_then(|s| s.capacity.as_ref()?.get("storage"));
    capacity.map_or(0, |q| amount(q).0)
}

fn fits(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let (Some(has), Some(wants)) = (&volume.spec, &claim.spec) else { return false };
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("");
    if volume.metadata.deletion_timestamp.is_some() || !is_free(volume, claim) {
        return false;
    }
    if has.claim_ref.is_none() && phase != "Available" {
        return false;
    }
    let requests = wants.resources.as_ref().and_then(|r| r.requests.as_ref()?.get("storage"));
    let class = has.storage_class_name.as_deref().unwrap_or("");
    let modes = has.access_modes.as_deref().unwrap_or_default();
    let mode = |m: &Option<String>| m.clone().unwrap_or_else(|| "Filesystem".to_owned());
    let empty = Labels::new();
    let labels = volume.metadata.labels.as_ref().unwrap_or(&empty);
    capacity(volume) >= requests.map_or(0, |q| amount(q).0)
        && class == class_of(claim).unwrap_or("")
        && wants.access_modes.iter().flatten().all(|m| modes.contains(m))
        && mode(&has.volume_mode) == mode(&wants.volume_mode)
        && wants.selector.as_ref().is_none_or(|s| selects(s, labels))
}

/// Whether a pod that has not ended uses a claim.
#[must_use]
pub fn used(claim: &Key, sync: &Sync<'_>) -> bool {
    sync.view
        .list_in::<Pod>(&claim.namespace)
        .any(|(_, pod)| !is_finished(pod) && claims_of(pod).any(|name| name == &*claim.name))
}

/// Names of the claims of a pod.
pub fn claims_of(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.filter_map(|v| Some(v.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_fits() {
        let claim: PersistentVolumeClaim = serde_json::from_value(json!({
            "metadata": {"name": "data", "namespace": "a", "uid": "u"},
            "spec": {"accessModes": ["ReadWriteOnce"],
                     "resources": {"requests": {"storage": "1Gi"}}},
        }))
        .unwrap();
        let volume = |extra: Value, phase: &str| -> PersistentVolume {
            let mut spec = json!({
                "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"],
            });
            spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            serde_json::from_value(json!({"spec": spec, "status": {"phase": phase}})).unwrap()
        };
        for (extra, phase, want) in [
            (json!({}), "Available", true),
            (json!({}), "Released", false),
            (json!({"capacity": {"storage": "512Mi"}}), "Available", false),
            (json!({"storageClassName": "fast"}), "Available", false),
            (json!({"accessModes": ["ReadOnlyMany"]}), "Available", false),
            (json!({"volumeMode": "Block"}), "Available", false),
            (json!({"claimRef": {"namespace": "a", "name": "data"}}), "Available", true),
            (json!({"claimRef": {"namespace": "a", "name": "other"}}), "Available", false),
        ] {
            assert_eq!(fits(&volume(extra.clone(), phase), &claim), want, "{extra} {phase}");
        }
    }
}
