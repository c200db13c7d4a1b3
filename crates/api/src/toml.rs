//! Text trees as TOML and back.
//!
//! The tree is JSON because codecs speak JSON; operators read TOML. Every tree without `null` in an array, and without
//! integers beyond 64 bits signed, has a TOML text that reads back as the same tree.

use serde_json::{Map, Number, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TomlError};
use waypost_manager::Path;
use waypost_routprot::Refusal;

/// A line of an array longer than this is broken, one element a line.
const LINE: usize = 100;

/// Reads TOML text as a text tree.
///
/// # Errors
/// 87, with line and column in the reason and the line itself as the value. The depth of tables is limited (80).
pub fn parse_toml(text: &str) -> Result<Value, Refusal> {
    let document: DocumentMut = text.parse().map_err(|error| refusal(text, &error))?;
    table_to_json(document.as_table()).map(Value::Object)
}

/// Writes a text tree as TOML: a header for every table, lists of tables inline. `null` members of tables are left out.
///
/// # Errors
/// 87 for what TOML cannot express: a root that is no table, `null` in a list, an integer above 2^63-1.
pub fn write_toml(tree: &Value) -> Result<String, Refusal> {
    let Value::Object(tree) = tree else {
        return Err(Refusal::invalid("a table is expected").with_value(tree));
    };
    let mut document = DocumentMut::new();
    *document.as_table_mut() = json_to_table(tree, &Path::default())?;
    Ok(document.to_string())
}

/// Reads a value as it is typed at a command line: TOML where it is TOML, text where not. Also gives back what was typed,
/// for options that are text although the value looks like a number.
#[must_use]
pub fn parse_value(typed: &str) -> (Value, String) {
    let value = typed
        .parse::<toml_edit::Value>()
        .ok()
        .and_then(|value| value_to_json(&value).ok());
    (
        value.unwrap_or_else(|| Value::String(typed.to_owned())),
        typed.to_owned(),
    )
}

fn refusal(text: &str, error: &TomlError) -> Refusal {
    let message = error.message().trim().replace('\n', "; ");
    let Some(span) = error.span() else {
        return Refusal::invalid(message);
    };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).map_or(0, |line| line.chars().count());
    let refusal = Refusal::invalid(format!("line {}, column {}: {message}", line + 1, column + 1));
    match text.lines().nth(line) {
        Some(line) if !line.trim().is_empty() => {
            refusal.with_value(line.trim().chars().take(80).collect::<String>())
        }
        _ => refusal,
    }
}

fn table_to_json(table: &Table) -> Result<Map<String, Value>, Refusal> {
    table
        .iter()
        .map(|(key, item)| Ok((key.to_owned(), item_to_json(item)?)))
        .collect()
}

fn item_to_json(item: &Item) -> Result<Value, Refusal> {
    Ok(match item {
        Item::None => Value::Null,
        Item::Value(value) => value_to_json(value)?,
        Item::Table(table) => Value::Object(table_to_json(table)?),
        Item::ArrayOfTables(tables) => Value::Array(
            tables
                .iter()
                .map(|table| table_to_json(table).map(Value::Object))
                .collect::<Result<_, _>>()?,
        ),
    })
}

fn value_to_json(value: &toml_edit::Value) -> Result<Value, Refusal> {
    use toml_edit::Value as Toml;
    Ok(match value {
        Toml::String(text) => Value::String(text.value().clone()),
        Toml::Integer(number) => Value::from(*number.value()),
        Toml::Float(number) => Number::from_f64(*number.value())
            .map(Value::Number)
            .ok_or_else(|| Refusal::invalid("not a finite number").with_value(number.value()))?,
        Toml::Boolean(truth) => Value::Bool(*truth.value()),
        // JSON has no dates; an option that is one takes it as text.
        Toml::Datetime(date) => Value::String(date.value().to_string()),
        Toml::Array(values) => Value::Array(values.iter().map(value_to_json).collect::<Result<_, _>>()?),
        Toml::InlineTable(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| Ok((key.to_owned(), value_to_json(value)?)))
                .collect::<Result<_, Refusal>>()?,
        ),
    })
}

/// The order in which people read a configuration: the router as a whole, its protocols, then the interfaces.
fn rank(name: &str) -> usize {
    ["router", "protocols", "interfaces"]
        .iter()
        .position(|known| *known == name)
        .unwrap_or(0)
}

fn json_to_table(members: &Map<String, Value>, path: &Path) -> Result<Table, Refusal> {
    let mut table = Table::new();
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    if path.parts().is_empty() {
        members.sort_by_key(|(name, _)| rank(name));
    }
    for (name, value) in members {
        let path = path.join(name);
        match value {
            Value::Null => {}
            Value::Object(members) => drop(table.insert(name, Item::Table(json_to_table(members, &path)?))),
            other => {
                let mut value = json_to_value(other, &path)?;
                if let toml_edit::Value::Array(array) = &mut value {
                    break_long(name, array);
                }
                table.insert(name, Item::Value(value));
            }
        }
    }
    // `[interfaces]` says nothing when `[interfaces.eth0]` follows; an empty table has nothing but its header.
    table.set_implicit(!table.is_empty() && table.iter().all(|(_, item)| item.is_table()));
    Ok(table)
}

