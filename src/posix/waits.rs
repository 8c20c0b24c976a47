//! Frames that wait: for input, for other tasks, for time, for external commands.

use crate::base::time::SimDuration;
use crate::posix::applets::{self, Call};
use crate::posix::fds::Input;
use crate::posix::filter::Filter;
use crate::posix::process::{Command as Program, Effect, Io, MAIN, PIPE_SIZE, Process};
use crate::posix::task::{Fd, Frame, Limit, Task};

/// How often `tail -f` looks at its file, as coreutils.
const FOLLOW_PERIOD: SimDuration = SimDuration(1_000_000);
/// How often and from what size a growing program takes more memory; it doubles each time.
const GROW_PERIOD: SimDuration = SimDuration(20_000);
const GROW_LIMIT: u64 = 1 << 36;

impl Process {
    /// Frames that wait for something.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest are done in one step and never get here"
    )]
    pub(super) fn wait_frame(&mut self, task: &mut Task, frame: Frame, io: &mut Io<'_>) {
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
            Frame::Timeout(limit) => self.timeout(task, *limit),
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

    fn timeout(&mut self, task: &mut Task, mut limit: Limit) {
        if let Some(status) = self.done.remove(&limit.child) {
            self.cancel(limit.clock);
            // coreutils' code for a command that ran out of time.
            task.status = if limit.rang && !limit.preserve { 124 } else { status };
            return;
        }
        if self.results.remove(&limit.clock).is_some() {
            limit.rang = true;
            self.signal_task(limit.child, limit.signal);
            if let Some(after) = limit.kill_after.take() {
                limit.signal = 9;
                limit.clock = self.begin(task.number, false);
                self.effects.push(Effect::Sleep(limit.clock, after));
            }
        }
        task.waiting = true;
        task.stack.push(Frame::Timeout(Box::new(limit)));
    }
}
