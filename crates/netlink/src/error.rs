//! What can be wrong with bytes from a socket, and with values that are to become bytes.

/// Why a part of a received buffer is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The length field of a message header cannot be: nothing after it can be read.
    #[error("the message at byte {offset} claims {length} bytes of the {left} that are left (at least 16)")]
    Frame {
        /// Where in the buffer the message starts.
        offset: usize,
        /// What `nlmsg_len` says; 0 when not even that fits.
        length: usize,
        /// How many bytes are left from `offset` on.
        left: usize,
    },
    /// The header is sound, what follows it is not; reading goes on with the next message.
    #[error("message of type {message_type}, sequence {sequence}: {reason}")]
    Body {
        /// `nlmsg_type`.
        message_type: u16,
        /// `nlmsg_seq`.
        sequence: u32,
        /// What is wrong.
        reason: Reason,
    },
}

/// What is wrong inside one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The fixed part does not fit.
    #[error("{found} bytes where the fixed part takes {expected}")]
    Fixed {
        /// Bytes the fixed part takes.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// An attribute's length field leaves its surroundings or is under 4.
    #[error("an attribute claims {length} bytes of the {left} that are left (at least 4)")]
    AttributeLength {
        /// The length it claims, header included.
        length: usize,
        /// The bytes that are left.
        left: usize,
    },
    /// An attribute's value has the wrong size for its type.
    #[error("attribute {attribute} has a value of {found} bytes, not {expected}")]
    AttributeSize {
        /// The attribute's type.
        attribute: u16,
        /// The size its type and the address family ask for.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// An attribute is not there without which the message says nothing.
    #[error("attribute {attribute} is missing")]
    Missing {
        /// The attribute's type.
        attribute: u16,
    },
    /// A prefix length is more than the family has bits.
    #[error("prefix length {length} is larger than {max}")]
    PrefixLength {
        /// The length found.
        length: u8,
        /// 32 or 128.
        max: u8,
    },
}

/// Why a value cannot be written as a message. Nothing has been written then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A value is longer than the 65531 bytes an attribute holds.
    #[error("attribute {attribute} would need a value of {length} bytes, the limit is 65531")]
    AttributeLength {
        /// The attribute's type.
        attribute: u16,
        /// The bytes it would need.
        length: usize,
    },
    /// Two addresses of one message are of different families where the kernel has no form for that.
    #[error("attribute {attribute} has an address of another family than the message")]
    Family {
        /// The attribute's type.
        attribute: u16,
    },
    /// A next hop's weight is out of range.
    #[error("next hop weight {weight} is not in 1..=256")]
    Weight {
        /// The weight given.
        weight: u16,
    },
    /// The text has a zero byte, which would end it early.
    #[error("attribute {attribute} has text with a zero byte in it")]
    ZeroByte {
        /// The attribute's type.
        attribute: u16,
    },
}
