//! The simulator's side: a loaded object as a protocol that can be installed on simulated routers.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use waypost_engine::{Now, Outbox, PortId, RxMeta, codec_of};
use waypost_rip::Rip;
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    Event, Functionality, InfoBlock, InterfaceIdentity, InterfaceStatus, MS_ROUTER_VERSION,
    NotificationEvent, Prepared, Refusal, RoutingCharacteristics, RoutingProtocol, Status, Topic, read_info,
};
use waypost_routprot_abi::ModuleProtocol;
use waypost_sim::{Persisted, Process, Program};
use waypost_types::{InterfaceIndex, ProtocolId, RouteNotice, RouterId, Seed, Time};

use crate::Door;

/// The RIP of this crate's object, which is in the file `object`, for routers of a simulation.
///
/// # Panics
/// A router that starts it panics when the file is no such object.
#[must_use]
pub fn program(object: PathBuf) -> Program {
    Program::new(ProtocolId::RIP, codec_of::<Rip>(), move |seed, persisted| {
        Box::new(Simulated::load(&object, seed, persisted))
    })
}

/// A copy of the object, registered.
struct Simulated {
    module: RefCell<ModuleProtocol>,
    door: &'static dyn Door,
    /// What came out of the last input.
    outbox: Outbox,
    /// Whether each interface is bound and has carrier.
    interfaces: BTreeMap<InterfaceIndex, [bool; 2]>,
    stopped: bool,
}

impl Simulated {
    fn load(object: &Path, seed: Seed, persisted: Persisted) -> Self {
        let mut module = ModuleProtocol::load(object, None).unwrap_or_else(|error| panic!("{error}"));
        let door = door_of(&module).unwrap_or_else(|| panic!("{} has no door", object.display()));
        door.prepare(seed, persisted);
        let offer = RoutingCharacteristics {
            version: MS_ROUTER_VERSION,
            protocol: ProtocolId::RIP,
            functionality: Functionality::all(),
        };
        module
            .register(&offer)
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        Self {
            module: RefCell::new(module),
            door,
            outbox: Outbox::new(),
            interfaces: BTreeMap::new(),
            stopped: false,
        }
    }

    /// A call through the interface, in which it is `now`.
    fn call<R>(
        &mut self,
        now: Now,
        call: impl FnOnce(&mut ModuleProtocol) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.door.set_clock(now);
        let result = call(self.module.get_mut());
        self.collect();
        result.map_err(|refusal| unworded(&refusal))
    }

    /// A question through the interface, from which nothing comes out.
    fn ask<R>(
        &self,
        ask: impl FnOnce(RefMut<'_, ModuleProtocol>) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        ask(self.module.borrow_mut()).map_err(|refusal| unworded(&refusal))
    }

    /// An input through the door.
    fn input(&mut self, now: Now, mut input: impl FnMut(&mut dyn Process)) {
        self.door.set_clock(now);
        self.door.reach(&mut input);
        self.collect();
    }

    /// Takes what came out; the simulator has taken what came out before.
    fn collect(&mut self) {
        let mut outbox = std::mem::take(&mut self.outbox);
        self.door
            .reach(&mut |instance| std::mem::swap(instance.outbox(), &mut outbox));
        self.outbox = outbox;
    }
}

/// The symbol's type, as `lib.rs` defines it.
type GetDoor = unsafe extern "C" fn(*mut &'static dyn Door);

fn door_of(module: &ModuleProtocol) -> Option<&'static dyn Door> {
    let symbol = module.symbol(c"WaypostSimulationDoor")?;
    // SAFETY: this crate's object exports it as a function of this type, and no other object exports it.
    let get = unsafe { std::mem::transmute::<*mut c_void, GetDoor>(symbol) };
    let mut door = MaybeUninit::<&'static dyn Door>::uninit();
    // SAFETY: the object is of this build, and the place is for one.
    unsafe { get(door.as_mut_ptr()) };
    // SAFETY: it was written. The door is a variable of the object, and whoever keeps it keeps the object.
    Some(unsafe { door.assume_init() })
}

/// The interface in C carries codes, and what PrepareInfo says in words SetInterfaceInfo cannot: here they are compared.
fn unworded(refusal: &Refusal) -> Refusal {
    Refusal::new(refusal.status, "the module refuses")
}

impl Process for Simulated {
    fn start(
        &mut self,
        now: Now,
        event: Arc<dyn NotificationEvent>,
        router_id: Option<RouterId>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        let host = Arc::new(EmptyRouter { router_id });
        self.call(now, |module| module.start(event, host, global))
    }

