//! Volumes and their mounts (`pkg/apis/core/validation`).

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, KeyToPath, Volume, VolumeDevice, VolumeMount,
};

use super::field::{At, Errors};
use super::{container, names};
use crate::kube::api::default::volume::sources;
use crate::kube::api::quantity::amount;

const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];
/// Highest file mode.
const MODE_MAX: i32 = 0o777;

/// All volumes; returns the names that mounts may use.
pub fn volumes<'a>(list: &'a [Volume], at: &At<'_>, errors: &mut Errors) -> Vec<&'a str> {
    let mut known: Vec<&str> = Vec::new();
    for (index, volume) in list.iter().enumerate() {
        let at = at.index(index);
        let mut mine = Errors::default();
        source(volume, &at, &mut mine);
        let name = at.child("name");
        if volume.name.is_empty() {
            mine.required(&name, "");
        } else {
            for why in names::label(&volume.name) {
                mine.invalid(&name, &volume.name, &why);
            }
        }
        if known.contains(&volume.name.as_str()) {
            mine.duplicate(&name, &volume.name);
        }
        if mine.list.is_empty() {
            known.push(&volume.name);
        } else {
            errors.list.append(&mut mine.list);
        }
    }
    known
}

fn source(volume: &Volume, at: &At<'_>, errors: &mut Errors) {
    let given = sources(volume);
    for more in given.iter().skip(1) {
        errors.forbidden(&at.child(more), "may not specify more than 1 volume type");
    }
    let Some(first) = given.first() else {
        errors.required(at, "must specify a volume type");
        return;
    };
    let at = at.child(first);
    let required = |field: &str, value: &str, errors: &mut Errors| {
        if value.is_empty() {
            errors.required(&at.child(field), "");
        }
    };
    match *first {
        "hostPath" => {
            if let Some(path) = &volume.host_path {
                host_path(&path.path, path.type_.as_deref().unwrap_or(""), &at, errors);
            }
        }
        "emptyDir" => {
            let limit = volume.empty_dir.as_ref().and_then(|e| e.size_limit.as_ref());
            if limit.is_some_and(|q| amount(q).0 < 0) {
                errors.forbidden(
                    &at.child("sizeLimit"),
                    "SizeLimit field must be a valid resource quantity",
                );
            }
        }
        "secret" => {
            if let Some(secret) = &volume.secret {
                required("secretName", secret.secret_name.as_deref().unwrap_or(""), errors);
                mode(secret.default_mode, &at.child("defaultMode"), errors);
                items(secret.items.as_deref(), &at.child("items"), errors);
            }
        }
        "configMap" => {
            if let Some(map) = &volume.config_map {
                required("name", &map.name, errors);
                mode(map.default_mode, &at.child("defaultMode"), errors);
                items(map.items.as_deref(), &at.child("items"), errors);
            }
        }
        "nfs" => {
            if let Some(nfs) = &volume.nfs {
                required("server", &nfs.server, errors);
                required("path", &nfs.path, errors);
                if !nfs.path.starts_with('/') && !nfs.path.is_empty() {
                    errors.invalid(&at.child("path"), &nfs.path, "must be an absolute path");
                }
            }
        }
        "persistentVolumeClaim" => {
            if let Some(claim) = &volume.persistent_volume_claim {
                required("claimName", &claim.claim_name, errors);
            }
        }
        "gitRepo" => {
            if let Some(git) = &volume.git_repo {
                required("repository", &git.repository, errors);
            }
        }
        "csi" => {
            if let Some(csi) = &volume.csi {
                required("driver", &csi.driver, errors);
            }
        }
        "downwardAPI" => {
            if let Some(api) = &volume.downward_api {
                downward(api.items.as_deref(), &at.child("items"), errors);
            }
        }
        "projected" => projected(volume, &at, errors),
        _ => {}
    }
}

/// A path of the host.
pub fn host_path(path: &str, kind: &str, at: &At<'_>, errors: &mut Errors) {
    if path.is_empty() {
        errors.required(&at.child("path"), "");
    } else if path.split('/').any(|part| part == "..") {
        errors.invalid(&at.child("path"), path, "must not contain '..'");
    }
    errors.one_of(&at.child("type"), kind, &HOST_PATH_TYPES);
}

