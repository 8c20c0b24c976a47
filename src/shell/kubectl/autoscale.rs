//! `kubectl autoscale`.
//!
//! Follows kubectl `pkg/cmd/autoscale/autoscale.go`.

use serde_json::{Value, json};

use super::apply::{DryRun, SEND};
use super::call::{Call, Run};
use super::create::{SAVE, show};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, full_name};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Body, Request, Verb as Ask};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "autoscale",
    usage: "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU]",
    about: "Make a HorizontalPodAutoscaler",
    flags: &[FILES, SEND, SAVE, FLAGS],
    required: &["max"],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("min", Takes::Int, "The least number of pods").or("-1"),
    Flag::new("max", Takes::Int, "The greatest number of pods"),
    Flag::new("cpu", Takes::Text, "Wanted use of cpu: 50% of the request, or 200m"),
    Flag::new("cpu-percent", Takes::Int, "Wanted use of cpu in percent").or("-1"),
    Flag::new("memory", Takes::Text, "Wanted use of memory: 50%, or 128Mi"),
    Flag::new("name", Takes::Text, "Name of the autoscaler"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let (min, max) = (call.flags.int("min"), call.flags.int("max"));
    if max < 1 {
        let message = format!("--max=MAXPODS is required and must be at least 1, max: {max}");
        return Err(Failure::plain(message).into());
    }
    if max < min {
        let message = format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"
        );
        return Err(Failure::plain(message).into());
    }
    let dry = DryRun::of(call)?;
    let metrics = metrics(call)?;
    let args = call.flags.args.clone();
    let mut found = call.find(&args, true)?;
    for object in std::mem::take(&mut found.objects) {
        if let Some(failure) = one(call, &object, min, max, &metrics, dry)? {
            found.failures.push(failure);
        }
    }
    found.end()
}

fn metrics(call: &Call<'_, '_>) -> Result<Vec<Value>, Failure> {
    let mut metrics = Vec::new();
    let percent = call.flags.int("cpu-percent");
    let legacy = if percent >= 0 { format!("{percent}%") } else { String::new() };
    let cpu = call.flags.some("cpu").map_or(legacy, str::to_owned);
    for (name, text) in [("cpu", cpu.as_str()), ("memory", call.flags.text("memory"))] {
        if text.is_empty() {
            continue;
        }
        let target = match text.strip_suffix('%') {
            Some(number) => {
                let number: i32 = number
                    .parse()
                    .map_err(|_| Failure::plain(format!("invalid value for --{name}: {text}")))?;
                json!({"type": "Utilization", "averageUtilization": number})
            }
            None => json!({"type": "AverageValue", "averageValue": text}),
        };
        metrics.push(json!({"type": "Resource", "resource": {"name": name, "target": target}}));
    }
    Ok(metrics)
}

fn one(
    call: &mut Call<'_, '_>,
    object: &Object,
    min: i64,
    max: i64,
    metrics: &[Value],
    dry: DryRun,
) -> Run<Option<Failure>> {
    let value = object.to_value();
    let text = |key: &str| value.get(key).cloned().unwrap_or(Value::Null);
    let name = call.flags.some("name").unwrap_or(object.name()).to_owned();
    let mut spec = json!({
        "maxReplicas": max,
        "scaleTargetRef": {
            "apiVersion": text("apiVersion"), "kind": text("kind"), "name": object.name()
        }
    });
    if let Some(map) = spec.as_object_mut() {
        if min >= 0 {
            map.insert("minReplicas".to_owned(), json!(min));
        }
        if !metrics.is_empty() {
            map.insert("metrics".to_owned(), json!(metrics));
        }
    }
    let made = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": object.namespace()}, "spec": spec
    });
    if dry == DryRun::Client {
        show(call, Kind::HorizontalPodAutoscaler, &name, &made, dry)?;
        return Ok(None);
    }
    let kind = Kind::HorizontalPodAutoscaler;
    let mut request = Request::new(Ask::Create, kind, object.namespace(), "");
    request.body = Body::Value(made);
    request.options.dry_run = dry == DryRun::Server;
    request.options.field_manager = Some("kubectl-autoscale".into());
    match call.object(request)? {
        Ok(object) => {
            call.line(format!("{} autoscaled{}", full_name(&object), dry.mark()));
            Ok(None)
        }
        Err(error) => Ok(Some(error.into())),
    }
}
