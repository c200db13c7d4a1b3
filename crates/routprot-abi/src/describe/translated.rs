//! The codec of a module that translates itself: each question is a call into an instance that is nobody's protocol.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, Scope};
use waypost_types::ProtocolId;

use super::{Describes, Direction, Load, Named, octets};

/// How long a module that failed is left alone: whoever asks waits for its deadline, and may have thousands of blocks.
const REST: Duration = Duration::from_secs(10);

pub(super) struct TranslatedCodec {
    named: Named,
    schemas: [Value; 2],
    load: Box<Load>,
    translator: Mutex<Translator>,
}

struct Translator {
    instance: Option<Box<dyn Describes>>,
    failed: Option<Instant>,
}

impl TranslatedCodec {
    pub(super) fn new(
        named: Named,
        schemas: [Value; 2],
        load: Box<Load>,
        instance: Box<dyn Describes>,
    ) -> Self {
        Self {
            named,
            schemas,
            load,
            translator: Mutex::new(Translator {
                instance: Some(instance),
                failed: None,
            }),
        }
    }

    fn translate(
        &self,
        scope: Scope,
        direction: Direction,
        given: (u32, &[u8]),
    ) -> Result<(u32, Vec<u8>), Refusal> {
        let mut translator = self.translator.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if translator
            .failed
            .is_some_and(|failed| now.duration_since(failed) < REST)
        {
            return Err(Refusal::failed(
                "the module failed when it was asked for its configuration; it will be asked again",
            ));
        }
        let Translator { instance, failed } = &mut *translator;
        *failed = None;
        let ask = |instance: &mut Box<dyn Describes>| {
            let answer = instance.translate(self.named.protocol, scope, direction, given);
            instance.is_there().then_some(answer)
        };
        // One that ended since it was asked last is no failure yet.
        if let Some(answer) = instance.as_mut().and_then(ask) {
            return answer;
        }
        let loaded = instance.insert((self.load)().inspect_err(|_| *failed = Some(now))?);
        let answer = loaded.translate(self.named.protocol, scope, direction, given);
        if !loaded.is_there() {
            *instance = None;
            *failed = Some(now);
        }
        answer
    }

    fn block(&self, scope: Scope, direction: Direction, given: (u32, &[u8])) -> Result<InfoBlock, Refusal> {
        let (version, octets) = self.translate(scope, direction, given)?;
        if octets.is_empty() {
            return Err(Refusal::failed("the module made a block without octets"));
        }
        Ok(InfoBlock::new(version, octets))
    }
}

impl ConfigurationCodec for TranslatedCodec {
    fn protocol(&self) -> ProtocolId {
        self.named.protocol
    }

    fn name(&self) -> &'static str {
        self.named.name
    }

    fn title(&self) -> &'static str {
        self.named.title
    }

    fn schema(&self, scope: Scope) -> Value {
        let [global, interface] = &self.schemas;
        match scope {
            Scope::Global => global.clone(),
            Scope::Interface => interface.clone(),
        }
    }

    fn to_block(&self, scope: Scope, text: &Value) -> Result<InfoBlock, Refusal> {
        let text = serde_json::to_vec(text).map_err(|error| Refusal::failed(error.to_string()))?;
        self.block(scope, Direction::ToBlock, (0, &text))
    }

    fn to_text(&self, scope: Scope, block: &InfoBlock) -> Result<Value, Refusal> {
        let (_, text) = self.translate(scope, Direction::ToText, octets(block)?)?;
        let text: Value = serde_json::from_slice(&text)
            .map_err(|error| Refusal::failed(format!("the text of the module means nothing: {error}")))?;
        if text.is_object() {
            Ok(text)
        } else {
            Err(Refusal::failed("the text of the module is no table"))
        }
    }

    fn published(&self, scope: Scope, block: &InfoBlock) -> Option<InfoBlock> {
        let given = octets(block).ok()?;
        self.block(scope, Direction::ToPublished, given).ok()
    }
}
