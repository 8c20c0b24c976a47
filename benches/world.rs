//! Figures of the simulation on this machine: `cargo xtask bench` prints them beside the budgets.
//!
//! Plain timing without a harness: each figure is the best of a few runs.
#![expect(
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a benchmark measures and prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures")]

use std::time::Instant;

use drydock::base::time::{SimDuration, SimTime};
use drydock::world::bench::{self, Sizes};

/// Times every figure is taken.
const ROUNDS: u32 = 3;

fn best<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut shortest = f64::MAX;
    let mut last = None;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let result = run();
        shortest = shortest.min(start.elapsed().as_secs_f64());
        last = Some(result);
    }
    (shortest, last.expect("at least one round"))
}

fn main() {
    let Sizes { nodes, pods } = bench::SIZES;
    let (seconds, world) = best(|| bench::deploy(bench::SIZES));
    println!(
        "ready-1000-pods-native {:.0} ms ({nodes} nodes, {pods} pods, {} events, ready after \
              {} simulated)",
        seconds * 1e3,
        world.steps(),
        world.now()
    );
    println!("events-per-second {:.0}", world.steps() as f64 / seconds);

    let steady = SimDuration::from_secs(600);
    let (seconds, _) = best(|| {
        let mut world = world.clone();
        let to = SimTime(world.now().0 + steady.0);
        bench::run_to(&mut world, to);
        world
    });
    println!("steady-native {:.0} sim-seconds-per-second", steady.as_secs() as f64 / seconds);

    let (seconds, _) = best(|| world.clone());
    println!("clone {:.3} ms", seconds * 1e3);

    let session = bench::session();
    let past = SimTime(session.head().now().0 / 3);
    let (seconds, _) = best(|| session.at(past));
    println!(
        "scrub {:.1} ms (of {} simulated, {} events)",
        seconds * 1e3,
        session.head().now(),
        session.head().steps()
    );

    let manifest = bench::manifest(2_000);
    let (seconds, _) = best(|| bench::check(&manifest));
    println!("check-2000-lines {:.1} ms", seconds * 1e3);
    let (seconds, _) = best(|| bench::apply(&manifest));
    println!("apply-2000-lines {:.1} ms", seconds * 1e3);
}
