//! The text tree in the making.

use serde_json::{Map, Value};

/// A text tree that options are put into, path by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(Map<String, Value>);

impl Tree {
    /// Sets an option; tables on the way are made.
    pub(crate) fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        if let Some((name, tables)) = path.split_last() {
            self.table(tables).insert((*name).to_owned(), value.into());
        }
    }

    /// Adds to a list.
    pub(crate) fn push(&mut self, path: &[&str], value: impl Into<Value>) {
        let Some((name, tables)) = path.split_last() else {
            return;
        };
        let list = self
            .table(tables)
            .entry(*name)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value.into());
        }
    }

    /// The table at a path, made if it is not there. What stands in its way is replaced.
    pub(crate) fn table(&mut self, path: &[&str]) -> &mut Map<String, Value> {
        let mut here = &mut self.0;
        for part in path {
            let next = here.entry(*part).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            // INVARIANT: made a table above.
            let Value::Object(table) = next else {
                unreachable!("a table was made here");
            };
            here = table;
        }
        here
    }

    /// What is at a path.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.0.get(*first)?, |here, part| here.get(part))
    }

    /// The whole tree.
    pub(crate) fn finish(self) -> Value {
        Value::Object(self.0)
    }
}
