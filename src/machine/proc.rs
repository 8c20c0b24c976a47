//! Processes of a container: what they are, how they begin, write, get signals and end.
//!
//! One event of the runtime becomes a short queue of work inside one container (a shell starts a
//! program, the program fails, the shell goes on), worked off at once and bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::FaultKind;
use crate::engine::trace::{Actor, Subject};
use crate::machine::catalog::Catalogue;
use crate::machine::container::{Container, LogLine, MAX_LOG_LINES, State};
use crate::machine::cpu::cpu_rate;
use crate::machine::host::Host;
use crate::machine::ids::{ExecId, Stream};
use crate::machine::io::{Due, Happening, Input, Notice, Output, Timer};
use crate::machine::program::{self, ProgramRun};
use crate::machine::resolve::{self, Found};
use crate::machine::tools::Tool;
use crate::machine::traffic::{Outgoing, RequestTag, Response};
use crate::machine::view::View;
use crate::posix::{self, Command, Effect, Facts, Process, TaskId, Wake};
use crate::stub;

/// Most pieces of work of one event in one container.
const MAX_WORK: usize = 20_000;
/// Most processes of a container, as a default pids limit would.
pub(super) const MAX_PROCESSES: usize = 512;
/// Entrypoint scripts that run each other.
const MAX_DELEGATES: usize = 4;
/// Number of the main process.
pub(super) const MAIN: u32 = 1;
/// Memory of a shell or small tool in bytes: `docker stats` of a BusyBox shell shows 336 KiB
/// (trace engine/16).
const TOOL_BYTES: u64 = 344_064;
/// A process that allocates at once crosses its limit after about this time (trace engine/15:
/// start to die 0.4 s for 128 MB, 0.15 s of it the start).
pub(super) const ALLOCATE: SimDuration = SimDuration(200_000);
/// From the end of an init's child to the end of the init: a wake-up of one process.
const INIT_REAPS: SimDuration = SimDuration(1_000);
/// Exit codes of killed processes count from here.
pub(super) const KILLED: u8 = 128;
/// SIGKILL.
pub(super) const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;

/// A process.
#[derive(Clone, Debug)]
pub(super) struct Proc {
    /// Number in its pid namespace.
    pub(super) pid: u32,
    /// The shell and its task that wait for it.
    pub(super) parent: Option<(u32, TaskId)>,
    /// The exec that it is, with the caller's tag.
    pub(super) exec: Option<(ExecId, u64)>,
    /// Command line.
    pub(super) argv: Arc<[String]>,
    /// Environment, in order.
    pub(super) env: Arc<[String]>,
    /// Working directory.
    pub(super) cwd: String,
    /// User name and number.
    pub(super) user: (Arc<str>, u32, u32),
    /// On a terminal.
    pub(super) tty: bool,
    /// Standard input is open.
    pub(super) stdin: bool,
    /// What was piped into it at its start.
    pub(super) piped: Option<String>,
    /// When it began.
    pub(super) started: SimTime,
    /// Memory held, bytes, without the leak.
    pub(super) memory: u64,
    /// Growth in bytes per second since a moment.
    pub(super) leak: Option<(u64, SimTime)>,
    /// CPU in use, thousandths.
    pub(super) cpu_milli: u64,
    /// What it is.
    pub(super) body: Body,
}

/// What a process is.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A program of the catalogue.
    Program(Box<ProgramRun>),
    /// A shell, or a small tool run by the shell's own code.
    Shell(Box<Process>),
    /// A network tool.
    Tool(Box<Tool>),
    /// Taken out for the time of a step.
    Away,
}

impl Body {
    pub(super) const fn is_shell(&self) -> bool {
        matches!(self, Self::Shell(_))
    }

    pub(super) const fn is_program(&self) -> bool {
        matches!(self, Self::Program(_))
    }

    pub(super) const fn is_tool(&self) -> bool {
        matches!(self, Self::Tool(_))
    }
}

/// A piece of work.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Begin(u32),
    Wake(u32, Wake),
    Program(u32, crate::machine::program::Event),
    Tool(u32, crate::machine::tools::Event),
    Signal(u32, u8),
    Finish(u32, u8),
    Oom,
}

