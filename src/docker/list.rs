//! `GET /containers/json`: filters and entries (moby `daemon/list.go`).

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{ApiError, ContainerSummary, Filters, MountKind, Protocol, Reply};
use crate::docker::container::{Container, command_line};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::ports;
use crate::machine::ContainerId;

/// Whether labels match `key` or `key=value`.
pub(crate) fn label_matches(labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|have| have == value),
        None => labels.contains_key(wanted),
    }
}

/// The filters of a prune: label, label!, until.
pub(crate) fn prune_matches(
    labels: &BTreeMap<String, String>,
    created: SimTime,
    filters: &Filters,
    now: SimTime,
) -> bool {
    filters.iter().all(|(key, values)| match key.as_str() {
        "label" => values.iter().all(|v| label_matches(labels, v)),
        "label!" => !values.iter().any(|v| label_matches(labels, v)),
        "until" => values.iter().all(|v| {
            let age = SimDuration::parse_go(v).unwrap_or(SimDuration::ZERO);
            now.since(created) > age
        }),
        _ => true,
    })
}

/// `80`, `80-90`, `53/udp`.
fn port_span(text: &str) -> Result<(Protocol, u16, u16), String> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |part: &str| {
        part.parse::<u16>()
            .map_err(|_| format!("strconv.ParseUint: parsing {part:?}: invalid syntax"))
    };
    let protocol =
        Protocol::parse(protocol).ok_or_else(|| format!("invalid protocol: {protocol}"))?;
    Ok((protocol, number(first)?, number(last)?))
}

/// The first filter that a list or a prune does not know.
pub(crate) fn known_filters(filters: &Filters, known: &[&str]) -> Result<(), ApiError> {
    if let Some(key) = filters.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(ApiError::bad(format!("invalid filter '{key}'")));
    }
    let wrong = |text: &&String| {
        SimDuration::parse_go(text).is_none() && !text.starts_with(|c: char| c.is_ascii_digit())
    };
    match filters.get("until").into_iter().flatten().find(wrong) {
        Some(text) => {
            Err(ApiError::bad(format!("failed to parse value as time or duration: {text:?}")))
        }
        None => Ok(()),
    }
}

/// A filter whose values are truth values.
pub(crate) fn boolean_filter(filters: &Filters, key: &str) -> Result<(), ApiError> {
    let known = |text: &String| matches!(text.as_str(), "true" | "1" | "false" | "0");
    match filters.get(key) {
        Some(values) if !values.iter().all(known) => {
            Err(ApiError::bad(format!("invalid filter '{key}=[{}]'", values.join(" "))))
        }
        _ => Ok(()),
    }
}

const KNOWN: [&str; 16] = [
    "id",
    "name",
    "label",
    "label!",
    "status",
    "ancestor",
    "network",
    "volume",
    "health",
    "exited",
    "before",
    "since",
    "publish",
    "expose",
    "isolation",
    "is-task",
];

impl Daemon {
    /// Serve the request.
    pub(crate) fn container_list(
        &self,
        all: bool,
        limit: Option<u64>,
        filters: &Filters,
        size: bool,
        env: &Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        known_filters(filters, &KNOWN)?;
        const STATES: [&str; 7] =
            ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
        for value in filters.get("status").into_iter().flatten() {
            if !STATES.contains(&value.as_str()) {
                let states = STATES.join(", ");
                return Err(ApiError::bad(format!(
                    "invalid filter 'status={value}': invalid value for state ({value}): must be \
                     one of {states}"
                )));
            }
        }
        for value in filters.get("exited").into_iter().flatten() {
            if value.parse::<i64>().is_err() {
                return Err(ApiError::bad(format!(
                    "invalid filter 'exited={value}': strconv.Atoi: parsing {value:?}: invalid \
                     syntax"
                )));
            }
        }
        for key in ["publish", "expose"] {
            for value in filters.get(key).into_iter().flatten() {
                port_span(value).map_err(ApiError::bad)?;
            }
        }
        let any_state = all
            || limit.is_some_and(|most| most > 0)
            || ["status", "exited", "before", "since"].iter().any(|k| filters.contains_key(*k));
        let before = self.bound(filters.get("before"))?;
        let since = self.bound(filters.get("since"))?;
        let most = limit
            .and_then(|l| usize::try_from(l).ok())
            .filter(|most| *most > 0)
            .unwrap_or(usize::MAX);
        let hits = self
            .newest_first()
            .into_iter()
            .filter(|c| any_state || c.running)
            .filter(|c| before.is_none_or(|b| c.seq < b) && since.is_none_or(|s| c.seq > s))
            .filter(|c| self.matches(c, filters, env))
            .take(most)
            .map(|c| self.summary(c, size, env));
        Ok(Reply::Containers(hits.collect()))
    }

