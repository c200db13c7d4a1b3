//! Hosts that pass what they should not: each function, called as C would.

use std::net::Ipv4Addr;
use std::ptr;
use std::sync::Arc;

use waypost_routprot::{
    Event, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus, MfeStatus, NeighborFlags,
    NotificationEvent, OutputBuffer, SupportFunctions,
};
use waypost_types::InterfaceIndex;

use super::*;
use crate::event::HostEvent;
use crate::layout::{Message, SupportTable};
use crate::support::Support;

/// Takes everything, and has eight octets to say.
struct Easy;

const SAID: [u8; 8] = *b"anything";
const OK: u32 = 0;
const INVALID: u32 = 87;
const SMALL: u32 = 122;
const FAILED: u32 = 1003;

impl RoutingProtocol for Easy {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        Ok(*offer)
    }

    fn start(
        &mut self,
        _: Arc<dyn NotificationEvent>,
        host: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        assert!(host.router_id().is_none());
        global.payload().map(drop)
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        buffer.put(&InfoBlock::new(3, SAID.to_vec()))
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        info.payload().map(drop)
    }

    fn add_interface(&mut self, _: &InterfaceIdentity, _: &InfoBlock) -> Result<(), Refusal> {
        Ok(())
    }

    fn delete_interface(&mut self, _: InterfaceIndex) -> Result<(), Refusal> {
        Ok(())
    }

    fn interface_status(&mut self, _: InterfaceIndex, _: bool, _: &InterfaceStatus) -> Result<(), Refusal> {
        Ok(())
    }

    fn interface_info(&mut self, _: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        buffer.put(&InfoBlock::new(3, SAID.to_vec()))
    }

    fn set_interface_info(&mut self, _: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        info.payload().map(drop)
    }

    fn next_event(&mut self) -> Option<Event> {
        Some(Event::SaveInterfaceConfigInfo(InterfaceIndex(9)))
    }

    fn update_routes(&mut self, _: InterfaceIndex) -> Result<(), Refusal> {
        // A code that says that all is well is no refusal.
        Err(Refusal::new(Status::NO_ERROR, "it contradicts itself"))
    }

    fn connect_client(&mut self, _: InterfaceIndex, _: Ipv4Addr) -> Result<(), Refusal> {
        Ok(())
    }

    fn disconnect_client(&mut self, _: InterfaceIndex, _: Ipv4Addr) -> Result<(), Refusal> {
        Ok(())
    }

    fn neighbors(&mut self, _: InterfaceIndex, out: &mut OutputBuffer<'_>) -> Result<NeighborFlags, Refusal> {
        out.put(&SAID)?;
        Ok(NeighborFlags::QUERIER)
    }

    fn mfe_status(&mut self, _: InterfaceIndex, _: Ipv4Addr, _: Ipv4Addr) -> Result<MfeStatus, Refusal> {
        Ok(MfeStatus::OldRouter)
    }

    fn mib_create(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn mib_delete(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn mib_set(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn mib_get(&mut self, _: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&SAID)
    }

    fn mib_get_first(&mut self, _: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        // It lies about how much it wrote.
        out.size = 1000;
        Ok(())
    }

    fn mib_get_next(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        Err(Refusal::new(Status::ERROR_NO_MORE_ITEMS, "the end"))
    }
}

/// Defines a protocol of an object with a place of its own.
macro_rules! module {
    ($name:ident) => {
        struct $name;
        impl Module for $name {
            fn protocol() -> ProtocolId {
                ProtocolId(200)
            }

            fn make() -> Box<dyn RoutingProtocol> {
                Box::new(Easy)
            }

            fn place() -> &'static Place {
                static PLACE: Place = Place::new();
                &PLACE
            }
        }
    };
}

fn offer<M: Module>(version: u32, protocol: u32) -> (Option<u32>, RoutingTable, ServiceTable) {
    let mut routing = RoutingTable::offer(version, protocol, Functionality::all().bits());
    let mut services = ServiceTable {
        version,
        protocol,
        functionality: 0xFF,
        functions: [0; 12],
    };
    // SAFETY: both are what they should be.
    let code = unsafe { register::<M>((&raw mut routing).cast(), (&raw mut services).cast()) };
    (code, routing, services)
}

/// Calls a function of a table.
macro_rules! call {
    ($table:ident.$function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the pointers are NULL or to what the function may use.
        unsafe { $table.$function.expect("a function")($($argument),*) }
    };
}

struct Silent;

