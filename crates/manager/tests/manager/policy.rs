//! Policies: one table of configuration, checked against everyone who refers to them, handed to running protocols with the
//! transaction, all or nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use waypost_infobase::BlockKey;
use waypost_manager::{Edit, Terms};
use waypost_policy::{Action, Policies, RouteView};
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{Impact, InfoBlock, Refusal, Status};
use waypost_types::{InterfaceIndex, ProtocolId};

use crate::rig::{Rig, SharedStore, WALL, author, interface, locked, path, set, unset};
use crate::sample::{OSPF, SAMPLE};

const LIST: &str = "policy.prefix-lists.customers";

fn rules(prefix: &str) -> Value {
    json!([{ "permit": prefix }])
}

fn map() -> Value {
    json!([{ "action": "permit", "match": { "prefix-list": "customers" }, "set": { "tag": 7 } }])
}

/// The sample runs with the list, OSPF without; eth0 is there.
fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set(LIST, rules("10.0.0.0/8")),
        set("protocols.sample", json!({ "policy": "customers" })),
        set("protocols.ospf", json!({})),
    ])
    .unwrap();
    drop(rig.requests());
    rig
}

fn text(rig: &Rig) -> Value {
    let configuration = rig.manager.configuration();
    configuration.text_of(rig.manager.tree()).unwrap()
}

fn first(refused: Result<impl std::fmt::Debug, Vec<Refusal>>) -> Refusal {
    refused.unwrap_err().remove(0)
}

/// What protocols were handed since the last time, as names.
fn handed(rig: &mut Rig) -> Vec<(ProtocolId, Vec<String>)> {
    let requests = rig.requests().into_iter();
    let policies = requests.filter_map(|(protocol, request)| match request {
        Request::PoliciesChanged { policies } => {
            Some((protocol, policies.names().map(str::to_owned).collect()))
        }
        _ => None,
    });
    policies.collect()
}

fn permits(rig: &Rig, name: &str, prefix: &str) -> bool {
    let route = RouteView {
        prefix: prefix.parse().unwrap(),
        protocol: ProtocolId::STATIC,
        metric: 0,
        tag: 0,
        preference: None,
        next_hop: None,
        interface: Some(InterfaceIndex(2)),
        metric_type: None,
    };
    rig.manager.explain_policy(name, route).unwrap().action == Action::Permit
}

