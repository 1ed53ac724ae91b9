//! That no recorded case is forgotten, and no difference goes unsaid.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::case::{Case, cases_dir, golden_dir};

/// How a test opens its case, and whether that case comes out otherwise on purpose.
const OPENINGS: [(&str, bool); 2] = [
    ("Golden::open(\"", false),
    ("Golden::open_differing(\"", true),
];

/// A test as its source says it.
struct Tested {
    function: String,
    case: String,
    differs: bool,
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a directory with an extension, without that extension.
fn stems(dir: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let paths = entries.map(|entry| entry.expect("a directory can be listed").path());
    let fitting = paths.filter(|path| path.extension() == Some(OsStr::new(extension)));
    let mut stems: Vec<_> = fitting
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    stems.sort();
    stems
}

/// The tests that open a case, read from their sources: what is not called there cannot
/// count as tested.
fn tests() -> Vec<Tested> {
    sources().iter().flat_map(|text| tests_in(text)).collect()
}

/// The text of each source but this one.
fn sources() -> Vec<String> {
    let stems = stems(&golden_dir(), "rs");
    let others = stems.iter().filter(|stem| *stem != "coverage");
    others
        .map(|stem| read(&golden_dir().join(format!("{stem}.rs"))))
        .collect()
}

fn tests_in(text: &str) -> Vec<Tested> {
    let functions = text.split("#[test]").skip(1).filter_map(|rest| {
        let head = rest.trim_start();
        let function = head
            .strip_prefix("pub(crate) ")
            .unwrap_or(head)
            .strip_prefix("fn ")?
            .split('(')
            .next()?
            .to_owned();
        let (case, differs) = OPENINGS.iter().find_map(|(opening, differs)| {
            let case = rest.split(opening).nth(1)?.split('"').next()?.to_owned();
            Some((case, *differs))
        })?;
        Some(Tested {
            function,
            case,
            differs,
        })
    });
    functions.collect()
}

/// `countByValue_02` as a function is called: `count_by_value_02`.
fn function_name(case: &str) -> String {
    let mut name = String::new();
    for letter in case.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// What is wrong between the recorded cases and those that a test opens.
fn faults(recorded: &[&str], tested: &[&str]) -> Vec<String> {
    let untested = recorded.iter().filter(|case| !tested.contains(case));
    let mut faults: Vec<_> = untested.map(|case| format!("{case} has no test")).collect();
    for case in tested {
        if !recorded.contains(case) {
            faults.push(format!("there is no case {case}"));
        }
    }
    let mut seen = BTreeSet::new();
    for case in tested.iter().filter(|case| !seen.insert(**case)) {
        faults.push(format!("{case} is opened by two tests"));
    }
    faults
}

#[test]
fn every_case_has_a_test() {
    let (tests, recorded) = (tests(), stems(&cases_dir(), "json"));
    let tested: Vec<_> = tests.iter().map(|test| test.case.as_str()).collect();
    let recorded: Vec<_> = recorded.iter().map(String::as_str).collect();
    let faults = faults(&recorded, &tested);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn cases_without_a_test_and_tests_without_a_case_are_faults() {
    assert!(faults(&["a", "b"], &["b", "a"]).is_empty());
    let found = faults(&["a", "b", "c"], &["a", "b", "b", "x"]);
    let expected = [
        "c has no test",
        "there is no case x",
        "b is opened by two tests",
    ];
    assert_eq!(found, expected);
}

/// Words in a program that keeps something of earlier batches.
const OF_A_PAST: [&str; 5] = ["window", "state", "remember", "slice", "checkpoint"];

/// Cases with a past that end before a restart could show anything, and why.
const ENDING_EARLY: [(&str, &str); 7] = [
    ("mapWithState_15", "its second batch fails"),
    (
        "reduceByKeyAndWindowInverseFilter_01",
        "a batch fails, and no output comes after it",
    ),
    (
        "reduceByKeyAndWindowInverseFilter_02",
        "a batch fails, and no output comes after it",
    ),
    ("refusal_02", "`start` refuses it"),
    ("refusal_03", "`start` refuses it"),
    ("refusal_04", "`start` refuses it"),
    ("refusal_14", "`start` refuses it"),
];

/// The cases that are to be restarted: those that have a past, and are not restarted by
/// themselves as those of `recovery` are.
fn cases_to_restart() -> BTreeSet<String> {
    let recorded = stems(&cases_dir(), "json").into_iter();
    let has_past = |name: &String| {
        let case = Case::read(name);
        case.runs.is_none() && OF_A_PAST.iter().any(|word| case.pipeline.contains(word))
    };
    recorded.filter(has_past).collect()
}

/// A stream that has a past must find it again.
#[test]
fn every_case_with_a_past_is_also_stopped_in_its_middle() {
    let mut cases = cases_to_restart();
    for (case, why) in ENDING_EARLY {
        assert!(cases.remove(case), "{case} is not to be restarted anyway");
        assert!(
            Case::read(case).error.is_some(),
            "{case}: not so that {why}"
        );
    }
    let expected: BTreeSet<_> = cases.iter().map(|case| function_name(case)).collect();
    let restarted = read(&golden_dir().join("restarted.rs"));
    let (_, list) = restarted
        .split_once("\nrestarted! {")
        .expect("it has a list");
    let is_test = |word: &&str| !word.contains([':', ';', '}']);
    let listed = list.split_whitespace().filter(is_test).map(str::to_owned);
    let listed: BTreeSet<_> = listed.collect();
    assert_eq!(listed, expected, "in restarted.rs, and with a past");
}

/// An opening outside a test, or a second one in a test, would count for the wrong test.
#[test]
fn every_opening_belongs_to_one_test() {
    let openings: usize = sources()
        .iter()
        .map(|text| {
            let count = |(opening, _): &(&str, bool)| text.matches(opening).count();
            OPENINGS.iter().map(count).sum::<usize>()
        })
        .sum();
    assert_eq!(openings, tests().len());
}

#[test]
fn every_test_is_named_after_its_case() {
    for test in tests() {
        assert_eq!(test.function, function_name(&test.case));
    }
}

#[test]
fn every_source_is_part_of_this_test() {
    let main = read(&golden_dir().join("main.rs"));
    for stem in stems(&golden_dir(), "rs")
        .iter()
        .filter(|stem| *stem != "main")
    {
        assert!(
            main.contains(&format!("\nmod {stem};")),
            "main.rs does not name {stem}.rs"
        );
    }
}

#[test]
fn differences_are_documented_and_only_they() {
    let page = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md"));
    let recorded = stems(&cases_dir(), "json");
    let cited: BTreeSet<_> = page
        .split('`')
        .filter(|word| recorded.iter().any(|case| case == word))
        .map(str::to_owned)
        .collect();
    let tests = tests().into_iter().filter(|test| test.differs);
    let differing: BTreeSet<_> = tests.map(|test| test.case).collect();
    assert_eq!(
        cited, differing,
        "cited by docs/differences.md, and differing in a test"
    );
}

#[test]
fn tests_are_found_in_their_sources() {
    let opening = OPENINGS[1].0;
    let text = format!("#[test]\nfn a_b_01() {{\n    {opening}aB_01\").run();\n}}\n");
    let found = tests_in(&format!(
        "fn helper() {{}}\n{text}#[test]\nfn no_case() {{}}\n"
    ));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].function.as_str(), found[0].case.as_str()),
        ("a_b_01", "aB_01")
    );
    assert!(found[0].differs);
}
