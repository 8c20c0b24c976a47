//! What a caller asks for: containers, execs, mounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::machine::ids::{ContainerId, Namespace};

/// All that is needed to make a container. `Default` is an empty spec for `..Default::default()`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerSpec {
    /// Its id, drawn by the caller ([`crate::base::name::docker_id`]).
    pub id: ContainerId,
    /// Who owns it; its notices go there.
    pub namespace: Namespace,
    /// Its name, for faults (`Fault::target`), traces and the page.
    pub name: Arc<str>,
    /// Image reference (`nginx:1.27`) or image id that is present on the host.
    pub image: Arc<str>,
    /// Entrypoint and arguments; empty means the image's own
    /// ([`crate::machine::ImageConfig::command`] combines overrides).
    pub argv: Vec<String>,
    /// `NAME=value`, laid over the image's own.
    pub env: Vec<String>,
    /// Working directory; empty means the image's own.
    pub cwd: String,
    /// User; empty means the image's own.
    pub user: String,
    /// Host name inside.
    pub hostname: String,
    /// The network namespace: the name under which the fabric knows the endpoint. Empty means its
    /// own (the container's id). Containers of one pod share the pod's; `host` is the host's.
    pub sandbox: Arc<str>,
    /// Mounts, later ones over earlier ones.
    pub mounts: Vec<Mount>,
    /// Extra files laid into the container's own layer before the start, such as `/etc/hosts` and
    /// `/etc/resolv.conf`.
    pub files: BTreeMap<String, Arc<str>>,
    /// Memory limit in bytes; `None` is none.
    pub memory_limit_bytes: Option<u64>,
    /// CPU limit in thousandths of a core; `None` is none.
    pub cpu_limit_milli: Option<u64>,
    /// A terminal is attached (`-t`): shells are interactive, both streams are one.
    pub tty: bool,
    /// Standard input stays open (`-i`); else reads see the end of file.
    pub stdin: bool,
    /// A tiny init is pid 1 (`--init`), so that default signal actions apply.
    pub init: bool,
    /// The root file system is read-only.
    pub read_only: bool,
    /// Most processes at once (`--pids-limit`); 0 is no limit.
    pub pids_limit: u32,
    /// Capabilities of its root.
    pub powers: crate::posix::Powers,
    /// Ports that a manifest or Dockerfile declares; an image that the catalogue does not know is
    /// assumed to serve them.
    pub declared_ports: Vec<u16>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// A step of a build: what images that the catalogue does not know contain does its work at
    /// once, instead of serving.
    pub building: bool,
}

/// Something mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mount {
    /// Absolute path inside.
    pub target: String,
    /// What is mounted.
    pub source: MountSource,
    /// Whether writing fails with `Read-only file system`.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MountSource {
    /// A volume of the host by name (also Kubernetes' emptyDir, ConfigMap, Secret volumes).
    Volume {
        /// The volume, made by [`crate::machine::Machines::create_volume`].
        name: Arc<str>,
        /// Directory or file inside the volume; empty is its root.
        subpath: String,
        /// Do not fill an empty volume with the image's content at the target.
        no_copy: bool,
    },
    /// A file or directory of the host by absolute path.
    Bind(String),
    /// An empty file system in memory that lives as long as the container runs.
    Tmpfs,
}

/// A process to run inside a running container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// `NAME=value`, laid over the container's.
    pub env: Vec<String>,
    /// Working directory; empty means the container's.
    pub cwd: String,
    /// User; empty means the container's.
    pub user: String,
    /// On a terminal.
    pub tty: bool,
    /// Standard input is open: text comes through [`crate::machine::Machines::exec_stdin`].
    pub stdin: bool,
    /// Kept by the caller, comes back in notices.
    pub tag: u64,
}
