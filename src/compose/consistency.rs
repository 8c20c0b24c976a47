//! Whether a typed model makes sense: references, contradictions, cycles.
//!
//! Models `compose-go loader/validate.go` and `graph/cycle.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::base::graph::Needs;

use super::values::{go_quote, sprint};

/// A complaint and the place it is about.
pub(super) type Complaint = (Vec<String>, String);

const INVALID: &str = "invalid compose project";

/// The model's services, by whether their profiles are active.
#[derive(Debug)]
pub(super) struct Services<'a> {
    /// Active ones.
    pub(super) active: BTreeMap<&'a str, &'a Map<String, Value>>,
    /// The others.
    pub(super) disabled: BTreeMap<&'a str, &'a Map<String, Value>>,
}

impl<'a> Services<'a> {
    /// Splits the services of a model.
    pub(super) fn of(model: &'a Value, profiles: &[String]) -> Self {
        let mut services = Self { active: BTreeMap::new(), disabled: BTreeMap::new() };
        for (name, service) in section(model, "services") {
            let Value::Object(service) = service else { continue };
            if has_profile(service, profiles) {
                services.active.insert(name, service);
            } else {
                services.disabled.insert(name, service);
            }
        }
        services
    }
}

fn has_profile(service: &Map<String, Value>, profiles: &[String]) -> bool {
    match service.get("profiles").and_then(Value::as_array) {
        None => true,
        Some(own) if own.is_empty() => true,
        Some(own) => profiles.iter().any(|p| p == "*" || own.iter().any(|o| o.as_str() == Some(p))),
    }
}

/// The entries of a section.
pub(super) fn section<'a>(
    model: &'a Value,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    model.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// The first complaint about a model.
///
/// # Errors
/// The complaint.
pub(super) fn check(model: &Value, services: &Services<'_>) -> Result<(), Complaint> {
    for (name, service) in &services.active {
        let checker = Checker { model, services, name, service };
        checker.check().map_err(|(keys, message)| {
            let mut path = vec!["services".to_owned(), (*name).to_owned()];
            path.extend(keys.iter().map(|k| (*k).to_owned()));
            (path, message)
        })?;
    }
    for (name, secret) in section(model, "secrets") {
        let given = ["external", "file", "environment"].iter().any(|k| secret.get(k).is_some());
        if !given {
            let quoted = go_quote(name);
            return Err((
                vec!["secrets".to_owned(), name.clone()],
                format!("secret {quoted} must declare either `file` or `environment`: {INVALID}"),
            ));
        }
    }
    cycles(services)
}

type Verdict = Result<(), (Vec<&'static str>, String)>;

struct Checker<'a> {
    model: &'a Value,
    services: &'a Services<'a>,
    name: &'a str,
    service: &'a Map<String, Value>,
}

