//! A cursor over received octets.

use std::net::Ipv4Addr;

/// The octets ended too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("needs {needed} octets at offset {offset}, {left} are left")]
pub struct ReadError {
    /// Where reading stopped, counted from the start of the whole message.
    pub offset: usize,
    /// How many octets were wanted.
    pub needed: usize,
    /// How many there were.
    pub left: usize,
}

/// Reads integers and slices one after the other. Every read is checked; nothing in here panics or allocates.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

macro_rules! integer {
    ($($(#[$doc:meta])* $name:ident -> $int:ty, $from:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&mut self) -> Result<$int, ReadError> {
                self.array().map(<$int>::$from)
            }
        )*
    };
}

impl<'a> Reader<'a> {
    /// Starts at the first octet.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            offset: 0,
        }
    }

    /// The next `count` octets.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], ReadError> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return Err(ReadError {
                offset: self.offset,
                needed: count,
                left: self.rest.len(),
            });
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(count);
        Ok(head)
    }

    /// The next `N` octets as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let head = self.take(N)?;
        let mut array = [0; N];
        array.copy_from_slice(head);
        Ok(array)
    }

    /// A reader over the next `count` octets, whose errors count offsets from the same start.
    pub fn sub(&mut self, count: usize) -> Result<Self, ReadError> {
        let offset = self.offset;
        Ok(Self {
            rest: self.take(count)?,
            offset,
        })
    }

    /// Passes over `count` octets.
    pub fn skip(&mut self, count: usize) -> Result<(), ReadError> {
        self.take(count).map(drop)
    }

    integer! {
        /// One octet.
        u8 -> u8, from_be_bytes;
        /// Two octets in network order.
        u16 -> u16, from_be_bytes;
        /// Four octets in network order.
        u32 -> u32, from_be_bytes;
        /// Eight octets in network order.
        u64 -> u64, from_be_bytes;
        /// Two octets, little-endian.
        u16_le -> u16, from_le_bytes;
        /// Four octets, little-endian.
        u32_le -> u32, from_le_bytes;
        /// Eight octets, little-endian.
        u64_le -> u64, from_le_bytes;
    }

    /// An IPv4 address in network order.
    pub fn ipv4(&mut self) -> Result<Ipv4Addr, ReadError> {
        self.array::<4>().map(Ipv4Addr::from)
    }

    /// Everything that is left; the reader is empty afterwards.
    pub fn take_rest(&mut self) -> &'a [u8] {
        let rest = std::mem::take(&mut self.rest);
        self.offset = self.offset.saturating_add(rest.len());
        rest
    }

    /// How many octets are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The offset of the next octet from the start of the whole message.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_order_and_stops_at_the_end() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u16_le(), Ok(0x0504));
        assert_eq!(
            reader.u32(),
            Err(ReadError {
                offset: 5,
                needed: 4,
                left: 2
            })
        );
        // A failed read takes nothing.
        assert_eq!(reader.take_rest(), &[6, 7]);
        assert!(reader.is_empty());
        assert_eq!(reader.offset(), 7);
    }

    #[test]
    fn sub_reader_cannot_leave_its_part() {
        let mut reader = Reader::new(&[0, 0, 1, 2, 3]);
        reader.skip(2).unwrap();
        let mut sub = reader.sub(2).unwrap();
        assert_eq!(sub.u16(), Ok(0x0102));
        assert_eq!(
            sub.u8(),
            Err(ReadError {
                offset: 4,
                needed: 1,
                left: 0
            })
        );
        assert_eq!(reader.u8(), Ok(3));
    }
}
