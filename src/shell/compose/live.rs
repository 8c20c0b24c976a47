//! Following containers: attached `up`, `logs`, `events`.
//!
//! Models docker compose v2.40.3 `pkg/compose/{up,attach,logs,monitor,printer}.go` and
//! `cmd/formatter/logs.go`. Left out: colours, the navigation menu.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::compose::create::label;
use crate::compose::plan;
use crate::docker::api::{
    ContainerSummary, DockerEvent, Filters, LogOptions, Reply, Request, Status, Stream,
};
use crate::shell::docker::text::parse_moment;
use crate::shell::job::{Io, Reason, Ticket, Wake};

use super::action::{Do, ask, step};
use super::containers::{Stop, list, listed, sorted};
use super::flags::Parsed;
use super::query::not_running;
use super::tree::{Failure, Node};
use super::work::Work;

/// How attached `up` ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OnExit {
    /// When all have ended.
    #[default]
    Ignore,
    /// When one has ended.
    Stop,
    /// When one has failed.
    Fail,
}

/// What attached `up` is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    attach: Vec<String>,
    no_attach: Vec<String>,
    on_exit: OnExit,
    exit_from: Option<String>,
    prefix: bool,
    timestamps: bool,
}

impl Settings {
    /// From the flags of `up`.
    pub(super) fn of(parsed: &Parsed, services: &[String]) -> Self {
        let exit_from = parsed.one("exit-code-from").map(str::to_owned);
        let on_exit = if parsed.on("abort-on-container-exit") || exit_from.is_some() {
            OnExit::Stop
        } else if parsed.on("abort-on-container-failure") {
            OnExit::Fail
        } else {
            OnExit::Ignore
        };
        let attach = match parsed.many("attach") {
            named if !named.is_empty() => named,
            _ if parsed.on("attach-dependencies") => Vec::new(),
            _ => services.to_vec(),
        };
        Self {
            attach,
            no_attach: parsed.many("no-attach"),
            on_exit,
            exit_from,
            prefix: !parsed.on("no-log-prefix"),
            timestamps: parsed.on("timestamps"),
        }
    }
}

/// Which command follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Up,
    Logs,
    Events,
}

/// What an answer is about.
#[derive(Clone, Debug)]
enum Topic {
    List,
    Events,
    Log(String),
    Exited(String, String, i64),
}

/// The following.
#[derive(Clone, Debug)]
pub(super) struct Live {
    mode: Mode,
    settings: Settings,
    work: Work,
    options: LogOptions,
    words: Vec<String>,
    /// Only this container of a service; 0 for all.
    index: u32,
    json: bool,
    start: Node,
    starting: bool,
    stop: Option<Node>,
    graceful: bool,
    open: BTreeMap<Ticket, Topic>,
    alive: BTreeSet<String>,
    /// Containers that are being started, until the engine says that they have.
    expected: BTreeSet<String>,
    names: BTreeMap<String, (String, String)>,
    width: usize,
    code: Option<u8>,
}

/// The short name of a container, without the project.
fn short(container: &ContainerSummary, project: &str) -> String {
    let name = plan::name(container);
    let prefix = format!("{project}-");
    name.strip_prefix(&prefix).unwrap_or(&name).to_owned()
}

impl Live {
    fn new(mode: Mode, work: Work) -> Self {
        Self {
            mode,
            settings: Settings { prefix: true, ..Settings::default() },
            work,
            options: LogOptions { stdout: true, stderr: true, ..LogOptions::default() },
            words: Vec::new(),
            index: 0,
            json: false,
            start: Node::Done,
            starting: false,
            stop: None,
            graceful: false,
            open: BTreeMap::new(),
            alive: BTreeSet::new(),
            expected: BTreeSet::new(),
            names: BTreeMap::new(),
            width: 0,
            code: None,
        }
    }

    /// Follows the containers of a project that was made, and starts them.
    pub(super) fn up(work: Work, settings: Settings, io: &mut Io<'_>) -> Result<Self, Failure> {
        let mut live = Self::new(Mode::Up, work);
        live.settings = settings;
        let project = live.work.project.name.clone();
        let mut shown = Vec::new();
        for container in live.work.containers.clone() {
            let service = plan::service_of(&container).to_owned();
            if plan::is_one_off(&container) || live.work.project.service(&service).is_none() {
                continue;
            }
            let name = short(&container, &project);
            if live.follows(&service) {
                shown.push(name.clone());
            }
            if matches!(container.state, Status::Created | Status::Exited | Status::Dead) {
                live.expected.insert(container.id.clone());
            }
            if container.state == Status::Running {
                live.alive.insert(container.id.clone());
                live.follow(&container.id, &name, &service, io);
            }
            live.names.insert(container.id, (name, service));
        }
        shown.sort();
        io.out(format!("Attaching to {}\n", shown.join(", ")));
        live.ask_events(&project, io);
        live.work.silent = true;
        live.start = step(Do::Start);
        live.starting = true;
        live.go_on(None, io)?;
        Ok(live)
    }

