//! `docker run` and `docker create`.

use crate::docker::ImageRef;
use crate::docker::api::{ApiError, CreateConfig, Reply, Request, Stream, WaitCondition};
use crate::posix::{FileSystem as _, normal};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Parsed, Spec};
use crate::shell::docker::pull::Progress;
use crate::shell::docker::run_flags::{FLAGS, create_config};
use crate::shell::job::{Io, Reading, Ticket, Wake};

pub(crate) const RUN: Spec = Spec {
    path: "run",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    about: "Create and run a new container from an image",
    count: Count::AtLeast(1),
    stop_at_argument: true,
    flags: FLAGS,
};
pub(crate) const CREATE: Spec = Spec {
    path: "create",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    about: "Create a new container",
    count: Count::AtLeast(1),
    stop_at_argument: true,
    flags: FLAGS,
};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Pull,
    Create,
    Start,
    /// The end of output and of the process.
    End,
}

/// A `run` or `create` on its way.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    path: String,
    /// `create`: neither start nor attach.
    only_create: bool,
    detach: bool,
    proxy: bool,
    pull: String,
    name: String,
    /// Where the id is written; empty for nowhere.
    cidfile: String,
    config: CreateConfig,
    step: Step,
    ticket: Ticket,
    attach: Option<Ticket>,
    wait: Option<Ticket>,
    progress: Progress,
    id: String,
    /// Output has ended.
    drained: bool,
    code: Option<u8>,
    pulled: bool,
    quiet: bool,
}

pub(crate) fn run(parsed: Parsed, io: &mut Io<'_>) -> State {
    start(parsed, false, io)
}

pub(crate) fn create(parsed: Parsed, io: &mut Io<'_>) -> State {
    start(parsed, true, io)
}

fn start(parsed: Parsed, only_create: bool, io: &mut Io<'_>) -> State {
    let path = parsed.path.clone();
    let fail = |text: &str, io: &mut Io<'_>| {
        if text.starts_with("invalid argument ") {
            // What the flag's own reader refuses comes with the usage.
            let usage = RUN.usage_line(&path);
            let end = format!("Run '{path} --help' for more information");
            return State::fail(&format!("{text}\n\n{usage}\n\n{end}"), 125, io);
        }
        State::fail(&wrapped(text, &path), 125, io)
    };
    let config = match create_config(&parsed, io) {
        Ok(config) => config,
        Err(text) => return fail(&text, io),
    };
    let pull = parsed.text("pull").to_owned();
    if !matches!(pull.as_str(), "" | "always" | "missing" | "never") {
        let text = format!(
            "invalid pull option: '{pull}': must be one of \"always\", \"missing\" or \"never\""
        );
        return fail(&text, io);
    }
    let cidfile = match parsed.text("cidfile") {
        "" => String::new(),
        file => normal(io.cwd, file),
    };
    if !cidfile.is_empty() && io.files.stat(&cidfile).is_ok() {
        let file = parsed.text("cidfile");
        let text = format!(
            "container ID file found, make sure the other container isn't running or delete {file}"
        );
        return fail(&text, io);
    }
    let detach = parsed.is("detach");
    if detach && parsed.has("attach") {
        return fail("conflicting options: cannot specify both --attach and --detach", io);
    }
    // A name that is an id is looked up as it is.
    if let Err(text) = ImageRef::parse(&config.config.image) {
        let id = config.config.image.strip_prefix("sha256:").unwrap_or(&config.config.image);
        let is_id = id.len() == 64 && id.chars().all(|c| c.is_ascii_hexdigit());
        if !is_id {
            return fail(&text, io);
        }
    }
    let interactive = config.config.tty && config.config.open_stdin;
    if !only_create && !detach && interactive && (io.stdin.is_some() || !io.tty) {
        return State::fail("the input device is not a TTY", 1, io);
    }
    let mut job = Run {
        path,
        only_create,
        detach,
        proxy: !parsed.has("sig-proxy") || parsed.is("sig-proxy"),
        quiet: parsed.is("quiet"),
        name: parsed.text("name").to_owned(),
        cidfile,
        step: Step::Create,
        ticket: Ticket(0),
        attach: None,
        wait: None,
        progress: Progress::to_stderr(),
        id: String::new(),
        drained: false,
        code: None,
        pulled: false,
        pull,
        config,
    };
    if job.pull == "always" {
        job.ask_pull(io);
    } else {
        job.ask_create(io);
    }
    State::Run(Box::new(job))
}

/// The frame of errors of `docker run`.
fn wrapped(text: &str, path: &str) -> String {
    format!("docker: {text}\n\nRun '{path} --help' for more information")
}

/// The exit code of a container that did not start (`toStatusError`).
fn start_code(message: &str) -> u8 {
    let has = |part: &str| message.contains(part);
    if has("executable file not found") || has("no such file or directory") {
        127
    } else if has("permission denied") || has("is a directory") {
        126
    } else {
        125
    }
}

impl Run {
    fn ask_create(&mut self, io: &mut Io<'_>) {
        self.step = Step::Create;
        let config = Box::new(self.config.clone());
        self.ticket = io.ask_docker(Request::ContainerCreate { name: self.name.clone(), config });
    }

    fn ask_pull(&mut self, io: &mut Io<'_>) {
        self.step = Step::Pull;
        self.pulled = true;
        let name = self.config.config.image.clone();
        let platform = self.config.platform.clone();
        let request = Request::ImagePull { name, platform, all_tags: false };
        self.ticket = io.ask_docker(request);
    }

