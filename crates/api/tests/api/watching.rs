//! The feed, and how long a request takes.

use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::Instant;

use serde_json::{Value, json};
use waypost_api::client::ClientError;
use waypost_api::{Snapshot, StatusAnswer};
use waypost_manager::InterfaceChange;

use crate::daemon::{Router, Setup, interface, row};
use crate::hostile::status_of;

#[test]
fn a_watch_shows_the_state_and_every_change() {
    let router = Router::configured();
    let mut seen = 0;
    router
        .client()
        .watch(|snapshot: Snapshot| {
            seen += 1;
            match seen {
                1 => {
                    assert_eq!(snapshot.interfaces.len(), 1);
                    assert_eq!(snapshot.routes.rows[0].prefix, row("10.0.0.0/8").prefix);
                    assert_eq!((snapshot.protocols.len(), snapshot.neighbors.len()), (1, 1));
                    router.manage(|manager| {
                        manager.interfaces_changed([InterfaceChange::Present(interface(3, "eth1"))]);
                    });
                    ControlFlow::Continue(())
                }
                _ => {
                    assert_eq!(snapshot.interfaces[1].name, "eth1");
                    ControlFlow::Break(())
                }
            }
        })
        .unwrap();
    assert_eq!(seen, 2, "nothing is sent when nothing has changed");
}

#[test]
fn who_comes_later_sees_how_things_are_now() {
    let router = Router::configured();
    let first = |router: &Router| {
        let mut first = None;
        let watched = router.client().watch(|snapshot| {
            first = Some(snapshot);
            ControlFlow::Break(())
        });
        watched.unwrap();
        first.unwrap()
    };
    assert_eq!(first(&router).interfaces.len(), 1);
    router.manage(|manager| manager.interfaces_changed([InterfaceChange::Present(interface(3, "eth1"))]));
    let (mut latest, mut asked) = (first(&router), 1);
    // The first watcher may not have been missed yet; then what it saw last is followed by the news.
    while latest.interfaces.len() == 1 && asked < 100 {
        latest = first(&router);
        asked += 1;
    }
    assert_eq!(latest.interfaces.len(), 2);
}

#[test]
fn many_watch() {
    let router = Router::configured();
    let (ready, all_ready) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (mut client, ready) = (router.client(), ready.clone());
            scope.spawn(move || {
                let mut first = true;
                let watched = client.watch(|snapshot| {
                    if std::mem::take(&mut first) {
                        ready.send(()).unwrap();
                    }
                    if snapshot.interfaces.len() == 2 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                });
                watched.unwrap();
            });
        }
        for _ in 0..8 {
            all_ready.recv().unwrap();
        }
        router.manage(|manager| manager.interfaces_changed([InterfaceChange::Present(interface(3, "eth1"))]));
    });
}

#[test]
fn a_watch_ends_with_the_server() {
    let mut router = Router::configured();
    let mut client = router.client();
    let (ready, is_ready) = mpsc::channel();
    let ended = std::thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            client.watch(|_| {
                ready.send(()).unwrap();
                ControlFlow::Continue(())
            })
        });
        is_ready.recv().unwrap();
        router.stop_server();
        watcher.join().unwrap()
    });
    assert!(matches!(ended, Err(ClientError::Protocol(words)) if words.contains("watch")));
}

#[test]
fn the_feed_is_server_sent_events() {
    let router = Router::configured();
    let mut stream = router.stream();
    stream
        .write_all(b"GET /v1/watch HTTP/1.1\r\nhost: w\r\n\r\n")
        .unwrap();
    let lines: Vec<String> = BufReader::new(stream)
        .lines()
        .map(Result::unwrap)
        .scan(false, |done, line| {
            (!std::mem::replace(done, line.starts_with("data: "))).then_some(line)
        })
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")),
        "{lines:?}"
    );
    let data = lines.last().unwrap().strip_prefix("data: ").unwrap();
    assert_eq!(lines[lines.len() - 2], "event: snapshot");
    let snapshot: Value = serde_json::from_str(data).unwrap();
    let keys: Vec<&String> = snapshot.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["interfaces", "neighbors", "protocols", "routes"]);
}

/// Counters come by themselves to those who asked for them, and only to them.
#[test]
fn counters_are_watched_by_those_who_ask() {
    let router = Router::configured();
    let names = |path: &str, enough: usize| -> Vec<(String, Value)> {
        let mut stream = router.stream();
        let request = format!("GET {path} HTTP/1.1\r\nhost: w\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut name = String::new();
        let events = BufReader::new(stream)
            .lines()
            .map(Result::unwrap)
            .filter_map(|line| match line.split_once(": ") {
                Some(("event", of)) => {
                    of.clone_into(&mut name);
                    None
                }
                Some(("data", data)) => Some((name.clone(), serde_json::from_str(data).unwrap())),
                _ => None,
            });
        events.take(enough).collect()
    };
    let events = names("/v1/watch?counters=true", 4);
    let counted: Vec<u64> = events
        .iter()
        .filter(|(name, _)| name == "counters")
        .map(|(_, counters)| counters["interfaces"]["eth0"]["rx-packets"].as_u64().unwrap())
        .collect();
    assert!(counted.len() >= 2 && counted.is_sorted(), "{events:?}");
    assert!(events.iter().any(|(name, _)| name == "snapshot"), "{events:?}");
    assert_eq!(names("/v1/watch?counters=false", 1)[0].0, "snapshot");
    assert_eq!(status_of(&router, "GET", "/v1/watch?counters=often", b""), 400);
}

/// A request over an open connection costs little beside the work itself. The bound is loose, for busy machines; run with
/// `--nocapture` to see the numbers.
#[test]
fn a_request_is_fast() {
    let router = Setup::default().start();
    router.configure();
    let mut client = router.client();
    let mut measure = |name: &str, mut request: Box<dyn FnMut(&mut waypost_api::client::Client)>| {
        let mut times: Vec<_> = (0..1000)
            .map(|_| {
                let start = Instant::now();
                request(&mut client);
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!(
            "{name}: median {:?}, 99th percentile {:?}",
            times[500], times[990]
        );
        times[500]
    };
    let status = measure(
        "GET /v1/status",
        Box::new(|client| drop(client.get::<StatusAnswer>("/v1/status").unwrap())),
    );
    measure(
        "GET /v1/config",
        Box::new(|client| drop(client.get::<Value>("/v1/config").unwrap())),
    );
    let edit = json!({ "edits": [{ "set": { "path": "interfaces.eth0.rip.metric", "value": 3 } }] });
    measure(
        "POST /v1/plan",
        Box::new(move |client| drop(client.post::<Value>("/v1/plan", &edit).unwrap())),
    );
    let mut metric = 1;
    measure(
        "POST /v1/apply",
        Box::new(move |client| {
            metric = 3 - metric;
            let edit =
                json!({ "edits": [{ "set": { "path": "interfaces.eth0.rip.metric", "value": metric } }] });
            drop(client.post::<Value>("/v1/apply", &edit).unwrap());
        }),
    );
    let manager = || {
        let start = Instant::now();
        router.manage(|_| ());
        start.elapsed()
    };
    let mut hand_over: Vec<_> = (0..1000).map(|_| manager()).collect();
    hand_over.sort_unstable();
    println!(
        "of that, handing a job to the manager and back: median {:?}",
        hand_over[500]
    );
    assert!(status.as_millis() < 5, "{status:?}");
}
