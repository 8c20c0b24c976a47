//! How many replicas a resource metric asks for.
//!
//! Models kubernetes `pkg/controller/podautoscaler/replica_calculator.go` and
//! `metrics/utilization.go` @v1.36 (handbook kubernetes-controllers §7).
#![expect(
    clippy::float_arithmetic,
    reason = "upstream computes ratios in float64; the same IEEE \
    operations give the same result everywhere"
)]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::Key;
use crate::kube::api::quantity::amount;
use crate::kube::clock::sim_time;
use crate::kube::controllers::autoscaler::behavior::float_to_size;
use crate::kube::controllers::pods;
use crate::kube::metrics::Sample;

/// `--horizontal-pod-autoscaler-cpu-initialization-period`.
const CPU_INITIALIZATION: SimDuration = SimDuration::from_secs(300);
/// `--horizontal-pod-autoscaler-initial-readiness-delay`.
const READINESS_DELAY: SimDuration = SimDuration::from_secs(30);

/// How far the ratio may be from one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Below.
    pub down: f64,
    /// Above.
    pub up: f64,
}

impl Tolerance {
    /// `--horizontal-pod-autoscaler-tolerance`.
    pub const DEFAULT: Self = Self { down: 0.1, up: 0.1 };

    fn within(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// Use, percent of the requests; none where no percentage is asked for.
    pub percent: Option<i32>,
    /// Mean use of a pod, thousandths.
    pub average: i128,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Percent of the requests.
    Percent(i32),
    /// Thousandths a pod.
    Average(i128),
}

/// A resource of the pods of a workload, or of one of their containers.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// `cpu` or `memory`.
    pub resource: &'a str,
    /// Only this container.
    pub container: Option<&'a str>,
    /// What is asked for.
    pub target: Target,
    /// Replicas now.
    pub current: i32,
    /// How far off nothing is done.
    pub tolerance: Tolerance,
    /// The moment.
    pub now: SimTime,
}

/// Pods that are fit to be counted, and those that are not.
#[derive(Debug, Default)]
struct Groups {
    ready: usize,
    unready: Vec<Key>,
    missing: Vec<Key>,
}

/// Use by pod, thousandths.
type Values = BTreeMap<Key, i128>;

