//! Requests that mean no good, and clients that leave.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

use serde_json::{Value, json};
use waypost_api::client::ClientError;
use waypost_api::{Limits, StatusAnswer};
use waypost_routprot::Status;

use crate::daemon::{Router, Setup, refusals};

/// Sends octets as they are and reads until the server closes; gives the status code.
fn raw(router: &Router, request: &[u8]) -> (u16, String) {
    let mut stream = router.stream();
    // The server may have answered and closed before it has read everything.
    drop(stream.write_all(request));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    (status, answer)
}

pub(crate) fn status_of(router: &Router, method: &str, path: &str, body: &[u8]) -> u16 {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: waypost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    raw(router, &request).0
}

#[test]
fn hostile_bodies() {
    let router = Router::configured();
    let before: Value = router.client().get("/v1/config").unwrap();
    let deep_json = [
        &b"{\"edits\":[{\"replace\":"[..],
        &b"[".repeat(100_000),
        b"1",
        &b"]".repeat(100_000),
        b"}]}",
    ]
    .concat();
    let deep_toml = serde_json::to_vec(&json!({ "toml": format!("a = {}", "[".repeat(100_000)) })).unwrap();
    let dotted = serde_json::to_vec(&json!({ "toml": format!("[a{}]", ".a".repeat(100_000)) })).unwrap();
    let wide_path = serde_json::to_vec(
        &json!({ "edits": [{ "unset": "interfaces.a".to_owned() + &".a".repeat(100_000) }] }),
    )
    .unwrap();
    let deep_set = serde_json::to_vec(&json!({ "edits": [{ "set": { "path": "interfaces.eth0.rip".to_owned() + &".a".repeat(2_000), "value": 1 } }] })).unwrap();
    for body in [
        &b""[..],
        b"\xff\xfe",
        b"{\"toml\":\"\xff\"}",
        b"nonsense",
        b"{\"edits\":",
        b"null",
        b"{\"edits\":[{\"set\":{\"path\":\"router.id\",\"value\":1e999}}]}",
        &deep_json,
        &deep_toml,
        &dotted,
        &wide_path,
        &deep_set,
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(status_of(&router, "POST", "/v1/apply", body), 400, "{shown}");
    }
    assert_eq!(router.client().get::<Value>("/v1/config").unwrap(), before);
}

