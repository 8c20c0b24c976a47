//! The build context: what `.dockerignore` leaves out, how much is sent, and what COPY takes.

use std::collections::BTreeMap;

use crate::docker::api::ContextFile;
use crate::posix::{Entry, Files, normal, parent};

/// What a client sent before, so that only changes are sent again: path to size and time.
pub(crate) type Sent = BTreeMap<String, (u64, u64)>;

/// A pattern of `.dockerignore`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    text: String,
    again: bool,
}

/// Files of a context without the ignored ones (moby `patternmatcher`).
pub(crate) fn filter(context: &BTreeMap<String, ContextFile>) -> BTreeMap<String, ContextFile> {
    let Some(ignore) = context.get(".dockerignore") else { return context.clone() };
    let patterns: Vec<Pattern> = ignore
        .content
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(|l| {
            let (again, text) = match l.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, l),
            };
            let text = text.trim_start_matches("./").trim_matches('/').to_owned();
            Pattern { text, again }
        })
        .collect();
    let kept = |path: &str| {
        let mut ignored = false;
        for pattern in &patterns {
            if ignored == pattern.again && matches_or_parent(&pattern.text, path) {
                ignored = !pattern.again;
            }
        }
        !ignored
    };
    context.iter().filter(|(path, _)| kept(path)).map(|(p, f)| (p.clone(), f.clone())).collect()
}

/// Whether a pattern matches a path or a directory above it.
fn matches_or_parent(pattern: &str, path: &str) -> bool {
    let mut at = Some(path);
    while let Some(path) = at {
        if glob(pattern, path) {
            return true;
        }
        at = path.rsplit_once('/').map(|(dir, _)| dir);
    }
    false
}

/// `*` within a name, `**` across directories, `?` one character.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => text.is_empty(),
        Some('*') => {
            if let Some(rest) = pattern.strip_prefix("**") {
                let rest = rest.strip_prefix('/').unwrap_or(rest);
                if rest.is_empty() || glob(rest, text) {
                    return true;
                }
                return text
                    .char_indices()
                    .any(|(at, c)| c == '/' && glob(rest, text.get(at + 1..).unwrap_or("")));
            }
            let rest = chars.as_str();
            let end = text.find('/').unwrap_or(text.len());
            (0..=end)
                .any(|at| text.is_char_boundary(at) && glob(rest, text.get(at..).unwrap_or("")))
        }
        Some('?') => {
            let mut tail = text.chars();
            tail.next().is_some_and(|c| c != '/') && glob(chars.as_str(), tail.as_str())
        }
        Some(c) => {
            let mut tail = text.chars();
            tail.next() == Some(c) && glob(chars.as_str(), tail.as_str())
        }
    }
}

/// Bytes of the packets that tell about and send files (tonistiigi/fsutil: a stat packet of 19
/// bytes and the path, sizes as varints; data packets of 4 or 6 bytes and the content; an end
/// packet of 2 or 4; 2 bytes at the very end). Fitted to `transferring …` of traces/engine 30–33.
pub(crate) fn transfer(files: &BTreeMap<String, ContextFile>, sent: &mut Sent) -> u64 {
    let mut bytes = 2;
    for (id, (path, file)) in files.iter().enumerate() {
        let size = file.content.len() as u64;
        let varint = |n: u64| u64::from(n >= 128);
        bytes += 19 + path.len() as u64 + varint(size);
        if size == 0 {
            bytes -= 2;
        }
        let state = (size, file.modified.0);
        if sent.get(path) == Some(&state) {
            continue;
        }
        sent.insert(path.clone(), state);
        let number = if id == 0 { 0 } else { 2 };
        if size > 0 {
            bytes += size + 4 + varint(size) + number;
        }
        bytes += 2 + number;
    }
    bytes
}

/// What COPY puts at a place: paths in the image with their content.
pub(crate) type Placed = BTreeMap<String, Entry>;

/// The files that COPY takes from a tree, and where they go. `Err` names a source that is missing.
pub(crate) fn place(
    tree: &Files,
    sources: &[String],
    target: &str,
    target_is_dir: bool,
    mode: Option<u32>,
) -> Result<Placed, String> {
    let mut placed = Placed::new();
    let many = sources.len() > 1;
    for source in sources {
        let path = normal("/", source);
        let wild = source.contains(['*', '?']);
        let roots: Vec<String> = if wild {
            let matching = tree.iter().map(|(p, _)| p).filter(|p| glob(&path, p));
            matching.map(str::to_owned).collect()
        } else {
            let exists = path == "/" || tree.get(&path).is_some();
            if exists { vec![path.clone()] } else { Vec::new() }
        };
        if roots.is_empty() {
            return Err(path);
        }
        for root in &roots {
            let into_dir = target_is_dir || many || roots.len() > 1;
            take(tree, root, target, into_dir, mode, &mut placed);
        }
    }
    Ok(placed)
}

/// What stands for something that a tool would have made: a directory where the target is one,
/// else a program.
pub(crate) fn stand_in(missing: &str, target: &str, target_is_dir: bool) -> Placed {
    let name = missing.rsplit('/').next().unwrap_or(missing).replace('*', "app");
    let placed = |path: String, entry| Placed::from([(path, entry)]);
    if target_is_dir && !name.contains('.') {
        return placed(normal("/", target), Entry::Directory { mode: 0o755 });
    }
    let path = if target_is_dir { normal(target, &name) } else { normal("/", target) };
    let Entry::File { content: _, zeros, modified, .. } = Entry::file("") else {
        return Placed::new();
    };
    placed(path, Entry::File { content: "\u{7f}ELF".into(), zeros, mode: 0o755, modified })
}

