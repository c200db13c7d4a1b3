//! RIP as a module whose time and packets are a simulator's: `RegisterProtocol` and all that follows from it are those of every
//! exported protocol, and the cell around the engine has no thread and no sockets, but a door (`inside.rs`). Outside, a
//! [`Process`](waypost_sim::Process) makes the calls of the simulator those of the interface in C, and takes packets, time and
//! news of routes through the door (`outside.rs`).
//!
//! What goes through the door is not the interface's, and its types are Rust's: the object must be of the same build as whoever
//! opens it, which it is for a test.

mod inside;
mod outside;

use waypost_engine::EngineProtocol;
use waypost_types::ProtocolId;

use inside::Cell;

pub use inside::Door;
pub use outside::program;

waypost_routprot_abi::export_protocol! {
    ProtocolId::RIP => || EngineProtocol::new(Cell::enter()),
}

/// The door of this copy of the object.
///
/// # Safety
/// NULL, or a place for what a reference to a trait object is to a caller of the same build.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WaypostSimulationDoor(place: *mut &'static dyn Door) {
    if !place.is_null() {
        // SAFETY: the caller says that it is a place for one.
        unsafe { place.write(inside::door()) };
    }
}
