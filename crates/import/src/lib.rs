//! Configurations of other routers, read as Waypost's: what can be said in it, and line by line what can not.
//!
//! A text goes in, a text tree comes out, as `parse_toml` of a configuration file gives it. Nothing is looked up on the machine:
//! what neither the file nor the given [`Links`] say, such as an interface's address, is not known here, and the line that needs
//! it is left with that reason. Whether the values make sense is for the protocols' own codecs to say afterwards.

mod bird;
mod frr;
mod links;
mod tree;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use bird::bird;
pub use frr::frr;
pub use links::{Links, links};

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// The configuration, as a text tree.
    pub configuration: Value,
    /// What could not be translated, in the order of the file.
    pub left: Vec<Left>,
    /// What an operator should know of the translation.
    pub notes: Vec<String>,
}

/// A line that is not in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Its number, from 1.
    pub line: usize,
    /// What it says, without the blanks around it.
    pub text: String,
    /// Why it is not there, and what to do.
    pub reason: String,
}
