//! OSPF version 2 for IPv4: RFC 2328 and, by their own numbers where they are used, its extensions.
//!
//! Packets and LSAs on the wire ([`packet`], [`lsa`]) and their authentication ([`authentication`]), the database that holds LSAs
//! ([`database`]), the state machines of interfaces and neighbours ([`interface`], [`neighbor`]), the process that brings
//! databases together and keeps them so ([`process`]), the calculation of routes ([`spf`]); around them, as [`OspfEngine`],
//! configuration ([`config`]), state for people and programs, reports and MIB queries.

pub mod area;
pub mod authentication;
pub mod checksum;
pub mod config;
pub mod database;
mod engine;
pub mod interface;
pub mod lsa;
mod mib;
pub mod neighbor;
pub mod options;
pub mod packet;
pub mod parameters;
pub mod process;
mod report;
mod show;
pub mod spf;

pub use area::AreaId;
pub use engine::OspfEngine;
pub use options::Options;
pub use process::Ospf;

#[cfg(test)]
mod tests;
