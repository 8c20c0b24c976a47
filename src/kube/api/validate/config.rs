//! Configuration, namespaces, nodes, limits (`pkg/apis/core/validation`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, LimitRange, Namespace, Node, ResourceQuota, Secret};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::field::{At, Errors};
use super::{names, resources, scheduling};
use crate::kube::api::quantity::amount;

/// Bytes of a ConfigMap's or Secret's data (`MaxSecretSize`).
const DATA_MAX: usize = 1024 * 1024;

/// ConfigMap.
pub fn config_map(of: &ConfigMap, errors: &mut Errors) {
    let mut size = 0;
    let at = At::root("data");
    for (key, value) in of.data.iter().flatten() {
        for why in names::config_key(key) {
            errors.invalid(&at.key(key), key, &why);
        }
        if of.binary_data.as_ref().is_some_and(|b| b.contains_key(key)) {
            errors.invalid(&at.key(key), key, "duplicate of key present in binaryData");
        }
        size += value.len();
    }
    let at = At::root("binaryData");
    for (key, value) in of.binary_data.iter().flatten() {
        for why in names::config_key(key) {
            errors.invalid(&at.key(key), key, &why);
        }
        size += value.0.len();
    }
    if size > DATA_MAX {
        // Upstream names no field here.
        errors.too_long(&At::root("[]"), DATA_MAX);
    }
}

/// Secret.
pub fn secret(of: &Secret, errors: &mut Errors) {
    let at = At::root("data");
    let mut size = 0;
    for (key, value) in of.data.iter().flatten() {
        for why in names::config_key(key) {
            errors.invalid(&at.key(key), key, &why);
        }
        size += value.0.len();
    }
    if size > DATA_MAX {
        errors.too_long(&at, DATA_MAX);
    }
    let needs: &[&str] = match of.type_.as_deref().unwrap_or("") {
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/service-account-token" => {
            let annotations = of.metadata.annotations.as_ref();
            let name = annotations.and_then(|a| a.get("kubernetes.io/service-account.name"));
            if name.is_none_or(String::is_empty) {
                let meta = At::root("metadata");
                let meta = meta.child("annotations");
                errors.required(&meta.key("kubernetes.io/service-account.name"), "");
            }
            &[]
        }
        _ => &[],
    };
    for key in needs {
        if !of.data.as_ref().is_some_and(|d| d.contains_key(*key)) {
            errors.required(&at.key(key), "");
        }
    }
}

/// Namespace.
pub fn namespace(of: &Namespace, errors: &mut Errors) {
    let at = At::root("spec");
    let at = at.child("finalizers");
    for finalizer in of.spec.iter().flat_map(|s| s.finalizers.iter().flatten()) {
        if finalizer != "kubernetes" && !finalizer.contains('/') {
            errors.invalid(
                &at,
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            );
        }
    }
}

/// Node.
pub fn node(of: &Node, errors: &mut Errors) {
    let at = At::root("spec");
    let taints = of.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or(&[]);
    scheduling::taints(taints, &at.child("taints"), errors);
    let at = At::root("status");
    for (field, list) in [
        ("capacity", of.status.as_ref().and_then(|s| s.capacity.as_ref())),
        ("allocatable", of.status.as_ref().and_then(|s| s.allocatable.as_ref())),
    ] {
        let at = at.child(field);
        for (name, quantity) in list.into_iter().flatten() {
            resources::value(name, quantity, &at.key(name), errors);
        }
    }
}

/// ResourceQuota.
pub fn quota(of: &ResourceQuota, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = of.spec.clone().unwrap_or_default();
    let hard = at.child("hard");
    for (name, quantity) in spec.hard.iter().flatten() {
        let at = hard.key(name);
        resources::quota_name(name, &at, errors);
        resources::value(name, quantity, &at, errors);
    }
    let known = ["BestEffort", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating"];
    let scopes = spec.scopes.unwrap_or_default();
    for scope in &scopes {
        if !known.contains(&scope.as_str()) {
            errors.invalid(&at.child("scopes"), &serde_json::json!(scopes), "unsupported scope");
        }
    }
}

type Amount<'a> = Option<&'a Quantity>;

/// LimitRange.
pub fn limit_range(of: &LimitRange, errors: &mut Errors) {
    let at = At::root("spec");
    let list = at.child("limits");
    for (index, item) in of.spec.iter().flat_map(|s| &s.limits).enumerate() {
        let one = list.index(index);
        if item.type_ == "Pod" {
            let why = "may not be specified when `type` is 'Pod'";
            if item.default.as_ref().is_some_and(|d| !d.is_empty()) {
                errors.forbidden(&one.child("default"), why);
            }
            if item.default_request.as_ref().is_some_and(|d| !d.is_empty()) {
                errors.forbidden(&one.child("defaultRequest"), why);
            }
        }
        let names: BTreeSet<&String> = [&item.min, &item.max, &item.default, &item.default_request]
            .into_iter()
            .flatten()
            .flat_map(|m| m.keys())
            .collect();
        for name in names {
            let get = |m: &'_ Option<BTreeMap<String, Quantity>>| -> Option<Quantity> {
                m.as_ref().and_then(|m| m.get(name)).cloned()
            };
            let (min, max) = (get(&item.min), get(&item.max));
            let (request, limit) = (get(&item.default_request), get(&item.default));
            let (min, max) = (min.as_ref(), max.as_ref());
            let (request, limit) = (request.as_ref(), limit.as_ref());
            let mut order = |field: &str, a: Amount<'_>, what: &str, b: Amount<'_>, whose: &str| {
                if let (Some(a), Some(b)) = (a, b)
                    && amount(a) > amount(b)
                {
                    let text =
                        format!("{what} value {} is greater than {whose} value {}", a.0, b.0);
                    errors.invalid(&one.child(field).key(name), &a.0, &text);
                }
            };
            order("min", min, "min", max, "max");
            order("defaultRequest", min, "min", request, "default request");
            order("defaultRequest", request, "default request", max, "max");
            order("defaultRequest", request, "default request", limit, "default limit");
            order("default", min, "min", limit, "default");
            order("default", limit, "default", max, "max");
        }
    }
}
