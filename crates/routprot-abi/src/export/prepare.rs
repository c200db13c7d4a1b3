//! PrepareInfo (`include/waypost/prepare.h`), as an exported protocol answers it.

use std::ffi::c_void;

use waypost_routprot::{InfoBlock, OptionChange, Prepared, Refusal, RoutingProtocol};
use waypost_types::{InterfaceIndex, RouterId};

use super::memory::{block, say, word};
use super::{Ask, Module};
use crate::layout::prepare_scope as scope;

/// PrepareInfo.
#[derive(Clone, Copy, Debug)]
pub struct Preparation {
    protocol: u32,
    scope: u32,
    interface: u32,
    /// Pointer, version, size and count.
    block: (*mut c_void, u32, u32, u32),
    answer: *mut c_void,
    answer_size: *mut u32,
}

impl Preparation {
    /// What PrepareInfo is called with.
    ///
    /// # Safety
    /// The pointers are NULL or the caller's, for as long as this is: that of the block to such a block, `answer` to as many octets as
    /// `answer_size` points to.
    #[must_use]
    pub const unsafe fn new(
        protocol: u32,
        scope: u32,
        interface: u32,
        block: (*mut c_void, u32, u32, u32),
        answer: *mut c_void,
        answer_size: *mut u32,
    ) -> Self {
        Self {
            protocol,
            scope,
            interface,
            block,
            answer,
            answer_size,
        }
    }

    fn of(self, protocol: &mut dyn RoutingProtocol) -> Result<(), Refusal> {
        let (pointer, version, size, count) = self.block;
        // SAFETY: whoever made this says what they are.
        let capacity = unsafe { word("AnswerSize", self.answer_size) }?;
        // SAFETY: whoever made this says what they are.
        let info = unsafe { block(pointer, version, size, count) }?;
        let index = InterfaceIndex(self.interface);
        let result = match self.scope {
            scope::GLOBAL => protocol.prepare_global_info(&info),
            scope::INTERFACE => protocol.prepare_interface_info(Some(index), &info),
            scope::NEW_INTERFACE => protocol.prepare_interface_info(None, &info),
            scope::ROUTER_ID => router_id(protocol, &info),
            other => Err(Refusal::out_of_range("Scope", other, "0..=3")),
        };
        let words = in_words(&result)?;
        // SAFETY: whoever made this says what they are.
        unsafe { say(&words, self.answer, capacity, self.answer_size) }?;
        result.map(drop)
    }
}

impl Ask<u32> for Preparation {
    fn ask<M: Module>(&mut self) -> Option<u32> {
        (self.protocol == M::protocol().0).then(|| M::place().call(|protocol| self.of(protocol)))
    }
}

/// What another router identifier would do: one change, or none.
fn router_id(protocol: &mut dyn RoutingProtocol, info: &InfoBlock) -> Result<Prepared, Refusal> {
    let octets = <[u8; 4]>::try_from(info.bytes.as_slice())
        .map_err(|_| Refusal::invalid("a router identifier has four octets"))?;
    let said = protocol.prepare_router_id(RouterId::new(octets.into()).ok());
    let changes = said.into_iter().map(|(impact, reason)| OptionChange {
        path: "id".to_owned(),
        old: None,
        new: None,
        impact,
        reason,
    });
    Ok(Prepared {
        changes: changes.collect(),
    })
}

fn in_words(result: &Result<Prepared, Refusal>) -> Result<Vec<u8>, Refusal> {
    let words = match result {
        Ok(prepared) => serde_json::to_vec(prepared),
        Err(refusal) => serde_json::to_vec(refusal),
    };
    words.map_err(|error| Refusal::failed(error.to_string()))
}
