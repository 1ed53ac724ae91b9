//! Where tasks run.

use std::fmt;
use std::str::FromStr;
use std::thread;

use super::value::ConfValue;

/// The largest number of slots that a local master accepts; each slot is a thread.
pub const SLOTS_MAX: usize = 65_536;

/// Where tasks run, read from the key `master`.
///
/// | text | slots | a task may fail |
/// | --- | --- | --- |
/// | `local` | 1 | once |
/// | `local[4]` | 4 | once |
/// | `local[*]` | one per processor | once |
/// | `local[4,3]` | 4 | 3 times |
/// | `local[*,3]` | one per processor | 3 times |
///
/// The last column counts the failure that fails the job: with 1, no task is tried again.
///
/// ```
/// use headwater_core::conf::Master;
/// assert_eq!("local[4,3]".parse(), Ok(Master::Local { slots: 4, max_failures: 3 }));
/// assert!("local[0]".parse::<Master>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Master {
    /// Threads of this process.
    Local {
        /// How many tasks run at a time; from 1 to [`SLOTS_MAX`].
        slots: usize,
        /// At which failure of one task its job fails; at least 1.
        max_failures: u32,
    },
}

impl Master {
    /// Reads a master, where `*` stands for `processors` slots. The error is the reason.
    ///
    /// ```
    /// use headwater_core::conf::Master;
    /// let master = Master::parse("local[*]", 8);
    /// assert_eq!(master, Ok(Master::Local { slots: 8, max_failures: 1 }));
    /// ```
    pub fn parse(text: &str, processors: usize) -> Result<Master, String> {
        let (slots, max_failures) = parse_local(text, processors)?;
        Ok(Master::Local {
            slots,
            max_failures: max_failures.unwrap_or(1),
        })
    }

    /// The number of times that a task may fail, if the text says one.
    pub(super) fn explicit_max_failures(text: &str) -> Result<Option<u32>, String> {
        parse_local(text, 1).map(|(_, max_failures)| max_failures)
    }
}

fn parse_local(text: &str, processors: usize) -> Result<(usize, Option<u32>), String> {
    let text = text.trim();
    if text == "local" {
        return Ok((1, None));
    }
    let inside = text
        .strip_prefix("local[")
        .and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.ok_or_else(|| format!("`{text}` is not a master that is supported"))?;
    let (slots, max_failures) = match inside.split_once(',') {
        Some((slots, failures)) => (slots, Some(parse_failures(failures)?)),
        None => (inside, None),
    };
    Ok((parse_slots(slots, processors)?, max_failures))
}

fn parse_slots(text: &str, processors: usize) -> Result<usize, String> {
    match text.trim() {
        "*" => Ok(processors.clamp(1, SLOTS_MAX)),
        number => match usize::parse_conf(number) {
            Ok(slots) if (1..=SLOTS_MAX).contains(&slots) => Ok(slots),
            _ => Err(format!(
                "the slots are `{number}` but must be * or 1 to {SLOTS_MAX}"
            )),
        },
    }
}

fn parse_failures(text: &str) -> Result<u32, String> {
    match u32::parse_conf(text) {
        Ok(failures) if failures > 0 => Ok(failures),
        _ => Err(format!(
            "the failures are `{}` but must be at least 1",
            text.trim()
        )),
    }
}

impl FromStr for Master {
    type Err = String;

    /// Reads a master, where `*` stands for one slot per processor of this machine.
    fn from_str(text: &str) -> Result<Master, String> {
        // Where the machine does not tell, one slot is safe.
        Master::parse(
            text,
            thread::available_parallelism().map_or(1, |count| count.get()),
        )
    }
}

impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Master::Local {
                slots,
                max_failures: 1,
            } => write!(f, "local[{slots}]"),
            Master::Local {
                slots,
                max_failures,
            } => write!(f, "local[{slots},{max_failures}]"),
        }
    }
}

impl ConfValue for Master {
    const ACCEPTED: &'static str = "local, local[N], local[*], local[N,F] or local[*,F] \
                                    with N slots and F failures per task";

    fn parse_conf(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn conf_text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted() {
        for (text, slots, max_failures) in [
            ("local", 1, 1),
            ("local[1]", 1, 1),
            ("local[12]", 12, 1),
            ("local[*]", 8, 1),
            ("local[3,5]", 3, 5),
            ("local[*,2]", 8, 2),
            (" local[ 3 , 5 ] ", 3, 5),
        ] {
            let master = Master::Local {
                slots,
                max_failures,
            };
            assert_eq!(Master::parse(text, 8), Ok(master.clone()), "{text}");
            assert_eq!(Master::parse(&master.to_string(), 8), Ok(master), "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "Local",
            "local[]",
            "local[0]",
            "local[-1]",
            "local[1.5]",
            "local[65537]",
            "local[2,0]",
            "local[2,*]",
            "local[2,]",
            "local[,2]",
            "local[2,3,4]",
            "local[2",
            "local2]",
            "spark://host:7077",
            "yarn",
            "k8s://https://host",
        ] {
            assert!(Master::parse(text, 8).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_machine_has_one_slot() {
        assert_eq!(
            Master::parse("local[*]", 0),
            Ok(Master::Local {
                slots: 1,
                max_failures: 1
            })
        );
    }
}
