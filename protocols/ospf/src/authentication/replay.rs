//! Protection against packets sent again by somebody else (RFC 2328 D.5, RFC 7474 §3).

use super::Method;
use crate::packet::PacketType;

/// The sequence numbers a neighbour used last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Of each packet type, one more than the last: 0 is nothing heard yet.
    next: [u64; PacketType::ALL.len()],
}

impl Replay {
    /// Whether a packet with this number may be taken, without noting it.
    ///
    /// Numbers of AuType 2 do not decrease, over all packets of a neighbour (D.5). Those of AuType 3 grow for each packet type
    /// on its own, because types may be sent with different priority and overtake each other (RFC 7474 §3).
    #[must_use]
    pub fn permits(&self, method: Method, kind: PacketType, sequence: u64) -> bool {
        match method {
            Method::None | Method::Simple => true,
            Method::Cryptographic => self.next.iter().all(|next| sequence.saturating_add(1) >= *next),
            Method::Extended => self
                .next
                .get(kind as usize - 1)
                .is_none_or(|next| sequence >= *next),
        }
    }

    /// Notes the number of a packet that was taken.
    pub fn note(&mut self, kind: PacketType, sequence: u64) {
        if let Some(next) = self.next.get_mut(kind as usize - 1) {
            *next = sequence.saturating_add(1);
        }
    }
}
