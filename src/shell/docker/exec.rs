//! `docker exec`.

use crate::docker::api::{ExecConfig, Reply, Request, Stream};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::run_flags::environment;
use crate::shell::job::{Io, Reading, Ticket, Wake};

pub(crate) const SPEC: Spec = Spec {
    path: "exec",
    usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
    about: "Execute a command in a running container",
    count: Count::AtLeast(2),
    stop_at_argument: true,
    flags: &[
        flag("detach", 'd', Kind::Bool, "Detached mode: run command in the background"),
        flag("detach-keys", ' ', Kind::Text, "Override the key sequence for detaching a container"),
        flag("env", 'e', Kind::List, "Set environment variables"),
        flag("env-file", ' ', Kind::List, "Read in a file of environment variables"),
        flag("interactive", 'i', Kind::Bool, "Keep STDIN open even if not attached"),
        flag("privileged", ' ', Kind::Bool, "Give extended privileges to the command"),
        flag("tty", 't', Kind::Bool, "Allocate a pseudo-TTY"),
        flag("user", 'u', Kind::Text, "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
        flag("workdir", 'w', Kind::Text, "Working directory inside the container"),
    ],
};

/// A running `exec`.
#[derive(Clone, Debug)]
pub(crate) struct Exec {
    detach: bool,
    tty: bool,
    stdin: bool,
    ticket: Ticket,
    /// Its id, once made.
    exec: String,
}

pub(crate) fn exec(parsed: Parsed, io: &mut Io<'_>) -> State {
    let detach = parsed.is("detach");
    let (tty, stdin) = (parsed.is("tty"), parsed.is("interactive"));
    if tty && stdin && !detach && (io.stdin.is_some() || !io.tty) {
        return State::fail("the input device is not a TTY", 1, io);
    }
    let env = match environment(&parsed, io) {
        Ok(env) => env,
        Err(text) => return State::fail(&text, 1, io),
    };
    let config = ExecConfig {
        cmd: parsed.args.iter().skip(1).cloned().collect(),
        env,
        working_dir: parsed.text("workdir").to_owned(),
        user: parsed.text("user").to_owned(),
        tty,
        stdin: stdin && !detach,
        privileged: parsed.is("privileged"),
    };
    let id = parsed.args.first().cloned().unwrap_or_default();
    let ticket = io.ask_docker(Request::ExecCreate { id, config });
    State::Exec(Box::new(Exec { detach, tty, stdin, ticket, exec: String::new() }))
}

impl Exec {
    /// Whether it passes on what is typed: once the command in the container is made.
    pub(crate) const fn reading(&self) -> Reading {
        match (self.stdin, self.exec.is_empty()) {
            (false, _) => Reading::No,
            (true, true) => Reading::Soon,
            (true, false) => Reading::Now,
        }
    }

    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => match result {
                Ok(Reply::ExecCreated { exec }) => {
                    self.exec.clone_from(&exec);
                    let detach = self.detach;
                    let start = Request::ExecStart { exec: exec.clone(), detach };
                    self.ticket = io.ask_docker(start);
                    if self.stdin && !detach {
                        if let Some(text) = io.stdin {
                            let text = Some(text.to_owned());
                            io.ask_docker(Request::ExecStdin { exec: exec.clone(), text });
                        }
                        if io.stdin.is_some() || !io.open {
                            io.ask_docker(Request::ExecStdin { exec, text: None });
                        }
                    }
                }
                Ok(Reply::Output(Stream::Stdout, text)) => io.out(text),
                Ok(Reply::Output(Stream::Stderr, text)) => io.err(text),
                Ok(Reply::Exit { code, .. }) => io.exit(u8::try_from(code).unwrap_or(255)),
                Ok(_) => io.exit(0),
                Err(error) => {
                    io.err(format!("{}\n", error.client_text()));
                    io.exit(1);
                }
            },
            Wake::Signal(signal) if self.tty && !self.exec.is_empty() => {
                // On a terminal Ctrl-C goes to the process; the client lives on.
                io.ask_docker(Request::ExecSignal { exec: self.exec.clone(), signal });
            }
            Wake::Signal(signal) => io.exit(128 + signal),
            Wake::Stdin(text) if self.stdin && !self.exec.is_empty() => {
                io.ask_docker(Request::ExecStdin { exec: self.exec.clone(), text });
            }
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }
}
