//! The life of a store, made up from a seed, and what it must remember of it.

use std::collections::BTreeMap;

use waypost_infobase::{
    BlockKey, Change, FileStore, Origin, RevisionMeta, Store, StoreError, Tree, Trial, TrialChange,
};
use waypost_routprot::InfoBlock;
use waypost_types::{ProtocolId, Random, WallTime};

use super::disk::{Disk, TestMedium};

pub(crate) const HISTORY: u64 = 12;

type Private = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the world outside has been told, and what it has asked for without an answer yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Acknowledged revisions and their trees, all of them from the first.
    pub(crate) revisions: Vec<(RevisionMeta, Tree)>,
    /// How many of them the history has forgotten.
    pub(crate) forgotten: usize,
    /// A confirm that has been called.
    pub(crate) confirming: Option<(RevisionMeta, Tree, TrialChange)>,
    pub(crate) trial: Option<Trial>,
    /// The end of the trial has been called.
    pub(crate) ending: bool,
    pub(crate) private: Private,
    /// A private put that has been called.
    pub(crate) putting: Option<Private>,
}

impl Known {
    /// What is known once the confirm that has been called is answered.
    pub(crate) fn confirmed(&self) -> Self {
        let mut after = self.clone();
        if let Some((meta, tree, trial)) = after.confirming.take() {
            after.revisions.push((meta, tree));
            after.trial = match trial {
                TrialChange::None => after.trial,
                TrialChange::Begin(trial) => Some(trial),
                TrialChange::End => None,
            };
            let needed_from = after.trial.map_or(u64::MAX, |trial| trial.back_to.unwrap_or(0));
            while (after.revisions.len() - after.forgotten) as u64 > HISTORY
                && after.revisions[after.forgotten].0.number < needed_from
            {
                after.forgotten += 1;
            }
        }
        after
    }

    /// What is known once the end of the trial is answered.
    pub(crate) fn ended(&self) -> Self {
        Self {
            trial: None,
            ending: false,
            ..self.clone()
        }
    }

    /// What is known if neither has happened.
    fn unanswered(&self) -> Self {
        Self {
            confirming: None,
            ending: false,
            ..self.clone()
        }
    }

    /// The revisions that are still in the history, newest first.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &(RevisionMeta, Tree)> {
        self.revisions[self.forgotten..].iter().rev()
    }
}

/// From which position of the disk on something was known.
pub(crate) struct Life {
    pub(crate) known: Vec<(usize, Known)>,
    pub(crate) disk: Disk,
}

impl Life {
    pub(crate) fn at(&self, position: usize) -> &Known {
        let next = self.known.partition_point(|(from, _)| *from <= position);
        &self.known[next - 1].1
    }
}

pub(crate) fn open(disk: &Disk) -> Result<FileStore, StoreError> {
    FileStore::open_on(Box::new(TestMedium(disk.clone())), HISTORY)
}

pub(crate) fn some_changes(random: &mut Random, large: bool) -> Vec<Change> {
    let count = if random.chance(1, 8) { 30 } else { random.below(4) };
    (0..count)
        .map(|_| {
            let kind = [ProtocolId::RIP, ProtocolId::OSPF][random.below(2) as usize];
            let key = match random.below(12) {
                0 => BlockKey::router(ProtocolId::ROUTER_MANAGER),
                1 => BlockKey::protocol(kind),
                _ => BlockKey::interface(format!("eth{}", random.below(15)), kind),
            };
            let length = if large && random.chance(1, 40) {
                50_000
            } else {
                1 + random.below(200)
            };
            let octets = vec![random.next_u64() as u8; length as usize];
            (
                key,
                random
                    .chance(4, 5)
                    .then(|| InfoBlock::new(random.below(3) as u32, octets)),
            )
        })
        .collect()
}

pub(crate) fn after(tree: &Tree, changes: &[Change]) -> Tree {
    let mut tree = tree.clone();
    for (key, block) in changes {
        match block {
            Some(block) => tree.insert(key.clone(), block.clone()),
            None => tree.remove(key),
        };
    }
    tree
}

pub(crate) fn origin(random: &mut Random) -> Origin {
    Origin {
        time: WallTime(random.below(1 << 32)),
        author: "test".to_owned(),
        note: "n".repeat(random.below(40) as usize),
        rollback_of: random.chance(1, 6).then(|| random.below(9)),
    }
}

