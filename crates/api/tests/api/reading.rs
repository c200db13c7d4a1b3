//! What can be asked, who may ask, and questions that make no sense.

use serde_json::{Value, json};
use waypost_api::client::query;
use waypost_api::{
    Action, CountersAnswer, Explanation, FibReport, InterfaceRow, NeighborRow, PolicyExplanation, PolicyRow,
    ProtocolRow, RevisionRow, RoutePage, StatusAnswer, parse_toml,
};
use waypost_routprot::Status;
use waypost_types::ProtocolId;

use crate::daemon::{Router, Setup, refusals};

#[test]
fn status_and_tables() {
    let router = Router::configured();
    let mut client = router.client();
    let status: StatusAnswer = client.get("/v1/status").unwrap();
    assert_eq!(status.daemon.pid, 1);
    assert_eq!(status.router_id.unwrap().to_string(), "192.0.2.1");
    assert_eq!(
        status.protocols,
        [("rip".to_owned(), "running".to_owned())].into()
    );
    assert_eq!((status.interfaces, status.may_write), (1, true));
    let revision = status.revision.unwrap();
    assert_eq!(
        (revision.number, revision.author.as_str(), revision.note.as_str()),
        (1, "alice", "first")
    );

    let interfaces: Vec<InterfaceRow> = client.get("/v1/interfaces").unwrap();
    assert_eq!(interfaces[0].name, "eth0");
    assert_eq!(
        (interfaces[0].state.as_str(), interfaces[0].mtu),
        ("up", Some(1500))
    );
    assert_eq!(interfaces[0].protocols, ["rip"]);
    let protocols: Vec<ProtocolRow> = client.get("/v1/protocols").unwrap();
    assert_eq!((protocols[0].id, protocols[0].interfaces), (ProtocolId::RIP, 1));
    assert_eq!(protocols[0].summary, Some(json!({ "update-interval": 30 })));
    let neighbors: Vec<NeighborRow> = client.get("/v1/neighbors").unwrap();
    assert_eq!(
        (neighbors[0].protocol.as_str(), neighbors[0].state.as_str()),
        ("rip", "heard")
    );
    assert_eq!(neighbors[0].more["metric"], 2);
    let counters: CountersAnswer = client.get("/v1/counters").unwrap();
    assert_eq!(
        (
            counters.routes.installed,
            counters.protocols["rip"]["global"]["responses"].clone()
        ),
        (1, json!(4))
    );
    let database: Value = client.get("/v1/database").unwrap();
    assert_eq!(database["rip"][0]["prefix"], "10.0.0.0/8");
    let revisions: Vec<RevisionRow> = client.get("/v1/revisions?limit=1").unwrap();
    assert_eq!(revisions, [revision]);
}

#[test]
fn routes_are_asked_for_what_was_asked() {
    let router = Setup::default().start();
    let mut client = router.client();
    let path = query(
        "/v1/routes",
        [
            ("within", "172.16.0.0/12"),
            ("owner", "ospf"),
            ("after", "172.16.0.0/16"),
            ("limit", "7"),
        ],
    );
    let page: RoutePage = client.get(&path).unwrap();
    assert_eq!(page.rows[0].prefix.to_string(), "172.16.0.0/12");
    assert_eq!((page.rows[0].owner, page.rows[0].metric), (ProtocolId::OSPF, 7));
    assert_eq!(page.next.unwrap().to_string(), "172.16.0.0/16");
    let page: RoutePage = client.get("/v1/routes").unwrap();
    assert_eq!(page.rows[0].metric, 1000, "the default limit");
    let page: RoutePage = client.get("/v1/routes?prefix=10.1.2.3").unwrap();
    assert_eq!(page.rows[0].prefix.to_string(), "10.0.0.0/8");
    let page: RoutePage = client.get("/v1/routes?prefix=127.0.0.1").unwrap();
    assert!(page.rows.is_empty());
    for (target, limit) in [("/v1/fib", 100), ("/v1/fib?limit=7", 7)] {
        let fib: FibReport = client.get(target).unwrap();
        assert_eq!((fib.wanted, fib.differing, fib.rows.len()), (3, 1, 1));
        assert_eq!(fib.rows[0].table, Some(format!("up to {limit}")));
    }
    let explanation: Explanation = client.get("/v1/explain?destination=10.1.0.0%2F16").unwrap();
    assert_eq!(
        explanation.verdict,
        "packets to 10.1.0.0/16 go to 192.0.2.7 on eth0"
    );
    let row: Value = client.get::<Value>("/v1/routes?prefix=10.1.2.3").unwrap()["rows"][0].clone();
    assert_eq!(
        row,
        json!({
            "prefix": "10.0.0.0/8", "owner": "rip", "preference": 120, "metric": 2, "tag": 0, "kind": "unicast",
            "next-hops": [{ "interface": "eth0", "interface-index": 2, "gateway": "192.0.2.7", "weight": 1 }],
            "age-seconds": 7, "best": true, "installed": "yes",
        })
    );
}

