//! A disk whose writes can be held back until the reader knows that it may write.
//!
//! Opening a redb file writes to it: it marks the file as in use and repairs what a crash left. That must not happen to a
//! file that turns out to be damaged or of a later format. So the store opens with writes held back, looks, and only then
//! lets them through, in their order, syncs included: a crash on the way is the crash of an ordinary open.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

#[derive(Debug)]
enum Held {
    Write { offset: u64, octets: Vec<u8> },
    Length(u64),
    Sync,
}

#[derive(Debug, Default)]
struct Stage {
    held: Vec<Held>,
    /// How many of `held` have reached the disk: a release that failed goes on where it stopped.
    released: usize,
    length: u64,
}

#[derive(Debug)]
struct State {
    /// None once the writes have been let through.
    stage: Option<Stage>,
    /// What the disk said when it first failed. redb only passes on its second refusal.
    failure: Option<(io::ErrorKind, String)>,
}

/// The disk, shared by redb and by the store that decides when redb may write.
#[derive(Clone, Debug)]
pub(crate) struct StagedDisk {
    disk: Arc<dyn StorageBackend>,
    state: Arc<Mutex<State>>,
}

impl StagedDisk {
    /// The disk with all writes held back.
    pub(crate) fn holding(disk: Arc<dyn StorageBackend>) -> io::Result<Self> {
        let length = disk.len()?;
        Ok(Self {
            disk,
            state: Arc::new(Mutex::new(State {
                stage: Some(Stage {
                    length,
                    ..Stage::default()
                }),
                failure: None,
            })),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements below, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the held writes, and all later ones, through to the disk. After a failure it can be called again.
    pub(crate) fn release(&self) -> io::Result<()> {
        let mut state = self.state();
        let Some(stage) = &mut state.stage else {
            return Ok(());
        };
        while let Some(held) = stage.held.get(stage.released) {
            match held {
                Held::Write { offset, octets } => self.disk.write(*offset, octets)?,
                Held::Length(length) => self.disk.set_len(*length)?,
                Held::Sync => self.disk.sync_data()?,
            }
            stage.released += 1;
        }
        state.stage = None;
        Ok(())
    }

    /// What the disk said when it first failed.
    pub(crate) fn failure(&self) -> Option<(io::ErrorKind, String)> {
        self.state().failure.clone()
    }

    fn noting<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let noted = (error.kind(), error.to_string());
            self.state().failure.get_or_insert(noted);
        }
        result
    }

    /// Puts `held` on the stage; gives it back if there is no stage any more.
    fn hold(&self, held: Held) -> Option<Held> {
        let mut state = self.state();
        let Some(stage) = &mut state.stage else {
            return Some(held);
        };
        match &held {
            Held::Write { offset, octets } => {
                stage.length = stage.length.max(offset + octets.len() as u64);
            }
            Held::Length(length) => stage.length = *length,
            Held::Sync => {}
        }
        stage.held.push(held);
        None
    }

    fn read_through(&self, stage: &Stage, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let wanted_end = offset + out.len() as u64;
        if wanted_end > stage.length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "read past the end"));
        }
        // From nothing or from the disk, then every held write that meets the range, oldest first.
        out.fill(0);
        let disk_end = self.disk.len()?.min(wanted_end);
        if let Some(count) = disk_end.checked_sub(offset) {
            // INVARIANT: count <= out.len(), because disk_end <= offset + out.len().
            self.disk.read(offset, &mut out[..count as usize])?;
        }
        for held in &stage.held {
            match held {
                Held::Sync => {}
                Held::Length(length) => {
                    if let Some(tail) = out.get_mut(length.saturating_sub(offset) as usize..) {
                        tail.fill(0);
                    }
                }
                Held::Write { offset: at, octets } => {
                    let start = offset.max(*at);
                    let end = wanted_end.min(at + octets.len() as u64);
                    if start < end {
                        // INVARIANT: start..end lies inside both ranges by the max and min above.
                        out[(start - offset) as usize..(end - offset) as usize]
                            .copy_from_slice(&octets[(start - at) as usize..(end - at) as usize]);
                    }
                }
            }
        }
        Ok(())
    }
}

