//! Requests that do not get past the gate, and what they are told.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use waypost_routprot::{Refusal, Status};

/// Why a request does not get past the gate: in the form in which the API refuses, too.
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) http: StatusCode,
    refusal: Box<Refusal>,
    /// How long to wait before another attempt.
    pub(crate) wait: Option<Duration>,
}

impl Denial {
    pub(crate) fn new(http: StatusCode, reason: &str) -> Self {
        Self {
            http,
            refusal: Box::new(Refusal::new(Status::ERROR_ACCESS_DENIED, reason)),
            wait: None,
        }
    }

    pub(crate) fn with_value(mut self, value: &(impl ToString + ?Sized)) -> Self {
        // A header may be long; enough of it to know it again is not.
        let shown: String = value.to_string().chars().take(200).collect();
        self.refusal = Box::new(self.refusal.with_value(shown));
        self
    }

    pub(crate) fn with_allowed(mut self, allowed: &str) -> Self {
        self.refusal = Box::new(self.refusal.with_allowed(allowed));
        self
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let body = json!({ "refusals": [self.refusal] }).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.http;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.wait {
            // Rounded up: who comes back then is let try.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
