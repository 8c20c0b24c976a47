//! Transcripts: sessions as typed and shown, kept in `tests/transcripts/` and held against the
//! simulation by `tests/transcripts.rs`.
//!
//! ```text
//! # source: Docker Engine 28.5.2, recorded 2026-11-30
//! # world: docker
//!
//! ## a container that ends
//! $ docker run --name one busybox:1.36 false
//! ? 1
//!
//! $ docker ps -a --format '{{.Names}} {{.Status}}'
//! one Exited (1) 1 second ago
//!
//! @wait 3s
//! $ docker rm two
//! ! Error response from daemon: No such container: two
//! ? 1
//! ```
//!
//! - The head of a file says where the words come from (`# source:`) and in which world they are
//!   typed (`# world:`): `docker` (one host with the public catalogue), `docker:3`, `kube:3`,
//!   `engine-lab` (the recordings' host with its stand-in images), `kube-lab:3` (their hollow
//!   nodes), `kube-lab-real` (their node with a real runtime). `# folder:` is where the lines are
//!   typed, `# images: busybox:1.36 nginx:1.27` what the machines have from the start,
//!   `# namespace:` the namespace of `kubectl`, `# node: NAME cpu=4 memory=8Gi pods=110
//!   label.KEY=VALUE taint=KEY=VALUE:Effect` adds a node to a laboratory cluster. The same words
//!   directly under a section's name hold for that section.
//! - `## name` begins a section, in a new world of its own; `# continue` under the name keeps the
//!   world of the section before.
//! - `known_gap: reason (date)` directly under the name: the section is known to differ. It must
//!   differ then: the test fails as soon as it does not.
//! - `$ line` is typed; `> ` lines continue it (here-documents). Below stands what it prints:
//!   standard output as it is, standard error prefixed `! `, and `? N` if it does not exit with 0.
//!   Blank lines at the end of either are ignored. A line of output that could be read as one of
//!   these marks is written with a `\` before it.
//! - Two blanks, `#` and tags at the end of a line say how it is typed or compared: `any order`
//!   (lines as a set), `any node` (which of several nodes that are alike), `any age`, `any output`
//!   (only the exit code counts), `on node2` (which machine), `tty`, `ctrl-c 5s`
//!   (interrupted after so long), `background` (goes on while the next lines
//!   run; what it printed is looked at when the section ends).
//! - `@wait 3s`, `@at 12.5s` (since the section began), `@host NAME poweroff|boot|stop-daemon|
//!   kill-daemon|start-daemon|pause-daemon|resume-daemon|link-down|link-up`, `@file PATH` with the
//!   content on `> ` lines (`@file -n PATH`: without the last line's end), `@cpu-load MILLICORES`.
//! - What differs from run to run in reality is replaced on both sides before they are compared:
//!   [`normalise`] has the table.
//!
//! `UPDATE=1 cargo test --test transcripts` writes what the simulation prints, except in sections
//! with a known gap. `cargo xtask judges record` fills a transcript from real machines,
//! `drydock transcript import` makes one from a recorded case. Each line is run by a shell of its
//! own, there as here.

pub mod parse;
pub mod stage;
pub mod run;
pub mod normalise;
pub mod compare;
pub mod update;
pub mod import;
pub mod task;

use std::ops::Range;

use crate::base::time::SimDuration;

/// A file of sessions.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Where it lies, for messages.
    pub path: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// Its sections in order.
    pub sections: Vec<Section>,
}

/// A named session.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Index of the line with the name.
    pub line: usize,
    /// Why it is known to differ.
    pub known_gap: Option<String>,
    /// Whether it goes on in the world of the section before.
    pub continues: bool,
    /// Where it is typed.
    pub setting: Setting,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Section {
    /// The line that is typed at a line of the file.
    #[must_use]
    pub fn typed_at(&self, line: usize) -> Option<&Typed> {
        self.steps.iter().filter(|step| step.line == line).find_map(|step| {
            if let Action::Type(typed) = &step.action { Some(typed) } else { None }
        })
    }
}

/// The world of a section, by its head lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Where the words come from.
    pub source: String,
    /// The kind of world.
    pub world: String,
    /// Where the lines are typed.
    pub folder: Option<String>,
    /// The namespace of `kubectl`.
    pub namespace: Option<String>,
    /// Images that the machines have from the start.
    pub images: Vec<String>,
    /// Nodes of a laboratory cluster.
    pub nodes: Vec<String>,
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub struct Step {
    /// Index of its first line.
    pub line: usize,
    /// What.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// A line is typed.
    Type(Typed),
    /// Time passes.
    Wait(SimDuration),
    /// Time passes until so long after the beginning of the section.
    At(SimDuration),
    /// A file is written.
    File {
        /// Its path, relative to the folder.
        path: String,
        /// Its content.
        text: String,
    },
    /// Any other `@` line: its words.
    Other(Vec<String>),
}

/// A line that is typed and what it prints.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The line, with its continuation.
    pub text: String,
    /// How it is typed and compared.
    pub tags: Tags,
    /// What it should print.
    pub printed: Printed,
    /// The lines of the file that say so.
    pub range: Range<usize>,
}

/// What a line prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code.
    pub exit: u8,
}

/// The tags of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The lines of its output have no order.
    pub any_order: bool,
    /// Which of several nodes that are alike does not count.
    pub any_node: bool,
    /// Ages in it do not count.
    pub any_age: bool,
    /// Only its exit code counts.
    pub any_output: bool,
    /// Its output goes to a terminal.
    pub tty: bool,
    /// The next lines do not wait for its end.
    pub background: bool,
    /// It is interrupted after so long.
    pub interrupt: Option<SimDuration>,
    /// The machine on which it is typed, if not the first.
    pub host: Option<String>,
}
