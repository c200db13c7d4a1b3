//! Configuration as text and as blocks.
//!
//! The text tree is `{ router: {..}, protocols: { NAME: {..} }, interfaces: { IFNAME: { enabled: .., NAME: {..} } } }`. Each
//! protocol's part is turned into its block by the protocol's own codec; a block without codec is shown and taken as
//! `{ version = N, hex = "..." }`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, Scope, parse_text, suggestion};
use waypost_types::ProtocolId;

use crate::Path;
use crate::client::{interface_path, protocol_path};
use crate::router::{INTERFACE_STATUS, RouterConfig, enabled_block, says_enabled};

/// A change of one block; `None` removes it.
pub(crate) type BlockChange = (BlockKey, Option<InfoBlock>);

/// What a caller wants changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Set an option, or a whole table, to a value.
    Set {
        /// Where.
        path: Path,
        /// To what.
        value: Value,
        /// The value as it was typed, for options that are text although the value looks like a number.
        typed: Option<String>,
    },
    /// Unset an option, or a whole table.
    Unset(Path),
    /// Make this text tree the whole configuration.
    Replace(Value),
    /// Merge this text tree into the configuration: the tables it names are replaced, others stay.
    Merge(Value),
    /// Set a block as it is: what an RRAS tool or a C module's own program does.
    Block(BlockKey, Option<InfoBlock>),
    /// Make these blocks the whole configuration.
    ReplaceBlocks(Tree),
}

/// The codecs of every installed protocol, and what they make of trees.
#[derive(Clone, Default)]
pub struct Configuration {
    codecs: BTreeMap<ProtocolId, Arc<dyn ConfigurationCodec>>,
}

