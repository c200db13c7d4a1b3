//! Configuration as text.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use waypost_infobase::Tree;
use waypost_manager::{Configuration, Edit, Path, redact};
use waypost_routprot::Refusal;

use crate::rig::{Rig, interface, path, set, unset};
use crate::sample::{NEEDS_AREA, codecs};

fn configuration() -> Configuration {
    Configuration::new(codecs())
}

/// The text after edits of a text.
fn edited(before: Value, edits: &[Edit]) -> Result<Value, Vec<Refusal>> {
    let configuration = configuration();
    let mut tree = configuration.blocks_of(&before).unwrap();
    let changes = configuration.changes(&tree, edits)?;
    for (key, block) in changes {
        match block {
            Some(block) => drop(tree.insert(key, block)),
            None => drop(tree.remove(&key).unwrap()),
        }
    }
    let text = configuration.text_of(&tree).unwrap();
    assert_eq!(configuration.blocks_of(&text).unwrap(), tree);
    Ok(text)
}

fn refused(edit: Edit) -> Refusal {
    let before = json!({
        "protocols": { "sample": { "interval": 5 } },
        "interfaces": { "eth0": { "sample": { "metric": 1 } } },
    });
    edited(before, &[edit]).unwrap_err().remove(0)
}

fn any_on_interface() -> impl Strategy<Value = Value> {
    (
        prop::option::of(1..=16_u32),
        prop::option::of("[ -~]{0,6}"),
        prop::option::of(any::<u32>()),
        prop::collection::vec("[a-z]{0,3}", 0..2),
    )
        .prop_map(|(metric, password, area, keys)| {
            let mut text = Map::new();
            text.extend(metric.map(|metric| ("metric".to_owned(), metric.into())));
            text.extend(password.map(|password| ("password".to_owned(), password.into())));
            text.extend(area.map(|id| ("area".to_owned(), json!({ "id": id }))));
            if !keys.is_empty() {
                let keys = keys.into_iter().map(|key| json!({ "secret": key }));
                text.insert("keys".to_owned(), keys.collect());
            }
            Value::Object(text)
        })
}

fn any_interface() -> impl Strategy<Value = Value> {
    let names = prop::sample::subsequence(vec!["sample", "ospf"], 1..=2);
    (
        prop::option::of(any::<bool>()),
        names,
        any_on_interface(),
        prop::option::of("([0-9a-f]{2}){1,4}"),
    )
        .prop_map(|(enabled, names, text, raw)| {
            let mut table = Map::new();
            table.extend(enabled.map(|enabled| ("enabled".to_owned(), enabled.into())));
            table.extend(names.into_iter().map(|name| (name.to_owned(), text.clone())));
            table.extend(raw.map(|hex| ("igmp".to_owned(), json!({ "version": 2, "hex": hex }))));
            Value::Object(table)
        })
}

fn any_text() -> impl Strategy<Value = Value> {
    let router = prop_oneof![
        Just(None),
        (any::<bool>(), 1..=255_u8).prop_map(|(id, preference)| {
            let mut router = json!({ "preferences": { "rip": preference, "sample": 9 } });
            if id {
                router["id"] = "192.0.2.1".into();
                router["annotate"] = "grüß Gott".into();
            }
            Some(router)
        }),
    ];
    let interfaces = prop::collection::btree_map(
        prop::sample::select(vec!["eth0", "eth0.100", "br-lan@x", "ü"]),
        any_interface(),
        0..3,
    );
    (router, prop::option::of(1..=3600_u32), interfaces).prop_map(|(router, interval, interfaces)| {
        let mut text = Map::new();
        text.extend(router.map(|router| ("router".to_owned(), router)));
        text.extend(interval.map(|interval| {
            (
                "protocols".to_owned(),
                json!({ "sample": { "interval": interval } }),
            )
        }));
        if !interfaces.is_empty() {
            text.insert("interfaces".to_owned(), json!(interfaces));
        }
        Value::Object(text)
    })
}

