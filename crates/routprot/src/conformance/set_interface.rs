//! SetInterfaceInfo: the vectors of routing-protocol-interface 6.6 that concern a plug-in, and the rules of 6.3.

use super::case::{Case, Checked, accepted, failed, refused, same, skipped, status_of};
use super::lifecycle::malformed;
use super::rig::{FIRST, Rig, SECOND, UNKNOWN, bound, bytes_of, same_show};
use crate::{Functionality, InfoBlock, InfoBuffer, InterfaceStatus, Status};

const INVALID: Status = Status::ERROR_INVALID_PARAMETER;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "6.6/1",
        title: "unknown index: 87",
        run: unknown_index,
    },
    Case {
        id: "6.6/2",
        title: "no data: 87, nothing changed",
        run: no_data,
    },
    Case {
        id: "6.6/3",
        title: "one octet short: 87, nothing changed",
        run: one_octet_short,
    },
    Case {
        id: "6.6/4",
        title: "the same bytes twice: 0, 0, no state reset",
        run: same_bytes,
    },
    Case {
        id: "6.6/5",
        title: "set, get with capacity 0: 122 and size; get with that size: equal bytes",
        run: set_then_get,
    },
    Case {
        id: "6.6/6",
        title: "set while disabled, then enabled: the new values are active",
        run: set_while_disabled,
    },
    Case {
        id: "6.6/9",
        title: "a successful set raises no event",
        run: set_is_silent,
    },
    Case {
        id: "6.3/1",
        title: "full replacement: nothing of the old configuration remains",
        run: full_replacement,
    },
    Case {
        id: "6.3/2",
        title: "invalid contents: 87, the old configuration stays bit for bit",
        run: refusal_changes_nothing,
    },
    Case {
        id: "6.3/2-failed",
        title: "valid, but cannot be carried out: 1003, the old configuration stays bit for bit",
        run: failure_changes_nothing,
    },
    Case {
        id: "6.3/3-count",
        title: "StructureCount 0 or 2: 87, nothing changed",
        run: wrong_count,
    },
    Case {
        id: "6.3/3-size",
        title: "StructureSize other than the data's: 87, nothing changed",
        run: wrong_size,
    },
    Case {
        id: "6.3/4-short",
        title: "every size below the fixed part: 87, nothing changed",
        run: every_short_size,
    },
    Case {
        id: "6.3/4-longer",
        title: "a block with a tail, longer than the fixed part, is taken and read back",
        run: longer,
    },
    Case {
        id: "6.3/5",
        title: "StructureVersion 0 and 1 carry the same bytes; any other: taken or 87",
        run: versions,
    },
    Case {
        id: "6.3/7",
        title: "what get returns can be set: 0, and changes nothing",
        run: read_back,
    },
    Case {
        id: "6.3/8",
        title: "a set does not touch the enabled, bound and media state",
        run: state_stays,
    },
    Case {
        id: "6.3/10",
        title: "visible to get before set returns, and only on that interface",
        run: visible_at_once,
    },
];

/// `block` is refused with 87 on an interface that is up, and nothing that can be seen changes.
fn no_effect(rig: &mut Rig<'_>, what: &str, block: &InfoBlock) -> Checked {
    drop(rig.drain()?);
    let before = rig.visible()?;
    refused(
        &format!("set_interface_info with {what}"),
        INVALID,
        rig.try_set(FIRST, block),
    )?;
    let after = rig.visible()?;
    before.unchanged(&format!("set_interface_info with {what}"), &after)?;
    rig.quiet(&format!("set_interface_info with {what}"))
}

fn unknown_index(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    let (block, invalid) = (rig.first_block(), rig.subject.invalid_interface.clone());
    refused(
        "set_interface_info of an unknown index",
        INVALID,
        rig.try_set(UNKNOWN, &block),
    )?;
    // The index is checked first (6.3 rule 3), the answer is the same.
    refused(
        "set_interface_info of an unknown index with an invalid block",
        INVALID,
        rig.try_set(UNKNOWN, &invalid),
    )?;
    rig.add_up(FIRST, &block)?;
    refused(
        "set_interface_info of an index beside a known one",
        INVALID,
        rig.try_set(SECOND, &block),
    )
}

