//! Next hops: a private tree for each entity (router-services A6).

use std::net::IpAddr;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::PathId;

use super::handle::{Handle, Id};
use super::info::{self, HopInfo, hop_flags};
use super::state::{Entity, Hop, State};
use super::{Client, Target};

/// How many bits an address of a family has.
pub(super) const fn bits(family: Family) -> u16 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

impl State {
    fn check_address(&self, caller: Id<Entity>, info: &HopInfo) -> Result<(), Status> {
        let family = self.family(caller);
        let is_fine = info.bits <= bits(family) && info.address.is_ipv4() == (family == Family::V4);
        if is_fine {
            Ok(())
        } else {
            Err(Status::ERROR_INVALID_PARAMETER)
        }
    }

    /// Makes a next hop nobody counts on yet, or finds it.
    pub(super) fn intern_hop(
        &mut self,
        owner: Id<Entity>,
        address: IpAddr,
        interface: u32,
    ) -> Result<Id<Hop>, Status> {
        if let Some(found) = self.entities[owner].hops.get(&(address, interface)) {
            return Ok(*found);
        }
        let family = self.family(owner);
        let made = self.hops.insert(Hop {
            owner,
            address,
            bits: bits(family),
            interface,
            is_deleted: false,
            flags: 0,
            specific: 0,
            remote: None,
            path: PathId(0),
            attachment: None,
        });
        let made = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        self.entities.pin(owner);
        self.entities[owner].hops.insert((address, interface), made);
        Ok(made)
    }

    /// Gives a next hop what its owner says about it.
    pub(super) fn edit_hop(&mut self, caller: Id<Entity>, id: Id<Hop>, info: &HopInfo) -> Result<(), Status> {
        let remote = if info.flags & hop_flags::REMOTE == 0 {
            None
        } else {
            Some(self.destination(caller, info.remote)?)
        };
        let before = (self.hops[id].flags, self.hops[id].remote);
        if remote.is_some() && before.1.is_none() {
            self.remote_is_new(caller)?;
        } else if remote.is_none() && before.1.is_some() {
            self.remote_is_gone(caller);
        }
        if let Some(remote) = remote {
            self.destinations.pin(remote);
        }
        let hop = &mut self.hops[id];
        hop.bits = info.bits;
        hop.flags = info.flags;
        hop.specific = info.specific;
        hop.remote = remote;
        if let Some(before) = before.1 {
            self.unpin_destination(before);
        }
        if before != (info.flags, remote) {
            self.hop_has_changed(id);
        }
        Ok(())
    }

    fn delete_hop(&mut self, id: Id<Hop>) {
        let hop = &mut self.hops[id];
        hop.is_deleted = true;
        let (owner, key, is_remote) = (hop.owner, (hop.address, hop.interface), hop.remote.is_some());
        self.entities[owner].hops.remove(&key);
        if is_remote {
            self.remote_is_gone(owner);
        }
        self.hop_has_changed(id);
        self.unpin_hop(id);
    }

    /// What a next hop is, with references for the entity.
    pub(super) fn hop_info(&mut self, caller: Id<Entity>, id: Id<Hop>) -> HopInfo {
        let hop = &self.hops[id];
        HopInfo {
            address: hop.address,
            bits: hop.bits,
            owner: self.entities.refer(hop.owner, caller),
            interface: hop.interface,
            state: if hop.is_deleted {
                info::State::Deleted
            } else {
                info::State::Created
            },
            flags: hop.flags,
            specific: hop.specific,
            remote: hop
                .remote
                .map_or(Handle::NULL, |remote| self.destinations.refer(remote, caller)),
        }
    }
}

impl Client {
    /// RtmAddNextHop: adds or updates a next hop of the caller's. Says whether it is new.
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY.
    pub fn add_next_hop(
        &self,
        entity: Handle,
        target: Target,
        info: &HopInfo,
    ) -> Result<(Handle, bool), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        state.check_address(caller, info)?;
        let key = (info.address, info.interface);
        if let Target::Existing(handle) = target {
            let hop = state.own_hop(caller, handle)?;
            if state.hops[hop].is_deleted {
                return Err(Status::ERROR_INVALID_HANDLE);
            }
            if (state.hops[hop].address, state.hops[hop].interface) != key {
                return Err(Status::ERROR_INVALID_PARAMETER);
            }
            state.edit_hop(caller, hop, info)?;
            return Ok((handle, false));
        }
        let is_new = !state.entities[caller].hops.contains_key(&key);
        let hop = state.intern_hop(caller, info.address, info.interface)?;
        if is_new {
            state.hops.pin(hop);
            state.hops[hop].path = state.next_path(caller);
        }
        if let Err(status) = state.edit_hop(caller, hop, info) {
            if is_new {
                state.unpin_hop(hop);
            }
            return Err(status);
        }
        let handle = match target {
            Target::Unreferenced => Handle::NULL,
            _ => state.hops.refer(hop, caller),
        };
        Ok((handle, is_new))
    }

    /// RtmDeleteNextHop by handle, which is consumed: routes that count on the next hop ignore it from now on (P-61).
    ///
    /// # Errors
    /// ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE, ERROR_NOT_FOUND when it is deleted already.
    pub fn delete_next_hop(&self, entity: Handle, hop: Handle) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.own_hop(caller, hop)?;
        if state.hops[id].is_deleted {
            return Err(Status::ERROR_NOT_FOUND);
        }
        state.hops.consume(id, caller);
        state.delete_hop(id);
        Ok(())
    }

    /// RtmDeleteNextHop by key.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE, ERROR_NOT_FOUND.
    pub fn delete_next_hop_at(&self, entity: Handle, address: IpAddr, interface: u32) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let found = state.entities[caller].hops.get(&(address, interface)).copied();
        state.delete_hop(found.ok_or(Status::ERROR_NOT_FOUND)?);
        Ok(())
    }

    /// RtmFindNextHop: one of the caller's, by key, with a reference.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE, ERROR_NOT_FOUND.
    pub fn find_next_hop(&self, entity: Handle, address: IpAddr, interface: u32) -> Result<Handle, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let found = state.entities[caller].hops.get(&(address, interface)).copied();
        let found = found.ok_or(Status::ERROR_NOT_FOUND)?;
        Ok(state.hops.refer(found, caller))
    }

    /// RtmGetNextHopInfo: what a next hop is, of whichever entity, with references to what it names.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    pub fn next_hop_info(&self, entity: Handle, hop: Handle) -> Result<HopInfo, Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let id = state.hop(caller, hop)?;
        Ok(state.hop_info(caller, id))
    }
}
