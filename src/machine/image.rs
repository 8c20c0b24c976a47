//! Images: references, layers, configuration.
//!
//! An image is immutable behind an `Arc`; hosts keep sets of them and of their layers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::time::{SimDuration, SimTime};
use crate::posix::Files;

/// A reference split as `distribution/reference` does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Registry host; empty for the default one.
    pub registry: String,
    /// Path without registry and without `library/`.
    pub path: String,
    /// Tag; empty when only a digest is given.
    pub tag: String,
    /// Digest `sha256:…`; empty if none.
    pub digest: String,
}

impl Reference {
    /// Read a reference; the tag defaults to `latest`. `docker.io/library/x:1` equals `x:1`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (rest, digest) = text.split_once('@').unwrap_or((text, ""));
        let (registry, path) = match rest.split_once('/') {
            Some((first, path))
                if first.contains('.') || first.contains(':') || first == "localhost" =>
            {
                (first, path)
            }
            _ => ("", rest),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, tag),
            None if digest.is_empty() => (path, "latest"),
            None => (path, ""),
        };
        let is_default = matches!(registry, "docker.io" | "index.docker.io");
        let (registry, path) = if registry.is_empty() || is_default {
            ("", path.strip_prefix("library/").unwrap_or(path))
        } else {
            (registry, path)
        };
        Self {
            registry: registry.to_owned(),
            path: path.to_owned(),
            tag: tag.to_owned(),
            digest: digest.to_owned(),
        }
    }

    /// Repository as `docker images` prints it.
    #[must_use]
    pub fn repository(&self) -> String {
        if self.registry.is_empty() {
            self.path.clone()
        } else {
            format!("{}/{}", self.registry, self.path)
        }
    }

    /// `repository:tag`, or `repository@digest`.
    #[must_use]
    pub fn familiar(&self) -> String {
        if self.tag.is_empty() {
            format!("{}@{}", self.repository(), self.digest)
        } else {
            format!("{}:{}", self.repository(), self.tag)
        }
    }
}

/// One file system layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layer {
    /// DiffID, `sha256:…`.
    pub diff_id: Arc<str>,
    /// Digest of the compressed blob, `sha256:…`; its first 12 digits name it in pull output.
    pub digest: Arc<str>,
    /// Bytes unpacked.
    pub size_bytes: u64,
    /// Bytes to download.
    pub download_bytes: u64,
    /// Its files, all below included (a snapshot of the whole image up to this layer).
    pub files: Files,
}

/// One line of `docker history`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HistoryEntry {
    /// When.
    pub created: Option<SimTime>,
    /// What made it.
    pub created_by: String,
    /// Comment.
    pub comment: String,
    /// Whether no layer belongs to it.
    pub empty_layer: bool,
}

/// Health check of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between probes.
    pub interval: Option<SimDuration>,
    /// Limit of one probe.
    pub timeout: Option<SimDuration>,
    /// Grace at the start.
    pub start_period: Option<SimDuration>,
    /// Interval during the grace.
    pub start_interval: Option<SimDuration>,
    /// Failures in a row.
    pub retries: Option<u32>,
}

/// The run configuration of an image (OCI `config`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ImageConfig {
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Entrypoint.
    pub entrypoint: Vec<String>,
    /// Default arguments.
    pub cmd: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// User.
    pub user: String,
    /// `80/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Paths of anonymous volumes.
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Signal for `docker stop`; empty is `SIGTERM`.
    pub stop_signal: String,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// Shell of shell-form instructions; empty is `/bin/sh -c`.
    pub shell: Vec<String>,
    /// `ONBUILD` triggers.
    pub on_build: Vec<String>,
}

impl ImageConfig {
    /// The whole command of a container. `entrypoint: Some` drops the image's arguments too, as
    /// `docker run --entrypoint` and Kubernetes' `command` do.
    #[must_use]
    pub fn command(&self, entrypoint: Option<&[String]>, args: Option<&[String]>) -> Vec<String> {
        let (entry, own_args): (&[String], &[String]) = match entrypoint {
            Some(entry) => (entry, &[]),
            None => (&self.entrypoint, &self.cmd),
        };
        entry.iter().chain(args.unwrap_or(own_args)).cloned().collect()
    }

    /// The image's environment with more laid over it, in the order dockerd keeps.
    #[must_use]
    pub fn env_with(&self, more: &[String]) -> Vec<String> {
        let name = |entry: &str| entry.split('=').next().unwrap_or("").to_owned();
        let mut env: Vec<String> = self.env.clone();
        for entry in more {
            match env.iter_mut().find(|have| name(have) == name(entry)) {
                Some(slot) => slot.clone_from(entry),
                None => env.push(entry.clone()),
            }
        }
        env
    }
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// `sha256:…` of the configuration.
    pub id: Arc<str>,
    /// Manifest digest `sha256:…`; empty for images never pulled or pushed.
    pub digest: Arc<str>,
    /// When it was made; `None` for images loaded without a date.
    pub created: Option<SimTime>,
    /// Layers, lowest first.
    pub layers: Vec<Layer>,
    /// History, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Run configuration.
    pub config: ImageConfig,
    /// Name of the catalogue entry whose programs it has; empty for images of only the learner's
    /// own files.
    pub catalogue: Arc<str>,
    /// The catalogue does not know the image: it is assumed to be a well-behaved server.
    pub assumed: bool,
    /// Who made it, as `MAINTAINER` and `commit -a` say.
    pub author: String,
}

impl Image {
    /// Bytes unpacked.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.layers.iter().map(|l| l.size_bytes).sum()
    }

    /// All files.
    #[must_use]
    pub fn files(&self) -> Files {
        self.layers.last().map(|l| l.files.clone()).unwrap_or_default()
    }
}
