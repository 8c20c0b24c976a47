//! Named latency models: small tables of quantiles, each with the source of its numbers.
//!
//! Subsystems define their own models as constants of this type next to where they are used.

use crate::base::rng::Stream;
use crate::base::time::SimDuration;

/// How long something takes, drawn uniformly between neighbouring quantiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Name, also of the random stream.
    pub name: &'static str,
    /// Quantiles 0, 25, 50, 75 and 100 %, in microseconds, ascending.
    pub quantiles_us: [u64; 5],
    /// Where the numbers come from.
    pub source: &'static str,
}

impl Latency {
    /// Draw a delay.
    pub fn draw(&self, rng: &mut Stream) -> SimDuration {
        let [q0, q25, q50, q75, q100] = self.quantiles_us;
        let (low, high) = match rng.between(0, 3) {
            0 => (q0, q25),
            1 => (q25, q50),
            2 => (q50, q75),
            _ => (q75, q100),
        };
        SimDuration(rng.between(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rngs;

    #[test]
    fn draws_stay_in_the_table() {
        let model = Latency { name: "t", quantiles_us: [1, 2, 3, 4, 90], source: "test" };
        let mut rngs = Rngs::new(1);
        let rng = rngs.stream("t", "");
        let draws: Vec<u64> = (0..500).map(|_| model.draw(rng).0).collect();
        assert!(draws.iter().all(|d| (1..=90).contains(d)));
        assert!(draws.iter().any(|d| *d > 4));
    }
}
