//! Whether JSON is as a schema of the document says: the part of JSON Schema that it uses.

use serde_json::Value;

/// What is wrong with a value, if anything is.
pub(super) fn conform(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        let target = document.pointer(pointer);
        let target = target.ok_or_else(|| format!("no schema at {name}"))?;
        return conform(document, target, value).map_err(|error| format!("{name}: {error}"));
    }
    let is_right = match schema["type"].as_str() {
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => return array(document, schema, value),
        Some("object") => return object(document, schema, value),
        other => return Err(format!("a schema of type {other:?}")),
    };
    let choices = schema["enum"].as_array();
    match is_right && choices.is_none_or(|choices| choices.contains(value)) {
        true => Ok(()),
        false => Err(format!("{value} is not {schema}")),
    }
}

fn array(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let values = value.as_array().ok_or(format!("{value} is no array"))?;
    if let Some(schemas) = schema["prefixItems"].as_array() {
        if values.len() != schemas.len() {
            return Err(format!("{value} has another length than {schema}"));
        }
        let mut pairs = schemas.iter().zip(values);
        return pairs.try_for_each(|(schema, value)| conform(document, schema, value));
    }
    let mut values = values.iter();
    values.try_for_each(|value| conform(document, &schema["items"], value))
}

fn object(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let fields = value.as_object().ok_or(format!("{value} is no object"))?;
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, value) in fields {
        let known = schema["properties"].get(name);
        let other = || {
            schema
                .get("additionalProperties")
                .filter(|other| other.is_object())
        };
        let schema = known
            .or_else(other)
            .ok_or(format!("{name} is not described"))?;
        conform(document, schema, value).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

#[test]
fn what_does_not_conform_is_found() {
    use serde_json::json;
    let document = json!({ "o": {
        "type": "object",
        "properties": { "a": { "type": "integer" }, "b": { "type": "string", "enum": ["x"] } },
        "required": ["a"],
        "additionalProperties": false,
    } });
    let schema = json!({ "type": "array", "items": { "$ref": "#/o" } });
    let check = |value| conform(&document, &schema, &value);
    assert_eq!(check(json!([{ "a": 1 }, { "a": 2, "b": "x" }])), Ok(()));
    for wrong in [
        json!({}),
        json!([{}]),
        json!([{ "a": 1.5 }]),
        json!([{ "a": null }]),
        json!([{ "a": 1, "b": "y" }]),
        json!([{ "a": 1, "c": 0 }]),
    ] {
        assert!(check(wrong.clone()).is_err(), "{wrong}");
    }
}
