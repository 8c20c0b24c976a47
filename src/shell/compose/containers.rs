//! Containers of services: made, replaced, stopped, restarted, removed.
//!
//! Models docker compose v2.40.3 `pkg/compose/convergence.go`, `down.go`, `stop.go`, `restart.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::message::Message;
use crate::compose::create::{self, Copy, Service, label};
use crate::compose::plan::{self, Change, Policy};
use crate::compose::values::sprint;
use crate::docker::api::{ApiError, ContainerSummary, Filters, Reply, Request, Status};
use crate::shell::job::{Io, Reason};

use super::action::{Do, Removal, Then, ask, step};
use super::tree::{Failure, Node, Step};
use super::work::{Mood, Work};

/// What stopping is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    /// Only these services; all if empty.
    pub(super) services: Vec<String>,
    /// Remove what has stopped.
    pub(super) remove: bool,
    /// With anonymous volumes.
    pub(super) volumes: bool,
    /// Also what these services are needed by and stand below (`down SERVICE`).
    pub(super) roots: bool,
}

/// Containers by name, so that runs do not depend on the order of the daemon.
pub(super) fn sorted(mut list: Vec<ContainerSummary>) -> Vec<ContainerSummary> {
    list.sort_by_key(|c| (plan::service_of(c).to_owned(), plan::number(c), plan::name(c)));
    list
}

/// The question for the containers of a project.
pub(super) fn list(project: &str, all: bool) -> Request {
    let value = format!("{}={project}", label::PROJECT);
    let filters = Filters::from([("label".to_owned(), vec![value])]);
    Request::ContainerList { all, limit: None, filters, size: false }
}

/// Lists the containers of the project.
pub(super) fn listed(work: &Work) -> Node {
    ask(list(&work.project.name, true), Then::Listed)
}

/// Containers of a service that are no one-offs.
pub(super) fn of_service(work: &Work, service: &str) -> Vec<ContainerSummary> {
    let own = |c: &&ContainerSummary| plan::service_of(c) == service && !plan::is_one_off(c);
    work.containers.iter().filter(own).cloned().collect()
}

/// Keeps what is observed at the beginning.
pub(super) fn observe(list: Vec<ContainerSummary>, work: &mut Work) {
    work.observed.clear();
    for container in list.iter().filter(|c| !plan::is_one_off(c)) {
        let service = plan::service_of(container).to_owned();
        work.observed.entry(service).or_default().push(container.clone());
    }
    work.containers = list;
}

/// Warns of orphans, or removes them.
pub(super) fn orphans(work: &mut Work, io: &mut Io<'_>) -> Node {
    let orphans: Vec<ContainerSummary> =
        work.containers.iter().filter(|c| plan::is_orphan(c, &work.project)).cloned().collect();
    if orphans.is_empty() {
        return Node::Done;
    }
    if work.settings.remove_orphans {
        return Node::par(orphans.iter().map(|c| remove_one(c, false, work, io)));
    }
    let names: Vec<String> = orphans.iter().map(plan::name).collect();
    let project = work.project.name.clone();
    io.record(project, Message::new("why-compose-orphans").with("names", names.join(", ")));
    work.warn(
        io,
        &format!(
            "Found orphan containers ([{}]) for this project. If you removed or renamed this \
             service in your compose file, you can run this command with the --remove-orphans \
             flag to clean it up.",
            names.join(" ")
        ),
    );
    Node::Done
}

/// Steps for all services, each after those it depends on.
pub(super) fn in_order(work: &Work, make: impl Fn(&str) -> Do) -> Node {
    let steps = work.project.service_names().into_iter().map(|name| Step {
        after: work.project.dependencies(&name).map(|(n, _)| n.clone()).collect(),
        begun: false,
        node: step(make(&name)),
        name,
    });
    Node::Order(steps.collect())
}

/// Steps for all services, each after those that depend on it.
pub(super) fn in_reverse(work: &Work, make: impl Fn(&str) -> Do) -> Node {
    let names = work.project.service_names();
    let needs = |a: &str, b: &str| work.project.dependencies(a).any(|(n, _)| n == b);
    let steps = names.iter().map(|name| Step {
        name: name.clone(),
        after: names.iter().filter(|other| needs(other, name)).cloned().collect(),
        begun: false,
        node: step(make(name)),
    });
    Node::Order(steps.collect())
}

/// Brings every service to what is wanted.
pub(super) fn converge_all(work: &Work) -> Node {
    in_order(work, |name| Do::Service(name.to_owned()))
}

/// A service with references to containers in place of references to services.
fn resolved(name: &str, work: &Work) -> Result<Value, Failure> {
    let service = work.project.service(name).cloned().unwrap_or_default();
    let container_of = |name: &str| {
        let mut found: Vec<&ContainerSummary> = work.observed.get(name)?.iter().collect();
        found.sort_by_key(|c| plan::number(c));
        found.first().map(|c| c.id.clone())
    };
    create::resolved(&service, &container_of).map_err(Failure::new)
}

