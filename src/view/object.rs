//! The inspector: one thing in words, as YAML, with its events, logs, relations and causes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::base::gotemplate::Value;
use crate::base::time::SimTime;
use crate::base::yaml;
use crate::engine::trace::{Subject, TraceEntry};
use crate::kube::Cluster;
use crate::kube::api::object::Key;
use crate::kube::kinds::{Kind, Object};
use crate::kube::scheduler::cycle::NodeVerdict;
use crate::machine::{ContainerId, HostId, Power};
use crate::text::Catalogue;
use crate::view::explain;
use crate::view::focus::Focus;
use crate::world::world::World;

/// Log lines shown.
const LOG_LINES: usize = 200;
/// Actions in the events of dockerd that mean that something went wrong.
const BAD_ACTIONS: [&str; 3] = ["die", "oom", "health_status: unhealthy"];
/// Steps of the story shown besides the chain of causes.
const HISTORY: usize = 40;

/// Nodes shown of an attempt to find one.
const MAX_VERDICT_NODES: usize = 30;

/// One thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Inspected {
    /// Its kind, as upstream spells it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where it is: namespace, host.
    pub place: String,
    /// Facts: text id of the label, value.
    pub facts: Vec<(&'static str, String)>,
    /// The object as `kubectl get -o yaml` or `docker inspect` prints it.
    pub source: String,
    /// The file that it comes from, and the part of that file.
    pub origin: Option<(String, String)>,
    /// Its events, oldest first: time, type, reason, message.
    pub events: Vec<Event>,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// Related things: text id of the relation, thing, its name.
    pub relations: Vec<(&'static str, Focus, String)>,
    /// Why it is as it is, first cause first.
    pub why: Vec<Step>,
    /// What else happened to it, newest first.
    pub history: Vec<Step>,
    /// Why it has no node, where it waits for one.
    pub why_not: Option<WhyNot>,
}

/// What the last attempt to find a node for a pod found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// When.
    pub at: SimTime,
    /// Attempts so far.
    pub attempts: u32,
    /// The scheduler's message, or why no node was looked at.
    pub message: String,
    /// Each node with the plugin that refused it (empty if it fits) and its reasons or scores.
    pub nodes: Vec<(String, String, String)>,
}

/// An event of a real system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When it was last seen.
    pub at: SimTime,
    /// `Normal` or `Warning`.
    pub severity: String,
    /// Reason.
    pub reason: String,
    /// Message, verbatim.
    pub message: String,
    /// How often.
    pub count: u32,
}

/// A sentence of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at: SimTime,
    /// Who.
    pub actor: String,
    /// What.
    pub text: String,
}

/// The selected thing; `None` if it does not exist (any more) and nothing is known of it.
#[must_use]
pub fn inspect(world: &World, focus: &Focus, catalogue: &Catalogue) -> Option<Inspected> {
    let mut found = match focus.parts().as_slice() {
        ["container", host, id] => container(world, host, id),
        ["machine", name] => machine(world, name),
        [kind, namespace, name] => object(world.kube()?, world, kind, namespace, name),
        _ => None,
    }
    .unwrap_or_default();
    let mut subjects = focus.subjects();
    subjects.extend(dark_host(world, focus).map(|host| Subject::new(format!("host/{host}"))));
    let about = world.trace().iter().rev().filter(|e| subjects.contains(&e.subject));
    let told: Vec<&TraceEntry> = about.filter(|e| explain::telling(e)).take(HISTORY).collect();
    // What is ready now is not so because a probe failed before.
    let ready = found.facts.iter().any(|(id, value)| *id == "fact-ready" && value == "True");
    let newest = told.iter().find(|e| !(ready && e.what.id == "why-kubelet-probe-failed"));
    let step = |s: explain::Step| Step { at: s.at, actor: s.actor, text: s.text };
    let steps = newest.map(|entry| explain::steps(world, entry.id, catalogue));
    found.why = steps.into_iter().flatten().map(step).collect();
    let again = |a: &&TraceEntry, b: &&TraceEntry| a.what.id == b.what.id && a.subject == b.subject;
    found.history = told.chunk_by(again).filter_map(|same| past(same, catalogue)).collect();
    let known = !found.name.is_empty() || !found.why.is_empty();
    if found.name.is_empty() {
        found.name = focus.parts().last().copied().unwrap_or_default().to_owned();
    }
    known.then_some(found)
}