#[test]
fn bodies_have_a_limit() {
    let limits = Limits {
        body: 1000,
        ..Limits::default()
    };
    let router = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    assert_eq!(status_of(&router, "POST", "/v1/plan", &[b' '; 1001]), 413);
    assert_eq!(status_of(&router, "POST", "/v1/plan", &[b' '; 1000]), 400);
    // A body that does not say how long it is.
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    let request = format!(
        "POST /v1/plan HTTP/1.1\r\nhost: w\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    let (status, answer) = raw(&router, request.as_bytes());
    assert_eq!(status, 413, "{answer}");
    assert!(answer.contains("up to 1000 octets"), "{answer}");

    let limits = Limits {
        reader_body: 100,
        ..Limits::default()
    };
    let router = Setup {
        limits,
        writer: false,
        ..Setup::default()
    }
    .start();
    assert_eq!(status_of(&router, "POST", "/v1/diff", &[b' '; 101]), 413);
}

#[test]
fn heads_that_are_none() {
    let router = Setup::default().start();
    assert_eq!(raw(&router, b"\0\0\0\0\r\n\r\n").0, 400);
    assert_eq!(raw(&router, b"GET /v1/status\r\n\r\n").0, 400);
    let long = format!("GET /v1/{} HTTP/1.1\r\nhost: w\r\n\r\n", "a".repeat(70_000));
    assert!(matches!(raw(&router, long.as_bytes()).0, 414 | 431));
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    assert_eq!(
        raw(
            &router,
            format!("GET /v1/status HTTP/1.1\r\n{many}\r\n").as_bytes()
        )
        .0,
        431
    );
    assert_eq!(status_of(&router, "GET", "/v1/config?path=%ff%fe", b""), 404);
    assert_eq!(status_of(&router, "POST", "/v1/autostatic/%ff", b""), 400);
    assert_eq!(status_of(&router, "DELETE", "/v1/config", b""), 405);
    assert_eq!(status_of(&router, "GET", "/v1/status", b""), 200);
}

#[test]
fn a_client_that_is_silent_is_cut_off() {
    let limits = Limits {
        idle: Duration::from_millis(20),
        ..Limits::default()
    };
    let router = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    let (_, answer) = raw(&router, b"GET /v1/status HTTP/1.1\r\nhost:");
    assert!(!answer.contains("200 OK"), "{answer}");
    // And one whose connection was idle for too long opens another and does not notice.
    let mut client = router.client();
    for _ in 0..3 {
        let mut stream = router.stream();
        drop(stream.read(&mut [0]));
        let _: StatusAnswer = client.get("/v1/status").unwrap();
        let mut stream = router.stream();
        drop(stream.read(&mut [0]));
        let _: Value = client.post("/v1/plan", &json!({ "edits": [] })).unwrap();
    }
}

#[test]
fn a_request_has_a_limit_and_one_that_nobody_waits_for_is_not_begun() {
    let limits = Limits {
        request: Duration::from_millis(30),
        ..Limits::default()
    };
    let router = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let refusal = std::thread::scope(|scope| {
        let (busy, is_busy) = std::sync::mpsc::channel();
        let router = &router;
        scope.spawn(move || {
            router.manage(move |_| {
                busy.send(()).unwrap();
                hold.recv().unwrap();
            });
        });
        is_busy.recv().unwrap();
        let toml = json!({ "toml": "[protocols.rip]\n" });
        let refusal = refusals(router.client().post::<Value>("/v1/apply", &toml)).remove(0);
        release.send(()).unwrap();
        refusal
    });
    assert_eq!(refusal.status, Status::ERROR_CAN_NOT_COMPLETE);
    assert!(refusal.reason.starts_with("no answer within"), "{refusal}");
    assert!(router.manage(|manager| manager.tree().is_empty()));
}

#[test]
fn there_are_only_so_many_places() {
    let limits = Limits {
        writers: 2,
        ..Limits::default()
    };
    let router = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    let mut kept: Vec<_> = (0..2).map(|_| router.client()).collect();
    for client in &mut kept {
        let _: StatusAnswer = client.get("/v1/status").unwrap();
    }
    let (status, answer) = raw(&router, b"");
    assert_eq!(status, 503, "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    assert_eq!(
        serde_json::from_str::<waypost_api::Refusals>(body)
            .unwrap()
            .refusals
            .len(),
        1
    );
    let _: StatusAnswer = kept[0].get("/v1/status").unwrap();
    kept.pop();
    // The place is free as soon as the server has seen the connection close.
    while router.client().get::<StatusAnswer>("/v1/status").is_err() {}
}

#[test]
fn a_router_that_stops_says_so() {
    let mut router = Setup::default().start();
    let mut client = router.client();
    let _: StatusAnswer = client.get("/v1/status").unwrap();
    router.stop_manager();
    let refusal = refusals(client.get::<StatusAnswer>("/v1/status")).remove(0);
    assert_eq!(refusal.status, Status::ERROR_ROUTER_STOPPED);
    assert_eq!(status_of(&router, "GET", "/v1/status", b""), 503);
    router.stop_server();
    assert!(matches!(
        client.get::<StatusAnswer>("/v1/status"),
        Err(ClientError::NoDaemon { .. })
    ));
}

#[test]
fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let first = waypost_api::bind(&path, 0o600).unwrap();
    assert_eq!(
        waypost_api::bind(&path, 0o600).unwrap_err().kind(),
        std::io::ErrorKind::AddrInUse
    );
    drop(first);
    drop(waypost_api::bind(&path, 0o600).unwrap());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(
        waypost_api::bind(&path, 0o600).unwrap_err().kind(),
        std::io::ErrorKind::AddrInUse
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let router = Setup::default().start();
    let mut stream = router.stream();
    let one = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: w\r\n{more}\r\n");
    let both = one("/v1/nothing", "") + &one("/v1/status", "connection: close\r\n");
    stream.write_all(both.as_bytes()).unwrap();
    let lines: Vec<String> = BufReader::new(stream)
        .split(b'\n')
        .map(|line| String::from_utf8(line.unwrap()).unwrap())
        .collect();
    let statuses: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split("HTTP/1.1 ").nth(1))
        .map(|rest| &rest[..3])
        .collect();
    assert_eq!(statuses, ["404", "200"]);
}