    fn fail(&self, error: &ApiError, code: u8, io: &mut Io<'_>) {
        let text = error.client_text();
        if self.only_create {
            io.err(format!("{text}\n"));
            io.exit(1);
        } else {
            io.err(format!("{}\n", wrapped(&text, &self.path)));
            io.exit(code);
        }
    }

    /// Whether it passes on what is typed: once its container has started.
    pub(crate) fn reading(&self) -> Reading {
        if self.detach || !self.config.config.open_stdin {
            Reading::No
        } else if self.step == Step::End {
            Reading::Now
        } else {
            Reading::Soon
        }
    }

    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => self.answer(result, io),
            Wake::Docker(ticket, result) if Some(ticket) == self.attach => match result {
                Ok(Reply::Output(Stream::Stdout, text)) => io.out(text),
                Ok(Reply::Output(Stream::Stderr, text)) => io.err(text),
                _ => {
                    self.drained = true;
                    self.finish(io);
                }
            },
            Wake::Docker(ticket, result) if Some(ticket) == self.wait => {
                self.code = Some(match result {
                    Ok(Reply::Exit { code, .. }) => u8::try_from(code).unwrap_or(255),
                    _ => 125,
                });
                self.finish(io);
            }
            Wake::Signal(signal) => self.signal(signal, io),
            Wake::Stdin(text) if self.config.config.open_stdin && !self.id.is_empty() => {
                io.ask_docker(Request::ContainerStdin { id: self.id.clone(), text });
            }
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }

    fn signal(&self, signal: u8, io: &mut Io<'_>) {
        if self.step != Step::End || self.detach {
            io.exit(128 + signal);
        } else if self.config.config.tty {
            // The terminal is raw: Ctrl-C is a byte for the container's own terminal.
            let text = Some('\u{3}'.to_string());
            io.ask_docker(Request::ContainerStdin { id: self.id.clone(), text });
        } else if self.proxy {
            let signal = signal.to_string();
            io.ask_docker(Request::ContainerKill { id: self.id.clone(), signal });
        }
    }

    fn answer(&mut self, result: Result<Reply, ApiError>, io: &mut Io<'_>) {
        match (self.step, result) {
            (Step::Pull, Ok(Reply::Progress(part))) => {
                if !self.quiet {
                    self.progress.show(&part, io);
                }
            }
            (Step::Pull, Ok(_)) => self.ask_create(io),
            (Step::Create, Ok(Reply::Created { id, warnings })) => {
                for warning in warnings {
                    io.err(format!("WARNING: {warning}\n"));
                }
                self.id = id;
                if !self.cidfile.is_empty()
                    && let Err(error) = io.files.write(&self.cidfile, &self.id, io.now)
                {
                    io.err(format!("failed to write the container ID to the file: {error}\n"));
                    return io.exit(125);
                }
                self.created(io);
            }
            (Step::Create, Err(error))
                if error.status == 404
                    && error.message.starts_with("No such image")
                    && !self.pulled
                    && self.pull != "never" =>
            {
                let image = &self.config.config.image;
                let name = ImageRef::parse(image).map_or_else(|_| image.clone(), |r| r.tagged());
                if !self.quiet {
                    io.err(format!("Unable to find image '{name}' locally\n"));
                }
                self.ask_pull(io);
            }
            (Step::Start, Ok(_)) => self.started(io),
            (Step::Start, Err(error)) => {
                let code = start_code(&error.message);
                self.fail(&error, code, io);
            }
            (_, Err(error)) => self.fail(&error, 125, io),
            (_, Ok(_)) => {}
        }
    }

    fn created(&mut self, io: &mut Io<'_>) {
        if self.only_create {
            io.out(format!("{}\n", self.id));
            io.exit(0);
            return;
        }
        let id = self.id.clone();
        if self.detach {
            io.out(format!("{id}\n"));
        } else {
            let stdin = self.config.config.open_stdin;
            let attach = Request::ContainerAttach { id: id.clone(), logs: false, stdin };
            self.attach = Some(io.ask_docker(attach));
            let condition = if self.config.host.auto_remove {
                WaitCondition::Removed
            } else {
                WaitCondition::NextExit
            };
            let wait = Request::ContainerWait { id: id.clone(), condition };
            self.wait = Some(io.ask_docker(wait));
        }
        self.step = Step::Start;
        self.ticket = io.ask_docker(Request::ContainerStart { id });
    }

    fn started(&mut self, io: &mut Io<'_>) {
        self.step = Step::End;
        if self.detach {
            io.exit(0);
            return;
        }
        if self.config.config.open_stdin {
            let id = self.id.clone();
            if let Some(text) = io.stdin {
                let text = Some(text.to_owned());
                io.ask_docker(Request::ContainerStdin { id: id.clone(), text });
            }
            if io.stdin.is_some() || !io.open {
                io.ask_docker(Request::ContainerStdin { id, text: None });
            }
        }
        self.finish(io);
    }

    fn finish(&self, io: &mut Io<'_>) {
        if self.step == Step::End
            && self.drained
            && let Some(code) = self.code
        {
            io.exit(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_failed_starts() {
        for (message, code) in [
            ("exec: \"x\": executable file not found in $PATH", 127),
            ("exec: \"/etc\": is a directory: permission denied", 126),
            ("exec: \"/x\": stat /x: no such file or directory", 127),
            ("driver failed programming external connectivity", 125),
        ] {
            assert_eq!(start_code(message), code, "{message}");
        }
    }
}
