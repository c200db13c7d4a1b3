//! The store on a disk.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, WriteTransaction};
use waypost_types::ProtocolId;

use crate::medium::{Directory, Medium};
use crate::record::Changes;
use crate::staged::{ImageDisk, StagedDisk};
use crate::store::{Change, Store, Tree, apply};
use crate::tables::{self, Candidate, Contents, TableError};
use crate::{Origin, RevisionMeta, StoreError};

/// The format this version writes, and the newest it reads.
pub const FORMAT_VERSION: u64 = 1;

/// How many revisions are kept unless told otherwise.
pub const DEFAULT_HISTORY: u64 = 1000;

/// Memory that redb may use to keep pages. The running tree is in memory anyway, so this only serves commits and history.
const CACHE_OCTETS: usize = 8 << 20;

/// A file is made smaller at the start when it is at least this long and at most a quarter of it is in use.
const COMPACT_FROM_OCTETS: u64 = 8 << 20;

/// The infobase in a file of redb's format.
///
/// After a device error the file is opened anew before the next use, so that a store outlives a full disk. Where a failed
/// commit has reached the disk nevertheless, it is taken back there before anything else is written.
#[derive(Debug)]
pub struct FileStore {
    medium: Box<dyn Medium>,
    path: PathBuf,
    history: u64,
    /// None after a failure, until the file can be opened again.
    session: Option<Session>,
    running: Arc<Tree>,
    head: Option<RevisionMeta>,
    pending: Option<Candidate>,
    pending_at_start: Option<RevisionMeta>,
    last_number: u64,
}

#[derive(Debug)]
struct Session {
    database: Database,
    disk: StagedDisk,
}

