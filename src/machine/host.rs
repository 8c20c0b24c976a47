//! A host: its size, power, images, volumes, files and pulls in progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::ledger::Ledger;
use crate::base::time::SimTime;
use crate::machine::container::Container;
use crate::machine::ids::{ContainerId, HostId, Namespace};
use crate::machine::image::{Image, Reference};
use crate::machine::io::{LayerState, PullError};
use crate::posix::Files;

/// What a host is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostSpec {
    /// Name.
    pub name: HostId,
    /// What `hostname` says there.
    pub hostname: String,
    /// CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Disk for images, containers and volumes in bytes.
    pub disk_bytes: u64,
    /// Bytes per second from the registry.
    pub bandwidth: u64,
}

impl HostSpec {
    /// 2 cores, 4 GiB, 40 GB disk, 100 Mbit/s: a small rented server.
    #[must_use]
    pub fn small(name: &str) -> Self {
        Self {
            name: name.into(),
            hostname: name.to_owned(),
            cpu_milli: 2_000,
            memory_bytes: 4 << 30,
            disk_bytes: 40_000_000_000,
            bandwidth: 12_500_000,
        }
    }
}

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    /// It runs.
    On,
    /// It has no power.
    Off,
    /// Its kernel starts.
    Booting,
}

/// A volume: files that outlive containers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Volume {
    /// Its files; the volume's root is `/`.
    pub files: Files,
    /// When it was made.
    pub created: SimTime,
    /// Whether it lives in memory and is empty after a power loss.
    pub memory: bool,
}

/// A pull in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PullProgress {
    /// The reference as asked for.
    pub reference: Arc<str>,
    /// Since when.
    pub started: SimTime,
    /// When it will end, as planned.
    pub ends: SimTime,
    /// Layers, lowest first.
    pub layers: Vec<LayerProgress>,
    /// Who wants to know.
    pub(super) namespace: Namespace,
    /// Whether layer states are told.
    pub(super) verbose: bool,
    /// What will come of it.
    pub(super) result: Result<Arc<Image>, PullError>,
}

/// A layer of a pull in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayerProgress {
    /// First 12 digits of the blob's digest.
    pub id: Arc<str>,
    /// State.
    pub state: LayerState,
    /// Bytes to download.
    pub total_bytes: u64,
    /// When the download begins.
    pub from: SimTime,
    /// When the download ends.
    pub until: SimTime,
    /// When it is unpacked.
    pub unpacked: SimTime,
}

impl PullProgress {
    /// Bytes there and bytes in all at a moment, for a percentage.
    #[must_use]
    pub fn bytes(&self, now: SimTime) -> (u64, u64) {
        let total = self.layers.iter().map(|l| l.total_bytes).sum();
        (self.layers.iter().map(|l| l.bytes(now)).sum(), total)
    }
}

impl LayerProgress {
    /// Bytes there at a moment.
    #[must_use]
    pub fn bytes(&self, now: SimTime) -> u64 {
        if now >= self.until {
            return self.total_bytes;
        }
        let span = u128::from((self.until - self.from).0.max(1));
        let part = u128::from((now - self.from).0);
        u64::try_from(u128::from(self.total_bytes) * part / span).unwrap_or(self.total_bytes)
    }
}

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its size.
    pub spec: HostSpec,
    /// Power.
    pub power: Power,
    /// Counts boots.
    pub boot: u32,
    /// Since when it is up.
    pub up_since: SimTime,
    /// Images by id.
    pub images: Ledger<Arc<str>, Arc<Image>>,
    /// `repository:tag` to image id.
    pub tags: Ledger<Arc<str>, Arc<str>>,
    /// Containers of all namespaces.
    pub containers: Ledger<ContainerId, Arc<Container>>,
    /// Who listens: network namespace and port to container and process number.
    pub(super) listeners: Ledger<(Arc<str>, u16), (ContainerId, u32)>,
    /// Volumes by name.
    pub volumes: Ledger<Arc<str>, Volume>,
    /// The host's own files (bind mounts).
    pub files: Files,
    /// Pulls in progress by the caller's ticket.
    pub pulls: BTreeMap<u64, PullProgress>,
}

impl Host {
    /// An image by reference, id or prefix of the id.
    #[must_use]
    pub fn image(&self, image: &str) -> Option<&Arc<Image>> {
        if let Some(found) = self.images.get(image) {
            return Some(found);
        }
        let reference = Reference::parse(image);
        if let Some(id) = self.tags.get(reference.familiar().as_str()) {
            return self.images.get(id);
        }
        if !reference.digest.is_empty() {
            let digest = reference.digest.as_str();
            return self.images.values().find(|i| *i.digest == *digest || *i.id == *digest);
        }
        let hex = image.strip_prefix("sha256:").unwrap_or(image);
        let is_prefix = hex.len() >= 4 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        let prefix = format!("sha256:{hex}");
        is_prefix.then(|| self.images.values().find(|i| i.id.starts_with(&prefix))).flatten()
    }
}
