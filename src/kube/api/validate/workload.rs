//! Workloads (`pkg/apis/apps/validation`, replication controllers of core).

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::field::{At, Errors, Shown};
use super::{names, pod, selector};
use crate::kube::api::default::workload::selects_nothing;
use crate::kube::api::selector::Labels;

const MISMATCH: &str = "`selector` does not match template `labels`";

/// The labels of a template as an error shows them.
fn labels_shown(labels: Option<&BTreeMap<String, String>>) -> Shown {
    labels.map_or_else(|| Shown::raw("null"), |labels| Shown::json(&labels))
}

/// Whether there is a selector at all.
fn is_given(of: &LabelSelector) -> bool {
    of.match_labels.is_some() || of.match_expressions.is_some()
}

/// The selector of a workload, which must select something.
fn own_selector(of: &LabelSelector, kind: &str, at: &At<'_>, errors: &mut Errors) {
    if !is_given(of) {
        errors.required(&at.child("selector"), "");
    } else if selects_nothing(of) {
        let text = format!("empty selector is invalid for {kind}");
        errors.invalid(&at.child("selector"), Shown::raw("{}"), &text);
    } else {
        selector::label_selector(of, &at.child("selector"), errors);
    }
}

/// The template of a workload: its labels must be selected, its pods must run forever.
fn own_template(
    of: &PodTemplateSpec,
    selects: &LabelSelector,
    claims: &[&str],
    kind: &str,
    at: &At<'_>,
    errors: &mut Errors,
) {
    let template = at.child("template");
    let labels = of.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let empty = BTreeMap::new();
    let matches = is_given(selects) && Labels::of(selects).matches(labels.unwrap_or(&empty));
    if !matches {
        let at = template.child("metadata");
        errors.invalid(&at.child("labels"), labels_shown(labels), MISMATCH);
    }
    pod::template(of, claims, &template, errors);
    forever(of, kind, &template, errors);
}

/// Pods of these workloads always restart and have no deadline.
fn forever(of: &PodTemplateSpec, kind: &str, at: &At<'_>, errors: &mut Errors) {
    let Some(spec) = &of.spec else { return };
    let at = at.child("spec");
    let policy = spec.restart_policy.as_deref().unwrap_or("");
    if ["OnFailure", "Never"].contains(&policy) {
        errors.unsupported(&at.child("restartPolicy"), policy, &["Always"]);
    }
    if spec.active_deadline_seconds.is_some() {
        let text = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.forbidden(&at.child("activeDeadlineSeconds"), &text);
    }
}

fn counts(list: &[(&str, Option<i32>)], at: &At<'_>, errors: &mut Errors) {
    for (field, value) in list {
        errors.non_negative(&at.child(field), i64::from(value.unwrap_or(0)));
    }
}

/// Deployment.
pub fn deployment(of: &Deployment, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = &of.spec;
    counts(&[("replicas", spec.replicas)], &at, errors);
    own_selector(&spec.selector, "deployment", &at, errors);
    own_template(&spec.template, &spec.selector, &[], "ReplicaSet", &at, errors);
    let strategy = spec.strategy.clone().unwrap_or_default();
    let strategy_at = at.child("strategy");
    match strategy.type_.as_deref().unwrap_or("") {
        "Recreate" => {
            if strategy.rolling_update.is_some() {
                errors.forbidden(
                    &strategy_at.child("rollingUpdate"),
                    "may not be specified when strategy `type` is 'Recreate'",
                );
            }
        }
        "RollingUpdate" => {
            let rolling = strategy.rolling_update.clone().unwrap_or_default();
            let at = strategy_at.child("rollingUpdate");
            let zero = Some(IntOrString::Int(0));
            amount(rolling.max_unavailable.as_ref(), &at.child("maxUnavailable"), errors);
            amount(rolling.max_surge.as_ref(), &at.child("maxSurge"), errors);
            if is_zero(rolling.max_unavailable.as_ref().or(zero.as_ref()))
                && is_zero(rolling.max_surge.as_ref().or(zero.as_ref()))
            {
                let value = shown(rolling.max_unavailable.as_ref());
                let text = "may not be 0 when `maxSurge` is 0";
                errors.invalid(&at.child("maxUnavailable"), value, text);
            }
            not_above_100(rolling.max_unavailable.as_ref(), &at.child("maxUnavailable"), errors);
        }
        other => {
            errors.unsupported(&strategy_at.child("type"), other, &["Recreate", "RollingUpdate"]);
        }
    }
    counts(
        &[
            ("minReadySeconds", spec.min_ready_seconds),
            ("revisionHistoryLimit", spec.revision_history_limit),
        ],
        &at,
        errors,
    );
    if let Some(deadline) = spec.progress_deadline_seconds {
        let field = at.child("progressDeadlineSeconds");
        errors.non_negative(&field, i64::from(deadline));
        if deadline <= spec.min_ready_seconds.unwrap_or(0) {
            errors.invalid(&field, deadline, "must be greater than minReadySeconds");
        }
    }
}

fn shown(value: Option<&IntOrString>) -> Shown {
    match value {
        Some(IntOrString::String(text)) => Shown::from(text),
        Some(IntOrString::Int(n)) => Shown::from(*n),
        None => Shown::from(0),
    }
}

fn is_zero(value: Option<&IntOrString>) -> bool {
    match value {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::Int(_)) => false,
        Some(IntOrString::String(text)) => text.trim_end_matches('%').parse() == Ok(0_i64),
    }
}