/// Trees that nobody means: any shape under any name.
fn hostile() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "router",
            "protocols",
            "interfaces",
            "eth0",
            "sample",
            "static",
            "enabled",
            "routes",
            "hex",
            "version",
            "metric",
            "id",
            "preferences",
            "blocks",
            "0xffff0004",
            "autostatic",
            "",
            ".",
            "\"",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,18}",
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5).prop_map(|table| json!(table)),
        ]
    })
}

proptest! {
    #[test]
    fn text_to_blocks_to_text_is_the_identity(text in any_text()) {
        let configuration = configuration();
        let tree = configuration.blocks_of(&text).unwrap();
        prop_assert_eq!(configuration.text_of(&tree).unwrap(), text);
    }

    #[test]
    fn replacing_gives_what_was_asked_for(before in any_text(), after in any_text()) {
        prop_assert_eq!(edited(before, &[Edit::Replace(after.clone())]).unwrap(), after);
    }

    #[test]
    fn tables_that_are_set_are_replaced_and_others_stay(before in any_text(), table in any_interface()) {
        let mut expected = before.clone();
        expected["interfaces"]["eth0"] = table.clone();
        for edit in [set("interfaces.eth0", table), Edit::Merge(json!({ "interfaces": { "eth0": expected["interfaces"]["eth0"] } }))] {
            let merge = matches!(edit, Edit::Merge(_));
            let text = edited(before.clone(), &[edit]).unwrap();
            if merge {
                for (name, part) in expected["interfaces"]["eth0"].as_object().unwrap() {
                    prop_assert_eq!(&text["interfaces"]["eth0"][name], part);
                }
            } else {
                prop_assert_eq!(text, expected.clone());
            }
        }
        let mut without = before.clone();
        let left = without.get_mut("interfaces").and_then(Value::as_object_mut).map(|interfaces| {
            interfaces.remove("eth0");
            interfaces.len()
        });
        if left == Some(0) {
            without.as_object_mut().unwrap().remove("interfaces");
        }
        prop_assert_eq!(edited(before, &[unset("interfaces.eth0")]).unwrap(), without);
    }

    #[test]
    fn hostile_trees_are_refused_with_paths(text in hostile(), at in "\\PC{0,30}") {
        let configuration = configuration();
        let at = at.parse::<Path>().unwrap_or_else(|_| Path::new(["interfaces", "eth0", "sample", "metric"]));
        for edit in [
            Edit::Replace(text.clone()),
            Edit::Merge(text.clone()),
            Edit::Merge(json!({ "interfaces": text })),
            Edit::Merge(json!({ "interfaces": { "eth0": text } })),
            Edit::Merge(json!({ "interfaces": { "eth0": { "sample": text } } })),
            Edit::Merge(json!({ "protocols": { "static": { "routes": [text] } } })),
            Edit::Merge(json!({ "router": text })),
            Edit::Set { path: at.clone(), value: text.clone(), typed: Some("7".to_owned()) },
            Edit::Unset(at),
        ] {
            // Only what is wrong with the whole has nowhere to point to.
            let of_the_whole = match &edit {
                Edit::Replace(text) | Edit::Merge(text) => !text.is_object(),
                Edit::Set { path, .. } | Edit::Unset(path) => path.parts().is_empty(),
                _ => false,
            };
            for refusal in configuration.changes(&Tree::new(), &[edit]).err().into_iter().flatten() {
                prop_assert!(of_the_whole || !refusal.path.is_empty(), "{}", refusal);
            }
        }
        let mut text = text;
        redact(&mut text);
    }
}

