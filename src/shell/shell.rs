//! All terminals and scripts of a world, and the tools that run in them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::ledger::{self, Ledger};
use crate::base::message::Message;
use crate::base::mixer;
use crate::base::time::{SimDuration, SimTime};
use crate::docker::{self, ProcessRows, ProcessStamp};
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::engine::trace::{Actor, Subject, TraceId};
use crate::kube;
use crate::net;
use crate::posix::{self, Facts, Files, Process, TaskId};
use crate::shell::cause::{self, Causes};
use crate::shell::job::{Effect, Io, Reading, Reason, Ticket, Wake};
use crate::shell::run::{FinishedRun, MAX_OUTPUT_BYTES, Run, Sink, Slot, is_input};
use crate::shell::terminal::{Origin, Terminal, Wants};
use crate::shell::tool::Tool;

/// From Enter to the first request of a tool: starting the program, reading its configuration.
const TOOL_START: Latency = Latency {
    name: "tool-start",
    quantiles_us: [40_000, 50_000, 60_000, 75_000, 110_000],
    source: "fastest `docker ps` and `kubectl get` of the recordings took 0.09 to 0.12 s in all",
};
/// One way between a tool and a server.
const API_HOP: Latency = Latency {
    name: "api-hop",
    quantiles_us: [1_000, 2_000, 3_000, 5_000, 12_000],
    source: "the part of the fastest recorded commands that starting the tool does not explain",
};
/// Lines typed ahead that are kept.
const MAX_AHEAD: usize = 256;
/// The signal of Ctrl-C.
const SIGINT: u8 = 2;
/// The signal that nothing survives.
const SIGKILL: u8 = 9;
/// Scripts whose results are kept.
const MAX_FINISHED: usize = 256;
/// The learner's home.
pub const HOME: &str = "/home/student";

/// What wakes the shell layer.
#[derive(Clone, Debug)]
pub enum Input {
    /// A shell goes on.
    Process {
        /// Its run.
        run: u32,
        /// Why.
        wake: posix::Wake,
    },
    /// A tool goes on.
    Tool {
        /// The run.
        run: u32,
        /// The command of the shell.
        task: TaskId,
        /// Why.
        wake: Wake,
    },
    /// An answer of a Docker daemon.
    Docker {
        /// The question's number.
        ticket: u64,
        /// The answer.
        result: Result<docker::api::Reply, docker::api::ApiError>,
    },
    /// An answer of the API server.
    Kube {
        /// The question's number.
        ticket: u64,
        /// The answer.
        result: Result<kube::api::request::Response, kube::api::request::ApiError>,
    },
    /// An answer of the network.
    Net {
        /// The question's number.
        ticket: u64,
        /// The answer.
        answer: net::Answer,
    },
}

/// What the shell layer wants.
#[derive(Clone, Debug)]
pub enum Output {
    /// Come back with this input.
    Again(Input),
    /// Ask a Docker daemon.
    AskDocker {
        /// The machine.
        host: Arc<str>,
        /// To be given back with each answer.
        ticket: u64,
        /// The question.
        request: docker::api::Request,
    },
    /// Ask the API server.
    AskKube {
        /// To be given back with each answer.
        ticket: u64,
        /// The question.
        request: kube::api::request::Request,
    },
    /// Send a network request.
    AskNet {
        /// From this machine; empty is outside.
        host: Arc<str>,
        /// To be given back with the answer.
        ticket: u64,
        /// The request.
        request: net::Request,
    },
    /// A signal to a process of a machine.
    Kill {
        /// The machine.
        host: Arc<str>,
        /// Number of the process there.
        pid: u32,
        /// Number of the signal.
        signal: u8,
    },
    /// No more answers of a Docker daemon are wanted.
    ForgetDocker {
        /// The machine.
        host: Arc<str>,
        /// The question's number.
        ticket: u64,
    },
    /// No more answers of the API server are wanted.
    ForgetKube {
        /// The question's number.
        ticket: u64,
    },
}

impl From<Input> for Output {
    fn from(input: Input) -> Self {
        Self::Again(input)
    }
}

