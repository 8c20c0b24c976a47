//! Label selectors of objects (apimachinery `pkg/apis/meta/v1/validation`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::field::{At, Errors};
use super::{meta, names};

/// Keys, operators and values of a selector.
pub fn label_selector(selector: &LabelSelector, at: &At<'_>, errors: &mut Errors) {
    meta::labels(selector.match_labels.as_ref(), &at.child("matchLabels"), errors);
    let list = at.child("matchExpressions");
    for (index, term) in selector.match_expressions.iter().flatten().enumerate() {
        let at = list.index(index);
        let values = term.values.as_deref().unwrap_or(&[]);
        match term.operator.as_str() {
            "In" | "NotIn" => {
                if values.is_empty() {
                    let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                    errors.required(&at.child("values"), detail);
                }
            }
            "Exists" | "DoesNotExist" => {
                if !values.is_empty() {
                    errors.forbidden(
                        &at.child("values"),
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                    );
                }
            }
            other => {
                errors.invalid(&at.child("operator"), other, "not a valid selector operator");
            }
        }
        for why in names::qualified(&term.key) {
            errors.invalid(&at.child("key"), &term.key, &why);
        }
        for (index, value) in values.iter().enumerate() {
            for why in names::label_value(value) {
                errors.invalid(&at.child("values").index(index), value, &why);
            }
        }
    }
}
