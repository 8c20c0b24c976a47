//! Marks for what is simulated simplistically. `docs/FIDELITY.md` is generated from them.

/// Mark a simplification: an id (`kube.cronjob.timezone`) and one sentence of what is missing.
///
/// It evaluates to the id, so that a caller can tell the learner who touches it.
#[macro_export]
macro_rules! stub {
    ($id:literal, $what:literal) => {{
        const ID: &str = $id;
        ID
    }};
}

/// Stop on a bug of ours: a broken invariant, never bad input of a learner.
#[macro_export]
macro_rules! bug {
    ($($arg:tt)*) => { panic!("bug: {}", format_args!($($arg)*)) };
}
