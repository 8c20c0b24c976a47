//! A virtual file system: ordered paths to files and directories, cheap to clone.
//!
//! Paths are absolute and normal (`/a/b`, no `..`, no trailing slash). One flat ordered map keeps
//! thousands of files quick: a directory's entries are a range of keys. Content is text; trailing
//! zero bytes (`dd if=/dev/zero`) are only counted. Left out: hard links, owners per file, devices.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use crate::base::ledger::{Reading, share};
use crate::base::shelf::Shelf;
use crate::base::time::SimTime;

/// Most symbolic links followed for one path, as Linux.
const MAX_LINKS: usize = 40;

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its content.
        content: Arc<str>,
        /// Zero bytes after the content, not stored.
        zeros: u64,
        /// Permission bits.
        mode: u32,
        /// Last change.
        modified: SimTime,
    },
    /// A directory.
    Directory {
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link to a path.
    Link(Arc<str>),
}

impl Entry {
    /// A file with this content and the usual permissions.
    #[must_use]
    pub fn file(content: impl Into<Arc<str>>) -> Self {
        Self::File { content: content.into(), zeros: 0, mode: 0o644, modified: SimTime::ZERO }
    }
}

/// What kind of thing a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device such as `/dev/null`.
    Device,
}

/// Facts about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Last change.
    pub modified: SimTime,
}

/// Why a file operation failed; displayed as C's `strerror` words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsError {
    /// ENOENT.
    NotFound,
    /// EEXIST.
    Exists,
    /// EISDIR.
    IsDirectory,
    /// ENOTDIR.
    NotDirectory,
    /// ENOTEMPTY.
    NotEmpty,
    /// EROFS.
    ReadOnly,
    /// EACCES.
    Denied,
    /// ENOSPC.
    NoSpace,
    /// ELOOP.
    Loop,
    /// EINVAL.
    Invalid,
    /// EBUSY.
    Busy,
}

impl Display for FsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            Self::NotFound => "No such file or directory",
            Self::Exists => "File exists",
            Self::IsDirectory => "Is a directory",
            Self::NotDirectory => "Not a directory",
            Self::NotEmpty => "Directory not empty",
            Self::ReadOnly => "Read-only file system",
            Self::Denied => "Permission denied",
            Self::NoSpace => "No space left on device",
            Self::Loop => "Too many levels of symbolic links",
            Self::Invalid => "Invalid argument",
            Self::Busy => "Device or resource busy",
        })
    }
}

/// What a shell and its tools need of a file system. Paths are absolute; `..` and `.` are resolved
/// by the callers with [`normal`].
pub trait FileSystem {
    /// Facts about what a path leads to, without following a link at its end.
    fn lstat(&self, path: &str) -> Result<Stat, FsError>;
    /// Facts about what a path leads to.
    fn stat(&self, path: &str) -> Result<Stat, FsError>;
    /// The content of a file (without counted zeros).
    fn read(&self, path: &str) -> Result<Arc<str>, FsError>;
    /// Replace the content of a file, creating it.
    fn write(&mut self, path: &str, content: &str, now: SimTime) -> Result<(), FsError>;
    /// Add to the end of a file, creating it.
    fn append(&mut self, path: &str, content: &str, now: SimTime) -> Result<(), FsError>;
    /// Add zero bytes to the end of a file, creating it; they are counted, not stored.
    fn extend(&mut self, path: &str, zeros: u64, now: SimTime) -> Result<(), FsError>;
    /// Create a directory, whose parent must exist.
    fn make_dir(&mut self, path: &str) -> Result<(), FsError>;
    /// Remove a file, a link or an empty directory.
    fn remove(&mut self, path: &str) -> Result<(), FsError>;
    /// Names in a directory, sorted by bytes.
    fn list(&self, path: &str) -> Result<Vec<String>, FsError>;
    /// Move a file or a directory with everything in it, replacing a file.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), FsError>;
    /// Set permission bits.
    fn chmod(&mut self, path: &str, mode: u32) -> Result<(), FsError>;
    /// Create a symbolic link at `path` that points to `target`.
    fn link(&mut self, target: &str, path: &str) -> Result<(), FsError>;
    /// Where a symbolic link points.
    fn read_link(&self, path: &str) -> Result<Arc<str>, FsError>;
}

