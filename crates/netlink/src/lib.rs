//! rtnetlink as values: what the kernel says about links, addresses, routes, next hop objects and neighbours, and the
//! requests that change them.
//!
//! Pure: bytes in, values out and back. The socket lives in `waypost-sys`.
//!
//! * [`decode_all`] reads what one `recv` returned; nothing in it panics, whatever the bytes are.
//! * [`Query`] is a request that is answered with messages, most of them strictly filtered dumps.
//! * [`Change`] is a request that is answered with an acknowledgement; a [`Batch`] packs many into one `send`.
//!
//! Only what a router needs is kept of each message; attributes not named in the types here are skipped when reading.
//! Names and numbers are the kernel's, from `linux/netlink.h`, `linux/rtnetlink.h`, `linux/if_link.h`,
//! `linux/if_addr.h`, `linux/neighbour.h` and `linux/nexthop.h`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod address;
mod attribute;
mod batch;
pub mod constants;
mod error;
mod link;
mod message;
mod neighbour;
mod nexthop;
mod request;
mod route;

pub use address::{Address, AddressFlags};
pub use attribute::{Attribute, Attributes, Writer};
pub use batch::{Acknowledge, Batch, BatchFull, MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, PushError};
pub use constants::{Family, OperState, RouteProtocol, RouteType, Scope};
pub use error::{DecodeError, EncodeError, Reason};
pub use link::{HardwareAddress, Link, LinkFlags};
pub use message::{Acknowledgement, Body, Done, Explanation, Header, Message, Messages, decode_all};
pub use neighbour::{Neighbour, NeighbourState};
pub use nexthop::{GroupMember, Nexthop, NexthopId, NexthopKind};
pub use request::{Change, Query, RouteFilter, Set};
pub use route::{Route, RouteFlags, RouteNextHop, RouteNextHopFlags};
