//! What is wrong with configuration text, in an operator's words and all at once, by the schema of what it should be.
//!
//! Typed reading stops at the first mistake and speaks of Rust types. This is asked only after it has refused: it walks the
//! text beside the JSON Schema and names, for each mistake, path, value and what would be allowed. What a schema cannot say
//! (rules between options, the grammar of a text) stays the business of the type.

use serde_json::{Map, Value};

use crate::{Refusal, suggestion};

/// References followed in a row; a schema of ours has two.
const REFERENCES: usize = 16;
/// Mistakes reported of one text: enough to work through.
const MOST: usize = 100;
/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// Every mistake in `text` that `schema`, a whole JSON Schema as `schemars` makes it, knows to be one; paths are relative.
///
/// Values of options that hold keys or passwords are never shown, and of tables and lists only what they are.
#[must_use]
pub fn mistakes(schema: &Value, text: &Value) -> Vec<Refusal> {
    let mut walk = Walk {
        root: schema,
        path: Vec::new(),
        found: Vec::new(),
    };
    walk.check(schema, text);
    walk.found
}

/// A value as a refusal shows it: text without quotes, and nothing of tables and lists but their kind.
#[must_use]
pub fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > SHOWN => {
            text.chars().take(SHOWN).chain("...".chars()).collect()
        }
        Value::String(text) => text.clone(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

struct Walk<'s> {
    root: &'s Value,
    path: Vec<String>,
    found: Vec<Refusal>,
}

impl<'s> Walk<'s> {
    fn check(&mut self, schema: &'s Value, value: &Value) {
        if self.found.len() >= MOST {
            return;
        }
        let schema = self.resolved(schema);
        let branches = self.branches(schema);
        match branches.as_slice() {
            [] => self.check_one(schema, value),
            _ if value.is_null() && self.takes_null(schema) => {}
            [only] => self.check(only, value),
            _ => self.check_branches(&branches, value),
        }
    }

    /// What a schema offers to choose from, `null` aside; a choice within a choice is taken apart.
    fn branches(&self, schema: &'s Value) -> Vec<&'s Value> {
        let choice = |schema: &'s Value| {
            ["anyOf", "oneOf"]
                .into_iter()
                .find_map(|key| schema.get(key)?.as_array())
        };
        let mut branches = Vec::new();
        for branch in choice(schema).into_iter().flatten() {
            let branch = self.resolved(branch);
            match choice(branch) {
                Some(inner) => branches.extend(inner.iter().map(|inner| self.resolved(inner))),
                None => branches.push(branch),
            }
        }
        branches.retain(|branch| branch.get("type").and_then(Value::as_str) != Some("null"));
        branches
    }

