//! The list of programs.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::programs::{List, Listed};
use crate::log::Summary;
use crate::pages::format;
use crate::pages::table::{Column, SortKey, Table};
use crate::pages::{Query, plain};

/// The page of all programs.
pub(super) fn page(list: List, dir: &str, query: &Query, zone: &TimeZone) -> Markup {
    let body = html! {
        p.dim { "Event logs in " code { (dir) } }
        @if list.left_out > 0 {
            p.note { (list.left_out) " older programs are not listed." }
        }
        (table(zone).show(query, list.programs))
    };
    plain("Programs", &body)
}

fn table(zone: &TimeZone) -> Table<'_, Listed> {
    Table {
        name: "programs",
        columns: vec![
            Column::new("App ID", |program: &Listed| {
                html! { a href={ "/history/" (program.name) "/" } { (program.name) } }
            })
            .sorted_by(|program| SortKey::Text(program.name.clone())),
            Column::new("App Name", name).sorted_by(|program| text(program, |of| &of.name)),
            Column::new("Started", |program: &Listed| {
                html! { (shown(program, |of| format::date_time(of.started, zone, false))) }
            })
            .sorted_by(|program| SortKey::order(known(program).map(|of| of.started.0 as f64))),
            Column::new(
                "Completed",
                |program: &Listed| html! { (completed(program, zone)) },
            )
            .sorted_by(|program| {
                let ended = known(program).and_then(|of| of.ended);
                SortKey::order(ended.map(|at| at.0 as f64))
            }),
            Column::new("Duration", |program: &Listed| {
                html! { (shown(program, |of| format::length(of.took()))) }
            })
            .sorted_by(|program| number(program, |of| of.took().0 as f64)),
            Column::new("Streaming Batches", batches)
                .sorted_by(|program| number(program, |of| of.batches as f64)),
            Column::new("User", |program: &Listed| {
                html! { (shown(program, |of| of.user.clone())) }
            })
            .sorted_by(|program| text(program, |of| &of.user)),
        ],
        sort: ("Started", true),
        empty: "There are no event logs yet: programs write them with event_log.enabled=true and \
                event_log.dir.",
        row_id: Some(Box::new(|program| program.name.clone())),
    }
}

fn known(program: &Listed) -> Option<&Summary> {
    program.summary.as_ref().ok()
}

fn shown(program: &Listed, of: impl Fn(&Summary) -> String) -> String {
    known(program).map_or_else(|| format::NOTHING.to_owned(), of)
}

fn number(program: &Listed, of: impl Fn(&Summary) -> f64) -> SortKey {
    SortKey::maybe(known(program).map(of))
}

fn text(program: &Listed, of: impl Fn(&Summary) -> &String) -> SortKey {
    known(program).map_or(SortKey::Unknown, |summary| {
        SortKey::Text(of(summary).clone())
    })
}

fn name(program: &Listed) -> Markup {
    html! {
        @match &program.summary {
            Ok(summary) => (summary.name),
            Err(error) => span.bad { (error) },
        }
    }
}

fn completed(program: &Listed, zone: &TimeZone) -> String {
    let Some(summary) = known(program) else {
        return format::NOTHING.to_owned();
    };
    match summary.ended {
        Some(at) => format::date_time(at, zone, false),
        None => {
            let last = format::date_time(summary.last, zone, false);
            format!("running or killed; last heard of {last}")
        }
    }
}

fn batches(program: &Listed) -> Markup {
    html! {
        @match known(program) {
            Some(of) if of.is_stream => {
                (format::count(of.batches))
                @if of.failed_batches > 0 {
                    " " span.bad { "(" (format::count(of.failed_batches)) " failed)" }
                }
            }
            _ => (format::NOTHING),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::At;
    use crate::testing::{HOSTILE, one_tag_a_line};

    fn listed(number: u64) -> Listed {
        let started = At(i64::try_from(number).unwrap() * 1_000_000);
        let summary = Summary {
            id: format!("local-{number}"),
            name: HOSTILE.to_owned(),
            user: HOSTILE.to_owned(),
            started,
            last: At(started.0 + 90_000_000),
            ended: (number != 50).then_some(At(started.0 + 90_000_000)),
            is_stream: true,
            batches: number,
            failed_batches: u64::from(number == 3),
            ..Summary::default()
        };
        Listed {
            name: summary.id.clone(),
            summary: match number {
                7 => Err(HOSTILE.to_owned()),
                _ => Ok(summary),
            },
        }
    }

    #[test]
    fn programs_are_listed_newest_first() {
        let list = List {
            programs: (1..=50).map(listed).collect(),
            left_out: 4,
        };
        let query = Query::of(&"/".parse().unwrap());
        let page = page(list, HOSTILE, &query, &TimeZone::UTC).into_string();
        assert_eq!(page.matches("<a href=\"/history/local-").count(), 50);
        let place = |id: &str| page.find(&format!("<tr id=\"local-{id}\"")).unwrap();
        assert!(place("50") < place("49") && place("2") < place("1"));
        assert!(page.contains("4 older programs are not listed"));
        assert!(page.contains("running or killed; last heard of 1970/01/01 00:02:20"));
        assert!(page.contains(r#"<td class="number">3 <span class="bad">(1 failed)</span>"#));
        assert!(!page.contains(HOSTILE) && page.contains("&lt;script&gt;"));
    }
    #[test]
    fn the_page_is_this() {
        let list = List {
            programs: [1, 3, 7, 50].map(listed).into(),
            left_out: 0,
        };
        let query = Query::of(&"/".parse().unwrap());
        let page = page(list, HOSTILE, &query, &TimeZone::UTC).into_string();
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("programs", one_tag_a_line(&page));
        });
    }
}
