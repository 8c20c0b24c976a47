//! Collections that keep the digest of their content.
//!
//! A digest is a sum of one hash for each entry, of its key and value. A write replaces its entry's
//! share in the sum, so the digest is known without looking at what did not change. Neither
//! collection can be changed in a way that forgets the share.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::ops::Deref;

use crate::base::mixer;
use crate::base::shelf::{Iter, Seq, Shelf};

/// Entries of a small ledger that may be written before it is as cheap to add up all.
const FEW: usize = 1_024;

/// How a digest is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// From the sums as they are kept.
    Kept,
    /// From the content alone: a test that the sums are right.
    Anew,
}

/// One entry's part of a sum.
pub fn share<K: Hash + ?Sized, V: Hash + ?Sized>(key: &K, value: &V) -> u64 {
    mixer::of(&(key, value))
}

/// An ordered map, cheap to clone like [`Shelf`], with the digest of its content. A write costs
/// nothing more until the ledger is settled for the first time; from then on the first write to an
/// entry notes the entry's share, and the next settling adds up only what was written.
#[derive(Clone, Debug)]
pub struct Ledger<K, V> {
    entries: Shelf<K, V>,
    settled: Option<Settled<K>>,
}

/// What was known when the ledger was settled.
#[derive(Clone, Debug)]
struct Settled<K> {
    /// The sum of all shares.
    sum: u64,
    /// The entries written since, with the share that each had then.
    written: BTreeMap<K, u64>,
}

impl<K, V> Default for Ledger<K, V> {
    fn default() -> Self {
        Self { entries: Shelf::default(), settled: None }
    }
}

impl<K, V> Deref for Ledger<K, V> {
    type Target = Shelf<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl<'a, K, V> IntoIterator for &'a Ledger<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl<K: Clone + Ord + Hash, V: Clone + Hash> Ledger<K, V> {
    /// Put an entry; returns what it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.note(&key);
        self.entries.edit().insert(key, value)
    }

    /// Take an entry out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let known = self.entries.get_key_value(key)?.0.clone();
        self.note(&known);
        self.entries.edit().remove(key)
    }

    /// A value, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if self.settled.is_some() {
            let known = self.entries.get_key_value(key)?.0.clone();
            self.note(&known);
        } else if !self.entries.contains_key(key) {
            return None;
        }
        self.entries.edit().get_mut(key)
    }

    /// The value of a key, a new one if there is none, to change it.
    pub fn slot(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.note(&key);
        self.entries.edit().entry(key).or_default()
    }

    /// The values that a test picks, to change them.
    pub fn values_where(&mut self, picks: impl Fn(&V) -> bool) -> impl Iterator<Item = &mut V> {
        if self.settled.is_some() {
            let hit = self.entries.iter().filter(|(_, value)| picks(value));
            for key in hit.map(|(key, _)| key.clone()).collect::<Vec<K>>() {
                self.note(&key);
            }
        }
        self.entries.edit().values_mut().filter(move |value| picks(value))
    }

    /// Keep only some entries.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K, &V) -> bool) {
        let gone = self.entries.iter().filter(|(key, value)| !keeps(key, value));
        for key in gone.map(|(key, _)| key.clone()).collect::<Vec<K>>() {
            self.remove(&key);
        }
    }

    /// Take the oldest key's entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.entries.first_key_value()?.0.clone();
        self.note(&key);
        self.entries.edit().pop_first()
    }

    /// Take everything out.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Note that an entry is about to be written.
    fn note(&mut self, key: &K) {
        let Some(settled) = &mut self.settled else { return };
        if settled.written.contains_key(key) {
            return;
        }
        if settled.written.len() >= self.entries.len().max(FEW) {
            self.settled = None;
            return;
        }
        let share = self.entries.get(key).map_or(0, |value| share(key, value));
        settled.written.insert(key.clone(), share);
    }

    /// The digest of all entries. Kept, it costs as much as was written since the last settling.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        let of = |key: &K| self.entries.get(key).map_or(0, |value| share(key, value));
        match (&self.settled, reading) {
            (Some(Settled { sum, written }), Reading::Kept) => written
                .iter()
                .fold(*sum, |sum, (key, then)| sum.wrapping_sub(*then).wrapping_add(of(key))),
            (Some(_), Reading::Anew) | (None, _) => self
                .entries
                .iter()
                .fold(0, |sum: u64, (key, value)| sum.wrapping_add(share(key, value))),
        }
    }

    /// Bring the kept sum up to date.
    pub fn settle(&mut self) {
        if self.settled.as_ref().is_some_and(|settled| settled.written.is_empty()) {
            return;
        }
        let sum = self.digest(Reading::Kept);
        self.settled = Some(Settled { sum, written: BTreeMap::new() });
    }
}

