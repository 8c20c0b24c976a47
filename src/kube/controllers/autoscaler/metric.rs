//! One metric of an autoscaler: what it asks for, and what the status shows of it.
//!
//! Models kubernetes `pkg/controller/podautoscaler/horizontal.go` `computeStatusFor…` @v1.36.

use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, HPAScalingRules, HorizontalPodAutoscaler, MetricSpec,
    MetricStatus, MetricTarget, MetricValueStatus, ResourceMetricStatus,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kube::api::object::{Key, Stored};
use crate::kube::api::quantity::{amount, decimal};
use crate::kube::api::selector::Selector;
use crate::kube::controllers::Sync;
use crate::kube::controllers::autoscaler::calculator::{Proposal, Question, Target, Tolerance};
use crate::kube::kinds::Kind;

/// Why a metric says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Reason of the condition and the event.
    pub reason: &'static str,
    /// What is put before the text where all metrics are told of.
    pub prefix: String,
    /// What is wrong.
    pub text: String,
}

/// A metric and what it is asked about.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The metric.
    pub spec: &'a MetricSpec,
    /// Replicas now.
    pub current: i32,
    /// The pods of the target.
    pub selector: &'a Selector,
    /// How far off nothing is done.
    pub tolerance: Tolerance,
}

/// The tolerance of an autoscaler's `behavior`, or the default.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "upstream has tolerances as float64")]
pub fn tolerance(hpa: &HorizontalPodAutoscaler) -> Tolerance {
    let of = |rules: Option<&HPAScalingRules>, default: f64| {
        let quantity = rules.and_then(|r| r.tolerance.as_ref());
        let milli = quantity.map(|q| i32::try_from(amount(q).0).unwrap_or(i32::MAX));
        milli.map_or(default, |milli| f64::from(milli) / 1000.0)
    };
    let behavior = hpa.spec.behavior.as_ref();
    Tolerance {
        up: of(behavior.and_then(|b| b.scale_up.as_ref()), Tolerance::DEFAULT.up),
        down: of(behavior.and_then(|b| b.scale_down.as_ref()), Tolerance::DEFAULT.down),
    }
}

impl Asked<'_> {
    /// Replicas, the metric's name, and its status.
    ///
    /// # Errors
    /// Why it says nothing.
    pub fn answer(
        &self,
        namespace: &str,
        sync: &Sync<'_>,
    ) -> Result<(i32, String, MetricStatus), Failure> {
        if let Some(source) = &self.spec.resource {
            return self.resource(&source.name, None, &source.target, namespace, sync);
        }
        if let Some(source) = &self.spec.container_resource {
            let container = Some(source.container.as_str());
            return self.resource(&source.name, container, &source.target, namespace, sync);
        }
        Err(unregistered(self.spec, namespace))
    }

    fn resource(
        &self,
        name: &str,
        container: Option<&str>,
        target: &MetricTarget,
        namespace: &str,
        sync: &Sync<'_>,
    ) -> Result<(i32, String, MetricStatus), Failure> {
        let (reason, prefix) = match container {
            None => {
                ("FailedGetResourceMetric", format!("failed to get {name} resource metric value"))
            }
            Some(_) => (
                "FailedGetContainerResourceMetric",
                format!("failed to get {name} container metric value"),
            ),
        };
        let fail = |text: String| Failure { reason, prefix: prefix.clone(), text };
        let (asked, what) = match (&target.average_value, target.average_utilization) {
            (Some(value), _) => (Target::Average(amount(value).0), "usage"),
            (None, Some(percent)) => (Target::Percent(percent), "utilization"),
            (None, None) => {
                let text = "invalid resource metric source: neither an average utilization target \
                            nor an average value (usage) target was set";
                return Err(fail(text.to_owned()));
            }
        };
        let question = Question {
            resource: name,
            container,
            target: asked,
            current: self.current,
            tolerance: self.tolerance,
            now: sync.now,
        };
        let found = self.ask(&question, namespace, sync);
        let found = found.map_err(|why| fail(format!("failed to get {name} {what}: {why}")))?;
        let part = if container.is_some() { " container" } else { "" };
        let title = match asked {
            Target::Percent(_) => {
                format!("{name}{part} resource utilization (percentage of request)")
            }
            Target::Average(_) => format!("{name}{part} resource"),
        };
        let current = MetricValueStatus {
            average_utilization: found.percent,
            average_value: Some(Quantity(decimal(found.average, false))),
            value: None,
        };
        Ok((found.replicas, title, status(name, container, current)))
    }

    fn ask(
        &self,
        question: &Question<'_>,
        namespace: &str,
        sync: &Sync<'_>,
    ) -> Result<Proposal, String> {
        let unable = format!(
            "unable to get metrics for resource {}: unable to fetch metrics from resource \
             metrics API: the server could not find the requested resource (get \
             pods.metrics.k8s.io)",
            question.resource
        );
        let metrics = sync.metrics.ok_or(unable)?;
        let pods: Vec<(&Key, &Pod)> = sync
            .view
            .objects_in(Kind::Pod, namespace)
            .filter(|(_, object)| self.selector.matches(object))
            .filter_map(|(key, object)| Some((key, Pod::of(object)?)))
            .collect();
        let samples = metrics.of(&pods, sync.now);
        if samples.is_empty() {
            let resource = question.resource;
            let text = format!(
                "unable to get metrics for resource {resource}: no metrics returned from \
                 resource metrics API"
            );
            return Err(text);
        }
        question.answer(&pods, &samples)
    }
}

fn status(name: &str, container: Option<&str>, current: MetricValueStatus) -> MetricStatus {
    let name = name.to_owned();
    match container {
        None => MetricStatus {
            type_: "Resource".to_owned(),
            resource: Some(ResourceMetricStatus { name, current }),
            ..MetricStatus::default()
        },
        Some(container) => MetricStatus {
            type_: "ContainerResource".to_owned(),
            container_resource: Some(ContainerResourceMetricStatus {
                container: container.to_owned(),
                name,
                current,
            }),
            ..MetricStatus::default()
        },
    }
}

/// Metrics of other kinds need an adapter, and none is there.
fn unregistered(spec: &MetricSpec, namespace: &str) -> Failure {
    const CUSTOM: &str = "unable to fetch metrics from custom metrics API: no custom metrics API \
                          (custom.metrics.k8s.io) registered";
    if let Some(source) = &spec.pods {
        let text = format!("unable to get metric {}: {CUSTOM}", source.metric.name);
        let prefix = "failed to get pods metric value".to_owned();
        return Failure { reason: "FailedGetPodsMetric", prefix, text };
    }
    if let Some(source) = &spec.object {
        let (name, of) = (&source.metric.name, &source.described_object);
        let text =
            format!("unable to get metric {name}: {} on {namespace} {}/{CUSTOM}", of.kind, of.name);
        let prefix = "failed to get object metric value".to_owned();
        return Failure { reason: "FailedGetObjectMetric", prefix, text };
    }
    let name = spec.external.as_ref().map_or("", |e| e.metric.name.as_str());
    let text = format!(
        "unable to get external metric {namespace}/{name}/nil: unable to fetch metrics from \
         external metrics API: no external metrics API (external.metrics.k8s.io) registered"
    );
    let prefix = format!("failed to get {name} external metric value");
    Failure { reason: "FailedGetExternalMetric", prefix, text }
}
