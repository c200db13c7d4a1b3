//! Building messages and blocks.

use std::net::Ipv4Addr;

/// Appends integers and slices to a growing buffer; lengths and digests are patched in afterwards.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    /// An empty message.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: Vec::new() }
    }

    /// An empty message that will not grow before `capacity` octets.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            octets: Vec::with_capacity(capacity),
        }
    }

    /// Appends one octet.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.slice(&[value])
    }

    /// Appends two octets in network order.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.slice(&value.to_be_bytes())
    }

    /// Appends four octets in network order.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.slice(&value.to_be_bytes())
    }

    /// Appends eight octets in network order.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.slice(&value.to_be_bytes())
    }

    /// Appends two octets, little-endian.
    pub fn u16_le(&mut self, value: u16) -> &mut Self {
        self.slice(&value.to_le_bytes())
    }

    /// Appends four octets, little-endian.
    pub fn u32_le(&mut self, value: u32) -> &mut Self {
        self.slice(&value.to_le_bytes())
    }

    /// Appends eight octets, little-endian.
    pub fn u64_le(&mut self, value: u64) -> &mut Self {
        self.slice(&value.to_le_bytes())
    }

    /// Appends an IPv4 address in network order.
    pub fn ipv4(&mut self, address: Ipv4Addr) -> &mut Self {
        self.slice(&address.octets())
    }

    /// Appends octets as they are.
    pub fn slice(&mut self, octets: &[u8]) -> &mut Self {
        self.octets.extend_from_slice(octets);
        self
    }

    /// Appends `count` zero octets.
    pub fn zeros(&mut self, count: usize) -> &mut Self {
        self.octets.resize(self.octets.len().saturating_add(count), 0);
        self
    }

    /// Overwrites octets written earlier; does nothing when they are not there.
    pub fn patch(&mut self, offset: usize, octets: &[u8]) -> &mut Self {
        let end = offset.saturating_add(octets.len());
        if let Some(target) = self.octets.get_mut(offset..end) {
            target.copy_from_slice(octets);
        }
        self
    }

    /// Forgets what is written after the first `length` octets, and keeps the room.
    pub fn truncate(&mut self, length: usize) {
        self.octets.truncate(length);
    }

    /// How much is written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// What is written so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.octets
    }

    /// The finished message.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_patches() {
        let mut writer = Writer::new();
        writer.u8(1).u16(0).u32_le(0x0403_0201).zeros(1);
        writer.patch(1, &7_u16.to_be_bytes());
        writer.patch(7, &[9, 9]);
        assert_eq!(writer.finish(), [1, 0, 7, 1, 2, 3, 4, 0]);
    }
}
