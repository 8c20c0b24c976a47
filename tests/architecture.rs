//! The rules of the code base, as tests: layers, sizes, banned words, documented modules.
//!
//! `docs/ARCHITECTURE.md` repeats the table of layers; the last test compares both.

#[cfg(test)]
#[path = "architecture/code.rs"]
mod code;
#[cfg(test)]
#[path = "architecture/dead.rs"]
mod dead;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use self::code::Source;

/// Which modules of the crate a layer may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("engine", &["base"]),
    ("posix", &["base"]),
    ("machine", &["base", "engine", "posix"]),
    ("net", &["base", "engine"]),
    ("docker", &["base", "engine", "posix", "machine", "net"]),
    ("compose", &["base", "docker"]),
    ("kube", &["base", "engine", "posix", "machine", "net"]),
    ("shell", &["base", "engine", "posix", "net", "docker", "compose", "kube"]),
    ("world", &["base", "engine", "posix", "machine", "net", "docker", "compose", "kube", "shell"]),
    (
        "view",
        &[
            "base", "engine", "posix", "machine", "net", "docker", "compose", "kube", "shell",
            "world", "text",
        ],
    ),
    ("text", &["base"]),
    ("ui", &["base", "view", "text", "world", "engine"]),
    (
        "native",
        &[
            "base", "engine", "posix", "machine", "net", "world", "view", "text", "shell",
            "docker", "compose", "kube",
        ],
    ),
];

/// Longest file and function, in lines, and longest line, in characters.
const MAX_FILE_LINES: usize = 800;
const MAX_FUNCTION_LINES: usize = 80;
const MAX_LINE_CHARS: usize = 110;
/// Templates of the page are not broken by the formatter.
const MAX_TEMPLATE_CHARS: usize = 150;

/// Words that only some places may use, with the reason.
const BANNED: &[(&str, &[&str], &str)] = &[
    ("web_sys", &["ui", "main.rs"], "the browser belongs to the page"),
    ("gloo", &["ui", "main.rs"], "the browser belongs to the page"),
    ("yew::", &["ui", "main.rs"], "the browser belongs to the page"),
    ("wasm_bindgen", &["ui", "main.rs"], "the browser belongs to the page"),
    ("clap::", &["native", "bin"], "arguments belong to the native program"),
    ("std::fs", &["native", "bin"], "the core does no IO"),
    ("std::net::Tcp", &["native", "bin"], "the core does no IO"),
    ("std::thread", &["native", "bin"], "determinism"),
    ("std::process", &["native", "bin"], "the core does no IO"),
    ("HashMap", &[], "iteration order; use BTreeMap or base::shelf"),
    ("HashSet", &[], "iteration order; use BTreeSet"),
    ("SystemTime::", &["ui"], "the core has no clock; use SimTime"),
    ("FIXME", &[], "mend it or write it into docs/FIDELITY.md"),
    ("#[allow", &[], "use #[expect(lint, reason = ...)]"),
    ("#[ignore", &[], "no test is skipped"),
    ("should_panic", &[], "say what is expected instead"),
];

/// The files of a folder with their paths below `base`.
fn read(base: &str, folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source is text");
            let name = path.strip_prefix(root.join(base)).expect("below the root");
            (name.to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

/// What the crate is made of, with paths below `src`.
fn sources() -> Vec<(String, String)> {
    read("src", "src")
}

/// All code of the repository, with paths below its root.
fn all_sources() -> Vec<(String, String)> {
    ["src", "tests", "benches", "xtask/src"].iter().flat_map(|folder| read("", folder)).collect()
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn layer_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file)
}

fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn layers_import_only_downwards() {
    let table: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let mut complaints = Vec::new();
    for (file, text) in sources() {
        let layer = layer_of(&file);
        let Some(allowed) = table.get(layer) else { continue };
        let source = Source::new(&file, &text);
        for (at, _) in source.code.match_indices("crate::") {
            for name in first_steps(&source.code[at + "crate::".len()..]) {
                let known = table.contains_key(name);
                if known && name != layer && !allowed.contains(&name) {
                    let line = source.code[..at].matches('\n').count() + 1;
                    complaints.push(format!("{file}:{line}: {layer} must not use {name}"));
                }
            }
        }
    }
    report(&complaints);
}

/// The modules that a path after `crate::` enters: one, or those of a group.
fn first_steps(path: &str) -> Vec<&str> {
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let Some(group) = path.strip_prefix('{') else {
        return vec![&path[..word(path).unwrap_or(path.len())]];
    };
    let mut depth = 0_u32;
    let mut first = true;
    let mut found = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => first = true,
            c if first && depth == 0 && !c.is_whitespace() => {
                let rest = &group[at..];
                found.push(&rest[..word(rest).unwrap_or(rest.len())]);
                first = false;
            }
            _ => {}
        }
    }
    found
}

