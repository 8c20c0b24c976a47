//! `drydock check`: files validated as the page does it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::ValueEnum;

use crate::native::input;
use crate::shell::kubectl::check::Namespaces;
use crate::view::editor::{self, Dialect, Verdict};
use crate::view::manifests;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Args {
    /// Compose files or Kubernetes manifests, or folders of them
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
/// If a file cannot be read, or standard output is closed.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut refused = false;
    for named in &args.files {
        let files = input::files_of(named)?;
        if files.is_empty() {
            return Err(anyhow!("{}: no Compose file and no manifests", named.display()));
        }
        for file in files {
            let (verdict, name) = (check(&file, args.tool)?, file.to_string_lossy());
            refused |= !verdict.accepted;
            write!(out, "{}", verdict.report(&name))?;
        }
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the tool says of a file, whichever way its path is written.
fn check(file: &Path, tool: Option<Tool>) -> Result<Verdict> {
    let text = input::text_of(file)?;
    let path = input::absolute(file)?;
    let name = path.to_string_lossy();
    let dialect = match tool {
        Some(Tool::Compose) => Dialect::Compose,
        Some(Tool::Stack) => Dialect::Stack,
        Some(Tool::Kubectl) => Dialect::Kubernetes,
        None => editor::guess(&name, &text),
    };
    let folder = path.parent().unwrap_or(&path);
    let beside = |relative: &str| input::text_of(&folder.join(relative)).ok();
    Ok(match tool {
        // kubectl tells of a file as it was named.
        Some(Tool::Kubectl) => manifests::check(&file.to_string_lossy(), &text, Namespaces::Fresh),
        _ if dialect == Dialect::Kubernetes => {
            editor::check(&file.to_string_lossy(), &text, dialect, &beside)
        }
        _ => editor::check(&name, &text, dialect, &beside),
    })
}
