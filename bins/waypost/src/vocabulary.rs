//! The options that configuration may have, read from its schema: for `schema` and for completion.

use serde_json::{Map, Value, json};
use waypost_manager::Path;

/// Stands for the name of any interface (or, in other tables, any key) in the path of an option.
pub(crate) const ANY_INTERFACE: &str = "IFNAME";
const ANY_KEY: &str = "NAME";
/// Schemas are trees with references; a hostile one must not keep us busy for ever.
const DEPTH: usize = 16;

/// An option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The parts of its path; one of them may stand for any name.
    pub(crate) parts: Vec<String>,
    /// What it takes, in words: `number`, `true | false`, `v1 | v2`.
    pub(crate) form: String,
    /// The values it takes, when they can be listed.
    pub(crate) values: Vec<String>,
    /// What it is for.
    pub(crate) description: String,
}

impl Term {
    /// Its path.
    pub(crate) fn path(&self) -> String {
        Path::new(self.parts.iter().map(String::as_str)).to_string()
    }
}

/// The options of the schema of the whole configuration.
pub(crate) fn of_everything(schema: &Value) -> Vec<Term> {
    let mut terms = Vec::new();
    collect(schema, &mut Vec::new(), schema, &mut terms);
    terms
}

/// The options of one protocol's schema, `{ "protocol": .., "interface": .., "$defs": .. }`.
pub(crate) fn of_protocol(name: &str, schema: &Value) -> Vec<Term> {
    let part = |key: &str| schema.get(key).cloned().unwrap_or_default();
    let mut protocols = Map::new();
    protocols.insert(name.to_owned(), part("protocol"));
    let mut interface = Map::new();
    interface.insert(name.to_owned(), part("interface"));
    of_everything(&json!({
        "properties": {
            "protocols": { "properties": protocols },
            "interfaces": { "additionalProperties": { "properties": interface } },
        },
        "$defs": schema.get("$defs").cloned().unwrap_or_default(),
    }))
}

/// `root` is the whole document: its definitions are what is referred to.
fn collect(root: &Value, parts: &mut Vec<String>, schema: &Value, terms: &mut Vec<Term>) {
    let described = schema;
    let schema = resolved(root, schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    let any = schema.get("additionalProperties").filter(|any| any.is_object());
    if parts.len() >= DEPTH || (properties.is_none_or(Map::is_empty) && any.is_none()) {
        if !parts.is_empty() {
            terms.push(term(root, parts, described, schema));
        }
        return;
    }
    for (name, inner) in properties.into_iter().flatten() {
        parts.push(name.clone());
        collect(root, parts, inner, terms);
        parts.pop();
    }
    if let Some(inner) = any {
        // `NAME = number` is told about where the table is.
        let told = described.get("description").cloned().unwrap_or_default();
        let name = if parts.last().is_some_and(|last| last == "interfaces") {
            ANY_INTERFACE
        } else {
            ANY_KEY
        };
        parts.push(name.to_owned());
        let first = terms.len();
        collect(root, parts, inner, terms);
        parts.pop();
        for term in terms
            .iter_mut()
            .skip(first)
            .filter(|term| term.description.is_empty())
        {
            term.description = told.as_str().unwrap_or_default().replace('\n', " ");
        }
    }
}

fn term(root: &Value, parts: &[String], described: &Value, schema: &Value) -> Term {
    let text = |schema: &Value| {
        schema
            .get("description")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let values = values(root, schema, 0);
    let form = if values.is_empty() {
        form(root, schema, 0)
    } else {
        values.join(" | ")
    };
    Term {
        parts: parts.to_vec(),
        form,
        values,
        description: text(described)
            .or_else(|| text(schema))
            .unwrap_or_default()
            .replace('\n', " "),
    }
}

/// Follows references and takes the one branch of `anyOf` that is not null.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut here = schema;
    for _ in 0..DEPTH {
        if let Some(name) = here
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|r| r.strip_prefix("#/$defs/"))
        {
            match root.get("$defs").and_then(|definitions| definitions.get(name)) {
                Some(found) => here = found,
                None => return here,
            }
        } else if let Some(branches) = here.get("anyOf").and_then(Value::as_array) {
            let mut set = branches
                .iter()
                .filter(|branch| branch.get("type").and_then(Value::as_str) != Some("null"));
            match (set.next(), set.next()) {
                (Some(only), None) => here = only,
                _ => return here,
            }
        } else {
            return here;
        }
    }
    here
}