/// What a confirm may do to the trial: mostly nothing, and if a trial is on it returns where it returned to.
pub(crate) fn some_trial(random: &mut Random, on: Option<&Trial>, head: Option<u64>) -> TrialChange {
    match random.below(6) {
        0 | 1 => TrialChange::Begin(Trial {
            back_to: on.map_or(head, |trial| trial.back_to),
            begun: WallTime(random.below(1 << 32)),
            until: WallTime(random.below(1 << 32)),
        }),
        2 => TrialChange::End,
        _ => TrialChange::None,
    }
}

/// Lives for `steps` transactions on a fresh disk.
pub(crate) fn live(steps: usize, random: &mut Random, disk: Disk) -> Life {
    let mut store = open(&disk).unwrap();
    let mut known = Known::default();
    let mut moments = vec![(0, known.clone())];
    for _ in 0..steps {
        let tree = known
            .revisions
            .last()
            .map(|(_, tree)| tree.clone())
            .unwrap_or_default();
        let changes = some_changes(random, true);
        let origin = origin(random);
        let number = store.begin(origin.clone(), changes.clone().into()).unwrap();
        let meta = RevisionMeta::new(number, origin);
        match random.below(10) {
            0 => store.abandon(number).unwrap(),
            // The process dies with a candidate pending.
            1 => {
                drop(store);
                store = open(&disk).unwrap();
                assert_eq!(store.pending_at_start(), Some(&meta));
            }
            _ => {
                let head = known.revisions.last().map(|(meta, _)| meta.number);
                let trial = some_trial(random, known.trial.as_ref(), head);
                known.confirming = Some((meta.clone(), after(&tree, &changes), trial));
                moments.push((disk.position(), known.clone()));
                store.confirm_with(number, trial).unwrap();
                known = known.confirmed();
                moments.push((disk.position(), known.clone()));
            }
        }
        if random.chance(1, 8) {
            known.ending = true;
            moments.push((disk.position(), known.clone()));
            store.end_trial().unwrap();
            known = known.ended();
            moments.push((disk.position(), known.clone()));
        }
        if random.chance(1, 5) {
            let mut private = known.private.clone();
            let changes: Vec<_> = (0..3)
                .map(|_| {
                    let value = random.chance(2, 3).then(|| vec![random.next_u64() as u8; 9]);
                    (vec![random.below(5) as u8], value)
                })
                .collect();
            for (key, value) in &changes {
                match value {
                    Some(value) => private.insert(key.clone(), value.clone()),
                    None => private.remove(key),
                };
            }
            known.putting = Some(private);
            moments.push((disk.position(), known.clone()));
            store.private_put_all(ProtocolId::RIP, &changes).unwrap();
            known.private = known.putting.take().unwrap();
            moments.push((disk.position(), known.clone()));
        }
        if random.chance(1, 10) {
            drop(store);
            store = open(&disk).unwrap();
        }
    }
    drop(store);
    Life { known: moments, disk }
}

/// Whether a disk holds what `known` allows: `Ok` with the revisions found, or what is wrong.
pub(crate) fn check(disk: &Disk, known: &Known) -> Result<Known, String> {
    let mut store = open(disk).map_err(|error| format!("does not open: {error}"))?;
    let (head, trial) = (store.head().cloned(), store.trial().copied());
    let mut possible = vec![known.unanswered()];
    possible.extend(known.confirming.is_some().then(|| known.confirmed()));
    possible.extend(known.ending.then(|| known.ended()));
    let newest = |known: &Known| known.revisions.last().map(|(meta, _)| meta.clone());
    let Some(found) = possible
        .into_iter()
        .find(|known| newest(known) == head && known.trial == trial)
    else {
        return Err(format!(
            "head is {head:?} on trial {trial:?}, acknowledged was {:?} on {:?}",
            newest(known),
            known.trial
        ));
    };
    let tree = found
        .revisions
        .last()
        .map(|(_, tree)| tree.clone())
        .unwrap_or_default();
    if **store.running() != tree {
        return Err(format!("the running tree is not that of {head:?}"));
    }
    let kept = store
        .revisions(usize::MAX)
        .map_err(|error| format!("no history: {error}"))?;
    if !kept.iter().eq(found.kept().map(|(meta, _)| meta)) {
        return Err(format!("history is {kept:?}"));
    }
    for (meta, tree) in found.kept() {
        match store.revision(meta.number) {
            Ok(stored) if stored == *tree => {}
            other => return Err(format!("revision {} is {other:?}", meta.number)),
        }
    }
    let private = store
        .private_get_all(ProtocolId::RIP)
        .map_err(|error| error.to_string())?;
    if private != known.private && Some(&private) != known.putting.as_ref() {
        return Err("private octets are a mixture".to_owned());
    }
    Ok(Known {
        private,
        putting: None,
        ..found
    })
}
