//! The lines of a transcript that a recorder needs: what is typed, what waits, where output stands.
//!
//! `src/native/transcript` has the whole format; here it is read line by line, so that all that is
//! not output stays as it was written.

/// A piece of a file, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Lines that are kept.
    Kept(Vec<String>),
    /// A line that is typed; what it printed before is left out.
    Typed {
        /// The lines of the file that say so.
        lines: Vec<String>,
        /// What is typed.
        text: String,
        /// `any order`, `tty`, `ctrl-c 5s`, `background`.
        tags: Vec<String>,
    },
    /// `@` and words.
    Word(Vec<String>),
    /// `@file` and its content.
    File {
        /// The lines of the file that say so.
        lines: Vec<String>,
        /// Where to.
        path: String,
        /// What.
        text: String,
    },
}

/// A section: its name and pieces. The head of a file has an empty name.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub pieces: Vec<Piece>,
}

/// Beginnings of a line that an output may not have without a `\` before it.
const MARKS: [&str; 6] = ["$ ", "! ", "? ", "@", "## ", "\\"];

/// Read a file.
#[must_use]
pub fn read(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { name: String::new(), pieces: Vec::new() }];
    let mut lines = text.lines().peekable();
    let mut printed = false;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            sections.push(Section { name: name.trim().to_owned(), pieces: Vec::new() });
            printed = false;
        }
        let Some(section) = sections.last_mut() else { continue };
        let mut all = vec![line.to_owned()];
        let mut more = Vec::new();
        if line.starts_with("$ ") || line.starts_with("@file") {
            while let Some(next) = lines.next_if(|next| *next == ">" || next.starts_with("> ")) {
                more.push(next.get(2..).unwrap_or("").to_owned());
                all.push(next.to_owned());
            }
        }
        if let Some(typed) = line.strip_prefix("$ ") {
            let (first, tags) = typed.rsplit_once("  # ").unwrap_or((typed, ""));
            let tags = tags.split(", ").filter(|t| !t.is_empty()).map(str::to_owned).collect();
            let mut text = first.to_owned();
            for line in more {
                text = text + "\n" + &line;
            }
            section.pieces.push(Piece::Typed { lines: all, text, tags });
            printed = true;
        } else if let Some(path) = line.strip_prefix("@file ") {
            let (path, end) = path.strip_prefix("-n ").map_or((path, "\n"), |path| (path, ""));
            let text = more.join("\n") + end;
            section.pieces.push(Piece::File { lines: all, path: path.trim().to_owned(), text });
            printed = false;
        } else if let Some(words) = line.strip_prefix('@') {
            let words = words.split_whitespace().map(str::to_owned).collect();
            section.pieces.push(Piece::Word(words));
            printed = false;
        } else if !printed {
            match section.pieces.last_mut() {
                Some(Piece::Kept(kept)) => kept.push(line.to_owned()),
                _ => section.pieces.push(Piece::Kept(all)),
            }
        }
    }
    sections
}

/// What was printed, as lines of a transcript.
#[must_use]
pub fn printed(stdout: &str, stderr: &str, exit: i32) -> Vec<String> {
    let mut lines = Vec::new();
    for line in stdout.trim_end_matches('\n').lines() {
        let marked = MARKS.iter().any(|mark| line.starts_with(mark));
        let mark = if marked || line == "!" { "\\" } else { "" };
        lines.push(format!("{mark}{line}"));
    }
    for line in stderr.trim_end_matches('\n').lines() {
        lines.push(if line.is_empty() { "!".to_owned() } else { format!("! {line}") });
    }
    if exit != 0 {
        lines.push(format!("? {exit}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_left_out_and_the_rest_kept() {
        let text = "# world: docker\n\n## one\nknown_gap: no (2026)\n$ cat <<E  # any order\n\
                    > a\n> E\na\n\n! b\n? 1\n@wait 3s\n@file -n x\n> y\n";
        let sections = read(text);
        assert_eq!(sections.len(), 2);
        let kept = |lines: &[&str]| Piece::Kept(lines.iter().map(|l| (*l).to_owned()).collect());
        assert_eq!(sections[0].pieces, [kept(&["# world: docker", ""])]);
        let pieces = &sections[1].pieces;
        assert_eq!(pieces[0], kept(&["## one", "known_gap: no (2026)"]));
        let Piece::Typed { text, tags, lines } = &pieces[1] else { panic!("{pieces:?}") };
        assert_eq!((text.as_str(), lines.len()), ("cat <<E\na\nE", 3));
        assert_eq!(tags, &["any order"]);
        assert_eq!(pieces[2], Piece::Word(vec!["wait".to_owned(), "3s".to_owned()]));
        let Piece::File { path, text, .. } = &pieces[3] else { panic!("{pieces:?}") };
        assert_eq!((path.as_str(), text.as_str()), ("x", "y"));
    }

    #[test]
    fn output_that_looks_like_a_mark_is_escaped() {
        assert_eq!(printed("$ a\nb\n\n", "c\n\nd\n", 2), ["\\$ a", "b", "! c", "!", "! d", "? 2"]);
    }
}
