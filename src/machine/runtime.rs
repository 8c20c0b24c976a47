//! The runtime: what dockerd and the kubelet call.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

use crate::base::message::Message;
use crate::base::shelf::Seq;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::trace::{Actor, Subject};
use crate::machine::build;
use crate::machine::catalog::{Catalogue, Collection};
use crate::machine::container::{Container, LogLine};
use crate::machine::host::{Host, HostSpec, Power, PullProgress, Volume};
use crate::machine::ids::{ContainerId, HostId, Namespace};
use crate::machine::image::{Image, Reference};
use crate::machine::io::{Happening, Input, Notice, Output};
use crate::machine::proc::Room;
use crate::machine::pull;
use crate::posix::{Entry, Files};

/// From power on to a running kernel (traces swarm/42, nodefail: 'boot' to the first sign of the
/// node's daemon takes a few seconds, most of it the daemon's own start).
const BOOT: SimDuration = SimDuration(1_500_000);

/// A start that failed; the container stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// 126 (not executable), 127 (not found) or 128 (anything else).
    pub code: u8,
    /// The OCI runtime's text from `failed to create task for container: ` on, or for an exec
    /// from `OCI runtime exec failed: ` on. Its first words are those of the caller's namespace
    /// (dockerd's and containerd's differ).
    pub message: String,
}

/// A call that the runtime refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeError {
    /// No such host, or it has no power.
    HostDown,
    /// No such container.
    NoSuchContainer,
    /// No such image on the host.
    NoSuchImage,
    /// The id is in use.
    Exists,
    /// It does not run.
    NotRunning,
    /// It runs.
    Running,
    /// It is paused.
    Paused,
    /// It is not paused.
    NotPaused,
    /// No such volume.
    NoSuchVolume,
    /// No such exec.
    NoSuchExec,
    /// A bind source that does not exist.
    NoSuchPath(String),
}

impl Display for RuntimeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let text = match self {
            Self::HostDown => "the host is down",
            Self::NoSuchContainer => "no such container",
            Self::NoSuchImage => "no such image",
            Self::Exists => "the id is in use",
            Self::NotRunning => "the container is not running",
            Self::Running => "the container is running",
            Self::Paused => "the container is paused",
            Self::NotPaused => "the container is not paused",
            Self::NoSuchVolume => "no such volume",
            Self::NoSuchExec => "no such exec instance",
            Self::NoSuchPath(path) => return write!(f, "no such path: {path}"),
        };
        f.write_str(text)
    }
}

/// What `docker stats` and the kubelet's metrics read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// CPU in use now, thousandths of a core, after throttling.
    pub cpu_milli: u64,
    /// CPU used in this run, microseconds.
    pub cpu_used_us: u64,
    /// Memory in use, bytes.
    pub memory_bytes: u64,
    /// Memory limit, or the host's memory.
    pub memory_limit_bytes: u64,
    /// Processes.
    pub pids: u32,
    /// Bytes in the container's own layer.
    pub written_bytes: u64,
}

/// One row of `docker top` and `ps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRow {
    /// Process id in the container's namespace.
    pub pid: u32,
    /// Parent, 0 for the first process and for execs.
    pub parent: u32,
    /// User.
    pub user: String,
    /// When it started.
    pub started: SimTime,
    /// Command line.
    pub command: String,
}

/// All hosts.
#[derive(Clone, Debug)]
pub struct Machines {
    pub(super) hosts: BTreeMap<HostId, Host>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) collection: Collection,
    /// Whether images can be pulled at all.
    pub(super) registry: bool,
    /// Images made from the catalogue, so that hosts share them.
    made: BTreeMap<String, Arc<Image>>,
}

impl Default for Machines {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Machines {
    /// No hosts, public images. `registry`: whether anything can be pulled.
    #[must_use]
    pub fn new(registry: bool) -> Self {
        Self::with_collection(registry, Collection::Public)
    }

