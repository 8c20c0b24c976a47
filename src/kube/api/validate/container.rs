//! Containers: names, images, ports, environment (`pkg/apis/core/validation`).

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector,
    SecurityContext,
};

use super::field::{At, Errors, Shown};
use super::{names, probe, resources, volume};

/// Fields of a pod that a variable can show.
pub const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields of a pod that a file can show.
pub const FILE_FIELDS: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// Further fields that have a name but cannot be shown.
const OTHER_FIELDS: [&str; 4] =
    ["spec.restartPolicy", "spec.schedulerName", "spec.hostname", "status.phase"];
const CONTAINER_RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// What containers of a pod share.
pub struct Around<'a> {
    /// Names of the valid volumes.
    pub volumes: &'a [&'a str],
    /// Whether the pod uses the host's network.
    pub host_network: bool,
}

/// The containers of a pod.
pub fn containers(list: &[Container], around: &Around<'_>, at: &At<'_>, errors: &mut Errors) {
    if list.is_empty() {
        errors.required(at, "");
    }
    for (index, container) in list.iter().enumerate() {
        let one = at.index(index);
        common(container, around, &one, errors);
        if list.iter().take(index).any(|c| c.name == container.name) {
            errors.duplicate(&one.child("name"), &container.name);
        }
        probes(container, &one, errors);
        if let Some(policy) = &container.restart_policy {
            errors.one_of(&one.child("restartPolicy"), policy, &["Always", "Never", "OnFailure"]);
        }
    }
}

/// The init containers of a pod.
pub fn init_containers(
    list: &[Container],
    main: &[Container],
    around: &Around<'_>,
    at: &At<'_>,
    errors: &mut Errors,
) {
    for (index, container) in list.iter().enumerate() {
        let one = at.index(index);
        common(container, around, &one, errors);
        let taken = main.iter().chain(list.iter().take(index)).any(|c| c.name == container.name);
        if taken && !container.name.is_empty() {
            errors.duplicate(&one.child("name"), &container.name);
        }
        let policy = container.restart_policy.as_deref();
        if policy == Some("Always") {
            probes(container, &one, errors);
            continue;
        }
        if let Some(policy) = policy {
            errors.one_of(&one.child("restartPolicy"), policy, &["Always", "Never", "OnFailure"]);
        }
        let word = "may not be set for init containers without restartPolicy=Always";
        for (field, set) in [
            ("lifecycle", container.lifecycle.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
        ] {
            if set {
                errors.forbidden(&one.child(field), word);
            }
        }
    }
}

fn probes(container: &Container, at: &At<'_>, errors: &mut Errors) {
    if let Some(hooks) = &container.lifecycle {
        probe::lifecycle(hooks, &at.child("lifecycle"), errors);
    }
    for (name, given) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(given) = given {
            probe::probe(given, name, &at.child(name), errors);
        }
    }
}

fn common(container: &Container, around: &Around<'_>, at: &At<'_>, errors: &mut Errors) {
    if container.name.is_empty() {
        errors.required(&at.child("name"), "");
    } else {
        for why in names::label(&container.name) {
            errors.invalid(&at.child("name"), &container.name, &why);
        }
    }
    match container.image.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("image"), ""),
        image if image.trim() != image => {
            let text = "must not have leading or trailing whitespace";
            errors.invalid(&at.child("image"), image, text);
        }
        _ => {}
    }
    if let Some(policy) = &container.termination_message_policy {
        let allowed = ["FallbackToLogsOnError", "File"];
        errors.one_of(&at.child("terminationMessagePolicy"), policy, &allowed);
    }
    ports(container.ports.as_deref().unwrap_or(&[]), &at.child("ports"), errors);
    if around.host_network {
        host_ports(container, &at.child("ports"), errors);
    }
    env(container.env.as_deref().unwrap_or(&[]), &at.child("env"), errors);
    env_from(container.env_from.as_deref().unwrap_or(&[]), &at.child("envFrom"), errors);
    let mounts = container.volume_mounts.as_deref().unwrap_or(&[]);
    volume::mounts(mounts, around.volumes, &at.child("volumeMounts"), errors);
    let devices = container.volume_devices.as_deref().unwrap_or(&[]);
    volume::devices(devices, around.volumes, &at.child("volumeDevices"), errors);
    match container.image_pull_policy.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("imagePullPolicy"), ""),
        policy => errors.one_of(&at.child("imagePullPolicy"), policy, &PULL_POLICIES),
    }
    if let Some(wanted) = &container.resources {
        resources::container(wanted, &at.child("resources"), errors);
    }
    if let Some(context) = &container.security_context {
        security(context, &at.child("securityContext"), errors);
    }
}