    /// Prints what containers have said.
    ///
    /// # Errors
    /// If a moment cannot be read.
    pub(super) fn logs(work: Work, parsed: &Parsed, io: &mut Io<'_>) -> Result<Self, Failure> {
        let mut live = Self::new(Mode::Logs, work);
        live.settings.prefix = !parsed.on("no-log-prefix");
        live.settings.timestamps = parsed.on("timestamps");
        live.options.follow = parsed.on("follow");
        for (name, at) in [("since", &mut live.options.since), ("until", &mut live.options.until)] {
            let Some(text) = parsed.one(name).filter(|text| !text.is_empty()) else { continue };
            *at = parse_moment(text, io.now);
            if at.is_none() {
                return Err(Failure::new(format!(
                    "invalid value for \"{name}\": failed to parse value as time or duration: \
                     \"{text}\""
                )));
            }
        }
        live.index = parsed.one("index").and_then(|i| i.parse().ok()).unwrap_or(0);
        live.options.tail = parsed.one("tail").and_then(|t| t.parse().ok());
        live.words.clone_from(&parsed.words);
        let ticket = io.ask_docker(list(&live.work.project.name, true));
        live.open.insert(ticket, Topic::List);
        Ok(live)
    }

    /// Prints events of a project.
    pub(super) fn events(project: &str, parsed: &Parsed, io: &mut Io<'_>) -> Self {
        let mut live = Self::new(Mode::Events, Work::default());
        live.json = parsed.on("json");
        live.words.clone_from(&parsed.words);
        live.ask_events(project, io);
        live
    }

    fn ask_events(&mut self, project: &str, io: &mut Io<'_>) {
        let value = format!("{}={project}", label::PROJECT);
        let filters = Filters::from([
            ("label".to_owned(), vec![value]),
            ("type".to_owned(), vec!["container".to_owned()]),
        ]);
        let ticket = io.ask_docker(Request::Events { since: None, until: None, filters });
        self.open.insert(ticket, Topic::Events);
    }

    fn follows(&self, service: &str) -> bool {
        let Settings { attach, no_attach, .. } = &self.settings;
        (attach.is_empty() || attach.iter().any(|s| s == service))
            && !no_attach.iter().any(|s| s == service)
    }

    fn follow(&mut self, id: &str, name: &str, service: &str, io: &mut Io<'_>) {
        self.follow_since(id, name, service, io.now, io);
    }

    fn follow_since(
        &mut self,
        id: &str,
        name: &str,
        service: &str,
        since: SimTime,
        io: &mut Io<'_>,
    ) {
        if !self.follows(service) {
            return;
        }
        let options = LogOptions {
            stdout: true,
            stderr: true,
            follow: true,
            since: Some(since),
            ..LogOptions::default()
        };
        let ticket = io.ask_docker(Request::ContainerLogs { id: id.to_owned(), options });
        self.open.insert(ticket, Topic::Log(name.to_owned()));
    }

    /// Goes on; the exit code when it ends.
    pub(super) fn resume(&mut self, wake: &Wake, io: &mut Io<'_>) -> Result<Option<u8>, Failure> {
        match wake {
            Wake::Signal(_) if self.mode == Mode::Up => self.interrupted(io)?,
            Wake::Signal(_) => return Ok(Some(130)),
            Wake::Docker(ticket, result) if self.open.contains_key(ticket) => {
                let ticket = *ticket;
                match result.clone() {
                    Ok(reply) => self.answered(ticket, reply, io)?,
                    Err(error) => {
                        let topic = self.open.remove(&ticket);
                        if matches!(topic, Some(Topic::List | Topic::Events)) {
                            return Err(error.into());
                        }
                    }
                }
            }
            _ => {}
        }
        self.go_on(Some(wake), io)?;
        Ok(self.ended(io))
    }