    /// No hosts, and only the images of one collection.
    #[must_use]
    pub fn with_collection(registry: bool, collection: Collection) -> Self {
        Self {
            hosts: BTreeMap::new(),
            catalogue: Catalogue::shared(),
            collection,
            registry,
            made: BTreeMap::new(),
        }
    }

    /// Which images there are.
    #[must_use]
    pub const fn collection(&self) -> Collection {
        self.collection
    }

    /// Give a host a name of its own for `hostname`.
    pub fn set_hostname(&mut self, host: &HostId, hostname: &str) {
        if let Some(host) = self.hosts.get_mut(host) {
            hostname.clone_into(&mut host.spec.hostname);
        }
    }

    /// Add a running host.
    pub fn add_host(&mut self, spec: HostSpec, now: SimTime) {
        let host = Host {
            power: Power::On,
            boot: 1,
            up_since: now,
            images: Default::default(),
            tags: Default::default(),
            containers: Default::default(),
            listeners: Default::default(),
            volumes: Default::default(),
            files: host_tree(spec.name.as_str()),
            pulls: BTreeMap::new(),
            spec,
        };
        self.hosts.insert(host.spec.name.clone(), host);
    }

    /// Hosts by name.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    /// A host.
    #[must_use]
    pub fn host(&self, host: &HostId) -> Option<&Host> {
        self.hosts.get(host)
    }

    /// A host's own files, for bind mounts.
    pub fn host_files(&mut self, host: &HostId) -> Option<&mut Files> {
        self.hosts.get_mut(host).map(|h| &mut h.files)
    }

    /// Cut the power: everything on the host is dead at once (exit code 255, as dockerd and the
    /// kubelet find it after the boot); `HostDown` to both namespaces, no notice per container.
    pub fn power_off(&mut self, host: &HostId, cx: &mut Cx<'_, Output>) {
        let Some(machine) = self.hosts.get_mut(host) else { return };
        if machine.power == Power::Off {
            return;
        }
        machine.power = Power::Off;
        machine.listeners.clear();
        machine.pulls.clear();
        for volume in machine.volumes.values_where(|v| v.memory) {
            volume.files = Files::new();
        }
        let actor = Actor::on("host", host.0.clone());
        let subject = Subject::new(format!("host/{host}"));
        let message = Message::new("why-machine-host-down").with("host", host.0.clone());
        cx.record(actor, subject, message);
        // A peer of a dead machine gets no answer at all: its own patience ends the request.
        for container in machine.containers.values_where(|c| c.is_alive()) {
            Arc::make_mut(container).lose_power(cx.now);
        }
        for namespace in [Namespace::Moby, Namespace::K8s] {
            let what = Happening::HostDown;
            cx.emit(Notice { host: host.clone(), namespace, what });
        }
    }

    /// Switch the power on: `HostUp` after the kernel's start.
    pub fn boot(&mut self, host: &HostId, cx: &mut Cx<'_, Output>) {
        let Some(machine) = self.hosts.get_mut(host) else { return };
        if machine.power != Power::Off {
            return;
        }
        machine.power = Power::Booting;
        machine.boot += 1;
        cx.emit_after(BOOT, Input::Booted { host: host.clone(), boot: machine.boot });
    }

    pub(super) fn booted(&mut self, host: &HostId, boot: u32, cx: &mut Cx<'_, Output>) {
        let Some(machine) = self.hosts.get_mut(host) else { return };
        if machine.power != Power::Booting || machine.boot != boot {
            return;
        }
        machine.power = Power::On;
        machine.up_since = cx.now;
        let actor = Actor::on("host", host.0.clone());
        let subject = Subject::new(format!("host/{host}"));
        let message = Message::new("why-machine-host-up").with("host", host.0.clone());
        cx.record(actor, subject, message);
        for namespace in [Namespace::Moby, Namespace::K8s] {
            let what = Happening::HostUp;
            cx.emit(Notice { host: host.clone(), namespace, what });
        }
    }