    fn takes_null(&self, schema: &'s Value) -> bool {
        let null = |schema: &Value| match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "null"),
            kind => kind.is_some_and(|kind| kind == "null"),
        };
        let branches = ["anyOf", "oneOf"]
            .into_iter()
            .find_map(|key| schema.get(key)?.as_array());
        null(schema) || branches.into_iter().flatten().any(null)
    }

    fn check_branches(&mut self, branches: &[&'s Value], value: &Value) {
        let words: Vec<&str> = branches.iter().flat_map(|branch| words(branch)).collect();
        if words.len() >= branches.len() {
            return self.check_words(&words, value);
        }
        // A variant with contents is a table with its name as key.
        let members = |branch: &&&'s Value| branch.get("properties").and_then(Value::as_object);
        if let (Value::Object(table), true) =
            (value, branches.iter().all(|branch| members(&branch).is_some()))
        {
            let named = |branch: &&&'s Value| {
                members(branch).is_some_and(|members| table.keys().any(|key| members.contains_key(key)))
            };
            if let Some(branch) = branches.iter().find(named) {
                return self.check_one(branch, value);
            }
            let known: Vec<&str> = branches
                .iter()
                .filter_map(|branch| members(&branch))
                .flat_map(Map::keys)
                .map(String::as_str)
                .collect();
            return match table.keys().next() {
                Some(name) => self.unknown(name, &known),
                None => self.refuse("the table is empty", None, Some(known.join(", "))),
            };
        }
        let fitting: Vec<&&Value> = branches
            .iter()
            .filter(|branch| kind(branch).is_none_or(|kind| is_of(kind, value)))
            .collect();
        match fitting.as_slice() {
            [only] => self.check_one(only, value),
            [] => {
                let mut forms: Vec<&str> = branches
                    .iter()
                    .filter_map(|branch| kind(branch))
                    .map(noun)
                    .collect();
                forms.dedup();
                self.refuse(&format!("{} is expected", forms.join(" or ")), Some(value), None);
            }
            // It is of the right kind for several: only the type knows.
            _ => {}
        }
    }

    fn check_words(&mut self, words: &[&str], value: &Value) {
        // A word that is a number may be given as one.
        let number = value.as_number().map(ToString::to_string);
        let word = value.as_str().or(number.as_deref());
        if word.is_some_and(|word| words.contains(&word)) {
            return;
        }
        let meant = word.and_then(|word| suggestion(word, words.iter().copied()));
        let reason = match meant {
            Some(meant) => format!("no such value; did you mean '{meant}'?"),
            None => "no such value".to_owned(),
        };
        self.refuse(&reason, Some(value), Some(words.join(", ")));
    }

    fn check_one(&mut self, schema: &'s Value, value: &Value) {
        if value.is_null() && self.takes_null(schema) {
            return;
        }
        let words = words(schema);
        if !words.is_empty() {
            return self.check_words(&words, value);
        }
        let Some(kind) = kind(schema) else { return };
        let range = || match (number(schema.get("minimum")), number(schema.get("maximum"))) {
            (Some(low), Some(high)) => Some(format!("{low}..={high}")),
            (Some(low), None) => Some(format!("{low} or more")),
            (None, Some(high)) => Some(format!("up to {high}")),
            (None, None) => None,
        };
        if !is_of(kind, value) {
            let allowed = match kind {
                "integer" => range(),
                "boolean" => Some("true, false".to_owned()),
                "object" => Some("a table of options, {} for none".to_owned()),
                _ => None,
            };
            return self.refuse(&format!("{} is expected", noun(kind)), Some(value), allowed);
        }
        match value {
            Value::Number(_) => {
                let given = number(Some(value));
                let low = number(schema.get("minimum"));
                let high = number(schema.get("maximum"));
                if given.is_some_and(|given| {
                    low.is_some_and(|low| given < low) || high.is_some_and(|high| given > high)
                }) {
                    self.refuse("value is out of range", Some(value), range());
                }
            }
            Value::Array(values) => {
                if let Some(items) = schema.get("items") {
                    for (position, value) in values.iter().enumerate() {
                        self.within(position.to_string(), |walk| walk.check(items, value));
                    }
                }
            }
            Value::Object(table) => self.check_table(schema, table),
            _ => {}
        }
    }

    fn check_table(&mut self, schema: &'s Value, table: &Map<String, Value>) {
        let members = schema.get("properties").and_then(Value::as_object);
        let other = schema.get("additionalProperties");
        let any = match other {
            Some(Value::Bool(any)) => *any,
            Some(_) => true,
            None => members.is_none(),
        };
        for (name, value) in table {
            let member = members.and_then(|members| members.get(name));
            match member.or_else(|| other.filter(|other| other.is_object())) {
                Some(schema) => self.within(name.clone(), |walk| walk.check(schema, value)),
                None if any => {}
                None => {
                    let known: Vec<&str> = members
                        .into_iter()
                        .flat_map(Map::keys)
                        .map(String::as_str)
                        .collect();
                    self.unknown(name, &known);
                }
            }
        }
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for name in required.filter_map(Value::as_str) {
            if !table.contains_key(name) {
                self.refuse(&format!("'{name}' is missing"), None, None);
            }
        }
    }

    fn unknown(&mut self, name: &str, known: &[&str]) {
        let reason = match suggestion(name, known.iter().copied()) {
            Some(meant) => format!("unknown option; did you mean '{meant}'?"),
            None => "unknown option".to_owned(),
        };
        let allowed = known.join(", ");
        self.within(name.to_owned(), |walk| walk.refuse(&reason, None, Some(allowed)));
    }

    fn within(&mut self, part: String, work: impl FnOnce(&mut Self)) {
        self.path.push(part);
        work(self);
        self.path.pop();
    }

    fn refuse(&mut self, reason: &str, value: Option<&Value>, allowed: Option<String>) {
        if self.found.len() >= MOST {
            return;
        }
        let secret = self
            .path
            .iter()
            .any(|part| matches!(part.as_str(), "secret" | "password" | "hex"));
        let mut refusal = Refusal::invalid(reason).at(&self.path.join("."));
        // A text where the keys are expected may be one of them.
        let in_keys = |value: &Value| value.is_string() && self.path.iter().any(|part| part == "keys");
        if let Some(value) =
            value.filter(|value| !secret && !in_keys(value) || value.is_array() || value.is_object())
        {
            refusal = refusal.with_value(shown_value(value));
        }
        if let Some(allowed) = allowed {
            refusal = refusal.with_allowed(allowed);
        }
        self.found.push(refusal);
    }

    fn resolved(&self, schema: &'s Value) -> &'s Value {
        let mut here = schema;
        for _ in 0..REFERENCES {
            let name = here.get("$ref").and_then(Value::as_str);
            let found = name
                .and_then(|name| name.strip_prefix("#/$defs/"))
                .and_then(|name| self.root.get("$defs")?.get(name));
            match found {
                Some(found) => here = found,
                None => break,
            }
        }
        here
    }
}

