//! A router identifier that changes while the protocol runs: an addition of ours.

use std::net::Ipv4Addr;

use waypost_types::RouterId;

use super::case::{Case, Checked, same};
use super::rig::{FIRST, Rig, bytes_of};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "router-id/change",
        title: "another router identifier: configuration stays, no event",
        run: change,
    },
    Case {
        id: "router-id/prepare",
        title: "saying what another router identifier would do changes nothing",
        run: prepare,
    },
];

/// Another identifier than the rig's, none at all, and the rig's.
fn identifiers() -> [Option<RouterId>; 3] {
    let id = |last| RouterId::new(Ipv4Addr::new(192, 0, 2, last)).ok();
    [id(99), None, id(1)]
}

fn change(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let (global, interface) = (rig.read_global()?, rig.read(FIRST)?);
    for id in identifiers() {
        rig.protocol.router_id_changed(id);
        rig.quiet("router_id_changed")?;
        let seen = rig.read_global()?;
        same(
            "global_info after router_id_changed",
            &bytes_of(global.clone()),
            &bytes_of(seen),
        )?;
        let seen = rig.read(FIRST)?;
        same(
            "interface_info after router_id_changed",
            &bytes_of(interface.clone()),
            &bytes_of(seen),
        )?;
    }
    Ok(())
}

fn prepare(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    for id in identifiers() {
        drop(rig.protocol.prepare_router_id(id));
    }
    rig.settle();
    let after = rig.visible()?;
    before.unchanged("prepare_router_id", &after)?;
    rig.quiet("prepare_router_id")
}