fn with_mode(entry: &Entry, mode: Option<u32>) -> Entry {
    match (entry.clone(), mode) {
        (Entry::File { content, zeros, modified, .. }, Some(mode)) => {
            Entry::File { content, zeros, mode, modified }
        }
        (entry, _) => entry,
    }
}

fn take(
    tree: &Files,
    root: &str,
    target: &str,
    into_dir: bool,
    mode: Option<u32>,
    placed: &mut Placed,
) {
    let is_dir = root == "/" || matches!(tree.get(root), Some(Entry::Directory { .. }));
    if is_dir {
        // The content of a directory is copied, not the directory.
        placed.insert(normal("/", target), Entry::Directory { mode: 0o755 });
        let prefix = if root == "/" { "/".to_owned() } else { format!("{root}/") };
        for (path, entry) in tree.iter() {
            if let Some(rest) = path.strip_prefix(&prefix) {
                placed.insert(normal(target, rest), with_mode(entry, mode));
            }
        }
        return;
    }
    let name = root.rsplit('/').next().unwrap_or(root);
    let path = if into_dir { normal(target, name) } else { normal("/", target) };
    if let Some(entry) = tree.get(root) {
        placed.insert(path, with_mode(entry, mode));
    }
}

/// A context as a tree.
pub(crate) fn tree(context: &BTreeMap<String, ContextFile>) -> Files {
    let mut files = Files::new();
    for (path, file) in context {
        let entry = Entry::File {
            content: file.content.as_str().into(),
            zeros: 0,
            mode: file.mode,
            modified: file.modified,
        };
        files.put(&format!("/{path}"), entry);
    }
    files
}

/// What identifies files in the cache: paths, modes and content, but not times.
pub(crate) fn checksum(placed: &Placed) -> String {
    let mut text = String::new();
    for (path, entry) in placed {
        let line = match entry {
            Entry::File { content, zeros, mode, .. } => {
                format!("{path} {mode:o} {zeros} {}\n{content}\n", content.len())
            }
            Entry::Directory { .. } => format!("{path}/\n"),
            Entry::Link(target) => format!("{path} -> {target}\n"),
        };
        text.push_str(&line);
    }
    crate::docker::images::sha256(&text)
}

/// Bytes of files.
pub(crate) fn size(placed: &Placed) -> u64 {
    let bytes = |entry: &Entry| match entry {
        Entry::File { content, zeros, .. } => content.len() as u64 + zeros,
        Entry::Directory { .. } | Entry::Link(_) => 0,
    };
    placed.values().map(bytes).sum()
}

/// Lay files over a tree.
pub(crate) fn lay(files: &mut Files, placed: &Placed) {
    for (path, entry) in placed {
        let is_dir = matches!(entry, Entry::Directory { .. });
        if is_dir && (path == "/" || files.get(path).is_some()) {
            continue;
        }
        debug_assert!(parent(path).starts_with('/'));
        files.put(path, entry.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;

    fn context(files: &[(&str, &str)]) -> BTreeMap<String, ContextFile> {
        let file = |content: &str| ContextFile {
            content: content.to_owned(),
            mode: 0o644,
            modified: SimTime::ZERO,
        };
        files.iter().map(|(p, c)| ((*p).to_owned(), file(c))).collect()
    }

    #[test]
    fn ignoring() {
        let all = context(&[
            (".dockerignore", "*.log\nnode_modules\n!keep.log\n"),
            ("a.txt", ""),
            ("x.log", ""),
            ("keep.log", ""),
            ("node_modules/m/i.js", ""),
            ("src/y.log", ""),
        ]);
        let kept: Vec<String> = filter(&all).into_keys().collect();
        assert_eq!(kept, [".dockerignore", "a.txt", "keep.log", "src/y.log"]);
    }

    #[test]
    fn transferred_bytes_as_recorded() {
        // traces/engine/30-build-cache: 289 B at first, 92 B unchanged.
        let dockerfile = "x".repeat(155);
        let all = context(&[
            ("Dockerfile", &dockerfile),
            ("app.py", "print(1)\n"),
            ("requirements.txt", "flask\n"),
        ]);
        let mut sent = Sent::new();
        assert_eq!(transfer(&all, &mut sent), 289);
        assert_eq!(transfer(&all, &mut sent), 92);
        // traces/engine/33-build-errors: an empty Dockerfile is 37 B, a missing one 2 B.
        assert_eq!(transfer(&context(&[("Dockerfile.empty", "")]), &mut Sent::new()), 37);
        assert_eq!(transfer(&context(&[]), &mut Sent::new()), 2);
    }

    #[test]
    fn placing() {
        let tree = tree(&context(&[("a.txt", "1"), ("dir/b.txt", "2")]));
        let at = |sources: &[&str], target: &str, dir: bool| {
            let sources: Vec<String> = sources.iter().map(|s| (*s).to_owned()).collect();
            place(&tree, &sources, target, dir, None).map(|p| p.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(at(&["a.txt"], "/app", true).unwrap(), ["/app/a.txt"]);
        assert_eq!(at(&["a.txt"], "/b", false).unwrap(), ["/b"]);
        assert_eq!(
            at(&["."], "/app", true).unwrap(),
            ["/app", "/app/a.txt", "/app/dir", "/app/dir/b.txt"]
        );
        assert_eq!(at(&["dir"], "/x", true).unwrap(), ["/x", "/x/b.txt"]);
        assert_eq!(at(&["../no"], "/", true).unwrap_err(), "/no");
    }
}
