//! The router's policies, `policy`: prefix lists and route maps that protocols refer to by name.
//!
//! The block holds the text: rules are written as text everywhere, and a second form of them would only have to be held to
//! the first. In force is a snapshot, compiled for the interfaces that there are ([`Policies`]). A transaction hands the next
//! one to every running protocol before it sets their blocks, so that these find the names they refer to; until all of them
//! are set the snapshot keeps the names that go, so that nobody misses one. What protocols refer to is asked of their codecs:
//! it is known of those that do not run, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_policy::{Explanation, Policies, PolicyConfig, PolicyError, PolicyReference, RouteView};
use waypost_routprot::{
    Impact, InfoBlock, Layout, OptionChange, Refusal, Scope, WaypostHeader, all_mistakes, no_such_policy,
    parse_text, suggestion,
};
use waypost_types::ProtocolId;

use crate::Manager;
use crate::configuration::{BlockChange, Configuration};
use crate::interfaces::InterfaceTable;
use crate::prepare::stated;
use crate::transaction::changed;

/// The block of policies (extensions start at 0xFFFF5700, P-100).
pub(crate) const POLICY: ProtocolId = ProtocolId(0xFFFF_5701);
const LAYOUT: u32 = 2;

/// The block's key.
pub(crate) const fn key() -> BlockKey {
    BlockKey::router(POLICY)
}

/// The block that says this; none when there is nothing to say.
pub(crate) fn to_block(config: &PolicyConfig) -> Option<InfoBlock> {
    // INVARIANT: names are keys of tables, and everything else in it is text or a number.
    let text = serde_json::to_vec(config).unwrap_or_default();
    (!config.is_empty()).then(|| {
        let mut writer = WaypostHeader::start(LAYOUT);
        writer.slice(&text);
        WaypostHeader::finish(LAYOUT, writer)
    })
}

/// What a block says.
pub(crate) fn of_block(block: &InfoBlock) -> Result<PolicyConfig, Refusal> {
    if Layout::of(block)? != Layout::Waypost(LAYOUT) {
        return Err(Refusal::invalid("unknown layout of policies").with_allowed(LAYOUT.to_string()));
    }
    let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
    let octets = reader
        .take(reader.left())
        .map_err(|error| Refusal::invalid(error.to_string()))?;
    let text: Value = serde_json::from_slice(octets).map_err(|error| Refusal::invalid(error.to_string()))?;
    parse_text(&text)
}

/// What a tree says; nothing if that cannot be read.
fn of_tree(tree: &Tree) -> PolicyConfig {
    let block = tree.get(&key());
    block.and_then(|block| of_block(block).ok()).unwrap_or_default()
}

/// The blocks that a text of policies stands for.
pub(crate) fn blocks(text: &Value) -> Result<Vec<BlockChange>, Vec<Refusal>> {
    let config = parse_text::<PolicyConfig>(text).map_err(|first| {
        let schema = schemars::schema_for!(PolicyConfig).to_value();
        let refusals = all_mistakes(&schema, text, first).into_iter();
        refusals
            .map(|refusal| refusal.under("policy"))
            .collect::<Vec<_>>()
    })?;
    Ok(vec![(key(), to_block(&config))])
}

/// Refuses to unset a policy that is not there.
pub(crate) fn check_unset(text: &Value, option: &[&str]) -> Result<(), Refusal> {
    let (name, known) = match option {
        [table @ ("prefix-lists" | "route-maps"), name, ..] => (name, text.get(table)),
        ["prefix-lists" | "route-maps"] => return Ok(()),
        [other, ..] => {
            let refusal = Refusal::invalid(format!("unknown name '{other}'"));
            return Err(refusal.with_allowed("prefix-lists, route-maps"));
        }
        [] => return Ok(()),
    };
    let known = known.and_then(Value::as_object).into_iter().flatten();
    let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
    if known.contains(name) {
        return Ok(());
    }
    let refusal = Refusal::invalid(match suggestion(name, known.iter().copied()) {
        Some(meant) => format!("there is no such policy; did you mean '{meant}'?"),
        None => "there is no such policy".to_owned(),
    });
    Err(refusal.with_allowed(if known.is_empty() {
        "there is none".to_owned()
    } else {
        known.join(", ")
    }))
}

