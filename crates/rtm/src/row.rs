//! The rows of a table: routes, and the destinations they are listed under.

use waypost_types::RouteKind;

use crate::entity::Entity;

/// No row.
pub(crate) const NONE: u32 = u32::MAX;

/// A route. 28 bytes, all of them used.
#[derive(Clone, Copy)]
pub(crate) struct RouteRow {
    /// The next route of the destination, or the next free row.
    pub(crate) next: u32,
    /// The destination, or [`NONE`] in a free row.
    pub(crate) destination: u32,
    pub(crate) set: u32,
    pub(crate) metric: u32,
    /// Its path and tag.
    pub(crate) label: u32,
    /// When the route was last changed, in whole seconds.
    pub(crate) since: u32,
    pub(crate) owner: u16,
    /// 0 takes the owner's.
    pub(crate) preference: u8,
    /// Kind in the low two bits, epoch above.
    pub(crate) stamp: u8,
}

const _: () = assert!(size_of::<RouteRow>() == 28);

impl RouteRow {
    pub(crate) fn kind(&self) -> RouteKind {
        match self.stamp & 3 {
            0 => RouteKind::Unicast,
            1 => RouteKind::Blackhole,
            2 => RouteKind::Unreachable,
            _ => RouteKind::Prohibit,
        }
    }

    pub(crate) fn epoch(&self) -> u8 {
        self.stamp >> 2
    }

    pub(crate) fn stamped(kind: RouteKind, epoch: u8) -> u8 {
        let kind = match kind {
            RouteKind::Unicast => 0,
            RouteKind::Blackhole => 1,
            RouteKind::Unreachable => 2,
            RouteKind::Prohibit => 3,
        };
        kind | epoch << 2
    }

    pub(crate) fn rank(&self, owner: &Entity) -> (u8, u32) {
        let preference = if self.preference == 0 {
            owner.preference
        } else {
            self.preference
        };
        (preference, self.metric)
    }
}

/// Destination flags.
pub(crate) mod flags {
    /// To be looked at again before the running call ends.
    pub(crate) const TOUCHED: u8 = 1;
    /// Forwards to a merged set and not to that of its best route.
    pub(crate) const MERGED: u8 = 2;
    /// A hold is armed.
    pub(crate) const ARMED: u8 = 4;
    /// A hold is running.
    pub(crate) const HELD: u8 = 8;
    /// The row is free.
    pub(crate) const FREE: u8 = 16;
}

/// A destination: 16 bytes for IPv4, 28 for IPv6.
pub(crate) struct DestinationRow<B> {
    pub(crate) bits: B,
    /// Its first route, in the order they were added; or the next free row.
    pub(crate) first: u32,
    /// Its best route.
    pub(crate) best: u32,
    /// Subscribers that have it in their queue, a bit for each of the first sixteen; [`Table::queued_more`](crate::table::Table) has the others.
    pub(crate) queued: u16,
    pub(crate) length: u8,
    pub(crate) flags: u8,
}

const _: () = assert!(size_of::<DestinationRow<[u8; 4]>>() == 16);
const _: () = assert!(size_of::<DestinationRow<[u8; 16]>>() == 28);
