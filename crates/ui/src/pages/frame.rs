//! What all pages have: head, tabs, foot.

use maud::{DOCTYPE, Markup, html};

use super::{Answer, View, format};

/// The tabs, by their addresses; those of a stream only if there is one.
const TABS: &[(&str, &str, bool)] = &[
    ("/streaming/", "Streaming", true),
    ("/graph/", "Graph", true),
    ("/state/", "State", true),
    ("/jobs/", "Jobs", false),
    ("/stages/", "Stages", false),
    ("/storage/", "Storage", false),
    ("/environment/", "Environment", false),
    ("/executors/", "Executors", false),
];

/// The whole page.
pub(crate) fn framed(view: &View<'_>, answer: &Answer) -> Markup {
    let application = &view.model.application;
    let has_stream = view.model.streaming.is_some();
    let tabs = TABS
        .iter()
        .filter(|(.., of_stream)| has_stream || !of_stream);
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(html! { (application.name) " - " (answer.title) }))
            body data-app=(application.id) data-changes=[view.live.map(|_| "/changes")] {
                header {
                    a.logo href=(view.link("/")) { "Headwater" }
                    @if !view.base.path.is_empty() { a href="/" { "All programs" } }
                    nav {
                        @for (path, name, _) in tabs {
                            a href=(view.link(path)) aria-current=[(*path == answer.tab).then_some("page")] {
                                (name)
                            }
                        }
                    }
                    span.app title=(application.name) { (application.name) }
                    (liveness(view))
                    (theme())
                }
                main #main {
                    @for note in &view.base.notes { p.note { (note) } }
                    (dropped(view))
                    h1 { (answer.title) }
                    (answer.body)
                }
                (foot(view))
            }
        }
    }
}

/// A page that belongs to no program.
pub(crate) fn plain(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(html! { (title) }))
            body {
                header { a.logo href="/" { "Headwater" } (theme()) }
                main #main {
                    h1 { (title) }
                    (body)
                }
            }
        }
    }
}

fn head(title: Markup) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) }
            // It holds up what is drawn, so that nothing is drawn in another theme first.
            script src="/static/theme.js" {}
            link rel="icon" type="image/svg+xml" href="/static/icon.svg";
            link rel="stylesheet" href="/static/style.css";
            script src="/static/app.js" defer {}
        }
    }
}

fn theme() -> Markup {
    html! { button #theme type="button" title="Light or dark" { "◐" } }
}

/// Whether what is shown goes on.
fn liveness(view: &View<'_>) -> Markup {
    let streaming = view.model.streaming.as_ref();
    let ended = view
        .model
        .ended
        .or(streaming.and_then(|streaming| streaming.stopped));
    let (class, text) = match (view.live.is_some(), ended) {
        (false, _) => ("history", "history"),
        (true, Some(_)) => ("stopped", "stopped"),
        (true, None) => ("live", "live"),
    };
    html! { span #liveness .liveness .(class) { (text) } }
}

/// What is missing, if something is: then nothing on a page is quite true.
fn dropped(view: &View<'_>) -> Markup {
    let dropped = view.model.dropped;
    let lost = view.model.streaming.as_ref();
    let lost = lost.map_or(0, |streaming| streaming.lost_total);
    html! {
        @if dropped > 0 {
            p.note #dropped {
                (format::counted(dropped, "event"))
                " dropped, as listeners or the event log were too slow "
                "(listener_bus.queue.capacity, event_log.queue): "
                "what is shown has gaps, and sums are too low."
                @if lost > 0 {
                    " The end of " @match lost { 1 => "one batch", _ => { (format::count(lost)) " batches" } }
                    " is among what is missing."
                }
            }
        }
    }
}

fn foot(view: &View<'_>) -> Markup {
    let application = &view.model.application;
    let until = view.until();
    html! {
        footer #foot {
            "Headwater " (application.version)
            " · started " (format::date_time(application.started, view.zone, false))
            " · up " (format::in_words(until.since(application.started)))
            @if !application.user.is_empty() { " · " (application.user) }
        }
    }
}