/// Whom a question was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Docker(Arc<str>),
    Kube,
    Net,
}

/// Where the answers of a question go.
#[derive(Clone, Debug)]
struct Route {
    run: u32,
    task: TaskId,
    ticket: Ticket,
    asked: Asked,
    /// The things that the answers tell about.
    tells: Vec<String>,
}

/// All terminals and scripts.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    terminals: BTreeMap<u32, Terminal>,
    runs: BTreeMap<u32, Run>,
    next_run: u32,
    routes: BTreeMap<u64, Route>,
    next_route: u64,
    finished: Ledger<u32, Arc<FinishedRun>>,
    /// Processes of the machines, for `ps` and `kill`.
    processes: BTreeMap<Arc<str>, (ProcessStamp, ProcessRows)>,
}

/// One thing to do next within a step.
enum Todo {
    Process(u32, posix::Wake),
    Tool(u32, TaskId, Wake),
}

type ShellCx<'a, 'b> = &'a mut Cx<'b, Output>;

impl Shell {
    /// The digest of terminals and scripts.
    #[must_use]
    pub fn digest(&self, reading: ledger::Reading) -> u64 {
        let terminals = self.terminals.iter().map(|(number, terminal)| {
            let Terminal { run, host, screen, tape, logouts, logout, ahead } = terminal;
            let screen = (screen.digest(reading), tape.len());
            (number, run, host, screen, logouts, logout, ahead)
        });
        let runs = self.runs.iter().map(|(number, run)| {
            let collected = match &run.sink {
                Sink::Terminal(_) => (0, 0),
                Sink::Collect { stdout, stderr } => (stdout.len(), stderr.len()),
            };
            (number, &run.host, run.started, run.typed, run.slots.len(), collected)
        });
        let runs = runs.collect::<Vec<_>>();
        let counts = (self.next_run, self.next_route, self.routes.len());
        let terminals = terminals.collect::<Vec<_>>();
        mixer::of(&(terminals, runs, self.finished.digest(reading), counts))
    }

    /// Bring the kept digests up to date.
    pub fn settle(&mut self) {
        self.finished.settle();
    }

    /// What state of a machine's processes is known here.
    #[must_use]
    pub fn processes_seen(&self, host: &str) -> ProcessStamp {
        self.processes.get(host).map_or((0, 0), |(stamp, _)| *stamp)
    }

    /// The processes of a machine besides those of the shells.
    pub fn set_processes(&mut self, host: &Arc<str>, stamp: ProcessStamp, rows: ProcessRows) {
        self.processes.insert(host.clone(), (stamp, rows));
    }

    /// The terminals by number.
    #[must_use]
    pub const fn terminals(&self) -> &BTreeMap<u32, Terminal> {
        &self.terminals
    }

    /// The number that the next run will get.
    #[must_use]
    pub const fn next_run(&self) -> u32 {
        self.next_run
    }

    /// A script that has ended.
    #[must_use]
    pub fn finished(&self, run: u32) -> Option<&FinishedRun> {
        self.finished.get(&run).map(|f| &**f)
    }

    /// Whether a terminal waits for a command line.
    #[must_use]
    pub fn idle(&self, terminal: u32) -> bool {
        let run = self.terminals.get(&terminal).and_then(|t| self.runs.get(&t.run));
        run.is_some_and(|run| run.process.idle())
    }

    /// What a terminal waits for.
    #[must_use]
    pub fn wants(&self, terminal: u32) -> Wants {
        let run = self.terminals.get(&terminal).and_then(|t| self.runs.get(&t.run));
        let Some(run) = run else { return Wants::Nothing };
        if run.process.wants_more() {
            Wants::More
        } else if run.process.idle() {
            Wants::Command
        } else if run.process.wants_input() || run.reader().is_some_and(|r| r.1 == Reading::Now) {
            Wants::Input
        } else {
            Wants::Nothing
        }
    }

    /// The code of the last command of a terminal's shell, `$?`.
    #[must_use]
    pub fn status(&self, terminal: u32) -> u8 {
        let run = self.terminals.get(&terminal).and_then(|t| self.runs.get(&t.run));
        run.map_or(0, |run| run.process.status())
    }