/// An append-only sequence like [`Seq`], with the digest of the items kept.
#[derive(Clone, Debug)]
pub struct Roll<T> {
    items: Seq<T>,
    sum: u64,
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Self { items: Seq::default(), sum: 0 }
    }
}

impl<T> Deref for Roll<T> {
    type Target = Seq<T>;

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

impl<T> Hash for Roll<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.sum);
    }
}

impl<T: Clone + Hash> Roll<T> {
    /// Append an item; returns its index.
    pub fn push(&mut self, item: T) -> u64 {
        self.sum = self.sum.wrapping_add(share(&self.items.len(), &item));
        self.items.push(item)
    }

    /// Drop whole old chunks until at most about `keep` items are left.
    pub fn trim(&mut self, keep: usize) {
        let first = self.items.first_index();
        let dropped = self.items.trim(keep);
        let gone = (first..).zip(dropped.iter().flat_map(|chunk| chunk.iter()));
        self.sum = gone.fold(self.sum, |sum, (at, item)| sum.wrapping_sub(share(&at, item)));
    }

    /// The digest of the items kept.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        match reading {
            Reading::Kept => self.sum,
            Reading::Anew => (self.items.first_index()..)
                .zip(self.items.iter())
                .fold(0, |sum: u64, (at, item)| sum.wrapping_add(share(&at, item))),
        }
    }

    /// By how much the kept digest is wrong: 0, or there is a bug.
    #[must_use]
    pub fn drift(&self) -> u64 {
        self.digest(Reading::Anew).wrapping_sub(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(ledger: &Ledger<u32, String>) -> u64 {
        let kept = ledger.digest(Reading::Kept);
        assert_eq!(kept, ledger.digest(Reading::Anew));
        kept
    }

    #[test]
    fn every_way_to_write_moves_the_digest() {
        type Write = fn(&mut Ledger<u32, String>);
        let writes: [Write; 7] = [
            |l| drop(l.insert(9, "new".to_owned())),
            |l| drop(l.insert(1, "other".to_owned())),
            |l| drop(l.remove(&2)),
            |l| l.get_mut(&3).unwrap().push('x'),
            |l| l.slot(12).push('y'),
            |l| l.values_where(|v| v == "4").for_each(|v| v.push('z')),
            |l| l.retain(|key, _| *key != 5),
        ];
        let mut ledger = Ledger::default();
        for n in 0..8_u32 {
            ledger.insert(n, n.to_string());
        }
        let first = agrees(&ledger);
        ledger.settle();
        assert_eq!(agrees(&ledger), first, "settling changes nothing");
        let mut seen = vec![first];
        for write in writes {
            write(&mut ledger);
            seen.push(agrees(&ledger));
        }
        ledger.settle();
        seen.push(agrees(&ledger));
        assert_eq!(seen.pop(), seen.last().copied());
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "each write shows");
        assert_eq!(ledger.get_mut(&77), None);
    }

    #[test]
    fn what_is_undone_leaves_no_mark() {
        let mut ledger = Ledger::default();
        ledger.insert(1, "a".to_owned());
        ledger.settle();
        let before = agrees(&ledger);
        // Far more short-lived entries than the ledger keeps shares for.
        for n in 2..5_000 {
            ledger.insert(n, "b".to_owned());
            ledger.remove(&n);
        }
        assert_eq!(agrees(&ledger), before);
        let old = ledger.clone();
        ledger.clear();
        assert_eq!((agrees(&ledger), agrees(&old)), (0, before));
    }

    #[test]
    fn a_roll_forgets_what_it_drops() {
        let mut roll = Roll::default();
        let mut digests = Vec::new();
        for n in 0..2_000_u32 {
            roll.push(n);
            roll.trim(300);
            digests.push(roll.digest(Reading::Kept));
            assert_eq!(roll.drift(), 0);
        }
        assert!(roll.first_index() > 0);
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 2_000);
    }
}