#[test]
fn it_is_configuration_like_everything_else() {
    let mut rig = rig();
    rig.apply(&[set("router.annotate", json!("core"))]).unwrap();
    rig.apply(&[set("policy.route-maps.upstream", map())]).unwrap();
    let whole = text(&rig);
    assert_eq!(
        whole["policy"],
        json!({ "prefix-lists": { "customers": rules("10.0.0.0/8") }, "route-maps": { "upstream": map() } })
    );
    assert_eq!(whole["router"], json!({ "annotate": "core" }));

    // The router's own table goes and comes without it, and a text without policies has none.
    rig.apply(&[unset("router")]).unwrap();
    assert_eq!(text(&rig)["policy"], whole["policy"]);
    let applied = rig.apply(&[Edit::Replace(whole.clone())]).unwrap();
    assert_eq!((applied.plan.changes.len(), text(&rig)), (1, whole.clone()));
    rig.apply(&[Edit::Replace(json!({ "protocols": { "sample": {} } }))])
        .unwrap();
    assert_eq!(text(&rig), json!({ "protocols": { "sample": {} } }));
    assert!(rig.manager.policy().is_empty());

    // Back by the history, and what is in force with it.
    rig.manager
        .rollback(rig.now, WALL, 4, &author(), &Terms::default())
        .unwrap();
    assert_eq!(text(&rig)["policy"], whole["policy"]);
    assert!(permits(&rig, "upstream", "10.0.0.0/8"));
    rig.apply(&[unset("policy.route-maps")]).unwrap();
    assert!(text(&rig)["policy"].get("route-maps").is_none());
    rig.assert_agreed();
    check_order(&rig.calls()).unwrap();
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let mut rig = rig();
    for (edit, path, allowed) in [
        (
            set(
                "policy.route-maps.a",
                json!([{ "action": "permit", "match": { "prefix-list": "customer" } }]),
            ),
            "policy.route-maps.a.0.match.prefix-list",
            "customers",
        ),
        (
            set("policy.prefix-lists.a", json!([{ "permit": "10.0.0.0/8 le 33" }])),
            "policy.prefix-lists.a.0",
            "",
        ),
        (
            set(
                "policy.route-maps.a",
                json!([{ "action": "permit", "set": { "preference": 256 } }]),
            ),
            "policy.route-maps.a.0.set.preference",
            "1..=255",
        ),
        (
            set("policy.lists.a", json!([])),
            "policy.lists",
            "prefix-lists, route-maps",
        ),
        (
            unset("policy.prefix-lists.customer"),
            "policy.prefix-lists.customer",
            "customers",
        ),
        (
            unset("policy.prefix-list.customers"),
            "policy.prefix-list.customers",
            "prefix-lists, route-maps",
        ),
        (
            set("protocols.ospf.policy", json!("customer")),
            "protocols.ospf.policy",
            "customers",
        ),
        // Of a protocol that does not have the interface, and of an interface that is not there.
        (
            set("interfaces.absent0.ospf.policy", json!("upstream")),
            "interfaces.absent0.ospf.policy",
            "customers",
        ),
    ] {
        let shown = format!("{edit:?}");
        let refusal = first(rig.plan(&[edit]));
        assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER, "{shown}");
        assert_eq!(refusal.path, path, "{shown}: {refusal}");
        assert_eq!(refusal.allowed.unwrap_or_default(), allowed, "{shown}");
    }
    let meant = first(rig.plan(&[set("protocols.ospf.policy", json!("customer"))]));
    assert!(meant.reason.contains("did you mean 'customers'"), "{meant}");
    let missing = rig.manager.explain_policy(
        "nobody",
        RouteView {
            prefix: "10.0.0.0/8".parse().unwrap(),
            protocol: ProtocolId::STATIC,
            metric: 0,
            tag: 0,
            preference: None,
            next_hop: None,
            interface: None,
            metric_type: None,
        },
    );
    assert_eq!(missing.unwrap_err().allowed.as_deref(), Some("customers"));
    rig.assert_agreed();
}

#[test]
fn what_is_in_use_stays_and_its_users_are_named() {
    let mut rig = rig();
    rig.apply(&[
        set("policy.route-maps.upstream", map()),
        set("interfaces.eth0.ospf.policy", json!("upstream")),
    ])
    .unwrap();
    let refusal = first(rig.apply(&[unset("policy.route-maps.upstream")]));
    assert_eq!(refusal.path, "policy.route-maps.upstream");
    assert_eq!(refusal.reason, "it is in use by interfaces.eth0.ospf.policy");
    let refusal = first(rig.apply(&[unset(LIST)]));
    assert_eq!(refusal.path, LIST);
    assert_eq!(
        refusal.reason,
        "it is in use by policy.route-maps.upstream.0.match.prefix-list"
    );
    // Both at once: everything that is wrong is said.
    let refusals = rig.apply(&[unset("policy")]).unwrap_err();
    let paths: Vec<&str> = refusals.iter().map(|refusal| refusal.path.as_str()).collect();
    assert_eq!(paths, [LIST, "policy.route-maps.upstream"]);
    let shown = rig.manager.show_policies();
    assert_eq!(
        shown[0]["used-by"],
        json!([
            "policy.route-maps.upstream.0.match.prefix-list",
            "protocols.sample.policy"
        ])
    );
    assert_eq!(
        (&shown[1]["name"], &shown[1]["kind"]),
        (&json!("upstream"), &json!("route-map"))
    );

    // With its users it may go, in whichever order.
    rig.apply(&[
        unset("policy"),
        unset("interfaces.eth0.ospf"),
        unset("protocols.sample.policy"),
    ])
    .unwrap();
    assert!(rig.manager.policy().is_empty());
    rig.assert_agreed();
}

