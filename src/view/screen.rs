//! The rest of what a page shows: terminal lines, files, faults.

use serde::Serialize;

use crate::engine::fault::FaultKind;
use crate::posix::{Entry, FileSystem as _};
use crate::shell::terminal::Origin;
use crate::text::Catalogue;
use crate::view::editor::{self, Verdict};
use crate::view::map::{self, Map};
use crate::world::world::World;

/// Lines of a terminal that are shown.
const MAX_SHOWN: usize = 400;

/// A terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Terminal {
    /// The lines: class, text.
    pub lines: Vec<(&'static str, String)>,
    /// The unfinished last line, such as a prompt.
    pub prompt: String,
    /// Whether the shell waits for a command.
    pub idle: bool,
    /// The working directory.
    pub cwd: String,
}

/// A terminal of a world.
#[must_use]
pub fn terminal(world: &World, number: u32) -> Terminal {
    let Some(found) = world.shell().terminals().get(&number) else { return Terminal::default() };
    let mut lines: Vec<(&'static str, String)> = found
        .screen
        .lines()
        .rev()
        .take(MAX_SHOWN)
        .map(|line| (class(line.origin, &line.text), line.text.to_string()))
        .collect();
    lines.reverse();
    let prompt = if found.screen.unfinished() {
        lines.pop().map_or_else(String::new, |(_, text)| text)
    } else {
        String::new()
    };
    let cwd = world.shell().cwd(number).unwrap_or("").to_owned();
    Terminal { lines, prompt, idle: world.shell().idle(number), cwd }
}

/// Progress goes to standard error too, so that only complaints are coloured.
fn class(origin: Origin, text: &str) -> &'static str {
    match origin {
        Origin::Prompt => "typed",
        Origin::Err if text.contains("rror") => "err",
        Origin::Out | Origin::Err => "out",
    }
}

/// Paths of the learner's files on a machine.
#[must_use]
pub fn files(world: &World, host: &str) -> Vec<String> {
    let files = world.files(host).iter();
    files
        .filter(|(path, entry)| {
            let hidden = path.split('/').any(|part| part.starts_with('.'));
            path.starts_with("/home/student/") && matches!(entry, Entry::File { .. }) && !hidden
        })
        .map(|(path, _)| path.to_owned())
        .collect()
}

/// The text of a file; empty if there is none.
#[must_use]
pub fn file_text(world: &World, host: &str, path: &str) -> String {
    file_if_any(world, host, path).unwrap_or_default()
}

/// The text of a file.
#[must_use]
pub fn file_if_any(world: &World, host: &str, path: &str) -> Option<String> {
    world.files(host).read(&crate::posix::normal("/", path)).ok().map(|text| text.to_string())
}

/// What the tools would say of a file with this text, among the files beside it.
#[must_use]
pub fn check(world: &World, host: &str, file: &str, text: &str) -> Verdict {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = |path: &str| file_if_any(world, host, &format!("{folder}/{path}"));
    editor::check(file, text, editor::guess(file, text), &beside)
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveFault {
    /// What.
    pub kind: FaultKind,
    /// Where.
    pub target: String,
    /// In words.
    pub text: String,
}

/// The faults in force.
#[must_use]
pub fn faults(world: &World, catalogue: &Catalogue) -> Vec<ActiveFault> {
    let active = world.faults().list.iter().filter(|f| f.active(world.now()));
    active
        .map(|f| ActiveFault {
            kind: f.kind.clone(),
            target: f.target.clone(),
            text: catalogue.label_with(fault_text(&f.kind), &[("target", &f.target)]),
        })
        .collect()
}

/// The text id of what a fault does in real life.
#[must_use]
pub const fn fault_text(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::HostDown => "why-fault-host-down",
        FaultKind::LinkDown => "why-fault-link-down",
        FaultKind::LinkDelay(_) => "why-fault-link-delay",
        FaultKind::LinkLoss(_) => "why-fault-link-loss",
        FaultKind::RegistryNotFound => "why-fault-registry-not-found",
        FaultKind::RegistryTooManyRequests => "why-fault-registry-too-many",
        FaultKind::RegistrySlow => "why-fault-registry-slow",
        FaultKind::ProcessDown => "why-fault-process-down",
        FaultKind::ApiError(_) => "why-fault-api-error",
        FaultKind::ContainerOom => "why-fault-container-oom",
        FaultKind::ContainerExit(_) => "why-fault-container-exit",
        FaultKind::IgnoreSigterm => "why-fault-ignore-sigterm",
        FaultKind::Hang => "why-fault-hang",
    }
}

/// Something that can be broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breakable {
    /// Text id of its kind: `breakable-machine`, `breakable-container`.
    pub kind: &'static str,
    /// As the fault table names it.
    pub target: String,
    /// As a person names it.
    pub name: String,
}

/// What can be broken on a map.
#[must_use]
pub fn breakable(map: &Map) -> Vec<Breakable> {
    let machines = map.machines.iter().map(|machine| Breakable {
        kind: "breakable-machine",
        target: machine.name.clone(),
        name: machine.name.clone(),
    });
    let containers = map::tiles(map).map(|(machine, tile)| Breakable {
        kind: "breakable-container",
        target: format!("{machine}/{}", tile.key),
        name: tile.name.clone(),
    });
    machines.chain(containers).collect()
}
