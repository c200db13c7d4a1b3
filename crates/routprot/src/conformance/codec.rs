//! `describe`: the same configuration as text.

use std::sync::Arc;

use super::case::{Case, Checked, accepted, failed, refused, same, skipped};
use super::rig::{FIRST, Rig, bytes_of, same_show};
use crate::{ConfigurationCodec, InfoBlock, Scope, Status};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "describe/identity",
        title: "the codec names its protocol, a name and a schema, before the start too",
        run: identity,
    },
    Case {
        id: "describe/round-trip",
        title: "block to text to block to text is the identity, and the protocol takes the block",
        run: round_trip,
    },
    Case {
        id: "describe/invalid",
        title: "block to text refuses with 87 what the protocol refuses",
        run: invalid,
    },
];

fn codec(rig: &Rig<'_>) -> Checked<Arc<dyn ConfigurationCodec>> {
    match rig.protocol.describe() {
        Some(codec) => Ok(codec),
        None => skipped("the protocol describes no text form"),
    }
}

fn identity(rig: &mut Rig<'_>) -> Checked {
    let codec = codec(rig)?;
    same("the codec's protocol", &rig.subject.protocol, &codec.protocol())?;
    if codec.name().is_empty() || codec.title().is_empty() {
        return failed("a name and a title", "an empty one");
    }
    for scope in [Scope::Global, Scope::Interface] {
        let schema = codec.schema(scope);
        if !schema.is_object() {
            return failed("a schema that is an object", schema.to_string());
        }
    }
    Ok(())
}

fn there_and_back(codec: &dyn ConfigurationCodec, scope: Scope, block: &InfoBlock) -> Checked<InfoBlock> {
    let text = accepted("to_text of a valid block", codec.to_text(scope, block))?;
    let back = accepted("to_block of that text", codec.to_block(scope, &text))?;
    let again = accepted("to_text of that block", codec.to_text(scope, &back))?;
    same("the text of the block made of a text", &text, &again)?;
    let stable = accepted("to_block again", codec.to_block(scope, &again))?;
    same(
        "the block made of the same text",
        &bytes_of(back.clone()),
        &bytes_of(stable),
    )?;
    Ok(back)
}

fn round_trip(rig: &mut Rig<'_>) -> Checked {
    let codec = codec(rig)?;
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    let longer = rig.subject.longer_interface.clone();
    for block in [block, other].into_iter().chain(longer) {
        accepted("set_interface_info", rig.try_set(FIRST, &block))?;
        let before = rig.show();
        let back = there_and_back(codec.as_ref(), Scope::Interface, &block)?;
        accepted(
            "set_interface_info with a block made of text",
            rig.try_set(FIRST, &back),
        )?;
        // The layouts may differ, what they say must not.
        let after = rig.show();
        same_show("as before setting the block made of its text", &before, &after)?;
    }
    let globals = [Some(rig.subject.global.clone()), rig.subject.other_global.clone()];
    for block in globals.into_iter().flatten() {
        let back = there_and_back(codec.as_ref(), Scope::Global, &block)?;
        accepted(
            "set_global_info with a block made of text",
            rig.protocol.set_global_info(&back),
        )?;
    }
    Ok(())
}

fn invalid(rig: &mut Rig<'_>) -> Checked {
    let codec = codec(rig)?;
    let mut blocks = vec![
        (Scope::Interface, rig.subject.invalid_interface.clone()),
        (Scope::Interface, InfoBlock::absent()),
        (Scope::Global, InfoBlock::absent()),
    ];
    blocks.extend(
        rig.subject
            .invalid_global
            .clone()
            .map(|block| (Scope::Global, block)),
    );
    for (scope, block) in blocks {
        refused(
            &format!("to_text of an invalid block ({scope:?})"),
            Status::ERROR_INVALID_PARAMETER,
            codec.to_text(scope, &block),
        )?;
    }
    Ok(())
}
