//! The contract between the router manager and whatever keeps its configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use waypost_routprot::InfoBlock;
use waypost_types::ProtocolId;

use crate::record::ChangeRef;
use crate::{BlockKey, Origin, RevisionMeta, StoreError, Trial, TrialChange};

/// A whole configuration: every block there is.
pub type Tree = BTreeMap<BlockKey, InfoBlock>;

/// What a candidate does to one key: gives it a block, or takes its block away.
pub type Change = (BlockKey, Option<InfoBlock>);

/// Keeps configuration, its history, and protocols' private octets.
///
/// At most one candidate is pending at a time. A call that fails changes nothing that later calls can see, unless its
/// own text says otherwise, and the store stays usable.
pub trait Store: Send {
    /// The running configuration. A clone of the pointer shares the tree and does not follow later revisions; a confirm
    /// made while one is held has to copy the tree, so let go of it soon.
    fn running(&self) -> &Arc<Tree>;

    /// The revision that is running; none in a store that never confirmed one.
    fn head(&self) -> Option<&RevisionMeta>;

    /// The candidate that a crash left unconfirmed before this start. The store dropped it; this is for the record.
    fn pending_at_start(&self) -> Option<&RevisionMeta>;

    /// Writes a candidate as pending and gives its number. Durable when this returns.
    ///
    /// Where `changes` names a key twice the later change counts. No change at all is allowed. Fails with
    /// [`StoreError::Pending`] while there is another candidate.
    fn begin(&mut self, origin: Origin, changes: Arc<[Change]>) -> Result<u64, StoreError>;

    /// Makes the pending candidate `number` the running revision. Durable when this returns: the acknowledgement.
    ///
    /// When this fails the candidate is still pending, and may be confirmed again or abandoned.
    fn confirm(&mut self, number: u64) -> Result<(), StoreError> {
        self.confirm_with(number, TrialChange::None)
    }

    /// [`Self::confirm`], and with it, in one, the beginning or the end of a trial. When it fails, neither has happened.
    fn confirm_with(&mut self, number: u64, trial: TrialChange) -> Result<(), StoreError>;

    /// The trial that is on. The revision to return to, and all after it, stay in the history until it ends.
    fn trial(&self) -> Option<&Trial>;

    /// Ends the trial, keeping the running configuration. Durable when this returns; when it fails the trial is still on.
    fn end_trial(&mut self) -> Result<(), StoreError>;

    /// Drops the pending candidate `number`.
    ///
    /// It is gone even when this fails with a device error; that only means that a crash before the next successful call
    /// would let the next start report it as [`Self::pending_at_start`].
    fn abandon(&mut self, number: u64) -> Result<(), StoreError>;

    /// The newest `max` revisions that were confirmed and are still kept, newest first.
    fn revisions(&mut self, max: usize) -> Result<Vec<RevisionMeta>, StoreError>;

    /// The configuration as revision `number` left it.
    fn revision(&mut self, number: u64) -> Result<Tree, StoreError>;

    /// Every private octet string of `protocol`, by key. These are no configuration and no part of any revision.
    fn private_get_all(&mut self, protocol: ProtocolId) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError>;

    /// Sets or removes private octet strings of `protocol`, all of them or none. Durable when this returns.
    ///
    /// Should the device fail in the middle of its sync, the old or the new strings are there afterwards, never a mixture.
    fn private_put_all(
        &mut self,
        protocol: ProtocolId,
        changes: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> Result<(), StoreError>;

    /// Sets or removes one private octet string, as [`Self::private_put_all`] does.
    fn private_put(
        &mut self,
        protocol: ProtocolId,
        key: &[u8],
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.private_put_all(protocol, &[(key.to_vec(), value)])
    }
}

/// Changes in key order, each key once: the last that is said of it.
pub(crate) fn in_order(changes: Arc<[Change]>) -> Arc<[Change]> {
    if changes.is_sorted_by(|(a, _), (b, _)| a < b) {
        return changes;
    }
    let last: BTreeMap<BlockKey, Option<InfoBlock>> = changes.iter().cloned().collect();
    last.into_iter().collect()
}

/// Applies changes to a tree.
pub(crate) fn apply<'a>(tree: &mut Tree, changes: impl IntoIterator<Item = ChangeRef<'a>>) {
    for (key, block) in changes {
        match (block, tree.get_mut(key)) {
            (Some(block), Some(there)) => there.clone_from(block),
            (Some(block), None) => drop(tree.insert(key.clone(), block.clone())),
            (None, Some(_)) => drop(tree.remove(key)),
            (None, None) => {}
        }
    }
}
