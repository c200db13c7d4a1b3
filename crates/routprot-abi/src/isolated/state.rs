//! What an isolated module shows, and what it is told of the router identifier.

use serde_json::Value;
use waypost_routprot::{Impact, Refusal, ReportArguments, RoutingProtocol, Status, Topic};
use waypost_types::RouterId;

use super::frame::{Body, Function};
use super::host::IsolatedProtocol;
use crate::ModuleProtocol;
use crate::prepare::said;
use crate::state::{id_of, number_of, read, topic_number, topic_of};

/// The module's side: does one of these calls.
pub(super) fn answer(module: &mut ModuleProtocol, function: Function, body: &Body) -> Result<Body, Refusal> {
    let words = |said: serde_json::Result<Vec<u8>>| {
        said.map(|octets| Body::octets(&octets))
            .map_err(|error| Refusal::failed(error.to_string()))
    };
    match function {
        Function::ShowState => {
            let topic = topic_of(body.word(0)).ok_or_else(|| Refusal::failed("no such topic"))?;
            words(serde_json::to_vec(&module.show(topic)?))
        }
        Function::MakeReport => {
            let asked = serde_json::from_slice(&body.octets);
            let (name, arguments): (String, ReportArguments) =
                asked.map_err(|error| Refusal::failed(error.to_string()))?;
            words(serde_json::to_vec(&module.report(&name, &arguments)?))
        }
        Function::PrepareRouterId => {
            words(serde_json::to_vec(&module.prepare_router_id(id_of(body.word(0)))))
        }
        _ => {
            module.router_id_changed(id_of(body.word(0)));
            Ok(Body::default())
        }
    }
}

impl IsolatedProtocol {
    pub(super) fn tell_router_id(&mut self, id: Option<RouterId>) {
        // A module that fails at it is told of by itself.
        drop(self.done(Function::RouterIdChanged, Body::words(&[number_of(id)])));
    }

    pub(super) fn ask_router_id(&mut self, id: Option<RouterId>) -> Option<(Impact, String)> {
        let answer = self.done(Function::PrepareRouterId, Body::words(&[number_of(id)]));
        serde_json::from_slice(&answer.ok()?.octets).ok().flatten()
    }

    pub(super) fn show_state(&mut self, topic: Topic) -> Result<Value, Refusal> {
        let answer = self.done(Function::ShowState, Body::words(&[topic_number(topic)]))?;
        // Whoever read it there is not to be trusted.
        read(topic, &answer.octets)
    }

    pub(super) fn make_report(&mut self, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let asked =
            serde_json::to_vec(&(name, arguments)).map_err(|error| Refusal::failed(error.to_string()))?;
        let answer = self.done(Function::MakeReport, Body::octets(&asked))?;
        said("MakeReport", Status::NO_ERROR.0, &answer.octets)
    }
}
