//! The store without a disk, for tests of everything above it.

use std::collections::BTreeMap;
use std::sync::Arc;

use waypost_types::ProtocolId;

use crate::store::{Change, Store, Tree, apply};
use crate::{Origin, RevisionMeta, StoreError, Trial, TrialChange};

/// A call of [`MemoryStore`] that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// [`Store::begin`].
    Begin,
    /// [`Store::confirm`] and [`Store::confirm_with`].
    Confirm,
    /// [`Store::end_trial`].
    EndTrial,
    /// [`Store::abandon`]: the candidate is gone nevertheless.
    Abandon,
    /// [`Store::private_put_all`] and [`Store::private_put`].
    PrivatePut,
}

#[derive(Clone, Debug)]
struct Failure {
    operation: Operation,
    /// How many more calls of the operation succeed first.
    after: u32,
    error: StoreError,
}

/// Keeps everything in memory, whole trees at that: the naive version of the contract. Calls fail when told to.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    revisions: Vec<(RevisionMeta, Arc<Tree>)>,
    empty: Arc<Tree>,
    pending: Option<(RevisionMeta, Arc<[Change]>)>,
    pending_at_start: Option<RevisionMeta>,
    trial: Option<Trial>,
    last_number: u64,
    private: BTreeMap<ProtocolId, BTreeMap<Vec<u8>, Vec<u8>>>,
    failures: Vec<Failure>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes one call of `operation` fail with `error`, after `after` more calls of it have succeeded.
    ///
    /// Only calls that would otherwise succeed count. Several failures may be planned.
    pub fn fail(&mut self, operation: Operation, after: u32, error: StoreError) {
        self.failures.push(Failure {
            operation,
            after,
            error,
        });
    }

    /// The store as the next start finds it after a crash: an unconfirmed candidate is gone and reported.
    #[must_use]
    pub fn restarted(mut self) -> Self {
        self.pending_at_start = self.pending.take().map(|(meta, _)| meta);
        self.failures.clear();
        self
    }

    fn call(&mut self, operation: Operation) -> Result<(), StoreError> {
        let mut due = None;
        for (index, failure) in self.failures.iter_mut().enumerate() {
            if failure.operation == operation {
                match failure.after.checked_sub(1) {
                    Some(left) => failure.after = left,
                    None => due = due.or(Some(index)),
                }
            }
        }
        match due {
            Some(index) => Err(self.failures.remove(index).error),
            None => Ok(()),
        }
    }

    fn check_pending(&self, number: u64) -> Result<(), StoreError> {
        match &self.pending {
            Some((meta, _)) if meta.number == number => Ok(()),
            _ => Err(StoreError::NotPending { number }),
        }
    }
}

impl Store for MemoryStore {
    fn running(&self) -> &Arc<Tree> {
        self.revisions.last().map_or(&self.empty, |(_, tree)| tree)
    }

    fn head(&self) -> Option<&RevisionMeta> {
        self.revisions.last().map(|(meta, _)| meta)
    }

    fn pending_at_start(&self) -> Option<&RevisionMeta> {
        self.pending_at_start.as_ref()
    }

    fn begin(&mut self, origin: Origin, changes: Arc<[Change]>) -> Result<u64, StoreError> {
        if let Some((meta, _)) = &self.pending {
            return Err(StoreError::Pending { number: meta.number });
        }
        self.call(Operation::Begin)?;
        self.last_number += 1;
        let meta = RevisionMeta::new(self.last_number, origin);
        self.pending = Some((meta, changes));
        Ok(self.last_number)
    }

    fn confirm_with(&mut self, number: u64, trial: TrialChange) -> Result<(), StoreError> {
        self.check_pending(number)?;
        self.call(Operation::Confirm)?;
        if let Some((meta, changes)) = self.pending.take() {
            let mut tree = Tree::clone(self.running());
            apply(
                &mut tree,
                changes.iter().map(|(key, block)| (key, block.as_ref())),
            );
            self.revisions.push((meta, Arc::new(tree)));
        }
        self.trial = trial.applied_to(self.trial);
        Ok(())
    }

    fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    fn end_trial(&mut self) -> Result<(), StoreError> {
        self.call(Operation::EndTrial)?;
        self.trial = None;
        Ok(())
    }

    fn abandon(&mut self, number: u64) -> Result<(), StoreError> {
        self.check_pending(number)?;
        self.pending = None;
        self.call(Operation::Abandon)
    }

    fn revisions(&mut self, max: usize) -> Result<Vec<RevisionMeta>, StoreError> {
        let newest_first = self.revisions.iter().rev().take(max);
        Ok(newest_first.map(|(meta, _)| meta.clone()).collect())
    }

    fn revision(&mut self, number: u64) -> Result<Tree, StoreError> {
        let found = self.revisions.iter().find(|(meta, _)| meta.number == number);
        let number_of = |revision: Option<&(RevisionMeta, _)>| revision.map(|(meta, _)| meta.number);
        match found {
            Some((_, tree)) => Ok(Tree::clone(tree)),
            None => Err(StoreError::no_such_revision(
                number,
                number_of(self.revisions.first()),
                number_of(self.revisions.last()),
            )),
        }
    }

    fn private_get_all(&mut self, protocol: ProtocolId) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        Ok(self.private.get(&protocol).cloned().unwrap_or_default())
    }

    fn private_put_all(
        &mut self,
        protocol: ProtocolId,
        changes: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> Result<(), StoreError> {
        self.call(Operation::PrivatePut)?;
        let strings = self.private.entry(protocol).or_default();
        for (key, value) in changes {
            match value {
                Some(value) => strings.insert(key.clone(), value.clone()),
                None => strings.remove(key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_fails_and_nothing_changes() {
        let full = StoreError::Full { path: "/disk".into() };
        let mut store = MemoryStore::new();
        store.fail(Operation::Begin, 1, full.clone());
        store.fail(Operation::Confirm, 0, full.clone());

        let number = store.begin(Origin::default(), [].into()).unwrap();
        assert_eq!(store.confirm(number), Err(full.clone()));
        assert_eq!(store.head(), None);
        assert_eq!(
            store.begin(Origin::default(), [].into()),
            Err(StoreError::Pending { number })
        );
        store.confirm(number).unwrap();
        assert_eq!(store.begin(Origin::default(), [].into()), Err(full));
        assert_eq!(store.begin(Origin::default(), [].into()), Ok(number + 1));

        let store = store.restarted();
        assert_eq!(store.pending_at_start().map(|meta| meta.number), Some(number + 1));
        assert_eq!(store.head().map(|meta| meta.number), Some(number));
    }
}