fn no_data(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    no_effect(rig, "no data", &InfoBlock::absent())
}

/// The first `octets` of a block, as a block of that size.
pub(super) fn cut(block: &InfoBlock, octets: usize) -> InfoBlock {
    InfoBlock::new(block.version, block.bytes.iter().copied().take(octets).collect())
}

/// Each block, with its largest size that is too short.
pub(super) fn shortest(rig: &Rig<'_>) -> [(InfoBlock, usize); 2] {
    [rig.first_block(), rig.other_block()].map(|block| {
        let fixed = rig.subject.fixed_part.unwrap_or(block.bytes.len());
        (block, fixed.saturating_sub(1))
    })
}

fn one_octet_short(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for (block, octets) in shortest(rig) {
        no_effect(rig, &format!("{octets} octets"), &cut(&block, octets))?;
    }
    Ok(())
}

fn every_short_size(rig: &mut Rig<'_>) -> Checked {
    let in_force = rig.first_block();
    rig.running_with(&in_force)?;
    for (block, most) in shortest(rig) {
        for octets in 1..most {
            no_effect(rig, &format!("{octets} octets"), &cut(&block, octets))?;
        }
        // Between the fixed part and the whole block a cut may or may not make sense: taken, or 87 and nothing changed.
        for octets in most.saturating_add(1)..block.bytes.len() {
            let before = rig.visible()?;
            match status_of(&rig.try_set(FIRST, &cut(&block, octets))) {
                Status::NO_ERROR => accepted("setting the first block again", rig.try_set(FIRST, &in_force))?,
                INVALID => {
                    let after = rig.visible()?;
                    before.unchanged(&format!("a block cut to {octets} octets"), &after)?;
                }
                status => return failed(format!("{octets} octets: 0 or {INVALID}"), status.to_string()),
            }
        }
    }
    Ok(())
}

fn same_bytes(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    let before = rig.visible()?;
    accepted(
        "set_interface_info with the bytes the interface was added with",
        rig.try_set(FIRST, &block),
    )?;
    let after = rig.visible()?;
    before.unchanged("setting the same bytes", &after)?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    let before = rig.visible()?;
    accepted(
        "set_interface_info with the same bytes",
        rig.try_set(FIRST, &other),
    )?;
    let after = rig.visible()?;
    before.unchanged("setting the same bytes", &after)?;
    rig.quiet("setting the same bytes")
}

fn set_then_get(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    let mut ask = InfoBuffer::new(None);
    let result = rig.protocol.interface_info(FIRST, &mut ask);
    refused(
        "interface_info with capacity 0",
        Status::ERROR_INSUFFICIENT_BUFFER,
        result,
    )?;
    let mut octets = vec![0; ask.size];
    let mut buffer = InfoBuffer::new(Some(&mut octets));
    let result = rig.protocol.interface_info(FIRST, &mut buffer);
    accepted("interface_info with the size asked for", result)?;
    let (version, structure_size, structure_count) = buffer.structure;
    rig.blank_read_only(&mut octets);
    let read = InfoBlock {
        version,
        structure_size,
        structure_count,
        bytes: octets,
    };
    let expected = rig.read(FIRST)?;
    same("interface_info", &bytes_of(expected), &bytes_of(read))?;
    // Canonicalisation is allowed (6.3 rule 7), so that the bytes set need not be those read; they mean the same.
    let before = rig.visible()?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    let after = rig.visible()?;
    before.unchanged("setting the bytes of which these were read", &after)
}

/// Both ways to get a block onto an interface look the same: added with it, or changed to it.
fn like_added(rig: &mut Rig<'_>, what: &str, added: &mut Rig<'_>) -> Checked {
    let expected = added.read(FIRST)?;
    let seen = rig.read(FIRST)?;
    same(
        &format!("interface_info {what}"),
        &bytes_of(expected),
        &bytes_of(seen),
    )?;
    let (expected, seen) = (added.show(), rig.show());
    same_show(what, &expected, &seen)
}