    /// The working directory of a terminal.
    #[must_use]
    pub fn cwd(&self, terminal: u32) -> Option<&str> {
        let run = self.terminals.get(&terminal).and_then(|t| self.runs.get(&t.run))?;
        Some(run.process.cwd())
    }

    /// The machine whose files an input concerns.
    #[must_use]
    pub fn host_of(&self, input: &Input) -> Option<Arc<str>> {
        let run = match input {
            Input::Process { run, .. } | Input::Tool { run, .. } => *run,
            Input::Docker { ticket, .. }
            | Input::Kube { ticket, .. }
            | Input::Net { ticket, .. } => self.routes.get(ticket)?.run,
        };
        self.host_of_run(run)
    }

    /// The machine on which a run sits.
    #[must_use]
    pub fn host_of_run(&self, run: u32) -> Option<Arc<str>> {
        self.runs.get(&run).map(|run| run.host.clone())
    }

    /// Open a terminal on a machine; an open one of the same number is replaced.
    pub fn open(
        &mut self,
        terminal: u32,
        (host, tty): (&str, bool),
        files: &mut Files,
        cx: ShellCx<'_, '_>,
    ) {
        let process = Process::interactive(environment(host), HOME).at_terminal();
        let run = self.begin(host, process, Sink::Terminal(terminal), tty, cx.now);
        self.terminals.insert(terminal, Terminal::new(run, host));
        self.work(Todo::Process(run, posix::Wake::Start), files, cx);
    }

    /// Run a text as a script; returns its number.
    pub fn script(
        &mut self,
        (host, cwd, text): (&str, &str, &str),
        tty: bool,
        files: &mut Files,
        cx: ShellCx<'_, '_>,
    ) -> u32 {
        let process = Process::script(text, &["bash".to_owned()], environment(host), cwd);
        let sink = Sink::Collect { stdout: String::new(), stderr: String::new() };
        let run = self.begin(host, process, sink, tty, cx.now);
        self.typed(run, text, host, cx);
        self.work(Todo::Process(run, posix::Wake::Start), files, cx);
        run
    }

    /// A line is typed into a terminal: to the command in the foreground, else to the shell.
    pub fn type_line(
        &mut self,
        terminal: u32,
        line: Option<&str>,
        files: &mut Files,
        cx: ShellCx<'_, '_>,
    ) {
        let Some(found) = self.terminals.get_mut(&terminal) else { return };
        let (run, host) = (found.run, found.host.clone());
        if let Some(line) = line {
            found.typed(cx.now, line);
        }
        let text = line.map(|line| format!("{line}\n"));
        match self.runs.get(&run).and_then(Run::reader) {
            Some((task, Reading::Now)) => {
                self.work(Todo::Tool(run, task, Wake::Stdin(text)), files, cx);
            }
            Some(_) => self.keep_for_later(terminal, line),
            None => {
                if let Some(line) = line {
                    self.typed(run, line, &host, cx);
                }
                self.work(Todo::Process(run, posix::Wake::Stdin(text)), files, cx);
            }
        }
    }

    /// A line typed ahead, of which there may be as many as a terminal's buffer holds.
    fn keep_for_later(&mut self, terminal: u32, line: Option<&str>) {
        let Some(found) = self.terminals.get_mut(&terminal) else { return };
        if found.ahead.len() < MAX_AHEAD {
            found.ahead.push_back(line.map(str::to_owned));
        }
    }

    /// The next line typed ahead into a terminal whose shell or program waits for one.
    fn next_ahead(&mut self, cx: ShellCx<'_, '_>) -> Option<Todo> {
        let waiting = self.terminals.iter().filter(|(_, t)| !t.ahead.is_empty());
        let ready = |number: &u32| self.wants(*number) != Wants::Nothing;
        let number = waiting.map(|(number, _)| *number).find(ready)?;
        let found = self.terminals.get_mut(&number)?;
        let line = found.ahead.pop_front()?;
        let (run, host) = (found.run, found.host.clone());
        let text = line.as_ref().map(|line| format!("{line}\n"));
        if let Some((task, Reading::Now)) = self.runs.get(&run).and_then(Run::reader) {
            return Some(Todo::Tool(run, task, Wake::Stdin(text)));
        }
        if let Some(line) = line.filter(|_| self.idle(number)) {
            if let Some(found) = self.terminals.get_mut(&number) {
                found.typed(cx.now, &line);
            }
            self.typed(run, &line, &host, cx);
        }
        Some(Todo::Process(run, posix::Wake::Stdin(text)))
    }

