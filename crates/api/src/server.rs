//! The server: connections, limits, and the way from a request to its endpoint.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, RawPathParams, Request};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::{RequestExt, Router};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;
use waypost_routprot::{Refusal, Status, suggestion};

use crate::access::Peer;
use crate::call::{Api, Call, in_time};
use crate::endpoints::{Access, ENDPOINTS, Endpoint, Method};
use crate::failure::Failure;
use crate::feed::{self, Feed};
use crate::{AccessPolicy, Daemon, Service};

/// How long connections are given to finish what they do when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// After an `accept` that failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client may take up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of a body from a peer that may write.
    pub body: usize,
    /// Octets of a body from any other peer.
    pub reader_body: usize,
    /// How long a request may take, its body included.
    pub request: Duration,
    /// How long an autostatic update may take; a little longer than the manager waits for its neighbours.
    pub autostatic: Duration,
    /// How long the head of a request may take, and a connection may be idle.
    pub idle: Duration,
    /// Connections at once of peers that may write.
    pub writers: usize,
    /// Connections at once of all other peers; they never take the writers' places.
    pub readers: usize,
    /// Connections at once of any one of the other users, so that one of them leaves places for the rest.
    pub each_reader: usize,
    /// The least time between two events of a watch.
    pub watch_period: Duration,
    /// The time between two events with counters, for those who watch them.
    pub counters_period: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            reader_body: 1 << 20,
            request: Duration::from_secs(30),
            autostatic: Duration::from_secs(65),
            idle: Duration::from_secs(60),
            writers: 64,
            readers: 64,
            each_reader: 16,
            watch_period: Duration::from_millis(200),
            counters_period: Duration::from_secs(1),
        }
    }
}

/// Binds the socket, in the place of one that a dead daemon left.
///
/// `mode` is the socket's mode: 0o660 keeps all but its owner and its group from connecting at all, 0o666 leaves it to the
/// [`AccessPolicy`]. [`give_to_group`] makes the group the right one.
///
/// # Errors
/// `AddrInUse` when a daemon answers there, or something else than a socket has the name.
pub fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if let Ok(there) = std::fs::symlink_metadata(path) {
        if !there.file_type().is_socket() || UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Makes a group the socket's, so that its members may connect whatever the mode says of others.
///
/// # Errors
/// When this process may not: it takes CAP_CHOWN, or to own the socket and be in the group.
pub fn give_to_group(path: &Path, group: u32) -> io::Result<()> {
    std::os::unix::fs::chown(path, None, Some(group))
}

/// A running server. Dropping it stops it.
pub struct Server {
    api: Arc<Api>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on a thread of its own until stopped.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub fn start(
        listener: UnixListener,
        daemon: Arc<dyn Daemon>,
        policy: AccessPolicy,
        limits: Limits,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(8)
            .build()?;
        let (stop, stopping) = watch::channel(false);
        let api = Arc::new(Api {
            daemon,
            policy,
            limits,
            feed: Feed::new(),
            stopping,
        });
        let served_api = api.clone();
        let thread = std::thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || {
                let api = served_api;
                let served = runtime.block_on(async {
                    let listener = tokio::net::UnixListener::from_std(listener)?;
                    tokio::spawn(feed::snapshots(api.clone()));
                    tokio::spawn(feed::counters(api.clone()));
                    serve(listener, api).await;
                    Ok::<_, io::Error>(())
                });
                // INVARIANT: registering a fresh listener fails only when the event queue is out of memory.
                drop(served);
                // A name service that hangs does not keep the daemon from stopping.
                runtime.shutdown_timeout(Duration::from_millis(100));
            })?;
        Ok(Self {
            api,
            stop,
            thread: Some(thread),
        })
    }

    /// The same API for whoever lets people in by another door than the socket.
    #[must_use]
    pub fn service(&self) -> Service {
        Service::new(&self.api)
    }

    /// Stops: no new connections, requests in progress are answered, watches end.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.finish();
    }
}

async fn serve(listener: tokio::net::UnixListener, api: Arc<Api>) {
    let app = router(&api);
    let writers = Arc::new(Semaphore::new(api.limits.writers));
    let readers = Arc::new(Semaphore::new(api.limits.readers));
    let users = Arc::new(Users::default());
    let mut refused = false;
    let mut stopping = api.stopping.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if std::mem::take(&mut refused) {
                        tracing::info!("connections to the management API are accepted again");
                    }
                    let (app, api, writers, readers) = (app.clone(), api.clone(), writers.clone(), readers.clone());
                    let users = users.clone();
                    connections.spawn(async move {
                        let peer = Peer::of(&stream, &api.policy).await;
                        let places = if peer.may_write { writers } else { readers };
                        let own = if peer.may_write { usize::MAX } else { api.limits.each_reader };
                        match (Users::enter(&users, peer.uid, own), places.try_acquire_owned()) {
                            (Some(_entry), Ok(_place)) => connection(stream, peer, app, &api).await,
                            _ => turn_away(&stream).await,
                        }
                    });
                }
                Err(error) => {
                    if !std::mem::replace(&mut refused, true) {
                        tracing::error!(%error, "connections to the management API cannot be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    drop(tokio::time::timeout(STOP_GRACE, finish).await);
}

/// How many connections each user has.
#[derive(Debug, Default)]
struct Users(Mutex<BTreeMap<u32, usize>>);

/// A connection of a user; it is over when this is dropped.
struct Entry {
    users: Arc<Users>,
    uid: u32,
}

impl Users {
    /// One more connection, unless the user has as many as it may.
    fn enter(users: &Arc<Self>, uid: u32, most: usize) -> Option<Entry> {
        let mut counts = users.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(uid).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Entry {
            users: users.clone(),
            uid,
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut counts = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.uid);
            }
        }
    }
}

