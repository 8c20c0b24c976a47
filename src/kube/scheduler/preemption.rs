//! Removing less important pods to make room.
//!
//! Models kubernetes `pkg/scheduler/framework/preemption/preemption.go` and
//! `plugins/defaultpreemption/default_preemption.go` @v1.36 (handbook kubernetes-scheduler §7).
//! Every candidate node is tried; upstream stops after a tenth of the nodes, at least a hundred.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::base::rng::Stream;
use crate::kube::labels::{is_empty, selects};
use crate::kube::scheduler::cache::{Cache, NodeInfo};
use crate::kube::scheduler::fit_error::histogram;
use crate::kube::scheduler::plugins::{self, Cycle};
use crate::kube::scheduler::pod::PodInfo;

/// A disruption budget, as far as preemption heeds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Which pods.
    pub selector: LabelSelector,
    /// `status.disruptionsAllowed`.
    pub allowed: i32,
    /// Names in `status.disruptedPods`.
    pub disrupted: Vec<String>,
}

/// Pods to remove from a node.
#[derive(Clone, Debug)]
pub struct Preemption {
    /// The node.
    pub node: Arc<str>,
    /// Victims, most important first.
    pub victims: Vec<Arc<PodInfo>>,
}

struct Candidate {
    node: Arc<str>,
    victims: Vec<Arc<PodInfo>>,
    violations: usize,
}

/// Find a node and victims, or say why there is none.
pub fn find(
    cycle: &Cycle<'_>,
    cache: &Cache,
    budgets: &[Budget],
    candidates: &[Arc<str>],
    rng: &mut Stream,
) -> Result<Preemption, String> {
    let pod = cycle.pod;
    if pod.never_preempts {
        return Err("not eligible due to preemptionPolicy=Never.".to_owned());
    }
    let nominated = pod.nominated.as_ref().and_then(|name| cache.nodes.get(name));
    let waits = nominated.is_some_and(|node| {
        node.pods.values().any(|p| p.terminating && p.preempted && p.priority < pod.priority)
    });
    if waits {
        return Err("not eligible due to a terminating pod on the nominated node.".to_owned());
    }
    let total = cache.order().len();
    let mut reasons: Vec<String> = Vec::new();
    let mut found: Vec<Candidate> = Vec::new();
    // The dry run begins at a random node, which decides between equals.
    let offset = usize::try_from(rng.between(0, candidates.len().saturating_sub(1) as u64));
    let order = candidates.iter().cycle().skip(offset.unwrap_or(0)).take(candidates.len());
    for name in order {
        let Some(node) = cache.nodes.get(name) else { continue };
        match dry_run(cycle, cache, budgets, node) {
            Ok(candidate) => found.push(candidate),
            Err(refused) => reasons.extend(refused),
        }
    }
    if let Some(best) = pick(found) {
        return Ok(Preemption { node: best.node, victims: best.victims });
    }
    let helpless = total.saturating_sub(candidates.len());
    reasons.extend(std::iter::repeat_n(
        "Preemption is not helpful for scheduling".to_owned(),
        helpless,
    ));
    Err(format!(
        "0/{total} nodes are available: {}.",
        histogram(reasons.iter().map(String::as_str))
    ))
}

/// Remove all less important pods of a node; give back those that need not go.
fn dry_run(
    cycle: &Cycle<'_>,
    cache: &Cache,
    budgets: &[Budget],
    node: &Arc<NodeInfo>,
) -> Result<Candidate, Vec<String>> {
    let pod = cycle.pod;
    let mut lower: Vec<Arc<PodInfo>> =
        node.pods.values().filter(|p| p.priority < pod.priority).cloned().collect();
    if lower.is_empty() {
        return Err(vec!["No preemption victims found for incoming pod".to_owned()]);
    }
    lower.sort_by_key(|p| importance(p));
    let mut left = (**node).clone();
    for victim in &lower {
        let group =
            cache.group_of(&victim.uid).unwrap_or(crate::kube::scheduler::cache::GroupId(0));
        left.remove(&victim.uid, group);
    }
    if let Some((_, rejection)) = fits(cycle, &left) {
        return Err(rejection.reasons.iter().map(|r| r.to_string()).collect());
    }
    let (violating, other) = split_by_budget(&lower, budgets);
    let mut victims = Vec::new();
    let mut violations = 0;
    let giving_back = violating.into_iter().map(|p| (p, true));
    for (candidate, violates) in giving_back.chain(other.into_iter().map(|p| (p, false))) {
        let group =
            cache.group_of(&candidate.uid).unwrap_or(crate::kube::scheduler::cache::GroupId(0));
        left.add(candidate.clone(), group);
        if fits(cycle, &left).is_some() {
            left.remove(&candidate.uid, group);
            violations += usize::from(violates);
            victims.push(candidate);
        }
    }
    victims.sort_by_key(|p| importance(p));
    Ok(Candidate { node: node.facts.name.clone(), victims, violations })
}

