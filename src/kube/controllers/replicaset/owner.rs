//! The two kinds that keep so many pods, as one: a ReplicationController seen as a ReplicaSet.
//!
//! Models kubernetes `pkg/controller/replication/conversion.go` @v1.36.

use std::borrow::Cow;

use k8s_openapi::api::apps::v1::{
    ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus,
};
use k8s_openapi::api::core::v1::{
    ReplicationController, ReplicationControllerCondition, ReplicationControllerSpec,
    ReplicationControllerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

use crate::kube::controllers::calls::regarding_meta;
use crate::kube::events::Regarding;
use crate::kube::informer::{Item, View};
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, contains, selects};

/// An object as the API server keeps it.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// A ReplicaSet.
    Set(Box<ReplicaSet>),
    /// A ReplicationController.
    Controller(Box<ReplicationController>),
}

/// The object of the cache, as a ReplicaSet.
#[must_use]
pub fn load<'a>(view: &'a View, item: &Item) -> Option<Cow<'a, ReplicaSet>> {
    if item.0 == Kind::ReplicaSet {
        return view.get::<ReplicaSet>(&item.1).map(Cow::Borrowed);
    }
    view.get::<ReplicationController>(&item.1).map(|rc| Cow::Owned(as_set(rc)))
}

/// Sets of a kind that would adopt a pod with these labels.
#[must_use]
pub fn wanting(view: &View, kind: Kind, namespace: &str, labels: &Labels) -> Vec<Item> {
    if kind == Kind::ReplicaSet {
        let sets = view.list_in::<ReplicaSet>(namespace);
        let wanting = sets.filter(|(_, set)| selects(&set.spec.selector, labels));
        return wanting.map(|(key, _)| (kind, key.clone())).collect();
    }
    let controllers = view.list_in::<ReplicationController>(namespace);
    let wanting = controllers.filter(|(_, rc)| {
        let selector = rc.spec.as_ref().and_then(|s| s.selector.as_ref());
        selector.is_some_and(|s| !s.is_empty() && contains(s, labels))
    });
    wanting.map(|(key, _)| (kind, key.clone())).collect()
}

/// A ReplicationController as a ReplicaSet.
fn as_set(rc: &ReplicationController) -> ReplicaSet {
    let spec = rc.spec.clone().unwrap_or_default();
    ReplicaSet {
        metadata: rc.metadata.clone(),
        spec: ReplicaSetSpec {
            min_ready_seconds: spec.min_ready_seconds,
            replicas: spec.replicas,
            selector: LabelSelector { match_labels: spec.selector, ..LabelSelector::default() },
            template: spec.template,
        },
        status: rc.status.clone().map(|status| ReplicaSetStatus {
            replicas: status.replicas,
            fully_labeled_replicas: status.fully_labeled_replicas,
            ready_replicas: status.ready_replicas,
            available_replicas: status.available_replicas,
            terminating_replicas: None,
            observed_generation: status.observed_generation,
            conditions: status.conditions.map(|list| list.into_iter().map(as_condition).collect()),
        }),
    }
}

fn as_condition(c: ReplicationControllerCondition) -> ReplicaSetCondition {
    ReplicaSetCondition {
        type_: Some(c.type_),
        status: Some(c.status),
        reason: c.reason,
        message: c.message,
        last_transition_time: c.last_transition_time,
    }
}

fn from_condition(c: ReplicaSetCondition) -> ReplicationControllerCondition {
    ReplicationControllerCondition {
        type_: c.type_.unwrap_or_default(),
        status: c.status.unwrap_or_default(),
        reason: c.reason,
        message: c.message,
        last_transition_time: c.last_transition_time,
    }
}

/// A set as its own kind again.
#[must_use]
pub fn store(kind: Kind, set: ReplicaSet) -> Stored {
    if kind == Kind::ReplicaSet {
        return Stored::Set(Box::new(set));
    }
    Stored::Controller(Box::new(ReplicationController {
        metadata: set.metadata,
        spec: Some(ReplicationControllerSpec {
            min_ready_seconds: set.spec.min_ready_seconds,
            replicas: set.spec.replicas,
            selector: set.spec.selector.match_labels,
            template: set.spec.template,
        }),
        status: set.status.map(|status| ReplicationControllerStatus {
            replicas: status.replicas,
            fully_labeled_replicas: status.fully_labeled_replicas,
            ready_replicas: status.ready_replicas,
            available_replicas: status.available_replicas,
            observed_generation: status.observed_generation,
            conditions: status
                .conditions
                .map(|list| list.into_iter().map(from_condition).collect()),
        }),
    }))
}

/// A reference that makes the set the controller of a pod.
#[must_use]
pub fn reference(kind: Kind, meta: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: kind.api_version().to_owned(),
        kind: kind.name().to_owned(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// What events about the set refer to.
#[must_use]
pub fn regarding(kind: Kind, meta: &ObjectMeta) -> Regarding {
    regarding_meta(kind, meta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn there_and_back() {
        let rc: ReplicationController = serde_json::from_value(json!({
            "metadata": {"name": "web"},
            "spec": {"replicas": 2, "selector": {"app": "web"}, "minReadySeconds": 3},
            "status": {"replicas": 2, "readyReplicas": 1, "conditions": [
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"},
            ]},
        }))
        .unwrap();
        let set = as_set(&rc);
        assert_eq!(set.spec.replicas, Some(2));
        assert_eq!(store(Kind::ReplicationController, set), Stored::Controller(Box::new(rc)));
    }
}
