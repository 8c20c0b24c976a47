//! One step of a task: take a frame from its stack and do what it says.

use std::sync::Arc;

use crate::posix::ast::{Command, How, List, Node, Pipeline, When};
use crate::posix::expand::{Halt, Scope, Var};
use crate::posix::process::{Io, MAIN, MAX_TASKS, Process};
use crate::posix::task::{Fd, Fds, Frame, Task};

/// Deepest stack of a task (endless recursion of functions).
const MAX_STACK: usize = 3_000;

impl Process {
    /// Do the next thing of a task.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are frames that wait")]
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
        if Self::start_trap(task) {
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
                self.drop_frame(task, frame);
            }
            Frame::Trap(status) => task.status = status,
            Frame::If(node, arm) => Self::after_test(task, &node, arm),
            Frame::LoopTest(node) => Self::loop_test(task, &node),
            Frame::LoopBody(node) => Self::loop_body(task, &node),
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
    fn start_trap(task: &mut Task) -> bool {
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
            Frame::Timeout(limit) => {
                self.kill_task(limit.child, 130);
                self.cancel(limit.clock);
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
            None => self.leave(task, 2),
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
                None => {
                    for child in children {
                        self.kill_task(child, 143);
                    }
                    self.leave(task, 2);
                    return;
                }
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

    /// A line on a task's standard error.
    pub(super) fn complain(&mut self, task: &Task, message: &str, io: &mut Io<'_>) {
        // ash names itself as it was called, and a line, which is always 0 here.
        let line = match message.strip_prefix("sh: ") {
            Some(rest) if self.interactive => format!("sh: {rest}\n"),
            Some(rest) => format!("{}: line 0: {rest}\n", task.zero),
            None => format!("{message}\n"),
        };
        let _ = self.write(task, 2, &line, io);
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
        let expanded = self.expand(task, node, results, io, |scope| expanded(scope, node));
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
            command @ (Command::Subshell(_)
            | Command::Group(_)
            | Command::If(..)
            | Command::Loop { .. }
            | Command::For { .. }
            | Command::Case(..)
            | Command::Function(..)
            | Command::Test(_)) => self.compound(task, node, command, &words, &assigns, io),
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

    fn after_test(task: &mut Task, node: &Arc<Node>, arm: usize) {
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

    fn loop_test(task: &mut Task, node: &Arc<Node>) {
        let Command::Loop { until, body, .. } = &node.command else { return };
        if (task.status == 0) == *until {
            task.status = 0;
            return;
        }
        task.stack.push(Frame::LoopBody(node.clone()));
        task.stack.push(Frame::List(body.clone(), 0));
    }

    fn loop_body(task: &mut Task, node: &Arc<Node>) {
        let Command::Loop { test, .. } = &node.command else { return };
        task.stack.push(Frame::LoopTest(node.clone()));
        task.stack.push(Frame::List(test.clone(), 0));
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

/// The words, assignments and redirections of a command after expansion.
type Expanded = (Vec<String>, Vec<(String, String)>, Vec<(u32, How, String)>);

/// Expand what a command is made of.
fn expanded(scope: &mut Scope<'_>, node: &Node) -> Result<Expanded, Halt> {
    let mut redirects = Vec::new();
    let (mut words, mut assigns) = (Vec::new(), Vec::new());
    match &node.command {
        Command::Simple { words: list, assigns: sets } => {
            words = scope.fields(list)?;
            let before = scope.assigned.len();
            for (name, word) in sets {
                let value = scope.text(word)?;
                scope.assigned.push((name.clone(), value.clone()));
                assigns.push((name.clone(), value));
            }
            // They become the command's own unless there is no command.
            if !words.is_empty() {
                scope.assigned.truncate(before);
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
}
