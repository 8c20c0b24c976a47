//! `drydock transcript`: makes transcripts.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::native::transcript::{import, parse, record};

/// What to do.
#[derive(Subcommand)]
pub enum Task {
    /// Print a transcript with a section for each recorded case
    Import {
        /// Folders with scenario.yaml and what was recorded
        #[arg(required = true)]
        cases: Vec<PathBuf>,
    },
    /// Type the lines of transcripts on a real machine and write down what they print there
    Record {
        /// The transcripts, rewritten in place
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// A command that runs its last argument as a shell script on the machine
        #[arg(long)]
        through: String,
        /// A shell script that leaves nothing of a section
        #[arg(long, default_value = "")]
        reset: String,
        /// Only sections whose name has this part
        #[arg(long, default_value = "")]
        only: String,
    },
}

/// Do it.
///
/// # Errors
/// If a file cannot be read, is no transcript, or the machine does not answer.
pub fn run(task: &Task) -> Result<ExitCode> {
    match task {
        Task::Import { cases } => print!("{}", import::cases(cases)?),
        Task::Record { files, through, reset, only } => {
            for file in files {
                let text =
                    fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
                let transcript = parse::transcript(&file.to_string_lossy(), &text)?;
                let machine = record::Machine { through, reset };
                fs::write(file, record::text(&transcript, &machine, only)?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
