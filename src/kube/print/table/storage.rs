//! Rows of volumes, claims, configuration.

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};

use super::Row;
use crate::kube::print::describe::access_modes;

/// The columns of a CSIDriver.
pub(super) const DRIVER: &[&str] = &[
    "NAME",
    "ATTACHREQUIRED",
    "PODINFOONMOUNT",
    "STORAGECAPACITY",
    "TOKENREQUESTS",
    "REQUIRESREPUBLISH",
    "MODES",
    "AGE",
];

/// The columns of a StorageClass.
pub(super) const CLASS: &[&str] =
    &["NAME", "PROVISIONER", "RECLAIMPOLICY", "VOLUMEBINDINGMODE", "ALLOWVOLUMEEXPANSION", "AGE"];

/// The columns of a PersistentVolumeClaim.
pub(super) const CLAIM: &[&str] = &[
    "NAME",
    "STATUS",
    "VOLUME",
    "CAPACITY",
    "ACCESS MODES",
    "STORAGECLASS",
    "VOLUMEATTRIBUTESCLASS",
    "AGE",
];

/// The columns of a PersistentVolume.
pub(super) const VOLUME: &[&str] = &[
    "NAME",
    "CAPACITY",
    "ACCESS MODES",
    "RECLAIM POLICY",
    "STATUS",
    "CLAIM",
    "STORAGECLASS",
    "VOLUMEATTRIBUTESCLASS",
    "REASON",
    "AGE",
];

/// The class as the annotation of old named it.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

fn unset(value: Option<String>) -> String {
    value.filter(|v| !v.is_empty()).unwrap_or_else(|| "<unset>".to_owned())
}

pub(super) fn volume(o: &PersistentVolume, of: Row) -> Vec<String> {
    let spec = o.spec.clone().unwrap_or_default();
    let status = o.status.clone().unwrap_or_default();
    let phase = if o.metadata.deletion_timestamp.is_some() {
        "Terminating".to_owned()
    } else {
        status.phase.unwrap_or_default()
    };
    let claim = spec
        .claim_ref
        .map(|c| format!("{}/{}", c.namespace.unwrap_or_default(), c.name.unwrap_or_default()));
    let beta = o.metadata.annotations.as_ref().and_then(|a| a.get(BETA_CLASS)).cloned();
    let mut cells = vec![
        of.name,
        spec.capacity.and_then(|c| c.get("storage").map(|q| q.0.clone())).unwrap_or_default(),
        access_modes(spec.access_modes.as_ref()),
        spec.persistent_volume_reclaim_policy.unwrap_or_default(),
        phase,
        claim.unwrap_or_default(),
        beta.or(spec.storage_class_name).unwrap_or_default(),
        unset(spec.volume_attributes_class_name),
        status.reason.unwrap_or_default(),
        of.age,
    ];
    if of.wide {
        cells.push(unset(spec.volume_mode));
    }
    cells
}

pub(super) fn claim(o: &PersistentVolumeClaim, of: Row) -> Vec<String> {
    let spec = o.spec.clone().unwrap_or_default();
    let status = o.status.clone().unwrap_or_default();
    let phase = if o.metadata.deletion_timestamp.is_some() {
        "Terminating".to_owned()
    } else {
        status.phase.unwrap_or_default()
    };
    let volume = spec.volume_name.unwrap_or_default();
    // Size and modes are those of the bound volume.
    let (size, modes) = if volume.is_empty() {
        (String::new(), String::new())
    } else {
        let size = status.capacity.and_then(|c| c.get("storage").map(|q| q.0.clone()));
        (size.unwrap_or_default(), access_modes(status.access_modes.as_ref()))
    };
    let beta = o.metadata.annotations.as_ref().and_then(|a| a.get(BETA_CLASS)).cloned();
    let mut cells = vec![
        of.name,
        phase,
        volume,
        size,
        modes,
        beta.or(spec.storage_class_name).unwrap_or_default(),
        unset(spec.volume_attributes_class_name),
        of.age,
    ];
    if of.wide {
        cells.push(unset(spec.volume_mode));
    }
    cells
}

pub(super) fn class(o: &StorageClass, of: Row) -> Vec<String> {
    let marks = o.metadata.annotations.as_ref();
    let default = marks.is_some_and(|a| {
        let mark = a.get("storageclass.kubernetes.io/is-default-class");
        mark.is_some_and(|v| v == "true")
    });
    let name = if default { format!("{} (default)", of.name) } else { of.name };
    vec![
        name,
        o.provisioner.clone(),
        o.reclaim_policy.clone().unwrap_or_else(|| "Delete".to_owned()),
        o.volume_binding_mode.clone().unwrap_or_else(|| "Immediate".to_owned()),
        o.allow_volume_expansion.unwrap_or(false).to_string(),
        of.age,
    ]
}

pub(super) fn driver(o: &CSIDriver, of: Row) -> Vec<String> {
    let spec = &o.spec;
    let tokens = spec.token_requests.iter().flatten().map(|t| t.audience.clone());
    let modes = spec.volume_lifecycle_modes.clone().unwrap_or_default().join(",");
    vec![
        of.name,
        spec.attach_required.unwrap_or(true).to_string(),
        spec.pod_info_on_mount.unwrap_or(false).to_string(),
        spec.storage_capacity.unwrap_or(false).to_string(),
        unset(Some(tokens.collect::<Vec<_>>().join(","))),
        spec.requires_republish.unwrap_or(false).to_string(),
        if modes.is_empty() { "<none>".to_owned() } else { modes },
        of.age,
    ]
}

pub(super) fn node(o: &CSINode, of: Row) -> Vec<String> {
    vec![of.name, o.spec.drivers.len().to_string(), of.age]
}

pub(super) fn attachment(o: &VolumeAttachment, of: Row) -> Vec<String> {
    let volume = o.spec.source.persistent_volume_name.clone().unwrap_or_default();
    let attached = o.status.as_ref().is_some_and(|s| s.attached);
    vec![
        of.name,
        o.spec.attacher.clone(),
        volume,
        o.spec.node_name.clone(),
        attached.to_string(),
        of.age,
    ]
}

pub(super) fn config_map(o: &ConfigMap, of: Row) -> Vec<String> {
    let count =
        o.data.as_ref().map_or(0, |d| d.len()) + o.binary_data.as_ref().map_or(0, |d| d.len());
    vec![of.name, count.to_string(), of.age]
}

pub(super) fn secret(o: &Secret, of: Row) -> Vec<String> {
    let count = o.data.as_ref().map_or(0, |d| d.len());
    vec![of.name, o.type_.clone().unwrap_or_default(), count.to_string(), of.age]
}
