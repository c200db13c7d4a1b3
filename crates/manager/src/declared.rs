//! A declared configuration: a whole one, from a file that the daemon is started with.
//!
//! The file is taken when it says something else than it said when it was taken last. As long as it says the same, what was
//! changed since by other ways stays in force over any restart: it was acknowledged, and an acknowledged change is durable.

use serde_json::Value;
use waypost_infobase::TrialChange;
use waypost_routprot::Refusal;
use waypost_types::{ProtocolId, Time, WallTime};
use waypost_wire::DigestAlgorithm;

use crate::edit::Edit;
use crate::transaction::{Applied, Author};
use crate::{Manager, Plan};

/// Where the digest of the declaration taken last is kept, among the manager's own private octets.
const KEY: &str = "declared-configuration";

/// What became of a declaration.
#[derive(Clone, Debug, PartialEq)]
pub enum Declared {
    /// It is in force now.
    Taken(Applied),
    /// It says what it said when it was taken last. The plan is what taking it again would do.
    Unchanged(Plan),
}

impl Manager {
    /// Makes `tree` the whole configuration, unless it is what was declared last.
    ///
    /// # Errors
    ///
    /// The refusals of [`Manager::apply`]; then nothing was changed and `tree` does not count as declared.
    pub fn declare(
        &mut self,
        now: Time,
        wall: WallTime,
        tree: Value,
        author: &Author,
    ) -> Result<Declared, Vec<Refusal>> {
        let stored = self
            .store
            .private_get_all(ProtocolId::ROUTER_MANAGER)
            .map_err(|error| vec![Refusal::from(error)])?;
        if stored
            .get(KEY.as_bytes())
            .is_some_and(|last| *last == digest(&tree))
        {
            return self.plan(&[Edit::Replace(tree)]).map(Declared::Unchanged);
        }
        self.declare_again(now, wall, tree, author).map(Declared::Taken)
    }

    /// Makes `tree` the whole configuration, even if it is what was declared last.
    ///
    /// # Errors
    ///
    /// As [`Manager::declare`].
    pub fn declare_again(
        &mut self,
        now: Time,
        wall: WallTime,
        tree: Value,
        author: &Author,
    ) -> Result<Applied, Vec<Refusal>> {
        let digest = digest(&tree);
        // The file says what is to be in force: that ends a trial.
        let trial = match self.store.trial() {
            Some(_) => TrialChange::End,
            None => TrialChange::None,
        };
        let applied = self.make(now, wall, &[Edit::Replace(tree)], author, None, trial)?;
        // Should the machine die here, the declaration is taken once more, which changes nothing: nobody else has had a turn.
        if let Err(refusal) = self.persist(ProtocolId::ROUTER_MANAGER, KEY, digest) {
            self.log.push(format!(
                "the declared configuration is in force, but that it was declared could not be stored: {refusal}"
            ));
        }
        Ok(applied)
    }
}

/// Of what the tree says; spelling and order of the text it came from do not matter.
fn digest(tree: &Value) -> Vec<u8> {
    // A tree of text always prints; one that did not would be taken at every start.
    let text = serde_json::to_vec(tree).unwrap_or_default();
    DigestAlgorithm::HmacSha256
        .compute(KEY.as_bytes(), &[&text])
        .as_slice()
        .to_vec()
}
