//! A module as a routing protocol.

use std::ffi::c_void;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use waypost_routprot::{
    AdapterBinding, Event, Functionality, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus,
    MfeStatus, NeighborFlags, NotificationEvent, OutputBuffer, Prepared, Refusal, RoutingCharacteristics,
    RoutingProtocol, Status, SupportFunctions, UpdateComplete, UpdateKind, check_registration,
};
use waypost_rtmv2::RouteTable;
use waypost_rtmv2::client::Usage;
use waypost_types::InterfaceIndex;

use crate::checks::{check_described, check_functions};
use crate::event::HostEvent;
use crate::layout::{
    BindingHead, Message, MibChange, MibRead, PrepareInfo, RegisterProtocol, RoutingTable, ServiceTable,
};
use crate::lent::Lent;
use crate::library::{Library, PATIENCE_MS, next_number};
use crate::object::SharedObject;
use crate::prepare::{self, Scope};
use crate::rtm::{FUNCTIONS, Registered, TakeRtm, Worker};
use crate::support::Support;
use crate::traces::{self, Voice};

pub use crate::object::LoadError;

/// The most octets that a module may ask for or have configured: a size beyond it is taken for garbage.
const LARGEST: u32 = 16 << 20;
/// How often a module that nobody runs any more is asked whether it has stopped.
const LOOK: Duration = Duration::from_millis(1);
/// Messages that mean nothing in a row, after which a module is no more asked for messages in this drain.
const MEANINGLESS: usize = 1000;

/// A protocol that a shared object implements, one instance of it, in this process.
///
/// Each instance has a copy of the object with variables of its own. Until it is registered it can do nothing.
pub struct ModuleProtocol {
    /// `Some` until it is dropped or given up.
    object: Option<SharedObject>,
    entry: RegisterProtocol,
    functions: RoutingTable,
    /// That the module uses, to tell it who works for whom and to end what the module leaves.
    library: Option<Library>,
    /// Its part of the routing table, if it was given one.
    table: Option<Registered>,
    prepare: Option<PrepareInfo>,
    life: Life,
    /// What StartProtocol was given: the module may use it until it has stopped.
    start: Option<Started>,
    /// Of MibSetTrapInfo.
    trap: Option<HostEvent>,
    /// What was taken back: a module that uses it all the same must not reach what would be in its place. Dropped after the
    /// object, whose code can use nothing any more then.
    retired: (Vec<HostEvent>, Vec<Support>),
    input: Lent,
    output: Lent,
}

struct Started {
    event: HostEvent,
    support: Support,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Unregistered,
    Registered,
    Started,
    Stopping,
    /// Nothing of the module runs any more.
    Stopped,
}

// SAFETY: the functions of a module may be called from any thread, one at a time (10.3), which `&mut self` ensures.
unsafe impl Send for ModuleProtocol {}

impl ModuleProtocol {
    /// Loads a copy of a shared object, which may use `table` (rtmv2.h). Without one, or when the object is linked to no library
    /// that can hand these functions on and does not take them itself (waypost.h), they are ERROR_NOT_SUPPORTED to it.
    ///
    /// # Errors
    /// When the file cannot be read or loaded, or does not export `RegisterProtocol`.
    pub fn load(path: &Path, table: Option<Arc<dyn RouteTable>>) -> Result<Self, LoadError> {
        Self::load_octets(path, std::fs::read(path), table)
    }

    /// The same with a file that was read, or could not be.
    pub(crate) fn load_octets(
        path: &Path,
        octets: io::Result<Vec<u8>>,
        table: Option<Arc<dyn RouteTable>>,
    ) -> Result<Self, LoadError> {
        let object = SharedObject::load(path, octets)?;
        let entry = object.needed(c"RegisterProtocol")?;
        let library = Library::of(&object);
        if let Some(library) = library {
            library.log_traces(Voice::of(path));
        }
        let registered = table
            .and_then(|table| Some((offer_table(&object, library)?, table)))
            .map(|(worker, table)| Registered::new(worker, table));
        if matches!(registered, Some(None)) {
            tracing::error!(module = %path.display(), "as many modules have a routing table as can");
        }
        Ok(Self {
            library,
            table: registered.flatten(),
            prepare: prepare::exported(&object),
            object: Some(object),
            // SAFETY: the interface says that the symbol is a function of this type.
            entry: unsafe { std::mem::transmute::<*mut c_void, RegisterProtocol>(entry) },
            functions: RoutingTable::offer(0, 0, 0),
            life: Life::Unregistered,
            start: None,
            trap: None,
            retired: (Vec::new(), Vec::new()),
            input: Lent::new(),
            output: Lent::new(),
        })
    }