/// A count or a percentage that is not negative.
pub fn amount(value: Option<&IntOrString>, at: &At<'_>, errors: &mut Errors) {
    match value {
        Some(IntOrString::String(text)) => {
            for why in names::percent(text) {
                errors.invalid(at, text, &why);
            }
        }
        Some(IntOrString::Int(n)) => errors.non_negative(at, i64::from(*n)),
        None => {}
    }
}

/// A percentage that is at most 100.
pub fn not_above_100(value: Option<&IntOrString>, at: &At<'_>, errors: &mut Errors) {
    let Some(IntOrString::String(text)) = value else { return };
    let percent: Option<i64> = text.strip_suffix('%').and_then(|p| p.parse().ok());
    if percent.is_some_and(|p| p > 100) {
        errors.invalid(at, text, "must not be greater than 100%");
    }
}

/// ReplicaSet.
pub fn replica_set(of: &ReplicaSet, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = &of.spec;
    let numbers = [("replicas", spec.replicas), ("minReadySeconds", spec.min_ready_seconds)];
    counts(&numbers, &at, errors);
    own_selector(&spec.selector, "deployment", &at, errors);
    let empty = PodTemplateSpec::default();
    let template = spec.template.as_ref().unwrap_or(&empty);
    own_template(template, &spec.selector, &[], "ReplicaSet", &at, errors);
}

/// ReplicationController.
pub fn replication_controller(of: &ReplicationController, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = of.spec.clone().unwrap_or_default();
    counts(&[("minReadySeconds", spec.min_ready_seconds)], &at, errors);
    let labels = spec.selector.clone().unwrap_or_default();
    if labels.is_empty() {
        errors.required(&at.child("selector"), "");
    }
    counts(&[("replicas", spec.replicas)], &at, errors);
    let Some(template) = &spec.template else {
        errors.required(&at.child("template"), "");
        return;
    };
    let selects = LabelSelector { match_labels: Some(labels), ..LabelSelector::default() };
    if selects_nothing(&selects) {
        pod::template(template, &[], &at.child("template"), errors);
        forever(template, "ReplicationController", &at.child("template"), errors);
    } else {
        own_template(template, &selects, &[], "ReplicationController", &at, errors);
    }
}

/// StatefulSet.
pub fn stateful_set(of: &StatefulSet, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = &of.spec;
    let management = spec.pod_management_policy.as_deref().unwrap_or("");
    if !["OrderedReady", "Parallel"].contains(&management) {
        let text = "must be 'OrderedReady' or 'Parallel'";
        errors.invalid(&at.child("podManagementPolicy"), management, text);
    }
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let strategy_at = at.child("updateStrategy");
    match strategy.type_.as_deref().unwrap_or("") {
        "" => errors.required(&strategy_at, ""),
        "OnDelete" => {
            if strategy.rolling_update.is_some() {
                let text = "only allowed for updateStrategy 'RollingUpdate'";
                let value = serde_json::to_value(&strategy.rolling_update);
                let value = value.unwrap_or(Value::Null);
                errors.invalid(&strategy_at.child("rollingUpdate"), &value, text);
            }
        }
        "RollingUpdate" => {
            let rolling = strategy.rolling_update.unwrap_or_default();
            let at = strategy_at.child("rollingUpdate");
            counts(&[("partition", rolling.partition)], &at, errors);
            amount(rolling.max_unavailable.as_ref(), &at.child("maxUnavailable"), errors);
        }
        other => {
            let text = "must be 'RollingUpdate' or 'OnDelete'";
            errors.invalid(&strategy_at, other, text);
        }
    }
    let keep = spec.persistent_volume_claim_retention_policy.clone().unwrap_or_default();
    for (field, value) in [("whenDeleted", keep.when_deleted), ("whenScaled", keep.when_scaled)] {
        let at = at.child("persistentVolumeClaimRetentionPolicy");
        errors.one_of(&at.child(field), value.as_deref().unwrap_or(""), &["Delete", "Retain"]);
    }
    let numbers = [("replicas", spec.replicas), ("minReadySeconds", spec.min_ready_seconds)];
    counts(&numbers, &at, errors);
    if let Some(ordinals) = &spec.ordinals {
        counts(&[("start", ordinals.start)], &at.child("ordinals"), errors);
    }
    own_selector(&spec.selector, "statefulset", &at, errors);
    let claims: Vec<&str> = spec
        .volume_claim_templates
        .iter()
        .flatten()
        .filter_map(|c| c.metadata.name.as_deref())
        .collect();
    own_template(&spec.template, &spec.selector, &claims, "StatefulSet", &at, errors);
}

/// DaemonSet.
pub fn daemon_set(of: &DaemonSet, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = &of.spec;
    own_selector(&spec.selector, "daemonset", &at, errors);
    own_template(&spec.template, &spec.selector, &[], "DaemonSet", &at, errors);
    counts(&[("minReadySeconds", spec.min_ready_seconds)], &at, errors);
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let strategy_at = at.child("updateStrategy");
    match strategy.type_.as_deref().unwrap_or("") {
        "OnDelete" => {}
        "RollingUpdate" => {
            let rolling = strategy.rolling_update.unwrap_or_default();
            let at = strategy_at.child("rollingUpdate");
            let unavailable = rolling.max_unavailable.as_ref();
            amount(unavailable, &at.child("maxUnavailable"), errors);
            amount(rolling.max_surge.as_ref(), &at.child("maxSurge"), errors);
            if is_zero(unavailable) && is_zero(rolling.max_surge.as_ref()) {
                errors.required(&at.child("maxUnavailable"), "cannot be 0 when maxSurge is 0");
            }
        }
        other => {
            errors.unsupported(&strategy_at.child("type"), other, &["OnDelete", "RollingUpdate"]);
        }
    }
    counts(&[("revisionHistoryLimit", spec.revision_history_limit)], &at, errors);
}
