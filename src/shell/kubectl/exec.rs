//! `kubectl exec` and `kubectl attach`.
//!
//! Follows kubectl `pkg/cmd/exec/exec.go`. A shell on a terminal (`exec -it pod -- sh`) is a
//! remote prompt: each line is a command of its own, the working directory is carried along.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::call::{Call, Halt, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::follow::Follow;
use super::logs::{default_container, pod_for};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::request::{ApiError, Options, Request, Response, Subresource, Verb as Ask};
use crate::kube::kinds::Kind;
use crate::shell::job::{Io, Reading, Ticket, Wake};

pub(super) const VERB: Verb = Verb {
    path: "exec",
    usage: "(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]",
    about: "Run a command in a container",
    flags: &[FLAGS],
    required: &[],
    run,
};

pub(super) const ATTACH: Verb = Verb {
    path: "attach",
    usage: "(POD | TYPE/NAME) -c CONTAINER",
    about: "Attach to a running container",
    flags: &[FLAGS],
    required: &[],
    run: attach,
};

const FLAGS: &[Flag] = &[
    Flag::new("container", Takes::Text, "Which container").short('c'),
    Flag::new("stdin", Takes::Bool, "Pass on standard input").short('i'),
    Flag::new("tty", Takes::Bool, "With a terminal").short('t'),
    Flag::new("quiet", Takes::Bool, "Print only the output").short('q'),
    Flag::new("filename", Takes::List, "A file with the pod").short('f'),
    Flag::new("pod-running-timeout", Takes::Time, "How long to wait for a pod").or("1m0s"),
];

/// Shells that are a prompt when they are started without a script.
const SHELLS: [&str; 6] = ["sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash"];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let (before, command) = call.flags.split();
    let (before, command) = (before.to_vec(), command.to_vec());
    let Some(target) = before.first().cloned() else {
        let message = "pod, type/name or --filename must be specified";
        return Err(Failure::plain(message).into());
    };
    if before.len() > 1 {
        let message = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] \
                       instead";
        return Err(Failure::usage("exec", message).into());
    }
    if command.is_empty() {
        let message = "you must specify at least one command for the container";
        return Err(Failure::plain(message).into());
    }
    let pod = pod_for(call, &target, false)?;
    let phase = pod.get::<Pod>().and_then(|p| p.status.as_ref()?.phase.clone()).unwrap_or_default();
    if matches!(phase.as_str(), "Succeeded" | "Failed") {
        let message =
            format!("cannot exec into a container in a completed pod; current phase is {phase}");
        return Err(Failure::plain(message).into());
    }
    let container = call.flags.some("container").map(str::to_owned);
    let container = default_container(call, &pod, container.as_deref())?;
    let (stdin, tty) = (call.flags.on("stdin"), call.flags.on("tty"));
    let terminal = call.io.tty && call.io.stdin.is_none();
    if stdin && tty && !terminal {
        call.err("Unable to use a TTY - input is not a terminal or the right kind of file");
    }
    let shell = command.len() == 1 && command.iter().all(|c| SHELLS.contains(&c.as_str()));
    if stdin && tty && terminal && shell {
        return prompt(call, &pod, &container, command);
    }
    let mut request = request(&pod, &container, command);
    request.options.tty = tty && terminal;
    request.options.stdin = stdin.then(|| call.io.stdin.unwrap_or("").to_owned());
    let ticket = call.open(request)?;
    let running = Running { ticket, shell: None };
    Err(Halt::Follow(Box::new(Follow::Exec(running))))
}

fn request(pod: &Arc<Object>, container: &str, command: Vec<String>) -> Request {
    let mut request = Request::new(Ask::Create, Kind::Pod, pod.namespace(), pod.name());
    request.subresource = Subresource::Exec;
    request.options = Options { container: Some(container.into()), command, ..Options::default() };
    request
}

/// A remote prompt. Its first command shows that the shell is there, and where it is.
fn prompt(
    call: &mut Call<'_, '_>,
    pod: &Arc<Object>,
    container: &str,
    command: Vec<String>,
) -> Run<()> {
    let _ = crate::stub!(
        "kubectl.exec.prompt",
        "an interactive shell in a pod keeps its directory, but no variables or jobs"
    );
    let shell = command.first().cloned().unwrap_or_default();
    let bash = shell.ends_with("bash");
    let mut prompt = Prompt {
        request: request(pod, container, Vec::new()),
        shell,
        host: pod.name().to_owned(),
        bash,
        cwd: String::new(),
        pending: String::new(),
        exit: 0,
        busy: true,
    };
    let ticket = call.open(prompt.ask("")?)?;
    prompt.pending.clear();
    let running = Running { ticket, shell: Some(Box::new(prompt)) };
    Err(Halt::Follow(Box::new(Follow::Exec(running))))
}

/// A command in a container.
#[derive(Clone, Debug)]
pub(super) struct Running {
    /// The stream.
    pub(super) ticket: Ticket,
    shell: Option<Box<Prompt>>,
}

/// A shell on a terminal.
#[derive(Clone, Debug)]
struct Prompt {
    request: Request,
    shell: String,
    host: String,
    bash: bool,
    cwd: String,
    /// Output whose last line may be the mark.
    pending: String,
    exit: u8,
    busy: bool,
}

/// What the shell prints after each command: the mark, its exit code and its directory.
const MARK: &str = "\u{1}drydock:";

