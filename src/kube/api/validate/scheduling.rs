//! Where a pod may run: affinity, tolerations, spreading (`pkg/apis/core/validation`).

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, Taint,
    Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};

use super::field::{At, Errors, Shown};
use super::{names, selector};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// All kinds of affinity.
pub fn affinity(affinity: &Affinity, at: &At<'_>, errors: &mut Errors) {
    if let Some(node) = &affinity.node_affinity {
        node_affinity(node, &at.child("nodeAffinity"), errors);
    }
    if let Some(pods) = &affinity.pod_affinity {
        let (required, preferred) = (
            pods.required_during_scheduling_ignored_during_execution.as_deref(),
            pods.preferred_during_scheduling_ignored_during_execution.as_deref(),
        );
        pod_terms(required, preferred, &at.child("podAffinity"), errors);
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        let (required, preferred) = (
            pods.required_during_scheduling_ignored_during_execution.as_deref(),
            pods.preferred_during_scheduling_ignored_during_execution.as_deref(),
        );
        pod_terms(required, preferred, &at.child("podAntiAffinity"), errors);
    }
}

fn node_affinity(affinity: &NodeAffinity, at: &At<'_>, errors: &mut Errors) {
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        let at = at.child(REQUIRED);
        let list = at.child("nodeSelectorTerms");
        if required.node_selector_terms.is_empty() {
            errors.required(&list, "must have at least one node selector term");
        }
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            node_term(term, &list.index(index), errors);
        }
    }
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_deref();
    let list = at.child(PREFERRED);
    for (index, term) in preferred.unwrap_or(&[]).iter().enumerate() {
        let at = list.index(index);
        weight(term.weight, &at.child("weight"), errors);
        node_term(&term.preference, &at.child("preference"), errors);
    }
}

fn weight(weight: i32, at: &At<'_>, errors: &mut Errors) {
    if !(1..=100).contains(&weight) {
        errors.invalid(at, weight, "must be in the range 1-100");
    }
}

/// One term over labels and fields of nodes.
pub fn node_term(term: &NodeSelectorTerm, at: &At<'_>, errors: &mut Errors) {
    let list = at.child("matchExpressions");
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        node_requirement(requirement, &list.index(index), errors);
    }
    let list = at.child("matchFields");
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        let at = list.index(index);
        let values = requirement.values.as_deref().unwrap_or(&[]);
        match requirement.operator.as_str() {
            "In" | "NotIn" => {
                if values.len() != 1 {
                    let detail = "must be only one value when `operator` is 'In' or 'NotIn' for \
                                  node field selector";
                    errors.required(&at.child("values"), detail);
                }
            }
            other => {
                errors.invalid(&at.child("operator"), other, "not a valid selector operator");
            }
        }
        if requirement.key != "metadata.name" {
            let text = "not a valid field selector key";
            errors.invalid(&at.child("key"), &requirement.key, text);
        }
    }
}

fn node_requirement(requirement: &NodeSelectorRequirement, at: &At<'_>, errors: &mut Errors) {
    let values = requirement.values.as_deref().unwrap_or(&[]);
    match requirement.operator.as_str() {
        "In" | "NotIn" => {
            if values.is_empty() {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.required(&at.child("values"), detail);
            }
        }
        "Exists" | "DoesNotExist" => {
            if !values.is_empty() {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.forbidden(&at.child("values"), detail);
            }
        }
        "Gt" | "Lt" => {
            if values.len() != 1 {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.required(&at.child("values"), detail);
            }
        }
        other => errors.invalid(&at.child("operator"), other, "not a valid selector operator"),
    }
    for why in names::qualified(&requirement.key) {
        errors.invalid(&at.child("key"), &requirement.key, &why);
    }
}

fn pod_terms(
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
    at: &At<'_>,
    errors: &mut Errors,
) {
    let list = at.child(REQUIRED);
    for (index, term) in required.unwrap_or(&[]).iter().enumerate() {
        pod_term(term, &list.index(index), errors);
    }
    let list = at.child(PREFERRED);
    for (index, term) in preferred.unwrap_or(&[]).iter().enumerate() {
        let at = list.index(index);
        weight(term.weight, &at.child("weight"), errors);
        pod_term(&term.pod_affinity_term, &at.child("podAffinityTerm"), errors);
    }
}

