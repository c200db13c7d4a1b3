//! Telling RRAS's own blocks from Waypost's (rule V of rras-blocks 1.4).

use waypost_wire::{Reader, Writer};

use crate::{InfoBlock, Refusal};

/// The first DWORD of every Waypost block, the octets `W P B 1`. No RRAS block can start with it.
pub const WAYPOST_MAGIC: u32 = 0x3142_5057;

/// Which layout the bytes of a block follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// The protocol's block as published for RRAS.
    Rras,
    /// A Waypost layout, by its number (2 or more).
    Waypost(u32),
}

impl Layout {
    /// Which layout `block` follows; 87 when version and magic contradict each other.
    pub fn of(block: &InfoBlock) -> Result<Self, Refusal> {
        let mut reader = Reader::new(block.payload()?);
        let magic = reader.u32_le().ok();
        let number = reader.u32_le().ok();
        match (block.version, magic, number) {
            (0 | 1, Some(WAYPOST_MAGIC), Some(number)) if number >= 2 => Ok(Self::Waypost(number)),
            (version, Some(WAYPOST_MAGIC), Some(number)) if version >= 2 && number == version => {
                Ok(Self::Waypost(number))
            }
            (_, Some(WAYPOST_MAGIC), number) => {
                Err(Refusal::invalid("the layout number contradicts StructureVersion")
                    .at("StructureVersion")
                    .with_value(block.version)
                    .with_allowed(
                        number
                            .map_or_else(|| "a layout number after the magic".to_owned(), |n| n.to_string()),
                    ))
            }
            (0 | 1, ..) => Ok(Self::Rras),
            (version, ..) => Err(Refusal::invalid(
                "StructureVersion names a Waypost layout but the magic is missing",
            )
            .at("StructureVersion")
            .with_value(version)
            .with_allowed("0 or 1 for RRAS's own layout")),
        }
    }
}

/// The three DWORDs every Waypost block starts with: magic, layout number, total length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaypostHeader {
    /// The layout number.
    pub layout: u32,
    /// The length of the whole block in octets.
    pub length: u32,
}

impl WaypostHeader {
    /// Octets of the header.
    pub const SIZE: usize = 12;

    /// Reads the header of `octets` and checks that its length is theirs. Returns a reader over what follows.
    pub fn read(octets: &[u8]) -> Result<(Self, Reader<'_>), Refusal> {
        let mut reader = Reader::new(octets);
        let mut word = |name: &str| {
            reader
                .u32_le()
                .map_err(|error| Refusal::invalid(format!("the block is cut short: {error}")).at(name))
        };
        let magic = word("magic")?;
        let header = Self {
            layout: word("layout")?,
            length: word("length")?,
        };
        if magic != WAYPOST_MAGIC {
            return Err(Refusal::out_of_range(
                "magic",
                format!("{magic:#010x}"),
                format!("{WAYPOST_MAGIC:#010x}"),
            ));
        }
        if header.length as usize != octets.len() {
            return Err(Refusal::out_of_range(
                "length",
                header.length,
                format!("{} (StructureSize)", octets.len()),
            ));
        }
        Ok((header, reader))
    }

    /// Writes a header for `layout` with a length to be filled in by [`Self::finish`].
    #[must_use]
    pub fn start(layout: u32) -> Writer {
        let mut writer = Writer::with_capacity(128);
        writer.u32_le(WAYPOST_MAGIC).u32_le(layout).u32_le(0);
        writer
    }

    /// Fills in the length and makes a block of it.
    #[must_use]
    pub fn finish(layout: u32, mut writer: Writer) -> InfoBlock {
        let length = u32::try_from(writer.len()).unwrap_or(u32::MAX);
        writer.patch(8, &length.to_le_bytes());
        InfoBlock::new(layout, writer.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(version: u32, words: &[u32]) -> InfoBlock {
        InfoBlock::new(
            version,
            words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        )
    }

    #[test]
    fn rule_v() {
        let of = |version, words: &[u32]| Layout::of(&block(version, words)).ok();
        assert_eq!(of(1, &[0, 1]), Some(Layout::Rras));
        assert_eq!(of(0, &[1]), Some(Layout::Rras));
        assert_eq!(of(1, &[WAYPOST_MAGIC, 2, 12]), Some(Layout::Waypost(2)));
        assert_eq!(of(2, &[WAYPOST_MAGIC, 2, 12]), Some(Layout::Waypost(2)));
        assert_eq!(of(3, &[WAYPOST_MAGIC, 2, 12]), None);
        assert_eq!(of(2, &[0, 2, 12]), None);
        assert_eq!(of(1, &[WAYPOST_MAGIC, 1, 12]), None);
        assert_eq!(of(1, &[WAYPOST_MAGIC]), None);
    }

    #[test]
    fn header_length_is_checked() {
        let block = WaypostHeader::finish(2, WaypostHeader::start(2));
        assert!(WaypostHeader::read(&block.bytes).is_ok());
        let mut longer = block.bytes.clone();
        longer.push(0);
        assert_eq!(WaypostHeader::read(&longer).unwrap_err().path, "length");
        assert_eq!(
            WaypostHeader::read(&block.bytes[..11]).unwrap_err().path,
            "length"
        );
    }
}
