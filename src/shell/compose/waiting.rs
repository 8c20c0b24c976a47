//! Starting along dependencies, and waiting until what is depended on is ready.
//!
//! Models docker compose v2.40.3 `pkg/compose/convergence.go` (`waitDependencies`, `startService`),
//! `start.go` and `hook.go`.

use serde_json::Value;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::compose::create::Service;
use crate::compose::plan;
use crate::compose::values::sprint;
use crate::docker::api::{
    ApiError, ArchiveEntry, ContainerInspect, ExecConfig, HealthStatus, Reply, Request, Status,
};
use crate::shell::job::{Io, Reason};

use super::action::{Action, Do, Then, ask, step};
use super::containers::{in_order, of_service};
use super::tree::{Failure, Node};
use super::work::{Mood, Work};

/// Time between looks at a dependency.
const POLL: SimDuration = SimDuration::from_millis(500);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Running, or healthy where there is a health check.
    Ready,
    /// Healthy.
    Healthy,
    /// Ended with exit code 0.
    Completed,
}

/// One wait for the containers of a service.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// Who waits.
    dependent: String,
    service: String,
    condition: Condition,
    required: bool,
    containers: Vec<(String, String)>,
    deadline: Option<SimTime>,
}

/// Starts everything along dependencies.
pub(super) fn start_all(work: &Work) -> Node {
    in_order(work, |name| Do::StartService(name.to_owned()))
}

/// Waits for what a service depends on, then starts it.
pub(super) fn start_service(name: &str, work: &mut Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    // What the service of a one-off container depends on is waited for all the same.
    let only_wait = work.settings.left_alone.contains(name);
    if only_wait && work.settings.services.first().is_none_or(|service| service != name) {
        return Ok(Node::Done);
    }
    let service = work.project.service(name).cloned().unwrap_or_default();
    if service.pointer("/deploy/replicas").and_then(Value::as_i64) == Some(0) {
        return Ok(Node::Done);
    }
    let dependencies: Vec<(String, String, bool)> = work
        .project
        .dependencies(name)
        .map(|(n, d)| {
            let condition = d.get("condition").map(sprint).unwrap_or_default();
            (n.clone(), condition, d.get("required").and_then(Value::as_bool).unwrap_or(false))
        })
        .collect();
    let mut waits = Vec::new();
    for (dependency, condition, required) in dependencies {
        let condition = match condition.as_str() {
            "service_healthy" => Condition::Healthy,
            "service_completed_successfully" => Condition::Completed,
            _ => {
                let last = of_service(work, &dependency).pop().map(|c| c.id);
                may_start(name, &dependency, "why-compose-started", last, work, io);
                continue;
            }
        };
        waits.extend(wait_for(name, &dependency, condition, required, None, work, io)?);
    }
    let mut nodes = vec![Node::par(waits)];
    if !only_wait {
        nodes.push(step(Do::StartContainers(name.to_owned())));
    }
    Ok(Node::seq(nodes))
}

/// Notes that a service may start as far as a dependency goes, which is what its start comes from.
fn may_start(
    dependent: &str,
    dependency: &str,
    what: &'static str,
    container: Option<String>,
    work: &Work,
    io: &mut Io<'_>,
) {
    if container.is_none() || work.project.service(dependent).is_none() {
        return;
    }
    let mut about = vec![dependent.to_owned()];
    about.extend(of_service(work, dependent).into_iter().map(|c| c.id));
    let what = Message::new(what).with("service", dependent).with("for", dependency);
    io.reason(Reason { subject: dependent.to_owned(), what, about, because: container });
}

