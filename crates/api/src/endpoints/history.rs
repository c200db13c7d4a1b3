//! Revisions, differences, and the way back.

use std::time::Duration;

use serde_json::{Map, Value};
use similar::TextDiff;
use waypost_manager::{Applied, Edit, Path, Terms, redact};
use waypost_routprot::Refusal;

use super::configuration::{read_toml, text_for};
use super::show::limit;
use crate::call::{Answer, Call, spread};
use crate::failure::Failure;
use crate::{DiffAnswer, DiffChange, DiffRequest, RevisionRow, RollbackRequest, write_toml};

/// How long the search for the shortest text diff may take; a longer but correct one is given after that.
const DIFF_TIME: Duration = Duration::from_secs(2);

pub(super) async fn revisions(call: Call) -> Result<Answer, Failure> {
    let most = limit(&call, 100)?;
    let revisions = call
        .api
        .manage(move |manager, _, _| manager.revisions(most))
        .await??;
    let rows: Vec<RevisionRow> = revisions.into_iter().map(RevisionRow::from).collect();
    Answer::json(&rows)
}

pub(super) async fn revision(call: Call) -> Result<Answer, Failure> {
    let text = call.part("revision");
    let number = text.parse().map_err(|_| {
        Refusal::invalid("not a revision")
            .with_value(text)
            .with_allowed("a number from 1 upwards")
    })?;
    Answer::json(&text_of_revision(&call, number).await?)
}

async fn text_of_revision(call: &Call, number: u64) -> Result<Value, Failure> {
    let read = call.api.manage(move |manager, _, _| {
        manager
            .revision(number)
            .map(|tree| (manager.configuration().clone(), tree))
    });
    let (configuration, tree) = read.await??;
    text_for(call, configuration, tree).await
}

pub(super) async fn diff(call: Call) -> Result<Answer, Failure> {
    let request = call.body::<DiffRequest>().await?;
    let old = match (request.from_toml, request.from_revision) {
        (None, None) => Side::Running,
        (Some(text), None) => Side::File(text),
        (None, Some(number)) => Side::Revision(number),
        _ => return Err(Refusal::invalid("give 'from-toml' or 'from-revision', or neither").into()),
    };
    let new = match (request.toml, request.revision) {
        (Some(text), None) => Side::File(text),
        (None, Some(number)) => Side::Revision(number),
        (None, None) if !matches!(old, Side::Running) => Side::Running,
        _ => return Err(Refusal::invalid("give either 'toml' or 'revision'").into()),
    };
    let (old_name, new_name) = (old.name("given"), new.name("proposed"));
    let old = old.text(&call).await?;
    let new = new.text(&call).await?;
    let answer = spread(true, move || difference(&old, &new, &old_name, &new_name)).await??;
    Answer::json(&answer)
}

/// A configuration to compare.
enum Side {
    Running,
    /// As TOML.
    File(String),
    /// By number; 0 is what there was before the first.
    Revision(u64),
}

impl Side {
    fn name(&self, file: &str) -> String {
        match self {
            Self::Running => "running".to_owned(),
            Self::File(_) => file.to_owned(),
            Self::Revision(number) => format!("revision {number}"),
        }
    }

    async fn text(self, call: &Call) -> Result<Value, Failure> {
        match self {
            Self::Revision(0) => Ok(Value::Object(Map::new())),
            Self::Revision(number) => text_of_revision(call, number).await,
            Self::Running => {
                let (configuration, tree) = call.in_force().await?;
                text_for(call, configuration, tree).await
            }
            // Through blocks and back, so that both sides are written the same way.
            Self::File(text) => {
                let file = read_toml(text).await?;
                let (configuration, running) = call.in_force().await?;
                let may_write = call.peer.may_write;
                let text = spread(true, move || {
                    let mut blocks = running;
                    for (key, block) in configuration.changes(&blocks, &[Edit::Replace(file)])? {
                        match block {
                            Some(block) => drop(blocks.insert(key, block)),
                            None => drop(blocks.remove(&key)),
                        }
                    }
                    let mut text = configuration.text_of(&blocks).map_err(|refusal| vec![refusal])?;
                    if !may_write {
                        redact(&mut text);
                    }
                    Ok::<_, Vec<Refusal>>(text)
                });
                Ok(text.await??)
            }
        }
    }
}

