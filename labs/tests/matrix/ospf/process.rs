//! The options of OSPF as a whole, and what takes it away.

use serde_json::Value;

use super::interface::{PAIR, interface, over_the_link};
use super::network::{ALONE, COMMON, LINK, OUTSIDE, OWN, SECOND, UNSAID};
use crate::bench::{BOTH, CONTESTED, HOST1, TO_R1, TO_R2, TO_R3};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Case, Effect, Has};

/// Everybody who is adjacent to r1.
const ALL_PAIRS: &[(At, At)] = &[(R1, R2), (R2, R1), (R1, R3), (R3, R1)];
/// What r2 and r3 have of r1's static routes.
const STATICS: &[Has] = &[
    (R2, HOST1),
    (R2, OUTSIDE),
    (R2, "172.31.2.0/24"),
    (R3, HOST1),
    (R3, OUTSIDE),
    (R3, "172.31.2.0/24"),
];

const EXTERNALS: &[&str] = &["show", "ospf", "database", "--detail", "--type", "as-external"];

/// Every route of OSPF's.
fn everything() -> Vec<Has> {
    COMMON
        .iter()
        .chain(OWN)
        .filter(|(_, _, gateway)| *gateway != crate::bench::HOST)
        .map(|(at, prefix, _)| (*at, *prefix))
        .collect()
}

fn row(option: &str, change: &str, value: &str) -> Case {
    let path = format!("protocols.ospf.{option}");
    Case::new(path.clone(), change).step(R1, &path, value)
}

/// Options that show in nothing but the configuration until something happens.
fn kept_for_later(option: &'static str, change: &str, value: &'static str) -> Case {
    row(option, change, value).effect(Effect::Configured(R1, "protocols.ospf", option, value))
}

/// The router shows that of the protocol.
fn summary(case: Case, is: fn(&Value) -> bool) -> Case {
    case.effect(Effect::Shown(R1, &["show", "protocols", "ospf"], is))
}

/// r2 has such an LSA.
fn database(case: Case, is: fn(&Value) -> bool) -> Case {
    case.effect(Effect::Shown(R2, &["show", "ospf", "database"], is))
}

fn has_lsa(shown: &Value, kind: &str, id: &str, router: &str) -> bool {
    shown.as_array().into_iter().flatten().any(|lsa| {
        lsa["type"].as_str().is_some_and(|name| name.contains(kind))
            && (id.is_empty() || lsa["link-state-id"] == id)
            && lsa["advertising-router"] == router
    })
}

pub(super) fn cases() -> Vec<Case> {
    [whole(), pace(), dying(), outside(), areas(), leaving()]
        .into_iter()
        .flatten()
        .collect()
}

fn whole() -> Vec<Case> {
    vec![
        summary(
            row("router-id", "1.1.1.1 → 9.9.9.9", "9.9.9.9")
                .interrupts(&everything())
                .resets(ALL_PAIRS),
            |shown| shown["summary"]["router-id"] == "9.9.9.9",
        ),
        row("preference", "110 → 2", "2").effect(Effect::Via(R1, CONTESTED, &[TO_R2])),
        row("maximum-paths", "16 → 1", "1")
            .before(R1, "interfaces.eth1.ospf.cost", "10")
            .moves_both()
            .effect(Effect::Route(R1, BOTH, |route| route.hops.len() == 1)),
        kept_for_later("rfc1583", "off → on", "true"),
        row("reference-bandwidth", "none → 1000000 Mbit/s", "1000000").effect(Effect::Shown(
            R1,
            &["show", "ospf", "interfaces"],
            |shown| interface(shown, "eth0")["cost"] != 10 && interface(shown, "eth1")["cost"] == 20,
        )),
        summary(row("stub-router", "off → on", "true"), |shown| {
            shown["summary"]["stub-router"] == true
        }),
        kept_for_later("opaque", "on → off", "false"),
        database(row("router-information", "off → on", "true"), |shown| {
            has_lsa(shown, "opaque", "", "1.1.1.1")
        }),
        Case::new("protocols.ospf.instance", "0 → 3, everywhere")
            .step(R1, "protocols.ospf.instance", "3")
            .step(R2, "protocols.ospf.instance", "3")
            .step(R3, "protocols.ospf.instance", "3")
            .interrupts(&everything())
            .resets(ALL_PAIRS),
        kept_for_later("maximum-lsas", "4000000 → 1000", "1000"),
        kept_for_later("logging", "information → errors", "errors"),
        kept_for_later("annotate", "none → a note", "the inner network"),
        Case::new(
            "protocols.ospf.defaults",
            "cost of interfaces without their own 10 → 30",
        )
        .step(R1, "protocols.ospf.defaults.cost", "30")
        .effect(Effect::Via(R1, BOTH, &[TO_R3])),
    ]
}

fn pace() -> Vec<Case> {
    [
        ("minimum-arrival", "1000 → 0 ms", "0"),
        ("originate-minimum", "1100 → 2000 ms", "2000"),
        ("originate-maximum", "5000 → 9000 ms", "9000"),
        ("acknowledge-delay", "500 → 100 ms", "100"),
        ("spf-initial-delay", "0 → 200 ms", "200"),
        ("spf-short-delay", "50 → 300 ms", "300"),
        ("spf-long-delay", "2000 → 3000 ms", "3000"),
        ("spf-learn-interval", "500 → 900 ms", "900"),
        ("spf-hold-down", "5000 → 9000 ms", "9000"),
    ]
    .into_iter()
    .map(|(option, change, value)| kept_for_later(option, change, value))
    .collect()
}

