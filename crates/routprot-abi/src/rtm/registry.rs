//! Which client a module has, and which client a handle is of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtmv2::RouteTable;
use waypost_rtmv2::client::{Client, Handle, Usage};

use crate::library::{Inside, Library};

/// Modules that may have a routing table in this process at a time. A client's number is its place and 1.
const PLACES: usize = 254;

static MODULES: [RwLock<Option<Arc<Module>>>; PLACES] = [const { RwLock::new(None) }; PLACES];

/// An instance of a module that has a routing table.
pub(super) struct Module {
    pub(super) client: Client,
    worker: Worker,
}

/// Who works for a module.
#[derive(Clone, Copy)]
pub(crate) struct Worker {
    /// What a module says that it is when it registers an entity.
    pub(crate) number: u32,
    /// That the module is linked to, if it is: it is told for whom a thread works.
    pub(crate) library: Option<Library>,
}

impl Worker {
    /// Makes this thread work for the module until what is returned is dropped.
    pub(super) fn enter(self) -> Option<Inside> {
        self.library.map(Library::enter)
    }
}

impl Module {
    /// Makes this thread work for the module until what is returned is dropped.
    pub(super) fn enter(&self) -> Option<Inside> {
        self.worker.enter()
    }

    pub(super) const fn worker(&self) -> Worker {
        self.worker
    }
}

/// A module's place among those that have a routing table; it is given up when this is dropped.
pub(crate) struct Registered {
    place: usize,
    module: Arc<Module>,
}

impl Registered {
    /// Gives a module a routing table; `None` when there is no place.
    pub(crate) fn new(worker: Worker, table: Arc<dyn RouteTable>) -> Option<Self> {
        for (place, slot) in MODULES.iter().enumerate() {
            let mut slot = slot.write().unwrap_or_else(PoisonError::into_inner);
            if slot.is_none() {
                // INVARIANT: there are 254 places.
                let client = Client::new(table, place as u8 + 1);
                let module = Arc::new(Module { client, worker });
                *slot = Some(Arc::clone(&module));
                return Some(Self { place, module });
            }
        }
        None
    }

    /// Ends what the module has left in the table: what that was, and whether code of the module still runs.
    pub(crate) fn end(&self, patience: Duration) -> (Usage, bool) {
        self.module.client.end(patience)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut slot = MODULES[self.place]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = None;
    }
}

/// The module that a thread works for. A thread that works for nobody works for the only module there is.
pub(super) fn of_number(number: u32) -> Option<Arc<Module>> {
    let mut modules = MODULES
        .iter()
        .filter_map(|slot| slot.read().unwrap_or_else(PoisonError::into_inner).clone());
    if number == 0 {
        return modules.next().filter(|_| modules.next().is_none());
    }
    modules.find(|module| module.worker.number == number)
}

fn of_handle(handle: Handle) -> Result<Arc<Module>, Status> {
    let place = usize::from(handle.client()).wrapping_sub(1);
    let slot = MODULES.get(place).ok_or(Status::ERROR_INVALID_HANDLE)?;
    let module = slot.read().unwrap_or_else(PoisonError::into_inner).clone();
    module.ok_or(Status::ERROR_INVALID_HANDLE)
}

/// The code that a module is answered: a panic does not cross into it.
pub(super) fn code(call: impl FnOnce() -> Result<(), Status>) -> u32 {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => Status::NO_ERROR.0,
        Ok(Err(status)) => status.0,
        Err(_) => Status::ERROR_CAN_NOT_COMPLETE.0,
    }
}

/// Answers the call of an entity.
pub(super) fn answer(entity: u64, call: impl FnOnce(&Client, Handle) -> Result<(), Status>) -> u32 {
    answer_module(entity, |module, entity| call(&module.client, entity))
}

/// The same for who needs more of the module.
pub(super) fn answer_module(
    entity: u64,
    call: impl FnOnce(&Arc<Module>, Handle) -> Result<(), Status>,
) -> u32 {
    let entity = Handle(entity);
    code(|| call(&of_handle(entity)?, entity))
}
