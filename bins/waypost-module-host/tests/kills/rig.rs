//! A router manager as the daemon has it: RIP and static routes built in, a module in a process of its own, a routing table in
//! a node of a lab.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use waypost_engine::{Engine, codec_of};
use waypost_host::protocol::{Stored, Surroundings, spawn};
use waypost_host::table::{self, TableHandle, TableOptions};
use waypost_infobase::{BlockKey, MemoryStore};
use waypost_manager::{
    Author, Autostatic, Configuration, Edit, InstanceId, Interface, InterfaceChange, Manager, OpaqueCodec,
    Protocols, RouteTable, RouteTerms,
};
use waypost_rip::Rip;
use waypost_routprot::conformance::host::{Log, Recorder, Request};
use waypost_routprot::{InfoBlock, InterfaceType, NotificationEvent, Refusal, RoutingProtocol, Status};
use waypost_routprot_abi::Privileges;
use waypost_static::Static;
use waypost_types::{
    InterfaceIndex, Prefix, ProtocolId, Route, RouteBatch, RouteNotice, Seed, Time, WallTime,
};

use crate::build::isolated;

pub(crate) const MODULE: ProtocolId = ProtocolId(200);
/// A protocol that is told of changes last, and refuses the blocks that begin with [`REFUSED`].
pub(crate) const LAST: ProtocolId = ProtocolId(0x4137_000A);
pub(crate) const REFUSED: u8 = 0xFF;
const WALL: WallTime = WallTime(1_700_000_000);
/// How long a module may take for anything before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long routes of a process that died are kept. An instance sets them again long before.
const GRACE: Duration = Duration::from_secs(5);

/// What instances of built-in protocols have around them.
struct Around(TableHandle);

impl Surroundings for Around {
    fn routes(&self, protocol: ProtocolId, batch: RouteBatch) {
        self.0.batch(protocol, batch);
    }

    fn interest(
        &self,
        protocol: ProtocolId,
        owners: Vec<ProtocolId>,
        sink: Box<dyn Fn(Vec<RouteNotice>) + Send>,
    ) {
        self.0.interest(protocol, owners, sink);
    }

    fn persist(&self, _protocol: ProtocolId, _key: String, _value: Vec<u8>, done: Stored) {
        done(true);
    }

    fn died(&self, protocol: ProtocolId, reason: String) {
        panic!("{protocol}: {reason}");
    }
}

/// The manager's view of the table.
struct Routes(TableHandle);

impl RouteTable for Routes {
    fn set_preference(&mut self, protocol: ProtocolId, preference: u8) {
        self.0.set_preference(protocol, preference);
    }

    fn set_terms(&mut self, protocol: ProtocolId, terms: RouteTerms) {
        self.0.set_terms(protocol, terms);
    }

    fn set_memory_budget(&mut self, _: Option<u32>) {}

    fn remove_protocol(&mut self, protocol: ProtocolId) {
        self.0.remove_protocol(protocol);
    }

    fn keep_for_grace(&mut self, protocol: ProtocolId) {
        self.0.keep_for_grace(protocol);
    }

    fn routes_through(&mut self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        self.0.routes_through(protocol, interface)
    }

    fn set_autostatic(&mut self, interface: InterfaceIndex, routes: Autostatic) {
        self.0.set_autostatic(interface, routes);
    }
}

/// How many instances of each kind were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) built_in: usize,
    pub(crate) modules: usize,
}

struct Installed {
    file: PathBuf,
    table: TableHandle,
    died: Sender<(InstanceId, String)>,
    made: Arc<Mutex<Made>>,
}

impl Installed {
    fn built_in<E: Engine>(&self) -> Option<Box<dyn RoutingProtocol>> {
        let around = Arc::new(Around(self.table.clone()));
        self.made.lock().unwrap().built_in += 1;
        Some(Box::new(spawn::<E>(Seed(1), Vec::new(), around).unwrap()))
    }
}

impl Protocols for Installed {
    fn create(
        &mut self,
        id: ProtocolId,
        instance: InstanceId,
        _: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        if id == Rip::PROTOCOL {
            return self.built_in::<Rip>();
        }
        if id == Static::PROTOCOL {
            return self.built_in::<Static>();
        }
        if id == LAST {
            let (recorder, script) = Recorder::new(id, &Log::default());
            script.refuse(
                Status::ERROR_CAN_NOT_COMPLETE,
                |request| matches!(request, Request::SetInterface { info, .. } if info.bytes[0] == REFUSED),
            );
            self.made.lock().unwrap().built_in += 1;
            return Some(Box::new(recorder));
        }
        self.made.lock().unwrap().modules += 1;
        let died = self.died.clone();
        let died = move |reason| drop(died.send((instance, reason)));
        let table = Some(self.table.for_module(id));
        // One that is killed while it is loaded cannot be made.
        let module = isolated(&self.file, PATIENCE, table, Privileges::default(), died).ok()?;
        Some(Box::new(module))
    }

    fn installed(&self) -> Vec<ProtocolId> {
        vec![Rip::PROTOCOL, Static::PROTOCOL, MODULE, LAST]
    }
}

struct Quiet;

impl NotificationEvent for Quiet {
    fn signal(&self) {}
}

/// A block of the module's for an interface.
pub(crate) fn block(metric: u32) -> InfoBlock {
    InfoBlock::new(
        1,
        [metric, 0, 0]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect(),
    )
}

