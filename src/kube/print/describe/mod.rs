//! `kubectl describe`: one printer per kind, from typed objects to text.
//!
//! Models kubectl `pkg/describe/describe.go` @v1.36. A printer is given the object and what it
//! looks up beside it (pods, events, …), so that it asks nothing itself. Left out: kinds that have
//! no printer of their own there fall to [`generic`], which shows the object as nested keys.

pub mod cluster;
pub mod config;
pub mod container;
pub mod generic;
pub mod hpa;
pub mod job;
pub mod network;
pub mod node;
pub mod pod;
pub mod quota;
pub mod storage;
pub mod volume;
pub mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use crate::base::table::{rows, tabwriter};
use crate::base::time::SimTime;

/// Longest annotation shown on one line (`maxAnnotationLen`).
const MAX_ANNOTATION: usize = 140;
/// The annotation that describe hides.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Labels, annotations and selectors.
pub type Map = BTreeMap<String, String>;

/// Events about an object, and the moment of the call; no events at all when they are not asked.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The moment of the call.
    pub now: SimTime,
    /// Events about the object; `None` with `--show-events=false` or for several objects.
    pub events: Option<&'a [Arc<Event>]>,
}

/// Lines of tab-separated cells, laid out when finished.
#[derive(Default)]
pub struct Lines(String);

impl Lines {
    /// One line, indented by two spaces per level.
    pub fn at(&mut self, level: usize, text: impl AsRef<str>) {
        for _ in 0..level {
            self.0.push_str("  ");
        }
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    /// `key:<tab>value` without indent.
    pub fn field(&mut self, key: &str, value: impl AsRef<str>) {
        self.at(0, format!("{key}:\t{}", value.as_ref()));
    }

    /// Text as it is.
    pub fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Name and namespace.
    pub fn head(&mut self, meta: &ObjectMeta) {
        self.field("Name", text(meta.name.as_ref()));
        self.field("Namespace", text(meta.namespace.as_ref()));
    }

    /// Labels under a title, one per line.
    pub fn labels(&mut self, title: &str, labels: Option<&Map>) {
        let empty = Map::new();
        let labels = labels.unwrap_or(&empty);
        if labels.is_empty() {
            self.at(0, format!("{title}:\t<none>"));
        }
        for (i, (key, value)) in labels.iter().enumerate() {
            let start = if i == 0 { format!("{title}:") } else { String::new() };
            self.at(0, format!("{start}\t{key}={value}"));
        }
    }

    /// Annotations under a title, long ones on lines of their own.
    pub fn annotations(&mut self, title: &str, annotations: Option<&Map>) {
        let shown: Vec<_> = annotations
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.as_str() != LAST_APPLIED)
            .collect();
        if shown.is_empty() {
            self.at(0, format!("{title}:\t<none>"));
        }
        for (i, (key, value)) in shown.into_iter().enumerate() {
            let start = if i == 0 { format!("{title}:") } else { String::new() };
            let value = value.strip_suffix('\n').unwrap_or(value);
            if value.len() + key.len() + 2 > MAX_ANNOTATION || value.contains('\n') {
                self.at(0, format!("{start}\t{key}:"));
                for line in value.split('\n') {
                    self.at(0, format!("\t  {}", shorten(line)));
                }
            } else {
                self.at(0, format!("{start}\t{key}: {value}"));
            }
        }
    }

    /// The table of events.
    pub fn events(&mut self, around: Around<'_>) {
        let Some(events) = around.events else { return };
        if events.is_empty() {
            self.field("Events", "<none>");
            return;
        }
        let mut sorted: Vec<&Event> = events.iter().map(|e| &**e).collect();
        sorted.sort_by_key(|e| e.last_timestamp.as_ref().map(|t| t.0));
        self.at(0, "Events:");
        self.at(1, "Type\tReason\tAge\tFrom\tMessage");
        self.at(1, "----\t------\t----\t----\t-------");
        for event in sorted {
            self.at(1, event_row(event, around.now));
        }
    }

    /// The text with its columns aligned.
    #[must_use]
    pub fn finish(self) -> String {
        tabwriter(&rows(&self.0), 0, 2)
    }

    /// The text with its tabs, as `rollout history --revision` prints it.
    #[must_use]
    pub fn unaligned(self) -> String {
        self.0
    }
}

fn event_row(event: &Event, now: SimTime) -> String {
    let first = match &event.event_time {
        Some(time) => age_at(time.0, now),
        None => age(event.first_timestamp.as_ref(), now),
    };
    let count = event.count.unwrap_or(0);
    let interval = if let Some(series) = &event.series {
        let last = series.last_observed_time.as_ref().map_or(unknown(), |t| age_at(t.0, now));
        format!("{last} (x{} over {first})", series.count.unwrap_or(0))
    } else if count > 1 {
        format!("{} (x{count} over {first})", age(event.last_timestamp.as_ref(), now))
    } else {
        first
    };
    let component = event.source.as_ref().and_then(|s| s.component.as_deref()).unwrap_or("");
    let from = if component.is_empty() {
        event.reporting_component.as_deref().unwrap_or("")
    } else {
        component
    };
    let mut message = text(event.message.as_ref()).trim().to_owned();
    if let Some(path) = event.involved_object.field_path.as_deref().filter(|p| !p.is_empty()) {
        message = format!("{path}: {message}");
    }
    let kind = text(event.type_.as_ref());
    format!("{kind}\t{}\t{interval}\t{from}\t{message}", text(event.reason.as_ref()))
}

fn shorten(line: &str) -> String {
    let max = MAX_ANNOTATION - 2;
    if line.chars().count() <= max {
        return line.to_owned();
    }
    let cut: String = line.chars().take(max).collect();
    format!("{cut}...")
}

