//! What a host guarantees (10.3, 8.3), under random histories.

use std::sync::Arc;

use proptest::prelude::*;
use waypost_infobase::{BlockKey, Store as _};
use waypost_manager::{Edit, InterfaceChange};
use waypost_routprot::conformance::host::{Request, check_order};
use waypost_routprot::{Event, Functionality, Status};
use waypost_types::InterfaceIndex;

use crate::rig::{Rig, interface};
use crate::sample::{OSPF, RAW, SAMPLE, global, metric};

#[derive(Clone, Debug)]
enum Step {
    /// Interface 2..=4 is there under name 0..=3, with bits up, carrier, address.
    Present(u32, usize, u8),
    Gone(u32),
    /// Protocol, on interface or globally, with or without block.
    Edit(usize, Option<usize>, Option<u32>),
    Enable(usize, bool),
    Refuse(usize, u8),
    StayPending(usize),
    FinishStop(usize),
    Save(usize, u32),
    Died(usize),
    Wait(u64),
    Update(usize),
    Drain,
}

fn any_step() -> impl Strategy<Value = Step> {
    let protocol = || 0..3_usize;
    prop_oneof![
        6 => (2..5_u32, 0..4_usize, 0..8_u8).prop_map(|(index, name, bits)| Step::Present(index, name, bits)),
        2 => (2..5_u32).prop_map(Step::Gone),
        10 => (protocol(), prop::option::of(0..4_usize), prop::option::of(1..4_u32))
            .prop_map(|(id, on, value)| Step::Edit(id, on, value)),
        2 => (0..4_usize, any::<bool>()).prop_map(|(name, enabled)| Step::Enable(name, enabled)),
        2 => (protocol(), 0..5_u8).prop_map(|(id, which)| Step::Refuse(id, which)),
        1 => protocol().prop_map(Step::StayPending),
        1 => protocol().prop_map(Step::FinishStop),
        1 => (protocol(), 2..5_u32).prop_map(|(id, index)| Step::Save(id, index)),
        1 => protocol().prop_map(Step::Died),
        2 => (1..40_u64).prop_map(Step::Wait),
        1 => (0..4_usize).prop_map(Step::Update),
        2 => Just(Step::Drain),
    ]
}

const PROTOCOLS: [waypost_types::ProtocolId; 3] = [SAMPLE, OSPF, RAW];
const NAMES: [&str; 4] = ["eth0", "eth1", "wan0", "lan0"];

fn play(rig: &mut Rig, step: Step) {
    let has = |rig: &Rig, id| rig.instances(id) > 0;
    match step {
        Step::Present(index, name, bits) => {
            let mut interface = interface(index, NAMES[name]);
            (interface.up, interface.carrier) = (bits & 1 != 0, bits & 2 != 0);
            if bits & 4 != 0 {
                interface.addresses.clear();
            }
            rig.manager
                .interfaces_changed([InterfaceChange::Present(interface)]);
        }
        Step::Gone(index) => rig.gone(index),
        Step::Edit(id, on, value) => {
            let id = PROTOCOLS[id];
            let edit = match on {
                None => Edit::Block(BlockKey::protocol(id), value.map(global)),
                Some(name) => Edit::Block(BlockKey::interface(NAMES[name], id), value.map(metric)),
            };
            drop(rig.apply(&[edit]));
        }
        Step::Enable(name, enabled) => {
            let at = format!("interfaces.{}.enabled", NAMES[name]);
            rig.apply(&[crate::rig::set(&at, enabled.into())]).unwrap();
        }
        Step::Refuse(id, which) if has(rig, PROTOCOLS[id]) => {
            rig.script(PROTOCOLS[id]).refuse_once(
                Status::ERROR_CAN_NOT_COMPLETE,
                move |request| match which {
                    0 => matches!(request, Request::AddInterface { .. }),
                    1 => matches!(request, Request::SetInterface { .. }),
                    2 => matches!(request, Request::InterfaceStatus { .. }),
                    3 => matches!(request, Request::DeleteInterface { .. }),
                    _ => matches!(request, Request::SetGlobal { .. }),
                },
            );
        }
        Step::StayPending(id) if has(rig, PROTOCOLS[id]) => rig.script(PROTOCOLS[id]).stay_pending(),
        Step::FinishStop(id) if has(rig, PROTOCOLS[id]) && rig.state(PROTOCOLS[id]) == "stopping" => {
            rig.script(PROTOCOLS[id]).finish_stop();
            rig.drain();
        }
        Step::Save(id, index) if has(rig, PROTOCOLS[id]) && rig.state(PROTOCOLS[id]) == "running" => {
            rig.script(PROTOCOLS[id])
                .queue(Event::SaveInterfaceConfigInfo(InterfaceIndex(index)));
        }
        Step::Died(id) if has(rig, PROTOCOLS[id]) => rig.died(PROTOCOLS[id], "a test"),
        Step::Wait(seconds) => rig.wait(seconds),
        Step::Update(name) => {
            let author = crate::rig::author();
            rig.manager.update_autostatic(rig.now, NAMES[name], &author, drop);
        }
        Step::Drain => rig.drain(),
        Step::Refuse(..) | Step::StayPending(_) | Step::FinishStop(_) | Step::Save(..) | Step::Died(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn guarantees_hold_whatever_happens(all in any::<bool>(), steps in prop::collection::vec(any_step(), 1..60)) {
        let mut rig = Rig::new();
        rig.each(SAMPLE, |script| {
            script.declare(Functionality::RF_ROUTING | Functionality::RF_DEMAND_UPDATE_ROUTES);
        });
        if all {
            rig.each(OSPF, |script| {
                script.declare(Functionality::RF_ROUTING | Functionality::RF_ADD_ALL_INTERFACES);
            });
        }
        for step in steps {
            play(&mut rig, step);
            let stored = Arc::clone(rig.store.get().running());
            prop_assert_eq!(rig.manager.tree(), &*stored);
        }
        rig.store.assert_nothing_pending();
        if let Err(broken) = check_order(&rig.calls()) {
            prop_assert!(false, "{}", broken);
        }
        rig.manager.stop(rig.now);
        rig.wait(30);
        prop_assert!(rig.manager.is_quiet());
        if let Err(broken) = check_order(&rig.calls()) {
            prop_assert!(false, "{}", broken);
        }
    }
}
