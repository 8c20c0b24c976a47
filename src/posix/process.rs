//! The shell as a resumable process: what wakes it, what it leaves behind.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::time::{SimDuration, SimTime};
use crate::posix::applets;
use crate::posix::ast::List;
use crate::posix::files::FileSystem;
use crate::posix::parse::parse_typed;
use crate::posix::task::{Fd, Fds, Frame, Pipe, Task};

/// Steps of one resume before the shell waits for its next turn.
const MAX_STEPS: u32 = 3_000;
/// Steps of one task before the next one has its turn.
const QUANTUM: u32 = 64;
/// First and longest wait of a shell that computes without end.
const FIRST_YIELD: SimDuration = SimDuration(10_000);
const LAST_YIELD: SimDuration = SimDuration(1_000_000);
/// Most tasks (subshells, pipeline stages) of one shell.
pub(super) const MAX_TASKS: usize = 512;
/// Text a pipe holds before its writer waits, as Linux.
pub(super) const PIPE_SIZE: usize = 65_536;
/// The main task.
pub(super) const MAIN: u32 = 0;

/// Number of a waiting operation (a sleep, an external command), unique within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u32);

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What wakes a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It begins.
    Start,
    /// A sleep ended.
    Timer(TaskId),
    /// An external command wrote.
    Output(TaskId, Stream, String),
    /// An external command ended with this code.
    Finished(TaskId, u8),
    /// A signal by number. SIGKILL is not for the shell: drop the process.
    Signal(u8),
    /// Text typed or piped into it; `None` is end of file.
    Stdin(Option<String>),
}

/// A command that is no part of the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Name and arguments.
    pub argv: Vec<String>,
    /// Exported variables.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub cwd: String,
    /// What was piped or redirected into it; `None` inherits the shell's own input.
    pub stdin: Option<String>,
    /// Whether its standard output goes straight to the shell's own (a terminal, if there is one).
    pub direct: bool,
    /// Whether it takes the shell's place (`exec`, or the last command of `sh -c`): signals are
    /// for it, and its code becomes the shell's.
    pub replaces: bool,
}

/// What a shell leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Text.
    Output(Stream, String),
    /// The prompt: it waits for a command line, or for more of one. Goes to standard output.
    Prompt(String),
    /// Wake with [`Wake::Timer`] after a time.
    Sleep(TaskId, SimDuration),
    /// Run a command; answer with [`Wake::Output`] and one [`Wake::Finished`].
    Run(TaskId, Command),
    /// The sleep or command is no longer wanted (a command gets SIGTERM or SIGPIPE).
    Cancel(TaskId),
    /// Send a signal to a running command (`timeout`, `kill $!`); it ends in its own time.
    Signal(TaskId, u8),
    /// Send a signal to a process that is not this shell's (`kill -TERM 1` from an exec'd shell;
    /// negative or -1 as in kill(2)).
    Kill(i64, u8),
    /// Processes of this shell now hold this much memory besides the shell itself, in bytes.
    Memory(u64),
    /// The shell ends with this code; nothing after this counts.
    Exit(u8),
}

/// A process as `ps` lists it: number, user, command line.
pub type ProcessRow = (u32, Arc<str>, Arc<str>);

/// The capabilities that a tool here asks for; the default is what a container engine leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Powers {
    /// `CAP_CHOWN`.
    pub chown: bool,
    /// `CAP_NET_RAW`.
    pub raw_net: bool,
    /// `CAP_SYS_ADMIN`.
    pub admin: bool,
}

impl Default for Powers {
    fn default() -> Self {
        Self { chown: true, raw_net: true, admin: false }
    }
}

/// Facts about the place where a shell runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Process number of the shell; 1 makes it ignore signals without traps.
    pub pid: u32,
    /// `hostname`.
    pub hostname: Arc<str>,
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// User name (`root`, or the number if there is none).
    pub user: Arc<str>,
    /// Whether standard input and output are a terminal.
    pub tty: bool,
    /// Most processes at once (`--pids-limit`); 0 for no limit.
    pub pids_limit: u32,
    /// Which capabilities it has.
    pub powers: Powers,
    /// Other processes there (pid, user, command line), for `ps` and `pgrep`.
    pub processes: Arc<[ProcessRow]>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            pid: 1,
            hostname: "localhost".into(),
            uid: 0,
            gid: 0,
            user: "root".into(),
            tty: false,
            pids_limit: 0,
            powers: Powers::default(),
            processes: Arc::new([]),
        }
    }
}

