//! What a project consists of when only its name is known: containers, networks, volumes by label.
//!
//! Models docker compose v2.40.3 `pkg/compose/compose.go` (`projectFromName`, `actualNetworks`,
//! `actualVolumes`).

use serde_json::{Map, Value, json};

use crate::compose::create::label;
use crate::compose::plan;
use crate::docker::api::{Filters, Reply, Request};
use crate::shell::job::{Io, Ticket, Wake};

use super::Begin;
use super::containers::list;
use super::flags::Parsed;
use super::tree::Failure;
use super::work::Work;

/// What is done once it is known.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    /// The command.
    pub(super) name: &'static str,
    /// Its flags and words.
    pub(super) parsed: Parsed,
}

/// The finding out.
#[derive(Clone, Debug)]
pub(super) struct Discover {
    work: Work,
    goal: Goal,
    open: Vec<Ticket>,
}

impl Discover {
    /// Asks for everything of the project.
    pub(super) fn new(work: Work, goal: Goal, io: &mut Io<'_>) -> Self {
        let value = format!("{}={}", label::PROJECT, work.project.name);
        let filters = || Filters::from([("label".to_owned(), vec![value.clone()])]);
        let open = vec![
            io.ask_docker(list(&work.project.name, true)),
            io.ask_docker(Request::NetworkList { filters: filters() }),
            io.ask_docker(Request::VolumeList { filters: filters() }),
        ];
        Self { work, goal, open }
    }

    /// Takes an answer; what follows when all have come.
    pub(super) fn resume(
        &mut self,
        wake: &Wake,
        io: &mut Io<'_>,
    ) -> Result<Option<Begin>, Failure> {
        let Wake::Docker(ticket, result) = wake else { return Ok(None) };
        self.open.retain(|open| open != ticket);
        self.take(result.clone()?);
        if !self.open.is_empty() {
            return Ok(None);
        }
        let work = std::mem::take(&mut self.work);
        for name in &work.settings.services {
            if work.project.service(name).is_none() && self.goal.name != "down" {
                return Err(Failure::new(format!("no such service: {name}: not found")));
            }
        }
        self.goal.clone().tree(work, io).map(Some)
    }

    fn take(&mut self, reply: Reply) {
        match reply {
            Reply::Containers(containers) => {
                let mut services = Map::new();
                for container in containers.iter().filter(|c| !plan::is_one_off(c)) {
                    let depends_on = container.labels.get(label::DEPENDS_ON).cloned();
                    let depends_on: Map<String, Value> = depends_on
                        .unwrap_or_default()
                        .split(',')
                        .filter(|entry| !entry.is_empty())
                        .map(|entry| {
                            let mut parts = entry.split(':');
                            let name = parts.next().unwrap_or_default().to_owned();
                            let condition = parts.next().unwrap_or("service_started");
                            let restart = parts.next() == Some("true");
                            let value = json!({"condition": condition, "restart": restart,
                                "required": false});
                            (name, value)
                        })
                        .collect();
                    let service = json!({"image": container.image, "depends_on": depends_on});
                    services.insert(plan::service_of(container).to_owned(), service);
                }
                self.put("services", services);
            }
            Reply::Networks(networks) => {
                let entry = |labels: &std::collections::BTreeMap<String, String>, name: &String| {
                    let key = labels.get(label::NETWORK).cloned().unwrap_or_default();
                    (key, json!({"name": name}))
                };
                self.put("networks", networks.iter().map(|n| entry(&n.labels, &n.name)).collect());
            }
            Reply::Volumes(volumes) => {
                let volumes = volumes.iter().map(|v| {
                    let labels = v.labels.clone().unwrap_or_default();
                    let key = labels.get(label::VOLUME).cloned().unwrap_or_default();
                    (key, json!({"name": v.name}))
                });
                self.put("volumes", volumes.collect());
            }
            _ => {}
        }
    }

    fn put(&mut self, section: &str, entries: Map<String, Value>) {
        if self.work.project.model.is_null() {
            self.work.project.model = json!({});
        }
        if let Value::Object(model) = &mut self.work.project.model {
            model.insert(section.to_owned(), Value::Object(entries));
        }
    }
}
