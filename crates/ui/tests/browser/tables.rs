//! Tables, drawings and the theme.

use serde_json::json;

use super::page::Page;
use super::program::Program;

const BACK: &str = "getComputedStyle(document.body).backgroundColor";

#[test]
fn a_table_sorts_and_has_pages() {
    let mut program = Program::new();
    program.run(12);
    let address = program.address("/streaming/?completedBatches.pageSize=5");
    let Some(mut page) = Page::at(&address) else {
        return;
    };
    let times = page.texts("#completedBatches tbody tr td:first-child");
    assert_eq!(times.len(), 5);
    assert!(times.is_sorted_by(|a, b| a > b), "{times:?}");
    page.follow("#completedBatches thead th:nth-child(2) a");
    assert_eq!(page.texts("[aria-sort=ascending]")[0], "Records");
    let mut records = numbers(&mut page);
    for expected in ["page 2 of 3", "page 3 of 3"] {
        page.follow("#completedBatches-section .pager a:nth-last-child(2)");
        assert!(
            page.text("#completedBatches-section .pager")
                .contains(expected)
        );
        records.extend(numbers(&mut page));
    }
    assert_eq!(records.len(), 12);
    assert!(records.is_sorted(), "{records:?}");
    page.follow("#completedBatches thead th:nth-child(2) a");
    assert!(numbers(&mut page).is_sorted_by(|a, b| a >= b));
    page.assert_clean();
}

/// The records of the batches on the page.
fn numbers(page: &mut Page) -> Vec<u64> {
    let cells = page.texts("#completedBatches tbody tr td:nth-child(2)");
    let numbers = cells.iter().map(|cell| cell.split(' ').next().unwrap());
    numbers.map(|number| number.parse().unwrap()).collect()
}

#[test]
fn drawings_have_the_operators_of_the_program() {
    let mut program = Program::new();
    program.run(2);
    let Some(mut page) = Page::at(&program.address("/graph/")) else {
        return;
    };
    let streams = page.texts("#graph .node text");
    assert_all(
        &streams,
        &["queue_stream", "text_file_stream", "receiver_stream", "map"],
    );
    assert_all(
        &streams,
        &[
            "update_state_by_key",
            "output 0",
            "output 3",
            "input: files",
        ],
    );
    // The numbers of the last batch, below the operator that they belong to.
    let state = page.texts("#graph .node.state text").join(" ");
    assert!(
        state.contains("update_state_by_key") && state.contains("5 keys"),
        "{state}"
    );
    // Job 0 is not of the stream.
    page.navigate(&program.address("/jobs/job/?id=1"));
    let operators = page.texts("#dag .node text");
    assert_all(
        &operators,
        &["parallelize", "map", "partition_by", "update_state_by_key"],
    );
    assert!(
        operators.iter().any(|text| text.contains("program.rs:")),
        "{operators:?}"
    );
    assert!(
        operators.iter().any(|text| text.contains("8 records")),
        "{operators:?}"
    );
    assert_all(&page.texts("#dag .cluster text"), &["Stage 1", "Stage 2"]);
    assert!(page.texts("#dag .edge.shuffle").len() == 1);
    page.assert_clean();
}

/// All of these are among the texts.
#[track_caller]
fn assert_all(texts: &[String], wanted: &[&str]) {
    for one in wanted {
        assert!(texts.iter().any(|text| text == one), "{one} in {texts:?}");
    }
}

#[test]
fn numbers_stand_below_each_other_and_nothing_is_cut_off() {
    let mut program = Program::new();
    program.run(3);
    let Some(mut page) = Page::open() else { return };
    let size = json!({"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    page.call("Emulation.setDeviceMetricsOverride", size);
    // The first number and the first text of each table.
    for (path, table, number, text) in [
        ("/stages/stage/?id=1&attempt=0", "tasks", 1, 3),
        ("/stages/", "completedStage", 1, 2),
        ("/graph/", "streams", 1, 2),
        ("/streaming/", "completedBatches", 2, 1),
        ("/executors/", "executors", 4, 1),
        ("/jobs/", "completedJob", 4, 1),
    ] {
        page.navigate(&program.address(path));
        for (column, side) in [(number, "right"), (text, "left")] {
            let cell = format!("#{table} > tbody td:nth-child({column})");
            let of = format!("getComputedStyle(document.querySelector('{cell}')).textAlign");
            assert_eq!(page.evaluate(&of), side, "{path} {column}");
        }
        let wide = page.evaluate(
            "[...document.querySelectorAll('.scroll')]
                .filter(box => box.scrollWidth > box.clientWidth)
                .map(box => box.querySelector('table').id)",
        );
        assert_eq!(wide, json!([]), "{path}");
    }
}

#[test]
fn what_a_link_jumps_to_is_below_the_head() {
    let mut program = Program::new();
    program.run(60);
    let Some(mut page) = Page::at(&program.address("/streaming/#completedBatches")) else {
        return;
    };
    page.wait_until("scrollY > 0");
    let gap = page.evaluate(
        "document.querySelector('#completedBatches').getBoundingClientRect().top
            - document.querySelector('header').getBoundingClientRect().bottom",
    );
    assert!(gap.as_f64().unwrap() >= 0.0, "{gap}");
}

#[test]
fn a_page_is_drawn_in_the_theme_that_was_chosen() {
    let program = Program::new();
    let Some(mut page) = Page::at(&program.address("/environment/")) else {
        return;
    };
    page.click("#theme");
    let chosen = page.evaluate("document.documentElement.dataset.theme");
    let watch = "new MutationObserver((_, observer) => {
        if (!document.body) return;
        window.firstTheme = document.documentElement.dataset.theme;
        observer.disconnect();
    }).observe(document, { childList: true, subtree: true });";
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({"source": watch}),
    );
    page.reload();
    assert_eq!(page.evaluate("window.firstTheme"), chosen);
    page.assert_clean();
}

#[test]
fn the_theme_is_remembered() {
    let program = Program::new();
    let Some(mut page) = Page::at(&program.address("/environment/")) else {
        return;
    };
    let first = page.evaluate(BACK);
    page.click("#theme");
    let other = page.evaluate(BACK);
    assert_ne!(first, other);
    page.reload();
    assert_eq!(page.evaluate(BACK), other);
    page.click("#theme");
    assert_eq!(page.evaluate(BACK), first);
    page.assert_clean();
}
