//! DescribeConfiguration (`include/waypost/describe.h`), as an exported protocol answers it: by the schemas of its codec, which
//! translates.

use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, RoutingProtocol, Scope, Status};

use super::memory::{lent, octets, put, word};
use super::place::discard;
use super::{Ask, Module};
use crate::describe::{ConfigurationInfo, Direction, scope_of};

/// The text form of an exported protocol, once it was asked for.
#[derive(Debug)]
pub(super) struct Described(OnceLock<Option<Text>>);

struct Text {
    codec: Arc<dyn ConfigurationCodec>,
    info: ConfigurationInfo,
    /// What the structure points to.
    _schemas: [CString; 2],
}

// SAFETY: the pointers are to strings that are kept with them, and which nobody changes.
unsafe impl Send for Text {}
// SAFETY: as above.
unsafe impl Sync for Text {}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.codec.name())
    }
}

impl Described {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// An instance is made to be asked, and dropped. One that panics describes nothing.
    fn of<M: Module>(&self) -> Option<&Text> {
        let make = || {
            let asked = catch_unwind(|| {
                let instance: Box<dyn RoutingProtocol> = M::make();
                Text::new::<M>(instance.describe()?)
            });
            asked.unwrap_or_else(|panic| {
                discard(panic);
                None
            })
        };
        self.0.get_or_init(make).as_ref()
    }
}

impl Text {
    fn new<M: Module>(codec: Arc<dyn ConfigurationCodec>) -> Option<Self> {
        let schema = |scope| CString::new(codec.schema(scope).to_string()).ok();
        let schemas = [schema(Scope::Global)?, schema(Scope::Interface)?];
        let [global_schema, interface_schema] = schemas.each_ref().map(|schema| schema.as_ptr());
        Some(Self {
            info: info(translate::<M>, global_schema, interface_schema),
            codec,
            _schemas: schemas,
        })
    }
}

fn info(
    translate: crate::describe::TranslateBlock,
    global_schema: *const c_char,
    interface_schema: *const c_char,
) -> ConfigurationInfo {
    ConfigurationInfo {
        size: u32::try_from(size_of::<ConfigurationInfo>()).unwrap_or(u32::MAX),
        global_count: 0,
        interface_count: 0,
        global: ptr::null(),
        interface: ptr::null(),
        translate: Some(translate),
        global_schema,
        interface_schema,
    }
}

/// DescribeConfiguration.
#[derive(Debug)]
pub struct Description {
    protocol: u32,
    configuration: *mut *const c_void,
}

impl Description {
    /// What DescribeConfiguration is called with.
    ///
    /// # Safety
    /// The pointer is NULL or to a place for a pointer, for as long as this is.
    #[must_use]
    pub const unsafe fn new(protocol: u32, configuration: *mut *const c_void) -> Self {
        Self {
            protocol,
            configuration,
        }
    }
}

impl Ask<u32> for Description {
    fn ask<M: Module>(&mut self) -> Option<u32> {
        if self.protocol != M::protocol().0 {
            return None;
        }
        if self.configuration.is_null() {
            return Some(Status::ERROR_INVALID_PARAMETER.0);
        }
        let Some(text) = M::place().described.of::<M>() else {
            return Some(Status::ERROR_NOT_SUPPORTED.0);
        };
        // SAFETY: whoever made this says that there is a place.
        unsafe { self.configuration.write(ptr::from_ref(&text.info).cast()) };
        Some(Status::NO_ERROR.0)
    }
}

/// Translate of CONFIGURATION_INFO. No instance is asked and no lock taken: a codec is pure.
unsafe extern "C" fn translate<M: Module>(
    protocol: u32,
    scope: u32,
    direction: u32,
    given: *const c_void,
    given_size: u32,
    version: *mut u32,
    answer: *mut c_void,
    answer_size: *mut u32,
) -> u32 {
    let call = || {
        // SAFETY: the host says what they are.
        let capacity = unsafe { word("AnswerSize", answer_size) }?;
        // SAFETY: the host says what they are.
        let octets = unsafe { octets(given, given_size) }?;
        // SAFETY: the host says what they are.
        let given_version = unsafe { word("StructureVersion", version) }?;
        let known = scope_of(scope).zip(Direction::of(direction));
        let text = M::place()
            .described
            .of::<M>()
            .filter(|_| protocol == M::protocol().0);
        let translated = match (text, known) {
            (Some(text), Some((scope, direction))) => {
                translated(&*text.codec, scope, direction, (given_version, octets))
            }
            _ => Err(Refusal::invalid("no such translation")),
        };
        let (words, refusal) = match translated {
            Ok((made, words)) => {
                // SAFETY: the host says that this is a place for it.
                unsafe { put(version, made) };
                (words, None)
            }
            Err(refusal) => (serde_json::to_vec(&refusal).unwrap_or_default(), Some(refusal)),
        };
        // SAFETY: the host says what they are.
        let lent = unsafe { lent(answer, capacity) };
        // SAFETY: the host says what they are.
        unsafe { put(answer_size, u32::try_from(words.len()).unwrap_or(u32::MAX)) };
        let place = lent.and_then(|lent| lent.get_mut(..words.len()));
        let place =
            place.ok_or_else(|| Refusal::new(Status::ERROR_INSUFFICIENT_BUFFER, "the answer is longer"))?;
        place.copy_from_slice(&words);
        refusal.map_or(Ok(()), Err)
    };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => Status::NO_ERROR.0,
        Ok(Err(refusal)) if refusal.status == Status::NO_ERROR => Status::ERROR_CAN_NOT_COMPLETE.0,
        Ok(Err(refusal)) => refusal.status.0,
        Err(panic) => {
            discard(panic);
            Status::ERROR_CAN_NOT_COMPLETE.0
        }
    }
}

/// Version and octets of the answer.
fn translated(
    codec: &dyn ConfigurationCodec,
    scope: Scope,
    direction: Direction,
    (version, octets): (u32, &[u8]),
) -> Result<(u32, Vec<u8>), Refusal> {
    let block = || InfoBlock::new(version, octets.to_vec());
    let made = match direction {
        Direction::ToBlock => {
            let text: Value = serde_json::from_slice(octets)
                .map_err(|error| Refusal::invalid(format!("the text is no JSON: {error}")))?;
            codec.to_block(scope, &text)?
        }
        Direction::ToText => {
            let text = codec.to_text(scope, &block())?;
            let words = serde_json::to_vec(&text).map_err(|error| Refusal::failed(error.to_string()))?;
            return Ok((version, words));
        }
        Direction::ToPublished => codec.published(scope, &block()).ok_or_else(|| {
            Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "the published layout cannot say it all",
            )
        })?,
    };
    Ok((made.version, made.bytes))
}
