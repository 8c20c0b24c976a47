//! `activeDeadlineSeconds`.
//!
//! Models kubernetes `pkg/kubelet/active_deadline.go`: looked at on every sync tick; an event each
//! time the status is made.

use super::Due;
use super::node::Env;
use super::texts;
use super::worker::{Stage, Worker};
use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::clock::sim_time;

impl Worker {
    /// When the pod's time is over, counted from its start time in whole seconds.
    fn deadline(&self) -> Option<SimTime> {
        let seconds = u64::try_from(self.spec.active_deadline_seconds?).ok()?;
        let status = self.status.as_deref().or(self.pod.status.as_ref())?;
        let start = sim_time(status.start_time.as_ref()?);
        Some(start + SimDuration::from_secs(seconds))
    }

    /// Wake at the deadline, if there is one.
    pub(super) fn arm_deadline(&self, env: &mut Env<'_, '_>) {
        let Some(deadline) = self.deadline() else { return };
        let at = env.node.tick_at(deadline);
        env.at(at, Due::Deadline(self.uid.clone()));
    }

    /// The deadline's timer.
    pub fn deadline_due(&mut self, env: &mut Env<'_, '_>) {
        if self.stage == Stage::Syncing && self.deadline().is_some_and(|d| d <= env.now()) {
            self.request_sync(true, env);
        }
    }

    /// Over the deadline the pod fails; the event comes with every status.
    pub(super) fn check_deadline(&mut self, env: &mut Env<'_, '_>) {
        if self.stage == Stage::Finished || self.deadline().is_none_or(|d| env.now() < d) {
            return;
        }
        let ended = self.verdict.is_none() && self.stage > Stage::Syncing;
        if ended || self.deleted() {
            return;
        }
        if self.verdict.is_none() {
            self.verdict = Some(("DeadlineExceeded", texts::DEADLINE.into()));
            env.record(self, Message::new("why-kubelet-deadline"));
        }
        env.say(self, None, false, "DeadlineExceeded", texts::DEADLINE);
    }
}