#[test]
fn a_change_is_handed_over_before_the_blocks_and_what_goes_stays_until_they_are_set() {
    let mut rig = rig();
    rig.script(SAMPLE)
        .use_policies(Impact::Live, "3 of 9 routes move");
    let edits = [
        unset(LIST),
        set("policy.prefix-lists.partners", rules("172.16.0.0/12")),
        set("protocols.sample.policy", json!("partners")),
    ];
    let plan = rig.plan(&edits).unwrap();
    let stated: Vec<_> = plan
        .changes
        .iter()
        .map(|change| (change.path.as_str(), change.reason.as_str()))
        .collect();
    assert_eq!(
        stated[0],
        ("policy.prefix-lists.customers", "no protocol uses it")
    );
    assert_eq!(
        stated[1],
        ("policy.prefix-lists.partners", "sample: 3 of 9 routes move")
    );
    assert_eq!(handed(&mut rig), [], "nothing is changed yet");

    rig.apply(&edits).unwrap();
    let both = vec!["customers".to_owned(), "partners".to_owned()];
    let requests = rig.requests();
    let order: Vec<_> = requests
        .iter()
        .filter(|(protocol, _)| *protocol == SAMPLE)
        .map(|(_, request)| match request {
            Request::PoliciesChanged { policies } => policies.names().map(str::to_owned).collect(),
            Request::SetGlobal { .. } => vec!["set".to_owned()],
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(order, [both, vec!["set".to_owned()], vec!["partners".to_owned()]]);
    let support = rig.script(SAMPLE).support().unwrap();
    assert_eq!(support.policies().names().collect::<Vec<_>>(), ["partners"]);
    check_order(&rig.calls()).unwrap();
}

#[test]
fn what_fails_puts_the_old_policies_back() {
    let mut rig = rig();
    rig.script(SAMPLE)
        .refuse_once(Status::ERROR_CAN_NOT_COMPLETE, |request| {
            matches!(request, Request::SetGlobal { .. })
        });
    let before = rig.script(SAMPLE).support().unwrap().policies();
    let refusal = first(rig.apply(&[
        set(LIST, rules("192.168.0.0/16")),
        set("protocols.ospf.interval", json!(9)),
        set("protocols.sample.interval", json!(9)),
    ]));
    assert_eq!(refusal.status, Status::ERROR_CAN_NOT_COMPLETE);
    assert!(permits(&rig, "customers", "10.0.0.0/8"));
    assert_eq!(rig.script(SAMPLE).support().unwrap().policies(), before);
    let last = rig
        .requests()
        .into_iter()
        .rev()
        .find_map(|(_, request)| match request {
            Request::PoliciesChanged { policies } => Some(policies),
            _ => None,
        });
    assert_eq!(last.unwrap(), before);
    rig.assert_agreed();
}

#[test]
fn interfaces_get_their_numbers_when_they_are_there() {
    let mut rig = rig();
    rig.apply(&[set(
        "policy.route-maps.out",
        json!([{ "action": "permit", "match": { "interface": ["eth9"] } }]),
    )])
    .unwrap();
    drop(rig.requests());
    assert!(!permits(&rig, "out", "10.0.0.0/8"));
    rig.present(interface(3, "eth1"));
    assert_eq!(handed(&mut rig), [], "no policy says anything of it");
    rig.gone(2);
    rig.present(interface(2, "eth9"));
    assert_eq!(handed(&mut rig).len(), 2);
    assert!(permits(&rig, "out", "10.0.0.0/8"));
    rig.gone(2);
    assert_eq!(handed(&mut rig).len(), 2);
    assert!(!permits(&rig, "out", "10.0.0.0/8"));
}

#[test]
fn the_stored_ones_are_in_force_from_the_start() {
    let before = rig();
    let store = SharedStore::new(before.store.get().clone().restarted());
    let rig = Rig::over(store, &[interface(2, "eth0")]);
    assert!(permits(&rig, "customers", "10.0.0.0/8"));
    let support = rig.script(SAMPLE).support().unwrap();
    assert_eq!(support.policies().names().collect::<Vec<_>>(), ["customers"]);
}

/// What another program stored is kept as it is, and can be put right.
#[test]
fn a_block_that_cannot_be_read_is_refused_and_one_that_is_there_does_no_harm() {
    let mut rig = rig();
    let key = BlockKey::router(ProtocolId(0xFFFF_5701));
    for octets in [
        vec![1, 2, 3],
        b"WPB1\x02\0\0\0\x0e\0\0\0{]".to_vec(),
        b"WPB1\x03\0\0\0\x0c\0\0\0".to_vec(),
    ] {
        let edit = Edit::Block(key.clone(), Some(InfoBlock::new(1, octets)));
        let refusal = first(rig.apply(&[edit]));
        assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
        assert!(refusal.path.starts_with("policy"), "{refusal}");
    }
    let read: Result<waypost_manager::Path, _> = "policy.prefix-lists.customers".parse();
    assert_eq!(read.unwrap(), path(LIST));
    rig.assert_agreed();
}

#[derive(Clone, Debug)]
enum Step {
    Define(&'static str, u32),
    Remove(&'static str),
    Refer(ProtocolId, Option<&'static str>),
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || prop::sample::select(&NAMES[..]);
    let protocol = prop::sample::select(vec![SAMPLE, OSPF]);
    let step = prop_oneof![
        (name(), 8..12_u32).prop_map(|(name, length)| Step::Define(name, length)),
        name().prop_map(Step::Remove),
        (protocol, prop::option::of(name())).prop_map(|(id, name)| Step::Refer(id, name)),
    ];
    prop::collection::vec(step, 1..5)
}

fn edit_of(step: &Step) -> Edit {
    let of = |id: &ProtocolId| if *id == SAMPLE { "sample" } else { "ospf" };
    match step {
        Step::Define(name, length) => set(
            &format!("policy.prefix-lists.{name}"),
            rules(&format!("10.0.0.0/{length}")),
        ),
        Step::Remove(name) => unset(&format!("policy.prefix-lists.{name}")),
        Step::Refer(id, Some(name)) => set(&format!("protocols.{}.policy", of(id)), json!(name)),
        Step::Refer(id, None) => set(&format!("protocols.{}", of(id)), json!({})),
    }
}

/// What a client has, call by call: it never has configuration that names a policy it was not handed.
fn nobody_misses_a_name(rig: &Rig) {
    let mut held: BTreeMap<ProtocolId, (Option<String>, Arc<Policies>)> = BTreeMap::new();
    let named = |info: &InfoBlock| {
        let text: Value = serde_json::from_slice(&info.bytes).unwrap_or_default();
        text["policy"].as_str().map(str::to_owned)
    };
    for call in rig.calls() {
        if call.status != Status::NO_ERROR {
            continue;
        }
        let client = held.entry(call.protocol).or_default();
        match &call.request {
            Request::SetGlobal { info } => client.0 = named(info),
            Request::PoliciesChanged { policies } => client.1 = Arc::clone(policies),
            _ => continue,
        }
        let (name, policies) = client;
        if let Some(name) = name {
            assert!(policies.get(name).is_some(), "{name} at {call:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn all_or_nothing(transactions in prop::collection::vec((steps(), prop::option::of(0..4_u32)), 1..8)) {
        let countdown = Arc::new(Mutex::new(None::<u32>));
        let mut rig = Rig::new();
        for id in [SAMPLE, OSPF] {
            let countdown = Arc::clone(&countdown);
            rig.each(id, move |script| {
                let countdown = Arc::clone(&countdown);
                script.refuse(Status::ERROR_CAN_NOT_COMPLETE, move |request| {
                    if !matches!(request, Request::SetGlobal { .. }) {
                        return false;
                    }
                    let mut left = locked(&countdown);
                    let hit = *left == Some(0);
                    *left = left.and_then(|left| left.checked_sub(1));
                    hit
                });
            });
        }
        rig.apply(&[set("protocols.sample", json!({})), set("protocols.ospf", json!({}))]).unwrap();
        for (steps, fails) in transactions {
            *locked(&countdown) = fails;
            let before = (text(&rig), rig.manager.policy().clone());
            let edits: Vec<Edit> = steps.iter().map(edit_of).collect();
            let result = rig.apply(&edits);
            *locked(&countdown) = None;
            if result.is_err() {
                prop_assert_eq!(&before, &(text(&rig), rig.manager.policy().clone()));
            }
            rig.assert_agreed();
            let names: Vec<String> = rig.manager.policy().names().map(str::to_owned).collect();
            for id in [SAMPLE, OSPF] {
                let support = rig.script(id).support().unwrap();
                prop_assert_eq!(&support.policies().names().map(str::to_owned).collect::<Vec<_>>(), &names);
            }
        }
        nobody_misses_a_name(&rig);
        check_order(&rig.calls()).unwrap();
    }
}