fn set_while_disabled(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let mut reference = rig.another();
    reference.running_with(&other)?;
    rig.running()?;
    rig.add(FIRST, &block)?;
    rig.tell(FIRST, &bound())?;
    rig.tell(FIRST, &InterfaceStatus::MediaPresent)?;
    accepted("set_interface_info while disabled", rig.try_set(FIRST, &other))?;
    rig.tell(FIRST, &InterfaceStatus::Enabled)?;
    like_added(
        rig,
        "as if the interface had been added with the new block",
        &mut reference,
    )
}

fn set_is_silent(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    rig.quiet("add_interface")?;
    for block in [&other, &other, &block] {
        accepted("set_interface_info", rig.try_set(FIRST, block))?;
        rig.quiet("set_interface_info")?;
    }
    Ok(())
}

fn full_replacement(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    for (old, new) in [(&block, &other), (&other, &block)] {
        let mut reference = rig.another();
        reference.running_with(new)?;
        let expected = reference.read(FIRST)?;
        let mut rig = rig.another();
        rig.running_with(old)?;
        accepted("set_interface_info", rig.try_set(FIRST, new))?;
        let seen = rig.read(FIRST)?;
        same(
            "interface_info as if the interface had been added with the new block",
            &bytes_of(expected),
            &bytes_of(seen),
        )?;
    }
    Ok(())
}

fn refusal_changes_nothing(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let invalid = rig.subject.invalid_interface.clone();
    no_effect(rig, "invalid contents", &invalid)?;
    // Nor does it spoil what comes later.
    let other = rig.other_block();
    accepted(
        "set_interface_info after a refused one",
        rig.try_set(FIRST, &other),
    )?;
    no_effect(rig, "invalid contents", &invalid)
}

fn failure_changes_nothing(rig: &mut Rig<'_>) -> Checked {
    let Some(failing) = rig.subject.failing_interface.clone() else {
        return skipped("no block that cannot be carried out was given");
    };
    let block = rig.first_block();
    let answer = rig.running_with(&block)?;
    fails(rig, &failing)?;
    let other = rig.other_block();
    accepted(
        "set_interface_info after a failed one",
        rig.try_set(FIRST, &other),
    )?;
    fails(rig, &failing)?;
    if answer
        .functionality
        .contains(Functionality::RF_ADD_ALL_INTERFACES)
    {
        // The old configuration may be none at all.
        let mut rig = rig.another();
        rig.running_with(&InfoBlock::absent())?;
        fails(&mut rig, &failing)?;
    }
    Ok(())
}

fn fails(rig: &mut Rig<'_>, failing: &InfoBlock) -> Checked {
    drop(rig.drain()?);
    let before = rig.visible()?;
    refused(
        "set_interface_info that cannot be carried out",
        Status::ERROR_CAN_NOT_COMPLETE,
        rig.try_set(FIRST, failing),
    )?;
    let after = rig.visible()?;
    before.unchanged("a failed set_interface_info", &after)?;
    rig.quiet("a failed set_interface_info")
}

fn wrong_count(rig: &mut Rig<'_>) -> Checked {
    triples(rig, |bad, good| bad.structure_count != good.structure_count)
}

fn wrong_size(rig: &mut Rig<'_>) -> Checked {
    triples(rig, |bad, good| bad.structure_size != good.structure_size)
}

fn triples(rig: &mut Rig<'_>, chosen: impl Fn(&InfoBlock, &InfoBlock) -> bool) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    for (what, bad) in malformed(&other) {
        if chosen(&bad, &other) {
            no_effect(rig, what, &bad)?;
        }
    }
    Ok(())
}

