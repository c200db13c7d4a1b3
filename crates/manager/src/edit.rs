//! Edits: what a caller wants changed, as changes of blocks.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::router_blocks::InfoHeader;
use waypost_routprot::{InfoBlock, Refusal, Scope};
use waypost_types::ProtocolId;

use crate::Path;
use crate::configuration::{BlockChange, Configuration, TABLES, check_interface_name, unknown};
use crate::header::{ROUTES, published_routes};
use crate::path::MAX_PARTS;
use crate::policy;
use crate::router::RouterConfig;

/// What a caller wants changed. What is text can be kept for later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Set an option, or a whole table, to a value.
    Set {
        /// Where.
        path: Path,
        /// To what.
        value: Value,
        /// The value as it was typed, for options that are text although the value looks like a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typed: Option<String>,
    },
    /// Unset an option, or a whole table.
    Unset(Path),
    /// Make this text tree the whole configuration. Autostatic routes stay where it names none.
    Replace(Value),
    /// Merge this text tree into the configuration: the tables it names are replaced, others stay.
    Merge(Value),
    #[serde(skip)]
    /// Set a block as it is: what an RRAS tool or a C module's own program does.
    Block(BlockKey, Option<InfoBlock>),
    #[serde(skip)]
    /// Take over a container of blocks, of the router as a whole or of an interface by name: its entries are set, those
    /// without octets removed, and what it has no entry for stays (6.4).
    Header {
        /// The interface; none for the router as a whole.
        interface: Option<String>,
        /// The container.
        header: InfoHeader,
    },
    #[serde(skip)]
    /// Make these blocks the whole configuration.
    ReplaceBlocks(Tree),
}

/// A range of keys.
type Keys = (Bound<BlockKey>, Bound<BlockKey>);

type Changed = BTreeMap<BlockKey, Option<InfoBlock>>;

/// What edits have made so far.
#[derive(Default)]
struct Edited {
    blocks: Changed,
    /// Blocks that options of make no sense yet: one that belongs to them may still come.
    unfinished: BTreeMap<BlockKey, Unfinished>,
}

struct Unfinished {
    text: Value,
    /// What is wrong with it, if nothing comes.
    refusals: Vec<Refusal>,
}

impl Edited {
    /// Takes over changes; what was unfinished of their blocks is done.
    fn extend(&mut self, changes: impl IntoIterator<Item = BlockChange>) {
        for (key, block) in changes {
            self.unfinished.remove(&key);
            self.blocks.insert(key, block);
        }
    }
}

impl Configuration {
    /// The block changes that edits amount to, in `tree`, in key order. Blocks that stay the same are not among them.
    ///
    /// The mistakes of all edits are reported. A block without data stands for its removal (6.4).
    pub fn changes(
        &self,
        tree: &Tree,
        edits: &[Edit],
    ) -> Result<Vec<(BlockKey, Option<InfoBlock>)>, Vec<Refusal>> {
        let mut edited = Edited::default();
        let mut refusals = Vec::new();
        for edit in edits {
            if let Err(refused) = self.edit(tree, &mut edited, edit) {
                refusals.extend(refused);
            }
        }
        refusals.extend(
            edited
                .unfinished
                .into_values()
                .flat_map(|unfinished| unfinished.refusals),
        );
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Ok(edited
            .blocks
            .into_iter()
            .map(|(key, block)| (key, block.filter(|block| !block.is_absent())))
            .filter(|(key, block)| tree.get(key) != block.as_ref())
            .collect())
    }

    fn edit(&self, tree: &Tree, edited: &mut Edited, edit: &Edit) -> Result<(), Vec<Refusal>> {
        match edit {
            Edit::Block(key, block) => {
                if let (BlockScope::Interface(name), Some(_)) = (&key.scope, block) {
                    check_interface_name(name).map_err(|refusal| vec![refusal.at(&self.path_of(key))])?;
                }
                let taken = match (&key.scope, block) {
                    (BlockScope::Interface(name), Some(block)) if key.kind == ROUTES => {
                        let routes = published_routes(block);
                        let before = |key: &BlockKey| before(tree, &edited.blocks, key);
                        routes
                            .and_then(|routes| self.route_changes(name, &routes, before))
                            .map_err(|refusal| vec![refusal.under(&self.path_of(key))])?
                    }
                    _ => vec![(key.clone(), block.clone())],
                };
                edited.extend(taken);
            }
            Edit::Header { interface, header } => {
                if let Some(name) = interface {
                    let path = Path::new(["interfaces", name]).to_string();
                    check_interface_name(name).map_err(|refusal| vec![refusal.at(&path)])?;
                }
                let before = |key: &BlockKey| before(tree, &edited.blocks, key);
                let taken = self.header_changes(interface.as_deref(), header, before)?;
                edited.extend(taken);
            }
            Edit::ReplaceBlocks(target) => {
                let old = gone(tree, &edited.blocks, ..);
                edited.extend(old);
                edited.extend(
                    target
                        .iter()
                        .map(|(key, block)| (key.clone(), Some(block.clone()))),
                );
            }
            Edit::Replace(text) => {
                let target = self.read(text)?;
                let old = gone(tree, &edited.blocks, ..)
                    .into_iter()
                    .filter(is_configuration);
                let old: Vec<_> = old.collect();
                edited.extend(old);
                edited.extend(target);
            }
            Edit::Merge(text) => {
                let target = self.read(text)?;
                if text.get("router").is_some() {
                    let old = gone_router(tree, &edited.blocks);
                    edited.extend(old);
                }
                edited.extend(target);
            }
            Edit::Set { path, value, typed } => {
                self.change(tree, edited, path, Some((value, typed.as_deref())))?;
            }
            Edit::Unset(path) => self.change(tree, edited, path, None)?,
        }
        Ok(())
    }

