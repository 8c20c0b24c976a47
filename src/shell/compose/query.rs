//! Commands that list containers and print or do something for each.
//!
//! Models docker compose v2.40.3 `cmd/compose/{ps,images,ls,top,port,volumes,stats,wait,cp,kill,
//! pause,remove}.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::base::table::tabwriter;
use crate::compose::create::label;
use crate::compose::emit::Tree;
use crate::compose::plan;
use crate::docker::api::{
    ArchiveEntry, ContainerSummary, Filters, ImageInspect, Reply, Request, Stats, Status,
    WaitCondition,
};
use crate::docker::{ago, bytes_size, human_size3};
use crate::posix::Entry;
use crate::shell::job::{Io, Ticket, Wake};

use super::containers::{list, of_service, sorted};
use super::flags::Parsed;
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
    CopyFrom(String),
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
        Self { kind, work, parsed, first, open: BTreeMap::new(), rows: Vec::new(), code: 0 }
    }

    /// A command about all projects.
    pub(super) fn all(kind: Kind, parsed: Parsed, io: &mut Io<'_>) -> Self {
        let filters = Filters::from([("label".to_owned(), vec![label::PROJECT.to_owned()])]);
        let all = true;
        let first =
            io.ask_docker(Request::ContainerList { all, limit: None, filters, size: false });
        let work = Work::default();
        Self { kind, work, parsed, first, open: BTreeMap::new(), rows: Vec::new(), code: 0 }
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
                    let mut rows = vec![row(["DRIVER", "VOLUME NAME"])];
                    rows.extend(volumes.into_iter().map(|v| vec![v.driver, v.name]));
                    io.out(tabwriter(&rows, 10, 3));
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
        self.finish(io);
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
            .filter(|c| c.state == Status::Running)
            .find(|c| index == 0 || plan::number(c) == index)
            .ok_or_else(|| not_running(service, index))
    }

    fn listed(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        match self.kind {
            Kind::Ps => ps(&self.work, &self.parsed, io),
            Kind::Ls => ls(&self.work.containers, &self.parsed, io),
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
                let containers = self.chosen();
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
        let [service, port, ..] = self.parsed.words.as_slice() else {
            return Err(Failure::new("requires at least 2 arg(s)"));
        };
        let container = self.one_of(service)?;
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let protocol = self.parsed.one("protocol").unwrap_or(protocol);
        let found = container.ports.iter().find(|p| {
            p.private.to_string() == number && p.protocol.as_str() == protocol && p.public != 0
        });
        match found {
            Some(p) => {
                io.out(format!("{}:{}\n", p.ip, p.public));
                Ok(())
            }
            None => {
                let name = plan::name(&container);
                Err(Failure::new(format!("no port {number}/{protocol} for container {name}")))
            }
        }
    }

    fn change_all(&mut self, io: &mut Io<'_>) {
        let signal = self.parsed.one("signal").unwrap_or("SIGKILL").to_owned();
        let kind = self.kind;
        let fits = |c: &ContainerSummary| match kind {
            Kind::Kill => matches!(c.state, Status::Running | Status::Paused | Status::Restarting),
            Kind::Pause => c.state == Status::Running,
            _ => c.state == Status::Paused,
        };
        let containers: Vec<_> = self.chosen().into_iter().filter(fits).collect();
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
            words.is_empty() || words.iter().any(|w| w == plan::service_of(c))
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
        let [from, to, ..] = self.parsed.words.as_slice() else {
            return Err(Failure::new("requires exactly 2 arg(s)"));
        };
        let (from, to) = (from.clone(), to.clone());
        if let Some((service, path)) = to.split_once(':') {
            let container = self.one_of(service)?;
            let name = plan::name(&container);
            let place = crate::posix::normal(io.cwd, &from);
            let Some(Entry::File { content, mode, .. }) = io.files.get(&place).cloned() else {
                return Err(Failure::new(format!("lstat {place}: no such file or directory")));
            };
            self.work.service(
                io,
                &name,
                &format!("copy {from} to {name}:{path} Copying"),
                Mood::Working,
            );
            let files = vec![ArchiveEntry {
                path: String::new(),
                content: Some(content.to_string()),
                mode,
            }];
            let request =
                Request::ContainerCopyTo { id: container.id, path: path.to_owned(), files };
            let done = format!("copy {from} to {name}:{path} Copied");
            self.ask(request, Topic::CopyTo(name, done), io);
            return Ok(());
        }
        let Some((service, path)) = from.split_once(':') else {
            return Err(Failure::new("unknown copy direction"));
        };
        let container = self.one_of(service)?;
        let request = Request::ContainerCopyFrom { id: container.id, path: path.to_owned() };
        let place = crate::posix::normal(io.cwd, &to);
        let base = crate::compose::values::base(path).to_owned();
        let place = match io.files.get(&place) {
            Some(Entry::Directory { .. }) => format!("{place}/{base}"),
            _ => place,
        };
        self.ask(request, Topic::CopyFrom(place), io);
        Ok(())
    }

    fn answer(
        &mut self,
        topic: Topic,
        result: Result<Reply, Failure>,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        match (topic, result) {
            (Topic::Image(container), Ok(Reply::Image(image))) => {
                self.rows.push(image_row(&container, &image, io));
            }
            (Topic::Top(container), Ok(Reply::Top { titles, processes })) => {
                if self.rows.is_empty() {
                    let mut head = row(["SERVICE", "#"]);
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
            (Topic::Stats, Ok(Reply::Stats(stats))) => self.rows.push(stats_row(&stats)),
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
            (Topic::CopyFrom(place), Ok(Reply::Archive(entries))) => {
                for entry in entries {
                    let path = match entry.path.as_str() {
                        "" => place.clone(),
                        below => format!("{place}/{below}"),
                    };
                    if let Some(content) = entry.content {
                        io.files.put_file(&path, content);
                    }
                }
            }
            (_, Ok(_)) => {}
            (_, Err(why)) => return Err(why),
        }
        Ok(())
    }

    fn finish(&mut self, io: &mut Io<'_>) {
        let mut rows = std::mem::take(&mut self.rows);
        let table = |head: &[&str], rows: Vec<Vec<String>>, min, padding| {
            let mut all = vec![head.iter().map(|h| (*h).to_owned()).collect()];
            all.extend(rows);
            tabwriter(&all, min, padding)
        };
        match self.kind {
            Kind::Images if self.parsed.on("quiet") => {
                for row in rows {
                    io.out(format!("{}\n", row.get(4).cloned().unwrap_or_default()));
                }
            }
            Kind::Images => {
                rows.sort();
                let head =
                    ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"];
                io.out(table(&head, rows, 20, 3));
            }
            Kind::Top if !rows.is_empty() => {
                if let Some((_, body)) = rows.split_first_mut() {
                    body.sort();
                }
                io.out(tabwriter(&rows, 4, 2));
            }
            Kind::Stats => {
                rows.sort_by(|a, b| a.get(1).cmp(&b.get(1)));
                let head = [
                    "CONTAINER ID",
                    "NAME",
                    "CPU %",
                    "MEM USAGE / LIMIT",
                    "MEM %",
                    "NET I/O",
                    "BLOCK I/O",
                    "PIDS",
                ];
                io.out(table(&head, rows, 10, 3));
            }
            _ => {}
        }
    }
}

/// The complaint about a service without a running container.
pub(super) fn not_running(service: &str, index: u32) -> Failure {
    match index {
        0 => Failure::new(format!("service \"{service}\" is not running")),
        n => Failure::new(format!("service \"{service}\" is not running container #{n}")),
    }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Ports as `ps` shows them.
fn ports(container: &ContainerSummary) -> String {
    let shown = container.ports.iter().map(|p| {
        let inside = format!("{}/{}", p.private, p.protocol.as_str());
        match (p.public, p.ip.contains(':')) {
            (0, _) => inside,
            (public, true) => format!("[{}]:{public}->{inside}", p.ip),
            (public, false) => format!("{}:{public}->{inside}", p.ip),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A command as tables show it: quoted, at most twenty characters.
fn short_command(command: &str) -> String {
    let count = command.chars().count();
    let text = if count > 20 {
        command.chars().take(19).chain(['…']).collect()
    } else {
        command.to_owned()
    };
    crate::compose::values::go_quote(&text)
}

fn ps(work: &Work, parsed: &Parsed, io: &mut Io<'_>) {
    let mut statuses = parsed.many("status");
    for filter in parsed.many("filter") {
        if let Some(status) = filter.strip_prefix("status=") {
            statuses.push(status.to_owned());
        }
    }
    let orphans = parsed.one("orphans") != Some("false");
    let all = parsed.on("all") || !statuses.is_empty();
    let fits = |c: &&ContainerSummary| {
        let words = &parsed.words;
        let live = matches!(c.state, Status::Running | Status::Paused | Status::Restarting);
        (all || live)
            && (statuses.is_empty() || statuses.iter().any(|s| s == c.state.as_str()))
            && (words.is_empty() || words.iter().any(|w| w == plan::service_of(c)))
            && (orphans || !plan::is_orphan(c, &work.project))
            && !plan::is_one_off(c)
    };
    let mut containers: Vec<&ContainerSummary> = work.containers.iter().filter(fits).collect();
    containers.sort_by_key(|c| plan::name(c));
    if parsed.on("quiet") {
        containers.iter().for_each(|c| io.out(format!("{}\n", c.id)));
        return;
    }
    if parsed.on("services") {
        let mut names: Vec<&str> = containers.iter().map(|c| plan::service_of(c)).collect();
        names.dedup();
        names.iter().for_each(|name| io.out(format!("{name}\n")));
        return;
    }
    if parsed.one("format") == Some("json") {
        containers.iter().for_each(|c| io.out(format!("{}\n", ps_json(c, work, io))));
        return;
    }
    let head = ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"];
    let mut rows = vec![row(head)];
    for container in containers {
        rows.push(vec![
            plan::name(container),
            container.image.clone(),
            short_command(&container.command),
            plan::service_of(container).to_owned(),
            ago(io.now.since(container.created)),
            container.status.clone(),
            ports(container),
        ]);
    }
    io.out(tabwriter(&rows, 10, 3));
}

fn ps_json(container: &ContainerSummary, work: &Work, io: &Io<'_>) -> String {
    let labels: Vec<String> = container.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let created = container.created.rfc3339().replace('T', " ").replace('Z', " +0000 UTC");
    let publisher = |p: &crate::docker::api::PortSummary| {
        let text = |key: &str, value: &str| (key.to_owned(), Tree::Text(value.to_owned()));
        let number = |key: &str, n: u16| (key.to_owned(), Tree::Plain(n.to_string()));
        Tree::Map(vec![
            text("URL", &p.ip),
            number("TargetPort", p.private),
            number("PublishedPort", p.public),
            text("Protocol", p.protocol.as_str()),
        ])
    };
    let publishers = Tree::List(container.ports.iter().map(publisher).collect());
    let mounts: Vec<String> = container
        .mounts
        .iter()
        .map(|m| if m.name.is_empty() { m.source.clone() } else { m.name.clone() })
        .collect();
    let volumes = container.mounts.iter().filter(|m| !m.name.is_empty()).count();
    let networks: Vec<&str> = container.networks.keys().map(String::as_str).collect();
    let name = plan::name(container);
    let exit_code = if container.state == Status::Exited { container.exit_code } else { 0 };
    let text = |key: &str, value: &str| (key.to_owned(), Tree::Text(value.to_owned()));
    Tree::Map(vec![
        text("Command", &short_command(&container.command)),
        text("CreatedAt", &created),
        ("ExitCode".to_owned(), Tree::Plain(exit_code.to_string())),
        text("Health", container.health.map(|h| h.as_str()).unwrap_or_default()),
        text("ID", container.id.get(..12).unwrap_or(&container.id)),
        text("Image", &container.image),
        text("Labels", &labels.join(",")),
        text("LocalVolumes", &volumes.to_string()),
        text("Mounts", &mounts.join(",")),
        text("Name", &name),
        text("Names", &name),
        text("Networks", &networks.join(",")),
        text("Ports", &ports(container)),
        text("Project", &work.project.name),
        ("Publishers".to_owned(), publishers),
        text("RunningFor", &ago(io.now.since(container.created))),
        text("Service", plan::service_of(container)),
        text("Size", "0B"),
        text("State", container.state.as_str()),
        text("Status", &container.status),
    ])
    .compact()
}

fn ls(containers: &[ContainerSummary], parsed: &Parsed, io: &mut Io<'_>) {
    let mut projects: BTreeMap<&str, (BTreeMap<&str, u32>, &str)> = BTreeMap::new();
    for container in containers.iter().filter(|c| !plan::is_one_off(c)) {
        let label_of =
            |key: &str| container.labels.get(key).map(String::as_str).unwrap_or_default();
        let live = matches!(container.state, Status::Running | Status::Paused | Status::Restarting);
        if !live && !parsed.on("all") {
            continue;
        }
        let entry = projects.entry(label_of(label::PROJECT)).or_default();
        *entry.0.entry(container.state.as_str()).or_default() += 1;
        entry.1 = label_of(label::FILES);
    }
    if parsed.on("quiet") {
        projects.keys().for_each(|name| io.out(format!("{name}\n")));
        return;
    }
    let status = |states: &BTreeMap<&str, u32>| {
        let shown: Vec<String> = states.iter().map(|(s, n)| format!("{s}({n})")).collect();
        shown.join(", ")
    };
    if parsed.one("format") == Some("json") {
        let entries = projects.iter().map(|(name, (states, files))| {
            json!({"Name": name, "Status": status(states), "ConfigFiles": files})
        });
        io.out(format!("{}\n", entries.collect::<Value>()));
        return;
    }
    let mut rows = vec![row(["NAME", "STATUS", "CONFIG FILES"])];
    for (name, (states, files)) in &projects {
        rows.push(vec![(*name).to_owned(), status(states), (*files).to_owned()]);
    }
    io.out(tabwriter(&rows, 20, 3));
}

fn image_row(container: &ContainerSummary, image: &ImageInspect, io: &Io<'_>) -> Vec<String> {
    let tag =
        image.summary.repo_tags.iter().find(|t| {
            **t == container.image || t.strip_suffix(":latest") == Some(&container.image)
        });
    let full = tag.or(image.summary.repo_tags.first()).cloned().unwrap_or_default();
    let (repository, tag) = match full.rsplit_once(':') {
        Some((repository, tag)) => (repository.to_owned(), tag.to_owned()),
        None => ("<none>".to_owned(), "<none>".to_owned()),
    };
    let id = image.summary.id.strip_prefix("sha256:").unwrap_or(&image.summary.id);
    // Compose 2.40.3 reads no time for images older than the world and shows Go's longest age.
    let created = if image.summary.older_seconds > 0 {
        "292 years ago".to_owned()
    } else {
        ago(io.now.since(image.summary.created))
    };
    vec![
        plan::name(container),
        repository,
        tag,
        format!("{}/{}", image.os, image.architecture),
        id.get(..12).unwrap_or(id).to_owned(),
        human_size3(image.summary.size),
        created,
    ]
}

fn stats_row(stats: &Stats) -> Vec<String> {
    let hundredths = stats.cpu_millipercent / 10;
    let of_limit = match stats.memory_limit {
        0 => 0,
        limit => stats.memory_bytes.saturating_mul(10_000) / limit,
    };
    vec![
        stats.id.get(..12).unwrap_or(&stats.id).to_owned(),
        stats.name.clone(),
        format!("{}.{:02}%", hundredths / 100, hundredths % 100),
        format!("{} / {}", bytes_size(stats.memory_bytes), bytes_size(stats.memory_limit)),
        format!("{}.{:02}%", of_limit / 100, of_limit % 100),
        format!("{} / {}", human_size3(stats.network.0), human_size3(stats.network.1)),
        format!("{} / {}", human_size3(stats.block.0), human_size3(stats.block.1)),
        stats.pids.to_string(),
    ]
}
