//! Saved sessions: a file, a link, the browser's storage. Only the start and the commands are kept;
//! everything else follows from them.

use std::fmt::{Display, Formatter, Result as FmtResult};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::world::genesis::{Genesis, MAX_HOSTS};
use crate::world::session::{Logged, MAX_LOG, Session};

/// The form of saves that this version writes.
pub const FORMAT: u16 = 1;
/// The version of the simulation: only the same one replays a log to the same world.
pub const CORE: &str = env!("CARGO_PKG_VERSION");
/// Largest save read, in bytes after decompression.
pub const MAX_SAVE_BYTES: usize = 16 << 20;

/// A saved session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Save {
    /// The form of this record.
    pub format: u16,
    /// The version of the simulation that wrote it.
    pub core: String,
    /// The start.
    pub genesis: Genesis,
    /// The commands.
    pub log: Vec<Logged>,
    /// Where the session stood, in microseconds.
    pub now: crate::base::time::SimTime,
}

/// Why a save cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Not a save, or a damaged one.
    Damaged(String),
    /// Written by a later or earlier version.
    OtherVersion(String),
    /// Larger than any session can be.
    TooLarge,
}

impl Display for LoadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Damaged(why) => write!(f, "this is not a saved session: {why}"),
            Self::OtherVersion(version) => {
                write!(f, "the session was saved by Drydock {version}, this is {CORE}")
            }
            Self::TooLarge => write!(f, "the saved session is too large"),
        }
    }
}

impl Save {
    /// The present state of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            format: FORMAT,
            core: CORE.to_owned(),
            genesis: session.genesis().clone(),
            log: session.log().to_vec(),
            now: session.head().now(),
        }
    }

    /// As a file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As the part of a link after `#`: deflated JSON in URL-safe base 64.
    #[must_use]
    pub fn to_link(&self) -> String {
        let json = self.to_json();
        URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 9))
    }

    /// Read a file.
    ///
    /// # Errors
    /// If it is damaged, of another version, or too large.
    pub fn from_json(text: &str) -> Result<Self, LoadError> {
        if text.len() > MAX_SAVE_BYTES {
            return Err(LoadError::TooLarge);
        }
        let save: Self =
            serde_json::from_str(text).map_err(|e| LoadError::Damaged(e.to_string()))?;
        if save.format != FORMAT || save.core != CORE {
            return Err(LoadError::OtherVersion(save.core));
        }
        let nodes = save.genesis.cluster.as_ref().map_or(0, |c| c.nodes.len());
        if save.log.len() > MAX_LOG || save.genesis.hosts.len() + nodes > MAX_HOSTS {
            return Err(LoadError::TooLarge);
        }
        Ok(save)
    }

    /// Read the part of a link after `#`.
    ///
    /// # Errors
    /// If it is damaged, of another version, or too large.
    pub fn from_link(text: &str) -> Result<Self, LoadError> {
        let damaged = |why: String| LoadError::Damaged(why);
        let packed = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|e| damaged(e.to_string()))?;
        let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_SAVE_BYTES)
            .map_err(|e| damaged(e.to_string()))?;
        let json = String::from_utf8(bytes).map_err(|e| damaged(e.to_string()))?;
        Self::from_json(&json)
    }

    /// The session, replayed.
    #[must_use]
    pub fn open(self) -> Session {
        let now = self.now;
        let mut session = Session::replay(self.genesis, self.log);
        session.advance(now, MAX_OPEN_EVENTS);
        session
    }
}

/// Most events that opening a save may take.
const MAX_OPEN_EVENTS: u32 = 20_000_000;
