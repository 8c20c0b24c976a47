//! Running a session under the checkers: as it is generated, as it is kept, and once more to see
//! that it is the same.

use crate::base::time::{SimDuration, SimTime};
use crate::native::seeds::breakage;
use crate::native::seeds::case::{Case, Step};
use crate::native::seeds::check::{Violation, Watch};
use crate::native::seeds::generate::Generator;
use crate::world::command::Command;
use crate::world::session::{Logged, Moment, Session};
use crate::world::world::{Progress, World};

/// Events between two looks at everything.
const LOOK_EVERY: u64 = 100;
/// Most events of one session: more never come to rest.
const MAX_EVENTS: u64 = 1_500_000;
/// How often, and at most how long, a mended world is waited for: back-offs grow to five minutes,
/// and a pod that just failed waits as long again.
const REST: SimDuration = SimDuration::from_secs(20);
/// The shortest time after which a mended world is asked: longer than any patience of a checker.
const FIRST_REST: SimDuration = SimDuration::from_secs(100);
const PATIENCE: SimDuration = SimDuration::from_secs(900);

/// What became of a session.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was done.
    pub case: Case,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
    /// The world at the end.
    pub world: World,
}

/// A session in progress.
struct Running {
    world: World,
    watch: Watch,
    log: Vec<Logged>,
}

impl Running {
    fn new(world: World) -> Self {
        let watch = Watch::new(&world);
        Self { world, watch, log: Vec::new() }
    }

    /// Let events happen until a moment.
    fn pass(&mut self, to: SimTime) -> Result<(), Violation> {
        while self.world.next_at().is_some_and(|at| at <= to) {
            self.world.step();
            self.watch.event(&self.world)?;
            if self.world.steps().is_multiple_of(LOOK_EVERY) {
                self.watch.look(&self.world)?;
            }
            if self.world.steps() > MAX_EVENTS {
                return Err(self.wrong("rest", format!("more than {MAX_EVENTS} events")));
            }
        }
        self.world.wait_until(to);
        Ok(())
    }

    fn wrong(&self, checker: &'static str, what: String) -> Violation {
        Violation { checker, what, at: self.world.now() }
    }

    fn act(&mut self, command: &Command) -> Result<(), Violation> {
        let moment = Moment { steps: self.world.steps(), at: self.world.now() };
        self.world.execute(command.clone());
        self.log.push(Logged { moment, command: command.clone() });
        self.watch.event(&self.world)?;
        self.watch.look(&self.world)
    }

    fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.pass(self.world.now() + SimDuration::from_millis(step.after_ms))?;
        self.act(&step.command)
    }

    /// Mend everything and wait until the world is at rest.
    fn finish(&mut self) -> Result<(), Violation> {
        for command in breakage::recovery(&self.world) {
            self.act(&command)?;
        }
        let deadline = self.world.now() + PATIENCE;
        let mut rest = FIRST_REST;
        loop {
            self.pass(self.world.now() + rest)?;
            rest = REST;
            self.watch.look(&self.world)?;
            // A daemon that was still stopping when everything was mended comes up only now.
            for command in breakage::recovery(&self.world) {
                if matches!(command, Command::Host { .. }) {
                    self.act(&command)?;
                }
            }
            let open = self.watch.end(&self.world).into_iter().next();
            let Some(violation) = open else { return Ok(()) };
            if self.world.now() >= deadline {
                return Err(violation);
            }
        }
    }

    /// The same log in a session leads to the same world.
    fn again(&self, case: &Case) -> Result<(), Violation> {
        let mut session = Session::replay(case.genesis(), self.log.clone());
        while session.advance(self.world.now(), u32::MAX) == Progress::Budget {}
        self.same(session.head())
    }

    fn same(&self, other: &World) -> Result<(), Violation> {
        let of = |world: &World| (world.steps(), world.digest());
        let (first, second) = (of(&self.world), of(other));
        if first == second {
            return Ok(());
        }
        let what =
            format!("{} events {:016x}, then {} {:016x}", first.0, first.1, second.0, second.1);
        Err(self.wrong("replay", what))
    }
}

/// Run a case in a world whose simulation is spoilt on purpose.
#[cfg(feature = "sabotage")]
#[must_use]
pub fn sabotaged(case: &Case, what: crate::engine::sabotage::Sabotage) -> Outcome {
    let world = || {
        let mut world = World::new(&case.genesis());
        world.sabotage(what);
        world
    };
    let mut running = Running::new(world());
    let result = (|| {
        for step in &case.steps {
            running.step(step)?;
        }
        running.finish()?;
        let mut second = world();
        for entry in &running.log {
            while second.steps() < entry.moment.steps && second.step() {}
            second.wait_until(entry.moment.at);
            second.execute(entry.command.clone());
        }
        while second.run_until(running.world.now(), u32::MAX) == Progress::Budget {}
        running.same(&second)
    })();
    outcome(case.clone(), running, result)
}

fn outcome(case: Case, running: Running, result: Result<(), Violation>) -> Outcome {
    Outcome { case, violation: result.err(), world: running.world }
}

/// Generate and run the session of a seed, of so many draws.
#[must_use]
pub fn seed(seed: u64, draws: u32) -> Outcome {
    let (mut generator, mut case) = Generator::new(seed, draws);
    let mut running = Running::new(World::new(&case.genesis()));
    let result = (|| {
        while let Some(step) = generator.next(&running.world) {
            case.steps.push(step.clone());
            running.step(&step)?;
        }
        running.finish()?;
        running.again(&case)
    })();
    outcome(case, running, result)
}

/// Run a case as it is written.
#[must_use]
pub fn case(case: &Case) -> Outcome {
    let mut running = Running::new(World::new(&case.genesis()));
    let result = (|| {
        for step in &case.steps {
            running.step(step)?;
        }
        running.finish()?;
        running.again(case)
    })();
    outcome(case.clone(), running, result)
}
