//! From a save to a session, in parts, so that a page can go on meanwhile and the learner can stop
//! it: replayed exactly if this build wrote it, typed anew if another did.

use std::vec::IntoIter;

use crate::world::save::{self, LoadError, MAX_OPEN_EVENTS, Save};
use crate::world::session::{Logged, Moment, Session};
use crate::world::world::Progress;

/// Events between two looks at whether it has ended, where nobody else waits.
const PART: u32 = 100_000;
/// What a command costs, in events: it may start a whole program.
const COMMAND_COST: u32 = 100;

/// How a session came out of its save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The very same world: the digests are equal.
    Same,
    /// This build wrote it and yet comes to another world: an error of Drydock, or a save that
    /// somebody changed by hand.
    Differs {
        /// The digest that the save names.
        saved: String,
        /// The digest of the world now.
        found: String,
    },
    /// Another build's files and commands, laid out and typed anew: it may run differently.
    TypedAnew {
        /// The build that wrote it; empty before builds had names.
        build: String,
        /// Its version.
        core: String,
        /// Commands that this build does not know.
        left_out: usize,
    },
}

/// An opened session.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// How it came out.
    pub outcome: Outcome,
}

/// A session on its way.
#[derive(Debug)]
pub struct Opening {
    session: Session,
    rest: IntoIter<Logged>,
    next: Option<Logged>,
    end: Moment,
    /// The outcome if all goes well.
    outcome: Outcome,
    digest: String,
}

impl Opening {
    /// Begin: exactly, if this build wrote it.
    #[must_use]
    pub fn new(save: Save) -> Self {
        let outcome = if save.of_this_build() { Outcome::Same } else { typed_anew(&save) };
        Self::with(save, outcome)
    }

    /// Begin to type it anew, whoever wrote it.
    #[must_use]
    pub fn anew(save: Save) -> Self {
        let outcome = typed_anew(&save);
        Self::with(save, outcome)
    }

    fn with(save: Save, outcome: Outcome) -> Self {
        let mut rest = save.log.into_iter();
        Self {
            session: Session::new(save.genesis),
            next: rest.next(),
            rest,
            end: Moment { steps: save.steps, at: save.now },
            outcome,
            digest: save.digest,
        }
    }

    /// How far it came, in percent of the simulated time.
    #[must_use]
    pub fn percent(&self) -> u64 {
        (self.session.head().now().0 * 100).checked_div(self.end.at.0).unwrap_or(100).min(100)
    }

    /// Go on by at most that many events; whether the end is reached.
    ///
    /// # Errors
    /// If more happens than can be opened.
    pub fn go_on(&mut self, budget: u32) -> Result<bool, LoadError> {
        let mut left = budget;
        loop {
            let before = self.session.head().steps();
            if before > MAX_OPEN_EVENTS {
                return Err(LoadError::TooManyEvents);
            }
            let to = self.next.as_ref().map_or(self.end, |entry| entry.moment);
            let progress = match self.outcome {
                Outcome::TypedAnew { .. } => self.session.advance(to.at, left),
                Outcome::Same | Outcome::Differs { .. } => self.session.reach(to, left),
            };
            let passed = u32::try_from(self.session.head().steps() - before).unwrap_or(left);
            left = left.saturating_sub(passed);
            if progress == Progress::Budget {
                return Ok(false);
            }
            let Some(entry) = self.next.take() else { return Ok(true) };
            self.session.execute(entry.command);
            self.next = self.rest.next();
            left = left.saturating_sub(COMMAND_COST);
            if left == 0 {
                return Ok(false);
            }
        }
    }

    /// The session, once the end is reached.
    #[must_use]
    pub fn finish(self) -> Opened {
        let Self { session, outcome, digest: saved, .. } = self;
        let found = save::digits(session.head().digest());
        let differs = outcome == Outcome::Same && found != saved;
        let outcome = if differs { Outcome::Differs { saved, found } } else { outcome };
        Opened { session, outcome }
    }

    /// All at once.
    ///
    /// # Errors
    /// If more happens than can be opened.
    pub fn run(mut self) -> Result<Opened, LoadError> {
        while !self.go_on(PART)? {}
        Ok(self.finish())
    }
}

fn typed_anew(save: &Save) -> Outcome {
    let (build, core) = (save.build.clone(), save.core.clone());
    Outcome::TypedAnew { build, core, left_out: save.left_out }
}
