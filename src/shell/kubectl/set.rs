//! `kubectl set image`, `env`, `resources`, `selector`, `serviceaccount`.
//!
//! Follows kubectl `pkg/cmd/set`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::annotate::split;
use super::apply::DryRun;
use super::call::{Call, Run};
use super::expose::pairs;
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT, full_name};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::request::{PatchType, Request};
use crate::kube::kinds::Kind;

pub(super) const IMAGE: Verb = Verb {
    path: "set image",
    usage: "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... \
            CONTAINER_NAME_N=CONTAINER_IMAGE_N",
    about: "Change the images of containers",
    flags: &[FILES, SELECT, COMMON],
    required: &[],
    run: image,
};

pub(super) const ENV: Verb = Verb {
    path: "set env",
    usage: "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
    about: "Change the environment of containers",
    flags: &[FILES, SELECT, COMMON, CONTAINERS, ENV_FLAGS],
    required: &[],
    run: env,
};

pub(super) const RESOURCES: Verb = Verb {
    path: "set resources",
    usage: "(-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]",
    about: "Change requests and limits of containers",
    flags: &[FILES, SELECT, COMMON, CONTAINERS, RESOURCE_FLAGS],
    required: &[],
    run: resources,
};

pub(super) const SELECTOR: Verb = Verb {
    path: "set selector",
    usage: "(-f FILENAME | TYPE NAME) EXPRESSIONS",
    about: "Change the selector of a Service",
    flags: &[FILES, COMMON, ALL],
    required: &[],
    run: selector,
};

pub(super) const SERVICE_ACCOUNT: Verb = Verb {
    path: "set serviceaccount",
    usage: "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
    about: "Change the service account of a workload",
    flags: &[FILES, COMMON, ALL],
    required: &[],
    run: service_account,
};

const COMMON: &[Flag] = &[
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("field-manager", Takes::Text, "Who manages the fields").or("kubectl-set"),
    Flag::new("local", Takes::Bool, "Only change the file's objects, send nothing"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

const CONTAINERS: &[Flag] =
    &[Flag::new("containers", Takes::Text, "Which containers").short('c').or("*")];

const ENV_FLAGS: &[Flag] = &[
    Flag::new("env", Takes::Each, "A variable").short('e'),
    Flag::new("from", Takes::Text, "ConfigMap or Secret with variables"),
    Flag::new("keys", Takes::List, "Keys of --from"),
    Flag::new("prefix", Takes::Text, "Prefix of variables of --from"),
    Flag::new("list", Takes::Bool, "Show the environment"),
    Flag::new("resolve", Takes::Bool, "Show values instead of references"),
    Flag::new("overwrite", Takes::Bool, "Change variables that there are").or("true"),
];

const RESOURCE_FLAGS: &[Flag] = &[
    Flag::new("limits", Takes::Text, "cpu=200m,memory=512Mi"),
    Flag::new("requests", Takes::Text, "cpu=100m,memory=256Mi"),
];

const ALL: &[Flag] = &[
    Flag::new("all", Takes::Bool, "All objects of the kind"),
    Flag::new("resource-version", Takes::Text, "Only at this version of the object"),
];

/// Where the pod template of a kind is.
fn pod_spec(kind: Kind) -> Option<&'static [&'static str]> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no pods")]
    match kind {
        Kind::Pod => Some(&["spec"]),
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::ReplicationController
        | Kind::Job => Some(&["spec", "template", "spec"]),
        Kind::CronJob => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

fn nested(path: &[&str], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| json!({*key: inner}))
}

/// Containers of an object: their list (`containers`, `initContainers`) and themselves.
fn containers(object: &Object) -> Vec<(&'static str, Value)> {
    let Some(path) = pod_spec(object.kind()) else { return Vec::new() };
    let value = object.to_value();
    let spec = value.pointer(&format!("/{}", path.join("/"))).cloned().unwrap_or(Value::Null);
    ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| {
            let items = spec.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            items.into_iter().map(move |c| (list, c))
        })
        .collect()
}

fn name_of(container: &Value) -> &str {
    container.get("name").and_then(Value::as_str).unwrap_or("")
}

/// Change each object by what `change` makes of its containers, and tell it.
fn each(
    call: &mut Call<'_, '_>,
    resources: &[String],
    done: &str,
    change: impl Fn(&Object) -> Result<Value, Failure>,
) -> Run<()> {
    let dry = DryRun::of(call)?;
    let mut found = call.find(resources, true)?;
    for object in std::mem::take(&mut found.objects) {
        let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
        let patch = match change(&object) {
            Ok(patch) => patch,
            Err(failure) => {
                found.failures.push(failure);
                continue;
            }
        };
        if patch.is_null() {
            continue;
        }
        if dry != DryRun::Client {
            let mut request = Request::patch(kind, namespace, name, PatchType::Strategic, patch);
            request.options.dry_run = dry == DryRun::Server;
            request.options.field_manager = call.flags.some("field-manager").map(Into::into);
            if let Err(error) = call.ask(request)? {
                found.failures.push(error.into());
                continue;
            }
        }
        call.line(format!("{} {done}{}", full_name(&object), dry.mark()));
    }
    found.end()
}

