//! Disruption budgets, autoscalers, priorities, roles, runtime classes.

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricSpec, MetricTarget};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role, RoleRef, Subject};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::field::{At, Errors, Shown};
use super::{names, selector, workload};
use crate::kube::api::quantity::amount;

/// Highest value of a class that is not the system's (`HighestUserDefinablePriority`).
const USER_PRIORITY_MAX: i32 = 1_000_000_000;

/// PodDisruptionBudget.
pub fn budget(of: &PodDisruptionBudget, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = of.spec.clone().unwrap_or_default();
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        // The internal type has no JSON names.
        let text = |v: &Option<IntOrString>| match v {
            Some(v) => serde_json::to_value(v).unwrap_or(Value::Null),
            None => Value::Null,
        };
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\
             \"UnhealthyPodEvictionPolicy\":{}}}",
            text(&spec.min_available),
            json!(spec.selector),
            text(&spec.max_unavailable),
            json!(spec.unhealthy_pod_eviction_policy),
        );
        errors.invalid(
            &at,
            Shown::raw(shown),
            "minAvailable and maxUnavailable cannot be both set",
        );
    }
    for (field, value) in
        [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)]
    {
        workload::amount(value.as_ref(), &at.child(field), errors);
        workload::not_above_100(value.as_ref(), &at.child(field), errors);
    }
    if let Some(policy) = &spec.unhealthy_pod_eviction_policy {
        let allowed = ["AlwaysAllow", "IfHealthyBudget"];
        errors.one_of(&at.child("unhealthyPodEvictionPolicy"), policy, &allowed);
    }
    if let Some(pods) = &spec.selector {
        selector::label_selector(pods, &at.child("selector"), errors);
    }
}

/// HorizontalPodAutoscaler.
pub fn autoscaler(of: &HorizontalPodAutoscaler, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = &of.spec;
    if let Some(least) = spec.min_replicas
        && least < 1
    {
        errors.invalid(&at.child("minReplicas"), least, "must be greater than or equal to 1");
    }
    if spec.max_replicas < 1 {
        errors.invalid(&at.child("maxReplicas"), spec.max_replicas, "must be greater than 0");
    }
    if spec.min_replicas.is_some_and(|least| spec.max_replicas < least) {
        let text = "must be greater than or equal to `minReplicas`";
        errors.invalid(&at.child("maxReplicas"), spec.max_replicas, text);
    }
    let target = &spec.scale_target_ref;
    let target_at = at.child("scaleTargetRef");
    for (field, value) in [("kind", &target.kind), ("name", &target.name)] {
        if value.is_empty() {
            errors.required(&target_at.child(field), "");
        } else {
            for why in names::path_segment(value) {
                errors.invalid(&target_at.child(field), value, &why);
            }
        }
    }
    let list = at.child("metrics");
    for (index, metric) in spec.metrics.iter().flatten().enumerate() {
        metric_spec(metric, &list.index(index), errors);
    }
}

fn metric_spec(metric: &MetricSpec, at: &At<'_>, errors: &mut Errors) {
    let allowed = ["ContainerResource", "External", "Object", "Pods", "Resource"];
    if metric.type_.is_empty() {
        errors.required(&at.child("type"), "must specify a metric source type");
        return;
    }
    errors.one_of(&at.child("type"), &metric.type_, &allowed);
    let present = [
        ("Object", "object", metric.object.is_some()),
        ("Pods", "pods", metric.pods.is_some()),
        ("Resource", "resource", metric.resource.is_some()),
        ("ContainerResource", "containerResource", metric.container_resource.is_some()),
        ("External", "external", metric.external.is_some()),
    ];
    for (kind, field, set) in present {
        if kind == metric.type_ && !set {
            let text = "must populate information for the given metric source";
            errors.required(&at.child(field), text);
        }
        if kind != metric.type_ && set {
            let text = "must populate the given metric source only";
            errors.forbidden(&at.child(field), text);
        }
    }
    if let Some(resource) = &metric.resource {
        let at = at.child("resource");
        if resource.name.is_empty() {
            errors.required(&at.child("name"), "must specify a resource name");
        }
        metric_target(&resource.target, &at.child("target"), errors);
    }
}

