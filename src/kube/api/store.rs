//! All objects of a cluster, with their revisions and the log of changes.
//!
//! Models what etcd and kube-apiserver's watch cache do together.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;

use crate::base::ledger::{Ledger, Reading};
use crate::base::mixer::{self, Mixer};
use crate::base::shelf::{Seq, Shelf};
use crate::base::time::SimTime;
use crate::engine::sabotage::{Sabotage, Saboteur};
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Object, Stored};
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

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { object, revision, written_by } = self;
        let mut mixer = Mixer::default();
        object.mix_into(&mut mixer);
        (mixer.finish(), revision, written_by).hash(state);
    }
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
    shelves: BTreeMap<Kind, Ledger<Key, Entry>>,
    pods_by_node: Shelf<Arc<str>, BTreeSet<Key>>,
    by_owner: Shelf<Arc<str>, BTreeSet<(Kind, Key)>>,
    cluster_ips: Shelf<Arc<str>, Key>,
    node_ports: Shelf<(i32, Arc<str>), Key>,
    revision: u64,
    log: Seq<Arc<Change>>,
    /// Faults of the store itself, in tests.
    pub saboteur: Saboteur,
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

    /// An object without its revision.
    #[must_use]
    pub fn object(&self, kind: Kind, key: &Key) -> Option<&Arc<Object>> {
        self.get(kind, key).map(|e| &e.object)
    }

    /// An object as its type.
    #[must_use]
    pub fn typed<T: Stored>(&self, key: &Key) -> Option<&T> {
        self.object(T::SHELF, key).and_then(|o| T::of(o))
    }

    /// Objects of a type, by key.
    pub fn all<T: Stored + 'static>(&self) -> impl Iterator<Item = &T> {
        self.list(T::SHELF).filter_map(|(_, e)| T::of(&e.object))
    }

    /// Objects of a type in a namespace, by name.
    pub fn all_in<'a, T: Stored + 'static>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a T> {
        self.list_in(T::SHELF, namespace).filter_map(|(_, e)| T::of(&e.object))
    }

    /// Number of objects of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u32 {
        let len = self.shelves.get(&kind).map_or(0, |shelf| shelf.len());
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    /// Objects that name this uid as an owner.
    pub fn owned_by<'a>(&'a self, uid: &str) -> impl Iterator<Item = &'a (Kind, Key)> {
        self.by_owner.get(uid).into_iter().flatten()
    }

    /// The service that holds a cluster IP.
    #[must_use]
    pub fn cluster_ip_holder(&self, ip: &str) -> Option<&Key> {
        self.cluster_ips.get(ip)
    }

    /// The service that holds a node port.
    #[must_use]
    pub fn node_port_holder(&self, port: i32, protocol: &str) -> Option<&Key> {
        self.node_ports.get(&(port, Arc::from(protocol)))
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

    /// The digest of all objects and of how many changes there were.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        let kinds = self.shelves.iter().filter(|(_, shelf)| !shelf.is_empty());
        let kinds = kinds.map(|(kind, shelf)| (kind.name(), shelf.digest(reading)));
        mixer::of(&(kinds.collect::<Vec<_>>(), self.revision, self.log.len()))
    }

    /// Bring the kept digests up to date.
    pub fn settle(&mut self) {
        self.shelves.values_mut().for_each(Ledger::settle);
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
                shelf.insert(key.clone(), entry).map(|e| e.object)
            }
            None => shelf.remove(key).map(|e| e.object),
        };
        self.index_pod(key, old.as_deref(), new.as_deref());
        self.index_owners(key, old.as_deref(), new.as_deref());
        self.index_service(key, old.as_deref(), new.as_deref());
        let change = Arc::new(Change { at: now, kind, key: key.clone(), old, new, revision, by });
        if kind == Kind::Service && self.saboteur.does(Sabotage::UnloggedWrite) {
            return change;
        }
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

    fn index_owners(&mut self, key: &Key, old: Option<&Object>, new: Option<&Object>) {
        let before = old.map_or(&[][..], Object::owners);
        let after = new.map_or(&[][..], Object::owners);
        let Some(kind) = new.or(old).map(Object::kind) else { return };
        if before == after {
            return;
        }
        for owner in before {
            let shelf = self.by_owner.edit();
            if let Some(owned) = shelf.get_mut(owner.uid.as_str()) {
                owned.remove(&(kind, key.clone()));
                if owned.is_empty() {
                    shelf.remove(owner.uid.as_str());
                }
            }
        }
        for owner in after {
            let owned = self.by_owner.edit().entry(owner.uid.as_str().into()).or_default();
            owned.insert((kind, key.clone()));
        }
    }

    fn index_service(&mut self, key: &Key, old: Option<&Object>, new: Option<&Object>) {
        if let Some(Object::Service(service)) = old {
            let (ips, ports) = service_holds(service);
            for ip in ips {
                self.cluster_ips.edit().remove(ip);
            }
            for port in ports {
                self.node_ports.edit().remove(&port);
            }
        }
        if let Some(Object::Service(service)) = new {
            let (ips, ports) = service_holds(service);
            for ip in ips {
                self.cluster_ips.edit().insert(ip.into(), key.clone());
            }
            for port in ports {
                self.node_ports.edit().insert(port, key.clone());
            }
        }
    }
}

/// What the server says when an object changed since it was read.
pub const MODIFIED: &str = "the object has been modified; \
    please apply your changes to the latest version and try again";

/// The cluster IPs and node ports (with protocol) that a service holds.
fn service_holds(service: &Service) -> (Vec<&str>, Vec<(i32, Arc<str>)>) {
    let Some(spec) = &service.spec else { return (Vec::new(), Vec::new()) };
    let ips = spec.cluster_ips.iter().flatten().map(String::as_str).filter(|ip| *ip != "None");
    let ports = spec.ports.iter().flatten().filter_map(|p| {
        let port = p.node_port.filter(|n| *n != 0)?;
        Some((port, p.protocol.as_deref().unwrap_or("TCP").into()))
    });
    let health = spec.health_check_node_port.filter(|n| *n != 0).map(|n| (n, "TCP".into()));
    (ips.collect(), ports.chain(health).collect())
}