    /// Ends what the module has left in the routing table. False: code of it still runs.
    fn leave_table(&mut self) -> bool {
        let Some(table) = self.table.take() else {
            return true;
        };
        let (left, runs_on) = table.end(Duration::from_millis(PATIENCE_MS.into()));
        if left != Usage::default() {
            tracing::warn!(module = %self.name(), "the module has left {left} in the routing table");
        }
        !runs_on
    }

    /// The module says that it has stopped: what it was given is taken back, and what it left is ended.
    fn is_over(&mut self) {
        self.life = Life::Stopped;
        if !self.leave_table() {
            tracing::error!(module = %self.name(), "a callback of the module runs on: it is not unloaded");
            self.abandon();
        }
        if let Some(library) = self.library {
            if let Some(left) = library.usage() {
                tracing::warn!(module = %self.name(), "the module has stopped and left {left}");
            }
            if !library.shut_down() {
                tracing::error!(module = %self.name(), "threads of the module run on: it is not unloaded");
                self.abandon();
            }
        }
        if let Some(started) = self.start.take() {
            self.take_back(started);
        }
        if let Some(trap) = self.trap.take() {
            self.retire(trap);
        }
    }

    fn take_back(&mut self, started: Started) {
        started.support.end();
        self.retired.1.push(started.support);
        self.retire(started.event);
    }

    fn retire(&mut self, mut event: HostEvent) {
        event.end();
        self.retired.0.push(event);
    }

    fn name(&self) -> String {
        self.object
            .as_ref()
            .map_or_else(String::new, |object| object.path().display().to_string())
    }

    /// Something of the module may still run: what it uses stays (P-14).
    fn abandon(&mut self) {
        if let Some(object) = self.object.take() {
            object.abandon();
        }
        if let Some(started) = &mut self.start {
            started.event.abandon();
            started.support.abandon();
        }
        self.retired
            .0
            .iter()
            .chain(&self.trap)
            .for_each(HostEvent::abandon);
        self.retired.1.iter_mut().for_each(Support::abandon);
    }

    /// A call into the module; the thread works for it meanwhile.
    fn inside<R>(&self, call: impl FnOnce(&RoutingTable) -> R) -> R {
        let _inside = self.library.map(Library::enter);
        call(&self.functions)
    }

    /// What the module signalled during a call is passed on before the call returns.
    fn pass_signals_on(&self) {
        if let Some(started) = &self.start {
            started.event.pass_on();
        }
    }

    /// A call with a block, whose triple must be that of its octets: a module believes it, and would read past them.
    fn give_block(
        &mut self,
        info: &InfoBlock,
        call: impl FnOnce(&RoutingTable, *mut c_void, [u32; 3]) -> u32,
    ) -> Result<u32, Refusal> {
        check_described(info)?;
        let triple = [info.version, info.structure_size, info.structure_count];
        self.give(&info.bytes, |functions, pointer, _| {
            call(functions, pointer, triple)
        })
    }

    /// A call with octets for the module to read: pointer and size.
    fn give(
        &mut self,
        octets: &[u8],
        call: impl FnOnce(&RoutingTable, *mut c_void, u32) -> u32,
    ) -> Result<u32, Refusal> {
        let Some(size) = u32::try_from(octets.len()).ok().filter(|size| *size <= LARGEST) else {
            return Err(Refusal::out_of_range(
                "StructureSize",
                octets.len(),
                format!("0..={LARGEST}"),
            ));
        };
        if octets.is_empty() {
            return Ok(self.inside(|functions| call(functions, ptr::null_mut(), 0)));
        }
        self.input.fill(octets);
        let pointer = self.input.pointer();
        let code = self.inside(|functions| call(functions, pointer, size));
        if self.input.is_intact() {
            Ok(code)
        } else {
            Err(Refusal::failed(
                "the module wrote outside of the octets it was given to read",
            ))
        }
    }