fn ports(list: &[ContainerPort], at: &At<'_>, errors: &mut Errors) {
    for (index, port) in list.iter().enumerate() {
        let one = at.index(index);
        if let Some(name) = port.name.as_deref().filter(|n| !n.is_empty()) {
            let wrong = names::port_name(name);
            for why in &wrong {
                errors.invalid(&one.child("name"), name, why);
            }
            let taken = list.iter().take(index).any(|p| p.name.as_deref() == Some(name));
            if wrong.is_empty() && taken {
                errors.duplicate(&one.child("name"), name);
            }
        }
        if port.container_port == 0 {
            errors.required(&one.child("containerPort"), "");
        } else {
            probe::port_number(i64::from(port.container_port), &one.child("containerPort"), errors);
        }
        if let Some(host) = port.host_port.filter(|p| *p != 0) {
            probe::port_number(i64::from(host), &one.child("hostPort"), errors);
        }
        match port.protocol.as_deref().unwrap_or("") {
            "" => errors.required(&one.child("protocol"), ""),
            protocol => errors.one_of(&one.child("protocol"), protocol, &["SCTP", "TCP", "UDP"]),
        }
    }
}

fn host_ports(container: &Container, at: &At<'_>, errors: &mut Errors) {
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let host = port.host_port.unwrap_or(0);
        if host != port.container_port {
            let text = "must match `containerPort` when `hostNetwork` is true";
            errors.invalid(&at.index(index).child("hostPort"), host, text);
        }
    }
}

fn env(list: &[EnvVar], at: &At<'_>, errors: &mut Errors) {
    for (index, var) in list.iter().enumerate() {
        let one = at.index(index);
        if var.name.is_empty() {
            errors.required(&one.child("name"), "");
        } else {
            for why in names::env_name(&var.name) {
                errors.invalid(&one.child("name"), &var.name, &why);
            }
        }
        if let Some(from) = &var.value_from {
            let has_value = var.value.as_deref().is_some_and(|v| !v.is_empty());
            value_from(from, has_value, &one.child("valueFrom"), errors);
        }
    }
}

fn value_from(from: &EnvVarSource, has_value: bool, at: &At<'_>, errors: &mut Errors) {
    let mut sources = 0;
    if let Some(field) = &from.field_ref {
        sources += 1;
        field_ref(field, ENV_FIELDS, &at.child("fieldRef"), errors);
    }
    if let Some(resource) = &from.resource_field_ref {
        sources += 1;
        let name = resource.resource.as_str();
        let at = at.child("resourceFieldRef");
        let at = at.child("resource");
        if name.is_empty() {
            errors.required(&at, "");
        } else if !CONTAINER_RESOURCES.contains(&name) && !name.contains("hugepages-") {
            errors.unsupported(&at, name, &CONTAINER_RESOURCES);
        }
    }
    for (field, reference) in [
        ("configMapKeyRef", from.config_map_key_ref.as_ref().map(|r| (&r.name, &r.key))),
        ("secretKeyRef", from.secret_key_ref.as_ref().map(|r| (&r.name, &r.key))),
    ] {
        if let Some((name, key)) = reference {
            sources += 1;
            key_ref(name, key, &at.child(field), errors);
        }
    }
    if from.file_key_ref.is_some() {
        sources += 1;
    }
    if sources == 0 {
        errors.invalid(
            at,
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, \
             `secretKeyRef` or `fileKeyRef`",
        );
    } else if has_value {
        errors.invalid(at, "", "may not be specified when `value` is not empty");
    } else if sources > 1 {
        errors.invalid(at, "", "may not have more than one field specified at a time");
    }
}

