//! The interface itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waypost_policy::Policies;
use waypost_types::{InterfaceIndex, RouterId};

use crate::{
    ConfigurationCodec, Event, Impact, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus,
    NotificationEvent, OutputBuffer, Prepared, Refusal, RoutingCharacteristics, Status, SupportFunctions,
};

bitflags::bitflags! {
    /// What `neighbors` says of an interface (the MRINFO flags).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct NeighborFlags: u8 {
        /// The interface is a tunnel.
        const TUNNEL = 0x01;
        /// PIM runs on it.
        const PIM = 0x04;
        /// It is down.
        const DOWN = 0x10;
        /// It is disabled.
        const DISABLED = 0x20;
        /// This router is the querier.
        const QUERIER = 0x40;
        /// No other router is on it.
        const LEAF = 0x80;
    }
}

/// What `mfe_status` says of a forwarding entry: the numerically highest code that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum MfeStatus {
    /// Nothing to report.
    NoError = 0,
    /// This router is the group's rendezvous point or core.
    ReachedCore = 1,
    /// The incoming interface's owner has pruned upstream.
    PrunedUpstream = 4,
    /// The outgoing interface's owner has pruned it.
    OifPruned = 5,
    /// The upstream router knows no mtrace.
    OldRouter = 11,
}

/// Where the summary of a protocol lists what is wrong on interfaces although their configuration is in force, such as a
/// port that cannot be had: objects `{ "interface": NAME, "reason": TEXT }`. Left out when nothing is.
pub const TROUBLES: &str = "troubles";

/// A question that [`RoutingProtocol::show`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The protocol as a whole: one object, with [`TROUBLES`] if there are any.
    Summary,
    /// Its interfaces: a list of objects with at least `interface`.
    Interfaces,
    /// Its neighbours: a list of objects with at least `interface`, `address` and `state`.
    Neighbors,
    /// Its counters: one object `{ "global": {..}, "interfaces": { NAME: {..} } }`.
    Counters,
    /// Its own table of routes or link states: a list of objects.
    Database,
}

/// What a report is to be about: each argument with its text.
pub type ReportArguments = BTreeMap<String, String>;

/// The refusal of a report that a protocol does not have, with those it has.
#[must_use]
pub fn no_such_report(name: &str, known: &[&str]) -> Refusal {
    let reason = if known.is_empty() {
        "this protocol makes no reports"
    } else {
        "this protocol makes no such report"
    };
    let refusal = Refusal::new(Status::ERROR_NOT_SUPPORTED, reason).with_value(name);
    if known.is_empty() {
        refusal
    } else {
        refusal.with_allowed(known.join(", "))
    }
}

/// A routing protocol, as a router manager sees it.
///
/// Lifecycle and order of calls: routing-protocol-interface 10. The host calls one instance from one place at a time.
/// Everything passed by reference is lent for the call. A method that refuses has changed nothing.
pub trait RoutingProtocol: Send {
    /// RegisterProtocol: takes the host's offer and answers with what this protocol needs and provides.
    /// The only documented refusal is ERROR_NOT_SUPPORTED.
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal>;

    /// StartProtocol: initialise, ready to be told of interfaces, silent on the wire until [`Self::start_complete`].
    ///
    /// 87 when something inside `global` is invalid, 1003 when initialisation failed.
    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal>;

    /// StartComplete: every configured interface was added; protocol activity may begin.
    fn start_complete(&mut self) -> Result<(), Refusal>;

    /// StopProtocol: `Ok` means stopped; ERROR_PROTOCOL_STOP_PENDING means [`Event::RouterStopped`] will follow.
    fn stop(&mut self) -> Result<(), Refusal>;

    /// GetGlobalInfo: 122 when the buffer is too small.
    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal>;

