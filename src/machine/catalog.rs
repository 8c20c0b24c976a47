//! The catalogue: what images contain and how their programs behave, as data.
//!
//! The files under `scenarios/catalog/` are embedded and read once into a [`Catalogue`]. An
//! image file says what an image is made of and which of its commands is which program; a program
//! file says what a program does. No behaviour of a particular image stands in Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::yaml::{self, Dialect};

mod embedded;

/// Which collection of images a world offers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Collection {
    /// Public images as on the default registry.
    #[default]
    Public,
    /// Small stand-ins of the same names, as used for the recordings with Docker.
    DockerLab,
    /// Small stand-ins of the same names, as used for the recordings with a real kubelet.
    KubeLab,
}

/// An image file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFile {
    /// Repository without the default registry and without `library/`.
    pub image: String,
    /// Collection that offers it.
    #[serde(default)]
    pub collection: Collection,
    /// Where size and habits come from.
    pub source: String,
    /// Name of the file tree below it.
    #[serde(default = "default_base")]
    pub base: String,
    /// Tags and their sizes; the first variant with a matching tag counts.
    pub variants: Vec<Variant>,
    /// Entrypoint.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// Default arguments.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// `NAME=value`; `{version}` stands for the version.
    #[serde(default)]
    pub env: Vec<String>,
    /// `80/tcp`.
    #[serde(default)]
    pub ports: Vec<String>,
    /// Anonymous volumes.
    #[serde(default)]
    pub volumes: Vec<String>,
    /// User.
    #[serde(default)]
    pub user: String,
    /// Working directory.
    #[serde(default)]
    pub cwd: String,
    /// Stop signal; empty is SIGTERM.
    #[serde(default)]
    pub stop_signal: String,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Absolute path of an executable to the program that it runs.
    #[serde(default)]
    pub programs: BTreeMap<String, String>,
    /// Values for `{…}` in programs.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// More files: path to content.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

fn default_base() -> String {
    "debian".to_owned()
}

/// Tags of an image that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Tag patterns: `*` stands for any text.
    pub tags: Vec<String>,
    /// Version that tags without a number mean.
    #[serde(default)]
    pub version: String,
    /// Bytes to download per layer, lowest first.
    pub download: Vec<u64>,
    /// Bytes unpacked of all layers.
    pub unpacked: u64,
    /// Another base than the image's.
    #[serde(default)]
    pub base: Option<String>,
    /// Another tag has the very same content: its id comes from this name.
    #[serde(default)]
    pub same_as: Option<String>,
    /// Image id (without `sha256:`) where it is known.
    #[serde(default)]
    pub id: Option<String>,
    /// Manifest digest (without `sha256:`) where it is known.
    #[serde(default)]
    pub digest: Option<String>,
    /// Diff ids where they are known.
    #[serde(default)]
    pub diff_ids: Vec<String>,
    /// Comment of the image's history.
    #[serde(default)]
    pub comment: String,
    /// Other default arguments than the image's.
    #[serde(default)]
    pub cmd: Option<Vec<String>>,
    /// Environment beyond the image's.
    #[serde(default)]
    pub env: Vec<String>,
}

/// A tree of files that images stand on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseFile {
    /// Name.
    pub base: String,
    /// Where it comes from.
    pub source: String,
    /// Directories.
    #[serde(default)]
    pub directories: Vec<String>,
    /// Executables of the shell and the small tools, by absolute path.
    #[serde(default)]
    pub executables: Vec<String>,
    /// Path to content.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// How its shell begins error messages; `{shell}` is the shell's own name.
    #[serde(default = "default_shell_prefix")]
    pub shell_prefix: String,
}

fn default_shell_prefix() -> String {
    "{shell}: ".to_owned()
}

/// A program file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Name.
    pub program: String,
    /// Where its habits come from.
    pub source: String,
    /// It runs its arguments in its own place (an entrypoint script). The value is the command
    /// put before arguments that start with `-`, and run when there are none.
    #[serde(default)]
    pub delegate: Option<Vec<String>>,
    /// What it does, by its arguments; the first that matches counts.
    #[serde(default)]
    pub modes: Vec<Mode>,
}