fn values(root: &Value, schema: &Value, depth: usize) -> Vec<String> {
    let schema = resolved(root, schema);
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return vec![word.to_owned()];
    }
    if kind(schema) == Some("boolean") {
        return vec!["true".to_owned(), "false".to_owned()];
    }
    let words = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let mut words: Vec<String> = words.filter_map(Value::as_str).map(str::to_owned).collect();
    for branch in schema
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let inner = if depth < DEPTH {
            values(root, branch, depth + 1)
        } else {
            Vec::new()
        };
        if inner.is_empty() {
            // One branch is open, so the list would not be whole.
            return Vec::new();
        }
        words.extend(inner);
    }
    words
}

/// The type that is not null.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        kind => kind.as_str(),
    }
}

fn form(root: &Value, schema: &Value, depth: usize) -> String {
    let schema = resolved(root, schema);
    match kind(schema) {
        Some("integer") => "number".to_owned(),
        Some("string") => match schema.get("format").and_then(Value::as_str) {
            Some("ipv4" | "ipv6" | "ip") => "address".to_owned(),
            _ => "text".to_owned(),
        },
        Some("array") => match schema.get("items") {
            Some(items) if depth < DEPTH => format!("list of {}", form(root, items, depth + 1)),
            _ => "list".to_owned(),
        },
        Some("object") => {
            let names = schema.get("properties").and_then(Value::as_object);
            let names: Vec<&str> = names
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            if names.is_empty() {
                "table".to_owned()
            } else {
                format!("{{ {} }}", names.join(", "))
            }
        }
        Some(other) => other.to_owned(),
        None => {
            let branches = ["anyOf", "oneOf"]
                .into_iter()
                .find_map(|key| schema.get(key)?.as_array());
            let forms = branches.into_iter().flatten().filter(|_| depth < DEPTH);
            let mut forms: Vec<String> = forms.map(|branch| form(root, branch, depth + 1)).collect();
            forms.dedup();
            if forms.is_empty() {
                "value".to_owned()
            } else {
                forms.join(" or ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({
            "properties": {
                "router": { "properties": { "preferences": {
                    "additionalProperties": { "type": "integer" }, "description": "By source." } } },
                "interfaces": { "additionalProperties": { "properties": {
                    "enabled": { "type": "boolean", "description": "Whether." },
                    "rip": {
                        "properties": {
                            "announce": { "anyOf": [{ "$ref": "#/$defs/Announce" }, { "type": "null" }], "description": "What is sent." },
                            "metric": { "type": ["integer", "null"] },
                            "keys": { "type": ["array", "null"], "items": { "type": "object", "properties": { "id": {}, "secret": {} } } },
                        },
                    },
                } } },
            },
            "$defs": { "Announce": { "oneOf": [{ "const": "none" }, { "enum": ["v1", "v2"] }] } },
        })
    }

    #[test]
    fn finds_every_option() {
        let terms = of_everything(&schema());
        let found: Vec<(String, &str)> = terms
            .iter()
            .map(|term| (term.path(), term.form.as_str()))
            .collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(path, form)| (path.as_str(), *form)).collect();
        assert_eq!(
            found,
            [
                ("interfaces.IFNAME.enabled", "true | false"),
                ("interfaces.IFNAME.rip.announce", "none | v1 | v2"),
                ("interfaces.IFNAME.rip.keys", "list of { id, secret }"),
                ("interfaces.IFNAME.rip.metric", "number"),
                ("router.preferences.NAME", "number"),
            ]
        );
        assert_eq!(terms[1].description, "What is sent.");
        assert_eq!(terms[4].description, "By source.");
        assert_eq!(terms[1].values, ["none", "v1", "v2"]);
    }

    #[test]
    fn one_protocol() {
        let part = json!({ "properties": { "metric": { "$ref": "#/$defs/Metric" } } });
        let definitions = json!({ "Metric": { "type": "integer" } });
        let terms = of_protocol(
            "rip",
            &json!({ "protocol": part, "interface": part, "$defs": definitions }),
        );
        let found: Vec<(String, &str)> = terms
            .iter()
            .map(|term| (term.path(), term.form.as_str()))
            .collect();
        let expected = ["interfaces.IFNAME.rip.metric", "protocols.rip.metric"];
        assert_eq!(found, expected.map(|path| (path.to_owned(), "number")));
    }

    #[test]
    fn schemas_that_turn_in_circles_end() {
        let circle = json!({ "$defs": { "A": { "$ref": "#/$defs/A" } }, "properties": { "a": { "$ref": "#/$defs/A" } } });
        assert_eq!(of_everything(&circle).len(), 1);
        let deep = json!({ "$defs": { "A": { "properties": { "a": { "$ref": "#/$defs/A" } } } }, "$ref": "#/$defs/A" });
        assert_eq!(of_everything(&deep).len(), 1);
    }
}