/// Brings a service to what is wanted.
pub(super) fn converge(name: &str, work: &mut Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    if work.settings.left_alone.contains(name) {
        return Ok(Node::Done);
    }
    let value = resolved(name, work)?;
    let service = Service { name, value: &value };
    let settings = &work.settings;
    let named = settings.services.is_empty() || settings.services.iter().any(|s| s == name);
    let policy = if named { settings.recreate } else { settings.recreate_dependencies };
    let containers = work.observed.get(name).cloned().unwrap_or_default();
    let image = work.images.get(name).cloned().unwrap_or_default();
    let changes = plan::converge(&work.project, service, &image, &containers, policy)?;
    let mut before = Vec::new();
    if changes.iter().any(|c| matches!(c, Change::Recreate(..))) {
        before = stop_dependents(name, work, io);
    }
    let mut nodes = Vec::new();
    let mut kept = Vec::new();
    for change in changes {
        match change {
            Change::Create(number) => nodes.push(step(Do::Create(name.to_owned(), number))),
            Change::Recreate(old, why) => {
                reason(&old, name, why, io);
                nodes.push(step(Do::Recreate(name.to_owned(), old)));
            }
            Change::Remove(old) => {
                let why = Message::new("why-compose-scaled-down").with("service", name);
                reason(&old, "", why, io);
                nodes.push(remove_one(&old, false, work, io));
            }
            Change::Running(container) => {
                work.container(io, &plan::name(&container), "Running", Mood::Done);
                kept.push(*container);
            }
            Change::Keep(container) => kept.push(*container),
            Change::Resume(container) => {
                let event = format!("Container {}", plan::name(&container));
                work.event(io, &event, "Restart", Mood::Working);
                let start = Request::ContainerStart { id: container.id.clone() };
                nodes.push(ask(start, Then::Show(event, "Restarted")));
                kept.push(*container);
            }
        }
    }
    work.observed.insert(name.to_owned(), kept);
    before.push(Node::par(nodes));
    Ok(Node::seq(before))
}

/// Notes why a container is replaced or goes; a service that is named gets its new one for that.
fn reason(old: &ContainerSummary, service: &str, what: Message, io: &mut Io<'_>) {
    let subject = plan::name(old);
    let mut about = vec![subject.clone(), old.id.clone()];
    about.extend(Some(service).filter(|s| !s.is_empty()).map(str::to_owned));
    io.reason(Reason { subject, what, about, because: None });
}

/// Stops the services that want to restart with one that is replaced.
fn stop_dependents(name: &str, work: &mut Work, io: &mut Io<'_>) -> Vec<Node> {
    let wants = |other: &String| {
        work.project
            .dependencies(other)
            .any(|(n, d)| n == name && d.get("restart").and_then(Value::as_bool).unwrap_or(false))
    };
    let dependents: Vec<String> = work.project.service_names().into_iter().filter(wants).collect();
    let mut nodes = Vec::new();
    for dependent in dependents {
        let containers = work.observed.get(&dependent).cloned().unwrap_or_default();
        nodes.push(Node::par(containers.iter().map(|c| stop_one(c, None, work, io))));
        for container in work.observed.entry(dependent).or_default() {
            container.state = Status::Exited;
        }
    }
    nodes
}

fn copy_of(service: Service<'_>, number: u32, work: &Work) -> Copy {
    let project = &work.project.name;
    Copy {
        number,
        name: service.container_name(project, number),
        image_id: work.images.get(service.name).cloned().unwrap_or_default(),
        links: links(service, number, work),
        aliases: true,
        ..Copy::default()
    }
}

fn links(service: Service<'_>, number: u32, work: &Work) -> Vec<String> {
    let mut links = Vec::new();
    for link in service.texts("links") {
        let (target, alias) = link.split_once(':').unwrap_or((&link, &link));
        for container in work.observed.get(target).into_iter().flatten() {
            let name = plan::name(container);
            links.push(format!("{name}:{alias}"));
            links.push(format!("{name}:{target}-{number}"));
            links.push(format!("{name}:{}-{target}-{number}", work.project.name));
        }
    }
    for link in service.texts("external_links") {
        let (target, alias) = link.split_once(':').unwrap_or((&link, &link));
        links.push(format!("{target}:{alias}"));
    }
    links
}