    /// Put a catalogue image on a host without a pull; false if the catalogue does not know it.
    pub fn preload(&mut self, host: &HostId, reference: &str) -> bool {
        let reference = Reference::parse(reference);
        let repository = reference.repository();
        let found = self.catalogue.find(self.collection, &repository, &reference.tag);
        let Some((file, variant)) = found else { return false };
        let key = build::key(file.collection, &repository, &reference.tag);
        let image = match self.made.get(&key) {
            Some(image) => image.clone(),
            None => {
                let image = Arc::new(build::image(&self.catalogue, file, variant, &reference.tag));
                self.made.insert(key, image.clone());
                image
            }
        };
        let Some(host) = self.hosts.get_mut(host) else { return false };
        host.tags.insert(reference.familiar().into(), image.id.clone());
        host.images.insert(image.id.clone(), image);
        true
    }

    /// Put every image of the collection on a host, under all tags that are spelled out: the
    /// recordings' hosts had them all.
    pub fn preload_collection(&mut self, host: &HostId) {
        let collection = self.collection;
        let catalogue = self.catalogue.clone();
        for file in catalogue.images.values().filter(|f| f.collection == collection) {
            for tag in file.variants.iter().flat_map(|v| &v.tags).filter(|t| !t.contains('*')) {
                self.preload(host, &format!("{}:{tag}", file.image));
            }
        }
    }

    /// An image that is present on a host, by reference, id or prefix of the id.
    #[must_use]
    pub fn image(&self, host: &HostId, image: &str) -> Option<&Arc<Image>> {
        self.hosts.get(host)?.image(image)
    }

    /// Images present on a host with their tags, by id.
    pub fn images<'a>(
        &'a self,
        host: &HostId,
    ) -> impl Iterator<Item = (&'a Arc<Image>, Vec<Arc<str>>)> {
        let host = self.hosts.get(host);
        host.into_iter().flat_map(|h| {
            h.images.values().map(|image| {
                let mine = h.tags.iter().filter(|(_, id)| **id == image.id);
                (image, mine.map(|(tag, _)| tag.clone()).collect())
            })
        })
    }

    /// Add an image (a build, a commit, a load) under tags; a tag moves from its earlier image.
    pub fn add_image(&mut self, host: &HostId, image: Image, tags: &[&str]) {
        let Some(host) = self.hosts.get_mut(host) else { return };
        for tag in tags {
            let tag = Reference::parse(tag).familiar();
            host.tags.insert(tag.into(), image.id.clone());
        }
        host.images.insert(image.id.clone(), Arc::new(image));
    }

    /// Give an image one more tag.
    ///
    /// # Errors
    /// Where the image is not on the host.
    pub fn tag(&mut self, host: &HostId, image: &str, tag: &str) -> Result<(), RuntimeError> {
        let host = self.hosts.get_mut(host).ok_or(RuntimeError::HostDown)?;
        let id = host.image(image).ok_or(RuntimeError::NoSuchImage)?.id.clone();
        host.tags.insert(Reference::parse(tag).familiar().into(), id);
        Ok(())
    }

    /// Remove a tag; the image stays.
    pub fn untag(&mut self, host: &HostId, tag: &str) {
        if let Some(host) = self.hosts.get_mut(host) {
            let tag = Reference::parse(tag).familiar();
            host.tags.remove(tag.as_str());
        }
    }

