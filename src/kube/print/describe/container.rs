//! The part of describe that shows containers and pod templates.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerState, ContainerStatus, EnvFromSource, EnvVar, EnvVarSource,
    Pod, PodTemplateSpec, Probe, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Lines, amounts, date, or_none, selector, text, title_bool, volume};

/// Containers under a heading; `pod` resolves what an environment variable refers to.
pub fn containers(
    lines: &mut Lines,
    title: &str,
    space: &str,
    containers: &[Container],
    statuses: Option<&[ContainerStatus]>,
    pod: Option<&Pod>,
) {
    if containers.is_empty() {
        lines.at(0, format!("{space}{title}: <none>"));
        return;
    }
    lines.at(0, format!("{space}{title}:"));
    for container in containers {
        let status = statuses.into_iter().flatten().find(|s| s.name == container.name);
        basics(lines, space, container, status);
        command(lines, "Command", container.command.as_ref());
        command(lines, "Args", container.args.as_ref());
        if let Some(status) = status {
            states(lines, status);
        }
        if let Some(resources) = &container.resources {
            amounts(lines, 2, "Limits", resources.limits.as_ref());
            amounts(lines, 2, "Requests", resources.requests.as_ref());
        }
        for (name, probe) in [
            ("Liveness", &container.liveness_probe),
            ("Readiness", &container.readiness_probe),
            ("Startup", &container.startup_probe),
        ] {
            if let Some(probe) = probe {
                lines.at(2, format!("{name}:\t{}", self::probe(probe)));
            }
        }
        environment(lines, container, pod);
        mounts(lines, container);
    }
}

fn basics(lines: &mut Lines, space: &str, container: &Container, status: Option<&ContainerStatus>) {
    let indent = if space.is_empty() { "" } else { " " };
    lines.at(1, format!("{indent}{}:", container.name));
    if let Some(status) = status {
        lines.at(2, format!("Container ID:\t{}", text(status.container_id.as_ref())));
    }
    lines.at(2, format!("Image:\t{}", text(container.image.as_ref())));
    if let Some(status) = status {
        lines.at(2, format!("Image ID:\t{}", status.image_id));
    }
    let declared = container.ports.as_deref().unwrap_or_default();
    ports(lines, "Port", declared, |p| p.container_port);
    ports(lines, "Host Port", declared, |p| p.host_port.unwrap_or(0));
}

fn ports(lines: &mut Lines, title: &str, ports: &[ContainerPort], of: fn(&ContainerPort) -> i32) {
    let shown: Vec<String> = ports
        .iter()
        .map(|port| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            match port.name.as_deref().filter(|n| !n.is_empty()) {
                Some(name) => format!("{}/{protocol} ({name})", of(port)),
                None => format!("{}/{protocol}", of(port)),
            }
        })
        .collect();
    let plural = if shown.len() > 1 { "s" } else { "" };
    lines.at(2, format!("{title}{plural}:\t{}", or_none(&shown.join(", "))));
}

fn command(lines: &mut Lines, title: &str, words: Option<&Vec<String>>) {
    let Some(words) = words.filter(|w| !w.is_empty()) else { return };
    lines.at(2, format!("{title}:"));
    for line in words.iter().flat_map(|w| w.split('\n')) {
        lines.at(3, line);
    }
}

fn states(lines: &mut Lines, status: &ContainerStatus) {
    state(lines, "State", status.state.as_ref());
    if let Some(last) = status.last_state.as_ref().filter(|s| s.terminated.is_some()) {
        state(lines, "Last State", Some(last));
    }
    lines.at(2, format!("Ready:\t{}", title_bool(status.ready)));
    lines.at(2, format!("Restart Count:\t{}", status.restart_count));
}

