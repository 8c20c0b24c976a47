//! The digest of the daemons: what of them counts as observable.

use crate::base::ledger::Reading;
use crate::base::mixer;
use crate::docker::Engines;
use crate::docker::daemon::Daemon;

impl Engines {
    /// The digest of all daemons with their objects, and of their events.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        let daemons = self.daemons.values().map(|daemon| daemon.digest(reading));
        mixer::of(&(daemons.collect::<Vec<u64>>(), self.log.digest(reading)))
    }

    /// Bring the kept digests up to date.
    pub fn settle(&mut self) {
        for daemon in self.daemons.values_mut() {
            daemon.containers.settle();
            daemon.networks.settle();
            daemon.volumes.settle();
            daemon.execs.settle();
            daemon.builder.settle();
        }
    }
}

impl Daemon {
    fn digest(&self, reading: Reading) -> u64 {
        let Self {
            host,
            id,
            power,
            run,
            containers,
            names,
            networks,
            volumes,
            builder,
            pulled,
            parents,
            execs,
            // Only where execs are found.
            tags: _,
            clients,
            next_seq,
            next_tag,
            next_pid,
            ends,
            parked,
        } = self;
        let sums = [
            containers.digest(reading),
            networks.digest(reading),
            volumes.digest(reading),
            execs.digest(reading),
            builder.digest(reading),
        ];
        let counts = (run, next_seq, next_tag, next_pid, ends, parked.len());
        let listen = (clients.events.len(), clients.pulls.len(), clients.stats.len());
        mixer::of(&(host, id, power, sums, names, pulled, parents, counts, listen))
    }
}
