//! Static routes, IPv4 and IPv6.
//!
//! A route is in force only while it leads somewhere: while the interface it names is up, or while its gateway lies in a
//! network that an interface that is up is connected to. A gateway marked `recursive` may be anywhere: the routing table finds
//! the way to it, and takes the route out of use while there is none. Of several next hops those that can be reached carry the traffic.
//! Routes to one destination with different preferences or metrics stand beside each other, so that one takes over when
//! another goes ("floating" static routes).
//!
//! There is no protocol on the wire; the module lives behind the same interface as those that have one, and so gets
//! validation, transactions, persistence and the command line like them.

pub mod config;
mod engine;
mod impact;
mod links;
mod show;
#[cfg(any(test, feature = "strategies"))]
pub mod strategies;
mod table;

pub use engine::Static;