/// The surroundings of one resume.
pub struct Io<'a> {
    /// The moment.
    pub now: SimTime,
    /// The files it sees.
    pub files: &'a mut dyn FileSystem,
    /// Where it runs.
    pub facts: &'a Facts,
}

/// Text that arrived on the shell's own input.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    pub(super) text: String,
    pub(super) ended: bool,
}

/// A running shell.
#[derive(Clone, Debug)]
pub struct Process {
    pub(super) tasks: BTreeMap<u32, Task>,
    pub(super) ready: VecDeque<u32>,
    pub(super) pipes: BTreeMap<u32, Pipe>,
    /// Which task each waiting operation belongs to, and whether it is a command.
    pub(super) ops: BTreeMap<TaskId, (u32, bool)>,
    /// Codes of finished operations not yet taken.
    pub(super) results: BTreeMap<TaskId, u8>,
    /// Codes of finished tasks not yet taken.
    pub(super) done: BTreeMap<u32, u8>,
    pub(super) typed: Typed,
    pub(super) interactive: bool,
    /// Whether its input is a terminal's, where the end of input is read once and more may follow.
    pub(super) at_terminal: bool,
    /// A shell that may put its last command in its place.
    pub(super) replaceable: bool,
    pub(super) interrupted: bool,
    pub(super) counter: u32,
    pub(super) pid: u32,
    turn: Option<TaskId>,
    turns: u32,
    pub(super) effects: Vec<Effect>,
    pub(super) exit: Option<u8>,
    prompted: bool,
}

impl Process {
    fn new(env: BTreeMap<String, String>, cwd: &str) -> Self {
        let mut tasks = BTreeMap::new();
        tasks.insert(MAIN, Task::main(env, cwd));
        Self {
            tasks,
            ready: VecDeque::new(),
            pipes: BTreeMap::new(),
            ops: BTreeMap::new(),
            results: BTreeMap::new(),
            done: BTreeMap::new(),
            typed: Typed::default(),
            interactive: false,
            at_terminal: false,
            replaceable: false,
            interrupted: false,
            counter: 0,
            pid: 1,
            turn: None,
            turns: 0,
            effects: Vec::new(),
            exit: None,
            prompted: false,
        }
    }

    fn main_mut(&mut self) -> Option<&mut Task> {
        self.tasks.get_mut(&MAIN)
    }

    /// `sh -c text args…` (`args[0]` is `$0`).
    #[must_use]
    pub fn script(text: &str, args: &[String], env: BTreeMap<String, String>, cwd: &str) -> Self {
        let mut process = Self::new(env, cwd);
        process.replaceable = true;
        if let Some(main) = process.main_mut() {
            if let Some(zero) = args.first() {
                main.zero = zero.as_str().into();
            }
            main.args = args.get(1..).unwrap_or(&[]).to_vec();
            main.load(text);
        }
        process
    }

    /// One command without a shell around it, such as a container's `["sleep", "600"]`.
    #[must_use]
    pub fn command(argv: &[String], env: BTreeMap<String, String>, cwd: &str) -> Self {
        let mut process = Self::new(env, cwd);
        process.replaceable = true;
        if let Some(main) = process.main_mut() {
            main.stack.push(Frame::Argv(argv.to_vec()));
        }
        process
    }

    /// A shell that reads lines from its input; with a terminal it prompts.
    #[must_use]
    pub fn interactive(env: BTreeMap<String, String>, cwd: &str) -> Self {
        let mut process = Self::new(env, cwd);
        process.interactive = true;
        process
    }

    /// The same at a terminal: Ctrl-D ends the input of whoever reads then, and only of that one.
    #[must_use]
    pub fn at_terminal(mut self) -> Self {
        self.at_terminal = true;
        self
    }

    /// The same with an input that is at its end from the start (no `docker run -i`).
    #[must_use]
    #[cfg(test)]
    pub fn with_closed_input(mut self) -> Self {
        self.typed.ended = true;
        self
    }

