//! What a command line means inside a container: which file is executed and as what.
//!
//! The order is the kernel's and the shell's: the file must exist in `$PATH` and be executable;
//! then shells, network tools and small tools are recognised by name, everything else is a program
//! of the image or a script.

use std::sync::Arc;

use crate::machine::proc::Birth;
use crate::machine::tools::{self, Tool};
use crate::machine::view::View;
use crate::posix::{FileSystem, Kind, Process, normal};

/// Names under which the shell is installed.
const SHELLS: [&str; 4] = ["sh", "ash", "dash", "bash"];
/// Where Linux looks when `PATH` is empty.
const FALLBACK_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is to be executed.
pub(super) enum Found {
    /// A shell with a text.
    Script { text: String, args: Vec<String> },
    /// A shell that reads its input.
    Interactive,
    /// A small tool that the shell's own code has.
    Applet,
    /// A tool of the runtime.
    Tool(Box<Tool>),
    /// Another file, with its text if it is a script.
    Executable { path: String, script: Option<String> },
}

/// Why a file cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExecError {
    NotInPath(String),
    Missing(String),
    Directory(String),
    Denied(String),
}

impl ExecError {
    /// As runc words it, from `exec: ` on, and the exit code.
    pub(super) fn oci_text(&self) -> (String, u8) {
        match self {
            Self::NotInPath(name) => {
                (format!("exec: {name:?}: executable file not found in $PATH"), 127)
            }
            Self::Missing(path) => {
                (format!("exec: {path:?}: stat {path}: no such file or directory"), 127)
            }
            Self::Directory(path) => {
                (format!("exec: {path:?}: is a directory: permission denied"), 126)
            }
            Self::Denied(path) => (format!("exec: {path:?}: permission denied"), 126),
        }
    }

    /// As a shell words it, and the exit code.
    pub(super) fn shell_text(&self, prefix: &str, name: &str) -> (String, u8) {
        match self {
            Self::NotInPath(_) | Self::Missing(_) => (format!("{prefix}{name}: not found\n"), 127),
            Self::Directory(_) | Self::Denied(_) => {
                (format!("{prefix}{name}: Permission denied\n"), 126)
            }
        }
    }
}

/// The value of an environment variable.
pub(super) fn env_value<'a>(env: &'a [String], name: &str) -> Option<&'a str> {
    env.iter().rev().filter_map(|e| e.split_once('=')).find(|(k, _)| *k == name).map(|(_, v)| v)
}

/// The executable file of a command.
pub(super) fn which(
    view: &View,
    name: &str,
    env: &[String],
    cwd: &str,
) -> Result<String, ExecError> {
    if name.contains('/') {
        let path = normal(cwd, name);
        let stat = view.stat(&path).map_err(|_| ExecError::Missing(name.to_owned()))?;
        if stat.kind == Kind::Directory {
            return Err(ExecError::Directory(name.to_owned()));
        }
        if stat.mode & 0o111 == 0 {
            return Err(ExecError::Denied(name.to_owned()));
        }
        return Ok(path);
    }
    let path = env_value(env, "PATH").unwrap_or(FALLBACK_PATH);
    for dir in path.split(':').filter(|d| !d.is_empty()) {
        let file = normal(dir, name);
        let executable =
            view.stat(&file).is_ok_and(|s| s.kind != Kind::Directory && s.mode & 0o111 != 0);
        if executable {
            return Ok(file);
        }
    }
    Err(ExecError::NotInPath(name.to_owned()))
}

