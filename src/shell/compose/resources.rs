//! Networks and volumes of a project: found, made, made anew, removed.
//!
//! Models docker compose v2.40.3 `pkg/compose/create.go` and `down.go`.

use serde_json::Value;

use crate::base::message::Message;
use crate::compose::create::{self, label};
use crate::compose::plan;
use crate::compose::values::go_quote;
use crate::docker::api::{ApiError, EndpointConfig, Filters, Reply, Request};
use crate::shell::job::{Io, Reason};

use super::action::{Do, Then, ask, step};
use super::containers::{of_service, remove_one, stop_one, text};
use super::tree::{Failure, Node};
use super::work::{Mood, Work};
use super::{containers, images};

/// The entries of a section of the model, with their keys.
fn section(work: &Work, name: &str) -> Vec<(String, Value)> {
    let entries = work.project.model.get(name).and_then(Value::as_object).into_iter().flatten();
    entries.map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn is_external(value: &Value) -> bool {
    value.get("external").and_then(Value::as_bool).unwrap_or(false)
}

/// Sees to all networks, one after the other.
pub(super) fn networks(work: &Work) -> Node {
    Node::seq(section(work, "networks").into_iter().map(|(key, value)| {
        let name = text(&value, "name");
        if is_external(&value) {
            let filters = Filters::from([("name".to_owned(), vec![name.clone()])]);
            return ask(Request::NetworkList { filters }, Then::External(name));
        }
        ask(Request::NetworkInspect { id: name }, Then::Network(key))
    }))
}

/// A network that the project does not own must be there.
pub(super) fn external(name: &str, result: Result<Reply, ApiError>) -> Result<Node, Failure> {
    let Reply::Networks(list) = result? else { return Ok(Node::Done) };
    if list.iter().any(|n| n.name == name || n.id == name) {
        return Ok(Node::Done);
    }
    Err(Failure::new(format!("network {name} declared as external, but could not be found")))
}

/// A network was found, or not.
pub(super) fn network(
    key: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let value = definition(work, "networks", key);
    let name = text(&value, "name");
    let make = |again| Ok(step(Do::MakeNetwork(key.to_owned(), again)));
    let found = match result {
        Ok(Reply::Network(found)) if found.name == name => found,
        Err(error) if error.status == 0 => return Err(error.into()),
        _ => return make(Vec::new()),
    };
    let project = &work.project.name;
    match found.labels.get(label::PROJECT) {
        None => work.warn(
            io,
            &format!(
                "a network with name {name} exists but was not created by compose.\nSet \
                 `external: true` to use an existing network"
            ),
        ),
        Some(other) if other != project => {
            let message = format!(
                "a network with name {name} exists but was not created for project {}.\nSet \
                 `external: true` to use an existing network",
                go_quote(project)
            );
            work.warn(io, &message);
        }
        Some(_) => {}
    }
    let labelled = found.labels.get(label::NETWORK).map(String::as_str).unwrap_or_default();
    if labelled != key {
        return Err(Failure::new(format!(
            "network {name} was found but has incorrect label {} set to {} (expected: {})",
            label::NETWORK,
            go_quote(labelled),
            go_quote(key)
        )));
    }
    let hash = found.labels.get(label::HASH).map(String::as_str).unwrap_or_default();
    if hash.is_empty() || hash == create::network_hash(&value) {
        return Ok(Node::Done);
    }
    // What uses it must be known before it can be stopped.
    let renew = step(Do::RenewNetwork(key.to_owned()));
    Ok(Node::seq([containers::listed(work), renew]))
}

fn definition(work: &Work, section: &str, key: &str) -> Value {
    work.project.model.get(section).and_then(|s| s.get(key)).cloned().unwrap_or_default()
}

/// Removes a network that has changed, after stopping what uses it, then makes it anew.
pub(super) fn renew_network(key: &str, work: &mut Work, io: &mut Io<'_>) -> Node {
    let name = text(&definition(work, "networks", key), "name");
    let users: Vec<String> = work
        .project
        .service_names()
        .into_iter()
        .filter(|n| work.project.service(n).is_some_and(|s| s["networks"].get(key).is_some()))
        .collect();
    let containers: Vec<_> = users.iter().flat_map(|n| of_service(work, n)).collect();
    let stops: Vec<Node> = containers.iter().map(|c| stop_one(c, None, work, io)).collect();
    let ids: Vec<String> = containers.iter().map(|c| c.id.clone()).collect();
    let what = Message::new("why-compose-network-changed").with("network", &name);
    let about = ids.iter().chain([&name]).cloned().collect();
    io.reason(Reason { subject: name.clone(), what, about, because: None });
    let leave = ids.iter().map(|id| {
        let request =
            Request::NetworkDisconnect { id: name.clone(), container: id.clone(), force: true };
        ask(request, Then::Nothing)
    });
    let event = format!("Network {name}");
    let mut nodes = vec![Node::par(stops)];
    nodes.extend(leave);
    let remove = Request::NetworkRemove { id: name };
    nodes.push(ask(remove, Then::Show(event, "Removed")));
    nodes.push(step(Do::MakeNetwork(key.to_owned(), ids)));
    Node::seq(nodes)
}

/// Makes a network; then attaches again what was attached before.
pub(super) fn make_network(
    key: &str,
    again: Vec<String>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Node {
    let value = definition(work, "networks", key);
    let name = text(&value, "name");
    work.event(io, &format!("Network {name}"), "Creating", Mood::Working);
    if work.settings.dry_run {
        work.event(io, &format!("Network {name}"), "Created", Mood::Done);
        return Node::Done;
    }
    let config = create::network(&work.project, key, &value);
    ask(Request::NetworkCreate(Box::new(config)), Then::NetworkMade(name, again))
}

/// A network was made, or not.
pub(super) fn network_made(
    name: &str,
    again: Vec<String>,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let event = format!("Network {name}");
    if let Err(error) = result {
        work.event(io, &event, "Error", Mood::Error);
        let message = format!("failed to create network {name}: {}", error.client_text());
        return Err(Failure { message, status: error.status, code: 1 });
    }
    work.event(io, &event, "Created", Mood::Done);
    Ok(Node::seq(again.into_iter().map(|container| {
        let config = EndpointConfig::default();
        ask(Request::NetworkConnect { id: name.to_owned(), container, config }, Then::Nothing)
    })))
}

/// Sees to all volumes, one after the other.
pub(super) fn volumes(work: &Work) -> Node {
    Node::seq(section(work, "volumes").into_iter().map(|(key, value)| {
        ask(Request::VolumeInspect { name: text(&value, "name") }, Then::Volume(key))
    }))
}

/// A volume was found, or not.
pub(super) fn volume(
    key: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let value = definition(work, "volumes", key);
    let name = text(&value, "name");
    let found = match result {
        Ok(Reply::Volume(found)) => found,
        Ok(_) => return Ok(Node::Done),
        Err(error) if error.status != 404 => return Err(error.into()),
        Err(_) if is_external(&value) => {
            let message = format!("external volume {} not found", go_quote(&name));
            return Err(Failure::new(message));
        }
        Err(_) => {
            let event = format!("Volume {name}");
            work.event(io, &event, "Creating", Mood::Working);
            if work.settings.dry_run {
                work.event(io, &event, "Created", Mood::Done);
                return Ok(Node::Done);
            }
            let config = create::volume(&work.project, key, &value);
            let then = Then::ShowOr(event.clone(), "Created", event);
            return Ok(ask(Request::VolumeCreate(config), then));
        }
    };
    if is_external(&value) {
        return Ok(Node::Done);
    }
    let labels = found.labels.unwrap_or_default();
    let quoted = go_quote(&name);
    match labels.get(label::PROJECT) {
        None => work.warn(
            io,
            &format!(
                "volume {quoted} already exists but was not created by Docker Compose. Use \
                 `external: true` to use an existing volume"
            ),
        ),
        Some(project) if *project != work.project.name => {
            let message = format!(
                "volume {quoted} already exists but was created for project {} (expected {}). Use \
                 `external: true` to use an existing volume",
                go_quote(project),
                go_quote(&work.project.name)
            );
            work.warn(io, &message);
        }
        Some(_) => {}
    }
    Ok(Node::Done)
}

/// What `down` removes after the containers of services: orphans, networks, images, volumes.
pub(super) fn sweep(work: &mut Work, io: &mut Io<'_>) -> Node {
    let mut nodes = Vec::new();
    if work.settings.remove_orphans {
        let orphans: Vec<_> =
            // One-off containers go too, also while they run.
            work.containers
                .iter()
                .filter(|c| plan::is_one_off(c) || plan::is_orphan(c, &work.project))
                .cloned()
                .collect();
        nodes.push(Node::par(orphans.iter().map(|c| remove_one(c, false, work, io))));
    }
    let mut resources = Vec::new();
    for (key, value) in section(work, "networks") {
        if is_external(&value) {
            continue;
        }
        let labels = [(label::PROJECT, &work.project.name), (label::NETWORK, &key)];
        let labels = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let filters = Filters::from([("label".to_owned(), labels)]);
        let then = Then::NetworksToRemove(text(&value, "name"));
        resources.push(ask(Request::NetworkList { filters }, then));
    }
    if !work.settings.images.is_empty() {
        resources.extend(images::to_remove(work));
    }
    if work.settings.volumes {
        for (_, value) in section(work, "volumes").into_iter().filter(|(_, v)| !is_external(v)) {
            let name = text(&value, "name");
            resources.push(ask(
                Request::VolumeInspect { name: name.clone() },
                Then::VolumeToRemove(name),
            ));
        }
    }
    if resources.is_empty() && work.containers.is_empty() {
        let name = go_quote(&work.project.name);
        work.warn(io, &format!("Warning: No resource found to remove for project {name}."));
    }
    nodes.push(Node::par(resources));
    Node::seq(nodes)
}

/// Networks of the project were listed.
pub(super) fn networks_to_remove(
    name: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let Reply::Networks(list) = result? else { return Ok(Node::Done) };
    if list.is_empty() {
        return Ok(Node::Done);
    }
    work.event(io, &format!("Network {name}"), "Removing", Mood::Working);
    Ok(Node::seq(list.into_iter().filter(|n| n.name == name).map(|n| {
        ask(Request::NetworkInspect { id: n.id }, Then::NetworkToRemove(name.to_owned()))
    })))
}

/// A network was looked at before it is removed.
pub(super) fn network_to_remove(
    name: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let event = format!("Network {name}");
    match result {
        Ok(Reply::Network(network)) if !network.containers.is_empty() => {
            let names: Vec<&str> = network.containers.values().map(|m| m.name.as_str()).collect();
            let why = Message::new("why-compose-network-in-use")
                .with("network", name)
                .with("containers", names.join(", "));
            io.record(name, why);
            work.event(io, &event, "Resource is still in use", Mood::Warning);
            Ok(Node::Done)
        }
        Ok(Reply::Network(network)) => {
            Ok(ask(Request::NetworkRemove { id: network.id }, Then::Show(event, "Removed")))
        }
        Err(error) if error.status == 404 => {
            work.event(io, &event, "No resource found to remove", Mood::Warning);
            Ok(Node::Done)
        }
        Ok(_) => Ok(Node::Done),
        Err(error) => Err(error.into()),
    }
}

/// A volume was looked for before it is removed.
pub(super) fn volume_to_remove(
    name: &str,
    result: &Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Node {
    if result.is_err() {
        return Node::Done;
    }
    let event = format!("Volume {name}");
    work.event(io, &event, "Removing", Mood::Working);
    let remove = Request::VolumeRemove { name: name.to_owned(), force: true };
    ask(remove, Then::Removed(event))
}

/// A volume or an image was removed, or not.
pub(super) fn removed(
    event: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let (words, mood) = match result {
        Ok(_) => ("Removed", Mood::Done),
        Err(error) => match error.status {
            409 => ("Resource is still in use", Mood::Warning),
            404 => ("Warning: No resource found to remove", Mood::Done),
            _ => return Err(error.into()),
        },
    };
    work.event(io, event, words, mood);
    Ok(Node::Done)
}
