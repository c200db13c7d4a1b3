//! A namespace with two links, and what stands around a protocol's thread.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use waypost_engine::{Engine, EngineProtocol};
use waypost_host::protocol::{Stored, Surroundings, ThreadCell, spawn};
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    AdapterBinding, Event, InfoBlock, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding,
    RoutingCharacteristics, RoutingProtocol,
};
use waypost_testkit::wait_for;
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId, RouteBatch, RouteNotice, Seed};

/// The number of the link that most tests use.
pub(crate) const LINK: InterfaceIndex = InterfaceIndex(7);
/// Loopback's number in a namespace that has nothing else.
pub(crate) const LOOPBACK: InterfaceIndex = InterfaceIndex(1);
/// Nothing that these tests wait for takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a test in a namespace with the links `eth7` and `eth8`, numbered so, with the addresses that the conformance suite
/// tells protocols of. At their far ends nobody listens.
pub(crate) fn isolated(test: impl FnOnce() + Send) {
    waypost_testkit::isolated(|| {
        for number in [7, 8] {
            ip(&format!(
                "link add eth{number} index {number} type veth peer name far{number}"
            ));
            ip(&format!("link set far{number} up"));
            ip(&format!("link set eth{number} up"));
            for address in ["10.0.0.1/24", "10.0.1.1/24"] {
                ip(&format!("address add {address} dev eth{number}"));
            }
        }
        test();
    })
    .unwrap();
}

fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {error}");
}

type Sink = Box<dyn Fn(Vec<RouteNotice>) + Send>;

/// Writes down what a protocol's thread asks for.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) batches: Mutex<Vec<RouteBatch>>,
    pub(crate) sink: Mutex<Option<Sink>>,
    pub(crate) deaths: Mutex<Vec<String>>,
}

impl Surroundings for Notes {
    fn routes(&self, _protocol: ProtocolId, batch: RouteBatch) {
        self.batches.lock().unwrap().push(batch);
    }

    fn interest(&self, _protocol: ProtocolId, _owners: Vec<ProtocolId>, sink: Sink) {
        *self.sink.lock().unwrap() = Some(sink);
    }

    fn persist(&self, _protocol: ProtocolId, _key: String, _value: Vec<u8>, done: Stored) {
        done(true);
    }

    fn died(&self, _protocol: ProtocolId, reason: String) {
        let mut deaths = self.deaths.lock().unwrap_or_else(PoisonError::into_inner);
        deaths.push(reason);
    }
}

/// A protocol that runs, its driver and what is around it.
pub(crate) struct Hosted<E: Engine> {
    pub(crate) protocol: EngineProtocol<E, ThreadCell<E>>,
    pub(crate) notes: Arc<Notes>,
}

impl<E: Engine> Hosted<E> {
    /// Started with this configuration, without interfaces.
    pub(crate) fn start(global: &InfoBlock) -> Self {
        let notes = Arc::new(Notes::default());
        let mut protocol = spawn::<E>(Seed(1), Vec::new(), notes.clone()).unwrap();
        protocol
            .register(&RoutingCharacteristics::offer(E::PROTOCOL))
            .unwrap();
        protocol
            .start(
                Arc::new(EmptyRouter::default()),
                Arc::new(EmptyRouter::default()),
                global,
            )
            .unwrap();
        protocol.start_complete().unwrap();
        Self { protocol, notes }
    }

    /// Adds an interface that is up, named after its number.
    pub(crate) fn add_up(&mut self, index: InterfaceIndex, info: &InfoBlock) {
        let identity = InterfaceIdentity {
            name: format!("eth{index}"),
            index,
            kind: InterfaceType::Permanent,
        };
        self.protocol.add_interface(&identity, info).unwrap();
        let address = Ipv4Addr::new(10, 0, 0, 1);
        let binding = AdapterBinding {
            addresses: vec![LocalBinding {
                address,
                prefix: Prefix4::containing(address, 24).unwrap(),
            }],
            mtu: 1500,
            ..AdapterBinding::default()
        };
        for status in [
            InterfaceStatus::AddressChange(binding),
            InterfaceStatus::MediaPresent,
            InterfaceStatus::Enabled,
        ] {
            self.protocol.interface_status(index, true, &status).unwrap();
        }
    }

    /// Waits for the next event.
    pub(crate) fn event(&mut self) -> Event {
        wait_for(PATIENCE, "an event", || {
            self.protocol.next_event().ok_or_else(String::new)
        })
        .unwrap()
    }

    /// Takes the batches of routes so far.
    pub(crate) fn batches(&self) -> Vec<RouteBatch> {
        std::mem::take(&mut self.notes.batches.lock().unwrap())
    }
}

/// The local ports of the UDP sockets of this namespace, as the kernel lists them.
pub(crate) fn udp_ports() -> BTreeSet<u16> {
    let table = std::fs::read_to_string("/proc/thread-self/net/udp").unwrap();
    let local = table.lines().skip(1).map(|line| {
        let address = line.split_whitespace().nth(1).unwrap();
        u16::from_str_radix(address.split_once(':').unwrap().1, 16).unwrap()
    });
    local.collect()
}
