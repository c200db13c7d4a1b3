//! The ordering guarantees of a host (routing-protocol-interface 10.1, 10.3 and 8.3).

use std::collections::BTreeMap;

use waypost_types::InterfaceIndex;

use super::{Call, Request};
use crate::{Event, InterfaceStatus, InterfaceType, Status};

/// Checks that a host kept its guarantees towards every instance in `calls`:
///
/// - RegisterProtocol, StartProtocol, interface calls, StartComplete, in this order and the first two once (10.3, 1);
/// - nothing after a refused registration or start but a new one of another instance (10.1, edge 2x);
/// - AddInterface before everything that names the index, and nothing that names it after DeleteInterface or a refused
///   AddInterface, until it is added again (10.3, 2);
/// - while the protocol stops, nothing but GetEventMessage; once it has stopped, nothing (10.1);
/// - after AddInterface of a permanent interface ADDRESS_CHANGE, then MEDIA_PRESENT or MEDIA_ABSENT, then what follows,
///   ENABLED not before them (8.3); `active` is (bound and media present) in every status (8.1);
/// - DoUpdateRoutes, ConnectClient and DisconnectClient only while the protocol runs and the interface is enabled and
///   bound (10.2).
///
/// The error names the first call that breaks one, by its place in `calls`, and the guarantee. A record may end at any
/// point, except that a permanent interface added in it must have been told its addresses and carrier.
pub fn check_order(calls: &[Call]) -> Result<(), String> {
    let mut instances: BTreeMap<usize, Instance> = BTreeMap::new();
    for (place, call) in calls.iter().enumerate() {
        instances
            .entry(call.instance)
            .or_default()
            .take(call)
            .map_err(|broken| {
                format!(
                    "call {place}, {:?} of {} (instance {}): {broken}",
                    call.request, call.protocol, call.instance
                )
            })?;
    }
    for (number, instance) in &instances {
        instance
            .end()
            .map_err(|broken| format!("at the end of instance {number}: {broken}"))?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Unloaded,
    Registered,
    Starting,
    Running,
    Stopping,
    /// ROUTER_STOPPED was dequeued; the drain it was found by may go on to its end.
    Draining,
    Over,
}

#[derive(Default)]
struct Instance {
    life: Life,
    interfaces: BTreeMap<InterfaceIndex, Interface>,
}

struct Interface {
    kind: InterfaceType,
    enabled: bool,
    bound: bool,
    media: bool,
    told: Told,
}

/// How far the sequence of 8.3 for an interface that was just added has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Addresses,
    Media,
}

impl Instance {
    fn take(&mut self, call: &Call) -> Result<(), String> {
        let accepted = call.status == Status::NO_ERROR;
        match (&call.request, self.life) {
            (Request::Register { .. }, Life::Unloaded) => {
                self.life = if accepted { Life::Registered } else { Life::Over };
                return Ok(());
            }
            (_, Life::Unloaded) => return Err("nothing is called before RegisterProtocol".to_owned()),
            (Request::Start { .. }, Life::Registered) => {
                self.life = if accepted { Life::Starting } else { Life::Over };
                return Ok(());
            }
            (_, Life::Registered) => {
                return Err("after RegisterProtocol comes StartProtocol".to_owned());
            }
            (Request::NextEvent { answer }, Life::Stopping) => {
                if *answer == Some(Event::RouterStopped) {
                    self.life = Life::Draining;
                }
                return Ok(());
            }
            (_, Life::Stopping) => {
                return Err("while a protocol stops, nothing but GetEventMessage is called".to_owned());
            }
            (Request::NextEvent { answer }, Life::Draining) => {
                if answer.is_none() {
                    self.life = Life::Over;
                }
                return Ok(());
            }
            (_, Life::Draining | Life::Over) => {
                return Err("nothing is called once a protocol has stopped or was refused".to_owned());
            }
            (_, Life::Starting | Life::Running) => {}
        }
        match &call.request {
            Request::Register { .. } | Request::Start { .. } => {
                Err("an instance registers and starts once".to_owned())
            }
            Request::StartComplete if self.life == Life::Running => {
                Err("StartComplete comes once".to_owned())
            }
            Request::StartComplete => {
                self.life = Life::Running;
                Ok(())
            }
            Request::Stop => {
                // Any other status than 907 counts as stopped (5.3).
                self.life = if call.status == Status::ERROR_PROTOCOL_STOP_PENDING {
                    Life::Stopping
                } else {
                    Life::Over
                };
                Ok(())
            }
            request => match request.interface() {
                Some(index) => self.interface(index, request, accepted),
                None => Ok(()),
            },
        }
    }

