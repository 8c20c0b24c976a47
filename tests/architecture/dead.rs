//! Nothing public is there that nobody names: rustc only says so of what is private.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use super::code::{Source, Word};

/// What nobody names yet, and why it may stay. A line goes when it is named, or with the item.
const AWAITED: &[(&str, &str)] = &[
    ("first_difference", "random worlds are played twice"),
    ("reserve_port", "processes of hosts that listen"),
    ("set_alias", "names of ExternalName services (`kube.dns.externalname`)"),
    ("set_outside_name", "names of the world outside"),
];

/// A public function, constant or type.
struct Item<'a> {
    source: usize,
    name: &'a str,
    at: usize,
    /// Where a name of it is no use: its own body, or the `impl`s of a type.
    own: Vec<(usize, Range<usize>)>,
    /// The type it belongs to.
    of: Option<&'a str>,
    /// Whether wasm-bindgen gives it to scripts.
    exported: bool,
    sort: Sort,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Method,
    Associated,
    Free,
    Type,
}

/// A place where a word stands.
struct Use<'a> {
    source: usize,
    at: usize,
    before: &'a str,
}

#[test]
fn nothing_public_is_dead() {
    let mut complaints = complaints(&read(), &scripts());
    for (name, _) in AWAITED {
        complaints.retain(|complaint| !complaint.contains(&format!(": {name} is named")));
    }
    super::report(&complaints);
}

#[test]
fn the_dead_are_found() {
    let library = r#"pub struct A;
impl A {
    pub fn new() -> Self { Self }
    pub fn go(&self) {}
}
pub(crate) const fn left(c: char) -> bool { c == '{' && left(c) }
/// left(c)
pub fn tested() -> &'static str { "left(c)" }
#[wasm_bindgen]
pub fn called() {}
#[cfg(test)]
mod tests {
    fn t() { super::tested(); }
}
"#;
    let user = "use super::a::A;
pub enum B { One }
impl B {
    pub fn new() {}
}
fn f(go: A) { B::new(); go.go; }
";
    let sources = [Source::new("src/a.rs", library), Source::new("src/b.rs", user)];
    let found = complaints(&sources, &["called()".to_owned()]);
    let wanted = [
        "src/a.rs:3: new is named nowhere",
        "src/a.rs:4: go is named nowhere",
        "src/a.rs:6: left is named nowhere",
        "src/a.rs:8: tested is named by its own tests only",
    ];
    assert_eq!(found, wanted);
}

/// What is public in these sources, and named neither in them nor in the page's scripts.
fn complaints(sources: &[Source], scripts: &[String]) -> Vec<String> {
    let items: Vec<Item<'_>> = (0..sources.len()).flat_map(|n| items(sources, n)).collect();
    let mut uses: BTreeMap<&str, Vec<Use<'_>>> = BTreeMap::new();
    for (source, text) in sources.iter().enumerate() {
        for Word { text: word, at } in &text.words {
            let before = text.before(*at);
            uses.entry(word).or_default().push(Use { source, at: *at, before });
        }
    }
    // Of which types a name is defined: `A::new` is no use of `B::new`.
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in &items {
        owners.entry(item.name).or_default().extend(item.of);
    }
    let mut complaints = Vec::new();
    for item in &items {
        if item.exported && scripts.iter().any(|script| script.contains(item.name)) {
            continue;
        }
        let names = uses.get(item.name).map_or(&[][..], Vec::as_slice);
        let of = owners.get(item.name).map_or(&[][..], Vec::as_slice);
        let found: Vec<&Use<'_>> =
            names.iter().filter(|u| names_it(u, item, of, sources)).collect();
        let source = &sources[item.source];
        let line = source.code[..item.at].matches('\n').count() + 1;
        let place = format!("{}:{line}: {}", source.file, item.name);
        if found.is_empty() {
            complaints.push(format!("{place} is named nowhere"));
        } else if found.iter().all(|u| sources[u.source].in_tests(u.at)) {
            complaints.push(format!("{place} is named by its own tests only"));
        }
    }
    complaints
}

/// All of ours: what `src` only tests is marked; `tests` and `benches` are users like any other.
fn read() -> Vec<Source> {
    let files = ["src", "tests", "benches"].iter().flat_map(|folder| super::read("", folder));
    let mut sources: Vec<Source> = files
        .map(|(file, text)| {
            let mut source = Source::new(&file, &text);
            if !file.starts_with("src/") {
                source.tests.clear();
                source.for_tests = false;
            }
            source
        })
        .collect();
    let declared: Vec<String> = sources
        .iter()
        .flat_map(|s| {
            let stem = s.file.trim_end_matches("/mod.rs").trim_end_matches(".rs").to_owned();
            s.test_modules().into_iter().map(move |name| format!("{stem}/{name}"))
        })
        .collect();
    for source in &mut sources {
        if declared.iter().any(|module| source.file.starts_with(module.as_str())) {
            source.for_tests = true;
        }
    }
    sources
}

/// The scripts of the page and of its tests, which call what wasm-bindgen exports.
fn scripts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["static/js", "tests/e2e"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "js" || e == "mjs") {
                found.push(fs::read_to_string(&path).expect("a script is text"));
            }
        }
    }
    found
}

