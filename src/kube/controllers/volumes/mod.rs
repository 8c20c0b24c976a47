//! The persistent volume controller: claims are bound to volumes that fit.
//!
//! Models kubernetes `pkg/controller/volume/persistentvolume/pv_controller.go` @v1.36 for volumes
//! that someone made by hand. New volumes do not wake waiting claims: these look again at the
//! resync, as recorded (traces/statefulset: a claim was bound at the next tick of 15 s).

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{
    delete, normal, patch, patch_status, regarding_type, warning,
};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::events::Say;
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;

pub mod fit;
pub mod protection;

/// `--pvclaimbinder-sync-period`.
const RESYNC: SimDuration = SimDuration::from_secs(15);
/// Annotation of a claim that was bound once.
const COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Annotation of what the controller bound, and not a person.
const BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// What is told of a claim that nothing fits.
const NOTHING_FITS: &str =
    "no persistent volumes available for this claim and no storage class is set";

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct VolumeBinder;

impl Controller for VolumeBinder {
    fn name(&self) -> &'static str {
        "persistentvolume-controller"
    }

    fn workers(&self) -> u32 {
        1
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, _sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::PersistentVolume => vec![now((change.kind, change.key.clone()))],
            Kind::PersistentVolumeClaim => {
                let mut wakes = vec![now((change.kind, change.key.clone()))];
                let object = change.new.as_ref().or(change.old.as_ref());
                if let Some(Object::PersistentVolumeClaim(claim)) = object.map(|o| &**o)
                    && let Some(volume) = volume_of(claim)
                {
                    wakes.push(now((Kind::PersistentVolume, Key::new("", volume))));
                }
                wakes
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        if item.0 == Kind::PersistentVolume {
            if let Some(volume) = sync.view.get::<PersistentVolume>(&item.1) {
                volume_sync(&item.1, volume, sync, &mut plan);
            }
        } else if let Some(claim) = sync.view.get::<PersistentVolumeClaim>(&item.1)
            && claim.metadata.deletion_timestamp.is_none()
        {
            claim_sync(&item.1, claim, sync, &mut plan);
        }
        plan
    }
}

fn volume_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|name| !name.is_empty())
}

fn phase_of(volume: &PersistentVolume) -> &str {
    volume.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("")
}

/// Whether a claim was bound once.
fn completed(claim: &PersistentVolumeClaim) -> bool {
    claim.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(COMPLETED))
}

/// Write the phase of a volume.
fn phase(key: &Key, phase: &str, at: SimTime) -> Call {
    let since = meta_time(at).0.to_string();
    let status = json!({"status": {"phase": phase, "lastPhaseTransitionTime": since}});
    Call::new(patch_status(Kind::PersistentVolume, key, status)).forgiving(&["NotFound"])
}

/// What a volume's phase is to be (`syncVolume`).
fn volume_sync(key: &Key, volume: &PersistentVolume, sync: &Sync<'_>, plan: &mut Plan) {
    let mut become_phase = |wanted: &str| {
        if phase_of(volume) != wanted {
            plan.call(phase(key, wanted, sync.now));
        }
    };
    let spec = volume.spec.clone().unwrap_or_default();
    let Some(of) = spec.claim_ref else {
        become_phase("Available");
        return;
    };
    let Some(uid) = of.uid.filter(|uid| !uid.is_empty()) else {
        become_phase("Available");
        return;
    };
    let at = Key::new(of.namespace.as_deref().unwrap_or(""), of.name.as_deref().unwrap_or(""));
    let claim = sync.view.get::<PersistentVolumeClaim>(&at);
    match claim.filter(|c| c.metadata.uid.as_deref() == Some(uid.as_str())) {
        Some(claim) if volume_of(claim) == Some(&*key.name) => become_phase("Bound"),
        // The claim is still to be bound, by its own sync.
        Some(_) => {}
        None if matches!(phase_of(volume), "Released" | "Failed" | "Available" | "Pending") => {
            reclaim(key, volume, plan);
        }
        None => {
            become_phase("Released");
            reclaim(key, volume, plan);
        }
    }
}

/// What becomes of a volume that its claim left.
fn reclaim(key: &Key, volume: &PersistentVolume, plan: &mut Plan) {
    let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
    if policy == Some("Delete") && volume.metadata.deletion_timestamp.is_none() {
        let uid = volume.metadata.uid.as_deref();
        let call = Call::new(delete(Kind::PersistentVolume, key, uid))
            .because(Message::new("why-kube-volume-reclaimed"))
            .forgiving(&["NotFound"]);
        plan.call(call);
    }
}