/// Says that there are too many connections; a peer whose buffer is full does not get to know.
async fn turn_away(stream: &tokio::net::UnixStream) {
    let body = r#"{"refusals":[{"status":1003,"reason":"too many connections; try again later"}]}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    if stream.writable().await.is_ok() {
        drop(stream.try_write(answer.as_bytes()));
    }
}

async fn connection(stream: tokio::net::UnixStream, peer: Peer, app: Router, api: &Api) {
    let peer = Arc::new(peer);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        app.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(api.limits.idle);
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let mut stopping = api.stopping.clone();
    // How a connection ends is the client's business: one that breaks off is no news.
    tokio::select! {
        ended = served.as_mut() => return drop(ended),
        _ = stopping.wait_for(|stopping| *stopping) => served.as_mut().graceful_shutdown(),
    }
    drop(served.await);
}

/// The router that the table of endpoints describes.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        let api = api.clone();
        let filter = match endpoint.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        };
        router = router.route(
            endpoint.path,
            on(filter, move |request: Request| async move {
                match answer(api, endpoint, request).await {
                    Ok(response) => response,
                    Err(failure) => failure.into_response(),
                }
            }),
        );
    }
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
}

async fn unknown_path(uri: Uri) -> Response {
    let path = uri.path();
    let reason = match suggestion(path, ENDPOINTS.iter().map(|endpoint| endpoint.path)) {
        Some(meant) => format!("there is nothing at this path; did you mean '{meant}'?"),
        None => "there is nothing at this path; GET /v1/openapi.json describes the API".to_owned(),
    };
    let shown: String = path.chars().take(200).collect();
    Failure::from(Failure::not_found(reason).with_value(shown)).into_response()
}

async fn wrong_method(request: Request) -> Response {
    let refusal = Refusal::invalid("this path takes another method").with_value(request.method());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, refusal).into_response()
}

async fn answer(api: Arc<Api>, endpoint: &'static Endpoint, request: Request) -> Result<Response, Failure> {
    let limit = (endpoint.time)(&api.limits);
    let work = async {
        let call = admit(api, endpoint, request).await?;
        (endpoint.handler)(call).await
    };
    in_time(limit, work).await.map(IntoResponse::into_response)
}

/// Checks who asks and what for, and reads the request.
async fn admit(api: Arc<Api>, endpoint: &Endpoint, mut request: Request) -> Result<Call, Failure> {
    let denied = |reason: &str| Refusal::new(Status::ERROR_ACCESS_DENIED, reason);
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let peer = peer.ok_or_else(|| denied("it is not known who asks"))?;
    let allowed = match endpoint.access {
        Access::Read => peer.may_read,
        Access::Write => peer.may_write,
    };
    if !allowed {
        let action = match endpoint.access {
            Access::Read => "read from the router",
            Access::Write => "change the router",
        };
        return Err(
            denied(&format!("user {} may not {action}", peer.name(&api.policy).await))
                .with_allowed(format!(
                    "root, the user of the daemon, members of the group '{}'",
                    api.policy.group
                ))
                .into(),
        );
    }
    let query = query(endpoint, request.uri())?;
    let path = match request.extract_parts::<RawPathParams>().await {
        Ok(parts) => parts
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        Err(error) => return Err(Refusal::invalid(format!("the path is not valid: {error}")).into()),
    };
    let most = if peer.may_write {
        api.limits.body
    } else {
        api.limits.reader_body
    };
    let body = match endpoint.request {
        Some(_) => read(request, most).await?,
        None => Bytes::new(),
    };
    Ok(Call {
        api,
        peer,
        path,
        query,
        body,
    })
}

fn query(endpoint: &Endpoint, uri: &Uri) -> Result<BTreeMap<String, String>, Refusal> {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(Refusal::invalid("the query is not valid").with_value(uri.query().unwrap_or_default()));
    };
    let mut query = BTreeMap::new();
    let names = || endpoint.parameters.iter().map(|parameter| parameter.name);
    for (name, value) in pairs {
        if !names().any(|known| known == name) {
            let reason = match suggestion(&name, names()) {
                Some(meant) => format!("unknown query parameter; did you mean '{meant}'?"),
                None => "unknown query parameter".to_owned(),
            };
            let allowed: Vec<&str> = names().collect();
            let allowed = if allowed.is_empty() {
                "none".to_owned()
            } else {
                allowed.join(", ")
            };
            return Err(Refusal::invalid(reason).with_value(name).with_allowed(allowed));
        }
        if query.insert(name.clone(), value).is_some() {
            return Err(Refusal::invalid("the query parameter is given twice").with_value(name));
        }
    }
    Ok(query)
}

async fn read(request: Request, most: usize) -> Result<Bytes, Failure> {
    let too_long = || {
        let refusal = Refusal::invalid("the body is too long").with_allowed(format!("up to {most} octets"));
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, refusal)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_long());
    }
    let body: Body = request.into_body();
    match Limited::new(body, most).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(error) => Err(Refusal::invalid(format!("the body broke off: {error}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_places_and_gets_them_back() {
        let users = Arc::new(Users::default());
        let first = Users::enter(&users, 1000, 2).unwrap();
        let second = Users::enter(&users, 1000, 2).unwrap();
        assert!(Users::enter(&users, 1000, 2).is_none());
        let other = Users::enter(&users, 1001, 2).unwrap();
        drop(first);
        let third = Users::enter(&users, 1000, 2).unwrap();
        drop((second, third, other));
        assert!(users.0.lock().unwrap().is_empty());
    }
}
