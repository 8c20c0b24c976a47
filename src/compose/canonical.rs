//! Long forms for short ones, defaults, absolute paths, and implied values.
//!
//! Models `compose-go transform/*`, `paths/*`, `validation/*`, `loader/omitEmpty.go` and
//! `loader/normalize.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::values::{clean, go_quote, go_type, join, sprint};
use super::{mounts, ports};

type Fields = Map<String, Value>;

/// Long forms for all short ones.
///
/// # Errors
/// The text of the real tool, for forms that cannot be read.
pub(super) fn canonical(model: &mut Value, warn: &mut dyn FnMut(String)) -> Result<(), String> {
    for (name, service) in entries(model, "services") {
        if let Value::Object(service) = service {
            canonical_service(service, &format!("services.{name}"))?;
        }
    }
    for kind in ["volumes", "networks", "secrets", "configs"] {
        for (name, resource) in entries(model, kind) {
            maybe_external(resource, &format!("{kind}.{name}"), warn)?;
        }
    }
    Ok(())
}

/// The entries of a section, if it is a mapping.
pub(super) fn entries<'a>(
    model: &'a mut Value,
    section: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    model.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten()
}

fn maybe_external(
    resource: &mut Value,
    path: &str,
    warn: &mut dyn FnMut(String),
) -> Result<(), String> {
    let Value::Object(map) = resource else { return Ok(()) };
    let Some(Value::Object(external)) = map.get("external").cloned() else { return Ok(()) };
    map.insert("external".to_owned(), json!(true));
    let Some(given) = external.get("name") else { return Ok(()) };
    warn(format!("{path}: external.name is deprecated. Please set name and external: true"));
    match map.get("name") {
        Some(name) if name != given => {
            Err(format!("{path}: name and external.name conflict; only use name"))
        }
        Some(_) => Ok(()),
        None => {
            map.insert("name".to_owned(), given.clone());
            Ok(())
        }
    }
}

fn canonical_service(service: &mut Fields, path: &str) -> Result<(), String> {
    if let Some(build) = service.get_mut("build") {
        if let Value::String(context) = build {
            *build = json!({"context": context});
        }
        if let Value::Object(build) = build {
            canonical_build(build, &format!("{path}.build"))?;
        }
    }
    if let Some(depends_on) = service.get_mut("depends_on") {
        dependencies(depends_on, &format!("{path}.depends_on"))?;
    }
    if let Some(files) = service.get_mut("env_file") {
        let long = |file: Value| match file {
            Value::String(path) => json!({"path": path, "required": true}),
            Value::Object(mut file) => {
                file.entry("required").or_insert(json!(true));
                Value::Object(file)
            }
            other => other,
        };
        *files = listed(files.take()).into_iter().map(long).collect();
    }
    for key in ["label_file", "dns"] {
        if let Some(value @ Value::String(_)) = service.get_mut(key) {
            *value = json!([value.take()]);
        }
    }
    if let Some(Value::String(service_name)) = service.get("extends").cloned() {
        service.insert("extends".to_owned(), json!({"service": service_name}));
    }
    if let Some(gpus @ Value::String(_)) = service.get_mut("gpus") {
        *gpus = json!([{"count": "all"}]);
    }
    for key in ["networks", "models"] {
        if let Some(value @ Value::Array(_)) = service.get_mut(key) {
            *value = listed(value.take()).iter().map(|n| (sprint(n), Value::Null)).collect();
        }
    }
    if let Some(Value::Array(items)) = service.get_mut("volumes") {
        for item in items {
            if let Value::String(spec) = item {
                *item = mounts::parse(spec)?.long();
            }
        }
    }
    if let Some(Value::Array(items)) = service.get_mut("devices") {
        for item in items {
            if let Value::String(spec) = item {
                *item = device(spec)?;
            }
        }
    }
    for key in ["secrets", "configs"] {
        file_mounts(service.get_mut(key));
    }
    if let Some(value) = service.get_mut("ports") {
        *value = published(value, &format!("{path}.ports"))?;
    }
    if let Some(Value::Array(watches)) = service.get_mut("develop").and_then(|d| d.get_mut("watch"))
    {
        for watch in watches {
            for key in ["ignore", "include"] {
                if let Some(value @ Value::String(_)) = watch.get_mut(key) {
                    *value = json!([value.take()]);
                }
            }
        }
    }
    Ok(())
}

