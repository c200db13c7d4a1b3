//! Protocols for tests of what crosses the C interface: each is a Rust protocol, and one of this module's.

mod echo;

use waypost_engine::{EngineProtocol, ManualCell, Now};
use waypost_rip::Rip;
use waypost_types::{ProtocolId, Seed, Time, WallTime};

pub use echo::{Echo, Function};

/// The protocol that answers with what it was told.
pub const ECHO: ProtocolId = ProtocolId(0x3FFF_0001);
/// The same, which panics when it is registered.
pub const PANICS_IN_REGISTER: ProtocolId = ProtocolId(0x3FFF_0002);
/// One that cannot even be made.
pub const PANICS_IN_CONSTRUCTOR: ProtocolId = ProtocolId(0x3FFF_0003);

waypost_routprot_abi::export_protocol! {
    ProtocolId::RIP => rip,
    ECHO => Echo::default,
    PANICS_IN_REGISTER => || Echo::panics_in(Function::Register),
    PANICS_IN_CONSTRUCTOR => unmakeable,
}

fn unmakeable() -> Echo {
    panic!("it was not meant to be made")
}

/// RIP with a clock that stands still and packets that go nowhere: what it answers depends on the calls alone.
#[must_use]
pub fn rip() -> EngineProtocol<Rip, ManualCell<Rip>> {
    let now = Now {
        time: Time::from_secs(100),
        wall: WallTime(1_700_000_000),
    };
    EngineProtocol::new(ManualCell::new(Seed(1), now))
}