impl FileStore {
    /// Opens the infobase in `directory`, or makes a new one there, keeping [`DEFAULT_HISTORY`] revisions.
    ///
    /// A file that is damaged, foreign or of a later format is refused without a single octet written to it. A full disk
    /// is no obstacle to opening: everything can be read, and changes are refused with [`StoreError::Full`] until there is
    /// space. Another process holding the file open is [`StoreError::InUse`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_on(Box::new(Directory::new(directory)), DEFAULT_HISTORY)
    }

    /// Opens the infobase of a medium, keeping `history` revisions, at least one.
    pub fn open_on(medium: Box<dyn Medium>, history: u64) -> Result<Self, StoreError> {
        let path = medium.path().to_owned();
        let mut store = Self {
            medium,
            path,
            history: history.max(1),
            session: None,
            running: Arc::default(),
            head: None,
            pending: None,
            pending_at_start: None,
            last_number: 0,
        };
        let (session, contents) = store.open_session(Settle::AtStart)?;
        store.running = Arc::new(contents.running);
        store.head = contents.head;
        store.last_number = contents.last_number;
        store.pending_at_start = contents.pending.map(|candidate| candidate.meta);
        store.session = store.compacted(session)?;
        Ok(store)
    }

    /// Opens the file, and brings it to what `settle` says it should hold.
    fn open_session(&self, settle: Settle<'_>) -> Result<(Session, Contents), StoreError> {
        let disk = match self.medium.open()? {
            Some(disk) => disk,
            None => {
                self.medium.install(&self.first_image()?)?;
                self.medium.open()?.ok_or_else(|| {
                    StoreError::of_kind(
                        &self.path,
                        "open",
                        io::ErrorKind::NotFound,
                        "the file just made is gone".to_owned(),
                    )
                })?
            }
        };
        let io_error = |action, cause: &io::Error| StoreError::from_io(&self.path, action, cause);
        let disk = StagedDisk::holding(disk).map_err(|cause| io_error("read", &cause))?;
        let opened = opened(&disk);
        let failed = |error: TableError| self.classify(&disk, "read", &error);
        let database = opened.map_err(failed)?;
        let version = tables::reading(&database, tables::version).map_err(failed)?;
        match version {
            None => return Err(StoreError::unreadable(&self.path, &"it is not an infobase")),
            Some(found) if found > FORMAT_VERSION => {
                return Err(StoreError::Newer {
                    path: self.path.clone(),
                    found,
                    supported: FORMAT_VERSION,
                });
            }
            Some(_) => {}
        }
        let contents = tables::reading(&database, tables::contents).map_err(failed)?;
        let session = Session { database, disk };
        let settled = self.settle(&session, &contents, settle);
        settled.map_err(|error| self.classify(&session.disk, "write", &error))?;

        match session.disk.release().map_err(|cause| io_error("write", &cause)) {
            // The writes stay held back and go out with the first change that finds space.
            Ok(()) | Err(StoreError::Full { .. }) => Ok((session, contents)),
            Err(error) => Err(error),
        }
    }

    fn settle(&self, session: &Session, contents: &Contents, settle: Settle<'_>) -> Result<(), TableError> {
        let transaction = match settle {
            Settle::AtStart if contents.pending.is_none() => return Ok(()),
            Settle::AtStart => {
                let transaction = tables::begin_write(&session.database)?;
                tables::drop_pending(&transaction)?;
                transaction
            }
            Settle::To { head, pending } => {
                let disk_head = contents.head.as_ref().map_or(0, |meta| meta.number);
                if disk_head < head {
                    return Err(TableError::Inconsistent("a confirmed revision is missing"));
                }
                if disk_head == head && contents.pending.as_ref() == pending {
                    return Ok(());
                }
                let transaction = tables::begin_write(&session.database)?;
                tables::take_back(&transaction, head)?;
                match pending {
                    Some(candidate) => tables::put_pending(&transaction, candidate)?,
                    None => tables::drop_pending(&transaction)?,
                }
                transaction
            }
        };
        Ok(transaction.commit()?)
    }

    /// The octets of a new, empty infobase.
    fn first_image(&self) -> Result<Vec<u8>, StoreError> {
        let image = ImageDisk::default();
        let made = (|| -> Result<(), TableError> {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_OCTETS);
            let database = builder.create_with_backend(image.clone())?;
            let transaction = tables::begin_write(&database)?;
            tables::create(&transaction, FORMAT_VERSION)?;
            transaction.commit()?;
            Ok(database.close()?)
        })();
        made.map_err(|error| StoreError::unreadable(&self.path, &error))?;
        Ok(image.take())
    }

    /// Makes the file smaller when that is worth it. Fails only if the file can not be opened again after a failure.
    fn compacted(&self, mut session: Session) -> Result<Option<Session>, StoreError> {
        let worth_it = (|| -> Result<bool, TableError> {
            let length = redb::StorageBackend::len(&session.disk).map_err(redb::StorageError::from)?;
            if length < COMPACT_FROM_OCTETS {
                return Ok(false);
            }
            let transaction = tables::begin_write(&session.database)?;
            let statistics = transaction.stats()?;
            transaction.abort()?;
            let used = statistics.allocated_pages() * statistics.page_size() as u64;
            Ok(used <= length / 4)
        })();
        match worth_it {
            // Held-back writes mean a full disk, and compaction needs space.
            Ok(true) if session.disk.release().is_ok() => match session.database.compact() {
                Ok(_) => Ok(Some(session)),
                // Nothing is lost but the chance; the file itself must be opened anew.
                Err(_) => {
                    drop(session);
                    Ok(Some(self.open_session(Settle::AtStart)?.0))
                }
            },
            _ => Ok(Some(session)),
        }
    }

    /// The open file; opened anew after a failure.
    fn session(&mut self) -> Result<&Session, StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let settle = Settle::To {
                    head: self.head.as_ref().map_or(0, |meta| meta.number),
                    pending: self.pending.as_ref(),
                };
                self.open_session(settle)?.0
            }
        };
        Ok(self.session.insert(session))
    }

    /// One durable transaction. On failure nothing of it is in force.
    fn commit(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), TableError>,
    ) -> Result<(), StoreError> {
        let path = self.path.clone();
        let session = self.session()?;
        session
            .disk
            .release()
            .map_err(|cause| StoreError::from_io(&path, "write", &cause))?;
        let done = (|| {
            let transaction = tables::begin_write(&session.database)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        })();
        let Err(error) = done else { return Ok(()) };
        let disk = session.disk.clone();
        let error = self.classify(&disk, "write", &error);
        // redb refuses everything after a device error. Should it not open now, the next call tries again.
        self.session = None;
        let _ = self.session();
        Err(error)
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&redb::ReadTransaction) -> Result<T, TableError>,
    ) -> Result<T, StoreError> {
        let session = self.session()?;
        let done = tables::reading(&session.database, read);
        let disk = session.disk.clone();
        done.map_err(|error| {
            self.session = None;
            self.classify(&disk, "read", &error)
        })
    }

    fn classify(&self, disk: &StagedDisk, action: &'static str, error: &TableError) -> StoreError {
        if let Some((kind, cause)) = disk.failure() {
            return StoreError::of_kind(&self.path, action, kind, cause);
        }
        if let TableError::Redb(error) = error {
            match &**error {
                redb::Error::DatabaseAlreadyOpen => {
                    return StoreError::InUse {
                        path: self.path.clone(),
                    };
                }
                // redb says so of a file that is not its own.
                redb::Error::Io(cause) if cause.kind() != io::ErrorKind::InvalidData => {
                    return StoreError::from_io(&self.path, action, cause);
                }
                _ => {}
            }
        }
        StoreError::unreadable(&self.path, error)
    }

    fn pending(&self, number: u64) -> Result<Candidate, StoreError> {
        match &self.pending {
            Some(candidate) if candidate.meta.number == number => Ok(candidate.clone()),
            _ => Err(StoreError::NotPending { number }),
        }
    }
}

