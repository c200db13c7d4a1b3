//! Every rendering against what it was when somebody last looked at it: `snapshots/`, from answers in `fixtures/`.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{picture, render};
use crate::sheet::Sheet;

fn sheet() -> Sheet {
    Sheet {
        width: Some(100),
        color: false,
        zone: TimeZone::UTC,
    }
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/ospf/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

#[track_caller]
fn fits(text: String) -> String {
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "too long: {line}");
        assert_eq!(line.trim_end(), line);
    }
    text
}

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        insta::assert_snapshot!($name, fits($text));
    };
}

#[test]
fn texts() {
    snapshot!("lsas", render::lsas(&sheet(), &fixture("lsas"), false));
    snapshot!("lsas-detail", render::lsas(&sheet(), &fixture("lsas"), true));
    snapshot!("interfaces", render::interfaces(&sheet(), &fixture("interfaces")));
    snapshot!("borders", render::borders(&sheet(), &fixture("borders")));
    snapshot!(
        "calculations",
        render::calculations(&sheet(), &fixture("calculations"))
    );
    snapshot!("graph", render::graph(&sheet(), &fixture("graph")));
    snapshot!("path", render::path(&sheet(), "10.9.0.1", &fixture("path")));
    snapshot!("simulation", render::simulation(&sheet(), &fixture("simulation")));
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let none = Value::Array(Vec::new());
    for text in [
        render::lsas(&sheet(), &none, true),
        render::interfaces(&sheet(), &none),
        render::borders(&sheet(), &none),
        render::calculations(&sheet(), &none),
        render::graph(&sheet(), &none),
        render::path(&sheet(), "10.0.0.1", &Value::Null),
    ] {
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert!(picture::svg(&none).is_err());
}

#[test]
fn pictures() {
    insta::assert_snapshot!("dot", picture::dot(&fixture("graph")));
    let svg = picture::svg(&fixture("graph")).unwrap();
    assert_eq!(
        svg.matches("<circle").count() + svg.matches("rx=").count(),
        fixture("graph")[0]["vertices"].as_array().unwrap().len()
    );
    assert!(svg.ends_with("</svg>\n"));
}

/// What comes from the daemon is text, whatever it looks like.
#[test]
fn text_in_pictures_is_text() {
    let answer = serde_json::json!([{
        "area": "<script>\"0",
        "router-id": "1.1.1.1",
        "vertices": [{ "kind": "router", "id": "<img src=x>", "roles": [], "distance": 0 }],
        "links": [{ "from": 0, "to": 7, "cost": 1 }, { "from": -1, "to": 0 }],
    }]);
    let svg = picture::svg(&answer).unwrap();
    assert!(!svg.contains("<script>") && !svg.contains("<img"), "{svg}");
    assert!(!picture::dot(&answer).contains("\"area <script>\"0\""));
}
