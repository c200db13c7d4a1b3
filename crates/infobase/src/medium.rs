//! Where the octets of the store lie. A trait, so that tests can cut the power, fill the disk and lie about syncs.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::StoreError;
use crate::atomic::{OWNER_ONLY, sync_directory, write_atomically};

/// The name of the infobase's file in its directory.
pub const FILE_NAME: &str = "infobase.redb";
/// The name of the candidate's file beside it.
pub const CANDIDATE_FILE_NAME: &str = "candidate";

/// A place for one infobase.
pub trait Medium: Debug + Send {
    /// The path that errors name.
    fn path(&self) -> &Path;

    /// Opens what is there for reading and writing, changing nothing; none if nothing was ever installed.
    ///
    /// Called again after a device error, when the earlier one has been closed.
    fn open(&self) -> Result<Option<Arc<dyn StorageBackend>>, StoreError>;

    /// Opens the candidate's file for reading and writing, or makes it, empty, its name durable.
    ///
    /// Called again after a device error, when the earlier one has been closed.
    fn candidate(&self) -> Result<Arc<dyn StorageBackend>, StoreError>;

    /// Puts a first image in place, all of it or nothing, durable when this returns.
    fn install(&self, image: &[u8]) -> Result<(), StoreError>;
}

/// The files [`FILE_NAME`] and [`CANDIDATE_FILE_NAME`] in a directory.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The infobase of this directory. The directory must exist.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE_NAME),
        }
    }
}

/// Opens a file that is there, and closes it to all but its owner; none if there is no such file.
fn open_private(path: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Without its directory the path is wrong, rather than the store new.
            fs::metadata(path.parent().unwrap_or_else(|| Path::new("/")))?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    // A copy put back from a backup may be open to all.
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & !OWNER_ONLY != 0 {
        file.set_permissions(Permissions::from_mode(mode & OWNER_ONLY))?;
    }
    Ok(Some(file))
}

fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)?;
    sync_directory(path.parent().unwrap_or_else(|| Path::new("/")))?;
    Ok(file)
}

impl Medium for Directory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> Result<Option<Arc<dyn StorageBackend>>, StoreError> {
        let file =
            open_private(&self.path).map_err(|cause| StoreError::from_io(&self.path, "open", &cause))?;
        let Some(file) = file else { return Ok(None) };
        match FileBackend::new(file) {
            Ok(backend) => Ok(Some(Arc::new(backend))),
            Err(error) => Err(StoreError::unreadable(&self.path, &error)),
        }
    }

    fn candidate(&self) -> Result<Arc<dyn StorageBackend>, StoreError> {
        let path = self.path.with_file_name(CANDIDATE_FILE_NAME);
        let failed = |cause: &io::Error| StoreError::from_io(&path, "open", cause);
        let file = match open_private(&path).map_err(|cause| failed(&cause))? {
            Some(file) => file,
            None => create_private(&path).map_err(|cause| failed(&cause))?,
        };
        match FileBackend::new(file) {
            Ok(backend) => Ok(Arc::new(backend)),
            Err(error) => Err(StoreError::unreadable(&path, &error)),
        }
    }

    fn install(&self, image: &[u8]) -> Result<(), StoreError> {
        write_atomically(&self.path, image)
    }
}