#[test]
fn options_are_set_and_unset_at_every_depth() {
    let rows = [
        ("interfaces.\"eth0.100\".sample.metric", json!(3)),
        ("interfaces.eth0.sample.area.id", json!(7)),
        ("interfaces.eth0.sample.keys", json!([{ "secret": "a" }])),
        ("interfaces.eth0.enabled", json!(false)),
        ("interfaces.eth0.ospf", json!({ "metric": 2 })),
        ("protocols.sample.interval", json!(60)),
        ("protocols.static", json!({})),
        ("router.id", json!("192.0.2.1")),
        ("router.preferences.rip", json!(99)),
    ];
    for (at, value) in rows {
        let text = edited(json!({}), &[set(at, value.clone())]).unwrap();
        let found = path(at)
            .parts()
            .iter()
            .try_fold(&text, |here, part| here.get(*part))
            .cloned();
        assert_eq!(found, Some(value), "{at}");
        let text = edited(text, &[unset(at)]).unwrap();
        let found = path(at)
            .parts()
            .iter()
            .try_fold(&text, |here, part| here.get(*part))
            .cloned();
        assert_eq!(found, None, "{at}");
    }
    let all = json!({
        "router": { "annotate": "x" },
        "protocols": { "sample": {} },
        "interfaces": { "eth0": { "sample": {} }, "eth1": { "ospf": {} } },
    });
    for (at, left) in [
        ("router", vec!["interfaces", "protocols"]),
        ("protocols", vec!["interfaces", "router"]),
        ("interfaces", vec!["protocols", "router"]),
    ] {
        let text = edited(all.clone(), &[unset(at)]).unwrap();
        assert_eq!(text.as_object().unwrap().keys().collect::<Vec<_>>(), left);
    }
    let text = edited(all, &[set("interfaces", json!({ "eth1": { "sample": {} } }))]).unwrap();
    assert_eq!(text["interfaces"], json!({ "eth1": { "sample": {} } }));
}

#[test]
fn unsetting_what_is_not_there_makes_nothing() {
    for at in [
        "protocols.sample.interval",
        "interfaces.eth0.sample.metric",
        "interfaces.eth0.sample.area.id",
        "interfaces.eth0",
        "interfaces.eth0.enabled",
        "router.id",
        "router.preferences.rip",
    ] {
        assert_eq!(edited(json!({}), &[unset(at)]).unwrap(), json!({}), "{at}");
    }
    let before = json!({ "interfaces": { "eth0": { "sample": { "metric": 1 } } } });
    // No empty table on the way down, which here would be no valid configuration.
    assert_eq!(
        edited(before.clone(), &[unset("interfaces.eth0.sample.area.id")]).unwrap(),
        before
    );
}

#[test]
fn edits_build_on_each_other() {
    let text = edited(
        json!({ "protocols": { "sample": {} } }),
        &[
            unset("protocols"),
            set("protocols.sample.interval", json!(1)),
            set("interfaces.eth0.sample.metric", json!(1)),
            set("interfaces.eth0.sample.password", json!("x")),
            set("interfaces.eth1.sample.metric", json!(1)),
            unset("interfaces.eth1"),
            set("router.id", json!("192.0.2.1")),
            set("router.annotate", json!("x")),
            unset("router.id"),
        ],
    );
    assert_eq!(
        text.unwrap(),
        json!({
            "router": { "annotate": "x" },
            "protocols": { "sample": { "interval": 1 } },
            "interfaces": { "eth0": { "sample": { "metric": 1, "password": "x" } } },
        })
    );
}

#[test]
fn a_number_is_text_where_text_is_wanted() {
    let edit = |at, value, typed: &str| Edit::Set {
        path: path(at),
        value,
        typed: Some(typed.to_owned()),
    };
    let text = edited(
        json!({}),
        &[edit("interfaces.eth0.sample.password", json!(12), "0012")],
    );
    assert_eq!(text.unwrap()["interfaces"]["eth0"]["sample"]["password"], "0012");
    let refusal = refused(edit("interfaces.eth0.sample.metric", json!(99), "99"));
    assert_eq!(
        (
            refusal.path.as_str(),
            refusal.value.as_deref(),
            refusal.allowed.as_deref()
        ),
        ("interfaces.eth0.sample.metric", Some("99"), Some("1..=16"))
    );
}

