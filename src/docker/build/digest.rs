//! The digest of a builder: what of it counts as observable.

use crate::base::ledger::Reading;
use crate::base::mixer;
use crate::docker::build::Builder;

impl Builder {
    /// The digest of its caches and of which builds are on their way.
    pub(crate) fn digest(&self, reading: Reading) -> u64 {
        let mut cache = self.cache.digest(reading);
        if reading == Reading::Anew {
            let drifts = self.cache.values().map(|record| record.layer.files.drift());
            cache = drifts.fold(cache, u64::wrapping_add);
        }
        let sums = [cache, self.classic_cache.digest(reading)];
        let on_their_way = (self.builds.len(), self.classics.len(), &self.runs);
        mixer::of(&(sums, &self.sent, on_their_way, &self.used_bases))
    }

    /// Bring the kept digests up to date.
    pub(crate) fn settle(&mut self) {
        self.cache.settle();
        self.classic_cache.settle();
    }
}
