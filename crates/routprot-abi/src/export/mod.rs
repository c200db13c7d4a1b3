//! A [`RoutingProtocol`] as a module: what [`export_protocol!`](crate::export_protocol) puts behind `RegisterProtocol`.
//!
//! The functions of the interface carry no argument that says which instance is called, so that an instance is a variable of
//! the object: one [`Place`] for each protocol that the object holds. Whoever wants two instances loads the object twice, as
//! [`ModuleProtocol`](crate::ModuleProtocol) does. Every function looks at what it is passed before it believes it, and
//! catches a panic of the protocol: the answer is ERROR_CAN_NOT_COMPLETE, then and for ever after.

mod describe;
mod functions;
mod memory;
mod place;
mod prepare;
mod report;
mod signal;
mod state;
mod support;
mod table;
#[cfg(test)]
mod tests;

use std::ffi::c_void;
use std::mem::offset_of;

use waypost_routprot::{
    Functionality, MS_ROUTER_VERSION, Refusal, RoutingCharacteristics, RoutingProtocol, Status,
    check_registration,
};
use waypost_types::ProtocolId;

use crate::layout::{RoutingTable, ServiceTable};

pub use describe::Description;
pub use place::Place;
pub use prepare::Preparation;
pub use report::Report;
pub use state::{Identifier, Shown};
pub use table::{Functions, Refused, Sink, Table, take};

