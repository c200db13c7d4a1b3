//! PrepareInfo of a module (`include/waypost/prepare.h`), which may do without it.

use std::ffi::c_void;

use serde::de::DeserializeOwned;
use waypost_routprot::{Prepared, Refusal, Status};
use waypost_types::InterfaceIndex;

use crate::layout::{PrepareInfo, prepare_scope as scope};
use crate::object::SharedObject;

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Global,
    Interface(InterfaceIndex),
    NewInterface,
    /// Of four octets instead of a block.
    RouterId,
}

impl Scope {
    /// Its number, and that of the interface.
    pub(crate) const fn numbers(self) -> [u32; 2] {
        match self {
            Self::Global => [scope::GLOBAL, 0],
            Self::Interface(index) => [scope::INTERFACE, index.0],
            Self::NewInterface => [scope::NEW_INTERFACE, 0],
            Self::RouterId => [scope::ROUTER_ID, 0],
        }
    }

    pub(crate) const fn of(numbers: [u32; 2]) -> Option<Self> {
        match numbers {
            [scope::GLOBAL, _] => Some(Self::Global),
            [scope::INTERFACE, index] => Some(Self::Interface(InterfaceIndex(index))),
            [scope::NEW_INTERFACE, _] => Some(Self::NewInterface),
            [scope::ROUTER_ID, _] => Some(Self::RouterId),
            _ => None,
        }
    }
}

/// The function, if the module exports it.
pub(crate) fn exported(object: &SharedObject) -> Option<PrepareInfo> {
    let symbol = object.symbol(c"PrepareInfo")?;
    // SAFETY: the header says that the symbol is a function of this type.
    Some(unsafe { std::mem::transmute::<*mut c_void, PrepareInfo>(symbol) })
}

/// What a module that does not export the function is told to have said.
pub(crate) fn cannot_tell() -> Refusal {
    Refusal::new(
        Status::ERROR_NOT_SUPPORTED,
        "the module cannot state what a change would do",
    )
}

/// The answer behind a code. Words that make no sense are left out of a refusal, and are no acceptance.
pub(crate) fn answer(code: u32, words: &[u8]) -> Result<Prepared, Refusal> {
    match said("PrepareInfo", code, words) {
        Err(refusal) if refusal.status == Status::ERROR_NOT_SUPPORTED && words.is_empty() => {
            Err(cannot_tell())
        }
        other => other,
    }
}

/// What a function of a module says in JSON behind a code: what was asked for, or why it is refused. Words that make no sense are
/// left out of a refusal, and are no success.
pub(crate) fn said<T: DeserializeOwned>(function: &str, code: u32, words: &[u8]) -> Result<T, Refusal> {
    let status = Status(code);
    if status == Status::NO_ERROR {
        return serde_json::from_slice(words).map_err(|error| {
            Refusal::failed(format!(
                "{function} of the module answered what means nothing: {error}"
            ))
        });
    }
    Err(match serde_json::from_slice::<Refusal>(words) {
        // The code is what counts.
        Ok(refusal) => Refusal { status, ..refusal },
        Err(_) => Refusal::new(status, format!("{function} of the module answered {status}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_far_as_they_make_sense() {
        let changes = br#"{"changes":[{"path":"metric","old":1,"new":2,"impact":"live","reason":"it is"}]}"#;
        assert_eq!(answer(0, changes).unwrap().changes[0].path, "metric");
        assert_eq!(answer(0, b"").unwrap_err().status, Status::ERROR_CAN_NOT_COMPLETE);
        let refusal = answer(87, br#"{"status":1,"path":"metric","reason":"too much"}"#).unwrap_err();
        assert_eq!((refusal.status, refusal.path.as_str()), (Status(87), "metric"));
        assert_eq!(answer(87, b"\xff").unwrap_err().status, Status(87));
        assert_eq!(answer(50, b""), Err(cannot_tell()));
    }

    #[test]
    fn scopes_there_and_back() {
        for scope in [
            Scope::Global,
            Scope::Interface(InterfaceIndex(7)),
            Scope::NewInterface,
            Scope::RouterId,
        ] {
            assert_eq!(Scope::of(scope.numbers()), Some(scope));
        }
        assert_eq!(Scope::of([4, 0]), None);
    }
}
