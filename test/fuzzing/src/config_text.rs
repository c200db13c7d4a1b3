//! Configuration as text: a whole tree, and the small grammars inside it.

use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use waypost_engine::codec_of;
use waypost_infobase::{BlockScope, Tree};
use waypost_manager::{Configuration, Edit, Path, redact};
use waypost_rip::Rip;
use waypost_rip::config::{FilterRule, PrefixMatch};
use waypost_routprot::{ConfigurationCodec, Status};
use waypost_static::Static;
use waypost_static::config::Via;
use waypost_types::{Prefix, Prefix4, Prefix6, RouterId};

/// The configuration of a router with every protocol there is.
#[must_use]
pub fn configuration() -> Configuration {
    let codecs: [Arc<dyn ConfigurationCodec>; 2] = [codec_of::<Rip>(), codec_of::<Static>()];
    Configuration::new(codecs)
}

pub(crate) fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    grammar::<Path>(text);
    grammar::<Prefix>(text);
    grammar::<Prefix4>(text);
    grammar::<Prefix6>(text);
    grammar::<RouterId>(text);
    grammar::<PrefixMatch>(text);
    grammar::<Via>(text);
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        laws(&configuration(), &value);
    }
}

/// What is read from text is written as text that reads the same.
fn grammar<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            match written.parse::<T>() {
                Ok(again) => assert_eq!(again, value, "'{text}' is written as '{written}'"),
                Err(error) => panic!("'{text}' is written as '{written}', which is refused: {error}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Whether a block was given as bytes somewhere in the tree.
fn gives_bytes(value: &Value) -> bool {
    match value {
        Value::Object(table) => table.contains_key("hex") || table.values().any(gives_bytes),
        Value::Array(list) => list.iter().any(gives_bytes),
        _ => false,
    }
}

/// Whether what was given as bytes is made of digits and gaps.
fn hex_is_hex(value: &Value) -> bool {
    match value {
        Value::Object(table) => match table.get("hex").and_then(Value::as_str) {
            Some(hex) => hex
                .bytes()
                .all(|c| c.is_ascii_hexdigit() || c.is_ascii_whitespace()),
            None => table.values().all(hex_is_hex),
        },
        Value::Array(list) => list.iter().all(hex_is_hex),
        _ => true,
    }
}

/// What must hold for any text tree.
pub fn laws(configuration: &Configuration, value: &Value) {
    if let Ok(rule) = serde_json::from_value::<FilterRule>(value.clone()) {
        let text = serde_json::to_value(rule).expect("every rule has a text");
        assert_eq!(serde_json::from_value::<FilterRule>(text).ok(), Some(rule));
    }
    let tree = match configuration.blocks_of(value) {
        Ok(tree) => {
            assert!(hex_is_hex(value), "bytes are taken that are none: {value}");
            tree
        }
        Err(refusals) => {
            assert!(!refusals.is_empty());
            for refusal in refusals {
                assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER, "{refusal}");
                assert!(!refusal.reason.is_empty());
            }
            return;
        }
    };
    let text = configuration
        .text_of(&tree)
        .expect("what was accepted has a text");
    let again = match configuration.blocks_of(&text) {
        Ok(again) => again,
        Err(refusals) => panic!("{value} is shown as {text}, which is refused: {refusals:?}"),
    };
    if !gives_bytes(value) {
        assert_eq!(again, tree, "{value} is shown as {text}, which is something else");
    }
    // Bytes that a codec can read are shown as text and come back in Waypost's layout; from then on nothing changes.
    assert_eq!(configuration.text_of(&again).as_ref(), Ok(&text));
    edits(configuration, &again, &text);
    let mut hidden = text;
    redact(&mut hidden);
    assert!(no_secret(&hidden), "a secret is shown: {hidden}");
}

/// Setting what is set changes nothing; unsetting takes away one block.
fn edits(configuration: &Configuration, tree: &Tree, text: &Value) {
    for edit in [Edit::Replace(text.clone()), Edit::Merge(text.clone())] {
        assert_eq!(configuration.changes(tree, &[edit]), Ok(Vec::new()));
    }
    for key in tree.keys() {
        let kind = key.kind.to_string();
        let path = match &key.scope {
            BlockScope::Router => continue,
            BlockScope::Protocol => Path::new(["protocols", &kind]),
            BlockScope::Interface(name) if kind == "0xffff0004" => Path::new(["interfaces", name, "enabled"]),
            BlockScope::Interface(name) => Path::new(["interfaces", name, &kind]),
        };
        let unset = configuration.changes(tree, &[Edit::Unset(path.clone())]);
        assert_eq!(unset, Ok(vec![(key.clone(), None)]), "unset {path}");
        let value = path
            .parts()
            .into_iter()
            .try_fold(text, |value, part| value.get(part));
        let edit = Edit::Set {
            path: path.clone(),
            value: value.expect("every block is shown").clone(),
            typed: None,
        };
        assert_eq!(configuration.changes(tree, &[edit]), Ok(Vec::new()), "set {path}");
    }
}

/// Whether every secret is blanked.
fn no_secret(value: &Value) -> bool {
    match value {
        Value::Object(table) => table.iter().all(|(name, value)| match (name.as_str(), value) {
            ("secret" | "password" | "hex", Value::String(shown)) => shown == "(hidden)",
            (_, value) => no_secret(value),
        }),
        Value::Array(list) => list.iter().all(no_secret),
        _ => true,
    }
}
