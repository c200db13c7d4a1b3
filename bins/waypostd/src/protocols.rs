//! The protocols built in, and those of modules.

use std::sync::Arc;

use waypost_engine::{Engine, codec_of};
use waypost_host::protocol::{Surroundings as _, spawn};
use waypost_host::table::TableHandle;
use waypost_loadgen::LoadGenerator;
use waypost_manager::{Configuration, InstanceId, Protocols};
use waypost_ospf::OspfEngine;
use waypost_rip::Rip;
use waypost_routprot::RoutingProtocol;
use waypost_static::Static;
use waypost_types::{ProtocolId, Seed};

use crate::modules::Modules;
use crate::surroundings::Around;

/// The codecs of the protocols built in.
pub(crate) fn configuration() -> Configuration {
    Configuration::new([
        codec_of::<Rip>(),
        codec_of::<OspfEngine>(),
        codec_of::<Static>(),
        codec_of::<LoadGenerator>(),
    ])
}

/// Makes instances of protocols: of those built in, each with a thread of its own, and of modules.
pub(crate) struct Installed {
    seed: Seed,
    made: u64,
    around: Around,
    table: TableHandle,
    modules: Modules,
}

impl Installed {
    pub(crate) const fn new(seed: Seed, around: Around, table: TableHandle, modules: Modules) -> Self {
        Self {
            seed,
            made: 0,
            around,
            table,
            modules,
        }
    }

    fn start<E: Engine>(
        &mut self,
        instance: InstanceId,
        persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        self.made += 1;
        let seed = self.seed.child(E::NAME).nth(self.made);
        match spawn::<E>(seed, persisted, Arc::new(self.around.of(instance))) {
            Ok(protocol) => Some(Box::new(protocol)),
            Err(error) => {
                tracing::error!(protocol = E::NAME, %error, "no thread for the protocol");
                None
            }
        }
    }
}

impl Protocols for Installed {
    fn create(
        &mut self,
        protocol: ProtocolId,
        instance: InstanceId,
        persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        if self.modules.has(protocol) {
            let around = self.around.of(instance);
            let died = move |reason| around.died(protocol, reason);
            return self.modules.create(protocol, &self.table, died);
        }
        match protocol {
            Rip::PROTOCOL => self.start::<Rip>(instance, persisted),
            OspfEngine::PROTOCOL => self.start::<OspfEngine>(instance, persisted),
            Static::PROTOCOL => self.start::<Static>(instance, persisted),
            LoadGenerator::PROTOCOL => self.start::<LoadGenerator>(instance, persisted),
            _ => None,
        }
    }

    fn installed(&self) -> Vec<ProtocolId> {
        let built_in = [
            Rip::PROTOCOL,
            OspfEngine::PROTOCOL,
            Static::PROTOCOL,
            LoadGenerator::PROTOCOL,
        ];
        let built_in = built_in.into_iter().filter(|id| !self.modules.has(*id));
        built_in.chain(self.modules.protocols()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Everything in a schema: each value with the key it has.
    fn each<'v>(key: &'v str, value: &'v Value, seen: &mut impl FnMut(&'v str, &'v Value)) {
        seen(key, value);
        match value {
            Value::Object(table) => table.iter().for_each(|(key, value)| each(key, value, seen)),
            Value::Array(list) => list.iter().for_each(|value| each("", value, seen)),
            _ => {}
        }
    }

    fn documents() -> impl Iterator<Item = Value> {
        let configuration = configuration();
        let ids: Vec<_> = configuration.protocols().map(|(id, _)| Some(id)).collect();
        std::iter::once(None)
            .chain(ids)
            .map(move |id| configuration.schema(id))
    }

    #[test]
    fn every_reference_of_a_schema_resolves_in_it() {
        for document in documents() {
            let mut references = 0;
            each("", &document, &mut |key, value| {
                if let ("$ref", Some(target)) = (key, value.as_str()) {
                    references += 1;
                    // A reference to the root would be one to the whole configuration.
                    let pointer = target.strip_prefix("#/").map(|path| format!("/{path}"));
                    let found = pointer.and_then(|pointer| document.pointer(&pointer));
                    assert!(found.is_some(), "{target} leads nowhere in {document:#}");
                }
                assert!(key != "$schema" || std::ptr::eq(value, &document["$schema"]));
            });
            assert!(references > 0 || document.get("$defs").is_none());
        }
        let whole = configuration().schema(None).to_string();
        assert!(whole.contains("#/$defs/rip.interface."), "{whole}");
    }

    /// Descriptions are read by operators: they know neither our types nor our markup.
    #[test]
    fn no_text_of_a_schema_leaks_the_source() {
        for document in documents() {
            each("", &document, &mut |key, value| {
                if let ("description" | "title", Some(text)) = (key, value.as_str()) {
                    for leak in ["[`", "`]", "](", "crate::", "super::", "Self::"] {
                        assert!(!text.contains(leak), "{text}");
                    }
                }
            });
        }
    }
}
