//! Commands in containers: `exec` in one that runs, `run` in one of its own.
//!
//! Models docker compose v2.40.3 `pkg/compose/{exec,run}.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::compose::create::{self, Copy, Service, label};
use crate::compose::plan;
use crate::compose::project::Project;
use crate::compose::values::shell_words;
use crate::docker::api::{
    ApiError, ContainerSummary, ExecConfig, Reply, Request, Status, Stream, WaitCondition,
};
use crate::shell::job::{Io, Reading, Ticket, Wake};

use super::commands::prepare;
use super::containers::list;
use super::flags::Parsed;
use super::live::start_rest;
use super::query::not_running;
use super::tree::{Failure, Node};
use super::work::Work;

/// What `run` is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    service: String,
    changes: Map<String, Value>,
    env: Map<String, Value>,
    labels: BTreeMap<String, String>,
    name: Option<String>,
    ports: Vec<String>,
    keep_ports: bool,
    aliases: bool,
    volumes: Vec<String>,
    capabilities: [Vec<String>; 2],
    remove: bool,
    detach: bool,
}

impl Wanted {
    /// From the command line.
    pub(super) fn of(
        parsed: &Parsed,
        service: &str,
        command: &[String],
        project: &Project,
        io: &Io<'_>,
    ) -> Result<Self, Failure> {
        if project.service(service).is_none() {
            return Err(Failure::new(format!("no such service: {service}")));
        }
        let mut changes = Map::new();
        let mut set = |key: &str, value: Value| changes.insert(key.to_owned(), value);
        if !command.is_empty() {
            set("command", json!(command));
        }
        if let Some(line) = parsed.one("entrypoint") {
            set("entrypoint", json!(shell_words(line)?));
            if command.is_empty() {
                set("command", json!([]));
            }
        }
        if let Some(user) = parsed.one("user") {
            set("user", json!(user));
        }
        if let Some(folder) = parsed.one("workdir") {
            set("working_dir", json!(folder));
        }
        let pair = |text: &String| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (key.to_owned(), value.to_owned())
        };
        Ok(Self {
            service: service.to_owned(),
            changes,
            env: environment(parsed, project, io)?,
            labels: parsed.many("label").iter().map(pair).collect(),
            name: parsed.one("name").map(str::to_owned),
            ports: parsed.many("publish"),
            keep_ports: parsed.on("service-ports"),
            aliases: parsed.on("use-aliases"),
            volumes: parsed.many("volume"),
            capabilities: [parsed.many("cap-add"), parsed.many("cap-drop")],
            remove: parsed.on("rm"),
            detach: parsed.on("detach"),
        })
    }
}

/// Variables of a one-off container: from files, then from `-e`; a name alone takes the value of
/// the project's surroundings, or is left out.
fn environment(
    parsed: &Parsed,
    project: &Project,
    io: &Io<'_>,
) -> Result<Map<String, Value>, Failure> {
    let mut lines = Vec::new();
    for file in parsed.many("env-from-file") {
        let path = crate::posix::normal(io.cwd, &file);
        let text = super::file_text(io, &path)
            .ok_or_else(|| Failure::new(format!("open {file}: no such file or directory")))?;
        let read = text.lines().map(str::trim);
        lines.extend(read.filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned));
    }
    lines.extend(parsed.many("env"));
    let value = |line: String| match line.split_once('=') {
        Some((key, value)) => Some((key.to_owned(), json!(value))),
        None => project.env.get(&line).map(|value| (line.clone(), json!(value))),
    };
    Ok(lines.into_iter().filter_map(value).collect())
}

/// What happens before a one-off container: images, networks, what the service depends on.
pub(super) fn before(work: &mut Work, service: &str, alone: bool) -> Node {
    // The service itself gets no container of the usual kind, and keeps those it has.
    work.settings.left_alone.insert(service.to_owned());
    if alone {
        work.settings.left_alone.extend(work.project.service_names());
    }
    let mut nodes = vec![prepare(work)];
    nodes.extend(start_rest(work));
    Node::seq(nodes)
}

/// Which command.
#[derive(Clone, Debug)]
enum Phase {
    Find { service: String, index: u32, config: Box<ExecConfig>, detach: bool },
    Made { detach: bool },
    Running { exec: String },
    Creating { wanted: Box<Wanted> },
    Starting { id: String },
    Following { id: String, wanted: Box<Wanted>, start: Option<Ticket> },
    Removing { code: u8 },
}

/// A command in a container.
#[derive(Clone, Debug)]
pub(super) struct Run {
    phase: Phase,
    ticket: Ticket,
    wait: Option<Ticket>,
    code: Option<u8>,
}