/// Join a path to a working directory and resolve `.` and `..` by name.
#[must_use]
pub fn normal(cwd: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') { "" } else { cwd };
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    if parts.is_empty() { "/".to_owned() } else { format!("/{}", parts.join("/")) }
}

/// The directory of a normal path.
#[must_use]
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((dir, _)) => dir,
    }
}

/// A file system of its own: the terminal's files, an image layer, a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    entries: Shelf<String, Entry>,
    /// The sum of the entries' shares; [`Files::set`] keeps it.
    sum: u64,
}

impl Hash for Files {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.sum);
    }
}

impl Files {
    /// An empty file system with only `/`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every path with its entry, sorted; `/` itself is not among them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// What is at a path exactly, without following links.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Put an entry, creating the directories above it.
    pub fn put(&mut self, path: &str, entry: Entry) {
        let path = normal("/", path);
        let mut missing = Vec::new();
        let mut dir = parent(&path);
        while dir != "/" && !self.entries.contains_key(dir) {
            missing.push(dir.to_owned());
            dir = parent(dir);
        }
        if path == "/" {
            return;
        }
        for dir in missing {
            self.set(dir, Entry::Directory { mode: 0o755 });
        }
        self.set(path, entry);
    }

    /// Put an entry exactly here.
    fn set(&mut self, path: String, entry: Entry) {
        self.unset(&path);
        self.sum = self.sum.wrapping_add(share(path.as_str(), &entry));
        self.entries.edit().insert(path, entry);
    }

    /// Take an entry out.
    fn unset(&mut self, path: &str) -> Option<Entry> {
        if !self.entries.contains_key(path) {
            return None;
        }
        let entry = self.entries.edit().remove(path)?;
        self.sum = self.sum.wrapping_sub(share(path, &entry));
        Some(entry)
    }

    /// The digest of all files.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        match reading {
            Reading::Kept => self.sum,
            Reading::Anew => {
                self.iter().fold(0, |sum: u64, (path, entry)| sum.wrapping_add(share(path, entry)))
            }
        }
    }

    /// By how much the kept digest is wrong: 0, or there is a bug.
    #[must_use]
    pub fn drift(&self) -> u64 {
        self.digest(Reading::Anew).wrapping_sub(self.sum)
    }

    /// Put a file with the usual permissions, creating the directories above it.
    pub fn put_file(&mut self, path: &str, content: impl Into<Arc<str>>) {
        self.put(path, Entry::file(content));
    }

    /// Remove a path and everything below it.
    pub fn remove_tree(&mut self, path: &str) {
        self.unset(path);
        for path in self.below(path) {
            self.unset(&path);
        }
    }

    /// Bytes of all files below a directory.
    #[must_use]
    pub fn used_below(&self, path: &str) -> u64 {
        let prefix = prefix_of(path);
        self.range(&prefix).map(|(_, entry)| size_of(entry)).sum()
    }

    fn range<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
        let from = Bound::Included(prefix);
        self.entries
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(prefix))
    }

    fn below(&self, path: &str) -> Vec<String> {
        self.range(&prefix_of(path)).map(|(path, _)| path.clone()).collect()
    }

    /// Follow links in the directories of a path and, if asked, at its end.
    fn follow(&self, path: &str, last: bool) -> Result<String, FsError> {
        let mut path = normal("/", path);
        for _ in 0..MAX_LINKS {
            match self.first_link(&path, last) {
                None => return Ok(path),
                Some((link, target)) => {
                    let rest = path.get(link.len()..).unwrap_or("").trim_start_matches('/');
                    path = normal(&normal(parent(&link), &target), rest);
                }
            }
        }
        Err(FsError::Loop)
    }

    fn first_link(&self, path: &str, last: bool) -> Option<(String, Arc<str>)> {
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        for end in ends {
            if end == path.len() && !last {
                break;
            }
            let part = path.get(..end)?;
            match self.entries.get(part) {
                Some(Entry::Link(target)) => return Some((part.to_owned(), target.clone())),
                Some(Entry::File { .. } | Entry::Directory { .. }) | None => {}
            }
        }
        None
    }

    fn is_dir(&self, path: &str) -> bool {
        path == "/" || matches!(self.entries.get(path), Some(Entry::Directory { .. }))
    }

    /// Check that a new entry may be made at a followed path.
    fn room_for(&self, path: &str) -> Result<(), FsError> {
        let dir = parent(path);
        match self.entries.get(dir) {
            _ if dir == "/" => Ok(()),
            Some(Entry::Directory { .. }) => Ok(()),
            Some(Entry::File { .. } | Entry::Link(_)) => Err(FsError::NotDirectory),
            None => Err(FsError::NotFound),
        }
    }

    /// Change the content of a file at a path, creating it.
    fn change(
        &mut self,
        path: &str,
        now: SimTime,
        change: impl FnOnce(&mut Arc<str>, &mut u64),
    ) -> Result<(), FsError> {
        let path = self.follow(path, true)?;
        if self.is_dir(&path) {
            return Err(FsError::IsDirectory);
        }
        self.room_for(&path)?;
        let mut entry = match self.entries.get(&path) {
            None => Entry::file(""),
            Some(Entry::File { .. }) => self.unset(&path).unwrap_or_else(|| Entry::file("")),
            Some(Entry::Directory { .. } | Entry::Link(_)) => return Err(FsError::Invalid),
        };
        if let Entry::File { content, zeros, modified, .. } = &mut entry {
            change(content, zeros);
            *modified = now;
        }
        self.set(path, entry);
        Ok(())
    }
}

