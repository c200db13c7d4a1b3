//! The host's functions (SUPPORT_FUNCTIONS), as a protocol in a module calls them.

use std::ffi::c_void;
use std::net::Ipv4Addr;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use waypost_routprot::{OutputBuffer, ReceiveType, Refusal, Status, SupportFunctions};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouterId};

use super::memory::address;
use crate::layout::{RouteInfo, SupportMibChange, SupportMibRead, SupportTable};
use crate::rtm::convert::address_of;

/// What a host does for a protocol, by the table it passed.
pub(super) struct HostSupport {
    table: SupportTable,
    /// The host has heard that the protocol has stopped: its functions are not called any more (P-8).
    ended: AtomicBool,
}

impl HostSupport {
    /// Takes a copy. ERROR_INVALID_PARAMETER when there is no table, or a function is missing in it.
    ///
    /// # Safety
    /// A pointer that is not NULL points to a table.
    pub(super) unsafe fn new(table: *const SupportTable) -> Result<Self, Refusal> {
        const WORDS: usize = size_of::<SupportTable>() / size_of::<usize>();
        let invalid = |reason: &str| Refusal::invalid(reason).at("SupportFunctions");
        if table.is_null() {
            return Err(invalid("a NULL pointer"));
        }
        // SAFETY: as above; every bit pattern is a number.
        let [_, functions @ ..] = unsafe { table.cast::<[usize; WORDS]>().read_unaligned() };
        if functions.contains(&0) {
            return Err(invalid("a function is missing"));
        }
        Ok(Self {
            // SAFETY: as above; none of the functions is NULL.
            table: unsafe { table.read_unaligned() },
            ended: AtomicBool::new(false),
        })
    }

    /// Calls nothing any more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn table(&self) -> Result<&SupportTable, Refusal> {
        if self.ended.load(Ordering::Acquire) {
            return Err(Refusal::failed("the protocol has stopped"));
        }
        Ok(&self.table)
    }

    fn change(
        &self,
        of: fn(&SupportTable) -> SupportMibChange,
        target: ProtocolId,
        input: &[u8],
    ) -> Result<(), Refusal> {
        let call = of(self.table()?);
        let (pointer, size) = given(input)?;
        // SAFETY: there are `size` octets, which the host only reads.
        answer(unsafe { call(target.0, size, pointer) })
    }

    fn read(
        &self,
        of: fn(&SupportTable) -> SupportMibRead,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        let call = of(self.table()?);
        let (pointer, given_size) = given(input)?;
        let (lent, capacity) = match out.lent() {
            None => (ptr::null_mut(), 0),
            Some(lent) => (lent.as_mut_ptr().cast(), lent.len()),
        };
        let mut size = u32::try_from(capacity).unwrap_or(u32::MAX);
        // SAFETY: there are `given_size` octets to read and `size` to write.
        let code = unsafe { call(target.0, given_size, pointer, &raw mut size, lent) };
        if code == Status::NO_ERROR.0 && size as usize > capacity {
            return Err(Refusal::failed(
                "the host claims to have written more than it was lent",
            ));
        }
        if code == Status::NO_ERROR.0 || code == Status::ERROR_INSUFFICIENT_BUFFER.0 {
            out.size = size as usize;
        }
        answer(code)
    }
}

/// Octets for the host to read: pointer and size.
fn given(input: &[u8]) -> Result<(*mut c_void, u32), Refusal> {
    let size = u32::try_from(input.len()).map_err(|error| Refusal::invalid(error.to_string()))?;
    let pointer = if input.is_empty() {
        ptr::null_mut()
    } else {
        input.as_ptr().cast_mut().cast()
    };
    Ok((pointer, size))
}

fn answer(code: u32) -> Result<(), Refusal> {
    match Status(code) {
        Status::NO_ERROR => Ok(()),
        status => Err(Refusal::new(status, "the host refused")),
    }
}

impl SupportFunctions for HostSupport {
    fn demand_dial_request(&self, protocol: ProtocolId, interface: InterfaceIndex) -> Result<(), Refusal> {
        let call = self.table()?.demand_dial_request;
        // SAFETY: numbers only.
        answer(unsafe { call(protocol.0, interface.0) })
    }

    fn set_interface_receive_type(
        &self,
        protocol: ProtocolId,
        interface: InterfaceIndex,
        kind: ReceiveType,
        active: bool,
    ) -> Result<(), Refusal> {
        let call = self.table()?.set_interface_receive_type;
        // SAFETY: numbers only.
        answer(unsafe { call(protocol.0, interface.0, kind as u32, active.into()) })
    }

    /// What the table has no room for, such as next hops, is handles of the routing table: the host checks those itself.
    fn validate_route(
        &self,
        protocol: ProtocolId,
        route: &Route,
        prefix: Option<Prefix>,
    ) -> Result<u8, Refusal> {
        let call = self.table()?.validate_route;
        let mut info = RouteInfo {
            destination: ptr::null_mut(),
            owner: ptr::null_mut(),
            neighbour: ptr::null_mut(),
            state: 0,
            flags1: 0,
            flags: 0,
            metric: route.metric,
            preference: 0,
            views: 0,
            specific: ptr::null_mut(),
            next_hops: [0; 2],
        };
        let mut destination = prefix.map(address_of);
        let destination = destination
            .as_mut()
            .map_or(ptr::null_mut(), |destination| ptr::from_mut(destination).cast());
        // SAFETY: both live through the call.
        answer(unsafe { call(protocol.0, (&raw mut info).cast(), destination) })?;
        u8::try_from(info.preference)
            .map_err(|_| Refusal::failed(format!("the host gave preference {}", info.preference)))
    }

    fn mib_entry_create(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.change(|table| table.mib_entry_create, target, input)
    }

    fn mib_entry_delete(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.change(|table| table.mib_entry_delete, target, input)
    }

    fn mib_entry_set(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.change(|table| table.mib_entry_set, target, input)
    }

    fn mib_entry_get(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.read(|table| table.mib_entry_get, target, input, out)
    }

    fn mib_entry_get_first(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.read(|table| table.mib_entry_get_first, target, input, out)
    }

    fn mib_entry_get_next(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.read(|table| table.mib_entry_get_next, target, input, out)
    }

    fn router_id(&self) -> Option<RouterId> {
        let call = self.table().ok()?.get_router_id;
        // SAFETY: there are no arguments.
        RouterId::new(address(unsafe { call() })).ok()
    }

    fn has_multicast_boundary(&self, interface: InterfaceIndex, group: Ipv4Addr) -> bool {
        let group = u32::from_ne_bytes(group.octets());
        self.table().is_ok_and(|table| {
            let call = table.has_multicast_boundary;
            // SAFETY: numbers only.
            let is_blocked = unsafe { call(interface.0, group) };
            is_blocked != 0
        })
    }
}
