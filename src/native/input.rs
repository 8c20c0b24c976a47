//! Files of this computer that are taken into a world: what was named, what lies beside it, and
//! what a Compose file points to elsewhere.
//!
//! Paths are made absolute and plain as the tools do it (Go's `filepath.Abs`): `.` and `..` go
//! without a look at symbolic links, and what a link points to is read under the link's name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use crate::base::yaml;
use crate::compose;
use crate::posix::normal;
use crate::view::editor::{self, Dialect};
use crate::world::genesis::Genesis;

/// Files that Compose finds by itself.
const DEFAULT_NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Largest file that is handed over, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Most files that are handed over.
const MAX_FILES: usize = 10_000;
/// Folders that are never part of what is tried out.
const LEFT_OUT: [&str; 2] = [".git", "node_modules"];
/// Where files lie in a world.
const HOME: &str = "/home/student";

/// A path from the root, plain, with its symbolic links as they are.
///
/// # Errors
/// If the working directory is gone, or the path is empty.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(path).with_context(|| format!("{}", path.display()))?;
    let mut plain = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    Ok(plain)
}

/// The Compose file that a folder has by default.
#[must_use]
pub fn default_file(folder: &Path) -> Option<PathBuf> {
    DEFAULT_NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The files that a path means: itself, the Compose file of a folder, or all its manifests.
///
/// # Errors
/// If a folder cannot be read.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    match default_file(path) {
        Some(file) => Ok(vec![file]),
        None => {
            let mut found = Vec::new();
            manifests(path, &mut BTreeSet::new(), &mut found)?;
            Ok(found)
        }
    }
}

