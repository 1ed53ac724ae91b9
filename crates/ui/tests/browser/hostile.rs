//! What comes from a program stays text.

use super::page::Page;
use super::program::{HOSTILE, Program};

#[test]
fn hostile_names_and_messages_stay_text() {
    let mut program = Program::new();
    program.run(4);
    let Some(mut page) = Page::open() else { return };
    let file = format!("{HOSTILE}.txt");
    let first_batch = program.first_batch();
    let pages = [
        (
            program.address("/streaming/"),
            vec!["Complains", "lost", "the shelf"],
        ),
        (first_batch, vec!["Complains"]),
        (program.failed_batch(), vec!["the shelf"]),
        (program.address("/graph/"), vec!["words"]),
        (program.address("/storage/"), vec!["prices"]),
    ];
    for (address, before) in pages {
        page.navigate(&address);
        let all = page.evaluate("document.body.textContent");
        let all = all.as_str().unwrap();
        for before in [vec!["shop"], before].concat() {
            let text = format!("{before} {HOSTILE}");
            assert!(all.contains(&text), "{text} on {address}: {all}");
        }
        let marks = page.evaluate("[document.images.length, typeof window.hacked]");
        assert_eq!(marks, serde_json::json!([0, "undefined"]), "{address}");
        assert!(
            page.evaluate("document.title")
                .as_str()
                .unwrap()
                .contains(HOSTILE)
        );
    }
    page.navigate(&program.first_batch());
    assert!(page.text("#inputs").contains(&file));
    page.assert_clean();
}
