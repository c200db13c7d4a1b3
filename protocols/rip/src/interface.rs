//! RIP on one interface: its configuration in force, whether it runs, its port, its counters.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use smallvec::SmallVec;
use waypost_engine::{PortId, PortSpec, Transport};
use waypost_policy::Policies;
use waypost_routprot::{AdapterBinding, InterfaceIdentity};
use waypost_types::{InterfaceIndex, Prefix4, Time};

use crate::config::{
    Accept, Adjustment, Announce, Effective, GlobalConfig, InterfaceConfig, NeighborMode, TtlSecurity,
    UpdateMode, filter_verdict,
};
use crate::neighbor::{Neighbors, Sequences};
use crate::packet::{RIP2_ROUTERS, Version};
use crate::table::{Heard, LinkPolicy};
use crate::update::Sending;

/// Octets of the IPv4 and UDP headers.
const DATAGRAM_HEADERS: u32 = 28;
/// How many networks of one interface updates are sent into.
const MAXIMUM_NETWORKS: usize = 16;

/// Destinations of a message, each with the address it comes from.
pub type Audience = SmallVec<[(SocketAddr, Option<IpAddr>); 2]>;

/// Counters of an interface: those of RRAS (rras-blocks 2.4) and the reasons behind the bad ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that could not be sent: no key, no port, or the kernel did not take them.
    pub send_failures: u32,
    /// Times the port could not be had.
    pub port_failures: u32,
    /// Requests sent.
    pub requests_sent: u32,
    /// Requests received.
    pub requests_received: u32,
    /// Responses sent.
    pub responses_sent: u32,
    /// Responses received.
    pub responses_received: u32,
    /// Messages dropped that were no requests, for whichever of the reasons below (RFC 1724 rip2IfStatRcvBadPackets).
    pub bad_response_packets: u32,
    /// Requests dropped, for whichever of the reasons below.
    pub bad_request_packets: u32,
    /// Entries dropped as invalid.
    pub bad_response_entries: u32,
    /// Triggered updates sent.
    pub triggered_updates_sent: u32,
    /// Dropped: no RIP message.
    pub malformed: u32,
    /// Dropped: a version that is not accepted.
    pub wrong_version: u32,
    /// Dropped: sender not on the link, not from the RIP port, filtered, or its packet crossed a router.
    pub wrong_source: u32,
    /// Dropped: authentication missing or wrong.
    pub authentication_failures: u32,
    /// Dropped: a sequence number lower than one before.
    pub replays: u32,
    /// Dropped: as many neighbours as can be remembered.
    pub excess_neighbors: u32,
    /// Routes not taken because of `maximum-routes`.
    pub excess_routes: u32,
}

/// Whether RIP runs on the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does not.
    Down,
    /// It does.
    Active,
    /// It no longer does, but still says good-bye. Then the port is closed.
    Leaving,
}

/// An interface.
#[derive(Debug)]
pub struct Interface {
    /// Name, number, type.
    pub identity: InterfaceIdentity,
    /// The options given for it; `None`: RIP is not configured here.
    pub config: Option<InterfaceConfig>,
    /// The options in force.
    pub effective: Effective,
    /// Administratively enabled.
    pub enabled: bool,
    /// Carrier.
    pub media: bool,
    /// Its addresses.
    pub binding: AdapterBinding,
    /// Whether RIP runs here.
    pub phase: Phase,
    /// It was deleted and is only still there to say good-bye.
    pub deleted: bool,
    /// The port as it was last opened.
    pub port: Option<PortSpec>,
    /// Why there is no port although there should be one.
    pub trouble: Option<String>,
    /// The log has it.
    pub trouble_is_told: bool,
    /// The connected networks that are in the table.
    pub connected: Vec<Prefix4>,
    /// Who was heard here.
    pub neighbors: Neighbors,
    /// The numbers of authenticated messages heard here.
    pub sequences: Sequences,
    /// What happened here.
    pub counters: Counters,
    /// What is being sent.
    pub sending: Sending,
    /// A request waits until messages may be numbered.
    pub request_waits: bool,
    /// When an autostatic update began and when its last answer came.
    pub demand: Option<(Time, Option<Time>)>,
    /// When the next warning about too many routes may be written.
    pub next_excess_notice: Time,
    /// When the next error about messages that are not authentic may be written.
    pub next_authentication_notice: Time,
    /// How many of those there were since the last one.
    pub unreported_forgeries: u32,
    /// Nothing can be sent because no key is valid yet.
    pub keyless: bool,
}

