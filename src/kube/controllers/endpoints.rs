//! The endpoints controller: the older object with the addresses behind a Service.
//!
//! Models kubernetes `pkg/controller/endpoint/endpoints_controller.go` and
//! `pkg/api/v1/endpoints/util.go` `RepackSubsets` @v1.36. Left out: the limit of 1000 addresses.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::kube::api::object::Key;
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{create, delete, update};
use crate::kube::controllers::endpointslice::{HEADLESS, TRIGGER, endpoint_port, pod_wakes};
use crate::kube::controllers::pods::{is_finished, is_ready};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, contains};

/// Label: who manages the object.
const MANAGED_BY: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct EndpointsOfServices;

impl Controller for EndpointsOfServices {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::Service => vec![now((Kind::Service, change.key.clone()))],
            Kind::Pod => pod_wakes(change, sync),
            // Someone took it away.
            Kind::Endpoints if change.new.is_none() => {
                vec![now((Kind::Service, change.key.clone()))]
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let current = sync.view.get::<Endpoints>(&item.1);
        let Some(service) = sync.view.get::<Service>(&item.1) else {
            let managed = current.is_some_and(|e| {
                e.metadata.labels.as_ref().is_some_and(|l| l.contains_key(MANAGED_BY.0))
            });
            if managed {
                let call = Call::new(delete(Kind::Endpoints, &item.1, None));
                plan.call(call.forgiving(&["NotFound"]));
            }
            return plan;
        };
        let spec = service.spec.clone().unwrap_or_default();
        let Some(selector) = spec.selector.as_ref().filter(|s| !s.is_empty()) else { return plan };
        if spec.type_.as_deref() == Some("ExternalName")
            || service.metadata.deletion_timestamp.is_some()
        {
            return plan;
        }
        let subsets = subsets(service, selector, sync);
        let subsets = (!subsets.is_empty()).then_some(subsets);
        let mut labels = service.metadata.labels.clone().unwrap_or_default();
        labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
        if spec.cluster_ip.as_deref() == Some("None") {
            labels.insert(HEADLESS.to_owned(), String::new());
        }
        let same = current
            .is_some_and(|e| e.subsets == subsets && e.metadata.labels.as_ref() == Some(&labels));
        if same {
            return plan;
        }
        let trigger = meta_time(sync.now).0.to_string();
        let mut object = current.cloned().unwrap_or_else(|| Endpoints {
            metadata: ObjectMeta {
                name: service.metadata.name.clone(),
                namespace: service.metadata.namespace.clone(),
                ..ObjectMeta::default()
            },
            subsets: None,
        });
        object.metadata.labels = Some(labels);
        object.metadata.annotations = Some([(TRIGGER.to_owned(), trigger)].into());
        object.subsets = subsets;
        plan.call(Call::new(if current.is_some() { update(object) } else { create(object) }));
        plan
    }
}

/// Ready and not ready addresses.
type Sides = (BTreeSet<String>, BTreeSet<String>);

/// Ports that the same addresses offer are one subset.
fn subsets(service: &Service, selector: &Labels, sync: &Sync<'_>) -> Vec<EndpointSubset> {
    let spec = service.spec.clone().unwrap_or_default();
    let namespace = service.metadata.namespace.as_deref().unwrap_or("");
    let publish = spec.publish_not_ready_addresses == Some(true);
    let empty = Labels::new();
    let mut ports: Vec<(EndpointPort, Sides)> = Vec::new();
    let mut addresses: BTreeMap<String, EndpointAddress> = BTreeMap::new();
    for (key, pod) in sync.view.list_in::<Pod>(namespace) {
        let labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        let going = pod.metadata.deletion_timestamp.is_some();
        if !contains(selector, labels) || is_finished(pod) || going && !publish {
            continue;
        }
        let Some(address) = address(service, key, pod) else { continue };
        for port in spec.ports.iter().flatten().filter_map(|p| endpoint_port(p, pod)) {
            let port = EndpointPort {
                app_protocol: port.app_protocol,
                name: port.name.filter(|n| !n.is_empty()),
                port: port.port.unwrap_or(0),
                protocol: port.protocol,
            };
            let at = ports.iter().position(|(p, _)| *p == port);
            let at = at.unwrap_or_else(|| {
                ports.push((port, Sides::default()));
                ports.len() - 1
            });
            let Some((_, sides)) = ports.get_mut(at) else { continue };
            let side = if publish || is_ready(pod) { &mut sides.0 } else { &mut sides.1 };
            side.insert(address.ip.clone());
        }
        addresses.insert(address.ip.clone(), address);
    }
    let mut groups: BTreeMap<Sides, Vec<EndpointPort>> = BTreeMap::new();
    for (port, sides) in ports {
        groups.entry(sides).or_default().push(port);
    }
    let list = |ips: BTreeSet<String>| {
        let found: Vec<_> = ips.iter().filter_map(|ip| addresses.get(ip).cloned()).collect();
        (!found.is_empty()).then_some(found)
    };
    let mut subsets: Vec<EndpointSubset> = groups
        .into_iter()
        .map(|((ready, unready), mut ports)| {
            ports.sort_by(|a, b| (a.port, &a.name).cmp(&(b.port, &b.name)));
            EndpointSubset {
                addresses: list(ready),
                not_ready_addresses: list(unready),
                ports: Some(ports),
            }
        })
        .collect();
    subsets.sort_by_key(|s| s.ports.iter().flatten().next().map(|p| p.port));
    subsets
}

fn address(service: &Service, key: &Key, pod: &Pod) -> Option<EndpointAddress> {
    let ip = pod.status.as_ref()?.pod_ip.clone().filter(|ip| !ip.is_empty())?;
    let spec = pod.spec.as_ref()?;
    let named = spec.subdomain == service.metadata.name;
    Some(EndpointAddress {
        hostname: spec.hostname.clone().filter(|_| named),
        ip,
        node_name: spec.node_name.clone(),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.to_string()),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
    })
}
