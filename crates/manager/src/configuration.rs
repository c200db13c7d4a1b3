//! Configuration as text and as blocks.
//!
//! The text tree is `{ router: {..}, policy: {..}, protocols: { NAME: {..} }, interfaces: { IFNAME: { enabled: .., NAME: {..} } } }`.
//! Each protocol's part is turned into its block by the protocol's own codec; a block without codec is shown and taken as
//! `{ version = N, hex = "..." }`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_policy::PolicyConfig;
use waypost_routprot::router_blocks::static_interface_block;
use waypost_routprot::{
    ConfigurationCodec, InfoBlock, Refusal, Scope, Status, all_mistakes, parse_text, shown_value, suggestion,
};
use waypost_types::ProtocolId;

use crate::Path;
use crate::autostatic::AutostaticConfig;
use crate::header::{ROUTES, published_routes};
use crate::path::path_text;
use crate::policy::{self, POLICY};
use crate::router::{INTERFACE_STATUS, RawBlock, RouterConfig, enabled_block, says_enabled};
use crate::schema::Definitions;

/// The tables that a configuration is made of.
pub(crate) const TABLES: [&str; 4] = ["router", "policy", "protocols", "interfaces"];

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// A change of one block; `None` removes it.
pub(crate) type BlockChange = (BlockKey, Option<InfoBlock>);

/// The codecs of every installed protocol, and what they make of trees.
#[derive(Clone, Default)]
pub struct Configuration {
    codecs: BTreeMap<ProtocolId, Arc<dyn ConfigurationCodec>>,
}

impl Configuration {
    /// With these codecs.
    #[must_use]
    pub fn new(codecs: impl IntoIterator<Item = Arc<dyn ConfigurationCodec>>) -> Self {
        Self::default().with(codecs)
    }

    /// With more codecs.
    #[must_use]
    pub fn with(mut self, codecs: impl IntoIterator<Item = Arc<dyn ConfigurationCodec>>) -> Self {
        self.codecs
            .extend(codecs.into_iter().map(|codec| (codec.protocol(), codec)));
        self
    }

    /// The protocols that configuration can name.
    pub fn protocols(&self) -> impl Iterator<Item = (ProtocolId, &'static str)> {
        self.codecs.iter().map(|(id, codec)| (*id, codec.name()))
    }

    /// The codec of a protocol.
    #[must_use]
    pub fn codec(&self, protocol: ProtocolId) -> Option<&Arc<dyn ConfigurationCodec>> {
        self.codecs.get(&protocol)
    }

