//! The name of a build: twelve hexadecimal digits made of everything that decides what a world
//! computes.
//!
//! Shared by `build.rs`, which gives it to the program and the page, and by `cargo xtask release`,
//! which names folders by it. The same content gives the same name on any machine: names of files
//! count relative to the checkout, line endings and git do not count.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// What in `src/` does not decide: the page, its words, the command line.
const NOT_DECIDING: [&str; 6] = ["bin", "main.rs", "native", "text", "ui", "view"];
/// What beside `src/` decides: the libraries, how they are chosen, and what the build script does.
const BESIDE: [&str; 5] =
    ["Cargo.lock", "Cargo.toml", "build.rs", "scenarios", "xtask/src/build_id.rs"];
/// Bytes of the hash that name a build.
const LENGTH: usize = 6;

/// The name of the build that a checkout makes with a compiler.
///
/// # Errors
/// If a source cannot be read or the compiler does not say its version.
pub(crate) fn of(root: &Path, rustc: &OsStr) -> io::Result<String> {
    Ok(name(&sources(root)?, &release(rustc)?))
}

/// Files and folders that decide, to be watched for changes.
///
/// # Errors
/// If `src/` cannot be read.
pub(crate) fn watched(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = BESIDE.iter().map(|name| root.join(name)).collect();
    for entry in fs::read_dir(root.join("src"))? {
        let entry = entry?;
        if !NOT_DECIDING.iter().any(|name| entry.file_name() == *name) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// The files that decide: names relative to the checkout, and contents.
fn sources(root: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for path in watched(root)? {
        collect(&path, &mut files)?;
    }
    let mut sources = Vec::new();
    for path in files {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        let parts: Vec<_> = relative.iter().map(OsStr::to_string_lossy).collect();
        let mut bytes = Vec::new();
        fs::File::open(&path)?.read_to_end(&mut bytes)?;
        sources.push((parts.join("/"), bytes));
    }
    Ok(sources)
}

/// A file, or all files below a folder. Tests decide nothing, and what an editor or a system leaves
/// behind is no source.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.starts_with('.') || name.ends_with('~') || name.ends_with("tests.rs") {
        return Ok(());
    }
    if path.is_dir() {
        return fs::read_dir(path)?.try_for_each(|entry| collect(&entry?.path(), files));
    }
    files.push(path.to_owned());
    Ok(())
}

/// The version of a compiler, without the machine on which it runs.
fn release(rustc: &OsStr) -> io::Result<String> {
    let said = Command::new(rustc).arg("-vV").output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let release = said.lines().find_map(|line| line.strip_prefix("release: "));
    release.map(str::to_owned).ok_or_else(|| io::Error::other("rustc does not say its version"))
}

/// The name of these sources in this compiler. Lengths are counted in, so that neighbouring texts
/// cannot run together.
fn name(sources: &[(String, Vec<u8>)], release: &str) -> String {
    let mut sources: Vec<(&str, Vec<u8>)> =
        sources.iter().map(|(path, bytes)| (path.as_str(), unix_lines(bytes))).collect();
    sources.sort();
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(release.as_bytes());
    for (path, bytes) in sources {
        add(path.as_bytes());
        add(&bytes);
    }
    hash.finalize().iter().take(LENGTH).map(|byte| format!("{byte:02x}")).collect()
}

/// The same with each line ended by a line feed alone.
fn unix_lines(bytes: &[u8]) -> Vec<u8> {
    let ends = bytes.iter().skip(1).map(Some).chain([None]);
    let kept = bytes.iter().zip(ends).filter(|pair| *pair != (&b'\r', Some(&b'\n')));
    kept.map(|(byte, _)| *byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(texts: &[(&str, &str)]) -> String {
        let own = texts.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        name(&own.collect::<Vec<_>>(), "1.95.0")
    }

    #[test]
    fn content_counts_and_nothing_else() {
        let id = of_texts(&[("src/a.rs", "a\nb\n"), ("src/b.rs", "c\n")]);
        assert_eq!(id.len(), 12);
        assert!(id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
        assert_eq!(id, of_texts(&[("src/b.rs", "c\r\n"), ("src/a.rs", "a\r\nb\r\n")]));
        for other in [
            [("src/a.rs", "a\nb\n"), ("src/b.rs", "d\n")],
            [("src/a.rs", "a\nb\n"), ("src/c.rs", "c\n")],
            [("src/a.rs", "a\nb\nc\n"), ("src/b.rs", "")],
            [("src/a.rs", "a\rb\n"), ("src/b.rs", "c\n")],
        ] {
            assert_ne!(id, of_texts(&other), "{other:?}");
        }
        let sources = [("src/a.rs".to_owned(), b"a".to_vec())];
        assert_ne!(name(&sources, "1.95.0"), name(&sources, "1.96.0"), "the compiler counts");
    }

    #[test]
    fn the_simulation_counts_and_the_page_does_not() {
        let root = crate::shell::root();
        let names: Vec<String> = sources(&root).unwrap().into_iter().map(|s| s.0).collect();
        for there in
            ["src/world/world.rs", "src/lib.rs", "scenarios/sandbox/shop.yaml", "Cargo.lock"]
        {
            assert!(names.iter().any(|name| name == there), "{there}");
        }
        for part in ["src/ui/", "src/view/", "src/text/", "src/native/", "src/bin/", "tests.rs"] {
            assert!(!names.iter().any(|name| name.contains(part)), "{part}");
        }
    }

    #[test]
    fn the_same_wherever_the_checkout_lies() {
        let root = crate::shell::target().join("build-id-test");
        let _ = fs::remove_dir_all(&root);
        for place in ["one", "two/deeper"] {
            let put = |name: &str, text: &str| {
                crate::shell::write(&root.join(place).join(name), text.as_bytes()).unwrap();
            };
            for name in ["Cargo.lock", "Cargo.toml", "build.rs", "xtask/src/build_id.rs"] {
                put(name, "same\n");
            }
            put("scenarios/a.yaml", "a: 1\n");
            put("src/world/world.rs", "world\n");
            put("src/ui/app.rs", place);
            put("src/world/.world.rs.swp", place);
            put("src/world/tests.rs", place);
        }
        let id = |place: &str| name(&sources(&root.join(place)).unwrap(), "1.95.0");
        assert_eq!(id("one"), id("two/deeper"));
        fs::write(root.join("one/src/world/world.rs"), "world!\n").unwrap();
        assert_ne!(id("one"), id("two/deeper"));
        fs::remove_dir_all(&root).unwrap();
    }
}
