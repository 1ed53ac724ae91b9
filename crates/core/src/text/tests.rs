//! Every operation against what `String` and `str` do.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;
use std::thread;

use proptest::prelude::*;

use super::raw::buffers_alive;
use super::{Text, TextBlock};

/// Strings around the border between inline and shared, with characters of every
/// width, white space of every kind, and zeros.
fn strings() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        6 => "[ab]",
        2 => Just(String::from(" ")),
        1 => "[\\x00\\t\\r\\n\u{b},é\u{a0}\u{85}\u{1680}\u{2003}\u{2028}\u{205f}\u{3000}\u{3001}😀]",
        1 => any::<char>().prop_map(String::from),
    ];
    let short = prop::collection::vec(character.clone(), 0..30);
    let long = prop::collection::vec(character, 30..200);
    prop_oneof![3 => short, 1 => long].prop_map(|parts| parts.concat())
}

/// The ways in which the same text can come into being.
fn made_of(text: &str) -> Vec<Text> {
    let around = Text::from(format!("é{text}{}", "0123456789".repeat(8)));
    let block = TextBlock::from(text.to_owned());
    let mut made = vec![
        Text::from(text),
        Text::from(text.to_owned()),
        around.slice(2..2 + text.len()).expect("a part"),
        around.slice_ref(&around[2..2 + text.len()]),
        Text::from(text).clone().detached(),
    ];
    if !text.is_empty() && !text.contains(['\n', '\r']) {
        made.extend(block.lines());
    }
    made
}

/// Lines as Java's `readLine` finds them.
fn read_lines(text: &str) -> Vec<String> {
    let (mut lines, mut line, mut after_return) = (Vec::new(), None, false);
    for character in text.chars() {
        let pair = after_return && character == '\n';
        after_return = character == '\r';
        match character {
            '\n' if pair => {}
            '\n' | '\r' => lines.push(line.take().unwrap_or_default()),
            other => line.get_or_insert_with(String::new).push(other),
        }
    }
    lines.extend(line);
    lines
}

#[test]
fn the_reference_reads_lines_as_java_does() {
    assert_eq!(read_lines("a\r\n\rb\n\nc"), ["a", "", "b", "", "c"]);
    assert_eq!(read_lines("a\n"), ["a"]);
    assert!(read_lines("").is_empty());
}

