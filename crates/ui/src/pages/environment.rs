//! What the program was started with.

use maud::{Markup, html};

use super::table::{Column, SortKey, Table};
use super::{Answer, View};
use crate::record::Setting;

pub(crate) fn page(view: &View<'_>) -> Answer {
    let application = &view.model.application;
    let settings = Table {
        name: "settings",
        columns: vec![
            Column::new("Key", |setting: &&Setting| html! { code { (setting.key) } })
                .sorted_by(|setting| SortKey::Text(setting.key.clone())),
            Column::new(
                "Value",
                |setting: &&Setting| html! { code { (setting.value) } },
            ),
            Column::new("From", |setting: &&Setting| html! { (setting.origin) })
                .hint("Where the value came from")
                .sorted_by(|setting| SortKey::Text(setting.origin.clone())),
        ],
        sort: ("Key", false),
        empty: "No settings are known.",
        row_id: None,
    };
    let body = html! {
        section {
            h2 { "Runtime" }
            (pairs(&application.runtime))
        }
        section #settings-section {
            h2 { "Settings" }
            (settings.show(view.query, application.settings.iter().collect()))
        }
    };
    Answer::page("/environment/", "Environment", body)
}

fn pairs(pairs: &[(String, String)]) -> Markup {
    html! {
        table {
            tbody { @for (name, value) in pairs { tr { th scope="row" { (name) } td { (value) } } } }
        }
    }
}
