//! The routing table across the boundary: [`serve`] answers in the router what [`RemoteTable`] asks in the module's process.

mod remote;
mod serve;
#[cfg(test)]
mod tests;
pub(super) mod wire;

pub(super) use remote::RemoteTable;
pub(super) use serve::Server;
