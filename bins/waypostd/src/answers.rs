//! Answers of the routing table to questions of the management API.

use std::collections::BTreeMap;
use std::net::IpAddr;

use waypost_api::{
    Destination, Explanation, Installed, KernelMatch, LoadAnswer, NextHopRow, OwnerCounters, PageQuery,
    Recursion, RouteAnswer, RouteCounters, RoutePage, RouteQuery, RouteRow,
};
use waypost_host::table::TableView;
use waypost_rtm::{Candidate, EntityStatus, Standing};
use waypost_types::{NextHop, Prefix, Prefix4, Prefix6, ProtocolId};

use crate::daemon::NameMap;
use crate::forwarding;

/// Destinations looked at in one go of a walk.
const STEP: usize = 256;

pub(crate) fn answer(view: &TableView<'_>, names: &NameMap, query: &RouteQuery) -> RouteAnswer {
    match query {
        RouteQuery::Page(query) => RouteAnswer::Page(page(view, names, query)),
        RouteQuery::Lookup(destination) => {
            let rows = longest_match(view, *destination)
                .map(|prefix| rows(view, names, prefix))
                .unwrap_or_default();
            RouteAnswer::Page(RoutePage {
                rows,
                ..RoutePage::default()
            })
        }
        RouteQuery::Explain(destination) => RouteAnswer::Explanation(explain(view, names, *destination)),
        RouteQuery::Counters => RouteAnswer::Counters(counters(view)),
    }
}

/// Destinations in order; a page ends on a destination, never within one.
fn page(view: &TableView<'_>, names: &NameMap, query: &PageQuery) -> RoutePage {
    let mut page = RoutePage::default();
    let mut after = query.after;
    loop {
        let destinations = view.rtm.page(after, STEP);
        let Some(last) = destinations.last() else {
            return page;
        };
        after = Some(last.prefix);
        for destination in &destinations {
            if page.rows.len() >= query.limit {
                return page;
            }
            let inside = query
                .within
                .is_none_or(|within| covers(within, destination.prefix));
            if inside {
                let wanted = |row: &RouteRow| query.owner.is_none_or(|owner| row.owner == owner);
                page.rows
                    .extend(rows(view, names, destination.prefix).into_iter().filter(wanted));
            }
            page.next = Some(destination.prefix);
        }
        if destinations.len() < STEP {
            page.next = None;
            return page;
        }
    }
}

fn covers(outer: Prefix, inner: Prefix) -> bool {
    match (outer, inner) {
        (Prefix::V4(outer), Prefix::V4(inner)) => outer.covers(inner),
        (Prefix::V6(outer), Prefix::V6(inner)) => outer.covers(inner),
        _ => false,
    }
}

fn host(address: IpAddr) -> Prefix {
    match address {
        IpAddr::V4(address) => Prefix4::host(address).into(),
        IpAddr::V6(address) => Prefix6::host(address).into(),
    }
}

fn longest_match(view: &TableView<'_>, destination: Destination) -> Option<Prefix> {
    match destination {
        Destination::Address(address) => view.rtm.longest_match(address).map(|found| found.prefix),
        Destination::Prefix(prefix) => view.rtm.exact(prefix).map(|found| found.prefix),
    }
}

/// Every route to a destination, the best first.
fn rows(view: &TableView<'_>, names: &NameMap, prefix: Prefix) -> Vec<RouteRow> {
    let mut candidates = view.rtm.candidates(prefix);
    candidates.sort_by_key(|candidate| {
        let wins = matches!(candidate.standing, Standing::Best | Standing::Held { .. });
        (
            !wins,
            candidate.standing == Standing::Inactive,
            candidate.preference,
            candidate.route.metric,
        )
    });
    candidates
        .iter()
        .map(|candidate| row(view, names, prefix, candidate))
        .collect()
}

fn row(view: &TableView<'_>, names: &NameMap, prefix: Prefix, candidate: &Candidate) -> RouteRow {
    let best = matches!(
        candidate.standing,
        Standing::Best | Standing::Held { .. } | Standing::Merged
    );
    let (installed, trouble) = installed(view, prefix, candidate, best);
    RouteRow {
        prefix,
        owner: candidate.owner,
        preference: candidate.preference,
        metric: candidate.route.metric,
        tag: candidate.route.tag,
        kind: candidate.route.kind,
        next_hops: next_hops(view, names, &candidate.route.next_hops),
        age_seconds: view.now.since(candidate.since).as_secs(),
        best,
        installed,
        reason: trouble.or_else(|| why(view, candidate)),
    }
}

