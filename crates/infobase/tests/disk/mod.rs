//! A disk that remembers what was written between syncs, loses power, fills up and lies.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;
use waypost_infobase::{Medium, StoreError};
use waypost_types::{Random, Seed};

/// The files of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Infobase,
    Candidate,
}

/// What becomes of a file.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

/// What reached the disk, in order.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    pub(crate) file: File,
    pub(crate) deed: Deed,
}

impl Op {
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.deed, Deed::Sync)
    }
}

/// The octets of every file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) infobase: Vec<u8>,
    pub(crate) candidate: Vec<u8>,
}

impl Image {
    fn file(&self, file: File) -> &Vec<u8> {
        match file {
            File::Infobase => &self.infobase,
            File::Candidate => &self.candidate,
        }
    }

    fn file_mut(&mut self, file: File) -> &mut Vec<u8> {
        match file {
            File::Infobase => &mut self.infobase,
            File::Candidate => &mut self.candidate,
        }
    }

    /// Applies an operation whole.
    pub(crate) fn put(&mut self, op: &Op) {
        let octets = self.file_mut(op.file);
        match &op.deed {
            Deed::Sync => {}
            Deed::Length(length) => octets.resize(*length as usize, 0),
            Deed::Write(offset, written) => {
                let start = *offset as usize;
                let end = start + written.len();
                if octets.len() < end {
                    octets.resize(end, 0);
                }
                octets[start..end].copy_from_slice(written);
            }
        }
    }
}

/// What a disk went through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    /// What lay there before the first of `ops`.
    pub(crate) start: Image,
    pub(crate) ops: Vec<Op>,
}

impl Tape {
    /// What is durable after the first `cut` operations, and what is written and not synced by then.
    pub(crate) fn at(&self, cut: usize) -> (Image, Vec<&Op>) {
        let (mut durable, mut unsynced) = (self.start.clone(), Vec::new());
        self.ops[..cut]
            .iter()
            .for_each(|op| step(&mut durable, &mut unsynced, op));
        (durable, unsynced)
    }

    /// The state before each operation, and that after the last.
    pub(crate) fn states(&self) -> impl Iterator<Item = (Image, Vec<&Op>)> {
        let (mut durable, mut unsynced) = (self.start.clone(), Vec::new());
        (0..=self.ops.len()).map(move |cut| {
            if let Some(op) = cut.checked_sub(1).map(|before| &self.ops[before]) {
                step(&mut durable, &mut unsynced, op);
            }
            (durable.clone(), unsynced.clone())
        })
    }
}

/// A sync makes durable what was written to its file before, and nothing else.
fn step<'t>(durable: &mut Image, unsynced: &mut Vec<&'t Op>, op: &'t Op) {
    if !op.is_sync() {
        return unsynced.push(op);
    }
    unsynced
        .iter()
        .filter(|written| written.file == op.file)
        .for_each(|written| durable.put(written));
    unsynced.retain(|written| written.file != op.file);
}

#[derive(Debug, Default)]
struct Platter {
    /// What a reader sees now: the page cache.
    now: Image,
    tape: Tape,
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
    pub(crate) fn holding(image: Image) -> Self {
        let disk = Self::default();
        disk.platter().tape.start.clone_from(&image);
        disk.platter().now = image;
        disk
    }

