//! SetGlobalInfo and GetGlobalInfo (routing-protocol-interface 5.4 and 5.5), by the rules of 6.3 where they fit.

use super::case::{Case, Checked, accepted, failed, refused, same, skipped};
use super::lifecycle::malformed;
use super::rig::{Rig, bytes_of};
use crate::{InfoBlock, Status};

const INVALID: Status = Status::ERROR_INVALID_PARAMETER;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "5.5/absent",
        title: "no data: 87, nothing changed",
        run: absent,
    },
    Case {
        id: "5.5/malformed",
        title: "wrong size or count: 87, nothing changed",
        run: wrong_triple,
    },
    Case {
        id: "5.5/invalid",
        title: "invalid contents: 87, nothing changed",
        run: invalid,
    },
    Case {
        id: "5.5/failed",
        title: "valid, but cannot be carried out: 1003, nothing changed",
        run: failing,
    },
    Case {
        id: "5.5/same",
        title: "the same bytes: 0, nothing changed, no event",
        run: same_bytes,
    },
    Case {
        id: "5.5/replace",
        title: "full replacement, visible at once, no event; interfaces keep theirs",
        run: replace,
    },
    Case {
        id: "5.4/read-back",
        title: "what get returns can be set: 0, and changes nothing",
        run: read_back,
    },
];

fn no_effect(rig: &mut Rig<'_>, what: &str, status: Status, block: &InfoBlock) -> Checked {
    let before = rig.visible()?;
    refused(
        &format!("set_global_info with {what}"),
        status,
        rig.protocol.set_global_info(block),
    )?;
    rig.settle();
    let after = rig.visible()?;
    before.unchanged(&format!("set_global_info with {what}"), &after)?;
    rig.quiet(&format!("set_global_info with {what}"))
}

fn set(rig: &mut Rig<'_>, block: &InfoBlock) -> Checked {
    accepted("set_global_info", rig.protocol.set_global_info(block))
}

fn absent(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    no_effect(rig, "no data", INVALID, &InfoBlock::absent())
}

fn wrong_triple(rig: &mut Rig<'_>) -> Checked {
    let (block, global) = (rig.first_block(), rig.subject.global.clone());
    rig.running_with(&block)?;
    for (what, bad) in malformed(&global) {
        no_effect(rig, what, INVALID, &bad)?;
    }
    Ok(())
}

fn invalid(rig: &mut Rig<'_>) -> Checked {
    let Some(invalid) = rig.subject.invalid_global.clone() else {
        return skipped("no invalid global block was given");
    };
    let block = rig.first_block();
    rig.running_with(&block)?;
    no_effect(rig, "invalid contents", INVALID, &invalid)
}

fn failing(rig: &mut Rig<'_>) -> Checked {
    let Some(failing) = rig.subject.failing_global.clone() else {
        return skipped("no global block that cannot be carried out was given");
    };
    let block = rig.first_block();
    rig.running_with(&block)?;
    no_effect(
        rig,
        "what cannot be carried out",
        Status::ERROR_CAN_NOT_COMPLETE,
        &failing,
    )
}

fn same_bytes(rig: &mut Rig<'_>) -> Checked {
    let (block, global) = (rig.first_block(), rig.subject.global.clone());
    rig.running_with(&block)?;
    let before = rig.visible()?;
    set(rig, &global)?;
    rig.settle();
    let after = rig.visible()?;
    before.unchanged("setting the same global bytes", &after)?;
    rig.quiet("setting the same global bytes")
}

fn replace(rig: &mut Rig<'_>) -> Checked {
    let Some(other) = rig.subject.other_global.clone() else {
        return skipped("no second global block was given");
    };
    let (block, global) = (rig.first_block(), rig.subject.global.clone());
    rig.running_with(&block)?;
    let (first, interface) = (rig.read_global()?, rig.read(super::rig::FIRST)?);
    set(rig, &other)?;
    let second = rig.read_global()?;
    if second.bytes == first.bytes {
        return failed(
            "two different blocks to be read back differently",
            format!("{:?} for both", bytes_of(second)),
        );
    }
    let mut reference = rig.another();
    reference.register()?;
    accepted("start", reference.try_start(&other))?;
    let expected = reference.read_global()?;
    same(
        "global_info as if started with the new block",
        &bytes_of(expected),
        &bytes_of(second),
    )?;
    rig.quiet("set_global_info")?;
    set(rig, &global)?;
    let seen = rig.read_global()?;
    same(
        "global_info after setting the first block again",
        &bytes_of(first),
        &bytes_of(seen),
    )?;
    let seen = rig.read(super::rig::FIRST)?;
    same(
        "interface_info after set_global_info",
        &bytes_of(interface),
        &bytes_of(seen),
    )?;
    rig.quiet("set_global_info")
}

fn read_back(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let blocks = [Some(rig.subject.global.clone()), rig.subject.other_global.clone()];
    for block in blocks.into_iter().flatten() {
        set(rig, &block)?;
        rig.settle();
        let before = rig.visible()?;
        let read = rig.read_global()?;
        set(rig, &read)?;
        rig.settle();
        let after = rig.visible()?;
        before.unchanged("setting the global bytes that were read", &after)?;
    }
    Ok(())
}
