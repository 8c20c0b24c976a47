//! Dockerfiles as text: lines, continuations, comments, JSON forms, heredocs (BuildKit
//! `frontend/dockerfile/parser`, `instructions`).

use crate::docker::build::words;

/// Most instructions in one file.
const MAX_INSTRUCTIONS: usize = 2_000;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Upper-case word.
    pub(crate) word: String,
    /// The word as written.
    pub(crate) written: String,
    /// `--name=value` flags.
    pub(crate) flags: Vec<(String, String)>,
    /// What follows the word and the flags, continuations joined.
    pub(crate) rest: String,
    /// The JSON form, if it is one.
    pub(crate) json: Option<Vec<String>>,
    /// Here documents: name and text.
    pub(crate) heredocs: Vec<(String, String)>,
    /// First and last line, from 1.
    pub(crate) lines: (usize, usize),
}

/// A problem with the line at which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Text without prefix.
    pub(crate) message: String,
    /// First and last line; `None` if no excerpt is shown.
    pub(crate) lines: Option<(usize, usize)>,
}

impl Problem {
    /// `dockerfile parse error on line N: …`.
    pub(crate) fn parse(lines: (usize, usize), why: &str) -> Self {
        let message = format!("dockerfile parse error on line {}: {why}", lines.0);
        Self { message, lines: Some(lines) }
    }

    /// Another problem of an instruction.
    pub(crate) fn at(lines: (usize, usize), message: impl Into<String>) -> Self {
        Self { message: message.into(), lines: Some(lines) }
    }
}

