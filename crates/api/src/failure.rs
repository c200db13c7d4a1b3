//! Requests that fail: refusals, and the HTTP status that fits them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use waypost_routprot::{Refusal, Status};

use crate::Refusals;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    http: StatusCode,
    refusals: Vec<Refusal>,
}

impl Failure {
    pub(crate) fn new(http: StatusCode, refusal: Refusal) -> Self {
        Self {
            http,
            refusals: vec![refusal],
        }
    }

    /// 404 with ERROR_NOT_FOUND.
    pub(crate) fn not_found(reason: impl Into<String>) -> Refusal {
        Refusal::new(Status::ERROR_NOT_FOUND, reason)
    }

    /// The thread that should have answered is gone.
    pub(crate) fn stopped() -> Self {
        Refusal::new(Status::ERROR_ROUTER_STOPPED, "the router is stopping").into()
    }
}

/// The HTTP status of a documented code.
const fn http_of(status: Status) -> StatusCode {
    match status {
        Status::ERROR_ACCESS_DENIED => StatusCode::FORBIDDEN,
        Status::ERROR_NOT_FOUND | Status::ERROR_NO_SUCH_INTERFACE => StatusCode::NOT_FOUND,
        Status::ERROR_ALREADY_EXISTS
        | Status::ERROR_INTERFACE_ALREADY_EXISTS
        | Status::ERROR_INTERFACE_NOT_CONNECTED
        | Status::ERROR_PROTOCOL_STOP_PENDING
        | Status::ERROR_UPDATE_IN_PROGRESS => StatusCode::CONFLICT,
        Status::ERROR_INVALID_PARAMETER | Status::ERROR_NOT_SUPPORTED | Status::ERROR_UNKNOWN_PROTOCOL_ID => {
            StatusCode::BAD_REQUEST
        }
        Status::ERROR_REVISION_MISMATCH => StatusCode::PRECONDITION_FAILED,
        Status::ERROR_ROUTER_STOPPED => StatusCode::SERVICE_UNAVAILABLE,
        Status::ERROR_DISK_FULL => StatusCode::INSUFFICIENT_STORAGE,
        // Everything else, a protocol's own codes included: the request was fine and the attempt failed.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(http_of(refusal.status), refusal)
    }
}

impl From<Vec<Refusal>> for Failure {
    fn from(refusals: Vec<Refusal>) -> Self {
        // A failure of the router weighs more than a mistake in the request.
        let worst = refusals.iter().map(|refusal| http_of(refusal.status)).max();
        Self {
            http: worst.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            refusals,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = Refusals {
            refusals: self.refusals,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        (self.http, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let mistake = || Refusal::invalid("no");
        let full = Refusal::new(Status::ERROR_DISK_FULL, "full");
        assert_eq!(Failure::from(mistake()).http, 400);
        assert_eq!(Failure::from(vec![mistake(), full, mistake()]).http, 507);
        assert_eq!(Failure::from(Refusal::new(Status(4711), "odd")).http, 500);
        assert_eq!(Failure::from(Vec::new()).http, 500);
    }
}