impl NotificationEvent for Silent {
    fn signal(&self) {}
}

/// An instance that runs, and what it was started with.
fn running<M: Module>() -> (RoutingTable, HostEvent, Support) {
    let (code, table, _) = offer::<M>(0x500, 200);
    assert_eq!(code, Some(OK));
    let event = HostEvent::new(Arc::new(Silent)).unwrap();
    let host = Arc::new(waypost_routprot::conformance::host::EmptyRouter::default());
    let support = Support::new(host).unwrap();
    let mut block = [1u8];
    let start = call!(table.start_protocol(
        event.handle(),
        support.table(),
        block.as_mut_ptr().cast(),
        1,
        1,
        1
    ));
    assert_eq!(start, OK);
    (table, event, support)
}

#[test]
fn registration_is_negotiated() {
    module!(M);
    let (code, table, services) = offer::<M>(0x600, 200);
    assert_eq!(code, Some(OK));
    // The version that it needs, not the one that the host has.
    assert_eq!((table.version, table.protocol), (0x500, 200));
    assert_eq!(table.functionality, Functionality::all().bits());
    assert_eq!(services.functionality, 0);
    assert!(table.query_power.is_none() && table.set_power.is_none());
    let (code, table, services) = offer::<M>(0x4FF, 200);
    assert_eq!(code, Some(50));
    // What is refused leaves everything as it is.
    assert!(table.start_protocol.is_none() && services.functionality == 0xFF);
    assert_eq!(offer::<M>(0x500, 201).0, None);
    // SAFETY: NULL is what it is about.
    let nothing = unsafe { register::<M>(ptr::null_mut(), ptr::null_mut()) };
    assert_eq!(nothing, Some(INVALID));
}

#[test]
fn functions_follow_functionality() {
    module!(M);
    let mut table = RoutingTable::offer(0x500, 200, Functionality::RF_ROUTING.bits());
    // SAFETY: the first is what it should be, and there are no services.
    let code = unsafe { register::<M>((&raw mut table).cast(), ptr::null_mut()) };
    assert_eq!(code, Some(OK));
    assert!(table.update_routes.is_none() && table.get_neighbors.is_none() && table.get_mfe_status.is_none());
    assert!(table.connect_client.is_some() && table.disconnect_client.is_some());
}

#[test]
fn no_order_of_calls_does_harm() {
    module!(M);
    let every = functions::table::<M>(&RoutingCharacteristics::offer(ProtocolId(200)));
    let mut event = 0;
    assert_eq!(call!(every.stop_protocol()), FAILED);
    assert_eq!(
        call!(every.get_event_message(&raw mut event, ptr::null_mut())),
        259
    );
    let (table, handle, support) = running::<M>();
    let mut block = [1u8];
    let pointer = block.as_mut_ptr().cast();
    // It runs, and stays as it is.
    let again = call!(table.start_protocol(handle.handle(), support.table(), pointer, 1, 1, 1));
    assert_eq!(again, FAILED);
    assert_eq!(offer::<M>(0x500, 200).0, Some(50));
    assert_eq!(call!(table.start_complete()), OK);
    assert_eq!(call!(table.stop_protocol()), OK);
    assert_eq!(call!(table.start_complete()), FAILED);
    // The same copy of the object may be used again.
    let (table, ..) = running::<M>();
    assert_eq!(call!(table.stop_protocol()), OK);
}

#[test]
fn a_start_needs_an_event_and_every_function() {
    module!(M);
    let event = HostEvent::new(Arc::new(Silent)).unwrap();
    let host = Arc::new(waypost_routprot::conformance::host::EmptyRouter::default());
    let support = Support::new(host).unwrap();
    let handle = event.handle();
    let mut block = [1u8];
    let pointer = block.as_mut_ptr().cast();
    let mut words = [1usize; size_of::<SupportTable>() / size_of::<usize>()];
    words[7] = 0;
    let nowhere = ptr::without_provenance_mut(0x5750_4556 << 32 | 0x7FFF_FFFF);
    for (event, table, block, size, count) in [
        (ptr::null_mut(), support.table() as *const _, pointer, 1, 1),
        // No descriptor has this number, and no library has this handle.
        (nowhere, support.table(), pointer, 1, 1),
        (ptr::without_provenance_mut(4096), support.table(), pointer, 1, 1),
        (handle, ptr::null(), pointer, 1, 1),
        (handle, words.as_ptr().cast(), pointer, 1, 1),
        (handle, support.table(), ptr::null_mut(), 1, 1),
        (handle, support.table(), pointer, u32::MAX, 1),
        (handle, support.table(), pointer, 1, u32::MAX),
        (handle, support.table(), ptr::null_mut(), 0, 0),
    ] {
        let (code, functions, _) = offer::<M>(0x500, 200);
        assert_eq!(code, Some(OK));
        let start = call!(functions.start_protocol(event, table, block, 1, size, count));
        assert_eq!(start, INVALID, "{event:?} {table:?} {block:?} {size} {count}");
    }
}

