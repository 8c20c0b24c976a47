//! Reading a transcript.

use anyhow::{Result, anyhow, bail};

use crate::base::time::SimDuration;
use crate::native::transcript::{Action, Printed, Section, Setting, Step, Tags, Transcript, Typed};

/// What stands between a line and its tags.
const TAGS: &str = "  # ";
/// Beginnings of a line that an output may not have without a `\` before it.
const MARKS: [&str; 6] = ["$ ", "! ", "? ", "@", "## ", "\\"];

/// Read a transcript.
///
/// # Errors
/// With file and line, if it is not as [`crate::native::transcript`] says.
pub fn transcript(path: &str, text: &str) -> Result<Transcript> {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut reader = Reader { path, lines: &lines, at: 0 };
    let mut head = Setting::default();
    while let Some(line) = reader.peek().filter(|line| !line.starts_with("## ")) {
        let line = line.to_owned();
        reader.setting(&mut head, &line)?;
        reader.at += 1;
    }
    if head.source.is_empty() || head.world.is_empty() {
        bail!("{path}:1: the head needs \"# source: …\" and \"# world: …\"");
    }
    let mut sections = Vec::new();
    while reader.peek().is_some() {
        sections.push(reader.section(&head)?);
    }
    Ok(Transcript { path: path.to_owned(), lines, sections })
}

struct Reader<'a> {
    path: &'a str,
    lines: &'a [String],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.at).map(String::as_str)
    }

    fn error(&self, what: &str) -> anyhow::Error {
        anyhow!("{}:{}: {what}", self.path, self.at + 1)
    }

    /// A `# key: value` line of a head; other lines with `#` are comments.
    fn setting(&self, setting: &mut Setting, line: &str) -> Result<()> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let Some(comment) = line.strip_prefix('#') else {
            return Err(self.error("a head has only lines with # before the first ## section"));
        };
        let Some((key, value)) = comment.split_once(':') else { return Ok(()) };
        let value = value.trim().to_owned();
        match key.trim() {
            "source" => setting.source = value,
            "world" => setting.world = value,
            "folder" => setting.folder = Some(value),
            "namespace" => setting.namespace = Some(value),
            "images" => setting.images = value.split_whitespace().map(str::to_owned).collect(),
            "node" => setting.nodes.push(value),
            _ => {}
        }
        Ok(())
    }

    fn section(&mut self, head: &Setting) -> Result<Section> {
        let line = self.at;
        let name = self.peek().and_then(|line| line.strip_prefix("## "));
        let name = name.ok_or_else(|| self.error("expected ## and a name"))?.trim().to_owned();
        self.at += 1;
        let mut section = Section {
            name,
            line,
            known_gap: None,
            continues: false,
            setting: head.clone(),
            steps: Vec::new(),
        };
        while let Some(line) = self.peek() {
            if let Some(reason) = line.strip_prefix("known_gap:") {
                let reason = reason.trim();
                if !reason.ends_with(')') || !reason.contains(" (20") {
                    return Err(self.error("known_gap: reason (YYYY-MM-DD)"));
                }
                section.known_gap = Some(reason.to_owned());
            } else if line.trim() == "# continue" {
                section.continues = true;
            } else if line.starts_with('#') && !line.starts_with("## ") || line.is_empty() {
                self.setting(&mut section.setting, line)?;
            } else {
                break;
            }
            self.at += 1;
        }
        while let Some(line) = self.peek().filter(|line| !line.starts_with("## ")) {
            if let Some(typed) = line.strip_prefix("$ ") {
                let step = self.typed(typed)?;
                section.steps.push(step);
            } else if let Some(word) = line.strip_prefix('@') {
                let step = self.builtin(word)?;
                section.steps.push(step);
            } else if line.is_empty() {
                self.at += 1;
            } else {
                return Err(self.error("expected $ and a line, @ and a word, or ## and a name"));
            }
        }
        Ok(section)
    }

    fn typed(&mut self, first: &str) -> Result<Step> {
        let line = self.at;
        let (first, tags) = split_tags(first);
        self.at += 1;
        let mut text = first.to_owned();
        for more in self.continuation() {
            text.push('\n');
            text.push_str(&more);
        }
        let start = self.at;
        let mut printed = Printed::default();
        while let Some(line) = self.peek() {
            if line.starts_with("$ ") || line.starts_with('@') || line.starts_with("## ") {
                break;
            }
            if line == "!" || line.starts_with("! ") {
                printed.stderr.push_str(line.get(2..).unwrap_or(""));
                printed.stderr.push('\n');
            } else if let Some(code) = line.strip_prefix("? ") {
                let code = code.trim().parse();
                printed.exit = code.map_err(|_| self.error("? and an exit code"))?;
            } else {
                printed.stdout.push_str(line.strip_prefix('\\').unwrap_or(line));
                printed.stdout.push('\n');
            }
            self.at += 1;
        }
        trim_end(&mut printed.stdout);
        trim_end(&mut printed.stderr);
        let range = start..self.at;
        Ok(Step { line, action: Action::Type(Typed { text, tags, printed, range }) })
    }

    /// The `> ` lines below.
    fn continuation(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.peek() {
            let Some(more) = line.strip_prefix('>') else { break };
            lines.push(more.strip_prefix(' ').unwrap_or(more).to_owned());
            self.at += 1;
        }
        lines
    }

    fn builtin(&mut self, words: &str) -> Result<Step> {
        let line = self.at;
        let words: Vec<&str> = words.split_whitespace().collect();
        let duration = |text: &str| {
            SimDuration::parse_go(text).ok_or_else(|| self.error("a duration such as 3s or 1m30s"))
        };
        let action = match words.as_slice() {
            ["wait", time] => Action::Wait(duration(time)?),
            ["at", time] => Action::At(duration(time)?),
            ["file", rest @ ..] => {
                let (open, path) = match rest {
                    ["-n", path] => (true, *path),
                    [path] => (false, *path),
                    _ => return Err(self.error("@file [-n] PATH")),
                };
                let path = path.to_owned();
                self.at += 1;
                let mut text = self.continuation().join("\n");
                if !open && !text.is_empty() {
                    text.push('\n');
                }
                return Ok(Step { line, action: Action::File { path, text } });
            }
            [] => return Err(self.error("a word after @")),
            words => Action::Other(words.iter().map(|w| (*w).to_owned()).collect()),
        };
        self.at += 1;
        Ok(Step { line, action })
    }
}

