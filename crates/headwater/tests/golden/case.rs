//! The files: one recorded case each.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// One recorded case.
///
/// A field that is not here belongs to an operation that no test uses; reading such a file
/// fails rather than comparing only half of what it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) case: String,
    #[serde(rename = "op")]
    _op: String,
    pub(crate) about: String,
    pub(crate) batch_ms: u64,
    /// Absent where the pipeline says how many batches run.
    pub(crate) batches: Option<usize>,
    pub(crate) params: Map<String, Value>,
    pub(crate) inputs: BTreeMap<String, Vec<Vec<Value>>>,
    pub(crate) pipeline: String,
    pub(crate) ordered: bool,
    pub(crate) expected: Vec<Entry>,
    pub(crate) error: Option<Failure>,
    /// The batch times of each life of a program that is started again.
    pub(crate) runs: Option<Vec<Vec<i64>>>,
    rel_tol: Option<f64>,
}

/// The relative tolerance of floating numbers, where a case gives no other.
const REL_TOL: f64 = 1e-6;

/// One firing of an output operation, or one thing that the pipeline logged.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The life of the program, from 1, where it has several.
    pub(crate) run: Option<usize>,
    pub(crate) time_ms: i64,
    pub(crate) out: Option<String>,
    pub(crate) records: Option<Vec<Value>>,
    pub(crate) partitions: Option<usize>,
    pub(crate) glom: Option<Vec<Vec<Value>>>,
    pub(crate) rdds: Option<Vec<Vec<Value>>>,
    pub(crate) event: Option<String>,
    pub(crate) console: Option<String>,
    /// The text of each file by its path.
    pub(crate) files: Option<BTreeMap<String, String>>,
}

/// What batches of a second give, one after the other.
pub(crate) fn entries(batches: impl IntoIterator<Item = Vec<Value>>) -> Vec<Entry> {
    let entry = |(batch, records): (i64, _)| Entry {
        time_ms: batch * 1000,
        records: Some(records),
        ..Entry::default()
    };
    (1..).zip(batches).map(entry).collect()
}

/// What was refused; its class and wording are Spark's own and are not compared.
#[derive(Deserialize)]
pub(crate) struct Failure {
    pub(crate) phase: String,
    /// The batch that failed, if it was one.
    pub(crate) time_ms: Option<i64>,
}

impl Case {
    pub(crate) fn read(name: &str) -> Case {
        let path = cases_dir().join(format!("{name}.json"));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let case = Case::parse(&text);
        assert_eq!(case.case, name, "the file is named after its case");
        case
    }

    pub(crate) fn parse(text: &str) -> Case {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// In how many partitions each batch of an input is cut.
    pub(crate) fn input_partitions(&self) -> usize {
        let partitions = self.params.get("input_partitions").and_then(Value::as_u64);
        usize::try_from(partitions.unwrap_or(1)).unwrap_or(usize::MAX)
    }

    /// The relative tolerance of floating numbers.
    pub(crate) fn tolerance(&self) -> f64 {
        let parameter = || self.params.get("rel_tol").and_then(Value::as_f64);
        self.rel_tol.or_else(parameter).unwrap_or(REL_TOL)
    }

    /// A directory of this case alone, which is empty.
    pub(crate) fn fresh_dir(&self, name: &str) -> PathBuf {
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
        let dir = scratch.join(&self.case).join(name);
        let emptied = match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        };
        emptied
            .and_then(|()| fs::create_dir_all(&dir))
            .unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        dir
    }

    /// How many batches run: to the last recorded entry where nothing else is said.
    pub(crate) fn batch_count(&self) -> usize {
        self.batches.unwrap_or_else(|| {
            let last = self
                .expected
                .iter()
                .map(|entry| entry.time_ms.unsigned_abs())
                .max();
            usize::try_from(last.unwrap_or(0) / self.batch_ms).unwrap_or(usize::MAX)
        })
    }
}

/// The directory of this test.
pub(crate) fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The directory of the recorded cases.
pub(crate) fn cases_dir() -> PathBuf {
    golden_dir().join("cases")
}
