//! What a case is made of, and the checks cases share.

use std::fmt::Debug;

use super::rig::Rig;
use crate::{Refusal, Status};

/// One testable row of the specification.
pub(super) struct Case {
    /// The row.
    pub(super) id: &'static str,
    /// What it says, in a few words.
    pub(super) title: &'static str,
    /// Tests it on a fresh instance.
    pub(super) run: fn(&mut Rig<'_>) -> Result<(), Verdict>,
}

/// Why a case did not pass.
pub(super) enum Verdict {
    Failed { expected: String, seen: String },
    Skipped(String),
}

/// A case that ends early.
pub(super) type Checked<T = ()> = Result<T, Verdict>;

pub(super) fn failed<T>(expected: impl Into<String>, seen: impl Into<String>) -> Checked<T> {
    Err(Verdict::Failed {
        expected: expected.into(),
        seen: seen.into(),
    })
}

pub(super) fn skipped<T>(reason: impl Into<String>) -> Checked<T> {
    Err(Verdict::Skipped(reason.into()))
}

/// Requires `Ok` and hands it on. `what` names the call.
pub(super) fn accepted<T>(what: &str, result: Result<T, Refusal>) -> Checked<T> {
    result.or_else(|refusal| failed(format!("{what}: NO_ERROR 0"), refusal.to_string()))
}

/// Requires a refusal with exactly `status`.
pub(super) fn refused<T>(what: &str, status: Status, result: Result<T, Refusal>) -> Checked {
    match result {
        Err(refusal) if refusal.status == status => Ok(()),
        Err(refusal) => failed(format!("{what}: {status}"), refusal.to_string()),
        Ok(_) => failed(format!("{what}: {status}"), "NO_ERROR 0"),
    }
}

/// Requires a refusal of any kind.
pub(super) fn turned_down<T>(what: &str, result: Result<T, Refusal>) -> Checked {
    match result.err() {
        Some(_) => Ok(()),
        None => failed(format!("{what}: a refusal"), "NO_ERROR 0"),
    }
}

/// Requires two values to be equal. `what` names what is compared.
pub(super) fn same<T: PartialEq + Debug>(what: &str, expected: &T, seen: &T) -> Checked {
    if expected == seen {
        return Ok(());
    }
    failed(format!("{what}: {expected:?}"), format!("{seen:?}"))
}

/// The status of a result, NO_ERROR included.
pub(super) fn status_of<T>(result: &Result<T, Refusal>) -> Status {
    match result {
        Ok(_) => Status::NO_ERROR,
        Err(refusal) => refusal.status,
    }
}
