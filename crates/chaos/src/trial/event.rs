//! The records of a round, which its seed determines.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many keys there are.
const KEYS: i64 = 23;

/// A numbered record. The numbers of a round are 1, 2, 3 and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) number: i64,
    pub(crate) key: i64,
    pub(crate) value: i64,
}

/// All records of a round.
pub(crate) fn events(seed: u64, count: usize) -> Vec<Event> {
    let mut draw = fastrand::Rng::with_seed(seed);
    (1..)
        .take(count)
        .map(|number| Event {
            number,
            key: draw.i64(0..KEYS),
            value: draw.i64(-1000..1000),
        })
        .collect()
}

/// As a line of text, without its end.
impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.number, self.key, self.value)
    }
}

/// A text that is no event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number, a key and a value")]
pub(crate) struct NoEvent(String);

impl FromStr for Event {
    type Err = NoEvent;

    fn from_str(line: &str) -> Result<Self, NoEvent> {
        let mut words = line.split_ascii_whitespace().map(str::parse);
        let mut next = || words.next().and_then(Result::ok);
        let event = next().zip(next()).zip(next());
        let event = event.map(|((number, key), value)| Event { number, key, value });
        event.ok_or_else(|| NoEvent(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_written() {
        let all = events(3, 100);
        assert_eq!(all, events(3, 100));
        assert_ne!(all, events(4, 100));
        for event in all {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert!("1 2".parse::<Event>().is_err());
    }
}
