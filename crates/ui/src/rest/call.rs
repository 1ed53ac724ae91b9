//! What is asked for, and why it is not answered.

use std::ops::Deref;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::date::Date;
use super::described::Choice;
use crate::live::Live;
use crate::model::{Model, Streaming};
use crate::pages::Query;
use crate::record::At;

/// A request.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// What stands in the places of the address that have names.
    pub(crate) path: &'a [(String, String)],
    pub(crate) query: &'a Query,
}

/// A request about a program.
pub(crate) struct Call<'a> {
    pub(crate) asked: Asked<'a>,
    pub(crate) model: &'a Model,
    /// The program, if it runs in this process.
    pub(crate) live: Option<&'a Live>,
    /// The zone of the times within texts; others are in GMT.
    pub(crate) zone: &'a TimeZone,
}

impl<'a> Deref for Call<'a> {
    type Target = Asked<'a>;

    fn deref(&self) -> &Asked<'a> {
        &self.asked
    }
}

/// Why there is no answer: a status of HTTP and a line of text, as Spark gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Refusal {
    /// There is no such thing.
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Refusal {
            status: 404,
            text: text.into(),
        }
    }

    /// The value of a parameter makes no sense.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Refusal {
            status: 400,
            text: text.into(),
        }
    }

    /// The server has failed.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Refusal {
            status: 500,
            text: text.into(),
        }
    }
}

impl<'a> Asked<'a> {
    /// A part of the address.
    pub(crate) fn part(&self, name: &str) -> &'a str {
        let mut parts = self.path.iter();
        parts
            .find_map(|(known, value)| (known == name).then_some(value.as_str()))
            .unwrap_or_default()
    }

    /// A part of the address that is a number; any other text names nothing that there is.
    pub(crate) fn number<N: FromStr>(&self, name: &str) -> Result<N, Refusal> {
        let text = self.part(name);
        let refused = |_| Refusal::unknown(format!("`{text}` is not accepted as {name}"));
        text.parse().map_err(refused)
    }

    /// The choices that the query names, or none if it names none.
    pub(crate) fn choices<C: Choice>(&self, name: &str) -> Result<Vec<C>, Refusal> {
        let given = self.query.all(name).filter(|text| !text.is_empty());
        given
            .map(|text| {
                C::parse(text).ok_or_else(|| {
                    let accepted = C::names().join(", ").to_lowercase();
                    let text = format!("`{text}` is not accepted as {name}; it is {accepted}");
                    Refusal::unknown(text)
                })
            })
            .collect()
    }

    /// A whole number of the query; less than nothing is nothing.
    pub(crate) fn count(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        let number = self.query.number::<i64>(name).map_err(Refusal::unknown)?;
        Ok(number.map_or(default, |number| {
            usize::try_from(number.max(0)).unwrap_or(usize::MAX)
        }))
    }

    /// Whether the query says `true`, in any case.
    pub(crate) fn is_set(&self, name: &str, default: bool) -> bool {
        match self.query.get(name).filter(|text| !text.is_empty()) {
            None => default,
            Some(text) => text.eq_ignore_ascii_case("true"),
        }
    }

    pub(crate) fn date(&self, name: &str, default: At) -> Result<At, Refusal> {
        match self.query.get(name).filter(|text| !text.is_empty()) {
            None => Ok(default),
            Some(text) => Date::parse(text)
                .ok_or_else(|| Refusal::bad(format!("Couldn't parse date: {text}"))),
        }
    }

    /// Numbers with commas between them.
    pub(crate) fn numbers(&self, name: &str, default: &[f64]) -> Result<Vec<f64>, Refusal> {
        let Some(text) = self.query.get(name).filter(|text| !text.is_empty()) else {
            return Ok(default.to_vec());
        };
        let number = |text: &str| {
            let number = text
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|one| one.is_finite());
            number.ok_or_else(|| {
                let expected = "Expected a double";
                let text =
                    format!("Bad value for parameter \"{name}\".  {expected}, got \"{text}\"");
                Refusal::bad(text)
            })
        };
        text.split(',').map(number).collect()
    }
}

impl<'a> Call<'a> {
    /// The stream, once it was started.
    pub(crate) fn streaming(&self) -> Result<&'a Streaming, Refusal> {
        self.model.streaming.as_ref().ok_or_else(|| {
            let name = &self.model.application.name;
            Refusal::unknown(format!("no streaming listener attached to {name}"))
        })
    }
}
