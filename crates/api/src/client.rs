//! The blocking client: one connection, one request at a time.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use waypost_routprot::Refusal;

use crate::{Refusals, Snapshot};

/// Longer than the server gives itself for an answer to all but an autostatic update.
const TIMEOUT: Duration = Duration::from_secs(35);
/// A watch has news, or a sign of life, more often than this.
const SILENCE: Duration = Duration::from_secs(45);

/// Where the daemon behind a socket writes down where its page is, with the token that opens it.
#[must_use]
pub fn page_file(socket: &Path) -> PathBuf {
    socket.with_extension("page")
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens at the socket, or it may not be opened.
    #[error("no daemon answers at {}: {cause}", path.display())]
    NoDaemon {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// Somebody listens there and does not answer. It is not known whether the request took effect.
    #[error("the daemon at {} does not answer: waited {} s", path.display(), waited.as_secs())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How long.
        waited: Duration,
    },
    /// The daemon turned the request down.
    #[error("{}", joined(.0))]
    Refused(Vec<Refusal>),
    /// What came was no answer of this API, or none came.
    #[error("{0}")]
    Protocol(String),
}

fn joined(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("\n")
}

/// A connection to the daemon. A connection that the daemon closed meanwhile is opened again.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    runtime: Runtime,
    connection: Option<SendRequest<Full<Bytes>>>,
    patience: Duration,
}

impl Client {
    /// Connects to the daemon's socket.
    ///
    /// # Errors
    /// [`ClientError::NoDaemon`] when nobody listens there.
    pub fn connect(path: impl Into<PathBuf>) -> Result<Self, ClientError> {
        let path = path.into();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|cause| no_daemon(&path, cause))?;
        let connection = runtime.block_on(open(&path))?;
        Ok(Self {
            path,
            runtime,
            connection: Some(connection),
            patience: TIMEOUT,
        })
    }

    /// How long an answer may take from now on; 35 s unless said otherwise. A watch is waited for to begin as long.
    pub fn set_timeout(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Asks for what is at a path such as `/v1/status`; [`query`] adds parameters.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ClientError> {
        read_json(&self.request(&Method::GET, path, &Bytes::new())?)
    }

    /// Asks for text, such as `/v1/config.toml`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub fn get_text(&mut self, path: &str) -> Result<String, ClientError> {
        let body = self.request(&Method::GET, path, &Bytes::new())?;
        String::from_utf8(body.into()).map_err(|error| broken("the answer is not UTF-8", &error))
    }

    /// Sends a request with a body and returns the answer.
    ///
    /// # Errors
    /// Any [`ClientError`]. After [`ClientError::Protocol`] it is not known whether the request took effect.
    pub fn post<T: DeserializeOwned>(&mut self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| broken("the request is no JSON", &error))?;
        read_json(&self.request(&Method::POST, path, &body.into())?)
    }

    /// Calls `news` with the state now and after every change, until it breaks.
    ///
    /// # Errors
    /// Any [`ClientError`]; a daemon that stops ends the watch with [`ClientError::Protocol`].
    pub fn watch(&mut self, mut news: impl FnMut(Snapshot) -> ControlFlow<()>) -> Result<(), ClientError> {
        let Self {
            path,
            runtime,
            patience,
            ..
        } = self;
        let silent = |waited: Duration| ClientError::Silent {
            path: path.clone(),
            waited,
        };
        runtime.block_on(async {
            // A connection of its own, which goes away with the watch.
            let mut connection = open(path).await?;
            let request = request(&Method::GET, "/v1/watch", Bytes::new())?;
            let answer = tokio::time::timeout(*patience, connection.send_request(request))
                .await
                .map_err(|_| silent(*patience))?
                .map_err(|error| broken("the watch broke off", &error))?;
            if answer.status() != StatusCode::OK {
                let body = tokio::time::timeout(*patience, whole(answer)).await;
                return body.map_err(|_| silent(*patience))?.map(drop);
            }
            let mut body = answer.into_body();
            let mut pending = Vec::new();
            while let Some(frame) = tokio::time::timeout(SILENCE, body.frame())
                .await
                .map_err(|_| silent(SILENCE))?
            {
                let frame = frame.map_err(|error| broken("the watch broke off", &error))?;
                pending.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                    let event: Vec<u8> = pending.drain(..end + 2).collect();
                    let data = event
                        .split(|octet| *octet == b'\n')
                        .find_map(|line| line.strip_prefix(b"data: "));
                    if let Some(data) = data
                        && news(read_json(data)?).is_break()
                    {
                        return Ok(());
                    }
                }
            }
            Err(ClientError::Protocol("the daemon has ended the watch".to_owned()))
        })
    }

    fn request(&mut self, method: &Method, path: &str, body: &Bytes) -> Result<Bytes, ClientError> {
        let Self {
            path: socket,
            runtime,
            connection,
            patience,
        } = self;
        let exchange = async {
            // The connection's task gets a chance to see that the daemon has closed it.
            for _ in 0..2 {
                tokio::task::yield_now().await;
            }
            let mut fresh = false;
            loop {
                let mut sender = match connection.take().filter(|sender| !sender.is_closed()) {
                    Some(sender) => sender,
                    None => {
                        fresh = true;
                        open(socket).await?
                    }
                };
                match sender
                    .try_send_request(request(method, path, body.clone())?)
                    .await
                {
                    Ok(answer) => {
                        let answer = whole(answer).await;
                        *connection = Some(sender);
                        return answer;
                    }
                    // Not a word of it was sent, or asking twice does no harm: once more over a new connection.
                    Err(mut error) => {
                        // Not a word of it was sent, or asking twice does no harm: once more over a new connection.
                        let harmless = error.take_message().is_some() || *method == Method::GET;
                        if fresh || !harmless {
                            return Err(broken("the daemon did not answer", error.error()));
                        }
                    }
                }
            }
        };
        let result = runtime.block_on(async { tokio::time::timeout(*patience, exchange).await });
        result.unwrap_or_else(|_| {
            Err(ClientError::Silent {
                path: socket.clone(),
                waited: *patience,
            })
        })
    }
}

