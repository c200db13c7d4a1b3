//! Link-local signalling: the block after a Hello or Database Description whose L bit is set (RFC 5613).
//!
//! ```text
//! checksum(2) length(2, in words of 4 octets), then TLVs of type(2) length(2) value, padded to words
//! ```
//! The block stands behind a message digest. Its own digest, the CA-TLV, is not checked: nothing that we do depends on what a
//! block says, and a block nobody understands must not cost an adjacency (§2.5).

use waypost_wire::{Reader, Writer};

use crate::checksum::internet_sum;

/// Octets of a block's header.
const HEADER: usize = 4;
/// The TLV of extended options (§2.4.1).
const EXTENDED_OPTIONS: u16 = 1;

bitflags::bitflags! {
    /// What a router can do beyond [`crate::options::Options`] (RFC 5613 §2.4.1).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ExtendedOptions: u32 {
        /// Out-of-band resynchronisation (LR, RFC 4811).
        const LSDB_RESYNC = 0x01;
        /// A restart is going on (RS, RFC 4812).
        const RESTART = 0x02;
    }
}

/// A block whose frame and checksum are sound.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    tlvs: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads the block that `octets`, what follows packet and digest, begin with. `authenticated`: the packet has a digest,
    /// and so the block no checksum (§2.2).
    #[must_use]
    pub fn decode(octets: &'a [u8], authenticated: bool) -> Option<Self> {
        let mut reader = Reader::new(octets);
        reader.skip(2).ok()?;
        let length = usize::from(reader.u16().ok()?) * 4;
        let block = octets.get(..length)?;
        let tlvs = block.get(HEADER..)?;
        (authenticated || internet_sum(&[block]) == 0xFFFF).then_some(Self { tlvs })
    }

    /// The TLVs: type and value. Ends at the first one that leaves the block.
    pub fn tlvs(&self) -> impl Iterator<Item = (u16, &'a [u8])> + Clone + use<'a> {
        let mut reader = Reader::new(self.tlvs);
        std::iter::from_fn(move || {
            let kind = reader.u16().ok()?;
            let length = usize::from(reader.u16().ok()?);
            let value = reader.take(length).ok()?;
            // The last one's padding may be missing.
            let padding = (length.next_multiple_of(4) - length).min(reader.left());
            reader.skip(padding).ok()?;
            Some((kind, value))
        })
    }

    /// The extended options, if it has any.
    #[must_use]
    pub fn extended_options(&self) -> Option<ExtendedOptions> {
        let value = self.tlvs().find(|(kind, _)| *kind == EXTENDED_OPTIONS)?.1;
        let bits = u32::from_be_bytes(value.try_into().ok()?);
        Some(ExtendedOptions::from_bits_retain(bits))
    }
}

/// Appends a block with extended options.
pub fn encode(writer: &mut Writer, options: ExtendedOptions, authenticated: bool) {
    let start = writer.len();
    writer
        .u16(0)
        .u16(3)
        .u16(EXTENDED_OPTIONS)
        .u16(4)
        .u32(options.bits());
    if !authenticated {
        let sum = !internet_sum(&[writer.as_slice().get(start..).unwrap_or_default()]);
        writer.patch(start, &sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn written_blocks_are_read() {
        let options = ExtendedOptions::LSDB_RESYNC | ExtendedOptions::from_bits_retain(0x8000_0000);
        for authenticated in [false, true] {
            let mut writer = Writer::new();
            encode(&mut writer, options, authenticated);
            let mut octets = writer.finish();
            let block = Block::decode(&octets, authenticated).unwrap();
            assert_eq!(block.extended_options(), Some(options));
            octets.push(7);
            assert!(
                Block::decode(&octets, authenticated).is_some(),
                "what follows is not the block's"
            );
            octets[9] ^= 1;
            assert_eq!(Block::decode(&octets, authenticated).is_some(), authenticated);
            assert!(Block::decode(&octets[..11], true).is_none());
        }
        // Shorter than its own header.
        assert!(Block::decode(&[0xFF, 0xFF, 0, 0], true).is_none());
    }

    proptest! {
        #[test]
        fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..200), words in 0_u8..50) {
            let mut octets = octets;
            if octets.len() > 3 {
                octets[2..4].copy_from_slice(&[0, words]);
            }
            if let Some(block) = Block::decode(&octets, true) {
                let inside: usize = block.tlvs().map(|(_, value)| 4 + value.len()).sum();
                prop_assert!(inside <= octets.len());
            }
        }
    }
}
