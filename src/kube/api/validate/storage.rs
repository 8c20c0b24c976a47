//! Volumes, claims, storage classes (`pkg/apis/core/validation`, `pkg/apis/storage`).

use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeSpec,
};
use k8s_openapi::api::storage::v1::StorageClass;

use super::field::{At, Errors};
use super::{names, scheduling, selector, volume};
use crate::kube::api::quantity::amount;

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// PersistentVolume.
pub fn volume(of: &PersistentVolume, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = of.spec.clone().unwrap_or_default();
    access_modes(spec.access_modes.as_deref().unwrap_or(&[]), &at.child("accessModes"), errors);
    let capacity = spec.capacity.clone().unwrap_or_default();
    let field = at.child("capacity");
    if capacity.is_empty() {
        errors.required(&field, "");
    }
    if !capacity.contains_key("storage") || capacity.len() > 1 {
        let shown = serde_json::json!(capacity);
        if !capacity.is_empty() {
            errors.unsupported(&field, &shown, &["storage"]);
        }
    }
    for (name, quantity) in &capacity {
        if amount(quantity).0 <= 0 {
            errors.invalid(&field.key(name), &quantity.0, "must be greater than zero");
        }
    }
    let policy = spec.persistent_volume_reclaim_policy.as_deref().unwrap_or("");
    let allowed = ["Delete", "Recycle", "Retain"];
    errors.one_of(&at.child("persistentVolumeReclaimPolicy"), policy, &allowed);
    source(&spec, &at, errors);
    if let Some(required) = spec.node_affinity.as_ref().and_then(|a| a.required.as_ref()) {
        let at = at.child("nodeAffinity");
        let at = at.child("required");
        let list = at.child("nodeSelectorTerms");
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            scheduling::node_term(term, &list.index(index), errors);
        }
    }
    if let Some(class) = spec.storage_class_name.as_deref().filter(|c| !c.is_empty()) {
        for why in names::subdomain(class) {
            errors.invalid(&at.child("storageClassName"), class, &why);
        }
    }
    if let Some(mode) = &spec.volume_mode {
        errors.one_of(&at.child("volumeMode"), mode, &["Block", "Filesystem"]);
    }
}

/// Which sources a volume has, by the names of their fields.
fn sources(spec: &PersistentVolumeSpec) -> Vec<&'static str> {
    let all = [
        ("hostPath", spec.host_path.is_some()),
        ("gcePersistentDisk", spec.gce_persistent_disk.is_some()),
        ("awsElasticBlockStore", spec.aws_elastic_block_store.is_some()),
        ("glusterfs", spec.glusterfs.is_some()),
        ("flocker", spec.flocker.is_some()),
        ("nfs", spec.nfs.is_some()),
        ("rbd", spec.rbd.is_some()),
        ("quobyte", spec.quobyte.is_some()),
        ("cephfs", spec.cephfs.is_some()),
        ("iscsi", spec.iscsi.is_some()),
        ("cinder", spec.cinder.is_some()),
        ("fc", spec.fc.is_some()),
        ("flexVolume", spec.flex_volume.is_some()),
        ("azureFile", spec.azure_file.is_some()),
        ("vsphereVolume", spec.vsphere_volume.is_some()),
        ("photonPersistentDisk", spec.photon_persistent_disk.is_some()),
        ("portworxVolume", spec.portworx_volume.is_some()),
        ("azureDisk", spec.azure_disk.is_some()),
        ("scaleIO", spec.scale_io.is_some()),
        ("local", spec.local.is_some()),
        ("storageos", spec.storageos.is_some()),
        ("csi", spec.csi.is_some()),
    ];
    all.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
}

