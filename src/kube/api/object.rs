//! Objects of any kind: k8s-openapi types in one closed enum, always behind `Arc`, and their keys.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;

pub use crate::kube::kinds::{Kind, Object};

/// Namespace and name; the namespace of cluster-scoped objects is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Key {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl Key {
    /// The key of an object in a namespace.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        object.key()
    }

    /// The key of a cluster-scoped object.
    #[must_use]
    pub fn cluster(name: &str) -> Self {
        Self::new("", name)
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

/// A type that is one of the kinds.
pub trait Stored: Clone + PartialEq {
    /// Its kind.
    const SHELF: Kind;
    /// The object as this type, if it is of this kind.
    fn of(object: &Object) -> Option<&Self>;
    /// As an object of any kind.
    fn into_object(self) -> Object;
}

impl Object {
    /// This object as one of its types.
    #[must_use]
    pub fn get<T: Stored>(&self) -> Option<&T> {
        T::of(self)
    }

    /// Namespace; empty for cluster-scoped kinds.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.meta().namespace.as_deref().unwrap_or("")
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.meta().name.as_deref().unwrap_or("")
    }

    /// Uid.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or("")
    }

    /// Namespace and name.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(self.namespace(), self.name())
    }

    /// Revision at which it was last written; 0 before it is stored.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.meta().resource_version.as_deref().and_then(|r| r.parse().ok()).unwrap_or(0)
    }

    /// Whether a delete was asked for.
    #[must_use]
    pub fn deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// The owner that controls it.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owners().iter().find(|o| o.controller == Some(true))
    }

    /// All owners.
    #[must_use]
    pub fn owners(&self) -> &[OwnerReference] {
        self.meta().owner_references.as_deref().unwrap_or(&[])
    }
}
