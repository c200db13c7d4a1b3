//! The life of a store, made up from a seed, and what it must remember of it.

use std::collections::BTreeMap;

use waypost_infobase::{BlockKey, Change, FileStore, Origin, RevisionMeta, Store, StoreError, Tree};
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
    /// A confirm that has been called.
    pub(crate) confirming: Option<(RevisionMeta, Tree)>,
    pub(crate) private: Private,
    /// A private put that has been called.
    pub(crate) putting: Option<Private>,
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
                known.confirming = Some((meta.clone(), after(&tree, &changes)));
                moments.push((disk.position(), known.clone()));
                store.confirm(number).unwrap();
                known.revisions.extend(known.confirming.take());
                moments.push((disk.position(), known.clone()));
            }
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
    let head = store.head().cloned();
    let acknowledged = known.revisions.last().map(|(meta, _)| meta.clone());
    let mut revisions = known.revisions.clone();
    if head != acknowledged {
        let Some(confirming) = known
            .confirming
            .clone()
            .filter(|(meta, _)| head.as_ref() == Some(meta))
        else {
            return Err(format!("head is {head:?}, acknowledged was {acknowledged:?}"));
        };
        revisions.push(confirming);
    }
    let tree = revisions.last().map(|(_, tree)| tree.clone()).unwrap_or_default();
    if **store.running() != tree {
        return Err(format!("the running tree is not that of {head:?}"));
    }
    let kept = store
        .revisions(usize::MAX)
        .map_err(|error| format!("no history: {error}"))?;
    let expected: Vec<_> = revisions.iter().rev().take(HISTORY as usize).collect();
    if !kept.iter().eq(expected.iter().map(|(meta, _)| meta)) {
        return Err(format!("history is {kept:?}"));
    }
    for (meta, tree) in expected {
        match store.revision(meta.number) {
            Ok(found) if found == *tree => {}
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
        revisions,
        confirming: None,
        private,
        putting: None,
    })
}