/// One container during one event.
pub(super) struct Room<'r, 'c> {
    pub(super) host: &'r mut Host,
    pub(super) catalogue: &'r Catalogue,
    pub(super) container: &'r mut Container,
    pub(super) cx: &'r mut Cx<'c, Output>,
    pub(super) work: VecDeque<Work>,
}

/// What a new process is made from.
pub(super) struct Birth {
    pub(super) argv: Vec<String>,
    pub(super) env: Arc<[String]>,
    pub(super) cwd: String,
    pub(super) user: (Arc<str>, u32, u32),
    pub(super) parent: Option<(u32, TaskId)>,
    pub(super) exec: Option<(ExecId, u64)>,
    pub(super) tty: bool,
    pub(super) stdin: bool,
    pub(super) piped: Option<String>,
}

impl Room<'_, '_> {
    /// Work off what is queued.
    pub(super) fn run(&mut self) {
        let mut done = 0;
        while let Some(work) = self.work.pop_front() {
            done += 1;
            if done > MAX_WORK || !self.container.is_alive() {
                self.work.clear();
                break;
            }
            match work {
                Work::Begin(process) => self.begin(process),
                Work::Wake(process, wake) => self.wake(process, wake),
                Work::Program(process, event) => self.program(process, event),
                Work::Tool(process, event) => self.tool(process, event),
                Work::Signal(process, signal) => self.signal(process, signal),
                Work::Finish(process, code) => self.finish(process, code),
                Work::Oom => self.oom(),
            }
        }
    }

    pub(super) fn proc(&mut self, process: u32) -> Option<&mut Proc> {
        self.container.live.procs.get_mut(&process)
    }

    pub(super) fn next_number(&mut self) -> u32 {
        self.container.live.counter += 1;
        self.container.live.counter
    }

    /// Run a step with the container's files.
    pub(super) fn with_files<R>(&mut self, step: impl FnOnce(&mut View) -> R) -> R {
        let mut view = View::take(self.host, self.container);
        let result = step(&mut view);
        view.give_back(self.host, self.container);
        result
    }

    /// A timer of this container.
    pub(super) fn timer(&mut self, delay: SimDuration, due: Due) {
        let timer = Timer {
            host: self.host.spec.name.clone(),
            container: self.container.spec.id.clone(),
            run: self.container.run,
            due,
        };
        self.cx.emit_after(delay, Input::Timer(timer));
    }

    pub(super) fn notice(&mut self, what: Happening) {
        let host = self.host.spec.name.clone();
        self.cx.emit(Notice { host, namespace: self.container.spec.namespace, what });
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::on("container", self.host.spec.name.0.clone())
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::container(self.host.spec.name.as_str(), self.container.spec.id.as_str())
    }

    fn message(&self, id: &'static str) -> Message {
        Message::new(id).with("container", self.container.spec.name.clone())
    }

    /// Make a process; it begins with [`Work::Begin`].
    ///
    /// # Errors
    /// Why the kernel refuses to execute the file.
    pub(super) fn spawn(&mut self, mut birth: Birth) -> Result<u32, resolve::ExecError> {
        let body = self.prepare(&mut birth)?;
        let number = self.next_number();
        let first = self.container.live.procs.is_empty();
        let live = &mut self.container.live;
        // With an init, pid 1 is the init and the program gets 7, as docker-init's child does.
        let init = self.container.spec.init;
        live.last_pid = match (first, init) {
            (true, false) => 1,
            (true, true) => 7,
            (false, _) => live.last_pid + 1,
        };
        let pid = live.last_pid;
        let proc = Proc {
            pid,
            parent: birth.parent,
            exec: birth.exec,
            argv: birth.argv.into(),
            env: birth.env,
            cwd: birth.cwd,
            user: birth.user,
            tty: birth.tty,
            stdin: birth.stdin,
            piped: birth.piped,
            started: self.cx.now,
            memory: TOOL_BYTES,
            leak: None,
            cpu_milli: 0,
            body,
        };
        self.container.live.procs.insert(number, proc);
        Ok(number)
    }

