//! `docker attach` and `docker start --attach`.

use crate::docker::api::{Reply, Request, Stream, WaitCondition};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::job::{Io, Reading, Ticket, Wake};

pub(crate) const SPEC: Spec = Spec {
    path: "attach",
    usage: "[OPTIONS] CONTAINER",
    about: "Attach local standard input, output, and error streams to a running container",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("detach-keys", ' ', Kind::Text, "Override the key sequence for detaching a container"),
        flag("no-stdin", ' ', Kind::Bool, "Do not attach STDIN"),
        flag(
            "sig-proxy",
            ' ',
            Kind::Bool,
            "Proxy all received signals to the process (default true)",
        ),
    ],
};

/// A client attached to a container.
#[derive(Clone, Debug)]
pub(crate) struct Attach {
    name: String,
    /// `start -a`: it is started after attaching.
    start: bool,
    stdin: bool,
    proxy: bool,
    inspect: Option<Ticket>,
    attach: Option<Ticket>,
    wait: Option<Ticket>,
    started: Option<Ticket>,
    drained: bool,
    code: Option<u8>,
}

pub(crate) fn attach(parsed: Parsed, io: &mut Io<'_>) -> State {
    let proxy = !parsed.has("sig-proxy") || parsed.is("sig-proxy");
    let stdin = !parsed.is("no-stdin");
    State::Attach(Box::new(Attach::new(&parsed, false, stdin, proxy, io)))
}

impl Attach {
    /// `docker start -a`.
    pub(crate) fn starting(parsed: &Parsed, io: &mut Io<'_>) -> Self {
        Self::new(parsed, true, parsed.is("interactive"), true, io)
    }

    fn new(parsed: &Parsed, start: bool, stdin: bool, proxy: bool, io: &mut Io<'_>) -> Self {
        let name = parsed.args.first().cloned().unwrap_or_default();
        let inspect = io.ask_docker(Request::ContainerInspect { id: name.clone(), size: false });
        Self {
            name,
            start,
            stdin,
            proxy,
            inspect: Some(inspect),
            attach: None,
            wait: None,
            started: None,
            drained: false,
            code: None,
        }
    }

    fn begin(&mut self, reply: Reply, io: &mut Io<'_>) {
        let Reply::Container(c) = reply else { return };
        if !self.start {
            let problem = if !c.state.running {
                Some("You cannot attach to a stopped container, start it first")
            } else if c.state.paused {
                Some("You cannot attach to a paused container, unpause it first")
            } else if c.state.restarting {
                Some("You cannot attach to a restarting container, wait until it is running")
            } else {
                None
            };
            if let Some(problem) = problem {
                io.err(format!("{problem}\n"));
                io.exit(1);
                return;
            }
        }
        self.stdin = self.stdin && c.config.open_stdin;
        let id = c.id.clone();
        let attach = Request::ContainerAttach { id: id.clone(), logs: false, stdin: self.stdin };
        self.attach = Some(io.ask_docker(attach));
        let condition = if self.start && c.host.auto_remove {
            WaitCondition::Removed
        } else if self.start {
            WaitCondition::NextExit
        } else {
            WaitCondition::NotRunning
        };
        self.wait = Some(io.ask_docker(Request::ContainerWait { id: id.clone(), condition }));
        if self.start {
            self.started = Some(io.ask_docker(Request::ContainerStart { id }));
        }
    }

    /// Whether it passes on what is typed: once it is attached to the container.
    pub(crate) const fn reading(&self) -> Reading {
        match (self.stdin, self.attach) {
            (false, _) => Reading::No,
            (true, None) => Reading::Soon,
            (true, Some(_)) => Reading::Now,
        }
    }

    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, Ok(reply)) if Some(ticket) == self.inspect => {
                self.begin(reply, io);
            }
            Wake::Docker(ticket, Err(error))
                if Some(ticket) == self.inspect || Some(ticket) == self.started =>
            {
                io.err(format!("{}\n", error.client_text()));
                if Some(ticket) == self.started {
                    io.err(format!("Error: failed to start containers: {}\n", self.name));
                }
                io.exit(1);
            }
            Wake::Docker(ticket, result) if Some(ticket) == self.attach => match result {
                Ok(Reply::Output(Stream::Stdout, text)) => io.out(text),
                Ok(Reply::Output(Stream::Stderr, text)) => io.err(text),
                _ => self.drained = true,
            },
            Wake::Docker(ticket, Ok(Reply::Exit { code, .. })) if Some(ticket) == self.wait => {
                self.code = Some(u8::try_from(code).unwrap_or(255));
            }
            Wake::Signal(signal) if self.proxy && self.attach.is_some() => {
                let (id, signal) = (self.name.clone(), signal.to_string());
                io.ask_docker(Request::ContainerKill { id, signal });
            }
            Wake::Signal(signal) => io.exit(128 + signal),
            Wake::Stdin(text) if self.stdin => {
                io.ask_docker(Request::ContainerStdin { id: self.name.clone(), text });
            }
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
        if self.drained
            && let Some(code) = self.code
        {
            io.exit(code);
        }
    }
}