    fn go_on(&mut self, wake: Option<&Wake>, io: &mut Io<'_>) -> Result<(), Failure> {
        if self.starting {
            let mut node = std::mem::take(&mut self.start);
            match node.drive(wake, &mut self.work, io) {
                Ok(true) => self.starting = false,
                Ok(false) => self.start = node,
                Err(_) if self.graceful => self.starting = false,
                Err(why) => return Err(why),
            }
        }
        if let Some(mut node) = self.stop.take() {
            if node.drive(wake, &mut self.work, io)? {
                io.err("\n");
            } else {
                self.stop = Some(node);
            }
        }
        Ok(())
    }

    fn ended(&self, io: &mut Io<'_>) -> Option<u8> {
        match self.mode {
            Mode::Events => None,
            Mode::Logs => self.open.is_empty().then_some(0),
            Mode::Up => {
                let logging =
                    self.open.values().any(|t| matches!(t, Topic::Log(_) | Topic::Exited(..)));
                let running = !self.alive.is_empty() || !self.graceful && !self.expected.is_empty();
                let done = !self.starting && !running && self.stop.is_none() && !logging;
                if !done {
                    return None;
                }
                for ticket in self.open.keys() {
                    io.effects.push(crate::shell::job::Effect::Forget(*ticket));
                }
                Some(if self.graceful { 130 } else { self.code.unwrap_or(0) })
            }
        }
    }

    fn interrupted(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        if self.graceful {
            for id in self.alive.clone() {
                let kill = Request::ContainerKill { id, signal: "SIGKILL".to_owned() };
                io.ask_docker(kill);
            }
            return Ok(());
        }
        io.out("Gracefully Stopping... press Ctrl+C again to force\n");
        self.graceful = true;
        self.open.retain(|_, topic| !matches!(topic, Topic::Log(_)));
        self.stop_all(io)
    }

    fn stop_all(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        self.work.silent = false;
        self.work.settle();
        let stop = Stop { services: self.work.settings.services.clone(), ..Stop::default() };
        self.stop = Some(Node::seq([listed(&self.work), step(Do::Stop(stop))]));
        self.go_on(None, io)
    }

