//! Information blocks: configuration whose bytes belong to the protocol.

use std::fmt;

use crate::Refusal;

/// The configuration triple of the interface and the bytes it describes (routing-protocol-interface 5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InfoBlock {
    /// StructureVersion: 1 for blocks in RRAS's own layout, the layout number for Waypost's.
    pub version: u32,
    /// StructureSize: octets of one structure.
    pub structure_size: u32,
    /// StructureCount: always one, except in the absent form.
    pub structure_count: u32,
    /// The bytes, `structure_size * structure_count` of them.
    pub bytes: Vec<u8>,
}

impl InfoBlock {
    /// One structure made of `bytes`.
    #[must_use]
    pub fn new(version: u32, bytes: Vec<u8>) -> Self {
        // INVARIANT: blocks are bounded far below 4 GiB by every decoder; saturating keeps a monster invalid.
        let structure_size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self {
            version,
            structure_size,
            structure_count: 1,
            bytes,
        }
    }

    /// No configuration at all: a NULL pointer with version, size and count 0.
    ///
    /// An interface added for a client that wants every interface carries it; set on an interface, it is invalid.
    #[must_use]
    pub const fn absent() -> Self {
        Self {
            version: 0,
            structure_size: 0,
            structure_count: 0,
            bytes: Vec::new(),
        }
    }

    /// Whether this is the form of [`Self::absent`].
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.structure_size == 0 || self.structure_count == 0
    }

    /// The bytes, once pointer, size and count are acceptable (rule 3 of routing-protocol-interface 6.3).
    pub fn payload(&self) -> Result<&[u8], Refusal> {
        if self.is_absent() {
            return Err(Refusal::invalid("the block carries no data"));
        }
        if self.structure_count != 1 {
            return Err(Refusal::out_of_range("StructureCount", self.structure_count, "1"));
        }
        if self.structure_size as usize != self.bytes.len() {
            return Err(Refusal::invalid("StructureSize is not the size of the data")
                .at("StructureSize")
                .with_value(self.structure_size)
                .with_allowed(self.bytes.len().to_string()));
        }
        Ok(&self.bytes)
    }
}

impl fmt::Debug for InfoBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The bytes may hold keys.
        write!(
            f,
            "InfoBlock(version {}, size {}, count {})",
            self.version, self.structure_size, self.structure_count
        )
    }
}