fn state(lines: &mut Lines, title: &str, state: Option<&ContainerState>) {
    if let Some(running) = state.and_then(|s| s.running.as_ref()) {
        lines.at(2, format!("{title}:\tRunning"));
        lines.at(3, format!("Started:\t{}", date(running.started_at.as_ref())));
        return;
    }
    if let Some(end) = state.and_then(|s| s.terminated.as_ref()) {
        lines.at(2, format!("{title}:\tTerminated"));
        for (name, value) in [("Reason", &end.reason), ("Message", &end.message)] {
            if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
                lines.at(3, format!("{name}:\t{value}"));
            }
        }
        lines.at(3, format!("Exit Code:\t{}", end.exit_code));
        if let Some(signal) = end.signal.filter(|s| *s > 0) {
            lines.at(3, format!("Signal:\t{signal}"));
        }
        lines.at(3, format!("Started:\t{}", date(end.started_at.as_ref())));
        lines.at(3, format!("Finished:\t{}", date(end.finished_at.as_ref())));
        return;
    }
    lines.at(2, format!("{title}:\tWaiting"));
    let reason = state.and_then(|s| s.waiting.as_ref()).and_then(|w| w.reason.as_deref());
    if let Some(reason) = reason.filter(|r| !r.is_empty()) {
        lines.at(3, format!("Reason:\t{reason}"));
    }
}

/// `http-get http://:80/ delay=0s timeout=1s period=10s #success=1 #failure=3`.
#[must_use]
pub fn probe(probe: &Probe) -> String {
    let numbers = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        probe.initial_delay_seconds.unwrap_or(0),
        probe.timeout_seconds.unwrap_or(0),
        probe.period_seconds.unwrap_or(0),
        probe.success_threshold.unwrap_or(0),
        probe.failure_threshold.unwrap_or(0),
    );
    let how = if let Some(exec) = &probe.exec {
        format!("exec [{}]", exec.command.clone().unwrap_or_default().join(" "))
    } else if let Some(get) = &probe.http_get {
        let scheme = get.scheme.as_deref().unwrap_or("HTTP").to_ascii_lowercase();
        let path = text(get.path.as_ref());
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        let host = text(get.host.as_ref());
        format!("http-get {scheme}://{host}:{}{slash}{path}", int_or_string(&get.port))
    } else if let Some(tcp) = &probe.tcp_socket {
        format!("tcp-socket {}:{}", text(tcp.host.as_ref()), int_or_string(&tcp.port))
    } else if let Some(grpc) = &probe.grpc {
        format!("grpc <pod>:{} {}", grpc.port, text(grpc.service.as_ref()))
    } else {
        "unknown".to_owned()
    };
    format!("{how} {numbers}")
}

/// A number, or the text.
#[must_use]
pub fn int_or_string(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(n) => n.to_string(),
        IntOrString::String(s) => s.clone(),
    }
}

fn environment(lines: &mut Lines, container: &Container, pod: Option<&Pod>) {
    let from = container.env_from.as_deref().unwrap_or_default();
    if !from.is_empty() {
        lines.at(2, "Environment Variables from:");
        for source in from {
            env_from(lines, source);
        }
    }
    let variables = container.env.as_deref().unwrap_or_default();
    if variables.is_empty() {
        lines.at(2, "Environment:\t<none>");
        return;
    }
    lines.at(2, "Environment:");
    for variable in variables {
        match &variable.value_from {
            None => plain_variable(lines, variable),
            Some(source) => {
                lines.at(3, format!("{}:\t{}", variable.name, value_of(source, container, pod)));
            }
        }
    }
}

fn plain_variable(lines: &mut Lines, variable: &EnvVar) {
    for (i, line) in text(variable.value.as_ref()).split('\n').enumerate() {
        let name = if i == 0 { format!("{}:", variable.name) } else { String::new() };
        lines.at(3, format!("{name}\t{line}"));
    }
}

fn env_from(lines: &mut Lines, source: &EnvFromSource) {
    let (kind, name, optional) = match (&source.config_map_ref, &source.secret_ref) {
        (Some(map), _) => ("ConfigMap", map.name.as_str(), map.optional),
        (None, Some(secret)) => ("Secret", secret.name.as_str(), secret.optional),
        (None, None) => ("", "", None),
    };
    let prefix = match source.prefix.as_deref().filter(|p| !p.is_empty()) {
        Some(prefix) => format!(" with prefix '{prefix}'"),
        None => String::new(),
    };
    let optional = optional.unwrap_or(false);
    lines.at(3, format!("{name}\t{kind}{prefix}\tOptional: {optional}"));
}

