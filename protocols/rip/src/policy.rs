//! Policies that RIP's configuration names, and what they make of RIP's routes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use waypost_policy::{Action, Policies, RouteMap, RouteView, Verdict};
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId};

use crate::config::{Adjustment, MetricChange};
use crate::packet::INFINITY;
use crate::redistribute::Rules;
use crate::table::{Current, External, Heard, Origin, Table};

/// A policy in force, by the name that configuration has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    name: String,
    map: Arc<RouteMap>,
}

impl NamedPolicy {
    /// The policy of a name, if there is a name. A name that no policy has, which the router manager lets nobody use, lets no
    /// route pass.
    #[must_use]
    pub fn find(policies: &Policies, name: Option<String>) -> Option<Self> {
        let name = name?;
        let map = policies.get(&name).cloned().unwrap_or_default();
        Some(Self { name, map })
    }

    /// What it changes about a route that was heard and that a filter let pass with `adjustment`; `None`: it does not pass.
    #[must_use]
    pub fn accept(&self, prefix: Prefix4, heard: &Heard, adjustment: Adjustment) -> Option<Adjustment> {
        let metric = adjustment.metric(heard.metric);
        let view = RouteView {
            next_hop: Some(heard.next_hop.into()),
            interface: Some(heard.interface),
            ..view(
                prefix,
                ProtocolId::RIP,
                metric.into(),
                adjustment.tag(heard.tag).into(),
            )
        };
        self.adjust(view, adjustment)
    }

    /// The same for a route that is announced.
    #[must_use]
    pub fn announce(&self, prefix: Prefix4, current: &Current, adjustment: Adjustment) -> Option<Adjustment> {
        let owner = match current.origin {
            Origin::Connected => ProtocolId::LOCAL,
            Origin::Redistributed(owner) => owner,
            Origin::Learned => ProtocolId::RIP,
        };
        let metric = adjustment.metric(current.usable_metric);
        let hop = current.via.first();
        let view = RouteView {
            next_hop: hop.map(|(_, gateway)| (*gateway).into()),
            interface: hop.map(|(index, _)| *index),
            ..view(prefix, owner, metric.into(), adjustment.tag(current.tag).into())
        };
        self.adjust(view, adjustment)
    }

    fn adjust(&self, view: RouteView, before: Adjustment) -> Option<Adjustment> {
        let verdict = passed(self.map.evaluate(view))?;
        let given = verdict.given;
        Some(Adjustment {
            metric: if given.metric {
                Some(MetricChange::Set(metric_of(&verdict)))
            } else {
                before.metric
            },
            tag: if given.tag {
                Some(tag_of(&verdict))
            } else {
                before.tag
            },
            preference: verdict.route.preference,
            next_hop: next_hop_of(&verdict),
        })
    }

    /// What the policy gives another source's route; `None`: it is not redistributed.
    #[must_use]
    pub fn redistribute(&self, prefix: Prefix4, external: &External) -> Option<Said> {
        let verdict = passed(self.map.evaluate(RouteView {
            next_hop: external.next_hop.map(Ipv4Addr::into),
            interface: external.interface,
            ..view(prefix, external.owner, external.metric, external.tag)
        }))?;
        let given = verdict.given;
        Some(Said {
            metric: given.metric.then(|| metric_of(&verdict)),
            tag: given.tag.then(|| tag_of(&verdict)),
            next_hop: next_hop_of(&verdict),
        })
    }
}

/// What a policy gives a route that is redistributed; the rule's own where it gives nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The metric.
    pub metric: Option<u8>,
    /// The tag.
    pub tag: Option<u16>,
    /// The router that others send to where they can.
    pub next_hop: Option<Ipv4Addr>,
}

fn view(prefix: Prefix4, protocol: ProtocolId, metric: u32, tag: u32) -> RouteView {
    RouteView {
        prefix: prefix.into(),
        protocol,
        metric,
        tag,
        preference: None,
        next_hop: None,
        interface: None,
        metric_type: None,
    }
}

fn passed(verdict: Verdict) -> Option<Verdict> {
    Some(verdict).filter(|verdict| verdict.action == Action::Permit)
}

/// RIP's metrics are 1 to 16.
fn metric_of(verdict: &Verdict) -> u8 {
    let metric = verdict.route.metric.clamp(1, INFINITY.into());
    u8::try_from(metric).unwrap_or(INFINITY)
}

/// The next hop that was set; an IPv6 one means nothing to RIP.
fn next_hop_of(verdict: &Verdict) -> Option<Ipv4Addr> {
    match verdict.route.next_hop {
        Some(IpAddr::V4(address)) if verdict.given.next_hop => Some(address),
        _ => None,
    }
}

/// RIP's tags have 16 bits.
const fn tag_of(verdict: &Verdict) -> u16 {
    verdict.route.tag as u16
}

/// How many routes other rules of redistribution decide otherwise on, and of how many.
#[must_use]
pub fn redistributed_otherwise(table: &Table, old: &Rules, new: &Rules) -> (usize, usize) {
    let known = table.iter().filter_map(|(prefix, destination)| {
        let external = destination.external.as_ref()?;
        Some(old.apply(*prefix, external) != new.apply(*prefix, external))
    });
    known.fold((0, 0), |(changed, all), differs| {
        (changed + usize::from(differs), all + 1)
    })
}

/// How many routes heard on an interface are taken otherwise, and of how many.
#[must_use]
pub fn heard_otherwise(
    table: &Table,
    interface: InterfaceIndex,
    accepts: impl Fn(Prefix4, &Heard) -> Option<Adjustment>,
) -> (usize, usize) {
    let heard = table.iter().flat_map(|(prefix, destination)| {
        let heard = destination
            .heard
            .iter()
            .filter(|heard| heard.interface == interface);
        heard.map(|heard| (*prefix, heard))
    });
    heard.fold((0, 0), |(changed, all), (prefix, heard)| {
        let before = heard.permitted.then_some(heard.adjustment);
        (changed + usize::from(accepts(prefix, heard) != before), all + 1)
    })
}
