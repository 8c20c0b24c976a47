//! The horizontal pod autoscaler: as many replicas as the use of cpu or memory asks for.
//!
//! Models kubernetes `pkg/controller/podautoscaler/horizontal.go` @v1.36 (handbook
//! kubernetes-controllers §7). Left out: two autoscalers of the same pods (AmbiguousSelector).

use std::sync::Arc;

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerStatus, MetricStatus,
};
use serde_json::Value;

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::kube::api::object::{Key, Stored};
use crate::kube::api::request::{ApiError, Body, Request, Response, Subresource, Verb};
use crate::kube::api::selector::Selector;
use crate::kube::api::store::Change;
use crate::kube::api::subresource::scale_of;
use crate::kube::clock::meta_time;
use crate::kube::controllers::calls::{normal, regarding_type, update_status, warning};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes};
use crate::kube::events::Regarding;
use crate::kube::informer::Item;
use crate::kube::kinds::Kind;

pub mod behavior;
pub mod calculator;
pub mod metric;

use behavior::{Bounds, Limited, Series};

/// `--horizontal-pod-autoscaler-sync-period`: every key waits this long, also after a change.
const PERIOD: SimDuration = SimDuration::from_secs(15);
/// Series in memory: recommendations, growth, shrinking.
const WANTED: &str = "wanted";
const GREW: &str = "grew";
const SHRANK: &str = "shrank";
/// Longest period of a policy (`validateScalingRules`), for which changes are remembered.
const LONGEST_PERIOD: SimDuration = SimDuration::from_secs(3600);

const SCALE: u32 = 1;

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct Autoscalers;

/// What one sync works on.
struct Work<'a> {
    hpa: HorizontalPodAutoscaler,
    about: Regarding,
    item: &'a Item,
    plan: Plan,
}

impl Controller for Autoscalers {
    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler"
    }

    fn workers(&self) -> u32 {
        5
    }

    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        if change.kind != Kind::HorizontalPodAutoscaler {
            return Wakes::new();
        }
        let item = (change.kind, change.key.clone());
        if change.new.is_none() {
            sync.memory.forget(&item);
            return Wakes::new();
        }
        vec![(item, PERIOD)]
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let Some(hpa) = sync.view.get::<HorizontalPodAutoscaler>(&item.1) else {
            sync.memory.forget(item);
            return Plan::none();
        };
        let about = regarding_type(hpa);
        let mut work = Work { hpa: hpa.clone(), about, item, plan: Plan::none() };
        work.plan.again = Some(PERIOD);
        work.sync(sync);
        sync.memory.carried.insert(item.clone(), Arc::new(work.hpa.into_object()));
        work.plan
    }

    fn answered(
        &self,
        item: &Item,
        call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        let (Err(error), SCALE) = (result, call.tag) else { return };
        let carried = sync.memory.carried.get(item);
        let before = sync.view.get::<HorizontalPodAutoscaler>(&item.1);
        let (Some(hpa), Some(before)) =
            (carried.and_then(|o| HorizontalPodAutoscaler::of(o)).cloned(), before)
        else {
            return;
        };
        let mut hpa = hpa;
        let old = before.status.clone().unwrap_or_default();
        let status = hpa.status.get_or_insert_default();
        status.desired_replicas = old.desired_replicas;
        status.last_scale_time = old.last_scale_time;
        let text =
            format!("the HPA controller was unable to update the target scale: {}", error.message);
        set(status, sync, ("AbleToScale", "False", "FailedUpdateScale", text));
        sync.memory.carried.insert(item.clone(), Arc::new(hpa.into_object()));
    }

    fn after(&self, item: &Item, _failed: bool, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(carried) = sync.memory.carried.remove(item) else { return plan };
        let Some(hpa) = HorizontalPodAutoscaler::of(&carried).cloned() else { return plan };
        let before = sync.view.get::<HorizontalPodAutoscaler>(&item.1);
        if before.is_some_and(|before| before.status != hpa.status) {
            plan.call(Call::new(update_status(hpa)).forgiving(&["NotFound", "Conflict"]));
        }
        plan
    }
}

/// Set a condition in its place.
fn set(
    status: &mut HorizontalPodAutoscalerStatus,
    sync: &Sync<'_>,
    (kind, value, reason, message): (&str, &str, &str, String),
) {
    let conditions = status.conditions.get_or_insert_default();
    let at = conditions.iter().position(|c| c.type_ == kind);
    let at = at.unwrap_or_else(|| {
        let type_ = kind.to_owned();
        conditions.push(HorizontalPodAutoscalerCondition {
            type_,
            ..HorizontalPodAutoscalerCondition::default()
        });
        conditions.len() - 1
    });
    let Some(condition) = conditions.get_mut(at) else { return };
    if condition.status != value {
        condition.last_transition_time = Some(meta_time(sync.now));
    }
    condition.status = value.to_owned();
    condition.reason = Some(reason.to_owned());
    condition.message = Some(message);
}

