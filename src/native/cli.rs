//! The arguments of the program.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::native::seeds::soak;
use crate::native::{bench, check, digest, open, replay, run, sh, transcript};

/// The version, and the build as `world::save::BUILD` names it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (build ", env!("DRYDOCK_BUILD"), ")");

/// What shells show of a program that SIGPIPE ended.
const BROKEN_PIPE: u8 = 128 + 13;

/// Drydock without the page: the same simulation, headless.
#[derive(Parser)]
#[command(name = "drydock", version = VERSION)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Apply Compose files or Kubernetes manifests to a new world; print the event log and tables
    Run(run::Args),
    /// A terminal on a new world: `docker`, `docker compose`, `kubectl`, and `@help`
    Sh(sh::Args),
    /// Replay a recorded case and write what the recorder would have written
    Replay {
        /// Folder with scenario.yaml and the input files
        case: PathBuf,
        /// Folder to write to
        #[arg(long)]
        out: PathBuf,
        /// Seed of the run
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Make transcripts (tests/transcripts) from recorded cases and real machines
    Transcript {
        /// What to do
        #[command(subcommand)]
        task: transcript::task::Task,
    },
    /// Validate files as the page does: accepted or refused, with the real tool's words
    Check(check::Args),
    /// Open a saved session, say whether it comes out as it was, and print its terminals
    Open(open::Args),
    /// Measure a deployment of pods: speed, memory, cost of checkpoints
    Bench(bench::Args),
    /// Print the digest of a fixed run, to compare with the browser's
    Digest {
        /// Seed of the run
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
    /// Run random sessions under the checkers; exit code 1 if a rule is broken
    Soak(soak::Args),
}

/// Run the program.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Run(args) => run::run(&args),
        Task::Sh(args) => sh::run(&args),
        Task::Replay { case, out, seed } => replay::run(&case, &out, seed),
        Task::Transcript { task } => transcript::task::run(&task),
        Task::Check(args) => check::run(&args),
        Task::Open(args) => open::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Soak(args) => soak::run(&args),
        Task::Digest { seed } => {
            println!("{}", digest::of_demo(seed));
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        // Whoever read the output has gone, as with `| head -1`: nothing is left to say.
        let io = error.root_cause().downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
            return ExitCode::from(BROKEN_PIPE);
        }
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