pub(crate) struct Rig {
    pub(crate) manager: Manager,
    pub(crate) table: TableHandle,
    pub(crate) made: Arc<Mutex<Made>>,
    lan: Interface,
    died: Receiver<(InstanceId, String)>,
    /// The manager's time, which passes as fast as the test has it.
    now: Time,
}

impl Rig {
    /// A started manager without configuration, on a machine with this interface.
    pub(crate) fn new(file: PathBuf, lan: Interface) -> Self {
        let options = TableOptions::new(GRACE, Seed(1));
        let table = table::spawn(options, |reason| panic!("{reason}")).unwrap();
        let (send, died) = channel();
        let made = Arc::default();
        let installed = Installed {
            file,
            table: table.clone(),
            died: send,
            made: Arc::clone(&made),
        };
        let codecs = [codec_of::<Rip>(), codec_of::<Static>()];
        let opaque = [
            Arc::new(OpaqueCodec::new(MODULE, "sample", "Sample")) as _,
            Arc::new(OpaqueCodec::new(LAST, "last", "Last")) as _,
        ];
        let mut manager = Manager::new(
            Box::new(MemoryStore::default()),
            Box::new(installed),
            Box::new(Routes(table.clone())),
            Configuration::new(codecs.into_iter().chain(opaque)),
            Arc::new(Quiet),
        )
        .unwrap();
        table.interfaces(vec![InterfaceChange::Present(lan.clone())]);
        manager.interfaces_changed([InterfaceChange::Present(lan.clone())]);
        manager.start(Time::ZERO, WALL);
        table.start_complete();
        Self {
            manager,
            table,
            made,
            lan,
            died,
            now: Time::ZERO,
        }
    }

    pub(crate) fn apply(&mut self, edits: &[Edit]) -> Result<(), Vec<Refusal>> {
        let author = Author::default();
        self.manager.apply(self.now, WALL, edits, &author).map(drop)
    }

    /// The edits that set a value for all three protocols on the interface; the last one refuses if asked to.
    pub(crate) fn edits(&self, metric: u32, refused: bool) -> Vec<Edit> {
        let name = &self.lan.name;
        let first = if refused { REFUSED } else { 0 };
        let last = InfoBlock::new(1, vec![first, metric as u8]);
        vec![
            Edit::Set {
                path: format!("interfaces.{name}.rip.metric").parse().unwrap(),
                value: metric.into(),
                typed: None,
            },
            Edit::Block(BlockKey::interface(name, MODULE), Some(block(metric))),
            Edit::Block(BlockKey::interface(name, LAST), Some(last)),
        ]
    }

    /// The metric that RIP, the module and the last protocol have by what is stored.
    pub(crate) fn stored(&self) -> [u32; 3] {
        let name = &self.lan.name;
        let text = self.manager.show_configuration().unwrap();
        let rip = &text["interfaces"][name]["rip"]["metric"];
        let octets = |id| &self.manager.tree()[&BlockKey::interface(name, id)].bytes;
        let module = u32::from_ne_bytes(*octets(MODULE).first_chunk().unwrap());
        [rip.as_u64().unwrap() as u32, module, octets(LAST)[1].into()]
    }

    /// That what the protocols have in force is what is stored. All must run.
    pub(crate) fn assert_agreed(&self) {
        for id in self.manager.configuration().protocols().map(|(id, _)| id) {
            assert_eq!(self.state(id), "running", "{id}");
        }
        assert_eq!(&self.manager.tree_of_protocols().unwrap(), self.manager.tree());
    }

    /// What the manager says of a protocol.
    pub(crate) fn state(&self, id: ProtocolId) -> String {
        let rows = self.manager.show_protocols();
        let row = rows.as_array().unwrap().iter().find(|row| row["id"] == id.0);
        row.unwrap()["state"].as_str().unwrap().to_owned()
    }

    /// Tells the manager of processes that died, and lets time pass until the module runs in another process than `before`.
    pub(crate) fn revive(&mut self, before: Option<u32>) -> u32 {
        let until = Instant::now() + PATIENCE;
        loop {
            while let Ok((instance, reason)) = self.died.recv_timeout(Duration::from_millis(1)) {
                self.manager.client_died(self.now, MODULE, instance, &reason);
            }
            if let Some(deadline) = self.manager.next_deadline() {
                self.now = deadline.max(self.now);
                self.manager.tick(self.now, WALL);
            }
            self.manager.drain_events(self.now, WALL);
            let runs = process().filter(|pid| Some(*pid) != before);
            if let Some(pid) = runs.filter(|_| self.state(MODULE) == "running") {
                return pid;
            }
            assert!(
                Instant::now() < until,
                "the module is {}:\n{}",
                self.state(MODULE),
                self.manager.take_log().join("\n")
            );
        }
    }
}

/// The process of a module that this one runs, if it is just one.
fn process() -> Option<u32> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let state = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            if state.contains("(waypost-module") && !state.contains(") Z ") {
                found.push(child.parse().unwrap());
            }
        }
    }
    <[u32; 1]>::try_from(found).ok().map(|[pid]| pid)
}

/// An interface of the machine this runs on, with an address.
pub(crate) fn interface(name: &str, index: InterfaceIndex, address: std::net::Ipv4Addr) -> Interface {
    Interface {
        index,
        name: name.to_owned(),
        kind: "veth".to_owned(),
        connection: InterfaceType::Permanent,
        mtu: 1500,
        speed: 0,
        up: true,
        carrier: true,
        mac: "02:00:00:00:00:01".to_owned(),
        addresses: vec![(address, 24)],
        addresses6: Vec::new(),
        remote: None,
    }
}