    /// JSON Schema of the whole configuration, or of one protocol's part. A document in itself: what it refers to is in it.
    #[must_use]
    pub fn schema(&self, protocol: Option<ProtocolId>) -> Value {
        let mut definitions = Definitions::default();
        let mut part = |codec: &Arc<dyn ConfigurationCodec>, scope| {
            let table = match scope {
                Scope::Global => "protocol",
                Scope::Interface => "interface",
            };
            definitions.embed(&format!("{}.{table}", codec.name()), codec.schema(scope))
        };
        if let Some(codec) = protocol.and_then(|id| self.codecs.get(&id)) {
            let parts = json!({
                "protocol": part(codec, Scope::Global),
                "interface": part(codec, Scope::Interface),
            });
            return definitions.complete(parts);
        }
        let mut table = |scope| -> Map<String, Value> {
            self.codecs
                .values()
                .map(|codec| (codec.name().to_owned(), part(codec, scope)))
                .collect()
        };
        let protocols = table(Scope::Global);
        let mut interface = table(Scope::Interface);
        interface.insert(
            "enabled".to_owned(),
            json!({ "type": "boolean", "description": "Whether protocols may use the interface. Default true." }),
        );
        interface.insert(
            "autostatic".to_owned(),
            definitions.embed("autostatic", autostatic_schema()),
        );
        let router = definitions.embed("router", schemars::schema_for!(RouterConfig).to_value());
        let policy = definitions.embed("policy", schemars::schema_for!(PolicyConfig).to_value());
        definitions.complete(json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Waypost configuration",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "router": router,
                "policy": policy,
                "protocols": { "type": "object", "properties": protocols },
                "interfaces": {
                    "type": "object",
                    "additionalProperties": { "type": "object", "properties": interface },
                },
            },
        }))
    }

    /// A whole text tree as blocks; every mistake in it is reported.
    pub fn blocks_of(&self, text: &Value) -> Result<Tree, Vec<Refusal>> {
        let changes = self.read(text)?;
        Ok(changes
            .into_iter()
            .filter_map(|(key, block)| Some((key, block?)))
            .collect())
    }

    /// The blocks that the tables of a text tree stand for; `None` for those that a table is there for and leaves out.
    pub(crate) fn read(&self, text: &Value) -> Result<BTreeMap<BlockKey, Option<InfoBlock>>, Vec<Refusal>> {
        let mut blocks = BTreeMap::new();
        let mut refusals = Vec::new();
        let mut take = |result: Result<Vec<BlockChange>, Vec<Refusal>>| match result {
            Ok(changes) => {
                for (key, block) in changes {
                    let path = self.path_of(&key);
                    if blocks.insert(key, block).is_some() {
                        // As in a header, where the same type twice is refused (P-21).
                        refusals.push(Refusal::invalid("the same table is given twice").at(&path));
                    }
                }
            }
            Err(refused) => refusals.extend(refused),
        };
        for (name, part) in table(text, &Path::default()).map_err(|refusal| vec![refusal])? {
            match name.as_str() {
                "router" => take(Self::router_blocks(part)),
                "policy" => take(policy::blocks(part)),
                "protocols" => each(part, "protocols", |name, part| {
                    take(self.protocol_block(name, part).map(|change| vec![change]));
                })
                .unwrap_or_else(|refusal| take(Err(vec![refusal]))),
                "interfaces" => each(part, "interfaces", |interface, part| {
                    let path = Path::new(["interfaces", interface]);
                    match table(part, &path) {
                        Ok(part) => part.iter().for_each(|(name, part)| {
                            take(
                                self.interface_block(interface, name, part)
                                    .map(|change| vec![change]),
                            );
                        }),
                        Err(refusal) => take(Err(vec![refusal])),
                    }
                })
                .unwrap_or_else(|refusal| take(Err(vec![refusal]))),
                other => take(Err(vec![
                    unknown(other, &TABLES).at(&Path::new([other]).to_string()),
                ])),
            }
        }
        if refusals.is_empty() {
            Ok(blocks)
        } else {
            Err(refusals)
        }
    }

    pub(crate) fn router_blocks(text: &Value) -> Result<Vec<BlockChange>, Vec<Refusal>> {
        parse_text::<RouterConfig>(text)
            .and_then(|config| config.to_blocks())
            .map_err(|first| {
                let schema = schemars::schema_for!(RouterConfig).to_value();
                under("router", all_mistakes(&schema, text, first))
            })
    }

    pub(crate) fn protocol_block(&self, name: &str, text: &Value) -> Result<BlockChange, Vec<Refusal>> {
        let path = path_text(["protocols", name]);
        let id = self
            .protocol_named(name, &[])
            .map_err(|refusal| vec![refusal.at(&path)])?;
        let block = self
            .encode(id, Scope::Global, text)
            .map_err(|refusals| under(&path, refusals))?;
        Ok((BlockKey::protocol(id), Some(block)))
    }

    pub(crate) fn interface_block(
        &self,
        interface: &str,
        name: &str,
        text: &Value,
    ) -> Result<BlockChange, Vec<Refusal>> {
        let path = path_text(["interfaces", interface, name]);
        check_interface_name(interface).map_err(|refusal| vec![refusal.at(&path)])?;
        if name == "enabled" {
            let enabled = text.as_bool().ok_or_else(|| {
                vec![
                    Refusal::invalid("a truth value is expected")
                        .at(&path)
                        .with_value(shown_value(text))
                        .with_allowed("true, false"),
                ]
            })?;
            let key = BlockKey::interface(interface, INTERFACE_STATUS);
            return Ok((key, Some(enabled_block(enabled))));
        }
        let id = self
            .protocol_named(name, &["enabled", "autostatic"])
            .map_err(|refusal| vec![refusal.at(&path)])?;
        let block = self
            .encode(id, Scope::Interface, text)
            .map_err(|refusals| under(&path, refusals))?;
        if id == ROUTES {
            let routes = published_routes(&block).and_then(|block| static_interface_block(&block));
            let routes = routes.map_err(|refusal| vec![refusal.under(&path)])?;
            return Ok((BlockKey::interface(interface, ProtocolId::STATIC), Some(routes)));
        }
        Ok((BlockKey::interface(interface, id), Some(block)))
    }

    /// The protocol that a name, or `0x` and a number, stands for. `also`: what else may stand in its place.
    pub(crate) fn protocol_named(&self, name: &str, also: &[&str]) -> Result<ProtocolId, Refusal> {
        if let Some(codec) = self.codecs.values().find(|codec| codec.name() == name) {
            return Ok(codec.protocol());
        }
        if let Some(number) = name
            .strip_prefix("0x")
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        {
            return Ok(ProtocolId(number));
        }
        // A protocol that was configured and is not installed any more keeps its name in the text of its blocks.
        if let Some(id) = ProtocolId::from_name(name) {
            return Ok(id);
        }
        let codecs = self.codecs.values().map(|codec| codec.name());
        let names: Vec<&str> = codecs.chain(also.iter().copied()).collect();
        Err(unknown(name, &names))
    }

    /// The name of a protocol in paths: its codec's, or else the number's.
    #[must_use]
    pub fn name_of(&self, id: ProtocolId) -> String {
        self.name(id).into_owned()
    }

    fn name(&self, id: ProtocolId) -> Cow<'_, str> {
        match self.codecs.get(&id) {
            Some(codec) => codec.name().into(),
            None => id.to_string().into(),
        }
    }

    /// The path of a protocol's part.
    pub(crate) fn protocol_path(&self, id: ProtocolId) -> String {
        path_text(["protocols", &self.name(id)])
    }

    /// The path of a protocol's part on an interface.
    pub(crate) fn interface_path(&self, name: &str, id: ProtocolId) -> String {
        if id == INTERFACE_STATUS {
            path_text(["interfaces", name, "enabled"])
        } else {
            path_text(["interfaces", name, &self.name(id)])
        }
    }

    /// The path of a block.
    pub(crate) fn path_of(&self, key: &BlockKey) -> String {
        match &key.scope {
            BlockScope::Router => path_text(["router", "blocks", &key.kind.to_string()]),
            BlockScope::Protocol => self.protocol_path(key.kind),
            BlockScope::Interface(name) => self.interface_path(name, key.kind),
        }
    }

    fn encode(&self, id: ProtocolId, scope: Scope, text: &Value) -> Result<InfoBlock, Vec<Refusal>> {
        match self.codecs.get(&id) {
            None if is_autostatic(id, scope) && text.get("hex").is_none() => {
                parse_text::<AutostaticConfig>(text)
                    .and_then(|config| config.block())
                    .map_err(|first| all_mistakes(&autostatic_schema(), text, first))
            }
            Some(codec) if text.get("hex").is_none() => codec
                .to_block(scope, text)
                .map_err(|first| codec.mistakes(scope, text, first)),
            None if text.get("hex").is_none() => {
                let names: Vec<&str> = self.codecs.values().map(|codec| codec.name()).collect();
                Err(vec![
                    Refusal::new(
                        Status::ERROR_UNKNOWN_PROTOCOL_ID,
                        format!("{} is not installed", self.name_of(id)),
                    )
                    .with_allowed(format!(
                        "{}; a block as it is: {{ hex = \"...\" }}",
                        names.join(", ")
                    )),
                ])
            }
            _ => parse_text::<RawBlock>(text)
                .and_then(|raw| raw.block())
                .map_err(|refusal| vec![refusal]),
        }
    }

    pub(crate) fn decode(&self, id: ProtocolId, scope: Scope, block: &InfoBlock) -> Value {
        let autostatic = is_autostatic(id, scope).then(|| AutostaticConfig::of(block));
        if let Some(config) = autostatic.flatten() {
            return serde_json::to_value(config).unwrap_or_default();
        }
        let text = self
            .codecs
            .get(&id)
            .and_then(|codec| codec.to_text(scope, block).ok());
        text.unwrap_or_else(|| serde_json::to_value(RawBlock::of(block)).unwrap_or_default())
    }

    /// Blocks as a text tree.
    pub fn text_of(&self, tree: &Tree) -> Result<Value, Refusal> {
        let mut text = Map::new();
        let router = serde_json::to_value(RouterConfig::from_tree(tree)).unwrap_or_default();
        if router.as_object().is_some_and(|router| !router.is_empty()) {
            text.insert("router".to_owned(), router);
        }
        for (key, block) in tree {
            match &key.scope {
                BlockScope::Router if key.kind == POLICY => {
                    // What cannot be read stands among the router's blocks.
                    if let Ok(config) = policy::of_block(block) {
                        text.insert(
                            "policy".to_owned(),
                            serde_json::to_value(config).unwrap_or_default(),
                        );
                    }
                }
                BlockScope::Router => {}
                BlockScope::Protocol => {
                    let part = self.decode(key.kind, Scope::Global, block);
                    entry(&mut text, "protocols").insert(self.name_of(key.kind), part);
                }
                BlockScope::Interface(name) => {
                    let table = entry(entry(&mut text, "interfaces"), name);
                    if key.kind == INTERFACE_STATUS {
                        table.insert("enabled".to_owned(), says_enabled(block).into());
                    } else {
                        table.insert(
                            self.name_of(key.kind),
                            self.decode(key.kind, Scope::Interface, block),
                        );
                    }
                }
            }
        }
        Ok(Value::Object(text))
    }

    /// The text of one block and the path it stands at; `None` for the router's own blocks, which share a table.
    pub(crate) fn block_text(&self, key: &BlockKey, block: Option<&InfoBlock>) -> Option<(String, Value)> {
        let text = |scope| block.map_or(Value::Null, |block| self.decode(key.kind, scope, block));
        match &key.scope {
            BlockScope::Router => None,
            BlockScope::Protocol => Some((self.protocol_path(key.kind), text(Scope::Global))),
            BlockScope::Interface(name) if key.kind == INTERFACE_STATUS => {
                let enabled = block.map(|block| Value::from(says_enabled(block)));
                Some((
                    path_text(["interfaces", name, "enabled"]),
                    enabled.unwrap_or_default(),
                ))
            }
            BlockScope::Interface(name) => {
                Some((self.interface_path(name, key.kind), text(Scope::Interface)))
            }
        }
    }
}