    /// With the octets of an infobase, and no candidate.
    pub(crate) fn with_infobase(infobase: Vec<u8>) -> Self {
        Self::holding(Image {
            infobase,
            ..Image::default()
        })
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

    pub(crate) fn image(&self) -> Image {
        self.platter().now.clone()
    }

    /// How many operations there were.
    pub(crate) fn position(&self) -> usize {
        self.platter().tape.ops.len()
    }

    pub(crate) fn syncs_since(&self, position: usize) -> usize {
        let platter = self.platter();
        platter.tape.ops[position..]
            .iter()
            .filter(|op| op.is_sync())
            .count()
    }

    /// How many times the infobase was made longer since then.
    pub(crate) fn grown_since(&self, position: usize) -> usize {
        let platter = self.platter();
        let (mut length, mut grown) = (platter.tape.start.infobase.len() as u64, 0);
        for (index, op) in platter.tape.ops.iter().enumerate() {
            if let (File::Infobase, Deed::Length(new)) = (op.file, &op.deed) {
                grown += usize::from(index >= position && *new > length);
                length = *new;
            }
        }
        grown
    }

    pub(crate) fn tape(&self) -> Tape {
        self.platter().tape.clone()
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
        let lied = op.is_sync() && platter.liar.as_mut().is_some_and(|liar| liar.chance(1, 4));
        if !lied {
            platter.now.put(&op);
            platter.tape.ops.push(op);
        }
        Ok(())
    }
}

/// What a power cut may leave of operations that were not synced: each lost, whole or torn, in any order.
pub(crate) fn power_cut(durable: &Image, unsynced: &[&Op], random: &mut Random) -> Image {
    let mut image = durable.clone();
    let mut order = unsynced.to_vec();
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
        match &op.deed {
            Deed::Write(offset, octets) if random.chance(tearing, 100) => {
                // Torn into up to three stretches of any length: devices promise nothing smaller than a sector, if that.
                for _ in 0..=random.below(3) {
                    let from = random.below(octets.len() as u64) as usize;
                    let to = from + random.below((octets.len() - from) as u64 + 1) as usize;
                    image.put(&op.part(*offset, octets, from..to));
                }
            }
            _ => image.put(op),
        }
    }
    image
}

impl Op {
    /// A stretch of a write of `octets` at `offset`.
    fn part(&self, offset: u64, octets: &[u8], range: Range<usize>) -> Self {
        Self {
            file: self.file,
            deed: Deed::Write(offset + range.start as u64, octets[range].to_vec()),
        }
    }

    /// The two halves of a write.
    pub(crate) fn halves(&self) -> Vec<Self> {
        match &self.deed {
            Deed::Write(offset, octets) if octets.len() > 1 => {
                let middle = octets.len() / 2;
                [0..middle, middle..octets.len()]
                    .map(|range| self.part(*offset, octets, range))
                    .into()
            }
            _ => Vec::new(),
        }
    }
}

/// One file of a disk.
#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    file: File,
}

impl DiskFile {
    fn record(&self, deed: Deed) -> io::Result<()> {
        self.disk.record(Op {
            file: self.file,
            deed,
        })
    }
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.platter().now.file(self.file).len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.disk.platter();
        let octets = platter.now.file(self.file);
        let source = octets.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.record(Deed::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.record(Deed::Sync)
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.record(Deed::Write(offset, octets.to_vec()))
    }
}

/// A medium over a [`Disk`]. An empty infobase is one that was never installed.
#[derive(Debug)]
pub(crate) struct TestMedium(pub(crate) Disk);

impl TestMedium {
    fn file(&self, file: File) -> Arc<dyn StorageBackend> {
        let disk = self.0.clone();
        Arc::new(DiskFile { disk, file })
    }
}

impl Medium for TestMedium {
    fn path(&self) -> &Path {
        Path::new("/test/infobase.redb")
    }

    fn open(&self) -> Result<Option<Arc<dyn StorageBackend>>, StoreError> {
        let there = !self.0.platter().now.infobase.is_empty();
        Ok(there.then(|| self.file(File::Infobase)))
    }

    fn candidate(&self) -> Result<Arc<dyn StorageBackend>, StoreError> {
        Ok(self.file(File::Candidate))
    }

    fn install(&self, image: &[u8]) -> Result<(), StoreError> {
        let mut platter = self.0.platter();
        if platter.fail_after.is_some() {
            return Err(StoreError::Full {
                path: PathBuf::from("/test"),
            });
        }
        platter.now.infobase = image.to_vec();
        platter.tape.start.infobase = image.to_vec();
        Ok(())
    }
}

/// A redb file made by hand: what other versions, and other programs, leave.
impl Disk {
    pub(crate) fn infobase_file(&self) -> impl StorageBackend + use<> {
        DiskFile {
            disk: self.clone(),
            file: File::Infobase,
        }
    }
}
