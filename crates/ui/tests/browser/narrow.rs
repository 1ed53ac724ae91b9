//! Narrow windows: what is shown can be read, and what is wide is wrapped or reached by scrolling.

use serde_json::json;

use super::page::Page;
use super::program::Program;

fn resize(page: &mut Page, width: u32) {
    let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    page.call("Emulation.setDeviceMetricsOverride", size);
}

/// How tall the smallest text of these drawings is, in pixels of the screen.
fn smallest(page: &mut Page, drawings: &str) -> f64 {
    let texts = json!(format!("{drawings} text"));
    let smallest = format!(
        "Math.min(...[...document.querySelectorAll({texts})]
            .filter(text => getComputedStyle(text).display != 'none')
            .map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"
    );
    page.evaluate(&smallest).as_f64().unwrap()
}

#[test]
fn charts_and_drawings_can_be_read_in_a_narrow_window() {
    let mut program = Program::new();
    program.run(4);
    let Some(mut page) = Page::open() else { return };
    resize(&mut page, 400);
    page.navigate(&program.address("/streaming/"));
    for charts in ["#processing-time .timeline", "#processing-time .histogram"] {
        let text = smallest(&mut page, charts);
        assert!(text >= 9.0, "{charts}: {text} px");
    }
    let is_whole = "(e => e.scrollWidth <= e.clientWidth)(document.querySelector('.scroll'))";
    assert_eq!(page.evaluate(is_whole), true);
    let key = "document.querySelector('#stat-table .legend').getBoundingClientRect().height > 0";
    assert_eq!(page.evaluate(key), true, "red dots are explained");
    page.navigate(&program.address("/graph/"));
    let text = smallest(&mut page, ".dag");
    assert!(text >= 10.9, "{text} px");
    for path in [
        "/streaming/",
        "/graph/",
        "/jobs/",
        "/stages/",
        "/executors/",
    ] {
        page.navigate(&program.address(path));
        let is_within = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(page.evaluate(is_within), true, "{path}");
    }
    page.assert_clean();
}

#[test]
fn long_places_in_a_program_are_wrapped_on_the_page_of_a_batch() {
    let mut program = Program::new();
    program.run(4);
    let Some(mut page) = Page::open() else { return };
    resize(&mut page, 1140);
    page.navigate(&program.address("/streaming/"));
    page.follow("#completedBatches tr:has(.bad) a");
    let is_whole = "(e => e.scrollWidth <= e.clientWidth)(
        document.querySelector('#batch-job-table').parentElement)";
    assert_eq!(page.evaluate(is_whole), true);
    page.assert_clean();
}
