//! The loop of a terminal: lines in, time on, text out.
#![expect(clippy::disallowed_types, reason = "simulated time follows the clock on the wall")]

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::base::time::{SimDuration, SimTime};
use crate::native::console::{Console, Printed, is_complete};
use crate::native::sh::front::{Event, Front};
use crate::shell::terminal::Wants;

/// How often the world is looked at while it follows the clock.
const TICK: Duration = Duration::from_millis(20);
/// What is made up of a pause of this computer: a world that slept does not catch up hours.
const MAX_GAP: Duration = Duration::from_secs(2);
/// How far time goes at once where it does not follow the clock.
const STRIDE: SimDuration = SimDuration::from_secs(1);
/// How long a second of a program that reads takes there: someone types.
const PATIENCE: Duration = Duration::from_millis(200);
/// What shells show of a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// How simulated time goes.
enum Clock {
    /// As fast as it can.
    Fast,
    /// With the clock on the wall, which said this last.
    Wall(Instant),
}

/// Someone at a terminal of a world.
pub(super) struct Seat {
    console: Console,
    front: Front,
    clock: Clock,
    /// Ctrl-C was pressed.
    interrupted: Arc<AtomicBool>,
    /// Whether the cursor stands behind text of the last line.
    open_line: bool,
    /// Whether standard input is at its end.
    ended: bool,
    /// When a command that does not end is ended, where time goes as fast as it can.
    limit: Option<SimTime>,
    /// A line for the shell that was typed for a program.
    ahead: Option<String>,
    /// The code of Ctrl-C at the prompt, until something else runs.
    code: Option<u8>,
}

impl Seat {
    pub(super) fn new(console: Console, front: Front, fast: bool) -> Result<Self> {
        let interrupted: Arc<AtomicBool> = Arc::default();
        let pressed = interrupted.clone();
        ctrlc::set_handler(move || {
            // Who presses it again, because nothing came of it, wants out.
            if pressed.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        })?;
        let clock = if fast { Clock::Fast } else { Clock::Wall(Instant::now()) };
        Ok(Self {
            console,
            front,
            clock,
            interrupted,
            open_line: false,
            ended: false,
            limit: None,
            ahead: None,
            code: None,
        })
    }

    /// Until the end of input or `exit`; returns the exit code.
    pub(super) fn run(mut self) -> Result<u8> {
        let mut block = String::new();
        loop {
            match self.command()? {
                Event::Line(line) => {
                    block.push_str(&line);
                    if !self.front.is_editor() && !is_complete(&block) {
                        block.push('\n');
                        continue;
                    }
                    if !self.block(&std::mem::take(&mut block))? {
                        break;
                    }
                }
                Event::Interrupted => self.code = Some(INTERRUPTED),
                Event::End | Event::GivenUp | Event::Complete(..) => break,
            }
        }
        if !block.is_empty() {
            self.block(&block)?;
        }
        if self.front.is_editor() && !self.console.logged_out() {
            self.print(&[Printed { error: false, text: "exit\n".to_owned() }])?;
        }
        Ok(self.code.unwrap_or_else(|| self.console.exit()))
    }

    /// The next command line. Time goes on while it is waited for.
    fn command(&mut self) -> Result<Event> {
        if self.open_line && self.front.is_editor() {
            self.print(&[Printed { error: false, text: "\n".to_owned() }])?;
        }
        if let Some(line) = self.ahead.take() {
            return Ok(Event::Line(line));
        }
        let prompt = self.console.prompt().to_owned();
        if let Some(event) = self.front.want_command(&prompt) {
            return Ok(event);
        }
        if self.ended {
            return Ok(Event::End);
        }
        loop {
            let wait = matches!(self.clock, Clock::Wall(_)).then_some(TICK);
            match self.front.next(wait) {
                Some(Event::Complete(text, answer)) => {
                    // Who asked may have gone on.
                    let _ = answer.send(self.console.complete(&text));
                }
                Some(event) => return Ok(event),
                None => {
                    let goal = self.goal();
                    self.console.pass(goal);
                    let printed = self.console.take();
                    if self.front.is_editor() {
                        for part in printed {
                            self.front.print(&part.text)?;
                        }
                    } else {
                        self.print(&printed)?;
                    }
                }
            }
            if !self.front.is_editor() && self.interrupted.load(Ordering::SeqCst) {
                self.code = Some(INTERRUPTED);
                return Ok(Event::End);
            }
        }
    }

