//! Tar archives (ustar) as text: what `tar`, `docker cp -`, `docker save` and `docker export`
//! write and read.
//!
//! Left out: compression (the flag is taken and ignored), names longer than a header holds.

/// Bytes of a block.
const BLOCK: usize = 512;

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its content; `None` for a directory.
    pub content: Option<String>,
    /// Permission bits.
    pub mode: u32,
    /// Where a symbolic link leads; empty for anything else.
    pub link: String,
}

fn block(out: &mut String, (name, link): (&str, &str), kind: char, mode: u32, content: &str) {
    let size = content.len();
    let name: String = name.chars().filter(char::is_ascii).take(99).collect();
    let tail = format!("{:07o}\0{:07o}\0{:07o}\0{size:011o}\0{:011o}\0", mode & 0o7777, 0, 0, 0);
    let head = format!("{name:\0<100}{tail}");
    let link: String = link.chars().filter(char::is_ascii).take(99).collect();
    let rest = format!("{kind}{link:\0<100}ustar\x0000{:\0<247}", "");
    let sum: u32 = head.bytes().chain(rest.bytes()).map(u32::from).sum::<u32>() + 8 * 32;
    out.push_str(&format!("{head}{sum:06o}\0 {rest}"));
    out.push_str(content);
    out.extend(std::iter::repeat_n('\0', (BLOCK - size % BLOCK) % BLOCK));
}

/// An archive of these members; a comment goes into a global header, as `git archive` does.
#[must_use]
pub fn write(members: &[Member], comment: &str) -> String {
    let mut out = String::new();
    if !comment.is_empty() {
        block(&mut out, ("pax_global_header", ""), 'g', 0o644, comment);
    }
    for member in members {
        match &member.content {
            _ if !member.link.is_empty() => {
                block(&mut out, (&member.name, &member.link), '2', member.mode, "");
            }
            Some(content) => block(&mut out, (&member.name, ""), '0', member.mode, content),
            None => {
                let name = format!("{}/", member.name.trim_end_matches('/'));
                block(&mut out, (&name, ""), '5', member.mode, "");
            }
        }
    }
    out.extend(std::iter::repeat_n('\0', 2 * BLOCK));
    out
}

/// The members of an archive and its comment; `None` if it is none.
#[must_use]
pub fn read(text: &str) -> Option<(Vec<Member>, String)> {
    let (mut members, mut comment) = (Vec::new(), String::new());
    let mut at = 0;
    if text.get(257..262) != Some("ustar") && !text.starts_with('\0') {
        return None;
    }
    while let Some(head) = text.get(at..at + BLOCK) {
        if head.starts_with('\0') {
            break;
        }
        let field = |from: usize, to: usize| {
            head.get(from..to).unwrap_or("").trim_end_matches(['\0', ' ']).to_owned()
        };
        let number = |from: usize, to: usize| usize::from_str_radix(&field(from, to), 8).ok();
        let size = number(124, 136)?;
        let content = text.get(at + BLOCK..at + BLOCK + size)?.to_owned();
        at += BLOCK + size.div_ceil(BLOCK) * BLOCK;
        let mode = number(100, 108).and_then(|m| u32::try_from(m).ok()).unwrap_or(0o644);
        let name = field(0, 100);
        let mut put = |content: Option<String>, link: String| {
            members.push(Member { name: name.clone(), content, mode, link });
        };
        match head.as_bytes().get(156) {
            Some(b'g') => comment = content,
            Some(b'5') => put(None, String::new()),
            Some(b'2') => put(Some(content), field(157, 257)),
            _ => put(Some(content), String::new()),
        }
    }
    Some((members, comment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let file = Member {
            name: "f.txt".into(),
            content: Some("héllo\n".into()),
            mode: 0o600,
            link: String::new(),
        };
        let dir = Member { name: "d/".into(), content: None, mode: 0o755, link: String::new() };
        let link = Member {
            name: "l".into(),
            content: Some(String::new()),
            mode: 0o777,
            link: "f.txt".into(),
        };
        let members = vec![dir, file, link];
        let text = write(&members, "note");
        assert_eq!(text.len() % BLOCK, 0);
        assert_eq!(read(&text), Some((members, "note".to_owned())));
        assert_eq!(read("plain text"), None);
        assert_eq!(read(&write(&[], "")), Some((Vec::new(), String::new())));
    }
}
