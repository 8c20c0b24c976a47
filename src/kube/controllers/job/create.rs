//! How many pods of a Job should run, and the pods themselves.
//!
//! Models `manageJob` of kubernetes `pkg/controller/job/job_controller.go` @v1.36.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod};

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::work::Step;
use crate::kube::clock::sim_time;
use crate::kube::controllers::calls::regarding_type;
use crate::kube::controllers::job::failure::remaining;
use crate::kube::controllers::job::{CREATE, FINALIZER, Own, View, by_index, indexes, remove};
use crate::kube::controllers::pods::{self, controller_ref, create_call, from_template};
use crate::kube::controllers::replicaset::order::{Candidate, choose};
use crate::kube::controllers::replicaset::slow_start;
use crate::kube::controllers::{Plan, Sync};
use crate::kube::informer::Item;

/// Most creations in one sync (`MaxPodCreateDeletePerSync`).
const BURST: usize = 500;

/// Create or delete pods; returns how many will be active.
pub fn manage(
    item: &Item,
    view: &View<'_>,
    active: &[Own<'_>],
    succeeded: i32,
    sync: &mut Sync<'_>,
    plan: &mut Plan,
) -> i32 {
    let parallelism = view.parallelism();
    let have = i32::try_from(active.len()).unwrap_or(i32::MAX);
    let wanted = match view.spec.completions {
        None if succeeded > 0 => have,
        None => parallelism,
        Some(completions) => {
            let failed = i32::try_from(by_index::failed(view).len()).unwrap_or(i32::MAX);
            parallelism.min((completions - succeeded - failed).max(0))
        }
    };
    if have > wanted {
        let surplus = usize::try_from(have - wanted).unwrap_or(0);
        let victims = surplus_pods(active, surplus, sync.now);
        remove(item, view, &victims, "why-kube-job-surplus", sync, plan);
        return wanted;
    }
    let terminating = view.pods.iter().filter(|(_, pod)| pods::is_terminating(pod)).count();
    let waits = if view.only_replaces_failed() { terminating } else { 0 };
    let missing = wanted - have - i32::try_from(waits).unwrap_or(i32::MAX);
    let Ok(missing) = usize::try_from(missing) else { return have };
    if missing == 0 {
        return have;
    }
    let by_index = by_index::limit(view).is_some();
    let wait = if by_index { SimDuration::ZERO } else { remaining(item, sync) };
    if wait.0 > 0 {
        plan.again = Some(wait);
        let subject =
            crate::engine::trace::Subject::object("Job", &view.key.namespace, &view.key.name);
        plan.notes.push((subject, Message::new("why-kube-job-backoff").with("wait", wait)));
        return have;
    }
    have + create(item, view, missing.min(BURST), sync, plan)
}

fn surplus_pods<'a>(active: &[Own<'a>], surplus: usize, now: SimTime) -> Vec<Own<'a>> {
    let candidates = active
        .iter()
        .map(|(_, pod)| Candidate {
            uid: pods::uid(&pod.metadata),
            assigned: !pods::node(pod).is_empty(),
            phase: if pods::phase(pod) == "Running" { 2 } else { 0 },
            ready_since: pods::ready_since(pod),
            cost: 0,
            rank: 0,
            restarts: pods::restarts(pod),
            created: pod.metadata.creation_timestamp.as_ref().map_or(SimTime::ZERO, sim_time),
        })
        .collect();
    let chosen = choose(candidates, surplus, now);
    active
        .iter()
        .copied()
        .filter(|(_, pod)| chosen.iter().any(|c| c.uid == pods::uid(&pod.metadata)))
        .collect()
}

/// Create pods; returns how many.
fn create(item: &Item, view: &View<'_>, count: usize, sync: &mut Sync<'_>, plan: &mut Plan) -> i32 {
    let about = regarding_type(view.job);
    let why = Message::new("why-kube-job-pod").with("job", view.key.name.clone());
    let pods: Vec<Pod> = if view.indexed() {
        let missing = indexes::missing(view, count);
        let wait = |index: &i32| by_index::wait(view, *index);
        let waits = missing.iter().map(wait).filter(|wait| wait.0 > 0);
        plan.again = plan.again.into_iter().chain(waits).min();
        let ready = missing.into_iter().filter(|index| wait(index).0 == 0);
        ready.map(|index| build(view, Some(index))).collect()
    } else {
        vec![build(view, None); count]
    };
    let count = i32::try_from(pods.len()).unwrap_or(i32::MAX);
    sync.memory.expect_adds(item, count, sync.now);
    let Some(sample) = pods.first() else { return 0 };
    let sample = create_call(sample.clone(), &about, why.clone());
    let sizes: Vec<usize> = slow_start(pods.len(), &sample)
        .iter()
        .map(|step| match step {
            Step::Together(calls) => calls.len(),
            Step::Call(_) => 1,
        })
        .collect();
    let mut pods = pods.into_iter();
    for size in sizes {
        let calls = pods
            .by_ref()
            .take(size)
            .map(|pod| create_call(pod, &about, why.clone()).tagged(CREATE))
            .collect();
        plan.steps.push(Step::Together(calls));
    }
    count
}

fn build(view: &View<'_>, index: Option<i32>) -> Pod {
    let owner = controller_ref::<Job>(&view.job.metadata);
    let mut pod = from_template(&view.spec.template, &view.key.namespace, owner);
    pod.metadata.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
    let Some(index) = index else { return pod };
    let name = &view.key.name;
    pod.metadata.generate_name = Some(format!("{name}-{index}-"));
    let text = index.to_string();
    pod.metadata
        .annotations
        .get_or_insert_default()
        .insert(indexes::INDEX.to_owned(), text.clone());
    pod.metadata.labels.get_or_insert_default().insert(indexes::INDEX.to_owned(), text);
    if by_index::limit(view).is_some() {
        let count = by_index::count(view, index).to_string();
        let notes = pod.metadata.annotations.get_or_insert_default();
        notes.insert(by_index::FAILURES.to_owned(), count);
    }
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(format!("{name}-{index}"));
    let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
    for container in containers {
        let env = container.env.get_or_insert_default();
        if env.iter().all(|e| e.name != "JOB_COMPLETION_INDEX") {
            env.push(EnvVar {
                name: "JOB_COMPLETION_INDEX".to_owned(),
                value: None,
                value_from: Some(EnvVarSource {
                    field_ref: Some(ObjectFieldSelector {
                        field_path: format!("metadata.labels['{}']", indexes::INDEX),
                        ..ObjectFieldSelector::default()
                    }),
                    ..EnvVarSource::default()
                }),
            });
        }
    }
    pod
}
