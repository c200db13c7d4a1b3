//! Names of policies, from layout 4 on: how many octets, and the text.

use waypost_routprot::Refusal;
use waypost_wire::{Reader, Writer};

use super::given::{Bit, GivenReader};
use super::{cut, utf8};

/// Reads the name of a policy, if one is given.
pub(super) fn policy(
    tail: &mut Reader<'_>,
    given: &GivenReader,
    bit: Bit,
) -> Result<Option<String>, Refusal> {
    if !given.has(bit) {
        return Ok(None);
    }
    let octets = tail.u8().and_then(|length| tail.take(length.into()));
    utf8(octets.map_err(|error| cut(bit.option, error))?, bit.option).map(Some)
}

/// Writes the name of a policy.
pub(super) fn write_policy(writer: &mut Writer, name: Option<&str>) {
    if let Some(name) = name {
        // INVARIANT: validation lets no name pass that is longer than an octet can say.
        writer.u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        writer.slice(name.as_bytes());
    }
}