fn prefix_of(path: &str) -> String {
    if path == "/" { "/".to_owned() } else { format!("{path}/") }
}

fn size_of(entry: &Entry) -> u64 {
    match entry {
        Entry::File { content, zeros, .. } => content.len() as u64 + zeros,
        // What ext4 shows for a directory.
        Entry::Directory { .. } => 4096,
        Entry::Link(target) => target.len() as u64,
    }
}

fn stat_of(entry: &Entry) -> Stat {
    let size = size_of(entry);
    match entry {
        Entry::File { mode, modified, .. } => {
            Stat { kind: Kind::File, size, mode: *mode, modified: *modified }
        }
        Entry::Directory { mode } => {
            Stat { kind: Kind::Directory, size, mode: *mode, modified: SimTime::ZERO }
        }
        Entry::Link(_) => Stat { kind: Kind::Link, size, mode: 0o777, modified: SimTime::ZERO },
    }
}

impl FileSystem for Files {
    fn lstat(&self, path: &str) -> Result<Stat, FsError> {
        let path = self.follow(path, false)?;
        if path == "/" {
            return Ok(stat_of(&Entry::Directory { mode: 0o755 }));
        }
        match self.entries.get(&path) {
            Some(entry) => Ok(stat_of(entry)),
            None => Err(match self.room_for(&path) {
                Err(FsError::NotDirectory) => FsError::NotDirectory,
                Err(_) | Ok(()) => FsError::NotFound,
            }),
        }
    }

    fn stat(&self, path: &str) -> Result<Stat, FsError> {
        self.lstat(&self.follow(path, true)?)
    }

    fn read(&self, path: &str) -> Result<Arc<str>, FsError> {
        let path = self.follow(path, true)?;
        match self.entries.get(&path) {
            Some(Entry::File { content, .. }) => Ok(content.clone()),
            Some(Entry::Directory { .. }) => Err(FsError::IsDirectory),
            Some(Entry::Link(_)) => Err(FsError::Loop),
            None if path == "/" => Err(FsError::IsDirectory),
            None => self.lstat(&path).and(Err(FsError::NotFound)),
        }
    }

    fn write(&mut self, path: &str, text: &str, now: SimTime) -> Result<(), FsError> {
        self.change(path, now, |content, zeros| {
            *content = text.into();
            *zeros = 0;
        })
    }

    fn append(&mut self, path: &str, text: &str, now: SimTime) -> Result<(), FsError> {
        self.change(path, now, |content, _| {
            if content.is_empty() {
                *content = text.into();
            } else {
                let mut whole = String::with_capacity(content.len() + text.len());
                whole.push_str(content);
                whole.push_str(text);
                *content = whole.into();
            }
        })
    }

    fn extend(&mut self, path: &str, more: u64, now: SimTime) -> Result<(), FsError> {
        self.change(path, now, |_, zeros| *zeros = zeros.saturating_add(more))
    }