fn file_mounts(value: Option<&mut Value>) {
    let Some(Value::Array(items)) = value else { return };
    for item in items {
        if let Value::String(source) = item {
            *item = json!({"source": source});
        }
    }
}

fn canonical_build(build: &mut Fields, path: &str) -> Result<(), String> {
    file_mounts(build.get_mut("secrets"));
    for key in ["provenance", "sbom"] {
        if let Some(value) = build.get_mut(key) {
            *value = json!(sprint(value));
        }
    }
    if let Some(Value::Array(items)) = build.get("additional_contexts") {
        let mut map = Fields::new();
        for item in items {
            let item = sprint(item);
            let Some((key, value)) = item.split_once('=') else {
                return Err(format!(
                    "{path}.additional_contexts: invalid value {item}, expected key=value"
                ));
            };
            map.insert(key.to_owned(), json!(value));
        }
        build.insert("additional_contexts".to_owned(), Value::Object(map));
    }
    if let Some(Value::Array(items)) = build.get("ssh") {
        let mut map = Fields::new();
        for item in items {
            let item = sprint(item);
            match item.split_once('=') {
                Some((id, path)) => map.insert(id.to_owned(), json!(path)),
                None if item == "default" => map.insert(item, Value::Null),
                None => return Err(format!("invalid ssh key {}", go_quote(&item))),
            };
        }
        build.insert("ssh".to_owned(), Value::Object(map));
    }
    Ok(())
}

fn dependencies(value: &mut Value, path: &str) -> Result<(), String> {
    let started = || json!({"condition": "service_started", "required": true});
    match value {
        Value::Array(names) => {
            *value = names.iter().map(|n| (sprint(n), started())).collect();
            Ok(())
        }
        Value::Object(map) => {
            for (name, dependency) in map.iter_mut() {
                let Value::Object(dependency) = dependency else {
                    return Err(format!("{path}.{name}: unsupported value {}", sprint(dependency)));
                };
                dependency.entry("condition").or_insert(json!("service_started"));
                dependency.entry("required").or_insert(json!(true));
            }
            Ok(())
        }
        other => Err(format!("{path}: invalid type {} for depend_on", go_type(other))),
    }
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

fn device(spec: &str) -> Result<Value, String> {
    let parts: Vec<&str> = spec.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, *source, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => {
            return Err(format!("confusing device mapping, please use long syntax: {spec}"));
        }
    };
    let target = if target.is_empty() { source } else { target };
    Ok(json!({"source": source, "target": target, "permissions": permissions}))
}

fn published(value: &Value, path: &str) -> Result<Value, String> {
    let Value::Array(items) = value else {
        return Err(format!("{path}: invalid type {} for port", go_type(value)));
    };
    let mut list = Vec::new();
    for item in items {
        match item {
            Value::Object(_) => list.push(item.clone()),
            Value::String(_) | Value::Number(_) => {
                let mut parsed = ports::parse(&sprint(item))?;
                parsed.sort_by_key(|p| format!("{}/{}", p.target, p.protocol));
                for port in parsed {
                    let mut map = Fields::new();
                    map.insert("mode".to_owned(), json!("ingress"));
                    map.insert("target".to_owned(), json!(port.target));
                    map.insert("protocol".to_owned(), json!(port.protocol));
                    if !port.host_ip.is_empty() {
                        map.insert("host_ip".to_owned(), json!(port.host_ip));
                    }
                    if !port.published.is_empty() {
                        map.insert("published".to_owned(), json!(port.published));
                    }
                    list.push(Value::Object(map));
                }
            }
            other => return Err(format!("{path}: invalid type {} for port", go_type(other))),
        }
    }
    Ok(Value::Array(list))
}

