//! RRAS's route filters, a mode and a list of address ranges, as ordered rules and back.
//!
//! | Mode | Ranges | Rules |
//! |---|---|---|
//! | off | none | none |
//! | off | some | `permit 0.0.0.0/0 le 32`, then a deny for each range: switched off, but the list is kept |
//! | include | some | a permit for each range |
//! | include | none | `deny 0.0.0.0/0 le 32`: nothing passes (P-107) |
//! | exclude | some | a deny for each range |
//! | exclude | none | `permit 0.0.0.0/0 le 32` |
//!
//! A range always becomes `LOW-HIGH`, so the rules with a prefix tell the empty lists apart and every block comes back octet
//! for octet. Any other list of rules is written as what it does to network addresses, see [`painted`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_types::Prefix4;

use super::codes::Coded;
use super::{Action, FilterRule, PrefixMatch};

/// IC_AcceptFilterMode and IC_AnnounceFilterMode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterMode {
    /// Every route passes.
    Off,
    /// Routes in the ranges pass.
    Include,
    /// All others pass.
    Exclude,
}

impl Coded for FilterMode {
    const CODES: &'static [(u8, Self)] = &[(0, Self::Off), (1, Self::Include), (2, Self::Exclude)];
}

/// The lowest and highest network address of IPRIP_ROUTE_FILTER.
pub(super) type Range = (Ipv4Addr, Ipv4Addr);

const EVERYTHING: PrefixMatch = PrefixMatch::Within {
    prefix: Prefix4::DEFAULT,
    ge: 0,
    le: Prefix4::MAX_LENGTH,
};
const PERMIT_EVERYTHING: FilterRule = FilterRule::new(Action::Permit, EVERYTHING);
const DENY_EVERYTHING: FilterRule = FilterRule::new(Action::Deny, EVERYTHING);

/// The rules that do what the mode and ranges say.
pub(super) fn rules(mode: FilterMode, ranges: &[Range]) -> Vec<FilterRule> {
    let (first, action) = match (mode, ranges.is_empty()) {
        (FilterMode::Off, true) => return Vec::new(),
        (FilterMode::Include, true) => return vec![DENY_EVERYTHING],
        (FilterMode::Exclude, true) => return vec![PERMIT_EVERYTHING],
        (FilterMode::Off, false) => (Some(PERMIT_EVERYTHING), Action::Deny),
        (FilterMode::Include, false) => (None, Action::Permit),
        (FilterMode::Exclude, false) => (None, Action::Deny),
    };
    first
        .into_iter()
        .chain(
            ranges
                .iter()
                .map(|&(low, high)| FilterRule::new(action, PrefixMatch::Addresses { low, high })),
        )
        .collect()
}

/// The mode and ranges that do what the rules say, as far as they can.
pub(super) fn mode_and_ranges(rules: &[FilterRule]) -> (FilterMode, Vec<Range>) {
    if rules == [DENY_EVERYTHING] {
        return (FilterMode::Include, Vec::new());
    }
    match rules.split_first() {
        None => return (FilterMode::Off, Vec::new()),
        Some((first, rest)) if *first == PERMIT_EVERYTHING => {
            if let Some(ranges) = plain(rest, Action::Deny) {
                return if ranges.is_empty() {
                    (FilterMode::Exclude, ranges)
                } else {
                    (FilterMode::Off, ranges)
                };
            }
        }
        Some(_) => {}
    }
    for (action, mode) in [
        (Action::Permit, FilterMode::Include),
        (Action::Deny, FilterMode::Exclude),
    ] {
        if let Some(ranges) = plain(rules, action) {
            return (mode, ranges);
        }
    }
    painted(rules)
}

/// The ranges of `rules`, when they are ranges only and all do `action`.
fn plain(rules: &[FilterRule], action: Action) -> Option<Vec<Range>> {
    rules
        .iter()
        .map(|rule| match rule.matches {
            PrefixMatch::Addresses { low, high } if rule.action == action => Some((low, high)),
            _ => None,
        })
        .collect()
}

/// What an ordered list of rules does to network addresses, whatever the prefix length.
///
/// Exact when all rules are address ranges. A rule with a prefix counts for every network address it can match, although a
/// prefix of a length it does not match may have the same address.
fn painted(rules: &[FilterRule]) -> (FilterMode, Vec<Range>) {
    let rest = rules.last().map_or(Action::Permit, |last| match last.action {
        Action::Permit => Action::Deny,
        Action::Deny => Action::Permit,
    });
    // Where each run of addresses with the same fate starts. Painted from the last rule to the first, which decides.
    let mut runs = BTreeMap::from([(0, rest)]);
    for rule in rules.iter().rev() {
        let (low, high) = network_addresses(&rule.matches);
        if let Some(after) = high.checked_add(1) {
            let fate = runs.range(..=after).next_back().map_or(rest, |(_, fate)| *fate);
            runs.insert(after, fate);
        }
        while let Some((&start, _)) = runs.range(low..=high).next() {
            runs.remove(&start);
        }
        runs.insert(low, rule.action);
    }
    let mut ranges: Vec<Range> = Vec::new();
    let mut start = None;
    for (&address, &fate) in &runs {
        if fate == rest {
            if let Some(start) = start.take() {
                ranges.push((Ipv4Addr::from_bits(start), Ipv4Addr::from_bits(address - 1)));
            }
        } else {
            start.get_or_insert(address);
        }
    }
    if let Some(start) = start {
        ranges.push((Ipv4Addr::from_bits(start), Ipv4Addr::BROADCAST));
    }
    match rest {
        Action::Permit if ranges.is_empty() => (FilterMode::Off, ranges),
        Action::Permit => (FilterMode::Exclude, ranges),
        Action::Deny => (FilterMode::Include, ranges),
    }
}