fn needs_resources(call: &Call<'_, '_>, resources: &[String]) -> Result<(), Failure> {
    if resources.is_empty() && !call.has_files() {
        let message =
            "one or more resources must be specified as <resource> <name> or <resource>/<name>";
        return Err(Failure::plain(message));
    }
    Ok(())
}

fn image(call: &mut Call<'_, '_>) -> Run<()> {
    let (resources, pairs) = split(&call.flags.args, "image")?;
    needs_resources(call, &resources)?;
    if pairs.is_empty() {
        return Err(Failure::plain("at least one image update is required").into());
    }
    let mut images: BTreeMap<String, String> = BTreeMap::new();
    for pair in &pairs {
        let (name, image) = pair.split_once('=').unwrap_or((pair, ""));
        images.insert(name.to_owned(), image.to_owned());
    }
    if images.len() > 1 && images.contains_key("*") {
        let message = "all containers are already specified by *, but saw more than one \
                       container_name=container_image pairs";
        return Err(Failure::plain(message).into());
    }
    each(call, &resources, "image updated", |object| {
        let Some(path) = pod_spec(object.kind()) else { return Err(no_pods(object)) };
        let all = containers(object);
        for name in images.keys().filter(|n| *n != "*") {
            if !all.iter().any(|(_, c)| name_of(c) == name) {
                let message = format!("unable to find container named \"{name}\"");
                return Err(Failure::plain(message));
            }
        }
        let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (list, container) in &all {
            let name = name_of(container);
            let Some(image) = images.get(name).or_else(|| images.get("*")) else { continue };
            if container.get("image").and_then(Value::as_str) != Some(image) {
                lists.entry(list).or_default().push(json!({"name": name, "image": image}));
            }
        }
        Ok(if lists.is_empty() { Value::Null } else { nested(path, json!(lists)) })
    })
}

fn no_pods(object: &Object) -> Failure {
    let (group, name) = (object.kind().resource(), object.name());
    Failure::plain(format!(
        "{group}/{name} the object is not a pod or does not have a pod template: {}",
        object.kind().name()
    ))
}

/// Whether a name matches `-c`, which may have `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

fn resources(call: &mut Call<'_, '_>) -> Run<()> {
    let resources = call.flags.args.clone();
    needs_resources(call, &resources)?;
    let (limits, requests) = (call.flags.text("limits"), call.flags.text("requests"));
    if limits.is_empty() && requests.is_empty() {
        let message = "you must specify an update to requests or limits (in the form of \
                       --requests/--limits)";
        return Err(Failure::plain(message).into());
    }
    let mut change = serde_json::Map::new();
    for (key, text) in [("limits", limits), ("requests", requests)] {
        if !text.is_empty() {
            let amounts = amounts(text)?;
            change.insert(key.to_owned(), amounts);
        }
    }
    let pattern = call.flags.text("containers").to_owned();
    each(call, &resources, "resource requirements updated", |object| {
        let Some(path) = pod_spec(object.kind()) else { return Err(no_pods(object)) };
        let mut list = Vec::new();
        for (_, container) in containers(object).iter().filter(|(l, _)| *l == "containers") {
            let name = name_of(container);
            if matches(&pattern, name) {
                list.push(json!({"name": name, "resources": change}));
            }
        }
        if list.is_empty() {
            let message = format!("unable to find container named {pattern}");
            return Err(Failure::plain(message));
        }
        Ok(nested(path, json!({"containers": list})))
    })
}

