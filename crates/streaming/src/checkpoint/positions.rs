//! Whether sources get positions that are theirs: inputs without names are found by their order,
//! and two that swapped places, or one that reads another source now, are alike.

use super::matching::{Allowed, Matching, label};
use super::program::Part;

/// What the inputs of a program say about positions: why one of the checkpoint directory is none
/// of the input at a place.
pub(crate) type Sources<'a> = dyn Fn(usize, &[u8]) -> Result<(), String> + 'a;

/// Refuses that an input goes on from one with a position of another source, unless its name or
/// the user says that it is the same. `position` gives that of an old input.
pub(super) fn keep_to_sources<'a>(
    matching: &mut Matching,
    (old, new): (&[Part], &[Part]),
    position: impl Fn(usize) -> Option<&'a [u8]>,
    allowed: &Allowed,
    sources: &Sources<'_>,
) {
    for (place, part) in new.iter().enumerate() {
        let from = matching.from.get(place).copied().flatten();
        let Some((from, before)) = from.and_then(|from| Some((from, old.get(from)?))) else {
            continue;
        };
        let is_called_so = part.name.as_ref().is_some_and(|name| {
            before.name.as_ref() == Some(name) || allowed.old_name(name, old).is_some()
        });
        let Some(position) = position(from).filter(|_| !is_called_so) else {
            continue;
        };
        let Err(message) = sources(place, position) else {
            continue;
        };
        let (old_label, new_label) = (label(old, from), label(new, place));
        if allowed.drops(&old_label) {
            let line =
                format!("input {old_label} is dropped, and {new_label} begins anew: {message}");
            matching.report.push(line);
            if let Some(from) = matching.from.get_mut(place) {
                *from = None;
            }
        } else {
            let name = part.name.as_deref().unwrap_or("NAME");
            matching.problems.push(format!(
                "input {new_label} ({}) would go on from input {old_label}, but {message}; put the \
                 inputs back in their order, or name it (`named`) and allow \
                 rename:{old_label}={name} if it is the same source at another place, or allow \
                 drop:{old_label} to begin anew",
                part.site
            ));
        }
    }
}
