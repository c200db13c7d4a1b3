//! Planning, applying, differences, the way back, and autostatic updates.

use std::sync::mpsc;

use serde_json::{Value, json};
use waypost_api::client::{Client, ClientError};
use waypost_api::{
    AutostaticAnswer, ChangeRequest, DiffAnswer, EditRequest, HeaderAnswer, HeaderRequest, LoadAnswer,
    LoadRequest, SetRequest, hex, parse_value,
};
use waypost_manager::{Applied, Interface, InterfaceChange, Plan};
use waypost_routprot::router_blocks::{Block, InfoHeader};
use waypost_routprot::{Impact, Status};
use waypost_types::ProtocolId;

use crate::daemon::{Router, Setup, interface, refusals};
use crate::hostile::status_of;
use crate::protocol::CURSED_METRIC;

fn set(path: &str, typed: &str) -> ChangeRequest {
    let (value, typed) = parse_value(typed);
    let set = SetRequest {
        path: path.to_owned(),
        value,
        typed: Some(typed),
    };
    ChangeRequest {
        edits: Some(vec![EditRequest::Set(set)]),
        ..ChangeRequest::default()
    }
}

#[test]
fn plan_then_apply() {
    let router = Router::configured();
    let mut client = router.client();
    let request = set("interfaces.eth0.rip.metric", "3");
    let plan: Plan = client.post("/v1/plan", &request).unwrap();
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].path, "interfaces.eth0.rip.metric");
    assert_eq!(
        (plan.changes[0].old.clone(), plan.changes[0].new.clone()),
        (Some(json!(2)), Some(json!(3)))
    );
    assert_eq!(plan.changes[0].impact, Impact::Live);
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap(),
        2
    );

    let applied: Applied = client
        .post(
            "/v1/apply",
            &ChangeRequest {
                note: Some("steer".to_owned()),
                ..request
            },
        )
        .unwrap();
    assert_eq!((applied.revision, &applied.plan), (Some(2), &plan));
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap(),
        3
    );
    let revisions: Value = client.get("/v1/revisions").unwrap();
    assert_eq!(revisions[0]["author"], "alice");
    assert_eq!(revisions[0]["note"], "steer");
    // The shape of an answer, as others read it.
    let plan: Value = client
        .post("/v1/plan", &set("interfaces.eth0.rip.password", "4711"))
        .unwrap();
    assert_eq!(
        plan["changes"][0],
        json!({
            "path": "interfaces.eth0.rip.password", "old": "hunter2", "new": "4711",
            "impact": { "resets-neighbours": { "neighbours": ["192.0.2.7"] } },
            "reason": "used from the next update on",
        }),
        "a password of digits stays text"
    );
}

#[test]
fn every_form_of_edit() {
    let router = Router::configured();
    let mut client = router.client();
    let mut apply =
        |edits: Value| -> Applied { client.post("/v1/apply", &json!({ "edits": edits })).unwrap() };
    assert_eq!(
        apply(json!([{ "unset": "interfaces.eth0.rip.password" }]))
            .plan
            .changes
            .len(),
        1
    );
    apply(json!([{ "merge": { "interfaces": { "eth1": { "rip": { "metric": 5 } } } } }]));
    apply(json!([
        { "set": { "path": "interfaces.eth0.rip.metric", "value": 4 } },
        { "set": { "path": "interfaces.eth0.rip.accept-filter", "value": [{ "deny": "10.0.0.0/8 le 32" }] } },
    ]));
    let now: Value = router.client().get("/v1/config?path=interfaces").unwrap();
    assert_eq!(
        now,
        json!({
            "eth0": { "rip": { "metric": 4, "accept-filter": [{ "deny": "10.0.0.0/8 le 32" }] } },
            "eth1": { "rip": { "metric": 5 } },
        })
    );
    let same = apply(json!([]));
    assert_eq!((same.revision, same.plan), (Some(4), Plan::default()));
    apply(json!([{ "replace": { "protocols": { "rip": {} } } }]));
    assert_eq!(
        router.client().get::<Value>("/v1/config").unwrap(),
        json!({ "protocols": { "rip": { "update-interval": 30 } } })
    );
}

