//! Every rendering against what it was when somebody last looked at it: `snapshots/`, from answers in `fixtures/`.

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde_json::Value;
use waypost_manager::Path;

use super::*;
use crate::sheet::Sheet;
use crate::vocabulary;

fn sheet() -> Sheet {
    Sheet {
        width: Some(100),
        color: false,
        zone: TimeZone::UTC,
    }
}

fn narrow() -> Sheet {
    Sheet {
        width: Some(80),
        ..sheet()
    }
}

/// A terminal beside another one.
fn slim() -> Sheet {
    Sheet {
        width: Some(60),
        ..sheet()
    }
}

fn coloured() -> Sheet {
    Sheet {
        color: true,
        ..sheet()
    }
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn answer<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_value(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// No line is longer than the sheet is wide, and none ends in blanks.
#[track_caller]
fn fits(sheet: &Sheet, text: &str) -> String {
    for line in text.lines() {
        assert!(
            sheet.width.is_none_or(|width| line.chars().count() <= width),
            "too long: {line}"
        );
        assert_eq!(line.trim_end(), line);
    }
    text.to_owned()
}

macro_rules! snapshot {
    ($name:literal, $sheet:expr, $text:expr) => {
        insta::assert_snapshot!($name, fits(&$sheet, &$text));
    };
}

#[test]
fn show_status() {
    snapshot!("status", sheet(), status(&sheet(), &answer("status")));
    snapshot!(
        "status-troubled",
        sheet(),
        status(&sheet(), &answer("status-troubled"))
    );
}

#[test]
fn show_interfaces() {
    let rows: Vec<waypost_api::InterfaceRow> = answer("interfaces");
    snapshot!("interfaces", sheet(), interfaces(&sheet(), &rows));
    snapshot!("interfaces-narrow", narrow(), interfaces(&narrow(), &rows));
    insta::assert_snapshot!("interfaces-coloured", interfaces(&coloured(), &rows));
    snapshot!("interface", sheet(), interface(&sheet(), &rows[1]));
    assert_eq!(interfaces(&sheet(), &[]), "no interfaces\n");
}

#[test]
fn show_protocols() {
    let rows: Vec<waypost_api::ProtocolRow> = answer("protocols");
    snapshot!("protocols", sheet(), protocols(&sheet(), &rows));
    snapshot!("protocols-slim", slim(), protocols(&slim(), &rows));
    snapshot!("protocol", sheet(), protocol(&sheet(), &rows[0]));
    snapshot!("protocol-failed", sheet(), protocol(&sheet(), &rows[2]));
    assert_eq!(protocols(&sheet(), &[]), "no protocols\n");
}

#[test]
fn show_neighbors() {
    snapshot!(
        "neighbors",
        sheet(),
        neighbors(&sheet(), &answer::<Vec<_>>("neighbors"))
    );
    snapshot!(
        "neighbors-slim",
        slim(),
        neighbors(&slim(), &answer::<Vec<_>>("neighbors"))
    );
    assert_eq!(neighbors(&sheet(), &[]), "no neighbours\n");
}

#[test]
fn show_routes() {
    let page: waypost_api::RoutePage = answer("routes");
    snapshot!(
        "routes",
        sheet(),
        routes(&sheet(), &Owners::default(), &page.rows, true)
    );
    snapshot!(
        "routes-slim",
        slim(),
        routes(&slim(), &Owners::default(), &page.rows, true)
    );
    insta::assert_snapshot!(
        "routes-coloured",
        routes(&coloured(), &Owners::default(), &page.rows, false)
    );
    assert_eq!(routes(&sheet(), &Owners::default(), &[], true), "no routes\n");
}

#[test]
fn routes_of_a_module_are_called_as_its_record_is() {
    let mut page: waypost_api::RoutePage = answer("routes");
    let mut protocols: Vec<waypost_api::ProtocolRow> = answer("protocols");
    let number = waypost_types::ProtocolId(0x3FFF_0001);
    page.rows[0].owner = number;
    protocols[0].id = number;
    protocols[0].name = "beacon".to_owned();
    let owners = Owners::of(&protocols);
    let text = routes(&sheet(), &owners, &page.rows, true);
    assert!(text.contains("beacon") && !text.contains("0x3fff0001"), "{text}");
    assert_eq!(owners.asked("beacon"), "0x3fff0001");
    assert_eq!(owners.called("0x3fff0001"), "beacon");
    assert_eq!(owners.called("static"), "static");
    assert_eq!(owners.asked("netmgmt"), "netmgmt");
}

#[test]
fn explain() {
    snapshot!(
        "explain",
        sheet(),
        explanation(&sheet(), &Owners::default(), "10.1.2.3", &answer("explain"))
    );
    snapshot!(
        "explain-nothing",
        sheet(),
        explanation(
            &sheet(),
            &Owners::default(),
            "198.51.100.1",
            &answer("explain-nothing")
        )
    );
}

#[test]
fn show_counters() {
    snapshot!(
        "counters",
        sheet(),
        counters(&sheet(), &Owners::default(), &answer("counters"))
    );
    snapshot!(
        "counters-narrow",
        narrow(),
        counters(&narrow(), &Owners::default(), &answer("counters"))
    );
}

#[test]
fn show_fib() {
    let report: waypost_api::FibReport = answer("fib");
    snapshot!("fib", sheet(), fib(&sheet(), &report));
    snapshot!("fib-slim", slim(), fib(&slim(), &report));
    let agreeing = waypost_api::FibReport {
        wanted: 1,
        agreeing: 1,
        kernel: Some(1),
        ..waypost_api::FibReport::default()
    };
    assert_eq!(
        fib(&sheet(), &agreeing),
        "1 of 1 best route is in the kernel as wanted\n"
    );
    let unread = waypost_api::FibReport {
        kernel_error: Some("netlink socket: no".to_owned()),
        ..agreeing
    };
    assert!(fib(&sheet(), &unread).contains("the kernel could not be read"));
}

#[test]
fn show_policy_and_what_it_decides() {
    let rows: Vec<waypost_api::PolicyRow> = answer("policies");
    snapshot!("policies", sheet(), policies(&sheet(), &rows));
    snapshot!("policy", sheet(), policy(&sheet(), &rows[1]));
    assert_eq!(policies(&sheet(), &[]), "no policies\n");
    let outcome: waypost_api::PolicyExplanation = answer("policy-test");
    snapshot!("policy-test", sheet(), tested(&sheet(), "10.1.0.0/16", &outcome));
    let denied = waypost_api::PolicyExplanation {
        action: waypost_api::Action::Deny,
        decided_by: None,
        tried: Vec::new(),
        changes: Vec::new(),
    };
    assert_eq!(
        tested(&sheet(), "10.1.0.0/16", &denied),
        "10.1.0.0/16 is denied: nothing in the policy matches it\n"
    );
}

#[test]
fn show_database() {
    snapshot!("database", sheet(), database(&sheet(), &answer("database")));
    assert_eq!(
        database(&sheet(), &serde_json::Map::new()),
        "no protocol is running\n"
    );
}

#[test]
fn show_config() {
    let tree = fixture("config");
    let at = |path: &str| -> String {
        let path: Path = path.parse().unwrap();
        let value = path.parts().iter().fold(&tree, |tree, part| &tree[*part]);
        configuration(&sheet(), &path, value).unwrap()
    };
    insta::assert_snapshot!("config", at(""));
    insta::assert_snapshot!("config-table", at("interfaces.\"eth0.100\""));
    assert_eq!(
        at("interfaces.eth0.rip.announce"),
        "interfaces.eth0.rip.announce=\"v2-multicast\"\n"
    );
    assert_eq!(
        configuration(&sheet(), &Path::default(), &serde_json::json!({})).unwrap(),
        "no configuration\n"
    );
    assert_eq!(
        value(&tree["interfaces"]["eth0"]["rip"]["announce"]).unwrap(),
        "v2-multicast\n"
    );
    assert_eq!(
        value(&tree["protocols"]["rip"]["peers"]).unwrap(),
        "192.0.2.2\n192.0.2.3\n"
    );
    assert_eq!(
        value(&tree["interfaces"]["eth1"]["rip"]).unwrap(),
        "passive = true\n"
    );
}

#[test]
fn show_revisions() {
    snapshot!(
        "revisions",
        sheet(),
        revisions(&sheet(), &answer::<Vec<_>>("revisions"), None)
    );
    assert_eq!(
        revisions(&sheet(), &[], None),
        "no revisions: nothing was ever configured\n"
    );
}

#[test]
fn plans() {
    snapshot!("plan-live", sheet(), plan(&sheet(), &answer("plan-live")));
    snapshot!("plan-hard", sheet(), plan(&sheet(), &answer("plan-hard")));
    insta::assert_snapshot!("plan-coloured", plan(&coloured(), &answer("plan-hard")));
    snapshot!(
        "plan-nothing",
        sheet(),
        plan(&sheet(), &waypost_manager::Plan::default())
    );
}

#[test]
fn changes() {
    let mut made: waypost_manager::Applied = waypost_manager::Applied {
        trial: None,
        revision: Some(12),
        changed: true,
        plan: answer("plan-live"),
    };
    snapshot!("applied-live", sheet(), applied(&sheet(), &made));
    made.plan = answer("plan-hard");
    snapshot!("applied-hard", sheet(), applied(&sheet(), &made));
    made.plan = waypost_manager::Plan::default();
    made.changed = false;
    assert_eq!(
        applied(&sheet(), &made),
        "nothing changed: revision 12 stays in force\n"
    );
    made.revision = None;
    assert_eq!(applied(&sheet(), &made), "nothing changed\n");
}

#[test]
fn changes_on_trial() {
    let trial = waypost_manager::OnTrial {
        back_to: Some(41),
        until: 1_767_200_090,
        seconds_left: 90,
    };
    let made = waypost_manager::Applied {
        trial: Some(trial.clone()),
        revision: Some(42),
        changed: true,
        plan: answer("plan-live"),
    };
    insta::assert_snapshot!("applied-on-trial", applied(&sheet(), &made));
    insta::assert_snapshot!(
        "revisions-on-trial",
        revisions(&sheet(), &answer::<Vec<_>>("revisions"), Some(&trial))
    );
    let mut status: waypost_api::StatusAnswer = answer("status");
    status.trial = Some(trial);
    insta::assert_snapshot!("status-on-trial", crate::render::status(&sheet(), &status));
}

#[test]
fn what_waits_for_its_time() {
    let row = |id, confirm_within, note: &str, refusals| waypost_manager::Scheduled {
        id,
        at: 1_767_200_090 + id,
        author: "alice".to_owned(),
        note: note.to_owned(),
        confirm_within,
        refusals,
    };
    let refusal = waypost_routprot::Refusal::out_of_range("interfaces.eth0.rip.metric", 99, "0..=16");
    let rows = [
        row(1, None, "", vec![refusal.clone(), refusal]),
        row(2, Some(120), "new timers", Vec::new()),
    ];
    snapshot!("schedule", sheet(), schedule(&sheet(), &rows));
    let answer = waypost_api::ScheduleAnswer {
        scheduled: rows[1].clone(),
        plan: answer("plan-live"),
    };
    insta::assert_snapshot!("ordered", ordered(&sheet(), &answer));
    assert_eq!(schedule(&sheet(), &[]), "no change waits for its time\n");
}

#[test]
fn two_who_changed_the_same() {
    use crate::change::{Row, ThreeWay};
    let row = |path: &str, base, theirs, ours| Row {
        path: path.to_owned(),
        base,
        theirs,
        ours,
    };
    let number = |value: u32| Some(serde_json::json!(value));
    let rows = answer::<Vec<waypost_api::RevisionRow>>("revisions");
    let view = ThreeWay {
        base: 40,
        head: rows.into_iter().next(),
        rows: vec![
            row(
                "interfaces.eth0.ospf.cost",
                number(10),
                Some(number(20)),
                Some(number(30)),
            ),
            row("interfaces.eth1.ospf.cost", number(10), Some(None), None),
            row("interfaces.eth2.rip.metric", None, None, Some(number(4))),
        ],
    };
    snapshot!("three-way", sheet(), three_way(&sheet(), &view));
    let nothing = three_way(
        &sheet(),
        &ThreeWay {
            rows: Vec::new(),
            ..view
        },
    );
    assert!(
        nothing.ends_with("\n\nno option is another one than in revision 40\n\n"),
        "{nothing}"
    );
}

#[test]
fn what_is_removed_stops_or_leaves() {
    let change = |path: &str, impact: waypost_routprot::Impact| waypost_manager::PlannedChange {
        path: path.to_owned(),
        old: Some(serde_json::json!({})),
        new: None,
        impact,
        reason: "it was taken out".to_owned(),
    };
    let made = waypost_manager::Applied {
        trial: None,
        revision: Some(13),
        changed: true,
        plan: waypost_manager::Plan {
            changes: vec![
                change("interfaces.lan2.rip", waypost_routprot::Impact::LeavesInterface),
                change(
                    "interfaces.lan3.enabled",
                    waypost_routprot::Impact::LeavesInterface,
                ),
                change("protocols.static", waypost_routprot::Impact::StopsProtocol),
            ],
            notes: Vec::new(),
        },
    };
    snapshot!("plan-removal", sheet(), plan(&sheet(), &made.plan));
    let text = applied(&sheet(), &made);
    let last = text.lines().last().unwrap();
    assert_eq!(
        last,
        "3 changes on 2 interfaces, in 1 protocol: rip left lan2, every protocol left lan3, static stopped"
    );
}

#[test]
fn diff() {
    insta::assert_snapshot!("diff", difference(&sheet(), &answer("diff")));
    insta::assert_snapshot!("diff-coloured", difference(&coloured(), &answer("diff")));
    let same = waypost_api::DiffAnswer {
        changes: Vec::new(),
        text: String::new(),
    };
    assert_eq!(difference(&sheet(), &same), "no difference\n");
}

#[test]
fn options() {
    let terms = vocabulary::of_everything(&fixture("schema"));
    snapshot!("schema", sheet(), schema(&sheet(), &terms));
    snapshot!("schema-slim", slim(), schema(&slim(), &terms));
    assert_eq!(schema(&sheet(), &[]), "no options\n");
}

#[test]
fn live() {
    let now = jiff::Timestamp::from_second(1_767_225_600).unwrap();
    snapshot!(
        "watch",
        sheet(),
        crate::watch::text(&sheet(), &answer("snapshot"), now)
    );
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut rows: Vec<waypost_api::InterfaceRow> = answer("interfaces");
    rows[0].name = "eth\x1b]0;owned\x07".to_owned();
    assert!(!interfaces(&sheet(), &rows).contains(['\x1b', '\x07']));
}