    /// A signal to everything in the foreground of a run (Ctrl-C is 2); 9 ends the run at once.
    pub fn signal(&mut self, run: u32, signal: u8, files: &mut Files, cx: ShellCx<'_, '_>) {
        if signal == SIGKILL {
            return self.end(run, 128 + SIGKILL, cx);
        }
        for terminal in self.terminals.values_mut().filter(|t| t.run == run) {
            terminal.ahead.clear();
        }
        let Some(found) = self.runs.get(&run) else { return };
        if signal == SIGINT && !found.slots.is_empty() {
            let subject = Subject::new(format!("terminal/{}", found.host));
            cx.record(Actor::only("you"), subject, Message::new("why-you-interrupted"));
        }
        let tasks: Vec<TaskId> = found
            .process
            .foreground()
            .into_iter()
            .filter(|t| found.slots.contains_key(t))
            .collect();
        for task in tasks {
            self.work(Todo::Tool(run, task, Wake::Signal(signal)), files, cx);
        }
        self.work(Todo::Process(run, posix::Wake::Signal(signal)), files, cx);
    }

    /// The run of a terminal's shell.
    #[must_use]
    pub fn run_of(&self, terminal: u32) -> Option<u32> {
        self.terminals.get(&terminal).map(|t| t.run)
    }

    /// Something that was waited for.
    pub fn step(&mut self, input: Input, files: &mut Files, cx: ShellCx<'_, '_>) {
        let answered = |shell: &Self, ticket: u64| shell.routes.get(&ticket).cloned();
        let todo = match input {
            Input::Process { run, wake } => Todo::Process(run, wake),
            Input::Tool { run, task, wake } => Todo::Tool(run, task, wake),
            Input::Docker { ticket, result } => match answered(self, ticket) {
                Some(r) => {
                    let mut tells = r.tells;
                    tells.extend(result.as_ref().ok().and_then(cause::named).cloned());
                    if let Some(slot) = self.slot(r.run, r.task) {
                        slot.causes.learn(&tells, cx.cause);
                    }
                    Todo::Tool(r.run, r.task, Wake::Docker(r.ticket, result))
                }
                None => return,
            },
            Input::Kube { ticket, result } => match answered(self, ticket) {
                Some(r) => Todo::Tool(r.run, r.task, Wake::Kube(r.ticket, result)),
                None => return,
            },
            Input::Net { ticket, answer } => match self.routes.remove(&ticket) {
                Some(r) => Todo::Tool(r.run, r.task, Wake::Net(r.ticket, answer)),
                None => return,
            },
        };
        self.work(todo, files, cx);
    }

    fn begin(&mut self, host: &str, process: Process, sink: Sink, tty: bool, now: SimTime) -> u32 {
        let run = self.next_run;
        self.next_run += 1;
        let facts = Facts {
            pid: 1000 + run,
            hostname: if host.is_empty() { "drydock".into() } else { host.into() },
            uid: 1000,
            gid: 1000,
            user: "student".into(),
            tty,
            pids_limit: 0,
            powers: posix::Powers::default(),
            processes: Arc::new([]),
        };
        let slots = BTreeMap::new();
        let host = host.into();
        let typed = TraceId::NONE;
        self.runs.insert(run, Run { host, started: now, process, facts, slots, sink, typed });
        run
    }

    /// A command of the learner is the first cause of what follows.
    fn typed(&mut self, run: u32, line: &str, host: &str, cx: ShellCx<'_, '_>) {
        if !line.trim().is_empty() {
            let what = Message::new("why-you-typed").with("line", line);
            let subject = Subject::new(format!("terminal/{host}"));
            let typed = cx.record(Actor::only("you"), subject, what);
            if let Some(run) = self.runs.get_mut(&run) {
                run.typed = typed;
            }
        }
    }