impl StorageBackend for StagedDisk {
    fn len(&self) -> io::Result<u64> {
        if let Some(stage) = &self.state().stage {
            return Ok(stage.length);
        }
        self.noting(self.disk.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if let Some(stage) = &self.state().stage {
            return self.read_through(stage, offset, out);
        }
        self.noting(self.disk.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        match self.hold(Held::Length(len)) {
            None => Ok(()),
            Some(_) => self.noting(self.disk.set_len(len)),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.hold(Held::Sync) {
            None => Ok(()),
            Some(_) => self.noting(self.disk.sync_data()),
        }
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        if self.state().stage.is_none() {
            return self.noting(self.disk.write(offset, octets));
        }
        self.hold(Held::Write {
            offset,
            octets: octets.to_vec(),
        });
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.disk.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.disk.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.disk.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.disk.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.disk.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.disk.query_lock_range(start, end)
    }
}

/// A disk in memory whose octets can be taken out: where a first image is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageDisk(Arc<Mutex<Vec<u8>>>);

impl ImageDisk {
    fn octets(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The octets, leaving none behind.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.octets())
    }
}

fn range_of(offset: u64, count: usize) -> std::ops::Range<usize> {
    let start = offset as usize;
    start..start.saturating_add(count)
}

impl StorageBackend for ImageDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.octets().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let octets = self.octets();
        let source = octets.get(range_of(offset, out.len()));
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.octets().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut all = self.octets();
        let target = all.get_mut(range_of(offset, octets.len()));
        target
            .ok_or(io::ErrorKind::UnexpectedEof)?
            .copy_from_slice(octets);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..40_u64, prop::collection::vec(1..=255_u8, 1..20)).prop_map(|(at, octets)| Step::Write(at, octets)),
            1 => (0..64_u64).prop_map(Step::Length),
        ]
    }

    proptest! {
        /// What is held reads as if it had been written, reaches the disk only when released, and then exactly.
        #[test]
        fn held_writes_read_back_and_are_released(start in 0..64_u64, steps in prop::collection::vec(any_step(), 0..12)) {
            let (disk, plain) = (ImageDisk::default(), ImageDisk::default());
            for image in [&disk, &plain] {
                image.set_len(start).unwrap();
                image.write(0, &vec![7; start as usize]).unwrap();
            }
            let staged = StagedDisk::holding(Arc::new(disk.clone())).unwrap();
            for step in steps {
                match step {
                    Step::Write(at, octets) => {
                        let len = plain.len().unwrap().max(at + octets.len() as u64);
                        for image in [&staged as &dyn StorageBackend, &plain] {
                            image.set_len(len).unwrap();
                            image.write(at, &octets).unwrap();
                        }
                    }
                    Step::Length(len) => {
                        staged.set_len(len).unwrap();
                        plain.set_len(len).unwrap();
                    }
                }
                let len = plain.len().unwrap();
                prop_assert_eq!(staged.len().unwrap(), len);
                for (from, to) in [(0, len), (len / 3, len / 2), (len / 2, len)] {
                    let mut read = [vec![1; (to - from) as usize], vec![2; (to - from) as usize]];
                    staged.read(from, &mut read[0]).unwrap();
                    plain.read(from, &mut read[1]).unwrap();
                    prop_assert_eq!(&read[0], &read[1]);
                }
                prop_assert!(staged.read(len, &mut [0]).is_err());
            }
            prop_assert_eq!(disk.take(), vec![7; start as usize], "nothing may reach the disk yet");
            disk.set_len(start).unwrap();
            disk.write(0, &vec![7; start as usize]).unwrap();
            staged.release().unwrap();
            prop_assert_eq!(disk.take(), plain.take());
        }
    }
}