    /// Run a block to its end; `false` if the shell has ended with it.
    fn block(&mut self, text: &str) -> Result<bool> {
        if text.trim().is_empty() {
            return Ok(true);
        }
        self.code = None;
        self.interrupted.store(false, Ordering::SeqCst);
        self.limit = Some(self.console.world().now() + self.console.limit);
        self.console.begin(text, false);
        let mut reading = false;
        while !self.go_on()? {
            reading = self.feed(reading);
        }
        if reading && self.front.is_editor() {
            self.stop_reading();
        }
        Ok(!self.console.logged_out())
    }

    /// Let time pass and print; returns whether the block is done.
    fn go_on(&mut self) -> Result<bool> {
        let goal = self.goal();
        let done = self.console.advance(goal);
        let printed = self.console.take();
        self.print(&printed)?;
        if done && self.console.wants() == Wants::More {
            // The text ends here, as a script would.
            self.console.enter(None);
            return Ok(false);
        }
        if self.interrupted.swap(false, Ordering::SeqCst) {
            self.console.interrupt();
        }
        let now = self.console.world().now();
        if matches!(self.clock, Clock::Fast) && self.limit.is_some_and(|limit| now >= limit) {
            // Nobody could wait for the end of what has none.
            if !self.console.waits() {
                self.limit = None;
                self.console.interrupt();
            }
        }
        Ok(done)
    }

    /// Give the program what is typed for it, if it reads; returns whether a line is waited for.
    fn feed(&mut self, reading: bool) -> bool {
        let fast = matches!(self.clock, Clock::Fast);
        let reads = self.console.wants() == Wants::Input && !self.ended;
        if !reading && !reads {
            if !fast {
                std::thread::sleep(TICK);
            }
            return false;
        }
        if !reading {
            self.front.want_input();
        }
        match self.front.next(Some(if fast { PATIENCE } else { TICK })) {
            Some(Event::Line(line)) => {
                self.open_line = false;
                self.console.enter(Some(&line));
                false
            }
            Some(Event::End) => {
                self.ended |= !self.front.is_editor();
                self.console.enter(None);
                false
            }
            Some(Event::GivenUp | Event::Interrupted | Event::Complete(..)) => false,
            None => true,
        }
    }

    /// The program that read is gone; what was typed for it meanwhile is for the shell.
    fn stop_reading(&mut self) {
        self.front.give_up();
        if let Some(Event::Line(line)) = self.front.next(None) {
            self.ahead = Some(line);
        }
    }

    /// Where simulated time should be by now.
    fn goal(&mut self) -> SimTime {
        let now = self.console.world().now();
        match &mut self.clock {
            Clock::Fast => now + STRIDE,
            Clock::Wall(last) => {
                let this = Instant::now();
                let gone = (this - *last).min(MAX_GAP);
                *last = this;
                now + SimDuration(u64::try_from(gone.as_micros()).unwrap_or(0))
            }
        }
    }

    /// Print what the world printed, stream by stream.
    fn print(&mut self, printed: &[Printed]) -> io::Result<()> {
        for part in printed {
            if part.error {
                io::stderr().write_all(part.text.as_bytes())?;
            } else {
                io::stdout().write_all(part.text.as_bytes())?;
            }
            self.open_line = !part.text.ends_with('\n');
        }
        io::stdout().flush()
    }
}
