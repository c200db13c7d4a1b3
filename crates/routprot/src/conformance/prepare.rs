//! `prepare_interface_info` and `prepare_global_info`: what they say is what a set then does.

use super::case::{Case, Checked, Verdict, accepted, failed, refused, same, skipped, status_of};
use super::lifecycle::malformed;
use super::rig::{FIRST, Rig, UNKNOWN};
use super::set_interface::{cut, shortest};
use crate::{InfoBlock, Prepared, Refusal, Status};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "prepare/truth",
        title: "prepare and set give the same status for the same block",
        run: truth,
    },
    Case {
        id: "prepare/pure",
        title: "prepare changes nothing",
        run: pure,
    },
    Case {
        id: "prepare/in-force",
        title: "no changes for the block in force",
        run: in_force,
    },
    Case {
        id: "prepare/changes",
        title: "at least one change, old and new value different, for another block",
        run: changes,
    },
    Case {
        id: "prepare/new",
        title: "for an interface that is not there: contents are validated as by AddInterface",
        run: new_interface,
    },
    Case {
        id: "prepare/unknown",
        title: "unknown index: 87",
        run: unknown,
    },
    Case {
        id: "prepare/global-truth",
        title: "prepare and set give the same status for the same global block",
        run: global_truth,
    },
    Case {
        id: "prepare/global-pure",
        title: "prepare of global configuration changes nothing, and none for the block in force",
        run: global_pure,
    },
];

/// Skips protocols that cannot tell what a change would do.
fn able<T>(result: &Result<T, Refusal>) -> Checked {
    match result {
        Err(refusal) if refusal.status == Status::ERROR_NOT_SUPPORTED => {
            skipped("the protocol cannot state what a change would do")
        }
        _ => Ok(()),
    }
}

/// Valid and invalid blocks, with what is special about each.
fn trials(rig: &Rig<'_>) -> Vec<(&'static str, InfoBlock)> {
    let other = rig.other_block();
    let mut trials = vec![
        ("the block in force", rig.first_block()),
        ("the other block", other.clone()),
        ("the other block again", other.clone()),
        ("no data", InfoBlock::absent()),
        ("invalid contents", rig.subject.invalid_interface.clone()),
        ("the first block", rig.first_block()),
    ];
    trials.extend(malformed(&other));
    trials.extend(shortest(rig).map(|(block, octets)| ("one octet too few", cut(&block, octets))));
    trials.extend(
        rig.subject
            .longer_interface
            .clone()
            .map(|block| ("a block with a tail", block)),
    );
    trials
}

fn agree(what: &str, prepared: &Result<Prepared, Refusal>, done: &Result<(), Refusal>) -> Checked {
    let (said, did) = (status_of(prepared), status_of(done));
    if said == did {
        return Ok(());
    }
    failed(
        format!("the same status from prepare and set for {what}"),
        format!("{said} from prepare, {did} from set"),
    )
}

fn truth(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for (what, block) in trials(rig) {
        let prepared = rig.protocol.prepare_interface_info(Some(FIRST), &block);
        able(&prepared)?;
        let done = rig.try_set(FIRST, &block);
        agree(what, &prepared, &done)?;
    }
    Ok(())
}

fn pure(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    for (what, block) in trials(rig) {
        for index in [Some(FIRST), Some(UNKNOWN), None] {
            able(&rig.protocol.prepare_interface_info(index, &block))?;
        }
        rig.settle();
        let after = rig.visible()?;
        before.unchanged(&format!("preparing {what}"), &after)?;
    }
    rig.quiet("prepare_interface_info")?;
    refused(
        "interface_info of an interface that was only prepared",
        Status::ERROR_INVALID_PARAMETER,
        rig.try_read(UNKNOWN),
    )
}

fn no_changes(what: &str, result: Result<Prepared, Refusal>) -> Checked {
    able(&result)?;
    let prepared = accepted(what, result)?;
    same(what, &Vec::new(), &prepared.changes)
}

fn in_force(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    for block in [block, other] {
        accepted("set_interface_info", rig.try_set(FIRST, &block))?;
        let read = rig.read(FIRST)?;
        for block in [block, read] {
            no_changes(
                "the changes of the block in force",
                rig.protocol.prepare_interface_info(Some(FIRST), &block),
            )?;
        }
    }
    Ok(())
}

fn changes(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    let result = rig.protocol.prepare_interface_info(Some(FIRST), &other);
    able(&result)?;
    let prepared = accepted("prepare_interface_info", result)?;
    if prepared.changes.is_empty() {
        return failed("at least one change for another block", "none");
    }
    match prepared.changes.iter().find(|change| change.old == change.new) {
        None => Ok(()),
        Some(change) => failed("changes between different values", format!("{change:?}")),
    }
}

fn new_interface(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    for (what, block) in trials(rig) {
        let prepared = rig.protocol.prepare_interface_info(None, &block);
        able(&prepared)?;
        // A block without data adds an interface without configuration, where the protocol wants every interface.
        if block.is_absent() {
            continue;
        }
        let mut fresh = rig.another();
        fresh.running()?;
        let added = fresh.try_add(FIRST, &block);
        agree(&format!("{what}, on a new interface"), &prepared, &added).map_err(
            |verdict| match verdict {
                Verdict::Failed { expected, seen } => Verdict::Failed {
                    expected: expected.replace("and set", "and add_interface"),
                    seen: seen.replace("from set", "from add_interface"),
                },
                skipped @ Verdict::Skipped(_) => skipped,
            },
        )?;
    }
    Ok(())
}

fn unknown(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    let block = rig.first_block();
    let prepared = rig.protocol.prepare_interface_info(Some(UNKNOWN), &block);
    able(&prepared)?;
    refused(
        "prepare_interface_info of an unknown index",
        Status::ERROR_INVALID_PARAMETER,
        prepared,
    )
}

fn global_trials(rig: &Rig<'_>) -> Vec<(&'static str, InfoBlock)> {
    let global = rig.subject.global.clone();
    let mut trials = vec![
        ("the global block in force", global.clone()),
        ("no global data", InfoBlock::absent()),
    ];
    trials.extend(malformed(&global));
    trials.extend(
        rig.subject
            .other_global
            .clone()
            .map(|block| ("the other global block", block)),
    );
    trials.extend(
        rig.subject
            .invalid_global
            .clone()
            .map(|block| ("invalid global contents", block)),
    );
    trials
}

fn global_truth(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    for (what, block) in global_trials(rig) {
        let prepared = rig.protocol.prepare_global_info(&block);
        able(&prepared)?;
        let done = rig.protocol.set_global_info(&block);
        rig.settle();
        agree(what, &prepared, &done)?;
    }
    Ok(())
}

fn global_pure(rig: &mut Rig<'_>) -> Checked {
    let (block, global) = (rig.first_block(), rig.subject.global.clone());
    rig.running_with(&block)?;
    no_changes(
        "the changes of the global block in force",
        rig.protocol.prepare_global_info(&global),
    )?;
    let before = rig.visible()?;
    for (what, block) in global_trials(rig) {
        able(&rig.protocol.prepare_global_info(&block))?;
        rig.settle();
        let after = rig.visible()?;
        before.unchanged(&format!("preparing {what}"), &after)?;
    }
    rig.quiet("prepare_global_info")
}