    /// Do one thing and all that follows from it at once.
    fn work(&mut self, first: Todo, files: &mut Files, cx: ShellCx<'_, '_>) {
        let mut queue = VecDeque::from([first]);
        loop {
            let Some(todo) = queue.pop_front().or_else(|| self.next_ahead(cx)) else { return };
            match todo {
                Todo::Process(run, wake) => self.process(run, wake, files, &mut queue, cx),
                Todo::Tool(run, task, wake) => self.tool(run, task, wake, files, &mut queue, cx),
            }
        }
    }

    fn process(
        &mut self,
        run_id: u32,
        wake: posix::Wake,
        files: &mut Files,
        queue: &mut VecDeque<Todo>,
        cx: ShellCx<'_, '_>,
    ) {
        let Some(run) = self.runs.get_mut(&run_id) else { return };
        if let Some((_, rows)) = self.processes.get(&run.host) {
            run.facts.processes = rows.clone();
        }
        let host = run.host.clone();
        let mut io = posix::Io { now: cx.now, files, facts: &run.facts };
        for effect in run.process.resume(wake, &mut io) {
            match effect {
                posix::Effect::Output(stream, text) => self.print(run_id, stream, &text, cx.now),
                posix::Effect::Prompt(text) => self.show(run_id, Origin::Prompt, &text, cx.now),
                posix::Effect::Sleep(task, time) => {
                    let wake = posix::Wake::Timer(task);
                    cx.emit_after(time, Input::Process { run: run_id, wake });
                }
                posix::Effect::Run(task, command) => {
                    self.launch(run_id, task, command, queue, cx);
                }
                posix::Effect::Cancel(task) => self.drop_slot(run_id, task, cx),
                posix::Effect::Signal(task, signal) => {
                    queue.push_back(Todo::Tool(run_id, task, Wake::Signal(signal)));
                }
                posix::Effect::Kill(pid, signal) => {
                    if let Ok(pid) = u32::try_from(pid) {
                        cx.emit(Output::Kill { host: host.clone(), pid, signal });
                    }
                }
                posix::Effect::Memory(_) => {}
                posix::Effect::Exit(code) => self.end(run_id, code, cx),
            }
        }
    }

    /// Start a command that is no part of the shell.
    fn launch(
        &mut self,
        run_id: u32,
        task: TaskId,
        command: posix::Command,
        queue: &mut VecDeque<Todo>,
        cx: ShellCx<'_, '_>,
    ) {
        let Some(run) = self.runs.get_mut(&run_id) else { return };
        let Some(tool) = Tool::new(&command.argv) else {
            let name = command.argv.first().map_or("", String::as_str);
            let text = format!("bash: {name}: command not found\n");
            let output = posix::Wake::Output(task, posix::Stream::Err, text);
            queue.push_back(Todo::Process(run_id, output));
            queue.push_back(Todo::Process(run_id, posix::Wake::Finished(task, 127)));
            return;
        };
        let slot = Slot {
            tool,
            env: Arc::new(command.env),
            cwd: command.cwd.into(),
            stdin: command.stdin.map(Into::into),
            tty: run.facts.tty && command.direct,
            open: run.facts.tty || matches!(run.sink, Sink::Terminal(_)),
            fed: SimTime::ZERO,
            tickets: 0,
            causes: Causes::new(if run.typed == TraceId::NONE { cx.cause } else { run.typed }),
        };
        run.slots.insert(task, slot);
        let delay = cx.latency(&TOOL_START, &run.host.clone());
        cx.emit_after(delay, Input::Tool { run: run_id, task, wake: Wake::Start });
    }

