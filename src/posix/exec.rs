//! One step of a task: take a frame from its stack and do what it says.

use std::sync::Arc;

use crate::base::time::SimDuration;
use crate::posix::applets::{self, Call};
use crate::posix::ast::{Command, How, List, Node, Pipeline, When};
use crate::posix::expand::{Halt, Scope, Var};
use crate::posix::files::normal;
use crate::posix::filter::Filter;
use crate::posix::process::{Command as Program, Effect, Io, MAIN, MAX_TASKS, PIPE_SIZE, Process};
use crate::posix::task::{Fd, Fds, Frame, Pipe, Task};

/// Deepest stack of a task (endless recursion of functions).
const MAX_STACK: usize = 3_000;
/// How often `tail -f` looks at its file, as coreutils.
const FOLLOW_PERIOD: SimDuration = SimDuration(1_000_000);
/// How often and from what size a growing program takes more memory; it doubles each time.
const GROW_PERIOD: SimDuration = SimDuration(20_000);
const GROW_LIMIT: u64 = 1 << 36;

/// Text from a descriptor.
pub(super) enum Input {
    /// Some text.
    Text(String),
    /// There will be no more.
    End,
    /// Not yet.
    Wait,
    /// Zero bytes without end.
    Zeros,
}

impl Process {
    /// Do the next thing of a task.
    pub(super) fn step(&mut self, task: &mut Task, io: &mut Io<'_>) {
        if task.broken {
            task.ended = Some(141);
            return;
        }
        if let Some(message) = task.error.take() {
            self.complain(task, &format!("sh: {message}"), io);
            task.ended = Some(2);
            return;
        }
        if task.stack.len() > MAX_STACK {
            self.complain(task, "sh: maximum function nesting level exceeded", io);
            task.ended = Some(2);
            return;
        }
        if self.start_trap(task) {
            return;
        }
        let Some(frame) = task.stack.pop() else {
            self.bottom(task, io);
            return;
        };
        match frame {
            Frame::List(list, at) => self.list(task, list, at, io),
            Frame::Chain(chain, next, ran) => {
                let fits = |when: When| match when {
                    When::Always => true,
                    When::Success => task.status == 0,
                    When::Failure => task.status != 0,
                };
                let rest = chain.links.iter().enumerate().skip(next);
                match rest.clone().find(|(_, (when, _))| fits(*when)) {
                    Some((at, (_, pipeline))) => {
                        let pipeline = pipeline.clone();
                        task.stack.push(Frame::Chain(chain, at + 1, at));
                        self.pipeline(task, &pipeline, io);
                    }
                    None => {
                        let last = chain.links.get(ran).filter(|_| ran + 1 == chain.links.len());
                        let counts = last.is_some_and(|(_, p)| !p.negated);
                        if counts && task.status != 0 && task.options.has('e') && !task.tested() {
                            self.leave(task, task.status);
                        }
                    }
                }
            }
            Frame::Negate => task.status = u8::from(task.status == 0),
            Frame::Run(node, results) => self.run_node(task, &node, results, io),
            Frame::Argv(argv) => self.argv(task, argv, io),
            frame @ (Frame::Restore(_) | Frame::Variables(_) | Frame::Call(..) | Frame::Source) => {
                self.drop_frame(task, frame)
            }
            Frame::Trap(status) => task.status = status,
            Frame::If(node, arm) => self.after_test(task, &node, arm),
            Frame::LoopTest(node) => self.loop_test(task, &node),
            Frame::LoopBody(node) => self.loop_body(task, &node),
            Frame::For(node, items, at) => {
                if let (Command::For { name, body, .. }, Some(item)) =
                    (&node.command, items.get(at))
                {
                    task.set_var(name, item);
                    let body = body.clone();
                    task.stack.push(Frame::For(node, items, at + 1));
                    task.stack.push(Frame::List(body, 0));
                }
            }
            frame => self.wait_frame(task, frame, io),
        }
    }

