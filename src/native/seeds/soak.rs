//! `drydock soak`: many sessions in a row.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

use crate::native::seeds::run::Outcome;
use crate::native::seeds::{run, shrink};
use crate::world::command::Command;

/// Draws of one session.
const DRAWS: u32 = 30;
/// Sessions between two lines of progress.
const PROGRESS: u64 = 100;

/// Arguments of `soak`.
#[derive(clap::Args)]
pub struct Args {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many sessions
    #[arg(long, default_value_t = 1_000)]
    count: u64,
    /// Draws of a session: commands, faults, keys
    #[arg(long, default_value_t = DRAWS)]
    draws: u32,
    /// Shorten a failing session and print it
    #[arg(long)]
    shrink: bool,
    /// Print what is done, and what the scripts print
    #[arg(long)]
    show: bool,
}

/// What was done in a session, and what its scripts printed.
fn show(outcome: &Outcome) {
    let mut run = 0;
    for step in &outcome.case.steps {
        println!("+{} ms {:?}", step.after_ms, step.command);
        let script = matches!(step.command, Command::Script { .. });
        if script {
            match outcome.world.finished(run) {
                Some(done) => println!("{}{}[{}]", done.stdout, done.stderr, done.exit),
                None => println!("[not ended]"),
            }
        }
        // A terminal's shell is a run, too.
        if script || matches!(step.command, Command::Open { .. }) {
            run += 1;
        }
    }
    println!("ended at {} after {} events", outcome.world.now(), outcome.world.steps());
}

/// Run the sessions; exit code 1 if one breaks a rule.
///
/// # Errors
/// Never; it fits the table of subcommands.
pub fn run(args: &Args) -> Result<ExitCode> {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        println!("seed {}: panic", NOW.load(Ordering::Relaxed));
        usual(panic);
    }));
    let (mut broken, mut events) = (0_u64, 0_u64);
    for number in 0..args.count {
        let seed = args.from.wrapping_add(number);
        NOW.store(seed, Ordering::Relaxed);
        let outcome = run::seed(seed, args.draws);
        events += outcome.world.steps();
        if args.show {
            show(&outcome);
        }
        if let Some(violation) = outcome.violation {
            broken += 1;
            println!("seed {seed}: {violation}");
            if args.shrink {
                println!("{}", shrink::shrink(&outcome.case, violation.checker).to_json());
            }
        }
        if (number + 1) % PROGRESS == 0 {
            println!("{} sessions, {events} events, {broken} broken", number + 1);
        }
    }
    println!("{} sessions from seed {}: {events} events, {broken} broken", args.count, args.from);
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
