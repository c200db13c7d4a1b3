//! The life of a protocol (routing-protocol-interface 5.1 to 5.3 and 10.1).

use super::case::{Case, Checked, Verdict, accepted, failed, refused, skipped, turned_down};
use super::rig::{FIRST, Rig, SECOND, bound};
use crate::{Event, InfoBlock, InterfaceStatus, OutputBuffer, Refusal, Status, Topic};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "10.1/before-start",
        title: "registered only: everything but StartProtocol is refused, and it still starts",
        run: before_start,
    },
    Case {
        id: "10.1/start",
        title: "StartProtocol: ready for interfaces, no event",
        run: start,
    },
    Case {
        id: "10.1/start-twice",
        title: "a second StartProtocol is refused and changes nothing",
        run: start_twice,
    },
    Case {
        id: "5.1/absent",
        title: "StartProtocol without a block: 87",
        run: start_absent,
    },
    Case {
        id: "5.1/malformed",
        title: "StartProtocol with a wrong size or count: 87",
        run: start_malformed,
    },
    Case {
        id: "10.1/start-invalid",
        title: "StartProtocol with invalid contents: 87; a fresh instance starts",
        run: start_invalid,
    },
    Case {
        id: "5.1/failed",
        title: "StartProtocol, valid, but cannot be carried out: 1003; a fresh instance starts",
        run: start_failing,
    },
    Case {
        id: "10.1/start-complete",
        title: "StartComplete: NO_ERROR, after interfaces were added or without any",
        run: start_complete,
    },
    Case {
        id: "10.1/starting",
        title: "before StartComplete every interface and configuration call works",
        run: starting,
    },
    Case {
        id: "10.1/stop",
        title: "stop: 0, or 907 and exactly one ROUTER_STOPPED; nothing afterwards",
        run: stop_running,
    },
    Case {
        id: "10.1/stop-starting",
        title: "the same from STARTING",
        run: stop_starting,
    },
    Case {
        id: "10.1/stop-idle",
        title: "the same without any interface",
        run: stop_idle,
    },
    Case {
        id: "10.1/stopping",
        title: "while stopping, calls are refused with 1003",
        run: stopping,
    },
    Case {
        id: "6.5/stopping",
        title: "while stopping, SetInterfaceInfo is refused with 1003",
        run: set_while_stopping,
    },
    Case {
        id: "10.1/restart",
        title: "after a stop, a fresh instance registers and starts",
        run: restart,
    },
];

fn before_start(rig: &mut Rig<'_>) -> Checked {
    rig.register()?;
    let block = rig.first_block();
    let global = rig.subject.global.clone();
    turned_down("start_complete before start", rig.protocol.start_complete())?;
    turned_down("stop before start", rig.protocol.stop())?;
    turned_down("global_info before start", rig.try_read_global())?;
    turned_down(
        "set_global_info before start",
        rig.protocol.set_global_info(&global),
    )?;
    turned_down("add_interface before start", rig.try_add(FIRST, &block))?;
    turned_down(
        "interface_status before start",
        rig.try_tell(FIRST, &InterfaceStatus::Enabled),
    )?;
    turned_down("interface_info before start", rig.try_read(FIRST))?;
    turned_down("set_interface_info before start", rig.try_set(FIRST, &block))?;
    turned_down(
        "delete_interface before start",
        rig.protocol.delete_interface(FIRST),
    )?;
    turned_down("update_routes before start", rig.protocol.update_routes(FIRST))?;
    rig.quiet("calls before start")?;
    accepted("start after early calls", rig.try_start(&global))?;
    rig.complete()?;
    rig.add_up(FIRST, &block)
}

fn start(rig: &mut Rig<'_>) -> Checked {
    rig.register()?;
    let global = rig.subject.global.clone();
    accepted("start", rig.try_start(&global))?;
    rig.quiet("start")?;
    let block = rig.first_block();
    accepted("add_interface after start", rig.try_add(FIRST, &block))
}

fn start_twice(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    let global = rig
        .subject
        .other_global
        .clone()
        .unwrap_or_else(|| rig.subject.global.clone());
    turned_down("a second start", rig.try_start(&global))?;
    let after = rig.visible()?;
    before.unchanged("the second start", &after)
}