/// What a file that is opened should hold.
#[derive(Clone, Copy)]
enum Settle<'a> {
    /// The last confirmed revision, and no candidate.
    AtStart,
    /// What the store holds in memory.
    To {
        head: u64,
        pending: Option<&'a Candidate>,
    },
}

fn opened(disk: &StagedDisk) -> Result<Database, TableError> {
    let mut builder = Database::builder();
    // Every page is checked, not only after a crash: redb trusts what it reads later.
    builder
        .set_cache_size(CACHE_OCTETS)
        .set_check_integrity_on_open(true);
    // redb asserts some things about its file that damage can break. All writes are held back, so there is nothing to spoil.
    catch_unwind(AssertUnwindSafe(|| builder.create_with_backend(disk.clone())))
        .map_err(|_| TableError::Inconsistent("its structure is broken"))?
        .map_err(TableError::from)
}

impl Store for FileStore {
    fn running(&self) -> Arc<Tree> {
        Arc::clone(&self.running)
    }

    fn head(&self) -> Option<&RevisionMeta> {
        self.head.as_ref()
    }

    fn pending_at_start(&self) -> Option<&RevisionMeta> {
        self.pending_at_start.as_ref()
    }

    fn begin(&mut self, origin: Origin, changes: &[Change]) -> Result<u64, StoreError> {
        if let Some(candidate) = &self.pending {
            return Err(StoreError::Pending {
                number: candidate.meta.number,
            });
        }
        // 2^64 revisions outlast the hardware; a file that claims to be there is no reason to overflow.
        let number = self.last_number.saturating_add(1).min(u64::MAX - 1);
        let candidate = Candidate {
            meta: RevisionMeta::new(number, origin),
            changes: changes.iter().cloned().collect(),
        };
        self.commit(|transaction| tables::put_pending(transaction, &candidate))?;
        self.last_number = number;
        self.pending = Some(candidate);
        Ok(number)
    }

    fn confirm(&mut self, number: u64) -> Result<(), StoreError> {
        let candidate = self.pending(number)?;
        let (mut effect, mut undo) = (Changes::new(), Changes::new());
        for (key, block) in &candidate.changes {
            let old = self.running.get(key);
            if old != block.as_ref() {
                effect.insert(key.clone(), block.clone());
                undo.insert(key.clone(), old.cloned());
            }
        }
        let history = self.history;
        self.commit(|transaction| tables::confirm(transaction, &candidate, &effect, &undo, history))?;
        apply(Arc::make_mut(&mut self.running), effect);
        self.head = Some(candidate.meta);
        self.pending = None;
        Ok(())
    }

    fn abandon(&mut self, number: u64) -> Result<(), StoreError> {
        self.pending(number)?;
        // Gone from memory first: whatever the disk says, opening it anew or the next candidate removes the row.
        self.pending = None;
        self.commit(tables::drop_pending)
    }

    fn revisions(&mut self, max: usize) -> Result<Vec<RevisionMeta>, StoreError> {
        self.read(|transaction| tables::revisions(transaction, max))
    }

    fn revision(&mut self, number: u64) -> Result<Tree, StoreError> {
        let running = self.running();
        let found = self.read(|transaction| {
            Ok(match tables::revision(transaction, &running, number)? {
                Some(tree) => Ok(tree),
                None => Err(tables::kept(transaction)?),
            })
        })?;
        found.map_err(|(oldest, newest)| StoreError::no_such_revision(number, oldest, newest))
    }

    fn private_get_all(&mut self, protocol: ProtocolId) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        self.read(|transaction| tables::private_all(transaction, protocol.0))
    }

    fn private_put_all(
        &mut self,
        protocol: ProtocolId,
        changes: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> Result<(), StoreError> {
        self.commit(|transaction| tables::put_private(transaction, protocol.0, changes))
    }
}
