//! Commands that list containers and print or do something for each.
//!
//! Models docker compose v2.40.3 `cmd/compose/{ps,images,ls,top,port,volumes,stats,wait,cp,kill,
//! pause,remove}.go`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::base::table::tabwriter;
use crate::compose::create::label;
use crate::compose::plan;
use crate::docker::api::{ContainerSummary, Filters, Reply, Request, Status, WaitCondition};
use crate::shell::docker::{copy, stats};
use crate::shell::job::{Io, Ticket, Wake};

use super::containers::{list, of_service, sorted};
use super::flags::Parsed;
use super::listing::{self, Used};
use super::tree::Failure;
use super::work::{Mood, Work};

/// Which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ps`.
    Ps,
    /// `images`.
    Images,
    /// `ls`.
    Ls,
    /// `top`.
    Top,
    /// `port`.
    Port,
    /// `volumes`.
    Volumes,
    /// `stats`.
    Stats,
    /// `wait`.
    Wait,
    /// `cp`.
    Copy,
    /// `export`.
    Export,
    /// `kill`.
    Kill,
    /// `pause`.
    Pause,
    /// `unpause`.
    Unpause,
    /// `rm`.
    Remove,
}

/// What a second question is about.
#[derive(Clone, Debug)]
enum Topic {
    Image(ContainerSummary),
    Top(ContainerSummary),
    Stats,
    Wait(String),
    Change(String, &'static str),
    Stop(ContainerSummary),
    Remove(String),
    CopyTo(String, String),
    CopyFrom { source: String, target: String, name: String, done: String },
}

/// A command on its way.
#[derive(Clone, Debug)]
pub(super) struct Query {
    kind: Kind,
    work: Work,
    parsed: Parsed,
    first: Ticket,
    open: BTreeMap<Ticket, Topic>,
    rows: Vec<Vec<String>>,
    loads: Vec<BTreeMap<String, Value>>,
    images: Vec<Used>,
    code: u8,
}

impl Query {
    /// A command about a project.
    pub(super) fn of(kind: Kind, work: Work, parsed: Parsed, io: &mut Io<'_>) -> Self {
        let request = match kind {
            Kind::Volumes => {
                let value = format!("{}={}", label::PROJECT, work.project.name);
                let filters = Filters::from([("label".to_owned(), vec![value])]);
                Request::VolumeList { filters }
            }
            _ => list(&work.project.name, true),
        };
        let first = io.ask_docker(request);
        Self::waiting(kind, work, parsed, first)
    }

    const fn waiting(kind: Kind, work: Work, parsed: Parsed, first: Ticket) -> Self {
        Self {
            kind,
            work,
            parsed,
            first,
            open: BTreeMap::new(),
            rows: Vec::new(),
            loads: Vec::new(),
            images: Vec::new(),
            code: 0,
        }
    }

    /// A command about all projects.
    pub(super) fn all(kind: Kind, parsed: Parsed, io: &mut Io<'_>) -> Self {
        let filters = Filters::from([("label".to_owned(), vec![label::PROJECT.to_owned()])]);
        let all = true;
        let first =
            io.ask_docker(Request::ContainerList { all, limit: None, filters, size: false });
        Self::waiting(kind, Work::default(), parsed, first)
    }

    /// A command that changes containers one by one.
    pub(super) fn change(name: &str, work: Work, parsed: Parsed, io: &mut Io<'_>) -> Self {
        let kind = match name {
            "kill" => Kind::Kill,
            "pause" => Kind::Pause,
            "unpause" => Kind::Unpause,
            _ => Kind::Remove,
        };
        Self::of(kind, work, parsed, io)
    }

    /// Takes an answer; whether all is done.
    pub(super) fn resume(&mut self, wake: &Wake, io: &mut Io<'_>) -> Result<bool, Failure> {
        match wake {
            Wake::Signal(_) => return Err(Failure::exit(130)),
            Wake::Docker(ticket, result) if *ticket == self.first => match result.clone()? {
                Reply::Containers(containers) => {
                    self.work.containers = sorted(containers);
                    self.listed(io)?;
                }
                Reply::Volumes(volumes) => {
                    listing::volumes(&volumes, &self.parsed, io)?;
                }
                _ => {}
            },
            Wake::Docker(ticket, result) => {
                if let Some(topic) = self.open.remove(ticket) {
                    self.answer(topic, result.clone().map_err(Failure::from), io)?;
                }
            }
            _ => return Ok(false),
        }
        if !self.open.is_empty() {
            return Ok(false);
        }
        self.finish(io)?;
        if self.code != 0 {
            return Err(Failure::exit(self.code));
        }
        Ok(true)
    }