fn difference(old: &Value, new: &Value, old_name: &str, new_name: &str) -> Result<DiffAnswer, Refusal> {
    let mut changes = Vec::new();
    compare(&Path::default(), Some(old), Some(new), &mut changes);
    let (old, new) = (write_toml(old)?, write_toml(new)?);
    let diff = TextDiff::configure().timeout(DIFF_TIME).diff_lines(&old, &new);
    let text = if changes.is_empty() {
        String::new()
    } else {
        diff.unified_diff()
            .context_radius(3)
            .header(old_name, new_name)
            .to_string()
    };
    Ok(DiffAnswer { changes, text })
}

/// Every leaf in which two trees differ. A table that is empty, or meets something that is no table, is a leaf.
fn compare(path: &Path, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<DiffChange>) {
    let table = |value: Option<&Value>| match value {
        Some(Value::Object(table)) if !table.is_empty() => Some(table.clone()),
        _ => None,
    };
    let set = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    match (table(old), table(new)) {
        (None, None) => {
            let (old, new) = (set(old), set(new));
            if old != new {
                changes.push(DiffChange {
                    path: path.to_string(),
                    old,
                    new,
                });
            }
        }
        (old_table, new_table) => {
            // What a table takes the place of, or what takes the place of a table, is a leaf of its own.
            let gone = if old_table.is_none() { set(old) } else { None };
            let come = if new_table.is_none() { set(new) } else { None };
            if gone.is_some() || come.is_some() {
                changes.push(DiffChange {
                    path: path.to_string(),
                    old: gone,
                    new: come,
                });
            }
            let (old, new) = (old_table.unwrap_or_default(), new_table.unwrap_or_default());
            let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                compare(&path.join(name), old.get(name), new.get(name), changes);
            }
        }
    }
}

pub(super) async fn rollback(call: Call) -> Result<Answer, Failure> {
    let request = call.body::<RollbackRequest>().await?;
    let number = request.revision;
    if request.plan {
        let plan = call
            .api
            .manage(move |manager, _, _| match number {
                Some(number) => manager.plan_rollback(number),
                None => manager.plan_give_up(),
            })
            .await??;
        return Answer::json(&Applied {
            revision: None,
            changed: false,
            trial: None,
            plan,
        });
    }
    let author = call.author(request.note).await?;
    let terms = Terms {
        confirm_within: request.confirm_within.map(Duration::from_secs),
        seen: None,
    };
    let applied = call.api.manage(move |manager, now, wall| match number {
        Some(number) => manager.rollback(now, wall, number, &author, &terms),
        None => manager.give_up(now, wall, &author),
    });
    Answer::json(&applied.await??)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_every_option() {
        let old = json!({ "a": { "x": 1, "y": [1] }, "b": {}, "e": 1, "if": { "eth0.1": { "m": 1 } } });
        let new =
            json!({ "a": { "x": 2, "y": [1] }, "c": {}, "e": { "f": 2 }, "if": { "eth0.1": { "m": 2 } } });
        let answer = difference(&old, &new, "running", "proposed").unwrap();
        let found: Vec<_> = answer
            .changes
            .iter()
            .map(|c| (c.path.as_str(), c.old.clone(), c.new.clone()))
            .collect();
        assert_eq!(
            found,
            [
                ("a.x", Some(json!(1)), Some(json!(2))),
                ("b", Some(json!({})), None),
                ("c", None, Some(json!({}))),
                ("e", Some(json!(1)), None),
                ("e.f", None, Some(json!(2))),
                ("if.\"eth0.1\".m", Some(json!(1)), Some(json!(2))),
            ]
        );
        assert!(
            answer.text.starts_with("--- running\n+++ proposed\n"),
            "{}",
            answer.text
        );
        assert!(answer.text.contains("\n-x = 1\n+x = 2\n"), "{}", answer.text);
        assert_eq!(
            difference(&old, &old, "running", "x").unwrap(),
            DiffAnswer {
                changes: vec![],
                text: String::new()
            }
        );
    }
}
