//! What an engine asks of its host, as data: it can be compared, recorded, counted and bounded.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use smallvec::SmallVec;
use waypost_routprot::Event;
use waypost_types::{InterfaceIndex, PathId, Prefix, ProtocolId, Route, RouteBatch, RouteChange};

/// The engine's own number of a port. Opening a number that is open changes the port in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub u32);

/// What carries the packets of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP on this local port.
    Udp(u16),
    /// Raw IP of this protocol number.
    Raw(u8),
}

/// A port as the engine wants it. The host opens the socket, so privileges stay with the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// What carries the packets.
    pub transport: Transport,
    /// Bound to this interface: receives only there, sends only there.
    pub interface: InterfaceIndex,
    /// Multicast groups to be a member of.
    pub groups: SmallVec<[Ipv4Addr; 2]>,
    /// May send to broadcast addresses.
    pub broadcast: bool,
    /// TTL of unicast packets sent.
    pub ttl: u8,
    /// TTL of multicast packets sent.
    pub multicast_ttl: u8,
    /// Packets that arrive with a smaller TTL are dropped by the kernel (RFC 5082); 0 for none.
    pub minimum_ttl: u8,
    /// Differentiated services codepoint of packets sent, 0..=63.
    pub dscp: u8,
    /// Receive buffer wanted, in octets.
    pub receive_buffer: u32,
}

/// Where a received packet came from and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxMeta {
    /// The sender.
    pub source: SocketAddr,
    /// The address it was sent to.
    pub destination: std::net::IpAddr,
    /// The interface it came in by.
    pub interface: InterfaceIndex,
    /// Its TTL on arrival, if the host knows.
    pub ttl: Option<u8>,
}

/// How one packet is sent, where it differs from its port's way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxOptions {
    /// The source address; the interface's first one otherwise.
    pub source: Option<std::net::IpAddr>,
    /// The TTL; that of the port otherwise.
    pub ttl: Option<u8>,
}

/// A packet to send; its octets are in the outbox's arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Through which port.
    pub port: PortId,
    /// To whom.
    pub destination: SocketAddr,
    /// How.
    pub options: TxOptions,
    octets: Range<usize>,
}

/// Whose best routes an engine wants to hear of, for redistribution. Its own are never told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteInterest {
    /// The owners; empty for no news at all.
    pub owners: Vec<ProtocolId>,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Tracing.
    Debug,
    /// Normal and worth knowing: a neighbour came up.
    Info,
    /// Something an operator should look at: bad authentication.
    Warning,
    /// Something does not work: a socket could not be opened.
    Error,
}

/// A line for the log. The host limits their rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// The interface it is about.
    pub interface: Option<InterfaceIndex>,
    /// The text: lower case, no full stop.
    pub text: String,
}

/// Something for the host to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a port, or change an open one in place without losing packets.
    OpenPort(PortId, PortSpec),
    /// Close a port.
    ClosePort(PortId),
    /// Send a packet.
    Send(Datagram),
    /// Store private octets under a key, durably; an empty value removes the key.
    Persist(String, Vec<u8>),
    /// Send news of these routes from now on, starting with what there is.
    Interest(RouteInterest),
    /// Log this.
    Notice(Notice),
}

/// Append-only for the engine; whoever drives the engine drains it.
#[derive(Debug, Default)]
pub struct Outbox {
    outputs: Vec<Output>,
    arena: Vec<u8>,
    routes: RouteBatch,
    events: Vec<Event>,
    again: bool,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a port or changes an open one in place.
    pub fn open_port(&mut self, port: PortId, spec: PortSpec) {
        self.outputs.push(Output::OpenPort(port, spec));
    }

    /// Closes a port.
    pub fn close_port(&mut self, port: PortId) {
        self.outputs.push(Output::ClosePort(port));
    }

    /// Sends `octets`.
    pub fn send(&mut self, port: PortId, destination: SocketAddr, options: TxOptions, octets: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(octets);
        let octets = start..self.arena.len();
        self.outputs.push(Output::Send(Datagram {
            port,
            destination,
            options,
            octets,
        }));
    }

    /// Stores private octets durably; they come back with [`crate::Input::Start`]. This takes a while, and what else is in
    /// the outbox does not wait for it: [`crate::Input::Persisted`] tells when they are stored.
    pub fn persist(&mut self, key: impl Into<String>, value: Vec<u8>) {
        self.outputs.push(Output::Persist(key.into(), value));
    }

    /// Replaces the set of owners whose best routes the engine wants to hear of.
    pub fn interest(&mut self, interest: RouteInterest) {
        self.outputs.push(Output::Interest(interest));
    }

    /// Logs a line.
    pub fn notice(&mut self, severity: Severity, interface: Option<InterfaceIndex>, text: impl Into<String>) {
        self.outputs.push(Output::Notice(Notice {
            severity,
            interface,
            text: text.into(),
        }));
    }

    /// Adds or replaces a route of this protocol.
    pub fn set_route(&mut self, prefix: impl Into<Prefix>, path: PathId, route: Route) {
        self.routes.push(RouteChange::Set {
            prefix: prefix.into(),
            path,
            route,
        });
    }

    /// Removes a route of this protocol.
    pub fn delete_route(&mut self, prefix: impl Into<Prefix>, path: PathId) {
        self.routes.push(RouteChange::Delete {
            prefix: prefix.into(),
            path,
        });
    }

    /// Appends to the event queue of the routing protocol interface.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Asks for [`crate::Input::Continue`] once everything else that waits was handled.
    pub fn again(&mut self) {
        self.again = true;
    }

    /// The octets of a datagram of this outbox.
    #[must_use]
    pub fn octets(&self, datagram: &Datagram) -> &[u8] {
        self.arena.get(datagram.octets.clone()).unwrap_or_default()
    }

    /// What the host has to do, in order.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Takes the route changes.
    pub fn take_routes(&mut self) -> RouteBatch {
        std::mem::take(&mut self.routes)
    }

    /// The route changes so far.
    #[must_use]
    pub fn routes(&self) -> &[RouteChange] {
        &self.routes
    }

    /// Takes the events.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether [`crate::Input::Continue`] was asked for; asking is forgotten.
    pub fn take_again(&mut self) -> bool {
        std::mem::take(&mut self.again)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.routes.is_empty() && self.events.is_empty() && !self.again
    }

    /// Empties it, keeping its memory for the next use.
    pub fn clear(&mut self) {
        self.outputs.clear();
        self.arena.clear();
        self.routes.clear();
        self.events.clear();
        self.again = false;
    }
}
