//! A host whose answers depend on the questions alone.

use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use waypost_routprot::{NotificationEvent, OutputBuffer, ReceiveType, Refusal, Status, SupportFunctions};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouterId};

/// Counts signals.
#[derive(Default)]
pub(crate) struct Bell(AtomicUsize);

impl Bell {
    pub(crate) fn has_rung(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl NotificationEvent for Bell {
    fn signal(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) struct Router;

/// FNV-1a over a question.
fn hash(question: impl Debug) -> u32 {
    let fold = |hash: u32, octet: u8| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193);
    let hash = format!("{question:?}").bytes().fold(0x811c_9dc5, fold);
    hash ^ hash >> 15
}

fn answer(question: impl Debug) -> Result<(), Refusal> {
    match hash(question) % 5 {
        0 => Err(Refusal::invalid("it was chosen")),
        1 => Err(Refusal::new(Status(4711), "a code of its own")),
        _ => Ok(()),
    }
}

fn read(question: impl Debug + Copy, out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
    answer(question)?;
    let length = hash((question, "length")) % 24;
    let octets: Vec<u8> = (0..length)
        .map(|at| (hash(question) >> (at % 25)) as u8)
        .collect();
    out.put(&octets)
}

impl SupportFunctions for Router {
    fn demand_dial_request(&self, protocol: ProtocolId, interface: InterfaceIndex) -> Result<(), Refusal> {
        answer(("dial", protocol, interface))
    }

    fn set_interface_receive_type(
        &self,
        protocol: ProtocolId,
        interface: InterfaceIndex,
        kind: ReceiveType,
        active: bool,
    ) -> Result<(), Refusal> {
        answer(("receive", protocol, interface, kind, active))
    }

    fn validate_route(
        &self,
        protocol: ProtocolId,
        route: &Route,
        prefix: Option<Prefix>,
    ) -> Result<u8, Refusal> {
        answer(("validate", protocol, route, prefix))?;
        Ok(hash((route, prefix)) as u8)
    }

    fn mib_entry_create(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        answer(("create", target, input))
    }

    fn mib_entry_delete(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        answer(("delete", target, input))
    }

    fn mib_entry_set(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        answer(("set", target, input))
    }

    fn mib_entry_get(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        read(("get", target, input), out)
    }

    fn mib_entry_get_first(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        read(("first", target, input), out)
    }

    fn mib_entry_get_next(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        read(("next", target, input), out)
    }

    fn router_id(&self) -> Option<RouterId> {
        RouterId::new(Ipv4Addr::new(192, 0, 2, 1)).ok()
    }

    fn has_multicast_boundary(&self, interface: InterfaceIndex, group: Ipv4Addr) -> bool {
        hash((interface, group)).is_multiple_of(2)
    }
}
