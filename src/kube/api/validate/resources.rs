//! Requests and limits (`pkg/apis/core/validation`, `pkg/apis/core/helper`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::field::{At, Errors};
use super::names;
use crate::kube::api::quantity::amount;

/// Resources that every container may ask for.
fn standard_for_containers(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

/// Resources that may be promised twice; all others must have request and limit equal.
fn overcommits(name: &str) -> bool {
    !name.contains('/') && !name.starts_with("hugepages-")
}

/// Resources of which there are only whole ones.
fn whole(name: &str) -> bool {
    name.contains('/') && !name.starts_with("kubernetes.io/")
        || matches!(
            name,
            "pods"
                | "services"
                | "replicationcontrollers"
                | "resourcequotas"
                | "secrets"
                | "configmaps"
                | "persistentvolumeclaims"
                | "services.nodeports"
                | "services.loadbalancers"
        )
        || name.starts_with("count/")
}

/// Requests and limits of a container.
pub fn container(resources: &ResourceRequirements, at: &At<'_>, errors: &mut Errors) {
    let empty = BTreeMap::new();
    let limits = resources.limits.as_ref().unwrap_or(&empty);
    let requests = resources.requests.as_ref().unwrap_or(&empty);
    let (limits_at, requests_at) = (at.child("limits"), at.child("requests"));
    for (name, quantity) in limits {
        let at = limits_at.key(name);
        container_name(name, &at, errors);
        value(name, quantity, &at, errors);
    }
    for (name, quantity) in requests {
        let at = requests_at.key(name);
        container_name(name, &at, errors);
        value(name, quantity, &at, errors);
        match limits.get(name) {
            Some(limit) if amount(limit) != amount(quantity) && !overcommits(name) => {
                let text = format!("must be equal to {name} limit of {}", limit.0);
                errors.invalid(&requests_at, &quantity.0, &text);
            }
            Some(limit) if amount(quantity) > amount(limit) => {
                let text = format!("must be less than or equal to {name} limit of {}", limit.0);
                errors.invalid(&requests_at, &quantity.0, &text);
            }
            None if !overcommits(name) => {
                errors.required(&limits_at, "Limit must be set for non overcommitable resources");
            }
            _ => {}
        }
    }
}

fn container_name(name: &str, at: &At<'_>, errors: &mut Errors) {
    let wrong = names::qualified(name);
    for why in &wrong {
        errors.invalid(at, name, why);
    }
    if !wrong.is_empty() {
        return;
    }
    if !name.contains('/') && !standard_for_containers(name) {
        errors.invalid(at, name, "must be a standard resource type or fully qualified");
        errors.invalid(at, name, "must be a standard resource for containers");
    }
}

/// An amount that is not negative and whole where only whole ones exist.
pub fn value(name: &str, quantity: &Quantity, at: &At<'_>, errors: &mut Errors) {
    let milli = amount(quantity).0;
    if milli < 0 {
        errors.invalid(at, &quantity.0, "must be greater than or equal to 0");
    }
    if whole(name) && milli % 1000 != 0 {
        errors.invalid(at, &quantity.0, "must be an integer");
    }
}

/// A resource's name in a quota: standard, `count/…`, or fully qualified.
pub fn quota_name(name: &str, at: &At<'_>, errors: &mut Errors) {
    let wrong = names::qualified(name);
    for why in &wrong {
        errors.invalid(at, name, why);
    }
    let bare = name.strip_prefix("requests.").or(name.strip_prefix("limits.")).unwrap_or(name);
    let known = standard_for_containers(bare) || bare == "storage" || whole(name);
    if wrong.is_empty() && !name.contains('/') && !known {
        errors.invalid(at, name, "must be a standard resource type or fully qualified");
        errors.invalid(at, name, "must be a standard resource for quota");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_and_limits() {
        for (value, want) in [
            (
                json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
                "r.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
            ),
            (
                json!({"requests": {"cpu": "-1"}}),
                "r.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
            ),
            (
                json!({"requests": {"example.com/gpu": "1"}}),
                "r.limits: Required value: Limit must be set for non overcommitable resources",
            ),
            (json!({"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}), ""),
        ] {
            let resources: ResourceRequirements = serde_json::from_value(value).unwrap();
            let mut errors = Errors::default();
            container(&resources, &At::root("r"), &mut errors);
            let text: Vec<String> =
                errors.list.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(text.join("|"), want);
        }
    }
}