/// Shows that a dependency is waited for.
fn wait_for(
    dependent: &str,
    dependency: &str,
    condition: Condition,
    required: bool,
    deadline: Option<SimTime>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Option<Node>, Failure> {
    let scale = match work.project.service(dependency) {
        Some(value) => Service { name: dependency, value }.scale(),
        None if work.project.disabled.contains_key(dependency) => return Ok(None),
        None => return Err(Failure::new(format!("no such service: {dependency}"))),
    };
    if scale == 0 {
        return Ok(None);
    }
    let containers: Vec<(String, String)> =
        of_service(work, dependency).iter().map(|c| (c.id.clone(), plan::name(c))).collect();
    if containers.is_empty() {
        let message = format!("{dependent} is missing dependency {dependency}");
        if required {
            return Err(Failure::new(message));
        }
        work.warn(io, &message);
        return Ok(None);
    }
    for (_, name) in &containers {
        work.container(io, name, "Waiting", Mood::Working);
    }
    let why = Message::new("why-compose-waits").with("service", dependent).with("for", dependency);
    io.record(dependent, why);
    let (dependent, service) = (dependent.to_owned(), dependency.to_owned());
    let wait = Wait { dependent, service, condition, required, containers, deadline };
    Ok(Some(pause(wait, work, io)))
}

fn pause(wait: Wait, work: &mut Work, io: &mut Io<'_>) -> Node {
    let left = wait.deadline.map_or(POLL, |end| end.since(io.now).min(POLL));
    Node::sleep(left, Action::Do(Box::new(Do::Poll(Box::new(wait)))), work, io)
}

/// Waits until all is running or healthy (`--wait`).
pub(super) fn all_ready(work: &mut Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    let deadline = work.settings.wait_timeout.map(|s| io.now + SimDuration::from_secs(s));
    let names = work.project.service_names();
    let completes = |name: &str| {
        names.iter().any(|other| {
            work.project.dependencies(other).any(|(n, d)| {
                n == name
                    && d.get("condition").is_some_and(|c| c == "service_completed_successfully")
            })
        })
    };
    let conditions: Vec<(String, Condition)> = names
        .iter()
        .map(|n| (n.clone(), if completes(n) { Condition::Completed } else { Condition::Ready }))
        .collect();
    let mut waits = Vec::new();
    let project = work.project.name.clone();
    for (name, condition) in conditions {
        waits.extend(wait_for(&project, &name, condition, true, deadline, work, io)?);
    }
    Ok(Node::par(waits))
}

/// Looks how the first container is.
pub(super) fn poll(wait: Wait, work: &Work, io: &Io<'_>) -> Result<Node, Failure> {
    if wait.deadline.is_some_and(|end| io.now >= end) {
        let seconds = work.settings.wait_timeout.unwrap_or_default();
        let shown = SimDuration::from_secs(seconds).go_string();
        return Err(Failure::new(format!("application not healthy after {shown}")));
    }
    Ok(look(wait, 0))
}

fn look(wait: Wait, index: usize) -> Node {
    match wait.containers.get(index) {
        None => Node::Done,
        Some((id, _)) => {
            let inspect = Request::ContainerInspect { id: id.clone(), size: false };
            ask(inspect, Then::Polled(Box::new(wait), index))
        }
    }
}

/// How a container is, for a wait.
enum Verdict {
    Good,
    NotYet,
    Bad(String),
    Exited(i64),
}

fn verdict(container: &ContainerInspect, condition: Condition) -> Verdict {
    let name = container.name.strip_prefix('/').unwrap_or(&container.name);
    let state = &container.state;
    if condition == Condition::Completed {
        return match state.status {
            Status::Exited => Verdict::Exited(state.exit_code),
            _ => Verdict::NotYet,
        };
    }
    if state.status == Status::Exited {
        return Verdict::Bad(format!("container {name} exited ({})", state.exit_code));
    }
    if container.config.healthcheck.is_none() && condition == Condition::Ready {
        return if state.status == Status::Running { Verdict::Good } else { Verdict::NotYet };
    }
    match state.health.as_ref().map(|h| h.status) {
        None => Verdict::Bad(format!("container {name} has no healthcheck configured")),
        Some(HealthStatus::Healthy) => Verdict::Good,
        Some(HealthStatus::Unhealthy) => Verdict::Bad(format!("container {name} is unhealthy")),
        Some(HealthStatus::Starting) => Verdict::NotYet,
    }
}

/// A container was looked at.
pub(super) fn polled(
    wait: Wait,
    index: usize,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let Reply::Container(container) = result? else { return Ok(Node::Done) };
    let show = |work: &mut Work, io: &mut Io<'_>, text: &str, mood| {
        for (_, name) in &wait.containers {
            work.container(io, name, text, mood);
        }
    };
    match verdict(&container, wait.condition) {
        Verdict::NotYet if wait.condition == Condition::Completed => {
            if index + 1 < wait.containers.len() {
                return Ok(look(wait, index + 1));
            }
            Ok(pause(wait, work, io))
        }
        Verdict::NotYet => Ok(pause(wait, work, io)),
        Verdict::Good if index + 1 < wait.containers.len() => Ok(look(wait, index + 1)),
        Verdict::Good => {
            awaited(&wait, index, "why-compose-ready", work, io);
            show(work, io, "Healthy", Mood::Done);
            Ok(Node::Done)
        }
        Verdict::Exited(0) => {
            awaited(&wait, index, "why-compose-completed", work, io);
            show(work, io, "Exited", Mood::Done);
            Ok(Node::Done)
        }
        Verdict::Exited(code) => {
            let what = format!("\"{}\" didn't complete successfully: exit {code}", wait.service);
            if !wait.required {
                show(work, io, &format!("Skipped: optional dependency {what}"), Mood::Warning);
                work.warn(io, &format!("optional dependency {what}"));
                return Ok(Node::Done);
            }
            let message = format!("service {what}");
            show(work, io, &message, Mood::Error);
            Err(Failure::new(message))
        }
        Verdict::Bad(why) => bad(&wait, &why, work, io),
    }
}