#[test]
fn groups_are_seen() {
    assert_eq!(first_steps("kube::api::{self, docker};"), ["kube"]);
    assert_eq!(first_steps("{kube::{a, b}, docker::c, net};"), ["kube", "docker", "net"]);
}

#[test]
fn files_and_lines_are_short() {
    let mut complaints = Vec::new();
    for (file, text) in all_sources() {
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            complaints.push(format!("{file}: {lines} lines, at most {MAX_FILE_LINES}"));
        }
        for (number, line) in text.lines().enumerate() {
            let template = file.starts_with("src/ui/panels/");
            let most = if template { MAX_TEMPLATE_CHARS } else { MAX_LINE_CHARS };
            // Expressions in raw strings cannot be broken.
            let raw = line.contains("r\"") || line.contains("r#\"");
            if line.chars().count() > most && !raw {
                complaints.push(format!("{file}:{}: longer than {most}", number + 1));
            }
        }
    }
    report(&complaints);
}

#[test]
fn functions_are_short() {
    let mut complaints = Vec::new();
    for (file, text) in all_sources() {
        let lines: Vec<&str> = text.lines().collect();
        // A table as a `match` may be long where clippy was told why.
        let excused = |start: usize| {
            let above = &lines[start.saturating_sub(4)..start];
            above.iter().any(|line| line.contains("too_many_lines"))
        };
        let mut open: Vec<(String, usize, usize)> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let word = line.trim_start();
            let modifiers = ["pub", "pub(crate)", "pub(super)", "const", "async"];
            let mut words = word.split(' ').skip_while(|w| modifiers.contains(w));
            let is_function = words.next() == Some("fn");
            let one_line = word.ends_with(';') || word.ends_with('}');
            if is_function && !one_line {
                open.push((word.to_owned(), number, indent));
            }
            let closes = open.last().is_some_and(|(_, _, at)| *at == indent && word == "}");
            if closes && let Some((name, start, _)) = open.pop() {
                let lines = number - start + 1;
                if lines > MAX_FUNCTION_LINES && !excused(start) {
                    complaints.push(format!("{file}:{}: {lines} lines: {name}", start + 1));
                }
            }
        }
    }
    report(&complaints);
}

#[test]
fn every_module_says_what_it_is() {
    let without: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| format!("{file}: no //! at the top"))
        .collect();
    report(&without);
}

#[test]
fn banned_words_stay_where_they_belong() {
    let mut complaints = Vec::new();
    for (file, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for (word, places, reason) in BANNED {
                let allowed = places.contains(&layer_of(&file));
                if code.contains(word) && !allowed {
                    complaints.push(format!("{file}:{}: {word}: {reason}", number + 1));
                }
            }
        }
    }
    report(&complaints);
}

#[test]
fn the_document_has_the_same_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/ARCHITECTURE.md")).unwrap();
    for (layer, allowed) in LAYERS {
        let row = format!("| `{layer}` | {} |", allowed.join(" "));
        assert!(document.contains(&row), "docs/ARCHITECTURE.md lacks the row\n{row}");
    }
}

/// Every simplification that the code marks stands in `docs/FIDELITY.md`.
#[test]
fn fidelity_lists_every_stub() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut rows = Vec::new();
    for (_, text) in sources() {
        for part in text.split("stub!(").skip(1) {
            let mut quoted = part.split('"').skip(1).step_by(2);
            if let (Some(id), Some(what)) = (quoted.next(), quoted.next())
                && id.contains('.')
            {
                rows.push(format!("| `{id}` | {what} |"));
            }
        }
    }
    rows.sort();
    rows.dedup();
    let head = "# What is simulated simplistically\n\nGenerated from the `stub!` marks of the \
                code: `UPDATE=1 cargo test fidelity` writes it.\n\n| id | what is missing |\n\
                | --- | --- |\n";
    let wanted = format!("{head}{}\n", rows.join("\n"));
    let path = root.join("docs/FIDELITY.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/FIDELITY.md is stale: UPDATE=1 cargo test fidelity");
}