    /// A command takes the place of the process that asks for it (`exec`).
    fn replace(&mut self, process: u32, mut birth: Birth) -> Result<(), resolve::ExecError> {
        let body = self.prepare(&mut birth)?;
        self.set_cpu(process, 0);
        let now = self.cx.now;
        if let Some(proc) = self.proc(process) {
            proc.argv = birth.argv.into();
            proc.env = birth.env;
            proc.cwd = birth.cwd;
            proc.stdin = birth.stdin;
            proc.piped = birth.piped;
            proc.started = now;
            proc.memory = TOOL_BYTES;
            proc.leak = None;
            proc.body = body;
        }
        Ok(())
    }

    /// What a command line becomes; an entrypoint script's arguments take its place.
    fn prepare(&mut self, birth: &mut Birth) -> Result<Body, resolve::ExecError> {
        let mut found = match self.with_files(|view| resolve::find(view, birth)) {
            Err(error) => self.assumed(birth).ok_or(error)?,
            Ok(found) => found,
        };
        for _ in 0..MAX_DELEGATES {
            let Some((script, argv)) = self.delegated(&found, birth) else { break };
            birth.argv = argv;
            found = match self.with_files(|view| resolve::find(view, birth)) {
                Ok(found) => found,
                Err(error) => {
                    let name = birth.argv.first().cloned().unwrap_or_default();
                    let (text, code) = error.shell_text(&format!("{script}: exec: "), &name);
                    Found::Tool(Box::new(Tool::Print { text, error: true, code }))
                }
            };
        }
        Ok(self.body(found, birth))
    }

    fn body(&self, found: Found, birth: &Birth) -> Body {
        let env = || env_map(&birth.env);
        match found {
            Found::Script { text, args } => {
                Body::Shell(Box::new(Process::script(&text, &args, env(), &birth.cwd)))
            }
            Found::Interactive => Body::Shell(Box::new(Process::interactive(env(), &birth.cwd))),
            Found::Applet => {
                Body::Shell(Box::new(Process::command(&birth.argv, env(), &birth.cwd)))
            }
            Found::Tool(tool) => Body::Tool(tool),
            Found::Executable { path, script } => {
                let run = ProgramRun::find(self, &path, &birth.argv, &birth.env)
                    .or_else(|| ProgramRun::assumed(self, &path, script.as_deref()));
                let script = script.filter(|text| !text.starts_with(program::COMPILED));
                match (run, script) {
                    (Some(run), _) => Body::Program(Box::new(run)),
                    (None, Some(text)) => {
                        let args: Vec<String> = std::iter::once(path)
                            .chain(birth.argv.iter().skip(1).cloned())
                            .collect();
                        Body::Shell(Box::new(Process::script(&text, &args, env(), &birth.cwd)))
                    }
                    (None, None) => {
                        let _ = stub!(
                            "machine.unknown-program",
                            "executables that the catalogue does not describe end silently with 0"
                        );
                        let args = vec!["sh".to_owned()];
                        Body::Shell(Box::new(Process::script("true", &args, env(), &birth.cwd)))
                    }
                }
            }
        }
    }

    fn begin(&mut self, process: u32) {
        let Some(proc) = self.proc(process) else { return };
        match &proc.body {
            Body::Shell(_) => {
                let (piped, stdin) = (proc.piped.take(), proc.stdin);
                self.wake(process, Wake::Start);
                if let Some(text) = piped {
                    self.wake(process, Wake::Stdin(Some(text)));
                    self.wake(process, Wake::Stdin(None));
                } else if !stdin {
                    self.wake(process, Wake::Stdin(None));
                }
            }
            Body::Program(_) => self.program(process, crate::machine::program::Event::Start),
            Body::Tool(_) => self.tool(process, crate::machine::tools::Event::Start),
            Body::Away => {}
        }
        self.plan_oom();
    }

    /// Take out what a process is, if it is of this kind.
    pub(super) fn take_body(&mut self, process: u32, kind: fn(&Body) -> bool) -> Option<Body> {
        let proc = self.proc(process)?;
        kind(&proc.body).then(|| std::mem::replace(&mut proc.body, Body::Away))
    }

    fn facts(&self, proc: &Proc) -> Facts {
        let hostname = self.container.spec.hostname.as_str();
        Facts {
            pid: proc.pid,
            hostname: hostname.into(),
            uid: proc.user.1,
            gid: proc.user.2,
            user: proc.user.0.clone(),
            tty: proc.tty,
            pids_limit: self.container.spec.pids_limit,
            powers: self.container.spec.powers,
            processes: self.others(proc.pid),
        }
    }

