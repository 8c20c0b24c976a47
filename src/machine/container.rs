//! The state of one container.

use std::sync::Arc;

use crate::base::shelf::Seq;
use crate::base::time::SimTime;
use crate::machine::ids::Stream;
use crate::machine::spec::ContainerSpec;

/// Lines of log kept per container.
pub const MAX_LOG_LINES: usize = 4096;

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Never ran, or its start failed.
    Created,
    /// Its main process runs.
    Running,
    /// Frozen.
    Paused,
    /// Its main process ended.
    Exited,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: SimTime,
    /// To which stream.
    pub stream: Stream,
    /// Text without the line end.
    pub text: Arc<str>,
    /// Whether no line end followed (yet).
    pub partial: bool,
    /// Which run of the container wrote it, from 1.
    pub run: u32,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// What was asked for, with the image's environment and command filled in.
    pub spec: Arc<ContainerSpec>,
    /// State.
    pub state: State,
    /// When made.
    pub created: SimTime,
    /// Start of the latest run.
    pub started: Option<SimTime>,
    /// End of the latest run.
    pub finished: Option<SimTime>,
    /// Exit code of the latest run.
    pub exit_code: u8,
    /// Whether the kernel killed the latest run for memory.
    pub oom: bool,
    /// Runs so far.
    pub run: u32,
    /// The log of all runs.
    pub log: Seq<LogLine>,
    /// The catalogue does not know the image.
    pub assumed: bool,
}
