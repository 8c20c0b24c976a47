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
    events_seen: BTreeMap<String, u64>,
    containers: BTreeMap<(String, String), Value>,
}

impl Recorder {
    /// Look at the world and write down what is new.
    pub(super) fn look(&mut self, world: &World) {
        let hosts: Vec<String> = world.docker().hosts().map(str::to_owned).collect();
        for host in hosts {
            self.events(world, &host);
            self.states(world, &host);
        }
    }

    fn events(&mut self, world: &World, host: &str) {
        let seen = self.events_seen.entry(host.to_owned()).or_default();
        let mut count = 0;
        for event in world.docker().events_after(host, *seen) {
            count += 1;
            let id: String = event.id.chars().take(ID_DIGITS).collect();
            self.lines.push(json!({
                "t": stamp(event.at),
                "host": host,
                "kind": "event",
                "Type": event.typ,
                "Action": event.action,
                "ID": id,
                "Attributes": event.attributes,
            }));
        }
        *seen += count;
    }

    fn states(&mut self, world: &World, host: &str) {
        let mut present = BTreeMap::new();
        for state in world.docker().container_states(host) {
            let id: String = state.id.chars().take(12).collect();
            let mut line = json!({
                "kind": "container",
                "host": host,
                "id": id,
                "name": state.name,
                "image": state.image,
                "Status": state.status,
                "OOMKilled": state.oom_killed,
                "ExitCode": state.exit_code,
                "RestartCount": state.restart_count,
                "Networks": state.networks.iter().map(|n| (n.clone(), json!("")))
                    .collect::<serde_json::Map<_, _>>(),
            });
            if let (Some(health), Some(map)) = (&state.health, line.as_object_mut()) {
                map.insert("Health".to_owned(), json!({"Status": health}));
            }
            if let (false, Some(map)) = (state.ports.is_empty(), line.as_object_mut()) {
                let ports: serde_json::Map<_, _> =
                    state.ports.iter().map(|p| (p.clone(), Value::Null)).collect();
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
            self.lines.push(json!({"t": now, "host": key.0, "kind": "container-gone", "id": key.1}));
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
