//! The whole API over a real socket, with a real manager behind it.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on has failed"
)]

mod changing;
mod daemon;
mod document;
mod hostile;
mod protocol;
mod reading;
mod watching;
