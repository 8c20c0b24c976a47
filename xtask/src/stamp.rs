//! Steps of a build that are left out while what they read and what they wrote is unchanged.
//!
//! A stamp in `target/stamps/` holds the digest of both. Contents count, not times: a checkout that
//! goes to another branch and back has nothing to do again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use crate::shell::{self, Outcome};

/// A step of a build.
pub struct Step<'a> {
    /// What it is called; its stamp has this name.
    pub name: &'a str,
    /// How it works: versions and options.
    pub how: &'a str,
    /// The files and folders that it reads.
    pub reads: &'a [PathBuf],
    /// The files and folders that it writes.
    pub writes: &'a [PathBuf],
}

impl Step<'_> {
    /// Work, unless that would change nothing.
    pub fn run(&self, work: impl FnOnce() -> Outcome) -> Outcome {
        self.run_in(&shell::target().join("stamps"), work)
    }

    fn run_in(&self, stamps: &Path, work: impl FnOnce() -> Outcome) -> Outcome {
        let stamp = stamps.join(self.name);
        let before = self.digest(self.reads)?;
        let done = |after: &str| format!("{before} {after}\n");
        let written = fs::read_to_string(&stamp).unwrap_or_default();
        if self.writes.iter().all(|path| path.exists())
            && written == done(&self.digest(self.writes)?)
        {
            return Ok(());
        }
        // An interrupted step is not done.
        let _ = fs::remove_file(&stamp);
        work()?;
        shell::write(&stamp, done(&self.digest(self.writes)?).as_bytes())
    }

    /// The digest of how it works and of these files.
    fn digest(&self, paths: &[PathBuf]) -> Outcome<String> {
        let mut hash = Sha256::new();
        hash.update(self.how);
        for file in files(paths) {
            let content = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            hash.update(file.to_string_lossy().as_bytes());
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(&content);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What these files and folders look like from outside: changes when one of them is saved, comes or
/// goes. Quick enough to ask twice a second.
pub fn glance(paths: &[PathBuf]) -> String {
    let mut hash = Sha256::new();
    for file in files(paths) {
        let Ok(meta) = fs::metadata(&file) else { continue };
        let time = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        hash.update(file.to_string_lossy().as_bytes());
        hash.update(meta.len().to_le_bytes());
        hash.update(time.map_or(0, |t| t.as_nanos()).to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All files of these files and folders, in order; what editors leave behind is none.
fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = paths.to_vec();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()).filter(|path| !is_debris(path)));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn is_debris(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Bench {
        root: PathBuf,
        runs: Cell<u32>,
    }

    impl Bench {
        fn new(name: &str) -> Self {
            let root = shell::target().join("stamp-test").join(name);
            let _ = fs::remove_dir_all(&root);
            let bench = Self { root, runs: Cell::new(0) };
            bench.put("in/a", "1");
            bench
        }

        fn put(&self, name: &str, text: &str) {
            shell::write(&self.root.join(name), text.as_bytes()).unwrap();
        }

        /// How often the step has worked, after one more run of it.
        fn run(&self, how: &str, fails: bool) -> u32 {
            let (reads, writes) = ([self.root.join("in")], [self.root.join("out/b")]);
            let step = Step { name: "copy", how, reads: &reads, writes: &writes };
            let outcome = step.run_in(&self.root.join("stamps"), || {
                self.runs.set(self.runs.get() + 1);
                self.put("out/b", &shell::read(&self.root.join("in/a"))?);
                if fails { Err("no".to_owned()) } else { Ok(()) }
            });
            assert_eq!(outcome.is_err(), fails);
            self.runs.get()
        }
    }

    #[test]
    fn a_step_works_when_something_changed() {
        let bench = Bench::new("changes");
        assert_eq!(bench.run("x", false), 1);
        assert_eq!(bench.run("x", false), 1, "nothing changed");
        bench.put("in/a", "1");
        assert_eq!(bench.run("x", false), 1, "saved without a change");
        bench.put("in/a", "2");
        assert_eq!(bench.run("x", false), 2, "another content");
        bench.put("in/new", "");
        assert_eq!(bench.run("x", false), 3, "a new file");
        bench.put("in/.new.swp", "");
        assert_eq!(bench.run("x", false), 3, "an editor's file");
        assert_eq!(bench.run("y", false), 4, "another way to work");
        bench.put("out/b", "spoilt");
        assert_eq!(bench.run("y", false), 5, "its result was touched");
        fs::remove_file(bench.root.join("out/b")).unwrap();
        assert_eq!(bench.run("y", false), 6, "its result is gone");
    }

    #[test]
    fn a_step_that_failed_is_not_done() {
        let bench = Bench::new("failures");
        assert_eq!(bench.run("x", false), 1);
        bench.put("in/a", "2");
        assert_eq!(bench.run("x", true), 2);
        assert_eq!(bench.run("x", false), 3);
        bench.put("in/a", "1");
        assert_eq!(bench.run("x", true), 4);
        assert_eq!(bench.run("x", true), 5, "not even where its result is as it was once");
    }

    #[test]
    fn a_save_is_seen() {
        let bench = Bench::new("glances");
        let watched = [bench.root.join("in")];
        let first = glance(&watched);
        assert_eq!(glance(&watched), first);
        bench.put("in/a", "longer");
        let second = glance(&watched);
        assert_ne!(second, first);
        bench.put("in/c", "");
        assert_ne!(glance(&watched), second);
    }
}
