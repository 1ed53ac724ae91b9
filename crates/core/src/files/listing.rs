//! From the path that a user gives to the files to read.

use headwater_store::{Child, Entry, Location};

/// The files that a comma-separated list of files, directories and patterns names, each of which
/// has to name some unless missing ones are ignored.
pub(super) fn list(paths: &str, ignore_missing: bool) -> Result<Vec<Entry>, String> {
    let mut files = Vec::new();
    for path in split_list(paths) {
        if path.is_empty() {
            return Err(format!(
                "the path {paths:?} has an empty part; name files to read"
            ));
        }
        for found in find(path, ignore_missing)? {
            add_files(&found, &mut files)?;
        }
    }
    Ok(files)
}

/// Cuts a list at its commas, but not at those between braces.
fn split_list(paths: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let at_comma = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    paths.split(at_comma).map(str::trim).collect()
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// What a path or pattern names, in the order of the names.
fn find(path: &str, ignore_missing: bool) -> Result<Vec<Location>, String> {
    let location = Location::at(path).map_err(|error| error.to_string())?;
    if location.exists().map_err(|error| error.to_string())? {
        return Ok(vec![location]);
    }
    if !is_pattern(path) {
        let message = format!("the input path {path} does not exist");
        return missing(message, ignore_missing);
    }
    let mut found = Vec::new();
    for pattern in alternatives(path) {
        let location = Location::at(&pattern).map_err(|error| error.to_string())?;
        let matches = match location.as_path() {
            Some(local) => match_paths(path, &local.to_string_lossy())?,
            None => match_keys(path, &pattern)?,
        };
        found.extend(matches);
    }
    found.retain(|location| !is_hidden(location));
    if found.is_empty() {
        let message = format!("the input pattern {path} matches no files");
        return missing(message, ignore_missing);
    }
    found.sort_by_cached_key(Location::to_string);
    found.dedup();
    Ok(found)
}

fn missing(message: String, is_ignored: bool) -> Result<Vec<Location>, String> {
    if !is_ignored {
        return Err(message);
    }
    tracing::warn!("{message}; nothing is read from it");
    Ok(Vec::new())
}

fn malformed(path: &str, error: &glob::PatternError) -> String {
    format!("the input pattern {path} is malformed: {error}")
}

fn match_paths(path: &str, pattern: &str) -> Result<Vec<Location>, String> {
    let matches = glob::glob(pattern).map_err(|error| malformed(path, &error))?;
    let found = matches.map(|entry| {
        let entry = entry.map_err(|error| format!("the input pattern {path}: {error}"))?;
        Location::at(entry).map_err(|error| error.to_string())
    });
    found.collect()
}

/// Goes down from the store one name of the pattern at a time, so that only directories are
/// listed that may hold what is looked for.
fn match_keys(path: &str, pattern: &str) -> Result<Vec<Location>, String> {
    let failed = |error| format!("the input pattern {path}: {error}");
    let key_start = pattern.find("://").map_or(0, |at| at + 3);
    let (store, key) = match pattern[key_start..].find('/') {
        Some(at) => pattern.split_at(key_start + at),
        None => (pattern, ""),
    };
    let mut found = vec![Location::at(store).map_err(failed)?];
    for name in key.split('/').filter(|name| !name.is_empty()) {
        if name == "**" {
            return Err(format!(
                "the input pattern {path} has a **, which object stores do not know; write the \
                 levels out, as in */*"
            ));
        }
        if !is_pattern(name) {
            found.iter_mut().for_each(|above| *above = above.join(name));
            continue;
        }
        let pattern = glob::Pattern::new(name).map_err(|error| malformed(path, &error))?;
        let mut below = Vec::new();
        for above in found {
            let children = above.children().map_err(failed)?.into_iter();
            let locations = children.map(|child| child.location().clone());
            below.extend(locations.filter(|location| pattern.matches(&location.name())));
        }
        found = below;
    }
    let mut there = Vec::new();
    for location in found {
        // Names that are no patterns were not looked at yet.
        if location.exists().map_err(failed)? {
            there.push(location);
        }
    }
    Ok(there)
}

/// The patterns that remain when braces are written out: `{a,b}c` is `ac` and `bc`.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('{') else {
        return vec![pattern.to_owned()];
    };
    let (before, rest) = pattern.split_at(open);
    let mut depth = 0_usize;
    let close = rest.char_indices().find(|(_, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    // Without its end a brace is a character like others.
    let Some((close, _)) = close else {
        return vec![pattern.to_owned()];
    };
    let inside = rest.get(1..close).unwrap_or_default();
    let after = rest.get(close + 1..).unwrap_or_default();
    let choices = split_list(inside).into_iter();
    choices
        .flat_map(|choice| alternatives(&format!("{before}{choice}{after}")))
        .collect()
}

fn add_files(location: &Location, files: &mut Vec<Entry>) -> Result<(), String> {
    let unreadable = |error| format!("the input path {location} cannot be read: {error}");
    if let Ok(file) = location.head() {
        files.push(file);
        return Ok(());
    }
    for child in location.children().map_err(unreadable)? {
        match child {
            child if is_hidden(child.location()) => {}
            Child::File(file) => files.push(file),
            Child::Directory(inside) => {
                return Err(format!(
                    "the input directory {location} has a directory {inside} inside, which is \
                     not read; name it, or use a pattern such as {location}/*"
                ));
            }
        }
    }
    Ok(())
}

/// Names that begin with `_` or `.` are not data: markers, checksums, work in progress.
fn is_hidden(location: &Location) -> bool {
    location.name().starts_with(['_', '.'])
}

#[cfg(test)]
mod tests {
    use headwater_store::Durability;

    use super::*;

    #[test]
    fn lists_and_braces_are_taken_apart() {
        assert_eq!(split_list("a, b{c,d},e"), ["a", "b{c,d}", "e"]);
        assert_eq!(alternatives("x{a,b{c,d}}y"), ["xay", "xbcy", "xbdy"]);
        assert_eq!(alternatives("x{a"), ["x{a"]);
    }

    #[test]
    fn patterns_on_keys_go_down_name_by_name() {
        let names = [
            "2024/01/a.log",
            "2024/02/b.log",
            "2024/_tmp/c.log",
            "2025/01/d.txt",
        ];
        let top = Location::at("memory://listing/in").unwrap();
        for name in names {
            top.join(name).put(b"", Durability::Cached).unwrap();
        }
        let find = |pattern: &str| {
            let found = super::find(&format!("memory://listing/{pattern}"), false)?;
            let text =
                |location: Location| location.to_string()["memory://listing/".len()..].into();
            Ok::<Vec<String>, String>(found.into_iter().map(text).collect())
        };
        let expected = ["in/2024/01/a.log", "in/2024/02/b.log", "in/2024/_tmp/c.log"];
        assert_eq!(find("in/*/*/*.log").unwrap(), expected);
        assert_eq!(find("i?/202[45]/01").unwrap(), ["in/2024/01", "in/2025/01"]);
        assert_eq!(find("in/2024/*").unwrap(), ["in/2024/01", "in/2024/02"]);
        assert_eq!(find("in/{2025,2024}/*/{a.log,d.*}").unwrap().len(), 2);
        assert!(
            find("in/*/01/b.log")
                .unwrap_err()
                .contains("matches no files")
        );
        assert!(find("in/2023").unwrap_err().contains("does not exist"));
        assert!(
            find("in/**/a.log")
                .unwrap_err()
                .contains("write the levels out")
        );
        assert!(find("in/[").unwrap_err().contains("malformed"));
    }
}
