//! `show fib`: the routing table, the router's view of the kernel and the kernel itself, compared on a thread of its own.
//!
//! The kernel is dumped beside the routing table's thread, which is asked for a page at a time and never waits. So table and
//! dump are of different moments, and a route that changes in between looks like a difference: what only the kernel disagrees
//! about is looked at a second time, and told if it is still so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use waypost_api::{FibObject, FibReport, FibRow, FibState};
use waypost_fib::{Found, Installation, Mode};
use waypost_host::table::{TableHandle, TableView};
use waypost_netlink::constants::{AF_INET, AF_INET6};
use waypost_netlink::{Body, Nexthop, NexthopId, NexthopKind, Query, RouteFilter};
use waypost_rtm::{Destination, Forwarding};
use waypost_sys::netlink::{Client, RequestError};
use waypost_types::{InterfaceIndex, NextHop, Prefix, ProtocolId, RouteKind, Time};

use crate::daemon::{NameMap, Names};

/// Destinations compared at once on the routing table's thread.
const STEP: usize = 1024;

/// Compares, and lists up to `limit` differences. `None` when the routing table's thread has ended.
pub(crate) fn report(table: &TableHandle, names: &Names, limit: usize) -> Option<FibReport> {
    let first = compare(table, names, limit)?;
    if !first.rows.iter().any(|row| is_the_kernels(row.state)) && first.objects.is_empty() {
        return Some(first);
    }
    let mut second = compare(table, names, limit)?;
    let before: BTreeSet<(Prefix, FibState)> = first.rows.iter().map(|row| (row.prefix, row.state)).collect();
    if first.rows.len() < limit {
        let listed = second.rows.len();
        second
            .rows
            .retain(|row| !is_the_kernels(row.state) || before.contains(&(row.prefix, row.state)));
        second.differing -= (listed - second.rows.len()) as u64;
    }
    second.objects.retain(|object| first.objects.contains(object));
    Some(second)
}

/// Whether the router does not know of it.
const fn is_the_kernels(state: FibState) -> bool {
    matches!(state, FibState::Missing | FibState::Other | FibState::Unknown)
}

/// What the kernel said.
struct Look {
    /// In the order of the table.
    routes: Vec<Found>,
    objects: BTreeMap<NexthopId, Nexthop>,
}

fn look(mode: Mode) -> Result<Look, RequestError> {
    let mut client = Client::open().map_err(RequestError::Io)?;
    let mut objects = BTreeMap::new();
    match client.snapshot(&Query::Nexthops) {
        Ok((messages, _)) => objects.extend(messages.into_iter().filter_map(|message| match message.body {
            Body::NewNexthop(nexthop) => Some((nexthop.id, nexthop)),
            _ => None,
        })),
        // A kernel without nexthop objects.
        Err(RequestError::Refused(_)) if mode == Mode::Inline => {}
        Err(error) => return Err(error),
    }
    let mut routes = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let filter = RouteFilter {
            family,
            ..RouteFilter::default()
        };
        let dump = client.visit(&Query::Routes(filter), |message| {
            if let Body::NewRoute(route) = message.body {
                routes.extend(Found::of(mode, &route));
            }
        });
        match dump {
            // A machine without IPv6 has no such table.
            Err(RequestError::Refused(_)) if family == AF_INET6 => {}
            other => drop(other?),
        }
    }
    routes.sort_unstable_by_key(|found| found.prefix);
    Ok(Look { routes, objects })
}

fn compare(table: &TableHandle, names: &Names, limit: usize) -> Option<FibReport> {
    let mode = table.ask(|view| view.fib.mode())?;
    let mut report = FibReport::default();
    let look = match look(mode) {
        Ok(look) => {
            report.kernel = Some(look.routes.len() as u64);
            Some(Arc::new(look))
        }
        Err(error) => {
            report.kernel_error = Some(error.to_string());
            None
        }
    };
    let (mut after, mut at) = (None, 0);
    loop {
        let (looked, names) = (look.clone(), names.clone());
        let mut page = table.ask(move |view| {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            Page::compare(view, &names, looked.as_deref(), after, at)
        })?;
        report.wanted += page.wanted;
        report.agreeing += page.agreeing;
        report.differing += page.rows.len() as u64;
        page.rows.truncate(limit - report.rows.len());
        report.rows.append(&mut page.rows);
        (after, at) = (page.last, page.at);
        if after.is_none() {
            break;
        }
    }
    let names = names.clone();
    let (read_seconds, objects) = table.ask(move |view| {
        let names = names.read().unwrap_or_else(PoisonError::into_inner);
        (
            seconds(view, view.fib.last_read()),
            objects(view, &names, look.as_deref()),
        )
    })?;
    report.read_seconds = read_seconds;
    report.objects = objects;
    Some(report)
}

