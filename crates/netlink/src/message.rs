//! Messages: the header all have, and what kinds there are.

use crate::attribute::{MESSAGE_HEADER, aligned, fixed};
use crate::constants::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN,
    NLMSGERR_ATTR_MISS_TYPE, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH,
    RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNEXTHOP, RTM_NEWROUTE,
};
use crate::{Address, Attributes, DecodeError, EncodeError, Link, Neighbour, Nexthop, Reason, Route, Writer};

/// `struct nlmsghdr` without its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `RTM_*` or `NLMSG_*`.
    pub message_type: u16,
    /// `NLM_F_*`; their meaning depends on the type.
    pub flags: u16,
    /// The number the request had; 0 in notifications.
    pub sequence: u32,
    /// The socket the message belongs to; 0 is the kernel.
    pub port: u32,
}

impl Header {
    /// Splits one header off: itself, and the length of the whole message as claimed.
    fn decode(bytes: &[u8; MESSAGE_HEADER]) -> (Self, usize) {
        let &[l0, l1, l2, l3, t0, t1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = bytes;
        let header = Self {
            message_type: u16::from_ne_bytes([t0, t1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
        };
        let length = u32::from_ne_bytes([l0, l1, l2, l3]);
        // Longer than memory is as wrong as longer than the buffer.
        (header, usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Whether a dump this message belongs to was disturbed by a change, so that it must be repeated.
    #[must_use]
    pub const fn dump_interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its header.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Noop,
    /// A request was done or refused.
    Acknowledgement(Acknowledgement),
    /// A dump is over.
    Done(Done),
    /// Messages were lost.
    Overrun,
    /// A link is there or changed.
    NewLink(Link),
    /// A link went away; see [`Link::family`].
    DelLink(Link),
    /// An address is there or changed.
    NewAddress(Address),
    /// An address went away.
    DelAddress(Address),
    /// A route is there or changed.
    NewRoute(Route),
    /// A route went away. The kernel does not announce all of those: not the IPv4 routes that die with their link.
    DelRoute(Route),
    /// A next hop object is there or changed.
    NewNexthop(Nexthop),
    /// A next hop object went away. Not announced when it dies with its link (IPv4).
    DelNexthop(Nexthop),
    /// A neighbour is there or changed.
    NewNeighbour(Neighbour),
    /// A neighbour went away.
    DelNeighbour(Neighbour),
    /// A message of a type, or of an address family, that is not read here. The payload is dropped.
    Other,
}

/// Why the kernel refused something, in its words (`NETLINK_EXT_ACK`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// A sentence; also warnings on success.
    pub text: Option<String>,
    /// Offset in the request of the attribute it is about.
    pub offset: Option<u32>,
    /// The type of an attribute that was missing.
    pub missing: Option<u16>,
}

/// Answer to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// 0 when it was done, otherwise the positive `errno`.
    pub errno: i32,
    /// The header of the request.
    pub request: Header,
    /// More about it.
    pub explanation: Explanation,
}

/// End of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// 0 when all was dumped, otherwise the positive `errno` that ended it early.
    pub errno: i32,
    /// More about it.
    pub explanation: Explanation,
}

/// Reads the messages in `bytes`, which is what one receive call returned.
///
/// A message that is wrong inside yields an error and reading goes on after it; a wrong message length ends it.
#[must_use]
pub const fn decode_all(bytes: &[u8]) -> Messages<'_> {
    Messages { bytes, offset: 0 }
}

/// Iterator of [`decode_all`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let (header, length) = rest
            .first_chunk()
            .map_or_else(|| (Header::default(), 0), Header::decode);
        let Some(payload) = rest.get(MESSAGE_HEADER..length) else {
            let offset = std::mem::replace(&mut self.offset, self.bytes.len());
            return Some(Err(DecodeError::Frame {
                offset,
                length,
                left: rest.len(),
            }));
        };
        self.offset = self.offset.saturating_add(aligned(length));
        Some(match Body::decode(&header, payload) {
            Ok(body) => Ok(Message { header, body }),
            Err(reason) => Err(DecodeError::Body {
                message_type: header.message_type,
                sequence: header.sequence,
                reason,
            }),
        })
    }
}

impl Message {
    /// Appends the message to `out`. The type is that of the body; `header.message_type` counts only for
    /// [`Body::Other`], which is written without a payload. Leaves `out` as it was on an error.
    ///
    /// Meant for tests and for a simulated kernel; requests are made by [`Change`](crate::Change) and
    /// [`Query`](crate::Query).
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Header {
            flags,
            sequence,
            port,
            ..
        } = self.header;
        let flags = match &self.body {
            Body::Acknowledgement(ack) => flags | NLM_F_CAPPED | ack.explanation.flag(),
            Body::Done(done) => flags | done.explanation.flag(),
            _ => flags,
        };
        Writer::message(out, self.message_type(), flags, sequence, port, |writer| {
            self.body.encode(writer);
        })
    }

    fn message_type(&self) -> u16 {
        match &self.body {
            Body::Noop => NLMSG_NOOP,
            Body::Acknowledgement(_) => NLMSG_ERROR,
            Body::Done(_) => NLMSG_DONE,
            Body::Overrun => NLMSG_OVERRUN,
            Body::NewLink(_) => RTM_NEWLINK,
            Body::DelLink(_) => RTM_DELLINK,
            Body::NewAddress(_) => RTM_NEWADDR,
            Body::DelAddress(_) => RTM_DELADDR,
            Body::NewRoute(_) => RTM_NEWROUTE,
            Body::DelRoute(_) => RTM_DELROUTE,
            Body::NewNexthop(_) => RTM_NEWNEXTHOP,
            Body::DelNexthop(_) => RTM_DELNEXTHOP,
            Body::NewNeighbour(_) => RTM_NEWNEIGH,
            Body::DelNeighbour(_) => RTM_DELNEIGH,
            Body::Other => self.header.message_type,
        }
    }
}