impl Configuration {
    /// With these codecs.
    #[must_use]
    pub fn new(codecs: impl IntoIterator<Item = Arc<dyn ConfigurationCodec>>) -> Self {
        Self {
            codecs: codecs
                .into_iter()
                .map(|codec| (codec.protocol(), codec))
                .collect(),
        }
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

    /// JSON Schema of the whole configuration, or of one protocol's part.
    #[must_use]
    pub fn schema(&self, protocol: Option<ProtocolId>) -> Value {
        let of = |codec: &Arc<dyn ConfigurationCodec>| json!({ "protocol": codec.schema(Scope::Global), "interface": codec.schema(Scope::Interface) });
        if let Some(codec) = protocol.and_then(|id| self.codecs.get(&id)) {
            return of(codec);
        }
        let table = |scope| -> Map<String, Value> {
            self.codecs
                .values()
                .map(|codec| (codec.name().to_owned(), codec.schema(scope)))
                .collect()
        };
        let mut interface = table(Scope::Interface);
        interface.insert(
            "enabled".to_owned(),
            json!({ "type": "boolean", "description": "Whether protocols may use the interface. Default true." }),
        );
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Waypost configuration",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "router": schemars::schema_for!(RouterConfig),
                "protocols": { "type": "object", "properties": table(Scope::Global) },
                "interfaces": {
                    "type": "object",
                    "additionalProperties": { "type": "object", "properties": interface },
                },
            },
        })
    }

    /// A whole text tree as blocks; every mistake in it is reported.
    pub fn blocks_of(&self, text: &Value) -> Result<Tree, Vec<Refusal>> {
        let mut tree = Tree::new();
        let mut refusals = Vec::new();
        let mut take = |result: Result<Vec<BlockChange>, Refusal>| match result {
            Ok(blocks) => tree.extend(blocks.into_iter().filter_map(|(key, block)| Some((key, block?)))),
            Err(refusal) => refusals.push(refusal),
        };
        for (name, part) in table(text, &Path::default()).map_err(|refusal| vec![refusal])? {
            match name.as_str() {
                "router" => take(self.router_blocks(part)),
                "protocols" => each(part, "protocols", |name, part| {
                    take(self.protocol_block(name, part).map(|change| vec![change]));
                })
                .unwrap_or_else(|refusal| take(Err(refusal))),
                "interfaces" => each(part, "interfaces", |interface, part| {
                    let path = Path::new(["interfaces", interface]);
                    match table(part, &path) {
                        Ok(part) => part.iter().for_each(|(name, part)| {
                            take(
                                self.interface_block(interface, name, part)
                                    .map(|change| vec![change]),
                            );
                        }),
                        Err(refusal) => take(Err(refusal)),
                    }
                })
                .unwrap_or_else(|refusal| take(Err(refusal))),
                other => take(Err(
                    unknown(other, &["router", "protocols", "interfaces"]).at(other)
                )),
            }
        }
        if refusals.is_empty() {
            Ok(tree)
        } else {
            Err(refusals)
        }
    }

    fn router_blocks(&self, text: &Value) -> Result<Vec<BlockChange>, Refusal> {
        parse_text::<RouterConfig>(text)
            .and_then(|config| config.to_blocks())
            .map_err(|refusal| refusal.under("router"))
    }

    fn protocol_block(&self, name: &str, text: &Value) -> Result<BlockChange, Refusal> {
        let path = Path::new(["protocols", name]).to_string();
        let id = self.protocol_named(name).map_err(|refusal| refusal.at(&path))?;
        let block = self
            .encode(id, Scope::Global, text)
            .map_err(|refusal| refusal.under(&path))?;
        Ok((BlockKey::protocol(id), Some(block)))
    }

    fn interface_block(&self, interface: &str, name: &str, text: &Value) -> Result<BlockChange, Refusal> {
        let path = Path::new(["interfaces", interface, name]).to_string();
        if interface.is_empty() || interface.len() > 15 || interface.contains(['/', ' ']) {
            return Err(Refusal::invalid("no interface can have this name")
                .at(&path)
                .with_value(interface)
                .with_allowed("1..=15 octets without '/' and blanks"));
        }
        if name == "enabled" {
            let enabled = text.as_bool().ok_or_else(|| {
                Refusal::invalid("not a truth value")
                    .at(&path)
                    .with_value(text)
                    .with_allowed("true, false")
            })?;
            let key = BlockKey::interface(interface, INTERFACE_STATUS);
            return Ok((key, Some(enabled_block(enabled))));
        }
        let id = self.protocol_named(name).map_err(|refusal| refusal.at(&path))?;
        let block = self
            .encode(id, Scope::Interface, text)
            .map_err(|refusal| refusal.under(&path))?;
        Ok((BlockKey::interface(interface, id), Some(block)))
    }

    fn protocol_named(&self, name: &str) -> Result<ProtocolId, Refusal> {
        if let Some(codec) = self.codecs.values().find(|codec| codec.name() == name) {
            return Ok(codec.protocol());
        }
        if let Some(number) = name
            .strip_prefix("0x")
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        {
            return Ok(ProtocolId(number));
        }
        if name == "autostatic" {
            return Ok(ProtocolId::AUTOSTATIC);
        }
        let names: Vec<&str> = self.codecs.values().map(|codec| codec.name()).collect();
        Err(unknown(name, &names))
    }

    fn encode(&self, id: ProtocolId, scope: Scope, text: &Value) -> Result<InfoBlock, Refusal> {
        match self.codecs.get(&id) {
            Some(codec) if text.get("hex").is_none() => codec.to_block(scope, text),
            _ => raw_block(text),
        }
    }

    fn decode(&self, id: ProtocolId, scope: Scope, block: &InfoBlock) -> Value {
        let text = self
            .codecs
            .get(&id)
            .and_then(|codec| codec.to_text(scope, block).ok());
        text.unwrap_or_else(|| {
            let hex: String = block.bytes.iter().map(|octet| format!("{octet:02x}")).collect();
            json!({ "version": block.version, "hex": hex })
        })
    }

    /// Blocks as a text tree.
    pub fn text_of(&self, tree: &Tree) -> Result<Value, Refusal> {
        let mut text = Map::new();
        let router = serde_json::to_value(RouterConfig::from_tree(tree)?).unwrap_or_default();
        if router.as_object().is_some_and(|router| !router.is_empty()) {
            text.insert("router".to_owned(), router);
        }
        for (key, block) in tree {
            match &key.scope {
                BlockScope::Router => {}
                BlockScope::Protocol => {
                    let part = self.decode(key.kind, Scope::Global, block);
                    entry(&mut text, "protocols").insert(key.kind.to_string(), part);
                }
                BlockScope::Interface(name) => {
                    let table = entry(entry(&mut text, "interfaces"), name);
                    if key.kind == INTERFACE_STATUS {
                        table.insert("enabled".to_owned(), says_enabled(block).into());
                    } else {
                        table.insert(
                            key.kind.to_string(),
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
            BlockScope::Protocol => Some((protocol_path(key.kind), text(Scope::Global))),
            BlockScope::Interface(name) if key.kind == INTERFACE_STATUS => {
                let enabled = block.map(|block| Value::from(says_enabled(block)));
                Some((
                    Path::new(["interfaces", name, "enabled"]).to_string(),
                    enabled.unwrap_or_default(),
                ))
            }
            BlockScope::Interface(name) => Some((interface_path(name, key.kind), text(Scope::Interface))),
        }
    }

    /// The block changes that edits amount to, in `tree`. Blocks that stay the same are not among them.
    pub fn changes(
        &self,
        tree: &Tree,
        edits: &[Edit],
    ) -> Result<Vec<(BlockKey, Option<InfoBlock>)>, Vec<Refusal>> {
        let mut changed: BTreeMap<BlockKey, Option<InfoBlock>> = BTreeMap::new();
        for edit in edits {
            self.edit(tree, &mut changed, edit)?;
        }
        Ok(changed
            .into_iter()
            .filter(|(key, block)| tree.get(key) != block.as_ref())
            .collect())
    }

    fn edit(
        &self,
        tree: &Tree,
        changed: &mut BTreeMap<BlockKey, Option<InfoBlock>>,
        edit: &Edit,
    ) -> Result<(), Vec<Refusal>> {
        match edit {
            Edit::Block(key, block) => {
                changed.insert(key.clone(), block.clone());
            }
            Edit::ReplaceBlocks(target) => replace(tree, changed, target.clone()),
            Edit::Replace(text) => replace(tree, changed, self.blocks_of(text)?),
            Edit::Merge(text) => {
                changed.extend(
                    self.blocks_of(text)?
                        .into_iter()
                        .map(|(key, block)| (key, Some(block))),
                );
            }
            Edit::Set { path, value, typed } => {
                let first = self.set(tree, changed, path, Some(value));
                let again = typed.as_ref().filter(|_| !value.is_string() && first.is_err());
                let changes = match again {
                    // A password of digits looks like a number; the option knows better.
                    Some(typed) => self
                        .set(tree, changed, path, Some(&Value::String(typed.clone())))
                        .or(first),
                    None => first,
                };
                changed.extend(changes.map_err(|refusal| vec![refusal])?);
            }
            Edit::Unset(path) => {
                changed.extend(
                    self.set(tree, changed, path, None)
                        .map_err(|refusal| vec![refusal])?,
                );
            }
        }
        Ok(())
    }

    /// Sets (or, with `None`, unsets) what a path names.
    fn set(
        &self,
        tree: &Tree,
        changed: &BTreeMap<BlockKey, Option<InfoBlock>>,
        path: &Path,
        value: Option<&Value>,
    ) -> Result<Vec<BlockChange>, Refusal> {
        let current = |key: &BlockKey| match changed.get(key) {
            Some(block) => block.clone(),
            None => tree.get(key).cloned(),
        };
        let edited = |key: BlockKey, scope, option: &[&str]| -> Result<BlockChange, Refusal> {
            let mut text =
                current(&key).map_or_else(|| json!({}), |block| self.decode(key.kind, scope, &block));
            edit_leaf(&mut text, option, value, path)?;
            if let BlockScope::Interface(interface) = &key.scope {
                self.interface_block(interface, &key.kind.to_string(), &text)
            } else {
                self.protocol_block(&key.kind.to_string(), &text)
            }
        };
        let gone = |pick: &dyn Fn(&BlockKey) -> bool| -> Vec<BlockChange> {
            let keys = tree.keys().chain(changed.keys()).filter(|key| pick(key));
            keys.map(|key| (key.clone(), None)).collect()
        };
        match (path.parts().as_slice(), value) {
            (["router", option @ ..], _) => {
                let mut now = tree.clone();
                now.retain(|key, _| key.scope == BlockScope::Router);
                for (key, block) in changed {
                    match block {
                        Some(block) => drop(now.insert(key.clone(), block.clone())),
                        None => drop(now.remove(key)),
                    }
                }
                let mut text = serde_json::to_value(RouterConfig::from_tree(&now)?).unwrap_or_default();
                edit_leaf(&mut text, option, value, path)?;
                self.router_blocks(&text)
            }
            (["protocols", name], Some(value)) => self.protocol_block(name, value).map(|change| vec![change]),
            (["protocols", name], None) => {
                let id = self.protocol_named(name).map_err(|refusal| refusal.at(&path.to_string()))?;
                Ok(vec![(BlockKey::protocol(id), None)])
            }
            (["protocols", name, option @ ..], _) => {
                let id = self.protocol_named(name).map_err(|refusal| refusal.at(&path.to_string()))?;
                edited(BlockKey::protocol(id), Scope::Global, option).map(|change| vec![change])
            }
            (["interfaces", interface], None) => {
                Ok(gone(&|key| matches!(&key.scope, BlockScope::Interface(name) if name == interface)))
            }
            (["interfaces", interface, "enabled"], None) => {
                Ok(vec![(BlockKey::interface(*interface, INTERFACE_STATUS), None)])
            }
            (["interfaces", interface, name], Some(value)) => {
                self.interface_block(interface, name, value).map(|change| vec![change])
            }
            (["interfaces", interface, name], None) => {
                let id = self.protocol_named(name).map_err(|refusal| refusal.at(&path.to_string()))?;
                Ok(vec![(BlockKey::interface(*interface, id), None)])
            }
            (["interfaces", interface, name, option @ ..], _) => {
                let id = self.protocol_named(name).map_err(|refusal| refusal.at(&path.to_string()))?;
                edited(BlockKey::interface(*interface, id), Scope::Interface, option).map(|change| vec![change])
            }
            (parts, _) => Err(unknown(parts.first().copied().unwrap_or_default(), &["router", "protocols", "interfaces"])
                .at(&path.to_string())
                .with_allowed("router.OPTION, protocols.NAME[.OPTION], interfaces.IFNAME.NAME[.OPTION], interfaces.IFNAME.enabled")),
        }
    }
}

fn replace(tree: &Tree, changed: &mut BTreeMap<BlockKey, Option<InfoBlock>>, target: Tree) {
    for key in tree
        .keys()
        .cloned()
        .chain(changed.keys().cloned())
        .collect::<Vec<_>>()
    {
        changed.insert(key, None);
    }
    changed.extend(target.into_iter().map(|(key, block)| (key, Some(block))));
}

/// Sets or unsets one leaf of a text tree, making tables on the way down.
fn edit_leaf(text: &mut Value, option: &[&str], value: Option<&Value>, path: &Path) -> Result<(), Refusal> {
    let Some((last, tables)) = option.split_last() else {
        return match value {
            Some(value) => {
                value.clone_into(text);
                Ok(())
            }
            None => {
                *text = json!({});
                Ok(())
            }
        };
    };
    let mut here = text;
    for name in tables {
        let table = here.as_object_mut().ok_or_else(|| no_table(path, name))?;
        here = table.entry(*name).or_insert_with(|| json!({}));
    }
    let table = here.as_object_mut().ok_or_else(|| no_table(path, last))?;
    match value {
        Some(value) => drop(table.insert((*last).to_owned(), value.clone())),
        None => drop(table.remove(*last)),
    }
    Ok(())
}

fn no_table(path: &Path, name: &str) -> Refusal {
    Refusal::invalid(format!("there is no table to hold '{name}'")).at(&path.to_string())
}

fn table<'v>(text: &'v Value, path: &Path) -> Result<&'v Map<String, Value>, Refusal> {
    text.as_object().ok_or_else(|| {
        Refusal::invalid("a table is expected")
            .at(&path.to_string())
            .with_value(text)
    })
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

fn unknown(name: &str, known: &[&str]) -> Refusal {
    let refusal = Refusal::invalid(match suggestion(name, known.iter().copied()) {
        Some(meant) => format!("unknown name '{name}'; did you mean '{meant}'?"),
        None => format!("unknown name '{name}'"),
    });
    refusal.with_allowed(known.join(", "))
}

/// A block given as bytes: `{ version = 1, hex = "00ff" }`.
fn raw_block(text: &Value) -> Result<InfoBlock, Refusal> {
    let hex = text.get("hex").and_then(Value::as_str).ok_or_else(|| {
        Refusal::invalid("no codec for this protocol: give the block as { version = N, hex = \"...\" }")
            .at("hex")
    })?;
    let version = match text.get("version") {
        None => 1,
        Some(version) => version
            .as_u64()
            .and_then(|version| u32::try_from(version).ok())
            .ok_or_else(|| Refusal::out_of_range("version", version, "0..=4294967295"))?,
    };
    let digits: Vec<u8> = hex.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
    let octet = |pair: &[u8]| {
        std::str::from_utf8(pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let octets: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| octet(pair).filter(|_| pair.len() == 2))
        .collect();
    match octets {
        Some(octets) => Ok(InfoBlock::new(version, octets)),
        None => Err(Refusal::invalid("not an even number of hexadecimal digits").at("hex")),
    }
}

/// Blanks every key and password of a text tree, for readers who may not see them.
pub fn redact(text: &mut Value) {
    match text {
        Value::Object(table) => {
            for (name, value) in table {
                if matches!(name.as_str(), "secret" | "password" | "hex") && value.is_string() {
                    *value = "(hidden)".into();
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}