impl Question<'_> {
    /// How many replicas the metric asks for.
    ///
    /// # Errors
    /// What the controller says where it cannot tell.
    pub fn answer(
        &self,
        listed: &[(&Key, &Pod)],
        samples: &BTreeMap<Key, Sample>,
    ) -> Result<Proposal, String> {
        if listed.is_empty() {
            return Err("no pods returned by selector while calculating replica count".to_owned());
        }
        let mut values = self.values(samples);
        let groups = self.group(listed, samples, &mut values);
        if values.is_empty() {
            let text = "did not receive metrics for targeted pods (pods might be unready)";
            return Err(text.to_owned());
        }
        let requests = match self.target {
            Target::Percent(_) => self.requests(listed)?,
            Target::Average(_) => Values::new(),
        };
        let (ratio, percent, average) = self.ratio(&values, &requests)?;
        let proposal = |replicas| Proposal { replicas, percent, average };
        let keep = Ok(proposal(self.current));
        let grows = !groups.unready.is_empty() && ratio > 1.0;
        if !grows && groups.missing.is_empty() {
            if self.tolerance.within(ratio) {
                return keep;
            }
            let ready = f64::from(u32::try_from(groups.ready).unwrap_or(u32::MAX));
            return Ok(proposal(float_to_size((ratio * ready).ceil())));
        }
        for key in &groups.missing {
            if ratio < 1.0 {
                values.insert(key.clone(), self.assumed(key, &requests));
            } else if ratio > 1.0 {
                values.insert(key.clone(), 0);
            }
        }
        if grows {
            values.extend(groups.unready.iter().map(|key| (key.clone(), 0)));
        }
        let (again, _, _) = self.ratio(&values, &requests)?;
        let flipped = ratio < 1.0 && again > 1.0 || ratio > 1.0 && again < 1.0;
        if self.tolerance.within(again) || flipped {
            return keep;
        }
        let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
        let wanted = float_to_size((again * count).ceil());
        if again < 1.0 && wanted > self.current || again > 1.0 && wanted < self.current {
            return keep;
        }
        Ok(proposal(wanted))
    }

    /// What a pod without a metric is taken to use when the workload would shrink.
    fn assumed(&self, key: &Key, requests: &Values) -> i128 {
        match self.target {
            Target::Percent(percent) => {
                requests.get(key).copied().unwrap_or(0) * i128::from(percent.max(100)) / 100
            }
            Target::Average(average) => average,
        }
    }

    fn values(&self, samples: &BTreeMap<Key, Sample>) -> Values {
        let of = |sample: &Sample| -> Option<i128> {
            let wanted = |name: &str| self.container.is_none_or(|c| c == name);
            let mut found = sample.containers.iter().filter(|u| wanted(&u.container)).peekable();
            found.peek()?;
            Some(match self.resource {
                "cpu" => found.map(|u| i128::from(u.cpu_milli)).sum(),
                _ => found.map(|u| i128::from(u.memory_bytes) * 1000).sum(),
            })
        };
        samples.iter().filter_map(|(key, sample)| Some((key.clone(), of(sample)?))).collect()
    }

    /// Sort out pods that do not count (`groupPods`); their values go.
    fn group(
        &self,
        listed: &[(&Key, &Pod)],
        samples: &BTreeMap<Key, Sample>,
        values: &mut Values,
    ) -> Groups {
        let mut groups = Groups::default();
        for (key, pod) in listed {
            if pod.metadata.deletion_timestamp.is_some() || pods::phase(pod) == "Failed" {
                values.remove(*key);
                continue;
            }
            if pods::phase(pod) == "Pending" {
                groups.unready.push((*key).clone());
                values.remove(*key);
                continue;
            }
            let sample = samples.get(*key).filter(|_| values.contains_key(*key));
            let Some(sample) = sample else {
                groups.missing.push((*key).clone());
                continue;
            };
            if self.resource == "cpu" && warming_up(pod, sample, self.now) {
                groups.unready.push((*key).clone());
                values.remove(*key);
                continue;
            }
            groups.ready += 1;
        }
        groups
    }

    fn requests(&self, listed: &[(&Key, &Pod)]) -> Result<Values, String> {
        let mut requests = Values::new();
        for (key, pod) in listed {
            let spec = pod.spec.as_ref();
            let sidecars = spec.and_then(|s| s.init_containers.as_deref()).unwrap_or_default();
            let sidecars =
                sidecars.iter().filter(|c| c.restart_policy.as_deref() == Some("Always"));
            let containers = spec.map(|s| s.containers.as_slice()).unwrap_or_default();
            let mut sum = 0;
            for container in containers.iter().chain(sidecars) {
                if self.container.is_some_and(|name| name != container.name) {
                    continue;
                }
                sum += request(container, self.resource).ok_or_else(|| {
                    let (resource, name) = (self.resource, &container.name);
                    let pod = &key.name;
                    format!("missing request for {resource} in container {name} of Pod {pod}")
                })?;
            }
            requests.insert((*key).clone(), sum);
        }
        Ok(requests)
    }

    /// The ratio of use to target, the use in percent, and the mean use of a pod.
    fn ratio(
        &self,
        values: &Values,
        requests: &Values,
    ) -> Result<(f64, Option<i32>, i128), String> {
        match self.target {
            Target::Percent(target) => {
                let (mut used, mut asked, mut count) = (0, 0, 0);
                for (key, value) in values {
                    if let Some(request) = requests.get(key) {
                        used += value;
                        asked += request;
                        count += 1;
                    }
                }
                if asked == 0 {
                    return Err("no metrics returned matched known pods".to_owned());
                }
                let percent = i32::try_from(used * 100 / asked).unwrap_or(i32::MAX);
                let ratio = f64::from(percent) / f64::from(target);
                Ok((ratio, Some(percent), used / count))
            }
            Target::Average(target) => {
                let count = i128::try_from(values.len()).unwrap_or(1).max(1);
                let average = values.values().sum::<i128>() / count;
                let float = |n: i128| i64::try_from(n).map_or(f64::MAX, precise);
                Ok((float(average) / float(target.max(1)), None, average))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "upstream converts int64 to float64 the same way")]
const fn precise(n: i64) -> f64 {
    n as f64
}

fn request(container: &Container, resource: &str) -> Option<i128> {
    let requests = container.resources.as_ref()?.requests.as_ref()?;
    requests.get(resource).map(|q| amount(q).0)
}

/// Whether the cpu of a pod that just started says little about its load.
fn warming_up(pod: &Pod, sample: &Sample, now: SimTime) -> bool {
    let started = pod.status.as_ref().and_then(|s| s.start_time.as_ref()).map(sim_time);
    let (Some(condition), Some(started)) = (pods::condition(pod, "Ready"), started) else {
        return true;
    };
    let changed = condition.last_transition_time.as_ref().map_or(SimTime::ZERO, sim_time);
    let unready = condition.status == "False";
    if started + CPU_INITIALIZATION > now {
        unready || sample.at < changed + sample.window
    } else {
        unready && started + READINESS_DELAY > changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::clock::meta_time;
    use crate::kube::metrics::Use;
    use serde_json::json;

    /// Pods of 100m: ready since so many seconds (negative: not ready), and their use.
    fn ask(target: i32, current: i32, pods: &[(i64, Option<i64>)]) -> Result<Proposal, String> {
        let now = SimTime::from_secs(10_000);
        let made: Vec<(Key, Pod)> = pods
            .iter()
            .enumerate()
            .map(|(n, (since, _))| {
                let at = meta_time(SimTime::from_secs(10_000 - since.unsigned_abs()));
                let ready = if *since < 0 { "False" } else { "True" };
                let pod: Pod = serde_json::from_value(json!({
                    "spec": {"containers": [{
                        "name": "main", "resources": {"requests": {"cpu": "100m"}},
                    }]},
                    "status": {"phase": "Running", "startTime": at, "conditions": [
                        {"type": "Ready", "status": ready, "lastTransitionTime": at},
                    ]},
                }))
                .unwrap();
                (Key::new("a", &n.to_string()), pod)
            })
            .collect();
        let samples = made.iter().zip(pods).filter_map(|((key, _), (_, milli))| {
            let of = Use { container: "main".into(), cpu_milli: (*milli)?, memory_bytes: 0 };
            let window = SimDuration::from_secs(30);
            Some((key.clone(), Sample { at: now, window, containers: vec![of] }))
        });
        let listed: Vec<(&Key, &Pod)> = made.iter().map(|(k, p)| (k, p)).collect();
        let question = Question {
            resource: "cpu",
            container: None,
            target: Target::Percent(target),
            current,
            tolerance: Tolerance::DEFAULT,
            now,
        };
        question.answer(&listed, &samples.collect())
    }

    #[test]
    fn proposals() {
        const OLD: i64 = 400;
        for (what, target, pods, want) in [
            ("above", 50, &[(OLD, Some(220))][..], 5),
            ("in tolerance above", 50, &[(OLD, Some(55)), (OLD, Some(55))], 2),
            ("in tolerance below", 50, &[(OLD, Some(45)), (OLD, Some(45))], 2),
            ("out of tolerance", 50, &[(OLD, Some(56)), (OLD, Some(56)), (OLD, Some(56))], 4),
            ("below", 50, &[(OLD, Some(10)), (OLD, Some(10)), (OLD, Some(10))], 1),
            ("idle", 50, &[(OLD, Some(0))], 0),
            // A pod that just became ready does not count, so only one is left.
            ("warming up", 50, &[(OLD, Some(44)), (10, Some(44))], 1),
            // Counted as idle it would turn the direction round.
            ("growing with unready", 50, &[(OLD, Some(60)), (-10, Some(60))], 2),
            // Missing: taken as using all of its request when shrinking.
            ("missing", 50, &[(OLD, Some(10)), (OLD, None)], 2),
        ] {
            let current = i32::try_from(pods.len()).unwrap();
            assert_eq!(ask(target, current, pods).map(|p| p.replicas), Ok(want), "{what}");
        }
        let nothing = ask(50, 1, &[(10, Some(5))]);
        assert!(nothing.is_err_and(|e| e.starts_with("did not receive metrics")));
    }
}