/// A path with query parameters, encoded.
#[must_use]
pub fn query<'p>(path: &str, parameters: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut whole = path.to_owned();
    for (number, (name, value)) in parameters.into_iter().enumerate() {
        whole.push(if number == 0 { '?' } else { '&' });
        whole.push_str(&encode(name));
        whole.push('=');
        whole.push_str(&encode(value));
    }
    whole
}

/// One part of a path, such as an interface's name, encoded (RFC 3986 section 2.1).
#[must_use]
pub fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for octet in part.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push('%');
            for digit in [octet >> 4, octet & 0xF] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

fn no_daemon(path: &Path, cause: io::Error) -> ClientError {
    ClientError::NoDaemon {
        path: path.to_owned(),
        cause,
    }
}

fn broken(what: &str, error: &dyn std::error::Error) -> ClientError {
    let cause = error
        .source()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    ClientError::Protocol(format!("{what}: {error}{cause}"))
}

async fn open(path: &Path) -> Result<SendRequest<Full<Bytes>>, ClientError> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(|cause| no_daemon(path, cause))?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken("the connection cannot be used", &error))?;
    // How it ends shows in the request it was for.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}

fn request(method: &Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, ClientError> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "waypost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|error| broken("the request is not valid", &error))
}

async fn whole(answer: Response<Incoming>) -> Result<Bytes, ClientError> {
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let body = body
        .map_err(|error| broken("the answer broke off", &error))?
        .to_bytes();
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice::<Refusals>(&body) {
        Ok(refused) if !refused.refusals.is_empty() => Err(ClientError::Refused(refused.refusals)),
        _ => Err(ClientError::Protocol(format!("the daemon answered {status}"))),
    }
}

fn read_json<T: DeserializeOwned>(octets: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(octets).map_err(|error| broken("the answer is not what was asked for", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded() {
        assert_eq!(
            query("/v1/routes", [("within", "10.0.0.0/8"), ("owner", "rip")]),
            "/v1/routes?within=10.0.0.0%2F8&owner=rip"
        );
        assert_eq!(encode("br é/.."), "br%20%C3%A9%2F..");
        assert_eq!(query("/v1/status", []), "/v1/status");
    }

    #[test]
    fn somebody_there_who_does_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut client = Client::connect(&path).unwrap();
        client.set_timeout(Duration::from_millis(20));
        for error in [
            client.get::<serde_json::Value>("/v1/status").unwrap_err(),
            client.watch(|_| ControlFlow::Continue(())).unwrap_err(),
        ] {
            assert!(matches!(error, ClientError::Silent { .. }), "{error}");
        }
    }

    #[test]
    fn nobody_there() {
        let error = Client::connect("/nonexistent/waypost.sock").unwrap_err();
        assert!(
            matches!(&error, ClientError::NoDaemon { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
        );
        assert!(
            error
                .to_string()
                .starts_with("no daemon answers at /nonexistent/waypost.sock: ")
        );
    }
}
