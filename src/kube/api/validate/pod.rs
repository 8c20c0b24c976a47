//! Pods and pod templates (`pkg/apis/core/validation`).

use k8s_openapi::api::core::v1::{Pod, PodDNSConfig, PodSpec, PodTemplateSpec};

use super::container::{self, Around};
use super::field::{At, Errors};
use super::{meta, names, resources, scheduling, volume};

const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
/// Bounds of a pod's DNS settings (`MaxDNSNameservers`, `MaxDNSSearchPaths`).
const NAMESERVERS: usize = 3;
const SEARCHES: usize = 32;

/// A pod.
pub fn pod(pod: &Pod, errors: &mut Errors) {
    let empty = PodSpec::default();
    spec(pod.spec.as_ref().unwrap_or(&empty), &[], &At::root("spec"), errors);
}

/// A template: its labels, annotations and spec. `claims` are volumes that the controller adds.
pub fn template(template: &PodTemplateSpec, claims: &[&str], at: &At<'_>, errors: &mut Errors) {
    if let Some(data) = &template.metadata {
        let at = at.child("metadata");
        meta::labels(data.labels.as_ref(), &at.child("labels"), errors);
        meta::annotations(data.annotations.as_ref(), &at.child("annotations"), errors);
    }
    let empty = PodSpec::default();
    let inner = template.spec.as_ref().unwrap_or(&empty);
    spec(inner, claims, &at.child("spec"), errors);
    if inner.ephemeral_containers.as_ref().is_some_and(|e| !e.is_empty()) {
        errors.forbidden(
            &at.child("spec").child("ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        );
    }
}

fn spec(spec: &PodSpec, claims: &[&str], at: &At<'_>, errors: &mut Errors) {
    if spec.termination_grace_period_seconds.unwrap_or(0) < 0 {
        let value = spec.termination_grace_period_seconds.unwrap_or(0);
        errors.invalid(
            &at.child("terminationGracePeriodSeconds"),
            value,
            "must be greater than or equal to 0",
        );
    }
    let list = spec.volumes.as_deref().unwrap_or(&[]);
    let mut known = volume::volumes(list, &at.child("volumes"), errors);
    known.extend(claims);
    let around = Around { volumes: &known, host_network: spec.host_network == Some(true) };
    container::containers(&spec.containers, &around, &at.child("containers"), errors);
    let inits = spec.init_containers.as_deref().unwrap_or(&[]);
    let init_at = at.child("initContainers");
    container::init_containers(inits, &spec.containers, &around, &init_at, errors);
    if let Some(own) = &spec.resources {
        resources::container(own, &at.child("resources"), errors);
    }
    gates(spec, at, errors);
    match spec.restart_policy.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("restartPolicy"), ""),
        policy => errors.one_of(&at.child("restartPolicy"), policy, &RESTART_POLICIES),
    }
    match spec.dns_policy.as_deref().unwrap_or("") {
        "" => errors.required(&at.child("dnsPolicy"), ""),
        policy => errors.one_of(&at.child("dnsPolicy"), policy, &DNS_POLICIES),
    }
    meta::labels(spec.node_selector.as_ref(), &at.child("nodeSelector"), errors);
    security(spec, &at.child("securityContext"), errors);
    if let Some(affinity) = &spec.affinity {
        scheduling::affinity(affinity, &at.child("affinity"), errors);
    }
    dns(spec, at, errors);
    let gates_at = at.child("readinessGates");
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        for why in names::qualified(&gate.condition_type) {
            let at = gates_at.index(index);
            errors.invalid(&at.child("conditionType"), &gate.condition_type, &why);
        }
    }
    let constraints = spec.topology_spread_constraints.as_deref().unwrap_or(&[]);
    scheduling::spread(constraints, &at.child("topologySpreadConstraints"), errors);
    identity(spec, at, errors);
    let tolerations = spec.tolerations.as_deref().unwrap_or(&[]);
    scheduling::tolerations(tolerations, &at.child("tolerations"), errors);
    aliases(spec, &at.child("hostAliases"), errors);
    for (field, name) in [
        ("priorityClassName", &spec.priority_class_name),
        ("runtimeClassName", &spec.runtime_class_name),
    ] {
        if let Some(name) = name.as_deref().filter(|n| !n.is_empty()) {
            for why in names::subdomain(name) {
                errors.invalid(&at.child(field), name, &why);
            }
        }
    }
    if let Some(policy) = &spec.preemption_policy {
        let allowed = ["PreemptLowerPriority", "Never"];
        errors.one_of(&at.child("preemptionPolicy"), policy, &allowed);
    }
    for (name, quantity) in spec.overhead.iter().flatten() {
        resources::value(name, quantity, &at.child("overhead").key(name), errors);
    }
}

