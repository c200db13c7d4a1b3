//! The life of interfaces (routing-protocol-interface 8.3): what exactly is called, and when.

use serde_json::json;
use waypost_manager::{Interface, InterfaceChange, Plan};
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{Functionality, Impact, InfoBlock, InterfaceStatus};
use waypost_types::InterfaceIndex;

use crate::rig::{Rig, interface, set, unset};
use crate::sample::{OSPF, SAMPLE, metric};

fn status(interface: &Interface, active: bool, status: InterfaceStatus) -> Request {
    Request::InterfaceStatus {
        index: interface.index,
        active,
        status,
    }
}

fn add(interface: &Interface, info: InfoBlock) -> Request {
    Request::AddInterface {
        interface: interface.identity(),
        info,
    }
}

fn addresses(interface: &Interface) -> InterfaceStatus {
    InterfaceStatus::AddressChange(interface.binding())
}

fn nothing() -> InterfaceStatus {
    InterfaceStatus::AddressChange(waypost_routprot::AdapterBinding::default())
}

/// AddInterface and what describes a state with everything.
fn joins(interface: &Interface, info: InfoBlock) -> Vec<Request> {
    vec![
        add(interface, info),
        status(interface, true, addresses(interface)),
        status(interface, true, InterfaceStatus::MediaPresent),
        status(interface, true, InterfaceStatus::Enabled),
    ]
}

fn leaves(interface: &Interface) -> Vec<Request> {
    vec![
        status(interface, false, InterfaceStatus::MediaAbsent),
        status(interface, false, nothing()),
        Request::DeleteInterface {
            index: interface.index,
        },
    ]
}

fn requests(rig: &mut Rig) -> Vec<Request> {
    rig.requests().into_iter().map(|(_, request)| request).collect()
}

/// The sample protocol, configured on eth0 (metric 1) and eth1 (metric 2), of which none exists. The router identifier does
/// not come from any address.
fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.apply(&[
        set("router.id", json!("192.0.2.250")),
        set("protocols.sample", json!({})),
        set("interfaces.eth0.sample.metric", json!(1)),
        set("interfaces.eth1.sample.metric", json!(2)),
    ])
    .unwrap();
    drop(rig.requests());
    rig
}

#[test]
fn configuration_waits_and_outlives_the_interface() {
    let mut rig = rig();
    let plan = rig
        .plan(&[set("interfaces.eth0.sample.metric", json!(3))])
        .unwrap();
    assert_eq!(
        plan.changes[0].reason,
        "stored until an interface of this name appears"
    );
    let (first, second) = (interface(2, "eth0"), interface(9, "eth0"));
    rig.present(first.clone());
    assert_eq!(requests(&mut rig), joins(&first, metric(1)));
    rig.gone(2);
    assert_eq!(requests(&mut rig), leaves(&first));
    rig.present(second.clone());
    assert_eq!(requests(&mut rig), joins(&second, metric(1)));
    rig.assert_agreed();
}

/// A table without options is a change nevertheless: the protocol joins and leaves.
#[test]
fn an_empty_table_that_comes_or_goes_is_told() {
    let mut rig = Rig::new();
    rig.apply(&[set("protocols.static", json!({}))]).unwrap();
    rig.present(interface(2, "eth0"));
    let empty = set("interfaces.eth0.static", json!({}));
    let told = |plan: Plan| {
        let [change] = plan.changes.as_slice() else {
            panic!("{plan:?}");
        };
        (
            change.path.clone(),
            change.old.clone(),
            change.new.clone(),
            change.impact.clone(),
        )
    };
    let path = "interfaces.eth0.static".to_owned();
    assert_eq!(
        told(rig.plan(std::slice::from_ref(&empty)).unwrap()),
        (path.clone(), None, Some(json!({})), Impact::Live)
    );
    rig.apply(std::slice::from_ref(&empty)).unwrap();
    assert_eq!(rig.plan(&[empty]).unwrap().changes, []);
    assert_eq!(
        told(rig.plan(&[unset("interfaces.eth0.static")]).unwrap()),
        (path, Some(json!({})), None, Impact::LeavesInterface)
    );
}