/// Makes protocols those of a module: defines `RegisterProtocol`, the function that a shared object exports to be one,
/// `PrepareInfo`, which says what a change would do (`include/waypost/prepare.h`), `DescribeConfiguration`, which gives its options
/// names (`include/waypost/describe.h`), `ShowState`, `MakeReport` and `RouterIdChanged` (`include/waypost/state.h`), and `WaypostTakeRtm`, by which the host gives
/// it the routing table ([`Table`](crate::export::Table)).
///
/// For each protocol: its number, and what makes a fresh instance of it, a function or a closure without arguments. It runs at
/// each registration. A protocol with threads of its own ends them when it is dropped, which is when it says that it has stopped: the
/// host may unload the object at once.
///
/// A crate says it once, and is a `cdylib` which allows unsafe code: what the symbols are called is a promise to the linker.
///
/// ```
/// # mod sample {
/// # use waypost_routprot::*;
/// # use waypost_types::{InterfaceIndex, ProtocolId};
/// # use std::{net::Ipv4Addr, sync::Arc};
/// # #[derive(Default)]
/// # struct Sample;
/// # impl RoutingProtocol for Sample {
/// #     fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> { Ok(*offer) }
/// #     fn start(&mut self, _: Arc<dyn NotificationEvent>, _: Arc<dyn SupportFunctions>, _: &InfoBlock) -> Result<(), Refusal> { Ok(()) }
/// #     fn start_complete(&mut self) -> Result<(), Refusal> { Ok(()) }
/// #     fn stop(&mut self) -> Result<(), Refusal> { Ok(()) }
/// #     fn global_info(&mut self, _: &mut InfoBuffer<'_>) -> Result<(), Refusal> { Ok(()) }
/// #     fn set_global_info(&mut self, _: &InfoBlock) -> Result<(), Refusal> { Ok(()) }
/// #     fn add_interface(&mut self, _: &InterfaceIdentity, _: &InfoBlock) -> Result<(), Refusal> { Ok(()) }
/// #     fn delete_interface(&mut self, _: InterfaceIndex) -> Result<(), Refusal> { Ok(()) }
/// #     fn interface_status(&mut self, _: InterfaceIndex, _: bool, _: &InterfaceStatus) -> Result<(), Refusal> { Ok(()) }
/// #     fn interface_info(&mut self, _: InterfaceIndex, _: &mut InfoBuffer<'_>) -> Result<(), Refusal> { Ok(()) }
/// #     fn set_interface_info(&mut self, _: InterfaceIndex, _: &InfoBlock) -> Result<(), Refusal> { Ok(()) }
/// #     fn next_event(&mut self) -> Option<Event> { None }
/// #     fn update_routes(&mut self, _: InterfaceIndex) -> Result<(), Refusal> { Ok(()) }
/// #     fn connect_client(&mut self, _: InterfaceIndex, _: Ipv4Addr) -> Result<(), Refusal> { Ok(()) }
/// #     fn disconnect_client(&mut self, _: InterfaceIndex, _: Ipv4Addr) -> Result<(), Refusal> { Ok(()) }
/// #     fn mib_create(&mut self, _: &[u8]) -> Result<(), Refusal> { Ok(()) }
/// #     fn mib_delete(&mut self, _: &[u8]) -> Result<(), Refusal> { Ok(()) }
/// #     fn mib_set(&mut self, _: &[u8]) -> Result<(), Refusal> { Ok(()) }
/// #     fn mib_get(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> { Ok(()) }
/// #     fn mib_get_first(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> { Ok(()) }
/// #     fn mib_get_next(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> { Ok(()) }
/// # }
/// waypost_routprot_abi::export_protocol!(ProtocolId(200) => Sample::default);
/// # }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_protocol {
    ($($protocol:expr => $make:expr),+ $(,)?) => {
        /// Asks each protocol of this object in turn, until one is meant.
        fn protocol_of_this_module<R>(mut ask: impl $crate::export::Ask<R>) -> ::std::option::Option<R> {
            $({
                struct Exported;
                impl $crate::export::Module for Exported {
                    fn protocol() -> $crate::export::Number {
                        $protocol
                    }

                    fn make() -> ::std::boxed::Box<dyn $crate::export::Protocol> {
                        let make = $make;
                        ::std::boxed::Box::new(make())
                    }

                    fn place() -> &'static $crate::export::Place {
                        static PLACE: $crate::export::Place = $crate::export::Place::new();
                        &PLACE
                    }
                }
                if let Some(answer) = ask.ask::<Exported>() {
                    return Some(answer);
                }
            })+
            None
        }

        /// What makes this object a module (routing-protocol-interface 4.1).
        ///
        /// # Safety
        /// Both are NULL, or an MPR_ROUTING_CHARACTERISTICS and an MPR_SERVICE_CHARACTERISTICS of the caller's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn RegisterProtocol(
            routing: *mut ::std::ffi::c_void,
            services: *mut ::std::ffi::c_void,
        ) -> u32 {
            // SAFETY: the caller says what they are.
            let question = unsafe { $crate::export::Registration::new(routing, services) };
            protocol_of_this_module(question).unwrap_or($crate::export::UNKNOWN)
        }

        /// Says what a change would do (`include/waypost/prepare.h`).
        ///
        /// # Safety
        /// The pointers are NULL or the caller's: `info` to such a block, `answer` to as many octets as `answer_size` points to.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn PrepareInfo(
            protocol: u32,
            scope: u32,
            interface: u32,
            info: *mut ::std::ffi::c_void,
            version: u32,
            size: u32,
            count: u32,
            answer: *mut ::std::ffi::c_void,
            answer_size: *mut u32,
        ) -> u32 {
            let block = (info, version, size, count);
            // SAFETY: the caller says what they are.
            let question = unsafe {
                $crate::export::Preparation::new(protocol, scope, interface, block, answer, answer_size)
            };
            protocol_of_this_module(question).unwrap_or($crate::export::UNKNOWN)
        }

        /// Describes the configuration of a protocol (`include/waypost/describe.h`).
        ///
        /// # Safety
        /// NULL, or a place for a pointer.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn DescribeConfiguration(
            protocol: u32,
            configuration: *mut *const ::std::ffi::c_void,
        ) -> u32 {
            // SAFETY: the caller says what it is.
            let question = unsafe { $crate::export::Description::new(protocol, configuration) };
            protocol_of_this_module(question).unwrap_or($crate::export::UNKNOWN)
        }

        /// Says what the protocol does (`include/waypost/state.h`).
        ///
        /// # Safety
        /// NULL or the caller's: `answer` points to as many octets as `answer_size` points to.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn ShowState(
            protocol: u32,
            topic: u32,
            answer: *mut ::std::ffi::c_void,
            answer_size: *mut u32,
        ) -> u32 {
            // SAFETY: the caller says what they are.
            let question = unsafe { $crate::export::Shown::new(protocol, topic, answer, answer_size) };
            protocol_of_this_module(question).unwrap_or($crate::export::UNKNOWN)
        }

        /// Makes a report of the protocol's own (`include/waypost/state.h`).
        ///
        /// # Safety
        /// NULL or the caller's: `name` and `arguments` point to octets that a zero ends, `answer` to as many octets as
        /// `answer_size` points to.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn MakeReport(
            protocol: u32,
            name: *const ::std::ffi::c_char,
            arguments: *const ::std::ffi::c_char,
            answer: *mut ::std::ffi::c_void,
            answer_size: *mut u32,
        ) -> u32 {
            // SAFETY: the caller says what they are.
            let question =
                unsafe { $crate::export::Report::new(protocol, name, arguments, answer, answer_size) };
            protocol_of_this_module(question).unwrap_or($crate::export::UNKNOWN)
        }

        /// Another router identifier is in force (`include/waypost/state.h`).
        #[unsafe(no_mangle)]
        pub extern "C" fn RouterIdChanged(protocol: u32, id: u32) -> u32 {
            let question = $crate::export::Identifier::new(protocol, id);
            protocol_of_this_module(question).unwrap_or($crate::export::UNKNOWN)
        }

        /// Takes the functions of the routing table (`include/waypost/waypost.h`).
        ///
        /// # Safety
        /// NULL, or a WAYPOST_RTM that stays for as long as this object is loaded.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn WaypostTakeRtm(module: u32, functions: *const $crate::export::Functions) {
            // SAFETY: the caller says what they are.
            unsafe { $crate::export::take(module, functions) };
        }
    };
}