/// A line and its tags; what only looks like tags belongs to the line.
fn split_tags(line: &str) -> (&str, Tags) {
    if let Some((text, words)) = line.rsplit_once(TAGS)
        && let Some(tags) = tags(words)
    {
        return (text.trim_end(), tags);
    }
    (line, Tags::default())
}

fn tags(words: &str) -> Option<Tags> {
    let mut tags = Tags::default();
    for word in words.split(',').map(str::trim) {
        match word.split_once(' ').unwrap_or((word, "")) {
            ("any", "order") => tags.any_order = true,
            ("any", "node") => tags.any_node = true,
            ("any", "age") => tags.any_age = true,
            ("any", "output") => tags.any_output = true,
            ("tty", "") => tags.tty = true,
            ("background", "") => tags.background = true,
            ("ctrl-c", after) => tags.interrupt = Some(SimDuration::parse_go(after)?),
            ("on", host) if !host.contains(' ') => tags.host = Some(host.to_owned()),
            _ => return None,
        }
    }
    Some(tags)
}

/// The tags of a line as they are written after it; empty without any.
#[must_use]
pub fn write_tags(tags: &Tags) -> String {
    let mut words = Vec::new();
    let plain = [
        (tags.any_order, "any order"),
        (tags.any_node, "any node"),
        (tags.any_age, "any age"),
        (tags.any_output, "any output"),
        (tags.tty, "tty"),
        (tags.background, "background"),
    ];
    words.extend(plain.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
    words.extend(tags.interrupt.map(|after| format!("ctrl-c {}", after.go_string())));
    words.extend(tags.host.as_ref().map(|host| format!("on {host}")));
    if words.is_empty() { String::new() } else { format!("{TAGS}{}", words.join(", ")) }
}

/// What a line prints, as it stands in a transcript, without blank lines at the end.
#[must_use]
pub fn write_printed(printed: &Printed) -> Vec<String> {
    let lines = |text: &str| -> Vec<String> {
        let mut text = text.to_owned();
        trim_end(&mut text);
        text.lines().map(str::to_owned).collect()
    };
    let mut out = Vec::new();
    for line in lines(&printed.stdout) {
        let marked = MARKS.iter().any(|mark| line.starts_with(mark)) || line == "!";
        out.push(if marked { format!("\\{line}") } else { line });
    }
    for line in lines(&printed.stderr) {
        out.push(if line.is_empty() { "!".to_owned() } else { format!("! {line}") });
    }
    if printed.exit != 0 {
        out.push(format!("? {}", printed.exit));
    }
    out
}

/// Remove blank lines at the end; what is left ends with a line's end.
pub(super) fn trim_end(text: &mut String) {
    let kept = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(kept);
    if !text.is_empty() {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# source: a test\n# world: docker\n\n";

    #[test]
    fn a_session_is_read_and_written() {
        let text = format!(
            "{HEAD}## one\nknown_gap: not yet (2026-11-30)\n# folder: shop\n\
             $ cat > a <<'E'  # any order, on node2\n> x\n>\n> E\n\nout\n\\$ odd\n\n! bad\n!\n? 3\n\n\
             @wait 3s\n@file -n b/c\n> y\n\n## two\n# continue\n$ true # not a tag\n"
        );
        let read = transcript("t.txt", &text).unwrap();
        let [one, two] = read.sections.as_slice() else { panic!("{read:?}") };
        assert_eq!(one.known_gap.as_deref(), Some("not yet (2026-11-30)"));
        assert_eq!(one.setting.folder.as_deref(), Some("shop"));
        assert!(two.continues && two.setting.folder.is_none());
        let Action::Type(typed) = &one.steps[0].action else { panic!() };
        assert_eq!(typed.text, "cat > a <<'E'\nx\n\nE");
        assert!(typed.tags.any_order);
        assert_eq!(write_tags(&typed.tags), "  # any order, on node2");
        let printed =
            Printed { stdout: "\nout\n$ odd\n".to_owned(), stderr: "bad\n".to_owned(), exit: 3 };
        assert_eq!(typed.printed, printed);
        assert_eq!(write_printed(&printed), ["", "out", "\\$ odd", "! bad", "? 3"]);
        assert!(matches!(one.steps[1].action, Action::Wait(d) if d.as_secs() == 3));
        let Action::File { path, text } = &one.steps[2].action else { panic!() };
        assert_eq!((path.as_str(), text.as_str()), ("b/c", "y"));
        let Action::Type(typed) = &two.steps[0].action else { panic!() };
        assert_eq!(typed.text, "true # not a tag");
    }

    #[test]
    fn mistakes_have_a_line() {
        for (text, message) in [
            ("$ ls\n", "t.txt:1: a head has only lines with # before the first ## section"),
            ("# world: docker\n## a\n", "t.txt:1: the head needs"),
            (&format!("{HEAD}## a\nout\n"), "t.txt:5: expected $ and a line"),
            (&format!("{HEAD}## a\nknown_gap: because\n"), "t.txt:5: known_gap: reason"),
            (&format!("{HEAD}## a\n@wait long\n"), "t.txt:5: a duration"),
            (&format!("{HEAD}## a\n$ x\n? y\n"), "t.txt:6: ? and an exit code"),
        ] {
            let error = transcript("t.txt", text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
