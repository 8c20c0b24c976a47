//! Objects of the API: k8s-openapi types in one closed enum, always behind `Arc`.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

use crate::kube::kinds::Kind;

pub use crate::kube::kinds::Object;

/// A type that can be an [`Object`].
pub trait Stored: Clone + PartialEq {
    /// Its kind.
    const SHELF: Kind;
    /// The object as this type, if it is one.
    fn of(object: &Object) -> Option<&Self>;
    /// The object as this type, to change it.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// As an object.
    fn into_object(self) -> Object;
}

/// Namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl Key {
    /// A key.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        let meta = object.meta();
        Self::new(meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""))
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}
