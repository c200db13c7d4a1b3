//! Random histories against a naive model that keeps every tree whole.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "each test uses a part of it")]
mod disk;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "disk/life.rs"]
mod life;

use disk::Disk;
use life::{HISTORY, after, open, origin, some_changes, some_trial};
use proptest::prelude::*;
use waypost_infobase::{
    Change, MemoryStore, Origin, RevisionMeta, Store, StoreError, Tree, Trial, TrialChange,
};
use waypost_types::Seed;

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    /// Goes back to the n-th oldest revision still kept.
    Rollback(usize),
    Confirm,
    EndTrial,
    Abandon,
    Reopen,
    /// A number that is not pending.
    Wrong,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Begin),
        1 => (0..12_usize).prop_map(Step::Rollback),
        6 => Just(Step::Confirm),
        1 => Just(Step::EndTrial),
        1 => Just(Step::Abandon),
        1 => Just(Step::Reopen),
        1 => Just(Step::Wrong),
    ]
}

#[derive(Default)]
struct Model {
    revisions: Vec<(RevisionMeta, Tree)>,
    pending: Option<(RevisionMeta, Tree)>,
    trial: Option<Trial>,
    /// How many revisions the history has forgotten.
    forgotten: usize,
    last: u64,
}

impl Model {
    fn running(&self) -> Tree {
        self.revisions
            .last()
            .map(|(_, tree)| tree.clone())
            .unwrap_or_default()
    }

    fn begin(&mut self, origin: Origin, changes: &[Change]) -> Result<u64, StoreError> {
        if let Some((meta, _)) = &self.pending {
            return Err(StoreError::Pending { number: meta.number });
        }
        self.last += 1;
        self.pending = Some((
            RevisionMeta::new(self.last, origin),
            after(&self.running(), changes),
        ));
        Ok(self.last)
    }

    fn take(&mut self, number: u64) -> Result<(RevisionMeta, Tree), StoreError> {
        match self.pending.take() {
            Some(pending) if pending.0.number == number => Ok(pending),
            other => {
                self.pending = other;
                Err(StoreError::NotPending { number })
            }
        }
    }

    fn confirm(&mut self, pending: (RevisionMeta, Tree), trial: TrialChange, history: u64) {
        self.revisions.push(pending);
        match trial {
            TrialChange::None => {}
            TrialChange::Begin(trial) => self.trial = Some(trial),
            TrialChange::End => self.trial = None,
        }
        let needed = self.trial.map_or(u64::MAX, |trial| trial.back_to.unwrap_or(0));
        while self.kept().len() as u64 > history && self.kept()[0].0.number < needed {
            self.forgotten += 1;
        }
    }

    fn kept(&self) -> &[(RevisionMeta, Tree)] {
        &self.revisions[self.forgotten..]
    }
}

/// The changes that turn one tree into another.
fn difference(from: &Tree, to: &Tree) -> Vec<Change> {
    let gone = from
        .keys()
        .filter(|key| !to.contains_key(key))
        .map(|key| (key.clone(), None));
    let there = to.iter().map(|(key, block)| (key.clone(), Some(block.clone())));
    gone.chain(there).collect()
}

fn agree(store: &mut dyn Store, model: &Model) {
    assert_eq!(**store.running(), model.running());
    let kept = model.kept();
    assert_eq!(store.trial(), model.trial.as_ref());
    assert_eq!(store.head(), kept.last().map(|(meta, _)| meta));
    let newest_first: Vec<_> = kept.iter().rev().map(|(meta, _)| meta.clone()).collect();
    assert_eq!(store.revisions(usize::MAX).unwrap(), newest_first);
    assert_eq!(
        store.revisions(2).unwrap(),
        newest_first[..newest_first.len().min(2)]
    );
    for (meta, tree) in kept {
        assert_eq!(&store.revision(meta.number).unwrap(), tree);
    }
    let oldest = kept.first().map_or(1, |(meta, _)| meta.number);
    for unknown in [0, oldest - 1, model.last + 1, u64::MAX] {
        assert!(
            matches!(store.revision(unknown), Err(StoreError::NoSuchRevision { .. })),
            "{unknown}"
        );
    }
}

fn play<S: Store>(mut store: S, reopen: impl Fn(S) -> S, history: u64, seed: u64, steps: &[Step]) {
    let mut random = Seed(seed).random();
    let mut model = Model::default();
    for step in steps {
        let pending = model.pending.as_ref().map_or(model.last, |(meta, _)| meta.number);
        match *step {
            Step::Begin => {
                let (origin, changes) = (origin(&mut random), some_changes(&mut random, false));
                assert_eq!(
                    store.begin(origin.clone(), changes.clone().into()),
                    model.begin(origin, &changes)
                );
            }
            Step::Rollback(index) => {
                let Some((target, tree)) = model.kept().get(index) else {
                    continue;
                };
                let stored = store.revision(target.number).unwrap();
                assert_eq!(&stored, tree);
                let changes = difference(store.running(), &stored);
                let origin = Origin {
                    rollback_of: Some(target.number),
                    ..Origin::default()
                };
                assert_eq!(
                    store.begin(origin.clone(), changes.clone().into()),
                    model.begin(origin, &changes)
                );
            }
            Step::Confirm => {
                let trial = some_trial(
                    &mut random,
                    model.trial.as_ref(),
                    model.kept().last().map(|(meta, _)| meta.number),
                );
                let expected = model
                    .take(pending)
                    .map(|pending| model.confirm(pending, trial, history));
                assert_eq!(store.confirm_with(pending, trial), expected);
            }
            Step::EndTrial => {
                assert_eq!(store.end_trial(), Ok(()));
                model.trial = None;
            }
            Step::Abandon => assert_eq!(store.abandon(pending), model.take(pending).map(drop)),
            Step::Reopen => {
                store = reopen(store);
                let left = model.pending.take().map(|(meta, _)| meta);
                assert_eq!(store.pending_at_start(), left.as_ref());
            }
            Step::Wrong => {
                let number = pending + 1;
                assert_eq!(store.confirm(number), Err(StoreError::NotPending { number }));
                assert_eq!(store.abandon(number), Err(StoreError::NotPending { number }));
            }
        }
        agree(&mut store, &model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_store_is_the_model(seed: u64, steps in prop::collection::vec(any_step(), 0..45)) {
        let disk = Disk::default();
        let again = |store| {
            drop(store);
            open(&disk).unwrap()
        };
        play(open(&disk).unwrap(), again, HISTORY, seed, &steps);
    }

    #[test]
    fn the_memory_store_is_the_model(seed: u64, steps in prop::collection::vec(any_step(), 0..45)) {
        play(MemoryStore::new(), MemoryStore::restarted, u64::MAX, seed, &steps);
    }
}