fn key_ref(name: &str, key: &str, at: &At<'_>, errors: &mut Errors) {
    for why in names::subdomain(name) {
        errors.invalid(&at.child("name"), name, &why);
    }
    if key.is_empty() {
        errors.required(&at.child("key"), "");
    } else {
        for why in names::config_key(key) {
            errors.invalid(&at.child("key"), key, &why);
        }
    }
}

/// A reference to a field of the pod itself.
pub fn field_ref(field: &ObjectFieldSelector, allowed: &[&str], at: &At<'_>, errors: &mut Errors) {
    let path = field.field_path.as_str();
    let at = at.child("fieldPath");
    if path.is_empty() {
        errors.required(&at, "");
        return;
    }
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        let wrong = match map {
            "metadata.annotations" => names::qualified(&key.to_lowercase()),
            "metadata.labels" => names::qualified(key),
            _ => {
                let text = "does not support subscript";
                errors.invalid(&at, path, text);
                return;
            }
        };
        for why in wrong {
            errors.invalid(&at, path, &why);
        }
        return;
    }
    let known = ENV_FIELDS.contains(&path) || FILE_FIELDS.contains(&path);
    if !known && !OTHER_FIELDS.contains(&path) {
        let text = format!("error converting fieldPath: field label not supported: {path}");
        errors.invalid(&at, path, &text);
    } else if !allowed.contains(&path) {
        errors.unsupported(&at, path, allowed);
    }
}

fn env_from(list: &[EnvFromSource], at: &At<'_>, errors: &mut Errors) {
    for (index, from) in list.iter().enumerate() {
        let one = at.index(index);
        if let Some(prefix) = from.prefix.as_deref().filter(|p| !p.is_empty()) {
            for why in names::env_name(prefix) {
                errors.invalid(&one.child("prefix"), prefix, &why);
            }
        }
        let mut sources = 0;
        for (field, name) in [
            ("configMapRef", from.config_map_ref.as_ref().map(|r| &r.name)),
            ("secretRef", from.secret_ref.as_ref().map(|r| &r.name)),
        ] {
            let Some(name) = name else { continue };
            sources += 1;
            for why in names::subdomain(name) {
                errors.invalid(&one.child(field).child("name"), name, &why);
            }
        }
        if sources == 0 {
            errors.invalid(at, "", "must specify one of: `configMapRef` or `secretRef`");
        } else if sources > 1 {
            errors.invalid(at, "", "may not have more than one field specified at a time");
        }
    }
}

/// A user or group id.
pub fn id(value: Option<i64>, at: &At<'_>, errors: &mut Errors) {
    if let Some(value) = value
        && !(0..=i64::from(i32::MAX)).contains(&value)
    {
        errors.invalid(at, value, "must be between 0 and 2147483647, inclusive");
    }
}

fn security(context: &SecurityContext, at: &At<'_>, errors: &mut Errors) {
    id(context.run_as_user, &at.child("runAsUser"), errors);
    id(context.run_as_group, &at.child("runAsGroup"), errors);
    if let Some(mount) = &context.proc_mount {
        errors.one_of(&at.child("procMount"), mount, &["Default", "Unmasked"]);
    }
    if context.allow_privilege_escalation == Some(false) {
        if context.privileged == Some(true) {
            let text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.invalid(at, Shown::json(context), text);
        }
        let adds = context.capabilities.iter().flat_map(|c| c.add.iter().flatten());
        if adds.into_iter().any(|c| c == "CAP_SYS_ADMIN") {
            let text = "cannot set `allowPrivilegeEscalation` to false and \
                        `capabilities.Add` CAP_SYS_ADMIN";
            errors.invalid(at, Shown::json(context), text);
        }
    }
}
