//! The small Unix tools that need nothing but files and their input. One line per tool.

mod info;
mod tar;
mod text;
mod trees;

use std::collections::BTreeMap;

use crate::base::time::SimTime;
use crate::posix::files::{FileSystem, Kind, normal};
use crate::posix::process::{Facts, Io};
use crate::posix::task::Task;

/// When a tool reads its input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// Never.
    Never,
    /// Always.
    Always,
    /// When it is given no file; the letters are options that take a value.
    WithoutFiles(&'static str),
    /// As its arguments say.
    When(fn(&[String]) -> bool),
}

impl Reads {
    /// Whether these arguments make it read its input.
    pub(super) fn input(self, args: &[String]) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::When(test) => test(args),
            Self::WithoutFiles(letters) => {
                let files = operands(args, letters);
                files.is_empty() || files.contains(&"-")
            }
        }
    }
}

/// A tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) reads: Reads,
    pub(super) run: fn(&mut Call<'_>) -> u8,
}

const fn tool(name: &'static str, reads: Reads, run: fn(&mut Call<'_>) -> u8) -> Tool {
    Tool { name, reads, run }
}

/// Every tool.
const TOOLS: &[Tool] = &[
    tool("[", Reads::Never, text::test),
    tool("awk", Reads::Always, text::awk),
    tool("base64", Reads::WithoutFiles("w"), text::base64),
    tool("basename", Reads::Never, text::basename),
    tool("chmod", Reads::Never, trees::chmod),
    tool("chown", Reads::Never, trees::chown),
    tool("clear", Reads::Never, |_| 0),
    tool("cp", Reads::Never, trees::cp),
    tool("date", Reads::Never, info::date),
    tool("dd", Reads::Never, trees::dd),
    tool("df", Reads::Never, info::df),
    tool("diff", Reads::Never, text::diff),
    tool("dirname", Reads::Never, text::dirname),
    tool("du", Reads::Never, trees::du),
    tool("echo", Reads::Never, text::echo),
    tool("expr", Reads::Never, text::expr),
    tool("find", Reads::Never, trees::find),
    tool("hostname", Reads::Never, info::hostname),
    tool("id", Reads::Never, info::id),
    tool("ln", Reads::Never, trees::ln),
    tool("ls", Reads::Never, trees::ls),
    tool("md5sum", Reads::WithoutFiles(""), text::checksum),
    tool("mkdir", Reads::Never, trees::mkdir),
    tool("mktemp", Reads::Never, trees::mktemp),
    tool("mv", Reads::Never, trees::mv),
    tool("nproc", Reads::Never, info::nproc),
    tool("pgrep", Reads::Never, info::pgrep),
    tool("printenv", Reads::Never, info::printenv),
    tool("printf", Reads::Never, text::printf),
    tool("ps", Reads::Never, info::ps),
    tool("readlink", Reads::Never, trees::readlink),
    tool("realpath", Reads::Never, trees::readlink),
    tool("rev", Reads::WithoutFiles(""), text::rev),
    tool("rm", Reads::Never, trees::rm),
    tool("rmdir", Reads::Never, trees::rmdir),
    tool("seq", Reads::Never, text::seq),
    tool("sha256sum", Reads::WithoutFiles(""), text::checksum),
    tool("sort", Reads::WithoutFiles("ktS"), text::sort),
    tool("stat", Reads::Never, trees::stat),
    tool("sync", Reads::Never, |_| 0),
    tool("tac", Reads::WithoutFiles(""), text::tac),
    tool("tail", Reads::WithoutFiles("nc"), text::tail),
    tool("tar", Reads::When(tar::reads), tar::tar),
    tool("test", Reads::Never, text::test),
    tool("touch", Reads::Never, trees::touch),
    tool("tree", Reads::Never, trees::tree),
    tool("tty", Reads::Never, info::tty),
    tool("uname", Reads::Never, info::uname),
    tool("uniq", Reads::WithoutFiles("fs"), text::uniq),
    tool("wc", Reads::WithoutFiles(""), text::wc),
    tool("whoami", Reads::Never, info::whoami),
];

/// A tool by name.
pub(super) fn find(name: &str) -> Option<&'static Tool> {
    if let Ok(at) = TOOLS.binary_search_by(|tool| tool.name.cmp(name)) {
        return TOOLS.get(at);
    }
    // Filters are tools too, run elsewhere.
    const FILTER: Tool = tool("", Reads::Never, |_| 0);
    crate::posix::filter::Filter::knows(name).then_some(&FILTER)
}

