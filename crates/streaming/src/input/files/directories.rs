//! The directories that a stream watches, and what lies in them.

use std::collections::HashSet;
use std::fs;

use glob::Pattern;
use headwater_store::{Child, Location, StoreError};

use super::select::Found;
use crate::time::Time;

/// A place, or a pattern of places, as the user wrote it.
pub(super) struct Directories {
    text: String,
    /// What is left when braces are written out.
    patterns: Vec<DirectoryPattern>,
}

/// A directory, and patterns for the names below it.
struct DirectoryPattern {
    top: Location,
    names: Vec<Name>,
}

enum Name {
    Plain(String),
    Like(Pattern),
    /// `**`: any number of directories, or none.
    Deep,
}

/// What a look at the directories gave.
#[derive(Default)]
pub(super) struct Listing {
    /// What lies directly in them, in the order of directories and names.
    pub(super) found: Vec<Found>,
    /// Whether there was a directory at all.
    pub(super) has_directory: bool,
    /// The directories that could not be listed, and why.
    pub(super) failed: Vec<(String, StoreError)>,
}

impl Directories {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let alternatives = alternatives(text);
        let patterns = alternatives
            .iter()
            .map(|text| DirectoryPattern::parse(text));
        Ok(Directories {
            text: text.to_owned(),
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Nothing to look into, in place of what could not be understood.
    pub(super) fn none() -> Self {
        Directories {
            text: String::new(),
            patterns: Vec::new(),
        }
    }

    /// As the user wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What lies in the directories now. What cannot be listed keeps nothing else back.
    pub(super) fn list(&self) -> Listing {
        let mut listing = Listing::default();
        let mut directories = Vec::new();
        for pattern in &self.patterns {
            go_down(&pattern.top, &pattern.names, &mut directories, &mut listing);
        }
        directories.sort_by_cached_key(Location::to_string);
        directories.dedup();
        // What lies in them is found there: as a file, such a directory would be read besides.
        let watched: HashSet<_> = directories.iter().filter_map(Location::as_path).collect();
        let is_watched = |child: &Child| match child {
            Child::File(_) => false,
            Child::Directory(inside) => inside.as_path().is_some_and(|path| watched.contains(path)),
        };
        for directory in &directories {
            if let Some(mut children) = listing.children(directory) {
                listing.has_directory = true;
                children.retain(|child| !is_watched(child));
                listing.found.extend(children.into_iter().filter_map(seen));
            }
        }
        listing
    }
}

impl Listing {
    /// What is in a directory; `None` if it is not there or cannot be listed.
    fn children(&mut self, directory: &Location) -> Option<Vec<Child>> {
        match children(directory) {
            Ok(children) => children,
            Err(error) => {
                self.failed.push((directory.to_string(), error));
                None
            }
        }
    }
}

/// What is in a directory that is not hidden; `None` if there is no directory.
pub(super) fn children(directory: &Location) -> Result<Option<Vec<Child>>, StoreError> {
    match directory.children() {
        Ok(mut children) => {
            children.retain(|child| !is_hidden(&child.location().name()));
            Ok(Some(children))
        }
        Err(StoreError::NotFound { .. }) => Ok(None),
        // A file is where a directory was looked for.
        Err(_) if directory.head().is_ok() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A child as the selection sees it. A directory of an object store is nothing that was ever
/// written; what vanishes meanwhile is not there.
fn seen(child: Child) -> Option<Found> {
    match child {
        Child::File(file) => Some(Found {
            modified: file.modified.into(),
            bytes: Some(file.bytes),
            location: file.location,
        }),
        Child::Directory(location) => {
            let modified = fs::metadata(location.as_path()?).ok()?.modified().ok()?;
            Some(Found {
                location,
                modified: Time::from(modified),
                bytes: None,
            })
        }
    }
}

/// Names that begin with `_` or `.` are not data: markers, checksums, work in progress.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Collects the places below one that the names stand for.
fn go_down(at: &Location, names: &[Name], onto: &mut Vec<Location>, listing: &mut Listing) {
    let Some((name, rest)) = names.split_first() else {
        onto.push(at.clone());
        return;
    };
    let pattern = match name {
        Name::Plain(name) => return go_down(&at.join(name), rest, onto, listing),
        Name::Like(pattern) => Some(pattern),
        Name::Deep => {
            go_down(at, rest, onto, listing);
            None
        }
    };
    for child in listing.children(at).unwrap_or_default() {
        let Child::Directory(inside) = child else {
            continue;
        };
        match pattern {
            Some(pattern) if !pattern.matches(&inside.name()) => {}
            Some(_) => go_down(&inside, rest, onto, listing),
            // A link may lead in a circle.
            None if inside.as_path().is_some_and(|path| path.is_symlink()) => {}
            None => go_down(&inside, names, onto, listing),
        }
    }
}

impl DirectoryPattern {
    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(
                "the directory has no name; say which one to watch, \".\" for the \
                        present one"
                    .to_owned(),
            );
        }
        let (top, names) = split_at_pattern(text)?;
        let names = names.split('/').filter(|name| !name.is_empty());
        let top = Location::at(top).map_err(|error| error.to_string())?;
        let names = names.map(|name| match name {
            "**" => Ok(Name::Deep),
            name if !is_pattern(name) => Ok(Name::Plain(name.to_owned())),
            name => Pattern::new(name)
                .map(Name::Like)
                .map_err(|error| format!("the directory pattern {text} is malformed: {error}")),
        });
        Ok(DirectoryPattern {
            top,
            names: names.collect::<Result<_, String>>()?,
        })
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The directory before the first name that is a pattern, and the names from there on.
fn split_at_pattern(text: &str) -> Result<(&str, &str), String> {
    let Some(first) = text.find(['*', '?', '[']) else {
        return Ok((text, ""));
    };
    let key = text.find("://").map_or(0, |at| at + 3);
    let slash = text.get(key..first).and_then(|before| before.rfind('/'));
    match slash {
        // The root is its own name.
        Some(0) => Ok(text.split_at(key + 1)),
        Some(at) => Ok(text.split_at(key + at)),
        None if key == 0 => Ok((".", text)),
        None => Err(format!(
            "the directory pattern {text} has a pattern where the store is named; only names \
             below a store can be patterns"
        )),
    }
}

/// The patterns that remain when braces are written out: `{a,b}c` is `ac` and `bc`.
fn alternatives(text: &str) -> Vec<String> {
    // The innermost braces come first, so that those around them hold none.
    let inner = text.find('}').and_then(|close| {
        let open = text.get(..close)?.rfind('{')?;
        Some((
            text.get(..open)?,
            text.get(open + 1..close)?,
            text.get(close + 1..)?,
        ))
    });
    match inner {
        None => vec![text.to_owned()],
        Some((before, choices, after)) => {
            let written = choices
                .split(',')
                .map(|one| format!("{before}{one}{after}"));
            written.flat_map(|text| alternatives(&text)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_store::Durability;

    use super::*;

    #[test]
    fn braces_are_written_out() {
        assert_eq!(alternatives("x{a,b}y"), ["xay", "xby"]);
        let mut nested = alternatives("{a,b{c,d}}/{e,f}");
        nested.sort();
        nested.dedup();
        assert_eq!(nested, ["a/e", "a/f", "bc/e", "bc/f", "bd/e", "bd/f"]);
        assert_eq!(alternatives("x{a"), ["x{a"]);
    }

    #[test]
    fn a_pattern_is_cut_before_its_first_name() {
        let split = |text| split_at_pattern(text).unwrap();
        assert_eq!(split("/data/in"), ("/data/in", ""));
        assert_eq!(split("/data/20*/in"), ("/data", "/20*/in"));
        assert_eq!(split("/*"), ("/", "*"));
        assert_eq!(split("in?"), (".", "in?"));
        assert_eq!(split("file:///*/x"), ("file:///", "*/x"));
        assert_eq!(split("s3://bucket/*"), ("s3://bucket", "/*"));
        assert!(split_at_pattern("s3://b*/in").is_err());
        assert!(Directories::parse("in/[").is_err());
        assert!(Directories::parse("ftp://host/in").is_err());
    }

    fn names(top: &Location, pattern: &str) -> Vec<String> {
        let listing = Directories::parse(&format!("{top}/{pattern}"))
            .unwrap()
            .list();
        assert!(listing.failed.is_empty());
        let name = |found: Found| found.location.to_string()[top.to_string().len() + 1..].into();
        listing.found.into_iter().map(name).collect()
    }

    fn fill(top: &Location) {
        let files = [
            "a/x",
            "a/_hidden",
            "a/.hidden",
            "a/deep/y",
            "b/z",
            "_tmp/w",
            "c/in/v",
            "top",
        ];
        for name in files {
            top.join(name).put(b"1", Durability::Cached).unwrap();
        }
    }

    #[test]
    fn directories_are_listed_one_level_deep() {
        let dir = tempfile::tempdir().unwrap();
        let top = Location::at(dir.path()).unwrap();
        fill(&top);
        assert_eq!(names(&top, "a"), ["a/deep", "a/x"]);
        assert_eq!(names(&top, "?"), ["a/deep", "a/x", "b/z", "c/in"]);
        assert_eq!(names(&top, "[bc]"), ["b/z", "c/in"]);
        assert_eq!(names(&top, "{b,a,b}"), ["a/deep", "a/x", "b/z"]);
        assert_eq!(names(&top, "*/in"), ["c/in/v"]);
        assert_eq!(names(&top, "**/in"), ["c/in/v"]);
        // What is watched itself is no file besides.
        assert_eq!(
            names(&top, "**"),
            ["top", "a/x", "a/deep/y", "b/z", "c/in/v"]
        );
        assert_eq!(names(&top, "{a,a/deep}"), ["a/x", "a/deep/y"]);
        // Files and what is not there are no directories.
        assert!(names(&top, "top").is_empty() && names(&top, "a/*/none").is_empty());
        assert!(
            !Directories::parse(&format!("{top}/top"))
                .unwrap()
                .list()
                .has_directory
        );
    }

    #[test]
    fn objects_have_no_directories_among_them() {
        let top = Location::at("memory://watched/in").unwrap();
        fill(&top);
        assert_eq!(names(&top, "a"), ["a/x"]);
        assert_eq!(names(&top, "*"), ["a/x", "b/z"]);
        assert_eq!(
            names(&top, "**"),
            ["top", "a/x", "a/deep/y", "b/z", "c/in/v"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_in_a_circle_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let top = Location::at(dir.path()).unwrap();
        top.join("a/x").put(b"1", Durability::Cached).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/up")).unwrap();
        assert_eq!(names(&top, "**"), ["a/up", "a/x"]);
    }
}
