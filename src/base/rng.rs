//! Named streams of random numbers from one seed.
//!
//! Each purpose and actor draws from its own stream, so a new draw in the scheduler cannot move
//! the kubelet's numbers. Sampling is ours and integer only: the libraries' sampling differs
//! between 32 and 64 bit and between versions.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use rand_core::Rng as _;
use rand_pcg::Pcg32;

use crate::base::digest::Digester;

/// All streams of one world.
#[derive(Clone, Debug)]
pub struct Rngs {
    seed: u64,
    streams: BTreeMap<(&'static str, u64), Stream>,
}

impl Hash for Rngs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { seed, streams } = self;
        seed.hash(state);
        for (name, stream) in streams {
            name.hash(state);
            // What would be drawn next tells where the stream stands.
            stream.clone().next_u64().hash(state);
        }
    }
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(Pcg32);

impl Rngs {
    /// The streams of a world with this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, streams: BTreeMap::new() }
    }

    /// The stream for a purpose (`"pull"`, `"watch-lag"`) and an actor (a node's name, or `""`).
    pub fn stream(&mut self, purpose: &'static str, actor: &str) -> &mut Stream {
        let mut hash = Digester::new();
        hash.write(purpose.as_bytes());
        hash.write_u8(0);
        hash.write(actor.as_bytes());
        let key = hash.finish();
        let seed = self.seed;
        self.streams.entry((purpose, key)).or_insert_with(|| Stream(Pcg32::new(seed ^ key, key)))
    }
}

impl Stream {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `low..=high`. The bias of the modulo is below 2⁻³² for the ranges used here.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low {
            return low;
        }
        let span = high - low;
        if span == u64::MAX { self.next_u64() } else { low + self.next_u64() % (span + 1) }
    }

    /// True in `permille` of 1000 cases.
    pub fn chance(&mut self, permille: u32) -> bool {
        self.between(0, 999) < u64::from(permille)
    }

    /// One of the items; `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = (items.len() as u64).checked_sub(1)?;
        let at = usize::try_from(self.between(0, last)).ok()?;
        items.get(at)
    }

    /// That many random hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next_u64()));
        }
        text.truncate(digits);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_do_not_disturb_each_other() {
        let mut a = Rngs::new(7);
        let mut b = Rngs::new(7);
        for _ in 0..10 {
            b.stream("other", "x").next_u64();
        }
        assert_eq!(a.stream("pull", "n").next_u64(), b.stream("pull", "n").next_u64());
        assert_ne!(a.stream("pull", "n").next_u64(), a.stream("pull", "m").next_u64());
    }

    #[test]
    fn between_stays_inside() {
        let mut rngs = Rngs::new(1);
        let stream = rngs.stream("t", "");
        for _ in 0..1000 {
            assert!((5..=9).contains(&stream.between(5, 9)));
        }
        assert_eq!(stream.between(3, 3), 3);
        assert_eq!(stream.pick::<u8>(&[]), None);
    }
}