fn json_to_value(value: &Value, path: &Path) -> Result<toml_edit::Value, Refusal> {
    let refuse = |reason: &str| Refusal::invalid(reason).at(&path.to_string()).with_value(value);
    Ok(match value {
        Value::Null => return Err(refuse("TOML has no null")),
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (None, Some(float)) if number.is_f64() => float.into(),
            _ => return Err(refuse("TOML has no integers above 9223372036854775807")),
        },
        Value::Array(values) => {
            let values = values.iter().map(|value| json_to_value(value, path));
            toml_edit::Value::Array(values.collect::<Result<Array, _>>()?)
        }
        Value::Object(members) => {
            let mut table = InlineTable::new();
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                table.insert(name, json_to_value(value, &path.join(name))?);
            }
            toml_edit::Value::InlineTable(table)
        }
    })
}

fn break_long(name: &str, array: &mut Array) {
    if array.len() < 2 || name.len() + 3 + array.to_string().len() <= LINE {
        return;
    }
    for value in array.iter_mut() {
        value.decor_mut().set_prefix("\n    ");
    }
    array.set_trailing("\n");
    array.set_trailing_comma(true);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_like_the_design() {
        let tree = json!({
            "router": { "id": "192.0.2.1" },
            "protocols": { "rip": { "update-interval": 30 }, "ospf": {} },
            "interfaces": {
                "eth0": { "enabled": true, "rip": {
                    "metric": 1,
                    "accept-filter": [{ "deny": "10.0.0.0/8 le 32" }],
                    "gone": null,
                } },
                "eth0.100": { "rip": { "authentication": { "mode": "plain" } } },
            },
        });
        let text = write_toml(&tree).unwrap();
        assert_eq!(
            text,
            r#"[router]
id = "192.0.2.1"

[protocols.ospf]

[protocols.rip]
update-interval = 30

[interfaces.eth0]
enabled = true

[interfaces.eth0.rip]
accept-filter = [{ deny = "10.0.0.0/8 le 32" }]
metric = 1

[interfaces."eth0.100".rip.authentication]
mode = "plain"
"#
        );
    }

    #[test]
    fn long_lists_are_one_a_line() {
        let rules: Vec<Value> = (0..4)
            .map(|n| json!({ "deny": format!("10.{n}.0.0/16 le 32") }))
            .collect();
        let tree = json!({ "f": { "accept-filter": rules } });
        let text = write_toml(&tree).unwrap();
        assert_eq!(
            text.lines().nth(2),
            Some("    { deny = \"10.0.0.0/16 le 32\" },"),
            "{text}"
        );
        assert_eq!(parse_toml(&text), Ok(tree));
    }

    #[test]
    fn mistakes_have_a_place() {
        let refusal = parse_toml("[router]\nid = \"x\"\n\n[protocols.rip]\nupdate = = 3\n").unwrap_err();
        assert!(refusal.reason.starts_with("line 5, column 10: "), "{refusal}");
        assert_eq!(refusal.value.as_deref(), Some("update = = 3"));
        let refusal = parse_toml("[a]\nb = 1\nb = 2").unwrap_err();
        assert!(
            refusal.reason.starts_with("line 3, column 1: duplicate key"),
            "{refusal}"
        );
        assert!(parse_toml("a = nan").unwrap_err().to_string().contains("finite"));
    }

    #[test]
    fn what_toml_cannot_say_is_refused_with_its_path() {
        let refused = |tree| write_toml(&tree).unwrap_err();
        assert_eq!(refused(json!({ "a": { "b": [1, null] } })).path, "a.b");
        assert_eq!(refused(json!({ "a": u64::MAX })).path, "a");
        assert!(write_toml(&json!([])).is_err());
    }

    #[test]
    fn depth_is_limited() {
        let deep = [
            format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("a{} = 1", ".a".repeat(100_000)),
            format!("[a{}]", ".a".repeat(100_000)),
            format!("a = {}1{}", "{ a = ".repeat(100_000), "}".repeat(100_000)),
        ];
        for text in deep {
            assert!(parse_toml(&text).is_err(), "{}", &text[..20]);
        }
        // Many shallow headers are no depth, but each extends the one before.
        let text = format!("[a{0}]\n[a{0}{0}]\n", ".a".repeat(60));
        drop(parse_toml(&text));
    }

    #[test]
    fn typed_values() {
        for (typed, value) in [
            ("3", json!(3)),
            ("true", json!(true)),
            ("\"3\"", json!("3")),
            ("v2-multicast", json!("v2-multicast")),
            ("10.0.0.0/8", json!("10.0.0.0/8")),
            ("192.0.2.1", json!("192.0.2.1")),
            ("", json!("")),
            ("nan", json!("nan")),
            ("[1, \"a\"]", json!([1, "a"])),
            ("{}", json!({})),
            ("{ deny = \"0.0.0.0/0\" }", json!({ "deny": "0.0.0.0/0" })),
            ("2026-01-01T00:00:00Z", json!("2026-01-01T00:00:00Z")),
            ("007", json!("007")),
        ] {
            assert_eq!(parse_value(typed), (value, typed.to_owned()));
        }
    }

    fn any_tree() -> impl Strategy<Value = Value> {
        let text = || prop_oneof!["[a-z-]{1,8}", any::<String>(), Just("a.b".to_owned())];
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e300..1e300_f64).prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        });
        prop::collection::btree_map(text(), value, 0..5)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn text_reads_back_as_the_same_tree(tree in any_tree()) {
            let text = write_toml(&tree).unwrap();
            prop_assert_eq!(parse_toml(&text), Ok(tree), "{}", text);
        }

        #[test]
        fn no_text_panics(text in any::<String>(), toml in "[\\[\\]{}=.,\"'a-c0-9\n -]{0,40}") {
            drop(parse_toml(&text));
            drop(parse_toml(&toml));
            prop_assert_eq!(parse_value(&toml).1, toml);
        }
    }
}
