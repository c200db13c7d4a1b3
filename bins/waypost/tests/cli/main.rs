//! The program itself against a stand-in for the daemon on a socket: exit codes, messages, requests, completion.

// What fails here fails a test, helpers of the tests included.
#![allow(clippy::unwrap_used)]

mod completion;
mod daemon;
mod watching;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use daemon::Daemon;
use serde_json::{Value, json};

/// The program, told where the daemon is, with nothing of our own environment that it would heed.
fn waypost(daemon: &Daemon, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command
        .args(words)
        .env("WAYPOST_SOCKET", daemon.socket())
        .env_remove("NO_COLOR")
        .env("TZ", "UTC");
    command
}

fn run(daemon: &Daemon, words: &[&str]) -> Output {
    waypost(daemon, words).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// Runs what must succeed and gives its output.
#[track_caller]
fn done(daemon: &Daemon, words: &[&str]) -> String {
    let output = run(daemon, words);
    assert_eq!(text(&output.stderr), "", "{words:?}");
    assert_eq!(output.status.code(), Some(0), "{words:?}");
    text(&output.stdout)
}

/// Runs what must fail with this exit code, printing nothing, and gives its complaint.
#[track_caller]
fn fails(daemon: &Daemon, words: &[&str], code: i32) -> String {
    let output = run(daemon, words);
    assert_eq!(text(&output.stdout), "", "{words:?}");
    assert_eq!(
        output.status.code(),
        Some(code),
        "{words:?}: {}",
        text(&output.stderr)
    );
    text(&output.stderr)
}

fn refusal() -> Value {
    json!({ "status": 87, "path": "interfaces.eth0.rip.metric", "value": "99", "allowed": "0..=16",
        "reason": "value is out of range" })
}

#[test]
fn every_show_prints_what_json_prints() {
    let daemon = Daemon::start();
    for (topic, path, word) in [
        ("status", "/v1/status", "alice"),
        ("interfaces", "/v1/interfaces", "2001:db8:0:1::1/64"),
        ("protocols", "/v1/protocols", "failed 3 times"),
        ("neighbors", "/v1/neighbors", "192.0.2.10"),
        ("neighbours", "/v1/neighbors", "192.0.2.10"),
        ("routes", "/v1/routes?limit=5000", "blackhole"),
        ("config", "/v1/config", "[interfaces.eth0.rip]"),
        ("revisions", "/v1/revisions?limit=20", "back to revision 39"),
        ("counters", "/v1/counters", "refused by the kernel"),
        ("database", "/v1/database", "redistributed static"),
        ("policy", "/v1/policies", "2 clauses"),
        ("fib", "/v1/fib?limit=100", "1000000 of 1000003 best routes"),
    ] {
        let shown = done(&daemon, &["show", topic]);
        assert!(shown.contains(word), "{topic}: {shown}");
        assert_eq!(daemon.requests().last().unwrap().target, path);
        let printed: Value = serde_json::from_str(&done(&daemon, &["--json", "show", topic])).unwrap();
        assert_eq!(printed, daemon.answer(path), "{topic}");
    }
}

#[test]
fn a_policy_is_tested_with_the_route_that_was_typed() {
    let daemon = Daemon::start();
    let shown = done(&daemon, &["policy", "test", "up stream", "10.1.0.0/16"]);
    assert!(
        shown.starts_with("10.1.0.0/16 passes, by policy.route-maps.upstream.1\n"),
        "{shown}"
    );
    let route = [
        "--protocol",
        "rip",
        "--tag",
        "5",
        "--metric",
        "2",
        "--next-hop",
        "192.0.2.1",
        "--interface",
        "eth0",
    ];
    let mut words = vec!["--json", "policy", "test", "up stream", "10.1.0.0/16"];
    words.extend(route);
    let printed: Value = serde_json::from_str(&done(&daemon, &words)).unwrap();
    assert_eq!(printed["decided-by"], "policy.route-maps.upstream.1");
    assert_eq!(
        daemon.requests().last().unwrap().target,
        "/v1/policies/up%20stream/test?prefix=10.1.0.0%2F16&protocol=rip&tag=5&metric=2&next-hop=192.0.2.1&interface=eth0"
    );
    let one = done(&daemon, &["show", "policy", "customers"]);
    assert!(one.contains("permit = \"10.0.0.0/8 le 24\""), "{one}");
    let output = waypost(&daemon, &["show", "policy", "customer"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("customers"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_change_is_asked_for_as_it_was_typed() {
    let daemon = Daemon::start();
    let shown = done(&daemon, &["set", "a.metric=3", "a.announce=v1", "--note", "why"]);
    assert!(
        shown.contains(
            "\nrevision 12 is in force\n3 changes on 2 interfaces: all live, no neighbour was reset\n"
        ),
        "{shown}"
    );
    let request = daemon.requests().pop().unwrap();
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/v1/apply")
    );
    assert_eq!(
        request.body,
        json!({ "edits": [
            { "set": { "path": "a.metric", "value": 3, "typed": "3" } },
            { "set": { "path": "a.announce", "value": "v1", "typed": "v1" } },
        ], "note": "why" })
    );
    let shown = done(&daemon, &["unset", "a.metric", "--plan"]);
    assert!(
        shown.ends_with("3 changes on 2 interfaces: all live, no neighbour is reset\n"),
        "{shown}"
    );
    let request = daemon.requests().pop().unwrap();
    assert_eq!(
        (request.target.as_str(), &request.body),
        ("/v1/plan", &json!({ "edits": [{ "unset": "a.metric" }] }))
    );
}

#[test]
fn files_and_standard_input() {
    let daemon = Daemon::start();
    let file = daemon.folder().join("router.toml");
    std::fs::write(&file, "[router]\n").unwrap();
    let name = file.to_str().unwrap();
    for (words, target) in [
        (["plan", name], "/v1/plan"),
        (["apply", name], "/v1/apply"),
        (["diff", name], "/v1/diff"),
    ] {
        done(&daemon, &words);
        let request = daemon.requests().pop().unwrap();
        assert_eq!(
            (request.target.as_str(), &request.body),
            (target, &json!({ "toml": "[router]\n" }))
        );
    }
    let mut child = waypost(&daemon, &["apply", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"[protocols.rip]\n")
        .unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(
        daemon.requests().pop().unwrap().body,
        json!({ "toml": "[protocols.rip]\n" })
    );
    done(&daemon, &["diff", "7"]);
    assert_eq!(daemon.requests().pop().unwrap().body, json!({ "revision": 7 }));
}

#[test]
fn rollback_and_its_plan() {
    let daemon = Daemon::start();
    assert!(done(&daemon, &["rollback", "41", "--plan"]).contains("no neighbour is reset"));
    assert_eq!(
        daemon.requests().pop().unwrap().body,
        json!({ "revision": 41, "plan": true })
    );
    assert!(done(&daemon, &["rollback", "41", "--note", "oops"]).contains("revision 12 is in force"));
    assert_eq!(
        daemon.requests().pop().unwrap().body,
        json!({ "revision": 41, "note": "oops", "plan": false })
    );
}

#[test]
fn changes_on_trial() {
    let mut daemon = Daemon::start();
    let mut applied = daemon.answer("/v1/apply");
    applied["trial"] = json!({ "back-to": 11, "until": 1_767_200_090, "seconds-left": 90 });
    daemon.set("/v1/apply", applied);
    let shown = done(&daemon, &["set", "a=1", "--confirm-within", "1m30s"]);
    assert!(
        shown
            .ends_with("\non trial: back to revision 11 in 1min 30s unless 'waypost confirm' comes before\n"),
        "{shown}"
    );
    assert_eq!(daemon.requests().pop().unwrap().body["confirm-within"], 90);
    daemon.set(
        "/v1/confirm",
        json!({ "revision": 12, "changed": false, "changes": [] }),
    );
    assert_eq!(done(&daemon, &["confirm"]), "revision 12 is confirmed\n");
    assert_eq!(daemon.requests().pop().unwrap().body, json!({}));
    done(&daemon, &["confirm", "12"]);
    assert_eq!(daemon.requests().pop().unwrap().body, json!({ "revision": 12 }));
    done(&daemon, &["rollback"]);
    assert_eq!(daemon.requests().pop().unwrap().body, json!({ "plan": false }));
    for words in [
        &["set", "a=1", "--confirm-within", "soon"][..],
        &["set", "a=1", "--plan", "--confirm-within", "5"],
        &["rollback", "--confirm-within", "5"],
        &["confirm", "0"],
    ] {
        fails(&daemon, words, 2);
    }
}

#[test]
fn changes_at_a_time() {
    let mut daemon = Daemon::start();
    let scheduled = json!({ "id": 3, "at": 1_900_000_000, "author": "alice", "note": "" });
    let plan = daemon.answer("/v1/plan");
    daemon.set("/v1/schedule", json!({ "scheduled": scheduled, "plan": plan }));
    let shown = done(
        &daemon,
        &[
            "set",
            "a=1",
            "--at",
            "2030-03-17 17:46:40",
            "--confirm-within",
            "5m",
        ],
    );
    assert!(
        shown.ends_with("change 3 is made at 2030-03-17 17:46:40 UTC\n"),
        "{shown}"
    );
    let body = daemon.requests().pop().unwrap().body;
    assert_eq!(body["at"], 1_900_000_000);
    assert_eq!(body["change"]["confirm-within"], 300);
    daemon.set("/v1/schedule", json!([scheduled]));
    assert!(done(&daemon, &["show", "schedule"]).contains("waits"));
    daemon.set("/v1/schedule/3/cancel", scheduled);
    assert_eq!(done(&daemon, &["cancel", "3"]), "change 3 is cancelled\n");
    for words in [
        &["set", "a=1", "--at", "soon"][..],
        &["set", "a=1", "--at", "22:00", "--plan"],
        &["rollback", "3", "--at", "22:00"],
    ] {
        fails(&daemon, words, 2);
    }
}

#[test]
fn any_two_configurations_are_compared() {
    let daemon = Daemon::start();
    let file = daemon.folder().join("router.toml");
    std::fs::write(&file, "[router]\n").unwrap();
    let file = file.to_str().unwrap();
    for (words, body) in [
        (["diff", "7", "9"], json!({ "from-revision": 7, "revision": 9 })),
        (["diff", "running", "9"], json!({ "revision": 9 })),
        (["diff", "7", "running"], json!({ "from-revision": 7 })),
        (
            ["diff", "7", file],
            json!({ "from-revision": 7, "toml": "[router]\n" }),
        ),
        (
            ["diff", file, "7"],
            json!({ "from-toml": "[router]\n", "revision": 7 }),
        ),
    ] {
        done(&daemon, &words);
        assert_eq!(daemon.requests().pop().unwrap().body, body, "{words:?}");
    }
    assert!(fails(&daemon, &["diff", "running"], 2).contains("does not differ from itself"));
    assert!(
        fails(&daemon, &["diff", "unix:/nonexistent", "7"], 3).contains("no daemon answers at /nonexistent")
    );
}

#[test]
fn other_commands() {
    let daemon = Daemon::start();
    assert_eq!(done(&daemon, &["get", "interfaces.eth0.rip.metric"]), "1\n");
    assert_eq!(
        done(&daemon, &["get", "interfaces.eth0.rip.metric", "--json"]),
        "1\n"
    );
    assert!(done(&daemon, &["explain", "10.1.2.3"]).starts_with("10.1.2.3 is in 10.1.0.0/16\n"));
    assert_eq!(
        daemon.requests().pop().unwrap().target,
        "/v1/explain?destination=10.1.2.3"
    );
    assert_eq!(
        done(&daemon, &["autostatic", "update", "ppp 0"]),
        "ppp 0 has 3 autostatic routes now\n"
    );
    assert_eq!(daemon.requests().pop().unwrap().target, "/v1/autostatic/ppp%200");
    assert!(done(&daemon, &["schema"]).contains("none | v1 | v1-compatible | v2-multicast"));
    assert!(done(&daemon, &["show", "interfaces", "eth0"]).contains("52:54:00:12:34:56"));
    assert!(done(&daemon, &["show", "protocols", "rip"]).contains("routes learned"));
    assert_eq!(done(&daemon, &["show", "neighbors", "lo"]), "no neighbours\n");
    assert!(done(&daemon, &["show", "revisions", "7"]).contains("[protocols.rip]"));
}

#[test]
fn containers_of_blocks_come_and_go_as_files() {
    let mut daemon = Daemon::start();
    let container: Vec<u8> = (0..=255).collect();
    let hex: String = container.iter().map(|octet| format!("{octet:02x}")).collect();
    let entries = json!([
        { "type": 0xFFFF_0005_u32, "name": "IP_ROUTE_INFO", "item-octets": 72, "items": 2 },
        { "type": 8, "name": "rip", "item-octets": 40, "items": 1 },
    ]);
    let answer = json!({ "interface": "eth0", "entries": entries, "hex": hex });
    daemon.set("/v1/header?interface=eth0", answer);
    assert_eq!(
        done(&daemon, &["blocks", "show", "eth0"]),
        "TYPE        NAME           ITEMS  OF OCTETS\n\
         0xffff0005  IP_ROUTE_INFO      2         72\n\
         8           rip                1         40\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eth0.rtr");
    let name = file.to_str().unwrap();
    assert_eq!(
        done(&daemon, &["blocks", "export", name, "--interface", "eth0"]),
        format!("{name}: 2 blocks, 256 octets\n")
    );
    assert_eq!(std::fs::read(&file).unwrap(), container);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it may hold keys");
    let output = run(&daemon, &["blocks", "export", "-", "--interface", "eth0"]);
    assert_eq!((output.status.code(), output.stdout), (Some(0), container));

    let words = ["blocks", "import", name, "--interface", "eth1", "--note", "why"];
    assert!(done(&daemon, &words).contains("revision 12 is in force"));
    let request = daemon.requests().pop().unwrap();
    assert_eq!(
        request.body,
        json!({ "edits": [{ "header": { "interface": "eth1", "hex": hex } }], "note": "why" })
    );
    done(&daemon, &["blocks", "import", name, "--plan"]);
    let request = daemon.requests().pop().unwrap();
    assert_eq!(
        (request.target.as_str(), &request.body),
        ("/v1/plan", &json!({ "edits": [{ "header": { "hex": hex } }] }))
    );

    // Refusals of the container name the file; those of what it says do not.
    let refused = json!([
        { "status": 87, "path": "entries.1.Offset", "value": "7", "reason": "value is out of range" },
        refusal(),
    ]);
    daemon.refuse("/v1/apply", 400, &refused);
    let complaint = fails(&daemon, &["blocks", "import", name], 1);
    assert!(
        complaint.contains(&format!("{name}: entries.1.Offset")),
        "{complaint}"
    );
    assert!(complaint.contains(" interfaces.eth0.rip.metric"), "{complaint}");
    daemon.set("/v1/header", json!({ "entries": [], "hex": "(hidden)" }));
    let complaint = fails(&daemon, &["blocks", "export", name], 1);
    assert!(complaint.contains("ERROR_ACCESS_DENIED 5"), "{complaint}");
    assert!(done(&daemon, &["blocks", "show"]).starts_with("no blocks"));
    fails(&daemon, &["blocks", "import", "/does/not/exist"], 2);
}

/// What the daemon was sent, as lines.
fn lines_sent(daemon: &Daemon) -> Vec<String> {
    let requests = daemon.requests();
    let loads = requests
        .iter()
        .filter(|request| request.target == "/v1/routes/load");
    loads
        .flat_map(|request| request.body["lines"].as_array().unwrap())
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn tables_are_loaded_from_text_packed_or_not() {
    use std::io::Write as _;
    let mut daemon = Daemon::start();
    daemon.set("/v1/routes/load", json!({ "routes": 3, "refused": 0 }));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table.txt");
    let name = file.to_str().unwrap();
    let text = "# a table\n10.0.0.0/8 via 192.0.2.1 metric 3\n\nblackhole 10.1.0.0/16\r\n10.2.0.0/16 via 192.0.2.2 dev eth0\n";
    std::fs::write(&file, text).unwrap();
    assert_eq!(done(&daemon, &["routes", "load", name]), "3 routes loaded\n");
    let plain = lines_sent(&daemon);
    assert_eq!(
        plain,
        [
            "10.0.0.0/8 via 192.0.2.1 metric 3",
            "blackhole 10.1.0.0/16",
            "10.2.0.0/16 via 192.0.2.2 dev eth0",
        ]
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(text.as_bytes()).unwrap();
    for packed in [gzip.finish().unwrap(), bzip2.finish().unwrap()] {
        let daemon = {
            let mut daemon = Daemon::start();
            daemon.set("/v1/routes/load", json!({ "routes": 3, "refused": 2 }));
            daemon
        };
        std::fs::write(&file, packed).unwrap();
        let said = done(&daemon, &["routes", "load", name]);
        assert!(said.starts_with("3 routes loaded, 2 refused"), "{said}");
        assert_eq!(lines_sent(&daemon), plain);
    }
    // Elsewhere, and not all of it.
    let daemon = {
        let mut daemon = Daemon::start();
        daemon.set("/v1/routes/load", json!({ "routes": 2, "refused": 0 }));
        daemon
    };
    std::fs::write(&file, text).unwrap();
    done(
        &daemon,
        &["routes", "load", name, "--via", "198.51.100.7", "--limit", "1"],
    );
    assert_eq!(lines_sent(&daemon), ["10.0.0.0/8 via 198.51.100.7 metric 3"]);

    std::fs::write(&file, "10.0.0.0/8 dev lo\n10.0.0.0/8 dev\n").unwrap();
    let complaint = fails(&daemon, &["routes", "load", name], 2);
    assert!(
        complaint.contains(&format!("{name}: line 2: the name of an interface is missing")),
        "{complaint}"
    );
}

#[test]
fn refusals_of_loaded_routes_name_the_line_of_the_file() {
    let mut daemon = Daemon::start();
    let refused =
        json!([{ "status": 905, "path": "lines.1", "value": "eth9", "reason": "no such interface" }]);
    daemon.refuse("/v1/routes/load", 400, &refused);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table.txt");
    let name = file.to_str().unwrap();
    std::fs::write(&file, "# one\n10.0.0.0/8 dev lo\n\n10.1.0.0/16 dev eth9\n").unwrap();
    let complaint = fails(&daemon, &["routes", "load", name], 1);
    assert!(
        complaint.contains(&format!("{name}: line 4: no such interface: eth9")),
        "{complaint}"
    );
}

#[test]
fn tables_are_dumped_and_loaded_as_mrt() {
    let mut daemon = Daemon::start();
    daemon.set("/v1/routes/load", json!({ "routes": 2, "refused": 0 }));
    let row = |prefix: &str, gateway: Option<&str>, best: bool| {
        let hops: Vec<Value> = gateway
            .iter()
            .map(|gateway| json!({ "interface": "eth0", "interface-index": 2, "gateway": gateway, "weight": 1 }))
            .collect();
        json!({ "prefix": prefix, "owner": "rip", "preference": 120, "metric": 5, "tag": 7, "age-seconds": 3,
            "kind": if hops.is_empty() { "blackhole" } else { "unicast" }, "next-hops": hops, "best": best,
            "installed": "yes" })
    };
    let rows = json!([
        row("10.0.0.0/8", Some("192.0.2.1"), true),
        row("10.0.0.0/8", Some("192.0.2.9"), false),
        row("10.1.0.0/16", None, true),
        row("2001:db8::/32", Some("fe80::1"), true),
    ]);
    daemon.set("/v1/routes", json!({ "rows": rows }));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table.mrt");
    let name = file.to_str().unwrap();
    assert_eq!(
        done(&daemon, &["routes", "dump", "-"]),
        "10.0.0.0/8 via 192.0.2.1 dev eth0 metric 5 tag 7\n\
        blackhole 10.1.0.0/16 metric 5 tag 7\n2001:db8::/32 via fe80::1 dev eth0 metric 5 tag 7\n"
    );
    assert_eq!(
        done(&daemon, &["routes", "dump", name]),
        format!("{name}: 3 routes\n")
    );
    // What leads nowhere has no next hop, and a dump of BGP no other way to say so.
    done(&daemon, &["routes", "load", name]);
    assert_eq!(
        lines_sent(&daemon),
        [
            "10.0.0.0/8 via 192.0.2.1 metric 5",
            "2001:db8::/32 via fe80::1 metric 5"
        ]
    );
    let octets = std::fs::read(&file).unwrap();
    std::fs::write(&file, &octets[..octets.len() - 1]).unwrap();
    let complaint = fails(&daemon, &["routes", "load", name], 2);
    assert!(complaint.contains("the file ends inside a record"), "{complaint}");
    daemon.set("/v1/routes/unload", json!({ "routes": 0, "refused": 0 }));
    assert_eq!(
        done(&daemon, &["routes", "unload"]),
        "no loaded routes any more\n"
    );
}

#[test]
fn all_pages_of_the_routing_table() {
    let mut daemon = Daemon::start();
    let page = daemon.answer("/v1/routes");
    let rows = page["rows"].as_array().unwrap();
    daemon.set(
        "/v1/routes?limit=5000&within=10.0.0.0%2F8",
        json!({ "rows": rows[..2], "next": "10.1.0.0/16" }),
    );
    daemon.set(
        "/v1/routes?limit=5000&within=10.0.0.0%2F8&after=10.1.0.0%2F16",
        json!({ "rows": rows[2..] }),
    );
    let shown = done(&daemon, &["show", "routes", "--within", "10.0.0.0/8", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap()["rows"],
        page["rows"]
    );
    daemon.set(
        "/v1/routes?limit=2",
        json!({ "rows": rows[..2], "next": "10.1.0.0/16" }),
    );
    assert!(done(&daemon, &["show", "routes", "--limit", "2"]).contains("there are more"));
}

#[test]
fn refusals_name_path_value_range_and_status() {
    let mut daemon = Daemon::start();
    let second =
        json!({ "status": 902, "path": "protocols.ospf", "reason": "no such protocol is installed" });
    daemon.refuse("/v1/apply", 400, &json!([refusal(), second]));
    assert_eq!(
        fails(
            &daemon,
            &["set", "interfaces.eth0.rip.metric=99", "protocols.ospf={}"],
            1
        ),
        "error: interfaces.eth0.rip.metric: value is out of range: 99 (allowed: 0..=16) [ERROR_INVALID_PARAMETER 87]\n\
         error: protocols.ospf: no such protocol is installed [ERROR_UNKNOWN_PROTOCOL_ID 902]\n"
    );
    let complaint = fails(&daemon, &["set", "a=99", "--json"], 1);
    assert_eq!(
        serde_json::from_str::<Value>(&complaint).unwrap(),
        json!({ "refusals": [refusal(), second] })
    );
}

#[test]
fn a_mistake_in_a_file_names_the_file() {
    let mut daemon = Daemon::start();
    daemon.refuse(
        "/v1/plan",
        400,
        &json!([{ "status": 87, "reason": "line 2, column 3: a mistake", "value": "x = = 3" }]),
    );
    let file = daemon.folder().join("router.toml");
    std::fs::write(&file, "\nx = = 3").unwrap();
    let name = file.to_str().unwrap();
    let expected =
        format!("error: {name}:2:3: a mistake [ERROR_INVALID_PARAMETER 87]\n    2 | x = = 3\n          ^\n");
    assert_eq!(fails(&daemon, &["plan", name], 1), expected);

    daemon.refuse("/v1/apply", 400, &json!([refusal()]));
    std::fs::write(
        &file,
        "[interfaces.eth0]\nrip = { passive = true, metric = 99 }\n",
    )
    .unwrap();
    // In the order of the file, whatever the order of the answer.
    let later = json!({ "status": 87, "path": "interfaces.eth0.rip.passive", "reason": "no" });
    daemon.refuse("/v1/diff", 400, &json!([refusal(), later]));
    let both = fails(&daemon, &["diff", name], 1);
    assert!(
        both.find("passive: no").unwrap() < both.find("metric: value").unwrap(),
        "{both}"
    );
    let expected = format!(
        "error: {name}:2:25: interfaces.eth0.rip.metric: value is out of range: 99 (allowed: 0..=16) \
         [ERROR_INVALID_PARAMETER 87]\n    2 | rip = {{ passive = true, metric = 99 }}\n{}^^^^^^^^^^^\n",
        " ".repeat(32)
    );
    assert_eq!(fails(&daemon, &["apply", name], 1), expected);
}

#[test]
fn names_that_are_nearly_right() {
    let daemon = Daemon::start();
    let complaint = fails(&daemon, &["show", "interfaces", "eht0"], 1);
    assert!(
        complaint.contains("no such interface; did you mean 'eth0'?: eht0"),
        "{complaint}"
    );
    assert!(fails(&daemon, &["show", "protocols", "ripp"], 1).contains("did you mean 'rip'?"));
    assert!(fails(&daemon, &["show", "neighbors", "eht0"], 1).contains("did you mean 'eth0'?"));
    assert!(fails(&daemon, &["shwo"], 2).contains("'show'"));
    assert!(fails(&daemon, &["show", "route"], 2).contains("'routes'"));
}

#[test]
fn what_makes_no_sense_never_reaches_the_daemon() {
    let daemon = Daemon::start();
    let complaint = fails(&daemon, &["set", "interfaces.eth0.rip.metric"], 2);
    assert!(
        complaint.starts_with("error: 'interfaces.eth0.rip.metric' is no assignment: write PATH=VALUE"),
        "{complaint}"
    );
    assert_eq!(
        fails(&daemon, &["apply", "/nonexistent.toml"], 2),
        "error: /nonexistent.toml: no such file or directory\n"
    );
    for words in [
        &["rollback", "x"][..],
        &["rollback", "0"],
        &["set"],
        &["unset"],
        &["show"],
        &[],
        &["rollback", "1", "--plan", "--note", "x"],
    ] {
        fails(&daemon, words, 2);
    }
    assert_eq!(daemon.requests().len(), 0);
}

#[test]
fn without_a_daemon() {
    let daemon = Daemon::start();
    let socket = daemon.folder().join("nobody.sock");
    let socket = socket.to_str().unwrap();
    let complaint = fails(&daemon, &["--socket", socket, "show", "status"], 3);
    assert_eq!(
        complaint,
        format!(
            "error: no daemon answers at {socket}: no such file or directory\n\
             hint: is waypostd running? another socket is named by --socket PATH or WAYPOST_SOCKET\n"
        )
    );
}

#[test]
fn an_answer_that_is_none() {
    let mut daemon = Daemon::start();
    daemon.set("/v1/interfaces", json!([{ "name": 7 }]));
    let complaint = fails(&daemon, &["show", "interfaces"], 3);
    assert!(
        complaint.starts_with("error: the daemon's answer makes no sense: "),
        "{complaint}"
    );
}

#[test]
fn a_reader_that_has_seen_enough() {
    let daemon = Daemon::start();
    let mut child = waypost(&daemon, &["show", "routes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(0), "")
    );
}

#[test]
fn colours() {
    let daemon = Daemon::start();
    let escape = |output: &Output| output.stdout.contains(&0x1b);
    assert!(escape(&run(&daemon, &["show", "routes", "--color", "always"])));
    assert!(
        !escape(&run(&daemon, &["show", "routes"])),
        "no terminal, no colours"
    );
    assert!(!escape(&run(&daemon, &["show", "routes", "--color", "never"])));
    let forced = waypost(&daemon, &["show", "routes", "--color", "always"])
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(escape(&forced), "what is asked for on the line counts");
}

#[test]
fn help_has_examples() {
    let daemon = Daemon::start();
    for words in [
        &["--help"][..],
        &["set", "--help"],
        &["apply", "--help"],
        &["rollback", "--help"],
        &["explain", "--help"],
    ] {
        assert!(
            done(&daemon, words).contains("Examples:\n  waypost "),
            "{words:?}"
        );
    }
}

#[test]
fn manual_pages() {
    let daemon = Daemon::start();
    let folder = daemon.folder().join("man");
    done(&daemon, &["man", folder.to_str().unwrap()]);
    assert!(
        std::fs::read_to_string(folder.join("waypost.1"))
            .unwrap()
            .contains("EXIT STATUS")
    );
}
