//! The shell as a resumable process: what wakes it, what it leaves behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::time::{SimDuration, SimTime};
use crate::posix::files::FileSystem;

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
}

/// What a shell leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Text.
    Output(Stream, String),
    /// Wake with [`Wake::Timer`] after a time.
    Sleep(TaskId, SimDuration),
    /// Run a command; answer with [`Wake::Output`] and one [`Wake::Finished`].
    Run(TaskId, Command),
    /// The sleep or command is no longer wanted (a command gets SIGTERM or SIGPIPE).
    Cancel(TaskId),
    /// Send a signal to a process that is not this shell's (`kill -TERM 1` from an exec'd shell;
    /// negative or -1 as in kill(2)).
    Kill(i64, u8),
    /// Processes of this shell now hold this much memory besides the shell itself, in bytes.
    Memory(u64),
    /// The shell ends with this code; nothing after this counts.
    Exit(u8),
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
    /// Other processes there (pid, user, command line), for `ps` and `pgrep`.
    pub processes: Arc<[(u32, Arc<str>, Arc<str>)]>,
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

/// A running shell.
#[derive(Clone, Debug)]
pub struct Process {}

impl Process {
    /// `sh -c text args…` (`args[0]` is `$0`).
    #[must_use]
    pub fn script(text: &str, args: &[String], env: BTreeMap<String, String>, cwd: &str) -> Self {
        let _ = (text, args, env, cwd);
        Self {}
    }
    /// One command without a shell around it, such as a container's `["sleep", "600"]`.
    #[must_use]
    pub fn command(argv: &[String], env: BTreeMap<String, String>, cwd: &str) -> Self {
        let _ = (argv, env, cwd);
        Self {}
    }
    /// A shell that reads lines from its input; with a terminal it prompts.
    #[must_use]
    pub fn interactive(env: BTreeMap<String, String>, cwd: &str) -> Self {
        let _ = (env, cwd);
        Self {}
    }
    /// Whether the name is a builtin or an applet, so that [`Process::command`] can run it itself.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        let _ = name;
        false
    }
    /// Go on until it waits or ends.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Vec<Effect> {
        let _ = (wake, io.now);
        Vec::new()
    }
    /// Whether an interactive shell waits for a line.
    #[must_use]
    pub const fn idle(&self) -> bool {
        true
    }
    /// Whether it computes without end (it waits only for its own turn), for CPU accounting.
    #[must_use]
    pub const fn busy(&self) -> bool {
        false
    }
    /// External commands in the foreground, which get the terminal's Ctrl-C.
    #[must_use]
    pub fn foreground(&self) -> Vec<TaskId> {
        Vec::new()
    }
    /// The working directory.
    #[must_use]
    pub fn cwd(&self) -> &str {
        "/"
    }
    /// Exported variables.
    #[must_use]
    pub fn env(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}