    /// Processes besides the one with a number, as its `ps` sees them.
    fn others(&self, own: u32) -> Arc<[posix::ProcessRow]> {
        let spec = &self.container.spec;
        let command = || format!("/sbin/docker-init -- {}", spec.argv.join(" "));
        let init = spec.init.then(|| (1, "root".into(), command().into()));
        let live = self.container.live.procs.values().filter(|p| p.pid != own);
        let rows = live.map(|p| (p.pid, p.user.0.clone(), p.argv.join(" ").into()));
        init.into_iter().chain(rows).collect()
    }

    fn wake(&mut self, process: u32, wake: Wake) {
        let Some(proc) = self.container.live.procs.get(&process) else { return };
        let facts = self.facts(proc);
        let Some(Body::Shell(mut shell)) = self.take_body(process, Body::is_shell) else { return };
        let now = self.cx.now;
        let effects = self
            .with_files(|files| shell.resume(wake, &mut posix::Io { now, files, facts: &facts }));
        let busy = shell.busy();
        if let Some(proc) = self.proc(process) {
            proc.body = Body::Shell(shell);
        }
        self.set_cpu(process, if busy { 1_000 } else { 0 });
        for effect in effects {
            self.effect(process, effect);
        }
    }

    fn effect(&mut self, process: u32, effect: Effect) {
        match effect {
            Effect::Output(stream, text) => {
                let stream = match stream {
                    posix::Stream::Out => Stream::Out,
                    posix::Stream::Err => Stream::Err,
                };
                self.print(process, stream, text);
            }
            Effect::Prompt(text) => self.print(process, Stream::Out, text),
            Effect::Sleep(task, time) => {
                self.timer(time, Due::Shell { process, task: task.0 });
            }
            Effect::Run(task, command) => self.run_command(process, task, command),
            Effect::Cancel(task) => {
                let child = self.child(process, task);
                if let Some(child) = child {
                    self.work.push_back(Work::Signal(child, SIGTERM));
                }
            }
            Effect::Signal(task, signal) => {
                if let Some(child) = self.child(process, task) {
                    self.work.push_back(Work::Signal(child, signal));
                }
            }
            Effect::Kill(pid, signal) => self.kill_from(process, pid, signal),
            Effect::Memory(bytes) => {
                if let Some(proc) = self.proc(process) {
                    proc.memory = TOOL_BYTES + bytes;
                }
                self.plan_oom();
            }
            Effect::Exit(code) => self.work.push_back(Work::Finish(process, code)),
        }
    }

    fn child(&self, process: u32, task: TaskId) -> Option<u32> {
        let mut procs = self.container.live.procs.iter();
        procs.find(|(_, p)| p.parent == Some((process, task))).map(|(n, _)| *n)
    }

    fn run_command(&mut self, process: u32, task: TaskId, command: Command) {
        let Some(parent) = self.container.live.procs.get(&process) else { return };
        let shell = parent.argv.first().cloned().unwrap_or_else(|| "sh".to_owned());
        let name = command.argv.first().cloned().unwrap_or_default();
        let replaces = command.replaces;
        let birth = Birth {
            env: command.env.iter().map(|(k, v)| format!("{k}={v}")).collect(),
            argv: command.argv,
            cwd: command.cwd,
            user: parent.user.clone(),
            parent: Some((process, task)),
            exec: None,
            tty: parent.tty && command.direct,
            stdin: parent.stdin && command.stdin.is_none(),
            piped: command.stdin,
        };
        if self.container.live.procs.len() >= MAX_PROCESSES {
            let text = format!("{shell}: can't fork: Resource temporarily unavailable\n");
            self.fail_child(process, task, text, 2);
            return;
        }
        let started = if replaces {
            self.replace(process, birth).map(|()| process)
        } else {
            self.spawn(birth)
        };
        match started {
            Ok(child) => self.work.push_back(Work::Begin(child)),
            Err(error) => {
                let prefix = self.shell_prefix(&shell);
                let (text, code) = error.shell_text(&prefix, &name);
                self.fail_child(process, task, text, code);
            }
        }
    }

