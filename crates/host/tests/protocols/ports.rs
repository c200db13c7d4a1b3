//! Configuration that needs a port which cannot be had: refused with 1003 and the reason, and everything stays as it was,
//! whichever road it came by (routing-protocol-interface 6.3 rules 2 and 3).

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::Engine;
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{
    BlockConfig, Event, InfoBlock, InterfaceIdentity, InterfaceType, Layout, Refusal, RoutingProtocol,
    Status, Topic, read_info,
};
use waypost_testkit::wait_for;
use waypost_types::RouteChange;

use crate::probe::{Ask, DONE, EAR, Probe, TAKEN, block, global, prefix};
use crate::rig::{Hosted, LINK, LOOPBACK, PATIENCE, isolated, udp_ports};

/// A way to change configuration.
type Call = fn(&mut dyn RoutingProtocol, &InfoBlock) -> Result<(), Refusal>;

/// A port that nobody else uses.
const FREE: u16 = 5520;

/// Somebody who does not share.
fn somebody() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, TAKEN)).unwrap()
}

fn configuration<E: Engine>(hosted: &mut Hosted<E>) -> (InfoBlock, InfoBlock) {
    let global = read_info(|buffer| hosted.protocol.global_info(buffer)).unwrap();
    let interface = read_info(|buffer| hosted.protocol.interface_info(LOOPBACK, buffer));
    let interface = interface
        .or_else(|_| read_info(|buffer| hosted.protocol.interface_info(LINK, buffer)))
        .unwrap();
    (global, interface)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, reason: &str) {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_CAN_NOT_COMPLETE);
    assert!(refusal.reason.contains(reason), "{refusal}");
}

/// The five calls that may change an interface's configuration.
#[test]
fn every_mutating_call_is_refused_and_undone() {
    isolated(|| {
        let _somebody = somebody();
        let ear = UdpSocket::bind((Ipv4Addr::LOCALHOST, EAR)).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let hear = || {
            let mut octets = [0; 8];
            let (length, from) = ear.recv_from(&mut octets).unwrap();
            (octets[..length].to_vec(), from.port())
        };
        let mut probe = Hosted::<Probe>::start(&global());
        let identity = InterfaceIdentity {
            name: "lo".to_owned(),
            index: LOOPBACK,
            kind: InterfaceType::Permanent,
        };
        let reason = format!("interface lo: UDP port {TAKEN}: ");
        // Not added: nothing of it is there, and it can be added with something better.
        refused(probe.protocol.add_interface(&identity, &block(9, TAKEN)), &reason);
        assert!(read_info(|buffer| probe.protocol.interface_info(LOOPBACK, buffer)).is_err());
        drop(probe.batches());
        probe.protocol.add_interface(&identity, &block(1, FREE)).unwrap();
        assert_eq!(hear(), (vec![1], FREE));
        drop(probe.batches());
        let before = configuration(&mut probe);

        let bad = block(2, TAKEN);
        let calls: [(&str, Call); 4] = [
            ("set_interface_info", |protocol, block| {
                protocol.set_interface_info(LOOPBACK, block)
            }),
            ("mib_set", |protocol, block| protocol.mib_set(&block.bytes)),
            ("mib_create", |protocol, block| protocol.mib_create(&block.bytes)),
            ("mib_delete", |protocol, block| protocol.mib_delete(&block.bytes)),
        ];
        for (name, call) in calls {
            refused(call(&mut probe.protocol, &bad), &reason);
            assert_eq!(configuration(&mut probe), before, "{name}");
            assert_eq!(probe.protocol.next_event(), None, "{name}");
            assert_eq!(udp_ports(), [FREE, TAKEN, EAR].into(), "{name}");
            // What the engine wanted to say through the port that it did not get was not said through the old one.
            assert_eq!(hear(), (vec![1], FREE), "{name}");
            // The route went there and back within one batch: for the kernel nothing happened.
            let metrics: Vec<Vec<u32>> = probe
                .batches()
                .iter()
                .map(|batch| batch.iter().map(metric_of).collect())
                .collect();
            assert_eq!(metrics, [[2, 1]], "{name}");
        }
        // A good one by the MIB road is announced, one from the host is not.
        probe.protocol.mib_set(&block(3, FREE).bytes).unwrap();
        assert_eq!(
            probe.protocol.next_event(),
            Some(Event::SaveInterfaceConfigInfo(LOOPBACK))
        );
        probe
            .protocol
            .set_interface_info(LOOPBACK, &block(4, FREE))
            .unwrap();
        assert_eq!(probe.protocol.next_event(), None);
        assert_eq!((hear().0, hear().0), (vec![3], vec![4]));
    });
}

fn metric_of(change: &RouteChange) -> u32 {
    match change {
        RouteChange::Set {
            prefix: destination,
            route,
            ..
        } => {
            assert_eq!(*destination, prefix().into());
            route.metric
        }
        RouteChange::Delete { .. } => 0,
    }
}

