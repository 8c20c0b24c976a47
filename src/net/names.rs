//! Name lookup as a client sees it: `/etc/hosts`, Docker's embedded server, the cluster's DNS.
//!
//! Left out: caches, TTLs, SRV records.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::rng::Stream;
use crate::base::time::SimDuration;
use crate::net::fabric::{Fabric, Namespace, Record};
use crate::net::types::{EndpointRef, Origin};

/// What a lookup brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Addresses in the order in which the server gave them.
    Found(Vec<Ipv4Addr>),
    /// The name does not exist.
    Unknown,
    /// No server answered.
    Silent,
}

/// A server on the same machine: measured with dig against 127.0.0.11 on an idle host.
const EMBEDDED: SimDuration = SimDuration(300);
/// The cluster's server, over the pod network and its cache.
const CLUSTER: SimDuration = SimDuration(1_000);
/// A server on the internet.
const INTERNET: SimDuration = SimDuration(15_000);
/// Two attempts of 5 s at the hosts' own server, which did not answer when engine/24 was
/// recorded: `wget: bad address` came after 10 s.
const UNANSWERED: SimDuration = SimDuration(10_000_000);

/// Most aliases followed.
const MAX_ALIASES: u32 = 8;

impl Fabric {
    /// Resolve a name as a client would; also how long that takes and who answered
    /// (`""` for nobody).
    pub fn resolve(
        &self,
        from: &Origin,
        name: &str,
        rng: &mut Stream,
    ) -> (Lookup, SimDuration, &'static str) {
        let name = name.to_ascii_lowercase();
        if let Ok(addr) = name.parse::<Ipv4Addr>() {
            return (Lookup::Found(vec![addr]), SimDuration::ZERO, "");
        }
        if name == "localhost" || name == "localhost.localdomain" {
            return (Lookup::Found(vec![Ipv4Addr::LOCALHOST]), SimDuration::ZERO, "");
        }
        let bare = name.trim_end_matches('.');
        let place = match from {
            Origin::Container(host, id) => EndpointRef::new(host.clone(), id.clone()),
            Origin::Host(_) | Origin::Outside => return self.public(bare),
        };
        let Some(namespace) = self.namespace(&place) else { return self.public(bare) };
        let own = self.namespaces.get(&place).and_then(|n| n.hosts_file.get(bare));
        if let Some(addr) = namespace.hosts_file.get(bare).or(own) {
            return (Lookup::Found(vec![*addr]), SimDuration::ZERO, "");
        }
        match &namespace.resolver {
            Some(resolver) if resolver.cluster => {
                self.in_cluster(&name, &resolver.search, resolver.ndots, rng)
            }
            Some(_) | None => self.in_docker(bare, namespace, rng),
        }
    }

    /// A name that everybody's DNS knows, or a host.
    fn public(&self, name: &str) -> (Lookup, SimDuration, &'static str) {
        if let Some(host) = self.hosts.get(name) {
            return (Lookup::Found(vec![host.addr]), SimDuration::ZERO, "");
        }
        match self.outside.get(name) {
            Some(addr) => (Lookup::Found(vec![*addr]), INTERNET, "dns"),
            None => (Lookup::Unknown, INTERNET, "dns"),
        }
    }

    fn in_docker(
        &self,
        name: &str,
        namespace: &Namespace,
        rng: &mut Stream,
    ) -> (Lookup, SimDuration, &'static str) {
        let mut embedded = false;
        let mut found = Vec::new();
        for network in namespace.addrs.keys().filter_map(|id| self.networks.get(id)) {
            embedded |= network.spec.dns;
            if network.spec.dns && found.is_empty() {
                found.extend(network.names.get(name).into_iter().flatten().copied());
            }
        }
        if !found.is_empty() {
            shuffle(&mut found, rng);
            return (Lookup::Found(found), EMBEDDED, "127.0.0.11");
        }
        if let Some(addr) = self.outside.get(name) {
            return (Lookup::Found(vec![*addr]), INTERNET, "dns");
        }
        match embedded {
            true => (Lookup::Unknown, INTERNET, "127.0.0.11"),
            false => (Lookup::Unknown, UNANSWERED, "dns"),
        }
    }