    fn fail_child(&mut self, process: u32, task: TaskId, text: String, code: u8) {
        let output = Wake::Output(task, posix::Stream::Err, text);
        self.work.push_back(Work::Wake(process, output));
        self.work.push_back(Work::Wake(process, Wake::Finished(task, code)));
    }

    /// How the image's shell begins its messages.
    fn shell_prefix(&self, shell: &str) -> String {
        let entry = crate::machine::build::entry(self.catalogue, &self.container.image.catalogue);
        let pattern = entry
            .and_then(|(file, variant, _)| {
                let base = variant.base.as_ref().unwrap_or(&file.base);
                self.catalogue.bases.get(base)
            })
            .map_or("{shell}: ", |base| base.shell_prefix.as_str());
        pattern.replace("{shell}", shell)
    }

    /// Text that a process writes.
    pub(super) fn print(&mut self, process: u32, stream: Stream, text: String) {
        let Some(proc) = self.container.live.procs.get(&process) else { return };
        if let Some((shell, task)) = proc.parent {
            let stream = match stream {
                Stream::Out => posix::Stream::Out,
                Stream::Err => posix::Stream::Err,
            };
            self.work.push_back(Work::Wake(shell, Wake::Output(task, stream, text)));
        } else if let Some((exec, tag)) = proc.exec.clone() {
            let id = self.container.spec.id.clone();
            self.notice(Happening::ExecOutput { id, exec, tag, stream, text });
        } else if process == MAIN {
            self.log(stream, &text);
        }
    }

    fn log(&mut self, stream: Stream, text: &str) {
        let from = self.container.log.len();
        for line in text.split_inclusive('\n') {
            let partial = !line.ends_with('\n');
            self.container.log.push(LogLine {
                at: self.cx.now,
                stream,
                text: line.strip_suffix('\n').unwrap_or(line).into(),
                partial,
                run: self.container.run,
            });
        }
        self.container.log.trim(MAX_LOG_LINES);
        if self.container.live.followers > 0 && self.container.log.len() > from {
            let id = self.container.spec.id.clone();
            self.notice(Happening::Logged { id, from });
        }
    }

    /// `kill` from inside: pid 1 is immune to what it does not handle, KILL included.
    fn kill_from(&mut self, sender: u32, pid: i64, signal: u8) {
        let own = self.container.live.procs.get(&sender).map_or(0, |p| i64::from(p.pid));
        let all: Vec<(u32, u32)> =
            self.container.live.procs.iter().map(|(n, p)| (*n, p.pid)).collect();
        for (number, target) in all {
            let target = i64::from(target);
            let hit = if pid == -1 {
                target != 1 && target != own
            } else {
                target == pid || (pid < -1 && target == -pid)
            };
            if hit && !(target == 1 && signal == SIGKILL) && signal != 0 {
                self.work.push_back(Work::Signal(number, signal));
            }
        }
    }

    /// Whether a fault names this container, as `host/name` or by name alone.
    pub(super) fn has_fault(&self, kind: &FaultKind) -> bool {
        let faults = self.cx.faults;
        if faults.list.is_empty() {
            return false;
        }
        let name = &self.container.spec.name;
        let full = format!("{}/{name}", self.host.spec.name);
        faults.has(name, kind, self.cx.now) || faults.has(&full, kind, self.cx.now)
    }

    /// A signal reaches a process.
    pub(super) fn signal(&mut self, process: u32, signal: u8) {
        let deaf =
            signal == SIGTERM && process == MAIN && self.has_fault(&FaultKind::IgnoreSigterm);
        let Some(proc) = self.container.live.procs.get(&process) else { return };
        if signal == SIGKILL {
            self.finish(process, KILLED + SIGKILL);
            return;
        }
        if deaf {
            let message = self.message("why-machine-ignores-term");
            self.cx.note(self.actor(), self.subject(), message);
            return;
        }
        match &proc.body {
            Body::Shell(_) => self.wake(process, Wake::Signal(signal)),
            Body::Program(_) => {
                self.program(process, crate::machine::program::Event::Signal(signal));
            }
            Body::Tool(_) => self.default_action(process, signal),
            Body::Away => {}
        }
    }

