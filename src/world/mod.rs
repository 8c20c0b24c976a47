//! One world: the clock, the queue, the router between subsystems; and its session.