#[test]
fn mistakes_name_where_and_what_was_meant() {
    let rows = [
        (
            set("interfaces.eth0.sampel", json!({})),
            "interfaces.eth0.sampel",
            Some("sample"),
        ),
        (
            set("interfaces.eth0.enabeld", json!(true)),
            "interfaces.eth0.enabeld",
            Some("enabled"),
        ),
        (
            set("interfaces.eth0.sample.metrik", json!(1)),
            "interfaces.eth0.sample.metrik",
            Some("metric"),
        ),
        (
            unset("interfaces.eth0.sample.metrik"),
            "interfaces.eth0.sample.metrik",
            Some("metric"),
        ),
        (
            unset("interfaces.eth9.sample.metrik"),
            "interfaces.eth9.sample.metrik",
            Some("metric"),
        ),
        (unset("protocols.sampel"), "protocols.sampel", Some("sample")),
        (unset("router.anotate"), "router.anotate", Some("annotate")),
        (
            set("router.anotate", json!("x")),
            "router.anotate",
            Some("annotate"),
        ),
        (
            set("interface.eth0", json!({})),
            "interface.eth0",
            Some("interfaces"),
        ),
        (set("interfaces.eth0", json!(7)), "interfaces.eth0", None),
        (
            set("interfaces.eth0.enabled", json!("yes")),
            "interfaces.eth0.enabled",
            None,
        ),
        (
            set("interfaces.eth0.enabled.x", json!(true)),
            "interfaces.eth0.enabled.x",
            None,
        ),
        (
            set("interfaces.eth0.sample.metric.x", json!(true)),
            "interfaces.eth0.sample.metric.x",
            None,
        ),
        (
            set("interfaces.eth0:1.sample", json!({})),
            "interfaces.eth0:1.sample",
            None,
        ),
        (
            set("interfaces.\"a b\".sample", json!({})),
            "interfaces.\"a b\".sample",
            None,
        ),
        (
            set("protocols.0x4137000a", json!({ "hex": "0" })),
            "protocols.0x4137000a.hex",
            None,
        ),
        (
            set("protocols.0x4137000a", json!({ "hex": "" })),
            "protocols.0x4137000a.hex",
            None,
        ),
        (
            set("protocols.0x4137000a", json!({ "hex": "é0" })),
            "protocols.0x4137000a.hex",
            None,
        ),
        (
            set("protocols.0x4137000a", json!({ "hex": "00", "verson": 1 })),
            "protocols.0x4137000a.verson",
            Some("version"),
        ),
        (
            set("protocols.0x4137000a", json!({})),
            "protocols.0x4137000a",
            None,
        ),
        (
            Edit::Replace(
                json!({ "interfaces": { "eth0": { "sample": {}, "0x000000c8": { "hex": "7b7d" } } } }),
            ),
            "interfaces.eth0.sample",
            None,
        ),
    ];
    for (edit, at, meant) in rows {
        let shown = format!("{edit:?}");
        let refusal = refused(edit);
        assert_eq!(refusal.path, at, "{shown}: {refusal}");
        if let Some(meant) = meant {
            assert!(
                refusal.reason.contains(&format!("did you mean '{meant}'?")),
                "{shown}: {refusal}"
            );
        }
    }
}

#[test]
fn paths_and_trees_have_a_depth() {
    let deep = vec!["x"; 100_000].join(".");
    assert!(deep.parse::<Path>().is_err());
    let long = Path::new(
        ["interfaces", "eth0", "sample"]
            .into_iter()
            .chain(std::iter::repeat_n("x", 100_000)),
    );
    let edit = Edit::Set {
        path: long,
        value: json!(1),
        typed: None,
    };
    assert!(refused(edit).reason.contains("too long"));
    // As deep as the reader of the API lets it be.
    let nested = (0..120).fold(json!(1), |inner, _| json!({ "x": inner }));
    refused(set("interfaces.eth0.sample.area", nested.clone()));
    refused(Edit::Replace(nested));
}

#[test]
fn a_stored_block_that_cannot_be_read_is_replaced_not_patched() {
    let broken = json!({ "interfaces": { "eth0": { "sample": { "version": 1, "hex": "00" } } } });
    let refusals = edited(broken.clone(), &[set("interfaces.eth0.sample.metric", json!(1))]).unwrap_err();
    assert_eq!(refusals[0].path, "interfaces.eth0.sample.metric");
    let text = edited(broken, &[set("interfaces.eth0.sample", json!({ "metric": 1 }))]);
    assert_eq!(
        text.unwrap()["interfaces"]["eth0"]["sample"],
        json!({ "metric": 1 })
    );
}

