//! ResourceQuota: what a namespace may use, charged when an object is admitted.
//!
//! Follows apiserver `pkg/admission/plugin/resourcequota/controller.go`. Left out: limited
//! resources by configuration, quota of resource claims.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kube::api::admission::quota_usage::{self, Usage};
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::quantity::{amount, format_like};
use crate::kube::api::request::ApiError;
use crate::kube::api::server::Call;

/// Charge the quotas of the namespace; nothing is charged if one refuses.
pub(super) fn charge(
    call: &mut Call<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if !object.kind().namespaced() || call.store.count(Kind::ResourceQuota) == 0 {
        return Ok(());
    }
    let needs = quota_usage::of(object);
    if needs.is_empty() {
        return Ok(());
    }
    let before = old.map(quota_usage::of).unwrap_or_default();
    let quotas: Vec<ResourceQuota> =
        call.store.all_in::<ResourceQuota>(object.namespace()).cloned().collect();
    let mut writes = Vec::new();
    for quota in quotas {
        let spec = quota.spec.clone().unwrap_or_default();
        if !quota_usage::in_scope(&spec, object) {
            continue;
        }
        let hard = quota.status.as_ref().and_then(|s| s.hard.clone());
        let hard = hard.or(spec.hard.clone()).unwrap_or_default();
        missing(&quota, &hard, object)?;
        let mut used = used_of(call, &quota, &hard);
        let mut over = Vec::new();
        let mut changed = false;
        for (resource, limit) in &hard {
            let delta = needs.get(resource).copied().unwrap_or(0)
                - before.get(resource).copied().unwrap_or(0);
            let now = used.get(resource).copied().unwrap_or(0);
            if delta == 0 {
                continue;
            }
            if delta > 0 && now + delta > amount(limit).0 {
                over.push(Over {
                    resource: resource.clone(),
                    asked: delta,
                    used: now,
                    limit: limit.0.clone(),
                });
            }
            used.insert(resource.clone(), now + delta);
            changed = true;
        }
        if !over.is_empty() {
            let name = quota.metadata.name.as_deref().unwrap_or("");
            return Err(exceeded(object, name, &over));
        }
        if changed {
            writes.push((quota, hard, used));
        }
    }
    if !call.dry_run {
        for (quota, hard, used) in writes {
            write(call, quota, hard, &used);
        }
    }
    Ok(())
}

/// What is used: as recorded in the quota's status, else counted.
fn used_of(call: &Call<'_>, quota: &ResourceQuota, hard: &BTreeMap<String, Quantity>) -> Usage {
    let recorded = quota.status.as_ref().and_then(|s| s.used.as_ref());
    match recorded {
        Some(used) if hard.keys().all(|k| used.contains_key(k)) => {
            used.iter().map(|(k, q)| (k.clone(), amount(q).0)).collect()
        }
        _ => quota_usage::total(call.store, quota),
    }
}

fn write(
    call: &mut Call<'_>,
    mut quota: ResourceQuota,
    hard: BTreeMap<String, Quantity>,
    used: &Usage,
) {
    let status = quota.status.get_or_insert_default();
    status.used = Some(quota_usage::shown(&hard, used));
    status.hard = Some(hard);
    let object = Object::ResourceQuota(quota);
    call.store.commit(Kind::ResourceQuota, &Key::of(&object), Some(object), call.now, call.by);
}

/// A resource of which there would be more than the quota allows.
struct Over {
    resource: String,
    asked: i128,
    used: i128,
    limit: String,
}

fn exceeded(object: &Object, quota: &str, over: &[Over]) -> ApiError {
    let list = |pick: &dyn Fn(&Over) -> String| {
        let parts: Vec<String> =
            over.iter().map(|o| format!("{}={}", o.resource, pick(o))).collect();
        parts.join(",")
    };
    let why = format!(
        "exceeded quota: {quota}, requested: {}, used: {}, limited: {}",
        list(&|o| format_like(o.asked, &like(&o.resource, &o.limit))),
        list(&|o| format_like(o.used, &like(&o.resource, &o.limit))),
        list(&|o| o.limit.clone()),
    );
    ApiError::forbidden(object.kind(), object.name(), &why)
}

/// Memory and storage are shown in the binary family.
fn like(resource: &str, limit: &str) -> String {
    if resource.ends_with("memory") || resource.ends_with("storage") {
        "Mi".to_owned()
    } else {
        limit.to_owned()
    }
}

/// A quota of cpu or memory asks every container to say what it needs.
fn missing(
    quota: &ResourceQuota,
    hard: &BTreeMap<String, Quantity>,
    object: &Object,
) -> Result<(), ApiError> {
    let Object::Pod(pod) = object else { return Ok(()) };
    let mut texts = Vec::new();
    for resource in hard.keys() {
        let Some((part, limits)) = quota_usage::compute(resource) else { continue };
        let names = lacking(pod, part, limits);
        if !names.is_empty() {
            texts.push(format!("{resource} for: {}", names.join(",")));
        }
    }
    if texts.is_empty() {
        return Ok(());
    }
    let name = quota.metadata.name.as_deref().unwrap_or("");
    let why = format!("failed quota: {name}: must specify {}", texts.join("; "));
    Err(ApiError::forbidden(Kind::Pod, object.name(), &why))
}

fn lacking<'a>(pod: &'a Pod, resource: &str, limits: bool) -> Vec<&'a str> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    let mut names: Vec<&str> = all
        .filter(|c| {
            let r = c.resources.as_ref();
            let list = r.and_then(|r| if limits { r.limits.as_ref() } else { r.requests.as_ref() });
            !list.is_some_and(|l| l.contains_key(resource))
        })
        .map(|c| c.name.as_str())
        .collect();
    names.sort_unstable();
    names
}
