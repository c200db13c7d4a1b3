//! Routes that a management call makes: lines of text in, routes of their own owner in the table (PROTO_IP_NETMGMT).
//!
//! They are not configuration: they are gone when they are unloaded or the daemon ends. What they are for is tables of other
//! routers, on a router under test.

use std::net::IpAddr;

use tokio::sync::oneshot;
use waypost_dump::text::{Hop, Line, parse_line};
use waypost_manager::{Interface, InterfaceTable};
use waypost_routprot::{Refusal, Status, suggestion};
use waypost_types::{
    InterfaceIndex, NextHop, NextHops, PathId, Prefix4, Prefix6, ProtocolId, Route, RouteBatch, RouteChange,
};

use crate::call::{Answer, Call, spread};
use crate::failure::Failure;
use crate::{LoadAnswer, LoadRequest, MAX_LOAD};

/// Work on more lines than this leaves the server's own thread.
const HEAVY: usize = 100;

/// The metric of a route that names none, as of a static one.
const METRIC: u32 = 1;

pub(super) async fn load(call: Call) -> Result<Answer, Failure> {
    let lines = call.body::<LoadRequest>().await?.lines;
    if lines.len() > MAX_LOAD {
        return Err(Refusal::invalid("too many lines at once")
            .at("lines")
            .with_value(lines.len())
            .with_allowed(format!("up to {MAX_LOAD}"))
            .into());
    }
    let interfaces = call
        .api
        .manage(|manager, _, _| manager.interfaces().clone())
        .await?;
    let batch = spread(lines.len() > HEAVY, move || batch(&lines, &interfaces)).await??;
    let (reply, answer) = oneshot::channel();
    let done = move |answer: LoadAnswer| drop(reply.send(answer));
    call.api
        .daemon
        .change_routes(ProtocolId::NETMGMT, batch, Box::new(done));
    Answer::json(&answer.await.map_err(|_| Failure::stopped())?)
}

pub(super) async fn unload(call: Call) -> Result<Answer, Failure> {
    let (reply, answer) = oneshot::channel();
    let done = move |answer: LoadAnswer| drop(reply.send(answer));
    call.api.daemon.remove_routes(ProtocolId::NETMGMT, Box::new(done));
    Answer::json(&answer.await.map_err(|_| Failure::stopped())?)
}

/// The changes that lines stand for; every line that cannot be taken is named.
fn batch(lines: &[String], interfaces: &InterfaceTable) -> Result<RouteBatch, Vec<Refusal>> {
    let mut batch = RouteBatch::new();
    let mut refusals = Vec::new();
    for (number, text) in lines.iter().enumerate() {
        let read = parse_line(text).map_err(|error| Refusal::invalid(error.to_string()).with_value(text));
        match read.and_then(|line| line.map(|line| change(&line, interfaces)).transpose()) {
            Ok(change) => batch.extend(change),
            Err(refusal) => refusals.push(refusal.at(&format!("lines.{number}"))),
        }
    }
    if refusals.is_empty() {
        Ok(batch)
    } else {
        Err(refusals)
    }
}

fn change(line: &Line, interfaces: &InterfaceTable) -> Result<RouteChange, Refusal> {
    let next_hops = line
        .hops
        .iter()
        .map(|hop| next_hop(hop, interfaces))
        .collect::<Result<NextHops, _>>()?;
    if line.kind == waypost_types::RouteKind::Unicast && next_hops.is_empty() {
        return Err(
            Refusal::invalid("a route needs a next hop: 'via ADDRESS' or 'dev INTERFACE'")
                .with_value(line.prefix),
        );
    }
    Ok(RouteChange::Set {
        prefix: line.prefix,
        path: PathId(0),
        route: Route {
            kind: line.kind,
            next_hops,
            metric: line.metric.unwrap_or(METRIC),
            tag: line.tag.unwrap_or(0),
            preference: None,
        },
    })
}

fn next_hop(hop: &Hop, interfaces: &InterfaceTable) -> Result<NextHop, Refusal> {
    let interface = match (&hop.device, hop.gateway) {
        (_, Some(_)) if hop.recursive => InterfaceIndex::UNSPECIFIED,
        (Some(name), _) => {
            interfaces
                .by_name(name)
                .ok_or_else(|| no_such_interface(name, interfaces))?
                .index
        }
        (None, Some(gateway)) => {
            reaching(gateway, interfaces)
                .ok_or_else(|| {
                    Refusal::invalid(
                        "the next hop is on no connected network; name its interface with 'dev', or mark it 'recursive'",
                    )
                        .with_value(gateway)
                })?
                .index
        }
        (None, None) => return Err(Refusal::invalid("a next hop needs an address or an interface")),
    };
    Ok(NextHop {
        interface,
        gateway: hop.gateway,
        weight: hop.weight.unwrap_or(1),
        onlink: hop.onlink,
    })
}

fn no_such_interface(name: &str, interfaces: &InterfaceTable) -> Refusal {
    let names: Vec<&str> = interfaces
        .iter()
        .map(|interface| interface.name.as_str())
        .collect();
    let reason = match suggestion(name, names.iter().copied()) {
        Some(meant) => format!("no such interface; did you mean '{meant}'?"),
        None => "no such interface".to_owned(),
    };
    Refusal::new(Status::ERROR_NO_SUCH_INTERFACE, reason).with_value(name)
}

/// The interface that is up and has the longest network with a gateway in it.
fn reaching(gateway: IpAddr, interfaces: &InterfaceTable) -> Option<&Interface> {
    let length = |interface: &Interface| match gateway {
        IpAddr::V4(gateway) => interface
            .addresses
            .iter()
            .filter_map(|&(address, length)| Prefix4::containing(address, length).ok())
            .filter(|network| network.contains(gateway))
            .map(Prefix4::length)
            .max(),
        IpAddr::V6(gateway) => interface
            .addresses6
            .iter()
            .filter_map(|&(address, length)| Prefix6::containing(address, length).ok())
            .filter(|network| network.contains(gateway))
            .map(Prefix6::length)
            .max(),
    };
    let up = interfaces.iter().filter(|interface| interface.up);
    up.filter_map(|interface| Some((length(interface)?, interface)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, interface)| interface)
}
