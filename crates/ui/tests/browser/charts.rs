//! Charts can be read.

use serde_json::json;

use super::page::Page;
use super::program::Program;

/// How tall the smallest text of the charts of each input is, in pixels of the screen.
const SMALLEST: &str = "Math.min(...[...document.querySelectorAll('#inputs-table svg text')]
    .map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))";

/// The colours of what a selector finds.
fn colour(page: &mut Page, selector: &str, property: &str) -> String {
    let colour = page.evaluate(&format!(
        "getComputedStyle(document.querySelector({})).{property}",
        json!(selector)
    ));
    colour.as_str().unwrap().to_owned()
}

#[test]
fn texts_are_large_enough_and_red_dots_are_explained() {
    let mut program = Program::new();
    program.run(4);
    let Some(mut page) = Page::open() else { return };
    let size = json!({"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    page.call("Emulation.setDeviceMetricsOverride", size);
    page.navigate(&program.address("/streaming/"));
    page.click("#inputs summary");
    let smallest = page.evaluate(SMALLEST).as_f64().unwrap();
    assert!(smallest >= 11.0, "{smallest} px");
    let is_whole = "(e => e.scrollWidth <= e.clientWidth)(document.querySelector('.scroll'))";
    assert_eq!(page.evaluate(is_whole), true);
    assert_eq!(
        page.text("#stat-table .legend").trim(),
        "batch failed batch"
    );
    for theme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        page.call("Emulation.setEmulatedMedia", features);
        let failed = colour(&mut page, "#processing-time circle.failed", "fill");
        assert_eq!(
            colour(&mut page, ".legend .dot.failed", "backgroundColor"),
            failed
        );
        let other = colour(&mut page, "#processing-time circle:not(.failed)", "fill");
        assert_eq!(
            colour(&mut page, ".legend .dot:first-child", "backgroundColor"),
            other
        );
        assert_ne!(other, failed, "{theme}");
    }
    page.assert_clean();
}
