//! Drives one world from outside: runs scripts to their end, lets time pass, watches.

use crate::base::time::{SimDuration, SimTime};
use crate::world::command::Command;
use crate::world::genesis::Genesis;
use crate::world::world::{FinishedRun, Progress, World};

/// How finely time passes while something is waited for.
const SLICE: SimDuration = SimDuration::from_millis(20);
/// Most events of one slice; more means that the world does not come to rest.
const SLICE_EVENTS: u32 = 5_000_000;

/// A world and whoever watches it.
pub struct Driver<W> {
    /// The world.
    pub world: World,
    /// Called after every slice of time.
    pub watch: W,
}

impl<W: FnMut(&World)> Driver<W> {
    /// A driver of a new world.
    pub fn new(genesis: &Genesis, watch: W) -> Self {
        Self { world: World::new(genesis), watch }
    }

    /// Let time pass until a moment.
    pub fn advance(&mut self, to: SimTime) {
        while self.world.now() < to {
            self.slice(to);
        }
    }

    fn slice(&mut self, to: SimTime) {
        let next = (self.world.now() + SLICE).min(to);
        while self.world.run_until(next, SLICE_EVENTS) == Progress::Budget {}
        (self.watch)(&self.world);
    }

    /// Start a script; returns its number.
    pub fn start(&mut self, host: &str, cwd: &str, text: &str, tty: bool) -> u32 {
        let run = self.world.next_run();
        self.world.execute(Command::Script {
            host: host.to_owned(),
            cwd: cwd.to_owned(),
            text: text.to_owned(),
            tty,
        });
        run
    }

    /// Run a script to its end, at most until `deadline`.
    pub fn script(
        &mut self,
        host: &str,
        cwd: &str,
        text: &str,
        tty: bool,
        deadline: SimTime,
    ) -> Option<FinishedRun> {
        let run = self.start(host, cwd, text, tty);
        self.finish(run, deadline)
    }

    /// Wait for the end of a script, at most until `deadline`.
    pub fn finish(&mut self, run: u32, deadline: SimTime) -> Option<FinishedRun> {
        loop {
            if let Some(finished) = self.world.finished(run) {
                return Some(finished.clone());
            }
            if self.world.now() >= deadline {
                return None;
            }
            self.slice(deadline);
        }
    }
}