fn dying() -> Vec<Case> {
    [
        ("stub-router-at-start", "0 → 60 s", "60"),
        ("stub-router-at-stop", "0 → 2 s", "2"),
        ("stub-router-externals", "off → on", "true"),
        ("restart-helper", "on → off", "false"),
        ("strict-lsa-checking", "on → off", "false"),
        ("graceful-restart", "off → on", "true"),
        ("grace-period", "100 → 90 s", "90"),
    ]
    .into_iter()
    .map(|(option, change, value)| kept_for_later(option, change, value))
    .collect()
}

fn outside() -> Vec<Case> {
    let redistribute = |change: &str, value: &str| row("redistribute", change, value);
    vec![
        database(row("originate-default", "never → always", "always"), |shown| {
            has_lsa(shown, "external", "0.0.0.0", "1.1.1.1")
        }),
        row("boundary-router", "by itself → false", "false").loses(STATICS),
        row("redistribute-unlisted", "off → on", "true").effect(Effect::Via(R2, UNSAID, &[TO_R1])),
        redistribute(
            "connected as well",
            r#"[{ source = "static" }, { source = "connected" }]"#,
        )
        .effect(Effect::Via(R2, UNSAID, &[TO_R1])),
        redistribute(
            "metric of static 20 → 5",
            r#"[{ source = "static", metric = 5 }]"#,
        )
        .effect(Effect::Shown(R2, EXTERNALS, |shown| {
            shown.to_string().contains("\"metric\":5")
        })),
        redistribute(
            "metric type of static 2 → 1",
            r#"[{ source = "static", metric-type = "1" }]"#,
        )
        .effect(Effect::Shown(R2, &["show", "ospf", "path", OUTSIDE], |shown| {
            shown["kind"] == "external-1"
        })),
        redistribute("tag of static 0 → 9", r#"[{ source = "static", tag = 9 }]"#).effect(Effect::Shown(
            R2,
            EXTERNALS,
            |shown| shown.to_string().contains("\"tag\":9"),
        )),
        redistribute("no longer static", "[]").loses(STATICS),
        row(
            "redistribute-filter",
            "none → ignore one",
            r#"{ action = "ignore", prefixes = ["172.31.1.0/24"] }"#,
        )
        .loses(&[(R2, OUTSIDE), (R3, OUTSIDE)]),
    ]
}

fn areas() -> Vec<Case> {
    // A network of r1's that is in an area of its own beforehand.
    let with_second =
        |change: &str, value: &str| row("areas", change, value).before(R1, "interfaces.lan1.ospf.area", "1");
    vec![
        with_second("one that had nothing to say", "[{ id = 1 }]"),
        with_second("normal → stub", r#"[{ id = 1, kind = "stub" }]"#),
        with_second("normal → NSSA", r#"[{ id = 1, kind = "nssa" }]"#),
        with_second(
            "a range",
            r#"[{ id = 1, ranges = [{ prefix = "10.1.0.0/23" }] }]"#,
        )
        .effect(Effect::Via(R2, "10.1.0.0/23", &[TO_R1]))
        .loses(&[(R2, SECOND), (R3, SECOND)]),
        with_second(
            "a range that is not advertised",
            r#"[{ id = 1, ranges = [{ prefix = "10.1.0.0/23", advertise = false }] }]"#,
        )
        .loses(&[(R2, SECOND), (R3, SECOND)]),
        row(
            "virtual-links",
            "one to nobody",
            r#"[{ transit-area = 1, router-id = "9.9.9.9" }]"#,
        )
        .before(R1, "interfaces.lan1.ospf.area", "1")
        .before(R1, "protocols.ospf.areas", "[{ id = 1 }]")
        .effect(Effect::Shown(R1, &["show", "ospf", "interfaces"], |shown| {
            shown
                .to_string()
                .contains("virtual link through 0.0.0.1 to 9.9.9.9")
        })),
        kept_for_later("listed-areas-only", "off → on", "true"),
    ]
}

fn leaving() -> Vec<Case> {
    let parts = |case: Case| case.loses(&over_the_link()).loses(&[(R3, LINK)]).deaf(PAIR);
    let all = |case: Case| case.loses(&everything()).deaf(ALL_PAIRS);
    vec![
        all(row("enabled", "true → false", "false")),
        Case::new("interfaces.NAME.enabled", "true → false, another interface")
            .step(R1, "interfaces.eth2.enabled", "false")
            .loses(&[(R2, ALONE)]),
        parts(
            Case::new("interfaces.NAME.enabled", "true → false, the interface").step(
                R1,
                "interfaces.eth0.enabled",
                "false",
            ),
        ),
        Case::new("interfaces.NAME.ospf", "taken away, another interface")
            .step(R1, "interfaces.eth2.ospf", "")
            .loses(&[(R2, ALONE)]),
        parts(
            Case::new("interfaces.NAME.ospf", "taken away, the interface").step(
                R1,
                "interfaces.eth0.ospf",
                "",
            ),
        ),
        all(Case::new("protocols.ospf", "taken away").step(R1, "protocols.ospf", "")),
    ]
}
