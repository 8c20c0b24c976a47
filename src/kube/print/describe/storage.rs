//! `kubectl describe` of PersistentVolumes, their claims, and StorageClasses.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec};
use k8s_openapi::api::storage::v1::StorageClass;

use super::{Around, Lines, access_modes, age, label_line, or_none, text, title_bool};

/// `kubectl describe persistentvolumeclaim`, with the names of the pods that use it.
#[must_use]
pub fn claim(of: &PersistentVolumeClaim, used_by: &[String], around: Around<'_>) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("StorageClass", text(spec.storage_class_name.as_ref()));
    if of.metadata.deletion_timestamp.is_some() {
        let since = age(of.metadata.deletion_timestamp.as_ref(), around.now);
        w.field("Status", format!("Terminating (lasts {since})"));
    } else {
        w.field("Status", text(status.phase.as_ref()));
    }
    let volume = text(spec.volume_name.as_ref());
    w.field("Volume", volume);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("Finalizers", finalizers(of.metadata.finalizers.as_deref()));
    let bound = !volume.is_empty();
    let capacity = status.capacity.as_ref().and_then(|c| c.get("storage"));
    w.field("Capacity", capacity.filter(|_| bound).map_or("", |q| q.0.as_str()));
    let modes = access_modes(status.access_modes.as_ref());
    w.field("Access Modes", if bound { modes.as_str() } else { "" });
    if let Some(mode) = &spec.volume_mode {
        w.field("VolumeMode", mode);
    }
    if let Some(source) = &spec.data_source {
        w.at(0, "DataSource:");
        w.at(1, format!("APIGroup:\t{}", text(source.api_group.as_ref())));
        w.at(1, format!("Kind:\t{}", source.kind));
        w.at(1, format!("Name:\t{}", source.name));
    }
    if used_by.is_empty() {
        w.field("Used By", "<none>");
    }
    for (i, name) in used_by.iter().enumerate() {
        let start = if i == 0 { "Used By:" } else { "" };
        w.at(0, format!("{start}\t{name}"));
    }
    w.events(around);
    w.finish()
}

fn finalizers(all: Option<&[String]>) -> String {
    format!("[{}]", all.unwrap_or_default().join(" "))
}

/// `kubectl describe persistentvolume`.
#[must_use]
pub fn volume(of: &PersistentVolume, around: Around<'_>) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.field("Name", text(of.metadata.name.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("Finalizers", finalizers(of.metadata.finalizers.as_deref()));
    w.field("StorageClass", text(spec.storage_class_name.as_ref()));
    if of.metadata.deletion_timestamp.is_some() {
        let since = age(of.metadata.deletion_timestamp.as_ref(), around.now);
        w.field("Status", format!("Terminating (lasts {since})"));
    } else {
        w.field("Status", text(status.phase.as_ref()));
    }
    let claim = spec.claim_ref.as_ref().map_or(String::new(), |r| {
        format!("{}/{}", text(r.namespace.as_ref()), text(r.name.as_ref()))
    });
    w.field("Claim", claim);
    w.field("Reclaim Policy", text(spec.persistent_volume_reclaim_policy.as_ref()));
    w.field("Access Modes", access_modes(spec.access_modes.as_ref()));
    if let Some(mode) = &spec.volume_mode {
        w.field("VolumeMode", mode);
    }
    let capacity = spec.capacity.as_ref().and_then(|c| c.get("storage"));
    w.field("Capacity", capacity.map_or("", |q| q.0.as_str()));
    w.field("Node Affinity", "<none>");
    w.field("Message", text(status.message.as_ref()));
    w.at(0, "Source:");
    source(&mut w, &spec);
    w.events(around);
    w.finish()
}

fn source(w: &mut Lines, spec: &PersistentVolumeSpec) {
    if let Some(host) = &spec.host_path {
        w.at(2, "Type:\tHostPath (bare host directory volume)");
        w.at(2, format!("Path:\t{}", host.path));
        w.at(2, format!("HostPathType:\t{}", text(host.type_.as_ref())));
    } else if let Some(nfs) = &spec.nfs {
        w.at(2, "Type:\tNFS (an NFS mount that lasts the lifetime of a pod)");
        w.at(2, format!("Server:\t{}", nfs.server));
        w.at(2, format!("Path:\t{}", nfs.path));
        w.at(2, format!("ReadOnly:\t{}", nfs.read_only.unwrap_or(false)));
    } else if let Some(local) = &spec.local {
        w.at(2, "Type:\tLocalVolume (a persistent volume backed by local storage on a node)");
        w.at(2, format!("Path:\t{}", local.path));
    } else if let Some(csi) = &spec.csi {
        w.at(2, "Type:\tCSI (a Container Storage Interface (CSI) volume source)");
        w.at(2, format!("Driver:\t{}", csi.driver));
        w.at(2, format!("VolumeHandle:\t{}", csi.volume_handle));
        w.at(2, format!("ReadOnly:\t{}", csi.read_only.unwrap_or(false)));
    } else {
        w.at(2, "<unknown>");
    }
}

/// `kubectl describe storageclass`.
#[must_use]
pub fn class(of: &StorageClass, around: Around<'_>) -> String {
    const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
    let mut w = Lines::default();
    w.field("Name", text(of.metadata.name.as_ref()));
    let annotations = of.metadata.annotations.as_ref();
    let default = annotations.and_then(|a| a.get(DEFAULT)).is_some_and(|v| v == "true");
    w.field("IsDefaultClass", if default { "Yes" } else { "No" });
    w.annotations("Annotations", annotations);
    w.field("Provisioner", &of.provisioner);
    w.field("Parameters", label_line(of.parameters.as_ref()));
    w.field("AllowVolumeExpansion", of.allow_volume_expansion.map_or("<unset>", title_bool));
    let options = of.mount_options.clone().unwrap_or_default();
    if options.is_empty() {
        w.field("MountOptions", "<none>");
    } else {
        w.at(0, "MountOptions:");
        options.iter().for_each(|o| w.at(1, o));
    }
    w.field("ReclaimPolicy", or_none(text(of.reclaim_policy.as_ref())));
    w.field("VolumeBindingMode", or_none(text(of.volume_binding_mode.as_ref())));
    w.events(around);
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn a_claim_without_a_volume() {
        let of: PersistentVolumeClaim = serde_json::from_value(json!({
            "metadata": {"name": "data-db-0", "namespace": "d", "labels": {"app": "db"},
                         "finalizers": ["kubernetes.io/pvc-protection"]},
            "spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}
        }))
        .unwrap();
        let around = Around { now: SimTime::ZERO, events: Some(&[]) };
        assert_eq!(
            claim(&of, &["db-0".to_owned()], around),
            "Name:          data-db-0\nNamespace:     d\nStorageClass:  \nStatus:        Pending\n\
             Volume:        \nLabels:        app=db\nAnnotations:   <none>\n\
             Finalizers:    [kubernetes.io/pvc-protection]\nCapacity:      \nAccess Modes:  \n\
             VolumeMode:    Filesystem\nUsed By:       db-0\nEvents:        <none>\n"
        );
    }
}
