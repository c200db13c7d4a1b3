//! The words every other crate speaks: prefixes, identifiers, time, random numbers and routes.
//!
//! Nothing in here performs I/O, reads a clock or draws randomness that it was not given.

mod identifiers;
mod prefix;
mod random;
mod route;
mod time;

pub use identifiers::{InterfaceIndex, ProtocolId, ProtocolIdError, RouterId, RouterIdError};
pub use prefix::{Prefix, Prefix4, Prefix6, PrefixError};
pub use random::{Random, Seed};
pub use route::{
    BestRoute, MAX_NEXT_HOPS, NextHop, NextHops, PathId, Route, RouteBatch, RouteChange, RouteKind,
    RouteNotice,
};
pub use time::{Time, WallTime};