#[test]
fn refusals_name_path_value_and_range() {
    let router = Router::configured();
    let mut client = router.client();
    let before: Value = client.get("/v1/config").unwrap();
    for path in ["/v1/plan", "/v1/apply"] {
        let refusal =
            refusals(client.post::<Value>(path, &set("interfaces.eth0.rip.metric", "99"))).remove(0);
        assert_eq!(
            refusal.to_string(),
            "interfaces.eth0.rip.metric: value is out of range: 99 (allowed: 1..=16) [ERROR_INVALID_PARAMETER 87]"
        );
        let refusal = refusals(client.post::<Value>(path, &set("interfaces.eth0.rip.metrc", "3"))).remove(0);
        assert!(refusal.reason.contains("did you mean 'metric'?"), "{refusal}");
        let refusal =
            refusals(client.post::<Value>(path, &set("protocols.ripp.update-interval", "3"))).remove(0);
        assert!(refusal.reason.contains("did you mean 'rip'?"), "{refusal}");
    }
    // Every mistake of a file, not only the first.
    let file = "[protocols.rip]\nupdate-interval = 1\n[interfaces.eth0.rip]\nmetric = 17\n";
    let refused = refusals(client.post::<Value>("/v1/apply", &json!({ "toml": file })));
    let mut paths: Vec<&str> = refused.iter().map(|refusal| refusal.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        ["interfaces.eth0.rip.metric", "protocols.rip.update-interval"]
    );
    let refusal = refusals(client.post::<Value>(
        "/v1/apply",
        &json!({ "toml": "[protocols.rip]\nupdate-interval 3\n" }),
    ))
    .remove(0);
    assert!(refusal.reason.starts_with("line 2, column 17: "), "{refusal}");
    assert_eq!(refusal.value.as_deref(), Some("update-interval 3"));
    assert_eq!(client.get::<Value>("/v1/config").unwrap(), before);
}

#[test]
fn requests_of_the_wrong_form() {
    let router = Setup::default().start();
    let mut client = router.client();
    for (path, body, at, words) in [
        ("/v1/apply", json!({}), "", "either 'edits' or 'toml'"),
        (
            "/v1/apply",
            json!({ "edits": [], "toml": "" }),
            "",
            "either 'edits' or 'toml'",
        ),
        (
            "/v1/apply",
            json!({ "edit": [] }),
            "edit",
            "did you mean 'edits'?",
        ),
        (
            "/v1/apply",
            json!({ "edits": [{ "sett": {} }] }),
            "edits.0.sett",
            "did you mean 'set'?",
        ),
        (
            "/v1/apply",
            json!({ "edits": [{ "set": { "path": 3, "value": 1 } }] }),
            "edits.0.set.path",
            "text is expected",
        ),
        (
            "/v1/apply",
            json!({ "edits": [{ "set": { "path": "a..b", "value": 1 } }] }),
            "a..b",
            "empty",
        ),
        (
            "/v1/apply",
            json!({ "edits": [{ "unset": "eth0.rip" }] }),
            "eth0.rip",
            "unknown name",
        ),
        ("/v1/apply", json!([]), "", "no JSON object"),
        (
            "/v1/rollback",
            json!({ "revision": -1 }),
            "revision",
            "out of range",
        ),
        ("/v1/diff", json!({}), "", "either 'toml' or 'revision'"),
        ("/v1/schedule", json!({ "change": {} }), "", "'at' is missing"),
        (
            "/v1/apply",
            json!({ "edits": [], "confirm-within": 0 }),
            "confirm-within",
            "for that long",
        ),
    ] {
        let refusal = refusals(client.post::<Value>(path, &body)).remove(0);
        assert_eq!(
            (refusal.status, refusal.path.as_str()),
            (Status::ERROR_INVALID_PARAMETER, at),
            "{body}: {refusal}"
        );
        assert!(refusal.reason.contains(words), "{body}: {refusal}");
    }
}

