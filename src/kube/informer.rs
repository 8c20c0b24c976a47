//! The cache of a process: what it has seen of the store, with the indexes its work needs.
//!
//! Models client-go `tools/cache` (shared informers with indexers).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::base::shelf::Shelf;
use crate::kube::api::object::{Key, Object, Stored};
use crate::kube::api::store::Change;
use crate::kube::kinds::Kind;

/// Kind and key: an object as work queues know it.
pub type Item = (Kind, Key);

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct View {
    shelves: BTreeMap<Kind, Shelf<Key, Arc<Object>>>,
    /// Objects by the uid of each owner.
    owned: Shelf<Arc<str>, BTreeSet<Item>>,
    /// Objects without a controller, of kinds that controllers adopt.
    orphans: Shelf<Item, ()>,
    /// Pods by node.
    on_node: Shelf<Arc<str>, BTreeSet<Key>>,
    /// Objects by uid.
    uids: Shelf<Arc<str>, Item>,
}

/// The owner that controls an object.
#[must_use]
pub fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|o| o.controller == Some(true))
}

impl View {
    /// An object of a type.
    #[must_use]
    pub fn get<T: Stored>(&self, key: &Key) -> Option<&T> {
        T::of(self.shelves.get(&T::SHELF)?.get(key)?)
    }

    /// An object by kind.
    #[must_use]
    pub fn object(&self, item: &Item) -> Option<&Arc<Object>> {
        self.shelves.get(&item.0)?.get(&item.1)
    }

    /// All objects of a type, by key.
    pub fn list<T: Stored + 'static>(&self) -> impl Iterator<Item = (&Key, &T)> {
        let shelf = self.shelves.get(&T::SHELF);
        shelf.into_iter().flat_map(|s| s.iter()).filter_map(|(key, o)| Some((key, T::of(o)?)))
    }

    /// Objects of a type in a namespace, by name.
    pub fn list_in<'a, T: Stored + 'static>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a T)> {
        self.objects_in(T::SHELF, namespace).filter_map(|(key, o)| Some((key, T::of(o)?)))
    }

    /// Objects of a kind in a namespace, by name.
    pub fn objects_in<'a>(
        &'a self,
        kind: Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> {
        let from = Key::new(namespace, "");
        let shelf = self.shelves.get(&kind);
        shelf
            .into_iter()
            .flat_map(move |s| s.range(from.clone()..))
            .take_while(move |(key, _)| key.namespace.as_ref() == namespace)
    }

    /// Objects of a type that name this uid as an owner.
    pub fn owned<'a, T: Stored + 'static>(
        &'a self,
        uid: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a T)> {
        let items = self.owned.get(uid).into_iter().flatten();
        items
            .filter(|(kind, _)| *kind == T::SHELF)
            .filter_map(|(_, key)| Some((key, self.get::<T>(key)?)))
    }

    /// Everything that names this uid as an owner.
    pub fn dependents<'a>(&'a self, uid: &str) -> impl Iterator<Item = &'a Item> {
        self.owned.get(uid).into_iter().flatten()
    }

    /// Objects of a type in a namespace that nothing controls.
    pub fn orphans<'a, T: Stored + 'static>(
        &'a self,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a T)> + use<'a, T> {
        let from = (T::SHELF, Key::new(namespace, ""));
        let namespace = from.1.namespace.clone();
        self.orphans
            .range(from..)
            .map(|(item, ())| item)
            .take_while(move |(kind, key)| *kind == T::SHELF && key.namespace == namespace)
            .filter_map(|(_, key)| Some((key, self.get::<T>(key)?)))
    }

    /// Pods of a node.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a Key> {
        self.on_node.get(node).into_iter().flatten()
    }

    /// The object with this uid.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<&Item> {
        self.uids.get(uid)
    }

    /// Take in a change.
    pub fn apply(&mut self, change: &Change) {
        let item = (change.kind, change.key.clone());
        // What this cache had may be older than the change's own "before".
        let before = self.shelves.get(&change.kind).and_then(|s| s.get(&change.key)).cloned();
        if let Some(old) = &before {
            let same = change.new.as_ref().is_some_and(|new| same_place(old, new));
            if !same {
                self.unlink(&item, old);
            }
        }
        let shelf = self.shelves.entry(change.kind).or_default();
        match &change.new {
            None => {
                shelf.edit().remove(&change.key);
            }
            Some(new) => {
                shelf.edit().insert(change.key.clone(), new.clone());
                if !before.is_some_and(|old| same_place(&old, new)) {
                    self.link(&item, new);
                }
            }
        }
    }

    fn link(&mut self, item: &Item, object: &Object) {
        let meta = object.meta();
        if let Some(uid) = &meta.uid {
            self.uids.edit().insert(uid.as_str().into(), item.clone());
        }
        for owner in meta.owner_references.iter().flatten() {
            let set = self.owned.edit().entry(owner.uid.as_str().into()).or_default();
            set.insert(item.clone());
        }
        if adoptable(item.0) && controller_of(meta).is_none() {
            self.orphans.edit().insert(item.clone(), ());
        }
        if let Some(node) = pod_node(object) {
            self.on_node.edit().entry(node.into()).or_default().insert(item.1.clone());
        }
    }

    fn unlink(&mut self, item: &Item, object: &Object) {
        let meta = object.meta();
        if let Some(uid) = &meta.uid {
            self.uids.edit().remove(uid.as_str());
        }
        for owner in meta.owner_references.iter().flatten() {
            let owned = self.owned.edit();
            if let Some(set) = owned.get_mut(owner.uid.as_str()) {
                set.remove(item);
                if set.is_empty() {
                    owned.remove(owner.uid.as_str());
                }
            }
        }
        if self.orphans.contains_key(item) {
            self.orphans.edit().remove(item);
        }
        if let Some(node) = pod_node(object) {
            let on_node = self.on_node.edit();
            if let Some(set) = on_node.get_mut(node) {
                set.remove(&item.1);
                if set.is_empty() {
                    on_node.remove(node);
                }
            }
        }
    }
}

