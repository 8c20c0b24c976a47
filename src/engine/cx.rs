//! What one step of a subsystem may touch.

use crate::base::message::Message;
use crate::base::rng::{Rngs, Stream};
use crate::base::time::{SimDuration, SimTime};
use crate::engine::fault::Faults;
use crate::engine::latency::Latency;
use crate::engine::trace::{Actor, Subject, Trace, TraceId};

/// One effect of a step: after a delay, with a cause, an output.
pub type Effect<O> = (SimDuration, TraceId, O);

/// The surroundings of one step. Outputs are values; the router of the world delivers them.
pub struct Cx<'a, O> {
    /// The moment of this step.
    pub now: SimTime,
    /// What caused this step; what is emitted gets this cause. [`Cx::record`] moves it on.
    pub cause: TraceId,
    /// Random streams.
    pub rng: &'a mut Rngs,
    /// What happened so far.
    pub trace: &'a mut Trace,
    /// Faults in force.
    pub faults: &'a Faults,
    /// Where outputs go.
    pub out: &'a mut Vec<Effect<O>>,
}

impl<O> Cx<'_, O> {
    /// Output at this very moment (after everything already due now).
    pub fn emit(&mut self, output: impl Into<O>) {
        self.emit_after(SimDuration::ZERO, output);
    }

    /// Output after a delay.
    pub fn emit_after(&mut self, delay: SimDuration, output: impl Into<O>) {
        self.out.push((delay, self.cause, output.into()));
    }

    /// Output at a moment; now if it is past.
    pub fn emit_at(&mut self, at: SimTime, output: impl Into<O>) {
        self.emit_after(at.since(self.now), output);
    }

    /// Write an effect into the trace. It becomes the cause of what follows in this step.
    pub fn record(&mut self, actor: Actor, subject: Subject, what: Message) -> TraceId {
        self.cause = self.trace.record(self.now, actor, subject, what, self.cause);
        self.cause
    }

    /// Write a decision or remark into the trace without making it the cause of what follows.
    pub fn note(&mut self, actor: Actor, subject: Subject, what: Message) -> TraceId {
        self.trace.record(self.now, actor, subject, what, self.cause)
    }

    /// Draw a delay from a latency model, from the stream of this actor.
    pub fn latency(&mut self, model: &'static Latency, actor: &str) -> SimDuration {
        model.draw(self.rng.stream(model.name, actor))
    }

    /// A random stream.
    pub fn stream(&mut self, purpose: &'static str, actor: &str) -> &mut Stream {
        self.rng.stream(purpose, actor)
    }

    /// Run a step of a lower layer, whose outputs become outputs of this one.
    pub fn within<I, R>(&mut self, step: impl FnOnce(&mut Cx<'_, I>) -> R) -> R
    where
        O: From<I>,
    {
        let mut inner: Vec<Effect<I>> = Vec::new();
        let mut cx = Cx {
            now: self.now,
            cause: self.cause,
            rng: self.rng,
            trace: self.trace,
            faults: self.faults,
            out: &mut inner,
        };
        let result = step(&mut cx);
        self.out.extend(inner.into_iter().map(|(d, cause, o)| (d, cause, O::from(o))));
        result
    }
}
