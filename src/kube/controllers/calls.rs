//! Requests that controllers send, and what they say.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::base::message::Message;
use crate::kube::api::object::{Key, Stored};
use crate::kube::api::request::{
    Body, Options, PatchType, Propagation, Request, Subresource, Verb,
};
use crate::kube::controllers::Call;
use crate::kube::events::{Regarding, Say};
use crate::kube::kinds::{Kind, Scope};

impl Call {
    /// A call with nothing but a request.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self { request, why: None, ok: None, err: None, forgive: &[], tag: 0 }
    }

    /// With a reason for the trace.
    #[must_use]
    pub fn because(mut self, why: Message) -> Self {
        self.why = Some(why);
        self
    }

    /// With an event after success.
    #[must_use]
    pub fn then_say(mut self, say: Say) -> Self {
        self.ok = Some(say);
        self
    }

    /// With an event after failure.
    #[must_use]
    pub fn else_say(mut self, say: Say) -> Self {
        self.err = Some(say);
        self
    }

    /// With errors that do not matter.
    #[must_use]
    pub const fn forgiving(mut self, reasons: &'static [&'static str]) -> Self {
        self.forgive = reasons;
        self
    }

    /// With a mark.
    #[must_use]
    pub const fn tagged(mut self, tag: u32) -> Self {
        self.tag = tag;
        self
    }
}

fn request(verb: Verb, kind: Kind, key: &Key) -> Request {
    let namespaced = kind.scope() == Scope::Namespaced;
    Request {
        verb,
        kind,
        namespace: namespaced.then(|| key.namespace.clone()),
        name: (!key.name.is_empty()).then(|| key.name.clone()),
        subresource: Subresource::None,
        body: Body::None,
        options: Options::default(),
    }
}

/// Create an object; its name may come from `generateName`.
#[must_use]
pub fn create<T: Stored>(object: T) -> Request {
    let object = object.into_object();
    let key = Key::of(&object);
    let mut request = request(Verb::Create, T::SHELF, &key);
    request.body = Body::Object(Arc::new(object));
    request
}

/// Replace an object, as last read.
#[must_use]
pub fn update<T: Stored>(object: T) -> Request {
    let object = object.into_object();
    let mut request = request(Verb::Update, T::SHELF, &Key::of(&object));
    request.body = Body::Object(Arc::new(object));
    request
}

/// Replace the status of an object, as last read.
#[must_use]
pub fn update_status<T: Stored>(object: T) -> Request {
    let mut request = update(object);
    request.subresource = Subresource::Status;
    request
}

/// Change an object by a merge patch.
#[must_use]
pub fn patch(kind: Kind, key: &Key, patch: Value) -> Request {
    let mut request = request(Verb::Patch, kind, key);
    request.body = Body::Patch(PatchType::Merge, patch);
    request
}

/// Change the status of an object by a strategic merge patch.
#[must_use]
pub fn patch_status(kind: Kind, key: &Key, patch: Value) -> Request {
    let mut request = request(Verb::Patch, kind, key);
    request.subresource = Subresource::Status;
    request.body = Body::Patch(PatchType::Strategic, patch);
    request
}

/// Delete an object if it is still the one with this uid.
#[must_use]
pub fn delete(kind: Kind, key: &Key, uid: Option<&str>) -> Request {
    let mut request = request(Verb::Delete, kind, key);
    request.options.precondition_uid = uid.map(Into::into);
    request
}

/// Delete with a propagation policy.
#[must_use]
pub fn delete_with(kind: Kind, key: &Key, uid: Option<&str>, propagation: Propagation) -> Request {
    let mut request = delete(kind, key, uid);
    request.options.propagation = Some(propagation);
    request
}

/// What an event about an object of a known type refers to.
#[must_use]
pub fn regarding_type<T>(object: &T) -> Regarding
where
    T: Stored + k8s_openapi::Metadata<Ty = ObjectMeta>,
{
    regarding_meta(T::SHELF, object.metadata())
}

/// What an event about an object with this metadata refers to.
#[must_use]
pub fn regarding_meta(kind: Kind, meta: &ObjectMeta) -> Regarding {
    let text = |t: &Option<String>| -> Arc<str> { t.as_deref().unwrap_or("").into() };
    Regarding {
        kind: kind.name(),
        api_version: kind.api_version(),
        namespace: text(&meta.namespace),
        name: text(&meta.name),
        uid: text(&meta.uid),
        resource_version: text(&meta.resource_version),
        field_path: "".into(),
    }
}

/// A normal event.
#[must_use]
pub fn normal(about: &Regarding, reason: &'static str, message: impl Into<String>) -> Say {
    Say { regarding: about.clone(), warning: false, reason, message: message.into() }
}

/// A warning.
#[must_use]
pub fn warning(about: &Regarding, reason: &'static str, message: impl Into<String>) -> Say {
    Say { regarding: about.clone(), warning: true, reason, message: message.into() }
}
