//! What clients ask of the API server and what it answers.

use std::sync::Arc;

use serde_json::Value;

use crate::kube::api::object::Object;
use crate::kube::kinds::Kind;

/// Verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Read one.
    Get,
    /// Read many.
    List,
    /// Follow changes; begins with what exists if no revision is given.
    Watch,
    /// Make one.
    Create,
    /// Replace one.
    Update,
    /// Change one.
    Patch,
    /// Remove one.
    Delete,
    /// Remove many.
    DeleteCollection,
}

/// Part of an object with its own address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subresource {
    /// The object itself.
    #[default]
    None,
    /// Its status.
    Status,
    /// Its size.
    Scale,
    /// Eviction of a pod.
    Eviction,
    /// Binding of a pod to a node.
    Binding,
    /// Log of a container.
    Log,
    /// A command in a container.
    Exec,
}

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Merge with the lists' own keys.
    Strategic,
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// Text of a client, decoded strictly.
    Value(Value),
    /// An object of a component in the cluster.
    Object(Arc<Object>),
    /// A patch.
    Patch(PatchType, Value),
    /// Name of the node, for [`Subresource::Binding`].
    Bind(Arc<str>),
}

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They go later.
    Background,
    /// They go first.
    Foreground,
    /// They stay.
    Orphan,
}

/// Options.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Label selector as text.
    pub label_selector: Option<String>,
    /// Field selector as text.
    pub field_selector: Option<String>,
    /// Only pretend.
    pub dry_run: bool,
    /// Who manages the fields.
    pub field_manager: Option<Arc<str>>,
    /// Refuse unknown fields.
    pub strict: bool,
    /// Seconds before a pod is killed.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of dependents.
    pub propagation: Option<Propagation>,
    /// Only if the uid is this.
    pub precondition_uid: Option<Arc<str>>,
    /// Only if the revision is this.
    pub precondition_revision: Option<Arc<str>>,
    /// Revision from which to watch.
    pub since: Option<u64>,
    /// Container, for logs and commands.
    pub container: Option<Arc<str>>,
    /// Command, for [`Subresource::Exec`].
    pub command: Vec<String>,
    /// Follow, for logs.
    pub follow: bool,
    /// The run before, for logs.
    pub previous: bool,
    /// Lines from the end, for logs.
    pub tail: Option<u64>,
    /// With time stamps, for logs.
    pub timestamps: bool,
    /// Only the last seconds, for logs.
    pub since_seconds: Option<u64>,
}

/// A request of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Verb.
    pub verb: Verb,
    /// Kind.
    pub kind: Kind,
    /// Namespace; `None` for all, or for cluster-scoped kinds.
    pub namespace: Option<Arc<str>>,
    /// Name.
    pub name: Option<Arc<str>>,
    /// Subresource.
    pub subresource: Subresource,
    /// Body.
    pub body: Body,
    /// Options.
    pub options: Options,
}

/// Kind of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// New.
    Added,
    /// Changed.
    Modified,
    /// Gone.
    Deleted,
}

/// An answer, or one part of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// One object.
    Object(Arc<Object>),
    /// Many.
    List {
        /// By key.
        items: Vec<Arc<Object>>,
        /// Revision of the store.
        revision: u64,
    },
    /// A change.
    Watch(WatchKind, Arc<Object>),
    /// Text of a log or a command.
    Text(String),
    /// The command or stream ended.
    Done {
        /// Exit code.
        exit: u8,
    },
}

/// One field's complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`.
    pub reason: &'static str,
    /// `spec.replicas`.
    pub field: String,
    /// The text.
    pub message: String,
}

/// A refusal: a `metav1.Status` of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// `NotFound`, `AlreadyExists`, `Invalid`, …
    pub reason: &'static str,
    /// The message as the real server words it.
    pub message: String,
    /// Complaints about fields.
    pub causes: Vec<Cause>,
}