    /// Validates global configuration against the running state and says what setting it would do. Changes nothing.
    ///
    /// ERROR_NOT_SUPPORTED from a protocol that cannot tell.
    fn prepare_global_info(&mut self, _info: &InfoBlock) -> Result<Prepared, Refusal> {
        Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "this protocol cannot state what a change would do",
        ))
    }

    /// SetGlobalInfo: replaces the global configuration. 87 absent or invalid, 1003 could not set.
    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal>;

    /// AddInterface: from now on the interface is managed, in the disabled state.
    /// 87 when the index is there already or the block is invalid, 1003 otherwise.
    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal>;

    /// DeleteInterface: 87 no such interface, 1003 failed. The host forgets the pairing in any case.
    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal>;

    /// InterfaceStatus: something happened to an interface. `active` is (bound and media present) afterwards.
    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal>;

    /// GetInterfaceInfo: 87 no such interface, 122 buffer too small, 1003 failed.
    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal>;

    /// Validates interface configuration against the running state and says what setting it would do. Changes nothing.
    ///
    /// `index` is `None` for an interface that the protocol does not have (yet): contents are validated all the same.
    /// ERROR_NOT_SUPPORTED from a protocol that cannot tell.
    fn prepare_interface_info(
        &mut self,
        _index: Option<InterfaceIndex>,
        _info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "this protocol cannot state what a change would do",
        ))
    }

    /// SetInterfaceInfo: replaces the configuration of one interface, by the thirteen rules of 6.3.
    ///
    /// 87 when the index names no interface, the block is absent or anything inside it is invalid; 1003 when the attempt
    /// failed. Either way the previous configuration stays in force.
    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal>;

    /// GetEventMessage: the next message; `None` is ERROR_NO_MORE_ITEMS.
    fn next_event(&mut self) -> Option<Event>;

    /// DoUpdateRoutes: starts an autostatic update; [`Event::UpdateComplete`] follows if and only if this returns `Ok`.
    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal>;

    /// ConnectClient: a dial-in client connected. 87 no such interface; a protocol that has no use for clients answers `Ok`
    /// for the interfaces it has, or 50 whatever it is asked.
    fn connect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal>;

    /// DisconnectClient: a dial-in client disconnected. 87 no such interface.
    fn disconnect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal>;

    /// GetNeighbors, multicast protocols only: the querier's address, four octets in network order, or nothing when this
    /// router is the querier.
    fn neighbors(
        &mut self,
        _index: InterfaceIndex,
        _out: &mut OutputBuffer<'_>,
    ) -> Result<NeighborFlags, Refusal> {
        Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "not a multicast protocol",
        ))
    }

    /// GetMfeStatus, multicast protocols only.
    fn mfe_status(
        &mut self,
        _index: InterfaceIndex,
        _group: Ipv4Addr,
        _source: Ipv4Addr,
    ) -> Result<MfeStatus, Refusal> {
        Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "not a multicast protocol",
        ))
    }

    /// MibCreateEntry. The octets belong to the protocol.
    fn mib_create(&mut self, input: &[u8]) -> Result<(), Refusal>;
    /// MibDeleteEntry.
    fn mib_delete(&mut self, input: &[u8]) -> Result<(), Refusal>;
    /// MibSetEntry. A change of configuration made this way raises the matching save event.
    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal>;
    /// MibGetEntry.
    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal>;
    /// MibGetFirstEntry; ERROR_NO_MORE_ITEMS on an empty table.
    fn mib_get_first(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal>;
    /// MibGetNextEntry; ERROR_NO_MORE_ITEMS at the end of the table.
    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal>;

    /// MibSetTrapInfo: `event` is signalled when a trap should be issued.
    fn mib_set_trap_info(
        &mut self,
        _event: Arc<dyn NotificationEvent>,
        _input: &[u8],
        _out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        Err(Refusal::new(
            Status::ERROR_ACCESS_DENIED,
            "this protocol issues no traps",
        ))
    }

    /// MibGetTrapInfo: the details of a trap.
    fn mib_get_trap_info(&mut self, _input: &[u8], _out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        Err(Refusal::new(
            Status::ERROR_ACCESS_DENIED,
            "this protocol issues no traps",
        ))
    }

    /// Another router identifier is in force; `None`: there is none any more. An addition to the documented interface, which
    /// only lets a protocol ask for it (GetRouterId).
    ///
    /// It takes effect before this returns, and cannot be refused. It is no configuration of the protocol's own: no save
    /// event follows. A protocol without use for it does nothing.
    fn router_id_changed(&mut self, _id: Option<RouterId>) {}

    /// Says what [`Self::router_id_changed`] would do now, and why. Changes nothing. `None` from a protocol that has no use
    /// for a router identifier.
    fn prepare_router_id(&mut self, _id: Option<RouterId>) -> Option<(Impact, String)> {
        None
    }

    /// Other policies are in force: prefix lists and route maps that this protocol's configuration may refer to by name. An
    /// addition to the documented interface. At its start a protocol asks for them ([`SupportFunctions::policies`]).
    ///
    /// It takes effect before this returns, and cannot be refused: only routes whose decision is another one move. No save
    /// event follows. A name that is referred to is among them for as long as it is.
    fn policies_changed(&mut self, _policies: &Arc<Policies>) {}

    /// Says what [`Self::policies_changed`] would do now, and why. Changes nothing. `None` when it would do nothing.
    fn prepare_policies(&mut self, _policies: &Arc<Policies>) -> Option<(Impact, String)> {
        None
    }

    /// Schema and text form of this protocol's configuration; `None` when its blocks are bytes to everyone else.
    fn describe(&self) -> Option<Arc<dyn ConfigurationCodec>> {
        None
    }

    /// Structured state for `show`. ERROR_NOT_SUPPORTED for a topic the protocol has nothing to say about.
    fn show(&mut self, _topic: Topic) -> Result<Value, Refusal> {
        Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "this protocol has nothing to say about that",
        ))
    }

    /// A report of this protocol's own, by its name and with what it is to be about. Changes nothing.
    ///
    /// ERROR_NOT_SUPPORTED for a report the protocol does not have, ERROR_INVALID_PARAMETER for arguments it cannot have.
    fn report(&mut self, name: &str, _arguments: &ReportArguments) -> Result<Value, Refusal> {
        Err(no_such_report(name, &[]))
    }
}
