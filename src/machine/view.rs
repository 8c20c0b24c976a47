//! The files as a container sees them: its root (image and own layer) with mounts laid over it.
//!
//! A view owns what it shows for the time of one step and is given back afterwards; taking it is
//! cheap because files are copy-on-write. Left out: links that lead from one mount into another.

use std::sync::Arc;

use crate::base::time::SimTime;
use crate::machine::container::Container;
use crate::machine::host::Host;
use crate::machine::spec::MountSource;
use crate::posix::{Entry, FileSystem, Files, FsError, Kind, Stat, normal, parent};

/// Where a store of files belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Volume(Arc<str>),
    Host,
    Tmpfs(String),
    Own,
}

#[derive(Clone, Debug)]
struct Point {
    target: String,
    store: usize,
    sub: String,
    read_only: bool,
}

/// A container's files for one step.
#[derive(Clone, Debug)]
pub(super) struct View {
    root: Files,
    read_only: bool,
    stores: Vec<(Owner, Files)>,
    points: Vec<Point>,
}

impl View {
    /// Take the files of a container.
    pub(super) fn take(host: &mut Host, container: &mut Container) -> Self {
        let root = std::mem::take(&mut container.live.root);
        let spec = container.spec.clone();
        let mut view =
            Self { root, read_only: spec.read_only, stores: Vec::new(), points: Vec::new() };
        if !spec.files.is_empty() {
            let own = std::mem::take(&mut container.live.own);
            let store = view.store(Owner::Own, || own);
            for path in spec.files.keys() {
                let target = normal("/", path);
                view.points.push(Point { sub: target.clone(), target, store, read_only: false });
            }
        }
        for mount in &spec.mounts {
            let target = normal("/", &mount.target);
            let (store, sub) = match &mount.source {
                MountSource::Volume { name, subpath, .. } => {
                    let take = || {
                        let volume = host.volumes.get_mut(name);
                        volume.map(|v| std::mem::take(&mut v.files)).unwrap_or_default()
                    };
                    (view.store(Owner::Volume(name.clone()), take), normal("/", subpath))
                }
                MountSource::Bind(path) => {
                    let take = || std::mem::take(&mut host.files);
                    (view.store(Owner::Host, take), normal("/", path))
                }
                MountSource::Tmpfs => {
                    let take = || container.live.tmpfs.remove(&target).unwrap_or_default();
                    (view.store(Owner::Tmpfs(target.clone()), take), "/".to_owned())
                }
            };
            view.points.push(Point { target, store, sub, read_only: mount.read_only });
        }
        view
    }

    fn store(&mut self, owner: Owner, take: impl FnOnce() -> Files) -> usize {
        if let Some(at) = self.stores.iter().position(|(have, _)| *have == owner) {
            return at;
        }
        self.stores.push((owner, take()));
        self.stores.len() - 1
    }

    /// Give the files back to where they belong.
    pub(super) fn give_back(self, host: &mut Host, container: &mut Container) {
        container.live.root = self.root;
        for (owner, files) in self.stores {
            match owner {
                Owner::Volume(name) => {
                    if let Some(volume) = host.volumes.get_mut(&name) {
                        volume.files = files;
                    }
                }
                Owner::Host => host.files = files,
                Owner::Tmpfs(target) => {
                    container.live.tmpfs.insert(target, files);
                }
                Owner::Own => container.live.own = files,
            }
        }
    }

    /// Everything as one tree.
    pub(super) fn merged(&self) -> Files {
        let mut all = self.root.clone();
        for point in &self.points {
            let Some((_, files)) = self.stores.get(point.store) else { continue };
            all.remove_tree(&point.target);
            if let Some(entry) = files.get(&point.sub) {
                all.put(&point.target, entry.clone());
            } else {
                all.put(&point.target, Entry::Directory { mode: 0o755 });
            }
            let prefix = if point.sub == "/" { "/".to_owned() } else { format!("{}/", point.sub) };
            for (path, entry) in files.iter().filter(|(path, _)| path.starts_with(&prefix)) {
                let rest = path.get(prefix.len()..).unwrap_or("");
                all.put(&format!("{}/{rest}", point.target), entry.clone());
            }
        }
        all
    }

    /// The first target below which a directory would cover a file, or a file a directory.
    pub(super) fn clash(&self) -> Option<&str> {
        let mut below = Self { points: Vec::new(), ..self.clone() };
        for point in &self.points {
            let source = self.stores.get(point.store).and_then(|(_, files)| files.get(&point.sub));
            let is_dir = matches!(source, None | Some(Entry::Directory { .. }));
            let under = below.stat(&point.target).map(|s| s.kind == Kind::Directory);
            if under.is_ok_and(|dir| dir != is_dir) {
                return Some(&point.target);
            }
            below.points.push(point.clone());
        }
        None
    }

