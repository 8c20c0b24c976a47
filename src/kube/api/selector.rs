//! Label and field selectors as clients write them.
//!
//! Follows apimachinery `pkg/labels/selector.go` and `pkg/fields/selector.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::kube::api::object::{Kind, Object};
use crate::kube::api::request::ApiError;

/// One requirement on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values; also where the label is missing.
    NotIn,
    /// There.
    Exists,
    /// Not there.
    DoesNotExist,
    /// A greater whole number.
    Gt,
    /// A smaller whole number.
    Lt,
}

/// Requirements that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(pub Vec<Requirement>);

impl Requirement {
    /// Whether labels meet it.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let compare = |greater: bool| {
            let have: Option<i64> = value.and_then(|v| v.parse().ok());
            let limit: Option<i64> = self.values.first().and_then(|v| v.parse().ok());
            match (have, limit) {
                (Some(have), Some(limit)) if greater => have > limit,
                (Some(have), Some(limit)) => have < limit,
                _ => false,
            }
        };
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => compare(true),
            Operator::Lt => compare(false),
        }
    }
}

impl Labels {
    /// Whether labels meet all requirements.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|r| r.matches(labels))
    }

    /// Read `app=web,tier in (a,b),!old`.
    ///
    /// # Errors
    /// With the message of the real parser.
    pub fn parse(text: &str) -> Result<Self, String> {
        Parser { rest: text.trim() }.requirements().map(Self)
    }

    /// The selector of an object: `matchLabels` and `matchExpressions`.
    #[must_use]
    pub fn of(selector: &LabelSelector) -> Self {
        let labels = selector.match_labels.iter().flatten().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: vec![value.clone()],
        });
        let expressions = selector.match_expressions.iter().flatten().map(|e| Requirement {
            key: e.key.clone(),
            operator: match e.operator.as_str() {
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => Operator::In,
            },
            values: e.values.clone().unwrap_or_default(),
        });
        Self(labels.chain(expressions).collect())
    }
}

/// Reads a selector from the left.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut out = Vec::new();
        if self.rest.is_empty() {
            return Ok(out);
        }
        loop {
            out.push(self.requirement()?);
            match self.token() {
                "" => return Ok(out),
                "," => {
                    if self.rest.trim().is_empty() {
                        return Err("found '', expected: identifier after ','".to_owned());
                    }
                }
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut key = self.token();
        let negated = key == "!";
        if negated {
            key = self.token();
        }
        if key.is_empty() || !is_word(key) {
            return Err(format!("found '{key}', expected: !, identifier, or 'end of string'"));
        }
        let make = |operator, values| Requirement { key: key.to_owned(), operator, values };
        if negated {
            return Ok(make(Operator::DoesNotExist, Vec::new()));
        }
        let (operator, many) = match self.peek() {
            "" | "," => return Ok(make(Operator::Exists, Vec::new())),
            "=" | "==" => (Operator::In, false),
            "!=" => (Operator::NotIn, false),
            ">" => (Operator::Gt, false),
            "<" => (Operator::Lt, false),
            "in" => (Operator::In, true),
            "notin" => (Operator::NotIn, true),
            other => {
                return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt"));
            }
        };
        self.token();
        let values = if many { self.values()? } else { vec![self.value()?] };
        Ok(make(operator, values))
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            "" | "," => Ok(String::new()),
            word if is_word(word) => Ok(self.token().to_owned()),
            other => Err(format!("found '{other}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.token();
        if open != "(" {
            return Err(format!("found '{open}' expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            match self.token() {
                ")" => break,
                "," => {}
                "" => return Err("found '', expected: ',', or ')'".to_owned()),
                word => values.push(word.to_owned()),
            }
        }
        values.sort();
        Ok(values)
    }

    fn peek(&self) -> &'a str {
        Parser { rest: self.rest }.token()
    }

    fn token(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        let len = match text.as_bytes() {
            [] => 0,
            [b'=', b'=', ..] | [b'!', b'=', ..] => 2,
            [b'=' | b'!' | b'<' | b'>' | b'(' | b')' | b',', ..] => 1,
            _ => text
                .find(|c: char| c.is_whitespace() || "=!<>(),".contains(c))
                .unwrap_or(text.len()),
        };
        let (token, rest) = text.split_at(len);
        self.rest = rest;
        token
    }
}

fn is_word(token: &str) -> bool {
    !token.starts_with(['=', '!', '<', '>', '(', ')', ','])
}

/// One requirement on fields: name, wanted value, whether it must be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// `status.phase`.
    pub field: String,
    /// The value.
    pub value: String,
    /// Equal or not equal.
    pub equal: bool,
}

/// Both selectors of a request, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// On labels.
    pub labels: Labels,
    /// On fields.
    pub fields: Vec<FieldRequirement>,
}

