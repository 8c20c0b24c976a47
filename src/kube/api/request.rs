//! What clients ask of the API server and what it answers.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

use serde_json::Value;

use crate::kube::api::object::{Kind, Object};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// One object.
    Get,
    /// All objects that match.
    List,
    /// All objects that match (as `Added`), then every change.
    Watch,
    /// A new object.
    Create,
    /// A whole object anew.
    Update,
    /// A part of an object; server-side apply creates it where it is missing.
    Patch,
    /// Away with one object.
    Delete,
    /// Away with all that match.
    DeleteCollection,
}

impl Verb {
    /// The verb in lower case, as error messages name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// The part of an object's address after its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subresource {
    /// The object itself.
    #[default]
    None,
    /// Only its status counts.
    Status,
    /// Its number of replicas.
    Scale,
    /// A polite delete of a pod that asks the disruption budgets.
    Eviction,
    /// The node of a pod, as the scheduler writes it.
    Binding,
    /// The resources of a running pod.
    Resize,
    /// Debug containers of a running pod.
    EphemeralContainers,
    /// A namespace's finalizers.
    Finalize,
    /// A certificate request's approval.
    Approval,
    /// Output of a container.
    Log,
    /// A command in a container.
    Exec,
}

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/strategic-merge-patch+json`: lists merge by key.
    Strategic,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/json-patch+json`.
    Json,
    /// `application/apply-patch+yaml`: server-side apply.
    Apply,
}

/// What is sent along.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A client's text as JSON, decoded strictly.
    Value(Value),
    /// An object of a component in the cluster.
    Object(Arc<Object>),
    /// A patch.
    Patch(PatchType, Value),
    /// The wanted number of replicas, for [`Subresource::Scale`].
    Scale(i32),
    /// The node, for [`Subresource::Binding`].
    Bind(Arc<str>),
}

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// It goes after them.
    Foreground,
    /// They stay.
    Orphan,
}

/// What the server does with unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Refuse.
    #[default]
    Strict,
    /// Accept with a warning.
    Warn,
    /// Accept silently.
    Ignore,
}

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `app=web,tier in (a,b)`.
    pub label_selector: Option<String>,
    /// `spec.nodeName=node-1`.
    pub field_selector: Option<String>,
    /// Answer as if, change nothing.
    pub dry_run: bool,
    /// Who manages the fields: `kubectl-client-side-apply`.
    pub field_manager: Option<Arc<str>>,
    /// Unknown fields.
    pub field_validation: FieldValidation,
    /// Grace of a delete; `None` for the object's own.
    pub grace_period_seconds: Option<i64>,
    /// Dependents of a deleted object; `None` for the kind's own way.
    pub propagation: Option<Propagation>,
    /// Only the object with this uid.
    pub precondition_uid: Option<Arc<str>>,
    /// Only the object at this revision.
    pub precondition_revision: Option<Arc<str>>,
    /// Server-side apply: take over fields of others.
    pub force: bool,
    /// Watch from after this revision, without the objects there are.
    pub since: Option<u64>,
    /// Container, for logs and commands; `None` for the only or default one.
    pub container: Option<Arc<str>>,
    /// Command, for [`Subresource::Exec`].
    pub command: Vec<String>,
    /// What its standard input holds; `None` where none is attached.
    pub stdin: Option<String>,
    /// Whether it has a terminal.
    pub tty: bool,
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
    /// At most that many bytes, for logs.
    pub limit_bytes: Option<u64>,
}

/// A request of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is asked.
    pub verb: Verb,
    /// Of which kind.
    pub kind: Kind,
    /// In which namespace; `None` for cluster-scoped kinds and for all namespaces.
    pub namespace: Option<Arc<str>>,
    /// Which one.
    pub name: Option<Arc<str>>,
    /// Which part of it.
    pub subresource: Subresource,
    /// What is sent along.
    pub body: Body,
    /// Parameters.
    pub options: Options,
}

impl Request {
    /// A request without body and parameters.
    #[must_use]
    pub fn new(verb: Verb, kind: Kind, namespace: &str, name: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        Self {
            verb,
            kind,
            namespace: some(namespace),
            name: some(name),
            subresource: Subresource::None,
            body: Body::None,
            options: Options::default(),
        }
    }

    /// One object.
    #[must_use]
    pub fn get(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::new(Verb::Get, kind, namespace, name)
    }

    /// All objects of a namespace, or of all for `""`.
    #[must_use]
    pub fn list(kind: Kind, namespace: &str) -> Self {
        Self::new(Verb::List, kind, namespace, "")
    }

    /// A whole object anew.
    #[must_use]
    pub fn update(object: Object) -> Self {
        let (kind, name) = (object.kind(), object.name().to_owned());
        let mut request = Self::new(Verb::Update, kind, object.namespace(), &name);
        request.body = Body::Object(Arc::new(object));
        request
    }

    /// A part of an object anew.
    #[must_use]
    pub fn patch(kind: Kind, namespace: &str, name: &str, how: PatchType, patch: Value) -> Self {
        let mut request = Self::new(Verb::Patch, kind, namespace, name);
        request.body = Body::Patch(how, patch);
        request
    }

