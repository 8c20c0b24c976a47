//! `drydock run`: applies files to a new world without a page, prints what happened and the tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};

use crate::base::time::{SimDuration, SimTime};
use crate::native::driver::Driver;
use crate::text::Catalogue;
use crate::view::editor::{self, Dialect};
use crate::view::explain;
use crate::world::genesis::Genesis;
use crate::world::world::World;

/// Files that Compose finds by itself.
const DEFAULT_NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Largest file that is handed over, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Most files that are handed over.
const MAX_FILES: usize = 10_000;

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
/// If a file cannot be read or `--until` is no duration.
pub fn run(args: &Args) -> Result<ExitCode> {
    let until = SimDuration::parse_go(&args.until)
        .ok_or_else(|| anyhow!("--until: time: invalid duration {:?}", args.until))?;
    let input = Input::read(&args.files)?;
    let mut genesis = if input.compose {
        Genesis::docker(args.seed)
    } else {
        Genesis::kubernetes(args.seed, args.nodes.clamp(1, 1_000))
    };
    let home = input.home();
    for (relative, text) in input.files {
        genesis.files.insert(format!("{home}/{relative}"), text);
    }
    let host = if input.compose { "host" } else { "" };
    let mut driver: Driver<fn(&World)> = Driver::new(&genesis, |_| ());
    for path in &input.executables {
        let line = format!("chmod +x '{path}'");
        driver.script(host, &home, &line, false, SimTime::from_secs(1));
    }
    let flags: String = input.named.iter().map(|name| format!(" -f '{name}'")).collect();
    let (line, tables): (String, &[&str]) = if input.compose {
        (format!("docker compose{flags} up -d"), &["docker ps -a", "docker network ls"])
    } else {
        (
            format!("kubectl apply{flags}"),
            &["kubectl get all", "kubectl get nodes -o wide", "kubectl get events"],
        )
    };
    let mut failed = false;
    match driver.script(host, &home, &line, false, SimTime::ZERO + APPLY_LIMIT) {
        Some(done) => {
            println!("$ {line}");
            print!("{}{}", done.stdout, done.stderr);
            failed = done.exit != 0;
        }
        None => println!("$ {line}\n[still at it after {}]", APPLY_LIMIT.go_string()),
    }
    let end = driver.world.now() + until;
    driver.advance(end);
    let catalogue = Catalogue::new(&args.lang);
    println!("\n== events");
    for entry in driver.world.trace().iter() {
        println!("{} {:<24} {}", entry.at, entry.actor.name, explain::line(entry, &catalogue));
    }
    for table in tables {
        println!("\n$ {table}");
        let limit = driver.world.now() + SimDuration::from_secs(60);
        if let Some(done) = driver.script(host, &home, table, false, limit) {
            print!("{}{}", done.stdout, done.stderr);
        }
    }
    println!("\ndigest {:016x}", driver.world.digest());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is to be run: the files that are named, and what lies beside them.
struct Input {
    compose: bool,
    /// The folder that all files share.
    base: PathBuf,
    /// Named files, relative to the base; none if the tool finds its file by itself.
    named: Vec<String>,
    /// All files by path relative to the base.
    files: BTreeMap<String, String>,
    /// Those that can be run.
    executables: Vec<String>,
}

impl Input {
    fn read(paths: &[PathBuf]) -> Result<Self> {
        if let [folder] = paths
            && DEFAULT_NAMES.iter().any(|name| folder.join(name).is_file())
        {
            let mut input = Self {
                compose: true,
                base: folder.clone(),
                named: Vec::new(),
                files: BTreeMap::new(),
                executables: Vec::new(),
            };
            input.beside(folder)?;
            return Ok(input);
        }
        let mut found = Vec::new();
        for path in paths {
            manifests(path, &mut found)?;
        }
        let base = common_folder(&found);
        let compose = found
            .iter()
            .any(|(path, text)| editor::guess(&path.to_string_lossy(), text) == Dialect::Compose);
        let mut input = Self {
            compose,
            base,
            named: Vec::new(),
            files: BTreeMap::new(),
            executables: Vec::new(),
        };
        if compose {
            // The folder of a compose file is the project: its configuration files, Dockerfiles,
            // scripts and `.env` belong to it.
            input.beside(&input.base.clone())?;
        }
        for (path, text) in found {
            let relative = input.relative(&path);
            input.named.push(relative.clone());
            input.files.insert(relative, text);
        }
        Ok(input)
    }

    /// Where the files lie in the simulated host; the last part is the project's name.
    fn home(&self) -> String {
        let folder = fs::canonicalize(&self.base).unwrap_or_else(|_| self.base.clone());
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        format!("/home/student/{}", name.as_deref().filter(|_| self.compose).unwrap_or("app"))
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.base).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Take in a folder with all that lies below.
    fn beside(&mut self, folder: &Path) -> Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
        for entry in entries.filter_map(Result::ok) {
            let (path, kind) = (entry.path(), entry.metadata());
            let Ok(kind) = kind else { continue };
            let own = entry.file_name();
            if kind.is_dir() && own != ".git" && own != "node_modules" {
                self.beside(&path)?;
            } else if kind.is_file() && kind.len() <= MAX_FILE && self.files.len() < MAX_FILES {
                let path = path.strip_prefix(".").unwrap_or(&path);
                let text = fs::read(path).with_context(|| format!("{}", path.display()))?;
                let text = String::from_utf8_lossy(&text).into_owned();
                let relative = self.relative(path);
                if executable(&kind) {
                    self.executables.push(relative.clone());
                }
                self.files.insert(relative, text);
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn executable(kind: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    kind.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    false
}

/// A manifest, or all of a folder.
fn manifests(path: &Path, found: &mut Vec<(PathBuf, String)>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"))
            .collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| manifests(entry, found));
    }
    let text = fs::read(path).with_context(|| format!("{}", path.display()))?;
    found.push((path.to_owned(), String::from_utf8_lossy(&text).into_owned()));
    Ok(())
}

/// The folder that all files share.
fn common_folder(files: &[(PathBuf, String)]) -> PathBuf {
    let folders = files.iter().map(|(path, _)| path.parent().unwrap_or(Path::new("")).to_owned());
    folders
        .reduce(|mut base, folder| {
            while !folder.starts_with(&base) && base.pop() {}
            base
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_folders() {
        for (paths, expected) in [
            (vec!["a/b/c.yaml"], "a/b"),
            (vec!["a/b/c.yaml", "a/d.yaml"], "a"),
            (vec!["c.yaml", "a/d.yaml"], ""),
        ] {
            let files: Vec<_> = paths.iter().map(|p| (PathBuf::from(p), String::new())).collect();
            assert_eq!(common_folder(&files), PathBuf::from(expected), "{paths:?}");
        }
    }
}