/// The workload of a reference, as its `Scale` shows it.
struct Scale {
    kind: Kind,
    wanted: i32,
    selector: String,
}

impl Work<'_> {
    fn status(&mut self) -> &mut HorizontalPodAutoscalerStatus {
        self.hpa.status.get_or_insert_default()
    }

    fn set(&mut self, sync: &Sync<'_>, condition: (&str, &str, &str, String)) {
        set(self.status(), sync, condition);
    }

    /// The size of the target and what it selects.
    fn target(&self, sync: &Sync<'_>) -> Result<Scale, String> {
        let of = &self.hpa.spec.scale_target_ref;
        let version = of.api_version.as_deref().unwrap_or("v1");
        let kind = Kind::find(&of.kind, version).ok_or_else(|| {
            format!("no matches for kind {:?} in group {:?}", of.kind, group(version))
        })?;
        let key = Key::new(&self.item.1.namespace, &of.name);
        let object = sync.view.object(&(kind, key));
        let object = object.ok_or_else(|| ApiError::not_found(kind, &of.name).message)?;
        let scale = scale_of(object)
            .ok_or_else(|| "the server could not find the requested resource".to_owned())?;
        let number = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
        let selector = scale.pointer("/status/selector").and_then(Value::as_str).unwrap_or("");
        Ok(Scale {
            kind,
            wanted: i32::try_from(number).unwrap_or(i32::MAX),
            selector: selector.to_owned(),
        })
    }

    fn sync(&mut self, sync: &mut Sync<'_>) {
        let scale = match self.target(sync) {
            Ok(scale) => scale,
            Err(why) => {
                self.plan.says.push(warning(&self.about, "FailedGetScale", why.clone()));
                let text = format!(
                    "the HPA controller was unable to get the target's current scale: {why}"
                );
                self.set(sync, ("AbleToScale", "False", "FailedGetScale", text));
                return;
            }
        };
        let text = "the HPA controller was able to get the target's current scale".to_owned();
        self.set(sync, ("AbleToScale", "True", "SucceededGetScale", text));
        let current = scale.wanted;
        let first = (self.item.clone(), WANTED);
        sync.memory.series.entry(first).or_insert_with(|| vec![(sync.now, current)]);
        let least = self.hpa.spec.min_replicas.unwrap_or(1);
        let most = self.hpa.spec.max_replicas;
        let mut metrics = None;
        let (wanted, reason) = if current == 0 && least != 0 {
            let text = "scaling is disabled since the replica count of the target is zero";
            self.set(sync, ("ScalingActive", "False", "ScalingDisabled", text.to_owned()));
            (0, String::new())
        } else if current > most {
            (most, "Current number of replicas above Spec.MaxReplicas".to_owned())
        } else if current < least {
            (least, "Current number of replicas below Spec.MinReplicas".to_owned())
        } else {
            let Some((wanted, reason, statuses)) = self.by_metrics(&scale, sync) else { return };
            metrics = Some(statuses);
            (self.normalize(Bounds { current, least, most }, wanted, sync), reason)
        };
        let status = self.status();
        status.current_replicas = Some(current);
        status.current_metrics = metrics;
        status.desired_replicas = wanted;
        if wanted != current {
            self.rescale(&scale, wanted, &reason, sync);
        }
    }

    /// What the metrics ask for, and why; none where they say nothing.
    fn by_metrics(
        &mut self,
        scale: &Scale,
        sync: &Sync<'_>,
    ) -> Option<(i32, String, Vec<MetricStatus>)> {
        let current = scale.wanted;
        let selector = Selector::parse(Kind::Pod, &scale.selector, "").unwrap_or_default();
        let specs = self.hpa.spec.metrics.clone().unwrap_or_default();
        let mut statuses = Vec::new();
        let mut best: Option<(i32, String)> = None;
        let mut failure: Option<(metric::Failure, i32)> = None;
        for spec in &specs {
            let tolerance = metric::tolerance(&self.hpa);
            let asked = metric::Asked { spec, current, selector: &selector, tolerance };
            match asked.answer(&self.item.1.namespace, sync) {
                Ok((wanted, name, status)) => {
                    statuses.push(status);
                    if best.as_ref().is_none_or(|(most, _)| *most == 0 || wanted > *most) {
                        best = Some((wanted, name));
                    }
                }
                Err(why) => {
                    statuses.push(MetricStatus::default());
                    self.plan.says.push(warning(&self.about, why.reason, why.text.clone()));
                    let count = failure.as_ref().map_or(0, |(_, n)| *n);
                    failure = Some((failure.map_or(why, |(first, _)| first), count + 1));
                }
            }
        }
        let wanted = best.as_ref().map_or(0, |(n, _)| *n);
        if let Some((why, count)) = failure
            && (best.is_none() || wanted < current)
        {
            let text = format!("the HPA was unable to compute the replica count: {}", why.text);
            self.set(sync, ("ScalingActive", "False", why.reason, text));
            let of = specs.len();
            let text = format!(
                "invalid metrics ({count} invalid out of {of}), first error is: {}: {}",
                why.prefix, why.text
            );
            self.plan.says.push(warning(&self.about, "FailedComputeMetricsReplicas", text));
            let status = self.status();
            status.current_replicas = Some(current);
            status.current_metrics = Some(statuses);
            return None;
        }
        let name = best.map(|(_, name)| name).unwrap_or_default();
        let text =
            format!("the HPA was able to successfully calculate a replica count from {name}");
        self.set(sync, ("ScalingActive", "True", "ValidMetricFound", text));
        let reason = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => format!("{name} above target"),
            std::cmp::Ordering::Less => "All metrics below target".to_owned(),
            std::cmp::Ordering::Equal => String::new(),
        };
        Some((wanted, reason, statuses))
    }

    /// Hold back by what was asked for lately, and by the limits.
    fn normalize(&mut self, bounds: Bounds, wanted: i32, sync: &mut Sync<'_>) -> i32 {
        let now = sync.now;
        let behavior = self.hpa.spec.behavior.clone();
        let of = |name| (self.item.clone(), name);
        let past = sync.memory.series.entry(of(WANTED)).or_default();
        let up: Option<&HPAScalingRules> = behavior.as_ref().and_then(|b| b.scale_up.as_ref());
        let down: Option<&HPAScalingRules> = behavior.as_ref().and_then(|b| b.scale_down.as_ref());
        let stable = if behavior.is_some() {
            let sizes = (bounds.current, wanted);
            behavior::stabilize_by_rules((up, down), past, sizes, now)
        } else {
            let size = behavior::stabilize(past, wanted, now);
            Limited { size, reason: "ScaleDownStabilized", message: behavior::HIGHEST }
        };
        past.retain(|(at, _)| now.since(*at) <= LONGEST_PERIOD);
        past.push((now, wanted));
        let held = stable.size != wanted;
        let (reason, message) = if held {
            (stable.reason, stable.message)
        } else {
            ("ReadyForNewScale", "recommended size matches current size")
        };
        self.set(sync, ("AbleToScale", "True", reason, message.to_owned()));
        let of = |name| (self.item.clone(), name);
        let none = Series::new();
        let series = |name| sync.memory.series.get(&of(name)).unwrap_or(&none);
        let limited = if behavior.is_some() {
            let changes = (series(GREW), series(SHRANK));
            behavior::limit_by_rules((up, down), changes, bounds, stable.size, now)
        } else {
            behavior::limit(bounds, stable.size)
        };
        let value = if limited.size == stable.size { "False" } else { "True" };
        let condition = ("ScalingLimited", value, limited.reason, limited.message.to_owned());
        self.set(sync, condition);
        limited.size
    }

    fn rescale(&mut self, scale: &Scale, wanted: i32, reason: &str, sync: &mut Sync<'_>) {
        let text = format!("the HPA controller was able to update the target scale to {wanted}");
        self.set(sync, ("AbleToScale", "True", "SucceededRescale", text));
        let now = sync.now;
        self.status().last_scale_time = Some(meta_time(now));
        let target = self.hpa.spec.scale_target_ref.name.clone();
        let mut request = Request::new(Verb::Update, scale.kind, &self.item.1.namespace, &target);
        request.subresource = Subresource::Scale;
        request.body = Body::Scale(wanted);
        let said = format!("New size: {wanted}; reason: {reason}");
        let why = Message::new("why-kube-rescaled")
            .with("from", i64::from(scale.wanted))
            .with("to", i64::from(wanted));
        let call = Call::new(request)
            .because(why)
            .then_say(normal(&self.about, "SuccessfulRescale", said.clone()))
            .else_say(warning(&self.about, "FailedRescale", format!("{said}; error: {{}}")))
            .tagged(SCALE);
        self.plan.call(call);
        if self.hpa.spec.behavior.is_some() {
            let by = wanted - scale.wanted;
            let name = if by > 0 { GREW } else { SHRANK };
            let series = sync.memory.series.entry((self.item.clone(), name)).or_default();
            series.retain(|(at, _)| now.since(*at) <= LONGEST_PERIOD);
            series.push((now, by.abs()));
        }
    }
}

fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}
