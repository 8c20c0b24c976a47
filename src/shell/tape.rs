//! What a terminal was sent, piece by piece as it came, for those who show it themselves.

use std::sync::Arc;

use crate::base::shelf::Seq;
use crate::base::time::SimTime;
use crate::shell::terminal::Origin;

/// Pieces that are kept at least, if they are not too long.
const MIN_PIECES: usize = 64;
/// Most bytes that are kept, but for the newest pieces.
const MAX_BYTES: usize = 4 << 20;

/// Something that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub at: SimTime,
    /// By whom.
    pub origin: Origin,
    /// The text, with its control sequences.
    pub text: Arc<str>,
}

/// The newest pieces.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    pieces: Seq<Piece>,
    /// Bytes since the tape was last cut.
    bytes: usize,
}

impl Tape {
    /// Add a piece.
    pub fn write(&mut self, at: SimTime, origin: Origin, text: &str) {
        self.pieces.push(Piece { at, origin, text: text.into() });
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            self.bytes = 0;
            self.pieces.trim(MIN_PIECES);
        }
    }

    /// Pieces ever written.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.pieces.len()
    }

    /// Whether nothing was ever written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The pieces from a number on, as far as they are kept.
    pub fn from(&self, first: u64) -> impl DoubleEndedIterator<Item = &Piece> {
        self.pieces.iter_from(first)
    }
}
