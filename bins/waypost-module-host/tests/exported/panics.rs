//! A panic of a protocol is ERROR_CAN_NOT_COMPLETE to its host, and nothing worse.

use std::net::Ipv4Addr;
use std::sync::Arc;

use waypost_exported_samples::{ECHO, Function, PANICS_IN_CONSTRUCTOR, PANICS_IN_REGISTER};
use waypost_routprot::{
    InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus, InterfaceType, OutputBuffer, Refusal,
    ReportArguments, RoutingCharacteristics, RoutingProtocol, Status,
};
use waypost_types::{InterfaceIndex, ProtocolId};

use crate::objects::{in_its_own, in_process};
use crate::router::{Bell, Router};

const SAMPLES: &str = "waypost-exported-samples";
const INDEX: InterfaceIndex = InterfaceIndex(7);

/// The functions that a protocol has once it was started, in an order that leaves each its turn.
const CALLS: &[Function] = &[
    Function::StartComplete,
    Function::GlobalInfo,
    Function::SetGlobalInfo,
    Function::AddInterface,
    Function::DeleteInterface,
    Function::InterfaceStatus,
    Function::InterfaceInfo,
    Function::SetInterfaceInfo,
    Function::NextEvent,
    Function::UpdateRoutes,
    Function::ConnectClient,
    Function::DisconnectClient,
    Function::Neighbors,
    Function::MfeStatus,
    Function::MibCreate,
    Function::MibDelete,
    Function::MibSet,
    Function::MibGet,
    Function::MibGetFirst,
    Function::MibGetNext,
    Function::MibSetTrapInfo,
    Function::MibGetTrapInfo,
    Function::Report,
    Function::Stop,
];

/// Calls a function; `Ok` for GetEventMessage means that there was an event.
fn call(protocol: &mut dyn RoutingProtocol, function: Function) -> Result<(), Refusal> {
    let info = InfoBlock::new(1, vec![1, 2, 3]);
    let client = Ipv4Addr::new(192, 0, 2, 9);
    let mut lent = [0; 64];
    let mut more = [0; 64];
    let mut buffer = InfoBuffer::new(Some(&mut more));
    let mut out = OutputBuffer::new(Some(&mut lent));
    match function {
        Function::StartComplete => protocol.start_complete(),
        Function::Stop => protocol.stop(),
        Function::GlobalInfo => protocol.global_info(&mut buffer),
        Function::SetGlobalInfo => protocol.set_global_info(&info),
        Function::AddInterface => {
            let identity = InterfaceIdentity {
                name: "eth0".to_owned(),
                index: INDEX,
                kind: InterfaceType::Permanent,
            };
            protocol.add_interface(&identity, &info)
        }
        Function::DeleteInterface => protocol.delete_interface(INDEX),
        Function::InterfaceStatus => protocol.interface_status(INDEX, true, &InterfaceStatus::Enabled),
        Function::InterfaceInfo => protocol.interface_info(INDEX, &mut buffer),
        Function::SetInterfaceInfo => protocol.set_interface_info(INDEX, &info),
        Function::NextEvent => match protocol.next_event() {
            Some(_) => Ok(()),
            // The trait has no code for it.
            None => Err(Refusal::failed("no event")),
        },
        Function::Report => protocol.report("any", &ReportArguments::new()).map(drop),
        Function::UpdateRoutes => protocol.update_routes(INDEX),
        Function::ConnectClient => protocol.connect_client(INDEX, client),
        Function::DisconnectClient => protocol.disconnect_client(INDEX, client),
        Function::Neighbors => protocol.neighbors(INDEX, &mut out).map(drop),
        Function::MfeStatus => protocol.mfe_status(INDEX, client, client).map(drop),
        Function::MibCreate => protocol.mib_create(&[1]),
        Function::MibDelete => protocol.mib_delete(&[1]),
        Function::MibSet => protocol.mib_set(&[1]),
        Function::MibGet => protocol.mib_get(&[1], &mut out),
        Function::MibGetFirst => protocol.mib_get_first(&[1], &mut out),
        Function::MibGetNext => protocol.mib_get_next(&[1], &mut out),
        Function::MibSetTrapInfo => protocol.mib_set_trap_info(Arc::new(Bell::default()), &[1], &mut out),
        Function::MibGetTrapInfo => protocol.mib_get_trap_info(&[1], &mut out),
        Function::Register | Function::Start | Function::Drop => unreachable!("it has tests of its own"),
    }
}

#[track_caller]
fn failed(result: Result<(), Refusal>, what: Function) {
    let status = result.expect_err(&format!("{what:?} was answered")).status;
    assert_eq!(status, Status::ERROR_CAN_NOT_COMPLETE, "{what:?}");
}

fn registered(protocol: &mut dyn RoutingProtocol, number: ProtocolId) -> Result<(), Refusal> {
    protocol
        .register(&RoutingCharacteristics::offer(number))
        .map(drop)
}

fn start(protocol: &mut dyn RoutingProtocol, panics: Function) -> Result<(), Refusal> {
    let global = InfoBlock::new(1, vec![panics as u8]);
    protocol.start(Arc::new(Bell::default()), Arc::new(Router), &global)
}

/// One that panics in a function: it panics there and not before, and everything fails afterwards.
fn panics_in(protocol: &mut dyn RoutingProtocol, function: Function) {
    registered(protocol, ECHO).unwrap();
    if function == Function::Start {
        failed(start(protocol, function), function);
    } else {
        start(protocol, function).unwrap();
        failed(call(protocol, function), function);
    }
    for after in CALLS {
        failed(call(protocol, *after), *after);
    }
    failed(registered(protocol, ECHO), Function::Register);
}

fn every_panic(load: fn(&str) -> Box<dyn RoutingProtocol>) {
    for function in CALLS.iter().chain(&[Function::Start]) {
        panics_in(&mut *load(SAMPLES), *function);
    }
    for number in [PANICS_IN_REGISTER, PANICS_IN_CONSTRUCTOR] {
        let mut protocol = load(SAMPLES);
        failed(registered(&mut *protocol, number), Function::Register);
        failed(registered(&mut *protocol, number), Function::Register);
        // The other protocols of the object have places of their own.
        registered(&mut *protocol, ECHO).unwrap();
    }
    // The next instance knows nothing of it.
    let mut protocol = load(SAMPLES);
    registered(&mut *protocol, ECHO).unwrap();
    start(&mut *protocol, Function::Drop).unwrap();
    let answered = CALLS
        .iter()
        .filter(|function| call(&mut *protocol, **function).is_ok());
    assert!(answered.count() > 5);
}

#[test]
fn a_panic_is_a_code() {
    every_panic(in_process);
}

#[test]
fn a_panic_is_a_code_in_a_process_of_its_own() {
    every_panic(in_its_own);
}