/// The words that a schema lists.
fn words(schema: &Value) -> Vec<&str> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    schema
        .get("const")
        .into_iter()
        .chain(listed)
        .filter_map(Value::as_str)
        .collect()
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

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn noun(kind: &str) -> &str {
    match kind {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "a truth value",
        "string" => "text",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

fn number(value: Option<&Value>) -> Option<i128> {
    let value = value?;
    value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(schemars::JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Digest {
        None,
        /// The old one.
        Md5,
        HmacSha256,
    }

    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Level {
        #[serde(rename = "1")]
        One,
        #[serde(rename = "2")]
        Two,
    }

    #[derive(schemars::JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Rule {
        Permit(String),
        Deny(String),
    }

    #[derive(schemars::JsonSchema)]
    #[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
    #[derive(Default)]
    struct Options {
        #[schemars(range(min = 0, max = 16))]
        metric: Option<u8>,
        passive: Option<bool>,
        digest: Option<Digest>,
        level: Option<Level>,
        filter: Option<Vec<Rule>>,
        keys: Vec<Key>,
        password: Option<String>,
        by_name: std::collections::BTreeMap<String, u8>,
    }

    #[derive(schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Key {
        id: u8,
        secret: String,
    }

    fn said(text: &Value) -> Vec<String> {
        let schema = schemars::schema_for!(Options).to_value();
        let found = mistakes(&schema, text);
        found
            .iter()
            .map(|refusal| refusal.to_string().replace(" [ERROR_INVALID_PARAMETER 87]", ""))
            .collect()
    }

    #[test]
    fn every_mistake_is_named_with_path_value_and_what_is_allowed() {
        let text = json!({
            "metric": "abc", "passive": "yes", "digest": "mdd5", "metrc": 1,
            "filter": [{ "deny": "10.0.0.0/8" }, { "denny": "x" }, "x"], "by-name": { "a": 1, "b": 300 },
        });
        assert_eq!(
            said(&text),
            [
                "by-name.b: value is out of range: 300 (allowed: 0..=255)",
                "digest: no such value; did you mean 'md5'?: mdd5 (allowed: none, hmac-sha256, md5)",
                "filter.1.denny: unknown option; did you mean 'deny'? (allowed: permit, deny)",
                "filter.2: a table is expected: x",
                "metrc: unknown option; did you mean 'metric'? (allowed: by-name, digest, filter, keys, level, metric, passive, password)",
                "metric: a whole number is expected: abc (allowed: 0..=16)",
                "passive: a truth value is expected: yes (allowed: true, false)",
            ]
        );
        for (value, words) in [(json!(-1), "-1"), (json!(99_999), "99999"), (json!(17), "17")] {
            let expected = format!("metric: value is out of range: {words} (allowed: 0..=16)");
            assert_eq!(said(&json!({ "metric": value })), [expected]);
        }
        assert_eq!(
            said(&json!(5)),
            ["a table is expected: 5 (allowed: a table of options, {} for none)"]
        );
        assert_eq!(
            said(&json!({ "metric": 1.5 })),
            ["metric: a whole number is expected: 1.5 (allowed: 0..=16)"]
        );
        assert_eq!(
            said(&json!({ "filter": [{}] })),
            ["filter.0: the table is empty (allowed: permit, deny)"]
        );
        assert_eq!(
            said(&json!({ "keys": [{ "secret": "s" }] })),
            ["keys.0: 'id' is missing"]
        );
    }

    #[test]
    fn what_is_right_is_no_mistake() {
        let right = json!({
            "metric": 16, "passive": null, "digest": "hmac-sha256", "filter": [{ "deny": "x" }],
            "keys": [{ "id": 255, "secret": "s" }], "by-name": {},
        });
        assert_eq!(said(&right), Vec::<String>::new());
    }

    #[test]
    fn secrets_are_not_shown() {
        for text in [
            json!({ "password": 4711 }),
            json!({ "keys": [{ "id": 1, "secret": 4711 }] }),
            json!({ "keys": "4711" }),
            json!({ "keys": ["4711"] }),
        ] {
            let said = said(&text);
            assert_eq!(said.len(), 1);
            assert!(!said[0].contains("4711"), "{said:?}");
        }
    }

    #[test]
    fn a_flood_of_mistakes_is_cut() {
        let many: Map<String, Value> = (0..1000)
            .map(|number| (number.to_string(), Value::Null))
            .collect();
        assert_eq!(said(&Value::Object(many)).len(), MOST);
    }

    #[test]
    fn a_word_that_is_a_number_may_be_given_as_one() {
        for level in [json!(1), json!("2")] {
            assert!(said(&json!({ "level": level })).is_empty());
        }
        assert_eq!(
            said(&json!({ "level": 3, "digest": 1 })),
            [
                "digest: no such value: 1 (allowed: none, hmac-sha256, md5)",
                "level: no such value: 3 (allowed: 1, 2)"
            ]
        );
    }
}
