//! `kubectl events`.
//!
//! Follows kubectl `pkg/cmd/events/events.go`.

use k8s_openapi::api::core::v1::Event;

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::wanted;
use super::verbs::Verb;
use crate::base::table::tabwriter;
use crate::kube::api::request::Request;
use crate::kube::kinds::Kind;
use crate::kube::print::describe::{age, age_at, text};

pub(super) const VERB: Verb = Verb {
    path: "events",
    usage: "[(-o|--output=)json|yaml] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]",
    about: "Show events, the latest last",
    flags: &[FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("for", Takes::Text, "Only events about this object"),
    Flag::new("types", Takes::List, "Only events of these types"),
    Flag::new("all-namespaces", Takes::Bool, "In all namespaces").short('A'),
    Flag::new("no-headers", Takes::Bool, "Without names of columns"),
    Flag::new("watch", Takes::Bool, "Go on with new events").short('w'),
    Flag::new("output", Takes::Text, "Output format").short('o'),
    Flag::new("chunk-size", Takes::Int, "Objects per answer of the server").or("500"),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let everywhere = call.flags.on("all-namespaces");
    let namespace = if everywhere { "".into() } else { call.namespace.clone() };
    let mut request = Request::list(Kind::Event, &namespace);
    if let Some(target) = call.flags.some("for") {
        let found = wanted(&[target.to_owned()])?.into_iter().next();
        let Some((kind, name)) = found.and_then(|w| w.name.map(|n| (w.kind, n))) else {
            let message = "--for must be in resource/name form";
            return Err(Failure::plain(message).into());
        };
        let fields = format!("involvedObject.kind={},involvedObject.name={name}", kind.name());
        request.options.field_selector = Some(fields);
    }
    let all = call.objects(request)??;
    let types = call.flags.all("types").to_vec();
    let wanted = |event: &Event| {
        let kind = text(event.type_.as_ref());
        types.is_empty() || types.iter().any(|t| t.eq_ignore_ascii_case(kind))
    };
    let mut events: Vec<&Event> =
        all.iter().filter_map(|o| o.get::<Event>()).filter(|e| wanted(e)).collect();
    events.sort_by_key(|e| last(e));
    if events.is_empty() {
        let message = if everywhere {
            "No events found.".to_owned()
        } else {
            format!("No events found in {namespace} namespace.")
        };
        call.err(message);
        return Ok(());
    }
    let mut heads = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    if everywhere {
        heads.insert(0, "NAMESPACE");
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    if !call.flags.on("no-headers") {
        rows.push(heads.into_iter().map(str::to_owned).collect());
    }
    let now = call.io.now;
    for event in events {
        let about = &event.involved_object;
        let first = event
            .event_time
            .as_ref()
            .map_or_else(|| age(event.first_timestamp.as_ref(), now), |t| age_at(t.0, now));
        let count = event.series.as_ref().map_or(event.count, |s| s.count).unwrap_or(1);
        let seen = if count > 1 {
            let latest = match event.series.as_ref().and_then(|s| s.last_observed_time.as_ref()) {
                Some(time) => age_at(time.0, now),
                None => age(event.last_timestamp.as_ref(), now),
            };
            format!("{latest} (x{count} over {first})")
        } else {
            first
        };
        let mut row = vec![
            seen,
            text(event.type_.as_ref()).to_owned(),
            text(event.reason.as_ref()).to_owned(),
            format!("{}/{}", text(about.kind.as_ref()), text(about.name.as_ref())),
            text(event.message.as_ref()).trim().to_owned(),
        ];
        if everywhere {
            row.insert(0, event.metadata.namespace.clone().unwrap_or_default());
        }
        rows.push(row);
    }
    call.out(tabwriter(&rows, 6, 3));
    Ok(())
}

/// When an event was seen last, in microseconds.
fn last(event: &Event) -> Option<i64> {
    let series = event.series.as_ref().and_then(|s| s.last_observed_time.as_ref());
    series
        .map(|t| t.0.as_microsecond())
        .or_else(|| event.last_timestamp.as_ref().map(|t| t.0.as_microsecond()))
        .or_else(|| event.event_time.as_ref().map(|t| t.0.as_microsecond()))
}
