//! The codec against itself, against hostile bytes and against another implementation.

#![allow(clippy::unwrap_used)]

mod against_netlink_packet_route;
mod any;
mod properties;
