//! `kubectl describe`: asks for what belongs to an object and prints it.
//!
//! Follows kubectl `pkg/cmd/describe/describe.go` and the lookups of `pkg/describe/describe.go`.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    Event, LimitRange, Pod, ReplicationController, ResourceQuota, Service,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT, wanted};
use super::verbs::Verb;
use crate::kube::api::object::{Object, Stored};
use crate::kube::api::request::Request;
use crate::kube::api::selector::Labels;
use crate::kube::kinds::Kind;
use crate::kube::print::describe::{
    Around, cluster, config, generic, hpa, job, label_line, network, node, pod, quota, selector,
    storage, workload,
};

pub(super) const VERB: Verb = Verb {
    path: "describe",
    usage: "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
    about: "Show the details of one or many objects",
    flags: &[FILES, SELECT, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("show-events", Takes::Bool, "With the events about the object").or("true"),
    Flag::new("chunk-size", Takes::Int, "Objects per answer of the server").or("500"),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    if args.is_empty() && !call.has_files() {
        let text = "You must specify the type of resource to describe. Use \"kubectl \
                    api-resources\" for a complete list of supported resources.\n";
        return Err(Failure::Raw(text.to_owned(), 1).into());
    }
    let mut found = call.find(&args, false)?;
    if found.objects.is_empty() && !found.failures.is_empty() {
        by_prefix(call, &args, &mut found)?;
    }
    let many = found.objects.len() > 1;
    let events = call.flags.on("show-events") && (!many || call.flags.has("show-events"));
    for (i, object) in std::mem::take(&mut found.objects).into_iter().enumerate() {
        let text = one(call, &object, events)?;
        call.out(if i == 0 { text } else { format!("\n\n{text}") });
    }
    if found.failures.is_empty() && !many && args.len() < 2 && wanted_none(call, &args)? {
        return Ok(());
    }
    found.end()
}

/// Tell when a kind has no objects at all.
fn wanted_none(call: &mut Call<'_, '_>, args: &[String]) -> Run<bool> {
    let kinds = wanted(args)?;
    let empty = kinds.iter().all(|w| w.name.is_none()) && !call.has_files();
    if !empty {
        return Ok(false);
    }
    let mut count = 0;
    for one in &kinds {
        let request = call.list_request(one.kind);
        count += call.objects(request)?.map_or(0, |l| l.len());
    }
    if count == 0 {
        let namespaced = kinds.iter().any(|w| w.kind.namespaced());
        let text = if namespaced && !call.flags.on("all-namespaces") {
            format!("No resources found in {} namespace.", call.namespace)
        } else {
            "No resources found".to_owned()
        };
        call.err(text);
    }
    Ok(true)
}

/// A name that does not exist may be the start of names.
fn by_prefix(
    call: &mut Call<'_, '_>,
    args: &[String],
    found: &mut super::resources::Found,
) -> Run<()> {
    let wanted = wanted(args)?;
    let [one] = wanted.as_slice() else { return Ok(()) };
    let Some(prefix) = &one.name else { return Ok(()) };
    let request = call.list_request(one.kind);
    let all = call.objects(request)?.unwrap_or_default();
    let matches: Vec<Arc<Object>> =
        all.into_iter().filter(|o| o.name().starts_with(prefix.as_str())).collect();
    if !matches.is_empty() {
        found.failures.clear();
        found.objects = matches;
    }
    Ok(())
}

/// The text about one object.
fn one(call: &mut Call<'_, '_>, object: &Object, with_events: bool) -> Run<String> {
    let beside = Beside::fetch(call, object)?;
    let events = if with_events && has_events(object.kind()) {
        Some(events_about(call, object)?)
    } else {
        None
    };
    let around = Around { now: call.io.now, events: events.as_deref() };
    Ok(beside.print(object, around))
}

fn has_events(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Secret
            | Kind::ResourceQuota
            | Kind::LimitRange
            | Kind::Namespace
            | Kind::Role
            | Kind::ClusterRole
            | Kind::RoleBinding
            | Kind::ClusterRoleBinding
    )
}