/// Policies, as they are written and as they are in force.
#[derive(Default)]
pub(crate) struct InForce {
    pub(crate) config: PolicyConfig,
    pub(crate) policies: Arc<Policies>,
}

impl InForce {
    fn compile(
        config: PolicyConfig,
        table: &InterfaceTable,
        before: &Policies,
    ) -> Result<Self, Vec<PolicyError>> {
        let index = |name: &str| Some(table.by_name(name)?.index);
        let policies = Arc::new(Policies::compile(&config, index, before)?);
        Ok(Self { config, policies })
    }
}

fn refusal_of(error: PolicyError) -> Refusal {
    let refusal = Refusal::invalid(error.reason).at(&error.path);
    refusal
        .with_value(error.value)
        .with_allowed(error.allowed)
        .under("policy")
}

/// A policy as `show` has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'p> {
    name: &'p str,
    kind: &'static str,
    /// Of a prefix list its rules, of a route map its clauses.
    rules: Value,
    /// The paths at which it is referred to.
    used_by: Vec<String>,
}

impl Configuration {
    /// Where these blocks refer to policies: whose block it is, and the reference with its whole path.
    fn policies_of<'b>(
        &self,
        blocks: impl IntoIterator<Item = (&'b BlockKey, &'b InfoBlock)>,
    ) -> Vec<(ProtocolId, PolicyReference)> {
        let mut references = Vec::new();
        for (key, block) in blocks {
            let scope = match key.scope {
                BlockScope::Router => continue,
                BlockScope::Protocol => Scope::Global,
                BlockScope::Interface(_) => Scope::Interface,
            };
            let Some(codec) = self.codec(key.kind) else {
                continue;
            };
            for reference in codec.policies(scope, block) {
                let path = format!("{}.{}", self.path_of(key), reference.path);
                references.push((key.kind, PolicyReference { path, ..reference }));
            }
        }
        references
    }
}

impl Manager {
    /// Takes over the policies of the store, at the start.
    pub(crate) fn load_policies(&mut self) {
        match InForce::compile(of_tree(self.tree()), &self.table, &Policies::default()) {
            Ok(policy) => self.policy = policy,
            Err(errors) => {
                let refusals = errors.into_iter().map(refusal_of);
                let lines = refusals.map(|refusal| format!("kept, but not in force: {refusal}"));
                self.log.extend(lines);
            }
        }
        self.services.set_policies(&self.policy.policies);
    }

    /// Interfaces came or went: what policies say of them holds for other numbers.
    pub(crate) fn refresh_policies(&mut self) {
        let clauses = self.policy.config.route_maps.values().flatten();
        let mut wanted = clauses.filter_map(|clause| clause.matches.as_ref()?.interface.as_ref());
        if wanted.next().is_none() {
            return;
        }
        let config = self.policy.config.clone();
        let Ok(next) = InForce::compile(config, &self.table, &self.policy.policies) else {
            return;
        };
        if next.policies != self.policy.policies {
            self.hand_policies(&next.policies);
            self.policy = next;
        }
    }

    /// Gives every running protocol a snapshot of policies, and those that start from now on.
    pub(crate) fn hand_policies(&self, policies: &Arc<Policies>) {
        self.services.set_policies(policies);
        for client in self.clients.values().filter(|client| client.is_running()) {
            client.lock().policies_changed(policies);
        }
    }

