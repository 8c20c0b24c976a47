//! One thread of a shell: the main one, a subshell, a stage of a pipeline. Its stack of frames is
//! a value, so that it can stop anywhere and be cloned.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::shelf::Shelf;
use crate::base::time::SimDuration;
use crate::posix::ast::{Chain, List, Node};
use crate::posix::expand::{Var, Vars};
use crate::posix::filter::Filter;
use crate::posix::parse::{ParseError, parse};
use crate::posix::process::{MAIN, TaskId};

/// What a file descriptor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fd {
    /// The shell's standard input.
    Input,
    /// The shell's standard output.
    Out,
    /// The shell's standard error.
    Err,
    /// Nothing: `/dev/null`.
    Null,
    /// Endless zero bytes: `/dev/zero`.
    Zeros,
    /// The reading end of a pipe, also of an opened file or a here-document.
    Reader(u32),
    /// The writing end of a pipe.
    Writer(u32),
    /// A file that is written at its end.
    File(Arc<str>),
}

/// Descriptors by number.
pub(super) type Fds = BTreeMap<u32, Fd>;

/// Text on its way between tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipe {
    pub(super) text: String,
    pub(super) readers: u32,
    pub(super) writers: u32,
}

/// A command with a limit of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Its task.
    pub(super) child: u32,
    /// The clock that runs.
    pub(super) clock: TaskId,
    /// What is sent when it rings.
    pub(super) signal: u8,
    /// How much later SIGKILL follows (`-k`).
    pub(super) kill_after: Option<SimDuration>,
    /// Whether the command's own code counts (`--preserve-status`).
    pub(super) preserve: bool,
    /// Whether it rang.
    pub(super) rang: bool,
}

/// What a task has still to do.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// The rest of a list.
    List(Arc<List>, usize),
    /// The rest of a chain: the next link and the last one that ran.
    Chain(Arc<Chain>, usize, usize),
    /// Turn the status round.
    Negate,
    /// Run a command, with the results of its substitutions so far.
    Run(Arc<Node>, Vec<String>),
    /// Run expanded words.
    Argv(Vec<String>),
    /// Give the descriptors back.
    Restore(Fds),
    /// Give variables back that were set for one command.
    Variables(Vec<(String, Option<Var>)>),
    /// After the test of an arm of `if`.
    If(Arc<Node>, usize),
    /// After the test of a loop.
    LoopTest(Arc<Node>),
    /// After the body of a loop.
    LoopBody(Arc<Node>),
    /// The rest of a `for`.
    For(Arc<Node>, Arc<[String]>, usize),
    /// The end of a function: the caller's arguments and variables.
    Call(Vec<String>, Vec<(String, Option<Var>)>),
    /// The end of a sourced file.
    Source,
    /// The end of a trap: the status before it.
    Trap(u8),
    /// Wait for tasks; the last one's code counts. The flag says that it is a substitution.
    Tasks(Vec<u32>),
    /// Take the result of a substitution from this pipe.
    Capture(u32),
    /// Wait for a sleep or an external command.
    Op(TaskId),
    /// The same, and its code ends the task.
    Replaced(TaskId),
    /// `wait` for these process numbers; none means all.
    Wait(Vec<u32>),
    /// A filter that reads its input piece by piece.
    Filter(Box<Filter>),
    /// A tool that needs its whole input first, gathered so far.
    Gather(Vec<String>, String),
    /// An external command that needs its whole input first.
    GatherRun(Vec<String>, String),
    /// `read`.
    Read(Vec<String>),
    /// `tail -f`: the file and how much of it was shown.
    Follow(String, usize),
    /// `timeout`.
    Timeout(Box<Limit>),
    /// `yes`.
    Endless(String),
    /// Memory that grows without end.
    Grow(u64),
    /// Never goes on.
    Forever,
}

impl Frame {
    /// Whether nothing is left to do here.
    #[expect(clippy::wildcard_enum_match_arm, reason = "any other frame has something left to do")]
    pub(super) fn over(&self) -> bool {
        match self {
            Self::List(list, at) => *at >= list.items.len(),
            Self::Chain(chain, at, _) => *at >= chain.links.len(),
            _ => false,
        }
    }
}

/// Options of `set`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(u8);

impl Options {
    const LETTERS: &'static [u8] = b"eunxf";

