//! Defaults of volumes (`pkg/apis/core/v1/defaults.go`).

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, Volume};

use super::{or, storage};

/// Permissions of files from configuration: octal 0644.
const FILE_MODE: i32 = 0o644;
/// Life of a projected token (`ExpirationSeconds`).
const TOKEN_SECONDS: i64 = 3600;

/// One volume; without a source it is an empty directory.
pub fn volume(volume: &mut Volume) {
    if !has_source(volume) {
        volume.empty_dir = Some(k8s_openapi::api::core::v1::EmptyDirVolumeSource::default());
    }
    if let Some(source) = &mut volume.config_map {
        source.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(source) = &mut volume.secret {
        source.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(source) = &mut volume.downward_api {
        source.default_mode.get_or_insert(FILE_MODE);
        downward(source.items.iter_mut().flatten());
    }
    if let Some(source) = &mut volume.projected {
        source.default_mode.get_or_insert(FILE_MODE);
        for part in source.sources.iter_mut().flatten() {
            if let Some(token) = &mut part.service_account_token {
                token.expiration_seconds.get_or_insert(TOKEN_SECONDS);
            }
            if let Some(api) = &mut part.downward_api {
                downward(api.items.iter_mut().flatten());
            }
        }
    }
    if let Some(source) = &mut volume.host_path {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = &mut volume.iscsi {
        or(&mut source.iscsi_interface, "default");
    }
    if let Some(source) = &mut volume.rbd {
        or(&mut source.pool, "rbd");
        or(&mut source.user, "admin");
        or(&mut source.keyring, "/etc/ceph/keyring");
    }
    if let Some(source) = &mut volume.azure_disk {
        or(&mut source.caching_mode, "ReadWrite");
        or(&mut source.kind, "Shared");
        or(&mut source.fs_type, "ext4");
        source.read_only.get_or_insert(false);
    }
    if let Some(source) = &mut volume.scale_io {
        or(&mut source.storage_mode, "ThinProvisioned");
        or(&mut source.fs_type, "xfs");
    }
    if let Some(template) = volume.ephemeral.as_mut().and_then(|e| e.volume_claim_template.as_mut())
    {
        storage::claim_spec(&mut template.spec);
    }
}

fn downward<'a>(items: impl Iterator<Item = &'a mut DownwardAPIVolumeFile>) {
    for item in items {
        if let Some(field) = &mut item.field_ref {
            or(&mut field.api_version, "v1");
        }
    }
}

/// The names of the sources that are set, in the order in which the real validation looks at them.
#[must_use]
pub fn sources(v: &Volume) -> Vec<&'static str> {
    let all = [
        ("emptyDir", v.empty_dir.is_some()),
        ("hostPath", v.host_path.is_some()),
        ("gitRepo", v.git_repo.is_some()),
        ("gcePersistentDisk", v.gce_persistent_disk.is_some()),
        ("awsElasticBlockStore", v.aws_elastic_block_store.is_some()),
        ("secret", v.secret.is_some()),
        ("nfs", v.nfs.is_some()),
        ("iscsi", v.iscsi.is_some()),
        ("glusterfs", v.glusterfs.is_some()),
        ("flocker", v.flocker.is_some()),
        ("persistentVolumeClaim", v.persistent_volume_claim.is_some()),
        ("rbd", v.rbd.is_some()),
        ("cinder", v.cinder.is_some()),
        ("cephfs", v.cephfs.is_some()),
        ("quobyte", v.quobyte.is_some()),
        ("downwardAPI", v.downward_api.is_some()),
        ("fc", v.fc.is_some()),
        ("flexVolume", v.flex_volume.is_some()),
        ("configMap", v.config_map.is_some()),
        ("azureFile", v.azure_file.is_some()),
        ("vsphereVolume", v.vsphere_volume.is_some()),
        ("photonPersistentDisk", v.photon_persistent_disk.is_some()),
        ("portworxVolume", v.portworx_volume.is_some()),
        ("azureDisk", v.azure_disk.is_some()),
        ("storageos", v.storageos.is_some()),
        ("projected", v.projected.is_some()),
        ("scaleIO", v.scale_io.is_some()),
        ("csi", v.csi.is_some()),
        ("ephemeral", v.ephemeral.is_some()),
        ("image", v.image.is_some()),
    ];
    all.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
}

fn has_source(volume: &Volume) -> bool {
    !sources(volume).is_empty()
}
