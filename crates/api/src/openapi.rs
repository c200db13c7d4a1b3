//! The OpenAPI 3.1 document, assembled from the table of endpoints.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::Refusals;
use crate::call::{Answer, Call};
use crate::endpoints::{Access, ENDPOINTS, Endpoint, Method, Response};
use crate::failure::Failure;

pub(crate) async fn answer(_: Call) -> Result<Answer, Failure> {
    Answer::json(&document())
}

/// The document that `GET /v1/openapi.json` answers with. The schema of the configuration is not part of it: that depends
/// on the protocols installed and comes from `GET /v1/schema`.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let refusals = json!({
        "description": "The request was turned down, or failed.",
        "content": { "application/json": { "schema": generator.subschema_for::<Refusals>() } },
    });
    let mut paths = Map::new();
    for endpoint in ENDPOINTS {
        let content = match &endpoint.response {
            Response::Json(schema) => json!({ "application/json": { "schema": schema(&mut generator) } }),
            Response::Toml => json!({ "application/toml": { "schema": { "type": "string" } } }),
            Response::Events(schema) => json!({ "text/event-stream": {
                "schema": { "type": "string", "contentMediaType": "application/json", "contentSchema": schema(&mut generator) },
            } }),
        };
        let mut operation = json!({
            "operationId": endpoint.name,
            "summary": endpoint.summary,
            "x-since": endpoint.since,
            "x-access": match endpoint.access { Access::Read => "read", Access::Write => "write" },
            "responses": { "200": { "description": "Done.", "content": content }, "default": refusals },
        });
        let parameters = parameters(endpoint);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(schema) = endpoint.request {
            operation["requestBody"] = json!({
                "required": true,
                "content": { "application/json": { "schema": schema(&mut generator) } },
            });
        }
        let method = match endpoint.method {
            Method::Get => "get",
            Method::Post => "post",
        };
        let operations = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        operations[method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Waypost management API",
            "version": "1.0",
            "description": "HTTP/1.1 over a unix socket. Who may write is decided by the credentials of the peer.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let in_path = path_parts(endpoint.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = endpoint.parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": { "type": parameter.kind },
        })
    });
    in_path.chain(in_query).collect()
}

/// The names in braces of a path.
fn path_parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