fn pod_term(term: &PodAffinityTerm, at: &At<'_>, errors: &mut Errors) {
    if let Some(labels) = &term.label_selector {
        selector::label_selector(labels, &at.child("labelSelector"), errors);
    }
    if let Some(labels) = &term.namespace_selector {
        selector::label_selector(labels, &at.child("namespaceSelector"), errors);
    }
    for name in term.namespaces.iter().flatten() {
        for why in names::label(name) {
            errors.invalid(&at.child("namespace"), name, &why);
        }
    }
    let key = at.child("topologyKey");
    if term.topology_key.is_empty() {
        errors.required(&key, "can not be empty");
    }
    for why in names::qualified(&term.topology_key) {
        errors.invalid(&key, &term.topology_key, &why);
    }
}

/// Tolerations of a pod.
pub fn tolerations(list: &[Toleration], at: &At<'_>, errors: &mut Errors) {
    for (index, toleration) in list.iter().enumerate() {
        let at = at.index(index);
        let key = toleration.key.as_deref().unwrap_or("");
        let operator = toleration.operator.as_deref().unwrap_or("");
        let value = toleration.value.as_deref().unwrap_or("");
        let effect = toleration.effect.as_deref().unwrap_or("");
        if !key.is_empty() {
            for why in names::qualified(key) {
                errors.invalid(&at.child("key"), key, &why);
            }
        }
        if key.is_empty() && operator != "Exists" {
            errors.invalid(
                &at.child("operator"),
                operator,
                "operator must be Exists when `key` is empty, which means \"match all values and \
                 all keys\"",
            );
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            errors.invalid(
                &at.child("effect"),
                effect,
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            );
        }
        match operator {
            "Equal" | "" => {
                let wrong = names::label_value(value);
                if !wrong.is_empty() {
                    errors.invalid(&at.child("operator"), value, &wrong.join(";"));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    errors.invalid(
                        &at.child("operator"),
                        value,
                        "value must be empty when `operator` is 'Exists'",
                    );
                }
            }
            other => errors.unsupported(&at.child("operator"), other, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            errors.one_of(&at.child("effect"), effect, &EFFECTS);
        }
    }
}

/// Taints of a node.
pub fn taints(list: &[Taint], at: &At<'_>, errors: &mut Errors) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (index, taint) in list.iter().enumerate() {
        let at = at.index(index);
        for why in names::qualified(&taint.key) {
            errors.invalid(&at.child("key"), &taint.key, &why);
        }
        let value = taint.value.as_deref().unwrap_or("");
        for why in names::label_value(value) {
            errors.invalid(&at.child("value"), value, &why);
        }
        match taint.effect.as_str() {
            "" => errors.required(&at.child("effect"), ""),
            effect => errors.one_of(&at.child("effect"), effect, &EFFECTS),
        }
        let id = (taint.key.as_str(), taint.effect.as_str());
        if seen.contains(&id) {
            let text = format!("taints must be unique by key and effect pair: {}", id.0);
            errors.duplicate(&at, Shown::raw(text));
        }
        seen.push(id);
    }
}

/// Spreading over topologies.
pub fn spread(list: &[TopologySpreadConstraint], at: &At<'_>, errors: &mut Errors) {
    for (index, constraint) in list.iter().enumerate() {
        let at = at.index(index);
        if constraint.max_skew <= 0 {
            errors.invalid(&at.child("maxSkew"), constraint.max_skew, "must be greater than zero");
        }
        let key = constraint.topology_key.as_str();
        if key.is_empty() {
            errors.required(&at.child("topologyKey"), "can not be empty");
        } else {
            for why in names::qualified(key) {
                errors.invalid(&at.child("topologyKey"), key, &why);
            }
        }
        let when = constraint.when_unsatisfiable.as_str();
        errors.one_of(&at.child("whenUnsatisfiable"), when, &["DoNotSchedule", "ScheduleAnyway"]);
        let same =
            |c: &TopologySpreadConstraint| c.topology_key == key && c.when_unsatisfiable == when;
        if list.iter().take(index).any(same) {
            let text = format!("{{{key}, {when}}}");
            errors.duplicate(&at.child("{topologyKey, whenUnsatisfiable}"), text.as_str());
        }
        if let Some(domains) = constraint.min_domains {
            if domains <= 0 {
                errors.invalid(&at.child("minDomains"), domains, "must be greater than zero");
            }
            if when != "DoNotSchedule" {
                let text = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not \
                            ScheduleAnyway";
                errors.invalid(&at.child("minDomains"), domains, text);
            }
        }
        for (field, policy) in [
            ("nodeAffinityPolicy", &constraint.node_affinity_policy),
            ("nodeTaintsPolicy", &constraint.node_taints_policy),
        ] {
            if let Some(policy) = policy {
                errors.one_of(&at.child(field), policy, &["Honor", "Ignore"]);
            }
        }
        if let Some(labels) = &constraint.label_selector {
            selector::label_selector(labels, &at.child("labelSelector"), errors);
        }
    }
}
