//! JSON Schema of the whole configuration, put together from the documents of its parts.

use serde_json::{Map, Value};

/// Where the definitions of a document are, as references name it.
const DEFINITIONS: &str = "#/$defs/";

/// The definitions of a document that is put together.
#[derive(Default)]
pub(crate) struct Definitions(Map<String, Value>);

impl Definitions {
    /// Takes a document in as a part of another one.
    ///
    /// References count from the root of the document that they stand in, so the part's definitions move to the new root,
    /// under names that begin with `owner`, and its references follow them.
    pub(crate) fn embed(&mut self, owner: &str, mut part: Value) -> Value {
        follow(owner, &mut part);
        if let Some(document) = part.as_object_mut() {
            document.remove("$schema");
            if let Some(Value::Object(definitions)) = document.remove("$defs") {
                let owned = |(name, schema)| (format!("{owner}.{name}"), schema);
                self.0.extend(definitions.into_iter().map(owned));
            }
        }
        part
    }

    /// The new root with all definitions.
    pub(crate) fn complete(self, mut document: Value) -> Value {
        if let (false, Some(document)) = (self.0.is_empty(), document.as_object_mut()) {
            document.insert("$defs".to_owned(), Value::Object(self.0));
        }
        document
    }
}

/// Makes every reference to a definition name its owner.
fn follow(owner: &str, schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            for (key, value) in table {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix(DEFINITIONS) {
                            *target = format!("{DEFINITIONS}{owner}.{name}");
                        }
                    }
                    value => follow(owner, value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|schema| follow(owner, schema)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_keep_their_own_definitions_apart() {
        let part = |kind: &str| {
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "properties": { "$ref": { "anyOf": [{ "$ref": "#/$defs/Mode" }, { "type": "null" }] } },
                "$defs": { "Mode": { "type": kind }, "Deep": { "items": { "$ref": "#/$defs/Mode" } } },
            })
        };
        let mut definitions = Definitions::default();
        let document = json!({
            "one": definitions.embed("one", part("string")),
            "two": definitions.embed("two", part("integer")),
        });
        let property = |owner: &str| {
            let target = format!("#/$defs/{owner}.Mode");
            // An option that is called `$ref` is not a reference.
            json!({ "properties": { "$ref": { "anyOf": [{ "$ref": target }, { "type": "null" }] } } })
        };
        assert_eq!(
            definitions.complete(document),
            json!({
                "one": property("one"),
                "two": property("two"),
                "$defs": {
                    "one.Mode": { "type": "string" },
                    "one.Deep": { "items": { "$ref": "#/$defs/one.Mode" } },
                    "two.Mode": { "type": "integer" },
                    "two.Deep": { "items": { "$ref": "#/$defs/two.Mode" } },
                },
            })
        );
    }

    #[test]
    fn a_document_without_definitions_gets_none() {
        let mut definitions = Definitions::default();
        let part = definitions.embed("one", json!({ "type": "object" }));
        assert_eq!(definitions.complete(part), json!({ "type": "object" }));
    }
}