/// Events about an object. Those of nodes carry the node's name as uid, so that only kind and
/// name count for them.
fn events_about(call: &mut Call<'_, '_>, object: &Object) -> Run<Vec<Arc<Event>>> {
    let mut fields = vec![
        format!("involvedObject.name={}", object.name()),
        format!("involvedObject.kind={}", object.kind().name()),
    ];
    if object.kind().namespaced() {
        fields.push(format!("involvedObject.namespace={}", object.namespace()));
        fields.push(format!("involvedObject.uid={}", object.uid()));
    }
    let mut request = Request::list(Kind::Event, object.namespace());
    request.options.field_selector = Some(fields.join(","));
    Ok(typed(&call.objects(request)?.unwrap_or_default()))
}

fn typed<T: Stored + Clone>(objects: &[Arc<Object>]) -> Vec<Arc<T>> {
    objects.iter().filter_map(|o| o.get::<T>().cloned()).map(Arc::new).collect()
}

/// What is looked up beside an object.
#[derive(Default)]
struct Beside {
    sets: Vec<Arc<ReplicaSet>>,
    pods: Vec<Arc<Pod>>,
    slices: Vec<Arc<EndpointSlice>>,
    backends: Vec<network::Backend>,
    quotas: Vec<Arc<ResourceQuota>>,
    limits: Vec<Arc<LimitRange>>,
    lease: Option<Arc<Lease>>,
    used_by: Vec<String>,
}

impl Beside {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds are described from themselves")]
    fn fetch(call: &mut Call<'_, '_>, object: &Object) -> Run<Self> {
        let mut beside = Self::default();
        let namespace = object.namespace().to_owned();
        if let Some(of) = object.get::<Deployment>() {
            let labels = selector(Some(&of.spec.selector));
            let sets = list(call, Kind::ReplicaSet, &namespace, &labels)?;
            beside.sets = typed(&owned(sets, object.uid()));
        } else if let Some(of) = object.get::<ReplicaSet>() {
            let labels = selector(Some(&of.spec.selector));
            beside.pods = pods_of(call, object, &labels)?;
        } else if let Some(of) = object.get::<StatefulSet>() {
            let labels = selector(Some(&of.spec.selector));
            beside.pods = pods_of(call, object, &labels)?;
        } else if let Some(of) = object.get::<DaemonSet>() {
            let labels = selector(Some(&of.spec.selector));
            beside.pods = pods_of(call, object, &labels)?;
        } else if let Some(of) = object.get::<ReplicationController>() {
            let labels = label_line(of.spec.as_ref().and_then(|s| s.selector.as_ref()));
            beside.pods = pods_of(call, object, &labels)?;
        } else if object.get::<Service>().is_some() {
            beside.slices = slices_of(call, &namespace, object.name())?;
        } else if let Some(of) = object.get::<Ingress>() {
            beside.backends = backends(call, of, &namespace)?;
        }
        match object.kind() {
            Kind::Node => {
                let mut request = Request::list(Kind::Pod, "");
                request.options.field_selector = Some(format!("spec.nodeName={}", object.name()));
                beside.pods = typed(&call.objects(request)?.unwrap_or_default());
                let request = Request::get(Kind::Lease, "kube-node-lease", object.name());
                let lease = call.object(request)?.ok();
                beside.lease = lease.and_then(|l| l.get::<Lease>().cloned()).map(Arc::new);
            }
            Kind::Namespace => {
                let quotas = list(call, Kind::ResourceQuota, object.name(), "")?;
                beside.quotas = typed(&quotas);
                beside.limits = typed(&list(call, Kind::LimitRange, object.name(), "")?);
            }
            Kind::PersistentVolumeClaim => {
                let pods: Vec<Arc<Pod>> = typed(&list(call, Kind::Pod, &namespace, "")?);
                beside.used_by = users(&pods, object.name());
            }
            _ => {}
        }
        Ok(beside)
    }

