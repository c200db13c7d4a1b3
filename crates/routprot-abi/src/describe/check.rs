//! Whether a description makes sense. What passes can be encoded, decoded and shown without a further look.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use waypost_routprot::Refusal;

use super::table::{Item, Kind, Table, Word};
use super::{Description, Form};

/// Versions of a block at most.
pub(super) const VERSIONS: usize = 16;
/// Options of a table, and words of an option, at most.
pub(super) const OPTIONS: usize = 256;
/// Tables, options and words of a description at most, together.
pub(super) const ITEMS: usize = 4096;
/// Octets of a name, and of a text for people, at most.
pub(super) const NAME: usize = 64;
pub(super) const HELP: usize = 1024;
/// Octets of a fixed part or an element at most.
const FIXED: u32 = 1 << 16;
/// Octets of a block at most.
const LARGEST: u64 = 16 << 20;
/// Octets of a schema at most.
pub(super) const SCHEMA: usize = 1 << 20;

/// Refuses what makes no sense, with the place in the description.
pub(crate) fn check(description: &Description) -> Result<(), Refusal> {
    match &description.0 {
        Form::Tables(both) => {
            for (scope, tables) in ["global", "interface"].into_iter().zip(both) {
                check_versions(tables).map_err(|refusal| refusal.under(scope))?;
            }
            Ok(())
        }
        Form::Schemas(both) => {
            for (scope, schema) in ["global-schema", "interface-schema"].into_iter().zip(both) {
                check_schema(schema).map_err(|refusal| refusal.under(scope))?;
            }
            Ok(())
        }
    }
}

fn check_versions(tables: &[Table]) -> Result<(), Refusal> {
    within("count", tables.len() as u64, 1, VERSIONS as u64)?;
    let mut versions = BTreeSet::new();
    for (position, table) in tables.iter().enumerate() {
        let mut check = || {
            within("version", table.version.into(), 1, u32::MAX.into())?;
            if !versions.insert(table.version) {
                return Err(Refusal::invalid("two tables of one version")
                    .at("version")
                    .with_value(table.version));
            }
            check_table(table, false)
        };
        check().map_err(|refusal| refusal.under(&position.to_string()))?;
    }
    Ok(())
}