#[test]
fn pointers_and_sizes_are_looked_at() {
    module!(M);
    let (table, event, _support) = running::<M>();
    let null = ptr::null_mut::<c_void>();
    let mut name = [0x65u16, 0];
    let mut octets = [7u8; 16];
    let (name, pointer) = (name.as_mut_ptr(), octets.as_mut_ptr().cast::<c_void>());
    let mut words = [5u32; 3];
    let [version, size, count] = words.each_mut().map(ptr::from_mut);

    assert_eq!(
        call!(table.get_global_info(pointer, ptr::null_mut(), version, size, count)),
        INVALID
    );
    assert_eq!(words, [5; 3]);
    let mut capacity = 16;
    // Version, size and count are nobody's when they are NULL.
    let nobody = ptr::null_mut();
    assert_eq!(
        call!(table.get_global_info(pointer, &raw mut capacity, nobody, nobody, nobody)),
        OK
    );
    assert_eq!(capacity, 8);
    for (lent, offered) in [(null, u32::MAX), (null, 0), (pointer, 7)] {
        let mut capacity = offered;
        let [version, size, count] = words.each_mut().map(ptr::from_mut);
        let code = call!(table.get_interface_info(1, lent, &raw mut capacity, version, size, count));
        assert_eq!((code, capacity, words), (SMALL, 8, [3, 8, 1]));
    }

    assert_eq!(call!(table.set_interface_info(1, null, 1, 8, 1)), INVALID);
    assert_eq!(call!(table.set_interface_info(1, pointer, 1, 0, 1)), INVALID);
    assert_eq!(call!(table.set_interface_info(1, pointer, 1, 8, 2)), INVALID);
    assert_eq!(
        call!(table.set_interface_info(1, pointer, 1, u32::MAX, 1)),
        INVALID
    );
    assert_eq!(call!(table.set_global_info(pointer, 1, 8, u32::MAX)), INVALID);
    assert_eq!(call!(table.set_global_info(pointer, 1, 8, 1)), OK);

    assert_eq!(call!(table.add_interface(name, 1, 0, 0, 0, 0, null, 0, 0, 0)), OK);
    assert_eq!(
        call!(table.add_interface(name, 1, 4, 0, 0, 0, null, 0, 0, 0)),
        INVALID
    );
    assert_eq!(
        call!(table.add_interface(ptr::null_mut(), 1, 0, 0, 0, 0, null, 0, 0, 0)),
        INVALID
    );
    assert_eq!(
        call!(table.add_interface(name, 1, 0, 0, 0, 0, null, 1, 8, 1)),
        INVALID
    );

    assert_eq!(call!(table.interface_status(1, 1, 0, null)), INVALID);
    assert_eq!(call!(table.interface_status(1, 1, 5, null)), INVALID);
    assert_eq!(call!(table.interface_status(1, 1, 1, null)), OK);

    let mut number = 77;
    assert_eq!(
        call!(table.get_event_message(ptr::null_mut(), ptr::null_mut::<Message>())),
        INVALID
    );
    assert_eq!(
        call!(table.get_event_message(&raw mut number, ptr::null_mut())),
        OK
    );
    assert_eq!(number, 2);
    assert_eq!(call!(table.update_routes(1)), FAILED);
    assert_eq!(call!(table.connect_client(1, null)), INVALID);
    assert_eq!(call!(table.disconnect_client(1, pointer)), OK);

    let (mut capacity, mut flags) = (16, 0);
    assert_eq!(
        call!(table.get_neighbors(1, pointer.cast(), &raw mut capacity, ptr::null_mut())),
        INVALID
    );
    assert_eq!(
        call!(table.get_neighbors(1, pointer.cast(), ptr::null_mut(), &raw mut flags)),
        INVALID
    );
    assert_eq!(
        call!(table.get_neighbors(1, pointer.cast(), &raw mut capacity, &raw mut flags)),
        OK
    );
    assert_eq!((capacity, flags), (8, 0x40));
    assert_eq!(call!(table.get_mfe_status(1, 2, 3, ptr::null_mut())), INVALID);
    assert_eq!(call!(table.get_mfe_status(1, 2, 3, &raw mut flags)), OK);
    assert_eq!(flags, 11);

    assert_eq!(call!(table.mib_create(4, null)), INVALID);
    assert_eq!(call!(table.mib_set(u32::MAX, pointer)), INVALID);
    assert_eq!(call!(table.mib_delete(0, null)), OK);
    assert_eq!(call!(table.mib_get(4, null, &raw mut capacity, pointer)), INVALID);
    assert_eq!(
        call!(table.mib_get(4, pointer, ptr::null_mut(), pointer)),
        INVALID
    );
    assert_eq!(call!(table.mib_get(0, null, &raw mut capacity, null)), SMALL);
    assert_eq!(capacity, 8);
    // What it says that it wrote does not fit; the size stays the host's.
    assert_eq!(
        call!(table.mib_get_first(0, null, &raw mut capacity, pointer)),
        FAILED
    );
    assert_eq!(capacity, 8);
    assert_eq!(
        call!(table.mib_get_next(0, null, &raw mut capacity, pointer)),
        259
    );
    assert_eq!(capacity, 8);
    let set = call!(table.mib_set_trap_info(null, 0, null, &raw mut capacity, pointer));
    assert_eq!(set, INVALID);
    let set = call!(table.mib_set_trap_info(event.handle(), 0, null, &raw mut capacity, pointer));
    assert_eq!(set, Status::ERROR_ACCESS_DENIED.0);
    assert_eq!(call!(table.stop_protocol()), OK);
}

