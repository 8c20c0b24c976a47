//! kube-scheduler.

use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::kube::api::request::{ApiError, Request, Response};
use crate::kube::api::store::Change;
use crate::kube::events::Say;

pub mod pod;
pub mod cache;
pub mod queue;
pub mod plugins;
pub mod fit_error;
pub mod preemption;
pub mod cycle;

/// Name of the component.
pub const NAME: &str = "default-scheduler";

/// What wakes the scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Take the next pod.
    Next,
    /// Look whose wait is over.
    Flush,
}

/// What the scheduler wants of the cluster.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Come back with this input after a delay.
    Again(SimDuration, Input),
    /// Send a request.
    Request {
        /// Delay until it reaches the server.
        after: SimDuration,
        /// Comes back with the answer.
        tag: u64,
        /// The request.
        request: Request,
        /// Why.
        why: Option<Message>,
    },
    /// Tell something.
    Say(Say),
}

/// The process.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {}

impl Scheduler {
    /// Changes have reached the caches.
    pub fn changes<O>(&mut self, _changes: &[Arc<Change>], _cx: &mut Cx<'_, O>) -> Vec<Wish> {
        Vec::new()
    }

    /// A wake.
    pub fn step<O>(&mut self, _input: Input, _cx: &mut Cx<'_, O>) -> Vec<Wish> {
        Vec::new()
    }

    /// The answer to a request.
    pub fn answered<O>(
        &mut self,
        _tag: u64,
        _result: &Result<Response, ApiError>,
        _cx: &mut Cx<'_, O>,
    ) -> Vec<Wish> {
        Vec::new()
    }
}