    /// Sets (with the value as it was typed) or unsets what a path names.
    ///
    /// An option that makes no sense without another one waits for it: in which order a transaction has them is nobody's
    /// business.
    fn change(
        &self,
        tree: &Tree,
        edited: &mut Edited,
        path: &Path,
        value: Option<(&Value, Option<&str>)>,
    ) -> Result<(), Vec<Refusal>> {
        let attempt = |edited: &Edited| {
            let first = self.set(tree, edited, path, value.map(|(value, _)| value));
            let again = value.filter(|(value, _)| !value.is_string() && first.is_err());
            match again.and_then(|(_, typed)| typed) {
                // A password of digits looks like a number; the option knows better.
                Some(typed) => self
                    .set(tree, edited, path, Some(&Value::String(typed.to_owned())))
                    .or(first),
                None => first,
            }
        };
        let refusals = match attempt(edited) {
            Ok(changes) => {
                edited.extend(changes);
                return Ok(());
            }
            Err(refusals) => refusals,
        };
        let name = path.to_string();
        let itself = |refusal: &Refusal| {
            let rest = refusal.path.strip_prefix(&name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // What is missing because it is unset is said of it, too; that may be wanted no longer in the end.
        if value.is_some() && refusals.iter().any(itself) {
            return Err(refusals);
        }
        match self.option_text(tree, edited, path, value.map(|(value, _)| value)) {
            Some((key, text)) => {
                edited.unfinished.insert(key, Unfinished { text, refusals });
                Ok(())
            }
            None => Err(refusals),
        }
    }

    /// The text of a block with one of its options set or unset, if that is what a path names.
    fn option_text(
        &self,
        tree: &Tree,
        edited: &Edited,
        path: &Path,
        value: Option<&Value>,
    ) -> Option<(BlockKey, Value)> {
        let parts = path.parts();
        let (key, scope, option) = match parts.as_slice() {
            ["protocols", name, option @ ..] => {
                let id = self.protocol_named(name, &[]).ok()?;
                (BlockKey::protocol(id), Scope::Global, option)
            }
            ["interfaces", interface, name, option @ ..] => {
                let id = self.protocol_named(name, &[]).ok()?;
                (BlockKey::interface(*interface, id), Scope::Interface, option)
            }
            _ => return None,
        };
        if option.is_empty() || parts.len() > MAX_PARTS {
            return None;
        }
        let before = self
            .text_so_far(tree, edited, &key, scope)
            .unwrap_or_else(|| json!({}));
        let mut text = before.clone();
        edit_leaf(&mut text, option, value, path).ok()?;
        // Unsetting what is not there is a mistake that nothing mends.
        (text != before).then_some((key, text))
    }

    /// A block as text with the edits so far.
    fn text_so_far(&self, tree: &Tree, edited: &Edited, key: &BlockKey, scope: Scope) -> Option<Value> {
        if let Some(unfinished) = edited.unfinished.get(key) {
            return Some(unfinished.text.clone());
        }
        before(tree, &edited.blocks, key).map(|block| self.decode(key.kind, scope, block))
    }

    /// Sets (or, with `None`, unsets) what a path names.
    fn set(
        &self,
        tree: &Tree,
        edited: &Edited,
        path: &Path,
        value: Option<&Value>,
    ) -> Result<Vec<BlockChange>, Vec<Refusal>> {
        let changed = &edited.blocks;
        let parts = path.parts();
        if parts.len() > MAX_PARTS {
            return Err(vec![
                Refusal::invalid("the path is too long")
                    .with_value(parts.len())
                    .with_allowed(format!("up to {MAX_PARTS} parts")),
            ]);
        }
        let whole = |range: (_, _), text: &dyn Fn(&Value) -> Value| {
            let mut changes: Vec<BlockChange> = gone(tree, changed, range);
            if let Some(value) = value {
                changes.retain(is_configuration);
                changes.extend(self.read(&text(value))?);
            }
            Ok(changes)
        };
        let one = |change: Result<BlockChange, Vec<Refusal>>| change.map(|change| vec![change]);
        let named = |name: &str, also: &[&str]| {
            let id = self.protocol_named(name, also);
            id.map_err(|refusal| vec![refusal.at(&path.to_string())])
        };
        match (parts.as_slice(), value) {
            (["router", option @ ..], _) => {
                let mut text = serde_json::to_value(RouterConfig::from_tree(&router_of(tree, changed)));
                let text = text.as_mut().map_or(Value::Null, Value::take);
                let router = self.edited_router(text, option, value, path);
                let mut changes = gone_router(tree, changed);
                changes.extend(router?);
                Ok(changes)
            }
            (["policy"], None) => Ok(vec![(policy::key(), None)]),
            (["policy", option @ ..], _) => {
                let alone = |refusal: Refusal| vec![refusal];
                let so_far = before(tree, changed, &policy::key()).map(policy::of_block);
                let so_far = so_far.and_then(Result::ok).unwrap_or_default();
                let mut text = serde_json::to_value(so_far).unwrap_or_default();
                if value.is_none() {
                    policy::check_unset(&text, option).map_err(|refusal| alone(refusal.at(&path.to_string())))?;
                }
                edit_leaf(&mut text, option, value, path).map_err(alone)?;
                policy::blocks(&text)
            }
            (["protocols"], _) => whole(protocol_keys(), &|value| json!({ "protocols": value })),
            (["interfaces"], _) => whole(interfaces_keys(), &|value| json!({ "interfaces": value })),
            (["interfaces", name], _) => whole(
                interface_keys(name),
                &|value| json!({ "interfaces": { *name: value } }),
            ),
            (["protocols", name], Some(value)) => one(self.protocol_block(name, value)),
            (["interfaces", interface, name], Some(value)) => {
                one(self.interface_block(interface, name, value))
            }
            (["protocols", name], None) => Ok(vec![(BlockKey::protocol(named(name, &[])?), None)]),
            (["interfaces", interface, "enabled"], None) => Ok(vec![(
                BlockKey::interface(*interface, crate::router::INTERFACE_STATUS),
                None,
            )]),
            (["interfaces", interface, name], None) => {
                let id = named(name, &["enabled", "autostatic"])?;
                Ok(vec![(BlockKey::interface(*interface, id), None)])
            }
            (["interfaces", _, "enabled", ..], _) => Err(vec![
                Refusal::invalid("'enabled' is a truth value, not a table").at(&path.to_string()),
            ]),
            (["protocols", name, option @ ..], _) => {
                let key = BlockKey::protocol(named(name, &[])?);
                self.set_option(tree, edited, &key, (option, value), path)
            }
            (["interfaces", interface, name, option @ ..], _) => {
                let id = named(name, &["enabled", "autostatic"])?;
                let key = BlockKey::interface(*interface, id);
                self.set_option(tree, edited, &key, (option, value), path)
            }
            (parts, _) => Err(vec![
                unknown(parts.first().copied().unwrap_or_default(), &TABLES)
                    .at(&path.to_string())
                    .with_allowed(
                        "router[.OPTION], policy[.TABLE[.NAME]], protocols[.NAME[.OPTION]], interfaces[.IFNAME[.NAME[.OPTION]]], \
                         interfaces.IFNAME.enabled",
                    ),
            ]),
        }
    }

    fn edited_router(
        &self,
        mut text: Value,
        option: &[&str],
        value: Option<&Value>,
        path: &Path,
    ) -> Result<Vec<BlockChange>, Vec<Refusal>> {
        let alone = |refusal| vec![refusal];
        if let (Some(name), None) = (option.first(), value) {
            check_option(&schemars::schema_for!(RouterConfig).to_value(), name, path).map_err(alone)?;
        }
        edit_leaf(&mut text, option, value, path).map_err(alone)?;
        Self::router_blocks(&text)
    }

    /// Sets or unsets one option of a block.
    fn set_option(
        &self,
        tree: &Tree,
        edited: &Edited,
        key: &BlockKey,
        (option, value): (&[&str], Option<&Value>),
        path: &Path,
    ) -> Result<Vec<BlockChange>, Vec<Refusal>> {
        let alone = |refusal| vec![refusal];
        let scope = match &key.scope {
            BlockScope::Interface(_) => Scope::Interface,
            _ => Scope::Global,
        };
        let text = self.text_so_far(tree, edited, key, scope);
        if value.is_none() {
            let first = option.first().copied().unwrap_or_default();
            let set = text.as_ref().is_some_and(|text| text.get(first).is_some());
            if let (false, Some(codec)) = (set, self.codec(key.kind)) {
                check_option(&codec.schema(scope), first, path).map_err(alone)?;
            }
            // Taking an option out of nothing leaves nothing, not a block full of defaults.
            if text.is_none() {
                return Ok(Vec::new());
            }
        }
        let mut text = text.unwrap_or_else(|| json!({}));
        edit_leaf(&mut text, option, value, path).map_err(alone)?;
        let name = self.name_of(key.kind);
        let change = match &key.scope {
            BlockScope::Interface(interface) => self.interface_block(interface, &name, &text),
            _ => self.protocol_block(&name, &text),
        };
        Ok(vec![change?])
    }
}

fn router_keys() -> Keys {
    (
        Bound::Unbounded,
        Bound::Excluded(BlockKey::protocol(ProtocolId(0))),
    )
}

fn protocol_keys() -> Keys {
    (
        Bound::Included(BlockKey::protocol(ProtocolId(0))),
        Bound::Included(BlockKey::protocol(ProtocolId(u32::MAX))),
    )
}

fn interfaces_keys() -> Keys {
    (
        Bound::Included(BlockKey::interface("", ProtocolId(0))),
        Bound::Unbounded,
    )
}

fn interface_keys(name: &str) -> Keys {
    (
        Bound::Included(BlockKey::interface(name, ProtocolId(0))),
        Bound::Included(BlockKey::interface(name, ProtocolId(u32::MAX))),
    )
}

/// The removal of every block in a range of keys, edited ones included.
fn gone(tree: &Tree, changed: &Changed, range: impl RangeBounds<BlockKey> + Clone) -> Vec<BlockChange> {
    let stored = tree.range(range.clone()).map(|(key, _)| key);
    let keys = stored.chain(changed.range(range).map(|(key, _)| key));
    keys.map(|key| (key.clone(), None)).collect()
}

/// The removal of what `router` says. Policies are a table of their own; only a block of them that cannot be read stands among
/// the router's.
fn gone_router(tree: &Tree, changed: &Changed) -> Vec<BlockChange> {
    let mut gone = gone(tree, changed, router_keys());
    let policy = before(tree, changed, &policy::key());
    if policy.is_none_or(|block| policy::of_block(block).is_ok()) {
        gone.retain(|(key, _)| *key != policy::key());
    }
    gone
}

/// A block as it is with the edits so far.
fn before<'t>(tree: &'t Tree, changed: &'t Changed, key: &BlockKey) -> Option<&'t InfoBlock> {
    changed.get(key).map_or_else(|| tree.get(key), Option::as_ref)
}

/// Whether the block is an operator's to write. The routes of an autostatic update are state that is kept beside
/// configuration: text that does not name them leaves them alone.
fn is_configuration((key, _): &BlockChange) -> bool {
    key.kind != ProtocolId::AUTOSTATIC || !matches!(key.scope, BlockScope::Interface(_))
}

/// The router-wide blocks as they are with the edits so far.
fn router_of(tree: &Tree, changed: &Changed) -> Tree {
    let mut router: Tree = tree
        .range(router_keys())
        .map(|(key, block)| (key.clone(), block.clone()))
        .collect();
    for (key, block) in changed.range(router_keys()) {
        match block {
            Some(block) => drop(router.insert(key.clone(), block.clone())),
            None => drop(router.remove(key)),
        }
    }
    router
}

/// Whether a schema knows an option; a misspelt one is named by what was meant.
fn check_option(schema: &Value, name: &str, path: &Path) -> Result<(), Refusal> {
    let Some(known) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    if known.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = known.keys().map(String::as_str).collect();
    Err(unknown(name, &known).at(&path.to_string()))
}

/// Sets or unsets one leaf of a text tree. Setting makes tables on the way down; unsetting takes those that it empties.
fn edit_leaf(text: &mut Value, option: &[&str], value: Option<&Value>, path: &Path) -> Result<(), Refusal> {
    let Some((name, rest)) = option.split_first() else {
        *text = value.cloned().unwrap_or_else(|| json!({}));
        return Ok(());
    };
    let table = text.as_object_mut().ok_or_else(|| no_table(path, name))?;
    match value {
        Some(_) => {
            let inner = table.entry(*name).or_insert_with(|| json!({}));
            edit_leaf(inner, rest, value, path)
        }
        None if rest.is_empty() => {
            table.remove(*name);
            Ok(())
        }
        None => {
            let Some(inner) = table.get_mut(*name) else {
                return Ok(());
            };
            edit_leaf(inner, rest, None, path)?;
            if inner.as_object().is_some_and(Map::is_empty) {
                table.remove(*name);
            }
            Ok(())
        }
    }
}

fn no_table(path: &Path, name: &str) -> Refusal {
    Refusal::invalid(format!("there is no table to hold '{name}'")).at(&path.to_string())
}
