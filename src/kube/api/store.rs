//! All objects of a cluster, with their revisions and the log of changes.
//!
//! Models what etcd and kube-apiserver's watch cache do together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::shelf::{Seq, Shelf};
use crate::base::time::SimTime;
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Object};
use crate::kube::kinds::Kind;

/// Changes kept for watches and for the replay.
pub const MAX_CHANGES: usize = 200_000;

/// An object as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The object.
    pub object: Arc<Object>,
    /// Its revision.
    pub revision: u64,
    /// What wrote it.
    pub written_by: TraceId,
}

/// One change of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: SimTime,
    /// Kind.
    pub kind: Kind,
    /// Which.
    pub key: Key,
    /// Before.
    pub old: Option<Arc<Object>>,
    /// After.
    pub new: Option<Arc<Object>>,
    /// Revision of the store.
    pub revision: u64,
    /// What caused it.
    pub by: TraceId,
}

/// The store.
#[derive(Clone, Debug, Default)]
pub struct Store {
    shelves: BTreeMap<Kind, Shelf<Key, Entry>>,
    pods_by_node: Shelf<Arc<str>, BTreeSet<Key>>,
    revision: u64,
    log: Seq<Arc<Change>>,
}

impl Store {
    /// An object.
    #[must_use]
    pub fn get(&self, kind: Kind, key: &Key) -> Option<&Entry> {
        self.shelves.get(&kind)?.get(key)
    }

    /// All objects of a kind, by key.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Entry)> {
        self.shelves.get(&kind).into_iter().flat_map(|shelf| shelf.iter())
    }

    /// Objects of a kind in a namespace, by name.
    pub fn list_in<'a>(
        &'a self,
        kind: Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Entry)> {
        let from = Key::new(namespace, "");
        let shelf = self.shelves.get(&kind);
        shelf
            .into_iter()
            .flat_map(move |shelf| shelf.range(from.clone()..))
            .take_while(move |(key, _)| key.namespace.as_ref() == namespace)
    }

    /// Keys of the pods of a node.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a Key> {
        self.pods_by_node.get(node).into_iter().flatten()
    }

    /// The newest revision.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Number of changes ever made.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.log.len()
    }

    /// Kept changes from the n-th on.
    pub fn changes_from(&self, n: u64) -> impl DoubleEndedIterator<Item = &Arc<Change>> {
        self.log.iter_from(n)
    }

    /// Write an object (`None` removes it). The caller has checked everything; the resource version
    /// is set here.
    pub fn commit(
        &mut self,
        kind: Kind,
        key: &Key,
        new: Option<Object>,
        now: SimTime,
        by: TraceId,
    ) -> Arc<Change> {
        self.revision += 1;
        let revision = self.revision;
        let shelf = self.shelves.entry(kind).or_default();
        let new = new.map(|mut object| {
            object.meta_mut().resource_version = Some(revision.to_string());
            Arc::new(object)
        });
        let old = match &new {
            Some(object) => {
                let entry = Entry { object: object.clone(), revision, written_by: by };
                shelf.edit().insert(key.clone(), entry).map(|e| e.object)
            }
            None => shelf.edit().remove(key).map(|e| e.object),
        };
        self.index_pod(key, old.as_deref(), new.as_deref());
        let change = Arc::new(Change { at: now, kind, key: key.clone(), old, new, revision, by });
        self.log.push(change.clone());
        if self.log.len().is_multiple_of(4096) {
            self.log.trim(MAX_CHANGES);
        }
        change
    }

    fn index_pod(&mut self, key: &Key, old: Option<&Object>, new: Option<&Object>) {
        let node = |object: Option<&Object>| match object {
            Some(Object::Pod(pod)) => pod.spec.as_ref().and_then(|s| s.node_name.clone()),
            _ => None,
        };
        let (before, after) = (node(old), node(new));
        if before == after {
            return;
        }
        if let Some(keys) = before.and_then(|n| self.pods_by_node.edit().get_mut(n.as_str())) {
            keys.remove(key);
        }
        if let Some(name) = after {
            self.pods_by_node.edit().entry(name.into()).or_default().insert(key.clone());
        }
    }
}
