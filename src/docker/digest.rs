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
        let sums = [
            self.containers.digest(reading),
            self.networks.digest(reading),
            self.volumes.digest(reading),
            self.execs.digest(reading),
            self.builder.digest(reading),
        ];
        let images = (&self.pulled, &self.parents);
        let counts = (self.run, self.next_seq, self.next_tag, self.next_pid, self.ends);
        let clients = &self.clients;
        let listen = (clients.events.len(), clients.pulls.len(), clients.stats.len());
        let waits = self.parked.len();
        mixer::of(&(
            &self.host,
            &self.id,
            self.power,
            sums,
            &self.names,
            images,
            counts,
            listen,
            waits,
        ))
    }
}
