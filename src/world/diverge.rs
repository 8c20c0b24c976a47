//! Where two runs part: the first step after which two sessions are no longer the same.
//!
//! The digests at common checkpoints are bisected to the last one that is equal; from there both
//! are replayed side by side.

use std::fmt::{Debug, Display, Formatter, Result as FmtResult};

use crate::world::digest::{Parts, differing};
use crate::world::event::Event;
use crate::world::session::{Logged, Moment, Place, Session};
use crate::world::world::World;

/// Most characters of an event that are told.
const MAX_TOLD: usize = 600;

/// Where two sessions part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The last place known at which both were the same.
    pub after: Moment,
    /// The first place known at which they differ.
    pub at: Moment,
    /// What happened in between in each of the two, for people; both empty if a replay does not
    /// repeat the difference: then it lies somewhere between the two places.
    pub what: [String; 2],
    /// The parts of the digest that differ, see [`World::digest_parts`].
    pub parts: Vec<&'static str>,
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { after, at, what: [first, second], parts } = self;
        writeln!(f, "differs in {} at {} after {} events", parts.join(", "), at.at, at.steps)?;
        if first.is_empty() && second.is_empty() {
            write!(f, "a replay does not repeat it; the same until event {}", after.steps)
        } else {
            write!(f, "first run:  {first}\nsecond run: {second}")
        }
    }
}

/// The first step after which two sessions differ, as far as both go. The clock alone, which also
/// goes on where nothing happens, is no difference.
#[must_use]
pub fn first_difference(a: &Session, b: &Session) -> Option<Difference> {
    let common: Vec<(Place, [&Parts; 2])> = a
        .checkpoints()
        .filter_map(|(place, _, parts)| Some((place, [parts, b.checkpoint_at(place)?.1])))
        .collect();
    let same = common.partition_point(|(_, [a, b])| differing(a, b).is_empty());
    let Some((place, _)) = same.checked_sub(1).and_then(|last| common.get(last)) else {
        return at_the_start(a, b);
    };
    let mut runs = [Run::new(a, *place)?, Run::new(b, *place)?];
    let until = common.get(same).map(|(place, _)| *place);
    if let Some(found) = side_by_side(&mut runs, until) {
        return Some(found);
    }
    // What the replays agree on is not what the sessions themselves did.
    let [first, second] = &runs;
    let after = moment(a.checkpoint_at(*place)?.0);
    let (at, parts) = match common.get(same) {
        Some((place, [one, other])) => (moment(a.checkpoint_at(*place)?.0), differing(one, other)),
        None if first.is_at(a.place()) && second.is_at(b.place()) && a.place() == b.place() => {
            let (one, other) = (a.head().digest_parts(), b.head().digest_parts());
            (moment(a.head()), differing(&one, &other))
        }
        None => return None,
    };
    let what = [String::new(), String::new()];
    (!parts.is_empty()).then_some(Difference { after, at, what, parts })
}

/// The worlds differ from the beginning, or have nothing in common.
fn at_the_start(a: &Session, b: &Session) -> Option<Difference> {
    let (one, other) = (World::new(a.genesis()), World::new(b.genesis()));
    let parts = differing(&one.digest_parts(), &other.digest_parts());
    let (after, at) = (moment(&one), moment(&one));
    let what = [a, b].map(|session| told(session.genesis()));
    (!parts.is_empty()).then_some(Difference { after, at, what, parts })
}

/// Replay two runs act by act until they differ, one of them ends, or a place is passed.
fn side_by_side(runs: &mut [Run<'_>; 2], until: Option<Place>) -> Option<Difference> {
    let [a, b] = runs;
    loop {
        if until.is_some_and(|until| a.place() >= until && b.place() >= until) {
            return None;
        }
        let after = moment(&a.world);
        let (first, second) = (a.next()?, b.next()?);
        a.act(&first);
        b.act(&second);
        let parts = differing(&a.world.digest_parts(), &b.world.digest_parts());
        if !parts.is_empty() {
            let what = [first.told(), second.told()];
            return Some(Difference { after, at: moment(&a.world), what, parts });
        }
    }
}

/// A session being replayed.
struct Run<'s> {
    world: World,
    /// Commands given so far.
    applied: usize,
    /// Commands to come.
    log: &'s [Logged],
    /// Events of the session in all.
    end: u64,
}

/// What happens next in a run.
enum Act<'s> {
    Command(&'s Logged),
    Event(Option<Box<Event>>),
}

impl<'s> Run<'s> {
    fn new(session: &'s Session, (applied, steps): Place) -> Option<Self> {
        let (world, _) = session.checkpoint_at((applied, steps))?;
        let (_, log) = session.log().split_at_checked(applied)?;
        Some(Self { world: world.clone(), applied, log, end: session.head().steps() })
    }

    fn place(&self) -> Place {
        (self.applied, self.world.steps())
    }

    fn is_at(&self, place: Place) -> bool {
        self.place() == place
    }