/// Whether no index would change.
fn same_place(old: &Object, new: &Object) -> bool {
    let (a, b) = (old.meta(), new.meta());
    a.uid == b.uid && a.owner_references == b.owner_references && pod_node(old) == pod_node(new)
}

const fn adoptable(kind: Kind) -> bool {
    matches!(kind, Kind::Pod | Kind::ReplicaSet | Kind::ControllerRevision)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds run on no node")]
fn pod_node(object: &Object) -> Option<&str> {
    match object {
        Object::Pod(pod) => pod.spec.as_ref()?.node_name.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use crate::engine::trace::TraceId;
    use k8s_openapi::api::core::v1::{Pod, PodSpec};

    fn pod(owner: Option<&str>, node: Option<&str>) -> Option<Arc<Object>> {
        let owners = owner.map(|uid| {
            vec![OwnerReference {
                uid: uid.into(),
                controller: Some(true),
                ..OwnerReference::default()
            }]
        });
        Some(Arc::new(Object::Pod(Pod {
            metadata: ObjectMeta {
                uid: Some("p".into()),
                owner_references: owners,
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec { node_name: node.map(Into::into), ..PodSpec::default() }),
            status: None,
        })))
    }

    fn change(new: Option<Arc<Object>>) -> Change {
        Change {
            at: SimTime::ZERO,
            kind: Kind::Pod,
            key: Key::new("default", "web"),
            old: None,
            new,
            revision: 1,
            by: TraceId::NONE,
        }
    }

    #[test]
    fn indexes_follow_the_object() {
        let mut view = View::default();
        view.apply(&change(pod(None, None)));
        assert_eq!(view.orphans::<Pod>("default").count(), 1);
        view.apply(&change(pod(Some("rs"), Some("n1"))));
        assert_eq!(view.orphans::<Pod>("default").count(), 0);
        assert_eq!((view.owned::<Pod>("rs").count(), view.pods_on("n1").count()), (1, 1));
        assert!(view.by_uid("p").is_some());
        view.apply(&change(None));
        assert_eq!((view.owned::<Pod>("rs").count(), view.pods_on("n1").count()), (0, 0));
        assert!(view.by_uid("p").is_none() && view.list::<Pod>().next().is_none());
    }
}
