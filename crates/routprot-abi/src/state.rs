//! ShowState, MakeReport and RouterIdChanged of a module (`include/waypost/state.h`), which may do without them.

use std::ffi::c_void;

use serde_json::Value;
use waypost_routprot::{InfoBlock, Refusal, Status, Topic};
use waypost_types::RouterId;

use crate::layout::{MakeReport, RouterIdChanged, ShowState};
use crate::object::SharedObject;

/// Those that a module exports.
#[derive(Clone, Copy, Default)]
pub(crate) struct StateFunctions {
    pub(crate) show: Option<ShowState>,
    pub(crate) report: Option<MakeReport>,
    pub(crate) router_id_changed: Option<RouterIdChanged>,
}

impl StateFunctions {
    pub(crate) fn exported(object: &SharedObject) -> Self {
        let show = object.symbol(c"ShowState").map(|symbol| {
            // SAFETY: the header says that the symbol is a function of this type.
            unsafe { std::mem::transmute::<*mut c_void, ShowState>(symbol) }
        });
        let report = object.symbol(c"MakeReport").map(|symbol| {
            // SAFETY: the header says that the symbol is a function of this type.
            unsafe { std::mem::transmute::<*mut c_void, MakeReport>(symbol) }
        });
        let router_id_changed = object.symbol(c"RouterIdChanged").map(|symbol| {
            // SAFETY: the header says that the symbol is a function of this type.
            unsafe { std::mem::transmute::<*mut c_void, RouterIdChanged>(symbol) }
        });
        Self {
            show,
            report,
            router_id_changed,
        }
    }
}

/// The topics, at their numbers.
const TOPICS: [Topic; 5] = [
    Topic::Summary,
    Topic::Interfaces,
    Topic::Neighbors,
    Topic::Counters,
    Topic::Database,
];

pub(crate) fn topic_of(number: u32) -> Option<Topic> {
    TOPICS.get(number as usize).copied()
}

pub(crate) fn topic_number(topic: Topic) -> u32 {
    let place = TOPICS.iter().position(|known| *known == topic);
    place
        .and_then(|place| u32::try_from(place).ok())
        .unwrap_or(u32::MAX)
}

/// A router identifier in network order in memory; 0 for none.
pub(crate) fn number_of(id: Option<RouterId>) -> u32 {
    id.map_or(0, |id| u32::from_ne_bytes(id.address().octets()))
}

pub(crate) fn id_of(number: u32) -> Option<RouterId> {
    RouterId::new(number.to_ne_bytes().into()).ok()
}

/// The octets that PrepareInfo is asked with about a router identifier.
pub(crate) fn asked(id: Option<RouterId>) -> InfoBlock {
    InfoBlock::new(1, number_of(id).to_ne_bytes().to_vec())
}

/// What a module that does not export ShowState has to say.
pub(crate) fn nothing() -> Refusal {
    Refusal::new(
        Status::ERROR_NOT_SUPPORTED,
        "this protocol has nothing to say about that",
    )
}

/// What a module said about a topic, if it is what those who show it may rely on.
pub(crate) fn read(topic: Topic, words: &[u8]) -> Result<Value, Refusal> {
    let strange = |reason: String| Refusal::failed(format!("ShowState of the module: {reason}"));
    let said: Value = serde_json::from_slice(words).map_err(|error| strange(error.to_string()))?;
    let needed: &[&str] = match topic {
        Topic::Summary | Topic::Counters => {
            return if said.is_object() {
                Ok(said)
            } else {
                Err(strange("an object is expected".to_owned()))
            };
        }
        Topic::Interfaces => &["interface"],
        Topic::Neighbors => &["interface", "address", "state"],
        Topic::Database => &[],
    };
    let fits = |row: &Value| {
        row.is_object()
            && needed
                .iter()
                .all(|key| row.get(key).is_some_and(Value::is_string))
    };
    match &said {
        Value::Array(rows) if rows.iter().all(fits) => Ok(said),
        _ => Err(strange(format!(
            "a list of objects is expected, each with the texts {needed:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_the_form_of_its_topic() {
        let row = br#"[{"interface":"eth0","address":"10.0.0.1","state":"up","since":7}]"#;
        for topic in [Topic::Interfaces, Topic::Neighbors, Topic::Database] {
            assert!(read(topic, row).is_ok(), "{topic:?}");
            assert!(read(topic, b"[]").is_ok());
            assert!(read(topic, b"[7]").is_err());
            assert!(read(topic, b"{}").is_err());
        }
        assert!(
            read(
                Topic::Neighbors,
                br#"[{"interface":"eth0","address":7,"state":"up"}]"#
            )
            .is_err()
        );
        for topic in [Topic::Summary, Topic::Counters] {
            assert!(read(topic, b"{\"routes\":7}").is_ok());
            assert!(read(topic, row).is_err());
            assert!(read(topic, b"\xff").is_err());
        }
    }

    #[test]
    fn numbers_there_and_back() {
        for topic in TOPICS {
            assert_eq!(topic_of(topic_number(topic)), Some(topic));
        }
        assert_eq!(topic_of(5), None);
        let id = RouterId::new([192, 0, 2, 1].into()).ok();
        assert_eq!(id_of(number_of(id)), id);
        assert_eq!((number_of(None), id_of(0)), (0, None));
    }
}
