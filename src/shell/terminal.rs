//! What stands on the screen of a terminal: a bounded list of lines that understands the few
//! control sequences which the tools print.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::ledger::{Reading, Roll};
use crate::base::mixer;
use crate::base::time::SimTime;
use crate::shell::tape::Tape;

/// Lines kept of one terminal.
pub const MAX_LINES: usize = 5_000;
/// Longest line kept, in characters.
const MAX_LINE_CHARS: usize = 20_000;

/// A terminal of the learner.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// The run of its interactive shell.
    pub run: u32,
    /// The machine on which it sits.
    pub host: Arc<str>,
    /// What stands on it.
    pub screen: Screen,
    /// What was written to it, stream by stream.
    pub tape: Tape,
    /// Shells of it that have ended; a fresh one follows each.
    pub logouts: u32,
    /// The exit code of the last one that ended.
    pub logout: u8,
    /// Lines, and ends of input, typed while nothing read them: who reads next gets them.
    pub(super) ahead: VecDeque<Option<String>>,
}

/// What a terminal waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// A command line.
    Command,
    /// The rest of a command line.
    More,
    /// Input of the program that runs.
    Input,
    /// Nothing that could be typed: a command runs.
    Nothing,
}

impl Terminal {
    /// A terminal whose shell is a run.
    #[must_use]
    pub fn new(run: u32, host: &str) -> Self {
        Self {
            run,
            host: host.into(),
            screen: Screen::default(),
            tape: Tape::default(),
            logouts: 0,
            logout: 0,
            ahead: VecDeque::new(),
        }
    }

    /// Something is written to it.
    pub fn write(&mut self, at: SimTime, origin: Origin, text: &str) {
        self.screen.write(at, origin, text);
        self.tape.write(at, origin, text);
    }

    /// A line, or a block of lines, is typed into it.
    pub fn typed(&mut self, at: SimTime, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.screen.write(at, Origin::Prompt, CONTINUATION);
            }
            self.screen.typed(at, line);
        }
    }
}

/// The prompt before a line that goes on, as shells print it (`PS2`).
const CONTINUATION: &str = "> ";

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The prompt with what the learner typed.
    Prompt,
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line of a screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// When it was begun.
    pub at: SimTime,
    /// Who wrote it.
    pub origin: Origin,
    /// Its text, without line end.
    pub text: Arc<str>,
}

/// The screen of one terminal.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    done: Roll<Line>,
    /// The last lines, which may still be rewritten.
    open: Vec<Line>,
    unfinished: bool,
}

/// Lines at the end that a progress display may rewrite.
const OPEN_LINES: usize = 200;

impl Screen {
    /// Write text as it comes.
    pub fn write(&mut self, at: SimTime, origin: Origin, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = self.control(rest) {
                rest = after;
                continue;
            }
            let end = rest
                .char_indices()
                .find(|(i, c)| *c == '\n' || *c == '\r' || (*c == '\u{1b}' && *i > 0))
                .map_or(rest.len(), |(i, _)| i);
            let (part, after) = rest.split_at(end);
            if !part.is_empty() {
                self.append(at, origin, part);
            }
            rest = match after.chars().next() {
                Some('\n') => {
                    self.newline(at, origin);
                    after.get(1..).unwrap_or("")
                }
                Some('\r') => {
                    let tail = after.get(1..).unwrap_or("");
                    if !tail.starts_with('\n') {
                        self.carriage_return();
                    }
                    tail
                }
                _ => after,
            };
        }
    }

    /// A line that was typed: it stands behind the prompt, if one does.
    pub fn typed(&mut self, at: SimTime, text: &str) {
        self.append(at, Origin::Prompt, text);
        if let Some(line) = self.open.last_mut() {
            line.origin = Origin::Prompt;
        }
        self.newline(at, Origin::Prompt);
    }

    /// Forget everything (`clear`).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The lines, oldest first, from a number on; numbers count from the first line ever.
    pub fn lines_from(&self, first: u64) -> impl DoubleEndedIterator<Item = &Line> {
        self.done.iter_from(first).chain(self.open.iter())
    }

    /// All lines kept.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines_from(0)
    }

    /// The digest of what stands on it.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        mixer::of(&(self.done.digest(reading), &self.open, self.unfinished))
    }

    /// Whether the last line has no end yet (a prompt of a program).
    #[must_use]
    pub const fn unfinished(&self) -> bool {
        self.unfinished
    }

    fn append(&mut self, at: SimTime, origin: Origin, part: &str) {
        if !self.unfinished {
            self.open.push(Line { at, origin, text: "".into() });
            self.unfinished = true;
        }
        if let Some(line) = self.open.last_mut()
            && line.text.len() < MAX_LINE_CHARS
        {
            line.text = format!("{}{part}", line.text).into();
        }
        self.settle();
    }

    fn newline(&mut self, at: SimTime, origin: Origin) {
        if !self.unfinished {
            self.open.push(Line { at, origin, text: "".into() });
            self.settle();
        }
        self.unfinished = false;
    }

    fn carriage_return(&mut self) {
        if let Some(line) = self.open.last_mut()
            && self.unfinished
        {
            line.text = "".into();
        }
    }

    /// A control sequence at the start of a text: what follows it.
    fn control<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let body = text.strip_prefix("\u{1b}[")?;
        let end = body.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = body.split_at(end);
        let count: usize = number.parse().unwrap_or(1);
        match tail.chars().next() {
            // Cursor up: the lines below are about to be written again.
            Some('A') => {
                if self.unfinished {
                    self.open.pop();
                    self.unfinished = false;
                }
                let keep = self.open.len().saturating_sub(count);
                self.open.truncate(keep);
            }
            Some('J') if number == "2" => self.clear(),
            _ => {}
        }
        tail.get(1..)
    }

    fn settle(&mut self) {
        let surplus = self.open.len().saturating_sub(OPEN_LINES);
        for line in self.open.drain(..surplus) {
            self.done.push(line);
        }
        self.done.trim(MAX_LINES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(screen: &Screen) -> Vec<&str> {
        screen.lines().map(|l| &*l.text).collect()
    }

    #[test]
    fn parts_join_into_lines() {
        let mut screen = Screen::default();
        screen.write(SimTime(1), Origin::Out, "a");
        screen.write(SimTime(2), Origin::Out, "b\nc\r\nd");
        assert_eq!(shown(&screen), ["ab", "c", "d"]);
        assert!(screen.unfinished());
        screen.typed(SimTime(3), " ls");
        assert_eq!(shown(&screen), ["ab", "c", "d ls"]);
    }

    #[test]
    fn progress_is_rewritten() {
        let mut screen = Screen::default();
        screen.write(SimTime(1), Origin::Out, "x\n1 a\n2 b\n");
        screen.write(SimTime(2), Origin::Out, "\u{1b}[2A\u{1b}[J1 A\n2 B\n");
        assert_eq!(shown(&screen), ["x", "1 A", "2 B"]);
        screen.write(SimTime(3), Origin::Out, "10%\r20%\n");
        assert_eq!(shown(&screen).last(), Some(&"20%"));
    }

    #[test]
    fn old_lines_are_dropped() {
        let mut screen = Screen::default();
        for _ in 0..20_000 {
            screen.write(SimTime(1), Origin::Out, "x\n");
        }
        assert!(screen.lines().count() < MAX_LINES + 1_000);
    }
}
