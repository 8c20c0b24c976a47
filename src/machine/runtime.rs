//! The runtime: what dockerd and the kubelet call.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

use crate::base::digest::Digester;
use crate::base::shelf::Seq;
use crate::base::time::SimTime;
use crate::engine::cx::Cx;
use crate::machine::container::{Container, LogLine, State};
use crate::machine::host::{Host, HostSpec, Power, PullProgress, Volume};
use crate::machine::ids::{ContainerId, ExecId, HostId, Namespace};
use crate::machine::image::{Image, Layer};
use crate::machine::io::{Input, Output};
use crate::machine::spec::{ContainerSpec, ExecSpec};
use crate::posix::Files;

/// A start that failed; the container stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// 126 (not executable), 127 (not found) or 128 (anything else).
    pub code: u8,
    /// The OCI runtime's text from `failed to create task for container: ` on, or for an exec
    /// from `OCI runtime exec failed: ` on.
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
#[derive(Clone, Debug, Default)]
pub struct Machines {
    hosts: BTreeMap<HostId, Host>,
    /// Whether images can be pulled at all.
    registry: bool,
}

impl Machines {
    /// No hosts. `registry`: whether anything can be pulled.
    #[must_use]
    pub fn new(registry: bool) -> Self {
        Self { hosts: BTreeMap::new(), registry }
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
            volumes: Default::default(),
            files: Files::new(),
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

    /// Cut the power: everything on the host is dead at once; `HostDown` to both namespaces.
    pub fn power_off(&mut self, _host: &HostId, _cx: &mut Cx<'_, Output>) {}

    /// Switch the power on: `HostUp` after the kernel's start.
    pub fn boot(&mut self, _host: &HostId, _cx: &mut Cx<'_, Output>) {}

    /// Put a catalogue image on a host without a pull; false if the catalogue does not know it.
    pub fn preload(&mut self, _host: &HostId, _reference: &str) -> bool {
        false
    }

    /// An image that is present on a host, by reference, id or unique prefix of the id.
    #[must_use]
    pub fn image(&self, _host: &HostId, _image: &str) -> Option<&Arc<Image>> {
        None
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
    pub fn add_image(&mut self, _host: &HostId, _image: Image, _tags: &[&str]) {}

    /// Give an image one more tag.
    ///
    /// # Errors
    /// Where the image is not on the host.
    pub fn tag(&mut self, _host: &HostId, _image: &str, _tag: &str) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Remove a tag; the image stays.
    pub fn untag(&mut self, _host: &HostId, _tag: &str) {}

    /// Remove an image and its tags; containers that use it keep it alive for themselves.
    pub fn remove_image(&mut self, _host: &HostId, _id: &str) {}

    /// Pull an image; ends with `Pulled{ticket}`, preceded by `PullLayer` when `verbose`.
    pub fn pull(
        &mut self,
        _host: &HostId,
        _namespace: Namespace,
        _reference: &str,
        _ticket: u64,
        _verbose: bool,
        _cx: &mut Cx<'_, Output>,
    ) {
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

    /// Make a container: its image must be on the host, its volumes must exist. Empty volumes
    /// are filled from the image.
    ///
    /// # Errors
    /// `HostDown`, `NoSuchImage`, `NoSuchVolume`, `NoSuchPath`, `Exists`.
    pub fn create(
        &mut self,
        _host: &HostId,
        _spec: ContainerSpec,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Start a container at once.
    ///
    /// # Errors
    /// The OCI runtime's refusal, with exit code 126, 127 or 128.
    pub fn start(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), StartError> {
        Ok(())
    }

    /// Send a signal to the main process. If it dies of it, `Exited` follows, also for KILL.
    ///
    /// # Errors
    /// `NotRunning`, `NoSuchContainer`.
    pub fn kill(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _signal: u8,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Freeze all processes.
    ///
    /// # Errors
    /// `NotRunning`, `Paused`.
    pub fn pause(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Thaw.
    ///
    /// # Errors
    /// `NotPaused`.
    pub fn unpause(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Remove a container that does not run, with its own layer; volumes stay.
    ///
    /// # Errors
    /// `Running`, `NoSuchContainer`.
    pub fn remove(&mut self, _host: &HostId, _id: &ContainerId) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Change limits of a container, running or not (`docker update`, in-place resize).
    ///
    /// # Errors
    /// `NoSuchContainer`.
    pub fn set_limits(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _memory_bytes: Option<u64>,
        _cpu_milli: Option<u64>,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Run a process in a running container; `ExecOutput` and `ExecExited` follow.
    ///
    /// # Errors
    /// The OCI runtime's refusal, with exit code 126, 127 or 128.
    pub fn exec(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _exec: ExecId,
        _spec: ExecSpec,
        _cx: &mut Cx<'_, Output>,
    ) -> Result<(), StartError> {
        Ok(())
    }

    /// Text for the standard input of an exec; `None` closes it.
    pub fn exec_stdin(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _exec: &ExecId,
        _text: Option<String>,
        _cx: &mut Cx<'_, Output>,
    ) {
    }

    /// A signal for an exec (a probe's or hook's time limit: KILL; Ctrl-C: INT).
    pub fn exec_kill(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _exec: &ExecId,
        _signal: u8,
        _cx: &mut Cx<'_, Output>,
    ) {
    }

    /// Text for the standard input of the main process; `None` closes it.
    pub fn stdin(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _text: Option<String>,
        _cx: &mut Cx<'_, Output>,
    ) {
    }

    /// A container.
    #[must_use]
    pub fn container(&self, host: &HostId, id: &ContainerId) -> Option<&Container> {
        self.hosts.get(host)?.containers.get(id)
    }

    /// State of a container.
    #[must_use]
    pub fn state(&self, host: &HostId, id: &ContainerId) -> Option<State> {
        self.container(host, id).map(|c| c.state)
    }

    /// The log of a container, of all its runs.
    #[must_use]
    pub fn logs(&self, host: &HostId, id: &ContainerId) -> Option<&Seq<LogLine>> {
        self.container(host, id).map(|c| &c.log)
    }

    /// Ask for (or stop) `Logged` notices; calls count.
    pub fn follow(&mut self, _host: &HostId, _id: &ContainerId, _on: bool) {}

    /// Resource use at a moment; zeros if it does not run.
    #[must_use]
    pub fn stats(&self, _host: &HostId, _id: &ContainerId, _now: SimTime) -> Stats {
        Stats::default()
    }

    /// Processes of a running container, by pid.
    #[must_use]
    pub fn top(&self, _host: &HostId, _id: &ContainerId) -> Vec<ProcessRow> {
        Vec::new()
    }

    /// All files of a container as it sees them: image, own layer, mounts (a cheap snapshot).
    #[must_use]
    pub fn files(&self, _host: &HostId, _id: &ContainerId) -> Option<Files> {
        None
    }

    /// Change files of a container from outside (`docker cp`); mounts are written through.
    pub fn edit_files<R>(
        &mut self,
        _host: &HostId,
        _id: &ContainerId,
        _edit: impl FnOnce(&mut Files) -> R,
    ) -> Option<R> {
        None
    }

    /// What changed against the image: `A`, `C` or `D` with the path, sorted by path.
    #[must_use]
    pub fn diff(&self, _host: &HostId, _id: &ContainerId) -> Vec<(char, String)> {
        Vec::new()
    }

    /// The container's own layer as a new image layer (`docker commit`, a build's RUN step).
    #[must_use]
    pub fn commit_layer(&self, _host: &HostId, _id: &ContainerId) -> Option<Layer> {
        None
    }

    /// Make a volume; false if it exists. `memory`: it is empty after a power loss.
    pub fn create_volume(
        &mut self,
        _host: &HostId,
        _name: &str,
        _memory: bool,
        _now: SimTime,
    ) -> bool {
        true
    }

    /// A volume.
    #[must_use]
    pub fn volume(&self, host: &HostId, name: &str) -> Option<&Volume> {
        self.hosts.get(host)?.volumes.get(name)
    }

    /// A volume's files, to change them (ConfigMap updates, emptyDir).
    pub fn volume_files(&mut self, host: &HostId, name: &str) -> Option<&mut Files> {
        Some(&mut self.hosts.get_mut(host)?.volumes.edit().get_mut(name)?.files)
    }

    /// Remove a volume with its files.
    pub fn remove_volume(&mut self, host: &HostId, name: &str) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.volumes.edit().remove(name);
        }
    }

    /// One event.
    pub fn step(&mut self, _input: Input, _cx: &mut Cx<'_, Output>) {}

    /// Observable state.
    pub fn digest(&self, d: &mut Digester) {
        for host in self.hosts.keys() {
            d.text(host.as_str());
        }
        d.text(if self.registry { "registry" } else { "" });
    }
}
