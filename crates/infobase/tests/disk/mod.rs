//! A disk that remembers what was written between syncs, loses power, fills up and lies.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;
use waypost_infobase::{Medium, StoreError};
use waypost_types::{Random, Seed};

/// What reached the disk, in order.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

#[derive(Debug, Default)]
struct Platter {
    /// What a reader sees now: the page cache.
    now: Vec<u8>,
    /// What lay here before the first of `ops`.
    start: Vec<u8>,
    ops: Vec<Op>,
    /// Fails every operation from this one on (counted from now) until cleared.
    fail_after: Option<(usize, io::ErrorKind)>,
    /// Drops one sync in four while claiming that it was done.
    liar: Option<Random>,
    writes_refused: usize,
}

/// The disk; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    pub(crate) fn holding(octets: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.platter().start.clone_from(&octets);
        disk.platter().now = octets;
        disk
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    pub(crate) fn lie(&self, seed: Seed) {
        self.platter().liar = Some(seed.random());
    }

    /// Lets `count` more writing operations succeed and fails the rest until [`Self::heal`].
    pub(crate) fn fail_after(&self, count: usize, kind: io::ErrorKind) {
        self.platter().fail_after = Some((count, kind));
    }

    pub(crate) fn heal(&self) {
        self.platter().fail_after = None;
    }

    pub(crate) fn refused(&self) -> usize {
        self.platter().writes_refused
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        self.platter().now.clone()
    }

    /// How many operations there were.
    pub(crate) fn position(&self) -> usize {
        self.platter().ops.len()
    }

    pub(crate) fn syncs_since(&self, position: usize) -> usize {
        let platter = self.platter();
        platter.ops[position..]
            .iter()
            .filter(|op| matches!(op, Op::Sync))
            .count()
    }

    /// How many times the disk was made longer since then.
    pub(crate) fn grown_since(&self, position: usize) -> usize {
        let platter = self.platter();
        let (mut length, mut grown) = (platter.start.len() as u64, 0);
        for (index, op) in platter.ops.iter().enumerate() {
            if let Op::Length(new) = op {
                grown += usize::from(index >= position && *new > length);
                length = *new;
            }
        }
        grown
    }

    pub(crate) fn tape(&self) -> (Vec<u8>, Vec<Op>) {
        let platter = self.platter();
        (platter.start.clone(), platter.ops.clone())
    }

    fn record(&self, op: Op) -> io::Result<()> {
        let mut platter = self.platter();
        if let Some((left, kind)) = &mut platter.fail_after {
            if let Some(fewer) = left.checked_sub(1) {
                *left = fewer;
            } else {
                let kind = *kind;
                platter.writes_refused += 1;
                return Err(kind.into());
            }
        }
        let lied = matches!(op, Op::Sync) && platter.liar.as_mut().is_some_and(|liar| liar.chance(1, 4));
        if !lied {
            put(&mut platter.now, &op);
            platter.ops.push(op);
        }
        Ok(())
    }
}

/// Applies an operation whole.
pub(crate) fn put(image: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Sync => {}
        Op::Length(length) => image.resize(*length as usize, 0),
        Op::Write(offset, octets) => {
            let start = *offset as usize;
            let end = start + octets.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[start..end].copy_from_slice(octets);
        }
    }
}

/// What a power cut may leave of operations that were not synced: each lost, whole or torn, in any order.
pub(crate) fn power_cut(durable: &[u8], unsynced: &[Op], random: &mut Random) -> Vec<u8> {
    let mut image = durable.to_vec();
    let mut order: Vec<&Op> = unsynced.iter().collect();
    if random.chance(1, 2) {
        for index in (1..order.len()).rev() {
            order.swap(index, random.below(index as u64 + 1) as usize);
        }
    }
    // Nothing, all or some of it; and of some, from nearly nothing to nearly all.
    let (survival, tearing) = match random.below(8) {
        0 => (0, 0),
        1..3 => (100, 0),
        _ => (5 + random.below(95), 33),
    };
    for op in order {
        if !random.chance(survival, 100) {
            continue;
        }
        match op {
            Op::Write(offset, octets) if random.chance(tearing, 100) => {
                // Torn into up to three stretches of any length: devices promise nothing smaller than a sector, if that.
                for _ in 0..=random.below(3) {
                    let from = random.below(octets.len() as u64) as usize;
                    let to = from + random.below((octets.len() - from) as u64 + 1) as usize;
                    put(
                        &mut image,
                        &Op::Write(offset + from as u64, octets[from..to].to_vec()),
                    );
                }
            }
            _ => put(&mut image, op),
        }
    }
    image
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.platter();
        let source = platter.now.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.record(Op::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.record(Op::Sync)
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.record(Op::Write(offset, octets.to_vec()))
    }
}

/// A medium over a [`Disk`]. An empty disk is one where nothing was installed.
#[derive(Debug)]
pub(crate) struct TestMedium(pub(crate) Disk);

impl Medium for TestMedium {
    fn path(&self) -> &Path {
        Path::new("/test/infobase.redb")
    }

    fn open(&self) -> Result<Option<Arc<dyn StorageBackend>>, StoreError> {
        if self.0.platter().now.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(self.0.clone())))
    }

    fn install(&self, image: &[u8]) -> Result<(), StoreError> {
        let mut platter = self.0.platter();
        if platter.fail_after.is_some() {
            return Err(StoreError::Full {
                path: PathBuf::from("/test"),
            });
        }
        platter.now = image.to_vec();
        platter.start = image.to_vec();
        Ok(())
    }
}
