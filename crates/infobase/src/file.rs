//! The store on a disk.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, WriteTransaction};
use waypost_types::ProtocolId;

use crate::candidate::{Candidate, CandidateFile};
use crate::medium::{Directory, Medium};
use crate::staged::{ImageDisk, StagedDisk};
use crate::store::{Change, Store, Tree, apply, in_order};
use crate::tables::{self, Contents, Effect, TableError};
use crate::{Origin, RevisionMeta, StoreError, Trial, TrialChange};

/// The format this version writes, and the newest it reads. It reads every older one, and makes it one of this.
pub const FORMAT_VERSION: u64 = 3;

/// How many revisions are kept unless told otherwise.
pub const DEFAULT_HISTORY: u64 = 1000;

/// Memory that redb may use to keep pages. The running tree is in memory anyway, so this only serves commits and history.
const CACHE_OCTETS: usize = 8 << 20;

/// A file is made smaller at the start when it is at least this long and at most a quarter of it is in use.
const COMPACT_FROM_OCTETS: u64 = 8 << 20;

/// The infobase in a file of redb's format, and a small one beside it for the candidate.
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
    trial: Option<Trial>,
    last_number: u64,
}

#[derive(Debug)]
struct Session {
    database: Database,
    disk: StagedDisk,
    /// Beside the infobase; none while it can not be opened, which only [`Store::begin`] minds.
    candidate: Option<CandidateFile>,
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
            trial: None,
            last_number: 0,
        };
        let (session, contents) = store.open_session(Settle::AtStart)?;
        store.running = Arc::new(contents.running);
        store.head = contents.head;
        store.last_number = contents.last_number;
        store.pending_at_start = contents.pending;
        store.trial = contents.trial;
        store.session = store.compacted(session)?;
        Ok(store)
    }

    /// Opens the file, and brings it to what `settle` says it should hold.
    fn open_session(&self, settle: Settle) -> Result<(Session, Contents), StoreError> {
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
        let version = match version {
            None => return Err(StoreError::unreadable(&self.path, &"it is not an infobase")),
            Some(found) if found > FORMAT_VERSION => {
                return Err(StoreError::Newer {
                    path: self.path.clone(),
                    found,
                    supported: FORMAT_VERSION,
                });
            }
            Some(version) => version,
        };
        let contents = tables::reading(&database, |transaction| tables::contents(transaction, version));
        let mut contents = contents.map_err(failed)?;
        // Only now that the infobase is known to be one may a file be made beside it.
        let candidate = self.medium.candidate().map(CandidateFile::new).ok();
        let begun = candidate.as_ref().and_then(|file| file.read().ok().flatten());
        if let Some(begun) = begun.filter(|begun| begun.number > contents.last_number) {
            contents.last_number = begun.number;
            contents.pending = Some(begun);
        }
        let session = Session {
            database,
            disk,
            candidate,
        };
        let settled = self.settle(&session, version, &contents, settle);
        settled.map_err(|error| self.classify(&session.disk, "write", &error))?;

        match session.disk.release().map_err(|cause| io_error("write", &cause)) {
            // The writes stay held back and go out with the first change that finds space.
            Ok(()) | Err(StoreError::Full { .. }) => Ok((session, contents)),
            Err(error) => Err(error),
        }
    }

    fn settle(
        &self,
        session: &Session,
        version: u64,
        contents: &Contents,
        settle: Settle,
    ) -> Result<(), TableError> {
        let disk_head = contents.head.as_ref().map_or(0, |meta| meta.number);
        let nothing_to_do = match settle {
            Settle::AtStart => version == FORMAT_VERSION && contents.pending.is_none(),
            Settle::To { head, .. } if disk_head < head => {
                return Err(TableError::Inconsistent("a confirmed revision is missing"));
            }
            Settle::To { head, trial } => disk_head == head && contents.trial == trial,
        };
        if nothing_to_do {
            return Ok(());
        }
        let transaction = tables::begin_write(&session.database)?;
        match settle {
            // From now on the candidate that a crash left is an old one.
            Settle::AtStart => tables::settle(&transaction, FORMAT_VERSION, contents.last_number)?,
            Settle::To { head, trial } => {
                tables::take_back(&transaction, head)?;
                tables::put_trial(&transaction, trial.as_ref())?;
            }
        }
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
                let head = self.head.as_ref().map_or(0, |meta| meta.number);
                self.open_session(Settle::To {
                    head,
                    trial: self.trial,
                })?
                .0
            }
        };
        Ok(self.session.insert(session))
    }

    /// The open file, with everything that was held back on the disk.
    fn writable(&mut self) -> Result<&Session, StoreError> {
        let path = self.path.clone();
        let session = self.session()?;
        session
            .disk
            .release()
            .map_err(|cause| StoreError::from_io(&path, "write", &cause))?;
        Ok(session)
    }

    /// One durable transaction. On failure nothing of it is in force.
    fn commit(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), TableError>,
    ) -> Result<(), StoreError> {
        let session = self.writable()?;
        let done = (|| {
            let transaction = tables::begin_write(&session.database)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        })();
        let Err(error) = done else { return Ok(()) };
        let disk = session.disk.clone();
        let error = self.classify(&disk, "write", &error);
        self.open_anew();
        Err(error)
    }

    /// After a device error, because redb refuses everything then. Should the file not open now, the next call tries again.
    fn open_anew(&mut self) {
        self.session = None;
        let _ = self.session();
    }

    /// Writes the candidate to its file, durably.
    fn write_candidate(&mut self, candidate: &Candidate) -> Result<(), StoreError> {
        self.writable()?;
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let file = match session.candidate.take() {
            Some(file) => file,
            None => CandidateFile::new(self.medium.candidate()?),
        };
        let file = session.candidate.insert(file);
        let written = file.write(candidate);
        written.map_err(|cause| {
            // Its cache can not be trusted any more.
            session.candidate = None;
            StoreError::from_io(&self.path, "write", &cause)
        })
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

    fn pending(&self, number: u64) -> Result<&Candidate, StoreError> {
        match &self.pending {
            Some(candidate) if candidate.meta.number == number => Ok(candidate),
            _ => Err(StoreError::NotPending { number }),
        }
    }
}

