//! Defaults of pods, pod templates and containers (`pkg/apis/core/v1/defaults.go`).

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EphemeralContainer, Lifecycle, LifecycleHandler, Pod,
    PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
};

use super::{or, volume};

/// A pod: its spec, requests from limits, host ports, service links, its first status.
pub fn pod(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    pod_spec(spec);
    spec.enable_service_links.get_or_insert(true);
    let containers = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
    for container in containers {
        if let Some(resources) = &mut container.resources {
            requests_from_limits(resources);
        }
        if spec.host_network == Some(true) {
            for port in container.ports.iter_mut().flatten() {
                if port.host_port.unwrap_or(0) == 0 {
                    port.host_port = Some(port.container_port);
                }
            }
        }
    }
    if let Some(resources) = &mut spec.resources {
        requests_from_limits(resources);
    }
    or(&mut pod.status.get_or_insert_default().phase, "Pending");
}

fn requests_from_limits(resources: &mut ResourceRequirements) {
    let Some(limits) = &resources.limits else { return };
    let requests = resources.requests.get_or_insert_default();
    for (resource, amount) in limits {
        requests.entry(resource.clone()).or_insert_with(|| amount.clone());
    }
}

/// A template: the same without what only a pod gets.
pub fn template(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    pod_spec(template.spec.get_or_insert_default());
}

fn pod_spec(spec: &mut PodSpec) {
    or(&mut spec.dns_policy, "ClusterFirst");
    or(&mut spec.restart_policy, "Always");
    or(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    // A negative period counts as the shortest (`SetDefaults`/conversion since 1.25).
    let grace = spec.termination_grace_period_seconds.get_or_insert(30);
    if *grace < 0 {
        *grace = 1;
    }
    match (&spec.service_account_name, &spec.service_account) {
        (Some(name), _) if !name.is_empty() => spec.service_account = Some(name.clone()),
        (_, Some(name)) if !name.is_empty() => spec.service_account_name = Some(name.clone()),
        _ => {}
    }
    if spec.host_network == Some(false) {
        spec.host_network = None;
    }
    for (flag, of) in [(&mut spec.host_ipc, "ipc"), (&mut spec.host_pid, "pid")] {
        debug_assert!(!of.is_empty(), "names the flag");
        if *flag == Some(false) {
            *flag = None;
        }
    }
    for volume in spec.volumes.iter_mut().flatten() {
        volume::volume(volume);
    }
    for init in spec.init_containers.iter_mut().flatten() {
        container(init);
    }
    for main in &mut spec.containers {
        container(main);
    }
    for ephemeral in spec.ephemeral_containers.iter_mut().flatten() {
        ephemeral_container(ephemeral);
    }
}

fn container(container: &mut Container) {
    pull_policy(&mut container.image_pull_policy, container.image.as_deref());
    or(&mut container.termination_message_path, "/dev/termination-log");
    or(&mut container.termination_message_policy, "File");
    container.resources.get_or_insert_default();
    for probe in [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ]
    .into_iter()
    .flatten()
    {
        self::probe(probe);
    }
    if let Some(hooks) = &mut container.lifecycle {
        lifecycle(hooks);
    }
    ports(container.ports.iter_mut().flatten());
    env(container.env.iter_mut().flatten());
    if let Some(context) = &mut container.security_context
        && context.proc_mount.as_deref() == Some("")
    {
        context.proc_mount = None;
    }
    if let Some(mounts) = &mut container.volume_mounts {
        for mount in mounts {
            if mount.read_only == Some(false) {
                mount.read_only = None;
            }
        }
    }
    // Go writes these only when they are true.
    for flag in [&mut container.stdin, &mut container.stdin_once, &mut container.tty] {
        if *flag == Some(false) {
            *flag = None;
        }
    }
}

fn ephemeral_container(container: &mut EphemeralContainer) {
    pull_policy(&mut container.image_pull_policy, container.image.as_deref());
    or(&mut container.termination_message_path, "/dev/termination-log");
    or(&mut container.termination_message_policy, "File");
    container.resources.get_or_insert_default();
    env(container.env.iter_mut().flatten());
}

/// `latest`, or no tag at all, is always pulled.
fn pull_policy(policy: &mut Option<String>, image: Option<&str>) {
    let image = image.unwrap_or("");
    let last = image.rsplit('/').next().unwrap_or("");
    let latest = match last.split_once('@') {
        Some(_) => false,
        None => last.split_once(':').is_none_or(|(_, tag)| tag == "latest"),
    };
    or(policy, if latest { "Always" } else { "IfNotPresent" });
}

fn ports<'a>(ports: impl Iterator<Item = &'a mut ContainerPort>) {
    for port in ports {
        or(&mut port.protocol, "TCP");
        if port.host_port == Some(0) {
            port.host_port = None;
        }
        if port.name.as_deref() == Some("") {
            port.name = None;
        }
    }
}

fn env<'a>(env: impl Iterator<Item = &'a mut EnvVar>) {
    for var in env {
        if var.value.as_deref() == Some("") {
            var.value = None;
        }
        if let Some(from) = &mut var.value_from {
            if let Some(field) = &mut from.field_ref {
                or(&mut field.api_version, "v1");
            }
            if let Some(resource) = &mut from.resource_field_ref {
                let zero = || k8s_openapi::apimachinery::pkg::api::resource::Quantity("0".into());
                resource.divisor.get_or_insert_with(zero);
            }
        }
    }
}

fn probe(probe: &mut Probe) {
    for (field, value) in [
        (&mut probe.timeout_seconds, 1),
        (&mut probe.period_seconds, 10),
        (&mut probe.success_threshold, 1),
        (&mut probe.failure_threshold, 3),
    ] {
        if field.unwrap_or(0) == 0 {
            *field = Some(value);
        }
    }
    if probe.initial_delay_seconds == Some(0) {
        probe.initial_delay_seconds = None;
    }
    if let Some(get) = &mut probe.http_get {
        or(&mut get.path, "/");
        or(&mut get.scheme, "HTTP");
    }
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn lifecycle(hooks: &mut Lifecycle) {
    let both: [&mut Option<LifecycleHandler>; 2] = [&mut hooks.post_start, &mut hooks.pre_stop];
    for handler in both.into_iter().flatten() {
        if let Some(get) = &mut handler.http_get {
            or(&mut get.path, "/");
            or(&mut get.scheme, "HTTP");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_by_tag() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("reg:5000/nginx", "Always"),
            ("reg:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:0", "IfNotPresent"),
        ] {
            let mut given = None;
            pull_policy(&mut given, Some(image));
            assert_eq!(given.as_deref(), Some(policy), "{image}");
        }
    }
}