    /// Away with an object.
    #[must_use]
    pub fn delete(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::new(Verb::Delete, kind, namespace, name)
    }

    /// The same for a part of the object.
    #[must_use]
    pub const fn on(mut self, subresource: Subresource) -> Self {
        self.subresource = subresource;
        self
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// It is new to the watcher.
    Added,
    /// It changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// An answer, or one part of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// One object. After a delete, the object as it is then.
    Object(Arc<Object>),
    /// The same with warnings, which kubectl prints as `Warning: …`.
    Warned(Arc<Object>, Vec<String>),
    /// Objects in the order of namespace and name.
    List {
        /// The objects.
        items: Vec<Arc<Object>>,
        /// Revision of the store.
        revision: u64,
    },
    /// A change.
    Watch(WatchKind, Arc<Object>),
    /// Something that is not a stored object: a `Scale`, a `Status`.
    Value(Value),
    /// Text of a log or of a command, on standard output.
    Text(String),
    /// Text of a command on standard error.
    ErrText(String),
    /// The stream ends.
    Done {
        /// Exit code of the command.
        exit: u8,
    },
}

impl Response {
    /// The object, if the answer is one.
    #[must_use]
    pub const fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Object(object) | Self::Warned(object, _) | Self::Watch(_, object) => Some(object),
            Self::List { .. }
            | Self::Value(_)
            | Self::Text(_)
            | Self::ErrText(_)
            | Self::Done { .. } => None,
        }
    }

    /// Warnings that came along.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Warned(_, warnings) => warnings,
            Self::Object(_)
            | Self::List { .. }
            | Self::Watch(..)
            | Self::Value(_)
            | Self::Text(_)
            | Self::ErrText(_)
            | Self::Done { .. } => &[],
        }
    }
}

/// One complaint of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field: `spec.containers[0].name`.
    pub field: String,
    /// `Required value`, `Invalid value: "x": must …`.
    pub message: String,
    /// `FieldValueRequired`.
    pub reason: &'static str,
}

/// What a refusal is about: `metav1.StatusDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The kind or resource, with its group if any.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Single complaints; kubectl lists them for `Invalid`.
    pub causes: Vec<Cause>,
    /// When to try again.
    pub retry_after_seconds: Option<u32>,
}

/// A refusal: a `metav1.Status` of failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// `NotFound`, `AlreadyExists`, `Invalid`, …
    pub reason: &'static str,
    /// The message as the real server words it.
    pub message: String,
    /// What it is about.
    pub details: Box<Details>,
    /// Warnings that came along.
    pub warnings: Vec<String>,
    /// Where in the client's document, for an editor.
    pub at: Vec<String>,
}

impl Display for ApiError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl ApiError {
    fn about(code: u16, reason: &'static str, kind: Kind, name: &str, message: String) -> Self {
        let (kind, name) = (kind.resource(), name.to_owned());
        let details = Box::new(Details { kind, name, ..Details::default() });
        Self { code, reason, message, details, ..Self::default() }
    }

    /// `pods "web" not found`.
    #[must_use]
    pub fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::about(404, "NotFound", kind, name, message)
    }

    /// `pods "web" already exists`.
    #[must_use]
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self::about(409, "AlreadyExists", kind, name, message)
    }

    /// `Operation cannot be fulfilled on pods "web": the object has been modified; …`.
    #[must_use]
    pub fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        let resource = kind.resource();
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::about(409, "Conflict", kind, name, message)
    }

    /// `pods "web" is forbidden: …`.
    #[must_use]
    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        let resource = kind.resource();
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} \"{name}\" is forbidden: {why}")
        };
        Self::about(403, "Forbidden", kind, name, message)
    }

    /// `Pod "web" is invalid: …`, with one complaint or a list of them.
    #[must_use]
    pub fn invalid(kind: Kind, name: &str, causes: Vec<Cause>) -> Self {
        let texts: Vec<String> =
            causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let body = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {body}", kind.group_kind());
        let (kind, name) = (kind.name().to_owned(), name.to_owned());
        let details = Box::new(Details { kind, name, causes, ..Details::default() });
        Self { code: 422, reason: "Invalid", message, details, ..Self::default() }
    }

    /// A request that cannot be understood.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { code: 400, reason: "BadRequest", message: message.into(), ..Self::default() }
    }

    /// `the server does not allow this method on the requested resource`.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self { code: 405, reason: "MethodNotAllowed", message, ..Self::default() }
    }

    /// Whether it tells that something is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.reason == "NotFound"
    }

    /// Whether it tells that the object changed meanwhile.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// Whether it tells that the object is there already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// The answer where there is no cluster to ask.
    #[must_use]
    pub fn no_cluster() -> Self {
        let message = "The connection to the server localhost:8080 was refused - \
                       did you specify the right host or port?"
            .to_owned();
        Self { code: 0, reason: "ConnectionRefused", message, ..Self::default() }
    }
}
