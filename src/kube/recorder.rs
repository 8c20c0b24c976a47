//! Event objects in the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Event, EventSeries, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::base::name::uuid;
use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Store;
use crate::kube::clock::{meta_time, micro_time};
use crate::kube::events::{Recorder, Regarding, Say, SeriesRecorder, Write};
use crate::kube::kinds::Kind;
use crate::kube::scheduler;

/// How long an event is kept (kube-apiserver `--event-ttl`).
pub const EVENT_TTL: SimDuration = SimDuration::from_secs(3600);

/// The recorders of all components, each shared with checkpoints until it writes again.
#[derive(Clone, Debug, Default)]
pub struct Recorders {
    counting: BTreeMap<(&'static str, Arc<str>), Arc<Recorder>>,
    series: Arc<SeriesRecorder>,
    number: u64,
}

impl Recorders {
    /// Write what a component tells. Returns the key of a new event object.
    pub fn write<O>(
        &mut self,
        store: &mut Store,
        component: &'static str,
        host: &str,
        say: &Say,
        cx: &mut Cx<'_, O>,
    ) -> Option<Key> {
        self.number += 1;
        // Upstream puts the nanoseconds of the moment into the name.
        let number = cx.now.0.wrapping_mul(1000).wrapping_add(self.number);
        let by_series = component == scheduler::NAME;
        let write = if by_series {
            Arc::make_mut(&mut self.series).correlate(say, cx.now, || number)
        } else {
            let recorder = self.counting.entry((component, host.into())).or_default();
            Arc::make_mut(recorder).correlate(say, cx.now, || number)
        };
        let namespace =
            if say.regarding.namespace.is_empty() { "default" } else { &say.regarding.namespace };
        match write {
            Write::Drop => None,
            Write::Create { name, message } => {
                let key = Key::new(namespace, &name);
                let uid = uuid(cx.rng.stream("event", ""));
                let mut event = base(say, &key, uid, message);
                event.metadata.creation_timestamp = Some(meta_time(cx.now));
                event.reporting_component = Some(component.to_owned());
                if by_series {
                    event.event_time = Some(micro_time(cx.now));
                    event.action = Some(action(say.reason).to_owned());
                    event.reporting_instance = Some(component.to_owned());
                } else {
                    event.source = Some(EventSource {
                        component: Some(component.to_owned()),
                        host: (!host.is_empty()).then(|| host.to_owned()),
                    });
                    event.first_timestamp = Some(meta_time(cx.now));
                    event.last_timestamp = Some(meta_time(cx.now));
                    event.count = Some(1);
                    event.reporting_instance = Some(host.to_owned());
                }
                store.commit(Kind::Event, &key, Some(Object::Event(event)), cx.now, cx.cause);
                Some(key)
            }
            Write::Repeat { name, message, count } => {
                let key = Key::new(namespace, &name);
                let mut object = (*store.get(Kind::Event, &key)?.object).clone();
                if let Object::Event(event) = &mut object {
                    event.message = Some(message);
                    if by_series {
                        let last = Some(micro_time(cx.now));
                        event.series =
                            Some(EventSeries { count: Some(count), last_observed_time: last });
                    } else {
                        event.count = Some(count);
                        event.last_timestamp = Some(meta_time(cx.now));
                    }
                }
                store.commit(Kind::Event, &key, Some(object), cx.now, cx.cause);
                None
            }
        }
    }
}

/// What the scheduler was about to do (`events.k8s.io` action).
fn action(reason: &str) -> &'static str {
    match reason {
        "Scheduled" => "Binding",
        "Preempted" => "Preempting",
        _ => "Scheduling",
    }
}

fn base(say: &Say, key: &Key, uid: String, message: String) -> Event {
    Event {
        metadata: ObjectMeta {
            name: Some(key.name.to_string()),
            namespace: Some(key.namespace.to_string()),
            uid: Some(uid),
            ..ObjectMeta::default()
        },
        involved_object: reference(&say.regarding),
        reason: Some(say.reason.to_owned()),
        message: Some(message),
        type_: Some(if say.warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

fn reference(regarding: &Regarding) -> ObjectReference {
    let some = |text: &Arc<str>| (!text.is_empty()).then(|| text.to_string());
    ObjectReference {
        kind: Some(regarding.kind.to_owned()),
        api_version: Some(regarding.api_version.to_owned()),
        namespace: some(&regarding.namespace),
        name: some(&regarding.name),
        uid: some(&regarding.uid),
        resource_version: some(&regarding.resource_version),
        field_path: some(&regarding.field_path),
    }
}
