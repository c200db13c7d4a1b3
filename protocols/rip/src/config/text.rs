//! Reading text so that every error names the option it is about.
//!
//! Both configurations embed [`Options`] with `serde(flatten)`, which buffers the embedded part and thereby loses the path
//! of an error in it. So the table is split: the options are read on their own, the rest into the embedding structure.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use waypost_routprot::{Refusal, option_names, parse_text, shown_value};

use super::Options;

/// The options in `text`, and the embedding configuration read from everything else.
///
/// A key that is neither is refused with the key it most likely stands for.
pub(super) fn parse<C: DeserializeOwned + JsonSchema + 'static>(
    text: &Value,
) -> Result<(Options, C), Refusal> {
    let named = |refusal| name_value(refusal, text);
    let Value::Object(table) = text else {
        return Ok((Options::default(), parse_text(text).map_err(named)?));
    };
    let known = option_names::<Options>().unwrap_or_default();
    let (options, own): (Map<_, _>, Map<_, _>) = table
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .partition(|(name, _)| known.contains(name));
    // The rest first: a misspelt option lies there.
    let own = parse_text(&Value::Object(own)).map_err(named)?;
    let options = parse_text(&Value::Object(options)).map_err(named)?;
    Ok((options, own))
}

/// Writes list positions as path segments (`keys.1.secret`) and names the offending value, unless it may be a secret.
fn name_value(mut refusal: Refusal, text: &Value) -> Refusal {
    refusal.path = refusal.path.replace('[', ".").replace(']', "");
    if refusal.path.is_empty() {
        return refusal;
    }
    // Tables and lists are not shown: they may hold secrets, and the path says enough.
    refusal.value = None;
    let value = text
        .pointer(&format!("/{}", refusal.path.replace('.', "/")))
        .filter(|value| !value.is_object() && !value.is_array());
    let segments: Vec<&str> = refusal.path.split('.').collect();
    match (segments.as_slice(), value) {
        (["password"] | ["keys"] | ["keys", _] | ["keys", _, "secret"], Some(_)) => {
            // serde's own words quote the value.
            "a value of another type is expected".clone_into(&mut refusal.reason);
        }
        (_, Some(value)) => refusal = refusal.with_value(shown_value(value)),
        (_, None) => {}
    }
    refusal
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waypost_routprot::{BlockConfig, Refusal};

    use crate::config::{GlobalConfig, InterfaceConfig};

    fn refused(text: &serde_json::Value) -> Refusal {
        let result = InterfaceConfig::from_text(text).and_then(|config| config.validate());
        let refusal = result.unwrap_err();
        assert_eq!(refusal.status.0, 87);
        refusal
    }

    #[test]
    fn errors_name_the_option() {
        for (text, path, value) in [
            (json!({ "metric": "one" }), "metric", Some("one")),
            (json!({ "metric": 17 }), "metric", Some("17")),
            (json!({ "metric": 256 }), "metric", Some("256")),
            (json!({ "announce": "v3" }), "announce", Some("v3")),
            (
                json!({ "accept-filter": [{ "deny": "10.0.0.0/33" }] }),
                "accept-filter.0.deny",
                Some("10.0.0.0/33"),
            ),
            (
                json!({ "neighbors": ["192.0.2.1", "224.0.0.9"] }),
                "neighbors.1",
                Some("224.0.0.9"),
            ),
            (json!({ "annotate": 5 }), "annotate", Some("5")),
        ] {
            let refusal = refused(&text);
            assert_eq!(
                (&*refusal.path, refusal.value.as_deref()),
                (path, value),
                "{text}"
            );
        }
    }

    #[test]
    fn errors_do_not_show_secrets() {
        let key = |secret: serde_json::Value| json!({ "id": 1, "secret": secret, "algorithm": "md5" });
        let hidden = "4711471147114711471147114711";
        for (text, path) in [
            (
                json!({ "keys": [key(json!("a")), key(json!(4711))] }),
                "keys.1.secret",
            ),
            (json!({ "password": 4711 }), "password"),
            (json!({ "password": hidden }), "password"),
            (json!({ "keys": hidden }), "keys"),
            (json!({ "keys": [hidden] }), "keys.0"),
            (json!({ "keys": { "secret": hidden } }), "keys"),
            (json!({ "keys": [{ "id": 1, "secret": hidden }] }), "keys.0"),
        ] {
            let refusal = refused(&text);
            assert_eq!(refusal.path, path);
            assert!(!refusal.to_string().contains("4711"), "{refusal}");
        }
    }

    #[test]
    fn a_misspelt_option_is_recognised_whichever_part_it_belongs_to() {
        for (word, meant) in [("metrc", "metric"), ("annotat", "annotate")] {
            let refusal = refused(&json!({ word: 1 }));
            assert_eq!(refusal.path, word);
            assert!(refusal.reason.contains(&format!("'{meant}'")), "{refusal}");
        }
        let refusal = GlobalConfig::from_text(&json!({ "redistribut": [] })).unwrap_err();
        assert!(refusal.reason.contains("'redistribute'"), "{refusal}");
        let allowed = refusal.allowed.unwrap();
        assert!(allowed.contains("update-interval") && allowed.contains("triggered-delay"));
    }

    #[test]
    fn the_option_names_of_both_configurations_are_disjoint_and_complete() {
        let config = GlobalConfig::from_text(&json!({
            "update-interval": 10, "peers": ["192.0.2.9"], "redistribute": [{ "source": "static" }],
        }))
        .unwrap();
        assert_eq!(config.defaults.update_interval, Some(10));
        assert_eq!(config.peers.map(|peers| peers.len()), Some(1));
        assert_eq!(config.redistribute.map(|list| list.len()), Some(1));
        assert!(GlobalConfig::from_text(&json!([])).is_err());
        let refusal =
            GlobalConfig::from_text(&json!({ "redistribute": [{ "source": "static", "metrik": 1 }] }));
        assert_eq!(refusal.unwrap_err().path, "redistribute.0.metrik");
    }
}