#[test]
fn preparations_are_negotiated_like_everything_else() {
    module!(M);
    let (table, ..) = running::<M>();
    let mut block = [7u8; 8];
    let mut answer = [0u8; 256];
    let (info, pointer) = (block.as_mut_ptr().cast(), answer.as_mut_ptr().cast());
    let ask = |protocol, scope, info: *mut c_void, size, count, pointer, capacity: *mut u32| {
        // SAFETY: the pointers are NULL or to what may be used.
        let mut question =
            unsafe { Preparation::new(protocol, scope, 1, (info, 1, size, count), pointer, capacity) };
        question.ask::<M>()
    };
    let mut size = 256;
    assert_eq!(ask(201, 1, info, 8, 1, pointer, &raw mut size), None);
    assert_eq!(ask(200, 1, info, 8, 1, pointer, ptr::null_mut()), Some(INVALID));
    assert_eq!(
        ask(200, 1, ptr::null_mut(), 8, 1, pointer, &raw mut size),
        Some(INVALID)
    );
    assert_eq!(ask(200, 1, info, 8, 2, pointer, &raw mut size), Some(INVALID));
    assert_eq!(size, 256);
    // A protocol that cannot tell says so, in words.
    for scope in 0..3 {
        let mut needed = 3;
        assert_eq!(ask(200, scope, info, 8, 1, pointer, &raw mut needed), Some(SMALL));
        let mut nowhere = u32::MAX;
        assert_eq!(
            ask(200, scope, info, 8, 1, ptr::null_mut(), &raw mut nowhere),
            Some(SMALL)
        );
        assert_eq!(nowhere, needed);
        assert_eq!(ask(200, scope, info, 8, 1, pointer, &raw mut needed), Some(50));
        let words = &answer[..needed as usize];
        assert_eq!(crate::prepare::answer(50, words).unwrap_err().status, Status(50));
        assert!(words.starts_with(b"{"), "{words:?}");
    }
    assert_eq!(ask(200, 3, info, 8, 1, pointer, &raw mut size), Some(INVALID));
    assert_eq!(call!(table.stop_protocol()), OK);
    assert_eq!(ask(200, 1, info, 8, 1, pointer, &raw mut size), Some(FAILED));
}

#[test]
fn who_comes_back_is_turned_away() {
    module!(M);
    let place = M::place();
    let mut inner = None;
    let outer = place.enter(|_| {
        inner = Some(place.enter(|_| Ok(())));
        Ok(())
    });
    assert_eq!((outer, inner), (OK, Some(FAILED)));
    // Another thread waits for its turn.
    let other = std::thread::spawn(|| M::place().enter(|_| Ok(())));
    assert_eq!(other.join().unwrap(), OK);
}
