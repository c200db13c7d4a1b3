//! What a router's configuration must be after a row of transactions, computed without the router.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use waypost_types::Random;

/// A transaction, and what comes of it.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) path: &'static str,
    pub(crate) body: Value,
    /// The configuration afterwards; `None` where it must be refused.
    pub(crate) after: Option<Value>,
    pub(crate) note: String,
    pub(crate) rollback_of: Option<u64>,
}

/// A revision that is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Revision {
    pub(crate) note: String,
    pub(crate) rollback_of: Option<u64>,
    pub(crate) tree: Value,
}

/// What is known to be in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) revisions: BTreeMap<u64, Revision>,
    made: usize,
}

/// Interfaces that exist, and one that does not yet.
const INTERFACES: [&str; 4] = ["eth0", "eth1", "eth2", "later0"];

impl Model {
    pub(crate) fn tree(&self) -> Value {
        self.revisions
            .last_key_value()
            .map_or_else(|| json!({}), |(_, revision)| revision.tree.clone())
    }

    /// Takes note that a transaction is in force as this revision. One that changed nothing has not made any.
    pub(crate) fn acknowledge(&mut self, number: u64, transaction: &Transaction) {
        let Some(after) = &transaction.after else { return };
        if *after == self.tree() {
            return;
        }
        let revision = Revision {
            note: transaction.note.clone(),
            rollback_of: transaction.rollback_of,
            tree: after.clone(),
        };
        self.revisions.insert(number, revision);
    }

    /// Makes up the next transaction.
    pub(crate) fn next(&mut self, random: &mut Random) -> Transaction {
        self.made += 1;
        let note = format!("transaction {}", self.made);
        match random.below(12) {
            0 if !self.revisions.is_empty() => self.rollback(random, note),
            1 => self.replacement(random, note),
            _ => self.edits(random, note),
        }
    }

    fn rollback(&self, random: &mut Random, note: String) -> Transaction {
        let place = random.below(self.revisions.len() as u64) as usize;
        let (number, revision) = self.revisions.iter().nth(place).unwrap();
        Transaction {
            path: "/v1/rollback",
            body: json!({ "revision": number, "note": note }),
            after: Some(revision.tree.clone()),
            note,
            rollback_of: Some(*number),
        }
    }

    /// A whole file in the place of everything.
    fn replacement(&self, random: &mut Random, note: String) -> Transaction {
        let mut tree = json!({});
        for _ in 0..=random.below(5) {
            self.edit(random, &mut tree);
        }
        let toml = waypost_api::write_toml(&tree).unwrap();
        Transaction {
            path: "/v1/apply",
            body: json!({ "toml": toml, "note": note }),
            after: Some(tree),
            note,
            rollback_of: None,
        }
    }

    /// Some edits as one; now and then one of them is wrong, and none counts.
    fn edits(&self, random: &mut Random, note: String) -> Transaction {
        let mut tree = self.tree();
        let mut edits: Vec<Value> = (0..=random.below(6))
            .map(|_| self.edit(random, &mut tree))
            .collect();
        let refused = random.chance(1, 10);
        if refused {
            let place = random.below(edits.len() as u64 + 1) as usize;
            let interface = pick(random, &INTERFACES);
            let wrong = set(&format!("interfaces.{interface}.rip.metric"), &json!(17));
            edits.insert(place, wrong);
            // Set once more by a later edit, it would not be wrong in the end.
            edits.truncate(place + 1);
        }
        Transaction {
            path: "/v1/apply",
            body: json!({ "edits": edits, "note": note }),
            after: (!refused).then_some(tree),
            note,
            rollback_of: None,
        }
    }

    /// Makes up an edit and does it to the tree.
    fn edit(&self, random: &mut Random, tree: &mut Value) -> Value {
        let interface = pick(random, &INTERFACES);
        let mark = format!("{} of {}", self.made, random.below(1000));
        let (path, value) = match random.below(14) {
            0 => ("protocols.rip".to_owned(), None),
            1..3 => (
                "protocols.rip.update-interval".to_owned(),
                Some(json!(20 + random.below(20))),
            ),
            3 => ("protocols.static".to_owned(), None),
            4 => ("protocols.static.routes".to_owned(), Some(routes(random))),
            5 => (
                "router.id".to_owned(),
                Some(json!(format!("192.0.2.{}", 1 + random.below(200)))),
            ),
            6 => ("router.annotate".to_owned(), Some(json!(mark))),
            7 => ("router".to_owned(), None),
            8 => (format!("interfaces.{interface}.rip"), None),
            9 => (
                format!("interfaces.{interface}.enabled"),
                Some(json!(random.chance(1, 2))),
            ),
            10 => (format!("interfaces.{interface}.rip.annotate"), Some(json!(mark))),
            11 => (
                format!("interfaces.{interface}.rip.announce"),
                Some(json!(pick(random, &["v2-multicast", "v1-compatible", "none"]))),
            ),
            _ => (
                format!("interfaces.{interface}.rip.metric"),
                Some(json!(1 + random.below(16))),
            ),
        };
        let parts: Vec<&str> = path.split('.').collect();
        match value {
            Some(value) => {
                put(tree, &parts, value.clone());
                set(&path, &value)
            }
            None => {
                // Nothing can be unset that is not there.
                if remove(tree, &parts) {
                    json!({ "unset": path })
                } else {
                    put(tree, &["router", "annotate"], json!(mark));
                    set("router.annotate", &json!(mark))
                }
            }
        }
    }
}

fn pick<'w>(random: &mut Random, words: &[&'w str]) -> &'w str {
    words[random.below(words.len() as u64) as usize]
}

fn routes(random: &mut Random) -> Value {
    let route = |number: u64| json!({ "prefix": format!("10.{number}.0.0/16"), "kind": "blackhole" });
    (0..1 + random.below(5))
        .map(|number| route(100 + number))
        .collect()
}

fn set(path: &str, value: &Value) -> Value {
    json!({ "set": { "path": path, "value": value } })
}

fn put(tree: &mut Value, parts: &[&str], value: Value) {
    let mut here = tree;
    for part in parts {
        here = here
            .as_object_mut()
            .unwrap()
            .entry(*part)
            .or_insert_with(|| json!({}));
    }
    *here = value;
}

/// Removes what is at a path and the tables that it leaves empty; whether there was something.
fn remove(tree: &mut Value, parts: &[&str]) -> bool {
    fn within(table: &mut Map<String, Value>, parts: &[&str]) -> bool {
        let Some((first, rest)) = parts.split_first() else {
            return false;
        };
        if rest.is_empty() {
            return table.remove(*first).is_some();
        }
        let Some(Value::Object(inner)) = table.get_mut(*first) else {
            return false;
        };
        let removed = within(inner, rest);
        if removed && inner.is_empty() {
            table.remove(*first);
        }
        removed
    }
    within(tree.as_object_mut().unwrap(), parts)
}