fn gates(spec: &PodSpec, at: &At<'_>, errors: &mut Errors) {
    let list = at.child("schedulingGates");
    let gates = spec.scheduling_gates.as_deref().unwrap_or(&[]);
    for (index, gate) in gates.iter().enumerate() {
        let at = list.index(index);
        for why in names::qualified(&gate.name) {
            errors.invalid(&at, &gate.name, &why);
        }
        if gates.iter().take(index).any(|g| g.name == gate.name) {
            errors.duplicate(&at, &gate.name);
        }
    }
    if !gates.is_empty() && spec.node_name.as_deref().is_some_and(|n| !n.is_empty()) {
        let text = "cannot be set until all schedulingGates have been cleared";
        errors.forbidden(&at.child("nodeName"), text);
    }
}

/// Account, node, deadline, host name.
fn identity(spec: &PodSpec, at: &At<'_>, errors: &mut Errors) {
    for (field, name) in
        [("serviceAccountName", &spec.service_account_name), ("nodeName", &spec.node_name)]
    {
        if let Some(name) = name.as_deref().filter(|n| !n.is_empty()) {
            for why in names::subdomain(name) {
                errors.invalid(&at.child(field), name, &why);
            }
        }
    }
    if let Some(deadline) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&deadline)
    {
        let text = "must be between 1 and 2147483647, inclusive";
        errors.invalid(&at.child("activeDeadlineSeconds"), deadline, text);
    }
    for (field, name) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        if let Some(name) = name.as_deref().filter(|n| !n.is_empty()) {
            for why in names::label(name) {
                errors.invalid(&at.child(field), name, &why);
            }
        }
    }
}

fn security(spec: &PodSpec, at: &At<'_>, errors: &mut Errors) {
    let Some(context) = &spec.security_context else { return };
    container::id(context.fs_group, &at.child("fsGroup"), errors);
    container::id(context.run_as_user, &at.child("runAsUser"), errors);
    container::id(context.run_as_group, &at.child("runAsGroup"), errors);
    let groups = at.child("supplementalGroups");
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        container::id(Some(*group), &groups.index(index), errors);
    }
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let text = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.invalid(&at.child("shareProcessNamespace"), true, text);
    }
    let list = at.child("sysctls");
    let sysctls = context.sysctls.as_deref().unwrap_or(&[]);
    for (index, sysctl) in sysctls.iter().enumerate() {
        let one = list.index(index);
        if sysctl.name.is_empty() {
            errors.required(&one.child("name"), "");
        } else if sysctls.iter().take(index).any(|s| s.name == sysctl.name) {
            errors.duplicate(&one.child("name"), &sysctl.name);
        }
    }
}

fn dns(spec: &PodSpec, at: &At<'_>, errors: &mut Errors) {
    let none = spec.dns_policy.as_deref() == Some("None");
    let at = at.child("dnsConfig");
    let config = spec.dns_config.as_ref();
    let servers = config.and_then(|c: &PodDNSConfig| c.nameservers.as_deref()).unwrap_or(&[]);
    if none && config.is_none() {
        let text = "must provide `dnsConfig` when `dnsPolicy` is None";
        errors.required(&at, text);
        return;
    }
    if none && servers.is_empty() {
        let text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.required(&at.child("nameservers"), text);
    }
    if servers.len() > NAMESERVERS {
        let text = format!("must not have more than {NAMESERVERS} nameservers");
        errors.invalid(&at.child("nameservers"), &serde_json::json!(servers), &text);
    }
    let list = at.child("nameservers");
    for (index, server) in servers.iter().enumerate() {
        ip(server, &list.index(index), errors);
    }
    let searches = config.and_then(|c| c.searches.as_deref()).unwrap_or(&[]);
    if searches.len() > SEARCHES {
        let text = format!("must not have more than {SEARCHES} search paths");
        errors.invalid(&at.child("searches"), &serde_json::json!(searches), &text);
    }
}

/// An address of either family.
pub fn ip(text: &str, at: &At<'_>, errors: &mut Errors) {
    if text.parse::<std::net::IpAddr>().is_err() {
        errors.invalid(at, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
}

fn aliases(spec: &PodSpec, at: &At<'_>, errors: &mut Errors) {
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let one = at.index(index);
        ip(&alias.ip, &one.child("ip"), errors);
        for name in alias.hostnames.iter().flatten() {
            for why in names::subdomain(name) {
                errors.invalid(&one.child("hostnames"), name, &why);
            }
        }
    }
}
