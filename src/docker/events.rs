//! The log of events (`docker events`), with attributes as the real daemon sets them.

use crate::base::ledger::{Reading, Roll};
use crate::docker::Due;
use crate::docker::api::{DockerEvent, Reply, Request};
use crate::docker::clients::{EventClient, event_matches};
use crate::docker::daemon::{Daemon, Env};

/// Events kept (the real daemon keeps 256 per host; more here for replays and the page).
const MAX_EVENTS: usize = 20_000;

/// All events of all hosts, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog(Roll<DockerEvent>);

impl EventLog {
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn push(&mut self, event: DockerEvent) {
        let index = self.0.push(event);
        if index.is_multiple_of(1024) {
            self.0.trim(MAX_EVENTS);
        }
    }

    pub(crate) fn digest(&self, reading: Reading) -> u64 {
        self.0.digest(reading)
    }

    pub(crate) fn iter_from(&self, index: u64) -> impl DoubleEndedIterator<Item = &DockerEvent> {
        self.0.iter_from(index)
    }
}

impl Daemon {
    pub(crate) fn event(
        &self,
        kind: &'static str,
        action: &str,
        id: &str,
        attributes: Vec<(String, String)>,
        env: &mut Env<'_, '_>,
    ) {
        let mut attributes = attributes;
        attributes.sort();
        env.log.push(DockerEvent {
            at: env.cx.now,
            host: self.host.as_str().to_owned(),
            kind,
            action: action.to_owned(),
            id: id.to_owned(),
            attributes,
        });
    }

    /// An event of a container: labels, image, name and what is special.
    pub(crate) fn container_event(
        &self,
        id: &str,
        action: &str,
        extra: &[(&str, String)],
        env: &mut Env<'_, '_>,
    ) {
        let Some(c) = self.containers.get(id) else { return };
        let mut attributes: Vec<(String, String)> = c.config.labels.clone().into_iter().collect();
        attributes.push(("image".into(), c.config.image.clone()));
        attributes.push(("name".into(), c.name.clone()));
        attributes.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        self.event("container", action, id, attributes, env);
    }

    /// An event of a network; `container` for connect and disconnect.
    pub(crate) fn network_event(
        &self,
        id: &str,
        action: &str,
        container: Option<&str>,
        env: &mut Env<'_, '_>,
    ) {
        let Some(network) = self.networks.get(id) else { return };
        let mut attributes = vec![
            ("name".to_owned(), network.config.name.clone()),
            ("type".to_owned(), network.config.driver.clone()),
        ];
        if let Some(container) = container {
            attributes.push(("container".to_owned(), container.to_owned()));
        }
        self.event("network", action, id, attributes, env);
    }

    /// An event of a volume.
    pub(crate) fn volume_event(
        &self,
        name: &str,
        action: &str,
        extra: &[(&str, String)],
        env: &mut Env<'_, '_>,
    ) {
        let mut attributes: Vec<(String, String)> =
            extra.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        attributes.push(("driver".into(), "local".into()));
        self.event("volume", action, name, attributes, env);
    }

    /// An event of an image.
    pub(crate) fn image_event(&self, id: &str, action: &str, name: &str, env: &mut Env<'_, '_>) {
        self.event("image", action, id, vec![("name".into(), name.to_owned())], env);
    }

    /// An event of a prune.
    pub(crate) fn prune_event(&self, kind: &'static str, bytes: u64, env: &mut Env<'_, '_>) {
        self.event(kind, "prune", "", vec![("reclaimed".into(), bytes.to_string())], env);
    }

    /// Serve `GET /events`.
    pub(crate) fn serve_events(&mut self, ticket: u64, request: Request, env: &mut Env<'_, '_>) {
        let Request::Events { since, until, filters } = request else { return };
        let now = env.now();
        let mut next = env.log.len();
        if let Some(since) = since {
            let host = self.host.as_str();
            let first = env.log.0.first_index();
            let old = env.log.iter_from(first).filter(|e| {
                e.host == host
                    && e.at >= since
                    && until.is_none_or(|u| e.at <= u)
                    && event_matches(&filters, e)
            });
            let old: Vec<DockerEvent> = old.cloned().collect();
            for event in old {
                env.reply(ticket, Ok(Reply::Event(event)));
            }
            next = env.log.len();
        }
        match until {
            Some(until) if until <= now => {
                env.reply(ticket, Ok(Reply::Done));
                return;
            }
            Some(until) => {
                self.timer(until.since(now), Due::EventsEnd { ticket }, env);
            }
            None => {}
        }
        self.clients.events.insert(ticket, EventClient { next, filters });
    }

    /// The end of a stream of events.
    pub(crate) fn events_end(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        if self.clients.events.remove(&ticket).is_some() {
            env.reply(ticket, Ok(Reply::Done));
        }
    }

    /// Send new events to clients that listen.
    pub(crate) fn publish_events(&mut self, env: &mut Env<'_, '_>) {
        let end = env.log.len();
        let host = self.host.clone();
        for (ticket, client) in &mut self.clients.events {
            if client.next == end {
                continue;
            }
            let new: Vec<DockerEvent> = env
                .log
                .iter_from(client.next)
                .filter(|e| e.host == host.as_str() && event_matches(&client.filters, e))
                .cloned()
                .collect();
            client.next = end;
            for event in new {
                env.reply(*ticket, Ok(Reply::Event(event)));
            }
        }
    }

    /// Attributes of an exec event.
    pub(crate) fn exec_event(
        &self,
        container: &str,
        word: &str,
        exec: &str,
        argv: Option<&[String]>,
        code: Option<i64>,
        env: &mut Env<'_, '_>,
    ) {
        // The command stands after the word: the program, a blank, the arguments (so a command
        // without arguments ends with a blank, as recorded).
        let action = match argv {
            Some(argv) => {
                let (program, args) = argv.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
                format!("{word}: {program} {}", args.join(" "))
            }
            None => word.to_owned(),
        };
        let mut extra = vec![("execID", exec.to_owned())];
        if let Some(code) = code {
            extra.push(("exitCode", code.to_string()));
        }
        self.container_event(container, &action, &extra, env);
    }
}