/// Where nobody waits for an answer, a port that fails is closed, as the engine is told.
#[test]
fn on_its_own_thread_a_port_that_fails_is_closed() {
    isolated(|| {
        let _somebody = somebody();
        let mut probe = Hosted::<Probe>::start(&global());
        probe.add_up(LOOPBACK, &block(1, FREE));
        assert_eq!(udp_ports(), [FREE, TAKEN].into());
        probe
            .protocol
            .connect_client(LOOPBACK, Ask::Taken.client())
            .unwrap();
        assert_eq!(probe.event(), DONE);
        assert_eq!(
            probe.protocol.show(Topic::Summary).unwrap(),
            json!({ "failures": 1 })
        );
        assert_eq!(udp_ports(), [TAKEN].into());
        // It can have its port back.
        probe
            .protocol
            .set_interface_info(LOOPBACK, &block(2, FREE))
            .unwrap();
        assert_eq!(udp_ports(), [FREE, TAKEN].into());
    });
}

fn rip_block(text: &Value, layout: Layout) -> InfoBlock {
    InterfaceConfig::from_text(text).unwrap().encode(layout)
}

fn rip_global(text: &Value) -> InfoBlock {
    let config = GlobalConfig::from_text(text).unwrap();
    config.encode(Layout::Waypost(GlobalConfig::LAYOUT))
}

fn memberships_allowed(most: u32) {
    std::fs::write("/proc/sys/net/ipv4/igmp_max_memberships", most.to_string()).unwrap();
}

/// RIP on a link where version 1 is spoken, so that no group has to be joined; and then none can be.
#[test]
fn rip_stays_as_it_was_when_a_group_cannot_be_joined() {
    isolated(|| {
        let layout = Layout::Waypost(InterfaceConfig::LAYOUT);
        let mut rip = Hosted::<Rip>::start(&rip_global(&json!({ "accept": "v1" })));
        rip.add_up(LINK, &rip_block(&json!({ "metric": 2 }), layout));
        memberships_allowed(0);
        let before = configuration(&mut rip);
        let reason = "UDP port 520: ";

        // IC_AcceptMode and all else of RRAS's block; 8 octets name table and row, 4 the size.
        let rras = rip_block(&json!({ "metric": 3, "accept": "v2" }), Layout::Rras);
        let mut mib = [3, 7, rras.structure_size].map(u32::to_le_bytes).concat();
        mib.extend(&rras.bytes);
        let both = rip_block(&json!({ "metric": 4, "accept": "both" }), layout);
        let everywhere = rip_global(&json!({ "accept": "both" }));
        for _ in 0..2 {
            refused(rip.protocol.mib_set(&mib), reason);
            refused(rip.protocol.set_interface_info(LINK, &both), reason);
            refused(rip.protocol.set_global_info(&everywhere), reason);
            assert_eq!(configuration(&mut rip), before);
            assert_eq!(rip.protocol.next_event(), None);
            assert_eq!(udp_ports(), [520].into());
        }
        let rows = rip.protocol.show(Topic::Interfaces).unwrap();
        assert_eq!(
            (&rows[0]["metric"], &rows[0]["accept"], &rows[0]["state"]),
            (&json!(2), &json!("v1"), &json!("active"))
        );

        // Room again: the same calls do what they say.
        memberships_allowed(20);
        rip.protocol.mib_set(&mib).unwrap();
        assert_eq!(
            rip.protocol.next_event(),
            Some(Event::SaveInterfaceConfigInfo(LINK))
        );
        rip.protocol.set_interface_info(LINK, &both).unwrap();
        rip.protocol.set_global_info(&everywhere).unwrap();
        assert_eq!(rip.protocol.next_event(), None);
        let rows = rip.protocol.show(Topic::Interfaces).unwrap();
        assert_eq!(
            (&rows[0]["metric"], &rows[0]["accept"]),
            (&json!(4), &json!("both"))
        );
    });
}

/// A port that cannot be had when the interface comes up is no reason to refuse the interface: RIP asks again.
#[test]
fn rip_gets_its_port_when_it_is_free() {
    isolated(|| {
        let somebody = somebody();
        let layout = Layout::Waypost(InterfaceConfig::LAYOUT);
        let mut rip = Hosted::<Rip>::start(&rip_global(&json!({})));
        rip.add_up(LINK, &rip_block(&json!({ "port": TAKEN }), layout));
        let failures = |rip: &mut Hosted<Rip>| {
            let counters = rip.protocol.show(Topic::Counters).unwrap();
            counters["interfaces"]["eth7"]["port-failures"].as_u64().unwrap()
        };
        assert_eq!(failures(&mut rip), 1);
        drop(somebody);
        wait_for(PATIENCE * 2, "RIP to open its port", || {
            let ports = udp_ports();
            if ports == [TAKEN].into() {
                Ok(())
            } else {
                Err(format!("{ports:?}"))
            }
        })
        .unwrap();
        assert_eq!(failures(&mut rip), 1);
    });
}