impl Checker<'_> {
    fn check(&self) -> Verdict {
        self.image()?;
        self.build()?;
        self.networks()?;
        self.health()?;
        self.dependencies()?;
        self.references()?;
        self.scale()?;
        self.resources()?;
        self.copies()?;
        self.watch()?;
        self.mounts()
    }

    fn text(&self, key: &str) -> &str {
        self.service.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn quoted(&self) -> String {
        go_quote(self.name)
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        let mut steps = pointer.split('/');
        let first = self.service.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    }

    fn has(&self, section: &str, key: &str) -> bool {
        self.model.get(section).and_then(|s| s.get(key)).is_some()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.service.get(key).and_then(Value::as_array).into_iter().flatten()
    }

    fn keys(&self, key: &str) -> impl Iterator<Item = &String> {
        self.service.get(key).and_then(Value::as_object).into_iter().flat_map(Map::keys)
    }

    fn image(&self) -> Verdict {
        let given = ["build", "provider"].iter().any(|k| self.service.contains_key(*k));
        if given || !self.text("image").is_empty() {
            return Ok(());
        }
        Err((
            vec![],
            format!(
                "service {} has neither an image nor a build context specified: {INVALID}",
                self.quoted()
            ),
        ))
    }

    fn build(&self) -> Verdict {
        if self.at("build/dockerfile_inline").is_some() && self.at("build/dockerfile").is_some() {
            return Err((
                vec!["build"],
                format!(
                    "service {} declares mutualy exclusive dockerfile and \
                     dockerfile_inline: {INVALID}",
                    self.quoted()
                ),
            ));
        }
        let contexts = self.at("build/additional_contexts").and_then(Value::as_object);
        for (add, context) in contexts.into_iter().flatten() {
            let context = sprint(context);
            let Some(target) = context.strip_prefix("service:") else { continue };
            let what = match self.services.active.get(target) {
                None => "unknown",
                Some(service) if !service.contains_key("build") => "non-buildable",
                Some(_) => continue,
            };
            return Err((
                vec!["build", "additional_contexts"],
                format!(
                    "service {} declares {what} service {} as additional contexts {add}",
                    self.quoted(),
                    go_quote(target)
                ),
            ));
        }
        let platforms = self.at("build/platforms").and_then(Value::as_array);
        let platform = self.text("platform");
        if let Some(platforms) = platforms
            && !platform.is_empty()
            && !platforms.iter().any(|p| p.as_str() == Some(platform))
        {
            return Err((
                vec!["build", "platforms"],
                format!(
                    "service.build.platforms MUST include service.platform {}: {INVALID}",
                    go_quote(platform)
                ),
            ));
        }
        Ok(())
    }

    fn networks(&self) -> Verdict {
        if !self.text("network_mode").is_empty() && self.keys("networks").next().is_some() {
            return Err((
                vec!["network_mode"],
                format!(
                    "service {} declares mutually exclusive `network_mode` and \
                     `networks`: {INVALID}",
                    self.name
                ),
            ));
        }
        match self.keys("networks").find(|n| !self.has("networks", n)) {
            None => Ok(()),
            Some(network) => Err((
                vec!["networks"],
                format!(
                    "service {} refers to undefined network {network}: {INVALID}",
                    self.quoted()
                ),
            )),
        }
    }

    fn health(&self) -> Verdict {
        match self
            .at("healthcheck/test/0")
            .or_else(|| self.at("healthcheck/test").and_then(|t| t.get(0)))
        {
            Some(first)
                if !["CMD", "CMD-SHELL", "NONE"].contains(&first.as_str().unwrap_or_default()) =>
            {
                Err((
                    vec!["healthcheck", "test"],
                    "healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\""
                        .to_owned(),
                ))
            }
            _ => Ok(()),
        }
    }

    fn dependencies(&self) -> Verdict {
        let depends_on = self.service.get("depends_on").and_then(Value::as_object);
        for (name, dependency) in depends_on.into_iter().flatten() {
            if self.services.active.contains_key(name.as_str()) {
                continue;
            }
            let required = dependency.get("required").and_then(Value::as_bool).unwrap_or(false);
            if !required && self.services.disabled.contains_key(name.as_str()) {
                continue;
            }
            return Err((
                vec!["depends_on"],
                format!(
                    "service {} depends on undefined service {}: {INVALID}",
                    self.quoted(),
                    go_quote(name)
                ),
            ));
        }
        if let Some(shared) = self.text("network_mode").strip_prefix("service:")
            && !self.services.active.contains_key(shared)
        {
            return Err((
                vec!["network_mode"],
                format!(
                    "service {} not found for network_mode 'service:{shared}'",
                    go_quote(shared)
                ),
            ));
        }
        Ok(())
    }

    fn references(&self) -> Verdict {
        let undefined = |key: &'static str, what: &str, name: &str| {
            let message =
                format!("service {} refers to undefined {what} {name}: {INVALID}", self.quoted());
            Err((vec![key], message))
        };
        for volume in self.items("volumes") {
            let source = volume.get("source").and_then(Value::as_str).unwrap_or_default();
            let named = volume.get("type").and_then(Value::as_str) == Some("volume");
            if named && !source.is_empty() && !self.has("volumes", source) {
                return undefined("volumes", "volume", source);
            }
        }
        let source = |item: &Value| item.get("source").map(sprint).unwrap_or_default();
        let build = self.at("build/secrets").and_then(Value::as_array).into_iter().flatten();
        if let Some(name) = build.map(source).find(|n| !self.has("secrets", n)) {
            return undefined("build", "build secret", &name);
        }
        if let Some(name) = self.items("configs").map(source).find(|n| !self.has("configs", n)) {
            return undefined("configs", "config", &name);
        }
        if let Some(name) = self.keys("models").find(|n| !self.has("models", n)) {
            return undefined("models", "model", name);
        }
        match self.items("secrets").map(source).find(|n| !self.has("secrets", n)) {
            Some(name) => undefined("secrets", "secret", &name),
            None => Ok(()),
        }
    }

    fn scale(&self) -> Verdict {
        let name = self.name;
        let scale = self.at("scale").and_then(Value::as_i64);
        let replicas = self.at("deploy/replicas").and_then(Value::as_i64);
        if let (Some(a), Some(b)) = (scale, replicas)
            && a != b
        {
            return Err((
                vec!["scale"],
                format!(
                    "services.{name}: can't set distinct values on 'scale' and \
                     'deploy.replicas': {INVALID}"
                ),
            ));
        }
        for (value, key, keys) in [
            (scale, "scale", vec!["scale"]),
            (replicas, "deploy.replicas", vec!["deploy", "replicas"]),
        ] {
            if value.is_some_and(|v| v < 0) {
                let message = format!("services.{name}.{key}: must be greater than or equal to 0");
                return Err((keys, message));
            }
        }
        Ok(())
    }

    fn resources(&self) -> Verdict {
        for (key, side, limit) in [
            ("cpus", "limits", "cpus"),
            ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"),
            ("pids_limit", "limits", "pids"),
        ] {
            let Some(own) = self.at(key) else { continue };
            let Some(resources) = self.at(&format!("deploy/resources/{side}")) else { continue };
            let same = resources.get(limit).is_some_and(|v| {
                v == own
                    || v.as_f64()
                        .is_some_and(|f| own.as_f64().is_some_and(|o| o.total_cmp(&f).is_eq()))
            });
            if !same {
                return Err((
                    vec![key],
                    format!(
                        "services.{}: can't set distinct values on '{key}' and \
                         'deploy.resources.{side}.{limit}': {INVALID}",
                        self.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn copies(&self) -> Verdict {
        let scale = self.at("scale").and_then(Value::as_i64);
        let replicas = self.at("deploy/replicas").and_then(Value::as_i64);
        let copies = scale.or(replicas).unwrap_or(1);
        if copies <= 1 || self.text("container_name").is_empty() {
            return Ok(());
        }
        let attribute = if scale.is_some() { "scale" } else { "deploy.replicas" };
        Err((
            vec!["container_name"],
            format!(
                "services.{attribute}: can't set container_name and {} as container name \
                 must be unique: {INVALID}",
                self.name
            ),
        ))
    }

    fn watch(&self) -> Verdict {
        let watches = self.at("develop/watch").and_then(Value::as_array).into_iter().flatten();
        for watch in watches {
            let action = watch.get("action").map(sprint).unwrap_or_default();
            if watch.get("target").is_none() && action != "rebuild" && action != "restart" {
                return Err((
                    vec!["develop", "watch"],
                    format!(
                        "services.{}.develop.watch: target is required for non-rebuild \
                         actions: {INVALID}",
                        self.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn mounts(&self) -> Verdict {
        let mut mounts: BTreeMap<String, String> = BTreeMap::new();
        let tmpfs = self.items("tmpfs").enumerate().map(|(i, t)| {
            let path = sprint(t);
            let target = path.split(':').next().unwrap_or_default().to_owned();
            ("tmpfs", i, target)
        });
        let volumes = self
            .items("volumes")
            .enumerate()
            .map(|(i, v)| ("volumes", i, v.get("target").map(sprint).unwrap_or_default()));
        for (key, index, target) in tmpfs.chain(volumes) {
            let place = format!("services.{}.{key}[{index}]", self.name);
            if let Some(before) = mounts.get(&target) {
                let message = format!("{place}: target {target} already mounted as {before}");
                return Err((vec![key], message));
            }
            mounts.insert(target, place);
        }
        Ok(())
    }
}

fn cycles(services: &Services<'_>) -> Result<(), Complaint> {
    let names: Vec<&str> = services.active.keys().copied().collect();
    let needs = Needs::by_name(&names, |name| {
        let depends_on = services.active.get(name).and_then(|s| s.get("depends_on"));
        depends_on.and_then(Value::as_object).into_iter().flat_map(Map::keys)
    });
    let Some(ring) = needs.ring() else { return Ok(()) };
    let ring: Vec<&str> = ring.members.iter().filter_map(|at| names.get(*at).copied()).collect();
    let first = ring.first().copied().unwrap_or_default();
    let message = format!("dependency cycle detected: {} -> {first}", ring.join(" -> "));
    Err((vec!["services".to_owned(), first.to_owned(), "depends_on".to_owned()], message))
}