fn source(spec: &PersistentVolumeSpec, at: &At<'_>, errors: &mut Errors) {
    let given = sources(spec);
    if given.is_empty() {
        errors.required(at, "must specify a volume type");
    }
    for more in given.iter().skip(1) {
        errors.forbidden(&at.child(more), "may not specify more than 1 volume type");
    }
    if let Some(path) = &spec.host_path {
        let kind = path.type_.as_deref().unwrap_or("");
        volume::host_path(&path.path, kind, &at.child("hostPath"), errors);
        let recycled = spec.persistent_volume_reclaim_policy.as_deref() == Some("Recycle");
        if recycled && path.path.trim_end_matches('/').is_empty() {
            let text = "may not be 'recycle' for a hostPath mount of '/'";
            errors.forbidden(&at.child("persistentVolumeReclaimPolicy"), text);
        }
    }
    if let Some(nfs) = &spec.nfs {
        let at = at.child("nfs");
        if nfs.server.is_empty() {
            errors.required(&at.child("server"), "");
        }
        if nfs.path.is_empty() {
            errors.required(&at.child("path"), "");
        }
    }
    if let Some(local) = &spec.local {
        let at_local = at.child("local");
        if local.path.is_empty() {
            errors.required(&at_local.child("path"), "");
        }
        if spec.node_affinity.is_none() {
            let text = "Local volume requires node affinity";
            errors.required(&at.child("nodeAffinity"), text);
        }
    }
    if let Some(csi) = &spec.csi {
        let at = at.child("csi");
        if csi.driver.is_empty() {
            errors.required(&at.child("driver"), "");
        }
        if csi.volume_handle.is_empty() {
            errors.required(&at.child("volumeHandle"), "");
        }
    }
}

fn access_modes(modes: &[String], at: &At<'_>, errors: &mut Errors) {
    if modes.is_empty() {
        errors.required(at, "");
    }
    for mode in modes {
        errors.one_of(at, mode, &MODES);
    }
    if modes.len() > 1 && modes.iter().any(|m| m == "ReadWriteOncePod") {
        let text = "may not use ReadWriteOncePod with other access modes";
        errors.forbidden(at, text);
    }
}

/// PersistentVolumeClaim.
pub fn claim(of: &PersistentVolumeClaim, errors: &mut Errors) {
    let spec = of.spec.clone().unwrap_or_default();
    claim_spec(&spec, &At::root("spec"), errors);
}

fn claim_spec(spec: &PersistentVolumeClaimSpec, at: &At<'_>, errors: &mut Errors) {
    let modes = spec.access_modes.as_deref().unwrap_or(&[]);
    if modes.is_empty() {
        errors.required(&at.child("accessModes"), "at least 1 access mode is required");
    } else {
        access_modes(modes, &at.child("accessModes"), errors);
    }
    if let Some(labels) = &spec.selector {
        selector::label_selector(labels, &at.child("selector"), errors);
    }
    let resources = at.child("resources");
    let requests = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
    match requests.and_then(|r| r.get("storage")) {
        None => {
            errors.required(&resources.key("storage"), "");
        }
        Some(quantity) if amount(quantity).0 <= 0 => {
            let at = resources.child("requests");
            errors.invalid(&at.key("storage"), &quantity.0, "must be greater than zero");
        }
        Some(_) => {}
    }
    if let Some(class) = spec.storage_class_name.as_deref().filter(|c| !c.is_empty()) {
        for why in names::subdomain(class) {
            errors.invalid(&at.child("storageClassName"), class, &why);
        }
    }
    if let Some(mode) = &spec.volume_mode {
        errors.one_of(&at.child("volumeMode"), mode, &["Block", "Filesystem"]);
    }
}

/// StorageClass.
pub fn class(of: &StorageClass, errors: &mut Errors) {
    if of.provisioner.is_empty() {
        errors.required(&At::root("provisioner"), "");
    }
    let policy = of.reclaim_policy.as_deref().unwrap_or("");
    errors.one_of(&At::root("reclaimPolicy"), policy, &["Delete", "Retain"]);
    let mode = of.volume_binding_mode.as_deref().unwrap_or("");
    let allowed = ["Immediate", "WaitForFirstConsumer"];
    errors.one_of(&At::root("volumeBindingMode"), mode, &allowed);
    for (key, _) in of.parameters.iter().flatten() {
        if key.is_empty() {
            errors.invalid(&At::root("parameters"), key, "field name must not be empty");
        }
    }
}
