//! Reads the blocks in which a stream's `print` shows its batches.

/// The line above and below the batch time.
const RULE: &str = "-------------------------------------------";

/// What one batch printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The batch time.
    pub(super) time_ms: u64,
    /// The records shown, one a line.
    pub(super) lines: Vec<String>,
}

/// Takes lines one by one and gives a block when its closing empty line comes.
#[derive(Debug, Default)]
pub(super) struct BlockReader {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Above,
    Time,
    Below(u64),
    Records(Block),
}

impl BlockReader {
    /// Takes the next line; an error says what was expected instead.
    pub(super) fn push(&mut self, line: &str) -> Result<Option<Block>, String> {
        let expected = |what: &str| Err(format!("expected {what}, got {line:?}"));
        self.state = match std::mem::take(&mut self.state) {
            State::Above if line == RULE => State::Time,
            State::Above => return expected("a rule of 43 hyphens"),
            State::Time => match time_ms(line) {
                Some(time_ms) => State::Below(time_ms),
                None => return expected("`Time: <number> ms`"),
            },
            State::Below(time_ms) if line == RULE => State::Records(Block {
                time_ms,
                lines: Vec::new(),
            }),
            State::Below(_) => return expected("the second rule of 43 hyphens"),
            State::Records(block) if line.is_empty() => return Ok(Some(block)),
            State::Records(mut block) => {
                block.lines.push(line.to_owned());
                State::Records(block)
            }
        };
        Ok(None)
    }
}

fn time_ms(line: &str) -> Option<u64> {
    line.strip_prefix("Time: ")?
        .strip_suffix(" ms")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Block>, String> {
        let mut reader = BlockReader::default();
        let blocks = text.lines().map(|line| reader.push(line));
        blocks.filter_map(Result::transpose).collect()
    }

    #[test]
    fn blocks_are_read_one_after_the_other() {
        let text = format!(
            "{RULE}\nTime: 1000 ms\n{RULE}\n(a,2)\n(b,1)\n\n{RULE}\nTime: 2000 ms\n{RULE}\n\n"
        );
        let lines = vec!["(a,2)".to_owned(), "(b,1)".to_owned()];
        let expected = vec![
            Block {
                time_ms: 1000,
                lines,
            },
            Block {
                time_ms: 2000,
                lines: Vec::new(),
            },
        ];
        assert_eq!(read(&text), Ok(expected));
    }

    #[test]
    fn the_rule_has_43_hyphens() {
        assert_eq!(RULE.len(), 43);
        let error = read(&RULE[1..]).unwrap_err();
        assert!(error.contains("43 hyphens"), "{error}");
    }

    #[test]
    fn a_time_that_is_no_number_is_refused() {
        let error = read(&format!("{RULE}\nTime: noon ms")).unwrap_err();
        assert!(error.contains("Time: noon ms"), "{error}");
    }
}