    fn tool(
        &mut self,
        run_id: u32,
        task: TaskId,
        wake: Wake,
        files: &mut Files,
        queue: &mut VecDeque<Todo>,
        cx: ShellCx<'_, '_>,
    ) {
        let Some(run) = self.runs.get_mut(&run_id) else { return };
        let host = run.host.clone();
        let Some(slot) = run.slots.get_mut(&task) else { return };
        if matches!(wake, Wake::Signal(_)) {
            slot.causes.turn(cx.cause);
        }
        let mut effects = Vec::new();
        let mut io = Io {
            now: cx.now,
            env: &slot.env,
            cwd: &slot.cwd,
            files,
            host: &host,
            tty: slot.tty,
            open: slot.open,
            width: 120,
            stdin: slot.stdin.as_deref(),
            rng: cx.rng,
            next_ticket: &mut slot.tickets,
            effects: &mut effects,
        };
        slot.tool.resume(wake, &mut io);
        for effect in effects {
            let output =
                |stream, text| Todo::Process(run_id, posix::Wake::Output(task, stream, text));
            match effect {
                Effect::Out(text) => queue.push_back(output(posix::Stream::Out, text)),
                Effect::Err(text) => queue.push_back(output(posix::Stream::Err, text)),
                Effect::Rewind(lines) => {
                    let text = format!("\u{1b}[{lines}A\u{1b}[J");
                    queue.push_back(output(posix::Stream::Err, text));
                }
                Effect::Timer(time, tag) => {
                    let wake = Wake::Timer(tag);
                    cx.emit_after(time, Input::Tool { run: run_id, task, wake });
                }
                Effect::Record(reason) => self.record((run_id, task), &host, reason, cx),
                Effect::Exit(code) => {
                    self.drop_slot(run_id, task, cx);
                    queue.push_back(Todo::Process(run_id, posix::Wake::Finished(task, code)));
                    return;
                }
                Effect::Forget(ticket) => {
                    self.forget(|r| r.run == run_id && r.task == task && r.ticket == ticket, cx);
                }
                Effect::AskDocker(ticket, host, request) => {
                    let host = host.into();
                    self.ask_docker((run_id, task, ticket), host, request, cx);
                }
                Effect::AskKube(ticket, request) => {
                    let (delay, number) = self.route(run_id, task, ticket, Asked::Kube, cx);
                    cx.emit_after(delay, Output::AskKube { ticket: number, request });
                }
                Effect::AskNet(ticket, request) => {
                    let (_, number) = self.route(run_id, task, ticket, Asked::Net, cx);
                    let host = host.clone();
                    cx.emit(Output::AskNet { host, ticket: number, request });
                }
            }
        }
    }

    fn slot(&mut self, run: u32, task: TaskId) -> Option<&mut Slot> {
        self.runs.get_mut(&run)?.slots.get_mut(&task)
    }

    /// A tool says why it does what follows.
    fn record(
        &mut self,
        (run, task): (u32, TaskId),
        host: &Arc<str>,
        reason: Reason,
        cx: ShellCx<'_, '_>,
    ) {
        let Some(slot) = self.slot(run, task) else { return };
        let of_container = |id: String| {
            let subject = Subject::container(host, &id);
            cx.trace.latest(&subject).map_or(TraceId::NONE, |entry| entry.id)
        };
        let because = reason.because.map_or(TraceId::NONE, of_container);
        let cause = because.max(slot.causes.of(&reason.about));
        let (actor, subject) = (Actor::on("docker-compose", host.clone()), reason.subject);
        let id = cx.trace.record(cx.now, actor, Subject::new(subject), reason.what, cause);
        if reason.about.is_empty() {
            slot.causes.turn(id);
        } else {
            slot.causes.learn(&reason.about, id);
        }
    }

    fn ask_docker(
        &mut self,
        (run, task, ticket): (u32, TaskId, Ticket),
        host: Arc<str>,
        request: docker::api::Request,
        cx: ShellCx<'_, '_>,
    ) {
        let (asks, tells) = cause::things(&request);
        let cause = self.slot(run, task).map_or(cx.cause, |slot| slot.causes.of(&asks));
        let (mut delay, number) = self.route(run, task, ticket, Asked::Docker(host.clone()), cx);
        if is_input(&request)
            && let Some(slot) = self.slot(run, task)
        {
            slot.fed = slot.fed.max(cx.now + delay);
            delay = slot.fed.since(cx.now);
        }
        if let Some(route) = self.routes.get_mut(&number) {
            route.tells = tells;
        }
        let output = Output::AskDocker { host, ticket: number, request };
        cx.out.push((delay, cause, output));
    }

