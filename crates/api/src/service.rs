//! The API behind another door than the socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use tower::ServiceExt;

use crate::access::Peer;
use crate::call::Api;
use crate::server::router;

/// The endpoints of a [`crate::Server`], for whoever has made sure that their callers may change the router. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service(Router);

impl Service {
    pub(crate) fn new(api: &Arc<Api>) -> Self {
        Self(router(api))
    }

    /// Answers a request of somebody who may read and write. `author` stands in the history for what is changed.
    pub async fn answer(&self, mut request: Request<Body>, author: &str) -> Response {
        request.extensions_mut().insert(Arc::new(Peer::let_in(author)));
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
        }
    }
}
