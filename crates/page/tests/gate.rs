//! The gate over real connections, with something behind it that says who asked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::Response;
use futures_util::stream;
use waypost_page::{Behind, Limits, Options, Page};

/// A page with nothing but an echo behind it.
struct Rig {
    page: Option<Page>,
    address: SocketAddr,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

/// `/v1/watch` never ends; everything else says who asked for what.
fn echo() -> Behind {
    Arc::new(|request, author| {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let mut response = if path == "/v1/watch" {
                let first =
                    stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"data: 1\n\n")) });
                let more = stream::pending();
                Response::new(Body::from_stream(futures_util::StreamExt::chain(first, more)))
            } else {
                Response::new(Body::from(format!("{author} {path}")))
            };
            let kind = if path == "/v1/watch" {
                "text/event-stream"
            } else {
                "text/plain"
            };
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, kind.parse().unwrap());
            response
        })
    })
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")));
        line.and_then(|line| line.split_once(": "))
            .map(|(_, value)| value)
    }
}

impl Rig {
    fn start(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("waypost.page");
        let options = Options {
            address: "127.0.0.1:0".parse().unwrap(),
            url_file: file.clone(),
            user_name: Arc::new(|_| Some("alice".to_owned())),
            limits,
        };
        let page = Page::start(options, echo()).unwrap();
        Self {
            address: page.address(),
            page: Some(page),
            file,
            _directory: directory,
        }
    }

    fn token(&self) -> String {
        let url = std::fs::read_to_string(&self.file).unwrap();
        let start = format!("http://{}/#token=", self.address);
        url.trim_end().strip_prefix(&start).unwrap().to_owned()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends octets as they are and reads until the page closes.
    fn raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        // The page may have answered and closed before it has read everything.
        drop(stream.write_all(request.as_bytes()));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        let address = self.address;
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n"
        ))
    }

    /// As the page itself does it.
    fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let address = self.address;
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\norigin: http://{address}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        ))
    }

    fn offer(&self, token: &str) -> Answer {
        self.post("/session", "", &format!(r#"{{"token":"{token}"}}"#))
    }

    /// The header with the cookie of a new session.
    fn sign_in(&self) -> String {
        let answer = self.offer(&self.token());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let cookie = answer.header("set-cookie").unwrap();
        format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
    }
}

#[test]
fn the_token_opens_it_and_signing_out_closes_it() {
    let rig = Rig::start(Limits::default());
    let mode = std::fs::metadata(&rig.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(rig.token().len(), 64);
    for path in ["/v1/status", "/v1/config", "/session"] {
        let answer = rig.get(path, "");
        assert_eq!(answer.status, 401, "{path}");
        assert!(
            answer.body.contains("ERROR_ACCESS_DENIED") || answer.body.contains("sign in first"),
            "{}",
            answer.body
        );
    }
    let answer = rig.offer(&rig.token());
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"author":"page (alice)"}"#)
    );
    let set = answer.header("set-cookie").unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(
        set.starts_with(&format!("waypost-{}=", rig.address.port())),
        "{set}"
    );
    let cookie = format!("cookie: other=1; {}\r\n", set.split(';').next().unwrap());
    assert_eq!(rig.get("/v1/status", &cookie).body, "page (alice) /v1/status");
    assert_eq!(
        rig.post("/v1/apply", &cookie, "{}").body,
        "page (alice) /v1/apply"
    );
    assert_eq!(rig.get("/session", &cookie).status, 200);
    let out = rig.post("/session/end", &cookie, "{}");
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(rig.get("/v1/status", &cookie).status, 401);
}

#[test]
fn wrong_hosts_origins_and_cookies_get_nowhere() {
    let rig = Rig::start(Limits::default());
    let cookie = rig.sign_in();
    let address = rig.address;
    for host in ["evil.example", "evil.example:8480", "127.0.0.1:1"] {
        let answer = rig.raw(&format!(
            "GET /v1/status HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{cookie}\r\n"
        ));
        assert_eq!(answer.status, 421, "{host}");
        assert!(
            answer.body.contains(&address.to_string()),
            "it says what would be right: {}",
            answer.body
        );
    }
    let forged = |origin: &str, kind: &str| {
        rig.raw(&format!(
            "POST /v1/apply HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{origin}content-type: {kind}\r\n\
             {cookie}content-length: 2\r\n\r\n{{}}"
        ))
        .status
    };
    assert_eq!(forged("origin: http://evil.example\r\n", "application/json"), 403);
    assert_eq!(forged("origin: null\r\n", "application/json"), 403);
    assert_eq!(forged("", "application/json"), 403);
    assert_eq!(
        forged(&format!("origin: http://{address}\r\n"), "text/plain"),
        415
    );
    assert_eq!(
        forged(&format!("origin: http://{address}\r\n"), "application/json"),
        200
    );
    let name = format!("waypost-{}", address.port());
    for cookie in [
        String::new(),
        format!("cookie: {name}=\r\n"),
        format!("cookie: {name}={}\r\n", "0".repeat(64)),
        "cookie: waypost-1=abc\r\n".to_owned(),
        format!("cookie: {}\r\n", "x".repeat(4000)),
    ] {
        assert_eq!(rig.get("/v1/status", &cookie).status, 401, "{cookie}");
    }
}

