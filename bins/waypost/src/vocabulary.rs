//! The options that configuration may have, read from its schema: for `schema` and for completion.

use serde_json::{Map, Value, json};
use waypost_manager::Path;

/// Stands for the name of any interface (or, in other tables, any key) in the path of an option.
pub(crate) const ANY_INTERFACE: &str = "IFNAME";
const ANY_KEY: &str = "NAME";
/// Schemas are trees with references; a hostile one must not keep us busy for ever.
const DEPTH: usize = 16;
/// A list of the names in a table is not longer than this.
const LONG: usize = 32;

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
    /// What a table, or each table of a list, may have in it.
    pub(crate) members: Vec<Member>,
}

/// A name inside the value of an option, such as the `secret` of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) form: String,
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
    collect(&[schema], &mut Vec::new(), schema, &mut terms);
    terms
}

/// The options of one protocol's schema, `{ "protocol": .., "interface": .. }`.
pub(crate) fn of_protocol(name: &str, schema: &Value) -> Vec<Term> {
    let part = |key: &str| schema.get(key).cloned().unwrap_or_default();
    let mut protocols = Map::new();
    protocols.insert(name.to_owned(), part("protocol"));
    let mut interface = Map::new();
    interface.insert(name.to_owned(), part("interface"));
    of_everything(&json!({ "properties": {
        "protocols": { "properties": protocols },
        "interfaces": { "additionalProperties": { "properties": interface } },
    } }))
}

/// `roots` are the enclosing schemas, outermost first: a reference is looked up in the innermost that has it.
fn collect<'s>(roots: &[&'s Value], parts: &mut Vec<String>, schema: &'s Value, terms: &mut Vec<Term>) {
    let mut roots = roots.to_vec();
    if schema.get("$defs").is_some() {
        roots.push(schema);
    }
    let described = schema;
    let schema = resolved(&roots, schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    let any = schema.get("additionalProperties").filter(|any| any.is_object());
    if parts.len() >= DEPTH || (properties.is_none_or(Map::is_empty) && any.is_none()) {
        if !parts.is_empty() {
            terms.push(term(&roots, parts, described, schema));
        }
        return;
    }
    for (name, inner) in properties.into_iter().flatten() {
        parts.push(name.clone());
        collect(&roots, parts, inner, terms);
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
        collect(&roots, parts, inner, terms);
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

fn term(roots: &[&Value], parts: &[String], described: &Value, schema: &Value) -> Term {
    let members = members(roots, schema, 0);
    let form = match listed(roots, schema) {
        // The names stand below.
        long if long.len() > LONG && long.starts_with("list") => "list of tables".to_owned(),
        form => form,
    };
    Term {
        parts: parts.to_vec(),
        form,
        values: values(roots, schema, 0),
        description: description(described)
            .or_else(|| description(schema))
            .unwrap_or_default(),
        members,
    }
}

fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(text.replace('\n', " "))
}

/// The values that can be listed, or else the form.
fn listed(roots: &[&Value], schema: &Value) -> String {
    let values = values(roots, schema, 0);
    if values.is_empty() {
        form(roots, schema, 0)
    } else {
        values.join(" | ")
    }
}

/// What is inside the tables that a value is, or is a list of.
fn members(roots: &[&Value], schema: &Value, depth: usize) -> Vec<Member> {
    let schema = resolved(roots, schema);
    if depth >= DEPTH {
        return Vec::new();
    }
    if let Some(items) = schema.get("items") {
        return members(roots, items, depth + 1);
    }
    if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
        return branches
            .iter()
            .flat_map(|branch| {
                let told = description(branch).unwrap_or_default();
                let mut members = members(roots, branch, depth + 1);
                for member in members.iter_mut().filter(|member| member.description.is_empty()) {
                    member.description.clone_from(&told);
                }
                members
            })
            .collect();
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let member = |(name, inner): (&String, &Value)| Member {
        name: name.clone(),
        form: listed(roots, inner),
        description: description(inner)
            .or_else(|| description(resolved(roots, inner)))
            .unwrap_or_default(),
    };
    properties.into_iter().flatten().map(member).collect()
}

/// Follows references and takes the one branch of `anyOf` that is not null.
fn resolved<'s>(roots: &[&'s Value], schema: &'s Value) -> &'s Value {
    let mut here = schema;
    for _ in 0..DEPTH {
        if let Some(name) = here
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|r| r.strip_prefix("#/$defs/"))
        {
            let found = roots.iter().rev().find_map(|root| root.get("$defs")?.get(name));
            match found {
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

fn values(roots: &[&Value], schema: &Value, depth: usize) -> Vec<String> {
    let schema = resolved(roots, schema);
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
            values(roots, branch, depth + 1)
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

/// The range of a number, unless it is that of its type.
fn range(schema: &Value) -> Option<String> {
    let (low, high) = (schema.get("minimum")?.as_i64()?, schema.get("maximum")?.as_i64()?);
    (high < i64::from(u32::MAX)).then(|| format!("{low}..={high}"))
}

fn form(roots: &[&Value], schema: &Value, depth: usize) -> String {
    let schema = resolved(roots, schema);
    match kind(schema) {
        Some("integer") => range(schema).unwrap_or_else(|| "number".to_owned()),
        Some("string") => match schema.get("format").and_then(Value::as_str) {
            Some("ipv4" | "ipv6" | "ip") => "address".to_owned(),
            _ => "text".to_owned(),
        },
        Some("array") => match schema.get("items") {
            Some(items) if depth < DEPTH => format!("list of {}", form(roots, items, depth + 1)),
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
            let mut forms: Vec<String> = forms.map(|branch| form(roots, branch, depth + 1)).collect();
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
                            "metric": { "type": ["integer", "null"], "minimum": 0, "maximum": 16 },
                            "keys": { "type": ["array", "null"], "items": { "type": "object", "properties": { "id": {}, "secret": {} } } },
                        },
                        "$defs": { "Announce": { "oneOf": [{ "const": "none" }, { "enum": ["v1", "v2"] }] } },
                    },
                } } },
            },
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
                ("interfaces.IFNAME.rip.metric", "0..=16"),
                ("router.preferences.NAME", "number"),
            ]
        );
        let members: Vec<&str> = terms[2].members.iter().map(|member| &*member.name).collect();
        assert_eq!(members, ["id", "secret"]);
        assert_eq!(terms[1].description, "What is sent.");
        assert_eq!(terms[4].description, "By source.");
        assert_eq!(terms[1].values, ["none", "v1", "v2"]);
    }

    #[test]
    fn one_protocol() {
        let part = json!({ "properties": { "metric": { "type": "integer" } } });
        let terms = of_protocol("rip", &json!({ "protocol": part, "interface": part }));
        let paths: Vec<String> = terms.iter().map(Term::path).collect();
        assert_eq!(paths, ["interfaces.IFNAME.rip.metric", "protocols.rip.metric"]);
    }

    #[test]
    fn schemas_that_turn_in_circles_end() {
        let circle = json!({ "$defs": { "A": { "$ref": "#/$defs/A" } }, "properties": { "a": { "$ref": "#/$defs/A" } } });
        assert_eq!(of_everything(&circle).len(), 1);
        let deep = json!({ "$defs": { "A": { "properties": { "a": { "$ref": "#/$defs/A" } } } }, "$ref": "#/$defs/A" });
        assert_eq!(of_everything(&deep).len(), 1);
    }
}
