//! Policies, and what they make of a route.

use std::net::IpAddr;

use waypost_manager::Manager;
use waypost_policy::RouteView;
use waypost_routprot::{Refusal, suggestion};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId};

use super::show::{PREFIX, source};
use crate::call::{Answer, Call};
use crate::failure::Failure;

const NUMBER: &str = "0..=4294967295";

pub(super) async fn policies(call: Call) -> Result<Answer, Failure> {
    let rows = call.api.manage(|manager, _, _| manager.show_policies());
    Answer::json(&rows.await?)
}

pub(super) async fn test(call: Call) -> Result<Answer, Failure> {
    let name = call.part("name").to_owned();
    let prefix = call
        .parameter::<Prefix>("prefix", PREFIX)?
        .ok_or_else(|| Refusal::invalid("the query parameter 'prefix' is missing").with_allowed(PREFIX))?;
    let interface = call.query.get("interface").cloned();
    let route = RouteView {
        prefix,
        protocol: source(&call, "protocol")?.unwrap_or(ProtocolId::STATIC),
        metric: call.parameter("metric", NUMBER)?.unwrap_or(0),
        tag: call.parameter("tag", NUMBER)?.unwrap_or(0),
        preference: None,
        next_hop: call.parameter::<IpAddr>("next-hop", "an address such as 192.0.2.1")?,
        interface: None,
        metric_type: None,
    };
    let explained = call.api.manage(move |manager, _, _| {
        let interface = interface
            .map(|name| interface_named(manager, &name))
            .transpose()?;
        manager.explain_policy(&name, RouteView { interface, ..route })
    });
    Answer::json(&explained.await??)
}

fn interface_named(manager: &Manager, name: &str) -> Result<InterfaceIndex, Refusal> {
    if let Some(interface) = manager.interfaces().by_name(name) {
        return Ok(interface.index);
    }
    let interfaces = manager.interfaces().iter();
    let known: Vec<&str> = interfaces.map(|interface| interface.name.as_str()).collect();
    let refusal = Refusal::invalid(match suggestion(name, known.iter().copied()) {
        Some(meant) => format!("no such interface; did you mean '{meant}'?"),
        None => "no such interface".to_owned(),
    });
    Err(refusal.with_value(name).with_allowed(known.join(", ")))
}