    fn bound(&self, values: Option<&Vec<String>>) -> Result<Option<u64>, ApiError> {
        let Some(text) = values.and_then(|v| v.first()) else { return Ok(None) };
        let id = self.find(text)?;
        Ok(self.containers.get(&id).map(|c| c.seq))
    }

    fn matches(&self, c: &Container, filters: &Filters, env: &Env<'_, '_>) -> bool {
        filters.iter().all(|(key, values)| match key.as_str() {
            "label" => values.iter().all(|v| label_matches(&c.config.labels, v)),
            "label!" => !values.iter().any(|v| label_matches(&c.config.labels, v)),
            "before" | "since" | "isolation" => true,
            // A container that has a port of one kind need not have one of the other.
            "publish" | "expose" => ["publish", "expose"].iter().any(|key| {
                let values = filters.get(*key).into_iter().flatten();
                values.into_iter().any(|v| self.matches_one(c, key, v, env))
            }),
            // None of these containers belongs to a service of a swarm.
            "is-task" => values.iter().any(|v| matches!(v.as_str(), "false" | "0")),
            _ => values.iter().any(|v| self.matches_one(c, key, v, env)),
        })
    }

    fn matches_one(&self, c: &Container, key: &str, value: &str, env: &Env<'_, '_>) -> bool {
        match key {
            "id" => c.id.starts_with(value),
            "name" => {
                let slashed = format!("/{}", c.name);
                Regex::new(value).map_or_else(
                    |_| slashed.contains(value),
                    |re| re.is_match(&slashed) || re.is_match(&c.name),
                )
            }
            "status" => c.status().as_str() == value,
            "ancestor" => {
                c.config.image == value
                    || self.find_image(value, env).is_some_and(|i| *i.id == *c.image_id)
            }
            "network" => {
                let wanted = self.network_name(value);
                c.endpoints.contains_key(&wanted)
            }
            "volume" => c.mounts.iter().any(|m| {
                m.name == value
                    || m.destination == value
                    || (m.kind == MountKind::Bind && m.source == value)
            }),
            "health" => match &c.health {
                Some(health) if c.running => health.status.as_str() == value,
                _ => value == "none",
            },
            "exited" => !c.running && c.started_at.is_some() && value.parse() == Ok(c.exit_code),
            "publish" | "expose" => port_span(value).is_ok_and(|(protocol, first, last)| {
                ports::summaries(c).iter().any(|p| {
                    let port = if key == "publish" { p.public } else { p.private };
                    p.protocol == protocol && (first..=last).contains(&port)
                })
            }),
            _ => false,
        }
    }

    /// A list entry.
    pub(crate) fn summary(&self, c: &Container, size: bool, env: &Env<'_, '_>) -> ContainerSummary {
        let now = env.now();
        let machine_id = ContainerId::from(c.id.as_str());
        let bytes = if size {
            let own = env.machines.written_bytes(&self.host, &machine_id);
            let image = self.find_image(&c.image_id, env).map_or(0, |i| i.size_bytes());
            (own, own + image)
        } else {
            (0, 0)
        };
        let same = self.find_image(&c.config.image, env).is_some_and(|i| *i.id == *c.image_id);
        let address =
            |ip: Option<std::net::Ipv4Addr>| ip.map_or_else(String::new, |ip| ip.to_string());
        ContainerSummary {
            id: c.id.clone(),
            names: vec![format!("/{}", c.name)],
            image: if same { c.config.image.clone() } else { c.image_id.clone() },
            image_id: c.image_id.clone(),
            command: command_line(&c.argv),
            created: c.created,
            ports: ports::summaries(c),
            labels: c.config.labels.clone(),
            state: c.status(),
            status: c.status_text(now),
            health: c.health.as_ref().map(|h| h.status),
            exit_code: c.exit_code,
            networks: c.endpoints.iter().map(|(n, e)| (n.clone(), address(e.ip))).collect(),
            mounts: c.mounts.clone(),
            network_mode: c.host.network_mode.clone(),
            size: bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let labels = BTreeMap::from([("tier".to_owned(), "front".to_owned())]);
        for (wanted, hit) in
            [("tier", true), ("tier=front", true), ("tier=back", false), ("x", false)]
        {
            assert_eq!(label_matches(&labels, wanted), hit, "{wanted}");
        }
        let until = Filters::from([("until".to_owned(), vec!["10s".to_owned()])]);
        assert!(!prune_matches(&labels, SimTime::from_secs(5), &until, SimTime::from_secs(9)));
        assert!(prune_matches(&labels, SimTime::from_secs(5), &until, SimTime::from_secs(16)));
    }
}