#[test]
fn wrong_tokens_are_counted() {
    let rig = Rig::start(Limits::default());
    for _ in 0..5 {
        assert_eq!(rig.offer("0000").status, 401);
    }
    let answer = rig.offer(&rig.token());
    assert_eq!(answer.status, 429, "the right one has to wait, too");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
}

#[test]
fn sessions_end_by_themselves_and_so_do_their_events() {
    let rig = Rig::start(Limits {
        session: Duration::from_millis(300),
        ..Limits::default()
    });
    let cookie = rig.sign_in();
    // Read to its end, which is that of the session.
    let answer = rig.get("/v1/watch", &cookie);
    assert!(answer.body.contains("data: 1"), "{}", answer.body);
    let deadline = Instant::now() + Duration::from_secs(20);
    while rig.get("/v1/status", &cookie).status != 401 {
        assert!(Instant::now() < deadline, "it does not end");
    }
    let rig = Rig::start(Limits::default());
    let cookie = rig.sign_in();
    let mut events = rig.connect();
    write!(
        events,
        "GET /v1/watch HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{cookie}\r\n",
        rig.address
    )
    .unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"data: 1\n\n\r\n") {
        let mut octet = [0];
        events.read_exact(&mut octet).unwrap();
        seen.extend(octet);
    }
    rig.post("/session/end", &cookie, "{}");
    events.read_to_end(&mut seen).unwrap();
    assert!(seen.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&seen));
}

#[test]
fn what_is_too_long_or_too_slow_is_refused() {
    let rig = Rig::start(Limits {
        sign_in: Duration::from_millis(100),
        head: Duration::from_millis(100),
        ..Limits::default()
    });
    let long = format!(r#"{{"token":"{}"}}"#, "0".repeat(2000));
    assert_eq!(rig.post("/session", "", &long).status, 413);
    for body in [
        "",
        "{}",
        "[]",
        r#"{"token":7}"#,
        r#"{"token":"a","more":1}"#,
        "\u{0}",
    ] {
        assert_eq!(rig.post("/session", "", body).status, 400, "{body}");
    }
    let address = rig.address;
    let slow = format!(
        "POST /session HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    assert_eq!(rig.raw(&slow).status, 408);
    // A head that never comes to its end: the connection is closed.
    let half = rig.raw("GET / HTTP/1.1\r\nhost: ");
    assert!(half.status == 0 || half.status == 408, "{}", half.status);
    let endless = format!("GET /{} HTTP/1.1\r\nhost: {address}\r\n\r\n", "a".repeat(1 << 20));
    let answer = rig.raw(&endless);
    assert!(matches!(answer.status, 0 | 414 | 431), "{}", answer.status);
    // And it is there for others.
    assert_eq!(rig.get("/", "").status, 200);
}

#[test]
fn strangers_do_not_take_an_operators_place() {
    let rig = Rig::start(Limits {
        connections: 4,
        ..Limits::default()
    });
    let cookie = rig.sign_in();
    let mut operator = rig.connect();
    let ask = |stream: &mut TcpStream| {
        write!(
            stream,
            "GET /v1/status HTTP/1.1\r\nhost: {}\r\n{cookie}\r\n",
            rig.address
        )
        .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"page (alice) /v1/status") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            answer.extend(octet);
        }
    };
    ask(&mut operator);
    // All of these stay open; each new one has an older one cut off.
    let strangers: Vec<TcpStream> = (0..40).map(|_| rig.connect()).collect();
    ask(&mut operator);
    assert_eq!(rig.get("/v1/status", &cookie).status, 200);
    drop(strangers);
}

#[test]
fn every_answer_tells_the_browser_what_it_may_do() {
    let rig = Rig::start(Limits::default());
    for (path, status) in [
        ("/", 200),
        ("/main.js", 200),
        ("/nothing", 404),
        ("/v1/status", 401),
        ("/../etc/passwd", 404),
    ] {
        let answer = rig.get(path, "");
        assert_eq!(answer.status, status, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    assert_eq!(
        rig.get("/", "").header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let head = format!(
        "HEAD / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        rig.address
    );
    let answer = rig.raw(&head);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[test]
fn the_page_ends_with_its_daemon() {
    let mut rig = Rig::start(Limits::default());
    let cookie = rig.sign_in();
    let mut events = rig.connect();
    write!(
        events,
        "GET /v1/watch HTTP/1.1\r\nhost: {}\r\n{cookie}\r\n",
        rig.address
    )
    .unwrap();
    events.read_exact(&mut [0; 16]).unwrap();
    drop(rig.page.take());
    assert!(!rig.file.exists());
    assert!(TcpStream::connect(rig.address).is_err());
}

#[test]
fn an_address_that_is_taken_is_named() {
    let rig = Rig::start(Limits::default());
    let options = Options {
        address: rig.address,
        url_file: rig.file.with_extension("other"),
        user_name: Arc::new(|_| None),
        limits: Limits::default(),
    };
    let error = Page::start(options, echo()).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("the page cannot be served at {}: ", rig.address)),
        "{error}"
    );
    let missing = PathBuf::from("/nonexistent/waypost.page");
    let options = Options {
        address: "127.0.0.1:0".parse().unwrap(),
        url_file: missing,
        user_name: Arc::new(|_| None),
        limits: Limits::default(),
    };
    let error = Page::start(options, echo()).unwrap_err().to_string();
    assert!(
        error.starts_with("/nonexistent/waypost.page, through which"),
        "{error}"
    );
}
