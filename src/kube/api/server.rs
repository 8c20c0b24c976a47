//! Requests against the store.

use crate::base::rng::Stream;
use crate::base::time::SimTime;
use crate::engine::trace::TraceId;
use crate::kube::api::request::{ApiError, Request, Response};
use crate::kube::api::store::Store;

/// Serve a request: admission, defaults, validation, concurrency, write.
///
/// # Errors
/// As the real server refuses.
pub fn handle(
    _store: &mut Store,
    request: &Request,
    _now: SimTime,
    _rng: &mut Stream,
    _by: TraceId,
) -> Result<Response, ApiError> {
    Err(ApiError {
        code: 404,
        reason: "NotFound",
        message: format!("{} not found", request.kind.plural()),
        causes: Vec::new(),
    })
}
