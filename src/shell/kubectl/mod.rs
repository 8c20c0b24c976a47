//! `kubectl` in the terminal: a client of the API server, and nothing more.
//!
//! Models kubectl v1.36. One file per verb and one line in [`verbs::VERBS`]; help and the errors of
//! flags derive from that table. Nothing here looks into the cluster: every fact comes from an
//! answer of the server. Left out: `debug`, `proxy`, `certificate`, plugins.

mod call;
mod document;
mod fail;
mod flags;
mod follow;
mod go_json;
mod kustomize;
mod help;
mod locate;
mod manifest;
mod resources;
mod schema;
mod show;
mod verbs;

pub mod check;
pub mod config;

mod annotate;
mod api_resources;
mod apply;
mod auth;
mod autoscale;
mod cluster_info;
mod cp;
mod create;
mod create_flags;
mod create_kinds;
mod delete;
mod describe;
mod diff;
mod drain;
mod edit;
mod events;
mod exec;
mod explain;
mod expose;
mod get;
mod logs;
mod node;
mod patch;
mod port_forward;
mod prune;
mod replace;
mod rollout;
mod rollout_status;
mod run;
mod scale;
mod set;
mod table;
mod top;
mod undo;
mod version;
mod wait;

use std::sync::Arc;

use self::call::{Call, Halt, Memory};
use self::flags::Flags;
use self::follow::Follow;
use self::verbs::Verb;
use crate::shell::job::{Effect, Io, Reading, Wake};

/// Exit code of a command that Ctrl-C ends.
const INTERRUPTED: u8 = 130;

/// A running command.
#[derive(Clone, Debug)]
pub struct Job {
    argv: Vec<String>,
    namespace: Arc<str>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// A verb in its course.
    Course(Box<Memory>),
    /// A stream without an end.
    Stream(Box<Follow>),
    /// Over.
    Over,
}

impl Job {
    /// A command that is about to start; `argv` begins with `kubectl`.
    #[must_use]
    pub fn new(argv: Vec<String>) -> Self {
        Self { argv, namespace: "".into(), state: State::Course(Box::default()) }
    }

    /// Whether it reads what is typed.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match &self.state {
            State::Course(_) => Reading::Soon,
            State::Stream(follow) => follow.reading(),
            State::Over => Reading::No,
        }
    }

    /// Go on.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Over => {}
            State::Course(memory) => self.course(memory, wake, io),
            State::Stream(mut follow) => match follow.resume(wake, io) {
                Some(code) => {
                    follow.stop(io);
                    io.exit(code);
                }
                None => self.state = State::Stream(follow),
            },
        }
    }

    fn course(&mut self, mut memory: Box<Memory>, wake: Wake, io: &mut Io<'_>) {
        let on = match wake {
            Wake::Start => true,
            Wake::Kube(ticket, answer) => memory.answered(ticket, answer),
            Wake::Timer(tag) => memory.rang(tag),
            Wake::Signal(_) => {
                for ticket in memory.open() {
                    io.effects.push(Effect::Forget(*ticket));
                }
                io.exit(INTERRUPTED);
                return;
            }
            Wake::Docker(..) | Wake::Net(..) | Wake::Stdin(_) => false,
        };
        if !on {
            self.state = State::Course(memory);
            return;
        }
        match self.run(&mut memory, io) {
            Ok(()) => finish(&memory, 0, io),
            Err(Halt::Wait) => self.state = State::Course(memory),
            Err(Halt::Fail(failure)) => {
                let (text, code) = failure.shown();
                io.err(text);
                finish(&memory, code, io);
            }
            Err(Halt::Follow(mut follow)) => {
                for answer in memory.unread(follow.ticket()) {
                    if let Some(code) = follow.resume(Wake::Kube(follow.ticket(), answer), io) {
                        follow.stop(io);
                        io.exit(code);
                        return;
                    }
                }
                self.state = State::Stream(follow);
            }
        }
    }

    /// Run the verb from its start.
    fn run(&mut self, memory: &mut Memory, io: &mut Io<'_>) -> Result<(), Halt> {
        let words: Vec<String> = self.argv.iter().skip(1).cloned().collect();
        let Some((verb, words)) = verbs::pick(&words)? else {
            io.out(help::overview());
            return Ok(());
        };
        let flags = match Flags::parse(&words, verb.flags) {
            Ok(flags) => flags,
            Err(message) => return Err(misused(verb, &message)),
        };
        if flags.on("help") {
            io.out(help::verb(verb));
            return Ok(());
        }
        let missing: Vec<String> =
            verb.required.iter().filter(|f| !flags.has(f)).map(|f| format!("\"{f}\"")).collect();
        if !missing.is_empty() {
            let message = format!("required flag(s) {} not set", missing.join(", "));
            return Err(fail::Failure::plain(message).into());
        }
        if self.namespace.is_empty() {
            self.namespace = config::namespace(&flags, io);
        }
        let mut call = Call::new(&flags, io, self.namespace.clone(), memory);
        (verb.run)(&mut call)
    }
}

fn misused(verb: &Verb, message: &str) -> Halt {
    let path = verb.path;
    let text = format!("error: {message}\nSee 'kubectl {path} --help' for usage.\n");
    fail::Failure::Raw(text, 1).into()
}

fn finish(memory: &Memory, code: u8, io: &mut Io<'_>) {
    for ticket in memory.open() {
        io.effects.push(Effect::Forget(*ticket));
    }
    io.exit(code);
}

/// An object as `kubectl get -o yaml` prints it.
pub(crate) fn yaml(value: serde_json::Value) -> String {
    show::yaml::print(&get::clean(value, false))
}

#[cfg(test)]
mod tests;