#[test]
fn secrets_are_blanked() {
    let mut text = json!({
        "interfaces": { "eth0": {
            "sample": { "password": "p", "metric": 1, "keys": [{ "secret": "k", "id": 1 }] },
            "0x4137000a": { "version": 1, "hex": "00" },
        } },
    });
    redact(&mut text);
    assert_eq!(
        text,
        json!({
            "interfaces": { "eth0": {
                "sample": { "password": "(hidden)", "metric": 1, "keys": [{ "secret": "(hidden)", "id": 1 }] },
                "0x4137000a": { "version": 1, "hex": "(hidden)" },
            } },
        })
    );
    let mut rig = Rig::new();
    let secret = json!({ "password": "p4ss", "keys": [{ "secret": "k3y" }] });
    let mut plan = rig.plan(&[set("interfaces.eth0.sample", secret)]).unwrap();
    plan.redact();
    let shown = serde_json::to_string(&plan).unwrap();
    assert!(!shown.contains("p4ss") && !shown.contains("k3y"), "{shown}");
    assert!(shown.contains("(hidden)"));
}

#[test]
fn options_that_need_each_other_come_in_any_order() {
    let password = || set("interfaces.eth0.sample.password", NEEDS_AREA.into());
    let area = || set("interfaces.eth0.sample.area.id", json!(7));
    let both =
        json!({ "interfaces": { "eth0": { "sample": { "password": NEEDS_AREA, "area": { "id": 7 } } } } });
    for edits in [[password(), area()], [area(), password()]] {
        assert_eq!(edited(json!({}), &edits), Ok(both.clone()));
    }
    let neither = json!({ "interfaces": { "eth0": { "sample": {} } } });
    let gone = ["interfaces.eth0.sample.password", "interfaces.eth0.sample.area"].map(unset);
    for edits in [gone.clone(), [gone[1].clone(), gone[0].clone()]] {
        assert_eq!(edited(both.clone(), &edits), Ok(neither.clone()));
    }
    // One that never comes, and mistakes that nothing excuses.
    let refusals = edited(
        json!({}),
        &[password(), set("interfaces.eth0.sample.metric", json!(2))],
    )
    .unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].path, "interfaces.eth0.sample.area");
    let wrong = set("interfaces.eth0.sample.metric", json!(99));
    let right = set("interfaces.eth0.sample.metric", json!(3));
    let refusals = edited(json!({}), &[password(), wrong, right, area()]).unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].path, "interfaces.eth0.sample.metric");
    let misspelt = [unset("interfaces.eth0.sample.metrik"), area()];
    assert_eq!(
        edited(both, &misspelt).unwrap_err()[0].path,
        "interfaces.eth0.sample.metrik"
    );
}

/// The router manager's published block of an interface's static routes is the static protocol's configuration there.
#[test]
fn published_static_routes_become_routes_of_the_static_protocol() {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    // MIB_IPFORWARDROW: 10.0.0.0/8 through 192.0.2.77, metric 5.
    let mut octets = vec![10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 77];
    for word in [2, 4, 10006, 0, 0, 5, u32::MAX, u32::MAX, u32::MAX, u32::MAX] {
        octets.extend(word.to_le_bytes());
    }
    let hex = |octets: &[u8]| -> String { octets.iter().map(|octet| format!("{octet:02x}")).collect() };
    let path = "interfaces.eth0.0xffff0005";
    rig.apply(&[set(path, json!({ "hex": hex(&octets) }))]).unwrap();
    let text = rig.manager.show_configuration().unwrap();
    let routes = &text["interfaces"]["eth0"]["static"]["routes"];
    assert_eq!(routes[0]["prefix"], "10.0.0.0/8", "{text}");
    assert!(text["interfaces"]["eth0"].get("0xffff0005").is_none(), "{text}");
    let refusals = rig
        .apply(&[set(path, json!({ "hex": hex(&octets[1..]) }))])
        .unwrap_err();
    assert_eq!(refusals[0].path, path);
}
