//! An address that answers, and what it takes.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Asked, Call, Refusal};
use super::described::{Choice, Described, Schemas};
use super::provider::Provider;

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

    pub(super) fn switch(name: &'static str, meaning: &'static str, default: bool) -> Self {
        let schema = json!({ "type": "boolean", "default": default });
        Parameter::new(name, meaning, schema)
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
    answer: Answer,
}

type OfServer<T> = fn(&Asked<'_>, &dyn Provider) -> Result<T, Refusal>;
type OfProgram<T> = fn(&Call<'_>) -> Result<T, Refusal>;

/// What makes an answer, as JSON.
enum Answer {
    /// From the server as a whole.
    Server(Box<dyn Fn(&Asked<'_>, &dyn Provider) -> Result<String, Refusal> + Send + Sync>),
    /// From the program that the address names.
    Program(Box<dyn Fn(&Call<'_>) -> Result<String, Refusal> + Send + Sync>),
}

impl Endpoint {
    /// An address below that of a program.
    pub(super) fn new<T: Described + Serialize + 'static>(
        path: &'static str,
        meaning: &'static str,
        parameters: Vec<Parameter>,
        answer: OfProgram<T>,
    ) -> Self {
        Endpoint {
            path,
            meaning,
            parameters,
            schema: T::schema,
            answer: Answer::Program(Box::new(move |call| pretty(&answer(call)?))),
        }
    }

    /// An address that names no program.
    pub(super) fn of_server<T: Described + Serialize + 'static>(
        path: &'static str,
        meaning: &'static str,
        parameters: Vec<Parameter>,
        answer: OfServer<T>,
    ) -> Self {
        let answer = move |asked: &Asked<'_>, from: &dyn Provider| pretty(&answer(asked, from)?);
        Endpoint {
            path,
            meaning,
            parameters,
            schema: T::schema,
            answer: Answer::Server(Box::new(answer)),
        }
    }

    /// The answer, as JSON.
    pub(crate) fn answer(
        &self,
        asked: Asked<'_>,
        provider: &dyn Provider,
    ) -> Result<String, Refusal> {
        let answer = match &self.answer {
            Answer::Server(answer) => return answer(&asked, provider),
            Answer::Program(answer) => answer,
        };
        let id = asked.part("app-id");
        let shown = provider.find(id)?.ok_or_else(|| {
            Refusal::unknown(match self.path.ends_with("{app-id}") {
                true => format!("unknown app: {id}"),
                false => format!("no such app: {id}"),
            })
        })?;
        let model = shown.site.model();
        answer(&Call {
            asked,
            model: &model,
            live: shown.live.as_ref(),
            zone: &shown.zone,
        })
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
    serde_json::to_string_pretty(answer)
        .map_err(|error| Refusal::failed(format!("the answer cannot be written as JSON: {error}")))
}
