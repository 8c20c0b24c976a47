//! `drydock run`: applies files to a new world without a page, prints what happened and the tables.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};

use crate::base::time::{SimDuration, SimTime};
use crate::native::driver::Driver;
use crate::text::Catalogue;
use crate::view::editor::{self, Dialect};
use crate::view::explain;
use crate::world::genesis::Genesis;
use crate::world::world::World;

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// Compose files or Kubernetes manifests (folders are read whole)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Seed of all random streams
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How long to run, in simulated time, such as 90s or 5m
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
/// If a file cannot be read or `--until` is no duration.
pub fn run(args: &Args) -> Result<ExitCode> {
    let until = SimDuration::parse_go(&args.until)
        .ok_or_else(|| anyhow!("--until: time: invalid duration {:?}", args.until))?;
    let mut files = Vec::new();
    for path in &args.files {
        collect(path, &mut files)?;
    }
    let compose = files.iter().any(|(name, text)| editor::guess(name, text) == Dialect::Compose);
    let mut genesis = if compose {
        Genesis::docker(args.seed)
    } else {
        Genesis::kubernetes(args.seed, args.nodes.clamp(1, 1_000))
    };
    let mut names = Vec::new();
    let base = common_folder(&files);
    for (name, text) in files {
        let relative = name.strip_prefix(&base).unwrap_or(&name).trim_start_matches('/');
        genesis.files.insert(format!("/home/student/app/{relative}"), text);
        names.push(relative.to_owned());
    }
    let host = if compose { "host" } else { "" };
    let mut driver: Driver<fn(&World)> = Driver::new(&genesis, |_| ());
    let flags: String = names.iter().map(|name| format!(" -f '{name}'")).collect();
    let (line, tables): (String, &[&str]) = if compose {
        (format!("docker compose{flags} up -d"), &["docker ps -a", "docker network ls"])
    } else {
        (
            format!("kubectl apply{flags}"),
            &["kubectl get all", "kubectl get nodes -o wide", "kubectl get events"],
        )
    };
    let home = "/home/student/app";
    let deadline = SimTime::ZERO + until;
    let mut failed = false;
    if let Some(done) = driver.script(host, home, &line, false, deadline) {
        println!("$ {line}");
        print!("{}{}", done.stdout, done.stderr);
        failed = done.exit != 0;
    }
    driver.advance(deadline);
    let catalogue = Catalogue::new(&args.lang);
    println!("\n== events");
    for entry in driver.world.trace().iter() {
        println!("{} {:<24} {}", entry.at, entry.actor.name, explain::line(entry, &catalogue));
    }
    for table in tables {
        println!("\n$ {table}");
        let limit = driver.world.now() + SimDuration::from_secs(60);
        if let Some(done) = driver.script(host, home, table, false, limit) {
            print!("{}{}", done.stdout, done.stderr);
        }
    }
    println!("\ndigest {:016x}", driver.world.digest());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn collect(path: &PathBuf, files: &mut Vec<(String, String)>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"))
            .collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, files));
    }
    let text = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let name = path.to_string_lossy().into_owned();
    files.push((name, String::from_utf8_lossy(&text).into_owned()));
    Ok(())
}

/// The folder that all files share.
fn common_folder(files: &[(String, String)]) -> String {
    let folder = |name: &str| name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut base = files.first().map(|(name, _)| folder(name)).unwrap_or_default();
    while !base.is_empty() && !files.iter().all(|(name, _)| name.starts_with(&format!("{base}/"))) {
        base = folder(&base);
    }
    base
}
