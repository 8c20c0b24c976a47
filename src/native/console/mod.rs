//! A world seen from one terminal, headless: blocks of shell text are typed, what they print is
//! collected, stream by stream.
//!
//! The shell is the interactive one of a terminal of the world, so that `cd`, variables, functions
//! and `$?` stay from block to block, and programs read what is typed while they run. Lines that
//! begin with `@` are no shell text: they do to the world what the page does with its mouse
//! ([`builtins`]).

pub mod block;
pub mod builtins;
pub mod faults;
pub mod objects;
mod run;

use std::collections::{BTreeMap, VecDeque};

use crate::base::time::{SimDuration, SimTime};
use crate::native::console::block::Statement;
use crate::shell::terminal::{Origin, Wants};
use crate::text::Catalogue;
use crate::view::{complete, map};
use crate::world::command::Command;
use crate::world::genesis::Genesis;
use crate::world::session::Session;
use crate::world::world::{Progress, World};

pub use crate::native::console::block::is_complete;
pub use crate::native::console::run::Ran;

/// Most events of one moment: a world that has more does not come to rest.
const MOMENT_EVENTS: u32 = 5_000_000;
/// How long a block may take that is run to its end: pulls and builds of large images take minutes.
const LIMIT: SimDuration = SimDuration::from_secs(3_600);
/// How much it may print.
const MOST: usize = 4 << 20;

/// Something that was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Whether it went to standard error.
    pub error: bool,
    /// The text, with its control sequences.
    pub text: String,
}

/// A world and a terminal in it.
#[derive(Clone, Debug)]
pub struct Console {
    session: Session,
    /// Whether the terminals have a screen.
    tty: bool,
    /// The terminal that is typed into.
    terminal: u32,
    /// The terminals by machine, with how much was taken of what each printed.
    terminals: BTreeMap<String, (u32, u64)>,
    /// What is still to be typed of the block.
    rest: VecDeque<Statement>,
    /// Whether the input of programs is at its end where the block is.
    closed: bool,
    /// Until when the block waits (`@wait`).
    until: Option<SimTime>,
    /// What was printed and not yet taken.
    printed: Vec<Printed>,
    prompt: String,
    /// Shells of the terminal that had ended when the block began.
    logouts: u32,
    /// The exit code of the last built-in, if nothing was typed since.
    own_exit: Option<u8>,
    /// How long a block may take that is run to its end.
    pub limit: SimDuration,
    /// Most bytes that a block may print that is run to its end.
    pub most: usize,
    /// The language of what is told about the world.
    pub lang: String,
}

impl Console {
    /// A new world and a shell on one of its machines, without a screen: programs print as into a
    /// pipe. An empty `host` is the learner's own computer, as beside a cluster.
    #[must_use]
    pub fn new(genesis: &Genesis, host: &str) -> Self {
        Self::of(Session::new(genesis.clone()), host, false)
    }

    /// A shell in a session; with `tty` it prompts, and programs print as on a screen.
    #[must_use]
    pub fn of(session: Session, host: &str, tty: bool) -> Self {
        let mut console = Self {
            session,
            tty,
            terminal: 0,
            terminals: BTreeMap::new(),
            rest: VecDeque::new(),
            closed: false,
            until: None,
            printed: Vec::new(),
            prompt: String::new(),
            logouts: 0,
            own_exit: None,
            limit: LIMIT,
            most: MOST,
            lang: "en".to_owned(),
        };
        console.go_to(host);
        console
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &World {
        self.session.head()
    }

    /// The world with its history.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The machine on which the shell is; empty is the learner's own computer.
    #[must_use]
    pub fn host(&self) -> &str {
        let found = self.world().shell().terminals().get(&self.terminal);
        found.map_or("", |terminal| &terminal.host)
    }

    /// Its working directory.
    #[must_use]
    pub fn cwd(&self) -> &str {
        self.world().shell().cwd(self.terminal).unwrap_or("/")
    }

    /// The last prompt of a shell with a screen.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// What the terminal waits for.
    #[must_use]
    pub fn wants(&self) -> Wants {
        self.world().shell().wants(self.terminal)
    }

    /// The exit code of what ran last, as `$?`; of the shell itself if it has ended.
    #[must_use]
    pub fn exit(&self) -> u8 {
        let shell = self.world().shell();
        let ended = shell.terminals().get(&self.terminal).filter(|t| t.logouts > self.logouts);
        let status = || ended.map_or_else(|| shell.status(self.terminal), |t| t.logout);
        self.own_exit.unwrap_or_else(status)
    }

    /// Whether the shell has ended since the block began (`exit`); a fresh one takes its place.
    #[must_use]
    pub fn logged_out(&self) -> bool {
        let found = self.world().shell().terminals().get(&self.terminal);
        found.is_some_and(|terminal| terminal.logouts > self.logouts)
    }

    /// Give the world a command, as the page does.
    pub fn execute(&mut self, command: Command) {
        if !self.session.execute(command) {
            self.complain("the session is full: no more commands are taken");
        }
    }

    /// Begin to type a block. With `closed`, programs that read find the end of input behind it.
    pub fn begin(&mut self, block: &str, closed: bool) {
        self.rest = block::statements(block).into();
        self.closed = closed;
        let found = self.world().shell().terminals().get(&self.terminal);
        self.logouts = found.map_or(0, |terminal| terminal.logouts);
        self.own_exit = None;
        self.feed();
    }

    /// Type a line for the program that runs; `None` is the end of input (Ctrl-D).
    pub fn enter(&mut self, line: Option<&str>) {
        let terminal = self.terminal;
        self.execute(match line {
            Some(line) => Command::Type { terminal, line: line.to_owned() },
            None => Command::EndOfInput { terminal },
        });
    }

    /// Press Ctrl-C: what runs gets SIGINT, what is still to be typed is forgotten.
    pub fn interrupt(&mut self) {
        self.rest.clear();
        self.until = None;
        self.execute(Command::Interrupt { terminal: self.terminal });
    }

    /// Whether the block has been typed and the shell waits for the next one.
    #[must_use]
    pub fn done(&self) -> bool {
        let waits = matches!(self.wants(), Wants::Command | Wants::More);
        self.rest.is_empty() && self.until.is_none() && waits
    }

    /// Let time pass until `to`, or until the block is done; returns whether it is.
    pub fn advance(&mut self, to: SimTime) -> bool {
        loop {
            self.feed();
            if self.done() {
                return true;
            }
            if self.world().now() >= to {
                return false;
            }
            self.go_on(to);
        }
    }

    /// Let time pass until `to`, whatever the shell does.
    pub fn pass(&mut self, to: SimTime) {
        while self.world().now() < to {
            self.go_on(to);
        }
        self.collect();
    }

    /// Whether the block waits for a time (`@wait`).
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.until.is_some()
    }

