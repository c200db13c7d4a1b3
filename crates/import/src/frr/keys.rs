//! Key chains.

use serde_json::{Map, Value, json};

use super::Done;

/// The keys of a chain, as the protocols take them.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyChain(Vec<Key>);

#[derive(Clone, Debug, Default)]
struct Key {
    id: u8,
    secret: Option<String>,
    algorithm: Option<String>,
}

impl KeyChain {
    pub(super) fn begin(&mut self, id: u8) {
        if !self.0.iter().any(|key| key.id == id) {
            self.0.push(Key { id, ..Key::default() });
        }
    }

    /// A line of a key.
    pub(super) fn line(&mut self, id: u8, words: &[&str]) -> Done {
        let Some(key) = self.0.iter_mut().find(|key| key.id == id) else {
            return Err("belongs to no key".to_owned());
        };
        match words {
            ["key-string", secret] => key.secret = Some((*secret).to_owned()),
            ["cryptographic-algorithm", algorithm] => {
                let algorithm = match *algorithm {
                    "md5" => "md5",
                    "hmac-sha-1" => "hmac-sha1",
                    "hmac-sha-256" => "hmac-sha256",
                    "hmac-sha-384" => "hmac-sha384",
                    "hmac-sha-512" => "hmac-sha512",
                    other => return Err(format!("'{other}' is no digest of the protocols")),
                };
                key.algorithm = Some(algorithm.to_owned());
            }
            ["accept-lifetime" | "send-lifetime", ..] => {
                return Err(
                    "write the times as accept-from, accept-until, send-from and send-until of the key"
                        .to_owned(),
                );
            }
            _ => return Err("not translated".to_owned()),
        }
        Ok(())
    }

    /// The keys as a list of tables; those without a secret are left out.
    pub(super) fn keys(&self) -> Value {
        let keys = self.0.iter().filter_map(|key| {
            let mut table = Map::new();
            table.insert("id".to_owned(), json!(key.id));
            table.insert("secret".to_owned(), json!(key.secret.as_ref()?));
            let algorithm = key.algorithm.as_deref().unwrap_or("md5");
            table.insert("algorithm".to_owned(), json!(algorithm));
            Some(Value::Object(table))
        });
        Value::Array(keys.collect())
    }
}
