//! An address that answers, and what it takes.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Call, Refusal};
use super::described::{Choice, Described, Schemas};

/// A parameter after the question mark.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) schema: Value,
}

impl Parameter {
    fn new(name: &'static str, meaning: &'static str, schema: Value) -> Self {
        Parameter {
            name,
            meaning,
            schema,
        }
    }

    /// One of some names, which may be given several times.
    pub(super) fn choices<C: Choice>(name: &'static str, meaning: &'static str) -> Self {
        let items = json!({ "type": "string", "enum": C::names() });
        Parameter::new(name, meaning, json!({ "type": "array", "items": items }))
    }

    pub(super) fn count(name: &'static str, meaning: &'static str) -> Self {
        Parameter::new(
            name,
            meaning,
            json!({ "type": "integer", "format": "int64" }),
        )
    }

    pub(super) fn switch(name: &'static str, meaning: &'static str) -> Self {
        Parameter::new(name, meaning, json!({ "type": "boolean" }))
    }

    pub(super) fn text(name: &'static str, meaning: &'static str) -> Self {
        Parameter::new(name, meaning, json!({ "type": "string" }))
    }
}

/// An address below `/api/v1` and what it answers.
pub(crate) struct Endpoint {
    /// Parts that stand for something are in braces.
    pub(crate) path: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    schema: fn(&mut Schemas) -> Value,
    answer: Box<dyn Fn(&Call<'_>) -> Result<String, Refusal> + Send + Sync>,
}

impl Endpoint {
    pub(super) fn new<T: Described + Serialize + 'static>(
        path: &'static str,
        meaning: &'static str,
        parameters: Vec<Parameter>,
        answer: fn(&Call<'_>) -> Result<T, Refusal>,
    ) -> Self {
        Endpoint {
            path,
            meaning,
            parameters,
            schema: T::schema,
            answer: Box::new(move |call| pretty(&answer(call)?)),
        }
    }

    /// The answer, as JSON, if the address names the program that there is.
    pub(crate) fn answer(&self, call: &Call<'_>) -> Result<String, Refusal> {
        let id = call.part("app-id");
        if self.path.contains("{app-id}") && id != call.model.application.id {
            return Err(Refusal::unknown(match self.path.ends_with("{app-id}") {
                true => format!("unknown app: {id}"),
                false => format!("no such app: {id}"),
            }));
        }
        (self.answer)(call)
    }

    pub(super) fn schema(&self, schemas: &mut Schemas) -> Value {
        (self.schema)(schemas)
    }

    /// The names of the parts that stand for something, in their order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

fn pretty<T: Serialize>(answer: &T) -> Result<String, Refusal> {
    serde_json::to_string_pretty(answer).map_err(|error| Refusal {
        status: 500,
        text: format!("the answer cannot be written as JSON: {error}"),
    })
}
