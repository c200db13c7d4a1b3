//! SetInterfaceInfo by state (routing-protocol-interface 6.5).

use super::case::{Case, Checked, accepted, failed, refused, same, skipped};
use super::rig::{FIRST, Rig, UNKNOWN, bound, bytes_of};
use crate::{Event, Functionality, InterfaceStatus, Status};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "6.5/starting",
        title: "before StartComplete: stored and validated",
        run: starting,
    },
    Case {
        id: "6.5/absent",
        title: "running, interface absent: 87, and it stays absent",
        run: absent,
    },
    Case {
        id: "6.5/disabled-unbound",
        title: "stored and validated; still in force once the interface is up",
        run: disabled_unbound,
    },
    Case {
        id: "6.5/disabled-bound",
        title: "stored and validated; still in force once the interface is up",
        run: disabled_bound,
    },
    Case {
        id: "6.5/enabled-unbound",
        title: "stored, applied at bind",
        run: enabled_unbound,
    },
    Case {
        id: "6.5/enabled-bound",
        title: "applied now",
        run: enabled_bound,
    },
    Case {
        id: "6.5/updating",
        title: "during an autostatic update: applied, and the update still completes once",
        run: updating,
    },
];

fn starting(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let invalid = rig.subject.invalid_interface.clone();
    rig.starting()?;
    rig.add_up(FIRST, &block)?;
    refused(
        "set_interface_info with invalid contents before start_complete",
        Status::ERROR_INVALID_PARAMETER,
        rig.try_set(FIRST, &invalid),
    )?;
    accepted(
        "set_interface_info before start_complete",
        rig.try_set(FIRST, &other),
    )?;
    rig.complete()?;
    as_if_set_while_up(rig, "after start_complete")
}

/// The configuration is that of an interface on which the second block was set while everything was up.
fn as_if_set_while_up(rig: &mut Rig<'_>, when: &str) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let mut reference = rig.another();
    reference.running_with(&block)?;
    accepted("set_interface_info", reference.try_set(FIRST, &other))?;
    let expected = reference.read(FIRST)?;
    let seen = rig.read(FIRST)?;
    same(
        &format!("interface_info {when}"),
        &bytes_of(expected),
        &bytes_of(seen),
    )
}

fn absent(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    let block = rig.first_block();
    refused(
        "set_interface_info of an absent interface",
        Status::ERROR_INVALID_PARAMETER,
        rig.try_set(UNKNOWN, &block),
    )?;
    refused(
        "interface_info of an interface that was set but never added",
        Status::ERROR_INVALID_PARAMETER,
        rig.try_read(UNKNOWN),
    )
}

/// Sets after the status codes `before`, then brings the interface up with `after`; the new block is stored at once and
/// stays, and an invalid block was refused on the way.
fn in_state(rig: &mut Rig<'_>, before: &[InterfaceStatus], after: &[InterfaceStatus]) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let invalid = rig.subject.invalid_interface.clone();
    rig.running()?;
    rig.add(FIRST, &block)?;
    for status in before {
        rig.tell(FIRST, status)?;
    }
    refused(
        "set_interface_info with invalid contents",
        Status::ERROR_INVALID_PARAMETER,
        rig.try_set(FIRST, &invalid),
    )?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    as_if_set_while_up(rig, "after set_interface_info")?;
    for status in after {
        rig.tell(FIRST, status)?;
    }
    as_if_set_while_up(rig, "once the interface is up")
}

fn disabled_unbound(rig: &mut Rig<'_>) -> Checked {
    in_state(rig, &[], &[bound(), InterfaceStatus::Enabled])
}

fn disabled_bound(rig: &mut Rig<'_>) -> Checked {
    in_state(rig, &[bound()], &[InterfaceStatus::Enabled])
}

fn enabled_unbound(rig: &mut Rig<'_>) -> Checked {
    in_state(rig, &[InterfaceStatus::Enabled], &[bound()])
}

fn enabled_bound(rig: &mut Rig<'_>) -> Checked {
    in_state(rig, &[bound(), InterfaceStatus::Enabled], &[])
}

fn updating(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let answer = rig.running_with(&block)?;
    if !answer
        .functionality
        .contains(Functionality::RF_DEMAND_UPDATE_ROUTES)
    {
        return skipped("the protocol does not declare RF_DEMAND_UPDATE_ROUTES");
    }
    accepted("update_routes", rig.protocol.update_routes(FIRST))?;
    accepted("set_interface_info during an update", rig.try_set(FIRST, &other))?;
    let events = rig.await_event(|event| matches!(event, Event::UpdateComplete(_)))?;
    let ends: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, Event::UpdateComplete(update) if update.interface == FIRST))
        .collect();
    if ends.len() != 1 {
        return failed(format!("one UPDATE_COMPLETE for {FIRST}"), format!("{events:?}"));
    }
    as_if_set_while_up(rig, "after the update")
}