    /// A call with a buffer for the module to write to: gives the code, and the size that the module says.
    fn take(
        &mut self,
        lent: Option<&mut [u8]>,
        call: impl FnOnce(&RoutingTable, *mut c_void, &mut u32) -> u32,
    ) -> Result<(u32, usize), Refusal> {
        let capacity = lent.as_ref().map_or(0, |lent| lent.len());
        let mut size = u32::try_from(capacity).unwrap_or(u32::MAX);
        let code = match lent {
            None => self.inside(|functions| call(functions, ptr::null_mut(), &mut size)),
            Some(lent) => {
                self.output.fill(lent);
                let pointer = self.output.pointer();
                let code = self.inside(|functions| call(functions, pointer, &mut size));
                if !self.output.is_intact() {
                    return Err(Refusal::failed("the module wrote past the buffer it was lent"));
                }
                lent.copy_from_slice(self.output.content());
                code
            }
        };
        if code == Status::NO_ERROR.0 && size as usize > capacity {
            return Err(Refusal::failed(format!(
                "the module claims to have written {size} octets into {capacity}"
            )));
        }
        if code == Status::ERROR_INSUFFICIENT_BUFFER.0 && size > LARGEST {
            return Err(Refusal::failed(format!(
                "the module asks for a buffer of {size} octets (allowed: up to {LARGEST})"
            )));
        }
        Ok((code, size as usize))
    }

    /// What a module that exports PrepareInfo says of a block.
    pub(crate) fn prepare(&mut self, scope: Scope, info: &InfoBlock) -> Result<Prepared, Refusal> {
        /// Octets lent at first: enough for most answers.
        const FIRST: usize = 4096;
        let prepare = self.prepare.ok_or_else(prepare::cannot_tell)?;
        check_described(info)?;
        let protocol = self.functions.protocol;
        let [scope, index] = scope.numbers();
        let (version, size, count) = (info.version, info.structure_size, info.structure_count);
        let mut lent = vec![0; FIRST];
        for _ in 0..2 {
            let mut given = std::mem::replace(&mut self.input, Lent::new());
            given.fill(&info.bytes);
            let block = if info.bytes.is_empty() {
                ptr::null_mut()
            } else {
                given.pointer()
            };
            let taken = self.take(Some(&mut lent), |_, pointer, needed| {
                // SAFETY: the module reads `size` octets `count` times and writes up to `needed`.
                unsafe {
                    prepare(
                        protocol, scope, index, block, version, size, count, pointer, needed,
                    )
                }
            });
            let is_intact = given.is_intact();
            self.input = given;
            let (code, length) = taken?;
            if !is_intact {
                return Err(Refusal::failed(
                    "the module wrote outside of the octets it was given to read",
                ));
            }
            if code != Status::ERROR_INSUFFICIENT_BUFFER.0 {
                return prepare::answer(code, lent.get(..length).unwrap_or_default());
            }
            lent = vec![0; length];
        }
        Err(Refusal::failed(
            "what the module has to say grows with every call",
        ))
    }

    fn info(
        &mut self,
        function: &str,
        buffer: &mut InfoBuffer<'_>,
        call: impl FnOnce(&RoutingTable, *mut c_void, &mut u32, &mut [u32; 3]) -> u32,
    ) -> Result<(), Refusal> {
        let mut structure = [0; 3];
        let (code, size) = self.take(buffer.lent(), |functions, pointer, size| {
            call(functions, pointer, size, &mut structure)
        })?;
        if code == Status::NO_ERROR.0 || code == Status::ERROR_INSUFFICIENT_BUFFER.0 {
            buffer.size = size;
            buffer.structure = structure.into();
        }
        answer(function, code)
    }

    fn mib_change(
        &mut self,
        function: &str,
        of: fn(&RoutingTable) -> Option<MibChange>,
        input: &[u8],
    ) -> Result<(), Refusal> {
        let code = self.give(input, |functions, pointer, size| {
            // SAFETY: the module reads `size` octets there.
            of(functions).map_or(MISSING, |call| unsafe { call(size, pointer) })
        })?;
        self.pass_signals_on();
        answer(function, code)
    }

    fn mib_read(
        &mut self,
        function: &str,
        of: fn(&RoutingTable) -> Option<MibRead>,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.read(
            function,
            input,
            out,
            |functions, given, given_size, pointer, size| {
                // SAFETY: the module reads `given_size` octets at `given` and writes up to `size` to `pointer`.
                of(functions).map_or(MISSING, |call| unsafe { call(given_size, given, size, pointer) })
            },
        )
    }

