//! Blocks: shell text of one or several lines, with built-ins between them.

use std::collections::VecDeque;

use crate::posix;

/// What begins a line that is no shell text.
pub const MARK: char = '@';

/// Part of a block that is run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Whole commands of the shell: one line, or several that belong together.
    Shell(String),
    /// A built-in, with its mark.
    Builtin(String),
}

/// Whether a block is whole; if not, a prompt asks for more of it.
#[must_use]
pub fn is_complete(block: &str) -> bool {
    match statements(block).pop() {
        Some(Statement::Shell(last)) => posix::complete(&format!("{last}\n")),
        Some(Statement::Builtin(_)) | None => true,
    }
}

/// The parts of a block; the last one may be unfinished.
#[must_use]
pub fn statements(block: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open = String::new();
    for line in block.lines() {
        if open.is_empty() && line.trim_start().starts_with(MARK) {
            found.push(Statement::Builtin(line.trim().to_owned()));
            continue;
        }
        if !open.is_empty() {
            open.push('\n');
        }
        open.push_str(line);
        if posix::complete(&format!("{open}\n")) {
            found.push(Statement::Shell(std::mem::take(&mut open)));
        }
    }
    if !open.is_empty() {
        found.push(Statement::Shell(open));
    }
    found
}

/// The next line of what is still to be typed, whatever it means: a program reads it.
pub(super) fn next_line(rest: &mut VecDeque<Statement>) -> Option<String> {
    let text = match rest.pop_front()? {
        Statement::Shell(text) | Statement::Builtin(text) => text,
    };
    match text.split_once('\n') {
        Some((line, more)) => {
            rest.push_front(Statement::Shell(more.to_owned()));
            Some(line.to_owned())
        }
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fall_into_statements() {
        let shell = |text: &str| Statement::Shell(text.to_owned());
        let own = |text: &str| Statement::Builtin(text.to_owned());
        for (block, wanted, whole) in [
            ("ls", vec![shell("ls")], true),
            ("a\nb\n", vec![shell("a"), shell("b")], true),
            (
                "docker run \\\n  -d \\\n  nginx",
                vec![shell("docker run \\\n  -d \\\n  nginx")],
                true,
            ),
            ("docker run \\", vec![shell("docker run \\")], false),
            (
                "cat <<E\n@wait\nE\n@wait 3s\nls",
                vec![shell("cat <<E\n@wait\nE"), own("@wait 3s"), shell("ls")],
                true,
            ),
            ("echo 'a\n\nb'", vec![shell("echo 'a\n\nb'")], true),
            ("if true; then\necho a", vec![shell("if true; then\necho a")], false),
            ("cat <<E\na", vec![shell("cat <<E\na")], false),
            ("echo )", vec![shell("echo )")], true),
            ("", vec![], true),
        ] {
            assert_eq!(statements(block), wanted, "{block:?}");
            assert_eq!(is_complete(block), whole, "{block:?}");
        }
    }

    #[test]
    fn programs_read_lines() {
        let mut rest: VecDeque<Statement> = statements("if true\nthen\n ls; fi\n@wait").into();
        let lines: Vec<String> = std::iter::from_fn(|| next_line(&mut rest)).collect();
        assert_eq!(lines, ["if true", "then", " ls; fi", "@wait"]);
    }
}
