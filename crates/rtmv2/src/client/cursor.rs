//! A walk through the destinations of the table, live.

use std::ops::Bound;

use waypost_routprot::Status;
use waypost_types::Prefix;

use super::handle::Id;
use super::state::{Entity, State};
use crate::DestinationSnapshot;
use crate::tables::everything;

/// Where an enumeration begins and ends (RTM_ENUM_START, NEXT, RANGE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All there is.
    Start,
    /// From this prefix on, itself included.
    Next(Prefix),
    /// What this prefix covers, itself included.
    Within(Prefix),
}

/// A walk through the destinations.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    within: Prefix,
    /// To begin with, itself included.
    first: Option<Prefix>,
    after: Option<Prefix>,
}

impl Cursor {
    pub(super) fn new(state: &State, caller: Id<Entity>, range: Range) -> Result<Self, Status> {
        let all = everything(state.family(caller));
        let (within, first) = match range {
            Range::Start => (all, None),
            Range::Next(first) => {
                state.check_family(caller, first)?;
                (all, Some(first))
            }
            Range::Within(within) => {
                state.check_family(caller, within)?;
                (within, None)
            }
        };
        Ok(Self {
            within,
            first,
            after: None,
        })
    }

    /// The next destinations; none at the end. With `withdrawn` those, too, where the client has routes that the table
    /// does not have.
    pub(super) fn next(&mut self, state: &State, max: usize, withdrawn: bool) -> Vec<DestinationSnapshot> {
        let mut found = Vec::new();
        let first = self.first.take();
        if let Some(first) = first {
            found.extend(state.table.destination(first));
            if found.is_empty() && withdrawn && state.withdrawn.contains_key(&first) {
                found.push(state.snapshot(first));
            }
            self.after = Some(first);
        }
        if found.is_empty() {
            found = state.table.page(self.after, self.within, max);
            if withdrawn && !state.withdrawn.is_empty() {
                self.add_withdrawn(state, max, &mut found);
            }
        }
        if let Some(last) = found.last() {
            self.after = Some(last.prefix);
        }
        found
    }

    fn add_withdrawn(&self, state: &State, max: usize, found: &mut Vec<DestinationSnapshot>) {
        let from = match self.after {
            Some(after) if after >= self.within => Bound::Excluded(after),
            _ => Bound::Included(self.within),
        };
        // What comes after the page is for the next one.
        let end = found.last().map(|last| last.prefix);
        let withdrawn = state
            .withdrawn
            .range((from, Bound::Unbounded))
            .map(|(prefix, _)| *prefix);
        let more: Vec<_> = withdrawn
            .take_while(|prefix| covers(self.within, *prefix) && end.is_none_or(|end| *prefix <= end))
            .take(max)
            .filter(|prefix| found.iter().all(|shown| shown.prefix != *prefix))
            .map(|prefix| state.snapshot(prefix))
            .collect();
        found.extend(more);
        found.sort_by_key(|shown| shown.prefix);
        found.truncate(max.max(1));
    }
}

fn covers(within: Prefix, prefix: Prefix) -> bool {
    within.length() <= prefix.length() && within.contains(prefix.network())
}