impl Interface {
    /// A new interface, disabled (routing-protocol-interface 8).
    #[must_use]
    pub fn new(
        identity: InterfaceIdentity,
        config: Option<InterfaceConfig>,
        global: &GlobalConfig,
        policies: &Policies,
    ) -> Self {
        let effective = Effective::resolve(&config.clone().unwrap_or_default(), global, policies);
        Self {
            identity,
            config,
            effective,
            enabled: false,
            media: true,
            binding: AdapterBinding::default(),
            phase: Phase::Down,
            deleted: false,
            port: None,
            trouble: None,
            trouble_is_told: false,
            connected: Vec::new(),
            neighbors: Neighbors::default(),
            sequences: Sequences::default(),
            counters: Counters::default(),
            sending: Sending::default(),
            request_waits: false,
            demand: None,
            next_excess_notice: Time::ZERO,
            next_authentication_notice: Time::ZERO,
            unreported_forgeries: 0,
            keyless: false,
        }
    }

    /// The number.
    #[must_use]
    pub const fn index(&self) -> InterfaceIndex {
        self.identity.index
    }

    /// The port of this interface.
    #[must_use]
    pub const fn port_id(&self) -> PortId {
        PortId(self.identity.index.0)
    }

    /// Whether RIP runs here.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }

    /// Whether RIP should run here.
    #[must_use]
    pub fn should_run(&self) -> bool {
        !self.deleted
            && self.config.is_some()
            && self.enabled
            && !self.binding.addresses.is_empty()
            && (self.media || !self.effective.check_link)
    }

    /// IC_State: bit 1 enabled, bit 2 bound (rras-blocks 2.2).
    #[must_use]
    pub fn state_bits(&self) -> u32 {
        u32::from(self.enabled) | u32::from(!self.binding.addresses.is_empty()) << 1
    }

    /// Whether updates go out without being asked for.
    #[must_use]
    pub fn announces(&self) -> bool {
        self.is_active()
            && self.effective.announce != Announce::None
            && self.effective.update_mode == UpdateMode::Periodic
    }

    /// Whether changes are announced at once.
    #[must_use]
    pub fn triggers(&self) -> bool {
        self.announces() && self.effective.triggered_updates
    }

    /// The version of updates sent.
    #[must_use]
    pub fn version(&self) -> Version {
        version_of(&self.effective)
    }

    /// Whether `address` is one of ours here.
    #[must_use]
    pub fn owns(&self, address: Ipv4Addr) -> bool {
        self.binding
            .addresses
            .iter()
            .any(|binding| binding.address == address)
    }

    /// Whether `address` is on the link: in one of its networks, or the other end of a point-to-point link.
    #[must_use]
    pub fn is_on_link(&self, address: Ipv4Addr) -> bool {
        self.binding.remote == Some(IpAddr::V4(address))
            || self
                .binding
                .addresses
                .iter()
                .any(|binding| !binding.prefix.is_host() && binding.prefix.contains(address))
    }

