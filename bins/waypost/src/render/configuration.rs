//! `show config` and `get`.

use serde_json::{Map, Value, json};
use waypost_manager::Path;

use super::nothing;
use super::units::{plain_value, toml_value};
use crate::fault::Fault;
use crate::sheet::{Ink, Sheet};

/// The configuration at a path as TOML that could be applied as it stands: whole tables keep their whole path.
pub(crate) fn configuration(sheet: &Sheet, path: &Path, tree: &Value) -> Result<String, Fault> {
    let parts = path.parts();
    if !tree.is_object() {
        // A single option, as `set` takes it.
        return Ok(format!("{path}={}\n", toml_value(tree)));
    }
    if tree.as_object().is_some_and(Map::is_empty) && parts.is_empty() {
        return Ok(nothing("no configuration"));
    }
    let whole = parts
        .iter()
        .rev()
        .fold(tree.clone(), |inner, part| json!({ *part: inner }));
    let text = waypost_api::write_toml(&whole).map_err(Fault::refused)?;
    Ok(text
        .lines()
        .map(|line| format!("{}\n", highlighted(sheet, line)))
        .collect())
}

/// The value at a path and nothing else, for scripts; a table as TOML relative to the path.
pub(crate) fn value(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Object(_) => waypost_api::write_toml(value).map_err(Fault::refused),
        Value::Array(values) if values.iter().all(|value| !value.is_object() && !value.is_array()) => {
            Ok(values
                .iter()
                .map(|value| format!("{}\n", plain_value(value)))
                .collect())
        }
        other => Ok(format!("{}\n", plain_value(other))),
    }
}

fn highlighted(sheet: &Sheet, line: &str) -> String {
    if line.starts_with('[') {
        sheet.ink(Ink::Bold, line)
    } else {
        line.to_owned()
    }
}