/// The text of an optional string.
#[must_use]
pub fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

/// The text, or `<none>` when it is empty.
#[must_use]
pub fn or_none(value: &str) -> &str {
    if value.is_empty() { "<none>" } else { value }
}

fn unknown() -> String {
    "<unknown>".to_owned()
}

/// How long ago a moment was, in the short form of tables.
#[must_use]
pub fn age(time: Option<&Time>, now: SimTime) -> String {
    time.map_or_else(unknown, |t| age_at(t.0, now))
}

/// The same for a bare moment.
#[must_use]
pub fn age_at(time: Timestamp, now: SimTime) -> String {
    let then = time.as_microsecond();
    let now_us = i64::try_from(now.unix_seconds())
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000)
        .saturating_add(i64::try_from(now.0 % 1_000_000).unwrap_or(0));
    short_duration(now_us.saturating_sub(then))
}

/// `HumanDuration` of a number of microseconds (handbook kubelet-network §10).
#[must_use]
pub fn short_duration(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    if seconds < 0 {
        return "0s".to_owned();
    }
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{small_unit}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 192 {
        two(days, "d", hours % 24, "h")
    } else if days < 730 {
        format!("{days}d")
    } else if days < 8 * 365 {
        two(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

/// `Fri, 20 Nov 2026 10:53:48 +0000` (RFC 1123 with a numeric zone).
#[must_use]
pub fn date(time: Option<&Time>) -> String {
    time.map_or_else(unknown, |t| date_at(t.0))
}

/// The same for a bare moment.
#[must_use]
pub fn date_at(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// `True` or `False`.
#[must_use]
pub const fn title_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// `Deployment/web` of the owner that controls an object.
#[must_use]
pub fn controlled_by(meta: &ObjectMeta) -> Option<String> {
    let owner = meta.owner_references.iter().flatten().find(|o| o.controller == Some(true))?;
    Some(format!("{}/{}", owner.kind, owner.name))
}

/// A selector as one line: `app=web,tier in (a,b)`.
#[must_use]
pub fn selector(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "<none>".to_owned() };
    let mut parts: Vec<(String, String)> = Vec::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        parts.push((key.clone(), format!("{key}={value}")));
    }
    for term in selector.match_expressions.iter().flatten() {
        let mut values = term.values.clone().unwrap_or_default();
        values.sort();
        let values = values.join(",");
        let key = &term.key;
        let shown = match term.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            _ => format!("!{key}"),
        };
        parts.push((key.clone(), shown));
    }
    parts.sort();
    if parts.is_empty() {
        return "<none>".to_owned();
    }
    parts.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>().join(",")
}

/// `a=b,c=d`, or `<none>`.
#[must_use]
pub fn label_line(labels: Option<&Map>) -> String {
    let parts: Vec<String> =
        labels.into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") }
}

/// Amounts under a heading, one line each.
pub fn amounts(
    lines: &mut Lines,
    level: usize,
    title: &str,
    of: Option<&BTreeMap<String, Quantity>>,
) {
    let Some(of) = of.filter(|m| !m.is_empty()) else { return };
    lines.at(level, format!("{title}:"));
    for (name, amount) in of {
        lines.at(level + 1, format!("{name}:\t{}", amount.0));
    }
}

/// `RWO,ROX`: access modes in their short form.
#[must_use]
pub fn access_modes(modes: Option<&Vec<String>>) -> String {
    const ORDER: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |mode: &str| modes.is_some_and(|m| m.iter().any(|x| x == mode));
    let shown: Vec<&str> = ORDER.iter().filter(|(m, _)| has(m)).map(|(_, s)| *s).collect();
    shown.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_change_their_form_where_the_real_tool_does() {
        for (seconds, shown) in [
            (-2, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (154, "2m34s"),
            (605, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 60, "3h1m"),
            (9 * 3600, "9h"),
            (49 * 3600, "2d1h"),
            (9 * 86_400, "9d"),
            (800 * 86_400, "2y70d"),
        ] {
            assert_eq!(short_duration(seconds * 1_000_000), shown);
        }
    }

    #[test]
    fn labels_and_annotations_go_on_under_their_first() {
        let map = |v: serde_json::Value| serde_json::from_value::<Map>(v).unwrap();
        let mut lines = Lines::default();
        lines.field("Name", "web");
        lines.labels("Labels", Some(&map(json!({"app": "web", "tier": "x"}))));
        lines.annotations("Annotations", Some(&map(json!({LAST_APPLIED: "{}", "a": "1\n2"}))));
        assert_eq!(
            lines.finish(),
            "Name:         web\nLabels:       app=web\n              tier=x\n\
             Annotations:  a:\n                1\n                2\n"
        );
    }

    #[test]
    fn an_event_that_repeats_shows_both_ages() {
        let event: Event = serde_json::from_value(json!({
            "metadata": {}, "involvedObject": {"fieldPath": "spec.containers{web}"},
            "type": "Warning", "reason": "BackOff", "message": "Back-off ", "count": 3,
            "firstTimestamp": "2026-01-05T09:00:00Z", "lastTimestamp": "2026-01-05T09:00:40Z",
            "source": {"component": "kubelet"}
        }))
        .unwrap();
        assert_eq!(
            event_row(&event, SimTime::from_secs(61)),
            "Warning\tBackOff\t21s (x3 over 61s)\tkubelet\tspec.containers{web}: Back-off"
        );
    }

    #[test]
    fn selectors_on_one_line() {
        let read: LabelSelector = serde_json::from_value(json!({
            "matchLabels": {"b": "1"},
            "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}]
        }))
        .unwrap();
        assert_eq!(selector(Some(&read)), "a in (x,y),b=1");
    }
}
