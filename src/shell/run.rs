//! One running shell: the interactive one of a terminal, or a script whose output is collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::time::SimTime;
use crate::docker::api::Request;
use crate::engine::trace::TraceId;
use crate::posix::{Facts, Process, TaskId};
use crate::shell::cause::Causes;
use crate::shell::job::Reading;
use crate::shell::tool::Tool;

/// Most bytes that a script's output may have.
pub const MAX_OUTPUT_BYTES: usize = 8 << 20;

/// Where the output of a run goes.
#[derive(Clone, Debug)]
pub enum Sink {
    /// To the screen of a terminal.
    Terminal(u32),
    /// Collected, for whoever asked.
    Collect {
        /// Standard output so far.
        stdout: String,
        /// Standard error so far.
        stderr: String,
    },
}

/// A tool that runs as a command of a shell.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The tool.
    pub tool: Tool,
    /// Exported variables.
    pub env: Arc<BTreeMap<String, String>>,
    /// Working directory.
    pub cwd: Arc<str>,
    /// What was piped into it.
    pub stdin: Option<Arc<str>>,
    /// Whether it writes to a terminal.
    pub tty: bool,
    /// Whether more may be typed while it runs.
    pub open: bool,
    /// When the last part of its input arrives at the daemon: the next one does not overtake it.
    pub fed: SimTime,
    /// The last ticket it took.
    pub tickets: u32,
    /// What causes what it asks.
    pub causes: Causes,
}

impl Slot {
    /// Whether it reads what is typed now.
    #[must_use]
    pub fn reading(&self) -> Reading {
        if self.stdin.is_some() || !self.open {
            return Reading::No;
        }
        self.tool.reading(self.tty)
    }
}

/// Whether a question is a part of a program's input.
#[must_use]
pub const fn is_input(question: &Request) -> bool {
    matches!(question, Request::ContainerStdin { .. } | Request::ExecStdin { .. })
}

/// A running shell.
#[derive(Clone, Debug)]
pub struct Run {
    /// The machine on which it runs; empty is the learner's own computer.
    pub host: Arc<str>,
    /// When it began.
    pub started: SimTime,
    /// The shell itself.
    pub process: Process,
    /// Facts that the shell sees.
    pub facts: Facts,
    /// Tools that it has started.
    pub slots: BTreeMap<TaskId, Slot>,
    /// Where output goes.
    pub sink: Sink,
    /// The last command line that was typed.
    pub typed: TraceId,
}

impl Run {
    /// The command in the foreground that gets what is typed now or later; if none reads, the last.
    #[must_use]
    pub fn reader(&self) -> Option<(TaskId, Reading)> {
        let tasks = self.process.foreground().into_iter().rev();
        let tools = tasks.filter_map(|task| Some((task, self.slots.get(&task)?.reading())));
        tools.min_by_key(|(_, reading)| *reading == Reading::No)
    }
}

/// A script that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FinishedRun {
    /// When it began.
    pub started: SimTime,
    /// When it ended.
    pub ended: SimTime,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code.
    pub exit: u8,
    /// Whether whoever waited gave up before.
    pub timed_out: bool,
}