/// One way of running a program.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// Patterns of the first arguments (`*` for any); empty matches all.
    #[serde(default)]
    pub args: Vec<String>,
    /// Guards (see [`Step::only`]).
    #[serde(default)]
    pub only: Vec<String>,
    /// Memory in KiB once it runs.
    #[serde(default = "default_memory")]
    pub memory_kb: u64,
    /// CPU in use while it idles, thousandths of a core.
    #[serde(default)]
    pub cpu_milli: u64,
    /// What it does, in order. After the last step it goes on running if it listens or `stay` is
    /// set, else it exits with 0.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// It goes on running after its last step although it listens on nothing.
    #[serde(default)]
    pub stay: bool,
    /// Answers to HTTP requests; the first that matches counts, none is 404.
    #[serde(default)]
    pub http: Vec<Route>,
    /// It does not speak HTTP: an HTTP request is answered with a broken connection.
    #[serde(default)]
    pub raw: bool,
    /// A line of log per request.
    #[serde(default)]
    pub access_log: Option<String>,
    /// Signals by name without SIG; others have their default action.
    #[serde(default)]
    pub on: BTreeMap<String, Reaction>,
}

fn default_memory() -> u64 {
    1_024
}

/// One step of a program: exactly one action.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Guards, all of which must hold: `env X`, `no env X`, `file /p`, `no file /p`,
    /// `after T`, `before T` (time since the process started), `arg X`, `var X` (of the image).
    #[serde(default)]
    pub only: Vec<String>,
    /// Write a line to standard output.
    #[serde(default)]
    pub log: Option<String>,
    /// Write a line to standard error.
    #[serde(default)]
    pub err: Option<String>,
    /// Wait: `300ms`, `{env.X}s`.
    #[serde(default)]
    pub sleep: Option<String>,
    /// Connect to `host:port` before going on.
    #[serde(default)]
    pub connect: Option<String>,
    /// Send a GET before going on; anything but 200 is a failure.
    #[serde(default)]
    pub fetch: Option<String>,
    /// Listen on a port.
    #[serde(default)]
    pub listen: Option<String>,
    /// Write a file, making directories; a relative path counts from the working directory.
    #[serde(default)]
    pub write: Option<WriteFile>,
    /// Grow to this many MiB at once.
    #[serde(default)]
    pub memory_mb: Option<String>,
    /// From now on grow by this many KiB per second.
    #[serde(default)]
    pub leak_kb: Option<String>,
    /// From now on use this much cpu (thousandths of a core).
    #[serde(default)]
    pub cpu_milli: Option<String>,
    /// From now on write a line every so often; `{tick}` counts from 1.
    #[serde(default)]
    pub every: Option<Every>,
    /// End with this code.
    #[serde(default)]
    pub exit: Option<String>,
    /// When `connect`, `fetch` or `listen` fails: a line on standard error; `{reason}` says why.
    #[serde(default)]
    pub failed: Option<String>,
    /// The same when the name does not exist.
    #[serde(default)]
    pub unresolved: Option<String>,
    /// Try again after this time instead of exiting.
    #[serde(default)]
    pub retry: Option<String>,
    /// Exit code after a failure without `retry`; 1 if not given.
    #[serde(default)]
    pub failed_exit: Option<String>,
}

/// A file to write.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// Where.
    pub path: String,
    /// What.
    pub text: String,
    /// Whether it can be run.
    #[serde(default)]
    pub executable: bool,
}

/// A line written periodically.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// Time between lines.
    pub period: String,
    /// The line.
    pub log: String,
}

/// An answer to HTTP requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Path pattern (`*` for any), without query; empty matches all.
    #[serde(default)]
    pub path: String,
    /// Guards as in [`Step::only`].
    #[serde(default)]
    pub only: Vec<String>,
    /// Status code.
    #[serde(default = "default_status")]
    pub status: u16,
    /// Shortest and longest time to answer, milliseconds.
    #[serde(default = "default_ms")]
    pub ms: [u64; 2],
    /// Body.
    #[serde(default)]
    pub body: String,
    /// Serve the files of this directory instead; a missing file is 404.
    #[serde(default)]
    pub root: Option<String>,
}

fn default_status() -> u16 {
    200
}

/// A static page from memory takes about a millisecond.
fn default_ms() -> [u64; 2] {
    [1, 3]
}

/// What a program does on a signal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    /// Guards as in [`Step::only`]; where they do not hold, the next in `or` counts.
    #[serde(default)]
    pub only: Vec<String>,
    /// Nothing happens.
    #[serde(default)]
    pub ignore: bool,
    /// A line to standard output.
    #[serde(default)]
    pub log: Option<String>,
    /// A line to standard error.
    #[serde(default)]
    pub err: Option<String>,
    /// How long it takes until the exit.
    #[serde(default)]
    pub after: Option<String>,
    /// Exit code; without one the program goes on.
    #[serde(default)]
    pub exit: Option<String>,
    /// What counts where the guards do not hold.
    #[serde(default)]
    pub or: Option<Box<Reaction>>,
}

