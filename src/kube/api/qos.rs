//! Quality of service classes of pods (`pkg/apis/core/v1/helper/qos/qos.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kube::api::quantity::amount;

/// `Guaranteed`, `Burstable` or `BestEffort`.
#[must_use]
pub fn class(pod: &Pod) -> &'static str {
    let Some(spec) = &pod.spec else { return "BestEffort" };
    if let Some(resources) = &spec.resources {
        let set = |list: &Option<BTreeMap<String, Quantity>>| {
            list.iter().flatten().any(|(name, q)| counts(name) && amount(q).0 > 0)
        };
        if set(&resources.requests) || set(&resources.limits) {
            return if guaranteed(resources) { "Guaranteed" } else { "Burstable" };
        }
    }
    let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
    let empty = ResourceRequirements::default();
    let all = || containers().map(|c| c.resources.as_ref().unwrap_or(&empty));
    let any = all().any(|r| {
        let both = r.requests.iter().chain(&r.limits).flatten();
        both.into_iter().any(|(name, q)| counts(name) && amount(q).0 > 0)
    });
    if !any {
        "BestEffort"
    } else if all().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn counts(resource: &str) -> bool {
    resource == "cpu" || resource == "memory"
}

/// Both limits are set and the requests are equal to them.
fn guaranteed(resources: &ResourceRequirements) -> bool {
    ["cpu", "memory"].iter().all(|name| {
        let get = |list: &Option<BTreeMap<String, Quantity>>| {
            list.as_ref().and_then(|l| l.get(*name)).map(amount)
        };
        match (get(&resources.limits), get(&resources.requests)) {
            (Some(limit), Some(request)) => limit.0 > 0 && limit == request,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn classes() {
        for (resources, want) in [
            (json!({}), "BestEffort"),
            (json!({"requests": {"cpu": "100m"}}), "Burstable"),
            (
                json!({"requests": {"cpu": "1", "memory": "1Gi"},
                       "limits": {"cpu": "1000m", "memory": "1024Mi"}}),
                "Guaranteed",
            ),
            (json!({"requests": {"ephemeral-storage": "1Gi"}}), "BestEffort"),
        ] {
            let pod: Pod = serde_json::from_value(json!({"apiVersion": "v1", "kind": "Pod",
                "spec": {"containers": [{"name": "c", "resources": resources}]}}))
            .unwrap();
            assert_eq!(class(&pod), want);
        }
    }
}