impl Body {
    fn decode(header: &Header, payload: &[u8]) -> Result<Self, Reason> {
        let known = match header.message_type {
            NLMSG_NOOP => Some(Self::Noop),
            NLMSG_ERROR => Some(Self::Acknowledgement(Acknowledgement::decode(
                header.flags,
                payload,
            )?)),
            NLMSG_DONE => Some(Self::Done(Done::decode(header.flags, payload)?)),
            NLMSG_OVERRUN => Some(Self::Overrun),
            RTM_NEWLINK => Some(Self::NewLink(Link::decode(payload)?)),
            RTM_DELLINK => Some(Self::DelLink(Link::decode(payload)?)),
            RTM_NEWADDR => Address::decode(payload)?.map(Self::NewAddress),
            RTM_DELADDR => Address::decode(payload)?.map(Self::DelAddress),
            RTM_NEWROUTE => Route::decode(payload)?.map(Self::NewRoute),
            RTM_DELROUTE => Route::decode(payload)?.map(Self::DelRoute),
            RTM_NEWNEXTHOP => Nexthop::decode(payload)?.map(Self::NewNexthop),
            RTM_DELNEXTHOP => Nexthop::decode(payload)?.map(Self::DelNexthop),
            RTM_NEWNEIGH => Neighbour::decode(payload)?.map(Self::NewNeighbour),
            RTM_DELNEIGH => Neighbour::decode(payload)?.map(Self::DelNeighbour),
            _ => None,
        };
        Ok(known.unwrap_or(Self::Other))
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        match self {
            Self::Noop | Self::Overrun | Self::Other => {}
            Self::Acknowledgement(ack) => ack.encode(writer),
            Self::Done(done) => {
                writer.fixed(&done.errno.wrapping_neg().to_ne_bytes());
                done.explanation.encode(writer);
            }
            Self::NewLink(link) | Self::DelLink(link) => link.encode(writer),
            Self::NewAddress(address) | Self::DelAddress(address) => address.encode(writer),
            Self::NewRoute(route) | Self::DelRoute(route) => route.encode(writer),
            Self::NewNexthop(nexthop) | Self::DelNexthop(nexthop) => nexthop.encode(writer),
            Self::NewNeighbour(neighbour) | Self::DelNeighbour(neighbour) => neighbour.encode(writer),
        }
    }
}

impl Acknowledgement {
    fn decode(flags: u16, payload: &[u8]) -> Result<Self, Reason> {
        let (&error, rest) = fixed::<4>(payload)?;
        let (request, mut rest) = fixed::<MESSAGE_HEADER>(rest)?;
        let (request, request_length) = Header::decode(request);
        if flags & NLM_F_CAPPED == 0 {
            // The whole request is repeated before the attributes.
            let skipped = aligned(request_length).saturating_sub(MESSAGE_HEADER);
            rest = rest.get(skipped..).unwrap_or_default();
        }
        Ok(Self {
            errno: i32::from_ne_bytes(error).saturating_neg(),
            request,
            explanation: Explanation::decode(flags, rest)?,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.fixed(&self.errno.wrapping_neg().to_ne_bytes());
        writer.fixed(&(MESSAGE_HEADER as u32).to_ne_bytes());
        writer.fixed(&self.request.message_type.to_ne_bytes());
        writer.fixed(&self.request.flags.to_ne_bytes());
        writer.fixed(&self.request.sequence.to_ne_bytes());
        writer.fixed(&self.request.port.to_ne_bytes());
        self.explanation.encode(writer);
    }
}

impl Done {
    fn decode(flags: u16, payload: &[u8]) -> Result<Self, Reason> {
        // Some multi-part answers end without a number.
        let Some((&error, rest)) = payload.split_first_chunk::<4>() else {
            return Ok(Self::default());
        };
        Ok(Self {
            errno: i32::from_ne_bytes(error).saturating_neg(),
            explanation: Explanation::decode(flags, rest)?,
        })
    }
}

impl Explanation {
    fn decode(flags: u16, bytes: &[u8]) -> Result<Self, Reason> {
        let mut explanation = Self::default();
        if flags & NLM_F_ACK_TLVS == 0 {
            return Ok(explanation);
        }
        for attribute in Attributes::new(bytes) {
            let attribute = attribute?;
            match attribute.kind {
                NLMSGERR_ATTR_MSG => explanation.text = Some(attribute.text()),
                NLMSGERR_ATTR_OFFS => explanation.offset = Some(attribute.u32()?),
                NLMSGERR_ATTR_MISS_TYPE => {
                    // Types are 16 bits wide; the kernel sends the number as 32.
                    explanation.missing = u16::try_from(attribute.u32()?).ok();
                }
                _ => {}
            }
        }
        Ok(explanation)
    }

    fn flag(&self) -> u16 {
        if *self == Self::default() {
            0
        } else {
            NLM_F_ACK_TLVS
        }
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        if let Some(text) = &self.text {
            writer.text(NLMSGERR_ATTR_MSG, text);
        }
        if let Some(offset) = self.offset {
            writer.u32(NLMSGERR_ATTR_OFFS, offset);
        }
        if let Some(missing) = self.missing {
            writer.u32(NLMSGERR_ATTR_MISS_TYPE, missing.into());
        }
    }
}
