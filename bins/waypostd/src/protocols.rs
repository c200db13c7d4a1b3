//! The protocols built in.

use std::sync::Arc;

use waypost_engine::{Engine, codec_of};
use waypost_host::protocol::{Surroundings, spawn};
use waypost_manager::{Configuration, Protocols};
use waypost_rip::Rip;
use waypost_routprot::RoutingProtocol;
use waypost_static::Static;
use waypost_types::{ProtocolId, Seed};

/// The codecs of the protocols built in.
pub(crate) fn configuration() -> Configuration {
    Configuration::new([codec_of::<Rip>(), codec_of::<Static>()])
}

/// Makes instances of the protocols built in, each with a thread of its own.
pub(crate) struct BuiltIn {
    seed: Seed,
    made: u64,
    surroundings: Arc<dyn Surroundings>,
}

impl BuiltIn {
    pub(crate) const fn new(seed: Seed, surroundings: Arc<dyn Surroundings>) -> Self {
        Self {
            seed,
            made: 0,
            surroundings,
        }
    }

    fn start<E: Engine>(&mut self, persisted: Vec<(String, Vec<u8>)>) -> Option<Box<dyn RoutingProtocol>> {
        self.made += 1;
        let seed = self.seed.child(E::NAME).nth(self.made);
        match spawn::<E>(seed, persisted, self.surroundings.clone()) {
            Ok(protocol) => Some(Box::new(protocol)),
            Err(error) => {
                tracing::error!(protocol = E::NAME, %error, "no thread for the protocol");
                None
            }
        }
    }
}

impl Protocols for BuiltIn {
    fn create(
        &mut self,
        protocol: ProtocolId,
        persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        match protocol {
            Rip::PROTOCOL => self.start::<Rip>(persisted),
            Static::PROTOCOL => self.start::<Static>(persisted),
            _ => None,
        }
    }

    fn installed(&self) -> Vec<ProtocolId> {
        vec![Rip::PROTOCOL, Static::PROTOCOL]
    }
}