    fn ask(&mut self, request: Request, topic: Topic, io: &mut Io<'_>) {
        let ticket = io.ask_docker(request);
        self.open.insert(ticket, topic);
    }

    /// Containers of the named services, or of all.
    fn chosen(&self) -> Vec<ContainerSummary> {
        let words = &self.parsed.words;
        let own = |c: &&ContainerSummary| {
            !plan::is_one_off(c)
                && (words.is_empty() || words.iter().any(|w| w == plan::service_of(c)))
        };
        self.work.containers.iter().filter(own).cloned().collect()
    }

    fn one_of(&self, service: &str) -> Result<ContainerSummary, Failure> {
        let index: u32 = self.parsed.one("index").and_then(|i| i.parse().ok()).unwrap_or(0);
        of_service(&self.work, service)
            .into_iter()
            .filter(at_work)
            .find(|c| index == 0 || plan::number(c) == index)
            .ok_or_else(|| not_running(service, index))
    }

    fn listed(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        match self.kind {
            Kind::Ps => listing::ps(&self.work, &self.parsed, io)?,
            Kind::Ls => listing::ls(&self.work.containers, &self.parsed, io)?,
            Kind::Images => {
                for container in self.chosen() {
                    let request = Request::ImageInspect { name: container.image.clone() };
                    self.ask(request, Topic::Image(container), io);
                }
            }
            Kind::Top => {
                for container in self.chosen().into_iter().filter(|c| c.state == Status::Running) {
                    let request =
                        Request::ContainerTop { id: container.id.clone(), ps_args: Vec::new() };
                    self.ask(request, Topic::Top(container), io);
                }
            }
            Kind::Stats => {
                for container in self.chosen().into_iter().filter(|c| c.state == Status::Running) {
                    let request = Request::ContainerStats { id: container.id, stream: false };
                    self.ask(request, Topic::Stats, io);
                }
            }
            Kind::Port => self.port(io)?,
            Kind::Wait => {
                let containers: Vec<_> = self.chosen().into_iter().filter(at_work).collect();
                if containers.is_empty() {
                    let name = &self.work.project.name;
                    return Err(Failure::new(format!("no containers for project \"{name}\"")));
                }
                for container in containers {
                    let condition = WaitCondition::NotRunning;
                    let request = Request::ContainerWait { id: container.id.clone(), condition };
                    self.ask(request, Topic::Wait(container.id), io);
                }
            }
            Kind::Copy => self.copy(io)?,
            Kind::Export => {
                let service = self.parsed.words.first().cloned().unwrap_or_default();
                self.one_of(&service)?;
            }
            Kind::Kill | Kind::Pause | Kind::Unpause => self.change_all(io),
            Kind::Remove => self.remove(io),
            Kind::Volumes => {}
        }
        Ok(())
    }

    fn port(&self, io: &mut Io<'_>) -> Result<(), Failure> {
        let [service, port, ..] = self.parsed.words.as_slice() else { return Ok(()) };
        let number: u16 = port.parse().map_err(|_| {
            Failure::new(format!("strconv.ParseUint: parsing \"{port}\": invalid syntax"))
        })?;
        let container = self.one_of(service)?;
        let protocol = self.parsed.one("protocol").unwrap_or("tcp");
        let mut ports = container.ports.iter();
        match ports.find(|p| p.private == number && p.protocol.as_str() == protocol) {
            Some(p) => {
                let ip = if p.ip.contains(':') { format!("[{}]", p.ip) } else { p.ip.clone() };
                io.out(format!("{ip}:{}\n", p.public));
                Ok(())
            }
            None => {
                let name = plan::name(&container);
                let ports = container.ports.iter();
                let all: Vec<String> =
                    ports.map(|p| format!("{}/{}", p.public, p.protocol.as_str())).collect();
                let all = all.join(", ");
                let text = format!("no port {number}/{protocol} for container {name}: {all}");
                Err(Failure::new(text))
            }
        }
    }

