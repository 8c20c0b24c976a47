//! The digest of the network: what of it counts as observable.

use crate::base::ledger::Reading;
use crate::base::mixer;
use crate::net::fabric::Fabric;
use crate::net::load::Load;

impl Fabric {
    /// The digest of hosts, networks, endpoints, rules and names.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        let Self {
            hosts,
            networks,
            namespaces,
            lan,
            pods,
            zone,
            cluster_dns_down,
            outside,
            // What is under way is the other digest's.
            flows: _,
            next_flow: _,
            log: _,
            loads: _,
            // Set from outside, for a test; what it spoils shows.
            saboteur: _,
        } = self;
        let mut sums = [
            hosts.digest(reading),
            networks.digest(reading),
            namespaces.digest(reading),
            pods.digest(reading),
            zone.digest(reading),
        ];
        if reading == Reading::Anew {
            let rules = hosts.values().flat_map(|host| host.services.values());
            let drifts = rules.map(|(rules, hash)| mixer::of(rules).wrapping_sub(*hash));
            let drift = drifts.fold(0, u64::wrapping_add);
            sums = sums.map(|sum| sum.wrapping_add(drift));
        }
        mixer::of(&(sums, cluster_dns_down, outside, lan))
    }

    /// The digest of requests: on their way, finished, and the clients that send at a rate.
    #[must_use]
    pub fn requests_digest(&self, reading: Reading) -> u64 {
        let loads = self.loads.iter().map(|(id, load)| {
            let Load { spec, running, seconds, total, start } = load;
            (id, spec, running, seconds.digest(reading), total, start)
        });
        let sums = [self.flows.digest(reading), self.log.digest(reading), self.next_flow];
        mixer::of(&(sums, loads.collect::<Vec<_>>()))
    }

    /// Bring the kept digests up to date.
    pub fn settle(&mut self) {
        self.hosts.settle();
        self.networks.settle();
        self.namespaces.settle();
        self.pods.settle();
        self.zone.settle();
        self.flows.settle();
        self.loads.values_mut().for_each(|load| load.seconds.settle());
    }
}