/// Drops empty entries that mean nothing (of `dns`).
pub(super) fn omit_empty(model: &mut Value) {
    for (_, service) in entries(model, "services") {
        if let Some(Value::Array(items)) = service.get_mut("dns") {
            items.retain(|item| !item.is_null() && item.as_str() != Some(""));
        }
    }
}

/// Values that hold where nothing is said.
pub(super) fn defaults(model: &mut Value) {
    for (_, service) in entries(model, "services") {
        if let Some(Value::Object(build)) = service.get_mut("build") {
            build.entry("context").or_insert(json!("."));
        }
        if let Some(Value::Array(items)) = service.get_mut("secrets") {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                let source = item.get("source").map(sprint).unwrap_or_default();
                item.entry("target").or_insert(json!(format!("/run/secrets/{source}")));
            }
        }
        if let Some(Value::Array(items)) = service.get_mut("ports") {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                item.entry("protocol").or_insert(json!("tcp"));
                item.entry("mode").or_insert(json!("ingress"));
            }
        }
        let devices = ["/deploy/resources/reservations/devices", "/gpus"];
        for pointer in devices {
            let Some(Value::Array(items)) = service.pointer_mut(pointer) else { continue };
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                if !item.contains_key("count") && !item.contains_key("device_ids") {
                    item.insert("count".to_owned(), json!("all"));
                }
            }
        }
    }
}

/// What must hold before paths are resolved: a place and what is wrong there.
pub(super) fn validate(model: &Value) -> Result<(), (Vec<String>, String)> {
    let section = |name: &str| model.get(name).and_then(Value::as_object).into_iter().flatten();
    let at = |path: &[&str]| path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    for (kind, keys) in [
        ("configs", &["file", "environment", "content"][..]),
        ("secrets", &["file", "environment"]),
    ] {
        for (name, resource) in section(kind) {
            let Some(map) = resource.as_object() else { continue };
            let given = keys.iter().filter(|k| map.contains_key(**k)).count();
            let all = keys.join("|");
            if given > 1 {
                let message = format!("{kind}.{name}: {all} attributes are mutually exclusive");
                return Err((at(&[kind, name]), message));
            }
            if given == 0 && !map.contains_key("driver") && !map.contains_key("external") {
                return Err((
                    at(&[kind, name]),
                    format!("{kind}.{name}: one of {all} must be set"),
                ));
            }
        }
    }
    for (name, volume) in section("volumes") {
        let Some(map) = volume.as_object() else { continue };
        if map.get("external") != Some(&json!(true)) {
            continue;
        }
        let extra =
            map.keys().find(|k| !matches!(k.as_str(), "name" | "external") && !k.starts_with("x-"));
        if let Some(key) = extra {
            let message = format!(
                "volumes.{name}: conflicting parameters \"external\" and {} specified",
                go_quote(key)
            );
            return Err((at(&["volumes", name, key]), message));
        }
    }
    for (name, service) in section("services") {
        let list = |pointer: &str| {
            service.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
        };
        for port in list("/ports") {
            if let Some(ip) = port.get("host_ip").and_then(Value::as_str)
                && ip.parse::<std::net::IpAddr>().is_err()
            {
                let message = format!("services.{name}.ports.[]: invalid ip address: {ip}");
                return Err((at(&["services", name, "ports"]), message));
            }
        }
        for (pointer, shown) in [
            ("/deploy/resources/reservations/devices", "deploy.resources.reservations.devices"),
            ("/gpus", "gpus"),
        ] {
            if list(pointer).any(|d| d.get("count").is_some() && d.get("device_ids").is_some()) {
                let message = format!(
                    "services.{name}.{shown}.[]: \"count\" and \"device_ids\" \
                     attributes are exclusive"
                );
                return Err((at(&["services", name]), message));
            }
        }
        if list("/develop/watch").any(|w| w.get("path").and_then(Value::as_str) == Some("")) {
            let message = format!("services.{name}.develop.watch.[].path: value can't be blank");
            return Err((at(&["services", name, "develop", "watch"]), message));
        }
    }
    Ok(())
}

