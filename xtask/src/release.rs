//! `cargo xtask release`: a site that keeps the engines of all its releases, so that an update
//! breaks no class. See docs/decisions/0008-builds.md.
//!
//! ```text
//! index.html offline.js         the newest page, which takes its parts from below
//! v/builds.json                 what is there, newest first
//! v/<build>/index.html          the page of a build
//! v/<build>/build.json          its line of builds.json
//! v/<build>/<page>/boot.js …    its parts; the folder is named by their content and never changes
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::shell::{self, Outcome};
use crate::{build_id, web};

/// Files of the page that are no parts of it: the document, and what serves the whole site.
const APART: [&str; 3] = ["index.html", "offline.js", "drydock.html"];
/// Bytes of the hash that names the folder of a page's parts.
const LENGTH: usize = 6;

/// Build the page and add it to a site: `--into DIR` (default `release/`); `--no-build` takes
/// `dist/` as it is.
pub fn run(flags: &[&str]) -> Outcome {
    let into = flags.windows(2).find(|w| w[0] == "--into").map_or("release", |w| w[1]);
    let dist =
        if flags.contains(&"--no-build") { shell::root().join("dist") } else { web::build()? };
    let build = build_id::of(&shell::root(), "rustc".as_ref()).map_err(|e| e.to_string())?;
    let site = shell::root().join(into);
    add(&dist, &build, &today(), &site)?;
    eprintln!("{}: build {build} and all that were there", site.display());
    Ok(())
}

/// Add a built page to a site as its newest.
fn add(dist: &Path, build: &str, date: &str, site: &Path) -> Outcome {
    let parts = parts(dist)?;
    let named = |bytes: &[u8]| bytes.windows(build.len()).any(|w| w == build.as_bytes());
    if !parts.iter().any(|(name, bytes)| name.ends_with(".wasm") && named(bytes)) {
        return Err(format!("{}: the page there is not of build {build}", dist.display()));
    }
    let page = page(&parts);
    let home = site.join("v").join(build);
    for (name, bytes) in &parts {
        shell::write(&home.join(&page).join(name), bytes)?;
    }
    let document = shell::read(&dist.join("index.html"))?;
    shell::write(&home.join("index.html"), pointed(&document, &format!("{page}/"))?.as_bytes())?;
    let version = version()?;
    let line = format!(r#"{{"date":"{date}","id":"{build}","version":"{version}"}}"#);
    shell::write(&home.join("build.json"), line.as_bytes())?;
    shell::write(&site.join("v/builds.json"), list(site)?.as_bytes())?;
    shell::copy(&dist.join("offline.js"), &site.join("offline.js"))?;
    // The document last: whoever loads it finds all that it names.
    let document = pointed(&document, &format!("v/{build}/{page}/"))?;
    shell::write(&site.join("index.html"), document.as_bytes())
}

/// The parts of a page: names below its folder, and contents.
fn parts(dist: &Path) -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = dist.join(&folder);
        let told = |e: std::io::Error| format!("{}: {e}", path.display());
        for entry in fs::read_dir(&path).map_err(told)? {
            let entry = entry.map_err(told)?;
            let name = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(name);
                continue;
            }
            let name = name.to_string_lossy().replace('\\', "/");
            if !APART.contains(&name.as_str()) {
                found.push((name, fs::read(entry.path()).map_err(told)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The name of these parts: the page may change while the build, which names what a world computes,
/// stays.
fn page(parts: &[(String, Vec<u8>)]) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in parts {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().iter().take(LENGTH).map(|byte| format!("{byte:02x}")).collect()
}

/// The version of Drydock.
fn version() -> Outcome<String> {
    let manifest = shell::read(&shell::root().join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = "));
    line.map(|v| v.trim_matches('"').to_owned()).ok_or_else(|| "Cargo.toml: no version".to_owned())
}

/// The document with its parts in a folder.
fn pointed(document: &str, folder: &str) -> Outcome<String> {
    let mut text = document.to_owned();
    for attribute in ["href", "src"] {
        text = text.replace(&format!("{attribute}=\""), &format!("{attribute}=\"{folder}"));
    }
    let boot = format!("src=\"{folder}boot.js\"");
    if text.contains(&boot) { Ok(text) } else { Err("index.html loads no boot.js".to_owned()) }
}

/// All releases of a site, newest first: the lines begin with the date.
fn list(site: &Path) -> Outcome<String> {
    let folder = site.join("v");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path().join("build.json"));
    let mut lines = Vec::new();
    for path in paths.filter(|path| path.is_file()) {
        lines.push(shell::read(&path)?.trim().to_owned());
    }
    lines.sort_by(|a, b| b.cmp(a));
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

/// Now, in UTC, as `2026-11-30T12:00:00Z`.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970 as a date (Howard Hinnant, `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let day = of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789ab";
    const NEW: &str = "ba9876543210";

    fn dist(root: &Path, build: &str, style: &str) -> PathBuf {
        let dist = root.join("dist");
        let put = |name: &str, text: &str| {
            shell::write(&dist.join(name), text.as_bytes()).unwrap();
        };
        put("index.html", "<link href=\"style/app.css\"><script src=\"boot.js\"></script>");
        put("offline.js", "offline");
        put("boot.js", "boot");
        put("drydock_rest.wasm", &format!("...{build}..."));
        put("style/app.css", style);
        dist
    }

    #[test]
    fn earlier_builds_stay() {
        let root = shell::target().join("release-test");
        let _ = fs::remove_dir_all(&root);
        let site = root.join("site");
        add(&dist(&root, OLD, "a"), OLD, "2026-11-29T10:00:00Z", &site).unwrap();
        add(&dist(&root, NEW, "a"), NEW, "2026-11-30T10:00:00Z", &site).unwrap();
        let read = |name: &str| shell::read(&site.join(name)).unwrap();
        let builds = read("v/builds.json");
        assert!(builds.find(NEW) < builds.find(OLD), "newest first: {builds}");
        for (document, build) in [("index.html", NEW), (&*format!("v/{OLD}/index.html"), OLD)] {
            let text = read(document);
            let folder = text.split("src=\"").nth(1).and_then(|s| s.split("boot.js").next());
            let folder = Path::new(document).parent().unwrap().join(folder.unwrap());
            let wasm = read(&folder.join("drydock_rest.wasm").to_string_lossy());
            assert!(wasm.contains(build), "{document} has the parts of its own build");
            assert_eq!(read(&folder.join("style/app.css").to_string_lossy()), "a");
        }
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_changed_page_of_a_build_gets_a_folder_of_its_own() {
        let root = shell::target().join("release-page-test");
        let _ = fs::remove_dir_all(&root);
        let site = root.join("site");
        for style in ["a", "b"] {
            add(&dist(&root, OLD, style), OLD, "2026-11-30T10:00:00Z", &site).unwrap();
        }
        let folders = fs::read_dir(site.join("v").join(OLD)).unwrap().flatten();
        assert_eq!(folders.filter(|entry| entry.path().is_dir()).count(), 2);
        let builds = shell::read(&site.join("v/builds.json")).unwrap();
        assert_eq!(builds.matches(OLD).count(), 1, "one build, released twice: {builds}");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_page_of_other_sources_is_refused() {
        let root = shell::target().join("release-other-test");
        let _ = fs::remove_dir_all(&root);
        let refused = add(&dist(&root, OLD, "a"), NEW, "2026-11-30T10:00:00Z", &root.join("site"));
        assert!(refused.unwrap_err().contains("not of build"));
        assert!(!root.join("site").exists());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_787), (2026, 11, 30));
    }
}
