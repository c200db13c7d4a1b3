//! What a module shows, and what it is told of the router identifier.

use serde_json::Value;
use waypost_routprot::{Impact, Refusal, Status, Topic};
use waypost_types::RouterId;

use super::{ModuleProtocol, answer};
use crate::prepare::Scope;
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
        /// Octets lent at first: enough for most answers.
        const FIRST: usize = 4096;
        let show = self.state.show.ok_or_else(nothing)?;
        let mut lent = vec![0; FIRST];
        // What it says may grow between the question and the larger buffer.
        for _ in 0..4 {
            let (code, length) = self.take(Some(&mut lent), |functions, pointer, size| {
                // SAFETY: the module writes up to `size` octets.
                unsafe { show(functions.protocol, topic_number(topic), pointer, size) }
            })?;
            if code != Status::ERROR_INSUFFICIENT_BUFFER.0 {
                answer("ShowState", code)?;
                return read(topic, lent.get(..length).unwrap_or_default());
            }
            lent = vec![0; length.saturating_add(FIRST)];
        }
        Err(Refusal::failed(
            "what the module has to show grows with every call",
        ))
    }
}