/// Makes relative paths absolute, seen from a folder (or only relative to another).
///
/// # Errors
/// A bind mount without a source.
pub(super) fn resolve_paths(model: &mut Value, folder: &str, home: &str) -> Result<(), String> {
    let base = Base { folder, home };
    for (_, service) in entries(model, "services") {
        if let Some(build) = service.get_mut("build").and_then(Value::as_object_mut) {
            base.context(build.get_mut("context"));
            if let Some(Value::Object(contexts)) = build.get_mut("additional_contexts") {
                contexts.values_mut().for_each(|c| base.context(Some(c)));
            }
            if let Some(Value::Object(keys)) = build.get_mut("ssh") {
                keys.values_mut().for_each(|k| base.path(Some(k)));
            }
        }
        if let Some(Value::Array(files)) = service.get_mut("env_file") {
            files.iter_mut().for_each(|f| base.path(f.get_mut("path")));
        }
        if let Some(Value::Array(files)) = service.get_mut("label_file") {
            files.iter_mut().for_each(|f| base.path(Some(f)));
        }
        base.path(service.get_mut("extends").and_then(|e| e.get_mut("file")));
        if let Some(Value::Array(watches)) = service.pointer_mut("/develop/watch") {
            watches.iter_mut().for_each(|w| base.path(w.get_mut("path")));
        }
        if let Some(Value::Array(mounts)) = service.get_mut("volumes") {
            for mount in mounts {
                if mount.get("type") != Some(&json!("bind")) {
                    continue;
                }
                match mount.get_mut("source") {
                    None => {
                        return Err("invalid mount config for type \"bind\": field Source must \
                                    not be empty"
                            .to_owned());
                    }
                    source => base.path(source),
                }
            }
        }
    }
    for kind in ["configs", "secrets"] {
        for (_, resource) in entries(model, kind) {
            base.path(resource.get_mut("file"));
        }
    }
    for (_, volume) in entries(model, "volumes") {
        let bind = volume.get("driver") == Some(&json!("local"))
            && volume.pointer("/driver_opts/o") == Some(&json!("bind"));
        if bind {
            base.path(volume.pointer_mut("/driver_opts/device"));
        }
    }
    Ok(())
}

struct Base<'a> {
    folder: &'a str,
    home: &'a str,
}

impl Base<'_> {
    fn path(&self, value: Option<&mut Value>) {
        let Some(Value::String(path)) = value else { return };
        if let Some(rest) = path.strip_prefix('~') {
            *path = join(self.home, rest);
        }
        let windows =
            path.get(1..3).is_some_and(|t| t == ":\\" || t == ":/") || path.starts_with("\\\\");
        if !path.starts_with('/') && !windows && !path.is_empty() {
            *path = join(self.folder, path);
        }
    }

    fn context(&self, value: Option<&mut Value>) {
        let Some(slot) = value else { return };
        let remote = slot.as_str().is_none_or(|c| {
            c.contains("://")
                || ["service:", "github.com/", "git@"].iter().any(|p| c.starts_with(p))
        });
        if !remote {
            self.path(Some(slot));
        }
    }
}

/// Takes values of variables without value from the surroundings; lists only.
pub(super) fn resolve_environment(model: &mut Value, env: &BTreeMap<String, String>) {
    for (_, service) in entries(model, "services") {
        if let Some(Value::Array(items)) = service.get_mut("environment") {
            for item in items {
                if let Some(value) = item.as_str().and_then(|name| env.get(name)) {
                    *item = json!(format!("{}={value}", sprint(item)));
                }
            }
        }
    }
}

