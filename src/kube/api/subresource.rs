//! Parts of objects with their own address: scale, binding, eviction.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use crate::base::time::SimDuration;
use crate::kube::api::admission::pod_labels;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{
    ApiError, Body, Cause, Details, Options, Request, Response, Subresource, Verb,
};
use crate::kube::api::selector::Labels;
use crate::kube::api::server::{self, Call};
use crate::kube::api::{delete, patch, write};
use crate::kube::clock;

/// Serve what is not the object itself.
pub(super) fn serve(
    call: &mut Call<'_>,
    request: &Request,
    verb: Verb,
    sub: Subresource,
    key: &Key,
) -> Result<Response, ApiError> {
    match (verb, sub) {
        (Verb::Get, Subresource::Scale) => {
            let object = server::get(call.store, request.kind, key)?;
            scale_of(&object).map(Response::Value).ok_or_else(ApiError::method_not_allowed)
        }
        (Verb::Update | Verb::Patch, Subresource::Scale) => scale(call, request, key),
        (Verb::Create, Subresource::Binding) => bind(call, request, key),
        (Verb::Create, Subresource::Eviction) => evict(call, key, &request.options),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// The selector of a workload as text, as `Scale` carries it.
fn selector_text(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten().map(|(k, v)| format!("{k}={v}"));
    let expressions = selector.match_expressions.iter().flatten().map(|e| {
        let values = e.values.clone().unwrap_or_default().join(",");
        match e.operator.as_str() {
            "In" => format!("{} in ({values})", e.key),
            "NotIn" => format!("{} notin ({values})", e.key),
            "Exists" => e.key.clone(),
            _ => format!("!{}", e.key),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

/// The `Scale` of a workload; `None` for kinds that have none.
#[must_use]
pub fn scale_of(object: &Object) -> Option<Value> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only workloads scale")]
    let (wanted, current, selector) = match object {
        Object::Deployment(o) => (
            o.spec.replicas,
            o.status.as_ref().and_then(|s| s.replicas),
            selector_text(&o.spec.selector),
        ),
        Object::ReplicaSet(o) => (
            o.spec.replicas,
            o.status.as_ref().map(|s| s.replicas),
            selector_text(&o.spec.selector),
        ),
        Object::StatefulSet(o) => (
            o.spec.replicas,
            o.status.as_ref().map(|s| s.replicas),
            selector_text(&o.spec.selector),
        ),
        Object::ReplicationController(o) => {
            let labels = o.spec.as_ref().and_then(|s| s.selector.clone());
            let selector = LabelSelector { match_labels: labels, ..LabelSelector::default() };
            (
                o.spec.as_ref().and_then(|s| s.replicas),
                o.status.as_ref().map(|s| s.replicas),
                selector_text(&selector),
            )
        }
        _ => return None,
    };
    let meta = object.meta();
    Some(json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": meta.name, "namespace": meta.namespace, "uid": meta.uid,
            "resourceVersion": meta.resource_version,
            "creationTimestamp": meta.creation_timestamp,
        },
        "spec": {"replicas": wanted.unwrap_or(0)},
        "status": {"replicas": current.unwrap_or(0), "selector": selector},
    }))
}

/// Set the number of replicas.
fn scale(call: &mut Call<'_>, request: &Request, key: &Key) -> Result<Response, ApiError> {
    let old = server::get(call.store, request.kind, key)?;
    let before = scale_of(&old).ok_or_else(ApiError::method_not_allowed)?;
    let (replicas, revision) = match &request.body {
        Body::Scale(n) => (*n, None),
        Body::Value(value) => {
            let revision = value.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            (replicas_of(value), revision.map(str::to_owned))
        }
        Body::Patch(how, patch) => {
            (replicas_of(&patch::apply(*how, request.kind, &before, patch)?), None)
        }
        Body::None | Body::Object(_) | Body::Bind(_) => {
            return Err(ApiError::bad_request("the body is missing"));
        }
    };
    if replicas < 0 {
        let cause = Cause {
            field: "spec.replicas".to_owned(),
            message: format!("Invalid value: {replicas}: must be greater than or equal to 0"),
            reason: "FieldValueInvalid",
        };
        let mut error = ApiError::invalid(request.kind, &key.name, vec![cause]);
        error.message = error.message.replacen(&request.kind.group_kind(), "Scale.autoscaling", 1);
        "Scale".clone_into(&mut error.details.kind);
        return Err(error);
    }
    let mut object = Object::clone(&old);
    #[expect(clippy::wildcard_enum_match_arm, reason = "only workloads scale")]
    match &mut object {
        Object::Deployment(o) => o.spec.replicas = Some(replicas),
        Object::ReplicaSet(o) => o.spec.replicas = Some(replicas),
        Object::StatefulSet(o) => o.spec.replicas = Some(replicas),
        Object::ReplicationController(o) => {
            o.spec.get_or_insert_default().replicas = Some(replicas);
        }
        _ => {}
    }
    object.meta_mut().resource_version = revision;
    let mut plain = request.clone();
    plain.subresource = Subresource::None;
    let new = write::update(call, object, &plain)?;
    Ok(Response::Value(scale_of(&new).unwrap_or(Value::Null)))
}

fn replicas_of(scale: &Value) -> i32 {
    let n = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Bind a pod to a node, as the scheduler does.
fn bind(call: &mut Call<'_>, request: &Request, key: &Key) -> Result<Response, ApiError> {
    let node: Arc<str> = match &request.body {
        Body::Bind(node) => node.clone(),
        Body::Value(value) => {
            value.pointer("/target/name").and_then(Value::as_str).unwrap_or("").into()
        }
        Body::None | Body::Object(_) | Body::Patch(..) | Body::Scale(_) => "".into(),
    };
    let old = server::get(call.store, Kind::Pod, key)?;
    let conflict = |why: String| Err(ApiError::conflict(Kind::Pod, &key.name, &why));
    let Object::Pod(was) = &*old else { return Err(ApiError::not_found(Kind::Pod, &key.name)) };
    if old.deleting() {
        let name = &key.name;
        return conflict(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let mut pod: Pod = was.clone();
    let spec = pod.spec.get_or_insert_default();
    if let Some(on) = spec.node_name.as_deref().filter(|n| !n.is_empty()) {
        return conflict(format!("pod {} is already assigned to node {on:?}", key.name));
    }
    if spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()) {
        let name = &key.name;
        return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    spec.node_name = Some(node.to_string());
    if let Some(labels) = call
        .store
        .typed::<Node>(&Key::cluster(&node))
        .and_then(|node| node.metadata.labels.as_ref())
    {
        pod_labels::copy(labels, &mut pod.metadata.labels);
    }
    let status = pod.status.get_or_insert_default();
    status.nominated_node_name = None;
    set_condition(
        status.conditions.get_or_insert_default(),
        PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "True".to_owned(),
            last_transition_time: Some(clock::meta_time(call.now)),
            ..PodCondition::default()
        },
    );
    if call.dry_run {
        return Ok(Response::Object(Arc::new(Object::Pod(pod))));
    }
    let change = call.store.commit(Kind::Pod, key, Some(Object::Pod(pod)), call.now, call.by);
    Ok(Response::Object(change.new.clone().unwrap_or(old)))
}

/// Set a condition; its time stays while its status does.
pub fn set_condition(list: &mut Vec<PodCondition>, mut condition: PodCondition) {
    match list.iter_mut().find(|c| c.type_ == condition.type_) {
        Some(have) => {
            if have.status == condition.status {
                condition.last_transition_time.clone_from(&have.last_transition_time);
            }
            *have = condition;
        }
        None => list.push(condition),
    }
}

/// Delete a pod if its disruption budget allows (`pkg/registry/core/pod/storage/eviction.go`).
fn evict(call: &mut Call<'_>, key: &Key, options: &Options) -> Result<Response, ApiError> {
    let old = server::get(call.store, Kind::Pod, key)?;
    let Object::Pod(pod) = &*old else { return Err(ApiError::not_found(Kind::Pod, &key.name)) };
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("");
    let free = matches!(phase, "Succeeded" | "Failed" | "Pending") || old.deleting();
    if !free {
        if contested(call, &key.namespace) {
            let why = "the object has been modified";
            return Err(ApiError::conflict(Kind::PodDisruptionBudget, &key.name, why));
        }
        budget(call, key, pod)?;
        if !call.dry_run {
            mark_disruption(call, key, pod);
        }
    }
    let mut options = options.clone();
    options.precondition_revision = None;
    delete::delete(call, Kind::Pod, key, &options)?;
    Ok(Response::Value(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})))
}

/// Evictions that kubectl drain sends at the same moment come one after the other here, this far
/// apart at most; in reality all of them have read the budget before the first one writes it.
const CONTEST: SimDuration = SimDuration::from_millis(25);
/// The contest is over when a second one got through.
const ROUND: SimDuration = SimDuration::from_secs(1);

/// Whether an eviction of the same moment has just taken from a budget: the write would be refused
/// as a conflict, and the server tries again half a second later (recorded in scheduler/18).
fn contested(call: &Call<'_>, namespace: &str) -> bool {
    let disrupted = |object: &Option<Arc<Object>>| match object.as_deref() {
        Some(Object::PodDisruptionBudget(budget)) => {
            budget.status.as_ref().and_then(|s| s.disrupted_pods.as_ref()).map_or(0, |d| d.len())
        }
        _ => 0,
    };
    let recent = call.store.changes_from(0).rev().take_while(|c| c.at + ROUND > call.now);
    let mut takes = recent.filter(|c| {
        c.kind == Kind::PodDisruptionBudget
            && *c.key.namespace == *namespace
            && disrupted(&c.new) > disrupted(&c.old)
    });
    let last = takes.next().is_some_and(|c| c.at + CONTEST > call.now);
    last && takes.next().is_none()
}

/// Ask the budgets that select a pod and take one disruption from them.
fn budget(call: &mut Call<'_>, key: &Key, pod: &Pod) -> Result<(), ApiError> {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let covers = |b: &&PodDisruptionBudget| {
        let selector = b.spec.as_ref().and_then(|s| s.selector.as_ref());
        selector.is_some_and(|s| Labels::of(s).matches(&labels))
    };
    let all = call.store.all_in::<PodDisruptionBudget>(&key.namespace);
    let mut found = all.filter(covers).cloned().collect::<Vec<_>>().into_iter();
    let Some(mut budget) = found.next() else { return Ok(()) };
    if found.next().is_some() {
        return Err(ApiError {
            code: 500,
            reason: "InternalError",
            message: "This pod has more than one PodDisruptionBudget, which the eviction \
                      subresource does not support."
                .to_owned(),
            ..ApiError::default()
        });
    }
    let spec = budget.spec.clone().unwrap_or_default();
    let ready = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let ready = ready.into_iter().any(|c| c.type_ == "Ready" && c.status == "True");
    let name = budget.metadata.name.clone().unwrap_or_default();
    let generation = budget.metadata.generation.unwrap_or(0);
    let status = budget.status.get_or_insert_default();
    let healthy = status.current_healthy.unwrap_or(0);
    let desired = status.desired_healthy.unwrap_or(0);
    if !ready {
        let always = spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow");
        if always || (healthy >= desired && desired > 0) {
            return Ok(());
        }
    }
    if status.observed_generation.unwrap_or(0) < generation {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(too_many(&why, Some(10)));
    }
    let allowed = status.disruptions_allowed.unwrap_or(0);
    if allowed <= 0 {
        let why = format!(
            "The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
        );
        return Err(too_many(&why, None));
    }
    status.disruptions_allowed = Some(allowed - 1);
    let disrupted = status.disrupted_pods.get_or_insert_default();
    disrupted.insert(key.name.to_string(), clock::meta_time(call.now));
    if !call.dry_run {
        let object = Object::PodDisruptionBudget(budget);
        let kind = Kind::PodDisruptionBudget;
        call.store.commit(kind, &Key::of(&object), Some(object), call.now, call.by);
    }
    Ok(())
}

fn too_many(cause: &str, retry: Option<u32>) -> ApiError {
    ApiError {
        code: 429,
        reason: "TooManyRequests",
        message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
        details: Box::new(Details {
            causes: vec![Cause {
                field: String::new(),
                message: cause.to_owned(),
                reason: "DisruptionBudget",
            }],
            retry_after_seconds: retry,
            ..Details::default()
        }),
        ..ApiError::default()
    }
}

fn mark_disruption(call: &mut Call<'_>, key: &Key, pod: &Pod) {
    let mut pod = pod.clone();
    let generation = pod.metadata.generation;
    let list = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    set_condition(
        list,
        PodCondition {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
            reason: Some("EvictionByEvictionAPI".to_owned()),
            message: Some("Eviction API: evicting".to_owned()),
            last_transition_time: Some(clock::meta_time(call.now)),
            observed_generation: generation,
            ..PodCondition::default()
        },
    );
    call.store.commit(Kind::Pod, key, Some(Object::Pod(pod)), call.now, call.by);
}
