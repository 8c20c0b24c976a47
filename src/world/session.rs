//! A session: the log of commands is the truth, checkpoints are a cache.
//!
//! Log entries are placed by step count *and* time: with time alone two commands in one instant
//! would replay with events between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::SimTime;
use crate::world::command::Command;
use crate::world::digest::Parts;
use crate::world::genesis::Genesis;
use crate::world::world::{Progress, World};

/// Steps between checkpoints.
pub const CHECKPOINT_STEPS: u64 = 1_000;
/// Most checkpoints kept; older ones are thinned out.
pub const MAX_CHECKPOINTS: usize = 96;
/// Most commands of one session.
pub const MAX_LOG: usize = 100_000;

/// A place in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Events that had happened.
    pub steps: u64,
    /// The time.
    pub at: SimTime,
}

/// A command with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// When it was given.
    pub moment: Moment,
    /// What was given.
    pub command: Command,
}

/// A world with its history.
#[derive(Clone, Debug)]
pub struct Session {
    genesis: Genesis,
    log: Vec<Logged>,
    checkpoints: BTreeMap<Place, Checkpoint>,
    /// Checkpoints ever taken.
    taken: u64,
    head: World,
}

/// A place among the checkpoints: log entries applied, steps done.
pub type Place = (usize, u64);

/// A world that is kept.
#[derive(Clone, Debug)]
struct Checkpoint {
    world: World,
    /// Its digest, to find where two sessions part.
    parts: Parts,
}

impl Checkpoint {
    fn of(world: &mut World) -> Self {
        world.settle();
        Self { world: world.clone(), parts: world.digest_parts() }
    }
}

impl Session {
    /// A session at the start of its world.
    #[must_use]
    pub fn new(genesis: Genesis) -> Self {
        let mut head = World::new(&genesis);
        let checkpoints = BTreeMap::from([((0, head.steps()), Checkpoint::of(&mut head))]);
        Self { genesis, log: Vec::new(), checkpoints, taken: 1, head }
    }

    /// A session made of a log, replayed to its last command.
    #[must_use]
    pub fn replay(genesis: Genesis, log: Vec<Logged>) -> Self {
        let mut session = Self::new(genesis);
        for entry in log.into_iter().take(MAX_LOG) {
            catch_up(&mut session.head, entry.moment);
            session.execute(entry.command);
        }
        session
    }

    /// The world as it is now.
    #[must_use]
    pub const fn head(&self) -> &World {
        &self.head
    }

    /// How it began.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The commands so far.
    #[must_use]
    pub fn log(&self) -> &[Logged] {
        &self.log
    }