/// The lowest and highest network address among the prefixes that match.
fn network_addresses(matches: &PrefixMatch) -> (u32, u32) {
    match *matches {
        PrefixMatch::Addresses { low, high } => (low.to_bits(), high.to_bits()),
        PrefixMatch::Within { prefix, le, .. } => {
            // Networks of the longest length that matches are the finest grid, and the last of them is the highest.
            let last = Prefix4::containing(prefix.last(), le).unwrap_or(prefix);
            (prefix.bits(), last.bits().max(prefix.bits()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::config::filter_permits;
    use crate::config::strategies::{filter_rules, range};

    fn mode() -> impl Strategy<Value = FilterMode> {
        proptest::sample::select(vec![FilterMode::Off, FilterMode::Include, FilterMode::Exclude])
    }

    proptest! {
        #[test]
        fn mode_and_ranges_survive(mode in mode(), ranges in vec(range(), 0..5)) {
            prop_assert_eq!(mode_and_ranges(&rules(mode, &ranges)), (mode, ranges));
        }

        #[test]
        fn rules_do_what_the_mode_says(mode in mode(), ranges in vec(range(), 0..5), address: u32, length in 0_u8..=32) {
            let prefix = Prefix4::containing(address.into(), length).unwrap();
            let listed = ranges.iter().any(|(low, high)| (*low..=*high).contains(&prefix.network()));
            let expected = match mode {
                FilterMode::Off => true,
                FilterMode::Include => listed,
                FilterMode::Exclude => !listed,
            };
            prop_assert_eq!(filter_permits(&rules(mode, &ranges), prefix), expected);
        }

        #[test]
        fn ordered_ranges_keep_their_meaning(
            list in vec((any::<bool>(), range()), 0..6),
            address: u32,
            length in 0_u8..=32,
            at_an_edge in proptest::option::of((any::<prop::sample::Index>(), -1_i64..=1)),
        ) {
            let ordered: Vec<FilterRule> = list
                .iter()
                .map(|&(permit, (low, high))| {
                    let action = if permit { Action::Permit } else { Action::Deny };
                    FilterRule::new(action, PrefixMatch::Addresses { low, high })
                })
                .collect();
            let prefix = match at_an_edge {
                Some((index, offset)) if !list.is_empty() => {
                    let (low, high) = index.get(&list).1;
                    let edge = if offset < 0 { low } else { high };
                    let address = i64::from(edge.to_bits()) + offset;
                    Prefix4::host(Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(0)))
                }
                _ => Prefix4::containing(address.into(), length).unwrap(),
            };
            let (mode, ranges) = mode_and_ranges(&ordered);
            prop_assert_eq!(filter_permits(&rules(mode, &ranges), prefix), filter_permits(&ordered, prefix));
        }

        #[test]
        fn ranges_that_meet_keep_their_meaning(list in vec((any::<bool>(), 0_u32..8, 0_u32..8), 0..5)) {
            let ordered: Vec<FilterRule> = list
                .into_iter()
                .map(|(permit, a, b)| {
                    let action = if permit { Action::Permit } else { Action::Deny };
                    let low = Ipv4Addr::from_bits(a.min(b));
                    let high = Ipv4Addr::from_bits(a.max(b));
                    FilterRule::new(action, PrefixMatch::Addresses { low, high })
                })
                .collect();
            let (mode, ranges) = mode_and_ranges(&ordered);
            let written = rules(mode, &ranges);
            for address in 0..10 {
                let prefix = Prefix4::host(Ipv4Addr::from_bits(address));
                prop_assert_eq!(filter_permits(&written, prefix), filter_permits(&ordered, prefix));
            }
        }

        #[test]
        fn what_cannot_be_said_is_canonical(list in filter_rules()) {
            let (mode, ranges) = mode_and_ranges(&list);
            prop_assert!(ranges.iter().all(|(low, high)| low <= high));
            prop_assert_eq!(mode_and_ranges(&rules(mode, &ranges)), (mode, ranges));
        }
    }

    #[test]
    fn prefixes_become_the_addresses_they_can_match() {
        let range = |text: &str| {
            let (low, high) = network_addresses(&text.parse().unwrap());
            format!("{}-{}", Ipv4Addr::from_bits(low), Ipv4Addr::from_bits(high))
        };
        assert_eq!(range("10.0.0.0/8"), "10.0.0.0-10.0.0.0");
        assert_eq!(range("10.0.0.0/8 le 16"), "10.0.0.0-10.255.0.0");
        assert_eq!(range("10.0.0.0/8 ge 9"), "10.0.0.0-10.255.255.255");
    }
}
