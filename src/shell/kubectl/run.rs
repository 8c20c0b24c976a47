//! `kubectl run`: makes a single pod, and may show its output.
//!
//! Follows kubectl `pkg/cmd/run/run.go`. Attaching passes on the pod's output; what is typed does
//! not reach it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::{DryRun, SEND};
use super::call::{Call, Run};
use super::create::make;
use super::expose::pairs;
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::get::with;
use super::verbs::Verb;
use super::wait::{until_deleted, watch_from};
use crate::base::time::SimDuration;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Options, Request, Response, Subresource, Verb as Ask};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "run",
    usage: "NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] \
            [--command] -- [COMMAND] [args...]",
    about: "Run an image in a pod",
    flags: &[SEND, FLAGS],
    required: &["image"],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("image", Takes::Text, "The image"),
    Flag::new("image-pull-policy", Takes::Text, "Always, IfNotPresent or Never"),
    Flag::new("port", Takes::Text, "A port that the container listens on"),
    Flag::new("env", Takes::Each, "Variables of the container"),
    Flag::new("labels", Takes::List, "Labels of the pod").short('l'),
    Flag::new("annotations", Takes::Each, "Annotations of the pod"),
    Flag::new("restart", Takes::Text, "Always, OnFailure or Never").or("Always"),
    Flag::new("command", Takes::Bool, "What follows -- is the command, not its arguments"),
    Flag::new("stdin", Takes::Bool, "Keep standard input open").short('i'),
    Flag::new("tty", Takes::Bool, "With a terminal").short('t'),
    Flag::new("attach", Takes::Bool, "Show the output of the pod"),
    Flag::new("rm", Takes::Bool, "Delete the pod at the end"),
    Flag::new("quiet", Takes::Bool, "Print only the output").short('q'),
    Flag::new("expose", Takes::Bool, "Also make a Service"),
    Flag::new("overrides", Takes::Text, "JSON to merge into the pod"),
    Flag::new("override-type", Takes::Text, "How --overrides are merged").or("merge"),
    Flag::new("privileged", Takes::Bool, "With all rights on the node"),
    Flag::new("save-config", Takes::Bool, "Keep the manifest as an annotation, for apply"),
    Flag::new("grace-period", Takes::Int, "Seconds until a kill").or("-1"),
    Flag::new("timeout", Takes::Time, "How long to wait").or("0s"),
    Flag::new("pod-running-timeout", Takes::Time, "How long to wait for a start").or("1m0s"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let restart = call.flags.text("restart");
    if !matches!(restart, "Always" | "OnFailure" | "Never") {
        return Err(Failure::usage("run", format!("invalid restart policy: {restart}")).into());
    }
    let (before, after) = call.flags.split();
    let (names, mut words) = before.split_at(before.len().min(1));
    let [name] = names else {
        return Err(Failure::usage("run", "NAME is required for run").into());
    };
    if words.is_empty() {
        words = after;
    }
    let name = name.clone();
    let attach = call.flags.on("attach") || call.flags.on("stdin") || call.flags.on("tty");
    if call.flags.on("rm") && !attach {
        let message = "--rm should only be used for attached containers";
        return Err(Failure::plain(message).into());
    }
    let value = pod(call, &name, words)?;
    let dry = DryRun::of(call)?;
    if !attach || dry != DryRun::None {
        make(call, Kind::Pod, value, false)?;
        return service(call, &name);
    }
    let namespace = call.namespace.clone();
    let value = with(value, &["metadata", "namespace"], json!(&*namespace));
    let mut request = Request::new(Ask::Create, Kind::Pod, &namespace, "");
    request.body = crate::kube::api::request::Body::Value(value);
    request.options.field_manager = Some("kubectl-run".into());
    let made = call.object(request)??;
    service(call, &name)?;
    attached(call, &made)
}

/// `--expose`.
fn service(call: &mut Call<'_, '_>, name: &str) -> Run<()> {
    if !call.flags.on("expose") {
        return Ok(());
    }
    let Some(port) = call.flags.some("port").and_then(|p| p.parse::<i64>().ok()) else {
        return Err(Failure::plain("--port must be set when exposing a service").into());
    };
    let value = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}],
                 "selector": {"run": name}}
    });
    make(call, Kind::Service, value, false)?;
    Ok(())
}