/// Makes a container of a service.
pub(super) fn create(
    name: &str,
    number: u32,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let value = resolved(name, work)?;
    let service = Service { name, value: &value };
    let copy = copy_of(service, number, work);
    work.container(io, &copy.name, "Creating", Mood::Working);
    let config = create::container(&work.project, service, &copy)?;
    if work.settings.dry_run {
        work.container(io, &copy.name, "Created", Mood::Done);
        let summary = made(name, number, &copy.name, &copy.name, &config.config.labels);
        work.observed.entry(name.to_owned()).or_default().push(summary);
        return Ok(Node::Done);
    }
    let then = Then::Created(name.to_owned(), number, copy.name.clone());
    Ok(ask(Request::ContainerCreate { name: copy.name, config: Box::new(config) }, then))
}

fn made(
    service: &str,
    number: u32,
    name: &str,
    id: &str,
    labels: &BTreeMap<String, String>,
) -> ContainerSummary {
    let mut labels = labels.clone();
    labels.insert(label::SERVICE.to_owned(), service.to_owned());
    labels.insert(label::NUMBER.to_owned(), number.to_string());
    ContainerSummary {
        id: id.to_owned(),
        names: vec![format!("/{name}")],
        image: String::new(),
        image_id: String::new(),
        command: String::new(),
        created: crate::base::time::SimTime::default(),
        ports: Vec::new(),
        labels,
        state: Status::Created,
        status: String::new(),
        health: None,
        exit_code: 0,
        networks: BTreeMap::new(),
        mounts: Vec::new(),
        network_mode: String::new(),
        size: (0, 0),
    }
}

/// A container was made, or not.
pub(super) fn created(
    service: &str,
    number: u32,
    name: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    match result {
        Ok(Reply::Created { id, warnings }) => {
            for warning in warnings {
                work.service(io, service, &warning, Mood::Warning);
            }
            work.container(io, name, "Created", Mood::Done);
            let summary = made(service, number, name, &id, &BTreeMap::new());
            work.observed.entry(service.to_owned()).or_default().push(summary);
            Ok(Node::Done)
        }
        Ok(_) => Ok(Node::Done),
        Err(error) => {
            work.container(io, name, &error.client_text(), Mood::Error);
            Err(error.into())
        }
    }
}

/// Replaces a container: the new one is made first, under another name.
pub(super) fn recreate(
    name: &str,
    old: ContainerSummary,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let value = resolved(name, work)?;
    let service = Service { name, value: &value };
    let number = plan::number(&old);
    let mut copy = copy_of(service, number, work);
    let replaced = match service.text("container_name") {
        "" => format!("{name}-{number}"),
        fixed => fixed.to_owned(),
    };
    copy.labels.insert(label::REPLACE.to_owned(), replaced);
    if !work.settings.renew {
        copy.inherited.clone_from(&old.mounts);
    }
    work.container(io, &plan::name(&old), "Recreate", Mood::Working);
    if work.settings.dry_run {
        work.container(io, &plan::name(&old), "Recreated", Mood::Done);
        work.observed.entry(name.to_owned()).or_default().push(old);
        return Ok(Node::Done);
    }
    let config = create::container(&work.project, service, &copy)?;
    let short = old.id.get(..12).unwrap_or(&old.id);
    let temporary = format!("{short}_{}", copy.name);
    let then = Then::Replacing(Box::new(old), name.to_owned());
    Ok(ask(Request::ContainerCreate { name: temporary, config: Box::new(config) }, then))
}

/// The new container is made: the old one goes, and the name passes on.
pub(super) fn replacing(
    old: ContainerSummary,
    service: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let event = format!("Container {}", plan::name(&old));
    let id = match result {
        Ok(Reply::Created { id, .. }) => id,
        Ok(_) => return Ok(Node::Done),
        Err(error) => {
            work.event(io, &event, &error.client_text(), Mood::Error);
            return Err(error.into());
        }
    };
    let number = plan::number(&old);
    let value = work.project.service(service).cloned().unwrap_or_default();
    let name = Service { name: service, value: &value }.container_name(&work.project.name, number);
    let summary = made(service, number, &name, &id, &BTreeMap::new());
    work.observed.entry(service.to_owned()).or_default().push(summary);
    let quiet = || Then::ShowOr(event.clone(), "", event.clone());
    let stop =
        Request::ContainerStop { id: old.id.clone(), signal: None, timeout: work.settings.timeout };
    let remove = Request::ContainerRemove { id: old.id, force: false, volumes: false, link: false };
    let rename = Request::ContainerRename { id, name };
    Ok(Node::seq([
        ask(stop, quiet()),
        ask(remove, quiet()),
        ask(rename, Then::ShowOr(event.clone(), "Recreated", event.clone())),
    ]))
}

