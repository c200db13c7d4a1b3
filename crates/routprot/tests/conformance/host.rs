//! The host's side: what a recorder records, and what the judge of the order finds.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use waypost_routprot::conformance::host::{Call, EmptyRouter, Log, Recorder, Request, Script, check_order};
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{
    AdapterBinding, Event, InfoBlock, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding,
    NotificationEvent, RoutingCharacteristics, RoutingProtocol, Status,
};
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId};

const ETH0: InterfaceIndex = InterfaceIndex(2);

#[derive(Default)]
struct Bell(AtomicUsize);

impl NotificationEvent for Bell {
    fn signal(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn block(octet: u8) -> InfoBlock {
    InfoBlock::new(1, vec![octet; 8])
}

fn identity() -> InterfaceIdentity {
    InterfaceIdentity {
        name: "eth0".to_owned(),
        index: ETH0,
        kind: InterfaceType::Permanent,
    }
}

fn addresses() -> InterfaceStatus {
    let address = Ipv4Addr::new(192, 0, 2, 1);
    InterfaceStatus::AddressChange(AdapterBinding {
        addresses: vec![LocalBinding {
            address,
            prefix: Prefix4::containing(address, 24).unwrap(),
        }],
        ..AdapterBinding::default()
    })
}

fn start(recorder: &mut Recorder, bell: &Arc<Bell>) {
    recorder
        .register(&RoutingCharacteristics::offer(ProtocolId::RIP))
        .unwrap();
    recorder
        .start(bell.clone(), Arc::new(EmptyRouter::default()), &block(1))
        .unwrap();
}

fn bring_up(recorder: &mut Recorder) {
    recorder.add_interface(&identity(), &block(2)).unwrap();
    recorder.interface_status(ETH0, true, &addresses()).unwrap();
    recorder
        .interface_status(ETH0, true, &InterfaceStatus::MediaPresent)
        .unwrap();
    recorder
        .interface_status(ETH0, true, &InterfaceStatus::Enabled)
        .unwrap();
}

fn recorder() -> (Recorder, Script, Log, Arc<Bell>) {
    let log = Log::default();
    let (recorder, script) = Recorder::new(ProtocolId::RIP, &log);
    (recorder, script, log, Arc::default())
}

/// The record of a host that does everything right, to its end.
fn good_life() -> Vec<Call> {
    let (mut recorder, script, log, bell) = recorder();
    script.stay_pending();
    start(&mut recorder, &bell);
    bring_up(&mut recorder);
    recorder.start_complete().unwrap();
    recorder.set_interface_info(ETH0, &block(3)).unwrap();
    recorder
        .connect_client(ETH0, Ipv4Addr::new(192, 0, 2, 9))
        .unwrap();
    script.change_interface(ETH0, block(4));
    assert_eq!(recorder.next_event(), Some(Event::SaveInterfaceConfigInfo(ETH0)));
    assert_eq!(recorder.next_event(), None);
    recorder.delete_interface(ETH0).unwrap();
    bring_up(&mut recorder);
    assert_eq!(
        recorder.stop().unwrap_err().status,
        Status::ERROR_PROTOCOL_STOP_PENDING
    );
    assert_eq!(recorder.next_event(), None);
    script.finish_stop();
    assert_eq!(recorder.next_event(), Some(Event::RouterStopped));
    assert_eq!(recorder.next_event(), None);
    assert_eq!(bell.0.load(Ordering::SeqCst), 2);
    log.calls()
}

#[test]
fn a_good_life_is_in_order_up_to_every_point_in_it() {
    let calls = good_life();
    assert_eq!(check_order(&calls), Ok(()));
    for end in 0..calls.len() {
        match check_order(&calls[..end]) {
            Ok(()) => {}
            Err(broken) => assert!(broken.contains("not told its addresses"), "{broken}"),
        }
    }
}

#[test]
fn calls_are_recorded_with_arguments_and_status() {
    let (mut recorder, script, log, bell) = recorder();
    start(&mut recorder, &bell);
    bring_up(&mut recorder);
    drop(log.take());
    script.refuse_once(
        Status::ERROR_CAN_NOT_COMPLETE,
        |request| matches!(request, Request::SetInterface { index, .. } if *index == ETH0),
    );
    let refusal = recorder.set_interface_info(ETH0, &block(3)).unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_CAN_NOT_COMPLETE);
    assert_eq!(script.interface(ETH0), Some(block(2)));
    recorder.set_interface_info(ETH0, &block(3)).unwrap();
    assert_eq!(script.interface(ETH0), Some(block(3)));
    let request = Request::SetInterface {
        index: ETH0,
        info: block(3),
    };
    let calls: Vec<_> = log
        .calls()
        .into_iter()
        .map(|call| (call.request, call.status))
        .collect();
    assert_eq!(
        calls,
        [
            (request.clone(), Status::ERROR_CAN_NOT_COMPLETE),
            (request.clone(), Status::NO_ERROR)
        ]
    );
    assert_eq!(
        log.changes(),
        [(ProtocolId::RIP, request.clone()), (ProtocolId::RIP, request)]
    );
}

#[test]
fn recorders_that_share_a_log_are_told_apart() {
    let log = Log::default();
    let (mut one, _) = Recorder::new(ProtocolId::RIP, &log);
    let (mut two, _) = Recorder::new(ProtocolId::RIP, &log);
    start(&mut one, &Arc::default());
    start(&mut two, &Arc::default());
    let instances: Vec<_> = log.calls().iter().map(|call| call.instance).collect();
    assert_eq!(instances, [1, 1, 2, 2]);
    assert_eq!(check_order(&log.calls()), Ok(()));
}

fn place(calls: &[Call], which: impl Fn(&Request) -> bool) -> usize {
    calls.iter().position(|call| which(&call.request)).unwrap()
}

/// Each way to spoil a good life, with a word of the guarantee it breaks.
#[test]
fn every_disorder_is_found() {
    type Spoil = fn(&mut Vec<Call>);
    let spoilt: [(&str, Spoil); 16] = [
        ("before RegisterProtocol", |calls| drop(calls.remove(0))),
        ("comes StartProtocol", |calls| drop(calls.remove(1))),
        ("registers and starts once", |calls| {
            calls.insert(3, calls[1].clone());
        }),
        ("registers and starts once", |calls| {
            calls.insert(3, calls[0].clone());
        }),
        ("has stopped or was refused", |calls| {
            calls[1].status = Status::ERROR_CAN_NOT_COMPLETE;
        }),
        ("StartComplete comes once", |calls| {
            let complete = place(calls, |request| *request == Request::StartComplete);
            calls.insert(complete, calls[complete].clone());
        }),
        ("and the protocol running", |calls| {
            let complete = place(calls, |request| *request == Request::StartComplete);
            calls.remove(complete);
        }),
        ("AddInterface precedes", |calls| {
            let add = place(calls, |request| matches!(request, Request::AddInterface { .. }));
            calls.swap(add, add + 1);
        }),
        ("AddInterface precedes", |calls| {
            let add = place(calls, |request| matches!(request, Request::AddInterface { .. }));
            calls[add].status = Status::ERROR_INVALID_PARAMETER;
        }),
        ("AddInterface precedes", |calls| {
            let delete = place(calls, |request| {
                matches!(request, Request::DeleteInterface { .. })
            });
            calls.remove(delete + 1);
        }),
        ("was added before", |calls| {
            let delete = place(calls, |request| {
                matches!(request, Request::DeleteInterface { .. })
            });
            calls.remove(delete);
        }),
        ("comes ADDRESS_CHANGE", |calls| {
            let add = place(calls, |request| matches!(request, Request::AddInterface { .. }));
            calls.swap(add + 1, add + 2);
        }),
        ("comes MEDIA_PRESENT or MEDIA_ABSENT", |calls| {
            let add = place(calls, |request| matches!(request, Request::AddInterface { .. }));
            calls.swap(add + 2, add + 3);
        }),
        ("active is false", |calls| {
            for call in calls {
                if let Request::InterfaceStatus { active, .. } = &mut call.request {
                    *active = false;
                }
            }
        }),
        ("nothing but GetEventMessage", |calls| {
            let stop = place(calls, |request| *request == Request::Stop);
            calls.insert(stop + 1, calls[stop].clone());
        }),
        ("has stopped or was refused", |calls| {
            let end = calls.last().unwrap().clone();
            calls.push(end);
        }),
    ];
    for (number, (word, spoil)) in spoilt.into_iter().enumerate() {
        let mut calls = good_life();
        spoil(&mut calls);
        let broken = check_order(&calls).unwrap_err();
        assert!(broken.contains(word), "{number}: {broken}");
    }
}

#[test]
fn a_permanent_interface_has_to_be_told_of() {
    let (mut recorder, _, log, bell) = recorder();
    start(&mut recorder, &bell);
    recorder.add_interface(&identity(), &block(2)).unwrap();
    assert!(check_order(&log.calls()).unwrap_err().contains("not told"));
}

/// The configuration that a request carries.
fn carried(request: &Request) -> Option<&InfoBlock> {
    match request {
        Request::Start { global: info }
        | Request::PrepareGlobal { info }
        | Request::SetGlobal { info }
        | Request::AddInterface { info, .. }
        | Request::PrepareInterface { info, .. }
        | Request::SetInterface { info, .. } => Some(info),
        _ => None,
    }
}

#[test]
fn a_recorder_is_itself_a_correct_protocol() {
    let log = Log::default();
    let subject = Subject::new(
        || {
            let (recorder, script) = Recorder::new(ProtocolId::RIP, &log);
            script.refuse(Status::ERROR_INVALID_PARAMETER, |request| {
                carried(request).is_some_and(|info| info.bytes.len() < 8 || *info == block(9))
            });
            Box::new(recorder)
        },
        ProtocolId::RIP,
        block(1),
        [block(2), block(3)],
        block(9),
    )
    .named("recorder")
    .other_global(block(4))
    .invalid_global(block(9))
    .longer_interface(InfoBlock::new(1, vec![5; 20]))
    .fixed_part(8);
    run(&subject).assert_conforms();
    assert!(!log.calls().is_empty());
}