#[test]
fn a_state_is_described_as_it_is() {
    let mut rig = rig();
    let mut eth0 = interface(2, "eth0");
    (eth0.up, eth0.carrier) = (false, false);
    rig.present(eth0.clone());
    // Media is present until the protocol is told otherwise (10.2).
    assert_eq!(
        requests(&mut rig),
        [
            add(&eth0, metric(1)),
            status(&eth0, true, addresses(&eth0)),
            status(&eth0, false, InterfaceStatus::MediaAbsent),
        ]
    );
    eth0.up = true;
    rig.present(eth0.clone());
    assert_eq!(
        requests(&mut rig),
        [status(&eth0, false, InterfaceStatus::Enabled)]
    );
    eth0.carrier = true;
    rig.present(eth0.clone());
    assert_eq!(
        requests(&mut rig),
        [status(&eth0, true, InterfaceStatus::MediaPresent)]
    );
    rig.present(eth0.clone());
    assert_eq!(requests(&mut rig), [], "nothing changed");
    eth0.addresses.clear();
    // A link-local address is on every link; it binds nothing.
    eth0.addresses6 = vec![("fe80::1".parse().unwrap(), 64)];
    rig.present(eth0.clone());
    assert_eq!(requests(&mut rig), [status(&eth0, false, addresses(&eth0))]);
    eth0.addresses = interface(2, "eth0").addresses;
    eth0.up = false;
    rig.present(eth0.clone());
    assert_eq!(
        requests(&mut rig),
        [
            status(&eth0, true, addresses(&eth0)),
            status(&eth0, true, InterfaceStatus::Disabled)
        ]
    );
    check_order(&rig.calls()).unwrap();
}

#[test]
fn everything_at_once_is_told_one_by_one() {
    let mut rig = rig();
    let mut eth0 = interface(2, "eth0");
    eth0.addresses.clear();
    rig.present(eth0.clone());
    drop(rig.requests());
    eth0 = interface(2, "eth0");
    (eth0.carrier, eth0.up) = (false, false);
    rig.present(eth0.clone());
    assert_eq!(
        requests(&mut rig),
        [
            status(&eth0, true, addresses(&eth0)),
            status(&eth0, false, InterfaceStatus::MediaAbsent),
            status(&eth0, false, InterfaceStatus::Disabled),
        ]
    );
    check_order(&rig.calls()).unwrap();
}

#[test]
fn configuration_belongs_to_the_name() {
    let mut rig = rig();
    let (eth0, other) = (interface(2, "eth0"), interface(2, "other"));
    rig.present(eth0.clone());
    drop(rig.requests());
    rig.present(other);
    assert_eq!(requests(&mut rig), leaves(&eth0));
    rig.present(eth0.clone());
    assert_eq!(requests(&mut rig), joins(&eth0, metric(1)));
}

#[test]
fn two_interfaces_swap_their_names() {
    // Seen in between, and only afterwards, when the kernel's news were read late.
    let late = [interface(2, "eth1"), interface(3, "eth0")];
    let seen = [interface(2, "tmp"), interface(3, "eth0"), interface(2, "eth1")];
    for news in [&late[..], &seen[..]] {
        let mut rig = rig();
        rig.present(interface(2, "eth0"));
        rig.present(interface(3, "eth1"));
        rig.manager
            .interfaces_changed(news.iter().cloned().map(InterfaceChange::Present));
        let script = rig.script(SAMPLE);
        assert_eq!(script.interface(InterfaceIndex(2)), Some(metric(2)));
        assert_eq!(script.interface(InterfaceIndex(3)), Some(metric(1)));
        assert_eq!(
            rig.manager.interfaces().by_name("eth0").unwrap().index,
            InterfaceIndex(3)
        );
        assert_eq!(
            rig.manager.interfaces().by_name("eth1").unwrap().index,
            InterfaceIndex(2)
        );
        rig.assert_agreed();
        // Each still answers to its name.
        rig.apply(&[set("interfaces.eth0.sample.metric", json!(7))])
            .unwrap();
        assert_eq!(script.interface(InterfaceIndex(3)), Some(metric(7)));
        check_order(&rig.calls()).unwrap();
    }
}

#[test]
fn a_name_is_taken_over_before_its_bearer_is_gone() {
    let mut rig = rig();
    rig.present(interface(2, "eth0"));
    rig.present(interface(5, "eth0"));
    rig.gone(2);
    assert_eq!(
        rig.manager.interfaces().by_name("eth0").unwrap().index,
        InterfaceIndex(5)
    );
    assert_eq!(rig.script(SAMPLE).interface(InterfaceIndex(5)), Some(metric(1)));
    check_order(&rig.calls()).unwrap();
}