/// What a variable refers to, with its value where the client can know it.
fn value_of(source: &EnvVarSource, container: &Container, pod: Option<&Pod>) -> String {
    if let Some(field) = &source.field_ref {
        let version = field.api_version.as_deref().unwrap_or("v1");
        let value = pod.map(|p| pod_field(p, &field.field_path)).unwrap_or_default();
        return format!("{value} ({version}:{})", field.field_path);
    }
    if let Some(field) = &source.resource_field_ref {
        return format!("{} ({})", resource_field(&field.resource, container), field.resource);
    }
    if let Some(secret) = &source.secret_key_ref {
        return format!(
            "<set to the key '{}' in secret '{}'>\tOptional: {}",
            secret.key,
            secret.name,
            secret.optional.unwrap_or(false)
        );
    }
    if let Some(map) = &source.config_map_key_ref {
        return format!(
            "<set to the key '{}' of config map '{}'>\tOptional: {}",
            map.key,
            map.name,
            map.optional.unwrap_or(false)
        );
    }
    String::new()
}

fn pod_field(pod: &Pod, path: &str) -> String {
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let meta = &pod.metadata;
    let map_key = |map: Option<&super::Map>, prefix: &str| {
        let key = path.strip_prefix(prefix)?.strip_suffix("']")?;
        map?.get(key).cloned()
    };
    let found = match path {
        "metadata.name" => meta.name.clone(),
        "metadata.namespace" => meta.namespace.clone(),
        "metadata.uid" => meta.uid.clone(),
        "spec.nodeName" => spec.and_then(|s| s.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|s| s.service_account_name.clone()),
        "status.podIP" => status.and_then(|s| s.pod_ip.clone()),
        "status.hostIP" => status.and_then(|s| s.host_ip.clone()),
        _ => map_key(meta.labels.as_ref(), "metadata.labels['")
            .or_else(|| map_key(meta.annotations.as_ref(), "metadata.annotations['")),
    };
    found.unwrap_or_default()
}

fn resource_field(resource: &str, container: &Container) -> String {
    let (of, name) = resource.split_once('.').unwrap_or((resource, ""));
    let resources = container.resources.as_ref();
    let map = match of {
        "limits" => resources.and_then(|r| r.limits.as_ref()),
        _ => resources.and_then(|r| r.requests.as_ref()),
    };
    let value =
        map.and_then(|m| m.get(name)).and_then(|q| crate::base::quantity::Quantity::parse(&q.0));
    match value.map_or(0, crate::base::quantity::Quantity::value) {
        0 if of == "limits" && matches!(name, "cpu" | "memory") => "node allocatable".to_owned(),
        n => n.to_string(),
    }
}

fn mounts(lines: &mut Lines, container: &Container) {
    let mut mounts: Vec<_> = container.volume_mounts.iter().flatten().collect();
    mounts.sort_by(|a, b| a.mount_path.cmp(&b.mount_path));
    if mounts.is_empty() {
        lines.at(2, "Mounts:\t<none>");
        return;
    }
    lines.at(2, "Mounts:");
    for mount in mounts {
        let mode = if mount.read_only == Some(true) { "ro" } else { "rw" };
        let path = match mount.sub_path.as_deref().filter(|p| !p.is_empty()) {
            Some(path) => format!(",path=\"{path}\""),
            None => String::new(),
        };
        lines.at(3, format!("{} from {} ({mode}{path})", mount.mount_path, mount.name));
    }
}

/// `Pod Template:` of a workload.
pub fn template(lines: &mut Lines, template: Option<&PodTemplateSpec>) {
    lines.at(0, "Pod Template:");
    let Some(template) = template else {
        lines.at(1, "<unset>");
        return;
    };
    let meta = template.metadata.as_ref();
    lines.labels("  Labels", meta.and_then(|m| m.labels.as_ref()));
    let annotations = meta.and_then(|m| m.annotations.as_ref()).filter(|a| !a.is_empty());
    if annotations.is_some() {
        lines.annotations("  Annotations", annotations);
    }
    let Some(spec) = template.spec.as_ref() else { return };
    let account = text(spec.service_account_name.as_ref());
    if !account.is_empty() {
        lines.at(0, format!("  Service Account:\t{account}"));
    }
    let init = spec.init_containers.as_deref().unwrap_or_default();
    if !init.is_empty() {
        containers(lines, "Init Containers", "  ", init, None, None);
    }
    containers(lines, "Containers", "  ", &spec.containers, None, None);
    volume::volumes(lines, "  ", spec.volumes.as_deref().unwrap_or_default());
    spread(lines, "  ", spec.topology_spread_constraints.as_deref().unwrap_or_default());
    let class = text(spec.priority_class_name.as_ref());
    if !class.is_empty() {
        lines.at(0, format!("  Priority Class Name:\t{class}"));
    }
    lines.labels("  Node-Selectors", spec.node_selector.as_ref());
    tolerations(lines, "  ", spec.tolerations.as_deref().unwrap_or_default());
}