proptest! {
    #[test]
    fn it_is_the_string(text in strings()) {
        for made in made_of(&text) {
            prop_assert_eq!(made.as_str(), &text);
            prop_assert_eq!(made.is_inline(), text.len() <= Text::INLINE_MAX);
            prop_assert_eq!(made.to_string(), text.clone());
            prop_assert_eq!(format!("{made:?}|{made:>40}"), format!("{text:?}|{text:>40}"));
            prop_assert_eq!(String::from(&made), text.clone());
            prop_assert_eq!(made.clone(), text.as_str());
            let bytes = postcard::to_allocvec(&made).expect("serialised");
            prop_assert_eq!(&bytes, &postcard::to_allocvec(&text).expect("serialised"));
            prop_assert_eq!(postcard::from_bytes::<Text>(&bytes).expect("read"), made);
        }
    }

    #[test]
    fn it_compares_and_hashes_like_strings(a in strings(), b in strings(), same: bool) {
        let b = if same { a.clone() } else { b };
        let state = RandomState::new();
        for left in made_of(&a) {
            for right in made_of(&b) {
                prop_assert_eq!(left == right, a == b);
                prop_assert_eq!(left.cmp(&right), a.cmp(&b));
                prop_assert_eq!((left == b, a == right, left == *b.as_str()), (a == b, a == b, a == b));
                if a == b {
                    prop_assert_eq!(state.hash_one(&left), state.hash_one(&right));
                }
            }
        }
    }

    #[test]
    fn zeros_at_the_end_count(zeros in 0..30_usize, more in 0..30_usize) {
        let (a, b) = ("\0".repeat(zeros), "\0".repeat(more));
        let (left, right) = (Text::from(&a), Text::from(&b));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert_eq!(left == right, a == b);
    }

    #[test]
    fn it_slices_like_str(text in strings(), start in 0..210_usize, end in 0..210_usize) {
        for made in made_of(&text) {
            let part = text.get(start..end);
            prop_assert_eq!(made.slice(start..end), part.map(Text::from));
            prop_assert_eq!(made.slice(start..), text.get(start..).map(Text::from));
            prop_assert_eq!(made.slice(..end), text.get(..end).map(Text::from));
            if let Some(part) = made.get(start..end) {
                prop_assert_eq!(made.slice_ref(part), part);
            }
            prop_assert_eq!(made.slice_ref(&text), text.as_str());
        }
    }

    #[test]
    fn it_splits_like_str(text in strings(), by in "[ab ,é😀\\x00]") {
        let by = by.chars().next().expect("one character");
        let words: Vec<&str> = text.split_whitespace().collect();
        let fields: Vec<&str> = text.split(by).collect();
        for made in made_of(&text) {
            prop_assert_eq!(&made.words().collect::<Vec<_>>(), &words);
            let mut one_by_one = Vec::new();
            let mut owning = made.clone().into_words();
            for word in owning.by_ref() {
                one_by_one.push(word);
            }
            prop_assert_eq!(owning.next(), None);
            prop_assert_eq!(&one_by_one, &words);
            let mut folded = Vec::new();
            made.clone().into_words().for_each(|word| folded.push(word));
            prop_assert_eq!(&folded, &words);
            prop_assert_eq!(&made.into_split(by).collect::<Vec<_>>(), &fields);
        }
    }

    #[test]
    fn blocks_give_their_lines(parts in prop::collection::vec((strings(), "[\r\n]{0,3}"), 0..6)) {
        let text: String = parts.iter().map(|(line, end)| format!("{line}{end}")).collect();
        let block = TextBlock::from_utf8_lossy(text.clone().into_bytes());
        prop_assert_eq!(block.as_str(), &text);
        let expected = read_lines(&text);
        prop_assert_eq!(&block.lines().collect::<Vec<_>>(), &expected);
        let words: Vec<Text> = block.lines().flat_map(Text::into_words).collect();
        prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
        let mut lines = vec![Text::from("first")];
        block.lines_into(&mut lines);
        drop(block);
        prop_assert_eq!(&lines[1..], &expected);
    }

    #[test]
    fn any_bytes_make_a_block(bytes: Vec<u8>) {
        let block = TextBlock::from_utf8_lossy(bytes.clone());
        prop_assert_eq!(block.as_str(), &String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn it_is_three_words() {
    assert_eq!(size_of::<Text>(), 24);
    assert_eq!(size_of::<Option<Text>>(), 24);
}

#[test]
fn characters_and_parsing_make_texts() {
    assert_eq!(Text::from('é'), "é");
    assert_eq!("x y".parse(), Ok(Text::from("x y")));
    assert_eq!(Text::default(), Text::new());
}

#[test]
fn every_range_form_slices() {
    let text = Text::from("abcdef");
    assert_eq!(text.slice(..=2).as_deref(), Some("abc"));
    assert_eq!(text.slice(..), Some(text.clone()));
    assert_eq!(text.slice(0..=usize::MAX), None);
    assert_eq!(text.slice((Bound::Included(4), Bound::Excluded(2))), None);
}

#[test]
fn long_parts_share_the_buffer_and_detach_from_it() {
    let text = Text::from("0123456789".repeat(20));
    let part = text.slice(10..60).expect("a part");
    assert_eq!(part.as_ptr(), text[10..].as_ptr());
    assert_eq!(
        text.clone().into_split(',').next().expect("one").as_ptr(),
        text.as_ptr()
    );
    assert_ne!(part.clone().detached().as_ptr(), part.as_ptr());
    let most = text.slice(10..).expect("a part");
    assert_eq!(most.clone().detached().as_ptr(), most.as_ptr());
}

#[test]
fn a_long_string_and_valid_bytes_are_not_copied() {
    let text = "x".repeat(100);
    let address = text.as_ptr();
    assert_eq!(Text::from(text).as_ptr(), address);
    let bytes = vec![b'x'; 100];
    let address = bytes.as_ptr();
    assert_eq!(TextBlock::from_utf8_lossy(bytes).as_str().as_ptr(), address);
}

#[test]
fn tables_are_asked_by_a_text() {
    let counts = HashMap::from([(Text::from("to"), 1), (Text::from("x".repeat(40)), 2)]);
    assert_eq!(counts.get(&Text::from("to")), Some(&1));
    assert_eq!(counts.get(&Text::from("x".repeat(40))), Some(&2));
    assert_eq!(counts.get(&Text::from("be")), None);
}

/// Many lines, most of them longer than what fits inline.
fn big_block() -> TextBlock {
    let lines = (0..1000).map(|i| format!("{i} {}\n", "word ".repeat(i % 30)));
    TextBlock::from(lines.collect::<String>())
}

#[test]
fn threads_share_a_block() {
    let block = big_block();
    let expected: usize = block.as_str().split_whitespace().count();
    let count = |lines: Vec<Text>| -> usize {
        lines
            .iter()
            .map(|line| line.clone().into_words().count())
            .sum()
    };
    thread::scope(|scope| {
        let tasks = [0; 4].map(|_| {
            let lines: Vec<Text> = block.lines().collect();
            scope.spawn(move || count(lines))
        });
        drop(block);
        for task in tasks {
            assert_eq!(task.join().expect("no panic"), expected);
        }
    });
}

#[test]
fn no_text_leaks_its_buffer() {
    // The counter is the thread's own, so that other tests do not matter.
    let before = buffers_alive();
    {
        let block = big_block();
        let mut some = block.lines().skip(100);
        let kept: Vec<Text> = some.by_ref().take(300).collect();
        drop(block);
        let parts: Vec<Text> = kept.iter().filter_map(|line| line.slice(1..)).collect();
        let copies = kept.clone();
        let mut words = kept[50].clone().into_words();
        let mut fields = kept[50].clone().into_split('w');
        assert!(words.next().is_some() && fields.next().is_some());
        assert_eq!(buffers_alive(), before + 1);
        drop((some, words, fields, kept, copies));
        assert_eq!(buffers_alive(), before + 1);
        let last = parts.last().cloned().expect("a line");
        drop(parts);
        assert!(!last.is_inline() && buffers_alive() == before + 1);
        assert_eq!(buffers_alive(), before + 1);
        let own = last.slice(..25).expect("a part").detached();
        assert_eq!(buffers_alive(), before + 2);
        drop((last, own));
    }
    assert_eq!(buffers_alive(), before);
}