    /// What could stand at the end of a command line, and where in the line it begins.
    #[must_use]
    pub fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (before, word) = line.split_at(start);
        let known: Vec<&str> = before.split_whitespace().collect();
        let own = match (known.as_slice(), word.strip_prefix(block::MARK)) {
            ([], Some(name)) => Some((start + 1, name)),
            ([first, ..], _) if first.starts_with(block::MARK) => Some((start, word)),
            _ => None,
        };
        if let Some((start, word)) = own {
            let fits = builtins::words(&known).into_iter().filter(|name| name.starts_with(word));
            let found: Vec<String> = fits.map(str::to_owned).collect();
            if !found.is_empty() {
                return (start, found);
            }
        }
        let world = self.world();
        let names = complete::names(world, &map::map(world), self.host(), self.cwd());
        let (start, found) = complete::words(line, &names);
        (start, found.into_iter().map(str::to_owned).collect())
    }

    /// What was printed since this was last asked.
    pub fn take(&mut self) -> Vec<Printed> {
        self.collect();
        std::mem::take(&mut self.printed)
    }

    /// Go on to the next moment at which something happens, at most to `to`.
    fn go_on(&mut self, to: SimTime) {
        let now = self.world().now();
        let due = [self.until, self.world().next_at()].into_iter().flatten();
        let next = due.min().unwrap_or(to).clamp(now, to);
        if self.session.advance(next, MOMENT_EVENTS) == Progress::Budget {
            self.complain("the world does not come to rest; it is interrupted");
            self.interrupt();
        }
        self.collect();
    }

    /// Type as much of the block as is taken now.
    fn feed(&mut self) {
        loop {
            let now = self.world().now();
            if self.until.is_some_and(|until| now < until) {
                return;
            }
            self.until = None;
            self.collect();
            if self.logged_out() {
                self.rest.clear();
                return;
            }
            match self.wants() {
                Wants::Nothing => return,
                Wants::Input => match block::next_line(&mut self.rest) {
                    Some(line) => self.enter(Some(&line)),
                    None if self.closed => {
                        self.closed = false;
                        self.enter(None);
                        return;
                    }
                    None => return,
                },
                Wants::Command | Wants::More => match self.rest.pop_front() {
                    Some(Statement::Shell(text)) => {
                        self.own_exit = None;
                        self.enter(Some(&text));
                    }
                    Some(Statement::Builtin(line)) => self.own_exit = Some(self.builtin(&line)),
                    None => return,
                },
            }
        }
    }

    /// Fetch what the terminal has printed.
    fn collect(&mut self) {
        let number = self.terminal;
        let Some((_, seen)) = self.terminals.values_mut().find(|(n, _)| *n == number) else {
            return;
        };
        let Some(terminal) = self.session.head().shell().terminals().get(&number) else { return };
        for piece in terminal.tape.from(*seen) {
            let error = piece.origin == Origin::Err;
            match self.printed.last_mut() {
                _ if piece.origin == Origin::Prompt => self.prompt = piece.text.to_string(),
                Some(last) if last.error == error => last.text.push_str(&piece.text),
                _ => self.printed.push(Printed { error, text: piece.text.to_string() }),
            }
        }
        *seen = terminal.tape.len();
    }

    /// Go to the terminal of a machine; one is opened if there is none.
    fn go_to(&mut self, host: &str) {
        self.collect();
        if let Some((number, _)) = self.terminals.get(host) {
            self.terminal = *number;
        } else {
            let known = self.world().shell().terminals().keys().next_back();
            self.terminal = known.map_or(1, |last| last + 1);
            self.terminals.insert(host.to_owned(), (self.terminal, 0));
            let (terminal, tty) = (self.terminal, self.tty);
            self.execute(Command::Open { terminal, host: host.to_owned(), tty });
        }
        let found = self.world().shell().terminals().get(&self.terminal);
        self.logouts = found.map_or(0, |terminal| terminal.logouts);
        self.collect();
    }

    /// Print a text of our own.
    fn say(&mut self, text: &str) {
        self.printed.push(Printed { error: false, text: text.to_owned() });
    }

    /// Print a complaint of our own, as one line.
    fn complain(&mut self, text: &str) {
        self.printed.push(Printed { error: true, text: format!("drydock: {text}\n") });
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::new(&self.lang)
    }
}

#[cfg(test)]
mod tests;
