//! MakeReport (`include/waypost/state.h`), as an exported protocol answers it.

use std::ffi::{CStr, c_char, c_void};

use serde_json::Value;
use waypost_routprot::{Refusal, ReportArguments, RoutingProtocol};

use super::memory::{say, word};
use super::{Ask, Module};

/// MakeReport.
#[derive(Debug)]
pub struct Report {
    protocol: u32,
    name: *const c_char,
    arguments: *const c_char,
    answer: *mut c_void,
    answer_size: *mut u32,
}

impl Report {
    /// What MakeReport is called with.
    ///
    /// # Safety
    /// The pointers are NULL or the caller's, for as long as this is: `name` and `arguments` to octets that a zero ends, `answer` to as
    /// many octets as `answer_size` points to.
    #[must_use]
    pub const unsafe fn new(
        protocol: u32,
        name: *const c_char,
        arguments: *const c_char,
        answer: *mut c_void,
        answer_size: *mut u32,
    ) -> Self {
        Self {
            protocol,
            name,
            arguments,
            answer,
            answer_size,
        }
    }

    fn of(&self, protocol: &mut dyn RoutingProtocol) -> Result<(), Refusal> {
        // SAFETY: whoever made this says what they are.
        let capacity = unsafe { word("AnswerSize", self.answer_size) }?;
        let made = self.make(protocol);
        let words = match &made {
            Ok(report) => serde_json::to_vec(report),
            Err(refusal) => serde_json::to_vec(refusal),
        };
        let words = words.map_err(|error| Refusal::failed(error.to_string()))?;
        // SAFETY: whoever made this says what they are.
        unsafe { say(&words, self.answer, capacity, self.answer_size) }?;
        made.map(drop)
    }

    fn make(&self, protocol: &mut dyn RoutingProtocol) -> Result<Value, Refusal> {
        // SAFETY: whoever made this says what it is.
        let name = unsafe { text("Name", self.name) }?;
        // SAFETY: whoever made this says what it is.
        let arguments = unsafe { text("Arguments", self.arguments) }?;
        let arguments: ReportArguments = serde_json::from_str(arguments)
            .map_err(|error| Refusal::invalid(error.to_string()).at("Arguments"))?;
        protocol.report(name, &arguments)
    }
}

/// The text that a pointer points to.
///
/// # Safety
/// NULL, or octets of the caller's that a zero ends, for as long as the text is used.
unsafe fn text<'a>(parameter: &str, pointer: *const c_char) -> Result<&'a str, Refusal> {
    if pointer.is_null() {
        return Err(Refusal::invalid("a text is expected").at(parameter));
    }
    // SAFETY: the caller says what it is.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|_| Refusal::invalid("not UTF-8").at(parameter))
}

impl Ask<u32> for Report {
    fn ask<M: Module>(&mut self) -> Option<u32> {
        (self.protocol == M::protocol().0).then(|| M::place().call(|protocol| self.of(protocol)))
    }
}