/// One call of a tool.
pub(super) struct Call<'a> {
    pub(super) argv: Vec<String>,
    pub(super) input: &'a str,
    pub(super) out: String,
    pub(super) err: String,
    pub(super) files: &'a mut dyn FileSystem,
    pub(super) cwd: String,
    pub(super) env: BTreeMap<String, String>,
    pub(super) now: SimTime,
    pub(super) facts: &'a Facts,
    /// Whether the text that is fed now is all there is.
    pub(super) last_chunk: bool,
}

impl<'a> Call<'a> {
    /// A call from a task.
    pub(super) fn new(task: &Task, argv: &[String], input: &'a str, io: &'a mut Io<'_>) -> Self {
        Self {
            argv: argv.to_vec(),
            input,
            out: String::new(),
            err: String::new(),
            files: &mut *io.files,
            cwd: task.cwd.to_string(),
            env: task.environment(),
            now: io.now,
            facts: io.facts,
            last_chunk: true,
        }
    }

    /// Arguments without the name.
    pub(super) fn args(&self) -> Vec<String> {
        self.argv.get(1..).unwrap_or(&[]).to_vec()
    }

    /// Arguments that are no options; the letters are options that take a value.
    pub(super) fn operands(&self, with_value: &str) -> Vec<String> {
        let args = self.argv.get(1..).unwrap_or(&[]);
        operands(args, with_value).into_iter().map(str::to_owned).collect()
    }

    /// Whether an option letter was given.
    pub(super) fn has(&self, letter: char) -> bool {
        let options = self.argv.iter().skip(1).take_while(|a| *a != "--");
        options
            .filter(|a| a.len() > 1 && a.starts_with('-') && !a.starts_with("--"))
            .any(|a| a.contains(letter))
    }

    /// The value of an option, attached or as the next argument.
    pub(super) fn value(&self, letter: char) -> Option<String> {
        let mut args = self.argv.iter().skip(1);
        while let Some(arg) = args.next() {
            let Some(option) = arg.strip_prefix('-') else { continue };
            if let Some(attached) = option.strip_prefix(letter) {
                return match attached {
                    "" => args.next().cloned(),
                    text => Some(text.to_owned()),
                };
            }
        }
        None
    }

    /// A line on standard error.
    pub(super) fn complain(&mut self, message: &str) {
        self.err.push_str(message);
        self.err.push('\n');
    }

    /// An absolute path.
    pub(super) fn path(&self, path: &str) -> String {
        normal(&self.cwd, path)
    }

    /// The texts of the files given, or the input.
    pub(super) fn texts(&mut self, with_value: &str) -> (Vec<(String, String)>, bool) {
        let name = self.argv.first().cloned().unwrap_or_default();
        let files = self.operands(with_value);
        if files.is_empty() {
            return (vec![(String::new(), self.input.to_owned())], true);
        }
        let mut all = Vec::new();
        let mut fine = true;
        for file in files {
            if file == "-" {
                all.push((file, self.input.to_owned()));
                continue;
            }
            match self.files.read(&self.path(&file)) {
                Ok(text) => all.push((file, text.to_string())),
                Err(error) => {
                    fine = false;
                    self.complain(&format!("{name}: can't open '{file}': {error}"));
                }
            }
        }
        (all, fine)
    }

    /// Every file below a path, as the path was spelled, sorted.
    pub(super) fn walk(&self, root: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![root.trim_end_matches('/').to_owned()];
        while let Some(path) = open.pop() {
            let full = self.path(if path.is_empty() { "/" } else { &path });
            match self.files.lstat(&full).map(|s| s.kind) {
                Ok(Kind::Directory) => {
                    let names = self.files.list(&full).unwrap_or_default();
                    open.extend(names.into_iter().rev().map(|name| format!("{path}/{name}")));
                }
                Ok(Kind::File) => found.push(path),
                Ok(Kind::Link | Kind::Device) | Err(_) => {}
            }
        }
        found
    }
}

/// Arguments that are no options.
fn operands<'a>(args: &'a [String], with_value: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut args = args.iter();
    let mut options = true;
    while let Some(arg) = args.next() {
        match arg.strip_prefix('-') {
            Some("-") if options => options = false,
            Some(letters) if options && !letters.is_empty() => {
                let lone = letters.len() == 1 && with_value.contains(letters);
                if lone {
                    args.next();
                }
            }
            Some(_) | None => found.push(arg.as_str()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TOOLS.is_sorted_by(|a, b| a.name < b.name));
    }
}
