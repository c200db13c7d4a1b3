//! Replacing a whole file so that a crash leaves the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Read and written by the owner only: configuration holds keys.
pub(crate) const OWNER_ONLY: u32 = 0o600;

/// Replaces the file at `path` by one that holds `octets`, readable by its owner only.
///
/// Durable when this returns. After a crash, or a failure, the file is the old one or the new one, whole. The temporary
/// file stands beside it and ends in `.new`; one that a crash left is written over. Concurrent calls for one path must not
/// happen.
pub fn write_atomically(path: &Path, octets: &[u8]) -> Result<(), StoreError> {
    let (directory, name) = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if parent.as_os_str().is_empty() => (Path::new("."), name),
        (Some(parent), Some(name)) => (parent, name),
        _ => {
            let cause = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
            return Err(StoreError::from_io(path, "write", &cause));
        }
    };
    let mut temporary_name = name.to_owned();
    temporary_name.push(".new");
    let temporary: PathBuf = directory.join(temporary_name);

    let written = write_new(&temporary, octets)
        .map_err(|cause| StoreError::from_io(&temporary, "write", &cause))
        .and_then(|()| {
            fs::rename(&temporary, path).map_err(|cause| StoreError::from_io(path, "replace", &cause))
        });
    if written.is_err() {
        // A full disk is not helped by half a file. There is nothing to add to the failure that is reported already.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_directory(directory).map_err(|cause| StoreError::from_io(directory, "sync", &cause))
}

fn write_new(temporary: &Path, octets: &[u8]) -> io::Result<()> {
    // A left-over may carry other permissions, or be a link to elsewhere: never reuse it.
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(temporary)?;
    file.write_all(octets)?;
    file.sync_all()
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn replaces_the_file_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("running.toml");
        let victim = directory.path().join("victim");
        fs::write(&victim, "victim").unwrap();
        symlink(&victim, directory.path().join("running.toml.new")).unwrap();
        for text in ["one", "another"] {
            write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                OWNER_ONLY
            );
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_failure_keeps_the_old_file_and_names_the_path() {
        let directory = tempfile::tempdir().unwrap();
        // A directory can not be replaced by a file.
        let path = directory.path().join("running.toml");
        fs::create_dir(&path).unwrap();
        let error = write_atomically(&path, b"new").unwrap_err().to_string();
        assert!(error.contains("running.toml: can not replace"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

        let error = write_atomically(&directory.path().join("none/file"), b"new").unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Io {
                    kind: io::ErrorKind::NotFound,
                    ..
                }
            ),
            "{error}"
        );
        assert!(write_atomically(Path::new("/"), b"new").is_err());
    }
}
