//! Tables that are sorted and paged by the address, as Spark's are: `NAME.sort`, `NAME.desc`,
//! `NAME.page` and `NAME.pageSize`.

use std::cmp::Ordering;

use maud::{Markup, html};

use super::Query;

/// So many rows are on a page, unless the address says otherwise.
pub(crate) const PAGE_ROWS: usize = 100;
const PAGE_ROWS_MAX: usize = 10_000;

/// What a column is sorted by.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(crate) enum SortKey {
    Number(f64),
    Text(String),
    /// What is shown is no number itself, such as a time.
    Order(f64),
    /// Not known: after everything else in ascending order.
    Unknown,
}

impl SortKey {
    /// A number that may not be known.
    pub(crate) fn maybe(number: Option<f64>) -> Self {
        number.map_or(SortKey::Unknown, SortKey::Number)
    }

    /// What orders rows without being shown; it may not be known.
    pub(crate) fn order(place: Option<f64>) -> Self {
        place.map_or(SortKey::Unknown, SortKey::Order)
    }

    fn compare(&self, other: &SortKey) -> Ordering {
        match (self, other) {
            (SortKey::Unknown, SortKey::Unknown) => Ordering::Equal,
            (SortKey::Unknown, _) => Ordering::Greater,
            (_, SortKey::Unknown) => Ordering::Less,
            _ => self.partial_cmp(other).unwrap_or(Ordering::Equal),
        }
    }
}

/// A column of a table whose rows are `R`.
pub(crate) struct Column<'a, R> {
    pub(crate) title: &'static str,
    /// Shown when the pointer is over the title.
    pub(crate) hint: &'static str,
    sort: Option<Box<dyn Fn(&R) -> SortKey + 'a>>,
    cell: Box<dyn Fn(&R) -> Markup + 'a>,
}

impl<'a, R> Column<'a, R> {
    pub(crate) fn new(title: &'static str, cell: impl Fn(&R) -> Markup + 'a) -> Self {
        Column {
            title,
            hint: "",
            sort: None,
            cell: Box::new(cell),
        }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// The table can be sorted by this column.
    pub(crate) fn sorted_by(mut self, key: impl Fn(&R) -> SortKey + 'a) -> Self {
        self.sort = Some(Box::new(key));
        self
    }

    /// Whether it shows numbers, which stand below each other at their right ends.
    fn has_numbers(&self, rows: &[R]) -> bool {
        let is_number = |key: SortKey| matches!(key, SortKey::Number(_));
        let sort = self.sort.as_ref();
        sort.is_some_and(|key| rows.iter().any(|row| is_number(key(row))))
    }
}

/// A table.
pub(crate) struct Table<'a, R> {
    /// How its parameters and its anchor are called.
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column<'a, R>>,
    /// The column that it is sorted by at first, and whether downwards.
    pub(crate) sort: (&'static str, bool),
    /// What is said where there are no rows.
    pub(crate) empty: &'static str,
    /// The `id` of a row, to link to it.
    pub(crate) row_id: Option<Box<dyn Fn(&R) -> String + 'a>>,
}

/// The class of what is a number.
fn number(is_number: bool) -> Option<&'static str> {
    is_number.then_some("number")
}

/// What the address says about a table.
struct Wanted {
    sort: String,
    is_down: bool,
    page: usize,
    rows: usize,
}

impl<R> Table<'_, R> {
    fn wanted(&self, query: &Query) -> Wanted {
        let get = |what: &str| query.get(&format!("{}.{what}", self.name));
        let number = |what: &str| get(what).and_then(|text| text.parse::<usize>().ok());
        let (sort, is_down) = self.sort;
        let sorted = get("sort").filter(|sort| self.columns.iter().any(|c| c.title == *sort));
        let rows = number("pageSize").unwrap_or(PAGE_ROWS);
        Wanted {
            sort: sorted.unwrap_or(sort).to_owned(),
            is_down: match (sorted, get("desc")) {
                (_, Some(desc)) => desc == "true",
                (Some(_), None) => false,
                (None, None) => is_down,
            },
            page: number("page").unwrap_or(1).max(1),
            rows: rows.clamp(1, PAGE_ROWS_MAX),
        }
    }

    /// The rows that are wanted, in a table with links to the others.
    pub(crate) fn show(&self, query: &Query, mut rows: Vec<R>) -> Markup {
        if rows.is_empty() {
            return html! { p.empty { (self.empty) } };
        }
        let wanted = self.wanted(query);
        let sorting = self
            .columns
            .iter()
            .find(|column| column.title == wanted.sort);
        if let Some(key) = sorting.and_then(|column| column.sort.as_ref()) {
            rows.sort_by(|a, b| {
                let order = key(a).compare(&key(b));
                if wanted.is_down {
                    order.reverse()
                } else {
                    order
                }
            });
        }
        let numbers: Vec<_> = self
            .columns
            .iter()
            .map(|one| one.has_numbers(&rows))
            .collect();
        let columns = || self.columns.iter().zip(&numbers);
        let pages = rows.len().div_ceil(wanted.rows);
        let page = wanted.page.min(pages);
        let first = (page - 1) * wanted.rows;
        let shown = rows.iter().skip(first).take(wanted.rows);
        html! {
            (self.pager(query, page, pages))
            div.scroll {
                table id=(self.name) {
                    thead {
                        tr {
                            @for (column, is_number) in columns() {
                                (self.head(query, &wanted, column, *is_number))
                            }
                        }
                    }
                    tbody {
                        @for row in shown {
                            tr id=[self.row_id.as_ref().map(|id| id(row))] {
                                @for (column, is_number) in columns() {
                                    td class=[number(*is_number)] { ((column.cell)(row)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn head(
        &self,
        query: &Query,
        wanted: &Wanted,
        column: &Column<'_, R>,
        is_number: bool,
    ) -> Markup {
        let is_sorted = column.title == wanted.sort;
        let down = is_sorted && !wanted.is_down;
        let parameter = |what: &str| format!("{}.{what}", self.name);
        let (sort, desc) = (parameter("sort"), parameter("desc"));
        let down_text = if down { "true" } else { "false" };
        let hint = (!column.hint.is_empty()).then_some(column.hint);
        let order = match (is_sorted, wanted.is_down) {
            (false, _) => None,
            (true, true) => Some("descending"),
            (true, false) => Some("ascending"),
        };
        html! {
            th class=[number(is_number)] scope="col" title=[hint] aria-sort=[order] {
                @if column.sort.is_some() {
                    a href={
                        (query.with(&[(&sort, column.title), (&desc, down_text)])) "#" (self.name)
                    } { (column.title) }
                } @else { (column.title) }
            }
        }
    }

    fn pager(&self, query: &Query, page: usize, pages: usize) -> Markup {
        let parameter = format!("{}.page", self.name);
        let link = |to: usize, text: &str| {
            let to = to.to_string();
            html! { a href={ (query.with(&[(&parameter, &to)])) "#" (self.name) } { (text) } }
        };
        html! {
            @if pages > 1 {
                p.pager {
                    @if page > 1 { (link(1, "first")) " " (link(page - 1, "previous")) " " }
                    "page " (page) " of " (pages)
                    @if page < pages { " " (link(page + 1, "next")) " " (link(pages, "last")) }
                }
            }
        }
    }
}