    fn print(&self, object: &Object, around: Around<'_>) -> String {
        #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no printer")]
        match object {
            Object::Pod(of) => pod::pod(of, around),
            Object::Deployment(of) => workload::deployment(of, &self.sets, around),
            Object::ReplicaSet(of) => workload::replica_set(of, &self.pods, around),
            Object::StatefulSet(of) => workload::stateful_set(of, &self.pods, around),
            Object::DaemonSet(of) => workload::daemon_set(of, &self.pods, around),
            Object::ReplicationController(of) => {
                workload::replication_controller(of, &self.pods, around)
            }
            Object::Job(of) => job::job(of, around),
            Object::CronJob(of) => job::cron_job(of, around),
            Object::Service(of) => network::service(of, &self.slices, around),
            Object::Endpoints(of) => network::endpoints(of, around),
            Object::EndpointSlice(of) => network::endpoint_slice(of, around),
            Object::Ingress(of) => network::ingress(of, &self.backends, around),
            Object::IngressClass(of) => network::ingress_class(of, around),
            Object::Node(of) => node::node(of, &self.pods, self.lease.as_deref(), around),
            Object::Namespace(of) => quota::namespace(of, &self.quotas, &self.limits),
            Object::ResourceQuota(of) => quota::resource_quota(of),
            Object::LimitRange(of) => quota::limit_range(of),
            Object::PodDisruptionBudget(of) => quota::disruption_budget(of, around),
            Object::ConfigMap(of) => config::config_map(of, around),
            Object::Secret(of) => config::secret(of),
            Object::ServiceAccount(of) => config::service_account(of, around),
            Object::HorizontalPodAutoscaler(of) => hpa::autoscaler(of, around),
            Object::PersistentVolumeClaim(of) => storage::claim(of, &self.used_by, around),
            Object::PersistentVolume(of) => storage::volume(of, around),
            Object::StorageClass(of) => storage::class(of, around),
            Object::PriorityClass(of) => cluster::priority_class(of, around),
            Object::Role(of) => cluster::role(of),
            Object::ClusterRole(of) => cluster::cluster_role(of),
            Object::RoleBinding(of) => cluster::role_binding(of),
            Object::ClusterRoleBinding(of) => cluster::cluster_role_binding(of),
            other => generic::object(&other.to_value(), around),
        }
    }
}

fn list(
    call: &mut Call<'_, '_>,
    kind: Kind,
    namespace: &str,
    labels: &str,
) -> Run<Vec<Arc<Object>>> {
    let mut request = Request::list(kind, namespace);
    if !labels.is_empty() && labels != "<none>" {
        request.options.label_selector = Some(labels.to_owned());
    }
    Ok(call.objects(request)?.unwrap_or_default())
}

fn owned(objects: Vec<Arc<Object>>, uid: &str) -> Vec<Arc<Object>> {
    objects.into_iter().filter(|o| o.controller().is_some_and(|c| c.uid == uid)).collect()
}

/// Pods that match a selector and are controlled by the object.
fn pods_of(call: &mut Call<'_, '_>, object: &Object, labels: &str) -> Run<Vec<Arc<Pod>>> {
    if Labels::parse(labels).is_err() {
        return Ok(Vec::new());
    }
    let pods = list(call, Kind::Pod, object.namespace(), labels)?;
    Ok(typed(&owned(pods, object.uid())))
}

fn slices_of(call: &mut Call<'_, '_>, namespace: &str, name: &str) -> Run<Vec<Arc<EndpointSlice>>> {
    let labels = format!("kubernetes.io/service-name={name}");
    Ok(typed(&list(call, Kind::EndpointSlice, namespace, &labels)?))
}

fn backends(call: &mut Call<'_, '_>, of: &Ingress, namespace: &str) -> Run<Vec<network::Backend>> {
    let spec = of.spec.clone().unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    let paths = spec.rules.iter().flatten().flat_map(|r| r.http.iter().flat_map(|h| &h.paths));
    let all = paths.map(|p| &p.backend).chain(spec.default_backend.as_ref());
    for backend in all {
        if let Some(service) = &backend.service
            && !names.contains(&service.name)
        {
            names.push(service.name.clone());
        }
    }
    let mut found = Vec::new();
    for name in names {
        let request = Request::get(Kind::Service, namespace, &name);
        let service = call.object(request)?.ok();
        let service = service.and_then(|s| s.get::<Service>().cloned()).map(Arc::new);
        let slices = slices_of(call, namespace, &name)?;
        found.push(network::Backend { name, service, slices });
    }
    Ok(found)
}

/// Names of the pods that mount a claim.
fn users(pods: &[Arc<Pod>], claim: &str) -> Vec<String> {
    pods.iter()
        .filter(|p| {
            let volumes = p.spec.iter().flat_map(|s| s.volumes.iter().flatten());
            let mut claims = volumes.filter_map(|v| v.persistent_volume_claim.as_ref());
            claims.any(|c| c.claim_name == claim)
        })
        .map(|p| p.metadata.name.clone().unwrap_or_default())
        .collect()
}
