//! A module as a routing protocol.

mod describe;
mod functions;
mod state;

use std::ffi::{CStr, c_void};
use std::io;
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use waypost_routprot::{
    ConfigurationCodec, InfoBlock, InfoBuffer, OutputBuffer, Prepared, Refusal, RoutingProtocol, Status,
};
use waypost_rtmv2::RouteTable;
use waypost_rtmv2::client::Usage;

use crate::checks::check_described;
use crate::describe::TranslateBlock;
use crate::event::HostEvent;
use crate::layout::{MibChange, MibRead, PrepareInfo, RegisterProtocol, RoutingTable};
use crate::lent::Lent;
use crate::library::{Library, PATIENCE_MS, next_number};
use crate::object::SharedObject;
use crate::prepare::{self, Scope};
use crate::rtm::{FUNCTIONS, Registered, TakeRtm, Worker};
use crate::state::StateFunctions;
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
    state: StateFunctions,
    /// The text form of its configuration, if somebody asked for it before.
    codec: Option<Arc<dyn ConfigurationCodec>>,
    /// Since it described its configuration: how it translates it.
    translate: Option<TranslateBlock>,
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
            state: StateFunctions::exported(&object),
            codec: None,
            translate: None,
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

    /// What else the object exports under a name, for a host that knows this module.
    #[must_use]
    pub fn symbol(&self, name: &CStr) -> Option<*mut c_void> {
        self.object.as_ref()?.symbol(name)
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