/// What a command line means.
pub(super) fn find(view: &View, birth: &Birth) -> Result<Found, ExecError> {
    let name = birth.argv.first().map_or("", String::as_str);
    if name.is_empty() {
        return Err(ExecError::NotInPath(String::new()));
    }
    let path = which(view, name, &birth.env, &birth.cwd)?;
    let base = path.rsplit('/').next().unwrap_or("");
    let text = view.read(&path).unwrap_or_default();
    if !text.is_empty() {
        return Ok(Found::Executable { path, script: Some(text.to_string()) });
    }
    if SHELLS.contains(&base) {
        return Ok(shell(view, birth));
    }
    if let Some(tool) = tools::tool(base, birth) {
        return Ok(Found::Tool(Box::new(tool)));
    }
    if Process::knows(base) {
        return Ok(Found::Applet);
    }
    Ok(Found::Executable { path, script: None })
}

/// What a shell was asked to do.
fn shell(view: &View, birth: &Birth) -> Found {
    let mut args = birth.argv.iter().skip(1).peekable();
    let mut prefix = String::new();
    let mut command = false;
    while let Some(option) = args.next_if(|a| a.len() > 1 && a.starts_with(['-', '+'])) {
        if option == "--" {
            break;
        }
        for flag in option.chars().skip(1) {
            match flag {
                'c' => command = true,
                'e' | 'u' | 'x' => prefix.push_str(&format!("set -{flag}\n")),
                _ => {}
            }
        }
        if option == "-o" && args.next().is_some_and(|o| o == "pipefail") {
            prefix.push_str("set -o pipefail\n");
        }
    }
    let shell = birth.argv.first().cloned().unwrap_or_default();
    if command {
        let text = args.next().cloned().unwrap_or_default();
        let mut rest: Vec<String> = args.cloned().collect();
        if rest.is_empty() {
            rest.push(shell);
        }
        return Found::Script { text: prefix + &text, args: rest };
    }
    let Some(file) = args.next() else { return Found::Interactive };
    let rest: Vec<String> = std::iter::once(file.clone()).chain(args.cloned()).collect();
    match view.read(&normal(&birth.cwd, file)) {
        Ok(text) => Found::Script { text: prefix + &text, args: rest },
        Err(_) => {
            let text = format!(
                "echo \"{shell}: can't open '{file}': No such file or directory\" >&2; exit 2"
            );
            Found::Script { text, args: rest }
        }
    }
}

/// The user of a process: name, user number, group number.
///
/// # Errors
/// The daemon's text where the image has no such user.
pub(super) fn user(view: &View, spec: &str) -> Result<(Arc<str>, u32, u32), String> {
    let (name, group) = spec.split_once(':').unwrap_or((spec, ""));
    let passwd = view.read("/etc/passwd").unwrap_or_default();
    let rows = || passwd.lines().map(|l| l.split(':').collect::<Vec<_>>());
    let number = |text: Option<&&str>| text.and_then(|t| t.parse::<u32>().ok());
    let group = if group.is_empty() || group.parse::<u32>().is_ok() {
        group.to_owned()
    } else {
        let groups = view.read("/etc/group").unwrap_or_default();
        let mut rows = groups.lines().map(|l| l.split(':').collect::<Vec<_>>());
        let row = rows.find(|row| row.first() == Some(&group));
        let id = row.and_then(|row| row.get(2).map(|id| (*id).to_owned()));
        id.ok_or_else(|| {
            format!("unable to find group {group}: no matching entries in group file")
        })?
    };
    let group = group.as_str();
    if name.is_empty() || name == "root" || name == "0" {
        return Ok(("root".into(), 0, number(Some(&group)).unwrap_or(0)));
    }
    let row = match name.parse::<u32>() {
        Ok(uid) => match rows().find(|r| number(r.get(2)) == Some(uid)) {
            Some(row) => row,
            None => return Ok((name.into(), uid, number(Some(&group)).unwrap_or(0))),
        },
        Err(_) => rows().find(|r| r.first() == Some(&name)).ok_or_else(|| {
            format!("unable to find user {name}: no matching entries in passwd file")
        })?,
    };
    let uid = number(row.get(2)).unwrap_or(0);
    let gid = number(Some(&group)).or_else(|| number(row.get(3))).unwrap_or(0);
    Ok(((*row.first().unwrap_or(&name)).into(), uid, gid))
}
