//! LimitRanger: defaults and bounds for the resources of containers, pods and claims.
//!
//! Follows `plugin/pkg/admission/limitranger/admission.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, LimitRange, LimitRangeItem, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kube::api::admission::quota_usage;
use crate::kube::api::object::Object;
use crate::kube::api::quantity::amount;
use crate::kube::api::request::ApiError;
use crate::kube::api::server::Call;

/// Where the plugin tells what it set.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

type Amounts = BTreeMap<String, Quantity>;

/// Default requests and limits for containers that have none.
pub(super) fn defaults(call: &Call<'_>, namespace: &str, pod: &mut Pod) {
    let mut notes = Vec::new();
    let ranges: Vec<&LimitRange> = call.store.all_in::<LimitRange>(namespace).collect();
    for range in ranges {
        let items = range.spec.iter().flat_map(|s| &s.limits).filter(|i| i.type_ == "Container");
        let (mut limits, mut requests) = (Amounts::new(), Amounts::new());
        for item in items {
            limits.extend(item.default.iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
            let more = item.default_request.iter().flatten();
            requests.extend(more.map(|(k, v)| (k.clone(), v.clone())));
        }
        let Some(spec) = &mut pod.spec else { return };
        for container in &mut spec.containers {
            merge(container, "container", &requests, &limits, &mut notes);
        }
        for container in spec.init_containers.iter_mut().flatten() {
            merge(container, "init container", &requests, &limits, &mut notes);
        }
    }
    if !notes.is_empty() {
        let text = format!("LimitRanger plugin set: {}", notes.join("; "));
        pod.metadata.annotations.get_or_insert_default().insert(ANNOTATION.to_owned(), text);
    }
}

fn merge(
    container: &mut Container,
    what: &str,
    requests: &Amounts,
    limits: &Amounts,
    notes: &mut Vec<String>,
) {
    let resources = container.resources.get_or_insert_default();
    let mut fill = |list: &mut Option<Amounts>, defaults: &Amounts, word: &str| {
        let mut set = Vec::new();
        for (resource, amount) in defaults {
            let list = list.get_or_insert_default();
            if !list.contains_key(resource) {
                list.insert(resource.clone(), amount.clone());
                set.push(resource.as_str());
            }
        }
        if !set.is_empty() {
            notes.push(format!("{} {word} for {what} {}", set.join(", "), container.name));
        }
    };
    fill(&mut resources.requests, requests, "request");
    fill(&mut resources.limits, limits, "limit");
}

/// Refuse a new object beyond the bounds.
pub(super) fn check(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    let ranges = call.store.all_in::<LimitRange>(object.namespace());
    for item in ranges.flat_map(|r| r.spec.iter()).flat_map(|s| &s.limits) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the plugin looks at two kinds")]
        match object {
            Object::Pod(pod) => check_pod(item, pod, &mut errors),
            Object::PersistentVolumeClaim(claim) if item.type_ == "PersistentVolumeClaim" => {
                let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
                let requests = resources.and_then(|r| r.requests.clone()).unwrap_or_default();
                bounds(item, &requests, &Amounts::new(), &mut errors);
            }
            _ => {}
        }
    }
    match errors.as_slice() {
        [] => Ok(()),
        [one] => Err(ApiError::forbidden(object.kind(), object.name(), one)),
        many => {
            let all = format!("[{}]", many.join(", "));
            Err(ApiError::forbidden(object.kind(), object.name(), &all))
        }
    }
}

/// A changed claim is bounded too; a changed pod is not (its resources cannot change this way).
pub(super) fn check_update(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    if matches!(object, Object::PersistentVolumeClaim(_)) { check(call, object) } else { Ok(()) }
}

fn check_pod(item: &LimitRangeItem, pod: &Pod, errors: &mut Vec<String>) {
    let Some(spec) = &pod.spec else { return };
    let empty = Amounts::new();
    match item.type_.as_str() {
        "Container" => {
            let init = spec.init_containers.iter().flatten();
            for container in spec.containers.iter().chain(init) {
                let resources = container.resources.as_ref();
                let requests = resources.and_then(|r| r.requests.as_ref()).unwrap_or(&empty);
                let limits = resources.and_then(|r| r.limits.as_ref()).unwrap_or(&empty);
                bounds(item, requests, limits, errors);
            }
        }
        "Pod" => {
            let total = |limits: bool| -> Amounts {
                let like = |r: &str| if r == "cpu" { "" } else { "Mi" };
                let names = ["cpu", "memory", "ephemeral-storage"].into_iter();
                names
                    .filter(|r| quota_usage::pod_has(pod, r, limits))
                    .map(|r| {
                        let milli = quota_usage::pod_total(pod, r, limits);
                        let text = crate::kube::api::quantity::format_like(milli, like(r));
                        (r.to_owned(), Quantity(text))
                    })
                    .collect()
            };
            bounds(item, &total(false), &total(true), errors);
        }
        _ => {}
    }
}

fn bounds(item: &LimitRangeItem, requests: &Amounts, limits: &Amounts, errors: &mut Vec<String>) {
    let kind = &item.type_;
    for (resource, least) in item.min.iter().flatten() {
        let of = format!("minimum {resource} usage per {kind} is {}", least.0);
        match (requests.get(resource), limits.get(resource)) {
            (None, _) => errors.push(format!("{of}.  No request is specified")),
            (Some(r), _) if amount(r) < amount(least) => {
                errors.push(format!("{of}, but request is {}", r.0));
            }
            (_, Some(l)) if amount(l) < amount(least) => {
                errors.push(format!("{of}, but limit is {}", l.0));
            }
            _ => {}
        }
    }
    let claim = kind == "PersistentVolumeClaim";
    for (resource, most) in item.max.iter().flatten() {
        let of = format!("maximum {resource} usage per {kind} is {}", most.0);
        match (requests.get(resource), limits.get(resource)) {
            (Some(r), _) if claim && amount(r) > amount(most) => {
                errors.push(format!("{of}, but request is {}", r.0));
            }
            (Some(_), _) if claim => {}
            (_, None) => errors.push(format!("{of}.  No limit is specified")),
            (_, Some(l)) if amount(l) > amount(most) => {
                errors.push(format!("{of}, but limit is {}", l.0));
            }
            (Some(r), _) if amount(r) > amount(most) => {
                errors.push(format!("{of}, but request is {}", r.0));
            }
            _ => {}
        }
    }
    for (resource, ratio) in item.max_limit_request_ratio.iter().flatten() {
        let of = format!("{resource} max limit to request ratio per {kind} is {}", ratio.0);
        let (request, limit) = (requests.get(resource), limits.get(resource));
        match (request.map(amount), limit.map(amount)) {
            (None, _) => errors.push(format!("{of}, but no request is specified or request is 0")),
            (_, None) => errors.push(format!("{of}, but no limit is specified or limit is 0")),
            (Some(r), Some(l)) if r.0 == 0 || l.0 == 0 => {
                errors.push(format!("{of}, but no request is specified or request is 0"));
            }
            (Some(r), Some(l)) => {
                let micro = l.0.saturating_mul(1_000_000) / r.0;
                if micro * 1000 > amount(ratio).0 * 1_000_000 {
                    let text = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
                    errors.push(format!("{of}, but provided ratio is {text}"));
                }
            }
        }
    }
}