    /// What happens next; `None` at the end of the session.
    fn next(&self) -> Option<Act<'s>> {
        let event = self.world.next_event();
        match self.log.first() {
            Some(entry) if entry.moment.steps <= self.world.steps() || event.is_none() => {
                Some(Act::Command(entry))
            }
            _ if self.world.steps() < self.end => Some(Act::Event(event.cloned().map(Box::new))),
            _ => None,
        }
    }

    fn act(&mut self, act: &Act<'_>) {
        match act {
            Act::Command(entry) => {
                self.world.wait_until(entry.moment.at);
                self.world.execute(entry.command.clone());
                self.applied += 1;
                self.log = self.log.get(1..).unwrap_or_default();
            }
            Act::Event(_) => {
                self.world.step();
            }
        }
        self.world.settle();
    }
}

impl Act<'_> {
    fn told(&self) -> String {
        match self {
            Self::Command(entry) => told(&entry.command),
            Self::Event(event) => told(event),
        }
    }
}

fn moment(world: &World) -> Moment {
    Moment { steps: world.steps(), at: world.now() }
}

/// For a person who looks for a bug.
fn told(what: &impl Debug) -> String {
    let text = format!("{what:?}");
    match text.char_indices().nth(MAX_TOLD) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use crate::net::{FlowId, Input};
    use crate::world::command::Command;
    use crate::world::demo;

    const END: SimTime = SimTime::from_secs(60);

    fn played(seed: u64) -> Session {
        let mut session = Session::new(demo::kubernetes(seed));
        for command in demo::opening("", "kubectl apply -f shop.yaml", "http://node-1:30080/") {
            session.execute(command);
        }
        session.advance(SimTime::from_secs(20), u32::MAX);
        let line = "kubectl scale deployment web --replicas=5".to_owned();
        session.execute(Command::Type { terminal: 1, line });
        session.advance(END, u32::MAX);
        session
    }

    fn note() -> Command {
        Command::Write { host: String::new(), path: "/tmp/note".to_owned(), text: "x".to_owned() }
    }

    #[test]
    fn equal_runs_do_not_differ() {
        let session = played(7);
        let mut again = Session::replay(session.genesis().clone(), session.log().to_vec());
        assert_eq!(first_difference(&session, &again), None, "as far as both go");
        // In other strides, so that the checkpoints lie elsewhere in time.
        for part in 1..=29 {
            again.advance(SimTime::from_millis(part * 2_069), u32::MAX);
        }
        again.advance(END, u32::MAX);
        assert_eq!(first_difference(&session, &again), None);
        assert_eq!(first_difference(&again, &session), None);
    }

    #[test]
    fn a_command_more_is_found_exactly() {
        let session = played(7);
        let there = session.at(SimTime::from_millis(31_337));
        let moment = Moment { steps: there.steps(), at: there.now() };
        let mut log = session.log().to_vec();
        log.push(Logged { moment, command: note() });
        let mut disturbed = Session::replay(session.genesis().clone(), log);
        disturbed.advance(END, u32::MAX);

        let found = first_difference(&session, &disturbed).unwrap();
        assert_eq!(found.after.steps, moment.steps);
        assert!(found.parts.contains(&"files"), "{found}");
        let [event, command] = &found.what;
        assert!(command.contains("/tmp/note") && !event.contains("/tmp/note"), "{found}");
    }

    #[test]
    fn what_a_step_does_otherwise_is_found_exactly() {
        let session = played(7);
        let (place, _, _) = session.checkpoints().nth(6).unwrap();
        let mut runs = [Run::new(&session, place).unwrap(), Run::new(&session, place).unwrap()];
        // Something that no digest sees until a step comes upon it: what a waiting event holds.
        let is_tick = |event: &Event| matches!(event, Event::Net(Input::LoadTick(..)));
        let [a, b] = &mut runs;
        let nothing = Event::Net(Input::GiveUp(FlowId(0)));
        b.world.queue.alter(|all| {
            all.iter_mut().find(|w| is_tick(&w.event)).unwrap().event = nothing.clone();
        });
        assert_eq!(a.world.digest(), b.world.digest());
        let mut alone = a.world.clone();
        while !alone.next_event().is_some_and(is_tick) {
            alone.step();
        }

        let found = side_by_side(&mut runs, None).unwrap();
        assert_eq!(found.after, moment(&alone), "{found}");
        assert_eq!(found.what, [told(&alone.next_event()), told(&Some(nothing))]);
        assert!(found.parts.contains(&"requests"), "{found}");
    }

    #[test]
    fn what_a_replay_does_not_repeat_is_narrowed_down() {
        let session = played(7);
        let mut disturbed = Session::replay(session.genesis().clone(), session.log().to_vec());
        disturbed.advance(SimTime::from_secs(40), u32::MAX);
        let there = disturbed.head().steps();
        disturbed.disturb(|world| world.write_file("", "/tmp/note", "x"));
        disturbed.advance(END, u32::MAX);

        let found = first_difference(&session, &disturbed).unwrap();
        assert_eq!(found.parts, ["files"], "{found}");
        assert_eq!(found.what, ["", ""]);
        assert!((found.after.steps..=found.at.steps).contains(&there), "{found}");
    }

    #[test]
    fn other_seeds_differ_from_the_start() {
        let found = first_difference(&played(7), &played(8)).unwrap();
        assert_eq!(found.at.steps, 0);
        assert!(found.parts.contains(&"random numbers"), "{found}");
    }
}
