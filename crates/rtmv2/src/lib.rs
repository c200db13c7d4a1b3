//! Routing Table Manager, version 2 (router-services part A), as modules call it.
//!
//! [`RouteTable`] is what it needs of a table, in this process or in the router's. A [`client::Client`] is all that entities of
//! one process or module have.

pub mod client;
mod local;
mod table;
mod tables;

pub use local::LocalTable;
pub use table::{
    Bell, ChangeTypes, DestinationSnapshot, DestinationView, EntityKey, EntityName, RouteTable, RouteView,
    VIEWS, Views, WatchKey,
};
pub use tables::{Tables, everything};
