//! The rules of the code base, as tests: layers, sizes, banned words, documented modules.
//!
//! `docs/ARCHITECTURE.md` repeats the table of layers; the last test compares both.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    let strip = |path: PathBuf| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (strip(path).replace('\\', "/"), text)
        })
        .collect()
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
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
        for (number, line) in text.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let name: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = table.contains_key(name.as_str());
                if known && name != layer && !allowed.contains(&name.as_str()) {
                    complaints.push(format!("{file}:{}: {layer} must not use {name}", number + 1));
                }
            }
        }
    }
    report(&complaints);
}

#[test]
fn files_and_lines_are_short() {
    let mut complaints = Vec::new();
    for (file, text) in sources() {
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            complaints.push(format!("{file}: {lines} lines, at most {MAX_FILE_LINES}"));
        }
        for (number, line) in text.lines().enumerate() {
            let template = file.starts_with("ui/panels/");
            let most = if template { MAX_TEMPLATE_CHARS } else { MAX_LINE_CHARS };
            // The words of the real tools are not broken.
            let verbatim = line.contains('"');
            if line.chars().count() > most && !verbatim {
                complaints.push(format!("{file}:{}: longer than {most}", number + 1));
            }
        }
    }
    report(&complaints);
}

#[test]
fn functions_are_short() {
    let mut complaints = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.ends_with("tests.rs")) {
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
            let is_function = [
                "fn ",
                "pub fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "const fn ",
                "pub const fn ",
            ]
            .iter()
            .any(|start| word.starts_with(start));
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
