//! Saved sessions: a file, a link, the browser's storage. Only the start and the commands are kept;
//! everything else follows from them, in the build that wrote them.
//!
//! A save of another build is read as far as it can be: its start, and the commands that this build
//! knows. [`crate::world::reopen`] makes a session of either.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::world::genesis::{Genesis, MAX_HOSTS};
use crate::world::session::{Logged, MAX_LOG, Moment, Session};

/// The form of saves that this version writes.
pub const FORMAT: u16 = 2;
/// The version of Drydock, for people.
pub const CORE: &str = env!("CARGO_PKG_VERSION");
/// The name of this build: twelve hexadecimal digits made of everything that decides what a world
/// computes (`build.rs`). Only the same build replays a log to the same world.
pub const BUILD: &str = env!("DRYDOCK_BUILD");
/// Digits of a build's name.
const BUILD_DIGITS: usize = 12;
/// Longest name of a version that is read.
const MAX_CORE: usize = 32;
/// Largest save read, in bytes after decompression.
pub const MAX_SAVE_BYTES: usize = 16 << 20;
/// Most events that opening a save may take.
pub const MAX_OPEN_EVENTS: u64 = 20_000_000;
/// Longest session that is opened, in simulated time: ten years.
pub const MAX_OPEN_TIME: SimTime = SimTime::from_secs(10 * 366 * 24 * 3_600);

/// A saved session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Save {
    /// The form of this record.
    pub format: u16,
    /// The build that wrote it; empty before builds had names.
    pub build: String,
    /// The version of that build.
    pub core: String,
    /// The start.
    pub genesis: Genesis,
    /// The commands.
    pub log: Vec<Logged>,
    /// Where the session stood, in microseconds.
    pub now: SimTime,
    /// Events that had happened.
    pub steps: u64,
    /// The digest of the world there, as hexadecimal digits.
    pub digest: String,
    /// Commands of another build that this one does not know.
    #[serde(skip)]
    pub left_out: usize,
}

/// Why a save cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Not a save, or a damaged one.
    Damaged(String),
    /// Of a build whose form this one cannot read.
    OtherBuild {
        /// The name of the build, or its version if it had no name.
        build: String,
        /// What cannot be read.
        why: String,
    },
    /// Larger than any session can be, in bytes.
    TooLarge,
    /// More commands than a session can have.
    TooManyCommands(usize),
    /// More machines than a world can have.
    TooManyMachines(usize),
    /// More happens than can be replayed.
    TooManyEvents,
    /// It lasts longer than can be replayed.
    TooLong,
}

impl LoadError {
    /// In words.
    #[must_use]
    pub fn message(&self) -> Message {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        match self {
            Self::Damaged(why) => Message::new("save-damaged").with("why", why),
            Self::OtherBuild { build, why } => {
                Message::new("save-other-build").with("build", build).with("why", why)
            }
            Self::TooLarge => {
                Message::new("save-too-large").with("most", count(MAX_SAVE_BYTES >> 20))
            }
            Self::TooManyCommands(found) => Message::new("save-too-many-commands")
                .with("found", count(*found))
                .with("most", count(MAX_LOG)),
            Self::TooManyMachines(found) => Message::new("save-too-many-machines")
                .with("found", count(*found))
                .with("most", count(MAX_HOSTS)),
            Self::TooManyEvents => Message::new("save-too-many-events")
                .with("most", i64::try_from(MAX_OPEN_EVENTS).unwrap_or(i64::MAX)),
            Self::TooLong => Message::new("save-too-long"),
        }
    }
}

/// What every form of a save says of itself.
#[derive(Deserialize)]
struct Head {
    format: u16,
    #[serde(default)]
    build: String,
    core: String,
}

/// What is read of another build's save.
#[derive(Deserialize)]
struct Foreign {
    genesis: Genesis,
    log: Vec<ForeignCommand>,
    now: SimTime,
}

/// A command of another build, with its time; the number of steps means nothing here.
#[derive(Deserialize)]
struct ForeignCommand {
    moment: ForeignMoment,
    command: Value,
}

#[derive(Deserialize)]
struct ForeignMoment {
    at: SimTime,
}

