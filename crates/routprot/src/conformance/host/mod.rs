//! The host's side: a protocol that writes down what a router manager tells it, and the judge of that record.
//!
//! A host's test gives its router manager [`Recorder`]s instead of protocols, works the manager, and then
//! - compares [`Log::calls`] with what should have been called (vectors 7, 8, 11 and 12 of routing-protocol-interface
//!   6.6: not called for a foreign block, DeleteInterface for a zero-length one, the stored value after a restart, the
//!   other client's block applied when one is refused), and
//! - runs [`check_order`] on the whole record, which asserts what a host guarantees (10.3, 8.3).
//!
//! ```
//! use waypost_routprot::conformance::host::{Log, Recorder, Request, check_order};
//! use waypost_routprot::{RoutingCharacteristics, RoutingProtocol, Status};
//! use waypost_types::ProtocolId;
//!
//! let log = Log::default();
//! let (mut protocol, script) = Recorder::new(ProtocolId::RIP, &log);
//! script.refuse(Status::ERROR_CAN_NOT_COMPLETE, |request| matches!(request, Request::SetInterface { .. }));
//! script.stay_pending();
//! // `Box::new(protocol)` goes to the router manager under test; `script` and `log` stay with the test.
//! # protocol.register(&RoutingCharacteristics::offer(ProtocolId::RIP)).unwrap();
//! assert!(matches!(log.calls()[0].request, Request::Register { .. }));
//! check_order(&log.calls()).unwrap();
//! ```
//!
//! Without a script a recorder is a correct protocol: it takes every block that has data, returns what was set, knows
//! which interfaces it has, and stops within the call.

mod empty;
mod order;
mod recorder;

pub use empty::EmptyRouter;
pub use order::check_order;
pub use recorder::{Call, Log, MibFunction, Recorder, Request, Script};
