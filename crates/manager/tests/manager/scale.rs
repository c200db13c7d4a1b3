//! Ten thousand interfaces in one transaction.

use std::time::{Duration, Instant};

use serde_json::json;
use waypost_infobase::{BlockKey, Store as _};
use waypost_manager::{Edit, InterfaceChange};
use waypost_routprot::conformance::host::Request;

use crate::rig::{Rig, interface, set, unset};
use crate::sample::{OSPF, SAMPLE, metric};

const MANY: u32 = 10_000;

/// Far above what it takes unoptimized on a slow machine, far below what anything quadratic takes.
const BOUND: Duration = Duration::from_secs(8);

#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
fn timed<R>(what: &str, run: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    assert!(took < BOUND, "{what} took {took:?}");
    result
}

#[test]
fn ten_thousand_interfaces() {
    let mut rig = Rig::new();
    rig.apply(&[set("protocols.sample", json!({}))]).unwrap();
    let names: Vec<String> = (0..MANY).map(|number| format!("if{number}")).collect();
    timed("interfaces appear", || {
        let present = (0..MANY).zip(&names);
        rig.manager.interfaces_changed(
            present.map(|(number, name)| InterfaceChange::Present(interface(number + 2, name))),
        );
    });
    let blocks = |value: u32, id| -> Vec<Edit> {
        let block = |name: &String| Edit::Block(BlockKey::interface(name, id), Some(metric(value)));
        names.iter().map(block).collect()
    };
    timed("added, as blocks", || rig.apply(&blocks(1, SAMPLE)).unwrap());
    drop(rig.log.take());
    timed("set, as blocks", || rig.apply(&blocks(2, SAMPLE)).unwrap());
    let calls = rig.log.take();
    let count = |pick: fn(&Request) -> bool| calls.iter().filter(|call| pick(&call.request)).count();
    assert_eq!(
        count(|request| matches!(request, Request::SetInterface { .. })),
        10_000
    );
    assert_eq!(
        count(|request| matches!(request, Request::PrepareInterface { .. })),
        10_000
    );
    assert_eq!(calls.len(), 30_000, "and once GetInterfaceInfo");
    timed("stored for a protocol that does not run", || {
        rig.apply(&blocks(1, OSPF)).unwrap()
    });
    let sets: Vec<Edit> = names
        .iter()
        .map(|name| set(&format!("interfaces.{name}.sample.metric"), json!(3)))
        .collect();
    timed("set, as text", || rig.apply(&sets).unwrap());
    timed("the same again", || rig.apply(&sets).unwrap());
    let text = rig.manager.show_configuration().unwrap();
    timed("replaced by the same text", || {
        rig.apply(&[Edit::Replace(text.clone())]).unwrap()
    });
    rig.store.get().fail(
        waypost_infobase::Operation::Confirm,
        0,
        waypost_infobase::StoreError::Full { path: "/".into() },
    );
    timed("refused and undone", || {
        rig.apply(&blocks(4, SAMPLE)).unwrap_err()
    });
    rig.assert_agreed();
    timed("started", || {
        rig.apply(&[set("protocols.ospf", json!({}))]).unwrap()
    });
    let unsets: Vec<Edit> = names
        .iter()
        .map(|name| unset(&format!("interfaces.{name}")))
        .collect();
    timed("unset", || rig.apply(&unsets).unwrap());
    assert_eq!(rig.store.get().running().len(), 2);
    timed("interfaces go", || {
        rig.manager.interfaces_changed(
            (0..MANY).map(|n| InterfaceChange::Gone(waypost_types::InterfaceIndex(n + 2))),
        );
    });
}