/// What a file that is opened should hold.
#[derive(Clone, Copy)]
enum Settle {
    /// The last confirmed revision, and no candidate.
    AtStart,
    /// What the store holds in memory: this revision and this trial. A candidate is in its own file, which the failure of this one spared.
    To { head: u64, trial: Option<Trial> },
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
    fn running(&self) -> &Arc<Tree> {
        &self.running
    }

    fn head(&self) -> Option<&RevisionMeta> {
        self.head.as_ref()
    }

    fn pending_at_start(&self) -> Option<&RevisionMeta> {
        self.pending_at_start.as_ref()
    }

    fn begin(&mut self, origin: Origin, changes: Arc<[Change]>) -> Result<u64, StoreError> {
        if let Some(candidate) = &self.pending {
            return Err(StoreError::Pending {
                number: candidate.meta.number,
            });
        }
        // 2^64 revisions outlast the hardware; a file that claims to be there is no reason to overflow.
        let number = self.last_number.saturating_add(1).min(u64::MAX - 1);
        let candidate = Candidate {
            meta: RevisionMeta::new(number, origin),
            changes: in_order(changes),
        };
        self.write_candidate(&candidate)?;
        self.last_number = number;
        self.pending = Some(candidate);
        Ok(number)
    }

    fn confirm_with(&mut self, number: u64, trial: TrialChange) -> Result<(), StoreError> {
        let candidate = self.pending(number)?.clone();
        let running = Arc::clone(&self.running);
        let effects = candidate.changes.iter().filter_map(|(key, new)| {
            let (old, new) = (running.get(key), new.as_ref());
            (old != new).then_some(Effect { key, old, new })
        });
        let effects: Vec<Effect<'_>> = effects.collect();
        let (history, before, trial) = (self.history, self.trial, trial.applied_to(self.trial));
        self.commit(|transaction| {
            tables::confirm(transaction, &candidate.meta, &effects, history, trial.as_ref())?;
            if trial != before {
                tables::put_trial(transaction, trial.as_ref())?;
            }
            Ok(())
        })?;
        drop(effects);
        // No second pointer to the tree is left, or every confirm would copy it.
        drop(running);
        let changes = candidate.changes.iter().map(|(key, block)| (key, block.as_ref()));
        apply(Arc::make_mut(&mut self.running), changes);
        self.head = Some(candidate.meta);
        self.pending = None;
        self.trial = trial;
        Ok(())
    }

    fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    fn end_trial(&mut self) -> Result<(), StoreError> {
        if self.trial.is_some() {
            self.commit(|transaction| tables::put_trial(transaction, None))?;
            self.trial = None;
        }
        Ok(())
    }

    fn abandon(&mut self, number: u64) -> Result<(), StoreError> {
        self.pending(number)?;
        // Gone from memory first: whatever the disk says, the next candidate has a higher number.
        self.pending = None;
        self.commit(|transaction| tables::settle(transaction, FORMAT_VERSION, number))
    }

    fn revisions(&mut self, max: usize) -> Result<Vec<RevisionMeta>, StoreError> {
        self.read(|transaction| tables::revisions(transaction, max))
    }

    fn revision(&mut self, number: u64) -> Result<Tree, StoreError> {
        let running = Arc::clone(&self.running);
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
