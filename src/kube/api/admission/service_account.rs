//! ServiceAccount: every pod has one, and its token is mounted into every container.
//!
//! Follows `plugin/pkg/admission/serviceaccount/admission.go`.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath,
    ObjectFieldSelector, Pod, ProjectedVolumeSource, ServiceAccount, ServiceAccountTokenProjection,
    Volume, VolumeMount, VolumeProjection,
};

use crate::base::name;
use crate::kube::api::object::{Key, Kind};
use crate::kube::api::request::ApiError;
use crate::kube::api::server::Call;

/// Where the token is mounted.
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Start of the volume's name.
const PREFIX: &str = "kube-api-access-";
/// Life of the token: an hour and some slack (`WarnOnlyBoundTokenExpirationSeconds`).
const TOKEN_SECONDS: i64 = 3607;

/// Set the default account, refuse a missing one, mount the token.
pub(super) fn admit(call: &mut Call<'_>, namespace: &str, pod: &mut Pod) -> Result<(), ApiError> {
    let spec = pod.spec.get_or_insert_default();
    if spec.service_account_name.as_deref().unwrap_or("").is_empty() {
        spec.service_account_name = Some("default".to_owned());
        spec.service_account = Some("default".to_owned());
    }
    let account_name = spec.service_account_name.clone().unwrap_or_default();
    let key = Key::new(namespace, &account_name);
    let Some(account) = call.store.typed::<ServiceAccount>(&key) else {
        let why = format!(
            "error looking up service account {namespace}/{account_name}: serviceaccount \
             \"{account_name}\" not found"
        );
        let name = pod.metadata.name.as_deref().unwrap_or("");
        return Err(ApiError::forbidden(Kind::Pod, name, &why));
    };
    if spec.image_pull_secrets.as_ref().is_none_or(Vec::is_empty) {
        spec.image_pull_secrets.clone_from(&account.image_pull_secrets);
    }
    let mounts = spec
        .automount_service_account_token
        .or(account.automount_service_account_token)
        .unwrap_or(true);
    if !mounts {
        return Ok(());
    }
    let existing = spec.volumes.iter().flatten().find(|v| v.name.starts_with(PREFIX));
    let volume_name = match existing {
        Some(volume) => volume.name.clone(),
        None => format!("{PREFIX}{}", name::suffix(call.rng, 5)),
    };
    let exists = existing.is_some();
    let mut needed = false;
    let containers = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
    for container in containers {
        let list = container.volume_mounts.get_or_insert_default();
        if list.iter().all(|m| m.mount_path != MOUNT) {
            needed = true;
            list.push(VolumeMount {
                name: volume_name.clone(),
                mount_path: MOUNT.to_owned(),
                read_only: Some(true),
                ..VolumeMount::default()
            });
        }
    }
    if needed && !exists {
        spec.volumes.get_or_insert_default().push(token_volume(volume_name));
    }
    Ok(())
}

/// The volume with token, certificate and namespace.
fn token_volume(name: String) -> Volume {
    let token = VolumeProjection {
        service_account_token: Some(ServiceAccountTokenProjection {
            expiration_seconds: Some(TOKEN_SECONDS),
            path: "token".to_owned(),
            ..ServiceAccountTokenProjection::default()
        }),
        ..VolumeProjection::default()
    };
    let certificate = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: "kube-root-ca.crt".to_owned(),
            items: Some(vec![KeyToPath {
                key: "ca.crt".to_owned(),
                path: "ca.crt".to_owned(),
                ..KeyToPath::default()
            }]),
            ..ConfigMapProjection::default()
        }),
        ..VolumeProjection::default()
    };
    let namespace = VolumeProjection {
        downward_api: Some(DownwardAPIProjection {
            items: Some(vec![DownwardAPIVolumeFile {
                path: "namespace".to_owned(),
                field_ref: Some(ObjectFieldSelector {
                    api_version: Some("v1".to_owned()),
                    field_path: "metadata.namespace".to_owned(),
                }),
                ..DownwardAPIVolumeFile::default()
            }]),
        }),
        ..VolumeProjection::default()
    };
    Volume {
        name,
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(0o644),
            sources: Some(vec![token, certificate, namespace]),
            ..ProjectedVolumeSource::default()
        }),
        ..Volume::default()
    }
}