/// `cpu=100m,memory=64Mi`; `cpu=0` removes.
fn amounts(text: &str) -> Result<Value, Failure> {
    let mut map = serde_json::Map::new();
    for part in text.split(',') {
        let Some((name, amount)) = part.split_once('=') else {
            return Err(Failure::plain(format!(
                "invalid argument syntax {part}, expected <resource>=<value>"
            )));
        };
        if crate::base::quantity::Quantity::parse(amount).is_none() {
            return Err(Failure::plain(
                "quantities must match the regular expression \
                 '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ));
        }
        map.insert(name.to_owned(), if amount == "0" { Value::Null } else { json!(amount) });
    }
    Ok(Value::Object(map))
}

fn env(call: &mut Call<'_, '_>) -> Run<()> {
    let (resources, mut pairs) = split(&call.flags.args, "environment variable")?;
    needs_resources(call, &resources)?;
    pairs.extend(call.flags.all("env").iter().cloned());
    if call.flags.on("list") || pairs.is_empty() && call.flags.some("from").is_none() {
        return list_env(call, &resources);
    }
    let mut added: Vec<Value> = Vec::new();
    let mut removed: Vec<String> = Vec::new();
    for pair in &pairs {
        match pair.split_once('=') {
            Some((name, value)) => added.push(json!({"name": name, "value": value})),
            None => removed.extend(pair.strip_suffix('-').map(str::to_owned)),
        }
    }
    if let Some(from) = call.flags.some("from").map(str::to_owned) {
        added.extend(env_from(call, &from)?);
    }
    let pattern = call.flags.text("containers").to_owned();
    each(call, &resources, "env updated", |object| {
        let Some(path) = pod_spec(object.kind()) else { return Err(no_pods(object)) };
        let mut list = Vec::new();
        for (_, container) in containers(object).iter().filter(|(l, _)| *l == "containers") {
            let name = name_of(container);
            if !matches(&pattern, name) {
                continue;
            }
            let have = container.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
            let known = |n: &str| have.iter().any(|v| name_of(v) == n);
            let mut change: Vec<Value> = added.clone();
            let gone = removed.iter().filter(|n| known(n));
            change.extend(gone.map(|n| json!({"$patch": "delete", "name": n})));
            if !change.is_empty() {
                list.push(json!({"name": name, "env": change}));
            }
        }
        Ok(if list.is_empty() { Value::Null } else { nested(path, json!({"containers": list})) })
    })
}

fn list_env(call: &mut Call<'_, '_>, resources: &[String]) -> Run<()> {
    let found = call.find(resources, true)?;
    let pattern = call.flags.text("containers").to_owned();
    for object in &found.objects {
        for (_, container) in containers(object) {
            let name = name_of(&container).to_owned();
            if !matches(&pattern, &name) {
                continue;
            }
            let (plural, object) = (object.kind().plural(), object.name());
            call.line(format!("# {plural}/{object}, container {name}"));
            for variable in container.get("env").and_then(Value::as_array).into_iter().flatten() {
                let value = variable.get("value").and_then(Value::as_str).unwrap_or("");
                call.line(format!("{}={value}", name_of(variable)));
            }
        }
    }
    found.end()
}

/// Variables that refer to the keys of a ConfigMap or Secret.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller asked for one of two kinds")]
fn env_from(call: &mut Call<'_, '_>, from: &str) -> Run<Vec<Value>> {
    let found = call.find(&[from.to_owned()], true)?;
    if let Some(failure) = Failure::of(found.failures) {
        return Err(failure.into());
    }
    let keys = call.flags.all("keys").to_vec();
    let prefix = call.flags.text("prefix").to_owned();
    let mut variables = Vec::new();
    for object in &found.objects {
        let reference = match object.kind() {
            Kind::Secret => "secretKeyRef",
            _ => "configMapKeyRef",
        };
        let value = object.to_value();
        let data = value.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        for key in data.keys().filter(|k| keys.is_empty() || keys.contains(k)) {
            let upper: String = key
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect();
            variables.push(json!({
                "name": format!("{prefix}{upper}"),
                "valueFrom": {reference: {"key": key, "name": object.name()}}
            }));
        }
    }
    Ok(variables)
}

fn selector(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    let Some((text, resources)) = args.split_last().filter(|(t, _)| t.contains('=')) else {
        return Err(Failure::plain(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        )
        .into());
    };
    let labels = pairs(text)?;
    each(call, resources, "selector updated", |object| {
        if object.kind() != Kind::Service {
            return Err(Failure::plain("setting a selector is only supported for Services"));
        }
        let value = object.to_value();
        let mut change = labels.clone();
        let old = value.pointer("/spec/selector").and_then(Value::as_object);
        for key in old.into_iter().flat_map(|m| m.keys()).filter(|k| !labels.contains_key(*k)) {
            change.insert(key.clone(), Value::Null);
        }
        Ok(json!({"spec": {"selector": change}}))
    })
}

fn service_account(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    let Some((account, resources)) = args.split_last().filter(|(_, r)| !r.is_empty()) else {
        return Err(Failure::plain("serviceaccount is required").into());
    };
    each(call, resources, "serviceaccount updated", |object| {
        let Some(path) = pod_spec(object.kind()) else { return Err(no_pods(object)) };
        Ok(nested(path, json!({"serviceAccountName": account})))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_containers() {
        for (pattern, name, expected) in
            [("*", "web", true), ("web", "web", true), ("w*b", "web", true), ("x*", "web", false)]
        {
            assert_eq!(matches(pattern, name), expected, "{pattern}");
        }
    }

    #[test]
    fn amounts_are_checked() {
        assert_eq!(
            amounts("cpu=200m,memory=0").map_err(|f| f.shown().0).unwrap(),
            json!({"cpu": "200m", "memory": null})
        );
        assert!(amounts("cpu").is_err() && amounts("cpu=x").is_err());
    }
}
