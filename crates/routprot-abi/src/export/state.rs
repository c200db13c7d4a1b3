//! ShowState and RouterIdChanged (`include/waypost/state.h`), as an exported protocol answers them.

use std::ffi::c_void;

use waypost_routprot::Refusal;

use super::memory::{say, word};
use super::{Ask, Module};
use crate::state::{id_of, topic_of};

/// ShowState.
#[derive(Debug)]
pub struct Shown {
    protocol: u32,
    topic: u32,
    answer: *mut c_void,
    answer_size: *mut u32,
}

impl Shown {
    /// What ShowState is called with.
    ///
    /// # Safety
    /// The pointers are NULL or the caller's, for as long as this is: `answer` to as many octets as `answer_size` points to.
    #[must_use]
    pub const unsafe fn new(protocol: u32, topic: u32, answer: *mut c_void, answer_size: *mut u32) -> Self {
        Self {
            protocol,
            topic,
            answer,
            answer_size,
        }
    }
}

impl Ask<u32> for Shown {
    fn ask<M: Module>(&mut self) -> Option<u32> {
        if self.protocol != M::protocol().0 {
            return None;
        }
        Some(M::place().call(|protocol| {
            // SAFETY: whoever made this says what they are.
            let capacity = unsafe { word("AnswerSize", self.answer_size) }?;
            let topic = topic_of(self.topic);
            let topic = topic.ok_or_else(|| Refusal::out_of_range("Topic", self.topic, "0..=4"))?;
            let said = protocol.show(topic)?;
            let words = serde_json::to_vec(&said).map_err(|error| Refusal::failed(error.to_string()))?;
            // SAFETY: whoever made this says what they are.
            unsafe { say(&words, self.answer, capacity, self.answer_size) }
        }))
    }
}

/// RouterIdChanged.
#[derive(Debug)]
pub struct Identifier {
    protocol: u32,
    id: u32,
}

impl Identifier {
    /// What RouterIdChanged is called with.
    #[must_use]
    pub const fn new(protocol: u32, id: u32) -> Self {
        Self { protocol, id }
    }
}

impl Ask<u32> for Identifier {
    fn ask<M: Module>(&mut self) -> Option<u32> {
        (self.protocol == M::protocol().0).then(|| {
            M::place().call(|protocol| {
                protocol.router_id_changed(id_of(self.id));
                Ok(())
            })
        })
    }
}
