//! `kubectl expose`.
//!
//! Follows kubectl `pkg/cmd/expose/expose.go`.

use serde_json::{Map, Value, json};

use super::apply::SEND;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, full_name};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Body, Request, Verb as Ask};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "expose",
    usage: "(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] \
            [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] \
            [--type=type]",
    about: "Make a Service for a workload, a pod or a Service",
    flags: &[FILES, SEND, SAVE_ONLY, FLAGS],
    required: &[],
    run,
};

const SAVE_ONLY: &[Flag] =
    &[Flag::new("save-config", Takes::Bool, "Keep the manifest as an annotation, for apply")];

const FLAGS: &[Flag] = &[
    Flag::new("port", Takes::Text, "Port of the Service"),
    Flag::new("target-port", Takes::Text, "Port, or its name, of the containers"),
    Flag::new("protocol", Takes::Text, "TCP, UDP or SCTP"),
    Flag::new("name", Takes::Text, "Name of the Service"),
    Flag::new("type", Takes::Text, "ClusterIP, NodePort, LoadBalancer or ExternalName"),
    Flag::new("selector", Takes::Text, "Labels of the pods that serve"),
    Flag::new("labels", Takes::Text, "Labels of the Service").short('l'),
    Flag::new("cluster-ip", Takes::Text, "Its address, or None"),
    Flag::new("external-ip", Takes::Text, "A further address"),
    Flag::new("load-balancer-ip", Takes::Text, "Wanted address of the load balancer"),
    Flag::new("session-affinity", Takes::Text, "None or ClientIP"),
    Flag::new("override-type", Takes::Text, "How --overrides are merged"),
    Flag::new("overrides", Takes::Text, "JSON to merge into the object"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    if args.is_empty() && !call.has_files() {
        let text = "You must provide one or more resources by argument or filename.\nExample \
                    resource specifications include:\n   '-f rsrc.yaml'\n   \
                    '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";
        return Err(Failure::plain(text).into());
    }
    let mut found = call.find(&args, true)?;
    for object in std::mem::take(&mut found.objects) {
        let value = service(call, &object)?;
        if call.flags.text("dry-run") == "client" {
            let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("");
            let text = match call.flags.text("output") {
                "" => format!("service/{name} exposed (dry run)\n"),
                "json" => super::show::json::print(&value),
                "name" => format!("service/{name}\n"),
                _ => super::show::yaml::print(&value),
            };
            call.out(text);
            continue;
        }
        let mut request = Request::new(Ask::Create, Kind::Service, object.namespace(), "");
        request.body = Body::Value(value);
        request.options.field_manager = Some("kubectl-expose".into());
        match call.object(request)? {
            Ok(made) => call.line(format!("{} exposed", full_name(&made))),
            Err(error) => found.failures.push(error.into()),
        }
    }
    found.end()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other kind that passed the check has a template"
)]
fn service(call: &Call<'_, '_>, object: &Object) -> Result<Value, Failure> {
    let kind = object.kind();
    let value = object.to_value();
    let pods = match kind {
        Kind::Pod => "/spec",
        _ => "/spec/template/spec",
    };
    let selector = match call.flags.some("selector") {
        Some(text) => pairs(text)?,
        None => introspected(object, &value)?,
    };
    let ports = ports(call, kind, &value, pods)?;
    let name = call.flags.some("name").unwrap_or(object.name());
    let labels = match call.flags.some("labels") {
        Some(text) => Value::Object(pairs(text)?),
        None => value.pointer("/metadata/labels").cloned().unwrap_or(Value::Null),
    };
    let mut spec = json!({"ports": ports, "selector": selector});
    let mut set = |key: &str, field: Value| {
        if let Some(map) = spec.as_object_mut() {
            map.insert(key.to_owned(), field);
        }
    };
    for (flag, key) in [
        ("type", "type"),
        ("cluster-ip", "clusterIP"),
        ("load-balancer-ip", "loadBalancerIP"),
        ("session-affinity", "sessionAffinity"),
    ] {
        if let Some(text) = call.flags.some(flag) {
            set(key, json!(text));
        }
    }
    if let Some(ip) = call.flags.some("external-ip") {
        set("externalIPs", json!([ip]));
    }
    let mut meta = json!({"name": name});
    if let Some(map) = meta.as_object_mut() {
        if labels.as_object().is_some_and(|l| !l.is_empty()) {
            map.insert("labels".to_owned(), labels);
        }
        if call.flags.text("dry-run") != "client" || call.flags.has("namespace") {
            map.insert("namespace".to_owned(), json!(object.namespace()));
        }
    }
    Ok(json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec,
              "status": {"loadBalancer": {}}}))
}

