//! The part of describe that shows the volumes of a pod.

use k8s_openapi::api::core::v1::{ProjectedVolumeSource, Volume};

use super::{Lines, or_none, text};

/// `Volumes:` with one block per volume.
pub fn volumes(lines: &mut Lines, space: &str, volumes: &[Volume]) {
    if volumes.is_empty() {
        lines.at(0, format!("{space}Volumes:\t<none>"));
        return;
    }
    lines.at(0, format!("{space}Volumes:"));
    let indent = if space.is_empty() { "" } else { " " };
    for volume in volumes {
        lines.at(1, format!("{indent}{}:", volume.name));
        source(lines, volume);
    }
}

fn fields(lines: &mut Lines, kind: &str, fields: &[(&str, String)]) {
    lines.at(2, format!("Type:\t{kind}"));
    for (key, value) in fields {
        lines.at(2, format!("{key}:\t{value}"));
    }
}

fn source(lines: &mut Lines, volume: &Volume) {
    let yes = |flag: Option<bool>| flag.unwrap_or(false).to_string();
    if let Some(host) = &volume.host_path {
        let kind = or_none(text(host.type_.as_ref())).to_owned();
        fields(
            lines,
            "HostPath (bare host directory volume)",
            &[("Path", host.path.clone()), ("HostPathType", kind)],
        );
    } else if let Some(empty) = &volume.empty_dir {
        let limit = empty.size_limit.as_ref().map_or("<unset>", |q| q.0.as_str()).to_owned();
        fields(
            lines,
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
            &[("Medium", text(empty.medium.as_ref()).to_owned()), ("SizeLimit", limit)],
        );
    } else if let Some(map) = &volume.config_map {
        fields(
            lines,
            "ConfigMap (a volume populated by a ConfigMap)",
            &[("Name", map.name.clone()), ("Optional", yes(map.optional))],
        );
    } else if let Some(secret) = &volume.secret {
        let name = text(secret.secret_name.as_ref()).to_owned();
        fields(
            lines,
            "Secret (a volume populated by a Secret)",
            &[("SecretName", name), ("Optional", yes(secret.optional))],
        );
    } else if let Some(claim) = &volume.persistent_volume_claim {
        fields(
            lines,
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            &[("ClaimName", claim.claim_name.clone()), ("ReadOnly", yes(claim.read_only))],
        );
    } else if let Some(nfs) = &volume.nfs {
        fields(
            lines,
            "NFS (an NFS mount that lasts the lifetime of a pod)",
            &[
                ("Server", nfs.server.clone()),
                ("Path", nfs.path.clone()),
                ("ReadOnly", yes(nfs.read_only)),
            ],
        );
    } else if let Some(info) = &volume.downward_api {
        lines.at(2, "Type:\tDownwardAPI (a volume populated by information about the pod)");
        lines.at(2, "Items:");
        for item in info.items.iter().flatten() {
            if let Some(field) = &item.field_ref {
                lines.at(3, format!("{} -> {}", field.field_path, item.path));
            }
            if let Some(field) = &item.resource_field_ref {
                lines.at(3, format!("{} -> {}", field.resource, item.path));
            }
        }
    } else if let Some(projected) = &volume.projected {
        self::projected(lines, projected);
    } else {
        lines.at(2, "<unknown>");
    }
}

fn projected(lines: &mut Lines, projected: &ProjectedVolumeSource) {
    lines.at(2, "Type:\tProjected (a volume that contains injected data from multiple sources)");
    for source in projected.sources.iter().flatten() {
        if let Some(secret) = &source.secret {
            lines.at(2, format!("SecretName:\t{}", secret.name));
            lines.at(2, format!("Optional:\t{}", secret.optional.unwrap_or(false)));
        } else if source.downward_api.is_some() {
            lines.at(2, "DownwardAPI:\ttrue");
        } else if let Some(map) = &source.config_map {
            lines.at(2, format!("ConfigMapName:\t{}", map.name));
            lines.at(2, format!("Optional:\t{}", map.optional.unwrap_or(false)));
        } else if let Some(token) = &source.service_account_token {
            let seconds = token.expiration_seconds.unwrap_or(0);
            lines.at(2, format!("TokenExpirationSeconds:\t{seconds}"));
        }
    }
}
