//! Registration (routing-protocol-interface 4.1 to 4.3).

use std::net::Ipv4Addr;

use waypost_types::ProtocolId;

use super::case::{Case, Checked, accepted, failed, refused, skipped, turned_down};
use super::rig::{FIRST, Rig};
use crate::{Functionality, OutputBuffer, RoutingCharacteristics, Status, check_registration};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "4.1/register",
        title: "the answer: no higher version, the same protocol id, a subset of the flags",
        run: register,
    },
    Case {
        id: "4.1/other-id",
        title: "another protocol id is refused with 50, and the right one taken afterwards",
        run: other_id,
    },
    Case {
        id: "4.2/flags",
        title: "offered fewer flags: a subset of them, or 50",
        run: fewer_flags,
    },
    Case {
        id: "4.2/version",
        title: "offered an older version: no higher one, or 50",
        run: older_version,
    },
    Case {
        id: "4.3/update-routes",
        title: "no DoUpdateRoutes without RF_DEMAND_UPDATE_ROUTES",
        run: update_slot,
    },
    Case {
        id: "4.3/multicast",
        title: "no GetNeighbors and GetMfeStatus without RF_MULTICAST",
        run: multicast_slots,
    },
];

fn register(rig: &mut Rig<'_>) -> Checked {
    let offer = RoutingCharacteristics::offer(rig.subject.protocol);
    let answer = rig.register()?;
    accepted("the answer to register", check_registration(&offer, &answer))
}

fn other_id(rig: &mut Rig<'_>) -> Checked {
    let other = ProtocolId(rig.subject.protocol.0 ^ 0x0001_0000);
    refused(
        "register of another protocol",
        Status::ERROR_NOT_SUPPORTED,
        rig.protocol.register(&RoutingCharacteristics::offer(other)),
    )?;
    rig.register().map(drop)
}

fn answer_fits(rig: &mut Rig<'_>, offer: &RoutingCharacteristics) -> Checked {
    match rig.protocol.register(offer) {
        Err(refusal) if refusal.status == Status::ERROR_NOT_SUPPORTED => Ok(()),
        Err(refusal) => failed(
            format!("NO_ERROR 0 or {}", Status::ERROR_NOT_SUPPORTED),
            refusal.to_string(),
        ),
        Ok(answer) => accepted(
            &format!("the answer to an offer of {offer:?}"),
            check_registration(offer, &answer),
        ),
    }
}

fn fewer_flags(rig: &mut Rig<'_>) -> Checked {
    let full = RoutingCharacteristics::offer(rig.subject.protocol);
    for functionality in Functionality::all()
        .iter()
        .flat_map(|flag| [flag, Functionality::all().difference(flag)])
        .chain([Functionality::empty()])
    {
        let offer = RoutingCharacteristics {
            functionality,
            ..full
        };
        answer_fits(&mut rig.another(), &offer)?;
    }
    Ok(())
}

fn older_version(rig: &mut Rig<'_>) -> Checked {
    let offer = RoutingCharacteristics {
        version: 0x0000_0400,
        ..RoutingCharacteristics::offer(rig.subject.protocol)
    };
    answer_fits(rig, &offer)
}

fn update_slot(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    let answer = rig.running_with(&block)?;
    if answer
        .functionality
        .contains(Functionality::RF_DEMAND_UPDATE_ROUTES)
    {
        return skipped("the protocol declares RF_DEMAND_UPDATE_ROUTES");
    }
    let result = rig.protocol.update_routes(FIRST);
    turned_down("update_routes", result)?;
    rig.quiet("a refused update_routes")
}

fn multicast_slots(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    let answer = rig.running_with(&block)?;
    if answer.functionality.contains(Functionality::RF_MULTICAST) {
        return skipped("the protocol declares RF_MULTICAST");
    }
    let mut octets = [0; 64];
    let mut out = OutputBuffer::new(Some(&mut octets));
    turned_down("neighbors", rig.protocol.neighbors(FIRST, &mut out))?;
    let group = Ipv4Addr::new(239, 1, 2, 3);
    turned_down(
        "mfe_status",
        rig.protocol.mfe_status(FIRST, group, Ipv4Addr::new(10, 0, 0, 2)),
    )
}
