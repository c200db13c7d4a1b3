//! What an interface says of a destination: split horizon, filters, summaries, the rules of version 1.

use std::net::Ipv4Addr;
use std::ops::Bound;

use waypost_types::Prefix4;

use crate::config::{Announce, Effective, filter_permits, filter_verdict};
use crate::interface::Interface;
use crate::packet::{Entry, FAMILY_IPV4, INFINITY, Version};
use crate::table::{Destination, Origin, Table};

/// A route as it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The destination.
    pub prefix: Prefix4,
    /// 1..=16.
    pub metric: u8,
    /// Route tag.
    pub tag: u16,
    /// A better next hop than ourselves, or 0.0.0.0.
    pub next_hop: Ipv4Addr,
}

impl Announcement {
    /// That the destination is unreachable.
    #[must_use]
    pub const fn unreachable(prefix: Prefix4) -> Self {
        Self {
            prefix,
            metric: INFINITY,
            tag: 0,
            next_hop: Ipv4Addr::UNSPECIFIED,
        }
    }

    /// The entry that says so.
    #[must_use]
    pub fn entry(&self, version: Version) -> Entry {
        let (tag, mask, next_hop) = match version {
            Version::V1 => (0, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
            Version::V2 => (self.tag, self.prefix.netmask(), self.next_hop),
        };
        Entry {
            family: FAMILY_IPV4,
            tag,
            address: self.prefix.network(),
            mask,
            next_hop,
            metric: self.metric.into(),
        }
    }
}

/// Who is spoken to, under which configuration.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    /// The interface.
    pub interface: &'a Interface,
    /// Its configuration: the one in force, or the one that just was.
    pub effective: &'a Effective,
    /// The version of the message.
    pub version: Version,
}

