//! `docker cp`.

use crate::docker::api::{ArchiveEntry, Reply, Request};
use crate::docker::{human_size, target_problem};
use crate::posix::archive::{self, Member};
use crate::posix::{FileSystem as _, Kind as FileKind, normal};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::job::{Io, Ticket, Wake};

/// Files in one copy.
const MAX_FILES: usize = 10_000;

pub(crate) const SPEC: Spec = Spec {
    path: "cp",
    usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    about: "Copy files/folders between a container and the local filesystem",
    count: Count::Exactly(2),
    stop_at_argument: false,
    flags: &[
        flag("archive", 'a', Kind::Bool, "Archive mode (copy all uid/gid information)"),
        flag("follow-link", 'L', Kind::Bool, "Always follow symbol link in SRC_PATH"),
        flag("quiet", 'q', Kind::Bool, "Suppress progress output during copy"),
    ],
};

/// A running `cp`.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    ticket: Ticket,
    /// Where files from the container go; `None` for the other direction.
    target: Option<String>,
    source: String,
    report: Option<String>,
}

/// `container:path`; a path that begins with `/` or `.` is local.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    if text.starts_with(['/', '.']) {
        return None;
    }
    text.split_once(':').filter(|(name, _)| !name.is_empty())
}

fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

pub(crate) fn copy(parsed: Parsed, io: &mut Io<'_>) -> State {
    let [source, target] = parsed.args.as_slice() else { return State::Over };
    let quiet = parsed.is("quiet") || !io.tty;
    match (split(source), split(target)) {
        (Some(_), Some(_)) => State::fail("copying between containers is not supported", 1, io),
        (None, None) => State::fail("must specify at least one container source", 1, io),
        (Some((id, path)), None) => {
            let request = Request::ContainerCopyFrom { id: id.to_owned(), path: path.to_owned() };
            let ticket = io.ask_docker(request);
            let report = (!quiet && target != "-").then(|| target.clone());
            State::Copy(Copy {
                ticket,
                target: Some(target.clone()),
                source: path.to_owned(),
                report,
            })
        }
        (None, Some((id, path))) if source == "-" => {
            let Ok(files) = unpacked(io) else {
                return State::fail("unexpected EOF", 1, io);
            };
            let (id, path) = (id.to_owned(), path.to_owned());
            let request = Request::ContainerCopyTo { unpack: true, id, path, files };
            let ticket = io.ask_docker(request);
            State::Copy(Copy { ticket, target: None, source: source.clone(), report: None })
        }
        (None, Some((id, path))) => {
            let local = normal(io.cwd, source);
            let files = match gather(source, io) {
                Ok(files) => files,
                Err(text) => return State::fail(&text, 1, io),
            };
            let report = (!quiet).then(|| format!("{id}:{path}"));
            let (id, path) = (id.to_owned(), path.to_owned());
            let request = Request::ContainerCopyTo { unpack: false, id, path, files };
            let ticket = io.ask_docker(request);
            State::Copy(Copy { ticket, target: None, source: local, report })
        }
    }
}

/// Whether a path means what is in a directory instead of the directory.
fn contents(path: &str) -> bool {
    path == "." || path.ends_with("/.")
}

/// The files of an archive that comes through a pipe.
fn unpacked(io: &Io<'_>) -> Result<Vec<ArchiveEntry>, ()> {
    let members = archive::read(io.stdin.unwrap_or("")).ok_or(())?.0;
    let entry = |member: Member| ArchiveEntry {
        path: format!("./{}", member.name.trim_start_matches("./").trim_end_matches('/')),
        content: member.content,
        mode: member.mode,
    };
    Ok(members.into_iter().map(entry).collect())
}

