//! Pages as text that can be compared line by line.

/// Elements that have no end.
const VOID: [&str; 5] = ["!DOCTYPE", "br", "input", "link", "meta"];

/// The page with a line for each element, deeper ones further to the right. Texts stay as they
/// are, except that they begin on the line of their element.
///
/// # Panics
///
/// If elements do not end in the order in which they were opened.
#[track_caller]
pub(crate) fn one_tag_a_line(page: &str) -> String {
    let mut lines = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut ends_there = false;
    let mut rest = page;
    while let Some((text, tag, after)) = next_tag(rest) {
        lines.push_str(text);
        rest = after;
        let begin_line = |lines: &mut String, depth: usize| {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', depth));
        };
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {page}");
            if !ends_there {
                begin_line(&mut lines, open.len());
            }
            ends_there = false;
        } else {
            begin_line(&mut lines, open.len());
            let name = tag.split([' ', '/']).next().unwrap_or_default();
            ends_there = !VOID.contains(&name) && !tag.ends_with('/');
            if ends_there {
                open.push(name);
            }
        }
        lines.extend(["<", tag, ">"]);
    }
    lines.push_str(rest);
    assert!(open.is_empty(), "{open:?} have no end in {page}");
    lines
}

/// The text before the next tag, what is between its brackets, and what follows.
fn next_tag(page: &str) -> Option<(&str, &str, &str)> {
    let (text, tag) = page.split_once('<')?;
    let (tag, after) = tag.split_once('>')?;
    Some((text, tag, after))
}

#[test]
fn elements_have_a_line_each() {
    let page = "<ul><li>one</li><li>two:<b>2</b>, more</li></ul><br><i></i>";
    let lines = "
<ul>
 <li>one</li>
 <li>two:
  <b>2</b>, more
 </li>
</ul>
<br>
<i></i>";
    assert_eq!(one_tag_a_line(page), lines);
}

#[test]
#[should_panic(expected = "left: Some(\"i\")")]
fn elements_end_in_order() {
    one_tag_a_line("<b><i></b></i>");
}
