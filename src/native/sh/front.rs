//! Where lines come from: an editor at a terminal, a pipe, a text.
//!
//! Each waits in a thread of its own, so that simulated time goes on while nothing is typed. The
//! editor is only asked for a line when one is wanted: for a command line with history and
//! completion, for the input of a program as the terminal gives it.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter as _, Helper};

use crate::native::console::is_complete;

/// The prompt before a line that goes on.
const CONTINUATION: &str = "> ";
/// How often a read that may be given up looks whether it is.
const LOOK_MS: u16 = 50;
/// Lines of a pipe that are read ahead.
const AHEAD: usize = 16;

/// What comes from a front.
#[derive(Debug)]
pub(super) enum Event {
    /// A line, or a block of lines at an editor's prompt.
    Line(String),
    /// The end of input.
    End,
    /// Ctrl-C at the prompt.
    Interrupted,
    /// A read was given up.
    GivenUp,
    /// What could stand at the end of this text?
    Complete(String, SyncSender<(usize, Vec<String>)>),
}

/// What an editor is asked for.
enum Ask {
    /// A command line, behind a prompt.
    Command(String),
    /// A line of input for a program.
    Input,
}

/// What prints above the line that is being edited.
type Printer = Box<dyn FnMut(String) -> io::Result<()>>;

/// Where lines come from.
pub(super) struct Front {
    events: Receiver<Event>,
    /// An editor waits to be asked.
    asks: Option<Sender<Ask>>,
    /// Command lines that are there already.
    script: Option<VecDeque<String>>,
    give_up: Arc<AtomicBool>,
    printer: Option<Printer>,
}

impl Front {
    /// Standard input, which is no terminal.
    pub(super) fn pipe() -> Result<Self> {
        let (sender, events) = sync_channel(AHEAD);
        spawn("pipe", move || {
            for line in io::stdin().lock().lines() {
                let event = line.map_or(Event::End, Event::Line);
                if sender.send(event).is_err() {
                    return;
                }
            }
            // Nobody may be left to hear it.
            let _ = sender.send(Event::End);
        })?;
        let give_up = Arc::default();
        Ok(Self { events, asks: None, script: None, give_up, printer: None })
    }

    /// A text; programs read standard input.
    pub(super) fn script(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::to_owned).collect();
        Ok(Self { script: Some(lines), ..Self::pipe()? })
    }

    /// The terminal of this program.
    pub(super) fn editor() -> Result<Self> {
        let (sender, events) = channel();
        let (asks, asked) = channel();
        let config = Config::builder().completion_type(CompletionType::List).build();
        let mut editor: Editor<Names, DefaultHistory> = Editor::with_config(config)?;
        editor.set_helper(Some(Names { events: sender.clone() }));
        let mut external = editor.create_external_printer()?;
        let give_up: Arc<AtomicBool> = Arc::default();
        let given_up = give_up.clone();
        spawn("editor", move || {
            while let Ok(ask) = asked.recv() {
                let event = match ask {
                    Ask::Command(prompt) => edit(&mut editor, &prompt),
                    Ask::Input => terminal_line(&given_up),
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
        })?;
        let print = move |text: String| external.print(text).map_err(io::Error::other);
        let printer: Option<Printer> = Some(Box::new(print));
        Ok(Self { events, asks: Some(asks), script: None, give_up, printer })
    }

    /// Whether someone sits there.
    pub(super) const fn is_editor(&self) -> bool {
        self.asks.is_some()
    }

    /// Want a command line; a text has it at once.
    pub(super) fn want_command(&mut self, prompt: &str) -> Option<Event> {
        if let Some(script) = &mut self.script {
            return Some(script.pop_front().map_or(Event::End, Event::Line));
        }
        self.ask(Ask::Command(prompt.to_owned()))
    }

    /// Want a line for a program.
    pub(super) fn want_input(&self) -> Option<Event> {
        self.give_up.store(false, Ordering::SeqCst);
        self.ask(Ask::Input)
    }

    /// The program that read is gone.
    pub(super) fn give_up(&self) {
        self.give_up.store(true, Ordering::SeqCst);
    }

    fn ask(&self, ask: Ask) -> Option<Event> {
        let gone = self.asks.as_ref().is_some_and(|asks| asks.send(ask).is_err());
        gone.then_some(Event::End)
    }

    /// The next event, waiting at most so long; for ever without a time.
    pub(super) fn next(&self, wait: Option<Duration>) -> Option<Event> {
        match wait {
            Some(wait) => match self.events.recv_timeout(wait) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Event::End),
            },
            None => Some(self.events.recv().unwrap_or(Event::End)),
        }
    }

    /// Print above the line that is being edited.
    pub(super) fn print(&mut self, text: &str) -> io::Result<()> {
        match &mut self.printer {
            Some(print) => print(text.to_owned()),
            None => io::stdout().write_all(text.as_bytes()),
        }
    }
}