/// All instructions that exist.
pub(crate) const WORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Read a Dockerfile.
pub(crate) fn parse(text: &str) -> Result<Vec<Instruction>, Problem> {
    let lines: Vec<&str> = text.lines().collect();
    let escape = escape_character(&lines);
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() && out.len() < MAX_INSTRUCTIONS {
        let start = at;
        let line = lines.get(at).copied().unwrap_or("").trim();
        at += 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut joined = String::new();
        let mut piece = line;
        loop {
            match piece.strip_suffix(escape) {
                Some(head) if at < lines.len() => {
                    joined.push_str(head);
                    // Comments and blanks between continued lines are left out.
                    piece = "";
                    while let Some(next) = lines.get(at) {
                        at += 1;
                        let bare = next.trim();
                        if bare.is_empty() || bare.starts_with('#') {
                            continue;
                        }
                        piece = next.trim_end();
                        break;
                    }
                    if piece.is_empty() {
                        break;
                    }
                }
                Some(head) => {
                    joined.push_str(head);
                    break;
                }
                None => {
                    joined.push_str(piece);
                    break;
                }
            }
        }
        let mut instruction = split(joined.trim(), (start + 1, at));
        let takes_heredoc = matches!(instruction.word.as_str(), "RUN" | "COPY" | "ADD");
        let names = if takes_heredoc { heredoc_names(&instruction.rest) } else { Vec::new() };
        for name in names {
            let mut body = String::new();
            let mut closed = false;
            while let Some(line) = lines.get(at) {
                at += 1;
                if line.trim_start_matches('\t') == name {
                    closed = true;
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            instruction.lines.1 = at;
            if !closed {
                return Err(Problem::at(instruction.lines, "unterminated heredoc"));
            }
            instruction.heredocs.push((name, body));
        }
        check_word(&instruction)?;
        out.push(instruction);
    }
    if out.is_empty() {
        let message = "the Dockerfile cannot be empty".to_owned();
        return Err(Problem { message, lines: None });
    }
    Ok(out)
}

/// `# escape=` at the top.
fn escape_character(lines: &[&str]) -> char {
    for line in lines {
        let Some(directive) = line.trim().strip_prefix('#') else { break };
        let Some((name, value)) = directive.split_once('=') else { break };
        if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

/// Names of `<<EOF` in an instruction.
fn heredoc_names(rest: &str) -> Vec<String> {
    let words = rest.split_whitespace().filter_map(|w| w.strip_prefix("<<"));
    let name = |w: &str| w.trim_start_matches('-').trim_matches(['"', '\'']).to_owned();
    words.map(name).filter(|n| !n.is_empty()).collect()
}

fn split(line: &str, lines: (usize, usize)) -> Instruction {
    let (written, mut rest) = match line.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (line, ""),
    };
    let word = written.to_ascii_uppercase();
    let mut flags = Vec::new();
    let has_flags = matches!(word.as_str(), "FROM" | "COPY" | "ADD" | "RUN" | "HEALTHCHECK");
    while has_flags && rest.starts_with("--") {
        let (flag, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (name, value) = flag
            .trim_start_matches('-')
            .split_once('=')
            .unwrap_or((flag.trim_start_matches('-'), ""));
        flags.push((name.to_owned(), value.to_owned()));
        rest = tail.trim_start();
    }
    Instruction {
        json: words::json_array(rest),
        rest: rest.to_owned(),
        word,
        written: written.to_owned(),
        flags,
        heredocs: Vec::new(),
        lines,
    }
}

fn check_word(instruction: &Instruction) -> Result<(), Problem> {
    let word = instruction.word.as_str();
    let lines = instruction.lines;
    if !WORDS.contains(&word) {
        let near = WORDS.iter().find(|known| distance(word, known) <= 2);
        let hint = near.map(|n| format!(" (did you mean {n}?)")).unwrap_or_default();
        let written = &instruction.written;
        return Err(Problem::parse(lines, &format!("unknown instruction: {written}{hint}")));
    }
    check_flags(instruction)?;
    check_form(instruction)?;
    let rest = instruction.rest.as_str();
    let count = rest.split_whitespace().count();
    let why = match word {
        "USER" | "WORKDIR" | "STOPSIGNAL" | "MAINTAINER" if rest.is_empty() => {
            "requires exactly one argument"
        }
        "FROM" if count != 1 && count != 3 => "requires either one or three arguments",
        "COPY" | "ADD"
            if instruction.json.as_ref().map_or(count, Vec::len) < 2
                && instruction.heredocs.is_empty()
                && heredoc_names(rest).is_empty() =>
        {
            "requires at least two arguments, but only one was provided. Destination could not be \
             determined"
        }
        "ENV" | "LABEL" | "EXPOSE" | "VOLUME" | "ONBUILD" | "ARG" if rest.is_empty() => {
            "requires at least one argument"
        }
        "SHELL" if instruction.json.is_none() => "requires the arguments to be in JSON form",
        _ => return Ok(()),
    };
    Err(Problem::parse(lines, &format!("{word} {why}")))
}

/// Flags that instructions take (BuildKit `instructions/bflag.go`).
const FLAGS: [(&str, &[&str]); 5] = [
    ("FROM", &["platform"]),
    ("COPY", &["from", "chown", "chmod", "link", "parents", "exclude"]),
    ("ADD", &["chown", "chmod", "link", "checksum", "keep-git-dir", "exclude", "unpack"]),
    ("RUN", &["mount", "network", "security", "device"]),
    ("HEALTHCHECK", &["interval", "timeout", "start-period", "start-interval", "retries"]),
];

fn check_flags(instruction: &Instruction) -> Result<(), Problem> {
    let known = FLAGS.iter().find(|(word, _)| *word == instruction.word);
    let known = known.map_or(&[][..], |(_, flags)| *flags);
    let unknown = instruction.flags.iter().find(|(name, _)| !known.contains(&name.as_str()));
    match unknown {
        None => Ok(()),
        Some((name, _)) => {
            let near = known.iter().find(|flag| distance(name, flag) <= 2);
            let hint = near.map(|flag| format!(" (did you mean {flag}?)")).unwrap_or_default();
            Err(Problem::parse(instruction.lines, &format!("unknown flag: --{name}{hint}")))
        }
    }
}

/// Arguments of a form that an instruction cannot have.
fn check_form(instruction: &Instruction) -> Result<(), Problem> {
    let lines = instruction.lines;
    let mut words = instruction.rest.split_whitespace();
    let first = words.next().unwrap_or("");
    match instruction.word.as_str() {
        // The old form with a blank instead of `=` has a value.
        word @ ("ENV" | "LABEL")
            if !first.is_empty() && !first.contains('=') && words.next().is_none() =>
        {
            Err(Problem::at(lines, format!("{word} must have two arguments")))
        }
        "ONBUILD" => match first.to_ascii_uppercase().as_str() {
            "ONBUILD" => {
                Err(Problem::parse(lines, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"))
            }
            trigger @ ("FROM" | "MAINTAINER") => {
                let why = format!("{trigger} isn't allowed as an ONBUILD trigger");
                Err(Problem::parse(lines, &why))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Levenshtein distance of short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate().take(32) {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |r: &[usize], at: usize| r.get(at).copied().unwrap_or(0);
            let change = get(&row, j) + usize::from(x != *y);
            let best = change.min(get(&row, j + 1) + 1).min(get(&next, j) + 1);
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The excerpt that points to lines of a Dockerfile.
pub(crate) fn excerpt(name: &str, text: &str, (first, last): (usize, usize)) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.len() > 1 && lines.last().is_some_and(|l| l.is_empty()) && !text.ends_with('\n') {
        lines.pop();
    }
    let from = first.saturating_sub(3).max(1);
    let to = (last + 2).min(lines.len());
    let mut out = format!("{name}:{first}\n--------------------\n");
    for number in from..=to {
        let mark = if (first..=last).contains(&number) { ">>>" } else { "   " };
        let line = lines.get(number - 1).copied().unwrap_or("");
        out.push_str(&format!("{number:4} | {mark} {line}\n"));
    }
    out.push_str("--------------------");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_forms() {
        let text = "# c\nFROM a AS b\nRUN x && \\\n  # note\n  y\nCMD [\"a\", \"b\"]\nCMD [a]\n";
        let all = parse(text).unwrap();
        let words: Vec<&str> = all.iter().map(|i| i.word.as_str()).collect();
        assert_eq!(words, ["FROM", "RUN", "CMD", "CMD"]);
        assert_eq!((all[1].rest.as_str(), all[1].lines), ("x &&   y", (3, 5)));
        assert_eq!(all[2].json.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(all[3].json, None);
        let all = parse("FROM a\nRUN <<EOF\necho 1\nEOF\nUSER x\n").unwrap();
        assert_eq!(all[1].heredocs, [("EOF".to_owned(), "echo 1\n".to_owned())]);
        assert_eq!(all[2].word, "USER");
    }

    #[test]
    fn problems() {
        for (text, message) in [
            ("", "the Dockerfile cannot be empty"),
            (
                "FROM a\nRUNN x",
                "dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)",
            ),
            (
                "FROM a\nUSER",
                "dockerfile parse error on line 2: USER requires exactly one argument",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().message, message);
        }
        assert_eq!(
            excerpt("D", "FROM a\nUSER\n", (2, 2)),
            "D:2\n--------------------\n   1 |     FROM a\n   2 | >>> USER\n   3 |     \n--------------------"
        );
    }
}
