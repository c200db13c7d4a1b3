//! The event queue (routing-protocol-interface 9) and autostatic updates (5.12, 9.3).

use super::case::{Case, Checked, accepted, failed, refused, skipped, status_of};
use super::rig::{FIRST, Rig, UNKNOWN, bound, unbound};
use crate::{Event, Functionality, InterfaceStatus, Status, UpdateKind};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "9.1/empty",
        title: "an empty queue stays empty, however often it is drained",
        run: empty,
    },
    Case {
        id: "9.2/save",
        title: "no SAVE event for what comes through the front door",
        run: no_save,
    },
    Case {
        id: "5.12/unknown",
        title: "DoUpdateRoutes of an unknown index: 87, no event",
        run: update_unknown,
    },
    Case {
        id: "9.3/update",
        title: "DoUpdateRoutes: UPDATE_COMPLETE, signalled, exactly once if 0 and never otherwise",
        run: update,
    },
];

fn empty(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for _ in 0..3 {
        rig.quiet("a drained queue")?;
    }
    Ok(())
}

fn no_save(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.starting()?;
    rig.add_up(FIRST, &block)?;
    rig.complete()?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    let globals = [rig.subject.other_global.clone(), Some(rig.subject.global.clone())];
    for global in globals.into_iter().flatten() {
        accepted("set_global_info", rig.protocol.set_global_info(&global))?;
        rig.settle();
    }
    for status in [unbound(), bound(), InterfaceStatus::Disabled] {
        rig.tell(FIRST, &status)?;
    }
    accepted("delete_interface", rig.protocol.delete_interface(FIRST))?;
    rig.settle();
    let saves: Vec<_> = rig
        .drain()?
        .into_iter()
        .filter(|event| {
            matches!(
                event,
                Event::SaveGlobalConfigInfo | Event::SaveInterfaceConfigInfo(_)
            )
        })
        .collect();
    if saves.is_empty() {
        return Ok(());
    }
    failed(
        "no SAVE event for changes that the host made",
        format!("{saves:?}"),
    )
}

/// To a running interface of a protocol that updates routes on request.
fn updatable(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    let answer = rig.running_with(&block)?;
    if !answer
        .functionality
        .contains(Functionality::RF_DEMAND_UPDATE_ROUTES)
    {
        return skipped("the protocol does not declare RF_DEMAND_UPDATE_ROUTES");
    }
    rig.drain().map(drop)
}

fn update_unknown(rig: &mut Rig<'_>) -> Checked {
    updatable(rig)?;
    refused(
        "update_routes of an unknown index",
        Status::ERROR_INVALID_PARAMETER,
        rig.protocol.update_routes(UNKNOWN),
    )?;
    rig.linger();
    rig.quiet("a refused update_routes")
}

fn update(rig: &mut Rig<'_>) -> Checked {
    updatable(rig)?;
    let signals = rig.bell.rung();
    let result = rig.protocol.update_routes(FIRST);
    rig.settle();
    match status_of(&result) {
        Status::NO_ERROR => {}
        Status::ERROR_CAN_NOT_COMPLETE => {
            rig.linger();
            return rig.quiet("a refused update_routes");
        }
        status => {
            return failed(
                format!("update_routes: 0 or {}", Status::ERROR_CAN_NOT_COMPLETE),
                status.to_string(),
            );
        }
    }
    let mut events = rig.await_event(|event| matches!(event, Event::UpdateComplete(_)))?;
    if !rig.await_signal(signals) {
        return failed("a signal for UPDATE_COMPLETE", "none");
    }
    rig.linger();
    events.extend(rig.drain()?);
    let [Event::UpdateComplete(update)] = events.as_slice() else {
        return failed("exactly one UPDATE_COMPLETE", format!("{events:?}"));
    };
    let documented = [Status::NO_ERROR, Status::ERROR_CAN_NOT_COMPLETE];
    if update.interface != FIRST || update.kind != UpdateKind::Routes || !documented.contains(&update.status)
    {
        return failed(
            format!("UPDATE_COMPLETE for {FIRST}, type 4, status 0 or 1003"),
            format!("{update:?}"),
        );
    }
    Ok(())
}