/// A start with `block` is refused with 87, leaves the instance silent, and does not spoil others.
fn start_refused(rig: &mut Rig<'_>, what: &str, block: &InfoBlock) -> Checked {
    let mut rig = rig.another();
    rig.register()?;
    let result = rig.try_start(block);
    refused(
        &format!("start with {what}"),
        Status::ERROR_INVALID_PARAMETER,
        result,
    )?;
    rig.quiet("a refused start")?;
    turned_down(
        "add_interface after a refused start",
        rig.try_add(FIRST, &rig.first_block()),
    )?;
    rig.another().running().map(drop)
}

fn start_absent(rig: &mut Rig<'_>) -> Checked {
    start_refused(rig, "no block", &InfoBlock::absent())
}

fn start_malformed(rig: &mut Rig<'_>) -> Checked {
    let block = rig.subject.global.clone();
    for (what, block) in malformed(&block) {
        start_refused(rig, what, &block)?;
    }
    Ok(())
}

fn start_invalid(rig: &mut Rig<'_>) -> Checked {
    let Some(block) = rig.subject.invalid_global.clone() else {
        return skipped("no invalid global block was given");
    };
    start_refused(rig, "invalid contents", &block)
}

/// Variants of a valid block whose triple is wrong.
pub(super) fn malformed(block: &InfoBlock) -> [(&'static str, InfoBlock); 5] {
    let mut twice = block.clone();
    twice.structure_count = 2;
    twice.bytes.extend_from_slice(&block.bytes);
    [
        ("StructureCount 2 and data for both", twice),
        (
            "StructureCount 2 and data for one",
            InfoBlock {
                structure_count: 2,
                ..block.clone()
            },
        ),
        (
            "StructureCount 0",
            InfoBlock {
                structure_count: 0,
                ..block.clone()
            },
        ),
        (
            "StructureSize one above the data",
            InfoBlock {
                structure_size: block.structure_size.saturating_add(1),
                ..block.clone()
            },
        ),
        (
            "StructureSize one below the data",
            InfoBlock {
                structure_size: block.structure_size.saturating_sub(1),
                ..block.clone()
            },
        ),
    ]
}

fn start_failing(rig: &mut Rig<'_>) -> Checked {
    let Some(failing) = rig.subject.failing_global.clone() else {
        return skipped("no global block that cannot be carried out was given");
    };
    rig.register()?;
    refused(
        "start with what cannot be carried out",
        Status::ERROR_CAN_NOT_COMPLETE,
        rig.try_start(&failing),
    )?;
    rig.another().running().map(drop)
}

fn start_complete(rig: &mut Rig<'_>) -> Checked {
    rig.starting()?;
    rig.complete()?;
    rig.quiet("start_complete")?;
    let mut rig = rig.another();
    rig.starting()?;
    rig.add_up(FIRST, &rig.first_block())?;
    rig.complete()?;
    rig.quiet("start_complete")
}

fn starting(rig: &mut Rig<'_>) -> Checked {
    rig.starting()?;
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.add_up(FIRST, &block)?;
    rig.add_up(SECOND, &block)?;
    accepted(
        "set_interface_info before start_complete",
        rig.try_set(FIRST, &other),
    )?;
    let global = rig.subject.global.clone();
    accepted(
        "set_global_info before start_complete",
        rig.protocol.set_global_info(&global),
    )?;
    accepted(
        "delete_interface before start_complete",
        rig.protocol.delete_interface(SECOND),
    )?;
    let before = (rig.read_global()?, rig.read(FIRST)?);
    rig.complete()?;
    if (rig.read_global()?, rig.read(FIRST)?) != before {
        return failed(
            "the configuration set before start_complete",
            "another one after it",
        );
    }
    Ok(())
}

/// Stops and checks the end: the events of 10.1 and then silence.
fn stop(rig: &mut Rig<'_>) -> Checked {
    drop(rig.drain()?);
    let signals = rig.bell.rung();
    let result = rig.protocol.stop();
    rig.has_stopped();
    match result {
        Ok(()) => {
            // A host that was woken during the stop drains once more.
            let events = if rig.bell.rung() > signals {
                rig.drain()?
            } else {
                Vec::new()
            };
            if events.contains(&Event::RouterStopped) {
                return failed(
                    "no ROUTER_STOPPED after a stop that returned 0",
                    format!("{events:?}"),
                );
            }
        }
        Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
            rig.settle();
            let events = rig.await_event(|event| *event == Event::RouterStopped)?;
            let times = events
                .iter()
                .filter(|event| **event == Event::RouterStopped)
                .count();
            if times != 1 {
                return failed(
                    "exactly one ROUTER_STOPPED after a pending stop",
                    format!("{times} in {events:?}"),
                );
            }
            if events.last() != Some(&Event::RouterStopped) {
                return failed("nothing after ROUTER_STOPPED", format!("{events:?}"));
            }
            if !rig.await_signal(signals) {
                return failed("a signal for ROUTER_STOPPED", "none");
            }
        }
        Err(refusal) => {
            return failed(
                format!("stop: NO_ERROR 0 or {}", Status::ERROR_PROTOCOL_STOP_PENDING),
                refusal.to_string(),
            );
        }
    }
    let (signals, calls) = (rig.bell.rung(), rig.support.calls());
    rig.linger();
    if rig.bell.rung() > signals {
        return failed(
            "silence once stopped",
            format!("{} more signals", rig.bell.rung() - signals),
        );
    }
    if rig.support.calls() > calls {
        return failed("silence once stopped", "a call of a support function");
    }
    Ok(())
}

