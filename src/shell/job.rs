//! One running command of a terminal, as a resumable state machine.
//!
//! A command is woken with what it waited for, reads and writes through [`Io`], and leaves effects.
//! It must never block: it asks, returns, and is woken with the answer.

use std::collections::BTreeMap;

use crate::base::rng::Rngs;
use crate::base::time::{SimDuration, SimTime};
use crate::docker;
use crate::kube;
use crate::posix::Files;

/// Number of a question, unique within one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u32);

/// What wakes a command.
#[derive(Clone, Debug)]
pub enum Wake {
    /// It begins.
    Start,
    /// An answer, or one part of a streamed answer, of the Docker daemon.
    Docker(Ticket, Result<docker::api::Reply, docker::api::ApiError>),
    /// An answer, or one part of a streamed answer, of the API server.
    Kube(Ticket, Result<kube::api::request::Response, kube::api::request::ApiError>),
    /// An answer to a network request.
    Net(Ticket, crate::net::Answer),
    /// A timer that it set.
    Timer(u32),
    /// Ctrl-C (SIGINT) or another signal by number.
    Signal(u8),
    /// Text typed while it runs; `None` is end of file.
    Stdin(Option<String>),
}

/// Whether a command reads what is typed while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It does not: the shell gets it afterwards.
    No,
    /// Not yet: it waits for what it will pass it on to.
    Soon,
    /// It does.
    Now,
}

/// Why a command does what follows.
#[derive(Clone, Debug)]
pub struct Reason {
    /// What the entry of the trace is about: a container or another object by name.
    pub subject: String,
    /// The reason.
    pub what: crate::base::message::Message,
    /// The services, containers and images of which it is the reason; empty is everything.
    pub about: Vec<String>,
    /// The id of the container whose last change is the cause of the reason itself.
    pub because: Option<String>,
}

/// What a command leaves behind.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Text to standard output.
    Out(String),
    /// Text to standard error.
    Err(String),
    /// Replace the last `lines` lines of terminal output (progress displays on a terminal).
    Rewind(u32),
    /// Ask the Docker daemon of a host.
    AskDocker(Ticket, String, docker::api::Request),
    /// Ask the API server.
    AskKube(Ticket, kube::api::request::Request),
    /// Send a network request from the terminal's host.
    AskNet(Ticket, crate::net::Request),
    /// Stop listening to a streamed answer.
    Forget(Ticket),
    /// Wake with [`Wake::Timer`] after a time.
    Timer(SimDuration, u32),
    /// Why the command does what follows; goes into the trace.
    Record(Reason),
    /// The command ends with this exit code; nothing after this counts.
    Exit(u8),
}

/// The surroundings of a command.
pub struct Io<'a> {
    /// The moment.
    pub now: SimTime,
    /// Environment variables.
    pub env: &'a BTreeMap<String, String>,
    /// Working directory, absolute.
    pub cwd: &'a str,
    /// The files of the terminal, which are those of the editor.
    pub files: &'a mut Files,
    /// The host on which the terminal sits.
    pub host: &'a str,
    /// Whether standard output is a terminal (tables, progress and colours may differ).
    pub tty: bool,
    /// Whether more may be typed while it runs.
    pub open: bool,
    /// Columns of the terminal.
    pub width: u16,
    /// What was piped or redirected into it; `None` for a terminal.
    pub stdin: Option<&'a str>,
    /// Random streams.
    pub rng: &'a mut Rngs,
    /// The next ticket.
    pub next_ticket: &'a mut u32,
    /// What it leaves behind.
    pub effects: &'a mut Vec<Effect>,
}

impl Io<'_> {
    /// Print to standard output.
    pub fn out(&mut self, text: impl Into<String>) {
        self.effects.push(Effect::Out(text.into()));
    }

    /// Print to standard error.
    pub fn err(&mut self, text: impl Into<String>) {
        self.effects.push(Effect::Err(text.into()));
    }

    /// End with an exit code.
    pub fn exit(&mut self, code: u8) {
        self.effects.push(Effect::Exit(code));
    }

    /// Write into the trace why it does what follows with a thing.
    pub fn record(&mut self, subject: impl Into<String>, what: crate::base::message::Message) {
        let subject = subject.into();
        let about = vec![subject.clone()];
        self.reason(Reason { subject, what, about, because: None });
    }

    /// Write into the trace why it does what follows, and what that came from.
    pub fn reason(&mut self, reason: Reason) {
        self.effects.push(Effect::Record(reason));
    }

    /// Wake after a time.
    pub fn timer(&mut self, after: SimDuration, tag: u32) {
        self.effects.push(Effect::Timer(after, tag));
    }

    /// Ask the Docker daemon of this host.
    pub fn ask_docker(&mut self, request: docker::api::Request) -> Ticket {
        let ticket = self.ticket();
        let host = self.host.to_owned();
        self.effects.push(Effect::AskDocker(ticket, host, request));
        ticket
    }

    /// Ask the API server.
    pub fn ask_kube(&mut self, request: kube::api::request::Request) -> Ticket {
        let ticket = self.ticket();
        self.effects.push(Effect::AskKube(ticket, request));
        ticket
    }

    /// Send a network request.
    pub fn ask_net(&mut self, request: crate::net::Request) -> Ticket {
        let ticket = self.ticket();
        self.effects.push(Effect::AskNet(ticket, request));
        ticket
    }

    fn ticket(&mut self) -> Ticket {
        *self.next_ticket += 1;
        Ticket(*self.next_ticket)
    }
}
