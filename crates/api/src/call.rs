//! One request on its way through the server.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{oneshot, watch};
use waypost_infobase::Tree;
use waypost_manager::{Author, Configuration, Manager};
use waypost_routprot::{Refusal, parse_text};
use waypost_types::{Time, WallTime};

use crate::access::Peer;
use crate::failure::Failure;
use crate::feed::Feed;
use crate::{AccessPolicy, Daemon, Limits, RouteAnswer, RouteQuery};

/// Work on more octets than this leaves the server's own thread, so that others are not held up.
const HEAVY: usize = 64 * 1024;
/// Octets of a note for the history: every revision is kept with its note.
const MAX_NOTE: usize = 4096;

/// What all requests share.
pub(crate) struct Api {
    pub(crate) daemon: Arc<dyn Daemon>,
    pub(crate) policy: AccessPolicy,
    pub(crate) limits: Limits,
    pub(crate) feed: Feed,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Api {
    /// Has the manager's thread do something. What nobody waits for any more is not begun.
    pub(crate) async fn manage<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Manager, Time, WallTime) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let (reply, answer) = oneshot::channel();
        self.daemon.manage(Box::new(move |manager, now, wall| {
            if !reply.is_closed() {
                drop(reply.send(work(manager, now, wall)));
            }
        }));
        answer.await.map_err(|_| Failure::stopped())
    }

    /// Asks the routing table.
    pub(crate) async fn routes(&self, query: RouteQuery) -> Result<RouteAnswer, Failure> {
        let (reply, answer) = oneshot::channel();
        let reply = move |routes| drop(reply.send(routes));
        self.daemon.routes(query, Box::new(reply));
        answer.await.map_err(|_| Failure::stopped())
    }
}

/// What an endpoint answers with.
pub(crate) enum Answer {
    Json(Vec<u8>),
    Toml(String),
    Events(Body),
}

impl Answer {
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, Failure> {
        serde_json::to_vec(value)
            .map(Self::Json)
            .map_err(|error| Refusal::failed(format!("the answer cannot be written as JSON: {error}")).into())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (kind, body) = match self {
            Self::Json(octets) => ("application/json", Body::from(octets)),
            Self::Toml(text) => ("application/toml; charset=utf-8", Body::from(text)),
            Self::Events(body) => ("text/event-stream", body),
        };
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
        (StatusCode::OK, headers, body).into_response()
    }
}

/// A request whose sender may make it, taken apart.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) peer: Arc<Peer>,
    /// The parts of the path in braces, by name.
    pub(crate) path: BTreeMap<String, String>,
    /// The query parameters, every one known to the endpoint.
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Call {
    /// A query parameter as something with a text form; `expected` says what that is.
    pub(crate) fn parameter<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.query.get(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            Refusal::invalid(format!("the query parameter '{name}' is not valid"))
                .with_value(text)
                .with_allowed(expected)
        })
    }

    /// A part of the path in braces.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The body as JSON of a known form.
    pub(crate) async fn body<T>(&self) -> Result<T, Failure>
    where
        T: DeserializeOwned + JsonSchema + Send + 'static,
    {
        let body = self.body.clone();
        let heavy = body.len() > HEAVY;
        Ok(spread(heavy, move || read_json(&body)).await??)
    }

    /// Configuration in force, with what it takes to make text of it.
    pub(crate) async fn in_force(&self) -> Result<(Configuration, Tree), Failure> {
        self.api
            .manage(|manager, _, _| (manager.configuration().clone(), manager.tree().clone()))
            .await
    }

    /// The peer as the author of a change.
    pub(crate) async fn author(&self, note: Option<String>) -> Result<Author, Refusal> {
        let note = note.unwrap_or_default();
        if note.len() > MAX_NOTE {
            return Err(Refusal::invalid("the note is too long")
                .at("note")
                .with_value(format!("{} octets", note.len()))
                .with_allowed(format!("up to {MAX_NOTE} octets")));
        }
        Ok(Author {
            name: self.peer.name(&self.api.policy).await,
            note,
        })
    }
}

/// Does work here, or, when it is heavy, on a thread where it holds nobody up.
pub(crate) async fn spread<R: Send + 'static>(
    heavy: bool,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Failure> {
    if !heavy {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Refusal::failed(format!("the request could not be worked on: {error}")).into())
}

fn read_json<T: DeserializeOwned + JsonSchema + 'static>(body: &[u8]) -> Result<T, Refusal> {
    // Left to itself, serde takes a list for a struct, members in order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Refusal::invalid("the body is no JSON object"));
    }
    let first = match serde_json::from_slice(body) {
        Ok(request) => return Ok(request),
        Err(error) => error,
    };
    // Something is wrong: take the longer way, which says what and where.
    let tree: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::invalid(format!("the body is not JSON: {error}")))?;
    match parse_text::<T>(&tree) {
        Err(refusal) => Err(refusal),
        Ok(_) => Err(Refusal::invalid(first.to_string())),
    }
}

/// Fails a request that takes too long.
pub(crate) async fn in_time<R>(
    limit: Duration,
    work: impl Future<Output = Result<R, Failure>>,
) -> Result<R, Failure> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let reason = format!(
            "no answer within {} s; what was begun may still take effect",
            limit.as_secs()
        );
        Err(Failure::new(StatusCode::GATEWAY_TIMEOUT, Refusal::failed(reason)))
    })
}
