//! The status manager: the newest status of each pod on its way to the API.
//!
//! Models kubernetes `pkg/kubelet/status/status_manager.go`: writes of a pod follow each other;
//! what changes meanwhile goes with the next one. After the final status the object is deleted
//! with grace period 0 if its deletion was asked for.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::node::Env;
use super::status::merge;
use super::worker::{Stage, Worker};
use super::{Around, Due, Kubelet, Output, Tag};
use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::kube::api::object::Object;
use crate::kube::api::request::{ApiError, Body, Options, Request, Response, Subresource, Verb};
use crate::kube::kinds::Kind;

/// Time for a read and a patch of a pod.
const WRITE: Latency = Latency {
    name: "kubelet-status",
    quantiles_us: [4_000, 7_000, 10_000, 16_000, 40_000],
    source: "traces/kubelet/12, 31: between consecutive statuses of an idle machine",
};

/// What did not come through is tried at the next round of the status manager (`syncPeriod`).
const STATUS_SYNC: SimDuration = SimDuration::from_secs(10);

impl Worker {
    /// Hand over a status; it is written if it says something new.
    pub(super) fn set_status(&mut self, status: core::PodStatus, env: &mut Env<'_, '_>) {
        if self.status.as_deref() == Some(&status) {
            return;
        }
        self.status = Some(Arc::new(status));
        self.writing.dirty = true;
        self.arm_write(env);
    }

    /// Write the status once more, even if it says nothing new (`TerminatePod`).
    pub(super) fn write_again(&mut self, env: &mut Env<'_, '_>) {
        self.writing.dirty = true;
        self.arm_write(env);
    }

    fn arm_write(&mut self, env: &mut Env<'_, '_>) {
        if self.writing.armed || self.writing.sent {
            return;
        }
        self.writing.armed = true;
        let delay = env.draw(&WRITE);
        env.after(delay, Due::Write(self.uid.clone()));
    }

    /// A write is due.
    pub fn write_due(&mut self, env: &mut Env<'_, '_>) {
        self.writing.armed = false;
        if !self.writing.dirty || self.orphan {
            self.writing.dirty = false;
            return;
        }
        self.writing.dirty = false;
        let stored = match env.store.get(Kind::Pod, &self.key).map(|e| &*e.object) {
            Some(Object::Pod(pod)) if pod.metadata.uid.as_deref() == Some(&*self.uid) => pod,
            _ => return,
        };
        let Some(status) = &self.status else { return };
        let old = stored.status.clone().unwrap_or_default();
        let merged = merge(&old, status, self.stage < Stage::Terminated);
        if merged == old {
            self.written(env);
            return;
        }
        let mut pod = stored.clone();
        pod.status = Some(merged);
        let request = Request {
            verb: Verb::Update,
            kind: Kind::Pod,
            namespace: Some(self.key.namespace.clone()),
            name: Some(self.key.name.clone()),
            subresource: Subresource::Status,
            body: Body::Object(Arc::new(Object::Pod(pod))),
            options: options(),
        };
        self.writing.sent = true;
        env.cx.emit(Output::Request(Tag::Status(self.uid.clone()), Box::new(request)));
    }

    /// A write ended, well or not.
    fn answered(&mut self, conflict: bool, env: &mut Env<'_, '_>) {
        self.writing.sent = false;
        if conflict {
            self.writing.dirty = true;
        }
        self.written(env);
    }

    /// A write did not come through: the status manager looks again within ten seconds.
    fn not_written(&mut self, env: &mut Env<'_, '_>) {
        self.writing.sent = false;
        self.writing.dirty = true;
        if !self.writing.armed {
            self.writing.armed = true;
            let wait = env.cx.stream("kubelet-status-retry", &self.key.to_string());
            let wait = SimDuration(wait.between(0, STATUS_SYNC.0));
            env.after(wait, Due::Write(self.uid.clone()));
        }
    }

    fn written(&mut self, env: &mut Env<'_, '_>) {
        if self.writing.dirty {
            self.arm_write(env);
        } else if self.stage == Stage::Finished {
            self.delete_if_asked(env);
        }
    }

    /// Remove the object if its deletion was asked for and nothing is left to write.
    pub(super) fn delete_if_asked(&mut self, env: &mut Env<'_, '_>) {
        let asked = self.pod.metadata.deletion_timestamp.is_some();
        let busy = self.writing.dirty || self.writing.sent || self.writing.deleted;
        if !asked || busy || self.orphan {
            return;
        }
        self.writing.deleted = true;
        let request = Request {
            verb: Verb::Delete,
            kind: Kind::Pod,
            namespace: Some(self.key.namespace.clone()),
            name: Some(self.key.name.clone()),
            subresource: Subresource::None,
            body: Body::None,
            options: Options {
                grace_period_seconds: Some(0),
                precondition_uid: Some(self.uid.clone()),
                ..options()
            },
        };
        let delay = env.draw(&WRITE);
        let output = Output::Request(Tag::Delete(self.uid.clone()), Box::new(request));
        env.cx.emit_after(delay, output);
    }
}

/// Options of the kubelet's own requests.
#[must_use]
pub fn options() -> Options {
    Options { field_manager: Some("kubelet".into()), ..Options::default() }
}

/// HTTP status of a conflict.
const CONFLICT: u16 = 409;

impl Kubelet {
    /// An API request ended.
    pub(super) fn answered(
        &mut self,
        tag: &Tag,
        result: &Result<Response, ApiError>,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        match tag {
            Tag::Status(uid) if unserved(result) => {
                self.with(uid, around, cx, |w, env| w.not_written(env));
            }
            Tag::Delete(uid) if unserved(result) => {
                self.with(uid, around, cx, |w, env| {
                    w.writing.deleted = false;
                    w.not_written(env);
                });
            }
            Tag::Status(uid) => {
                let conflict = result.as_ref().is_err_and(|e| e.code == CONFLICT);
                self.with(uid, around, cx, |w, env| w.answered(conflict, env));
            }
            Tag::Delete(_) => {}
            Tag::Node => self.node_answered(result, around, cx),
            Tag::Lease => self.lease_answered(unserved(result), around, cx),
        }
    }
}

/// Whether a request was not served at all: nobody was reached, or the server failed.
pub(super) fn unserved(result: &Result<Response, ApiError>) -> bool {
    result.as_ref().is_err_and(|e| e.code == 0 || e.code == 429 || e.code >= 500)
}