/// Bind a claim that is not bound (`syncUnboundClaim`, `syncBoundClaim`).
fn claim_sync(key: &Key, claim: &PersistentVolumeClaim, sync: &Sync<'_>, plan: &mut Plan) {
    let bound = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
    let wanted = volume_of(claim).map(|name| Key::new("", name));
    let about = regarding_type(claim);
    if completed(claim) {
        let known = wanted.as_ref().and_then(|at| sync.view.get::<PersistentVolume>(at));
        if known.is_none() && bound {
            let text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
            plan.says.push(warning(&about, "ClaimLost", text));
            let status = json!({"status": {"phase": "Lost"}});
            plan.call(Call::new(patch_status(Kind::PersistentVolumeClaim, key, status)));
        } else if let Some(volume) = known.filter(|_| !bound) {
            plan.call(bound_status(key, volume));
        }
        return;
    }
    plan.again = Some(sync.now.next_tick(RESYNC, SimDuration::ZERO).since(sync.now));
    if let Some(at) = wanted {
        let Some(volume) = sync.view.get::<PersistentVolume>(&at) else { return };
        if fit::is_free(volume, claim) {
            bind(key, claim, &at, volume, sync, plan);
        } else {
            let text = format!("volume {:?} already bound to a different claim.", at.name);
            plan.says.push(warning(&about, "FailedBinding", text));
        }
        return;
    }
    let class = fit::class_of(claim);
    let class = class.and_then(|name| sync.view.get::<StorageClass>(&Key::new("", name)));
    let late = class.and_then(|c| c.volume_binding_mode.as_deref()) == Some("WaitForFirstConsumer");
    if late && !fit::used(key, sync) {
        let text = "waiting for first consumer to be created before binding";
        plan.says.push(normal(&about, "WaitForFirstConsumer", text));
        return;
    }
    match fit::best(claim, sync) {
        Some((at, volume)) => bind(key, claim, at, volume, sync, plan),
        None => plan.says.push(nothing(claim, class)),
    }
}

/// What is told where no volume fits.
fn nothing(claim: &PersistentVolumeClaim, class: Option<&StorageClass>) -> Say {
    let about = regarding_type(claim);
    let Some(name) = fit::class_of(claim) else {
        return normal(&about, "FailedBinding", NOTHING_FITS);
    };
    let Some(class) = class else {
        let text = format!("storageclass.storage.k8s.io {name:?} not found");
        return warning(&about, "ProvisioningFailed", text);
    };
    if class.provisioner == "kubernetes.io/no-provisioner" {
        let text = "storageclass does not support dynamic provisioning and no volume is available";
        return warning(&about, "ProvisioningFailed", text);
    }
    crate::stub!("kube.volume.provisioning", "no provisioner makes volumes of a storage class");
    let text = format!(
        "Waiting for a volume to be created either by the external provisioner '{}' or manually \
         by the system administrator. If volume creation is delayed, please verify that the \
         provisioner is running and correctly registered.",
        class.provisioner
    );
    normal(&about, "ExternalProvisioning", text)
}

/// The four writes that bind a claim and a volume.
fn bind(
    key: &Key,
    claim: &PersistentVolumeClaim,
    at: &Key,
    volume: &PersistentVolume,
    sync: &Sync<'_>,
    plan: &mut Plan,
) {
    let why = Message::new("why-kube-claim-bound").with("volume", at.name.clone());
    let reference = json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": key.namespace,
        "name": key.name, "uid": claim.metadata.uid,
        "resourceVersion": claim.metadata.resource_version,
    });
    let mut body = json!({"spec": {"claimRef": reference}});
    let by_hand = volume.spec.as_ref().is_some_and(|s| s.claim_ref.is_some());
    if !by_hand {
        annotate(&mut body, BY_CONTROLLER);
    }
    plan.call(Call::new(patch(Kind::PersistentVolume, at, body)).because(why.clone()));
    if phase_of(volume) != "Bound" {
        plan.call(phase(at, "Bound", sync.now));
    }
    let mut body = json!({"spec": {"volumeName": at.name}});
    annotate(&mut body, COMPLETED);
    if volume_of(claim).is_none() {
        annotate(&mut body, BY_CONTROLLER);
    }
    plan.call(Call::new(patch(Kind::PersistentVolumeClaim, key, body)).because(why));
    plan.call(bound_status(key, volume));
}

fn annotate(body: &mut Value, name: &str) {
    let Some(body) = body.as_object_mut() else { return };
    let meta = body.entry("metadata").or_insert_with(|| json!({"annotations": {}}));
    if let Some(list) = meta.pointer_mut("/annotations").and_then(Value::as_object_mut) {
        list.insert(name.to_owned(), json!("yes"));
    }
}

fn bound_status(key: &Key, volume: &PersistentVolume) -> Call {
    let spec = volume.spec.as_ref();
    let status = json!({"status": {
        "phase": "Bound",
        "accessModes": spec.and_then(|s| s.access_modes.clone()),
        "capacity": spec.and_then(|s| s.capacity.clone()),
    }});
    Call::new(patch_status(Kind::PersistentVolumeClaim, key, status)).forgiving(&["NotFound"])
}
