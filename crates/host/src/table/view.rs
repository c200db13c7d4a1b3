//! The table as those see it who only ask.

use std::net::IpAddr;

use waypost_fib::{Counts, Fib, Installation, Mode, Statistics};
use waypost_rtm::{Candidate, Destination, EntityStatus, Memory, Rtm};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId};

/// The table at one moment.
pub struct TableView<'a> {
    pub(super) rtm: &'a Rtm,
    pub(super) fib: &'a Fib,
    pub(super) mode: Mode,
    pub(super) awaited: Vec<ProtocolId>,
}

/// Everything about one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The destination, its best route, how it is forwarded to, and a hold if one is running.
    pub destination: Option<Destination>,
    /// Every route to it, and why it is or is not the best.
    pub candidates: Vec<Candidate>,
    /// What the kernel made of it; `None` for what is not installed, such as connected networks.
    pub installation: Option<Installation>,
}

impl TableView<'_> {
    /// Up to `max` destinations after `after`, in order; see [`Rtm::page`].
    #[must_use]
    pub fn page(&self, after: Option<Prefix>, max: usize) -> Vec<Destination> {
        self.rtm.page(after, max)
    }

    /// Where packets to an address go.
    #[must_use]
    pub fn longest_match(&self, address: IpAddr) -> Option<Destination> {
        self.rtm.longest_match(address)
    }

    /// Everything about exactly this destination.
    #[must_use]
    pub fn explain(&self, prefix: Prefix) -> Explanation {
        Explanation {
            destination: self.rtm.exact(prefix),
            candidates: self.rtm.candidates(prefix),
            installation: self.fib.installation(prefix),
        }
    }

    /// What the kernel made of a destination.
    #[must_use]
    pub fn installation(&self, prefix: Prefix) -> Option<Installation> {
        self.fib.installation(prefix)
    }

    /// Who has routes, and how many.
    #[must_use]
    pub fn entities(&self) -> Vec<EntityStatus> {
        self.rtm.entities().collect()
    }

    /// The preference of a protocol's routes that state none.
    #[must_use]
    pub fn preference(&self, protocol: ProtocolId) -> u8 {
        self.rtm.preference(protocol)
    }

    /// Whether packets can leave through an interface.
    #[must_use]
    pub fn interface_is_usable(&self, interface: InterfaceIndex) -> bool {
        self.rtm.interface_is_usable(interface)
    }

    /// What the table holds, and in how many bytes.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.rtm.memory()
    }

    /// What of it is in the kernel.
    #[must_use]
    pub fn installed(&self) -> Counts {
        self.fib.counts()
    }

    /// What was done to the kernel since the start.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        self.fib.statistics()
    }

    /// Whether the kernel has nexthop objects.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The protocols that have not converged since the start, while strays of an earlier life are kept for them.
    #[must_use]
    pub fn awaited(&self) -> &[ProtocolId] {
        &self.awaited
    }
}