fn next_hops(view: &TableView<'_>, names: &NameMap, hops: &[NextHop]) -> Vec<NextHopRow> {
    let hop = |hop: &NextHop| {
        let gateway = hop.gateway.filter(|_| hop.is_recursive());
        let recursive = gateway
            .and_then(|gateway| view.rtm.resolution(gateway))
            .map(|resolution| match resolution {
                Ok(way) => Recursion {
                    through: Some(way.through),
                    next_hops: next_hops(view, names, &way.next_hops),
                    reason: None,
                },
                Err(reason) => Recursion {
                    through: None,
                    next_hops: Vec::new(),
                    reason: Some(reason.to_string()),
                },
            });
        let name = || names.get(&hop.interface).cloned();
        NextHopRow {
            interface: gateway
                .is_none()
                .then(|| name().unwrap_or_else(|| format!("if{}", hop.interface))),
            interface_index: hop.interface,
            gateway: hop.gateway,
            weight: hop.weight,
            recursive,
        }
    };
    hops.iter().map(hop).collect()
}

/// Whether the kernel has the route and, if not, why.
fn installed(
    view: &TableView<'_>,
    prefix: Prefix,
    candidate: &Candidate,
    best: bool,
) -> (Installed, Option<String>) {
    use waypost_fib::Installation;
    if candidate.owner == ProtocolId::LOCAL || !best {
        // The kernel makes connected routes itself.
        return (Installed::NotWanted, None);
    }
    match view.fib.installation(prefix) {
        Some(Installation::Installed) => match view.fib.shadow(prefix) {
            None => (Installed::Yes, None),
            Some(metric) => (
                Installed::Shadowed,
                Some(format!(
                    "the kernel prefers a route to the same destination that is not the router's: its metric is {metric}, ours is {}",
                    view.fib.priority()
                )),
            ),
        },
        Some(Installation::Pending | Installation::Leaving | Installation::Stray) | None => {
            (Installed::Pending, None)
        }
        Some(Installation::Failed { failure, .. }) => (
            Installed::No,
            Some(format!("the kernel does not take it: {}", failure.text)),
        ),
    }
}

fn why(view: &TableView<'_>, candidate: &Candidate) -> Option<String> {
    let reason = match candidate.standing {
        Standing::Best if candidate.stale => "kept while its protocol restarts".to_owned(),
        Standing::Best => return None,
        Standing::Held { .. } => "in hold-down: forwarded to, but not advertised".to_owned(),
        Standing::Merged => "shares the load with the best route".to_owned(),
        Standing::Preference { best } => {
            format!("preference {} loses to preference {best}", candidate.preference)
        }
        Standing::Metric { best } => {
            format!(
                "equal preference; metric {} loses to metric {best}",
                candidate.route.metric
            )
        }
        Standing::Tie => "equal in preference and metric; the other was there before".to_owned(),
        Standing::Inactive => {
            let hops = candidate.route.next_hops.iter().filter(|hop| hop.is_recursive());
            let why = hops.filter_map(|hop| {
                let reason = view.rtm.resolution(hop.gateway?)?.as_ref().err()?;
                Some(format!("{} is not resolved: {reason}", hop.gateway?))
            });
            let why: Vec<String> = why.collect();
            if why.is_empty() {
                "none of its next hops is on an interface that is up".to_owned()
            } else {
                format!("none of its next hops can be used: {}", why.join("; "))
            }
        }
        Standing::Pending => "better than the best route; about to take over".to_owned(),
    };
    Some(reason)
}

fn explain(view: &TableView<'_>, names: &NameMap, destination: Destination) -> Explanation {
    let matched = longest_match(view, destination);
    let mut covered_by = Vec::new();
    let mut outer = match (matched, destination) {
        (Some(prefix), _) | (None, Destination::Prefix(prefix)) => prefix,
        (None, Destination::Address(address)) => host(address),
    };
    while let Some(shorter) = view.rtm.less_specific(outer) {
        outer = shorter.prefix;
        covered_by.push(outer);
    }
    let rows = matched
        .map(|prefix| rows(view, names, prefix))
        .unwrap_or_default();
    let address = match destination {
        Destination::Address(address) => address,
        Destination::Prefix(prefix) => prefix.network(),
    };
    let kernel = forwarding::matching(view.fib, names, address);
    let verdict = others_route(destination, kernel.as_ref(), &rows)
        .unwrap_or_else(|| verdict(destination, matched, &rows, covered_by.first().copied()));
    Explanation {
        kernel,
        inactive: Vec::new(),
        matched,
        verdict,
        rows,
        covered_by,
    }
}

