//! A module in C that uses every function of rtmv2.h, in this process and in one of its own.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]
#![allow(clippy::print_stderr, reason = "a test that is left out says so")]

mod build;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use build::{isolated, module};
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    InfoBlock, InterfaceIdentity, InterfaceType, Refusal, RoutingCharacteristics, RoutingProtocol, Status,
};
use waypost_routprot_abi::{ModuleProtocol, Privileges};
use waypost_rtm::Family;
use waypost_rtmv2::{LocalTable, RouteTable, everything};
use waypost_types::{InterfaceIndex, ProtocolId, Seed};

const SAMPLE: ProtocolId = ProtocolId(200);
const INDEX: InterfaceIndex = InterfaceIndex(1);

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// Runs a module until it has stopped.
fn live(module: &mut dyn RoutingProtocol) -> Result<(), Refusal> {
    module.register(&RoutingCharacteristics::offer(SAMPLE))?;
    let router = Arc::new(EmptyRouter { router_id: None });
    module.start(router.clone(), router, &words(&[30, 0]))?;
    let identity = InterfaceIdentity {
        name: "eth0".to_owned(),
        index: INDEX,
        kind: InterfaceType::Permanent,
    };
    module.add_interface(&identity, &words(&[3, 0, 0]))?;
    module.start_complete()?;
    module.set_interface_info(INDEX, &words(&[5, 0, 0]))?;
    match module.stop() {
        Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
            while module.next_event().is_some() {}
            Ok(())
        }
        other => other,
    }
}

fn table() -> Arc<LocalTable> {
    let table = LocalTable::new(Seed(1));
    for interface in 1..4 {
        table.set_interface_usable(InterfaceIndex(interface), true);
    }
    Arc::new(table)
}

/// The table after a module with these options of the compiler has lived.
fn table_after(options: &[&str]) -> LocalTable {
    let table = table();
    let file = module("rtm", options);
    let given = Arc::clone(&table) as Arc<dyn RouteTable>;
    let mut module = ModuleProtocol::load(&file, Some(given)).unwrap();
    live(&mut module).unwrap();
    drop(module);
    // The module's client has let it go.
    Arc::try_unwrap(table).ok().unwrap()
}

/// The same in a process of its own.
fn table_after_isolated(options: &[&str]) -> Arc<LocalTable> {
    let table = table();
    let file = module("rtm", options);
    let given = Arc::clone(&table) as Arc<dyn RouteTable>;
    let died = |reason| panic!("{reason}");
    let mut module = isolated(
        &file,
        Duration::from_secs(60),
        Some(given),
        Privileges::default(),
        died,
    )
    .unwrap();
    live(&mut module).unwrap();
    drop(module);
    table
}

fn is_empty(table: &LocalTable) -> bool {
    let shown = table.page(None, everything(Family::V4), 9);
    let routed = shown.iter().filter(|shown| !shown.routed_in().is_empty());
    routed.count() == 0 && table.entities(Family::V4).is_empty()
}

#[test]
fn every_function_in_process() {
    assert!(is_empty(&table_after(&[])));
}

#[test]
fn every_function_in_a_process_of_its_own() {
    assert!(is_empty(&table_after_isolated(&[])));
    assert!(is_empty(&table_after_isolated(&["-DLEAVES"])));
}

#[test]
fn what_a_module_leaves_is_ended() {
    assert!(is_empty(&table_after(&["-DLEAVES"])));
}

#[test]
fn without_a_table_the_functions_are_not_supported() {
    let mut module = ModuleProtocol::load(&module("rtm", &[]), None).unwrap();
    let refusal = live(&mut module).unwrap_err();
    // The first call answers otherwise than with a table.
    assert!(refusal.status.0 > 100_000, "{refusal}");
}

#[test]
fn no_leak_under_valgrind() {
    if !Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("left out: there is no valgrind");
        return;
    }
    let run = Command::new("valgrind")
        .args(["--quiet", "--leak-check=full", "--show-leak-kinds=definite"])
        .args(["--errors-for-leak-kinds=definite", "--error-exitcode=99"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--test-threads=1",
            "--exact",
            "every_function_in_process",
            "what_a_module_leaves_is_ended",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("2 passed"), "{run:?}");
}