/// The public items of a source that are not for tests.
fn items(sources: &[Source], index: usize) -> Vec<Item<'_>> {
    let source = &sources[index];
    let mut found = Vec::new();
    let words = &source.words;
    let in_crate = source.file.starts_with("src/");
    for (n, word) in words.iter().enumerate().filter(|_| in_crate) {
        let sort = match word.text.as_str() {
            "fn" | "const" | "static" => Sort::Free,
            "struct" | "enum" | "type" | "trait" => Sort::Type,
            _ => continue,
        };
        let Some(name) = words.get(n + 1).filter(|name| name.text != "fn" && name.text != "_")
        else {
            continue;
        };
        // `pub(crate) const fn`: everything back to `pub` is one of these words.
        let modifiers = ["const", "async", "unsafe", "crate", "super", "in", "self"];
        let back = words[..n].iter().rev().find(|w| !modifiers.contains(&w.text.as_str()));
        let Some(public) = back.filter(|w| w.text == "pub") else { continue };
        let adjacent = !source.code[public.at..word.at].contains([';', '{', '}', ',', ':']);
        let metavariable = source.before(name.at).ends_with('$');
        if !adjacent || metavariable || source.in_tests(word.at) {
            continue;
        }
        found.push(item(sources, index, (word.at, name), sort));
    }
    found
}

fn item<'a>(
    sources: &'a [Source],
    index: usize,
    (at, name): (usize, &'a Word),
    sort: Sort,
) -> Item<'a> {
    let source = &sources[index];
    let of = source.impl_of(at).map(|(of, _)| of.as_str());
    let body = source.item(at);
    let above = source.before(at).rsplit(['}', ';']).next().unwrap_or("");
    let exported = above.contains("#[wasm_bindgen");
    let mut own = vec![(index, body.clone())];
    let sort = match (sort, of) {
        (Sort::Type, _) => {
            for (n, other) in sources.iter().enumerate() {
                let impls = other.impls.iter().filter(|(of, _)| *of == name.text);
                own.extend(impls.map(|(_, block)| (n, block.clone())));
            }
            Sort::Type
        }
        (Sort::Free, _) => {
            let head = source.code[body].split(')').next().unwrap_or("");
            let head = head.split_once('(').map_or("", |(_, first)| first);
            let first = head.split([',', ':']).next().unwrap_or("");
            let takes_self = first.split(|c: char| !c.is_alphanumeric() && c != '_');
            // A method of JavaScript names its object `this`.
            let method = takes_self.clone().any(|w| w == "self" || w == "this");
            match of {
                _ if method => Sort::Method,
                Some(_) => Sort::Associated,
                None => Sort::Free,
            }
        }
        (other, _) => other,
    };
    Item { source: index, name: &name.text, at: name.at, own, of, exported, sort }
}

/// Whether this place names the item.
fn names_it(place: &Use<'_>, item: &Item<'_>, owners: &[&str], sources: &[Source]) -> bool {
    let inside = |(source, range): &(usize, Range<usize>)| {
        *source == place.source && range.contains(&place.at)
    };
    if item.own.iter().any(inside) {
        return false;
    }
    let source = &sources[place.source];
    let from = modules(&sources[item.source]);
    if let Some(path) = place.before.strip_suffix("::") {
        let last = last_word(path);
        let named = match last {
            "Self" => source.impl_of(place.at).map_or("", |(of, _)| of.as_str()),
            other => other,
        };
        // `A::name` is no use of `B::name`, unless `A` is a name for any type.
        return match item.of {
            Some(of) => {
                let type_like = named.starts_with(char::is_uppercase) || named.is_empty();
                named == of || type_like && !owners.contains(&named)
            }
            None => from.contains(&named) || matches!(named, "self" | "super" | "crate"),
        };
    }
    let after = source.after(place.at + item.name.len());
    let field = place.before.ends_with('.') && !place.before.ends_with("..");
    if matches!(item.sort, Sort::Method | Sort::Associated) {
        return item.sort == Sort::Method && field && after.starts_with(['(', ':']);
    }
    if let Some(import) = source.imports.iter().find(|r| r.contains(&place.at)) {
        // Handing a name on is no use of it.
        if source.before(import.start).ends_with(['b', ')']) {
            return false;
        }
        let here = |word: &&Word| import.contains(&word.at);
        let mut words = source.words.iter().filter(here).map(|w| w.text.as_str());
        return words.any(|w| from.contains(&w) || w == "super" || w == "self");
    }
    let typed = after.starts_with(':') && !after.starts_with("::");
    let definition = DEFINES.contains(&last_word(place.before));
    if field || definition || typed || place.source != item.source && !source.code.contains("::*;")
    {
        return false;
    }
    let function = item.name.starts_with(char::is_lowercase);
    !function
        || after.starts_with(['(', '<'])
        || after.starts_with("::")
        || !shadows(source, item.name)
}

/// What comes before the name of something new.
const DEFINES: &[&str] =
    &["fn", "const", "static", "let", "mut", "ref", "struct", "enum", "type", "trait", "mod"];

/// The modules that a file is in or has, by name.
fn modules(source: &Source) -> Vec<&str> {
    let path = source.file.trim_end_matches(".rs").split('/');
    let inner = source.words.windows(2).filter(|pair| pair[0].text == "mod");
    let inner = inner.map(|pair| pair[1].text.as_str());
    path.filter(|part| !matches!(*part, "src" | "mod")).chain(inner).collect()
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("")
}

/// Whether a file has variables, fields or parameters of this name.
fn shadows(source: &Source, name: &str) -> bool {
    let mut named = source.words.iter().filter(|word| word.text == name);
    named.any(|word| {
        let after = source.after(word.at + name.len());
        let before = source.before(word.at);
        let field = after.starts_with(':') && !after.starts_with("::");
        let bound = ["let", "mut", "ref"].contains(&last_word(before));
        field || bound || before.ends_with('|')
    })
}
