//! What a protocol tells the router manager (routing-protocol-interface 9).

use waypost_types::InterfaceIndex;

use crate::Status;

/// A message of the event queue. The order of the variants is that of the documented numbers 0..=3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The protocol has stopped, as announced with ERROR_PROTOCOL_STOP_PENDING.
    RouterStopped,
    /// Global configuration changed by other means than `set_global_info`: read it and store it.
    SaveGlobalConfigInfo,
    /// Interface configuration changed by other means than `set_interface_info`: read it and store it.
    SaveInterfaceConfigInfo(InterfaceIndex),
    /// An update asked for by `update_routes` has ended.
    UpdateComplete(UpdateComplete),
}

impl Event {
    /// The documented number (ROUTING_PROTOCOL_EVENTS).
    #[must_use]
    pub const fn number(&self) -> u32 {
        match self {
            Self::RouterStopped => 0,
            Self::SaveGlobalConfigInfo => 1,
            Self::SaveInterfaceConfigInfo(_) => 2,
            Self::UpdateComplete(_) => 3,
        }
    }
}

/// How an autostatic update ended (UPDATE_COMPLETE_MESSAGE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateComplete {
    /// The interface that was updated.
    pub interface: InterfaceIndex,
    /// What was updated.
    pub kind: UpdateKind,
    /// NO_ERROR, or why it failed.
    pub status: Status,
}

/// What an update concerns; the numbers are those of the functionality flags that declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum UpdateKind {
    /// Routes (RF_DEMAND_UPDATE_ROUTES).
    Routes = 4,
    /// Services, which only IPX has.
    Services = 8,
}