#[test]
fn policies_and_what_they_decide() {
    let router = Router::configured();
    let mut client = router.client();
    let none: Vec<PolicyRow> = client.get("/v1/policies").unwrap();
    assert!(none.is_empty());
    let toml = "[policy.prefix-lists]\ncustomers = [{ permit = \"10.0.0.0/8 le 24\" }]\n\
                [policy.route-maps]\nupstream = [{ action = \"permit\", match = { prefix-list = \"customers\", \
                interface = [\"eth0\"] }, set = { metric = 5 } }]\n[protocols.rip]\n";
    let _: Value = client.post("/v1/apply", &json!({ "toml": toml })).unwrap();
    let rows: Vec<PolicyRow> = client.get("/v1/policies").unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.kind.as_str(), row.used_by.len()))
        .collect();
    assert_eq!(
        names,
        [("customers", "prefix-list", 1), ("upstream", "route-map", 0)]
    );
    let target = "/v1/policies/upstream/test?prefix=10.1.0.0%2F16";
    let said: PolicyExplanation = client.get(target).unwrap();
    assert_eq!((said.action, said.decided_by), (Action::Deny, None));
    let said: PolicyExplanation = client.get(&format!("{target}&interface=eth0&metric=9")).unwrap();
    assert_eq!(said.decided_by.as_deref(), Some("policy.route-maps.upstream.0"));
    let number = |number| Some(waypost_api::OptionValue::Number(number));
    assert_eq!((said.changes[0].old, said.changes[0].new), (number(9), number(5)));
    let mut refused = |target: &str| refusals(client.get::<Value>(target)).remove(0);
    let missing = refused("/v1/policies/upstreem/test?prefix=10.1.0.0%2F16");
    assert!(missing.reason.contains("did you mean 'upstream'?"), "{missing}");
    assert_eq!(missing.allowed.as_deref(), Some("customers, upstream"));
    for (query, words) in [
        ("", "'prefix' is missing"),
        ("?prefix=10.1.0.1%2F16", "'prefix' is not valid"),
        ("?prefix=10.0.0.0%2F8&tag=-1", "'tag' is not valid"),
        ("?prefix=10.0.0.0%2F8&protocol=ripe", "no such route owner"),
        ("?prefix=10.0.0.0%2F8&interface=eth7", "no such interface"),
    ] {
        let refusal = refused(&format!("/v1/policies/upstream/test{query}"));
        assert!(refusal.reason.contains(words), "{query}: {refusal}");
    }
}

