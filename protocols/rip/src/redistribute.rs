//! Routes of other sources that RIP announces.

use std::net::{IpAddr, Ipv4Addr};

use waypost_policy::Policies;
use waypost_types::{NextHop, Prefix, Prefix4, ProtocolId, RouteNotice};

use crate::config::{Redistribution, filter_verdict};
use crate::packet::INFINITY;
use crate::policy::{NamedPolicy, Said};
use crate::table::External;

/// What is redistributed and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<(Redistribution, Option<NamedPolicy>)>);

/// What RIP says of a redistributed route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redistributed {
    /// Its metric, 1..=15.
    pub metric: u8,
    /// Its tag.
    pub tag: u16,
    /// The router that a policy names for it.
    pub next_hop: Option<Ipv4Addr>,
}

impl Rules {
    /// The rules of a configuration while these policies are in force.
    #[must_use]
    pub fn new(rules: &[Redistribution], policies: &Policies) -> Self {
        let named = |rule: &Redistribution| NamedPolicy::find(policies, rule.policy.clone());
        Self(rules.iter().map(|rule| (rule.clone(), named(rule))).collect())
    }

    /// Whose routes are asked for, each once, in order.
    #[must_use]
    pub fn owners(&self) -> Vec<ProtocolId> {
        let mut owners: Vec<ProtocolId> = self.0.iter().map(|(rule, _)| rule.source).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// What RIP says of a route; `None` when it is not redistributed. The first rule that takes it decides.
    #[must_use]
    pub fn apply(&self, prefix: Prefix4, external: &External) -> Option<Redistributed> {
        if !is_announceable(prefix) {
            return None;
        }
        self.0
            .iter()
            .filter(|(rule, _)| rule.source == external.owner)
            .find_map(|(rule, policy)| {
                let change = filter_verdict(rule.filter.as_deref().unwrap_or_default(), prefix)?;
                // The low 16 bits of the route's own, as the option says.
                let tag = rule.tag.unwrap_or(external.tag as u16);
                let metric = change.metric(rule.metric.unwrap_or(1).clamp(1, 15));
                let (metric, tag) = (metric, change.tag(tag));
                let said = match policy {
                    Some(policy) => policy.redistribute(prefix, external)?,
                    None => Said::default(),
                };
                Some(Redistributed {
                    metric: said.metric.unwrap_or(metric),
                    tag: said.tag.unwrap_or(tag),
                    next_hop: said.next_hop,
                })
            })
            // What a rule makes unreachable is not redistributed.
            .filter(|redistributed| redistributed.metric < INFINITY)
    }
}

/// Whether a destination may stand in a RIP message: unicast, neither net 0 nor loopback (RFC 2453 §3.9.2).
#[must_use]
pub fn is_announceable(prefix: Prefix4) -> bool {
    if prefix.is_default() {
        return true;
    }
    let first = prefix.network().octets()[0];
    prefix.length() > 0 && first != 127 && first < 224 && (first != 0 || prefix.length() < 8)
}

/// A notice as the table takes it; `None` for what is not IPv4.
#[must_use]
pub fn external_of(notice: &RouteNotice) -> Option<(Prefix4, Option<External>)> {
    let Prefix::V4(prefix) = notice.prefix else {
        return None;
    };
    let external = notice.best.as_ref().map(|best| External {
        owner: best.owner,
        metric: best.route.metric,
        tag: best.route.tag,
        next_hop: best.route.next_hops.first().and_then(|hop| match hop.gateway {
            Some(IpAddr::V4(gateway)) => Some(gateway),
            _ => None,
        }),
        interface: best.route.next_hops.first().map(|hop| hop.interface),
        gateway: match best.route.next_hops.as_slice() {
            [
                NextHop {
                    interface,
                    gateway: Some(IpAddr::V4(gateway)),
                    ..
                },
            ] => Some((*interface, *gateway)),
            _ => None,
        },
    });
    Some((prefix, external))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> Prefix4 {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_rule_that_takes_a_route_decides() {
        let rules: Vec<Redistribution> = serde_json::from_value(serde_json::json!([
            { "source": "static", "metric": 4, "tag": 9, "filter": [{ "permit": "10.0.0.0/8 le 16" }, { "permit": "10.2.0.0/16 ge 17", "add-metric": 3, "tag": 1 }] },
            { "source": "static", "metric": 7 },
            { "source": "ospf" },
            { "source": "0x813713aa", "metric": 5 },
        ]))
        .unwrap();
        let rules = Rules::new(&rules, &Policies::default());
        let external = |owner| External {
            owner,
            metric: 0,
            tag: 0x0001_0005,
            next_hop: None,
            interface: None,
            gateway: None,
        };
        let said = |prefix, external: &External| {
            let redistributed = rules.apply(p(prefix), external)?;
            Some((redistributed.metric, redistributed.tag))
        };
        let of_static = external(ProtocolId::STATIC);
        assert_eq!(said("10.1.0.0/16", &of_static), Some((4, 9)));
        assert_eq!(said("10.2.4.0/24", &of_static), Some((7, 1)));
        assert_eq!(said("192.0.2.0/24", &of_static), Some((7, 5)));
        assert_eq!(said("192.0.2.0/24", &external(ProtocolId::OSPF)), Some((1, 5)));
        assert_eq!(said("192.0.2.0/24", &external(ProtocolId::LOCAL)), None);
        let foreign = ProtocolId(0x8137_13AA);
        assert_eq!(said("192.0.2.0/24", &external(foreign)), Some((5, 5)));
        assert_eq!(rules.owners(), [ProtocolId::OSPF, ProtocolId::STATIC, foreign]);
    }

    #[test]
    fn what_may_not_be_announced() {
        for bad in [
            "127.0.0.0/8",
            "127.0.0.1/32",
            "224.0.0.0/4",
            "0.0.0.0/8",
            "240.0.0.0/8",
        ] {
            assert!(!is_announceable(p(bad)), "{bad}");
        }
        for good in ["0.0.0.0/0", "10.0.0.0/8", "0.0.0.0/1", "192.0.2.1/32"] {
            assert!(is_announceable(p(good)), "{good}");
        }
    }
}
