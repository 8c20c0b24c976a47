//! Clients that listen to streams: events, statistics, pulls.

use std::collections::BTreeMap;

use crate::docker::api::{DockerEvent, Filters};

/// A client of `docker events`.
#[derive(Clone, Debug)]
pub(crate) struct EventClient {
    /// Index of the next event to look at.
    pub(crate) next: u64,
    /// Which events.
    pub(crate) filters: Filters,
}

/// A client of `docker pull`.
#[derive(Clone, Debug)]
pub(crate) struct PullClient {
    /// The reference as the client named it, with tag.
    pub(crate) reference: String,
    /// Whether the first line was sent.
    pub(crate) announced: bool,
}

/// Clients by ticket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    pub(crate) events: BTreeMap<u64, EventClient>,
    pub(crate) pulls: BTreeMap<u64, PullClient>,
    /// Containers whose statistics are streamed.
    pub(crate) stats: BTreeMap<u64, String>,
}

/// Whether filters of `docker events` let an event through.
pub(crate) fn event_matches(filters: &Filters, event: &DockerEvent) -> bool {
    filters.iter().all(|(key, values)| {
        values.iter().any(|value| {
            let attribute = |name: &str| {
                event.attributes.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
            };
            match key.as_str() {
                "type" => event.kind == value,
                "event" => {
                    // `health_status` also means `health_status: healthy`, `exec_create: …`.
                    let word = event.action.split(':').next().unwrap_or("");
                    event.action == *value || word == value
                }
                "container" | "image" | "network" | "volume" => {
                    let own = event.kind == key;
                    let by_id = own && (event.id == *value || event.id.starts_with(value.as_str()));
                    let by_name = own && attribute("name") == Some(value.as_str());
                    let of_container = key == "image"
                        && event.kind == "container"
                        && attribute("image")
                            .is_some_and(|i| i == value || i.split(':').next() == Some(value));
                    by_id || by_name || of_container
                }
                "label" => {
                    let (name, wanted) = value.split_once('=').unwrap_or((value, ""));
                    let has = attribute(name);
                    has.is_some_and(|have| !value.contains('=') || have == wanted)
                }
                "scope" => value == "local",
                // Filters that it does not know do not matter to the engine.
                _ => true,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;

    #[test]
    fn filters() {
        let event = DockerEvent {
            at: SimTime::ZERO,
            host: "h".into(),
            kind: "container",
            action: "health_status: healthy".into(),
            id: "abc".into(),
            attributes: vec![("image".into(), "nginx:1".into()), ("name".into(), "web".into())],
        };
        for (key, value, matches) in [
            ("type", "container", true),
            ("type", "network", false),
            ("event", "health_status", true),
            ("event", "start", false),
            ("container", "web", true),
            ("container", "ab", true),
            ("image", "nginx", true),
            ("label", "tier=front", false),
        ] {
            let filters = Filters::from([(key.to_owned(), vec![value.to_owned()])]);
            assert_eq!(event_matches(&filters, &event), matches, "{key}={value}");
        }
    }
}