    fn answered(&mut self, ticket: Ticket, reply: Reply, io: &mut Io<'_>) -> Result<(), Failure> {
        let last = reply.is_last();
        let topic = if last { self.open.remove(&ticket) } else { self.open.get(&ticket).cloned() };
        match (topic, reply) {
            (Some(Topic::List), Reply::Containers(containers)) => self.listed(containers, io)?,
            (Some(Topic::Log(name)), Reply::Log(line)) => {
                let text = if self.settings.timestamps {
                    format!("{} {}", line.at.rfc3339_nano(), line.text)
                } else {
                    line.text
                };
                self.print(&name, line.stream, &text, io);
            }
            (Some(Topic::Events), Reply::Event(event)) => self.event(&event, io)?,
            (Some(Topic::Exited(id, name, code)), Reply::Container(container)) => {
                self.exited(&id, &name, code, container.state.restarting, io)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn listed(
        &mut self,
        containers: Vec<ContainerSummary>,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        let project = self.work.project.name.clone();
        let index = self.index;
        if index > 0 {
            let named = |c: &ContainerSummary| {
                self.words.iter().any(|w| w == plan::service_of(c)) && plan::number(c) == index
            };
            if !containers.iter().any(named) {
                let service = self.words.first().cloned().unwrap_or_default();
                return Err(not_running(&service, index));
            }
        }
        for container in sorted(containers) {
            let service = plan::service_of(&container);
            if plan::is_one_off(&container)
                || (index > 0 && plan::number(&container) != index)
                || (!self.words.is_empty() && !self.words.iter().any(|w| w == service))
            {
                continue;
            }
            let name = short(&container, &project);
            self.width = self.width.max(name.chars().count());
            let options = self.options.clone();
            let ticket = io.ask_docker(Request::ContainerLogs { id: container.id, options });
            self.open.insert(ticket, Topic::Log(name));
        }
        Ok(())
    }

    fn print(&mut self, name: &str, stream: Stream, text: &str, io: &mut Io<'_>) {
        self.width = self.width.max(name.chars().count());
        let line = if self.settings.prefix {
            format!("{name:width$}  | {text}\n", width = self.width)
        } else {
            format!("{text}\n")
        };
        match (stream, self.mode) {
            (Stream::Stderr, Mode::Up) => io.err(line),
            _ => io.out(line),
        }
    }

    fn event(&mut self, event: &DockerEvent, io: &mut Io<'_>) -> Result<(), Failure> {
        let attribute = |key: &str| {
            let found = event.attributes.iter().find(|(k, _)| k == key);
            found.map(|(_, v)| v.clone()).unwrap_or_default()
        };
        if self.mode == Mode::Events {
            self.print_event(event, &attribute(label::SERVICE), io);
            return Ok(());
        }
        let service = attribute(label::SERVICE);
        match event.action.as_str() {
            "start" if attribute(label::ONE_OFF) != "True" => {
                let full = attribute("name");
                let prefix = format!("{}-", self.work.project.name);
                let name = full.strip_prefix(&prefix).unwrap_or(&full).to_owned();
                self.expected.remove(&event.id);
                self.alive.insert(event.id.clone());
                self.names.insert(event.id.clone(), (name.clone(), service.clone()));
                if !self.graceful {
                    self.follow_since(&event.id, &name, &service, event.at, io);
                }
            }
            "die" => {
                let code = attribute("exitCode").parse().unwrap_or(0);
                let Some((name, _)) = self.names.get(&event.id).cloned() else { return Ok(()) };
                let request = Request::ContainerInspect { id: event.id.clone(), size: false };
                let ticket = io.ask_docker(request);
                self.open.insert(ticket, Topic::Exited(event.id.clone(), name, code));
            }
            "destroy" => {
                self.expected.remove(&event.id);
                self.alive.remove(&event.id);
            }
            _ => {}
        }
        Ok(())
    }

    fn exited(
        &mut self,
        id: &str,
        name: &str,
        code: i64,
        restarting: bool,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        let service = self.names.get(id).map(|(_, s)| s.clone()).unwrap_or_default();
        let shown = self.follows(&service);
        if restarting {
            if shown {
                io.out(format!("\r\u{1b}[K{name} exited with code {code} (restarting)\n"));
            }
            return Ok(());
        }
        self.alive.remove(id);
        if self.graceful {
            return Ok(());
        }
        let aborts = match self.settings.on_exit {
            OnExit::Ignore => false,
            OnExit::Stop => true,
            OnExit::Fail => code != 0,
        };
        if shown {
            io.out(format!("\r\u{1b}[K{name} exited with code {code}\n"));
        }
        let exit = u8::try_from(code).unwrap_or(1);
        match &self.settings.exit_from {
            Some(wanted) if *wanted == service => {
                self.code.get_or_insert(exit);
            }
            Some(_) => {}
            None if aborts => {
                self.code.get_or_insert(exit);
            }
            None => {}
        }
        if aborts {
            self.settings.on_exit = OnExit::Stop;
            if !self.words.iter().any(|w| w == "\0aborting") {
                // Aborting happens once.
                self.words.push("\0aborting".to_owned());
                io.err("\u{1b}[31m\u{1b}[1mAborting on container exit...\u{1b}[0m\n");
                io.reason(Reason {
                    subject: self.work.project.name.clone(),
                    what: Message::new("why-compose-aborts").with("service", &service),
                    about: Vec::new(),
                    because: Some(id.to_owned()),
                });
                return self.stop_all(io);
            }
        }
        Ok(())
    }

    fn print_event(&self, event: &DockerEvent, service: &str, io: &mut Io<'_>) {
        if !self.words.is_empty() && !self.words.iter().any(|w| w == service) {
            return;
        }
        let own = |key: &str| key.starts_with("com.docker.compose.");
        let attributes: Vec<String> = event
            .attributes
            .iter()
            .filter(|(k, _)| !own(k))
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        if self.json {
            let attributes: serde_json::Map<String, serde_json::Value> = event
                .attributes
                .iter()
                .filter(|(k, _)| !own(k))
                .map(|(k, v)| (k.clone(), v.as_str().into()))
                .collect();
            let value = serde_json::json!({
                "action": event.action, "attributes": attributes, "id": event.id,
                "service": service, "time": event.at.rfc3339_nano(), "type": "container",
            });
            io.out(format!("{value}\n"));
            return;
        }
        let time = event.at.rfc3339_micro().replace('T', " ").replace('Z', "");
        io.out(format!(
            "{time} container {} {} ({})\n\n",
            event.action,
            event.id,
            attributes.join(", ")
        ));
    }
}

/// Lists the containers of a project and starts them, for `run`.
pub(super) fn start_rest(work: &Work) -> [Node; 2] {
    let listing = ask(list(&work.project.name, true), super::action::Then::Listed);
    [listing, step(Do::Start)]
}
