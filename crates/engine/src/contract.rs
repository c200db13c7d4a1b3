//! What an engine is and what it is told.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waypost_policy::Policies;
use waypost_routprot::{
    BlockConfig, Functionality, Impact, InterfaceIdentity, InterfaceStatus, Refusal, ReportArguments, Scope,
    Topic, no_such_report,
};
use waypost_types::{InterfaceIndex, ProtocolId, RouteNotice, RouterId, Seed, Time, WallTime};

use crate::{Outbox, PortId, RxMeta};

/// What time it is, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time: every timer and age.
    pub time: Time,
    /// The date, for lifetimes that configuration gives as dates.
    pub wall: WallTime,
}

/// Something that happened.
///
/// Configuration in here was validated and, where the engine can refuse it, checked: it cannot fail any more.
#[derive(Debug)]
pub enum Input<'a, G, I> {
    /// The first input. Nothing may be sent before [`Input::StartComplete`].
    Start {
        /// Global configuration.
        global: G,
        /// The router identifier, if there is one yet.
        router_id: Option<RouterId>,
        /// What [`Outbox::persist`] stored in an earlier life.
        persisted: &'a [(String, Vec<u8>)],
        /// How long, from [`Input::StartComplete`] on, packets follow the routes of an earlier life whatever is learned:
        /// until then neighbours had better not be told otherwise. Zero when there are none.
        restart_hold: Duration,
    },
    /// Every configured interface was added: protocol activity may begin.
    StartComplete,
    /// The complete new global configuration, different from the one in force.
    SetGlobal(G),
    /// A new interface, in the disabled state. `None`: no configuration of this protocol on it.
    AddInterface {
        /// Its name, index and type.
        identity: &'a InterfaceIdentity,
        /// Its configuration.
        config: Option<I>,
    },
    /// The interface is gone.
    DeleteInterface(InterfaceIndex),
    /// The complete new configuration of an interface, different from the one in force.
    SetInterface {
        /// Which interface.
        index: InterfaceIndex,
        /// Its configuration.
        config: I,
    },
    /// Something happened to an interface.
    Status {
        /// Which interface.
        index: InterfaceIndex,
        /// What happened.
        status: &'a InterfaceStatus,
    },
    /// A datagram or packet arrived.
    Packet {
        /// At which port.
        port: PortId,
        /// Where from and how.
        meta: &'a RxMeta,
        /// Its payload.
        octets: &'a [u8],
    },
    /// A port could not be opened or changed. It is closed now; asking again is the engine's business.
    PortFailed {
        /// Which port.
        port: PortId,
        /// Why.
        error: &'a str,
    },
    /// The kernel did not take datagrams that were to be sent. They are lost.
    SendFailed {
        /// From which port.
        port: PortId,
        /// How many.
        datagrams: u32,
    },
    /// What became of private octets given to [`Outbox::persist`]. Octets that newer ones for the same key overtook get no
    /// answer.
    Persisted {
        /// Their key.
        key: &'a str,
        /// The octets.
        value: &'a [u8],
        /// Whether they are on stable storage now.
        stored: bool,
    },
    /// `now` has reached [`Engine::next_deadline`].
    Deadline,
    /// News of routes that [`Outbox::interest`] asked for.
    Routes(&'a [RouteNotice]),
    /// An autostatic update is asked for; [`waypost_routprot::Event::UpdateComplete`] must follow.
    UpdateRoutes(InterfaceIndex),
    /// A dial-in client connected.
    ConnectClient(InterfaceIndex, Ipv4Addr),
    /// A dial-in client disconnected.
    DisconnectClient(InterfaceIndex, Ipv4Addr),
    /// Another router identifier is in force; `None`: there is none any more.
    RouterId(Option<RouterId>),
    /// The policies in force, of which configuration names some: right after [`Input::Start`] if there are any, and whenever
    /// others are. Every name in configuration that is handed over is in the latest of them.
    Policies(Arc<Policies>),
    /// More work was asked for by [`Outbox::again`].
    Continue,
    /// Say good-bye. When all is said, emit [`waypost_routprot::Event::RouterStopped`]; nothing may follow it.
    Stop,
}

/// Which configuration a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The protocol as a whole.
    Global,
    /// One interface; `None` while the protocol does not have it.
    Interface(Option<InterfaceIndex>),
}

impl Target {
    /// The kind of configuration.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Global => Scope::Global,
            Self::Interface(_) => Scope::Interface,
        }
    }
}

/// One of the six MIB calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MibOperation {
    /// MibCreateEntry.
    Create,
    /// MibDeleteEntry.
    Delete,
    /// MibSetEntry.
    Set,
    /// MibGetEntry.
    Get,
    /// MibGetFirstEntry.
    GetFirst,
    /// MibGetNextEntry.
    GetNext,
}

