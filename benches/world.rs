//! Figures of the simulation on this machine: `cargo xtask bench` prints them beside the budgets.
#![expect(clippy::float_arithmetic, reason = "figures for a person")]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use drydock::native::bench::GAUGES;
use drydock::world::bench;
use drydock::world::figures::{Plan, Small};

/// How long the deployed cluster is watched at rest, in simulated seconds.
const SECONDS: u32 = 600;

fn main() {
    let plan = Plan { sizes: bench::SIZES, seconds: SECONDS };
    let figures = plan.measure(GAUGES).unwrap_or_else(|refusal| panic!("{refusal}"));
    let small = Small::measure(GAUGES);
    println!("ready-1000-pods-native {:.0} ms", figures.ready_seconds * 1e3);
    println!("steady-native {:.0} sim-seconds-per-second", figures.steady);
    println!("scrub {:.1} ms", small.scrub_ms);
    println!("check-2000-lines {:.1} ms", small.check_ms);
    println!("apply-2000-lines {:.1} ms", small.apply_ms);
}
