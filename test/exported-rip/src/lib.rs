//! RIP as a module: the engine that the daemon runs, in the same cell with the same sockets and timers, behind
//! `RegisterProtocol`. Its routes go to the host's routing table.

mod renamed;

use waypost_engine::{Engine, EngineProtocol};
use waypost_host::protocol::{Joined, exported};
use waypost_rip::Rip;
use waypost_types::ProtocolId;

pub use renamed::ModuleRip;

waypost_routprot_abi::export_protocol! {
    ProtocolId::RIP => instance::<Rip>,
    ModuleRip::PROTOCOL => instance::<ModuleRip>,
}

/// A fresh instance. When there is no thread for it, it is told as what every panic is.
fn instance<E: Engine>() -> EngineProtocol<E, Joined<E>> {
    exported::<E>().unwrap_or_else(|error| panic!("{}: {error}", E::NAME))
}
