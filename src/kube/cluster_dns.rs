//! The cluster's DNS: names of services and of pods behind headless services.
//!
//! Models CoreDNS' kubernetes plugin and the DNS specification v1.1.0. Left out: SRV and PTR
//! records, caching by TTL, pod records by address, ExternalName's CNAME.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::kube::proxy::service_of;
use crate::net::Fabric;
use crate::stub;

/// The zone.
pub const ZONE: &str = "cluster.local";

/// The DNS server.
#[derive(Clone, Debug, Default)]
pub struct ClusterDns {
    services: BTreeMap<Key, Arc<Object>>,
    slices: BTreeMap<Key, BTreeMap<Arc<str>, Arc<Object>>>,
    /// Names given out per service.
    names: BTreeMap<Key, BTreeSet<String>>,
}

type Records = BTreeMap<String, Vec<Ipv4Addr>>;

impl ClusterDns {
    /// Its watches delivered.
    pub fn changes(&mut self, changes: &[Arc<Change>], fabric: &mut Fabric) {
        let mut dirty = BTreeSet::new();
        for change in changes {
            let newest = change.new.as_ref().or(change.old.as_ref());
            match newest.map(|o| &**o) {
                Some(Object::Service(_)) => {
                    match &change.new {
                        Some(object) => self.services.insert(change.key.clone(), object.clone()),
                        None => self.services.remove(&change.key),
                    };
                    dirty.insert(change.key.clone());
                }
                Some(Object::EndpointSlice(slice)) => {
                    let Some(service) = service_of(slice, &change.key) else { continue };
                    let list = self.slices.entry(service.clone()).or_default();
                    match &change.new {
                        Some(object) => list.insert(change.key.name.clone(), object.clone()),
                        None => list.remove(&change.key.name),
                    };
                    if list.is_empty() {
                        self.slices.remove(&service);
                    }
                    dirty.insert(service);
                }
                _ => {}
            }
        }
        for key in dirty {
            self.publish(&key, fabric);
        }
    }

    fn publish(&mut self, key: &Key, fabric: &mut Fabric) {
        let records = match self.services.get(key).map(|o| &**o) {
            Some(Object::Service(service)) => self.records(key, service),
            _ => Records::new(),
        };
        let before = self.names.remove(key).unwrap_or_default();
        for name in before.iter().filter(|n| !records.contains_key(*n)) {
            fabric.set_record(name, &[]);
        }
        for (name, addresses) in &records {
            fabric.set_record(name, addresses);
        }
        if !records.is_empty() {
            self.names.insert(key.clone(), records.into_keys().collect());
        }
    }

    fn records(&self, key: &Key, service: &core::Service) -> Records {
        let mut records = Records::new();
        let Some(spec) = &service.spec else { return records };
        let own = format!("{}.{}.svc.{ZONE}", key.name, key.namespace);
        if spec.type_.as_deref() == Some("ExternalName") {
            stub!("kube.dns.externalname", "names of ExternalName services are not resolved");
            return records;
        }
        match spec.cluster_ip.as_deref() {
            Some(ip) if ip != "None" && !ip.is_empty() => {
                records.insert(own, ip.parse().into_iter().collect());
            }
            _ => {
                let empty = BTreeMap::new();
                let slices = self.slices.get(key).unwrap_or(&empty);
                headless(&own, slices, &mut records);
            }
        }
        records
    }
}

/// A headless service: all ready addresses under its name, each with a host name under its own.
fn headless(own: &str, slices: &BTreeMap<Arc<str>, Arc<Object>>, records: &mut Records) {
    let mut all = BTreeSet::new();
    for object in slices.values() {
        let Object::EndpointSlice(slice) = &**object else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            let ready = endpoint.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true);
            if !ready {
                continue;
            }
            let addresses: Vec<Ipv4Addr> =
                endpoint.addresses.iter().filter_map(|a| a.parse().ok()).collect();
            if let Some(host) = endpoint.hostname.as_deref().filter(|h| !h.is_empty()) {
                records.entry(format!("{host}.{own}")).or_default().extend(&addresses);
            }
            all.extend(addresses);
        }
    }
    if !all.is_empty() {
        records.insert(own.to_owned(), all.into_iter().collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::discovery::v1 as discovery;

    #[test]
    fn names_of_a_headless_service() {
        let endpoint = |ip: &str, host: &str, ready: bool| discovery::Endpoint {
            addresses: vec![ip.to_owned()],
            hostname: Some(host.to_owned()),
            conditions: Some(discovery::EndpointConditions {
                ready: Some(ready),
                ..Default::default()
            }),
            ..Default::default()
        };
        let slice = discovery::EndpointSlice {
            endpoints: Some(vec![
                endpoint("10.0.0.1", "db-0", true),
                endpoint("10.0.0.2", "db-1", false),
            ]),
            ..Default::default()
        };
        let slices = [(Arc::from("s"), Arc::new(Object::EndpointSlice(slice)))].into();
        let mut records = Records::new();
        headless("db.default.svc.cluster.local", &slices, &mut records);
        let names: Vec<&str> = records.keys().map(String::as_str).collect();
        let want = ["db-0.db.default.svc.cluster.local", "db.default.svc.cluster.local"];
        assert_eq!(names, want);
    }
}
