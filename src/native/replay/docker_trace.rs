//! Watches the daemons of a world and writes `trace.jsonl` as the recorder did: engine events, and
//! the inspected state of each container whenever it changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::native::replay::scenario::stamp;
use crate::world::world::World;

/// Digits of an id in the recordings.
const ID_DIGITS: usize = 25;

/// What was seen so far.
#[derive(Default)]
pub(super) struct Recorder {
    /// Lines written.
    pub(super) lines: Vec<Value>,
    /// Whether containers are inspected, too.
    pub(super) samples: bool,
    events_seen: u64,
    revision: u64,
    containers: BTreeMap<(String, String), Value>,
}

impl Recorder {
    /// Look at the world and write down what is new.
    pub(super) fn look(&mut self, world: &World) {
        self.events(world);
        if !self.samples || world.docker().revision() == self.revision {
            return;
        }
        self.revision = world.docker().revision();
        let hosts: Vec<String> = world.docker().hosts().map(|h| h.as_str().to_owned()).collect();
        for host in hosts {
            self.states(world, &host);
        }
    }

    fn events(&mut self, world: &World) {
        for event in world.docker().events_after(self.events_seen) {
            let id: String = event.id.chars().take(ID_DIGITS).collect();
            let attributes: serde_json::Map<String, Value> =
                event.attributes.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            self.lines.push(json!({
                "t": stamp(event.at),
                "host": event.host,
                "kind": "event",
                "Type": event.kind,
                "Action": event.action,
                "ID": id,
                "Attributes": attributes,
            }));
        }
        self.events_seen = world.docker().event_count();
    }

    fn states(&mut self, world: &World, host: &str) {
        // The recorder asked the daemon; one that is down tells nothing.
        if !world.docker().is_up(host) {
            return;
        }
        let mut present = BTreeMap::new();
        for state in world.docker().container_states(host) {
            let id: String = state.id.chars().take(12).collect();
            let mut line = json!({
                "kind": "container",
                "host": host,
                "id": id,
                "name": state.name,
                "image": state.image,
                "Status": state.status.as_str(),
                "OOMKilled": state.oom_killed,
                "ExitCode": state.exit_code,
                "RestartCount": state.restart_count,
                "Networks": state.networks.keys().map(|n| (n.clone(), json!("")))
                    .collect::<serde_json::Map<_, _>>(),
            });
            if let (Some((health, streak)), Some(map)) = (state.health, line.as_object_mut()) {
                let health = json!({"Status": health.as_str(), "FailingStreak": streak});
                map.insert("Health".to_owned(), health);
            }
            if let (false, Some(map)) = (state.ports.is_empty(), line.as_object_mut()) {
                let ports: serde_json::Map<_, _> =
                    state.ports.keys().map(|p| (p.to_string(), Value::Null)).collect();
                map.insert("Ports".to_owned(), Value::Object(ports));
            }
            present.insert((host.to_owned(), id), line);
        }
        let now = stamp(world.now());
        let gone: Vec<_> = self
            .containers
            .keys()
            .filter(|key| key.0 == host && !present.contains_key(*key))
            .cloned()
            .collect();
        for key in gone {
            self.lines
                .push(json!({"t": now, "host": key.0, "kind": "container-gone", "id": key.1}));
            self.containers.remove(&key);
        }
        for (key, line) in present {
            if self.containers.get(&key) != Some(&line) {
                let mut with_time = line.clone();
                if let Some(map) = with_time.as_object_mut() {
                    map.insert("t".to_owned(), now.clone());
                }
                self.lines.push(with_time);
                self.containers.insert(key, line);
            }
        }
    }
}
