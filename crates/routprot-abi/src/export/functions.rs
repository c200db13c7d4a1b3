//! The functions of an exported protocol, in the C ABI.
//!
//! The host serialises its calls (routing-protocol-interface 10.3), and [`Place`](super::Place) does for a host that does not.

use std::ffi::c_void;

use waypost_routprot::{
    Event, Functionality, InfoBuffer, InterfaceIdentity, InterfaceStatus, OutputBuffer, Refusal,
    RoutingCharacteristics, RoutingProtocol, Status,
};
use waypost_types::InterfaceIndex;

use super::Module;
use super::memory::{address, binding, block, interface_type, lent, name, octets, put, word};
use super::signal::Signal;
use super::support::HostSupport;
use crate::layout::{Handle, Message, RoutingTable, SupportTable};

/// The registration: the functions that a protocol with this functionality has (4.3).
pub(super) fn table<M: Module>(answer: &RoutingCharacteristics) -> RoutingTable {
    let is_multicast = answer.functionality.contains(Functionality::RF_MULTICAST);
    let updates = answer
        .functionality
        .contains(Functionality::RF_DEMAND_UPDATE_ROUTES);
    RoutingTable {
        version: answer.version,
        protocol: answer.protocol.0,
        functionality: answer.functionality.bits(),
        start_protocol: Some(start_protocol::<M>),
        start_complete: Some(start_complete::<M>),
        stop_protocol: Some(stop_protocol::<M>),
        get_global_info: Some(get_global_info::<M>),
        set_global_info: Some(set_global_info::<M>),
        query_power: None,
        set_power: None,
        add_interface: Some(add_interface::<M>),
        delete_interface: Some(delete_interface::<M>),
        interface_status: Some(interface_status::<M>),
        get_interface_info: Some(get_interface_info::<M>),
        set_interface_info: Some(set_interface_info::<M>),
        get_event_message: Some(get_event_message::<M>),
        update_routes: if updates { Some(update_routes::<M>) } else { None },
        connect_client: Some(connect_client::<M>),
        disconnect_client: Some(disconnect_client::<M>),
        get_neighbors: if is_multicast {
            Some(get_neighbors::<M>)
        } else {
            None
        },
        get_mfe_status: if is_multicast {
            Some(get_mfe_status::<M>)
        } else {
            None
        },
        mib_create: Some(mib_create::<M>),
        mib_delete: Some(mib_delete::<M>),
        mib_get: Some(mib_get::<M>),
        mib_set: Some(mib_set::<M>),
        mib_get_first: Some(mib_get_first::<M>),
        mib_get_next: Some(mib_get_next::<M>),
        mib_set_trap_info: Some(mib_set_trap_info::<M>),
        mib_get_trap_info: Some(mib_get_trap_info::<M>),
    }
}

unsafe extern "C" fn start_protocol<M: Module>(
    event: Handle,
    support: *const SupportTable,
    info: *mut c_void,
    version: u32,
    size: u32,
    count: u32,
) -> u32 {
    M::place().enter(|state| {
        // SAFETY: the host passes NULL or its table.
        let support = unsafe { HostSupport::new(support) }?;
        // SAFETY: the host says that there is such a block.
        let global = unsafe { block(info, version, size, count) }?;
        state.start(Signal::new(event)?, support, |protocol, event, support| {
            protocol.start(event, support, &global)
        })
    })
}

unsafe extern "C" fn start_complete<M: Module>() -> u32 {
    M::place().call(|protocol| protocol.start_complete())
}

unsafe extern "C" fn stop_protocol<M: Module>() -> u32 {
    M::place().enter(|state| state.stop())
}

/// Where the host wants to know version, size and count of a block.
type Structure = [*mut u32; 3];