    fn in_cluster(
        &self,
        name: &str,
        search: &[Arc<str>],
        ndots: u8,
        rng: &mut Stream,
    ) -> (Lookup, SimDuration, &'static str) {
        if self.cluster_dns_down {
            return (Lookup::Silent, UNANSWERED, "");
        }
        let dots = name.matches('.').count();
        let full = name.ends_with('.');
        let bare = name.trim_end_matches('.').to_owned();
        let mut tries: Vec<String> = Vec::new();
        if !full {
            tries.extend(search.iter().map(|domain| format!("{bare}.{domain}")));
        }
        let first = full || dots >= usize::from(ndots);
        tries.insert(if first { 0 } else { tries.len() }, bare);
        let mut spent = SimDuration::ZERO;
        for name in tries {
            spent = spent + CLUSTER;
            if let Some(mut found) = self.in_zone(&name) {
                shuffle(&mut found, rng);
                return (Lookup::Found(found), spent, "cluster-dns");
            }
            if let Some(addr) = self.outside.get(name.as_str()) {
                return (Lookup::Found(vec![*addr]), spent + INTERNET, "cluster-dns");
            }
        }
        (Lookup::Unknown, spent, "cluster-dns")
    }

    fn in_zone(&self, name: &str) -> Option<Vec<Ipv4Addr>> {
        let mut name: Arc<str> = name.into();
        for _ in 0..MAX_ALIASES {
            match self.zone.get(&name) {
                Some(Record::Addresses(addrs)) => return Some(addrs.to_vec()),
                Some(Record::Alias(target)) => name = target.clone(),
                None => return self.outside.get(&name).map(|addr| vec![*addr]),
            }
        }
        None
    }
}

fn shuffle(addrs: &mut [Ipv4Addr], rng: &mut Stream) {
    for last in (1..addrs.len()).rev() {
        let at = rng.between(0, last as u64);
        addrs.swap(last, usize::try_from(at).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rngs;
    use crate::net::fabric::{Driver, NetworkSpec, Resolver};

    #[test]
    fn who_knows_whom() {
        let mut fabric = Fabric::default();
        fabric.add_host("h", Ipv4Addr::new(10, 77, 0, 17));
        for (id, dns) in [("bridge", false), ("app", true)] {
            let spec = NetworkSpec {
                id: id.into(),
                host: "h".into(),
                driver: Driver::Bridge,
                subnet: None,
                ip_range: None,
                gateway: None,
                internal: false,
                dns,
            };
            fabric.create_network(spec).unwrap();
        }
        let names: [Arc<str>; 2] = ["web".into(), "frontend".into()];
        for (id, network) in [("d", "bridge"), ("a", "app"), ("b", "app")] {
            fabric.attach(network, &EndpointRef::new("h", id), None, &names).unwrap();
        }
        let pod = EndpointRef::new("h", "p");
        let search = ["default.svc.cluster.local".into(), "svc.cluster.local".into()];
        let resolver = Resolver { search: search.into(), ndots: 5, cluster: true };
        fabric.set_resolver(&pod, resolver);
        let vip = Ipv4Addr::new(10, 96, 0, 7);
        fabric.set_record("web.default.svc.cluster.local", &[vip]);
        fabric.set_alias("ext.default.svc.cluster.local", "example.com");
        fabric.set_outside_name("example.com", Ipv4Addr::new(203, 0, 113, 80));
        let mut rngs = Rngs::new(1);
        let rng = rngs.stream("t", "");
        let ask = |from: &str, name: &str, rng: &mut Stream| {
            let from = Origin::Container("h".into(), from.into());
            match fabric.resolve(&from, name, rng) {
                (Lookup::Found(mut addrs), took, _) => {
                    addrs.sort();
                    let addrs: Vec<String> = addrs.iter().map(ToString::to_string).collect();
                    (addrs.join(" "), took)
                }
                (Lookup::Unknown, took, _) => ("unknown".to_owned(), took),
                (Lookup::Silent, took, _) => ("silent".to_owned(), took),
            }
        };
        for (from, name, want) in [
            ("a", "frontend", "172.18.0.2 172.18.0.3"),
            ("a", "nosuch", "unknown"),
            ("d", "web", "unknown"),
            ("p", "web", "10.96.0.7"),
            ("p", "web.default", "10.96.0.7"),
            ("p", "web.default.svc.cluster.local.", "10.96.0.7"),
            ("p", "web.other", "unknown"),
            ("p", "ext", "203.0.113.80"),
            ("p", "example.com", "203.0.113.80"),
            ("a", "10.1.2.3", "10.1.2.3"),
        ] {
            assert_eq!(ask(from, name, rng).0, want, "{from} {name}");
        }
        assert!(ask("d", "web", rng).1 > ask("a", "nosuch", rng).1);
        assert!(ask("p", "web.default", rng).1 > ask("p", "web", rng).1, "one more search domain");
    }
}
