//! What a module shows, and what it is told of the router identifier.

use std::ffi::{CString, c_void};

use serde_json::Value;
use waypost_routprot::{Impact, Refusal, ReportArguments, Status, Topic, no_such_report};
use waypost_types::RouterId;

use super::{ModuleProtocol, answer};
use crate::layout::RoutingTable;
use crate::prepare::{Scope, said};
use crate::state::{asked, nothing, number_of, read, topic_number};

impl ModuleProtocol {
    pub(super) fn tell_router_id(&mut self, id: Option<RouterId>) {
        if let Some(changed) = self.state.router_id_changed {
            // SAFETY: two numbers. What is answered changes nothing.
            self.inside(|functions| unsafe { changed(functions.protocol, number_of(id)) });
            self.pass_signals_on();
        }
    }

    /// A module that does not hear of another router identifier has no use for it.
    pub(super) fn ask_router_id(&mut self, id: Option<RouterId>) -> Option<(Impact, String)> {
        self.state.router_id_changed?;
        match self.prepare(Scope::RouterId, &asked(id)) {
            Ok(prepared) => {
                let change = prepared.changes.into_iter().next()?;
                Some((change.impact, change.reason))
            }
            Err(_) => Some((
                Impact::Unknown,
                "the protocol does not say what it does".to_owned(),
            )),
        }
    }

    pub(super) fn show_state(&mut self, topic: Topic) -> Result<Value, Refusal> {
        let show = self.state.show.ok_or_else(nothing)?;
        let (code, words) = self.hear(|functions, pointer, size| {
            // SAFETY: the module writes up to `size` octets.
            unsafe { show(functions.protocol, topic_number(topic), pointer, size) }
        })?;
        answer("ShowState", code)?;
        read(topic, &words)
    }

    pub(super) fn make_report(&mut self, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let report = self.state.report.ok_or_else(|| no_such_report(name, &[]))?;
        let no_zero = |_| Refusal::invalid("a text has no zero in it").with_value(name);
        let of = CString::new(name).map_err(no_zero)?;
        let arguments = serde_json::to_vec(arguments).map_err(|error| Refusal::failed(error.to_string()))?;
        // JSON writes a zero in another way.
        let arguments = CString::new(arguments).map_err(no_zero)?;
        let (code, words) = self.hear(|functions, pointer, size| {
            // SAFETY: the module reads two texts and writes up to `size` octets.
            unsafe { report(functions.protocol, of.as_ptr(), arguments.as_ptr(), pointer, size) }
        })?;
        said("MakeReport", code, &words)
    }

    /// A call that the module answers in as many octets as it likes, and with a code.
    fn hear(
        &mut self,
        call: impl Fn(&RoutingTable, *mut c_void, &mut u32) -> u32,
    ) -> Result<(u32, Vec<u8>), Refusal> {
        /// Octets lent at first: enough for most answers.
        const FIRST: usize = 4096;
        let mut lent = vec![0; FIRST];
        // What it says may grow between the question and the larger buffer.
        for _ in 0..4 {
            let (code, length) = self.take(Some(&mut lent), &call)?;
            if code != Status::ERROR_INSUFFICIENT_BUFFER.0 {
                // A refusal need not say how long its words are; what is lent was zeros.
                lent.truncate(length);
                return Ok((code, lent));
            }
            lent = vec![0; length.saturating_add(FIRST)];
        }
        Err(Refusal::failed(
            "what the module has to say grows with every call",
        ))
    }
}
