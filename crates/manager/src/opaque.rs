//! The text form of protocols whose blocks are octets to everyone else.

use schemars::schema_for;
use serde_json::Value;
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, Scope};
use waypost_types::ProtocolId;

use crate::router::RawBlock;

/// Gives a protocol without a codec of its own a name in paths. Its blocks are set and got as [`RawBlock`]s.
#[derive(Debug)]
pub struct OpaqueCodec {
    protocol: ProtocolId,
    name: &'static str,
    title: &'static str,
}

impl OpaqueCodec {
    /// Of the protocol with this number, called `name` in paths and `title` by people.
    #[must_use]
    pub const fn new(protocol: ProtocolId, name: &'static str, title: &'static str) -> Self {
        Self {
            protocol,
            name,
            title,
        }
    }
}

impl ConfigurationCodec for OpaqueCodec {
    fn protocol(&self) -> ProtocolId {
        self.protocol
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn schema(&self, _scope: Scope) -> Value {
        schema_for!(RawBlock).to_value()
    }

    /// Text with octets is read before a codec is asked; without, there is nothing to read.
    fn to_block(&self, _scope: Scope, _text: &Value) -> Result<InfoBlock, Refusal> {
        Err(Refusal::invalid("the octets of the block are missing")
            .at("hex")
            .with_allowed("an even number of hexadecimal digits, at least two"))
    }

    fn to_text(&self, _scope: Scope, block: &InfoBlock) -> Result<Value, Refusal> {
        serde_json::to_value(RawBlock::of(block)).map_err(|error| Refusal::failed(error.to_string()))
    }

    /// A layout of its own is all that such a protocol has.
    fn published(&self, _scope: Scope, block: &InfoBlock) -> Option<InfoBlock> {
        Some(block.clone())
    }
}
