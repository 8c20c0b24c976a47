//! The table of checkers: what must hold at every event, at every change of the store, at every
//! look, or at the end of a session, and what is remembered for them.
//!
//! A checker that complains of what the real systems permit is worse than none: each says in its
//! comment what it permits. What may be so for a moment (caches lag, a daemon comes back) is a
//! violation only once it has lasted as long as the checker's patience.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result as FmtResult};

use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::Status;
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::store::Change;
use crate::native::seeds::{check_bounds, check_docker, check_end, check_kube, check_world};
use crate::world::world::World;

/// When a checker is asked, and its question. A complaint is a text that stays the same as long as
/// the trouble does.
#[derive(Clone, Copy)]
pub enum Test {
    /// At every event.
    Event(fn(&World, &Past) -> Option<String>),
    /// At every change of the cluster's store.
    Change(fn(&World, &Past, &Change) -> Option<String>),
    /// After every command and every few events.
    Look(fn(&World, &Past, &mut Vec<String>)),
    /// At the end, when everything was mended and time has passed.
    End(fn(&World, &Past, &mut Vec<String>)),
}

/// One rule.
#[derive(Clone, Copy)]
pub struct Checker {
    /// Its name.
    pub name: &'static str,
    /// How long a complaint may last.
    pub patience: SimDuration,
    /// The question.
    pub test: Test,
}

const fn event(name: &'static str, test: fn(&World, &Past) -> Option<String>) -> Checker {
    Checker { name, patience: SimDuration::ZERO, test: Test::Event(test) }
}

const fn change(name: &'static str, test: fn(&World, &Past, &Change) -> Option<String>) -> Checker {
    Checker { name, patience: SimDuration::ZERO, test: Test::Change(test) }
}

const fn look(
    name: &'static str,
    seconds: u64,
    test: fn(&World, &Past, &mut Vec<String>),
) -> Checker {
    Checker { name, patience: SimDuration::from_secs(seconds), test: Test::Look(test) }
}

const fn end(name: &'static str, test: fn(&World, &Past, &mut Vec<String>)) -> Checker {
    Checker { name, patience: SimDuration::ZERO, test: Test::End(test) }
}

/// All checkers.
pub const CHECKERS: &[Checker] = &[
    event("time", check_world::time),
    event("queue", check_world::queue),
    event("states", check_docker::states),
    look("causes", 0, check_world::causes),
    look("networks", 0, check_world::networks),
    look("host ports", 0, check_world::host_ports),
    change("log", check_kube::log),
    look("store", 0, check_kube::store),
    change("one node", check_kube::one_node),
    look("one machine", 0, check_kube::one_machine),
    change("allocatable", check_kube::allocatable),
    change("pod ports", check_kube::pod_ports),
    change("final phase", check_kube::final_phase),
    change("restarts", check_kube::restarts),
    look("addresses", 0, check_kube::addresses),
    look("cycles", 0, check_kube::cycles),
    look("orphans", 60, check_kube::orphans),
    look("containers", 90, check_kube::containers),
    change("replicas", check_bounds::replicas),
    change("surge", check_bounds::surge),
    change("ordinals", check_bounds::ordinals),
    change("one per node", check_bounds::one_per_node),
    change("parallelism", check_bounds::parallelism),
    look("docker runtime", 5, check_docker::runtime),
    look("docker endpoints", 5, check_docker::endpoints),
    look("docker ports", 5, check_docker::ports),
    look("docker volumes", 0, check_docker::volumes),
    look("docker restarts", 0, check_docker::restarts),
    end("faults", check_end::faults),
    end("machines", check_end::machines),
    end("wanted replicas", check_end::replicas),
    end("pods", check_end::pods),
    end("terminating", check_end::terminating),
    end("endpoints", check_end::endpoints),
    end("rules", check_end::rules),
    end("caches", check_end::caches),
    end("idle", check_end::idle),
];

/// How long what a controller wanted may still be acted upon: requests of one sync wait for the
/// client's throttle.
const WANTED_FOR: SimDuration = SimDuration::from_secs(5);

/// What is remembered of the world as it was.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The moment.
    pub now: SimTime,
    /// Events of this very moment.
    pub same_moment: u32,
    /// The newest trace entry.
    pub trace: TraceId,
    /// Changes of the store that were seen.
    pub changes: u64,
    /// Revision of the store.
    pub revision: u64,
    /// The store as its log tells it.
    pub shadow: BTreeMap<(Kind, Key), u64>,
    /// Steps of the Docker daemons that were seen.
    pub docker: u64,
    /// States of Docker's containers by host and id.
    pub states: BTreeMap<(String, String), Status>,
    /// Containers of a pod (uid, container) that ever were on a machine.
    pub runs: BTreeMap<(String, String), BTreeSet<String>>,
    /// How many children each owner (uid) wanted lately.
    wanted: BTreeMap<String, Vec<(SimTime, i64)>>,
}