impl Run {
    /// `exec`.
    pub(super) fn exec(
        project: &str,
        service: &str,
        command: &[String],
        parsed: &Parsed,
        io: &mut Io<'_>,
    ) -> Self {
        let config = ExecConfig {
            cmd: command.to_vec(),
            env: parsed.many("env").into_iter().filter(|line| line.contains('=')).collect(),
            working_dir: parsed.one("workdir").unwrap_or_default().to_owned(),
            user: parsed.one("user").unwrap_or_default().to_owned(),
            tty: io.tty && !parsed.on("no-tty") && !parsed.on("no-TTY"),
            stdin: io.stdin.is_some() || io.tty,
            privileged: parsed.on("privileged"),
        };
        let index = parsed.one("index").and_then(|i| i.parse().ok()).unwrap_or(0);
        let ticket = io.ask_docker(list(project, false));
        let phase = Phase::Find {
            service: service.to_owned(),
            index,
            config: Box::new(config),
            detach: parsed.on("detach"),
        };
        Self { phase, ticket, wait: None, code: None }
    }

    /// `run`, after what the service depends on has started.
    pub(super) fn one_off(work: Work, wanted: Wanted, io: &mut Io<'_>) -> Result<Self, Failure> {
        let name = wanted.service.clone();
        let mut value = work.project.service(&name).cloned().unwrap_or_default();
        if let Value::Object(map) = &mut value {
            map.extend(wanted.changes.clone());
            for key in ["container_name", "scale", "restart", "deploy"] {
                map.remove(key);
            }
            if !wanted.keep_ports {
                map.remove("ports");
            }
            for (key, more) in ["cap_add", "cap_drop"].into_iter().zip(&wanted.capabilities) {
                let list = map.entry(key).or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.extend(more.iter().map(|name| json!(name)));
                }
            }
            for spec in &wanted.volumes {
                let mount = crate::compose::mounts::one(spec, &work.project.folder)?;
                let list = map.entry("volumes").or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.push(mount);
                }
            }
            if io.stdin.is_some() && !wanted.detach {
                map.insert("stdin_open".to_owned(), json!(true));
            }
            if !wanted.env.is_empty() {
                let env = map.entry("environment").or_insert_with(|| json!({}));
                if let Value::Object(env) = env {
                    env.extend(wanted.env.clone());
                }
            }
            for spec in &wanted.ports {
                let ports = crate::compose::ports::parse(spec)?;
                let list = map.entry("ports").or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.extend(ports.into_iter().map(|p| {
                        json!({"target": p.target, "published": p.published,
                               "host_ip": p.host_ip, "protocol": p.protocol, "mode": "ingress"})
                    }));
                }
            }
        }
        let container_of = |other: &str| {
            let found = work.observed.get(other)?.first();
            found.map(|c| c.id.clone())
        };
        let value = create::resolved(&value, &container_of)?;
        let service = Service { name: &name, value: &value };
        // Compose names one-offs by twelve random hexadecimal digits.
        let slug = io.rng.stream("compose-run", &name).hex(12);
        let full = match &wanted.name {
            Some(name) => name.clone(),
            None => format!("{}-{name}-run-{slug}", work.project.name),
        };
        let mut labels = wanted.labels.clone();
        labels.insert(label::ONE_OFF.to_owned(), "True".to_owned());
        labels.insert(label::SLUG.to_owned(), slug);
        let copy = Copy {
            number: 0,
            name: full.clone(),
            image_id: work.images.get(&name).cloned().unwrap_or_default(),
            labels,
            aliases: wanted.aliases,
            ..Copy::default()
        };
        let mut config = create::container(&work.project, service, &copy)?;
        config.host.auto_remove = wanted.remove && wanted.detach;
        let request = Request::ContainerCreate { name: full, config: Box::new(config) };
        let ticket = io.ask_docker(request);
        let phase = Phase::Creating { wanted: Box::new(wanted) };
        Ok(Self { phase, ticket, wait: None, code: None })
    }

    fn ask(&mut self, request: Request, phase: Phase, io: &mut Io<'_>) {
        self.ticket = io.ask_docker(request);
        self.phase = phase;
    }

    /// Whether it passes on what is typed: `exec` does, once its command runs.
    pub(super) const fn reading(&self) -> Reading {
        match self.phase {
            Phase::Running { .. } => Reading::Now,
            Phase::Find { .. } | Phase::Made { .. } => Reading::Soon,
            Phase::Creating { .. }
            | Phase::Starting { .. }
            | Phase::Following { .. }
            | Phase::Removing { .. } => Reading::No,
        }
    }

    /// Goes on; the exit code when it ends.
    pub(super) fn resume(&mut self, wake: &Wake, io: &mut Io<'_>) -> Result<Option<u8>, Failure> {
        match wake {
            Wake::Signal(signal) => {
                self.signal(*signal, io);
                Ok(None)
            }
            Wake::Stdin(text) => {
                if let Phase::Running { exec } = &self.phase {
                    let request = Request::ExecStdin { exec: exec.clone(), text: text.clone() };
                    io.ask_docker(request);
                }
                Ok(None)
            }
            Wake::Docker(ticket, Ok(Reply::Exit { code, .. })) if Some(*ticket) == self.wait => {
                self.code = Some(u8::try_from(*code).unwrap_or(1));
                self.wait = None;
                self.ended(io)
            }
            Wake::Docker(ticket, result) if *ticket == self.ticket => match result.clone() {
                Ok(reply) => self.answered(reply, io),
                Err(error) => Err(error.into()),
            },
            Wake::Docker(ticket, result) => self.started(*ticket, result.clone(), io),
            _ => Ok(None),
        }
    }

    /// The container that is followed has started, or cannot.
    fn started(
        &mut self,
        ticket: Ticket,
        result: Result<Reply, ApiError>,
        io: &mut Io<'_>,
    ) -> Result<Option<u8>, Failure> {
        let Phase::Following { id, start, .. } = &mut self.phase else { return Ok(None) };
        if *start != Some(ticket) {
            return Ok(None);
        }
        *start = None;
        result?;
        if let Some(text) = io.stdin {
            let (id, text) = (id.clone(), Some(text.to_owned()));
            io.ask_docker(Request::ContainerStdin { id: id.clone(), text });
            io.ask_docker(Request::ContainerStdin { id, text: None });
        }
        self.ended(io)
    }

    fn signal(&self, signal: u8, io: &mut Io<'_>) {
        let request = match &self.phase {
            Phase::Running { exec } => Request::ExecSignal { exec: exec.clone(), signal },
            Phase::Following { id, .. } => {
                Request::ContainerKill { id: id.clone(), signal: signal.to_string() }
            }
            _ => return,
        };
        io.ask_docker(request);
    }

    fn answered(&mut self, reply: Reply, io: &mut Io<'_>) -> Result<Option<u8>, Failure> {
        match (self.phase.clone(), reply) {
            (Phase::Find { service, index, config, detach }, Reply::Containers(containers)) => {
                let found = find(&containers, &service, index)
                    .ok_or_else(|| not_running(&service, index))?;
                let request = Request::ExecCreate { id: found.id.clone(), config: *config };
                self.ask(request, Phase::Made { detach }, io);
            }
            (Phase::Made { detach }, Reply::ExecCreated { exec }) => {
                let request = Request::ExecStart { exec: exec.clone(), detach };
                self.ask(request, Phase::Running { exec: exec.clone() }, io);
                if let Some(text) = io.stdin {
                    let text = Some(text.to_owned());
                    io.ask_docker(Request::ExecStdin { exec: exec.clone(), text });
                    io.ask_docker(Request::ExecStdin { exec, text: None });
                }
            }
            (Phase::Running { .. }, Reply::Exit { code, .. }) => {
                return Ok(Some(u8::try_from(code).unwrap_or(1)));
            }
            (Phase::Running { .. }, Reply::Done) => return Ok(Some(0)),
            (Phase::Creating { wanted }, Reply::Created { id, .. }) => {
                if !wanted.detach {
                    let stdin = io.stdin.is_some();
                    self.ticket = io.ask_docker(Request::ContainerAttach {
                        id: id.clone(),
                        logs: true,
                        stdin,
                    });
                    let condition = WaitCondition::NextExit;
                    let wait = Request::ContainerWait { id: id.clone(), condition };
                    self.wait = Some(io.ask_docker(wait));
                    let start = io.ask_docker(Request::ContainerStart { id: id.clone() });
                    self.phase = Phase::Following { id, wanted, start: Some(start) };
                } else {
                    let start = Request::ContainerStart { id: id.clone() };
                    self.ask(start, Phase::Starting { id }, io);
                }
            }
            (Phase::Starting { id }, Reply::Done) => {
                io.out(format!("{id}\n"));
                return Ok(Some(0));
            }
            (Phase::Following { .. } | Phase::Running { .. }, Reply::Output(stream, text)) => {
                match stream {
                    Stream::Stdout => io.out(text),
                    Stream::Stderr => io.err(text),
                }
            }
            (Phase::Following { .. }, Reply::Done) => return self.ended(io),
            (Phase::Removing { code }, _) => return Ok(Some(code)),
            _ => {}
        }
        Ok(None)
    }

    /// The container has ended: remove it if wanted.
    fn ended(&mut self, io: &mut Io<'_>) -> Result<Option<u8>, Failure> {
        let Some(code) = self.code else { return Ok(None) };
        match self.phase.clone() {
            // It may have ended because it could not start: the engine's answer says so.
            Phase::Following { start: Some(_), .. } => Ok(None),
            Phase::Following { id, wanted, .. } if wanted.remove => {
                let request =
                    Request::ContainerRemove { id, force: true, volumes: true, link: false };
                self.ask(request, Phase::Removing { code }, io);
                Ok(None)
            }
            _ => Ok(Some(code)),
        }
    }
}

fn find<'a>(
    containers: &'a [ContainerSummary],
    service: &str,
    index: u32,
) -> Option<&'a ContainerSummary> {
    let mut found: Vec<&ContainerSummary> = containers
        .iter()
        .filter(|c| plan::service_of(c) == service && !plan::is_one_off(c))
        .filter(|c| matches!(c.state, Status::Running | Status::Paused | Status::Restarting))
        .filter(|c| index == 0 || plan::number(c) == index)
        .collect();
    found.sort_by_key(|c| plan::number(c));
    found.first().copied()
}