#[test]
fn enabled_is_told_once_and_before_nothing_else() {
    let mut rig = rig();
    let eth0 = interface(2, "eth0");
    rig.present(eth0.clone());
    drop(rig.requests());
    rig.apply(&[set("interfaces.eth0.enabled", json!(false))])
        .unwrap();
    assert_eq!(
        requests(&mut rig),
        [status(&eth0, true, InterfaceStatus::Disabled)]
    );
    rig.apply(&[set("interfaces.eth0.enabled", json!(true))]).unwrap();
    assert_eq!(
        requests(&mut rig),
        [status(&eth0, true, InterfaceStatus::Enabled)]
    );
    rig.apply(&[unset("interfaces.eth0.enabled")]).unwrap();
    assert_eq!(requests(&mut rig), [], "enabled is the default");
    // A client that joins an interface disabled by the same transaction is never let loose on it.
    rig.apply(&[
        set("protocols.ospf", json!({})),
        set("interfaces.eth0.enabled", json!(false)),
        set("interfaces.eth0.ospf.metric", json!(1)),
        set("interfaces.eth1.enabled", json!(false)),
        set("interfaces.eth1.ospf.metric", json!(1)),
    ])
    .unwrap();
    let told = rig.requests();
    assert!(!told.iter().any(|(id, request)| *id == OSPF && is_enable(request)));
    let eth1 = interface(3, "eth1");
    rig.present(eth1);
    assert!(!rig.requests().iter().any(|(_, request)| is_enable(request)));
}

fn is_enable(request: &Request) -> bool {
    matches!(
        request,
        Request::InterfaceStatus {
            status: InterfaceStatus::Enabled,
            ..
        }
    )
}

#[test]
fn a_client_of_all_interfaces_has_them_with_and_without_configuration() {
    let mut rig = Rig::new();
    rig.each(SAMPLE, |script| {
        script.declare(Functionality::RF_ROUTING | Functionality::RF_ADD_ALL_INTERFACES);
    });
    let (eth0, eth1) = (interface(2, "eth0"), interface(3, "eth1"));
    rig.present(eth0.clone());
    rig.apply(&[set("protocols.sample", json!({}))]).unwrap();
    assert_eq!(requests(&mut rig)[2..6], joins(&eth0, InfoBlock::absent())[..]);
    drop(rig.requests());
    rig.present(eth1.clone());
    assert_eq!(requests(&mut rig), joins(&eth1, InfoBlock::absent()));
    let edit = set("interfaces.eth0.sample.metric", json!(4));
    rig.apply(std::slice::from_ref(&edit)).unwrap();
    let set_it = Request::SetInterface {
        index: eth0.index,
        info: metric(4),
    };
    assert_eq!(requests(&mut rig), [set_it]);
    // Configuration goes, the interface stays.
    rig.apply(&[unset("interfaces.eth0.sample")]).unwrap();
    let again = joins(&eth0, InfoBlock::absent());
    assert_eq!(
        requests(&mut rig),
        [&[Request::DeleteInterface { index: eth0.index }], &again[..]].concat()
    );
    // Undone to no configuration.
    rig.store.get().fail(
        waypost_infobase::Operation::Confirm,
        0,
        waypost_infobase::StoreError::Full { path: "/".into() },
    );
    rig.apply(&[edit]).unwrap_err();
    assert_eq!(
        rig.script(SAMPLE).interface(eth0.index),
        Some(InfoBlock::absent())
    );
    rig.store.assert_nothing_pending();
}

#[test]
fn a_real_engine_follows_its_interfaces() {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig.apply(&[
        set("protocols.static", json!({})),
        set(
            "interfaces.eth0.static",
            json!({ "routes": [{ "prefix": "10.0.0.0/8", "gateway": "192.0.2.77" }] }),
        ),
        set(
            "interfaces.later.static",
            json!({ "routes": [{ "prefix": "10.1.0.0/16", "gateway": "192.0.2.77" }] }),
        ),
    ])
    .unwrap();
    let id = waypost_types::ProtocolId::STATIC;
    assert_eq!(rig.row(id)["interfaces"], 1);
    rig.present(interface(3, "later"));
    assert_eq!(rig.row(id)["interfaces"], 2);
    rig.gone(2);
    assert_eq!(rig.row(id)["interfaces"], 1);
    let text = rig.manager.show_configuration().unwrap();
    assert_eq!(
        text["interfaces"]["eth0"]["static"]["routes"][0]["prefix"],
        "10.0.0.0/8"
    );
    let bad = set(
        "interfaces.later.static.routes",
        json!([{ "prefix": "224.0.0.0/4", "gateway": "192.0.2.77" }]),
    );
    let refusals = rig.apply(&[bad]).unwrap_err();
    assert!(
        refusals[0].path.starts_with("interfaces.later.static.routes.0"),
        "{}",
        refusals[0]
    );
    assert_eq!(rig.manager.show_configuration().unwrap(), text);
}
