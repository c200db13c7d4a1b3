//! Attributes, the type-length-value fields all netlink messages are made of, and the frame around them.
//!
//! Numbers are in the machine's byte order, addresses in network order (`man 7 netlink`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::constants::{AF_INET, AF_INET6, NLA_F_NESTED, NLA_TYPE_MASK};
use crate::{EncodeError, Family, Reason};

/// Messages and attributes start at multiples of this many bytes.
const ALIGN: usize = 4;
/// Length and type in front of a value.
const ATTRIBUTE_HEADER: usize = 4;
/// `struct nlmsghdr`.
pub(crate) const MESSAGE_HEADER: usize = 16;

/// `length` rounded up to the next start.
pub(crate) const fn aligned(length: usize) -> usize {
    length.saturating_add(ALIGN.saturating_sub(1)) & !(ALIGN.saturating_sub(1))
}

/// One attribute: its type without the flag bits, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The type, such as `RTA_DST`; its meaning depends on the message and the nesting.
    pub kind: u16,
    /// The value, without padding.
    pub value: &'a [u8],
}

/// Walks attributes that follow one another. After the first error there is nothing more.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The attributes in `bytes`. Up to three bytes left over at the end are padding.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Reason>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&[l0, l1, k0, k1], _) = self.rest.split_first_chunk::<ATTRIBUTE_HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(value) = self.rest.get(ATTRIBUTE_HEADER..length) else {
            let left = self.rest.len();
            self.rest = &[];
            return Some(Err(Reason::AttributeLength { length, left }));
        };
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Some(Ok(Attribute {
            kind: u16::from_ne_bytes([k0, k1]) & NLA_TYPE_MASK,
            value,
        }))
    }
}

impl<'a> Attribute<'a> {
    fn array<const N: usize>(&self) -> Result<[u8; N], Reason> {
        self.value.try_into().map_err(|_| Reason::AttributeSize {
            attribute: self.kind,
            expected: N,
            found: self.value.len(),
        })
    }

    /// The value as an 8-bit number.
    pub fn u8(&self) -> Result<u8, Reason> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The value as a 16-bit number.
    pub fn u16(&self) -> Result<u16, Reason> {
        self.array().map(u16::from_ne_bytes)
    }

    /// The value as a 32-bit number.
    pub fn u32(&self) -> Result<u32, Reason> {
        self.array().map(u32::from_ne_bytes)
    }

    /// The value as an IPv4 address.
    pub fn ipv4(&self) -> Result<Ipv4Addr, Reason> {
        self.array::<4>().map(Ipv4Addr::from)
    }

    /// The value as an address of `family`, which is IPv6 or else taken for IPv4.
    pub fn ip(&self, family: Family) -> Result<IpAddr, Reason> {
        if family == AF_INET6 {
            self.array::<16>().map(|bytes| Ipv6Addr::from(bytes).into())
        } else {
            self.ipv4().map(IpAddr::V4)
        }
    }

    /// The value as text up to its first zero byte. Names need not be UTF-8; what is not becomes U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        let end = self
            .value
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(self.value.len());
        String::from_utf8_lossy(self.value.get(..end).unwrap_or_default()).into_owned()
    }

    /// The value as attributes.
    #[must_use]
    pub const fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.value)
    }
}

/// Splits the fixed part off the front of `bytes`.
pub(crate) fn fixed<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), Reason> {
    bytes.split_first_chunk::<N>().ok_or(Reason::Fixed {
        expected: N,
        found: bytes.len(),
    })
}

/// The family of an address.
pub(crate) const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

/// Appends the parts of one message. The first error is kept and makes the whole message fail.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    error: Option<EncodeError>,
}

