//! Passwords: in BIRD one list for plain and for cryptographic authentication.

use serde_json::{Map, Value, json};

use super::syntax::Statement;
use super::{Done, number};

/// A password with its options. Which of ours it becomes is decided in [`settle`], because `authentication` may follow.
pub(super) fn one(table: &mut Map<String, Value>, statement: &Statement) -> Done {
    let words = statement.texts();
    let ["password", secret] = words.as_slice() else {
        return Err("not translated".to_owned());
    };
    let list = table.entry("keys").or_insert_with(|| json!([]));
    let Value::Array(list) = list else {
        return Ok(());
    };
    let mut key = Map::new();
    key.insert("id".to_owned(), json!(list.len() + 1));
    key.insert("secret".to_owned(), json!(secret));
    for inner in statement.inside() {
        match inner.texts().as_slice() {
            ["id", id] => drop(key.insert("id".to_owned(), json!(number(id)?))),
            ["algorithm", "keyed", "md5"] => drop(key.insert("algorithm".to_owned(), json!("md5"))),
            ["algorithm", "hmac", digest] => {
                let name = match *digest {
                    "sha1" => "hmac-sha1",
                    "sha256" => "hmac-sha256",
                    "sha384" => "hmac-sha384",
                    "sha512" => "hmac-sha512",
                    other => return Err(format!("'hmac {other}' is no digest of the protocols")),
                };
                key.insert("algorithm".to_owned(), json!(name));
            }
            ["generate" | "accept" | "from" | "to", ..] => {
                return Err(
                    "write the times as accept-from, accept-until, send-from and send-until of the key"
                        .to_owned(),
                );
            }
            _ => return Err("not translated".to_owned()),
        }
    }
    list.push(Value::Object(key));
    Ok(())
}

/// Makes the password of plain authentication out of the first key, and gives keys of digests their algorithm.
pub(super) fn settle(table: &mut Map<String, Value>) {
    let plain = table.get("authentication") != Some(&json!("cryptographic"));
    let Some(Value::Array(mut keys)) = table.remove("keys") else {
        return;
    };
    if plain {
        if let Some(secret) = keys.first().and_then(|key| key.get("secret")) {
            table.insert("password".to_owned(), secret.clone());
        }
        return;
    }
    for key in &mut keys {
        if let Value::Object(key) = key {
            key.entry("algorithm").or_insert_with(|| json!("md5"));
        }
    }
    table.insert("keys".to_owned(), Value::Array(keys));
}