/// `a=b,c=d`.
pub(super) fn pairs(text: &str) -> Result<Map<String, Value>, Failure> {
    let mut map = Map::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let Some((key, value)) = part.split_once('=').filter(|(k, _)| !k.is_empty()) else {
            return Err(Failure::plain(format!("unexpected label spec: {part}")));
        };
        map.insert(key.to_owned(), json!(value));
    }
    Ok(map)
}

/// The labels of the pods that an object stands for.
fn introspected(object: &Object, value: &Value) -> Result<Map<String, Value>, Failure> {
    let failed = |why: String| {
        Failure::plain(format!(
            "couldn't retrieve selectors via --selector flag or introspection: {why}"
        ))
    };
    let at = |path: &str| value.pointer(path).and_then(Value::as_object).cloned();
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these can be exposed")]
    match object.kind() {
        Kind::Pod => at("/metadata/labels")
            .filter(|l| !l.is_empty())
            .ok_or_else(|| failed("the pod has no labels and cannot be exposed".to_owned())),
        Kind::Service => at("/spec/selector")
            .filter(|l| !l.is_empty())
            .ok_or_else(|| failed("the service has no pod selector set".to_owned())),
        Kind::ReplicationController => Ok(at("/spec/selector").unwrap_or_default()),
        Kind::Deployment | Kind::ReplicaSet => {
            let terms = value.pointer("/spec/selector/matchExpressions");
            if terms.and_then(Value::as_array).is_some_and(|t| !t.is_empty()) {
                let message = "couldn't convert expressions - \"[]\" to map-based selector format";
                return Err(failed(message.to_owned()));
            }
            Ok(at("/spec/selector/matchLabels").unwrap_or_default())
        }
        other => {
            let group = other.group_kind();
            Err(Failure::plain(format!("cannot expose a {group}")))
        }
    }
}

fn ports(
    call: &Call<'_, '_>,
    kind: Kind,
    value: &Value,
    pods: &str,
) -> Result<Vec<Value>, Failure> {
    let declared: Vec<(i64, String)> = if kind == Kind::Service {
        let ports = value.pointer("/spec/ports").and_then(Value::as_array);
        ports.into_iter().flatten().filter_map(|p| port_of(p, "port")).collect()
    } else {
        let containers = value.pointer(&format!("{pods}/containers")).and_then(Value::as_array);
        let ports = containers.into_iter().flatten().filter_map(|c| c.get("ports")?.as_array());
        ports.flatten().filter_map(|p| port_of(p, "containerPort")).collect()
    };
    let given: Vec<String> = match call.flags.some("port") {
        Some(text) => text.split(',').map(str::to_owned).collect(),
        None => declared.iter().map(|(p, _)| p.to_string()).collect(),
    };
    if given.is_empty() {
        return Err(Failure::plain("couldn't find port via --port flag or introspection"));
    }
    let many = given.len() > 1;
    let mut ports = Vec::new();
    for (i, text) in given.iter().enumerate() {
        let port: i64 = text.trim().parse().map_err(|_| {
            Failure::plain(format!("strconv.Atoi: parsing \"{text}\": invalid syntax"))
        })?;
        let known =
            declared.iter().find(|(p, _)| *p == port).map(|(_, protocol)| protocol.as_str());
        let protocol = call.flags.some("protocol").or(known).unwrap_or("TCP");
        let target = match call.flags.some("target-port") {
            Some(text) => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
            None => json!(port),
        };
        let mut one = json!({"port": port, "protocol": protocol, "targetPort": target});
        if many && let Some(map) = one.as_object_mut() {
            map.insert("name".to_owned(), json!(format!("port-{}", i + 1)));
        }
        ports.push(one);
    }
    Ok(ports)
}

fn port_of(port: &Value, key: &str) -> Option<(i64, String)> {
    let number = port.get(key)?.as_i64()?;
    let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
    Some((number, protocol.to_owned()))
}