    fn make_dir(&mut self, path: &str) -> Result<(), FsError> {
        let path = self.follow(path, false)?;
        if path == "/" || self.entries.contains_key(&path) {
            return Err(FsError::Exists);
        }
        self.room_for(&path)?;
        self.set(path, Entry::Directory { mode: 0o755 });
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), FsError> {
        let path = self.follow(path, false)?;
        if path == "/" {
            return Err(FsError::Busy);
        }
        if self.range(&prefix_of(&path)).next().is_some() {
            return Err(FsError::NotEmpty);
        }
        self.unset(&path).map(|_| ()).ok_or(FsError::NotFound)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FsError> {
        let path = self.follow(path, true)?;
        if !self.is_dir(&path) {
            return Err(match self.entries.get(&path) {
                Some(_) => FsError::NotDirectory,
                None => FsError::NotFound,
            });
        }
        let prefix = prefix_of(&path);
        let mut names: Vec<String> = Vec::new();
        let mut from = prefix.clone();
        // Jump over the content of each subdirectory instead of walking through it.
        while let Some((found, _)) = self.range_from(&from, &prefix) {
            let name = found.get(prefix.len()..).unwrap_or("");
            let name = name.split('/').next().unwrap_or("").to_owned();
            // '0' is the character after '/', so this is past everything below the name…
            // but names such as `a.b` sort between `a` and `a/`; those are visited first.
            from = match self.next_name(&prefix, &name, found) {
                Some(next) => next,
                None => break,
            };
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), FsError> {
        let from = self.follow(from, false)?;
        let to = self.follow(to, false)?;
        if from == to {
            return Ok(());
        }
        if to.starts_with(&prefix_of(&from)) {
            return Err(FsError::Invalid);
        }
        let Some(entry) = self.entries.get(&from).cloned() else { return Err(FsError::NotFound) };
        self.room_for(&to)?;
        let from_dir = matches!(entry, Entry::Directory { .. });
        match self.entries.get(&to) {
            Some(Entry::Directory { .. }) if !from_dir => return Err(FsError::IsDirectory),
            Some(Entry::Directory { .. }) if self.range(&prefix_of(&to)).next().is_some() => {
                return Err(FsError::NotEmpty);
            }
            Some(Entry::File { .. } | Entry::Link(_)) if from_dir => {
                return Err(FsError::NotDirectory);
            }
            Some(_) | None => {}
        }
        let below = self.below(&from);
        self.unset(&from);
        for old in below {
            let rest = old.get(from.len()..).unwrap_or("").to_owned();
            if let Some(entry) = self.unset(&old) {
                self.set(format!("{to}{rest}"), entry);
            }
        }
        self.set(to, entry);
        Ok(())
    }

    fn chmod(&mut self, path: &str, bits: u32) -> Result<(), FsError> {
        let path = self.follow(path, true)?;
        let mut entry = match self.entries.get(&path) {
            Some(Entry::Link(_)) => return Err(FsError::Loop),
            Some(entry @ (Entry::File { .. } | Entry::Directory { .. })) => entry.clone(),
            None => return Err(FsError::NotFound),
        };
        if let Entry::File { mode, .. } | Entry::Directory { mode } = &mut entry {
            *mode = bits;
        }
        self.set(path, entry);
        Ok(())
    }

    fn link(&mut self, target: &str, path: &str) -> Result<(), FsError> {
        let path = self.follow(path, false)?;
        if path == "/" || self.entries.contains_key(&path) {
            return Err(FsError::Exists);
        }
        self.room_for(&path)?;
        self.set(path, Entry::Link(target.into()));
        Ok(())
    }

    fn read_link(&self, path: &str) -> Result<Arc<str>, FsError> {
        let path = self.follow(path, false)?;
        match self.entries.get(&path) {
            Some(Entry::Link(target)) => Ok(target.clone()),
            Some(Entry::File { .. } | Entry::Directory { .. }) => Err(FsError::Invalid),
            None => Err(FsError::NotFound),
        }
    }
}

impl Files {
    fn range_from<'a>(&'a self, from: &str, prefix: &str) -> Option<(&'a String, &'a Entry)> {
        let next =
            self.entries.range::<str, _>((Bound::Included(from), Bound::Unbounded)).next()?;
        next.0.starts_with(prefix).then_some(next)
    }

    /// Where to look for the entry after `found`: past all that lies below a directory.
    fn next_name(&self, prefix: &str, name: &str, found: &str) -> Option<String> {
        let own = prefix.len() + name.len();
        if found.len() > own {
            // Inside `name/`: everything below ends before `name0`.
            return Some(format!("{prefix}{name}0"));
        }
        // `name` itself: the very next key.
        Some(format!("{found}\0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Files {
        let mut files = Files::new();
        files.put_file("/etc/hosts", "127.0.0.1 localhost\n");
        files.put_file("/etc/app/a.conf", "x=1\n");
        files.put_file("/etc/app.d", "y");
        files.put("/conf", Entry::Link("/etc/app".into()));
        files
    }

    #[test]
    fn names_with_dots_and_directories() {
        let files = sample();
        assert_eq!(files.list("/etc").unwrap(), ["app", "app.d", "hosts"]);
        assert_eq!(files.list("/").unwrap(), ["conf", "etc"]);
        assert_eq!(files.list("/conf").unwrap(), ["a.conf"]);
        assert_eq!(files.list("/etc/hosts"), Err(FsError::NotDirectory));
        assert_eq!(files.list("/nosuch"), Err(FsError::NotFound));
    }

    #[test]
    fn links_are_followed() {
        let mut files = sample();
        assert_eq!(&*files.read("/conf/a.conf").unwrap(), "x=1\n");
        files.append("/conf/a.conf", "z\n", SimTime(5)).unwrap();
        assert_eq!(&*files.read("/etc/app/a.conf").unwrap(), "x=1\nz\n");
        files.link("/loop", "/loop").unwrap();
        assert_eq!(files.read("/loop"), Err(FsError::Loop));
    }

    #[test]
    fn refusals() {
        let mut files = sample();
        assert_eq!(files.write("/no/x", "", SimTime::ZERO), Err(FsError::NotFound));
        assert_eq!(files.write("/etc", "", SimTime::ZERO), Err(FsError::IsDirectory));
        assert_eq!(files.write("/etc/hosts/x", "", SimTime::ZERO), Err(FsError::NotDirectory));
        assert_eq!(files.remove("/etc"), Err(FsError::NotEmpty));
        assert_eq!(files.make_dir("/etc"), Err(FsError::Exists));
        assert_eq!(files.rename("/etc", "/etc/app/x"), Err(FsError::Invalid));
    }

    #[test]
    fn directories_move_with_their_content() {
        let mut files = sample();
        let old = files.clone();
        files.rename("/etc/app", "/srv").unwrap();
        assert_eq!(&*files.read("/srv/a.conf").unwrap(), "x=1\n");
        assert_eq!(files.read("/etc/app/a.conf"), Err(FsError::NotFound));
        assert!(old.read("/etc/app/a.conf").is_ok(), "the clone keeps what it had");
        files.extend("/srv/a.conf", 1 << 20, SimTime::ZERO).unwrap();
        assert_eq!(files.stat("/srv/a.conf").unwrap().size, 4 + (1 << 20));
    }

    #[test]
    fn every_change_moves_the_digest() {
        type Change = fn(&mut Files) -> Result<(), FsError>;
        let changes: [Change; 12] = [
            |f| f.write("/etc/hosts", "127.0.0.1 me\n", SimTime(1)),
            |f| f.append("/etc/hosts", "x", SimTime(1)),
            |f| f.append("/etc/new", "x", SimTime(2)),
            |f| f.extend("/etc/new", 3, SimTime(2)),
            |f| f.append("/etc/new", "", SimTime(3)),
            |f| f.make_dir("/var"),
            |f| f.chmod("/etc/hosts", 0o600),
            |f| f.chmod("/etc", 0o700),
            |f| f.link("/etc", "/conf2"),
            |f| f.remove("/conf"),
            |f| f.rename("/etc/app", "/srv"),
            |f| {
                f.remove_tree("/etc");
                Ok(())
            },
        ];
        let mut files = sample();
        let mut seen = vec![files.digest(Reading::Kept)];
        for change in changes {
            change(&mut files).unwrap();
            seen.push(files.digest(Reading::Kept));
            assert_eq!(files.drift(), 0);
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        files.remove_tree("/srv");
        files.remove_tree("/conf2");
        files.remove_tree("/var");
        assert_eq!(files.digest(Reading::Kept), Files::new().digest(Reading::Kept));
    }

    #[test]
    fn paths() {
        for (cwd, path, want) in
            [("/a", "b", "/a/b"), ("/a", "../..", "/"), ("/a", "/x/./y//", "/x/y"), ("/", "", "/")]
        {
            assert_eq!(normal(cwd, path), want);
        }
    }
}
