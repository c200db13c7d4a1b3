//! Prefix lists, compiled.
//!
//! The first and last addresses of the rules' prefixes cut the address space into stretches. All addresses of a stretch are
//! inside the same prefixes, so what becomes of a prefix that begins there follows from its length alone: a row of 33 or 129
//! numbers, of which most stretches share a few. A look-up is a binary search and one number.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use waypost_types::{Prefix, Prefix4, Prefix6};

use crate::rule::{Action, PrefixRule};

/// No rule matches.
const NONE: u32 = u32::MAX;

/// An address as a number.
trait Address: Copy + Ord {
    const LENGTHS: usize;
    /// The address after this one, unless it is the last.
    fn after(self) -> Option<Self>;
}

impl Address for u32 {
    const LENGTHS: usize = 33;

    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Address for u128 {
    const LENGTHS: usize = 129;

    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// A range of addresses and of lengths, in the order of the list.
struct Range<A> {
    rule: u32,
    first: A,
    last: A,
    ge: u8,
    le: u8,
}

/// The rules of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side<A> {
    /// Where stretches begin; the first begins at 0.
    starts: Vec<A>,
    /// The row of each stretch.
    rows: Vec<u32>,
    /// The rule that matches each length, row after row.
    matches: Vec<u32>,
}

impl<A: Address> Side<A> {
    fn compile(ranges: &[Range<A>], zero: A) -> Self {
        // Rules that come into force and end, by address.
        let mut events: BTreeMap<A, (Vec<usize>, Vec<usize>)> =
            BTreeMap::from([(zero, (Vec::new(), Vec::new()))]);
        for (number, range) in ranges.iter().enumerate() {
            events.entry(range.first).or_default().0.push(number);
            if let Some(after) = range.last.after() {
                events.entry(after).or_default().1.push(number);
            }
        }
        let mut side = Self {
            starts: Vec::with_capacity(events.len()),
            rows: Vec::with_capacity(events.len()),
            matches: Vec::new(),
        };
        let mut known: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let mut active = BTreeSet::new();
        for (start, (begin, end)) in events {
            for number in end {
                active.remove(&number);
            }
            active.extend(begin);
            let mut row = vec![NONE; A::LENGTHS];
            let mut open = A::LENGTHS;
            // The first rule of the list wins.
            for range in active.iter().filter_map(|number: &usize| ranges.get(*number)) {
                for place in row
                    .iter_mut()
                    .take(usize::from(range.le) + 1)
                    .skip(range.ge.into())
                {
                    if *place == NONE {
                        *place = range.rule;
                        open -= 1;
                    }
                }
                if open == 0 {
                    break;
                }
            }
            let next = known.len() as u32;
            let row_number = *known.entry(row).or_insert_with_key(|row| {
                side.matches.extend(row);
                next
            });
            if side.rows.last() != Some(&row_number) {
                side.starts.push(start);
                side.rows.push(row_number);
            }
        }
        side
    }

    fn first_match(&self, address: A, length: u8) -> Option<usize> {
        // INVARIANT: a stretch begins at 0, so that one begins at or before every address.
        let stretch = self
            .starts
            .partition_point(|start| *start <= address)
            .checked_sub(1)?;
        let row = *self.rows.get(stretch)? as usize;
        let rule = *self.matches.get(row * A::LENGTHS + usize::from(length))?;
        (rule != NONE).then_some(rule as usize)
    }
}

/// An ordered list of rules, ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixList {
    rules: Vec<(Action, PrefixRule)>,
    v4: Side<u32>,
    v6: Side<u128>,
}

impl PrefixList {
    /// A list of these rules, of which the first that matches decides. Rules that no prefix can match match none.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = (Action, PrefixRule)>) -> Self {
        let rules: Vec<_> = rules.into_iter().collect();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (number, (_, rule)) in (0..).zip(&rules) {
            let ge = rule.ge.max(rule.prefix.length());
            match rule.prefix {
                Prefix::V4(prefix) => v4.push(Range {
                    rule: number,
                    first: prefix.network().to_bits(),
                    last: prefix.last().to_bits(),
                    ge,
                    le: rule.le,
                }),
                Prefix::V6(prefix) => v6.push(Range {
                    rule: number,
                    first: prefix.network().to_bits(),
                    last: prefix.last().to_bits(),
                    ge,
                    le: rule.le,
                }),
            }
        }
        Self {
            rules,
            v4: Side::compile(&v4, 0),
            v6: Side::compile(&v6, 0),
        }
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &[(Action, PrefixRule)] {
        &self.rules
    }

    /// The position of the rule that decides on a prefix, and what it decides; `None` when no rule matches.
    #[must_use]
    pub fn decide(&self, prefix: Prefix) -> Option<(usize, Action)> {
        let position = match prefix {
            Prefix::V4(prefix) => self.v4.first_match(prefix.network().to_bits(), prefix.length()),
            Prefix::V6(prefix) => self.v6.first_match(prefix.network().to_bits(), prefix.length()),
        }?;
        self.rules.get(position).map(|(action, _)| (position, *action))
    }

    /// Whether a prefix is permitted; what no rule matches is not.
    #[must_use]
    pub fn permits(&self, prefix: Prefix) -> bool {
        matches!(self.decide(prefix), Some((_, Action::Permit)))
    }

    /// The same about an address, as the prefix of that address alone.
    #[must_use]
    pub fn decide_address(&self, address: IpAddr) -> Option<(usize, Action)> {
        self.decide(host(address))
    }

    /// Whether an address is permitted, as the prefix of that address alone.
    #[must_use]
    pub fn permits_address(&self, address: IpAddr) -> bool {
        self.permits(host(address))
    }
}

fn host(address: IpAddr) -> Prefix {
    match address {
        IpAddr::V4(address) => Prefix4::host(address).into(),
        IpAddr::V6(address) => Prefix6::host(address).into(),
    }
}
