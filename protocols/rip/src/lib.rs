//! RIP versions 1 and 2 for IPv4: RFC 1058, RFC 2453 and, for authentication, RFC 4822.

pub mod config;