#[test]
fn what_was_read_with_hidden_secrets_is_not_applied() {
    let router = Router::configured();
    let mut client = router.client();
    let file = "[protocols.rip]\n[interfaces.eth0.rip]\npassword = \"(hidden)\"\n";
    for body in [
        json!({ "toml": file }),
        json!({ "edits": [{ "set": { "path": "interfaces.eth0.rip.password", "value": "(hidden)" } }] }),
    ] {
        let refusal = refusals(client.post::<Value>("/v1/apply", &body)).remove(0);
        assert_eq!(refusal.path, "interfaces.eth0.rip.password");
    }
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.password")
            .unwrap(),
        "hunter2"
    );
}

#[test]
fn failures_of_the_router_are_told_from_mistakes() {
    let router = Router::configured();
    let mut client = router.client();
    let cursed = set("interfaces.eth0.rip.metric", &CURSED_METRIC.to_string());
    let refusal = refusals(client.post::<Value>("/v1/apply", &cursed)).remove(0);
    assert_eq!(
        (refusal.status, refusal.path.as_str()),
        (Status::ERROR_CAN_NOT_COMPLETE, "interfaces.eth0.rip.metric")
    );
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap(),
        2
    );

    let router = Setup::default().full_disk(1).full_disk(1).start();
    router.configure();
    let request = set("interfaces.eth0.rip.metric", "3");
    let refusal = refusals(router.client().post::<Value>("/v1/apply", &request)).remove(0);
    assert_eq!(refusal.status, Status::ERROR_DISK_FULL);
    let full = status_of(
        &router,
        "POST",
        "/v1/apply",
        &serde_json::to_vec(&request).unwrap(),
    );
    let _: Applied = router.client().post("/v1/apply", &request).unwrap();
    let failed = status_of(
        &router,
        "POST",
        "/v1/apply",
        &serde_json::to_vec(&cursed).unwrap(),
    );
    let missing = status_of(&router, "POST", "/v1/autostatic/eth9", b"");
    router.manage(|manager| {
        let unplugged = Interface {
            carrier: false,
            ..interface(2, "eth0")
        };
        manager.interfaces_changed([InterfaceChange::Present(unplugged)]);
    });
    let conflict = status_of(&router, "POST", "/v1/autostatic/eth0", b"");
    assert_eq!((full, failed, missing, conflict), (507, 500, 404, 409));
}

#[test]
fn differences() {
    let router = Router::configured();
    let mut client = router.client();
    let toml = "[interfaces.eth0.rip]\nmetric = 5\npassword = \"hunter2\"\n[protocols.rip]\n";
    let diff: DiffAnswer = client.post("/v1/diff", &json!({ "toml": toml })).unwrap();
    assert_eq!(diff.changes.len(), 1);
    assert_eq!(diff.changes[0].path, "interfaces.eth0.rip.metric");
    assert!(diff.text.contains("-metric = 2\n+metric = 5\n"), "{}", diff.text);
    assert!(
        diff.text.starts_with("--- running\n+++ proposed\n"),
        "{}",
        diff.text
    );
    let _: Applied = client.post("/v1/apply", &json!({ "toml": toml })).unwrap();
    let diff: DiffAnswer = client.post("/v1/diff", &json!({ "revision": 1 })).unwrap();
    assert!(
        diff.text.contains("+++ revision 1\n") && diff.text.contains("-metric = 5\n+metric = 2\n"),
        "{}",
        diff.text
    );
    assert_eq!(
        refusals(client.post::<DiffAnswer>("/v1/diff", &json!({ "revision": 7 })))[0].status,
        Status::ERROR_NOT_FOUND
    );
    let refused = refusals(client.post::<DiffAnswer>(
        "/v1/diff",
        &json!({ "toml": "[interfaces.eth0.rip]\nmetric = 0" }),
    ));
    assert_eq!(refused[0].path, "interfaces.eth0.rip.metric");
}

