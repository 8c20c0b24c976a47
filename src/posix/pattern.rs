//! Shell patterns (`*`, `?`, `[a-z]`), escapes, and path names that match.

use crate::posix::files::{FileSystem, Kind, normal};

/// Most path names one pattern may become.
const MAX_MATCHES: usize = 20_000;

/// Whether a text matches a pattern; a backslash makes the next character stand for itself.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last star, and how much it had swallowed.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            None => (t == text.len()).then_some((p, false)),
            Some(_) => text.get(t).and_then(|c| one(&pattern, p, *c)).map(|next| (next, true)),
        };
        match (step, star) {
            (Some((_, false)), _) => return true,
            (Some((next, true)), _) => {
                p = next;
                t += 1;
            }
            (None, Some((after, from))) if from < text.len() => {
                star = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            (None, _) => return false,
        }
    }
}

/// Match one character at a place of the pattern; gives the place after it.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => (pattern.get(at + 1) == Some(&c)).then_some(at + 2),
        '[' => match class(pattern, at, c) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            None => (c == '[').then_some(at + 1),
        },
        literal => (*literal == c).then_some(at + 1),
    }
}

/// Match a bracket expression; `None` if it is not closed.
fn class(pattern: &[char], at: usize, c: char) -> Option<(bool, usize)> {
    let mut i = at + 1;
    let negated = matches!(pattern.get(i), Some('!' | '^'));
    i += usize::from(negated);
    let first = i;
    let mut hit = false;
    loop {
        match pattern.get(i)? {
            ']' if i > first => return Some((hit != negated, i + 1)),
            '[' if pattern.get(i + 1) == Some(&':') => {
                let end = (i + 2..pattern.len()).find(|e| pattern.get(*e) == Some(&':'))?;
                let name: String = pattern.get(i + 2..end)?.iter().collect();
                hit |= in_class(&name, c);
                i = end + 2;
            }
            low => {
                let (low, next) =
                    if *low == '\\' { (*pattern.get(i + 1)?, i + 2) } else { (*low, i + 1) };
                let high = pattern.get(next + 1).filter(|h| **h != ']');
                if let (Some('-'), Some(high)) = (pattern.get(next), high) {
                    hit |= low <= c && c <= *high;
                    i = next + 2;
                } else {
                    hit |= low == c;
                    i = next;
                }
            }
        }
    }
}

/// POSIX character classes.
pub(super) fn in_class(name: &str, c: char) -> bool {
    match name {
        "alpha" => c.is_ascii_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_ascii_alphanumeric(),
        "upper" => c.is_ascii_uppercase(),
        "lower" => c.is_ascii_lowercase(),
        "space" => c.is_ascii_whitespace(),
        "blank" => c == ' ' || c == '\t',
        "punct" => c.is_ascii_punctuation(),
        "xdigit" => c.is_ascii_hexdigit(),
        "cntrl" => c.is_ascii_control(),
        "print" => !c.is_ascii_control(),
        "graph" => c.is_ascii_graphic(),
        _ => false,
    }
}

/// The same text with every special character escaped.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Backslash escapes as `printf`, `echo -e` and `$'…'` read them.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            None => out.push('\\'),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('e') => out.push('\u{1b}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('x') => out.push(digits(&mut chars, 16, 2, 0)),
            Some('u') => out.push(digits(&mut chars, 16, 4, 0)),
            Some('0') => out.push(digits(&mut chars, 8, 3, 0)),
            Some(d @ '1'..='7') => {
                out.push(digits(&mut chars, 8, 2, d.to_digit(8).unwrap_or(0)));
            }
            Some(c @ ('\\' | '"' | '\'')) => out.push(c),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    out
}

fn digits(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    most: u32,
    first: u32,
) -> char {
    let mut n = first;
    for _ in 0..most {
        let Some(d) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
        n = n * radix + d;
        chars.next();
    }
    char::from_u32(n).unwrap_or('?')
}

/// Path names that match a pattern, sorted; empty if none does.
pub(super) fn paths(pattern: &str, cwd: &str, files: &dyn FileSystem) -> Vec<String> {
    let absolute = pattern.starts_with('/');
    let mut found = vec![if absolute { "/".to_owned() } else { String::new() }];
    let parts: Vec<&str> = pattern.split('/').filter(|p| !p.is_empty()).collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        let special = part.contains(['*', '?', '[']);
        let mut next = Vec::new();
        for base in &found {
            if special {
                let names = files.list(&normal(cwd, base)).unwrap_or_default();
                let hidden = part.starts_with('.');
                let names = names.into_iter().filter(|n| hidden || !n.starts_with('.'));
                for name in names.filter(|n| matches(part, n)) {
                    next.push(format!("{base}{name}"));
                }
            } else {
                next.push(format!("{base}{}", part.replace('\\', "")));
            }
        }
        next.retain(|path| match files.stat(&normal(cwd, path)) {
            Ok(stat) => last || stat.kind == Kind::Directory,
            Err(_) => false,
        });
        next.truncate(MAX_MATCHES);
        if !last {
            next.iter_mut().for_each(|path| path.push('/'));
        }
        found = next;
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posix::files::Files;

    #[test]
    fn patterns() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[[:digit:]]*", "7up", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("*.tar.*", "a.tar.gz", true),
            ("[", "[", true),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn path_names() {
        let mut files = Files::new();
        for path in ["/a/1.txt", "/a/2.txt", "/a/.hidden", "/b/3.txt"] {
            files.put_file(path, "");
        }
        assert_eq!(paths("*.txt", "/a", &files), ["1.txt", "2.txt"]);
        assert_eq!(paths("/*/*.txt", "/", &files), ["/a/1.txt", "/a/2.txt", "/b/3.txt"]);
        assert!(paths("*.md", "/a", &files).is_empty());
    }
}
