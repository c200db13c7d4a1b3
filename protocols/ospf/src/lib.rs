//! OSPF version 2 for IPv4: RFC 2328 and, by their own numbers where they are used, its extensions.
//!
//! In the making. What there is: packets and LSAs on the wire ([`packet`], [`lsa`]) and their authentication
//! ([`authentication`]), and the database that holds LSAs ([`database`]).

pub mod area;
pub mod authentication;
pub mod checksum;
pub mod database;
pub mod lsa;
pub mod options;
pub mod packet;

pub use area::AreaId;
pub use options::Options;
