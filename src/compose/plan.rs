//! What must happen to the containers of a service so that they are as the project wants them.
//!
//! Models docker compose v2.40.3 `pkg/compose/convergence.go` (`ensureService`, `mustRecreate`).
//! Pure: what is observed goes in, changes come out.

use serde_json::Value;

use crate::base::message::Message;
use crate::docker::api::{ContainerSummary, MountKind, Status};

use super::create::{Service, label, service_hash};
use super::project::Project;
use super::values::sprint;

/// When existing containers are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// When they are not as wanted.
    #[default]
    Diverged,
    /// Always.
    Force,
    /// Never.
    Never,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Make the container of that number.
    Create(u32),
    /// Replace a container by one with the same number, and why.
    Recreate(Box<ContainerSummary>, Message),
    /// Stop and remove one too many.
    Remove(Box<ContainerSummary>),
    /// It runs as wanted.
    Running(Box<ContainerSummary>),
    /// It is as wanted and will be started later.
    Keep(Box<ContainerSummary>),
    /// It is in a state such as paused: start it.
    Resume(Box<ContainerSummary>),
}

/// The number of a container.
#[must_use]
pub fn number(container: &ContainerSummary) -> u32 {
    container.labels.get(label::NUMBER).and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// The name of a container, without the slash.
#[must_use]
pub fn name(container: &ContainerSummary) -> String {
    let name = container.names.first().map(String::as_str).unwrap_or_default();
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

/// The service of a container.
#[must_use]
pub fn service_of(container: &ContainerSummary) -> &str {
    container.labels.get(label::SERVICE).map(String::as_str).unwrap_or_default()
}

/// Whether `run` made a container.
#[must_use]
pub fn is_one_off(container: &ContainerSummary) -> bool {
    container.labels.get(label::ONE_OFF).is_some_and(|v| v == "True")
}

/// Whether a container belongs to no service of the project any more.
#[must_use]
pub fn is_orphan(container: &ContainerSummary, project: &Project) -> bool {
    if is_one_off(container) {
        return matches!(container.state, Status::Exited | Status::Dead);
    }
    let service = service_of(container);
    project.service(service).is_none() && !project.disabled.contains_key(service)
}

/// Why a container must be replaced, if it must.
#[must_use]
pub fn diverged(
    project: &Project,
    service: Service<'_>,
    image_id: &str,
    container: &ContainerSummary,
    policy: Policy,
) -> Option<Message> {
    let why = |id: &'static str| Message::new(id).with("service", service.name);
    match policy {
        Policy::Never => return None,
        Policy::Force => return Some(why("why-compose-forced")),
        Policy::Diverged => {}
    }
    let labelled = |key: &str| container.labels.get(key).map(String::as_str).unwrap_or_default();
    if labelled(label::HASH) != service_hash(service.value) {
        return Some(why("why-compose-config-changed"));
    }
    if labelled(label::IMAGE) != image_id {
        return Some(why("why-compose-image-changed"));
    }
    if container.state == Status::Running {
        let wanted = service
            .networks()
            .into_iter()
            .filter_map(|key| project.model.get("networks")?.get(&key)?.get("name").map(sprint));
        for network in wanted {
            if !container.networks.contains_key(&network) {
                return Some(why("why-compose-network-missing").with("network", network));
            }
        }
    }
    for volume in service.list("volumes") {
        let source = volume.get("source").and_then(Value::as_str).unwrap_or_default();
        if volume.get("type").and_then(Value::as_str) != Some("volume") || source.is_empty() {
            continue;
        }
        let real = project.model.get("volumes").and_then(|v| v.get(source)?.get("name"));
        let real = real.map(sprint).unwrap_or_default();
        let mounted =
            |m: &crate::docker::api::MountPoint| m.kind == MountKind::Volume && m.name == real;
        if !container.mounts.iter().any(mounted) {
            return Some(why("why-compose-volume-missing").with("volume", real));
        }
    }
    None
}

/// What to do for a service.
///
/// # Errors
/// A service with a fixed container name and more than one container.
pub fn converge(
    project: &Project,
    service: Service<'_>,
    image_id: &str,
    containers: &[ContainerSummary],
    policy: Policy,
) -> Result<Vec<Change>, String> {
    let wanted = service.scale();
    let fixed = service.text("container_name");
    if wanted > 1 && !fixed.is_empty() {
        return Err(format!(
            "WARNING: The \"{}\" service is using the custom container name \"{fixed}\". Docker \
             requires each container to have a unique name. Remove the custom name to scale the \
             service",
            service.name
        ));
    }
    let mut seen: Vec<(Option<Message>, &ContainerSummary)> =
        containers.iter().map(|c| (diverged(project, service, image_id, c, policy), c)).collect();
    seen.sort_by_key(|(why, c)| (why.is_some(), number(c)));
    let next = containers.iter().map(number).max().unwrap_or(0) + 1;
    let mut changes = Vec::new();
    let mut kept = 0;
    for (why, container) in seen {
        let container = Box::new(container.clone());
        if kept >= wanted {
            changes.push(Change::Remove(container));
            continue;
        }
        kept += 1;
        changes.push(match (why, container.state) {
            (Some(why), _) => Change::Recreate(container, why),
            (None, Status::Running) => Change::Running(container),
            (None, Status::Created | Status::Restarting | Status::Exited) => {
                Change::Keep(container)
            }
            (None, Status::Paused | Status::Removing | Status::Dead) => Change::Resume(container),
        });
    }
    changes.extend((kept..wanted).map(|missing| Change::Create(next + missing - kept)));
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    fn container(number: u32, hash: &str, state: Status) -> ContainerSummary {
        let labels = [(label::NUMBER, number.to_string()), (label::HASH, hash.to_owned())];
        ContainerSummary {
            id: format!("{number:064}"),
            names: vec![format!("/p-w-{number}")],
            image: String::new(),
            image_id: String::new(),
            command: String::new(),
            created: SimTime::default(),
            ports: Vec::new(),
            labels: labels.map(|(k, v)| (k.to_owned(), v)).into_iter().collect(),
            state,
            status: String::new(),
            health: None,
            exit_code: 0,
            networks: BTreeMap::new(),
            mounts: Vec::new(),
            network_mode: String::new(),
            size: (0, 0),
        }
    }

    fn shown(scale: u32, containers: &[ContainerSummary], policy: Policy) -> String {
        let value = json!({"image": "i", "scale": scale});
        let project = Project::default();
        let service = Service { name: "w", value: &value };
        let changes = converge(&project, service, "", containers, policy).unwrap();
        let show = |change: &Change| match change {
            Change::Create(n) => format!("+{n}"),
            Change::Recreate(c, _) => format!("~{}", number(c)),
            Change::Remove(c) => format!("-{}", number(c)),
            Change::Running(c) => format!("={}", number(c)),
            Change::Keep(c) => format!(".{}", number(c)),
            Change::Resume(c) => format!("!{}", number(c)),
        };
        changes.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn changes() {
        let same = service_hash(&json!({"image": "i"}));
        let run = |n, hash: &str| container(n, hash, Status::Running);
        for (scale, containers, policy, want) in [
            (2, vec![], Policy::Diverged, "+1 +2"),
            (1, vec![run(1, &same)], Policy::Diverged, "=1"),
            (1, vec![run(1, "x")], Policy::Diverged, "~1"),
            (1, vec![run(1, "x")], Policy::Never, "=1"),
            (1, vec![run(1, &same)], Policy::Force, "~1"),
            (3, vec![run(1, &same), run(4, &same)], Policy::Diverged, "=1 =4 +5"),
            (1, vec![run(1, "x"), run(2, &same)], Policy::Diverged, "=2 -1"),
            (1, vec![container(1, &same, Status::Exited)], Policy::Diverged, ".1"),
        ] {
            assert_eq!(shown(scale, &containers, policy), want);
        }
    }
}
