//! A description by tables, as it was read.

use serde::{Deserialize, Serialize};

/// The options of a block or an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// StructureVersion; of an element nothing.
    pub(crate) version: u32,
    /// Octets of the fixed part, or of the element.
    pub(crate) size: u32,
    pub(crate) options: Vec<Item>,
}

/// An option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Empty: the value of an element that has only one.
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) unit: String,
    pub(crate) offset: u32,
    /// Octets of the field.
    pub(crate) size: u32,
    pub(crate) kind: Kind,
    pub(crate) default: Option<u64>,
}

/// What an option is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// From and to.
    Number(u64, u64),
    Bool,
    Word(Vec<Word>),
    Address,
    Prefix,
    Text,
    WideText,
    /// How many at least and at most, and what an element is.
    List(u64, u64, Table),
}

/// A word for a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Word {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) value: u32,
}

impl Item {
    /// Where its field is in a table.
    pub(crate) fn field(&self) -> std::ops::Range<usize> {
        let start = self.offset as usize;
        start..start.saturating_add(self.size as usize)
    }
}

impl Table {
    /// The one option that an element is written as.
    pub(crate) fn value(&self) -> Option<&Item> {
        match self.options.as_slice() {
            [only] if only.name.is_empty() => Some(only),
            _ => None,
        }
    }
}
