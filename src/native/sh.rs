//! `drydock sh`: a terminal on a world in one's own terminal, or in a pipe.

mod front;
mod seat;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::native::console::Console;
use crate::native::input::{self, Input};
use crate::native::sh::front::Front;
use crate::native::sh::seat::Seat;
use crate::world::genesis::Genesis;
use crate::world::session::Session;

/// Most machines of one world in a terminal.
const MAX_MACHINES: u32 = 1_000;

/// Arguments of `sh`.
#[derive(clap::Args)]
#[command(after_help = "Without --kube, --docker or files the world is one Docker host. \
    In the terminal, @help lists what can be done to the world besides typing commands.")]
pub struct Args {
    /// Files for the world: a Compose file (with all that lies beside it), Kubernetes manifests,
    /// folders of them; a file that ends in `.sh` is run as a script
    files: Vec<PathBuf>,
    /// A Kubernetes cluster of so many nodes: node-1, node-2, …
    #[arg(long, value_name = "N", conflicts_with = "docker")]
    kube: Option<u32>,
    /// So many Docker hosts: host, or host-1, host-2, …
    #[arg(long, value_name = "N")]
    docker: Option<u32>,
    /// Run this text and end; the exit code is that of its last command
    #[arg(short = 'c', value_name = "LINE")]
    command: Option<String>,
    /// Seed of all random streams
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Do not follow the clock: time passes only by commands and @wait, as fast as it can
    #[arg(long)]
    fast: bool,
    /// Language of what is told about the world
    #[arg(long, default_value = "en")]
    lang: String,
}

/// Open the terminal.
///
/// # Errors
/// If a file cannot be read, or output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let is_script = |path: &PathBuf| path.extension().is_some_and(|e| e == "sh");
    let (scripts, files): (Vec<PathBuf>, Vec<PathBuf>) =
        args.files.iter().cloned().partition(is_script);
    let script = match (scripts.as_slice(), &args.command) {
        ([], text) => text.clone(),
        ([path], None) => Some(input::text_of(path)?),
        ([_], Some(_)) => return Err(anyhow!("-c and a script cannot be run at once")),
        (_, _) => return Err(anyhow!("only one script can be run")),
    };
    let given = if files.is_empty() { None } else { Some(Input::read(&files)?) };
    let (genesis, host) = world(args, given.as_ref())?;
    let screen = io::stdout().is_terminal();
    let mut console = Console::of(Session::new(genesis), &host, screen);
    console.lang.clone_from(&args.lang);
    if let Some(input) = &given {
        let lines = [Some(format!("cd '{}'", input.home)), input.modes()];
        for line in lines.iter().flatten() {
            console.run(line);
        }
    }
    let front = match script {
        Some(text) => Front::script(&text)?,
        None if screen && io::stdin().is_terminal() => Front::editor()?,
        None => Front::pipe()?,
    };
    let exit = Seat::new(console, front, args.fast)?.run()?;
    Ok(ExitCode::from(exit))
}

/// The world that is asked for, and the machine of its terminal.
fn world(args: &Args, input: Option<&Input>) -> Result<(Genesis, String)> {
    let number = |name: &str, n: u32| match n {
        1..=MAX_MACHINES => Ok(n),
        _ => Err(anyhow!("--{name}: a number from 1 to {MAX_MACHINES} is wanted, not {n}")),
    };
    let cluster = input.is_some_and(|input| !input.compose) && args.docker.is_none();
    let mut genesis = match args.kube {
        Some(nodes) => Genesis::kubernetes(args.seed, number("kube", nodes)?),
        // As many as `drydock run` has.
        None if cluster => Genesis::kubernetes(args.seed, 3),
        None => Genesis::docker_hosts(args.seed, number("docker", args.docker.unwrap_or(1))?),
    };
    if let Some(input) = input {
        input.place(&mut genesis);
    }
    let host = genesis.hosts.first().map_or_else(String::new, |host| host.name.clone());
    Ok((genesis, host))
}