    /// Whether an option is on.
    pub(super) fn has(self, letter: char) -> bool {
        Self::bit(letter).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Switch an option; false if there is none of this letter.
    pub(super) fn set(&mut self, letter: char, on: bool) -> bool {
        let Some(bit) = Self::bit(letter) else { return false };
        if on {
            self.0 |= bit;
        } else {
            self.0 &= !bit;
        }
        true
    }

    fn bit(letter: char) -> Option<u8> {
        Self::LETTERS.iter().position(|l| char::from(*l) == letter).map(|at| 1 << at)
    }

    /// The letters of the options that are on.
    pub(super) fn letters(self) -> String {
        Self::LETTERS.iter().map(|l| char::from(*l)).filter(|l| self.has(*l)).collect()
    }
}

/// One thread of a shell.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) number: u32,
    pub(super) parent: Option<u32>,
    pub(super) pid: u32,
    pub(super) vars: Vars,
    pub(super) functions: Shelf<String, Arc<Node>>,
    pub(super) args: Vec<String>,
    pub(super) zero: Arc<str>,
    pub(super) cwd: Arc<str>,
    pub(super) options: Options,
    pub(super) traps: BTreeMap<u8, Arc<str>>,
    pub(super) pending: VecDeque<u8>,
    pub(super) status: u8,
    pub(super) background: Option<u32>,
    /// Background tasks by process number.
    pub(super) jobs: BTreeMap<u32, u32>,
    pub(super) stack: Vec<Frame>,
    pub(super) fds: Fds,
    /// Whether it waits for something to change.
    pub(super) waiting: bool,
    /// The code with which it ended.
    pub(super) ended: Option<u8>,
    /// The code with which it will end after its EXIT trap.
    pub(super) exiting: Option<u8>,
    /// Whether `set -e` does not count here.
    pub(super) quiet: bool,
    /// Whether its reader went away.
    pub(super) broken: bool,
    /// Whether it is one simple command of a pipeline, so that the command reads the pipe.
    pub(super) stage: bool,
    /// Whether the command that runs now reads the input it was given.
    pub(super) reads: bool,
    /// A program that could not be read.
    pub(super) error: Option<String>,
}

impl Task {
    /// The main task.
    pub(super) fn main(env: BTreeMap<String, String>, cwd: &str) -> Self {
        let mut vars = Vars::default();
        let edit = vars.edit();
        for (name, value) in env {
            let value = Some(value.as_str().into());
            edit.insert(name, Var { value, exported: true, readonly: false });
        }
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        edit.entry("PATH".to_owned()).or_insert_with(|| Var {
            value: Some(path.into()),
            exported: false,
            readonly: false,
        });
        edit.insert(
            "PWD".to_owned(),
            Var { value: Some(cwd.into()), exported: true, readonly: false },
        );
        Self {
            number: MAIN,
            parent: None,
            pid: 0,
            vars,
            functions: Shelf::default(),
            args: Vec::new(),
            zero: "sh".into(),
            cwd: cwd.into(),
            options: Options::default(),
            traps: BTreeMap::new(),
            pending: VecDeque::new(),
            status: 0,
            background: None,
            jobs: BTreeMap::new(),
            stack: Vec::new(),
            fds: BTreeMap::from([(0, Fd::Input), (1, Fd::Out), (2, Fd::Err)]),
            waiting: false,
            ended: None,
            exiting: None,
            quiet: false,
            broken: false,
            stage: false,
            reads: false,
            error: None,
        }
    }

    /// Put a program on the stack.
    pub(super) fn load(&mut self, text: &str) {
        match parse(text) {
            Ok(list) => self.stack.push(Frame::List(list, 0)),
            Err(ParseError { message, .. }) => self.error = Some(message),
        }
    }

    /// The text of a variable.
    pub(super) fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name)?.value.as_deref().map(str::to_owned)
    }

    /// Set a variable; false if it is read-only.
    pub(super) fn set_var(&mut self, name: &str, value: &str) -> bool {
        if self.vars.get(name).is_some_and(|v| v.readonly) {
            return false;
        }
        let fresh = Var { value: None, exported: false, readonly: false };
        let var = self.vars.edit().entry(name.to_owned()).or_insert(fresh);
        var.value = Some(value.into());
        true
    }

    /// Exported variables.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let exported = self.vars.iter().filter(|(_, var)| var.exported);
        exported
            .filter_map(|(name, var)| Some((name.clone(), var.value.as_deref()?.to_owned())))
            .collect()
    }

    /// Whether a failure here does not end a `set -e` shell: it is being tested.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these frames test")]
    pub(super) fn tested(&self) -> bool {
        self.quiet
            || self.stack.iter().any(|frame| match frame {
                Frame::If(..) | Frame::LoopTest(_) | Frame::Negate => true,
                Frame::Chain(chain, next, _) => *next < chain.links.len(),
                _ => false,
            })
    }

    /// Whether nothing is left to do after what runs now.
    pub(super) fn last_command(&self) -> bool {
        self.traps.is_empty() && self.jobs.is_empty() && self.stack.iter().all(Frame::over)
    }
}
