//! A stand-in for the daemon: fixed answers over HTTP/1.1, and a record of what was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A request that came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct State {
    /// By target, query included or not: the status and the body.
    answers: BTreeMap<String, (u16, Value)>,
    requests: Vec<Request>,
    /// The events of a watch, and whether it stays open after them.
    events: (Vec<Value>, bool),
}

/// The stand-in; its socket goes away with it.
pub(crate) struct Daemon {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

pub(crate) fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Daemon {
    pub(crate) fn start() -> Self {
        let mut state = State::default();
        for name in [
            "status",
            "interfaces",
            "protocols",
            "neighbors",
            "routes",
            "config",
            "revisions",
            "counters",
            "database",
            "fib",
            "schema",
            "explain",
        ] {
            state.answers.insert(format!("/v1/{name}"), (200, fixture(name)));
        }
        let plan = fixture("plan-live");
        let mut applied = plan.clone();
        applied["revision"] = 12.into();
        applied["changed"] = true.into();
        for (target, answer) in [
            ("/v1/plan", plan),
            ("/v1/apply", applied.clone()),
            ("/v1/rollback", applied),
            ("/v1/diff", fixture("diff")),
            ("/v1/policies", fixture("policies")),
            ("/v1/policies/up%20stream/test", fixture("policy-test")),
            ("/v1/autostatic/ppp%200", json!({ "routes": 3 })),
            ("/v1/revisions/7", json!({ "protocols": { "rip": {} } })),
            ("/v1/config?path=interfaces.eth0.rip.metric", json!(1)),
        ] {
            state.answers.insert(target.to_owned(), (200, answer));
        }
        let daemon = Self {
            folder: TempDir::new().unwrap(),
            state: Arc::new(Mutex::new(state)),
        };
        let listener = UnixListener::bind(daemon.socket()).unwrap();
        let state = daemon.state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), state.clone());
                // A client that goes away in the middle is no failure of the test.
                thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        daemon
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("waypost.sock")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn set(&mut self, target: &str, answer: Value) {
        self.state
            .lock()
            .unwrap()
            .answers
            .insert(target.to_owned(), (200, answer));
    }

    pub(crate) fn refuse(&mut self, target: &str, status: u16, refusals: &Value) {
        let answer = (status, json!({ "refusals": refusals }));
        self.state
            .lock()
            .unwrap()
            .answers
            .insert(target.to_owned(), answer);
    }

    pub(crate) fn watched(&mut self, events: Vec<Value>, stays_open: bool) {
        self.state.lock().unwrap().events = (events, stays_open);
    }

    pub(crate) fn answer(&self, target: &str) -> Value {
        found(&self.state.lock().unwrap(), target).1
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn found(state: &State, target: &str) -> (u16, Value) {
    let bare = target.split('?').next().unwrap_or_default();
    let answer = state.answers.get(target).or_else(|| state.answers.get(bare));
    answer.cloned().unwrap_or_else(|| {
        (404, json!({ "refusals": [{ "status": 1168, "reason": format!("the test has no answer for {target}") }] }))
    })
}

fn serve(stream: &UnixStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        let watch = target == "/v1/watch";
        let ((status, answer), (events, stays_open)) = {
            let mut state = state.lock().unwrap();
            state.requests.push(Request {
                method,
                target: target.clone(),
                body,
            });
            (found(&state, &target), state.events.clone())
        };
        if watch {
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            )?;
            for event in events {
                write!(writer, "data: {event}\n\n")?;
            }
            if stays_open {
                // Until the client goes away.
                reader.read_to_end(&mut Vec::new())?;
            }
            return Ok(());
        }
        let answer = answer.to_string();
        write!(
            writer,
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
}