    fn read(
        &mut self,
        function: &str,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
        call: impl FnOnce(&RoutingTable, *mut c_void, u32, *mut c_void, &mut u32) -> u32,
    ) -> Result<(), Refusal> {
        let mut given = std::mem::replace(&mut self.input, Lent::new());
        given.fill(input);
        let pointer = if input.is_empty() {
            ptr::null_mut()
        } else {
            given.pointer()
        };
        let given_size = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let taken = self.take(out.lent(), |functions, lent, size| {
            call(functions, pointer, given_size, lent, size)
        });
        let is_intact = given.is_intact();
        self.input = given;
        let (code, size) = taken?;
        if !is_intact {
            return Err(Refusal::failed(
                "the module wrote outside of the octets it was given to read",
            ));
        }
        if code == Status::NO_ERROR.0 || code == Status::ERROR_INSUFFICIENT_BUFFER.0 {
            out.size = size;
        }
        answer(function, code)
    }
}

/// Lets an object have the functions of the routing table, by its library or by itself; `None` when it can have them by neither.
fn offer_table(object: &SharedObject, library: Option<Library>) -> Option<Worker> {
    let number = library.map_or_else(next_number, Library::number);
    let has_library = library.is_some_and(Library::offer_table);
    let takes = object.symbol(c"WaypostTakeRtm").map(|symbol| {
        // SAFETY: the header says that the symbol is a function of this type.
        let take = unsafe { std::mem::transmute::<*mut c_void, TakeRtm>(symbol) };
        // SAFETY: the functions stay for ever.
        unsafe { take(number, &raw const FUNCTIONS) };
    });
    (has_library || takes.is_some()).then_some(Worker { number, library })
}

/// What a function that a module does not have answers.
const MISSING: u32 = Status::ERROR_NOT_SUPPORTED.0;

/// A code as a result. Codes the interface does not know are passed on unchanged (P-2).
fn answer(function: &str, code: u32) -> Result<(), Refusal> {
    match Status(code) {
        Status::NO_ERROR => Ok(()),
        status => Err(Refusal::new(
            status,
            format!("{function} of the module answered {status}"),
        )),
    }
}