    /// Whether the name is a builtin or an applet, so that [`Process::command`] can run it itself.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        crate::posix::builtins::is_builtin(name) || applets::find(name).is_some()
    }

    /// Go on until it waits or ends.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Vec<Effect> {
        if self.exit.is_some() {
            return Vec::new();
        }
        self.pid = io.facts.pid;
        self.take(wake, io);
        self.run(io);
        if self.exit.is_none() && self.interactive {
            self.prompt(io);
        }
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Start => self.ready.push_back(MAIN),
            Wake::Timer(op) if self.turn == Some(op) => self.turn = None,
            Wake::Timer(op) => self.settle(op, 0),
            Wake::Output(op, stream, text) => {
                self.turns = 0;
                if let Some((task, _)) = self.ops.get(&op).copied() {
                    let fd = if stream == Stream::Out { 1 } else { 2 };
                    if let Some(mut owner) = self.tasks.remove(&task) {
                        let written = self.write(&owner, fd, &text, io);
                        owner.broken |= written.is_err();
                        let broken = owner.broken;
                        self.tasks.insert(task, owner);
                        if broken {
                            self.kill_task(task, 141);
                        }
                    }
                }
            }
            Wake::Finished(op, code) => self.settle(op, code),
            Wake::Signal(signal) => self.signal(signal),
            Wake::Stdin(text) => {
                match text {
                    Some(text) => self.typed.text.push_str(&text),
                    None => self.typed.ended = true,
                }
                self.wake_all();
                if self.interactive && !self.ready.contains(&MAIN) {
                    let free = self.tasks.get(&MAIN).is_some_and(|t| t.stack.is_empty());
                    if free {
                        self.ready.push_back(MAIN);
                    }
                }
            }
        }
    }

    fn settle(&mut self, op: TaskId, code: u8) {
        let Some((_, command)) = self.ops.remove(&op) else { return };
        self.results.insert(op, code);
        self.turns = 0;
        self.wake_all();
        if command && self.interrupted && !self.ops.values().any(|(_, command)| *command) {
            self.interrupted = false;
            self.unwind_main(code);
        }
    }

    /// Let every waiting task look again whether it can go on.
    pub(super) fn wake_all(&mut self) {
        for (number, task) in &mut self.tasks {
            if task.waiting {
                task.waiting = false;
                self.ready.push_back(*number);
            }
        }
    }

    fn run(&mut self, io: &mut Io<'_>) {
        let mut steps = 0;
        while self.exit.is_none() && self.turn.is_none() {
            let Some(number) = self.ready.pop_front() else { return };
            let Some(mut task) = self.tasks.remove(&number) else { continue };
            let mut quantum = QUANTUM;
            loop {
                if task.ended.is_some() || task.waiting || quantum == 0 {
                    break;
                }
                quantum -= 1;
                steps += 1;
                self.step(&mut task, io);
                if self.exit.is_some() {
                    return;
                }
            }
            match task.ended {
                Some(code) => self.finish(task, code, io),
                None => {
                    if !task.waiting {
                        self.ready.push_back(number);
                    }
                    self.tasks.insert(number, task);
                }
            }
            if steps > MAX_STEPS && !self.ready.is_empty() && self.exit.is_none() {
                self.yield_turn();
            }
        }
    }

    /// Wait a little, longer each time, so that an endless loop does not hang the world.
    fn yield_turn(&mut self) {
        let wait = FIRST_YIELD.0 << self.turns.min(7);
        self.turns += 1;
        let op = self.next_op();
        self.turn = Some(op);
        self.effects.push(Effect::Sleep(op, SimDuration(wait.min(LAST_YIELD.0))));
    }

    fn next_op(&mut self) -> TaskId {
        self.counter += 1;
        TaskId(self.counter)
    }

    /// Begin an operation of a task.
    pub(super) fn begin(&mut self, task: u32, command: bool) -> TaskId {
        let op = self.next_op();
        self.ops.insert(op, (task, command));
        op
    }

    /// Withdraw an operation.
    pub(super) fn cancel(&mut self, op: TaskId) {
        if self.ops.remove(&op).is_some() {
            self.effects.push(Effect::Cancel(op));
        }
        self.results.remove(&op);
    }

    /// A task ended: close what it held, tell who waits.
    fn finish(&mut self, mut task: Task, code: u8, io: &Io<'_>) {
        while let Some(frame) = task.stack.pop() {
            self.drop_frame(&mut task, frame);
        }
        self.close_all(&task.fds);
        let own: Vec<TaskId> =
            self.ops.iter().filter(|(_, (t, _))| *t == task.number).map(|(op, _)| *op).collect();
        for op in own {
            self.cancel(op);
        }
        if task.number == MAIN {
            let left: Vec<TaskId> = self.ops.keys().copied().collect();
            for op in left {
                self.cancel(op);
            }
            if self.interactive && io.facts.tty && task.exiting.is_none() {
                self.effects.push(Effect::Output(Stream::Out, "\n".to_owned()));
            }
            self.exit = Some(code);
            self.effects.push(Effect::Exit(code));
            return;
        }
        self.done.insert(task.number, code);
        self.wake_all();
    }

    /// End a task from outside, with the tasks it waits for.
    pub(super) fn kill_task(&mut self, number: u32, code: u8) {
        let children: Vec<u32> =
            self.tasks.values().filter(|t| t.parent == Some(number)).map(|t| t.number).collect();
        for child in children {
            self.kill_task(child, code);
        }
        let own: Vec<TaskId> =
            self.ops.iter().filter(|(_, (t, _))| *t == number).map(|(op, _)| *op).collect();
        for op in own {
            self.cancel(op);
        }
        if let Some(task) = self.tasks.get_mut(&number) {
            task.ended = Some(code);
            task.waiting = false;
            self.ready.push_back(number);
        }
    }

    fn signal(&mut self, signal: u8) {
        // Ignored unless caught: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
        let harmless = matches!(signal, 17 | 18 | 23 | 28);
        let alone = self.pid == 1;
        let interactive = self.interactive;
        let Some(main) = self.tasks.get_mut(&MAIN) else { return };
        if signal == 9 {
            self.end_now(137);
            return;
        }
        match main.traps.get(&signal) {
            Some(text) if text.is_empty() => {}
            Some(_) => {
                main.pending.push_back(signal);
                if main.waiting && matches!(main.stack.last(), Some(Frame::Wait(_))) {
                    main.waiting = false;
                    self.ready.push_back(MAIN);
                }
            }
            None if harmless => {}
            None if interactive && signal == 2 => self.interrupt(),
            None if alone || (interactive && matches!(signal, 3 | 15)) => {}
            None => self.end_now(128_u8.saturating_add(signal)),
        }
    }

    fn end_now(&mut self, code: u8) {
        let left: Vec<TaskId> = self.ops.keys().copied().collect();
        for op in left {
            self.cancel(op);
        }
        self.exit = Some(code);
        self.effects.push(Effect::Exit(code));
    }

    /// Ctrl-C at a terminal: external commands got it too and end in their own time.
    fn interrupt(&mut self) {
        let commands = self.ops.values().any(|(_, command)| *command);
        if commands {
            self.interrupted = true;
        } else {
            self.unwind_main(130);
        }
        self.typed.text.clear();
    }

    /// Give up what the main task does and come back to the prompt.
    fn unwind_main(&mut self, code: u8) {
        let jobs: Vec<u32> =
            self.tasks.get(&MAIN).map(|m| m.jobs.values().copied().collect()).unwrap_or_default();
        let children: Vec<u32> = self
            .tasks
            .values()
            .filter(|t| t.parent == Some(MAIN) && !jobs.contains(&t.number))
            .map(|t| t.number)
            .collect();
        for child in children {
            self.kill_task(child, 130);
        }
        let own: Vec<TaskId> =
            self.ops.iter().filter(|(_, (t, _))| *t == MAIN).map(|(op, _)| *op).collect();
        for op in own {
            self.cancel(op);
        }
        if let Some(mut main) = self.tasks.remove(&MAIN) {
            while let Some(frame) = main.stack.pop() {
                self.drop_frame(&mut main, frame);
            }
            main.status = code;
            main.waiting = false;
            self.tasks.insert(MAIN, main);
            self.ready.push_back(MAIN);
            self.prompted = false;
        }
    }

    fn prompt(&mut self, io: &Io<'_>) {
        if !self.idle() {
            self.prompted = false;
            return;
        }
        if self.prompted || !io.facts.tty {
            return;
        }
        self.prompted = true;
        let Some(main) = self.tasks.get(&MAIN) else { return };
        let more = !self.typed.text.is_empty();
        let variable = main.var(if more { "PS2" } else { "PS1" });
        let sign = if io.facts.uid == 0 { "#" } else { "$" };
        let text = match variable {
            Some(text) => text
                .replace("\\w", &main.cwd)
                .replace("\\u", &io.facts.user)
                .replace("\\h", &io.facts.hostname)
                .replace("\\$", sign),
            None if more => "> ".to_owned(),
            None => format!("{} {sign} ", main.cwd),
        };
        if !text.is_empty() {
            self.effects.push(Effect::Prompt(text));
        }
    }

    /// The next command line of an interactive shell.
    pub(super) fn next_line(&mut self) -> Option<Result<Arc<List>, String>> {
        let mut end = 0;
        let text = self.typed.text.clone();
        loop {
            let more = text.get(end..).unwrap_or("");
            match more.find('\n') {
                Some(at) => end += at + 1,
                None if self.typed.ended && end < text.len() => end = text.len(),
                None => return None,
            }
            let whole = text.get(..end).unwrap_or("");
            let last = self.typed.ended && end == text.len();
            match parse_typed(whole) {
                Err(error) if error.incomplete && !last => self.prompted = false,
                result => {
                    self.typed.text.drain(..end);
                    self.prompted = false;
                    if last && self.at_terminal {
                        self.typed.ended = false;
                    }
                    return Some(result.map_err(|error| error.message));
                }
            }
        }
    }

    /// Whether an interactive shell waits for a line.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.interactive && self.tasks.get(&MAIN).is_some_and(|t| t.stack.is_empty() && t.waiting)
    }

    /// Whether an interactive shell waits for the rest of a command line.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        self.idle() && !self.typed.text.is_empty()
    }

    /// Whether something in the foreground waits for text on the shell's own input.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let typed = |fds: &Fds| matches!(fds.get(&0), Some(Fd::Input));
        self.tasks.values().any(|task| {
            let reads = matches!(
                task.stack.last(),
                Some(Frame::Read(_) | Frame::Filter(_) | Frame::Gather(..) | Frame::GatherRun(..))
            );
            task.waiting && reads && typed(&task.fds)
        })
    }

    /// Whether it computes without end (it waits only for its own turn), for CPU accounting.
    #[must_use]
    pub const fn busy(&self) -> bool {
        self.turn.is_some()
    }

    /// External commands in the foreground, which get the terminal's Ctrl-C.
    #[must_use]
    pub fn foreground(&self) -> Vec<TaskId> {
        let background = |mut number: u32| {
            while let Some(task) = self.tasks.get(&number) {
                let Some(parent) = task.parent else { return false };
                let jobs = self.tasks.get(&parent).map(|p| &p.jobs);
                if jobs.is_some_and(|jobs| jobs.values().any(|job| *job == number)) {
                    return true;
                }
                number = parent;
            }
            false
        };
        let commands =
            self.ops.iter().filter(|(_, (task, command))| *command && !background(*task));
        commands.map(|(op, _)| *op).collect()
    }

    /// The exit code, once it ended.
    #[must_use]
    pub const fn exited(&self) -> Option<u8> {
        self.exit
    }

    /// The working directory.
    #[must_use]
    pub fn cwd(&self) -> &str {
        self.tasks.get(&MAIN).map_or("/", |t| &t.cwd)
    }

    /// Exported variables.
    #[must_use]
    pub fn env(&self) -> BTreeMap<String, String> {
        self.tasks.get(&MAIN).map(Task::environment).unwrap_or_default()
    }

    /// The code of the last command, `$?`.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.tasks.get(&MAIN).map_or(self.exit.unwrap_or(0), |t| t.status)
    }

    /// Write to a descriptor of a task.
    pub(super) fn write(
        &mut self,
        task: &Task,
        fd: u32,
        text: &str,
        io: &mut Io<'_>,
    ) -> Result<(), ()> {
        if text.is_empty() {
            return Ok(());
        }
        match task.fds.get(&fd) {
            Some(Fd::Out) => self.emit(Stream::Out, text),
            Some(Fd::Err) => self.emit(Stream::Err, text),
            Some(Fd::Writer(id)) => {
                let Some(pipe) = self.pipes.get_mut(id) else { return Err(()) };
                if pipe.readers == 0 {
                    return Err(());
                }
                pipe.text.push_str(text);
                self.wake_all();
            }
            Some(Fd::File(path)) => {
                if let Err(error) = io.files.append(path, text, io.now)
                    && fd != 2
                {
                    let message = format!("sh: write error: {error}\n");
                    let _ = self.write(task, 2, &message, io);
                }
            }
            Some(Fd::Null | Fd::Input | Fd::Reader(_) | Fd::Zeros) | None => {}
        }
        Ok(())
    }

    fn emit(&mut self, stream: Stream, text: &str) {
        self.turns = 0;
        if let Some(Effect::Output(last, before)) = self.effects.last_mut()
            && *last == stream
        {
            before.push_str(text);
            return;
        }
        self.effects.push(Effect::Output(stream, text.to_owned()));
    }
}