fn check_table(table: &Table, is_element: bool) -> Result<(), Refusal> {
    // A block of no octets is no configuration; a global one may well have no options.
    within("size", table.size.into(), 1, FIXED.into())?;
    let least = u64::from(is_element);
    within("option-count", table.options.len() as u64, least, OPTIONS as u64)?;
    let is_value = is_element && table.value().is_some();
    let mut names = BTreeSet::new();
    let mut fields: Vec<(std::ops::Range<usize>, &str)> = Vec::new();
    let mut longest = u64::from(table.size);
    for (position, option) in table.options.iter().enumerate() {
        let called = if option.name.is_empty() {
            position.to_string()
        } else {
            option.name.clone()
        };
        let mut check = || {
            if !is_value {
                check_name(&option.name)?;
                if option.name == "hex" {
                    return Err(Refusal::invalid("the name stands for the octets of a block").at("name"));
                }
                if !names.insert(option.name.as_str()) {
                    return Err(Refusal::invalid("two options of one name").at("name"));
                }
            }
            check_option(option, is_element)?;
            let field = option.field();
            if field.end > table.size as usize {
                return Err(Refusal::invalid("the field is not within the structure")
                    .at("offset")
                    .with_value(format!("{} and {} octets", option.offset, option.size))
                    .with_allowed(format!("within {} octets", table.size)));
            }
            if let Kind::List(_, most, element) = &option.kind {
                longest = longest.saturating_add(most.saturating_mul(element.size.into()));
            }
            fields.push((field, &option.name));
            Ok(())
        };
        check().map_err(|refusal| refusal.under(&called))?;
    }
    within("size-with-lists", longest, 1, LARGEST)?;
    fields.sort_by_key(|(field, _)| field.start);
    for pair in fields.windows(2) {
        if let [(first, one), (second, other)] = pair
            && second.start < first.end
        {
            return Err(Refusal::invalid(format!("the field overlaps that of '{one}'"))
                .at(&format!("{other}.offset"))
                .with_value(second.start)
                .with_allowed(format!("{} or more", first.end)));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let mut letters = name.chars();
    let is_fine = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && name.len() <= NAME;
    if is_fine {
        return Ok(());
    }
    Err(Refusal::invalid("no name of an option")
        .at("name")
        .with_value(name)
        .with_allowed(format!(
            "1..={NAME} lower-case letters, digits and '-', the first a letter"
        )))
}

fn check_option(option: &Item, is_element: bool) -> Result<(), Refusal> {
    let sizes = |allowed: &[u32]| {
        if allowed.contains(&option.size) {
            return Ok(());
        }
        let words: Vec<String> = allowed.iter().map(u32::to_string).collect();
        Err(Refusal::out_of_range("size", option.size, words.join(", ")))
    };
    // A number of eight octets is all that a u64 holds.
    let holds = 1_u64
        .checked_shl(option.size.saturating_mul(8))
        .map_or(u64::MAX, |beyond| beyond.wrapping_sub(1));
    let range = |low: u64, high: u64, most: u64| {
        within("maximum", high, 0, most)?;
        within("minimum", low, 0, high)
    };
    let default = |low: u64, high: u64| match option.default {
        Some(default) => within("default", default, low, high),
        None => Ok(()),
    };
    match &option.kind {
        Kind::Number(low, high) => {
            sizes(&[1, 2, 4, 8])?;
            range(*low, *high, holds)?;
            default(*low, *high)
        }
        Kind::Bool => {
            sizes(&[1, 2, 4])?;
            default(0, 1)
        }
        Kind::Word(words) => {
            sizes(&[1, 2, 4])?;
            check_words(words, holds)?;
            let names = |default: u64| words.iter().any(|word| u64::from(word.value) == default);
            if let Some(default) = option.default.filter(|default| !names(*default)) {
                return Err(Refusal::out_of_range("default", default, "the value of a word"));
            }
            Ok(())
        }
        Kind::Address => sizes(&[4]).and_then(|()| default(0, 0)),
        Kind::Prefix => sizes(&[8]).and_then(|()| default(0, 0)),
        Kind::Text => within("size", option.size.into(), 1, FIXED.into()).and_then(|()| default(0, 0)),
        Kind::WideText => {
            within("size", option.size.into(), 2, FIXED.into())?;
            if !option.size.is_multiple_of(2) {
                return Err(Refusal::out_of_range("size", option.size, "an even number"));
            }
            default(0, 0)
        }
        Kind::List(..) if is_element => Err(Refusal::invalid("an element has a list of its own").at("type")),
        Kind::List(least, most, element) => {
            sizes(&[1, 2, 4])?;
            range(*least, *most, holds)?;
            // An option with a least number of elements cannot have none by default.
            default(*least, 0)?;
            check_table(element, true).map_err(|refusal| refusal.under("element"))
        }
    }
}

fn check_words(words: &[Word], holds: u64) -> Result<(), Refusal> {
    within("word-count", words.len() as u64, 1, OPTIONS as u64)?;
    let mut names = BTreeSet::new();
    let mut values = BTreeSet::new();
    for word in words {
        let mut check = || {
            if word.name.is_empty() || word.name.len() > NAME || word.name.contains(char::is_control) {
                return Err(Refusal::invalid("no word").at("name").with_value(&word.name));
            }
            within("value", word.value.into(), 0, holds)?;
            if !names.insert(&word.name) || !values.insert(word.value) {
                return Err(Refusal::invalid("two words of one name or one value").with_value(word.value));
            }
            Ok(())
        };
        check().map_err(|refusal| refusal.under("words"))?;
    }
    Ok(())
}

fn within(path: &str, value: u64, low: u64, high: u64) -> Result<(), Refusal> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Refusal::out_of_range(path, value, format!("{low}..={high}")))
}

/// Where a schema's definitions are.
const DEFINITIONS: &str = "#/$defs/";

/// A schema is walked beside a text, and shown to people: it must have an end.
fn check_schema(schema: &Value) -> Result<(), Refusal> {
    if !schema.is_object() {
        return Err(Refusal::invalid("no JSON Schema: an object is expected"));
    }
    let mut uses = BTreeMap::new();
    let definitions = schema.get("$defs").and_then(Value::as_object);
    for (name, definition) in definitions.into_iter().flatten() {
        uses.insert(name.as_str(), references(definition)?);
    }
    // The root stands for itself: what it refers to must be there.
    for name in references(schema)? {
        if !uses.contains_key(name) {
            return Err(Refusal::invalid("there is no such definition").with_value(name));
        }
    }
    // What refers to nothing that is left is taken away, until nothing is, or only circles are.
    while !uses.is_empty() {
        let before = uses.len();
        let left: BTreeSet<&str> = uses.keys().copied().collect();
        uses.retain(|_, names| names.iter().any(|name| left.contains(name)));
        if uses.len() == before {
            let circle = uses.keys().next().copied().unwrap_or_default();
            return Err(Refusal::invalid("the schema refers to itself").with_value(circle));
        }
    }
    Ok(())
}

/// The definitions that a part of a schema refers to.
fn references(part: &Value) -> Result<BTreeSet<&str>, Refusal> {
    let mut found = BTreeSet::new();
    let mut rest = vec![part];
    while let Some(part) = rest.pop() {
        match part {
            Value::Object(table) => {
                for (key, value) in table {
                    match value {
                        Value::String(target) if key == "$ref" => match target.strip_prefix(DEFINITIONS) {
                            Some(name) => drop(found.insert(name)),
                            None => {
                                return Err(Refusal::invalid("the schema refers to another document")
                                    .with_value(target)
                                    .with_allowed("definitions in its \"$defs\""));
                            }
                        },
                        value => rest.push(value),
                    }
                }
            }
            Value::Array(list) => rest.extend(list),
            _ => {}
        }
    }
    Ok(found)
}
