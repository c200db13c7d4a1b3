//! A configuration file that the daemon is started with, over restarts.

use serde_json::{Value, json};
use waypost_manager::Declared;
use waypost_types::Time;

use crate::rig::{Rig, SharedStore, WALL, author, interface, set};

fn file(metric: u64) -> Value {
    json!({ "protocols": { "sample": {} }, "interfaces": { "eth0": { "sample": { "metric": metric } } } })
}

fn metric(rig: &Rig) -> Value {
    let text = rig.manager.configuration().text_of(rig.manager.tree()).unwrap();
    text["interfaces"]["eth0"]["sample"]["metric"].clone()
}

fn declare(rig: &mut Rig, tree: Value) -> Declared {
    rig.manager.declare(Time::ZERO, WALL, tree, &author()).unwrap()
}

/// The same store, another life of the daemon.
fn restarted(rig: &Rig) -> Rig {
    let store = rig.store.get().clone().restarted();
    Rig::over(SharedStore::new(store), &[interface(2, "eth0")])
}

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.present(interface(2, "eth0"));
    rig
}

#[test]
fn an_unchanged_file_leaves_acknowledged_changes_in_force() {
    let mut rig = rig();
    assert!(matches!(declare(&mut rig, file(1)), Declared::Taken(_)));
    rig.apply(&[set("interfaces.eth0.sample.metric", json!(5))])
        .unwrap();
    let mut rig = restarted(&rig);
    let Declared::Unchanged(plan) = declare(&mut rig, file(1)) else {
        panic!("the file was taken again");
    };
    assert_eq!(plan.changes.len(), 1, "what taking it would do is told");
    assert_eq!(metric(&rig), json!(5));
    assert_eq!(rig.manager.revision_in_force(), Some(2));
    rig.assert_agreed();
}

#[test]
fn a_changed_file_is_taken_whole() {
    let mut rig = rig();
    declare(&mut rig, file(1));
    rig.apply(&[set("interfaces.eth0.sample.metric", json!(5))])
        .unwrap();
    let mut rig = restarted(&rig);
    assert!(matches!(declare(&mut rig, file(2)), Declared::Taken(_)));
    assert_eq!(metric(&rig), json!(2));
    // Back to its earlier words is a change as well.
    let mut rig = restarted(&rig);
    assert!(matches!(declare(&mut rig, file(1)), Declared::Taken(_)));
    assert_eq!(metric(&rig), json!(1));
}

#[test]
fn the_operator_can_have_it_taken_unchanged() {
    let mut rig = rig();
    declare(&mut rig, file(1));
    rig.apply(&[set("interfaces.eth0.sample.metric", json!(5))])
        .unwrap();
    rig.manager
        .declare_again(Time::ZERO, WALL, file(1), &author())
        .unwrap();
    assert_eq!(metric(&rig), json!(1));
}

/// A file that is refused does not count as taken: mended elsewhere (an interface that was missing, a port in use), it is
/// taken at the next start as it is.
#[test]
fn a_refused_file_is_tried_again() {
    let mut rig = rig();
    declare(&mut rig, file(1));
    let wrong = json!({ "interfaces": { "eth0": { "sample": { "metric": "high" } } } });
    for _ in 0..2 {
        let refused = rig.manager.declare(Time::ZERO, WALL, wrong.clone(), &author());
        assert!(refused.is_err());
        assert_eq!(metric(&rig), json!(1));
    }
    rig.assert_agreed();
}