fn seconds(view: &TableView<'_>, since: Option<Time>) -> Option<u64> {
    since.map(|since| view.now.since(since).as_secs())
}

/// A part of the table, compared.
#[derive(Default)]
struct Page {
    wanted: u64,
    agreeing: u64,
    rows: Vec<FibRow>,
    /// Where the next page begins, in the table and among the kernel's routes; no destination after the last page.
    last: Option<Prefix>,
    at: usize,
}

impl Page {
    fn compare(
        view: &TableView<'_>,
        names: &NameMap,
        look: Option<&Look>,
        after: Option<Prefix>,
        at: usize,
    ) -> Self {
        let mut page = Self {
            at,
            ..Self::default()
        };
        let destinations = view.rtm.page(after, STEP);
        if destinations.len() == STEP {
            page.last = destinations.last().map(|last| last.prefix);
        }
        for destination in &destinations {
            page.unknown_before(view, names, look, Some(destination.prefix));
            let found = look.and_then(|look| {
                let found = look.routes.get(page.at)?;
                (found.prefix == destination.prefix).then_some(found)
            });
            page.at += usize::from(found.is_some());
            page.destination(view, names, look, destination, found);
        }
        if page.last.is_none() {
            page.unknown_before(view, names, look, None);
        }
        page
    }

    /// The kernel's routes before a destination, to which the table has none.
    fn unknown_before(
        &mut self,
        view: &TableView<'_>,
        names: &NameMap,
        look: Option<&Look>,
        prefix: Option<Prefix>,
    ) {
        let Some(look) = look else { return };
        while let Some(found) = look.routes.get(self.at)
            && prefix.is_none_or(|prefix| found.prefix < prefix)
        {
            self.at += 1;
            self.rows.extend(unwanted(view, names, look, found));
        }
    }

    fn destination(
        &mut self,
        view: &TableView<'_>,
        names: &NameMap,
        look: Option<&Look>,
        destination: &Destination,
        found: Option<&Found>,
    ) {
        let wanted = destination
            .forwarding
            .as_ref()
            .filter(|forwarding| is_for_the_kernel(forwarding));
        let Some(forwarding) = wanted else {
            if let (Some(look), Some(found)) = (look, found) {
                self.rows.extend(unwanted(view, names, look, found));
            }
            return;
        };
        self.wanted += 1;
        let prefix = destination.prefix;
        let (state, reason) = match view.fib.installation(prefix) {
            Some(Installation::Installed) => match (look, found) {
                (None, _) => {
                    self.agreeing += 1;
                    return;
                }
                (Some(_), Some(found)) if view.fib.is_as_installed(found) => {
                    self.agreeing += 1;
                    return;
                }
                (Some(_), Some(_)) => (FibState::Other, "somebody changed it and the kernel said nothing"),
                (Some(_), None) => (FibState::Missing, "it is gone and the kernel said nothing"),
            },
            Some(Installation::Failed { failure, .. }) => {
                let text = failure.text;
                let row = row(view, names, look, prefix, FibState::Refused, found);
                self.rows.push(FibRow {
                    table: Some(in_words(names, forwarding)),
                    reason: Some(text),
                    ..row
                });
                return;
            }
            Some(Installation::Stray) => (FibState::Held, "the kernel is left as it is after a restart"),
            Some(Installation::Leaving) | Some(Installation::Pending) => {
                (FibState::Pending, "it is on its way")
            }
            None => (FibState::Pending, "it is about to be programmed"),
        };
        let row = row(view, names, look, prefix, state, found);
        self.rows.push(FibRow {
            table: Some(in_words(names, forwarding)),
            reason: Some(reason.to_owned()),
            ..row
        });
    }
}

/// Whether the kernel is meant to have it: connected routes are its own.
fn is_for_the_kernel(forwarding: &Forwarding) -> bool {
    let leads = forwarding.kind != RouteKind::Unicast || !forwarding.next_hops.is_empty();
    forwarding.owner != ProtocolId::LOCAL && leads
}