    fn change_all(&mut self, io: &mut Io<'_>) {
        let signal = self.parsed.one("signal").unwrap_or("SIGKILL").to_owned();
        let kind = self.kind;
        // The daemon says what cannot be paused.
        let containers: Vec<_> = self.chosen().into_iter().filter(at_work).collect();
        if containers.is_empty() && kind == Kind::Kill {
            io.err("no container to kill\n");
        }
        for container in containers {
            let (name, id) = (plan::name(&container), container.id);
            let (request, done) = match kind {
                Kind::Kill => {
                    self.work.container(io, &name, "Killing", Mood::Working);
                    (Request::ContainerKill { id, signal: signal.clone() }, "Killed")
                }
                Kind::Pause => (Request::ContainerPause { id }, "Paused"),
                _ => (Request::ContainerUnpause { id }, "Unpaused"),
            };
            self.ask(request, Topic::Change(name, done), io);
        }
    }

    fn remove(&mut self, io: &mut Io<'_>) {
        let stop = self.parsed.on("stop");
        let running = |c: &ContainerSummary| {
            matches!(c.state, Status::Running | Status::Paused | Status::Restarting)
        };
        let words = self.parsed.words.clone();
        let own = |c: &&ContainerSummary| {
            !plan::is_one_off(c)
                && (words.is_empty() || words.iter().any(|w| w == plan::service_of(c)))
        };
        let chosen: Vec<_> = self.work.containers.iter().filter(own).cloned().collect();
        let containers: Vec<_> = chosen.into_iter().filter(|c| stop || !running(c)).collect();
        if containers.is_empty() {
            io.err("No stopped containers\n");
            return;
        }
        let names: Vec<String> = containers.iter().map(plan::name).collect();
        io.out(format!("Going to remove {}\n", names.join(", ")));
        for container in containers {
            if stop {
                let name = plan::name(&container);
                self.work.container(io, &name, "Stopping", Mood::Working);
                let timeout = self.work.settings.timeout;
                let request =
                    Request::ContainerStop { id: container.id.clone(), signal: None, timeout };
                self.ask(request, Topic::Stop(container), io);
            } else {
                self.remove_one(&container, io);
            }
        }
    }

    fn remove_one(&mut self, container: &ContainerSummary, io: &mut Io<'_>) {
        let name = plan::name(container);
        self.work.container(io, &name, "Removing", Mood::Working);
        let volumes = self.parsed.on("volumes");
        let request = Request::ContainerRemove {
            id: container.id.clone(),
            force: self.parsed.on("force"),
            volumes,
            link: false,
        };
        self.ask(request, Topic::Remove(name), io);
    }

    fn copy(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        let [from, to, ..] = self.parsed.words.as_slice() else { return Ok(()) };
        let (from, to) = (from.clone(), to.clone());
        match (copy::split(&from), copy::split(&to)) {
            (Some(_), Some(_)) => Err(Failure::new("copying between services is not supported")),
            (None, None) => Err(Failure::new("unknown copy direction")),
            (None, Some((service, path))) => {
                for container in self.copied(service)? {
                    let name = plan::name(&container);
                    let what = format!("copy {from} to {name}:{path}");
                    self.work.service(io, &name, &format!("{what} Copying"), Mood::Working);
                    let files = copy::gather(&from, io).map_err(Failure::new)?;
                    let request = Request::ContainerCopyTo {
                        unpack: false,
                        id: container.id,
                        path: path.to_owned(),
                        files,
                    };
                    self.ask(request, Topic::CopyTo(name, format!("{what} Copied")), io);
                }
                Ok(())
            }
            (Some((service, path)), None) => {
                let Some(container) = self.copied(service)?.into_iter().next() else {
                    return Ok(());
                };
                let name = plan::name(&container);
                let what = format!("copy {name}:{path} to {to}");
                self.work.service(io, &name, &format!("{what} Copying"), Mood::Working);
                let request =
                    Request::ContainerCopyFrom { id: container.id, path: path.to_owned() };
                let done = format!("{what} Copied");
                let (source, target) = (path.to_owned(), to);
                self.ask(request, Topic::CopyFrom { source, target, name, done }, io);
                Ok(())
            }
        }
    }

