//! Images in the API.

use std::collections::BTreeMap;

use super::ContainerConfig;
use crate::base::time::{SimDuration, SimTime};

/// One image of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// `sha256:` and 64 hex.
    pub id: String,
    /// Names with tags; empty if dangling.
    pub repo_tags: Vec<String>,
    /// Names with digests.
    pub repo_digests: Vec<String>,
    /// When it was made.
    pub created: SimTime,
    /// Seconds between the making and the start of the world, for images older than the world.
    pub older_seconds: u64,
    /// Bytes.
    pub size: u64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Containers that use it.
    pub containers: u64,
}

/// Everything about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInspect {
    /// As in lists.
    pub summary: ImageSummary,
    /// Id of the image that it was made from, if known.
    pub parent: String,
    /// Comment of the commit.
    pub comment: String,
    /// Author.
    pub author: String,
    /// Default configuration of containers.
    pub config: ContainerConfig,
    /// Diff ids of the layers.
    pub layers: Vec<String>,
    /// CPU architecture.
    pub architecture: String,
    /// Operating system.
    pub os: String,
}

/// One step in the making of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Id, or `<missing>`.
    pub id: String,
    /// When.
    pub created: SimTime,
    /// Seconds between it and the start of the world, for steps older than the world.
    pub older_seconds: u64,
    /// Instruction.
    pub created_by: String,
    /// Bytes.
    pub size: u64,
    /// Comment.
    pub comment: String,
    /// Names of the image of this step.
    pub tags: Vec<String>,
}

/// A part of a pull or a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is about (short id of a layer, a tag, a build step); may be empty.
    pub id: String,
    /// State or message.
    pub status: String,
    /// Bytes done and in all, while something is transferred.
    pub bytes: Option<(u64, u64)>,
}

/// What a removal of an image did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageRemoval {
    /// A name was taken away.
    Untagged(String),
    /// An image or layer was deleted.
    Deleted(String),
}

/// A file of a build context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextFile {
    /// Content.
    pub content: String,
    /// Permission bits.
    pub mode: u32,
    /// Last change.
    pub modified: SimTime,
}

/// What `POST /build` needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildConfig {
    /// Names of the result.
    pub tags: Vec<String>,
    /// Name of the Dockerfile, for messages.
    pub dockerfile_name: String,
    /// Content of the Dockerfile; `None` if there is none.
    pub dockerfile: Option<String>,
    /// The context's directory: clients send again only what changed there.
    pub context_key: String,
    /// Files of the build context by relative path, `.dockerignore` included.
    pub context: BTreeMap<String, ContextFile>,
    /// Stage to stop at, or empty.
    pub target: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Use no cache.
    pub no_cache: bool,
    /// Always pull base images.
    pub pull: bool,
    /// `os/arch`, or empty.
    pub platform: String,
    /// The legacy builder instead of BuildKit.
    pub legacy: bool,
}

/// How a step of a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// Done in this time.
    Done(SimDuration),
    /// Its result was there already.
    Cached,
    /// It failed.
    Error(String),
}

/// News of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step begins.
    Begin {
        /// Its number, from 1.
        step: u32,
        /// `[2/5] WORKDIR /app`.
        name: String,
        /// What it does: equal steps of several builds are one.
        digest: String,
    },
    /// A remark within a step, such as `transferring context: 2B done`.
    Detail {
        /// Its number.
        step: u32,
        /// Text.
        text: String,
    },
    /// A line of output of a step.
    Output {
        /// Its number.
        step: u32,
        /// Since its begin.
        after: SimDuration,
        /// Text.
        text: String,
    },
    /// A step ends.
    End {
        /// Its number.
        step: u32,
        /// How.
        end: StepEnd,
    },
    /// Warnings of the linter, at the end.
    Warnings(Vec<String>),
    /// Lines of the Dockerfile to which an error belongs.
    Excerpt(String),
}