/// Topology spread constraints, when there are any.
pub fn spread(lines: &mut Lines, space: &str, constraints: &[TopologySpreadConstraint]) {
    let mut sorted: Vec<_> = constraints.iter().collect();
    sorted.sort_by(|a, b| a.topology_key.cmp(&b.topology_key));
    for (i, one) in sorted.into_iter().enumerate() {
        let start = if i == 0 { "Topology Spread Constraints:" } else { "" };
        let selector = match &one.label_selector {
            Some(s) => format!(" for selector {}", selector(Some(s))),
            None => String::new(),
        };
        let (key, when, skew) = (&one.topology_key, &one.when_unsatisfiable, one.max_skew);
        lines.at(
            0,
            format!("{space}{start}\t{key}:{when} when max skew {skew} is exceeded{selector}"),
        );
    }
}

/// Tolerations, sorted by key.
pub fn tolerations(lines: &mut Lines, space: &str, tolerations: &[Toleration]) {
    if tolerations.is_empty() {
        lines.at(0, format!("{space}Tolerations:\t<none>"));
    }
    let mut sorted: Vec<_> = tolerations.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for (i, one) in sorted.into_iter().enumerate() {
        let start = if i == 0 { "Tolerations:" } else { "" };
        lines.at(0, format!("{space}{start}\t{}", toleration(one)));
    }
}

fn toleration(one: &Toleration) -> String {
    let mut shown = text(one.key.as_ref()).to_owned();
    let value = text(one.value.as_ref());
    if !value.is_empty() {
        shown.push('=');
        shown.push_str(value);
    }
    let effect = text(one.effect.as_ref());
    if !effect.is_empty() {
        shown.push(':');
        shown.push_str(effect);
    }
    if one.operator.as_deref() == Some("Exists") && value.is_empty() {
        shown.push_str(if shown.is_empty() { "op=Exists" } else { " op=Exists" });
    }
    if let Some(seconds) = one.toleration_seconds {
        shown.push_str(&format!(" for {seconds}s"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn probes_on_one_line() {
        for (read, shown) in [
            (
                json!({"httpGet": {"port": "http", "path": "/", "scheme": "HTTP"},
                       "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
                       "failureThreshold": 3}),
                "http-get http://:http/ delay=0s timeout=1s period=10s #success=1 #failure=3",
            ),
            (
                json!({"tcpSocket": {"port": 80}}),
                "tcp-socket :80 delay=0s timeout=0s period=0s #success=0 #failure=0",
            ),
            (
                json!({"exec": {"command": ["sh", "-c", "true"]}, "initialDelaySeconds": 5}),
                "exec [sh -c true] delay=5s timeout=0s period=0s #success=0 #failure=0",
            ),
        ] {
            assert_eq!(probe(&serde_json::from_value(read).unwrap()), shown);
        }
    }

    #[test]
    fn tolerations_in_their_forms() {
        for (read, shown) in [
            (json!({"operator": "Exists"}), "op=Exists"),
            (
                json!({"key": "a/b", "operator": "Exists", "effect": "NoExecute",
                       "tolerationSeconds": 300}),
                "a/b:NoExecute op=Exists for 300s",
            ),
            (json!({"key": "k", "value": "v", "effect": "NoSchedule"}), "k=v:NoSchedule"),
        ] {
            assert_eq!(toleration(&serde_json::from_value(read).unwrap()), shown);
        }
    }

    #[test]
    fn a_template_without_anything_special() {
        let read: PodTemplateSpec = serde_json::from_value(json!({
            "metadata": {"labels": {"app": "web", "x": "y"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}
        }))
        .unwrap();
        let mut lines = Lines::default();
        template(&mut lines, Some(&read));
        assert_eq!(
            lines.finish(),
            "Pod Template:\n  Labels:  app=web\n           x=y\n  Containers:\n   nginx:\n    \
             Image:         nginx:1.27\n    Port:          <none>\n    Host Port:     <none>\n    \
             Environment:   <none>\n    Mounts:        <none>\n  Volumes:         <none>\n  \
             Node-Selectors:  <none>\n  Tolerations:     <none>\n"
        );
    }
}
