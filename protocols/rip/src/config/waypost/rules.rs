//! Rules of filters: a record each, and from layout 3 on another with what the rule changes.

use std::net::Ipv4Addr;

use waypost_routprot::Refusal;
use waypost_types::Prefix4;
use waypost_wire::{Reader, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::given::{Bit, Given, GivenReader};
use super::{count, cut, elements, record};
use crate::config::validate::MAX_RULES;
use crate::config::{Action, Adjustment, FilterRule, MetricChange, PrefixMatch};

super::bits! {
    /// Bits of `given` in a rule.
    rule_change:
    METRIC = 0 "metric",
    ADD_METRIC = 1 "add-metric",
    TAG = 2 "tag",
}

/// A rule of a filter.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct RuleRecord {
    pub(super) kind: u8,
    pub(super) length: u8,
    pub(super) ge: u8,
    pub(super) le: u8,
    pub(super) low: [u8; 4],
    pub(super) high: [u8; 4],
}

/// What a rule changes; behind it from layout 3 on.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct ChangeRecord {
    pub(super) given: u8,
    /// Set or added: only one of the two can be given.
    pub(super) metric: u8,
    pub(super) tag: U16,
}

/// Kinds of a rule.
mod kind {
    pub(super) const PERMIT_PREFIX: u8 = 1;
    pub(super) const DENY_PREFIX: u8 = 2;
    pub(super) const PERMIT_ADDRESSES: u8 = 3;
    pub(super) const DENY_ADDRESSES: u8 = 4;
}

/// Reads a list of rules.
pub(super) fn rules(
    tail: &mut Reader<'_>,
    given: &GivenReader,
    bit: Bit,
    rules: U32,
    layout: u32,
) -> Result<Option<Vec<FilterRule>>, Refusal> {
    let changes = layout >= 3;
    let size = size_of::<RuleRecord>() + if changes { size_of::<ChangeRecord>() } else { 0 };
    let count = count(tail, given, bit, rules, size, MAX_RULES)?;
    elements(count, bit.option, || {
        let mut rule = rule(&record(tail).map_err(|error| cut("", error))?)?;
        if changes {
            rule.adjustment = change(&record(tail).map_err(|error| cut("", error))?)?;
        }
        Ok(rule)
    })
}

fn change(record: &ChangeRecord) -> Result<Adjustment, Refusal> {
    let given = GivenReader::new("given", record.given.into(), rule_change::ALL)?;
    let sets = given.has(rule_change::METRIC);
    let adds = given.has(rule_change::ADD_METRIC);
    if sets && adds {
        return Err(Refusal::invalid("a rule has either 'metric' or 'add-metric'").at("given"));
    }
    let metric = if adds {
        given
            .number(rule_change::ADD_METRIC, record.metric)?
            .map(MetricChange::Add)
    } else {
        given
            .number(rule_change::METRIC, record.metric)?
            .map(MetricChange::Set)
    };
    Ok(Adjustment {
        metric,
        tag: given.number(rule_change::TAG, record.tag.get())?,
        preference: None,
        next_hop: None,
    })
}

fn rule(record: &RuleRecord) -> Result<FilterRule, Refusal> {
    let (low, high) = (Ipv4Addr::from(record.low), Ipv4Addr::from(record.high));
    let (action, is_prefix) = match record.kind {
        kind::PERMIT_PREFIX => (Action::Permit, true),
        kind::DENY_PREFIX => (Action::Deny, true),
        kind::PERMIT_ADDRESSES => (Action::Permit, false),
        kind::DENY_ADDRESSES => (Action::Deny, false),
        other => return Err(Refusal::out_of_range("kind", other, "1..=4")),
    };
    let unused = |field, is_zero| {
        if is_zero {
            Ok(())
        } else {
            Err(Refusal::invalid("the field is not used by this kind of rule and must be zero").at(field))
        }
    };
    let matches = if is_prefix {
        unused("high", high.is_unspecified())?;
        PrefixMatch::Within {
            prefix: Prefix4::new(low, record.length)
                .map_err(|error| Refusal::invalid(error.to_string()).at("low"))?,
            ge: record.ge,
            le: record.le,
        }
    } else {
        unused("length", (record.length, record.ge, record.le) == (0, 0, 0))?;
        PrefixMatch::Addresses { low, high }
    };
    Ok(FilterRule::new(action, matches))
}

/// Writes a list of rules.
pub(super) fn write_rules(writer: &mut Writer, rules: Option<&[FilterRule]>, layout: u32) {
    for rule in rules.unwrap_or_default() {
        let record = match (rule.matches, rule.action) {
            (PrefixMatch::Within { prefix, ge, le }, action) => RuleRecord {
                kind: match action {
                    Action::Permit => kind::PERMIT_PREFIX,
                    Action::Deny => kind::DENY_PREFIX,
                },
                length: prefix.length(),
                ge,
                le,
                low: prefix.network().octets(),
                high: [0; 4],
            },
            (PrefixMatch::Addresses { low, high }, action) => RuleRecord {
                kind: match action {
                    Action::Permit => kind::PERMIT_ADDRESSES,
                    Action::Deny => kind::DENY_ADDRESSES,
                },
                length: 0,
                ge: 0,
                le: 0,
                low: low.octets(),
                high: high.octets(),
            },
        };
        writer.slice(record.as_bytes());
        if layout >= 3 {
            let mut given = Given::default();
            let metric = match rule.adjustment.metric {
                Some(MetricChange::Set(metric)) => given.number(rule_change::METRIC, Some(metric)),
                Some(MetricChange::Add(more)) => given.number(rule_change::ADD_METRIC, Some(more)),
                None => 0,
            };
            let change = ChangeRecord {
                metric,
                tag: given.number(rule_change::TAG, rule.adjustment.tag).into(),
                given: given.octet(),
            };
            writer.slice(change.as_bytes());
        }
    }
}