fn longer(rig: &mut Rig<'_>) -> Checked {
    let Some(longer) = rig.subject.longer_interface.clone() else {
        return skipped("no block with a tail was given");
    };
    let block = rig.first_block();
    rig.running_with(&block)?;
    accepted("set_interface_info with a tail", rig.try_set(FIRST, &longer))?;
    let before = rig.visible()?;
    let read = rig.read(FIRST)?;
    accepted("setting what was read", rig.try_set(FIRST, &read))?;
    let after = rig.visible()?;
    before.unchanged("setting what was read of a block with a tail", &after)?;
    accepted("set_interface_info without the tail", rig.try_set(FIRST, &block))
}

fn versions(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    let expected = rig.read(FIRST)?.bytes;
    for version in [0, 1] {
        accepted("set_interface_info", rig.try_set(FIRST, &block))?;
        let numbered = InfoBlock {
            version,
            ..other.clone()
        };
        accepted(
            &format!("set_interface_info with StructureVersion {version}"),
            rig.try_set(FIRST, &numbered),
        )?;
        let seen = rig.read(FIRST)?.bytes;
        same(
            &format!("interface_info after StructureVersion {version}"),
            &expected,
            &seen,
        )?;
    }
    let strange = InfoBlock {
        version: 0x7fff_fffe,
        ..block
    };
    let before = rig.visible()?;
    match status_of(&rig.try_set(FIRST, &strange)) {
        Status::NO_ERROR => Ok(()),
        INVALID => {
            let after = rig.visible()?;
            before.unchanged("a block of unknown StructureVersion", &after)
        }
        status => failed(
            format!("an unknown StructureVersion: 0 or {INVALID}"),
            status.to_string(),
        ),
    }
}

fn read_back(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    for next in [None, Some(&other), Some(&block)] {
        if let Some(next) = next {
            accepted("set_interface_info", rig.try_set(FIRST, next))?;
        }
        let before = rig.visible()?;
        let read = rig.read(FIRST)?;
        accepted(
            "set_interface_info with what interface_info returned",
            rig.try_set(FIRST, &read),
        )?;
        let after = rig.visible()?;
        before.unchanged("setting what was read", &after)?;
    }
    // Two configurations that differ read back differently.
    let first = rig.read(FIRST)?;
    accepted("set_interface_info", rig.try_set(FIRST, &other))?;
    let second = rig.read(FIRST)?;
    if first.bytes == second.bytes {
        return failed(
            "two different blocks to be read back differently",
            format!("{:?} for both", bytes_of(first)),
        );
    }
    Ok(())
}

fn state_stays(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let states: [&[InterfaceStatus]; 4] = [
        &[],
        &[bound()],
        &[InterfaceStatus::Enabled],
        &[bound(), InterfaceStatus::Enabled, InterfaceStatus::MediaAbsent],
    ];
    for state in states {
        let mut added = rig.another();
        let mut changed = rig.another();
        for (rig, block) in [(&mut added, &other), (&mut changed, &block)] {
            rig.running()?;
            rig.add(FIRST, block)?;
            for status in state {
                rig.tell(FIRST, status)?;
            }
        }
        accepted("set_interface_info", changed.try_set(FIRST, &other))?;
        like_added(&mut changed, "in the state the interface was in", &mut added)?;
    }
    Ok(())
}

fn visible_at_once(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    rig.add_up(SECOND, &block)?;
    let before = rig.read(FIRST)?;
    let neighbour = rig.read(SECOND)?;
    // Not through `try_set`, which would wait for threads.
    let result = rig.protocol.set_interface_info(FIRST, &other);
    accepted("set_interface_info", result)?;
    let at_once = rig.read(FIRST)?;
    if at_once == before {
        return failed(
            "the new configuration right after set_interface_info",
            format!("{:?} as before", bytes_of(at_once)),
        );
    }
    rig.settle();
    let settled = rig.read(FIRST)?;
    same(
        "interface_info right after set_interface_info",
        &bytes_of(settled),
        &bytes_of(at_once),
    )?;
    let untouched = rig.read(SECOND)?;
    same(
        "interface_info of the other interface",
        &bytes_of(neighbour),
        &bytes_of(untouched),
    )
}
