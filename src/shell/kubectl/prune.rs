//! `kubectl apply --prune`: objects that apply made earlier and the files do not name any more go.
//!
//! Follows kubectl `pkg/cmd/apply/prune.go`. Left out: ApplySets, `--prune-allowlist`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::apply::DryRun;
use super::call::{Call, Run};
use super::document::Manifest;
use super::fail::Failure;
use super::resources::full_name;
use crate::kube::api::object::Object;
use crate::kube::api::patch::three_way::LAST_APPLIED;
use crate::kube::api::request::{Options, Propagation, Request};
use crate::kube::kinds::Kind;

/// Kinds in namespaces that are pruned.
const PRUNED: [Kind; 14] = [
    Kind::ConfigMap,
    Kind::Endpoints,
    Kind::PersistentVolumeClaim,
    Kind::Pod,
    Kind::ReplicationController,
    Kind::Secret,
    Kind::Service,
    Kind::Job,
    Kind::CronJob,
    Kind::Ingress,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
];

/// Whether all objects or a selector are meant must be said.
pub(super) fn precondition(call: &Call<'_, '_>) -> Result<(), Failure> {
    if !call.flags.on("prune") || call.flags.on("all") || call.flags.some("selector").is_some() {
        return Ok(());
    }
    Err(Failure::plain(
        "all resources selected for prune without explicitly passing --all. To prune all \
         resources, pass the --all flag. If you did not mean to prune all resources, specify a \
         label selector",
    ))
}

/// Delete what was applied earlier and is not among the objects.
pub(super) fn run(
    call: &mut Call<'_, '_>,
    manifests: &[Manifest],
    applied: &[Arc<Object>],
    dry: DryRun,
) -> Run<Vec<Failure>> {
    let kept: BTreeSet<&str> = applied.iter().map(|o| o.uid()).collect();
    let spaces: BTreeSet<&str> =
        manifests.iter().map(|m| &*m.namespace).filter(|ns| !ns.is_empty()).collect();
    let mut lists: Vec<(Kind, &str)> = Vec::new();
    for space in spaces {
        lists.extend(PRUNED.iter().map(|k| (*k, space)));
    }
    lists.extend([Kind::Namespace, Kind::PersistentVolume].map(|kind| (kind, "")));
    let mut gone = Vec::new();
    for (kind, space) in lists {
        let mut request = Request::list(kind, space);
        let label_selector = call.flags.some("selector").map(str::to_owned);
        request.options = Options { label_selector, ..Options::default() };
        let found = call.objects(request)?.map_err(Failure::from)?;
        gone.extend(found.into_iter().filter(|object| {
            let annotations = object.meta().annotations.as_ref();
            annotations.is_some_and(|a| a.contains_key(LAST_APPLIED))
                && !kept.contains(object.uid())
        }));
    }
    let done = call.each(&gone, |call, object| {
        if dry != DryRun::Client {
            let mut request = Request::delete(object.kind(), object.namespace(), object.name());
            request.options.propagation = Some(Propagation::Background);
            request.options.dry_run = dry == DryRun::Server;
            if let Err(error) = call.ask(request)?
                && !error.is_not_found()
            {
                return Ok(Err(error.into()));
            }
        }
        call.line(format!("{} pruned{}", full_name(object), dry.mark()));
        Ok(Ok(None))
    })?;
    Ok(Failure::sort(&[], &done).1)
}