/// Why a catalogue file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

impl Display for CatalogueError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}: {}", self.file, self.message)
    }
}

/// The embedded files read once: a constant that only needs a parser to be written down.
static EMBEDDED: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::embedded()));

/// All images, bases and programs.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Image files by collection and repository.
    pub images: BTreeMap<(Collection, String), Arc<ImageFile>>,
    /// Base files by name.
    pub bases: BTreeMap<String, Arc<BaseFile>>,
    /// Programs by name.
    pub programs: BTreeMap<String, Arc<Program>>,
    /// Names of official images that exist although no file describes them.
    pub official: BTreeSet<String>,
}

/// The file of official names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfficialFile {
    /// Where the list comes from.
    #[expect(
        dead_code,
        reason = "provenance for readers of the file; serde checks that it is there"
    )]
    source: String,
    /// The names.
    names: Vec<String>,
}

impl Catalogue {
    /// The embedded catalogue. Files that cannot be read are left out (a test reads them all).
    #[must_use]
    pub fn shared() -> Arc<Self> {
        EMBEDDED.clone()
    }

    fn embedded() -> Self {
        let mut catalogue = Self::default();
        for (name, text) in embedded::FILES {
            // An unreadable file is a bug that `every_file_is_valid` finds before a release.
            let _ = catalogue.add(name, text);
        }
        catalogue
    }

    /// Add one file; its directory says what it is.
    ///
    /// # Errors
    /// Where it is no YAML or does not have the form.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), CatalogueError> {
        if name.starts_with("images/") {
            let file: ImageFile = read(name, text)?;
            self.images.insert((file.collection, file.image.clone()), Arc::new(file));
        } else if name == "official.yaml" {
            let file: OfficialFile = read(name, text)?;
            self.official.extend(file.names);
        } else if name.starts_with("bases/") {
            let file: BaseFile = read(name, text)?;
            self.bases.insert(file.base.clone(), Arc::new(file));
        } else {
            let file: Program = read(name, text)?;
            self.programs.insert(file.program.clone(), Arc::new(file));
        }
        Ok(())
    }

    /// The file and variant of an image that a collection offers under a tag.
    #[must_use]
    pub fn find(
        &self,
        collection: Collection,
        repository: &str,
        tag: &str,
    ) -> Option<(&Arc<ImageFile>, &Variant)> {
        let file = self.images.get(&(collection, repository.to_owned()))?;
        let variant = file.variants.iter().find(|v| v.tags.iter().any(|t| matches(t, tag)))?;
        Some((file, variant))
    }
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, CatalogueError> {
    let fail = |message: String| CatalogueError { file: name.to_owned(), message };
    let documents = yaml::parse(text).map_err(|e| fail(e.to_string()))?;
    let node = documents.first().ok_or_else(|| fail("the file is empty".to_owned()))?;
    serde_json::from_value(node.value(Dialect::Compose)).map_err(|e| fail(e.to_string()))
}

/// Whether a text has the form of a pattern in which `*` stands for any text.
#[must_use]
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut tail) = text.strip_prefix(head) else { return false };
    if rest.is_empty() {
        return true;
    }
    loop {
        if matches(rest, tail) {
            return true;
        }
        let mut chars = tail.chars();
        if chars.next().is_none() {
            return false;
        }
        tail = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_valid() {
        let mut catalogue = Catalogue::default();
        for (name, text) in embedded::FILES {
            if let Err(error) = catalogue.add(name, text) {
                panic!("{error}");
            }
        }
        for file in catalogue.images.values() {
            let bases = file.variants.iter().filter_map(|v| v.base.as_ref()).chain([&file.base]);
            for base in bases {
                assert!(catalogue.bases.contains_key(base), "{}: base {base}", file.image);
            }
            for program in file.programs.values() {
                assert!(catalogue.programs.contains_key(program), "{}: {program}", file.image);
            }
            assert!(!file.source.is_empty() && !file.variants.is_empty(), "{}", file.image);
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, want) in [
            ("1.*", "1.27", true),
            ("*-alpine*", "1.27-alpine3.20", true),
            ("latest", "latest", true),
            ("1.*", "2.0", false),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }
}