/// Filters on a changed node. Terms about other pods are counted again for the change.
fn fits(cycle: &Cycle<'_>, node: &NodeInfo) -> Option<(&'static str, plugins::Rejection)> {
    let mut snapshot = cycle.snapshot.clone();
    snapshot.nodes.edit().insert(node.facts.name.clone(), Arc::new(node.clone()));
    let again = Cycle::new(cycle.pod, snapshot);
    plugins::filter(&again, node)
}

/// More important pods sort first.
fn importance(pod: &PodInfo) -> (Reverse<i32>, i64) {
    (Reverse(pod.priority), pod.started.unwrap_or(i64::MAX))
}

/// Pods whose removal a disruption budget does not allow, and the others.
fn split_by_budget(
    pods: &[Arc<PodInfo>],
    budgets: &[Budget],
) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
    let mut allowed: Vec<i32> = budgets.iter().map(|b| b.allowed).collect();
    pods.iter().cloned().partition(|pod| {
        let mut violates = false;
        for (budget, left) in budgets.iter().zip(&mut allowed) {
            let covers = budget.namespace == pod.namespace
                && !is_empty(&budget.selector)
                && selects(&budget.selector, &pod.labels)
                && !budget.disrupted.iter().any(|name| name.as_str() == pod.name.as_ref());
            if covers && !pod.labels.is_empty() {
                *left -= 1;
                violates |= *left < 0;
            }
        }
        violates
    })
}

/// `pickOneNodeForPreemption`.
fn pick(found: Vec<Candidate>) -> Option<Candidate> {
    let key = |c: &Candidate| {
        let top = c.victims.first().map_or(i32::MIN, |p| p.priority);
        let sum: i64 = c.victims.iter().map(|p| i64::from(p.priority) + (1 << 31)).sum();
        let firsts = c.victims.iter().filter(|p| p.priority == top);
        let earliest = firsts.map(|p| p.started.unwrap_or(i64::MAX)).min().unwrap_or(i64::MAX);
        (c.violations, top, sum, c.victims.len(), Reverse(earliest))
    };
    // `min_by_key` keeps the first of equals.
    found.into_iter().min_by_key(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Pod, PodSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn pod(name: &str, priority: i32) -> Arc<PodInfo> {
        Arc::new(PodInfo::read(&Pod {
            metadata: ObjectMeta {
                name: Some(name.into()),
                namespace: Some("default".into()),
                labels: Some([("app".to_owned(), "db".to_owned())].into()),
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec { priority: Some(priority), ..PodSpec::default() }),
            status: None,
        }))
    }

    fn candidate(node: &str, priorities: &[i32], violations: usize) -> Candidate {
        let victims = priorities.iter().map(|p| pod("v", *p)).collect();
        Candidate { node: node.into(), victims, violations }
    }

    #[test]
    fn fewest_violations_then_lowest_victims() {
        let chosen = |list: Vec<Candidate>| pick(list).map(|c| c.node.to_string());
        let protected = candidate("a", &[10], 1);
        let costly = candidate("b", &[20], 0);
        assert_eq!(chosen(vec![protected, costly]).as_deref(), Some("b"));
        let two = candidate("a", &[5, 5], 0);
        let one = candidate("b", &[5], 0);
        assert_eq!(chosen(vec![two, one]).as_deref(), Some("b"));
    }

    #[test]
    fn a_budget_protects_what_exceeds_it() {
        let selector = LabelSelector {
            match_labels: Some([("app".to_owned(), "db".to_owned())].into()),
            match_expressions: None,
        };
        let budget =
            Budget { namespace: "default".into(), selector, allowed: 1, disrupted: Vec::new() };
        let pods = [pod("x", 1), pod("y", 1)];
        let (violating, free) = split_by_budget(&pods, &[budget]);
        assert_eq!((violating.len(), free.len()), (1, 1));
    }
}