    /// What the changes do to policies, and the ones that are in force afterwards if they are others.
    pub(crate) fn prepare_policies(
        &self,
        changes: &[BlockChange],
    ) -> Result<(Vec<OptionChange>, Option<InForce>), Vec<Refusal>> {
        let Some(block) = changed(changes, &key()) else {
            // What is referred to is there already; what is new has to be.
            let set = changes
                .iter()
                .filter_map(|(key, block)| Some((key, block.as_ref()?)));
            self.check_references(&self.policy.policies, self.configuration.policies_of(set))?;
            return Ok((Vec::new(), None));
        };
        let config = match block {
            Some(block) => of_block(block).map_err(|refusal| vec![refusal.under("policy")])?,
            None => PolicyConfig::default(),
        };
        let lost = self.lost_lists(&config);
        let next = InForce::compile(config, &self.table, &self.policy.policies).map_err(|errors| {
            let stands =
                |error: &PolicyError| !lost.iter().any(|lost| lost.value.as_ref() == Some(&error.value));
            let others = errors.into_iter().filter(stands).map(refusal_of);
            lost.iter().cloned().chain(others).collect::<Vec<_>>()
        })?;
        let kept = self
            .tree()
            .iter()
            .filter(|(key, _)| changed(changes, key).is_none());
        let set = changes
            .iter()
            .filter_map(|(key, block)| Some((key, block.as_ref()?)));
        let references = self.configuration.policies_of(kept.chain(set));
        self.check_references(&next.policies, references.clone())?;
        Ok((self.state_policies(&next, &references), Some(next)))
    }

    /// Prefix lists that go although route maps go on naming them.
    fn lost_lists(&self, next: &PolicyConfig) -> Vec<Refusal> {
        let gone = self.policy.config.prefix_lists.keys();
        let gone = gone.filter(|name| !next.prefix_lists.contains_key(*name));
        let refusals = gone.filter_map(|name| {
            let users: Vec<String> = users_of_list(next, name)
                .map(|path| format!("policy.{path}"))
                .collect();
            let path = format!("policy.prefix-lists.{name}");
            (!users.is_empty()).then(|| in_use(&path, name, &users))
        });
        refusals.collect()
    }