/// Stops a container, then perhaps removes it.
pub(super) fn stop_one(
    container: &ContainerSummary,
    removal: Option<Removal>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Node {
    let name = plan::name(container);
    work.container(io, &name, "Stopping", Mood::Working);
    let stop = Request::ContainerStop {
        id: container.id.clone(),
        signal: None,
        timeout: work.settings.timeout,
    };
    ask(stop, Then::Stopped(name, removal))
}

/// Stops and removes a container.
pub(super) fn remove_one(
    container: &ContainerSummary,
    volumes: bool,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Node {
    let removal = Removal { id: container.id.clone(), volumes };
    stop_one(container, Some(removal), work, io)
}

/// A container has stopped.
pub(super) fn stopped(
    name: &str,
    removal: Option<Removal>,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    if let Err(error) = result {
        if error.status == 404 && removal.is_some() {
            work.container(io, name, "Removed", Mood::Done);
            return Ok(Node::Done);
        }
        work.container(io, name, "Error while Stopping", Mood::Error);
        return Err(error.into());
    }
    work.container(io, name, "Stopped", Mood::Done);
    let Some(removal) = removal else { return Ok(Node::Done) };
    work.container(io, name, "Removing", Mood::Working);
    let remove = Request::ContainerRemove {
        id: removal.id,
        force: true,
        volumes: removal.volumes,
        link: false,
    };
    Ok(ask(remove, Then::RemovedContainer(name.to_owned())))
}

/// A container is gone.
pub(super) fn removed(
    name: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    match result {
        Err(error) if !matches!(error.status, 404 | 409) => {
            work.container(io, name, "Error while Removing", Mood::Error);
            Err(error.into())
        }
        _ => {
            work.container(io, name, "Removed", Mood::Done);
            Ok(Node::Done)
        }
    }
}

/// Stops services along dependencies, those that depend on others first.
pub(super) fn stop_all(stop: &Stop, work: &Work) -> Node {
    in_reverse(work, |name| Do::StopService(name.to_owned(), stop.clone()))
}

/// Stops a service.
pub(super) fn stop_service(name: &str, stop: &Stop, work: &mut Work, io: &mut Io<'_>) -> Node {
    let named = stop.services.is_empty() || stop.services.iter().any(|s| s == name);
    let concerned = named || stop.roots && above(work, name, &stop.services);
    if !concerned {
        return Node::Done;
    }
    let containers = of_service(work, name);
    let hooks = work.project.service(name).and_then(|s| s.get("pre_stop")).cloned();
    Node::par(containers.iter().map(|container| {
        let stop = if stop.remove {
            remove_one(container, stop.volumes, work, io)
        } else {
            stop_one(container, None, work, io)
        };
        let hooks = hooks.iter().filter_map(Value::as_array).flatten();
        let run = hooks.map(|h| super::waiting::hook(name, &container.id, h));
        Node::seq(run.chain([stop]).collect::<Vec<_>>())
    }))
}

/// Whether a service depends on one of those named, directly or not.
fn above(work: &Work, name: &str, targets: &[String]) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let found = work.project.collect(&[name.to_owned()], true, &mut seen).is_ok();
    found && targets.iter().any(|t| seen.contains(t))
}

/// Restarts services along the dependencies that ask for it.
pub(super) fn restart_all(work: &Work) -> Node {
    let names = work.project.service_names();
    let wants = |name: &str, other: &str| {
        work.project
            .dependencies(name)
            .any(|(n, d)| n == other && d.get("restart").and_then(Value::as_bool).unwrap_or(false))
    };
    let mut chosen: Vec<String> = match work.settings.services.as_slice() {
        [] => names.clone(),
        named => named.to_vec(),
    };
    // Services that restart with one that restarts.
    let mut index = 0;
    while let Some(current) = chosen.get(index).cloned().filter(|_| !work.settings.alone) {
        for name in &names {
            if wants(name, &current) && !chosen.contains(name) {
                chosen.push(name.clone());
            }
        }
        index += 1;
    }
    let steps = chosen.iter().map(|name| Step {
        name: name.clone(),
        after: chosen.iter().filter(|other| wants(name, other)).cloned().collect(),
        begun: false,
        node: step(Do::RestartService(name.clone())),
    });
    Node::Order(steps.collect())
}

/// Restarts a service.
pub(super) fn restart_service(name: &str, work: &mut Work, io: &mut Io<'_>) -> Node {
    let containers = of_service(work, name);
    Node::par(containers.iter().map(|container| {
        let event = format!("Container {}", plan::name(container));
        work.event(io, &event, "Restarting", Mood::Working);
        let restart = Request::ContainerRestart {
            id: container.id.clone(),
            signal: None,
            timeout: work.settings.timeout,
        };
        ask(restart, Then::Show(event, "Started"))
    }))
}

/// The policy that a pair of flags means.
pub(super) fn policy(force: bool, never: bool) -> Policy {
    match (force, never) {
        (true, _) => Policy::Force,
        (_, true) => Policy::Never,
        (false, false) => Policy::Diverged,
    }
}

/// A text of a service.
pub(super) fn text(service: &Value, key: &str) -> String {
    service.get(key).map(sprint).unwrap_or_default()
}
