//! `drydock run`: applies files to a new world without a page, prints what happened and the tables.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::base::time::{SimDuration, SimTime};
use crate::native::driver::Driver;
use crate::native::input::Input;
use crate::text::Catalogue;
use crate::view::explain;
use crate::world::genesis::Genesis;
use crate::world::world::World;

/// How long the files may take to be applied: pulls and builds of large images take minutes.
const APPLY_LIMIT: SimDuration = SimDuration::from_secs(3_600);

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// Compose files (with all that lies beside them) or Kubernetes manifests (folders whole)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Seed of all random streams
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How long to watch once the files are applied, in simulated time, such as 90s or 5m
    #[arg(long, default_value = "2m")]
    until: String,
    /// Nodes of the cluster
    #[arg(long, default_value_t = 3)]
    nodes: u32,
    /// Language of the event log
    #[arg(long, default_value = "en")]
    lang: String,
}

/// Run the files.
///
/// # Errors
/// If a file cannot be read, `--until` is no duration, or standard output is closed.
pub fn run(args: &Args) -> Result<ExitCode> {
    let until = SimDuration::parse_go(&args.until)
        .ok_or_else(|| anyhow!("--until: time: invalid duration {:?}", args.until))?;
    let input = Input::read(&args.files)?;
    let mut genesis = if input.compose {
        Genesis::docker(args.seed)
    } else {
        Genesis::kubernetes(args.seed, args.nodes.clamp(1, 1_000))
    };
    input.place(&mut genesis);
    let home = &input.home;
    let host = if input.compose { "host" } else { "" };
    let mut driver: Driver<fn(&World)> = Driver::new(&genesis, |_| ());
    if let Some(line) = input.modes() {
        driver.script(host, home, &line, false, SimTime::from_secs(1));
    }
    let flags = input.flags();
    let (line, tables): (String, &[&str]) = if input.compose {
        (format!("docker compose{flags} up -d"), &["docker ps -a", "docker network ls"])
    } else {
        (
            format!("kubectl apply{flags}"),
            &["kubectl get all", "kubectl get nodes -o wide", "kubectl get events"],
        )
    };
    let mut failed = false;
    let mut out = std::io::stdout().lock();
    match driver.script(host, home, &line, false, SimTime::ZERO + APPLY_LIMIT) {
        Some(done) => {
            writeln!(out, "$ {line}")?;
            write!(out, "{}{}", done.stdout, done.stderr)?;
            failed = done.exit != 0;
        }
        None => writeln!(out, "$ {line}\n[still at it after {}]", APPLY_LIMIT.go_string())?,
    }
    let end = driver.world.now() + until;
    driver.advance(end);
    let catalogue = Catalogue::new(&args.lang);
    writeln!(out, "\n== events")?;
    for entry in driver.world.trace().iter() {
        writeln!(
            out,
            "{} {:<24} {}",
            entry.at,
            entry.actor.name,
            explain::line(entry, &catalogue)
        )?;
    }
    for table in tables {
        writeln!(out, "\n$ {table}")?;
        let limit = driver.world.now() + SimDuration::from_secs(60);
        if let Some(done) = driver.script(host, home, table, false, limit) {
            write!(out, "{}{}", done.stdout, done.stderr)?;
        }
    }
    writeln!(out, "\ndigest {:016x}", driver.world.digest())?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