#[test]
fn configuration_by_path() {
    let router = Router::configured();
    let mut client = router.client();
    let whole: Value = client.get("/v1/config").unwrap();
    assert_eq!(
        whole,
        json!({
            "protocols": { "rip": { "update-interval": 30 } },
            "interfaces": { "eth0": { "rip": { "metric": 2, "password": "hunter2" } } },
        })
    );
    let part: Value = client.get("/v1/config?path=interfaces.eth0.rip.metric").unwrap();
    assert_eq!(part, 2);
    let text = client.get_text("/v1/config.toml").unwrap();
    assert_eq!(
        text,
        "[protocols.rip]\nupdate-interval = 30\n\n[interfaces.eth0.rip]\nmetric = 2\npassword = \"hunter2\"\n"
    );
    assert_eq!(parse_toml(&text).unwrap(), whole);
    assert_eq!(client.get::<Value>("/v1/revisions/1").unwrap(), whole);

    let refusal = refusals(client.get::<Value>("/v1/config?path=interfaces.eth0.rip.metrc")).remove(0);
    assert_eq!(
        (refusal.status, refusal.path.as_str()),
        (Status::ERROR_NOT_FOUND, "interfaces.eth0.rip.metrc")
    );
    assert!(refusal.reason.contains("did you mean 'metric'?"), "{refusal}");
    assert_eq!(
        refusal.allowed.as_deref(),
        Some("accept-filter, metric, password")
    );
    let refusal = refusals(client.get::<Value>("/v1/config?path=interfaces.eth0.rip.metric.deep")).remove(0);
    assert_eq!(refusal.status, Status::ERROR_NOT_FOUND);
    let refusal = refusals(client.get::<Value>("/v1/config?path=a..b")).remove(0);
    assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
    let refusal = refusals(client.get::<Value>("/v1/revisions/9")).remove(0);
    assert_eq!(refusal.status, Status::ERROR_NOT_FOUND);
    assert!(refusal.reason.contains("kept: 1..=1"), "{refusal}");
    assert_eq!(
        refusals(client.get::<Value>("/v1/revisions/first"))[0]
            .value
            .as_deref(),
        Some("first")
    );
}

#[test]
fn schemas() {
    let router = Setup::default().start();
    let mut client = router.client();
    let whole: Value = client.get("/v1/schema").unwrap();
    assert!(whole["properties"]["interfaces"].is_object());
    let rip: Value = client.get("/v1/schema?protocol=rip").unwrap();
    assert!(rip["interface"]["properties"]["metric"].is_object());
    let refusal = refusals(client.get::<Value>("/v1/schema?protocol=ripp")).remove(0);
    assert!(refusal.reason.contains("did you mean 'rip'?"), "{refusal}");
    assert_eq!(refusal.status, Status::ERROR_NOT_FOUND);
}

#[test]
fn readers_see_no_secrets_and_change_nothing() {
    let setup = Setup {
        writer: false,
        ..Setup::default()
    };
    let router = setup.start();
    router.manage(|manager| {
        let text = json!({ "protocols": { "rip": {} }, "interfaces": { "eth0": { "rip": { "password": "hunter2" } } } });
        let edits = [waypost_manager::Edit::Replace(text)];
        manager.apply(<_>::default(), <_>::default(), &edits, &<_>::default()).unwrap();
    });
    let mut client = router.client();
    assert!(!client.get::<StatusAnswer>("/v1/status").unwrap().may_write);
    for path in ["/v1/config", "/v1/revisions/1"] {
        let shown: Value = client.get(path).unwrap();
        assert_eq!(
            shown["interfaces"]["eth0"]["rip"]["password"], "(hidden)",
            "{path}"
        );
    }
    let leaf: Value = client
        .get("/v1/config?path=interfaces.eth0.rip.password")
        .unwrap();
    assert_eq!(leaf, "(hidden)");
    let blocks: Value = client.get("/v1/header?interface=eth0").unwrap();
    assert_eq!(blocks["hex"], "(hidden)");
    assert_eq!(blocks["entries"][0]["name"], "rip");
    assert!(!client.get_text("/v1/config.toml").unwrap().contains("hunter2"));
    // Guessing a secret does not show whether the guess was right.
    for guess in ["hunter2", "hunter3"] {
        let toml = format!("[protocols.rip]\n[interfaces.eth0.rip]\npassword = \"{guess}\"\n");
        let diff: Value = client.post("/v1/diff", &json!({ "toml": toml })).unwrap();
        assert_eq!(diff, json!({ "changes": [], "text": "" }), "{guess}");
    }
    for path in ["/v1/plan", "/v1/apply", "/v1/rollback", "/v1/autostatic/eth0"] {
        let refusal = refusals(client.post::<Value>(path, &json!({ "edits": [] }))).remove(0);
        assert_eq!(refusal.status, Status::ERROR_ACCESS_DENIED, "{path}");
        assert!(
            refusal.reason.contains("user alice may not change the router"),
            "{refusal}"
        );
    }
    assert_eq!(
        crate::hostile::status_of(&router, "POST", "/v1/apply", b"{}"),
        403
    );
    assert_eq!(router.manage(|manager| manager.revisions(9).unwrap().len()), 1);
}