/// Reading blocks; the world stays in one thread.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(|_| ()).context("a thread that reads")
}

/// A command line, and more of it as long as it is not whole.
fn edit(editor: &mut Editor<Names, DefaultHistory>, prompt: &str) -> Event {
    let mut block = String::new();
    loop {
        let sign = if block.is_empty() { prompt } else { CONTINUATION };
        match editor.readline(sign) {
            Ok(line) => {
                block.push_str(&line);
                if is_complete(&block) {
                    // A history that is full or refuses a line is no reason to stop.
                    let _ = editor.add_history_entry(&block);
                    return Event::Line(block);
                }
                block.push('\n');
            }
            Err(ReadlineError::Interrupted) => return Event::Interrupted,
            // As a shell: what was typed so far is run, and found unfinished.
            Err(ReadlineError::Eof) if !block.is_empty() => return Event::Line(block),
            Err(_) => return Event::End,
        }
    }
}

/// A line as the terminal gives it. Only what the terminal has is read, so that the editor finds
/// the rest.
fn terminal_line(given_up: &AtomicBool) -> Event {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        while !readable() {
            if given_up.load(Ordering::SeqCst) {
                return Event::GivenUp;
            }
        }
        // A terminal gives at most one line at a time.
        match io::stdin().lock().read(&mut part) {
            Ok(0) | Err(_) if text.is_empty() => return Event::End,
            Ok(0) | Err(_) => break,
            Ok(read) => text.extend_from_slice(part.get(..read).unwrap_or(&[])),
        }
        if text.ends_with(b"\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    Event::Line(text.trim_end_matches('\n').to_owned())
}

/// Whether something was typed, waiting a little for it.
#[cfg(unix)]
fn readable() -> bool {
    use nix::poll::{PollFd, PollFlags, poll};
    use std::os::fd::AsFd as _;
    let stdin = io::stdin();
    let mut wanted = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    poll(&mut wanted, LOOK_MS).is_ok_and(|ready| ready > 0)
}

/// Reading waits by itself here, also for a program that has gone.
#[cfg(not(unix))]
fn readable() -> bool {
    thread::sleep(Duration::from_millis(u64::from(LOOK_MS)));
    true
}

/// Asks the world what could stand at the end of a line.
struct Names {
    events: Sender<Event>,
}

impl Helper for Names {}
impl Highlighter for Names {}
impl Validator for Names {}

impl Hinter for Names {
    type Hint = String;
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let (sender, answer) = sync_channel(1);
        let text = line.get(..at).unwrap_or(line).to_owned();
        let asked = self.events.send(Event::Complete(text, sender)).is_ok();
        let answer = if asked { answer.recv().ok() } else { None };
        let (start, mut words) = answer.unwrap_or_default();
        if let [only] = words.as_mut_slice()
            && !only.ends_with('/')
        {
            only.push(' ');
        }
        Ok((start, words))
    }
}
