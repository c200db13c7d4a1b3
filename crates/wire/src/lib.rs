//! Octets in and out without a panic: a bounds-checked [`Reader`], a [`Writer`], the message digests that
//! routing protocols authenticate with, and [`Secret`] for the keys.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod digest;
pub mod hex;
mod reader;
mod secret;
mod writer;

pub use digest::{Digest, DigestAlgorithm, LongSecrets, digests_equal};
pub use reader::{ReadError, Reader};
pub use secret::Secret;
pub use writer::Writer;
