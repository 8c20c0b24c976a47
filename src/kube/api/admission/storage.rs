//! DefaultStorageClass, StorageObjectInUseProtection and DefaultIngressClass.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::kube::api::object::Object;
use crate::kube::api::server::Call;

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const DEFAULT_CLASS_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";
const DEFAULT_INGRESS: &str = "ingressclass.kubernetes.io/is-default-class";
/// Annotation that named the class before the field did.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Whether an annotation is `true`.
fn marked(meta: &ObjectMeta, annotation: &str) -> bool {
    let value = meta.annotations.as_ref().and_then(|a| a.get(annotation));
    value.is_some_and(|v| v == "true")
}

/// The class of claims that name none: the newest of those marked as default.
#[must_use]
pub fn default_class<'a>(call: &'a Call<'_>) -> Option<&'a StorageClass> {
    let marked = |c: &&StorageClass| {
        marked(&c.metadata, DEFAULT_CLASS) || marked(&c.metadata, DEFAULT_CLASS_BETA)
    };
    let all = call.store.all::<StorageClass>();
    all.filter(marked).max_by_key(|c| c.metadata.creation_timestamp.as_ref().map(|t| t.0))
}

/// Set classes and protecting finalizers.
pub(super) fn admit(call: &Call<'_>, object: &mut Object) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the plugins look at three kinds")]
    match object {
        Object::PersistentVolumeClaim(claim) => {
            set_class(call, claim);
            protect(&mut claim.metadata, "kubernetes.io/pvc-protection");
        }
        Object::PersistentVolume(volume) => {
            protect(&mut volume.metadata, "kubernetes.io/pv-protection");
        }
        Object::Ingress(ingress) => {
            let spec = ingress.spec.get_or_insert_default();
            let annotated = ingress
                .metadata
                .annotations
                .as_ref()
                .is_some_and(|a| a.contains_key("kubernetes.io/ingress.class"));
            if spec.ingress_class_name.is_none() && !annotated {
                let mut all = call.store.all::<IngressClass>();
                let default = all.find(|c| marked(&c.metadata, DEFAULT_INGRESS));
                spec.ingress_class_name = default.and_then(|c| c.metadata.name.clone());
            }
        }
        _ => {}
    }
}

fn set_class(call: &Call<'_>, claim: &mut PersistentVolumeClaim) {
    let annotated = claim.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(BETA_CLASS));
    let spec = claim.spec.get_or_insert_default();
    if spec.storage_class_name.is_none() && !annotated {
        spec.storage_class_name = default_class(call).and_then(|c| c.metadata.name.clone());
    }
}

fn protect(meta: &mut ObjectMeta, finalizer: &str) {
    let list = meta.finalizers.get_or_insert_default();
    if list.iter().all(|f| f != finalizer) {
        list.push(finalizer.to_owned());
    }
}
