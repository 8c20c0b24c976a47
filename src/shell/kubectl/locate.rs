//! From the path of a field to its place in the text.

use crate::base::yaml::{Kind as NodeKind, Node, Span};

/// The place of the value of `spec.containers[0].name`, or of the nearest thing around it that is
/// there; the field's name where the value is a whole mapping or list.
pub(super) fn field(node: &Node, path: &str, fallback: Span) -> Span {
    let (span, value) = walk(node, &split(path), fallback);
    value.unwrap_or(span)
}

/// The place of the name of the field at the end of a path.
pub(super) fn steps(node: &Node, path: &[String], fallback: Span) -> Span {
    walk(node, path, fallback).0
}

/// The place of the last name or item on a path, and of the text behind the name.
fn walk(node: &Node, path: &[String], fallback: Span) -> (Span, Option<Span>) {
    let mut at = node;
    let mut found = (fallback, None);
    for step in path {
        match &at.kind {
            NodeKind::Mapping(_) => {
                let (Some(key), Some(value)) = (at.key_node(step), at.get(step)) else { break };
                let shown = value.text().is_some_and(|text| !text.is_empty());
                found = (key.span, shown.then_some(value.span));
                at = value;
            }
            NodeKind::Sequence(items) => {
                let Some(item) = step.parse().ok().and_then(|i: usize| items.get(i)) else {
                    break;
                };
                found = (item.span, None);
                at = item;
            }
            NodeKind::Scalar { .. } => break,
        }
    }
    found
}

/// The steps of a path: fields, indexes, keys in brackets.
fn split(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            steps.push(inner.get(..end).unwrap_or("").to_owned());
            rest = inner.get(end + 1..).unwrap_or("");
        } else {
            let rest_trimmed = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest_trimmed.find(['.', '[']).unwrap_or(rest_trimmed.len());
            let (step, after) = rest_trimmed.split_at(end);
            if !step.is_empty() {
                steps.push(step.to_owned());
            }
            rest = if after.is_empty() { "" } else { after };
            if step.is_empty() && after == rest && after.starts_with('.') {
                break;
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::yaml::parse;

    #[test]
    fn paths() {
        let doc = parse("spec:\n  list:\n  - a: 1\n    b:\n      c.d: x\n").unwrap().remove(0);
        let at = |path: &str| {
            let span = field(&doc, path, Span { line: 9, column: 9 });
            (span.line, span.column)
        };
        assert_eq!(at("spec.list[0].a"), (3, 8));
        assert_eq!(at("spec.list[0].b[c.d]"), (5, 12));
        assert_eq!(at("spec.list[0].nope"), (3, 5));
        assert_eq!(at("other"), (9, 9));
    }
}