/// All manifests of a folder, by name.
fn manifests(
    folder: &Path,
    visited: &mut BTreeSet<PathBuf>,
    found: &mut Vec<PathBuf>,
) -> Result<()> {
    if !visited.insert(fs::canonicalize(folder)?) {
        return Ok(());
    }
    for path in entries(folder)? {
        if path.is_dir() {
            manifests(&path, visited, found)?;
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            found.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut paths: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| !LEFT_OUT.iter().any(|name| path.ends_with(name)));
    paths.sort();
    Ok(paths)
}

/// What is taken into a world.
#[derive(Debug)]
pub struct Input {
    /// Whether it is for Docker; else it is for a cluster.
    pub compose: bool,
    /// Named files, relative to the home; none if the tool finds its file by itself.
    pub named: Vec<String>,
    /// The folder of the files in the world; its last part is the project's name.
    pub home: String,
    /// Those that can be run, by their path in the world.
    pub executables: Vec<String>,
    /// All files by their path in the world.
    files: BTreeMap<String, String>,
    /// The folder that all named files share, on this computer.
    base: PathBuf,
    /// Real folders that were taken in: a link may lead back to one.
    visited: BTreeSet<PathBuf>,
}

impl Input {
    /// Read what some paths mean.
    ///
    /// # Errors
    /// If one cannot be read, or a folder has nothing in it.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let paths: Vec<PathBuf> = paths.iter().map(|p| absolute(p)).collect::<Result<_>>()?;
        let own = match paths.as_slice() {
            [folder] if folder.is_dir() => {
                let project = default_file(folder).is_some() || folder.join("Dockerfile").is_file();
                project.then(|| folder.clone())
            }
            _ => None,
        };
        let mut found = Vec::new();
        if own.is_none() {
            for path in &paths {
                let files = files_of(path)?;
                if files.is_empty() {
                    return Err(anyhow!("{}: no Compose file and no manifests", path.display()));
                }
                for file in files {
                    let text = text_of(&file)?;
                    found.push((file, text));
                }
            }
        }
        let guessed =
            |(path, text): &(PathBuf, String)| editor::guess(&path.to_string_lossy(), text);
        let compose = own.is_some() || found.iter().any(|f| guessed(f) == Dialect::Compose);
        let base = own.unwrap_or_else(|| common_folder(&found));
        let name = base.file_name().map(|name| name.to_string_lossy().into_owned());
        let home = format!("{HOME}/{}", name.as_deref().filter(|_| compose).unwrap_or("app"));
        let mut input = Self {
            compose,
            named: Vec::new(),
            home,
            executables: Vec::new(),
            files: BTreeMap::new(),
            base,
            visited: BTreeSet::new(),
        };
        if compose {
            // The folder of a compose file is the project: its configuration files, Dockerfiles,
            // scripts and `.env` belong to it.
            input.folder(&input.base.clone())?;
        }
        for (path, text) in &found {
            input.named.push(input.relative(path));
            input.put(path, text.clone());
        }
        if compose {
            let first = default_file(&input.base).map(|path| vec![path]);
            let files: Vec<PathBuf> = found.into_iter().map(|(path, _)| path).collect();
            input.elsewhere(&if files.is_empty() { first.unwrap_or_default() } else { files });
        }
        Ok(input)
    }

    /// Put the files into a world that begins.
    pub fn place(&self, genesis: &mut Genesis) {
        genesis.files.extend(self.files.clone());
    }

    /// The line that gives the files that can be run their mode.
    #[must_use]
    pub fn modes(&self) -> Option<String> {
        let paths: String =
            self.executables.iter().map(|path| format!(" {}", quoted(path))).collect();
        (!paths.is_empty()).then(|| format!("chmod +x{paths}"))
    }

    /// `-f` for each named file.
    #[must_use]
    pub fn flags(&self) -> String {
        self.named.iter().map(|name| format!(" -f {}", quoted(name))).collect()
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.base).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Where a file lies in the world: as far from the home as from the base.
    fn placed(&self, path: &Path) -> String {
        let mut base = self.base.as_path();
        let mut up = String::new();
        loop {
            match path.strip_prefix(base) {
                Ok(rest) => return normal(&self.home, &format!("{up}{}", rest.to_string_lossy())),
                Err(_) => up.push_str("../"),
            }
            match base.parent() {
                Some(parent) => base = parent,
                None => return path.to_string_lossy().into_owned(),
            }
        }
    }

    fn put(&mut self, path: &Path, text: String) {
        let place = self.placed(path);
        self.files.insert(place, text);
    }

    /// Take in a folder with all that lies below.
    fn folder(&mut self, folder: &Path) -> Result<()> {
        if !self.visited.insert(fs::canonicalize(folder)?) {
            return Ok(());
        }
        for path in entries(folder)? {
            let Ok(kind) = fs::metadata(&path) else { continue };
            if kind.is_dir() {
                self.folder(&path)?;
            } else {
                self.file(&path, &kind)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, kind: &fs::Metadata) -> Result<()> {
        if kind.is_file() && kind.len() <= MAX_FILE && self.files.len() < MAX_FILES {
            let text = text_of(path)?;
            if executable(kind) {
                self.executables.push(self.placed(path));
            }
            self.put(path, text);
        }
        Ok(())
    }

    /// Take in what the Compose files point to outside of their folder: files that are included,
    /// extended or read for their variables, build contexts, secrets, configs and bind mounts.
    fn elsewhere(&mut self, files: &[PathBuf]) {
        let mut wanted = BTreeSet::new();
        for file in files {
            let (asked, canonical) = references(file);
            wanted.extend(asked);
            let model = yaml::parse(&canonical).ok();
            for document in model.iter().flatten() {
                pointed_to(&document.value(yaml::Dialect::Compose), &mut wanted);
            }
        }
        wanted.retain(|path| !path.starts_with(&self.base));
        for path in &wanted {
            let Ok(kind) = fs::metadata(path) else { continue };
            // What cannot be read is missed by the tool, in its own words.
            let _ = if kind.is_file() {
                self.file(path, &kind)
            } else if self.near(path) {
                self.folder(path)
            } else {
                Ok(())
            };
        }
    }

    /// Whether a folder belongs to the project: it lies beside it or below. The others, such as
    /// `/` or `/var/run` in a bind mount, are this computer's own.
    fn near(&self, folder: &Path) -> bool {
        let around = self.base.parent().filter(|parent| parent.parent().is_some());
        around.is_some_and(|around| folder.starts_with(around) && folder != around)
    }
}

/// The files that a Compose file asks for, and its canonical model.
#[expect(clippy::disallowed_types, reason = "the loader's reader is shared")]
fn references(file: &Path) -> (BTreeSet<PathBuf>, String) {
    let asked = std::cell::RefCell::new(BTreeSet::new());
    let reader = |path: &str| {
        asked.borrow_mut().insert(PathBuf::from(path));
        text_of(Path::new(path)).ok()
    };
    let folder = file.parent().unwrap_or(file).to_string_lossy();
    let name = file.to_string_lossy().into_owned();
    let verdict = compose::check::check(&[name], &folder, &BTreeMap::new(), &reader);
    (asked.into_inner(), verdict.canonical.unwrap_or_default())
}

/// Paths in a canonical model: those of its keys whose values are always whole paths.
fn pointed_to(value: &Value, found: &mut BTreeSet<PathBuf>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(path) if PATHS.contains(&key.as_str()) && path.starts_with('/') => {
                        found.insert(PathBuf::from(path));
                    }
                    _ => pointed_to(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| pointed_to(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Keys of paths: of a build, a secret or config, a bind mount.
const PATHS: [&str; 4] = ["context", "dockerfile", "file", "source"];

/// The text of a file.
///
/// # Errors
/// If it cannot be read.
pub fn text_of(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("{}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A word of a shell's line.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
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
            (vec!["/a/b/c.yaml"], "/a/b"),
            (vec!["/a/b/c.yaml", "/a/d.yaml"], "/a"),
            (vec!["/c.yaml", "/a/d.yaml"], "/"),
        ] {
            let files: Vec<_> = paths.iter().map(|p| (PathBuf::from(p), String::new())).collect();
            assert_eq!(common_folder(&files), PathBuf::from(expected), "{paths:?}");
        }
    }

    #[test]
    fn paths_become_plain() {
        for (path, expected) in [
            ("/a/./b/../c.yaml", "/a/c.yaml"),
            ("/a//b/", "/a/b"),
            ("/../a", "/a"),
            ("/a/b/../../c", "/c"),
        ] {
            assert_eq!(absolute(Path::new(path)).unwrap(), PathBuf::from(expected), "{path}");
        }
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute(Path::new("./x/../y")).unwrap(), here.join("y"));
    }

    #[test]
    fn places_in_the_world_keep_their_distance() {
        let input = Input {
            compose: true,
            named: Vec::new(),
            home: "/home/student/shop".to_owned(),
            executables: Vec::new(),
            files: BTreeMap::new(),
            base: PathBuf::from("/work/me/shop"),
            visited: BTreeSet::new(),
        };
        for (path, expected) in [
            ("/work/me/shop/a/b", "/home/student/shop/a/b"),
            ("/work/me/common.yaml", "/home/student/common.yaml"),
            ("/work/other/x", "/home/other/x"),
            ("/etc/app.env", "/etc/app.env"),
        ] {
            assert_eq!(input.placed(Path::new(path)), expected, "{path}");
        }
        assert!(input.near(Path::new("/work/me/api")) && !input.near(Path::new("/work/other")));
        assert!(!input.near(Path::new("/")) && !input.near(Path::new("/work/me")));
    }
}
