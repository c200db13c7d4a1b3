//! GLOBAL_INFO, type 0xFFFF0003 and, for IPv6, 0xFFFF000F (rras-blocks 9.1).

use waypost_wire::{Reader, Writer};

use super::{Block, BlockType, boolean, dword};
use crate::Refusal;

/// How much the router manager logs; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum LoggingLevel {
    /// Nothing.
    None = 0,
    /// Errors.
    #[default]
    Errors = 1,
    /// Errors and warnings.
    Warnings = 2,
    /// Everything worth knowing.
    Information = 3,
}

impl LoggingLevel {
    fn from_number(number: u32) -> Option<Self> {
        [Self::None, Self::Errors, Self::Warnings, Self::Information]
            .into_iter()
            .find(|level| *level as u32 == number)
    }
}

/// The router manager as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalInfo {
    /// bFilteringOn. Documented as always true, printed as false: both are accepted, neither has an effect (P-123).
    pub filtering: bool,
    /// LoggingLevel.
    pub logging: LoggingLevel,
}

impl Default for GlobalInfo {
    fn default() -> Self {
        Self {
            filtering: true,
            logging: LoggingLevel::default(),
        }
    }
}

impl GlobalInfo {
    /// Octets of the block.
    pub const SIZE: usize = 8;

    /// Reads the octets of a block; 87 with the field's published name.
    pub fn decode(octets: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(octets);
        let filtering = boolean(&mut reader, "bFilteringOn")?;
        let logging = dword(&mut reader, "LoggingLevel")?;
        Ok(Self {
            filtering,
            logging: LoggingLevel::from_number(logging)
                .ok_or_else(|| Refusal::out_of_range("LoggingLevel", logging, "0..=3"))?,
        })
    }

    /// The block of `kind`: [`BlockType::IP_GLOBAL_INFO`] or [`BlockType::IPV6_GLOBAL_INFO`].
    #[must_use]
    pub fn encode(self, kind: BlockType) -> Block {
        let mut writer = Writer::with_capacity(Self::SIZE);
        writer
            .u32_le(u32::from(self.filtering))
            .u32_le(self.logging as u32);
        Block::single(kind, writer.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_nothing_else() {
        for filtering in 0..=2u32 {
            for level in 0..=4u32 {
                let octets = [filtering.to_le_bytes(), level.to_le_bytes()].concat();
                let read = GlobalInfo::decode(&octets);
                if filtering == 2 {
                    assert_eq!(read.unwrap_err().path, "bFilteringOn");
                } else if level == 4 {
                    assert_eq!(read.unwrap_err().path, "LoggingLevel");
                } else {
                    let block = read.unwrap().encode(BlockType::IP_GLOBAL_INFO);
                    assert_eq!(block.bytes(), octets);
                }
            }
        }
        assert_eq!(
            GlobalInfo::decode(&[1, 0, 0, 0, 1, 0, 0]).unwrap_err().path,
            "LoggingLevel"
        );
        let trailing = [1, 0, 0, 0, 3, 0, 0, 0, 9];
        assert_eq!(
            GlobalInfo::decode(&trailing).unwrap().logging,
            LoggingLevel::Information
        );
    }
}
