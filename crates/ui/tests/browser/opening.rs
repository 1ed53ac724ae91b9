//! Every page opens, and is small.

use std::collections::BTreeMap;

use super::page::Page;
use super::program::Program;

/// The pages that there are; all of them can be reached by links.
const PAGES: [&str; 12] = [
    "/environment/",
    "/executors/",
    "/graph/",
    "/jobs/",
    "/jobs/job/",
    "/stages/",
    "/stages/stage/",
    "/state/",
    "/storage/",
    "/storage/rdd/",
    "/streaming/",
    "/streaming/batch/",
];

const WEIGHT_MAX: u64 = 200_000;

/// What all parts of the page weigh, by their addresses; not what it fetches later, when the
/// stream has gone on.
const WEIGHTS: &str = "performance.getEntries()
    .filter(entry => ['navigation', 'resource'].includes(entry.entryType))
    .filter(entry => entry.initiatorType !== 'fetch' && entry.name.startsWith('http'))
    .map(entry => [entry.name, Math.max(entry.transferSize, entry.encodedBodySize)])";

#[test]
fn every_page_opens_by_a_link_and_without_an_error() {
    let mut program = Program::new();
    program.run(5);
    let Some(mut page) = Page::open() else { return };
    // By their paths, as there is a page for each batch and each job; and what status they had.
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut next = vec![program.address("/")];
    while let Some(address) = next.pop() {
        page.navigate(&address);
        let path = page.evaluate("location.pathname");
        let path = path.as_str().unwrap().to_owned();
        let status = page.evaluate("performance.getEntriesByType('navigation')[0].responseStatus");
        seen.insert(path, status.as_u64().unwrap());
        let links = page.evaluate(
            "[...document.querySelectorAll('a[href]')]
                .map(a => new URL(a.getAttribute('href'), location).href)",
        );
        let links: Vec<String> = serde_json::from_value(links).unwrap();
        for link in links {
            let path = link.trim_start_matches(program.address("").as_str());
            let path = path.split(['?', '#']).next().unwrap();
            let is_waiting = next.iter().any(|waiting| waiting.contains(path));
            if path != "/" && !seen.contains_key(path) && !is_waiting {
                next.push(link);
            }
        }
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), PAGES);
    assert!(seen.values().all(|status| *status == 200), "{seen:?}");
    page.assert_clean();
}

#[test]
fn the_page_of_a_long_stream_is_light() {
    let mut program = Program::new();
    program.run(150);
    let Some(mut page) = Page::at(&program.address("/streaming/")) else {
        return;
    };
    let weights: Vec<(String, u64)> = serde_json::from_value(page.evaluate(WEIGHTS)).unwrap();
    for part in ["/streaming/", "/static/style.css", "/static/app.js"] {
        let of_part = weights.iter().find(|(name, _)| name.ends_with(part));
        assert!(
            of_part.is_some_and(|(_, weight)| *weight > 1000),
            "{weights:?}"
        );
    }
    let weight: u64 = weights.iter().map(|(_, weight)| weight).sum();
    assert!(weight < WEIGHT_MAX, "{weights:?}");
}
