//! The functions of the interface, each a call into the module.

use std::net::Ipv4Addr;
use std::ptr;
use std::sync::Arc;

use serde_json::Value;
use waypost_routprot::{
    AdapterBinding, ConfigurationCodec, Event, Functionality, Impact, InfoBlock, InfoBuffer,
    InterfaceIdentity, InterfaceStatus, MfeStatus, NeighborFlags, NotificationEvent, OutputBuffer, Prepared,
    Refusal, ReportArguments, RoutingCharacteristics, RoutingProtocol, Status, SupportFunctions, Topic,
    UpdateComplete, UpdateKind, check_registration,
};
use waypost_types::{InterfaceIndex, RouterId};

use crate::checks::check_functions;
use crate::event::HostEvent;
use crate::layout::{BindingHead, Message, RoutingTable, ServiceTable};
use crate::prepare::Scope;
use crate::support::Support;

use super::{Life, MEANINGLESS, MISSING, ModuleProtocol, Started, answer};

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
                    // Who reads without being told has it before the signal went its way, which it cannot go any more then.
                    self.pass_signals_on();
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

    fn router_id_changed(&mut self, id: Option<RouterId>) {
        self.tell_router_id(id);
    }

    fn prepare_router_id(&mut self, id: Option<RouterId>) -> Option<(Impact, String)> {
        self.ask_router_id(id)
    }

    fn show(&mut self, topic: Topic) -> Result<Value, Refusal> {
        self.show_state(topic)
    }

    fn report(&mut self, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        self.make_report(name, arguments)
    }

    fn describe(&self) -> Option<Arc<dyn ConfigurationCodec>> {
        self.codec.clone()
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