#[test]
fn the_way_back() {
    let router = Router::configured();
    let mut client = router.client();
    let _: Applied = client
        .post("/v1/apply", &set("interfaces.eth0.rip.metric", "3"))
        .unwrap();
    let plan: Applied = client
        .post("/v1/rollback", &json!({ "revision": 1, "plan": true }))
        .unwrap();
    assert_eq!((plan.revision, plan.plan.changes.len()), (None, 1));
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap(),
        3
    );
    let done: Applied = client
        .post("/v1/rollback", &json!({ "revision": 1, "note": "oops" }))
        .unwrap();
    assert_eq!((done.revision, done.plan), (Some(3), plan.plan));
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap(),
        2
    );
    let newest: Value = client.get("/v1/revisions?limit=1").unwrap();
    assert_eq!(
        (newest[0]["rollback-of"].clone(), newest[0]["note"].clone()),
        (json!(1), json!("oops"))
    );
    assert_eq!(
        refusals(client.post::<Value>("/v1/rollback", &json!({ "revision": 9 })))[0].status,
        Status::ERROR_NOT_FOUND
    );
}

#[test]
fn autostatic_updates() {
    let router = Router::configured();
    let mut client = router.client();
    let answer: AutostaticAnswer = client.post("/v1/autostatic/eth0", &json!({})).unwrap();
    assert_eq!(answer.routes, 1);
    let newest: Value = client.get("/v1/revisions?limit=1").unwrap();
    assert_eq!(
        (newest[0]["number"].clone(), newest[0]["author"].clone()),
        (json!(2), json!("alice"))
    );
    let refusal = refusals(client.post::<Value>("/v1/autostatic/eth9", &json!({}))).remove(0);
    assert_eq!(
        (refusal.status, refusal.path.as_str()),
        (Status::ERROR_NO_SUCH_INTERFACE, "interfaces.eth9")
    );
}