/// Lends the protocol what the host lends, and tells the host what the protocol says (section 7).
///
/// # Safety
/// The pointers are NULL or the host's, `pointer` to as many octets as `size` points to.
unsafe fn info<M: Module>(
    pointer: *mut c_void,
    size: *mut u32,
    structure: Structure,
    call: impl FnOnce(&mut dyn RoutingProtocol, &mut InfoBuffer<'_>) -> Result<(), Refusal>,
) -> u32 {
    M::place().call(|protocol| {
        // SAFETY: as above.
        let capacity = unsafe { word("BufferSize", size) }?;
        // SAFETY: as above.
        let mut buffer = InfoBuffer::new(unsafe { lent(pointer, capacity) });
        let result = call(protocol, &mut buffer);
        // SAFETY: as above.
        unsafe { tell_size(&result, pointer, size, buffer.size) }?;
        if is_sized(&result) {
            for (place, value) in structure.into_iter().zip(<[u32; 3]>::from(buffer.structure)) {
                // SAFETY: as above.
                unsafe { put(place, value) };
            }
        }
        result
    })
}

/// Whether an answer comes with a size.
fn is_sized(result: &Result<(), Refusal>) -> bool {
    result
        .as_ref()
        .err()
        .is_none_or(|refusal| refusal.status == Status::ERROR_INSUFFICIENT_BUFFER)
}

/// Tells the host the size that is needed, or was written, which is never more than it lent.
///
/// # Safety
/// `place` points to the size of what `pointer`, unless it is NULL, points to.
unsafe fn tell_size(
    result: &Result<(), Refusal>,
    pointer: *mut c_void,
    place: *mut u32,
    size: usize,
) -> Result<(), Refusal> {
    if !is_sized(result) {
        return Ok(());
    }
    // SAFETY: as above.
    let capacity = unsafe { word("size", place) }?;
    let lent = if pointer.is_null() { 0 } else { capacity as usize };
    if result.is_ok() && size > lent {
        return Err(Refusal::failed(
            "the protocol claims to have written more than it was lent",
        ));
    }
    // SAFETY: as above.
    unsafe { put(place, u32::try_from(size).unwrap_or(u32::MAX)) };
    Ok(())
}

unsafe extern "C" fn get_global_info<M: Module>(
    pointer: *mut c_void,
    size: *mut u32,
    version: *mut u32,
    one: *mut u32,
    count: *mut u32,
) -> u32 {
    // SAFETY: the host says what they are.
    unsafe {
        info::<M>(pointer, size, [version, one, count], |protocol, buffer| {
            protocol.global_info(buffer)
        })
    }
}

unsafe extern "C" fn set_global_info<M: Module>(
    pointer: *mut c_void,
    version: u32,
    size: u32,
    count: u32,
) -> u32 {
    M::place().call(|protocol| {
        // SAFETY: the host says that there is such a block.
        protocol.set_global_info(&unsafe { block(pointer, version, size, count) }?)
    })
}

/// The three arguments after the type are reserved (P-15).
unsafe extern "C" fn add_interface<M: Module>(
    interface: *mut u16,
    index: u32,
    kind: u32,
    _media: u32,
    _access: u16,
    _connection: u16,
    pointer: *mut c_void,
    version: u32,
    size: u32,
    count: u32,
) -> u32 {
    M::place().call(|protocol| {
        let identity = InterfaceIdentity {
            // SAFETY: the host passes NULL or a string.
            name: unsafe { name(interface) }?,
            index: InterfaceIndex(index),
            kind: interface_type(kind)?,
        };
        // SAFETY: the host says that there is such a block.
        let info = unsafe { block(pointer, version, size, count) }?;
        protocol.add_interface(&identity, &info)
    })
}

unsafe extern "C" fn delete_interface<M: Module>(index: u32) -> u32 {
    M::place().call(|protocol| protocol.delete_interface(InterfaceIndex(index)))
}

unsafe extern "C" fn interface_status<M: Module>(
    index: u32,
    active: i32,
    kind: u32,
    payload: *mut c_void,
) -> u32 {
    M::place().call(|protocol| {
        let status = match kind {
            // SAFETY: the host passes NULL or the structure that belongs to this status (8.1).
            0 => InterfaceStatus::AddressChange(unsafe { binding(payload) }?),
            1 => InterfaceStatus::Enabled,
            2 => InterfaceStatus::Disabled,
            3 => InterfaceStatus::MediaPresent,
            4 => InterfaceStatus::MediaAbsent,
            other => return Err(Refusal::out_of_range("StatusType", other, "0..=4")),
        };
        protocol.interface_status(InterfaceIndex(index), active != 0, &status)
    })
}

unsafe extern "C" fn get_interface_info<M: Module>(
    index: u32,
    pointer: *mut c_void,
    size: *mut u32,
    version: *mut u32,
    one: *mut u32,
    count: *mut u32,
) -> u32 {
    let structure = [version, one, count];
    // SAFETY: the host says what they are.
    unsafe {
        info::<M>(pointer, size, structure, |protocol, buffer| {
            protocol.interface_info(InterfaceIndex(index), buffer)
        })
    }
}

unsafe extern "C" fn set_interface_info<M: Module>(
    index: u32,
    pointer: *mut c_void,
    version: u32,
    size: u32,
    count: u32,
) -> u32 {
    M::place().call(|protocol| {
        // SAFETY: the host says that there is such a block.
        let info = unsafe { block(pointer, version, size, count) }?;
        protocol.set_interface_info(InterfaceIndex(index), &info)
    })
}

unsafe extern "C" fn get_event_message<M: Module>(event: *mut u32, result: *mut Message) -> u32 {
    M::place().enter(|state| {
        // An event is not taken from the queue for nobody.
        if event.is_null() {
            return Err(Refusal::invalid("a NULL pointer").at("Event"));
        }
        let next = state.next_event()?;
        let mut message = Message {
            interface: 0,
            update_type: 0,
            update_status: 0,
        };
        match next {
            Event::RouterStopped | Event::SaveGlobalConfigInfo => {}
            Event::SaveInterfaceConfigInfo(interface) => message.interface = interface.0,
            Event::UpdateComplete(update) => {
                message.interface = update.interface.0;
                message.update_type = update.kind as u32;
                message.update_status = update.status.0;
            }
        }
        // SAFETY: the host says that this is a place for the event.
        unsafe { put(event, next.number()) };
        // SAFETY: the host passes NULL or a place for the message.
        unsafe { put(result, message) };
        Ok(())
    })
}

unsafe extern "C" fn update_routes<M: Module>(index: u32) -> u32 {
    M::place().call(|protocol| protocol.update_routes(InterfaceIndex(index)))
}

unsafe extern "C" fn connect_client<M: Module>(index: u32, client: *mut c_void) -> u32 {
    M::place().call(|protocol| {
        // SAFETY: the host passes NULL or an address.
        let client = unsafe { word("ClientAddress", client.cast()) }?;
        protocol.connect_client(InterfaceIndex(index), address(client))
    })
}

unsafe extern "C" fn disconnect_client<M: Module>(index: u32, client: *mut c_void) -> u32 {
    M::place().call(|protocol| {
        // SAFETY: the host passes NULL or an address.
        let client = unsafe { word("ClientAddress", client.cast()) }?;
        protocol.disconnect_client(InterfaceIndex(index), address(client))
    })
}

/// Lends the protocol what the host lends, and tells the host how much was written or is needed.
///
/// # Safety
/// The pointers are NULL or the host's, `pointer` to as many octets as `size` points to.
unsafe fn output(
    pointer: *mut c_void,
    size: *mut u32,
    call: impl FnOnce(&mut OutputBuffer<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    // SAFETY: as above.
    let capacity = unsafe { word("size", size) }?;
    // SAFETY: as above.
    let mut buffer = OutputBuffer::new(unsafe { lent(pointer, capacity) });
    let result = call(&mut buffer);
    // SAFETY: as above.
    unsafe { tell_size(&result, pointer, size, buffer.size) }?;
    result
}

unsafe extern "C" fn get_neighbors<M: Module>(
    index: u32,
    list: *mut u32,
    size: *mut u32,
    flags: *mut u8,
) -> u32 {
    M::place().call(|protocol| {
        if flags.is_null() {
            return Err(Refusal::invalid("a NULL pointer").at("InterfaceFlags"));
        }
        let call = |out: &mut OutputBuffer<'_>| {
            let answer = protocol.neighbors(InterfaceIndex(index), out)?;
            // SAFETY: the host says that this is a place for the flags.
            unsafe { put(flags, answer.bits()) };
            Ok(())
        };
        // SAFETY: the host says what they are.
        unsafe { output(list.cast(), size, call) }
    })
}

unsafe extern "C" fn get_mfe_status<M: Module>(index: u32, group: u32, source: u32, status: *mut u8) -> u32 {
    M::place().call(|protocol| {
        if status.is_null() {
            return Err(Refusal::invalid("a NULL pointer").at("StatusCode"));
        }
        let answer = protocol.mfe_status(InterfaceIndex(index), address(group), address(source))?;
        // SAFETY: the host says that this is a place for the status.
        unsafe { put(status, answer as u8) };
        Ok(())
    })
}

/// Defines a protocol's functions that change its MIB.
macro_rules! mib_changes {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<M: Module>(size: u32, input: *mut c_void) -> u32 {
            M::place().call(|protocol| {
                // SAFETY: the host says that there are `size` octets.
                protocol.$name(unsafe { octets(input, size) }?)
            })
        }
    )*};
}

mib_changes! { mib_create mib_delete mib_set }

/// Defines a protocol's functions that read its MIB.
macro_rules! mib_reads {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<M: Module>(
            size: u32,
            input: *mut c_void,
            out_size: *mut u32,
            out: *mut c_void,
        ) -> u32 {
            M::place().call(|protocol| {
                // SAFETY: the host says that there are `size` octets.
                let input = unsafe { octets(input, size) }?;
                // SAFETY: the host says what they are.
                unsafe { output(out, out_size, |out| protocol.$name(input, out)) }
            })
        }
    )*};
}

mib_reads! { mib_get mib_get_first mib_get_next mib_get_trap_info }

unsafe extern "C" fn mib_set_trap_info<M: Module>(
    event: Handle,
    size: u32,
    input: *mut c_void,
    out_size: *mut u32,
    out: *mut c_void,
) -> u32 {
    M::place().enter(|state| {
        // SAFETY: the host says that there are `size` octets.
        let input = unsafe { octets(input, size) }?;
        state.set_trap(Signal::new(event)?, |protocol, event| {
            // SAFETY: the host says what they are.
            unsafe { output(out, out_size, |out| protocol.mib_set_trap_info(event, input, out)) }
        })
    })
}
