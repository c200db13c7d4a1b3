//! The revisions that were made, for the log.

use crate::{Author, Manager};

/// A revision that came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeRevision {
    /// Its number.
    pub number: u64,
    /// Who made it, and why.
    pub author: Author,
    /// The earlier revision that it returned to.
    pub rollback_of: Option<u64>,
    /// How many options changed; of what a protocol changed by itself, how many blocks.
    pub changes: usize,
}

impl Manager {
    pub(crate) fn note_made(
        &mut self,
        number: u64,
        author: &Author,
        rollback_of: Option<u64>,
        changes: usize,
    ) {
        self.made.push(MadeRevision {
            number,
            author: author.clone(),
            rollback_of,
            changes,
        });
    }

    /// Takes the revisions that were made since the last call, in order; the owner logs them.
    pub fn take_made(&mut self) -> Vec<MadeRevision> {
        std::mem::take(&mut self.made)
    }
}
