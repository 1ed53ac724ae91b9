//! Cutting a text into words and fields.

use std::fmt;
use std::iter::{FusedIterator, from_fn};

use super::Text;
use super::marks::{Ascii, Marks, Whitespace};

/// The words of a text; see [`Text::into_words`].
///
/// ```
/// use headwater_core::text::Text;
/// let mut words = Text::from("to be").into_words();
/// assert_eq!(words.next().as_deref(), Some("to"));
/// ```
#[derive(Clone)]
pub struct Words {
    text: Text,
    cursor: WordCursor,
}

impl Words {
    #[inline]
    pub(super) fn new(text: Text) -> Words {
        Words {
            text,
            cursor: WordCursor::default(),
        }
    }
}

impl Iterator for Words {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        self.cursor.next(&self.text)
    }

    /// The same with the cursor in registers; `for_each` and `flat_map` come here.
    #[inline]
    fn fold<B, F: FnMut(B, Text) -> B>(self, init: B, mut f: F) -> B {
        let Words { text, mut cursor } = self;
        let mut folded = init;
        while let Some(word) = cursor.next(&text) {
            folded = f(folded, word);
        }
        folded
    }
}

impl FusedIterator for Words {}

/// The words of a text that someone else keeps.
#[inline]
pub(super) fn words_of(text: &Text) -> impl Iterator<Item = Text> + '_ {
    let mut cursor = WordCursor::default();
    from_fn(move || cursor.next(text))
}

/// How far the words of a text were handed out.
#[derive(Clone, Default)]
struct WordCursor {
    marks: Marks,
    start: usize,
}

impl WordCursor {
    #[inline]
    fn next(&mut self, text: &Text) -> Option<Text> {
        loop {
            let end = self.marks.next(text, &Whitespace)?;
            let start = self.start;
            self.start = end + 1;
            // Between two marks side by side there is no word.
            if end > start {
                return text.repr.slice(start..end).map(Text::from_repr);
            }
        }
    }
}

/// What lies between the separators of a text; see [`Text::into_split`].
///
/// ```
/// use headwater_core::text::Text;
/// let mut fields = Text::from("a,b").into_split(',');
/// assert_eq!(fields.next().as_deref(), Some("a"));
/// ```
#[derive(Clone)]
pub struct Split {
    text: Text,
    separator: char,
    marks: Marks,
    start: usize,
}

impl Split {
    #[inline]
    pub(super) fn new(text: Text, separator: char) -> Split {
        Split {
            text,
            separator,
            marks: Marks::default(),
            start: 0,
        }
    }

    /// The next place where a separator begins; at last the end of the text.
    #[inline]
    fn end(&mut self) -> Option<usize> {
        if self.separator.is_ascii() {
            return self.marks.next(&self.text, &Ascii(self.separator as u8));
        }
        let rest = self.text.get(self.start..)?;
        Some(self.start + rest.find(self.separator).unwrap_or(rest.len()))
    }
}

impl Iterator for Split {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let end = self.end()?;
        let field = self.text.repr.slice(self.start..end);
        self.start = end + self.separator.len_utf8();
        field.map(Text::from_repr)
    }
}

impl FusedIterator for Split {}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Words")
            .field(&self.text.get(self.cursor.start..).unwrap_or(""))
            .finish()
    }
}

impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Split")
            .field(&self.text.get(self.start..).unwrap_or(""))
            .finish()
    }
}