fn metric_target(target: &MetricTarget, at: &At<'_>, errors: &mut Errors) {
    errors.one_of(&at.child("type"), &target.type_, &["AverageValue", "Utilization", "Value"]);
    if let Some(percent) = target.average_utilization
        && percent < 1
    {
        let text = "must be greater than 0";
        errors.invalid(&at.child("averageUtilization"), percent, text);
    }
    for (field, value) in [("value", &target.value), ("averageValue", &target.average_value)] {
        if let Some(value) = value
            && amount(value).0 <= 0
        {
            errors.invalid(&at.child(field), &value.0, "must be positive");
        }
    }
    if target.average_utilization.is_none() && target.average_value.is_none() {
        let text = "must set either a target raw value or a target utilization";
        errors.required(&at.child("averageUtilization"), text);
    }
}

/// PriorityClass.
pub fn priority(of: &PriorityClass, errors: &mut Errors) {
    let name = of.metadata.name.as_deref().unwrap_or("");
    let system = name == "system-cluster-critical" || name == "system-node-critical";
    let value = of.value.unwrap_or(0);
    if name.starts_with("system-") && !system {
        let at = At::root("metadata");
        let text = "priority class names with 'system-' prefix are reserved for system use only";
        errors.forbidden(&at.child("name"), text);
    } else if !system && value > USER_PRIORITY_MAX {
        let text =
            format!("maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}");
        errors.forbidden(&At::root("value"), &text);
    }
    if let Some(policy) = &of.preemption_policy {
        let allowed = ["Never", "PreemptLowerPriority"];
        errors.one_of(&At::root("preemptionPolicy"), policy, &allowed);
    }
}

/// Role.
pub fn role(of: &Role, errors: &mut Errors) {
    rules(of.rules.as_deref().unwrap_or(&[]), true, errors);
}

/// ClusterRole.
pub fn cluster_role(of: &ClusterRole, errors: &mut Errors) {
    rules(of.rules.as_deref().unwrap_or(&[]), false, errors);
}

fn rules(rules: &[PolicyRule], namespaced: bool, errors: &mut Errors) {
    let list = At::root("rules");
    for (index, rule) in rules.iter().enumerate() {
        let at = list.index(index);
        if rule.verbs.is_empty() {
            errors.required(&at.child("verbs"), "verbs must contain at least one value");
        }
        let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        if filled(&rule.non_resource_urls) {
            let urls = json!(rule.non_resource_urls);
            if namespaced {
                let text = "namespaced rules cannot apply to non-resource URLs";
                errors.invalid(&at.child("nonResourceURLs"), &urls, text);
            }
            if filled(&rule.api_groups) || filled(&rule.resources) {
                let text = "rules cannot apply to both regular resources and non-resource URLs";
                errors.invalid(&at.child("nonResourceURLs"), &urls, text);
            }
            continue;
        }
        if !filled(&rule.api_groups) {
            let text = "resource rules must supply at least one api group";
            errors.required(&at.child("apiGroups"), text);
        }
        if !filled(&rule.resources) {
            let text = "resource rules must supply at least one resource";
            errors.required(&at.child("resources"), text);
        }
    }
}

/// RoleBinding and ClusterRoleBinding.
pub fn binding(role: &RoleRef, subjects: &[Subject], namespaced: bool, errors: &mut Errors) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let at = At::root("roleRef");
    let group = role.api_group.as_deref().unwrap_or("");
    errors.one_of(&at.child("apiGroup"), group, &[GROUP]);
    let kinds: &[&str] = if namespaced { &["ClusterRole", "Role"] } else { &["ClusterRole"] };
    errors.one_of(&at.child("kind"), &role.kind, kinds);
    if role.name.is_empty() {
        errors.required(&at.child("name"), "");
    } else {
        for why in names::path_segment(&role.name) {
            errors.invalid(&at.child("name"), &role.name, &why);
        }
    }
    let list = At::root("subjects");
    for (index, subject) in subjects.iter().enumerate() {
        let at = list.index(index);
        if subject.name.is_empty() {
            errors.required(&at.child("name"), "");
        }
        let group = subject.api_group.as_deref().unwrap_or("");
        match subject.kind.as_str() {
            "ServiceAccount" => {
                if !subject.name.is_empty() {
                    for why in names::subdomain(&subject.name) {
                        errors.invalid(&at.child("name"), &subject.name, &why);
                    }
                }
                if !group.is_empty() {
                    errors.unsupported(&at.child("apiGroup"), group, &[""]);
                }
                let space = subject.namespace.as_deref().unwrap_or("");
                if !namespaced && space.is_empty() {
                    errors.required(&at.child("namespace"), "");
                }
            }
            "User" | "Group" => errors.one_of(&at.child("apiGroup"), group, &[GROUP]),
            other => {
                let allowed = ["Group", "ServiceAccount", "User"];
                errors.unsupported(&at.child("kind"), other, &allowed);
            }
        }
    }
}
