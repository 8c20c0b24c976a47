//! `docker compose` in the terminal.
//!
//! Models docker compose v2.40.3 `cmd/compose`. A [`Job`] reads its command line, loads the project
//! ([`crate::compose::project`]), then works through a tree of questions to the daemon ([`tree`]),
//! answers from a few lists ([`query`]), or follows what containers say ([`live`]).
//! Left out: bridge, publish, push, watch, attach, commit, viz.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "replies that were not asked for do not concern a question"
)]

mod action;
mod bake;
mod commands;
mod containers;
mod discover;
mod flags;
mod images;
mod listing;
mod live;
mod query;
mod resources;
mod run;
pub mod table;
mod tree;
mod waiting;
mod work;

use crate::compose::project::{Options, Outcome, Project, Surroundings, load};
use crate::posix::Entry;
use crate::shell::job::{Io, Reading, Wake};

use self::flags::Parsed;
use self::tree::{Failure, Node};
use self::work::Work;

/// What `--progress` may be.
const PROGRESS: [&str; 6] = ["auto", "tty", "plain", "json", "quiet", "none"];

/// A running command.
#[derive(Clone, Debug)]
pub struct Job {
    argv: Vec<String>,
    state: State,
}

/// How far a command is.
#[derive(Clone, Debug)]
enum State {
    /// It has not begun.
    Fresh,
    /// It works through a tree, then goes on.
    Tree(Box<Work>, Node, After),
    /// It collects lists.
    Query(Box<query::Query>),
    /// It follows containers.
    Live(Box<live::Live>),
    /// It runs a command in a container.
    Run(Box<run::Run>),
    /// It finds out what a project without files consists of.
    Discover(Box<discover::Discover>),
    /// It has ended.
    Ended,
}

/// What follows a tree.
#[derive(Clone, Debug)]
enum After {
    /// Nothing.
    End,
    /// Follow the containers of the project.
    Attach(live::Settings),
    /// Run a one-off container.
    Run(Box<run::Wanted>),
}

/// What a command is about to do.
enum Begin {
    /// It is done.
    Done,
    /// A tree, and what follows.
    Tree(Box<Work>, Node, After),
    /// Lists.
    Query(Box<query::Query>),
    /// Following.
    Live(Box<live::Live>),
    /// A command in a container.
    Run(Box<run::Run>),
    /// First find out what there is.
    Discover(Box<discover::Discover>),
}

/// A command line: what stands before the command, the command, and the rest.
#[derive(Clone, Debug)]
struct Line {
    global: Parsed,
    name: &'static str,
    parsed: Parsed,
}

impl Job {
    /// A command that is about to start; the words behind `compose`.
    #[must_use]
    pub const fn new(argv: Vec<String>) -> Self {
        Self { argv, state: State::Fresh }
    }

    /// Whether it reads what is typed.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match &self.state {
            State::Run(run) => run.reading(),
            State::Fresh => Reading::Soon,
            State::Tree(..)
            | State::Query(_)
            | State::Live(_)
            | State::Discover(_)
            | State::Ended => Reading::No,
        }
    }

    /// Go on.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let next = match state {
            State::Fresh => begin(&self.argv, io).and_then(|begun| begun.enter(io)),
            State::Tree(work, node, after) => proceed(work, node, after, Some(&wake), io),
            State::Query(mut query) => query
                .resume(&wake, io)
                .map(|done| if done { exit(io, 0) } else { State::Query(query) }),
            State::Live(mut live) => live.resume(&wake, io).map(|code| match code {
                Some(code) => exit(io, code),
                None => State::Live(live),
            }),
            State::Run(mut run) => run.resume(&wake, io).map(|code| match code {
                Some(code) => exit(io, code),
                None => State::Run(run),
            }),
            State::Discover(mut discover) => match discover.resume(&wake, io) {
                Ok(None) => Ok(State::Discover(discover)),
                Ok(Some(begun)) => begun.enter(io),
                Err(why) => Err(why),
            },
            State::Ended => return,
        };
        self.state = next.unwrap_or_else(|why| fail(io, &why));
    }
}

fn exit(io: &mut Io<'_>, code: u8) -> State {
    io.exit(code);
    State::Ended
}

fn fail(io: &mut Io<'_>, why: &Failure) -> State {
    if !why.message.is_empty() {
        io.err(format!("{}\n", why.message));
    }
    exit(io, why.code)
}

