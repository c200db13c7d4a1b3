//! The infobase: the durable home of information blocks and of what led to them.
//!
//! A change of configuration passes through three calls of [`Store`]. [`Store::begin`] writes the candidate as *pending*.
//! The router manager then sets it on every protocol. [`Store::confirm`] makes it *running*: once it returns, the change
//! survives a power cut, and only then may it be acknowledged. Or [`Store::abandon`] drops it. Whatever the moment of a
//! crash, the next start finds the last confirmed revision, whole.
//!
//! A confirm may put what it makes running on *trial*: the store remembers, as durably, until when and what to return to.
//! Returning is the router manager's to do; the store keeps the history that it takes.
//!
//! [`FileStore`] keeps the current block of every key and, for each revision, what undoes it. So a change costs what it
//! touches, not what the router holds, and takes one device sync to begin and one to confirm. [`MemoryStore`] is the same
//! contract without a disk, for tests. Blocks hold keys: every file this crate makes is readable by its owner alone.

mod atomic;
mod candidate;
mod error;
mod file;
mod key;
mod medium;
mod memory;
mod record;
mod staged;
mod store;
mod tables;

pub use atomic::write_atomically;
pub use error::StoreError;
pub use file::{DEFAULT_HISTORY, FORMAT_VERSION, FileStore};
pub use key::{BlockKey, BlockScope, KeyError};
pub use medium::{CANDIDATE_FILE_NAME, Directory, FILE_NAME, Medium};
pub use memory::{MemoryStore, Operation};
pub use record::{Origin, RevisionMeta, Trial, TrialChange};
pub use store::{Change, Store, Tree};
