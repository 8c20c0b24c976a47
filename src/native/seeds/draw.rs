//! Drawing from tables.

use crate::base::rng::{Rngs, Stream};

/// A stream of draws, apart from those of any world.
#[derive(Clone, Debug)]
pub struct Draw(Stream);

impl Draw {
    /// The draws of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rngs::new(seed).stream("seeds", "").clone())
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.between(low, high)
    }

    /// True in so many of 1000 cases.
    pub fn chance(&mut self, permille: u32) -> bool {
        self.0.chance(permille)
    }

    /// One of the items; the default if there are none.
    pub fn one<T: Clone + Default>(&mut self, items: &[T]) -> T {
        self.0.pick(items).cloned().unwrap_or_default()
    }

    /// One of the items by its weight.
    pub fn weighted<'a, T>(&mut self, items: &'a [(u64, T)]) -> Option<&'a T> {
        let all = items.iter().map(|(weight, _)| weight).sum::<u64>();
        let mut at = self.between(1, all.max(1));
        items.iter().find_map(|(weight, item)| {
            if at <= *weight {
                return Some(item);
            }
            at -= weight;
            None
        })
    }
}
