//! Tables as JSON Schema, in the words that the schemas of protocols in the daemon use.

use serde_json::{Map, Value, json};

use super::table::{Item, Kind, Table};

/// Of the text of a block.
pub(super) fn schema(table: &Table, title: &str) -> Value {
    let mut schema = options(table);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = title.into();
    schema
}

fn options(table: &Table) -> Value {
    let members: Map<String, Value> = table
        .options
        .iter()
        .map(|option| (option.name.clone(), member(option)))
        .collect();
    let required: Vec<&str> = table
        .options
        .iter()
        .filter(|option| option.default.is_none())
        .map(|option| option.name.as_str())
        .collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": members });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn member(option: &Item) -> Value {
    let mut schema = match &option.kind {
        Kind::Number(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Word(words) => {
            let branch = |word: &super::table::Word| {
                let mut branch = json!({ "type": "string", "const": word.name });
                if !word.help.is_empty() {
                    branch["description"] = word.help.as_str().into();
                }
                branch
            };
            json!({ "oneOf": words.iter().map(branch).collect::<Vec<_>>() })
        }
        Kind::Address => json!({ "type": "string", "format": "ipv4" }),
        Kind::Prefix => json!({ "type": "string", "format": "ipv4-prefix" }),
        Kind::Text => json!({ "type": "string", "maxLength": option.size.saturating_sub(1) }),
        Kind::WideText => json!({ "type": "string", "maxLength": (option.size / 2).saturating_sub(1) }),
        Kind::List(least, most, element) => {
            let items = element.value().map_or_else(|| options(element), member);
            json!({ "type": "array", "items": items, "minItems": least, "maxItems": most })
        }
    };
    let told = described(option);
    if !told.is_empty() {
        schema["description"] = told.into();
    }
    if let Some(default) = super::value::default_text(option) {
        schema["default"] = default;
    }
    schema
}

/// Help and unit in one.
fn described(option: &Item) -> String {
    match (option.help.as_str(), option.unit.as_str()) {
        (help, "") => help.to_owned(),
        ("", unit) => format!("In {unit}."),
        (help, unit) => format!("{} ({unit}).", help.trim_end_matches('.')),
    }
}
