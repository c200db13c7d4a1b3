//! Two who changed the same configuration: what was there, what somebody else made of it, and what is wanted here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use waypost_api::{DiffAnswer, DiffRequest, RevisionRow, StatusAnswer, write_toml};
use waypost_manager::Path;

use crate::command::{Desk, typed};
use crate::fault::Fault;
use crate::render;
use crate::sheet::Sheet;

/// An option that at least one of the two changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Its path.
    pub(crate) path: String,
    /// What it was; `None` when it was not set.
    pub(crate) base: Option<Value>,
    /// What it is now, if somebody changed it; the inner `None` unset it.
    pub(crate) theirs: Option<Option<Value>>,
    /// What it is to be, if that is another value than it was.
    pub(crate) ours: Option<Option<Value>>,
}

impl Row {
    /// Whether both changed it, to different values.
    pub(crate) fn conflicts(&self) -> bool {
        self.theirs.is_some() && self.ours.is_some() && self.theirs != self.ours
    }
}

/// The options that were changed, and by whom.
pub(crate) struct ThreeWay {
    /// The revision that our change was made from.
    pub(crate) base: u64,
    /// The one in force.
    pub(crate) head: Option<RevisionRow>,
    /// In path order.
    pub(crate) rows: Vec<Row>,
}

impl ThreeWay {
    /// As a table.
    pub(crate) fn text(&self, sheet: &Sheet) -> String {
        render::three_way(sheet, self)
    }

    /// The number of the revision in force.
    pub(crate) fn head(&self) -> u64 {
        self.head.as_ref().map_or(0, |row| row.number)
    }

    /// Whether there is something that both changed, to different values.
    pub(crate) fn conflicts(&self) -> bool {
        self.rows.iter().any(Row::conflicts)
    }

    /// Our changes on top of what is in force, as TOML.
    pub(crate) fn merged(&self, mut theirs: Value) -> Result<String, Fault> {
        for row in &self.rows {
            if let Some(ours) = &row.ours {
                let path: Path = row.path.parse().map_err(Fault::refused)?;
                put(&mut theirs, &path.parts(), ours.clone());
            }
        }
        write_toml(&theirs).map_err(Fault::refused)
    }
}

/// What became of revision `base`, and what `toml` would make of it.
pub(crate) fn look(desk: &mut Desk<'_>, base: u64, toml: &str) -> Result<ThreeWay, Fault> {
    let status: StatusAnswer = typed(&desk.router.get("/v1/status")?)?;
    let mut compare = |request: DiffRequest| -> Result<DiffAnswer, Fault> {
        let request = DiffRequest {
            from_revision: Some(base),
            ..request
        };
        typed(&desk.router.post("/v1/diff", &request)?)
    };
    let theirs = compare(DiffRequest::default())?;
    let ours = compare(DiffRequest {
        toml: Some(toml.to_owned()),
        ..DiffRequest::default()
    })?;
    Ok(ThreeWay {
        base,
        head: status.revision,
        rows: rows(theirs, ours),
    })
}

fn rows(theirs: DiffAnswer, ours: DiffAnswer) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let row = |path: &str, base: Option<Value>| Row {
        path: path.to_owned(),
        base,
        theirs: None,
        ours: None,
    };
    for change in theirs.changes {
        let path = change.path;
        let entry = rows.entry(path.clone()).or_insert_with(|| row(&path, change.old));
        entry.theirs = Some(change.new);
    }
    for change in ours.changes {
        let path = change.path;
        let entry = rows.entry(path.clone()).or_insert_with(|| row(&path, change.old));
        entry.ours = Some(change.new);
    }
    rows.into_values().collect()
}

/// Sets, or with `None` removes, what is at a path of a text tree.
fn put(tree: &mut Value, path: &[&str], value: Option<Value>) {
    let Some((part, rest)) = path.split_first() else {
        *tree = value.unwrap_or_default();
        return;
    };
    if !tree.is_object() {
        if value.is_none() {
            return;
        }
        *tree = Value::Object(Map::new());
    }
    let Some(table) = tree.as_object_mut() else {
        return;
    };
    match (rest.is_empty(), value) {
        (true, None) => drop(table.remove(*part)),
        (false, None) if !table.contains_key(*part) => {}
        (_, value) => put(table.entry(*part).or_insert(Value::Null), rest, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waypost_api::DiffChange;

    use super::*;

    fn answer(changes: &[(&str, Value, Value)]) -> DiffAnswer {
        let set = |value: &Value| (!value.is_null()).then(|| value.clone());
        let changes = changes.iter().map(|(path, old, new)| DiffChange {
            path: (*path).to_owned(),
            old: set(old),
            new: set(new),
        });
        DiffAnswer {
            changes: changes.collect(),
            text: String::new(),
        }
    }

    #[test]
    fn what_does_not_meet_is_merged() {
        let theirs = answer(&[
            ("a.x", json!(1), json!(2)),
            ("b", json!({}), Value::Null),
            ("s", json!(1), json!(9)),
        ]);
        let ours = answer(&[
            ("a.y", Value::Null, json!(5)),
            ("c.d", json!(3), Value::Null),
            ("s", json!(1), json!(9)),
        ]);
        let view = ThreeWay {
            base: 4,
            head: None,
            rows: rows(theirs, ours),
        };
        assert!(!view.conflicts(), "{:?}", view.rows);
        let merged = view
            .merged(json!({ "a": { "x": 2 }, "c": { "d": 3, "e": 4 }, "s": 9 }))
            .unwrap();
        let expected = json!({ "a": { "x": 2, "y": 5 }, "c": { "e": 4 }, "s": 9 });
        assert_eq!(waypost_api::parse_toml(&merged).unwrap(), expected);
    }

    #[test]
    fn what_both_changed_conflicts() {
        for (theirs, ours) in [
            (json!(2), json!(3)),
            (Value::Null, json!(3)),
            (json!(2), Value::Null),
        ] {
            let rows = rows(
                answer(&[("a", json!(1), theirs)]),
                answer(&[("a", json!(1), ours)]),
            );
            assert!(rows[0].conflicts(), "{rows:?}");
        }
    }

    #[test]
    fn values_are_put_anywhere() {
        let mut tree = json!({ "a": 1 });
        put(&mut tree, &["a", "b"], Some(json!(2)));
        put(&mut tree, &["x", "y", "z"], None);
        put(&mut tree, &["c"], Some(json!([])));
        assert_eq!(tree, json!({ "a": { "b": 2 }, "c": [] }));
        put(&mut tree, &["a", "b"], None);
        assert_eq!(tree, json!({ "a": {}, "c": [] }));
    }
}
