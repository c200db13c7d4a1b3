//! The bare disk: what durability costs without anything around it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What is written before each sync.
const BLOCK: usize = 4096;
/// Blocks in the file.
const BLOCKS: u64 = 64;

/// A file whose blocks all exist, so that a write to it changes no metadata: the cheapest durable write there is.
pub(crate) struct BareFile {
    file: File,
    next: u64,
}

impl BareFile {
    /// Makes it in a directory.
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let path = directory.join("bare");
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("making {}", path.display()))?;
        for block in 0..BLOCKS {
            file.write_all_at(&[1; BLOCK], block * BLOCK as u64)?;
        }
        file.sync_all()?;
        Ok(Self { file, next: 0 })
    }

    /// Writes 4 KiB in place and waits until the disk has them.
    pub(crate) fn write_and_sync(&mut self) -> Result<Duration> {
        let octets = [u8::try_from(self.next % 251).unwrap_or(0); BLOCK];
        let offset = self.next % BLOCKS * BLOCK as u64;
        self.next += 1;
        let start = Instant::now();
        self.file.write_all_at(&octets, offset)?;
        self.file.sync_data()?;
        Ok(start.elapsed())
    }
}
