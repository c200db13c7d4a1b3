//! What can go wrong in a store, and the documented code each failure answers with.

use std::io;
use std::path::{Path, PathBuf};

use waypost_routprot::{Refusal, Status};

/// Why a store refused. After any of these the running configuration is what it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file was written by a later version. It was not touched.
    #[error(
        "{path}: written in format {found}, but this version reads formats up to {supported}",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The newest format this version reads.
        supported: u64,
    },
    /// The file is no infobase, or is damaged. It was not touched.
    #[error("{path}: the infobase can not be read: {cause}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// There is no space left on the device, or the owner's quota is used up. The call may be repeated once there is.
    #[error("{path}: no space left on the device", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process has the file open.
    #[error("{path}: another process is using the infobase", path = path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The operating system or the device refused.
    #[error("{path}: can not {action}: {cause}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done, such as `write`.
        action: &'static str,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// The system's words.
        cause: String,
    },
    /// There is a candidate already: confirm or abandon it first.
    #[error("revision {number} is still pending: it must be confirmed or abandoned first")]
    Pending {
        /// The candidate's number.
        number: u64,
    },
    /// No candidate has this number.
    #[error("revision {number} is not pending")]
    NotPending {
        /// The number asked for.
        number: u64,
    },
    /// The history does not hold this revision.
    #[error("there is no revision {number} (kept: {kept})")]
    NoSuchRevision {
        /// The number asked for.
        number: u64,
        /// The oldest and newest numbers kept, such as `3..=17`, or `none`.
        kept: String,
    },
}

impl StoreError {
    pub(crate) fn no_such_revision(number: u64, oldest: Option<u64>, newest: Option<u64>) -> Self {
        let kept = match (oldest, newest) {
            (Some(oldest), Some(newest)) => format!("{oldest}..={newest}"),
            _ => "none".to_owned(),
        };
        Self::NoSuchRevision { number, kept }
    }

    pub(crate) fn from_io(path: &Path, action: &'static str, cause: &io::Error) -> Self {
        Self::of_kind(path, action, cause.kind(), cause.to_string())
    }

    pub(crate) fn of_kind(path: &Path, action: &'static str, kind: io::ErrorKind, cause: String) -> Self {
        let path = path.to_owned();
        match kind {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io {
                path,
                action,
                kind,
                cause,
            },
        }
    }

    pub(crate) fn unreadable(path: &Path, cause: &dyn std::fmt::Display) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }

    /// The documented code of this failure.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Newer { .. } | Self::Unreadable { .. } => Status::ERROR_INVALID_DATA,
            Self::Full { .. } => Status::ERROR_DISK_FULL,
            Self::Io {
                kind: io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem,
                ..
            } => Status::ERROR_ACCESS_DENIED,
            Self::InUse { .. } | Self::Io { .. } | Self::Pending { .. } => Status::ERROR_CAN_NOT_COMPLETE,
            Self::NotPending { .. } | Self::NoSuchRevision { .. } => Status::ERROR_NOT_FOUND,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_code_and_the_path() {
        let path = Path::new("/var/lib/waypost/infobase.redb");
        let refused = |error: StoreError| Refusal::from(error).to_string();
        assert_eq!(
            refused(StoreError::from_io(
                path,
                "write",
                &io::ErrorKind::StorageFull.into()
            )),
            "/var/lib/waypost/infobase.redb: no space left on the device [ERROR_DISK_FULL 112]"
        );
        assert_eq!(
            refused(StoreError::Newer {
                path: path.to_owned(),
                found: 2,
                supported: 1
            }),
            "/var/lib/waypost/infobase.redb: written in format 2, but this version reads formats up to 1 \
             [ERROR_INVALID_DATA 13]"
        );
        assert_eq!(
            StoreError::from_io(path, "open", &io::ErrorKind::PermissionDenied.into()).status(),
            Status::ERROR_ACCESS_DENIED
        );
        assert_eq!(
            refused(StoreError::no_such_revision(9, Some(3), Some(7))),
            "there is no revision 9 (kept: 3..=7) [ERROR_NOT_FOUND 1168]"
        );
    }
}