    /// Where the head is.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.log.len(), self.head.steps())
    }

    /// The worlds kept, with their digests, oldest first.
    pub(super) fn checkpoints(&self) -> impl Iterator<Item = (Place, &World, &Parts)> {
        self.checkpoints.iter().map(|(place, kept)| (*place, &kept.world, &kept.parts))
    }

    /// The world kept at a place, with its digest.
    pub(super) fn checkpoint_at(&self, place: Place) -> Option<(&World, &Parts)> {
        self.checkpoints.get(&place).map(|kept| (&kept.world, &kept.parts))
    }

    /// Change the head behind the log's back.
    #[cfg(test)]
    pub(super) fn disturb(&mut self, change: impl FnOnce(&mut World)) {
        change(&mut self.head);
    }

    /// Checkpoints ever taken, for the bench.
    #[must_use]
    pub const fn checkpoints_taken(&self) -> u64 {
        self.taken
    }

    /// Give a command at the present moment. Beyond [`MAX_LOG`] nothing is taken any more.
    pub fn execute(&mut self, command: Command) -> bool {
        if self.log.len() >= MAX_LOG {
            return false;
        }
        self.checkpoint();
        let moment = Moment { steps: self.head.steps(), at: self.head.now() };
        self.head.execute(command.clone());
        self.log.push(Logged { moment, command });
        true
    }

    /// Let time pass until `to`, at most `budget` events.
    pub fn advance(&mut self, to: SimTime, budget: u32) -> Progress {
        let mut left = budget;
        loop {
            let last = self.checkpoints.last_key_value().map_or(0, |((_, steps), _)| *steps);
            let due = (last + CHECKPOINT_STEPS).saturating_sub(self.head.steps()).max(1);
            let part = u32::try_from(due).unwrap_or(u32::MAX).min(left);
            let before = self.head.steps();
            let progress = self.head.run_until(to, part);
            left = left.saturating_sub(u32::try_from(self.head.steps() - before).unwrap_or(left));
            if self.head.steps() >= last + CHECKPOINT_STEPS {
                self.checkpoint();
            }
            if progress == Progress::Reached || left == 0 {
                return progress;
            }
        }
    }

    /// Let time pass until exactly a moment, at most `budget` events.
    pub fn reach(&mut self, moment: Moment, budget: u32) -> Progress {
        let stop = self.head.steps().saturating_add(u64::from(budget)).min(moment.steps);
        let mut last = self.checkpoints.last_key_value().map_or(0, |((_, steps), _)| *steps);
        while self.head.steps() < stop && self.head.step() {
            if self.head.steps() >= last + CHECKPOINT_STEPS {
                self.checkpoint();
                last = self.head.steps();
            }
        }
        if stop < moment.steps && self.head.steps() == stop {
            return Progress::Budget;
        }
        self.head.wait_until(moment.at);
        Progress::Reached
    }

    /// Let events happen until something is written into the trace, at most `budget` events.
    pub fn step_to_next_entry(&mut self, budget: u32) -> bool {
        let before = self.head.trace().last_id();
        for _ in 0..budget {
            if !self.head.step() {
                return false;
            }
            if self.head.trace().last_id() > before {
                return true;
            }
        }
        false
    }

    /// The world as it was at a time (or is, for a time that is not past).
    #[must_use]
    pub fn at(&self, time: SimTime) -> World {
        if time >= self.head.now() {
            return self.head.clone();
        }
        let known = self.checkpoints.iter().rev().find(|(_, known)| known.world.now() <= time);
        let (applied, mut world) = match known {
            Some(((applied, _), known)) => (*applied, known.world.clone()),
            None => (0, World::new(&self.genesis)),
        };
        for entry in self.log.iter().skip(applied).take_while(|e| e.moment.at <= time) {
            catch_up(&mut world, entry.moment);
            world.execute(entry.command.clone());
        }
        while world.run_until(time, u32::MAX) == Progress::Budget {}
        world
    }

    /// Take back the last command and everything after it.
    pub fn undo(&mut self) -> bool {
        let Some(last) = self.log.pop() else { return false };
        self.rewind(self.log.len(), last.moment);
        true
    }

    /// Go on from a past time: what came after it is forgotten.
    pub fn branch_at(&mut self, time: SimTime) {
        if time >= self.head.now() {
            return;
        }
        let world = self.at(time);
        let moment = Moment { steps: world.steps(), at: world.now() };
        let kept = self.log.iter().take_while(|e| e.moment.at <= time).count();
        self.log.truncate(kept);
        self.forget_after(kept, moment.steps);
        self.head = world;
    }

    /// Put the head at a moment after `applied` commands.
    fn rewind(&mut self, applied: usize, moment: Moment) {
        self.forget_after(applied, moment.steps);
        let known = self.checkpoints.iter().next_back();
        let (from, mut world) = match known {
            Some(((from, _), known)) => (*from, known.world.clone()),
            None => (0, World::new(&self.genesis)),
        };
        for entry in self.log.iter().take(applied).skip(from) {
            catch_up(&mut world, entry.moment);
            world.execute(entry.command.clone());
        }
        catch_up(&mut world, moment);
        self.head = world;
    }

    fn forget_after(&mut self, applied: usize, steps: u64) {
        self.checkpoints.retain(|(a, s), _| *a <= applied && *s <= steps);
    }

    /// Remember the present world.
    fn checkpoint(&mut self) {
        self.taken += 1;
        let checkpoint = Checkpoint::of(&mut self.head);
        self.checkpoints.insert(self.place(), checkpoint);
        if self.checkpoints.len() > MAX_CHECKPOINTS {
            self.thin();
        }
    }

    /// Drop the checkpoint whose loss widens a gap the least, relative to its age.
    fn thin(&mut self) {
        let keys: Vec<Place> = self.checkpoints.keys().copied().collect();
        let newest = keys.last().map_or(0, |k| k.1);
        let cost = |window: &[(usize, u64)]| {
            let [before, _, after] = window else { return u64::MAX };
            let age = newest - after.1 + CHECKPOINT_STEPS;
            (after.1 - before.1).saturating_mul(1_000_000) / age
        };
        let victim = keys.windows(3).min_by_key(|w| cost(w)).and_then(|w| w.get(1).copied());
        if let Some(victim) = victim {
            self.checkpoints.remove(&victim);
        }
    }
}

/// Let a world go on to exactly this moment.
fn catch_up(world: &mut World, moment: Moment) {
    while world.steps() < moment.steps && world.step() {}
    world.wait_until(moment.at);
}
