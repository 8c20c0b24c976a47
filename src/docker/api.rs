//! The Engine API: what clients ask of a daemon and what it answers.

/// A request of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {}

/// An answer, or one part of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {}

/// A refusal of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code.
    pub status: u16,
    /// The message as the real daemon words it, without `Error response from daemon: `.
    pub message: String,
}