/// Networks, names and dependencies that are implied.
pub(super) fn normalize(model: &mut Value, project: &str, env: &BTreeMap<String, String>) {
    let mut uses_default = false;
    for (_, service) in entries(model, "services") {
        let Value::Object(service) = service else { continue };
        if !service.contains_key("provider") && !service.contains_key("network_mode") {
            let networks = service.entry("networks").or_insert_with(super::schema::empty);
            if networks.as_object().is_none_or(Map::is_empty) {
                *networks = json!({"default": null});
            }
            uses_default |= networks.get("default").is_some();
        }
        normalize_service(service, env);
    }
    if uses_default && let Value::Object(model) = model {
        let networks = model.entry("networks").or_insert_with(super::schema::empty);
        if let Value::Object(networks) = networks {
            networks.entry("default").or_insert(Value::Null);
        }
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for (key, resource) in entries(model, kind) {
            if resource.is_null() {
                *resource = super::schema::empty();
            }
            let Value::Object(resource) = resource else { continue };
            if resource.get("name").is_none_or(Value::is_null) {
                let external = resource.get("external") == Some(&json!(true));
                let name = if external { key.clone() } else { format!("{project}_{key}") };
                resource.insert("name".to_owned(), json!(name));
            }
        }
    }
}

fn normalize_service(service: &mut Fields, env: &BTreeMap<String, String>) {
    if service.get("pull_policy") == Some(&json!("if_not_present")) {
        service.insert("pull_policy".to_owned(), json!("missing"));
    }
    if let Some(Value::Object(build)) = service.get_mut("build") {
        build.entry("context").or_insert(json!("."));
        if !build.contains_key("dockerfile_inline") {
            build.entry("dockerfile").or_insert(json!("Dockerfile"));
        }
        if let Some(args) = build.get_mut("args") {
            resolve(args, env, false);
        }
    }
    if let Some(environment) = service.get_mut("environment") {
        resolve(environment, env, true);
    }
    if let Some(Value::Array(mounts)) = service.get_mut("volumes") {
        for mount in mounts {
            if let Some(Value::String(target)) = mount.get_mut("target") {
                *target = clean(target);
            }
        }
    }
    let mut implied: Vec<(String, bool)> = Vec::new();
    let list = |key: &str| service.get(key).and_then(Value::as_array).into_iter().flatten();
    for link in list("links").map(sprint) {
        let parts: Vec<&str> = link.split(':').collect();
        implied
            .push((if let [name, _] = parts.as_slice() { (*name).to_owned() } else { link }, true));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let shared =
            service.get(key).and_then(Value::as_str).and_then(|m| m.strip_prefix("service:"));
        implied.extend(shared.map(|name| (name.to_owned(), true)));
    }
    for source in list("volumes_from").map(sprint).filter(|s| !s.starts_with("container:")) {
        let name = source.split(':').next().unwrap_or_default().to_owned();
        implied.push((name, false));
    }
    if implied.is_empty() {
        return;
    }
    let depends_on = service.entry("depends_on").or_insert_with(super::schema::empty);
    if let Value::Object(depends_on) = depends_on {
        for (name, restart) in implied {
            depends_on.entry(name).or_insert_with(
                || json!({"condition": "service_started", "restart": restart, "required": true}),
            );
        }
    }
}

/// Takes values of variables without value from the surroundings.
fn resolve(value: &mut Value, env: &BTreeMap<String, String>, keep: bool) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if value.is_null()
                    && let Some(found) = env.get(key)
                {
                    *value = json!(found);
                }
            }
            if !keep {
                map.retain(|_, value| !value.is_null());
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                if let Some(found) = item.as_str().and_then(|name| env.get(name)) {
                    *item = json!(format!("{}={found}", sprint(item)));
                }
            }
            if !keep {
                items.retain(|item| item.as_str().is_some_and(|text| text.contains('=')));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
