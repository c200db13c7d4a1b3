//! A router: its interfaces, its kernel, its routing table and the protocols on it.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;
use waypost_engine::{PortId, PortSpec, RxMeta};
use waypost_routprot::{AdapterBinding, InterfaceIdentity, InterfaceType, LocalBinding};
use waypost_rtm::{EntityConfig, EntityId, Rtm, RtmError, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId, Seed, Time};

use crate::fib::Fib;
use crate::process::{Persisted, Process, Program};
use crate::wire::Order;

/// A router's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A link's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub usize);

/// An interface of a router.
#[derive(Clone, Debug)]
pub struct NetworkInterface {
    /// Its name and number.
    pub identity: InterfaceIdentity,
    /// The link it is on.
    pub segment: SegmentId,
    /// Its address.
    pub address: Ipv4Addr,
    /// The network of the link.
    pub prefix: Prefix4,
    /// Enabled in the router: protocols may use it. Packets pass all the same while there is carrier, farewells among
    /// them.
    pub enabled: bool,
    /// Carrier.
    pub carrier: bool,
    /// Largest IP packet.
    pub mtu: u32,
}

impl NetworkInterface {
    /// Whether packets can pass.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.carrier
    }

    pub(crate) fn binding(&self) -> AdapterBinding {
        AdapterBinding {
            addresses: vec![LocalBinding {
                address: self.address,
                prefix: self.prefix,
            }],
            mtu: self.mtu,
            ..AdapterBinding::default()
        }
    }
}

/// A protocol as configured on a router. Survives a crash, as it would on disk.
#[derive(Clone)]
pub struct Installed {
    /// The protocol.
    pub program: Program,
    /// Its configuration as a whole, as text.
    pub global: Value,
    /// Its configuration on interfaces, as text.
    pub interfaces: BTreeMap<InterfaceIndex, Value>,
    /// What it stored.
    pub(crate) storage: BTreeMap<String, Vec<u8>>,
}

/// A UDP or raw socket.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) spec: PortSpec,
    pub(crate) queue: VecDeque<(RxMeta, Arc<[u8]>)>,
    pub(crate) queued_octets: u64,
}

/// A running protocol.
pub(crate) struct Running {
    pub(crate) process: Box<dyn Process>,
    pub(crate) entity: EntityId,
    pub(crate) interest: Option<SubscriberId>,
    pub(crate) ports: BTreeMap<PortId, Port>,
    /// The deadline that is in the schedule.
    pub(crate) armed: Option<Time>,
    /// A Continue is in the schedule.
    pub(crate) continuing: bool,
    /// News of routes are in the schedule.
    pub(crate) expecting: bool,
}

/// What a router has in memory while it runs.
pub(crate) struct Life {
    pub(crate) rtm: Rtm,
    pub(crate) connected: EntityId,
    pub(crate) forwarding: SubscriberId,
    pub(crate) fib: Fib,
    /// By the position of [`Node::installed`].
    pub(crate) running: Vec<Option<Running>>,
    /// Until when the processor handles what it took from a queue.
    pub(crate) busy_until: Time,
    /// Which ports have something to read, in the order it came.
    pub(crate) order: Order,
    /// A look at the queues is in the schedule.
    pub(crate) serving: bool,
}

impl Life {
    pub(crate) fn new(seed: Seed) -> Result<Self, RtmError> {
        let mut rtm = Rtm::new(seed.child("routing-table"));
        let connected = rtm.register(EntityConfig::new(ProtocolId::LOCAL))?;
        let forwarding = rtm.subscribe(SubscriberConfig::new(SubscriberKind::Forwarding))?;
        Ok(Self {
            rtm,
            connected,
            forwarding,
            fib: Fib::default(),
            running: Vec::new(),
            busy_until: Time::ZERO,
            order: Order::new(),
            serving: false,
        })
    }
}

/// A router.
pub struct Node {
    /// Its interfaces; number 1 is the first.
    pub interfaces: Vec<NetworkInterface>,
    /// The protocols configured on it.
    pub installed: Vec<Installed>,
    pub(crate) seed: Seed,
    /// Counts lives, so that what was scheduled for one never reaches the next.
    pub(crate) incarnation: u64,
    pub(crate) life: Option<Life>,
}

impl Node {
    pub(crate) const fn new(seed: Seed) -> Self {
        Self {
            interfaces: Vec::new(),
            installed: Vec::new(),
            seed,
            incarnation: 0,
            life: None,
        }
    }

    pub(crate) fn add_interface(
        &mut self,
        segment: SegmentId,
        address: Ipv4Addr,
        prefix: Prefix4,
        mtu: u32,
    ) -> InterfaceIndex {
        let index = InterfaceIndex(self.interfaces.len() as u32 + 1);
        self.interfaces.push(NetworkInterface {
            identity: InterfaceIdentity {
                name: format!("eth{index}"),
                index,
                kind: InterfaceType::Permanent,
            },
            segment,
            address,
            prefix,
            enabled: true,
            carrier: true,
            mtu,
        });
        index
    }

    /// One of its interfaces.
    #[must_use]
    pub fn interface(&self, index: InterfaceIndex) -> Option<&NetworkInterface> {
        self.interfaces.get((index.0 as usize).checked_sub(1)?)
    }

    pub(crate) fn interface_mut(&mut self, index: InterfaceIndex) -> Option<&mut NetworkInterface> {
        self.interfaces.get_mut((index.0 as usize).checked_sub(1)?)
    }

    /// Whether it has power.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.life.is_some()
    }

    /// Whether a protocol, by its position among the installed ones, runs on it.
    #[must_use]
    pub fn runs(&self, protocol: usize) -> bool {
        self.running(protocol).is_some()
    }

    pub(crate) fn running(&self, protocol: usize) -> Option<&Running> {
        self.life.as_ref()?.running.get(protocol)?.as_ref()
    }

    /// Its forwarding table, while it has power.
    #[must_use]
    pub fn fib(&self) -> Option<&Fib> {
        Some(&self.life.as_ref()?.fib)
    }

    /// Its routing table, while it has power.
    #[must_use]
    pub fn rtm(&self) -> Option<&Rtm> {
        Some(&self.life.as_ref()?.rtm)
    }

    /// Datagrams that wait in the queues of its ports.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.life
            .iter()
            .flat_map(|life| life.running.iter().flatten())
            .flat_map(|running| running.ports.values())
            .map(|port| port.queue.len())
            .sum()
    }

    /// How many ports a protocol has open.
    #[must_use]
    pub fn open_ports(&self, protocol: usize) -> usize {
        self.running(protocol).map_or(0, |running| running.ports.len())
    }

    /// What a protocol stored, in the order of its keys.
    #[must_use]
    pub fn persisted(&self, protocol: usize) -> Persisted {
        self.installed.get(protocol).map_or_else(Vec::new, |installed| {
            installed
                .storage
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        })
    }
}