/// What happened, perhaps several times one after the other; newest first.
fn past(same: &[&TraceEntry], catalogue: &Catalogue) -> Option<Step> {
    let newest = same.first()?;
    let text = explain::line(newest, catalogue);
    let text = if same.len() > 1 { format!("{text} (×{})", same.len()) } else { text };
    Some(Step { at: newest.at, actor: newest.actor.name.to_owned(), text })
}

/// The machine without power on which a pod or container is.
fn dark_host(world: &World, focus: &Focus) -> Option<String> {
    let host = match focus.parts().as_slice() {
        ["container", host, _] => (*host).to_owned(),
        ["Pod", namespace, name] => {
            let entry = world.kube()?.store.get(Kind::Pod, &Key::new(namespace, name))?;
            let Object::Pod(pod) = &*entry.object else { return None };
            pod.spec.as_ref()?.node_name.clone()?
        }
        _ => return None,
    };
    let power = world.machines().host(&HostId::new(host.as_str()))?.power;
    (power != Power::On).then_some(host)
}

fn object(
    kube: &Cluster,
    world: &World,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Option<Inspected> {
    let kind = Kind::ALL.iter().copied().find(|k| k.name() == kind)?;
    let entry = kube.store.get(kind, &Key::new(namespace, name))?;
    let value = entry.object.to_value();
    let mut found = Inspected {
        kind: kind.name().to_owned(),
        name: name.to_owned(),
        place: namespace.to_owned(),
        source: crate::shell::kubectl::yaml(value),
        events: events(kube, kind.name(), namespace, name),
        ..Inspected::default()
    };
    facts(&mut found, &entry.object);
    relations(&mut found, kube, &entry.object, namespace);
    if let Object::Pod(pod) = &*entry.object {
        found.log = pod_log(world, &entry.object);
        if pod.spec.as_ref().and_then(|s| s.node_name.as_ref()).is_none() {
            found.why_not = why_not(kube, &Key::new(namespace, name));
        }
    }
    Some(found)
}

fn why_not(kube: &Cluster, pod: &Key) -> Option<WhyNot> {
    let verdict = kube.scheduler.verdict(pod)?;
    let message = verdict.message.clone().or_else(|| verdict.pre_filter.clone());
    let nodes = verdict.nodes.iter().map(|(node, found)| match found {
        NodeVerdict::Refused { plugin, reasons } => {
            (node.to_string(), (*plugin).to_owned(), reasons.join(", "))
        }
        NodeVerdict::Fits { total, .. } => (node.to_string(), String::new(), total.to_string()),
    });
    Some(WhyNot {
        at: verdict.at,
        attempts: verdict.attempts,
        message: message.unwrap_or_default(),
        nodes: nodes.take(MAX_VERDICT_NODES).collect(),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no facts of their own")]
fn facts(found: &mut Inspected, object: &Object) {
    let meta = object.meta();
    let labels = meta.labels.iter().flatten().map(|(k, v)| format!("{k}={v}"));
    let labels: Vec<String> = labels.collect();
    if !labels.is_empty() {
        found.facts.push(("fact-labels", labels.join(", ")));
    }
    match object {
        Object::Pod(pod) => {
            found.facts.push(("fact-status", super::pods::status_text(pod)));
            let status = pod.status.as_ref();
            let node = pod.spec.as_ref().and_then(|s| s.node_name.clone());
            found.facts.extend(node.map(|node| ("fact-node", node)));
            let conditions = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
            let ready = conditions.filter(|c| c.type_ == "Ready").map(|c| c.status.clone());
            found.facts.extend(ready.map(|status| ("fact-ready", status)));
            let ip = status.and_then(|s| s.pod_ip.clone());
            found.facts.extend(ip.map(|ip| ("fact-address", ip)));
            let images: Vec<String> = pod
                .spec
                .iter()
                .flat_map(|s| &s.containers)
                .filter_map(|c| c.image.clone())
                .collect();
            found.facts.push(("fact-image", images.join(", ")));
            let statuses = status.and_then(|s| s.container_statuses.as_ref());
            let restarts: i32 = statuses.into_iter().flatten().map(|s| s.restart_count).sum();
            found.facts.push(("fact-restarts", restarts.to_string()));
        }
        Object::Deployment(deployment) => {
            let wanted = deployment.spec.replicas.unwrap_or(1);
            let status = deployment.status.as_ref();
            let ready = status.and_then(|s| s.ready_replicas).unwrap_or(0);
            found.facts.push(("fact-ready", format!("{ready}/{wanted}")));
            for condition in status.and_then(|s| s.conditions.as_ref()).into_iter().flatten() {
                let reason = condition.reason.clone().unwrap_or_default();
                let kind = condition.type_.clone().unwrap_or_default();
                let status = condition.status.clone().unwrap_or_default();
                let text = format!("{kind}={status} ({reason})");
                found.facts.push(("fact-condition", text));
            }
        }
        Object::Service(service) => {
            let address = service.spec.as_ref().and_then(|s| s.cluster_ip.clone());
            found.facts.extend(address.map(|a| ("fact-address", a)));
        }
        _ => {}
    }
}

fn relations(found: &mut Inspected, kube: &Cluster, object: &Object, namespace: &str) {
    for owner in object.meta().owner_references.iter().flatten() {
        let focus = Focus::object(&owner.kind, namespace, &owner.name);
        found.relations.push(("relation-owner", focus, format!("{}/{}", owner.kind, owner.name)));
    }
    let uid = object.meta().uid.as_deref().unwrap_or("");
    for kind in [Kind::ReplicaSet, Kind::Pod] {
        for (key, entry) in kube.store.list_in(kind, namespace) {
            let owners = entry.object.meta().owner_references.iter().flatten();
            if owners.into_iter().any(|o| o.uid == uid) {
                let focus = Focus::object(kind.name(), namespace, &key.name);
                let name = format!("{}/{}", kind.name(), key.name);
                found.relations.push(("relation-owns", focus, name));
            }
        }
    }
    if let Object::Pod(pod) = object
        && let Some(node) = pod.spec.as_ref().and_then(|s| s.node_name.as_ref())
    {
        let focus = Focus::object("Node", "", node);
        found.relations.push(("relation-node", focus, format!("Node/{node}")));
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no facts of their own")]
fn events(kube: &Cluster, kind: &str, namespace: &str, name: &str) -> Vec<Event> {
    let space = if namespace.is_empty() { "default" } else { namespace };
    let mut events: Vec<Event> = kube
        .store
        .list_in(Kind::Event, space)
        .filter_map(|(_, entry)| match &*entry.object {
            Object::Event(event) => Some(event),
            _ => None,
        })
        .filter(|e| {
            e.involved_object.kind.as_deref() == Some(kind)
                && e.involved_object.name.as_deref() == Some(name)
        })
        .map(|e| {
            let last = e.last_timestamp.as_ref().map(crate::kube::clock::sim_time);
            let first = e.event_time.as_ref().map(crate::kube::clock::sim_micro);
            let count = e.count.or_else(|| e.series.as_ref().and_then(|s| s.count)).unwrap_or(1);
            Event {
                at: last.or(first).unwrap_or_default(),
                severity: e.type_.clone().unwrap_or_default(),
                reason: e.reason.clone().unwrap_or_default(),
                message: e.message.clone().unwrap_or_default(),
                count: u32::try_from(count).unwrap_or(1),
            }
        })
        .collect();
    events.sort_by_key(|e| e.at);
    events
}

/// The logs of a pod's containers: ids stand in its status as `containerd://<id>`.
fn pod_log(world: &World, object: &Object) -> Vec<String> {
    let Object::Pod(pod) = object else { return Vec::new() };
    let Some(node) = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()) else {
        return Vec::new();
    };
    let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    let statuses: Vec<_> = statuses.into_iter().flatten().collect();
    let many = statuses.len() > 1;
    let mut lines = Vec::new();
    for status in statuses {
        let Some(id) = status.container_id.as_deref().and_then(|id| id.split("//").last()) else {
            continue;
        };
        let prefix = if many { format!("[{}] ", status.name) } else { String::new() };
        let log = log(world, node, id);
        lines.extend(log.into_iter().map(|line| format!("{prefix}{line}")));
    }
    lines
}

fn log(world: &World, host: &str, id: &str) -> Vec<String> {
    let log = world.machines().logs(&HostId::new(host), &ContainerId::new(id));
    let Some(log) = log else { return Vec::new() };
    let mut lines: Vec<String> =
        log.iter().rev().take(LOG_LINES).map(|line| trimmed(&line.text)).collect();
    lines.reverse();
    lines
}

fn trimmed(text: &Arc<str>) -> String {
    text.trim_end_matches('\n').to_owned()
}

fn container(world: &World, host: &str, id: &str) -> Option<Inspected> {
    let states = world.docker().container_states(host);
    let state = states.into_iter().find(|s| s.id.starts_with(id))?;
    let mut facts = vec![
        ("fact-status", state.status.as_str().to_owned()),
        ("fact-image", state.image.clone()),
        ("fact-restarts", state.restart_count.to_string()),
    ];
    facts.extend(state.health.map(|(h, _)| ("fact-health", h.as_str().to_owned())));
    if state.finished_at.is_some() {
        facts.push(("fact-exit", state.exit_code.to_string()));
    }
    if !state.networks.is_empty() {
        facts
            .push(("fact-networks", state.networks.keys().cloned().collect::<Vec<_>>().join(", ")));
    }
    let published = super::containers::published(&state);
    if !published.is_empty() {
        facts.push(("fact-ports", published.join(", ")));
    }
    Some(Inspected {
        kind: "Container".to_owned(),
        name: state.name.clone(),
        place: host.to_owned(),
        facts,
        source: inspected(world, host, &state.id),
        origin: compose_service(world, host, &state.labels),
        events: docker_events(world, host, &state.id),
        log: log(world, host, &state.id),
        relations: vec![("relation-node", Focus::machine(host), host.to_owned())],
        ..Inspected::default()
    })
}

/// What `docker inspect` prints.
fn inspected(world: &World, host: &str, id: &str) -> String {
    let found = world.docker().inspected(host, id);
    let values = found.iter().map(crate::shell::docker::values::container).collect();
    Value::List(values).pretty_json()
}

/// The file and the lines of it that describe the service of a container made by Compose.
fn compose_service(
    world: &World,
    host: &str,
    labels: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let label = |key: &str| labels.get(&format!("com.docker.compose.{key}"));
    let service = label("service")?;
    let paths = label("project.config_files")?.split(',');
    // A later file overrides: the last one that knows the service says most about it.
    let mut found = paths.filter_map(|path| {
        let text = super::screen::file_if_any(world, host, path)?;
        let part = fragment(&text, service)?;
        Some((path.rsplit('/').next().unwrap_or(path).to_owned(), part))
    });
    found.next_back()
}

/// The lines of a service in a Compose file.
fn fragment(text: &str, service: &str) -> Option<String> {
    let nodes = yaml::parse(text).ok()?;
    let services = nodes.first()?.get("services")?;
    let key = services.key_node(service)?;
    let indent = usize::try_from(key.span.column).ok()?.checked_sub(1)?;
    let from = usize::try_from(key.span.line).ok()?.checked_sub(1)?;
    let deeper =
        |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    let mut lines: Vec<&str> = text.lines().skip(from).take(1).collect();
    lines.extend(text.lines().skip(from + 1).take_while(deeper));
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    Some(lines.join("\n"))
}

/// The newest events of dockerd about a container, oldest first.
fn docker_events(world: &World, host: &str, id: &str) -> Vec<Event> {
    let all = world.docker().events_after(0).filter(|e| e.host == host && e.id == id);
    let probe = |action: &str| action.starts_with("exec_");
    let mut events: Vec<Event> = all
        .filter(|e| !probe(&e.action))
        .map(|e| Event {
            at: e.at,
            severity: if BAD_ACTIONS.contains(&&*e.action) { "Warning" } else { "Normal" }
                .to_owned(),
            reason: e.action.clone(),
            message: String::new(),
            count: 1,
        })
        .collect();
    events.drain(..events.len().saturating_sub(HISTORY));
    events
}

fn machine(world: &World, name: &str) -> Option<Inspected> {
    let host = world.machines().host(&HostId::new(name))?;
    let gib = |bytes: u64| format!("{} MiB", bytes >> 20);
    Some(Inspected {
        kind: "Machine".to_owned(),
        name: name.to_owned(),
        facts: vec![
            ("fact-cpu", format!("{}m", host.spec.cpu_milli)),
            ("fact-memory", gib(host.spec.memory_bytes)),
            ("fact-containers", host.containers.len().to_string()),
        ],
        ..Inspected::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_cut_out_of_its_file() {
        let text = "services:\n  web:\n    image: a\n\n    ports: [\"80\"]\n\n  db:\n    image: b\n\
                    volumes: {}\n";
        for (service, wanted) in [
            ("web", Some("  web:\n    image: a\n\n    ports: [\"80\"]")),
            ("db", Some("  db:\n    image: b")),
            ("none", None),
        ] {
            assert_eq!(fragment(text, service).as_deref(), wanted, "{service}");
        }
    }
}
