//! `drydock transcript`: makes transcripts.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::native::transcript::import;

/// What to do.
#[derive(Subcommand)]
pub enum Task {
    /// Print a transcript with a section for each recorded case
    Import {
        /// Folders with scenario.yaml and what was recorded
        #[arg(required = true)]
        cases: Vec<PathBuf>,
    },
}

/// Do it.
///
/// # Errors
/// If a case cannot be read.
pub fn run(task: &Task) -> Result<ExitCode> {
    match task {
        Task::Import { cases } => print!("{}", import::cases(cases)?),
    }
    Ok(ExitCode::SUCCESS)
}