/// A route of the kernel that the table does not want.
fn unwanted(view: &TableView<'_>, names: &NameMap, look: &Look, found: &Found) -> Option<FibRow> {
    let (state, reason) = match view.fib.installation(found.prefix) {
        Some(Installation::Stray) => (
            FibState::Stray,
            "left from an earlier life; it goes unless somebody asks for it",
        ),
        Some(Installation::Installed | Installation::Pending) => {
            (FibState::Leaving, "it is about to be removed")
        }
        Some(Installation::Leaving | Installation::Failed { .. }) => {
            (FibState::Leaving, "it is on its way out")
        }
        None => (
            FibState::Unknown,
            "it bears the router's mark, and the router did not make it",
        ),
    };
    let row = row(view, names, Some(look), found.prefix, state, Some(found));
    Some(FibRow {
        reason: Some(reason.to_owned()),
        ..row
    })
}

fn row(
    view: &TableView<'_>,
    names: &NameMap,
    look: Option<&Look>,
    prefix: Prefix,
    state: FibState,
    found: Option<&Found>,
) -> FibRow {
    let since = if is_the_kernels(state) {
        view.fib.last_read()
    } else {
        view.fib.unsettled_since(prefix)
    };
    FibRow {
        prefix,
        state,
        table: None,
        kernel: look
            .zip(found)
            .map(|(look, found)| found_in_words(names, look, found)),
        age_seconds: seconds(view, since),
        reason: None,
    }
}

fn name(names: &NameMap, index: InterfaceIndex) -> String {
    names.get(&index).cloned().unwrap_or_else(|| format!("if{index}"))
}

fn hop_in_words(
    names: &NameMap,
    gateway: Option<std::net::IpAddr>,
    interface: Option<InterfaceIndex>,
    weight: u16,
) -> String {
    let mut words = Vec::new();
    words.extend(gateway.map(|gateway| format!("via {gateway}")));
    words.extend(interface.map(|interface| format!("dev {}", name(names, interface))));
    if weight != 1 {
        words.push(format!("weight {weight}"));
    }
    words.join(" ")
}

fn in_words(names: &NameMap, forwarding: &Forwarding) -> String {
    if forwarding.kind != RouteKind::Unicast {
        return forwarding.kind.to_string();
    }
    let hop = |hop: &NextHop| hop_in_words(names, hop.gateway, Some(hop.interface), hop.weight);
    let hops: Vec<String> = forwarding.next_hops.iter().map(hop).collect();
    hops.join(", ")
}

fn found_in_words(names: &NameMap, look: &Look, found: &Found) -> String {
    if found.kind != RouteKind::Unicast {
        return found.kind.to_string();
    }
    match found.object {
        Some(id) => match look.objects.get(&id) {
            Some(nexthop) => object_in_words(names, nexthop, &look.objects),
            None => format!("nhid {}", id.0),
        },
        None => {
            let hops = found.next_hops.iter();
            let hops = hops.map(|hop| hop_in_words(names, hop.gateway, hop.interface, hop.weight));
            hops.collect::<Vec<_>>().join(", ")
        }
    }
}

fn object_in_words(names: &NameMap, nexthop: &Nexthop, all: &BTreeMap<NexthopId, Nexthop>) -> String {
    match &nexthop.kind {
        NexthopKind::Blackhole { .. } => "blackhole".to_owned(),
        NexthopKind::Link { interface, .. } => hop_in_words(names, None, Some(*interface), 1),
        NexthopKind::Gateway { address, interface } => {
            hop_in_words(names, Some(*address), Some(*interface), 1)
        }
        NexthopKind::Group { members, .. } => {
            let member = |id: &NexthopId, weight: u16| match all.get(id).map(|nexthop| &nexthop.kind) {
                Some(NexthopKind::Gateway { address, interface }) => {
                    hop_in_words(names, Some(*address), Some(*interface), weight)
                }
                Some(NexthopKind::Link { interface, .. }) => {
                    hop_in_words(names, None, Some(*interface), weight)
                }
                _ => format!("nhid {}", id.0),
            };
            let members = members.iter().map(|m| member(&m.id, m.weight));
            members.collect::<Vec<_>>().join(", ")
        }
    }
}

fn objects(view: &TableView<'_>, names: &NameMap, look: Option<&Look>) -> Vec<FibObject> {
    let Some(look) = look else {
        return Vec::new();
    };
    let found: Vec<Nexthop> = look.objects.values().cloned().collect();
    let differences = view.fib.object_differences(&found).into_iter();
    differences
        .map(|difference| FibObject {
            id: difference.id.0,
            known: difference
                .known
                .map(|known| object_in_words(names, &known, &look.objects)),
            kernel: difference
                .found
                .map(|found| object_in_words(names, &found, &look.objects)),
        })
        .collect()
}