impl Begin {
    fn enter(self, io: &mut Io<'_>) -> Result<State, Failure> {
        Ok(match self {
            Self::Done => exit(io, 0),
            Self::Tree(work, node, after) => return proceed(work, node, after, None, io),
            Self::Query(query) => State::Query(query),
            Self::Live(live) => State::Live(live),
            Self::Run(run) => State::Run(run),
            Self::Discover(discover) => State::Discover(discover),
        })
    }
}

fn proceed(
    mut work: Box<Work>,
    mut node: Node,
    after: After,
    wake: Option<&Wake>,
    io: &mut Io<'_>,
) -> Result<State, Failure> {
    if matches!(wake, Some(Wake::Signal(_))) {
        return Err(Failure::exit(130));
    }
    if !node.drive(wake, &mut work, io)? {
        return Ok(State::Tree(work, node, after));
    }
    match after {
        After::End => Ok(exit(io, 0)),
        After::Attach(settings) => Ok(State::Live(Box::new(live::Live::up(*work, settings, io)?))),
        After::Run(wanted) => Ok(State::Run(Box::new(run::Run::one_off(*work, *wanted, io)?))),
    }
}

fn begin(argv: &[String], io: &mut Io<'_>) -> Result<Begin, Failure> {
    let global = Parsed::read(table::GLOBAL, argv, true)?;
    if global.on("version") {
        io.out(format!("Docker Compose version {}\n", crate::compose::create::VERSION));
        return Ok(Begin::Done);
    }
    let Some((name, rest)) = global.words.split_first() else {
        io.out(table::overview());
        return Ok(Begin::Done);
    };
    if name == "help" {
        io.out(table::overview());
        return Ok(Begin::Done);
    }
    let Some(command) = table::COMMANDS.iter().find(|c| c.name == name) else {
        io.out(table::overview());
        return Err(Failure::new(format!("unknown docker command: \"compose {name}\"")));
    };
    // Flags of compose itself are also read behind the command.
    let mut known: Vec<flags::Flag> = command.flags.to_vec();
    for flag in table::GLOBAL {
        if flag.long == "dry-run" {
            known.push(*flag);
        }
    }
    let parsed = Parsed::read(&known, rest, command.passes)?;
    if parsed.on("help") {
        io.out(table::help(command));
        return Ok(Begin::Done);
    }
    if let Some(refusal) = command.refuses(&parsed.words) {
        return Err(Failure::new(refusal));
    }
    if let Some(progress) = global.one("progress")
        && !PROGRESS.contains(&progress)
    {
        return Err(Failure::new(format!("unsupported --progress value \"{progress}\"")));
    }
    commands::begin(Line { global, name: command.name, parsed }, io)
}

/// Options of the project that a line gives.
fn options(line: &Line) -> Options {
    Options {
        files: line.global.many("file"),
        name: line.global.one("project-name").map(str::to_owned),
        profiles: line.global.many("profile"),
        env_files: line.global.many("env-file"),
        directory: line.global.one("project-directory").map(str::to_owned),
        ..Options::default()
    }
}

/// The text of a file of the terminal.
fn file_text(io: &Io<'_>, path: &str) -> Option<String> {
    let mut path = path.to_owned();
    // A link may point to a link; the file system itself allows forty.
    for _ in 0..40 {
        match io.files.get(&path)? {
            Entry::File { content, .. } => return Some(content.to_string()),
            Entry::Directory { .. } => return None,
            Entry::Link(target) => {
                path = crate::posix::normal(crate::posix::parent(&path), target);
            }
        }
    }
    None
}

/// Loads the project of a line, printing warnings.
fn project(
    line: &Line,
    options: &Options,
    services: &[String],
    io: &mut Io<'_>,
) -> Result<Project, Failure> {
    let Outcome { result, warnings } = loaded(options, services, io);
    for warning in warnings {
        work::warn(io, is_tty(line, io), io.now, &warning);
    }
    result.map_err(|error| Failure::new(error.message))
}

/// Loads a project; `-f -` is what was piped in.
fn loaded(options: &Options, services: &[String], io: &Io<'_>) -> Outcome {
    let piped = options.files.iter().any(|file| file == "-");
    let piped = piped.then(|| crate::posix::normal(io.cwd, "-"));
    let files = |path: &str| match &piped {
        Some(piped) if piped == path => Some(io.stdin.unwrap_or_default().to_owned()),
        _ => file_text(io, path),
    };
    let around = Surroundings { cwd: io.cwd, env: io.env, files: &files };
    load(options, &around, services)
}

