//! The server: connections, and the way of a request through the gate.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use waypost_sys::{clock, process};
use waypost_wire::hex;

use crate::assets;
use crate::connections::{Connections, Guest, Place};
use crate::denial::Denial;
use crate::gate::{Gate, Visitor};
use crate::head;
use crate::sessions::{Lives, Pass};
use crate::url_file::UrlFile;
use crate::visitor::user_of;

/// What is behind the gate: it answers a request in the name of an author.
pub type Behind = Arc<dyn Fn(Request<Body>, String) -> BoxFuture<'static, Response> + Send + Sync>;
/// The name of a user. May block on the name service.
pub type UserName = Arc<dyn Fn(u32) -> Option<String> + Send + Sync>;

/// How long connections are given to finish what they do when the page stops.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// After an `accept` that failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Octets of the body of a request to sign in.
const SIGN_IN_BODY: usize = 1024;
/// Nothing but the page's own files is loaded, nothing inline runs, and no other page shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What clients may take up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long the head of a request may take, and a connection may be idle.
    pub head: Duration,
    /// How long a request to sign in may take.
    pub sign_in: Duration,
    /// How long a session lives without a request.
    pub idle: Duration,
    /// How long a session lives at all.
    pub session: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(60),
            sign_in: Duration::from_secs(10),
            idle: Duration::from_secs(3600),
            session: Duration::from_secs(12 * 3600),
        }
    }
}

/// What the page is to be like.
#[derive(Clone)]
pub struct Options {
    /// Where it is served. Port 0 is any that is free.
    pub address: SocketAddr,
    /// Where its address goes, with the token.
    pub url_file: PathBuf,
    /// How users are called, for the history.
    pub user_name: UserName,
    /// What clients may take up.
    pub limits: Limits,
}

/// Why the page is not served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("the page cannot be served at {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The file with the token cannot be written.
    #[error("{}, through which `waypost page` finds the page, cannot be written: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No thread, event queue or random numbers.
    #[error("the page cannot be served: {0}")]
    System(#[from] io::Error),
}

/// The page, served on a thread of its own so that strangers who are let no further keep nobody else waiting. Dropping it ends
/// that.
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    _url_file: UrlFile,
}

/// What all requests share.
struct Room {
    gate: Gate,
    behind: Behind,
    user_name: UserName,
    limits: Limits,
    /// The cookie's. Cookies of one host are sent to all its ports, so the port is part of the name.
    cookie: String,
    stopping: watch::Receiver<bool>,
}

impl Page {
    /// Draws a token, writes it down and serves.
    ///
    /// # Errors
    /// Any [`StartError`].
    pub fn start(options: Options, behind: Behind) -> Result<Self, StartError> {
        let wrong = |source| StartError::Address {
            address: options.address,
            source,
        };
        let listener = TcpListener::bind(options.address).map_err(wrong)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let token = secret()?;
        let url = format!("http://{address}/#token={token}");
        let url_file = UrlFile::write(options.url_file.clone(), &url).map_err(|source| StartError::File {
            path: options.url_file,
            source,
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .build()?;
        let (stop, stopping) = watch::channel(false);
        let lives = Lives {
            idle: options.limits.idle,
            whole: options.limits.session,
        };
        let room = Arc::new(Room {
            gate: Gate::new(&token, lives),
            behind,
            user_name: options.user_name,
            limits: options.limits,
            cookie: format!("waypost-{}", address.port()),
            stopping,
        });
        let thread = std::thread::Builder::new()
            .name("page".to_owned())
            .spawn(move || {
                let served = runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    serve(listener, room).await;
                    Ok::<_, io::Error>(())
                });
                // INVARIANT: registering a fresh listener fails only when the event queue is out of memory.
                drop(served);
                // A name service that hangs does not keep the daemon from stopping.
                runtime.shutdown_timeout(Duration::from_millis(100));
            })?;
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
            _url_file: url_file,
        })
    }

    /// Where it is served.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// 256 bits that nobody guesses, as text.
fn secret() -> io::Result<String> {
    Ok(hex::write(&process::random_octets::<32>()?))
}

