//! The sans-IO contract of in-tree routing protocols.
//!
//! A protocol is an [`Engine`]: a state machine that is told what time it is and what happened ([`Input`]) and answers by
//! appending to an [`Outbox`]. It has no clock, no socket, no thread and no randomness but its seed, so the same inputs
//! always give the same outputs: in the daemon, in the simulator and in a replay.
//!
//! [`Instance`] gives an engine the blocks, interfaces, events and lifecycle of the routing protocol interface, and
//! [`EngineProtocol`] makes it a [`waypost_routprot::RoutingProtocol`] for whoever hosts it.
//!
//! This crate sits a floor above `routprot`, because an engine speaks its words: interface status, impact, layouts.

mod adapter;
mod change;
mod contract;
mod instance;
mod manual;
mod outbox;
mod timers;

pub use adapter::{EngineProtocol, InstanceCell, cannot_open, codec_of, options_of};
pub use change::Change;
pub use contract::{Engine, Input, MibOperation, MibReply, Now, Target};
pub use instance::Instance;
pub use manual::{ManualCell, World};
pub use outbox::{
    Datagram, Notice, Outbox, Output, PortId, PortSpec, RouteInterest, RxMeta, Severity, Transport, TxOptions,
};
pub use timers::TimerQueue;
