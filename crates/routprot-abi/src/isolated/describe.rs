//! What an isolated module says of its configuration.

use std::sync::Arc;

use waypost_routprot::{ConfigurationCodec, Refusal, Scope};
use waypost_types::ProtocolId;

use super::frame::{Body, Function};
use super::host::IsolatedProtocol;
use crate::ModuleProtocol;
use crate::describe::{Describes, Description, Direction, check, scope_number, scope_of};

/// The module's side: does one of the two calls.
pub(super) fn answer(module: &mut ModuleProtocol, function: Function, body: &Body) -> Result<Body, Refusal> {
    let protocol = ProtocolId(body.word(0));
    if function == Function::DescribeConfiguration {
        let Some(description) = module.description(protocol)? else {
            return Ok(Body::default());
        };
        let octets = serde_json::to_vec(&description).map_err(|error| Refusal::failed(error.to_string()))?;
        return Ok(Body::octets(&octets));
    }
    let (Some(scope), Some(direction)) = (scope_of(body.word(1)), Direction::of(body.word(2))) else {
        return Err(Refusal::failed("no such translation"));
    };
    let (version, octets) = module.translate(protocol, scope, direction, (body.word(3), &body.octets))?;
    Ok(Body {
        words: vec![version],
        capacity: None,
        octets,
    })
}

impl IsolatedProtocol {
    /// With the text form of its configuration, which [`codec_of`](crate::codec_of) found out.
    #[must_use]
    pub fn described_by(mut self, codec: Option<Arc<dyn ConfigurationCodec>>) -> Self {
        self.codec = codec;
        self
    }
}

impl Describes for IsolatedProtocol {
    fn description(&mut self, protocol: ProtocolId) -> Result<Option<Description>, Refusal> {
        let answer = self.done(Function::DescribeConfiguration, Body::words(&[protocol.0]))?;
        if answer.octets.is_empty() {
            return Ok(None);
        }
        let description = serde_json::from_slice(&answer.octets).map_err(|error| {
            Refusal::failed(format!("the description of the module means nothing: {error}"))
        })?;
        // Whoever checked it there is not to be trusted.
        check(&description)?;
        Ok(Some(description))
    }

    fn translate(
        &mut self,
        protocol: ProtocolId,
        scope: Scope,
        direction: Direction,
        (version, octets): (u32, &[u8]),
    ) -> Result<(u32, Vec<u8>), Refusal> {
        let body = Body {
            words: vec![protocol.0, scope_number(scope), direction as u32, version],
            capacity: None,
            octets: octets.to_vec(),
        };
        let answer = self.done(Function::Translate, body)?;
        Ok((answer.word(0), answer.octets))
    }

    fn is_there(&self) -> bool {
        self.failure().is_none()
    }
}
