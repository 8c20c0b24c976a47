//! `drydock check`: files validated as the page does it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::shell::kubectl::check::Namespaces;
use crate::view::editor::{self, Dialect};
use crate::view::manifests;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Args {
    /// Compose files or Kubernetes manifests
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the files are; guessed from name and content if not said
    #[arg(long, value_enum)]
    tool: Option<Tool>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tool {
    /// As `docker compose config`
    Compose,
    /// As `docker stack config`
    Stack,
    /// As `kubectl apply --dry-run=server`
    Kubectl,
}

/// Check each file; exit code 1 if one is refused.
///
/// # Errors
/// If a file cannot be read.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut refused = false;
    for path in &args.files {
        let bytes = fs::read(path).with_context(|| format!("{}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let name = path.to_string_lossy();
        let dialect = match args.tool {
            Some(Tool::Compose) => Dialect::Compose,
            Some(Tool::Stack) => Dialect::Stack,
            Some(Tool::Kubectl) => Dialect::Kubernetes,
            None => editor::guess(&name, &text),
        };
        let beside = |relative: &str| {
            let base = path.parent()?;
            fs::read_to_string(base.join(relative)).ok()
        };
        let verdict = match args.tool {
            Some(Tool::Kubectl) => manifests::check(&name, &text, Namespaces::Fresh),
            _ => editor::check(&name, &text, dialect, &beside),
        };
        refused |= !verdict.accepted;
        print!("{}", verdict.report(&name));
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