/// The number of a protocol, for the macro.
pub use waypost_types::ProtocolId as Number;

/// What is exported, for the macro.
pub use waypost_routprot::RoutingProtocol as Protocol;

/// What RegisterProtocol answers for a protocol that the object does not hold.
pub const UNKNOWN: u32 = Status::ERROR_NOT_SUPPORTED.0;

/// A protocol that an object holds; the macro implements it.
pub trait Module: 'static {
    /// Its number.
    fn protocol() -> ProtocolId;
    /// A fresh instance.
    fn make() -> Box<dyn RoutingProtocol>;
    /// Where its instance is.
    fn place() -> &'static Place;
}

/// A question to the protocols of an object.
pub trait Ask<R> {
    /// The answer of one; `None` when another one is meant.
    fn ask<M: Module>(&mut self) -> Option<R>;
}

/// RegisterProtocol.
#[derive(Debug)]
pub struct Registration {
    routing: *mut c_void,
    services: *mut c_void,
}

impl Registration {
    /// What RegisterProtocol is called with.
    ///
    /// # Safety
    /// Both are NULL, or an MPR_ROUTING_CHARACTERISTICS and an MPR_SERVICE_CHARACTERISTICS of the caller's, for as long as this is.
    #[must_use]
    pub const unsafe fn new(routing: *mut c_void, services: *mut c_void) -> Self {
        Self { routing, services }
    }
}

impl Ask<u32> for Registration {
    fn ask<M: Module>(&mut self) -> Option<u32> {
        // SAFETY: whoever made this says what they are.
        unsafe { register::<M>(self.routing, self.services) }
    }
}

/// RegisterProtocol for one of the protocols that an object holds; `None` when another one is asked for.
///
/// # Safety
/// Both are NULL, or an MPR_ROUTING_CHARACTERISTICS and an MPR_SERVICE_CHARACTERISTICS of the caller's.
unsafe fn register<M: Module>(routing: *mut c_void, services: *mut c_void) -> Option<u32> {
    if routing.is_null() {
        return Some(Status::ERROR_INVALID_PARAMETER.0);
    }
    // SAFETY: the caller says that the structure is there; its first three words are numbers.
    let [version, protocol, functionality] = unsafe { routing.cast::<[u32; 3]>().read_unaligned() };
    let asked = ProtocolId(protocol);
    if asked != M::protocol() {
        return None;
    }
    let mut table = None;
    let code = M::place().enter(|state| {
        if version < MS_ROUTER_VERSION {
            return Err(unacceptable("the host speaks an older version of the interface"));
        }
        // A newer host speaks this version, too: that is what a version is negotiated for.
        let offer = RoutingCharacteristics {
            version: MS_ROUTER_VERSION,
            protocol: asked,
            functionality: Functionality::from_bits_retain(functionality),
        };
        state.register(M::make, |instance| {
            let answer = instance.register(&offer)?;
            check_registration(&offer, &answer)?;
            table = Some(functions::table::<M>(&answer));
            Ok(())
        })
    });
    if code != Status::NO_ERROR.0 {
        return Some(code);
    }
    if let Some(table) = table {
        // SAFETY: the caller says that the structure is there.
        unsafe { routing.cast::<RoutingTable>().write_unaligned(table) };
    }
    if !services.is_null() {
        // There are none (stm.h).
        let functionality = services.wrapping_byte_add(offset_of!(ServiceTable, functionality));
        // SAFETY: the caller says that the structure is there.
        unsafe { functionality.cast::<u32>().write_unaligned(0) };
    }
    Some(code)
}

fn unacceptable(reason: &str) -> Refusal {
    Refusal::new(Status::ERROR_NOT_SUPPORTED, reason)
}