    /// Whether a host route to `address` would be one to a broadcast address of the link.
    #[must_use]
    pub fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.binding
            .addresses
            .iter()
            .any(|binding| binding.prefix.length() < 31 && binding.prefix.last() == address)
    }

    /// Whether `address` is that of a network of the link, which is nobody's.
    #[must_use]
    pub fn is_network(&self, address: Ipv4Addr) -> bool {
        self.binding
            .addresses
            .iter()
            .any(|binding| binding.prefix.length() < 31 && binding.prefix.network() == address)
    }

    /// Our address that a message to `destination` comes from: the one in the same network, else the first.
    #[must_use]
    pub fn source_for(&self, destination: Ipv4Addr) -> Option<IpAddr> {
        self.binding
            .addresses
            .iter()
            .find(|binding| binding.prefix.contains(destination))
            .or_else(|| self.binding.addresses.first())
            .map(|binding| IpAddr::V4(binding.address))
    }

    /// Largest payload of a message: the configured one, cut to the MTU.
    #[must_use]
    pub fn payload_length(&self) -> usize {
        let mtu = match self.binding.mtu {
            0 => u32::MAX,
            mtu => mtu.saturating_sub(DATAGRAM_HEADERS),
        };
        u32::from(self.effective.packet_length).min(mtu) as usize
    }

    /// Where updates and requests go: destination and source. A network of several gets its own copy, because a router
    /// takes nothing from an address outside its networks (RFC 2453 §3.9.2). That is also why neighbours that are not on
    /// this link are left out: a list for all interfaces names those of others.
    #[must_use]
    pub fn audience(&self, effective: &Effective) -> Audience {
        let mut audience = Audience::new();
        let announce = effective.announce;
        if announce == Announce::None {
            return audience;
        }
        if effective.neighbor_mode != NeighborMode::Only {
            let mut networks: SmallVec<[Prefix4; 2]> = SmallVec::new();
            for binding in &self.binding.addresses {
                let remote = match self.binding.remote {
                    Some(IpAddr::V4(remote)) => Some(remote),
                    _ => None,
                };
                // A host address alone reaches nobody, unless the link has another end.
                if (binding.prefix.is_host() && remote.is_none())
                    || networks.contains(&binding.prefix)
                    || networks.len() >= MAXIMUM_NETWORKS
                {
                    continue;
                }
                networks.push(binding.prefix);
                let destination = if announce == Announce::V2Multicast {
                    RIP2_ROUTERS
                } else if binding.prefix.length() >= 31 {
                    let other = Ipv4Addr::from(u32::from(binding.address) ^ 1);
                    remote.unwrap_or(other)
                } else {
                    binding.prefix.last()
                };
                let to = SocketAddr::new(destination.into(), effective.port);
                let receiver = (to, Some(IpAddr::V4(binding.address)));
                if !audience.contains(&receiver) {
                    audience.push(receiver);
                }
            }
        }
        if effective.neighbor_mode != NeighborMode::Off {
            let mut named: BTreeSet<SocketAddr> = audience.iter().map(|(to, _)| *to).collect();
            for neighbor in &effective.neighbors {
                let to = SocketAddr::new((*neighbor).into(), effective.port);
                if self.is_on_link(*neighbor) && !self.owns(*neighbor) && named.insert(to) {
                    audience.push((to, self.source_for(*neighbor)));
                }
            }
        }
        audience
    }

    /// The port as it should be.
    #[must_use]
    pub fn port_spec(&self) -> PortSpec {
        let effective = &self.effective;
        let mut groups = SmallVec::new();
        if matches!(effective.accept, Accept::V2 | Accept::Both) {
            groups.push(RIP2_ROUTERS);
        }
        let secure = effective.ttl_security != TtlSecurity::Off;
        PortSpec {
            transport: Transport::Udp(effective.port),
            interface: self.index(),
            groups,
            broadcast: matches!(effective.announce, Announce::V1 | Announce::V1Compatible),
            ttl: if secure { 255 } else { 64 },
            multicast_ttl: if secure { 255 } else { 1 },
            minimum_ttl: if effective.ttl_security == TtlSecurity::On {
                255
            } else {
                0
            },
            dscp: effective.dscp,
            receive_buffer: effective.receive_buffer,
        }
    }

    /// What the table must know of the interface.
    #[must_use]
    pub fn link_policy(&self) -> LinkPolicy {
        LinkPolicy {
            cost: self.effective.metric,
            weight: self.effective.ecmp_weight,
            overwrite_static: self.effective.overwrite_static_routes,
            expiration: self.effective.expiration_interval,
            removal: self.effective.removal_interval,
            networks: self.networks(),
        }
    }

    /// The networks of the link, each once.
    #[must_use]
    pub fn networks(&self) -> Vec<Prefix4> {
        let mut networks: Vec<Prefix4> = self
            .binding
            .addresses
            .iter()
            .map(|binding| binding.prefix)
            .filter(|prefix| crate::redistribute::is_announceable(*prefix))
            .collect();
        networks.sort_unstable();
        networks.dedup();
        networks
    }
}

/// The version of the updates that a configuration sends.
#[must_use]
pub fn version_of(effective: &Effective) -> Version {
    if effective.announce == Announce::V1 {
        Version::V1
    } else {
        Version::V2
    }
}

/// Whether the accept options let a route in, and what they change about it.
#[must_use]
pub fn accepts(effective: &Effective, prefix: Prefix4, heard: &Heard) -> Option<Adjustment> {
    if (prefix.is_host() && !effective.accept_host_routes)
        || (prefix.is_default() && !effective.accept_default_route)
    {
        return None;
    }
    let adjustment = filter_verdict(&effective.accept_filter, prefix)?;
    match &effective.accept_policy {
        Some(policy) => policy.accept(prefix, heard, adjustment),
        None => Some(adjustment),
    }
}

/// The prefix that an address without a mask means on this interface (RFC 1058 §3.2).
///
/// Inside the class network of the interface its own mask applies; elsewhere the class network's. What has bits set
/// beyond that mask is a host. `None`: nothing that can be routed to.
#[must_use]
pub fn infer_prefix(interface: &Interface, address: Ipv4Addr) -> Option<Prefix4> {
    if address.is_unspecified() {
        return Some(Prefix4::DEFAULT);
    }
    let natural = Prefix4::natural(address)?;
    if natural.network() == address {
        return Some(natural);
    }
    let host = Prefix4::host(address);
    interface
        .binding
        .addresses
        .iter()
        .filter(|binding| natural.covers(binding.prefix))
        .filter_map(|binding| Prefix4::new(address, binding.prefix.length()).ok())
        .next()
        .or(Some(host))
}
