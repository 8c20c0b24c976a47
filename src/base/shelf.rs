//! Copy-on-write containers: cheap to clone, so that a whole world can be kept as a checkpoint.

use std::borrow::Borrow;
use std::fmt::{Debug, Formatter, Result as FmtResult};
use std::iter::{FlatMap, Map};
use std::ops::{Bound, RangeBounds};
use std::slice;
use std::sync::Arc;

/// Most entries of one span; a fuller one is cut in two.
const SPAN: usize = 32;

type Span<K, V> = Arc<Vec<(K, V)>>;
type Pairs<'a, K, V> = FlatMap<
    slice::Iter<'a, Span<K, V>>,
    slice::Iter<'a, (K, V)>,
    fn(&'a Span<K, V>) -> slice::Iter<'a, (K, V)>,
>;
/// Entries by reference, in the order of the keys.
pub type Iter<'a, K, V> = Map<Pairs<'a, K, V>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

/// An ordered map that is cheap to clone and cheap to change after it.
#[derive(Clone)]
pub struct Shelf<K, V> {
    /// Never an empty one.
    #[expect(clippy::rc_buffer, reason = "changed in place while unshared")]
    spans: Arc<Vec<Span<K, V>>>,
    len: usize,
}

/// A place: the span, and the entry in it.
type Place = (usize, usize);

fn entries<K, V>(span: &Span<K, V>) -> slice::Iter<'_, (K, V)> {
    span.iter()
}

const fn pair<K, V>((key, value): &(K, V)) -> (&K, &V) {
    (key, value)
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { spans: Arc::new(Vec::new()), len: 0 }
    }
}

impl<K, V> Shelf<K, V> {
    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.spans.iter().flat_map(entries as fn(_) -> _).map(pair as fn(_) -> _)
    }

    /// Keys in order.
    #[must_use]
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// Values in the order of their keys.
    #[must_use]
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The first entry.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.spans.first()?.first().map(|(key, value)| (key, value))
    }

    /// The last entry.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.spans.last()?.last().map(|(key, value)| (key, value))
    }

    /// The entry at a place.
    fn at(&self, (span, place): Place) -> Option<&(K, V)> {
        self.spans.get(span)?.get(place)
    }

    /// Where a key is, or where it would be put.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let begins_before =
            |span: &Span<K, V>| span.first().is_some_and(|(first, _)| first.borrow() <= key);
        let span = self.spans.partition_point(begins_before).saturating_sub(1);
        let Some(entries) = self.spans.get(span) else { return Err((0, 0)) };
        let found = entries.binary_search_by(|(known, _)| known.borrow().cmp(key));
        found.map(|place| (span, place)).map_err(|place| (span, place))
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.at(self.find(key).ok()?).map(|(_, value)| value)
    }

    /// The entry of a key, with the key as it is kept.
    #[must_use]
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.at(self.find(key).ok()?).map(|(key, value)| (key, value))
    }

    /// Whether there is an entry of this key.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Entries whose keys lie in a range, in order; none if it ends before it begins.
    pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(
        &self,
        range: R,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)> + use<'_, K, V, Q, R>
    where
        K: Borrow<Q>,
    {
        let place = |found: Result<Place, Place>, past: usize| match found {
            Ok((span, place)) => (span, place + past),
            Err(place) => place,
        };
        let from = match range.start_bound() {
            Bound::Included(key) => place(self.find(key), 0),
            Bound::Excluded(key) => place(self.find(key), 1),
            Bound::Unbounded => (0, 0),
        };
        let to = match range.end_bound() {
            Bound::Included(key) => place(self.find(key), 1),
            Bound::Excluded(key) => place(self.find(key), 0),
            Bound::Unbounded => (self.spans.len(), 0),
        };
        let count = (to.0 + 1).saturating_sub(from.0);
        self.spans.iter().enumerate().skip(from.0).take(count).flat_map(move |(at, span)| {
            let first = if at == from.0 { from.1 } else { 0 };
            let end = if at == to.0 { to.1 } else { span.len() };
            span.get(first..end).unwrap_or(&[]).iter().map(|(key, value)| (key, value))
        })
    }
}

impl<K: Clone + Ord, V: Clone> Shelf<K, V> {
    /// The map, to change it: what is touched is copied if a clone shares it.
    pub const fn edit(&mut self) -> &mut Self {
        self
    }

    fn span(&mut self, span: usize) -> Option<&mut Vec<(K, V)>> {
        Arc::make_mut(&mut self.spans).get_mut(span).map(Arc::make_mut)
    }