impl Past {
    /// The most children that an owner wanted lately; `None` if it is not known.
    #[must_use]
    pub fn wanted(&self, uid: &str) -> Option<i64> {
        self.wanted.get(uid)?.iter().map(|(_, count)| *count).max()
    }

    /// Take in a change of the store.
    fn remember(&mut self, change: &Change) {
        self.revision = change.revision;
        self.changes += 1;
        let place = (change.kind, change.key.clone());
        match &change.new {
            Some(_) => self.shadow.insert(place, change.revision),
            None => self.shadow.remove(&place),
        };
        let Some(count) = change.new.as_deref().and_then(check_bounds::wants) else { return };
        let uid = change.new.as_deref().map_or("", Object::uid);
        let list = self.wanted.entry(uid.to_owned()).or_default();
        // The last one before the window still counts within it.
        let begin = SimTime(change.at.0.saturating_sub(WANTED_FOR.0));
        let older = list.iter().rposition(|(at, _)| *at < begin).unwrap_or(0);
        list.drain(..older);
        list.push((change.at, count));
    }
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The checker that found it.
    pub checker: &'static str,
    /// What is wrong.
    pub what: String,
    /// When it was found.
    pub at: SimTime,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}: {} (at {})", self.checker, self.what, self.at)
    }
}

/// The checkers at work.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    past: Past,
    since: BTreeMap<(&'static str, String), SimTime>,
}

impl Watch {
    /// A watch of a world that begins.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let mut watch = Self::default();
        if let Some(kube) = world.kube() {
            for change in kube.store.changes_from(0) {
                watch.past.remember(change);
            }
        }
        watch.past.now = world.now();
        watch
    }

    /// After one event.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn event(&mut self, world: &World) -> Result<(), Violation> {
        let wrong =
            |checker: &Checker, what| Violation { checker: checker.name, what, at: world.now() };
        for checker in CHECKERS {
            if let Test::Event(test) = checker.test
                && let Some(what) = test(world, &self.past)
            {
                return Err(wrong(checker, what));
            }
        }
        if let Some(kube) = world.kube()
            && kube.store.changes() != self.past.changes
        {
            for change in kube.store.changes_from(self.past.changes).cloned().collect::<Vec<_>>() {
                check_kube::see_runs(world, &mut self.past, &change);
                for checker in CHECKERS {
                    if let Test::Change(test) = checker.test
                        && let Some(what) = test(world, &self.past, &change)
                    {
                        return Err(wrong(checker, what));
                    }
                }
                self.past.remember(&change);
            }
        }
        if world.docker().revision() != self.past.docker {
            self.past.docker = world.docker().revision();
            self.past.states = check_docker::statuses(world);
        }
        let same = world.now() == self.past.now;
        self.past.same_moment = if same { self.past.same_moment + 1 } else { 0 };
        self.past.now = world.now();
        Ok(())
    }

    /// A look at everything.
    ///
    /// # Errors
    /// The first rule that is broken for longer than may be.
    pub fn look(&mut self, world: &World) -> Result<(), Violation> {
        let mut still = BTreeMap::new();
        let mut broken = None;
        for checker in CHECKERS {
            let Test::Look(test) = checker.test else { continue };
            let mut complaints = Vec::new();
            test(world, &self.past, &mut complaints);
            for what in complaints {
                let place = (checker.name, what);
                let since = self.since.get(&place).copied().unwrap_or(world.now());
                if world.now().since(since) >= checker.patience && broken.is_none() {
                    let what = place.1.clone();
                    broken = Some(Violation { checker: checker.name, what, at: world.now() });
                }
                still.insert(place, since);
            }
        }
        self.since = still;
        self.past.trace = world.trace().last_id();
        broken.map_or(Ok(()), Err)
    }

    /// What does not hold at the end, and what is still waited for.
    #[must_use]
    pub fn end(&self, world: &World) -> Vec<Violation> {
        let mut all = Vec::new();
        for checker in CHECKERS {
            let Test::End(test) = checker.test else { continue };
            let mut complaints = Vec::new();
            test(world, &self.past, &mut complaints);
            all.extend(complaints.into_iter().map(|what| Violation {
                checker: checker.name,
                what,
                at: world.now(),
            }));
        }
        all
    }
}