fn pod(call: &Call<'_, '_>, name: &str, words: &[String]) -> Result<Value, Failure> {
    let flags = call.flags;
    let mut container = json!({"image": flags.text("image"), "name": name, "resources": {}});
    let mut set = |key: &str, field: Value| {
        if let Some(map) = container.as_object_mut() {
            map.insert(key.to_owned(), field);
        }
    };
    if !words.is_empty() {
        set(if flags.on("command") { "command" } else { "args" }, json!(words));
    }
    let mut env = Vec::new();
    for pair in flags.all("env") {
        let Some((key, value)) = pair.split_once('=').filter(|(k, _)| !k.is_empty()) else {
            return Err(Failure::plain(format!("invalid env: {pair}")));
        };
        env.push(json!({"name": key, "value": value}));
    }
    if !env.is_empty() {
        set("env", json!(env));
    }
    if let Some(port) = flags.some("port") {
        let number: i64 = port.parse().map_err(|_| {
            Failure::plain(format!("strconv.Atoi: parsing \"{port}\": invalid syntax"))
        })?;
        set("ports", json!([{"containerPort": number}]));
    }
    if let Some(policy) = flags.some("image-pull-policy") {
        set("imagePullPolicy", json!(policy));
    }
    if flags.on("stdin") {
        set("stdin", json!(true));
        set("stdinOnce", json!(true));
    }
    if flags.on("tty") {
        set("tty", json!(true));
    }
    if flags.on("privileged") {
        set("securityContext", json!({"privileged": true}));
    }
    let labels = match flags.all("labels") {
        [] => json!({"run": name}),
        parts => Value::Object(pairs(&parts.join(","))?),
    };
    let mut value = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"labels": labels, "name": name},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst",
                 "restartPolicy": flags.text("restart")},
        "status": {}
    });
    if !flags.all("annotations").is_empty() {
        let map = pairs(&flags.all("annotations").join(","))?;
        value = with(value, &["metadata", "annotations"], Value::Object(map));
    }
    if let Some(text) = flags.some("overrides") {
        let patch: Value = serde_json::from_str(text)
            .map_err(|e| Failure::plain(format!("invalid --overrides: {e}")))?;
        merge(&mut value, patch, 0);
    }
    Ok(value)
}

/// JSON merge patch.
fn merge(value: &mut Value, patch: Value, depth: usize) {
    // Deeper than any object of the API.
    const MAX_DEPTH: usize = 64;
    match (value, patch) {
        (Value::Object(map), Value::Object(patch)) if depth < MAX_DEPTH => {
            for (key, field) in patch {
                if field.is_null() {
                    map.remove(&key);
                } else {
                    merge(map.entry(key).or_insert(Value::Null), field, depth + 1);
                }
            }
        }
        (value, patch) => *value = patch,
    }
}

/// Wait for the start, pass on the output, and end with the pod's exit code.
fn attached(call: &mut Call<'_, '_>, pod: &Arc<Object>) -> Run<()> {
    let _ = crate::stub!("kubectl.run.stdin", "kubectl run -i does not pass on what is typed");
    let (namespace, name) = (pod.namespace().to_owned(), pod.name().to_owned());
    let wait = call.flags.time("pod-running-timeout").unwrap_or(SimDuration::from_secs(60));
    let until = call.moment()? + wait;
    let stream = call.open(watch_from(Kind::Pod, &namespace, &name, pod.revision()))?;
    let phase = |object: &Object| {
        let value = object.to_value();
        value.pointer("/status/phase").and_then(Value::as_str).unwrap_or("").to_owned()
    };
    loop {
        match call.part(stream, Some(until))? {
            None => return Err(Failure::plain("timed out waiting for the condition").into()),
            Some(Ok(Response::Watch(_, object))) => {
                if !matches!(phase(&object).as_str(), "" | "Pending") {
                    break;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    call.close(stream);
    if call.flags.on("tty") && !call.flags.on("quiet") && call.io.tty {
        call.err("If you don't see a command prompt, try pressing enter.");
    }
    let mut request = Request::get(Kind::Pod, &namespace, &name).on(Subresource::Log);
    request.options = Options { follow: true, ..Options::default() };
    let log = call.open(request)?;
    loop {
        match call.part(log, None)? {
            Some(Ok(Response::Text(text))) => call.out(text),
            Some(Ok(Response::Done { .. }) | Err(_)) | None => break,
            Some(Ok(_)) => {}
        }
    }
    call.close(log);
    let code = exit_code(call, &namespace, &name)?;
    if call.flags.on("rm") {
        let request = Request::delete(Kind::Pod, &namespace, &name);
        if let Err(error) = call.ask(request)? {
            return Err(error.into());
        }
        if !call.flags.on("quiet") {
            call.line(format!("pod \"{name}\" deleted from {namespace} namespace"));
        }
        until_deleted(call, Kind::Pod, &namespace, &name, pod.uid(), None)?;
    }
    match code {
        0 => Ok(()),
        code => Err(Failure::Raw(String::new(), code).into()),
    }
}

/// The exit code of the only container, once it is known.
fn exit_code(call: &mut Call<'_, '_>, namespace: &str, name: &str) -> Run<u8> {
    // The kubelet reports an end within a second; a restarted container has none.
    const TRIES: u32 = 10;
    const EVERY: SimDuration = SimDuration::from_millis(500);
    for _ in 0..TRIES {
        let Ok(pod) = call.object(Request::get(Kind::Pod, namespace, name))? else { return Ok(0) };
        let value = pod.to_value();
        let state = value.pointer("/status/containerStatuses/0/state/terminated/exitCode");
        if let Some(code) = state.and_then(Value::as_i64) {
            return Ok(u8::try_from(code).unwrap_or(1));
        }
        call.sleep(EVERY)?;
    }
    Ok(0)
}
