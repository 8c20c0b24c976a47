//! What clients ask of the API server and what it answers.

/// A request of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {}

/// An answer, or one part of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {}

/// A refusal: a `metav1.Status` of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// `NotFound`, `AlreadyExists`, `Invalid`, …
    pub reason: &'static str,
    /// The message as the real server words it.
    pub message: String,
}