impl Speaker<'_> {
    /// The class network that stands for `prefix` on this interface, where subnets are not told apart: outside their own
    /// class network (RFC 1058 §3.2).
    #[must_use]
    pub fn summary_of(&self, prefix: Prefix4) -> Option<Prefix4> {
        if self.version == Version::V2 && !self.effective.summarise {
            return None;
        }
        let natural = Prefix4::natural(prefix.network()).filter(|natural| natural.covers(prefix))?;
        let inside = self
            .interface
            .binding
            .addresses
            .iter()
            .any(|binding| natural.contains(binding.address));
        (!inside).then_some(natural)
    }

    /// Whether version 1, which has no masks, can say `prefix` so that it is understood (RFC 1058 §3.2), where version 1
    /// listens (RFC 2453 §4.3). `summarise` tells whether it does to `v1-compatible` messages.
    #[must_use]
    pub fn is_expressible(&self, prefix: Prefix4) -> bool {
        let compatible = self.effective.announce == Announce::V1Compatible && self.effective.summarise;
        if (self.version == Version::V2 && !compatible) || prefix.is_default() {
            return true;
        }
        crate::interface::infer_prefix(self.interface, prefix.network()) == Some(prefix)
    }

    /// What is said of exactly this destination, summaries aside; `None` for nothing.
    #[must_use]
    pub fn say(&self, prefix: Prefix4, destination: Option<&Destination>) -> Option<Announcement> {
        let said = self.say_poisoned(prefix, destination, self.effective.poison_reverse)?;
        self.is_expressible(prefix).then_some(said)
    }

    /// What a triggered update says of it: split horizon alone would keep a route silent that moved to this interface, and
    /// whoever listens here would go on sending to us what we send to them, until the timeout.
    #[must_use]
    pub fn say_change(&self, prefix: Prefix4, destination: Option<&Destination>) -> Option<Announcement> {
        let moved = destination.is_some_and(|destination| destination.moved);
        let said = self.say_poisoned(prefix, destination, self.effective.poison_reverse || moved)?;
        self.is_expressible(prefix).then_some(said)
    }

    /// What would be said if masks were no matter.
    fn say_poisoned(
        &self,
        prefix: Prefix4,
        destination: Option<&Destination>,
        poison: bool,
    ) -> Option<Announcement> {
        let effective = self.effective;
        if let Some(metric) = effective.originate_default
            && prefix.is_default()
        {
            return Some(Announcement {
                prefix,
                metric,
                tag: effective.route_tag,
                next_hop: Ipv4Addr::UNSPECIFIED,
            });
        }
        let current = destination?.current.as_ref()?;
        if (prefix.is_default() && !effective.announce_default_route)
            || (prefix.is_host() && !effective.announce_host_routes)
        {
            return None;
        }
        let mut change = filter_verdict(&effective.announce_filter, prefix)?;
        if let Some(policy) = &effective.announce_policy {
            change = policy.announce(prefix, current, change)?;
        }
        let here = self.interface.index();
        let mut metric = current.metric;
        match current.origin {
            Origin::Connected if destination?.connected.contains(&here) => return None,
            // RFC 2453 §3.4.3: what was learned here is not told here, or told as unreachable.
            Origin::Learned
                if effective.split_horizon && current.via.iter().any(|(index, _)| *index == here) =>
            {
                if !poison && metric < INFINITY {
                    return None;
                }
                metric = INFINITY;
            }
            _ => {}
        }
        let metric = change
            .metric(metric)
            .saturating_add(effective.metric_out)
            .min(INFINITY);
        // RFC 2453 §4.4: whoever is on this link is reached straight, not through us.
        let usual = match current.via.as_slice() {
            [(index, gateway)] if *index == here => Some(*gateway),
            _ => None,
        };
        let next_hop = change
            .next_hop
            .or(current.next_hop)
            .or(usual)
            .filter(|gateway| metric < INFINITY && self.interface.is_on_link(*gateway))
            .unwrap_or(Ipv4Addr::UNSPECIFIED);
        Some(Announcement {
            prefix,
            metric,
            tag: match (change.tag, current.tag) {
                (Some(tag), _) => tag,
                (None, 0) => effective.route_tag,
                (None, tag) => tag,
            },
            next_hop,
        })
    }

    /// The class network `natural` in place of everything inside it: as near as its nearest part.
    #[must_use]
    pub fn summarise(&self, natural: Prefix4, table: &Table) -> Option<Announcement> {
        let parts = Bound::Included(natural);
        let end = Bound::Included(Prefix4::host(natural.last()));
        let poison = self.effective.poison_reverse;
        table
            .range(parts, end)
            // Version 1 could not express the parts, but their sum it can.
            .filter_map(|(prefix, destination)| self.say_poisoned(*prefix, Some(destination), poison))
            .min_by_key(|announcement| announcement.metric)
            .map(|nearest| Announcement {
                prefix: natural,
                next_hop: Ipv4Addr::UNSPECIFIED,
                ..nearest
            })
            .filter(|_| {
                self.is_expressible(natural) && filter_permits(&self.effective.announce_filter, natural)
            })
    }

    /// What is said of a destination as a whole: itself, its summary, or nothing.
    #[must_use]
    pub fn statement(&self, prefix: Prefix4, table: &Table) -> Option<Announcement> {
        match self.summary_of(prefix) {
            Some(natural) if natural == prefix => self.summarise(natural, table),
            Some(_) => None,
            None => self.say(prefix, table.get(prefix)),
        }
    }

    /// The destinations about which `self` says something else than `old` did, and whether it says nothing any more.
    #[must_use]
    pub fn differences(&self, old: &Self, table: &Table) -> Vec<(Prefix4, bool)> {
        let mut candidates: Vec<Prefix4> = vec![Prefix4::DEFAULT];
        for (prefix, _) in table.iter() {
            candidates.push(*prefix);
            candidates.extend(self.summary_of(*prefix));
            candidates.extend(old.summary_of(*prefix));
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
            .into_iter()
            .filter_map(|prefix| {
                let (before, after) = (old.statement(prefix, table), self.statement(prefix, table));
                (before != after).then_some((prefix, before.is_some() && after.is_none()))
            })
            .collect()
    }
}
