//! What a checkpoint knows of a stream of files: where it began, and what each batch has.

use super::select::{Rules, SelectedFiles};
use crate::time::Time;

/// What a batch has, and how far back it is known what the batches before it had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// What the stream has left out from its first life on.
    pub(super) only_after: Time,
    pub(super) selected: SelectedFiles,
    /// Of what was last written after this time it is known whether it was selected. Earlier
    /// releases did not say.
    pub(super) known_after: Option<Time>,
}

impl Range {
    pub(super) fn write(rules: &Rules, selected: &SelectedFiles) -> Result<Vec<u8>, String> {
        // Behind what earlier releases wrote, and read alone.
        let written: Vec<_> = selected.reads().map(|file| file.modified).collect();
        let known_after = rules.known_after(selected.time);
        let range = (rules.only_after, selected, written, known_after);
        postcard::to_stdvec(&range).map_err(|error| error.to_string())
    }

    pub(super) fn read(range: &[u8]) -> Result<Self, String> {
        let read = postcard::take_from_bytes::<(Time, SelectedFiles)>(range);
        let ((only_after, mut selected), rest) =
            read.map_err(|error| format!("the files of a batch cannot be read back: {error}"))?;
        // What an earlier release wrote ends here, or behind the times of writing.
        let (written, rest): (Vec<Option<Time>>, _) =
            postcard::take_from_bytes(rest).unwrap_or_default();
        let reads = selected.files.iter_mut().flat_map(|file| &mut file.reads);
        for (file, written) in reads.zip(written) {
            file.modified = written;
        }
        Ok(Range {
            only_after,
            selected,
            known_after: postcard::from_bytes(rest).ok(),
        })
    }
}

/// Where a stream began, and what it watched then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) only_after: Time,
    /// As the user wrote it. Earlier releases did not say.
    pub(super) directory: Option<String>,
}

impl Origin {
    pub(super) fn write(only_after: Time, directory: &str) -> Option<Vec<u8>> {
        postcard::to_stdvec(&(only_after, directory)).ok()
    }

    pub(super) fn read(origin: &[u8]) -> Result<Self, String> {
        let read = postcard::take_from_bytes(origin);
        let (only_after, rest) = read
            .map_err(|error| format!("the time at which it began cannot be read back: {error}"))?;
        Ok(Origin {
            only_after,
            directory: postcard::from_bytes(rest).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::select::{ReadFile, SelectedFile};
    use super::*;
    use crate::time::seconds;

    #[test]
    fn ranges_of_all_releases_are_read() {
        let at = Time::from_millis;
        let file = |modified| SelectedFile {
            path: "a".to_owned(),
            reads: vec![ReadFile {
                path: "a".to_owned(),
                bytes: 3,
                modified,
            }],
        };
        let selected = |modified| SelectedFiles {
            time: at(9000),
            files: vec![file(modified)],
        };
        let written = vec![Some(at(8500))];
        let first = postcard::to_stdvec(&(at(1000), selected(None))).unwrap();
        let second = postcard::to_stdvec(&(at(1000), selected(None), written)).unwrap();
        let mut rules = Rules::new(at(1000), seconds(2));
        let third = Range::write(&rules, &selected(Some(at(8500)))).unwrap();
        let expected = [
            (first, None, None),
            (second, Some(at(8500)), None),
            (third, Some(at(8500)), Some(at(7000))),
        ];
        for (bytes, modified, known_after) in expected {
            let range = Range {
                only_after: at(1000),
                selected: selected(modified),
                known_after,
            };
            assert_eq!(Range::read(&bytes), Ok(range));
        }
        assert!(Range::read(b"").is_err());
        // What an earlier process may have read stays unread, however often that is handed on.
        rules.window = seconds(3600);
        rules.known_after = Some(at(7000));
        let handed_on = Range::write(&rules, &selected(None)).unwrap();
        let handed_on = Range::read(&handed_on).unwrap();
        assert_eq!(handed_on.known_after, Some(at(7000)));
    }

    #[test]
    fn origins_of_all_releases_are_read() {
        let only_after = Time::from_millis(1000);
        let first = postcard::to_stdvec(&only_after).unwrap();
        let second = Origin::write(only_after, "in/*").unwrap();
        for (bytes, directory) in [(first, None), (second, Some("in/*".to_owned()))] {
            let origin = Origin {
                only_after,
                directory,
            };
            assert_eq!(Origin::read(&bytes), Ok(origin));
        }
        assert!(Origin::read(b"").is_err());
    }
}