fn awaited(wait: &Wait, index: usize, what: &'static str, work: &Work, io: &mut Io<'_>) {
    let container = wait.containers.get(index).map(|(id, _)| id.clone());
    may_start(&wait.dependent, &wait.service, what, container, work, io);
}

fn bad(wait: &Wait, why: &str, work: &mut Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    io.record(
        wait.service.clone(),
        Message::new("why-compose-dependency-failed").with("reason", why),
    );
    let failed = match wait.condition {
        Condition::Ready => "is not running or is unhealthy",
        Condition::Healthy | Condition::Completed => "failed to start",
    };
    if !wait.required {
        let text = format!("optional dependency \"{}\" {failed}", wait.service);
        for (_, name) in &wait.containers {
            work.container(io, name, &format!("Skipped: {text}"), Mood::Warning);
        }
        work.warn(io, &format!("{text}: {why}"));
        return Ok(Node::Done);
    }
    if wait.condition == Condition::Ready {
        return Err(Failure::new(why));
    }
    for (_, name) in &wait.containers {
        work.container(io, name, "Error", Mood::Error);
    }
    Err(Failure::new(format!("dependency failed to start: {why}")))
}

/// Starts the containers of a service, one after the other.
pub(super) fn start_containers(name: &str, work: &Work) -> Result<Node, Failure> {
    let Some(value) = work.project.service(name) else { return Ok(Node::Done) };
    let service = Service { name, value };
    if work.containers.iter().all(plan::is_one_off) && !work.settings.dry_run {
        if service.scale() == 0 {
            return Ok(Node::Done);
        }
        return Err(Failure::new(format!("service \"{name}\" has no container to start")));
    }
    let mut nodes = Vec::new();
    let containers = if work.settings.dry_run {
        work.observed.get(name).cloned().unwrap_or_default()
    } else {
        of_service(work, name)
    };
    for container in containers.iter().filter(|c| c.state != Status::Running) {
        let event = format!("Container {}", plan::name(container));
        nodes.extend(contents(work, service, &container.id)?);
        nodes.push(step(Do::Show(event.clone(), "Starting", Mood::Working)));
        if !work.settings.dry_run {
            nodes.push(ask(Request::ContainerStart { id: container.id.clone() }, Then::Nothing));
        }
        nodes.extend(service.list("post_start").map(|h| hook(name, &container.id, h)));
        nodes.push(step(Do::Show(event, "Started", Mood::Done)));
    }
    Ok(Node::seq(nodes))
}