#[test]
fn strangers_may_be_kept_out() {
    let setup = Setup {
        writer: false,
        others_may_read: false,
        ..Setup::default()
    };
    let router = setup.start();
    let refusal = refusals(router.client().get::<Value>("/v1/status")).remove(0);
    assert_eq!(refusal.status, Status::ERROR_ACCESS_DENIED);
    assert!(refusal.reason.contains("may not read"), "{refusal}");
}

#[test]
fn questions_that_make_no_sense() {
    let router = Setup::default().start();
    let mut client = router.client();
    let mut refused = |path: &str| refusals(client.get::<Value>(path)).remove(0);
    for (path, status, words) in [
        (
            "/v1/interfaces?x=1",
            Status::ERROR_INVALID_PARAMETER,
            "unknown query parameter",
        ),
        (
            "/v1/routes?onwer=rip",
            Status::ERROR_INVALID_PARAMETER,
            "did you mean 'owner'?",
        ),
        (
            "/v1/routes?owner=ripp",
            Status::ERROR_INVALID_PARAMETER,
            "no such route owner",
        ),
        (
            "/v1/routes?limit=0",
            Status::ERROR_INVALID_PARAMETER,
            "out of range",
        ),
        (
            "/v1/routes?limit=-1",
            Status::ERROR_INVALID_PARAMETER,
            "'limit' is not valid",
        ),
        (
            "/v1/routes?limit=1&limit=2",
            Status::ERROR_INVALID_PARAMETER,
            "given twice",
        ),
        (
            "/v1/routes?within=10.0.0.1/8",
            Status::ERROR_INVALID_PARAMETER,
            "'within' is not valid",
        ),
        (
            "/v1/routes?prefix=10.0.0.1&limit=1",
            Status::ERROR_INVALID_PARAMETER,
            "does not go together",
        ),
        (
            "/v1/explain",
            Status::ERROR_INVALID_PARAMETER,
            "'destination' is missing",
        ),
        (
            "/v1/explain?destination=eth0",
            Status::ERROR_INVALID_PARAMETER,
            "'destination' is not valid",
        ),
        (
            "/v1/revisions?limit=99999",
            Status::ERROR_INVALID_PARAMETER,
            "out of range",
        ),
        (
            "/v1/interfacs",
            Status::ERROR_NOT_FOUND,
            "did you mean '/v1/interfaces'?",
        ),
        ("/", Status::ERROR_NOT_FOUND, "/v1/openapi.json"),
        ("/v1/apply", Status::ERROR_INVALID_PARAMETER, "another method"),
    ] {
        let refusal = refused(path);
        assert_eq!(refusal.status, status, "{path}: {refusal}");
        assert!(refusal.reason.contains(words), "{path}: {refusal}");
    }
    assert_eq!(
        refused("/v1/routes?limit=0").allowed.as_deref(),
        Some("1..=10000")
    );
}
