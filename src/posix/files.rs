//! A virtual file system: ordered paths to files and directories, cheap to clone.

use std::sync::Arc;

use crate::base::shelf::Shelf;

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its content.
        content: Arc<str>,
        /// Permission bits.
        mode: u32,
    },
    /// A directory.
    Directory,
    /// A symbolic link to a path.
    Link(Arc<str>),
}

/// A file system of its own: the terminal's files, an image layer, a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    entries: Shelf<String, Entry>,
}

impl Files {
    /// An empty file system with only `/`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
