//! INTERFACE_STATUS_INFO, type 0xFFFF0004 (rras-blocks 9.1).

use waypost_wire::Reader;

use super::{Block, BlockType, dword};
use crate::Refusal;

/// What the operator wants an interface to be (IF_ADMIN_STATUS_UP, IF_ADMIN_STATUS_DOWN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum AdminStatus {
    /// It routes.
    Up = 1,
    /// It does not.
    Down = 2,
}

/// Whether an interface is administratively up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceStatusInfo {
    /// adminStatus.
    pub admin: AdminStatus,
}

impl InterfaceStatusInfo {
    /// Octets of the block.
    pub const SIZE: usize = 4;

    /// Reads the octets of a block; 87 with the field's published name.
    pub fn decode(octets: &[u8]) -> Result<Self, Refusal> {
        let admin = match dword(&mut Reader::new(octets), "adminStatus")? {
            1 => AdminStatus::Up,
            2 => AdminStatus::Down,
            other => {
                return Err(Refusal::out_of_range("adminStatus", other, "1 (up) or 2 (down)"));
            }
        };
        Ok(Self { admin })
    }

    /// The block of type [`BlockType::IP_INTERFACE_STATUS_INFO`].
    #[must_use]
    pub fn encode(self) -> Block {
        Block::single(
            BlockType::IP_INTERFACE_STATUS_INFO,
            (self.admin as u32).to_le_bytes().to_vec(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_down_and_nothing_else() {
        for number in [1u32, 2] {
            let octets = number.to_le_bytes();
            let block = InterfaceStatusInfo::decode(&octets).unwrap().encode();
            assert_eq!((block.bytes(), block.item_count()), (&octets[..], 1));
        }
        for octets in [&[0, 0, 0, 0][..], &[3, 0, 0, 0], &[1, 0, 0]] {
            assert_eq!(
                InterfaceStatusInfo::decode(octets).unwrap_err().path,
                "adminStatus"
            );
        }
    }
}