impl<'a> Writer<'a> {
    /// Appends one message to `out`: a header, then what `body` writes. Leaves `out` as it was on an error.
    pub fn message(
        out: &'a mut Vec<u8>,
        message_type: u16,
        flags: u16,
        sequence: u32,
        port: u32,
        body: impl FnOnce(&mut Self),
    ) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&message_type.to_ne_bytes());
        out.extend_from_slice(&flags.to_ne_bytes());
        out.extend_from_slice(&sequence.to_ne_bytes());
        out.extend_from_slice(&port.to_ne_bytes());
        let mut writer = Self { out, error: None };
        body(&mut writer);
        let length = writer.out.len().saturating_sub(start);
        if let Some(error) = writer.error {
            writer.out.truncate(start);
            return Err(error);
        }
        // INVARIANT: a message is a few attributes of at most 64 KiB, so its length fits 32 bits.
        writer.patch(start, &u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        writer.pad();
        Ok(())
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        if let Some(slot) = self.out.get_mut(at..at.saturating_add(bytes.len())) {
            slot.copy_from_slice(bytes);
        }
    }

    fn pad(&mut self) {
        self.out.resize(aligned(self.out.len()), 0);
    }

    /// Makes the message fail, unless something has already.
    pub fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }

    /// Bytes of a fixed part.
    pub fn fixed(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An attribute with this value.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |writer| writer.fixed(value));
    }

    /// An attribute without a value: being there is what it says.
    pub fn flag(&mut self, kind: u16) {
        self.bytes(kind, &[]);
    }

    /// An attribute with a 32-bit number.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// An attribute with an address.
    pub fn ip(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.bytes(kind, &address.octets()),
            IpAddr::V6(address) => self.bytes(kind, &address.octets()),
        }
    }

    /// An attribute with an address that must be of `family`.
    pub fn ip_of(&mut self, kind: u16, family: Family, address: IpAddr) {
        if family_of(address) != family {
            self.fail(EncodeError::Family { attribute: kind });
        }
        self.ip(kind, address);
    }

    /// An attribute with text, ended by a zero byte.
    pub fn text(&mut self, kind: u16, text: &str) {
        if text.contains('\0') {
            self.fail(EncodeError::ZeroByte { attribute: kind });
        }
        self.attribute(kind, |writer| {
            writer.fixed(text.as_bytes());
            writer.fixed(&[0]);
        });
    }

    /// An attribute whose value is what `body` writes, marked as made of attributes.
    pub fn nested(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        self.attribute(kind | NLA_F_NESTED, body);
    }

    /// An attribute whose value is what `body` writes.
    pub fn attribute(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        self.length_prefixed(kind, &kind.to_ne_bytes(), body);
    }

    /// A record that starts with its 16-bit length, then `head`, then what `body` writes; `attribute` is for the error.
    pub(crate) fn length_prefixed(&mut self, attribute: u16, head: &[u8], body: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.fixed(&[0; 2]);
        self.fixed(head);
        body(self);
        let length = self.out.len().saturating_sub(start);
        match u16::try_from(length) {
            Ok(length) => self.patch(start, &length.to_ne_bytes()),
            Err(_) => self.fail(EncodeError::AttributeLength {
                attribute: attribute & NLA_TYPE_MASK,
                length: length.saturating_sub(ATTRIBUTE_HEADER),
            }),
        }
        self.pad();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_nesting() {
        let mut out = Vec::new();
        Writer::message(&mut out, 16, 0, 7, 0, |w| {
            w.bytes(1, &[9]);
            w.nested(18, |w| w.text(1, "veth"));
        })
        .unwrap();
        assert_eq!(out.len() % ALIGN, 0);
        let all: Vec<_> = Attributes::new(&out[MESSAGE_HEADER..])
            .map(Result::unwrap)
            .collect();
        assert_eq!((all[0].kind, all[0].value), (1, &[9][..]));
        assert_eq!(all[1].kind, 18);
        assert_eq!(all[1].nested().next().unwrap().unwrap().text(), "veth");
    }

    #[test]
    fn a_value_too_long_leaves_no_trace() {
        let mut out = vec![1, 2, 3, 4];
        let error = Writer::message(&mut out, 16, 0, 7, 0, |w| w.bytes(5, &vec![0; 65532]));
        assert_eq!(
            error,
            Err(EncodeError::AttributeLength {
                attribute: 5,
                length: 65532
            })
        );
        assert_eq!(out, [1, 2, 3, 4]);
        Writer::message(&mut out, 16, 0, 7, 0, |w| w.bytes(5, &vec![0; 65531])).unwrap();
    }

    #[test]
    fn lengths_that_lie() {
        for bytes in [&[3, 0, 1, 0][..], &[9, 0, 1, 0, 0, 0, 0, 0], &[0, 0, 0, 0]] {
            let mut attributes = Attributes::new(bytes);
            assert!(matches!(
                attributes.next(),
                Some(Err(Reason::AttributeLength { .. }))
            ));
            assert_eq!(attributes.next(), None);
        }
        assert_eq!(Attributes::new(&[1, 2, 3]).next(), None);
    }
}