    /// Put a value under a key; returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok((span, place)) => {
                let (_, known) = self.span(span)?.get_mut(place)?;
                Some(std::mem::replace(known, value))
            }
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    /// Put a new entry at its place; returns where it is then.
    fn put(&mut self, (span, place): Place, key: K, value: V) -> Place {
        self.len += 1;
        let spans = Arc::make_mut(&mut self.spans);
        let Some(entries) = spans.get_mut(span).map(Arc::make_mut) else {
            spans.push(Arc::new(vec![(key, value)]));
            return (0, 0);
        };
        entries.insert(place, (key, value));
        if entries.len() <= SPAN {
            return (span, place);
        }
        // What comes in order leaves full spans behind.
        let cut = if place == SPAN { SPAN } else { SPAN / 2 };
        let rest = entries.split_off(cut);
        spans.insert(span + 1, Arc::new(rest));
        if place < cut { (span, place) } else { (span + 1, place - cut) }
    }

    /// Take an entry out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.take(self.find(key).ok()?).map(|(_, value)| value)
    }

    fn take(&mut self, (span, place): Place) -> Option<(K, V)> {
        let entries = self.span(span).filter(|entries| place < entries.len())?;
        let taken = entries.remove(place);
        let left = entries.len();
        self.len -= 1;
        let spans = Arc::make_mut(&mut self.spans);
        if left == 0 {
            spans.remove(span);
        } else if spans.get(span + 1).is_some_and(|next| left + next.len() <= SPAN / 2) {
            let next = spans.remove(span + 1);
            let next = Arc::try_unwrap(next).unwrap_or_else(|shared| (*shared).clone());
            if let Some(entries) = spans.get_mut(span) {
                Arc::make_mut(entries).extend(next);
            }
        }
        Some(taken)
    }

    /// Take the first entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.take((0, 0))
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.value(place)
    }

    fn value(&mut self, (span, place): Place) -> Option<&mut V> {
        self.span(span)?.get_mut(place).map(|(_, value)| value)
    }

    /// The place of a key, to fill it if it is empty.
    pub const fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { shelf: self, key }
    }

    /// All values, to change them: copies whatever is shared.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// All entries, to change their values: copies whatever is shared.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let spans = Arc::make_mut(&mut self.spans).iter_mut();
        spans.flat_map(|span| Arc::make_mut(span).iter_mut().map(|(key, value)| (&*key, value)))
    }

    /// Keep only some entries.
    pub fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let stays = |(key, value): &(K, V)| keep(key, value);
        if self.spans.iter().all(|span| span.iter().all(stays)) {
            return;
        }
        let spans = Arc::make_mut(&mut self.spans);
        for span in spans.iter_mut().filter(|span| !span.iter().all(stays)) {
            Arc::make_mut(span).retain(stays);
        }
        spans.retain(|span| !span.is_empty());
        self.len = spans.iter().map(|span| span.len()).sum();
    }

    /// Take everything out.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The place of a key.
pub struct Entry<'a, K, V> {
    shelf: &'a mut Shelf<K, V>,
    key: K,
}

impl<'a, K: Clone + Ord, V: Clone> Entry<'a, K, V> {
    /// The value, made if there is none.
    #[expect(clippy::expect_used, reason = "the entry was found or put there the line before")]
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let place = match self.shelf.find(&self.key) {
            Ok(place) => place,
            Err(place) => self.shelf.put(place, self.key, make()),
        };
        self.shelf.value(place).expect("an entry that is there")
    }

    /// The value, or this one if there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value, or the default one.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<'a, K, V> IntoIterator for &'a Shelf<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Clone + Ord, V: Clone> Extend<(K, V)> for Shelf<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Clone + Ord, V: Clone> FromIterator<(K, V)> for Shelf<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut shelf = Self::default();
        shelf.extend(entries);
        shelf
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Shelf<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && (Arc::ptr_eq(&self.spans, &other.spans) || self.iter().eq(other))
    }
}

impl<K: Eq, V: Eq> Eq for Shelf<K, V> {}

impl<K: Debug, V: Debug> Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.debug_map().entries(self).finish()
    }
}

/// Items in one chunk of a [`Seq`].
const CHUNK: usize = 256;

/// An append-only sequence in shared chunks. Indexes count from the first item ever pushed, also
/// after old chunks were dropped.
#[derive(Clone, Debug)]
pub struct Seq<T> {
    #[expect(clippy::rc_buffer, reason = "chunks are pushed to in place while unshared")]
    chunks: Vec<Arc<Vec<T>>>,
    dropped: u64,
    len: u64,
}

impl<T> Default for Seq<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), dropped: 0, len: 0 }
    }
}