/// A local file or directory as entries whose paths begin with its name.
pub(crate) fn gather(source: &str, io: &Io<'_>) -> Result<Vec<ArchiveEntry>, String> {
    let path = normal(io.cwd, source);
    let missing = || format!("lstat {path}: no such file or directory");
    io.files.stat(&path).map_err(|_| missing())?;
    let name = if contents(source) { ".".to_owned() } else { base_name(&path).to_owned() };
    let mut entries = Vec::new();
    let mut waiting = vec![(path.clone(), name)];
    while let Some((path, name)) = waiting.pop() {
        if entries.len() >= MAX_FILES {
            break;
        }
        let Ok(stat) = io.files.stat(&path) else { continue };
        if stat.kind == FileKind::Directory {
            for child in io.files.list(&path).unwrap_or_default().into_iter().rev() {
                waiting.push((normal(&path, &child), format!("{name}/{child}")));
            }
            entries.push(ArchiveEntry { path: name, content: None, mode: stat.mode });
        } else {
            let content = io.files.read(&path).map(|c| c.to_string()).unwrap_or_default();
            entries.push(ArchiveEntry { path: name, content: Some(content), mode: stat.mode });
        }
    }
    Ok(entries)
}

/// Write entries from a container below a local path.
pub(crate) fn store(
    entries: &[ArchiveEntry],
    source: &str,
    target: &str,
    io: &mut Io<'_>,
) -> Result<(), String> {
    let local = normal(io.cwd, target);
    let found = io.files.stat(&local).map(|s| s.kind).ok();
    let directory = entries.first().is_some_and(|entry| entry.content.is_none());
    if found.is_some_and(|kind| kind != FileKind::Directory) && target.ends_with('/') {
        return Err(format!("stat {local}/: not a directory"));
    }
    if let Some(problem) = target_problem(target, found, directory) {
        return Err(problem.to_owned());
    }
    let parent = crate::posix::parent(&local).to_owned();
    if io.files.stat(&parent).map(|s| s.kind) != Ok(FileKind::Directory) {
        return Err(format!("invalid output path: directory {parent:?} does not exist"));
    }
    let into = found.is_some() && !contents(source);
    let root = match found {
        Some(FileKind::Directory) if into => normal(&local, base_name(source)),
        _ => local,
    };
    for entry in entries {
        let path = normal(&root, &entry.path);
        let result = match &entry.content {
            None => match io.files.make_dir(&path) {
                Err(crate::posix::FsError::Exists) => Ok(()),
                other => other,
            },
            Some(content) => io.files.write(&path, content, io.now),
        };
        result.map_err(|e| format!("open {path}: {}", e.to_string().to_lowercase()))?;
    }
    Ok(())
}

/// A tar archive of entries.
fn tar(entries: &[ArchiveEntry], source: &str) -> String {
    let base = base_name(source);
    let members: Vec<Member> = entries
        .iter()
        .map(|entry| Member {
            name: match entry.path.as_str() {
                "" => base.to_owned(),
                path => format!("{base}/{path}"),
            },
            content: entry.content.clone(),
            mode: entry.mode,
            link: String::new(),
        })
        .collect();
    archive::write(&members, "")
}

impl Copy {
    /// Go on.
    pub(crate) fn resume(&self, wake: Wake, io: &mut Io<'_>) {
        let result = match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => result,
            Wake::Signal(signal) => return io.exit(128 + signal),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => return,
        };
        match result {
            Ok(Reply::Archive(entries)) => {
                let target = self.target.clone().unwrap_or_default();
                if target == "-" {
                    io.out(tar(&entries, &self.source));
                } else if let Err(text) = store(&entries, &self.source, &target, io) {
                    io.err(format!("{text}\n"));
                    return io.exit(1);
                }
                let bytes = entries.iter().map(|e| e.content.as_ref().map_or(0, String::len)).sum();
                self.done(bytes, io);
            }
            Ok(_) => self.done(0, io),
            Err(error) => {
                io.err(format!("{}\n", error.client_text()));
                io.exit(1);
            }
        }
    }

    fn done(&self, bytes: usize, io: &mut Io<'_>) {
        if let Some(target) = &self.report {
            let size = human_size(bytes as u64);
            io.err(format!("Successfully copied {size} to {target}\n"));
        }
        io.exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(split("app:/tmp/f"), Some(("app", "/tmp/f")));
        assert_eq!(split("./a:b"), None);
        assert_eq!(split("/tmp/f"), None);
        assert_eq!(base_name("/tmp/dir/"), "dir");
        let entry =
            ArchiveEntry { path: String::new(), content: Some("hello\n".into()), mode: 0o644 };
        let archive = tar(&[entry], "/tmp/f.txt");
        assert!(archive.starts_with("f.txt\0"));
    }
}
