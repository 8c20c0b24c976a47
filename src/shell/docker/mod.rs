//! `docker …` in the terminal: docker/cli 28 as resumable jobs over the Engine API.
//!
//! One file per group of commands with declarative flags; [`table`] lists them all. Left out:
//! swarm commands, contexts, plugins, logging in to registries.

mod attach;
mod build;
pub(crate) mod copy;
mod exec;
mod export;
mod flags;
mod flow;
pub(crate) mod format;
mod images;
mod import;
mod inspect;
mod life;
mod load;
mod logs;
mod networks;
mod prune;
mod ps;
mod pull;
mod registry;
mod run;
mod run_flags;
mod run_values;
mod save;
pub(crate) mod stats;
mod system;
mod table;
pub(crate) mod text;
pub mod values;
pub(crate) mod volumes;

use crate::shell::docker::flags::{Parsed, Refusal};
use crate::shell::job::{Io, Reading, Wake};

/// A running `docker` command.
#[derive(Clone, Debug)]
pub struct Job {
    argv: Vec<String>,
    state: State,
}

/// Where a command stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Not begun.
    Fresh,
    /// Nothing more to do.
    Over,
    /// One question.
    One(flow::One),
    /// One question per argument.
    Each(flow::Each),
    /// `run`, `create`.
    Run(Box<run::Run>),
    /// `attach`, `start -a`, `wait`.
    Attach(Box<attach::Attach>),
    /// `exec`.
    Exec(Box<exec::Exec>),
    /// `logs`.
    Logs(logs::Logs),
    /// `events`.
    Events(system::Events),
    /// `stats`.
    Stats(stats::Watch),
    /// `pull`.
    Pull(pull::Pull),
    /// `build`.
    Build(Box<build::Build>),
    /// `cp`.
    Copy(copy::Copy),
    /// `inspect`.
    Inspect(inspect::Inspect),
    /// A prune that asks first.
    Prune(prune::Prune),
}

impl State {
    /// End with a text on standard error.
    pub(crate) fn fail(text: &str, code: u8, io: &mut Io<'_>) -> Self {
        io.err(format!("{text}\n"));
        io.exit(code);
        Self::Over
    }
}

impl Job {
    /// A command that was typed; the first word is `docker`.
    #[must_use]
    pub const fn new(argv: Vec<String>) -> Self {
        Self { argv, state: State::Fresh }
    }

    /// Whether it reads what is typed.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match &self.state {
            State::Run(run) => run.reading(),
            State::Attach(attach) => attach.reading(),
            State::Exec(exec) => exec.reading(),
            State::Prune(prune) if prune.asks() => Reading::Now,
            State::Fresh => Reading::Soon,
            State::Over
            | State::One(_)
            | State::Each(_)
            | State::Logs(_)
            | State::Events(_)
            | State::Stats(_)
            | State::Pull(_)
            | State::Build(_)
            | State::Copy(_)
            | State::Inspect(_)
            | State::Prune(_) => Reading::No,
        }
    }

    /// Go on.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match &mut self.state {
            State::Fresh => {
                if matches!(wake, Wake::Start) {
                    let words: Vec<String> = self.argv.iter().skip(1).cloned().collect();
                    self.state = table::start(&words, io);
                }
            }
            State::Over => {}
            State::One(job) => job.resume(wake, io),
            State::Each(job) => job.resume(wake, io),
            State::Run(job) => job.resume(wake, io),
            State::Attach(job) => job.resume(wake, io),
            State::Exec(job) => job.resume(wake, io),
            State::Logs(job) => job.resume(wake, io),
            State::Events(job) => job.resume(wake, io),
            State::Stats(job) => job.resume(wake, io),
            State::Pull(job) => job.resume(wake, io),
            State::Build(job) => job.resume(wake, io),
            State::Copy(job) => job.resume(wake, io),
            State::Inspect(job) => job.resume(wake, io),
            State::Prune(job) => {
                if let Some(next) = job.resume(wake, io) {
                    self.state = next;
                }
            }
        }
    }
}

/// Begin a command whose words were found.
pub(crate) type Start = fn(Parsed, &mut Io<'_>) -> State;

/// Print why a command line is refused.
pub(crate) fn refuse(refusal: Refusal, help: &str, io: &mut Io<'_>) -> State {
    match refusal {
        Refusal::Help => {
            io.out(help.to_owned());
            io.exit(0);
        }
        Refusal::Flag(text) => return State::fail(&text, 125, io),
        Refusal::Count(text) => return State::fail(&text, 1, io),
    }
    State::Over
}
