//! Copy-on-write containers: cheap to clone, so that a whole world can be kept as a checkpoint.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// An ordered map behind an `Arc`; the first write after a clone copies the map, not the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf<K, V>(Arc<BTreeMap<K, V>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(Arc::new(BTreeMap::new()))
    }
}

impl<K: Clone + Ord, V: Clone> Shelf<K, V> {
    /// The map, to change it.
    pub fn edit(&mut self) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut self.0)
    }
}

impl<K, V> Deref for Shelf<K, V> {
    type Target = BTreeMap<K, V>;
    fn deref(&self) -> &Self::Target {
        &self.0
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
    use super::*;

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