/// How an engine answers a MIB call. Configuration is the instance's: the engine only says which and in what frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MibReply {
    /// The answer's octets; empty for create, delete and set.
    Octets(Vec<u8>),
    /// These octets, followed by the RRAS block of the global configuration.
    GlobalConfig(Vec<u8>),
    /// These octets, followed by the RRAS block of an interface's configuration, keys zeroed.
    InterfaceConfig(InterfaceIndex, Vec<u8>),
    /// Set the global configuration to this RRAS block.
    SetGlobal(Vec<u8>),
    /// Set an interface's configuration to this RRAS block.
    SetInterface(InterfaceIndex, Vec<u8>),
}

/// One running instance of a routing protocol.
///
/// Never blocks, never reads a clock, never touches a socket. Every call does a bounded amount of work; what takes longer
/// asks to be called again.
pub trait Engine: Sized + Send + 'static {
    /// Configuration of the protocol as a whole.
    type Global: BlockConfig;
    /// Configuration of the protocol on one interface.
    type Interface: BlockConfig;

    /// The protocol's number: its block type and the owner of its routes.
    const PROTOCOL: ProtocolId;
    /// The name in configuration paths.
    const NAME: &'static str;
    /// The name for people.
    const TITLE: &'static str;
    /// What it can do.
    const FUNCTIONALITY: Functionality;

    /// An instance that has not started. `seed` is its only randomness.
    fn new(seed: Seed) -> Self;

    /// Checks global configuration, valid in itself, against the running state.
    fn check_global(&self, _config: &Self::Global) -> Result<(), Refusal> {
        Ok(())
    }

    /// Checks interface configuration, valid in itself, against the running state.
    fn check_interface(
        &self,
        _index: Option<InterfaceIndex>,
        _config: &Self::Interface,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// Whether an autostatic update of the interface may start now. A refusal is answered to DoUpdateRoutes, whose documented
    /// codes are 87 and 1003; no UPDATE_COMPLETE follows it (routing-protocol-interface 5.12).
    fn check_update_routes(&self, _index: InterfaceIndex) -> Result<(), Refusal> {
        Ok(())
    }

    /// What changing one option does now, and why. `option` is its path inside the block.
    fn impact(
        &self,
        target: Target,
        option: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> (Impact, String);

    /// What [`Input::RouterId`] with this identifier would do now, and why; `None` from an engine that has no use for one.
    fn router_id_impact(&self, _id: Option<RouterId>) -> Option<(Impact, String)> {
        None
    }

    /// What [`Input::Policies`] with these would do now, and why; `None` when no decision would be another one.
    fn policies_impact(&self, _policies: &Policies) -> Option<(Impact, String)> {
        None
    }

    /// What an operator should know about an interface configuration that is valid all the same: options and words. They are
    /// added to the reasons of changes of those options.
    fn interface_cautions(&self, _config: &Self::Interface) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The same about a global configuration.
    fn global_cautions(&self, _config: &Self::Global) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Completes what an all-zero or absent secret in an RRAS block means: keep the stored one (rras-blocks P-110).
    fn inherit_secrets(_old: &Self::Interface, _new: &mut Self::Interface) {}

    /// `config` with what it leaves open taken from the defaults of the global configuration in force, as a block that has no
    /// defaults behind it must say it: RRAS's.
    fn with_defaults(&self, config: &Self::Interface) -> Self::Interface {
        config.clone()
    }

    /// Fills read-only fields of an interface block about to be returned (rras-blocks P-104).
    fn fill_read_only(&self, _index: InterfaceIndex, _block: &mut Vec<u8>) {}

    /// Blanks keys and passwords of an RRAS interface block that goes out through the MIB road (rras-blocks P-110).
    fn blank_secrets(_block: &mut [u8]) {}

    /// Handles exactly one input.
    fn handle(&mut self, now: Now, input: Input<'_, Self::Global, Self::Interface>, out: &mut Outbox);

    /// When [`Input::Deadline`] is wanted next; `None` is never.
    fn next_deadline(&self) -> Option<Time>;

    /// Answers a question without changing anything.
    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal>;

    /// A report of the protocol's own (see [`RoutingProtocol::report`](waypost_routprot::RoutingProtocol::report)).
    fn report(&self, _now: Now, name: &str, _arguments: &ReportArguments) -> Result<Value, Refusal> {
        Err(no_such_report(name, &[]))
    }

    /// Answers a MIB call (rras-blocks 1.5 and the protocol's own section).
    fn mib(&mut self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal>;
}
