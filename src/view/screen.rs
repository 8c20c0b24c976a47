//! The rest of what a page shows: terminal lines, files, faults.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::fault::FaultKind;
use crate::engine::wire::CONTROL_PLANE;
use crate::kube::kinds::{Kind, Object};
use crate::posix::{Entry, FileSystem as _};
use crate::shell::terminal::Origin;
use crate::text::Catalogue;
use crate::view::editor::{self, Verdict};
use crate::view::focus::Focus;
use crate::view::map::{self, Map};
use crate::world::breakage::plain_name;
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
    // A process that was killed is not killed all the time.
    let once =
        |kind: &FaultKind| matches!(kind, FaultKind::ContainerOom | FaultKind::ContainerExit(_));
    active
        .filter(|f| !once(&f.kind))
        .map(|f| ActiveFault {
            kind: f.kind.clone(),
            target: f.target.clone(),
            text: catalogue.label_with(fault_text(&f.kind), &[("target", plain_name(&f.target))]),
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
        FaultKind::ProcessFrozen => "why-fault-process-frozen",
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
    /// Text id of its kind: `breakable-machine`, `breakable-container`, `breakable-component`,
    /// `breakable-registry`, `breakable-traffic`.
    pub kind: &'static str,
    /// As the fault table names it; the address asked by the client for traffic.
    pub target: String,
    /// As a person names it.
    pub name: String,
    /// What it is on the map, if it is there.
    pub focus: Option<Focus>,
}

/// What can be broken in a world.
#[must_use]
pub fn breakable(world: &World, map: &Map) -> Vec<Breakable> {
    let machines = map.machines.iter().map(|machine| Breakable {
        kind: "breakable-machine",
        target: machine.name.clone(),
        name: machine.name.clone(),
        focus: Some(machine.focus.clone()),
    });
    let mut all: Vec<Breakable> = machines.collect();
    let mut by_pod = pod_containers(world);
    for (machine, tile) in map::tiles(map) {
        let of = |target: String, name: String| Breakable {
            kind: "breakable-container",
            target,
            name,
            focus: Some(tile.focus.clone()),
        };
        let Some(inside) = by_pod.remove(&tile.focus.0) else {
            if tile.focus.0.starts_with("container/") {
                all.push(of(format!("{machine}/{}", tile.name), tile.name.clone()));
            }
            continue;
        };
        let many = inside.len() > 1;
        all.extend(inside.into_iter().map(|(container, target)| {
            let name = tile.name.clone();
            of(target, if many { format!("{name} ({container})") } else { name })
        }));
    }
    all.extend(components(world));
    let registry = ("breakable-registry", String::new(), "docker.io".to_owned());
    let client = client(world).map(|url| ("breakable-traffic", url.clone(), url));
    all.extend(
        [Some(registry), client].into_iter().flatten().map(|(kind, target, name)| Breakable {
            kind,
            target,
            name,
            focus: None,
        }),
    );
    all
}

/// Processes of the control plane, and the proxies of the nodes.
const COMPONENTS: &[&str] =
    &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "coredns"];

/// The components of the cluster.
fn components(world: &World) -> Vec<Breakable> {
    let Some(kube) = world.kube() else { return Vec::new() };
    let of = |host: &str, process: &str, name: String| Breakable {
        kind: "breakable-component",
        target: format!("{host}/{process}"),
        name,
        focus: None,
    };
    let central = COMPONENTS.iter().map(|name| of(CONTROL_PLANE, name, (*name).to_owned()));
    let nodes = kube.store.list(Kind::Node);
    let proxies =
        nodes.map(|(key, _)| of(&key.name, "kube-proxy", format!("kube-proxy ({})", key.name)));
    central.chain(proxies).collect()
}

/// Containers of pods by the pod, as the kubelet names them in the runtime.
fn pod_containers(world: &World) -> BTreeMap<String, Vec<(String, String)>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (key, entry) in world.kube().into_iter().flat_map(|kube| kube.store.list(Kind::Pod)) {
        let Object::Pod(pod) = &*entry.object else { continue };
        let Some(spec) = &pod.spec else { continue };
        let Some(node) = &spec.node_name else { continue };
        let target = |c: &str| format!("{node}/k8s_{c}_{}_{}", key.name, key.namespace);
        let containers = spec.containers.iter().map(|c| (c.name.clone(), target(&c.name)));
        let focus = Focus::object("Pod", &key.namespace, &key.name);
        found.insert(focus.0, containers.collect());
    }
    found
}

/// What the learner's client asks for.
#[must_use]
pub fn client(world: &World) -> Option<String> {
    let (_, load) = world.fabric().loads().next()?;
    let request = &load.spec.request;
    Some(format!("http://{}:{}{}", request.host, request.port, request.path))
}