    /// Refuses names that no policy has: where they are given if they never were one, and else where the policy goes.
    fn check_references(
        &self,
        policies: &Policies,
        references: Vec<(ProtocolId, PolicyReference)>,
    ) -> Result<(), Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, reference) in references {
            if policies.get(&reference.name).is_some() {
                continue;
            }
            if self.policy.policies.get(&reference.name).is_some() {
                users.entry(reference.name).or_default().push(reference.path);
            } else {
                refusals.push(no_such_policy(policies, &reference));
            }
        }
        refusals.extend(users.iter().map(|(name, users)| {
            let table = if self.policy.config.prefix_lists.contains_key(name) {
                "prefix-lists"
            } else {
                "route-maps"
            };
            in_use(&format!("policy.{table}.{name}"), name, users)
        }));
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    /// What becomes of each option, and what running protocols say that it does.
    fn state_policies(
        &self,
        next: &InForce,
        references: &[(ProtocolId, PolicyReference)],
    ) -> Vec<OptionChange> {
        let running = self.clients.iter().filter(|(_, client)| client.is_running());
        let said: BTreeMap<ProtocolId, (Impact, String)> = running
            .filter_map(|(id, client)| Some((*id, client.lock().prepare_policies(&next.policies)?)))
            .collect();
        let impact = |name: &str| {
            let by_lists = next.config.route_maps.keys();
            let by_lists =
                by_lists.filter(|map| users_of_list(&next.config, name).any(|path| of_map(&path, map)));
            let names: BTreeSet<&str> = by_lists.map(String::as_str).chain([name]).collect();
            let users = references
                .iter()
                .filter(|(_, user)| names.contains(user.name.as_str()));
            let users: BTreeSet<ProtocolId> = users.map(|(id, _)| *id).collect();
            if users.is_empty() {
                return (Impact::Live, "no protocol uses it".to_owned());
            }
            let (impacts, reasons): (Vec<Impact>, Vec<String>) = users
                .iter()
                .filter_map(|id| {
                    let (impact, reason) = said.get(id)?;
                    Some((
                        impact.clone(),
                        format!("{}: {reason}", self.configuration.name_of(*id)),
                    ))
                })
                .unzip();
            match impacts.into_iter().max() {
                Some(worst) => (worst, reasons.join("; ")),
                None => (Impact::Live, "no route is decided otherwise now".to_owned()),
            }
        };
        let text = |config: &PolicyConfig| serde_json::to_value(config).unwrap_or_default();
        let (old, new) = (text(&self.policy.config), text(&next.config));
        let names: BTreeSet<&str> = self.policy.config.names().chain(next.config.names()).collect();
        let impacts: BTreeMap<&str, (Impact, String)> =
            names.into_iter().map(|name| (name, impact(name))).collect();
        let mut stated = stated("policy", &old, &new, |option| {
            let name = option.split('.').nth(1).and_then(|name| impacts.get(name));
            name.map_or((Impact::Live, "no protocol uses it"), |(impact, reason)| {
                (impact.clone(), reason)
            })
        });
        if stated.is_empty() {
            stated.push(OptionChange {
                path: "policy".to_owned(),
                old: Some(old.clone()),
                new: Some(old),
                impact: Impact::Live,
                reason: "the same policies in another form".to_owned(),
            });
        }
        stated
    }

    /// The policies in force, as they are written.
    #[must_use]
    pub const fn policy(&self) -> &PolicyConfig {
        &self.policy.config
    }

    /// Every policy with its rules, and who refers to it.
    #[must_use]
    pub fn show_policies(&self) -> Value {
        let config = &self.policy.config;
        let references = self.configuration.policies_of(self.tree());
        let used_by = |name: &str| {
            let lists = users_of_list(config, name).map(|path| format!("policy.{path}"));
            let protocols = references.iter().filter(|(_, user)| user.name == name);
            lists
                .chain(protocols.map(|(_, user)| user.path.clone()))
                .collect()
        };
        let lists = config.prefix_lists.iter().map(|(name, rules)| Shown {
            name,
            kind: "prefix-list",
            rules: serde_json::to_value(rules).unwrap_or_default(),
            used_by: used_by(name),
        });
        let maps = config.route_maps.iter().map(|(name, clauses)| Shown {
            name,
            kind: "route-map",
            rules: serde_json::to_value(clauses).unwrap_or_default(),
            used_by: used_by(name),
        });
        let rows = lists
            .chain(maps)
            .map(|row| serde_json::to_value(row).unwrap_or_default());
        rows.collect()
    }

    /// What a policy makes of a route, and why.
    ///
    /// # Errors
    /// When there is no policy of this name; the refusal lists those that there are.
    pub fn explain_policy(&self, name: &str, route: RouteView) -> Result<Explanation, Refusal> {
        let InForce { config, policies } = &self.policy;
        Explanation::of(config, policies, name, route).ok_or_else(|| {
            let reference = PolicyReference {
                path: "name".to_owned(),
                name: name.to_owned(),
            };
            no_such_policy(policies, &reference)
        })
    }
}

/// The paths at which route maps name a prefix list.
fn users_of_list<'c>(config: &'c PolicyConfig, list: &'c str) -> impl Iterator<Item = String> + 'c {
    let clauses = config.route_maps.iter().flat_map(|(map, clauses)| {
        let numbered = clauses.iter().enumerate();
        numbered.map(move |(number, clause)| (format!("route-maps.{map}.{number}.match"), clause))
    });
    clauses.flat_map(move |(path, clause)| {
        let named = clause.matches.iter().flat_map(|wanted| {
            [
                ("prefix-list", &wanted.prefix_list),
                ("next-hop-list", &wanted.next_hop_list),
            ]
        });
        let named = named.filter(move |(_, name)| name.as_deref() == Some(list));
        named
            .map(move |(option, _)| format!("{path}.{option}"))
            .collect::<Vec<_>>()
    })
}

/// Whether a path is inside a route map.
fn of_map(path: &str, map: &str) -> bool {
    path.split('.').nth(1) == Some(map)
}

/// How many users a refusal names.
const NAMED_USERS: usize = 10;

fn in_use(path: &str, name: &str, users: &[String]) -> Refusal {
    let named = users
        .iter()
        .take(NAMED_USERS)
        .map(String::as_str)
        .collect::<Vec<_>>();
    let more = match users.len().saturating_sub(NAMED_USERS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = named.join(", ");
    Refusal::invalid(format!("it is in use by {named}{more}"))
        .at(path)
        .with_value(name)
        .with_allowed("to be removed when nothing refers to it, in the same transaction or before")
}