    /// Frames that wait for something.
    fn wait_frame(&mut self, task: &mut Task, frame: Frame, io: &mut Io<'_>) {
        match frame {
            Frame::Tasks(children) => {
                if children.iter().all(|child| self.done.contains_key(child)) {
                    for child in children {
                        task.status = self.done.remove(&child).unwrap_or(task.status);
                    }
                } else {
                    task.waiting = true;
                    task.stack.push(Frame::Tasks(children));
                }
            }
            Frame::Capture(pipe) => {
                let text = self.pipes.remove(&pipe).map(|p| p.text).unwrap_or_default();
                if let Some(Frame::Run(_, results)) = task.stack.last_mut() {
                    results.push(text);
                }
            }
            Frame::Op(op) => match self.results.remove(&op) {
                Some(code) => task.status = code,
                None => {
                    task.waiting = true;
                    task.stack.push(Frame::Op(op));
                }
            },
            Frame::Replaced(op) => match self.results.remove(&op) {
                Some(code) => task.ended = Some(code),
                None => {
                    task.waiting = true;
                    task.stack.push(Frame::Replaced(op));
                }
            },
            Frame::Wait(pids) => self.wait_jobs(task, pids),
            Frame::Filter(filter) => self.feed(task, *filter, io),
            Frame::Gather(argv, text) => self.gather(task, argv, text, false, io),
            Frame::GatherRun(argv, text) => self.gather(task, argv, text, true, io),
            Frame::Read(argv) => self.read_line(task, argv, io),
            Frame::Follow(path, seen) => self.follow(task, path, seen, io),
            Frame::Timeout(child, op, code) => self.timeout(task, child, op, code),
            Frame::Endless(text) => {
                let full = self.full(task);
                if !full && self.write(task, 1, &text, io).is_err() {
                    task.ended = Some(141);
                    return;
                }
                task.waiting = full;
                task.stack.push(Frame::Endless(text));
            }
            Frame::Grow(bytes) if bytes < GROW_LIMIT => {
                self.effects.push(Effect::Memory(bytes));
                task.stack.push(Frame::Grow(bytes.saturating_mul(2)));
                let op = self.begin(task.number, false);
                self.effects.push(Effect::Sleep(op, GROW_PERIOD));
                task.stack.push(Frame::Op(op));
            }
            Frame::Grow(_) => {
                self.effects.push(Effect::Memory(0));
                self.complain(task, "tail: out of memory", io);
                task.status = 1;
            }
            other => {
                task.waiting = true;
                task.stack.push(other);
            }
        }
    }

    /// The stack is empty: read the next line or end.
    fn bottom(&mut self, task: &mut Task, io: &mut Io<'_>) {
        if task.number != MAIN || !self.interactive || task.exiting.is_some() {
            self.leave(task, task.exiting.unwrap_or(task.status));
            return;
        }
        match self.next_line() {
            Some(Ok(list)) => task.stack.push(Frame::List(list, 0)),
            Some(Err(message)) => {
                self.complain(task, &format!("sh: {message}"), io);
                task.status = 2;
            }
            None if self.typed.ended => self.leave(task, task.status),
            None => task.waiting = true,
        }
    }

    /// End a task, after its EXIT trap.
    pub(super) fn leave(&mut self, task: &mut Task, code: u8) {
        while let Some(frame) = task.stack.pop() {
            self.drop_frame(task, frame);
        }
        match task.traps.remove(&0).filter(|text| !text.is_empty()) {
            Some(text) => {
                task.exiting = Some(code);
                task.status = code;
                task.load(&text);
            }
            None => task.ended = Some(code),
        }
    }

    /// Run a trap if a signal waits and the task is between two commands.
    fn start_trap(&mut self, task: &mut Task) -> bool {
        let between = !matches!(
            task.stack.last(),
            Some(
                Frame::Op(_)
                    | Frame::Tasks(_)
                    | Frame::Capture(_)
                    | Frame::Wait(_)
                    | Frame::Timeout(..)
                    | Frame::Run(..)
                    | Frame::Argv(_)
                    | Frame::Filter(_)
                    | Frame::Gather(..)
                    | Frame::GatherRun(..)
                    | Frame::Follow(..)
                    | Frame::Restore(_)
                    | Frame::Variables(_)
            )
        );
        if !between {
            return false;
        }
        let Some(signal) = task.pending.pop_front() else { return false };
        if let Some(text) = task.traps.get(&signal).cloned() {
            task.stack.push(Frame::Trap(task.status));
            task.load(&text);
        }
        true
    }

