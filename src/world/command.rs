//! What a learner can do to a world. Nothing else changes it but time.

use serde::{Deserialize, Serialize};

use crate::base::time::SimDuration;
use crate::engine::fault::FaultKind;

/// A command of the learner; the log of commands replays a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Type a line into a terminal and press Enter.
    Type {
        /// The terminal.
        terminal: u32,
        /// The line, without its end.
        line: String,
    },
    /// Press Ctrl-C in a terminal.
    Interrupt {
        /// The terminal.
        terminal: u32,
    },
    /// End of input (Ctrl-D) in a terminal.
    EndOfInput {
        /// The terminal.
        terminal: u32,
    },
    /// Open a terminal on a machine.
    Open {
        /// Its number.
        terminal: u32,
        /// The machine on which it sits.
        host: String,
        /// Whether there is a screen; if not, its shell's input and output are pipes.
        #[serde(default = "yes")]
        tty: bool,
    },
    /// Run a text as a shell script of its own and collect what it prints.
    Script {
        /// The machine.
        host: String,
        /// The working directory.
        cwd: String,
        /// The script.
        text: String,
        /// Whether its output goes to a terminal.
        tty: bool,
    },
    /// Send a signal to a script.
    Signal {
        /// The number that the script got.
        run: u32,
        /// The signal's number.
        signal: u8,
    },
    /// Write a file of the learner.
    Write {
        /// The machine on which it lies.
        host: String,
        /// Absolute path.
        path: String,
        /// The content.
        text: String,
    },
    /// Remove a file of the learner.
    Remove {
        /// The machine on which it lies.
        host: String,
        /// Absolute path.
        path: String,
    },
    /// Break something.
    Break {
        /// What.
        kind: FaultKind,
        /// Where.
        target: String,
        /// For how long; `None` until mended.
        lasting: Option<SimDuration>,
    },
    /// Mend what was broken.
    Mend {
        /// What.
        kind: FaultKind,
        /// Where.
        target: String,
    },
    /// Do something to a machine or its daemon.
    Host {
        /// The machine.
        host: String,
        /// What.
        action: HostAction,
    },
    /// Let a client send requests at a steady rate; a rate of 0 stops it.
    Load {
        /// Name of the client.
        name: String,
        /// Where to: `http://web:80/`, `http://node-1:30080/`.
        url: String,
        /// From which machine; empty for a client outside.
        from: String,
        /// Requests per second, in thousandths.
        rate_milli: u32,
    },
}

const fn yes() -> bool {
    true
}

/// What can be done to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostAction {
    /// Cut the power: all processes end at once.
    PowerOff,
    /// Boot it.
    Boot,
    /// Stop the container daemon in an orderly way (SIGTERM): dockerd, or the kubelet.
    StopDaemon,
    /// Kill only the daemon (SIGKILL).
    KillDaemon,
    /// Start the daemon.
    StartDaemon,
    /// Freeze the daemon (SIGSTOP).
    PauseDaemon,
    /// Let a frozen daemon go on (SIGCONT).
    ResumeDaemon,
    /// Pull the network cable.
    LinkDown,
    /// Plug it in again.
    LinkUp,
}