    /// Remove an image and its tags; containers that use it keep it alive for themselves.
    pub fn remove_image(&mut self, host: &HostId, id: &str) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.tags.retain(|_, image| **image != *id);
            host.images.remove(id);
        }
    }

    /// Pull an image; ends with `Pulled{ticket}`, preceded by `PullLayer` when `verbose`.
    pub fn pull(
        &mut self,
        host: &HostId,
        namespace: Namespace,
        reference: &str,
        ticket: u64,
        verbose: bool,
        cx: &mut Cx<'_, Output>,
    ) {
        let parsed = Reference::parse(reference);
        let found = pull::look_up(&self.catalogue, self.collection, self.registry, &parsed, cx);
        let found = found.map(|image| match self.made.get(&*image.catalogue) {
            Some(made) => made.clone(),
            None => {
                let image = Arc::new(image);
                if !image.catalogue.is_empty() {
                    self.made.insert(image.catalogue.to_string(), image.clone());
                }
                image
            }
        });
        let Some(machine) = self.hosts.get_mut(host) else { return };
        let order = pull::Order { reference, namespace, ticket, verbose };
        pull::begin(machine, &order, found, cx);
    }

    /// A pull in progress.
    #[must_use]
    pub fn pull_progress(&self, host: &HostId, ticket: u64) -> Option<&PullProgress> {
        self.hosts.get(host)?.pulls.get(&ticket)
    }

    /// Forget a pull; no notice follows.
    pub fn cancel_pull(&mut self, host: &HostId, ticket: u64) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.pulls.remove(&ticket);
        }
    }

    /// A container.
    #[must_use]
    pub fn container(&self, host: &HostId, id: &ContainerId) -> Option<&Container> {
        self.hosts.get(host)?.containers.get(id).map(Arc::as_ref)
    }

    /// The log of a container, of all its runs.
    #[must_use]
    pub fn logs(&self, host: &HostId, id: &ContainerId) -> Option<&Seq<LogLine>> {
        self.container(host, id).map(|c| &*c.log)
    }

    /// Make a volume; false if it exists. `memory`: it is empty after a power loss.
    pub fn create_volume(&mut self, host: &HostId, name: &str, memory: bool, now: SimTime) -> bool {
        let Some(host) = self.hosts.get_mut(host) else { return false };
        if host.volumes.contains_key(name) {
            return false;
        }
        let volume = Volume { files: Files::new(), created: now, memory };
        host.volumes.insert(name.into(), volume);
        true
    }

    /// A volume.
    #[must_use]
    pub fn volume(&self, host: &HostId, name: &str) -> Option<&Volume> {
        self.hosts.get(host)?.volumes.get(name)
    }

    /// A volume's files, to change them (ConfigMap updates, emptyDir).
    pub fn volume_files(&mut self, host: &HostId, name: &str) -> Option<&mut Files> {
        Some(&mut self.hosts.get_mut(host)?.volumes.get_mut(name)?.files)
    }

    /// Remove a volume with its files.
    pub fn remove_volume(&mut self, host: &HostId, name: &str) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.volumes.remove(name);
        }
    }

    /// Do something inside a container; `None` if there is none.
    pub(super) fn within<R>(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        cx: &mut Cx<'_, Output>,
        step: impl FnOnce(&mut Room<'_, '_>) -> R,
    ) -> Option<R> {
        let catalogue = self.catalogue.clone();
        let host = self.hosts.get_mut(host)?;
        // Taken out for the time of the step, so that host and container can both be changed.
        let mut shared = host.containers.remove(id)?;
        let container = Arc::make_mut(&mut shared);
        let mut room = Room { host, catalogue: &catalogue, container, cx, work: VecDeque::new() };
        let result = step(&mut room);
        room.run();
        host.containers.insert(id.clone(), shared);
        Some(result)
    }
}

/// Directories of a freshly installed Linux host.
const HOST_DIRECTORIES: [&str; 12] = [
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr/bin",
    "/var/lib/docker",
];

/// The files of a host before anybody did anything.
fn host_tree(name: &str) -> Files {
    let mut files = Files::new();
    for path in HOST_DIRECTORIES {
        files.put(path, Entry::Directory { mode: 0o755 });
    }
    files.put_file("/etc/hostname", format!("{name}\n"));
    files
}