    /// Undo what a frame would have undone.
    pub(super) fn drop_frame(&mut self, task: &mut Task, frame: Frame) {
        match frame {
            Frame::Restore(fds) => {
                let old = std::mem::replace(&mut task.fds, fds);
                self.close_all(&old);
            }
            Frame::Variables(saved) => restore_vars(task, saved),
            Frame::Call(args, locals) => {
                task.args = args;
                restore_vars(task, locals);
            }
            Frame::Capture(pipe) => {
                self.pipes.remove(&pipe);
            }
            Frame::Tasks(children) => {
                for child in children {
                    self.kill_task(child, 130);
                }
            }
            Frame::Timeout(child, op, _) => {
                self.kill_task(child, 130);
                self.cancel(op);
            }
            Frame::Op(op) | Frame::Replaced(op) => self.cancel(op),
            Frame::List(..)
            | Frame::Chain(..)
            | Frame::Negate
            | Frame::Run(..)
            | Frame::Argv(_)
            | Frame::If(..)
            | Frame::LoopTest(_)
            | Frame::LoopBody(_)
            | Frame::For(..)
            | Frame::Source
            | Frame::Trap(_)
            | Frame::Wait(_)
            | Frame::Filter(_)
            | Frame::Gather(..)
            | Frame::GatherRun(..)
            | Frame::Read(_)
            | Frame::Follow(..)
            | Frame::Endless(_)
            | Frame::Grow(_)
            | Frame::Forever => {}
        }
    }

    fn list(&mut self, task: &mut Task, list: Arc<List>, at: usize, io: &mut Io<'_>) {
        let Some(item) = list.items.get(at).cloned() else { return };
        task.stack.push(Frame::List(list, at + 1));
        if !item.background {
            task.stack.push(Frame::Chain(item.chain, 0, 0));
            return;
        }
        let mut fds = task.fds.clone();
        if !self.interactive || task.number != MAIN {
            fds.insert(0, Fd::Null);
        }
        let frames = vec![Frame::Chain(item.chain, 0, 0)];
        match self.spawn(task, frames, fds, io) {
            Some((number, pid)) => {
                task.jobs.insert(pid, number);
                task.background = Some(pid);
                task.status = 0;
            }
            None => task.status = 2,
        }
    }

    fn pipeline(&mut self, task: &mut Task, pipeline: &Pipeline, io: &mut Io<'_>) {
        if pipeline.negated {
            task.stack.push(Frame::Negate);
        }
        if let [only] = pipeline.stages.as_slice() {
            task.stack.push(Frame::Run(only.clone(), Vec::new()));
            return;
        }
        let mut children = Vec::new();
        let mut input: Option<u32> = None;
        let last = pipeline.stages.len() - 1;
        for (at, node) in pipeline.stages.iter().enumerate() {
            let mut fds = task.fds.clone();
            if let Some(pipe) = input.take() {
                fds.insert(0, Fd::Reader(pipe));
            }
            if at < last {
                let pipe = self.new_pipe("");
                fds.insert(1, Fd::Writer(pipe));
                input = Some(pipe);
            }
            let frames = vec![Frame::Run(node.clone(), Vec::new())];
            match self.spawn(task, frames, fds, io) {
                Some((number, _)) => {
                    let simple = matches!(node.command, Command::Simple { .. });
                    if let Some(child) = self.tasks.get_mut(&number) {
                        child.stage = simple && at > 0;
                    }
                    children.push(number);
                }
                None => task.status = 2,
            }
        }
        task.stack.push(Frame::Tasks(children));
    }

    /// A new task that shares the descriptors given; its number and process number.
    pub(super) fn spawn(
        &mut self,
        parent: &Task,
        frames: Vec<Frame>,
        fds: Fds,
        io: &mut Io<'_>,
    ) -> Option<(u32, u32)> {
        let limit = usize::try_from(io.facts.pids_limit).unwrap_or(0);
        // The main task is out of the table while it runs.
        let running = self.tasks.len() + 1;
        if running > MAX_TASKS || (limit > 0 && running >= limit) {
            self.complain(parent, "sh: can't fork: Resource temporarily unavailable", io);
            return None;
        }
        self.counter += 1;
        let number = self.counter;
        let mut child = parent.clone();
        child.number = number;
        child.parent = Some(parent.number);
        child.pid = self.pid.saturating_add(number);
        child.traps.retain(|_, text| text.is_empty());
        child.pending.clear();
        child.jobs.clear();
        child.quiet = parent.tested();
        child.stack = frames;
        child.stage = false;
        child.exiting = None;
        child.waiting = false;
        for fd in fds.values() {
            self.hold(fd);
        }
        child.fds = fds;
        let pid = child.pid;
        self.tasks.insert(number, child);
        self.ready.push_back(number);
        Some((number, pid))
    }

