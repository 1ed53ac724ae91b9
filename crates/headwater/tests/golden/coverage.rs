//! That no recorded case is forgotten, and no difference goes unsaid.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::case::{cases_dir, golden_dir};
use crate::not_yet;

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
    let sources = stems(&golden_dir(), "rs")
        .into_iter()
        .filter(|stem| stem != "coverage");
    let texts = sources.map(|stem| read(&golden_dir().join(format!("{stem}.rs"))));
    texts.flat_map(|text| tests_in(&text)).collect()
}

fn tests_in(text: &str) -> Vec<Tested> {
    let functions = text.split("#[test]").skip(1).filter_map(|rest| {
        let function = rest
            .trim_start()
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

#[test]
fn every_case_has_a_test() {
    let tested: BTreeSet<_> = tests().into_iter().map(|test| test.case).collect();
    let listed: BTreeSet<_> = not_yet::cases().map(str::to_owned).collect();
    let recorded: BTreeSet<_> = stems(&cases_dir(), "json").into_iter().collect();
    let both: Vec<_> = tested.intersection(&listed).collect();
    assert!(
        both.is_empty(),
        "tested, so take them out of not_yet: {both:?}"
    );
    let known: BTreeSet<_> = tested.union(&listed).cloned().collect();
    let forgotten: Vec<_> = recorded.difference(&known).collect();
    assert!(
        forgotten.is_empty(),
        "neither tested nor in not_yet: {forgotten:?}"
    );
    let unknown: Vec<_> = known.difference(&recorded).collect();
    assert!(unknown.is_empty(), "there is no such case: {unknown:?}");
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
