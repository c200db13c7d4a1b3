//! DescribeConfiguration of a module (`include/waypost/describe.h`), which may do without it: its configuration by the names of
//! options.
//!
//! A module describes its blocks by tables, which are read once ([`foreign`]), checked ([`check`]) and from then on all that is
//! asked ([`tables`]); or it says what tables cannot and is asked each time ([`translated`]). What comes out of a process that is
//! not trusted is checked again by whoever gets it.

mod check;
mod foreign;
mod schema;
mod table;
mod tables;
mod translated;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, Scope, Status};
use waypost_types::ProtocolId;

pub(crate) use check::check;
pub(crate) use foreign::{ConfigurationInfo, TranslateBlock, exported, read};
pub(crate) use table::Table;

/// What a module says of its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description(pub(crate) Form);

/// How it says it, of the protocol and of an interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// By its blocks, version for version; text becomes a block of the first.
    Tables([Vec<Table>; 2]),
    /// By schemas of its text, which it translates itself.
    Schemas([Value; 2]),
}

/// Which way something is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Direction {
    /// Text, as JSON, to a block.
    ToBlock = 0,
    /// A block to text.
    ToText = 1,
    /// A block to one in the layout that RRAS published.
    ToPublished = 2,
}

impl Direction {
    pub(crate) fn of(number: u32) -> Option<Self> {
        [Self::ToBlock, Self::ToText, Self::ToPublished]
            .into_iter()
            .find(|direction| *direction as u32 == number)
    }
}

/// The number of a scope, as `describe.h` has it.
pub(crate) const fn scope_number(scope: Scope) -> u32 {
    match scope {
        Scope::Global => 0,
        Scope::Interface => 1,
    }
}

pub(crate) const fn scope_of(number: u32) -> Option<Scope> {
    match number {
        0 => Some(Scope::Global),
        1 => Some(Scope::Interface),
        _ => None,
    }
}

/// A loaded module that can be asked about its configuration; it need not be registered.
pub trait Describes: Send {
    /// What it says; `None` when it says nothing. A description that makes no sense is refused with the place in it.
    fn description(&mut self, protocol: ProtocolId) -> Result<Option<Description>, Refusal>;

    /// Octets in, octets out, and the version of the block among them.
    fn translate(
        &mut self,
        protocol: ProtocolId,
        scope: Scope,
        direction: Direction,
        given: (u32, &[u8]),
    ) -> Result<(u32, Vec<u8>), Refusal>;

    /// Whether it can be asked any more.
    fn is_there(&self) -> bool;
}

/// How a protocol is called.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Its number.
    pub protocol: ProtocolId,
    /// Its name in paths.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
}

/// Loads an instance of a module to ask it.
pub type Load = dyn Fn() -> Result<Box<dyn Describes>, Refusal> + Send + Sync;

/// The text form of a module's configuration; `None` when it describes none.
///
/// # Errors
/// When the module cannot be loaded, or what it describes makes no sense; the path is the place in the description.
pub fn codec_of(named: Named, load: Box<Load>) -> Result<Option<Arc<dyn ConfigurationCodec>>, Refusal> {
    let mut instance = load()?;
    let Some(description) = instance.description(named.protocol)? else {
        return Ok(None);
    };
    check(&description)?;
    Ok(Some(match description.0 {
        Form::Tables(tables) => Arc::new(tables::TableCodec::new(named, tables)),
        Form::Schemas(schemas) => Arc::new(translated::TranslatedCodec::new(named, schemas, load, instance)),
    }))
}

/// The answer of a translation behind a code.
pub(crate) fn answer(code: u32, version: u32, words: &[u8]) -> Result<(u32, Vec<u8>), Refusal> {
    match Status(code) {
        Status::NO_ERROR => Ok((version, words.to_vec())),
        status => Err(match serde_json::from_slice::<Refusal>(words) {
            // The code is what counts.
            Ok(refusal) => Refusal { status, ..refusal },
            Err(_) => Refusal::new(status, format!("Translate of the module answered {status}")),
        }),
    }
}

/// The octets of a block that may be translated: one structure, as every block of a protocol is.
fn octets(block: &InfoBlock) -> Result<(u32, &[u8]), Refusal> {
    // Who does not say a version means the first.
    Ok((block.version.max(1), block.payload()?))
}
