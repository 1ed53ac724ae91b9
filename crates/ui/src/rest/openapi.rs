//! The OpenAPI document, made from the table of addresses and the descriptions of answers.

use serde_json::{Map, Value, json};

use super::RELEASE;
use super::described::Schemas;
use super::endpoint::{Endpoint, Parameter};

/// What the parts of addresses that are no numbers mean.
const TEXTS: [(&str, &str); 3] = [
    (
        "app-id",
        "The id of the program, as /applications tells it.",
    ),
    ("attempt-id", "The number of an attempt."),
    ("executor-id", "`driver`, which is the process itself."),
];

/// The document of what these addresses answer.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let mut schemas = Schemas::default();
    let paths = endpoints.iter().map(|endpoint| {
        let path = json!({ "get": operation(endpoint, &mut schemas) });
        (endpoint.path.to_owned(), path)
    });
    let paths: Map<_, _> = paths.collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": RELEASE,
            "summary": "Streams, in the words of Spark's REST interface.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": super::ROOT }],
        // Nothing is asked for where only this machine can ask.
        "security": [{}, { "bearer": [] }, { "query": [] }],
        "paths": paths,
        "components": { "schemas": schemas.0, "securitySchemes": security() },
    })
}

/// How the access token is given.
fn security() -> Value {
    let meaning = "The access token: that of ui.token, or the one that the program printed.";
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": meaning },
        "query": { "type": "apiKey", "in": "query", "name": "token", "description": meaning },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let parts = endpoint.parts().map(part);
    let parameters: Vec<_> = parts.chain(endpoint.parameters.iter().map(query)).collect();
    let text = json!({ "text/plain": { "schema": { "type": "string" } } });
    json!({
        "summary": endpoint.meaning,
        "operationId": endpoint.path.trim_matches('/').replace(['/', '{', '}'], "_"),
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The answer.",
                "content": { "application/json": { "schema": endpoint.schema(schemas) } },
            },
            "400": { "description": "A value makes no sense.", "content": text },
            "401": { "description": "An access token is needed.", "content": text },
            "403": {
                "description": "The request is for a name that is not this machine's own.",
                "content": text,
            },
            "404": { "description": "There is no such thing.", "content": text },
            "500": { "description": "What is known cannot be read.", "content": text },
            "503": { "description": "Others read too many large answers.", "content": text },
        },
    })
}

fn part(name: &str) -> Value {
    let text = TEXTS.iter().find(|(known, _)| *known == name);
    let (schema, meaning) = match text {
        Some((_, meaning)) => (json!({ "type": "string" }), *meaning),
        None => {
            let number = json!({ "type": "integer", "format": "int64" });
            (number, "A number that another answer tells.")
        }
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": meaning,
        "schema": schema,
    })
}

fn query(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "required": false,
        "description": parameter.meaning,
        "schema": parameter.schema,
    })
}