/// The verdict when packets follow a route that is not the router's; `None` when they do not.
fn others_route(destination: Destination, kernel: Option<&KernelMatch>, rows: &[RouteRow]) -> Option<String> {
    let kernel = kernel.filter(|kernel| !kernel.ours)?;
    let prefix = kernel.prefix?;
    // Whoever asks for a network that is not routed is not told what happens to one address of it.
    if let Destination::Prefix(asked) = destination
        && !covers(prefix, asked)
    {
        return None;
    }
    let follow = format!(
        "packets to {destination} follow a route of the kernel that is not the router's: {}",
        kernel.text
    );
    let Some(best) = rows.iter().find(|row| row.best) else {
        return Some(format!(
            "{follow}; the router has no route to it that can be used"
        ));
    };
    let (ours, owner) = (best.prefix, best.owner);
    if owner == ProtocolId::LOCAL && kernel.protocol.as_deref() == Some("kernel") {
        // Connected networks and the machine's own addresses in them are the kernel's own doing.
        return None;
    }
    Some(if prefix == ours {
        format!("{follow}; it comes before {ours} of {owner}")
    } else if covers(ours, prefix) {
        format!("{follow}; it is more specific than {ours} of {owner}")
    } else {
        match best.reason.as_deref() {
            Some(reason) => format!("{follow}; {ours} of {owner} is not in the kernel: {reason}"),
            None => format!("{follow}; {ours} of {owner} is not in the kernel yet"),
        }
    })
}

fn verdict(
    destination: Destination,
    matched: Option<Prefix>,
    rows: &[RouteRow],
    covered_by: Option<Prefix>,
) -> String {
    let Some(prefix) = matched else {
        return match covered_by {
            Some(outer) => format!("there is no route to {destination} itself; packets follow {outer}"),
            None => format!("there is no route to {destination}"),
        };
    };
    let Some(best) = rows.iter().find(|row| row.best) else {
        return format!("no route to {prefix} can be used");
    };
    let others = rows.len() - rows.iter().filter(|row| row.best).count();
    let over = match others {
        0 => "it is the only route".to_owned(),
        1 => "it wins over 1 other route".to_owned(),
        others => format!("it wins over {others} other routes"),
    };
    let kernel = match (best.installed, best.owner) {
        (_, ProtocolId::LOCAL) => "the kernel made it itself",
        (Installed::Yes, _) => "the kernel has it",
        (Installed::Pending, _) => "it is on its way into the kernel",
        (Installed::Shadowed, _) => "the kernel has it, after a route of someone else",
        (Installed::No, _) => "the kernel refused it",
        (Installed::NotWanted, _) => "it is not for the kernel",
    };
    format!(
        "packets to {destination} follow {prefix} of {}; {over}; {kernel}",
        best.owner
    )
}

/// How many routes an owner has.
pub(crate) fn loaded(view: &TableView<'_>, owner: ProtocolId) -> LoadAnswer {
    let there = |entity: &EntityStatus| entity.config.protocol == owner && !entity.leaving;
    let routes = view.rtm.entities().filter(there).flat_map(|entity| entity.routes);
    LoadAnswer {
        routes: routes.map(u64::from).sum(),
        refused: view.refused.get(&owner).copied().unwrap_or(0),
    }
}

fn counters(view: &TableView<'_>) -> RouteCounters {
    let mut owners: BTreeMap<String, OwnerCounters> = BTreeMap::new();
    for entity in view.rtm.entities() {
        let counters = owners.entry(entity.config.protocol.to_string()).or_default();
        counters.routes += entity.routes.iter().map(|count| u64::from(*count)).sum::<u64>();
        counters.best += entity.best.iter().map(|count| u64::from(*count)).sum::<u64>();
        counters.limit = counters.limit.or(entity.config.route_limit);
    }
    for (protocol, refused) in view.refused {
        owners.entry(protocol.to_string()).or_default().refused = *refused;
    }
    let kernel = view.fib.counts();
    let memory = view.rtm.memory();
    RouteCounters {
        memory: memory.bytes() as u64,
        memory_budget: view.rtm.memory_budget().map(|bytes| bytes as u64),
        destinations: memory.destinations as u64,
        routes: owners.values().map(|owner| owner.routes).sum(),
        installed: kernel.installed as u64,
        pending: kernel.unsettled.saturating_sub(kernel.failed) as u64,
        refused: kernel.failed as u64,
        owners,
    }
}