    fn point(&self, path: &str) -> Option<&Point> {
        self.points.iter().rev().find(|p| {
            path == p.target
                || p.target == "/"
                || path.strip_prefix(p.target.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    fn place<'a>(&'a self, path: &str) -> (&'a Files, String) {
        match self.point(path).and_then(|p| self.stores.get(p.store).map(|s| (p, &s.1))) {
            Some((point, files)) => (files, inner(point, path)),
            None => (&self.root, path.to_owned()),
        }
    }

    fn place_mut(&mut self, path: &str) -> Result<(&mut Files, String), FsError> {
        let Some(point) = self.point(path) else {
            return if self.read_only {
                Err(FsError::ReadOnly)
            } else {
                Ok((&mut self.root, path.to_owned()))
            };
        };
        if point.read_only {
            return Err(FsError::ReadOnly);
        }
        let (store, path) = (point.store, inner(point, path));
        let files = self.stores.get_mut(store).map(|s| &mut s.1).ok_or(FsError::NotFound)?;
        Ok((files, path))
    }

    fn is_point(&self, path: &str) -> bool {
        self.points.iter().any(|p| p.target == path)
    }
}

/// A path inside a mount's store.
fn inner(point: &Point, path: &str) -> String {
    let rest = path.get(point.target.len()..).unwrap_or("").trim_start_matches('/');
    normal(&point.sub, rest)
}

impl FileSystem for View {
    fn lstat(&self, path: &str) -> Result<Stat, FsError> {
        let (files, path) = self.place(path);
        files.lstat(&path)
    }

    fn stat(&self, path: &str) -> Result<Stat, FsError> {
        let (files, inside) = self.place(path);
        match files.stat(&inside) {
            Err(FsError::NotFound) if self.is_point(path) => {
                let now = SimTime::ZERO;
                Ok(Stat { kind: Kind::Directory, size: 4096, mode: 0o755, modified: now })
            }
            other => other,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<str>, FsError> {
        let (files, path) = self.place(path);
        files.read(&path)
    }

    fn write(&mut self, path: &str, content: &str, now: SimTime) -> Result<(), FsError> {
        let (files, path) = self.place_mut(path)?;
        files.write(&path, content, now)
    }

    fn append(&mut self, path: &str, content: &str, now: SimTime) -> Result<(), FsError> {
        let (files, path) = self.place_mut(path)?;
        files.append(&path, content, now)
    }

    fn extend(&mut self, path: &str, zeros: u64, now: SimTime) -> Result<(), FsError> {
        let (files, path) = self.place_mut(path)?;
        files.extend(&path, zeros, now)
    }

    fn make_dir(&mut self, path: &str) -> Result<(), FsError> {
        if self.is_point(path) {
            return Err(FsError::Exists);
        }
        let (files, path) = self.place_mut(path)?;
        files.make_dir(&path)
    }

    fn remove(&mut self, path: &str) -> Result<(), FsError> {
        if self.is_point(path) {
            return Err(FsError::Busy);
        }
        let (files, path) = self.place_mut(path)?;
        files.remove(&path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FsError> {
        let (files, inside) = self.place(path);
        let mut names = match files.list(&inside) {
            Err(FsError::NotFound) if self.is_point(path) => Vec::new(),
            other => other?,
        };
        for point in self.points.iter().filter(|p| p.target != "/" && parent(&p.target) == path) {
            let name = point.target.rsplit('/').next().unwrap_or("").to_owned();
            if let Err(at) = names.binary_search(&name) {
                names.insert(at, name);
            }
        }
        Ok(names)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), FsError> {
        if self.is_point(from) || self.is_point(to) {
            return Err(FsError::Busy);
        }
        let same = match (self.point(from), self.point(to)) {
            (None, None) => true,
            (Some(a), Some(b)) => a.store == b.store,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            let to = self.place(to).1;
            let (files, from) = self.place_mut(from)?;
            return files.rename(&from, &to);
        }
        // Across file systems `mv` copies and removes; here for files only.
        let (content, mode) = (self.read(from)?, self.stat(from)?.mode);
        let modified = self.stat(from)?.modified;
        self.write(to, &content, modified)?;
        self.chmod(to, mode)?;
        self.remove(from)
    }

    fn chmod(&mut self, path: &str, mode: u32) -> Result<(), FsError> {
        let (files, path) = self.place_mut(path)?;
        files.chmod(&path, mode)
    }

    fn link(&mut self, target: &str, path: &str) -> Result<(), FsError> {
        let (files, path) = self.place_mut(path)?;
        files.link(target, &path)
    }

    fn read_link(&self, path: &str) -> Result<Arc<str>, FsError> {
        let (files, path) = self.place(path);
        files.read_link(&path)
    }
}
