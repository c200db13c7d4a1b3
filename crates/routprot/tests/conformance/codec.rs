//! The sample's text codec.

use serde_json::{Value, json};
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, Scope};
use waypost_types::ProtocolId;

use crate::fault::Fault;
use crate::sample::{SAMPLE, Sample};
use crate::subject::words;

/// The sample's configuration as text: lists of numbers.
pub(crate) struct SampleCodec(pub(crate) Option<Fault>);

impl ConfigurationCodec for SampleCodec {
    fn protocol(&self) -> ProtocolId {
        if self.0 == Some(Fault::CodecOfAnother) {
            ProtocolId::RIP
        } else {
            SAMPLE
        }
    }

    fn name(&self) -> &'static str {
        "sample"
    }

    fn title(&self) -> &'static str {
        "Sample"
    }

    fn schema(&self, _scope: Scope) -> Value {
        json!({ "type": "array", "items": { "type": "integer" } })
    }

    fn to_block(&self, _scope: Scope, text: &Value) -> Result<InfoBlock, Refusal> {
        let words: Vec<u32> =
            serde_json::from_value(text.clone()).map_err(|error| Refusal::invalid(error.to_string()))?;
        Ok(InfoBlock::new(
            1,
            words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        ))
    }

    fn to_text(&self, scope: Scope, block: &InfoBlock) -> Result<Value, Refusal> {
        let decoder = Sample::new(None, false);
        let checked = match scope {
            Scope::Global => decoder.decode_global(block).map(drop),
            Scope::Interface => decoder.decode(block).map(drop),
        };
        if self.0 != Some(Fault::CodecTakesInvalid) {
            checked?;
        }
        let mut words = words(&block.bytes)?;
        if scope == Scope::Interface && self.0 == Some(Fault::CodecDropsTail) {
            words.truncate(2);
            words.push(0);
        }
        Ok(json!(words))
    }

    fn published(&self, scope: Scope, block: &InfoBlock) -> Option<InfoBlock> {
        self.to_text(scope, block).ok().map(|_| block.clone())
    }
}
