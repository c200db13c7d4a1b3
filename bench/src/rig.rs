//! A manager with the real RIP in it and nothing around: no kernel, no thread, no socket.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Result, bail};
use waypost_engine::{Engine, EngineProtocol, ManualCell, Now, codec_of};
use waypost_infobase::Store;
use waypost_manager::{
    Applied, Author, Autostatic, Configuration, Edit, InstanceId, Interface, InterfaceChange, Manager,
    Protocols, RouteTable, RouteTerms,
};
use waypost_rip::Rip;
use waypost_routprot::{InterfaceType, NotificationEvent, Refusal, RoutingProtocol};
use waypost_sys::clock;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, Seed};

/// RIP as the manager and, beside it, a benchmark hold it.
pub(crate) type Protocol = EngineProtocol<Rip, ManualCell<Rip>>;

/// A manager and the one instance of RIP that it starts.
pub(crate) struct Rig {
    manager: Manager,
    cell: ManualCell<Rip>,
}

impl Rig {
    /// A manager over a store that knows `interfaces` interfaces and runs RIP.
    pub(crate) fn new(store: Box<dyn Store>, interfaces: u32) -> Result<Self> {
        let now = Now {
            time: clock::now(),
            wall: clock::wall(),
        };
        let cell = ManualCell::new(Seed(1), now);
        let mut manager = Manager::new(
            store,
            Box::new(Installed(cell.clone())),
            Box::new(NoTable),
            Configuration::new([codec_of::<Rip>()]),
            Arc::new(NoEvent),
        )
        .map_err(told)?;
        let present = (1..=interfaces).map(|index| InterfaceChange::Present(interface(index)));
        manager.interfaces_changed(present);
        manager.start(clock::now(), clock::wall());
        Ok(Self { manager, cell })
    }

    /// Applies edits as one transaction.
    pub(crate) fn apply(&mut self, edits: &[Edit]) -> Result<Applied> {
        let author = Author {
            name: "bench".to_owned(),
            note: String::new(),
        };
        let applied = self.manager.apply(clock::now(), clock::wall(), edits, &author);
        let log = self.manager.take_log();
        if !log.is_empty() {
            bail!("the manager says: {}", log.join("; "));
        }
        applied.map_err(refused)
    }

    /// The same instance of RIP that the manager runs, to be called past it.
    pub(crate) fn protocol(&self) -> Protocol {
        EngineProtocol::new(self.cell.clone())
    }
}

/// The interface of a number, up, with a carrier and a network of its own.
fn interface(index: u32) -> Interface {
    Interface {
        index: InterfaceIndex(index),
        name: name(index),
        kind: "dummy".to_owned(),
        connection: InterfaceType::Permanent,
        mtu: 1500,
        speed: 0,
        up: true,
        carrier: true,
        mac: String::new(),
        addresses: vec![(address(index), 30)],
        addresses6: Vec::new(),
        remote: None,
    }
}

/// The name of interface `index`, from 1 on.
pub(crate) fn name(index: u32) -> String {
    format!("d{index}")
}

/// The address of interface `index` in its own network of four.
pub(crate) fn address(index: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from_be_bytes([10, 64, 0, 1]) + index * 4)
}

/// Refusals as an error.
pub(crate) fn refused(refusals: Vec<Refusal>) -> anyhow::Error {
    let mut refusals = refusals.into_iter();
    match refusals.next() {
        Some(first) => told(first).context(format!("the first of {} refusals", refusals.len() + 1)),
        None => anyhow::anyhow!("refused for no reason"),
    }
}

/// A refusal as an error.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn told(refusal: Refusal) -> anyhow::Error {
    anyhow::Error::msg(refusal.to_string())
}

struct Installed(ManualCell<Rip>);

impl Protocols for Installed {
    fn create(
        &mut self,
        protocol: ProtocolId,
        _instance: InstanceId,
        _persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        (protocol == Rip::PROTOCOL).then(|| Box::new(Protocol::new(self.0.clone())) as _)
    }

    fn installed(&self) -> Vec<ProtocolId> {
        vec![Rip::PROTOCOL]
    }
}

struct NoTable;

impl RouteTable for NoTable {
    fn set_preference(&mut self, _protocol: ProtocolId, _preference: u8) {}

    fn set_terms(&mut self, _protocol: ProtocolId, _terms: RouteTerms) {}

    fn set_memory_budget(&mut self, _: Option<u32>) {}

    fn remove_protocol(&mut self, _protocol: ProtocolId) {}

    fn keep_for_grace(&mut self, _protocol: ProtocolId) {}

    fn routes_through(&mut self, _protocol: ProtocolId, _interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        Vec::new()
    }

    fn set_autostatic(&mut self, _interface: InterfaceIndex, _routes: Autostatic) {}
}

struct NoEvent;

impl NotificationEvent for NoEvent {
    fn signal(&self) {}
}
