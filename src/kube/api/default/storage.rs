//! Defaults of storage (`pkg/apis/core/v1/defaults.go`, `pkg/apis/storage`).

use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec,
};
use k8s_openapi::api::storage::v1::{CSIDriver, StorageClass};

use super::or;

/// PersistentVolume.
pub fn volume(volume: &mut PersistentVolume) {
    or(&mut volume.status.get_or_insert_default().phase, "Pending");
    let spec = volume.spec.get_or_insert_default();
    or(&mut spec.persistent_volume_reclaim_policy, "Retain");
    or(&mut spec.volume_mode, "Filesystem");
    if let Some(source) = &mut spec.host_path {
        source.type_.get_or_insert_default();
    }
}

/// PersistentVolumeClaim.
pub fn claim(claim: &mut PersistentVolumeClaim) {
    or(&mut claim.status.get_or_insert_default().phase, "Pending");
    claim_spec(claim.spec.get_or_insert_default());
}

/// The same for templates of claims.
pub fn claim_spec(spec: &mut PersistentVolumeClaimSpec) {
    or(&mut spec.volume_mode, "Filesystem");
    spec.resources.get_or_insert_default();
}

/// StorageClass.
pub fn class(class: &mut StorageClass) {
    or(&mut class.reclaim_policy, "Delete");
    or(&mut class.volume_binding_mode, "Immediate");
}

/// CSIDriver.
pub fn driver(driver: &mut CSIDriver) {
    let spec = &mut driver.spec;
    spec.attach_required.get_or_insert(true);
    spec.pod_info_on_mount.get_or_insert(false);
    spec.storage_capacity.get_or_insert(false);
    or(&mut spec.fs_group_policy, "ReadWriteOnceWithFSType");
    spec.volume_lifecycle_modes.get_or_insert_with(|| vec!["Persistent".to_owned()]);
    spec.requires_republish.get_or_insert(false);
}