#[test]
fn many_at_once_are_one_after_the_other() {
    let router = Router::configured();
    let (started, all_started) = mpsc::channel();
    let numbers: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u32)
            .map(|thread| {
                let mut client = router.client();
                let started = started.clone();
                scope.spawn(move || {
                    started.send(()).unwrap();
                    (0..10)
                        .map(|round| {
                            let interval = (5 + thread * 10 + round).to_string();
                            let applied: Applied = client
                                .post("/v1/apply", &set("protocols.rip.update-interval", &interval))
                                .unwrap();
                            applied.revision.unwrap()
                        })
                        .collect::<Vec<u64>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    drop(started);
    assert_eq!(all_started.iter().count(), 8);
    let mut sorted = numbers;
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        (2..=81).collect::<Vec<u64>>(),
        "every change made a revision of its own"
    );
}

/// A container of blocks is read, changed by hand, and set again; a reader sees what there is but not the keys in it.
#[test]
fn a_container_of_blocks() {
    let router = Router::configured();
    let mut client = router.client();
    let read = |client: &mut Client, path: &str| client.get::<HeaderAnswer>(path);
    let there = read(&mut client, "/v1/header?interface=eth0").unwrap();
    let names: Vec<_> = there.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["rip"]);
    let apply = |client: &mut Client, interface: Option<&str>, hex: &str| {
        client.post::<Applied>(
            "/v1/apply",
            &ChangeRequest {
                edits: Some(vec![EditRequest::Header(HeaderRequest {
                    interface: interface.map(str::to_owned),
                    hex: hex.to_owned(),
                })]),
                ..ChangeRequest::default()
            },
        )
    };
    assert!(!apply(&mut client, Some("eth0"), &there.hex).unwrap().changed);
    // On another interface, and away from the first: an entry without octets.
    assert!(apply(&mut client, Some("eth5"), &there.hex).unwrap().changed);
    let path = "/v1/config?path=interfaces.eth5.rip.metric";
    assert_eq!(client.get::<Value>(path).unwrap(), 2);
    let mut header = InfoHeader::parse(&hex::read(&there.hex).unwrap()).unwrap();
    header
        .set(Block::new(ProtocolId::RIP.into(), 0, 0, Vec::new()).unwrap())
        .unwrap();
    apply(&mut client, Some("eth5"), &hex::write(&header.build())).unwrap();
    assert!(client.get::<Value>(path).is_err());
    let whole = read(&mut client, "/v1/header").unwrap();
    assert_eq!(
        (whole.interface, whole.entries[0].kind),
        (None, ProtocolId::RIP.0)
    );

    let refused = |answer: Result<Applied, ClientError>| refusals(answer.map(drop))[0].path.clone();
    assert_eq!(refused(apply(&mut client, None, "0")), "hex");
    assert_eq!(refused(apply(&mut client, None, "(hidden)")), "hex");
    assert_eq!(refused(apply(&mut client, None, "02000000")), "Version");
    let unknown = read(&mut client, "/v1/header?interface=eth77");
    assert_eq!(
        refusals(unknown.map(drop))[0].status,
        Status::ERROR_NO_SUCH_INTERFACE
    );
}

/// Lines become routes of their own owner; whatever is wrong is named by its line, and then none is taken.
#[test]
fn routes_are_loaded() {
    let router = Router::configured();
    let mut client = router.client();
    let load = |client: &mut Client, lines: &[&str]| {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        client.post::<LoadAnswer>("/v1/routes/load", &LoadRequest { lines })
    };
    let lines = [
        "10.0.0.0/8 via 192.0.2.7 metric 3 tag 9",
        "# nothing",
        "10.1.0.0/16 via 198.51.100.1 dev eth0 onlink",
        "blackhole 10.2.0.0/16",
    ];
    let answer = load(&mut client, &lines).unwrap();
    assert_eq!((answer.routes, answer.refused), (3, ProtocolId::NETMGMT.0.into()));
    let refused = refusals(load(
        &mut client,
        &[
            "10.0.0.0/8 via 203.0.113.1",
            "10.0.0.0/8 dev eth9",
            "10.0.0.0/8",
            "10.3.0.0/16 dev eth0",
            "10.0.0.0/33 dev eth0",
        ],
    ));
    let said: Vec<_> = refused
        .iter()
        .map(|refusal| {
            (
                refusal.path.as_str(),
                refusal.reason.split(';').next().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("lines.0", "the next hop is on no connected network"),
            ("lines.1", "no such interface"),
            (
                "lines.2",
                "a route needs a next hop: 'via ADDRESS' or 'dev INTERFACE'"
            ),
            ("lines.4", "'10.0.0.0/33' is not a prefix such as 10.0.0.0/8"),
        ]
    );
    let many = vec!["blackhole 10.0.0.0/8"; 10_001];
    assert_eq!(refusals(load(&mut client, &many))[0].path, "lines");
    let answer: LoadAnswer = client.post("/v1/routes/unload", &json!({})).unwrap();
    assert_eq!(answer.routes, 0);
}

/// A change on trial from its beginning to its confirmation, and another that is given up.
#[test]
fn a_change_on_trial() {
    let router = Router::configured();
    let mut client = router.client();
    let metric = |client: &mut Client| {
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap()
    };
    let on_trial = ChangeRequest {
        confirm_within: Some(600),
        ..set("interfaces.eth0.rip.metric", "3")
    };
    let applied: Applied = client.post("/v1/apply", &on_trial).unwrap();
    let trial = applied.trial.unwrap();
    assert_eq!((trial.back_to, trial.seconds_left), (Some(1), 600));
    let status: Value = client.get("/v1/status").unwrap();
    assert_eq!(status["trial"]["back-to"], 1);

    let refused = client.post::<Value>("/v1/apply", &set("interfaces.eth0.rip.metric", "4"));
    let refusal = refusals(refused).remove(0);
    assert_eq!(refusal.status, Status::ERROR_UPDATE_IN_PROGRESS);
    let stale = br#"{ "edits": [], "revision": 1 }"#;
    assert_eq!(status_of(&router, "POST", "/v1/apply", stale), 412);
    let stale = refusals(client.post::<Value>("/v1/confirm", &json!({ "revision": 1 }))).remove(0);
    assert_eq!(stale.status, Status::ERROR_REVISION_MISMATCH);

    let kept: Applied = client.post("/v1/confirm", &json!({ "revision": 2 })).unwrap();
    assert_eq!((kept.revision, kept.trial), (Some(2), None));
    assert_eq!(metric(&mut client), 3);
    let late = refusals(client.post::<Value>("/v1/confirm", &json!({}))).remove(0);
    assert_eq!(late.status, Status::ERROR_NOT_FOUND);

    let request = ChangeRequest {
        revision: Some(2),
        ..ChangeRequest {
            confirm_within: Some(5),
            ..set("interfaces.eth0.rip.metric", "5")
        }
    };
    client.post::<Applied>("/v1/apply", &request).unwrap();
    let plan: Applied = client.post("/v1/rollback", &json!({ "plan": true })).unwrap();
    assert_eq!((plan.changed, plan.plan.changes.len()), (false, 1));
    let back: Applied = client.post("/v1/rollback", &json!({ "note": "no" })).unwrap();
    assert_eq!((back.revision, back.trial), (Some(4), None));
    assert_eq!(metric(&mut client), 3);
    let none = refusals(client.post::<Value>("/v1/rollback", &json!({}))).remove(0);
    assert_eq!(none.status, Status::ERROR_NOT_FOUND);
    let read: Applied = client.post("/v1/reload", &json!({})).unwrap();
    assert_eq!((read.revision, read.changed), (Some(1), false));
}

#[test]
fn any_two_configurations_are_compared() {
    let router = Router::configured();
    let mut client = router.client();
    client
        .post::<Applied>("/v1/apply", &set("interfaces.eth0.rip.metric", "3"))
        .unwrap();
    let mut changes = |request: Value| -> Vec<(String, Option<Value>, Option<Value>)> {
        let answer: DiffAnswer = client.post("/v1/diff", &request).unwrap();
        let changes = answer.changes.into_iter();
        changes
            .map(|change| (change.path, change.old, change.new))
            .collect()
    };
    let metric = "interfaces.eth0.rip.metric".to_owned();
    let up = [(metric.clone(), Some(json!(2)), Some(json!(3)))];
    assert_eq!(changes(json!({ "from-revision": 1, "revision": 2 })), up);
    assert_eq!(changes(json!({ "from-revision": 1 })), up, "to what is in force");
    assert_eq!(
        changes(json!({ "revision": 1 })),
        [(metric, Some(json!(3)), Some(json!(2)))]
    );
    assert!(changes(json!({ "from-revision": 0 })).len() > 1);
    let file = "[protocols.rip]\n";
    assert_eq!(changes(json!({ "from-toml": file, "toml": file })), []);
    for request in [
        json!({}),
        json!({ "toml": "", "revision": 1 }),
        json!({ "from-toml": "", "from-revision": 1, "revision": 1 }),
    ] {
        let refusal = refusals(client.post::<Value>("/v1/diff", &request)).remove(0);
        assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER, "{request}");
    }
}

#[test]
fn a_change_at_a_time() {
    let router = Router::configured();
    let mut client = router.client();
    let change = json!({ "edits": [{ "set": { "path": "interfaces.eth0.rip.metric", "value": 5 } }], "note": "tonight" });
    let refused = client.post::<Value>("/v1/schedule", &json!({ "at": 1, "change": change }));
    assert_eq!(refusals(refused).remove(0).path, "at");
    // The clock of this router stands at 1700000000.
    let at = 1_700_003_600;
    let answer: Value = client
        .post("/v1/schedule", &json!({ "at": at, "change": change }))
        .unwrap();
    assert_eq!(answer["scheduled"]["id"], 1);
    assert_eq!(answer["plan"]["changes"][0]["new"], 5);
    let rows: Value = client.get("/v1/schedule").unwrap();
    assert_eq!(rows[0], answer["scheduled"]);
    assert_eq!(rows[0]["author"], "alice");
    assert_eq!(
        client
            .get::<Value>("/v1/config?path=interfaces.eth0.rip.metric")
            .unwrap(),
        2
    );
    let cancelled: Value = client.post("/v1/schedule/1/cancel", &json!({})).unwrap();
    assert_eq!(cancelled, answer["scheduled"]);
    assert_eq!(client.get::<Value>("/v1/schedule").unwrap(), json!([]));
    for (path, status) in [
        ("/v1/schedule/1/cancel", Status::ERROR_NOT_FOUND),
        ("/v1/schedule/x/cancel", Status::ERROR_INVALID_PARAMETER),
    ] {
        assert_eq!(
            refusals(client.post::<Value>(path, &json!({}))).remove(0).status,
            status
        );
    }
}