async fn serve(listener: tokio::net::TcpListener, room: Arc<Room>) {
    let connections = Connections::new(room.limits.connections);
    let mut stopping = room.stopping.clone();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // Where all places are an operator's, one more browser waits for one to be free: it is cut off.
                Ok((stream, peer)) => if let Some(place) = Connections::enter(&connections) {
                    tasks.spawn(connection(stream, peer, place, room.clone()));
                },
                Err(error) => {
                    tracing::debug!(%error, "a connection to the page cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = tasks.join_next() => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    drop(listener);
    let finish = async { while tasks.join_next().await.is_some() {} };
    drop(tokio::time::timeout(STOP_GRACE, finish).await);
}

async fn connection(stream: TcpStream, peer: SocketAddr, place: Place, room: Arc<Room>) {
    let Ok(local) = stream.local_addr() else { return };
    let guest = place.guest.clone();
    let ends = Ends { peer, local };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(room.limits.head);
    let mut stopping = room.stopping.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (room, guest) = (room.clone(), guest.clone());
        async move {
            let (head, body) = request.into_parts();
            let answered = room.answer(&guest, ends, head, Body::new(body)).await;
            let mut response = answered.unwrap_or_else(Denial::into_response);
            dress(response.headers_mut());
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    // How a connection ends is the client's business: one that breaks off is no news.
    tokio::select! {
        ended = served.as_mut() => return drop(ended),
        () = place.guest.told_to_leave() => return,
        _ = stopping.wait_for(|stopping| *stopping) => served.as_mut().graceful_shutdown(),
    }
    drop(served.await);
}

/// The two ends of a connection.
#[derive(Clone, Copy)]
struct Ends {
    peer: SocketAddr,
    local: SocketAddr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: String,
}

impl Room {
    async fn answer(&self, guest: &Guest, ends: Ends, head: Parts, body: Body) -> Result<Response, Denial> {
        head::check(&head, ends.local)?;
        let own = cookie(&head.headers, &self.cookie).map(str::to_owned);
        let pass = || {
            let pass = self.gate.pass(clock::now(), own.as_deref());
            guest.mark(pass.is_ok());
            pass
        };
        match (&head.method, head.uri.path()) {
            (&Method::POST, "/session") => self.sign_in(ends, body).await,
            (&Method::POST, "/session/end") => {
                self.gate.sign_out(own.as_deref().unwrap_or_default());
                let mut response = empty();
                self.set_cookie(&mut response, "", Duration::ZERO);
                Ok(response)
            }
            (&Method::GET | &Method::HEAD, "/session") => {
                let author = pass()?.author;
                Ok(whole(
                    "application/json",
                    json!({ "author": author }).to_string().into(),
                ))
            }
            (_, path) if path.starts_with("/v1/") => {
                let pass = pass()?;
                let request = Request::from_parts(head, body);
                let response = (self.behind)(request, pass.author.clone()).await;
                Ok(while_signed_in(response, pass))
            }
            (&Method::GET | &Method::HEAD, path) => match assets::at(path) {
                Some(asset) => Ok(whole(asset.kind, asset.octets.into())),
                None => Err(nothing_there(path)),
            },
            (_, path) => Err(nothing_there(path)),
        }
    }

    async fn sign_in(&self, ends: Ends, body: Body) -> Result<Response, Denial> {
        let bad =
            |reason: &str| Denial::new(StatusCode::BAD_REQUEST, reason).with_allowed(r#"{"token": TEXT}"#);
        let read = Limited::new(body, SIGN_IN_BODY).collect();
        let read = tokio::time::timeout(self.limits.sign_in, read).await;
        let octets = read
            .map_err(|_| Denial::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?
            .map_err(|_| {
                Denial::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or broke off")
                    .with_allowed(&format!("up to {SIGN_IN_BODY} octets"))
            })?
            .to_bytes();
        let SignIn { token } = serde_json::from_slice(&octets).map_err(|_| bad("the body has no token"))?;
        let visitor = self.visitor(ends).await;
        let failed = |_| {
            Denial::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the kernel gives no random numbers",
            )
        };
        let secret = secret().map_err(failed)?;
        let signed_in = self.gate.sign_in(clock::now(), &visitor, &token, &secret);
        match &signed_in {
            Ok(author) => tracing::info!(author, peer = %ends.peer, "somebody signed in to the page"),
            Err(denial) if denial.wait.is_none() => {
                tracing::warn!(user = visitor.user, peer = %ends.peer, "a wrong token was offered to the page");
            }
            Err(_) => {}
        }
        let author = signed_in?;
        let mut response = whole("application/json", json!({ "author": author }).to_string().into());
        self.set_cookie(&mut response, &secret, self.limits.session);
        Ok(response)
    }

    async fn visitor(&self, ends: Ends) -> Visitor {
        let user_name = self.user_name.clone();
        let ask = move || {
            let user = user_of(ends.peer, ends.local);
            let name = user.and_then(|user| user_name(user));
            Visitor { user, name }
        };
        tokio::task::spawn_blocking(ask).await.unwrap_or_default()
    }

    fn set_cookie(&self, response: &mut Response, value: &str, age: Duration) {
        let text = format!(
            "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict",
            self.cookie,
            age.as_secs()
        );
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(header::SET_COOKIE, text);
        }
    }
}

/// The value of a cookie.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn nothing_there(path: &str) -> Denial {
    Denial::new(StatusCode::NOT_FOUND, "the page has nothing at this path").with_value(path)
}

fn empty() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn whole(kind: &'static str, octets: Bytes) -> Response {
    let mut response = Response::new(Body::from(octets));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Events go on for as long as the session does.
fn while_signed_in(response: Response, pass: Pass) -> Response {
    let events = HeaderValue::from_static("text/event-stream");
    if response.headers().get(header::CONTENT_TYPE) != Some(&events) {
        return response;
    }
    let (head, body) = response.into_parts();
    let Pass { left, mut ended, .. } = pass;
    let over = async move {
        // Nothing is ever sent: the channel closes with the session.
        drop(tokio::time::timeout(left, ended.changed()).await);
    };
    let events = body.into_data_stream().take_until(Box::pin(over));
    Response::from_parts(head, Body::from_stream(events))
}

/// What every answer says to the browser.
fn dress(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