/// Copies configs and secrets whose text stands in the project into a container.
fn contents(work: &Work, service: Service<'_>, id: &str) -> Result<Vec<Node>, Failure> {
    let mut nodes = Vec::new();
    for (section, folder) in [("configs", ""), ("secrets", "/run/secrets")] {
        for entry in service.list(section) {
            let text = |key: &str| entry.get(key).map(sprint).unwrap_or_default();
            let source = text("source");
            let definition = work.project.model.get(section).and_then(|s| s.get(&source));
            let Some(definition) = definition else { continue };
            let content = match (definition.get("content"), definition.get("environment")) {
                (Some(content), _) => sprint(content),
                (None, Some(variable)) => {
                    let variable = sprint(variable);
                    let value = work.project.env.get(&variable).cloned();
                    value.ok_or_else(|| {
                        let kind = section.trim_end_matches('s');
                        let name = definition.get("name").map(sprint).unwrap_or_default();
                        Failure::new(format!(
                            "environment variable \"{variable}\" required by {kind} \"{name}\" is \
                             not set"
                        ))
                    })?
                }
                (None, None) => continue,
            };
            let target = match text("target") {
                t if t.is_empty() => format!("{folder}/{source}"),
                t => t,
            };
            let file = target.trim_start_matches('/').to_owned();
            let mode = u32::from_str_radix(&text("mode"), 8).unwrap_or(0o444);
            let folders = file.match_indices('/').filter_map(|(at, _)| file.get(..at));
            let folder =
                |path: &str| ArchiveEntry { path: path.to_owned(), content: None, mode: 0o755 };
            let mut files: Vec<ArchiveEntry> = folders.map(folder).collect();
            files.push(ArchiveEntry { path: file.clone(), content: Some(content), mode });
            let copy = Request::ContainerCopyTo {
                unpack: false,
                id: id.to_owned(),
                path: "/".to_owned(),
                files,
            };
            nodes.push(ask(copy, Then::Nothing));
        }
    }
    Ok(nodes)
}

/// Runs a hook of a service in a container.
pub(super) fn hook(service: &str, id: &str, hook: &Value) -> Node {
    let text = |key: &str| hook.get(key).map(sprint).unwrap_or_default();
    let list = |key: &str| hook.get(key).and_then(Value::as_array).into_iter().flatten();
    let env = hook.get("environment").and_then(Value::as_object).into_iter().flatten();
    let config = ExecConfig {
        cmd: list("command").map(sprint).collect(),
        env: env.map(|(k, v)| format!("{k}={}", sprint(v))).collect(),
        working_dir: text("working_dir"),
        user: text("user"),
        privileged: hook.get("privileged").and_then(Value::as_bool).unwrap_or(false),
        ..ExecConfig::default()
    };
    ask(Request::ExecCreate { id: id.to_owned(), config }, Then::HookMade(service.to_owned()))
}

/// A hook can run.
pub(super) fn hook_made(service: String, result: Result<Reply, ApiError>) -> Result<Node, Failure> {
    let Reply::ExecCreated { exec } = result? else { return Ok(Node::Done) };
    let then = Then::HookRan(service);
    Ok(ask(Request::ExecStart { exec, detach: false }, then))
}

/// A hook has ended, or said something.
pub(super) fn hook_ran(service: &str, result: &Result<Reply, ApiError>) -> Result<Node, Failure> {
    match result {
        Ok(Reply::Exit { code: 0, .. }) => Ok(Node::Done),
        Ok(Reply::Exit { code, .. }) => {
            Err(Failure::new(format!("{service} hook exited with status {code}")))
        }
        Ok(_) => Ok(Node::Done),
        Err(error) => Err(error.clone().into()),
    }
}