fn table<'v>(text: &'v Value, path: &Path) -> Result<&'v Map<String, Value>, Refusal> {
    text.as_object().ok_or_else(|| {
        Refusal::invalid("a table is expected")
            .at(&path.to_string())
            .with_value(shown_value(text))
    })
}

/// Whether a block is the autostatic routes of an interface, which no protocol has a codec for.
fn is_autostatic(id: ProtocolId, scope: Scope) -> bool {
    id == ProtocolId::AUTOSTATIC && scope == Scope::Interface
}

fn autostatic_schema() -> Value {
    schemars::schema_for!(AutostaticConfig).to_value()
}

/// Refusals whose paths continue `path`.
fn under(path: &str, refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.into_iter().map(|refusal| refusal.under(path)).collect()
}

fn each(text: &Value, path: &str, mut part: impl FnMut(&str, &Value)) -> Result<(), Refusal> {
    for (name, value) in table(text, &Path::new([path]))? {
        part(name, value);
    }
    Ok(())
}

fn entry<'m>(map: &'m mut Map<String, Value>, name: &str) -> &'m mut Map<String, Value> {
    let value = map.entry(name).or_insert_with(|| json!({}));
    // INVARIANT: every value under these names was made a table one line above or by an earlier call.
    value.as_object_mut().expect("a table")
}

