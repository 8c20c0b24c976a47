//! States as a learner sees them: each has a colour class, a shape and a word.

use serde::Serialize;

/// The state of a pod or container on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum State {
    /// Waits for a node.
    Pending,
    /// Its image is being fetched.
    Pulling,
    /// Its containers are being made.
    Starting,
    /// Runs, but does not answer its readiness or health check yet.
    NotReady,
    /// Runs and is ready.
    Ready,
    /// Ended well.
    Done,
    /// Waits before the next try after a crash.
    BackOff,
    /// Ended badly.
    Failed,
    /// Was killed for memory.
    OutOfMemory,
    /// Is asked to end.
    Terminating,
    /// Is frozen.
    Paused,
    /// Its machine is silent: this is the last that is known.
    Unknown,
}

impl State {
    /// The class of its colour.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Pending | Self::Unknown | Self::Done => "wait",
            Self::Pulling | Self::Starting => "start",
            Self::NotReady | Self::Paused => "warn",
            Self::Ready => "ready",
            Self::BackOff | Self::Failed | Self::OutOfMemory => "fail",
            Self::Terminating => "term",
        }
    }

    /// Its shape, distinguishable without colour.
    #[must_use]
    pub const fn shape(self) -> &'static str {
        match self {
            Self::Pending => "◷",
            Self::Pulling => "◌",
            Self::Starting => "◔",
            Self::NotReady => "◐",
            Self::Ready => "●",
            Self::Done => "✓",
            Self::BackOff => "▲",
            Self::Failed => "✖",
            Self::OutOfMemory => "■",
            Self::Terminating => "◇",
            Self::Paused => "❚❚",
            Self::Unknown => "?",
        }
    }

    /// The text id of its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "state-pending",
            Self::Pulling => "state-pulling",
            Self::Starting => "state-starting",
            Self::NotReady => "state-not-ready",
            Self::Ready => "state-ready",
            Self::Done => "state-done",
            Self::BackOff => "state-back-off",
            Self::Failed => "state-failed",
            Self::OutOfMemory => "state-oom",
            Self::Terminating => "state-terminating",
            Self::Paused => "state-paused",
            Self::Unknown => "state-unknown",
        }
    }
}
