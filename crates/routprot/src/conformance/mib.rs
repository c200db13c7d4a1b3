//! The MIB road (routing-protocol-interface 5.16) and its save events (9.2).

use super::case::{Case, Checked, accepted, failed, refused, same, skipped, turned_down};
use super::negotiation::table;
use super::rig::{FIRST, Rig};
use crate::{Event, OutputBuffer, RoutingProtocol, Status, read_output};

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
    Case {
        id: "5.16/walk",
        title: "GetFirst is the lowest row, GetNext the one after; 259 at the end",
        run: walk,
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

fn walk(rig: &mut Rig<'_>) -> Checked {
    let [first, second] = table(rig)?;
    let protocol = rig.protocol.as_mut();
    let rows = [&first, &second].map(|input| read_output(|out| protocol.mib_get(input, out)));
    // The index that GetFirst is given does not matter.
    let lowest = read_output(|out| protocol.mib_get_first(&second, out));
    let next = read_output(|out| protocol.mib_get_next(&first, out));
    let end = read_output(|out| protocol.mib_get_next(&second, out));
    let [first, second] = rows.map(|row| accepted("mib_get", row));
    same(
        "the row mib_get_first answers with",
        &first?,
        &accepted("mib_get_first", lowest)?,
    )?;
    same(
        "the row mib_get_next answers with",
        &second?,
        &accepted("mib_get_next", next)?,
    )?;
    refused("mib_get_next of the last row", Status::ERROR_NO_MORE_ITEMS, end)?;
    rig.quiet("walking a table")
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
            RoutingProtocol::mib_get,
            RoutingProtocol::mib_get_first,
            RoutingProtocol::mib_get_next,
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
