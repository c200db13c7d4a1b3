//! Methods that entities of the client call on one another (router-services A10).

use std::sync::Arc;
use std::thread::ThreadId;

use waypost_routprot::Status;

use super::Client;
use super::handle::{Handle, Id};
use super::state::{Entity, State};

/// A thread that runs a method.
pub(super) struct Running {
    thread: ThreadId,
    callee: Id<Entity>,
}

/// Methods of an entity that may be called until this is dropped; none if it has none.
pub struct Invocation<'a> {
    client: &'a Client,
    callee: Option<Id<Entity>>,
    methods: Arc<[usize]>,
}

impl Invocation<'_> {
    /// The methods, in the order of their bits.
    #[must_use]
    pub fn methods(&self) -> &[usize] {
        &self.methods
    }
}

impl Drop for Invocation<'_> {
    fn drop(&mut self) {
        let Some(callee) = self.callee else { return };
        let thread = std::thread::current().id();
        let mut state = self.client.lock();
        let mut running = state.running.iter();
        let at = running.rposition(|running| running.thread == thread && running.callee == callee);
        if let Some(at) = at {
            state.running.remove(at);
        }
        if let Some(registered) = &mut state.entities[callee].registered {
            registered.running -= 1;
        }
        state.unpin_entity(callee);
        drop(state);
        self.client.news();
    }
}

impl State {
    /// Whether the calling thread runs a method of an entity.
    pub(super) fn is_inside(&self, callee: Id<Entity>) -> bool {
        let thread = std::thread::current().id();
        let mut running = self.running.iter();
        running.any(|running| running.thread == thread && running.callee == callee)
    }
}

impl Client {
    fn callee(state: &State, caller: Id<Entity>, entity: Handle) -> Result<Id<Entity>, Status> {
        let found = state.entities.find(entity);
        found
            .filter(|id| state.family(*id) == state.family(caller))
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    /// RtmGetEntityMethods: what an entity exports; entities that are not of this client export nothing here.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn methods(&self, entity: Handle, of: Handle) -> Result<Arc<[usize]>, Status> {
        let state = self.lock();
        let caller = state.caller(entity)?;
        let callee = Self::callee(&state, caller, of)?;
        Ok(state
            .registered(callee)
            .map(|registered| Arc::clone(&registered.methods))
            .unwrap_or_default())
    }

    /// RtmInvokeMethod, first half: waits until the callee's methods are not blocked.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE, also when the callee ends meanwhile; ERROR_CAN_NOT_COMPLETE: the caller would wait for itself.
    pub fn invoke(&self, entity: Handle, of: Handle) -> Result<Invocation<'_>, Status> {
        let mut state = self.lock();
        loop {
            let caller = state.caller(entity)?;
            let callee = Self::callee(&state, caller, of)?;
            let Some(registered) = &mut state.entities[callee].registered else {
                return Ok(Invocation {
                    client: self,
                    callee: None,
                    methods: Arc::default(),
                });
            };
            if registered.is_ending {
                return Err(Status::ERROR_INVALID_HANDLE);
            }
            if !registered.is_blocked {
                registered.running += 1;
                let methods = Arc::clone(&registered.methods);
                state.entities.pin(callee);
                state.running.push(Running {
                    thread: std::thread::current().id(),
                    callee,
                });
                return Ok(Invocation {
                    client: self,
                    callee: Some(callee),
                    methods,
                });
            }
            if callee == caller {
                return Err(Status::ERROR_CAN_NOT_COMPLETE);
            }
            state = self.wait(state)?;
        }
    }

    /// RtmBlockMethods: holds calls of the caller's methods, once those that run have ended; or lets them go on.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_NOT_SUPPORTED: not for all targets; ERROR_CAN_NOT_COMPLETE: from inside a method of its own
    /// (P-67).
    pub fn block_methods(&self, entity: Handle, target: Handle, is_block: bool) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        if !target.is_null() {
            return Err(if state.is_valid(target) {
                Status::ERROR_NOT_SUPPORTED
            } else {
                Status::ERROR_INVALID_HANDLE
            });
        }
        if is_block && state.is_inside(caller) {
            return Err(Status::ERROR_CAN_NOT_COMPLETE);
        }
        if let Some(registered) = &mut state.entities[caller].registered {
            registered.is_blocked = is_block;
        }
        if !is_block {
            drop(state);
            self.news();
            return Ok(());
        }
        loop {
            let caller = state.caller(entity)?;
            if state.registered(caller)?.running == 0 {
                return Ok(());
            }
            state = self.wait(state)?;
        }
    }
}
