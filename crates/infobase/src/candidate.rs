//! The candidate's own file: one record, written over in place, so that to begin a change costs one write and one sync.
//!
//! The record says which revision was begun last and what it changes. It is a pending candidate while its number is higher
//! than every number that the infobase itself knows of; a confirm, or the note that it was abandoned, makes it an old one
//! without another write to this file. A write that a power cut tore does not have its digest and counts as none.

use std::io;
use std::sync::Arc;

use redb::StorageBackend;
use sha2::{Digest as _, Sha256};
use waypost_wire::{Reader, Writer};

use crate::record::{candidate_octets, read_candidate};
use crate::{Change, RevisionMeta};

/// "WPCN" and the layout of the record.
const MAGIC: [u8; 8] = *b"WPCN\x01\0\0\0";
/// Magic, length of the body, digest of the body.
const HEAD: usize = MAGIC.len() + 8 + DIGEST;
const DIGEST: usize = 32;
/// The file is a multiple of this long: what is written again where it was written before changes no metadata.
const PAGE: u64 = 4096;

/// A candidate that has been begun and neither confirmed nor abandoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) meta: RevisionMeta,
    /// In key order, each key once.
    pub(crate) changes: Arc<[Change]>,
}

#[derive(Debug)]
pub(crate) struct CandidateFile(Arc<dyn StorageBackend>);

impl CandidateFile {
    pub(crate) fn new(disk: Arc<dyn StorageBackend>) -> Self {
        Self(disk)
    }

    /// Which revision was begun last, if the file holds a whole record.
    pub(crate) fn read(&self) -> io::Result<Option<RevisionMeta>> {
        let length = self.0.len()?;
        let mut head = [0; HEAD];
        if length < HEAD as u64 {
            return Ok(None);
        }
        self.0.read(0, &mut head)?;
        let mut reader = Reader::new(&head);
        let Ok(magic) = reader.take(MAGIC.len()) else {
            return Ok(None);
        };
        let body = reader.u64_le().unwrap_or(u64::MAX);
        if magic != MAGIC || body > length - HEAD as u64 {
            return Ok(None);
        }
        // INVARIANT: no larger than the file, which was written from memory.
        let mut octets = vec![0; usize::try_from(body).unwrap_or(0)];
        self.0.read(HEAD as u64, &mut octets)?;
        let whole = Sha256::digest(&octets).as_slice() == reader.take_rest();
        let candidate = whole.then(|| read_candidate(&octets).ok()).flatten();
        Ok(candidate.map(|(meta, _)| meta))
    }

    /// Writes the candidate over whatever is there. Durable when this returns.
    pub(crate) fn write(&self, candidate: &Candidate) -> io::Result<()> {
        let body = candidate_octets(&candidate.meta, &candidate.changes);
        let mut writer = Writer::with_capacity(HEAD + body.len());
        writer
            .slice(&MAGIC)
            .u64_le(body.len() as u64)
            .slice(&Sha256::digest(&body))
            .slice(&body);
        let octets = writer.finish();
        let length = (octets.len() as u64).next_multiple_of(PAGE);
        if self.0.len()? < length {
            self.0.set_len(length)?;
        }
        self.0.write(0, &octets)?;
        self.0.sync_data()
    }
}