fn stop_running(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    rig.add_up(SECOND, &rig.other_block())?;
    stop(rig)
}

fn stop_starting(rig: &mut Rig<'_>) -> Checked {
    rig.starting()?;
    rig.add_up(FIRST, &rig.first_block())?;
    stop(rig)
}

fn stop_idle(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    stop(rig)
}

/// To the state STOPPING, if the protocol ever is in it.
fn pending(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    match rig.protocol.stop() {
        Ok(()) => {
            rig.has_stopped();
            skipped("the protocol stops within the call")
        }
        Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
            rig.has_stopped();
            Ok(())
        }
        Err(refusal) => failed(
            format!("stop: NO_ERROR 0 or {}", Status::ERROR_PROTOCOL_STOP_PENDING),
            refusal.to_string(),
        ),
    }
}

fn refused_while_stopping<T>(what: &str, result: Result<T, Refusal>) -> Checked {
    refused(
        &format!("{what} while stopping"),
        Status::ERROR_CAN_NOT_COMPLETE,
        result,
    )
}

fn stopping(rig: &mut Rig<'_>) -> Checked {
    pending(rig)?;
    let (block, global) = (rig.first_block(), rig.subject.global.clone());
    refused_while_stopping("add_interface", rig.try_add(SECOND, &block))?;
    refused_while_stopping("interface_status", rig.try_tell(FIRST, &bound()))?;
    refused_while_stopping("interface_info", rig.try_read(FIRST))?;
    refused_while_stopping("set_global_info", rig.protocol.set_global_info(&global))?;
    refused_while_stopping("global_info", rig.try_read_global())?;
    refused_while_stopping("delete_interface", rig.protocol.delete_interface(FIRST))?;
    match rig.protocol.update_routes(FIRST) {
        // There is no such function without RF_DEMAND_UPDATE_ROUTES.
        Err(refusal) if refusal.status == Status::ERROR_NOT_SUPPORTED => {}
        result => refused_while_stopping("update_routes", result)?,
    }
    refused_while_stopping("start_complete", rig.protocol.start_complete())?;
    turned_down("mib_set while stopping", rig.protocol.mib_set(&[]))?;
    let mut out = OutputBuffer::new(None);
    turned_down("mib_get while stopping", rig.protocol.mib_get(&[], &mut out))?;
    turned_down("show while stopping", rig.protocol.show(Topic::Summary))?;
    refused_while_stopping("a second stop", rig.protocol.stop())?;
    one_end(rig)
}

fn set_while_stopping(rig: &mut Rig<'_>) -> Checked {
    pending(rig)?;
    let block = rig.other_block();
    refused_while_stopping("set_interface_info", rig.try_set(FIRST, &block))?;
    match rig.protocol.prepare_interface_info(Some(FIRST), &block) {
        Err(refusal) if refusal.status == Status::ERROR_NOT_SUPPORTED => {}
        result => refused_while_stopping("prepare_interface_info", result)?,
    }
    one_end(rig)
}

/// Refused calls did not disturb the stop that is under way.
fn one_end(rig: &mut Rig<'_>) -> Checked {
    let events = rig.await_event(|event| *event == Event::RouterStopped)?;
    let ends = events
        .iter()
        .filter(|event| **event == Event::RouterStopped)
        .count();
    if ends == 0 {
        return Err(Verdict::Failed {
            expected: "ROUTER_STOPPED after refused calls".to_owned(),
            seen: format!("{events:?}"),
        });
    }
    Ok(())
}

fn restart(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    rig.put_away();
    rig.has_stopped();
    let mut again = rig.another();
    let block = again.first_block();
    again.running_with(&block)?;
    again.put_away();
    Ok(())
}