    fn route(
        &mut self,
        run: u32,
        task: TaskId,
        ticket: Ticket,
        asked: Asked,
        cx: ShellCx<'_, '_>,
    ) -> (SimDuration, u64) {
        let number = self.next_route;
        self.next_route += 1;
        self.routes.insert(number, Route { run, task, ticket, asked, tells: Vec::new() });
        (cx.latency(&API_HOP, ""), number)
    }

    /// Take no more answers of the questions that a test names.
    fn forget(&mut self, test: impl Fn(&Route) -> bool, cx: ShellCx<'_, '_>) {
        let numbers: Vec<u64> =
            self.routes.iter().filter(|(_, r)| test(r)).map(|(n, _)| *n).collect();
        for ticket in numbers {
            match self.routes.remove(&ticket).map(|r| r.asked) {
                Some(Asked::Docker(host)) => cx.emit(Output::ForgetDocker { host, ticket }),
                Some(Asked::Kube) => cx.emit(Output::ForgetKube { ticket }),
                Some(Asked::Net) | None => {}
            }
        }
    }

    fn drop_slot(&mut self, run_id: u32, task: TaskId, cx: ShellCx<'_, '_>) {
        if let Some(run) = self.runs.get_mut(&run_id) {
            run.slots.remove(&task);
        }
        self.forget(|r| r.run == run_id && r.task == task, cx);
    }

    fn print(&mut self, run: u32, stream: posix::Stream, text: &str, now: SimTime) {
        let origin = match stream {
            posix::Stream::Out => Origin::Out,
            posix::Stream::Err => Origin::Err,
        };
        self.show(run, origin, text, now);
    }

    fn show(&mut self, run: u32, origin: Origin, text: &str, now: SimTime) {
        let Some(run) = self.runs.get_mut(&run) else { return };
        match (&mut run.sink, origin) {
            (Sink::Terminal(terminal), origin) => {
                if let Some(terminal) = self.terminals.get_mut(terminal) {
                    terminal.write(now, origin, text);
                }
            }
            (Sink::Collect { stdout, .. }, Origin::Out | Origin::Prompt) => collect(stdout, text),
            (Sink::Collect { stderr, .. }, Origin::Err) => collect(stderr, text),
        }
    }

    fn end(&mut self, run_id: u32, exit: u8, cx: ShellCx<'_, '_>) {
        self.forget(|r| r.run == run_id, cx);
        let Some(run) = self.runs.remove(&run_id) else { return };
        match run.sink {
            Sink::Terminal(terminal) => {
                // `exit` in a terminal starts a fresh shell, as a new login would.
                let process = Process::interactive(environment(&run.host), HOME).at_terminal();
                let sink = Sink::Terminal(terminal);
                let fresh = self.begin(&run.host, process, sink, run.facts.tty, cx.now);
                if let Some(found) = self.terminals.get_mut(&terminal) {
                    found.run = fresh;
                    found.logouts += 1;
                    found.logout = exit;
                }
                cx.emit(Input::Process { run: fresh, wake: posix::Wake::Start });
            }
            Sink::Collect { stdout, stderr } => {
                let (started, ended) = (run.started, cx.now);
                let done = FinishedRun { started, ended, stdout, stderr, exit, timed_out: false };
                self.finished.insert(run_id, Arc::new(done));
                if self.finished.len() > MAX_FINISHED {
                    self.finished.pop_first();
                }
            }
        }
    }
}

fn collect(into: &mut String, text: &str) {
    if into.len() + text.len() <= MAX_OUTPUT_BYTES {
        into.push_str(text);
    }
}

fn environment(host: &str) -> BTreeMap<String, String> {
    let host = if host.is_empty() { "drydock" } else { host };
    [
        ("HOME", HOME),
        ("HOSTNAME", host),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("PS1", "$ "),
        ("TERM", "xterm-256color"),
        ("USER", "student"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}