pub(crate) fn unknown(name: &str, known: &[&str]) -> Refusal {
    let refusal = Refusal::invalid(match suggestion(name, known.iter().copied()) {
        Some(meant) => format!("unknown name '{name}'; did you mean '{meant}'?"),
        None => format!("unknown name '{name}'"),
    });
    refusal.with_allowed(known.join(", "))
}

/// Whether the kernel lets an interface have this name, and paths can hold it.
pub(crate) fn check_interface_name(name: &str) -> Result<(), Refusal> {
    let barred = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '"');
    if (1..=15).contains(&name.len()) && !matches!(name, "." | "..") && !name.contains(barred) {
        return Ok(());
    }
    Err(Refusal::invalid("no interface can have this name")
        .with_value(name)
        .with_allowed("1..=15 octets without '/', ':', quotes and blanks"))
}

/// Whether an option of this name holds a key or password, or octets that may contain some.
pub(crate) fn is_secret(name: &str) -> bool {
    matches!(name, "secret" | "password" | "hex")
}

/// Blanks every key and password of a text tree, for readers who may not see them.
pub fn redact(text: &mut Value) {
    match text {
        Value::Object(table) => {
            for (name, value) in table {
                if is_secret(name) && !value.is_null() {
                    *value = HIDDEN.into();
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}
