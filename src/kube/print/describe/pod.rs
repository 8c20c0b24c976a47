//! `kubectl describe pod`.

use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};

use super::{Around, Lines, age, container, controlled_by, date, text, volume};

/// The whole text.
#[must_use]
pub fn pod(pod: &Pod, around: Around<'_>) -> String {
    let empty_spec = PodSpec::default();
    let empty_status = PodStatus::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty_spec);
    let status = pod.status.as_ref().unwrap_or(&empty_status);
    let mut lines = Lines::default();
    let w = &mut lines;
    head(w, pod, spec, status);
    state(w, pod, status, around);
    addresses(w, status);
    if let Some(owner) = controlled_by(&pod.metadata) {
        w.field("Controlled By", owner);
    }
    let nominated = text(status.nominated_node_name.as_ref());
    if !nominated.is_empty() {
        w.field("NominatedNodeName", nominated);
    }
    let init = spec.init_containers.as_deref().unwrap_or_default();
    if !init.is_empty() {
        let statuses = status.init_container_statuses.as_deref();
        container::containers(w, "Init Containers", "", init, statuses, Some(pod));
    }
    let statuses = status.container_statuses.as_deref();
    container::containers(w, "Containers", "", &spec.containers, statuses, Some(pod));
    gates(w, spec, status);
    conditions(w, status);
    volume::volumes(w, "", spec.volumes.as_deref().unwrap_or_default());
    w.field("QoS Class", text(status.qos_class.as_ref()));
    w.labels("Node-Selectors", spec.node_selector.as_ref());
    container::tolerations(w, "", spec.tolerations.as_deref().unwrap_or_default());
    container::spread(w, "", spec.topology_spread_constraints.as_deref().unwrap_or_default());
    w.events(around);
    lines.finish()
}

fn head(w: &mut Lines, pod: &Pod, spec: &PodSpec, status: &PodStatus) {
    w.head(&pod.metadata);
    if let Some(priority) = spec.priority {
        w.field("Priority", priority.to_string());
    }
    for (key, value) in [
        ("Priority Class Name", &spec.priority_class_name),
        ("Runtime Class Name", &spec.runtime_class_name),
        ("Service Account", &spec.service_account_name),
    ] {
        if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
            w.field(key, value);
        }
    }
    match spec.node_name.as_deref().filter(|n| !n.is_empty()) {
        Some(node) => w.field("Node", format!("{node}/{}", text(status.host_ip.as_ref()))),
        None => w.field("Node", "<none>"),
    }
    if status.start_time.is_some() {
        w.field("Start Time", date(status.start_time.as_ref()));
    }
    w.labels("Labels", pod.metadata.labels.as_ref());
    w.annotations("Annotations", pod.metadata.annotations.as_ref());
}

fn state(w: &mut Lines, pod: &Pod, status: &PodStatus, around: Around<'_>) {
    let phase = text(status.phase.as_ref());
    let over = matches!(phase, "Failed" | "Succeeded");
    if pod.metadata.deletion_timestamp.is_some() && !over {
        let since = age(pod.metadata.deletion_timestamp.as_ref(), around.now);
        w.field("Status", format!("Terminating (lasts {since})"));
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        w.field("Termination Grace Period", format!("{grace}s"));
    } else {
        w.field("Status", phase);
    }
    for (key, value) in [("Reason", &status.reason), ("Message", &status.message)] {
        if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
            w.field(key, value);
        }
    }
}

fn addresses(w: &mut Lines, status: &PodStatus) {
    w.field("IP", text(status.pod_ip.as_ref()));
    let all = status.pod_ips.as_deref().unwrap_or_default();
    if all.is_empty() {
        w.field("IPs", "<none>");
        return;
    }
    w.at(0, "IPs:");
    for one in all {
        w.at(1, format!("IP:\t{}", one.ip));
    }
}

fn gates(w: &mut Lines, spec: &PodSpec, status: &PodStatus) {
    let gates = spec.readiness_gates.as_deref().unwrap_or_default();
    if gates.is_empty() {
        return;
    }
    w.at(0, "Readiness Gates:");
    w.at(1, "Type\tStatus");
    for gate in gates {
        let found = status.conditions.iter().flatten().find(|c| c.type_ == gate.condition_type);
        let shown = found.map_or("<none>", |c| c.status.as_str());
        w.at(1, format!("{} \t{shown} ", gate.condition_type));
    }
}

fn conditions(w: &mut Lines, status: &PodStatus) {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    if conditions.is_empty() {
        return;
    }
    w.at(0, "Conditions:");
    w.at(1, "Type\tStatus");
    for condition in conditions {
        w.at(1, format!("{} \t{} ", condition.type_, condition.status));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn a_pending_pod() {
        let read: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "d"},
            "spec": {"priority": 0, "containers": [{"name": "c", "image": "nginx"}]},
            "status": {"phase": "Pending", "qosClass": "BestEffort",
                       "conditions": [{"type": "PodScheduled", "status": "False"}]}
        }))
        .unwrap();
        let shown = pod(&read, Around { now: SimTime::ZERO, events: Some(&[]) });
        assert_eq!(
            shown,
            "Name:         p\nNamespace:    d\nPriority:     0\nNode:         <none>\n\
             Labels:       <none>\nAnnotations:  <none>\nStatus:       Pending\nIP:           \n\
             IPs:          <none>\nContainers:\n  c:\n    Image:        nginx\n    \
             Port:         <none>\n    Host Port:    <none>\n    Environment:  <none>\n    \
             Mounts:       <none>\nConditions:\n  Type           Status\n  \
             PodScheduled   False \nVolumes:         <none>\nQoS Class:       BestEffort\n\
             Node-Selectors:  <none>\nTolerations:     <none>\nEvents:          <none>\n"
        );
    }
}