impl Save {
    /// The present state of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let head = session.head();
        Self {
            format: FORMAT,
            build: BUILD.to_owned(),
            core: CORE.to_owned(),
            genesis: session.genesis().clone(),
            log: session.log().to_vec(),
            now: head.now(),
            steps: head.steps(),
            digest: digits(head.digest()),
            left_out: 0,
        }
    }

    /// Whether this very build wrote it.
    #[must_use]
    pub fn of_this_build(&self) -> bool {
        self.format == FORMAT && self.build == BUILD
    }

    /// As a file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As the part of a link after `#`: deflated JSON in URL-safe base 64.
    #[must_use]
    pub fn to_link(&self) -> String {
        pack(&self.to_json())
    }

    /// Read a file, the address of a link, or the part of it after `#s=`.
    ///
    /// # Errors
    /// If it is damaged, too large, or of a build whose saves cannot be read.
    pub fn from_text(text: &str) -> Result<Self, LoadError> {
        if text.trim_start().starts_with('{') {
            return Self::from_json(text);
        }
        let fragment = text.split_once("#s=").map_or(text, |(_, fragment)| fragment);
        Self::from_link(fragment.split('&').next().unwrap_or(fragment))
    }

    /// Read a file.
    ///
    /// # Errors
    /// If it is damaged, too large, or of a build whose saves cannot be read.
    pub fn from_json(text: &str) -> Result<Self, LoadError> {
        if text.len() > MAX_SAVE_BYTES {
            return Err(LoadError::TooLarge);
        }
        let head = head(text)?;
        let save = if head.format == FORMAT && head.build == BUILD {
            serde_json::from_str(text).map_err(damaged)?
        } else {
            Self::of_other_build(head, text)?
        };
        save.check()?;
        Ok(save)
    }

    /// Read the part of a link after `#s=`.
    ///
    /// # Errors
    /// If it is damaged, too large, or of a build whose saves cannot be read.
    pub fn from_link(text: &str) -> Result<Self, LoadError> {
        Self::from_json(&unpack(text)?)
    }

    /// The save of another build: what this one understands of it.
    fn of_other_build(head: Head, text: &str) -> Result<Self, LoadError> {
        let name = if head.build.is_empty() { &head.core } else { &head.build };
        let other = |why: String| LoadError::OtherBuild { build: name.clone(), why };
        let found: Foreign = serde_json::from_str(text).map_err(|e| other(e.to_string()))?;
        let all = found.log.len();
        let log: Vec<Logged> = found
            .log
            .into_iter()
            .filter_map(|entry| {
                let command = serde_json::from_value(entry.command).ok()?;
                Some(Logged { moment: Moment { steps: 0, at: entry.moment.at }, command })
            })
            .collect();
        Ok(Self {
            format: head.format,
            build: head.build,
            core: head.core,
            genesis: found.genesis,
            left_out: all - log.len(),
            log,
            now: found.now,
            steps: 0,
            digest: String::new(),
        })
    }

    /// Refuse what no session can be: a link of a stranger must not keep the page busy for ever.
    fn check(&self) -> Result<(), LoadError> {
        let nodes = self.genesis.cluster.as_ref().map_or(0, |c| c.nodes.len());
        let machines = self.genesis.hosts.len() + nodes;
        if self.log.len() > MAX_LOG {
            return Err(LoadError::TooManyCommands(self.log.len()));
        }
        if machines > MAX_HOSTS {
            return Err(LoadError::TooManyMachines(machines));
        }
        if self.now > MAX_OPEN_TIME {
            return Err(LoadError::TooLong);
        }
        if self.steps > MAX_OPEN_EVENTS {
            return Err(LoadError::TooManyEvents);
        }
        let end = Moment { steps: self.steps, at: self.now };
        let moments: Vec<Moment> = self.log.iter().map(|e| e.moment).chain([end]).collect();
        let ordered = |pair: &[Moment]| match pair {
            [a, b] => a.steps <= b.steps && a.at <= b.at,
            _ => true,
        };
        if !moments.windows(2).all(ordered) {
            return Err(LoadError::Damaged("its commands are out of order".to_owned()));
        }
        Ok(())
    }
}

/// What a file says of itself.
fn head(json: &str) -> Result<Head, LoadError> {
    let head: Head = serde_json::from_str(json).map_err(damaged)?;
    let named = head.build.is_empty() || is_build(&head.build);
    if !named || head.core.len() > MAX_CORE {
        return Err(LoadError::Damaged("it does not say which build wrote it".to_owned()));
    }
    Ok(head)
}

/// The build that wrote a file, which this one need not be able to read; empty before builds had
/// names.
///
/// # Errors
/// If it is damaged.
pub fn build_of(json: &str) -> Result<String, LoadError> {
    Ok(head(json)?.build)
}

/// A file as the part of a link after `#s=`.
#[must_use]
pub fn pack(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 9))
}

/// The file in the part of a link after `#s=`.
///
/// # Errors
/// If it is damaged or too large.
pub fn unpack(link: &str) -> Result<String, LoadError> {
    let packed = URL_SAFE_NO_PAD.decode(link.trim()).map_err(damaged)?;
    let bytes = decompress_to_vec_with_limit(&packed, MAX_SAVE_BYTES).map_err(|error| {
        let larger = error.status == TINFLStatus::HasMoreOutput;
        if larger { LoadError::TooLarge } else { damaged(error) }
    })?;
    String::from_utf8(bytes).map_err(damaged)
}

/// A digest as a save has it.
#[must_use]
pub fn digits(digest: u64) -> String {
    format!("{digest:016x}")
}

/// Whether a text can be the name of a build.
#[must_use]
pub fn is_build(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == BUILD_DIGITS && text.bytes().all(digit)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn damaged(why: impl ToString) -> LoadError {
    LoadError::Damaged(why.to_string())
}