impl Selector {
    /// Read both selectors.
    ///
    /// # Errors
    /// `BadRequest` with the real text.
    pub fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, ApiError> {
        let find = |why: String| {
            let info = kind.info();
            let group = format!("{}/{}", info.group, info.version);
            ApiError::bad_request(format!(
                "Unable to find \"{group}, Resource={}\" that match label selector \"{labels}\", \
                 field selector \"{fields}\": {why}",
                info.plural
            ))
        };
        let read = Labels::parse(labels)
            .map_err(|e| ApiError::bad_request(format!("unable to parse requirement: {e}")))?;
        let mut selector = Self { labels: read, fields: Vec::new() };
        for term in fields.split(',').map(str::trim).filter(|t| !t.is_empty()) {
            let split = |sep: &str| term.split_once(sep);
            let (field, value, equal) = match (split("!="), split("=="), split("=")) {
                (Some((f, v)), _, _) => (f, v, false),
                (_, Some((f, v)), _) | (_, _, Some((f, v))) => (f, v, true),
                _ => {
                    return Err(ApiError::bad_request(format!(
                        "invalid selector: '{fields}'; can't understand '{term}'"
                    )));
                }
            };
            if !supported(kind, field) {
                return Err(find(format!("field label not supported: {field}")));
            }
            let (field, value) = (field.to_owned(), value.to_owned());
            selector.fields.push(FieldRequirement { field, value, equal });
        }
        Ok(selector)
    }

    /// Whether an object matches.
    #[must_use]
    pub fn matches(&self, object: &Object) -> bool {
        let empty = BTreeMap::new();
        let labels = object.meta().labels.as_ref().unwrap_or(&empty);
        self.labels.matches(labels)
            && self.fields.iter().all(|f| (field(object, &f.field) == f.value) == f.equal)
    }
}

fn supported(kind: Kind, field: &str) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds select by name only")]
    let own: &[&str] = match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::ReplicaSet | Kind::ReplicationController => &["status.replicas"],
        Kind::Job => &["status.successful"],
        Kind::CertificateSigningRequest => &["spec.signerName"],
        _ => &[],
    };
    let name = field == "metadata.name" || field == "metadata.namespace" && kind.namespaced();
    name || own.contains(&field)
}

/// The value of a selectable field, as text.
#[must_use]
pub fn field(object: &Object, field: &str) -> String {
    let text = |s: Option<&String>| s.cloned().unwrap_or_default();
    match field {
        "metadata.name" => return object.name().to_owned(),
        "metadata.namespace" => return object.namespace().to_owned(),
        _ => {}
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds select by name only")]
    match object {
        Object::Pod(pod) => {
            let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
            match field {
                "spec.nodeName" => text(spec.and_then(|s| s.node_name.as_ref())),
                "spec.restartPolicy" => text(spec.and_then(|s| s.restart_policy.as_ref())),
                "spec.schedulerName" => text(spec.and_then(|s| s.scheduler_name.as_ref())),
                "spec.serviceAccountName" => {
                    text(spec.and_then(|s| s.service_account_name.as_ref()))
                }
                "spec.hostNetwork" => {
                    spec.and_then(|s| s.host_network).unwrap_or(false).to_string()
                }
                "status.phase" => text(status.and_then(|s| s.phase.as_ref())),
                "status.podIP" | "status.podIPs" => text(status.and_then(|s| s.pod_ip.as_ref())),
                _ => text(status.and_then(|s| s.nominated_node_name.as_ref())),
            }
        }
        Object::Node(node) => {
            let spec = node.spec.as_ref();
            spec.and_then(|s| s.unschedulable).unwrap_or(false).to_string()
        }
        Object::Namespace(ns) => text(ns.status.as_ref().and_then(|s| s.phase.as_ref())),
        Object::Secret(secret) => text(secret.type_.as_ref()),
        Object::Service(service) => {
            let spec = service.spec.as_ref();
            match field {
                "spec.type" => text(spec.and_then(|s| s.type_.as_ref())),
                _ => text(spec.and_then(|s| s.cluster_ip.as_ref())),
            }
        }
        Object::Event(event) => event_field(event, field),
        Object::ReplicaSet(rs) => rs.status.as_ref().map_or(0, |s| s.replicas).to_string(),
        Object::ReplicationController(rc) => {
            rc.status.as_ref().map_or(0, |s| s.replicas).to_string()
        }
        Object::Job(job) => job.status.as_ref().and_then(|s| s.succeeded).unwrap_or(0).to_string(),
        _ => String::new(),
    }
}

fn event_field(event: &k8s_openapi::api::core::v1::Event, field: &str) -> String {
    let about = &event.involved_object;
    let value = match field {
        "involvedObject.kind" => about.kind.as_ref(),
        "involvedObject.namespace" => about.namespace.as_ref(),
        "involvedObject.name" => about.name.as_ref(),
        "involvedObject.uid" => about.uid.as_ref(),
        "involvedObject.apiVersion" => about.api_version.as_ref(),
        "involvedObject.resourceVersion" => about.resource_version.as_ref(),
        "involvedObject.fieldPath" => about.field_path.as_ref(),
        "reason" => event.reason.as_ref(),
        "reportingComponent" => event.reporting_component.as_ref(),
        "source" => event.source.as_ref().and_then(|s| s.component.as_ref()),
        _ => event.type_.as_ref(),
    };
    value.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_select() {
        let labels: BTreeMap<String, String> =
            [("app", "web"), ("tier", "a"), ("n", "5")].map(|(k, v)| (k.into(), v.into())).into();
        for (text, matches) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=b", true),
            ("app in (x, web),!old", true),
            ("app notin (web)", false),
            ("old", false),
            ("n>4,n<6", true),
            ("tier", true),
        ] {
            assert_eq!(Labels::parse(text).unwrap().matches(&labels), matches, "{text}");
        }
        for bad in ["=x", "a b", "a in x", "a=b=c", ","] {
            assert!(Labels::parse(bad).is_err(), "{bad}");
        }
    }
}