    /// What the kernel does with a signal that a process does not handle.
    pub(super) fn default_action(&mut self, process: u32, signal: u8) {
        let Some(proc) = self.container.live.procs.get(&process) else { return };
        // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH do not end a process.
        if matches!(signal, 0 | 17..=23 | 28) {
            return;
        }
        if proc.pid == 1 {
            let message =
                self.message("why-machine-pid1-ignores").with("signal", i64::from(signal));
            self.cx.note(self.actor(), self.subject(), message);
            return;
        }
        self.finish(process, KILLED.saturating_add(signal));
    }

    /// A process ends.
    pub(super) fn finish(&mut self, process: u32, code: u8) {
        let Some(mut proc) = self.container.live.procs.remove(&process) else { return };
        self.settle_cpu(Some(&mut proc));
        self.drop_listeners(Some(process));
        self.container.live.asked.retain(|_, p| *p != process);
        self.reset_flows(Some(process));
        if process == MAIN {
            if self.container.spec.init {
                // The init notices that its child is gone, then ends with the child's code.
                self.timer(INIT_REAPS, Due::InitEnds { code });
            } else {
                self.container_ends(code);
            }
            return;
        }
        if let Some((shell, task)) = proc.parent {
            self.work.push_back(Work::Wake(shell, Wake::Finished(task, code)));
        } else if let Some((exec, tag)) = proc.exec {
            self.container.live.execs.remove(&exec);
            let id = self.container.spec.id.clone();
            self.notice(Happening::ExecExited { id, exec, tag, code });
        }
        // What it had started lives on without it, its output lost.
        for other in self.container.live.procs.values_mut() {
            if other.parent.is_some_and(|(p, _)| p == process) {
                other.parent = None;
            }
        }
        self.plan_oom();
    }

    /// The main process ended: the kernel kills the rest.
    pub(super) fn container_ends(&mut self, code: u8) {
        self.settle_cpu(None);
        let live = &mut self.container.live;
        let procs = std::mem::take(&mut live.procs);
        live.tmpfs.clear();
        live.asked.clear();
        live.deferred.clear();
        live.execs.clear();
        let execs: Vec<(ExecId, u64)> = procs.into_values().filter_map(|p| p.exec).collect();
        let oom = live.oom_seen;
        self.drop_listeners(None);
        self.reset_flows(None);
        self.container.state = State::Exited;
        self.container.finished = Some(self.cx.now);
        self.container.exit_code = code;
        self.container.oom = oom;
        let what = if oom { "why-machine-oom-exit" } else { "why-machine-exited" };
        let message = self.message(what).with("code", i64::from(code));
        self.cx.record(self.actor(), self.subject(), message);
        let id = self.container.spec.id.clone();
        for (exec, tag) in execs {
            let code = KILLED + SIGKILL;
            self.notice(Happening::ExecExited { id: id.clone(), exec, tag, code });
        }
        self.notice(Happening::Exited { id, code, oom });
        self.work.clear();
    }

    /// The process (or every process) no longer listens.
    fn drop_listeners(&mut self, process: Option<u32>) {
        let id = &self.container.spec.id;
        self.host
            .listeners
            .retain(|_, (owner, number)| owner != id || process.is_some_and(|p| p != *number));
    }

    /// Whoever waits for an answer of the process sees the connection break.
    fn reset_flows(&mut self, process: Option<u32>) {
        let flows = &mut self.container.live.flows;
        let gone: Vec<u64> = flows
            .iter()
            .filter(|(_, f)| process.is_none_or(|p| p == f.process))
            .map(|(flow, _)| *flow)
            .collect();
        for flow in gone {
            self.respond(flow, Response::Reset);
        }
    }

    /// Answer a delivered request.
    pub(super) fn respond(&mut self, flow: u64, response: Response) {
        let Some(kept) = self.container.live.flows.remove(&flow) else { return };
        match kept.local {
            None => self.cx.emit(Output::Respond { flow, response }),
            Some(tag) => {
                let answer = crate::machine::local::answer(response);
                self.cx.emit(Input::Answered { tag, answer });
            }
        }
    }