/// An address in network order in memory.
fn word(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

/// IP_ADAPTER_BINDING_INFO with its addresses, in words that align it.
fn binding_info(binding: &AdapterBinding) -> Vec<u64> {
    let remote = match binding.remote {
        Some(std::net::IpAddr::V4(remote)) => word(remote),
        _ => 0,
    };
    let pair = |low: u32, high: u32| {
        let mut octets = [0; 8];
        octets[..4].copy_from_slice(&low.to_ne_bytes());
        octets[4..].copy_from_slice(&high.to_ne_bytes());
        u64::from_ne_bytes(octets)
    };
    let count = u32::try_from(binding.addresses.len()).unwrap_or(u32::MAX);
    let mut words = vec![pair(count, remote), pair(binding.mtu, 0), binding.speed];
    words.extend(
        binding
            .addresses
            .iter()
            .map(|local| pair(word(local.address), word(local.prefix.netmask()))),
    );
    words
}

const _: () = assert!(size_of::<BindingHead>() == 3 * size_of::<u64>());

/// A function that the registration was checked to have; what it answers when there is none is ERROR_NOT_SUPPORTED.
macro_rules! call {
    ($functions:ident.$field:ident($($argument:expr),*)) => {
        // SAFETY: the arguments are what the interface says, and live through the call.
        $functions.$field.map_or(MISSING, |function| unsafe { function($($argument),*) })
    };
}

impl RoutingProtocol for ModuleProtocol {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        let mut table = RoutingTable::offer(offer.version, offer.protocol.0, offer.functionality.bits());
        let mut services = ServiceTable {
            version: offer.version,
            protocol: offer.protocol.0,
            functionality: 0,
            functions: [0; 12],
        };
        let entry = self.entry;
        // SAFETY: both structures live through the call.
        let code = self.inside(|_| unsafe { entry(&raw mut table, &raw mut services) });
        answer("RegisterProtocol", code)?;
        let given = RoutingCharacteristics {
            version: table.version,
            protocol: waypost_types::ProtocolId(table.protocol),
            functionality: Functionality::from_bits_retain(table.functionality),
        };
        check_registration(offer, &given)?;
        check_functions(&table, given.functionality)?;
        self.functions = table;
        self.life = Life::Registered;
        Ok(given)
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        let event = HostEvent::new(event)
            .map_err(|error| Refusal::failed(format!("no event for the module: {error}")))?;
        let support = Support::new(support)
            .ok_or_else(|| Refusal::failed("as many modules run in this process as can"))?;
        let (handle, table) = (event.handle(), support.table());
        let before = self.start.replace(Started { event, support });
        let code = self.give_block(global, |functions, pointer, [version, size, count]| {
            call!(functions.start_protocol(handle, table, pointer, version, size, count))
        });
        let started = code.and_then(|code| answer("StartProtocol", code));
        match (&started, before) {
            (Ok(()), before) => {
                self.life = Life::Started;
                before.into_iter().for_each(|before| self.take_back(before));
            }
            // It runs as before, with what it was given before.
            (Err(_), Some(before)) => {
                let refused = self.start.replace(before);
                refused.into_iter().for_each(|refused| self.take_back(refused));
            }
            (Err(_), None) => self.is_over(),
        }
        started
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        let code = self.inside(|functions| call!(functions.start_complete()));
        answer("StartComplete", code)
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        let code = self.inside(|functions| call!(functions.stop_protocol()));
        let stopped = answer("StopProtocol", code);
        match &stopped {
            Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
                self.life = Life::Stopping;
            }
            // Any other code counts as stopped (P-14), unless nothing was running, or it is the answer to being asked again.
            _ if self.life != Life::Started => {}
            _ => self.is_over(),
        }
        self.pass_signals_on();
        stopped
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.info(
            "GetGlobalInfo",
            buffer,
            |functions, pointer, size, [version, one, count]| {
                call!(functions.get_global_info(pointer, size, version, one, count))
            },
        )
    }

    fn prepare_global_info(&mut self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.prepare(Scope::Global, info)
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        let code = self.give_block(info, |functions, pointer, [version, size, count]| {
            call!(functions.set_global_info(pointer, version, size, count))
        })?;
        answer("SetGlobalInfo", code)
    }

    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        let mut name: Vec<u16> = interface.name.encode_utf16().chain([0]).collect();
        let (index, kind) = (interface.index.0, interface.kind as u32);
        let code = self.give_block(info, |functions, pointer, [version, size, count]| {
            let name = name.as_mut_ptr();
            call!(functions.add_interface(name, index, kind, 0, 0, 0, pointer, version, size, count))
        })?;
        answer("AddInterface", code)
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        let code = self.inside(|functions| call!(functions.delete_interface(index.0)));
        answer("DeleteInterface", code)
    }

    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        let mut binding = match status {
            InterfaceStatus::AddressChange(binding) => binding_info(binding),
            _ => Vec::new(),
        };
        let payload = if binding.is_empty() {
            ptr::null_mut()
        } else {
            binding.as_mut_ptr().cast()
        };
        let (active, number) = (i32::from(active), status.number());
        let code =
            self.inside(|functions| call!(functions.interface_status(index.0, active, number, payload)));
        answer("InterfaceStatus", code)
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.info(
            "GetInterfaceInfo",
            buffer,
            |functions, pointer, size, [version, one, count]| {
                call!(functions.get_interface_info(index.0, pointer, size, version, one, count))
            },
        )
    }

    fn prepare_interface_info(
        &mut self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        self.prepare(index.map_or(Scope::NewInterface, Scope::Interface), info)
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        let code = self.give_block(info, |functions, pointer, [version, size, count]| {
            call!(functions.set_interface_info(index.0, pointer, version, size, count))
        })?;
        answer("SetInterfaceInfo", code)
    }

    fn next_event(&mut self) -> Option<Event> {
        if !matches!(self.life, Life::Started | Life::Stopping) {
            return None;
        }
        for _ in 0..MEANINGLESS {
            let mut number = u32::MAX;
            let mut message = Message {
                interface: 0,
                update_type: 0,
                update_status: 0,
            };
            let code = self
                .inside(|functions| call!(functions.get_event_message(&raw mut number, &raw mut message)));
            if code != Status::NO_ERROR.0 {
                return None;
            }
            let interface = InterfaceIndex(message.interface);
            match number {
                0 => {
                    if self.life == Life::Stopping {
                        self.is_over();
                    }
                    return Some(Event::RouterStopped);
                }
                1 => return Some(Event::SaveGlobalConfigInfo),
                2 => return Some(Event::SaveInterfaceConfigInfo(interface)),
                3 => {
                    let kind = match message.update_type {
                        4 => UpdateKind::Routes,
                        8 => UpdateKind::Services,
                        _ => continue,
                    };
                    return Some(Event::UpdateComplete(UpdateComplete {
                        interface,
                        kind,
                        status: Status(message.update_status),
                    }));
                }
                _ => {}
            }
        }
        None
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        let code = self.inside(|functions| call!(functions.update_routes(index.0)));
        let started = answer("DoUpdateRoutes", code);
        self.pass_signals_on();
        started
    }

    fn connect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        if self.functions.connect_client.is_none() {
            return Err(no_clients());
        }
        let mut address = word(client);
        let pointer = (&raw mut address).cast();
        let code = self.inside(|functions| call!(functions.connect_client(index.0, pointer)));
        answer("ConnectClient", code)
    }

    fn disconnect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        if self.functions.disconnect_client.is_none() {
            return Err(no_clients());
        }
        let mut address = word(client);
        let pointer = (&raw mut address).cast();
        let code = self.inside(|functions| call!(functions.disconnect_client(index.0, pointer)));
        answer("DisconnectClient", code)
    }

    fn neighbors(
        &mut self,
        index: InterfaceIndex,
        out: &mut OutputBuffer<'_>,
    ) -> Result<NeighborFlags, Refusal> {
        let mut flags = 0;
        let (code, size) = self.take(out.lent(), |functions, pointer, size| {
            call!(functions.get_neighbors(index.0, pointer.cast(), size, &raw mut flags))
        })?;
        if code == Status::NO_ERROR.0 || code == Status::ERROR_INSUFFICIENT_BUFFER.0 {
            out.size = size;
        }
        answer("GetNeighbors", code)?;
        Ok(NeighborFlags::from_bits_truncate(flags))
    }

    fn mfe_status(
        &mut self,
        index: InterfaceIndex,
        group: Ipv4Addr,
        source: Ipv4Addr,
    ) -> Result<MfeStatus, Refusal> {
        let mut status = 0;
        let (group, source) = (word(group), word(source));
        let code =
            self.inside(|functions| call!(functions.get_mfe_status(index.0, group, source, &raw mut status)));
        answer("GetMfeStatus", code)?;
        match status {
            0 => Ok(MfeStatus::NoError),
            1 => Ok(MfeStatus::ReachedCore),
            4 => Ok(MfeStatus::PrunedUpstream),
            5 => Ok(MfeStatus::OifPruned),
            11 => Ok(MfeStatus::OldRouter),
            other => Err(Refusal::failed(format!(
                "GetMfeStatus of the module gave status {other}, which is not a protocol's to give"
            ))),
        }
    }

    fn mib_create(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib_change("MibCreateEntry", |functions| functions.mib_create, input)
    }

    fn mib_delete(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib_change("MibDeleteEntry", |functions| functions.mib_delete, input)
    }

    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib_change("MibSetEntry", |functions| functions.mib_set, input)
    }

    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.mib_read("MibGetEntry", |functions| functions.mib_get, input, out)
    }

    fn mib_get_first(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.mib_read(
            "MibGetFirstEntry",
            |functions| functions.mib_get_first,
            input,
            out,
        )
    }

    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.mib_read("MibGetNextEntry", |functions| functions.mib_get_next, input, out)
    }

    fn mib_set_trap_info(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        let event = HostEvent::new(event)
            .map_err(|error| Refusal::failed(format!("no event for the module: {error}")))?;
        let handle = event.handle();
        self.read(
            "MibSetTrapInfo",
            input,
            out,
            |functions, given, given_size, pointer, size| {
                call!(functions.mib_set_trap_info(handle, given_size, given, size, pointer))
            },
        )?;
        if let Some(before) = self.trap.replace(event) {
            self.retire(before);
        }
        Ok(())
    }

    fn mib_get_trap_info(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.mib_read(
            "MibGetTrapInfo",
            |functions| functions.mib_get_trap_info,
            input,
            out,
        )
    }
}

/// A module may do without ConnectClient and DisconnectClient, together (P-6).
fn no_clients() -> Refusal {
    Refusal::new(
        Status::ERROR_NOT_SUPPORTED,
        "the module has no functions for clients",
    )
}

impl Drop for ModuleProtocol {
    fn drop(&mut self) {
        // A host that lets a running protocol go without a word does it for it.
        if self.life == Life::Started {
            drop(self.stop());
        }
        let patience = Instant::now() + Duration::from_millis(PATIENCE_MS.into());
        while self.life == Life::Stopping && Instant::now() < patience {
            if self.next_event().is_none() {
                std::thread::sleep(LOOK);
            }
        }
        if self.life == Life::Stopping {
            self.abandon();
        }
        // It may have registered with the table without ever being started.
        if !self.leave_table() {
            self.abandon();
        }
        if let Some(library) = self.library {
            traces::hear_no_more(library.number());
        }
    }
}