/// Whether lines are rewritten.
fn is_tty(line: &Line, io: &Io<'_>) -> bool {
    match line.global.one("progress") {
        Some("plain" | "json" | "quiet") => false,
        Some("tty") => true,
        _ => io.tty && line.global.one("ansi") != Some("never"),
    }
}

/// What the parts of a run share, at its beginning.
fn work(line: &Line, project: Project, io: &Io<'_>) -> Work {
    let mut work = Work::default();
    work.project = project;
    work.started = io.now;
    work.tty = is_tty(line, io);
    work.silent = matches!(line.global.one("progress"), Some("quiet" | "none"));
    work.settings.dry_run = line.global.on("dry-run") || line.parsed.on("dry-run");
    work
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::Rngs;
    use crate::base::time::SimTime;
    use crate::docker::api::{ApiError, Reply, Request};
    use crate::posix::Files;
    use crate::shell::job::{Effect, Ticket};

    /// Runs a command against a daemon that has every image and nothing else, and makes all it is
    /// asked for; what was printed, and the exit code.
    fn run(line: &str, file: &str) -> (String, u8) {
        let mut files = Files::new();
        files.put_file("/app/compose.yaml", file);
        let (mut rng, mut next_ticket) = (Rngs::new(1), 0);
        let env = BTreeMap::new();
        let mut job = Job::new(line.split_whitespace().map(str::to_owned).collect());
        let mut wakes = std::collections::VecDeque::from([Wake::Start]);
        let mut text = String::new();
        // A command that asks more often than this hangs.
        for _ in 0..1_000 {
            let Some(wake) = wakes.pop_front() else { break };
            let mut effects = Vec::new();
            let mut io = Io {
                now: SimTime::ZERO,
                env: &env,
                cwd: "/app",
                files: &mut files,
                host: "host",
                tty: false,
                open: false,
                width: 80,
                stdin: None,
                rng: &mut rng,
                next_ticket: &mut next_ticket,
                effects: &mut effects,
            };
            job.resume(wake, &mut io);
            for effect in effects {
                match effect {
                    Effect::Out(more) | Effect::Err(more) => text.push_str(&more),
                    Effect::AskDocker(ticket, _, request) => {
                        wakes.push_back(Wake::Docker(ticket, daemon(ticket, request)));
                    }
                    Effect::Timer(_, tag) => wakes.push_back(Wake::Timer(tag)),
                    Effect::Exit(code) => return (text, code),
                    _ => {}
                }
            }
        }
        (text, 255)
    }

    fn daemon(ticket: Ticket, request: Request) -> Result<Reply, ApiError> {
        match request {
            Request::ContainerList { .. } => Ok(Reply::Containers(Vec::new())),
            Request::ContainerCreate { .. } | Request::NetworkCreate(_) => {
                Ok(Reply::Created { id: format!("{:064x}", ticket.0), warnings: Vec::new() })
            }
            Request::NetworkList { .. } => Ok(Reply::Networks(Vec::new())),
            Request::ImageInspect { .. } => Ok(Reply::Done),
            _ => Err(ApiError::not_found("no such thing")),
        }
    }

    #[test]
    fn create_makes_networks_then_containers_in_order() {
        let file = "services:\n  a: {image: i, depends_on: [b]}\n  b: {image: i}\n";
        let lines = [
            " Network app_default  Creating",
            " Network app_default  Created",
            " Container app-b-1  Creating",
            " Container app-b-1  Created",
            " Container app-a-1  Creating",
            " Container app-a-1  Created",
        ];
        assert_eq!(run("--progress plain create", file), (lines.join("\n") + "\n", 0));
    }

    #[test]
    fn complaints() {
        let file = "services:\n  a: {image: i, volumes: ['v:/v', 'data:/d']}\n\
                    volumes: {data: {external: true}}\n";
        for (line, message) in [
            ("up --nope", "unknown flag: --nope\n"),
            ("up -d nosuch", "no such service: nosuch\n"),
            ("exec a true", "service \"a\" is not running\n"),
            ("start", "service \"a\" has no container to start\n"),
            ("rm -f", "No stopped containers\n"),
        ] {
            let (text, code) = run(line, file);
            assert_eq!(text, message, "{line}");
            assert_eq!(code, u8::from(line != "rm -f"), "{line}");
        }
        let (text, code) = run("up -d", file);
        assert!(text.ends_with("external volume \"data\" not found\n"), "{text}");
        assert_eq!(code, 1);
    }
}