    /// Send a request; the answer comes back to the process.
    pub(super) fn ask(&mut self, process: u32, request: Outgoing) {
        let number = u64::from(self.next_number());
        self.container.live.asked.insert(number, process);
        let tag = RequestTag {
            host: self.host.spec.name.clone(),
            container: self.container.spec.id.clone(),
            number,
        };
        let sandbox = self.container.sandbox();
        if let Some(input) = crate::machine::local::short_cut(&sandbox, &tag, &request) {
            self.cx.emit(input);
            return;
        }
        let host = self.host.spec.name.clone();
        self.cx.emit(Output::Request { host, sandbox, tag, request });
    }

    /// Set what a process uses of the cpu from now on.
    pub(super) fn set_cpu(&mut self, process: u32, milli: u64) {
        let old = self.container.live.procs.get(&process).map(|p| p.cpu_milli);
        if old.is_some_and(|old| old != milli) {
            self.settle_cpu(None);
            if let Some(proc) = self.proc(process) {
                proc.cpu_milli = milli;
            }
        }
    }

    /// Add up the cpu used until now; `gone` is a process just taken out.
    fn settle_cpu(&mut self, gone: Option<&mut Proc>) {
        let rate = cpu_rate(self.container, self.host) + gone.map_or(0, |p| p.cpu_milli);
        let live = &mut self.container.live;
        let span = (self.cx.now - live.cpu_since).0;
        live.cpu_used_us += span.saturating_mul(rate) / 1_000;
        live.cpu_since = self.cx.now;
    }

    /// Work out when the memory limit is crossed, if ever.
    pub(super) fn plan_oom(&mut self) {
        let limit = self.container.spec.memory_limit_bytes.filter(|l| *l > 0);
        let used = memory_used(self.container, self.cx.now);
        let over = limit.is_some_and(|limit| used > limit);
        let live = &mut self.container.live;
        if over && live.oom_near {
            // The kernel's killer is on its way already.
            return;
        }
        live.oom_near = over;
        live.oom_plan += 1;
        let plan = live.oom_plan;
        let rate: u64 = live.procs.values().filter_map(|p| p.leak.map(|(r, _)| r)).sum();
        let delay = match limit {
            Some(_) if over => ALLOCATE,
            Some(limit) if rate > 0 => {
                let us = u128::from(limit - used) * 1_000_000 / u128::from(rate);
                SimDuration(u64::try_from(us).unwrap_or(u64::MAX)) + SimDuration(1)
            }
            _ => return,
        };
        self.timer(delay, Due::Oom { plan });
    }

    /// The kernel kills the process that holds most of the memory.
    fn oom(&mut self) {
        let now = self.cx.now;
        let most = |p: &Proc| (process_memory(p, now), std::cmp::Reverse(p.pid));
        let procs = self.container.live.procs.iter();
        let Some(victim) = procs.max_by_key(|(_, p)| most(p)).map(|(n, _)| *n) else { return };
        self.container.live.oom_seen = true;
        self.container.live.oom_near = false;
        if let Some(limit) = self.container.spec.memory_limit_bytes {
            let message = self
                .message("why-machine-oom")
                .with("limit", i64::try_from(limit >> 20).unwrap_or(i64::MAX));
            self.cx.record(self.actor(), self.subject(), message);
        }
        let id = self.container.spec.id.clone();
        self.notice(Happening::OutOfMemory { id });
        self.finish(victim, KILLED + SIGKILL);
        // A shell's own tools are part of its process here; the shell is what dies.
    }
}

/// `NAME=value` entries as a map; a later one wins.
pub(super) fn env_map(env: &[String]) -> BTreeMap<String, String> {
    env.iter()
        .map(|e| e.split_once('=').unwrap_or((e, "")))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

/// Memory of a process at a moment, bytes.
pub(super) fn process_memory(proc: &Proc, now: SimTime) -> u64 {
    let leaked = proc.leak.map_or(0, |(rate, since)| {
        let bytes = u128::from(rate) * u128::from((now - since).0) / 1_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    });
    proc.memory.saturating_add(leaked)
}

/// Memory of all processes of a container at a moment, bytes.
pub(super) fn memory_used(container: &Container, now: SimTime) -> u64 {
    container.live.procs.values().map(|p| process_memory(p, now)).fold(0, u64::saturating_add)
}
