//! The router manager: it knows the interfaces, hosts the clients, and changes configuration in transactions.
//!
//! It does no I/O. Kernel news come in as calls, the configuration store, the routing table and the protocols are traits,
//! and time is an argument. One thread of the daemon owns a [`Manager`]; everybody else asks it.
//!
//! A configuration change walks like this: text is turned into blocks by the protocols' own codecs, every touched client
//! *prepares* (nothing is changed yet, the impact is stated), the store writes the revision as pending, the clients are
//! set one by one, the store confirms, the caller is answered. Whatever fails on the way, every client already changed is
//! set back and the pending revision is dropped.

mod autostatic;
mod client;
mod configuration;
mod declared;
mod edit;
mod environment;
mod header;
mod inactive;
mod interfaces;
mod lifecycle;
mod made;
mod manager;
mod offers;
mod opaque;
mod path;
mod policy;
mod prepare;
mod router;
mod schedule;
mod schema;
mod show;
mod support;
mod transaction;
mod trial;
mod troubles;

pub use client::ClientState;
pub use configuration::{Configuration, redact};
pub use declared::Declared;
pub use edit::Edit;
pub use environment::{Autostatic, InstanceId, Protocols, RouteTable, RouteTerms};
pub use inactive::InactiveRoute;
pub use interfaces::{Interface, InterfaceChange, InterfaceTable};
pub use made::MadeRevision;
pub use manager::Manager;
pub use opaque::OpaqueCodec;
pub use path::Path;
pub use router::{RawBlock, RouterConfig};
pub use schedule::Scheduled;
pub use transaction::{Applied, Author, Plan, PlannedChange};
pub use trial::{OnTrial, Terms};
pub use troubles::Trouble;
