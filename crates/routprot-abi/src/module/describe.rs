//! What a module says of its configuration.

use std::ptr;
use std::sync::Arc;

use waypost_routprot::{ConfigurationCodec, Refusal, Scope, Status};
use waypost_types::ProtocolId;

use super::{LARGEST, ModuleProtocol};
use crate::describe::{self, Describes, Description, Direction, scope_number};
use crate::lent::Lent;

impl ModuleProtocol {
    /// With the text form of its configuration, which [`codec_of`](crate::codec_of) found out.
    #[must_use]
    pub fn described_by(mut self, codec: Option<Arc<dyn ConfigurationCodec>>) -> Self {
        self.codec = codec;
        self
    }
}

impl Describes for ModuleProtocol {
    fn description(&mut self, protocol: ProtocolId) -> Result<Option<Description>, Refusal> {
        let Some(function) = self.object.as_ref().and_then(describe::exported) else {
            return Ok(None);
        };
        // SAFETY: the object is loaded.
        let read = self.inside(|_| unsafe { describe::read(function, protocol) })?;
        let Some((description, translate)) = read else {
            return Ok(None);
        };
        describe::check(&description)?;
        self.translate = translate;
        Ok(Some(description))
    }

    fn translate(
        &mut self,
        protocol: ProtocolId,
        scope: Scope,
        direction: Direction,
        (mut version, octets): (u32, &[u8]),
    ) -> Result<(u32, Vec<u8>), Refusal> {
        /// Octets lent at first: enough for most answers.
        const FIRST: usize = 4096;
        if self.translate.is_none() {
            self.description(protocol)?;
        }
        let translate = self
            .translate
            .ok_or_else(|| Refusal::new(Status::ERROR_NOT_SUPPORTED, "the module does not translate"))?;
        let size = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        if size > LARGEST {
            return Err(Refusal::out_of_range("size", size, format!("0..={LARGEST}")));
        }
        let mut lent = vec![0; FIRST];
        for _ in 0..2 {
            let mut given = Lent::new();
            given.fill(octets);
            let pointer = if octets.is_empty() {
                ptr::null()
            } else {
                given.pointer().cast_const()
            };
            let scope = scope_number(scope);
            let place = &raw mut version;
            let (code, length) = self.take(Some(&mut lent), |_, answer, needed| {
                // SAFETY: the module reads `size` octets and writes a version, and up to `needed` octets.
                unsafe {
                    translate(
                        protocol.0,
                        scope,
                        direction as u32,
                        pointer,
                        size,
                        place,
                        answer,
                        needed,
                    )
                }
            })?;
            if !given.is_intact() {
                return Err(Refusal::failed(
                    "the module wrote outside of the octets it was given to read",
                ));
            }
            if code != Status::ERROR_INSUFFICIENT_BUFFER.0 {
                return describe::answer(code, version, lent.get(..length).unwrap_or_default());
            }
            lent = vec![0; length];
        }
        Err(Refusal::failed(
            "what the module has to say grows with every call",
        ))
    }

    fn is_there(&self) -> bool {
        true
    }
}
