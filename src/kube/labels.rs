//! Label selectors and node selector terms, as controllers and the scheduler match them.
//!
//! Models apimachinery `pkg/labels/selector.go` and component-helpers
//! `scheduling/corev1/nodeaffinity` @v1.36.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Whether a selector selects; the empty selector selects everything.
#[must_use]
pub fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector.match_labels.as_ref().is_none_or(|wanted| contains(wanted, labels));
    let expressions = selector.match_expressions.iter().flatten();
    equal
        && expressions.into_iter().all(|e| {
            let values = e.values.as_deref().unwrap_or(&[]);
            requirement(labels.get(&e.key), &e.operator, values)
        })
}

/// Whether every wanted label is there.
#[must_use]
pub fn contains(wanted: &Labels, labels: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a selector has no requirement at all.
#[must_use]
pub fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

fn requirement(value: Option<&String>, operator: &str, values: &[String]) -> bool {
    match operator {
        "In" => value.is_some_and(|v| values.contains(v)),
        "NotIn" => value.is_none_or(|v| !values.contains(v)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" | "Lt" => {
            let have: Option<i64> = value.and_then(|v| v.parse().ok());
            let limit: Option<i64> = values.first().and_then(|v| v.parse().ok());
            match (have, limit) {
                (Some(have), Some(limit)) if operator == "Gt" => have > limit,
                (Some(have), Some(limit)) => have < limit,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether a node matches a term; an empty term matches nothing.
#[must_use]
pub fn term_matches(term: &NodeSelectorTerm, labels: &Labels, node_name: &str) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or(&[]);
    let fields = term.match_fields.as_deref().unwrap_or(&[]);
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let name = node_name.to_owned();
    let field = |r: &NodeSelectorRequirement| {
        r.key == "metadata.name"
            && requirement(Some(&name), &r.operator, r.values.as_deref().unwrap_or(&[]))
    };
    expressions
        .iter()
        .all(|r| requirement(labels.get(&r.key), &r.operator, r.values.as_deref().unwrap_or(&[])))
        && fields.iter().all(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators() {
        let have = "5".to_owned();
        let values = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        for (value, operator, list, expected) in [
            (Some(&have), "In", values(&["4", "5"]), true),
            (None, "In", values(&["4"]), false),
            (None, "NotIn", values(&["4"]), true),
            (Some(&have), "NotIn", values(&["5"]), false),
            (Some(&have), "Exists", values(&[]), true),
            (None, "DoesNotExist", values(&[]), true),
            (Some(&have), "Gt", values(&["4"]), true),
            (Some(&have), "Lt", values(&["4"]), false),
        ] {
            assert_eq!(requirement(value, operator, &list), expected, "{operator} {list:?}");
        }
        assert!(!term_matches(&NodeSelectorTerm::default(), &Labels::new(), "n"));
    }
}
