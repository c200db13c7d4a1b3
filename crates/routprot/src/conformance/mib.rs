//! The MIB road (routing-protocol-interface 5.16) and its save events (9.2).

use super::case::{Case, Checked, accepted, failed, refused, skipped, turned_down};
use super::rig::{FIRST, Rig};
use crate::{Event, OutputBuffer, Status};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "6.6/10",
        title: "set through the MIB road: SAVE_INTERFACE_CONFIG_INFO once, with the index",
        run: save,
    },
    Case {
        id: "9.1/signal",
        title: "appended before signalled: after the signal the message is there",
        run: signal,
    },
    Case {
        id: "5.16/malformed",
        title: "input of a wrong size is refused and changes nothing",
        run: malformed_input,
    },
    Case {
        id: "5.16/failed",
        title: "set through the MIB road, valid, but cannot be carried out: 1003, nothing changed, no event",
        run: failing,
    },
];

/// Changes the configuration of an interface that is up through the MIB road.
fn set(rig: &mut Rig<'_>) -> Checked {
    let Some(input) = &rig.subject.mib_set else {
        return skipped("no input for MibSetEntry was given");
    };
    let input = input(FIRST);
    let block = rig.first_block();
    rig.running_with(&block)?;
    drop(rig.drain()?);
    let before = rig.read(FIRST)?;
    let result = rig.protocol.mib_set(&input);
    rig.settle();
    accepted("mib_set", result)?;
    if rig.read(FIRST)? == before {
        return failed("another configuration after mib_set", "the one before");
    }
    Ok(())
}

fn save(rig: &mut Rig<'_>) -> Checked {
    set(rig)?;
    let mut events = rig.drain()?;
    rig.linger();
    events.extend(rig.drain()?);
    if events == [Event::SaveInterfaceConfigInfo(FIRST)] {
        return Ok(());
    }
    failed(
        format!("exactly one SAVE_INTERFACE_CONFIG_INFO for {FIRST}"),
        format!("{events:?}"),
    )
}

fn signal(rig: &mut Rig<'_>) -> Checked {
    set(rig)?;
    // Whether there has to be a message at all is vector 10's business.
    let signalled = rig.bell.rung() > 0;
    let events = rig.drain()?;
    match (signalled, events.is_empty()) {
        (false, false) => failed("a signal", format!("none, and {events:?}")),
        (true, true) => failed("a message after the signal", "an empty queue"),
        _ => Ok(()),
    }
}

fn malformed_input(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    for input in [&[][..], &[0xff], &[0xff; 7], &[0xff; 64]] {
        let octets = input.len();
        let what = |call: &str| format!("{call} with {octets} octets 0xff");
        turned_down(&what("mib_create"), rig.protocol.mib_create(input))?;
        turned_down(&what("mib_delete"), rig.protocol.mib_delete(input))?;
        turned_down(&what("mib_set"), rig.protocol.mib_set(input))?;
        for get in [
            crate::RoutingProtocol::mib_get,
            crate::RoutingProtocol::mib_get_first,
            crate::RoutingProtocol::mib_get_next,
        ] {
            let mut octets = [0; 256];
            // A query may ignore what it does not need; it has to answer and to change nothing.
            drop(get(
                rig.protocol.as_mut(),
                input,
                &mut OutputBuffer::new(Some(&mut octets)),
            ));
        }
        rig.settle();
    }
    let after = rig.visible()?;
    before.unchanged("malformed MIB input", &after)?;
    rig.quiet("malformed MIB input")
}

fn failing(rig: &mut Rig<'_>) -> Checked {
    let Some(input) = &rig.subject.failing_mib_set else {
        return skipped("no input for MibSetEntry that cannot be carried out was given");
    };
    let input = input(FIRST);
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    let what = "mib_set with what cannot be carried out";
    refused(what, Status::ERROR_CAN_NOT_COMPLETE, rig.protocol.mib_set(&input))?;
    rig.settle();
    let after = rig.visible()?;
    before.unchanged(what, &after)?;
    rig.quiet(what)
}