    fn interface(&mut self, index: InterfaceIndex, request: &Request, accepted: bool) -> Result<(), String> {
        let running = self.life == Life::Running;
        if let Request::AddInterface { interface, .. } = request {
            if self.interfaces.contains_key(&index) {
                return Err(format!("interface {index} was added before"));
            }
            if accepted {
                self.interfaces.insert(
                    index,
                    Interface {
                        kind: interface.kind,
                        enabled: false,
                        bound: false,
                        media: true,
                        told: Told::Nothing,
                    },
                );
            }
            return Ok(());
        }
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return Err(format!(
                "AddInterface precedes everything that names interface {index}"
            ));
        };
        match request {
            Request::DeleteInterface { .. } => {
                // The host forgets the pairing whatever the status (5.7).
                self.interfaces.remove(&index);
                Ok(())
            }
            Request::InterfaceStatus { active, status, .. } => interface.status(*active, status),
            Request::UpdateRoutes { .. }
            | Request::ConnectClient { .. }
            | Request::DisconnectClient { .. }
                if !(running && interface.enabled && interface.bound) =>
            {
                Err(format!(
                    "interface {index} has to be enabled and bound, and the protocol running"
                ))
            }
            _ => Ok(()),
        }
    }

    fn end(&self) -> Result<(), String> {
        if !matches!(self.life, Life::Starting | Life::Running) {
            return Ok(());
        }
        match self.interfaces.iter().find(|(_, interface)| {
            interface.kind == InterfaceType::Permanent && interface.told != Told::Media
        }) {
            None => Ok(()),
            Some((index, _)) => Err(format!(
                "permanent interface {index} was added, but not told its addresses and carrier"
            )),
        }
    }
}

impl Interface {
    fn status(&mut self, active: bool, status: &InterfaceStatus) -> Result<(), String> {
        let media = matches!(
            status,
            InterfaceStatus::MediaPresent | InterfaceStatus::MediaAbsent
        );
        if self.kind == InterfaceType::Permanent {
            self.told = match (self.told, status) {
                (Told::Nothing, InterfaceStatus::AddressChange(_)) => Told::Addresses,
                (Told::Nothing, _) => {
                    return Err("after AddInterface comes ADDRESS_CHANGE".to_owned());
                }
                (Told::Addresses, _) if media => Told::Media,
                (Told::Addresses, _) => {
                    return Err(
                        "after the first ADDRESS_CHANGE comes MEDIA_PRESENT or MEDIA_ABSENT".to_owned(),
                    );
                }
                (Told::Media, _) => Told::Media,
            };
        }
        match status {
            InterfaceStatus::AddressChange(binding) => {
                self.bound = !binding.addresses.is_empty();
            }
            InterfaceStatus::Enabled => self.enabled = true,
            InterfaceStatus::Disabled => self.enabled = false,
            InterfaceStatus::MediaPresent => self.media = true,
            InterfaceStatus::MediaAbsent => self.media = false,
        }
        if active == (self.bound && self.media) {
            return Ok(());
        }
        Err(format!(
            "active is {active}, but the interface is{} bound and media is {}",
            if self.bound { "" } else { " not" },
            if self.media { "present" } else { "absent" }
        ))
    }
}