fn projected(volume: &Volume, at: &At<'_>, errors: &mut Errors) {
    let Some(projected) = &volume.projected else { return };
    mode(projected.default_mode, &at.child("defaultMode"), errors);
    let list = at.child("sources");
    for (index, part) in projected.sources.iter().flatten().enumerate() {
        let at = list.index(index);
        if let Some(map) = &part.config_map
            && map.name.is_empty()
        {
            errors.required(&at.child("configMap").child("name"), "");
        }
        if let Some(secret) = &part.secret
            && secret.name.is_empty()
        {
            errors.required(&at.child("secret").child("name"), "");
        }
        if let Some(token) = &part.service_account_token {
            let at = at.child("serviceAccountToken");
            let seconds = token.expiration_seconds.unwrap_or(3600);
            if seconds < 600 {
                let text = "may not specify a duration less than 10 minutes";
                errors.invalid(&at.child("expirationSeconds"), seconds, text);
            }
            if token.path.is_empty() {
                errors.required(&at.child("path"), "");
            }
        }
        if let Some(api) = &part.downward_api {
            downward(api.items.as_deref(), &at.child("downwardAPI"), errors);
        }
    }
}

fn mode(mode: Option<i32>, at: &At<'_>, errors: &mut Errors) {
    if let Some(mode) = mode
        && !(0..=MODE_MAX).contains(&mode)
    {
        let text = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.invalid(at, mode, text);
    }
}

fn items(items: Option<&[KeyToPath]>, at: &At<'_>, errors: &mut Errors) {
    for (index, item) in items.unwrap_or(&[]).iter().enumerate() {
        let at = at.index(index);
        if item.key.is_empty() {
            errors.required(&at.child("key"), "");
        }
        if item.path.is_empty() {
            errors.required(&at.child("path"), "");
        } else {
            relative(&item.path, &at.child("path"), errors);
        }
        mode(item.mode, &at.child("mode"), errors);
    }
}

fn downward(list: Option<&[DownwardAPIVolumeFile]>, at: &At<'_>, errors: &mut Errors) {
    for item in list.unwrap_or(&[]) {
        if item.path.is_empty() {
            errors.required(&at.child("path"), "");
        } else {
            relative(&item.path, &at.child("path"), errors);
        }
        if let Some(field) = &item.field_ref {
            container::field_ref(field, container::FILE_FIELDS, &at.child("fieldRef"), errors);
            if item.resource_field_ref.is_some() {
                let text = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.invalid(at, "resource", text);
            }
        } else if item.resource_field_ref.is_none() {
            errors.required(
                &at.child("fieldRef"),
                "one of fieldRef and resourceFieldRef is required",
            );
        }
    }
}

/// A path below another one.
fn relative(path: &str, at: &At<'_>, errors: &mut Errors) {
    if path.starts_with('/') {
        errors.invalid(at, path, "must be a relative path");
    }
    if path.split('/').any(|part| part == "..") {
        errors.invalid(at, path, "must not contain '..'");
    }
}

/// Mounts of a container.
pub fn mounts(list: &[VolumeMount], known: &[&str], at: &At<'_>, errors: &mut Errors) {
    for (index, mount) in list.iter().enumerate() {
        let one = at.index(index);
        if mount.name.is_empty() {
            errors.required(&one.child("name"), "");
        }
        if !known.contains(&mount.name.as_str()) {
            errors.not_found(&one.child("name"), &mount.name);
        }
        if mount.mount_path.is_empty() {
            errors.required(&one.child("mountPath"), "");
        }
        if list.iter().take(index).any(|m| m.mount_path == mount.mount_path) {
            errors.invalid(&one.child("mountPath"), &mount.mount_path, "must be unique");
        }
        // Upstream leaves the index out of these two paths.
        if let Some(path) = mount.sub_path.as_deref().filter(|p| !p.is_empty()) {
            relative(path, &at.child("subPath"), errors);
        }
        if let Some(path) = mount.sub_path_expr.as_deref().filter(|p| !p.is_empty()) {
            if mount.sub_path.as_deref().is_some_and(|p| !p.is_empty()) {
                let text = "subPathExpr and subPath are mutually exclusive";
                errors.invalid(&one.child("subPathExpr"), path, text);
            }
            relative(path, &at.child("subPathExpr"), errors);
        }
        if let Some(propagation) = &mount.mount_propagation {
            let allowed = ["Bidirectional", "HostToContainer", "None"];
            errors.one_of(&one.child("mountPropagation"), propagation, &allowed);
        }
    }
}

/// Raw devices of a container.
pub fn devices(list: &[VolumeDevice], known: &[&str], at: &At<'_>, errors: &mut Errors) {
    for (index, device) in list.iter().enumerate() {
        let at = at.index(index);
        if device.name.is_empty() {
            errors.required(&at.child("name"), "");
        } else if !known.contains(&device.name.as_str()) {
            errors.not_found(&at.child("name"), &device.name);
        }
        if device.device_path.is_empty() {
            errors.required(&at.child("devicePath"), "");
        }
    }
}
