//! What an attempt reads of other objects: claims, workloads, budgets.
//!
//! Models `plugins/helper/spread.go` `DefaultSelector` and the checks of claims of
//! `plugins/volumebinding` @v1.36.

use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ReplicationController, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::kube::api::object::Key;
use crate::kube::informer::View;
use crate::kube::labels::{contains, is_empty};
use crate::kube::scheduler::plugins::volume_binding::Claim;
use crate::kube::scheduler::pod::PodInfo;
use crate::kube::scheduler::preemption::Budget;

/// The claims of a pod with their state.
#[must_use]
pub fn claims(view: &View, pod: &PodInfo) -> Vec<(String, Claim)> {
    let state = |name: &String| {
        let Some(claim) = view.get::<PersistentVolumeClaim>(&Key::new(&pod.namespace, name)) else {
            return Claim::Missing;
        };
        if claim.metadata.deletion_timestamp.is_some() {
            return Claim::Deleting;
        }
        let spec = claim.spec.clone().unwrap_or_default();
        if spec.volume_name.is_some_and(|v| !v.is_empty()) {
            return Claim::Bound;
        }
        let class = spec.storage_class_name.unwrap_or_default();
        let class = view.get::<StorageClass>(&Key::new("", &class));
        let mode = class.and_then(|c| c.volume_binding_mode.as_deref());
        if mode == Some("WaitForFirstConsumer") {
            Claim::WaitsForPod
        } else {
            Claim::UnboundImmediate
        }
    };
    pod.claims.iter().map(|name| (name.clone(), state(name))).collect()
}

/// Selector of the services and the controller that own a pod; none if there are none.
#[must_use]
pub fn owner_selector(view: &View, pod: &PodInfo) -> Option<LabelSelector> {
    let mut all = LabelSelector::default();
    for (_, service) in view.list_in::<Service>(&pod.namespace) {
        let selector = service.spec.as_ref().and_then(|s| s.selector.as_ref());
        if let Some(labels) = selector.filter(|s| !s.is_empty() && contains(s, &pod.labels)) {
            all.match_labels.get_or_insert_default().extend(labels.clone());
        }
    }
    if let Some((kind, name)) = &pod.owner {
        let key = Key::new(&pod.namespace, name);
        let selector = match kind.as_str() {
            "ReplicaSet" => view.get::<ReplicaSet>(&key).map(|s| s.spec.selector.clone()),
            "StatefulSet" => view.get::<StatefulSet>(&key).map(|s| s.spec.selector.clone()),
            "ReplicationController" => view.get::<ReplicationController>(&key).map(|c| {
                let labels = c.spec.as_ref().and_then(|s| s.selector.clone());
                LabelSelector { match_labels: labels, match_expressions: None }
            }),
            _ => None,
        };
        if let Some(selector) = selector {
            if let Some(labels) = selector.match_labels {
                all.match_labels.get_or_insert_default().extend(labels);
            }
            if let Some(expressions) = selector.match_expressions {
                all.match_expressions.get_or_insert_default().extend(expressions);
            }
        }
    }
    (!is_empty(&all)).then_some(all)
}

/// The disruption budgets.
#[must_use]
pub fn budgets(view: &View) -> Vec<Budget> {
    view.list::<PodDisruptionBudget>()
        .filter_map(|(key, budget)| {
            let selector = budget.spec.as_ref()?.selector.clone()?;
            let status = budget.status.clone().unwrap_or_default();
            let allowed = status.disruptions_allowed.unwrap_or(0);
            let disrupted = status.disrupted_pods.unwrap_or_default().into_keys().collect();
            Some(Budget { namespace: key.namespace.clone(), selector, allowed, disrupted })
        })
        .collect()
}
