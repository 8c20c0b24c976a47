//! Blocks that are run to their end, in as little real time as it takes.

use crate::base::time::SimDuration;
use crate::native::console::{Console, Printed};
use crate::world::command::Command;

/// How often the limits are looked at.
const SLICE: SimDuration = SimDuration::from_secs(1);
/// How long a command may take to end after Ctrl-C; `docker compose up` gives containers 10 s.
const GRACE: SimDuration = SimDuration::from_secs(30);
/// The signal that nothing survives.
const SIGKILL: u8 = 9;

/// What a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code of the last command, `$?`.
    pub exit: i32,
}

impl Ran {
    fn add(&mut self, printed: Vec<Printed>) {
        for part in printed {
            let stream = if part.error { &mut self.stderr } else { &mut self.stdout };
            stream.push_str(&part.text);
        }
    }
}

impl Console {
    /// Run a block to its end. Commands that do not end get Ctrl-C after [`Console::limit`] of
    /// simulated time or [`Console::most`] bytes, and standard error says so.
    pub fn run(&mut self, block: &str) -> Ran {
        let mut ran = Ran::default();
        self.begin(block, true);
        if !self.finish(self.limit, &mut ran) {
            self.interrupt();
            if !self.finish(GRACE, &mut ran) {
                if let Some(run) = self.world().shell().run_of(self.terminal) {
                    self.execute(Command::Signal { run, signal: SIGKILL });
                }
                self.finish(GRACE, &mut ran);
            }
            self.complain("interrupted: it would not end");
        } else if self.wants() == crate::shell::terminal::Wants::More {
            // Here the text ends, as a script would.
            self.enter(None);
            self.finish(GRACE, &mut ran);
        }
        ran.add(self.take());
        ran.exit = i32::from(self.exit());
        ran
    }

    /// Let the block come to its end within a time; returns whether it did.
    fn finish(&mut self, time: SimDuration, ran: &mut Ran) -> bool {
        let mut end = self.world().now() + time;
        loop {
            let now = self.world().now();
            // A wait that was asked for is not what the limit is for.
            end = self.until.map_or(end, |until| end.max(until + time));
            let done = self.advance((now + SLICE).min(end));
            ran.add(self.take());
            let flooded = ran.stdout.len() + ran.stderr.len() > self.most;
            if done || flooded || self.world().now() >= end {
                return done;
            }
        }
    }
}