    /// The containers that `cp` concerns: with `--all` or without an index all of a service.
    fn copied(&self, service: &str) -> Result<Vec<ContainerSummary>, Failure> {
        if self.parsed.one("index").is_some() {
            return Ok(vec![self.one_of(service)?]);
        }
        let all = self.parsed.on("all");
        let own =
            |c: &&ContainerSummary| plan::service_of(c) == service && (all || !plan::is_one_off(c));
        let found: Vec<_> = self.work.containers.iter().filter(own).cloned().collect();
        if found.is_empty() {
            let text = format!("no container found for service \"{service}\"");
            return Err(Failure::new(text));
        }
        Ok(found)
    }

    fn answer(
        &mut self,
        topic: Topic,
        result: Result<Reply, Failure>,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        match (topic, result) {
            (Topic::Image(container), Ok(Reply::Image(image))) => {
                self.images.push(listing::used(&container, &image, io));
            }
            (Topic::Top(container), Ok(Reply::Top { titles, processes })) => {
                if self.rows.is_empty() {
                    let mut head = vec!["SERVICE".to_owned(), "#".to_owned()];
                    head.extend(titles);
                    self.rows.push(head);
                }
                for process in processes {
                    let number = plan::number(&container).to_string();
                    let mut cells = vec![plan::service_of(&container).to_owned(), number];
                    cells.extend(process);
                    self.rows.push(cells);
                }
            }
            (Topic::Stats, Ok(Reply::Stats(load))) => {
                self.loads.push(stats::fields(&load, !self.parsed.on("no-trunc")));
            }
            (Topic::Wait(id), Ok(Reply::Exit { code, .. })) => {
                io.out(format!("container \"{id}\" exited with status code {code}\n"));
                self.code = u8::try_from(code).unwrap_or(1);
            }
            (Topic::Change(name, done), Ok(_)) => {
                self.work.container(io, &name, done, Mood::Done);
            }
            (Topic::Stop(container), Ok(_)) => {
                self.work.container(io, &plan::name(&container), "Stopped", Mood::Done);
                self.remove_one(&container, io);
            }
            (Topic::Remove(name), Ok(_)) => {
                self.work.container(io, &name, "Removed", Mood::Done);
            }
            (Topic::CopyTo(name, done), Ok(_)) => self.work.service(io, &name, &done, Mood::Done),
            (Topic::CopyFrom { source, target, name, done }, Ok(Reply::Archive(entries))) => {
                copy::store(&entries, &source, &target, io).map_err(Failure::new)?;
                self.work.service(io, &name, &done, Mood::Done);
            }
            (Topic::Change(name, _), Err(why)) if self.kind == Kind::Kill => {
                self.work.container(io, &name, "Error while Killing", Mood::Error);
                return Err(why);
            }
            (_, Ok(_)) => {}
            (_, Err(why)) => return Err(why),
        }
        Ok(())
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        let mut rows = std::mem::take(&mut self.rows);
        match self.kind {
            Kind::Images => {
                listing::images(std::mem::take(&mut self.images), &self.parsed, io)?;
            }
            Kind::Top if !rows.is_empty() => {
                if let Some((_, body)) = rows.split_first_mut() {
                    body.sort();
                }
                io.out(tabwriter(&rows, 4, 2));
            }
            Kind::Stats => {
                let name = |load: &BTreeMap<String, Value>| match load.get("Name") {
                    Some(Value::Str(name)) => name.clone(),
                    _ => String::new(),
                };
                self.loads.sort_by_key(name);
                let format = self.parsed.one("format").unwrap_or_default();
                io.out(stats::LIST.print(format, false, &self.loads)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a container is at work, also if it is paused or about to start again.
fn at_work(container: &ContainerSummary) -> bool {
    matches!(container.state, Status::Running | Status::Paused | Status::Restarting)
}

/// The complaint about a service without a running container.
pub(super) fn not_running(service: &str, index: u32) -> Failure {
    match index {
        0 => Failure::new(format!("service \"{service}\" is not running")),
        n => Failure::new(format!("service \"{service}\" is not running container #{n}")),
    }
}
