//! Neighbours (RFC 2328 §10): their data, their state machine and the lists that bring databases together.

pub mod help;
pub mod lists;
pub mod machine;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use lists::{Handle, RequestList, RetransmissionList};
use waypost_types::Seed;

use crate::authentication::Replay;
use crate::options::Options;
use crate::packet::DescriptionFlags;

/// The exchange of Database Descriptions (RFC 2328 §10.6, §10.8).
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    /// Whether this router is master.
    pub(crate) master: bool,
    /// The sequence number of the exchange.
    pub(crate) sequence: u32,
    /// What there is to describe.
    pub(crate) list: Vec<Handle>,
    /// What of it the neighbour described as being there (RFC 5243 §2).
    pub(crate) known: BTreeSet<Handle>,
    /// How much of it was described.
    pub(crate) described: usize,
    /// The body of the last Database Description sent.
    pub(crate) sent: Vec<u8>,
    /// Whether it said that more follow.
    pub(crate) more: bool,
    /// Flags, options and number of the last one taken, by which a repeated one is known.
    pub(crate) received: Option<(DescriptionFlags, Options, u32)>,
}

/// A neighbour.
#[derive(Debug)]
pub struct Neighbor {
    /// Its router identifier; 0.0.0.0 while a configured one was not heard.
    pub router: Ipv4Addr,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its wish to become Designated Router.
    pub priority: u8,
    /// The Designated Router as it sees it.
    pub designated_router: Ipv4Addr,
    /// The Backup as it sees it.
    pub backup: Ipv4Addr,
    /// What it can do.
    pub options: Options,
    /// Whether it understands opaque LSAs, as its Database Descriptions say.
    pub opaque: bool,
    /// Where the conversation is.
    pub state: machine::State,
    /// Whether it is helped to restart.
    pub help: help::Help,
    /// Events and state changes (RFC 4750, ospfNbrEvents).
    pub events: u64,
    pub(crate) exchange: Exchange,
    pub(crate) requests: RequestList,
    pub(crate) retransmissions: RetransmissionList,
    pub(crate) replay: Replay,
}

impl Neighbor {
    pub(crate) fn new(router: Ipv4Addr, address: Ipv4Addr, priority: u8, seed: Seed) -> Self {
        Self {
            router,
            address,
            priority,
            designated_router: Ipv4Addr::UNSPECIFIED,
            backup: Ipv4Addr::UNSPECIFIED,
            options: Options::empty(),
            opaque: false,
            state: machine::State::Down,
            help: help::Help::Never,
            events: 0,
            exchange: Exchange::default(),
            requests: RequestList::default(),
            retransmissions: RetransmissionList::new(seed),
            replay: Replay::default(),
        }
    }

    pub(crate) fn takes_part_in_flooding(&self) -> bool {
        self.state.takes_part_in_flooding()
    }

    /// Whether it restarts and is helped.
    #[must_use]
    pub const fn is_helped(&self) -> bool {
        matches!(self.help, help::Help::Until(_))
    }

    /// Whether others are told that it is adjacent: it is, or it will be again when it has restarted (RFC 3623 §3.2).
    #[must_use]
    pub fn counts_as_adjacent(&self) -> bool {
        self.state == machine::State::Full || self.is_helped()
    }

    /// How many LSAs it has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.retransmissions.len()
    }

    /// How many LSAs it is to send.
    #[must_use]
    pub fn requested(&self) -> usize {
        self.requests.len()
    }
}
