//! A network in one thread: routers with real engines and the real routing table, joined by virtual links.
//!
//! [`Simulation`] plays the host for any number of routers: it opens the ports engines ask for, carries their datagrams
//! over links that may lose, double and reorder them, keeps a routing table and a kernel forwarding table for each router,
//! tells engines of interfaces and of the time, and can take a router's power away. Nothing in it reads a clock or draws
//! randomness other than from the seed, so a seed is a run: the same inputs and outputs in the same order, which
//! [`Simulation::trace_hash`] proves.
//!
//! Configuration goes the whole way of the product: text, codec, block, `prepare`, `set`, and back to text. What `prepare`
//! accepts, `set` must take; whatever breaks such a law is a [`Violation`].
//!
//! [`oracle`] says whether the forwarding tables are right, whichever protocol made them. [`rip`] and [`ospf`] build networks of
//! routers with one protocol, know what it must make of them, and disturb them.

mod fib;
mod host;
mod node;
pub mod oracle;
pub mod ospf;
pub mod policy;
mod process;
mod recorder;
pub mod rip;
pub mod run;
mod schedule;
mod segment;
mod simulation;
pub mod topology;
mod wire;

pub use fib::{Fib, FibChange, FibEntry};
pub use node::{Installed, NetworkInterface, Node, NodeId, SegmentId};
pub use process::{Create, Persisted, Process, Program};
pub use recorder::Recorder;
pub use schedule::Schedule;
pub use segment::{Member, Quality, Segment};
pub use simulation::{Counts, Simulation, Violation};
