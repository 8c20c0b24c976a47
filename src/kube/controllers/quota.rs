//! The resource quota controller: count anew what a namespace uses.
//!
//! Admission charges a quota for what is created; this controller counts when a quota is new or
//! changed, when something that was charged goes, and every five minutes. Models kubernetes
//! `pkg/controller/resourcequota` @v1.36 (handbook kubernetes-controllers §11).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};

use crate::base::time::SimDuration;
use crate::kube::api::admission::quota_usage;
use crate::kube::api::object::{Object, Stored};
use crate::kube::api::store::Change;
use crate::kube::controllers::calls::update_status;
use crate::kube::controllers::pods::is_finished;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;

/// `--resource-quota-sync-period`.
const RESYNC: SimDuration = SimDuration::from_secs(300);

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct Quotas;

impl Controller for Quotas {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        if change.kind == Kind::ResourceQuota {
            let spec = |o: &Option<Arc<Object>>| {
                o.as_deref().and_then(ResourceQuota::of).map(|q| q.spec.clone())
            };
            let changed = change.new.is_some() && spec(&change.old) != spec(&change.new);
            let item = (Kind::ResourceQuota, change.key.clone());
            return if changed { vec![now(item)] } else { Wakes::new() };
        }
        if !change.kind.namespaced() || !replenishes(change) {
            return Wakes::new();
        }
        let quotas = sync.view.objects_in(Kind::ResourceQuota, &change.key.namespace);
        quotas.map(|(key, _)| now((Kind::ResourceQuota, key.clone()))).collect()
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(quota) = sync.view.get::<ResourceQuota>(&item.1) else { return plan };
        plan.again = Some(RESYNC);
        let hard = quota.spec.as_ref().and_then(|s| s.hard.clone()).unwrap_or_default();
        let list = |kind| sync.view.objects_in(kind, &item.1.namespace).map(|(_, o)| &**o);
        let used = quota_usage::total_of(quota, |kind| list(kind).collect());
        let used = quota_usage::shown(&hard, &used);
        let status = ResourceQuotaStatus { hard: Some(hard), used: Some(used) };
        if quota.status.as_ref() != Some(&status) {
            let mut quota = quota.clone();
            quota.status = Some(status);
            plan.call(Call::new(update_status(quota)));
        }
        plan
    }
}

/// Whether something that was charged is free again.
fn replenishes(change: &Change) -> bool {
    match (change.old.as_deref(), change.new.as_deref()) {
        (Some(_), None) => true,
        (Some(Object::Pod(old)), Some(Object::Pod(new))) => is_finished(new) && !is_finished(old),
        (Some(Object::Service(old)), Some(Object::Service(new))) => old.spec != new.spec,
        _ => false,
    }
}
