//! What `kubectl apply --dry-run=server` would say of a manifest: the same
//! decoder, defaults, admission and validation as the API server's, on an empty cluster.

use serde_json::{Value, json};

use crate::base::rng::Rngs;
use crate::base::time::SimTime;
use crate::base::yaml::{self, Node, Span};
use crate::engine::trace::TraceId;
use crate::kube::api::object::Key;
use crate::kube::api::request::{ApiError, Body, FieldValidation, Request, Response, Verb};
use crate::kube::api::store::Store;
use crate::kube::api::{bootstrap, server};
use crate::kube::kinds::Kind;
use crate::view::editor::{Complaint, Verdict, complaint};

/// Complaints of one file at most.
const MAX_COMPLAINTS: usize = 50;

/// The cluster that a file is tried on.
struct Trial {
    store: Store,
    rngs: Rngs,
}

/// Check the documents of a file one after the other.
#[must_use]
pub(super) fn check(text: &str) -> Verdict {
    let nodes = match yaml::parse(text) {
        Ok(nodes) => nodes,
        Err(error) => {
            let Span { line, column } = error.span;
            let message = format!("error converting YAML to JSON: {error}");
            return verdict(vec![complaint(line, column, message)]);
        }
    };
    let mut trial = Trial { store: Store::default(), rngs: Rngs::new(1) };
    let stream = trial.rngs.stream("check", "");
    bootstrap::cluster(&mut trial.store, SimTime::ZERO, stream, TraceId::NONE);
    let mut complaints = Vec::new();
    for node in &nodes {
        let value = node.value(yaml::Dialect::Kubectl);
        match (value.is_null(), node.get("items").map(|n| &n.kind)) {
            (true, _) => {}
            (false, Some(yaml::Kind::Sequence(items))) => {
                for item in items {
                    complaints.extend(trial.object(item));
                }
            }
            (false, _) => complaints.extend(trial.object(node)),
        }
    }
    complaints.truncate(MAX_COMPLAINTS);
    verdict(complaints)
}

fn verdict(complaints: Vec<Complaint>) -> Verdict {
    Verdict { accepted: complaints.is_empty(), complaints, notes: Vec::new() }
}

impl Trial {
    fn object(&mut self, node: &Node) -> Vec<Complaint> {
        let value = node.value(yaml::Dialect::Kubectl);
        let here = |message: String| vec![complaint(node.span.line, node.span.column, message)];
        if !value.is_object() {
            return here("error validating data: invalid object to validate".to_owned());
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let (kind, version) = (text("kind"), text("apiVersion"));
        for (key, found) in [("apiVersion", &version), ("kind", &kind)] {
            if found.is_empty() {
                return here(format!("error validating data: {key} not set"));
            }
        }
        let Some(kind) = Kind::find(&kind, &version) else {
            let Span { line, column } = locate(node, &["kind".to_owned()]);
            let message = format!("no matches for kind \"{kind}\" in version \"{version}\"");
            return vec![complaint(line, column, message)];
        };
        let namespace = self.namespace(kind, &value);
        match self.create(kind, &namespace, value) {
            Err(error) if error.reason != "AlreadyExists" => refusal(node, &error),
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    fn create(&mut self, kind: Kind, namespace: &str, value: Value) -> Result<Response, ApiError> {
        let mut request = Request::new(Verb::Create, kind, namespace, "");
        request.options.field_validation = FieldValidation::Strict;
        request.body = Body::Value(value);
        let stream = self.rngs.stream("check", "");
        server::handle(&mut self.store, &request, SimTime::ZERO, stream, TraceId::NONE)
    }

    /// The namespace of an object; one that is not there is taken to be in the real cluster.
    fn namespace(&mut self, kind: Kind, value: &Value) -> String {
        if !kind.namespaced() {
            return String::new();
        }
        let given = value.get("metadata").and_then(|m| m.get("namespace"));
        let name = given.and_then(Value::as_str).unwrap_or("default").to_owned();
        if self.store.get(Kind::Namespace, &Key::new("", &name)).is_none() {
            let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            // A name that is none is complained of with the object itself.
            let _ = self.create(Kind::Namespace, "", made);
        }
        name
    }
}

/// The complaints of a refusal, each at its place.
fn refusal(node: &Node, error: &ApiError) -> Vec<Complaint> {
    if error.causes.is_empty() {
        let Span { line, column } = locate(node, &error.at);
        return vec![complaint(line, column, error.message.clone())];
    }
    let causes = error.causes.iter();
    causes
        .map(|cause| {
            let Span { line, column } = locate(node, &steps(&cause.field));
            complaint(line, column, format!("{}: {}", cause.field, cause.message))
        })
        .collect()
}

/// `spec.containers[0].image` as steps.
fn steps(field: &str) -> Vec<String> {
    let parts = field.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Where a path leads to: its last key, or the nearest thing that is there.
fn locate(node: &Node, path: &[String]) -> Span {
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some((last, before)) = steps.split_last() else { return node.span };
    let holder = node.nearest(before);
    match holder.key_node(last) {
        Some(key) => key.span,
        None => node.nearest(&steps).span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
spec:
  selector:
    matchLabels: {app: hello}
  template:
    metadata:
      labels: {app: hello}
    spec:
      containers:
      - name: hello
        image: nginx:1.27
";

    #[test]
    fn complaints_have_their_place() {
        for (from, to, wanted) in [
            ("", "", None),
            ("image:", "imge:", Some((14, 9, "unknown field"))),
            ("Deployment", "Deploymint", Some((2, 1, "no matches for kind"))),
            ("labels: {app: hello}", "labels: {app: other}", Some((10, 7, "`selector` does not"))),
            ("name: hello\nspec", "name: Hello\nspec", Some((4, 3, "metadata.name"))),
            ("metadata:\n  name", "metadata:\n\tname", Some((4, 2, "yaml"))),
        ] {
            let found = check(&DEPLOYMENT.replacen(from, to, 1));
            let first = found.complaints.first();
            assert_eq!(found.accepted, wanted.is_none(), "{to}: {first:?}");
            if let (Some((line, column, part)), Some(found)) = (wanted, first) {
                assert!(found.message.contains(part), "{}", found.message);
                assert_eq!((found.line, found.column), (line, column), "{}", found.message);
            }
        }
    }

    #[test]
    fn a_namespace_of_the_real_cluster_is_taken_to_be_there() {
        let text = DEPLOYMENT.replacen("name: hello", "name: hello\n  namespace: shop", 1);
        let two = format!("{text}---\n{text}---\n");
        assert_eq!(check(&two).complaints, Vec::new());
    }
}