    pub(super) fn new_pipe(&mut self, text: &str) -> u32 {
        self.counter += 1;
        let pipe = Pipe { text: text.to_owned(), readers: 0, writers: 0 };
        self.pipes.insert(self.counter, pipe);
        self.counter
    }

    fn hold(&mut self, fd: &Fd) {
        match fd {
            Fd::Reader(id) => {
                if let Some(pipe) = self.pipes.get_mut(id) {
                    pipe.readers += 1;
                }
            }
            Fd::Writer(id) => {
                if let Some(pipe) = self.pipes.get_mut(id) {
                    pipe.writers += 1;
                }
            }
            Fd::Input | Fd::Out | Fd::Err | Fd::Null | Fd::Zeros | Fd::File(_) => {}
        }
    }

    fn release(&mut self, fd: &Fd) {
        let (id, reading) = match fd {
            Fd::Reader(id) => (id, true),
            Fd::Writer(id) => (id, false),
            Fd::Input | Fd::Out | Fd::Err | Fd::Null | Fd::Zeros | Fd::File(_) => return,
        };
        let Some(pipe) = self.pipes.get_mut(id) else { return };
        if reading {
            pipe.readers = pipe.readers.saturating_sub(1);
        } else {
            pipe.writers = pipe.writers.saturating_sub(1);
        }
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.remove(id);
        }
        self.wake_all();
    }

    pub(super) fn close_all(&mut self, fds: &Fds) {
        for fd in fds.values() {
            self.release(fd);
        }
    }

    fn set_fd(&mut self, task: &mut Task, number: u32, fd: Fd) {
        self.hold(&fd);
        if let Some(old) = task.fds.insert(number, fd) {
            self.release(&old);
        }
    }

    /// A line on a task's standard error.
    pub(super) fn complain(&mut self, task: &Task, message: &str, io: &mut Io<'_>) {
        let _ = self.write(task, 2, &format!("{message}\n"), io);
    }

    /// Expand something of a command. `None`: it has to wait for a substitution, or failed.
    fn expand<T>(
        &mut self,
        task: &mut Task,
        node: &Arc<Node>,
        results: Vec<String>,
        io: &mut Io<'_>,
        work: impl FnOnce(&mut Scope<'_>) -> Result<T, Halt>,
    ) -> Option<T> {
        let flags = task.options.letters();
        let mut scope = Scope {
            vars: &task.vars,
            args: &task.args,
            zero: &task.zero,
            status: task.status,
            pid: self.pid,
            background: task.background,
            flags: &flags,
            strict: task.options.has('u'),
            globbing: !task.options.has('f'),
            cwd: &task.cwd,
            files: &*io.files,
            results: &results,
            used: 0,
            assigned: Vec::new(),
        };
        let outcome = work(&mut scope);
        let assigned = std::mem::take(&mut scope.assigned);
        match outcome {
            Ok(value) => {
                for (name, value) in assigned {
                    task.set_var(&name, &value);
                }
                Some(value)
            }
            Err(Halt::Run(list)) => {
                let pipe = self.new_pipe("");
                if let Some(pipe) = self.pipes.get_mut(&pipe) {
                    pipe.readers = 1;
                }
                task.stack.push(Frame::Run(node.clone(), results));
                task.stack.push(Frame::Capture(pipe));
                let mut fds = task.fds.clone();
                fds.insert(1, Fd::Writer(pipe));
                let child = self.spawn(task, vec![Frame::List(list, 0)], fds, io);
                task.stack.push(Frame::Tasks(child.iter().map(|(n, _)| *n).collect()));
                None
            }
            Err(Halt::Fail(message)) => {
                self.complain(task, &format!("sh: {message}"), io);
                task.status = 2;
                if task.number == MAIN && self.interactive {
                    while let Some(frame) = task.stack.pop() {
                        self.drop_frame(task, frame);
                    }
                } else {
                    self.leave(task, 2);
                }
                None
            }
        }
    }

    fn run_node(
        &mut self,
        task: &mut Task,
        node: &Arc<Node>,
        results: Vec<String>,
        io: &mut Io<'_>,
    ) {
        if self.full(task) {
            task.waiting = true;
            task.stack.push(Frame::Run(node.clone(), results));
            return;
        }
        let substituted = !results.is_empty();
        let expanded = self.expand(task, node, results, io, |scope| {
            let mut redirects = Vec::new();
            let (mut words, mut assigns) = (Vec::new(), Vec::new());
            match &node.command {
                Command::Simple { words: list, assigns: sets } => {
                    words = scope.fields(list)?;
                    for (name, word) in sets {
                        let value = scope.text(word)?;
                        scope.assigned.push((name.clone(), value.clone()));
                        assigns.push((name.clone(), value));
                    }
                    // They become the command's own unless there is no command.
                    if !words.is_empty() {
                        scope.assigned.clear();
                    }
                }
                Command::For { words: Some(list), .. } => words = scope.fields(list)?,
                Command::For { words: None, .. } => words = scope.args.to_vec(),
                Command::Case(subject, arms) => {
                    words.push(scope.text(subject)?);
                    for (patterns, _) in arms {
                        for pattern in patterns {
                            words.push(scope.pattern(pattern)?);
                        }
                    }
                }
                Command::Test(list) => {
                    for word in list {
                        words.push(scope.text(word)?);
                        assigns.push((String::new(), scope.pattern(word).unwrap_or_default()));
                    }
                }
                Command::Subshell(_)
                | Command::Group(_)
                | Command::If(..)
                | Command::Loop { .. }
                | Command::Function(..) => {}
            }
            for redirect in &node.redirects {
                redirects.push((redirect.fd, redirect.how, scope.text(&redirect.target)?));
            }
            Ok((words, assigns, redirects))
        });
        let Some((words, assigns, redirects)) = expanded else { return };
        let exec = words.first().is_some_and(|w| w == "exec");
        let permanent = exec && matches!(node.command, Command::Simple { .. });
        if !redirects.is_empty() && !permanent {
            let saved = task.fds.clone();
            saved.values().for_each(|fd| self.hold(fd));
            task.stack.push(Frame::Restore(saved));
        }
        for (fd, how, target) in &redirects {
            if let Err(message) = self.redirect(task, *fd, *how, target, io) {
                self.complain(task, &format!("sh: {message}"), io);
                task.status = 1;
                return;
            }
        }
        task.reads = task.stage || redirects.iter().any(|(fd, ..)| *fd == 0);
        match &node.command {
            Command::Simple { .. } => self.simple(task, words, assigns, substituted, io),
            command => self.compound(task, node, command, &words, &assigns, io),
        }
    }

    fn simple(
        &mut self,
        task: &mut Task,
        words: Vec<String>,
        assigns: Vec<(String, String)>,
        substituted: bool,
        io: &mut Io<'_>,
    ) {
        if task.options.has('x') {
            let sets = assigns.iter().map(|(name, value)| format!("{name}={value}"));
            let line: Vec<String> = sets.chain(words.iter().cloned()).collect();
            self.complain(task, &format!("+ {}", line.join(" ")), io);
        }
        if words.is_empty() {
            if !substituted {
                task.status = 0;
            }
            for (name, value) in assigns {
                if !task.set_var(&name, &value) {
                    self.complain(task, &format!("sh: {name}: is read only"), io);
                    self.leave(task, 2);
                    return;
                }
            }
            return;
        }
        if !assigns.is_empty() {
            let mut saved = Vec::new();
            for (name, value) in assigns {
                saved.push((name.clone(), task.vars.get(&name).cloned()));
                let value = Some(value.as_str().into());
                task.vars.edit().insert(name, Var { value, exported: true, readonly: false });
            }
            task.stack.push(Frame::Variables(saved));
        }
        task.stack.push(Frame::Argv(words));
    }

    fn compound(
        &mut self,
        task: &mut Task,
        node: &Arc<Node>,
        command: &Command,
        words: &[String],
        patterns: &[(String, String)],
        io: &mut Io<'_>,
    ) {
        match command {
            Command::Simple { .. } => {}
            Command::Subshell(list) => {
                let fds = task.fds.clone();
                let child = self.spawn(task, vec![Frame::List(list.clone(), 0)], fds, io);
                task.stack.push(Frame::Tasks(child.iter().map(|(n, _)| *n).collect()));
            }
            Command::Group(list) => task.stack.push(Frame::List(list.clone(), 0)),
            Command::If(arms, _) => {
                task.stack.push(Frame::If(node.clone(), 0));
                if let Some((test, _)) = arms.first() {
                    task.stack.push(Frame::List(test.clone(), 0));
                }
            }
            Command::Loop { test, .. } => {
                task.stack.push(Frame::LoopTest(node.clone()));
                task.stack.push(Frame::List(test.clone(), 0));
            }
            Command::For { .. } => {
                task.status = 0;
                task.stack.push(Frame::For(node.clone(), words.into(), 0));
            }
            Command::Case(_, arms) => {
                task.status = 0;
                let mut patterns = words.iter().skip(1);
                let subject = words.first().map_or("", String::as_str);
                for (list, body) in arms {
                    let arm: Vec<&String> = patterns.by_ref().take(list.len()).collect();
                    if arm.iter().any(|p| crate::posix::pattern::matches(p, subject)) {
                        task.stack.push(Frame::List(body.clone(), 0));
                        break;
                    }
                }
            }
            Command::Function(name, body) => {
                task.functions.edit().insert(name.clone(), body.clone());
                task.status = 0;
            }
            Command::Test(_) => {
                let patterns: Vec<&str> = patterns.iter().map(|(_, p)| p.as_str()).collect();
                let files = &*io.files;
                task.status = crate::posix::test::extended(words, &patterns, files, &task.cwd);
            }
        }
    }

    fn after_test(&mut self, task: &mut Task, node: &Arc<Node>, arm: usize) {
        let Command::If(arms, other) = &node.command else { return };
        if task.status == 0 {
            if let Some((_, body)) = arms.get(arm) {
                task.stack.push(Frame::List(body.clone(), 0));
            }
            return;
        }
        task.status = 0;
        match (arms.get(arm + 1), other) {
            (Some((test, _)), _) => {
                task.stack.push(Frame::If(node.clone(), arm + 1));
                task.stack.push(Frame::List(test.clone(), 0));
            }
            (None, Some(body)) => task.stack.push(Frame::List(body.clone(), 0)),
            (None, None) => {}
        }
    }

    fn loop_test(&mut self, task: &mut Task, node: &Arc<Node>) {
        let Command::Loop { until, body, .. } = &node.command else { return };
        if (task.status == 0) == *until {
            task.status = 0;
            return;
        }
        task.stack.push(Frame::LoopBody(node.clone()));
        task.stack.push(Frame::List(body.clone(), 0));
    }

    fn loop_body(&mut self, task: &mut Task, node: &Arc<Node>) {
        let Command::Loop { test, .. } = &node.command else { return };
        task.stack.push(Frame::LoopTest(node.clone()));
        task.stack.push(Frame::List(test.clone(), 0));
    }

    fn redirect(
        &mut self,
        task: &mut Task,
        fd: u32,
        how: How,
        target: &str,
        io: &mut Io<'_>,
    ) -> Result<(), String> {
        let opened = match how {
            How::Duplicate if target == "-" => {
                if let Some(old) = task.fds.remove(&fd) {
                    self.release(&old);
                }
                return Ok(());
            }
            How::Duplicate => {
                let from = target.parse::<u32>().ok().and_then(|n| task.fds.get(&n).cloned());
                from.ok_or_else(|| format!("{target}: bad file descriptor"))?
            }
            How::Text => Fd::Reader(self.new_pipe(target)),
            How::Read => self.open_read(task, target, io)?,
            How::Write | How::Append | How::Both | How::WriteAll => {
                self.open_write(task, target, how == How::Write || how == How::WriteAll, io)?
            }
        };
        if how == How::WriteAll {
            self.set_fd(task, 2, opened.clone());
        }
        self.set_fd(task, fd, opened);
        Ok(())
    }

    fn open_read(&mut self, task: &Task, target: &str, io: &Io<'_>) -> Result<Fd, String> {
        let path = normal(&task.cwd, target);
        if let Some(fd) = device(task, &path) {
            return Ok(fd);
        }
        match io.files.read(&path) {
            Ok(text) => Ok(Fd::Reader(self.new_pipe(&text))),
            Err(crate::posix::FsError::NotFound) => {
                Err(format!("can't open {target}: no such file"))
            }
            Err(error) => Err(format!("can't open {target}: {error}")),
        }
    }

    fn open_write(
        &self,
        task: &Task,
        target: &str,
        truncate: bool,
        io: &mut Io<'_>,
    ) -> Result<Fd, String> {
        let path = normal(&task.cwd, target);
        if let Some(fd) = device(task, &path) {
            return Ok(fd);
        }
        let made = if truncate {
            io.files.write(&path, "", io.now)
        } else {
            io.files.append(&path, "", io.now)
        };
        match made {
            Ok(()) => Ok(Fd::File(path.as_str().into())),
            Err(crate::posix::FsError::NotFound) => {
                Err(format!("can't create {target}: nonexistent directory"))
            }
            Err(error) => Err(format!("can't create {target}: {error}")),
        }
    }

    /// Whether the pipe that a task writes to is full.
    fn full(&self, task: &Task) -> bool {
        match task.fds.get(&1) {
            Some(Fd::Writer(id)) => {
                self.pipes.get(id).is_some_and(|p| p.text.len() > PIPE_SIZE && p.writers > 0)
                    && self.tasks.values().any(|t| t.fds.get(&0) == Some(&Fd::Reader(*id)))
            }
            Some(_) | None => false,
        }
    }

    /// Take what a task's input holds now.
    pub(super) fn input(&mut self, task: &Task, line: bool) -> Input {
        let (text, ended) = match task.fds.get(&0) {
            Some(Fd::Reader(id)) => match self.pipes.get_mut(id) {
                Some(pipe) => (&mut pipe.text, pipe.writers == 0),
                None => return Input::End,
            },
            Some(Fd::Input) => (&mut self.typed.text, self.typed.ended),
            Some(Fd::Zeros) => return Input::Zeros,
            Some(Fd::Out | Fd::Err | Fd::Null | Fd::Writer(_) | Fd::File(_)) | None => {
                return Input::End;
            }
        };
        if text.is_empty() {
            return if ended { Input::End } else { Input::Wait };
        }
        let end = match text.find('\n') {
            Some(at) if line => at + 1,
            None if line && !ended => return Input::Wait,
            Some(_) | None => text.len(),
        };
        let taken: String = text.drain(..end).collect();
        if matches!(task.fds.get(&0), Some(Fd::Reader(_))) {
            self.wake_all();
        }
        Input::Text(taken)
    }

    fn feed(&mut self, task: &mut Task, mut filter: Filter, io: &mut Io<'_>) {
        let text = match self.input(task, false) {
            Input::Wait => {
                task.waiting = true;
                task.stack.push(Frame::Filter(Box::new(filter)));
                return;
            }
            Input::Zeros => {
                task.status = 1;
                return;
            }
            Input::Text(text) => Some(text),
            Input::End => None,
        };
        let mut call = Call::new(task, &[], "", io);
        let finished = match &text {
            Some(text) => filter.feed(text, &mut call),
            None => true,
        };
        if finished {
            task.status = filter.finish(&mut call);
        }
        let (out, err) = (call.out, call.err);
        self.pour(task, &out, &err, io);
        if !finished && !task.broken {
            task.stack.push(Frame::Filter(Box::new(filter)));
        }
    }

    /// Write the output of a tool.
    fn pour(&mut self, task: &mut Task, out: &str, err: &str, io: &mut Io<'_>) {
        let _ = self.write(task, 2, err, io);
        if self.write(task, 1, out, io).is_err() {
            task.broken = true;
        }
    }

    fn gather(
        &mut self,
        task: &mut Task,
        argv: Vec<String>,
        mut text: String,
        external: bool,
        io: &mut Io<'_>,
    ) {
        match self.input(task, false) {
            // A program that never gets to the end of its input still begins to read.
            Input::Text(more) if !external || text.len() + more.len() < PIPE_SIZE * 16 => {
                text.push_str(&more);
                task.stack.push(if external {
                    Frame::GatherRun(argv, text)
                } else {
                    Frame::Gather(argv, text)
                });
            }
            Input::Wait => {
                task.waiting = true;
                task.stack.push(if external {
                    Frame::GatherRun(argv, text)
                } else {
                    Frame::Gather(argv, text)
                });
            }
            Input::Zeros if !external => task.stack.push(Frame::Grow(1 << 24)),
            Input::End | Input::Zeros | Input::Text(_) if external => {
                self.external(task, argv, Some(text));
            }
            Input::End | Input::Zeros | Input::Text(_) => self.applet(task, &argv, &text, io),
        }
    }

    /// Run a tool with all its input.
    pub(super) fn applet(
        &mut self,
        task: &mut Task,
        argv: &[String],
        input: &str,
        io: &mut Io<'_>,
    ) {
        if self.with_input(task, argv, input, io) {
            return;
        }
        let Some(tool) = argv.first().and_then(|name| applets::find(name)) else { return };
        let mut call = Call::new(task, argv, input, io);
        let status = (tool.run)(&mut call);
        let (out, err) = (call.out, call.err);
        task.status = status;
        self.pour(task, &out, &err, io);
    }

    /// Let a command leave the shell.
    pub(super) fn external(&mut self, task: &mut Task, argv: Vec<String>, stdin: Option<String>) {
        let replaces = task.number == MAIN && self.replaceable && task.last_command();
        let op = self.begin(task.number, true);
        let env = task.environment();
        let stdin = match task.fds.get(&0) {
            Some(Fd::Null) if stdin.is_none() => Some(String::new()),
            _ => stdin,
        };
        let direct = task.fds.get(&1) == Some(&Fd::Out);
        let cwd = task.cwd.to_string();
        self.effects.push(Effect::Run(op, Program { argv, env, cwd, stdin, direct, replaces }));
        task.stack.push(if replaces { Frame::Replaced(op) } else { Frame::Op(op) });
    }

    fn follow(&mut self, task: &mut Task, path: String, seen: usize, io: &mut Io<'_>) {
        let text = io.files.read(&path).unwrap_or_default();
        let seen = if text.len() < seen { 0 } else { seen };
        let fresh = text.get(seen..).unwrap_or("").to_owned();
        self.pour(task, &fresh, "", io);
        task.stack.push(Frame::Follow(path, text.len()));
        let op = self.begin(task.number, false);
        self.effects.push(Effect::Sleep(op, FOLLOW_PERIOD));
        task.stack.push(Frame::Op(op));
    }

    fn timeout(&mut self, task: &mut Task, child: u32, op: crate::posix::TaskId, code: u8) {
        if let Some(status) = self.done.remove(&child) {
            self.cancel(op);
            task.status = if code == 0 { status } else { code };
            return;
        }
        let mut code = code;
        if self.results.remove(&op).is_some() {
            // coreutils' code for a command that ran out of time.
            code = 124;
            self.kill_task(child, 143);
        }
        task.waiting = true;
        task.stack.push(Frame::Timeout(child, op, code));
    }
}

fn restore_vars(task: &mut Task, saved: Vec<(String, Option<Var>)>) {
    let vars = task.vars.edit();
    for (name, var) in saved.into_iter().rev() {
        match var {
            Some(var) => vars.insert(name, var),
            None => vars.remove(&name),
        };
    }
}

/// What a path of a device opens.
fn device(task: &Task, path: &str) -> Option<Fd> {
    match path {
        "/dev/null" => Some(Fd::Null),
        "/dev/zero" | "/dev/urandom" | "/dev/random" => Some(Fd::Zeros),
        "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" => task.fds.get(&0).cloned(),
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => task.fds.get(&1).cloned(),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => task.fds.get(&2).cloned(),
        "/dev/tty" | "/proc/1/fd/1" => Some(Fd::Out),
        "/proc/1/fd/2" => Some(Fd::Err),
        _ => None,
    }
}