    fn start_complete(&mut self, now: Now) -> Result<(), Refusal> {
        self.call(now, |module| module.start_complete())
    }

    fn stop(&mut self, now: Now) -> Result<(), Refusal> {
        let stopped = self.call(now, |module| module.stop());
        self.stopped =
            !matches!(&stopped, Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING);
        stopped
    }

    fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn prepare_global_info(&self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.ask(|mut module| module.prepare_global_info(info))
    }

    fn set_global_info(&mut self, now: Now, info: &InfoBlock) -> Result<(), Refusal> {
        self.call(now, |module| module.set_global_info(info))
    }

    fn global_info(&self) -> Result<InfoBlock, Refusal> {
        self.ask(|mut module| read_info(|buffer| module.global_info(buffer)))
    }

    fn add_interface(
        &mut self,
        now: Now,
        identity: &InterfaceIdentity,
        info: &InfoBlock,
    ) -> Result<(), Refusal> {
        self.interfaces.insert(identity.index, [false; 2]);
        self.call(now, |module| module.add_interface(identity, info))
    }

    fn delete_interface(&mut self, now: Now, index: InterfaceIndex) -> Result<(), Refusal> {
        self.interfaces.remove(&index);
        self.call(now, |module| module.delete_interface(index))
    }

    fn interface_status(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        let [bound, carrier] = self.interfaces.entry(index).or_default();
        match status {
            InterfaceStatus::AddressChange(binding) => *bound = !binding.addresses.is_empty(),
            InterfaceStatus::MediaPresent => *carrier = true,
            InterfaceStatus::MediaAbsent => *carrier = false,
            InterfaceStatus::Enabled | InterfaceStatus::Disabled => {}
        }
        let is_active = *bound && *carrier;
        self.call(now, |module| module.interface_status(index, is_active, status))
    }

    fn prepare_interface_info(&self, index: InterfaceIndex, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.ask(|mut module| module.prepare_interface_info(Some(index), info))
    }

    fn set_interface_info(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        info: &InfoBlock,
    ) -> Result<(), Refusal> {
        self.call(now, |module| module.set_interface_info(index, info))
    }

    fn interface_info(&self, index: InterfaceIndex) -> Result<InfoBlock, Refusal> {
        self.ask(|mut module| read_info(|buffer| module.interface_info(index, buffer)))
    }

    fn packet(&mut self, now: Now, port: PortId, meta: &RxMeta, octets: &[u8]) {
        self.input(now, |instance| instance.packet(now, port, meta, octets));
    }

    fn port_failed(&mut self, now: Now, port: PortId, error: &str) {
        self.input(now, |instance| instance.port_failed(now, port, error));
    }

    fn persisted(&mut self, now: Now, key: &str, value: &[u8]) {
        self.input(now, |instance| instance.persisted(now, key, value));
    }

    fn deadline(&mut self, now: Now) {
        self.input(now, |instance| instance.deadline(now));
    }

    fn proceed(&mut self, now: Now) {
        self.input(now, |instance| instance.proceed(now));
    }

    fn routes(&mut self, now: Now, notices: &[RouteNotice]) {
        self.input(now, |instance| instance.routes(now, notices));
    }

    fn next_deadline(&self) -> Option<Time> {
        let mut deadline = None;
        self.door
            .reach(&mut |instance| deadline = instance.next_deadline());
        deadline
    }

    fn next_event(&mut self) -> Option<Event> {
        let event = self.module.get_mut().next_event();
        self.stopped |= event == Some(Event::RouterStopped);
        event
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        self.door.set_clock(now);
        self.ask(|mut module| module.show(topic))
    }
}
