//! The OpenAPI document: complete, true to the answers, and not changed by accident.

use std::path::Path;

use serde_json::{Value, json};
use waypost_api::document;

use crate::daemon::Router;

/// Checks a value against the part of JSON Schema that the document uses. An unknown keyword is a fault.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(schema) => schema,
        _ => return Err(format!("{at}: no schema: {schema}")),
    };
    let fault = |what: &str| Err(format!("{at}: {what}: {value}"));
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    for (keyword, rule) in schema {
        match keyword.as_str() {
            "description" | "title" | "default" | "format" => {}
            "type" => match rule {
                Value::Array(kinds) if kinds.iter().any(is) => {}
                Value::String(_) if is(rule) => {}
                _ => return fault(&format!("not of type {rule}")),
            },
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap());
                check(
                    root,
                    target.ok_or_else(|| format!("{at}: {rule} leads nowhere"))?,
                    value,
                    at,
                )?;
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        check(root, rule, value, &format!("{at}.{name}"))?;
                    }
                }
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let known = schema
                        .get("properties")
                        .and_then(|properties| properties.get(name));
                    if *rule == Value::Bool(false) && known.is_none() {
                        return fault(&format!("'{name}' is not known"));
                    }
                    if rule.is_object() && known.is_none() {
                        check(root, rule, value, &format!("{at}.{name}"))?;
                    }
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        return fault(&format!("{name} is missing"));
                    }
                }
            }
            "items" => {
                for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, value, &format!("{at}[{number}]"))?;
                }
            }
            "anyOf" | "oneOf" => {
                let results = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|rule| check(root, rule, value, at));
                let (fits, faults): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
                if fits.is_empty() || (keyword == "oneOf" && fits.len() > 1) {
                    return fault(&format!("{} alternatives fit: {faults:?}", fits.len()));
                }
            }
            "enum" if rule.as_array().unwrap().contains(value) => {}
            "const" if rule == value => {}
            "minimum" if value.as_f64().is_none_or(|value| value >= rule.as_f64().unwrap()) => {}
            "maximum" if value.as_f64().is_none_or(|value| value <= rule.as_f64().unwrap()) => {}
            other => return fault(&format!("breaks {other} {rule}")),
        }
    }
    Ok(())
}

#[test]
fn every_answer_is_as_described() {
    let router = Router::configured();
    let mut client = router.client();
    let document: Value = client.get("/v1/openapi.json").unwrap();
    assert_eq!(document, waypost_api::document());
    let body = |path: &str| match path {
        "/v1/plan" | "/v1/apply" => json!({
            "edits": [{ "set": { "path": "interfaces.eth0.rip.password", "value": 3, "typed": "3" } }, { "unset": "interfaces.eth1" },
                { "merge": { "interfaces": { "eth2": { "rip": {} } } } }],
            "note": "",
            "confirm-within": (path == "/v1/apply").then_some(600),
        }),
        "/v1/confirm" => json!({}),
        "/v1/schedule" => json!({ "at": 1_700_003_600, "change": { "edits": [] } }),
        "/v1/diff" => json!({ "revision": 1 }),
        "/v1/routes/load" => json!({ "lines": ["10.0.0.0/8 dev eth0"] }),
        "/v1/rollback" => json!({ "revision": 1, "plan": true }),
        _ => json!(null),
    };
    let policy = json!({ "edits": [{ "merge": { "policy": { "prefix-lists": { "some": [{ "deny": "10.0.0.0/8" }] } } } }] });
    let _: Value = client.post("/v1/apply", &policy).unwrap();
    let mut checked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let asked = path
            .replace("{revision}", "1")
            .replace("{interface}", "eth0")
            .replace("{id}", "1");
        for (method, operation) in operations.as_object().unwrap() {
            checked += 1;
            let content = &operation["responses"]["200"]["content"];
            let Some(schema) = content.get("application/json").map(|content| &content["schema"]) else {
                assert!(matches!(path.as_str(), "/v1/config.toml" | "/v1/watch"), "{path}");
                continue;
            };
            if path == "/v1/protocols/{protocol}/reports/{report}" {
                // What a report consists of is its protocol's own, and this one makes none.
                continue;
            }
            let answer: Value = if method == "post" {
                let body = body(path);
                if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
                    check(&document, schema, &body, "request").unwrap();
                }
                client.post(&asked, &body).unwrap()
            } else if path == "/v1/policies/{name}/test" {
                client.get("/v1/policies/some/test?prefix=10.0.0.0%2F8").unwrap()
            } else if path == "/v1/explain" {
                client.get("/v1/explain?destination=10.0.0.1").unwrap()
            } else {
                client.get(&asked).unwrap()
            };
            check(&document, schema, &answer, path).unwrap();
        }
    }
    assert_eq!(checked, 32);
    let refused =
        json!({ "refusals": [{ "status": 87, "path": "a", "value": "1", "allowed": "2", "reason": "no" }] });
    let refusals = &document["paths"]["/v1/apply"]["post"]["responses"]["default"]["content"]["application/json"]
        ["schema"];
    check(&document, refusals, &refused, "refusals").unwrap();
    check(
        &document,
        refusals,
        &json!({ "refusals": [{ "status": 87 }] }),
        "refusals",
    )
    .unwrap_err();
}

#[test]
fn reports_are_asked_of_their_protocol() {
    let router = Router::configured();
    let mut client = router.client();
    let refusal = |client: &mut waypost_api::client::Client, path: &str| {
        let refused = client.get::<Value>(path).unwrap_err();
        refused.to_string()
    };
    let text = refusal(&mut client, "/v1/protocols/rip/reports/graph?area=0");
    assert!(text.contains("this protocol makes no reports"), "{text}");
    let text = refusal(&mut client, "/v1/protocols/nobody/reports/graph");
    assert!(text.contains("nobody"), "{text}");
    let text = refusal(&mut client, "/v1/protocols/rip/reports/graph?aera=0");
    assert!(text.contains("did you mean 'area'"), "{text}");
}

#[test]
fn a_snapshot_is_as_described() {
    let router = Router::configured();
    let document = document();
    let schema = &document["paths"]["/v1/watch"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
        ["contentSchema"];
    let watched = router.client().watch(|snapshot| {
        check(
            &document,
            schema,
            &serde_json::to_value(snapshot).unwrap(),
            "snapshot",
        )
        .unwrap();
        std::ops::ControlFlow::Break(())
    });
    watched.unwrap();
}

/// Set `WAYPOST_UPDATE_OPENAPI` to write the file anew after a change that is meant.
#[test]
fn the_document_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/v1.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("WAYPOST_UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "openapi/v1.json is not what the API is; run with WAYPOST_UPDATE_OPENAPI=1 if that is meant"
    );
}