impl Prompt {
    /// The request for one line.
    fn ask(&self, line: &str) -> Run<Request> {
        let place =
            if self.cwd.is_empty() { String::new() } else { format!("cd '{}'\n", self.cwd) };
        let script = format!("{place}{line}\necho \"{MARK}$? $PWD\"");
        let mut request = self.request.clone();
        request.options.command = vec![self.shell.clone(), "-c".to_owned(), script];
        request.options.tty = true;
        Ok(request)
    }

    fn shown(&self) -> String {
        if self.bash {
            format!("root@{}:{}# ", self.host, self.cwd)
        } else {
            format!("{} # ", self.cwd)
        }
    }

    /// What can be shown of the output so far, without the mark.
    fn take(&mut self, text: &str) -> String {
        self.pending.push_str(text);
        let Some(at) = self.pending.find(MARK) else {
            // A part of the mark may be on its way.
            let keep = self.pending.rfind('\u{1}').unwrap_or(self.pending.len());
            let rest = self.pending.split_off(keep);
            return std::mem::replace(&mut self.pending, rest);
        };
        let tail = self.pending.split_off(at);
        let shown = std::mem::take(&mut self.pending);
        let facts = tail.get(MARK.len()..).unwrap_or("").trim_end();
        if let Some((code, cwd)) = facts.split_once(' ') {
            self.exit = code.parse().unwrap_or(0);
            self.cwd = cwd.to_owned();
        }
        shown
    }
}

impl Running {
    /// Take in what came.
    pub(super) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Option<u8> {
        match wake {
            Wake::Kube(ticket, answer) if ticket == self.ticket => match answer {
                Ok(Response::Text(text)) => {
                    let text = match &mut self.shell {
                        Some(prompt) => prompt.take(&text),
                        None => text,
                    };
                    if !text.is_empty() {
                        io.out(text);
                    }
                    None
                }
                Ok(Response::ErrText(text)) => {
                    io.err(text);
                    None
                }
                Ok(Response::Done { exit }) => self.ended(exit, io),
                Ok(_) => None,
                Err(error) => {
                    io.err(refused(error).shown().0);
                    Some(1)
                }
            },
            Wake::Stdin(line) => self.typed(line, io),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Signal(_) => None,
        }
    }

    /// Whether it reads what is typed: a shell at its prompt does.
    pub(super) fn reading(&self) -> Reading {
        match &self.shell {
            None => Reading::No,
            Some(prompt) if prompt.busy => Reading::Soon,
            Some(_) => Reading::Now,
        }
    }

    fn ended(&mut self, exit: u8, io: &mut Io<'_>) -> Option<u8> {
        let Some(prompt) = &mut self.shell else {
            if exit != 0 {
                io.err(format!("command terminated with exit code {exit}\n"));
            }
            return Some(exit);
        };
        let rest = std::mem::take(&mut prompt.pending);
        if !rest.is_empty() {
            io.out(rest);
        }
        prompt.busy = false;
        io.out(prompt.shown());
        None
    }

    fn typed(&mut self, line: Option<String>, io: &mut Io<'_>) -> Option<u8> {
        let prompt = self.shell.as_mut()?;
        if prompt.busy {
            return None;
        }
        let text = line.as_deref().map_or("exit", |l| l.trim_end_matches('\n'));
        let mut words = text.split_whitespace();
        if words.next() == Some("exit") {
            let code = words.next().and_then(|w| w.parse().ok()).unwrap_or(prompt.exit);
            if code != 0 {
                io.err(format!("command terminated with exit code {code}\n"));
            }
            return Some(code);
        }
        if text.trim().is_empty() {
            io.out(prompt.shown());
            return None;
        }
        if let Ok(request) = prompt.ask(text) {
            prompt.busy = true;
            self.ticket = io.ask_kube(request);
        }
        None
    }
}

/// A command that could not be started: the kubelet, the API server and the client each tell it
/// as an internal error, of which the client prints two.
fn refused(error: ApiError) -> Failure {
    const INTERNAL: &str = "Internal error occurred: ";
    if error.reason != "InternalError" {
        return error.into();
    }
    let mut bare = error.message.as_str();
    while let Some(rest) = bare.strip_prefix(INTERNAL) {
        bare = rest;
    }
    Failure::plain(format!("{INTERNAL}{INTERNAL}{bare}"))
}

fn attach(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    let Some(target) = args.first() else {
        return Err(Failure::plain("at least 1 argument is required for attach").into());
    };
    let pod = pod_for(call, target, false)?;
    let container = call.flags.some("container").map(str::to_owned);
    let container = default_container(call, &pod, container.as_deref())?;
    let phase = pod.get::<Pod>().and_then(|p| p.status.as_ref()?.phase.clone()).unwrap_or_default();
    if matches!(phase.as_str(), "Succeeded" | "Failed") {
        let message =
            format!("cannot attach a container in a completed pod; current phase is {phase}");
        return Err(Failure::plain(message).into());
    }
    if call.flags.on("stdin") {
        let _ = crate::stub!("kubectl.attach", "attach does not pass on what is typed");
        call.err(
            "All commands and output from this session will be recorded in container logs, \
             including credentials and sensitive information passed through the command prompt.",
        );
        if call.flags.on("tty") {
            call.err("If you don't see a command prompt, try pressing enter.");
        }
    }
    super::logs::from_now(call, &pod, &container)
}