impl<T: Clone> Seq<T> {
    /// Append an item; returns its index.
    pub fn push(&mut self, item: T) -> u64 {
        let index = self.len;
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(item),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(item);
                self.chunks.push(Arc::new(chunk));
            }
        }
        self.len += 1;
        index
    }

    /// Items ever pushed.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was ever pushed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Index of the oldest item still kept.
    #[must_use]
    pub const fn first_index(&self) -> u64 {
        self.dropped
    }

    /// The item at an index; `None` if it was never pushed or already dropped.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<&T> {
        let at = usize::try_from(index.checked_sub(self.dropped)?).ok()?;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// Kept items from `index` on, oldest first.
    pub fn iter_from(&self, index: u64) -> impl DoubleEndedIterator<Item = &T> {
        let at = usize::try_from(index.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let (first, skip) = (at / CHUNK, at % CHUNK);
        self.chunks.iter().enumerate().skip(first).flat_map(move |(i, chunk)| {
            let from = if i == first { skip.min(chunk.len()) } else { 0 };
            chunk.get(from..).unwrap_or(&[]).iter()
        })
    }

    /// Kept items, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter_from(0)
    }

    /// Drop whole old chunks until at most about `keep` items are left; returns them, oldest first.
    pub fn trim(&mut self, keep: usize) -> Vec<Arc<Vec<T>>> {
        let surplus = self.chunks.len().saturating_sub(keep / CHUNK + 1);
        self.dropped += (surplus * CHUNK) as u64;
        self.chunks.drain(..surplus).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::Rngs;

    #[test]
    fn does_what_an_ordered_map_does() {
        let mut rngs = Rngs::new(3);
        let dice = rngs.stream("shelf", "");
        let (mut shelf, mut map) = (Shelf::default(), BTreeMap::new());
        let mut kept = Vec::new();
        for step in 0..20_000_u64 {
            // Grows to some thousands, then shrinks to nothing.
            let (key, grows) = (dice.between(0, 3_000), step < 12_000);
            match dice.between(0, 9) {
                0 => {
                    *shelf.entry(key).or_insert(0) += 1;
                    *map.entry(key).or_insert(0) += 1;
                }
                1 => assert_eq!(shelf.get_mut(&key).map(|v| *v), map.get(&key).copied()),
                2..=6 if grows => assert_eq!(shelf.insert(key, step), map.insert(key, step)),
                7 => assert_eq!(shelf.pop_first(), map.pop_first()),
                8 if step % 1_000 == 0 => {
                    shelf.retain(|k, _| k % 7 != 0);
                    map.retain(|k, _| k % 7 != 0);
                }
                _ => assert_eq!(shelf.remove(&key), map.remove(&key)),
            }
            assert_eq!(shelf.get(&key), map.get(&key));
            if step % 500 == 0 {
                kept.push((shelf.clone(), map.clone()));
            }
            let (low, high) = (key, key + dice.between(0, 40));
            assert!(shelf.range(low..high).eq(map.range(low..high)), "{low}..{high}");
            assert!(shelf.range(low..=high).rev().eq(map.range(low..=high).rev()));
            let after = (Bound::Excluded(low), Bound::Unbounded);
            assert_eq!(shelf.range(after).next(), map.range(after).next());
        }
        kept.push((shelf, map));
        for (shelf, map) in kept {
            assert!(shelf.iter().eq(&map), "a clone does not see later changes");
            assert!(shelf.iter().rev().eq(map.iter().rev()));
            assert_eq!(shelf.len(), map.len());
            assert_eq!(shelf.first_key_value(), map.first_key_value());
            assert_eq!(shelf.last_key_value(), map.last_key_value());
            assert!(shelf.spans.iter().all(|span| (1..=SPAN).contains(&span.len())));
        }
    }

    #[test]
    fn a_write_copies_one_span() {
        let mut shelf: Shelf<u32, u32> = (0..1_000).map(|n| (n, n)).collect();
        assert_eq!(shelf.spans.len(), 1_000_usize.div_ceil(SPAN), "in order, spans are full");
        let before = shelf.clone();
        shelf.edit().insert(500, 0);
        let shared = |(a, b): &(&Span<u32, u32>, &Span<u32, u32>)| Arc::ptr_eq(a, b);
        let spans = before.spans.len();
        assert_eq!(before.spans.iter().zip(shelf.spans.iter()).filter(shared).count(), spans - 1);
        assert_eq!((before.get(&500), shelf.get(&500)), (Some(&500), Some(&0)));
    }

    #[test]
    fn a_clone_does_not_see_later_pushes() {
        let mut seq = Seq::default();
        for n in 0..600_u64 {
            assert_eq!(seq.push(n), n);
        }
        let old = seq.clone();
        seq.push(600);
        assert_eq!((old.len(), seq.len()), (600, 601));
        assert_eq!(seq.iter_from(598).copied().collect::<Vec<_>>(), [598, 599, 600]);
        seq.trim(300);
        assert_eq!(seq.get(0), None);
        assert_eq!(seq.get(600), Some(&600));
        assert_eq!(seq.iter().next(), Some(&seq.first_index()));
        assert_eq!(old.get(0), Some(&0));
    }
}
